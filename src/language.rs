//! The fixed texts of pages and mails in each language, with its dates, numbers and direction.
//!
//! A language is a file in `languages/`, compiled in. A site in a language without a file gets the English texts, and is
//! told so: its own words keep their language and direction all the same. Nothing here knows what a text is used for.

mod direction;
mod preview;

use crate::config;
use crate::diagnostic::Diagnostic;
use crate::text::Text;
use chrono::{DateTime, Datelike, NaiveDate};
use chrono_tz::Tz;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub use direction::Direction;
pub use preview::{PreviewWords, ReasonWords, ShortenedWords, StateWords};

/// The files. The first is used where there is none.
const FILES: [&str; 2] = [include_str!("../languages/en.toml"), include_str!("../languages/de.toml")];

/// What the files say, in their order.
static ALL: LazyLock<Vec<Words>> = LazyLock::new(|| {
    let read = |file: &str| toml::from_str(file).expect("a test reads every file that is compiled in");
    FILES.into_iter().map(read).collect()
});

/// The language that a site speaks, and the texts for it.
#[derive(Clone, Debug)]
pub struct Language {
    tag: Text,
    words: &'static Words,
}

/// The texts of one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// BCP 47 tag.
    pub tag: String,
    dates: Dates,
    numbers: Numbers,
    lists: Lists,
    /// Numbers of things.
    pub counts: Counts,
    /// What a group of feeds has in common.
    pub kinds: Kinds,
    /// The page that lists every feed; for its template only, so that it has no fields.
    feeds: BTreeMap<String, String>,
    /// The page that lists every issue of a digest, likewise.
    archive: BTreeMap<String, String>,
    /// The page of one feed; for its template only.
    feed: BTreeMap<String, String>,
    /// Mails and their pages.
    pub digest: DigestWords,
    /// Mails to one person that are no issue.
    pub notices: NoticesWords,
    /// The pages of the web server, each for its template.
    web: BTreeMap<String, BTreeMap<String, String>>,
    /// The page that shows an issue before it goes out.
    pub preview: PreviewWords,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dates {
    months: [String; 12],
    /// From Monday on.
    weekdays: [String; 7],
    full: String,
    short: String,
    moment: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    thousands: String,
    decimal: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    between: String,
    last: String,
}

/// Numbers of things.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Posts.
    pub posts: Counted,
    /// Issues.
    pub issues: Counted,
}

/// What a group of feeds has in common.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kinds {
    /// The list of all feeds of a `{site}`.
    pub list: String,
    /// The feed of all posts.
    pub all: String,
    /// Feeds that the settings declare.
    pub declared: String,
    /// Feeds of the issues of digests.
    pub digest: String,
    /// Feeds of categories.
    pub category: String,
    /// Feeds of topics.
    pub topic: String,
    /// Feeds of tags.
    pub tag: String,
    /// Feeds of authors.
    pub author: String,
}

/// What a mail and its page say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestWords {
    /// The subject, from the title `{lead}` of the first post and the number of the others.
    pub subject: Counted,
    /// The subject that names no post: `{title}`, `{date}`.
    pub plain_subject: String,
    /// Who wrote a post: `{names}`.
    pub by: String,
    /// Above posts that have no category or topic.
    pub others: String,
    /// Above posts of which the title alone is shown.
    pub also: String,
    /// The link from the first story to the whole of it.
    pub read_on: String,
    /// The posts that are not even shown by their titles.
    pub more: Counted,
    /// Above older posts.
    pub related: String,
    /// The link to the page of the issue.
    pub view: String,
    /// The link that ends a subscription.
    pub unsubscribe: String,
    /// The link to the choice of categories and topics.
    pub preferences: String,
    /// Why somebody gets the mail: `{digest}`.
    pub reason: String,
    /// On a page that posts were taken out of: `{date}`.
    pub redacted: Counted,
}

/// What mails to one person say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticesWords {
    /// Above the address that the button leads to.
    pub open: String,
    /// How long a link is good, in days.
    pub days: Counted,
    /// The same in hours.
    pub hours: Counted,
    /// Whether somebody means it.
    pub confirm: NoticeWords,
    /// That there is nothing to confirm.
    pub known: NoticeWords,
    /// A link to what is kept of somebody.
    pub link: NoticeWords,
    /// After the yes.
    pub welcome: NoticeWords,
}

/// What a mail to one person says. `{site}` is the site's title, `{digests}` those of the digests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeWords {
    /// One line, which names no digest: it is read by everybody who carries the mail.
    pub subject: String,
    /// Above it.
    pub heading: String,
    /// What it is about.
    pub lead: String,
    /// What to do.
    pub button: String,
    /// What else to know.
    pub otherwise: String,
    /// Why somebody gets the mail.
    pub reason: String,
}

/// A text that depends on a number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// For 0, where it is not the same as for many.
    pub zero: Option<String>,
    /// For 1.
    pub one: String,
    /// For all others.
    pub other: String,
}

