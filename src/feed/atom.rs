//! Atom 1.0: RFC 4287, with the archives of RFC 5005 and pictures as Media RSS.
//!
//! The crate `atom_syndication` is the model and the writer. It writes no `encoding` and no `xml-stylesheet`, so the
//! lines before the root are written here. All namespaces are declared in every feed, used or not: then an entry that
//! comes or goes changes no line but its own.

use super::shown::{self, namespace};
use super::{Entry, Feed, Format, Media};
use atom_syndication as atom;
use atom_syndication::extension::{Extension, ExtensionMap};
use chrono::{DateTime, Utc};
use quick_xml::escape::escape;
use std::collections::BTreeMap;

/// Appends the feed as Atom.
///
/// A title or summary is `type="html"` where plain text could be taken for markup, so that every reader shows it. An entry
/// whose content is not carried has its summary alone, else its title for one. `fh:archive` is left out of the oldest
/// archive: it has no `prev-archive`, and the W3C validator takes an archive without such a link for a broken one.
pub fn write(feed: &Feed, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    out.extend_from_slice(stylesheet(&feed.style_url).as_bytes());
    let config = atom::WriteConfig { write_document_declaration: false, indent_size: Some(2) };
    document(feed).write_with_config(&mut *out, config).expect("a vector takes every byte");
    out.push(b'\n');
}

/// The line that tells a browser how to show a feed (Associating Style Sheets with XML documents, W3C).
pub(super) fn stylesheet(style_url: &str) -> String {
    if style_url.is_empty() {
        return String::new();
    }
    format!("<?xml-stylesheet type=\"text/css\" href=\"{}\"?>\n", escape(style_url))
}

/// The feed in the words of the crate.
fn document(feed: &Feed) -> atom::Feed {
    let mut namespaces = BTreeMap::from([("media".to_string(), namespace::MEDIA.to_string())]);
    let mut extensions = ExtensionMap::new();
    if feed.archive.current.is_some() && feed.archive.previous.is_some() {
        namespaces.insert("fh".into(), namespace::HISTORY.into());
        let mark = Extension { name: "fh:archive".into(), ..Extension::default() };
        extensions.insert("fh".into(), BTreeMap::from([("archive".into(), vec![mark])]));
    }
    let author = feed.shown_author();
    let description = feed.description.trim();
    atom::Feed {
        title: text(&feed.shown_title(), None),
        id: feed.id.to_string(),
        updated: time(feed.updated_at),
        authors: vec![person(author)],
        generator: Some(atom::Generator { value: shown::GENERATOR.into(), ..atom::Generator::default() }),
        links: feed_links(feed),
        subtitle: (!description.is_empty()).then(|| text(description, None)),
        entries: feed.shown().map(|(each, content)| entry(feed, each, content.map(Into::into))).collect(),
        extensions,
        namespaces,
        lang: (!feed.language.is_empty()).then(|| feed.language.to_string()),
        ..atom::Feed::default()
    }
}

/// Home, self, the other formats, the hub and the neighbours among the archives, in this order.
fn feed_links(feed: &Feed) -> Vec<atom::Link> {
    let format = Format::Atom;
    let file = |folder: &str| format!("{folder}{}", format.file_name());
    let mut links = vec![
        link("alternate", feed.home_url.to_string(), Some("text/html")),
        link("self", feed.file_url(format), Some(format.media_type())),
    ];
    for other in feed.formats.iter().filter(|&&other| other != format) {
        links.push(link("alternate", feed.file_url(*other), Some(other.media_type())));
    }
    links.extend(feed.hub.iter().map(|hub| link("hub", hub.to_string(), None)));
    links.extend(feed.archive.current.iter().map(|folder| link("current", file(folder), Some(format.media_type()))));
    links.extend(
        feed.archive.previous.iter().map(|folder| link("prev-archive", file(folder), Some(format.media_type()))),
    );
    links
}

/// One entry in the words of the crate.
fn entry(feed: &Feed, entry: &Entry, content: Option<String>) -> atom::Entry {
    let lang = entry.shown_language(feed);
    let mut links = vec![link("alternate", entry.url.to_string(), Some("text/html"))];
    links.extend(entry.enclosure.as_ref().map(|file| atom::Link {
        length: file.size_bytes.map(|n| n.to_string()),
        ..link("enclosure", file.url.to_string(), Some(&file.media_type).filter(|kind| !kind.is_empty()).map(|k| &**k))
    }));
    let category = |term: super::EntryTerm| atom::Category {
        term: term.term.to_string(),
        scheme: Some(term.scheme.to_string()),
        label: Some(term.label.to_string()),
    };
    let title = entry.shown_title();
    let summary = match entry.shown_summary() {
        None if content.is_none() => Some(title.clone().into()),
        summary => summary,
    };
    atom::Entry {
        title: text(&title, lang.as_deref()),
        id: entry.id.to_string(),
        updated: time(entry.updated_at),
        authors: entry.shown_authors().map(person).collect(),
        categories: entry.shown_terms().map(category).collect(),
        links,
        published: Some(time(entry.published_at)),
        summary: summary.map(|summary| text(&summary, lang.as_deref())),
        content: content.map(|html| atom::Content {
            lang,
            value: Some(html),
            content_type: Some("html".into()),
            ..atom::Content::default()
        }),
        extensions: entry.image.iter().map(picture).collect(),
        ..atom::Entry::default()
    }
}

/// A text construct (RFC 4287, section 3.1), as HTML where plain text could be taken for it.
fn text(plain: &str, lang: Option<&str>) -> atom::Text {
    let construct = match looks_like_markup(plain) {
        true => atom::Text::html(shown::as_html(plain)),
        false => atom::Text::plain(plain),
    };
    atom::Text { lang: lang.map(Into::into), ..construct }
}

/// Whether a reader that takes all text for HTML would show something else: a `<`, or an `&` that may start an entity.
fn looks_like_markup(plain: &str) -> bool {
    let entity = |(at, _)| plain[at + 1..].starts_with(|c: char| c == '#' || c.is_ascii_alphanumeric());
    plain.contains('<') || plain.match_indices('&').any(entity)
}

/// The picture as `media:content`, in the map of extensions that the crate wants.
fn picture(image: &Media) -> (String, BTreeMap<String, Vec<Extension>>) {
    let children = super::rss::picture_children(image)
        .map(|(name, attrs, value)| {
            let child = Extension { name: format!("media:{name}"), value: Some(value), attrs, ..Extension::default() };
            (name.to_string(), vec![child])
        })
        .into_iter()
        .collect();
    // The crate writes the attributes of extensions as they are: without this, an `&` in an address breaks the feed.
    let escaped = |(name, value): (String, String)| (name, escape(&value).into_owned());
    let attrs = super::rss::picture_attributes(image).into_iter().map(escaped).collect();
    let content = Extension { name: "media:content".into(), attrs, children, ..Extension::default() };
    ("media".into(), BTreeMap::from([("content".into(), vec![content])]))
}

fn link(rel: &str, href: String, media_type: Option<&str>) -> atom::Link {
    atom::Link { href, rel: rel.into(), mime_type: media_type.map(Into::into), ..atom::Link::default() }
}

fn person(person: super::Person) -> atom::Person {
    let uri = person.url.map(|url| url.to_string());
    atom::Person { name: person.name.to_string(), uri, ..atom::Person::default() }
}

fn time(at: DateTime<Utc>) -> atom::FixedDateTime {
    shown::sayable(at).fixed_offset()
}
