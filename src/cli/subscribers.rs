//! `tidings subscribers`: who gets what. Each of its commands is a function; those on whole files and on whole lists have
//! files of their own.
//!
//! What is told on standard error masks addresses, since it ends up in logs. Standard output is data and does not.

mod import;
mod list;

use super::keys::{self, Missing};
use super::site::{self, Faulty};
use super::talk::{findings_json, show, store_finding};
use super::{Context, Outcome};
use crate::config::{Axis, Config};
use crate::diagnostic::{Diagnostic, Severity};
use crate::disk::load;
use crate::mail::address::Address;
use crate::store::sqlite::Sqlite;
use crate::store::subscribers::{Became, Keep, Manner, Subscribers as _, Terms};
use crate::store::{StoreError, block_on};
use crate::subscriber::choice::Choice;
use crate::subscriber::leave::Leaving;
use crate::subscriber::names::Names;
use crate::subscriber::{self, Arrival, State, Subscriber};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Who gets what.
#[derive(Debug, Args)]
pub struct SubscribersCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Subscribe one person
    Add(Add),
    /// Subscribe the people of a list, as another tool wrote it
    Import(import::Import),
    /// Write the list as CSV, as `import` reads it
    Export(list::Export),
    /// Show subscribers, one a line
    List(list::List),
    /// Show all that is known of one person
    Show(list::Show),
    /// End one person's subscriptions; an import does not bring them back
    Remove(Remove),
    /// Remove all that names one person; an import does not bring them back
    Erase(Erase),
    /// Send no mail to the addresses of a list
    Suppress(import::Suppress),
}

#[derive(Debug, Args)]
struct Add {
    /// The address
    address: String,
    /// The digest; needed where there are several
    #[arg(long, value_name = "NAME")]
    digest: Vec<String>,
    /// The person's name
    #[arg(long)]
    name: Option<String>,
    /// A category that they want to read; everything where none is named
    #[arg(long, value_name = "CATEGORY")]
    category: Vec<String>,
    /// A topic that they want to read
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// How you know that they agree, such as "sign-up sheet at the fair of May 2026"
    #[arg(long, value_name = "TEXT")]
    consent_source: Option<String>,
    /// Also somebody who left, or may get no mail
    #[arg(long)]
    lift: bool,
}

#[derive(Debug, Args)]
struct Remove {
    /// The address
    address: String,
    /// The digest; all where none is named
    #[arg(long, value_name = "NAME")]
    digest: Vec<String>,
    /// How you know that they want to leave
    #[arg(long, value_name = "TEXT", default_value = "removed by hand")]
    source: String,
}

#[derive(Debug, Args)]
struct Erase {
    /// The address
    address: String,
    /// How you know that they want it
    #[arg(long, value_name = "TEXT", default_value = "erased by hand")]
    source: String,
}

/// What went wrong, to be shown.
type Failed = Vec<Diagnostic>;

impl SubscribersCommand {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let done = match &self.command {
            Command::Add(add) => add.run(context),
            Command::Import(import) => import.run(context),
            Command::Export(export) => export.run(context),
            Command::List(list) => list.run(context),
            Command::Show(show) => show.run(context),
            Command::Remove(remove) => remove.run(context),
            Command::Erase(erase) => erase.run(context),
            Command::Suppress(suppress) => suppress.run(context),
        };
        done.unwrap_or_else(|findings| failed(context, &findings))
    }
}

/// Shows what went wrong.
pub(super) fn failed(context: &Context, findings: &[Diagnostic]) -> Outcome {
    show(context, findings, Severity::Warning);
    context.talk.report(&json!({ "findings": findings_json(findings) }));
    Outcome::Wrong
}

