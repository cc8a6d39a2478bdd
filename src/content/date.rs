//! Dates as front matter has them, and the moment that they mean.
//!
//! A date may stand alone or with a time, and a time with or without an offset from UTC. What the writer left out comes
//! from the site: its time zone, and the time of day at which a post with a date alone is published.

use crate::clock::on_clock;
use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use std::fmt;

/// What to write instead of a date that cannot be read.
pub const HINT: &str = "write YYYY-MM-DD, or with a time 2026-03-02T09:00:00Z";

/// The years in which a date may lie. Every form of date that a feed knows can hold these in every time zone.
pub const YEARS: std::ops::RangeInclusive<i32> = 1970..=9998;

/// Why a text is not a date. Reads on after "`pub_date` is not a date: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// It does not start with a date at all.
    #[error("expected YYYY-MM-DD, found `{0}`")]
    Form(String),
    /// The date is followed by something that is no time.
    #[error("expected a time such as 09:00, found `{0}`")]
    Time(String),
    /// The time is followed by something that is no offset.
    #[error("expected an offset such as +01:00, found `{0}`")]
    Offset(String),
    /// A part is out of its range.
    #[error("{0} {1} does not exist")]
    Part(Part, u32),
    /// The month has fewer days.
    #[error("day {day} does not exist in {} {year}", month_name(*month))]
    Day {
        /// From 1.
        day: u32,
        /// From 1 to 12.
        month: u32,
        /// As written.
        year: i32,
    },
    /// The year is not one of [`YEARS`].
    #[error("year {0:04} is not between {start} and {end}", start = YEARS.start(), end = YEARS.end())]
    Year(i32),
}

/// A part of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// 1 to 12
    Month,
    /// 1 to 31
    Day,
    /// 0 to 23
    Hour,
    /// 0 to 59
    Minute,
    /// 0 to 60
    Second,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Month => "month",
            Part::Day => "day",
            Part::Hour => "hour",
            Part::Minute => "minute",
            Part::Second => "second",
        })
    }
}

/// The moment that a text means, to the second; fractions are left out.
///
/// Read are `2016-11-30`, also with `/`, and with `T` or spaces a time as `9:00`, `09:00` or `09:00:00.5`; after that `Z`,
/// `UTC`, `GMT`, `+01:00`, `-0500` or `+01`. Dates of mails (RFC 2822) are read as well. Without a time it is
/// `publish_time`, without an offset the time of `zone`: one that the clock skips there means the next minute that it
/// shows, one that it shows twice the first.
///
/// # Errors
///
/// [`DateError`], when there is no such form, date or time.
pub fn parse(text: &str, zone: Tz, publish_time: NaiveTime) -> Result<DateTime<Utc>, DateError> {
    let text = text.trim();
    let mut rest = Rest(text);
    let form = || DateError::Form(super::front_matter::yaml::shown(text));
    let Some((date, separator)) = rest.date() else {
        let mail = DateTime::parse_from_rfc2822(text).map_err(|_| form())?;
        return if YEARS.contains(&mail.year()) { checked(mail.to_utc()) } else { Err(DateError::Year(mail.year())) };
    };
    if separator.is_none() {
        return Err(form());
    }
    let date = check_date(date)?;
    if rest.0.trim_start().is_empty() {
        return local(date.and_time(publish_time), zone);
    }
    let blank = rest.0.starts_with([' ', '\t']);
    rest.0 = rest.0.trim_start();
    if !rest.skip('T') && !rest.skip('t') && !blank {
        return Err(form());
    }
    let time = rest.time()?.ok_or_else(|| DateError::Time(super::front_matter::yaml::shown(rest.0)))?;
    let moment = date.and_time(time);
    match rest.offset()? {
        None => local(moment, zone),
        Some(offset) => checked((moment - offset).and_utc()),
    }
}

/// Year, month and day that a file name may start with, and what follows them without the sign between.
pub(crate) fn split_file_name(stem: &str) -> Option<(&str, &str)> {
    const FORM: &str = "0000-00-00";
    let (date, rest) = stem.split_at_checked(FORM.len())?;
    let like = |(c, form): (u8, u8)| if form == b'0' { c.is_ascii_digit() } else { c == form };
    if !date.bytes().zip(FORM.bytes()).all(like) {
        return None;
    }
    match rest.strip_prefix(['.', '-', '_']) {
        Some(rest) => Some((date, rest)),
        None => rest.is_empty().then_some((date, rest)),
    }
}

fn check_date((year, month, day): (u32, u32, u32)) -> Result<NaiveDate, DateError> {
    let year = i32::try_from(year).unwrap_or(i32::MAX);
    if !(1..=12).contains(&month) {
        return Err(DateError::Part(Part::Month, month));
    }
    if !(1..=31).contains(&day) {
        return Err(DateError::Part(Part::Day, day));
    }
    if !YEARS.contains(&year) {
        return Err(DateError::Year(year));
    }
    NaiveDate::from_ymd_opt(year, month, day).ok_or(DateError::Day { day, month, year })
}

