//! `tidings deliveries`: who got what, and why not; and what somebody who knows better can do about it.

mod list;
mod notices;

use notices::Change;
pub use notices::{notice_json, notice_story};

use super::account::{in_words, totals_json};
use super::talk::store_finding;
use super::{Context, Outcome, told};
use crate::diagnostic::{Diagnostic, nearest};
use crate::disk::load;
use crate::mail::address::Address;
use crate::store::StoreError;
use crate::store::issues::{Frozen, Issues as _};
use crate::store::ledger::{Delivery, Ledger as _, State, Verdict, Wanted};
use crate::store::sqlite::Sqlite;
use crate::store::subscribers::Subscribers as _;
use crate::subscriber::Event;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// Show who got what, and why not.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Deliveries {
    #[command(subcommand)]
    action: Option<Action>,
    /// An issue, such as weekly/2026-W48, or `notices` for mails to one person; all issues without one
    issue: Option<String>,
    /// Only deliveries in this state, such as uncertain; may be given several times
    #[arg(long = "state", value_name = "STATE", value_parser = state)]
    states: Vec<State>,
    /// At most so many deliveries
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    limit: u32,
    /// Go on after this subscriber's number
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    after: i64,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Tell the whole story of what an address got
    Why {
        /// Whose
        address: String,
    },
    /// Settle uncertain deliveries
    #[command(group = clap::ArgGroup::new("verdict").required(true))]
    Resolve {
        /// The issue, or `notices`
        issue: String,
        /// Of this address alone
        address: Option<String>,
        /// A server took them: the log of the relay says so
        #[arg(long, group = "verdict")]
        accepted: bool,
        /// No server took them: they are sent again
        #[arg(long, group = "verdict")]
        not_sent: bool,
    },
    /// Plan rejected and deferred deliveries again
    Retry {
        /// The issue, or `notices`
        issue: String,
        /// Of this address alone
        address: Option<String>,
    },
    /// Send nothing more of an issue until it is resumed
    Pause {
        /// The issue
        issue: String,
    },
    /// Let a paused issue go on
    Resume {
        /// The issue
        issue: String,
    },
    /// Take an issue back: nothing more of it is sent
    Cancel {
        /// The issue
        issue: String,
    },
}

type Done = Result<Value, Vec<Diagnostic>>;

fn state(word: &str) -> Result<State, String> {
    State::of_word(&word.replace('-', "_")).ok_or_else(|| {
        let words: Vec<&str> = State::ALL.iter().map(|state| state.word()).collect();
        format!("the states are {}", words.join(", "))
    })
}

impl Deliveries {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        super::answer(context, self.go(context))
    }

    async fn go(&self, context: &Context) -> Done {
        let config = load::config(&context.root)?;
        let file = &config.store.sqlite;
        let path = context.root.join(file);
        let is_change = !matches!(self.action, None | Some(Action::Why { .. }));
        let opened = match is_change && path.exists() {
            true => Sqlite::open(&path, file).await.map(Some),
            false => Sqlite::open_to_read(&path, file).await,
        };
        let Some(store) = opened.map_err(|err| vec![store_finding(&err)])? else {
            return Err(vec![Diagnostic::error(format!("there is no store `{file}`")).hint("nothing was sent yet")]);
        };
        let desk = Desk { context, store: &store };
        let done = match &self.action {
            None => self.list(&desk).await,
            Some(Action::Why { address }) => desk.why(address).await,
            Some(Action::Resolve { issue, address, accepted, .. }) => {
                let verdict = if *accepted { Verdict::Accepted } else { Verdict::NotSent };
                desk.resolve(issue, address.as_deref(), verdict).await
            }
            Some(Action::Retry { issue, address }) => desk.retry(issue, address.as_deref()).await,
            Some(Action::Pause { issue }) => desk.pause(issue, Some("by hand")).await,
            Some(Action::Resume { issue }) => desk.pause(issue, None).await,
            Some(Action::Cancel { issue }) => desk.cancel(issue).await,
        };
        store.close().await;
        done
    }
}

struct Desk<'a> {
    context: &'a Context,
    store: &'a Sqlite,
}

fn one(err: StoreError) -> Vec<Diagnostic> {
    vec![store_finding(&err)]
}

