//! Making a sloppy document readable for strict readers.
//!
//! Feeds in the wild declare one character set and use another, carry control characters that XML forbids, and leave `&`
//! unescaped. This file turns bytes into text, says whether the text is XML that can be read safely, and mends those
//! faults. It knows nothing of feeds and repairs no structure: a missing end tag stays missing.

use crate::text::is_legal;
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;

/// Elements may lie this deep in each other. The readers of the feed crates recurse, so that a document without a limit
/// could overflow the stack.
const MAX_DEPTH: usize = 200;

/// Bytes as text, without a byte order mark, leading white space and XML declaration.
///
/// A byte order mark decides, else the XML declaration, else UTF-8 is taken for granted; what cannot be decoded becomes
/// U+FFFD. The declaration is cut because it would name an encoding that the text no longer has.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let encoding = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None => declared_encoding(bytes).unwrap_or(encoding_rs::UTF_8),
    };
    match encoding.decode(bytes).0 {
        Cow::Borrowed(text) => Cow::Borrowed(without_declaration(text)),
        Cow::Owned(text) => Cow::Owned(without_declaration(&text).to_owned()),
    }
}

/// The text without leading white space (or a second byte order mark) and XML declaration.
fn without_declaration(text: &str) -> &str {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || !is_legal(c));
    match text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest.trim_start(),
        None => text,
    }
}

/// What `encoding="..."` in the first bytes names. UTF-16 is not believed: these bytes were read as ASCII.
fn declared_encoding(bytes: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let head = &bytes[..bytes.len().min(200)];
    let head = head[head.iter().position(|b| !b.is_ascii_whitespace())?..].strip_prefix(b"<?xml")?;
    let head = String::from_utf8_lossy(head);
    let (_, rest) = head.split_once("?>").map_or(&*head, |(declaration, _)| declaration).split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|&c| c == '"' || c == '\'')?;
    let label = rest[1..].split(quote).next()?;
    encoding_rs::Encoding::for_label(label.as_bytes()).filter(|encoding| encoding.is_ascii_compatible())
}

/// Why a text is not XML that can be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Malformed {
    /// What is wrong.
    pub reason: String,
    /// Where: line and column from 1, column in characters.
    pub at: (u32, u32),
}

/// The text, when it is well-formed as far as the feed crates look and not too deep; mended, when that helps.
///
/// # Errors
///
/// [`Malformed`] when mending does not help. Its place is one in the text that was given where nothing was mended before
/// it on its line.
pub fn readable(text: &str) -> Result<Cow<'_, str>, Malformed> {
    if well_formed(text).is_ok() {
        return Ok(Cow::Borrowed(text));
    }
    let mended = mend(text);
    well_formed(&mended)?;
    Ok(Cow::Owned(mended))
}

