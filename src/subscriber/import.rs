//! Lists of other tools: which column means what, and what each row says of whom.
//!
//! A row that says of somebody that they left, bounced or complained never subscribes them, whatever else it says. What
//! cannot be understood is a fault of its row, told by line and without repeating an address; the other rows stand.

use super::choice::Choice;
use super::names::Names;
use super::records::{Record, Records};
use super::{Arrival, Reason, State, address, name, trimmed};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use std::io::{self, Read};

/// What a column may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The address. No import without it.
    Address,
    /// The whole name.
    Name,
    /// The first part of the name.
    FirstName,
    /// The last part of the name.
    LastName,
    /// Digests that they get.
    Digests,
    /// Digests that they asked for but have not confirmed.
    Pending,
    /// Digests that they left.
    Ended,
    /// Categories that they want to read.
    Categories,
    /// Topics that they want to read.
    Topics,
    /// Whether they are subscribed, in one word.
    Status,
    /// Why no mail may be sent to them; empty where it may.
    Suppressed,
    /// When they left; empty where they did not.
    LeftAt,
    /// When their mailbox was given up; empty where it was not.
    BouncedAt,
    /// When they agreed.
    AgreedAt,
}

/// Each field with its own name and those that tools use, in small letters without signs; where several columns would do, the
/// first name wins.
const FIELDS: [(Field, &str, &[&str]); 14] = [
    (
        Field::Address,
        "email",
        &["email", "emailaddress", "subscriberemail", "mail", "mailaddress", "emailadresse", "address", "adresse"],
    ),
    (Field::Name, "name", &["name", "fullname", "displayname", "contactname", "subscribername"]),
    (Field::FirstName, "first_name", &["firstname", "givenname", "fname", "first", "vorname"]),
    (Field::LastName, "last_name", &["lastname", "surname", "familyname", "lname", "last", "nachname"]),
    (Field::Digests, "digests", &["digests", "digest", "lists", "list", "newsletters", "newsletter"]),
    (Field::Pending, "pending", &["pending"]),
    (Field::Ended, "ended", &["ended"]),
    (Field::Categories, "categories", &["categories", "category"]),
    (Field::Topics, "topics", &["topics", "topic"]),
    (
        Field::Status,
        "status",
        &[
            "status",
            "subscriptionstatus",
            "subscriberstatus",
            "emailstatus",
            "state",
            "subscribertype",
            "subscribedtoemails",
            "subscribed",
        ],
    ),
    (Field::Suppressed, "suppressed", &["suppressed"]),
    (
        Field::LeftAt,
        "unsubscribed_at",
        &["unsubscribedat", "unsubscribetime", "unsubtime", "unsubscribed", "optoutat", "optouttime", "optedoutat"],
    ),
    (Field::BouncedAt, "bounced_at", &["bouncedat", "cleantime", "cleanedat"]),
    (
        Field::AgreedAt,
        "subscribed_at",
        &[
            "subscribedat",
            "optintime",
            "confirmtime",
            "confirmedat",
            "signupdate",
            "subscriptiondate",
            "createdat",
            "created",
            "addedat",
            "added",
            "dateadded",
        ],
    ),
];

/// Words in a status column.
const STATUSES: [(Status, &[&str]); 6] = [
    (Status::Subscribed, &["subscribed", "active", "confirmed", "enabled", "regular", "premium", "true", "yes", "1"]),
    (Status::Pending, &["pending", "unconfirmed", "unactivated", "notconfirmed"]),
    (
        Status::Left,
        &[
            "unsubscribed",
            "inactive",
            "disabled",
            "optedout",
            "optout",
            "removed",
            "left",
            "ended",
            "deleted",
            "cancelled",
            "canceled",
            "false",
            "no",
            "0",
            "nonsubscribed",
            "paused",
        ],
    ),
    (
        Status::Suppressed(Reason::Bounced),
        &["bounced", "bounce", "hardbounced", "hardbounce", "cleaned", "undeliverable", "invalid"],
    ),
    (
        Status::Suppressed(Reason::Complained),
        &["complained", "complaint", "complainer", "spam", "spamcomplaint", "abuse", "junk"],
    ),
    (
        Status::Suppressed(Reason::Imported),
        &["suppressed", "blocked", "blocklisted", "blacklisted", "banned", "archived"],
    ),
];

