//! Nothing is left of what was removed: not in the file, and not in its log.
//!
//! What is deleted is overwritten (`secure_delete`), but the log holds what was, and when the database moves rows about it
//! leaves copies behind. Where another program is reading, neither can be cleared; that is remembered, without saying of whom,
//! until it is done.

use super::{Found, Sqlite, unusable};
use crate::store::{Fault, StoreError};
use memchr::memmem;
use sqlx::SqliteConnection;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The fact that something which was removed may still be in the files. Its value goes up with each time.
const UNCLEAN: &str = "unclean";

/// A time that something was removed.
pub(super) struct Removal {
    number: String,
    /// Whether all that was removed before it is gone from the files.
    is_alone: bool,
}

/// Remembers that something is removed, in the step that removes it.
pub(super) async fn note(connection: &mut SqliteConnection) -> Found<Removal> {
    let before: Option<String> = unclean(connection).await?;
    let sql = "INSERT INTO fact (name, value) VALUES ($1, '1')
        ON CONFLICT (name) DO UPDATE SET value = CAST(value + 1 AS TEXT) RETURNING value";
    let number = sqlx::query_scalar(sql).bind(UNCLEAN).fetch_one(connection).await?;
    Ok(Removal { number, is_alone: before.is_none() })
}

impl Sqlite {
    /// Forgets that something was removed, now that nothing is left of it; unless more was, of which that is not known.
    pub(super) async fn is_clean_of(&self, removal: &Removal) -> Result<(), StoreError> {
        if !removal.is_alone {
            return Ok(());
        }
        let mut transaction = self.write().await?;
        let forget = async {
            forget(&mut transaction, &removal.number).await?;
            transaction.commit().await
        };
        forget.await.map_err(|err| self.fault(err))
    }

    /// Clears the files of all that was removed, where that was not done yet; whether nothing is left.
    pub(super) async fn tidy_up(&self) -> Result<bool, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|err| self.fault(err))?;
        let Some(number) = unclean(&mut connection).await.map_err(|err| self.fault(err))? else { return Ok(true) };
        if !self.make_anew(&mut connection).await? {
            return Ok(false);
        }
        drop(connection);
        self.is_clean_of(&Removal { number, is_alone: true }).await?;
        Ok(true)
    }

    /// Cuts the log of what was removed, where nobody is in the way.
    pub(super) async fn cut_log_if_idle(&self) -> Result<bool, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|err| self.fault(err))?;
        cut_log(&mut connection).await.map_err(|err| self.fault(err))
    }

    /// Sees to it that the store's files do not hold these texts; whether that can be told. What was deleted is overwritten
    /// and the log is cut. Copies that the database left when it moved rows about are found by looking, and then the file is
    /// made anew.
    pub(super) async fn scrub(&self, texts: &[&str]) -> Result<bool, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|err| self.fault(err))?;
        if !cut_log(&mut connection).await.map_err(|err| self.fault(err))? {
            return Ok(false);
        }
        let path = self.pool.connect_options().get_filename().to_path_buf();
        let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
        // The file may be large, and others wait for this thread.
        let look = tokio::task::spawn_blocking(move || holds(&path, &texts));
        let found = look.await.unwrap_or_else(|err| Err(io::Error::other(err)));
        match found.map_err(|err| unusable(&self.name, Fault::Other, Some(Box::new(err))))? {
            true => self.make_anew(&mut connection).await,
            false => Ok(true),
        }
    }

    /// Makes the file anew, with nothing in it but what is known, and cuts its log; whether nobody was in the way. The
    /// database works on a thread of its own.
    async fn make_anew(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        match vacuum(connection).await.map_err(|err| self.fault(err)) {
            Ok(()) => cut_log(connection).await.map_err(|err| self.fault(err)),
            Err(err) if err.is_transient() => Ok(false),
            Err(err) => Err(err),
        }
    }
}

/// Whether a file holds one of some texts.
fn holds<T: AsRef<str>>(path: &Path, texts: &[T]) -> io::Result<bool> {
    let longest = texts.iter().map(|text| text.as_ref().len()).max().unwrap_or_default();
    let mut file = File::open(path)?;
    let mut window = vec![0; 1 << 20];
    let mut kept = 0;
    loop {
        let read = file.read(&mut window[kept..])?;
        if read == 0 {
            return Ok(false);
        }
        let filled = &window[..kept + read];
        if texts.iter().any(|text| memmem::find(filled, text.as_ref().as_bytes()).is_some()) {
            return Ok(true);
        }
        // A text may begin here and end in what comes next.
        let from = filled.len().saturating_sub(longest);
        kept = filled.len() - from;
        window.copy_within(from..from + kept, 0);
    }
}

async fn unclean(connection: &mut SqliteConnection) -> Found<Option<String>> {
    sqlx::query_scalar("SELECT value FROM fact WHERE name = $1").bind(UNCLEAN).fetch_optional(connection).await
}

async fn forget(connection: &mut SqliteConnection, number: &str) -> Found<()> {
    let sql = "DELETE FROM fact WHERE name = $1 AND value = $2";
    sqlx::query(sql).bind(UNCLEAN).bind(number).execute(connection).await.map(drop)
}

/// Writes the log back and cuts it; whether nobody was in the way.
async fn cut_log(connection: &mut SqliteConnection) -> Found<bool> {
    let busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await?;
    Ok(busy == 0)
}

async fn vacuum(connection: &mut SqliteConnection) -> Found<()> {
    sqlx::query("VACUUM").execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_text_is_found_wherever_it_stands_in_a_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("file");
        for before in [0, 5, (1 << 20) - 3, (1 << 20) - 8, (1 << 20) + 1, (3 << 20) - 2] {
            let mut bytes = vec![b'.'; before];
            bytes.extend_from_slice(b"ana@example.org");
            bytes.resize(bytes.len() + 100, b'.');
            fs::write(&path, bytes).expect("written");
            assert!(holds(&path, &["nobody@example.org", "ana@example.org"]).expect("read"), "{before}");
            assert!(!holds(&path, &["bea@example.org"]).expect("read"));
        }
    }
}
