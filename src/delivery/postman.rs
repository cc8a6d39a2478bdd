//! The postman: sends notices as they come, for as long as a server runs.
//!
//! One line carries them, one after the other, as the lines of a run do for issues: an envelope is offered, the postbox says
//! `on_wire` on the disk, the body goes, and what the server said is recorded. There is no end to it but being asked to
//! stop: a server or a store that fails is tried again, ever less often, and what waits waits in the store.

mod fate;
mod news;

pub use news::News;

use super::message::Ready;
use super::notice::{Letter, LetterError};
use super::outcome::Outcome;
use super::recorder::{Patience, patiently};
use super::sender::LEASE;
use super::stop::Stop;
use crate::disk::worker;
use crate::mail::address::masked;
use crate::mail::dkim::Signer;
use crate::mail::smtp::{Fault, Offer, Phase, Reply, SmtpError};
use crate::mail::transport::{Carrier, Transport};
use crate::store::StoreError;
use crate::store::ledger::{Leave, Ledger, State};
use crate::store::postbox::{Concluded, Drawn, Postbox};
use chrono::{DateTime, TimeDelta, Utc};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How often holds are prolonged.
const RENEWAL: Duration = Duration::from_secs(8);
/// A line that nothing goes over is closed after this: servers do the same, and say so at the worst moment.
const IDLE: Duration = Duration::from_secs(10);
/// So often it is looked whether somebody else planned something.
const LOOK_AROUND: Duration = Duration::from_secs(60);
/// The usual first pause after something failed that has nothing to do with a single notice.
pub const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Such a pause stops growing here.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// What a postman needs.
pub struct Postman<S> {
    /// Where notices lie.
    pub store: Arc<S>,
    /// How mail leaves.
    pub transport: Transport,
    /// What signs mails.
    pub signers: Arc<[Signer]>,
    /// Unlike that of any other worker, also one of an earlier run: [`worker::Worker::name`].
    pub owner: String,
    /// The folder of [`worker::Worker`]: what others left behind who were killed on this machine is seen at once.
    pub workers: PathBuf,
    /// At most so many mails in 24 hours, issues included.
    pub max_per_day: Option<u64>,
    /// The first pause after something failed that has nothing to do with a single notice, such as a server that cannot be
    /// reached; it doubles up to ten minutes. See [`FIRST_PAUSE`].
    pub first_pause: Duration,
    /// Rung by [`Notify::notify_one`] when a notice was planned.
    pub bell: Arc<Notify>,
    /// Asks to end when what is on the wire is through.
    pub stop: Arc<Stop>,
    /// What time it is.
    pub clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    /// Hears of what happens.
    pub listener: Arc<dyn Fn(&News) + Send + Sync>,
}

/// What is to be done after a round.
enum Next {
    /// Another one.
    Round,
    /// Nothing, for so long.
    Wait(Duration),
}

/// Why nothing can be sent for now.
struct Trouble(String);

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(source) = cause {
            text += &format!(": {source}");
            cause = source.source();
        }
        Trouble(masked(&text))
    }
}

/// What the postman has in hand.
#[derive(Default)]
struct Hands {
    carrier: Option<Carrier>,
    /// What became of a notice, and could not be recorded so far: without it nobody would know.
    unrecorded: Option<(Drawn, Concluded)>,
    has_looked: bool,
    has_told_of_quota: bool,
}

impl Hands {
    /// Keeps in mind what became of a notice, until it is recorded.
    fn note(&mut self, concluded: Concluded, drawn: Drawn) {
        self.unrecorded = Some((drawn, concluded));
    }
}

