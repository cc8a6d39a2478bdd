//! Keeping the ids that another tool's feeds have published.
//!
//! A reader shows an entry with an id that it does not know as new, so a site that changes its tool floods everybody,
//! unless its posts keep the ids they went out under. This file finds the post that each published entry was. It changes
//! no id itself, and it guesses only where exactly one post can be meant.

use super::Format;
use super::read::{Published, PublishedEntry};
use crate::diagnostic::Diagnostic;
use chrono::{DateTime, NaiveDate, Utc};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use unicode_normalization::UnicodeNormalization;
use url::Url;

/// A post that may have been published before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The path of its permalink, such as `/blog/spring-sale/`. No two candidates share one.
    pub address: String,
    /// Its slug; the part after the last `/` counts.
    pub slug: String,
    /// Its day, in the site's time zone.
    pub published_on: NaiveDate,
    /// Its title, plain text.
    pub title: String,
    /// Its file, for messages.
    pub file: String,
}

/// How a post was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The entry links to the path that the post still has.
    ByPermalink,
    /// The last part of the entry's path is the post's slug, and their days are at most one apart.
    BySlugAndDate,
    /// The titles have the same letters, and their days are at most one apart.
    ByTitleAndDate,
}

/// A post and the id it keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Adopted {
    /// The path of the post's permalink.
    pub address: String,
    /// The id that readers know it by.
    pub id: String,
    /// How the two were brought together.
    pub how: How,
}

/// A post that was published under several ids, of which it can keep one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeveralIds {
    /// The path of the post's permalink.
    pub address: String,
    /// Its file.
    pub file: String,
    /// The id it keeps.
    pub kept: String,
    /// The others, sorted.
    pub lost: Vec<String>,
}

/// An id that several posts were published under. None of them keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contested {
    /// The id.
    pub id: String,
    /// The files of the posts, sorted.
    pub files: Vec<String>,
}

/// A published entry that no post was found for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// Its id.
    pub id: String,
    /// Its title; may be empty.
    pub title: String,
    /// Where it was read.
    pub url: Option<String>,
}

/// What became of all published entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Adoption {
    /// Posts that keep an id, by address.
    pub adopted: Vec<Adopted>,
    /// Posts with more than one id, by address.
    pub several: Vec<SeveralIds>,
    /// Ids with more than one post, by id.
    pub contested: Vec<Contested>,
    /// Entries without a post, in the order of the feeds, each id once. An old entry of a post that is gone is nothing unusual.
    pub unmatched: Vec<Unmatched>,
}

