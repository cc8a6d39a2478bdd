//! What posts refer to by name: people, calls to action, other posts, terms.
//!
//! A reference to nobody is a warning at the place where it stands, with the nearest name that exists: the post can still be
//! published.

use super::call_to_action::CallToAction;
use super::collection::{Article, Author};
use super::people::Person;
use super::slug::fold;
use super::term::{Mention, TermFiles};
use crate::config::{Axis, Config};
use crate::diagnostic::{Diagnostic, Spanned, nearest};
use crate::text::Text;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

/// For how many references to nobody of each kind the name that was meant is looked for.
const GUESSES: usize = 100;

/// People and calls to action that share an id: the first by file name is the one that posts get.
pub(super) fn same_names(people: &[Person], calls: &[CallToAction], findings: &mut Vec<Diagnostic>) {
    let people = people.iter().filter_map(|p| Some((p.id.as_ref()?, &p.file)));
    let calls = calls.iter().filter_map(|c| Some((c.id.as_ref()?, &c.file)));
    for (what, ids) in [("people", people.collect::<Vec<_>>()), ("calls to action", calls.collect())] {
        let mut first: HashMap<&str, &str> = HashMap::new();
        for (id, file) in ids {
            if let Some(other) = first.insert(&id.value, file) {
                findings.push(
                    Diagnostic::warning(format!("two {what} have the id `{}`", id.value))
                        .at(file, id.span)
                        .hint(format!("the other is `{other}`, and posts that name the id get that one")),
                );
                first.insert(&id.value, other);
            }
        }
    }
}

/// What posts may refer to, by every name it goes by.
pub(super) struct References<'a> {
    people: HashMap<String, &'a Person>,
    calls: HashMap<&'a str, usize>,
    authors: Guesses,
    calls_known: Guesses,
    posts_known: Guesses,
    /// Slugs that several people have, folded.
    shared_slugs: HashSet<String>,
    posts: HashMap<String, usize>,
}

impl<'a> References<'a> {
    /// The same name for two things means the first: ids before slugs before names, files in their order.
    pub(super) fn new(people: &'a [Person], calls: &'a [CallToAction], articles: &[Article]) -> References<'a> {
        let mut by_name: HashMap<String, &Person> = HashMap::new();
        // An id means one person only; slugs and names are a courtesy and yield to it.
        for person in people {
            if let Some(id) = &person.id {
                by_name.entry(fold_exact(&id.value)).or_insert(person);
            }
        }
        for person in people {
            by_name.entry(fold(&person.slug)).or_insert(person);
            by_name.entry(fold(&person.name)).or_insert(person);
        }
        let mut call_names: HashMap<&str, usize> = HashMap::new();
        for (i, call) in calls.iter().enumerate() {
            if let Some(id) = &call.id {
                call_names.entry(&id.value).or_insert(i);
            }
        }
        for (i, call) in calls.iter().enumerate() {
            call_names.entry(&call.slug).or_insert(i);
        }
        let mut posts = HashMap::new();
        for (i, article) in articles.iter().enumerate() {
            if let Some(id) = &article.post.id {
                posts.entry(id.value.clone()).or_insert(i);
            }
        }
        for (i, article) in articles.iter().enumerate() {
            posts.entry(article.post.slug.value.clone()).or_insert(i);
        }
        let mut slugs: HashMap<String, usize> = HashMap::new();
        for person in people {
            *slugs.entry(fold(&person.slug)).or_default() += 1;
        }
        slugs.retain(|_, count| *count > 1);
        let names = |names: Vec<&str>| {
            let mut names: Vec<String> = names.into_iter().map(String::from).collect();
            // In an order that does not depend on a hash map.
            names.sort_unstable();
            Guesses { names, left: Cell::new(GUESSES) }
        };
        References {
            authors: names(people.iter().map(|person| person.slug.as_str()).collect()),
            calls_known: names(call_names.keys().copied().collect()),
            posts_known: names(posts.keys().map(String::as_str).collect()),
            people: by_name,
            calls: call_names,
            posts,
            shared_slugs: slugs.into_keys().collect(),
        }
    }

    fn person(&self, name: &str) -> Option<&'a Person> {
        self.people.get(&fold_exact(name)).or_else(|| self.people.get(&fold(name))).copied()
    }

    /// Puts into a post what it refers to, and says what does not exist.
    pub(super) fn resolve(&self, article: &mut Article, config: &Config, findings: &mut Vec<Diagnostic>) {
        let post = &article.post;
        let mut unknown = |what: &str, value: &Spanned<Text>, near: Option<&str>, there: &str| {
            let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            let finding = Diagnostic::warning(format!("post names an unknown {what} `{}`", value.value));
            findings.push(finding.at(&post.file, value.span).hint(format!("{near}{there}")));
        };
        for name in &post.authors {
            match self.person(&name.value) {
                Some(person) => article.authors.push(Author { name: person.name.clone(), url: person.url.clone() }),
                None => {
                    if !self.people.is_empty() {
                        let folders = folders(config, &config.content.people);
                        let there = format!("authors are the files in {folders}");
                        unknown("author", name, self.authors.nearest(&name.value), &there);
                    }
                    if self.people.is_empty() || !looks_like_an_id(&name.value) {
                        article.authors.push(Author { name: name.value.clone(), url: None });
                    }
                }
            }
        }
        if let Some(name) = &post.call_to_action {
            article.call_to_action = self.calls.get(&*name.value).copied();
            if article.call_to_action.is_none() {
                let folders = folders(config, &config.content.calls_to_action);
                let there = format!("calls to action are the files in {folders}, named by their `id`");
                unknown("call to action", name, self.calls_known.nearest(&name.value), &there);
            }
        }
        for name in &post.related {
            match self.posts.get(&*name.value) {
                Some(&i) => article.related.push(i),
                None => {
                    unknown(
                        "related post",
                        name,
                        self.posts_known.nearest(&name.value),
                        "posts are named by their `id` or slug",
                    );
                }
            }
        }
        if article.authors.is_empty()
            && let Some(author) = &config.site.author
        {
            article.authors.push(Author { name: author.clone(), url: None });
        }
    }
}

