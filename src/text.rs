//! Text that XML can carry.
//!
//! XML 1.0, section 2.2, leaves out most control characters, the surrogates, U+FFFE and U+FFFF: no escape can bring them
//! back, and one of them makes a whole feed unreadable. Neither of the crates that write our feeds looks for them, so
//! every value that may reach a writer has the type [`Text`] (or [`Html`]), and the only ways to make one drop such
//! characters. This file refuses to judge anything else about a text.

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Text without a character that XML 1.0 cannot carry. Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

impl Text {
    /// The text with what XML cannot carry dropped. Use [`first_illegal`] before, where the writer should be told.
    pub fn new(raw: &str) -> Text {
        if first_illegal(raw).is_none() {
            return Text(raw.into());
        }
        Text(raw.chars().filter(|&c| is_legal(c)).collect::<String>().into())
    }

    /// One line: every run of white space becomes one space, none at the ends. For titles and names.
    pub fn one_line(raw: &str) -> Text {
        // Nearly all texts are one line as they stand: no white space but single spaces between words. Without an early end,
        // the machine looks at many bytes at once.
        let bytes = raw.as_bytes();
        let is_plain = bytes.iter().fold(true, |all, &b| all & (b' '..=b'~').contains(&b));
        let has_two = || bytes.windows(2).fold(false, |any, two| any | (two[0] == b' ') & (two[1] == b' '));
        if is_plain && !raw.is_empty() && bytes[0] != b' ' && !raw.ends_with(' ') && !has_two() {
            return Text(raw.into());
        }
        let words: Vec<&str> = raw.split_whitespace().collect();
        Text::new(&words.join(" "))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text::new(text))
            }
        }
        from.deserialize_str(Any)
    }
}

impl From<&str> for Text {
    fn from(raw: &str) -> Text {
        Text::new(raw)
    }
}

impl From<String> for Text {
    fn from(raw: String) -> Text {
        Text::new(&raw)
    }
}

/// A sanitised piece of HTML with absolute URLs only, and no character that XML cannot carry.
///
/// Made by the Markdown renderer; [`Html::trusted`] is for the few fixed pieces that the program writes itself.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Html(Text);

impl Html {
    /// Takes HTML as safe without looking at it, but for characters that XML cannot carry.
    pub fn trusted(html: &str) -> Html {
        Html(Text::new(html))
    }

    /// The HTML itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Html {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

/// Whether XML 1.0 can carry this character (section 2.2, production `Char`).
///
/// The C1 controls are legal but never meant: they are left to whoever wrote them.
pub fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..)
}

/// The place of the first character that XML cannot carry, as a byte offset, and that character.
pub fn first_illegal(text: &str) -> Option<(usize, char)> {
    // Only control characters and U+FFFE, U+FFFF are illegal: the second pair starts with the byte 0xEF. Without an early
    // end and without branches, the machine looks at many bytes at once.
    let suspect = |b: u8| (b < 0x20) & (b != b'\t') & (b != b'\n') & (b != b'\r') | (b == 0xEF);
    if !text.as_bytes().chunks(256).any(|chunk| chunk.iter().fold(false, |any, &b| any | suspect(b))) {
        return None;
    }
    text.char_indices().find(|&(_, c)| !is_legal(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_carry_is_dropped_and_nothing_else() {
        #[track_caller]
        fn case(raw: &str, want: &str) {
            assert_eq!(Text::new(raw).as_str(), want, "{raw:?}");
        }
        case("plain", "plain");
        case("tab\tlf\ncr\r", "tab\tlf\ncr\r");
        case("a\u{0}b\u{1}c\u{8}d\u{b}e\u{c}f\u{e}g\u{1f}h", "abcdefgh");
        case("\u{fffe}x\u{ffff}\u{fffd}", "x\u{fffd}");
        case("\u{feff}emoji 🎉 שלום", "\u{feff}emoji 🎉 שלום");
        for c in ('\u{0}'..='\u{1f}').filter(|c| !"\t\n\r".contains(*c)) {
            case(&format!("x{c}y"), "xy");
        }
    }

    #[test]
    fn one_line_folds_white_space() {
        #[track_caller]
        fn case(raw: &str, want: &str) {
            assert_eq!(Text::one_line(raw).as_str(), want, "{raw:?}");
        }
        case("  a\n  b\t c ", "a b c");
        case("a b c", "a b c");
        case("a  b", "a b");
        case(" a", "a");
        case("a ", "a");
        case("", "");
        case(" ", "");
        case("a\u{1}b\u{7f}c", "ab\u{7f}c");
        case("é \u{2003}b\u{a0}c", "é b c");
    }
}
