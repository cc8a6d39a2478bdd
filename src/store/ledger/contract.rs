//! What every store promises of issues and deliveries, as tests: each takes an empty store.

use super::{Claim, Claimed, Ended, Leave, Ledger, State, Stepped, Ticket, Totals, Verdict, Wanted};
use crate::digest::history::{Record, RecordState};
use crate::store::issues::{Audience, Finished, Issues, Planned, Step, Variant};
use crate::store::subscribers::contract::{address, arrival, hashes, terms};
use crate::store::subscribers::{Manner, Subscribers};
use crate::store::{Store, StoreError, leaving};
use crate::subscriber::{Reason, State as Subscribed};
use chrono::{DateTime, TimeDelta, Utc};

/// Makes a test of each promise; `$open` is an expression that opens an empty store, in a function that may wait.
macro_rules! ledger_promises {
    ($open:expr) => {
        $crate::store::contract::each_promise!($open, store::ledger::contract;
            an_issue_is_seen_when_it_is_frozen_and_not_before
            a_run_that_was_killed_while_freezing_leaves_nothing
            two_runs_do_not_freeze_the_same_issue
            everybody_in_the_audience_has_one_delivery
            a_choice_leads_to_its_variant_or_to_nothing
            an_address_in_the_audience_gets_it_unless_its_owner_left
            claims_do_not_overlap_and_are_in_order
            many_that_claim_at_once_share_without_overlap
            leave_is_given_once_and_is_on_the_disk
            one_step_ends_some_and_begins_others
            who_left_since_gets_nothing_more
            a_lost_lease_changes_nothing
            what_dead_workers_held_is_planned_again_or_uncertain
            a_late_reply_settles_an_uncertain_delivery
            a_deferred_delivery_comes_back_when_it_is_due
            a_dead_mailbox_is_suppressed
            a_paused_issue_sends_nothing
            an_issue_is_held_while_it_is_paused_and_once_it_is_cancelled
            who_left_under_a_former_name_has_left
            what_is_given_back_is_planned_again
            cancelled_before_its_first_mail_its_posts_are_free
            cancelled_after_its_first_mail_its_posts_count_as_carried
            uncertain_deliveries_are_settled_by_hand
            rejected_deliveries_are_planned_again_by_hand
            totals_balance
            a_worker_is_known_by_what_it_holds
            people_who_are_gone_do_not_end_a_claim
            nothing_is_claimed_of_an_issue_that_is_not_open
            a_held_lease_is_told_from_a_lost_one
            a_late_no_of_a_cancelled_issue_is_cancelled
            a_late_no_of_a_done_issue_opens_it_again
            an_issue_with_something_open_is_not_done
            nothing_of_a_cancelled_issue_is_planned_by_hand
            what_a_killed_run_left_of_a_cancelled_issue_can_be_settled
            who_left_while_it_was_paused_gets_nothing_more
            who_left_the_digest_gets_it_under_no_other_name
            who_has_not_confirmed_gets_nothing_by_address
            an_address_that_never_signed_up_can_leave
            a_token_ends_the_digest_of_its_issue_and_an_unknown_one_ends_all
            deliveries_in_some_states_come_in_order_and_page_by_page
            a_step_that_is_not_as_it_should_be_changes_what_it_may
            a_period_that_was_missed_stays_so_where_it_is_not_frozen_after_all
        );
    };
}
pub(crate) use ledger_promises;

pub(crate) fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("a moment") + TimeDelta::minutes(minutes)
}

fn record(day: i64) -> Record {
    Record { digest: "weekly".into(), ..crate::store::contract::record(day, RecordState::Frozen, &["a", "b"], &[]) }
}

fn variant(number: i64) -> Variant {
    Variant {
        number,
        subject: format!("Subject {number}"),
        preheader: "Pre".into(),
        html: "<p>日本</p>".into(),
        text: "text".into(),
        entries: vec!["a".into(), "b".into()],
    }
}

async fn people(store: &impl Subscribers, addresses: &[&str]) {
    let arrivals: Vec<_> = addresses.iter().map(|text| arrival(text, &[("weekly", Subscribed::Active)])).collect();
    store.add(&arrivals, &terms(Manner::Add)).await.expect("added");
}

fn audience() -> Audience {
    Audience { digests: vec!["weekly".into()], addresses: vec![] }
}

/// Plans everybody; unknown choices lead to variant 0.
async fn plan(store: &impl Issues, issue: i64, owner: &str, audience: &Audience) -> Vec<(i64, Option<i64>)> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let step = Step { issue, owner, after, limit: 2, now: at(0), until: at(1) };
        match store.plan(step, audience).await.expect("planned") {
            Planned::Unknown(choices) => {
                let ways: Vec<_> = choices.into_iter().map(|choice| (choice, Some(0))).collect();
                store.add_variants(issue, owner, &[], &ways).await.expect("added");
            }
            Planned::Some { rows, last } => {
                all.extend(rows);
                after = last;
            }
            Planned::All => return all,
        }
    }
}

async fn finish(store: &impl Issues, issue: i64, owner: &str, record: &Record) -> Result<(), StoreError> {
    let finished = Finished {
        issue,
        owner,
        record,
        head: "{}",
        page: "<p>page</p>",
        view: "{}",
        content_hash: "c",
        audience_hash: "a",
        transport: "outbox",
        is_approved: true,
    };
    store.finish_freezing(&finished, at(0)).await
}

/// An issue that stands, for these addresses.
pub(crate) async fn frozen(store: &(impl Issues + Subscribers), addresses: &[&str]) -> i64 {
    people(store, addresses).await;
    let record = record(7);
    let issue = store.begin_freezing(&record, "run", &[], at(0), at(1)).await.expect("begun").expect("nobody else");
    store.add_variants(issue, "run", &[variant(0)], &[(String::new(), Some(0))]).await.expect("added");
    plan(store, issue, "run", &audience()).await;
    finish(store, issue, "run", &record).await.expect("frozen");
    issue
}

pub(crate) async fn claim(store: &impl Ledger, issue: i64, owner: &str, minute: i64, limit: u32) -> Vec<Claimed> {
    store.claim(Claim { issue, owner, now: at(minute), until: at(minute + 1), limit }).await.expect("claimed")
}

pub(crate) async fn leave(store: &impl Ledger, ticket: Ticket, owner: &str, minute: i64) -> Leave {
    store.step(&[], &[ticket], owner, at(minute)).await.expect("answered").leave.remove(0)
}

fn ended(ticket: Ticket, state: State) -> Ended {
    Ended {
        ticket,
        state,
        code: Some(250),
        reply: "250 ok".into(),
        reason: None,
        phase: "dot",
        due_at: None,
        is_dead: false,
    }
}

