//! Who gets which id. An id never changes and is never given twice (RFC 4287, section 4.2.6).
//!
//! Pure: posts and the lock as it is go in, ids and the lock as it should be come out. Where a post looks like one that
//! was published under another id, this file refuses to choose: that is a finding, and it shows the line that settles it.
//!
//! A post's id is, in this order:
//! 1. the one in the lock's line for its address;
//! 2. the one in the line for its file, when no post is at that line's address any more: the post has a new slug, and
//!    the line gets the new address (unless its own `id` or its body says that it came to this file from elsewhere);
//! 3. the prefix and the `id` of its front matter, or that `id` alone when it is a URI already;
//! 4. the prefix, its date and its slug; every post but a draft gets a line, so that this holds from then on.

mod refusals;
mod uri;

use super::lock::{Line, Lock};
use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::text::Text;
use chrono::{Datelike, NaiveDate};
use foldhash::fast::RandomState;
use foldhash::{HashMap, HashSet};
use rayon::prelude::*;
use refusals::{id_of_a_feed, looks_like, other_days_post, prefix_changed, took_address, twin};
use std::collections::BTreeMap;
use uri::{day_of, id_of, minted, tag_prefix};

/// What decides a post's id.
#[derive(Clone, Debug)]
pub struct Known<'a> {
    /// Path from the site's root, with `/`.
    pub file: &'a str,
    /// The path of its permalink, percent-encoded, such as `/blog/spring-sale/`.
    pub address: &'a str,
    /// `id` of its front matter.
    pub own_id: Option<&'a Spanned<String>>,
    /// Its slug.
    pub slug: &'a str,
    /// The day of its publication, in the site's zone.
    pub published_on: NaiveDate,
    /// [`Body::hash`](super::post::Body::hash); all have it that are not blank, where the lock has lines.
    pub body: Option<[u8; 16]>,
    /// Whether it is not meant to be seen yet. A draft gets an id, but no line in the lock; a post whose time is still to
    /// come gets its line at once, so that the lock does not change by time passing.
    pub is_draft: bool,
    /// The place of its title.
    pub title_span: Span,
}

/// The outcome of [`assign`].
#[derive(Clone, Debug)]
pub struct Assigned {
    /// The id of each post, in the order in which the posts were given.
    pub ids: Vec<Text>,
    /// What ids start with.
    pub prefix: String,
    /// The lock as it should be now; as it was while there are findings.
    pub lock: Lock,
    /// Errors, in the order of the posts' files.
    pub findings: Vec<Diagnostic>,
}

