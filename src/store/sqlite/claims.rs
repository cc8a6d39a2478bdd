//! Claims in SQLite: who holds which delivery, what they may send of it, and what they say became of it. Each statement
//! finds its rows by an index, since all of them run under the lock that everybody who writes waits for.

use super::Found;
use crate::store::ledger::{Claim, Claimed, Ended, Leave, State, Ticket};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use sqlx::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Why the subscriber of delivery `d` gets no mail any more, or none at the time of `$now`; null for one who does. `i` is the
/// issue.
macro_rules! gone {
    ($now:literal) => {
        concat!(
            "CASE
            WHEN s.id IS NULL THEN 'erased'
            WHEN s.suppressed IS NOT NULL THEN 'suppressed'
            WHEN EXISTS (SELECT 1 FROM subscription u
                WHERE u.digest = i.digest AND u.subscriber_id = d.subscriber_id AND u.state = 'ended') THEN 'unsubscribed'
            WHEN d.via <> '' AND NOT EXISTS (SELECT 1 FROM subscription u
                WHERE u.digest = d.via AND u.subscriber_id = d.subscriber_id AND u.state = 'active') THEN 'unsubscribed'
            WHEN d.via = '' AND EXISTS (SELECT 1 FROM subscription u
                WHERE u.digest = i.digest AND u.subscriber_id = d.subscriber_id AND u.state = 'pending') THEN 'unconfirmed'
            WHEN s.paused_until > ",
            $now,
            " THEN 'paused'
        END"
        )
    };
}

/// Whether something of issue `i` may be sent.
macro_rules! open {
    () => {
        "(i.state = 'frozen' AND i.cancelled_at IS NULL AND i.done_at IS NULL AND i.paused IS NULL)"
    };
}

/// What a delivery becomes that is to be sent later: nothing is sent later of an issue that was taken back.
macro_rules! planned {
    () => {
        "CASE WHEN (SELECT i.cancelled_at FROM issue i WHERE i.id = delivery.issue_id) IS NULL
            THEN 'planned' ELSE 'cancelled' END"
    };
}

// What workers hold has a lease and an owner, and nothing else does. The planner takes the small indexes of those rows where
// a statement says as much; the `+` keeps it from all rows of an issue.
pub(super) const RENEW: &str =
    "UPDATE delivery SET lease_until = $2 WHERE owner = $1 AND +state IN ('leased', 'on_wire')";
pub(super) const RELEASE: &str = concat!(
    "UPDATE delivery SET state = ",
    planned!(),
    ", owner = NULL, lease_until = NULL, updated_at = $2 WHERE owner = $1 AND +state = 'leased'"
);
const PLAN_AGAIN: &str = concat!(
    "UPDATE delivery SET state = ",
    planned!(),
    ", owner = NULL, lease_until = NULL, updated_at = $2
    WHERE issue_id = $1 AND lease_until > 0 AND +state = 'leased'
        AND (lease_until <= $2 OR owner IN (SELECT value FROM json_each($3)))"
);
const LEAVE_UNCERTAIN: &str =
    "UPDATE delivery SET state = 'uncertain', reason = 'interrupted', attempts = attempts + 1,
        owner = NULL, lease_until = NULL, updated_at = $2
    WHERE issue_id = $1 AND lease_until > 0 AND +state = 'on_wire'
        AND (lease_until <= $2 OR owner IN (SELECT value FROM json_each($3)))";
pub(super) const OWNERS: &str =
    "SELECT DISTINCT owner FROM delivery WHERE issue_id = $1 AND lease_until > 0 ORDER BY owner";
pub(super) const NEXT_DUE: &str = "SELECT min(at) FROM (
    SELECT min(due_at) AS at FROM delivery WHERE issue_id = $1 AND state = 'deferred'
    UNION ALL SELECT min(lease_until) FROM delivery WHERE issue_id = $1 AND lease_until > 0)";

pub(super) async fn plan_again(connection: &mut SqliteConnection, issue: i64, now: i64, dead: &str) -> Found<u64> {
    Ok(sqlx::query(PLAN_AGAIN).bind(issue).bind(now).bind(dead).execute(connection).await?.rows_affected())
}

pub(super) async fn leave_uncertain(connection: &mut SqliteConnection, issue: i64, now: i64, dead: &str) -> Found<u64> {
    Ok(sqlx::query(LEAVE_UNCERTAIN).bind(issue).bind(now).bind(dead).execute(connection).await?.rows_affected())
}

