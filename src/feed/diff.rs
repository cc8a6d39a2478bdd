//! What the next build would change for those who read the feeds.
//!
//! Two sides, each all documents of one place, are compared entry by entry, told apart by id as readers do. Feeds are not
//! paired: an entry counts once, in however many feeds of a side it stands. A side *reaches back* as far as its main feed
//! does, the one with the newest entry and the most entries, together with the archives that it leads to
//! (`prev-archive`, `next`, `next_url`) as far as they are among the documents. What lies before that may have fallen
//! off the end of a feed, and says nothing. A change in an archive counts like one anywhere else.

use super::Format;
use super::adopt::{path_key, title_key};
use super::read::{Published, PublishedEntry};
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Entries by what a reader will notice, each in one list only, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Ids that the old side did not have, of entries that it would have shown had they existed.
    pub new: Vec<Change>,
    /// The same id with another `updated`.
    pub updated: Vec<Change>,
    /// The same id and the same `updated`, but another title, link, content or summary.
    pub changed: Vec<Change>,
    /// Entries that readers have seen and would be shown as new: another id, or another time of publication.
    pub would_resurface: Vec<Change>,
    /// Old entries that the new side reaches back to and does not have.
    pub gone: Vec<Change>,
    /// Ids that the old side did not have because it does not reach back so far.
    pub older: Vec<Change>,
}

/// One entry that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its id on the new side, or on the old one where it is gone.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Where it is read.
    pub url: Option<String>,
    /// What differs, such as `title` or ``id was `x` ``; empty where the list says it all.
    pub what: Vec<String>,
    #[serde(skip)]
    at: Option<DateTime<Utc>>,
}

/// How far back the new side reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewSide {
    /// It has every post there is: what is not in it is gone.
    Whole,
    /// It has the newest posts only, as far as it shows.
    Newest,
}

/// Compares what is published now with what would be.
pub fn compare(old: &[Published], new: &[Published], side: NewSide) -> Diff {
    let (old_reach, new_reach) = (reach(old), reach(new));
    let (old, new) = (by_id(old), by_id(new));
    let former = Former::new(&old, &new);
    let mut diff = Diff::default();
    let mut explained: BTreeSet<&str> = BTreeSet::new();
    for (&id, entries) in &new {
        let lost = former.of(entries, old.contains_key(id));
        explained.extend(&lost);
        let entry = shown(entries);
        let mut what: Vec<String> = lost.iter().map(|lost| format!("id was `{lost}`")).collect();
        let Some(before) = old.get(id) else {
            let list = if !what.is_empty() {
                &mut diff.would_resurface
            } else if reaches(old_reach, entry, Ordering::is_ge) {
                &mut diff.new
            } else {
                &mut diff.older
            };
            list.push(Change::new(id, entry, what));
            continue;
        };
        let (before, after) = pair(before, entries);
        if let (Some(was), Some(is)) = (before.1.published_at, after.1.published_at)
            && minute(was) != minute(is)
        {
            what.push(format!("date was {}", was.to_rfc3339_opts(SecondsFormat::Secs, true)));
        }
        if !what.is_empty() {
            diff.would_resurface.push(Change::new(id, entry, what));
        } else if let (Some(was), Some(is)) = (before.1.updated_at, after.1.updated_at)
            && was.timestamp() != is.timestamp()
        {
            diff.updated.push(Change::new(id, entry, what));
        } else {
            let what = edits(before, after);
            if !what.is_empty() {
                diff.changed.push(Change::new(id, entry, what));
            }
        }
    }
    for (&id, entries) in &old {
        let entry = shown(entries);
        let reached = side == NewSide::Whole || reaches(new_reach, entry, Ordering::is_gt);
        if !new.contains_key(id) && !explained.contains(id) && reached {
            diff.gone.push(Change::new(id, entry, Vec::new()));
        }
    }
    for list in diff.lists_mut() {
        list.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
    }
    diff
}

