//! Listening: connections are taken, served, and cut off when they take too long. Each is on its own, so that a slow one
//! holds up no other.
//!
//! The head of a request must be there within 20 seconds, and so must the next one on a connection that is kept; a
//! connection ends after ten minutes, and whatever is under way on it then has one minute more.

use crate::delivery::stop::Stop;
use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(20);
/// How long a connection is kept.
const LIFE: Duration = Duration::from_secs(600);
/// How long what is under way may take when a connection, or the server, is to end.
const GRACE: Duration = Duration::from_secs(60);
/// How many connections there may be, unless the system allows fewer files; more wait until one has ended.
const MOST: usize = 16_384;
/// So many files are left to the store, to mail and to what is served.
const RESERVED: u64 = 128;
/// The most that a head of a request may hold.
const LARGEST_HEAD: usize = 32 * 1024;

/// How many connections may wait to be taken: as many as Linux lets wait by default.
const BACKLOG: u32 = 4_096;

/// A place to listen at.
///
/// # Errors
///
/// What the system says.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Connections of a server that has just ended are no reason not to begin.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Serves until it is asked to stop; then what is under way is finished. `files` is how many the system lets us open.
pub async fn listen(listener: TcpListener, app: Router, stop: Arc<Stop>, files: u64) {
    let most = usize::try_from(files.saturating_sub(RESERVED).max(16)).unwrap_or(MOST).min(MOST);
    let places = Arc::new(Semaphore::new(most));
    loop {
        let taken = tokio::select! {
            taken = async {
                let place = places.clone().acquire_owned().await;
                (place, listener.accept().await)
            } => taken,
            () = stop.asked() => break,
        };
        let (Ok(place), accepted) = taken else { break };
        let Ok((stream, peer)) = accepted else {
            // Too many open files, or a connection that was gone before it was taken: the next may do.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (app, stop) = (app.clone(), stop.clone());
        tokio::spawn(async move {
            serve(stream, peer, app, &stop).await;
            drop(place);
        });
    }
    drop(listener);
    // Whoever holds a place is still at it.
    let _ = tokio::time::timeout(GRACE, places.acquire_many(u32::try_from(most).unwrap_or(u32::MAX))).await;
}

async fn serve(stream: TcpStream, peer: SocketAddr, app: Router, stop: &Stop) {
    // A small answer must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let service = tower::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        app.clone().oneshot(request.map(Body::new))
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(LARGEST_HEAD)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
    );
    tokio::select! {
        // Whatever goes wrong with a connection is the affair of its other end.
        _ = connection.as_mut() => return,
        () = stop.asked() => {}
        () = tokio::time::sleep(LIFE) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(GRACE, connection).await;
}
