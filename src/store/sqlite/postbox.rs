//! The postbox in SQLite. As in `claims`, each statement finds its rows by an index: notices pile up, and a few of them are
//! ever to be sent.

use super::{Found, Sqlite, unusable};
use crate::store::ledger::{Leave, State, Totals, Verdict};
use crate::store::notices::Kind;
use crate::store::postbox::{Concluded, Drawn, Hold, Notice, Postbox, Which};
use crate::store::{Fault, StoreError};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use std::collections::{BTreeMap, HashMap};

/// Why notice `n` is not sent any more; null for one that is. `s` is its subscriber.
macro_rules! gone {
    () => {
        "CASE
            WHEN s.id IS NULL OR n.letter IS NULL THEN 'erased'
            WHEN s.suppressed IN ('complained', 'asked') OR s.suppressed IS NOT NULL AND n.kind <> 'confirm'
                THEN 'suppressed'
            WHEN n.settled_at IS NOT NULL THEN 'settled'
            WHEN n.kind = 'welcome' AND NOT EXISTS (SELECT 1 FROM subscription u
                WHERE u.subscriber_id = n.subscriber_id AND u.state = 'active') THEN 'unsubscribed'
        END"
    };
}

impl Postbox for Sqlite {
    async fn draw(
        &self,
        owner: &str,
        limit: u32,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Drawn>, StoreError> {
        loop {
            let mut transaction = self.write().await?;
            let (drawn, skipped) = self.draw_some(&mut transaction, owner, limit, now, until).await?;
            transaction.commit().await.map_err(|err| self.fault(err))?;
            // Where all who came up are gone, somebody who is not may come after them.
            if !drawn.is_empty() || skipped == 0 {
                return Ok(drawn);
            }
        }
    }

    async fn set_out(&self, hold: Hold, owner: &str, now: DateTime<Utc>) -> Result<Leave, StoreError> {
        let mut transaction = self.write().await?;
        let answer = async {
            let leave = match put_on_wire(&mut transaction, hold, owner, now).await? {
                true => Leave::Given,
                false => match why_gone(&mut transaction, hold, owner, now).await? {
                    Some(reason) => {
                        skip(&mut transaction, &json!([hold.notice]).to_string(), &reason, now).await?;
                        Leave::Skipped(reason)
                    }
                    None => Leave::Lost,
                },
            };
            transaction.commit().await?;
            Ok(leave)
        };
        answer.await.map_err(|err| self.fault(err))
    }

    async fn conclude(&self, concluded: &Concluded, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut transaction = self.write().await?;
        let record = async {
            let subscriber = record(&mut transaction, concluded, now).await?;
            if let Some(subscriber) = subscriber.filter(|_| concluded.is_dead) {
                super::claims::suppress(&mut transaction, subscriber, now).await?;
            }
            transaction.commit().await?;
            Ok(subscriber.is_some())
        };
        record.await.map_err(|err| self.fault(err))
    }

    async fn hold_on(&self, owner: &str, until: DateTime<Utc>) -> Result<(), StoreError> {
        self.changed(sqlx::query(HOLD_ON).bind(owner).bind(until.timestamp())).await.map(drop)
    }

    async fn put_back(&self, owner: &str, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.changed(sqlx::query(PUT_BACK).bind(owner).bind(now.timestamp())).await
    }

    async fn pick_up(&self, now: DateTime<Utc>, dead: &[String]) -> Result<u64, StoreError> {
        let (dead, now) = (json!(dead).to_string(), now.timestamp());
        let mut transaction = self.write().await?;
        let picked_up = async {
            sqlx::query(PLAN_AGAIN).bind(now).bind(&dead).execute(&mut *transaction).await?;
            let uncertain = sqlx::query(LEAVE_UNCERTAIN).bind(now).bind(&dead).execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(uncertain.rows_affected())
        };
        picked_up.await.map_err(|err| self.fault(err))
    }

    async fn holders(&self) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(HOLDERS).fetch_all(&self.pool).await.map_err(|err| self.fault(err))
    }

