//! A part's text as it goes over the wire, with places that are filled for each recipient.
//!
//! Quoted-printable (RFC 2045, section 6.7), or base64 where that is shorter, as it is for Chinese, Japanese and the like:
//! ASCII, lines of at most 76 characters, CRLF. Text is encoded once; a [`Slot`] in it is as wide as what will stand in its
//! place and no soft line break divides it, so that filling it changes neither a line nor the size. The encoder is our own
//! because no other keeps a word whole.

use email_encoding::body::base64;
use sha2::{Digest, Sha256};

/// The longest line of quoted-printable text, without the `=` that continues it.
const LINE: usize = 75;

/// The longest line of text that is left as it is: RFC 5322, section 2.1.1.
const LONGEST_READABLE: usize = 998;

/// A word that stands for what each recipient's mail says in its place: letters and digits, which no template, escape or
/// URL changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slot(String);

/// A slot that is too narrow to be unlike any other text, or too wide for a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a place of {0} characters cannot be kept: it must have 16 to 72")]
pub struct SlotError(usize);

impl Slot {
    /// A slot of so many characters. `content` is what the issue is made of: its hash is part of the word, so that no post
    /// can hold the word and be given what is meant for one recipient alone.
    ///
    /// # Errors
    ///
    /// [`SlotError`] where the width is not 16 to 72.
    pub fn new(name: &str, width: usize, content: &[u8]) -> Result<Slot, SlotError> {
        if !(16..=72).contains(&width) {
            return Err(SlotError(width));
        }
        let mut word = String::from("X");
        for part in 0_u8..2 {
            let hash = Sha256::new().chain_update([part]).chain_update(name).chain_update([0]).chain_update(content);
            word.extend(hash.finalize().iter().map(|byte| format!("{byte:02x}")));
        }
        word.truncate(width);
        Ok(Slot(word))
    }

    /// The word to write where the value will stand.
    pub fn marker(&self) -> &str {
        &self.0
    }
}

/// Why values cannot be put in their places.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// Each slot wants one value, in the order of the slots.
    #[error("{given} values for {wanted} places")]
    Count {
        /// Values there were.
        given: usize,
        /// Slots there are.
        wanted: usize,
    },
    /// A value is not as wide as its slot.
    #[error("value {number} has {given} characters, its place {wanted}")]
    Width {
        /// Which value, counted from 1.
        number: usize,
        /// Its characters.
        given: usize,
        /// The characters of the slot.
        wanted: usize,
    },
    /// A value holds something else than letters, digits, `-` and `_`.
    #[error("value {0} holds something else than letters, digits, `-` and `_`")]
    Character(usize),
}

/// Text as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    transfer: Transfer,
    /// As on the wire for quoted-printable; what is to be encoded for base64, whose lines are no wider for any value.
    bytes: Vec<u8>,
    /// Where in `bytes` each slot stands, and which.
    places: Vec<(usize, usize)>,
    widths: Vec<usize>,
}

/// How a part is encoded (RFC 2045, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// As it is.
    SevenBit,
    /// Readable but for what is not ASCII.
    QuotedPrintable,
    /// Shorter where most is not ASCII.
    Base64,
}

impl Transfer {
    /// The value of Content-Transfer-Encoding.
    pub fn as_str(self) -> &'static str {
        match self {
            Transfer::SevenBit => "7bit",
            Transfer::QuotedPrintable => "quoted-printable",
            Transfer::Base64 => "base64",
        }
    }
}

impl Encoded {
    /// The text encoded, in whichever way is shorter, with the slots in it found. Line breaks become CRLF.
    pub fn new(text: &str, slots: &[Slot]) -> Encoded {
        let mut lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
        let last_is_open = !text.ends_with('\n');
        if last_is_open {
            // What stood before the last line break was CR; at the end of the text it is no part of one.
            let tail = text.rsplit('\n').next().unwrap_or_default();
            lines.pop();
            lines.push(tail);
        }
        let raw = lines.join("\r\n");
        let quoted = quoted_printable(&lines, slots);
        let widths = slots.iter().map(|slot| slot.0.len()).collect();
        if quoted.0.len() <= base64_len(raw.len()) {
            return Encoded { transfer: Transfer::QuotedPrintable, bytes: quoted.0, places: quoted.1, widths };
        }
        let mut places: Vec<(usize, usize)> = slots
            .iter()
            .enumerate()
            .flat_map(|(number, slot)| raw.match_indices(slot.marker()).map(move |(at, _)| (at, number)))
            .collect();
        places.sort_unstable();
        Encoded { transfer: Transfer::Base64, bytes: raw.into_bytes(), places, widths }
    }