/// Reads the whole text once and keeps nothing.
fn well_formed(text: &str) -> Result<(), Malformed> {
    let mut reader = Reader::from_str(text);
    let mut depth = 0usize;
    loop {
        let event = reader.read_event();
        let position = if event.is_err() { reader.error_position() } else { reader.buffer_position() };
        let fail = |reason: String| Malformed { reason, at: line_and_column(text, position) };
        match event.map_err(|error| fail(error.to_string()))? {
            Event::Start(element) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(fail(format!("elements lie more than {MAX_DEPTH} deep in each other")));
                }
                check_attributes(&element).map_err(fail)?;
            }
            Event::Empty(element) => check_attributes(&element).map_err(fail)?,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::GeneralRef(reference) => {
                reference.resolve_char_ref().map_err(|error| fail(error.to_string()))?;
            }
            Event::Eof if depth > 0 => return Err(fail("the end is missing".to_owned())),
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// Whether every attribute's value can be read.
fn check_attributes(element: &BytesStart<'_>) -> Result<(), String> {
    for attribute in element.attributes().with_checks(false).flatten() {
        attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Drops what XML cannot carry, and escapes each `&` that starts no reference that XML knows.
fn mend(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<']) {
        push_legal(&mut out, &rest[..at]);
        rest = &rest[at..];
        let verbatim = [("<![CDATA[", "]]>"), ("<!--", "-->")]
            .into_iter()
            .find(|(open, _)| rest.starts_with(open))
            .map(|(_, close)| rest.find(close).map_or(rest.len(), |end| end + close.len()));
        let taken = match verbatim {
            Some(taken) => taken,
            None if rest.starts_with('&') => match reference(rest) {
                Reference::Known(width) => width,
                Reference::Illegal(width) => {
                    rest = &rest[width..];
                    continue;
                }
                Reference::None => {
                    out.push_str("&amp;");
                    rest = &rest[1..];
                    continue;
                }
            },
            None => 1,
        };
        push_legal(&mut out, &rest[..taken]);
        rest = &rest[taken..];
    }
    push_legal(&mut out, rest);
    out
}

fn push_legal(out: &mut String, text: &str) {
    out.extend(text.chars().filter(|&c| is_legal(c)));
}

/// What an `&` starts; widths in bytes.
enum Reference {
    Known(usize),
    Illegal(usize),
    None,
}

fn reference(text: &str) -> Reference {
    let Some(end) = text.bytes().take(12).position(|b| b == b';') else { return Reference::None };
    let name = &text[1..end];
    let code = match name.strip_prefix('#') {
        None if matches!(name, "amp" | "lt" | "gt" | "quot" | "apos") => return Reference::Known(end + 1),
        None => return Reference::None,
        Some(digits) => match digits.strip_prefix('x') {
            Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16).ok(),
            None if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok(),
            _ => return Reference::None,
        },
    };
    match code.and_then(char::from_u32) {
        Some(c) if is_legal(c) => Reference::Known(end + 1),
        _ => Reference::Illegal(end + 1),
    }
}

/// Line and column of a byte, from 1, the column in characters.
fn line_and_column(text: &str, byte: u64) -> (u32, u32) {
    let mut end = usize::try_from(byte).unwrap_or(usize::MAX).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_text_by_mark_then_declaration_then_utf8() {
        #[track_caller]
        fn case(bytes: &[u8], want: &str) {
            assert_eq!(decode(bytes), want, "{}", String::from_utf8_lossy(bytes));
        }
        case(b"<a>caf\xc3\xa9</a>", "<a>café</a>");
        case(b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<a/>", "<a/>");
        case(b"\n \t<?xml version='1.0' encoding = 'iso-8859-1' ?><a>caf\xe9</a>", "<a>café</a>");
        case(b"<?xml version=\"1.0\" encoding=\"windows-1252\"?><a>\x93x\x94</a>", "<a>“x”</a>");
        case(b"<?xml version=\"1.0\" encoding=\"utf-16\"?><a/>", "<a/>");
        case(b"\xff\xfe<\0a\0/\0>\0", "<a/>");
        case(b"<a>caf\xe9</a>", "<a>caf\u{fffd}</a>");
        case(b"<?xml", "<?xml");
        case(b"", "");
    }

    #[test]
    fn what_readers_stumble_over_is_mended_and_nothing_else() {
        #[track_caller]
        fn case(text: &str, want: &str) {
            assert_eq!(mend(text), want, "{text:?}");
        }
        case("<a>R&D &amp; more</a>", "<a>R&amp;D &amp; more</a>");
        case("<a href='?a=1&b=2'/>", "<a href='?a=1&amp;b=2'/>");
        case("<a>&nbsp;&#160;&#xA0;</a>", "<a>&amp;nbsp;&#160;&#xA0;</a>");
        case("<a>&#1;&#x0;&#xFFFF;x</a>", "<a>x</a>");
        case("<a>&#+1; &#; &</a>", "<a>&amp;#+1;  &amp;</a>");
        case("<a><![CDATA[R&D\u{1}]]>\u{b}</a>", "<a><![CDATA[R&D]]></a>");
        case("<!-- a & b --><a/>", "<!-- a & b --><a/>");
        case("<![CDATA[&", "<![CDATA[&");
        case("&ééééééééééé;", "&amp;ééééééééééé;");
    }

    #[test]
    fn what_cannot_be_mended_is_pointed_at() {
        #[track_caller]
        fn case(text: &str, reason: &str, at: (u32, u32)) {
            assert_eq!(readable(text), Err(Malformed { reason: reason.to_owned(), at }), "{text:?}");
        }
        case("<a>\n<b></a>", "ill-formed document: expected `</b>`, but `</a>` was found", (2, 4));
        case("<a>\n  <b></b>", "the end is missing", (2, 10));
        case(&"<a>".repeat(201), "elements lie more than 200 deep in each other", (1, 604));
    }

    #[test]
    fn what_is_well_formed_is_not_touched() {
        assert!(matches!(readable("<a b='&lt;'>x &#38; y</a>"), Ok(Cow::Borrowed(_))));
        assert_eq!(readable("<a>R&D</a>").unwrap(), "<a>R&amp;D</a>");
    }
}