async fn end(store: &impl Ledger, ended: Ended, minute: i64) -> bool {
    store.step(&[ended], &[], "w", at(minute)).await.expect("recorded").recorded.remove(0)
}

/// Claims the first delivery, puts it on the wire and ends it.
pub(crate) async fn send(store: &impl Ledger, issue: i64, state: State) -> Ticket {
    let ticket = claim(store, issue, "w", 0, 1).await.remove(0).ticket;
    assert_eq!(leave(store, ticket, "w", 0).await, Leave::Given);
    assert!(end(store, ended(ticket, state), 0).await);
    ticket
}

async fn states(store: &impl Ledger, issue: i64) -> Vec<String> {
    let wanted = Wanted { issue: Some(issue), limit: 100, ..Wanted::default() };
    let all = store.deliveries(&wanted).await.expect("read");
    let told = |one: super::Delivery| match one.reason {
        Some(reason) => format!("{} {reason}", one.state.word()),
        None => one.state.word().to_owned(),
    };
    all.into_iter().map(told).collect()
}

pub(crate) async fn deliveries_in_some_states_come_in_order_and_page_by_page(
    store: &(impl Issues + Ledger + Subscribers),
) {
    let addresses: Vec<String> = (0..9).map(|n| format!("r{n}@example.org")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let issue = frozen(store, &addresses).await;
    for (minute, state) in [(9, State::Deferred), (3, State::Deferred), (0, State::Accepted), (0, State::Rejected)] {
        let ticket = claim(store, issue, "w", 0, 1).await.remove(0).ticket;
        assert_eq!(leave(store, ticket, "w", 0).await, Leave::Given);
        let due_at = Some(at(minute)).filter(|_| state == State::Deferred);
        assert!(end(store, Ended { due_at, ..ended(ticket, state) }, 0).await);
    }
    let pages = async |states: &[State], limit: u32| {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let wanted = Wanted { issue: Some(issue), states: states.to_vec(), after, limit, address: None };
            let page = store.deliveries(&wanted).await.expect("read");
            let Some(last) = page.last() else { return all };
            after = last.subscriber;
            all.extend(page.into_iter().map(|one| (one.mailbox, one.state)));
        }
    };
    let every = pages(&[], 9).await;
    assert_eq!(every.iter().map(|one| one.0.as_str()).collect::<Vec<_>>(), addresses);
    for states in [
        &[][..],
        &[State::Deferred],
        &[State::Planned, State::Deferred],
        &[State::Rejected, State::Accepted, State::Rejected],
        &State::ALL,
        &[State::Uncertain],
    ] {
        let want: Vec<_> = every.iter().filter(|one| states.is_empty() || states.contains(&one.1)).cloned().collect();
        for limit in [1, 2, 3, 100] {
            assert_eq!(pages(states, limit).await, want, "{states:?}, {limit} at once");
        }
    }
    let wanted = Wanted { address: Some("r1@example.org".into()), limit: 9, ..Wanted::default() };
    let found = store.deliveries(&wanted).await.expect("read");
    assert_eq!(found.iter().map(|one| one.state).collect::<Vec<_>>(), [State::Deferred]);
    let other = Wanted { states: vec![State::Accepted], ..wanted };
    assert!(store.deliveries(&other).await.expect("read").is_empty());
}

pub(crate) async fn a_step_that_is_not_as_it_should_be_changes_what_it_may(
    store: &(impl Issues + Ledger + Subscribers),
) {
    let addresses = ["a@example.org", "b@example.org", "c@example.org", "d@example.org"];
    let issue = frozen(store, &addresses).await;
    let tickets: Vec<Ticket> = claim(store, issue, "w", 0, 4).await.iter().map(|one| one.ticket).collect();
    store.step(&[], &tickets[..2], "w", at(0)).await.expect("given");
    store.suppress(&[address("d@example.org")], Reason::Asked, &hashes, "x", at(0)).await.expect("suppressed");
    let stale = Ticket { fence: tickets[1].fence + 1, ..tickets[1] };
    let ends = [ended(tickets[0], State::Deferred), ended(stale, State::Accepted)];
    let stepped = store.step(&ends, &tickets[2..], "w", at(0)).await.expect("done");
    let leave = vec![Leave::Given, Leave::Skipped("suppressed".into())];
    assert_eq!(stepped, Stepped { recorded: vec![true, false], leave });
    assert_eq!(states(store, issue).await, ["deferred", "on_wire", "on_wire", "skipped suppressed"]);
    let tries = store.attempts(issue, tickets[0].subscriber).await.expect("read");
    assert_eq!(tries.len(), 1, "what was taken back to be done over is not noted twice");
}

pub(crate) async fn an_issue_is_seen_when_it_is_frozen_and_not_before(
    store: &(impl Store + Issues + Ledger + Subscribers),
) {
    people(store, &["ana@example.org"]).await;
    let record = record(7);
    let issue = store.begin_freezing(&record, "run", &[], at(0), at(1)).await.expect("begun").expect("nobody else");
    store.add_variants(issue, "run", &[variant(0)], &[(String::new(), Some(0))]).await.expect("added");
    assert_eq!(plan(store, issue, "run", &audience()).await.len(), 1);
    assert!(store.history(&["weekly"]).await.expect("a history").is_empty());
    assert!(store.frozen(&[]).await.expect("read").is_empty());
    assert_eq!(store.digests().await.expect("names"), [""; 0]);
    finish(store, issue, "run", &record).await.expect("frozen");
    let history = store.history(&["weekly"]).await.expect("a history");
    assert_eq!(history.records(), std::slice::from_ref(&record));
    let frozen = store.frozen(&["weekly"]).await.expect("read").remove(0);
    assert_eq!((frozen.id, &frozen.period, frozen.candidates), (issue, &record.period, 1));
    assert_eq!((frozen.content_hash.as_str(), frozen.approved_at), ("c", Some(at(0))));
    assert_eq!(store.variants(issue).await.expect("read"), [variant(0)]);
    assert_eq!(store.name(issue).await.expect("read"), Some(("weekly".into(), "day-7".into())));
    assert_eq!(store.name(issue + 1).await.expect("read"), None);
    let again = store.begin_freezing(&record, "other", &[], at(5), at(6)).await.expect_err("refused").to_string();
    assert_eq!(again, "the store knows an issue `weekly/day-7` already: it is frozen");
}

