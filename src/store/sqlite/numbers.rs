//! The numbers that tokens name: of subscribers and of notices. Each is given once, and never again.

use super::Found;
use sqlx::SqliteConnection;

/// The table of subscribers, whose numbers are theirs.
pub(super) const SUBSCRIBER: &str = "subscriber";
/// The table of notices.
pub(super) const NOTICE: &str = "notice";

/// The last number that was given in a table.
pub(super) async fn last(connection: &mut SqliteConnection, table: &str) -> Found<i64> {
    let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = $1";
    sqlx::query_scalar(sql).bind(table).fetch_one(connection).await
}

/// Uses up numbers of a table without giving them to anybody.
pub(super) async fn use_up(connection: &mut SqliteConnection, table: &str, count: i64) -> Found<()> {
    let sql = "UPDATE sqlite_sequence SET seq = seq + $2 WHERE name = $1";
    let done = sqlx::query(sql).bind(table).bind(count).execute(&mut *connection).await?;
    // A table that never had a row has no line there.
    if done.rows_affected() == 0 {
        let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)";
        sqlx::query(sql).bind(table).bind(count).execute(connection).await?;
    }
    Ok(())
}
