//! The parts of a mail (RFC 2046), as far as reports have any: parts in parts, but no mail that is attached is opened.
//!
//! Headers and encodings are read by `mail-parser`; the walk is ours. That of the library opens attached mails in attached
//! mails, however many there are, and whoever writes to us could use up the stack with them.

use super::fields::{self, Fields};
use mail_parser::{HeaderName, Message, MessageParser, MimeHeaders as _, PartType};
use std::borrow::Cow;

/// A part that has no parts.
#[derive(Debug)]
pub struct Part<'m> {
    /// `text/plain`
    kind: String,
    bytes: &'m [u8],
}

/// A mail, taken apart.
#[derive(Debug)]
pub struct Parts<'m> {
    /// The subject, decoded.
    pub subject: String,
    /// What a report is about, in small letters; none where a mail is no report.
    pub report: Option<String>,
    parts: Vec<Part<'m>>,
}

/// How deep parts may be in parts, and how many there may be: in no report are there more.
const DEEPEST: usize = 8;
const MOST_PARTS: usize = 200;

impl<'m> Parts<'m> {
    /// Takes a mail apart.
    pub fn of(mail: &'m [u8]) -> Parts<'m> {
        let parser = parser();
        let head = parser.parse_headers(mail);
        let subject = head.as_ref().and_then(Message::subject).unwrap_or_default().to_owned();
        let report = head.as_ref().filter(|head| kind(head) == "multipart/report").map(|head| {
            let about = head.content_type().and_then(|content| content.attribute("report-type"));
            about.unwrap_or_default().to_ascii_lowercase()
        });
        let mut parts = Vec::new();
        walk(&parser, mail, DEEPEST, &mut parts);
        Parts { subject, report, parts }
    }

    /// The first part of one of these kinds.
    pub fn first(&self, kinds: &[&str]) -> Option<&Part<'m>> {
        self.parts.iter().find(|part| kinds.contains(&part.kind.as_str()))
    }
}

impl Part<'_> {
    /// What is in it, decoded; of a mail that is attached, the mail.
    pub fn content(&self) -> Cow<'_, [u8]> {
        if ["message/rfc822", "message/global"].contains(&self.kind.as_str()) {
            return Cow::Borrowed(fields::body(self.bytes));
        }
        match self.decoded() {
            Some(PartType::Text(text) | PartType::Html(text)) => Cow::Owned(text.into_owned().into_bytes()),
            Some(PartType::Binary(bytes) | PartType::InlineBinary(bytes)) => Cow::Owned(bytes.into_owned()),
            _ => Cow::Borrowed(&[]),
        }
    }

    /// The fields at the beginning of it.
    pub fn head(&self) -> Fields {
        fields::head(&self.content())
    }

    /// Its text, and whether that is HTML.
    pub fn text(&self) -> Option<(Cow<'_, str>, bool)> {
        match self.decoded()? {
            PartType::Text(text) => Some((text, false)),
            PartType::Html(text) => Some((text, true)),
            _ => None,
        }
    }

    fn decoded(&self) -> Option<PartType<'_>> {
        let message = parser().parse(self.bytes)?;
        message.parts.into_iter().next().map(|part| part.body)
    }
}

fn parser() -> MessageParser {
    MessageParser::new().with_mime_headers().header_text(HeaderName::Subject).default_header_ignore()
}

/// `text/plain`, also where nothing is said (RFC 2045, section 5.2).
fn kind(head: &Message<'_>) -> String {
    let content = head.content_type();
    let said = content.map(|content| format!("{}/{}", content.ctype(), content.subtype().unwrap_or_default()));
    said.map_or_else(|| "text/plain".to_owned(), |kind| kind.to_ascii_lowercase())
}

fn walk<'m>(parser: &MessageParser, bytes: &'m [u8], depth: usize, parts: &mut Vec<Part<'m>>) {
    if parts.len() >= MOST_PARTS {
        return;
    }
    let head = parser.parse_headers(bytes);
    let kind = head.as_ref().map_or_else(|| "text/plain".to_owned(), kind);
    if !kind.starts_with("multipart/") {
        return parts.push(Part { kind, bytes });
    }
    let content = head.as_ref().and_then(|head| head.content_type());
    if let Some(boundary) = content.and_then(|content| content.attribute("boundary")).filter(|_| depth > 0) {
        for part in split(fields::body(bytes), boundary.as_bytes()) {
            walk(parser, part, depth - 1, parts);
        }
    }
}

/// What stands between lines of a boundary. The last part may be cut off.
fn split<'m>(body: &'m [u8], boundary: &[u8]) -> Vec<&'m [u8]> {
    let (mut parts, mut begin, mut at) = (Vec::new(), None, 0);
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        let next = at + line.len();
        let rest = line.trim_ascii_end().strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary));
        if let Some(rest @ (b"" | b"--")) = rest {
            parts.extend(begin.map(|begin| &body[begin..at]));
            begin = rest.is_empty().then_some(next);
            if begin.is_none() || parts.len() >= MOST_PARTS {
                return parts;
            }
        }
        at = next;
    }
    parts.extend(begin.map(|begin| &body[begin..]));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_between_lines_of_the_boundary() {
        #[track_caller]
        fn case(body: &str, want: &[&str]) {
            let parts = split(body.as_bytes(), b"x").into_iter().map(|part| String::from_utf8_lossy(part).into_owned());
            assert_eq!(parts.collect::<Vec<_>>(), want, "{body:?}");
        }
        case("before\n--x\none\n--x \t\r\ntwo\n--xy\n--x--\nbehind\n--x\n", &["one\n", "two\n--xy\n"]);
        case("--x\none", &["one"]);
        case("--x\n--x--", &[""]);
        case("-x\nnone", &[]);
        case("", &[]);
    }

    #[test]
    fn a_mail_that_is_attached_is_not_opened() {
        let nested = "Content-Type: message/rfc822\n\n".repeat(100_000);
        let parts = Parts::of(nested.as_bytes());
        assert_eq!(parts.parts.len(), 1);
        assert_eq!(parts.parts[0].content(), &nested.as_bytes()[30..]);
        let encoded = data_encoding::BASE64.encode(nested.as_bytes());
        let encoded = format!("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{encoded}\n");
        assert_eq!(Parts::of(encoded.as_bytes()).parts.len(), 1);
    }

    #[test]
    fn parts_in_parts_have_an_end() {
        let mail = |n: usize| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n");
        let deep = (0..100_000).map(mail).collect::<String>() + "\nend\n";
        assert_eq!(Parts::of(deep.as_bytes()).parts.len(), 0);
        let wide = mail(0) + &"\npart\n--b0\n".repeat(100_000);
        assert_eq!(Parts::of(wide.as_bytes()).parts.len(), MOST_PARTS);
    }
}
