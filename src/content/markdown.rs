//! A post's Markdown as HTML that can be read anywhere.
//!
//! Pure, and the same on every machine. The Markdown is CommonMark with tables, footnotes, strikethrough, task lists and
//! heading attributes (which are dropped). Whatever the post says, the result holds no script, no handler, no frame and no
//! relative address; an embed is a link, a task's box a letter, and raw HTML is kept as far as feeds may carry it. Tags
//! that are none (`<keyfile>`) are shown as they are written.

mod document;
mod elements;
mod embed;
mod escape;
mod footnotes;
mod plain;
mod raw;
mod sanitize;
mod writer;

use super::links::Links;
use crate::text::Html;
use document::{Document, OPTIONS, with_unknown_blocks_as_text};
use elements::{Element, code_language};
use footnotes::Note;
use pulldown_cmark::{Alignment, BrokenLink, CodeBlockKind, Event, HeadingLevel, LinkType, Parser, Tag, TagEnd};
use sanitize::{Sanitizer, first_image, weight_bytes};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use url::Url;
use writer::{Attribute, Mark, Writer};

pub use sanitize::Image;

/// A post's content, rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Lead, then body, then footnotes.
    pub html: Html,
    /// What the HTML takes in a file of the format that takes most for it.
    pub weight_bytes: usize,
    /// The first picture that can stand for the post.
    pub first_image: Option<Image>,
}

/// Renders posts. One serves all threads.
pub struct Renderer {
    sanitizer: Sanitizer,
}

impl Default for Renderer {
    fn default() -> Renderer {
        Renderer::new()
    }
}

impl Renderer {
    /// Prepares the lists that HTML is cleaned with.
    pub fn new() -> Renderer {
        Renderer { sanitizer: Sanitizer::new() }
    }

    /// Renders a post that is read at `permalink`.
    ///
    /// `lead` and `body` are two documents, so that an unclosed tag or a footnote's label in one does not touch the other;
    /// but links in the lead may use the body's reference definitions. Footnotes of both are numbered through and stand at
    /// the end; one that nothing refers to is left out. Their ids are made of `key`, a short word (`a-z`, `0-9`, `-`) that
    /// is the post's alone, so that several posts can share a page.
    pub fn render(&self, lead: Option<&str>, body: &str, permalink: &Url, key: &str) -> Rendered {
        let links = Links::new(permalink);
        let body = with_unknown_blocks_as_text(body);
        let body = Parser::new_ext(&body, OPTIONS);
        let lead = lead.map(with_unknown_blocks_as_text);
        let lead = lead.as_deref().map(|lead| {
            // As the parser does for a document's own definitions: no more is inserted than there is text.
            let mut fuel = lead.len().max(100_000);
            let borrow = |link: BrokenLink| {
                let found = body.reference_definitions().get(&link.reference)?;
                fuel = fuel.checked_sub(found.dest.len() + found.title.as_ref().map_or(0, |t| t.len()))?;
                Some((found.dest.to_string().into(), found.title.as_ref().map_or("".into(), |t| t.to_string().into())))
            };
            Document::new(Parser::new_with_broken_link_callback(lead, OPTIONS, Some(borrow)))
        });
        let body = Document::new(body);

        let mut page =
            Page { writer: Writer::new(&links, 0), links: &links, key, notes: Vec::new(), numbers: HashMap::new() };
        let documents: Vec<&Document> = lead.iter().chain([&body]).collect();
        for (at, document) in documents.iter().enumerate() {
            page.write(document, at, 0..document.events.len());
            page.writer.close_all();
        }
        page.write_notes(&documents);

        let html = self.sanitizer.clean(&page.writer.finish());
        Rendered { weight_bytes: weight_bytes(&html), first_image: first_image(&html), html }
    }
}

/// A page in the making.
struct Page<'a> {
    writer: Writer<'a>,
    links: &'a Links<'a>,
    key: &'a str,
    /// In the order of the first reference: the number is the place, from 1.
    notes: Vec<Note>,
    numbers: HashMap<(usize, String), usize>,
}

