//! The access log: one JSON object a line for each request, on standard output.
//!
//! No token, no address of a mail and no whole address of a network gets into it, whatever a client puts into a path or a
//! header; and since a line is JSON, nothing can look like another line. A log that nobody reads holds up no answer: what
//! does not fit is left out, and how many lines that were is said.

use super::client::Origin;
use axum::http::Method;
use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

/// So many lines wait to be written at most.
const WAITING: usize = 65_536;
/// How long lines are gathered: to wake a thread for each of them would cost more than to answer.
const GATHER: Duration = Duration::from_millis(50);
/// The longest method that there is has so many letters; what is longer is cut.
const METHOD: usize = 20;
/// So many letters, digits, `-` and `_` on end may be a token, or a part of one.
const SHORTEST_TOKEN: usize = 40;
/// What is shown of a path or of the name of a program, in characters.
const SHOWN: usize = 200;

/// What is told of a request.
#[derive(Debug)]
pub struct Entry<'a> {
    /// When it came.
    pub at: DateTime<Utc>,
    /// Its id.
    pub id: &'a str,
    /// What was asked for.
    pub method: &'a Method,
    /// The path, as it came.
    pub path: &'a str,
    /// The answer.
    pub status: u16,
    /// How long the answer is, where that is known.
    pub bytes: Option<u64>,
    /// How long it took.
    pub took: Duration,
    /// Who asked.
    pub client: Origin,
    /// The program that asked, as it says.
    pub agent: &'a str,
}

#[derive(Serialize)]
struct Line<'a> {
    at: String,
    id: &'a str,
    method: &'a str,
    path: Cow<'a, str>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    ms: f64,
    client: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    agent: Cow<'a, str>,
}

impl Entry<'_> {
    /// The line, with its end.
    fn line(&self) -> Vec<u8> {
        let line = Line {
            at: self.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            id: self.id,
            method: self.method.as_str().get(..METHOD).unwrap_or(self.method.as_str()),
            path: match is_plain(self.path) {
                true => Cow::Borrowed(self.path),
                false => Cow::Owned(path(self.path)),
            },
            status: self.status,
            bytes: self.bytes,
            ms: (self.took.as_secs_f64() * 1e5).round() / 100.0,
            client: self.client.to_string(),
            agent: match self.agent.len() <= SHOWN && !self.agent.contains(['@', '%']) {
                true => Cow::Borrowed(self.agent),
                false => Cow::Owned(shown(self.agent, ' ')),
            },
        };
        let mut text = Vec::with_capacity(256);
        // Memory takes every byte.
        let _ = serde_json::to_writer(&mut text, &line);
        text.push(b'\n');
        text
    }
}

/// Whether a path may be told as it is: that of a feed, as most are.
fn is_plain(path: &str) -> bool {
    path.len() < SHORTEST_TOKEN.max(SHOWN)
        && !path.contains(['@', '%', '?', '#'])
        && path.split('/').all(|part| part.len() < SHORTEST_TOKEN && !super::PERSONAL.contains(&part))
}

/// A path without what is personal: what follows a question mark, the token behind a page of one person, and every part
/// with an `@` in it.
fn path(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut after = false;
    let parts = path.split('/').map(|part| {
        let is_token = std::mem::replace(&mut after, super::PERSONAL.contains(&part));
        // A path that is slightly off holds a token all the same.
        let looks_like_one = part.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
        let is_token = is_token || looks_like_one.into_iter().any(|run| run.len() >= SHORTEST_TOKEN);
        if is_token && !part.is_empty() && part != super::SENT { "…" } else { part }
    });
    shown(&parts.collect::<Vec<_>>().join("/"), '/')
}

/// Words without those that may hold an address, cut to a length that fits into a line.
fn shown(text: &str, between: char) -> String {
    let is_address = |word: &str| percent_decode_str(word).any(|byte| byte == b'@');
    let words = text.split(between).map(|word| if is_address(word) { "…" } else { word });
    let joined = words.collect::<Vec<_>>().join(between.encode_utf8(&mut [0; 4]));
    match joined.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &joined[..end]),
        None => joined,
    }
}

/// Where lines go.
#[derive(Clone, Debug)]
pub struct Log {
    desk: Option<SyncSender<Note>>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Note {
    /// A line to be written.
    Line(Vec<u8>),
    /// Somebody waits until all before it is written.
    Written(SyncSender<()>),
}

impl Log {
    /// A log on standard output.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub fn on_stdout() -> io::Result<Log> {
        let (desk, notes) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = lost.clone();
        let work = move || write(&notes, &counted, &mut io::stdout(), GATHER);
        thread::Builder::new().name("log".to_owned()).spawn(work)?;
        Ok(Log { desk: Some(desk), lost })
    }

