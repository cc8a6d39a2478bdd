//! Which period an issue is made for.

use super::history::{History, Record, RecordState};
use crate::config::Digest;
use crate::schedule::{Period, PeriodError};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// Why there is no issue to be made for a period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not one of the digest's periods.
    #[error(transparent)]
    Name(#[from] PeriodError),
    /// It has not begun.
    #[error("`{digest}/{period}` is in the future: it begins at {begins_at}")]
    Future {
        /// The digest.
        digest: String,
        /// The period.
        period: String,
        /// RFC 3339
        begins_at: String,
        /// The period that runs now.
        now: String,
    },
    /// It had its issue.
    #[error("`{digest}/{period}` has had its issue, which is {state} and never changes", state = state.word())]
    Done {
        /// The digest.
        digest: String,
        /// The period.
        period: String,
        /// What became of it.
        state: RecordState,
    },
    /// A later one had its issue.
    #[error("`{digest}/{period}` comes too late: `{last}` has had its issue, and cutoffs only move forward")]
    Past {
        /// The digest.
        digest: String,
        /// The period.
        period: String,
        /// The last period that had its issue.
        last: String,
    },
}

impl Refusal {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Refusal::Name(PeriodError::NoCutoff { next, .. }) => Some(format!("did you mean `{next}`?")),
            Refusal::Name(_) => None,
            Refusal::Future { now, .. } => Some(format!("the period that runs now is `{now}`")),
            Refusal::Done { .. } | Refusal::Past { .. } => {
                Some("posts that it did not carry are carried by the next issue".to_owned())
            }
        }
    }
}

/// The period of the next issue: the one whose cutoff has come, while it is not too late for it and nothing has become of
/// it; else the one that runs now, or the first one after the last issue.
pub fn next(digest: &Digest, history: &History, now: DateTime<Utc>) -> Period {
    let due = digest.schedule.last_over(now, digest.timezone);
    let lateness = TimeDelta::from_std(digest.max_lateness).unwrap_or(TimeDelta::MAX);
    if now - due.cutoff <= lateness && history.record(&due.name).is_none() && refusal(digest, history, &due).is_none() {
        return due;
    }
    let last = history.last().map(|record| record.period.cutoff + TimeDelta::nanoseconds(1));
    let after_due = due.cutoff + TimeDelta::nanoseconds(1);
    let mut period = digest.schedule.period_at(last.map_or(after_due, |last| last.max(after_due)), digest.timezone);
    // Where the day of the schedule was changed, a week may have had its issue on another one.
    while refusal(digest, history, &period).is_some() {
        let next = digest.schedule.after(&period, digest.timezone);
        if next.cutoff <= period.cutoff {
            break;
        }
        period = next;
    }
    period
}

/// The period of this name, where an issue may be made for it.
///
/// # Errors
///
/// [`Refusal`], when there is none, it has not begun, or it or a later one has had its issue.
pub fn named(digest: &Digest, history: &History, name: &str, now: DateTime<Utc>) -> Result<Period, Refusal> {
    let period = digest.schedule.by_name(name, digest.timezone)?;
    if !period.has_begun(now) {
        return Err(Refusal::Future {
            digest: digest.name.value.clone(),
            begins_at: period.starts_at.with_timezone(&digest.timezone).to_rfc3339_opts(SecondsFormat::Secs, true),
            now: digest.schedule.period_at(now, digest.timezone).name,
            period: period.name,
        });
    }
    refusal(digest, history, &period).map_or(Ok(period), Err)
}

/// Whether a period may still have an issue, as far as other issues are concerned.
pub fn is_open(digest: &Digest, history: &History, period: &Period) -> bool {
    refusal(digest, history, period).is_none()
}