/// There is something to do again.
pub(super) async fn reopen(connection: &mut SqliteConnection, issue: i64) -> Found<()> {
    let sql = "UPDATE issue SET done_at = NULL
        WHERE id = $1 AND done_at IS NOT NULL AND state = 'frozen' AND cancelled_at IS NULL";
    sqlx::query(sql).bind(issue).execute(connection).await.map(drop)
}

/// The name of an issue that was taken back.
pub(super) async fn cancelled(connection: &mut SqliteConnection, issue: i64) -> Found<Option<(String, String)>> {
    let sql = "SELECT digest, period FROM issue WHERE id = $1 AND cancelled_at IS NOT NULL";
    sqlx::query_as(sql).bind(issue).fetch_optional(connection).await
}

/// Leases deliveries to somebody, and skips those of people who are gone: how many.
pub(super) async fn claim_some(connection: &mut SqliteConnection, claim: &Claim<'_>) -> Found<(Vec<Claimed>, usize)> {
    let mut offered = offered(connection, claim).await?;
    if offered.len() < claim.limit as usize {
        offered.extend(offered_again(connection, claim, offered.len()).await?);
    }
    let mut gone: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    let mut here = Vec::with_capacity(offered.len());
    for Offered { subscriber, reason, .. } in &offered {
        match reason {
            Some(reason) => gone.entry(reason).or_default().push(*subscriber),
            None => here.push(*subscriber),
        }
    }
    for (reason, subscribers) in &gone {
        skip(connection, claim.issue, subscribers, reason, claim.now).await?;
    }
    if !here.is_empty() {
        lease(connection, claim, &json!(here).to_string()).await?;
    }
    let skipped = offered.len() - here.len();
    // Nobody else writes between the two, so each has the fence after the one that it had.
    let claimed = offered.into_iter().filter(|one| one.reason.is_none()).filter_map(|one| {
        let ticket = Ticket { issue: claim.issue, subscriber: one.subscriber, fence: one.fence + 1 };
        Some(Claimed { ticket, mailbox: one.mailbox, variant: one.variant?, attempts: one.attempts })
    });
    Ok((claimed.collect(), skipped))
}

/// A delivery that may be claimed, and why its subscriber is gone.
#[derive(Deserialize)]
struct Offered {
    subscriber: i64,
    mailbox: String,
    variant: Option<i64>,
    attempts: u32,
    fence: i64,
    reason: Option<String>,
}

/// Deliveries of an issue that is open, with why their subscriber is gone, all as one JSON text: a row that travels from the
/// database's thread by itself costs more than what is in it.
macro_rules! offer {
    ($now:literal, $which:literal) => {
        concat!(
            "SELECT json_group_array(json_object('subscriber', subscriber_id, 'mailbox', mailbox, 'variant', variant,
                'attempts', attempts, 'fence', fence, 'reason', reason) ORDER BY due_at, subscriber_id)
            FROM (SELECT d.subscriber_id, d.mailbox, d.variant, d.attempts, d.fence, ",
            gone!($now),
            " AS reason, d.due_at
            FROM issue i JOIN delivery d ON d.issue_id = i.id LEFT JOIN subscriber s ON s.id = d.subscriber_id
            WHERE i.id = $1 AND ",
            open!(),
            $which,
            ")"
        )
    };
}

const OFFERED: &str = offer!("$3", " AND d.state = 'planned' ORDER BY d.due_at, d.subscriber_id LIMIT $2");

async fn offered(connection: &mut SqliteConnection, claim: &Claim<'_>) -> Found<Vec<Offered>> {
    let now = claim.now.timestamp();
    all_of(sqlx::query_scalar(OFFERED).bind(claim.issue).bind(claim.limit).bind(now).fetch_one(connection).await?)
}

fn all_of(offered: String) -> Found<Vec<Offered>> {
    serde_json::from_str(&offered).map_err(|err| sqlx::Error::Decode(err.into()))
}

const OFFERED_AGAIN: &str =
    offer!("$2", " AND d.state = 'deferred' AND d.due_at <= $2 ORDER BY d.due_at, d.subscriber_id LIMIT $3");

/// Deferred deliveries whose time has come.
async fn offered_again(connection: &mut SqliteConnection, claim: &Claim<'_>, already: usize) -> Found<Vec<Offered>> {
    let limit = i64::from(claim.limit) - i64::try_from(already).unwrap_or(i64::MAX);
    let query = sqlx::query_scalar(OFFERED_AGAIN).bind(claim.issue).bind(claim.now.timestamp()).bind(limit);
    all_of(query.fetch_one(connection).await?)
}

const SKIP: &str =
    "UPDATE delivery SET state = 'skipped', reason = $3, owner = NULL, lease_until = NULL, due_at = NULL,
        updated_at = $4
    WHERE issue_id = $1 AND subscriber_id IN (SELECT value FROM json_each($2))";

