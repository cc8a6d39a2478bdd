//! An address of e-mail, with the name of whose it is: `Ana Souza <ana@example.org>`.
//!
//! Read more narrowly than RFC 5322 allows: one address, its part before the `@` in ASCII and without quotes, so that every
//! server takes it. Nothing that a header could be broken with gets through.

use crate::text::{Text, is_legal};
use std::fmt;
use url::Host;

/// One address, with a name or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Shown instead of the address: one line, not empty, no control characters.
    pub name: Option<Text>,
    /// `local@domain`, all of it in ASCII: at most 64 characters before the `@`, the domain in small letters and, where it
    /// was written in other letters, in its encoded form (RFC 5890).
    pub address: String,
}

/// Why a text is not a mailbox, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MailboxError {
    /// Reads on after the key: "must hold one address".
    pub message: String,
    /// The first character that it is about, from 0.
    pub column: usize,
    /// How many characters.
    pub width: usize,
}

/// How to write a mailbox, for hints.
pub const MAILBOX_FORM: &str = "write `Name <name@example.org>` or `name@example.org`";

impl Mailbox {
    /// The mailbox that a text names. A name may stand in quotes, with `\` before what is meant as it stands.
    ///
    /// # Errors
    ///
    /// The first thing in the text that no mail may carry, or that is no address.
    pub fn parse(text: &str) -> Result<Mailbox, MailboxError> {
        if let Some((i, c)) = text.chars().enumerate().find(|&(_, c)| c.is_control() || !is_legal(c)) {
            return fault(format!("holds U+{:04X}, which no header may carry", u32::from(c)), i, 1);
        }
        let column = |at: usize| text[..at].chars().count();
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return fault("is empty".to_owned(), 0, text.chars().count());
        }
        let (name, raw) = match trimmed.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            Some((name, address)) => (name.trim(), address),
            None => ("", trimmed),
        };
        // Both are parts of `text`, so that their places can be told from where they lie in it.
        let place = |part: &str| (column(part.as_ptr() as usize - text.as_ptr() as usize), part.chars().count());
        let (at, width) = place(raw);
        let address = address(raw).or_else(|message| fault(message, at, width))?;
        let name = match name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(quoted) => Text::one_line(&unescaped(quoted)),
            None => {
                if let Some((i, c)) = name.char_indices().find(|(_, c)| matches!(c, '<' | '>')) {
                    return fault(format!("has `{c}` in a name without quotes"), place(&name[i..]).0, 1);
                }
                Text::one_line(name)
            }
        };
        Ok(Mailbox { name: (!name.is_empty()).then_some(name), address })
    }

    /// The part behind the `@`.
    pub fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// As people read it; no header takes this form, since names in other letters must be encoded there.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

fn fault<T>(message: String, column: usize, width: usize) -> Result<T, MailboxError> {
    Err(MailboxError { message, column, width })
}

