//! The language that chooses posts, for feeds and for digests alike: `category=healthcare and not tag=sponsored`.
//!
//! ```text
//! either     = both { "or" both }
//! both       = condition { "and" condition }
//! condition  = "not" condition | "(" either ")" | comparison
//! comparison = field ( "=" | "!=" ) value | date-field ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) date
//! ```
//!
//! Words and field names are known without regard to case, and so are the values of terms. A filter knows nothing of
//! settings or of other posts: whether a term exists is for the caller to ask, with [`Filter::terms`].

mod date;
mod parse;
mod token;

use crate::config::Axis;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use date::Stretch;
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// Which posts are meant. Two filters are equal when they mean the same by the same steps, wherever the words stand.
#[derive(Clone, Debug)]
pub struct Filter {
    test: Test,
    terms: Vec<TermPlace>,
}

/// What a filter asks of a post.
pub trait Fields {
    /// Whether the post has this term: a slug or a title; for authors also an id or a name. The value has been through
    /// [`fold`], and so must be what it is compared with.
    fn has_term(&self, axis: Axis, folded: &str) -> bool;
    /// When it is published.
    fn published_at(&self) -> DateTime<Utc>;
    /// When it last changed in a way that readers should be told of; else when it is published.
    fn updated_at(&self) -> DateTime<Utc>;
    /// Its language, or else the site's, as a BCP 47 tag.
    fn language(&self) -> &str;
    /// Its slug.
    fn slug(&self) -> &str;
    /// Its own id, as the front matter has it; empty without one.
    fn id(&self) -> &str;
}

/// Why a text is not a filter, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// One sentence, lower case, no full stop, values in backticks.
    pub message: String,
    /// The first character that it is about, from 0.
    pub column: usize,
    /// How many characters.
    pub width: usize,
    /// What to do next.
    pub hint: Option<String>,
}

impl Filter {
    /// The filter that a text means. A date without an offset is one in `zone`.
    ///
    /// # Errors
    ///
    /// The first thing in the text that cannot be meant. Never overflows, however deep the parentheses are: past a
    /// hundred of them they are refused.
    pub fn parse(text: &str, zone: Tz) -> Result<Filter, FilterError> {
        parse::parse(text, zone)
    }

    /// Whether a post is meant.
    pub fn matches(&self, post: &dyn Fields) -> bool {
        self.test.matches(post)
    }

    /// The terms that it names, in their order: axis, value as written, and the value's first character (from 0) and
    /// width in characters.
    pub fn terms(&self) -> impl Iterator<Item = (Axis, &str, usize, usize)> {
        self.terms.iter().map(|term| (term.axis, term.value.as_str(), term.column, term.width))
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Filter) -> bool {
        self.test == other.test
    }
}

/// The canonical form, which means the same: words in small letters, no more parentheses and quotes than it takes.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.test.fmt(f)
    }
}

/// A text for comparing without regard to case, to how its accents are encoded and to white space at its ends.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.trim().to_ascii_lowercase();
    }
    // Small letters of composed text may be decomposed again (`İ`), hence the second pass.
    text.trim().nfc().flat_map(char::to_lowercase).nfc().collect()
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct TermPlace {
    axis: Axis,
    value: String,
    column: usize,
    width: usize,
}

/// `All` and `Any` have at least two parts, none of which is of the same kind; `Not` holds no `Not`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Is { field: Field, value: String, folded: String, negated: bool },
    When { field: DateField, relation: Relation, stretch: Stretch },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Term(Axis),
    Lang,
    Slug,
    Id,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DateField {
    Published,
    Updated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    fn sign(self) -> &'static str {
        match self {
            Relation::Equal => "=",
            Relation::Unequal => "!=",
            Relation::Less => "<",
            Relation::LessOrEqual => "<=",
            Relation::Greater => ">",
            Relation::GreaterOrEqual => ">=",
        }
    }
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Field::Term(axis) => axis.name(),
            Field::Lang => "lang",
            Field::Slug => "slug",
            Field::Id => "id",
        }
    }
}

impl DateField {
    fn name(self) -> &'static str {
        match self {
            DateField::Published => "published",
            DateField::Updated => "updated",
        }
    }
}

impl Test {
    fn matches(&self, post: &dyn Fields) -> bool {
        match self {
            Test::All(parts) => parts.iter().all(|part| part.matches(post)),
            Test::Any(parts) => parts.iter().any(|part| part.matches(post)),
            Test::Not(part) => !part.matches(post),
            Test::Is { field, value, folded, negated } => {
                let is = match field {
                    Field::Term(axis) => post.has_term(*axis, folded),
                    Field::Lang => is_in_language(post.language(), folded),
                    Field::Slug => fold(post.slug()) == *folded,
                    // Ids are told apart by case.
                    Field::Id => post.id() == value,
                };
                is != *negated
            }
            Test::When { field, relation, stretch } => {
                let at = match field {
                    DateField::Published => post.published_at(),
                    DateField::Updated => post.updated_at(),
                };
                match relation {
                    Relation::Equal => stretch.start <= at && at < stretch.end,
                    Relation::Unequal => at < stretch.start || stretch.end <= at,
                    Relation::Less => at < stretch.start,
                    Relation::LessOrEqual => at < stretch.end,
                    Relation::Greater => stretch.end <= at,
                    Relation::GreaterOrEqual => stretch.start <= at,
                }
            }
        }
    }

    /// How tightly it binds: `or`, `and`, `not` and comparisons.
    fn rank(&self) -> u8 {
        match self {
            Test::Any(_) => 0,
            Test::All(_) => 1,
            _ => 2,
        }
    }
}

/// Whether a language is this one or a kind of it: `pt` takes in `pt-BR` (RFC 4647, section 3.3.1).
fn is_in_language(language: &str, folded: &str) -> bool {
    let language = fold(language);
    language.strip_prefix(folded).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |f: &mut fmt::Formatter<'_>, part: &Test| {
            if part.rank() < self.rank() { write!(f, "({part})") } else { write!(f, "{part}") }
        };
        match self {
            Test::All(parts) | Test::Any(parts) => {
                let word = if matches!(self, Test::All(_)) { " and " } else { " or " };
                for (i, one) in parts.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { word })?;
                    part(f, one)?;
                }
                Ok(())
            }
            Test::Not(one) => {
                f.write_str("not ")?;
                part(f, one)
            }
            Test::Is { field, value, negated, .. } => {
                write!(f, "{}{}{}", field.name(), if *negated { "!=" } else { "=" }, token::quoted(value))
            }
            Test::When { field, relation, stretch } => {
                write!(f, "{} {} {}", field.name(), relation.sign(), stretch.written)
            }
        }
    }
}

#[cfg(test)]
mod tests;
