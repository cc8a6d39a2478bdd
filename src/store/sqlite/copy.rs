//! Copies of a store in a file: made while it is in use, checked, and put in its place.
//!
//! A copy is marked (`restored` among the facts), since it does not know what was sent after it was made, and it does not
//! have the fact of its place: from when it is made, so that it makes no difference by which way it is put in place.

use super::{Found, Sqlite, connect, fault, has_log, numbers, tables, unusable};
use crate::disk::replace;
use crate::store::{Fault, StoreError};
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The fact that a store is a copy, and when it was made or put in place.
pub const RESTORED: &str = "restored";

/// Writes a copy of a store as of one moment. The file is there as a whole or not at all, and only its owner may read it.
///
/// # Errors
///
/// The store's; within, the system's where the copy cannot be written.
pub async fn backup(store: &Sqlite, to: &Path, now: DateTime<Utc>) -> Result<io::Result<()>, StoreError> {
    let new = replace::beside(to);
    let start = || {
        let file = replace::create_beside(to)?;
        only_for_its_owner(&file)
    };
    if let Err(err) = start() {
        return Ok(Err(err));
    }
    let copied = async {
        let mut connection = store.pool.acquire().await?;
        vacuum_into(&mut connection, &new.to_string_lossy()).await?;
        let mut copy = SqliteConnectOptions::new().filename(&new).connect().await?;
        let marked = mark(&mut copy, now).await;
        copy.close().await?;
        marked
    };
    let copied = copied.await.map_err(|err| store.fault(err));
    let end = || {
        File::open(&new)?.sync_all()?;
        fs::rename(&new, to)?;
        sync_folder(to)
    };
    let ended = copied.map(|()| end());
    if !matches!(ended, Ok(Ok(()))) {
        let _ = fs::remove_file(&new);
    }
    ended
}

/// Whether a file is a whole store, of this version or an older one. It is not changed. With a log beside it, it is not whole.
///
/// # Errors
///
/// [`StoreError::Unusable`]: that it is damaged, another program's or a newer version's, or cannot be read.
pub async fn is_sound(file: &Path, name: &str) -> Result<bool, StoreError> {
    if has_log(file) {
        return Ok(false);
    }
    let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(true);
    let (store, _) = connect(options, name).await?;
    let look = async {
        let mut connection = store.pool.acquire().await?;
        Ok(tables(&mut connection).await? > 0 && integrity(&mut connection).await? == ["ok"])
    };
    let is_sound = look.await.map_err(|err| store.fault(err))?;
    store.close().await;
    Ok(is_sound)
}

/// Puts a copy in the place of a store, which is kept beside it; where to. Whoever looks finds the old one or the new one.
///
/// # Errors
///
/// [`Fault::Locked`] where another program has the store open; what is wrong with the copy; within, the system's.
pub async fn restore(
    from: &Path,
    store: &Path,
    name: &str,
    now: DateTime<Utc>,
) -> Result<io::Result<Option<PathBuf>>, StoreError> {
    let new = replace::beside(store);
    let start = || {
        if let Some(folder) = store.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = replace::create_beside(store)?;
        only_for_its_owner(&file)?;
        io::copy(&mut File::open(from)?, &mut file)?;
        Ok(())
    };
    if let Err(err) = start() {
        let _ = fs::remove_file(&new);
        return Ok(Err(err));
    }
    let done = async {
        let copy = Sqlite::open(&new, name).await?;
        let marked = async {
            let mut connection = copy.pool.acquire().await?;
            mark(&mut connection, now).await
        };
        marked.await.map_err(|err| copy.fault(err))?;
        copy.close().await;
        // Held until the new one is in place.
        let held = hold(store, name).await?;
        let kept = swap(&new, store);
        if let Some(held) = held {
            // The file that it was opened on has another name now, and nothing was written.
            let _ = held.close().await;
        }
        Ok(kept)
    };
    let done = done.await;
    if !matches!(done, Ok(Ok(_))) {
        for ending in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(with(&new, ending));
        }
    }
    done
}

/// So many people and notices may have come after a copy was made.
const LEAP: i64 = 1_000_000;

