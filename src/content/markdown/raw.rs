//! Raw HTML inside Markdown: what of it is markup, what is text that only looks so, and what is left out.
//!
//! Tags are found by a scan that needs to know no more than where a tag ends; what they say is read by html5ever's
//! tokenizer, the one that the sanitiser parses with. A tokenizer alone does not do: it tells names in lower case only, so
//! that `Vec<T>` could not be shown as written, and it takes all that follows an unclosed `<script>` or `<!--` for its
//! content. Here, what cannot be a whole tag or comment is text, so that nothing vanishes because of it.

use super::elements::{is_known, kept, vet};
use super::embed;
use super::writer::{Attribute, Writer};
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use std::borrow::Cow;
use std::cell::RefCell;

/// Elements whose content is left out with them: it is code, or a drawing in code, or stands in for what is linked.
pub(super) const HIDDEN: [&str; 4] = ["iframe", "script", "style", "svg"];

/// Writes a piece of raw HTML: a block, or one tag in a line.
///
/// `later` is asked, with one of [`HIDDEN`], whether an element that is not closed in the piece is closed further on in
/// the page. Where it says yes, the name is returned, and what follows up to that end tag is to be left out.
pub(super) fn write(writer: &mut Writer, html: &str, later: impl FnMut(&'static str) -> bool) -> Option<&'static str> {
    let (markup, inside) = Scan { html, missing: Vec::new(), later }.run();
    if !markup.is_empty() {
        let input = BufferQueue::default();
        input.push_back(markup.as_str().into());
        let tokenizer = Tokenizer::new(Sink(RefCell::new(writer)), TokenizerOpts::default());
        // The sink never asks the tokenizer to stop, so that one call takes all.
        let _ = tokenizer.feed(&input);
        tokenizer.end();
    }
    inside
}

/// Whether the first tag in a block has a name that is no element's: then the block is text, not HTML.
pub(super) fn starts_with_unknown_tag(html: &str) -> bool {
    html.trim_ascii_start().strip_prefix('<').is_some_and(|rest| tag_name(rest).is_some_and(|name| !is_known(name)))
}

/// What follows the end tag of `name` in this piece, when there is one.
pub(super) fn after_end_tag<'h>(html: &'h str, name: &str) -> Option<&'h str> {
    let at = find_end_tag(html, name)?;
    Some(html[at..].split_once('>').map_or("", |(_, rest)| rest))
}

/// The name of a tag, given what follows its `<`.
fn tag_name(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let end = rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '<')).unwrap_or(rest.len());
    rest.starts_with(|c: char| c.is_ascii_alphabetic()).then(|| &rest[..end])
}

fn find_end_tag(html: &str, name: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = html[from..].find("</").map(|at| from + at) {
        if tag_name(&html[at + 1..]).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return Some(at);
        }
        from = at + 2;
    }
    None
}

/// The end of a tag, just after its `>`, minding quotes, and about how many attributes it has. `html` starts with the tag.
fn tag_end(html: &str) -> Option<(usize, usize)> {
    let mut quote = None;
    let mut value_may_start = false;
    let (mut attributes, mut previous) = (0, b' ');
    for (at, byte) in html.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'>') => return Some((at + 1, attributes)),
            (None, b'"' | b'\'') if value_may_start => quote = Some(byte),
            (None, b'=') => attributes += 1,
            (None, _) => {
                let apart = previous.is_ascii_whitespace() || matches!(previous, b'/' | b'"' | b'\'');
                attributes += usize::from(apart && !byte.is_ascii_whitespace());
            }
        }
        value_may_start = byte == b'=' || value_may_start && byte.is_ascii_whitespace();
        previous = byte;
    }
    None
}

/// The most attributes of a tag, counted roughly: with more it is text, since a parser compares each with all others.
const MOST_ATTRIBUTES: usize = 1000;

struct Scan<'h, L> {
    html: &'h str,
    /// What has been looked for and is not in the rest of the piece: looked for once only, so that the time stays linear.
    missing: Vec<&'static str>,
    later: L,
}

impl<'h, L: FnMut(&'static str) -> bool> Scan<'h, L> {
    /// The piece with what is no markup escaped and what is hidden gone; and the element that goes on after its end.
    fn run(mut self) -> (String, Option<&'static str>) {
        let html = self.html;
        let mut markup = String::with_capacity(html.len());
        let mut at = 0;
        while let Some(tag) = html[at..].find('<').map(|found| at + found) {
            markup.push_str(&html[at..tag]);
            let rest = &html[tag..];
            let skipped = if rest.starts_with("<!--") {
                self.end(tag + 2, "-->")
            } else if rest.starts_with("<![CDATA[") {
                self.end(tag, "]]>")
            } else if rest.starts_with("<!") {
                self.end(tag, ">")
            } else if rest.starts_with("<?") {
                self.end(tag, "?>")
            } else {
                None
            };
            if let Some(end) = skipped {
                at = end;
                continue;
            }
            let known = tag_name(&rest[1..]).is_some_and(is_known) && !self.missing.contains(&"a whole tag");
            let whole = if known { tag_end(rest) } else { None };
            if known && whole.is_none() {
                self.missing.push("a whole tag");
            }
            let end = whole.filter(|(_, attributes)| *attributes <= MOST_ATTRIBUTES).map(|(end, _)| tag + end);
            let Some(end) = end else {
                markup.push_str("&lt;");
                at = tag + 1;
                continue;
            };
            let element = &html[tag..end];
            let name = tag_name(&element[1..]).unwrap_or_default();
            let hidden = HIDDEN.into_iter().find(|hidden| hidden.eq_ignore_ascii_case(name));
            let Some(hidden) = hidden.filter(|_| !element.starts_with("</") && !element.ends_with("/>")) else {
                markup.push_str(element);
                at = end;
                continue;
            };
            if let Some(after) = self.content_end(end, hidden) {
                markup.push_str(element);
                at = after;
            } else if (self.later)(hidden) {
                markup.push_str(element);
                return (markup, Some(hidden));
            } else {
                // A frame is one even when its end is forgotten; code is shown, rather than all that follows lost.
                markup.push_str(if hidden == "iframe" { "<" } else { "&lt;" });
                at = tag + 1;
            }
        }
        markup.push_str(&html[at..]);
        (markup, None)
    }

    /// The place after the next `mark`, looked for from `from` on.
    fn end(&mut self, from: usize, mark: &'static str) -> Option<usize> {
        if self.missing.contains(&mark) {
            return None;
        }
        let found = self.html[from..].find(mark).map(|at| from + at + mark.len());
        if found.is_none() {
            self.missing.push(mark);
        }
        found
    }

    /// The place after the end tag of `name`.
    fn content_end(&mut self, from: usize, name: &'static str) -> Option<usize> {
        if self.missing.contains(&name) {
            return None;
        }
        let after = after_end_tag(&self.html[from..], name).map(|rest| self.html.len() - rest.len());
        if after.is_none() {
            self.missing.push(name);
        }
        after
    }
}

