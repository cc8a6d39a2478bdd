//! What every request goes through: it gets an id and a client, its answer gets the headers that keep it harmless, and the
//! log is told.

use super::client::{Origin, client};
use super::listen::Peer;
use super::log::Entry;
use super::{Web, pages};
use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, Utc};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long an answer may take to be made.
const PATIENCE: Duration = Duration::from_secs(60);

const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Nothing but its own style sheet: what pages with forms may use.
const STRICT: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// On whose behalf a request comes.
#[derive(Clone, Copy, Debug)]
pub struct Client(pub Origin);

/// The id of a request, by which its line in the log is found.
#[derive(Clone, Debug)]
pub struct RequestId(pub HeaderValue);

/// Ids that no other request has had: when the server began, and a number.
#[derive(Debug)]
pub struct Ids {
    began: i64,
    next: AtomicU64,
    has_told: AtomicBool,
}

impl Ids {
    /// The ids of a server that begins now.
    pub fn new(now: DateTime<Utc>) -> Ids {
        Ids { began: now.timestamp_millis(), next: AtomicU64::new(1), has_told: AtomicBool::new(false) }
    }

    /// Says once that requests come by a proxy that is not trusted: all of its clients count as one.
    fn tell_of_proxy(&self, peer: IpAddr) {
        let is_near = match peer.to_canonical() {
            IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
            IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
        };
        if is_near && !self.has_told.swap(true, Ordering::Relaxed) {
            eprintln!(
                "warning: requests come by `{peer}`, and all of its clients count as one\n\
                 hint: where it is your own proxy, write `trusted_proxies = [\"{peer}\"]` into `[serve]`"
            );
        }
    }

    fn next(&self) -> HeaderValue {
        let id = format!("{:x}-{}", self.began, self.next.fetch_add(1, Ordering::Relaxed));
        HeaderValue::from_str(&id).expect("digits and a hyphen can stand in a header")
    }
}

/// See the head of the file.
pub async fn frame(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let (began, at) = (Instant::now(), web.now());
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let said: Vec<_> =
        request.headers().get_all(FORWARDED).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
    let trusted = &web.config.serve.trusted_proxies;
    let origin = Origin::of(client(peer, said.iter().map(|value| &**value), trusted));
    if !said.is_empty() && !trusted.iter().any(|network| network.has(peer)) {
        web.ids.tell_of_proxy(peer);
    }
    let id = given(&web, peer, request.headers()).unwrap_or_else(|| web.ids.next());
    request.extensions_mut().insert(Client(origin));
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let agent = request.headers().get(header::USER_AGENT).cloned();
    let mut response = match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => pages::slow(&web, &id),
    };
    protect(response.headers_mut());
    response.headers_mut().insert(REQUEST_ID, id.clone());
    web.counts.count(response.status());
    let bytes = response.body().size_hint().exact();
    web.log.tell(&Entry {
        at,
        id: id.to_str().unwrap_or_default(),
        method: &method,
        path: uri.path(),
        status: response.status().as_u16(),
        bytes,
        took: began.elapsed(),
        client: origin,
        agent: agent.as_ref().and_then(|agent| agent.to_str().ok()).unwrap_or_default(),
    });
    response
}

/// The id that a trusted proxy has given to a request.
fn given(web: &Web, peer: IpAddr, headers: &HeaderMap) -> Option<HeaderValue> {
    let is_trusted = web.config.serve.trusted_proxies.iter().any(|network| network.has(peer));
    let is_plain = |id: &&HeaderValue| {
        (8..=64).contains(&id.len()) && id.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b))
    };
    headers.get(REQUEST_ID).filter(|_| is_trusted).filter(is_plain).cloned()
}

/// Adds what an answer does not say by itself.
fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, STRICT),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