/// Leaves out many numbers of subscribers and notices: tokens name them, and those of people who are not in a copy must mean
/// nobody who comes after it.
///
/// # Errors
///
/// [`StoreError::Unusable`]
pub async fn leap(store: &Sqlite) -> Result<(), StoreError> {
    let mut transaction = store.write().await?;
    let leap = async {
        for table in [numbers::SUBSCRIBER, numbers::NOTICE] {
            numbers::use_up(&mut transaction, table, LEAP).await?;
        }
        transaction.commit().await
    };
    leap.await.map_err(|err| store.fault(err))
}

/// Takes away the mark of a restored store; whether there was one.
///
/// # Errors
///
/// [`StoreError::Unusable`]
pub async fn accept(store: &Sqlite) -> Result<bool, StoreError> {
    let accept = async {
        let mut connection = store.pool.acquire().await?;
        remove_fact(&mut connection, RESTORED).await
    };
    accept.await.map_err(|err| store.fault(err))
}

/// Takes a store for oneself, and puts all of it into its one file. One that is too damaged for that cannot be in use.
async fn hold(store: &Path, name: &str) -> Result<Option<SqliteConnection>, StoreError> {
    if !store.exists() {
        return Ok(None);
    }
    let options = SqliteConnectOptions::new().filename(store).busy_timeout(Duration::from_secs(1));
    let hold = async {
        let mut connection = options.connect().await?;
        let is_alone = leave_wal(&mut connection).await?;
        if is_alone {
            begin(&mut connection).await?;
        }
        Ok((connection, is_alone))
    };
    match hold.await.map_err(|err| fault(name, err)) {
        Ok((connection, true)) => Ok(Some(connection)),
        Ok((_, false)) => Err(unusable(name, Fault::Locked, None)),
        Err(StoreError::Unusable { fault: Fault::Damaged, .. }) => Ok(None),
        Err(err) => Err(err),
    }
}

/// Renames the new file over the old one, which gets another name first.
fn swap(new: &Path, store: &Path) -> io::Result<Option<PathBuf>> {
    let kept = match store.exists() {
        false => None,
        true => {
            let names = (1..).map(|n| if n == 1 { ".before-restore".into() } else { format!(".before-restore-{n}") });
            let kept = names.map(|ending| with(store, &ending)).find(|path| path.symlink_metadata().is_err());
            let kept = kept.expect("there are more numbers than files");
            // A log beside it, of a store too damaged to be read, goes with it.
            for ending in ["-wal", "-shm"] {
                match fs::rename(with(store, ending), with(&kept, ending)) {
                    Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
                    _ => {}
                }
            }
            // A second name, so that there is a store at every moment.
            fs::hard_link(store, &kept)?;
            Some(kept)
        }
    };
    File::open(new)?.sync_all()?;
    fs::rename(new, store)?;
    sync_folder(store)?;
    Ok(kept)
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn only_for_its_owner(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

fn sync_folder(file: &Path) -> io::Result<()> {
    match file.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder }) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

async fn vacuum_into(connection: &mut SqliteConnection, path: &str) -> Found<()> {
    sqlx::query("VACUUM INTO $1").bind(path).execute(connection).await?;
    Ok(())
}

async fn integrity(connection: &mut SqliteConnection) -> Found<Vec<String>> {
    sqlx::query_scalar("PRAGMA integrity_check").fetch_all(connection).await
}

/// Whether the file is out of WAL mode, which it cannot leave while another program has it open.
async fn leave_wal(connection: &mut SqliteConnection) -> Found<bool> {
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode = DELETE").fetch_one(connection).await?;
    Ok(mode == "delete")
}

async fn begin(connection: &mut SqliteConnection) -> Found<()> {
    sqlx::query("BEGIN EXCLUSIVE").execute(connection).await?;
    Ok(())
}

async fn mark(connection: &mut SqliteConnection, now: DateTime<Utc>) -> Found<()> {
    put_fact(connection, RESTORED, &now.to_rfc3339()).await?;
    remove_fact(connection, "place").await.map(drop)
}

async fn put_fact(connection: &mut SqliteConnection, name: &str, value: &str) -> Found<()> {
    let sql = "INSERT INTO fact (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    sqlx::query(sql).bind(name).bind(value).execute(connection).await?;
    Ok(())
}

async fn remove_fact(connection: &mut SqliteConnection, name: &str) -> Found<bool> {
    let done = sqlx::query("DELETE FROM fact WHERE name = $1").bind(name).execute(connection).await?;
    Ok(done.rows_affected() > 0)
}