impl Diff {
    /// How many entries readers would be shown as new although they know them. Anything but 0 is a reason not to publish.
    pub fn would_resurface(&self) -> usize {
        self.would_resurface.len()
    }

    /// Whether no reader would notice anything.
    pub fn is_empty(&self) -> bool {
        self.new.len() + self.updated.len() + self.changed.len() + self.would_resurface.len() + self.gone.len() == 0
    }

    fn lists_mut(&mut self) -> [&mut Vec<Change>; 6] {
        let Diff { new, updated, changed, would_resurface, gone, older } = self;
        [new, updated, changed, would_resurface, gone, older]
    }
}

/// A line for each entry and one with the counts, ending with a line break:
///
/// ```text
/// + new  Spring sale  (https://example.org/blog/spring-sale/)
/// . changed but not announced  Fixes  (https://example.org/blog/fixes/): title, content
/// 1 new, 0 updated, 1 changed but not announced, 0 would re-surface, 0 gone
/// ```
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [
            ("+ new", &self.new),
            ("~ updated", &self.updated),
            (". changed but not announced", &self.changed),
            ("! would re-surface", &self.would_resurface),
            ("- gone", &self.gone),
        ];
        for (word, list) in lists {
            for change in list {
                writeln!(f, "{word}  {change}")?;
            }
        }
        match self.older.len() {
            0 => {}
            1 => writeln!(f, "1 more entry is older than the old feeds reach back")?,
            n => writeln!(f, "{n} more entries are older than the old feeds reach back")?,
        }
        writeln!(
            f,
            "{} new, {} updated, {} changed but not announced, {} would re-surface, {} gone",
            self.new.len(),
            self.updated.len(),
            self.changed.len(),
            self.would_resurface.len(),
            self.gone.len()
        )
    }
}

impl Change {
    fn new(id: &str, entry: &PublishedEntry, what: Vec<String>) -> Change {
        let title = entry.title.to_string();
        Change { id: id.to_owned(), title, url: entry.url.clone(), what, at: entry_at(entry) }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = if self.title.is_empty() { "(no title)" } else { &self.title };
        write!(f, "{title}  ({})", self.url.as_deref().unwrap_or(&self.id))?;
        if !self.what.is_empty() {
            write!(f, ": {}", self.what.join(", "))?;
        }
        Ok(())
    }
}

type Found<'a> = (Format, &'a PublishedEntry);
type Side<'a> = BTreeMap<&'a str, Vec<Found<'a>>>;

/// All entries of a side by id, each once a format; where documents of one format differ, the one with content counts, then the first.
fn by_id(feeds: &[Published]) -> Side<'_> {
    let mut side: Side<'_> = BTreeMap::new();
    for feed in feeds {
        for entry in &feed.entries {
            let found = side.entry(entry.id.as_str()).or_default();
            match found.iter_mut().find(|(format, _)| *format == feed.format) {
                None => found.push((feed.format, entry)),
                Some((_, known)) if known.content_hash.is_none() && entry.content_hash.is_some() => *known = entry,
                Some(_) => {}
            }
        }
    }
    for found in side.values_mut() {
        found.sort_by_key(|(format, _)| telling(*format));
    }
    side
}

/// The formats that say most about an entry come first.
fn telling(format: Format) -> u8 {
    match format {
        Format::Atom => 0,
        Format::Json => 1,
        Format::Rss => 2,
    }
}

/// The entry that stands for all with its id.
fn shown<'a>(found: &[Found<'a>]) -> &'a PublishedEntry {
    found.iter().map(|(_, entry)| *entry).find(|entry| entry_at(entry).is_some()).unwrap_or(found[0].1)
}

/// The two entries that are compared: of one format, where both sides have one.
fn pair<'a>(old: &[Found<'a>], new: &[Found<'a>]) -> (Found<'a>, Found<'a>) {
    let same = old.iter().find_map(|&a| Some((a, *new.iter().find(|b| b.0 == a.0)?)));
    same.unwrap_or((old[0], new[0]))
}