impl<S: Postbox + Ledger + Send + Sync + 'static> Postman<S> {
    /// Sends notices until it is asked to stop. What it holds then and has not begun to send is given back.
    pub async fn run(self) {
        // It ends with this run, however that ends.
        let mut renewing = JoinSet::new();
        let (store, owner, clock) = (self.store.clone(), self.owner.clone(), self.clock.clone());
        renewing.spawn(async move {
            loop {
                tokio::time::sleep(RENEWAL).await;
                // One that fails is followed by others; a hold that does run out is found out when it matters.
                let _ = store.hold_on(&owner, clock() + LEASE).await;
            }
        });
        let mut hands = Hands::default();
        let mut pause = self.first_pause;
        while !self.stop.is_asked() {
            match self.round(&mut hands).await {
                Ok(Next::Round) => pause = self.first_pause,
                Ok(Next::Wait(time)) => {
                    pause = self.first_pause;
                    self.wait(&mut hands, time).await;
                }
                Err(Trouble(reason)) => {
                    (self.listener)(&News::Trouble(reason));
                    if let Some(line) = hands.carrier.take() {
                        close(line).await;
                    }
                    // Whoever rings now would have to wait all the same.
                    self.stop.sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        let _ = self.record(&mut hands).await;
        renewing.shutdown().await;
        // Whatever stays behind is given back when its lease runs out.
        let _ = patiently!(self.store.put_back(&self.owner, self.now()), Patience::of_a_run());
        if let Some(line) = hands.carrier {
            close(line).await;
        }
    }

    fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    /// Waits until something may be to do, and lets go of a line that is idle for long.
    async fn wait(&self, hands: &mut Hands, time: Duration) {
        let time = if hands.carrier.is_some() { time.min(IDLE) } else { time };
        let is_idle = tokio::select! {
            () = self.bell.notified() => false,
            () = self.stop.sleep(time) => time >= IDLE,
        };
        if let Some(line) = hands.carrier.take_if(|_| is_idle) {
            close(line).await;
        }
    }

    /// One notice, where there is one.
    async fn round(&self, hands: &mut Hands) -> Result<Next, Trouble> {
        self.record(hands).await?;
        if !hands.has_looked {
            self.look_around().await?;
            hands.has_looked = true;
        }
        if let Some(most) = self.max_per_day {
            let sent = patiently!(self.store.accepted_since(self.now() - TimeDelta::hours(24)))?;
            if sent >= most {
                if !std::mem::replace(&mut hands.has_told_of_quota, true) {
                    (self.listener)(&News::Quota);
                }
                return Ok(Next::Wait(LOOK_AROUND));
            }
            hands.has_told_of_quota = false;
        }
        // The lease begins when it is given, however long that took.
        let draw = || async {
            let now = self.now();
            self.store.draw(&self.owner, 1, now, now + LEASE).await
        };
        let drawn = patiently!(draw(), Patience::of_a_run())?;
        match drawn.into_iter().next() {
            Some(drawn) => {
                self.send(hands, drawn).await?;
                self.record(hands).await?;
                Ok(Next::Round)
            }
            None => {
                // What others held for too long may be had now.
                self.look_around().await?;
                let now = self.now();
                let next = patiently!(self.store.next_notice(now))?;
                let time = next.and_then(|next| (next - now).to_std().ok()).unwrap_or(LOOK_AROUND);
                // What is due and yet not to be had is somebody else's at this moment.
                Ok(Next::Wait(time.clamp(Duration::from_secs(1), LOOK_AROUND)))
            }
        }
    }

    /// Takes from others what they cannot end any more.
    async fn look_around(&self) -> Result<(), Trouble> {
        let holders = patiently!(self.store.holders())?;
        let dead = worker::dead(&self.workers, &holders);
        let uncertain = patiently!(self.store.pick_up(self.now(), &dead))?;
        if uncertain > 0 {
            (self.listener)(&News::Uncertain(uncertain));
        }
        worker::bury(&self.workers, &dead);
        Ok(())
    }

    /// Sends a notice, on the line that is there or on a new one.
    async fn send(&self, hands: &mut Hands, drawn: Drawn) -> Result<(), Trouble> {
        let letter = match Letter::parse(&drawn.letter) {
            Ok(letter) => letter,
            Err(error) => {
                hands.note(fate::given_up(&drawn, "unreadable", masked(&error.to_string())), drawn);
                return Ok(());
            }
        };
        if letter.expires_at.is_some_and(|at| at <= self.now()) {
            hands.note(fate::given_up(&drawn, "expired", String::new()), drawn);
            return Ok(());
        }
        let ready = match letter.mail(&drawn.mailbox, format!("notice-{}", drawn.hold.notice), &self.signers) {
            Ok(ready) => ready,
            Err(LetterError::Address(error)) => {
                hands.note(fate::given_up(&drawn, "address", masked(&error.to_string())), drawn);
                return Ok(());
            }
            Err(LetterError::Letter(error)) => {
                hands.note(fate::given_up(&drawn, "unreadable", masked(&error)), drawn);
                return Ok(());
            }
            Err(LetterError::Signature(error)) => {
                hands.note(fate::untried(&drawn), drawn);
                return Err(Trouble(masked(&error)));
            }
        };
        let opened = tokio::select! {
            opened = self.line(hands) => opened,
            () = self.stop.asked() => {
                hands.note(fate::untried(&drawn), drawn);
                return Ok(());
            }
        };
        match opened {
            Ok((line, is_new)) => self.offer(hands, line, is_new, (drawn, letter, ready)).await,
            Err(error) => {
                hands.note(fate::untried(&drawn), drawn);
                Err(self.unusable(&error))
            }
        }
    }

    /// A line that can be used, the one there was or a new one, and whether it is new.
    async fn line(&self, hands: &mut Hands) -> Result<(Carrier, bool), SmtpError> {
        if let Some(mut line) = hands.carrier.take()
            && line.is_usable().await
        {
            return Ok((line, false));
        }
        Ok((self.transport.open().await?, true))
    }

    async fn offer(
        &self,
        hands: &mut Hands,
        mut line: Carrier,
        is_new: bool,
        (drawn, letter, ready): (Drawn, Letter, Ready),
    ) -> Result<(), Trouble> {
        let offer = tokio::select! {
            offer = line.offer(&ready.envelope) => offer,
            // Nothing was given away yet, and the server may take its time.
            () = self.stop.asked() => {
                hands.note(fate::untried(&drawn), drawn);
                return Ok(());
            }
        };
        match offer {
            Ok(Offer::Ready) => {}
            // That is how a server says that a line has carried enough; the notice was not looked at.
            Ok(Offer::Refused { phase: Phase::Mail, reply }) if reply.is_closing() && !is_new => {
                hands.note(fate::untried(&drawn), drawn);
                return Ok(());
            }
            Ok(Offer::Refused { phase, reply }) => {
                hands.note(fate::of_reply(&drawn, &letter, phase, &reply, self.now()), drawn);
                self.keep(hands, line, &reply).await;
                return Ok(());
            }
            Err(error) => return self.broke_off(hands, line, is_new, (drawn, letter), error).await,
        }
        let asked_at = self.now();
        let leave = patiently!(self.store.set_out(drawn.hold, &self.owner, self.now()), Patience::of_a_run());
        let was_asleep = self.now() - asked_at > LEASE / 2;
        match leave {
            Ok(Leave::Given) if !was_asleep => {}
            // The server waits for a message that must not come: only closing the line ends that.
            Ok(Leave::Skipped(reason)) => {
                self.tell(&drawn, State::Skipped, &reason);
                return Ok(());
            }
            Ok(_) => {
                // Others may take this one for dead. Whatever they did meanwhile stands.
                hands.note(fate::untried(&drawn), drawn);
                return Ok(());
            }
            Err(error) => {
                hands.note(fate::untried(&drawn), drawn);
                return Err(error.into());
            }
        }
        match line.deliver(&ready.file, &ready.mail, None).await {
            Ok(reply) => {
                hands.note(fate::of_reply(&drawn, &letter, Phase::Dot, &reply, self.now()), drawn);
                self.keep(hands, line, &reply).await;
                Ok(())
            }
            Err(error) => self.broke_off(hands, line, is_new, (drawn, letter), error).await,
        }
    }

    /// Keeps a line for the next notice, unless its server is closing it.
    async fn keep(&self, hands: &mut Hands, line: Carrier, reply: &Reply) {
        match reply.is_closing() {
            true => close(line).await,
            false => hands.carrier = Some(line),
        }
    }

    /// A line broke with a notice on it, or the notice could not go over it.
    async fn broke_off(
        &self,
        hands: &mut Hands,
        mut line: Carrier,
        is_new: bool,
        (drawn, letter): (Drawn, Letter),
        error: SmtpError,
    ) -> Result<(), Trouble> {
        let outcome = Outcome::of_error(&error);
        // What this machine cannot do for one mail it cannot do for any: a full disk, a program that is not there.
        let is_ours = self.transport.kind() != "smtp" && matches!(error.fault(), Fault::Io(_) | Fault::Program(_));
        if outcome == Outcome::Untried || is_ours && outcome != Outcome::Uncertain {
            hands.note(fate::untried(&drawn), drawn);
            return Err(self.unusable(&error));
        }
        // A server may close a line that it finds idle: a notice that met with that goes out again at once.
        if outcome == Outcome::Deferred && !is_new {
            hands.note(fate::untried(&drawn), drawn);
            return Ok(());
        }
        if line.is_usable().await {
            hands.carrier = Some(line);
        }
        hands.note(fate::of_error(&drawn, &letter, &error, self.now()), drawn);
        Ok(())
    }

    fn unusable(&self, error: &SmtpError) -> Trouble {
        Trouble(format!("`{}` cannot be used: {error}", self.transport.place()))
    }

    /// Records what became of the last notice. It is kept in mind until that is done.
    async fn record(&self, hands: &mut Hands) -> Result<(), Trouble> {
        let Some((_, concluded)) = &hands.unrecorded else { return Ok(()) };
        let was_ours = patiently!(self.store.conclude(concluded, self.now()), Patience::of_a_run())?;
        // What somebody else has by now, they will tell.
        if let Some((drawn, concluded)) = hands.unrecorded.take()
            && was_ours
            && concluded.state != State::Planned
        {
            let reply =
                if concluded.reply.is_empty() { concluded.reason.unwrap_or_default() } else { &concluded.reply };
            self.tell(&drawn, concluded.state, reply);
        }
        Ok(())
    }

    fn tell(&self, drawn: &Drawn, state: State, reply: &str) {
        (self.listener)(&News::Became {
            notice: drawn.hold.notice,
            kind: drawn.kind,
            masked: masked(&drawn.mailbox),
            state,
            reply: reply.to_owned(),
        });
    }
}

/// Closes a line, with a good-bye where there is room for one.
async fn close(line: Carrier) {
    if !line.is_ahead() {
        line.close().await;
    }
}

#[cfg(test)]
mod tests;
