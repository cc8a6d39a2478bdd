//! The ledger on a disk: a hundred deliveries claimed, put on the wire and recorded, as `tidings send` does it.

use super::site;
use chrono::{DateTime, TimeDelta, Utc};
use divan::Bencher;
use divan::counter::ItemsCount;
use std::cell::RefCell;
use std::collections::BTreeMap;
use tempfile::TempDir;
use tidings::digest::history::{Record, RecordState};
use tidings::schedule::Period;
use tidings::store::issues::{Audience, Finished, Issues, Planned, Step, Variant};
use tidings::store::ledger::{Claim, Claimed, Ended, Ledger, State, Ticket};
use tidings::store::sqlite::Sqlite;
use tidings::store::subscribers::{Keep, Manner, Subscribers, Terms};
use tidings::subscriber::{Arrival, State as Subscribed};
use tokio::runtime::{Builder, Runtime};

/// How many deliveries a batch has, how many batches an issue has, and how many subscribers that takes.
const BATCH: usize = 100;
const BATCHES: usize = 100;
const PEOPLE: usize = BATCH * BATCHES;
const OWNER: &str = "bench";

/// A store with an issue that is frozen for everybody, in a folder that goes with it.
struct Frozen {
    store: Sqlite,
    issue: i64,
    runtime: Runtime,
    _folder: TempDir,
}

fn until() -> DateTime<Utc> {
    site::now() + TimeDelta::minutes(10)
}

impl Frozen {
    fn new() -> Frozen {
        let folder = TempDir::new().expect("a folder");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (store, issue) = runtime.block_on(async {
            let store = Sqlite::open(&folder.path().join("bench.db"), "bench").await.expect("a store");
            subscribe(&store).await;
            let issue = freeze(&store).await;
            (store, issue)
        });
        Frozen { store, issue, runtime, _folder: folder }
    }

    async fn claim(&self) -> Vec<Ticket> {
        let claim = Claim { issue: self.issue, owner: OWNER, now: site::now(), until: until(), limit: BATCH as u32 };
        let claimed: Vec<Claimed> = self.store.claim(claim).await.expect("claimed");
        assert_eq!(claimed.len(), BATCH, "there are as many deliveries as are sent");
        claimed.into_iter().map(|one| one.ticket).collect()
    }

    async fn step(&self, ended: &[Ended], asked: &[Ticket]) {
        let stepped = self.store.step(ended, asked, OWNER, site::now()).await.expect("recorded");
        assert_eq!((stepped.recorded.len(), stepped.leave.len()), (ended.len(), asked.len()));
    }
}

async fn subscribe(store: &Sqlite) {
    let arrival = |i: usize| Arrival {
        address: format!("reader{i}@example.com").parse().expect("an address"),
        name: None,
        choice: None,
        subscriptions: vec![("weekly".into(), Subscribed::Active)],
        suppressed: None,
        at: None,
    };
    let arrivals: Vec<Arrival> = (0..PEOPLE).map(arrival).collect();
    let terms = Terms {
        source: "a bench",
        now: site::now(),
        manner: Manner::Import,
        keep: Keep::Yes,
        formerly: &BTreeMap::new(),
        hashes: &|_| Vec::new(),
    };
    store.add(&arrivals, &terms).await.expect("added");
}

async fn freeze(store: &Sqlite) -> i64 {
    let record = Record {
        digest: "weekly".into(),
        period: Period { name: "2026-W48".into(), cutoff: site::now(), starts_at: site::now() - TimeDelta::days(7) },
        state: RecordState::Frozen,
        carried: vec!["a".into()],
        passed: vec![],
    };
    let begun = store.begin_freezing(&record, OWNER, &[], site::now(), until()).await.expect("begun");
    let issue = begun.expect("nobody else freezes it");
    let variant = Variant {
        number: 0,
        subject: "Subject".into(),
        preheader: String::new(),
        html: "<p>Hello</p>".into(),
        text: "Hello\n".into(),
        entries: vec!["a".into()],
    };
    store.add_variants(issue, OWNER, &[variant], &[(String::new(), Some(0))]).await.expect("added");
    let audience = Audience { digests: vec!["weekly".into()], addresses: vec![] };
    let mut after = 0;
    loop {
        let step = Step { issue, owner: OWNER, after, limit: 1_000, now: site::now(), until: until() };
        match store.plan(step, &audience).await.expect("planned") {
            Planned::Some { last, .. } => after = last,
            Planned::All => break,
            Planned::Unknown(choices) => panic!("nobody has chosen anything: {choices:?}"),
        }
    }
    let finished = Finished {
        issue,
        owner: OWNER,
        record: &record,
        head: "{}",
        page: "",
        view: "{}",
        content_hash: "c",
        audience_hash: "a",
        transport: "smtp",
        is_approved: true,
    };
    store.finish_freezing(&finished, site::now()).await.expect("frozen");
    issue
}

fn accepted(ticket: &Ticket) -> Ended {
    Ended {
        ticket: *ticket,
        state: State::Accepted,
        code: Some(250),
        reply: "250 2.0.0 queued".into(),
        reason: None,
        phase: "dot",
        due_at: None,
        is_dead: false,
    }
}

/// Times something that uses up a batch. When an issue has no batch left, a fresh one takes its place, outside of the timing.
fn by_batch(bencher: Bencher, run: impl Fn(&Frozen)) {
    let frozen = RefCell::new((Frozen::new(), BATCHES));
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| {
            let mut frozen = frozen.borrow_mut();
            if frozen.1 == 0 {
                *frozen = (Frozen::new(), BATCHES);
            }
            frozen.1 -= 1;
        })
        .bench_local_values(|()| run(&frozen.borrow().0));
}

/// A whole batch: three commits, each on the disk before the next begins.
#[divan::bench(sample_size = 1)]
fn claim_send_record(bencher: Bencher) {
    by_batch(bencher, |frozen| {
        frozen.runtime.block_on(async {
            let tickets = frozen.claim().await;
            frozen.step(&[], &tickets).await;
            let ended: Vec<Ended> = tickets.iter().map(accepted).collect();
            frozen.step(&ended, &[]).await;
        });
    });
}

/// The claim alone.
#[divan::bench(sample_size = 1)]
fn claim(bencher: Bencher) {
    by_batch(bencher, |frozen| {
        frozen.runtime.block_on(frozen.claim());
    });
}
