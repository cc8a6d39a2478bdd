//! Addresses: who a mail is from and to.
//!
//! ASCII only, so that no server along the way need know SMTPUTF8 (RFC 6531); a domain in another script becomes its
//! ASCII form (IDNA). Quoted local parts are refused: nobody has one, and each is read differently by some server.

use super::header::{self, HeaderText, HeaderTextError};
use std::fmt;
use std::str::FromStr;

/// `local@domain`, in ASCII, with at most 254 characters (RFC 5321).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(String);

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `@` with something on both sides.
    #[error("`{0}` is not an address: write `name@example.org`")]
    NoAt(String),
    /// The part before the `@` is too long, or holds something that may not stand there.
    #[error("`{0}` is not an address: `{1}` may not stand before the `@`")]
    Local(String, String),
    /// The part before the `@` would need SMTPUTF8.
    #[error("`{0}` needs SMTPUTF8, which many servers do not know")]
    NotAscii(String),
    /// The part after the `@` is no domain with a dot.
    #[error("`{0}` is not an address: `{1}` is not a domain")]
    Domain(String, String),
    /// More than 254 characters.
    #[error("`{0}` is longer than 254 characters")]
    TooLong(String),
    /// There is no `>` at the end, though there is a `<`.
    #[error("`{0}` has a `<` but does not end with `>`")]
    Unclosed(String),
    /// The name cannot stand in a header.
    #[error("the name in `{text}` cannot stand in a header: {source}")]
    Name {
        /// The name with its address.
        text: String,
        /// What is wrong with it.
        source: HeaderTextError,
    },
}

impl Address {
    /// The address itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands after the `@`, in small letters.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// As a log may show it: `a***@e***.com`.
    pub fn masked(&self) -> String {
        masked(&self.0)
    }
}

/// A text with every address in it masked: `a***@e***.com` for `ana@example.com`. For replies of servers and logs.
///
/// What stands around an `@` counts as an address as far as an address may go, and a bit further: rather one sign too many
/// is hidden than one too few.
pub fn masked(text: &str) -> String {
    let is_local = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\"'`@".contains(c);
    let is_domain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '=' | '+') || !c.is_ascii();
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let local = match before.strip_suffix('"').and_then(|quoted| quoted.rfind('"')) {
            Some(quote) => quote,
            None => before.char_indices().rev().find(|&(_, c)| !is_local(c)).map_or(0, |(i, c)| i + c.len_utf8()),
        };
        let end = after.find(|c| !is_domain(c)).unwrap_or(after.len());
        let domain = after[..end].trim_end_matches(['.', '-']);
        shown.push_str(&before[..local]);
        if before[local..].is_empty() && domain.is_empty() {
            shown.push('@');
        } else {
            shown.extend(before[local..].chars().next());
            shown.push_str("***@");
            shown.extend(domain.chars().next());
            shown.push_str("***");
            shown.push_str(domain.rfind('.').map_or("", |dot| &domain[dot..]));
        }
        rest = &after[domain.len()..];
    }
    shown.push_str(rest);
    shown
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(raw: &str) -> Result<Address, AddressError> {
        let shown = || raw.escape_debug().to_string();
        let Some((local, domain)) = raw.rsplit_once('@').filter(|(l, d)| !l.is_empty() && !d.is_empty()) else {
            return Err(AddressError::NoAt(shown()));
        };
        if !local.is_ascii() {
            return Err(AddressError::NotAscii(shown()));
        }
        if local.len() > 64 || !is_dot_atom(local) {
            return Err(AddressError::Local(shown(), local.escape_debug().to_string()));
        }
        let ascii = match url::Host::parse(domain) {
            // A host may hold more than a domain of mail may: `_`, a dot at its end.
            Ok(url::Host::Domain(ascii)) if is_domain(&ascii) && !domain.contains('%') => ascii,
            _ => return Err(AddressError::Domain(shown(), domain.escape_debug().to_string())),
        };
        match format!("{local}@{ascii}") {
            address if address.len() > 254 => Err(AddressError::TooLong(shown())),
            address => Ok(Address(address)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// An address with the name that a mail program shows for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mailbox {
    name: Option<HeaderText>,
    address: Address,
}

impl Mailbox {
    /// An address with a name, or without.
    pub fn new(name: Option<HeaderText>, address: Address) -> Mailbox {
        Mailbox { name, address }
    }

    /// Who a preview is addressed to: nobody, at a domain that is kept free for examples (RFC 2606).
    pub fn placeholder() -> Mailbox {
        Mailbox { name: None, address: Address("reader@example.com".into()) }
    }

    /// The name, where there is one.
    pub fn name(&self) -> Option<&HeaderText> {
        self.name.as_ref()
    }

    /// The address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// As it stands in a header, folded.
    pub(crate) fn header_value(&self, header: &str) -> String {
        match &self.name {
            Some(name) => {
                let address = format!("<{}>", self.address);
                format!("{}{address}", header::phrase(header, name, address.len()))
            }
            None => self.address.to_string(),
        }
    }
}

/// `Name <local@domain>`, `"Name" <local@domain>` or `local@domain`, as people write it: a name needs no quotes, whatever
/// it holds.
impl FromStr for Mailbox {
    type Err = AddressError;

    fn from_str(raw: &str) -> Result<Mailbox, AddressError> {
        let text = raw.trim();
        let Some((name, rest)) = text.rsplit_once('<') else {
            return Ok(Mailbox::new(None, text.parse()?));
        };
        let Some(address) = rest.strip_suffix('>') else {
            return Err(AddressError::Unclosed(raw.escape_debug().to_string()));
        };
        let name = unquoted(name.trim());
        let name = match HeaderText::new(&name) {
            Ok(name) => Some(name),
            Err(HeaderTextError::Empty) => None,
            Err(source) => return Err(AddressError::Name { text: raw.escape_debug().to_string(), source }),
        };
        Ok(Mailbox::new(name, address.trim().parse()?))
    }
}

/// As people write it, and as [`Mailbox::from_str`] reads it back.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) if name.as_str().starts_with('"') => {
                write!(f, "\"{}\" <{}>", name.as_str().replace('\\', "\\\\").replace('"', "\\\""), self.address)
            }
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

/// A quoted string without its quotes and backslashes; any other text as it is.
fn unquoted(name: &str) -> String {
    let Some(inner) = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return name.to_string();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => plain.extend(characters.next()),
            c => plain.push(c),
        }
    }
    plain
}

