//! `[digest.NAME]`: a newsletter made of posts.
//!

use super::audience::{self, Audience};
use super::mailbox::{MAILBOX_FORM, Mailbox};
use super::parse::{belongs_elsewhere, read_filter};
use super::theme::Theme;
use super::tree::{Fault, Table, list, wrong_type};
use super::{FILE, Site, filter_span, values};
use crate::diagnostic::{Diagnostic, Span, Spanned, nearest};
use crate::schedule::Schedule;
use crate::text::{Text, first_illegal};
use chrono_tz::Tz;
use std::collections::BTreeMap;
use std::time::Duration;
use toml::de::DeValue;

/// `[digest.NAME]`
#[derive(Clone, Debug)]
pub struct Digest {
    /// By which commands, addresses and the store know it, and where it stands.
    pub name: Spanned<String>,
    /// What people call it; the site's title.
    pub title: Text,
    /// Who it comes from.
    pub from: Mailbox,
    /// Who gets the answers, where it is not `from`.
    pub reply_to: Option<Mailbox>,
    /// Where the sender can be reached by post; may have several lines. No commercial mail may go out without one.
    pub postal_address: Text,
    /// When its issues are cut off.
    pub schedule: Schedule,
    /// Where the clock of the schedule hangs; the site's zone.
    pub timezone: Tz,
    /// Which posts; all without one. The text of the filter, with the place of its first character.
    pub filter: Option<Spanned<String>>,
    /// Other digests: what they carried, this one does not.
    pub not_in: Vec<String>,
    /// Who gets it; its own subscribers.
    pub audience: Audience,
    /// What the posts behind the lead story are grouped by; categories.
    pub group_by: GroupBy,
    /// At most so many stories are shown with more than their title; 12. At least 1.
    pub max_posts: usize,
    /// No issue is made for fewer; 1. At least 1.
    pub min_posts: usize,
    /// A post older than this at the cutoff is not carried; 30 days.
    pub max_age: Duration,
    /// How long after its cutoff an issue may still begin to go out; 6 hours.
    pub max_lateness: Duration,
    /// Whether somebody must say yes; nobody.
    pub approval: Approval,
    /// The template of the subject, one line.
    pub subject: Option<Spanned<String>>,
    /// The name of its template, where it is not the built-in one.
    pub template: Option<Spanned<String>>,
    /// `[digest.NAME.theme]`
    pub theme: Theme,
    /// What is added to every link, `utm_source` and so on: without `utm_`, as in `source = "newsletter"`.
    pub utm: BTreeMap<String, String>,
    /// Names that it had before.
    pub formerly: Vec<String>,
}

impl Digest {
    /// The place of some characters of the filter, as in [`super::DeclaredFeed::filter_span`].
    pub fn filter_span(&self, column: usize, width: usize) -> Option<Span> {
        filter_span(self.filter.as_ref()?, column, width)
    }

    /// All names under which the store may know it, its own first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.value.as_str()).chain(self.formerly.iter().map(String::as_str))
    }
}

/// What the posts of an issue are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// Their first category.
    Category,
    /// Their first topic.
    Topic,
    /// Nothing.
    None,
}

/// Whether an issue waits for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// It goes out by itself.
    None,
    /// It waits for a yes.
    Required,
}

pub(super) const KEYS: [&str; 20] = [
    "title",
    "from",
    "reply_to",
    "postal_address",
    "schedule",
    "timezone",
    "filter",
    "not_in",
    "audience",
    "group_by",
    "max_posts",
    "min_posts",
    "max_age",
    "max_lateness",
    "approval",
    "subject",
    "template",
    "theme",
    "utm",
    "formerly",
];
const GROUP_NAMES: [&str; 3] = ["category", "topic", "none"];
const APPROVAL_NAMES: [&str; 2] = ["none", "required"];
const UTM_KEYS: [&str; 6] = ["source", "medium", "campaign", "term", "content", "id"];

/// What must be written, and what to write.
const NEEDED: [(&str, &str); 3] = [
    ("from", "say who sends it: `from = \"Name <name@example.org>\"`"),
    (
        "postal_address",
        "say where the sender can be reached by post, which laws such as CAN-SPAM ask of every newsletter:\n\
         `postal_address = \"Field Notes, 1 Main Street, Springfield\"`",
    ),
    ("schedule", "say when its issues are cut off: `schedule = \"Mon 09:00\"`"),
];

const DAY: u64 = 24 * 60 * 60;

