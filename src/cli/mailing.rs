//! Sending a frozen issue: what a run needs, what it shows while it goes, and what it says in the end.

use super::account::{counted, failure, in_words, issue_json, unknown};
use super::bar::Bar;
use super::deliveries::named;
use super::talk::store_finding;
use super::told::{self, Doubt};
use super::{Context, Outcome};
use crate::config::{Config, Digest, OnUncertain, Smtp};
use crate::delivery::message::{Head, Mailing, MailingError, Ready};
use crate::delivery::pace::Pace;
use crate::delivery::recorder::patiently;
use crate::delivery::sender::{self, End, Run, SendError};
use crate::delivery::stop::Stop;
use crate::delivery::{outcome, retry};
use crate::diagnostic::Diagnostic;
use crate::disk::worker;
use crate::mail::dkim::Signer;
use crate::mail::smtp::Offer;
use crate::mail::transport::{Transport, TransportError};
use crate::store::StoreError;
use crate::store::issues::{Frozen, Issues as _};
use crate::store::ledger::{Ledger as _, State, Totals};
use crate::store::sqlite::Sqlite;
use crate::subscriber::keys::Keys;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// All that sending needs but the issue.
pub struct Office<'a> {
    /// The command's.
    pub context: &'a Context,
    /// The settings.
    pub config: &'a Config,
    /// The digest.
    pub digest: &'a Digest,
    /// The store.
    pub store: &'a Sqlite,
    /// The site's keys.
    pub keys: Keys,
    /// What signs mails.
    pub signers: Arc<[Signer]>,
    /// This run.
    pub worker: worker::Worker,
    /// Asks this run to end.
    pub stop: Arc<Stop>,
}

/// How a run shall go.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Whether to stay until the last deferred mail is through.
    pub wait: bool,
    /// Whether a clock started it and not a person, so that what was said before is not said again.
    pub is_by_clock: bool,
}

/// The settings of mail with what the environment says.
///
/// # Errors
///
/// An address in the environment that is none.
pub fn environment(smtp: Smtp) -> Result<Smtp, Diagnostic> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (url, password) = (variable("TIDINGS_SMTP_URL"), variable("TIDINGS_SMTP_PASSWORD"));
    smtp.with_environment(url.as_deref(), password.as_deref())
}

/// The way out that the settings name.
///
/// # Errors
///
/// What is missing.
pub fn transport(smtp: &Smtp, root: &Path) -> Result<Transport, Diagnostic> {
    Transport::new(smtp, root).map_err(|err| {
        let finding = Diagnostic::error(super::chain(&err));
        match err {
            TransportError::NoOutlet => finding.hint(
                "write `url = \"smtp://user@smtp.example.org:587\"` into `[smtp]`, or `url = \"outbox:outbox\"` to have files",
            ),
            TransportError::NoPassword => finding.hint("set TIDINGS_SMTP_PASSWORD"),
            TransportError::CaFile { .. } | TransportError::Trust(_) => {
                finding.hint("`ca_file` in `[smtp]` names a PEM file with certificates to trust")
            }
        }
    })
}

/// Sends one mail and says what was replied.
///
/// # Errors
///
/// What went wrong, in words.
pub async fn one(transport: &Transport, ready: &Ready, file: &str) -> Result<String, String> {
    let mut line = transport.open().await.map_err(|err| err.to_string())?;
    let reply = match line.offer(&ready.envelope).await.map_err(|err| err.to_string())? {
        Offer::Ready => line.deliver(file, &ready.mail, None).await.map_err(|err| err.to_string())?,
        Offer::Refused { reply, .. } => return Err(format!("the server said {reply}")),
    };
    line.close().await;
    match outcome::Outcome::of_reply(&reply) {
        outcome::Outcome::Accepted => Ok(reply.to_string()),
        _ => Err(format!("the server said {reply}")),
    }
}

