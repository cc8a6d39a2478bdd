//! What every store promises, as tests: each takes an empty store.

use super::issues::Issues;
use super::{Store, StoreError};
use crate::digest::history::{History, Record, RecordState};
use crate::schedule::Period;
use chrono::{DateTime, TimeDelta, Utc};

/// Makes a test of each promise; `$open` is an expression that opens an empty store, in a function that may wait.
macro_rules! promises {
    ($open:expr) => {
        $crate::store::contract::each_promise!($open, store::contract;
            an_empty_store_knows_nothing
            what_was_recorded_is_read_back
            a_digest_is_read_under_all_names_it_had
            a_period_has_one_issue
            cutoffs_only_move_forward
            without_an_issue_nothing_is_carried
            a_period_without_an_issue_may_have_one_later
            a_cancelled_issue_frees_its_posts_and_stays_cancelled
            a_post_is_carried_once_and_a_refused_issue_leaves_no_trace
            a_post_that_passed_may_be_carried_later
            two_digests_may_carry_the_same_post
            of_many_that_record_at_once_one_wins
            a_freezing_is_waited_for_unless_its_run_is_dead
        );
    };
}
pub(crate) use promises;

/// Makes a test of each function that is named, in a room of the crate.
macro_rules! each_promise {
    ($open:expr, $($room:ident)::+; $($name:ident)*) => {
        $crate::store::contract::each_promise!(@ $open, $crate::$($room)::+; $($name)*);
    };
    (@ $open:expr, $room:path; $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                use $room as room;
                let run = async {
                    let (_keep, store) = $open.await;
                    room::$name(&store).await;
                };
                $crate::store::block_on(run).expect("a runtime");
            }
        )*
    };
}
pub(crate) use each_promise;

fn at(day: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + day * 86_400, 0).expect("a moment")
}

/// What became of the period that ends on a day.
pub(super) fn record(day: i64, state: RecordState, carried: &[&str], passed: &[&str]) -> Record {
    Record {
        digest: "weekly".into(),
        period: Period { name: format!("day-{day}"), cutoff: at(day), starts_at: at(day - 7) },
        state,
        carried: carried.iter().map(|id| (*id).to_owned()).collect(),
        passed: passed.iter().map(|id| (*id).to_owned()).collect(),
    }
}

async fn put(store: &impl Store, record: &Record) {
    store.record_issue(record, record.period.cutoff + TimeDelta::minutes(1)).await.expect("recorded");
}

async fn refused(store: &impl Store, record: &Record) -> String {
    store.record_issue(record, record.period.cutoff).await.expect_err("refused").to_string()
}

async fn weekly(store: &impl Store) -> History {
    store.history(&["weekly"]).await.expect("a history")
}

use RecordState::{Cancelled, Frozen, Missed, TooFew};

pub(super) async fn an_empty_store_knows_nothing(store: &impl Store) {
    assert!(weekly(store).await.is_empty());
    assert_eq!(store.digests().await.expect("names"), [""; 0]);
    assert!(store.history(&[]).await.expect("a history").is_empty());
}

pub(super) async fn what_was_recorded_is_read_back(store: &impl Store) {
    let records = [
        record(7, Missed, &[], &["tag:example.org,2016:old", "'; DROP TABLE issue; --"]),
        record(14, Frozen, &["z", "日本", "a \u{1F600}"], &[]),
        record(21, TooFew, &[], &["b"]),
        record(28, Frozen, &[], &[]),
    ];
    for one in &records {
        put(store, one).await;
    }
    let mut want = records.to_vec();
    want[0].passed.sort();
    assert_eq!(weekly(store).await.records(), want);
}

pub(super) async fn a_digest_is_read_under_all_names_it_had(store: &impl Store) {
    put(store, &Record { digest: "news".into(), ..record(7, Frozen, &["a"], &["p"]) }).await;
    put(store, &record(14, Frozen, &["b"], &[])).await;
    put(store, &Record { digest: "other".into(), ..record(14, Frozen, &["c"], &[]) }).await;
    let history = store.history(&["weekly", "news"]).await.expect("a history");
    let carrier = |id: &str| history.carrier(id).map(|record| format!("{}/{}", record.digest, record.period.name));
    assert_eq!(carrier("a").as_deref(), Some("news/day-7"));
    assert_eq!(carrier("b").as_deref(), Some("weekly/day-14"));
    assert_eq!((carrier("c"), history.has_passed("p")), (None, true));
    assert_eq!(store.digests().await.expect("names"), ["news", "other", "weekly"]);
}

pub(super) async fn a_period_has_one_issue(store: &impl Store) {
    put(store, &record(7, Frozen, &["a"], &[])).await;
    for state in [Frozen, Missed, TooFew] {
        assert_eq!(
            refused(store, &record(7, state, &["b"], &["c"])).await,
            "the store knows an issue `weekly/day-7` already: it is frozen"
        );
    }
    assert_eq!(weekly(store).await.records(), [record(7, Frozen, &["a"], &[])]);
}

