//! The form of headers and bodies that a signature is made over: `relaxed` of RFC 6376, sections 3.4.2 and 3.4.4.
//!
//! What servers on the way change does not count: white space, how headers are folded, empty lines at the end. A line ends
//! with CRLF and with nothing else; a CR or LF by itself is a character like any other.

use ring::digest::{Context, SHA256};

/// Appends a header without the CRLF at its end: its name in small letters, one space for each run of white space, none at
/// the ends of its value. What has no colon is appended as if it were a value.
pub(super) fn field(field: &[u8], out: &mut Vec<u8>) {
    let colon = memchr::memchr(b':', field).map_or(0, |at| at + 1);
    let (name, value) = field.split_at(colon);
    let name = name.strip_suffix(b":").unwrap_or(name).trim_ascii_end();
    out.extend(name.iter().map(u8::to_ascii_lowercase));
    if colon > 0 {
        out.push(b':');
    }
    let (mut space, mut empty) = (false, true);
    let mut bytes = value.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' if bytes.next_if_eq(&b'\n').is_some() => {}
            b' ' | b'\t' => space = true,
            byte => {
                if space && !empty {
                    out.push(b' ');
                }
                (space, empty) = (false, false);
                out.push(byte);
            }
        }
    }
}

/// The hash of a body: `bh=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyHash([u8; 32]);

impl BodyHash {
    /// The SHA-256 itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Hashes a body that comes in pieces, divided anywhere.
#[derive(Clone)]
pub struct BodyHasher {
    context: Context,
    /// In canonical form, and not hashed yet.
    ready: Vec<u8>,
    /// Ends of lines that count if something follows.
    breaks: usize,
    /// Whether there is white space that counts if something follows on its line.
    space: bool,
    /// Whether the last byte was a CR.
    carriage_return: bool,
    /// Whether anything at all has counted.
    any: bool,
}

/// How much is hashed at a time.
const BLOCK: usize = 8 * 1024;

impl BodyHasher {
    /// An empty body.
    pub fn new() -> BodyHasher {
        let ready = Vec::with_capacity(BLOCK + 1024);
        let context = Context::new(&SHA256);
        BodyHasher { context, ready, breaks: 0, space: false, carriage_return: false, any: false }
    }

    /// The next piece.
    pub fn update(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let [first, after @ ..] = rest {
            if self.carriage_return {
                self.carriage_return = false;
                if *first == b'\n' {
                    (self.breaks, self.space) = (self.breaks + 1, false);
                    rest = after;
                    continue;
                }
                self.put(b"\r");
            }
            match first {
                b'\r' => (self.carriage_return, rest) = (true, after),
                b' ' | b'\t' => (self.space, rest) = (true, after),
                _ => {
                    let plain = plain(rest);
                    self.put(&rest[..plain]);
                    rest = &rest[plain..];
                }
            }
        }
    }

    /// The hash of what has come.
    pub fn finish(mut self) -> BodyHash {
        if self.carriage_return {
            self.put(b"\r");
        }
        if self.any {
            self.ready.extend_from_slice(b"\r\n");
        }
        self.context.update(&self.ready);
        let mut hash = [0; 32];
        hash.copy_from_slice(self.context.finish().as_ref());
        BodyHash(hash)
    }

    /// What counts, after what it makes count.
    fn put(&mut self, bytes: &[u8]) {
        for _ in 0..std::mem::take(&mut self.breaks) {
            self.ready.extend_from_slice(b"\r\n");
            self.hash_full();
        }
        if std::mem::take(&mut self.space) {
            self.ready.push(b' ');
        }
        self.any = true;
        self.ready.extend_from_slice(bytes);
        self.hash_full();
    }

    fn hash_full(&mut self) {
        if self.ready.len() >= BLOCK {
            self.context.update(&self.ready);
            self.ready.clear();
        }
    }
}

impl Default for BodyHasher {
    fn default() -> BodyHasher {
        BodyHasher::new()
    }
}

/// How many bytes are in canonical form already: up to a CR, a tab, or a space that has no character on both of its sides.
/// At most [`BLOCK`]; at least one where the first byte is none of these.
fn plain(bytes: &[u8]) -> usize {
    let bytes = &bytes[..bytes.len().min(BLOCK)];
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\r' | b'\t' => return at,
            b' ' if matches!(bytes.get(at + 1), None | Some(b' ' | b'\t' | b'\r')) => return at,
            _ => {}
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::digest::digest;

    #[track_caller]
    fn hashed(body: &str, want: &str) {
        let want = digest(&SHA256, want.as_bytes());
        let bytes = body.as_bytes();
        for at in 0..=bytes.len() {
            let mut hasher = BodyHasher::new();
            hasher.update(&bytes[..at]);
            hasher.update(&bytes[at..]);
            assert_eq!(hasher.finish().as_bytes(), want.as_ref(), "{body:?} divided at {at}");
        }
    }

    #[test]
    fn a_body_is_hashed_in_relaxed_form_wherever_it_is_divided() {
        hashed("", "");
        hashed("\r\n", "");
        hashed("\r\n\r\n", "");
        hashed(" \t \r\n  \r\n", "");
        hashed("a", "a\r\n");
        hashed("a\r\n", "a\r\n");
        hashed("a\r\n\r\n \r\n", "a\r\n");
        hashed("\r\n\r\na\r\n", "\r\n\r\na\r\n");
        // RFC 6376, section 3.4.5.
        hashed(" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n");
        hashed("a \t b\t\r\n\tc  \r\n \r\nd", "a b\r\n c\r\n\r\nd\r\n");
        hashed("a\rb\nc\r", "a\rb\nc\r\r\n");
        hashed("a \r b \n c", "a \r b \n c\r\n");
        hashed("a\r\r\n", "a\r\r\n");
    }

    #[test]
    fn a_large_body_is_hashed_as_a_small_one_is() {
        let line = "one two  three \t four \r\n";
        hashed(
            &format!("{}{}", line.repeat(2), "x".repeat(60)),
            &format!("{}{}\r\n", "one two three four\r\n".repeat(2), "x".repeat(60)),
        );
        let (many, blank) = (line.repeat(2000), "\r\n".repeat(20_000));
        let want = format!("{}{blank}x\r\n", "one two three four\r\n".repeat(2000));
        let mut hasher = BodyHasher::new();
        hasher.update(format!("{many}{blank}x{blank}").as_bytes());
        assert_eq!(hasher.finish().as_bytes(), digest(&SHA256, want.as_bytes()).as_ref());
    }

    #[test]
    fn a_header_is_relaxed() {
        #[track_caller]
        fn case(raw: &str, want: &str) {
            let mut out = Vec::new();
            field(raw.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
        // RFC 6376, section 3.4.5.
        case("A: X", "a:X");
        case("B : Y\t\r\n\tZ  ", "b:Y Z");
        case("Subject:", "subject:");
        case("Subject: \t\r\n \r\n ", "subject:");
        case("SUBJECT:a:b: c", "subject:a:b: c");
        case("X: a\r\n b\r\n\t\tc", "x:a b c");
        case("X: a\rb\n c", "x:a\rb\n c");
        case("X: é  é", "x:é é");
    }
}