/// Skips the deliveries of an issue for some people, all for one reason.
async fn skip(
    connection: &mut SqliteConnection,
    issue: i64,
    subscribers: &[i64],
    reason: &str,
    now: DateTime<Utc>,
) -> Found<()> {
    let skip = sqlx::query(SKIP).bind(issue).bind(json!(subscribers).to_string()).bind(reason).bind(now.timestamp());
    skip.execute(connection).await.map(drop)
}

const LEASE: &str =
    "UPDATE delivery SET state = 'leased', fence = fence + 1, owner = $3, lease_until = $4, due_at = NULL,
        updated_at = $5
    WHERE issue_id = $1 AND subscriber_id IN (SELECT value FROM json_each($2))";

async fn lease(connection: &mut SqliteConnection, claim: &Claim<'_>, subscribers: &str) -> Found<()> {
    sqlx::query(LEASE)
        .bind(claim.issue)
        .bind(subscribers)
        .bind(claim.owner)
        .bind(claim.until.timestamp())
        .bind(claim.now.timestamp())
        .execute(connection)
        .await
        .map(drop)
}

/// Records how attempts ended and gives leave, where that is all as it should be, as it nearly always is: then a count says
/// so, and no row need be handed over. Otherwise nothing may be kept of it, and it is done over with [`record_all`] and
/// [`answer_all`], which tell one from the other.
pub(super) async fn step_all(
    connection: &mut SqliteConnection,
    ended: &[Ended],
    asked: &[Ticket],
    owner: &str,
    now: DateTime<Utc>,
) -> Found<bool> {
    if !ended.is_empty() {
        let recorded = sqlx::query(RECORD).bind(ended_json(ended)).bind(now.timestamp());
        if recorded.execute(&mut *connection).await?.rows_affected() != ended.len() as u64 {
            return Ok(false);
        }
        note_all(connection, &ended.iter().collect::<Vec<_>>(), owner, now).await?;
    }
    if !asked.is_empty() {
        let given = sqlx::query(PUT_ON_WIRE).bind(tickets_json(asked)).bind(owner).bind(now.timestamp());
        return Ok(given.execute(connection).await?.rows_affected() == asked.len() as u64);
    }
    Ok(true)
}

pub(super) async fn record_all(
    connection: &mut SqliteConnection,
    ended: &[Ended],
    owner: &str,
    now: DateTime<Utc>,
) -> Found<Vec<bool>> {
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    let recorded = record(connection, &ended_json(ended), now).await?;
    let noted: Vec<&Ended> = ended.iter().filter(|one| recorded.contains(&one.ticket)).collect();
    note_all(connection, &noted, owner, now).await?;
    Ok(ended.iter().map(|one| recorded.contains(&one.ticket)).collect())
}

/// What follows from attempts that were recorded.
async fn note_all(connection: &mut SqliteConnection, ended: &[&Ended], owner: &str, now: DateTime<Utc>) -> Found<()> {
    for one in ended {
        if !matches!(one.state, State::Accepted | State::Planned) {
            put_attempt(connection, one, owner, now).await?;
        }
        if one.is_dead {
            suppress(connection, one.ticket.subscriber, now).await?;
        }
    }
    // Others may have found that all had ended, and closed the issue meanwhile.
    let again: BTreeSet<i64> = ended.iter().filter(|one| !one.state.is_final()).map(|one| one.ticket.issue).collect();
    for issue in again {
        reopen(connection, issue).await?;
    }
    Ok(())
}

pub(super) async fn answer_all(
    connection: &mut SqliteConnection,
    asked: &[Ticket],
    owner: &str,
    now: DateTime<Utc>,
) -> Found<Vec<Leave>> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let all = tickets_json(asked);
    let given = put_on_wire(connection, &all, owner, now).await?;
    let held = match given.len() == asked.len() {
        true => HashMap::new(),
        false => held(connection, &all, owner, now).await?,
    };
    for (ticket, reason) in &held {
        if let Some(reason) = reason {
            skip(connection, ticket.issue, &[ticket.subscriber], reason, now).await?;
        }
    }
    let answer = |ticket| match (given.contains(ticket), held.get(ticket)) {
        (true, _) => Leave::Given,
        (false, Some(Some(reason))) => Leave::Skipped(reason.clone()),
        (false, Some(None)) => Leave::Held,
        (false, None) => Leave::Lost,
    };
    Ok(asked.iter().map(answer).collect())
}

