//! Issues in SQLite. The statements of freezing are in `freezing`.

use super::freezing::{
    Whose, by_choice, by_domain, chunk, clear, drop_choices, drop_issue, freezer, is_freezer, make_visible, plan_chunk,
    planned, prolong, put_choice, put_freezing, put_variant, unknown_choices, without_mail,
};
use super::{Found, Sqlite, admit, carry, keep_the_log_short, last, let_the_log_grow, pass, state_of, unusable};
use crate::digest::history::Record;
use crate::schedule::Period;
use crate::store::issues::{Audience, Finished, Forecast, Frozen, Issues, Planned, Step, Variant};
use crate::store::{Fault, StoreError};
use chrono::{DateTime, Utc};
use sqlx::{Connection as _, Row as _, SqliteConnection, sqlite::SqliteRow};

impl Issues for Sqlite {
    async fn begin_freezing(
        &self,
        record: &Record,
        owner: &str,
        dead: &[String],
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<i64>, StoreError> {
        let mut transaction = self.write().await?;
        let (digest, period) = (record.digest.as_str(), record.period.name.as_str());
        let known = state_of(&mut transaction, digest, period).await.map_err(|err| self.fault(err))?;
        let known = known.map(|word| self.state(&word)).transpose()?;
        admit(record, known, last(&mut transaction, digest).await.map_err(|err| self.fault(err))?)?;
        let begun = async {
            let other = freezer(&mut transaction, digest, period, now.timestamp()).await?;
            if other.is_some_and(|other| other != owner && !dead.contains(&other)) {
                return Ok(None);
            }
            let id = put_freezing(&mut transaction, record, owner, now, until).await?;
            clear(&mut transaction, id).await?;
            Ok(Some(id))
        };
        let begun = begun.await.map_err(|err| self.fault(err))?;
        transaction.commit().await.map_err(|err| self.fault(err))?;
        Ok(begun)
    }

    async fn freezers(&self) -> Result<Vec<String>, StoreError> {
        let sql =
            "SELECT DISTINCT freezing_by FROM issue WHERE state = 'freezing' AND freezing_by IS NOT NULL ORDER BY 1";
        sqlx::query_scalar(sql).fetch_all(&self.pool).await.map_err(|err| self.fault(err))
    }

    async fn add_variants(
        &self,
        issue: i64,
        owner: &str,
        variants: &[Variant],
        choices: &[(String, Option<i64>)],
    ) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        let added = async {
            if !is_freezer(&mut transaction, issue, owner).await? {
                return Ok(false);
            }
            for variant in variants {
                put_variant(&mut transaction, issue, variant).await?;
            }
            for (choice, variant) in choices {
                put_choice(&mut transaction, issue, choice, *variant).await?;
            }
            Ok(true)
        };
        if !added.await.map_err(|err| self.fault(err))? {
            return Err(self.lost(&mut transaction, issue).await);
        }
        transaction.commit().await.map_err(|err| self.fault(err))
    }

