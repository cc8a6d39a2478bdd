//! Getting a document from the web.
//!
//! One bounded, blocking GET: so many bytes, so many seconds, ten redirects, gzip undone. Proxies are taken from the
//! environment, certificates are checked as the system does. Whatever goes wrong becomes one line and a hint.

use super::fetch::Limits;
use crate::diagnostic::Diagnostic;
use reqwest::blocking::{Client, Response};
use reqwest::header;
use std::error::Error;
use std::io::{self, Read};
use std::time::{Duration, Instant};
use url::{Host, Url};

/// A client that keeps its connections.
#[derive(Debug)]
pub struct Http {
    client: Client,
    limits: Limits,
}

/// What an address answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Where it was found in the end.
    pub url: Url,
    /// Its bytes, decompressed.
    pub bytes: Vec<u8>,
}

/// What is asked for: feeds first, then pages that may name some.
const ACCEPT: &str = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/html;q=0.8, */*;q=0.5";

impl Http {
    /// A client for a place on the web. No proxy stands between this machine and itself.
    ///
    /// # Errors
    ///
    /// When the system has no certificates that could be trusted.
    pub fn new(place: &Url, limits: &Limits) -> Result<Http, Diagnostic> {
        // Fails where somebody has chosen one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("tidings/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.connect)
            .timeout(limits.document);
        let client = if is_here(place) { client.no_proxy() } else { client };
        let client = client.build().map_err(|error| {
            Diagnostic::error(format!("cannot set up an HTTP client: {}", innermost(&error)))
                .hint("most systems have trusted certificates in a package named ca-certificates")
        })?;
        Ok(Http { client, limits: *limits })
    }

    /// Gets a document.
    ///
    /// # Errors
    ///
    /// One finding that names the address: host unknown, refused, certificate, status, time, size.
    pub fn get(&self, url: &Url) -> Result<Document, Diagnostic> {
        let deadline = Instant::now() + self.limits.document;
        let request = self.client.get(url.clone()).header(header::ACCEPT, ACCEPT);
        let response = request.send().map_err(|error| self.failed(error.url().unwrap_or(url), &error))?;
        let url = response.url().clone();
        if !response.status().is_success() {
            return Err(Diagnostic::error(format!("`{}` answered {}", shown(&url), response.status()))
                .hint("open it in a browser to see whether it has moved"));
        }
        let bytes = self.body(response, deadline).map_err(|error| match error {
            Body::TooLarge => Diagnostic::error(format!("`{}` is larger than {}", shown(&url), self.limits.size()))
                .hint("that is more than feed readers take; give the address of a smaller feed"),
            Body::TooSlow => self.timed_out(&url),
            Body::Broken(error) => self.failed(&url, &error),
        })?;
        Ok(Document { url, bytes })
    }

    fn body(&self, mut response: Response, deadline: Instant) -> Result<Vec<u8>, Body> {
        let mut bytes = Vec::new();
        let mut chunk = vec![0; 64 * 1024];
        loop {
            match response.read(&mut chunk) {
                Ok(0) => return Ok(bytes),
                Ok(n) => bytes.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Body::Broken(error)),
            }
            if bytes.len() as u64 > self.limits.document_bytes {
                return Err(Body::TooLarge);
            }
            if Instant::now() > deadline {
                return Err(Body::TooSlow);
            }
        }
    }

    fn timed_out(&self, url: &Url) -> Diagnostic {
        Diagnostic::error(format!("`{}` did not answer within {}", shown(url), seconds(self.limits.document)))
            .hint("try again later")
    }

    fn failed(&self, url: &Url, error: &(dyn Error + 'static)) -> Diagnostic {
        let causes = causes(error);
        let request = causes.iter().find_map(|cause| cause.downcast_ref::<reqwest::Error>());
        let system =
            |kind| causes.iter().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|e| e.kind() == kind);
        let tls = causes.iter().find_map(|cause| cause.downcast_ref::<rustls::Error>());
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        if let Some(tls) = tls {
            return Diagnostic::error(format!("no secure connection to `{host}:{port}`: {tls}"))
                .hint("open it in a browser to see what is wrong with it");
        }
        let is_connect = request.is_some_and(reqwest::Error::is_connect);
        if system(io::ErrorKind::TimedOut) || request.is_some_and(reqwest::Error::is_timeout) {
            return if is_connect {
                Diagnostic::error(format!("`{host}:{port}` cannot be reached within {}", seconds(self.limits.connect)))
                    .hint("check the address and your connection")
            } else {
                self.timed_out(url)
            };
        }
        if request.is_some_and(reqwest::Error::is_redirect) {
            return Diagnostic::error(format!("`{}` redirects without end", shown(url)))
                .hint("give the address that a browser ends at");
        }
        if system(io::ErrorKind::ConnectionRefused) {
            return Diagnostic::error(format!("`{host}:{port}` refused the connection"))
                .hint("check the address, and that its server runs");
        }
        // The client has no public type for it.
        if is_connect && causes.iter().any(|cause| cause.to_string().starts_with("dns error")) {
            return Diagnostic::error(format!("the host `{host}` cannot be found"))
                .hint("check the address and your connection");
        }
        Diagnostic::error(format!("cannot read `{}`: {}", shown(url), innermost(error)))
            .hint("open it in a browser to see whether it is there")
    }
}

impl Limits {
    /// The largest document in words, such as `32 MiB`.
    pub(super) fn size(&self) -> String {
        const MIB: u64 = 1024 * 1024;
        match self.document_bytes {
            bytes if bytes % MIB == 0 => format!("{} MiB", bytes / MIB),
            bytes => format!("{bytes} bytes"),
        }
    }
}

/// An address as it may be shown: without a password.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Addresses that cannot have them have none to hide.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

enum Body {
    TooLarge,
    TooSlow,
    Broken(io::Error),
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

/// An error and all its causes. `io::Error::source` leaves out the error that it wraps.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        causes.push(cause);
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| cause.source());
    }
    causes
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

fn seconds(time: Duration) -> String {
    match time.as_secs_f64() {
        1.0 => "1 second".to_owned(),
        n => format!("{n} seconds"),
    }
}