/// Words of letters, digits and a few signs, with single dots between them (RFC 5322, section 3.2.3).
pub(crate) fn is_dot_atom(text: &str) -> bool {
    let atom = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    text.split('.').all(atom)
}

/// At least two labels of letters, digits and hyphens, the last no number (RFC 1123).
pub(crate) fn is_domain(text: &str) -> bool {
    let label = |word: &str| {
        (1..=63).contains(&word.len())
            && !word.starts_with('-')
            && !word.ends_with('-')
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253 && text.contains('.') && text.split('.').all(label) && !last.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read() {
        #[track_caller]
        fn case(raw: &str, want: &str) {
            assert_eq!(raw.parse::<Address>().unwrap().as_str(), want);
        }
        case("news@example.org", "news@example.org");
        case("a.b+c_d@Mail.Example.ORG", "a.b+c_d@mail.example.org");
        case("news@bücher.example", "news@xn--bcher-kva.example");
    }

    #[test]
    fn addresses_in_a_text_are_masked() {
        #[track_caller]
        fn case(text: &str, want: &str) {
            assert_eq!(masked(text), want);
        }
        case("", "");
        case("no such user", "no such user");
        case("ana@example.com", "a***@e***.com");
        case("<ana.souza@mail.example.com>: unknown", "<a***@m***.com>: unknown");
        case("to ana@example.com, li@example.org.", "to a***@e***.com, l***@e***.org.");
        case("mailto:ana@example.com?x", "mailto:a***@e***.com?x");
        case("bounce+ana=example.com@news.example.org x", "b***@n***.org x");
        case("grüße@bücher.example!", "g***@b***.example!");
        case("rcpt \"a b\"@example.com", "rcpt \"***@e***.com");
        case("ana@localhost", "a***@l***");
        case("a@b@c.example", "a***@b******@c***.example");
        case("meet @ noon", "meet @ noon");
        case("@", "@");
        assert_eq!("ana@example.com".parse::<Address>().unwrap().masked(), "a***@e***.com");
    }

    #[test]
    fn what_is_no_address_is_told() {
        #[track_caller]
        fn case(raw: &str, want: &str) {
            assert_eq!(raw.parse::<Mailbox>().unwrap_err().to_string(), want);
        }
        case("news", "`news` is not an address: write `name@example.org`");
        case("", "`` is not an address: write `name@example.org`");
        case("news@", "`news@` is not an address: write `name@example.org`");
        case("a..b@example.org", "`a..b@example.org` is not an address: `a..b` may not stand before the `@`");
        case("a b@example.org", "`a b@example.org` is not an address: `a b` may not stand before the `@`");
        case("a@b@example.org", "`a@b@example.org` is not an address: `a@b` may not stand before the `@`");
        case("grüße@example.org", "`grüße@example.org` needs SMTPUTF8, which many servers do not know");
        case("news@localhost", "`news@localhost` is not an address: `localhost` is not a domain");
        case("news@127.0.0.1", "`news@127.0.0.1` is not an address: `127.0.0.1` is not a domain");
        case("news@exa_mple.org", "`news@exa_mple.org` is not an address: `exa_mple.org` is not a domain");
        case("news@ex%61mple.org", "`news@ex%61mple.org` is not an address: `ex%61mple.org` is not a domain");
        case("News <news@example.org", "`News <news@example.org` has a `<` but does not end with `>`");
        case(
            "x\r\nBcc: all <news@example.org>",
            "the name in `x\\r\\nBcc: all <news@example.org>` cannot stand in a header: character 2 is a carriage return, \
             and a header is one line of text",
        );
        case(
            "n@example.org\r\nBcc: a@example.com",
            "`n@example.org\\r\\nBcc: a@example.com` is not an address: `n@example.org\\r\\nBcc: a` may not stand before \
             the `@`",
        );
    }

    #[test]
    fn a_name_needs_no_quotes() {
        #[track_caller]
        fn case(raw: &str, name: Option<&str>) {
            let mailbox: Mailbox = raw.parse().unwrap();
            assert_eq!((mailbox.name().map(HeaderText::as_str), mailbox.address().as_str()), (name, "n@example.org"));
            assert_eq!(mailbox.to_string().parse(), Ok(mailbox));
        }
        case("n@example.org", None);
        case("<n@example.org>", None);
        case("\"\" <n@example.org>", None);
        case("Acme GmbH & Co. KG, Köln <n@example.org>", Some("Acme GmbH & Co. KG, Köln"));
        case("\"The \\\"Daily\\\"\" <n@example.org>", Some("The \"Daily\""));
        case("\"\\\"x\\\"\" <n@example.org>", Some("\"x\""));
    }
}