impl Office<'_> {
    /// A frozen issue by its number.
    ///
    /// # Errors
    ///
    /// Whatever the store says.
    pub async fn frozen(&self, id: i64) -> Result<Frozen, StoreError> {
        let all = self.store.frozen(&[]).await?;
        let found = all.into_iter().find(|frozen| frozen.id == id);
        found.ok_or_else(|| StoreError::Lost { digest: self.digest.name.value.clone(), period: id.to_string() })
    }

    /// Sends what is left of an issue, and says what came of it.
    ///
    /// # Errors
    ///
    /// What makes it impossible to begin.
    pub async fn send(
        &self,
        transport: &Transport,
        frozen: &Frozen,
        how: Line,
    ) -> Result<(Outcome, Value), Vec<Diagnostic>> {
        let name = named(frozen);
        let failed = |err: StoreError| vec![store_finding(&err)];
        let limit = self.limit(frozen).await.map_err(failed)?;
        let known = self.store.totals(frozen.id).await.map_err(failed)?;
        self.recover(frozen, limit).await.map_err(failed)?;
        let mailing = self.mailing(frozen).await?;
        let before = self.store.totals(frozen.id).await.map_err(failed)?;
        if before.of(State::Planned) + before.of(State::Leased) + before.of(State::Deferred) > 0 {
            self.context.talk.detail(&format!("{name}: {} to send over {}", before.open(), transport.place()));
        }
        let left_today = match self.config.smtp.max_per_day {
            Some(most) => {
                let since = self.context.clock() - TimeDelta::hours(24);
                let sent = self.store.accepted_since(since).await.map_err(failed)?;
                Some(u64::try_from(most).unwrap_or(u64::MAX).saturating_sub(sent))
            }
            None => None,
        };
        let rates = self.config.smtp.domains.iter();
        let rates = rates.filter_map(|(name, limits)| Some((name.clone(), limits.rate?))).collect();
        let bar = Bar::new(self.context, &before);
        let run = Run {
            store: Arc::new(self.store.clone()),
            transport: transport.clone(),
            issue: frozen.id,
            mailing,
            owner: self.worker.name().to_owned(),
            max_connections: self.config.smtp.max_connections,
            pace: Pace::new(self.config.smtp.rate, &rates, left_today),
            limit,
            wait: how.wait,
            clock: self.context.shared_clock(),
            stop: self.stop.clone(),
            listener: bar.listener(self.context, name.clone()),
        };
        let ended = sender::run(run).await;
        if ended.is_err() {
            self.worker.ends_badly();
        }
        bar.clear();
        if let Ok(End::Drained) = ended {
            self.recover(frozen, limit).await.map_err(failed)?;
        }
        let totals = self.store.counted(frozen.id).await.map_err(failed)?;
        // Before the issue is done: of one that is done only what was noted is looked up.
        let doubt = patiently!(told::doubt(self.store, frozen, &totals)).map_err(failed)?;
        if totals.open() == 0 && totals.balance() {
            let now = self.context.clock();
            patiently!(self.store.finish(frozen.id, now)).map_err(failed)?;
        }
        let is_said = doubt == Doubt::New || !how.is_by_clock;
        let is_news =
            is_said || known != totals || !totals.balance() || !matches!(ended, Ok(End::Drained | End::Quota));
        if !is_news {
            let outcome = if totals.open() == 0 { Outcome::Done } else { Outcome::NotFinished };
            return Ok((outcome, issue_json(&name, &totals)));
        }
        Ok(self.conclude(&name, &totals, ended, is_said))
    }

    /// What is still to be said of an issue that is done: that nobody knows of some of its mails. Nothing is told of one
    /// of which everything is known.
    ///
    /// # Errors
    ///
    /// Whatever the store says.
    pub async fn look_back(&self, frozen: &Frozen, how: Line) -> Result<(Outcome, Option<Value>), StoreError> {
        // What a run had on the wire when the issue was cancelled is left to that run, and nobody else looks at it.
        let is_left = frozen.is_cancelled && !self.store.owners(frozen.id).await?.is_empty();
        if is_left {
            self.bury(frozen).await?;
        }
        if !is_left && !told::is_doubtful(self.store, frozen).await? {
            return Ok((Outcome::Done, None));
        }
        let totals = self.store.totals(frozen.id).await?;
        let outcome = match told::doubt(self.store, frozen, &totals).await? {
            Doubt::None => return Ok((Outcome::Done, None)),
            Doubt::Known if how.is_by_clock => Outcome::Done,
            Doubt::Known | Doubt::New => {
                let name = named(frozen);
                self.context.talk.line(&format!("{name}: {}", in_words(&totals)));
                self.context.talk.line(&unknown(&name));
                Outcome::Wrong
            }
        };
        Ok((outcome, Some(issue_json(&named(frozen), &totals))))
    }

    /// When deferred mails are given up.
    async fn limit(&self, frozen: &Frozen) -> Result<DateTime<Utc>, StoreError> {
        let asked_at = told::asked_at(self.store, frozen).await?;
        let taken_up_at = retry::taken_up(frozen.frozen_at, frozen.approved_at, asked_at);
        let after = taken_up_at + TimeDelta::nanoseconds(1);
        Ok(retry::limit(taken_up_at, self.digest.schedule.period_at(after, self.digest.timezone).cutoff))
    }

    /// What other runs left behind: those that were killed on this machine, and those whose leases have run out.
    async fn recover(&self, frozen: &Frozen, limit: DateTime<Utc>) -> Result<(), StoreError> {
        self.bury(frozen).await?;
        let now = self.context.clock();
        if self.config.smtp.on_uncertain == OnUncertain::Resend {
            patiently!(self.store.resend_uncertain(frozen.id, now))?;
        }
        if limit <= now {
            patiently!(self.store.expire(frozen.id, now))?;
        }
        Ok(())
    }

    /// Takes from runs what they cannot end any more.
    async fn bury(&self, frozen: &Frozen) -> Result<(), StoreError> {
        let (now, folder) = (self.context.clock(), self.context.root.join(worker::FOLDER));
        let owners = self.store.owners(frozen.id).await?;
        let dead = worker::dead(&folder, &owners);
        patiently!(self.store.recover(frozen.id, now, &dead))?;
        worker::bury(&folder, &dead);
        Ok(())
    }

    async fn mailing(&self, frozen: &Frozen) -> Result<Mailing, Vec<Diagnostic>> {
        let name = named(frozen);
        let variants = self.store.variants(frozen.id).await.map_err(|err| vec![store_finding(&err)])?;
        Mailing::new(frozen.id, head(frozen).map_err(|err| vec![err])?, &variants, &self.keys, self.signers.clone())
            .map_err(|err| {
                let finding = Diagnostic::error(format!("cannot send `{name}`: {err}"));
                vec![match err {
                    MailingError::NoKey(_) => finding
                        .hint("put the key back that was in the key file when the issue was frozen, as a further line"),
                    MailingError::Stored(_) => finding,
                }]
            })
    }

    /// The last line, and the exit code.
    ///
    /// `is_said` is whether to say that there are mails of which nobody knows.
    fn conclude(&self, name: &str, totals: &Totals, ended: Result<End, SendError>, is_said: bool) -> (Outcome, Value) {
        let talk = &self.context.talk;
        let mut outcome = match totals.open() {
            0 => Outcome::Done,
            _ => Outcome::NotFinished,
        };
        let stays = totals.of(State::Planned) + totals.of(State::Leased);
        match &ended {
            Err(error) => {
                outcome = Outcome::Wrong;
                talk.finding(&failure(name, error, totals), None);
            }
            Ok(End::Broken(reason)) => {
                outcome = Outcome::Wrong;
                let finding = Diagnostic::error(format!("`{name}` stops: {reason}"));
                let hint = format!("`tidings deliveries resume {name}` lets it go on");
                talk.finding(&finding.and(counted(totals, stays)).hint(hint), None);
            }
            Ok(End::Quota) => {
                let most = self.config.smtp.max_per_day.unwrap_or_default();
                talk.line(&format!("{name}: {most} mails went out in 24 hours, and no more may; run it again later"));
            }
            Ok(End::Stopped) => talk.line(&format!("{name} was interrupted: {}", counted(totals, stays))),
            Ok(End::Held) => {
                talk.line(&format!("{name} was paused or cancelled meanwhile: {}", counted(totals, stays)))
            }
            Ok(End::Drained) => {}
        }
        if !totals.balance() {
            outcome = Outcome::Wrong;
            let (all, candidates) = (totals.all(), totals.candidates);
            let message = format!("`{name}` does not balance: {candidates} subscribers and {all} deliveries");
            talk.finding(
                &Diagnostic::error(message).hint("the store was changed by something else than tidings"),
                None,
            );
        }
        talk.line(&format!("{name}: {}", in_words(totals)));
        if is_said && totals.of(State::Uncertain) > 0 {
            outcome = Outcome::Wrong;
            talk.line(&unknown(name));
        }
        (outcome, issue_json(name, totals))
    }
}

/// What all mails of an issue have in common.
///
/// # Errors
///
/// That the store has something else.
pub fn head(frozen: &Frozen) -> Result<Head, Diagnostic> {
    serde_json::from_str(&frozen.head)
        .map_err(|err| Diagnostic::error(format!("`{}` is damaged in the store: {err}", named(frozen))))
}
