//! Freezing in SQLite: an issue, its variants and its deliveries, written step by step before anybody sees them; and who is
//! in an audience.

use super::Found;
use crate::digest::history::Record;
use crate::store::issues::{Finished, Step, Variant};
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

/// Who is freezing an issue at this moment.
pub(super) async fn freezer(
    connection: &mut SqliteConnection,
    digest: &str,
    period: &str,
    now: i64,
) -> Found<Option<String>> {
    let sql = "SELECT freezing_by FROM issue
        WHERE digest = $1 AND period = $2 AND state = 'freezing' AND freezing_until > $3";
    sqlx::query_scalar(sql).bind(digest).bind(period).bind(now).fetch_optional(connection).await
}

pub(super) async fn is_freezer(connection: &mut SqliteConnection, issue: i64, owner: &str) -> Found<bool> {
    let sql = "SELECT count(*) FROM issue WHERE id = $1 AND state = 'freezing' AND freezing_by = $2";
    let count: i64 = sqlx::query_scalar(sql).bind(issue).bind(owner).fetch_one(connection).await?;
    Ok(count == 1)
}

/// The issue's number. Of what had become of the period before, all is kept until the issue is visible.
pub(super) async fn put_freezing(
    connection: &mut SqliteConnection,
    record: &Record,
    owner: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Found<i64> {
    let sql =
        "INSERT INTO issue (digest, period, starts_at, cutoff_at, state, recorded_at, freezing_by, freezing_until)
        VALUES ($1, $2, $3, $4, 'freezing', $5, $6, $7)
        ON CONFLICT (digest, period) DO UPDATE SET
            former_state = CASE WHEN state = 'freezing' THEN former_state ELSE state END, state = excluded.state,
            freezing_by = excluded.freezing_by, freezing_until = excluded.freezing_until
        RETURNING id";
    sqlx::query_scalar(sql)
        .bind(&record.digest)
        .bind(&record.period.name)
        .bind(record.period.starts_at.timestamp())
        .bind(record.period.cutoff.timestamp())
        .bind(now.timestamp())
        .bind(owner)
        .bind(until.timestamp())
        .fetch_one(connection)
        .await
}

/// What a run that was killed left of an issue.
pub(super) async fn clear(connection: &mut SqliteConnection, issue: i64) -> Found<()> {
    for sql in [
        "DELETE FROM delivery WHERE issue_id = $1",
        "DELETE FROM variant WHERE issue_id = $1",
        "DELETE FROM freezing_choice WHERE issue_id = $1",
    ] {
        sqlx::query(sql).bind(issue).execute(&mut *connection).await?;
    }
    Ok(())
}

/// What had become of the period before stands again; a row that was made for the freezing goes.
pub(super) async fn drop_issue(connection: &mut SqliteConnection, issue: i64) -> Found<()> {
    for sql in [
        "UPDATE issue SET state = former_state, former_state = NULL, freezing_by = NULL, freezing_until = NULL
            WHERE id = $1 AND former_state IS NOT NULL",
        "DELETE FROM issue WHERE id = $1 AND state = 'freezing'",
    ] {
        sqlx::query(sql).bind(issue).execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) async fn prolong(connection: &mut SqliteConnection, step: &Step<'_>) -> Found<bool> {
    let sql = "UPDATE issue SET freezing_until = $3 WHERE id = $1 AND state = 'freezing' AND freezing_by = $2";
    let done = sqlx::query(sql).bind(step.issue).bind(step.owner).bind(step.until.timestamp());
    Ok(done.execute(connection).await?.rows_affected() == 1)
}

pub(super) async fn put_variant(connection: &mut SqliteConnection, issue: i64, variant: &Variant) -> Found<()> {
    let sql = "INSERT INTO variant (issue_id, number, subject, preheader, html, text, entries)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query(sql)
        .bind(issue)
        .bind(variant.number)
        .bind(&variant.subject)
        .bind(&variant.preheader)
        .bind(&variant.html)
        .bind(&variant.text)
        .bind(serde_json::Value::from(variant.entries.clone()).to_string())
        .execute(connection)
        .await
        .map(drop)
}

pub(super) async fn put_choice(
    connection: &mut SqliteConnection,
    issue: i64,
    choice: &str,
    variant: Option<i64>,
) -> Found<()> {
    let sql = "INSERT INTO freezing_choice (issue_id, choice, variant) VALUES ($1, $2, $3)
        ON CONFLICT (issue_id, choice) DO UPDATE SET variant = excluded.variant";
    sqlx::query(sql).bind(issue).bind(choice).bind(variant).execute(connection).await.map(drop)
}

pub(super) async fn drop_choices(connection: &mut SqliteConnection, issue: i64) -> Found<()> {
    sqlx::query("DELETE FROM freezing_choice WHERE issue_id = $1").bind(issue).execute(connection).await.map(drop)
}

/// The last subscriber of a chunk of an audience. Whoever is in it twice is counted once.
pub(super) async fn chunk(
    connection: &mut SqliteConnection,
    step: &Step<'_>,
    digests: &[String],
    addresses: &str,
) -> Found<Option<i64>> {
    // Of each digest no more is looked at than a chunk, and not all that is left of the audience.
    let one = |number: usize| {
        format!(
            "SELECT id FROM (SELECT subscriber_id AS id FROM subscription
                WHERE digest = ${number} AND state = 'active' AND subscriber_id > $1 ORDER BY subscriber_id LIMIT $2)
            UNION "
        )
    };
    let of_digests: String = (4..).take(digests.len()).map(one).collect();
    let sql = format!(
        "SELECT max(id) FROM (SELECT id FROM (
            {of_digests}
            SELECT id FROM subscriber WHERE address IN (SELECT value FROM json_each($3)) AND id > $1)
        ORDER BY id LIMIT $2)"
    );
    let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(step.after).bind(step.limit).bind(addresses);
    digests.iter().fold(query, |query, digest| query.bind(digest)).fetch_one(connection).await
}

