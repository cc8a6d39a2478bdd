//! Schedules, and the periods between their cutoffs.
//!
//! A schedule says on which days and at what time an issue is cut off; the zone comes with each question. A time that the
//! clocks skip means the next minute that they show, one that they show twice the first. A period reaches from just after
//! one cutoff to the next one, both by the clocks of the zone, and is named by the day of its cutoff as the schedule has it:
//! the ISO week (ISO 8601, section 4.3.2) where there is one cutoff a week, the month where there is one a month, else the
//! day.

mod parse;

use crate::clock::on_clock;
use chrono::{DateTime, Datelike, Days as DayCount, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use std::fmt;

/// The ways to write a schedule, for hints.
pub const FORMS: &str = "`Mon 09:00`, `Mon,Thu 09:00`, `daily 07:00` or `monthly 1 09:00`";

/// When the issues of a digest are cut off: days, and a time of day to the minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    days: Days,
    time: NaiveTime,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    /// From Monday, none twice, at least one.
    Week(Vec<Weekday>),
    Daily,
    /// A day from 1 to 31; the last one of a month that has fewer.
    Month(u32),
}

/// The time between two cutoffs, for which there is one issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// By which people and files know it: `2026-W48`, `2026-11` or `2026-11-23`.
    pub name: String,
    /// The last moment that belongs to it.
    pub cutoff: DateTime<Utc>,
    /// The cutoff before, which belongs to the period before.
    pub starts_at: DateTime<Utc>,
}

/// Why a text is not a schedule, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ScheduleError {
    /// Reads on after "`schedule` is not a schedule: ".
    pub message: String,
    /// The first character that it is about, from 0.
    pub column: usize,
    /// How many characters.
    pub width: usize,
    /// What to do next.
    pub hint: String,
}

/// Why a name is not one of a schedule's periods.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// It is not written like the periods of this schedule.
    #[error("`{name}` is not a period: they are named like `{example}`")]
    Form {
        /// As given.
        name: String,
        /// The name of the period in which the question was asked, or near it.
        example: String,
    },
    /// The year has no such week, the month no such day, the year no such month.
    #[error("`{0}` does not exist in the calendar")]
    NotInCalendar(String),
    /// It is a day on which nothing is cut off.
    #[error("`{name}` is no period: nothing is cut off on that day; the next one is `{next}`")]
    NoCutoff {
        /// As given.
        name: String,
        /// The first period that ends after that day.
        next: String,
    },
}

/// How the periods of a schedule are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    Week,
    Month,
    Day,
}

/// The moments for which a calendar is kept; before and after them the first and the last one are meant.
const FIRST: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).expect("the day exists");
const LAST: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).expect("the day exists");

impl Period {
    /// Whether a moment belongs to it.
    pub fn holds(&self, moment: DateTime<Utc>) -> bool {
        self.starts_at < moment && moment <= self.cutoff
    }

    /// Whether it has begun. One that has not is in the future: there is nothing to show of it.
    pub fn has_begun(&self, now: DateTime<Utc>) -> bool {
        self.starts_at < now
    }

    /// Whether its cutoff has come. Before that its issue cannot be frozen.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.cutoff <= now
    }
}

impl Schedule {
    /// The schedule that a text means: one of [`FORMS`], with days and `daily` in any case, days also in full.
    ///
    /// # Errors
    ///
    /// The first thing in the text that cannot be meant.
    pub fn parse(text: &str) -> Result<Schedule, ScheduleError> {
        parse::parse(text)
    }

    /// The period that a moment belongs to: the one with the first cutoff at or after it.
    pub fn period_at(&self, moment: DateTime<Utc>, zone: Tz) -> Period {
        let moment = within(moment);
        // Two days cover every offset there is, and every stretch that clocks ever skipped.
        let mut day = self.day_from(moment.with_timezone(&zone).date_naive() - DayCount::new(2));
        loop {
            if self.cutoff(day, zone) >= moment && self.is_cutoff(day, zone) {
                return self.period(day, zone);
            }
            day = self.day_from(day + DayCount::new(1));
        }
    }

    /// The last period that is over: the one with the last cutoff at or before a moment.
    pub fn last_over(&self, moment: DateTime<Utc>, zone: Tz) -> Period {
        let moment = within(moment);
        let mut day = self.day_until(moment.with_timezone(&zone).date_naive() + DayCount::new(2));
        loop {
            if self.cutoff(day, zone) <= moment && self.is_cutoff(day, zone) {
                return self.period(day, zone);
            }
            day = self.day_until(day - DayCount::new(1));
        }
    }

    /// The period after one of this schedule.
    pub fn after(&self, period: &Period, zone: Tz) -> Period {
        self.period_at(period.cutoff + TimeDelta::nanoseconds(1), zone)
    }