/// Finds the post of each published entry.
///
/// First by the path of the permalink: host, scheme, slashes at the end or doubled, `index.html`, `.html` and the way of
/// percent-encoding do not matter. Then, for entries not matched yet, by the last part of the path and the day, then by
/// the title and the day, each only where exactly one post fits; a day may be off by one, for time zones. An address with
/// a fragment (`#comment-7`) is a place in a page and never taken for the page.
///
/// A post with several ids, say since its RSS `guid` and its Atom `id` differ, keeps one, chosen so that few readers see
/// it again. A surer match comes first. A reader follows one feed, so what counts is to stay with the same feeds for all posts: the format that
/// carries most entries of such posts, over all documents, wins (RSS before Atom before JSON where they carry the same
/// number, since most subscriptions are to RSS); within that format the id in most documents; then the least id.
pub fn matches(feeds: &[Published], posts: &[Candidate]) -> Adoption {
    let traces = traces(feeds);
    let mut found: Vec<Option<(usize, How)>> = vec![None; traces.len()];
    let mut contested: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let index = Index::new(posts);
    for how in [How::ByPermalink, How::BySlugAndDate, How::ByTitleAndDate] {
        for (i, trace) in traces.iter().enumerate() {
            if found[i].is_some() || contested.contains_key(trace.id) {
                continue;
            }
            let fits: BTreeSet<usize> = trace.entries.iter().filter_map(|(_, entry)| index.find(entry, how)).collect();
            match fits.len() {
                0 => {}
                1 => found[i] = fits.first().map(|&post| (post, how)),
                _ => {
                    contested.insert(trace.id, fits);
                }
            }
        }
    }
    let mut by_post: BTreeMap<usize, Vec<(usize, How)>> = BTreeMap::new();
    for (i, hit) in found.iter().enumerate() {
        if let Some((post, how)) = *hit {
            by_post.entry(post).or_default().push((i, how));
        }
    }
    let mut adoption = Adoption::default();
    let order = format_order(&traces, &by_post);
    for (&post, hits) in &by_post {
        let best = hits.iter().map(|&(_, how)| how).min().unwrap_or(How::ByTitleAndDate);
        let strongest = hits.iter().filter(|&&(_, how)| how == best);
        let kept = strongest.min_by_key(|&&(i, _)| {
            let trace = &traces[i];
            (order.iter().position(|&format| trace.carried(format) > 0), Reverse(trace.entries.len()), trace.id)
        });
        let Some(&(kept, how)) = kept else { continue };
        let address = posts[post].address.clone();
        let mut lost: Vec<String> =
            hits.iter().filter(|&&(i, _)| i != kept).map(|&(i, _)| traces[i].id.to_owned()).collect();
        lost.sort();
        let id = traces[kept].id.to_owned();
        if !lost.is_empty() {
            let file = posts[post].file.clone();
            adoption.several.push(SeveralIds { address: address.clone(), file, kept: id.clone(), lost });
        }
        adoption.adopted.push(Adopted { address, id, how });
    }
    adoption.adopted.sort_by(|a, b| a.address.cmp(&b.address));
    adoption.several.sort_by(|a, b| a.address.cmp(&b.address));
    adoption.contested = contested.iter().map(|(id, fits)| contest(id, fits, posts)).collect();
    let lost = traces.iter().zip(&found).filter(|(trace, hit)| hit.is_none() && !contested.contains_key(trace.id));
    adoption.unmatched = lost.map(|(trace, _)| trace.unmatched()).collect();
    adoption
}

impl Adoption {
    /// What the writer should know: a warning for each post with several ids, and one for each contested id.
    pub fn findings(&self) -> Vec<Diagnostic> {
        let several = self.several.iter().map(|several| {
            let lost: Vec<String> = several.lost.iter().map(|id| format!("`{id}`")).collect();
            Diagnostic::warning(format!(
                "the post was published under {} ids; it keeps `{}`",
                lost.len() + 1,
                several.kept
            ))
            .in_file(&several.file)
            .hint(format!("readers who know it as {} will see it once more", lost.join(" or ")))
        });
        let contested = self.contested.iter().map(|contested| {
            let files: Vec<String> = contested.files.iter().map(|file| format!("`{file}`")).collect();
            Diagnostic::warning(format!(
                "the id `{}` belongs to {} posts; none of them keeps it",
                contested.id,
                files.len()
            ))
            .hint(format!("give it as `id` to the right one of {}", files.join(" and ")))
        });
        several.chain(contested).collect()
    }

    /// One line that says what was done, such as `3 ids kept: 2 by permalink, 1 by slug and date, 0 by title and date; 4
    /// entries have no post`.
    pub fn summary(&self) -> String {
        let count = |how: How| self.adopted.iter().filter(|adopted| adopted.how == how).count();
        let (ids, entries) = (self.adopted.len(), self.unmatched.len());
        format!(
            "{ids} {} kept: {} by permalink, {} by slug and date, {} by title and date; {entries} {} no post",
            if ids == 1 { "id" } else { "ids" },
            count(How::ByPermalink),
            count(How::BySlugAndDate),
            count(How::ByTitleAndDate),
            if entries == 1 { "entry has" } else { "entries have" },
        )
    }
}

/// All that the feeds say about one id: an entry for each document that carries it.
struct Trace<'a> {
    id: &'a str,
    entries: Vec<(Format, &'a PublishedEntry)>,
}