impl Language {
    /// English: what the command line speaks.
    pub fn english() -> Language {
        Language::of("en")
    }

    /// The language of a tag, in any case: `de`, `de-AT`.
    pub fn of(tag: &str) -> Language {
        let primary = tag.split('-').next().unwrap_or_default();
        let words = ALL.iter().find(|words| words.tag.eq_ignore_ascii_case(primary)).unwrap_or(&ALL[0]);
        Language { tag: Text::new(tag), words }
    }

    /// The tag as it was asked for: the language of the site's own words.
    pub fn tag(&self) -> &Text {
        &self.tag
    }

    /// The fixed texts. Their `tag` is English where there are none in the language itself.
    pub fn words(&self) -> &'static Words {
        self.words
    }

    /// Whether the fixed texts are in the language that was asked for.
    pub fn is_spoken(&self) -> bool {
        self.tag.split('-').next().is_some_and(|primary| self.words.tag.eq_ignore_ascii_case(primary))
    }

    /// What to tell a site whose language has no file.
    pub fn warning(&self) -> Option<Diagnostic> {
        if self.is_spoken() {
            return None;
        }
        let known: Vec<String> = ALL.iter().map(|words| format!("`{}`", words.tag)).collect();
        let message = format!("there are no fixed texts in the language `{}`, so that they are in English", self.tag);
        let hint = format!("there are texts in {}; a site's own templates can say all else", known.join(" and "));
        Some(Diagnostic::warning(message).in_file(config::FILE).hint(hint))
    }

    /// Which way the site's own words are read.
    pub fn direction(&self) -> Direction {
        Direction::of_tag(&self.tag)
    }

    /// A day in full, with its year.
    pub fn day(&self, day: NaiveDate) -> String {
        self.date(&self.words.dates.full, day)
    }

    /// A day without its year.
    pub fn short_day(&self, day: NaiveDate) -> String {
        self.date(&self.words.dates.short, day)
    }

    fn date(&self, pattern: &str, day: NaiveDate) -> String {
        let month = &self.words.dates.months[day.month0() as usize];
        fill(pattern, &[("day", &day.day().to_string()), ("month", month), ("year", &day.year().to_string())])
    }

    /// A minute of a day, with its weekday, in the time of its zone.
    pub fn moment(&self, at: DateTime<Tz>) -> String {
        let weekday = &self.words.dates.weekdays[at.weekday().num_days_from_monday() as usize];
        let (date, time) = (self.day(at.date_naive()), at.format("%H:%M").to_string());
        fill(&self.words.dates.moment, &[("weekday", weekday), ("date", &date), ("time", &time)])
    }

    /// A number of tenths as a decimal, without the tenth where it is 0.
    pub fn tenths(&self, n: usize) -> String {
        match n % 10 {
            0 => self.number(n / 10),
            tenth => format!("{}{}{tenth}", self.number(n / 10), self.words.numbers.decimal),
        }
    }

    /// A number with its thousands set apart.
    pub fn number(&self, n: usize) -> String {
        let digits = n.to_string();
        let mut out = String::new();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push_str(&self.words.numbers.thousands);
            }
            out.push(digit);
        }
        out
    }

    /// The text for a number, which stands for `{n}` in it.
    pub fn count(&self, counted: &Counted, n: usize, values: &[(&str, &str)]) -> String {
        let pattern = match n {
            0 => counted.zero.as_ref().unwrap_or(&counted.other),
            1 => &counted.one,
            _ => &counted.other,
        };
        fill(pattern, &[&[("n", &*self.number(n))], values].concat())
    }

    /// Names one after the other: `a, b and c`.
    pub fn list(&self, names: &[&str]) -> String {
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => {
                format!("{}{}{last}", rest.join(&self.words.lists.between), self.words.lists.last)
            }
            _ => names.concat(),
        }
    }

    /// All texts of the page that lists every feed, filled in. A text with a link is there in three parts: before it
    /// (`…_before`), the link itself, and after it (`…_after`).
    pub fn feeds(&self, values: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut texts = self.page(&self.words.feeds, values);
        texts.insert("title".to_owned(), fill(&self.words.kinds.list, values));
        texts
    }

    /// The same of the page that lists every issue of a digest.
    pub fn archive(&self, values: &[(&str, &str)]) -> BTreeMap<String, String> {
        self.page(&self.words.archive, values)
    }

    /// The same of the page of one feed.
    pub fn feed(&self, values: &[(&str, &str)]) -> BTreeMap<String, String> {
        self.page(&self.words.feed, values)
    }

    /// The same of the page that shows an issue before it goes out.
    pub fn preview(&self, values: &[(&str, &str)]) -> BTreeMap<String, String> {
        self.page(&self.words.preview.page, values)
    }

    /// The same of a page of the web server, and what all of those say.
    pub fn web(&self, page: &str, values: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for part in ["common", page].iter().filter_map(|part| self.words.web.get(*part)) {
            texts.extend(self.page(part, values));
        }
        texts
    }

    /// One text of a page of the web server; empty where there is none.
    pub fn web_text(&self, page: &str, key: &str, values: &[(&str, &str)]) -> String {
        let pattern = self.words.web.get(page).and_then(|part| part.get(key));
        pattern.map(|pattern| fill(pattern, values)).unwrap_or_default()
    }

    fn page(&self, patterns: &BTreeMap<String, String>, values: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::from([
            ("lang".to_owned(), self.words.tag.clone()),
            ("dir".to_owned(), Direction::of_tag(&self.words.tag).name().to_owned()),
        ]);
        for (key, pattern) in patterns {
            if let Some((before, rest)) = pattern.split_once('[')
                && let Some((link, after)) = rest.split_once(']')
            {
                texts.insert(format!("{key}_before"), fill(before, values));
                texts.insert(format!("{key}_after"), fill(after, values));
                texts.insert(key.clone(), fill(link, values));
            } else {
                texts.insert(key.clone(), fill(pattern, values));
            }
        }
        texts
    }
}

