//! All posts of a site: given their addresses and ids, joined with what they refer to, sorted, and indexed by term.
//!
//! Pure: the files were read before, and the time is an argument. Whatever does not fit together is a finding that points
//! at the post; nothing is left out in silence.

use super::call_to_action::CallToAction;
use super::front_matter::yaml::shown;
use super::identity::{self, Known};
use super::links;
use super::lock::Lock;
use super::people::Person;
use super::post::Post;
use super::references::{Mentions, References, same_names};
use super::slug::slugify;
use super::term::{Term, TermAlias, TermFiles, terms};
use super::term_file::TermFile;
use crate::config::{self, Axis, Config};
use crate::diagnostic::{Diagnostic, Span, Spanned, nearest};
use crate::filter::{Fields, Filter};
use crate::text::Text;
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use url::Url;

/// How long a withdrawn post leaves a stub in the feeds.
pub const STUB_DAYS: i64 = 30;

/// What was read from the content folder.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// Every post without an error.
    #[allow(clippy::vec_box, reason = "posts are large, and moved from one stage to the next")]
    pub posts: Vec<Box<Post>>,
    /// Every person.
    pub people: Vec<Person>,
    /// Every call to action.
    pub calls_to_action: Vec<CallToAction>,
    /// Every term that has a file.
    pub term_files: Vec<(Axis, TermFile)>,
}

/// All posts, newest first by publication time, ties by id.
#[derive(Debug)]
pub struct Collection {
    /// The posts, drafts and future ones included.
    pub articles: Vec<Article>,
    /// The terms of the posts that are out, by axis and slug.
    pub terms: Vec<Term>,
    /// Addresses that terms had before, and further spellings of them.
    pub aliases: Vec<TermAlias>,
    /// The calls to action.
    pub calls_to_action: Vec<CallToAction>,
    /// What every id starts with, unless it is a URI of its own.
    pub id_prefix: String,
}

/// A post with all that the collection knows of it.
#[derive(Debug)]
pub struct Article {
    /// What its file says.
    pub post: Box<Post>,
    /// Its id, which never changes.
    pub id: Text,
    /// Where it is read.
    pub url: Text,
    /// The path part of `url`.
    pub address: String,
    /// Whether it is out.
    pub state: State,
    /// When it last changed in a way that readers should be told of.
    pub updated_at: DateTime<Utc>,
    /// The terms it carries, as places in [`Collection::terms`], by axis and slug. Empty while it is not out.
    pub terms: Vec<usize>,
    /// Who wrote it, by name.
    pub authors: Vec<Author>,
    /// Posts that it names as related and that exist, as places in [`Collection::articles`].
    pub related: Vec<usize>,
    /// The call to action it names, as a place in [`Collection::calls_to_action`].
    pub call_to_action: Option<usize>,
}

/// Somebody who wrote a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// As it is shown.
    pub name: Text,
    /// A page about them, as their file gives it.
    pub url: Option<Text>,
}

/// Whether a post is out, at the time the collection was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is out.
    Published,
    /// It is not meant to be seen yet.
    Draft,
    /// Its time is still to come.
    Future,
    /// It was taken back; `stub` while feeds still say so.
    Withdrawn {
        /// Within [`STUB_DAYS`] of being taken back.
        stub: bool,
    },
}

/// A collection, the lock that goes with it, and everything that was found wrong.
#[derive(Debug)]
pub struct Gathered {
    /// The posts.
    pub collection: Collection,
    /// `tidings.lock` as it should be now.
    pub lock: Lock,
    /// Errors and warnings, in no order.
    pub findings: Vec<Diagnostic>,
}

