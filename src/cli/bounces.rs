//! `tidings bounces`: who leaves by mail, whose mailbox is gone, and who calls a mail spam.
//!
//! Mails are dealt with one after the other: first what one asks for is done in the store, then it is marked. A run that is
//! killed between the two does the same again, which changes nothing. Nobody is told by their address, nor is any text of
//! a mail shown.

use super::keys;
use super::talk::{findings_json, show, store_finding};
use super::{Context, Outcome};
use crate::config::Config;
use crate::delivery::recorder::patiently;
use crate::diagnostic::{Diagnostic, Severity};
use crate::disk::load;
use crate::disk::maildir::{self, Maildir, Mark, Taken, Waiting};
use crate::mail::address::Address;
use crate::mail::incoming::Incoming;
use crate::store::issues::Issues as _;
use crate::store::leaving::{self, Left};
use crate::store::sqlite::Sqlite;
use crate::store::subscribers::{Hushed, Subscribers as _};
use crate::store::{Fault, StoreError, block_on};
use crate::subscriber::keys::Keys;
use crate::subscriber::returned::{Asks, Sent};
use crate::subscriber::{Reason, Subscriber};
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

/// Read what came back: mails that could not be delivered, complaints, and mails to the unsubscribe address.
#[derive(Debug, Args)]
#[command(
    after_help = "A mail that was dealt with is marked as seen. One that is not understood is flagged and stays \
unread: a person should look at it. Nobody is let go or silenced by a mail without a token that this site signed.\n\n\
For a mail server: |tidings --root /srv/blog bounces -"
)]
pub struct Bounces {
    /// The Maildir, with `new` and `cur` in it; one mail from standard input where there is none, or with `-`
    maildir: Option<PathBuf>,
}

/// How we know, as it stands in the trail of consent of somebody who left.
const LEFT: &str = "mail to the unsubscribe address";

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Became {
    Left,
    Bounced,
    Complained,
    PassedOver,
    NotUnderstood,
}

impl Became {
    const ALL: [Became; 5] =
        [Became::Left, Became::Bounced, Became::Complained, Became::PassedOver, Became::NotUnderstood];

    fn words(self) -> &'static str {
        match self {
            Became::Left => "left",
            Became::Bounced => "bounced",
            Became::Complained => "complained",
            Became::PassedOver => "passed over",
            Became::NotUnderstood => "not understood",
        }
    }

    /// As JSON has it.
    fn key(self) -> String {
        self.words().replace(' ', "_")
    }
}

/// What is said of one mail.
struct Told {
    became: Became,
    /// In a sentence that names nobody.
    what: String,
    /// For a program.
    json: Value,
}

/// What came of all.
#[derive(Default)]
struct Account {
    told: Vec<(Became, Value)>,
    findings: Vec<Diagnostic>,
    is_wrong: bool,
    is_unfinished: bool,
}

impl Bounces {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let folder = self.maildir.as_ref().filter(|path| path.as_os_str() != "-");
        let mut account = Account::default();
        match folder {
            Some(folder) => account.read_maildir(context, folder),
            None => account.read_one(context),
        }
        show(context, &account.findings, context.talk.least());
        account.summary(context);
        context.talk.report(&account.json());
        match account {
            // Whoever gave the mail keeps it and tries again, or sends it back to where it came from.
            Account { is_wrong: true, .. } if folder.is_none() => Outcome::NotFinished,
            Account { is_wrong: true, .. } => Outcome::Wrong,
            Account { is_unfinished: true, .. } => Outcome::NotFinished,
            _ => Outcome::Done,
        }
    }
}

impl Account {
    fn wrong(&mut self, finding: Diagnostic) {
        self.is_wrong |= finding.severity == Severity::Error;
        self.findings.push(finding);
    }

    /// What the store says: whether it goes on later by itself, or somebody has to do something.
    fn refused(&mut self, err: &StoreError) {
        match err.is_transient() {
            true => self.is_unfinished = true,
            false => self.is_wrong = true,
        }
        self.findings.push(store_finding(err));
    }

    fn read_maildir(&mut self, context: &Context, folder: &Path) {
        let shown = folder.display();
        let Some(maildir) = Maildir::at(folder) else {
            let finding = Diagnostic::error(format!("`{shown}` is no Maildir: it has no folders `new` and `cur`"));
            return self.wrong(finding.hint("name the folder that has them, such as `/var/mail/bounces/Maildir`"));
        };
        let waiting = match maildir.waiting() {
            Ok(waiting) => waiting,
            Err(err) => return self.wrong(Diagnostic::error(format!("cannot read `{shown}`: {}", load::reason(&err)))),
        };
        if waiting.is_empty() {
            return;
        }
        self.at_the_desk(context, async |account, desk| {
            for mail in &waiting {
                let taken = match maildir.read(mail) {
                    Ok(Some(taken)) => taken,
                    Ok(None) => continue,
                    Err(err) => {
                        let file = mail.path().display();
                        account.wrong(Diagnostic::error(format!("cannot read `{file}`: {}", load::reason(&err))));
                        continue;
                    }
                };
                let told = match desk.deal(&taken).await {
                    Ok(told) => told,
                    // The next one would fare no better.
                    Err(err) => return account.refused(&err),
                };
                account.mark(context, &maildir, mail, &taken, told);
            }
        });
    }