    async fn plan(&self, step: Step<'_>, audience: &Audience) -> Result<Planned, StoreError> {
        let mut connection = self.writer.acquire().await.map_err(|err| self.fault(err))?;
        let_the_log_grow(&mut connection).await.map_err(|err| self.fault(err))?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|err| self.fault(err))?;
        let digests = serde_json::Value::from(audience.digests.clone()).to_string();
        let addresses = serde_json::Value::from(audience.addresses.clone()).to_string();
        let done = async {
            if !prolong(&mut transaction, &step).await? {
                return Ok(None);
            }
            let Some(upto) = chunk(&mut transaction, &step, &audience.digests, &addresses).await? else {
                return Ok(Some(Planned::All));
            };
            let unknown = unknown_choices(&mut transaction, &step, upto, &digests, &addresses).await?;
            if !unknown.is_empty() {
                return Ok(Some(Planned::Unknown(unknown)));
            }
            plan_chunk(&mut transaction, &step, upto, &digests, &addresses).await?;
            let rows = planned(&mut transaction, &step, upto).await?;
            let rows = serde_json::from_str(&rows).map_err(|err| sqlx::Error::Decode(err.into()))?;
            Ok(Some(Planned::Some { rows, last: upto }))
        };
        let Some(done) = done.await.map_err(|err| self.fault(err))? else {
            return Err(self.lost(&mut transaction, step.issue).await);
        };
        transaction.commit().await.map_err(|err| self.fault(err))?;
        Ok(done)
    }

    async fn forecast(&self, digest: &str, audience: &Audience, at: DateTime<Utc>) -> Result<Forecast, StoreError> {
        let digests = serde_json::Value::from(audience.digests.clone()).to_string();
        let addresses = serde_json::Value::from(audience.addresses.clone()).to_string();
        let read = async {
            let mut transaction = self.pool.begin().await?;
            let whose = Whose { digests: &digests, addresses: &addresses, digest, at: at.timestamp() };
            let by_choice = by_choice(&mut transaction, whose).await?;
            let (suppressed, paused) = without_mail(&mut transaction, whose).await?;
            let domains = by_domain(&mut transaction, whose).await?;
            Ok((by_choice, suppressed, paused, domains))
        };
        let (by_choice, suppressed, paused, domains) = read.await.map_err(|err| self.fault(err))?;
        let counted = |rows: Vec<(String, i64)>| rows.into_iter().map(|(name, n)| (name, n.unsigned_abs())).collect();
        Ok(Forecast {
            by_choice: counted(by_choice),
            suppressed: suppressed.unsigned_abs(),
            paused: paused.unsigned_abs(),
            domains: counted(domains),
        })
    }

    async fn finish_freezing(&self, finished: &Finished<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        let record = finished.record;
        let (digest, period) = (record.digest.as_str(), record.period.name.as_str());
        if !is_freezer(&mut transaction, finished.issue, finished.owner).await.map_err(|err| self.fault(err))? {
            return Err(self.lost(&mut transaction, finished.issue).await);
        }
        admit(record, None, last(&mut transaction, digest).await.map_err(|err| self.fault(err))?)?;
        let write = async {
            for (position, entry_id) in (0..).zip(&record.carried) {
                if !carry(&mut transaction, digest, period, entry_id, position).await? {
                    return Ok(Some(entry_id.clone()));
                }
            }
            for entry_id in &record.passed {
                pass(&mut transaction, digest, period, entry_id).await?;
            }
            make_visible(&mut transaction, finished, now).await?;
            drop_choices(&mut transaction, finished.issue).await?;
            Ok(None)
        };
        if let Some(entry_id) = write.await.map_err(|err| self.fault(err))? {
            return Err(StoreError::Twice { digest: digest.to_owned(), period: period.to_owned(), entry_id });
        }
        transaction.commit().await.map_err(|err| self.fault(err))?;
        // It stands already, whatever comes of this.
        if let Ok(mut connection) = self.writer.acquire().await {
            let _ = keep_the_log_short(&mut connection).await;
        }
        Ok(())
    }

    async fn drop_freezing(&self, issue: i64, owner: &str) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        let dropped = async {
            if is_freezer(&mut transaction, issue, owner).await? {
                clear(&mut transaction, issue).await?;
                drop_issue(&mut transaction, issue).await?;
            }
            Ok(())
        };
        dropped.await.map_err(|err| self.fault(err))?;
        transaction.commit().await.map_err(|err| self.fault(err))
    }

    async fn frozen(&self, digests: &[&str]) -> Result<Vec<Frozen>, StoreError> {
        let names = serde_json::Value::from(digests).to_string();
        let mut connection = self.pool.acquire().await.map_err(|err| self.fault(err))?;
        let rows = frozen(&mut connection, &names).await.map_err(|err| self.fault(err))?;
        rows.iter().map(|row| self.frozen_of(row)).collect()
    }

    async fn name(&self, issue: i64) -> Result<Option<(String, String)>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|err| self.fault(err))?;
        name_of(&mut connection, issue).await.map_err(|err| self.fault(err))
    }

    async fn variants(&self, issue: i64) -> Result<Vec<Variant>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|err| self.fault(err))?;
        let rows = variants(&mut connection, issue).await.map_err(|err| self.fault(err))?;
        let variant = |(number, subject, preheader, html, text, entries): VariantRow| {
            let entries = serde_json::from_str(&entries).map_err(|err| self.damaged(err))?;
            Ok(Variant { number, subject, preheader, html, text, entries })
        };
        rows.into_iter().map(variant).collect()
    }

    async fn approve(&self, issue: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
        let sql = "UPDATE issue SET approved_at = coalesce(approved_at, $2) WHERE id = $1";
        let done = sqlx::query(sql).bind(issue).bind(now.timestamp()).execute(&self.writer).await;
        done.map(drop).map_err(|err| self.fault(err))
    }

    async fn pause(&self, issue: i64, reason: Option<&str>) -> Result<(), StoreError> {
        let sql = "UPDATE issue SET paused = $2 WHERE id = $1 AND ($2 IS NULL OR done_at IS NULL)";
        let done = sqlx::query(sql).bind(issue).bind(reason).execute(&self.writer).await;
        done.map(drop).map_err(|err| self.fault(err))
    }

    async fn is_held(&self, issue: i64) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM issue WHERE id = $1 AND (paused IS NOT NULL OR cancelled_at IS NOT NULL)";
        let held: i64 =
            sqlx::query_scalar(sql).bind(issue).fetch_one(&self.pool).await.map_err(|err| self.fault(err))?;
        Ok(held > 0)
    }

    async fn take_over(&self, digest: &str, formerly: &[String], now: DateTime<Utc>) -> Result<(), StoreError> {
        let sql = "INSERT INTO subscription (digest, subscriber_id, state, changed_at)
            SELECT DISTINCT $1, subscriber_id, 'ended', $3 FROM subscription
            WHERE digest IN (SELECT value FROM json_each($2)) AND state = 'ended'
            ON CONFLICT (digest, subscriber_id) DO NOTHING";
        let names = serde_json::Value::from(formerly.to_vec()).to_string();
        let done = sqlx::query(sql).bind(digest).bind(names).bind(now.timestamp()).execute(&self.writer).await;
        done.map(drop).map_err(|err| self.fault(err))
    }

    async fn change_transport(&self, issue: i64, transport: &str) -> Result<(), StoreError> {
        let sql = "UPDATE issue SET transport = $2 WHERE id = $1";
        let done = sqlx::query(sql).bind(issue).bind(transport).execute(&self.writer).await;
        done.map(drop).map_err(|err| self.fault(err))
    }

    async fn cancel(&self, issue: i64, now: DateTime<Utc>) -> Result<(u64, bool), StoreError> {
        let mut transaction = self.write().await?;
        let cancelled = async {
            if is_done(&mut transaction, issue).await? {
                return Ok((0, false));
            }
            let cancelled = cancel_deliveries(&mut transaction, issue, now).await?;
            let is_free = !has_begun(&mut transaction, issue).await?;
            if is_free {
                free_posts(&mut transaction, issue).await?;
            }
            close_issue(&mut transaction, issue, is_free, now).await?;
            Ok((cancelled, is_free))
        };
        let cancelled = cancelled.await.map_err(|err| self.fault(err))?;
        transaction.commit().await.map_err(|err| self.fault(err))?;
        Ok(cancelled)
    }

    async fn finish(&self, issue: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
        let sql = "UPDATE issue SET done_at = $2 WHERE id = $1 AND done_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM delivery WHERE issue_id = $1 AND state IN ('planned', 'leased', 'on_wire', 'deferred'))";
        let done = sqlx::query(sql).bind(issue).bind(now.timestamp()).execute(&self.writer).await;
        done.map(drop).map_err(|err| self.fault(err))
    }

    async fn fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        let found = sqlx::query_scalar("SELECT value FROM fact WHERE name = $1").bind(name);
        found.fetch_optional(&self.pool).await.map_err(|err| self.fault(err))
    }

    async fn put_fact(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO fact (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        let done = sqlx::query(sql).bind(name).bind(value).execute(&self.writer).await;
        done.map(drop).map_err(|err| self.fault(err))
    }
}