/// What differs without `updated` telling.
fn edits((was, before): Found<'_>, (is, after): Found<'_>) -> Vec<String> {
    let mut what = Vec::new();
    if title_of(was == is, before) != title_of(was == is, after) {
        what.push("title".to_owned());
    }
    if before.url != after.url {
        what.push("link".to_owned());
    }
    if before.content_hash != after.content_hash {
        what.push("content".to_owned());
    }
    if was == is && before.summary != after.summary {
        what.push("summary".to_owned());
    }
    what
}

/// Titles of one format are compared letter by letter; formats differ in what a title may hold.
fn title_of(exact: bool, entry: &PublishedEntry) -> String {
    if exact { entry.title.to_string() } else { title_key(&entry.title) }
}

fn entry_at(entry: &PublishedEntry) -> Option<DateTime<Utc>> {
    entry.published_at.or(entry.updated_at)
}

/// RSS dates may come without seconds.
fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

/// How far back a side reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// It has no entry with a date, so that nothing can be said to have fallen off.
    Everything,
    /// To an entry of this time; what is older may have fallen off.
    After(DateTime<Utc>),
}

/// Whether an entry lies where the side reaches. Of the oldest day some entries may have fallen off: `how` says on which
/// side to err. An entry without a date counts as of that day.
fn reaches(reach: Reach, entry: &PublishedEntry, how: fn(Ordering) -> bool) -> bool {
    match (reach, entry_at(entry)) {
        (Reach::Everything, _) => true,
        (Reach::After(oldest), Some(at)) => how(at.cmp(&oldest)),
        (Reach::After(_), None) => how(Ordering::Equal),
    }
}

/// The oldest entry of the main feed and its archives.
fn reach(feeds: &[Published]) -> Reach {
    let by_address: BTreeMap<&str, usize> =
        feeds.iter().enumerate().filter_map(|(i, feed)| Some((feed.self_url.as_deref()?, i))).collect();
    let by_source: BTreeMap<&str, usize> =
        feeds.iter().enumerate().map(|(i, feed)| (feed.source.as_str(), i)).collect();
    let next = |i: usize| {
        let address = feeds[i].next.as_deref()?;
        by_source.get(address).or_else(|| by_address.get(address)).copied().filter(|&next| next != i)
    };
    let led_to: BTreeSet<usize> = (0..feeds.len()).filter_map(next).collect();
    let dates = |i: usize| feeds[i].entries.iter().filter_map(entry_at);
    let dated: Vec<usize> = (0..feeds.len()).filter(|&i| dates(i).next().is_some()).collect();
    let heads: Vec<usize> = dated.iter().copied().filter(|i| !led_to.contains(i)).collect();
    // Documents that all lead to each other have no head.
    let heads = if heads.is_empty() { dated } else { heads };
    let Some(newest) = heads.iter().flat_map(|&i| dates(i)).max() else { return Reach::Everything };
    let oldest = |head: usize| {
        let mut seen = BTreeSet::new();
        let chain = std::iter::successors(Some(head), |&i| next(i)).take_while(|&i| seen.insert(i));
        chain.flat_map(dates).min()
    };
    let mains = heads.into_iter().filter(|&i| dates(i).any(|at| at == newest));
    let main = mains.map(|i| (dates(i).count(), oldest(i))).max();
    main.and_then(|(_, oldest)| oldest).map_or(Reach::Everything, Reach::After)
}

/// Old entries whose ids are gone, by what they may be known by again.
struct Former<'a> {
    by_path: BTreeMap<String, BTreeSet<&'a str>>,
    by_title: BTreeMap<(String, NaiveDate), BTreeSet<&'a str>>,
    /// Pages that several new entries share tell nothing.
    shared: BTreeSet<String>,
}

