//! A mail server that takes everything as fast as it comes and keeps nothing: `cargo run --release --example sink`.
//!
//! It listens on loopback, prints `PORT n`, and goes on until its standard input ends; then it prints how many mails there
//! were and how large they were together. A thread for each connection; nothing is looked at but the end of each message, so
//! that it is faster than any sender that is measured with it.

use memchr::memmem;
use std::io::{BufRead as _, BufReader, Read as _, Result, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

static MAILS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("PORT {}", listener.local_addr()?.port());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away is no concern of others.
            thread::spawn(move || take(stream));
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    println!("{} mails, {} bytes", MAILS.load(Ordering::SeqCst), BYTES.load(Ordering::SeqCst));
    Ok(())
}

fn take(stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut out = stream.try_clone()?;
    let mut input = BufReader::with_capacity(256 * 1024, stream);
    let (mut line, mut replies) = (Vec::new(), Vec::new());
    out.write_all(b"220 sink ESMTP\r\n")?;
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let reply: &[u8] = match line.get(..4).unwrap_or_default() {
            b"EHLO" => b"250-sink\r\n250-8BITMIME\r\n250-SIZE\r\n250 PIPELINING\r\n",
            b"DATA" => b"354 go on\r\n",
            b"QUIT" => b"221 bye\r\n",
            _ => b"250 2.0.0 ok\r\n",
        };
        replies.extend_from_slice(reply);
        // Commands that came in one piece are answered in one piece.
        if reply.starts_with(b"354") || reply.starts_with(b"221") || input.buffer().is_empty() {
            out.write_all(&replies)?;
            replies.clear();
        }
        if reply.starts_with(b"354") {
            BYTES.fetch_add(message(&mut input)?, Ordering::SeqCst);
            MAILS.fetch_add(1, Ordering::SeqCst);
            replies.extend_from_slice(b"250 2.0.0 taken\r\n");
            if input.buffer().is_empty() {
                out.write_all(&replies)?;
                replies.clear();
            }
        }
    }
}

/// Reads a message to its end: its size.
fn message(input: &mut BufReader<TcpStream>) -> Result<u64> {
    const END: &[u8] = b"\r\n.\r\n";
    // The end may lie across two pieces.
    let (mut tail, mut size) = (Vec::new(), 0);
    loop {
        let piece = input.fill_buf()?;
        if piece.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let kept = tail.len();
        tail.extend_from_slice(&piece[..piece.len().min(END.len() - 1)]);
        let (used, is_over) = match (memmem::find(&tail, END), memmem::find(piece, END)) {
            (Some(at), _) => (at + END.len() - kept, true),
            (None, Some(at)) => (at + END.len(), true),
            (None, None) => (piece.len(), false),
        };
        tail.clear();
        tail.extend_from_slice(&piece[piece.len().saturating_sub(END.len() - 1)..]);
        input.consume(used);
        size += used as u64;
        if is_over {
            return Ok(size);
        }
    }
}