impl Trace<'_> {
    fn carried(&self, format: Format) -> usize {
        self.entries.iter().filter(|(f, _)| *f == format).count()
    }

    fn unmatched(&self) -> Unmatched {
        let title = self.entries.iter().map(|(_, entry)| &entry.title).find(|title| !title.is_empty());
        Unmatched {
            id: self.id.to_owned(),
            title: title.map(|title| title.to_string()).unwrap_or_default(),
            url: self.entries.iter().find_map(|(_, entry)| entry.url.clone()),
        }
    }
}

/// The ids in the order of the feeds.
fn traces(feeds: &[Published]) -> Vec<Trace<'_>> {
    let mut traces: Vec<Trace<'_>> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for feed in feeds {
        for entry in &feed.entries {
            let at = *known.entry(entry.id.as_str()).or_insert_with(|| {
                traces.push(Trace { id: entry.id.as_str(), entries: Vec::new() });
                traces.len() - 1
            });
            traces[at].entries.push((feed.format, entry));
        }
    }
    traces
}

/// Which format's ids are kept: the one that carries most entries of posts with several ids comes first.
fn format_order(traces: &[Trace<'_>], by_post: &BTreeMap<usize, Vec<(usize, How)>>) -> Vec<Format> {
    let several = || by_post.values().filter(|hits| hits.len() > 1).flatten();
    let carried = |format| several().map(|&(i, _)| traces[i].carried(format)).sum::<usize>();
    let mut order = vec![Format::Rss, Format::Atom, Format::Json];
    order.sort_by_key(|&format| Reverse(carried(format)));
    order
}

fn contest(id: &str, fits: &BTreeSet<usize>, posts: &[Candidate]) -> Contested {
    let mut files: Vec<String> = fits.iter().map(|&post| posts[post].file.clone()).collect();
    files.sort();
    Contested { id: id.to_owned(), files }
}

/// The posts by what they can be found by.
struct Index<'a> {
    posts: &'a [Candidate],
    by_path: BTreeMap<String, usize>,
    by_slug: BTreeMap<String, Vec<usize>>,
    by_title: BTreeMap<String, Vec<usize>>,
}