impl Collection {
    /// Joins, checks and sorts what was read.
    pub fn gather(parts: Parts, config: &Config, lock: &Lock, now: DateTime<Utc>) -> Gathered {
        let mut findings = Vec::new();
        let Parts { mut posts, people, calls_to_action, term_files } = parts;
        posts.par_sort_by(|a, b| a.file.cmp(&b.file));
        let addresses: Vec<String> = posts.par_iter().map(|post| address(post, config)).collect();
        same_address(&posts, &addresses, lock, &mut findings);
        leaving_addresses(&posts, &addresses, &mut findings);

        let states: Vec<State> = posts.iter().map(|post| state(post, now)).collect();
        let host = config.site.url.host_str().unwrap_or("localhost");
        let known: Vec<Known> = posts
            .iter()
            .zip(&addresses)
            .zip(&states)
            .map(|((post, address), state)| Known {
                file: &post.file,
                address,
                own_id: post.id.as_ref(),
                slug: &post.slug.value,
                published_on: post.published_at.value.with_timezone(&config.site.timezone).date_naive(),
                body: post.body.hash,
                blank: post.body.blank,
                is_draft: *state == State::Draft,
                title_span: post.title.span,
            })
            .collect();
        let assigned = identity::assign(&known, lock, config.feeds.id_prefix.as_ref(), host);
        drop(known);
        findings.extend(assigned.findings);

        let mut articles: Vec<Article> = posts
            .into_par_iter()
            .zip(addresses)
            .zip(states)
            .zip(assigned.ids)
            .map(|(((post, address), state), id)| Article {
                id,
                url: absolute(config, &address),
                address,
                state,
                updated_at: updated_at(&post, now),
                terms: vec![],
                authors: vec![],
                related: vec![],
                call_to_action: None,
                post,
            })
            .collect();
        articles.par_sort_by(|a, b| {
            let times = b.post.published_at.value.cmp(&a.post.published_at.value);
            times.then_with(|| a.id.cmp(&b.id)).then_with(|| a.post.file.cmp(&b.post.file))
        });

        same_names(&people, &calls_to_action, &mut findings);
        let references = References::new(&people, &calls_to_action, &articles);
        let files = TermFiles::new(term_files);
        let mut mentions = Mentions::new(&references, &files);
        let found: Vec<_> = articles
            .par_iter()
            .map(|article| (references.look_up(article, config), unusable_addresses(article)))
            .collect();
        for (i, (article, (found, unusable))) in articles.iter_mut().zip(found).enumerate() {
            references.resolve(article, found, config, &mut findings);
            // A post taken back still counts for which term was there first: an address must not move when its stub goes.
            if matches!(article.state, State::Published | State::Withdrawn { .. }) {
                mentions.add(i, article);
            }
            findings.extend(unusable);
            let why = match article.post.updated_at.filter(|_| article.state == State::Published) {
                Some(updated) if updated < article.post.published_at.value => {
                    "before the day of publication and is not used"
                }
                Some(updated) if updated > now => "still to come and is not used until then",
                _ => continue,
            };
            findings.push(
                Diagnostic::warning(format!("`updated` is {why}")).at(&article.post.file, article.post.title.span),
            );
        }
        let published: Vec<i64> = articles.iter().map(|a| a.post.published_at.value.timestamp()).collect();
        let mut terms = terms(mentions.met, &files, &published);
        for term in &mut terms {
            term.articles.retain(|&i| articles[i].state != State::Withdrawn { stub: false });
        }
        terms.retain(|term| !term.articles.is_empty());
        for (t, term) in terms.iter().enumerate() {
            for &i in &term.articles {
                articles[i].terms.push(t);
            }
        }
        let aliases = files.aliases(&terms);
        let collection = Collection { articles, terms, aliases, calls_to_action, id_prefix: assigned.prefix };
        Gathered { collection, lock: assigned.lock, findings }
    }

    /// The posts that feeds may show, newest first: those that are out, and the stubs of those taken back.
    pub fn visible(&self) -> impl Iterator<Item = usize> {
        let shown = |a: &Article| matches!(a.state, State::Published | State::Withdrawn { stub: true });
        self.articles.iter().enumerate().filter(move |(_, a)| shown(a)).map(|(i, _)| i)
    }

