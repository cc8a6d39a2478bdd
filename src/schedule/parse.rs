//! From the text of a schedule to its days and time.

use super::{Days, FORMS, Schedule, ScheduleError};
use crate::diagnostic::nearest;
use chrono::{NaiveTime, Weekday};

const DAYS: [(Weekday, &str, &str); 7] = [
    (Weekday::Mon, "Mon", "Monday"),
    (Weekday::Tue, "Tue", "Tuesday"),
    (Weekday::Wed, "Wed", "Wednesday"),
    (Weekday::Thu, "Thu", "Thursday"),
    (Weekday::Fri, "Fri", "Friday"),
    (Weekday::Sat, "Sat", "Saturday"),
    (Weekday::Sun, "Sun", "Sunday"),
];

/// A stretch of the text without white space or commas, and its first character, from 0.
struct Word<'a> {
    text: &'a str,
    column: usize,
}

/// See [`Schedule::parse`].
pub(super) fn parse(text: &str) -> Result<Schedule, ScheduleError> {
    let words = words(text);
    let Some((time, days)) = words.split_last() else {
        return Err(fault("it is empty", 0, text.chars().count()));
    };
    if !time.text.contains(':') {
        days_of(&words)?;
        return Err(fault("it has no time", text.trim_end().chars().count(), 1));
    }
    if days.is_empty() {
        return Err(fault("it has no day", time.column, length(time)));
    }
    Ok(Schedule { days: days_of(days)?, time: time_of(time)? })
}

fn words(text: &str) -> Vec<Word<'_>> {
    let is_gap = |c: char| c.is_whitespace() || c == ',';
    let mut words = Vec::new();
    let (mut start, mut start_column) = (None, 0);
    let all = text.char_indices().chain(std::iter::once((text.len(), ' ')));
    for (column, (at, c)) in all.enumerate() {
        match start {
            None if !is_gap(c) => (start, start_column) = (Some(at), column),
            Some(from) if is_gap(c) => {
                words.push(Word { text: &text[from..at], column: start_column });
                start = None;
            }
            _ => {}
        }
    }
    words
}

fn days_of(words: &[Word<'_>]) -> Result<Days, ScheduleError> {
    match words {
        [word] if word.text.eq_ignore_ascii_case("daily") => Ok(Days::Daily),
        [word, rest @ ..] if word.text.eq_ignore_ascii_case("monthly") => month_day(word, rest),
        _ => week_days(words),
    }
}

fn week_days(words: &[Word<'_>]) -> Result<Days, ScheduleError> {
    let mut days: Vec<Weekday> = Vec::new();
    for word in words {
        let is = |name: &str| name.eq_ignore_ascii_case(word.text);
        let Some((day, short, _)) = DAYS.iter().find(|(_, short, long)| is(short) || is(long)) else {
            let lower = word.text.to_lowercase();
            let names: Vec<String> = DAYS.iter().map(|(_, short, _)| short.to_lowercase()).collect();
            let known = names.iter().map(String::as_str).chain(["daily", "monthly"]);
            let near = nearest(&lower, known).map(|near| {
                DAYS.iter().map(|(_, short, _)| *short).find(|short| short.eq_ignore_ascii_case(near)).unwrap_or(near)
            });
            let alone = matches!(lower.as_str(), "daily" | "monthly");
            let what = if alone { "cannot stand among other days" } else { "is not a day" };
            let mut fault = fault(&format!("`{}` {what}", word.text), word.column, length(word));
            if let Some(near) = near.filter(|_| !alone) {
                fault.hint = format!("did you mean `{near}`?");
            }
            return Err(fault);
        };
        if days.contains(day) {
            return Err(fault(&format!("it names `{short}` twice"), word.column, length(word)));
        }
        days.push(*day);
    }
    days.sort_unstable_by_key(Weekday::num_days_from_monday);
    Ok(if days.len() == 7 { Days::Daily } else { Days::Week(days) })
}

fn month_day(monthly: &Word<'_>, rest: &[Word<'_>]) -> Result<Days, ScheduleError> {
    match rest {
        [] => Err(fault("it has no day of the month", monthly.column, length(monthly))),
        [day] => match number(day.text) {
            Some(n) if (1..=31).contains(&n) => Ok(Days::Month(n)),
            _ => Err(fault(&format!("`{}` is not a day of the month", day.text), day.column, length(day))),
        },
        [_, more, ..] => Err(fault("it names more than one day of the month", more.column, length(more))),
    }
}

fn time_of(word: &Word<'_>) -> Result<NaiveTime, ScheduleError> {
    let parts = word.text.split_once(':').filter(|(_, minute)| minute.len() == 2);
    let time = parts.and_then(|(hour, minute)| NaiveTime::from_hms_opt(number(hour)?, number(minute)?, 0));
    time.ok_or_else(|| fault(&format!("`{}` is not a time of day", word.text), word.column, length(word)))
}

/// One or two digits.
fn number(text: &str) -> Option<u32> {
    let digits = matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn length(word: &Word<'_>) -> usize {
    word.text.chars().count()
}

fn fault(message: &str, column: usize, width: usize) -> ScheduleError {
    ScheduleError { message: message.to_owned(), column, width, hint: format!("write {FORMS}") }
}
