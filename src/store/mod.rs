//! What must be remembered from one run to the next.
//!
//! The trait says what every store can do; the same tests run on each of them. A store decides nothing that a command could
//! decide: it keeps what it is told, and refuses what would carry a post twice.

pub mod archive;
pub mod issues;
pub mod leaving;
pub mod ledger;
pub mod notices;
pub mod postbox;
pub mod sqlite;
pub mod subscribers;

use crate::digest::history::{History, Record, RecordState};
use chrono::{DateTime, Utc};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;

/// A place where things are remembered.
pub trait Store {
    /// What became of the periods of a digest that had these names; nothing for names that are not known.
    fn history(&self, names: &[&str]) -> impl Future<Output = Result<History, StoreError>> + Send;

    /// Remembers what became of a period, as a whole or not at all. Of its times whole seconds are kept.
    ///
    /// A period that was missed or had too few posts may have an issue later; one that is frozen may be cancelled, which
    /// frees its posts. What had passed before stays so.
    ///
    /// # Errors
    ///
    /// [`StoreError::Done`] when the period has had its issue, [`StoreError::Past`] when it is frozen after a later one,
    /// [`StoreError::Twice`] when another issue of the digest carries one of the posts.
    fn record_issue(&self, record: &Record, now: DateTime<Utc>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The names of all digests that something is remembered of, sorted.
    fn digests(&self) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be used.
    #[error("the store `{store}` {fault}")]
    Unusable {
        /// Its file or address.
        store: String,
        /// What is wrong with it.
        fault: Fault,
        /// What the database said.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The period has had its issue.
    #[error("the store knows an issue `{digest}/{period}` already: it is {}", state.word())]
    Done {
        /// The digest.
        digest: String,
        /// The period.
        period: String,
        /// What became of it.
        state: RecordState,
    },
    /// A later period has had its issue.
    #[error("`{digest}/{period}` cannot have an issue any more: the store knows a later one, `{last}`")]
    Past {
        /// The digest.
        digest: String,
        /// The period.
        period: String,
        /// The last period that has had its issue.
        last: String,
    },
    /// Another run has taken over what this one was doing.
    #[error("another run has taken over `{digest}/{period}`")]
    Lost {
        /// The digest.
        digest: String,
        /// The period.
        period: String,
    },
    /// The issue was taken back, and nothing of it is sent any more.
    #[error("`{digest}/{period}` is cancelled, and nothing of it is sent any more")]
    Cancelled {
        /// The digest.
        digest: String,
        /// The period.
        period: String,
    },
    /// Another issue carries a post.
    #[error("`{digest}/{period}` would carry a post again: `{entry_id}`")]
    Twice {
        /// The digest.
        digest: String,
        /// The period.
        period: String,
        /// The post.
        entry_id: String,
    },
    /// What is to be mailed cannot be put into words.
    #[error("no mail can be made")]
    Letter(#[source] Box<dyn Error + Send + Sync>),
}

/// What is wrong with a store. Reads on after its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another program is writing to it, for longer than one waits.
    Locked,
    /// Its bytes make no sense.
    Damaged,
    /// It must not be written to.
    ReadOnly,
    /// There is no room left.
    Full,
    /// There is no such folder, or no permission.
    CannotOpen,
    /// The file belongs to another program.
    Foreign,
    /// A newer version of tidings wrote it.
    Newer,
    /// Anything else.
    Other,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Locked => "is in use by another program",
            Fault::Damaged => "is damaged",
            Fault::ReadOnly => "cannot be written to",
            Fault::Full => "cannot be written: the disk is full",
            Fault::CannotOpen => "cannot be opened",
            Fault::Foreign => "is the database of another program",
            Fault::Newer => "was written by a newer version of tidings",
            Fault::Other => "failed",
        })
    }
}

impl StoreError {
    /// Whether the same may succeed a little later, without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, StoreError::Unusable { fault: Fault::Locked, .. })
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        let StoreError::Unusable { fault, .. } = self else { return None };
        match fault {
            Fault::Locked => Some("run the command again when the other one is done"),
            Fault::Damaged => Some("put a backup in its place, with the files `-wal` and `-shm` beside it removed"),
            Fault::ReadOnly => Some("give whoever runs tidings leave to write to the file and to its folder"),
            Fault::Full => Some("make room and run the command again; nothing of it was kept"),
            Fault::CannotOpen => Some("check the path in `[store] url`, and who may read the folder"),
            Fault::Foreign => Some("name another file in `[store] url`"),
            Fault::Newer => Some("run the newer version, or name another file in `[store] url`"),
            Fault::Other => None,
        }
    }
}

/// Waits for an answer of a store, in a command that has nothing else to do meanwhile.
///
/// # Errors
///
/// When the machine has no room for another runtime.
pub fn block_on<F: Future>(answer: F) -> io::Result<F::Output> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(answer))
}

/// Whether something may become of a period: `known` is what became of it before, `last` the last period of the digest
/// that has had its issue. The same for every store.
fn admit(record: &Record, known: Option<RecordState>, last: Option<Last>) -> Result<(), StoreError> {
    let (digest, period) = (record.digest.clone(), record.period.name.clone());
    match known {
        Some(RecordState::Frozen) if record.state == RecordState::Cancelled => return Ok(()),
        Some(state) if state.is_final() => return Err(StoreError::Done { digest, period, state }),
        _ => {}
    }
    let cutoff = record.period.cutoff.timestamp();
    match last.filter(|last| cutoff <= last.cutoff_at) {
        Some(last) if record.state.is_final() => Err(StoreError::Past { digest, period, last: last.period }),
        _ => Ok(()),
    }
}

/// The last period of a digest that has had its issue.
struct Last {
    period: String,
    cutoff_at: i64,
}

#[cfg(test)]
mod contract;
