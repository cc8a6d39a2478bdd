//! `tidings.toml`: what a site says about itself.
//!
//! Every key has a default but `[site] title` and `url`. A key that is not known is refused with the nearest one that is,
//! and a value that cannot be meant is refused where it stands; all findings come in one run.

mod audience;
mod colour;
mod declared;
mod digest;
mod mail;
mod mailbox;
mod parse;
mod rate;
mod secret;
mod security;
mod serve;
mod smtp;
mod theme;
pub(crate) mod tree;
pub(crate) mod values;

pub use audience::Audience;
pub use colour::{Colour, LEAST_CONTRAST};
pub use digest::{Approval, Digest, GroupBy};
pub use mail::{Dkim, Mail, Store};
pub use mailbox::{MAILBOX_FORM, Mailbox, MailboxError};
pub use rate::{Rate, RateError};
pub use secret::Secret;
pub use security::{KEY_FILE, Secrets};
pub use serve::{Network, Serve, Signup};
pub use smtp::{DomainLimits, OnUncertain, Outlet, Security, Smtp, SmtpUrl, Timeouts};
pub use theme::{Colours, Logo, PAIRS, Theme};

use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::text::Text;
use chrono::NaiveTime;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// The settings file, relative to the site's root.
pub const FILE: &str = "tidings.toml";

/// All settings of a site, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[site]`
    pub site: Site,
    /// `[content]`
    pub content: ContentDirs,
    /// `[front_matter]`: further names for known fields, `field -> names`. The fields are those of [`FIELDS`].
    pub front_matter: BTreeMap<String, Vec<String>>,
    /// `[feeds]`
    pub feeds: FeedSettings,
    /// `[feed.NAME]`, by name.
    pub declared: BTreeMap<String, DeclaredFeed>,
    /// `[digest.NAME]`, by name.
    pub digests: BTreeMap<String, Digest>,
    /// `[mail]`
    pub mail: Mail,
    /// `[smtp]`
    pub smtp: Smtp,
    /// `[store]`
    pub store: Store,
    /// `[serve]`
    pub serve: Serve,
    /// `[signup]`
    pub signup: Signup,
    /// `[security]`
    pub security: Secrets,
}

impl Config {
    /// The settings that a text says.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the file; a fault in the grammar of TOML stands alone, since
    /// nothing behind it can be read.
    pub fn parse(text: &str) -> Result<Config, Vec<Diagnostic>> {
        parse::parse(text)
    }

    /// Where people sign up; none where no server is wanted, or there is nothing to sign up to.
    pub fn signup_url(&self) -> Option<String> {
        let server = self.serve.public_url.as_ref().unwrap_or(&self.feeds.url);
        (self.serve.is_wanted && !self.signup.digests.is_empty()).then(|| format!("{server}subscribe/"))
    }
}

impl DeclaredFeed {
    /// The place of some characters of the filter, counted from 0; the filter as a whole where it is written with
    /// escapes or over many lines. No place without a filter.
    pub fn filter_span(&self, column: usize, width: usize) -> Option<Span> {
        filter_span(self.filter.as_ref()?, column, width)
    }
}

/// The place of some characters of a filter.
fn filter_span(filter: &Spanned<String>, column: usize, width: usize) -> Option<Span> {
    if filter.value.chars().count() != filter.span.width as usize {
        return Some(filter.span);
    }
    let (column, width) = (u32::try_from(column).ok()?, u32::try_from(width).ok()?);
    Some(Span { column: filter.span.column + column, width, ..filter.span })
}

/// `[site]`
#[derive(Clone, Debug)]
pub struct Site {
    /// The site's name.
    pub title: Text,
    /// Where the site is, ending in `/`.
    pub url: Url,
    /// One or two sentences.
    pub description: Text,
    /// BCP 47 tag; `en`.
    pub language: Text,
    /// IANA zone; `UTC`.
    pub timezone: chrono_tz::Tz,
    /// When a post that has a date alone is published; `00:00`.
    pub publish_time: NaiveTime,
    /// The address of a post, with `{slug}`, `{id}`, `{year}`, `{month}`, `{day}`, `{category}`; starts with `/`.
    pub permalink: Spanned<String>,
    /// Who writes where a post names nobody.
    pub author: Option<Text>,
}

/// `[content]`: folders, relative to the site's root (`dir`) or to `dir` (the others), with `/`.
#[derive(Clone, Debug)]
pub struct ContentDirs {
    /// `content`
    pub dir: String,
    /// `["posts"]`
    pub posts: Vec<String>,
    /// `["people"]`
    pub people: Vec<String>,
    /// `["cta"]`
    pub calls_to_action: Vec<String>,
    /// `taxonomies`
    pub taxonomies: String,
    /// What `build` writes: `public`, relative to the site's root.
    pub output: String,
}

