//! DKIM: a signature over the finished bytes of a mail, in a header that is put in front of it.
//!
//! RFC 6376 with relaxed/relaxed canonicalisation; rsa-sha256 as RFC 8301 has it, ed25519-sha256 of RFC 8463. From is signed
//! twice, so that nobody can add one; of the other headers those that are there. There is no `l=`, which would let anyone
//! add to the body, and no `x=`. The same message, key and time give the same bytes: both algorithms are deterministic.
//!
//! Pure: it reads no file and asks no DNS. The arithmetic is `ring`'s.

mod canonical;
mod key;

pub use canonical::{BodyHash, BodyHasher};
pub use key::{Key, KeyError};

use super::address::is_domain;
use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use std::fmt::Write as _;

/// What is signed where it is there, besides From and all headers whose names begin with `List-`.
const COVERED: [&str; 13] = [
    "to",
    "cc",
    "sender",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "reply-to",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "feedback-id",
    "auto-submitted",
];

/// The longest line of a signature, unless a domain or a selector is longer.
const LINE: usize = 78;

/// One domain's key, under the name by which the DNS has its public half.
#[derive(Debug)]
pub struct Signer {
    domain: String,
    selector: String,
    key: Key,
}

/// Names that cannot stand in a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The domain is none, or is not in its ASCII form.
    #[error("`{0}` is not a domain")]
    Domain(String),
    /// The selector is no label of a domain name, nor several with dots between.
    #[error("`{0}` is not a selector")]
    Selector(String),
}

/// Why a message is not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// RFC 6376, section 5.4: From must be signed.
    #[error("a mail without From cannot be signed")]
    NoFrom,
    /// The key gave a signature that its public half does not accept: the key, or the machine, is damaged.
    #[error("the key of `{0}` does not sign")]
    Key(String),
}

impl Signer {
    /// A key of a domain, by its selector.
    ///
    /// # Errors
    ///
    /// [`NameError`] where one of the names cannot stand in a signature.
    pub fn new(domain: &str, selector: &str, key: Key) -> Result<Signer, NameError> {
        if !is_domain(domain) {
            return Err(NameError::Domain(domain.escape_debug().to_string()));
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        if selector.len() > 200 || !selector.split('.').all(is_label) {
            return Err(NameError::Selector(selector.escape_debug().to_string()));
        }
        Ok(Signer { domain: domain.to_ascii_lowercase(), selector: selector.to_ascii_lowercase(), key })
    }

    /// Whose key it is: `d=`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Where the DNS must have the record of the key, [`Key::record`]: `s1._domainkey.example.org`.
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The header that signs a whole mail, with CRLF at its end, to be put in front of it. The mail has CRLF throughout, as
    /// it goes over the wire, but no dots doubled.
    ///
    /// `signed_at` becomes `t=`, in whole seconds: for an issue its own time, so that a second try has the same bytes.
    ///
    /// # Errors
    ///
    /// [`SignError`] where the mail has no From, or the key is damaged.
    pub fn sign(&self, message: &[u8], signed_at: DateTime<Utc>) -> Result<String, SignError> {
        sign(std::slice::from_ref(self), message, signed_at)
    }

    /// The same, with what several keys have in common made once: for a body that is put together from pieces.
    ///
    /// # Errors
    ///
    /// [`SignError::Key`] where the key is damaged.
    pub fn sign_parts(&self, head: &Head, body: &BodyHash, signed_at: DateTime<Utc>) -> Result<String, SignError> {
        let mut field = format!("DKIM-Signature: v=1; a={}; c=relaxed/relaxed;\r\n", self.key.algorithm());
        let names = [format!("d={};", self.domain), format!("s={};", self.selector)];
        let time = format!("t={};", signed_at.timestamp().max(0));
        fold(&mut field, names.iter().chain([&time]).map(String::as_str), " ");
        write!(field, "\r\n bh={};\r\n", BASE64.encode(body.as_bytes())).expect("a String takes whatever is written");
        field.push_str(&head.names);
        // What stands behind `b=`, white space included, is no part of what is signed.
        field.push_str("\r\n b=");
        let mut signed = head.canonical.clone();
        canonical::field(field.as_bytes(), &mut signed);
        let signature = self.key.sign(&signed).ok_or_else(|| SignError::Key(self.record_name()))?;
        let signature = BASE64.encode(&signature);
        let (first, rest) = signature.split_at(signature.len().min(LINE - " b=".len()));
        field.push_str(first);
        for line in rest.as_bytes().chunks(LINE - 1) {
            field.push_str("\r\n ");
            field.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        }
        field.push_str("\r\n");
        Ok(field)
    }
}

/// The headers that sign a mail, one for each key, in their order; see [`Signer::sign`].
///
/// # Errors
///
/// [`SignError`] where the mail has no From, or a key is damaged.
pub fn sign(signers: &[Signer], message: &[u8], signed_at: DateTime<Utc>) -> Result<String, SignError> {
    if signers.is_empty() {
        return Ok(String::new());
    }
    // A mail may end with its head.
    let end = memchr::memmem::find(message, b"\r\n\r\n").map_or(message.len(), |at| at + 2);
    let (head, body) = message.split_at(end);
    let head = Head::new(head)?;
    let mut hasher = BodyHasher::new();
    hasher.update(body.strip_prefix(b"\r\n").unwrap_or(body));
    let body = hasher.finish();
    let mut fields = String::new();
    for signer in signers {
        fields.push_str(&signer.sign_parts(&head, &body, signed_at)?);
    }
    Ok(fields)
}

/// The headers of a mail as they are signed: the same for every key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// `h=` with its names, folded.
    names: String,
    /// The headers that it names, in its order.
    canonical: Vec<u8>,
}