/// What a row says of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// They want mail.
    Subscribed,
    /// They have not confirmed.
    Pending,
    /// They left.
    Left,
    /// No mail may be sent to them.
    Suppressed(Reason),
}

impl Field {
    /// Its own name, for `--map COLUMN=FIELD`.
    pub fn word(self) -> &'static str {
        FIELDS.iter().find(|(field, ..)| *field == self).map_or("", |(_, word, _)| word)
    }

    /// The names of all fields.
    pub fn words() -> impl Iterator<Item = &'static str> {
        FIELDS.iter().map(|(_, word, _)| *word)
    }

    /// What is called so.
    pub fn of(word: &str) -> Option<Field> {
        FIELDS.iter().find(|(_, known, _)| *known == word).map(|(field, ..)| *field)
    }
}

/// Which columns mean what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// How many there are.
    count: usize,
    /// Fields with the place of their column and its header.
    known: Vec<(Field, usize, String)>,
    /// Headers of columns that mean nothing here.
    pub unused: Vec<String>,
}

/// Why a file cannot be imported at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is nothing in it.
    #[error("there is nothing in the file")]
    Empty,
    /// The first line holds an address.
    #[error("the first line holds an address, not the names of columns")]
    NoHeader,
    /// No column looks like one of addresses.
    #[error("no column is known as the one with the addresses: there are `{}`", .0.join("`, `"))]
    NoAddress(Vec<String>),
    /// `--map` names a column that is not there.
    #[error("there is no column `{column}`: there are `{}`", known.join("`, `"))]
    NoColumn {
        /// What `--map` says.
        column: String,
        /// The columns that there are.
        known: Vec<String>,
    },
    /// The first line cannot be read.
    #[error("the first line, with the names of the columns, cannot be read: {0}")]
    Broken(super::records::Fault),
}

impl Refusal {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Refusal::Empty => return None,
            Refusal::NoHeader => "write a line above it, such as `email,name`",
            Refusal::NoAddress(_) => "name it: `--map COLUMN=email`",
            Refusal::NoColumn { .. } => "write `--map COLUMN=FIELD` with a column of the first line",
            Refusal::Broken(super::records::Fault::NotUtf8) => {
                "say what it is, such as `--encoding windows-1252`, or save it as UTF-8"
            }
            Refusal::Broken(_) => "mend it; the rows below it are read line by line",
        })
    }
}

/// Reads the first line of a file. `map` says what columns mean, by their headers; `None` means nothing.
///
/// # Errors
///
/// The system's, and a [`Refusal`].
pub fn columns<R: Read>(
    records: &mut Records<R>,
    map: &[(String, Option<Field>)],
) -> io::Result<Result<Columns, Refusal>> {
    Ok(match records.next()? {
        None => Err(Refusal::Empty),
        Some(Err(broken)) => Err(Refusal::Broken(broken.fault)),
        Some(Ok(record)) => Columns::of(&record.cells, map),
    })
}

impl Columns {
    /// What the headers of columns mean.
    ///
    /// # Errors
    ///
    /// [`Refusal`]
    pub fn of(headers: &[String], map: &[(String, Option<Field>)]) -> Result<Columns, Refusal> {
        let shown = || headers.iter().map(|header| crate::mail::address::masked(trimmed(header))).collect::<Vec<_>>();
        let folded: Vec<String> = headers.iter().map(|header| bare(header)).collect();
        let mut meanings: Vec<Option<Field>> = vec![None; headers.len()];
        let mut is_said = vec![false; headers.len()];
        for (column, field) in map {
            let exact = headers.iter().position(|header| trimmed(header) == column);
            let Some(i) = exact.or_else(|| folded.iter().position(|header| *header == bare(column))) else {
                return Err(Refusal::NoColumn { column: column.clone(), known: shown() });
            };
            (meanings[i], is_said[i]) = (*field, true);
        }
        for (field, _, names) in FIELDS {
            if meanings.contains(&Some(field)) {
                continue;
            }
            let free = |name: &&str| folded.iter().enumerate().position(|(i, header)| header == name && !is_said[i]);
            // Tools write down when somebody asked and when they confirmed, and may leave either cell empty.
            let most = if field == Field::AgreedAt { names.len() } else { 1 };
            for i in names.iter().filter_map(free).take(most) {
                meanings[i] = Some(field);
            }
        }
        if !meanings.contains(&Some(Field::Address)) {
            let is_address = headers.iter().any(|header| address(header).is_ok());
            return Err(if is_address { Refusal::NoHeader } else { Refusal::NoAddress(shown()) });
        }
        let known = meanings.iter().enumerate().filter_map(|(i, field)| Some(((*field)?, i, shown()[i].clone())));
        // Of several columns for one field, the one counts first whose name stands first among its names.
        let mut known: Vec<_> = known.collect();
        known.sort_by_key(|(field, i, _)| match field {
            Field::AgreedAt => {
                let names = FIELDS.iter().find(|(known, ..)| known == field).map_or(&[][..], |(_, _, names)| names);
                (true, names.iter().position(|name| *name == folded[*i]).unwrap_or_default())
            }
            _ => (false, *i),
        });
        let unused = meanings.iter().enumerate().filter(|(_, field)| field.is_none()).map(|(i, _)| shown()[i].clone());
        Ok(Columns { count: headers.len(), known, unused: unused.collect() })
    }

