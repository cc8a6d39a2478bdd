//! `--test`: the next issue to one address. Nothing is recorded, and its links open nothing.

use super::super::issue::{self, When};
use super::super::talk::plural;
use super::super::{freeze, letter, mailing};
use super::{Desk, Outcome, Send, Trouble, missing_key};
use crate::delivery::message::Mailing;
use crate::diagnostic::Diagnostic;
use crate::disk::key;
use crate::store::sqlite::Sqlite;
use data_encoding::HEXLOWER;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

impl Send {
    /// The next issue, to one address.
    pub(super) async fn test(
        &self,
        desk: &Desk<'_>,
        address: &str,
        findings: &mut Vec<Diagnostic>,
        report: &mut Value,
    ) -> Result<Outcome, Trouble> {
        let context = desk.context;
        let made =
            issue::make_when(context, &self.name, (self.period.as_deref(), When::Begun), self.since, findings).await?;
        let name = format!("{}/{}", made.digest.name.value, made.chosen.period.name);
        let Some(whole) = freeze::whole(&made) else {
            let count = plural(made.chosen.articles.len(), "post");
            return Err(Diagnostic::error(format!("there is no issue `{name}` to test: {count}")).into());
        };
        let file = &desk.config.store.sqlite;
        let missing = match Sqlite::open_to_read(&context.root.join(file), file).await? {
            Some(store) => {
                let missing = missing_key(&store).await;
                store.close().await;
                missing?
            }
            None => key::Missing::Make,
        };
        let keys = key::load(&context.root, &desk.config.security, missing, findings)?;
        let signers = crate::disk::dkim::signers(&context.root, &desk.config.mail.dkim, findings)?;
        let head = letter::head(&made.site, &made.digest, &made.chosen.period, keys.signing())?;
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
}
