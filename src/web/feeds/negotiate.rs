//! What a request asks for besides an address: a page or the feed itself (`Accept`), and how it may be coded
//! (`Accept-Encoding`). RFC 9110, sections 12.5.1 and 12.5.3.
//!
//! Where a header says something odd, the answer is the one that every client understands: the feed, as it is.

use crate::disk::compress::Coding;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};

/// Weights are counted in thousandths.
const FULL: u16 = 1_000;

/// Types that a feed reader names or that stand for everything: one who wants any of them as much as a page gets the feed.
const FEEDS: [&str; 10] = [
    "application/atom+xml",
    "application/rss+xml",
    "application/rdf+xml",
    "application/feed+json",
    "application/json",
    "application/xml",
    "text/xml",
    "application/*",
    "text/*",
    "*/*",
];

/// Whether a page is wanted more than a feed of any kind, more than XML and more than just anything: only browsers say so.
pub fn prefers_page(headers: &HeaderMap) -> bool {
    let (mut page, mut feed) = (0, 0);
    for (range, weight) in ranges(headers, ACCEPT) {
        if range.eq_ignore_ascii_case("text/html") {
            page = page.max(weight.unwrap_or(0));
        } else if FEEDS.iter().any(|name| range.eq_ignore_ascii_case(name)) {
            feed = feed.max(weight.unwrap_or(FULL));
        }
    }
    page > feed
}

/// How welcome each coding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    brotli: u16,
    gzip: u16,
    plain: u16,
}

impl Weights {
    /// What a request says of codings. Bytes as they are can be refused by name or by `*` only, and are otherwise the last
    /// choice; nothing else is welcome unless it is named.
    pub fn of(headers: &HeaderMap) -> Weights {
        let (mut brotli, mut gzip, mut plain, mut any) = (None, None, None, None);
        for (coding, weight) in ranges(headers, ACCEPT_ENCODING) {
            let named = match coding {
                "*" => &mut any,
                name if name.eq_ignore_ascii_case("br") => &mut brotli,
                name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => &mut gzip,
                name if name.eq_ignore_ascii_case("identity") => &mut plain,
                _ => continue,
            };
            *named = Some(weight.unwrap_or(0));
        }
        Weights {
            brotli: brotli.or(any).unwrap_or(0),
            gzip: gzip.or(any).unwrap_or(0),
            plain: plain.or(any).unwrap_or(1),
        }
    }

    /// The weight of a coding, or of bytes as they are; 0 for what is refused.
    pub fn of_coding(self, coding: Option<Coding>) -> u16 {
        match coding {
            Some(Coding::Brotli) => self.brotli,
            Some(Coding::Gzip) => self.gzip,
            None => self.plain,
        }
    }
}

/// The parts of a list with their weights, in thousandths; no weight where it is not written as one.
fn ranges(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = (&str, Option<u16>)> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|part| {
        let mut parameters = part.split(';').map(str::trim);
        let range = parameters.next().unwrap_or_default();
        let weight = parameters.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
        });
        (range, weight.unwrap_or(Some(FULL)))
    })
}

/// `0.75` as 750: a digit, and up to three more behind a point.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = format!("{part:0<3}").parse::<u16>().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(FULL),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn browsers_get_a_page_and_everybody_else_the_feed() {
        #[track_caller]
        fn case(who: &str, accept: &str, want: bool) {
            assert_eq!(prefers_page(&with(ACCEPT, &[accept])), want, "{who}");
        }
        let chrome = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,\
                      application/signed-exchange;v=b3;q=0.7";
        case("Chrome", chrome, true);
        case("Edge", chrome, true);
        case("Firefox", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true);
        case(
            "Firefox 92",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            true,
        );
        case("Safari", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true);
        case("Lynx", "text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01", true);
        case("NetNewsWire", "*/*", false);
        let miniflux = "application/xml, application/atom+xml, application/rss+xml, application/rdf+xml, \
                        application/feed+json, text/html, */*;q=0.9";
        case("Miniflux", miniflux, false);
        let simplepie = "application/atom+xml, application/rss+xml, application/rdf+xml;q=0.9, application/xml;q=0.8, \
                         text/xml;q=0.8, text/html;q=0.7, unknown/unknown;q=0.1, application/unknown;q=0.1, */*;q=0.1";
        case("FreshRSS", simplepie, false);
        case("Feedly", "*/*", false);
        let feedparser = "application/atom+xml,application/rdf+xml,application/rss+xml,application/x-netcdf,\
                          application/xml;q=0.9,text/xml;q=0.2,*/*;q=0.1";
        case("feedparser", feedparser, false);
        case("newsboat", "*/*", false);
        case("curl", "*/*", false);
        let thunderbird = "application/atom+xml,application/rss+xml;q=0.9,application/rdf+xml;q=0.8,\
                           application/xml;q=0.7,text/xml;q=0.7,*/*;q=0.1";
        case("Thunderbird", thunderbird, false);
        case("as much", "text/html, application/xml", false);
        case("as much as all", "text/html, */*", false);
        case("as much by a star", "text/html;q=0.5, text/*;q=0.5", false);
        case("a page alone", "text/html", true);
        case("a page of sorts", "TEXT/HTML;level=1;Q=0.9, */*;q=0.8", true);
        case("no page", "text/html;q=0", false);
        case("odd weights", "text/html;q=2, */*;q=0.1", false);
        case("odd weights of others", "text/html, */*;q=x", false);
        case("nothing", "", false);
        case("noise", ";;,,q=,/;=", false);
        assert!(!prefers_page(&HeaderMap::new()));
        assert!(!prefers_page(&with(ACCEPT, &["text/html", "application/xml"])));
    }

    #[test]
    fn codings_are_weighed_as_they_are_asked_for() {
        #[track_caller]
        fn case(accept: &[&str], want: (u16, u16, u16)) {
            let Weights { brotli, gzip, plain } = Weights::of(&with(ACCEPT_ENCODING, accept));
            assert_eq!((brotli, gzip, plain), want, "{accept:?}");
        }
        case(&[], (0, 0, 1));
        case(&[""], (0, 0, 1));
        case(&["gzip, deflate, br, zstd"], (1000, 1000, 1));
        case(&["gzip;q=0.5, br;q=0.25"], (250, 500, 1));
        case(&["gzip", "br"], (1000, 1000, 1));
        case(&["x-gzip"], (0, 1000, 1));
        case(&["GZIP; Q=0.001"], (0, 1, 1));
        case(&["identity"], (0, 0, 1000));
        case(&["gzip, identity;q=0"], (0, 1000, 0));
        case(&["*"], (1000, 1000, 1000));
        case(&["*;q=0"], (0, 0, 0));
        case(&["gzip, *;q=0"], (0, 1000, 0));
        case(&["br;q=0, *;q=0.3"], (0, 300, 300));
        case(&["gzip;q=1.5"], (0, 0, 1));
        case(&["gzip;q=1.000, br;q=0.1234"], (0, 1000, 1));
        case(&["gzip;q="], (0, 0, 1));
    }
}
