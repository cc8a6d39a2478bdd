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
//! 4. the prefix, its date and its slug; a public post gets a line, so that this holds from then on.

mod uri;

use super::lock::{FILE, Line, Lock};
use crate::config;
use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::text::Text;
use chrono::{Datelike, NaiveDate};
use std::collections::{BTreeMap, HashMap, HashSet};
use uri::{id_of, minted, tag_prefix};

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
    /// [`Body::hash`](super::post::Body::hash)
    pub body: [u8; 16],
    /// Whether the body is blank: its hash then says nothing.
    pub blank: bool,
    /// Whether feeds show it now. Drafts and future posts get an id, but no line in the lock.
    pub is_public: bool,
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
/// public post; it is locked as soon as there is one, also where the settings name it, so that nobody changes it there or
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
    let ids = ids.iter().map(|id| Text::new(id)).collect();
    if !findings.is_empty() {
        return Assigned { ids, prefix, lock: lock.clone(), findings };
    }
    let is_known = lock.id_prefix.is_some() || known.iter().any(|post| post.is_public);
    let id_prefix = Some(prefix.clone()).filter(|_| is_known);
    Assigned { ids, prefix, lock: Lock { id_prefix, posts: lines }, findings }
}

/// The year of the earliest public post, or of any post where none is public yet, or 1970.
fn first_year(known: &[Known<'_>]) -> i32 {
    let earliest =
        |public: bool| known.iter().filter(|post| post.is_public || !public).map(|post| post.published_on).min();
    earliest(true).or_else(|| earliest(false)).map_or(1970, |day| day.year())
}

fn prefix_changed(known: &[Known<'_>], configured: &Spanned<String>, locked: &str) -> Diagnostic {
    let example = known
        .iter()
        .filter_map(|post| post.own_id)
        .map(|own| (id_of(locked, &own.value), id_of(&configured.value, &own.value)))
        .filter(|(old, new)| old != new)
        .min();
    let (old, new) = example.unwrap_or_else(|| (locked.to_owned(), configured.value.clone()));
    Diagnostic::error(format!("`id_prefix` would change published ids: `{old}` would become `{new}`"))
        .at(config::FILE, configured.span)
        .hint(format!(
            "write `id_prefix = \"{locked}\"`, as in {FILE}, or leave the key out;\n\
             if nothing is published yet, delete `id_prefix` from {FILE} instead"
        ))
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
        order.sort_by_key(|&i| (known[i].address, known[i].file));
        Assignment {
            known,
            lock,
            prefix,
            order,
            claims: HashMap::new(),
            ids: vec![None; known.len()],
            findings: Vec::new(),
        }
    }

    fn run(mut self) -> (Vec<String>, BTreeMap<String, Line>, Vec<Diagnostic>) {
        self.claim_by_address();
        self.claim_by_file();
        self.take_own_ids();
        self.look_for_lost_lines();
        self.mint();
        self.refuse_twins();
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
        let mut by_file: HashMap<&str, Vec<(&'a str, &'a Line)>> = HashMap::new();
        let mut bodies: HashSet<[u8; 16]> = HashSet::new();
        for (address, line) in lock.posts.iter().filter(|(address, _)| !self.claims.contains_key(address.as_str())) {
            by_file.entry(line.file.as_deref().unwrap_or_default()).or_default().push((address, line));
            bodies.extend(line.body);
        }
        for i in self.order.clone() {
            let post = &self.known[i];
            let lines = by_file.get(post.file).filter(|_| self.ids[i].is_none()).map_or(&[][..], |lines| lines);
            // Of several lines for one file, the one with the post's body, else the first by address: unless the post
            // came to this file from elsewhere, as its own id or a line with its body says.
            let same_body = lines.iter().find(|(_, line)| line.body == Some(post.body) && !post.blank);
            let came = bodies.contains(&post.body) && !post.blank;
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
        for (i, post) in self.known.iter().enumerate().filter(|(_, post)| !own_id(post).is_empty()) {
            if self.ids[i].is_none() {
                self.ids[i] = Some((id_of(self.prefix, own_id(post)), Source::Own));
            }
        }
    }

    /// Public posts that look like the post of a line which they do not get: one that nobody has, or that somebody has
    /// merely by standing at its address.
    fn look_for_lost_lines(&mut self) {
        let lock = self.lock;
        let (mut by_body, mut by_file) = (HashMap::new(), HashMap::new());
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
        for i in self.order.clone() {
            let post = &self.known[i];
            let held = match self.ids[i] {
                Some((_, Source::Line(address))) => lock.posts.get_key_value(address),
                _ => None,
            };
            if !post.is_public || held.is_some_and(|(_, line)| has_body(line, post)) {
                continue;
            }
            let own = Some(own_id(post)).filter(|own| !own.is_empty()).map(|own| id_of(self.prefix, own));
            // A post with an id of its own has no line as a rule: that somebody's post once had its body says nothing.
            let with_body = Some(&Some(post.body)).filter(|_| !post.blank).and_then(|body| by_body.get(body));
            let with_body = with_body.filter(|(_, _, holder)| holder.is_none() || held.is_some() || own.is_none());
            let fits_held = held.is_some_and(|(_, line)| fits(line, post));
            let with_file = Some(&Some(post.file)).filter(|_| !fits_held).and_then(|file| by_file.get(file));
            match (with_body.or(with_file), held) {
                // Its own id is the lost one: whoever wrote it has settled the matter.
                (Some((_, line, _)), None) if own.as_ref() == Some(&line.id) => {}
                (Some(&(address, line, holder)), _) => {
                    self.findings.push(looks_like(post, address, line, holder));
                }
                (None, Some((address, line))) if !fits_held && own.as_ref().is_some_and(|own| *own != line.id) => {
                    self.findings.push(took_address(post, address, line));
                }
                _ => {}
            }
        }
    }

    /// Public posts first, so that a draft never takes an id away from them.
    fn mint(&mut self) {
        let mut taken: HashSet<String> = self.lock.posts.values().map(|line| line.id.clone()).collect();
        taken.extend(self.ids.iter().flatten().map(|(id, _)| id.clone()));
        let (public, others): (Vec<usize>, Vec<usize>) = self.order.iter().partition(|&&i| self.known[i].is_public);
        for i in public.into_iter().chain(others) {
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

    fn refuse_twins(&mut self) {
        let mut order = self.order.clone();
        // A line was there first, then the files in their order.
        order.sort_by_key(|&i| (!matches!(self.ids[i], Some((_, Source::Line(_)))), self.known[i].file));
        let mut first: HashMap<&str, usize> = HashMap::new();
        for i in order {
            let Some((id, _)) = &self.ids[i] else { continue };
            let twin = *first.entry(id).or_insert(i);
            if twin == i {
                continue;
            }
            let (post, other) = (&self.known[i], &self.known[twin]);
            let from = match &self.ids[twin] {
                Some((_, Source::Line(address))) => format!("; it is in {FILE}, in the line of `{address}`"),
                _ => String::new(),
            };
            let span = post.own_id.map_or(post.title_span, |own| own.span);
            self.findings.push(
                Diagnostic::error(format!("two posts have the id `{id}`: this one and `{}`", other.file))
                    .at(post.file, span)
                    .hint(format!("give one of them another `id`; a reader shows only one of the two{from}")),
            );
        }
    }

    /// The lines as they should be: each with its post, new ones for posts with a minted id, and those of posts gone.
    fn lines(&self) -> BTreeMap<String, Line> {
        let mut lines = BTreeMap::new();
        for (address, line) in &self.lock.posts {
            let Some(post) = self.claims.get(address.as_str()).map(|&i| &self.known[i]) else {
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
                && post.is_public
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
    line.body.is_none_or(|body| body == post.body && !post.blank)
}

fn own_id<'a>(post: &Known<'a>) -> &'a str {
    post.own_id.map_or("", |own| own.value.trim())
}

fn line_of(post: &Known<'_>, id: String, place: Span) -> Line {
    Line { id, file: Some(post.file.to_owned()), body: (!post.blank).then_some(post.body), place }
}

/// The finding about a post that looks like the one of a lost line, with the lines that settle it.
fn looks_like(post: &Known<'_>, address: &str, line: &Line, holder: Option<&Known<'_>>) -> Diagnostic {
    let whose = match holder {
        None => format!("the post that was at `{address}`"),
        Some(holder) => format!("the post that was at `{address}`, where `{}` is now", holder.file),
    };
    let theirs = line_of(post, line.id.clone(), Span::default()).to_text(post.address);
    let otherwise = match holder {
        None => "if it is another post, delete that line".to_owned(),
        Some(holder) => format!(
            "if it is another post, put this one there instead:\n{}",
            line_of(holder, line.id.clone(), Span::default()).to_text(address)
        ),
    };
    let number = match line.place.line {
        0 => String::new(),
        number => format!(", line {number}"),
    };
    Diagnostic::error(format!("this looks like {whose}, and would get another id")).at(post.file, post.title_span).hint(
        format!(
            "if it is that post, put this line into {FILE} in place of the one of `{address}`{number}:\n\
             {theirs}\n{otherwise}"
        ),
    )
}

/// The finding about a post that has an `id` and stands at the address of a line that seems to be another's.
fn took_address(post: &Known<'_>, address: &str, line: &Line) -> Diagnostic {
    let theirs = line_of(post, line.id.clone(), Span::default()).to_text(address);
    Diagnostic::error(format!("{FILE} keeps another id for the address of this post, `{address}`"))
        .at(post.file, post.own_id.map_or(post.title_span, |own| own.span))
        .hint(format!(
            "if that id is this post's, put this line into {FILE} in place of the one of `{address}`:\n\
             {theirs}\nif it was another post's, delete that line"
        ))
}

#[cfg(test)]
mod tests;