pub(crate) async fn a_run_that_was_killed_while_freezing_leaves_nothing(store: &(impl Issues + Ledger + Subscribers)) {
    people(store, &["ana@example.org"]).await;
    let record = record(7);
    let issue = store.begin_freezing(&record, "killed", &[], at(0), at(1)).await.expect("begun").expect("nobody else");
    store.add_variants(issue, "killed", &[variant(0)], &[(String::new(), Some(0))]).await.expect("added");
    plan(store, issue, "killed", &audience()).await;
    // Its lease has run out: the next one takes over, and what the first one still does counts for nothing.
    let next = store.begin_freezing(&record, "next", &[], at(2), at(3)).await.expect("begun").expect("nobody else");
    assert_eq!(next, issue);
    let lost = store.add_variants(issue, "killed", &[variant(1)], &[]).await.expect_err("refused").to_string();
    assert_eq!(lost, "another run has taken over `weekly/day-7`");
    assert!(matches!(finish(store, issue, "killed", &record).await, Err(StoreError::Lost { .. })));
    store.add_variants(issue, "next", &[variant(0)], &[(String::new(), Some(0))]).await.expect("added");
    plan(store, issue, "next", &audience()).await;
    finish(store, issue, "next", &record).await.expect("frozen");
    assert_eq!(states(store, issue).await, ["planned"]);
}

pub(crate) async fn two_runs_do_not_freeze_the_same_issue(store: &impl Issues) {
    let record = record(7);
    assert!(store.begin_freezing(&record, "one", &[], at(0), at(1)).await.expect("begun").is_some());
    assert!(store.begin_freezing(&record, "two", &[], at(0), at(1)).await.expect("asked").is_none());
    let issue = store.begin_freezing(&record, "one", &[], at(0), at(1)).await.expect("begun").expect("its own");
    store.drop_freezing(issue, "one").await.expect("dropped");
    assert!(store.begin_freezing(&record, "two", &[], at(0), at(1)).await.expect("begun").is_some());
}

pub(crate) async fn everybody_in_the_audience_has_one_delivery(store: &(impl Issues + Ledger + Subscribers)) {
    let wanted = Subscribed::Active;
    let arrivals = [
        arrival("a@example.org", &[("weekly", wanted)]),
        arrival("b@example.org", &[("weekly", Subscribed::Pending)]),
        arrival("c@example.org", &[("weekly", Subscribed::Ended)]),
        arrival("d@example.org", &[("daily", wanted)]),
        arrival("e@example.org", &[("daily", wanted), ("weekly", wanted)]),
    ];
    store.add(&arrivals, &terms(Manner::Add)).await.expect("added");
    let hushed = [address("f@example.org")];
    people(store, &["f@example.org"]).await;
    store.suppress(&hushed, Reason::Asked, &hashes, "x", at(0)).await.expect("suppressed");
    let issue = frozen(store, &["g@example.org"]).await;
    assert_eq!(states(store, issue).await, ["planned", "planned", "skipped suppressed", "planned"]);
    let totals = store.totals(issue).await.expect("counted");
    assert_eq!(totals, Totals::new(4, [(State::Planned, 3), (State::Skipped, 1)]));
}

pub(crate) async fn a_choice_leads_to_its_variant_or_to_nothing(store: &(impl Issues + Ledger + Subscribers)) {
    people(store, &["a@example.org", "b@example.org", "c@example.org"]).await;
    for (text, choice) in [("b@example.org", "category=care"), ("c@example.org", "topic=none")] {
        let mut one = arrival(text, &[]);
        one.choice = Some(choice.parse().expect("a choice"));
        store.add(&[one], &terms(Manner::Add)).await.expect("added");
    }
    let record = record(7);
    let issue = store.begin_freezing(&record, "run", &[], at(0), at(1)).await.expect("begun").expect("nobody else");
    store.add_variants(issue, "run", &[variant(0), variant(1)], &[(String::new(), Some(0))]).await.expect("added");
    let step = |after| Step { issue, owner: "run", after, limit: 10, now: at(0), until: at(1) };
    let unknown = store.plan(step(0), &audience()).await.expect("asked");
    assert_eq!(unknown, Planned::Unknown(vec!["category=care".into(), "topic=none".into()]));
    let ways = [("category=care".to_owned(), Some(1)), ("topic=none".to_owned(), None)];
    store.add_variants(issue, "run", &[], &ways).await.expect("added");
    let Planned::Some { rows, last } = store.plan(step(0), &audience()).await.expect("planned") else {
        panic!("everybody is known")
    };
    assert_eq!(rows.iter().map(|row| row.1).collect::<Vec<_>>(), [Some(0), Some(1), None]);
    assert_eq!(store.plan(step(last), &audience()).await.expect("planned"), Planned::All);
    assert_eq!(states(store, issue).await, [""; 0]);
    finish(store, issue, "run", &record).await.expect("frozen");
    assert_eq!(states(store, issue).await, ["planned", "planned", "skipped empty"]);
    let variants: Vec<_> = claim(store, issue, "w", 0, 9).await.iter().map(|one| one.variant).collect();
    assert_eq!(variants, [0, 1]);
}

pub(crate) async fn an_address_in_the_audience_gets_it_unless_its_owner_left(
    store: &(impl Issues + Ledger + Subscribers),
) {
    let arrivals = [
        arrival("team@example.org", &[("daily", Subscribed::Active)]),
        arrival("gone@example.org", &[("weekly", Subscribed::Ended)]),
        arrival("both@example.org", &[("weekly", Subscribed::Active)]),
    ];
    store.add(&arrivals, &terms(Manner::Add)).await.expect("added");
    let addresses = ["team@example.org", "gone@example.org", "both@example.org", "nobody@example.org"];
    let audience = Audience { digests: vec!["weekly".into()], addresses: addresses.map(str::to_owned).to_vec() };
    let forecast = store.forecast("weekly", &audience, at(0)).await.expect("counted");
    assert_eq!(forecast.by_choice, [(String::new(), 2)]);
    assert_eq!(forecast.domains, [("example.org".to_owned(), 2)]);
    let record = record(7);
    let issue = store.begin_freezing(&record, "run", &[], at(0), at(1)).await.expect("begun").expect("nobody else");
    store.add_variants(issue, "run", &[variant(0)], &[(String::new(), Some(0))]).await.expect("added");
    assert_eq!(plan(store, issue, "run", &audience).await.len(), 2);
    finish(store, issue, "run", &record).await.expect("frozen");
    // Leaving counts for an address that the settings name, too.
    store.end(&address("team@example.org"), &[], "x", at(0)).await.expect("ended");
    assert_eq!(claim(store, issue, "w", 0, 9).await.len(), 2, "they left the daily and not the weekly");
}

