//! Which feeds there are, and which posts each of them may show.
//!
//! One feed for the site, one for each declared feed, one for each term of the axes that the settings name. A feed that was
//! there before and whose posts are all gone stays, empty: readers keep asking for it.

use super::aliases::aliases;
use super::listing::Kind;
use crate::config::{Archives, Axis, Config, DeclaredFeed, FeedSettings};
use crate::content::address::segment;
use crate::content::collection::{Collection, State};
use crate::content::post::Content;
use crate::diagnostic::Diagnostic;
use crate::filter::Filter;
use crate::text::Text;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A feed to be written.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Its folder under the output folder, ending in `/`; empty for the site's feed.
    pub folder: String,
    /// What it is a feed of.
    pub kind: Kind,
    /// Its title, which no other feed has.
    pub title: Text,
    /// What a list of feeds calls it.
    pub label: Text,
    /// What it is about.
    pub description: Text,
    /// Every post it may show, as places in the collection, newest first.
    pub articles: Vec<usize>,
    /// The posts it shows, before the limit by bytes.
    pub shown: Vec<usize>,
    /// Limits and formats.
    pub settings: FeedSettings,
    /// When the newest entry was updated that it had, for a feed that shows none now.
    pub last_updated_at: Option<DateTime<Utc>>,
}

impl Planned {
    /// Whether it gets archives: it may, and it shows fewer posts than it has.
    pub fn has_archives(&self) -> bool {
        let wanted = match self.settings.archives {
            Archives::Site => self.kind == Kind::Site,
            Archives::All => true,
            Archives::None => false,
        };
        wanted && !self.articles.is_empty()
    }

    /// Where its files are, absolute; `below` is a folder of archives under its own, or nothing.
    pub fn folder_url(&self, below: &str) -> Text {
        let path: Vec<String> = format!("{}{below}", self.folder).split('/').map(segment).collect();
        Text::new(&format!("{}{}", self.settings.url, path.join("/")))
    }

    /// How much of a post it carries: what the post says itself, else what the feed says.
    pub fn carries(&self, collection: &Collection, article: usize) -> Content {
        collection.articles[article].post.content.unwrap_or(self.settings.content)
    }
}

/// Every feed of a site.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The site's own, then the declared ones by name, then those of the terms by axis and slug.
    pub feeds: Vec<Planned>,
    /// Older folders of feeds, each with the folder of today.
    pub aliases: BTreeMap<String, String>,
    /// What is doubtful about them.
    pub findings: Vec<Diagnostic>,
}

/// What is remembered of a feed that was written, by its folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The axis of a term feed. Only such a feed stays when its posts are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub axis: Option<String>,
    /// Title of the feed.
    pub title: String,
    /// What a list of feeds calls it.
    pub label: String,
    /// When its newest entry was updated.
    pub updated_at: DateTime<Utc>,
}

/// Every feed of the site.
pub fn plan(
    collection: &Collection,
    config: &Config,
    remembered: &BTreeMap<String, Remembered>,
    now: DateTime<Utc>,
) -> Plan {
    let mut findings = Vec::new();
    let all: Vec<usize> = collection.visible().collect();
    let site = &config.site.title;
    let mut feeds = vec![Planned {
        folder: String::new(),
        kind: Kind::Site,
        title: site.clone(),
        label: site.clone(),
        description: config.site.description.clone(),
        articles: all.clone(),
        shown: vec![],
        settings: config.feeds.clone(),
        last_updated_at: None,
    }];
    for (name, declared) in &config.declared {
        let articles = match declared_filter(declared, config, collection, &mut findings) {
            Some(filter) => all.iter().copied().filter(|&i| filter.matches(&collection.fields(i, config))).collect(),
            None => all.clone(),
        };
        let label = declared.title.clone().unwrap_or_else(|| Text::new(name));
        feeds.push(Planned {
            folder: format!("feeds/{name}/"),
            kind: Kind::Declared,
            title: Text::new(&format!("{site}: {label}")),
            label,
            description: declared.description.clone().unwrap_or_default(),
            articles,
            shown: vec![],
            settings: declared.settings.clone(),
            last_updated_at: None,
        });
    }
    for term in &collection.terms {
        if config.feeds.taxonomies.contains(&term.axis) {
            feeds.push(Planned {
                folder: format!("{}/{}/", term.axis.name(), term.slug),
                kind: Kind::Term(term.axis),
                title: Text::new(&format!("{site}: {}", term.title)),
                label: term.title.clone(),
                description: term.summary.clone().unwrap_or_default(),
                articles: term.articles.clone(),
                shown: vec![],
                settings: config.feeds.clone(),
                last_updated_at: None,
            });
        }
    }
    let living: BTreeSet<String> = feeds.iter().map(|feed| feed.folder.clone()).collect();
    let kept = remembered.iter().filter(|(_, feed)| feed.stays_on(config).is_some());
    let (aliases, found) = aliases(collection, config, &living, &kept.map(|(folder, _)| folder.as_str()).collect());
    findings.extend(found);
    add_remembered(&mut feeds, config, remembered, &aliases);
    tell_apart(&mut feeds, site);
    for feed in &mut feeds {
        feed.shown = shown(feed, collection, now);
        let newest = feed.articles.iter().map(|&i| collection.articles[i].updated_at).max();
        feed.last_updated_at = newest.max(remembered.get(&feed.folder).map(|was| was.updated_at));
    }
    Plan { feeds, aliases, findings }
}

