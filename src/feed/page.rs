//! The page that lists every feed, for people: `feeds/index.html`.
//!
//! What the template sees is [`Page`] and nothing else. A site's own `feeds.html` relies on these names, so one that is
//! here stays.

use super::Format;
use super::listing::{Group, Kind, Listed, Listing};
use super::shown;
use crate::diagnostic::Diagnostic;
use crate::language::Language;
use crate::template::Templates;
use serde::Serialize;
use std::collections::BTreeMap;

/// The template that the page is made with.
pub const TEMPLATE: &str = "feeds.html";

/// The page as HTML.
///
/// # Errors
///
/// What is wrong in the site's own `feeds.html`, or in a template that it uses.
pub fn render(templates: &Templates, listing: &Listing) -> Result<String, Diagnostic> {
    templates.render(TEMPLATE, &Page::of(listing))
}

/// What the template sees.
#[derive(Debug, Serialize)]
pub struct Page {
    /// The site.
    pub site: SiteView,
    /// BCP 47 tag of the names and descriptions.
    pub language: String,
    /// The page's own address.
    pub url: String,
    /// The same list as OPML.
    pub opml_url: String,
    /// The address that the page offers first: the site's feed in its first format.
    pub main: Option<FileView>,
    /// The groups that have feeds.
    pub groups: Vec<GroupView>,
    /// How many feeds there are.
    pub total: usize,
    /// The page's fixed texts, by the names they have in `languages/`; `lang` and `dir` are theirs.
    pub words: BTreeMap<String, String>,
}

/// The site, as the template sees it.
#[derive(Debug, Serialize)]
pub struct SiteView {
    /// Its name.
    pub title: String,
    /// Its address.
    pub url: String,
    /// One or two sentences; may be empty.
    pub description: String,
}

/// A group, as the template sees it.
#[derive(Debug, Serialize)]
pub struct GroupView {
    /// `all`, `feeds`, `digest`, `category`, `topic`, `tag` or `author`.
    pub name: &'static str,
    /// What people read above it.
    pub title: &'static str,
    /// Its feeds.
    pub feeds: Vec<FeedView>,
}

/// A feed, as the template sees it.
#[derive(Debug, Serialize)]
pub struct FeedView {
    /// Its name among its kind.
    pub title: String,
    /// One or two sentences; may be empty.
    pub description: String,
    /// The page that it is a feed of.
    pub home_url: String,
    /// How many posts it has had; of a digest, how many issues.
    pub posts: usize,
    /// The same in words.
    pub count: String,
    /// The newest change, RFC 3339; null for a feed without posts.
    pub updated: Option<String>,
    /// The day of it, in words.
    pub updated_on: Option<String>,
    /// Its files.
    pub files: Vec<FileView>,
}

/// A file of a feed, as the template sees it.
#[derive(Clone, Debug, Serialize)]
pub struct FileView {
    /// `Atom`, `RSS` or `JSON Feed`.
    pub format: &'static str,
    /// The media type.
    pub media_type: &'static str,
    /// The address.
    pub url: String,
}

impl Page {
    /// What there is to show of a list.
    pub fn of(listing: &Listing) -> Page {
        let language = Language::of(&listing.language);
        let groups: Vec<GroupView> = listing.filled().map(|group| GroupView::of(group, listing, &language)).collect();
        let total = groups.iter().map(|group| group.feeds.len()).sum();
        Page {
            site: SiteView {
                title: listing.site_title.to_string(),
                url: listing.site_url.to_string(),
                description: listing.description.to_string(),
            },
            language: listing.language.to_string(),
            url: listing.page_url(),
            opml_url: listing.opml_url(),
            main: groups.iter().flat_map(|group| &group.feeds).find_map(|feed| feed.files.first().cloned()),
            words: language.feeds(&[("site", &listing.site_title), ("n", &language.number(total))]),
            total,
            groups,
        }
    }
}

impl GroupView {
    fn of(group: &Group, listing: &Listing, language: &Language) -> GroupView {
        GroupView {
            name: if group.kind == Kind::Site { "all" } else { group.kind.folder() },
            title: listing.title_of(group),
            feeds: group.feeds.iter().map(|feed| FeedView::of(feed, group.kind, language)).collect(),
        }
    }
}

impl FeedView {
    fn of(feed: &Listed, kind: Kind, language: &Language) -> FeedView {
        let counts = &language.words().counts;
        let counted = if kind == Kind::Digest { &counts.issues } else { &counts.posts };
        let title = if feed.title.trim().is_empty() { &feed.folder_url } else { &feed.title };
        FeedView {
            title: title.to_string(),
            description: feed.description.to_string(),
            home_url: feed.home_url.to_string(),
            posts: feed.posts,
            count: language.count(counted, feed.posts, &[]),
            updated_on: feed.updated_at.map(|at| language.day(shown::sayable(at).date_naive())),
            updated: feed.updated_at.map(shown::rfc3339),
            files: feed.formats.iter().map(|&format| FileView::of(feed, format)).collect(),
        }
    }
}

impl FileView {
    fn of(feed: &Listed, format: Format) -> FileView {
        FileView { format: format.title(), media_type: format.media_type(), url: feed.file_url(format) }
    }
}
