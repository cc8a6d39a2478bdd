//! Subscribers page by page. The few who are pending, have left or get no mail are found by indexes of their own, and those of one
//! digest by its own: nobody else is looked at, so that the first page is there at once however many subscribers there are.

use super::{COLUMNS, Found};
use crate::store::subscribers::Which;
use crate::subscriber::State;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, SqliteConnection};

/// The conditions of [`Which`], with its digests as `$1`, its state as `$2` and whether they are suppressed as `$3`.
const MEANT: &str = "($3 IS NULL OR (suppressed IS NOT NULL) = $3)
    AND (($1 = '[]' AND $2 IS NULL) OR EXISTS (SELECT 1 FROM subscription
        WHERE subscriber_id = subscriber.id AND ($2 IS NULL OR state = $2)
        AND ($1 = '[]' OR digest IN (SELECT value FROM json_each($1)))))";

/// How those who are meant are found.
fn statement(which: &Which) -> String {
    let is_elsewhere = matches!(which.state, Some(State::Pending | State::Ended));
    match (&which.digests[..], which.suppressed) {
        _ if is_elsewhere => format!(
            "SELECT {COLUMNS} FROM subscription u CROSS JOIN subscriber ON id = u.subscriber_id
            WHERE u.state <> 'active' AND u.state = $2 AND u.subscriber_id > $4
                AND ($1 = '[]' OR u.digest IN (SELECT value FROM json_each($1)))
                AND ($3 IS NULL OR (suppressed IS NOT NULL) = $3)
            GROUP BY u.subscriber_id ORDER BY u.subscriber_id LIMIT $5"
        ),
        (_, Some(true)) => format!(
            "SELECT {COLUMNS} FROM subscriber INDEXED BY subscriber_suppressed
            WHERE suppressed IS NOT NULL AND {MEANT} AND id > $4 ORDER BY id LIMIT $5"
        ),
        ([_], _) => format!(
            "SELECT {COLUMNS} FROM subscription u CROSS JOIN subscriber ON id = u.subscriber_id
            WHERE u.digest = $1 ->> 0 AND ($2 IS NULL OR u.state = $2) AND u.subscriber_id > $4
                AND ($3 IS NULL OR (suppressed IS NOT NULL) = $3)
            ORDER BY u.subscriber_id LIMIT $5"
        ),
        _ => format!("SELECT {COLUMNS} FROM subscriber WHERE {MEANT} AND id > $4 ORDER BY id LIMIT $5"),
    }
}

pub(super) async fn page(
    connection: &mut SqliteConnection,
    which: &Which,
    after: i64,
    limit: u32,
) -> Found<Vec<SqliteRow>> {
    sqlx::query(AssertSqlSafe(statement(which)))
        .bind(json!(which.digests).to_string())
        .bind(which.state.map(State::word))
        .bind(which.suppressed)
        .bind(after)
        .bind(limit)
        .fetch_all(connection)
        .await
}

pub(super) async fn count(connection: &mut SqliteConnection, which: &Which) -> Found<i64> {
    let sql = format!("SELECT count(*) FROM subscriber WHERE {MEANT}");
    sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(json!(which.digests).to_string())
        .bind(which.state.map(State::word))
        .bind(which.suppressed)
        .fetch_one(connection)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::block_on;
    use crate::store::sqlite::Sqlite;
    use sqlx::Row as _;

    #[test]
    fn no_page_looks_at_those_who_are_not_meant() {
        let run = async {
            let dir = tempfile::tempdir().expect("a folder");
            let store = Sqlite::open(&dir.path().join("tidings.db"), "tidings.db").await.expect("a store");
            let weekly = || vec!["weekly".to_owned()];
            let elsewhere = "SEARCH u USING COVERING INDEX subscription_not_active (state=? AND subscriber_id>?)";
            for (which, want) in [
                (Which::default(), "SEARCH subscriber USING INTEGER PRIMARY KEY (rowid>?)"),
                (Which { state: Some(State::Pending), ..Which::default() }, elsewhere),
                (Which { state: Some(State::Ended), digests: weekly(), suppressed: Some(true) }, elsewhere),
                (
                    Which { digests: weekly(), suppressed: Some(true), ..Which::default() },
                    "SEARCH subscriber USING INDEX subscriber_suppressed (id>?)",
                ),
                (
                    Which { digests: weekly(), state: Some(State::Active), suppressed: Some(false) },
                    "SEARCH u USING PRIMARY KEY (digest=? AND subscriber_id>?)",
                ),
            ] {
                let sql = format!("EXPLAIN QUERY PLAN {}", statement(&which));
                let mut connection = store.pool.acquire().await.expect("a connection");
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *connection).await.expect("a plan");
                let steps: Vec<String> = rows.iter().map(|row| row.get::<String, _>("detail")).collect();
                assert_eq!(steps.first().map(String::as_str), Some(want), "{which:?}\n{steps:#?}");
                assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{which:?}\n{steps:#?}");
            }
        };
        block_on(run).expect("a runtime");
    }
}
