//! The links of a mail, from both of its parts.
//!
//! The two parts must lead to the same places: whoever reads the text must miss nothing. Read from what was rendered, by a
//! tokenizer of HTML and not from what was meant, so that a site's own template is looked at as well.

use crate::diagnostic::Diagnostic;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, Rcdata, ScriptData};
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};
use serde::Serialize;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Where a mail leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The address, as it stands in the mail.
    pub url: String,
    /// What can be clicked: the words of the first link with this address, or what its picture says instead.
    pub text: String,
    /// How many links of the HTML part lead there.
    pub in_html: usize,
    /// How many times the text part names it.
    pub in_text: usize,
}

/// All links of a mail, each address once: those of the HTML part in its order, then those that only the text has.
pub fn links(html: &str, text: &str) -> Vec<Link> {
    let mut all: Vec<Link> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut at = |url: &str, words: &str| match known.get(url) {
        Some(&at) => at,
        None => {
            known.insert(url.to_string(), all.len());
            all.push(Link { url: url.to_string(), text: words.to_string(), in_html: 0, in_text: 0 });
            all.len() - 1
        }
    };
    let of_html: Vec<usize> = in_html(html).iter().map(|(url, words)| at(url, words)).collect();
    let of_text: Vec<usize> = in_text(text).into_iter().map(|url| at(url, "")).collect();
    of_html.into_iter().for_each(|at| all[at].in_html += 1);
    of_text.into_iter().for_each(|at| all[at].in_text += 1);
    all
}

/// The addresses of the pictures in an HTML, each once, in order.
pub fn pictures(html: &str) -> Vec<String> {
    let found = read(html, Pictures::default()).found.into_inner();
    let mut known = BTreeSet::new();
    found.into_iter().filter(|src| known.insert(src.clone())).collect()
}

/// What is wrong with the links: an address that one part has and the other has not, a link without words, one that is
/// not absolute.
pub fn findings(links: &[Link]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for link in links {
        let url = link.url.escape_debug();
        if link.in_html == 0 {
            findings.push(Diagnostic::warning(format!("the text part leads to `{url}`, the HTML part does not")));
        } else if link.in_text == 0 {
            findings.push(Diagnostic::warning(format!("the HTML part leads to `{url}`, the text part does not")));
        }
        if link.in_html > 0 && link.text.is_empty() {
            findings.push(Diagnostic::warning(format!("the link to `{url}` has no words")));
        }
        if !["https://", "http://", "mailto:", "tel:"].iter().any(|scheme| link.url.starts_with(scheme)) {
            findings
                .push(Diagnostic::error(format!("the link to `{url}` leads nowhere from a mail: it is not absolute")));
        }
    }
    findings
}

/// The links of HTML with their words, in order. A link to a place in the mail itself (`#top`) is left out.
fn in_html(html: &str) -> Vec<(String, String)> {
    let found = read(html, Anchors::default()).found.into_inner();
    let one_line = |words: String| words.split_whitespace().collect::<Vec<_>>().join(" ");
    found.into_iter().filter(|(url, _)| !url.starts_with('#')).map(|(url, words)| (url, one_line(words))).collect()
}

/// Reads an HTML into a sink.
fn read<S: TokenSink>(html: &str, sink: S) -> S {
    let tokenizer = Tokenizer::new(sink, Default::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    // The sinks never ask for a pause, so that one call reads everything.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink
}

#[derive(Default)]
struct Pictures {
    found: RefCell<Vec<String>>,
}

impl TokenSink for Pictures {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        if let Token::TagToken(tag) = token
            && &*tag.name == "img"
        {
            self.found.borrow_mut().extend(attribute(&tag, "src"));
        }
        TokenSinkResult::Continue
    }
}

#[derive(Default)]
struct Anchors {
    found: RefCell<Vec<(String, String)>>,
    open: RefCell<bool>,
}

