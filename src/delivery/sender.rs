//! The loop: claim, offer, write down that it goes, send, write down what came of it.
//!
//! Each line carries one mail at a time. Nothing of a body leaves before the ledger says `on_wire` on the disk, and no
//! transaction is open while a mail is on its way. Whatever this run is stopped in, the next one goes on.

use super::line::line;
use super::message::{Mailing, MessageError, Ready};
use super::pace::Pace;
use super::queue::{Queue, Task};
use super::recorder::{Patience, Recorder, Recording, patiently};
use super::stop::Stop;
use crate::mail::address::masked;
use crate::mail::smtp::{Phase, SmtpError};
use crate::mail::transport::Transport;
use crate::store::StoreError;
use crate::store::issues::Issues;
use crate::store::ledger::{Claim, Claimed, Ended, Ledger, State};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How long a lease is. A worker that has not been heard of for so long is taken for dead.
pub const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often leases are prolonged.
const RENEWAL: Duration = Duration::from_secs(8);
/// A run waits for what is due within this, and else ends.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(2);

/// What a run needs.
pub struct Run<S> {
    /// Where deliveries are remembered.
    pub store: Arc<S>,
    /// How mail leaves.
    pub transport: Transport,
    /// The issue.
    pub issue: i64,
    /// Its mails.
    pub mailing: Mailing,
    /// Unlike that of any other run.
    pub owner: String,
    /// So many lines at most.
    pub max_connections: usize,
    /// How fast.
    pub pace: Pace,
    /// When deferred deliveries are given up.
    pub limit: DateTime<Utc>,
    /// Whether to wait for deliveries that are due later than in two minutes.
    pub wait: bool,
    /// What time it is.
    pub clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    /// Says that the run shall end when what is on the wire is through.
    pub stop: Arc<Stop>,
    /// Hears of each delivery that has come to something.
    pub listener: Arc<dyn Fn(&Event) + Send + Sync>,
}

/// What became of a delivery, for whoever watches.
#[derive(Clone, Debug)]
pub struct Event {
    /// Whose: the subscriber's number.
    pub subscriber: i64,
    /// Whom it is for, masked.
    pub masked: String,
    /// What it is now.
    pub state: State,
    /// What was said.
    pub reply: String,
}

/// Why a run ended.
#[derive(Debug)]
pub enum End {
    /// Nothing more is to be done, or not within two minutes.
    Drained,
    /// It was asked to stop.
    Stopped,
    /// The day's quota is used up.
    Quota,
    /// The issue was paused or cancelled meanwhile.
    Held,
    /// A provider refuses us; the issue is paused, and why.
    Broken(String),
}

/// What ends a run before its time. What was sent is recorded all the same.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No line can be opened.
    #[error("`{place}` cannot be used")]
    Unreachable {
        /// Where it leads.
        place: String,
        /// Why.
        #[source]
        source: Arc<SmtpError>,
    },
    /// The store failed.
    #[error("the run cannot go on without its ledger")]
    Store(#[source] Arc<StoreError>),
    /// No mail can be made of the issue, whoever it is for.
    #[error("no mail can be made: {0}")]
    Message(String),
    /// A fault of the program itself.
    #[error("a part of the program ended of itself")]
    Line,
}

/// What the lines of a run share.
pub(super) struct Shared<S> {
    pub(super) run: Run<S>,
    pub(super) recorder: Recorder,
    queue: Mutex<Queue>,
    changed: Notify,
    /// When the run began, by the clock and by one that never jumps.
    began: (DateTime<Utc>, Instant),
}

/// A delivery of which it is being recorded what became of it.
pub(super) struct Pending {
    claimed: Claimed,
    state: State,
    reply: String,
    recording: Recording,
}

