//! Which key of front matter means which field.
//!
//! The names that every site starts with are in [`crate::config::FIELDS`]; `[front_matter]` in the settings adds more,
//! which go first, since a site knows best what its own keys mean.

use super::front_matter::yaml::{Key, Map, Node};
use crate::config::FIELDS;
use foldhash::HashMap;
use std::collections::BTreeMap;

/// A field of front matter that tidings gives a meaning to, in the order of [`FIELDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Id,
    Title,
    Slug,
    Published,
    Updated,
    Draft,
    Withdrawn,
    Category,
    Topic,
    Tag,
    Author,
    Summary,
    Lead,
    CallToAction,
    Related,
    FeaturedImage,
    ShareImage,
    Enclosure,
    Lang,
    Content,
    Address,
}

/// The names that each field goes by on one site.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// Name to field and rank; the lowest rank wins where two names of one field stand in a file.
    names: HashMap<String, (usize, usize)>,
}

impl Dialect {
    /// The names of [`FIELDS`], and before them those of `more`, by field. A name given to a field here is taken from any
    /// other field; unknown fields are left out, since the settings have refused them already.
    pub fn new(more: &BTreeMap<String, Vec<String>>) -> Dialect {
        let mut names = HashMap::default();
        let of = |name: &str| FIELDS.iter().position(|&(field, _)| field == name);
        for (field, added) in more.iter().filter_map(|(field, added)| Some((of(field)?, added))) {
            for (rank, name) in added.iter().enumerate() {
                names.entry(name.clone()).or_insert((field, rank));
            }
        }
        for (field, (name, known)) in FIELDS.iter().enumerate() {
            let first = more.get(*name).map_or(0, Vec::len);
            for (rank, name) in known.iter().enumerate() {
                names.entry((*name).to_owned()).or_insert((field, first + rank));
            }
        }
        Dialect { names }
    }

    /// The name of a field that counts most.
    pub(crate) fn name(&self, field: Field) -> &str {
        let of_field = self.names.iter().filter(|(_, (found, _))| *found == field as usize);
        of_field.min_by_key(|(_, (_, rank))| *rank).map_or(FIELDS[field as usize].0, |(name, _)| name)
    }

    /// Sorts the pairs of a map by what they mean. A pair without a value counts as absent, unless it has no meaning here.
    pub(crate) fn sort<'t, 'a>(&self, map: &'t Map<'a>) -> Fields<'t, 'a> {
        let mut fields = Fields { known: Vec::with_capacity(map.len()), empty: Vec::new(), extra: Vec::new() };
        for (key, node) in map {
            match self.names.get(&*key.name) {
                None => fields.extra.push((key, node)),
                Some(&(field, _)) if node.is_absent() => fields.empty.push((field, key)),
                Some(&(field, rank)) => fields.known.push((field, rank, key, node)),
            }
        }
        fields.known.sort_by_key(|&(field, rank, ..)| (field, rank));
        fields
    }
}

impl Default for Dialect {
    fn default() -> Dialect {
        Dialect::new(&BTreeMap::new())
    }
}

/// The pairs of one file by field.
pub(crate) struct Fields<'t, 'a> {
    known: Vec<(usize, usize, &'t Key<'a>, &'t Node<'a>)>,
    empty: Vec<(usize, &'t Key<'a>)>,
    /// What has no meaning here.
    pub extra: Vec<(&'t Key<'a>, &'t Node<'a>)>,
}

impl<'t, 'a> Fields<'t, 'a> {
    /// All pairs of a field that have a value, the one that counts most first.
    pub fn all(&self, field: Field) -> impl Iterator<Item = (&'t Key<'a>, &'t Node<'a>)> {
        self.known.iter().filter(move |found| found.0 == field as usize).map(|&(_, _, key, node)| (key, node))
    }

    /// The pair of a field that counts most.
    pub fn first(&self, field: Field) -> Option<(&'t Key<'a>, &'t Node<'a>)> {
        self.all(field).next()
    }

    /// A key of a field that stands there without a value.
    pub fn empty(&self, field: Field) -> Option<&'t Key<'a>> {
        self.empty.iter().find(|&&(found, _)| found == field as usize).map(|&(_, key)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::front_matter::yaml;

    fn field_of(dialect: &Dialect, key: &str) -> Option<&'static str> {
        dialect.names.get(key).map(|&(field, _)| FIELDS[field].0)
    }

    #[test]
    fn the_fields_stand_in_the_order_of_the_settings() {
        #[track_caller]
        fn case(field: Field, name: &str) {
            assert_eq!(FIELDS[field as usize].0, name);
        }
        case(Field::Id, "id");
        case(Field::Title, "title");
        case(Field::Slug, "slug");
        case(Field::Published, "published");
        case(Field::Updated, "updated");
        case(Field::Draft, "draft");
        case(Field::Withdrawn, "withdrawn");
        case(Field::Category, "category");
        case(Field::Topic, "topic");
        case(Field::Tag, "tag");
        case(Field::Author, "author");
        case(Field::Summary, "summary");
        case(Field::Lead, "lead");
        case(Field::CallToAction, "call_to_action");
        case(Field::Related, "related");
        case(Field::FeaturedImage, "featured_image");
        case(Field::ShareImage, "share_image");
        case(Field::Enclosure, "enclosure");
        case(Field::Lang, "lang");
        case(Field::Content, "content");
        case(Field::Address, "address");
        assert_eq!(FIELDS.len(), Field::Address as usize + 1);
    }

    #[test]
    fn a_site_adds_names_and_they_go_first() {
        let more = BTreeMap::from([
            ("published".to_owned(), vec!["goes_live".to_owned()]),
            ("topic".to_owned(), vec!["categories".to_owned()]),
        ]);
        let dialect = Dialect::new(&more);
        assert_eq!(field_of(&dialect, "categories"), Some("topic"));
        assert_eq!(field_of(&dialect, "category"), Some("category"));
        let map = yaml::parse("date: a\npub_date: b\ngoes_live: c\ncolour: d\ntitle:\n", 1, &mut Vec::new()).unwrap();
        let fields = dialect.sort(&map);
        let names: Vec<&str> = fields.all(Field::Published).map(|(key, _)| &*key.name).collect();
        assert_eq!(names, ["goes_live", "pub_date", "date"]);
        assert_eq!(fields.extra.len(), 1);
        assert!(fields.first(Field::Title).is_none());
        assert_eq!(fields.empty(Field::Title).unwrap().span.line, 5);
    }
}
