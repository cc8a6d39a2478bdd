//! Which posts an issue carries, and why it does not carry the others.
//!
//! An issue carries every published post that passes the filter, is not too old, and that no earlier issue carried, by
//! entry id. So a post that was merged late or back-dated is picked up, and one that was renamed, moved or edited is not
//! carried again. Nothing is left out without a reason.

use super::history::{History, Record, RecordState};
use crate::config::{Axis, Config, Digest};
use crate::content::collection::{Article, Collection, State};
use crate::diagnostic::Diagnostic;
use crate::filter::Filter;
use crate::language::{Language, fill};
use crate::schedule::Period;
pub use crate::subscriber::choice::Choice;
use chrono::{DateTime, TimeDelta, Utc};
use std::fmt;
use std::time::Duration;

/// What an issue is chosen from.
#[derive(Clone, Copy, Debug)]
pub struct Choosing<'a> {
    /// All posts, as they are when the choice is made.
    pub collection: &'a Collection,
    /// The settings.
    pub config: &'a Config,
    /// The digest.
    pub digest: &'a Digest,
    /// For when.
    pub period: &'a Period,
    /// From when on posts are carried that otherwise count as carried, where that is earlier than the first period. Posts of
    /// this moment are.
    pub since: Option<DateTime<Utc>>,
    /// The digest's own past, under all names that it had.
    pub own: &'a History,
    /// The past of the digests that `not_in` names.
    pub others: &'a [History],
}

/// The posts of an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// For when.
    pub period: Period,
    /// Whether it is the digest's first issue.
    pub is_first: bool,
    /// What it carries, as places in [`Collection::articles`], newest first.
    pub articles: Vec<usize>,
    /// All other posts, newest first.
    pub left_out: Vec<(usize, Reason)>,
}

/// Why an issue does not carry a post. Reads on after its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is a draft.
    Draft,
    /// It was taken back.
    Withdrawn,
    /// It is published after the cutoff, and so for a later issue.
    AfterCutoff,
    /// It is published before the cutoff, but not yet.
    NotYet,
    /// It does not pass the filter.
    Filtered,
    /// An issue carried it.
    Carried {
        /// Of this digest or of one in `not_in`.
        digest: String,
        /// Of which period.
        period: String,
    },
    /// It counts as carried since an earlier issue: it was there before the first one, or too old.
    Passed,
    /// This is the first issue and covers its own period only. The post counts as carried from now on.
    BeforeFirst,
    /// It is too old. The post counts as carried from now on, so that this is said once.
    TooOld {
        /// How old it may be at the cutoff.
        max_age: Duration,
    },
}

impl Reason {
    /// Whether somebody may have expected the post in this issue, so that it is named without being asked for.
    pub fn is_surprising(&self) -> bool {
        matches!(self, Reason::TooOld { .. })
    }

    /// The reason in a language; reads on after the post's name.
    pub fn say(&self, language: &Language) -> String {
        let words = &language.words().preview.reasons;
        match self {
            Reason::Draft => words.draft.clone(),
            Reason::Withdrawn => words.withdrawn.clone(),
            Reason::AfterCutoff => words.after_cutoff.clone(),
            Reason::NotYet => words.not_yet.clone(),
            Reason::Filtered => words.filtered.clone(),
            Reason::Carried { digest, period } => fill(&words.carried, &[("issue", &format!("{digest}/{period}"))]),
            Reason::Passed => words.passed.clone(),
            Reason::BeforeFirst => words.before_first.clone(),
            Reason::TooOld { max_age } => {
                // In whole days, or else in whole hours.
                let hours = usize::try_from(max_age.as_secs() / 3_600).unwrap_or(usize::MAX);
                match hours.is_multiple_of(24) {
                    true => language.count(&words.too_old_days, hours / 24, &[]),
                    false => language.count(&words.too_old_hours, hours, &[]),
                }
            }
        }
    }
}

/// In English.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.say(&Language::english()))
    }
}