impl<'a> Index<'a> {
    fn new(posts: &'a [Candidate]) -> Index<'a> {
        let mut index = Index { posts, by_path: BTreeMap::new(), by_slug: BTreeMap::new(), by_title: BTreeMap::new() };
        for (i, post) in posts.iter().enumerate() {
            index.by_path.extend(path_key(&post.address).map(|key| (key, i)));
            let slug = path_key(&format!("/{}", post.slug)).as_deref().map(last_part);
            index.by_slug.entry(slug.unwrap_or_default()).or_default().push(i);
            index.by_title.entry(title_key(&post.title)).or_default().push(i);
        }
        index
    }

    fn find(&self, entry: &PublishedEntry, how: How) -> Option<usize> {
        let path = || path_key(entry.url.as_deref()?);
        let at = entry.published_at.or(entry.updated_at);
        match how {
            How::ByPermalink => self.by_path.get(&path()?).copied(),
            How::BySlugAndDate => {
                let slug = last_part(&path()?);
                if slug.is_empty() { None } else { self.only(self.by_slug.get(&slug)?, at?) }
            }
            How::ByTitleAndDate => {
                let title = title_key(&entry.title);
                if title.is_empty() { None } else { self.only(self.by_title.get(&title)?, at?) }
            }
        }
    }

    /// The only post of that day, or of a day beside it.
    fn only(&self, posts: &[usize], at: DateTime<Utc>) -> Option<usize> {
        let day = at.date_naive();
        let mut near = posts.iter().filter(|&&i| (self.posts[i].published_on - day).num_days().abs() <= 1);
        near.next().filter(|_| near.next().is_none()).copied()
    }
}

/// What is left of a page's address when all that does not tell pages apart is gone; `None` for what is no page.
///
/// A query counts only where the path says nothing (`https://example.org/?p=12`).
pub(super) fn path_key(address: &str) -> Option<String> {
    // Paths alone are read as if on some host.
    let url = Url::parse(address).or_else(|_| Url::parse("http://host.invalid/")?.join(address)).ok()?;
    let is_place = url.fragment().is_some_and(|fragment| !fragment.is_empty() && !fragment.starts_with("utm_"));
    if !matches!(url.scheme(), "http" | "https") || is_place {
        return None;
    }
    let path = percent_decode_str(url.path()).decode_utf8_lossy();
    let path: String = path.nfc().collect();
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if let Some(last) = parts.pop() {
        let bare = last.strip_suffix(".html").or_else(|| last.strip_suffix(".htm")).unwrap_or(last);
        parts.extend(Some(bare).filter(|&name| name != "index" || bare == last).filter(|&name| name != "index.php"));
    }
    match (parts.is_empty(), url.query()) {
        (true, Some(query)) => Some(format!("?{query}")),
        _ => Some(parts.join("/")),
    }
}

/// The last part of a path key, without the date that some tools put before the slug.
fn last_part(key: &str) -> String {
    let last = key.rsplit('/').next().unwrap_or(key);
    match last.get(..11) {
        Some(day) if day.ends_with('-') && NaiveDate::parse_from_str(&day[..10], "%Y-%m-%d").is_ok() => {
            last[11..].to_owned()
        }
        _ => last.to_owned(),
    }
}

/// The letters and digits of a title, in lower case: nothing else is told apart, since tools differ in quotes, dashes and
/// in how often they escape `&`.
pub(super) fn title_key(title: &str) -> String {
    let mut bare = String::new();
    for (i, part) in title.split('&').enumerate() {
        let name = part.split(';').next().unwrap_or_default();
        let is_reference = i > 0 && name.len() < part.len() && name.chars().all(|c| c.is_alphanumeric() || c == '#');
        bare.push_str(if is_reference { &part[name.len()..] } else { part });
    }
    let folded: String = bare.nfkc().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect();
    if folded.is_empty() { title.trim().to_owned() } else { folded }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;

    fn entry(id: &str, url: &str, title: &str, at: &str) -> PublishedEntry {
        PublishedEntry {
            id: Text::new(id),
            url: Some(url.to_owned()).filter(|url| !url.is_empty()),
            title: Text::new(title),
            published_at: DateTime::parse_from_rfc3339(at).ok().map(|at| at.to_utc()),
            updated_at: None,
            content_hash: None,
            summary: None,
            language: None,
        }
    }

    fn feed(format: Format, entries: Vec<PublishedEntry>) -> Published {
        Published {
            source: "feed".to_owned(),
            format,
            title: Text::default(),
            description: Text::default(),
            language: None,
            self_url: None,
            next: None,
            entries,
            without_id: 0,
        }
    }

    fn post(address: &str, title: &str, day: &str) -> Candidate {
        let slug = address.trim_matches('/').rsplit('/').next().unwrap().to_owned();
        let file = format!("content/posts/{slug}.md");
        Candidate {
            address: address.to_owned(),
            slug,
            published_on: day.parse().unwrap(),
            title: title.to_owned(),
            file,
        }
    }

    fn ids(adoption: &Adoption) -> Vec<(&str, &str)> {
        adoption.adopted.iter().map(|adopted| (adopted.address.as_str(), adopted.id.as_str())).collect()
    }

    #[test]
    fn an_entry_is_found_by_permalink_then_slug_and_date_then_title_and_date() {
        #[track_caller]
        fn case(entry: PublishedEntry, want: Option<How>) {
            let posts = [
                post("/blog/spring-sale/", "Spring sale: it’s here", "2026-03-02"),
                post("/blog/caf%C3%A9/", "Café", "2026-03-09"),
                post("/a/twin/", "Twin", "2026-04-01"),
                post("/b/twin/", "Twin", "2026-04-02"),
            ];
            let adoption = matches(&[feed(Format::Rss, vec![entry.clone()])], &posts);
            assert_eq!(adoption.adopted.first().map(|adopted| adopted.how), want, "{entry:?}");
            assert_eq!(adoption.unmatched.len(), usize::from(want.is_none()), "{entry:?}");
        }
        let at = |url| entry("x", url, "", "");
        case(at("https://example.org/blog/spring-sale/"), Some(How::ByPermalink));
        case(at("http://www.example.net/blog//spring-sale"), Some(How::ByPermalink));
        case(at("https://example.org/blog/spring-sale.html"), Some(How::ByPermalink));
        case(at("https://example.org/blog/spring-sale/index.html?utm_source=rss#utm_medium=x"), Some(How::ByPermalink));
        case(at("/blog/spring-sale/"), Some(How::ByPermalink));
        case(at("https://example.org/blog/caf%c3%a9"), Some(How::ByPermalink));
        case(at("https://example.org/blog/café/"), Some(How::ByPermalink));
        case(at("https://example.org/blog/cafe\u{301}/"), Some(How::ByPermalink));
        case(at("https://example.org/blog/spring-sale/#comment-7"), None);
        case(at("https://example.org/blog/"), None);
        case(at("tag:example.org,2026:/blog/spring-sale/"), None);
        case(at(""), None);
        let dated = |url, at| entry("x", url, "", at);
        case(dated("https://example.org/2026/03/02/spring-sale", "2026-03-02T09:00:00Z"), Some(How::BySlugAndDate));
        case(
            dated("https://example.org/2026-03-02-spring-sale.html", "2026-03-03T01:00:00Z"),
            Some(How::BySlugAndDate),
        );
        case(dated("https://example.org/p/spring-sale", "2026-03-01T23:00:00Z"), Some(How::BySlugAndDate));
        case(dated("https://example.org/p/spring-sale", "2026-03-04T00:00:00Z"), None);
        case(dated("https://example.org/p/spring-sale", ""), None);
        case(dated("https://example.org/p/twin", "2026-04-01T00:00:00Z"), None);
        case(dated("https://example.org/p/twin", "2026-03-31T00:00:00Z"), Some(How::BySlugAndDate));
        let titled = |title, at| entry("x", "https://example.org/?p=7", title, at);
        case(titled("Spring Sale - it's here", "2026-03-02T09:00:00Z"), Some(How::ByTitleAndDate));
        case(titled("Spring sale: it&#8217;s here", "2026-03-02T09:00:00Z"), Some(How::ByTitleAndDate));
        case(titled("Spring sale: it's here", "2026-03-20T09:00:00Z"), None);
        case(titled("Twin", "2026-04-02T09:00:00Z"), None);
        case(titled("", "2026-03-02T09:00:00Z"), None);
    }

    #[test]
    fn of_several_ids_the_format_that_carries_most_is_kept_for_all_posts() {
        #[track_caller]
        fn case(feeds: &[Published], want: &[(&str, &str)]) {
            let posts = [post("/a/", "A", "2026-03-01"), post("/b/", "B", "2026-03-02")];
            let adoption = matches(feeds, &posts);
            assert_eq!(ids(&adoption), want);
            let reversed: Vec<Published> = feeds.iter().rev().cloned().collect();
            assert_eq!(matches(&reversed, &posts).adopted, adoption.adopted);
        }
        let (a, b) = ("https://example.org/a/", "https://example.org/b/");
        let rss = || feed(Format::Rss, vec![entry("rss:a", a, "", ""), entry("rss:b", b, "", "")]);
        let atom = || feed(Format::Atom, vec![entry("atom:a", a, "", ""), entry("atom:b", b, "", "")]);
        let one = || feed(Format::Atom, vec![entry("atom:a", a, "", "")]);
        let json = || feed(Format::Json, vec![entry("json:a", a, "", "")]);
        case(&[rss(), atom()], &[("/a/", "rss:a"), ("/b/", "rss:b")]);
        case(&[rss(), atom(), one()], &[("/a/", "atom:a"), ("/b/", "atom:b")]);
        case(&[rss(), one()], &[("/a/", "rss:a"), ("/b/", "rss:b")]);
        case(&[one(), json()], &[("/a/", "atom:a")]);
        let other = || feed(Format::Rss, vec![entry("http:a", a, "", "")]);
        case(&[other(), rss(), rss()], &[("/a/", "rss:a"), ("/b/", "rss:b")]);
        case(&[other(), rss()], &[("/a/", "http:a"), ("/b/", "rss:b")]);
    }

    #[test]
    fn a_surer_match_is_kept_before_a_more_frequent_one() {
        let posts = [post("/blog/a/", "A", "2026-03-01")];
        let sure = entry("sure", "https://example.org/blog/a/", "", "");
        let guess = entry("guess", "https://example.org/a", "", "2026-03-01T00:00:00Z");
        let feeds = [feed(Format::Atom, vec![sure]), feed(Format::Rss, vec![guess.clone(), guess])];
        let adoption = matches(&feeds, &posts);
        assert_eq!(ids(&adoption), [("/blog/a/", "sure")]);
        assert_eq!(adoption.several[0].lost, ["guess"]);
    }

    #[test]
    fn what_cannot_be_decided_is_said() {
        let posts = [post("/a/", "A", "2026-03-01"), post("/b/", "B", "2026-03-02"), post("/c/", "C", "2026-03-03")];
        let feeds = [
            feed(
                Format::Rss,
                vec![
                    entry("shared", "https://example.org/b/", "B", ""),
                    entry("shared", "https://example.org/a/", "A", ""),
                    entry("rss:c", "https://example.org/c/", "C", ""),
                    entry("gone", "https://example.org/gone/", "Gone", "2026-03-03T00:00:00Z"),
                ],
            ),
            feed(
                Format::Atom,
                vec![
                    entry("atom:c", "https://example.org/c/", "C", ""),
                    entry("gone", "https://example.org/gone/", "Gone", ""),
                ],
            ),
        ];
        let adoption = matches(&feeds, &posts);
        assert_eq!(ids(&adoption), [("/c/", "rss:c")]);
        let findings: Vec<String> = adoption.findings().iter().map(|finding| finding.render(None)).collect();
        assert_eq!(
            findings,
            [
                "warning: the post was published under 2 ids; it keeps `rss:c`
 --> content/posts/c.md
hint: readers who know it as `atom:c` will see it once more
",
                "warning: the id `shared` belongs to 2 posts; none of them keeps it
hint: give it as `id` to the right one of `content/posts/a.md` and `content/posts/b.md`
",
            ]
        );
        let url = Some("https://example.org/gone/".to_owned());
        assert_eq!(adoption.unmatched, [Unmatched { id: "gone".to_owned(), title: "Gone".to_owned(), url }]);
        assert_eq!(
            adoption.summary(),
            "1 id kept: 1 by permalink, 0 by slug and date, 0 by title and date; 1 entry has no post"
        );
        assert_eq!(
            Adoption::default().summary(),
            "0 ids kept: 0 by permalink, 0 by slug and date, 0 by title and date; 0 entries have no post"
        );
    }

    #[test]
    fn titles_are_compared_by_letters_and_digits() {
        #[track_caller]
        fn case(title: &str, want: &str) {
            assert_eq!(title_key(title), want, "{title}");
        }
        case("AT&T – “it’s 5G”", "attits5g");
        case("AT&amp;T – &#8220;it&#x2019;s 5G&#8221;", "attits5g");
        case("Ｆｕｌｌ Wídth", "fullwídth");
        case("שלום", "שלום");
        case(" 🎉 ", "🎉");
        case("", "");
        case("&", "&");
        case("a & b; c", "abc");
    }
}
