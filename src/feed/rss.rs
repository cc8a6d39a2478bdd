//! RSS 2.0, in the forms that the RSS Advisory Board's profile asks for.
//!
//! The crate `rss` is the model and the writer. Two things it cannot do are added by one pass over its bytes: character
//! references instead of named entities (`&#x3C;`: the only form of `<` that no reader and no validator takes for
//! markup), and the `xml-stylesheet` line. Content is in CDATA sections, and the pass leaves these alone.
//!
//! RSS has no place for the time of a change and for the language of an item: `atom:updated` and `dc:language` say them.
//! An author is a `dc:creator`, since `author` must be a mail address. All namespaces are declared in every feed.

use super::shown::{self, namespace};
use super::{Entry, Feed, Format, Media};
use memchr::memchr2;
use memchr::memmem;
use rss::extension::atom::{AtomExtension, Link};
use rss::extension::dublincore::DublinCoreExtension;
use rss::extension::{Extension, ExtensionMap};
use std::collections::BTreeMap;

/// Appends the feed as RSS.
///
/// `description` is the summary, as HTML, and `content:encoded` the content. Without a summary `description` is the
/// content itself, else the title: the profile wants no `content:encoded` alone. No element is ever empty. `fh:archive` is
/// left out of the oldest archive, as in Atom.
pub fn write(feed: &Feed, out: &mut Vec<u8>) {
    let bytes = channel(feed).pretty_write_to(Vec::new(), b' ', 2).expect("a vector takes every byte");
    let root = memmem::find(&bytes, b"<rss").unwrap_or(0);
    out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    with_references(super::atom::stylesheet(&feed.style_url).as_bytes(), out);
    with_references(&bytes[root..], out);
    out.push(b'\n');
}

/// Copies XML, with hexadecimal references in the place of named entities, but for CDATA sections.
fn with_references(xml: &[u8], out: &mut Vec<u8>) {
    const ENTITIES: [(&[u8], &[u8]); 5] = [
        (b"&lt;", b"&#x3C;"),
        (b"&gt;", b"&#x3E;"),
        (b"&amp;", b"&#x26;"),
        (b"&quot;", b"&#x22;"),
        (b"&apos;", b"&#x27;"),
    ];
    let mut rest = xml;
    while let Some(at) = memchr2(b'&', b'<', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let (taken, written) = if rest.starts_with(b"<![CDATA[") {
            let end = memmem::find(rest, b"]]>").map_or(rest.len(), |end| end + 3);
            (end, &rest[..end])
        } else {
            match ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity)) {
                Some((entity, reference)) => (entity.len(), *reference),
                None => (1, &rest[..1]),
            }
        };
        out.extend_from_slice(written);
        rest = &rest[taken..];
    }
    out.extend_from_slice(rest);
}

/// The feed in the words of the crate.
fn channel(feed: &Feed) -> rss::Channel {
    let title = feed.shown_title();
    let description = Some(feed.description.trim()).filter(|d| !d.is_empty()).unwrap_or(&title).to_string();
    let mut namespaces = BTreeMap::new();
    for (prefix, uri) in [
        ("atom", namespace::ATOM),
        ("content", namespace::CONTENT),
        ("dc", namespace::DUBLIN_CORE),
        ("media", namespace::MEDIA),
    ] {
        namespaces.insert(prefix.to_string(), uri.to_string());
    }
    let mut extensions = ExtensionMap::new();
    if feed.archive.current.is_some() && feed.archive.previous.is_some() {
        namespaces.insert("fh".into(), namespace::HISTORY.into());
        extensions.insert("fh".into(), only(Extension { name: "fh:archive".into(), ..Extension::default() }));
    }
    rss::Channel {
        title,
        link: feed.home_url.to_string(),
        description,
        language: (!feed.language.is_empty()).then(|| feed.language.to_string()),
        last_build_date: Some(shown::rfc822(feed.updated_at)),
        generator: Some(shown::GENERATOR.into()),
        items: feed.shown().map(|(entry, content)| item(feed, entry, content.map(Into::into))).collect(),
        atom_ext: Some(AtomExtension { links: links(feed) }),
        dublin_core_ext: Some(DublinCoreExtension {
            creators: vec![feed.shown_author().name.to_string()],
            ..DublinCoreExtension::default()
        }),
        extensions,
        namespaces,
        ..rss::Channel::default()
    }
}