struct Sink<'w, 'l>(RefCell<&'w mut Writer<'l>>);

impl TokenSink for Sink<'_, '_> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut writer = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => start(&mut writer, &tag),
            Token::TagToken(tag) => writer.raw_end(&tag.name),
            Token::CharacterTokens(text) => writer.text(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// A raw start tag: written, turned into a link, or left out.
fn start(writer: &mut Writer, tag: &Tag) {
    let attribute = |name: &str| tag.attrs.iter().find(|a| &*a.name.local == name).map(|a| &*a.value);
    if let Some(film) = attribute("class").and_then(embed::wistia) {
        writer.embed(&film);
    }
    let shown = match &*tag.name {
        "iframe" | "embed" | "frame" => ["src", "data-src"].iter().find_map(|a| writer.links.file_url(attribute(a)?)),
        "object" => attribute("data").and_then(|data| writer.links.file_url(data)),
        "script" => {
            let script = attribute("src").and_then(|src| writer.links.file_url(src));
            if let Some(embed) = script.as_ref().and_then(embed::script) {
                writer.embed(&embed);
            }
            return;
        }
        "img" => return image(writer, tag),
        _ => None,
    };
    if let Some(embed) = shown.and_then(|url| embed::frame(&url, attribute("title"))) {
        return writer.embed(&embed);
    }
    let Some(element) = kept(&tag.name) else { return };
    let links = writer.links;
    let mut attributes: Vec<Attribute> =
        tag.attrs.iter().filter_map(|a| vet(links, element, &a.name.local, &a.value)).collect();
    match element {
        // An anchor that leads nowhere is left out: nothing in a feed leads to it either.
        "a" if !attributes.iter().any(|(name, _)| *name == "href") => return,
        "audio" | "video" if !attributes.iter().any(|(name, _)| *name == "controls") => {
            attributes.push(("controls", "".into()))
        }
        "source" | "track" if !attributes.iter().any(|(name, _)| matches!(*name, "src" | "srcset")) => return,
        _ => {}
    }
    // The W3C's validator and simple readers look for the address first.
    attributes.sort_by_key(|(name, _)| *name != "href");
    writer.raw_start(element, &attributes);
}

/// A raw picture: with the address that a script would put in place of a stand-in; as its text when it has none.
fn image(writer: &mut Writer, tag: &Tag) {
    let links = writer.links;
    let attribute = |name: &str| tag.attrs.iter().find(|a| &*a.name.local == name).map(|a| &*a.value);
    let mut attributes: Vec<Attribute> = tag
        .attrs
        .iter()
        .filter_map(|a| vet(links, "img", &a.name.local, &a.value))
        .filter(|(name, _)| *name != "src")
        .collect();
    let stated = attribute("src").and_then(|src| links.image(src));
    let source = match stated {
        Some(src) if !src.starts_with("data:") => Some(src),
        stand_in => LAZY.iter().find_map(|name| links.file(attribute(name)?)).or(stand_in),
    };
    let source = source.or_else(|| {
        let (_, set) = attributes.iter().find(|(name, _)| *name == "srcset")?;
        Some(set.split([' ', ',']).next().unwrap_or_default().to_owned())
    });
    picture(writer, source.map(Cow::Owned), &mut attributes, attribute("alt").unwrap_or_default());
}

/// Where scripts that load pictures late keep the address.
const LAZY: [&str; 4] = ["data-src", "data-original", "data-lazy-src", "data-lazy"];

/// Writes a picture, or its text when it has no address.
pub(super) fn picture<'v>(
    writer: &mut Writer,
    source: Option<Cow<'v, str>>,
    attributes: &mut Vec<Attribute<'v>>,
    alt: &str,
) {
    match source {
        Some(source) if embed::is_placeholder(&source) => {}
        Some(source) => {
            attributes.insert(0, ("src", source));
            if !attributes.iter().any(|(name, _)| *name == "alt") {
                attributes.push(("alt", "".into()));
            }
            writer.raw_start("img", attributes);
        }
        None => writer.text(alt),
    }
}