    /// Fields that have a column, with its header.
    pub fn known(&self) -> impl Iterator<Item = (Field, &str)> {
        self.known.iter().map(|(field, _, header)| (*field, header.as_str()))
    }

    /// Whether a field has a column.
    pub fn has(&self, field: Field) -> bool {
        self.known.iter().any(|(known, ..)| *known == field)
    }

    /// The cell of a field, without white space at its ends, and of several the first that is not empty; empty where there
    /// is none.
    pub fn cell<'a>(&self, field: Field, record: &'a Record) -> &'a str {
        let columns = self.known.iter().filter(|(known, ..)| *known == field);
        let mut cells = columns.filter_map(|(_, i, _)| record.cells.get(*i)).map(|cell| trimmed(cell));
        cells.find(|cell| !cell.is_empty()).unwrap_or("")
    }

    /// What a row says of whether somebody wants mail; `None` where it says nothing. What speaks against it counts most.
    ///
    /// # Errors
    ///
    /// A word that is not known.
    pub fn status(&self, record: &Record) -> Result<Option<Status>, String> {
        let suppressed = self.cell(Field::Suppressed, record);
        if !is_no(suppressed) {
            // A word that is not known speaks against it as well.
            return Ok(Some(Status::Suppressed(Reason::of(&bare(suppressed)).unwrap_or(Reason::Imported))));
        }
        if !is_no(self.cell(Field::BouncedAt, record)) {
            return Ok(Some(Status::Suppressed(Reason::Bounced)));
        }
        let word = self.cell(Field::Status, record);
        let said = STATUSES.iter().find(|(_, words)| words.contains(&bare(word).as_str())).map(|(status, _)| *status);
        if let Some(Status::Suppressed(_)) = said {
            return Ok(said);
        }
        if !is_no(self.cell(Field::LeftAt, record)) {
            return Ok(Some(Status::Left));
        }
        match said {
            None if self.has(Field::Status) => Err(match word {
                "" => "its status is empty, so it does not say that they are subscribed".to_owned(),
                word => format!("its status `{}` is not known", shown(word)),
            }),
            said => Ok(said),
        }
    }
}

/// A value as a message may show it.
fn shown(value: &str) -> String {
    crate::mail::address::masked(&value.chars().take(60).collect::<String>())
}

/// What a row means, beside its own cells.
#[derive(Clone, Copy, Debug)]
pub struct Meaning<'a> {
    /// What the columns mean.
    pub columns: &'a Columns,
    /// The digest of rows that name none; where it is given, a column of digests is passed over.
    pub digest: Option<&'a str>,
    /// The digests that there are.
    pub digests: &'a Names,
    /// The categories that there are.
    pub categories: &'a Names,
    /// The topics that there are.
    pub topics: &'a Names,
    /// The present time, which no consent is later than.
    pub now: DateTime<Utc>,
}

