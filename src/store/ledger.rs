//! The ledger: what became of each mail, and what may become of it.
//!
//! One row stands for each pair of issue and subscriber. Before the first byte of a body goes out, the row says so, on the
//! disk; when the reply is there, the row has it. So whatever a run was killed in, the next one knows for each mail that it
//! was not sent, that it was sent, or that nobody can know: between the final dot and the reply a server may have taken
//! the mail or not (RFC 5321, section 4.5.3.2.6). Such a row is `uncertain`, and nothing sends it again by itself.
//!
//! A row is leased to one worker at a time. Each lease has a higher fence than the one before, and a worker that lost its
//! lease changes nothing any more.

use super::StoreError;
use chrono::{DateTime, Utc};
use std::future::Future;

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// To be sent.
    Planned,
    /// A worker has it and has sent nothing of the body.
    Leased,
    /// The body is on its way, or may be.
    OnWire,
    /// A server took it.
    Accepted,
    /// A server said: later.
    Deferred,
    /// A server said no, or it was given up.
    Rejected,
    /// Nothing was sent, for a reason that lies with the subscriber: unsubscribed, suppressed, erased, paused, nothing to
    /// read.
    Skipped,
    /// Nothing was sent, since the issue was cancelled.
    Cancelled,
    /// Nobody can know whether a server took it.
    Uncertain,
}

impl State {
    /// All of them, in the order in which they are told.
    pub const ALL: [State; 9] = [
        State::Planned,
        State::Leased,
        State::OnWire,
        State::Accepted,
        State::Deferred,
        State::Rejected,
        State::Skipped,
        State::Cancelled,
        State::Uncertain,
    ];

    /// The word that the store knows it by.
    pub fn word(self) -> &'static str {
        match self {
            State::Planned => "planned",
            State::Leased => "leased",
            State::OnWire => "on_wire",
            State::Accepted => "accepted",
            State::Deferred => "deferred",
            State::Rejected => "rejected",
            State::Skipped => "skipped",
            State::Cancelled => "cancelled",
            State::Uncertain => "uncertain",
        }
    }

    /// The state of this word.
    pub fn of_word(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether nothing more happens to it by itself.
    pub fn is_final(self) -> bool {
        matches!(self, State::Accepted | State::Rejected | State::Skipped | State::Cancelled | State::Uncertain)
    }
}

/// One worker's hold on one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The issue.
    pub issue: i64,
    /// The subscriber.
    pub subscriber: i64,
    /// The lease.
    pub fence: i64,
}

/// A delivery that a worker may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The hold on it.
    pub ticket: Ticket,
    /// Whom it is for.
    pub mailbox: String,
    /// What of the issue.
    pub variant: i64,
    /// How often it was tried before.
    pub attempts: u32,
}

/// What a worker wants of the ledger.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Of which issue.
    pub issue: i64,
    /// Who asks: unlike any other worker, also one of an earlier run.
    pub owner: &'a str,
    /// The present time.
    pub now: DateTime<Utc>,
    /// How long the lease is.
    pub until: DateTime<Utc>,
    /// At most so many.
    pub limit: u32,
}

/// Whether a body may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leave {
    /// The row says `on_wire`, on the disk.
    Given,
    /// The person left or was suppressed a moment ago; the row says so.
    Skipped(String),
    /// The lease is not this worker's any more: it has run out, or the row is somebody else's or was cancelled.
    Lost,
    /// The issue is paused, cancelled or done: nothing of it may be sent now. The row is as it was.
    Held,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Whose.
    pub ticket: Ticket,
    /// What it is now: accepted, deferred, rejected or uncertain; planned where nothing was tried.
    pub state: State,
    /// The server's code.
    pub code: Option<u16>,
    /// What the server said, or what went wrong, with addresses masked.
    pub reply: String,
    /// Why, where no server said it: `expired`.
    pub reason: Option<&'static str>,
    /// How far it got.
    pub phase: &'static str,
    /// When it may be tried again, where it is deferred.
    pub due_at: Option<DateTime<Utc>>,
    /// Whether the address takes no mail at all, so that nobody writes to it again.
    pub is_dead: bool,
}

/// What a step came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stepped {
    /// For each attempt that ended, in order, whether it was still this worker's to say.
    pub recorded: Vec<bool>,
    /// For each ticket, in order.
    pub leave: Vec<Leave>,
}

/// How many deliveries of an issue stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    counts: [u64; State::ALL.len()],
    /// How many subscribers were looked at when it was frozen.
    pub candidates: u64,
}

impl Totals {
    /// Totals of these counts; a state that is not named has none.
    pub fn new(candidates: u64, counts: impl IntoIterator<Item = (State, u64)>) -> Totals {
        let mut totals = Totals { candidates, ..Totals::default() };
        for (state, count) in counts {
            totals.counts[state as usize] += count;
        }
        totals
    }

    /// How many are in a state.
    pub fn of(&self, state: State) -> u64 {
        self.counts[state as usize]
    }

    /// How many there are.
    pub fn all(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many something can still happen to by itself.
    pub fn open(&self) -> u64 {
        State::ALL.into_iter().filter(|state| !state.is_final()).map(|state| self.of(state)).sum()
    }

    /// Whether there is one delivery for each subscriber that was looked at.
    pub fn balance(&self) -> bool {
        self.all() == self.candidates
    }
}

/// One delivery, as people ask about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// `weekly`
    pub digest: String,
    /// `2026-W48`
    pub period: String,
    /// The issue's number.
    pub issue: i64,
    /// The subscriber's number.
    pub subscriber: i64,
    /// Whom it is for; empty once the person was erased.
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
    /// When the row was last written.
    pub updated_at: DateTime<Utc>,
}