    /// The text as it is where it is plain ASCII, so that also a person who looks at the file finds its addresses whole; else
    /// as [`Encoded::new`] has it. Without slots.
    pub fn readable(text: &str) -> Encoded {
        let is_plain = |line: &str| {
            let is_printable = |b: u8| matches!(b, b' '..=b'~' | b'\t');
            line.len() <= LONGEST_READABLE && line.bytes().all(is_printable) && !must_be_quoted(line)
        };
        match text.ends_with('\n') && text.lines().all(is_plain) {
            true => {
                let lines: String = text.lines().flat_map(|line| [line, "\r\n"]).collect();
                Encoded { transfer: Transfer::SevenBit, bytes: lines.into_bytes(), places: vec![], widths: vec![] }
            }
            false => Encoded::new(text, &[]),
        }
    }

    /// How it is encoded.
    pub fn transfer(&self) -> Transfer {
        self.transfer
    }

    /// How many bytes go over the wire: the same for every recipient.
    pub fn size_bytes(&self) -> usize {
        match self.transfer {
            Transfer::SevenBit | Transfer::QuotedPrintable => self.bytes.len(),
            Transfer::Base64 => base64_len(self.bytes.len()),
        }
    }

    /// How many times a slot stands in the text. A way out that stands nowhere is no way out.
    pub fn count(&self, slot: usize) -> usize {
        self.places.iter().filter(|&&(_, number)| number == slot).count()
    }

    /// Appends the text with one value for each slot, in the order of the slots.
    ///
    /// # Errors
    ///
    /// [`FillError`] where there are too few or too many values, or one does not fit its slot; nothing is appended then.
    pub fn fill(&self, values: &[&str], out: &mut Vec<u8>) -> Result<(), FillError> {
        check_values(values, &self.widths)?;
        match self.transfer {
            Transfer::SevenBit | Transfer::QuotedPrintable => {
                let start = out.len();
                out.extend_from_slice(&self.bytes);
                self.put(values, &mut out[start..]);
            }
            Transfer::Base64 => {
                let mut raw = self.bytes.clone();
                self.put(values, &mut raw);
                let mut text = String::with_capacity(base64_len(raw.len()));
                base64::encode(&raw, &mut text).expect("a String takes whatever is written");
                out.extend_from_slice(text.as_bytes());
            }
        }
        Ok(())
    }

    /// The text as it goes over the wire, with something in each place that is as wide as what will stand there.
    pub(super) fn template(&self) -> Vec<u8> {
        match self.transfer {
            Transfer::SevenBit | Transfer::QuotedPrintable => self.bytes.clone(),
            Transfer::Base64 => {
                let mut text = String::with_capacity(base64_len(self.bytes.len()));
                base64::encode(&self.bytes, &mut text).expect("a String takes whatever is written");
                text.into_bytes()
            }
        }
    }

    /// What is encoded, before that where it is base64, and where in it each slot stands, and which.
    pub(super) fn places(&self) -> (&[u8], &[(usize, usize)]) {
        (&self.bytes, &self.places)
    }

    /// How wide each slot is.
    pub(super) fn widths(&self) -> &[usize] {
        &self.widths
    }

    fn put(&self, values: &[&str], bytes: &mut [u8]) {
        for &(at, number) in &self.places {
            bytes[at..at + self.widths[number]].copy_from_slice(values[number].as_bytes());
        }
    }
}

/// Whether there is one value for each slot, and each fits.
pub(super) fn check_values(values: &[&str], widths: &[usize]) -> Result<(), FillError> {
    if values.len() != widths.len() {
        return Err(FillError::Count { given: values.len(), wanted: widths.len() });
    }
    for (number, (value, &wanted)) in (1..).zip(values.iter().zip(widths)) {
        if !value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(FillError::Character(number));
        }
        if value.len() != wanted {
            return Err(FillError::Width { number, given: value.len(), wanted });
        }
    }
    Ok(())
}

