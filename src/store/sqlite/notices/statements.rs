//! The statements on notices, each in a function of its own.

use super::Planned;
use crate::store::notices::{Kind, Yes};
use crate::store::sqlite::Found;
use crate::subscriber::choice::Choice;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

/// What a notice asks.
pub(super) struct Open {
    pub(super) request: String,
    pub(super) source: Option<String>,
    pub(super) settled_at: Option<i64>,
    pub(super) created_at: i64,
}

pub(super) async fn asked(connection: &mut SqliteConnection, notice: u32, subscriber: i64) -> Found<Option<Open>> {
    let sql = "SELECT request, source, settled_at, created_at FROM notice
        WHERE id = $1 AND subscriber_id = $2 AND kind = 'confirm' AND request IS NOT NULL";
    let found = sqlx::query_as(sql).bind(notice).bind(subscriber).fetch_optional(connection).await?;
    Ok(found.map(|(request, source, settled_at, created_at)| Open { request, source, settled_at, created_at }))
}

pub(super) async fn is_again(
    connection: &mut SqliteConnection,
    subscriber: i64,
    kind: Kind,
    request: Option<&str>,
    since: DateTime<Utc>,
) -> Found<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM notice WHERE subscriber_id = $1 AND created_at > $4
        AND kind = $2 AND request IS $3 AND settled_at IS NULL AND state NOT IN ('rejected', 'skipped'))";
    let query = sqlx::query_scalar(sql).bind(subscriber).bind(kind.word()).bind(request).bind(since.timestamp());
    query.fetch_one(connection).await
}

/// Links count for themselves: what strangers fill in keeps nobody from their own data.
pub(super) async fn recent(
    connection: &mut SqliteConnection,
    subscriber: i64,
    is_link: bool,
    since: DateTime<Utc>,
) -> Found<i64> {
    let sql = "SELECT count(*) FROM notice
        WHERE subscriber_id = $1 AND created_at > $2 AND kind <> 'welcome' AND (kind = 'link') = $3
            AND settled_at IS NULL";
    sqlx::query_scalar(sql).bind(subscriber).bind(since.timestamp()).bind(is_link).fetch_one(connection).await
}

pub(super) async fn put_notice(connection: &mut SqliteConnection, planned: &Planned<'_>) -> Found<i64> {
    let sql = "INSERT INTO notice (subscriber_id, kind, request, source, mailbox, state, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, 'planned', $6, $6) RETURNING id";
    sqlx::query_scalar(sql)
        .bind(planned.subscriber)
        .bind(planned.kind.word())
        .bind(&planned.request)
        .bind(planned.source.filter(|_| planned.request.is_some()))
        .bind(planned.mailbox)
        .bind(planned.now.timestamp())
        .fetch_one(connection)
        .await
}

pub(super) async fn put_letter(connection: &mut SqliteConnection, id: i64, letter: &str) -> Found<()> {
    let sql = "UPDATE notice SET letter = $2 WHERE id = $1";
    sqlx::query(sql).bind(id).bind(letter).execute(connection).await.map(drop)
}

/// Whoever asked for the same twice has two mails with one question: one yes answers both.
pub(super) async fn settle(connection: &mut SqliteConnection, yes: &Yes<'_>, request: &str) -> Found<()> {
    let sql = "UPDATE notice SET settled_at = $3 WHERE settled_at IS NULL
        AND (id = $1 OR subscriber_id = $2 AND kind = 'confirm' AND request = $4)";
    let query = sqlx::query(sql).bind(yes.notice).bind(yes.subscriber).bind(yes.now.timestamp()).bind(request);
    query.execute(connection).await.map(drop)
}

/// Whoever left all of it and comes back begins anew.
pub(super) async fn end_pause(connection: &mut SqliteConnection, id: i64) -> Found<()> {
    let sql = "UPDATE subscriber SET paused_until = NULL WHERE id = $1";
    sqlx::query(sql).bind(id).execute(connection).await.map(drop)
}