impl Choosing<'_> {
    /// The posts of the issue, and what its filter names that no post has.
    pub fn choose(&self) -> (Chosen, Vec<Diagnostic>) {
        let (filter, findings) = filter(self.collection, self.digest);
        let mut chosen = Chosen {
            period: self.period.clone(),
            is_first: self.own.is_empty(),
            articles: Vec::new(),
            left_out: Vec::new(),
        };
        for (i, article) in self.collection.articles.iter().enumerate() {
            match self.reason(i, article, filter.as_ref()) {
                None => chosen.articles.push(i),
                Some(reason) => chosen.left_out.push((i, reason)),
            }
        }
        (chosen, findings)
    }

    /// Why a post is left out; `None` for one that is carried.
    fn reason(&self, i: usize, article: &Article, filter: Option<&Filter>) -> Option<Reason> {
        let published_at = article.post.published_at.value;
        match article.state {
            State::Draft => return Some(Reason::Draft),
            State::Withdrawn { .. } => return Some(Reason::Withdrawn),
            _ if published_at > self.period.cutoff => return Some(Reason::AfterCutoff),
            State::Future => return Some(Reason::NotYet),
            State::Published => {}
        }
        let carriers = std::iter::once(self.own).chain(self.others).find_map(|history| history.carrier(&article.id));
        if let Some(record) = carriers {
            let (digest, period) = (record.digest.clone(), record.period.name.clone());
            return Some(Reason::Carried { digest, period });
        }
        let widened = self.since.is_some_and(|since| published_at >= since);
        if self.own.has_passed(&article.id) && !widened {
            return Some(Reason::Passed);
        }
        if self.own.is_empty() && published_at <= self.period.starts_at && !widened {
            return Some(Reason::BeforeFirst);
        }
        if filter.is_some_and(|filter| !filter.matches(&self.collection.fields(i, self.config))) {
            return Some(Reason::Filtered);
        }
        let max_age = TimeDelta::from_std(self.digest.max_age).unwrap_or(TimeDelta::MAX);
        let too_old = self.period.cutoff - published_at > max_age;
        too_old.then_some(Reason::TooOld { max_age: self.digest.max_age })
    }
}

/// The filter of a digest, and a warning for each term in it that no post has: it may be a typo, or a term still to come.
pub fn filter(collection: &Collection, digest: &Digest) -> (Option<Filter>, Vec<Diagnostic>) {
    // The settings were refused if the filter has a fault, so there is one here.
    let text = digest.filter.as_ref().map(|text| text.value.as_str());
    let Some(filter) = text.and_then(|text| Filter::parse(text, digest.timezone).ok()) else {
        return (None, Vec::new());
    };
    let otherwise = format!("the digest `{}` is made all the same", digest.name.value);
    let place = |column, width| digest.filter_span(column, width);
    let findings = collection.unknown_terms(&filter, place, &otherwise);
    (Some(filter), findings)
}

impl Chosen {
    /// Whether there are as many posts as an issue needs.
    pub fn is_enough(&self, digest: &Digest) -> bool {
        self.articles.len() >= digest.min_posts
    }

    /// What the store has to remember once this has become of the period.
    pub fn record(&self, digest: &Digest, collection: &Collection, state: RecordState) -> Record {
        let id = |&i: &usize| collection.articles[i].id.to_string();
        let passed = |reason: &Reason| matches!(reason, Reason::BeforeFirst | Reason::TooOld { .. });
        Record {
            digest: digest.name.value.clone(),
            period: self.period.clone(),
            state,
            carried: if state == RecordState::Frozen { self.articles.iter().map(id).collect() } else { Vec::new() },
            passed: self.left_out.iter().filter(|(_, reason)| passed(reason)).map(|(i, _)| id(i)).collect(),
        }
    }
}

/// Whether a post is for somebody with this choice. One with neither category nor topic is for everybody.
fn wants(choice: &Choice, collection: &Collection, article: usize) -> bool {
    let terms = || collection.articles[article].terms.iter().map(|&t| &collection.terms[t]);
    let is_sorted = terms().any(|term| matches!(term.axis, Axis::Category | Axis::Topic));
    let named = |axis| match axis {
        Axis::Category => choice.categories(),
        Axis::Topic => choice.topics(),
        Axis::Tag | Axis::Author => &[],
    };
    choice.is_everything() || !is_sorted || terms().any(|term| named(term.axis).iter().any(|name| term.is_called(name)))
}

/// What is left of an issue's posts for somebody with this choice, in their order. Whoever has nothing left gets no mail;
/// who has the same left gets the same.
pub fn wanted(choice: &Choice, collection: &Collection, articles: &[usize]) -> Vec<usize> {
    articles.iter().copied().filter(|&article| wants(choice, collection, article)).collect()
}

#[cfg(test)]
pub(super) mod tests;