pub(crate) async fn claims_do_not_overlap_and_are_in_order(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org", "c@example.org"]).await;
    let one = claim(store, issue, "w1", 0, 2).await;
    let other = claim(store, issue, "w2", 0, 2).await;
    let names = |claimed: &[Claimed]| claimed.iter().map(|one| one.mailbox.clone()).collect::<Vec<_>>();
    assert_eq!(
        (names(&one), names(&other)),
        (vec!["a@example.org".into(), "b@example.org".into()], vec!["c@example.org".into()])
    );
    assert!(claim(store, issue, "w3", 0, 2).await.is_empty());
    assert_eq!(store.owners(issue).await.expect("read"), ["w1", "w2"]);
}

pub(crate) async fn many_that_claim_at_once_share_without_overlap(store: &(impl Issues + Ledger + Subscribers + Sync)) {
    let addresses: Vec<String> = (0..40).map(|n| format!("r{n:02}@example.org")).collect();
    let issue = frozen(store, &addresses.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (a, b, c, d) = tokio::join!(
        claim(store, issue, "a", 0, 12),
        claim(store, issue, "b", 0, 12),
        claim(store, issue, "c", 0, 12),
        claim(store, issue, "d", 0, 12)
    );
    let mut all: Vec<i64> = [a, b, c, d].iter().flatten().map(|one| one.ticket.subscriber).collect();
    assert_eq!(all.len(), 40);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 40);
}

pub(crate) async fn leave_is_given_once_and_is_on_the_disk(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org"]).await;
    let claimed = claim(store, issue, "w", 0, 2).await;
    let tickets: Vec<Ticket> = claimed.iter().map(|one| one.ticket).collect();
    let stepped = store.step(&[], &tickets, "w", at(0)).await.expect("answered");
    assert_eq!(stepped.leave, [Leave::Given, Leave::Given]);
    assert_eq!(states(store, issue).await, ["on_wire", "on_wire"]);
    assert_eq!(leave(store, tickets[0], "w", 0).await, Leave::Lost);
    assert!(end(store, ended(tickets[0], State::Accepted), 0).await);
    assert!(!end(store, ended(tickets[0], State::Rejected), 0).await, "what has ended stays so");
    assert_eq!(states(store, issue).await, ["accepted", "on_wire"]);
}

pub(crate) async fn one_step_ends_some_and_begins_others(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org"]).await;
    let claimed = claim(store, issue, "w", 0, 2).await;
    assert_eq!(leave(store, claimed[0].ticket, "w", 0).await, Leave::Given);
    let accepted = ended(claimed[0].ticket, State::Accepted);
    let lost = Ticket { fence: 99, ..claimed[0].ticket };
    let (ended, asked) = ([accepted, ended(lost, State::Rejected)], [claimed[1].ticket, lost]);
    let want = Stepped { recorded: vec![true, false], leave: vec![Leave::Given, Leave::Lost] };
    assert_eq!(store.step(&ended, &asked, "w", at(0)).await.expect("recorded"), want);
    assert_eq!(states(store, issue).await, ["accepted", "on_wire"]);
}

pub(crate) async fn who_left_since_gets_nothing_more(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org", "c@example.org", "d@example.org"]).await;
    store.end(&address("a@example.org"), &[], "x", at(0)).await.expect("ended");
    let claimed = claim(store, issue, "w", 0, 9).await;
    assert_eq!(claimed.len(), 3);
    // Also after the claim, up to the last moment.
    store.end(&address("b@example.org"), &[], "x", at(0)).await.expect("ended");
    store.suppress(&[address("c@example.org")], Reason::Complained, &hashes, "x", at(0)).await.expect("suppressed");
    store.erase(&address("d@example.org"), &hashes, "x", at(0)).await.expect("erased");
    let tickets: Vec<Ticket> = claimed.iter().map(|one| one.ticket).collect();
    let answers = store.step(&[], &tickets, "w", at(0)).await.expect("answered").leave;
    assert!(answers.iter().all(|answer| *answer != Leave::Given), "{answers:?}");
    let want = ["skipped unsubscribed", "skipped unsubscribed", "skipped suppressed", "skipped erased"];
    assert_eq!(states(store, issue).await, want);
    assert!(store.totals(issue).await.expect("counted").balance());
}

pub(crate) async fn a_lost_lease_changes_nothing(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org"]).await;
    let slow = claim(store, issue, "slow", 0, 1).await.remove(0).ticket;
    store.recover(issue, at(5), &[]).await.expect("recovered");
    let quick = claim(store, issue, "quick", 5, 1).await.remove(0).ticket;
    assert!(quick.fence > slow.fence);
    assert_eq!(leave(store, slow, "slow", 5).await, Leave::Lost);
    assert!(!end(store, ended(slow, State::Rejected), 5).await);
    assert_eq!(leave(store, quick, "quick", 5).await, Leave::Given);
    // A lease that has run out gives no leave either, though nobody has taken over.
    assert!(end(store, Ended { due_at: Some(at(6)), ..ended(quick, State::Deferred) }, 5).await);
    let late = claim(store, issue, "late", 6, 1).await.remove(0).ticket;
    assert_eq!(leave(store, late, "late", 9).await, Leave::Lost);
}

pub(crate) async fn what_dead_workers_held_is_planned_again_or_uncertain(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org"]).await;
    let tickets = claim(store, issue, "w", 0, 2).await;
    assert_eq!(leave(store, tickets[1].ticket, "w", 0).await, Leave::Given);
    assert_eq!(store.recover(issue, at(0), &["other".into()]).await.expect("recovered"), 0);
    assert_eq!(states(store, issue).await, ["leased", "on_wire"], "it may still live");
    assert_eq!(store.recover(issue, at(0), &["w".into()]).await.expect("recovered"), 1);
    assert_eq!(states(store, issue).await, ["planned", "uncertain interrupted"]);
    assert!(claim(store, issue, "x", 0, 9).await.len() == 1, "what is uncertain is not sent again");
    assert_eq!(store.resend_uncertain(issue, at(0)).await.expect("planned"), 1);
    assert_eq!(claim(store, issue, "x", 0, 9).await.len(), 1);
}

pub(crate) async fn a_late_reply_settles_an_uncertain_delivery(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org"]).await;
    let ticket = claim(store, issue, "w", 0, 1).await.remove(0).ticket;
    assert_eq!(leave(store, ticket, "w", 0).await, Leave::Given);
    store.recover(issue, at(9), &[]).await.expect("recovered");
    assert_eq!(states(store, issue).await, ["uncertain interrupted"]);
    assert!(end(store, ended(ticket, State::Accepted), 9).await);
    assert_eq!(states(store, issue).await, ["accepted"]);
}

