//! A whole mail as bytes: headers, then the same issue twice, as text and as HTML.
//!
//! `multipart/alternative` (RFC 2046, section 5.1.4), the plain text first; ASCII only, CRLF throughout, lines of at most
//! 998 characters (RFC 5322), and of at most 78 but for addresses and URLs. The same values give the same bytes: nothing is
//! drawn at random and no clock is read. There is no Bcc, nor any way to add a header that is not named here.

use super::address::{Mailbox, is_domain, is_dot_atom};
use super::encoded::{Encoded, FillError, Slot};
use super::header::{HeaderText, unstructured};
use super::list::ListHeaders;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The headers of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Who it is from.
    pub from: &'a Mailbox,
    /// Whom it is to.
    pub to: &'a Mailbox,
    /// Where answers go, where that is elsewhere.
    pub reply_to: Option<&'a Mailbox>,
    /// Its subject.
    pub subject: &'a HeaderText,
    /// Date: for an issue its own time, not that of sending, so that a second try has the same bytes.
    pub sent_at: DateTime<Utc>,
    /// Message-ID: must be unlike that of any other mail, and the same for a second try.
    pub message_id: &'a MessageId,
    /// Why it is sent.
    pub purpose: Purpose<'a>,
}

/// Why a mail is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// One mail to each member of a list. Without Auto-Submitted: it is written by people, and some programs hide what
    /// claims otherwise.
    List(&'a ListHeaders),
    /// An answer to what one person did, made by a program: `Auto-Submitted: auto-generated` (RFC 3834), so that no
    /// other program answers it.
    Notice,
}

/// `<local@domain>` of a Message-ID.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(String);

/// Words that make no Message-ID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a Message-ID: both sides of the `@` must be words with dots between, the second a domain")]
pub struct MessageIdError(String);

impl MessageId {
    /// An id of two sides: what no other mail has, and a domain of one's own.
    ///
    /// # Errors
    ///
    /// [`MessageIdError`] where a side cannot stand in a Message-ID, or both have more than 250 characters.
    pub fn new(local: &str, domain: &str) -> Result<MessageId, MessageIdError> {
        match is_dot_atom(local) && is_domain(domain) && local.len() + domain.len() <= 250 {
            true => Ok(MessageId(format!("{local}@{domain}"))),
            false => Err(MessageIdError(format!("{local}@{domain}").escape_debug().to_string())),
        }
    }

    /// Without `<` and `>`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text and HTML encoded: once for all who get the same, with slots for what differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    boundary: String,
    text: Encoded,
    html: Encoded,
}

impl Body {
    /// Both parts encoded, with the slots that stand in them. The boundary follows from the content, and holds `=_`, which
    /// no encoded line can.
    pub fn new(text: &str, html: &str, slots: &[Slot]) -> Body {
        Body::of(text, html, Encoded::new(text, slots), Encoded::new(html, slots))
    }

    /// The same for one person alone: the text as it is, where it can be (see [`Encoded::readable`]).
    pub fn readable(text: &str, html: &str) -> Body {
        Body::of(text, html, Encoded::readable(text), Encoded::new(html, &[]))
    }

    fn of(text: &str, html: &str, encoded_text: Encoded, encoded_html: Encoded) -> Body {
        let length = (text.len() as u64).to_be_bytes();
        let hash = Sha256::new().chain_update(length).chain_update(text).chain_update(html).finalize();
        let mut boundary = String::from("=_");
        for byte in &hash[..12] {
            write!(boundary, "{byte:02x}").expect("a String takes whatever is written");
        }
        Body { boundary, text: encoded_text, html: encoded_html }
    }

    /// The text part.
    pub fn text(&self) -> &Encoded {
        &self.text
    }

    /// The HTML part: its size is what Gmail clips by.
    pub fn html(&self) -> &Encoded {
        &self.html
    }

    /// How many bytes both parts have with all that stands around them, the same for every recipient.
    pub fn size_bytes(&self) -> usize {
        let part = |name, encoded: &Encoded| part_head(&self.boundary, name, encoded).len() + encoded.size_bytes() + 2;
        part("plain", &self.text) + part("html", &self.html) + self.boundary.len() + "----\r\n".len()
    }

    fn fill(&self, values: &[&str], out: &mut Vec<u8>) -> Result<(), FillError> {
        for (before, encoded) in self.parts() {
            out.extend_from_slice(before.as_bytes());
            encoded.fill(values, out)?;
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(self.end().as_bytes());
        Ok(())
    }

    /// Both parts, each with what stands before it. A line break comes after each.
    pub(super) fn parts(&self) -> [(String, &Encoded); 2] {
        [("plain", &self.text), ("html", &self.html)]
            .map(|(name, encoded)| (part_head(&self.boundary, name, encoded), encoded))
    }

    /// What ends the last part.
    pub(super) fn end(&self) -> String {
        format!("--{}--\r\n", self.boundary)
    }
}

impl Message<'_> {
    /// The whole mail, with one value for each slot of the body, in their order.
    ///
    /// # Errors
    ///
    /// [`FillError`] where a value does not fit its slot.
    pub fn bytes(&self, body: &Body, values: &[&str]) -> Result<Vec<u8>, FillError> {
        let head = self.head(&body.boundary);
        let mut out = Vec::with_capacity(head.len() + body.size_bytes());
        out.extend_from_slice(head.as_bytes());
        body.fill(values, &mut out)?;
        Ok(out)
    }

    /// The headers of the mail with this body, and the empty line after them.
    pub fn head_of(&self, body: &Body) -> String {
        self.head(&body.boundary)
    }

    fn head(&self, boundary: &str) -> String {
        let mut fields = vec![("From", self.from.header_value("From")), ("To", self.to.header_value("To"))];
        fields.extend(self.reply_to.map(|mailbox| ("Reply-To", mailbox.header_value("Reply-To"))));
        fields.extend([
            ("Subject", unstructured("Subject", self.subject)),
            ("Date", self.sent_at.format("%a, %d %b %Y %H:%M:%S +0000").to_string()),
            ("Message-ID", format!("<{}>", self.message_id.0)),
        ]);
        match self.purpose {
            Purpose::List(list) => fields.extend(list.fields()),
            Purpose::Notice => fields.push(("Auto-Submitted", "auto-generated".to_string())),
        }
        fields.extend([
            ("MIME-Version", "1.0".to_string()),
            ("Content-Type", format!("multipart/alternative; boundary=\"{boundary}\"")),
        ]);
        let mut head = String::new();
        for (name, value) in fields {
            write!(head, "{name}: {value}\r\n").expect("a String takes whatever is written");
        }
        head.push_str("\r\n");
        head
    }
}

/// What stands before a part.
fn part_head(boundary: &str, name: &str, encoded: &Encoded) -> String {
    format!(
        "--{boundary}\r\nContent-Type: text/{name}; charset=utf-8\r\nContent-Transfer-Encoding: {}\r\n\r\n",
        encoded.transfer().as_str()
    )
}

#[cfg(test)]
mod tests;
