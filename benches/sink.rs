//! A mail server that takes everything as fast as it comes and keeps nothing: `cargo run --release --example sink`.
//!
//! It listens on loopback, prints `PORT n`, and goes on until its standard input ends; then it prints how many mails there
//! were and how large they were together. A thread for each connection; nothing is looked at but the end of each message, so
//! that it is faster than any sender that is measured with it. With two files in PEM, a certificate and its key, it offers
//! STARTTLS.

use memchr::memmem;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::error::Error;
use std::io::{BufRead as _, BufReader, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

static MAILS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

type Tls = Option<Arc<ServerConfig>>;

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let mut files = std::env::args().skip(1);
    let tls = match (files.next(), files.next()) {
        (Some(certificate), Some(key)) => Some(tls(&certificate, &key)?),
        _ => None,
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("PORT {}", listener.local_addr()?.port());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tls = tls.clone();
            // A client that goes away is no concern of others.
            thread::spawn(move || greet(stream, tls));
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    println!("{} mails, {} bytes", MAILS.load(Ordering::SeqCst), BYTES.load(Ordering::SeqCst));
    Ok(())
}

fn tls(certificate: &str, key: &str) -> std::result::Result<Arc<ServerConfig>, Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<std::result::Result<Vec<_>, _>>()?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions()?.with_no_client_auth();
    Ok(Arc::new(config.with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?))
}

fn greet(stream: TcpStream, tls: Tls) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::with_capacity(256 * 1024, stream);
    stream.get_mut().write_all(b"220 sink ESMTP\r\n")?;
    let Some(tls) = take(&mut stream, tls)? else { return Ok(()) };
    let secure = ServerConnection::new(tls).map_err(std::io::Error::other)?;
    take(&mut BufReader::with_capacity(256 * 1024, StreamOwned::new(secure, stream.into_inner())), None).map(drop)
}

/// Takes mails until the client goes, or wants TLS.
fn take<S: Read + Write>(input: &mut BufReader<S>, tls: Tls) -> Result<Tls> {
    let (mut line, mut replies) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let reply: &[u8] = match line.get(..4).unwrap_or_default() {
            b"EHLO" if tls.is_some() => b"250-sink\r\n250-8BITMIME\r\n250-SIZE\r\n250-STARTTLS\r\n250 PIPELINING\r\n",
            b"EHLO" => b"250-sink\r\n250-8BITMIME\r\n250-SIZE\r\n250 PIPELINING\r\n",
            b"STAR" if tls.is_some() => {
                input.get_mut().write_all(b"220 go on\r\n")?;
                return Ok(tls);
            }
            b"DATA" => b"354 go on\r\n",
            b"QUIT" => b"221 bye\r\n",
            _ => b"250 2.0.0 ok\r\n",
        };
        replies.extend_from_slice(reply);
        // Commands that came in one piece are answered in one piece.
        if reply.starts_with(b"354") || reply.starts_with(b"221") || input.buffer().is_empty() {
            answer(input, &mut replies)?;
        }
        if reply.starts_with(b"354") {
            BYTES.fetch_add(message(input)?, Ordering::SeqCst);
            MAILS.fetch_add(1, Ordering::SeqCst);
            replies.extend_from_slice(b"250 2.0.0 taken\r\n");
            if input.buffer().is_empty() {
                answer(input, &mut replies)?;
            }
        }
    }
}

fn answer<S: Read + Write>(input: &mut BufReader<S>, replies: &mut Vec<u8>) -> Result<()> {
    input.get_mut().write_all(replies)?;
    input.get_mut().flush()?;
    replies.clear();
    Ok(())
}

/// Reads a message to its end: its size.
fn message<S: Read>(input: &mut BufReader<S>) -> Result<u64> {
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