pub(crate) async fn a_deferred_delivery_comes_back_when_it_is_due(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org"]).await;
    let claimed = claim(store, issue, "w", 0, 1).await;
    let later = Ended {
        due_at: Some(at(30)),
        code: Some(450),
        reply: "450 later".into(),
        ..ended(claimed[0].ticket, State::Deferred)
    };
    assert!(end(store, later, 0).await);
    assert_eq!(store.next_due(issue).await.expect("asked"), Some(at(30)));
    let rest = claim(store, issue, "w", 29, 9).await;
    assert_eq!(rest.iter().map(|one| one.mailbox.as_str()).collect::<Vec<_>>(), ["b@example.org"]);
    let again = claim(store, issue, "w", 30, 9).await;
    assert_eq!((again.len(), again[0].attempts), (1, 1));
    let attempts = store.attempts(issue, again[0].ticket.subscriber).await.expect("read");
    assert_eq!((attempts.len(), attempts[0].reply.as_str(), attempts[0].number), (1, "450 later", 1));
    let later = Ended { due_at: Some(at(90)), ..ended(again[0].ticket, State::Deferred) };
    assert!(end(store, later, 30).await);
    assert_eq!(store.expire(issue, at(40)).await.expect("given up"), 1);
    assert_eq!(states(store, issue).await, ["rejected expired", "leased"]);
}

pub(crate) async fn a_dead_mailbox_is_suppressed(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org"]).await;
    let ticket = claim(store, issue, "w", 0, 1).await.remove(0).ticket;
    assert!(end(store, Ended { is_dead: true, code: Some(550), ..ended(ticket, State::Rejected) }, 0).await);
    let portrait = store.portrait(&address("a@example.org")).await.expect("read").expect("somebody");
    assert_eq!(portrait.subscriber.suppressed, Some(Reason::Bounced));
    assert_eq!(store.retry(issue, None, at(1)).await.expect("planned"), 1);
    assert!(claim(store, issue, "w", 1, 9).await.is_empty());
    assert_eq!(states(store, issue).await, ["skipped suppressed"]);
}

pub(crate) async fn a_paused_issue_sends_nothing(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org"]).await;
    let ticket = claim(store, issue, "w", 0, 1).await.remove(0).ticket;
    store.pause(issue, Some("by hand")).await.expect("paused");
    assert!(claim(store, issue, "w", 0, 9).await.is_empty());
    assert_eq!(leave(store, ticket, "w", 0).await, Leave::Held);
    assert_eq!(states(store, issue).await, ["leased", "planned"], "the row is as it was");
    assert_eq!(store.frozen(&[]).await.expect("read")[0].paused.as_deref(), Some("by hand"));
    store.pause(issue, None).await.expect("resumed");
    assert_eq!(leave(store, ticket, "w", 0).await, Leave::Given);
}

pub(crate) async fn an_issue_is_held_while_it_is_paused_and_once_it_is_cancelled(
    store: &(impl Issues + Ledger + Subscribers),
) {
    let issue = frozen(store, &["a@example.org"]).await;
    assert!(!store.is_held(issue).await.expect("asked"));
    store.pause(issue, Some("by hand")).await.expect("paused");
    assert!(store.is_held(issue).await.expect("asked"));
    store.pause(issue, None).await.expect("resumed");
    assert!(!store.is_held(issue).await.expect("asked"));
    assert_eq!(store.cancel(issue, at(1)).await.expect("cancelled"), (1, true));
    assert!(store.is_held(issue).await.expect("asked"));
    // What is done stays as it is.
    assert_eq!(store.cancel(issue, at(2)).await.expect("asked"), (0, false));
}

pub(crate) async fn who_left_under_a_former_name_has_left(store: &(impl Issues + Ledger + Subscribers)) {
    let arrivals = [
        arrival("left@example.org", &[("news", Subscribed::Ended), ("daily", Subscribed::Active)]),
        arrival("back@example.org", &[("news", Subscribed::Ended), ("weekly", Subscribed::Active)]),
    ];
    store.add(&arrivals, &terms(Manner::Add)).await.expect("added");
    store.take_over("weekly", &["news".into()], at(0)).await.expect("taken over");
    let both = Audience { digests: vec!["weekly".into(), "daily".into()], addresses: vec!["left@example.org".into()] };
    let forecast = store.forecast("weekly", &both, at(0)).await.expect("counted");
    assert_eq!(forecast.by_choice, [(String::new(), 1)]);
}

pub(crate) async fn what_is_given_back_is_planned_again(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org"]).await;
    let claimed = claim(store, issue, "w", 0, 2).await;
    assert_eq!(leave(store, claimed[0].ticket, "w", 0).await, Leave::Given);
    assert_eq!(store.release("w", at(0)).await.expect("released"), 1);
    assert_eq!(states(store, issue).await, ["on_wire", "planned"]);
    store.renew("w", at(60)).await.expect("renewed");
    assert_eq!(store.recover(issue, at(50), &[]).await.expect("recovered"), 0);
}

pub(crate) async fn cancelled_before_its_first_mail_its_posts_are_free(
    store: &(impl Store + Issues + Ledger + Subscribers),
) {
    let issue = frozen(store, &["a@example.org", "b@example.org"]).await;
    claim(store, issue, "w", 0, 1).await;
    assert_eq!(store.cancel(issue, at(1)).await.expect("cancelled"), (2, true));
    assert_eq!(states(store, issue).await, ["cancelled", "cancelled"]);
    let history = store.history(&["weekly"]).await.expect("a history");
    assert!(history.carrier("a").is_none());
    assert!(store.frozen(&[]).await.expect("read")[0].is_cancelled);
    assert!(store.totals(issue).await.expect("counted").balance());
}

pub(crate) async fn cancelled_after_its_first_mail_its_posts_count_as_carried(
    store: &(impl Store + Issues + Ledger + Subscribers),
) {
    let issue = frozen(store, &["a@example.org", "b@example.org"]).await;
    send(store, issue, State::Accepted).await;
    assert_eq!(store.cancel(issue, at(1)).await.expect("cancelled"), (1, false));
    assert_eq!(states(store, issue).await, ["accepted", "cancelled"]);
    let history = store.history(&["weekly"]).await.expect("a history");
    assert!(history.carrier("a").is_some());
}

