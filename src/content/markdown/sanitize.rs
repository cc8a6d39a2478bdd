//! The gate that all HTML of a post passes last.
//!
//! What comes here was written by [`super::writer`] and should be clean already. It goes through ammonia all the same,
//! which knows nothing of how it was made: it parses the HTML as a browser would and keeps what is on its lists only. Only
//! what [`super::plain`] can see to come out of this as it went in is spared the way.

use super::elements::{KEPT, ON_ALL, ON_SOME};
use super::plain::is_plain;
use crate::text::{Html, Text};
use ammonia::{Builder, UrlRelative};
use memchr::memmem;
use std::borrow::Cow;

/// Cleans HTML. One serves all threads.
pub(super) struct Sanitizer(Builder<'static>);

impl Sanitizer {
    /// With the lists of [`super::elements`].
    pub(super) fn new() -> Sanitizer {
        let mut builder = Builder::empty();
        builder
            .tags(KEPT.iter().copied().collect())
            .clean_content_tags(["script", "style"].into())
            .generic_attributes(ON_ALL.iter().copied().collect())
            .tag_attributes(ON_SOME.iter().map(|(tag, names)| (*tag, names.iter().copied().collect())).collect())
            .url_schemes(["http", "https", "mailto", "tel", "sms", "geo", "xmpp", "magnet", "data"].into())
            .url_relative(UrlRelative::Deny)
            .attribute_filter(data_in_pictures_only)
            .link_rel(None)
            .strip_comments(true);
        Sanitizer(builder)
    }

    /// The HTML without anything that may run, lead astray or leave the page.
    pub(super) fn clean(&self, html: &str) -> Html {
        if is_plain(html) {
            return Html::trusted(html.trim_ascii());
        }
        self.clean_parsed(html)
    }

    /// The same, and the long way in any case.
    pub(super) fn clean_parsed(&self, html: &str) -> Html {
        Html::trusted(self.0.clean(html).to_string().trim_ascii())
    }
}

/// `data:` in a link is a page that anybody could have written.
fn data_in_pictures_only<'v>(element: &str, attribute: &str, value: &'v str) -> Option<Cow<'v, str>> {
    let is_data = value.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    let is_address = matches!(attribute, "href" | "src" | "srcset" | "poster" | "cite");
    let carried = element == "img"
        && attribute == "src"
        && value.starts_with("data:image/")
        && !value.starts_with("data:image/svg");
    (!is_data || !is_address || carried).then_some(Cow::Borrowed(value))
}

/// A picture in a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Absolute.
    pub url: Text,
    /// What it shows; may be empty.
    pub alt: Text,
}

/// The first picture of clean HTML that can stand for the post: on the web, and larger than the single pixel that counts
/// readers.
pub(super) fn first_image(html: &Html) -> Option<Image> {
    let mut rest = html.as_str();
    while let Some(at) = memmem::find(rest.as_bytes(), b"<img ") {
        let tag = &rest[at + "<img ".len()..];
        // Clean HTML has no `>` in a value, and values in double quotes only.
        let (tag, after) = tag.split_once('>')?;
        rest = after;
        let attribute = |name: &str| {
            let mut parts = tag.split('"');
            while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                if key.trim_matches([' ', '=']) == name {
                    return Some(unescape(value));
                }
            }
            None
        };
        let dot = |name: &str| attribute(name).is_some_and(|size| matches!(&*size, "0" | "1"));
        if let Some(src) = attribute("src").filter(|src| !src.starts_with("data:"))
            && !dot("width")
            && !dot("height")
        {
            return Some(Image { url: Text::from(src), alt: Text::one_line(&attribute("alt").unwrap_or_default()) });
        }
    }
    None
}

/// Undoes what ammonia escapes in a value.
fn unescape(value: &str) -> String {
    value
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&nbsp;", "\u{a0}")
        .replace("&amp;", "&")
}

/// The bytes that HTML takes in a feed: escaped in XML text or in a JSON string, whichever is more.
pub(super) fn weight_bytes(html: &str) -> usize {
    let (mut xml, mut json) = (0, 0);
    for byte in html.bytes() {
        let (in_xml, in_json) = ESCAPES[usize::from(byte)];
        xml += usize::from(in_xml);
        json += usize::from(in_json);
    }
    html.len() + xml.max(json)
}

/// For each byte, how many bytes its escape in XML and in JSON has more.
const ESCAPES: [(u8, u8); 256] = {
    let mut more = [(0, 0); 256];
    let mut byte = 0;
    while byte < 0x20 {
        more[byte] = (0, 5);
        byte += 1;
    }
    more[b'\n' as usize].1 = 1;
    more[b'\r' as usize].1 = 1;
    more[b'\t' as usize].1 = 1;
    more[b'\\' as usize].1 = 1;
    more[b'"' as usize] = (5, 1);
    more[b'\'' as usize].0 = 5;
    more[b'<' as usize].0 = 3;
    more[b'>' as usize].0 = 3;
    more[b'&' as usize].0 = 4;
    more
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_picture_is_one_that_shows_something() {
        #[track_caller]
        fn case(html: &str, want: Option<(&str, &str)>) {
            let image = first_image(&Html::trusted(html));
            assert_eq!(image.as_ref().map(|i| (i.url.as_str(), i.alt.as_str())), want, "{html}");
        }
        case("<p>none</p>", None);
        case(
            r#"<img src="https://a.example/x?a=1&amp;b=2" alt="A &quot;b&quot;  &lt;c&gt;">"#,
            Some(("https://a.example/x?a=1&b=2", "A \"b\" <c>")),
        );
        case(
            r#"<img src="data:image/png;base64,AA" alt="x"><img src="https://a.example/2" alt="">"#,
            Some(("https://a.example/2", "")),
        );
        case(
            r#"<img src="https://a.example/p" width="1" height="1"><p><img alt="y" src="https://a.example/2"></p>"#,
            Some(("https://a.example/2", "y")),
        );
        case(r#"<img src="https://a.example/p" height="1">"#, None);
        case(r#"<img alt="src=">"#, None);
        case("&lt;img src=\"x\"&gt;", None);
    }

    #[test]
    fn the_weight_is_that_of_the_heavier_format() {
        #[track_caller]
        fn case(html: &str) {
            let xml = quick_xml::escape::escape(html).len();
            let json = serde_json::to_string(html).unwrap().len() - 2;
            assert_eq!(weight_bytes(html), xml.max(json), "{html:?}");
        }
        case("");
        case("plain é 🎉");
        case("<p title=\"a\">b &amp; c's</p>");
        case("\\\\\n\n\n\t\r\\");
        case("\u{1}\u{1f}\u{7f}");
    }

    #[test]
    fn the_gate_holds_alone() {
        #[track_caller]
        fn case(html: &str, want: &str) {
            assert_eq!(Sanitizer::new().clean(html).as_str(), want, "{html}");
            assert_eq!(Sanitizer::new().clean_parsed(html).as_str(), want, "{html}");
        }
        case("<p onclick=\"x\">a<script>alert(1)</script></p>", "<p>a</p>");
        case("<a href=\"javascript:x\">a</a><a href=\"/x\">b</a>", "<a>a</a><a>b</a>");
        case("<a href=\"data:text/html,x\">a</a>", "<a>a</a>");
        case("<img src=\"data:image/svg+xml;base64,AA\">", "<img>");
        case("<iframe src=\"https://a.example\"></iframe><style>p{}</style>", "");
        case("<p class=\"a\" style=\"position:fixed\" id=\"b\">x</p><!-- c -->", "<p>x</p>");
    }
}