    async fn next_notice(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let next = sqlx::query_scalar(NEXT_NOTICE).bind(now.timestamp()).fetch_one(&self.pool).await;
        let at: Option<i64> = next.map_err(|err| self.fault(err))?;
        at.map(|at| self.moment(at)).transpose()
    }

    async fn notice_totals(&self) -> Result<Totals, StoreError> {
        let sql = "SELECT state, count(*) FROM notice GROUP BY state";
        let counts = sqlx::query_as(sql).fetch_all(&self.pool).await;
        let counts: Vec<(String, i64)> = counts.map_err(|err| self.fault(err))?;
        let mut known = Vec::with_capacity(counts.len());
        for (word, count) in counts {
            known.push((State::of_word(&word).ok_or_else(|| self.newer())?, count.unsigned_abs()));
        }
        Ok(Totals::new(known.iter().map(|(_, count)| count).sum(), known))
    }

    async fn notices(&self, which: &Which) -> Result<Vec<Notice>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|err| self.fault(err))?;
        let rows = notices(&mut connection, which).await.map_err(|err| self.fault(err))?;
        rows.iter().map(|row| self.notice_of(row)).collect()
    }

    async fn resolve_notices(
        &self,
        subscriber: Option<i64>,
        verdict: Verdict,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        // What a killed run left on the wire is uncertain, too.
        self.pick_up(now, &[]).await?;
        let (state, reason) = match verdict {
            Verdict::Accepted => ("accepted", Some("resolved")),
            Verdict::NotSent => ("planned", None),
        };
        // The fence goes up: whoever still holds the row from before has nothing more to say.
        let sql = "UPDATE notice SET state = $2, reason = $3, fence = fence + 1, owner = NULL, lease_until = NULL,
                updated_at = $4, letter = CASE WHEN $2 <> 'accepted' THEN letter END
            WHERE state = 'uncertain' AND ($1 IS NULL OR subscriber_id = $1)
                AND ($2 <> 'planned' OR letter IS NOT NULL)";
        let query = sqlx::query(sql).bind(subscriber).bind(state).bind(reason).bind(now.timestamp());
        self.changed(query).await
    }

    async fn retry_notices(&self, subscriber: Option<i64>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let sql = "UPDATE notice SET state = 'planned', reason = NULL, fence = fence + 1, owner = NULL,
                lease_until = NULL, due_at = NULL, updated_at = $2
            WHERE state IN ('rejected', 'deferred') AND letter IS NOT NULL AND ($1 IS NULL OR subscriber_id = $1)";
        self.changed(sqlx::query(sql).bind(subscriber).bind(now.timestamp())).await
    }
}

