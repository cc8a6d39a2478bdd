//! The loop: claim, offer, write down that it goes, send, write down what came of it.
//!
//! Each line carries one mail at a time. Nothing of a body leaves before the ledger says `on_wire` on the disk, and no
//! transaction is open while a mail is on its way. Whatever this run is stopped in, the next one goes on.

use super::message::{Mailing, MessageError, Ready};
use super::outcome::{Hints, Outcome};
use super::pace::Pace;
use super::queue::{Failed, Queue, Task, domain};
use super::recorder::{Recorder, Recording, patiently};
use super::retry::next_attempt;
use super::stop::Stop;
use crate::mail::address::masked;
use crate::mail::smtp::{Fault, Offer, Phase, Reply, SmtpError};
use crate::mail::transport::{Carrier, Transport};
use crate::store::StoreError;
use crate::store::issues::Issues;
use crate::store::ledger::{Claim, Claimed, Ended, Leave, Ledger, State};
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

struct Shared<S> {
    run: Run<S>,
    recorder: Recorder,
    queue: Mutex<Queue>,
    changed: Notify,
    /// When the run began, by the clock and by one that never jumps.
    began: (DateTime<Utc>, Instant),
}

/// A delivery of which it is being recorded what became of it.
struct Pending {
    claimed: Claimed,
    state: State,
    reply: String,
    recording: Recording,
}

/// What a line has in its hands.
#[derive(Default)]
struct Hands {
    carrier: Option<Carrier>,
    /// The mail that is offered behind the one that goes out.
    following: Option<(Claimed, Ready)>,
    /// What became of the mail before: in the same commit, if it comes to that, as what the next one asks.
    pending: Option<Pending>,
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
    let (lines, queue) = (run.max_connections.max(1), Mutex::new(Queue::new(run.pace.clone())));
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
    let released = patiently!(store.release(&owner, now));
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

async fn line<S: Ledger + Issues + Send + Sync>(shared: Arc<Shared<S>>) {
    let mut hands = Hands::default();
    while !shared.is_over() {
        let next = match hands.following.take() {
            Some(next) => Some(next),
            None => {
                shared.settle(hands.pending.take()).await;
                shared.next().await
            }
        };
        let Some((claimed, ready)) = next else { break };
        if let Err(error) = shared.one(&mut hands, claimed, ready).await {
            shared.fail(error);
        }
    }
    shared.settle(hands.pending).await;
    if let Some((claimed, _)) = hands.following {
        shared.put_back(claimed);
    }
    if let Some(carrier) = hands.carrier {
        shared.close(carrier).await;
    }
}

impl<S: Ledger + Issues + Send + Sync> Shared<S> {
    /// What time it is, for the ledger.
    fn now(&self) -> DateTime<Utc> {
        (self.run.clock)()
    }

