//! The store in a file: SQLite, for everything that one machine does.
//!
//! The file is in WAL mode, so that previews can read while an issue is being frozen; whoever writes says so with the first
//! statement (`BEGIN IMMEDIATE`) and waits for the others. Each statement stands in a function of its own.

mod archive;
mod claims;
pub mod copy;
mod deliveries;
mod fault;
mod freezing;
mod issues;
mod ledger;
mod notices;
mod numbers;
mod postbox;
mod subscribers;
mod tidy;

use super::{Fault, Last, Store, StoreError, admit};
use crate::digest::history::{History, Record, RecordState};
use crate::schedule::Period;
use chrono::{DateTime, Utc};
use fault::{fault, unusable};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, SqlSafeStr as _, SqliteConnection, SqlitePool, Transaction};
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// What the header of our files says (`tidi`), set by the first migration.
const APPLICATION_ID: i64 = 0x7469_6469;

/// How long a statement waits for another program.
const PATIENCE: Duration = Duration::from_secs(5);

/// The migrations, by number.
const MIGRATIONS: [(i64, &str, &str); 5] = [
    (1, "issues", include_str!("../../migrations/sqlite/0001_issues.sql")),
    (2, "deliveries", include_str!("../../migrations/sqlite/0002_deliveries.sql")),
    (3, "archive", include_str!("../../migrations/sqlite/0003_archive.sql")),
    (4, "notices", include_str!("../../migrations/sqlite/0004_notices.sql")),
    (5, "totals", include_str!("../../migrations/sqlite/0005_totals.sql")),
];

/// A store in a file.
#[derive(Clone, Debug)]
pub struct Sqlite {
    pool: SqlitePool,
    /// The one connection that writes: whoever waits for it does so without asking the disk again and again.
    writer: SqlitePool,
    name: String,
}

impl Sqlite {
    /// Opens a file to read and write, makes it and its folder where there is none, and brings it up to date. `name` is
    /// what messages call it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unusable`]
    pub async fn open(path: &Path, name: &str) -> Result<Sqlite, StoreError> {
        if let Some(folder) = path.parent() {
            let made = std::fs::create_dir_all(folder);
            made.map_err(|err| unusable(name, Fault::CannotOpen, Some(Box::new(err))))?;
        }
        // It holds addresses: nobody but its owner reads it. One that is there stays as it is.
        use std::os::unix::fs::OpenOptionsExt as _;
        let _ = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        Sqlite::open_with(options(path, PATIENCE).create_if_missing(true), name, PATIENCE).await
    }

    /// Opens a file to read what is in it; `None` where there is no file. One from an older version is brought up to date
    /// first. A file that nobody may write to, in a folder that nobody may write to, can still be read.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unusable`]
    pub async fn open_to_read(path: &Path, name: &str) -> Result<Option<Sqlite>, StoreError> {
        match path.try_exists() {
            Ok(true) if path.is_dir() => {
                let source = std::io::Error::from(std::io::ErrorKind::IsADirectory);
                return Err(unusable(name, Fault::CannotOpen, Some(Box::new(source))));
            }
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(err) => return Err(unusable(name, Fault::CannotOpen, Some(Box::new(err)))),
        }
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE).read_only(true);
        let (store, pending) = match connect(options.clone(), name).await {
            Ok(found) => found,
            // SQLite must write beside a file in WAL mode even to read it, unless it is told that nothing will change.
            Err(StoreError::Unusable { fault: Fault::CannotOpen | Fault::ReadOnly, .. }) if !has_log(path) => {
                connect(options.immutable(true), name).await?
            }
            Err(err) => return Err(err),
        };
        if pending == 0 {
            return Ok(Some(store));
        }
        store.close().await;
        Sqlite::open(path, name).await.map(Some)
    }

    /// Writes the log back into the file and lets go of it. A store that is merely dropped loses nothing either.
    pub async fn close(self) {
        self.writer.close().await;
        self.pool.close().await;
    }

    async fn open_with(options: SqliteConnectOptions, name: &str, patience: Duration) -> Result<Sqlite, StoreError> {
        // The switch to WAL mode does not wait for others by itself; two programs may make the same file.
        let started = Instant::now();
        let (store, pending) = loop {
            match connect(options.clone(), name).await {
                Err(err) if err.is_transient() && started.elapsed() < patience => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                result => break result?,
            }
        };
        if pending > 0 {
            store.migrate().await?;
        }
        Ok(store)
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        // Nobody else migrates meanwhile, and who waited finds that nothing is left to do.
        let mut transaction = self.write().await?;
        migrator().run(&mut *transaction).await.map_err(|err| match err {
            MigrateError::Execute(err) | MigrateError::ExecuteMigration(err, _) => self.fault(err),
            MigrateError::VersionMissing(_) => unusable(&self.name, Fault::Newer, None),
            other => unusable(&self.name, Fault::Other, Some(Box::new(other))),
        })?;
        transaction.commit().await.map_err(|err| self.fault(err))
    }

    /// A transaction that writes: it waits for others first, and they for it.
    async fn write(&self) -> Result<Transaction<'static, sqlx::Sqlite>, StoreError> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(|err| self.fault(err))
    }

    fn fault(&self, err: sqlx::Error) -> StoreError {
        fault(&self.name, err)
    }
}

