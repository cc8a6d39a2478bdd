//! Feeds and entries as values that know no format. One writer per format turns a [`Feed`] into bytes.
//!
//! Everything here is absolute, resolved and clean: a writer has nothing to decide but how its format says it.

pub mod adopt;
pub mod aliases;
pub mod atom;
pub mod compose;
pub mod diff;
pub mod discover;
pub mod document;
pub mod entry;
pub mod gone;
pub mod hosting;
pub mod issues;
pub mod json;
pub mod kept;
pub mod listing;
pub mod made;
pub mod mend;
pub mod opened;
pub mod opml;
pub mod page;
pub mod plan;
pub mod read;
pub mod rss;
pub mod sameness;
pub mod served;
mod shown;
pub mod window;

pub use crate::config::Format;
use crate::text::{Html, Text};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// Appends a feed to `out` in one format. The same feed gives the same bytes everywhere; nothing can fail.
pub fn write(format: Format, feed: &Feed, out: &mut Vec<u8>) {
    match format {
        Format::Atom => atom::write(feed, out),
        Format::Rss => rss::write(feed, out),
        Format::Json => json::write(feed, out),
    }
}

/// One feed document: a subscription feed, or one of its archives.
#[derive(Clone, Debug)]
pub struct Feed {
    /// The id that never changes (RFC 4287, section 4.2.6). No other document has it, neither a feed nor an archive.
    pub id: Text,
    /// Title, plain text.
    pub title: Text,
    /// What it is about, plain text; empty where nothing is known (RSS then repeats the title).
    pub description: Text,
    /// The page that this feed is a feed of.
    pub home_url: Text,
    /// The folder that its files lie in, absolute, ending in `/`: the self link is this and the format's file name.
    pub folder_url: Text,
    /// Where `feeds/style.css` is, from the root of the host: what a browser shows the feed with, also where the feed is only
    /// tried out on another host.
    pub style_url: Text,
    /// BCP 47 tag.
    pub language: Text,
    /// The newest `updated` among the entries; see the plan for an empty feed.
    pub updated_at: DateTime<Utc>,
    /// The formats that this feed is written in: they name each other.
    pub formats: Vec<Format>,
    /// WebSub hub.
    pub hub: Option<Text>,
    /// Who writes where an entry does not say (the site's author, else its title).
    pub author: Person,
    /// Its place among the archives (RFC 5005, section 4).
    pub archive: Archive,
    /// The entries, newest first.
    pub entries: Vec<Arc<Entry>>,
    /// For each entry, whether this feed carries the content or the summary only. As long as `entries`.
    pub carries: Vec<crate::content::post::Content>,
}

/// Where a document stands in the chain of RFC 5005, section 4. Folders are absolute and end in `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archive {
    /// The folder of the subscription feed, when this document is an archive.
    pub current: Option<Text>,
    /// The folder of the archive before this one in time.
    pub previous: Option<Text>,
}

/// One post in a feed.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The id that never changes, a URI.
    pub id: Text,
    /// Title, plain text.
    pub title: Text,
    /// Where the post is read.
    pub url: Text,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// When it last changed in a way that readers should be told of; else the same.
    pub updated_at: DateTime<Utc>,
    /// By name; may be empty.
    pub authors: Vec<Person>,
    /// All its terms.
    pub terms: Vec<EntryTerm>,
    /// What a list shows, plain text; may be empty.
    pub summary: Text,
    /// Lead and body. Empty for a post without either, and where no file shows it in full.
    pub content: Html,
    /// BCP 47 tag, when it is not the site's.
    pub language: Option<Text>,
    /// The picture.
    pub image: Option<Media>,
    /// A file to play or to keep.
    pub enclosure: Option<Media>,
}

/// Somebody, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// As it is shown.
    pub name: Text,
    /// A page about them, absolute.
    pub url: Option<Text>,
}

/// A term of an entry: `term` is the slug, `scheme` the axis as a URI, `label` what people read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryTerm {
    /// Absolute address of the axis's folder, such as `https://example.org/category/`.
    pub scheme: Text,
    /// The slug.
    pub term: Text,
    /// The title.
    pub label: Text,
}

/// A picture or another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Absolute.
    pub url: Text,
    /// Such as `image/png`.
    pub media_type: Text,
    /// In bytes, where the file is known.
    pub size_bytes: Option<u64>,
    /// What it shows, where that is known.
    pub alt: Text,
}