/// A pattern with each `{name}` replaced by its value. A value is not looked into again.
pub fn fill(pattern: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let known = after.split_once('}').and_then(|(name, after)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((*value, after))
        });
        match known {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Every key of a file with the places that are filled in, in order.
    fn places(file: &str) -> Vec<(String, Vec<String>)> {
        fn walk(path: &str, value: &toml::Value, out: &mut Vec<(String, Vec<String>)>) {
            match value {
                toml::Value::Table(table) => {
                    table.iter().for_each(|(key, value)| walk(&format!("{path}.{key}"), value, out));
                }
                toml::Value::String(text) => {
                    let names = text.split('{').skip(1).filter_map(|part| part.split('}').next());
                    let links = text.matches('[').map(|_| "[");
                    let mut found: Vec<String> = names.chain(links).map(String::from).collect();
                    found.sort();
                    out.push((path.to_owned(), found));
                }
                _ => {}
            }
        }
        let mut out = Vec::new();
        walk("", &toml::Value::Table(file.parse().unwrap()), &mut out);
        out
    }

    #[test]
    fn every_language_says_the_same_and_fills_in_the_same() {
        for file in &FILES[1..] {
            assert_eq!(places(file), places(FILES[0]));
        }
        assert_eq!(ALL.len(), FILES.len());
    }

    #[test]
    fn a_tag_finds_its_language_and_english_where_there_is_none() {
        #[track_caller]
        fn case(tag: &str, words: &str, spoken: bool) {
            let language = Language::of(tag);
            assert_eq!((&*language.words().tag, language.is_spoken()), (words, spoken), "{tag}");
            assert_eq!(language.tag().as_str(), tag);
            assert_eq!(language.warning().is_some(), !spoken);
        }
        case("en", "en", true);
        case("en-GB", "en", true);
        case("de", "de", true);
        case("DE-at", "de", true);
        case("den", "en", false);
        case("ja", "en", false);
        case("", "en", false);
        assert_eq!(
            Language::of("ja").warning().unwrap().render(None),
            "warning: there are no fixed texts in the language `ja`, so that they are in English
 --> tidings.toml
hint: there are texts in `en` and `de`; a site's own templates can say all else
"
        );
    }

    #[test]
    fn dates_and_numbers_are_those_of_the_language() {
        let (en, de) = (Language::of("en"), Language::of("de-CH"));
        assert_eq!(en.day(day("2026-03-02")), "2 March 2026");
        assert_eq!(de.day(day("2026-03-02")), "2. März 2026");
        assert_eq!(en.short_day(day("2026-12-31")), "31 December");
        assert_eq!(de.short_day(day("2026-12-31")), "31. Dezember");
        assert_eq!([0, 999, 1000, 1234567].map(|n| en.number(n)), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(de.number(12345), "12.345");
        assert_eq!([0, 5, 900, 12_345].map(|n| en.tenths(n)), ["0", "0.5", "90", "1,234.5"]);
        assert_eq!(de.tenths(884), "88,4");
        let at = |text: &str| text.parse::<DateTime<chrono::Utc>>().unwrap().with_timezone(&Tz::Europe__Berlin);
        assert_eq!(en.moment(at("2026-11-22T23:05:00Z")), "Mon 23 November 2026, 00:05");
        assert_eq!(de.moment(at("2026-11-22T22:59:59Z")), "So, 22. November 2026, 23:59");
        let posts = |n| de.count(&de.words().counts.posts, n, &[]);
        assert_eq!([0, 1, 2, 1000].map(posts), ["Keine Beiträge", "1 Beitrag", "2 Beiträge", "1.000 Beiträge"]);
        assert_eq!(de.list(&["A", "B", "C"]), "A, B und C");
        assert_eq!([en.list(&[]), en.list(&["A"]), en.list(&["A", "B"])], ["", "A", "A and B"]);
    }

    #[test]
    fn what_is_filled_in_is_not_looked_into_again() {
        assert_eq!(fill("{a}{b}{c} {", &[("a", "{b}"), ("b", "2")]), "{b}2{c} {");
    }
}
