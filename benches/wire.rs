//! How many mails a second go over the wire, without a ledger: `cargo run --release --example wire [URL [CA_FILE]]`.
//!
//! Without a URL, into a sink of its own that is faster than any server: over one connection and ten, directly and through a
//! line that takes 10 ms each way, and there over fifty as well. With one (`smtp://localhost:2525`, the password in
//! TIDINGS_SMTP_PASSWORD), 200 mails over one connection to that server. A mail has 50 KB.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tidings::config::{Config, Smtp};
use tidings::mail::envelope::Envelope;
use tidings::mail::smtp::Offer;
use tidings::mail::transport::Transport;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut arguments = std::env::args().skip(1);
    match arguments.next() {
        Some(url) => runtime.block_on(run("there", &settings(&url, arguments.next())?, 1, 200)),
        None => {
            let (sink, taken) = sink()?;
            let slow = runtime.block_on(slow_line(sink))?;
            for (name, port, connections, mails) in [
                ("direct", sink, 1, 2_000),
                ("direct", sink, 10, 2_000),
                ("10 ms each way", slow, 1, 100),
                ("10 ms each way", slow, 10, 1_000),
                ("10 ms each way", slow, 50, 5_000),
            ] {
                let before = taken.load(Ordering::Relaxed);
                let url = format!("smtp://127.0.0.1:{port}");
                runtime.block_on(run(name, &settings(&url, None)?, connections, mails))?;
                assert_eq!(taken.load(Ordering::Relaxed) - before, mails, "every mail arrives once");
            }
            Ok(())
        }
    }
}

fn settings(url: &str, ca_file: Option<String>) -> Result<Smtp> {
    let ca_file = ca_file.map(|file| format!("ca_file = '{file}'\n")).unwrap_or_default();
    let text = format!("[site]\ntitle = 'T'\nurl = 'https://example.org'\n[smtp]\nurl = '{url}'\n{ca_file}");
    let config = Config::parse(&text).map_err(|findings| findings[0].message.clone())?;
    let password = std::env::var("TIDINGS_SMTP_PASSWORD").ok();
    Ok(config.smtp.with_environment(None, password.as_deref()).map_err(|finding| finding.message)?)
}

/// Sends and prints one line.
async fn run(name: &str, settings: &Smtp, connections: usize, mails: usize) -> Result<()> {
    let transport = Transport::new(settings, Path::new("."))?;
    let message: Arc<[u8]> = [
        &b"From: news@example.org\r\nMessage-ID: <bench@example.org>\r\nSubject: x\r\n\r\n"[..],
        &b"It is a truth universally acknowledged, that a sender must be in want.\r\n".repeat(700),
    ]
    .concat()
    .into();
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..connections {
        let (transport, message) = (transport.clone(), Arc::clone(&message));
        tasks.spawn(async move {
            let mut carrier = transport.open().await?;
            let share = mails / connections;
            let envelope = |i: usize| -> Result<Envelope> {
                let recipient = format!("u{task}.{i}@example.com").parse()?;
                Ok(Envelope::new(Some("news@example.org".parse()?), recipient).sized(message.len() as u64))
            };
            for i in 0..share {
                let next = if i + 1 < share { Some(envelope(i + 1)?) } else { None };
                match carrier.offer(&envelope(i)?).await? {
                    Offer::Ready => {
                        let reply = carrier.deliver("mail", &message[..], next.as_ref()).await?;
                        if !reply.is_positive() {
                            return Err(reply.to_string().into());
                        }
                    }
                    Offer::Refused { reply, .. } => return Err(reply.to_string().into()),
                }
            }
            carrier.close().await;
            Result::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{name:>15}  {connections:>3} connections  {mails:>6} mails  {:>8.0} a second", mails as f64 / seconds);
    Ok(())
}

/// A server that takes everything, on a thread of its own: its port, and how many mails it has.
fn sink() -> Result<(u16, Arc<AtomicUsize>)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    std::thread::spawn(move || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                tokio::spawn(take(stream, Arc::clone(&count)));
            }
        })
    });
    Ok((port, taken))
}

async fn take(stream: TcpStream, taken: Arc<AtomicUsize>) -> Result<()> {
    let mut stream = BufReader::with_capacity(256 * 1024, stream);
    let mut line = Vec::new();
    stream.write_all(b"220 sink\r\n").await?;
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let reply: &[u8] = match &line[..4] {
            b"EHLO" => b"250-sink\r\n250-SIZE\r\n250 PIPELINING\r\n",
            b"DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                while line != b".\r\n" {
                    line.clear();
                    stream.read_until(b'\n', &mut line).await?;
                }
                taken.fetch_add(1, Ordering::Relaxed);
                b"250 2.0.0 taken\r\n"
            }
            b"QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => b"250 ok\r\n",
        };
        stream.write_all(reply).await?;
    }
}

/// A line to the sink on which every byte arrives 10 ms later.
async fn slow_line(sink: u16) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await?;
            let far = TcpStream::connect(("127.0.0.1", sink)).await?;
            near.set_nodelay(true)?;
            far.set_nodelay(true)?;
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            for (mut from, mut to) in [(near_in, far_out), (far_in, near_out)] {
                let (sender, mut pieces) = tokio::sync::mpsc::unbounded_channel();
                tokio::spawn(async move {
                    let mut piece = vec![0; 64 * 1024];
                    while let Ok(read @ 1..) = from.read(&mut piece).await {
                        let due = tokio::time::Instant::now() + Duration::from_millis(10);
                        if sender.send((due, piece[..read].to_vec())).is_err() {
                            break;
                        }
                    }
                });
                tokio::spawn(async move {
                    while let Some((due, piece)) = pieces.recv().await {
                        tokio::time::sleep_until(due).await;
                        to.write_all(&piece).await?;
                    }
                    std::io::Result::Ok(())
                });
            }
        }
        #[allow(unreachable_code)]
        Result::Ok(())
    });
    Ok(port)
}