impl Store for Sqlite {
    async fn history(&self, names: &[&str]) -> Result<History, StoreError> {
        let names = serde_json::Value::from(names).to_string();
        let read = async {
            // One moment for all three.
            let mut transaction = self.pool.begin().await?;
            let issues = issues(&mut transaction, &names).await?;
            let carried = carried(&mut transaction, &names).await?;
            let passed = passed(&mut transaction, &names).await?;
            Ok((issues, carried, passed))
        };
        let (issues, carried, passed) = read.await.map_err(|err| self.fault(err))?;
        let mut records = Vec::with_capacity(issues.len());
        let mut places = HashMap::new();
        for (digest, name, starts_at, cutoff_at, state) in issues {
            places.insert((digest.clone(), name.clone()), records.len());
            let moment = |seconds| DateTime::from_timestamp(seconds, 0);
            let (Some(starts_at), Some(cutoff)) = (moment(starts_at), moment(cutoff_at)) else {
                return Err(unusable(&self.name, Fault::Damaged, None));
            };
            let period = Period { name, cutoff, starts_at };
            let state = self.state(&state)?;
            records.push(Record { digest, period, state, carried: Vec::new(), passed: Vec::new() });
        }
        for (digest, period, entry_id) in carried {
            if let Some(&i) = places.get(&(digest, period)) {
                records[i].carried.push(entry_id);
            }
        }
        for (digest, period, entry_id) in passed {
            if let Some(&i) = places.get(&(digest, period)) {
                records[i].passed.push(entry_id);
            }
        }
        Ok(History::new(records))
    }

    async fn record_issue(&self, record: &Record, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        let (digest, period) = (record.digest.as_str(), record.period.name.as_str());
        let known = state_of(&mut transaction, digest, period).await.map_err(|err| self.fault(err))?;
        let known = known.map(|word| self.state(&word)).transpose()?;
        admit(record, known, last(&mut transaction, digest).await.map_err(|err| self.fault(err))?)?;
        let write = async {
            let id = put_issue(&mut transaction, record, now).await?;
            if record.state != RecordState::Cancelled {
                freezing::clear(&mut transaction, id).await?;
            }
            if record.state == RecordState::Cancelled {
                free(&mut transaction, digest, period).await?;
            }
            let carried = Some(&record.carried).filter(|_| record.state == RecordState::Frozen);
            for (position, entry_id) in (0..).zip(carried.into_iter().flatten()) {
                if !carry(&mut transaction, digest, period, entry_id, position).await? {
                    return Ok(Some(entry_id.clone()));
                }
            }
            for entry_id in &record.passed {
                pass(&mut transaction, digest, period, entry_id).await?;
            }
            Ok(None)
        };
        if let Some(entry_id) = write.await.map_err(|err| self.fault(err))? {
            return Err(StoreError::Twice { digest: digest.to_owned(), period: period.to_owned(), entry_id });
        }
        transaction.commit().await.map_err(|err| self.fault(err))
    }

    async fn digests(&self) -> Result<Vec<String>, StoreError> {
        digests(&self.pool).await.map_err(|err| self.fault(err))
    }
}

impl Sqlite {
    fn state(&self, word: &str) -> Result<RecordState, StoreError> {
        let known = RecordState::ALL.into_iter().find(|state| state.word() == word);
        known.ok_or_else(|| unusable(&self.name, Fault::Newer, None))
    }
}