/// The moment of a time on the clocks of a zone, in a year that may be written.
fn local(moment: NaiveDateTime, zone: Tz) -> Result<DateTime<Utc>, DateError> {
    checked(on_clock(moment, zone))
}

fn checked(moment: DateTime<Utc>) -> Result<DateTime<Utc>, DateError> {
    // An offset may move a date by a day past the years that may be written.
    let years = YEARS.start() - 1..=YEARS.end() + 1;
    if years.contains(&moment.year()) { Ok(moment) } else { Err(DateError::Year(moment.year())) }
}

/// What is not read yet.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn skip(&mut self, c: char) -> bool {
        self.0.strip_prefix(c).map(|rest| self.0 = rest).is_some()
    }

    /// A number of `fewest` to `most` digits, none following.
    fn number(&mut self, fewest: usize, most: usize) -> Option<u32> {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        if !(fewest..=most).contains(&digits) {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        number.parse().ok()
    }

    /// Year, month and day, and the sign between them where it is the same twice.
    fn date(&mut self) -> Option<((u32, u32, u32), Option<char>)> {
        let year = self.number(4, 4)?;
        let sign = self.0.chars().next().filter(|c| "-/".contains(*c))?;
        self.skip(sign);
        let month = self.number(1, 2)?;
        let same = self.skip(sign);
        let day = self.number(1, 2)?;
        Some(((year, month, day), same.then_some(sign)))
    }

    /// A time of day; `None` where there is nothing like one.
    fn time(&mut self) -> Result<Option<NaiveTime>, DateError> {
        let start = self.0;
        let mut parts = [0; 3];
        for (i, part) in parts.iter_mut().enumerate() {
            if i > 0 && !self.skip(':') {
                if i == 2 {
                    break;
                }
                self.0 = start;
                return Ok(None);
            }
            let Some(number) = self.number(if i == 0 { 1 } else { 2 }, 2) else {
                self.0 = start;
                return Ok(None);
            };
            *part = number;
        }
        if self.0.starts_with(['.', ',']) && self.0[1..].starts_with(|c: char| c.is_ascii_digit()) {
            self.0 = self.0[1..].trim_start_matches(|c: char| c.is_ascii_digit());
        }
        let [hour, minute, second] = parts;
        for (part, number, most) in [(Part::Hour, hour, 23), (Part::Minute, minute, 59), (Part::Second, second, 60)] {
            if number > most {
                return Err(DateError::Part(part, number));
            }
        }
        // A leap second counts as the one before.
        Ok(NaiveTime::from_hms_opt(hour, minute, second.min(59)))
    }

    /// The offset from UTC, which must be all that is left; `None` where nothing is.
    fn offset(&mut self) -> Result<Option<Duration>, DateError> {
        let text = self.0.trim();
        let refused = || DateError::Offset(super::front_matter::yaml::shown(text));
        if text.is_empty() {
            return Ok(None);
        }
        if ["z", "utc", "gmt"].iter().any(|name| text.eq_ignore_ascii_case(name)) {
            return Ok(Some(Duration::zero()));
        }
        let mut rest = Rest(text);
        let west = rest.skip('-');
        if !west && !rest.skip('+') {
            return Err(refused());
        }
        let (hours, minutes) = if let Some(both) = rest.number(3, 4) {
            (both / 100, both % 100)
        } else {
            let hours = rest.number(1, 2).ok_or_else(refused)?;
            let minutes = if rest.skip(':') { rest.number(2, 2).ok_or_else(refused)? } else { 0 };
            (hours, minutes)
        };
        // No zone has ever been further away.
        if !rest.0.is_empty() || minutes > 59 || hours * 60 + minutes > 16 * 60 {
            return Err(refused());
        }
        let offset = Duration::minutes(i64::from(hours * 60 + minutes));
        Ok(Some(if west { -offset } else { offset }))
    }
}

