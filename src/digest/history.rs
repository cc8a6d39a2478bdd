//! What became of a digest's periods so far.
//!
//! A value: where it is kept is the store's matter. Posts are known by their entry ids, so that one which was renamed,
//! moved or edited is still the same.

use crate::language::Language;
use crate::schedule::Period;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// What became of one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The digest, by the name that it had then.
    pub digest: String,
    /// The period.
    pub period: Period,
    /// What became of it.
    pub state: RecordState,
    /// The entry ids of the posts that its issue carries, in their order; none unless it is [`RecordState::Frozen`].
    pub carried: Vec<String>,
    /// The entry ids of posts that count as carried from then on, though no issue did: those that were there before the
    /// first one, and those that were too old.
    pub passed: Vec<String>,
}

/// What became of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordState {
    /// Its issue stands, sent or not.
    Frozen,
    /// Its issue stood, and was taken back before its first mail: its posts are free again.
    Cancelled,
    /// The command came too late. Until a later one is frozen, it may still be.
    Missed,
    /// There were fewer posts than an issue needs. Until a later one is frozen, it may still be.
    TooFew,
}

impl RecordState {
    /// All of them.
    pub const ALL: [RecordState; 4] =
        [RecordState::Frozen, RecordState::Cancelled, RecordState::Missed, RecordState::TooFew];

    /// The word that the store knows it by.
    pub fn word(self) -> &'static str {
        match self {
            RecordState::Frozen => "frozen",
            RecordState::Cancelled => "cancelled",
            RecordState::Missed => "missed",
            RecordState::TooFew => "too_few",
        }
    }

    /// The same in a language, for people.
    pub fn say(self, language: &Language) -> &'static str {
        let words = &language.words().preview.states;
        match self {
            RecordState::Frozen => &words.frozen,
            RecordState::Cancelled => &words.cancelled,
            RecordState::Missed => &words.missed,
            RecordState::TooFew => &words.too_few,
        }
    }

    /// Whether the period has had its issue, so that there is no other.
    pub fn is_final(self) -> bool {
        matches!(self, RecordState::Frozen | RecordState::Cancelled)
    }
}

/// The past of one digest.
#[derive(Clone, Debug, Default)]
pub struct History {
    records: Vec<Record>,
    carried: HashMap<String, usize>,
    passed: HashSet<String>,
}

impl History {
    /// The past that some records tell, in any order.
    pub fn new(mut records: Vec<Record>) -> History {
        records.sort_by(|a, b| (a.period.cutoff, &a.period.name).cmp(&(b.period.cutoff, &b.period.name)));
        let mut history = History::default();
        for (i, record) in records.iter().enumerate() {
            if record.state == RecordState::Frozen {
                for id in &record.carried {
                    history.carried.entry(id.clone()).or_insert(i);
                }
            }
            history.passed.extend(record.passed.iter().cloned());
        }
        History { records, ..history }
    }

    /// What became of each period, by cutoff.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Whether there is no past: the next issue is the first one.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The issue that carried a post.
    pub fn carrier(&self, entry_id: &str) -> Option<&Record> {
        self.carried.get(entry_id).map(|&i| &self.records[i])
    }

    /// Whether a post counts as carried though no issue did.
    pub fn has_passed(&self, entry_id: &str) -> bool {
        self.passed.contains(entry_id)
    }

    /// What became of the period of this name.
    pub fn record(&self, period: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.period.name == period)
    }

    /// The last period that had its issue.
    pub fn last(&self) -> Option<&Record> {
        self.records.iter().rev().find(|record| record.state.is_final())
    }

    /// The issues that stand, by cutoff.
    pub fn issues(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.records.iter().filter(|record| record.state == RecordState::Frozen)
    }

    /// How a preview tells against what it was made, in a language: `2 issues, the last \`weekly/2026-W47\` with 5 posts`.
    pub fn say(&self, language: &Language) -> String {
        let words = &language.words().preview;
        let Some(last) = self.issues().next_back() else { return words.no_issue.clone() };
        let issues = language.count(&words.issues, self.issues().count(), &[]);
        let issue = format!("{}/{}", last.digest, last.period.name);
        language.count(&words.last_issue, last.carried.len(), &[("issues", &issues), ("issue", &issue)])
    }
}

/// In English.
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.say(&Language::english()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn record(day: i64, state: RecordState, carried: &[&str]) -> Record {
        let at = |day: i64| DateTime::from_timestamp(day * 86_400, 0).expect("a moment");
        Record {
            digest: "weekly".into(),
            period: Period { name: format!("d{day}"), cutoff: at(day), starts_at: at(day - 1) },
            state,
            carried: carried.iter().map(|id| (*id).to_owned()).collect(),
            passed: vec![],
        }
    }

    #[test]
    fn the_past_is_told_in_one_line() {
        #[track_caller]
        fn case(records: Vec<Record>, want: &str) {
            assert_eq!(History::new(records).to_string(), want);
        }
        case(vec![], "no issue yet");
        case(vec![record(1, RecordState::Missed, &[])], "no issue yet");
        case(vec![record(1, RecordState::Frozen, &["a"])], "1 issue, the last `weekly/d1` with 1 post");
        case(
            vec![
                record(3, RecordState::Cancelled, &[]),
                record(2, RecordState::Frozen, &["b", "c"]),
                record(1, RecordState::Frozen, &["a"]),
            ],
            "2 issues, the last `weekly/d2` with 2 posts",
        );
        let german = |records: Vec<Record>| History::new(records).say(&Language::of("de"));
        assert_eq!(german(vec![]), "noch keine Ausgabe");
        let carried = vec![record(1, RecordState::Frozen, &["a"]), record(2, RecordState::Frozen, &["b", "c"])];
        assert_eq!(german(carried), "2 Ausgaben, zuletzt `weekly/d2` mit 2 Beiträgen");
    }

    #[test]
    fn records_are_known_by_cutoff_and_a_cancelled_one_carries_nothing() {
        let history = History::new(vec![
            record(3, RecordState::Cancelled, &["c"]),
            record(1, RecordState::Frozen, &["a"]),
            record(4, RecordState::TooFew, &[]),
        ]);
        let names: Vec<&str> = history.records().iter().map(|record| record.period.name.as_str()).collect();
        assert_eq!(names, ["d1", "d3", "d4"]);
        assert_eq!(history.carrier("a").map(|record| record.period.name.as_str()), Some("d1"));
        assert_eq!(history.carrier("c"), None);
        assert_eq!(history.last().map(|record| record.period.name.as_str()), Some("d3"));
    }
}
