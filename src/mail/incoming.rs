//! What a mail is that came to us: a report that one of ours was not delivered, or taken for spam; an answer that a machine
//! gave; or a letter.
//!
//! Pure: bytes in, a value out, whatever the bytes are. Reports are RFC 3464 in the wrapping of RFC 6522, or what qmail and
//! older Exims write in their place; complaints are RFC 5965; answers of machines are told by RFC 3834 and by what older
//! ones of them do. Nothing here says whose mail it was: the words are handed on in which a sender may know a sign of its own.

mod fields;
mod parts;
mod verdict;

use fields::{Fields, groups, head};
use mail_parser::decoders::html::html_to_text;
use parts::Parts;
pub use verdict::{Code, Verdict};

/// A mail that came to us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    /// What it is.
    pub kind: Kind,
    /// Words in the addresses that it came to.
    pub to: Vec<String>,
    /// Words of the subject.
    pub subject: Vec<String>,
    /// Words of the body that stand on a line by themselves.
    pub body: Vec<String>,
    /// Words of what came back, where it is attached: whom it was to come back to, and where it said that one leaves.
    pub original: Vec<String>,
    /// Whether its subject asks to be let go, in a word that people use.
    pub asks_to_leave: bool,
}

/// What a mail is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Somebody wrote it, or a program on behalf of somebody.
    #[default]
    Letter,
    /// One of our mails was not delivered, or not yet.
    Bounce(Verdict),
    /// A provider passes on what its user said of our mail, by the name that RFC 5965 has for it, in small letters: `abuse`.
    Feedback(String),
    /// A machine wrote it: somebody is on holiday, or has read a mail.
    AutoReply,
    /// It cannot be read.
    Unreadable,
}

/// The longest and the shortest word that is handed on, in bytes, and how many are.
const WORD_BYTES: std::ops::RangeInclusive<usize> = 20..=100;
const MOST_WORDS: usize = 50;
/// So much of a body is looked at, in bytes.
const MOST_TEXT: usize = 64 << 10;

impl Incoming {
    /// What a mail is. It may be cut off anywhere, and begin with a line of a mailbox file (`From …`).
    pub fn parse(bytes: &[u8]) -> Incoming {
        let bytes = without_envelope(bytes);
        let headers = head(bytes);
        if headers.is_empty() {
            return Incoming { kind: Kind::Unreadable, ..Incoming::default() };
        }
        let parts = Parts::of(bytes);
        let text = text(&parts);
        Incoming {
            kind: kind(&parts, &headers, &text),
            to: words(TO.iter().flat_map(|name| headers.all(name))),
            subject: subject_words(&parts.subject),
            body: body_words(&text),
            original: original(&parts),
            asks_to_leave: asks_to_leave(&parts.subject),
        }
    }
}

/// Headers that say whom a mail came to, the envelope's among them.
const TO: [&str; 7] =
    ["to", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "x-forwarded-to"];

/// A mail without the line that mailbox files have above each, and that servers give to commands.
fn without_envelope(bytes: &[u8]) -> &[u8] {
    match bytes.strip_prefix(b"From ") {
        Some(rest) => memchr::memchr(b'\n', rest).map_or(&[][..], |end| &rest[end + 1..]),
        None => bytes,
    }
}

fn kind(parts: &Parts<'_>, headers: &Fields, text: &str) -> Kind {
    if let Some(report) = &parts.report {
        if let Some(part) = parts.first(&["message/delivery-status", "message/global-delivery-status"]) {
            return Kind::Bounce(Verdict::of_report(&groups(&part.content())));
        }
        if let Some(part) = parts.first(&["message/feedback-report"]) {
            let kind = part.head().first("feedback-type").unwrap_or_default().trim().to_ascii_lowercase();
            return Kind::Feedback(kind);
        }
        let receipt = parts.first(&["message/disposition-notification", "message/global-disposition-notification"]);
        return match receipt.is_some() || report == "disposition-notification" {
            true => Kind::AutoReply,
            false => Kind::Unreadable,
        };
    }
    if is_from_nobody(headers)
        && (headers.first("x-failed-recipients").is_some() || text.starts_with("Hi. This is the "))
    {
        return Kind::Bounce(Verdict::of_text(text));
    }
    if !is_automatic(headers, &parts.subject) {
        return Kind::Letter;
    }
    // A mail server does not go on holiday. What it says is no report, so that a person has to read it; that a mail is
    // late is what older Exims say in their subject.
    let subject = parts.subject.trim();
    match is_from_server(headers) {
        true if subject.starts_with("Warning: message ") && subject.contains(" delayed ") => {
            Kind::Bounce(Verdict::Delayed(None))
        }
        true => Kind::Bounce(Verdict::Unclear),
        false => Kind::AutoReply,
    }
}