    /// A warning for each term of a filter that no post has: it may be a typo, or a term still to come. `place` tells where
    /// some characters of the filter stand in the settings, `otherwise` what happens all the same.
    pub fn unknown_terms(
        &self,
        filter: &Filter,
        place: impl Fn(usize, usize) -> Option<Span>,
        otherwise: &str,
    ) -> Vec<Diagnostic> {
        let of_axis = |axis| self.terms.iter().filter(move |term| term.axis == axis);
        filter
            .terms()
            .filter(|&(axis, value, ..)| !of_axis(axis).any(|term| term.is_called(value)))
            .map(|(axis, value, column, width)| {
                let near = nearest(value, of_axis(axis).map(|term| term.slug.as_str()));
                let finding = Diagnostic::warning(format!("no post has the {} `{value}`", axis.name()));
                let hint = near.map_or_else(|| otherwise.to_owned(), |near| format!("did you mean `{near}`?"));
                let finding = match place(column, width) {
                    Some(span) => finding.at(config::FILE, span),
                    None => finding.in_file(config::FILE),
                };
                finding.hint(hint)
            })
            .collect()
    }

    /// A post as a filter sees it.
    pub fn fields<'a>(&'a self, article: usize, config: &'a Config) -> impl Fields + 'a {
        ArticleFields { collection: self, article: &self.articles[article], config }
    }
}

struct ArticleFields<'a> {
    collection: &'a Collection,
    article: &'a Article,
    config: &'a Config,
}

impl Fields for ArticleFields<'_> {
    fn has_term(&self, axis: Axis, value: &str) -> bool {
        self.article.terms.iter().map(|&t| &self.collection.terms[t]).any(|t| t.axis == axis && t.is_called(value))
    }
    fn published_at(&self) -> DateTime<Utc> {
        self.article.post.published_at.value
    }
    fn updated_at(&self) -> DateTime<Utc> {
        self.article.updated_at
    }
    fn language(&self) -> &str {
        self.article.post.lang.as_ref().map_or(&self.config.site.language, |lang| &lang.value)
    }
    fn slug(&self) -> &str {
        &self.article.post.slug.value
    }
    fn id(&self) -> &str {
        self.article.post.id.as_ref().map_or(&self.article.id, |id| &id.value)
    }
}

fn state(post: &Post, now: DateTime<Utc>) -> State {
    match post.withdrawn_at {
        _ if post.draft => State::Draft,
        _ if post.published_at.value > now => State::Future,
        Some(at) if at <= now => State::Withdrawn { stub: now - at <= TimeDelta::days(STUB_DAYS) },
        _ => State::Published,
    }
}

/// What the front matter says, but never before publication and never a time to come, which readers would keep on top; the
/// day of withdrawal for a post taken back.
fn updated_at(post: &Post, now: DateTime<Utc>) -> DateTime<Utc> {
    let published = post.published_at.value;
    match post.withdrawn_at {
        Some(at) if at <= now => at.max(published),
        _ => post.updated_at.filter(|&at| at <= now).unwrap_or(published).max(published),
    }
}

/// What is written as it is in one segment of a path (RFC 3986, `pchar`), less what shells and readers stumble over.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'\'')
    .add(b'/');

/// A path segment of an address, percent-encoded.
pub fn segment(raw: &str) -> String {
    utf8_percent_encode(raw, SEGMENT).to_string()
}

/// The path of a post's address: the site's path and its permalink.
fn address(post: &Post, config: &Config) -> String {
    let base = config.site.url.path().trim_end_matches('/');
    if let Some(own) = &post.address {
        let parts = own.value.split('/').map(|part| segment(&percent_decode_str(part).decode_utf8_lossy()));
        return format!("{base}{}", parts.collect::<Vec<_>>().join("/"));
    }
    let day = post.published_at.value.with_timezone(&config.site.timezone);
    let id = post.id.as_ref().map_or(post.slug.value.as_str(), |id| id.value.as_str());
    let category = || post.categories.first().map_or_else(|| "uncategorized".to_string(), |c| slugify(&c.value));
    let slug = || post.slug.value.split('/').map(segment).collect::<Vec<_>>().join("/");
    let parts: [(&str, &dyn Fn() -> String); 6] = [
        ("{year}", &|| format!("{:04}", day.year())),
        ("{month}", &|| format!("{:02}", day.month())),
        ("{day}", &|| format!("{:02}", day.day())),
        ("{category}", &|| segment(&category())),
        ("{id}", &|| segment(id)),
        ("{slug}", &slug),
    ];
    let mut path = Cow::Borrowed(&*config.site.permalink.value);
    for (name, value) in parts {
        if path.contains(name) {
            path = Cow::Owned(path.replace(name, &value()));
        }
    }
    format!("{base}{path}")
}

