//! `tidings deliveries notices`: the same for mails to one person that are no issue.

use super::super::account::{states_in_words, totals_json};
use super::{Desk, Done, one, shown, time, told_in_parts};
use crate::diagnostic::Diagnostic;
use crate::mail::address::Address;
use crate::store::issues::Issues as _;
use crate::store::ledger::{State, Verdict};
use crate::store::postbox::{Notice, Postbox as _, Which};
use serde_json::{Value, json};

/// What mails to one person are called where an issue could be named.
const NOTICES: &str = "notices";

/// What is done to notices by hand.
pub(super) enum Change {
    Resolve(Verdict),
    Retry,
}

impl Desk<'_> {
    /// Notices in some states, or all of them.
    pub(super) async fn list_notices(&self, states: &[State], after: i64, limit: u32) -> Done {
        let totals = self.store.notice_totals().await.map_err(one)?;
        let which = Which { address: None, states: states.to_vec(), after, limit };
        let rows = self.store.notices(&which).await.map_err(one)?;
        let mut out = format!("{NOTICES}: {}\n", states_in_words(&totals));
        for row in &rows {
            let (state, mailbox) = (row.state.word(), shown(&row.mailbox));
            out += &format!("{:>8}  {state:<9}  {:<7}  {mailbox}  {}\n", row.id, row.kind.word(), notice_story(row));
        }
        if rows.len() == limit as usize {
            let last = rows.last().map_or(0, |row| row.id);
            out += &format!("there may be more: --after {last}\n");
        }
        self.data(&out);
        Ok(json!({ "totals": totals_json(&totals), "notices": rows.iter().map(notice_json).collect::<Vec<_>>() }))
    }

    /// Whether a name in the place of an issue's means mails to one person.
    pub(super) async fn means_notices(&self, name: &str) -> Result<bool, Vec<Diagnostic>> {
        let is_digest = |all: Vec<crate::store::issues::Frozen>| all.iter().any(|frozen| frozen.digest == NOTICES);
        Ok(name == NOTICES && !is_digest(self.store.frozen(&[NOTICES]).await.map_err(one)?))
    }

    /// The notices of an address.
    pub(super) async fn notices_of(&self, address: &str) -> Result<Vec<Notice>, Vec<Diagnostic>> {
        let parsed: Address = address.parse().map_err(|err| vec![Diagnostic::error(format!("{err}"))])?;
        let address = Some(parsed.as_str().to_ascii_lowercase());
        self.store.notices(&Which { address, limit: 1_000, ..Which::default() }).await.map_err(one)
    }

    /// Settles or plans again mails to one person, to one address or all: `change` says how many.
    pub(super) async fn change_notices(&self, address: Option<&str>, what: &str, change: Change) -> Done {
        let subscriber = match address {
            Some(address) => match self.notices_of(address).await?.first() {
                Some(row) => Some(row.subscriber),
                None => return Err(vec![Diagnostic::error(format!("no notice was planned for `{address}`"))]),
            },
            None => None,
        };
        let now = self.context.clock();
        let changed = match &change {
            Change::Resolve(verdict) => self.store.resolve_notices(subscriber, *verdict, now).await,
            Change::Retry => self.store.retry_notices(subscriber, now).await,
        };
        let count = changed.map_err(one)?;
        let (notices, verb) = if count == 1 { ("notice", "is") } else { ("notices", "are") };
        let next = match (&change, count) {
            (Change::Retry, 0) => "; what was accepted is not kept, and cannot be sent again",
            (Change::Retry | Change::Resolve(Verdict::NotSent), 1..) => "; `tidings serve` sends them",
            _ => "",
        };
        self.context.talk.line(&format!("{count} {notices} {verb} {what}{next}"));
        Ok(json!({ "changed": count }))
    }
}

/// What became of a notice, in words.
pub fn notice_story(row: &Notice) -> String {
    let answered = row.settled_at.map(|at| format!("settled at {}", time(at)));
    told_in_parts(&[&row.reply, &row.reason, &answered], row.due_at)
}

/// A notice as JSON.
pub fn notice_json(row: &Notice) -> Value {
    json!({
        "notice": row.id, "kind": row.kind.word(), "subscriber": row.subscriber, "address": row.mailbox,
        "state": row.state.word(), "attempts": row.attempts, "code": row.code, "reply": row.reply,
        "reason": row.reason, "due_at": row.due_at.map(|at| at.to_rfc3339()),
        "answered_at": row.settled_at.map(|at| at.to_rfc3339()), "planned_at": row.created_at.to_rfc3339(),
        "updated_at": row.updated_at.to_rfc3339(),
    })
}