/// Sends an issue until nothing is due any more.
///
/// # Errors
///
/// [`SendError`].
pub async fn run<S>(run: Run<S>) -> Result<End, SendError>
where
    S: Ledger + Issues + Send + Sync + 'static,
{
    let clock = run.clock.clone();
    let (recorder, recording) = Recorder::start(run.store.clone(), run.owner.clone(), move || clock());
    let began = ((run.clock)(), Instant::now());
    let (lines, queue) = (run.max_connections.max(1), Mutex::new(Queue::new(run.pace.clone(), run.max_connections)));
    let shared = Arc::new(Shared { run, recorder, queue, changed: Notify::new(), began });
    let renewing = tokio::spawn(renew(shared.clone()));
    let mut workers: JoinSet<()> = (0..lines).map(|_| line(shared.clone())).collect();
    while let Some(ended) = workers.join_next().await {
        if ended.is_err() {
            shared.fail(SendError::Line);
        }
    }
    renewing.abort();
    let _ = renewing.await;
    let store = shared.run.store.clone();
    let (owner, now) = (shared.run.owner.clone(), shared.now());
    let released = patiently!(store.release(&owner, now), Patience::of_a_run());
    let (end, error) = {
        let mut queue = shared.lock();
        (queue.end.take(), queue.error.take())
    };
    drop(shared);
    let _ = recording.await;
    match (error, released) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(SendError::Store(Arc::new(error))),
        (None, Ok(_)) => Ok(end.unwrap_or(End::Drained)),
    }
}

async fn renew<S: Ledger + Issues + Send + Sync>(shared: Arc<Shared<S>>) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let until = shared.now() + LEASE;
        // One that fails is followed by others; a lease that does run out is found out when it matters.
        let _ = shared.run.store.renew(&shared.run.owner, until).await;
    }
}

impl<S: Ledger + Issues + Send + Sync> Shared<S> {
    /// What time it is, for the ledger.
    pub(super) fn now(&self) -> DateTime<Utc> {
        (self.run.clock)()
    }

