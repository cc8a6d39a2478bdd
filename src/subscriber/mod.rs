//! Who gets mail: an address, what it is subscribed to, what its owner wants to read, and what they agreed to;
//! and how they prove who they are: the keys of a site, and the tokens that they sign.
//!
//! Values only. Where they are kept is the store's affair, and whether somebody may be added is decided there, beside what
//! it knows of them.

pub mod choice;
pub mod import;
pub mod keys;
pub mod leave;
pub mod names;
pub mod records;
pub mod returned;
pub mod token;

use crate::mail::address::{Address, AddressError, Mailbox};
use crate::mail::header::{HeaderText, HeaderTextError};
use choice::Choice;
use chrono::{DateTime, Utc};

/// The longest name of a person, in characters.
const LONGEST_NAME: usize = 200;

/// Somebody whom the store knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Never used again, also when they are erased.
    pub id: i64,
    /// What they are compared by: see [`key`].
    pub address: String,
    /// What mail is sent to: the part before the `@` as it was given.
    pub mailbox: String,
    /// Their name, where it is known.
    pub name: Option<String>,
    /// What they want to read.
    pub choice: Choice,
    /// Why no mail may be sent to them.
    pub suppressed: Option<Reason>,
    /// Until when they want no issue; a moment that may be over.
    pub paused_until: Option<DateTime<Utc>>,
    /// Whether nothing is known of them but that somebody filled in a form with their address.
    pub is_unproven: bool,
    /// What they signed up to, sorted by digest.
    pub subscriptions: Vec<Subscription>,
    /// Since when they are known.
    pub added_at: DateTime<Utc>,
}

/// One person and one digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The digest.
    pub digest: String,
    /// How it stands.
    pub state: State,
    /// Since when.
    pub changed_at: DateTime<Utc>,
}

/// How a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Asked for, but not confirmed: no mail.
    Pending,
    /// Gets mail.
    Active,
    /// They left. No import brings them back.
    Ended,
}

/// Why no mail may be sent to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// There is no such mailbox.
    Bounced,
    /// Its owner called a mail spam.
    Complained,
    /// Another tool's list said so.
    Imported,
    /// Its owner, or whoever runs the site, asked for it.
    Asked,
    /// Its owner was erased.
    Erased,
}

/// What happened to somebody's consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// They signed up.
    Subscribed,
    /// They said yes to the question whether it was them.
    Confirmed,
    /// They want to read something else than before.
    Changed,
    /// They left.
    Unsubscribed,
    /// No mail may be sent to them any more.
    Suppressed,
    /// Mail may be sent to them again.
    Released,
    /// Nothing of them is kept any more.
    Erased,
}

/// One step of the trail of somebody's consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The digest that it is about; `None` for all.
    pub digest: Option<String>,
    /// What happened.
    pub event: Event,
    /// How we know.
    pub source: String,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// Somebody who is to be added, or of whom a file says that they left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The address as it was given.
    pub address: Address,
    /// The name.
    pub name: Option<HeaderText>,
    /// What they want to read; `None` where nothing is said of it.
    pub choice: Option<Choice>,
    /// Digests, and how each is to stand.
    pub subscriptions: Vec<(String, State)>,
    /// Why no mail may be sent to them.
    pub suppressed: Option<Reason>,
    /// When they agreed, where that is known.
    pub at: Option<DateTime<Utc>>,
}

