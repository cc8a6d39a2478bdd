//! A mail put together from what all mails of an edition share and what is one person's own.
//!
//! Of 50 KB that somebody gets, all but the headers and a word in each link to leave is what everybody gets. So the body is
//! encoded and looked over once, and copied once for each mail: straight into what goes over the wire, where the words are
//! then written into their places. The bytes are those of [`Message::bytes`](super::mime::Message::bytes), dots doubled as
//! in any mail; a test compares the two.

use super::encoded::{Encoded, FillError, Transfer, check_values};
use super::mime::Body;
use super::smtp::{LineFault, check_lines, end, stuff};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A body with places in it that are filled for each recipient.
#[derive(Clone, Debug)]
pub struct Template {
    bytes: Vec<u8>,
    places: Vec<Place>,
    widths: Vec<usize>,
    /// Whether it may be sent as it is: no line begins with a dot, each ends as it must. So it is with all that
    /// [`Encoded`] makes, and what fills a place is letters and digits; were it not so, each mail would be looked at.
    is_clean: bool,
}

/// Where a mail differs from the others.
#[derive(Clone, Debug)]
enum Place {
    /// The value stands there as it is.
    Plain { at: usize, slot: usize },
    /// The value stands in what is encoded together: three bytes become four letters.
    Base64 {
        /// Where the part begins.
        part: usize,
        /// Which of its letters are made of these bytes: the first.
        letter: usize,
        /// What is encoded.
        raw: Vec<u8>,
        /// Where in it values stand, and which.
        values: Vec<(usize, usize)>,
    },
}

/// The letters of a line of base64, and the line break behind them.
const BASE64_LINE: usize = 76;

impl Template {
    /// What all mails with a body share.
    pub fn new(body: &Body) -> Template {
        let (mut bytes, mut places, mut widths) = (Vec::with_capacity(body.size_bytes()), Vec::new(), Vec::new());
        for (before, encoded) in body.parts() {
            bytes.extend_from_slice(before.as_bytes());
            places.extend(places_of(encoded, bytes.len()));
            bytes.extend_from_slice(&encoded.template());
            bytes.extend_from_slice(b"\r\n");
            widths = encoded.widths().to_vec();
        }
        bytes.extend_from_slice(body.end().as_bytes());
        let has_dots = bytes.starts_with(b".") || memchr::memmem::find(&bytes, b"\r\n.").is_some();
        let is_clean = !has_dots && check_lines(&bytes).is_ok();
        Template { bytes, places, widths, is_clean }
    }

    /// Appends the body with these values in its places.
    fn fill(&self, values: &[String], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let out = &mut out[start..];
        for place in &self.places {
            match place {
                Place::Plain { at, slot } => {
                    let value = values[*slot].as_bytes();
                    out[*at..*at + value.len()].copy_from_slice(value);
                }
                Place::Base64 { part, letter, raw, values: stand } => {
                    let mut raw = raw.clone();
                    for &(at, slot) in stand {
                        let value = values[slot].as_bytes();
                        raw[at..at + value.len()].copy_from_slice(value);
                    }
                    let letters = data_encoding::BASE64.encode(&raw);
                    for (letter, byte) in (*letter..).zip(letters.bytes()) {
                        out[part + letter + letter / BASE64_LINE * 2] = byte;
                    }
                }
            }
        }
    }
}

/// The places of a part that begins at `part`.
fn places_of(encoded: &Encoded, part: usize) -> Vec<Place> {
    let (raw, places) = encoded.places();
    if encoded.transfer() != Transfer::Base64 {
        return places.iter().map(|&(at, slot)| Place::Plain { at: part + at, slot }).collect();
    }
    // Values that share three bytes are encoded together: where such a group begins and ends, and what stands in it.
    type Group = (usize, usize, Vec<(usize, usize)>);
    let mut groups: Vec<Group> = Vec::new();
    for &(at, slot) in places {
        let (first, last) = (at / 3 * 3, (at + encoded.widths()[slot]).next_multiple_of(3).min(raw.len()));
        match groups.last_mut() {
            Some((start, end, values)) if first < *end => {
                values.push((at - *start, slot));
                *end = last.max(*end);
            }
            _ => groups.push((first, last, vec![(at - first, slot)])),
        }
    }
    let place = |(first, last, values): Group| Place::Base64 {
        part,
        letter: first / 3 * 4,
        raw: raw[first..last].to_vec(),
        values,
    };
    groups.into_iter().map(place).collect()
}

/// A mail in two pieces.
#[derive(Clone)]
pub struct Spliced {
    /// Signatures, headers and the empty line after them.
    head: Vec<u8>,
    body: Arc<Template>,
    values: Vec<String>,
}

impl fmt::Debug for Spliced {
    /// Without what is in it: the values open a person's doors.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spliced").finish_non_exhaustive()
    }
}

impl Spliced {
    /// A mail of these headers, with the empty line behind them, and a body with one value for each of its slots.
    ///
    /// # Errors
    ///
    /// [`FillError`] where a value does not fit its slot.
    pub fn new(head: String, body: Arc<Template>, values: Vec<String>) -> Result<Spliced, FillError> {
        let given: Vec<&str> = values.iter().map(String::as_str).collect();
        check_values(&given, &body.widths)?;
        Ok(Spliced { head: head.into_bytes(), body, values })
    }

    /// The same with signatures in front of it.
    pub fn signed(self, signatures: String) -> Spliced {
        match signatures.is_empty() {
            true => self,
            false => Spliced { head: [signatures.into_bytes(), self.head].concat(), ..self },
        }
    }

    /// How many bytes it has.
    pub fn size_bytes(&self) -> usize {
        self.head.len() + self.body.bytes.len()
    }

    /// The whole of it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.size_bytes());
        bytes.extend_from_slice(&self.head);
        self.body.fill(&self.values, &mut bytes);
        bytes
    }
}

/// A mail as a transport takes it.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// In one piece.
    Whole(&'a [u8]),
    /// In two.
    Spliced(&'a Spliced),
}

impl<'a> From<&'a [u8]> for Content<'a> {
    fn from(bytes: &'a [u8]) -> Content<'a> {
        Content::Whole(bytes)
    }
}

impl<'a> From<&'a Spliced> for Content<'a> {
    fn from(spliced: &'a Spliced) -> Content<'a> {
        Content::Spliced(spliced)
    }
}

impl<'a> Content<'a> {
    /// The whole of it.
    pub fn bytes(self) -> Cow<'a, [u8]> {
        match self {
            Content::Whole(bytes) => bytes.into(),
            Content::Spliced(spliced) => spliced.bytes().into(),
        }
    }

    /// Appends it as it goes over the wire: dots doubled, and the dot that ends it.
    ///
    /// # Errors
    ///
    /// [`LineFault`] where it may not be sent; nothing is appended then.
    pub(super) fn put(self, out: &mut Vec<u8>) -> Result<(), LineFault> {
        match self {
            Content::Spliced(spliced) if spliced.body.is_clean && spliced.head.ends_with(b"\r\n") => {
                check_lines(&spliced.head)?;
                out.reserve(spliced.size_bytes() + spliced.head.len() / 64 + 1024);
                stuff(&spliced.head, out);
                spliced.body.fill(&spliced.values, out);
            }
            content => {
                let bytes = content.bytes();
                check_lines(&bytes)?;
                stuff(&bytes, out);
            }
        }
        end(out);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