    fn mark(&mut self, context: &Context, maildir: &Maildir, mail: &Waiting, taken: &Taken, mut told: Told) {
        let mark = if told.became == Became::NotUnderstood { Mark::Flagged } else { Mark::Seen };
        let file = maildir.mark(mail, mark).unwrap_or_else(|err| {
            let file = mail.path().display();
            let message = format!("`{file}` was dealt with, but cannot be marked: {}", load::reason(&err));
            self.wrong(Diagnostic::error(message).hint("the next run deals with it again, which changes nothing"));
            mail.path().to_owned()
        });
        told.json["file"] = json!(file.to_string_lossy());
        self.tell(context, &format!("{}: ", file.display()), taken, told);
    }

    fn read_one(&mut self, context: &Context) {
        if io::stdin().is_terminal() {
            let finding = Diagnostic::error("no Maildir is named, and no mail comes from standard input");
            return self
                .wrong(finding.hint("run `tidings bounces MAILDIR`, or let the mail server pipe each mail to it"));
        }
        let taken = match maildir::take(io::stdin().lock()) {
            Ok(taken) => taken,
            Err(err) => {
                return self.wrong(Diagnostic::error(format!("cannot read the mail: {}", load::reason(&err))));
            }
        };
        self.at_the_desk(context, async |account, desk| match desk.deal(&taken).await {
            Ok(told) => account.tell(context, "", &taken, told),
            Err(err) => account.refused(&err),
        });
    }

    /// Opens the store and does something with it.
    fn at_the_desk(&mut self, context: &Context, work: impl AsyncFnOnce(&mut Account, &Desk<'_>)) {
        let config = match load::config(&context.root) {
            Ok(config) => config,
            Err(findings) => return findings.into_iter().for_each(|finding| self.wrong(finding)),
        };
        let name = &config.store.sqlite;
        let path = context.root.join(name);
        if !path.exists() {
            let finding = Diagnostic::error(format!("there is no store `{name}`: no mail was ever sent from here"));
            return self.wrong(finding.hint("`--root DIR` names the folder of the site"));
        }
        let done = block_on(async {
            let store = match patiently!(Sqlite::open(&path, name)) {
                Ok(store) => store,
                Err(err) => return self.refused(&err),
            };
            match keys::of_store(context, &config, &store, &mut self.findings).await {
                Ok(keys) => work(self, &Desk { context, config: &config, store: &store, keys }).await,
                Err(finding) => self.wrong(finding),
            }
            store.close().await;
        });
        if let Err(err) = done {
            self.wrong(Diagnostic::error(format!("the store `{name}` cannot be used: {}", load::reason(&err))));
        }
    }

    fn tell(&mut self, context: &Context, place: &str, taken: &Taken, told: Told) {
        let Told { became, what, .. } = told;
        let cut = if taken.is_whole { "" } else { "; it is larger than 10 MB, and only its beginning was read" };
        let line = format!("{place}{}: {what}{cut}", became.words());
        // What a person should look at they must be able to find.
        match became {
            Became::NotUnderstood => context.talk.line(&line),
            _ => context.talk.detail(&line),
        }
        let mut json = told.json;
        json["became"] = json!(became.key());
        json["what"] = json!(what);
        json["whole"] = json!(taken.is_whole);
        self.told.push((became, json));
    }

    fn count(&self, became: Became) -> usize {
        self.told.iter().filter(|(one, _)| *one == became).count()
    }

    /// `3 left, 1 bounced`; nothing where there was nothing.
    fn summary(&self, context: &Context) {
        let counts = Became::ALL.map(|became| (self.count(became), became.words()));
        let said: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}")).collect();
        if !said.is_empty() {
            context.talk.line(&said.join(", "));
        }
    }

    fn json(&self) -> Value {
        let mut report = json!({ "findings": findings_json(&self.findings) });
        for became in Became::ALL {
            report[became.key()] = json!(self.count(became));
        }
        report["mails"] = self.told.iter().map(|(_, json)| json.clone()).collect();
        report
    }
}

/// All that is needed to deal with a mail.
struct Desk<'a> {
    context: &'a Context,
    config: &'a Config,
    store: &'a Sqlite,
    keys: Keys,
}

