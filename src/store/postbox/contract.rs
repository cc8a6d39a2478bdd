//! What every store promises of notices on their way, as tests: each takes an empty store.

use super::{Concluded, Drawn, Hold, Postbox, Which};
use crate::store::ledger::{Leave, Ledger, State, Verdict};
use crate::store::notices::contract::{ask, at, link, queued, request};
use crate::store::notices::{Kind, Notices};
use crate::store::subscribers::contract::{address, arrival, hashes, terms, told};
use crate::store::subscribers::{Manner, Subscribers};
use crate::subscriber::{Reason, State as Subscribed};

/// Makes a test of each promise; `$open` is an expression that opens an empty store, in a function that may wait.
macro_rules! postbox_promises {
    ($open:expr) => {
        $crate::store::contract::each_promise!($open, store::postbox::contract;
            what_is_planned_is_drawn_once_oldest_first
            leave_is_given_once_for_a_notice
            a_notice_that_was_deferred_comes_back_when_it_is_due
            what_a_dead_worker_held_is_planned_again_or_uncertain
            a_late_reply_settles_an_uncertain_notice
            an_uncertain_notice_is_settled_by_hand_alone
            a_rejected_notice_is_planned_again_by_hand
            a_dead_mailbox_gets_no_issue_but_may_be_asked_again
            who_may_get_no_mail_gets_no_notice
            people_who_are_gone_do_not_end_a_drawing
            what_is_put_back_is_drawn_again
            what_was_accepted_cannot_be_sent_again
            notices_count_for_the_day
        );
    };
}
pub(crate) use postbox_promises;

async fn draw(store: &impl Postbox, owner: &str, minute: i64) -> Vec<Drawn> {
    store.draw(owner, 2, at(minute), at(minute + 1)).await.expect("drawn")
}

pub(crate) async fn conclude(store: &impl Postbox, hold: Hold, state: State, minute: i64) -> bool {
    let due_at = (state == State::Deferred).then(|| at(minute + 5));
    let code = Some(250);
    let concluded = Concluded { hold, state, code, reply: "said".into(), reason: None, due_at, is_dead: false };
    store.conclude(&concluded, at(minute)).await.expect("recorded")
}

async fn set_out(store: &impl Postbox, hold: Hold, owner: &str, minute: i64) -> Leave {
    store.set_out(hold, owner, at(minute)).await.expect("answered")
}

async fn states(store: &impl Postbox) -> Vec<State> {
    let all = store.notices(&Which { limit: 99, ..Which::default() }).await.expect("read");
    all.iter().map(|one| one.state).collect()
}

/// So many people who are asked.
async fn asked(store: &impl Notices, count: usize) {
    for n in 0..count {
        queued(ask(store, &format!("r{n}@example.org"), &request(&["weekly"]), 0).await);
    }
}

pub(crate) async fn what_is_planned_is_drawn_once_oldest_first(store: &(impl Notices + Postbox)) {
    assert_eq!(store.next_notice(at(0)).await.expect("none"), None);
    asked(store, 3).await;
    assert_eq!(store.next_notice(at(0)).await.expect("now"), Some(at(0)));
    let (one, other) = (draw(store, "one", 0).await, draw(store, "other", 0).await);
    let ids = |all: &[Drawn]| all.iter().map(|one| one.hold.notice).collect::<Vec<_>>();
    assert_eq!((ids(&one), ids(&other)), (vec![1, 2], vec![3]));
    assert_eq!((one[0].kind, one[0].attempts, &*one[0].letter), (Kind::Confirm, 0, "confirm 1 for 1"));
    assert_eq!(draw(store, "one", 0).await, []);
    assert_eq!(store.holders().await.expect("read"), ["one", "other"]);
    assert_eq!(store.next_notice(at(0)).await.expect("a lease"), Some(at(1)));
    let totals = store.notice_totals().await.expect("counted");
    assert_eq!((totals.all(), totals.of(State::Leased), totals.balance()), (3, 3, true));
}

