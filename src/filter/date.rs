//! Dates in a filter. A date stands for all the time that it does not tell apart: a day, a minute, a second.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

/// A date as written, and the time that it means: from `start` to right before `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub written: String,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
}

impl Stretch {
    /// Reads `2026-01-01`, `2026-01-01T09:00`, `2026-01-01T09:00:00`, the latter two also with `Z` or an offset such as
    /// `+01:00`. Without an offset it is a time in `zone`. `None` for anything else.
    pub fn parse(text: &str, zone: Tz) -> Option<Stretch> {
        let written = text.trim().to_ascii_uppercase().replace(' ', "T");
        // chrono also reads signs, years of five digits, and fewer digits than two.
        if !written.is_ascii() || !matches!(written.as_bytes(), [b'0'..=b'9', _, _, _, b'-', _, _, b'-', ..]) {
            return None;
        }
        if written.len() == 10 {
            let day = NaiveDate::parse_from_str(&written, "%Y-%m-%d").ok()?;
            let start = in_zone(day.and_time(NaiveTime::MIN), zone)?;
            let end = in_zone(day.succ_opt()?.and_time(NaiveTime::MIN), zone)?;
            return Some(Stretch { written, start, end });
        }
        let offset_at = written.get(10..)?.find(['Z', '+', '-']).map_or(written.len(), |n| n + 10);
        let (local, offset) = written.split_at(offset_at);
        let (format, length) = match local.len() {
            16 => ("%Y-%m-%dT%H:%M", TimeDelta::minutes(1)),
            19 => ("%Y-%m-%dT%H:%M:%S", TimeDelta::seconds(1)),
            _ => return None,
        };
        let local = NaiveDateTime::parse_from_str(local, format).ok()?;
        let start = match offset.len() {
            0 => in_zone(local, zone)?,
            1 => local.and_utc(),
            6 => DateTime::parse_from_rfc3339(&format!("{}{offset}", local.format("%Y-%m-%dT%H:%M:%S"))).ok()?.to_utc(),
            _ => return None,
        };
        Some(Stretch { written, start, end: start.checked_add_signed(length)? })
    }
}

/// A local time as an instant: the first where the clock shows it twice, the end of the gap where it never does.
fn in_zone(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let time = zone.from_local_datetime(&local).earliest().or_else(|| GapInfo::new(&local, &zone)?.end)?;
    Some(time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_stands_for_the_time_that_it_does_not_tell_apart() {
        #[track_caller]
        fn case(text: &str, zone: Tz, want: &str) {
            let stretch = Stretch::parse(text, zone).expect("a date");
            let seconds = (stretch.end - stretch.start).num_seconds();
            assert_eq!(format!("{} {seconds}", stretch.start.format("%FT%TZ")), want, "{text}");
        }
        case("2026-01-02", Tz::UTC, "2026-01-02T00:00:00Z 86400");
        case("2026-01-02", Tz::Asia__Tokyo, "2026-01-01T15:00:00Z 86400");
        case("2026-03-29", Tz::Europe__Berlin, "2026-03-28T23:00:00Z 82800");
        case("2026-01-02t09:00", Tz::Asia__Tokyo, "2026-01-02T00:00:00Z 60");
        case("2026-01-02 09:00:01", Tz::UTC, "2026-01-02T09:00:01Z 1");
        case("2026-01-02T09:00:01Z", Tz::Asia__Tokyo, "2026-01-02T09:00:01Z 1");
        case("2026-01-02T09:00+02:00", Tz::Asia__Tokyo, "2026-01-02T07:00:00Z 60");
        case("2026-01-02T09:00:00-02:30", Tz::UTC, "2026-01-02T11:30:00Z 1");
        // A time that the clock skips is the first after the gap; a day that a place never had has no length.
        case("2026-03-29T02:30", Tz::Europe__Berlin, "2026-03-29T01:00:00Z 60");
        case("2011-12-30", Tz::Pacific__Apia, "2011-12-30T10:00:00Z 0");
    }

    #[test]
    fn what_is_not_a_date_is_none() {
        for text in [
            "",
            "2026",
            "2026-01",
            "2026-13-01",
            "2026-02-29",
            "26-01-01",
            "2026-1-1",
            "2026-01-",
            "2026-01-1",
            "+2026-01-01",
            "2026-01-01x",
            "2026-01-01T9:00",
            "2026-01-01T25:00",
            "2026-01-01T09:00+2",
            "2026-01-01T09:00Zx",
            "2026-01-01T09:00+99:00",
            "yesterday",
            "2026-01-01TZ",
            "２026-01-01",
            "2026-01-01T09:00:00.5",
        ] {
            assert_eq!(Stretch::parse(text, Tz::UTC), None, "{text}");
        }
    }
}