pub(super) async fn cutoffs_only_move_forward(store: &impl Store) {
    put(store, &record(14, Frozen, &["a"], &[])).await;
    let late = "`weekly/day-7` cannot have an issue any more: the store knows a later one, `day-14`";
    assert_eq!(refused(store, &record(7, Frozen, &["b"], &[])).await, late);
    // Also where two periods with different names end at the same time.
    let mut same = record(14, Frozen, &["b"], &[]);
    same.period.name = "other".into();
    let want = "`weekly/other` cannot have an issue any more: the store knows a later one, `day-14`";
    assert_eq!(refused(store, &same).await, want);
    put(store, &record(7, Missed, &[], &[])).await;
}

pub(super) async fn without_an_issue_nothing_is_carried(store: &impl Store) {
    put(store, &record(7, Missed, &["a"], &[])).await;
    put(store, &record(14, TooFew, &["a"], &[])).await;
    assert_eq!(weekly(store).await.records(), [record(7, Missed, &[], &[]), record(14, TooFew, &[], &[])]);
}

pub(super) async fn a_period_without_an_issue_may_have_one_later(store: &impl Store) {
    for (day, state) in [(7, Missed), (14, TooFew)] {
        put(store, &record(day, state, &[], &["p"])).await;
        put(store, &record(day, state, &[], &["p"])).await;
        let id = format!("a{day}");
        put(store, &record(day, Frozen, &[&id], &["p"])).await;
        assert!(weekly(store).await.carrier(&id).is_some());
    }
    let want = [record(7, Frozen, &["a7"], &["p"]), record(14, Frozen, &["a14"], &[])];
    assert_eq!(weekly(store).await.records(), want);
}

pub(super) async fn a_cancelled_issue_frees_its_posts_and_stays_cancelled(store: &impl Store) {
    put(store, &record(7, Frozen, &["a", "b"], &["p"])).await;
    put(store, &record(7, Cancelled, &[], &[])).await;
    assert_eq!(weekly(store).await.records(), [record(7, Cancelled, &[], &["p"])]);
    let again = "the store knows an issue `weekly/day-7` already: it is cancelled";
    assert_eq!(refused(store, &record(7, Frozen, &["a"], &[])).await, again);
    put(store, &record(14, Frozen, &["b", "a"], &[])).await;
    assert_eq!(weekly(store).await.carrier("a").map(|record| record.period.name.clone()).as_deref(), Some("day-14"));
}

pub(super) async fn a_post_is_carried_once_and_a_refused_issue_leaves_no_trace(store: &impl Store) {
    put(store, &record(7, Frozen, &["a"], &[])).await;
    let twice = "`weekly/day-14` would carry a post again: `a`";
    assert_eq!(refused(store, &record(14, Frozen, &["b", "a"], &["p"])).await, twice);
    let twice = "`weekly/day-14` would carry a post again: `b`";
    assert_eq!(refused(store, &record(14, Frozen, &["b", "b"], &[])).await, twice);
    assert_eq!(weekly(store).await.records(), [record(7, Frozen, &["a"], &[])]);
}

pub(super) async fn a_post_that_passed_may_be_carried_later(store: &impl Store) {
    put(store, &record(7, Frozen, &[], &["p"])).await;
    put(store, &record(14, Frozen, &["p"], &[])).await;
    let history = weekly(store).await;
    assert!(history.carrier("p").is_some() && history.has_passed("p"));
}

pub(super) async fn two_digests_may_carry_the_same_post(store: &impl Store) {
    put(store, &record(7, Frozen, &["a"], &["p"])).await;
    put(store, &Record { digest: "daily".into(), ..record(7, Frozen, &["a", "p"], &[]) }).await;
}

pub(super) async fn of_many_that_record_at_once_one_wins(store: &impl Store) {
    let rivals: Vec<Record> = (0..4).map(|n| record(7, Frozen, &["a", &format!("b{n}")], &[])).collect();
    let record = |n: usize| store.record_issue(&rivals[n], at(7));
    let (a, b, c, d) = tokio::join!(record(0), record(1), record(2), record(3));
    let results = [a, b, c, d];
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().all(|r| r.is_ok() || matches!(r, Err(StoreError::Done { .. }))), "{results:?}");
    let won = results.iter().position(Result::is_ok).expect("one");
    assert_eq!(weekly(store).await.records(), [rivals[won].clone()]);
}

pub async fn a_freezing_is_waited_for_unless_its_run_is_dead(store: &(impl Store + Issues)) {
    let (record, until) = (record(7, RecordState::Frozen, &["a"], &[]), at(8));
    let begin =
        async |owner: &'static str, dead: &[String], now| store.begin_freezing(&record, owner, dead, now, until).await;
    let id = begin("one", &[], at(7)).await.expect("begun").expect("nobody else is at it");
    assert_eq!(store.freezers().await.expect("read"), ["one"]);
    assert_eq!(begin("other", &[], at(7)).await.expect("asked"), None);
    assert_eq!(begin("other", &["else".into()], at(7)).await.expect("asked"), None);
    assert_eq!(begin("other", &["one".into()], at(7)).await.expect("begun"), Some(id));
    assert_eq!(store.freezers().await.expect("read"), ["other"]);
    // A lease that ran out is nobody's.
    assert_eq!(begin("third", &[], until).await.expect("begun"), Some(id));
}
