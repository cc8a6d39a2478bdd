//! Notices: mails to one person that are no issue, and what a person asks for and decides on the web.
//!
//! A form that anybody can fill in changes nothing for somebody who is known: it asks by mail, and what was asked for waits
//! in the notice until its owner says yes. Nothing here tells whoever filled in the form whether an address is known. What a
//! notice says is written down whole in the step that plans it; from then on it lies in the [`super::postbox`].

use super::StoreError;
use super::subscribers::{Hashes, Portrait};
use crate::mail::address::Address;
use crate::mail::header::HeaderText;
use crate::subscriber::choice::Choice;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;

/// Why somebody gets a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Somebody signed up with the address, and its owner is asked whether it was them.
    Confirm,
    /// Somebody signed up who gets all of it already.
    Known,
    /// Somebody asked for a link to what is kept of them.
    Link,
    /// They said yes.
    Welcome,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Confirm, Kind::Known, Kind::Link, Kind::Welcome];

    /// The word that the store and commands know it by.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Confirm => "confirm",
            Kind::Known => "known",
            Kind::Link => "link",
            Kind::Welcome => "welcome",
        }
    }

    /// The kind of this word.
    pub fn of_word(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What somebody asked for on a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Digests, by the names that they have now.
    pub digests: Vec<String>,
    /// What they want to read; none where the form said nothing of it: then what is known stays.
    pub choice: Option<Choice>,
    /// What they are called; none where the form said nothing of it.
    pub name: Option<HeaderText>,
}

/// Whom a letter is for: all that a letter holds which is not known before the store has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// The notice's number, as tokens name it.
    pub notice: u32,
    /// The subscriber's number.
    pub subscriber: i64,
    /// Why they get it.
    pub kind: Kind,
}

/// Writes the letter of a notice, as the store keeps it: whatever text whoever sends it understands. Called while the store
/// is being written to, so that it must be quick: all but the personal places is made before.
pub type Compose<'a> = &'a (dyn Fn(&Addressee) -> Result<String, Box<dyn Error + Send + Sync>> + Sync);

/// How often one address is written to because somebody filled in a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So many notices in 24 hours that nobody confirmed; and as many links.
    pub per_address: usize,
    /// The same request is not mailed again within this.
    pub repeat_after: TimeDelta,
}

/// Somebody filled in the form.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// The address as it was given.
    pub address: &'a Address,
    /// What they want.
    pub request: &'a Request,
    /// How we know, for the trail of consent: `form at https://…`, without an address.
    pub source: &'a str,
    /// The present time.
    pub now: DateTime<Utc>,
    /// How often.
    pub limits: Limits,
    /// Further names under which a digest may be known.
    pub formerly: &'a BTreeMap<String, Vec<String>>,
    /// See [`Hashes`].
    pub hashes: Hashes<'a>,
}

/// Somebody wants a link to what is kept of them.
#[derive(Clone, Copy)]
pub struct LinkWanted<'a> {
    /// The address as it was given.
    pub address: &'a Address,
    /// The present time.
    pub now: DateTime<Utc>,
    /// How often.
    pub limits: Limits,
    /// See [`Hashes`].
    pub hashes: Hashes<'a>,
}

/// What a form led to: for logs and tests. Whoever filled it in is told the same each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A notice is planned: its number.
    Queued(u32, Kind),
    /// No mail is sent.
    Hushed(Silence),
}

/// Why no mail is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Nobody has the address, and there is nothing to sign up to.
    Unknown,
    /// They or whoever runs the site said that nothing may be sent.
    Suppressed,
    /// The address got enough for a day.
    Enough,
    /// The same was mailed a moment ago.
    Again,
}

/// A yes to what a notice asks.
#[derive(Clone, Copy)]
pub struct Yes<'a> {
    /// The notice's number, from the token.
    pub notice: u32,
    /// The subscriber's number, from the token.
    pub subscriber: i64,
    /// How we know, for the trail of consent.
    pub source: &'a str,
    /// The present time.
    pub now: DateTime<Utc>,
    /// Further names under which a digest may be known.
    pub formerly: &'a BTreeMap<String, Vec<String>>,
    /// See [`Hashes`].
    pub hashes: Hashes<'a>,
}

/// What a yes led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// All that was asked for is in effect: digests that they are subscribed to by it, and not before.
    Done {
        /// Those digests.
        joined: Vec<String>,
    },
    /// It was in effect before; nothing changes, also where they have left meanwhile.
    Already,
    /// There is no such notice, the person was erased, or no mail may be sent to them.
    Gone,
}

/// What a notice asks, for the page with the button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What a yes puts into effect.
    pub request: Request,
    /// Whether it is in effect already.
    pub is_settled: bool,
}

