//! Addresses of the server's own pages.
//!
//! Within the server they are paths, so that whoever opens it by another name than the public one, as when it is tried out,
//! stays where they are.

use super::Web;
use axum::http::{HeaderMap, Uri, header};
use url::{Host, Url};

/// The path of an address, ending in `/`.
pub fn path(url: &Url) -> &str {
    url.path()
}

impl Web {
    /// A page of the server.
    pub fn own(&self, page: &str) -> String {
        format!("{}{page}", path(self.public_url()))
    }

    /// The page that lists all feeds. Where the server is tried out on one machine, it is the one that has them.
    pub fn feeds_url(&self) -> String {
        let (feeds, public) = (&self.config.feeds.url, self.public_url());
        let is_local = matches!(public.host(), Some(Host::Ipv4(ip)) if ip.is_loopback())
            || matches!(public.host(), Some(Host::Ipv6(ip)) if ip.is_loopback())
            || public.host_str() == Some("localhost");
        match is_local || feeds.origin() == public.origin() {
            true => format!("{}feeds/", path(feeds)),
            false => format!("{feeds}feeds/"),
        }
    }

    /// Whether a form was sent from a page of another site, as far as its headers say.
    ///
    /// A token is all that a personal page asks for, and no other site knows one; this keeps off what found one by other
    /// means. Pages without a referrer send `Origin: null`, which says nothing.
    pub fn is_foreign(&self, headers: &HeaderMap) -> bool {
        let value = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
        if value("sec-fetch-site") == Some("cross-site") {
            return true;
        }
        let Some(origin) = value("origin").filter(|origin| *origin != "null") else { return false };
        let is_public = self.public_url().origin().ascii_serialization() == origin;
        let authority = origin.parse::<Uri>().ok().and_then(|uri| uri.authority().map(|a| a.as_str().to_owned()));
        !is_public && (authority.is_none() || authority.as_deref() != value(header::HOST.as_str()))
    }
}
