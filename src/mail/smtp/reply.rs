//! Replies of a server: `250 2.1.5 ok`, on one line or on many (RFC 5321, section 4.2; codes of RFC 2034 and RFC 3463).
//!
//! Pure. Read strictly where it matters, the three digits and the sign behind them, and leniently where a server can do no
//! harm: text that is no UTF-8, a line that is far too long, a line end without its CR. lettre's own parser is not used: it
//! wants UTF-8 and gives up over a long line, and a message that was taken with an odd reply would count as uncertain.
//!
//! The text of a [`Reply`] has its addresses masked, so that it can be logged and kept.

use crate::mail::address::masked;
use std::fmt;

/// So much of a reply's text is kept, in bytes; the rest is read and forgotten.
const KEPT_BYTES: usize = 4096;
/// A reply of more lines is none.
const MOST_LINES: usize = 100;
/// A reply of more bytes is none.
const MOST_BYTES: usize = 1024 * 1024;

/// What a server said.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// Three digits, 200 to 599.
    pub code: u16,
    /// The enhanced code, such as 5.1.1, where the reply begins with one that fits its code.
    pub enhanced: Option<[u16; 3]>,
    /// The rest, on one line, addresses masked; may be empty.
    pub text: String,
}

impl Reply {
    /// A reply of our own making, where no server was asked.
    pub fn new(code: u16, enhanced: [u16; 3], text: &str) -> Reply {
        Reply { code, enhanced: Some(enhanced), text: masked(&one_line(text)) }
    }

    /// 2yz: done.
    pub fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// 4yz: not now.
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// 5yz: not at all.
    pub fn is_permanent(&self) -> bool {
        (500..600).contains(&self.code)
    }

    /// 421: the server closes the connection, whatever was asked.
    pub fn is_closing(&self) -> bool {
        self.code == 421
    }

    /// The enhanced code as it is written, `5.1.1`.
    pub fn enhanced_code(&self) -> Option<String> {
        self.enhanced.map(|[class, subject, detail]| format!("{class}.{subject}.{detail}"))
    }
}

/// As the server wrote it, but for the addresses: `550 5.1.1 no such user`.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced_code() {
            write!(f, " {enhanced}")?;
        }
        if !self.text.is_empty() {
            write!(f, " {}", self.text)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({self})")
    }
}

/// Why bytes are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReplyFault {
    /// A line does not begin with a code.
    #[error("the server sent what is no reply of SMTP")]
    NoCode,
    /// Two lines of one reply have different codes.
    #[error("the server sent a reply with two codes")]
    TwoCodes,
    /// More than [`MOST_LINES`] lines or [`MOST_BYTES`] bytes.
    #[error("the server sent a reply without end")]
    Endless,
}

/// A reply, read as its bytes come in.
#[derive(Default)]
pub(super) struct Reading {
    code: Option<u16>,
    lines: Vec<String>,
    line: Vec<u8>,
    bytes: usize,
    kept: usize,
}

/// A reply with its lines as they came: what EHLO and AUTH need.
pub(super) struct Lines {
    pub code: u16,
    /// The text behind the code, of each line; at least one.
    pub lines: Vec<String>,
}

