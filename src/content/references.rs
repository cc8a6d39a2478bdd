//! What posts refer to by name: people, calls to action, other posts, terms.
//!
//! A reference to nobody is a warning at the place where it stands, with the nearest name that exists: the post can still be
//! published.

use super::call_to_action::CallToAction;
use super::collection::{Article, Author};
use super::people::Person;
use super::post::Post;
use super::slug::fold;
use super::term::{Mention, TermFiles};
use crate::config::{Axis, Config};
use crate::diagnostic::{Diagnostic, Spanned, nearest};
use crate::text::Text;
use foldhash::fast::RandomState;
use foldhash::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// For how many references to nobody of each kind the name that was meant is looked for.
const GUESSES: usize = 100;

/// People and calls to action that share an id: the first by file name is the one that posts get.
pub(super) fn same_names(people: &[Person], calls: &[CallToAction], findings: &mut Vec<Diagnostic>) {
    let people = people.iter().filter_map(|p| Some((p.id.as_ref()?, &p.file)));
    let calls = calls.iter().filter_map(|c| Some((c.id.as_ref()?, &c.file)));
    for (what, ids) in [("people", people.collect::<Vec<_>>()), ("calls to action", calls.collect())] {
        let mut first: HashMap<&str, &str> = HashMap::default();
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
    /// By id, letter by letter.
    people: HashMap<&'a str, &'a Person>,
    /// The same by what slug and name fold to: a courtesy that yields to ids.
    named: HashMap<String, &'a Person>,
    /// What authors go by in addresses.
    slugs: Vec<&'a str>,
    calls: HashMap<&'a str, usize>,
    authors: Guesses,
    calls_known: Guesses,
    posts_known: Guesses,
    /// Slugs that several people have, folded.
    shared_slugs: HashSet<String>,
    posts: HashMap<&'a str, usize>,
}

impl<'a> References<'a> {
    /// The same name for two things means the first: ids before slugs before names, files in their order.
    pub(super) fn new(people: &'a [Person], calls: &'a [CallToAction], articles: &'a [Article]) -> References<'a> {
        let (mut by_id, mut by_name) = (HashMap::<&str, _>::default(), HashMap::<String, _>::default());
        for person in people {
            if let Some(id) = &person.id {
                by_id.entry(&*id.value).or_insert(person);
            }
            by_name.entry(fold(&person.slug)).or_insert(person);
            by_name.entry(fold(&person.name)).or_insert(person);
        }
        let mut call_names: HashMap<&str, usize> = HashMap::default();
        for (i, call) in calls.iter().enumerate() {
            if let Some(id) = &call.id {
                call_names.entry(&id.value).or_insert(i);
            }
        }
        for (i, call) in calls.iter().enumerate() {
            call_names.entry(&call.slug).or_insert(i);
        }
        let mut posts = HashMap::with_capacity_and_hasher(2 * articles.len(), RandomState::default());
        for (i, article) in articles.iter().enumerate() {
            if let Some(id) = &article.post.id {
                posts.entry(&*id.value).or_insert(i);
            }
        }
        for (i, article) in articles.iter().enumerate() {
            posts.entry(&*article.post.slug.value).or_insert(i);
        }
        let mut slugs: HashMap<String, usize> = HashMap::default();
        for person in people {
            *slugs.entry(fold(&person.slug)).or_default() += 1;
        }
        slugs.retain(|_, count| *count > 1);
        References {
            authors: Guesses::default(),
            calls_known: Guesses::default(),
            posts_known: Guesses::default(),
            slugs: people.iter().map(|person| person.slug.as_str()).collect(),
            people: by_id,
            named: by_name,
            calls: call_names,
            posts,
            shared_slugs: slugs.into_keys().collect(),
        }
    }

    fn person(&self, name: &str) -> Option<&'a Person> {
        self.people.get(name).or_else(|| self.named.get(&fold(name))).copied()
    }

    /// What a post refers to, and what of it does not exist.
    pub(super) fn look_up(&self, article: &Article, config: &Config) -> Found {
        let post = &article.post;
        let mut found = Found::default();
        for name in &post.authors {
            match self.person(&name.value) {
                Some(person) => found.authors.push(Author { name: person.name.clone(), url: person.url.clone() }),
                None => {
                    if !self.slugs.is_empty() {
                        found.unknown.push((Kind::Author, name.clone()));
                    }
                    if self.slugs.is_empty() || !looks_like_an_id(&name.value) {
                        found.authors.push(Author { name: name.value.clone(), url: None });
                    }
                }
            }
        }
        if let Some(name) = &post.call_to_action {
            found.call_to_action = self.calls.get(&*name.value).copied();
            if found.call_to_action.is_none() {
                found.unknown.push((Kind::CallToAction, name.clone()));
            }
        }
        for name in &post.related {
            match self.posts.get(&*name.value) {
                Some(&i) => found.related.push(i),
                None => found.unknown.push((Kind::Post, name.clone())),
            }
        }
        if found.authors.is_empty()
            && let Some(author) = &config.site.author
        {
            found.authors.push(Author { name: author.clone(), url: None });
        }
        found
    }

    /// Says which of the things do not exist that a post refers to.
    pub(super) fn tell(&self, article: &Article, found: &Found, config: &Config, findings: &mut Vec<Diagnostic>) {
        for (kind, value) in &found.unknown {
            let name = &*value.value;
            let (what, near, there) = match kind {
                Kind::Author => {
                    let there = format!("authors are the files in {}", folders(config, &config.content.people));
                    ("author", self.authors.nearest(name, &self.slugs), there)
                }
                Kind::CallToAction => {
                    let folders = folders(config, &config.content.calls_to_action);
                    let there = format!("calls to action are the files in {folders}, named by their `id`");
                    ("call to action", self.calls_known.nearest(name, self.calls.keys()), there)
                }
                Kind::Post => {
                    let there = "posts are named by their `id` or slug".to_owned();
                    ("related post", self.posts_known.nearest(name, self.posts.keys()), there)
                }
            };
            let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            let finding = Diagnostic::warning(format!("post names an unknown {what} `{name}`"));
            findings.push(finding.at(&article.post.file, value.span).hint(format!("{near}{there}")));
        }
    }
}

/// What a post refers to.
#[derive(Default)]
pub(super) struct Found {
    pub(super) authors: Vec<Author>,
    pub(super) call_to_action: Option<usize>,
    pub(super) related: Vec<usize>,
    /// What does not exist, in the order of the front matter's fields.
    unknown: Vec<(Kind, Spanned<Text>)>,
}

/// What a reference leads to.
#[derive(Clone, Copy)]
enum Kind {
    Author,
    CallToAction,
    Post,
}

/// Names that a reference to nobody may have meant.
struct Guesses {
    /// In an order that does not depend on a hash map; made when somebody asks.
    names: OnceLock<Vec<String>>,
    left: AtomicUsize,
}

impl Default for Guesses {
    fn default() -> Guesses {
        Guesses { names: OnceLock::new(), left: AtomicUsize::new(GUESSES) }
    }
}

impl Guesses {
    /// The nearest name, for the first [`GUESSES`] that ask: each is held against all names, and a site that was moved here
    /// may have as many dangling references as posts.
    fn nearest(&self, name: &str, known: impl IntoIterator<Item = impl AsRef<str>>) -> Option<&str> {
        self.left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).ok()?;
        let names = self.names.get_or_init(|| {
            let mut names: Vec<String> = known.into_iter().map(|name| name.as_ref().to_owned()).collect();
            names.sort_unstable();
            names
        });
        nearest(name, names.iter().map(String::as_str))
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

/// The terms that posts carry, as they spell them. What is made of a spelling is made once.
pub(super) struct Mentions<'a> {
    references: &'a References<'a>,
    files: &'a TermFiles,
    /// By axis and spelling, where in `met` it is.
    spellings: HashMap<Axis, HashMap<Text, usize>>,
    /// By the name of an author, where in `met` the person is; none for a name that is nobody's.
    people: HashMap<Text, Option<usize>>,
    /// The same for authors of whom there is no more than a name.
    strangers: HashMap<Text, usize>,
    /// All that was met so far, each spelling once.
    pub(super) met: Vec<Mention>,
}

impl<'a> Mentions<'a> {
    /// None yet.
    pub(super) fn new(references: &'a References<'a>, files: &'a TermFiles) -> Mentions<'a> {
        let (spellings, people, strangers) = (HashMap::default(), HashMap::default(), HashMap::default());
        Mentions { references, files, spellings, people, strangers, met: vec![] }
    }

    /// Adds those of a post, whose shown authors are these.
    pub(super) fn add(&mut self, i: usize, post: &Post, authors: &[Author]) {
        let axes = [(Axis::Category, &post.categories), (Axis::Topic, &post.topics), (Axis::Tag, &post.tags)];
        for (axis, values) in axes.into_iter().filter(|(_, values)| !values.is_empty()) {
            let known = self.spellings.entry(axis).or_default();
            for value in values {
                let spelling = &value.value;
                let at = known.get(spelling).copied().unwrap_or_else(|| {
                    let key = self.files.key(axis, spelling).into();
                    let at = meet(&mut self.met, spelled(axis, key, spelling));
                    known.insert(spelling.clone(), at);
                    at
                });
                self.met[at].articles.push(i);
            }
        }
        for name in post.authors.iter().map(|name| &name.value) {
            let person = self.people.get(name).copied().unwrap_or_else(|| {
                let at = person(name, self.references).map(|person| meet(&mut self.met, person));
                self.people.insert(name.clone(), at);
                at
            });
            let is_shown = || authors.iter().any(|author| author.name == *name);
            let stranger = || {
                self.strangers.get(name).copied().unwrap_or_else(|| {
                    let at = meet(&mut self.met, spelled(Axis::Author, fold(name).into(), name));
                    self.strangers.insert(name.clone(), at);
                    at
                })
            };
            if let Some(at) = person.or_else(|| is_shown().then(stranger)) {
                self.met[at].articles.push(i);
            }
        }
    }
}

/// Adds a spelling, and tells its place.
fn meet(met: &mut Vec<Mention>, mention: Mention) -> usize {
    met.push(mention);
    met.len() - 1
}

/// A spelling that no post has yet.
fn spelled(axis: Axis, key: Arc<str>, spelling: &Text) -> Mention {
    Mention { axis, key, spelling: spelling.clone(), slug: None, name: None, articles: vec![] }
}

/// A person as an author, where the name is one of theirs.
fn person(name: &str, references: &References) -> Option<Mention> {
    let person = references.person(name)?;
    let slug = fold(&person.slug);
    Some(Mention {
        axis: Axis::Author,
        // Two people with one slug are two authors all the same; the later one's feed is told apart.
        key: if references.shared_slugs.contains(&slug) { fold(&person.file).into() } else { slug.into() },
        spelling: person.name.clone(),
        slug: Some(person.slug.as_str().into()),
        name: person.id.as_ref().map(|id| fold(&id.value).into()),
        articles: vec![],
    })
}
