//! Subscribers shown: one, some as lines, all as CSV. Read page by page, so that memory does not grow with the list.

use super::{Failed, address, digests, find, nobody, one, person, reading, thousands, wait};
use crate::cli::deliveries::{notice_json, notice_story};
use crate::cli::keys::{self, Missing};
use crate::cli::{Context, Outcome};
use crate::config::Config;
use crate::diagnostic::printable;
use crate::disk::load;
use crate::store::StoreError;
use crate::store::postbox::{self, Notice, Postbox as _};
use crate::store::subscribers::{Portrait, Subscribers as _, Which};
use crate::subscriber::import::escaped;
use crate::subscriber::{State, Subscriber, key};
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::io::{self, Write};

/// How many subscribers are read at once.
const PAGE: u32 = 2_000;

/// How many notices of one person are shown, the oldest first.
const MOST_NOTICES: u32 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Standing {
    /// Gets mail
    Active,
    /// Has not confirmed
    Pending,
    /// Left
    Ended,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this digest
    #[arg(long, value_name = "NAME")]
    digest: Option<String>,
    /// Only those whose subscription stands so
    #[arg(long, value_name = "STATE")]
    state: Option<Standing>,
    /// Only those that may get no mail
    #[arg(long)]
    suppressed: bool,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Only those of this digest
    #[arg(long, value_name = "NAME")]
    digest: Option<String>,
    /// Only those whose subscription stands so; without it, those that get mail
    #[arg(long, value_name = "STATE", conflicts_with_all = ["all", "suppressed"])]
    state: Option<Standing>,
    /// Those that may get no mail, in their place
    #[arg(long, conflicts_with = "all")]
    suppressed: bool,
    /// Everybody, also who left and who may get no mail: not a list to mail to
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The address
    address: String,
}

impl Standing {
    fn state(self) -> State {
        match self {
            Standing::Active => State::Active,
            Standing::Pending => State::Pending,
            Standing::Ended => State::Ended,
        }
    }
}

impl List {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failed> {
        let config = load::config(&context.root)?;
        let which = Which {
            digests: names(&config, self.digest.as_deref())?,
            state: self.state.map(Standing::state),
            suppressed: self.suppressed.then_some(true),
        };
        let mut out = io::BufWriter::new(io::stdout().lock());
        if context.talk.json() {
            return each_as_json(context, &config, &which, &mut out);
        }
        let count = each(context, &config, &which, |one| writeln!(out, "{}", line(one)))?;
        let _ = out.flush();
        tell(context, count);
        Ok(Outcome::Done)
    }
}

impl Export {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failed> {
        let config = load::config(&context.root)?;
        let which = Which {
            digests: names(&config, self.digest.as_deref())?,
            state: match (self.state, self.all || self.suppressed) {
                (Some(state), _) => Some(state.state()),
                (None, true) => None,
                (None, false) => Some(State::Active),
            },
            suppressed: (!self.all).then_some(self.suppressed),
        };
        let mut out = io::BufWriter::new(io::stdout().lock());
        if context.talk.json() {
            return each_as_json(context, &config, &which, &mut out);
        }
        let mut csv = csv::Writer::from_writer(out);
        // A reader who stops listening is nobody's concern.
        let _ = csv.write_record(HEADERS);
        let count = each(context, &config, &which, |one| csv.write_record(row(one)).map_err(io::Error::other))?;
        let _ = csv.flush();
        tell(context, count);
        Ok(Outcome::Done)
    }
}

/// The columns of an export.
const HEADERS: [&str; 9] =
    ["email", "name", "digests", "pending", "ended", "categories", "topics", "suppressed", "subscribed_at"];

/// A subscriber as a row that `import` reads back.
fn row(one: &Subscriber) -> [String; 9] {
    let digests = |state| one.digests(state).collect::<Vec<_>>().join(";");
    [
        escaped(&one.mailbox).into_owned(),
        one.name.as_deref().map(|name| escaped(name).into_owned()).unwrap_or_default(),
        digests(State::Active),
        digests(State::Pending),
        digests(State::Ended),
        one.choice.categories().join(";"),
        one.choice.topics().join(";"),
        one.suppressed.map(|reason| reason.word().to_owned()).unwrap_or_default(),
        one.added_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    ]
}

/// A subscriber on one line.
fn line(one: &Subscriber) -> String {
    let mut parts = vec![format!("{:<32}", one.mailbox)];
    parts.extend(one.name.clone());
    let standing = one.subscriptions.iter().map(|one| match one.state {
        State::Active => one.digest.clone(),
        other => format!("{} ({})", one.digest, other.word()),
    });
    let standing: Vec<String> = standing.collect();
    parts.push(if standing.is_empty() { "no digest".into() } else { standing.join(", ") });
    parts.extend(Some(one.choice.to_string()).filter(|choice| !choice.is_empty()));
    parts.extend(one.suppressed.map(|reason| format!("no mail: {}", reason.word())));
    printable(&parts.join("  ")).into_owned()
}

/// The names that a digest is known by.
fn names(config: &Config, digest: Option<&str>) -> Result<Vec<String>, Failed> {
    let Some(digest) = digest else { return Ok(Vec::new()) };
    let name = find(&digests(config), digest)?;
    Ok(config.digests[&name].names().map(str::to_owned).collect())
}

fn tell(context: &Context, count: u64) {
    context.talk.line(&format!("{} subscriber{}", thousands(count), if count == 1 { "" } else { "s" }));
}