impl Reading {
    /// Takes bytes in up to the end of the reply: how many it took, and the reply if it is whole.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(usize, Option<Lines>), ReplyFault> {
        let mut taken = 0;
        while taken < bytes.len() {
            let rest = &bytes[taken..];
            let end = memchr::memchr(b'\n', rest);
            let part = &rest[..end.unwrap_or(rest.len())];
            // Four bytes more, so that a line whose text is dropped still shows its code.
            let room = (KEPT_BYTES + 4).saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            let took = end.map_or(rest.len(), |at| at + 1);
            taken += took;
            self.bytes += took;
            if self.bytes > MOST_BYTES {
                return Err(ReplyFault::Endless);
            }
            if end.is_some() && self.end_line()? {
                let code = self.code.ok_or(ReplyFault::NoCode)?;
                return Ok((taken, Some(Lines { code, lines: std::mem::take(&mut self.lines) })));
            }
            // What cannot become a code is refused at once: its line may never end.
            if end.is_none() && !self.line.iter().zip(0..3).all(|(b, _)| b.is_ascii_digit()) {
                return Err(ReplyFault::NoCode);
            }
        }
        Ok((taken, None))
    }

    /// Whether this line was the last.
    fn end_line(&mut self) -> Result<bool, ReplyFault> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        let (digits, rest) = line.split_at_checked(3).ok_or(ReplyFault::NoCode)?;
        let [hundreds @ b'2'..=b'5', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = *digits else {
            return Err(ReplyFault::NoCode);
        };
        let digit = |b: u8| u16::from(b - b'0');
        let code = digit(hundreds) * 100 + digit(tens) * 10 + digit(ones);
        let last = match rest.first() {
            None | Some(b' ') => true,
            Some(b'-') => false,
            Some(_) => return Err(ReplyFault::NoCode),
        };
        if self.code.is_some_and(|first| first != code) {
            return Err(ReplyFault::TwoCodes);
        }
        self.code = Some(code);
        let text = rest.get(1..).unwrap_or_default();
        let text = &text[..text.len().min(KEPT_BYTES.saturating_sub(self.kept))];
        self.kept += text.len();
        if self.lines.len() == MOST_LINES {
            return Err(ReplyFault::Endless);
        }
        self.lines.push(String::from_utf8_lossy(text).into_owned());
        Ok(last)
    }
}

impl Lines {
    /// The reply as it may be kept.
    pub fn reply(&self) -> Reply {
        let first = self.lines.first().map_or("", String::as_str).trim_start();
        let (written, rest) = first.split_once(' ').unwrap_or((first, ""));
        let enhanced = enhanced(written, self.code);
        let first = if enhanced.is_some() { rest } else { first };
        let mut text = first.trim().to_owned();
        for line in &self.lines[1.min(self.lines.len())..] {
            // A server repeats the enhanced code on each line (RFC 2034, section 4).
            let line = match line.trim_start().strip_prefix(written) {
                Some(rest) if enhanced.is_some() && (rest.is_empty() || rest.starts_with(' ')) => rest,
                _ => line,
            };
            if !line.trim().is_empty() {
                text.push(' ');
                text.push_str(line.trim());
            }
        }
        Reply { code: self.code, enhanced, text: masked(one_line(&text).trim()) }
    }
}

/// `5.1.1`, where its class is that of the code (RFC 2034, section 3).
fn enhanced(word: &str, code: u16) -> Option<[u16; 3]> {
    let mut numbers = word.split('.').map(|part| {
        let is_number = matches!(part.len(), 1..=3) && part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| is_number)
    });
    let found = [numbers.next()??, numbers.next()??, numbers.next()??];
    (numbers.next().is_none() && found[0] == code / 100).then_some(found)
}

