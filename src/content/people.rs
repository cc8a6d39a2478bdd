//! People: who writes, and how posts name them.

use super::front_matter::read::{Reader, find};
use super::front_matter::yaml::fault;
use super::front_matter::{Fences, split};
use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::text::Text;

/// One file in the folder of people.
#[derive(Clone, Debug)]
pub struct Person {
    /// Path from the site's root, with `/`.
    pub file: String,
    /// `id`, by which posts may name them.
    pub id: Option<Spanned<String>>,
    /// `slug`, or the file name without its date and ending. Never empty.
    pub slug: String,
    /// `title`, or else `name`.
    pub name: Text,
    /// Where the name stands.
    pub title_span: Span,
    /// What they do.
    pub role: Option<Text>,
    /// As written.
    pub email: Option<Text>,
    /// A few sentences about them, in Markdown.
    pub bio_short: Option<Text>,
    /// `profile_url`, as written.
    pub url: Option<Text>,
}

/// Reads a person's file: YAML, which may stand between lines `---`. There is a person only where no error was found.
pub fn parse_person(file: &str, bytes: &[u8]) -> (Option<Person>, Vec<Diagnostic>) {
    let mut reader = Reader::new(file);
    let person = read(file, bytes, &mut reader);
    reader.finish(person)
}

fn read(file: &str, bytes: &[u8], reader: &mut Reader) -> Option<Person> {
    let split =
        split(bytes, Fences::Optional, &mut reader.findings).map_err(|fault| reader.findings.push(fault)).ok()?;
    let map = split.map(&mut reader.findings)?;
    let id = find(&map, &["id"]).and_then(|pair| reader.word(pair));
    let slug = reader.slug(find(&map, &["slug"]), split.fence);
    let missing = || fault("person has no name", split.fence).hint("add `title: …` with the name");
    let name = reader.needed(find(&map, &["title", "name"]), missing);
    let mut text = |names: &[&str]| find(&map, names).and_then(|pair| reader.text(pair)).map(|text| text.value);
    let bio_short = text(&["bio_short"]);
    let mut line = |names: &[&str]| find(&map, names).and_then(|pair| reader.line(pair)).map(|line| line.value);
    let (role, email, url) = (line(&["role"]), line(&["email"]), line(&["profile_url"]));
    let name = name?;
    Some(Person {
        file: file.to_owned(),
        id,
        slug: slug?.value,
        title_span: name.span,
        name: name.value,
        role,
        email,
        bio_short,
        url,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_needs_no_lines_around_the_yaml() {
        #[track_caller]
        fn case(source: &str) {
            let (person, findings) = parse_person("content/people/aaron.md", source.as_bytes());
            assert_eq!(findings, [], "{source:?}");
            let person = person.unwrap();
            assert_eq!(person.id.unwrap().value, "iiAcy", "{source:?}");
            assert_eq!(person.slug, "aaron", "{source:?}");
            assert_eq!(person.name.as_str(), "Aaron Neinstein, MD", "{source:?}");
            assert_eq!(person.role.unwrap().as_str(), "Professor of Medicine", "{source:?}");
            assert_eq!(person.bio_short.unwrap().as_str(), "About *him*.", "{source:?}");
            assert_eq!(person.url.unwrap().as_str(), "https://example.com/a", "{source:?}");
            assert!(person.email.is_none(), "{source:?}");
        }
        let yaml = "title: 'Aaron Neinstein, MD'\nid: iiAcy\nemail:\nname: aaron\nrole: >-\n  Professor of\n  Medicine\nprofile_pic:\n  - /a.jpg\nbio_short: About *him*.\nprofile_url: 'https://example.com/a'\nlocation:\n  lon: -122.4\n";
        case(yaml);
        case(&format!("\u{feff}{}", yaml.replace('\n', "\r\n")));
        case(&format!("---\n{yaml}"));
        case(&format!("---\n{yaml}---\nText: with: colons\n"));
        case(&format!("{yaml}---\nText: with: colons\n"));
        case(&format!("{yaml}---"));
    }

    #[test]
    fn a_person_without_a_name_is_refused() {
        #[track_caller]
        fn case(source: &str, want: &str) {
            let (person, findings) = parse_person("content/people/a.md", source.as_bytes());
            assert!(person.is_none());
            let report: String = findings.iter().map(|finding| finding.render(Some(source))).collect();
            assert_eq!(report, want, "{source:?}");
        }
        let hint = "hint: add `title: …` with the name\n";
        case(
            "id: a\n",
            &format!("error: person has no name\n --> content/people/a.md:1:1\n  |\n1 | id: a\n  | ^\n{hint}"),
        );
        case("", &format!("error: person has no name\n --> content/people/a.md:1:1\n  |\n1 | \n  | ^\n{hint}"));
        case(
            "name: [a]\n",
            "error: `name` must be a text, found a list\n --> content/people/a.md:1:7\n  |\n1 | name: [a]\n  |       ^\n",
        );
        case(
            "+++\nname = 1\n+++\n",
            "error: front matter is TOML, not YAML\n --> content/people/a.md:1:1\n  |\n1 | +++\n  | ^^^\nhint: put lines such as `title: Spring` between two lines `---`\n",
        );
    }
}
