//! What the three formats show alike, so that they cannot differ.
//!
//! A writer asks here for everything that is more than a field copied: what stands in for an empty value, which part of
//! an entry is carried, and how a time is said. Line ends are LF in every format, since XML can carry no other
//! (XML 1.0, section 2.11).

use super::{Entry, EntryTerm, Feed, Format, Person};
use crate::content::post::Content;
use crate::text::Text;
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, SecondsFormat, Timelike, Utc};
use std::borrow::Cow;

/// The name that the program goes by in feeds. Without a version: else an upgrade would change every feed.
pub(super) const GENERATOR: &str = "tidings";

/// The namespaces that feeds use beyond their own.
pub(super) mod namespace {
    pub const ATOM: &str = "http://www.w3.org/2005/Atom";
    pub const CONTENT: &str = "http://purl.org/rss/1.0/modules/content/";
    pub const DUBLIN_CORE: &str = "http://purl.org/dc/elements/1.1/";
    pub const HISTORY: &str = "http://purl.org/syndication/history/1.0";
    pub const MEDIA: &str = "http://search.yahoo.com/mrss/";
}

impl Feed {
    /// Where this document itself is, in one format.
    pub(super) fn file_url(&self, format: Format) -> String {
        format!("{}{}", self.folder_url, format.file_name())
    }

    /// The title; for a feed without one, the page that it is a feed of.
    pub(super) fn shown_title(&self) -> String {
        first_filled([&self.title, &self.home_url])
    }

    /// Who writes where an entry names nobody. Never without a name.
    pub(super) fn shown_author(&self) -> Person {
        let name = Text::new(&first_filled([&self.author.name, &self.title, &self.home_url]));
        Person { name, url: self.author.url.clone().filter(|url| !url.is_empty()) }
    }

    /// Each entry, with its content where this feed carries any.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&Entry, Option<Cow<'_, str>>)> {
        self.entries.iter().enumerate().map(|(i, entry)| {
            let carried = self.carries.get(i) != Some(&Content::Summary) && !entry.content.trim().is_empty();
            (&**entry, carried.then(|| lines(&entry.content)))
        })
    }
}

impl Entry {
    /// The title; for an entry without one, its address.
    pub(super) fn shown_title(&self) -> String {
        first_filled([&self.title, &self.url])
    }

    /// The summary, unless there is none.
    pub(super) fn shown_summary(&self) -> Option<Cow<'_, str>> {
        Some(lines(&self.summary)).filter(|summary| !summary.trim().is_empty())
    }

    /// Everybody with a name.
    pub(super) fn shown_authors(&self) -> impl Iterator<Item = Person> {
        self.authors
            .iter()
            .map(|person| Person {
                name: Text::one_line(&person.name),
                url: person.url.clone().filter(|url| !url.is_empty()),
            })
            .filter(|person| !person.name.is_empty())
    }

    /// All terms; a term without a label goes by its slug.
    pub(super) fn shown_terms(&self) -> impl Iterator<Item = EntryTerm> {
        self.terms.iter().map(|term| EntryTerm {
            label: Text::new(&first_filled([&term.label, &term.term])),
            term: term.term.clone(),
            scheme: term.scheme.clone(),
        })
    }

    /// The language, where it is not the feed's.
    pub(super) fn shown_language(&self, feed: &Feed) -> Option<String> {
        self.language.as_ref().filter(|tag| !tag.is_empty() && **tag != feed.language).map(|tag| tag.to_string())
    }
}

/// The first text that is more than white space, on one line.
fn first_filled<const N: usize>(texts: [&Text; N]) -> String {
    texts.into_iter().map(|text| Text::one_line(text).to_string()).find(|text| !text.is_empty()).unwrap_or_default()
}

/// The same text with LF at the end of each line.
fn lines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n").into() } else { text.into() }
}

/// Plain text as HTML that shows it.
pub(super) fn as_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A time that every format can say: whole seconds, years 1 to 9999.
pub(super) fn sayable(at: DateTime<Utc>) -> DateTime<Utc> {
    let edge = |y, m, d, time| NaiveDate::from_ymd_opt(y, m, d).unwrap_or_default().and_time(time).and_utc();
    match at.year() {
        ..1 => edge(1, 1, 1, NaiveTime::MIN),
        // A leap second is a second with too many nanoseconds, so it becomes the second before it.
        1..=9999 => at.with_nanosecond(0).unwrap_or(at),
        _ => edge(9999, 12, 31, NaiveTime::MIN),
    }
}

/// RFC 3339, in UTC.
pub(super) fn rfc3339(at: DateTime<Utc>) -> String {
    sayable(at).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// RFC 822 with a year of four digits, in UTC.
pub(super) fn rfc822(at: DateTime<Utc>) -> String {
    sayable(at).format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_whole_seconds_and_years_of_four_digits() {
        #[track_caller]
        fn case(at: DateTime<Utc>, iso: &str, mail: &str) {
            assert_eq!(rfc3339(at), iso);
            assert_eq!(rfc822(at), mail);
        }
        let day = "2026-03-02T09:00:00.987Z".parse().unwrap();
        case(day, "2026-03-02T09:00:00Z", "Mon, 02 Mar 2026 09:00:00 +0000");
        case(DateTime::<Utc>::MIN_UTC, "0001-01-01T00:00:00Z", "Mon, 01 Jan 0001 00:00:00 +0000");
        case(DateTime::<Utc>::MAX_UTC, "9999-12-31T00:00:00Z", "Fri, 31 Dec 9999 00:00:00 +0000");
        case("2016-12-31T23:59:60Z".parse().unwrap(), "2016-12-31T23:59:59Z", "Sat, 31 Dec 2016 23:59:59 +0000");
    }

    #[test]
    fn every_line_ends_with_lf() {
        assert_eq!(lines("a\r\nb\rc\nd"), "a\nb\nc\nd");
    }
}