/// The audience of a chunk, as `subscriber` with the digest that it is for: the issue's own, or the first by name where
/// there are several. Whoever has left the issue's own digest is not in it, whatever else they get; nor is somebody who is
/// named by address and has not confirmed it.
macro_rules! audience {
    ($select:literal, $rest:literal) => {
        concat!(
            $select,
            " FROM subscriber s
            JOIN issue i ON i.id = $1
            LEFT JOIN (SELECT subscriber_id, min(digest) AS digest FROM subscription
                WHERE digest IN (SELECT value FROM json_each($4)) AND state = 'active'
                    AND subscriber_id > $2 AND subscriber_id <= $3
                GROUP BY subscriber_id) u ON u.subscriber_id = s.id
            LEFT JOIN subscription o ON o.digest = i.digest AND o.subscriber_id = s.id
            LEFT JOIN freezing_choice c ON c.issue_id = $1 AND c.choice = s.choice
            WHERE s.id > $2 AND s.id <= $3
                AND coalesce(o.state, '') <> 'ended'
                AND (u.digest IS NOT NULL
                    OR s.address IN (SELECT value FROM json_each($5)) AND coalesce(o.state, '') <> 'pending')",
            $rest
        )
    };
}

pub(super) async fn unknown_choices(
    connection: &mut SqliteConnection,
    step: &Step<'_>,
    upto: i64,
    digests: &str,
    addresses: &str,
) -> Found<Vec<String>> {
    let sql = audience!("SELECT DISTINCT s.choice", " AND c.choice IS NULL ORDER BY 1");
    sqlx::query_scalar(sql)
        .bind(step.issue)
        .bind(step.after)
        .bind(upto)
        .bind(digests)
        .bind(addresses)
        .fetch_all(connection)
        .await
}

pub(super) async fn plan_chunk(
    connection: &mut SqliteConnection,
    step: &Step<'_>,
    upto: i64,
    digests: &str,
    addresses: &str,
) -> Found<()> {
    let sql = audience!(
        "INSERT INTO delivery (issue_id, subscriber_id, mailbox, via, variant, state, reason, updated_at)
        SELECT $1, s.id, s.mailbox,
            CASE WHEN o.state = 'active' AND o.digest IN (SELECT value FROM json_each($4)) THEN o.digest
                ELSE coalesce(u.digest, '') END,
            c.variant,
            CASE WHEN s.suppressed IS NULL AND c.variant IS NOT NULL AND coalesce(s.paused_until, 0) <= $6
                THEN 'planned' ELSE 'skipped' END,
            CASE WHEN s.suppressed IS NOT NULL THEN 'suppressed' WHEN s.paused_until > $6 THEN 'paused'
                WHEN c.variant IS NULL THEN 'empty' END,
            $6",
        " ORDER BY s.id"
    );
    sqlx::query(sql)
        .bind(step.issue)
        .bind(step.after)
        .bind(upto)
        .bind(digests)
        .bind(addresses)
        .bind(step.now.timestamp())
        .execute(connection)
        .await
        .map(drop)
}

