//! The postbox: notices that are to be sent, and what became of each.
//!
//! The [`super::ledger`] for mails to one person: the same states, the same holds with fences, and the same promise that a
//! notice is on the wire on the disk before it is on the wire. Its words are others, so that both can be used of one store.

use super::StoreError;
use super::ledger::{Leave, State, Totals, Verdict};
use super::notices::Kind;
use chrono::{DateTime, Utc};
use std::future::Future;

/// One worker's hold on one notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hold {
    /// The notice.
    pub notice: i64,
    /// The lease.
    pub fence: i64,
}

/// A notice that a worker may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The hold on it.
    pub hold: Hold,
    /// Whom it is for.
    pub subscriber: i64,
    /// Where it goes.
    pub mailbox: String,
    /// Why they get it.
    pub kind: Kind,
    /// What was composed.
    pub letter: String,
    /// How often it was tried before.
    pub attempts: u32,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concluded {
    /// Whose.
    pub hold: Hold,
    /// What it is now: accepted, deferred, rejected or uncertain; planned where nothing was tried.
    pub state: State,
    /// The server's code.
    pub code: Option<u16>,
    /// What the server said, or what went wrong, with addresses masked.
    pub reply: String,
    /// Why, where no server said it: `expired`.
    pub reason: Option<&'static str>,
    /// When it may be tried again, where it is deferred.
    pub due_at: Option<DateTime<Utc>>,
    /// Whether the address takes no mail at all, so that nobody writes to it again.
    pub is_dead: bool,
}

/// One notice, as people ask about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number.
    pub id: i64,
    /// The subscriber's number.
    pub subscriber: i64,
    /// Why they get it.
    pub kind: Kind,
    /// Whom it is for; empty once the person was erased, or it is old.
    pub mailbox: String,
    /// Where it stands.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// The server's last code.
    pub code: Option<u16>,
    /// What the server said, with addresses masked.
    pub reply: Option<String>,
    /// Why it was not sent, or why nobody can know.
    pub reason: Option<String>,
    /// When it may be tried again.
    pub due_at: Option<DateTime<Utc>>,
    /// When its question was answered with yes, or closed since they left.
    pub settled_at: Option<DateTime<Utc>>,
    /// When it was planned.
    pub created_at: DateTime<Utc>,
    /// When the row was last written.
    pub updated_at: DateTime<Utc>,
}

/// Which notices are meant. All conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// Of one address, in its comparing form.
    pub address: Option<String>,
    /// In one of these states; in any where there is none.
    pub states: Vec<State>,
    /// After this one, for pages.
    pub after: i64,
    /// At most so many.
    pub limit: u32,
}

/// A memory of what became of notices.
pub trait Postbox {
    /// Leases notices that are planned, or deferred and due, oldest first. Those whose subscriber is gone, or may not be
    /// written to, are skipped instead, in the same step.
    fn draw(
        &self,
        owner: &str,
        limit: u32,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<Drawn>, StoreError>> + Send;

    /// Asks whether the body of a notice may be sent: with [`Leave::Given`], it is `on_wire` on the disk.
    fn set_out(
        &self,
        hold: Hold,
        owner: &str,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Leave, StoreError>> + Send;

    /// Records how an attempt ended, and forgets the letter of what was accepted: its links open somebody's pages for long.
    /// Whether it was still this worker's to say. A reply that comes after the lease has run
    /// out still settles an uncertain notice.
    fn conclude(
        &self,
        concluded: &Concluded,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Prolongs all holds of a worker.
    fn hold_on(&self, owner: &str, until: DateTime<Utc>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives back all that a worker holds and has not begun to send: it is planned again.
    fn put_back(&self, owner: &str, now: DateTime<Utc>) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// What workers left behind whose lease has run out, or who are known to be dead: what was leased is planned again, what
    /// was on the wire is uncertain. Returns how many became uncertain.
    fn pick_up(&self, now: DateTime<Utc>, dead: &[String]) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// The workers that hold notices.
    fn holders(&self) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// When there is something to do without anybody's doing: now where something is planned, else when the first is due
    /// again or a lease runs out; none where all have ended.
    fn next_notice(&self, now: DateTime<Utc>)
    -> impl Future<Output = Result<Option<DateTime<Utc>>, StoreError>> + Send;

    /// How many stand where.
    fn notice_totals(&self) -> impl Future<Output = Result<Totals, StoreError>> + Send;

    /// Notices, oldest first.
    fn notices(&self, which: &Which) -> impl Future<Output = Result<Vec<Notice>, StoreError>> + Send;

    /// Settles uncertain notices: those of one subscriber, or all. Returns how many. One that was not sent is planned again;
    /// of one that was, the letter is forgotten.
    fn resolve_notices(
        &self,
        subscriber: Option<i64>,
        verdict: Verdict,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Plans rejected and deferred notices again, those of one subscriber, or all, as far as their letters are still kept.
    /// Returns how many. What was accepted is never planned again: its letter is forgotten.
    fn retry_notices(
        &self,
        subscriber: Option<i64>,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

#[cfg(test)]
pub(crate) mod contract;
