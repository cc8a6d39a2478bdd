//! `--test`: the issue that is open, or else the next one, to one address. Nothing is recorded, and its links open nothing.

use super::super::issue::{self, When};
use super::super::talk::plural;
use super::super::{deliveries, freeze, letter, mailing};
use super::{Desk, Outcome, Send, Trouble};
use crate::delivery::message::{Head, Mailing};
use crate::diagnostic::Diagnostic;
use crate::store::StoreError;
use crate::store::issues::{Frozen, Issues as _, Variant};
use crate::store::sqlite::Sqlite;
use data_encoding::HEXLOWER;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

impl Send {
    /// The issue that is open, or else the next one, to one address.
    pub(super) async fn test(
        &self,
        desk: &Desk<'_>,
        address: &str,
        findings: &mut Vec<Diagnostic>,
        report: &mut Value,
    ) -> Result<Outcome, Trouble> {
        let context = desk.context;
        let file = &desk.config.store.sqlite;
        let store = Sqlite::open_to_read(&context.root.join(file), file).await?;
        let open = match &store {
            Some(store) => self.open_issue(desk, store).await?,
            None => None,
        };
        let keys = letter::everybodys_keys();
        let (name, head, whole) = match open {
            Some((frozen, whole)) => (deliveries::named(&frozen), mailing::head(&frozen)?, whole),
            None => {
                let period = (self.period.as_deref(), When::Begun);
                let made = issue::make_when(context, &self.name, period, self.since, findings).await?;
                let name = format!("{}/{}", made.digest.name.value, made.chosen.period.name);
                let Some(whole) = freeze::whole(&made) else {
                    let count = plural(made.chosen.articles.len(), "post");
                    return Err(Diagnostic::error(format!("there is no issue `{name}` to test: {count}")).into());
                };
                (name, letter::head(&made.site, &made.digest, &made.chosen.period, keys.signing())?, whole)
            }
        };
        if let Some(store) = store {
            store.close().await;
        }
        let head = Head { key: keys.signing().id().to_string(), ..head };
        let signers = crate::disk::dkim::signers(&context.root, &desk.config.mail.dkim, findings)?;
        let mails = Mailing::new(1, head, std::slice::from_ref(&whole), &keys, signers.into())
            .map_err(|err| Diagnostic::error(format!("cannot make `{name}`: {err}")))?;
        let wrong = |err: &dyn std::fmt::Display| Diagnostic::error(format!("cannot send to `{address}`: {err}"));
        let mut random = [0; 16];
        SystemRandom::new().fill(&mut random).map_err(|_| wrong(&"the system has no random numbers"))?;
        let ready = mails.inert(&HEXLOWER.encode(&random)).mail(1, address, 0).map_err(|err| wrong(&err))?;
        let place = desk.transport.place();
        let said = mailing::one(&desk.transport, &ready, "test").await.map_err(|err| wrong(&err))?;
        report["test"] = json!({ "issue": name, "to": address, "reply": said });
        context.talk.line(&format!("sent {name} to {address} over {place}: {said}"));
        Ok(Outcome::Done)
    }

    /// The issue that is frozen and not done yet, or the one that is named: what a test is about before all else.
    async fn open_issue(&self, desk: &Desk<'_>, store: &Sqlite) -> Result<Option<(Frozen, Variant)>, StoreError> {
        let names: Vec<&str> = desk.digest.names().collect();
        let is_meant = |frozen: &Frozen| match &self.period {
            Some(period) => frozen.period.name == *period,
            None => frozen.done_at.is_none() && !frozen.is_cancelled,
        };
        let Some(frozen) = store.frozen(&names).await?.into_iter().rev().find(is_meant) else { return Ok(None) };
        let whole = store.variants(frozen.id).await?.into_iter().find(|variant| variant.number == 0);
        Ok(whole.map(|whole| (frozen, whole)))
    }
}