impl Meaning<'_> {
    /// Who is meant by a row, and what it says of them.
    ///
    /// # Errors
    ///
    /// What is wrong with it. Reads on after its line.
    pub fn arrival(&self, record: &Record) -> Result<Arrival, String> {
        let columns = self.columns;
        let count = record.cells.len();
        // A line may be short of its last, empty cells; more than there are headers means that a separator was meant otherwise.
        if record.cells.iter().skip(columns.count).any(|cell| !trimmed(cell).is_empty()) {
            return Err(format!("it has {count} cells, and the first line {}", columns.count));
        }
        let cell = |field| columns.cell(field, record);
        let (address, beside) = address(&unescaped(cell(Field::Address)))?;
        let status = columns.status(record)?;
        let whole = match cell(Field::Name) {
            "" => format!("{} {}", cell(Field::FirstName), cell(Field::LastName)),
            whole => unescaped(whole).into_owned(),
        };
        let name = name(&whole)?.or(beside);
        let at = match cell(Field::AgreedAt) {
            "" => None,
            text => Some(moment(text, self.now)?),
        };
        let choice = match (columns.has(Field::Categories), columns.has(Field::Topics)) {
            (false, false) => None,
            _ => Some(Choice::new(
                find(self.categories, cell(Field::Categories))?,
                find(self.topics, cell(Field::Topics))?,
            )),
        };
        let mut subscriptions: Vec<(String, State)> = Vec::new();
        let suppressed = match status {
            Some(Status::Suppressed(reason)) => Some(reason),
            _ => None,
        };
        let wanted = match status {
            Some(Status::Left) => Some(State::Ended),
            Some(Status::Pending) => Some(State::Pending),
            Some(Status::Suppressed(_)) => None,
            Some(Status::Subscribed) | None => Some(State::Active),
        };
        let lists = [(Field::Ended, Some(State::Ended)), (Field::Pending, wanted.map(|_| State::Pending))];
        for (field, state) in lists {
            let state = if status == Some(Status::Left) { Some(State::Ended) } else { state };
            for digest in find(self.digests, cell(field))? {
                put(&mut subscriptions, digest, state);
            }
        }
        match self.digest {
            Some(digest) => put(&mut subscriptions, digest, wanted),
            None => {
                for digest in find(self.digests, cell(Field::Digests))? {
                    put(&mut subscriptions, digest, wanted);
                }
            }
        }
        if subscriptions.is_empty() && suppressed.is_none() {
            return Err("it names no digest".into());
        }
        Ok(Arrival { address, name, choice, subscriptions, suppressed, at })
    }
}

/// Notes how a digest is to stand, unless that was said before.
fn put(subscriptions: &mut Vec<(String, State)>, digest: &str, state: Option<State>) {
    if let Some(state) = state.filter(|_| subscriptions.iter().all(|(known, _)| known != digest)) {
        subscriptions.push((digest.to_owned(), state));
    }
}

/// What the names in a cell stand for: `care, news` or `care;news`.
fn find<'a>(names: &'a Names, cell: &str) -> Result<Vec<&'a str>, String> {
    let words = cell.split([',', ';', '|']).map(trimmed).filter(|word| !word.is_empty());
    words.map(|word| names.find(word).map_err(|err| format!("{err}; {}", err.hint))).collect()
}

/// A time in one of the forms that sort by themselves; one without a zone is in UTC.
fn moment(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let naive = |format: &str| NaiveDateTime::parse_from_str(text, format).ok();
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let zoned =
        DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f %z"));
    let at = zoned
        .map(|at| at.to_utc())
        .ok()
        .or_else(|| {
            let forms = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f UTC", "%Y-%m-%d %H:%M"];
            Some(forms.into_iter().find_map(naive).or_else(day)?.and_utc())
        })
        .ok_or_else(|| format!("`{}` is not a time like 2026-11-23 or 2026-11-23 09:00:00", shown(text)))?;
    // A day is over everywhere a little after it is over in UTC.
    if at > now + chrono::TimeDelta::days(1) {
        return Err(format!("`{}` is still to come", shown(text)));
    }
    Ok(at)
}

/// Whether a cell says no, or nothing.
fn is_no(cell: &str) -> bool {
    matches!(bare(cell).as_str(), "" | "no" | "false" | "0" | "null" | "none" | "na")
}

/// Letters and digits alone, in small letters.
fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A cell that no spreadsheet takes for a formula: with an apostrophe in front where it would. [`unescaped`] takes it away.
pub fn escaped(cell: &str) -> std::borrow::Cow<'_, str> {
    match is_formula(cell.trim_start_matches('\'')) {
        true => format!("'{cell}").into(),
        false => cell.into(),
    }
}

/// A cell as it was before [`escaped`].
pub fn unescaped(cell: &str) -> std::borrow::Cow<'_, str> {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula(rest.trim_start_matches('\'')) => rest.into(),
        _ => cell.into(),
    }
}

/// What spreadsheets run (OWASP, CSV injection).
fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests;
