//! What a web server needs to know of a site and cannot see in its feeds: `.tidings/site.json`.
//!
//! Each build writes it, so that a server has to read neither posts nor templates to offer a choice of topics, to lead old
//! addresses to new ones, and to say which are gone. Fields that this version does not know are passed over.

use crate::config::{Axis, Format};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A site, as its server sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Served {
    /// Its name.
    pub title: String,
    /// Where it is.
    pub url: String,
    /// One or two sentences; may be empty.
    pub description: String,
    /// BCP 47 tag.
    pub language: String,
    /// Where the feeds are served, ending in `/`.
    pub feeds_url: String,
    /// WebSub hub.
    pub hub: Option<String>,
    /// The categories and topics that published posts have, in the order of the page that lists feeds.
    pub terms: Vec<ServedTerm>,
    /// The feeds, in the same order.
    pub feeds: Vec<ServedFeed>,
    /// Older folders of feeds, each with the folder of today.
    pub aliases: BTreeMap<String, String>,
    /// Folders of feeds that were there once, and that no feed has any more.
    pub gone: BTreeSet<String>,
}

/// A category or topic that people can choose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServedTerm {
    /// `category` or `topic`.
    pub axis: String,
    /// What it is called in addresses and choices.
    pub slug: String,
    /// What people read.
    pub title: String,
}

/// A feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServedFeed {
    /// Its folder below `feeds_url`, ending in `/`; empty for the feed of all posts.
    pub folder: String,
    /// Its name among its kind.
    pub title: String,
    /// One or two sentences; may be empty.
    pub description: String,
    /// `atom`, `rss`, `json`.
    pub formats: Vec<String>,
    /// Its WebSub hub.
    pub hub: Option<String>,
}

impl Served {
    /// The terms of an axis that people can choose.
    pub fn terms_of(&self, axis: Axis) -> impl Iterator<Item = &ServedTerm> {
        self.terms.iter().filter(move |term| term.axis == axis.name())
    }
}

impl ServedFeed {
    /// Whether it is written in a format.
    pub fn has(&self, format: Format) -> bool {
        self.formats.iter().any(|name| name == format.name())
    }
}