/// What is remembered while a part of a document is written.
#[derive(Default)]
struct State {
    /// For each element that is open, how to close it; `None` for one that was not written.
    marks: Vec<Option<Mark>>,
    alignments: Vec<Alignment>,
    cell: usize,
    in_head: bool,
    /// The end tag up to which nothing is written: its place and name.
    hidden: Option<(usize, &'static str)>,
    /// For each element of [`raw::HIDDEN`] that was looked for, the place of its next end tag.
    ends: HashMap<&'static str, Option<usize>>,
    /// Where the line of text ends that was looked at last.
    text_end: Range<usize>,
}

impl Page<'_> {
    /// Writes a range of events.
    fn write(&mut self, document: &Document, of: usize, range: Range<usize>) {
        let mut state = State::default();
        let mut at = range.start;
        while at < range.end {
            let event = &document.events[at];
            if let Some(&end) = document.note_ends.get(&at) {
                state.hidden = state.hidden.filter(|(hidden_end, _)| !(at..end).contains(hidden_end));
                at = end;
                continue;
            }
            match event {
                Event::Start(Tag::HtmlBlock) => {
                    let end = document.events[at..range.end]
                        .iter()
                        .position(|e| matches!(e, Event::End(TagEnd::HtmlBlock)))
                        .map_or(range.end, |n| at + n);
                    let block: String = document.events[at + 1..end].iter().filter_map(html_of).collect();
                    self.write_raw(document, &mut state, at..end, &block, end..range.end);
                    if state.hidden.is_none() {
                        self.writer.new_line();
                    }
                    at = end;
                }
                Event::InlineHtml(html) | Event::Html(html) => {
                    if !state.text_end.contains(&at) {
                        state.text_end = at..document.text_end(at);
                    }
                    let rest = at + 1..state.text_end.end;
                    self.write_raw(document, &mut state, at..at + 1, html, rest);
                }
                _ if state.hidden.is_some() => match event {
                    Event::Start(_) => state.marks.push(None),
                    Event::End(_) => self.close(&mut state),
                    _ => {}
                },
                Event::Start(Tag::Image { dest_url, title, .. }) => {
                    at = self.write_image(document, at, dest_url, title)
                }
                Event::Start(tag) => self.start(&mut state, tag),
                Event::End(end) => {
                    self.close(&mut state);
                    match end {
                        TagEnd::Emphasis
                        | TagEnd::Strong
                        | TagEnd::Strikethrough
                        | TagEnd::Link
                        | TagEnd::TableCell => {}
                        TagEnd::TableHead => state.in_head = false,
                        _ => self.writer.new_line(),
                    }
                }
                Event::Text(text) | Event::InlineMath(text) | Event::DisplayMath(text) => self.writer.text(text),
                Event::Code(code) => {
                    let mark = self.writer.start("code", &[]);
                    self.writer.text(code);
                    self.writer.close(mark);
                }
                Event::SoftBreak => self.writer.text("\n"),
                Event::HardBreak => {
                    self.writer.raw_start("br", &[]);
                    self.writer.text("\n");
                }
                Event::Rule => {
                    self.writer.raw_start("hr", &[]);
                    self.writer.new_line();
                }
                Event::TaskListMarker(done) => self.writer.text(if *done { "☑ " } else { "☐ " }),
                Event::FootnoteReference(label) => self.write_reference(document, of, label),
            }
            at += 1;
        }
        while !state.marks.is_empty() {
            self.close(&mut state);
        }
    }

    fn close(&mut self, state: &mut State) {
        if let Some(Some(mark)) = state.marks.pop() {
            self.writer.close(mark);
        }
    }