/// Hands over each subscriber that is meant; how many there were. Ends early where nobody takes them any more.
fn each(
    context: &Context,
    config: &Config,
    which: &Which,
    mut take: impl FnMut(&Subscriber) -> io::Result<()>,
) -> Result<u64, Failed> {
    wait(config, async {
        let Some(store) = reading(context, config).await? else { return Ok(0) };
        let (mut count, mut after) = (0, 0);
        'pages: loop {
            let page = store.page(which, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for one in &page {
                if take(one).is_err() {
                    break 'pages;
                }
                count += 1;
            }
        }
        store.close().await;
        Ok::<u64, StoreError>(count)
    })
}

fn each_as_json(context: &Context, config: &Config, which: &Which, out: &mut impl Write) -> Result<Outcome, Failed> {
    let mut before = "{\"subscribers\": [\n";
    let count = each(context, config, which, |one| {
        write!(out, "{before}{}", person(one))?;
        before = ",\n";
        Ok(())
    })?;
    let start = if count == 0 { before } else { "" };
    let _ = writeln!(out, "{start}\n], \"count\": {count}}}");
    let _ = out.flush();
    Ok(Outcome::Done)
}

impl Show {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failed> {
        let config = load::config(&context.root)?;
        let address = address(&self.address)?;
        let hashes = keys::hashes(context, &config, Missing::GoWithout).map_err(one)?;
        let (portrait, notices, suppression) = wait(&config, async {
            let Some(store) = reading(context, &config).await? else { return Ok((None, vec![], None)) };
            let which = postbox::Which { address: Some(key(&address)), limit: MOST_NOTICES, ..Default::default() };
            let (portrait, notices) = (store.portrait(&address).await?, store.notices(&which).await?);
            let suppression = store.suppression(&address, &hashes).await?;
            store.close().await;
            Ok((portrait, notices, suppression))
        })?;
        let Some(portrait) = portrait else {
            let finding = nobody(&address.masked());
            return Err(one(match suppression {
                Some((reason, at)) => {
                    finding.hint(format!("a hash of it is kept: no mail ({}) since {}", reason.word(), at.format("%F")))
                }
                None => finding,
            }));
        };
        if context.talk.json() {
            context.talk.report(&report(&portrait, &notices));
        } else {
            context.talk.data(&text(&portrait, &notices, context.now));
        }
        Ok(Outcome::Done)
    }
}

fn report(portrait: &Portrait, notices: &[Notice]) -> serde_json::Value {
    let mut report = person(&portrait.subscriber);
    let consent = portrait.consent.iter().map(|one| {
        json!({ "event": one.event.word(), "digest": one.digest, "source": one.source, "at": one.at.to_rfc3339() })
    });
    let deliveries = portrait.deliveries.iter().map(|one| {
        json!({
            "issue": format!("{}/{}", one.digest, one.period), "state": one.state, "attempts": one.attempts,
            "code": one.code, "reply": one.reply, "reason": one.reason, "updated_at": one.updated_at.to_rfc3339(),
        })
    });
    report["consent"] = consent.collect();
    report["deliveries"] = deliveries.collect();
    report["notices"] = notices.iter().map(notice_json).collect();
    report
}

fn text(portrait: &Portrait, notices: &[Notice], now: DateTime<Utc>) -> String {
    let one = &portrait.subscriber;
    let mut lines = vec![("address", one.mailbox.clone())];
    lines.extend(one.name.clone().map(|name| ("name", name)));
    lines.push(("reads", if one.choice.is_everything() { "everything".into() } else { one.choice.to_string() }));
    for subscription in &one.subscriptions {
        let (state, since) = (subscription.state.word(), subscription.changed_at.format("%F"));
        lines.push(("digest", format!("{}, {state} since {since}", subscription.digest)));
    }
    lines.extend(one.suppressed.map(|reason| ("no mail", reason.word().to_owned())));
    let pause = one.paused_until.filter(|until| *until > now);
    lines.extend(pause.map(|until| ("paused", format!("until {}", until.format("%F %R")))));
    lines.push(("known", format!("since {}", one.added_at.format("%F"))));
    for step in &portrait.consent {
        let digest = step.digest.as_deref().unwrap_or("all");
        let (at, event) = (step.at.format("%F %R"), step.event.word());
        lines.push(("consent", format!("{at}  {event} {digest}: {}", step.source)));
    }
    for mail in &portrait.deliveries {
        // A server's words begin with its code.
        let code = mail.code.filter(|_| mail.reply.is_none()).map(|code| code.to_string());
        let why: Vec<String> = [mail.reason.clone(), code, mail.reply.clone()].into_iter().flatten().collect();
        let why = if why.is_empty() { String::new() } else { format!(": {}", why.join(" ")) };
        let at = mail.updated_at.format("%F %R");
        lines.push(("mail", format!("{at}  {}/{} {}{why}", mail.digest, mail.period, mail.state)));
    }
    for notice in notices {
        let (at, kind, state) = (notice.updated_at.format("%F %R"), notice.kind.word(), notice.state.word());
        let why = notice_story(notice);
        let why = if why.is_empty() { why } else { format!(": {why}") };
        lines.push(("notice", format!("{at}  {kind} {state}{why}")));
    }
    lines.iter().map(|(what, value)| format!("{what:<10} {}\n", printable(value))).collect()
}