/// An id is compared letter by letter; the mark in front keeps it apart from folded names.
fn fold_exact(id: &str) -> String {
    format!("={id}")
}

/// Names that a reference to nobody may have meant.
struct Guesses {
    names: Vec<String>,
    left: Cell<usize>,
}

impl Guesses {
    /// The nearest name, for the first [`GUESSES`] that ask: each is held against all names, and a site that was moved here
    /// may have as many dangling references as posts.
    fn nearest(&self, name: &str) -> Option<&str> {
        self.left.set(self.left.get().checked_sub(1)?);
        nearest(name, self.names.iter().map(String::as_str))
    }
}

fn folders(config: &Config, dirs: &[String]) -> String {
    let named: Vec<String> = dirs.iter().map(|d| format!("`{}`", config.content.below(d))).collect();
    named.join(", ")
}

/// Whether a name that nobody has is a key of some database rather than a name: long, without spaces, with digits or
/// capitals inside. Readers are spared it.
fn looks_like_an_id(name: &str) -> bool {
    name.len() >= 12
        && name.chars().all(|c| c.is_ascii_alphanumeric())
        && name.chars().any(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
}

/// The terms that a post carries, as it spells them.
pub(super) fn mention(i: usize, article: &Article, references: &References, files: &TermFiles, out: &mut Vec<Mention>) {
    let post = &article.post;
    let axes = [(Axis::Category, &post.categories), (Axis::Topic, &post.topics), (Axis::Tag, &post.tags)];
    for (axis, values) in axes {
        for value in values {
            let key = files.key(axis, &value.value);
            out.push(Mention { axis, key, spelling: value.value.clone(), slug: None, names: vec![], article: i });
        }
    }
    for name in &post.authors {
        match references.person(&name.value) {
            Some(person) => out.push(Mention {
                axis: Axis::Author,
                // Two people with one slug are two authors all the same; the later one's feed is told apart.
                key: match references.shared_slugs.contains(&fold(&person.slug)) {
                    true => fold(&person.file),
                    false => fold(&person.slug),
                },
                spelling: person.name.clone(),
                slug: Some(person.slug.clone()),
                names: person.id.iter().map(|id| fold(&id.value)).collect(),
                article: i,
            }),
            None if article.authors.iter().any(|a| a.name == name.value) => out.push(Mention {
                axis: Axis::Author,
                key: fold(&name.value),
                spelling: name.value.clone(),
                slug: None,
                names: vec![],
                article: i,
            }),
            None => {}
        }
    }
}
