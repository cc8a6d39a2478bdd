//! `tidings send`: the issue that is due, to everybody who gets it, once.

mod due;
mod forecast;
mod trial;

use super::freeze::Failure;
use super::mailing::{self, Line, Office};
use super::talk::{findings_json, in_order, show, store_finding};
use super::{Context, Outcome, deliveries, guard, issue, keys, signals, told};
use crate::config::{Approval, Config, Digest};
use crate::delivery::stop::Stop;
use crate::diagnostic::{Diagnostic, Severity};
use crate::disk::worker::Worker;
use crate::disk::{load, worker};
use crate::mail::transport::Transport;
use crate::store::StoreError;
use crate::store::issues::{Frozen, Issues};
use crate::store::sqlite::Sqlite;
use chrono::NaiveDate;
use clap::Args;
use serde_json::{Value, json};
use std::sync::Arc;

/// Send the issue that is due to everybody who gets it.
#[derive(Debug, Args)]
pub struct Send {
    /// The digest: NAME of [digest.NAME]
    name: String,
    /// Say nothing where nothing is due: for cron
    #[arg(long, conflicts_with_all = ["test", "dry_run", "period"])]
    if_due: bool,
    /// Send the next issue to this address alone, with links that open nothing; nothing is recorded
    #[arg(long, value_name = "ADDRESS", conflicts_with = "dry_run")]
    test: Option<String>,
    /// Show what would be sent and to how many; nothing is sent or recorded
    #[arg(long)]
    dry_run: bool,
    /// The issue of this period, such as 2026-W48
    #[arg(long, value_name = "PERIOD")]
    period: Option<String>,
    /// Carry posts from this day on that otherwise count as carried
    #[arg(long, value_name = "DATE", value_parser = super::digest::day)]
    since: Option<NaiveDate>,
    /// Stay until the last deferred mail is through or given up
    #[arg(long, conflicts_with_all = ["test", "dry_run"])]
    wait: bool,
    /// Go on over another transport than the issue began with
    #[arg(long, conflicts_with_all = ["test", "dry_run"])]
    change_transport: bool,
}

/// What stands in the way of sending.
struct Trouble(Vec<Diagnostic>);

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble(vec![store_finding(&error)])
    }
}

impl From<Diagnostic> for Trouble {
    fn from(finding: Diagnostic) -> Trouble {
        Trouble(vec![finding])
    }
}

impl From<Vec<Diagnostic>> for Trouble {
    fn from(findings: Vec<Diagnostic>) -> Trouble {
        Trouble(findings)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        match failure {
            Failure::Findings(findings) => Trouble(findings),
            Failure::Store(error) => error.into(),
        }
    }
}

/// The settings, and what they lead to.
struct Desk<'a> {
    context: &'a Context,
    config: Config,
    digest: Digest,
    transport: Transport,
}