/// Whether nobody is to answer a mail: it has the null sender (RFC 5321, section 4.5.5), or, where that is not told, comes
/// from a mail server.
fn is_from_nobody(headers: &Fields) -> bool {
    headers.first("return-path").map_or_else(|| is_from_server(headers), |path| path.trim() == "<>")
}

fn is_from_server(headers: &Fields) -> bool {
    let from = headers.first("from").unwrap_or_default().to_ascii_lowercase();
    ["mailer-daemon@", "postmaster@"].iter().any(|server| from.contains(server))
}

/// How subjects of machines begin that say nothing of themselves in their headers.
const AUTOMATIC: [&str; 12] = [
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto response",
    "automatic reply",
    "automatische antwort",
    "automatische abwesenheitsnotiz",
    "abwesend",
    "abwesenheit",
    "out of office",
    "out of the office",
    "nicht im büro",
];

/// Whether a machine wrote a mail (RFC 3834, section 5, and what was usual before).
fn is_automatic(headers: &Fields, subject: &str) -> bool {
    let subject = subject.trim();
    // Machines that answer write a sentence, or `Re:` before what they answer. One word is what a program writes that
    // leaves on behalf of somebody. Apple's says `Auto-Submitted: auto-replied`, and others ask not to be answered.
    if WORD_BYTES.contains(&subject.len()) && subject.bytes().all(is_word) {
        return false;
    }
    let says = |name: &str| headers.first(name).map(|value| value.trim().to_ascii_lowercase());
    // `Auto-Submitted: no` means the same as none; something may stand behind a semicolon.
    if says("auto-submitted").is_some_and(|value| value.split([';', ' ', '(']).next() != Some("no"))
        || ["x-autoreply", "x-autorespond", "x-autoreply-from"].iter().any(|name| headers.first(name).is_some())
    {
        return true;
    }
    let lower = subject.to_lowercase();
    says("x-auto-response-suppress").is_some_and(|value| value != "none")
        || says("precedence")
            .is_some_and(|value| ["auto_reply", "auto-reply", "bulk", "junk"].contains(&value.as_str()))
        || AUTOMATIC.iter().any(|begin| lower.starts_with(begin))
}

/// What people write into a subject who want to leave.
const LEAVE: [&str; 9] = [
    "unsubscribe",
    "opt out",
    "opt-out",
    "remove me",
    "leave",
    "abmeld",
    "abbestell",
    "austragen",
    "abonnement kündigen",
];

fn asks_to_leave(subject: &str) -> bool {
    let lower = subject.to_lowercase();
    LEAVE.iter().any(|word| lower.contains(word))
}

/// The beginning of the text that a mail shows.
fn text(parts: &Parts<'_>) -> String {
    let part = parts.first(&["text/plain"]).or_else(|| parts.first(&["text/html"]));
    match part.and_then(|part| part.text()) {
        Some((text, false)) => beginning(&text).to_owned(),
        Some((html, true)) => html_to_text(beginning(&html)),
        None => String::new(),
    }
}

fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(MOST_TEXT)]
}

/// What is told by the mail that came back, and by a report on it.
fn original(parts: &Parts<'_>) -> Vec<String> {
    const ORIGINAL: [&str; 5] =
        ["message/rfc822", "message/rfc822-headers", "message/global", "message/global-headers", "text/rfc822-headers"];
    if parts.report.is_none() {
        return Vec::new();
    }
    let head = parts.first(&ORIGINAL).map(parts::Part::head).unwrap_or_default();
    let report = parts.first(&["message/feedback-report"]).map(parts::Part::head).unwrap_or_default();
    let values = head.all("return-path").chain(head.all("list-unsubscribe"));
    words(values.chain(report.all("original-mail-from")))
}

/// The words of which a token may be one.
fn words<'v>(values: impl Iterator<Item = &'v str>) -> Vec<String> {
    let split = values.flat_map(|value| value.split(|c: char| !c.is_ascii() || !is_word(c as u8)));
    split.filter(|word| WORD_BYTES.contains(&word.len())).take(MOST_WORDS).map(str::to_owned).collect()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// The words of a subject, and what stands behind `Re:`, made one word where it was folded into several.
fn subject_words(subject: &str) -> Vec<String> {
    let bare = subject.rsplit(':').next().unwrap_or_default();
    words([close(bare).as_str()].into_iter().chain([subject]))
}

/// The lines of a body that are one word, and all of it where it is one word that was folded.
fn body_words(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| line.bytes().all(is_word));
    let all = if text.len() <= 2 * WORD_BYTES.end() { close(text) } else { String::new() };
    words(lines.chain([all.as_str()]))
}

/// A text without white space.
fn close(text: &str) -> String {
    text.split_whitespace().take(MOST_WORDS).collect()
}
