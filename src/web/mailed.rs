//! Forms that anybody can fill in with any address: what they lead to is told by a mail to the address itself. The answer is
//! the same for every address, and comes no sooner.

use super::Web;
use super::answer::Refusal;
use super::frame::RequestId;
use crate::delivery::recorder::patiently;
use crate::mail::address::Address;
use crate::store::notices::{Ask, Kind, Limits, LinkWanted, Notices as _, Request};
use chrono::TimeDelta;
use std::time::{Duration, Instant};

/// When the answer comes, from when the form was read: later than all that there is to do usually takes.
const ANSWER_AFTER: Duration = Duration::from_millis(400);
/// The same form twice is one.
const REPEAT_AFTER: TimeDelta = TimeDelta::minutes(5);

/// Waits until an answer may come to a form that was read at a moment.
pub async fn unhurried(read_at: Instant) {
    tokio::time::sleep_until((read_at + ANSWER_AFTER).into()).await;
}

impl Web {
    /// Somebody signs up with an address: its owner is asked by mail. `source` is how we know.
    pub async fn ask(&self, id: &RequestId, address: &Address, request: &Request, source: &str) -> Result<(), Refusal> {
        let people = self.people()?;
        let (formerly, hashes) = (self.formerly(), people.hashes());
        let asked = Ask {
            address,
            request,
            source,
            now: self.now(),
            limits: self.limits(),
            formerly: &formerly,
            hashes: &hashes,
        };
        let drafts = self.drafts(&[Kind::Confirm, Kind::Known], &request.digests, id)?;
        patiently!(people.store.ask(&asked, &|to| drafts.letter(to))).map_err(|err| self.broken(id, &err))?;
        people.bell.notify_one();
        Ok(())
    }

    /// Somebody wants the link to what is kept of an address: it is mailed there, if it is known.
    pub async fn mail_link(&self, id: &RequestId, address: &Address) -> Result<(), Refusal> {
        let people = self.people()?;
        let hashes = people.hashes();
        let wanted = LinkWanted { address, now: self.now(), limits: self.limits(), hashes: &hashes };
        let drafts = self.drafts(&[Kind::Link], &[], id)?;
        patiently!(people.store.link(&wanted, &|to| drafts.letter(to))).map_err(|err| self.broken(id, &err))?;
        people.bell.notify_one();
        Ok(())
    }

    /// How often one address is written to.
    fn limits(&self) -> Limits {
        Limits { per_address: self.config.signup.per_address, repeat_after: REPEAT_AFTER }
    }
}
