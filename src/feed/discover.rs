//! The feeds that a web page names in its head (autodiscovery).
//!
//! `<link rel="alternate" type="application/rss+xml" href="…">`, and the same for Atom and JSON Feed. The page is read as a
//! stream of tags by the tokenizer of `html5ever`; nothing is fetched here.

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, Rcdata, ScriptData};
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};
use std::cell::RefCell;
use url::Url;

/// The addresses of the feeds of a page, absolute, each once, in the order of the page.
///
/// Feeds of comments are left out: their entries are not posts. `page` is the page's own address.
pub fn feeds(html: &str, page: &Url) -> Vec<Url> {
    let tokenizer = Tokenizer::new(Links::default(), Default::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    // The sink never asks for a pause, so that one call reads everything.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let found = tokenizer.sink.found.into_inner();
    let base = found.base.and_then(|href| page.join(href.trim()).ok());
    let base = base.as_ref().unwrap_or(page);
    let mut urls: Vec<Url> = Vec::new();
    for url in found.hrefs.iter().filter_map(|href| base.join(href.trim()).ok()) {
        let comments = url.path().split('/').any(|part| part.eq_ignore_ascii_case("comments"));
        if matches!(url.scheme(), "http" | "https") && !comments && !urls.contains(&url) {
            urls.push(url);
        }
    }
    urls
}

#[derive(Default)]
struct Links {
    found: RefCell<Found>,
}

#[derive(Default)]
struct Found {
    base: Option<String>,
    hrefs: Vec<String>,
}

impl TokenSink for Links {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let Token::TagToken(tag) = token else { return TokenSinkResult::Continue };
        if tag.kind != TagKind::StartTag {
            return TokenSinkResult::Continue;
        }
        match &*tag.name {
            "script" => return TokenSinkResult::RawData(ScriptData),
            "style" | "noscript" | "iframe" => return TokenSinkResult::RawData(Rawtext),
            "title" | "textarea" => return TokenSinkResult::RawData(Rcdata),
            "base" => {
                let mut found = self.found.borrow_mut();
                found.base = found.base.take().or_else(|| attribute(&tag, "href"));
            }
            "link" if names_a_feed(&tag) => self.found.borrow_mut().hrefs.extend(attribute(&tag, "href")),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn names_a_feed(tag: &Tag) -> bool {
    let rel = attribute(tag, "rel").unwrap_or_default().to_ascii_lowercase();
    let media_type = attribute(tag, "type").unwrap_or_default().to_ascii_lowercase();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let is_feed = matches!(media_type, "application/rss+xml" | "application/atom+xml" | "application/feed+json");
    is_feed && rel.split_whitespace().any(|word| word == "alternate")
}

fn attribute(tag: &Tag, name: &str) -> Option<String> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| attribute.value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_feeds_in_its_head() {
        #[track_caller]
        fn case(html: &str, want: &[&str]) {
            let page = Url::parse("https://example.org/blog/").unwrap();
            let found: Vec<String> = feeds(html, &page).into_iter().map(String::from).collect();
            assert_eq!(found, want, "{html}");
        }
        case(
            "<!doctype html><LINK REL='Alternate' TYPE='application/rss+xml; charset=utf-8' HREF=rss.xml>",
            &["https://example.org/blog/rss.xml"],
        );
        case(
            "<link rel=alternate type=application/atom+xml href=/atom.xml><link rel='feed alternate' \
             type=application/feed+json href='//cdn.example.net/feed.json?a=1&amp;b=2'>",
            &["https://example.org/atom.xml", "https://cdn.example.net/feed.json?a=1&b=2"],
        );
        case(
            "<base href=/x/><base href=/y/><link rel=alternate type=application/rss+xml href=a>",
            &["https://example.org/x/a"],
        );
        case(
            "<link rel=alternate type=application/rss+xml href=a><link rel=alternate type=application/rss+xml href=a>",
            &["https://example.org/blog/a"],
        );
        case("<link rel=alternate type=application/rss+xml href=/comments/feed/>", &[]);
        case("<link rel=alternate type=application/rss+xml href='javascript:alert(1)'>", &[]);
        case("<link rel=alternate type=application/json href=/wp-json/>", &[]);
        case("<link rel=stylesheet type=application/rss+xml href=a>", &[]);
        case("<!-- <link rel=alternate type=application/rss+xml href=a> -->", &[]);
        case("<script>'<link rel=alternate type=application/rss+xml href=a>'</script>", &[]);
        case("<title><link rel=alternate type=application/rss+xml href=a></title>", &[]);
        case("<link rel=alternate type=application/rss+xml>", &[]);
        case("", &[]);
    }
}