pub(crate) async fn leave_is_given_once_for_a_notice(store: &(impl Notices + Postbox)) {
    asked(store, 1).await;
    let hold = draw(store, "one", 0).await[0].hold;
    assert_eq!(set_out(store, hold, "other", 0).await, Leave::Lost);
    assert_eq!(set_out(store, Hold { fence: hold.fence + 1, ..hold }, "one", 0).await, Leave::Lost);
    assert_eq!(set_out(store, hold, "one", 0).await, Leave::Given);
    assert_eq!(states(store).await, [State::OnWire]);
    assert_eq!(set_out(store, hold, "one", 0).await, Leave::Lost);
    assert!(conclude(store, hold, State::Accepted, 0).await);
    assert!(!conclude(store, hold, State::Rejected, 0).await);
    let one = store.notices(&Which { limit: 9, ..Which::default() }).await.expect("read").remove(0);
    assert_eq!(
        (one.state, one.attempts, one.code, one.reply.as_deref()),
        (State::Accepted, 1, Some(250), Some("said"))
    );
}

pub(crate) async fn a_notice_that_was_deferred_comes_back_when_it_is_due(store: &(impl Notices + Postbox)) {
    asked(store, 1).await;
    let hold = draw(store, "one", 0).await[0].hold;
    assert!(conclude(store, hold, State::Deferred, 0).await);
    assert_eq!(store.next_notice(at(0)).await.expect("a time"), Some(at(5)));
    assert_eq!(draw(store, "one", 4).await, []);
    let again = draw(store, "one", 5).await.remove(0);
    assert_eq!((again.attempts, again.hold.fence), (1, hold.fence + 1));
}

pub(crate) async fn what_a_dead_worker_held_is_planned_again_or_uncertain(store: &(impl Notices + Postbox)) {
    asked(store, 2).await;
    let drawn = draw(store, "dead", 0).await;
    assert_eq!(set_out(store, drawn[0].hold, "dead", 0).await, Leave::Given);
    assert_eq!(store.pick_up(at(0), &["other".into()]).await.expect("none"), 0);
    assert_eq!(states(store).await, [State::OnWire, State::Leased]);
    assert_eq!(store.pick_up(at(0), &["dead".into()]).await.expect("one"), 1);
    assert_eq!(states(store).await, [State::Uncertain, State::Planned]);
    // Nobody sends it again by itself.
    let drawn = draw(store, "next", 0).await;
    assert_eq!(drawn.iter().map(|one| one.hold.notice).collect::<Vec<_>>(), [2]);
    // The same where nobody knows of the worker, once its lease has run out; it changes nothing any more.
    assert_eq!(store.pick_up(at(1), &[]).await.expect("none"), 0);
    assert_eq!(set_out(store, drawn[0].hold, "next", 1).await, Leave::Lost);
}

pub(crate) async fn a_late_reply_settles_an_uncertain_notice(store: &(impl Notices + Postbox)) {
    asked(store, 1).await;
    let hold = draw(store, "slow", 0).await[0].hold;
    set_out(store, hold, "slow", 0).await;
    store.hold_on("slow", at(3)).await.expect("prolonged");
    assert_eq!(store.pick_up(at(2), &[]).await.expect("none"), 0);
    assert_eq!(store.pick_up(at(3), &[]).await.expect("one"), 1);
    assert!(conclude(store, hold, State::Accepted, 4).await);
    assert_eq!(states(store).await, [State::Accepted]);
}

pub(crate) async fn an_uncertain_notice_is_settled_by_hand_alone(store: &(impl Notices + Postbox)) {
    asked(store, 2).await;
    for one in draw(store, "dead", 0).await {
        set_out(store, one.hold, "dead", 0).await;
    }
    let (accepted, not_sent) = (Verdict::Accepted, Verdict::NotSent);
    // What a lease that has run out left on the wire is uncertain, too.
    assert_eq!(store.resolve_notices(Some(1), accepted, at(2)).await.expect("one"), 1);
    assert_eq!(store.resolve_notices(None, not_sent, at(2)).await.expect("one"), 1);
    assert_eq!(states(store).await, [State::Accepted, State::Planned]);
    assert_eq!(draw(store, "next", 2).await.len(), 1);
}

pub(crate) async fn a_rejected_notice_is_planned_again_by_hand(store: &(impl Notices + Postbox)) {
    asked(store, 2).await;
    for one in draw(store, "one", 0).await {
        conclude(store, one.hold, State::Rejected, 0).await;
    }
    assert_eq!(draw(store, "one", 99).await, []);
    assert_eq!(store.retry_notices(Some(2), at(1)).await.expect("one"), 1);
    assert_eq!(states(store).await, [State::Rejected, State::Planned]);
}

