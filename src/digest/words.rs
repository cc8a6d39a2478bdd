//! A few paragraphs of Markdown for a mail: as HTML that any mail client shows, and as plain text that says the same.
//!
//! Mails hold less than feeds: paragraphs, lists, quotes, links, emphasis and code. Pictures, tables and all else leave
//! their text. The plain text is made from the HTML, so that the two cannot differ.

use crate::content::markdown::Renderer;
use crate::text::{Html, Text};
use ammonia::{Builder, UrlRelative};
use url::Url;

/// Words of a post or of an editor, twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Only elements that mails hold, without any attribute but `href`.
    pub html: Html,
    /// The same in paragraphs, with a blank line between; a link is followed by its address in brackets.
    pub text: String,
}

/// Makes [`Words`].
pub struct Wording {
    renderer: Renderer,
    cleaner: Builder<'static>,
}

impl Default for Wording {
    fn default() -> Wording {
        Wording::new()
    }
}

impl Wording {
    /// Prepares the list that HTML is cleaned with.
    pub fn new() -> Wording {
        let tags = [
            "p",
            "br",
            "em",
            "strong",
            "b",
            "i",
            "a",
            "ul",
            "ol",
            "li",
            "blockquote",
            "code",
            "pre",
            "del",
            "sub",
            "sup",
        ];
        let mut cleaner = Builder::empty();
        cleaner
            .tags(tags.into())
            .clean_content_tags(["script", "style"].into())
            .tag_attributes([("a", ["href"].into())].into())
            .url_schemes(["http", "https", "mailto", "tel"].into())
            .url_relative(UrlRelative::Deny)
            .link_rel(None);
        Wording { renderer: Renderer::new(), cleaner }
    }

    /// Markdown whose links are relative to `base`; each leads where `lead` sends its absolute address. None where it says
    /// nothing.
    pub fn words(&self, markdown: &str, base: &Url, lead: &dyn Fn(&str) -> Text) -> Option<Words> {
        let html = with_links(&self.html(markdown, base), lead);
        let text = plain(&html, Addresses::Named);
        (!text.is_empty()).then(|| Words { html: Html::trusted(html.trim()), text })
    }

    /// What Markdown says, as one line without the addresses of its links. Empty where it says nothing.
    pub fn line(&self, markdown: &str, base: &Url) -> Text {
        Text::one_line(&plain(&self.html(markdown, base), Addresses::LeftOut))
    }

    fn html(&self, markdown: &str, base: &Url) -> String {
        let rendered = self.renderer.render(None, markdown, base, "mail");
        self.cleaner.clean(&with_bold_headings(&rendered.html)).to_string()
    }
}

/// A mail has headings of its own, which tell its posts apart: one inside a post's words is a bold line.
fn with_bold_headings(html: &str) -> String {
    let levels = ["h1", "h2", "h3", "h4", "h5", "h6"];
    levels.iter().fold(html.to_owned(), |html, level| {
        html.replace(&format!("<{level}>"), "<p><strong>").replace(&format!("</{level}>"), "</strong></p>")
    })
}

/// Clean HTML, in which `href` is the only attribute, with other addresses.
fn with_links(html: &str, lead: &dyn Fn(&str) -> Text) -> String {
    const HREF: &str = "<a href=\"";
    let mut parts = html.split(HREF);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (url, rest) = part.split_once('"').unwrap_or((part, ""));
        out.push_str(HREF);
        out.push_str(&escape(&lead(&unescape(url))));
        out.push('"');
        out.push_str(rest);
    }
    out
}