/// Gives every post its id.
///
/// The prefix is the one of the settings, else the lock's, else `tag:HOST,YEAR:` (RFC 4151) with the year of the earliest
/// post that is no draft; it is locked as soon as there is one, also where the settings name it, so that nobody changes it there or
/// takes it out without being told what this would do to ids. The order of `known` makes no difference but to the order of the
/// ids, and the lock that comes out gives the same lock and the same ids again.
///
/// Lines of posts that are gone stay in the lock, so that nobody else gets their ids.
pub fn assign(known: &[Known<'_>], lock: &Lock, configured_prefix: Option<&Spanned<String>>, host: &str) -> Assigned {
    let mut findings = Vec::new();
    let prefix = match (configured_prefix, &lock.id_prefix) {
        (Some(configured), Some(locked)) => {
            if configured.value != *locked {
                findings.push(prefix_changed(known, configured, locked));
            }
            locked.clone()
        }
        (Some(configured), None) => configured.value.clone(),
        (None, Some(locked)) => locked.clone(),
        (None, None) => tag_prefix(host, first_year(known)),
    };
    let (ids, lines, more) = Assignment::new(known, lock, &prefix).run();
    findings.extend(more);
    findings.sort_by(|a, b| (&a.place, &a.message).cmp(&(&b.place, &b.message)));
    let ids = ids.par_iter().map(|id| Text::new(id)).collect();
    if !findings.is_empty() {
        return Assigned { ids, prefix, lock: lock.clone(), findings };
    }
    let is_known = lock.id_prefix.is_some() || known.iter().any(|post| !post.is_draft);
    let id_prefix = Some(prefix.clone()).filter(|_| is_known);
    Assigned { ids, prefix, lock: Lock { id_prefix, posts: lines }, findings }
}

/// The year of the earliest post that is no draft, or of any post where all are drafts, or 1970.
fn first_year(known: &[Known<'_>]) -> i32 {
    let earliest =
        |drafts: bool| known.iter().filter(|post| drafts || !post.is_draft).map(|post| post.published_on).min();
    earliest(false).or_else(|| earliest(true)).map_or(1970, |day| day.year())
}

/// How a post came to its id.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source<'a> {
    /// The lock's line of this address.
    Line(&'a str),
    Own,
    Minted,
}

/// The work of [`assign`], one step after the other; posts are known by their places in `known`.
struct Assignment<'a> {
    known: &'a [Known<'a>],
    lock: &'a Lock,
    prefix: &'a str,
    /// All posts, by address and file: the order in which everything is decided.
    order: Vec<usize>,
    /// Which post has which line, by the line's address in the old lock.
    claims: HashMap<&'a str, usize>,
    /// The id of each post so far, and where it is from.
    ids: Vec<Option<(String, Source<'a>)>>,
    findings: Vec<Diagnostic>,
}

impl<'a> Assignment<'a> {
    fn new(known: &'a [Known<'a>], lock: &'a Lock, prefix: &'a str) -> Assignment<'a> {
        let mut order: Vec<usize> = (0..known.len()).collect();
        order.par_sort_unstable_by_key(|&i| (known[i].address, known[i].file));
        Assignment {
            known,
            lock,
            prefix,
            order,
            claims: HashMap::default(),
            ids: vec![None; known.len()],
            findings: Vec::new(),
        }
    }

    fn run(mut self) -> (Vec<String>, BTreeMap<String, Line>, Vec<Diagnostic>) {
        // A site whose posts all carry ids of their own has no lines.
        if !self.lock.posts.is_empty() {
            self.claim_by_address();
            self.claim_by_file();
        }
        self.take_own_ids();
        if !self.lock.posts.is_empty() {
            self.look_for_lost_lines();
        }
        self.mint();
        self.refuse_twins();
        self.refuse_ids_of_feeds();
        let lines = self.lines();
        let ids = self.ids.into_iter().map(|id| id.map(|(id, _)| id).unwrap_or_default()).collect();
        (ids, lines, self.findings)
    }

    fn claim(&mut self, i: usize, address: &'a str, line: &'a Line) {
        self.claims.insert(address, i);
        self.ids[i] = Some((line.id.clone(), Source::Line(address)));
    }

    fn claim_by_address(&mut self) {
        let mut order = self.order.clone();
        // Two posts with one address are somebody else's finding; the one that the line names comes first.
        order.sort_by_key(|&i| {
            let post = &self.known[i];
            let line = self.lock.posts.get(post.address);
            (post.address, line.and_then(|line| line.file.as_deref()) != Some(post.file), post.file)
        });
        for i in order {
            let lock = self.lock;
            if let Some((address, line)) = lock.posts.get_key_value(self.known[i].address)
                && !self.claims.contains_key(address.as_str())
            {
                self.claim(i, address, line);
            }
        }
    }

    fn claim_by_file(&mut self) {
        let lock = self.lock;
        let mut by_file: HashMap<&str, Vec<(&'a str, &'a Line)>> = HashMap::default();
        let mut bodies: HashSet<[u8; 16]> = HashSet::default();
        for (address, line) in lock.posts.iter().filter(|(address, _)| !self.claims.contains_key(address.as_str())) {
            by_file.entry(line.file.as_deref().unwrap_or_default()).or_default().push((address, line));
            bodies.extend(line.body);
        }
        for i in self.order.clone() {
            let post = &self.known[i];
            let lines = by_file.get(post.file).filter(|_| self.ids[i].is_none()).map_or(&[][..], |lines| lines);
            // Of several lines for one file, the one with the post's body, else the first by address: unless the post
            // came to this file from elsewhere, as its own id or a line with its body says.
            let same_body = lines.iter().find(|(_, line)| line.body.is_some() && line.body == post.body);
            let came = post.body.is_some_and(|body| bodies.contains(&body));
            let edited = lines.first().filter(|(_, line)| {
                let own = own_id(post);
                line.body.is_none() || !came && (own.is_empty() || id_of(self.prefix, own) == line.id)
            });
            if let Some(&(address, line)) = same_body.or(edited)
                && !self.claims.contains_key(address)
            {
                self.claim(i, address, line);
            }
        }
    }

    fn take_own_ids(&mut self) {
        let prefix = self.prefix;
        self.ids.par_iter_mut().zip(self.known).filter(|(id, _)| id.is_none()).for_each(|(id, post)| {
            let own = own_id(post);
            *id = (!own.is_empty()).then(|| (id_of(prefix, own), Source::Own));
        });
    }

    /// Posts that look like the post of a line which they do not get: one that nobody has, or that somebody has merely by
    /// standing at its address; and posts that get a line by nothing but its address.
    fn look_for_lost_lines(&mut self) {
        let lock = self.lock;
        let (mut by_body, mut by_file) = (HashMap::default(), HashMap::default());
        let (held, free): (Vec<_>, Vec<_>) =
            lock.posts.iter().partition(|(address, _)| self.claims.contains_key(address.as_str()));
        for (address, line) in free.into_iter().chain(held) {
            let holder = self.claims.get(address.as_str()).map(|&i| &self.known[i]);
            if holder.is_none_or(|holder| !has_body(line, holder)) {
                by_body.entry(line.body).or_insert((address, line, holder));
            }
            if holder.is_none_or(|holder| !fits(line, holder)) {
                by_file.entry(line.file.as_deref()).or_insert((address, line, holder));
            }
        }
        // Lines whose post is gone with its file, by the day of their ids: renamed and edited at once, it may be the post
        // that would get an id of this day now.
        let files: HashSet<&str> = self.known.iter().map(|post| post.file).collect();
        let mut by_day = HashMap::default();
        for (address, line) in lock.posts.iter().filter(|(address, _)| !self.claims.contains_key(address.as_str())) {
            let is_gone = line.file.as_deref().is_some_and(|file| !files.contains(file));
            if let Some(day) = day_of(self.prefix, &line.id).filter(|_| is_gone) {
                by_day.entry(day).or_insert((address, line, None));
            }
        }
        let (mut taken_over, mut pointed_at) = (Vec::new(), HashSet::default());
        for i in self.order.clone() {
            let post = &self.known[i];
            let held = match self.ids[i] {
                Some((_, Source::Line(address))) => lock.posts.get_key_value(address),
                _ => None,
            };
            if post.is_draft || held.is_some_and(|(_, line)| has_body(line, post)) {
                continue;
            }
            let own = Some(own_id(post)).filter(|own| !own.is_empty()).map(|own| id_of(self.prefix, own));
            // A post with an id of its own has no line as a rule: that somebody's post once had its body says nothing.
            let with_body = Some(&post.body).filter(|body| body.is_some()).and_then(|body| by_body.get(body));
            let with_body = with_body.filter(|(_, _, holder)| holder.is_none() || held.is_some() || own.is_none());
            let fits_held = held.is_some_and(|(_, line)| fits(line, post));
            let with_file = Some(&Some(post.file)).filter(|_| !fits_held).and_then(|file| by_file.get(file));
            let with_day = Some(&post.published_on).filter(|_| self.ids[i].is_none()).and_then(|day| by_day.get(day));
            match (with_body.or(with_file).or(with_day), held) {
                // Its own id is the lost one: whoever wrote it has settled the matter.
                (Some((_, line, _)), None) if own.as_ref() == Some(&line.id) => {}
                (Some(&(address, line, holder)), _) => {
                    pointed_at.insert(address);
                    self.findings.push(looks_like(post, address, line, holder));
                }
                (None, Some((address, line))) if !fits_held && own.as_ref().is_some_and(|own| *own != line.id) => {
                    self.findings.push(took_address(post, address, line));
                }
                (None, Some((address, line)))
                    if !fits_held && own.is_none() && other_day(self.prefix, line, post.published_on) =>
                {
                    taken_over.push((post, address, line));
                }
                _ => {}
            }
        }
        // Where somebody else looks like the line's post, settling that settles both.
        let taken_over = taken_over.into_iter().filter(|(_, address, _)| !pointed_at.contains(address));
        self.findings.extend(taken_over.map(|(post, address, line)| other_days_post(post, address, line)));
    }

    /// Drafts last, so that none takes an id away from another post.
    fn mint(&mut self) {
        if self.ids.iter().all(Option::is_some) {
            return;
        }
        let mut taken: HashSet<String> = self.lock.posts.values().map(|line| line.id.clone()).collect();
        taken.extend(self.ids.iter().flatten().map(|(id, _)| id.clone()));
        let (drafts, others): (Vec<usize>, Vec<usize>) = self.order.iter().partition(|&&i| self.known[i].is_draft);
        for i in others.into_iter().chain(drafts) {
            if self.ids[i].is_some() {
                continue;
            }
            let post = &self.known[i];
            let first = minted(self.prefix, post.published_on, post.slug);
            let id = std::iter::once(first.clone())
                .chain((2..).map(|n: u64| format!("{first}-{n}")))
                .find(|id| !taken.contains(id))
                .unwrap_or(first);
            taken.insert(id.clone());
            self.ids[i] = Some((id, Source::Minted));
        }
    }

    /// Of posts with one id all are at fault, but for the one that has it from the lock: it was there first.
    fn refuse_twins(&mut self) {
        let ids = || self.ids.iter().enumerate().filter_map(|(i, id)| Some((i, id.as_ref()?.0.as_str())));
        let mut seen: HashSet<&str> = HashSet::with_capacity_and_hasher(self.ids.len(), RandomState::default());
        let twice: HashSet<&str> = ids().map(|(_, id)| id).filter(|id| !seen.insert(id)).collect();
        let mut by_id: HashMap<&str, Vec<usize>> = HashMap::default();
        for (i, id) in ids().filter(|(_, id)| twice.contains(id)) {
            by_id.entry(id).or_default().push(i);
        }
        for (id, mut twins) in by_id {
            twins.sort_by_key(|&i| self.known[i].file);
            let holder = twins.iter().copied().find_map(|i| match self.ids[i] {
                Some((_, Source::Line(address))) => Some((i, address)),
                _ => None,
            });
            for &i in twins.iter().filter(|&&i| holder.is_none_or(|(holder, _)| holder != i)) {
                let other =
                    holder.map(|(i, _)| i).or_else(|| twins.iter().copied().find(|&twin| twin != i)).unwrap_or(i);
                let address = holder.map(|(_, address)| address);
                self.findings.push(twin(&self.known[i], id, self.known[other].file, address));
            }
        }
    }

    /// Feeds have ids, too.
    fn refuse_ids_of_feeds(&mut self) {
        let feeds = format!("{}feed/", self.prefix);
        for (id, post) in self.ids.iter().zip(self.known) {
            if let Some((id, Source::Own)) = id
                && id.starts_with(&feeds)
            {
                self.findings.push(id_of_a_feed(post, id, &feeds));
            }
        }
    }

    /// The lines as they should be: each with its post, new ones for posts with a minted id, and those of posts gone.
    fn lines(&self) -> BTreeMap<String, Line> {
        let mut lines = BTreeMap::new();
        for (address, line) in &self.lock.posts {
            // A draft that has nothing but the address in common leaves no traces, else it would pass for the line's post
            // on the day it comes out.
            let holder = self.claims.get(address.as_str()).map(|&i| &self.known[i]);
            let Some(post) = holder.filter(|post| !post.is_draft || fits(line, post)) else {
                lines.insert(address.clone(), line.clone());
                continue;
            };
            // Where two posts have one address, which is somebody else's finding, no line is lost over it.
            let is_free = !self.lock.posts.contains_key(post.address) && !lines.contains_key(post.address);
            let key = if is_free { post.address } else { address };
            lines.insert(key.to_owned(), line_of(post, line.id.clone(), line.place));
        }
        for &i in &self.order {
            let post = &self.known[i];
            if let Some((id, Source::Minted)) = &self.ids[i]
                && !post.is_draft
            {
                lines.entry(post.address.to_owned()).or_insert_with(|| line_of(post, id.clone(), Span::default()));
            }
        }
        lines
    }
}

/// Whether a line may be this post's: it has its file or its body, or does not say.
fn fits(line: &Line, post: &Known<'_>) -> bool {
    line.file.as_deref().is_none_or(|file| file == post.file) || has_body(line, post)
}

/// Whether a line has the post's body, or does not say.
fn has_body(line: &Line, post: &Known<'_>) -> bool {
    line.body.is_none_or(|body| Some(body) == post.body)
}

/// Whether a line's id was made for another day.
fn other_day(prefix: &str, line: &Line, day: NaiveDate) -> bool {
    day_of(prefix, &line.id).is_some_and(|other| other != day)
}

fn own_id<'a>(post: &Known<'a>) -> &'a str {
    post.own_id.map_or("", |own| own.value.trim())
}

fn line_of(post: &Known<'_>, id: String, place: Span) -> Line {
    Line { id, file: Some(post.file.to_owned()), body: post.body, place }
}

#[cfg(test)]
mod tests;
