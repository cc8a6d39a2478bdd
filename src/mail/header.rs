//! Text in a header: what it may hold, and how it is written.
//!
//! RFC 5322 knows ASCII only; RFC 2047 brings the rest in, as encoded words of at most 75 characters. This file refuses
//! control characters: a line break would start a header of its own.

use email_encoding::headers::{rfc2047, writer::EmailWriter};
use std::fmt::{self, Write as _};

/// The longest word that is written as it is. A longer one would not fit on a line of 78 with the name of its header.
const LONGEST_PLAIN_WORD: usize = 60;

/// One line of text without control characters, never empty, without white space at its ends.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HeaderText(String);

/// Why a text cannot stand in a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderTextError {
    /// There is nothing but white space.
    #[error("it is empty")]
    Empty,
    /// A control character: a line break, NUL and the like.
    #[error("character {position} is {}, and a header is one line of text", name_of(*.character))]
    Control {
        /// The character.
        character: char,
        /// Which one it is, counted from 1.
        position: usize,
    },
}

impl HeaderText {
    /// The text as it is, but for white space at its ends. For what people write into settings.
    ///
    /// # Errors
    ///
    /// [`HeaderTextError`] where it holds a control character (CR, LF and NUL among them), or nothing.
    pub fn new(raw: &str) -> Result<HeaderText, HeaderTextError> {
        let control = raw.chars().enumerate().find(|&(_, c)| is_control(c));
        if let Some((before, character)) = control {
            return Err(HeaderTextError::Control { character, position: before + 1 });
        }
        match raw.trim() {
            "" => Err(HeaderTextError::Empty),
            text => Ok(HeaderText(text.to_string())),
        }
    }

    /// The text on one line: every run of white space becomes one space, other control characters go. For what comes out
    /// of templates.
    ///
    /// # Errors
    ///
    /// [`HeaderTextError::Empty`] where nothing is left.
    pub fn one_line(raw: &str) -> Result<HeaderText, HeaderTextError> {
        let spaced: String = raw
            .chars()
            .filter(|&c| c.is_whitespace() || !is_control(c))
            .map(|c| if is_control(c) { ' ' } else { c })
            .collect();
        HeaderText::new(&spaced.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Control characters, and the two separators that some programs take for line breaks.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn name_of(c: char) -> String {
    match c {
        '\r' => "a carriage return".into(),
        '\n' => "a line break".into(),
        '\t' => "a tab".into(),
        '\0' => "NUL".into(),
        c => format!("the control character U+{:04X}", u32::from(c)),
    }
}

/// An unstructured header's value, folded: as it is where that is safe, else as encoded words.
///
/// lettre would write a long word on one line however long, and a text that looks like an encoded word as it is, to be
/// read as something else. So the choice is made here, and only the encoding left to the library beneath lettre.
pub(crate) fn unstructured(name: &str, text: &HeaderText) -> String {
    let mut value = String::new();
    let mut writer = EmailWriter::new(&mut value, name.len() + ": ".len(), 0, false);
    let written = match is_plain(text.as_str()) {
        true => writer.folding().write_str(text.as_str()),
        false => rfc2047::encode(text.as_str(), &mut writer),
    };
    written.expect("a String takes whatever is written");
    drop(writer);
    value
}

/// A phrase (RFC 5322, section 3.2.5) before an address or an id: bare words where nothing in them means something,
/// else in quotes, else encoded words. At its end stands a space, or a fold where what `follows` in `<` and `>`, counted
/// in bytes, would not fit on the line.
pub(crate) fn phrase(name: &str, text: &HeaderText, follows: usize) -> String {
    let text = text.as_str();
    let mut value = String::new();
    let mut writer = EmailWriter::new(&mut value, name.len() + ": ".len(), 0, false);
    let written = match is_plain(text) {
        true if text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~ ".contains(&b)) => {
            writer.folding().write_str(text)
        }
        true => {
            let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            writer.folding().write_str(&quoted)
        }
        false => rfc2047::encode(text, &mut writer),
    };
    written.expect("a String takes whatever is written");
    drop(writer);
    let line = match value.rfind("\r\n") {
        Some(at) => value.len() - at - "\r\n".len(),
        None => name.len() + ": ".len() + value.len(),
    };
    value.push_str(if line + 1 + follows > 76 { "\r\n " } else { " " });
    value
}

/// Whether a text can stand in a header as it is: it cannot be taken for anything else, and folds at its spaces.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| (b' '..=b'~').contains(&b))
        && !text.contains("=?")
        && text.split(' ').all(|word| (1..=LONGEST_PLAIN_WORD).contains(&word.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_one_line() {
        #[track_caller]
        fn case(raw: &str, want: &str) {
            assert_eq!(HeaderText::new(raw).unwrap_err().to_string(), want);
        }
        case("Sale\r\nBcc: all@example.com", "character 5 is a carriage return, and a header is one line of text");
        case("é\nx", "character 2 is a line break, and a header is one line of text");
        case("\0", "character 1 is NUL, and a header is one line of text");
        case("a\tb", "character 2 is a tab, and a header is one line of text");
        case("a\u{7f}", "character 2 is the control character U+007F, and a header is one line of text");
        case("a\u{2028}b", "character 2 is the control character U+2028, and a header is one line of text");
        case(" \u{a0} ", "it is empty");
    }

    #[test]
    fn a_text_can_be_made_one_line() {
        assert_eq!(HeaderText::one_line("  a\r\n\tb\0\u{1b}c \u{2028}d\n").unwrap().as_str(), "a bc d");
        assert_eq!(HeaderText::one_line("\r\n\0").unwrap_err(), HeaderTextError::Empty);
    }

    #[test]
    fn a_text_is_written_plainly_where_that_is_safe() {
        #[track_caller]
        fn case(raw: &str, want: &str) {
            assert_eq!(unstructured("Subject", &HeaderText::new(raw).unwrap()), want);
        }
        case("Five rules for audits", "Five rules for audits");
        case("<b>&\"' \\ (x), y: z; @", "<b>&\"' \\ (x), y: z; @");
        case("=?utf-8?q?x?=", "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?=");
        case("a  b", "=?utf-8?b?YSAgYg==?=");
        case("Grüße 🎉", "=?utf-8?b?R3LDvMOfZSDwn46J?=");
        case(
            &"word ".repeat(30),
            "word word word word word word word word word word word word word\r\n word word word word word word word word \
             word word word word word word word\r\n word word",
        );
        case(
            &"漢字🎉".repeat(12),
            "=?utf-8?b?5ryi5a2X8J+Oiea8ouWtl/CfjonmvKLlrZfwn46J5ryi5a2X?=\r\n \
             =?utf-8?b?8J+Oiea8ouWtl/CfjonmvKLlrZfwn46J5ryi5a2X8J+Oiea8ouWtl/Cfjok=?=\r\n \
             =?utf-8?b?5ryi5a2X8J+Oiea8ouWtl/CfjonmvKLlrZfwn46J5ryi5a2X8J+OiQ==?=",
        );
    }
}