/// What a person decides on the page of their preferences.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    /// The subscriber's number, from the token.
    pub subscriber: i64,
    /// The digests that the page offers, by the names that they have now. Others stay as they are.
    pub offered: &'a [String],
    /// Those that are ticked.
    pub ticked: &'a [String],
    /// What they want to read.
    pub choice: &'a Choice,
    /// Until when they want no issue; a moment that is over, or none, ends a pause.
    pub paused_until: Option<DateTime<Utc>>,
    /// How we know, for the trail of consent.
    pub source: &'a str,
    /// The present time.
    pub now: DateTime<Utc>,
    /// Further names under which a digest may be known.
    pub formerly: &'a BTreeMap<String, Vec<String>>,
}

/// What became of a wish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// Digests that they are subscribed to by it.
    pub joined: Vec<String>,
    /// Digests that they left by it.
    pub left: Vec<String>,
    /// Digests that were ticked and stay as they are: the person never confirmed anything, or may get no mail.
    pub refused: Vec<String>,
    /// Whether they want to read something else than before.
    pub is_changed: bool,
    /// Until when they get no issue.
    pub paused_until: Option<DateTime<Utc>>,
}

/// What was tidied up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// People who never confirmed, and of whom nothing is kept any more.
    pub people: u64,
    /// Notices of which only what became of them is kept.
    pub notices: u64,
}

/// A memory of notices, and of what people decide.
pub trait Notices {
    /// Somebody signed up on a form. In one step: whoever is unknown becomes a subscriber, and a notice is planned. It asks
    /// for a yes, or says that nothing is new where they get all of it as they want it. For somebody of whom forms are all
    /// that is known, a digest that they have no subscription to becomes pending, with a line in the trail of consent.
    /// Nothing else of anybody who is known changes; and where they said what they want to read, a form that chooses
    /// nothing leaves it so.
    ///
    /// Whatever becomes of a form, it uses up one number of a subscriber and one of a notice, and is written down: who can
    /// read numbers, or knows that the disk is full, learns nothing of others.
    ///
    /// Who bounced, was suppressed by another tool's list, was erased or has left is asked; their yes brings them back.
    /// Nobody is asked who complained or wants no mail.
    ///
    /// # Errors
    ///
    /// [`StoreError::Letter`] where no letter can be composed. Nothing is changed then.
    fn ask(&self, ask: &Ask<'_>, compose: Compose<'_>) -> impl Future<Output = Result<Asked, StoreError>> + Send;

    /// Somebody wants a link to what is kept of them: it is mailed to a subscriber, unless no mail may be sent to them. Links
    /// are counted for themselves, and each wish uses up one number of a notice.
    ///
    /// # Errors
    ///
    /// As [`Notices::ask`].
    fn link(
        &self,
        wanted: &LinkWanted<'_>,
        compose: Compose<'_>,
    ) -> impl Future<Output = Result<Asked, StoreError>> + Send;

    /// What a notice asks; none where a yes would find it gone.
    fn question(
        &self,
        notice: u32,
        subscriber: i64,
    ) -> impl Future<Output = Result<Option<Question>, StoreError>> + Send;

    /// Puts into effect what a notice asks, once. The trail of consent says what the form had said, and the yes. Where there is a `welcome` and something is new, a notice is planned that
    /// says so.
    ///
    /// # Errors
    ///
    /// As [`Notices::ask`].
    fn confirm(
        &self,
        yes: &Yes<'_>,
        welcome: Option<Compose<'_>>,
    ) -> impl Future<Output = Result<Confirmed, StoreError>> + Send;

    /// A person changes what they get, all of it or nothing. They leave what is offered and not ticked, and join what is
    /// ticked, but for somebody who never confirmed anything or may get no mail. Where they leave something, what they were
    /// asked and have not answered is closed. `None` where nobody has the number.
    fn set_preferences(&self, wish: &Wish<'_>) -> impl Future<Output = Result<Option<Granted>, StoreError>> + Send;

    /// All that is known of a subscriber, by the number in a token.
    fn portrait_of(&self, subscriber: i64) -> impl Future<Output = Result<Option<Portrait>, StoreError>> + Send;

    /// Forgets people who were asked before a moment and never said yes, where nothing else is known of them: no hash is kept.
    /// Not before a day is over, so that [`Limits::per_address`] holds, and never somebody who came by an import.
    /// Of notices that ended before another moment, forgets whom they were for and what they said.
    fn purge(
        &self,
        unconfirmed_before: DateTime<Utc>,
        ended_before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Purged, StoreError>> + Send;
}

#[cfg(test)]
pub(crate) mod contract;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_word_of_its_own() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_word(kind.word()), Some(kind));
        }
        assert_eq!(Kind::of_word("newsletter"), None);
    }
}