pub(crate) async fn uncertain_deliveries_are_settled_by_hand(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org", "c@example.org"]).await;
    let one = send(store, issue, State::Uncertain).await;
    send(store, issue, State::Uncertain).await;
    send(store, issue, State::Accepted).await;
    store.finish(issue, at(1)).await.expect("finished");
    let settled = store.resolve(issue, Some(one.subscriber), Verdict::Accepted, at(2)).await.expect("settled");
    assert_eq!(settled, 1);
    assert_eq!(store.resolve(issue, None, Verdict::NotSent, at(2)).await.expect("settled"), 1);
    assert_eq!(states(store, issue).await, ["accepted resolved", "planned", "accepted"]);
    assert_eq!(store.frozen(&[]).await.expect("read")[0].done_at, None, "there is something to do again");
    assert!(!end(store, ended(one, State::Rejected), 2).await, "whoever held it before has nothing more to say");
}

pub(crate) async fn rejected_deliveries_are_planned_again_by_hand(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org"]).await;
    send(store, issue, State::Rejected).await;
    send(store, issue, State::Accepted).await;
    assert_eq!(store.retry(issue, None, at(1)).await.expect("planned"), 1);
    assert_eq!(states(store, issue).await, ["planned", "accepted"]);
}

pub(crate) async fn totals_balance(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org", "c@example.org"]).await;
    send(store, issue, State::Accepted).await;
    send(store, issue, State::Rejected).await;
    let totals = store.totals(issue).await.expect("counted");
    assert!(totals.balance());
    assert_eq!(store.counted(issue).await.expect("counted"), totals);
    assert_eq!((totals.open(), totals.of(State::Accepted), totals.candidates), (1, 1, 3));
    assert_eq!(store.accepted_since(at(0)).await.expect("counted"), 1);
    assert_eq!(store.accepted_since(at(1)).await.expect("counted"), 0);
}

pub(crate) async fn a_worker_is_known_by_what_it_holds(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org"]).await;
    claim(store, issue, "w1", 0, 1).await;
    claim(store, issue, "w2", 0, 1).await;
    assert_eq!(store.owners(issue).await.expect("read"), ["w1", "w2"]);
    store.release("w1", at(0)).await.expect("released");
    assert_eq!(store.owners(issue).await.expect("read"), ["w2"]);
    let found = |address: &str| Wanted { address: Some(address.into()), limit: 9, ..Wanted::default() };
    assert_eq!(store.deliveries(&found("b@example.org")).await.expect("read").len(), 1);
    assert_eq!(store.deliveries(&found("nobody@example.org")).await.expect("read").len(), 0);
}