impl Sqlite {
    /// Leases notices to somebody, and skips those of people who are gone: how many.
    async fn draw_some(
        &self,
        connection: &mut SqliteConnection,
        owner: &str,
        limit: u32,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<(Vec<Drawn>, usize), StoreError> {
        let draw = async {
            let mut offered = offered(connection, limit).await?;
            let already = u32::try_from(offered.len()).unwrap_or(limit);
            if already < limit {
                offered.extend(offered_again(connection, limit - already, now).await?);
            }
            let mut gone: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
            let mut here = Vec::with_capacity(offered.len());
            for one in &offered {
                match &one.reason {
                    Some(reason) => gone.entry(reason).or_default().push(one.id),
                    None => here.push(one.id),
                }
            }
            for (reason, ids) in &gone {
                skip(connection, &json!(ids).to_string(), reason, now).await?;
            }
            let skipped = offered.len() - here.len();
            let fences = lease(connection, &json!(here).to_string(), owner, now, until).await?;
            Ok((offered, fences, skipped))
        };
        let (offered, fences, skipped) = draw.await.map_err(|err| self.fault(err))?;
        let mut drawn = Vec::with_capacity(fences.len());
        for one in offered {
            let (Some(&fence), Some(letter)) = (fences.get(&one.id), one.letter) else { continue };
            drawn.push(Drawn {
                hold: Hold { notice: one.id, fence },
                subscriber: one.subscriber,
                mailbox: one.mailbox,
                kind: Kind::of_word(&one.kind).ok_or_else(|| self.newer())?,
                letter,
                attempts: one.attempts,
            });
        }
        Ok((drawn, skipped))
    }

    fn notice_of(&self, row: &SqliteRow) -> Result<Notice, StoreError> {
        let moment = |at: Option<i64>| at.map(|at| self.moment(at)).transpose();
        Ok(Notice {
            id: row.get("id"),
            subscriber: row.get("subscriber_id"),
            kind: Kind::of_word(row.get("kind")).ok_or_else(|| self.newer())?,
            mailbox: row.get("mailbox"),
            state: State::of_word(row.get("state")).ok_or_else(|| self.newer())?,
            attempts: row.try_get("attempts").map_err(|_| unusable(&self.name, Fault::Damaged, None))?,
            code: row.try_get("code").map_err(|_| unusable(&self.name, Fault::Damaged, None))?,
            reply: row.get("reply"),
            reason: row.get("reason"),
            due_at: moment(row.get("due_at"))?,
            settled_at: moment(row.get("settled_at"))?,
            created_at: self.moment(row.get("created_at"))?,
            updated_at: self.moment(row.get("updated_at"))?,
        })
    }
}

/// A notice that may be leased.
struct Offered {
    id: i64,
    subscriber: i64,
    mailbox: String,
    kind: String,
    letter: Option<String>,
    attempts: u32,
    reason: Option<String>,
}

impl Offered {
    fn of(row: &SqliteRow) -> Found<Offered> {
        Ok(Offered {
            id: row.try_get("id")?,
            subscriber: row.try_get("subscriber_id")?,
            mailbox: row.try_get("mailbox")?,
            kind: row.try_get("kind")?,
            letter: row.try_get("letter")?,
            attempts: row.try_get("attempts")?,
            reason: row.try_get("gone")?,
        })
    }
}

macro_rules! offer {
    ($which:literal) => {
        concat!(
            "SELECT n.id, n.subscriber_id, n.mailbox, n.kind, n.letter, n.attempts, ",
            gone!(),
            " AS gone FROM notice n LEFT JOIN subscriber s ON s.id = n.subscriber_id WHERE ",
            $which
        )
    };
}

const OFFERED: &str = offer!("n.state = 'planned' ORDER BY n.due_at, n.id LIMIT $1");
const OFFERED_AGAIN: &str = offer!("n.state = 'deferred' AND n.due_at <= $2 ORDER BY n.due_at, n.id LIMIT $1");

async fn offered(connection: &mut SqliteConnection, limit: u32) -> Found<Vec<Offered>> {
    let rows = sqlx::query(OFFERED).bind(limit).fetch_all(connection).await?;
    rows.iter().map(Offered::of).collect()
}

/// Deferred notices whose time has come.
async fn offered_again(connection: &mut SqliteConnection, limit: u32, now: DateTime<Utc>) -> Found<Vec<Offered>> {
    let rows = sqlx::query(OFFERED_AGAIN).bind(limit).bind(now.timestamp()).fetch_all(connection).await?;
    rows.iter().map(Offered::of).collect()
}

const SKIP: &str = "UPDATE notice SET state = 'skipped', reason = $2, owner = NULL, lease_until = NULL, due_at = NULL,
        updated_at = $3, letter = NULL
    WHERE id IN (SELECT value FROM json_each($1))";

async fn skip(connection: &mut SqliteConnection, ids: &str, reason: &str, now: DateTime<Utc>) -> Found<()> {
    sqlx::query(SKIP).bind(ids).bind(reason).bind(now.timestamp()).execute(connection).await.map(drop)
}

const LEASE: &str =
    "UPDATE notice SET state = 'leased', fence = fence + 1, owner = $2, lease_until = $3, due_at = NULL,
        updated_at = $4
    WHERE id IN (SELECT value FROM json_each($1)) RETURNING id, fence";

async fn lease(
    connection: &mut SqliteConnection,
    ids: &str,
    owner: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Found<HashMap<i64, i64>> {
    let query = sqlx::query_as(LEASE).bind(ids).bind(owner).bind(until.timestamp()).bind(now.timestamp());
    let leased: Vec<(i64, i64)> = query.fetch_all(connection).await?;
    Ok(leased.into_iter().collect())
}

const PUT_ON_WIRE: &str = concat!(
    "UPDATE notice SET state = 'on_wire', updated_at = $4
    WHERE id = $1 AND fence = $2 AND +state = 'leased' AND owner = $3 AND +lease_until > $4
        AND (SELECT ",
    gone!(),
    " IS NULL FROM notice n LEFT JOIN subscriber s ON s.id = n.subscriber_id WHERE n.id = notice.id)"
);

async fn put_on_wire(connection: &mut SqliteConnection, hold: Hold, owner: &str, now: DateTime<Utc>) -> Found<bool> {
    let query = sqlx::query(PUT_ON_WIRE).bind(hold.notice).bind(hold.fence).bind(owner).bind(now.timestamp());
    Ok(query.execute(connection).await?.rows_affected() == 1)
}

const WHY_GONE: &str = concat!(
    "SELECT ",
    gone!(),
    " FROM notice n LEFT JOIN subscriber s ON s.id = n.subscriber_id
    WHERE n.id = $1 AND n.fence = $2 AND +n.state = 'leased' AND n.owner = $3 AND +n.lease_until > $4"
);

/// Why a notice that this worker still holds is not to be sent any more.
async fn why_gone(
    connection: &mut SqliteConnection,
    hold: Hold,
    owner: &str,
    now: DateTime<Utc>,
) -> Found<Option<String>> {
    let query = sqlx::query_scalar(WHY_GONE).bind(hold.notice).bind(hold.fence).bind(owner).bind(now.timestamp());
    Ok(query.fetch_optional(connection).await?.flatten())
}

const RECORD: &str = "UPDATE notice SET state = $3, code = $4, reply = $5, reason = $6, due_at = $7,
        attempts = attempts + ($3 <> 'planned' AND state <> 'uncertain'), owner = NULL, lease_until = NULL,
        updated_at = $8, letter = CASE WHEN $3 <> 'accepted' THEN letter END
    WHERE id = $1 AND fence = $2
        AND (+state IN ('leased', 'on_wire') OR +state = 'uncertain' AND $3 <> 'uncertain')
    RETURNING subscriber_id";

/// What may be told of a notice by whoever holds its fence: anything while it is leased or on the wire; how it ended when it
/// is uncertain, because the lease ran out meanwhile. Returns whose it is, where it was this worker's to say.
async fn record(connection: &mut SqliteConnection, concluded: &Concluded, now: DateTime<Utc>) -> Found<Option<i64>> {
    sqlx::query_scalar(RECORD)
        .bind(concluded.hold.notice)
        .bind(concluded.hold.fence)
        .bind(concluded.state.word())
        .bind(concluded.code)
        .bind(&concluded.reply)
        .bind(concluded.reason)
        .bind(concluded.due_at.map(|at| at.timestamp()))
        .bind(now.timestamp())
        .fetch_optional(connection)
        .await
}

const HOLD_ON: &str =
    "UPDATE notice SET lease_until = $2 WHERE lease_until > 0 AND owner = $1 AND +state IN ('leased', 'on_wire')";
const PUT_BACK: &str = "UPDATE notice SET state = 'planned', owner = NULL, lease_until = NULL, updated_at = $2
    WHERE lease_until > 0 AND owner = $1 AND +state = 'leased'";
const PLAN_AGAIN: &str = "UPDATE notice SET state = 'planned', owner = NULL, lease_until = NULL, updated_at = $1
    WHERE lease_until > 0 AND +state = 'leased'
        AND (+lease_until <= $1 OR owner IN (SELECT value FROM json_each($2)))";
const LEAVE_UNCERTAIN: &str = "UPDATE notice SET state = 'uncertain', reason = 'interrupted', attempts = attempts + 1,
        owner = NULL, lease_until = NULL, updated_at = $1
    WHERE lease_until > 0 AND +state = 'on_wire'
        AND (+lease_until <= $1 OR owner IN (SELECT value FROM json_each($2)))";
const HOLDERS: &str = "SELECT DISTINCT owner FROM notice WHERE lease_until > 0 ORDER BY owner";
const NEXT_NOTICE: &str = "SELECT min(at) FROM (
    SELECT $1 AS at WHERE EXISTS (SELECT 1 FROM notice WHERE state = 'planned')
    UNION ALL SELECT min(due_at) FROM notice WHERE state = 'deferred'
    UNION ALL SELECT min(lease_until) FROM notice WHERE lease_until > 0)";

async fn notices(connection: &mut SqliteConnection, which: &Which) -> Found<Vec<SqliteRow>> {
    let states: Vec<&str> = which.states.iter().map(|state| state.word()).collect();
    let sql = "SELECT id, subscriber_id, kind, mailbox, state, attempts, code, reply, reason, due_at, settled_at,
            created_at, updated_at
        FROM notice
        WHERE ($1 IS NULL OR subscriber_id IN (SELECT id FROM subscriber WHERE address = $1))
            AND ($2 = '[]' OR state IN (SELECT value FROM json_each($2))) AND id > $3
        ORDER BY id LIMIT $4";
    sqlx::query(sql)
        .bind(&which.address)
        .bind(json!(states).to_string())
        .bind(which.after)
        .bind(which.limit)
        .fetch_all(connection)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::block_on;

    #[test]
    fn no_statement_looks_at_all_notices() {
        let run = async {
            let dir = tempfile::tempdir().expect("a folder");
            let store = Sqlite::open(&dir.path().join("tidings.db"), "tidings.db").await.expect("a store");
            let (held, by_state, one) =
                ("INDEX notice_held (lease_until>?)", "INDEX notice_by_state (state=?", "PRIMARY KEY (rowid=?)");
            for (sql, want) in [
                (OFFERED, vec![by_state]),
                (OFFERED_AGAIN, vec![by_state]),
                (SKIP, vec![one]),
                (LEASE, vec![one]),
                (PUT_ON_WIRE, vec![one, one]),
                (WHY_GONE, vec![one]),
                (RECORD, vec![one]),
                (HOLD_ON, vec![held]),
                (PUT_BACK, vec![held]),
                (PLAN_AGAIN, vec![held]),
                (LEAVE_UNCERTAIN, vec![held]),
                (HOLDERS, vec![held]),
                (NEXT_NOTICE, vec![by_state, by_state, held]),
            ] {
                let explain = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
                let rows = explain.fetch_all(&store.pool).await.expect("a plan");
                let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
                let is_of_notices = |step: &&String| step.contains(" notice") || step.contains(" n ");
                let looks: Vec<&String> = plan.iter().filter(is_of_notices).collect();
                let is_same =
                    looks.len() == want.len() && looks.iter().zip(&want).all(|(look, want)| look.contains(want));
                assert!(is_same, "{sql}\n{plan:#?}");
                assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE") && sql != HOLDERS), "{sql}\n{plan:#?}");
            }
        };
        block_on(run).expect("a runtime");
    }
}
