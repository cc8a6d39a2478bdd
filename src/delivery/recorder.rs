//! Writing down what happens to mails, many at a time.
//!
//! Each step of a mail must be on the disk before the next is taken, and a disk writes a few hundred times a second. So the
//! lines of a run hand what they have to say to one recorder, which writes all that came in while it was writing before:
//! one commit for a group, however many lines there are, and none waits for more than the commit before its own, and for a
//! moment in which others who are about to come may join it.

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
/// How long a group waits for lines that are about to come.
const MOMENT: Duration = Duration::from_millis(1);
/// A commit that takes less is not worth any waiting.
const QUICK: Duration = Duration::from_micros(300);
/// After so many groups at most it is tried again whether waiting is of use.
const LONGEST_BREAK: u32 = 64;

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
            let (mut group, mut crowd) = (Vec::with_capacity(LARGEST_GROUP), Crowd::default());
            while notes.recv_many(&mut group, LARGEST_GROUP).await > 0 {
                crowd.gather(&mut notes, &mut group).await;
                let began = Instant::now();
                let given = write(&*ledger, &owner, &now, &mut group).await;
                crowd.wrote(given, began.elapsed());
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

/// The lines that were given leave, and come back with what became of it.
///
/// Where the server is near, they come back at about the same time: who is first would begin a commit for itself, and
/// keep all others waiting for two. So a group waits for a moment until all of them are there. Where it was waited in vain,
/// as for a server that is far away, it is not tried again for a while, and each time for longer.
#[derive(Debug, Default)]
struct Crowd {
    /// How many have not come back.
    out: usize,
    /// Whether the last commit took long enough.
    is_slow: bool,
    /// So many groups go without waiting.
    rest: u32,
    /// How long the next break is.
    next_rest: u32,
}

impl Crowd {
    async fn gather(&mut self, notes: &mut mpsc::Receiver<Note>, group: &mut Vec<Note>) {
        let count = |group: &[Note]| {
            let ended = group.iter().filter(|note| matches!(note, Note::Ended(..))).count();
            (ended, group.len() - ended)
        };
        if self.is_slow && self.out > 0 && self.rest == 0 {
            let until = tokio::time::Instant::now() + MOMENT;
            let is_whole = |group: &[Note]| {
                let (ended, asked) = count(group);
                ended >= self.out && asked >= self.out || group.len() >= LARGEST_GROUP
            };
            while !is_whole(group) {
                let more = notes.recv_many(group, LARGEST_GROUP - group.len());
                if !matches!(tokio::time::timeout_at(until, more).await, Ok(1..)) {
                    break;
                }
            }
            let is_whole = is_whole(group);
            self.next_rest = if is_whole { 0 } else { (self.next_rest * 2).clamp(1, LONGEST_BREAK) };
            self.rest = self.next_rest;
        } else {
            self.rest = self.rest.saturating_sub(1);
        }
        self.out = self.out.saturating_sub(count(group).0);
    }

    fn wrote(&mut self, given: usize, time: Duration) {
        self.out += given;
        self.is_slow = time > QUICK;
    }
}

/// Writes a group: how many were given leave.
async fn write<L: Ledger>(ledger: &L, owner: &str, now: &impl Fn() -> DateTime<Utc>, group: &mut Vec<Note>) -> usize {
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
            let given = stepped.leave.iter().filter(|leave| matches!(leave, Leave::Given)).count();
            answer(tellers, Ok(stepped.recorded));
            answer(askers, Ok(stepped.leave));
            given
        }
        Err(err) => {
            let err = Arc::new(err);
            answer(tellers, Err(err.clone()));
            answer(askers, Err(err));
            0
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ledger::State;

    fn asks() -> Note {
        Note::Leave(Ticket { issue: 1, subscriber: 1, fence: 1 }, oneshot::channel().0)
    }

    fn ends() -> Note {
        let ticket = Ticket { issue: 1, subscriber: 1, fence: 1 };
        let (state, reply, phase) = (State::Accepted, String::new(), "dot");
        let ended = Ended { ticket, state, code: None, reply, reason: None, phase, due_at: None, is_dead: false };
        Note::Ended(Box::new(ended), oneshot::channel().0)
    }

    /// A crowd of which so many are out, after a commit that took long.
    fn crowd(out: usize) -> Crowd {
        let mut crowd = Crowd::default();
        crowd.wrote(out, Duration::from_millis(5));
        crowd
    }

    #[test]
    fn a_group_waits_for_those_who_are_about_to_come() {
        let run = async {
            let (desk, mut notes) = mpsc::channel(9);
            let mut crowd = crowd(2);
            let mut group = vec![ends()];
            for note in [asks(), ends(), asks()] {
                desk.send(note).await.expect("somebody listens");
            }
            crowd.gather(&mut notes, &mut group).await;
            assert_eq!((group.len(), crowd.out, crowd.rest), (4, 0, 0));
        };
        crate::store::block_on(run).expect("a runtime");
    }

    #[test]
    fn where_nobody_comes_it_is_waited_more_and_more_rarely() {
        let run = async {
            let (_desk, mut notes) = mpsc::channel(9);
            let mut crowd = crowd(9);
            let mut rests = Vec::new();
            for _ in 0..20 {
                let mut group = vec![asks()];
                crowd.gather(&mut notes, &mut group).await;
                assert_eq!(group.len(), 1);
                rests.push(crowd.rest);
            }
            assert_eq!(rests, [1, 0, 2, 1, 0, 4, 3, 2, 1, 0, 8, 7, 6, 5, 4, 3, 2, 1, 0, 16]);
        };
        crate::store::block_on(run).expect("a runtime");
    }

    #[test]
    fn a_commit_that_takes_no_time_is_not_waited_for() {
        let run = async {
            let (_desk, mut notes) = mpsc::channel(9);
            let mut crowd = Crowd::default();
            crowd.wrote(9, Duration::from_micros(50));
            let began = Instant::now();
            for _ in 0..50 {
                crowd.gather(&mut notes, &mut vec![asks()]).await;
            }
            assert!(began.elapsed() < MOMENT * 50 && crowd.next_rest == 0);
        };
        crate::store::block_on(run).expect("a runtime");
    }
}