    /// No log.
    pub fn none() -> Log {
        Log { desk: None, lost: Arc::default() }
    }

    /// Tells of a request.
    pub fn tell(&self, entry: &Entry<'_>) {
        let Some(desk) = &self.desk else { return };
        if let Err(TrySendError::Full(_)) = desk.try_send(Note::Line(entry.line())) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all that was told is written, or nobody writes any more.
    pub fn flush(&self) {
        let Some(desk) = &self.desk else { return };
        let (done, written) = sync_channel(1);
        if desk.send(Note::Written(done)).is_ok() {
            let _ = written.recv_timeout(Duration::from_secs(5));
        }
    }
}

/// Writes lines, as many at a time as there are, until nobody tells any more.
fn write(notes: &Receiver<Note>, lost: &AtomicU64, out: &mut impl Write, gather: Duration) {
    while let Ok(first) = notes.recv() {
        if matches!(first, Note::Line(_)) {
            thread::sleep(gather);
        }
        let (mut text, mut waiting) = (Vec::new(), Vec::new());
        for note in std::iter::once(first).chain(notes.try_iter().take(WAITING)) {
            match note {
                Note::Line(line) => text.extend_from_slice(&line),
                Note::Written(done) => waiting.push(done),
            }
        }
        match lost.swap(0, Ordering::Relaxed) {
            0 => {}
            lost => text.extend_from_slice(format!("{{\"lost\":{lost}}}\n").as_bytes()),
        }
        // A log that cannot be written is no reason to serve nobody.
        let _ = out.write_all(&text).and_then(|()| out.flush());
        for done in waiting {
            let _ = done.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_without_what_is_personal() {
        #[track_caller]
        fn case(raw: &str, want: &str) {
            assert_eq!(path(raw), want);
            assert!(!is_plain(raw) || raw == want, "{raw}");
        }
        case("/category/care/atom.xml", "/category/care/atom.xml");
        case("/subscribe/?address=ana@example.org", "/subscribe/");
        case("/subscribe/sent/", "/subscribe/sent/");
        case("/news/unsubscribe/EAtoken", "/news/unsubscribe/…");
        case("/preferences/EAtoken/more", "/preferences/…/more");
        case("/preferences/sent/", "/preferences/sent/");
        case("/preferences/", "/preferences/");
        case("/data/EAtoken?saved", "/data/…");
        case("/ana@example.org/x", "/…/x");
        case("/ana%40example.org", "/…");
        let token = "EbIAAAAAAAAAAQAAAAAAAAEAAAAkh3FcZ9W_545EL_8I_Pb3";
        case(&format!("/unsubscribe//{token}"), "/unsubscribe//…");
        case(&format!("/Unsubscribe/{token}"), "/Unsubscribe/…");
        case(&format!("/unsubscribe%2F{token}"), "/…");
        case(&format!("/{}", "a.".repeat(150)), &format!("/{}a…", "a.".repeat(99)));
    }

    #[test]
    fn a_line_is_one_line_whatever_a_client_says() {
        let entry = Entry {
            at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            id: "a1",
            method: &Method::GET,
            path: "/%0d%0a\u{1b}[31m\n{",
            status: 404,
            bytes: Some(12),
            took: Duration::from_micros(1_234),
            client: Origin::of([203, 0, 113, 9].into()),
            agent: "bot\" (+mail: bot@example.org)\r\n",
        };
        assert_eq!(
            String::from_utf8(entry.line()).unwrap(),
            "{\"at\":\"2023-11-14T22:13:20.000Z\",\"id\":\"a1\",\"method\":\"GET\",\"path\":\"/%0d%0a\\u001b[31m\\n{\",\
             \"status\":404,\"bytes\":12,\"ms\":1.23,\"client\":\"203.0.113.0/24\",\"agent\":\"bot\\\" (+mail: …\"}\n"
        );
    }

    #[test]
    fn lines_that_were_lost_are_counted() {
        let (desk, lines) = sync_channel(4);
        desk.send(Note::Line(b"one\n".to_vec())).unwrap();
        desk.send(Note::Line(b"two\n".to_vec())).unwrap();
        drop(desk);
        let mut out = Vec::new();
        write(&lines, &AtomicU64::new(3), &mut out, Duration::ZERO);
        assert_eq!(String::from_utf8(out).unwrap(), "one\ntwo\n{\"lost\":3}\n");
    }
}