impl Sqlite {
    /// Why a freezing that is no longer this run's cannot go on.
    async fn lost(&self, connection: &mut SqliteConnection, issue: i64) -> StoreError {
        match name_of(connection, issue).await {
            Ok(Some((digest, period))) => StoreError::Lost { digest, period },
            Ok(None) => StoreError::Lost { digest: "issue".into(), period: issue.to_string() },
            Err(err) => self.fault(err),
        }
    }

    fn damaged(&self, err: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        unusable(&self.name, Fault::Damaged, Some(Box::new(err)))
    }

    fn frozen_of(&self, row: &SqliteRow) -> Result<Frozen, StoreError> {
        let read = || -> Found<Option<Frozen>> {
            let moment = |seconds: i64| DateTime::from_timestamp(seconds, 0);
            let maybe = |seconds: Option<i64>| seconds.and_then(moment);
            let (starts_at, cutoff) = (moment(row.try_get("starts_at")?), moment(row.try_get("cutoff_at")?));
            let frozen_at = maybe(row.try_get("frozen_at")?);
            let (Some(starts_at), Some(cutoff), Some(frozen_at)) = (starts_at, cutoff, frozen_at) else {
                return Ok(None);
            };
            let candidates: i64 = row.try_get("candidates")?;
            let cancelled_at: Option<i64> = row.try_get("cancelled_at")?;
            Ok(Some(Frozen {
                id: row.try_get("id")?,
                digest: row.try_get("digest")?,
                period: Period { name: row.try_get("period")?, cutoff, starts_at },
                head: row.try_get("head")?,
                content_hash: row.try_get("content_hash")?,
                audience_hash: row.try_get("audience_hash")?,
                transport: row.try_get("transport")?,
                frozen_at,
                candidates: candidates.unsigned_abs(),
                approved_at: maybe(row.try_get("approved_at")?),
                paused: row.try_get("paused")?,
                done_at: maybe(row.try_get("done_at")?),
                is_cancelled: cancelled_at.is_some(),
            }))
        };
        read().map_err(|err| self.fault(err))?.ok_or_else(|| unusable(&self.name, Fault::Damaged, None))
    }
}