impl Desk<'_> {
    fn data(&self, text: &str) {
        if !self.context.talk.json() {
            self.context.talk.data(text);
        }
    }

    async fn issues(&self) -> Done {
        let mut all = Vec::new();
        let mut out = String::new();
        for frozen in self.store.frozen(&[]).await.map_err(one)? {
            let totals = self.store.totals(frozen.id).await.map_err(one)?;
            out += &format!("{:<24}  {:<14}  {}\n", named(&frozen), told_standing(&frozen), in_words(&totals));
            all.push(json!({
                "issue": named(&frozen), "standing": standing(&frozen), "frozen_at": frozen.frozen_at.to_rfc3339(),
                "transport": frozen.transport, "totals": totals_json(&totals), "balances": totals.balance(),
                "content_hash": frozen.content_hash, "audience_hash": frozen.audience_hash, "paused": frozen.paused,
            }));
        }
        self.data(&out);
        Ok(json!({ "issues": all }))
    }

    /// The issue of a name such as `weekly/2026-W48`; of a digest alone, its last one.
    async fn issue(&self, name: &str) -> Result<Frozen, Vec<Diagnostic>> {
        let all = self.store.frozen(&[]).await.map_err(one)?;
        let found = all.iter().rev().find(|frozen| named(frozen) == name || frozen.digest == name);
        found.cloned().ok_or_else(|| {
            let names: Vec<String> = all.iter().map(named).collect();
            let finding = Diagnostic::error(format!("there is no issue `{name}`"));
            vec![match (nearest(name, names.iter().map(String::as_str)), names.last()) {
                (Some(near), _) => finding.hint(format!("did you mean `{near}`?")),
                (None, Some(last)) => finding.hint(format!("the last one is `{last}`; `tidings deliveries` lists all")),
                (None, None) => finding.hint("none was frozen yet"),
            }]
        })
    }

    async fn of_address(&self, address: &str, issue: Option<i64>) -> Result<Vec<Delivery>, Vec<Diagnostic>> {
        let parsed: Address = address.parse().map_err(|err| vec![Diagnostic::error(format!("{err}"))])?;
        let address = Some(parsed.as_str().to_ascii_lowercase());
        let wanted = Wanted { issue, address, limit: 1_000, ..Wanted::default() };
        self.store.deliveries(&wanted).await.map_err(one)
    }

    async fn why(&self, address: &str) -> Done {
        let rows = self.of_address(address, None).await?;
        let notices = self.notices_of(address).await?;
        if rows.is_empty() && notices.is_empty() {
            let finding = Diagnostic::error(format!("no mail was ever planned for `{address}`"));
            return Err(vec![finding.hint("`tidings subscribers show ADDRESS` tells what is known of an address")]);
        }
        let (mut out, mut all) = (String::new(), Vec::new());
        for row in &rows {
            let (name, at) = (format!("{}/{}", row.digest, row.period), time(row.updated_at));
            out += &format!("{name}  {} at {at}  {}\n", row.state.word(), story(row));
            let attempts = self.store.attempts(row.issue, row.subscriber).await.map_err(one)?;
            for a in &attempts {
                out += &format!("    try {} at {}, in {}: {}\n", a.number, time(a.at), a.phase, a.reply);
            }
            let attempts: Vec<Value> = attempts
                .iter()
                .map(|a| json!({ "number": a.number, "at": a.at.to_rfc3339(), "phase": a.phase, "code": a.code, "reply": a.reply }))
                .collect();
            let mut one = delivery_json(row);
            one["attempts"] = json!(attempts);
            all.push(one);
        }
        for row in &notices {
            let (kind, state, at) = (row.kind.word(), row.state.word(), time(row.updated_at));
            out += &format!("notice {kind}  {state} at {at}  {}\n", notice_story(row));
        }
        let silenced = self.silenced(address).await?;
        if let Some((reason, source, at)) = &silenced {
            out += &format!("gets no mail since {}, {reason}: {source}\n", time(*at));
        }
        self.data(&out);
        let silenced = silenced
            .map(|(reason, source, at)| json!({ "reason": reason, "source": source, "since": at.to_rfc3339() }));
        let notices: Vec<Value> = notices.iter().map(notice_json).collect();
        Ok(json!({ "deliveries": all, "notices": notices, "suppressed": silenced }))
    }

    /// Why an address gets no mail any more, how we know, and since when: a bounce or a complaint may have come after all.
    async fn silenced(&self, address: &str) -> Result<Option<(&'static str, String, DateTime<Utc>)>, Vec<Diagnostic>> {
        let parsed: Address = address.parse().map_err(|err| vec![Diagnostic::error(format!("{err}"))])?;
        let Some(portrait) = self.store.portrait(&parsed).await.map_err(one)? else { return Ok(None) };
        let Some(reason) = portrait.subscriber.suppressed else { return Ok(None) };
        let last = portrait.consent.into_iter().rev().find(|consent| consent.event == Event::Suppressed);
        Ok(last.map(|consent| (reason.word(), consent.source, consent.at)))
    }

    /// The subscriber that an address means in an issue.
    async fn subscriber(&self, frozen: &Frozen, address: Option<&str>) -> Result<Option<i64>, Vec<Diagnostic>> {
        let Some(address) = address else { return Ok(None) };
        let rows = self.of_address(address, Some(frozen.id)).await?;
        let row = rows
            .first()
            .ok_or_else(|| vec![Diagnostic::error(format!("`{}` was not planned for `{address}`", named(frozen)))])?;
        Ok(Some(row.subscriber))
    }

    async fn resolve(&self, issue: &str, address: Option<&str>, verdict: Verdict) -> Done {
        let what = match verdict {
            Verdict::Accepted => "accepted",
            Verdict::NotSent => "planned again",
        };
        if self.means_notices(issue).await? {
            return self.change_notices(address, what, Change::Resolve(verdict)).await;
        }
        let frozen = self.issue(issue).await?;
        let subscriber = self.subscriber(&frozen, address).await?;
        let now = self.context.clock();
        if verdict == Verdict::NotSent {
            told::ask(self.store, &frozen, now).await.map_err(one)?;
        }
        let count = self.store.resolve(frozen.id, subscriber, verdict, now).await.map_err(one)?;
        self.say(&frozen, count, what)
    }

    async fn retry(&self, issue: &str, address: Option<&str>) -> Done {
        if self.means_notices(issue).await? {
            return self.change_notices(address, "planned again", Change::Retry).await;
        }
        let frozen = self.issue(issue).await?;
        let subscriber = self.subscriber(&frozen, address).await?;
        let now = self.context.clock();
        told::ask(self.store, &frozen, now).await.map_err(one)?;
        let count = self.store.retry(frozen.id, subscriber, now).await.map_err(one)?;
        self.say(&frozen, count, "planned again")
    }

    fn say(&self, frozen: &Frozen, count: u64, what: &str) -> Done {
        let (deliveries, verb) = (counted(count), if count == 1 { "is" } else { "are" });
        let next = if what == "planned again" && count > 0 {
            format!("; run `tidings send {}`", frozen.digest)
        } else {
            String::new()
        };
        self.context.talk.line(&format!("{}: {deliveries} {verb} {what}{next}", named(frozen)));
        Ok(json!({ "issue": named(frozen), "changed": count }))
    }

    async fn pause(&self, issue: &str, reason: Option<&str>) -> Done {
        let frozen = self.issue(issue).await?;
        if frozen.done_at.is_some() {
            return Err(vec![Diagnostic::error(format!("`{}` is done", named(&frozen)))]);
        }
        if reason.is_none() {
            told::ask(self.store, &frozen, self.context.clock()).await.map_err(one)?;
        }
        self.store.pause(frozen.id, reason).await.map_err(one)?;
        let word = if reason.is_some() { "is paused" } else { "goes on" };
        self.context.talk.line(&format!("{} {word}", named(&frozen)));
        Ok(json!({ "issue": named(&frozen), "paused": reason }))
    }

    async fn cancel(&self, issue: &str) -> Done {
        let frozen = self.issue(issue).await?;
        if frozen.done_at.is_some() {
            return Err(vec![Diagnostic::error(format!("`{}` is {}", named(&frozen), standing(&frozen)))]);
        }
        let (count, is_free) = self.store.cancel(frozen.id, self.context.clock()).await.map_err(one)?;
        let posts = match is_free {
            true => "its posts go into the next issue",
            false => "some have it already, so its posts count as carried",
        };
        let deliveries = counted(count);
        self.context.talk.line(&format!("{} is cancelled: {deliveries} taken back; {posts}", named(&frozen)));
        Ok(json!({ "issue": named(&frozen), "cancelled": count, "posts_are_free": is_free }))
    }
}

