//! The ledger in SQLite. Groups of rows travel as one JSON text, so that each step is one statement however many rows it
//! is about. What workers do with rows is in `claims`.

use super::claims::{
    NEXT_DUE, OWNERS, RELEASE, RENEW, answer_all, cancelled, claim_some, leave_uncertain, plan_again, record_all,
    reopen, step_all,
};
use super::deliveries::{TOTALS, deliveries};
use super::{Found, Sqlite, unusable};
use crate::store::ledger::{
    Attempt, Claim, Claimed, Delivery, Ended, Leave, Ledger, State, Stepped, Ticket, Totals, Verdict, Wanted,
};
use crate::store::{Fault, StoreError};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{Row as _, sqlite::SqliteRow};

impl Ledger for Sqlite {
    async fn claim(&self, claim: Claim<'_>) -> Result<Vec<Claimed>, StoreError> {
        loop {
            let mut transaction = self.write().await?;
            let (claimed, skipped) = claim_some(&mut transaction, &claim).await.map_err(|err| self.fault(err))?;
            transaction.commit().await.map_err(|err| self.fault(err))?;
            // Where all who came up have left, somebody who has not may come after them.
            if !claimed.is_empty() || skipped == 0 {
                return Ok(claimed);
            }
        }
    }

    async fn step(
        &self,
        ended: &[Ended],
        asked: &[Ticket],
        owner: &str,
        now: DateTime<Utc>,
    ) -> Result<Stepped, StoreError> {
        let mut transaction = self.write().await?;
        if step_all(&mut transaction, ended, asked, owner, now).await.map_err(|err| self.fault(err))? {
            transaction.commit().await.map_err(|err| self.fault(err))?;
            return Ok(Stepped { recorded: vec![true; ended.len()], leave: vec![Leave::Given; asked.len()] });
        }
        transaction.rollback().await.map_err(|err| self.fault(err))?;
        let mut transaction = self.write().await?;
        let stepped = async {
            let recorded = record_all(&mut transaction, ended, owner, now).await?;
            let leave = answer_all(&mut transaction, asked, owner, now).await?;
            Ok(Stepped { recorded, leave })
        };
        let stepped = stepped.await.map_err(|err| self.fault(err))?;
        transaction.commit().await.map_err(|err| self.fault(err))?;
        Ok(stepped)
    }

    async fn renew(&self, owner: &str, until: DateTime<Utc>) -> Result<(), StoreError> {
        self.changed(sqlx::query(RENEW).bind(owner).bind(until.timestamp())).await.map(drop)
    }

    async fn release(&self, owner: &str, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.changed(sqlx::query(RELEASE).bind(owner).bind(now.timestamp())).await
    }

    async fn recover(&self, issue: i64, now: DateTime<Utc>, dead: &[String]) -> Result<u64, StoreError> {
        let (dead, now) = (json!(dead).to_string(), now.timestamp());
        let mut transaction = self.write().await?;
        let recovered = async {
            if plan_again(&mut transaction, issue, now, &dead).await? > 0 {
                reopen(&mut transaction, issue).await?;
            }
            leave_uncertain(&mut transaction, issue, now, &dead).await
        };
        let recovered = recovered.await.map_err(|err| self.fault(err))?;
        transaction.commit().await.map_err(|err| self.fault(err))?;
        Ok(recovered)
    }

