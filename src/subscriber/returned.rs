//! What a mail that came to us asks for, as far as it proves whose it is.
//!
//! Pure. Who a mail is from can be written by anybody; a token cannot. So nothing is done for a mail without a token of
//! this site, whatever it says, and nothing is done by a machine that answers by itself.

use super::keys::Keys;
use super::token::{BounceToken, Purpose, Token};
use crate::mail::incoming::{Code, Incoming, Kind, Verdict};
use chrono::{DateTime, Utc};

/// One mail that we sent, by numbers of the store. The issue is 0 for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Whom it was to.
    pub subscriber: i64,
    /// Which issue it was.
    pub issue: u32,
}

/// What is to be done for a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Its sender leaves what they got this mail for.
    Leave(Sent),
    /// There is no such mailbox: it gets no mail any more.
    NoMailbox(Sent, Code),
    /// Its reader calls it spam: they get no mail any more.
    Complaint(Sent),
    /// Nothing, and why.
    Nothing(&'static str),
    /// One of our mails did not arrive, and nothing follows from it: refused for good, or late.
    Undelivered(Sent, Option<Code>),
    /// A person should look, and why.
    Unclear(&'static str),
}

impl Asks {
    /// What a mail asks for. Its tokens must be signed by one of the keys.
    pub fn of(mail: &Incoming, keys: &Keys, now: DateTime<Utc>) -> Asks {
        let opened = Opened { keys, now };
        match &mail.kind {
            Kind::AutoReply => Asks::Nothing("a machine answers"),
            Kind::Unreadable => Asks::Unclear("it cannot be read as a mail"),
            Kind::Bounce(verdict) => opened.bounce(mail, *verdict),
            Kind::Feedback(kind) => opened.feedback(mail, kind),
            Kind::Letter => opened.letter(mail),
        }
    }
}

struct Opened<'a> {
    keys: &'a Keys,
    now: DateTime<Utc>,
}

impl Opened<'_> {
    /// The mail that the first good token among some words names, of whatever kind.
    fn sent<'w>(&self, words: impl IntoIterator<Item = &'w String>) -> Option<Sent> {
        words.into_iter().find_map(|word| self.returned(word).or_else(|| self.leaving(word)))
    }

    fn returned(&self, word: &str) -> Option<Sent> {
        let token = BounceToken::verify(self.keys, word).ok()?;
        Some(Sent { subscriber: token.subscriber, issue: token.issue })
    }

    fn leaving(&self, word: &str) -> Option<Sent> {
        let token = Token::verify(self.keys, &[Purpose::Unsubscribe], word, self.now).ok()?;
        Some(Sent { subscriber: token.subscriber, issue: token.issue })
    }

    /// The mail that a complaint is about. It only silences, and may come late: any token of ours will do, also one whose time
    /// is over.
    fn complained_of(&self, word: &str) -> Option<Sent> {
        let token = || Token::verify(self.keys, &Purpose::ALL, word, DateTime::<Utc>::MIN_UTC).ok();
        self.returned(word).or_else(|| {
            let token = token()?;
            // The number of a notice is none of an issue.
            let issue = if token.purpose == Purpose::Unsubscribe { token.issue } else { 0 };
            Some(Sent { subscriber: token.subscriber, issue })
        })
    }

    fn bounce(&self, mail: &Incoming, verdict: Verdict) -> Asks {
        // The address that it came to is ours alone; what is attached counts where servers know no address of that kind.
        let returned = mail.to.iter().find_map(|word| self.returned(word));
        let Some(sent) = returned.or_else(|| self.sent(&mail.original)) else {
            return Asks::Unclear("it says that a mail was not delivered, but no token proves that it was ours");
        };
        match verdict {
            Verdict::NoMailbox(code) => Asks::NoMailbox(sent, code),
            Verdict::Refused(code) => Asks::Undelivered(sent, Some(code)),
            Verdict::Delayed(code) => Asks::Undelivered(sent, code),
            Verdict::Delivered => Asks::Nothing("a mail was delivered"),
            Verdict::Unclear => Asks::Unclear("one of our mails was not delivered, but no status says why"),
        }
    }

    fn feedback(&self, mail: &Incoming, kind: &str) -> Asks {
        match (kind, mail.original.iter().chain(&mail.to).find_map(|word| self.complained_of(word))) {
            ("not-spam", _) => Asks::Nothing("a mail is not spam"),
            ("abuse", Some(sent)) => Asks::Complaint(sent),
            ("abuse", None) => Asks::Unclear("it is a complaint, but no token proves that it is about a mail of ours"),
            _ => Asks::Unclear("it is a report of a provider that is no complaint"),
        }
    }

    fn letter(&self, mail: &Incoming) -> Asks {
        let words = mail.subject.iter().chain(&mail.to).chain(&mail.body);
        if let Some(sent) = words.clone().find_map(|word| self.leaving(word)) {
            return Asks::Leave(sent);
        }
        Asks::Unclear(match mail {
            _ if mail.to.iter().any(|word| self.returned(word).is_some()) => {
                "it came back to us, but is no report that can be relied on"
            }
            _ if words.clone().any(|word| word.len() == Token::CHARS) => "its token is not one of this site",
            Incoming { asks_to_leave: true, .. } => "it asks to leave, but has no token that proves who it is from",
            _ => "it is an ordinary mail, and no report of one that could not be delivered",
        })
    }
}

#[cfg(test)]
mod tests;
