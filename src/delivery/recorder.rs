//! Writing down what happens to mails, many at a time.
//!
//! Each step of a mail must be on the disk before the next is taken, and a disk writes a few hundred times a second. So the
//! lines of a run hand what they have to say to one recorder, which writes all that came in while it was writing before:
//! one commit for a group, however many lines there are, and none waits for more than the commit before its own.

use crate::store::StoreError;
use crate::store::ledger::{Ended, Leave, Ledger, Ticket};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// How long a store that is in use by others is asked again, before a run gives up.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same in the midst of a run: others may copy or tidy up the store for a while.
const PATIENCE_IN_A_RUN: Duration = Duration::from_secs(120);
/// The same where it is to be told what servers said: what is not recorded, nobody knows.
const PATIENCE_WITH_NEWS: Duration = Duration::from_secs(600);
/// The most that one commit holds.
const LARGEST_GROUP: usize = 256;

/// How long a run puts up with others who use the store.
#[derive(Debug)]
pub struct Patience {
    began: Instant,
    limit: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience::of(PATIENCE)
    }
}

impl Patience {
    /// That of a run that is in the midst of it.
    pub fn of_a_run() -> Patience {
        Patience::of(PATIENCE_IN_A_RUN)
    }

    /// Patience for so long.
    fn of(limit: Duration) -> Patience {
        Patience { began: Instant::now(), limit }
    }

    /// Waits a little, where trying again may help.
    ///
    /// # Errors
    ///
    /// The error itself, where it does not, or not any more.
    pub async fn wait(&self, error: StoreError) -> Result<(), StoreError> {
        if !error.is_transient() || self.began.elapsed() >= self.limit {
            return Err(error);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(())
    }
}

/// Does something with the store; again, where others had it for longer than it waits by itself. A macro, since the
/// compiler cannot see yet that an async closure may be sent to another thread.
macro_rules! patiently {
    ($work:expr) => {
        patiently!($work, $crate::delivery::recorder::Patience::default())
    };
    ($work:expr, $patience:expr) => {{
        let patience = $patience;
        loop {
            match $work.await {
                Ok(done) => break Ok(done),
                Err(error) => {
                    if let Err(error) = patience.wait(error).await {
                        break Err(error);
                    }
                }
            }
        }
    }};
}
pub(crate) use patiently;

/// Where lines say what happened.
#[derive(Clone, Debug)]
pub struct Recorder {
    desk: mpsc::Sender<Note>,
}

#[derive(Debug)]
enum Note {
    /// May this body be sent?
    Leave(Ticket, oneshot::Sender<Result<Leave, Arc<StoreError>>>),
    /// This is how an attempt ended.
    Ended(Box<Ended>, oneshot::Sender<Result<bool, Arc<StoreError>>>),
}

/// The recorder is gone, since the store failed for others before.
fn gone() -> Arc<StoreError> {
    Arc::new(StoreError::Lost { digest: "store".into(), period: "closed".into() })
}

impl Recorder {
    /// Starts a recorder that writes into a ledger for one worker, until the last of its clones is dropped. `now` is asked
    /// at each commit.
    pub fn start<L: Ledger + Send + Sync + 'static>(
        ledger: Arc<L>,
        owner: String,
        now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
    ) -> (Recorder, tokio::task::JoinHandle<()>) {
        let (desk, mut notes) = mpsc::channel(LARGEST_GROUP * 2);
        let task = tokio::spawn(async move {
            let mut group = Vec::with_capacity(LARGEST_GROUP);
            while notes.recv_many(&mut group, LARGEST_GROUP).await > 0 {
                write(&*ledger, &owner, &now, &mut group).await;
            }
        });
        (Recorder { desk }, task)
    }

    /// Asks whether a body may be sent. With [`Leave::Given`], the ledger says so on the disk.
    ///
    /// # Errors
    ///
    /// Whatever the store says; nothing may be sent then.
    pub async fn leave(&self, ticket: Ticket) -> Result<Leave, Arc<StoreError>> {
        let (reply, answer) = oneshot::channel();
        self.desk.send(Note::Leave(ticket, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Has it recorded how an attempt ended. The answer can be waited for later: whatever the line asks next is in the same
    /// commit, or in one after it.
    ///
    /// # Errors
    ///
    /// Whatever the store said to others before.
    pub async fn record(&self, ended: Ended) -> Result<Recording, Arc<StoreError>> {
        let (reply, answer) = oneshot::channel();
        self.desk.send(Note::Ended(Box::new(ended), reply)).await.map_err(|_| gone())?;
        Ok(Recording(answer))
    }
}

/// Something that is being recorded.
#[derive(Debug)]
pub struct Recording(oneshot::Receiver<Result<bool, Arc<StoreError>>>);

impl Recording {
    /// Waits until it is on the disk: whether it was still this worker's to say.
    ///
    /// # Errors
    ///
    /// Whatever the store says; the row stays as it was.
    pub async fn done(self) -> Result<bool, Arc<StoreError>> {
        self.0.await.map_err(|_| gone())?
    }
}

/// Writes a group.
async fn write<L: Ledger>(ledger: &L, owner: &str, now: &impl Fn() -> DateTime<Utc>, group: &mut Vec<Note>) {
    let (mut ended, mut tellers, mut asked, mut askers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for note in group.drain(..) {
        match note {
            Note::Ended(one, reply) => {
                ended.push(*one);
                tellers.push(reply);
            }
            Note::Leave(ticket, reply) => {
                asked.push(ticket);
                askers.push(reply);
            }
        }
    }
    let limit = if ended.is_empty() { PATIENCE_IN_A_RUN } else { PATIENCE_WITH_NEWS };
    match patiently!(ledger.step(&ended, &asked, owner, now()), Patience::of(limit)) {
        Ok(stepped) => {
            answer(tellers, Ok(stepped.recorded));
            answer(askers, Ok(stepped.leave));
        }
        Err(err) => {
            let err = Arc::new(err);
            answer(tellers, Err(err.clone()));
            answer(askers, Err(err));
        }
    }
}

/// Each who asked gets the answer that is theirs. Whoever does not listen any more is nobody's concern.
fn answer<T>(to: Vec<oneshot::Sender<Result<T, Arc<StoreError>>>>, written: Result<Vec<T>, Arc<StoreError>>) {
    match written {
        Ok(answers) => to.into_iter().zip(answers).for_each(|(to, answer)| drop(to.send(Ok(answer)))),
        Err(err) => to.into_iter().for_each(|to| drop(to.send(Err(err.clone())))),
    }
}