/// Self, the hub and the neighbours among the archives, in this order.
fn links(feed: &Feed) -> Vec<Link> {
    let link = |rel: &str, href: String, media_type: Option<&str>| Link {
        href,
        rel: rel.into(),
        mime_type: media_type.map(Into::into),
        ..Link::default()
    };
    let kind = Some(Format::Rss.media_type());
    let file = |folder: &str| format!("{folder}{}", Format::Rss.file_name());
    let mut links = vec![link("self", feed.file_url(Format::Rss), kind)];
    links.extend(feed.hub.iter().map(|hub| link("hub", hub.to_string(), None)));
    links.extend(feed.archive.current.iter().map(|folder| link("current", file(folder), kind)));
    links.extend(feed.archive.previous.iter().map(|folder| link("prev-archive", file(folder), kind)));
    links
}

/// One entry in the words of the crate.
fn item(feed: &Feed, entry: &Entry, content: Option<String>) -> rss::Item {
    let title = entry.shown_title();
    let (description, content) = match (entry.shown_summary(), content) {
        (Some(summary), content) => (shown::as_html(&summary), content),
        (None, Some(content)) => (content, None),
        (None, None) => (shown::as_html(&title), None),
    };
    let updated = Extension {
        name: "atom:updated".into(),
        value: Some(shown::rfc3339(entry.updated_at)),
        ..Extension::default()
    };
    let mut extensions = ExtensionMap::from([("atom".into(), only(updated))]);
    extensions.extend(entry.image.iter().map(|image| ("media".into(), only(picture(image)))));
    rss::Item {
        title: Some(title),
        link: Some(entry.url.to_string()),
        description: Some(description),
        categories: entry
            .shown_terms()
            .map(|term| rss::Category { name: term.label.to_string(), domain: Some(term.scheme.to_string()) })
            .collect(),
        enclosure: entry.enclosure.as_ref().map(|file| rss::Enclosure {
            url: file.url.to_string(),
            length: file.size_bytes.unwrap_or(0).to_string(),
            mime_type: shown_type(file).to_string(),
        }),
        guid: Some(rss::Guid { value: entry.id.to_string(), permalink: false }),
        pub_date: Some(shown::rfc822(entry.published_at)),
        content,
        extensions,
        dublin_core_ext: Some(DublinCoreExtension {
            creators: entry.shown_authors().map(|person| person.name.to_string()).collect(),
            languages: entry.shown_language(feed).into_iter().collect(),
            ..DublinCoreExtension::default()
        }),
        ..rss::Item::default()
    }
}

/// The media type of a file; that of any file where it is not known.
pub(super) fn shown_type(file: &Media) -> &str {
    if file.media_type.is_empty() { "application/octet-stream" } else { &file.media_type }
}

/// The picture as `media:content`.
fn picture(image: &Media) -> Extension {
    let child = |(name, attrs, value): (&str, _, _)| {
        let child = Extension { name: format!("media:{name}"), value: Some(value), attrs, ..Extension::default() };
        (name.to_string(), vec![child])
    };
    Extension {
        name: "media:content".into(),
        attrs: picture_attributes(image),
        children: picture_children(image).map(child).into_iter().collect(),
        ..Extension::default()
    }
}

/// The attributes of `media:content` (Media RSS 1.5.1).
pub(super) fn picture_attributes(image: &Media) -> BTreeMap<String, String> {
    let mut attributes =
        BTreeMap::from([("url".to_string(), image.url.to_string()), ("medium".to_string(), "image".to_string())]);
    if !image.media_type.is_empty() {
        attributes.insert("type".into(), image.media_type.to_string());
    }
    if let Some(size) = image.size_bytes {
        attributes.insert("fileSize".into(), size.to_string());
    }
    attributes
}

/// What the picture shows, as `media:description`: local name, attributes and text.
pub(super) fn picture_children(image: &Media) -> Option<(&'static str, BTreeMap<String, String>, String)> {
    let alt = image.alt.trim();
    let plain = BTreeMap::from([("type".to_string(), "plain".to_string())]);
    (!alt.is_empty()).then(|| ("description", plain, alt.to_string()))
}

/// One extension, by its local name.
fn only(extension: Extension) -> BTreeMap<String, Vec<Extension>> {
    let local = extension.name.split(':').next_back().unwrap_or_default().to_string();
    BTreeMap::from([(local, vec![extension])])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_become_references_but_not_in_cdata() {
        #[track_caller]
        fn case(xml: &str, want: &str) {
            let mut out = Vec::new();
            with_references(xml.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
        case("<a b=\"&quot;&amp;\">&lt;b&gt;&apos;</a>", "<a b=\"&#x22;&#x26;\">&#x3C;b&#x3E;&#x27;</a>");
        case("<a><![CDATA[&lt;]]>&lt;<![CDATA[&amp;]]></a>", "<a><![CDATA[&lt;]]>&#x3C;<![CDATA[&amp;]]></a>");
        case("<a>&#10;&amp;lt;</a>", "<a>&#10;&#x26;lt;</a>");
        case("<![CDATA[&lt;", "<![CDATA[&lt;");
        case("", "");
    }
}
