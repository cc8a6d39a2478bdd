//! Front matter and body: where the one ends and the other starts.
//!
//! A post opens with a line `---`, and the next such line closes its front matter. Files of people, calls to action and
//! terms may lack both. Front matter in TOML or JSON is named as such and refused. This file knows no key.

pub(crate) mod read;
pub(crate) mod yaml;

use crate::diagnostic::{Diagnostic, Span};
use crate::text::is_legal;
use memchr::memchr;
use std::borrow::Cow;
use yaml::{Map, fault};

/// No front matter is larger, in bytes.
pub(crate) const LARGEST: usize = 64 * 1024;

/// Whether a file must have lines `---` around its front matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fences {
    /// As posts do.
    Required,
    /// The opening line, the closing one or both may be missing, as in other collections.
    Optional,
}

/// A file, split.
#[derive(Debug)]
pub(crate) struct Split<'a> {
    /// Front matter, ready for the YAML parser; every character stands where it stands in the file, except behind one
    /// that was dropped.
    pub head: Cow<'a, str>,
    /// The line of the file with which the head starts.
    pub head_line: u32,
    /// The opening line, or the start of the file.
    pub fence: Span,
    /// All that follows the closing line.
    pub body: &'a str,
    /// The line of the file with which the body starts.
    pub body_line: u32,
    /// The byte of the file at which the body starts.
    pub body_start: usize,
}

impl<'a> Split<'a> {
    /// Front matter as a map; `None` where a fault leaves no tree.
    pub fn map(&self, findings: &mut Vec<Diagnostic>) -> Option<Map<'_>> {
        yaml::parse(&self.head, self.head_line, findings)
    }
}

/// Splits a file. Warns of characters in the front matter that had to be dropped.
pub(crate) fn split<'a>(
    bytes: &'a [u8],
    fences: Fences,
    findings: &mut Vec<Diagnostic>,
) -> Result<Split<'a>, Diagnostic> {
    let whole = simdutf8::basic::from_utf8(bytes).map_err(|_| not_utf8(bytes))?;
    let text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
    let mut lines = Lines { text, at: 0, line: 0 };
    let mut first = lines.next();
    while first.as_ref().is_some_and(|l| l.text.trim_end().is_empty()) {
        first = lines.next();
    }
    let opening = first.as_ref().map_or("", |l| l.text.trim_end());
    let at = |width: usize| Span { line: first.as_ref().map_or(1, |l| l.line), column: 1, width: width.max(1) as u32 };
    let foreign = match opening {
        "+++" => Some("TOML"),
        _ if opening.starts_with('{') && fences == Fences::Required => Some("JSON"),
        _ => None,
    };
    if let Some(language) = foreign {
        return Err(fault(format!("front matter is {language}, not YAML"), at(opening.chars().count().min(3)))
            .hint("put lines such as `title: Spring` between two lines `---`"));
    }
    let fenced = opening == "---";
    if !fenced && fences == Fences::Required {
        return Err(fault("post has no front matter", at(1)).hint(
            "start the file with `---`, `title: …`, `pub_date: YYYY-MM-DD` and `---`, each on a line of its own",
        ));
    }
    let (head_start, head_line) = match first.as_ref() {
        Some(_) if fenced => (lines.at, lines.line + 1),
        _ => (0, 1),
    };
    let fence = if fenced { at(3) } else { at(1) };
    if !fenced {
        lines = Lines { text, at: 0, line: 0 };
    }
    let closing = lines.find(|l| matches!(l.text.trim_end(), "---" | "..."));
    if closing.is_none() && fences == Fences::Required {
        return Err(fault("front matter has no closing `---`", fence)
            .hint("put `---` on a line of its own between the last key and the text"));
    }
    let head_end = closing.map_or(text.len(), |l| l.start);
    let body = &text[lines.at..];
    if head_end - head_start > LARGEST {
        return Err(fault(format!("front matter is larger than {} KiB", LARGEST / 1024), fence)
            .hint("move text below the closing `---`"));
    }
    let head = tidy(&text[head_start..head_end], head_line, findings);
    Ok(Split { head, head_line, fence, body, body_line: lines.line + 1, body_start: whole.len() - body.len() })
}

/// A line without its end.
struct Line<'a> {
    text: &'a str,
    start: usize,
    line: u32,
}

/// The lines of a text, and how far it is read.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;
    fn next(&mut self) -> Option<Line<'a>> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let (start, end) = (self.at, memchr(b'\n', rest.as_bytes()));
        self.at += end.map_or(rest.len(), |end| end + 1);
        self.line += 1;
        Some(Line { text: &rest[..end.unwrap_or(rest.len())], start, line: self.line })
    }
}

/// Front matter without what YAML cannot read: control characters and stray byte order marks are dropped with a warning,
/// a carriage return that ends no line becomes a space.
fn tidy<'a>(head: &'a str, first_line: u32, findings: &mut Vec<Diagnostic>) -> Cow<'a, str> {
    // All that is dropped starts with one of these bytes; so do a few letters, hence the second look.
    let suspect = |b: u8| (b < 0x20) & (b != b'\t') & (b != b'\n') | (b == 0x7f) | (b == 0xc2) | (b == 0xef);
    if !head.bytes().fold(false, |any, b| any | suspect(b)) {
        return Cow::Borrowed(head);
    }
    let mut kept = String::with_capacity(head.len());
    let mut dropped = 0;
    let mut first = None;
    let mut chars = head.char_indices().peekable();
    while let Some((i, c)) = chars.next() {
        match c {
            '\r' if chars.peek().is_some_and(|&(_, next)| next != '\n') => kept.push(' '),
            '\u{feff}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' => {}
            c if !is_legal(c) => {}
            c => {
                kept.push(c);
                continue;
            }
        }
        if c != '\r' {
            dropped += 1;
            first = first.or(Some((i, c)));
        }
    }
    if let Some((i, c)) = first {
        let why = if is_legal(c) { "YAML does not allow" } else { "no feed can carry" };
        findings.push(drop_warning("front matter", why, c, dropped).at("", place(head, i, first_line)));
    }
    Cow::Owned(kept)
}

/// What was dropped from where.
pub(crate) fn drop_warning(holder: &str, why: &str, first: char, count: usize) -> Diagnostic {
    let first = format!("U+{:04X}", first as u32);
    Diagnostic::warning(match count {
        1 => format!("{holder} holds {first}, which {why}; it was dropped"),
        _ => format!("{holder} holds {count} characters which {why}, the first {first}; they were dropped"),
    })
}

/// Line and column of a byte in a text, the first line of which is `first_line`.
pub(crate) fn place(text: &str, at: usize, first_line: u32) -> Span {
    let before = &text[..at];
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let lines = before.bytes().filter(|&b| b == b'\n').count();
    Span { line: first_line + lines as u32, column: before[start..].chars().count() as u32 + 1, width: 1 }
}

fn not_utf8(bytes: &[u8]) -> Diagnostic {
    let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let sound = std::str::from_utf8(&bytes[..valid]).unwrap_or("");
    let sound = sound.strip_prefix('\u{feff}').unwrap_or(sound);
    let message = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the file is UTF-16, not UTF-8".into(),
        _ => format!("the file is not UTF-8: byte 0x{:02X} is no part of a character", bytes[valid]),
    };
    fault(message, place(sound, sound.len(), 1)).hint("save it as UTF-8")
}