fn refusal(digest: &Digest, history: &History, period: &Period) -> Option<Refusal> {
    let (digest, name) = (digest.name.value.clone(), period.name.clone());
    match history.record(&name) {
        Some(Record { state, .. }) if state.is_final() => {
            return Some(Refusal::Done { digest, period: name, state: *state });
        }
        _ => {}
    }
    let last = history.last().filter(|last| period.cutoff <= last.period.cutoff)?;
    Some(Refusal::Past { digest, period: name, last: last.period.name.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn moment(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).expect("a moment").to_utc()
    }

    fn digest(schedule: &str) -> Digest {
        let text = format!(
            "[site]\ntitle = 'T'\nurl = 'https://example.org'\n[digest.weekly]\nfrom = 'a@example.org'\n\
             postal_address = 'x'\nschedule = '{schedule}'\ntimezone = 'Europe/Berlin'\n"
        );
        Config::parse(&text).expect("settings").digests["weekly"].clone()
    }

    fn history(digest: &Digest, past: &[(&str, RecordState)]) -> History {
        let record = |&(name, state): &(&str, RecordState)| Record {
            digest: "weekly".into(),
            period: digest.schedule.by_name(name, digest.timezone).expect("a period"),
            state,
            carried: vec![],
            passed: vec![],
        };
        History::new(past.iter().map(record).collect())
    }

    #[test]
    fn the_next_issue_is_the_one_that_is_due_and_not_too_late() {
        #[track_caller]
        fn case(now: &str, past: &[(&str, RecordState)], want: &str) {
            let digest = digest("Mon 09:00");
            assert_eq!(next(&digest, &history(&digest, past), moment(now)).name, want, "{now}");
        }
        use RecordState::{Cancelled, Frozen, Missed, TooFew};
        case("2026-11-20T12:00:00Z", &[], "2026-W48");
        case("2026-11-23T08:00:00Z", &[], "2026-W48");
        case("2026-11-23T14:00:00Z", &[], "2026-W48");
        case("2026-11-23T14:00:01Z", &[], "2026-W49");
        case("2026-11-23T08:10:00Z", &[("2026-W48", Frozen)], "2026-W49");
        case("2026-11-23T08:10:00Z", &[("2026-W48", Cancelled)], "2026-W49");
        case("2026-11-23T08:10:00Z", &[("2026-W48", Missed)], "2026-W49");
        case("2026-11-23T08:10:00Z", &[("2026-W48", TooFew)], "2026-W49");
        case("2026-11-20T12:00:00Z", &[("2027-W10", Frozen)], "2027-W11");
    }

    #[test]
    fn a_week_has_one_issue_also_when_its_day_is_changed() {
        let past = history(&digest("Mon 09:00"), &[("2026-W48", RecordState::Frozen)]);
        assert_eq!(next(&digest("Thu 09:00"), &past, moment("2026-11-25T12:00:00Z")).name, "2026-W49");
    }

    #[test]
    fn a_period_by_name_may_be_refused() {
        #[track_caller]
        fn case(name: &str, want: &str, hint: Option<&str>) {
            let digest = digest("Mon 09:00");
            let past = [("2026-W46", RecordState::Frozen), ("2026-W47", RecordState::Missed)];
            let refused = named(&digest, &history(&digest, &past), name, moment("2026-11-20T12:00:00Z"));
            let refused = refused.expect_err(name);
            assert_eq!((refused.to_string().as_str(), refused.hint().as_deref()), (want, hint), "{name}");
        }
        case(
            "2026-W49",
            "`weekly/2026-W49` is in the future: it begins at 2026-11-23T09:00:00+01:00",
            Some("the period that runs now is `2026-W48`"),
        );
        let later = Some("posts that it did not carry are carried by the next issue");
        case("2026-W46", "`weekly/2026-W46` has had its issue, which is frozen and never changes", later);
        case(
            "2026-W45",
            "`weekly/2026-W45` comes too late: `2026-W46` has had its issue, and cutoffs only move forward",
            later,
        );
        case("next", "`next` is not a period: they are named like `2026-W48`", None);
        let digest = digest("Mon 09:00");
        let past = history(&digest, &[("2026-W46", RecordState::Frozen), ("2026-W47", RecordState::Missed)]);
        let now = moment("2026-11-20T12:00:00Z");
        for name in ["2026-W47", "2026-W48"] {
            assert_eq!(named(&digest, &past, name, now).map(|period| period.name), Ok(name.to_owned()));
        }
    }
}
