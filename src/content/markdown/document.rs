//! One Markdown document as events, and what has to be known of them before they are written.

use super::raw;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// The Markdown that posts are written in, besides CommonMark.
pub(super) const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_HEADING_ATTRIBUTES);

/// The Markdown with a `\` before every tag that begins a block of HTML but is no tag.
///
/// CommonMark takes a line with nothing but `<keyfile>` for the beginning of raw HTML, in which Markdown is not read. As
/// the tag is text, so is the block.
pub(super) fn with_unknown_blocks_as_text(source: &str) -> Cow<'_, str> {
    let mut source = Cow::Borrowed(source);
    // What was a block may hold others, a quote for example; deeper than this they are shown, but not as Markdown.
    for _ in 0..3 {
        let may_have_one = source.match_indices('<').any(|(at, _)| raw::starts_with_unknown_tag(&source[at..]));
        if !may_have_one {
            break;
        }
        let blocks: Vec<usize> = Parser::new_ext(&source, OPTIONS)
            .into_offset_iter()
            .filter(|(event, _)| matches!(event, Event::Start(Tag::HtmlBlock)))
            .filter_map(|(_, range)| Some(range.start + source[range].find('<')?))
            .filter(|&at| raw::starts_with_unknown_tag(&source[at..]))
            .collect();
        if blocks.is_empty() {
            break;
        }
        let mut escaped = String::with_capacity(source.len() + blocks.len());
        let mut copied = 0;
        for at in blocks {
            escaped.push_str(&source[copied..at]);
            escaped.push('\\');
            copied = at;
        }
        escaped.push_str(&source[copied..]);
        source = Cow::Owned(escaped);
    }
    source
}

/// One Markdown document, and where its footnotes are.
pub(super) struct Document<'s> {
    pub(super) events: Vec<Event<'s>>,
    /// For each footnote, by its label in lower case, the events of its content.
    pub(super) notes: HashMap<String, Range<usize>>,
    /// For the first event of each footnote, the one after its last.
    pub(super) note_ends: HashMap<usize, usize>,
}

impl<'s> Document<'s> {
    pub(super) fn new(parser: impl Iterator<Item = Event<'s>>) -> Document<'s> {
        let events: Vec<Event> = parser.collect();
        let (mut notes, mut note_ends, mut open) = (HashMap::new(), HashMap::new(), Vec::new());
        for (at, event) in events.iter().enumerate() {
            match event {
                Event::Start(Tag::FootnoteDefinition(label)) => open.push((at, label.to_lowercase())),
                Event::End(TagEnd::FootnoteDefinition) => {
                    if let Some((start, label)) = open.pop() {
                        note_ends.insert(start, at + 1);
                        notes.entry(label).or_insert(start + 1..at);
                    }
                }
                _ => {}
            }
        }
        Document { events, notes, note_ends }
    }

    /// The place of the next raw HTML from `from` on that holds the end tag of `name`.
    pub(super) fn end_tag(&self, from: usize, name: &str) -> Option<usize> {
        let raw = |event: &Event| matches!(event, Event::Html(html) | Event::InlineHtml(html) if raw::after_end_tag(html, name).is_some());
        self.events.get(from..)?.iter().position(raw).map(|at| from + at)
    }

    /// The end of the line of text (paragraph, heading, cell) that the event at `at` stands in.
    pub(super) fn text_end(&self, at: usize) -> usize {
        let is_end = |event: &Event| match event {
            Event::End(end) => {
                !matches!(end, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image)
            }
            Event::Start(Tag::Paragraph | Tag::List(_) | Tag::BlockQuote(_) | Tag::HtmlBlock | Tag::CodeBlock(_)) => {
                true
            }
            _ => false,
        };
        self.events[at..].iter().position(is_end).map_or(self.events.len(), |n| at + n)
    }
}
