//! All posts of a site: given their addresses and ids, joined with what they refer to, sorted, and indexed by term.
//!
//! Pure: the files were read before, and the time is an argument. Whatever does not fit together is a finding that points
//! at the post; nothing is left out in silence.

use super::address::{absolute, address, leaving_addresses, same_address, unusable_addresses};
use super::call_to_action::CallToAction;
use super::identity::{self, Known};
use super::lock::Lock;
use super::people::Person;
use super::post::Post;
use super::references::{Mentions, References, same_names};
use super::term::{Term, TermAlias, TermFiles, terms};
use super::term_file::TermFile;
use crate::config::{self, Axis, Config};
use crate::diagnostic::{Diagnostic, Span, nearest};
use crate::filter::{Fields, Filter};
use crate::text::Text;
use chrono::{DateTime, TimeDelta, Utc};
use rayon::prelude::*;

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
        let mut found: Vec<_> = articles
            .par_iter()
            .map(|article| (references.look_up(article, config), unusable_addresses(article)))
            .collect();
        for (i, (article, (found, unusable))) in articles.iter().zip(&mut found).enumerate() {
            references.tell(article, found, config, &mut findings);
            // A post taken back still counts for which term was there first: an address must not move when its stub goes.
            if matches!(article.state, State::Published | State::Withdrawn { .. }) {
                mentions.add(i, &article.post, &found.authors);
            }
            findings.append(unusable);
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
        let met = mentions.met;
        for (article, (found, _)) in articles.iter_mut().zip(found) {
            (article.authors, article.call_to_action, article.related) =
                (found.authors, found.call_to_action, found.related);
        }
        let published: Vec<i64> = articles.iter().map(|a| a.post.published_at.value.timestamp()).collect();
        let mut terms = terms(met, &files, &published);
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