    /// The same by a clock that never jumps, for waiting.
    pub(super) fn steady(&self) -> DateTime<Utc> {
        self.began.0 + self.began.1.elapsed()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn fail(&self, error: SendError) {
        self.lock().error.get_or_insert(error);
        self.changed.notify_waiters();
    }

    pub(super) fn end(&self, end: End) {
        self.lock().end.get_or_insert(end);
        self.changed.notify_waiters();
    }

    pub(super) fn is_over(&self) -> bool {
        let mut queue = self.lock();
        if self.run.stop.is_asked() {
            queue.end.get_or_insert(End::Stopped);
        }
        queue.is_over()
    }

    pub(super) fn put_back(&self, claimed: Claimed) {
        self.lock().put_back(claimed);
        self.changed.notify_waiters();
    }

    pub(super) fn done(&self) {
        self.lock().done();
        self.changed.notify_waiters();
    }

    /// The next delivery and its mail; none where the run is over.
    pub(super) async fn next(&self) -> Option<(Claimed, Ready)> {
        while !self.is_over() {
            let changed = self.changed.notified();
            let task = self.lock().task(self.steady());
            match task {
                Task::Send(claimed) => {
                    if let Some(ready) = self.prepare(&claimed).await {
                        return Some((*claimed, ready));
                    }
                }
                Task::Wait(time) => {
                    tokio::select! {
                        () = self.run.stop.sleep(time) => {}
                        () = changed => {}
                    }
                }
                Task::Claim => {
                    if let Err(error) = self.claim().await {
                        self.fail(SendError::Store(Arc::new(error)));
                    }
                }
            }
        }
        None
    }

    /// Claims more, or finds that there is nothing to claim: then the run ends, or waits for what is due soon.
    pub(super) async fn claim(&self) -> Result<(), StoreError> {
        let (store, issue) = (&self.run.store, self.run.issue);
        let now = self.now();
        // What somebody holds before the claim may be planned again after it.
        let was_quiet = self.lock().is_quiet();
        let limit = u32::try_from(self.run.max_connections * 8).unwrap_or(u32::MAX).clamp(16, 1_000);
        // The lease begins when it is given, however long that took.
        let claim = || {
            let now = self.now();
            Claim { issue, owner: &self.run.owner, now, until: now + LEASE, limit }
        };
        let mut claimed = patiently!(store.claim(claim()), Patience::of_a_run())?;
        if claimed.is_empty() {
            // What others held for too long may be had now.
            patiently!(store.recover(issue, now, &[]), Patience::of_a_run())?;
            claimed = patiently!(store.claim(claim()), Patience::of_a_run())?;
        }
        if !claimed.is_empty() {
            self.lock().claimed(claimed);
            self.changed.notify_waiters();
            return Ok(());
        }
        let due = patiently!(store.next_due(issue), Patience::of_a_run())?;
        let is_held = was_quiet && patiently!(store.is_held(issue), Patience::of_a_run())?;
        let steady = self.steady();
        let mut queue = self.lock();
        if !was_quiet || !queue.is_quiet() {
            queue.found_nothing(steady, None);
            return Ok(());
        }
        match due {
            _ if is_held => {
                queue.found_nothing(steady, None);
                queue.end.get_or_insert(End::Held);
            }
            Some(due) if self.run.wait || due - now <= PATIENCE => {
                // Others may plan something meanwhile.
                let soon = (due - now).clamp(TimeDelta::zero(), TimeDelta::seconds(5));
                queue.found_nothing(steady, Some(steady + soon));
            }
            _ => {
                queue.found_nothing(steady, None);
                queue.end.get_or_insert(End::Drained);
            }
        }
        Ok(())
    }

    /// The mail of a delivery. One whose address cannot be written to is rejected, with the reason; where none can be made
    /// for anybody, the run ends.
    pub(super) async fn prepare(&self, claimed: &Claimed) -> Option<Ready> {
        match self.run.mailing.mail(claimed.ticket.subscriber, &claimed.mailbox, claimed.variant) {
            Ok(ready) => return Some(ready),
            Err(MessageError::Other(reason)) => {
                self.put_back(claimed.clone());
                self.fail(SendError::Message(reason));
            }
            Err(MessageError::Address(error)) => {
                self.lock().pace.refused();
                let reply = masked(&error.to_string());
                let ended =
                    Ended { reason: Some("address"), ..ended(claimed, State::Rejected, Phase::Mail, None, reply) };
                match self.record(claimed.clone(), ended).await {
                    Ok(pending) => self.settle(Some(pending)).await,
                    Err(error) => self.fail(error),
                }
            }
        }
        None
    }

    /// Has it recorded what became of a delivery.
    pub(super) async fn record(&self, claimed: Claimed, ended: Ended) -> Result<Pending, SendError> {
        let (state, reply) = (ended.state, ended.reply.clone());
        match self.recorder.record(ended).await {
            Ok(recording) => Ok(Pending { claimed, state, reply, recording }),
            Err(error) => {
                self.done();
                Err(SendError::Store(error))
            }
        }
    }

    /// Waits until it is recorded what became of a delivery, and tells it. What somebody else has by now, they will tell.
    pub(super) async fn settle(&self, pending: Option<Pending>) {
        let Some(Pending { claimed, state, reply, recording }) = pending else { return };
        let recorded = recording.done().await;
        self.done();
        match recorded {
            Ok(true) => self.tell(&claimed, state, &reply),
            Ok(false) => {}
            Err(error) => self.fail(SendError::Store(error)),
        }
    }

    pub(super) fn tell(&self, claimed: &Claimed, state: State, reply: &str) {
        (self.run.listener)(&Event {
            subscriber: claimed.ticket.subscriber,
            masked: masked(&claimed.mailbox),
            state,
            reply: reply.to_owned(),
        });
    }
}

/// How an attempt ended, as far as every ending says so.
pub(super) fn ended(claimed: &Claimed, state: State, phase: Phase, code: Option<u16>, reply: String) -> Ended {
    Ended {
        ticket: claimed.ticket,
        state,
        code,
        reply,
        reason: None,
        phase: phase.name(),
        due_at: None,
        is_dead: false,
    }
}
