//! A post as an entry: the one value that feeds, archives and, later, mails are made from.

use super::document::Cuts;
use super::{Entry, EntryTerm, Media, Person};
use crate::config::Config;
use crate::content::collection::{Article, Collection, State};
use crate::content::links::absolute;
use crate::content::markdown::Rendered;
use crate::content::media::media_type;
use crate::text::{Html, Text};
use std::sync::Arc;
use url::Url;

/// Makes entries: what they have in common.
pub struct Entries<'a> {
    /// All posts.
    pub collection: &'a Collection,
    /// The settings.
    pub config: &'a Config,
    /// The size of a file of the site, by its absolute path in it, where it is known.
    pub size_of: &'a (dyn Fn(&str) -> Option<u64> + Sync),
}

/// An entry, how much room it takes in the largest of the formats, and its pieces.
#[derive(Debug)]
pub struct Weighed {
    /// The entry.
    pub entry: Arc<Entry>,
    /// What it takes with its content, in bytes.
    pub full_bytes: u64,
    /// What it takes without.
    pub summary_bytes: u64,
    /// The entry as the bytes of each format.
    pub cuts: Cuts,
    /// The files of the site whose sizes were asked for, and the sizes.
    pub looked: Vec<(String, Option<u64>)>,
}

impl Entries<'_> {
    /// The entry of a post that is read at `permalink`. `rendered` is its lead and body, where some file shows them; about so
    /// many documents of a format show it.
    pub fn entry(&self, article: &Article, permalink: &Url, rendered: Option<Rendered>, documents: usize) -> Weighed {
        let withdrawn = matches!(article.state, State::Withdrawn { .. });
        let (html, weight, first_image) = match rendered {
            Some(rendered) if !withdrawn => (rendered.html, rendered.weight_bytes as u64, rendered.first_image),
            _ => (Html::default(), 0, None),
        };
        let post = &article.post;
        let mut looked = Vec::new();
        let named = post.featured_image.as_ref().or(post.share_image.as_ref());
        let picture = named.and_then(|path| Some((absolute(&path.value, permalink)?, Text::default())));
        let picture = picture.or(first_image.map(|image| (image.url, image.alt)));
        let image = picture.filter(|_| !withdrawn).and_then(|(url, alt)| {
            let media_type = media_type(&url).filter(|t| t.starts_with("image/"))?;
            Some(Media { media_type: media_type.into(), size_bytes: self.size(&url, &mut looked), url, alt })
        });
        let enclosure = post.enclosure.as_ref().filter(|_| !withdrawn).and_then(|file| {
            let url = absolute(&file.url.value, permalink)?;
            let told = file.media_type.clone().or_else(|| media_type(&url).map(Text::from));
            let media_type = told.unwrap_or_else(|| "application/octet-stream".into());
            let size_bytes = file.size_bytes.or_else(|| self.size(&url, &mut looked));
            Some(Media { url, media_type, size_bytes, alt: Text::default() })
        });
        let summary = match post.withdrawn_at {
            Some(at) if withdrawn => {
                let day = at.with_timezone(&self.config.site.timezone).format("%Y-%m-%d");
                Text::new(&format!("This post was withdrawn on {day}."))
            }
            _ => post.summary.as_ref().map(|s| s.value.clone()).unwrap_or_default(),
        };
        let language = post.lang.as_ref().map(|l| l.value.clone()).filter(|l| *l != self.config.site.language);
        let entry = Entry {
            id: article.id.clone(),
            title: post.title.value.clone(),
            url: article.url.clone(),
            published_at: post.published_at.value,
            updated_at: article.updated_at,
            authors: article.authors.iter().map(|a| self.person(a, permalink)).collect(),
            terms: article.terms.iter().filter_map(|&t| self.term(t)).collect(),
            summary,
            content: html,
            language,
            image,
            enclosure,
        };
        let summary_bytes = metadata_bytes(&entry);
        let cuts = Cuts::new(self.config.site.language.clone(), documents);
        Weighed { full_bytes: summary_bytes + weight, summary_bytes, entry: Arc::new(entry), cuts, looked }
    }

    fn person(&self, author: &crate::content::collection::Author, permalink: &Url) -> Person {
        let url = author.url.as_ref().and_then(|url| absolute(url, permalink));
        Person { name: author.name.clone(), url }
    }

    fn term(&self, term: usize) -> Option<EntryTerm> {
        let term = &self.collection.terms[term];
        // Authors are people, not subjects: every format has a place of their own for them.
        if term.axis == crate::config::Axis::Author {
            return None;
        }
        let scheme = self.config.feeds.url.join(&format!("{}/", term.axis.name())).ok()?;
        Some(EntryTerm { scheme: Text::new(scheme.as_str()), term: Text::new(&term.slug), label: term.title.clone() })
    }

    /// The size of a file that the site itself serves.
    fn size(&self, url: &str, looked: &mut Vec<(String, Option<u64>)>) -> Option<u64> {
        let path = url.strip_prefix(self.config.site.url.as_str())?;
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let size = (self.size_of)(path);
        looked.push((path.to_owned(), size));
        size
    }
}

/// A bound on what an entry takes besides its content: every text of it with each character escaped, and the elements.
fn metadata_bytes(entry: &Entry) -> u64 {
    let terms: usize = entry.terms.iter().map(|t| t.scheme.len() + t.term.len() + t.label.len() + 60).sum();
    let people: usize = entry.authors.iter().map(|p| p.name.len() + p.url.as_ref().map_or(0, |u| u.len()) + 60).sum();
    let media: usize = [&entry.image, &entry.enclosure].into_iter().flatten().map(|m| 2 * m.url.len() + 200).sum();
    // Quotes are the dearest character that is at all frequent in a title or summary.
    let text = |text: &str| text.len() + 5 * text.bytes().filter(|b| b"<>&\"'".contains(b)).count();
    let texts = 2 * text(&entry.title) + 2 * text(&entry.summary) + text(&entry.id) + 2 * text(&entry.url);
    (terms + people + media + texts + 700) as u64
}