const PUT_ON_WIRE: &str = concat!(
    "UPDATE delivery SET state = 'on_wire', updated_at = $3
    WHERE +state = 'leased' AND +owner = $2 AND +lease_until > $3
        AND (issue_id, subscriber_id, fence) IN (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1))
        AND (SELECT ",
    open!(),
    " AND ",
    gone!("$3"),
    " IS NULL FROM delivery d JOIN issue i ON i.id = d.issue_id LEFT JOIN subscriber s ON s.id = d.subscriber_id
        WHERE d.issue_id = delivery.issue_id AND d.subscriber_id = delivery.subscriber_id)"
);

/// Puts deliveries on the wire, those that are still held by this fence and lease, whose subscriber is still there and
/// whose issue is open. Returns which.
async fn put_on_wire(
    connection: &mut SqliteConnection,
    tickets: &str,
    owner: &str,
    now: DateTime<Utc>,
) -> Found<HashSet<Ticket>> {
    let rows = sqlx::query_as(sqlx::AssertSqlSafe(format!("{PUT_ON_WIRE} RETURNING issue_id, subscriber_id, fence")))
        .bind(tickets)
        .bind(owner)
        .bind(now.timestamp())
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|(issue, subscriber, fence)| Ticket { issue, subscriber, fence }).collect())
}

const HELD: &str = concat!(
    "SELECT d.issue_id, d.subscriber_id, d.fence, ",
    gone!("$3"),
    " FROM json_each($1) t CROSS JOIN delivery d
        ON d.issue_id = t.value ->> 0 AND d.subscriber_id = t.value ->> 1 AND d.fence = t.value ->> 2
    JOIN issue i ON i.id = d.issue_id LEFT JOIN subscriber s ON s.id = d.subscriber_id
    WHERE +d.state = 'leased' AND +d.owner = $2 AND +d.lease_until > $3"
);

/// Those of some deliveries that this worker still holds, and why their subscriber is gone, where that is so.
async fn held(
    connection: &mut SqliteConnection,
    tickets: &str,
    owner: &str,
    now: DateTime<Utc>,
) -> Found<HashMap<Ticket, Option<String>>> {
    let rows: Vec<(i64, i64, i64, Option<String>)> =
        sqlx::query_as(HELD).bind(tickets).bind(owner).bind(now.timestamp()).fetch_all(connection).await?;
    let one = |(issue, subscriber, fence, gone)| (Ticket { issue, subscriber, fence }, gone);
    Ok(rows.into_iter().map(one).collect())
}

const RECORD: &str = "UPDATE delivery SET
        state = CASE WHEN e.is_cancelled THEN 'cancelled' ELSE e.state END, code = e.code, reply = e.reply,
        reason = e.reason, due_at = CASE WHEN NOT e.is_cancelled THEN e.due_at END,
        attempts = attempts + (e.state <> 'planned' AND delivery.state <> 'uncertain'), owner = NULL,
        lease_until = NULL, updated_at = $2
    FROM (SELECT value ->> 0 AS issue_id, value ->> 1 AS subscriber_id, value ->> 2 AS fence, value ->> 3 AS state,
            value ->> 4 AS code, value ->> 5 AS reply, value ->> 6 AS reason, value ->> 7 AS due_at,
            value ->> 3 IN ('planned', 'deferred')
                AND EXISTS (SELECT 1 FROM issue WHERE id = value ->> 0 AND cancelled_at IS NOT NULL) AS is_cancelled
        FROM json_each($1)) e
    WHERE delivery.issue_id = e.issue_id AND delivery.subscriber_id = e.subscriber_id AND delivery.fence = e.fence
        AND (+delivery.state IN ('leased', 'on_wire') OR +delivery.state = 'uncertain' AND e.state <> 'uncertain')";

/// What may be told of a delivery by whoever holds its fence: anything while it is leased or on the wire; how it ended
/// when it is uncertain, because the lease ran out meanwhile. What would be sent later, of an issue that was taken back, is
/// cancelled.
async fn record(connection: &mut SqliteConnection, ended: &str, now: DateTime<Utc>) -> Found<HashSet<Ticket>> {
    let sql = format!("{RECORD} RETURNING delivery.issue_id, delivery.subscriber_id, delivery.fence");
    let rows: Vec<(i64, i64, i64)> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(ended).bind(now.timestamp()).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(issue, subscriber, fence)| Ticket { issue, subscriber, fence }).collect())
}