impl<'a> Former<'a> {
    fn new(old: &Side<'a>, new: &Side<'a>) -> Former<'a> {
        let mut former = Former { by_path: BTreeMap::new(), by_title: BTreeMap::new(), shared: BTreeSet::new() };
        for (&id, found) in old.iter().filter(|(id, _)| !new.contains_key(*id)) {
            for key in paths(found) {
                former.by_path.entry(key).or_default().insert(id);
            }
            for key in titles(found) {
                former.by_title.entry(key).or_default().insert(id);
            }
        }
        let mut pages = BTreeSet::new();
        for key in new.values().flat_map(|found| paths(found)) {
            if !pages.insert(key.clone()) {
                former.shared.insert(key);
            }
        }
        former
    }

    /// The lost ids of what this entry was. One that has kept an id is not taken for another by its title.
    fn of(&self, found: &[Found<'_>], known: bool) -> BTreeSet<&'a str> {
        let mut lost = BTreeSet::new();
        for key in paths(found).iter().filter(|key| !self.shared.contains(*key)) {
            lost.extend(self.by_path.get(key).into_iter().flatten());
        }
        if lost.is_empty() && !known {
            lost.extend(titles(found).iter().filter_map(|key| self.by_title.get(key)).flatten());
        }
        lost
    }
}

fn paths(found: &[Found<'_>]) -> BTreeSet<String> {
    let keys = found.iter().filter_map(|(_, entry)| path_key(entry.url.as_deref()?));
    keys.filter(|key| !key.is_empty()).collect()
}

fn titles(found: &[Found<'_>]) -> BTreeSet<(String, NaiveDate)> {
    let keys = found.iter().filter_map(|(_, entry)| Some((title_key(&entry.title), entry_at(entry)?.date_naive())));
    keys.filter(|(title, _)| !title.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;

    /// An entry named by one letter, published on a day of March 2026.
    fn entry(name: &str, day: u32) -> PublishedEntry {
        let at = format!("2026-03-{day:02}T09:00:00Z").parse().unwrap();
        PublishedEntry {
            id: Text::from(format!("id:{name}")),
            url: Some(format!("https://example.org/{name}/")),
            title: Text::from(name.to_uppercase()),
            published_at: Some(at),
            updated_at: Some(at),
            content_hash: Some([1; 16]),
            summary: Some(Text::new("Short")),
            language: None,
        }
    }

    fn with(mut entry: PublishedEntry, change: impl Fn(&mut PublishedEntry)) -> PublishedEntry {
        change(&mut entry);
        entry
    }

    fn feed(format: Format, name: &str, entries: Vec<PublishedEntry>) -> Published {
        let url = format!("https://example.org/{name}");
        Published {
            source: format!("public/{name}"),
            format,
            title: Text::default(),
            description: Text::default(),
            language: None,
            self_url: Some(url),
            next: None,
            entries,
            without_id: 0,
        }
    }

    fn atom(entries: Vec<PublishedEntry>) -> Vec<Published> {
        vec![feed(Format::Atom, "atom.xml", entries)]
    }

    /// The lines but the last, which must fit them.
    #[track_caller]
    fn case(old: &[Published], new: &[Published], want: &[&str]) {
        let diff = compare(old, new, NewSide::Newest);
        let text = diff.to_string();
        let mut lines: Vec<&str> = text.lines().collect();
        let counts = lines.pop().unwrap();
        assert_eq!(lines, want);
        let count = |word: &str| want.iter().filter(|line| line.starts_with(word)).count();
        let (new, updated, changed) = (count("+"), count("~"), count("."));
        let (resurface, gone) = (count("!"), count("-"));
        assert_eq!(
            counts,
            format!(
                "{new} new, {updated} updated, {changed} changed but not announced, {resurface} would re-surface, {gone} gone"
            )
        );
        assert_eq!(diff.would_resurface(), resurface);
        assert_eq!(diff.is_empty(), new + updated + changed + resurface + gone == 0);
    }

    #[test]
    fn each_entry_is_told_by_what_a_reader_notices() {
        let old = || atom(vec![entry("b", 2), entry("a", 1)]);
        let changed = |change: &dyn Fn(&mut PublishedEntry)| atom(vec![with(entry("b", 2), change), entry("a", 1)]);
        let later = |e: &mut PublishedEntry| e.updated_at = Some("2026-03-08T09:00:00Z".parse().unwrap());
        case(&old(), &old(), &[]);
        case(&old(), &atom(vec![entry("c", 3), entry("b", 2), entry("a", 1)]), &["+ new  C  (https://example.org/c/)"]);
        case(&old(), &changed(&later), &["~ updated  B  (https://example.org/b/)"]);
        case(
            &old(),
            &changed(&|e| {
                later(e);
                e.content_hash = None;
            }),
            &["~ updated  B  (https://example.org/b/)"],
        );
        case(
            &old(),
            &changed(&|e| e.content_hash = Some([2; 16])),
            &[". changed but not announced  B  (https://example.org/b/): content"],
        );
        case(
            &old(),
            &changed(&|e| {
                e.title = Text::new("New");
                e.url = Some("https://example.org/new/".to_owned());
                e.summary = None;
            }),
            &[". changed but not announced  New  (https://example.org/new/): title, link, summary"],
        );
        case(
            &old(),
            &changed(&|e| e.id = Text::new("id:new")),
            &["! would re-surface  B  (https://example.org/b/): id was `id:b`"],
        );
        case(
            &old(),
            &changed(&|e| {
                e.id = Text::new("id:new");
                e.url = Some("https://example.org/moved/".to_owned());
            }),
            &["! would re-surface  B  (https://example.org/moved/): id was `id:b`"],
        );
        case(
            &old(),
            &changed(&|e| e.published_at = Some("2026-03-05T09:00:00Z".parse().unwrap())),
            &["! would re-surface  B  (https://example.org/b/): date was 2026-03-02T09:00:00Z"],
        );
        case(&old(), &changed(&|e| e.published_at = Some("2026-03-02T09:00:30Z".parse().unwrap())), &[]);
        case(&old(), &changed(&|e| e.published_at = None), &[]);
    }

    #[test]
    fn an_entry_is_gone_only_where_the_new_feed_reaches_back() {
        let old = atom(vec![entry("c", 3), entry("b", 2), entry("a", 1)]);
        case(&old, &atom(vec![entry("c", 3), entry("b", 2)]), &[]);
        case(&old, &atom(vec![entry("c", 3), entry("a", 1)]), &["- gone  B  (https://example.org/b/)"]);
        // The feed of a tag reaches back further than the main feed, which says nothing about the main feed.
        let main = feed(Format::Atom, "atom.xml", vec![entry("d", 4), entry("c", 3)]);
        let tag = feed(Format::Atom, "tag/x/atom.xml", vec![entry("d", 4), entry("a", 1)]);
        case(&old, &[main, tag], &["+ new  D  (https://example.org/d/)"]);
        case(
            &old,
            &atom(Vec::new()),
            &[
                "- gone  C  (https://example.org/c/)",
                "- gone  B  (https://example.org/b/)",
                "- gone  A  (https://example.org/a/)",
            ],
        );
        let undated = with(entry("b", 2), |e| (e.published_at, e.updated_at) = (None, None));
        case(&atom(vec![entry("c", 3), undated]), &atom(vec![entry("c", 3)]), &[]);
    }

    #[test]
    fn archives_belong_to_the_feed_that_leads_to_them() {
        let all = atom(vec![entry("c", 3), entry("b", 2), entry("a", 1)]);
        let mut head = feed(Format::Atom, "atom.xml", vec![entry("c", 3)]);
        head.next = Some("https://example.org/archive/2026/atom.xml".to_owned());
        let mut archive = feed(Format::Atom, "archive/2026/atom.xml", vec![entry("a", 1)]);
        archive.next = Some("https://example.org/atom.xml".to_owned());
        case(&all, std::slice::from_ref(&head), &[]);
        let mut unending = head.clone();
        unending.next = unending.self_url.clone();
        case(&all, &[unending], &[]);
        head.next = archive.self_url.clone();
        case(&all, &[head.clone(), archive.clone()], &["- gone  B  (https://example.org/b/)"]);
        archive.next = None;
        case(&all, &[head.clone(), archive.clone()], &["- gone  B  (https://example.org/b/)"]);
        case(&[head, archive], &all, &["+ new  B  (https://example.org/b/)"]);
    }

    #[test]
    fn entries_older_than_the_old_feeds_are_not_news() {
        let new = atom(vec![entry("c", 3), entry("b", 2), entry("a", 1)]);
        case(
            &[],
            &new,
            &[
                "+ new  C  (https://example.org/c/)",
                "+ new  B  (https://example.org/b/)",
                "+ new  A  (https://example.org/a/)",
            ],
        );
        let diff = compare(&atom(vec![entry("c", 3)]), &new, NewSide::Newest);
        assert_eq!(
            diff.to_string(),
            "2 more entries are older than the old feeds reach back
0 new, 0 updated, 0 changed but not announced, 0 would re-surface, 0 gone
"
        );
        let diff = compare(&atom(vec![entry("c", 3), entry("b", 2)]), &new, NewSide::Newest);
        assert_eq!(diff.to_string().lines().next(), Some("1 more entry is older than the old feeds reach back"));
        case(
            &atom(vec![entry("c", 3)]),
            &atom(vec![entry("c", 3), entry("d", 3)]),
            &["+ new  D  (https://example.org/d/)"],
        );
    }

    #[test]
    fn formats_are_compared_with_themselves_where_that_is_possible() {
        let bare = || with(entry("a", 1), |e| (e.updated_at, e.content_hash) = (None, None));
        let both = |hash| {
            let rss = feed(Format::Rss, "rss.xml", vec![bare()]);
            vec![rss, feed(Format::Atom, "atom.xml", vec![with(entry("a", 1), |e| e.content_hash = Some([hash; 16]))])]
        };
        case(&both(1), &both(1), &[]);
        case(&[both(1).remove(0)], &both(1), &[]);
        case(&both(1), &both(2), &[". changed but not announced  A  (https://example.org/a/): content"]);
        // A tool that writes JSON only: summaries of two formats are not comparable, titles are by their letters.
        let json = with(entry("a", 1), |e| (e.title, e.summary) = (Text::new("“a”"), None));
        case(&[feed(Format::Json, "feed.json", vec![json])], &atom(vec![entry("a", 1)]), &[]);
    }

    #[test]
    fn an_entry_with_one_id_a_format_loses_one_of_them() {
        let rss = with(entry("a", 1), |e| e.id = Text::new("https://example.org/a/"));
        let old = [feed(Format::Rss, "rss.xml", vec![rss]), feed(Format::Atom, "atom.xml", vec![entry("a", 1)])];
        let new =
            [feed(Format::Rss, "rss.xml", vec![entry("a", 1)]), feed(Format::Atom, "atom.xml", vec![entry("a", 1)])];
        case(&old, &new, &["! would re-surface  A  (https://example.org/a/): id was `https://example.org/a/`"]);
    }

    #[test]
    fn a_page_that_many_entries_link_to_tells_nothing() {
        let link = |name: &str, day| with(entry(name, day), |e| e.url = Some("https://example.org/links/".to_owned()));
        let old = atom(vec![link("b", 2), link("a", 1)]);
        case(
            &old,
            &atom(vec![link("d", 4), link("c", 3), link("a", 1)]),
            &[
                "+ new  D  (https://example.org/links/)",
                "+ new  C  (https://example.org/links/)",
                "- gone  B  (https://example.org/links/)",
            ],
        );
    }

    #[test]
    fn it_is_also_data() {
        let new = with(entry("a", 1), |e| e.id = Text::new("id:new"));
        let diff = compare(&atom(vec![entry("a", 1)]), &atom(vec![new]), NewSide::Newest);
        assert_eq!(
            serde_json::to_value(&diff).unwrap(),
            serde_json::json!({
                "new": [], "updated": [], "changed": [], "gone": [], "older": [],
                "would_resurface": [
                    {"id": "id:new", "title": "A", "url": "https://example.org/a/", "what": ["id was `id:a`"]}
                ],
            })
        );
    }
}