impl Add {
    fn run(&self, context: &Context) -> Result<Outcome, Failed> {
        let config = load::config(&context.root)?;
        let address = address(&self.address)?;
        let name = self.name.as_deref().map(subscriber::name).transpose().map_err(|err| one(Diagnostic::error(err)))?;
        let source = source(self.consent_source.as_deref(), "--consent-source")?;
        let digests = digests(&config);
        let wanted = match &self.digest[..] {
            [] => vec![only(&digests, &config)?],
            named => named.iter().map(|name| find(&digests, name)).collect::<Result<_, _>>()?,
        };
        let choice = match self.category.is_empty() && self.topic.is_empty() {
            true => None,
            false => {
                let (categories, topics) = terms(context)?;
                let all = |names: &Names, words: &[String]| {
                    words.iter().map(|word| find(names, word)).collect::<Result<Vec<String>, Failed>>()
                };
                Some(Choice::new(all(&categories, &self.category)?, all(&topics, &self.topic)?))
            }
        };
        let arrival = Arrival {
            address: address.clone(),
            name: name.flatten(),
            choice,
            subscriptions: wanted.iter().map(|digest| (digest.clone(), State::Active)).collect(),
            suppressed: None,
            at: None,
        };
        let hashes = keys::hashes(context, &config, Missing::GoWithout).map_err(one)?;
        let terms = Terms {
            source,
            now: context.now,
            manner: if self.lift { Manner::Lift } else { Manner::Add },
            keep: Keep::Yes,
            formerly: &formerly(&config),
            hashes: &hashes,
        };
        let (became, now) = wait(&config, async {
            let store = open(context, &config).await?;
            let became = store.add(&[arrival], &terms).await?.pop().unwrap_or_default();
            let now = store.portrait(&address).await?;
            store.close().await;
            Ok((became, now))
        })?;
        let who = address.masked();
        let lift = "if they asked for it themselves, add `--lift`";
        if let Some(reason) = became.refused {
            let message = format!("`{who}` may get no mail: {}", reason.word());
            return Err(one(Diagnostic::error(message).hint(lift)));
        }
        if !became.left.is_empty() {
            let message = format!("`{who}` has left {}", quoted(&became.left));
            return Err(one(Diagnostic::error(message).hint(lift)));
        }
        let Became { is_new, joined, is_changed, .. } = &became;
        context.talk.line(&match (is_new, joined.is_empty(), is_changed) {
            (true, ..) => format!("added `{who}` to {}", quoted(joined)),
            (false, false, _) => format!("added `{who}`, who was known, to {}", quoted(joined)),
            (false, true, true) => format!("changed `{who}`, who gets {} already", quoted(&wanted)),
            (false, true, false) => format!("`{who}` gets {} already", quoted(&wanted)),
        });
        let mut report = now.map_or(Value::Null, |now| person(&now.subscriber));
        report["new"] = json!(is_new);
        report["joined"] = json!(joined);
        context.talk.report(&report);
        Ok(Outcome::Done)
    }
}

impl Remove {
    fn run(&self, context: &Context) -> Result<Outcome, Failed> {
        let config = load::config(&context.root)?;
        let address = address(&self.address)?;
        let source = source(Some(&self.source), "--source")?;
        let mut names = Vec::new();
        for name in &self.digest {
            // A subscription may outlive its digest.
            match find(&digests(&config), name) {
                Ok(name) => names.extend(config.digests[&name].names().map(str::to_owned)),
                Err(_) if is_subscribed(context, &config, &address, name)? => names.push(name.clone()),
                Err(err) => return Err(err),
            }
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // Who leaves all leaves those, too, that they get since the settings name their address.
        let named = match Leaving::everything(&subscriber::key(&address), &config.digests) {
            Leaving::Everything(named) if names.is_empty() => named,
            _ => Vec::new(),
        };
        let ended = wait(&config, async {
            let Some(store) = existing(context, &config).await? else { return Ok(None) };
            let mut ended = store.end(&address, &names, source, context.now).await?;
            if let Some(ended) = ended.as_mut().filter(|_| !named.is_empty()) {
                let more = store.end(&address, &named, source, context.now).await?;
                ended.extend(more.unwrap_or_default());
            }
            store.close().await;
            Ok(ended)
        })?;
        let who = address.masked();
        let Some(ended) = ended else { return Err(one(nobody(&who))) };
        context.talk.line(&match &ended[..] {
            [] => format!("`{who}` was not subscribed"),
            ended => format!("`{who}` does not get {} any more", quoted(ended)),
        });
        context.talk.report(&json!({ "ended": ended }));
        Ok(Outcome::Done)
    }
}

fn is_subscribed(context: &Context, config: &Config, address: &Address, digest: &str) -> Result<bool, Failed> {
    wait(config, async {
        let Some(store) = existing(context, config).await? else { return Ok(false) };
        let found = store.portrait(address).await?;
        store.close().await;
        Ok(found.is_some_and(|found| found.subscriber.state([digest]).is_some()))
    })
}

impl Erase {
    fn run(&self, context: &Context) -> Result<Outcome, Failed> {
        let config = load::config(&context.root)?;
        let address = address(&self.address)?;
        let source = source(Some(&self.source), "--source")?;
        let who = address.masked();
        let hashes = keys::hashes(context, &config, Missing::Make).map_err(one)?;
        let erased = wait(&config, async {
            let Some(store) = existing(context, &config).await? else { return Ok(None) };
            let erased = store.erase(&address, &hashes, source, context.now).await?;
            store.close().await;
            Ok(erased)
        })?;
        let Some(erased) = erased else {
            let hint = "to keep them from being added, write the address into a file and run `tidings subscribers suppress FILE`";
            return Err(one(nobody(&who).hint(hint)));
        };
        context.talk.report(&json!({ "erased": true, "skipped": erased.skipped, "clean": erased.is_clean }));
        if !erased.is_clean {
            let message = format!(
                "`{who}` was erased, but bytes of it may be left in the store's files: another program is reading them"
            );
            let finding = Diagnostic::error(message).hint("run the same command again when the other one is done");
            show(context, &[finding], Severity::Warning);
            return Ok(Outcome::Wrong);
        }
        context.talk.line(&format!("erased `{who}`; copies of the store and exported files are yours to clear"));
        Ok(Outcome::Done)
    }
}

/// An address from the command line.
fn address(text: &str) -> Result<Address, Failed> {
    let read = subscriber::address(text).map(|(address, _)| address);
    read.map_err(|err| one(Diagnostic::error(err).hint("write it like `name@example.org`")))
}

/// How somebody's will is known.
fn source<'a>(text: Option<&'a str>, flag: &str) -> Result<&'a str, Failed> {
    let wrong = |message: String, hint: &str| Err(one(Diagnostic::error(message).hint(hint)));
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        let hint = "add it, such as `--consent-source \"sign-up form of example.org\"`; it is kept as the proof";
        return wrong(format!("`{flag}` is missing: how do you know that they agree?"), hint);
    };
    if text.len() > 500 || text.contains(char::is_control) {
        return wrong(format!("`{flag}` is one line of at most 500 bytes"), "shorten it");
    }
    // It stays when somebody is erased.
    if subscriber::mentions_address(text) {
        return wrong(format!("`{flag}` names an address, and it stays when somebody is erased"), "say it without one");
    }
    Ok(text)
}

