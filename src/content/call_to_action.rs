//! Calls to action: what a post asks its readers to do next.

use super::front_matter::read::{Reader, find};
use super::front_matter::yaml::fault;
use super::front_matter::{Fences, split};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::text::Text;

/// One file in the folder of calls to action.
#[derive(Clone, Debug)]
pub struct CallToAction {
    /// Path from the site's root, with `/`.
    pub file: String,
    /// `id`, by which posts name it.
    pub id: Option<Spanned<String>>,
    /// `slug`, or the file name without its date and ending. Never empty.
    pub slug: String,
    /// One line.
    pub title: Text,
    /// What to say, in Markdown.
    pub body: Option<Text>,
    /// What the button says.
    pub button_label: Option<Text>,
    /// Where the button leads, as written.
    pub destination_url: Option<Spanned<Text>>,
}

/// Reads the file of a call to action: YAML, which may stand between lines `---`. There is one only where no error was
/// found.
pub fn parse_call_to_action(file: &str, bytes: &[u8]) -> (Option<CallToAction>, Vec<Diagnostic>) {
    let mut reader = Reader::new(file);
    let call = read(file, bytes, &mut reader);
    reader.finish(call)
}

fn read(file: &str, bytes: &[u8], reader: &mut Reader) -> Option<CallToAction> {
    let split =
        split(bytes, Fences::Optional, &mut reader.findings).map_err(|fault| reader.findings.push(fault)).ok()?;
    let map = split.map(&mut reader.findings)?;
    let id = find(&map, &["id"]).and_then(|pair| reader.word(pair));
    let slug = reader.slug(find(&map, &["slug"]), split.fence);
    let missing = || fault("call to action has no title", split.fence).hint("add `title: …`");
    let title = reader.needed(find(&map, &["title"]), missing);
    let body = find(&map, &["body"]).and_then(|pair| reader.text(pair));
    let button_label = find(&map, &["button_label"]).and_then(|pair| reader.line(pair));
    let destination_url = find(&map, &["destination_url"]).and_then(|pair| reader.location(pair));
    if find(&map, &["destination_url"]).is_none() {
        let message = "call to action has no `destination_url`";
        reader.findings.push(Diagnostic::warning(message).at("", split.fence));
    }
    Some(CallToAction {
        file: file.to_owned(),
        id,
        slug: slug?.value,
        title: title?.value,
        body: body.map(|body| body.value),
        button_label: button_label.map(|label| label.value),
        destination_url,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_to_action_is_read() {
        let source = "---\nid: 3vSs\ntitle: 6 Big Ideas\nbody: >-\n  Download\n  *it*.\nbutton_label: Get it\ndestination_url: '/2016/'\n---\n";
        let (call, findings) = parse_call_to_action("content/cta/2017-09-12.6-Big-Ideas.md", source.as_bytes());
        assert_eq!(findings, []);
        let call = call.unwrap();
        assert_eq!(call.id.unwrap().value, "3vSs");
        assert_eq!(call.slug, "6-Big-Ideas");
        assert_eq!(call.title.as_str(), "6 Big Ideas");
        assert_eq!(call.body.unwrap().as_str(), "Download *it*.");
        assert_eq!(call.button_label.unwrap().as_str(), "Get it");
        assert_eq!(call.destination_url.unwrap().value.as_str(), "/2016/");
    }

    #[test]
    fn what_a_call_to_action_lacks_is_told() {
        let (call, findings) = parse_call_to_action("content/cta/a.md", b"title: x\n");
        assert!(call.is_some());
        assert_eq!(
            findings[0].render(Some("title: x\n")),
            "warning: call to action has no `destination_url`\n --> content/cta/a.md:1:1\n  |\n1 | title: x\n  | ^\n"
        );
        let (call, findings) = parse_call_to_action("content/cta/a.md", b"destination_url: /\n");
        assert!(call.is_none());
        assert_eq!(findings[0].message, "call to action has no title");
    }
}
