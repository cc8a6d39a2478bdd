//! Which posts were out and are no more, because no file has them; and which feeds.
//!
//! A post that its file takes back is another matter: a draft, one whose time is still to come and a withdrawn one are held
//! back, and one with errors is left out; each of those has its own words.

use super::plan::Remembered;
use crate::content::collection::{Article, Collection, State};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use xxhash_rust::xxh3::Xxh3;

/// Folders of feeds that were written once and that no feed has now: those known as such `before`, and what the last build
/// wrote (`was`) and this one (`is`) does not.
pub fn feeds(
    before: &BTreeSet<String>,
    was: &BTreeMap<String, Remembered>,
    is: &BTreeMap<String, Remembered>,
) -> BTreeSet<String> {
    before.iter().chain(was.keys()).filter(|folder| !is.contains_key(*folder)).cloned().collect()
}

/// A post that feeds told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Out<'a> {
    /// Its title.
    pub title: Cow<'a, str>,
    /// Its id, by which it is known at another address.
    pub id: Cow<'a, str>,
    /// Its file, from the site's root.
    pub file: Cow<'a, str>,
}

/// Posts that feeds told of, by address.
pub type Told<'a> = BTreeMap<Cow<'a, str>, Out<'a>>;

/// The posts that feeds tell of now, as a number: while it is the same, none is gone and none is new.
pub fn number(collection: &Collection) -> u128 {
    let mut number = Xxh3::new();
    for article in shown(collection) {
        let parts = [&article.address, &*article.post.title.value, &*article.id, &article.post.file];
        for part in parts {
            number.update(part.as_bytes());
            // No text has this byte.
            number.update(&[0xff]);
        }
    }
    number.digest128()
}

fn shown(collection: &Collection) -> impl Iterator<Item = &Article> {
    let is_shown = |article: &&Article| matches!(article.state, State::Published | State::Withdrawn { stub: true });
    collection.articles.iter().filter(is_shown)
}

/// The posts that feeds tell of now, by address, and those that are gone since `before`, as address and title. A post of
/// `before` whose file is in `left_out` is there still.
pub fn since<'a>(
    before: &'a Told<'_>,
    collection: &'a Collection,
    left_out: &BTreeSet<String>,
) -> (Told<'a>, Vec<(String, String)>) {
    let articles = &collection.articles;
    let mut now: Told = shown(collection)
        .map(|article| {
            let of = |text: &'a str| Cow::Borrowed(text);
            let (title, id, file) = (of(&article.post.title.value), of(&article.id), of(&article.post.file));
            (of(&article.address), Out { title, id, file })
        })
        .collect();
    let mut gone = Vec::new();
    let missing: Vec<_> = before.iter().filter(|(address, _)| !now.contains_key(*address)).collect();
    if missing.is_empty() {
        return (now, gone);
    }
    let addresses: HashSet<&str> = articles.iter().map(|article| article.address.as_str()).collect();
    let ids: HashSet<&str> = articles.iter().map(|article| article.id.as_str()).collect();
    let files: HashSet<&str> = articles.iter().map(|article| article.post.file.as_str()).collect();
    for (address, post) in missing {
        if addresses.contains(&**address) || ids.contains(&*post.id) || files.contains(&*post.file) {
            continue;
        }
        if left_out.contains(&*post.file) {
            now.insert(address.clone(), post.clone());
        } else {
            gone.push((address.to_string(), post.title.to_string()));
        }
    }
    (now, gone)
}
