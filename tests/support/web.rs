//! `tidings serve` beside a test, and requests to it, byte by byte as they are written here.

use crate::support::Site;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A server, which is stopped with it.
pub struct Server {
    child: Child,
    /// Where it listens: `127.0.0.1:4711`.
    pub address: String,
    log: Receiver<String>,
    talk: Receiver<String>,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// A header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

impl Server {
    /// Starts a server of a site at a free port, with further arguments.
    #[track_caller]
    pub fn start(site: &Site, args: &[&str]) -> Server {
        let mut command = site.command();
        // Links are good for some time, so that the clock must be the true one where a test does not say otherwise.
        command.env_remove("SOURCE_DATE_EPOCH").args(args).args(["serve", "--address", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be started");
        let log = lines(child.stdout.take().expect("it is a pipe"));
        let talk = lines(child.stderr.take().expect("it is a pipe"));
        let mut said = Vec::new();
        let address = loop {
            let line = talk.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| panic!("no server: {said:?}"));
            if let Some(rest) = line.strip_prefix("listening on http://") {
                break rest.split('/').next().unwrap_or_default().to_owned();
            }
            said.push(line);
        };
        Server { child, address, log, talk }
    }

    /// Sends a request and reads the answer.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || method == "POST" {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        // Who is refused early may not be read to the end.
        let _ = stream.write_all(format!("{text}\r\n{body}").as_bytes());
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
        let headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        Answer { status, headers, body: body.to_owned() }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// Sends a form.
    pub fn post(&self, path: &str, form: &str) -> Answer {
        self.ask("POST", path, &[("Content-Type", "application/x-www-form-urlencoded")], form)
    }

    /// Sends a form whose last byte is late; how long the answer takes from then on.
    pub fn late(&self, path: &str, form: &str) -> Duration {
        let (most, last) = form.split_at(form.len() - 1);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{most}",
            self.address,
            form.len()
        );
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.write_all(head.as_bytes()).expect("it reads");
        std::thread::sleep(Duration::from_millis(600));
        stream.write_all(last.as_bytes()).expect("it reads");
        let began = Instant::now();
        let _ = stream.read(&mut [0; 64]).expect("an answer");
        began.elapsed()
    }

    /// The lines of the log so far.
    pub fn log(&self) -> Vec<String> {
        // A line is written a moment after its answer.
        std::thread::sleep(Duration::from_millis(200));
        self.log.try_iter().collect()
    }

    /// What it said on standard error so far.
    pub fn talk(&self) -> Vec<String> {
        self.talk.try_iter().collect()
    }

    /// Asks it to end, and returns its exit code.
    pub fn stop(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        std::process::Command::new("kill").args(["-TERM", &id]).status().expect("kill is there");
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (desk, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if desk.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// Waits for something that another thread or program does.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}