impl Remembered {
    /// The axis that a term feed stays on when its posts are gone. A feed of an axis that the settings no longer name does
    /// not stay: that it should go was said.
    fn stays_on(&self, config: &Config) -> Option<Axis> {
        config.feeds.taxonomies.iter().copied().find(|axis| self.axis.as_deref() == Some(axis.name()))
    }
}

/// Feeds that were written before and that no post belongs to any more, unless their address leads to another.
fn add_remembered(
    feeds: &mut Vec<Planned>,
    config: &Config,
    remembered: &BTreeMap<String, Remembered>,
    aliases: &BTreeMap<String, String>,
) {
    let there: BTreeSet<String> = feeds.iter().map(|f| f.folder.to_lowercase()).collect();
    for (folder, feed) in remembered {
        let Some(axis) = feed.stays_on(config) else { continue };
        if there.contains(&folder.to_lowercase()) || aliases.contains_key(folder) {
            continue;
        }
        feeds.push(Planned {
            folder: folder.clone(),
            kind: Kind::Term(axis),
            title: Text::new(&feed.title),
            label: Text::new(&feed.label),
            description: Text::default(),
            articles: vec![],
            shown: vec![],
            settings: config.feeds.clone(),
            last_updated_at: None,
        });
    }
    feeds.sort_by(|a, b| (a.kind, &a.folder).cmp(&(b.kind, &b.folder)));
}

/// Gives feeds that would share a title the name of their axis, or their folder, besides.
fn tell_apart(feeds: &mut [Planned], site: &Text) {
    for round in 0..2 {
        let mut count: HashMap<Text, usize> = HashMap::new();
        for feed in feeds.iter() {
            *count.entry(feed.title.clone()).or_default() += 1;
        }
        for feed in feeds.iter_mut().filter(|f| count[&f.title] > 1) {
            let more = match feed.kind {
                Kind::Site => continue,
                Kind::Term(axis) if round == 0 => axis.name(),
                _ => feed.folder.trim_end_matches('/'),
            };
            feed.title = Text::new(&format!("{site}: {} ({more})", feed.label));
        }
    }
}

/// The filter of a declared feed. A term that nothing carries is a warning: it may be a typo, or a term still to come.
fn declared_filter(
    declared: &DeclaredFeed,
    config: &Config,
    collection: &Collection,
    findings: &mut Vec<Diagnostic>,
) -> Option<Filter> {
    let text = declared.filter.as_ref()?;
    // The settings were refused if the filter has a fault, so there is one here.
    let filter = Filter::parse(&text.value, config.site.timezone).ok()?;
    let otherwise = format!("the feed `{}` is written all the same", declared.name.value);
    let place = |column, width| declared.filter_span(column, width);
    findings.extend(collection.unknown_terms(&filter, place, &otherwise));
    Some(filter)
}

/// The posts within the limits by age and number; stubs of withdrawn posts come on top, since they must be seen.
fn shown(feed: &Planned, collection: &Collection, now: DateTime<Utc>) -> Vec<usize> {
    let oldest = feed.settings.age.and_then(|age| now.checked_sub_signed(TimeDelta::from_std(age).ok()?));
    let mut room = feed.settings.items;
    let mut out = Vec::new();
    for &i in &feed.articles {
        let article = &collection.articles[i];
        if let State::Withdrawn { .. } = article.state {
            out.push(i);
        } else if room > 0 && oldest.is_none_or(|oldest| article.post.published_at.value >= oldest) {
            room -= 1;
            out.push(i);
        }
    }
    out
}

/// What files need of a post.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// How much of it; none where no file shows it.
    pub content: Option<Content>,
    /// How many documents of each format show it, at most.
    pub documents: usize,
}

/// What the files of these feeds need of each post.
pub fn needed(feeds: &[&Planned], collection: &Collection) -> Vec<Need> {
    let mut out = vec![Need::default(); collection.articles.len()];
    for feed in feeds {
        let archived = feed.has_archives() && feed.shown.len() < feed.articles.len();
        let archive = if archived { &feed.articles[..] } else { &[] };
        for &i in feed.shown.iter().chain(archive) {
            let wanted = match collection.articles[i].state {
                State::Withdrawn { .. } => Content::Summary,
                _ => feed.carries(collection, i),
            };
            out[i].documents += 1;
            if out[i].content != Some(Content::Full) {
                out[i].content = Some(wanted);
            }
        }
    }
    out
}