fn nobody(who: &str) -> Diagnostic {
    Diagnostic::error(format!("nobody has the address `{who}`"))
}

fn one(finding: Diagnostic) -> Failed {
    vec![finding]
}

/// `a`, `b`
fn quoted(names: &[String]) -> String {
    format!("`{}`", names.join("`, `"))
}

/// The digests of the settings, under all names that they had.
fn digests(config: &Config) -> Names {
    let names =
        config.digests.iter().flat_map(|(name, digest)| digest.names().map(move |known| (known, name.as_str())));
    Names::new("digest", names)
}

/// Further names that digests had.
fn formerly(config: &Config) -> BTreeMap<String, Vec<String>> {
    config.digests.iter().map(|(name, digest)| (name.clone(), digest.formerly.clone())).collect()
}

/// The categories and the topics of the site's posts.
fn terms(context: &Context) -> Result<(Names, Names), Failed> {
    let (site, findings) = site::open(context, Faulty::LeaveOut);
    let Some(site) = site else { return Err(findings.into_iter().filter(Diagnostic::is_error).collect()) };
    let of = |kind, axis: Axis| {
        let terms = site.collection.terms.iter().filter(move |term| term.axis == axis);
        Names::new(kind, terms.flat_map(|term| term.keys.iter().map(|key| (key, term.slug.as_str()))))
    };
    Ok((of("category", Axis::Category), of("topic", Axis::Topic)))
}

fn find(names: &Names, name: &str) -> Result<String, Failed> {
    names.find(name).map(str::to_owned).map_err(|err| one(Diagnostic::error(err.to_string()).hint(err.hint)))
}

/// The digest of a site that has one.
fn only(digests: &Names, config: &Config) -> Result<String, Failed> {
    if let Some(only) = digests.only() {
        return Ok(only.to_owned());
    }
    let known: Vec<String> = config.digests.keys().cloned().collect();
    Err(one(match known.is_empty() {
        true => Diagnostic::error("there is no digest to subscribe to")
            .hint(format!("write `[digest.weekly]` into {}", crate::config::FILE)),
        false => {
            Diagnostic::error("there are several digests").hint(format!("add `--digest NAME`: {}", quoted(&known)))
        }
    }))
}

/// The store, made where there is none.
async fn open(context: &Context, config: &Config) -> Result<Sqlite, StoreError> {
    Sqlite::open(&context.root.join(&config.store.sqlite), &config.store.sqlite).await
}

/// The store to write to, where there is one.
async fn existing(context: &Context, config: &Config) -> Result<Option<Sqlite>, StoreError> {
    match context.root.join(&config.store.sqlite).exists() {
        true => open(context, config).await.map(Some),
        false => Ok(None),
    }
}

/// The store to read from, where there is one.
async fn reading(context: &Context, config: &Config) -> Result<Option<Sqlite>, StoreError> {
    Sqlite::open_to_read(&context.root.join(&config.store.sqlite), &config.store.sqlite).await
}

/// Waits for the store.
fn wait<T>(config: &Config, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, Failed> {
    match block_on(answer) {
        Ok(answer) => answer.map_err(|err| one(store_finding(&err))),
        Err(err) => {
            let message = format!("the store `{}` cannot be used: {}", config.store.sqlite, load::reason(&err));
            Err(one(Diagnostic::error(message)))
        }
    }
}

/// A subscriber as JSON.
fn person(one: &Subscriber) -> Value {
    let subscriptions = one
        .subscriptions
        .iter()
        .map(|one| json!({ "digest": one.digest, "state": one.state.word(), "since": one.changed_at.to_rfc3339() }));
    json!({
        "id": one.id,
        "address": one.mailbox,
        "name": one.name,
        "categories": one.choice.categories(),
        "topics": one.choice.topics(),
        "subscriptions": subscriptions.collect::<Vec<_>>(),
        "suppressed": one.suppressed.map(subscriber::Reason::word),
        "paused_until": one.paused_until.map(|until| until.to_rfc3339()),
        "added_at": one.added_at.to_rfc3339(),
    })
}

/// `1,204`
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
