//! One line: it carries one mail at a time, and says what became of each.
//!
//! Between a mail and the next the line is kept; the next envelope travels behind the body. Whatever breaks, each mail is
//! recorded as what is certain of it, and nothing of a body leaves without leave.

use super::message::Ready;
use super::outcome::{Hints, Outcome};
use super::queue::{Failed, Task, domain};
use super::recorder::{Patience, patiently};
use super::retry::next_attempt;
use super::sender::{End, LEASE, Pending, SendError, Shared, ended};
use crate::mail::smtp::{Fault, Offer, Phase, Reply, SmtpError};
use crate::mail::transport::Carrier;
use crate::store::StoreError;
use crate::store::issues::Issues;
use crate::store::ledger::{Claimed, Ended, Leave, Ledger, State};
use std::sync::Arc;

/// What a line has in its hands.
#[derive(Default)]
struct Hands {
    carrier: Option<Carrier>,
    /// The mail that is offered behind the one that goes out.
    following: Option<(Claimed, Ready)>,
    /// What became of the mail before: in the same commit, if it comes to that, as what the next one asks.
    pending: Option<Pending>,
}

/// Sends mails until the run is over.
pub(super) async fn line<S: Ledger + Issues + Send + Sync>(shared: Arc<Shared<S>>) {
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
        match line.deliver(&ready.file, &ready.mail, next).await {
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
            let paused = patiently!(store.pause(self.run.issue, Some(&reason)), Patience::of_a_run());
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
}
