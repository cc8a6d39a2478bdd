//! A transport in memory that does what a script says, for tests of whoever sends.
//!
//! One step of the script is used up by each mail that is offered, in the order of the offers over all lines; after its end
//! every mail is taken. What was delivered is kept, and how many lines were open at once.

use crate::mail::envelope::Envelope;
use crate::mail::smtp::{Fault, Offer, Phase, Reply, SmtpError};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What happens to one mail, or to the line before it.
#[derive(Clone, Debug)]
pub enum Step {
    /// It is taken.
    Take,
    /// The server says no: to `MAIL`, `RCPT`, `DATA` or the message itself ([`Phase::Dot`]), with `550 5.1.1 text`.
    Refuse(Phase, Reply),
    /// The line breaks in a phase, and the mail is not taken.
    Break(Phase, Mishap),
    /// The mail is taken, and the line breaks before the reply.
    TakeAndBreak(Mishap),
}

/// How a line breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The server closes it.
    Closed,
    /// The server says nothing in time.
    Timeout,
}

/// A script and what came of it, shared by all its lines.
#[derive(Clone, Default)]
pub struct Script {
    shared: Arc<Mutex<Shared>>,
}

/// A mail that was taken.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Its envelope.
    pub envelope: Envelope,
    /// The name that a file of it would have.
    pub name: String,
    /// Its bytes.
    pub message: Vec<u8>,
    /// Over which line it went, from 1.
    pub line: usize,
}

#[derive(Default)]
struct Shared {
    steps: VecDeque<Step>,
    refusals_to_open: VecDeque<(Phase, Mishap)>,
    delivered: Vec<Delivered>,
    opened: usize,
    open: usize,
    most_open: usize,
}

/// One line of a script.
pub struct Line {
    shared: Arc<Mutex<Shared>>,
    number: usize,
    offered: Option<(Envelope, Step)>,
    is_over: bool,
}

impl Script {
    /// These steps, one for each mail that is offered.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Script {
        let script = Script::default();
        script.lock().steps.extend(steps);
        script
    }

    /// The next line that is opened breaks in this phase instead; said twice, the one after it as well.
    pub fn break_next_line(&self, phase: Phase, mishap: Mishap) {
        self.lock().refusals_to_open.push_back((phase, mishap));
    }

    /// What was taken, in order.
    pub fn delivered(&self) -> Vec<Delivered> {
        self.lock().delivered.clone()
    }

    /// How many lines were opened.
    pub fn opened(&self) -> usize {
        self.lock().opened
    }

    /// How many were open at once, at most.
    pub fn most_open(&self) -> usize {
        self.lock().most_open
    }

    pub(super) fn open(&self) -> Result<Line, SmtpError> {
        let mut shared = self.lock();
        if let Some((phase, mishap)) = shared.refusals_to_open.pop_front() {
            return Err(mishap.error(phase));
        }
        shared.opened += 1;
        shared.open += 1;
        shared.most_open = shared.most_open.max(shared.open);
        Ok(Line { shared: Arc::clone(&self.shared), number: shared.opened, offered: None, is_over: false })
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }
}

