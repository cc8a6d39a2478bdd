//! What becomes of a notice after an attempt. Pure: the time is an argument.

use super::super::notice::Letter;
use super::super::outcome::{Hints, Outcome};
use super::super::retry::{GIVEN_UP_AFTER, next_notice};
use crate::mail::smtp::{Phase, Reply, SmtpError};
use crate::store::ledger::State;
use crate::store::postbox::{Concluded, Drawn};
use chrono::{DateTime, Utc};

/// Nothing was tried: it is planned again.
pub(super) fn untried(drawn: &Drawn) -> Concluded {
    concluded(drawn, State::Planned, String::new())
}

/// Nothing need be tried. `said` is why, with addresses masked; may be empty.
pub(super) fn given_up(drawn: &Drawn, reason: &'static str, said: String) -> Concluded {
    Concluded { reason: Some(reason), ..concluded(drawn, State::Rejected, said) }
}

/// A server said something.
pub(super) fn of_reply(drawn: &Drawn, letter: &Letter, phase: Phase, reply: &Reply, now: DateTime<Utc>) -> Concluded {
    let outcome = match Outcome::of_reply(reply) {
        // That is about the sender, whoever the mail is for: somebody can mend it while the link is still good.
        Outcome::Rejected if phase == Phase::Mail => Outcome::Deferred,
        outcome => outcome,
    };
    let is_dead = outcome == Outcome::Rejected && Hints::of_reply(reply, phase).is_dead;
    Concluded { code: Some(reply.code), is_dead, ..of_outcome(drawn, letter, outcome, reply.to_string(), now) }
}

/// A line broke, or the notice could not go over it.
pub(super) fn of_error(drawn: &Drawn, letter: &Letter, error: &SmtpError, now: DateTime<Utc>) -> Concluded {
    let outcome = Outcome::of_error(error);
    let fate = of_outcome(drawn, letter, outcome, error.to_string(), now);
    match outcome {
        Outcome::Uncertain => Concluded { reason: Some("no reply"), ..fate },
        _ => fate,
    }
}

/// What servers said comes masked already.
fn of_outcome(drawn: &Drawn, letter: &Letter, outcome: Outcome, said: String, now: DateTime<Utc>) -> Concluded {
    match outcome {
        Outcome::Accepted => concluded(drawn, State::Accepted, said),
        Outcome::Rejected => concluded(drawn, State::Rejected, said),
        Outcome::Uncertain => concluded(drawn, State::Uncertain, said),
        Outcome::Untried => concluded(drawn, State::Planned, said),
        Outcome::Deferred => {
            let limit = letter.expires_at.unwrap_or(letter.sent_at + GIVEN_UP_AFTER);
            match next_notice(drawn.attempts + 1, drawn.hold.notice, limit, now) {
                Some(due_at) => Concluded { due_at: Some(due_at), ..concluded(drawn, State::Deferred, said) },
                None => given_up(drawn, "expired", said),
            }
        }
    }
}

fn concluded(drawn: &Drawn, state: State, reply: String) -> Concluded {
    Concluded { hold: drawn.hold, state, code: None, reply, reason: None, due_at: None, is_dead: false }
}