impl TokenSink for Anchors {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut found = self.found.borrow_mut();
        let mut open = self.open.borrow_mut();
        match token {
            Token::CharacterTokens(text) if *open => {
                if let Some((_, words)) = found.last_mut() {
                    words.push_str(&text);
                }
            }
            Token::TagToken(tag) if tag.kind == TagKind::EndTag => *open &= &*tag.name != "a",
            Token::TagToken(tag) => match &*tag.name {
                "script" => return TokenSinkResult::RawData(ScriptData),
                "style" | "noscript" | "iframe" => return TokenSinkResult::RawData(Rawtext),
                "title" | "textarea" => return TokenSinkResult::RawData(Rcdata),
                "a" | "area" => {
                    *open = false;
                    if let Some(url) = attribute(&tag, "href") {
                        *open = &*tag.name == "a";
                        found.push((url.trim().to_string(), attribute(&tag, "alt").unwrap_or_default()));
                    }
                }
                "img" if *open => {
                    if let (Some((_, words)), Some(alt)) = (found.last_mut(), attribute(&tag, "alt")) {
                        words.push(' ');
                        words.push_str(&alt);
                    }
                }
                _ => {}
            },
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn attribute(tag: &Tag, name: &str) -> Option<String> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| attribute.value.to_string())
}

/// The addresses in a text: from `https://`, `http://` or `mailto:` at the start of a word up to white space or `>`,
/// without the punctuation that ends a sentence.
fn in_text(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>'));
    words
        .map(|word| word.trim_start_matches(['(', '[', '"', '“']))
        .filter(|word| ["https://", "http://", "mailto:"].iter().any(|scheme| word.starts_with(scheme)))
        .map(|word| {
            let word = word.trim_end_matches(['.', ',', ';', ':', '!', '?', '"', '”', ']']);
            // A bracket belongs to the address where it was opened in it.
            match word.ends_with(')') && !word.contains('(') {
                true => word.trim_end_matches(')'),
                false => word,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_links_of_both_parts_are_joined() {
        let html = "<title><a href='x'>no</a></title><a href=\"https://example.org/a?b=1&amp;c=2\">One\n <b>post</b></a>\
            <a href='#top'>Top</a><a href='https://example.org/i'><img src=i alt='A  ship'></a>\
            <A HREF='https://example.org/a?b=1&c=2'>Again</A><a>none</a> x <!-- <a href=y> -->";
        let text = "One post\nhttps://example.org/a?b=1&c=2\n(https://example.org/i), <https://example.org/only(x)>.";
        let found: Vec<_> =
            links(html, text).into_iter().map(|link| (link.url, link.text, link.in_html, link.in_text)).collect();
        let want = [
            ("https://example.org/a?b=1&c=2", "One post", 2, 1),
            ("https://example.org/i", "A ship", 1, 1),
            ("https://example.org/only(x)", "", 0, 1),
        ];
        let want = want.map(|(url, words, html, text)| (url.to_string(), words.to_string(), html, text));
        assert_eq!(found, want);
    }

    #[test]
    fn what_only_one_part_has_is_told() {
        #[track_caller]
        fn case(html: &str, text: &str, want: &[&str]) {
            let told: Vec<String> = findings(&links(html, text)).into_iter().map(|finding| finding.message).collect();
            assert_eq!(told, want);
        }
        case("<a href='https://example.org/'>x</a>", "https://example.org/.", &[]);
        case(
            "<a href='https://example.org/'> <img src=x></a>",
            "https://example.com/",
            &[
                "the HTML part leads to `https://example.org/`, the text part does not",
                "the link to `https://example.org/` has no words",
                "the text part leads to `https://example.com/`, the HTML part does not",
            ],
        );
        case(
            "<a href='/blog/'>x</a>",
            "",
            &[
                "the HTML part leads to `/blog/`, the text part does not",
                "the link to `/blog/` leads nowhere from a mail: it is not absolute",
            ],
        );
    }

    #[test]
    fn each_picture_is_found_once() {
        let html = "<!-- <img src=no> --><IMG src='https://example.org/a?b&amp;c'><img alt=x><img src=https://example.org/a?b&c>\
            <a href=y><img src=z></a>";
        assert_eq!(pictures(html), ["https://example.org/a?b&c", "z"]);
    }

    proptest::proptest! {
        #[test]
        fn no_html_makes_it_panic(pieces in proptest::collection::vec(proptest::sample::select(vec![
            "<a href='https://example.org/'>", "<a", "href=", "'", "\"", "</a>", "<img alt=x>", "<style>", "</style>", "<!--", "-->", "&amp;", "&#0;", "é", "<script>",
        ]), 0..30)) {
            let html = pieces.concat();
            findings(&links(&html, &html));
        }
    }
}
