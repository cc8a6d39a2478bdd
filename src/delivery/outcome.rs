//! Deciding what becomes of a delivery after an attempt.
//!
//! Pure: the sender tells what the server replied, or how the line failed; this file says what that means (RFC 5321,
//! section 4.2.1; enhanced codes of RFC 3463). It never waits and never reads the clock.

use crate::mail::smtp::{Fault, Phase, Reply, SmtpError};

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A server took it.
    Accepted,
    /// Later.
    Deferred,
    /// Never.
    Rejected,
    /// Nobody can know.
    Uncertain,
    /// It was not this mail's turn yet: the line broke before anything was said about it.
    Untried,
}

/// What a reply says beyond its outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// There is no such mailbox (5.1.1): nobody writes to it again.
    pub is_dead: bool,
    /// It is about us, not about the recipient (5.7.x): the next mail is refused, too.
    pub is_policy: bool,
    /// Mail comes too fast (421, 4.7.x, 450 4.2.1 and the like).
    pub is_too_fast: bool,
}

impl Outcome {
    /// What a reply to an envelope or to a message means.
    pub fn of_reply(reply: &Reply) -> Outcome {
        match reply.code {
            200..=299 => Outcome::Accepted,
            500..=599 => Outcome::Rejected,
            // 3yz has no place here, and nothing was taken.
            _ => Outcome::Deferred,
        }
    }

    /// What a failure of the line means for the mail that was on it.
    pub fn of_error(error: &SmtpError) -> Outcome {
        if error.is_uncertain() {
            return Outcome::Uncertain;
        }
        match (error.phase(), error.fault()) {
            (phase, _) if phase < Phase::Mail => Outcome::Untried,
            // The mail itself is at fault, or a server said so.
            (_, Fault::Message(_)) => Outcome::Rejected,
            (_, Fault::Refused(reply)) if reply.is_permanent() => Outcome::Rejected,
            _ => Outcome::Deferred,
        }
    }
}

impl Hints {
    /// What a reply says beyond its outcome, in the phase in which it came.
    pub fn of_reply(reply: &Reply, phase: Phase) -> Hints {
        let class = reply.code / 100;
        Hints {
            is_dead: class == 5 && reply.enhanced == Some([5, 1, 1]) && matches!(phase, Phase::Rcpt | Phase::Dot),
            is_policy: class == 5 && matches!(reply.enhanced, Some([5, 7, _])),
            is_too_fast: class == 4
                && (reply.is_closing() || matches!(reply.enhanced, Some([4, 7, _] | [4, 2, 1] | [4, 3, 2]))),
        }
    }
}

/// What providers mean by a refusal that is about the sender, in one sentence; none for a code that says nothing more.
pub fn explained(enhanced: Option<[u16; 3]>) -> Option<&'static str> {
    Some(match enhanced? {
        [5, 7, 1] => "the server does not let this sender in",
        [5, 7, 8] => "the login is not accepted",
        [5, 7, 25] => "the sending address has no matching reverse DNS entry (PTR)",
        [5, 7, 26] => "the mail is not authenticated: SPF or DKIM must pass for the domain in `from`",
        [5, 7, 27] => "SPF does not pass for the sending domain",
        [5, 7, 28] => "too much mail comes from this sender, or much of it is taken for spam",
        [5, 7, 29] => "the mail did not come over TLS",
        [5, 7, 30] => "DKIM does not pass",
        [5, 7, 515] => "the domain in `from` lacks SPF, DKIM or DMARC",
        [5, 7, _] => "it is the server's policy",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> Reply {
        let (code, rest) = text.split_at(3);
        let enhanced = rest.split_whitespace().next().and_then(|word| {
            let parts: Vec<u16> = word.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
            parts.try_into().ok()
        });
        Reply { code: code.parse().expect("a code"), enhanced, text: String::new() }
    }

    #[test]
    fn the_reply_decides_the_outcome() {
        #[track_caller]
        fn case(text: &str, want: Outcome) {
            assert_eq!(Outcome::of_reply(&reply(text)), want, "{text}");
        }
        case("250 2.0.0 queued", Outcome::Accepted);
        case("421 4.7.0 try again later", Outcome::Deferred);
        case("450 4.2.1 greylisted", Outcome::Deferred);
        case("354 go on", Outcome::Deferred);
        case("550 5.1.1 no such user", Outcome::Rejected);
        case("554 5.7.1 spam", Outcome::Rejected);
    }

    #[test]
    fn a_failure_before_the_dot_is_certain_and_after_it_is_not() {
        #[track_caller]
        fn case(phase: Phase, fault: Fault, want: Outcome) {
            let error = SmtpError::new(phase, fault);
            assert_eq!(Outcome::of_error(&error), want, "{error}");
        }
        case(Phase::Connect, Fault::Closed, Outcome::Untried);
        case(Phase::Auth, Fault::NoMechanism, Outcome::Untried);
        case(Phase::Mail, Fault::Closed, Outcome::Deferred);
        // What fails a line says nothing of the recipient.
        case(Phase::Mail, Fault::Tls("alert".into()), Outcome::Deferred);
        case(Phase::Body, Fault::OutOfTurn, Outcome::Deferred);
        case(Phase::Rcpt, Fault::Refused(reply("550 no")), Outcome::Rejected);
        case(Phase::Body, Fault::Closed, Outcome::Deferred);
        case(Phase::Dot, Fault::Closed, Outcome::Uncertain);
        case(Phase::Dot, Fault::Protocol("nonsense".into()), Outcome::Uncertain);
    }

    #[test]
    fn a_dead_mailbox_is_told_from_a_policy_and_from_haste() {
        #[track_caller]
        fn case(text: &str, phase: Phase, want: (bool, bool, bool)) {
            let hints = Hints::of_reply(&reply(text), phase);
            assert_eq!((hints.is_dead, hints.is_policy, hints.is_too_fast), want, "{text}");
        }
        case("550 5.1.1 no such user", Phase::Rcpt, (true, false, false));
        case("550 no such user", Phase::Rcpt, (false, false, false));
        // That is about the sender.
        case("550 5.1.1 no such user", Phase::Mail, (false, false, false));
        case("550 5.7.26 not authenticated", Phase::Dot, (false, true, false));
        case("450 5.7.1 odd", Phase::Rcpt, (false, false, false));
        case("421 busy", Phase::Mail, (false, false, true));
        case("450 4.7.0 too fast", Phase::Rcpt, (false, false, true));
        case("452 4.2.2 full", Phase::Rcpt, (false, false, false));
    }
}