/// A test that failed while it held the lock must not hide behind the failures of others.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    pub(super) fn offer(&mut self, envelope: &Envelope) -> Result<Offer, SmtpError> {
        if self.is_over {
            return Err(SmtpError::new(Phase::Mail, Fault::Closed));
        }
        let step = lock(&self.shared).steps.pop_front().unwrap_or(Step::Take);
        match step {
            Step::Refuse(phase @ (Phase::Mail | Phase::Rcpt | Phase::Data), reply) => {
                self.is_over = reply.is_closing();
                Ok(Offer::Refused { phase, reply })
            }
            Step::Break(phase, mishap) if phase < Phase::Body => {
                self.is_over = true;
                Err(mishap.error(phase))
            }
            step => {
                self.offered = Some((envelope.clone(), step));
                Ok(Offer::Ready)
            }
        }
    }

    pub(super) fn deliver(&mut self, name: &str, message: &[u8]) -> Result<Reply, SmtpError> {
        let out_of_turn = || SmtpError::new(Phase::Body, Fault::OutOfTurn);
        let (envelope, step) = self.offered.take().ok_or_else(out_of_turn)?;
        let (name, message, line) = (name.to_owned(), message.to_vec(), self.number);
        let delivered = Delivered { envelope, name, message, line };
        match step {
            Step::Take => {
                lock(&self.shared).delivered.push(delivered);
                Ok(Reply::new(250, [2, 0, 0], "taken"))
            }
            Step::Refuse(_, reply) => {
                self.is_over = reply.is_closing();
                Ok(reply)
            }
            Step::TakeAndBreak(mishap) => {
                self.is_over = true;
                lock(&self.shared).delivered.push(delivered);
                Err(mishap.error(Phase::Dot))
            }
            Step::Break(phase, mishap) => {
                self.is_over = true;
                Err(mishap.error(phase))
            }
        }
    }

    pub(super) fn is_usable(&self) -> bool {
        !self.is_over && self.offered.is_none()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        lock(&self.shared).open -= 1;
    }
}

impl Mishap {
    fn error(self, phase: Phase) -> SmtpError {
        let fault = match self {
            Mishap::Closed => Fault::Closed,
            Mishap::Timeout => Fault::Timeout(std::time::Duration::from_secs(300)),
        };
        SmtpError::new(phase, fault)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.lock();
        write!(f, "Script({} to come, {} delivered)", shared.steps.len(), shared.delivered.len())
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({})", self.number)
    }
}

impl fmt::Debug for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivered({:?}, {} bytes, line {})", self.envelope, self.message.len(), self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(line: &mut Line, to: &str) -> Result<String, (Phase, bool)> {
        let envelope = Envelope::new(None, to.parse().unwrap());
        let failed = |error: SmtpError| (error.phase(), error.is_uncertain());
        match line.offer(&envelope).map_err(failed)? {
            Offer::Ready => line.deliver(to, b"x\r\n").map(|reply| reply.to_string()).map_err(failed),
            Offer::Refused { phase, reply } => Ok(format!("{phase}: {reply}")),
        }
    }

    #[test]
    fn a_script_is_followed_step_by_step() {
        let script = Script::new([
            Step::Take,
            Step::Refuse(Phase::Rcpt, Reply::new(550, [5, 1, 1], "nobody")),
            Step::Refuse(Phase::Dot, Reply::new(554, [5, 6, 0], "no")),
            Step::TakeAndBreak(Mishap::Closed),
            Step::Break(Phase::Mail, Mishap::Timeout),
        ]);
        let mut line = script.open().unwrap();
        assert_eq!(mail(&mut line, "a@example.com"), Ok("250 2.0.0 taken".into()));
        assert_eq!(mail(&mut line, "b@example.com"), Ok("`RCPT`: 550 5.1.1 nobody".into()));
        assert_eq!(mail(&mut line, "c@example.com"), Ok("554 5.6.0 no".into()));
        assert!(line.is_usable());
        assert_eq!(mail(&mut line, "d@example.com"), Err((Phase::Dot, true)));
        assert!(!line.is_usable());
        assert_eq!(mail(&mut line, "e@example.com"), Err((Phase::Mail, false)));
        let mut second = script.open().unwrap();
        assert_eq!(mail(&mut second, "f@example.com"), Err((Phase::Mail, false)));
        drop((line, second));
        let mut third = script.open().unwrap();
        assert_eq!(mail(&mut third, "g@example.com"), Ok("250 2.0.0 taken".into()));
        let taken: Vec<String> = script.delivered().iter().map(|mail| mail.name.clone()).collect();
        assert_eq!(taken, ["a@example.com", "d@example.com", "g@example.com"]);
        assert_eq!((script.opened(), script.most_open()), (3, 2));
    }

    #[test]
    fn a_line_may_not_open() {
        let script = Script::default();
        script.break_next_line(Phase::Auth, Mishap::Closed);
        assert_eq!(script.open().unwrap_err().phase(), Phase::Auth);
        assert!(script.open().is_ok());
    }
}