/// All tables `[digest.NAME]`.
pub(super) fn read_digests(
    table: &Table<'_, '_>,
    site: &Site,
    findings: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Digest> {
    let names: Vec<&str> = table.entries.keys().map(|key| key.get_ref().as_ref()).collect();
    let mut digests = BTreeMap::new();
    for (key, value) in table.entries {
        let (source, name) = (table.source, key.get_ref().as_ref());
        let span = source.span(key.span());
        let DeValue::Table(entries) = value.get_ref() else {
            let finding = Diagnostic::error(format!("unknown key `{name}` in `[digest]`")).at(FILE, span);
            findings.push(finding.hint("a digest has a name: `[digest.NAME]`"));
            continue;
        };
        if !values::is_name(name) {
            let finding = Diagnostic::error(format!("a digest cannot be named `{name}`")).at(FILE, span);
            findings.push(finding.hint(values::NAME_HINT));
        }
        let table = Table { name: format!("[digest.{name}]"), entries, source };
        if let Some(digest) = read_digest(&table, Spanned::new(name.to_owned(), span), &names, site, findings) {
            digests.insert(name.to_owned(), digest);
        }
    }
    digests
}

/// A digest, unless something is missing that it cannot be without; what is wrong with it is among the findings.
fn read_digest(
    table: &Table<'_, '_>,
    name: Spanned<String>,
    names: &[&str],
    site: &Site,
    findings: &mut Vec<Diagnostic>,
) -> Option<Digest> {
    table.refuse_unknown(&KEYS, findings, belongs_elsewhere);
    for (key, hint) in NEEDED {
        // A misspelt key is reported by its own name.
        let misspelt = || table.entries.keys().any(|name| nearest(name.get_ref(), KEYS) == Some(key));
        if !table.entries.contains_key(key) && !misspelt() {
            let finding = Diagnostic::error(format!("`{}` has no `{key}`", table.name)).at(FILE, name.span);
            findings.push(finding.hint(hint));
        }
    }
    let timezone = table.get("timezone", findings, values::timezone).unwrap_or(site.timezone);
    let one_of = |names: &'static [&'static str]| {
        move |key: &str, value: &DeValue<'_>| values::one_of(key, values::text(key, value)?, names)
    };
    let title = table.get("title", findings, values::shown).unwrap_or_else(|| site.title.clone());
    let from = table.get("from", findings, mailbox);
    let reply_to = table.get("reply_to", findings, mailbox);
    let postal_address = table.get("postal_address", findings, |key, value| {
        let hint = NEEDED.iter().find(|(needed, _)| *needed == key).map_or("", |(_, hint)| hint);
        let text = paragraph(key, value)?;
        if text.is_empty() { Err(Fault::new(format!("`{key}` is empty")).hint(hint)) } else { Ok(text) }
    });
    let schedule = table.get("schedule", findings, schedule);
    let not_in = table.get_each("not_in", findings, |key, raw| other_digest(key, raw, &name.value, names));
    let formerly = table.get_each("formerly", findings, |key, raw| former_name(key, raw, names));
    let placed = |value: Option<String>, key: &str| value.map(|value| Spanned::new(value, table.text_span(key)));
    let filter = read_filter(table, timezone, findings);
    let audience = table.get("audience", findings, |key, value| audience::parse(key, values::text(key, value)?, names));
    let everybody = Audience { digests: vec![name.value.clone()], addresses: vec![] };
    let group_by = table.get("group_by", findings, one_of(&GROUP_NAMES));
    let max_posts = table.get("max_posts", findings, values::at_least_one);
    let min_posts = table.get("min_posts", findings, values::at_least_one);
    let max_age = table.get("max_age", findings, values::age);
    let max_lateness = table.get("max_lateness", findings, values::age);
    let approval = table.get("approval", findings, one_of(&APPROVAL_NAMES));
    let subject = placed(table.get("subject", findings, one_line), "subject");
    let template = placed(table.get("template", findings, one_line), "template");
    let theme = Theme::read(table, findings);
    let utm = read_utm(table, findings);
    // Only now, so that one run tells all that is wrong.
    Some(Digest {
        name,
        title,
        from: from?,
        reply_to,
        postal_address: postal_address?,
        schedule: schedule?,
        timezone,
        filter,
        not_in: not_in.unwrap_or_default(),
        audience: audience.unwrap_or(everybody),
        group_by: group_by.map_or(GroupBy::Category, |i| [GroupBy::Category, GroupBy::Topic, GroupBy::None][i]),
        max_posts: max_posts.unwrap_or(12),
        min_posts: min_posts.unwrap_or(1),
        max_age: max_age.unwrap_or(Duration::from_secs(30 * DAY)),
        max_lateness: max_lateness.unwrap_or(Duration::from_secs(DAY / 4)),
        approval: approval.map_or(Approval::None, |i| [Approval::None, Approval::Required][i]),
        subject,
        template,
        theme,
        utm,
        formerly: formerly.unwrap_or_default(),
    })
}