/// Whether a line would be changed on its way: some programs write a `>` before `From ` at the start of a line, or take a lone
/// dot for the end of the mail.
fn must_be_quoted(line: &str) -> bool {
    line.starts_with("From ") || line.starts_with('.')
}

/// How long so many bytes are in base64, with lines of 76 characters.
fn base64_len(bytes: usize) -> usize {
    base64::encoded_len(bytes)
}

/// Lines in quoted-printable, and where the slots stand. Nothing is divided by a soft line break but between two
/// characters, and no slot is.
fn quoted_printable(lines: &[&str], slots: &[Slot]) -> (Vec<u8>, Vec<(usize, usize)>) {
    let mut out = Vec::with_capacity(lines.iter().map(|line| line.len() + line.len() / 16 + 2).sum());
    let mut places = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            out.extend_from_slice(b"\r\n");
        }
        let mut start = out.len();
        let mut rest = *line;
        while let Some(c) = rest.chars().next() {
            // All markers start with the same letter: where it does not stand, none does.
            let slot = match c == 'X' {
                true => slots.iter().position(|slot| rest.starts_with(slot.marker())),
                false => None,
            };
            let width = slot.map_or(c.len_utf8(), |slot| slots[slot].0.len());
            let (piece, after) = rest.split_at(width);
            let wire = match slot {
                Some(_) => width,
                None if is_literal(c, after.is_empty()) => 1,
                None => 3 * width,
            };
            if out.len() - start + wire > LINE {
                out.extend_from_slice(b"=\r\n");
                start = out.len();
            }
            let first = out.len() == start && must_be_quoted(rest);
            if let Some(slot) = slot {
                places.push((out.len(), slot));
            }
            if wire == width && !first {
                out.extend_from_slice(piece.as_bytes());
            } else {
                for byte in piece.bytes() {
                    out.push(b'=');
                    out.extend([byte >> 4, byte & 15].map(|nibble| b"0123456789ABCDEF"[usize::from(nibble)]));
                }
            }
            rest = after;
        }
    }
    (out, places)
}

