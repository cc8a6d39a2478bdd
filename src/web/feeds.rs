//! Feeds over HTTP: exactly the files that the last build wrote, below the address that the feeds have.
//!
//! A path is looked up in the list of files and never made into a name on the disk, so that it can lead nowhere else. A
//! file is read once and kept until it, or the list, changes; whether it did is asked of the disk with each request, so
//! that a build is seen at once. RFC 9110 is followed in what is sent, and to whom nothing need be sent.

mod conditional;
mod document;
mod known;
mod negotiate;

use crate::config::Config;
use crate::content::address::segment;
use crate::diagnostic::Diagnostic;
use crate::disk::load;
use crate::feed::hosting::CACHE;
use crate::feed::served::Served;
use crate::template::Templates;
use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RETRY_AFTER,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use chrono_tz::Tz;
use conditional::{Validators, Verdict, Wanted};
use document::Representation;
use known::{Known, Memory, Shape, Slot};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The feeds of a site, as a server sends them.
#[derive(Debug)]
pub struct Feeds {
    shared: Arc<Shared>,
    memory: Memory,
}

/// What answers are made from, besides the files.
#[derive(Debug)]
struct Shared {
    /// The path of `[feeds] url`, as it is written there, with `/` at both ends.
    prefix: String,
    /// The same as it is compared.
    decoded_prefix: String,
    /// The address itself.
    url: String,
    templates: Templates,
    timezone: Tz,
    signup_url: Option<String>,
}

impl Feeds {
    /// The feeds of the site in a folder.
    ///
    /// # Errors
    ///
    /// That no build was there yet, or that what it left cannot be read; what is wrong in the site's templates.
    pub fn open(root: &Path, config: &Config) -> Result<Feeds, Diagnostic> {
        let first = |mut findings: Vec<Diagnostic>| findings.drain(..).next();
        let (own, found) = load::templates(root);
        if let Some(wrong) = first(found.into_iter().filter(Diagnostic::is_error).collect()) {
            return Err(wrong);
        }
        let templates = Templates::new(own).map_err(|found| {
            first(found).unwrap_or_else(|| Diagnostic::error("the templates of the site cannot be read"))
        })?;
        let url = &config.feeds.url;
        let shared = Shared {
            prefix: url.path().to_owned(),
            decoded_prefix: percent_decode_str(url.path()).decode_utf8_lossy().into_owned(),
            url: url.to_string(),
            templates,
            timezone: config.site.timezone,
            signup_url: config.signup_url(),
        };
        Ok(Feeds { shared: Arc::new(shared), memory: Memory::open(root, &config.content.output)? })
    }

    /// What the last build says of the site.
    pub async fn site(&self) -> Arc<Served> {
        self.memory.known().await.site.clone()
    }

