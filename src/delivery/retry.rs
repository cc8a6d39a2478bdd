//! When to try a deferred delivery again.
//!
//! Pure: the time is an argument, and chance is none. So that a thousand mails that were deferred in one minute do not
//! come back in one minute, each waits up to a tenth longer than the rule says, by the number of its subscriber.
//!
//! A person waits for a notice, so that its first pauses are shorter than RFC 5321 advises for mail that nobody waits for.

use chrono::{DateTime, TimeDelta, Utc};

/// The first pause; RFC 5321, section 4.5.4.1, asks for at least 30 minutes.
const FIRST: TimeDelta = TimeDelta::minutes(30);
/// The pause stops growing here.
const LONGEST: TimeDelta = TimeDelta::hours(8);
/// A delivery is given up after so long: 4 to 5 days, says RFC 5321, section 4.5.4.1.
pub const GIVEN_UP_AFTER: TimeDelta = TimeDelta::days(5);

/// When to try a deferred delivery again.
///
/// `attempts` is the number of tries so far, at least 1. The pause starts at 30 minutes, doubles with each try and stops
/// growing at 8 hours; it is up to a tenth longer, by `subscriber`. `limit` is when the delivery is given up.
///
/// Returns `None` when the next try would come after the limit.
pub fn next_attempt(attempts: u32, subscriber: i64, limit: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let doublings = attempts.saturating_sub(1).min(10);
    let pause = (FIRST * (1 << doublings)).min(LONGEST);
    let spread = pause.num_seconds() / 10 * subscriber.rem_euclid(97) / 96;
    let next = now.checked_add_signed(pause + TimeDelta::seconds(spread))?;
    (next <= limit).then_some(next)
}

/// The first pauses of a notice, in minutes; the last one doubles from then on.
const FIRST_OF_NOTICES: [i64; 4] = [1, 5, 15, 30];
/// The pause of a notice stops growing here.
const LONGEST_OF_NOTICES: TimeDelta = TimeDelta::hours(4);

/// When to try a deferred notice again.
///
/// `attempts` is the number of tries so far, at least 1. The pauses are 1, 5, 15 and 30 minutes, then double up to 4 hours;
/// each is up to a tenth longer, by the notice's number. `limit` is when it is given up: when its link is good no more.
///
/// Returns `None` when the next try would come after the limit.
pub fn next_notice(attempts: u32, notice: i64, limit: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let number = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let last = FIRST_OF_NOTICES.len() - 1;
    let doublings = number.saturating_sub(last).min(10);
    let pause = (TimeDelta::minutes(FIRST_OF_NOTICES[number.min(last)]) * (1 << doublings)).min(LONGEST_OF_NOTICES);
    let spread = pause.num_seconds() / 10 * notice.rem_euclid(97) / 96;
    let next = now.checked_add_signed(pause + TimeDelta::seconds(spread))?;
    (next <= limit).then_some(next)
}

/// When the deliveries of an issue are given up: 5 days after `taken_up_at`, or at the next cutoff, if that is earlier.
///
/// `taken_up_at` is when its mails could first go out, or when somebody last asked for more tries: see [`taken_up`].
/// `next_cutoff` is the first one after that, and not the one after the issue's own period: an issue that is sent weeks
/// later has its tries, too.
pub fn limit(taken_up_at: DateTime<Utc>, next_cutoff: DateTime<Utc>) -> DateTime<Utc> {
    taken_up_at.checked_add_signed(GIVEN_UP_AFTER).unwrap_or(next_cutoff).min(next_cutoff)
}

/// From when on an issue is tried: it was frozen, then approved, then somebody let it go on or asked for more tries, as far
/// as any of that has happened; the last of them counts.
pub fn taken_up(
    frozen_at: DateTime<Utc>,
    approved_at: Option<DateTime<Utc>>,
    asked_at: Option<DateTime<Utc>>,
) -> DateTime<Utc> {
    [approved_at, asked_at].into_iter().flatten().fold(frozen_at, DateTime::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + minutes * 60, 0).expect("a moment")
    }

    #[test]
    fn the_pause_doubles_up_to_eight_hours() {
        #[track_caller]
        fn case(attempts: u32, minutes: i64) {
            assert_eq!(next_attempt(attempts, 0, at(100_000), at(0)), Some(at(minutes)), "{attempts}");
        }
        case(1, 30);
        case(2, 60);
        case(3, 120);
        case(5, 480);
        case(6, 480);
        case(u32::MAX, 480);
    }

    #[test]
    fn a_notice_is_tried_again_soon_and_then_less_often() {
        let pauses: Vec<i64> = (1..=9)
            .map(|attempts| (next_notice(attempts, 0, at(100_000), at(0)).expect("a time") - at(0)).num_minutes())
            .collect();
        assert_eq!(pauses, [1, 5, 15, 30, 60, 120, 240, 240, 240]);
        assert_eq!(next_notice(u32::MAX, 96, at(100_000), at(0)), Some(at(264)));
        assert_eq!(next_notice(3, 0, at(14), at(0)), None);
    }

    #[test]
    fn many_that_were_deferred_at_once_do_not_come_back_at_once() {
        let times: std::collections::BTreeSet<_> = (0..97).map(|id| next_attempt(1, id, at(1_000), at(0))).collect();
        assert!(times.len() > 90, "{}", times.len());
        assert_eq!((times.first(), times.last()), (Some(&Some(at(30))), Some(&Some(at(33)))));
    }

    #[test]
    fn a_try_that_would_come_too_late_is_not_made() {
        assert_eq!(next_attempt(1, 0, at(30), at(0)), Some(at(30)));
        assert_eq!(next_attempt(1, 0, at(29), at(0)), None);
    }

    #[test]
    fn a_delivery_is_given_up_at_the_next_cutoff_or_after_five_days() {
        let days = |n: i64| at(n * 24 * 60);
        assert_eq!(limit(days(0), days(7)), days(5));
        assert_eq!(limit(days(0), days(1)), days(1));
    }

    #[test]
    fn the_time_for_tries_begins_with_the_last_of_freezing_approval_and_asking() {
        #[track_caller]
        fn case(approved: Option<i64>, asked: Option<i64>, want: i64) {
            assert_eq!(taken_up(at(10), approved.map(at), asked.map(at)), at(want));
        }
        case(None, None, 10);
        case(Some(10), None, 10);
        case(Some(20), None, 20);
        case(Some(20), Some(30), 30);
        // Approved ahead, before it was frozen.
        case(Some(5), Some(7), 10);
    }
}