/// Who was planned, and which variant they get, as JSON: a row that travels by itself costs more than what is in it.
pub(super) async fn planned(connection: &mut SqliteConnection, step: &Step<'_>, upto: i64) -> Found<String> {
    let sql = "SELECT json_group_array(json_array(subscriber_id, variant) ORDER BY subscriber_id) FROM delivery
        WHERE issue_id = $1 AND subscriber_id > $2 AND subscriber_id <= $3";
    sqlx::query_scalar(sql).bind(step.issue).bind(step.after).bind(upto).fetch_one(connection).await
}

pub(super) async fn make_visible(
    connection: &mut SqliteConnection,
    finished: &Finished<'_>,
    now: DateTime<Utc>,
) -> Found<()> {
    let sql = "UPDATE issue SET state = 'frozen', freezing_by = NULL, freezing_until = NULL, former_state = NULL,
            recorded_at = $2, frozen_at = $2, head = $3, content_hash = $4, audience_hash = $5, transport = $6,
            page = $8, view = $11, approved_at = CASE WHEN $7 THEN $2 END, starts_at = $9, cutoff_at = $10,
            candidates = (SELECT count(*) FROM delivery WHERE issue_id = $1)
        WHERE id = $1";
    sqlx::query(sql)
        .bind(finished.issue)
        .bind(now.timestamp())
        .bind(finished.head)
        .bind(finished.content_hash)
        .bind(finished.audience_hash)
        .bind(finished.transport)
        .bind(finished.is_approved)
        .bind(finished.page)
        .bind(finished.record.period.starts_at.timestamp())
        .bind(finished.record.period.cutoff.timestamp())
        .bind(finished.view)
        .execute(connection)
        .await
        .map(drop)
}

/// An audience before it is frozen.
#[derive(Clone, Copy)]
pub(super) struct Whose<'a> {
    pub digests: &'a str,
    pub addresses: &'a str,
    /// The digest of the issue.
    pub digest: &'a str,
    /// When it would be frozen.
    pub at: i64,
}

/// An audience before it is frozen, as `subscriber`: the same people.
macro_rules! everybody {
    ($select:literal, $rest:literal) => {
        concat!(
            $select,
            " FROM subscriber s LEFT JOIN subscription o ON o.digest = $3 AND o.subscriber_id = s.id
            WHERE coalesce(o.state, '') <> 'ended' AND (EXISTS (SELECT 1 FROM subscription u
                    WHERE u.subscriber_id = s.id AND u.digest IN (SELECT value FROM json_each($1)) AND u.state = 'active')
                OR s.address IN (SELECT value FROM json_each($2)) AND coalesce(o.state, '') <> 'pending')",
            $rest
        )
    };
}

pub(super) async fn by_choice(connection: &mut SqliteConnection, whose: Whose<'_>) -> Found<Vec<(String, i64)>> {
    let sql = everybody!(
        "SELECT s.choice, count(*)",
        " AND s.suppressed IS NULL AND coalesce(s.paused_until, 0) <= $4 GROUP BY s.choice ORDER BY 1"
    );
    let query = sqlx::query_as(sql).bind(whose.digests).bind(whose.addresses).bind(whose.digest).bind(whose.at);
    query.fetch_all(connection).await
}

/// How many are suppressed, and how many others have paused.
pub(super) async fn without_mail(connection: &mut SqliteConnection, whose: Whose<'_>) -> Found<(i64, i64)> {
    let sql = everybody!(
        "SELECT count(s.suppressed), coalesce(sum(s.suppressed IS NULL), 0)",
        " AND (s.suppressed IS NOT NULL OR s.paused_until > $4)"
    );
    let query = sqlx::query_as(sql).bind(whose.digests).bind(whose.addresses).bind(whose.digest).bind(whose.at);
    query.fetch_one(connection).await
}

pub(super) async fn by_domain(connection: &mut SqliteConnection, whose: Whose<'_>) -> Found<Vec<(String, i64)>> {
    let sql = everybody!(
        "SELECT substr(s.address, instr(s.address, '@') + 1) AS domain, count(*) AS n",
        " AND s.suppressed IS NULL AND coalesce(s.paused_until, 0) <= $4
            GROUP BY domain ORDER BY n DESC, domain LIMIT 10"
    );
    let query = sqlx::query_as(sql).bind(whose.digests).bind(whose.addresses).bind(whose.digest).bind(whose.at);
    query.fetch_all(connection).await
}
