//! The clocks on the walls of a place, which now and then skip a time or show one twice.

use chrono::{DateTime, Duration, NaiveDateTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

/// When the clocks of a zone show a time: one that they skip means the next minute that they show, one that they show
/// twice the first.
pub fn on_clock(moment: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    if let Some(found) = zone.from_local_datetime(&moment).earliest() {
        return found.with_timezone(&Utc);
    }
    // No clock has ever skipped more than a day.
    const MOST: i64 = 2 * 24 * 60;
    let minute = moment.with_second(0).unwrap_or(moment);
    let next = (1..=MOST).find_map(|n| zone.from_local_datetime(&(minute + Duration::minutes(n))).earliest());
    next.map_or_else(|| minute.and_utc(), |found| found.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_time_means_the_next_minute_and_a_doubled_one_the_first() {
        #[track_caller]
        fn case(local: &str, zone: Tz, want: &str) {
            let local = NaiveDateTime::parse_from_str(local, "%Y-%m-%dT%H:%M:%S").expect("a time");
            assert_eq!(on_clock(local, zone).format("%FT%TZ").to_string(), want, "{local} {zone}");
        }
        case("2026-07-01T09:00:00", Tz::Europe__Berlin, "2026-07-01T07:00:00Z");
        case("2026-03-29T02:30:15", Tz::Europe__Berlin, "2026-03-29T01:00:00Z");
        case("2026-10-25T02:30:00", Tz::Europe__Berlin, "2026-10-25T00:30:00Z");
        case("2011-12-30T12:00:00", Tz::Pacific__Apia, "2011-12-30T10:00:00Z");
    }
}
