//! A stream of bytes to a server, plain or through TLS. Knows nothing of SMTP but when a message's end may have left.

use super::error::{Fault, Phase, SmtpError};
use super::server::Server;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

/// So much goes to the system at once.
const CHUNK_BYTES: usize = 64 * 1024;

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Between the two, and after a failure.
    Gone,
}

/// A write that came to an end too early.
pub(super) struct WriteFault {
    /// So many bytes may have left, at most.
    pub left_at_most: usize,
    pub fault: Fault,
}

impl Stream {
    /// Connects to the first address of the host that answers; each has the time to itself.
    pub async fn connect(server: &Server, each: Duration, only_loopback: bool) -> Result<Stream, SmtpError> {
        let failed = |fault| SmtpError::new(Phase::Connect, fault);
        let addresses = addresses(server, each).await.map_err(failed)?;
        let mut last = Fault::Host(io::Error::from(io::ErrorKind::NotFound));
        for address in addresses {
            if only_loopback && !address.ip().is_loopback() {
                last = Fault::NotLoopback;
                continue;
            }
            last = match timeout(each, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Without it, what follows a body waits for the answer to the packet before: 40 ms a mail.
                    stream.set_nodelay(true).map_err(|error| failed(Fault::Io(error)))?;
                    return Ok(Stream::Plain(stream));
                }
                Ok(Err(error)) => Fault::Io(error),
                Err(_) => Fault::Timeout(each),
            };
        }
        Err(failed(last))
    }

    /// The same stream through TLS, its certificate checked.
    pub async fn secure(&mut self, server: &Server, phase: Phase, limit: Duration) -> Result<(), SmtpError> {
        let (config, name) = server.tls(phase)?;
        let Stream::Plain(plain) = std::mem::replace(self, Stream::Gone) else {
            return Err(SmtpError::new(phase, Fault::OutOfTurn));
        };
        match timeout(limit, TlsConnector::from(config).connect(name, plain)).await {
            Ok(Ok(tls)) => {
                *self = Stream::Tls(Box::new(tls));
                Ok(())
            }
            // A handshake that ends early is a failure of TLS: no plain line is ever used instead.
            Ok(Err(error)) => Err(SmtpError::new(phase, Fault::from(error))),
            Err(_) => Err(SmtpError::new(phase, Fault::Timeout(limit))),
        }
    }

    pub fn is_tls(&self) -> bool {
        matches!(self, Stream::Tls(_))
    }

    pub fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Stream::Plain(plain) => plain.local_addr().ok(),
            Stream::Tls(tls) => tls.get_ref().0.local_addr().ok(),
            Stream::Gone => None,
        }
    }

    /// Reads what there is, at least a byte; 0 at the end.
    pub async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        poll_fn(|context| self.poll_read(context, into)).await
    }

    /// Whether there is nothing to read and no end, without waiting: how a connection at rest should be.
    pub async fn is_silent(&mut self) -> bool {
        // Lets the runtime learn what has come in since it last looked.
        tokio::task::yield_now().await;
        let mut byte = [0];
        self.poll_read(&mut Context::from_waker(Waker::noop()), &mut byte).is_pending()
    }

    fn poll_read(&mut self, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(into);
        let polled = match self {
            Stream::Plain(plain) => Pin::new(plain).poll_read(context, &mut buffer),
            Stream::Tls(tls) => Pin::new(tls).poll_read(context, &mut buffer),
            Stream::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        };
        polled.map_ok(|()| buffer.filled().len())
    }

    /// Writes all of it. Each piece that the system takes has the time to itself.
    pub async fn write(&mut self, bytes: &[u8], each: Duration) -> Result<(), WriteFault> {
        let mut done = 0;
        while done < bytes.len() {
            let end = bytes.len().min(done + CHUNK_BYTES);
            let piece = &bytes[done..end];
            // The system takes bytes or says that it does not. TLS takes them in and may fail, or run out of time, when
            // some of them are on the way already.
            let left_at_most = if self.is_tls() { end } else { done };
            let fault = |fault| WriteFault { left_at_most, fault };
            match timeout(each, self.write_some(piece)).await {
                Ok(Ok(0)) => return Err(fault(Fault::Closed)),
                Ok(Ok(written)) => done += written,
                Ok(Err(error)) => return Err(fault(error.into())),
                Err(_) => return Err(fault(Fault::Timeout(each))),
            }
        }
        let fault = |fault| WriteFault { left_at_most: bytes.len(), fault };
        match timeout(each, self.flush()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(fault(error.into())),
            Err(_) => Err(fault(Fault::Timeout(each))),
        }
    }

    async fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|context| match self {
            Stream::Plain(plain) => Pin::new(plain).poll_write(context, bytes),
            Stream::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
            Stream::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        })
        .await
    }

    async fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(_) | Stream::Gone => Ok(()),
            Stream::Tls(tls) => tls.flush().await,
        }
    }

    /// Says good-bye to TLS, where there is one, and closes.
    pub async fn close(mut self, limit: Duration) {
        // Whatever comes of it, there is nothing more to lose.
        let _ = match &mut self {
            Stream::Plain(plain) => timeout(limit, plain.shutdown()).await,
            Stream::Tls(tls) => timeout(limit, tls.shutdown()).await,
            Stream::Gone => return,
        };
    }
}

/// Where the host is, in the order in which the system would try.
async fn addresses(server: &Server, limit: Duration) -> Result<Vec<SocketAddr>, Fault> {
    match &server.host {
        Host::Ipv4(address) => Ok(vec![SocketAddr::from((*address, server.port))]),
        Host::Ipv6(address) => Ok(vec![SocketAddr::from((*address, server.port))]),
        Host::Domain(name) => match timeout(limit, tokio::net::lookup_host((name.as_str(), server.port))).await {
            Ok(Ok(addresses)) => Ok(addresses.collect()),
            Ok(Err(error)) => Err(Fault::Host(error)),
            Err(_) => Err(Fault::Timeout(limit)),
        },
    }
}
