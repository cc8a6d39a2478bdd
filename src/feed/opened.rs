//! The page of one feed, for a person who opens its address in a browser.
//!
//! It is made from the feed itself as it was published, so that it can show nothing else, and it is the same whichever of
//! the formats was asked for but for the address. What the template sees is [`Opened`] and nothing else. A site's own
//! `feed.html` relies on these names, so one that is here stays.

use super::Format;
use super::page::{FileView, SiteView};
use super::read::{Published, PublishedEntry};
use super::served::Served;
use super::shown;
use crate::diagnostic::Diagnostic;
use crate::language::Language;
use crate::template::Templates;
use chrono_tz::Tz;
use serde::Serialize;
use std::collections::BTreeMap;
use url::Url;

/// The template that the page is made with.
pub const TEMPLATE: &str = "feed.html";

/// What the page is made from, besides the feed.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The site.
    pub site: &'a Served,
    /// The site's time zone: a day is a day there.
    pub timezone: Tz,
    /// The feed's folder below `feeds_url`, ending in `/` or empty.
    pub folder: &'a str,
    /// The formats that the folder has, in their order.
    pub formats: &'a [Format],
    /// Where one signs up for mail, if anywhere.
    pub signup_url: Option<&'a str>,
}

/// What the template sees.
#[derive(Debug, Serialize)]
pub struct Opened {
    /// The site.
    pub site: SiteView,
    /// BCP 47 tag of the feed's own words.
    pub language: String,
    /// The feed's title, which names the site as well.
    pub title: String,
    /// What stands above the page: the feed's name among its kind.
    pub heading: String,
    /// One or two sentences; may be empty.
    pub description: String,
    /// The address to subscribe to.
    pub url: String,
    /// The format that was asked for.
    pub format: &'static str,
    /// All formats of this feed, that one among them.
    pub files: Vec<FileView>,
    /// The page that lists every feed.
    pub list_url: String,
    /// The posts, newest first.
    pub entries: Vec<OpenedEntry>,
    /// The document with older posts, where there is one.
    pub older_url: Option<String>,
    /// Where one signs up for mail, where that can be done.
    pub signup_url: Option<String>,
    /// The page's fixed texts, by the names they have in `languages/`; `lang` and `dir` are theirs.
    pub words: BTreeMap<String, String>,
}

/// A post, as the template sees it.
#[derive(Debug, Serialize)]
pub struct OpenedEntry {
    /// Its title, or else its address.
    pub title: String,
    /// BCP 47 tag of its words.
    pub language: String,
    /// Where it is read.
    pub url: Option<String>,
    /// When it was published, RFC 3339.
    pub published: Option<String>,
    /// The day of it, in words.
    pub published_on: Option<String>,
    /// What it is about; may be empty.
    pub summary: String,
}

/// The page as HTML.
///
/// # Errors
///
/// What is wrong in the site's own `feed.html`, or in a template that it uses.
pub fn render(templates: &Templates, feed: &Published, around: Around<'_>) -> Result<String, Diagnostic> {
    templates.render(TEMPLATE, &Opened::of(feed, around))
}

impl Opened {
    /// What there is to show of a feed.
    pub fn of(feed: &Published, around: Around<'_>) -> Opened {
        let Around { site, timezone, folder, formats, signup_url } = around;
        let language = Language::of(feed.language.as_deref().unwrap_or(&site.language));
        let file = |format: Format| FileView {
            format: format.title(),
            media_type: format.media_type(),
            url: format!("{}{folder}{}", site.feeds_url, format.file_name()),
        };
        let listed = site.feeds.iter().find(|listed| listed.folder == folder);
        let described = listed.map_or("", |listed| &listed.description);
        let described = if described.is_empty() { &feed.description } else { described };
        // RSS must describe itself, and says its title again where there is nothing to say.
        let description = if *described == *feed.title { "" } else { described };
        let url = file(feed.format).url;
        let title = if feed.title.is_empty() { url.clone() } else { feed.title.to_string() };
        Opened {
            site: SiteView { title: site.title.clone(), url: site.url.clone(), description: site.description.clone() },
            language: language.tag().to_string(),
            words: language.feed(&[("site", &site.title), ("feed", &title), ("format", feed.format.title())]),
            heading: listed
                .map(|listed| listed.title.clone())
                .filter(|t| !t.is_empty())
                .unwrap_or_else(|| title.clone()),
            title,
            description: description.to_owned(),
            url,
            format: feed.format.title(),
            files: formats.iter().map(|&format| file(format)).collect(),
            list_url: format!("{}feeds/", site.feeds_url),
            entries: feed.entries.iter().map(|entry| OpenedEntry::of(entry, &language, timezone)).collect(),
            older_url: feed.next.as_deref().and_then(web),
            signup_url: signup_url.map(str::to_owned),
        }
    }
}