impl Head {
    /// The headers of a mail, with or without the empty line that ends them.
    ///
    /// # Errors
    ///
    /// [`SignError::NoFrom`] where there is no From.
    pub fn new(head: &[u8]) -> Result<Head, SignError> {
        let fields: Vec<(String, &[u8])> = fields(head).filter(|(name, _)| is_covered(name)).collect();
        if !fields.iter().any(|(name, _)| name == "from") {
            return Err(SignError::NoFrom);
        }
        // Of a header that stands twice, a verifier takes the last one first (RFC 6376, section 5.4.2).
        let mut left = vec![true; fields.len()];
        let mut canonical = Vec::with_capacity(head.len());
        for (name, _) in &fields {
            let last = (0..fields.len()).rev().find(|&at| left[at] && fields[at].0 == *name);
            let last = last.expect("a name is taken as many times as it stands there");
            left[last] = false;
            canonical::field(fields[last].1, &mut canonical);
            canonical.extend_from_slice(b"\r\n");
        }
        // A From more than there is: if one is added, the signature no longer holds.
        let names: Vec<String> = fields.iter().map(|(name, _)| format!("{name}:")).chain(["from;".into()]).collect();
        let mut folded = String::new();
        let first = format!("h={}", names[0]);
        fold(&mut folded, [first.as_str()].into_iter().chain(names[1..].iter().map(String::as_str)), "");
        Ok(Head { names: folded, canonical })
    }
}

/// Appends words on lines that begin with a space.
fn fold<'w>(out: &mut String, words: impl Iterator<Item = &'w str>, between: &str) {
    let mut line = 0;
    for word in words {
        if line > 0 && line + between.len() + word.len() <= LINE {
            out.push_str(between);
            line += between.len();
        } else {
            out.push_str(if line > 0 { "\r\n " } else { " " });
            line = 1;
        }
        out.push_str(word);
        line += word.len();
    }
}

fn is_covered(name: &str) -> bool {
    name == "from" || name.starts_with("list-") || COVERED.contains(&name)
}

/// Each header by its name, in small letters, and as it stands there without the CRLF at its end. What has no name is passed
/// over; the empty line ends them.
fn fields(head: &[u8]) -> impl Iterator<Item = (String, &[u8])> {
    let mut rest = head;
    std::iter::from_fn(move || {
        if rest.is_empty() || rest.starts_with(b"\r\n") {
            return None;
        }
        let mut breaks = memchr::memmem::find_iter(rest, b"\r\n");
        let end = breaks.find(|at| !matches!(rest.get(at + 2), Some(b' ' | b'\t'))).unwrap_or(rest.len());
        let field = &rest[..end];
        rest = rest.get(end + 2..).unwrap_or_default();
        Some(field)
    })
    .filter_map(|field| {
        let name = &field[..memchr::memchr(b':', field)?];
        let name = std::str::from_utf8(name).ok()?.trim_end_matches([' ', '\t']);
        Some((name.to_ascii_lowercase(), field))
    })
}

#[cfg(test)]
mod tests;
