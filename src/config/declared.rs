//! `[feed.NAME]`: feeds that the settings declare.

use super::parse::{FEEDS_KEYS, belongs_elsewhere, read_description, read_feed_settings, read_filter};
use super::tree::{Fault, Table};
use super::{DeclaredFeed, FILE, FeedSettings, values};
use crate::diagnostic::{Diagnostic, Spanned};
use chrono_tz::Tz;
use std::collections::BTreeMap;
use toml::de::DeValue;

pub(super) const KEYS: [&str; 12] = [
    "title",
    "description",
    "filter",
    "url",
    "formats",
    "items",
    "bytes",
    "age",
    "content",
    "archives",
    "hub",
    "aliases",
];

/// `[feed.NAME]`, by name.
pub(super) fn read_declared(
    table: &Table<'_, '_>,
    feeds: &FeedSettings,
    timezone: Tz,
    findings: &mut Vec<Diagnostic>,
) -> BTreeMap<String, DeclaredFeed> {
    let mut declared = BTreeMap::new();
    let mut claimed = BTreeMap::new();
    for (key, value) in table.entries {
        let (source, name) = (table.source, key.get_ref().as_ref());
        let span = source.span(key.span());
        let DeValue::Table(entries) = value.get_ref() else {
            let finding = Diagnostic::error(format!("unknown key `{name}` in `[feed]`")).at(FILE, span);
            findings.push(finding.hint(if FEEDS_KEYS.contains(&name) {
                format!("`{name}` is a key of `[feeds]`; a feed of its own has a name, `[feed.NAME]`")
            } else {
                "a feed of its own has a name: `[feed.NAME]`".to_owned()
            }));
            continue;
        };
        if !values::is_name(name) {
            let finding = Diagnostic::error(format!("a feed cannot be named `{name}`")).at(FILE, span);
            findings.push(finding.hint(values::NAME_HINT));
        } else if name == "index" {
            let finding = Diagnostic::error("a feed cannot be named `index`").at(FILE, span);
            findings.push(finding.hint("that is the name of the page that lists all feeds"));
        }
        let feed = Table { name: format!("[feed.{name}]"), entries, source };
        feed.refuse_unknown(&KEYS, findings, |key| {
            let all = "it holds for all feeds, so that a post has one id in them";
            if key == "id_prefix" {
                Some(format!("`{key}` is a key of `[feeds]`: {all}"))
            } else {
                belongs_elsewhere(key)
            }
        });
        let feed = DeclaredFeed {
            title: feed.get("title", findings, values::shown),
            description: read_description(&feed, findings),
            filter: read_filter(&feed, timezone, findings),
            settings: read_feed_settings(&feed, feeds.clone(), findings),
            aliases: read_aliases(&feed, name, table, &mut claimed, findings),
            name: Spanned::new(name.to_owned(), span),
        };
        declared.insert(name.to_owned(), feed);
    }
    declared
}

/// Names that a feed had before. `claimed` are those of the feeds read so far, each with the feed that claims it.
fn read_aliases(
    feed: &Table<'_, '_>,
    name: &str,
    all: &Table<'_, '_>,
    claimed: &mut BTreeMap<String, String>,
    findings: &mut Vec<Diagnostic>,
) -> Vec<String> {
    let read = |key: &str, raw: &str| {
        if !values::is_name(raw) {
            let fault = Fault::new(format!("`{key}` holds what cannot be the name of a feed: `{raw}`"));
            return Err(fault.hint(values::NAME_HINT));
        }
        if all.entries.keys().any(|name| name.get_ref() == raw) {
            let fault = Fault::new(format!("`{key}` holds a feed that is there: `{raw}`"));
            return Err(
                fault.hint("nobody is led away from a feed that is there; an alias is a name that a feed had before")
            );
        }
        match claimed.insert(raw.to_owned(), name.to_owned()) {
            None => Ok(raw.to_owned()),
            Some(other) => {
                let fault = Fault::new(format!("`{raw}` is an alias twice"));
                Err(fault.hint(format!("the feed `{other}` has it; its address can lead to one feed only")))
            }
        }
    };
    feed.get_each("aliases", findings, read).unwrap_or_default()
}
