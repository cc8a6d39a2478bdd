//! What somebody may choose: digests, and categories and topics; as values for the forms, and read from them.

use super::Web;
use super::form::Form;
use crate::config::Axis;
use crate::subscriber::choice::Choice;
use serde_json::{Value, json};

impl Web {
    /// The choices of a form: digests that are offered and those that are ticked; categories and topics that have posts, and
    /// those that are chosen already, which stay to be seen where their last post is gone.
    pub async fn choices(&self, offered: &[String], ticked: &[&str], choice: &Choice) -> Value {
        let digests = offered.iter().map(
            |name| json!({ "name": name, "title": self.title(name), "is_chosen": ticked.contains(&name.as_str()) }),
        );
        let site = self.feeds.site().await;
        let terms = |axis, chosen: &[String]| -> Vec<Value> {
            let gone = chosen.iter().filter(|slug| !site.terms_of(axis).any(|term| term.slug == **slug));
            let known = site.terms_of(axis).map(|term| (term.slug.as_str(), term.title.as_str()));
            let all = known.chain(gone.map(|slug| (slug.as_str(), slug.as_str())));
            let is_chosen = |slug: &str| chosen.iter().any(|chosen| chosen == slug);
            all.map(|(slug, title)| json!({ "slug": slug, "title": title, "is_chosen": is_chosen(slug) })).collect()
        };
        json!({
            "offered": digests.collect::<Vec<_>>(),
            "categories": terms(Axis::Category, choice.categories()),
            "topics": terms(Axis::Topic, choice.topics()),
            "has_choice": !choice.is_everything(),
        })
    }

    /// The categories and topics that a form names: those that there are, and those that somebody has already.
    pub async fn choice_of(&self, form: &Form, had: &Choice) -> Choice {
        let site = self.feeds.site().await;
        let named = |field: &'static str, axis, had: &[String]| -> Vec<String> {
            let is_known = |slug: &&str| {
                site.terms_of(axis).any(|term| term.slug == *slug) || had.iter().any(|known| known == slug)
            };
            form.all(field).filter(is_known).map(String::from).collect()
        };
        Choice::new(named("category", Axis::Category, had.categories()), named("topic", Axis::Topic, had.topics()))
    }

    /// A choice by the titles of its terms; empty for everything.
    pub async fn choice_in_words(&self, choice: &Choice) -> String {
        let site = self.feeds.site().await;
        let title = |axis, slug: &String| {
            let known = site.terms_of(axis).find(|term| term.slug == *slug);
            known.map_or_else(|| slug.clone(), |term| term.title.clone())
        };
        let categories = choice.categories().iter().map(|slug| title(Axis::Category, slug));
        let titles: Vec<String> =
            categories.chain(choice.topics().iter().map(|slug| title(Axis::Topic, slug))).collect();
        self.language.list(&titles.iter().map(String::as_str).collect::<Vec<_>>())
    }
}
