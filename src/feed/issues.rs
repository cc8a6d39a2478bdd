//! The issues of a digest as a feed: for whoever wants its letters without giving an address.
//!
//! One entry for each issue. Its id is made from the digest's name at that time and the period, and stays what it is when the
//! digest gets another name.

use super::{Archive, Entry, Feed, Person, write};
use crate::config::Config;
use crate::text::{Html, Text};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// The archive of a digest.
#[derive(Clone, Debug)]
pub struct Issues<'a> {
    /// The settings.
    pub config: &'a Config,
    /// What ids start with.
    pub id_prefix: &'a str,
    /// The name under which the feed lies.
    pub name: &'a str,
    /// What people read above it.
    pub title: Text,
}

/// An issue.
#[derive(Clone, Debug)]
pub struct Issue {
    /// The digest's name when it was frozen.
    pub digest: String,
    /// The period's name.
    pub period: String,
    /// Its subject.
    pub title: Text,
    /// Its page.
    pub url: Text,
    /// Its cutoff.
    pub published_at: DateTime<Utc>,
    /// The same, unless something was taken out of it later.
    pub updated_at: DateTime<Utc>,
    /// One line; may be empty.
    pub summary: Text,
    /// The editor's words and the posts.
    pub content: Html,
}

impl Issues<'_> {
    /// Its folder under the output folder, ending in `/`.
    pub fn folder(&self) -> String {
        folder(self.name)
    }

    /// Where its files are, absolute, ending in `/`. There is the page that lists its issues, too.
    pub fn folder_url(&self) -> Text {
        Text::new(&format!("{}{}", self.config.feeds.url, self.folder()))
    }

    /// Whether an issue is still shown: `before` are newer.
    pub fn has_room(&self, before: usize, published_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let feeds = &self.config.feeds;
        let oldest = feeds.age.and_then(|age| now.checked_sub_signed(TimeDelta::from_std(age).ok()?));
        before < feeds.items && oldest.is_none_or(|oldest| published_at >= oldest)
    }

    /// Makes the feed's files: path under the output folder, and bytes. It shows these issues, newest first, as far as its
    /// limit by bytes allows; `updated_at` is that of a feed that shows none.
    pub fn documents(&self, issues: Vec<Issue>, updated_at: DateTime<Utc>) -> Vec<(String, Vec<u8>)> {
        let mut entries: Vec<Arc<Entry>> = issues.into_iter().map(|issue| Arc::new(self.entry(issue))).collect();
        loop {
            let feed = self.feed(entries.clone(), updated_at);
            let documents: Vec<(String, Vec<u8>)> = feed
                .formats
                .iter()
                .map(|&format| {
                    let mut out = Vec::new();
                    write(format, &feed, &mut out);
                    (format!("{}{}", self.folder(), format.file_name()), out)
                })
                .collect();
            let largest = documents.iter().map(|(_, bytes)| bytes.len()).max().unwrap_or(0) as u64;
            if largest <= self.config.feeds.bytes || entries.len() <= 1 {
                return documents;
            }
            entries.pop();
        }
    }

    fn entry(&self, issue: Issue) -> Entry {
        Entry {
            id: Text::new(&format!("{}{}{}", self.id_prefix, folder(&issue.digest), issue.period)),
            title: issue.title,
            url: issue.url,
            published_at: issue.published_at,
            updated_at: issue.updated_at,
            authors: vec![],
            terms: vec![],
            summary: issue.summary,
            content: issue.content,
            language: None,
            image: None,
            enclosure: None,
        }
    }

    fn feed(&self, entries: Vec<Arc<Entry>>, updated_at: DateTime<Utc>) -> Feed {
        let (site, feeds) = (&self.config.site, &self.config.feeds);
        Feed {
            id: Text::new(&format!("{}feed/digest/{}", self.id_prefix, self.name)),
            title: Text::new(&format!("{}: {}", site.title, self.title)),
            description: Text::default(),
            home_url: self.folder_url(),
            folder_url: self.folder_url(),
            style_url: Text::new(&format!("{}feeds/style.css", feeds.url.path())),
            language: site.language.clone(),
            formats: feeds.formats.clone(),
            updated_at: entries.iter().map(|entry| entry.updated_at).max().unwrap_or(updated_at),
            hub: feeds.hub.as_ref().map(|hub| Text::new(hub.as_str())),
            author: Person { name: site.author.clone().unwrap_or_else(|| site.title.clone()), url: None },
            archive: Archive::default(),
            carries: vec![feeds.content; entries.len()],
            entries,
        }
    }
}

/// The folder of a digest under the output folder, ending in `/`.
pub fn folder(name: &str) -> String {
    format!("digest/{name}/")
}