macro_rules! words {
    ($type:ident: $($variant:ident $word:literal),*) => {
        impl $type {
            /// All of them.
            pub const ALL: &[$type] = &[$($type::$variant),*];

            /// As commands and the store call it.
            pub fn word(self) -> &'static str {
                match self {
                    $($type::$variant => $word),*
                }
            }

            /// What is called so.
            pub fn of(word: &str) -> Option<$type> {
                $type::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

words!(State: Pending "pending", Active "active", Ended "ended");
words!(Reason: Bounced "bounced", Complained "complained", Imported "imported", Asked "asked", Erased "erased");
words!(Event: Subscribed "subscribed", Confirmed "confirmed", Changed "changed", Unsubscribed "unsubscribed",
    Suppressed "suppressed", Released "released", Erased "erased");

impl Reason {
    /// Whether it is the person's own no, or that of whoever runs the site for them: no form of the web takes it back, and no
    /// other reason its place.
    pub fn is_adamant(self) -> bool {
        matches!(self, Reason::Complained | Reason::Asked)
    }

    /// Whether it takes the place of another, or of none.
    pub fn outranks(self, other: Option<Reason>) -> bool {
        other.is_none_or(|other| self.is_adamant() && !other.is_adamant())
    }
}

impl Subscriber {
    /// How a subscription stands, under the first of a digest's names that there is one under.
    pub fn state<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<State> {
        let of = |name: &str| self.subscriptions.iter().find(|one| one.digest == name).map(|one| one.state);
        names.into_iter().find_map(of)
    }

    /// The digests that stand so, in order.
    pub fn digests(&self, state: State) -> impl Iterator<Item = &str> {
        self.subscriptions.iter().filter(move |one| one.state == state).map(|one| one.digest.as_str())
    }
}

/// What addresses are compared by: the whole address in small letters. No mailbox is known that tells capitals apart, and two
/// mails to one person would be worse.
pub fn key(address: &Address) -> String {
    address.as_str().to_ascii_lowercase()
}

/// An address as people and other tools write it, with the name that stands before it: `ana@example.org`,
/// `mailto:ana@example.org`, `Ana Souza <ana@example.org>`.
///
/// # Errors
///
/// Why it is none, in words that do not repeat it, so that they may stand in a log.
pub fn address(raw: &str) -> Result<(Address, Option<HeaderText>), &'static str> {
    let text = trimmed(raw);
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    if text.is_empty() {
        return Err("there is no address");
    }
    match text.parse::<Mailbox>() {
        Ok(mailbox) => Ok((mailbox.address().clone(), mailbox.name().cloned())),
        Err(AddressError::NoAt(_)) => Err("the address is not one: nothing stands on both sides of an `@`"),
        Err(AddressError::Local(..)) => {
            Err("the address is not one: what stands before the `@` is too long, or has signs that may not stand there")
        }
        Err(AddressError::NotAscii(_)) => Err(
            "the address needs SMTPUTF8, which many servers do not know: what stands before the `@` is not plain ASCII",
        ),
        Err(AddressError::Domain(..)) => Err("the address is not one: what stands after the `@` is not a domain"),
        Err(AddressError::TooLong(_)) => Err("the address is longer than 254 characters"),
        Err(AddressError::Unclosed(_)) => Err("the address has a `<` but does not end with `>`"),
        Err(AddressError::Name { .. }) => Err("the name before the address has control characters"),
    }
}

/// A person's name on one line; `None` where there is none.
///
/// # Errors
///
/// Why it cannot be one.
pub fn name(raw: &str) -> Result<Option<HeaderText>, &'static str> {
    let line = trimmed(raw).split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > LONGEST_NAME {
        return Err("the name is longer than 200 characters");
    }
    match HeaderText::new(&line) {
        Ok(name) => Ok(Some(name)),
        Err(HeaderTextError::Empty) => Ok(None),
        Err(HeaderTextError::Control { .. }) => Err("the name has control characters"),
    }
}

/// Whether an address stands somewhere in a text.
pub fn mentions_address(text: &str) -> bool {
    let is_end = |c: char| c.is_whitespace() || "<>()[],;:\"'`".contains(c);
    text.split(is_end).any(|word| word.trim_end_matches('.').parse::<Address>().is_ok())
}

/// Without what people cannot see at the ends of a cell.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        assert!(State::ALL.iter().all(|&one| State::of(one.word()) == Some(one)));
        assert!(Reason::ALL.iter().all(|&one| Reason::of(one.word()) == Some(one)));
        assert!(Event::ALL.iter().all(|&one| Event::of(one.word()) == Some(one)));
        assert_eq!(State::of("Active"), None);
    }

    #[test]
    fn a_no_of_ones_own_takes_the_place_of_other_reasons() {
        for &one in Reason::ALL {
            assert!(one.outranks(None));
            let outranked: Vec<&Reason> = Reason::ALL.iter().filter(|other| one.outranks(Some(**other))).collect();
            assert_eq!(outranked.len(), if one.is_adamant() { 3 } else { 0 }, "{one:?}");
        }
        assert!(Reason::Asked.outranks(Some(Reason::Erased)) && !Reason::Asked.outranks(Some(Reason::Complained)));
    }

    #[test]
    fn an_address_is_read_as_people_write_it() {
        #[track_caller]
        fn case(raw: &str, want: &str, compared: &str, called: Option<&str>) {
            let (address, name) = address(raw).unwrap();
            assert_eq!((address.as_str(), key(&address).as_str()), (want, compared));
            assert_eq!(name.as_ref().map(HeaderText::as_str), called);
        }
        case("Ana@Example.ORG", "Ana@example.org", "ana@example.org", None);
        case(" \u{feff}ana@example.org\u{a0}\u{200b}", "ana@example.org", "ana@example.org", None);
        case("mailto:ana@example.org", "ana@example.org", "ana@example.org", None);
        case("ana+news@example.org", "ana+news@example.org", "ana+news@example.org", None);
        case("Ana@Bücher.example", "Ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example", None);
        case("Ana Souza <ana@example.org>", "ana@example.org", "ana@example.org", Some("Ana Souza"));
    }

    #[test]
    fn what_is_no_address_is_told_without_repeating_it() {
        #[track_caller]
        fn case(raw: &str, want: &str) {
            assert_eq!(address(raw).unwrap_err(), want);
        }
        let local =
            "the address is not one: what stands before the `@` is too long, or has signs that may not stand there";
        case(" ", "there is no address");
        case("ana", "the address is not one: nothing stands on both sides of an `@`");
        case("ana souza@example.org", local);
        case("ana\0@example.org", local);
        case(&format!("{}@example.org", "x".repeat(1_000_000)), local);
        case("ana@localhost", "the address is not one: what stands after the `@` is not a domain");
        case(
            &format!("ana@{}example.org", "x.".repeat(130)),
            "the address is not one: what stands after the `@` is not a domain",
        );
        case("<ana@example.org", "the address has a `<` but does not end with `>`");
        case(
            "grüße@example.org",
            "the address needs SMTPUTF8, which many servers do not know: what stands before the `@` is not plain ASCII",
        );
    }

    #[test]
    fn an_address_in_a_text_is_seen() {
        assert!(mentions_address("a mail from ana@example.org."));
        assert!(mentions_address("<ana@example.org>: asked"));
        assert!(!mentions_address("sign-up sheet, 3 May @ the fair"));
    }

    #[test]
    fn a_name_is_one_line() {
        let said = |raw: &str| name(raw).map(|name| name.map(|name| name.as_str().to_owned()));
        assert_eq!(said(" Ana\r\n  Souza\t"), Ok(Some("Ana Souza".into())));
        assert_eq!(said("  "), Ok(None));
        assert_eq!(said("Ana\0"), Err("the name has control characters"));
        assert_eq!(said(&"ä".repeat(201)), Err("the name is longer than 200 characters"));
    }
}
