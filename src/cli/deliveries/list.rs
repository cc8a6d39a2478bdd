//! The deliveries of one issue, as lines or as JSON: page by page, so that the first are there at once and memory does not grow
//! with the issue.

use super::{Deliveries, Desk, Done, delivery_json, named, one, shown, story};
use crate::cli::account::{in_words, totals_json};
use crate::store::ledger::{Delivery, Ledger as _, Wanted};
use serde_json::{Value, json};

/// How many deliveries are read at once.
const PAGE: u32 = 2_000;

impl Deliveries {
    /// Shows them. The report, where one is wanted, is written here, and none is left to be written.
    pub(super) async fn list(&self, desk: &Desk<'_>) -> Done {
        let Some(name) = &self.issue else { return desk.issues().await };
        if desk.means_notices(name).await? {
            return desk.list_notices(&self.states, self.after, self.limit).await;
        }
        let frozen = desk.issue(name).await?;
        let totals = desk.store.totals(frozen.id).await.map_err(one)?;
        let is_json = desk.context.talk.json();
        let report = json!({
            "issue": named(&frozen), "totals": totals_json(&totals), "balances": totals.balance(), "deliveries": [],
        });
        let (mut out, end) = match is_json {
            true => around(&report),
            false => (format!("{}: {}\n", named(&frozen), in_words(&totals)), String::new()),
        };
        let (mut count, mut last) = (0, None);
        loop {
            let limit = (self.limit - count).min(PAGE);
            let (states, after) = (self.states.clone(), last.unwrap_or(self.after));
            let wanted = Wanted { issue: Some(frozen.id), states, address: None, after, limit };
            let rows = desk.store.deliveries(&wanted).await.map_err(one)?;
            for row in &rows {
                out += &if is_json { entry(&delivery_json(row), count == 0) } else { line(row) };
                count += 1;
                last = Some(row.subscriber);
            }
            if rows.len() < limit as usize || count == self.limit {
                break;
            }
            if !desk.context.talk.piece(&out) {
                return Ok(Value::Null);
            }
            out.clear();
        }
        match (is_json, count) {
            (true, 0) => out += "]",
            (true, _) => out += "\n  ]",
            (false, _) if count == self.limit => {
                out += &format!("there may be more: --after {}\n", last.unwrap_or_default());
            }
            (false, _) => {}
        }
        desk.context.talk.data(&(out + &end));
        Ok(Value::Null)
    }
}

/// What stands before the first delivery of a report that has none yet, and what after the `]` behind the last one.
fn around(report: &Value) -> (String, String) {
    const NONE: &str = "\"deliveries\": []";
    let text = format!("{report:#}\n");
    let at = text.find(NONE).expect("it has an empty list") + NONE.len();
    (text[..at - 1].to_owned(), text[at..].to_owned())
}

fn line(row: &Delivery) -> String {
    format!("{:>8}  {:<9}  {}  {}\n", row.subscriber, row.state.word(), shown(&row.mailbox), story(row))
}

/// A delivery as it stands in a report.
fn entry(row: &Value, is_first: bool) -> String {
    let entry = format!("{row:#}").replace('\n', "\n    ");
    format!("{}\n    {entry}", if is_first { "" } else { "," })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_is_written_piece_by_piece_is_the_same_report() {
        let rows = [json!({ "state": "accepted", "reply": "250 \"deliveries\": []\n" }), json!({ "code": null })];
        let report = |rows: &[Value]| json!({ "issue": "weekly/\"deliveries\": []", "totals": { "planned": 0 }, "deliveries": rows });
        let (before, after) = around(&report(&[]));
        let entries: String = (0..).zip(&rows).map(|(i, row)| entry(row, i == 0)).collect();
        assert_eq!(format!("{before}{entries}\n  ]{after}"), format!("{:#}\n", report(&rows)));
        assert_eq!(format!("{before}]{after}"), format!("{:#}\n", report(&[])));
    }
}