fn escape(raw: &str) -> String {
    raw.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Whether a text names the addresses of its links.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Addresses {
    Named,
    LeftOut,
}

/// The text of clean HTML: without a `<` that starts no tag, with `>` in no attribute.
fn plain(html: &str, addresses: Addresses) -> String {
    let mut writer = Plain { names_addresses: addresses == Addresses::Named, ..Plain::default() };
    let mut rest = html;
    while let Some((text, tag)) = rest.split_once('<') {
        writer.text(text);
        let (tag, after) = tag.split_once('>').unwrap_or((tag, ""));
        writer.tag(tag);
        rest = after;
    }
    writer.text(rest);
    writer.end_block();
    writer.blocks.join("\n\n")
}

#[derive(Default)]
struct Plain {
    blocks: Vec<String>,
    block: String,
    /// Where the text of an open link starts, and its address.
    link: Option<(usize, String)>,
    lists: usize,
    names_addresses: bool,
}

impl Plain {
    fn text(&mut self, raw: &str) {
        self.block.push_str(&unescape(raw));
    }

    fn tag(&mut self, tag: &str) {
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or_default();
        match (name, tag.starts_with('/')) {
            ("br", _) => self.block.push('\u{2028}'),
            ("a", false) => {
                let url = tag.split_once("href=\"").and_then(|(_, rest)| rest.split('"').next());
                self.link = url.map(|url| (self.block.len(), unescape(url)));
            }
            ("a", true) => {
                if let Some((start, url)) = self.link.take() {
                    let said = self.block.get(start..).unwrap_or_default().trim();
                    if said.is_empty() {
                        self.block.push_str(&url);
                    } else if self.names_addresses && said != url && url.strip_prefix("mailto:") != Some(said) {
                        self.block.push_str(&format!(" ({url})"));
                    }
                }
            }
            ("ul" | "ol", closing) => {
                self.end_block();
                self.lists = if closing { self.lists.saturating_sub(1) } else { self.lists + 1 };
            }
            ("li", false) => {
                self.end_block();
                self.block.push_str("- ");
            }
            ("p" | "blockquote" | "pre" | "li", _) => self.end_block(),
            _ => {}
        }
    }

    fn end_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        let lines = block.split('\u{2028}').map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        let block = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        if block.is_empty() {
            return;
        }
        if block == "-" {
            // A paragraph starts inside the item.
            self.block.push_str("- ");
            return;
        }
        match self.blocks.last_mut() {
            Some(last) if block.starts_with("- ") && last.starts_with("- ") => {
                last.push('\n');
                last.push_str(&block);
            }
            _ => self.blocks.push(block),
        }
    }
}

fn unescape(raw: &str) -> String {
    raw.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&nbsp;", "\u{a0}")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(markdown: &str, html: &str, text: &str) {
        let base = Url::parse("https://example.org/blog/a/").unwrap();
        let words = Wording::new().words(markdown, &base, &|url| Text::new(url)).unwrap_or_default();
        assert_eq!((words.html.as_str(), words.text.as_str()), (html, text), "{markdown}");
    }

    #[test]
    fn both_say_the_same() {
        case("", "", "");
        case(
            "*One* & <two>, [three](../b/).\n\nFour\\\nfive",
            "<p><em>One</em> &amp; &lt;two&gt;, <a href=\"https://example.org/blog/b/\">three</a>.</p>\n<p>Four<br>\nfive</p>",
            "One & <two>, three (https://example.org/blog/b/).\n\nFour\nfive",
        );
        case("- a\n- b\n\nc", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<p>c</p>", "- a\n- b\n\nc");
        case("- a\n\n- b", "<ul>\n<li><p>a</p>\n</li>\n<li><p>b</p>\n</li>\n</ul>", "- a\n- b");
        case(
            "<https://example.org/> <ana@example.org>",
            "<p><a href=\"https://example.org/\">https://example.org/</a> <a href=\"mailto:ana@example.org\">ana@example.org</a></p>",
            "https://example.org/ ana@example.org",
        );
    }

    #[test]
    fn links_lead_where_they_are_sent_and_a_line_has_no_addresses() {
        let base = Url::parse("https://example.org/blog/a/").unwrap();
        let lead = |url: &str| Text::new(&format!("{url}?a=1&b=\"2"));
        let markdown = "*One* [two](../b/?c=3&d=4), <https://example.org/>.\n\n[Three](mailto:ana@example.org)";
        let words = Wording::new().words(markdown, &base, &lead).unwrap();
        let two = "https://example.org/blog/b/?c=3&amp;d=4?a=1&amp;b=&quot;2";
        assert!(words.html.contains(&format!("<a href=\"{two}\">two</a>")), "{}", words.html.as_str());
        assert!(words.text.contains("two (https://example.org/blog/b/?c=3&d=4?a=1&b=\"2)"), "{}", words.text);
        assert_eq!(Wording::new().line(markdown, &base).as_str(), "One two, https://example.org/. Three");
    }

    #[test]
    fn what_a_mail_cannot_hold_leaves_its_text_or_nothing() {
        case("# Head\n\n![alt](a.png)after", "<p><strong>Head</strong></p>\n<p>after</p>", "Head\n\nafter");
        case("<script>x</script><b onclick=x>y</b>", "<b>y</b>", "y");
        case("[x](javascript:alert(1))", "<p>x</p>", "x");
    }
}
