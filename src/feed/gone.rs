//! Which posts were out and are no more, because no file has them; and which feeds.
//!
//! A post that its file takes back is another matter: a draft, one whose time is still to come and a withdrawn one are held
//! back, and one with errors is left out; each of those has its own words.

use super::plan::Remembered;
use crate::content::collection::{Collection, State};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
pub struct Out {
    /// Its title.
    pub title: String,
    /// Its id, by which it is known at another address.
    pub id: String,
    /// Its file, from the site's root.
    pub file: String,
}

/// The posts that feeds tell of now, by address, and those that are gone since `before`, as address and title. A post of
/// `before` whose file is in `left_out` is there still.
pub fn since(
    before: &BTreeMap<String, Out>,
    collection: &Collection,
    left_out: &BTreeSet<String>,
) -> (BTreeMap<String, Out>, Vec<(String, String)>) {
    let articles = &collection.articles;
    let addresses: BTreeSet<&str> = articles.iter().map(|article| article.address.as_str()).collect();
    let ids: BTreeSet<&str> = articles.iter().map(|article| article.id.as_str()).collect();
    let files: BTreeSet<&str> = articles.iter().map(|article| article.post.file.as_str()).collect();
    let mut now: BTreeMap<String, Out> = articles
        .iter()
        .filter(|article| matches!(article.state, State::Published | State::Withdrawn { stub: true }))
        .map(|article| {
            let (id, file) = (article.id.to_string(), article.post.file.clone());
            (article.address.clone(), Out { title: article.post.title.value.to_string(), id, file })
        })
        .collect();
    let mut gone = Vec::new();
    for (address, post) in before {
        if addresses.contains(address.as_str()) || ids.contains(post.id.as_str()) || files.contains(post.file.as_str())
        {
            continue;
        }
        if left_out.contains(&post.file) {
            now.insert(address.clone(), post.clone());
        } else {
            gone.push((address.clone(), post.title.clone()));
        }
    }
    (now, gone)
}