    /// The period of this name.
    ///
    /// # Errors
    ///
    /// [`PeriodError`], when this schedule has none. Whether it lies in the future is for the caller to ask.
    pub fn by_name(&self, name: &str, zone: Tz) -> Result<Period, PeriodError> {
        let numbers = |parts: &[&str], widths: &[usize]| -> Option<Vec<u32>> {
            let fits = parts.len() == widths.len()
                && parts.iter().zip(widths).all(|(p, &w)| p.len() == w && p.bytes().all(|b| b.is_ascii_digit()));
            if fits { parts.iter().map(|part| part.parse().ok()).collect() } else { None }
        };
        let form = || {
            let example = NaiveDate::from_ymd_opt(2026, 11, 23).map(|day| self.name(self.day_from(day)));
            PeriodError::Form { name: name.to_owned(), example: example.unwrap_or_default() }
        };
        let missing = || PeriodError::NotInCalendar(name.to_owned());
        let parts: Vec<&str> = name.split('-').collect();
        let day = match self.naming() {
            Naming::Week => {
                let week = parts.get(1).and_then(|w| w.strip_prefix('W')).ok_or_else(form)?;
                let found = numbers(&[parts[0], week], &[4, 2]).filter(|_| parts.len() == 2).ok_or_else(form)?;
                let monday = NaiveDate::from_isoywd_opt(found[0] as i32, found[1], Weekday::Mon);
                self.day_from(monday.filter(in_calendar).ok_or_else(missing)?)
            }
            Naming::Month => {
                let found = numbers(&parts, &[4, 2]).ok_or_else(form)?;
                let first = NaiveDate::from_ymd_opt(found[0] as i32, found[1], 1);
                self.day_from(first.filter(in_calendar).ok_or_else(missing)?)
            }
            Naming::Day => {
                let found = numbers(&parts, &[4, 2, 2]).ok_or_else(form)?;
                let day = NaiveDate::from_ymd_opt(found[0] as i32, found[1], found[2]);
                day.filter(in_calendar).ok_or_else(missing)?
            }
        };
        if self.day_from(day) != day || !self.is_cutoff(day, zone) {
            let mut next = self.day_from(day + DayCount::new(1));
            while !self.is_cutoff(next, zone) {
                next = self.day_from(next + DayCount::new(1));
            }
            return Err(PeriodError::NoCutoff { name: name.to_owned(), next: self.name(next) });
        }
        Ok(self.period(day, zone))
    }

    fn period(&self, day: NaiveDate, zone: Tz) -> Period {
        let mut before = self.day_until(day - DayCount::new(1));
        while !self.is_cutoff(before, zone) {
            before = self.day_until(before - DayCount::new(1));
        }
        Period { name: self.name(day), cutoff: self.cutoff(day, zone), starts_at: self.cutoff(before, zone) }
    }

    fn naming(&self) -> Naming {
        match &self.days {
            Days::Week(days) if days.len() == 1 => Naming::Week,
            Days::Month(_) => Naming::Month,
            Days::Week(_) | Days::Daily => Naming::Day,
        }
    }

    fn name(&self, day: NaiveDate) -> String {
        match self.naming() {
            Naming::Week => format!("{:04}-W{:02}", day.iso_week().year(), day.iso_week().week()),
            Naming::Month => format!("{:04}-{:02}", day.year(), day.month()),
            Naming::Day => format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day()),
        }
    }

    fn cutoff(&self, day: NaiveDate, zone: Tz) -> DateTime<Utc> {
        on_clock(day.and_time(self.time), zone)
    }

    /// Whether a day of the schedule ends a period. A day that the clocks of the zone skipped as a whole (Samoa had no 30
    /// December 2011) does not where its cutoff would be that of the day after.
    fn is_cutoff(&self, day: NaiveDate, zone: Tz) -> bool {
        self.cutoff(day, zone) < self.cutoff(self.day_from(day + DayCount::new(1)), zone)
    }

    /// The first day of the schedule that is not before a day.
    fn day_from(&self, day: NaiveDate) -> NaiveDate {
        match &self.days {
            Days::Daily => day,
            Days::Week(days) => {
                (0..7).map(|n| day + DayCount::new(n)).find(|d| days.contains(&d.weekday())).unwrap_or(day)
            }
            Days::Month(wanted) => {
                let this = in_month(day, *wanted);
                let next = || in_month(last_of_month(day) + DayCount::new(1), *wanted);
                if this >= day { this } else { next() }
            }
        }
    }

    /// The last day of the schedule that is not after a day.
    fn day_until(&self, day: NaiveDate) -> NaiveDate {
        match &self.days {
            Days::Daily => day,
            Days::Week(days) => {
                (0..7).map(|n| day - DayCount::new(n)).find(|d| days.contains(&d.weekday())).unwrap_or(day)
            }
            Days::Month(wanted) => {
                let this = in_month(day, *wanted);
                let before = || in_month(day - DayCount::new(day.day().into()), *wanted);
                if this <= day { this } else { before() }
            }
        }
    }
}

/// A day of the month of `day`, or the month's last one.
fn in_month(day: NaiveDate, wanted: u32) -> NaiveDate {
    day.with_day(wanted).unwrap_or_else(|| last_of_month(day))
}

fn last_of_month(day: NaiveDate) -> NaiveDate {
    (28..=31).rev().find_map(|last| day.with_day(last)).unwrap_or(day)
}

fn in_calendar(day: &NaiveDate) -> bool {
    (FIRST..=LAST).contains(day)
}

fn within(moment: DateTime<Utc>) -> DateTime<Utc> {
    moment.clamp(FIRST.and_time(NaiveTime::MIN).and_utc(), LAST.and_time(NaiveTime::MIN).and_utc())
}

/// The canonical form, which means the same.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.days {
            Days::Week(days) => {
                let days: Vec<String> = days.iter().map(Weekday::to_string).collect();
                write!(f, "{}", days.join(","))?;
            }
            Days::Daily => f.write_str("daily")?,
            Days::Month(day) => write!(f, "monthly {day}")?,
        }
        write!(f, " {}", self.time.format("%H:%M"))
    }
}

#[cfg(test)]
mod tests;
