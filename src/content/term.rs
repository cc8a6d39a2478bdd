//! Terms: the values on an axis, each with one title, one slug and the posts that carry it.
//!
//! Spellings are folded, a term's own file has the last word on its title, and slugs are told apart in an order that the
//! next run repeats: who came first keeps the plain slug.

use super::slug::{distinguished, fold, slugify};
use super::term_file::TermFile;
use crate::config::Axis;
use crate::diagnostic::Spanned;
use crate::text::Text;
use foldhash::{HashMap, HashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One value on an axis.
#[derive(Clone, Debug)]
pub struct Term {
    /// The axis.
    pub axis: Axis,
    /// What its feed's folder is called. No two terms of an axis share one, not even on a disk that ignores case.
    pub slug: String,
    /// What people read.
    pub title: Text,
    /// What it is about, where its file says so.
    pub summary: Option<Text>,
    /// Everything it is known by, folded: spellings, slug, title, and for an author the id.
    pub keys: Vec<String>,
    /// The posts that carry it, as places in the collection, newest first.
    pub articles: Vec<usize>,
}

impl Term {
    /// Whether a value in a filter means this term.
    pub fn is_called(&self, value: &str) -> bool {
        let value = fold(value);
        self.keys.contains(&value)
    }
}

/// An address that a term had before, or another spelling of it: what was asked for there is now at the term's own.
#[derive(Clone, Debug)]
pub struct TermAlias {
    /// The axis.
    pub axis: Axis,
    /// The slug of the alias.
    pub old: String,
    /// The slug of the term.
    pub new: String,
    /// The alias as its file writes it, and where.
    pub spelling: Spanned<Text>,
    /// The file that says so.
    pub file: String,
}

/// How a term's value was met: in which spelling, as what, and by which posts.
#[derive(Clone, Debug)]
pub struct Mention {
    /// The axis.
    pub axis: Axis,
    /// What spellings of it meet under.
    pub key: Arc<str>,
    /// As it is to be shown.
    pub spelling: Text,
    /// The slug it asks for, where it is not made from the spelling (an author's).
    pub slug: Option<Arc<str>>,
    /// A further name, folded.
    pub name: Option<Arc<str>>,
    /// The posts, as places in the collection.
    pub articles: Vec<usize>,
}

/// The terms' own files, by what they are called.
pub struct TermFiles {
    files: Vec<(Axis, TermFile)>,
    by_name: HashMap<(Axis, String), usize>,
}

impl TermFiles {
    /// Files are known by slug, title and aliases; the first of two with one name wins.
    pub fn new(files: Vec<(Axis, TermFile)>) -> TermFiles {
        let mut by_name = HashMap::default();
        for (i, (axis, file)) in files.iter().enumerate() {
            for name in names(file) {
                by_name.entry((*axis, name)).or_insert(i);
            }
        }
        TermFiles { files, by_name }
    }

    fn get(&self, axis: Axis, key: &str) -> Option<&TermFile> {
        self.by_name.get(&(axis, key.to_string())).map(|&i| &self.files[i].1)
    }

    /// Every alias that a file names, as an address. A term that no post has goes by the slug of its file.
    pub fn aliases(&self, terms: &[Term]) -> Vec<TermAlias> {
        let of_file = |(axis, file): &(Axis, TermFile)| -> Vec<TermAlias> {
            let own = terms.iter().find(|term| term.axis == *axis && term.is_called(&file.slug.value));
            let new = own.map_or_else(|| slugify(&file.slug.value), |term| term.slug.clone());
            let alias = |spelling: &Spanned<Text>| TermAlias {
                axis: *axis,
                old: slugify(&spelling.value),
                new: new.clone(),
                spelling: spelling.clone(),
                file: file.file.clone(),
            };
            file.aliases.iter().map(alias).filter(|alias| alias.old != alias.new).collect()
        };
        self.files.iter().flat_map(of_file).collect()
    }

    /// The key of a spelling: that of the file which knows it, else its own.
    pub fn key(&self, axis: Axis, spelling: &str) -> String {
        let key = fold(spelling);
        self.get(axis, &key).map_or(key, |file| fold(&file.slug.value))
    }
}

/// All terms that were met, by axis and slug. `published` holds the posts' publication times in seconds: what came first
/// keeps its slug.
pub fn terms(mentions: Vec<Mention>, files: &TermFiles, published: &[i64]) -> Vec<Term> {
    let mut groups: HashMap<(Axis, Arc<str>), Vec<Mention>> = HashMap::default();
    for mention in mentions {
        groups.entry((mention.axis, Arc::clone(&mention.key))).or_default().push(mention);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    // In an order that does not depend on a hash map.
    groups.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let mut terms: Vec<(i64, Arc<str>, Term)> = groups
        .into_iter()
        .map(|((axis, key), mentions)| {
            let first = mentions.iter().flat_map(|m| &m.articles).map(|&i| published[i]).min().unwrap_or(i64::MAX);
            let term = term(axis, &key, mentions, files.get(axis, &key));
            (first, key, term)
        })
        .collect();
    // Who is called exactly like the slug comes before who only resembles it, then who was there first.
    terms.sort_by(|(a_first, a_key, a), (b_first, b_key, b)| {
        let by = |key: &Arc<str>, term: &Term| **key != *term.slug;
        (a.axis, by(a_key, a), a_first, a_key).cmp(&(b.axis, by(b_key, b), b_first, b_key))
    });
    let mut taken: HashSet<(Axis, String)> = HashSet::default();
    let mut out: Vec<Term> = Vec::with_capacity(terms.len());
    for (_, key, mut term) in terms {
        // Once is enough, unless somebody named a term after the hash of another.
        while !taken.insert((term.axis, term.slug.clone())) {
            term.slug = distinguished(&term.slug, &key);
        }
        term.keys.push(fold(&term.slug));
        term.keys.sort();
        term.keys.dedup();
        out.push(term);
    }
    out.sort_by(|a, b| (a.axis, &a.slug).cmp(&(b.axis, &b.slug)));
    out
}

/// Everything that a term's file calls it, folded.
fn names(file: &TermFile) -> impl Iterator<Item = String> {
    let texts = file.title.iter().chain(&file.aliases).map(|text| fold(&text.value));
    let ids = [Some(&file.slug), file.id.as_ref()].into_iter().flatten().map(|id| fold(&id.value));
    ids.chain(texts)
}

fn term(axis: Axis, key: &str, mentions: Vec<Mention>, file: Option<&TermFile>) -> Term {
    let mut spellings: BTreeMap<&Text, usize> = BTreeMap::new();
    for mention in &mentions {
        *spellings.entry(&mention.spelling).or_default() += mention.articles.len();
    }
    let frequent = spellings.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
    let spelled = frequent.map(|(text, _)| (*text).clone()).unwrap_or_default();
    let slug = match file {
        Some(file) => slugify(&file.slug.value),
        None => slugify(mentions.iter().find_map(|m| m.slug.as_deref()).unwrap_or(key)),
    };
    let mut keys: Vec<String> = vec![key.to_string()];
    keys.extend(spellings.keys().map(|s| fold(s)));
    keys.extend(
        mentions.iter().filter_map(|m| m.name.as_deref()).collect::<BTreeSet<_>>().into_iter().map(String::from),
    );
    keys.extend(file.into_iter().flat_map(names));
    let mut articles: Vec<usize> = mentions.iter().flat_map(|m| &m.articles).copied().collect();
    articles.sort_unstable();
    articles.dedup();
    Term {
        axis,
        slug,
        title: file.and_then(|f| f.title.as_ref()).map_or(spelled, |title| title.value.clone()),
        summary: file.and_then(|f| f.summary.clone()),
        keys,
        articles,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mention(axis: Axis, spelling: &str, article: usize) -> Mention {
        let spelling = Text::new(spelling);
        Mention { axis, key: fold(&spelling).into(), spelling, slug: None, name: None, articles: vec![article] }
    }

    fn slugs_and_titles(terms: &[Term]) -> Vec<(&str, &str)> {
        terms.iter().map(|t| (t.slug.as_str(), &*t.title)).collect()
    }

    #[test]
    fn a_term_is_called_by_the_slug_it_got_and_not_by_the_one_it_lost() {
        let lost = format!("privet-{}", &distinguished("x", "привет")[2..]);
        let met = ["privet", "Привет", &lost].iter().enumerate().map(|(i, s)| mention(Axis::Tag, s, i)).collect();
        let terms = terms(met, &TermFiles::new(vec![]), &[3, 2, 1]);
        let twice = distinguished(&lost, "привет");
        assert_eq!(slugs_and_titles(&terms), [("privet", "privet"), (&lost, &*lost), (&twice, "Привет")]);
        let called = |name: &str| terms.iter().filter(|t| t.is_called(name)).map(|t| &*t.title).collect::<Vec<_>>();
        assert_eq!(called("privet"), ["privet"]);
        assert_eq!(called(&twice), ["Привет"]);
        assert_eq!(called("ПРИВЕТ"), ["Привет"]);
    }

    #[test]
    fn c_and_its_sisters_are_three_terms() {
        let met = ["C", "C++", "C#", "c"].iter().enumerate().map(|(i, s)| mention(Axis::Tag, s, i)).collect();
        let terms = terms(met, &TermFiles::new(vec![]), &[4, 3, 2, 1]);
        assert_eq!(slugs_and_titles(&terms), [("c", "C"), ("c-plus-plus", "C++"), ("c-sharp", "C#")]);
        assert_eq!(terms[0].articles, [0, 3]);
    }

    #[test]
    fn the_most_frequent_spelling_is_the_title() {
        let met = ["healthcare", "Healthcare", "Healthcare"]
            .iter()
            .enumerate()
            .map(|(i, s)| mention(Axis::Category, s, i))
            .collect();
        let terms = terms(met, &TermFiles::new(vec![]), &[3, 2, 1]);
        assert_eq!(slugs_and_titles(&terms), [("healthcare", "Healthcare")]);
    }

    #[test]
    fn who_came_first_keeps_the_plain_slug() {
        let met = || vec![mention(Axis::Tag, "net!", 0), mention(Axis::Tag, ".net", 1)];
        let mut other = met();
        other.reverse();
        for met in [met(), other] {
            let terms = terms(met, &TermFiles::new(vec![]), &[200, 100]);
            assert_eq!(slugs_and_titles(&terms), [("net", ".net"), ("net-7388d4f1", "net!")]);
        }
    }
}
