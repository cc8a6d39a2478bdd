//! What a store remembers of what was said and asked about an issue, as facts: so that a run from cron says a thing once,
//! and that whoever asks for more tries gets them.

use super::deliveries::named;
use crate::store::StoreError;
use crate::store::issues::{Frozen, Issues};
use crate::store::ledger::{Ledger, State, Totals, Wanted};
use chrono::{DateTime, SecondsFormat, Utc};

/// Whether something is said of an issue for the first time since something else was. It counts as said from now on.
///
/// # Errors
///
/// Whatever the store says.
pub async fn first(store: &impl Issues, issue: &str, what: &str) -> Result<bool, StoreError> {
    let fact = format!("told {issue}");
    let is_first = store.fact(&fact).await?.as_deref() != Some(what);
    if is_first {
        store.put_fact(&fact, what).await?;
    }
    Ok(is_first)
}

fn asked(issue: &str) -> String {
    format!("asked {issue}")
}

/// Somebody asks for more tries of an issue.
///
/// # Errors
///
/// Whatever the store says.
pub async fn ask(store: &impl Issues, frozen: &Frozen, now: DateTime<Utc>) -> Result<(), StoreError> {
    store.put_fact(&asked(&named(frozen)), &now.to_rfc3339_opts(SecondsFormat::Secs, true)).await
}

/// When somebody last asked for more tries of an issue.
///
/// # Errors
///
/// Whatever the store says.
pub async fn asked_at(store: &impl Issues, frozen: &Frozen) -> Result<Option<DateTime<Utc>>, StoreError> {
    let fact = store.fact(&asked(&named(frozen))).await?;
    Ok(fact.and_then(|text| DateTime::parse_from_rfc3339(&text).ok()).map(|at| at.to_utc()))
}

/// Whether nobody knows of some mails of an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// All is known.
    None,
    /// So it is, and of each it was noted before.
    Known,
    /// Of some it was not noted before.
    New,
}

fn uncertain(frozen: &Frozen) -> String {
    format!("uncertain {}", named(frozen))
}

/// Whether nobody knew of some mails of an issue when that was last noted: cheap, for issues that are done.
///
/// # Errors
///
/// Whatever the store says.
pub async fn is_doubtful(store: &impl Issues, frozen: &Frozen) -> Result<bool, StoreError> {
    Ok(noted(store.fact(&uncertain(frozen)).await?).is_some_and(|(count, _)| count > 0))
}

/// Whether nobody knows of some mails of an issue. What is found counts as noted from now on.
///
/// # Errors
///
/// Whatever the store says.
pub async fn doubt(store: &(impl Issues + Ledger), frozen: &Frozen, totals: &Totals) -> Result<Doubt, StoreError> {
    let fact = uncertain(frozen);
    let before = noted(store.fact(&fact).await?);
    let count = totals.of(State::Uncertain);
    if count == 0 {
        // Most issues never have any, and need no note.
        if before.is_some_and(|(count, _)| count > 0) {
            store.put_fact(&fact, "0 0").await?;
        }
        return Ok(Doubt::None);
    }
    let mut wanted =
        Wanted { issue: Some(frozen.id), states: vec![State::Uncertain], limit: 1_000, ..Wanted::default() };
    let mut newest = 0;
    loop {
        let rows = store.deliveries(&wanted).await?;
        newest = rows.iter().map(|row| row.updated_at.timestamp()).fold(newest, i64::max);
        match rows.last() {
            Some(last) if rows.len() == wanted.limit as usize => wanted.after = last.subscriber,
            _ => break,
        }
    }
    let now = (count, newest);
    if before != Some(now) {
        store.put_fact(&fact, &format!("{count} {newest}")).await?;
    }
    Ok(compare(before, now))
}

/// How many there were and when the last of them came about.
type Noted = (u64, i64);

fn noted(fact: Option<String>) -> Option<Noted> {
    let fact = fact?;
    let (count, newest) = fact.split_once(' ')?;
    Some((count.parse().ok()?, newest.parse().ok()?))
}

fn compare(before: Option<Noted>, (count, newest): Noted) -> Doubt {
    match before {
        _ if count == 0 => Doubt::None,
        // Some may have been settled meanwhile, and that is no news.
        Some((known, last)) if count <= known && newest <= last => Doubt::Known,
        _ => Doubt::New,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_of_which_nobody_knows_are_news_once() {
        #[track_caller]
        fn case(before: Option<&str>, now: Noted, want: Doubt) {
            assert_eq!(compare(noted(before.map(str::to_owned)), now), want, "{before:?} {now:?}");
        }
        case(None, (0, 0), Doubt::None);
        case(None, (1, 100), Doubt::New);
        case(Some("1 100"), (1, 100), Doubt::Known);
        case(Some("1 100"), (0, 0), Doubt::None);
        case(Some("2 100"), (1, 90), Doubt::Known);
        // One was settled, and another one came.
        case(Some("2 100"), (2, 200), Doubt::New);
        case(Some("1 100"), (2, 100), Doubt::New);
        case(Some("0 0"), (1, 100), Doubt::New);
        case(Some("what a later version says"), (1, 100), Doubt::New);
    }
}
