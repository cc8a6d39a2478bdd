//! Feeds as somebody else reads them: by parsers that are not ours, all three formats of a feed held against each other.

// Each file in `tests/` compiles this module for itself and uses a part of it.
#![allow(dead_code)]

use super::Site;
use chrono::{DateTime, Utc};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use serde_json::Value;
use std::cell::RefCell;
use tidings::text::first_illegal;

/// An entry, in the words that all formats share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    pub id: String,
    pub title: String,
    pub url: String,
    pub published: String,
    pub authors: Vec<String>,
    pub terms: Vec<String>,
    pub summary: String,
    pub html: String,
    /// Address, media type, size.
    pub enclosure: Option<(String, String, Option<u64>)>,
    /// What Atom and JSON Feed say; RSS has no word of its own for it that `feed-rs` knows.
    pub updated: String,
}

/// The feed in this folder of the output, read from all its formats.
///
/// Panics where one cannot be read, where they say different things, and where something in them is dangerous or relative.
#[track_caller]
pub fn feed(site: &Site, folder: &str) -> Vec<Item> {
    let path = |name: &str| format!("public/{folder}{name}");
    let atom = site.read(&path("atom.xml"));
    let rss = site.read(&path("rss.xml"));
    let json = site.read(&path("feed.json"));
    let items = from_json(&json);
    let from_atom = from_xml(&atom);
    assert_eq!(from_atom, items, "Atom and JSON differ in `{folder}`");
    let from_rss: Vec<Item> = from_xml(&rss)
        .into_iter()
        .zip(&items)
        .map(|(item, like)| {
            // RSS has to say a size, and 0 where it is not known; without a summary the content stands for it.
            let unsized_ = like.enclosure.as_ref().is_some_and(|(_, _, size)| size.is_none());
            let enclosure = item.enclosure.map(|(url, kind, size)| (url, kind, size.filter(|n| !unsized_ || *n != 0)));
            Item { enclosure, updated: like.updated.clone(), ..item }
        })
        .collect();
    let as_rss: Vec<Item> = items
        .iter()
        .cloned()
        .map(|mut item| {
            // Without a summary the content stands in its place.
            if item.summary.is_empty() {
                item.summary = std::mem::take(&mut item.html);
            }
            item
        })
        .collect();
    assert_eq!(from_rss, as_rss, "RSS and JSON differ in `{folder}`");
    for item in &items {
        harmless(&item.html);
        assert_absolute(&item.url);
    }
    items
}

/// Every feed of the site, archives too, read as [`feed`] does: folder and items.
#[track_caller]
pub fn feeds(site: &Site) -> Vec<(String, Vec<Item>)> {
    let files = site.files("public");
    let folders = files.iter().filter_map(|file| file.strip_suffix("atom.xml"));
    folders.map(|folder| (folder.to_string(), feed(site, folder))).collect()
}

/// The titles of a feed, newest first.
#[track_caller]
pub fn titles(site: &Site, folder: &str) -> Vec<String> {
    feed(site, folder).into_iter().map(|item| item.title).collect()
}

fn rfc3339(at: Option<DateTime<Utc>>) -> String {
    at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)).unwrap_or_default()
}

fn from_json(json: &str) -> Vec<Item> {
    let feed: Value = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}: {json}"));
    assert_eq!(feed["version"], "https://jsonfeed.org/version/1.1");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let texts = |value: &Value, key: &str| -> Vec<String> {
        let all = value.as_array().into_iter().flatten();
        all.map(|one| text(if key.is_empty() { one } else { &one[key] })).collect()
    };
    let site = texts(&feed["authors"], "name");
    let items = feed["items"].as_array().expect("items");
    let item = |item: &Value| {
        let authors = texts(&item["authors"], "name");
        let file = &item["attachments"][0];
        Item {
            id: text(&item["id"]),
            title: text(&item["title"]),
            url: text(&item["url"]),
            published: text(&item["date_published"]),
            updated: text(&item["date_modified"]),
            authors: if authors.is_empty() { site.clone() } else { authors },
            terms: texts(&item["tags"], ""),
            // Without a summary and content, the title stands for the text, and Atom calls that a summary.
            summary: text(if item["summary"].is_null() { &item["content_text"] } else { &item["summary"] }),
            html: text(&item["content_html"]),
            enclosure: (!file.is_null())
                .then(|| (text(&file["url"]), text(&file["mime_type"]), file["size_in_bytes"].as_u64())),
        }
    };
    items.iter().map(item).collect()
}

