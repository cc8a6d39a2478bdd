//! `tidings status`: what was built last, what is due next, what runs, and what somebody should look at.

use super::account::{in_words, totals_json};
use super::deliveries::{named, standing, told_standing};
use super::talk::store_finding;
use super::{Context, Outcome};
use crate::config::{Config, Digest};
use crate::diagnostic::Diagnostic;
use crate::digest::due;
use crate::digest::history::{History, RecordState};
use crate::disk::{load, written};
use crate::store::Store as _;
use crate::store::issues::Issues as _;
use crate::store::ledger::{Ledger as _, State, Totals};
use crate::store::postbox::Postbox as _;
use crate::store::sqlite::Sqlite;
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};
use std::time::SystemTime;

/// Show what was built last, what is due next, and what needs a look.
#[derive(Debug, Args)]
pub struct Status {}

/// So many issues of a digest are shown.
const SHOWN: usize = 3;

impl Status {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        super::answer(context, status(context))
    }
}

async fn status(context: &Context) -> Result<Value, Vec<Diagnostic>> {
    let config = load::config(&context.root)?;
    let built = built(context);
    let built_line = built.map_or("never".to_owned(), |at| shown(at, &config));
    let mut out = format!("last build   {built_line}\n");
    let mut digests = Vec::new();
    let file = &config.store.sqlite;
    let one = |err| vec![store_finding(&err)];
    let store = Sqlite::open_to_read(&context.root.join(file), file).await.map_err(one)?;
    for digest in config.digests.values() {
        let names: Vec<&str> = digest.names().collect();
        let history = match &store {
            Some(store) => store.history(&names).await.map_err(one)?,
            None => History::default(),
        };
        let next = due::next(digest, &history, context.now);
        let name = &digest.name.value;
        out += &format!("{name:<12} next {}, {}\n", next.name, in_zone(next.cutoff, digest));
        let mut issues = Vec::new();
        if let Some(missed) = history.records().last().filter(|record| record.state == RecordState::Missed) {
            out += &format!("             {name}/{} was missed\n", missed.period.name);
        }
        let frozen = match &store {
            Some(store) => store.frozen(&names).await.map_err(one)?,
            None => vec![],
        };
        // What is not done is shown however old it is.
        let last = frozen.len().saturating_sub(SHOWN);
        for (at, issue) in frozen.iter().enumerate() {
            let store = store.as_ref().expect("an issue came out of it");
            let totals = store.totals(issue.id).await.map_err(one)?;
            if at < last && issue.done_at.is_some() && totals.of(State::Uncertain) == 0 {
                continue;
            }
            out += &format!("             {} {}: {}\n", named(issue), told_standing(issue), in_words(&totals));
            issues.push(json!({
                "issue": named(issue), "standing": standing(issue), "totals": totals_json(&totals),
                "paused": issue.paused, "balances": totals.balance(),
            }));
        }
        digests.push(json!({
            "digest": name, "next": next.name, "due_at": next.cutoff.to_rfc3339(), "issues": issues,
            "missed": history.records().iter().filter(|record| record.state == RecordState::Missed)
                .map(|record| record.period.name.clone()).collect::<Vec<_>>(),
        }));
    }
    let mut notices = Totals::default();
    if let Some(store) = store {
        notices = store.notice_totals().await.map_err(one)?;
        store.close().await;
    }
    let (waiting, uncertain) = (notices.open(), notices.of(State::Uncertain));
    if waiting + uncertain > 0 {
        out += &format!("notices      {waiting} to send, {uncertain} uncertain\n");
    }
    if !context.talk.json() {
        context.talk.data(&out);
    }
    Ok(json!({ "built_at": built.map(|at| at.to_rfc3339()), "digests": digests, "notices": totals_json(&notices) }))
}

/// When feeds were written last.
fn built(context: &Context) -> Option<DateTime<Utc>> {
    let modified =
        context.root.join(written::STATE).join(written::FILE).metadata().and_then(|meta| meta.modified()).ok()?;
    modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(modified.into())
}

fn shown(at: DateTime<Utc>, config: &Config) -> String {
    at.with_timezone(&config.site.timezone).format("%Y-%m-%d %H:%M %Z").to_string()
}

fn in_zone(at: DateTime<Utc>, digest: &Digest) -> String {
    at.with_timezone(&digest.timezone).format("%a %Y-%m-%d %H:%M %Z").to_string()
}