fn options(path: &Path, patience: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(patience)
        .journal_mode(SqliteJournalMode::Wal)
        // What is said to be remembered is on the disk.
        .synchronous(SqliteSynchronous::Full)
        // What was erased is overwritten.
        .pragma("secure_delete", "on")
        .foreign_keys(true)
}

/// A pool on a file that is ours or empty, and how many migrations are still to come.
async fn connect(options: SqliteConnectOptions, name: &str) -> Result<(Sqlite, usize), StoreError> {
    let writer = pool_of(1).connect_lazy_with(options.clone());
    let pool = pool_of(4).connect_with(options).await;
    let pool = pool.map_err(|err| fault(name, err))?;
    let store = Sqlite { pool, writer, name: name.to_owned() };
    let look = async {
        let mut connection = store.pool.acquire().await?;
        let id = application_id(&mut connection).await?;
        if tables(&mut connection).await? == 0 {
            return Ok(Some(0));
        }
        if id != APPLICATION_ID {
            return Ok(None);
        }
        Ok(Some(applied(&mut connection).await?))
    };
    match look.await.map_err(|err| store.fault(err))? {
        None => Err(unusable(name, Fault::Foreign, None)),
        Some(applied) if applied > MIGRATIONS.len() => Err(unusable(name, Fault::Newer, None)),
        Some(applied) => Ok((store, MIGRATIONS.len() - applied)),
    }
}

/// A pool that hands out no connection which believes itself to be in a transaction: where the disk is full, SQLite takes
/// a transaction back by itself (sqlite.org/lang_transaction.html, 3), and sqlx goes on counting it.
fn pool_of(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        // A file does not go away by itself as a server does; asking would cost as much as a statement.
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(std::future::ready(Ok(!connection.is_in_transaction()))))
}

/// Whether there is a write-ahead log with something in it beside a file.
fn has_log(path: &Path) -> bool {
    // Where a link leads to the file, the log lies beside what it leads to.
    let mut log = path.canonicalize().unwrap_or_else(|_| path.to_owned()).into_os_string();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
}

fn migrator() -> Migrator {
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.into_iter().map(migration).collect())
}

type Found<T> = Result<T, sqlx::Error>;

/// Lets the log grow to 64 MiB before it is written back: a page that many batches change is then written back once.
async fn let_the_log_grow(connection: &mut SqliteConnection) -> Found<()> {
    sqlx::query("PRAGMA wal_autocheckpoint = 16384").execute(connection).await.map(drop)
}

/// To 256 MiB, for batches each of which changes nearly all pages of an index.
async fn let_the_log_grow_long(connection: &mut SqliteConnection) -> Found<()> {
    sqlx::query("PRAGMA wal_autocheckpoint = 65536").execute(connection).await.map(drop)
}

/// As SQLite has it by itself: 4 MiB.
async fn keep_the_log_short(connection: &mut SqliteConnection) -> Found<()> {
    sqlx::query("PRAGMA wal_autocheckpoint = 1000").execute(connection).await.map(drop)
}

/// Keeps 32 MiB of pages in memory, and not 2: what a batch changes is then written once.
async fn remember_more(connection: &mut SqliteConnection) -> Found<()> {
    sqlx::query("PRAGMA cache_size = -32768").execute(connection).await.map(drop)
}

async fn application_id(connection: &mut SqliteConnection) -> Found<i64> {
    sqlx::query_scalar("PRAGMA application_id").fetch_one(connection).await
}

async fn tables(connection: &mut SqliteConnection) -> Found<i64> {
    sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(connection).await
}

async fn applied(connection: &mut SqliteConnection) -> Found<usize> {
    let sql = "SELECT count(*) FROM _sqlx_migrations";
    let applied: i64 = sqlx::query_scalar(sql).fetch_one(connection).await?;
    Ok(usize::try_from(applied).unwrap_or_default())
}

async fn issues(connection: &mut SqliteConnection, names: &str) -> Found<Vec<(String, String, i64, i64, String)>> {
    // While a period that was missed is being frozen after all, it is still known as missed.
    let sql = "SELECT digest, period, starts_at, cutoff_at, coalesce(former_state, state) AS known FROM issue
        WHERE digest IN (SELECT value FROM json_each($1)) AND known <> 'freezing' ORDER BY cutoff_at, digest, period";
    sqlx::query_as(sql).bind(names).fetch_all(connection).await
}

