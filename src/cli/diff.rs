//! `tidings diff`: what the next build would change for a reader.

use super::site::{self, Faulty, Site};
use super::talk::{findings_json, show};
use super::{Context, Outcome, archive};
use crate::diagnostic::Diagnostic;
use crate::disk::fetch::{self, Limits};
use crate::disk::written;
use crate::feed::diff::{Diff, NewSide, compare};
use crate::feed::read::{self, Published};
use clap::Args;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// Show what the next build would change for a reader.
#[derive(Debug, Args)]
pub struct DiffCommand {
    /// What to compare with: an address, a folder, or one file; the output folder by default
    #[arg(value_name = "URL|DIR")]
    source: Option<String>,
}

impl DiffCommand {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let mut findings = Vec::new();
        let diff = self.diff(context, &mut findings);
        show(context, &findings, context.talk.least());
        let mut report = json!(diff);
        report["findings"] = findings_json(&findings);
        context.talk.report(&report);
        let Some(diff) = diff else { return Outcome::Wrong };
        if !context.talk.json() {
            context.talk.data(&diff.to_string());
        }
        let wrong = diff.would_resurface() > 0 || findings.iter().any(Diagnostic::is_error);
        if wrong { Outcome::Wrong } else { Outcome::Done }
    }

    fn diff(&self, context: &Context, findings: &mut Vec<Diagnostic>) -> Option<Diff> {
        let (site, found) = site::open(context, Faulty::LeaveOut);
        findings.extend(found);
        let site = site?;
        let new = next_feeds(context, &site, findings)?;
        let default = site.root.join(&site.config.content.output).to_string_lossy().into_owned();
        let source = self.source.clone().unwrap_or(default);
        let mut old = fetch::feeds(&source, &Limits::default()).map_err(|err| findings.push(err)).ok()?;
        findings.extend(old.findings);
        // Issues of digests are no posts, and what becomes of them is not made from posts.
        let archives = format!("{}{}", site.config.feeds.url, archive::FOLDER);
        let is_archive = |feed: &Published| feed.self_url.as_ref().is_some_and(|url| url.starts_with(&archives));
        old.feeds.retain(|feed| !is_archive(feed));
        let ids: BTreeSet<&str> = new.iter().flat_map(|feed| &feed.entries).map(|entry| entry.id.as_str()).collect();
        let whole = site.collection.visible().all(|i| ids.contains(site.collection.articles[i].id.as_str()));
        Some(compare(&old.feeds, &new, if whole { NewSide::Whole } else { NewSide::Newest }))
    }
}

/// The feeds as the next build would write them, read back by the same reader as the old ones.
pub fn next_feeds(context: &Context, site: &Site, findings: &mut Vec<Diagnostic>) -> Option<Vec<Published>> {
    let remembered = written::remembered(&site.root, &site.config.content.output);
    let feeds = Mutex::new(BTreeMap::new());
    let composed = site.compose(
        context,
        &remembered,
        vec![],
        findings,
        |_, _| None,
        |path, document| {
            if path.ends_with("atom.xml") || path.ends_with("rss.xml") || path.ends_with("feed.json") {
                let feed = read::parse(&document.to_vec(), path)?;
                feeds.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), feed);
            }
            Ok(())
        },
    );
    composed.map_err(|errors| findings.extend(errors)).ok()?;
    Some(feeds.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect())
}