impl Send {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let mut findings = Vec::new();
        let mut report = json!({ "digest": self.name, "issues": [] });
        let done = match super::runtime() {
            Ok(runtime) => runtime.block_on(self.go(context, &mut findings, &mut report)),
            Err(err) => Err(Diagnostic::error(format!("cannot begin: {}", load::reason(&err))).into()),
        };
        in_order(&mut findings);
        show(context, &findings, context.talk.least());
        let outcome = match done {
            Ok(outcome) => outcome,
            Err(Trouble(errors)) => {
                show(context, &errors, Severity::Warning);
                findings.extend(errors);
                Outcome::Wrong
            }
        };
        report["findings"] = findings_json(&findings);
        context.talk.report(&report);
        outcome
    }

    async fn go(
        &self,
        context: &Context,
        findings: &mut Vec<Diagnostic>,
        report: &mut Value,
    ) -> Result<Outcome, Trouble> {
        let mut config = load::config(&context.root)?;
        let Some(digest) = config.digests.get(&self.name).cloned() else {
            return Err(issue::unknown(&self.name, &config.digests).into());
        };
        config.smtp = mailing::environment(config.smtp)?;
        findings.extend(config.smtp.warning());
        let transport = mailing::transport(&config.smtp, &context.root)?;
        let desk = Desk { context, config, digest, transport };
        if let Some(address) = &self.test {
            return self.test(&desk, address, findings, report).await;
        }
        if let Some(finding) = guard::way_out(&desk.config).filter(|_| desk.transport.kind() != "outbox") {
            return Err(finding.into());
        }
        if self.dry_run {
            return self.forecast(&desk, findings, report).await;
        }
        let file = &desk.config.store.sqlite;
        let store = Sqlite::open(&context.root.join(file), file).await?;
        let sent = self.send(&desk, &store, findings, report).await;
        store.close().await;
        sent
    }

    async fn send(
        &self,
        desk: &Desk<'_>,
        store: &Sqlite,
        findings: &mut Vec<Diagnostic>,
        report: &mut Value,
    ) -> Result<Outcome, Trouble> {
        let (context, digest) = (desk.context, &desk.digest);
        if let Some(finding) = guard::store(context, &desk.config, digest, store).await? {
            return Err(finding.into());
        }
        let keys = keys::of_store(context, &desk.config, store, findings).await?;
        let signers = crate::disk::dkim::signers(&context.root, &desk.config.mail.dkim, findings)?;
        let worker = Worker::start(&context.root.join(worker::FOLDER))
            .map_err(|err| Diagnostic::error(format!("cannot write `{}`: {}", worker::FOLDER, load::reason(&err))))?;
        let stop = Arc::new(Stop::default());
        let office =
            Office { context, config: &desk.config, digest, store, keys, signers: signers.into(), worker, stop };
        // Whatever stands in the way of a new issue: those that are frozen go on.
        let (mut outcome, mut troubles) = match self.freeze_due(desk, &office, findings).await {
            Ok(outcome) => (outcome, Vec::new()),
            Err(Trouble(errors)) => (Outcome::Wrong, errors),
        };
        // Until here a signal ends the program as it is: what is half frozen is nobody's.
        let signals = tokio::spawn(signals::listen(office.stop.clone(), context.talk.quiet()));
        let names: Vec<&str> = digest.names().collect();
        let wanted = |frozen: &Frozen| self.period.as_ref().is_none_or(|period| *period == frozen.period.name);
        let mut tell = |told: Value| report["issues"].as_array_mut().expect("it was made as a list").push(told);
        let all = match store.frozen(&names).await {
            Ok(all) => all,
            Err(err) => {
                troubles.push(store_finding(&err));
                Vec::new()
            }
        };
        for frozen in all.into_iter().filter(wanted) {
            let ended = match frozen.done_at.is_some() || frozen.is_cancelled {
                true => self.look_back(&office, &frozen).await,
                false if office.stop.is_asked() => Ok((Outcome::NotFinished, None)),
                false => self.deliver(desk, &office, frozen).await.map(|(ended, told)| (ended, Some(told))),
            };
            match ended {
                Ok((ended, told)) => {
                    outcome = outcome.and(ended);
                    told.into_iter().for_each(&mut tell);
                }
                // The next issue may have no such trouble.
                Err(Trouble(errors)) => troubles.extend(errors),
            }
        }
        signals.abort();
        if troubles.is_empty() { Ok(outcome) } else { Err(Trouble(troubles)) }
    }

    /// What is still to be said of an issue that is done: that nobody knows of some of its mails.
    async fn look_back(&self, office: &Office<'_>, frozen: &Frozen) -> Result<(Outcome, Option<Value>), Trouble> {
        if self.period.is_some() {
            let name = deliveries::named(frozen);
            office.context.talk.line(&format!("`{name}` is done: `tidings deliveries` shows who got it"));
        }
        Ok(office.look_back(frozen, self.line()).await?)
    }

    fn line(&self) -> Line {
        Line { wait: self.wait, is_by_clock: self.if_due }
    }

    async fn deliver(
        &self,
        desk: &Desk<'_>,
        office: &Office<'_>,
        mut frozen: Frozen,
    ) -> Result<(Outcome, Value), Trouble> {
        let name = deliveries::named(&frozen);
        let talk = &desk.context.talk;
        if frozen.approved_at.is_none() && desk.digest.approval == Approval::Required {
            if told::first(office.store, &name, "waits for approval").await? || !self.if_due {
                let digest = &desk.digest.name.value;
                talk.line(&format!("{name} waits for approval: `tidings digest {digest} --approve`"));
            }
            return Ok((Outcome::NotFinished, json!({ "issue": name, "state": "waits for approval" })));
        }
        if let Some(reason) = &frozen.paused {
            talk.line(&format!("{name} is paused: {reason}; `tidings deliveries resume {name}` lets it go on"));
            return Ok((Outcome::Wrong, json!({ "issue": name, "state": "paused", "reason": reason })));
        }
        let (was, is) = (frozen.transport.as_str(), desk.transport.kind());
        if was != is {
            if was == "outbox" && !mailing::head(&frozen)?.has_way_out {
                let finding = Diagnostic::error(format!(
                    "`{name}` was frozen for `outbox`, without a way out: whoever gets it could not unsubscribe"
                ));
                return Err(finding
                    .hint(format!(
                        "`tidings deliveries cancel {name}` takes it back, or `[smtp] url` stays `outbox:…` for it"
                    ))
                    .into());
            }
            if !self.change_transport {
                let finding = Diagnostic::error(format!("`{name}` began over `{was}`, and the settings say `{is}`"));
                return Err(finding.hint("`--change-transport` lets it go on; whoever has it is skipped").into());
            }
            office.store.change_transport(frozen.id, is).await?;
            frozen.transport = is.to_owned();
        }
        Ok(office.send(&desk.transport, &frozen, self.line()).await?)
    }
}
