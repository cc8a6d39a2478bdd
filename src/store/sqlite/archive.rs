//! The archive in SQLite.

use super::{Found, Sqlite, unusable};
use crate::schedule::Period;
use crate::store::archive::{Archive, Listed, Page};
use crate::store::{Fault, StoreError};
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

impl Archive for Sqlite {
    async fn listed(&self) -> Result<Vec<Listed>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|err| self.fault(err))?;
        let rows = listed(&mut connection).await.map_err(|err| self.fault(err))?;
        let read = |row: &SqliteRow| {
            let listed = listed_of(row).map_err(|err| self.fault(err))?;
            listed.ok_or_else(|| unusable(&self.name, Fault::Damaged, None))
        };
        rows.iter().map(read).collect()
    }

    async fn page(&self, issue: i64) -> Result<Option<Page>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|err| self.fault(err))?;
        let found = page(&mut connection, issue).await.map_err(|err| self.fault(err))?;
        found.map(|row| self.page_of(row)).transpose()
    }

    async fn shown(&self, digest: &str, period: &str) -> Result<Option<Page>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|err| self.fault(err))?;
        let found = shown(&mut connection, digest, period).await.map_err(|err| self.fault(err))?;
        found.map(|row| self.page_of(row)).transpose()
    }

    async fn put_page(&self, issue: i64, before: &Page, page: &Page, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut transaction = self.write().await?;
        let put = put_page(&mut transaction, issue, before, page, now).await.map_err(|err| self.fault(err))?;
        transaction.commit().await.map_err(|err| self.fault(err))?;
        Ok(put)
    }
}

impl Sqlite {
    fn page_of(&self, (html, view, redacted): PageRow) -> Result<Page, StoreError> {
        let redacted = redacted.as_deref().map(serde_json::from_str).transpose();
        let redacted = redacted.map_err(|err| unusable(&self.name, Fault::Damaged, Some(Box::new(err))))?;
        Ok(Page { html, view, redacted: redacted.unwrap_or_default() })
    }
}

fn listed_of(row: &SqliteRow) -> Found<Option<Listed>> {
    let moment = |seconds: i64| DateTime::from_timestamp(seconds, 0);
    let (starts_at, cutoff) = (moment(row.try_get("starts_at")?), moment(row.try_get("cutoff_at")?));
    let (Some(starts_at), Some(cutoff)) = (starts_at, cutoff) else { return Ok(None) };
    let posts: i64 = row.try_get("posts")?;
    let redacted_at: Option<i64> = row.try_get("redacted_at")?;
    Ok(Some(Listed {
        id: row.try_get("id")?,
        digest: row.try_get("digest")?,
        period: Period { name: row.try_get("period")?, cutoff, starts_at },
        subject: row.try_get("subject")?,
        preheader: row.try_get("preheader")?,
        posts: usize::try_from(posts).unwrap_or_default(),
        redacted_at: redacted_at.and_then(moment),
        is_shown: row.try_get("is_shown")?,
    }))
}

/// The subject is that of the page, which says less than that of the mail once a post was taken out.
async fn listed(connection: &mut SqliteConnection) -> Found<Vec<SqliteRow>> {
    let sql = "SELECT i.id, i.digest, i.period, i.starts_at, i.cutoff_at, i.redacted_at,
            coalesce(json_extract(i.view, '$.subject'), v.subject, '') AS subject,
            coalesce(json_extract(i.view, '$.preheader'), v.preheader, '') AS preheader,
            (SELECT count(*) FROM json_each(v.entries) e WHERE e.value NOT IN
                (SELECT json_extract(r.value, '$[0]') FROM json_each(coalesce(i.redacted, '[]')) r)) AS posts,
            i.state = 'frozen' AND i.approved_at IS NOT NULL AND i.page IS NOT NULL AS is_shown
        FROM issue i LEFT JOIN variant v ON v.issue_id = i.id AND v.number = 0
        WHERE i.frozen_at IS NOT NULL AND i.state IN ('frozen', 'cancelled')
        ORDER BY i.cutoff_at DESC, i.digest, i.period DESC";
    sqlx::query(sql).fetch_all(connection).await
}

type PageRow = (String, Option<String>, Option<String>);

async fn page(connection: &mut SqliteConnection, issue: i64) -> Found<Option<PageRow>> {
    let sql = "SELECT page, view, redacted FROM issue WHERE id = $1 AND page IS NOT NULL AND frozen_at IS NOT NULL";
    sqlx::query_as(sql).bind(issue).fetch_optional(connection).await
}

/// What may be shown is as in `listed`; digest and period are unique.
async fn shown(connection: &mut SqliteConnection, digest: &str, period: &str) -> Found<Option<PageRow>> {
    let sql = "SELECT page, view, redacted FROM issue
        WHERE digest = $1 AND period = $2 AND +state = 'frozen' AND frozen_at IS NOT NULL
            AND approved_at IS NOT NULL AND page IS NOT NULL";
    sqlx::query_as(sql).bind(digest).bind(period).fetch_optional(connection).await
}

async fn put_page(
    connection: &mut SqliteConnection,
    issue: i64,
    before: &Page,
    page: &Page,
    now: DateTime<Utc>,
) -> Found<bool> {
    let sql = "UPDATE issue SET page = $2, view = $3, redacted = $4, redacted_at = $5
        WHERE id = $1 AND page = $6 AND view IS $7";
    let done = sqlx::query(sql)
        .bind(issue)
        .bind(&page.html)
        .bind(&page.view)
        .bind(serde_json::Value::from_iter(page.redacted.clone()).to_string())
        .bind(now.timestamp())
        .bind(&before.html)
        .bind(&before.view)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}