/// What stands between quotes, as it is meant.
fn unescaped(quoted: &str) -> String {
    let mut out = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

/// An address in its canonical form, or what is wrong with it.
fn address(raw: &str) -> Result<String, String> {
    let Some((local, host)) = raw.rsplit_once('@') else {
        return Err(format!("is not an address: `{raw}` has no `@`"));
    };
    if local.contains(',') || local.contains(';') {
        return Err(format!("must be one address: `{raw}`"));
    }
    if !local.is_ascii() {
        return Err(format!("must have only ASCII letters before the `@`, or some servers refuse it: `{raw}`"));
    }
    let is_atom = |atom: &str| {
        !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    if local.len() > 64 || !local.split('.').all(is_atom) {
        return Err(format!("is not an address: `{raw}`"));
    }
    let domain = domain(host).ok_or_else(|| format!("is not an address: `{host}` is not a domain"))?;
    Ok(format!("{local}@{domain}"))
}

/// A domain in its encoded form and in small letters; `None` for anything else.
pub(super) fn domain(raw: &str) -> Option<String> {
    // Hosts in addresses of the web may be escaped with `%`, those of mail may not.
    let Host::Domain(domain) = Host::parse(raw).ok().filter(|_| !raw.contains('%'))? else { return None };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let dotted = domain.contains('.') || domain == "localhost";
    (dotted && domain.len() <= 253 && domain.split('.').all(is_label)).then_some(domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_may_have_a_name() {
        #[track_caller]
        fn case(text: &str, name: Option<&str>, address: &str) {
            let mailbox = Mailbox::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((mailbox.name.as_deref(), mailbox.address.as_str()), (name, address), "{text}");
        }
        case("ana@example.org", None, "ana@example.org");
        case(" <ana@Example.ORG> ", None, "ana@example.org");
        case("Ana Souza <ana+news@mail.example.org>", Some("Ana Souza"), "ana+news@mail.example.org");
        case("Souza, Ana  B. <ana@example.org>", Some("Souza, Ana B."), "ana@example.org");
        case(r#""Ana \"A\" <Souza" <ana@example.org>"#, Some("Ana \"A\" <Souza"), "ana@example.org");
    }

    #[test]
    fn what_is_no_mailbox_is_pointed_at() {
        #[track_caller]
        fn case(text: &str, want: &str, column: usize, width: usize) {
            let error = Mailbox::parse(text).expect_err(text);
            assert_eq!((error.message.as_str(), error.column, error.width), (want, column, width), "{text:?}");
        }
        case("", "is empty", 0, 0);
        case("Ana", "is not an address: `Ana` has no `@`", 0, 3);
        case("Ana <ana>", "is not an address: `ana` has no `@`", 5, 3);
        case("Ana\r\nBcc: b@example.org <ana@example.org>", "holds U+000D, which no header may carry", 3, 1);
        case("Ana\nB <ana@example.org>", "holds U+000A, which no header may carry", 3, 1);
        case("Ana\0 <ana@example.org>", "holds U+0000, which no header may carry", 3, 1);
        case("a@example.org, b@example.org", "must be one address: `a@example.org, b@example.org`", 0, 28);
        case("Ana <a b@example.org>", "is not an address: `a b@example.org`", 5, 15);
        case("Ana <.a@example.org>", "is not an address: `.a@example.org`", 5, 14);
        case("ana@example", "is not an address: `example` is not a domain", 0, 11);
        case("ana@exa_mple.org", "is not an address: `exa_mple.org` is not a domain", 0, 16);
        case("ana@192.0.2.1", "is not an address: `192.0.2.1` is not a domain", 0, 13);
        case("ana@ex%61mple.org", "is not an address: `ex%61mple.org` is not a domain", 0, 17);
        case(
            "Jürgen <jürgen@example.org>",
            "must have only ASCII letters before the `@`, or some servers refuse it: `jürgen@example.org`",
            8,
            18,
        );
        case("Ana <x> <ana@example.org>", "has `<` in a name without quotes", 4, 1);
        let long = format!("{}@example.org", "a".repeat(65));
        case(&long, &format!("is not an address: `{long}`"), 0, 77);
    }

    #[test]
    fn a_domain_in_other_letters_is_encoded() {
        assert_eq!(Mailbox::parse("ana@Bücher.example").unwrap().address, "ana@xn--bcher-kva.example");
        assert_eq!(Mailbox::parse("ana@Bücher.example").unwrap().domain(), "xn--bcher-kva.example");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_makes_a_mailbox_that_breaks_a_header(text in "([a-z<>\"\\\\@,. \r\n\0\u{80}-\u{90}é]|example.org){0,12}") {
            if let Ok(mailbox) = Mailbox::parse(&text) {
                prop_assert!(!mailbox.to_string().chars().any(char::is_control));
                prop_assert!(mailbox.address.is_ascii());
                prop_assert_eq!(Mailbox::parse(&mailbox.address).map(|m| m.address), Ok(mailbox.address));
            }
        }
    }
}
