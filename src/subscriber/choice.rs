//! What a person wants to read: some categories and topics, or everything.
//!
//! A choice is a value with one canonical text, so that equal choices are equal texts in a store. Which posts it leads to is
//! decided in `digest/`.

use crate::content::slug::slugify;
use std::fmt;
use std::str::FromStr;

/// A union of categories and topics; everything where nothing is named.
///
/// Its text is `category=care,news;topic=aws`: slugs, sorted, each once; empty for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Choice {
    categories: Vec<String>,
    topics: Vec<String>,
}

/// A text that is no choice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a choice: write `category=care,news;topic=aws`")]
pub struct ChoiceError(String);

impl Choice {
    /// A choice of categories and topics by any spelling.
    pub fn new<T: AsRef<str>>(categories: impl IntoIterator<Item = T>, topics: impl IntoIterator<Item = T>) -> Choice {
        Choice { categories: slugs(categories), topics: slugs(topics) }
    }

    /// Categories, as slugs, sorted.
    pub fn categories(&self) -> &[String] {
        &self.categories
    }

    /// Topics, as slugs, sorted.
    pub fn topics(&self) -> &[String] {
        &self.topics
    }

    /// Whether everything is wanted.
    pub fn is_everything(&self) -> bool {
        self.categories.is_empty() && self.topics.is_empty()
    }
}

fn slugs<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Vec<String> {
    let mut slugs: Vec<String> = names.into_iter().map(|name| slugify(name.as_ref())).collect();
    slugs.sort();
    slugs.dedup();
    slugs
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("category", &self.categories), ("topic", &self.topics)];
        let named: Vec<String> = parts
            .iter()
            .filter(|(_, slugs)| !slugs.is_empty())
            .map(|(axis, slugs)| format!("{axis}={}", slugs.join(",")))
            .collect();
        f.write_str(&named.join(";"))
    }
}

/// Its text read back; in any order, with any spelling.
impl FromStr for Choice {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Choice, ChoiceError> {
        let (mut categories, mut topics) = (Vec::new(), Vec::new());
        for part in text.split(';').filter(|_| !text.is_empty()) {
            let Some((axis, names)) = part.split_once('=') else { return Err(ChoiceError(text.to_owned())) };
            let list = match axis {
                "category" => &mut categories,
                "topic" => &mut topics,
                _ => return Err(ChoiceError(text.to_owned())),
            };
            if names.split(',').any(|name| name.trim().is_empty()) {
                return Err(ChoiceError(text.to_owned()));
            }
            list.extend(names.split(','));
        }
        Ok(Choice::new(categories, topics))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_choice_has_one_text() {
        #[track_caller]
        fn case(categories: &[&str], topics: &[&str], want: &str) {
            let choice = Choice::new(categories.iter().copied(), topics.iter().copied());
            assert_eq!(choice.to_string(), want);
            assert_eq!(want.parse(), Ok(choice));
        }
        case(&[], &[], "");
        case(&["news", "Care", "care"], &["AWS"], "category=care,news;topic=aws");
        case(&[], &["C++", "C"], "topic=c,c-plus-plus");
        case(&["Über uns"], &[], "category=uber-uns");
    }

    #[test]
    fn what_is_no_choice_is_refused() {
        for text in ["care", "tag=x", "category=", "category=a,,b", ";", "category=a;"] {
            let want = format!("`{text}` is not a choice: write `category=care,news;topic=aws`");
            assert_eq!(text.parse::<Choice>().unwrap_err().to_string(), want);
        }
    }

    proptest! {
        #[test]
        fn any_choice_is_read_back(categories in prop::collection::vec(".{0,12}", 0..4), topics in prop::collection::vec(".{0,12}", 0..4)) {
            let choice = Choice::new(&categories, &topics);
            prop_assert_eq!(choice.to_string().parse::<Choice>(), Ok(choice));
        }
    }
}