/// `1 delivery`, `2 deliveries`
fn counted(count: u64) -> String {
    format!("{count} {}", if count == 1 { "delivery" } else { "deliveries" })
}

/// `weekly/2026-W48`
pub fn named(frozen: &Frozen) -> String {
    format!("{}/{}", frozen.digest, frozen.period.name)
}

/// One word on how an issue stands.
pub fn standing(frozen: &Frozen) -> &'static str {
    match frozen {
        Frozen { is_cancelled: true, .. } => "cancelled",
        Frozen { done_at: Some(_), .. } => "done",
        Frozen { paused: Some(_), .. } => "paused",
        Frozen { approved_at: None, .. } => "unapproved",
        _ => "open",
    }
}

/// The same for people: an issue that went into files was not sent.
pub fn told_standing(frozen: &Frozen) -> String {
    let files = if frozen.transport == "outbox" { ", as files" } else { "" };
    format!("{}{files}", standing(frozen))
}

fn shown(mailbox: &str) -> &str {
    if mailbox.is_empty() { "(erased)" } else { mailbox }
}

fn story(row: &Delivery) -> String {
    told_in_parts(&[&row.reply, &row.reason], row.due_at)
}

fn told_in_parts(parts: &[&Option<String>], due_at: Option<DateTime<Utc>>) -> String {
    let due = due_at.map(|at| format!("again at {}", time(at)));
    let parts = parts.iter().copied().chain([&due]).flatten();
    parts.filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("; ")
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn delivery_json(row: &Delivery) -> Value {
    json!({
        "issue": format!("{}/{}", row.digest, row.period), "subscriber": row.subscriber, "address": row.mailbox,
        "state": row.state.word(), "attempts": row.attempts, "code": row.code, "reply": row.reply,
        "reason": row.reason, "due_at": row.due_at.map(|at| at.to_rfc3339()), "updated_at": row.updated_at.to_rfc3339(),
    })
}