impl OpenedEntry {
    fn of(entry: &PublishedEntry, language: &Language, timezone: Tz) -> OpenedEntry {
        let url = entry.url.as_deref().and_then(web);
        let title = if entry.title.is_empty() { url.as_deref().unwrap_or(&entry.id) } else { &entry.title };
        let at = entry.published_at.or(entry.updated_at);
        OpenedEntry {
            title: title.to_owned(),
            language: entry.language.as_ref().unwrap_or(language.tag()).to_string(),
            published: at.map(shown::rfc3339),
            published_on: at.map(|at| language.day(shown::sayable(at).with_timezone(&timezone).date_naive())),
            summary: entry.summary.as_deref().unwrap_or_default().to_owned(),
            url,
        }
    }
}

/// An address that a link may lead to: of the web, and nothing that runs.
fn web(address: &str) -> Option<String> {
    Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https")).map(String::from)
}

#[cfg(test)]
mod tests {
    use super::super::served::ServedFeed;
    use super::*;

    fn site() -> Served {
        Served {
            title: "Example".into(),
            url: "https://example.org/".into(),
            language: "en".into(),
            feeds_url: "https://example.org/x/".into(),
            feeds: vec![ServedFeed { folder: "tag/red/".into(), title: "Red".into(), ..ServedFeed::default() }],
            ..Served::default()
        }
    }

    #[track_caller]
    fn opened(json: &str, folder: &str) -> Opened {
        let feed = super::super::read::parse(json.as_bytes(), "feed.json").unwrap();
        let formats = [Format::Rss, Format::Json];
        let timezone = Tz::Asia__Tokyo;
        Opened::of(&feed, Around { site: &site(), timezone, folder, formats: &formats, signup_url: None })
    }

    #[test]
    fn what_a_feed_lacks_is_made_up_for_and_what_runs_is_no_link() {
        let page = opened(
            r#"{ "version": "https://jsonfeed.org/version/1.1", "title": "Example: Red", "language": "de",
                 "description": "Example: Red", "next_url": "javascript:x", "items": [
                 { "id": "tag:x,2026:1", "url": "javascript:alert(1)", "language": "ar", "date_published": "2026-03-01T16:00:00Z" },
                 { "id": "2", "url": "https://example.org/2", "title": "Two", "summary": "S", "date_modified": "2026-03-01T00:00:00Z" } ] }"#,
            "tag/red/",
        );
        assert_eq!((&*page.title, &*page.heading, &*page.description), ("Example: Red", "Red", ""));
        assert_eq!(
            (&*page.url, page.older_url, &*page.language),
            ("https://example.org/x/tag/red/feed.json", None, "de")
        );
        let files: Vec<&str> = page.files.iter().map(|file| &*file.url).collect();
        assert_eq!(files, ["https://example.org/x/tag/red/rss.xml", "https://example.org/x/tag/red/feed.json"]);
        let entries: Vec<_> = page
            .entries
            .iter()
            .map(|entry| {
                (&*entry.title, entry.url.as_deref(), &*entry.language, entry.published_on.as_deref(), &*entry.summary)
            })
            .collect();
        // Four in the afternoon is the next day in Tokyo.
        assert_eq!(
            entries,
            [
                ("tag:x,2026:1", None, "ar", Some("2. März 2026"), ""),
                ("Two", Some("https://example.org/2"), "de", Some("1. März 2026"), "S"),
            ]
        );
    }

    #[test]
    fn a_feed_that_the_site_does_not_list_is_called_as_it_calls_itself() {
        let page = opened(r#"{ "version": "https://jsonfeed.org/version/1.1", "title": "", "items": [] }"#, "other/");
        assert_eq!(
            (&*page.title, &*page.heading),
            ("https://example.org/x/other/feed.json", "https://example.org/x/other/feed.json")
        );
        assert_eq!(page.words["back"], "Example");
    }
}