fn absolute(config: &Config, address: &str) -> Text {
    let mut url = config.site.url.clone();
    url.set_path(address);
    Text::new(url.as_str())
}

/// Warns of files and pictures that no feed can point at, so that they are not left out in silence.
fn unusable_addresses(article: &Article) -> Vec<Diagnostic> {
    let post = &article.post;
    let enclosure = post.enclosure.as_ref().map(|file| ("enclosure", &file.url));
    let featured = post.featured_image.as_ref().map(|path| ("picture", path));
    let share = post.share_image.as_ref().map(|path| ("picture", path));
    let mut named = [enclosure, featured, share].into_iter().flatten().peekable();
    if named.peek().is_none() {
        return vec![];
    }
    let Ok(page) = Url::parse(&article.url) else { return vec![] };
    let warning = |(what, path): (&str, &Spanned<Text>)| {
        let message = format!("the {what} has no address that a reader can follow: `{}`", shown(&path.value));
        let hint = "write a path or an address that starts with `https://`; it is left out";
        Diagnostic::warning(message).at(&post.file, path.span).hint(hint)
    };
    named.filter(|(_, path)| links::absolute(&path.value, &page).is_none()).map(warning).collect()
}

/// A slug cannot leave the site, but an `id` of `..` in the permalink could.
fn leaving_addresses(posts: &[Box<Post>], addresses: &[String], findings: &mut Vec<Diagnostic>) {
    for (post, address) in posts.iter().zip(addresses) {
        let Some(dots) = address.split('/').find(|part| matches!(*part, "." | "..")) else { continue };
        let span = post.id.as_ref().map_or(post.slug.span, |id| id.span);
        findings.push(
            Diagnostic::error(format!("the address `{address}` leaves its folder by `{dots}`"))
                .at(&post.file, span)
                .hint("give the post another `id`, or use `{slug}` in `permalink`"),
        );
    }
}

/// Of posts with one address all are at fault, but for the one that the lock's line of this address names.
fn same_address(posts: &[Box<Post>], addresses: &[String], lock: &Lock, findings: &mut Vec<Diagnostic>) {
    let mut seen: HashSet<&str> = HashSet::with_capacity(addresses.len());
    let twice: HashSet<&str> = addresses.iter().map(String::as_str).filter(|address| !seen.insert(address)).collect();
    let mut by_address: HashMap<&str, Vec<&Post>> = HashMap::new();
    for (address, post) in addresses.iter().zip(posts).filter(|(address, _)| twice.contains(address.as_str())) {
        by_address.entry(address).or_default().push(post);
    }
    let mut shared: Vec<_> = by_address.into_iter().collect();
    shared.sort_by_key(|(address, _)| *address);
    for (address, posts) in shared {
        let named = lock.posts.get(address).and_then(|line| line.file.as_ref());
        let holder = posts.iter().find(|post| Some(&post.file) == named);
        for post in posts.iter().filter(|post| holder.is_none_or(|holder| holder.file != post.file)) {
            let Some(other) = holder.or_else(|| posts.iter().find(|other| other.file != post.file)) else { continue };
            let span = if post.slug.span == Span::default() { post.title.span } else { post.slug.span };
            findings.push(
                Diagnostic::error(format!("two posts have the address `{address}`"))
                    .at(&post.file, span)
                    .hint(format!("the other is `{}`; give one of them another `slug`", other.file)),
            );
        }
    }
}