/// One address with or without a name.
fn mailbox(key: &str, value: &DeValue<'_>) -> Result<Mailbox, Fault> {
    let raw = values::text(key, value).map_err(|fault| fault.hint(MAILBOX_FORM))?;
    Mailbox::parse(raw).map_err(|error| {
        let fault = Fault::new(format!("`{key}` {}", error.message)).hint(MAILBOX_FORM);
        if error.width == 0 { fault } else { fault.inside(error.column, error.width) }
    })
}

fn schedule(key: &str, value: &DeValue<'_>) -> Result<Schedule, Fault> {
    let raw = values::text(key, value)?;
    Schedule::parse(raw).map_err(|error| {
        let fault = Fault::new(format!("`{key}` is not a schedule: {}", error.message)).hint(error.hint);
        if error.width == 0 { fault } else { fault.inside(error.column, error.width) }
    })
}

/// A text in one line or several; it may be empty.
fn paragraph(key: &str, value: &DeValue<'_>) -> Result<Text, Fault> {
    let raw = values::text(key, value)?;
    if let Some((at, c)) = first_illegal(raw) {
        let fault = Fault::new(format!("`{key}` holds U+{:04X}, which no mail can carry", u32::from(c)));
        return Err(fault.inside(raw[..at].chars().count(), 1).hint("leave the character out"));
    }
    let lines: Vec<String> =
        raw.lines().map(|line| Text::one_line(line).to_string()).filter(|line| !line.is_empty()).collect();
    Ok(Text::new(&lines.join("\n")))
}

/// A text on one line, as it is written, that may end up in a header.
fn one_line(key: &str, value: &DeValue<'_>) -> Result<String, Fault> {
    let raw = values::text(key, value)?;
    if let Some((i, c)) = raw.chars().enumerate().find(|(_, c)| c.is_control()) {
        let fault = Fault::new(format!("`{key}` holds U+{:04X}, which no header may carry", u32::from(c)));
        return Err(fault.inside(i, 1).hint("write it on one line"));
    }
    values::shown(key, value)?;
    Ok(raw.to_owned())
}

/// Another digest of the site.
fn other_digest(key: &str, raw: &str, own: &str, names: &[&str]) -> Result<String, Fault> {
    if raw == own {
        return Err(Fault::new(format!("`{key}` names the digest itself: it never carries a post twice anyway")));
    }
    if names.contains(&raw) {
        return Ok(raw.to_owned());
    }
    let others: Vec<&str> = names.iter().copied().filter(|&name| name != own).collect();
    let fault = Fault::new(format!("`{key}` names a digest that does not exist: `{raw}`"));
    Err(fault.hint(match nearest(raw, others.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if others.is_empty() => "there is no other digest; each has a table `[digest.NAME]`".to_owned(),
        None if others.len() == 1 => format!("the other digest is {}", list(&others)),
        None => format!("the other digests are {}", list(&others)),
    }))
}

/// A name that the digest had, which no digest may have now.
fn former_name(key: &str, raw: &str, names: &[&str]) -> Result<String, Fault> {
    if !values::is_name(raw) {
        let fault = Fault::new(format!("`{key}`: no digest was ever named `{raw}`"));
        return Err(fault.hint("names have `a` to `z`, `0` to `9` and `-`"));
    }
    if names.contains(&raw) {
        return Err(Fault::new(format!("`{key}` names a digest that there is: `[digest.{raw}]`")));
    }
    Ok(raw.to_owned())
}

fn read_utm(table: &Table<'_, '_>, findings: &mut Vec<Diagnostic>) -> BTreeMap<String, String> {
    let Some(value) = table.entries.get("utm") else { return BTreeMap::new() };
    let DeValue::Table(entries) = value.get_ref() else {
        let fault = wrong_type("utm", "a table", value.get_ref())
            .hint("write `utm = { source = \"newsletter\", medium = \"email\" }`");
        findings.push(table.source.finding(value.span(), fault));
        return BTreeMap::new();
    };
    let utm = Table { name: "utm".to_owned(), entries, source: table.source };
    utm.refuse_unknown(&UTM_KEYS, findings, |key| {
        let bare = key.strip_prefix("utm_").filter(|bare| UTM_KEYS.contains(bare))?;
        Some(format!("write `{bare}`: `utm_` is put before it"))
    });
    let read = |key: &&str| Some(((*key).to_owned(), utm.get(key, findings, one_line)?));
    UTM_KEYS.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests;