    /// Starts an element of Markdown's.
    fn start(&mut self, state: &mut State, tag: &Tag) {
        let writer = &mut self.writer;
        let mut plain = |name: Element| Some(writer.start(name, &[]));
        let mark = match tag {
            Tag::Paragraph => plain("p"),
            Tag::Heading { level, .. } => plain(match level {
                HeadingLevel::H1 => "h1",
                HeadingLevel::H2 => "h2",
                HeadingLevel::H3 => "h3",
                HeadingLevel::H4 => "h4",
                HeadingLevel::H5 => "h5",
                HeadingLevel::H6 => "h6",
            }),
            Tag::BlockQuote(_) => {
                let mark = plain("blockquote");
                self.writer.new_line();
                mark
            }
            Tag::CodeBlock(kind) => {
                let mark = plain("pre");
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split([' ', '\t', ',']).next().unwrap_or_default(),
                    CodeBlockKind::Indented => "",
                };
                let class = code_language(&format!("language-{language}")).map(|class| ("class", Cow::Owned(class)));
                self.writer.start("code", class.as_slice());
                mark
            }
            Tag::List(start) => {
                let mark = match start {
                    None => plain("ul"),
                    Some(1) => plain("ol"),
                    Some(n) => Some(self.writer.start("ol", &[("start", n.to_string().into())])),
                };
                self.writer.new_line();
                mark
            }
            Tag::Item => plain("li"),
            Tag::Table(alignments) => {
                state.alignments.clone_from(alignments);
                let mark = plain("table");
                self.writer.new_line();
                mark
            }
            Tag::TableHead => {
                (state.cell, state.in_head) = (0, true);
                let mark = plain("thead");
                self.writer.start("tr", &[]);
                mark
            }
            Tag::TableRow => {
                state.cell = 0;
                plain("tr")
            }
            Tag::TableCell => {
                let align = match state.alignments.get(state.cell) {
                    Some(Alignment::Left) => Some("left"),
                    Some(Alignment::Center) => Some("center"),
                    Some(Alignment::Right) => Some("right"),
                    _ => None,
                };
                state.cell += 1;
                let align: Option<Attribute> = align.map(|align| ("align", align.into()));
                Some(self.writer.start(if state.in_head { "th" } else { "td" }, align.as_slice()))
            }
            Tag::Emphasis => plain("em"),
            Tag::Strong => plain("strong"),
            Tag::Strikethrough => plain("del"),
            Tag::Link { link_type, dest_url, title, .. } => {
                let mailto = (*link_type == LinkType::Email).then(|| format!("mailto:{dest_url}"));
                self.links.link(mailto.as_deref().unwrap_or(dest_url)).map(|url| {
                    let mut attributes: Vec<Attribute> = vec![("href", url.into())];
                    if !title.is_empty() {
                        attributes.push(("title", Cow::Borrowed(&**title)));
                    }
                    self.writer.start("a", &attributes)
                })
            }
            // Not asked for in the options, or written elsewhere.
            _ => None,
        };
        state.marks.push(mark);
    }

    /// Writes raw HTML, which is the events `own`. An element that it does not close may be closed in `rest`.
    fn write_raw(&mut self, document: &Document, state: &mut State, own: Range<usize>, html: &str, rest: Range<usize>) {
        let mut html = html;
        if let Some((end, name)) = state.hidden {
            if !own.contains(&end) {
                return;
            }
            state.hidden = None;
            html = raw::after_end_tag(html, name).unwrap_or_default();
        }
        let mut found = None;
        let inside = raw::write(&mut self.writer, html, |name| {
            let next = state.ends.entry(name).or_insert_with(|| document.end_tag(rest.start, name));
            if next.is_some_and(|end| end < rest.start) {
                *next = document.end_tag(rest.start, name);
            }
            found = next.filter(|end| rest.contains(end));
            found.is_some()
        });
        if let (Some(name), Some(end)) = (inside, found) {
            state.hidden = Some((end, name));
        }
    }

    /// Writes a picture; returns the place of its last event.
    fn write_image(&mut self, document: &Document, at: usize, url: &str, title: &str) -> usize {
        let (mut alt, mut depth, mut end) = (String::new(), 0, at);
        for event in &document.events[at..] {
            match event {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                Event::Text(text) | Event::Code(text) => alt.push_str(text),
                Event::InlineHtml(html) if raw::starts_with_unknown_tag(html) => alt.push_str(html),
                Event::SoftBreak | Event::HardBreak => alt.push(' '),
                _ => {}
            }
            if depth == 0 {
                break;
            }
            end += 1;
        }
        let mut attributes: Vec<Attribute> = vec![("alt", alt.as_str().into())];
        if !title.is_empty() {
            attributes.push(("title", title.into()));
        }
        raw::picture(&mut self.writer, self.links.image(url).map(Cow::Owned), &mut attributes, &alt);
        end
    }
}

fn html_of<'e>(event: &'e Event<'_>) -> Option<&'e str> {
    match event {
        Event::Html(html) | Event::InlineHtml(html) | Event::Text(html) => Some(html),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
