//! All feeds of a site as a list: what the feed page, the OPML file and the hosting snippets are made from.
//!
//! Archives are not in it: nobody subscribes to one.

use super::Format;
use crate::config::Axis;
use crate::language::{Language, Words, fill};
use crate::text::Text;
use chrono::{DateTime, Utc};

/// Every feed of a site, group by group.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The site's name.
    pub site_title: Text,
    /// The site's address.
    pub site_url: Text,
    /// One or two sentences about the site; may be empty.
    pub description: Text,
    /// BCP 47 tag of the names and descriptions here.
    pub language: Text,
    /// Where the feeds are served, absolute, ending in `/`.
    pub feeds_url: Text,
    /// WebSub hub.
    pub hub: Option<Text>,
    /// The groups, in the order in which they are shown. A group without feeds is passed over.
    pub groups: Vec<Group>,
}

/// Feeds of one kind.
#[derive(Clone, Debug)]
pub struct Group {
    /// What they have in common.
    pub kind: Kind,
    /// The feeds, in the order in which they are shown.
    pub feeds: Vec<Listed>,
}

/// What a group of feeds has in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The feed of all posts.
    Site,
    /// The feeds that the settings declare.
    Declared,
    /// One feed for each digest that has issues to show.
    Digest,
    /// One feed for each term of an axis.
    Term(Axis),
}

impl Kind {
    /// What people read above the group.
    fn title(self, words: &'static Words) -> &'static str {
        match self {
            Kind::Site => &words.kinds.all,
            Kind::Declared => &words.kinds.declared,
            Kind::Digest => &words.kinds.digest,
            Kind::Term(Axis::Category) => &words.kinds.category,
            Kind::Term(Axis::Topic) => &words.kinds.topic,
            Kind::Term(Axis::Tag) => &words.kinds.tag,
            Kind::Term(Axis::Author) => &words.kinds.author,
        }
    }

    /// The folder below `feeds_url` that such feeds have their own folders in; empty for the site's feed.
    pub fn folder(self) -> &'static str {
        match self {
            Kind::Site => "",
            Kind::Declared => "feeds",
            Kind::Digest => "digest",
            Kind::Term(axis) => axis.name(),
        }
    }
}

/// One feed that people can subscribe to.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its name among its kind: the name of the tag, not of the site.
    pub title: Text,
    /// One or two sentences; may be empty.
    pub description: Text,
    /// The page that it is a feed of.
    pub home_url: Text,
    /// The folder that its files lie in, absolute, ending in `/`.
    pub folder_url: Text,
    /// The formats that it is written in.
    pub formats: Vec<Format>,
    /// How many posts it has had, those in its archives among them; of a digest, how many issues.
    pub posts: usize,
    /// The newest change; `None` for a feed without posts.
    pub updated_at: Option<DateTime<Utc>>,
}

impl Listing {
    /// The groups that have feeds.
    pub fn filled(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| !group.feeds.is_empty())
    }

    /// What people read above the whole list.
    pub fn title(&self) -> String {
        let words = Language::of(&self.language).words();
        fill(&words.kinds.list, &[("site", &Text::one_line(&self.site_title))])
    }

    /// What people read above a group.
    pub fn title_of(&self, group: &Group) -> &'static str {
        group.kind.title(Language::of(&self.language).words())
    }

    /// The page that lists every feed.
    pub fn page_url(&self) -> String {
        format!("{}feeds/", self.feeds_url)
    }

    /// The same as OPML.
    pub fn opml_url(&self) -> String {
        format!("{}feeds/feeds.opml", self.feeds_url)
    }
}

impl Listed {
    /// Where one of its files is.
    pub fn file_url(&self, format: Format) -> String {
        format!("{}{}", self.folder_url, format.file_name())
    }
}
