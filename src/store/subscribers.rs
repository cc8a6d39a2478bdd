//! What a store does with subscribers, and what may become of somebody who is to be added.
//!
//! The decision is made here, once for every store, from what the store knows of a person: nobody who left or may get no mail
//! is subscribed again unless that is asked for by name. Each change leaves a line in the trail of consent.

use super::StoreError;
use crate::mail::address::Address;
use crate::subscriber::choice::Choice;
use crate::subscriber::{Arrival, Consent, Event, Reason, State, Subscriber};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::future::Future;

/// The keyed hashes of an address (see [`crate::subscriber::key`]), one for each key that there is: the first is written, all
/// are looked for.
pub type Hashes<'a> = &'a (dyn Fn(&str) -> Vec<[u8; 32]> + Sync);

/// A place where subscribers are remembered. Addresses are compared by [`crate::subscriber::key`].
pub trait Subscribers {
    /// Adds people, or notes what is said of them, all or none. For each, in order, what became of it; the same again changes
    /// nothing.
    fn add(
        &self,
        arrivals: &[Arrival],
        terms: &Terms<'_>,
    ) -> impl Future<Output = Result<Vec<Became>, StoreError>> + Send;

    /// Subscribers by id, from after one id on, at most so many. Memory holds one page.
    fn page(
        &self,
        which: &Which,
        after: i64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Subscriber>, StoreError>> + Send;

    /// How many there are.
    fn count(&self, which: &Which) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// All that is known of a subscriber.
    fn portrait(&self, address: &Address) -> impl Future<Output = Result<Option<Portrait>, StoreError>> + Send;

    /// Whoever has a number, which is what tokens name. `None` where nobody has it, or not any more.
    fn by_id(&self, id: i64) -> impl Future<Output = Result<Option<Subscriber>, StoreError>> + Send;

    /// Why no mail may be sent to an address, and since when, also where nobody with it is known.
    fn suppression(
        &self,
        address: &Address,
        hashes: Hashes<'_>,
    ) -> impl Future<Output = Result<Option<(Reason, DateTime<Utc>)>, StoreError>> + Send;

    /// Ends the subscriptions of somebody to digests of these names, or to all where none is named. Those that were ended by
    /// it; `None` where nobody has the address. That somebody has left a digest is also remembered where they never signed
    /// up to it by that name: its audience may name their address. What they were asked and have not answered is closed.
    fn end(
        &self,
        address: &Address,
        digests: &[&str],
        source: &str,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Option<Vec<String>>, StoreError>> + Send;

    /// Leaves nothing that names somebody, but for a keyed hash that keeps them from coming back with an import; where
    /// they had complained, or wanted no mail, it also keeps forms from writing to them. What was
    /// about to be sent to them is not sent. `None` where nobody has the address; nothing is changed then.
    fn erase(
        &self,
        address: &Address,
        hashes: Hashes<'_>,
        source: &str,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Option<Erased>, StoreError>> + Send;

    /// Clears the store's files of what was erased while somebody was in the way; whether nothing is left of it. At once done
    /// where all is clean.
    fn tidy(&self) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Sees to it that no mail is sent to addresses, whether anybody is known by them or not. Nobody is subscribed by it. The
    /// first reason stays, unless the later one is the person's own no ([`Reason::outranks`]). What they were asked and have
    /// not answered is closed.
    fn suppress(
        &self,
        addresses: &[Address],
        reason: Reason,
        hashes: Hashes<'_>,
        source: &str,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<Hushed>, StoreError>> + Send;
}

/// On which terms people are added.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// How we know that they agree.
    pub source: &'a str,
    /// When it is noted, and since when they agree where they do not say so themselves.
    pub now: DateTime<Utc>,
    /// What a person has to say against it.
    pub manner: Manner,
    /// Whether it is kept.
    pub keep: Keep,
    /// Further names under which a digest may be known.
    pub formerly: &'a BTreeMap<String, Vec<String>>,
    /// See [`Hashes`].
    pub hashes: Hashes<'a>,
}

/// What counts more: what is known of a person, or what arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// What is known stands: name, choice, that they left, that they get no mail.
    Import,
    /// A name and a choice that are given take the place of those that are known.
    Add,
    /// The same, and who left or may get no mail is subscribed again.
    Lift,
}

/// Whether a change is kept or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is kept.
    Yes,
    /// It is undone: this is what would become of it.
    No,
}

/// What became of somebody who was to be added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Became {
    /// Nobody was known by the address.
    pub is_new: bool,
    /// Digests that they were subscribed to, or asked for, by this.
    pub joined: Vec<String>,
    /// Digests that they were not subscribed to, since they left them earlier.
    pub left: Vec<String>,
    /// Digests that they left by this.
    pub ended: Vec<String>,
    /// Whether another choice or name took the place of the old one.
    pub is_changed: bool,
    /// Why they were not subscribed at all.
    pub refused: Option<Reason>,
    /// Why no mail may be sent to them, since this.
    pub suppressed: Option<Reason>,
}

/// Which subscribers are meant. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// Those with a subscription to a digest of these names; to any where there are none.
    pub digests: Vec<String>,
    /// Those with a subscription that stands so.
    pub state: Option<State>,
    /// Those that may get no mail, or those that may.
    pub suppressed: Option<bool>,
}