/// A try that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Counted from 1.
    pub number: u32,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Whose run.
    pub worker: String,
    /// How far it got.
    pub phase: String,
    /// The server's code.
    pub code: Option<u16>,
    /// What was said, with addresses masked.
    pub reply: String,
}

/// Which deliveries are meant.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Of one issue; of all, where an address is named.
    pub issue: Option<i64>,
    /// In one of these states; in any where there is none.
    pub states: Vec<State>,
    /// Of one address, in its comparing form.
    pub address: Option<String>,
    /// After this subscriber of the issue, for pages.
    pub after: i64,
    /// At most so many.
    pub limit: u32,
}

/// What becomes of an uncertain delivery, by somebody who knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A server took it: it counts as accepted.
    Accepted,
    /// No server took it: it is planned again.
    NotSent,
}

/// A memory of deliveries.
pub trait Ledger {
    /// Leases deliveries that are planned, or deferred and due. Those whose subscriber has left, was suppressed or erased
    /// since are skipped instead, in the same step. None of an issue that is paused, cancelled or done. It returns none only
    /// where there is none: people who are gone, however many, do not end it.
    fn claim(&self, claim: Claim<'_>) -> impl Future<Output = Result<Vec<Claimed>, StoreError>> + Send;

    /// Records how attempts ended, and asks whether bodies may be sent, all in one commit: `on_wire` is on the disk for each
    /// that is given leave. A reply that comes after the lease has run out still settles an uncertain row, as long as nobody
    /// has sent it again. What would be tried again is cancelled where the issue was, and opens an issue that is done.
    fn step(
        &self,
        ended: &[Ended],
        asked: &[Ticket],
        owner: &str,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Stepped, StoreError>> + Send;

    /// Prolongs all leases of a worker.
    fn renew(&self, owner: &str, until: DateTime<Utc>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives back all that a worker has leased and not begun to send: it is planned again, or cancelled where the issue was.
    fn release(&self, owner: &str, now: DateTime<Utc>) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// What workers left behind whose lease has run out, or who are known to be dead: leased rows are planned again, those
    /// on the wire are uncertain. Returns how many became uncertain.
    fn recover(
        &self,
        issue: i64,
        now: DateTime<Utc>,
        dead: &[String],
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// The workers that hold deliveries of an issue.
    fn owners(&self, issue: i64) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Gives up deferred deliveries: `rejected`, reason `expired`.
    fn expire(&self, issue: i64, now: DateTime<Utc>) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Plans uncertain deliveries again: for `on_uncertain = "resend"`, and only there.
    fn resend_uncertain(&self, issue: i64, now: DateTime<Utc>) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// How many stand where.
    fn totals(&self, issue: i64) -> impl Future<Output = Result<Totals, StoreError>> + Send;

    /// The same, counted row by row: what a run ends with, so that no row is lost unseen. Longer than [`Ledger::totals`].
    fn counted(&self, issue: i64) -> impl Future<Output = Result<Totals, StoreError>> + Send;

    /// The next moment at which there is something to do without anybody's doing: a deferred delivery is due or a lease
    /// runs out.
    fn next_due(&self, issue: i64) -> impl Future<Output = Result<Option<DateTime<Utc>>, StoreError>> + Send;

    /// How many mails were accepted, of all issues and notices, since a moment: what a daily quota counts.
    fn accepted_since(&self, since: DateTime<Utc>) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Deliveries, by issue and subscriber.
    fn deliveries(&self, wanted: &Wanted) -> impl Future<Output = Result<Vec<Delivery>, StoreError>> + Send;

    /// The tries of a delivery before the last one.
    fn attempts(&self, issue: i64, subscriber: i64) -> impl Future<Output = Result<Vec<Attempt>, StoreError>> + Send;

    /// Settles uncertain deliveries of an issue: those of one subscriber, or all. Returns how many. What is on the wire by a
    /// lease that has run out is uncertain, too. An issue that is done is open again where some are planned.
    ///
    /// # Errors
    ///
    /// [`StoreError::Cancelled`] where they would be planned again and the issue was taken back.
    fn resolve(
        &self,
        issue: i64,
        subscriber: Option<i64>,
        verdict: Verdict,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Plans rejected and deferred deliveries again, those of one subscriber, or all. Returns how many. An issue that is done
    /// is open again then.
    ///
    /// # Errors
    ///
    /// [`StoreError::Cancelled`] where the issue was taken back.
    fn retry(
        &self,
        issue: i64,
        subscriber: Option<i64>,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

#[cfg(test)]
pub(crate) mod contract;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_a_word_of_its_own() {
        for state in State::ALL {
            assert_eq!(State::of_word(state.word()), Some(state));
        }
        assert_eq!(State::of_word("sent"), None);
    }

    #[test]
    fn totals_balance_only_with_a_row_for_everybody() {
        let totals = Totals::new(5, [(State::Accepted, 3), (State::Uncertain, 1), (State::Deferred, 1)]);
        assert!(totals.balance());
        assert_eq!((totals.all(), totals.open(), totals.of(State::Accepted)), (5, 1, 3));
        assert!(!Totals { candidates: 6, ..totals }.balance());
    }
}