fn from_xml(xml: &str) -> Vec<Item> {
    well_formed(xml);
    let feed = feed_rs::parser::parse(xml.as_bytes()).unwrap_or_else(|e| panic!("{e}: {xml}"));
    let rss = feed.feed_type == feed_rs::model::FeedType::RSS2;
    let mut files = enclosures(xml).into_iter();
    let names = |people: &[feed_rs::model::Person]| people.iter().filter_map(|p| p.name.clone()).collect::<Vec<_>>();
    let site = names(&feed.authors);
    let site = if site.is_empty() { vec!["Example".to_string()] } else { site };
    feed.entries
        .iter()
        .map(|entry| {
            let authors = names(&entry.authors);
            let link = |rel: &str| {
                let mut of = entry.links.iter().filter(|l| l.rel.as_deref().unwrap_or("alternate") == rel);
                of.next().cloned()
            };
            let enclosure = link("enclosure").map(|l| (l.href, l.media_type.unwrap_or_default(), l.length));
            Item {
                id: entry.id.clone(),
                title: entry.title.as_ref().map(|t| plain(t, rss)).unwrap_or_default(),
                url: link("alternate").map(|l| l.href).unwrap_or_default(),
                published: rfc3339(entry.published),
                updated: rfc3339(entry.updated),
                authors: if authors.is_empty() { site.clone() } else { authors },
                terms: entry.categories.iter().map(|c| c.label.clone().unwrap_or_else(|| c.term.clone())).collect(),
                summary: entry.summary.as_ref().map(|t| summary(t, rss, entry)).unwrap_or_default(),
                html: entry.content.as_ref().and_then(|c| c.body.clone()).unwrap_or_default(),
                enclosure: if rss { files.next().flatten() } else { enclosure },
            }
        })
        .collect()
}

/// The enclosures of the items of RSS, which `feed-rs` does not tell from pictures.
fn enclosures(xml: &str) -> Vec<Option<(String, String, Option<u64>)>> {
    use quick_xml::events::Event;
    let mut found = Vec::new();
    let mut reader = quick_xml::Reader::from_str(xml);
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return found,
            Event::Start(element) if element.name().as_ref() == b"item" => found.push(None),
            Event::Empty(element) if element.name().as_ref() == b"enclosure" => {
                let value = |name: &str| {
                    let attribute = element.try_get_attribute(name).unwrap().unwrap_or_else(|| panic!("no {name}"));
                    let raw = std::str::from_utf8(&attribute.value).unwrap();
                    quick_xml::escape::unescape(raw).unwrap().into_owned()
                };
                let file = (value("url"), value("type"), value("length").parse().ok());
                *found.last_mut().expect("inside of an item") = Some(file);
            }
            _ => {}
        }
    }
}

/// Plain text from what a format says; RSS has plain titles.
fn plain(text: &feed_rs::model::Text, rss: bool) -> String {
    if !rss && text.content_type.subty() == "html" { unescaped(&text.content) } else { text.content.clone() }
}

/// In RSS a summary is HTML, and the content itself where there is no summary.
fn summary(text: &feed_rs::model::Text, rss: bool, entry: &feed_rs::model::Entry) -> String {
    let is_content = rss && entry.content.is_none() && text.content.starts_with('<');
    if is_content {
        text.content.clone()
    } else if rss {
        unescaped(&text.content)
    } else {
        plain(text, rss)
    }
}