pub(crate) async fn a_dead_mailbox_gets_no_issue_but_may_be_asked_again(
    store: &(impl Notices + Postbox + Subscribers),
) {
    asked(store, 1).await;
    let hold = draw(store, "one", 0).await[0].hold;
    let concluded = Concluded {
        hold,
        state: State::Rejected,
        code: Some(550),
        reply: "5.1.1 no such user".into(),
        reason: None,
        due_at: None,
        is_dead: true,
    };
    assert!(store.conclude(&concluded, at(1)).await.expect("recorded"));
    assert_eq!(told(store, "r0@example.org").await, "r0@example.org, weekly pending, bounced");
    queued(ask(store, "r0@example.org", &request(&["weekly"]), 2).await);
    assert_eq!(draw(store, "one", 2).await.len(), 1);
    // Of somebody who never was there, nothing is kept in the end.
    assert_eq!(store.purge(at(9), at(0), at(9_999)).await.expect("purged").people, 1);
}

pub(crate) async fn who_may_get_no_mail_gets_no_notice(store: &(impl Notices + Postbox + Subscribers)) {
    let reader = arrival("ana@example.org", &[("weekly", Subscribed::Active)]);
    store.add(&[reader], &terms(Manner::Add)).await.expect("added");
    queued(link(store, "ana@example.org", 0).await);
    asked(store, 1).await;
    let drawn = draw(store, "one", 0).await;
    for (who, reason) in [("ana@example.org", Reason::Bounced), ("r0@example.org", Reason::Complained)] {
        store.suppress(&[address(who)], reason, &hashes, "a list", at(0)).await.expect("suppressed");
    }
    for one in drawn {
        assert_eq!(set_out(store, one.hold, "one", 0).await, Leave::Skipped("suppressed".into()));
    }
    assert_eq!(states(store).await, [State::Skipped, State::Skipped]);
    assert_eq!(store.next_notice(at(0)).await.expect("none"), None);
}

pub(crate) async fn people_who_are_gone_do_not_end_a_drawing(store: &(impl Notices + Postbox + Subscribers)) {
    asked(store, 6).await;
    for n in 0..5 {
        let who = [address(&format!("r{n}@example.org"))];
        store.suppress(&who, Reason::Asked, &hashes, "a list", at(0)).await.expect("suppressed");
    }
    let drawn = draw(store, "one", 0).await;
    assert_eq!(drawn.iter().map(|one| one.hold.notice).collect::<Vec<_>>(), [6]);
}

pub(crate) async fn what_is_put_back_is_drawn_again(store: &(impl Notices + Postbox)) {
    asked(store, 2).await;
    let drawn = draw(store, "one", 0).await;
    set_out(store, drawn[0].hold, "one", 0).await;
    // What is on the wire cannot be taken back.
    assert_eq!(store.put_back("one", at(0)).await.expect("one"), 1);
    assert_eq!(states(store).await, [State::OnWire, State::Planned]);
    // One that was not even offered was not tried.
    let again = draw(store, "one", 0).await.remove(0);
    assert!(conclude(store, again.hold, State::Planned, 0).await);
    assert_eq!(draw(store, "one", 0).await[0].attempts, 0);
}

pub(crate) async fn what_was_accepted_cannot_be_sent_again(store: &(impl Notices + Postbox)) {
    asked(store, 2).await;
    let drawn = draw(store, "one", 0).await;
    conclude(store, drawn[0].hold, State::Accepted, 0).await;
    set_out(store, drawn[1].hold, "one", 0).await;
    assert_eq!(store.pick_up(at(9), &[]).await.expect("one"), 1);
    assert_eq!(store.resolve_notices(None, Verdict::Accepted, at(9)).await.expect("one"), 1);
    assert_eq!(store.resolve_notices(None, Verdict::NotSent, at(9)).await.expect("none"), 0);
    assert_eq!(store.retry_notices(None, at(9)).await.expect("none"), 0);
    assert_eq!(states(store).await, [State::Accepted, State::Accepted]);
}

pub(crate) async fn notices_count_for_the_day(store: &(impl Notices + Postbox + Ledger)) {
    asked(store, 2).await;
    let drawn = draw(store, "one", 0).await;
    conclude(store, drawn[0].hold, State::Accepted, 1).await;
    conclude(store, drawn[1].hold, State::Rejected, 1).await;
    assert_eq!(store.accepted_since(at(0)).await.expect("counted"), 1);
    assert_eq!(store.accepted_since(at(2)).await.expect("counted"), 0);
}
