//! What a feed is made of, as a number: equal numbers mean equal files, for one program and one set of settings.
//!
//! Everything goes in that an entry, a head or an archive is made from, and no part is left out in silence: what a post or an
//! article has besides is named here as not used. Sizes of files that entries name are not part of it; they are kept beside it.

use super::plan::Planned;
use crate::content::collection::{Article, Collection};
use chrono::{DateTime, Datelike, Utc};
use rayon::prelude::*;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

/// The numbers of feeds.
pub struct Sameness<'a> {
    collection: &'a Collection,
    /// For each post that some feed is made of, its own number.
    articles: Vec<Option<u128>>,
}

impl<'a> Sameness<'a> {
    /// Prepares the numbers of some feeds.
    pub fn new(collection: &'a Collection, feeds: &[Planned]) -> Sameness<'a> {
        let mut used = vec![false; collection.articles.len()];
        for feed in feeds {
            members(feed).iter().for_each(|&i| used[i] = true);
        }
        let number = |(article, used): (&Article, &bool)| used.then(|| of_article(article, collection));
        let articles = collection.articles.par_iter().zip(&used).map(number).collect();
        Sameness { collection, articles }
    }

    /// The number of a feed.
    pub fn of(&self, planned: &Planned) -> u128 {
        #[derive(Serialize)]
        struct Made<'a> {
            folder: &'a str,
            kind: String,
            texts: [&'a str; 3],
            settings: String,
            last_updated_at: Option<(i64, u32)>,
            id_prefix: &'a str,
            oldest: Option<i32>,
            shown: usize,
            of: usize,
            articles: Vec<Option<u128>>,
        }
        let Planned { folder, kind, title, label, description, articles, shown, settings, last_updated_at } = planned;
        number(&Made {
            folder,
            kind: format!("{kind:?}"),
            texts: [title, label, description],
            settings: format!("{settings:?}"),
            last_updated_at: last_updated_at.map(time),
            id_prefix: &self.collection.id_prefix,
            oldest: self.collection.articles.last().map(|article| article.post.published_at.value.year()),
            shown: shown.len(),
            of: articles.len(),
            articles: members(planned).iter().chain(shown).map(|&i| self.articles[i]).collect(),
        })
    }
}

/// The posts that a feed's files are made of.
pub fn members(planned: &Planned) -> &[usize] {
    if planned.has_archives() { &planned.articles } else { &planned.shown }
}

fn of_article(article: &Article, collection: &Collection) -> u128 {
    #[derive(Serialize)]
    struct Made<'a> {
        post: &'a crate::content::post::Post,
        id: &'a str,
        url: &'a str,
        state: String,
        updated_at: (i64, u32),
        terms: Vec<(&'a str, &'a str, &'a str)>,
        authors: Vec<(&'a str, Option<&'a str>)>,
    }
    let Article { post, id, url, address: _, state, updated_at, terms, authors, related: _, call_to_action: _ } =
        article;
    let terms = terms.iter().map(|&t| &collection.terms[t]);
    number(&Made {
        post,
        id,
        url,
        state: format!("{state:?}"),
        updated_at: time(*updated_at),
        terms: terms.map(|term| (term.axis.name(), &*term.slug, &*term.title)).collect(),
        authors: authors.iter().map(|author| (&*author.name, author.url.as_deref())).collect(),
    })
}

fn time(at: DateTime<Utc>) -> (i64, u32) {
    (at.timestamp(), at.timestamp_subsec_nanos())
}

fn number(value: &impl Serialize) -> u128 {
    xxh3_128(&postcard::to_stdvec(value).expect("texts and numbers can be written to memory"))
}