/// Whether a character stands for itself. White space does, but not at the end of a line.
fn is_literal(c: char, at_end: bool) -> bool {
    match c {
        ' ' | '\t' => !at_end,
        '!'..='~' => c != '=',
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, slots: &[Slot], values: &[&str]) -> String {
        let mut out = Vec::new();
        Encoded::new(text, slots).fill(values, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn plain_text_for_one_person_is_left_as_it_is() {
        #[track_caller]
        fn case(text: &str, transfer: Transfer) {
            let encoded = Encoded::readable(text);
            assert_eq!(encoded.transfer(), transfer, "{text:.40}");
            let mut out = Vec::new();
            encoded.fill(&[], &mut out).unwrap();
            assert_eq!(out.len(), encoded.size_bytes());
            if transfer == Transfer::SevenBit {
                assert_eq!(String::from_utf8(out).unwrap(), text.replace('\n', "\r\n"));
            }
        }
        case("Hello\n\nhttps://example.org/a=b\n", Transfer::SevenBit);
        case(&format!("{}\n", "x".repeat(998)), Transfer::SevenBit);
        case(&format!("{}\n", "x".repeat(999)), Transfer::QuotedPrintable);
        case("From here on\n", Transfer::QuotedPrintable);
        case("a\n.\n", Transfer::QuotedPrintable);
        case("Gr\u{fc}\u{df}e aus dem Tal, und bis bald\n", Transfer::QuotedPrintable);
        case("a\rb\n", Transfer::QuotedPrintable);
        case("no line end", Transfer::QuotedPrintable);
    }

    #[test]
    fn text_is_quoted_where_it_must_be() {
        #[track_caller]
        fn case(text: &str, want: &str) {
            assert_eq!(filled(text, &[], &[]), want);
        }
        case("", "");
        case("plain\n", "plain\r\n");
        case("a\r\nb\nc", "a\r\nb\r\nc");
        case("a=b é, in a longer text", "a=3Db =C3=A9, in a longer text");
        case("space at the end \ntab at the end\t\n", "space at the end=20\r\ntab at the end=09\r\n");
        case("a lone\rCR stays, as does the one at the end\r", "a lone=0DCR stays, as does the one at the end=0D");
        case(".\nFrom me\n.x", "=2E\r\n=46rom me\r\n=2Ex");
        case("a control \u{0} character", "a control =00 character");
        case(&format!("{}é", "x".repeat(74)), &format!("{}=\r\n=C3=A9", "x".repeat(74)));
        case(&"x".repeat(76), &format!("{}=\r\nx", "x".repeat(75)));
    }

    #[test]
    fn base64_is_taken_where_it_is_shorter() {
        #[track_caller]
        fn case(text: &str, want: Transfer) {
            assert_eq!(Encoded::new(text, &[]).transfer(), want, "{text}");
        }
        case("Schöne Grüße aus Köln: die Beiträge dieser Woche, von Anfang bis Ende", Transfer::QuotedPrintable);
        case("今週の記事をお届けします", Transfer::Base64);
        assert_eq!(filled("今週の記事", &[], &[]), "5LuK6YCx44Gu6KiY5LqL");
    }

    #[test]
    fn a_slot_is_never_divided() {
        let slots = [Slot::new("leave", 32, b"x").unwrap(), Slot::new("see", 16, b"x").unwrap()];
        for before in 0..200 {
            for fill in ["a", "é", "字"] {
                let text = format!("{}{}{}.", fill.repeat(before), slots[0].marker(), slots[1].marker());
                let encoded = Encoded::new(&text, &slots);
                let (one, two) = ("1".repeat(32), "2".repeat(16));
                let mut out = Vec::new();
                encoded.fill(&[&one, &two], &mut out).unwrap();
                assert_eq!((encoded.count(0), encoded.count(1)), (1, 1));
                assert_eq!(out.len(), encoded.size_bytes());
                let want = text.replace(slots[0].marker(), &one).replace(slots[1].marker(), &two);
                let plain = filled(&want, &[], &[]);
                let wire = String::from_utf8(out).unwrap();
                if encoded.transfer() == Transfer::QuotedPrintable {
                    assert!(wire.contains(&one) && wire.contains(&two), "{wire}");
                    assert_eq!(wire.replace("=\r\n", ""), plain.replace("=\r\n", ""));
                } else {
                    assert_eq!(wire, plain);
                }
                assert!(wire.split("\r\n").all(|line| line.len() <= 76 && line.is_ascii()));
            }
        }
    }

    #[test]
    fn values_must_fit() {
        #[track_caller]
        fn case(values: &[&str], want: &str) {
            let slots = [Slot::new("leave", 16, b"x").unwrap()];
            let mut out = Vec::new();
            let told = Encoded::new(slots[0].marker(), &slots).fill(values, &mut out).unwrap_err().to_string();
            assert_eq!((told.as_str(), out.len()), (want, 0));
        }
        case(&[], "0 values for 1 places");
        case(&["abc"], "value 1 has 3 characters, its place 16");
        case(&["0123456789abcde="], "value 1 holds something else than letters, digits, `-` and `_`");
        case(&["0123456789abcd\r\n"], "value 1 holds something else than letters, digits, `-` and `_`");
    }

    #[test]
    fn the_word_for_a_slot_follows_from_what_the_issue_is_made_of() {
        let word = |name, width, content: &str| Slot::new(name, width, content.as_bytes()).unwrap().0;
        assert_eq!(word("leave", 24, "a").len(), 24);
        assert_eq!(word("leave", 72, "a").len(), 72);
        assert_eq!(word("leave", 24, "a"), word("leave", 24, "a"));
        assert_ne!(word("leave", 24, "a"), word("leave", 24, "b"));
        assert_ne!(word("leave", 24, "a"), word("see", 24, "a"));
        assert_eq!(
            Slot::new("leave", 80, b"").unwrap_err().to_string(),
            "a place of 80 characters cannot be kept: it must have 16 to 72"
        );
    }
}