impl Desk<'_> {
    /// Does what a mail asks for.
    async fn deal(&self, mail: &Taken) -> Result<Told, StoreError> {
        let incoming = Incoming::parse(&mail.bytes);
        match Asks::of(&incoming, &self.keys, self.context.clock()) {
            Asks::Nothing(why) => Ok(Told::new(Became::PassedOver, why)),
            Asks::Unclear(why) => Ok(Told::new(Became::NotUnderstood, why)),
            Asks::Leave(sent) => self.leave(sent).await,
            Asks::NoMailbox(sent, code) => {
                let issue = self.issue(sent).await?;
                let source = format!("a bounce{}: {code}", with("of", issue.as_deref()));
                let told = self.silence(sent, Became::Bounced, Reason::Bounced, &source).await?;
                Ok(told.with(sent, issue, Some(code.to_string())))
            }
            Asks::Complaint(sent) => {
                let issue = self.issue(sent).await?;
                let source = format!("a complaint{}", with("about", issue.as_deref()));
                let told = self.silence(sent, Became::Complained, Reason::Complained, &source).await?;
                Ok(told.with(sent, issue, None))
            }
            Asks::Undelivered(sent, code) => {
                let issue = self.issue(sent).await?;
                let code = code.map(|code| code.to_string());
                let status = code.as_deref().unwrap_or("no status");
                let who = match self.somebody(sent).await? {
                    Some(subscriber) => format!(" to `{}`", masked(&subscriber)),
                    None => String::new(),
                };
                let what =
                    format!("a mail{}{who} was not delivered, or not yet ({status})", with("of", issue.as_deref()));
                Ok(Told::new(Became::PassedOver, &what).with(sent, issue, code))
            }
        }
    }

    async fn leave(&self, sent: Sent) -> Result<Told, StoreError> {
        let issue = self.issue(sent).await?;
        let numbers = (sent.subscriber, sent.issue);
        let left = patiently!(leaving::leave(self.store, self.config, numbers, LEFT, self.context.now))?;
        let mut told = match &left {
            None => Told::new(Became::PassedOver, GONE),
            Some(Left { subscriber, ended }) if ended.is_empty() => {
                Told::new(Became::PassedOver, &format!("`{}` had left before", masked(subscriber)))
            }
            Some(Left { subscriber, ended }) => {
                let what = format!("`{}` does not get `{}` any more", masked(subscriber), ended.join("`, `"));
                Told::new(Became::Left, &what)
            }
        };
        told.json["ended"] = json!(left.map(|left| left.ended).unwrap_or_default());
        Ok(told.with(sent, issue, None))
    }

    /// Sees to it that somebody gets no mail any more.
    async fn silence(&self, sent: Sent, became: Became, reason: Reason, source: &str) -> Result<Told, StoreError> {
        let Some(subscriber) = self.somebody(sent).await? else {
            return Ok(Told::new(Became::PassedOver, GONE));
        };
        let address: Address = subscriber.mailbox.parse().map_err(|err| StoreError::Unusable {
            store: self.config.store.sqlite.clone(),
            fault: Fault::Damaged,
            source: Some(Box::new(err)),
        })?;
        let hashes = keys::hashing(&self.keys);
        let addresses = [address];
        let hushed = patiently!(self.store.suppress(&addresses, reason, &hashes, source, self.context.now))?;
        let who = masked(&subscriber);
        Ok(match hushed.first() {
            Some(Hushed::Known) | None => {
                Told::new(Became::PassedOver, &format!("{source}; `{who}` got no mail before either"))
            }
            Some(Hushed::Subscriber | Hushed::Stranger) => {
                Told::new(became, &format!("{source}; `{who}` gets no mail any more"))
            }
        })
    }

    async fn somebody(&self, sent: Sent) -> Result<Option<Subscriber>, StoreError> {
        patiently!(self.store.by_id(sent.subscriber))
    }

    /// `weekly/2026-W48`
    async fn issue(&self, sent: Sent) -> Result<Option<String>, StoreError> {
        let name = patiently!(self.store.name(sent.issue.into()))?;
        Ok(name.map(|(digest, period)| format!("{digest}/{period}")))
    }
}

const GONE: &str = "whoever it is about is not known any more";

impl Told {
    fn new(became: Became, what: &str) -> Told {
        Told { became, what: what.to_owned(), json: json!({}) }
    }

    fn with(mut self, sent: Sent, issue: Option<String>, status: Option<String>) -> Told {
        self.json["subscriber"] = json!(sent.subscriber);
        self.json["issue"] = json!(issue);
        self.json["status"] = json!(status);
        self
    }
}

/// ` of weekly/2026-W48`
fn with(word: &str, issue: Option<&str>) -> String {
    issue.map(|issue| format!(" {word} {issue}")).unwrap_or_default()
}

fn masked(subscriber: &Subscriber) -> String {
    crate::mail::address::masked(&subscriber.mailbox)
}