async fn put_attempt(connection: &mut SqliteConnection, ended: &Ended, owner: &str, now: DateTime<Utc>) -> Found<()> {
    let sql = "INSERT INTO attempt (issue_id, subscriber_id, number, at, worker, phase, code, reply)
        SELECT issue_id, subscriber_id, attempts, $3, $4, $5, $6, $7 FROM delivery
        WHERE issue_id = $1 AND subscriber_id = $2
        ON CONFLICT (issue_id, subscriber_id, number) DO UPDATE SET
            at = excluded.at, worker = excluded.worker, phase = excluded.phase, code = excluded.code,
            reply = excluded.reply";
    sqlx::query(sql)
        .bind(ended.ticket.issue)
        .bind(ended.ticket.subscriber)
        .bind(now.timestamp())
        .bind(owner)
        .bind(ended.phase)
        .bind(ended.code)
        .bind(&ended.reply)
        .execute(connection)
        .await
        .map(drop)
}

/// Nobody writes to a subscriber again, since there is no such mailbox.
pub(super) async fn suppress(connection: &mut SqliteConnection, subscriber: i64, now: DateTime<Utc>) -> Found<()> {
    let sql = "UPDATE subscriber SET suppressed = 'bounced' WHERE id = $1 AND suppressed IS NULL";
    let done = sqlx::query(sql).bind(subscriber).execute(&mut *connection).await?;
    if done.rows_affected() == 1 {
        let sql = "INSERT INTO consent (subscriber_id, event, source, at) VALUES ($1, 'suppressed', 'bounced', $2)";
        sqlx::query(sql).bind(subscriber).bind(now.timestamp()).execute(connection).await?;
    }
    Ok(())
}

fn tickets_json(tickets: &[Ticket]) -> String {
    let all: Vec<_> = tickets.iter().map(|t| json!([t.issue, t.subscriber, t.fence])).collect();
    json!(all).to_string()
}

fn ended_json(ended: &[Ended]) -> String {
    let one = |e: &Ended| {
        let due_at = e.due_at.map(|at| at.timestamp());
        json!([e.ticket.issue, e.ticket.subscriber, e.ticket.fence, e.state.word(), e.code, e.reply, e.reason, due_at])
    };
    json!(ended.iter().map(one).collect::<Vec<_>>()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::block_on;
    use crate::store::sqlite::Sqlite;
    use sqlx::Row as _;

    async fn plan(store: &Sqlite, sql: &str) -> Vec<String> {
        let mut connection = store.pool.acquire().await.expect("a connection");
        let explain = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
        let rows = explain.fetch_all(&mut *connection).await.expect("a plan");
        rows.iter().map(|row| row.get::<String, _>("detail")).collect()
    }

    #[test]
    fn no_statement_looks_at_all_deliveries_of_an_issue() {
        let run = async {
            let dir = tempfile::tempdir().expect("a folder");
            let store = Sqlite::open(&dir.path().join("tidings.db"), "tidings.db").await.expect("a store");
            // The parts of a plan that concern deliveries, by the index that they use.
            let held = "INDEX delivery_held (issue_id=? AND lease_until>?)";
            let of_owner = "INDEX delivery_of_owner (owner=?)";
            let one = "PRIMARY KEY (issue_id=? AND subscriber_id=?)";
            for (sql, want) in [
                (RENEW, vec![of_owner]),
                (RELEASE, vec![of_owner]),
                (PLAN_AGAIN, vec![held]),
                (LEAVE_UNCERTAIN, vec![held]),
                (OWNERS, vec![held]),
                (NEXT_DUE, vec!["INDEX delivery_by_state (issue_id=? AND state=?)", held]),
                (OFFERED, vec!["INDEX delivery_by_state (issue_id=? AND state=?)"]),
                (OFFERED_AGAIN, vec!["INDEX delivery_by_state (issue_id=? AND state=? AND due_at<?)"]),
                (LEASE, vec![one]),
                (SKIP, vec![one]),
                (PUT_ON_WIRE, vec![one, one]),
                (HELD, vec![one]),
                (RECORD, vec![one]),
            ] {
                let plan = plan(&store, sql).await;
                let looks = plan.iter().filter(|step| step.contains("delivery") || step.contains(" d "));
                let looks: Vec<&str> = looks.filter_map(|step| Some(step.split_once(" USING ")?.1)).collect();
                let is_same =
                    looks.len() == want.len() && looks.iter().zip(&want).all(|(look, want)| look.contains(want));
                assert!(is_same, "{sql}\n{plan:#?}");
                // What was claimed is sorted, and not all that might have been.
                let sorts = |step: &String| step.contains("TEMP B-TREE") && !step.contains("json_group_array");
                assert!(!plan.iter().any(|step| sorts(step) && sql != OWNERS), "{sql}\n{plan:#?}");
            }
        };
        block_on(run).expect("a runtime");
    }
}