fn month_name(month: u32) -> &'static str {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    NAMES.get((month as usize).wrapping_sub(1)).copied().unwrap_or("that month")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, zone: Tz) -> String {
        let nine = NaiveTime::from_hms_opt(9, 0, 0).unwrap();
        match parse(text, zone, nine) {
            Ok(moment) => moment.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_form_of_date_is_read() {
        #[track_caller]
        fn case(text: &str, want: &str) {
            assert_eq!(read(text, chrono_tz::Europe::Berlin), want, "{text}");
        }
        case("2016-11-30", "2016-11-30T08:00:00Z");
        case(" 2016-11-30 ", "2016-11-30T08:00:00Z");
        case("2016-7-1", "2016-07-01T07:00:00Z");
        case("2016/11/30", "2016-11-30T08:00:00Z");
        case("2016-11-30T09:15", "2016-11-30T08:15:00Z");
        case("2016-11-30 9:15", "2016-11-30T08:15:00Z");
        case("2016-11-30T09:15:30", "2016-11-30T08:15:30Z");
        case("2016-11-30t09:15:30z", "2016-11-30T09:15:30Z");
        case("2016-11-30T09:15:30.123456789012Z", "2016-11-30T09:15:30Z");
        case("2016-11-30T09:15:60Z", "2016-11-30T09:15:59Z");
        case("2016-11-30 09:00:00 -0500", "2016-11-30T14:00:00Z");
        case("2016-11-30 09:00:00 -05:00", "2016-11-30T14:00:00Z");
        case("2016-11-30T09:00:00-05:00", "2016-11-30T14:00:00Z");
        case("2016-11-30 09:00 +05:30", "2016-11-30T03:30:00Z");
        case("2016-11-30 09:00 +1", "2016-11-30T08:00:00Z");
        case("2016-11-30   09:00   UTC", "2016-11-30T09:00:00Z");
        case("2016-11-30 09:00 GMT", "2016-11-30T09:00:00Z");
        case("Wed, 30 Nov 2016 09:00:00 -0500", "2016-11-30T14:00:00Z");
        case("9998-12-31T23:59:59-12:00", "9999-01-01T11:59:59Z");
        case("1970-01-01", "1970-01-01T08:00:00Z");
    }

    #[test]
    fn what_is_no_date_is_named() {
        #[track_caller]
        fn case(text: &str, want: &str) {
            assert_eq!(read(text, chrono_tz::UTC), want, "{text}");
        }
        case("2026-13-02", "month 13 does not exist");
        case("2026-00-02", "month 0 does not exist");
        case("2026-04-31", "day 31 does not exist in April 2026");
        case("2026-02-29", "day 29 does not exist in February 2026");
        case("2026-02-32", "day 32 does not exist");
        case("2026-02-00", "day 0 does not exist");
        case("2026-02-02 25:00", "hour 25 does not exist");
        case("2026-02-02T09:60:00Z", "minute 60 does not exist");
        case("2026-02-02T09:00:61Z", "second 61 does not exist");
        case("0016-11-30", "year 0016 is not between 1970 and 9998");
        case("9999-12-31", "year 9999 is not between 1970 and 9998");
        case("soon", "expected YYYY-MM-DD, found `soon`");
        case("30.11.2016", "expected YYYY-MM-DD, found `30.11.2016`");
        case("2016-11", "expected YYYY-MM-DD, found `2016-11`");
        case("2016-11/30", "expected YYYY-MM-DD, found `2016-11/30`");
        case("2016-11-30x", "expected YYYY-MM-DD, found `2016-11-30x`");
        case("1480496400", "expected YYYY-MM-DD, found `1480496400`");
        case("2016-11-30 morning", "expected a time such as 09:00, found `morning`");
        case("2016-11-30T", "expected a time such as 09:00, found ``");
        case("2016-11-30 09:00 EST", "expected an offset such as +01:00, found `EST`");
        case("2016-11-30 09:00 +25:00", "expected an offset such as +01:00, found `+25:00`");
        case("2016-11-30 09:00 +01:00 x", "expected an offset such as +01:00, found `+01:00 x`");
        case("٢٠١٦-11-30", "expected YYYY-MM-DD, found `٢٠١٦-11-30`");
        case(&"9".repeat(200), &format!("expected YYYY-MM-DD, found `{}…`", "9".repeat(60)));
    }

    #[test]
    fn a_time_skipped_by_the_clock_means_the_next_minute_and_a_doubled_one_the_first() {
        #[track_caller]
        fn case(text: &str, zone: Tz, want: &str) {
            assert_eq!(read(text, zone), want, "{text}");
        }
        case("2026-03-29 02:30:20", chrono_tz::Europe::Berlin, "2026-03-29T01:00:00Z");
        case("2026-10-25 02:30", chrono_tz::Europe::Berlin, "2026-10-25T00:30:00Z");
        case("2011-12-30", chrono_tz::Pacific::Apia, "2011-12-30T10:00:00Z");
    }

    #[test]
    fn a_file_name_may_start_with_a_date() {
        #[track_caller]
        fn case(stem: &str, want: Option<(&str, &str)>) {
            assert_eq!(split_file_name(stem), want, "{stem}");
        }
        case("2016-11-30.aws", Some(("2016-11-30", "aws")));
        case("2016-11-30-aws", Some(("2016-11-30", "aws")));
        case("2016-11-30_aws", Some(("2016-11-30", "aws")));
        case("2016-11-30", Some(("2016-11-30", "")));
        case("2016-11-301", None);
        case("2014-predictions-apps", None);
        case("日本語日本語", None);
    }
}
