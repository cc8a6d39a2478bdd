//! Deliveries as people ask about them: a page of an issue, those in some states, those of an address. Each way has a statement
//! of its own that finds its rows by an index and in their order, so that a page costs the same however large the
//! issue is; but for those that are deferred, which are sorted anew for each page.

use super::Found;
use crate::store::ledger::Wanted;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

/// How many deliveries of an issue stand where, as it is kept with each of them (see the migration).
pub(super) const TOTALS: &str = "SELECT state, count FROM delivery_total WHERE issue_id = $1 AND count <> 0";

/// Deliveries in the order of their issues and subscribers. Of one address or of one issue, or both.
pub(super) async fn deliveries(connection: &mut SqliteConnection, wanted: &Wanted) -> Found<Vec<SqliteRow>> {
    let words = || wanted.states.iter().map(|state| state.word());
    let limit = i64::from(wanted.limit);
    let rows = match (&wanted.address, wanted.states.is_empty()) {
        (Some(address), is_any) => {
            let states = serde_json::Value::from_iter(words()).to_string();
            let query = sqlx::query(OF_ADDRESS).bind(address).bind(wanted.issue).bind(wanted.after).bind(limit);
            query.bind(if is_any { None } else { Some(states) }).fetch_all(connection).await?
        }
        (None, true) => {
            let query = sqlx::query(OF_ISSUE).bind(wanted.issue).bind(wanted.after).bind(limit);
            query.fetch_all(connection).await?
        }
        (None, false) => {
            let mut rows = Vec::new();
            for word in words() {
                let query = sqlx::query(OF_STATE).bind(wanted.issue).bind(wanted.after).bind(limit).bind(word);
                rows.extend(query.fetch_all(&mut *connection).await?);
            }
            rows.sort_by_key(|row: &SqliteRow| row.get::<i64, _>("subscriber_id"));
            rows.dedup_by_key(|row| row.get::<i64, _>("subscriber_id"));
            rows.truncate(wanted.limit as usize);
            rows
        }
    };
    Ok(rows)
}

macro_rules! shown {
    ($from:literal) => {
        concat!(
            "SELECT i.digest, i.period, d.issue_id, d.subscriber_id, d.mailbox, d.state, d.attempts, d.code, d.reply,
                d.reason, d.due_at, d.updated_at ",
            $from
        )
    };
}

const OF_ISSUE: &str = shown!(
    "FROM issue i CROSS JOIN delivery d ON d.issue_id = i.id
    WHERE i.id = $1 AND i.state <> 'freezing' AND d.subscriber_id > $2 ORDER BY d.subscriber_id LIMIT $3"
);

// The index has the time when they are due before the subscriber. Hardly any but those that are deferred has one, so the
// others stand there in their order.
const OF_STATE: &str = shown!(
    "FROM issue i CROSS JOIN delivery d ON d.issue_id = i.id
    WHERE i.id = $1 AND i.state <> 'freezing' AND d.subscriber_id IN (
        SELECT subscriber_id FROM (SELECT subscriber_id FROM delivery INDEXED BY delivery_by_state
            WHERE issue_id = $1 AND state = $4 AND due_at IS NULL AND subscriber_id > $2 ORDER BY subscriber_id LIMIT $3)
        UNION ALL
        SELECT subscriber_id FROM (SELECT subscriber_id FROM delivery INDEXED BY delivery_by_state
            WHERE issue_id = $1 AND state = $4 AND due_at > -1 AND subscriber_id > $2 ORDER BY subscriber_id LIMIT $3))
    ORDER BY d.subscriber_id LIMIT $3"
);

const OF_ADDRESS: &str = shown!(
    "FROM subscriber s CROSS JOIN delivery d ON d.subscriber_id = s.id CROSS JOIN issue i ON i.id = d.issue_id
    WHERE s.address = $1 AND i.state <> 'freezing' AND ($2 IS NULL OR d.issue_id = $2) AND d.subscriber_id > $3
        AND ($5 IS NULL OR d.state IN (SELECT value FROM json_each($5)))
    ORDER BY d.issue_id, d.subscriber_id LIMIT $4"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::block_on;
    use crate::store::sqlite::Sqlite;

    #[test]
    fn no_page_looks_at_all_deliveries_of_an_issue() {
        let run = async {
            let dir = tempfile::tempdir().expect("a folder");
            let store = Sqlite::open(&dir.path().join("tidings.db"), "tidings.db").await.expect("a store");
            for (sql, want) in [
                (TOTALS, &["delivery_total USING PRIMARY KEY (issue_id=?)"][..]),
                (OF_ISSUE, &["d USING PRIMARY KEY (issue_id=? AND subscriber_id>?)"]),
                (
                    OF_STATE,
                    &[
                        "delivery USING COVERING INDEX delivery_by_state (issue_id=? AND state=? AND due_at=? AND subscriber_id>?)",
                        "delivery USING COVERING INDEX delivery_by_state (issue_id=? AND state=? AND due_at>?)",
                        "d USING PRIMARY KEY (issue_id=? AND subscriber_id=?)",
                    ],
                ),
                (OF_ADDRESS, &["d USING INDEX delivery_of_subscriber (subscriber_id=?"]),
            ] {
                let mut connection = store.pool.acquire().await.expect("a connection");
                let explain = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
                let rows = explain.fetch_all(&mut *connection).await.expect("a plan");
                let steps: Vec<String> = rows.iter().map(|row| row.get::<String, _>("detail")).collect();
                for want in want {
                    assert!(steps.iter().any(|step| step.contains(want)), "{want}\n{sql}\n{steps:#?}");
                }
                assert!(!steps.iter().any(|step| step.starts_with("SCAN d")), "{sql}\n{steps:#?}");
            }
        };
        block_on(run).expect("a runtime");
    }
}