async fn carried(connection: &mut SqliteConnection, names: &str) -> Found<Vec<(String, String, String)>> {
    let sql = "SELECT digest, period, entry_id FROM carried
        WHERE digest IN (SELECT value FROM json_each($1)) ORDER BY digest, period, position";
    sqlx::query_as(sql).bind(names).fetch_all(connection).await
}

async fn passed(connection: &mut SqliteConnection, names: &str) -> Found<Vec<(String, String, String)>> {
    let sql = "SELECT digest, period, entry_id FROM passed
        WHERE digest IN (SELECT value FROM json_each($1)) ORDER BY digest, period, entry_id";
    sqlx::query_as(sql).bind(names).fetch_all(connection).await
}

async fn digests(pool: &SqlitePool) -> Found<Vec<String>> {
    let sql = "SELECT DISTINCT digest FROM issue WHERE coalesce(former_state, state) <> 'freezing' ORDER BY digest";
    sqlx::query_scalar(sql).fetch_all(pool).await
}

async fn state_of(connection: &mut SqliteConnection, digest: &str, period: &str) -> Found<Option<String>> {
    let sql = "SELECT coalesce(former_state, state) AS known FROM issue
        WHERE digest = $1 AND period = $2 AND known <> 'freezing'";
    sqlx::query_scalar(sql).bind(digest).bind(period).fetch_optional(connection).await
}

async fn last(connection: &mut SqliteConnection, digest: &str) -> Found<Option<Last>> {
    let sql = "SELECT period, cutoff_at FROM issue WHERE digest = $1 AND state NOT IN ('missed', 'too_few', 'freezing')
        ORDER BY cutoff_at DESC LIMIT 1";
    let last: Option<(String, i64)> = sqlx::query_as(sql).bind(digest).fetch_optional(connection).await?;
    Ok(last.map(|(period, cutoff_at)| Last { period, cutoff_at }))
}

/// The issue's number. Whoever was freezing it does so no more.
async fn put_issue(connection: &mut SqliteConnection, record: &Record, now: DateTime<Utc>) -> Found<i64> {
    let sql = "INSERT INTO issue (digest, period, starts_at, cutoff_at, state, recorded_at, cancelled_at)
        VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $5 = 'cancelled' THEN $6 END)
        ON CONFLICT (digest, period) DO UPDATE SET
            starts_at = excluded.starts_at, cutoff_at = excluded.cutoff_at, state = excluded.state,
            recorded_at = excluded.recorded_at, cancelled_at = excluded.cancelled_at, freezing_by = NULL,
            freezing_until = NULL, former_state = NULL
        RETURNING id";
    sqlx::query_scalar(sql)
        .bind(&record.digest)
        .bind(&record.period.name)
        .bind(record.period.starts_at.timestamp())
        .bind(record.period.cutoff.timestamp())
        .bind(record.state.word())
        .bind(now.timestamp())
        .fetch_one(connection)
        .await
}

/// Whether a post is now carried by the issue; it is not where another one carries it.
async fn carry(
    connection: &mut SqliteConnection,
    digest: &str,
    period: &str,
    entry_id: &str,
    position: i64,
) -> Found<bool> {
    let sql = "INSERT INTO carried (digest, period, entry_id, position) VALUES ($1, $2, $3, $4)
        ON CONFLICT (digest, entry_id) DO NOTHING";
    let done = sqlx::query(sql).bind(digest).bind(period).bind(entry_id).bind(position).execute(connection).await?;
    Ok(done.rows_affected() == 1)
}

async fn pass(connection: &mut SqliteConnection, digest: &str, period: &str, entry_id: &str) -> Found<()> {
    let sql = "INSERT INTO passed (digest, period, entry_id) VALUES ($1, $2, $3)
        ON CONFLICT (digest, entry_id) DO NOTHING";
    sqlx::query(sql).bind(digest).bind(period).bind(entry_id).execute(connection).await?;
    Ok(())
}

async fn free(connection: &mut SqliteConnection, digest: &str, period: &str) -> Found<()> {
    let sql = "DELETE FROM carried WHERE digest = $1 AND period = $2";
    sqlx::query(sql).bind(digest).bind(period).execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