/// Text that was written as HTML without any markup.
pub fn unescaped(html: &str) -> String {
    assert!(!html.contains('<'), "markup in a text: {html}");
    html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

/// XML that a strict parser takes, with no character that XML cannot carry, not even as a reference.
#[track_caller]
pub fn well_formed(xml: &str) {
    use quick_xml::events::Event;
    assert_eq!(first_illegal(xml), None, "{xml}");
    let mut reader = quick_xml::Reader::from_str(xml);
    reader.config_mut().check_comments = true;
    let (mut depth, mut roots) = (0, 0);
    loop {
        match reader.read_event().unwrap_or_else(|e| panic!("{e} at {}: {xml}", reader.error_position())) {
            Event::Eof => break,
            event @ (Event::Start(_) | Event::Empty(_)) => {
                roots += usize::from(depth == 0);
                depth += usize::from(matches!(event, Event::Start(_)));
                let (Event::Start(element) | Event::Empty(element)) = event else { continue };
                for attribute in element.attributes() {
                    let attribute = attribute.unwrap_or_else(|e| panic!("{e}: {xml}"));
                    let raw = std::str::from_utf8(&attribute.value).unwrap();
                    assert!(!raw.contains('<'), "{raw}");
                    let value = quick_xml::escape::unescape(raw).unwrap_or_else(|e| panic!("{e}: {raw}"));
                    assert_eq!(first_illegal(&value), None, "{raw}");
                }
            }
            Event::End(_) => depth -= 1,
            Event::Text(text) => {
                let text = text.decode().unwrap();
                assert!(!text.contains("]]>"), "a stray end of CDATA: {text}");
                assert!(depth > 0 || text.trim().is_empty(), "text outside of the root: {text}");
            }
            Event::GeneralRef(reference) => match reference.resolve_char_ref().unwrap() {
                Some(c) => assert!(first_illegal(c.encode_utf8(&mut [0; 4])).is_none(), "{c:?}"),
                None => {
                    let name = reference.decode().unwrap();
                    assert!(["lt", "gt", "amp", "quot", "apos"].contains(&&*name), "&{name};");
                }
            },
            _ => {}
        }
    }
    assert_eq!((depth, roots), (0, 1), "{xml}");
}

#[track_caller]
fn assert_absolute(url: &str) {
    let parsed = url::Url::parse(url).unwrap_or_else(|e| panic!("`{url}` is not absolute: {e}"));
    let data = url.starts_with("data:image/") && !url.starts_with("data:image/svg");
    let known = ["http", "https", "mailto", "tel", "sms", "geo", "xmpp", "magnet"].contains(&parsed.scheme());
    assert!(known || data, "`{url}` may run or lead astray");
}

/// HTML without anything that runs, is framed, or depends on the page that it is on.
#[track_caller]
pub fn harmless(html: &str) {
    for (name, attributes) in tags(html) {
        let forbidden = "script style iframe frame frameset object embed applet form input button select textarea link \
                         meta base title html head body svg math template noscript plaintext xmp portal dialog";
        assert!(!forbidden.split_whitespace().any(|bad| bad == name), "<{name}> in {html}");
        for (attribute, value) in attributes {
            assert!(!attribute.starts_with("on") && attribute != "style", "{attribute} in {html}");
            assert!(!["srcdoc", "formaction", "action", "background", "ping"].contains(&&*attribute), "{attribute}");
            match attribute.as_str() {
                "href" | "src" | "poster" | "cite" => assert_absolute(&value),
                "srcset" => {
                    for candidate in value.split(", ") {
                        assert_absolute(candidate.split(' ').next().unwrap_or_default());
                    }
                }
                _ => {}
            }
        }
    }
}

/// The name of an element, and its attributes.
pub type Tag = (String, Vec<(String, String)>);

/// All start tags of a piece of HTML with their attributes.
pub fn tags(html: &str) -> Vec<Tag> {
    #[derive(Default)]
    struct Sink(RefCell<Vec<Tag>>);
    impl TokenSink for Sink {
        type Handle = ();
        fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
            match token {
                Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                    let attributes = tag.attrs.iter().map(|a| (a.name.local.to_string(), a.value.to_string()));
                    self.0.borrow_mut().push((tag.name.to_string(), attributes.collect()));
                }
                Token::CommentToken(comment) => panic!("a comment: {comment}"),
                _ => {}
            }
            TokenSinkResult::Continue
        }
    }
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.take()
}
