//! What a site says about a term: its title, and a few sentences.

use super::front_matter::read::{Reader, Same, find};
use super::front_matter::{Fences, split};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::text::Text;

/// One file in a folder of terms. The folder says on which axis; every part is optional.
#[derive(Clone, Debug)]
pub struct TermFile {
    /// Path from the site's root, with `/`.
    pub file: String,
    /// `slug`, or the file name without its ending: by this, by an alias or by the title posts name the term.
    pub slug: Spanned<String>,
    /// `id`, by which posts may name it.
    pub id: Option<Spanned<String>>,
    /// How the term is written.
    pub title: Option<Spanned<Text>>,
    /// `summary`, `tag_summary` or `description`: plain text, one paragraph.
    pub summary: Option<Text>,
    /// Further spellings in posts.
    pub aliases: Vec<Spanned<Text>>,
}

/// Reads a term's file: YAML, which may stand between lines `---`. There is a term only where no error was found.
pub fn parse_term(file: &str, bytes: &[u8]) -> (Option<TermFile>, Vec<Diagnostic>) {
    let mut reader = Reader::new(file);
    let term = read(file, bytes, &mut reader);
    reader.finish(term)
}

fn read(file: &str, bytes: &[u8], reader: &mut Reader) -> Option<TermFile> {
    let split =
        split(bytes, Fences::Optional, &mut reader.findings).map_err(|fault| reader.findings.push(fault)).ok()?;
    let map = split.map(&mut reader.findings)?;
    let slug = reader.slug(find(&map, &["slug"]), split.fence);
    let id = find(&map, &["id"]).and_then(|pair| reader.word(pair));
    let title = find(&map, &["title"]).and_then(|pair| reader.line(pair));
    let summary = find(&map, &["summary", "tag_summary", "description", "desc"]).and_then(|pair| reader.line(pair));
    let aliases = reader.list(find(&map, &["aliases"]).into_iter(), Same::AnyCase);
    Some(TermFile { file: file.to_owned(), slug: slug?, id, title, summary: summary.map(|line| line.value), aliases })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_term_may_be_missing() {
        #[track_caller]
        fn case(source: &str, want: (&str, Option<&str>, Option<&str>, &[&str])) {
            let (term, findings) = parse_term("content/taxonomies/topics/gdpr.yaml", source.as_bytes());
            assert_eq!(findings, [], "{source:?}");
            let term = term.unwrap();
            let (title, summary) = (term.title.map(|title| title.value), term.summary);
            let aliases: Vec<&str> = term.aliases.iter().map(|alias| alias.value.as_str()).collect();
            let found = (term.slug.value.as_str(), title.as_deref(), summary.as_deref(), &aliases[..]);
            assert_eq!(found, want, "{source:?}");
        }
        case("", ("gdpr", None, None, &[]));
        case("title: GDPR Compliance\nid: 6yNM", ("gdpr", Some("GDPR Compliance"), None, &[]));
        case("---\nslug: eu\ntag_summary: >\n  a\n  b\n---\n", ("eu", None, Some("a b"), &[]));
        case("title: C\nsummary:\ndescription: d\naliases: [x, X, y]", ("gdpr", Some("C"), Some("d"), &["x", "y"]));
    }

    #[test]
    fn a_fault_in_a_term_is_pointed_at() {
        let (term, findings) = parse_term("content/taxonomies/tags/a.yaml", b"title: {a: b}\n");
        assert!(term.is_none());
        assert_eq!(
            findings[0].render(Some("title: {a: b}\n")),
            "error: `title` must be a text, found a map\n --> content/taxonomies/tags/a.yaml:1:8\n  |\n1 | title: {a: b}\n  |        ^\n"
        );
    }
}