pub(super) async fn change(
    connection: &mut SqliteConnection,
    id: i64,
    choice: &Choice,
    paused_until: Option<DateTime<Utc>>,
) -> Found<()> {
    let sql = "UPDATE subscriber SET choice = $2, paused_until = $3 WHERE id = $1";
    let until = paused_until.map(|until| until.timestamp());
    sqlx::query(sql).bind(id).bind(choice.to_string()).bind(until).execute(connection).await.map(drop)
}

/// People of whom nothing is known but that they were asked, all of it before a moment, and did not say yes. Whoever came
/// by an import, or was added by hand, is not among them.
pub(super) async fn unconfirmed(connection: &mut SqliteConnection, before: DateTime<Utc>) -> Found<Vec<i64>> {
    let sql = "SELECT s.id FROM subscriber s
        WHERE s.id IN (SELECT subscriber_id FROM notice WHERE kind = 'confirm' AND created_at < $1)
            AND s.by_form = 1 AND coalesce(s.suppressed, 'bounced') = 'bounced'
            AND NOT EXISTS (SELECT 1 FROM notice n WHERE n.subscriber_id = s.id
                AND n.kind = 'confirm' AND n.created_at >= $1)
            AND NOT EXISTS (SELECT 1 FROM subscription u WHERE u.subscriber_id = s.id AND u.state <> 'pending')
            AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.subscriber_id = s.id)
            AND NOT EXISTS (SELECT 1 FROM consent c WHERE c.subscriber_id = s.id AND c.event = 'confirmed')
        ORDER BY s.id";
    sqlx::query_scalar(sql).bind(before.timestamp()).fetch_all(connection).await
}

/// Closes what some people were asked and have not answered: who leaves is not brought back by a link in an older mail.
pub(in crate::store::sqlite) async fn close_questions(
    connection: &mut SqliteConnection,
    ids: &str,
    now: DateTime<Utc>,
) -> Found<()> {
    let sql = "UPDATE notice SET settled_at = $2
        WHERE subscriber_id IN (SELECT value FROM json_each($1)) AND kind = 'confirm' AND settled_at IS NULL";
    sqlx::query(sql).bind(ids).bind(now.timestamp()).execute(connection).await.map(drop)
}

/// What is not on the wire is not sent: whoever has a lease on it finds that its fence has moved.
pub(in crate::store::sqlite) async fn skip_notices(
    connection: &mut SqliteConnection,
    ids: &str,
    now: DateTime<Utc>,
) -> Found<u64> {
    let sql = "UPDATE notice SET state = 'skipped', reason = 'erased', fence = fence + 1, owner = NULL,
            lease_until = NULL, due_at = NULL, updated_at = $2
        WHERE subscriber_id IN (SELECT value FROM json_each($1)) AND state IN ('planned', 'leased', 'deferred')";
    Ok(sqlx::query(sql).bind(ids).bind(now.timestamp()).execute(connection).await?.rows_affected())
}

/// Nothing is left of what was in the notices of some people, nor whom they were for.
pub(in crate::store::sqlite) async fn forget_notices(connection: &mut SqliteConnection, ids: &str) -> Found<()> {
    let sql = "UPDATE notice SET mailbox = '', letter = NULL, request = NULL
        WHERE subscriber_id IN (SELECT value FROM json_each($1))";
    sqlx::query(sql).bind(ids).execute(connection).await.map(drop)
}

pub(super) async fn forget_old(connection: &mut SqliteConnection, before: DateTime<Utc>) -> Found<u64> {
    let sql = "UPDATE notice SET mailbox = '', letter = NULL, request = NULL
        WHERE updated_at < $1 AND state IN ('accepted', 'rejected', 'skipped', 'uncertain')
            AND (letter IS NOT NULL OR mailbox <> '')";
    Ok(sqlx::query(sql).bind(before.timestamp()).execute(connection).await?.rows_affected())
}

pub(super) async fn remove(connection: &mut SqliteConnection, ids: &str) -> Found<()> {
    let sql = "DELETE FROM subscriber WHERE id IN (SELECT value FROM json_each($1))";
    sqlx::query(sql).bind(ids).execute(connection).await.map(drop)
}