impl ContentDirs {
    /// A folder below `dir`, such as one of `posts`, from the site's root; `.` is the root itself.
    pub fn below(&self, name: &str) -> String {
        match (self.dir.as_str(), name) {
            (".", name) => name.to_owned(),
            (dir, ".") => dir.to_owned(),
            (dir, name) => format!("{dir}/{name}"),
        }
    }
}

/// `[feeds]`, and what a `[feed.NAME]` may say differently.
#[derive(Clone, Debug)]
pub struct FeedSettings {
    /// Where the feeds will be served, ending in `/`; the site's address by default.
    pub url: Url,
    /// All three by default, in the order of [`Format::ALL`], none twice, at least one.
    pub formats: Vec<Format>,
    /// The axes that get a feed for each of their terms. All four by default.
    pub taxonomies: Vec<Axis>,
    /// At most so many entries; 20. At least 1.
    pub items: usize,
    /// At most so large in any format; 1 MB (1,000,000).
    pub bytes: u64,
    /// No older than this.
    pub age: Option<Duration>,
    /// Full content or summaries; full.
    pub content: Content,
    /// Which feeds get archives; the site's feed.
    pub archives: Archives,
    /// What ids start with; from `tidings.lock` where the settings say nothing.
    pub id_prefix: Option<Spanned<String>>,
    /// WebSub hub.
    pub hub: Option<Url>,
}

/// `[feed.NAME]`
#[derive(Clone, Debug)]
pub struct DeclaredFeed {
    /// Shown instead of the name.
    pub title: Option<Text>,
    /// One or two sentences.
    pub description: Option<Text>,
    /// Which posts; all without one. The text of the filter, with the place of its first character in `tidings.toml`.
    pub filter: Option<Spanned<String>>,
    /// `[feeds]` with what this feed says differently.
    pub settings: FeedSettings,
    /// Names that it had before: their addresses lead to this feed.
    pub aliases: Vec<String>,
    /// Where the table stands.
    pub name: Spanned<String>,
}

/// The three formats that every feed is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Atom 1.0, RFC 4287: `atom.xml`.
    Atom,
    /// RSS 2.0: `rss.xml`.
    Rss,
    /// JSON Feed 1.1: `feed.json`.
    Json,
}

impl Format {
    /// All formats, in the order in which they are listed everywhere.
    pub const ALL: [Format; 3] = [Format::Atom, Format::Rss, Format::Json];

    /// The name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Atom => "atom",
            Format::Rss => "rss",
            Format::Json => "json",
        }
    }

    /// The name of the file that a feed has in this format.
    pub fn file_name(self) -> &'static str {
        match self {
            Format::Atom => "atom.xml",
            Format::Rss => "rss.xml",
            Format::Json => "feed.json",
        }
    }

    /// The media type, without a charset.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Atom => "application/atom+xml",
            Format::Rss => "application/rss+xml",
            Format::Json => "application/feed+json",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Format::Atom => "Atom",
            Format::Rss => "RSS",
            Format::Json => "JSON Feed",
        }
    }
}

/// How much of a post a feed carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Content {
    /// Lead and body.
    Full,
    /// The summary only.
    Summary,
}

/// A taxonomy that posts are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Axis {
    /// `category`
    Category,
    /// `topic`
    Topic,
    /// `tag`
    Tag,
    /// `author`
    Author,
}

impl Axis {
    /// All of them, in the order in which they are listed everywhere.
    pub const ALL: [Axis; 4] = [Axis::Category, Axis::Topic, Axis::Tag, Axis::Author];

    /// The name in settings, filters and addresses.
    pub fn name(self) -> &'static str {
        match self {
            Axis::Category => "category",
            Axis::Topic => "topic",
            Axis::Tag => "tag",
            Axis::Author => "author",
        }
    }
}

/// Which feeds get archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archives {
    /// The site's feed only.
    Site,
    /// Every feed.
    All,
    /// None.
    None,
}

/// Known fields of front matter, each with the names it goes by without any settings, the first being ours.
pub const FIELDS: &[(&str, &[&str])] = &[
    ("id", &["id"]),
    ("title", &["title"]),
    ("slug", &["slug"]),
    ("published", &["pub_date", "date", "published", "publishDate"]),
    ("updated", &["updated", "lastmod", "last_modified_at"]),
    ("draft", &["draft"]),
    ("withdrawn", &["withdrawn", "expiryDate"]),
    ("category", &["categories_blog", "category", "categories"]),
    ("topic", &["discovery_topic", "topic", "topics"]),
    ("tag", &["tags", "tag"]),
    ("author", &["author", "authors"]),
    ("summary", &["summary", "description", "excerpt"]),
    ("lead", &["lead"]),
    ("call_to_action", &["cta_ref"]),
    ("related", &["related_entries"]),
    ("featured_image", &["featured_image", "image"]),
    ("share_image", &["share_image"]),
    ("enclosure", &["enclosure"]),
    ("lang", &["lang"]),
    ("content", &["content"]),
    ("address", &["permalink", "url"]),
];

#[cfg(test)]
mod tests;