    /// The same by a clock that never jumps, for waiting.
    fn steady(&self) -> DateTime<Utc> {
        self.began.0 + self.began.1.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn fail(&self, error: SendError) {
        self.lock().error.get_or_insert(error);
        self.changed.notify_waiters();
    }

    fn end(&self, end: End) {
        self.lock().end.get_or_insert(end);
        self.changed.notify_waiters();
    }

    fn is_over(&self) -> bool {
        let mut queue = self.lock();
        if self.run.stop.is_asked() {
            queue.end.get_or_insert(End::Stopped);
        }
        queue.is_over()
    }

    fn put_back(&self, claimed: Claimed) {
        self.lock().put_back(claimed);
        self.changed.notify_waiters();
    }

    fn done(&self) {
        self.lock().done();
        self.changed.notify_waiters();
    }

    /// The next delivery and its mail; none where the run is over.
    async fn next(&self) -> Option<(Claimed, Ready)> {
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
    async fn claim(&self) -> Result<(), StoreError> {
        let (store, issue) = (&self.run.store, self.run.issue);
        let now = self.now();
        // What somebody holds before the claim may be planned again after it.
        let was_quiet = self.lock().is_quiet();
        let limit = u32::try_from(self.run.max_connections * 8).unwrap_or(u32::MAX).clamp(16, 1_000);
        let claim = Claim { issue, owner: &self.run.owner, now, until: now + LEASE, limit };
        let mut claimed = patiently!(store.claim(claim))?;
        if claimed.is_empty() {
            // What others held for too long may be had now.
            patiently!(store.recover(issue, now, &[]))?;
            claimed = patiently!(store.claim(claim))?;
        }
        if !claimed.is_empty() {
            self.lock().claimed(claimed);
            self.changed.notify_waiters();
            return Ok(());
        }
        let due = patiently!(store.next_due(issue))?;
        let steady = self.steady();
        let mut queue = self.lock();
        if !was_quiet || !queue.is_quiet() {
            queue.found_nothing(steady, None);
            return Ok(());
        }
        match due {
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
    async fn prepare(&self, claimed: &Claimed) -> Option<Ready> {
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

    /// Sends one mail, on the line that is there or on a new one.
    async fn one(&self, hands: &mut Hands, claimed: Claimed, ready: Ready) -> Result<(), SendError> {
        let (mut line, is_new) = match self.open(hands.carrier.take()).await {
            Ok(opened) => opened,
            Err(error) => {
                self.settle(hands.pending.take()).await;
                self.put_back(claimed);
                return self.not_opened(error).await;
            }
        };
        let offer = tokio::select! {
            offer = line.offer(&ready.envelope) => offer,
            // Nothing was given away yet, and the server may take its time.
            () = self.run.stop.asked() => {
                self.drop_line(line);
                self.settle(hands.pending.take()).await;
                self.put_back(claimed);
                return Ok(());
            }
        };
        match offer {
            Ok(Offer::Ready) => {}
            Ok(Offer::Refused { phase, reply }) => {
                self.settle(hands.pending.take()).await;
                return self.refused(hands, line, is_new, claimed, (phase, reply)).await;
            }
            Err(error) => {
                self.settle(hands.pending.take()).await;
                return self.broke_off(hands, line, claimed, error).await;
            }
        }
        // Made now, so that nothing is to be done between the leave and the body.
        if !self.is_over() {
            hands.following = self.at_once().await;
        }
        let asked_at = self.now();
        let leave = self.recorder.leave(claimed.ticket).await;
        self.settle(hands.pending.take()).await;
        let was_asleep = self.now() - asked_at > LEASE / 2;
        if was_asleep || !matches!(leave, Ok(Leave::Given)) {
            // The server waits for a message that must not come: only closing the line ends that.
            self.drop_line(line);
            return self.without_leave(hands, claimed, leave).await;
        }
        let next = hands.following.as_ref().map(|(_, ready)| &ready.envelope);
        match line.deliver(&ready.file, &ready.bytes, next).await {
            Ok(reply) => {
                self.keep(hands, line, &reply).await;
                self.replied(hands, claimed, Phase::Dot, &reply).await
            }
            Err(error) => self.broke_off(hands, line, claimed, error).await,
        }
    }

    /// A mail whose turn it is at this moment, to be offered behind the one that goes out.
    async fn at_once(&self) -> Option<(Claimed, Ready)> {
        let task = self.lock().task(self.steady());
        match task {
            Task::Send(claimed) => self.prepare(&claimed).await.map(|ready| (*claimed, ready)),
            Task::Claim => {
                let claimed = self.claim().await;
                claimed.map_err(|error| self.fail(SendError::Store(Arc::new(error)))).ok();
                None
            }
            Task::Wait(_) => None,
        }
    }

    /// A body may not be sent, or not any more.
    async fn without_leave(
        &self,
        hands: &mut Hands,
        claimed: Claimed,
        leave: Result<Leave, Arc<StoreError>>,
    ) -> Result<(), SendError> {
        self.lock().pace.give_back(domain(&claimed.mailbox));
        match leave {
            // This run was asleep, and others may take it for dead. Whatever they did meanwhile stands; if they did nothing,
            // the delivery is planned again.
            Ok(Leave::Given | Leave::Lost) => {
                let ended = ended(&claimed, State::Planned, Phase::Data, None, String::new());
                hands.pending = Some(self.record(claimed, ended).await?);
                return Ok(());
            }
            Ok(Leave::Skipped(reason)) => self.tell(&claimed, State::Skipped, &reason),
            Ok(Leave::Held) => self.end(End::Held),
            Err(error) => {
                self.done();
                return Err(SendError::Store(error));
            }
        }
        self.done();
        Ok(())
    }

    /// Keeps a line for the next mail, unless its server is closing it.
    async fn keep(&self, hands: &mut Hands, line: Carrier, reply: &Reply) {
        match reply.is_closing() {
            true => self.close(line).await,
            false => hands.carrier = Some(line),
        }
    }

    async fn close(&self, line: Carrier) {
        self.lock().closed();
        // Behind an envelope that was offered there is no room for a good-bye.
        if !line.is_ahead() {
            line.close().await;
        }
    }

    fn drop_line(&self, line: Carrier) {
        self.lock().closed();
        drop(line);
    }

    /// A line that can be used, the one there was or a new one, and whether it is new. No error where the run was asked to
    /// stop meanwhile.
    async fn open(&self, line: Option<Carrier>) -> Result<(Carrier, bool), Option<SmtpError>> {
        if let Some(mut line) = line {
            if line.is_usable().await {
                return Ok((line, false));
            }
            self.drop_line(line);
        }
        self.lock().opens();
        let opened = tokio::select! {
            opened = self.run.transport.open() => opened.map_err(Some),
            () = self.run.stop.asked() => Err(None),
        };
        match opened {
            Ok(line) => {
                self.lock().opened();
                Ok((line, true))
            }
            Err(error) => Err(error),
        }
    }

    /// A line could not be opened.
    async fn not_opened(&self, error: Option<SmtpError>) -> Result<(), SendError> {
        let failed = self.lock().not_opened(error.as_ref().is_none_or(SmtpError::is_transient));
        match error {
            Some(error) => self.failed(failed, error).await,
            None => Ok(()),
        }
    }

    async fn failed(&self, failed: Failed, error: SmtpError) -> Result<(), SendError> {
        match failed {
            Failed::Again(pause) => {
                self.run.stop.sleep(pause).await;
                Ok(())
            }
            Failed::Over => {
                let place = self.run.transport.place();
                Err(SendError::Unreachable { place, source: Arc::new(error) })
            }
        }
    }

    /// A server refused an envelope.
    async fn refused(
        &self,
        hands: &mut Hands,
        line: Carrier,
        is_new: bool,
        claimed: Claimed,
        (phase, reply): (Phase, Reply),
    ) -> Result<(), SendError> {
        // That is how a server says that a line has carried enough, or that there are too many of them. The mail was not
        // looked at; a new line has it.
        let is_first = || self.lock().breaks_off(claimed.ticket.subscriber);
        if phase == Phase::Mail && reply.is_closing() && (!is_new || is_first()) {
            self.close(line).await;
            self.put_back(claimed);
            return Ok(());
        }
        self.keep(hands, line, &reply).await;
        self.replied(hands, claimed, phase, &reply).await
    }

    /// A server said something about a mail.
    async fn replied(&self, hands: &mut Hands, claimed: Claimed, phase: Phase, reply: &Reply) -> Result<(), SendError> {
        let outcome = Outcome::of_reply(reply);
        let hints = Hints::of_reply(reply, phase);
        let broken = {
            let (mut queue, domain) = (self.lock(), domain(&claimed.mailbox));
            queue.answered();
            if hints.is_too_fast {
                queue.pace.slow(domain, self.steady());
            }
            match outcome {
                Outcome::Accepted => {
                    queue.pace.accepted(domain);
                    queue.breaker.accepted(domain);
                    None
                }
                _ => {
                    queue.pace.refused();
                    match (outcome, phase) {
                        (Outcome::Rejected, Phase::Mail) => queue.breaker.sender_refused(reply),
                        _ if hints.is_policy => queue.breaker.refused(domain, reply),
                        _ => None,
                    }
                }
            }
        };
        let ended = self.ended(&claimed, outcome, phase, Some(reply.code), reply.to_string(), hints.is_dead);
        hands.pending = Some(self.record(claimed, ended).await?);
        if let Some(reason) = broken {
            let store = &self.run.store;
            let paused = patiently!(store.pause(self.run.issue, Some(&reason)));
            paused.map_err(|error| SendError::Store(Arc::new(error)))?;
            self.end(End::Broken(reason));
        }
        Ok(())
    }

    /// A line broke with a mail on it, or the mail could not go over it.
    async fn broke_off(
        &self,
        hands: &mut Hands,
        mut line: Carrier,
        claimed: Claimed,
        error: SmtpError,
    ) -> Result<(), SendError> {
        let mut outcome = Outcome::of_error(&error);
        // What this machine cannot do for one mail it cannot do for any: a full disk, a program that is not there.
        let is_ours = self.run.transport.kind() != "smtp" && matches!(error.fault(), Fault::Io(_) | Fault::Program(_));
        let is_the_lines = outcome == Outcome::Untried || is_ours && outcome != Outcome::Uncertain;
        // A server may close a line that it finds idle: a mail that met with that goes out again at once, but not twice.
        let is_first = outcome == Outcome::Deferred && self.lock().breaks_off(claimed.ticket.subscriber);
        if is_the_lines || is_first {
            outcome = Outcome::Untried;
        }
        match !is_the_lines && line.is_usable().await {
            true => hands.carrier = Some(line),
            false => self.drop_line(line),
        }
        match outcome {
            Outcome::Untried => self.lock().pace.give_back(domain(&claimed.mailbox)),
            Outcome::Uncertain => {}
            _ => self.lock().pace.refused(),
        }
        let ended = self.ended(&claimed, outcome, error.phase(), None, error.to_string(), false);
        let ended = match outcome {
            Outcome::Uncertain => Ended { reason: Some("no reply"), ..ended },
            _ => ended,
        };
        let pending = self.record(claimed, ended).await?;
        if !is_the_lines {
            hands.pending = Some(pending);
            return Ok(());
        }
        self.settle(Some(pending)).await;
        let failed = self.lock().fails(error.is_transient() && !is_ours);
        self.failed(failed, error).await
    }

    fn ended(
        &self,
        claimed: &Claimed,
        outcome: Outcome,
        phase: Phase,
        code: Option<u16>,
        reply: String,
        is_dead: bool,
    ) -> Ended {
        let base = |state| ended(claimed, state, phase, code, reply.clone());
        match outcome {
            Outcome::Accepted => base(State::Accepted),
            Outcome::Rejected => Ended { is_dead, ..base(State::Rejected) },
            Outcome::Uncertain => base(State::Uncertain),
            Outcome::Untried => base(State::Planned),
            Outcome::Deferred => {
                let (attempts, subscriber) = (claimed.attempts + 1, claimed.ticket.subscriber);
                match next_attempt(attempts, subscriber, self.run.limit, self.now()) {
                    Some(due_at) => Ended { due_at: Some(due_at), ..base(State::Deferred) },
                    None => Ended { reason: Some("expired"), ..base(State::Rejected) },
                }
            }
        }
    }

    /// Has it recorded what became of a delivery.
    async fn record(&self, claimed: Claimed, ended: Ended) -> Result<Pending, SendError> {
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
    async fn settle(&self, pending: Option<Pending>) {
        let Some(Pending { claimed, state, reply, recording }) = pending else { return };
        let recorded = recording.done().await;
        self.done();
        match recorded {
            Ok(true) => self.tell(&claimed, state, &reply),
            Ok(false) => {}
            Err(error) => self.fail(SendError::Store(error)),
        }
    }

    fn tell(&self, claimed: &Claimed, state: State, reply: &str) {
        (self.run.listener)(&Event {
            subscriber: claimed.ticket.subscriber,
            masked: masked(&claimed.mailbox),
            state,
            reply: reply.to_owned(),
        });
    }
}

fn ended(claimed: &Claimed, state: State, phase: Phase, code: Option<u16>, reply: String) -> Ended {
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
