//! What every store promises of the archive, as tests: each takes an empty store.

use super::{Archive, Page};
use crate::digest::history::{Record, RecordState};
use crate::store::contract::record;
use crate::store::issues::{Finished, Issues, Variant};
use crate::store::ledger::contract::{at, frozen, send};
use crate::store::ledger::{Ledger, State};
use crate::store::subscribers::Subscribers;

/// Makes a test of each promise; `$open` is an expression that opens an empty store, in a function that may wait.
macro_rules! archive_promises {
    ($open:expr) => {
        $crate::store::contract::each_promise!($open, store::archive::contract;
            an_issue_is_listed_with_its_page
            what_nobody_approved_or_was_cancelled_before_its_first_mail_is_not_shown
            an_issue_that_may_be_shown_is_found_by_its_period
            cancelled_after_its_first_mail_it_stays_shown
            an_issue_that_is_being_frozen_is_not_listed
            a_page_is_changed_once_and_says_so
        );
    };
}
pub(crate) use archive_promises;

const VIEW: &str = r#"{"subject":"Of the page","preheader":"日本 \"x\""}"#;

fn weekly(day: i64) -> Record {
    let carried = [format!("a{day}"), format!("b{day}")];
    record(day, RecordState::Frozen, &carried.each_ref().map(|id| id.as_str()), &[])
}

/// An issue for nobody.
async fn freeze(store: &impl Issues, record: &Record, view: &str, is_approved: bool) -> i64 {
    let issue = store.begin_freezing(record, "run", &[], at(0), at(1)).await.expect("begun").expect("nobody else");
    let variant = Variant {
        number: 0,
        subject: "Of the mail".into(),
        preheader: "Pre".into(),
        html: "<p>mail</p>".into(),
        text: "mail".into(),
        entries: record.carried.clone(),
    };
    store.add_variants(issue, "run", &[variant], &[]).await.expect("added");
    let finished = Finished {
        issue,
        owner: "run",
        record,
        head: "{}",
        page: "<p>page</p>",
        view,
        content_hash: "c",
        audience_hash: "a",
        transport: "outbox",
        is_approved,
    };
    store.finish_freezing(&finished, at(0)).await.expect("frozen");
    issue
}

/// The periods that are shown, and those that are not.
async fn shown(store: &impl Archive) -> (Vec<String>, Vec<String>) {
    let (yes, no): (Vec<_>, Vec<_>) = store.listed().await.expect("a list").into_iter().partition(|one| one.is_shown);
    let names = |all: Vec<super::Listed>| all.into_iter().map(|one| one.period.name).collect();
    (names(yes), names(no))
}

pub(crate) async fn an_issue_is_listed_with_its_page(store: &(impl Issues + Archive)) {
    assert!(store.listed().await.expect("a list").is_empty());
    let first = freeze(store, &weekly(7), "{}", true).await;
    let second = freeze(store, &weekly(14), VIEW, true).await;
    let listed = store.listed().await.expect("a list");
    let told: Vec<_> = listed
        .iter()
        .map(|one| (one.id, &*one.digest, &*one.period.name, &*one.subject, &*one.preheader, one.posts))
        .collect();
    let want = [
        (second, "weekly", "day-14", "Of the page", "日本 \"x\"", 2),
        (first, "weekly", "day-7", "Of the mail", "Pre", 2),
    ];
    assert_eq!(told, want);
    assert_eq!(listed[0].period, weekly(14).period);
    assert!(listed.iter().all(|one| one.is_shown && one.redacted_at.is_none()));
    let page = store.page(second).await.expect("read");
    assert_eq!(page, Some(Page { html: "<p>page</p>".into(), view: Some(VIEW.into()), redacted: vec![] }));
    assert_eq!(store.page(99).await.expect("read"), None);
}

pub(crate) async fn what_nobody_approved_or_was_cancelled_before_its_first_mail_is_not_shown(
    store: &(impl Issues + Archive),
) {
    freeze(store, &weekly(7), "{}", true).await;
    let waits = freeze(store, &weekly(14), "{}", false).await;
    let cancelled = freeze(store, &weekly(21), "{}", true).await;
    store.cancel(cancelled, at(2)).await.expect("cancelled");
    assert_eq!(shown(store).await, (vec!["day-7".into()], vec!["day-21".into(), "day-14".into()]));
    store.approve(waits, at(2)).await.expect("approved");
    assert_eq!(shown(store).await, (vec!["day-14".into(), "day-7".into()], vec!["day-21".into()]));
}

pub(crate) async fn an_issue_that_may_be_shown_is_found_by_its_period(store: &(impl Issues + Archive)) {
    let first = freeze(store, &weekly(7), VIEW, true).await;
    let waits = freeze(store, &weekly(14), "{}", false).await;
    let cancelled = freeze(store, &weekly(21), "{}", true).await;
    store.cancel(cancelled, at(2)).await.expect("cancelled");
    store.begin_freezing(&weekly(28), "run", &[], at(0), at(1)).await.expect("begun").expect("nobody else");
    let shown = async |digest: &str, period: &str| store.shown(digest, period).await.expect("read");
    assert_eq!(shown("weekly", "day-7").await, store.page(first).await.expect("read"));
    assert!(shown("weekly", "day-7").await.is_some());
    for (digest, period) in [("weekly", "day-14"), ("weekly", "day-21"), ("weekly", "day-28"), ("daily", "day-7")] {
        assert_eq!(shown(digest, period).await, None, "{digest}/{period}");
    }
    store.approve(waits, at(2)).await.expect("approved");
    assert!(shown("weekly", "day-14").await.is_some());
}

pub(crate) async fn cancelled_after_its_first_mail_it_stays_shown(
    store: &(impl Issues + Ledger + Subscribers + Archive),
) {
    let issue = frozen(store, &["ana@example.com", "ben@example.com"]).await;
    send(store, issue, State::Accepted).await;
    store.cancel(issue, at(5)).await.expect("cancelled");
    assert_eq!(shown(store).await, (vec!["day-7".into()], vec![]));
}

pub(crate) async fn an_issue_that_is_being_frozen_is_not_listed(store: &(impl Issues + Archive)) {
    store.begin_freezing(&weekly(7), "run", &[], at(0), at(1)).await.expect("begun").expect("nobody else");
    assert!(store.listed().await.expect("a list").is_empty());
}

pub(crate) async fn a_page_is_changed_once_and_says_so(store: &(impl Issues + Archive)) {
    let issue = freeze(store, &weekly(7), VIEW, true).await;
    let before = store.page(issue).await.expect("read").expect("a page");
    let less = Page {
        html: "<p>less</p>".into(),
        view: Some(r#"{"subject":"Less","preheader":""}"#.into()),
        redacted: vec![vec!["a7".into(), "slug".into()], vec!["related".into()]],
    };
    assert!(store.put_page(issue, &before, &less, at(60)).await.expect("put"));
    assert_eq!(store.page(issue).await.expect("read"), Some(less.clone()));
    let listed = store.listed().await.expect("a list").remove(0);
    // What was not among its posts was none of them before either.
    assert_eq!((&*listed.subject, listed.posts, listed.redacted_at), ("Less", 1, Some(at(60))));
    let hash = store.frozen(&[]).await.expect("read").remove(0).content_hash;
    let mail = store.variants(issue).await.expect("read").remove(0).subject;
    assert_eq!((&*hash, &*mail), ("c", "Of the mail"));
    // Of two that change it at once, the second must look again.
    assert!(!store.put_page(issue, &before, &before, at(61)).await.expect("asked"));
    assert_eq!(store.page(issue).await.expect("read"), Some(less));
}
