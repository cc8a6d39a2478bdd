//! JSON Feed 1.1 (jsonfeed.org/version/1.1).
//!
//! Written with serde from the structs below, whose fields stand in the order in which they are written. Fields of the
//! feed and of an item get a line each, what is below them does not: small, and kind to whoever compares two versions.

use super::shown;
use super::{Entry, Feed, Format, Media, Person};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io;

/// Appends the feed as JSON Feed.
///
/// An item without content has its summary, else its title, as `content_text`, since the format wants one of the two.
/// `next_url` leads to the archive before this document.
pub fn write(feed: &Feed, out: &mut Vec<u8>) {
    let lines = Lines { depth: 0, filled: false };
    document(feed).serialize(&mut Serializer::with_formatter(&mut *out, lines)).expect("a vector takes every byte");
    out.push(b'\n');
}

#[derive(Serialize)]
struct Document {
    version: &'static str,
    title: String,
    home_page_url: String,
    feed_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_url: Option<String>,
    authors: Vec<Author>,
    #[serde(skip_serializing_if = "String::is_empty")]
    language: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hubs: Vec<Hub>,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Author {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize)]
struct Hub {
    r#type: &'static str,
    url: String,
}

#[derive(Serialize)]
struct Item {
    id: String,
    url: String,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_html: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    date_published: String,
    date_modified: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Author>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment>,
}

#[derive(Serialize)]
struct Attachment {
    url: String,
    mime_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_in_bytes: Option<u64>,
}

fn document(feed: &Feed) -> Document {
    let description = feed.description.trim();
    Document {
        version: "https://jsonfeed.org/version/1.1",
        title: feed.shown_title(),
        home_page_url: feed.home_url.to_string(),
        feed_url: feed.file_url(Format::Json),
        description: (!description.is_empty()).then(|| description.to_string()),
        next_url: feed.archive.previous.as_ref().map(|folder| format!("{folder}{}", Format::Json.file_name())),
        authors: vec![author(feed.shown_author())],
        language: feed.language.to_string(),
        hubs: feed.hub.iter().map(|hub| Hub { r#type: "WebSub", url: hub.to_string() }).collect(),
        items: feed.shown().map(|(entry, content)| item(feed, entry, content.map(Into::into))).collect(),
    }
}

fn item(feed: &Feed, entry: &Entry, content_html: Option<String>) -> Item {
    let title = entry.shown_title();
    let summary = entry.shown_summary().map(String::from);
    let content_text = content_html.is_none().then(|| summary.clone().unwrap_or_else(|| title.clone()));
    Item {
        id: entry.id.to_string(),
        url: entry.url.to_string(),
        title,
        content_html,
        content_text,
        summary,
        image: entry.image.as_ref().map(|image| image.url.to_string()),
        date_published: shown::rfc3339(entry.published_at),
        date_modified: shown::rfc3339(entry.updated_at),
        authors: entry.shown_authors().map(author).collect(),
        tags: entry.shown_terms().map(|term| term.label.to_string()).collect(),
        language: entry.shown_language(feed),
        attachments: entry.enclosure.iter().map(attachment).collect(),
    }
}

fn author(person: Person) -> Author {
    Author { name: person.name.to_string(), url: person.url.map(|url| url.to_string()) }
}

fn attachment(file: &Media) -> Attachment {
    let mime_type = super::rss::shown_type(file).to_string();
    Attachment { url: file.url.to_string(), mime_type, size_in_bytes: file.size_bytes }
}

/// A line for each field of the feed, each element of its lists, and each field of these.
struct Lines {
    depth: usize,
    filled: bool,
}

impl Lines {
    /// How deep a line of its own is worth it.
    const DEEPEST: usize = 3;

    fn open<W: io::Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        writer.write_all(bracket)
    }

    fn close<W: io::Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.filled && self.depth < Self::DEEPEST {
            self.line(writer)?;
        }
        self.filled = true;
        writer.write_all(bracket)
    }

    fn next<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        if self.depth <= Self::DEEPEST { self.line(writer) } else { Ok(()) }
    }

    fn line<W: io::Write + ?Sized>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| writer.write_all(b" "))
    }
}

impl Formatter for Lines {
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn end_array_value<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(if self.depth <= Self::DEEPEST { b": " } else { b":" })
    }

    fn end_object_value<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}
