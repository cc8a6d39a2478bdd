use super::*;
use chrono::SecondsFormat;
use chrono_tz::{America, Europe, Pacific, UTC};
use proptest::prelude::*;

fn schedule(text: &str) -> Schedule {
    Schedule::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn moment(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("a moment").to_utc()
}

fn shown(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[test]
fn every_form_of_schedule_is_read() {
    #[track_caller]
    fn case(text: &str, want: &str) {
        assert_eq!(schedule(text).to_string(), want, "{text}");
    }
    case("Mon 09:00", "Mon 09:00");
    case("Mon,Thu 09:00", "Mon,Thu 09:00");
    case(" thu,  MON 9:05 ", "Mon,Thu 09:05");
    case("Friday 23:59", "Fri 23:59");
    case("daily 07:00", "daily 07:00");
    case("Mon,Tue,Wed,Thu,Fri,Sat,Sun 00:00", "daily 00:00");
    case("monthly 1 09:00", "monthly 1 09:00");
    case("Monthly 31 9:00", "monthly 31 09:00");
}

#[test]
fn what_is_no_schedule_is_pointed_at() {
    #[track_caller]
    fn case(text: &str, want: &str, column: usize, width: usize, hint: &str) {
        let error = Schedule::parse(text).expect_err(text);
        assert_eq!((error.message.as_str(), error.column, error.width), (want, column, width), "{text}");
        assert_eq!(error.hint, hint, "{text}");
    }
    let forms = "write `Mon 09:00`, `Mon,Thu 09:00`, `daily 07:00` or `monthly 1 09:00`";
    case("", "it is empty", 0, 0, forms);
    case("  ", "it is empty", 0, 2, forms);
    case("Mon", "it has no time", 3, 1, forms);
    case("daily ", "it has no time", 5, 1, forms);
    case("monthly", "it has no day of the month", 0, 7, forms);
    case("monthly 1", "it has no time", 9, 1, forms);
    case("09:00", "it has no day", 0, 5, forms);
    case("fortnightly", "`fortnightly` is not a day", 0, 11, forms);
    case("Mnday 09:00", "`Mnday` is not a day", 0, 5, forms);
    case("Mno 09:00", "`Mno` is not a day", 0, 3, "did you mean `Mon`?");
    case("dayly 09:00", "`dayly` is not a day", 0, 5, "did you mean `daily`?");
    case("Mon,Mon 09:00", "it names `Mon` twice", 4, 3, forms);
    case("Mon 24:00", "`24:00` is not a time of day", 4, 5, forms);
    case("Mon 9:0", "`9:0` is not a time of day", 4, 3, forms);
    case("Mon 09:00:00", "`09:00:00` is not a time of day", 4, 8, forms);
    case("Mon +9:00", "`+9:00` is not a time of day", 4, 5, forms);
    case("monthly 09:00", "it has no day of the month", 0, 7, forms);
    case("monthly 0 09:00", "`0` is not a day of the month", 8, 1, forms);
    case("monthly 32 09:00", "`32` is not a day of the month", 8, 2, forms);
    case("monthly 1,15 09:00", "it names more than one day of the month", 10, 2, forms);
    case("daily Mon 09:00", "`daily` cannot stand among other days", 0, 5, forms);
    case("月 09:00", "`月` is not a day", 0, 1, forms);
}

#[test]
fn a_period_is_named_by_its_cutoff() {
    #[track_caller]
    fn case(text: &str, zone: Tz, at: &str, want: [&str; 3]) {
        let period = schedule(text).period_at(moment(at), zone);
        assert_eq!([&period.name, &shown(period.starts_at), &shown(period.cutoff)], want, "{text} at {at}");
    }
    let week = ["2026-W48", "2026-11-16T08:00:00Z", "2026-11-23T08:00:00Z"];
    case("Mon 09:00", Europe::Berlin, "2026-11-16T08:00:01Z", week);
    case("Mon 09:00", Europe::Berlin, "2026-11-23T08:00:00Z", week);
    case(
        "Mon 09:00",
        Europe::Berlin,
        "2026-11-23T08:00:01Z",
        ["2026-W49", "2026-11-23T08:00:00Z", "2026-11-30T08:00:00Z"],
    );
    // The ISO week of a cutoff near New Year.
    case("Fri 09:00", UTC, "2026-12-30T00:00:00Z", ["2026-W53", "2026-12-25T09:00:00Z", "2027-01-01T09:00:00Z"]);
    case("Mon 09:00", UTC, "2024-12-29T00:00:00Z", ["2025-W01", "2024-12-23T09:00:00Z", "2024-12-30T09:00:00Z"]);
    case("Mon,Thu 09:00", UTC, "2026-11-24T00:00:00Z", ["2026-11-26", "2026-11-23T09:00:00Z", "2026-11-26T09:00:00Z"]);
    case("daily 07:00", UTC, "2026-11-24T07:00:00Z", ["2026-11-24", "2026-11-23T07:00:00Z", "2026-11-24T07:00:00Z"]);
    case("monthly 1 09:00", UTC, "2026-11-24T07:00:00Z", ["2026-12", "2026-11-01T09:00:00Z", "2026-12-01T09:00:00Z"]);
    // The day is that of the digest's zone, not of UTC.
    case(
        "daily 20:00",
        America::Los_Angeles,
        "2026-11-23T20:00:00Z",
        ["2026-11-23", "2026-11-23T04:00:00Z", "2026-11-24T04:00:00Z"],
    );
}

#[test]
fn a_day_that_a_month_lacks_means_its_last_one() {
    let end = schedule("monthly 31 09:00");
    let mut period = end.by_name("2027-12", UTC).expect("a period");
    let mut days = Vec::new();
    for _ in 0..5 {
        period = end.after(&period, UTC);
        days.push(format!("{} {}", period.name, period.cutoff.format("%m-%d")));
    }
    assert_eq!(days, ["2028-01 01-31", "2028-02 02-29", "2028-03 03-31", "2028-04 04-30", "2028-05 05-31"]);
}

#[test]
fn a_time_skipped_by_the_clock_means_the_next_minute_and_a_doubled_one_the_first() {
    #[track_caller]
    fn case(text: &str, zone: Tz, name: &str, cutoff: &str) {
        let period = schedule(text).by_name(name, zone).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(shown(period.cutoff), cutoff, "{text} {name}");
    }
    case("Sun 02:30", Europe::Berlin, "2026-W13", "2026-03-29T01:00:00Z");
    case("Sun 02:30", Europe::Berlin, "2026-W43", "2026-10-25T00:30:00Z");
    case("daily 09:00", Europe::Berlin, "2026-03-28", "2026-03-28T08:00:00Z");
    case("daily 09:00", Europe::Berlin, "2026-03-29", "2026-03-29T07:00:00Z");
    case("daily 00:00", America::Havana, "2026-03-08", "2026-03-08T05:00:00Z");
}

#[test]
fn a_day_that_a_zone_skipped_ends_no_period_of_its_own() {
    // Samoa went from 29 to 31 December 2011.
    let midnight = schedule("daily 00:00");
    assert_eq!(
        midnight.by_name("2011-12-30", Pacific::Apia),
        Err(PeriodError::NoCutoff { name: "2011-12-30".into(), next: "2011-12-31".into() })
    );
    let after = midnight.after(&midnight.by_name("2011-12-29", Pacific::Apia).expect("a period"), Pacific::Apia);
    assert_eq!((after.name.as_str(), shown(after.cutoff).as_str()), ("2011-12-31", "2011-12-30T10:00:00Z"));
    // Where the cutoff after is another one, the skipped day has one of its own.
    let friday = schedule("Fri 09:00").by_name("2011-W52", Pacific::Apia).expect("a period");
    assert_eq!(shown(friday.cutoff), "2011-12-30T10:00:00Z");
}

#[test]
fn a_name_that_is_no_period_says_why() {
    #[track_caller]
    fn case(text: &str, name: &str, want: &str) {
        assert_eq!(schedule(text).by_name(name, UTC).map_err(|e| e.to_string()), Err(want.to_owned()), "{text} {name}");
    }
    case("Mon 09:00", "2026-48", "`2026-48` is not a period: they are named like `2026-W48`");
    case("Mon 09:00", "2026-w48", "`2026-w48` is not a period: they are named like `2026-W48`");
    case("Mon 09:00", "2026-W48-1", "`2026-W48-1` is not a period: they are named like `2026-W48`");
    case("Mon 09:00", "2026-W+1", "`2026-W+1` is not a period: they are named like `2026-W48`");
    case("Mon 09:00", "", "`` is not a period: they are named like `2026-W48`");
    case("Mon 09:00", "2025-W53", "`2025-W53` does not exist in the calendar");
    case("Mon 09:00", "0000-W01", "`0000-W01` does not exist in the calendar");
    case("monthly 1 09:00", "2026-11-23", "`2026-11-23` is not a period: they are named like `2026-12`");
    case("monthly 1 09:00", "2026-13", "`2026-13` does not exist in the calendar");
    case("daily 09:00", "2026-02-29", "`2026-02-29` does not exist in the calendar");
    case(
        "Mon,Thu 09:00",
        "2026-11-24",
        "`2026-11-24` is no period: nothing is cut off on that day; the next one is `2026-11-26`",
    );
}

#[test]
fn a_period_is_in_the_future_until_the_one_before_is_over() {
    let period = schedule("Mon 09:00").by_name("2026-W48", UTC).expect("a period");
    let at = |text| (period.has_begun(moment(text)), period.is_over(moment(text)));
    assert_eq!(at("2026-11-16T09:00:00Z"), (false, false));
    assert_eq!(at("2026-11-16T09:00:01Z"), (true, false));
    assert_eq!(at("2026-11-23T08:59:59Z"), (true, false));
    assert_eq!(at("2026-11-23T09:00:00Z"), (true, true));
}

#[test]
fn the_ends_of_time_have_periods_too() {
    for text in ["Mon 09:00", "daily 00:00", "monthly 31 23:59"] {
        for zone in [UTC, Pacific::Kiritimati, Pacific::Pago_Pago] {
            for at in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
                let _ = (schedule(text).period_at(at, zone), schedule(text).last_over(at, zone));
            }
        }
    }
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let time = (0..24u32, 0..60u32).prop_map(|(h, m)| NaiveTime::from_hms_opt(h, m, 0).expect("a time"));
    let days = prop_oneof![
        Just(Days::Daily),
        (1..=31u32).prop_map(Days::Month),
        proptest::sample::subsequence((0..7u8).collect::<Vec<_>>(), 1..=6)
            .prop_map(|days| { Days::Week(days.into_iter().map(|n| Weekday::try_from(n).expect("a day")).collect()) }),
    ];
    (days, time).prop_map(|(days, time)| Schedule { days, time })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Across two years of clock changes, in zones that change at different hours and by different lengths.
    #[test]
    fn periods_follow_each_other_without_gap_or_overlap(
        schedule in schedules(),
        zone in proptest::sample::select(vec![
            UTC, Europe::Berlin, America::Havana, America::Sao_Paulo, Pacific::Apia, chrono_tz::Australia::Lord_Howe,
            chrono_tz::Africa::Casablanca, chrono_tz::Antarctica::Troll,
        ]),
        start in 1_262_304_000i64..1_800_000_000,
    ) {
        let start = DateTime::from_timestamp(start, 0).expect("a moment");
        let mut period = schedule.period_at(start, zone);
        prop_assert!(period.holds(start));
        for _ in 0..40 {
            let next = schedule.after(&period, zone);
            prop_assert_eq!(next.starts_at, period.cutoff);
            prop_assert!(next.cutoff > next.starts_at && next.name > period.name);
            prop_assert_eq!(&schedule.by_name(&next.name, zone), &Ok(next.clone()));
            prop_assert_eq!(&schedule.last_over(next.cutoff, zone), &next);
            prop_assert_eq!(&schedule.last_over(next.cutoff - TimeDelta::seconds(1), zone), &period);
            prop_assert_eq!(&schedule.period_at(next.cutoff, zone), &next);
            period = next;
        }
        prop_assert_eq!(Schedule::parse(&schedule.to_string()), Ok(schedule));
    }

    #[test]
    fn no_text_makes_a_schedule_panic(text in ".{0,30}", name in ".{0,12}") {
        let _ = Schedule::parse(&text);
        let _ = schedule("Mon 09:00").by_name(&name, UTC);
    }
}