async fn frozen(connection: &mut SqliteConnection, names: &str) -> Found<Vec<SqliteRow>> {
    let sql = "SELECT id, digest, period, starts_at, cutoff_at, frozen_at, head, content_hash, audience_hash,
            transport, candidates, approved_at, paused, done_at, cancelled_at
        FROM issue
        WHERE frozen_at IS NOT NULL AND state IN ('frozen', 'cancelled')
            AND ($1 = '[]' OR digest IN (SELECT value FROM json_each($1)))
        ORDER BY cutoff_at, digest, period";
    sqlx::query(sql).bind(names).fetch_all(connection).await
}

type VariantRow = (i64, String, String, String, String, String);

async fn variants(connection: &mut SqliteConnection, issue: i64) -> Found<Vec<VariantRow>> {
    let sql = "SELECT number, subject, preheader, html, text, entries FROM variant WHERE issue_id = $1 ORDER BY number";
    sqlx::query_as(sql).bind(issue).fetch_all(connection).await
}

async fn name_of(connection: &mut SqliteConnection, issue: i64) -> Found<Option<(String, String)>> {
    sqlx::query_as("SELECT digest, period FROM issue WHERE id = $1").bind(issue).fetch_optional(connection).await
}

/// Takes back what no server has been offered. What a worker holds is taken from it; what is on the wire is left to it.
async fn cancel_deliveries(connection: &mut SqliteConnection, issue: i64, now: DateTime<Utc>) -> Found<u64> {
    let sql = "UPDATE delivery SET state = 'cancelled', fence = fence + 1, owner = NULL, lease_until = NULL,
            due_at = NULL, updated_at = $2
        WHERE issue_id = $1 AND state IN ('planned', 'leased', 'deferred')";
    Ok(sqlx::query(sql).bind(issue).bind(now.timestamp()).execute(connection).await?.rows_affected())
}

/// Whether a mail of an issue has gone out, or may have.
async fn has_begun(connection: &mut SqliteConnection, issue: i64) -> Found<bool> {
    let sql =
        "SELECT EXISTS (SELECT 1 FROM delivery WHERE issue_id = $1 AND state IN ('accepted', 'on_wire', 'uncertain'))";
    sqlx::query_scalar(sql).bind(issue).fetch_one(connection).await
}

async fn free_posts(connection: &mut SqliteConnection, issue: i64) -> Found<()> {
    let sql = "DELETE FROM carried WHERE (digest, period) IN (SELECT digest, period FROM issue WHERE id = $1)";
    sqlx::query(sql).bind(issue).execute(connection).await.map(drop)
}

async fn close_issue(connection: &mut SqliteConnection, issue: i64, is_free: bool, now: DateTime<Utc>) -> Found<()> {
    let sql = "UPDATE issue SET done_at = coalesce(done_at, $2), cancelled_at = coalesce(cancelled_at, $2),
            paused = NULL, state = CASE WHEN $3 THEN 'cancelled' ELSE state END WHERE id = $1";
    sqlx::query(sql).bind(issue).bind(now.timestamp()).bind(is_free).execute(connection).await.map(drop)
}

async fn is_done(connection: &mut SqliteConnection, issue: i64) -> Found<bool> {
    let sql = "SELECT count(*) FROM issue WHERE id = $1 AND done_at IS NOT NULL";
    let done: i64 = sqlx::query_scalar(sql).bind(issue).fetch_one(connection).await?;
    Ok(done > 0)
}