pub(crate) async fn people_who_are_gone_do_not_end_a_claim(store: &(impl Issues + Ledger + Subscribers)) {
    let names: Vec<String> = (0..7).map(|n| format!("r{n}@example.org")).collect();
    let issue = frozen(store, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for name in &names[..5] {
        store.end(&address(name), &["weekly"], "x", at(0)).await.expect("ended");
    }
    for name in ["r5@example.org", "r6@example.org"] {
        let claimed = claim(store, issue, "w", 0, 2).await;
        assert_eq!(claimed.iter().map(|one| one.mailbox.as_str()).collect::<Vec<_>>(), [name]);
    }
    assert_eq!(states(store, issue).await[..5], ["skipped unsubscribed"; 5]);
    assert!(claim(store, issue, "w", 0, 2).await.is_empty());
}

pub(crate) async fn nothing_is_claimed_of_an_issue_that_is_not_open(store: &(impl Issues + Ledger + Subscribers)) {
    people(store, &["a@example.org"]).await;
    let record = record(7);
    let issue = store.begin_freezing(&record, "run", &[], at(0), at(1)).await.expect("begun").expect("nobody else");
    store.add_variants(issue, "run", &[variant(0)], &[(String::new(), Some(0))]).await.expect("added");
    plan(store, issue, "run", &audience()).await;
    assert!(claim(store, issue, "w", 0, 9).await.is_empty(), "it is being frozen");
    finish(store, issue, "run", &record).await.expect("frozen");
    let ticket = claim(store, issue, "w", 0, 9).await.remove(0).ticket;
    assert_eq!(leave(store, ticket, "w", 0).await, Leave::Given);
    store.cancel(issue, at(0)).await.expect("cancelled");
    let stands = store.frozen(&[]).await.expect("read").remove(0);
    assert!(stands.is_cancelled && stands.done_at.is_some(), "also after its first mail: {stands:?}");
    assert!(claim(store, issue, "w", 99, 9).await.is_empty());
}

pub(crate) async fn a_held_lease_is_told_from_a_lost_one(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org"]).await;
    let [a, b] = claim(store, issue, "w", 0, 2).await[..].iter().map(|one| one.ticket).collect::<Vec<_>>()[..] else {
        panic!("two are there")
    };
    store.pause(issue, Some("by hand")).await.expect("paused");
    store.end(&address("b@example.org"), &["weekly"], "x", at(0)).await.expect("ended");
    let other = Ticket { fence: a.fence + 1, ..a };
    let answers = store.step(&[], &[a, other, b], "w", at(0)).await.expect("answered").leave;
    assert_eq!(answers, [Leave::Held, Leave::Lost, Leave::Skipped("unsubscribed".into())]);
    assert_eq!(leave(store, a, "x", 0).await, Leave::Lost, "it is another's");
    assert_eq!(leave(store, a, "w", 5).await, Leave::Lost, "it has run out");
    assert_eq!(states(store, issue).await, ["leased", "skipped unsubscribed"]);
    assert_eq!(store.release("w", at(0)).await.expect("released"), 1);
    store.pause(issue, None).await.expect("resumed");
    let again = claim(store, issue, "w", 0, 2).await.remove(0).ticket;
    store.cancel(issue, at(0)).await.expect("cancelled");
    assert_eq!(leave(store, again, "w", 0).await, Leave::Lost, "it was taken back");
}

pub(crate) async fn a_late_no_of_a_cancelled_issue_is_cancelled(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org", "c@example.org"]).await;
    let tickets: Vec<Ticket> = claim(store, issue, "w", 0, 3).await.iter().map(|one| one.ticket).collect();
    store.step(&[], &tickets, "w", at(0)).await.expect("answered");
    assert_eq!(store.cancel(issue, at(0)).await.expect("cancelled"), (0, false));
    let later = Ended { due_at: Some(at(30)), ..ended(tickets[0], State::Deferred) };
    let all = [later, ended(tickets[1], State::Planned), ended(tickets[2], State::Accepted)];
    assert_eq!(store.step(&all, &[], "w", at(1)).await.expect("recorded").recorded, [true; 3]);
    assert_eq!(states(store, issue).await, ["cancelled", "cancelled", "accepted"]);
    assert_eq!(store.next_due(issue).await.expect("asked"), None);
    let totals = store.totals(issue).await.expect("counted");
    assert!(totals.balance() && totals.open() == 0);
    assert!(store.frozen(&[]).await.expect("read")[0].done_at.is_some());
}

pub(crate) async fn a_late_no_of_a_done_issue_opens_it_again(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org"]).await;
    let ticket = claim(store, issue, "w", 0, 1).await.remove(0).ticket;
    assert_eq!(leave(store, ticket, "w", 0).await, Leave::Given);
    store.recover(issue, at(9), &[]).await.expect("recovered");
    store.finish(issue, at(9)).await.expect("finished");
    assert!(store.frozen(&[]).await.expect("read")[0].done_at.is_some());
    assert!(end(store, Ended { due_at: Some(at(30)), ..ended(ticket, State::Deferred) }, 10).await);
    assert_eq!(store.frozen(&[]).await.expect("read")[0].done_at, None);
    assert_eq!(claim(store, issue, "w", 30, 1).await.len(), 1);
}

pub(crate) async fn an_issue_with_something_open_is_not_done(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org"]).await;
    let done = async || store.frozen(&[]).await.expect("read")[0].done_at;
    store.finish(issue, at(1)).await.expect("asked");
    assert_eq!(done().await, None, "planned");
    let ticket = claim(store, issue, "w", 0, 1).await.remove(0).ticket;
    store.finish(issue, at(1)).await.expect("asked");
    assert_eq!(done().await, None, "leased");
    assert_eq!(leave(store, ticket, "w", 0).await, Leave::Given);
    store.finish(issue, at(1)).await.expect("asked");
    assert_eq!(done().await, None, "on the wire");
    assert!(end(store, Ended { due_at: Some(at(5)), ..ended(ticket, State::Deferred) }, 0).await);
    store.finish(issue, at(1)).await.expect("asked");
    assert_eq!(done().await, None, "deferred");
    store.expire(issue, at(2)).await.expect("given up");
    store.finish(issue, at(3)).await.expect("finished");
    assert_eq!(done().await, Some(at(3)));
    assert_eq!(store.retry(issue, None, at(4)).await.expect("planned"), 1);
    assert_eq!(done().await, None, "planned again");
}

pub(crate) async fn nothing_of_a_cancelled_issue_is_planned_by_hand(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org", "c@example.org"]).await;
    send(store, issue, State::Rejected).await;
    send(store, issue, State::Uncertain).await;
    send(store, issue, State::Uncertain).await;
    store.cancel(issue, at(1)).await.expect("cancelled");
    let refused = "`weekly/day-7` is cancelled, and nothing of it is sent any more";
    assert_eq!(store.retry(issue, None, at(2)).await.expect_err("refused").to_string(), refused);
    let resolved = store.resolve(issue, None, Verdict::NotSent, at(2)).await;
    assert_eq!(resolved.expect_err("refused").to_string(), refused);
    assert_eq!(store.resend_uncertain(issue, at(2)).await.expect("asked"), 0);
    assert_eq!(store.resolve(issue, None, Verdict::Accepted, at(2)).await.expect("settled"), 2);
    assert_eq!(states(store, issue).await, ["rejected", "accepted resolved", "accepted resolved"]);
}

pub(crate) async fn what_a_killed_run_left_of_a_cancelled_issue_can_be_settled(
    store: &(impl Issues + Ledger + Subscribers),
) {
    let issue = frozen(store, &["a@example.org"]).await;
    let ticket = claim(store, issue, "killed", 0, 1).await.remove(0).ticket;
    assert_eq!(leave(store, ticket, "killed", 0).await, Leave::Given);
    store.cancel(issue, at(0)).await.expect("cancelled");
    // The lease of what is on the wire goes on as long as its run does.
    store.renew("killed", at(5)).await.expect("renewed");
    assert_eq!(store.resolve(issue, None, Verdict::Accepted, at(4)).await.expect("asked"), 0);
    assert_eq!(states(store, issue).await, ["on_wire"]);
    assert_eq!(store.resolve(issue, None, Verdict::Accepted, at(5)).await.expect("settled"), 1);
    assert_eq!(states(store, issue).await, ["accepted resolved"]);
}

pub(crate) async fn who_left_while_it_was_paused_gets_nothing_more(store: &(impl Issues + Ledger + Subscribers)) {
    let issue = frozen(store, &["a@example.org", "b@example.org"]).await;
    let held = claim(store, issue, "w", 0, 1).await.remove(0).ticket;
    store.pause(issue, Some("by hand")).await.expect("paused");
    for name in ["a@example.org", "b@example.org"] {
        store.end(&address(name), &["weekly"], "x", at(0)).await.expect("ended");
    }
    store.pause(issue, None).await.expect("resumed");
    assert_eq!(leave(store, held, "w", 0).await, Leave::Skipped("unsubscribed".into()));
    assert!(claim(store, issue, "w", 0, 9).await.is_empty());
    assert_eq!(states(store, issue).await, ["skipped unsubscribed"; 2]);
}

/// How many an audience has, by its forecast and by what was planned.
async fn counted(store: &(impl Issues + Ledger), audience: &Audience) -> (u64, usize, i64) {
    let forecast = store.forecast("weekly", audience, at(0)).await.expect("counted");
    let forecast = forecast.by_choice.iter().map(|(_, n)| n).sum();
    let record = record(7);
    let issue = store.begin_freezing(&record, "run", &[], at(0), at(1)).await.expect("begun").expect("nobody else");
    store.add_variants(issue, "run", &[variant(0)], &[(String::new(), Some(0))]).await.expect("added");
    let planned = plan(store, issue, "run", audience).await.len();
    finish(store, issue, "run", &record).await.expect("frozen");
    (forecast, planned, issue)
}

pub(crate) async fn who_left_the_digest_gets_it_under_no_other_name(store: &(impl Issues + Ledger + Subscribers)) {
    use Subscribed::{Active, Ended, Pending};
    let arrivals = [
        arrival("left@example.org", &[("daily", Active), ("weekly", Ended)]),
        arrival("leaves@example.org", &[("daily", Active), ("weekly", Active)]),
        arrival("waits@example.org", &[("daily", Active), ("weekly", Pending)]),
        arrival("stays@example.org", &[("daily", Active), ("weekly", Active)]),
    ];
    store.add(&arrivals, &terms(Manner::Add)).await.expect("added");
    let both = Audience { digests: vec!["weekly".into(), "daily".into()], addresses: vec!["left@example.org".into()] };
    let (forecast, planned, issue) = counted(store, &both).await;
    assert_eq!((forecast, planned), (3, 3));
    store.end(&address("leaves@example.org"), &["weekly"], "x", at(0)).await.expect("ended");
    // Who leaves the other one still has this one.
    store.end(&address("stays@example.org"), &["daily"], "x", at(0)).await.expect("ended");
    let names: Vec<String> = claim(store, issue, "w", 0, 9).await.into_iter().map(|one| one.mailbox).collect();
    assert_eq!(names, ["waits@example.org", "stays@example.org"]);
    assert_eq!(states(store, issue).await, ["skipped unsubscribed", "leased", "leased"]);
}

pub(crate) async fn who_has_not_confirmed_gets_nothing_by_address(store: &(impl Issues + Ledger + Subscribers)) {
    let arrivals = [
        arrival("new@example.org", &[("weekly", Subscribed::Pending)]),
        arrival("team@example.org", &[("daily", Subscribed::Active)]),
    ];
    store.add(&arrivals, &terms(Manner::Add)).await.expect("added");
    let addresses = ["new@example.org", "team@example.org"].map(str::to_owned).to_vec();
    let (forecast, planned, issue) = counted(store, &Audience { digests: vec![], addresses }).await;
    assert_eq!((forecast, planned), (1, 1));
    store
        .add(&[arrival("team@example.org", &[("weekly", Subscribed::Pending)])], &terms(Manner::Add))
        .await
        .expect("added");
    assert!(claim(store, issue, "w", 0, 9).await.is_empty());
    assert_eq!(states(store, issue).await, ["skipped unconfirmed"]);
}

pub(crate) async fn an_address_that_never_signed_up_can_leave(store: &(impl Issues + Ledger + Subscribers)) {
    let arrivals = [arrival("team@example.org", &[("daily", Subscribed::Active)])];
    store.add(&arrivals, &terms(Manner::Add)).await.expect("added");
    let team = address("team@example.org");
    let audience = Audience { digests: vec![], addresses: vec!["team@example.org".into()] };
    let (forecast, planned, issue) = counted(store, &audience).await;
    assert_eq!((forecast, planned), (1, 1));
    let ended = store.end(&team, &["weekly"], "a mail", at(0)).await.expect("ended");
    assert_eq!(ended, Some(vec!["weekly".to_owned()]));
    assert_eq!(store.end(&team, &["weekly"], "a mail", at(0)).await.expect("ended"), Some(vec![]));
    assert!(claim(store, issue, "w", 0, 9).await.is_empty());
    assert_eq!(states(store, issue).await, ["skipped unsubscribed"]);
    assert_eq!(store.forecast("weekly", &audience, at(0)).await.expect("counted").by_choice, []);
    // The digest that they did sign up to is as it was.
    let portrait = store.portrait(&team).await.expect("read").expect("somebody");
    assert_eq!(portrait.subscriber.state(["daily"]), Some(Subscribed::Active));
}

pub(crate) async fn a_token_ends_the_digest_of_its_issue_and_an_unknown_one_ends_all(
    store: &(impl Issues + Ledger + Subscribers + Sync),
) {
    let issue = frozen(store, &["a@example.org"]).await;
    let daily = arrival("a@example.org", &[("daily", Subscribed::Active), ("gone", Subscribed::Active)]);
    store.add(&[daily], &terms(Manner::Add)).await.expect("added");
    let known = store.portrait(&address("a@example.org")).await.expect("read").expect("somebody").subscriber;
    let digest = "from = \"a@example.org\"\npostal_address = \"1 Street\"\nschedule = \"Mon 09:00\"\n";
    let text = format!(
        "[site]\ntitle = \"A\"\nurl = \"https://example.org/\"\n[digest.letter]\n{digest}formerly = [\"weekly\"]\n\
         [digest.daily]\n{digest}audience = \"digest=daily or address=a@example.org\"\n"
    );
    let config = crate::config::Config::parse(&text).expect("settings");
    let left = async |subscriber, issue| {
        let left = leaving::leave(store, &config, (subscriber, issue), "a mail", at(0)).await.expect("left");
        left.map(|left| left.ended.join(" "))
    };
    let number = u32::try_from(issue).expect("a small number");
    assert_eq!(left(known.id, number).await.as_deref(), Some("weekly"));
    assert_eq!(left(known.id, number).await.as_deref(), Some(""), "the same again is as fine");
    assert_eq!(left(known.id, number + 1).await.as_deref(), Some("daily gone"));
    assert_eq!(left(known.id, 0).await.as_deref(), Some(""));
    assert_eq!(left(known.id + 1, number).await, None);
    let now = store.by_id(known.id).await.expect("read").expect("somebody");
    assert!(now.subscriptions.iter().all(|one| one.state == Subscribed::Ended), "{now:?}");
    // Nobody can bring them back by the name that the digest has today.
    assert_eq!(now.state(["letter"]), Some(Subscribed::Ended));
}

pub(crate) async fn a_period_that_was_missed_stays_so_where_it_is_not_frozen_after_all(
    store: &(impl Store + Issues + Ledger + Subscribers),
) {
    people(store, &["a@example.org"]).await;
    let frozen = record(7);
    let missed = Record { state: RecordState::Missed, carried: vec![], passed: vec!["old".into()], ..frozen.clone() };
    store.record_issue(&missed, at(0)).await.expect("recorded");
    let known = async || store.history(&["weekly"]).await.expect("a history").records().to_vec();
    let begun = async |owner, minute| {
        let begun = store.begin_freezing(&frozen, owner, &[], at(minute), at(minute + 1)).await;
        begun.expect("begun").expect("nobody else")
    };
    // A run is killed while it freezes it, the next one finds that there is nobody.
    let issue = begun("killed", 0).await;
    store.add_variants(issue, "killed", &[variant(0)], &[(String::new(), Some(0))]).await.expect("added");
    plan(store, issue, "killed", &audience()).await;
    assert_eq!(known().await, std::slice::from_ref(&missed), "it is known as missed all the while");
    assert_eq!(begun("next", 5).await, issue);
    store.drop_freezing(issue, "next").await.expect("dropped");
    assert_eq!(known().await, std::slice::from_ref(&missed));
    assert_eq!(states(store, issue).await, [""; 0]);
    assert_eq!(store.freezers().await.expect("read"), [""; 0]);
    // Somebody records it again over what a killed run has left.
    assert_eq!(begun("killed", 7).await, issue);
    plan(store, issue, "killed", &audience()).await;
    store.record_issue(&missed, at(8)).await.expect("recorded");
    assert_eq!((known().await, states(store, issue).await), (vec![missed], vec![]));
    let issue = begun("last", 9).await;
    store.add_variants(issue, "last", &[variant(0)], &[(String::new(), Some(0))]).await.expect("added");
    plan(store, issue, "last", &audience()).await;
    finish(store, issue, "last", &frozen).await.expect("frozen");
    let want = Record { passed: vec!["old".into()], ..frozen.clone() };
    assert_eq!(known().await, [want]);
}