/// Without control characters: a reply is shown on terminals.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The reply that some bytes are, given in pieces of `step` bytes, and how many bytes it took.
    fn read(bytes: &[u8], step: usize) -> Result<Option<(Reply, usize)>, ReplyFault> {
        let mut reading = Reading::default();
        let mut taken = 0;
        for piece in bytes.chunks(step) {
            let (took, lines) = reading.feed(piece)?;
            taken += took;
            if let Some(lines) = lines {
                return Ok(Some((lines.reply(), taken)));
            }
        }
        Ok(None)
    }

    #[test]
    fn a_reply_is_read_whatever_pieces_it_comes_in() {
        #[track_caller]
        fn case(raw: &[u8], code: u16, enhanced: Option<[u16; 3]>, text: &str) {
            for step in [1, 2, 3, 7, raw.len()] {
                let (reply, taken) = read(raw, step).unwrap().unwrap();
                assert_eq!((reply.code, reply.enhanced, reply.text.as_str()), (code, enhanced, text));
                assert_eq!(taken, raw.len());
            }
        }
        case(b"250 ok\r\n", 250, None, "ok");
        case(b"250\r\n", 250, None, "");
        case(b"250 \n", 250, None, "");
        case(b"550 5.1.1 no such user\r\n", 550, Some([5, 1, 1]), "no such user");
        case(b"450 4.2.0\r\n", 450, Some([4, 2, 0]), "");
        case(b"550 4.1.1 classes differ\r\n", 550, None, "4.1.1 classes differ");
        case(b"550 5.1 no code\r\n", 550, None, "5.1 no code");
        case(b"550 5.1.1.1 no code\r\n", 550, None, "5.1.1.1 no code");
        case(b"550 5.1234.1 no code\r\n", 550, None, "5.1234.1 no code");
        case(b"550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1\r\n", 550, Some([5, 7, 1]), "one two");
        case(b"550-one\r\n550-\r\n550 5.7.1 two\r\n", 550, None, "one 5.7.1 two");
        case(b"554 caf\xe9 \xff\r\n", 554, None, "caf\u{fffd} \u{fffd}");
        case(b"554 a\x1b[31mb\x00c\r\n", 554, None, "a [31mb c");
        case(b"550 5.1.1 <ana.souza@mail.example.com>: unknown\r\n", 550, Some([5, 1, 1]), "<a***@m***.com>: unknown");
    }

    #[test]
    fn what_follows_a_reply_is_left_alone() {
        let (reply, taken) = read(b"250 ok\r\n354 go\r\n", 100).unwrap().unwrap();
        assert_eq!((reply.code, taken), (250, 8));
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        #[track_caller]
        fn case(raw: &[u8], want: ReplyFault) {
            for step in [1, 5, raw.len()] {
                assert_eq!(read(raw, step), Err(want));
            }
        }
        case(b"hello\r\n", ReplyFault::NoCode);
        case(b"\r\n", ReplyFault::NoCode);
        case(b"25\r\n", ReplyFault::NoCode);
        case(b"150 ok\r\n", ReplyFault::NoCode);
        case(b"650 ok\r\n", ReplyFault::NoCode);
        case(b"2500 ok\r\n", ReplyFault::NoCode);
        case(b"250_ok\r\n", ReplyFault::NoCode);
        case(b"\x16\x03\x01 endless", ReplyFault::NoCode);
        case(b"250-a\r\n251 b\r\n", ReplyFault::TwoCodes);
        case(&b"250-a\r\n".repeat(101), ReplyFault::Endless);
        case(&[b"250 ", &[b'x'; MOST_BYTES][..]].concat(), ReplyFault::Endless);
    }

    #[test]
    fn a_hundred_kilobytes_of_text_are_read_and_four_are_kept() {
        let raw = [b"250 2.0.0 ", &[b'x'; 100_000][..], b"\r\n"].concat();
        let (reply, taken) = read(&raw, 1000).unwrap().unwrap();
        assert_eq!((reply.code, taken), (250, raw.len()));
        assert!(reply.text.len() <= KEPT_BYTES && reply.text.len() > KEPT_BYTES - 20);
    }

    #[test]
    fn a_reply_that_is_not_over_is_waited_for() {
        for raw in [&b""[..], b"2", b"250", b"250 ok\r", b"250-ok\r\n", b"250-ok\r\n250"] {
            assert_eq!(read(raw, 2), Ok(None));
        }
    }

    #[test]
    fn a_reply_is_shown_as_it_came() {
        let shown = |raw: &[u8]| read(raw, 9).unwrap().unwrap().0.to_string();
        assert_eq!(shown(b"550 5.1.1 no such user\r\n"), "550 5.1.1 no such user");
        assert_eq!(shown(b"250\r\n"), "250");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_reply_or_are_refused(raw in proptest::collection::vec(any::<u8>(), 0..300), step in 1usize..40) {
            let whole = read(&raw, raw.len().max(1));
            prop_assert_eq!(read(&raw, step), whole);
        }
    }
}
