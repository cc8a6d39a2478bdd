//! Whether published entries keep their ids.
//!
//! The feeds in the output folder are what readers have, as far as this machine knows. An entry there that would come out
//! under the same address with another id would be shown to everybody once more, so it is a finding. Pure: somebody else
//! has read the feeds. How far they reach back is how far this sees.

use super::adopt::path_key;
use super::read::Published;
use crate::content::collection::{Article, Collection, State};
use crate::content::lock::{FILE, Line, Lock};
use crate::content::post::Post;
use crate::diagnostic::Diagnostic;
use std::collections::{BTreeMap, HashSet};

/// An error for each post whose entry had another id in `old`, by file.
///
/// None for an entry whose old id another post has now: there the post moved, and this one came to its address. And none
/// where an id that tidings had made gives way to one from the lock that it cannot have made: that is what adopting the
/// feeds of another tool is for, also after a first build.
///
/// `hash` knows the hash of a post's body.
pub fn changed_ids(
    old: &[Published],
    collection: &Collection,
    lock: &Lock,
    hash: impl Fn(&Post) -> Option<[u8; 16]>,
) -> Vec<Diagnostic> {
    let ids: HashSet<&str> = collection.articles.iter().map(|article| article.id.as_str()).collect();
    let mut lost =
        old.iter().flat_map(|feed| &feed.entries).filter(|entry| !ids.contains(entry.id.as_str())).peekable();
    if lost.peek().is_none() {
        return vec![];
    }
    let mut pages: BTreeMap<String, Vec<&Article>> = BTreeMap::new();
    let shown = |article: &&Article| matches!(article.state, State::Published | State::Withdrawn { stub: true });
    for article in collection.articles.iter().filter(shown) {
        pages.entry(path_key(&article.url).unwrap_or_default()).or_default().push(article);
    }
    let mut changed: BTreeMap<(&str, &str), &Article> = BTreeMap::new();
    for entry in lost {
        let page = entry.url.as_deref().and_then(path_key).filter(|page| !page.is_empty());
        // Pages that several posts share tell nothing.
        let Some([article]) = page.and_then(|page| pages.get(&page)).map(Vec::as_slice) else { continue };
        let prefix = collection.id_prefix.as_str();
        let is_locked = lock.posts.get(&article.address).is_some_and(|line| line.id == article.id.as_str());
        let adopted = is_locked && !article.id.starts_with(prefix) && entry.id.starts_with(prefix);
        if !adopted {
            changed.insert((&article.post.file, entry.id.as_str()), article);
        }
    }
    changed.into_iter().map(|((_, was), article)| finding(article, was, hash(&article.post), lock)).collect()
}

fn finding(article: &Article, was: &str, hash: Option<[u8; 16]>, lock: &Lock) -> Diagnostic {
    let post = &article.post;
    let line = Line::of(was, &post.file, hash).to_text(&article.address);
    let instead = match lock.posts.contains_key(&article.address) {
        true => " in place of the one of this address",
        false => "",
    };
    let span = post.id.as_ref().map_or(post.title.span, |id| id.span);
    Diagnostic::error(format!("the id of a published post would change: `{was}` would become `{}`", article.id))
        .at(&post.file, span)
        .hint(format!(
            "readers would see the post as new; to keep its id, put this line into {FILE}{instead}:\n\
             {line}\n\
             if the new id is right all the same, run `tidings build --new-ids` once"
        ))
}