    async fn owners(&self, issue: i64) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(OWNERS).bind(issue).fetch_all(&self.pool).await.map_err(|err| self.fault(err))
    }

    async fn expire(&self, issue: i64, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let sql = "UPDATE delivery SET state = 'rejected', reason = 'expired', due_at = NULL, updated_at = $2
            WHERE issue_id = $1 AND state = 'deferred'";
        self.changed(sqlx::query(sql).bind(issue).bind(now.timestamp())).await
    }

    async fn resend_uncertain(&self, issue: i64, now: DateTime<Utc>) -> Result<u64, StoreError> {
        match self.resolve(issue, None, Verdict::NotSent, now).await {
            // It was taken back a moment ago.
            Err(StoreError::Cancelled { .. }) => Ok(0),
            done => done,
        }
    }

    async fn totals(&self, issue: i64) -> Result<Totals, StoreError> {
        self.totals_by(TOTALS, issue).await
    }

    async fn counted(&self, issue: i64) -> Result<Totals, StoreError> {
        self.totals_by("SELECT state, count(*) FROM delivery WHERE issue_id = $1 GROUP BY state", issue).await
    }

    async fn next_due(&self, issue: i64) -> Result<Option<DateTime<Utc>>, StoreError> {
        let at: Option<i64> =
            sqlx::query_scalar(NEXT_DUE).bind(issue).fetch_one(&self.pool).await.map_err(|err| self.fault(err))?;
        Ok(at.and_then(|at| DateTime::from_timestamp(at, 0)))
    }

    async fn accepted_since(&self, since: DateTime<Utc>) -> Result<u64, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM delivery WHERE state = 'accepted' AND updated_at >= $1
                AND issue_id IN (SELECT id FROM issue WHERE done_at IS NULL OR done_at >= $1))
            + (SELECT count(*) FROM notice WHERE state = 'accepted' AND updated_at >= $1)";
        let count: i64 = sqlx::query_scalar(sql)
            .bind(since.timestamp())
            .fetch_one(&self.pool)
            .await
            .map_err(|err| self.fault(err))?;
        Ok(count.unsigned_abs())
    }

    async fn deliveries(&self, wanted: &Wanted) -> Result<Vec<Delivery>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|err| self.fault(err))?;
        let rows = deliveries(&mut connection, wanted).await.map_err(|err| self.fault(err))?;
        rows.iter().map(|row| self.delivery_of(row)).collect()
    }

    async fn attempts(&self, issue: i64, subscriber: i64) -> Result<Vec<Attempt>, StoreError> {
        let sql = "SELECT number, at, worker, phase, code, reply FROM attempt
            WHERE issue_id = $1 AND subscriber_id = $2 ORDER BY number";
        let rows: Vec<(u32, i64, String, String, Option<u16>, String)> = sqlx::query_as(sql)
            .bind(issue)
            .bind(subscriber)
            .fetch_all(&self.pool)
            .await
            .map_err(|err| self.fault(err))?;
        let attempt = |(number, at, worker, phase, code, reply)| {
            let at = DateTime::from_timestamp(at, 0).ok_or_else(|| unusable(&self.name, Fault::Damaged, None))?;
            Ok(Attempt { number, at, worker, phase, code, reply })
        };
        rows.into_iter().map(attempt).collect()
    }

    async fn resolve(
        &self,
        issue: i64,
        subscriber: Option<i64>,
        verdict: Verdict,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        // Nobody looks any more at what a killed run left on the wire of an issue that was taken back.
        self.recover(issue, now, &[]).await?;
        let (state, reason) = match verdict {
            Verdict::Accepted => ("accepted", Some("resolved")),
            Verdict::NotSent => ("planned", None),
        };
        // The fence goes up: whoever still holds the row from before has nothing more to say.
        let sql = "UPDATE delivery SET state = $3, reason = $4, fence = fence + 1, owner = NULL, lease_until = NULL,
                updated_at = $5
            WHERE issue_id = $1 AND state = 'uncertain' AND ($2 IS NULL OR subscriber_id = $2)";
        let query = sqlx::query(sql).bind(issue).bind(subscriber).bind(state).bind(reason).bind(now.timestamp());
        match verdict {
            Verdict::Accepted => self.changed(query).await,
            Verdict::NotSent => self.plan_by_hand(issue, query).await,
        }
    }

    async fn retry(&self, issue: i64, subscriber: Option<i64>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let sql = "UPDATE delivery SET state = 'planned', reason = NULL, fence = fence + 1, owner = NULL,
                lease_until = NULL, due_at = NULL, updated_at = $3
            WHERE issue_id = $1 AND state IN ('rejected', 'deferred') AND mailbox <> ''
                AND ($2 IS NULL OR subscriber_id = $2)";
        self.plan_by_hand(issue, sqlx::query(sql).bind(issue).bind(subscriber).bind(now.timestamp())).await
    }
}

impl Sqlite {
    async fn totals_by(&self, counts: &'static str, issue: i64) -> Result<Totals, StoreError> {
        let read = async {
            let mut transaction = self.pool.begin().await?;
            let candidates: Option<i64> = sqlx::query_scalar("SELECT candidates FROM issue WHERE id = $1")
                .bind(issue)
                .fetch_optional(&mut *transaction)
                .await?
                .flatten();
            let counts: Vec<(String, i64)> = sqlx::query_as(counts).bind(issue).fetch_all(&mut *transaction).await?;
            Ok((candidates.unwrap_or_default(), counts))
        };
        let (candidates, counts) = read.await.map_err(|err| self.fault(err))?;
        let mut known = Vec::with_capacity(counts.len());
        for (word, count) in counts {
            known.push((self.delivery_state(&word)?, count.unsigned_abs()));
        }
        Ok(Totals::new(candidates.unsigned_abs(), known))
    }

    pub(super) async fn changed(
        &self,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> Result<u64, StoreError> {
        Ok(query.execute(&self.writer).await.map_err(|err| self.fault(err))?.rows_affected())
    }

    /// Plans deliveries again, and opens their issue in the same step. Not where it was cancelled.
    async fn plan_by_hand(
        &self,
        issue: i64,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.write().await?;
        if let Some((digest, period)) = cancelled(&mut transaction, issue).await.map_err(|err| self.fault(err))? {
            return Err(StoreError::Cancelled { digest, period });
        }
        let planned = async {
            let planned = query.execute(&mut *transaction).await?.rows_affected();
            if planned > 0 {
                reopen(&mut transaction, issue).await?;
            }
            transaction.commit().await?;
            Ok(planned)
        };
        planned.await.map_err(|err| self.fault(err))
    }

    fn delivery_state(&self, word: &str) -> Result<State, StoreError> {
        State::of_word(word).ok_or_else(|| unusable(&self.name, Fault::Newer, None))
    }

    fn delivery_of(&self, row: &SqliteRow) -> Result<Delivery, StoreError> {
        let word: String = row.try_get("state").map_err(|err| self.fault(err))?;
        let state = self.delivery_state(&word)?;
        let read = || -> Found<Option<Delivery>> {
            let updated_at: i64 = row.try_get("updated_at")?;
            let due_at: Option<i64> = row.try_get("due_at")?;
            let Some(updated_at) = DateTime::from_timestamp(updated_at, 0) else { return Ok(None) };
            Ok(Some(Delivery {
                digest: row.try_get("digest")?,
                period: row.try_get("period")?,
                issue: row.try_get("issue_id")?,
                subscriber: row.try_get("subscriber_id")?,
                mailbox: row.try_get("mailbox")?,
                state,
                attempts: row.try_get("attempts")?,
                code: row.try_get("code")?,
                reply: row.try_get("reply")?,
                reason: row.try_get("reason")?,
                due_at: due_at.and_then(|at| DateTime::from_timestamp(at, 0)),
                updated_at,
            }))
        };
        read().map_err(|err| self.fault(err))?.ok_or_else(|| unusable(&self.name, Fault::Damaged, None))
    }
}