    /// The answer to a request for any path. Only GET and HEAD are answered with a file.
    pub async fn answer(&self, request: &Parts) -> Response {
        if request.method != Method::GET && request.method != Method::HEAD {
            let mut response = short(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let mut response = match self.shared.below(request.uri.path()) {
            None => not_found(),
            Some(path) => self.at(&path, request).await,
        };
        if request.method == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        response
    }

    /// What there is at a path below the feeds. To look at a file is enough where it is there; where it is not, or no longer,
    /// what the last build left counts.
    async fn at(&self, path: &str, request: &Parts) -> Response {
        let recently = self.memory.recently_known().await;
        if let Some(slot) = recently.slot(path) {
            let response = self.send(&recently, slot, request).await;
            if response.status() != StatusCode::NOT_FOUND {
                return response;
            }
        }
        let known = self.memory.known().await;
        match known.slot(path) {
            Some(slot) => self.send(&known, slot, request).await,
            None => self.elsewhere(&known, path),
        }
    }

    /// The file of a slot, or the page for people in its place.
    async fn send(&self, known: &Arc<Known>, slot: &Arc<Slot>, request: &Parts) -> Response {
        let wants_page = slot.kind.is_feed() && negotiate::prefers_page(&request.headers);
        // A build may replace the file at any moment; what is read is always one version, so another try gets the next.
        for _ in 0..3 {
            let found = match wants_page {
                true => self.memory.get(known, slot, Shape::Page, &self.shared).await,
                false => self.memory.get(known, slot, Shape::File, &self.shared).await,
            };
            let document = match found {
                Ok(document) => document,
                Err(err) if matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    return not_found();
                }
                Err(_) => continue,
            };
            let representation = document.chosen(&request.headers);
            let is = document.validators(representation);
            match conditional::verdict(&request.headers, is) {
                Verdict::NotModified => return empty(StatusCode::NOT_MODIFIED, representation.unchanged.clone()),
                Verdict::Failed => {
                    return short(StatusCode::PRECONDITION_FAILED, "this is not the version that was asked for\n");
                }
                Verdict::Send => {}
            }
            if let Ok(bytes) = representation.bytes().await {
                return whole_or_part(request, representation, is, bytes);
            }
            slot.forget(&document);
        }
        let mut response = short(StatusCode::SERVICE_UNAVAILABLE, "this file cannot be read at the moment\n");
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        response
    }

    /// The answer for a path that no file has: where else to look, that it is gone, or that there is nothing.
    fn elsewhere(&self, known: &Known, path: &str) -> Response {
        if !path.ends_with('/') && known.slot(&format!("{path}/")).is_some() {
            return self.moved(&format!("{path}/"));
        }
        let folders = path.match_indices('/').map(|(at, _)| &path[..=at]);
        for folder in folders {
            let rest = &path[folder.len()..];
            if let Some(new) = known.site.aliases.get(folder) {
                let new = format!("{new}{rest}");
                return if known.slot(&new).is_some() { self.moved(&new) } else { not_found() };
            }
            if known.site.gone.contains(folder) {
                return short(StatusCode::GONE, "this feed is gone\n");
            }
        }
        not_found()
    }

    /// Leads to another path below the feeds: one that is known, and on this server.
    fn moved(&self, path: &str) -> Response {
        let path: Vec<String> = path.split('/').map(segment).collect();
        let target = format!("{}{}", self.shared.prefix, path.join("/"));
        // Two slashes at the start would name another host.
        let target = format!("/{}", target.trim_start_matches('/'));
        let Ok(target) = HeaderValue::from_str(&target) else { return not_found() };
        let mut response = short(StatusCode::MOVED_PERMANENTLY, "this is at another address now\n");
        response.headers_mut().insert(LOCATION, target);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(CACHE));
        response
    }
}

impl Shared {
    /// The path of a request below the feeds' own, decoded. None for a path that is elsewhere or that hides something: what
    /// a slash or an end of text would be once it is decoded.
    fn below<'a>(&self, path: &'a str) -> Option<Cow<'a, str>> {
        if !path.contains('%') {
            return path.strip_prefix(&*self.decoded_prefix).map(Cow::Borrowed);
        }
        let hidden = |code: &str| matches!(code.get(..2), Some("2f" | "2F" | "5c" | "5C" | "00"));
        if path.split('%').skip(1).any(hidden) {
            return None;
        }
        let decoded = percent_decode_str(path).decode_utf8().ok()?;
        Some(Cow::Owned(decoded.strip_prefix(&*self.decoded_prefix)?.to_owned()))
    }
}

fn whole_or_part(request: &Parts, of: &Representation, is: Validators<'_>, bytes: Bytes) -> Response {
    let wanted = match request.method {
        // Section 14.2: a range is defined for GET alone.
        Method::GET => conditional::wanted(&request.headers, is, bytes.len()),
        _ => Wanted::Whole,
    };
    match wanted {
        Wanted::Whole => with(StatusCode::OK, of.headers.clone(), bytes),
        Wanted::Part(range) => {
            let mut headers = of.headers.clone();
            let told = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), bytes.len());
            headers.insert(CONTENT_LENGTH, range.len().into());
            headers.extend(HeaderValue::try_from(told).map(|told| (CONTENT_RANGE, told)));
            with(StatusCode::PARTIAL_CONTENT, headers, bytes.slice(range))
        }
        Wanted::Beyond => {
            let mut response = short(StatusCode::RANGE_NOT_SATISFIABLE, "there are not so many bytes\n");
            let told = HeaderValue::try_from(format!("bytes */{}", bytes.len()));
            response.headers_mut().extend(told.map(|told| (CONTENT_RANGE, told)));
            response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            response
        }
    }
}

fn with(status: StatusCode, headers: HeaderMap, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn empty(status: StatusCode, headers: HeaderMap) -> Response {
    with(status, headers, Body::empty())
}

/// A line of text that nobody keeps.
fn short(status: StatusCode, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (CONTENT_LENGTH, text.len().into()),
    ];
    with(status, headers.into_iter().collect(), text)
}

fn not_found() -> Response {
    short(StatusCode::NOT_FOUND, "there is nothing here\n")
}