/// All that is known of a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portrait {
    /// Who it is.
    pub subscriber: Subscriber,
    /// What they agreed to, oldest first.
    pub consent: Vec<Consent>,
    /// What was sent to them or is to be, newest first.
    pub deliveries: Vec<Delivered>,
}

/// What became of one issue for one subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The digest.
    pub digest: String,
    /// The period.
    pub period: String,
    /// The state, in the ledger's word.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// The code of the server's last reply.
    pub code: Option<i64>,
    /// The server's last reply.
    pub reply: Option<String>,
    /// Why it was not sent.
    pub reason: Option<String>,
    /// Since when it stands so.
    pub updated_at: DateTime<Utc>,
}

/// What was done to erase somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// How many mails were about to be sent to them and are not.
    pub skipped: u64,
    /// Whether the store's files hold nothing of them any more. It is not where another program is reading them;
    /// [`Subscribers::tidy`] tries again, and so does erasing the same address again.
    pub is_clean: bool,
}

/// What became of an address that is to get no mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hushed {
    /// It is that of a subscriber, who gets no mail from now on.
    Subscriber,
    /// Nobody is known by it.
    Stranger,
    /// It got no mail before either.
    Known,
}

/// What is to be written for one arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// What it comes to.
    pub became: Became,
    /// Whether there is to be a row for them.
    pub insert: bool,
    /// Another name.
    pub name: Option<String>,
    /// Another choice.
    pub choice: Option<Choice>,
    /// How digests stand from now on.
    pub states: Vec<(String, State)>,
    /// What happened, with the digest that it is about.
    pub events: Vec<(Option<String>, Event)>,
    /// Whether mail may be sent to them again.
    pub release: bool,
}

/// What becomes of an arrival. `known` is who has the address, `suppressed` why its hash is kept. The same for every store.
pub(crate) fn decide(
    arrival: &Arrival,
    known: Option<&Subscriber>,
    suppressed: Option<Reason>,
    terms: &Terms<'_>,
) -> Change {
    let mut change = Change::default();
    let both = [known.and_then(|known| known.suppressed), suppressed];
    let mut suppressed = both
        .into_iter()
        .flatten()
        .fold(None, |before: Option<Reason>, reason| if reason.outranks(before) { Some(reason) } else { before });
    let wants = |(_, state): &&(String, State)| *state != State::Ended;
    if suppressed.is_some() && terms.manner == Manner::Lift && arrival.subscriptions.iter().any(|one| wants(&one)) {
        suppressed = None;
        change.release = true;
        change.events.push((None, Event::Released));
    }
    for (digest, wanted) in &arrival.subscriptions {
        let former = terms.formerly.get(digest).into_iter().flatten().map(String::as_str);
        let names = std::iter::once(digest.as_str()).chain(former);
        let stands = known.and_then(|known| known.state(names));
        let event = match (wanted, stands) {
            (State::Ended, Some(State::Ended)) => continue,
            (State::Ended, _) => {
                change.became.ended.push(digest.clone());
                Event::Unsubscribed
            }
            _ if suppressed.is_some() || arrival.suppressed.is_some() => {
                change.became.refused = suppressed;
                continue;
            }
            (_, Some(State::Active)) | (State::Pending, Some(State::Pending)) => continue,
            (_, Some(State::Ended)) if terms.manner != Manner::Lift => {
                change.became.left.push(digest.clone());
                continue;
            }
            (State::Active, Some(State::Pending)) => {
                change.became.joined.push(digest.clone());
                Event::Confirmed
            }
            (_, None | Some(State::Ended)) => {
                change.became.joined.push(digest.clone());
                Event::Subscribed
            }
        };
        change.states.push((digest.clone(), *wanted));
        change.events.push((Some(digest.clone()), event));
    }
    if let Some(reason) = arrival.suppressed.filter(|reason| reason.outranks(suppressed)) {
        change.became.suppressed = Some(reason);
        change.events.push((None, Event::Suppressed));
    }
    // Of somebody who is unknown and gets no mail, the hash is enough. Who left must be known, or an import would bring them back.
    change.insert = known.is_none() && !change.states.is_empty();
    change.became.is_new = change.insert && !change.became.joined.is_empty();
    if change.became.refused.is_none() {
        rename(arrival, known, terms.manner, &mut change);
    }
    change
}

/// What becomes of a person's name and choice.
fn rename(arrival: &Arrival, known: Option<&Subscriber>, manner: Manner, change: &mut Change) {
    let name = arrival.name.as_ref().map(|name| name.as_str().to_owned());
    let Some(known) = known else {
        change.name = name;
        change.choice.clone_from(&arrival.choice);
        return;
    };
    let replaces = manner != Manner::Import;
    if let Some(name) = name.filter(|name| known.name.as_ref() != Some(name) && (replaces || known.name.is_none())) {
        change.became.is_changed |= replaces;
        change.name = Some(name);
    }
    if let Some(choice) = arrival.choice.as_ref().filter(|choice| replaces && **choice != known.choice) {
        change.became.is_changed = true;
        change.choice = Some(choice.clone());
        change.events.push((None, Event::Changed));
    }
}

#[cfg(test)]
pub(crate) mod contract;
