//! What every store promises of notices and of what people decide, as tests: each takes an empty store.

use super::{
    Addressee, Ask, Asked, Confirmed, Granted, Kind, Limits, LinkWanted, Notices, Purged, Question, Request, Silence,
    Wish, Yes,
};
use crate::store::Store;
use crate::store::StoreError;
use crate::store::issues::Issues;
use crate::store::ledger::contract::{claim, frozen, leave};
use crate::store::ledger::{Leave, Ledger, State as Standing};
use crate::store::postbox::{Postbox, Which};
use crate::store::subscribers::contract::{address, arrival, hashes, terms, told, trail};
use crate::store::subscribers::{Manner, Subscribers};
use crate::subscriber::choice::Choice;
use crate::subscriber::{Reason, State, name};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::error::Error;

/// Makes a test of each promise; `$open` is an expression that opens an empty store, in a function that may wait.
macro_rules! notice_promises {
    ($open:expr) => {
        $crate::store::contract::each_promise!($open, store::notices::contract;
            who_is_unknown_is_asked_and_gets_nothing_before_a_yes
            a_form_changes_nothing_for_somebody_who_is_known
            a_form_that_chooses_nothing_leaves_a_choice_as_it_is
            who_gets_all_of_it_already_is_told_so
            another_choice_is_asked_about
            a_yes_is_put_into_effect_once
            a_yes_brings_back_who_left_bounced_or_was_erased
            who_complained_is_neither_asked_nor_brought_back
            one_address_is_not_flooded
            numbers_do_not_tell_who_is_known
            one_yes_answers_the_same_question_twice
            who_leaves_is_not_brought_back_by_an_older_link
            a_yes_of_somebody_else_is_worth_nothing
            what_cannot_be_composed_leaves_no_trace
            a_link_is_for_people_who_are_known
            a_welcome_follows_a_yes_that_is_news
            people_decide_what_they_get
            who_never_confirmed_cannot_join_by_deciding
            who_left_under_an_older_name_has_left_the_digest
            who_paused_gets_no_issue_until_the_pause_is_over
            a_pause_holds_for_an_issue_that_is_going_out
            who_never_said_yes_is_forgotten
            whoever_is_known_otherwise_is_not_forgotten
            old_notices_lose_their_letters
            who_is_erased_gets_no_notice
            of_many_that_ask_at_once_one_is_queued
        );
    };
}
pub(crate) use notice_promises;

pub(crate) fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("a moment") + TimeDelta::minutes(minutes)
}

static NONE: BTreeMap<String, Vec<String>> = BTreeMap::new();
const LIMITS: Limits = Limits { per_address: 3, repeat_after: TimeDelta::minutes(5) };

pub(crate) fn request(digests: &[&str]) -> Request {
    Request { digests: digests.iter().map(|one| (*one).to_owned()).collect(), ..Request::default() }
}

pub(crate) fn compose(to: &Addressee) -> Result<String, Box<dyn Error + Send + Sync>> {
    Ok(format!("{} {} for {}", to.kind.word(), to.notice, to.subscriber))
}

pub(crate) async fn ask(store: &impl Notices, who: &str, request: &Request, minute: i64) -> Asked {
    let ask = Ask {
        address: &address(who),
        request,
        source: "the form",
        now: at(minute),
        limits: LIMITS,
        formerly: &NONE,
        hashes: &hashes,
    };
    store.ask(&ask, &compose).await.expect("asked")
}

pub(crate) async fn link(store: &impl Notices, who: &str, minute: i64) -> Asked {
    let wanted = LinkWanted { address: &address(who), now: at(minute), limits: LIMITS, hashes: &hashes };
    store.link(&wanted, &compose).await.expect("asked")
}

fn a_yes(notice: u32, subscriber: i64, minute: i64) -> Yes<'static> {
    Yes { notice, subscriber, source: "the mail", now: at(minute), formerly: &NONE, hashes: &hashes }
}

pub(crate) async fn confirm(store: &impl Notices, notice: u32, subscriber: i64, minute: i64) -> Confirmed {
    store.confirm(&a_yes(notice, subscriber, minute), None).await.expect("answered")
}

pub(crate) fn queued(asked: Asked) -> u32 {
    match asked {
        Asked::Queued(notice, _) => notice,
        Asked::Hushed(silence) => panic!("{silence:?}"),
    }
}

fn done(digests: &[&str]) -> Confirmed {
    Confirmed::Done { joined: digests.iter().map(|one| (*one).to_owned()).collect() }
}

async fn id(store: &impl Subscribers, who: &str) -> i64 {
    store.portrait(&address(who)).await.expect("read").expect("somebody").subscriber.id
}

/// Somebody who gets the weekly.
async fn reader(store: &impl Subscribers, who: &str) -> i64 {
    store.add(&[arrival(who, &[("weekly", State::Active)])], &terms(Manner::Add)).await.expect("added");
    id(store, who).await
}

pub(crate) async fn who_is_unknown_is_asked_and_gets_nothing_before_a_yes(store: &(impl Notices + Subscribers)) {
    let mut wanted = request(&["weekly", "daily"]);
    wanted.choice = Some(Choice::new(["care"], []));
    wanted.name = name("Ana").expect("a name");
    let notice = queued(ask(store, "Ana@example.org", &wanted, 0).await);
    assert_eq!(told(store, "ana@example.org").await, "Ana@example.org, daily pending, weekly pending");
    assert_eq!(trail(store, "ana@example.org").await, ["subscribed weekly the form", "subscribed daily the form"]);
    let ana = id(store, "ana@example.org").await;
    let question = store.question(notice, ana).await.expect("read").expect("a question");
    let sorted = Request { digests: vec!["daily".into(), "weekly".into()], ..wanted };
    assert_eq!(question, Question { request: sorted, is_settled: false });
    assert_eq!(confirm(store, notice, ana, 1).await, done(&["daily", "weekly"]));
    let want = "Ana@example.org, Ana, category=care, daily active, weekly active";
    assert_eq!(told(store, "ana@example.org").await, want);
    let trail = trail(store, "ana@example.org").await;
    assert_eq!(trail[2..], ["confirmed daily the mail", "confirmed weekly the mail", "changed all the mail"]);
    // Who wants nothing is not even remembered.
    assert_eq!(ask(store, "li@example.org", &request(&[]), 0).await, Asked::Hushed(Silence::Unknown));
    assert_eq!(told(store, "li@example.org").await, "nobody");
}

pub(crate) async fn a_form_changes_nothing_for_somebody_who_is_known(store: &(impl Notices + Subscribers)) {
    let mut known = arrival("Ana@example.org", &[("weekly", State::Active), ("daily", State::Ended)]);
    known.name = name("Ana").expect("a name");
    store.add(&[known], &terms(Manner::Add)).await.expect("added");
    let before = trail(store, "ana@example.org").await;
    let mut wanted = request(&["weekly", "daily", "monthly"]);
    wanted.choice = Some(Choice::new(["care"], []));
    wanted.name = name("Mallory").expect("a name");
    queued(ask(store, "ANA@example.org", &wanted, 0).await);
    // Not even pending: who is named in the audience of the monthly would lose it.
    assert_eq!(told(store, "ana@example.org").await, "Ana@example.org, Ana, daily ended, weekly active");
    assert_eq!(trail(store, "ana@example.org").await, before);
    let ana = id(store, "ana@example.org").await;
    assert_eq!(confirm(store, 1, ana, 1).await, done(&["daily", "monthly"]));
    let want = "Ana@example.org, Mallory, category=care, daily active, monthly active, weekly active";
    assert_eq!(told(store, "ana@example.org").await, want);
    // Nor for somebody who was imported and has not said yes.
    store
        .add(&[arrival("li@example.org", &[("weekly", State::Pending)])], &terms(Manner::Import))
        .await
        .expect("added");
    queued(ask(store, "li@example.org", &request(&["daily"]), 1).await);
    assert_eq!(told(store, "li@example.org").await, "li@example.org, weekly pending");
}

pub(crate) async fn a_form_that_chooses_nothing_leaves_a_choice_as_it_is(store: &(impl Notices + Subscribers)) {
    let ana = reader(store, "ana@example.org").await;
    wish(store, ana, &["weekly"], &Choice::new(["care"], [])).await.expect("somebody");
    let wanted = Request { choice: Some(Choice::default()), ..request(&["daily"]) };
    let notice = queued(ask(store, "ana@example.org", &wanted, 6).await);
    assert_eq!(confirm(store, notice, ana, 7).await, done(&["daily"]));
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, category=care, daily active, weekly active");
    // Of somebody who never said yes, a choice is but what a stranger may have filled in.
    let other = Request { choice: Some(Choice::new(["other"], [])), ..request(&["daily"]) };
    let strange = queued(ask(store, "li@example.org", &other, 6).await);
    let own = queued(ask(store, "li@example.org", &wanted, 6).await);
    let li = id(store, "li@example.org").await;
    for notice in [strange, own] {
        confirm(store, notice, li, 7).await;
    }
    assert_eq!(told(store, "li@example.org").await, "li@example.org, daily active");
}

pub(crate) async fn who_gets_all_of_it_already_is_told_so(store: &(impl Notices + Subscribers)) {
    let ana = reader(store, "ana@example.org").await;
    let mut wanted = request(&["weekly"]);
    for choice in [None, Some(Choice::default())] {
        wanted.choice = choice;
        let asked = ask(store, "ana@example.org", &wanted, 0).await;
        let is_first = matches!(asked, Asked::Queued(_, Kind::Known));
        assert!(is_first || asked == Asked::Hushed(Silence::Again), "{asked:?}");
    }
    // There is nothing to say yes to.
    assert_eq!(store.question(1, ana).await.expect("read"), None);
    assert_eq!(confirm(store, 1, ana, 1).await, Confirmed::Gone);
}

pub(crate) async fn another_choice_is_asked_about(store: &(impl Notices + Subscribers)) {
    let ana = reader(store, "ana@example.org").await;
    let wanted = Request { choice: Some(Choice::new([], ["aws"])), ..request(&["weekly"]) };
    let asked = ask(store, "ana@example.org", &wanted, 0).await;
    assert_eq!(asked, Asked::Queued(queued(asked), Kind::Confirm));
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, weekly active");
    assert_eq!(confirm(store, queued(asked), ana, 1).await, done(&[]));
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, topic=aws, weekly active");
}

pub(crate) async fn a_yes_is_put_into_effect_once(store: &(impl Notices + Subscribers)) {
    let notice = queued(ask(store, "ana@example.org", &request(&["weekly"]), 0).await);
    let ana = id(store, "ana@example.org").await;
    assert_eq!(confirm(store, notice, ana, 1).await, done(&["weekly"]));
    assert!(store.question(notice, ana).await.expect("read").expect("a question").is_settled);
    assert_eq!(confirm(store, notice, ana, 2).await, Confirmed::Already);
    store.end(&address("ana@example.org"), &[], "a mail", at(3)).await.expect("ended");
    let before = trail(store, "ana@example.org").await;
    assert_eq!(confirm(store, notice, ana, 4).await, Confirmed::Already);
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, weekly ended");
    assert_eq!(trail(store, "ana@example.org").await, before);
}

pub(crate) async fn a_yes_brings_back_who_left_bounced_or_was_erased(store: &(impl Notices + Subscribers)) {
    reader(store, "left@example.org").await;
    store.end(&address("left@example.org"), &[], "a mail", at(0)).await.expect("ended");
    reader(store, "bounced@example.org").await;
    reader(store, "erased@example.org").await;
    store.erase(&address("erased@example.org"), &hashes, "a letter", at(0)).await.expect("erased");
    for (who, reason) in [("bounced@example.org", Reason::Bounced), ("list@example.org", Reason::Imported)] {
        store.suppress(&[address(who)], reason, &hashes, "a list", at(0)).await.expect("suppressed");
    }
    for who in ["left@example.org", "bounced@example.org", "erased@example.org", "list@example.org"] {
        let notice = queued(ask(store, who, &request(&["weekly"]), 1).await);
        let person = id(store, who).await;
        let joined: &[&str] = if who.starts_with("bounced") { &[] } else { &["weekly"] };
        assert_eq!(confirm(store, notice, person, 2).await, done(joined), "{who}");
        assert_eq!(told(store, who).await, format!("{who}, weekly active"));
        assert_eq!(store.suppression(&address(who), &hashes).await.expect("read"), None);
    }
    let trail = trail(store, "left@example.org").await;
    assert_eq!(trail[trail.len() - 2..], ["subscribed weekly the form", "confirmed weekly the mail"]);
}

pub(crate) async fn who_complained_is_neither_asked_nor_brought_back(store: &(impl Notices + Subscribers)) {
    for (who, reason) in [("a@example.org", Reason::Complained), ("b@example.org", Reason::Asked)] {
        store.suppress(&[address(who)], reason, &hashes, "a list", at(0)).await.expect("suppressed");
        let asked = ask(store, who, &request(&["weekly"]), 1).await;
        assert_eq!((asked, told(store, who).await), (Asked::Hushed(Silence::Suppressed), "nobody".into()));
    }
    // Who complains of the question has said no.
    let notice = queued(ask(store, "c@example.org", &request(&["weekly"]), 1).await);
    let person = id(store, "c@example.org").await;
    let c = address("c@example.org");
    store.suppress(&[c], Reason::Complained, &hashes, "a complaint", at(2)).await.expect("suppressed");
    assert_eq!(store.question(notice, person).await.expect("read"), None);
    assert_eq!(confirm(store, notice, person, 3).await, Confirmed::Gone);
    assert_eq!(told(store, "c@example.org").await, "c@example.org, weekly pending, complained");
    assert_eq!(link(store, "c@example.org", 3).await, Asked::Hushed(Silence::Suppressed));
}

pub(crate) async fn one_address_is_not_flooded(store: &(impl Notices + Subscribers)) {
    let weekly = request(&["weekly"]);
    queued(ask(store, "ana@example.org", &weekly, 0).await);
    assert_eq!(ask(store, "ana@example.org", &weekly, 4).await, Asked::Hushed(Silence::Again));
    queued(ask(store, "ana@example.org", &weekly, 6).await);
    queued(ask(store, "ana@example.org", &request(&["daily"]), 7).await);
    assert_eq!(ask(store, "ana@example.org", &request(&["monthly"]), 8).await, Asked::Hushed(Silence::Enough));
    // Nobody is kept from their link by what strangers fill in, but links have an end, too.
    for minute in [8, 14, 20] {
        queued(link(store, "ana@example.org", minute).await);
    }
    assert_eq!(link(store, "ana@example.org", 26).await, Asked::Hushed(Silence::Enough));
    // What was not asked leaves no trace.
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, daily pending, weekly pending");
    // Others are not in the way, and a day is over some time. What was confirmed does not count.
    queued(ask(store, "li@example.org", &weekly, 8).await);
    let notice = queued(ask(store, "ana@example.org", &weekly, 24 * 60 + 1).await);
    confirm(store, notice, id(store, "ana@example.org").await, 24 * 60 + 2).await;
    queued(ask(store, "ana@example.org", &request(&["daily"]), 24 * 60 + 3).await);
}

pub(crate) async fn numbers_do_not_tell_who_is_known(store: &(impl Notices + Subscribers)) {
    let weekly = request(&["weekly"]);
    for who in ["a@x.org", "limited@x.org", "again@x.org"] {
        reader(store, who).await;
    }
    for (who, reason) in [("stranger@x.org", Reason::Asked), ("a@x.org", Reason::Complained)] {
        store.suppress(&[address(who)], reason, &hashes, "a list", at(0)).await.expect("suppressed");
    }
    for n in 0..3 {
        queued(ask(store, "limited@x.org", &request(&[&format!("d{n}")]), 0).await);
    }
    queued(ask(store, "again@x.org", &weekly, 0).await);
    queued(link(store, "again@x.org", 0).await);
    reader(store, "known@x.org").await;
    let mut seen = 0;
    let mut own = async || {
        seen += 1;
        let who = format!("me{seen}@y.org");
        (queued(ask(store, &who, &weekly, 1).await), id(store, &who).await)
    };
    let mut last = own().await;
    let daily = request(&["daily"]);
    let none = request(&[]);
    let forms = [
        ("unknown@x.org", &weekly),
        ("known@x.org", &weekly),
        ("known@x.org", &daily),
        ("again@x.org", &weekly),
        ("limited@x.org", &weekly),
        ("a@x.org", &weekly),
        ("stranger@x.org", &weekly),
        ("nobody@x.org", &none),
    ];
    for (who, request) in forms {
        let asked = ask(store, who, request, 1).await;
        let next = own().await;
        assert_eq!((next.0 - last.0, next.1 - last.1), (2, 2), "{who} {asked:?}");
        last = next;
    }
    for who in ["nobody@x.org", "known@x.org", "again@x.org", "limited@x.org", "a@x.org", "stranger@x.org"] {
        let asked = link(store, who, 1).await;
        let next = own().await;
        assert_eq!((next.0 - last.0, next.1 - last.1), (2, 1), "{who} {asked:?}");
        last = next;
    }
}

pub(crate) async fn one_yes_answers_the_same_question_twice(store: &(impl Notices + Subscribers + Postbox)) {
    let first = queued(ask(store, "ana@example.org", &request(&["weekly", "daily"]), 0).await);
    let again = queued(ask(store, "ana@example.org", &request(&["daily", "weekly", "daily"]), 10).await);
    let ana = id(store, "ana@example.org").await;
    assert_eq!(confirm(store, again, ana, 11).await, done(&["daily", "weekly"]));
    assert_eq!(confirm(store, first, ana, 12).await, Confirmed::Already);
    // What was not sent yet need not be sent any more.
    assert_eq!(store.draw("me", 9, at(13), at(14)).await.expect("drawn"), []);
    let all = store.notices(&Which { limit: 9, ..Which::default() }).await.expect("read");
    assert!(all.iter().all(|one| one.reason.as_deref() == Some("settled") && one.settled_at == Some(at(11))));
}

pub(crate) async fn who_leaves_is_not_brought_back_by_an_older_link(store: &(impl Notices + Subscribers)) {
    for who in ["ended", "wished", "erased", "suppressed"] {
        let text = format!("{who}@example.org");
        let (person, who) = (reader(store, &text).await, address(&text));
        let notice = queued(ask(store, &text, &request(&["daily", "weekly"]), 0).await);
        match &*text {
            "ended@example.org" => drop(store.end(&who, &["weekly"], "a mail", at(1)).await.expect("ended")),
            "wished@example.org" => drop(wish(store, person, &[], &Choice::default()).await),
            "erased@example.org" => drop(store.erase(&who, &hashes, "a letter", at(1)).await.expect("erased")),
            _ => drop(store.suppress(&[who], Reason::Bounced, &hashes, "a list", at(1)).await.expect("suppressed")),
        }
        let before = told(store, &text).await;
        let want = if before == "nobody" { Confirmed::Gone } else { Confirmed::Already };
        assert_eq!(confirm(store, notice, person, 2).await, want, "{text}");
        assert_eq!(told(store, &text).await, before);
    }
    // Who changes what they read and leaves nothing may still say yes.
    let ana = reader(store, "ana@example.org").await;
    let notice = queued(ask(store, "ana@example.org", &request(&["daily"]), 0).await);
    wish(store, ana, &["weekly"], &Choice::new(["care"], [])).await.expect("somebody");
    assert_eq!(confirm(store, notice, ana, 6).await, done(&["daily"]));
}

pub(crate) async fn a_yes_of_somebody_else_is_worth_nothing(store: &(impl Notices + Subscribers)) {
    let notice = queued(ask(store, "ana@example.org", &request(&["weekly"]), 0).await);
    let li = reader(store, "li@example.org").await;
    let ana = id(store, "ana@example.org").await;
    for (notice, subscriber) in [(notice, li), (notice + 1, ana), (0, ana), (notice, 99)] {
        assert_eq!(confirm(store, notice, subscriber, 1).await, Confirmed::Gone);
        assert_eq!(store.question(notice, subscriber).await.expect("read"), None);
    }
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, weekly pending");
}

pub(crate) async fn what_cannot_be_composed_leaves_no_trace(store: &(impl Notices + Subscribers)) {
    let ask = Ask {
        address: &address("ana@example.org"),
        request: &request(&["weekly"]),
        source: "the form",
        now: at(0),
        limits: LIMITS,
        formerly: &NONE,
        hashes: &hashes,
    };
    let err = store.ask(&ask, &|_| Err("no words".into())).await.expect_err("refused");
    assert!(matches!(&err, StoreError::Letter(cause) if cause.to_string() == "no words"), "{err:?}");
    assert_eq!(told(store, "ana@example.org").await, "nobody");
}

pub(crate) async fn a_link_is_for_people_who_are_known(store: &(impl Notices + Subscribers + Postbox)) {
    assert_eq!(link(store, "ana@example.org", 0).await, Asked::Hushed(Silence::Unknown));
    assert_eq!(told(store, "ana@example.org").await, "nobody");
    let ana = reader(store, "Ana@example.org").await;
    let notice = queued(link(store, "ana@EXAMPLE.org", 0).await);
    assert_eq!(link(store, "ana@example.org", 1).await, Asked::Hushed(Silence::Again));
    let drawn = store.draw("me", 9, at(1), at(2)).await.expect("drawn").remove(0);
    assert_eq!((drawn.kind, drawn.subscriber, &*drawn.mailbox), (Kind::Link, ana, "Ana@example.org"));
    assert_eq!(drawn.letter, format!("link {notice} for {ana}"));
    assert_eq!(confirm(store, notice, ana, 1).await, Confirmed::Gone);
}

pub(crate) async fn a_welcome_follows_a_yes_that_is_news(store: &(impl Notices + Subscribers + Postbox)) {
    let notice = queued(ask(store, "ana@example.org", &request(&["weekly"]), 0).await);
    let ana = id(store, "ana@example.org").await;
    for _ in 0..2 {
        store.confirm(&a_yes(notice, ana, 1), Some(&compose)).await.expect("answered");
    }
    let kinds = async || {
        let all = store.notices(&Which { limit: 9, ..Which::default() }).await.expect("read");
        all.iter().map(|one| one.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds().await, [Kind::Confirm, Kind::Welcome]);
    let wanted = Request { choice: Some(Choice::new([], ["aws"])), ..request(&["weekly"]) };
    let notice = queued(ask(store, "ana@example.org", &wanted, 10).await);
    store.confirm(&a_yes(notice, ana, 11), Some(&compose)).await.expect("answered");
    assert_eq!(kinds().await, [Kind::Confirm, Kind::Welcome, Kind::Confirm]);
    // Who has left before it went out is not welcomed.
    store.end(&address("ana@example.org"), &[], "a mail", at(12)).await.expect("ended");
    assert_eq!(store.draw("me", 9, at(13), at(14)).await.expect("drawn"), []);
}

fn names(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

async fn wish(store: &impl Notices, subscriber: i64, ticked: &[&str], choice: &Choice) -> Option<Granted> {
    let (offered, ticked) = (names(&["weekly", "daily", "monthly"]), names(ticked));
    let wish = Wish {
        subscriber,
        offered: &offered,
        ticked: &ticked,
        choice,
        paused_until: None,
        source: "the page",
        now: at(5),
        formerly: &NONE,
    };
    store.set_preferences(&wish).await.expect("done")
}

pub(crate) async fn people_decide_what_they_get(store: &(impl Notices + Subscribers)) {
    let digests = [("weekly", State::Active), ("daily", State::Pending), ("other", State::Active)];
    store.add(&[arrival("ana@example.org", &digests)], &terms(Manner::Add)).await.expect("added");
    let ana = id(store, "ana@example.org").await;
    let care = Choice::new(["care"], []);
    let granted = wish(store, ana, &["daily", "monthly"], &care).await.expect("somebody");
    let want = Granted {
        joined: names(&["daily", "monthly"]),
        left: names(&["weekly"]),
        is_changed: true,
        ..Granted::default()
    };
    assert_eq!(granted, want);
    let stands = "ana@example.org, category=care, daily active, monthly active, other active, weekly ended";
    assert_eq!(told(store, "ana@example.org").await, stands);
    let before = trail(store, "ana@example.org").await;
    let events = [
        "unsubscribed weekly the page",
        "confirmed daily the page",
        "subscribed monthly the page",
        "changed all the page",
    ];
    assert_eq!(before[3..], events);
    // The same again changes nothing.
    assert_eq!(wish(store, ana, &["daily", "monthly"], &care).await, Some(Granted::default()));
    assert_eq!(trail(store, "ana@example.org").await, before);
    // Who left may come back, and nobody else is meant.
    assert_eq!(wish(store, ana, &["weekly"], &care).await.expect("somebody").joined, ["weekly"]);
    assert_eq!(wish(store, ana + 1, &[], &care).await, None);
    let portrait = store.portrait_of(ana).await.expect("read").expect("somebody");
    assert_eq!(Some(portrait), store.portrait(&address("ana@example.org")).await.expect("read"));
    assert_eq!(store.portrait_of(ana + 1).await.expect("read"), None);
}

pub(crate) async fn who_never_confirmed_cannot_join_by_deciding(store: &(impl Notices + Subscribers)) {
    queued(ask(store, "ana@example.org", &request(&["weekly"]), 0).await);
    let ana = id(store, "ana@example.org").await;
    let granted = wish(store, ana, &["weekly", "daily"], &Choice::default()).await.expect("somebody");
    assert_eq!(granted, Granted { refused: names(&["weekly", "daily"]), ..Granted::default() });
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, weekly pending");
    // Nor does who may get no mail.
    let li = reader(store, "li@example.org").await;
    let complained = [address("li@example.org")];
    store.suppress(&complained, Reason::Complained, &hashes, "a list", at(0)).await.expect("suppressed");
    let granted = wish(store, li, &["weekly", "daily"], &Choice::default()).await.expect("somebody");
    assert_eq!(granted.refused, ["daily"]);
}

pub(crate) async fn who_left_under_an_older_name_has_left_the_digest(store: &(impl Notices + Subscribers)) {
    let ana = reader(store, "ana@example.org").await;
    let formerly = BTreeMap::from([("news".to_owned(), names(&["weekly"]))]);
    let offered = names(&["news"]);
    let wish = Wish {
        subscriber: ana,
        offered: &offered,
        ticked: &[],
        choice: &Choice::default(),
        paused_until: None,
        source: "the page",
        now: at(0),
        formerly: &formerly,
    };
    let granted = store.set_preferences(&wish).await.expect("done").expect("somebody");
    assert_eq!(granted.left, ["news"]);
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, news ended, weekly ended");
}

/// Pauses somebody who gets the weekly.
async fn pause(store: &impl Notices, subscriber: i64, until: Option<DateTime<Utc>>, now: i64) {
    let weekly = names(&["weekly"]);
    let wish = Wish {
        subscriber,
        offered: &weekly,
        ticked: &weekly,
        choice: &Choice::default(),
        paused_until: until,
        source: "the page",
        now: at(now),
        formerly: &NONE,
    };
    let granted = store.set_preferences(&wish).await.expect("done").expect("somebody");
    assert_eq!(granted.paused_until, until.filter(|until| *until > at(now)));
}

pub(crate) async fn who_paused_gets_no_issue_until_the_pause_is_over(
    store: &(impl Notices + Subscribers + Issues + Ledger + Store),
) {
    for (who, until) in [("a@example.org", Some(at(1))), ("b@example.org", Some(at(0))), ("c@example.org", None)] {
        let person = reader(store, who).await;
        pause(store, person, until, -60).await;
    }
    let audience = crate::store::issues::Audience { digests: names(&["weekly"]), addresses: vec![] };
    let forecast = store.forecast("weekly", &audience, at(0)).await.expect("counted");
    assert_eq!((forecast.by_choice, forecast.suppressed, forecast.paused), (vec![(String::new(), 2)], 0, 1));
    assert_eq!(forecast.domains, [("example.org".to_owned(), 2)]);
    let issue = frozen(store, &[]).await;
    let totals = store.totals(issue).await.expect("counted");
    assert!(totals.balance());
    assert_eq!((totals.of(Standing::Planned), totals.of(Standing::Skipped)), (2, 1));
    let portrait = store.portrait(&address("a@example.org")).await.expect("read").expect("somebody");
    assert_eq!((&*portrait.deliveries[0].state, portrait.deliveries[0].reason.as_deref()), ("skipped", Some("paused")));
    assert_eq!(portrait.subscriber.paused_until, Some(at(1)));
}

pub(crate) async fn a_pause_holds_for_an_issue_that_is_going_out(
    store: &(impl Notices + Subscribers + Issues + Ledger + Store),
) {
    let issue = frozen(store, &["a@example.org", "b@example.org", "c@example.org"]).await;
    pause(store, 1, Some(at(60)), 0).await;
    let claimed = claim(store, issue, "me", 1, 9).await;
    assert_eq!(claimed.iter().map(|one| one.ticket.subscriber).collect::<Vec<_>>(), [2, 3]);
    pause(store, 2, Some(at(60)), 1).await;
    assert_eq!(leave(store, claimed[0].ticket, "me", 1).await, Leave::Skipped("paused".into()));
    pause(store, 3, Some(at(60)), 1).await;
    pause(store, 3, None, 1).await;
    assert_eq!(leave(store, claimed[1].ticket, "me", 1).await, Leave::Given);
    assert!(store.totals(issue).await.expect("counted").balance());
}

pub(crate) async fn who_never_said_yes_is_forgotten(store: &(impl Notices + Subscribers + Postbox)) {
    let notice = queued(ask(store, "ana@example.org", &request(&["weekly"]), 0).await);
    let ana = id(store, "ana@example.org").await;
    assert_eq!(store.purge(at(0), at(0), at(9)).await.expect("purged"), Purged::default());
    // A later question makes it later.
    queued(ask(store, "ana@example.org", &request(&["weekly"]), 10).await);
    assert_eq!(store.purge(at(5), at(0), at(9)).await.expect("purged"), Purged::default());
    // For a day it is known how many questions an address got.
    assert_eq!(store.purge(at(11), at(0), at(11)).await.expect("purged"), Purged::default());
    let purged = store.purge(at(11), at(0), at(11 + 24 * 60)).await.expect("purged");
    assert_eq!(purged, Purged { people: 1, notices: 0 });
    assert_eq!(told(store, "ana@example.org").await, "nobody");
    assert_eq!(store.suppression(&address("ana@example.org"), &hashes).await.expect("read"), None);
    assert_eq!(confirm(store, notice, ana, 12).await, Confirmed::Gone);
    assert_eq!(store.draw("me", 9, at(12), at(13)).await.expect("drawn"), []);
    let all = store.notices(&Which { limit: 9, ..Which::default() }).await.expect("read");
    assert!(all.iter().all(|one| one.state == Standing::Skipped && one.mailbox.is_empty()), "{all:?}");
    // They may begin again, as somebody new.
    queued(ask(store, "ana@example.org", &request(&["weekly"]), 12).await);
    assert!(id(store, "ana@example.org").await > ana);
}

pub(crate) async fn whoever_is_known_otherwise_is_not_forgotten(store: &(impl Notices + Subscribers)) {
    let all = ["confirmed@x.org", "left@x.org", "reader@x.org", "asked@x.org", "imported@x.org", "later@x.org"];
    reader(store, all[2]).await;
    store.add(&[arrival(all[4], &[("weekly", State::Pending)])], &terms(Manner::Import)).await.expect("added");
    for who in &all {
        queued(ask(store, who, &request(&["daily"]), 0).await);
    }
    store.add(&[arrival(all[5], &[("daily", State::Pending)])], &terms(Manner::Import)).await.expect("added");
    confirm(store, 1, id(store, all[0]).await, 1).await;
    store.end(&address(all[0]), &[], "a mail", at(2)).await.expect("ended");
    store.end(&address(all[1]), &[], "a mail", at(2)).await.expect("ended");
    store.suppress(&[address(all[3])], Reason::Asked, &hashes, "a mail", at(2)).await.expect("suppressed");
    assert_eq!(store.purge(at(9), at(0), at(9_999)).await.expect("purged"), Purged::default());
    for who in all {
        assert_ne!(told(store, who).await, "nobody", "{who}");
    }
}

pub(crate) async fn old_notices_lose_their_letters(store: &(impl Notices + Subscribers + Postbox)) {
    reader(store, "ana@example.org").await;
    queued(link(store, "ana@example.org", 0).await);
    let drawn = store.draw("me", 9, at(1), at(2)).await.expect("drawn").remove(0);
    let purge = async |minute| store.purge(at(-99), at(minute), at(99)).await.expect("purged").notices;
    // What may still be sent is kept.
    assert_eq!(purge(50).await, 0);
    super::super::postbox::contract::conclude(store, drawn.hold, Standing::Accepted, 3).await;
    assert_eq!((purge(3).await, purge(50).await, purge(50).await), (0, 1, 0));
    let all = store.notices(&Which { limit: 9, ..Which::default() }).await.expect("read");
    assert_eq!((all[0].state, &*all[0].mailbox), (Standing::Accepted, ""));
    assert_eq!(store.retry_notices(None, at(60)).await.expect("none"), 0);
}

pub(crate) async fn who_is_erased_gets_no_notice(store: &(impl Notices + Subscribers + Postbox)) {
    let notice = queued(ask(store, "ana@example.org", &request(&["weekly"]), 0).await);
    let ana = id(store, "ana@example.org").await;
    queued(ask(store, "ana@example.org", &request(&["daily"]), 0).await);
    let drawn = store.draw("me", 1, at(1), at(2)).await.expect("drawn").remove(0);
    let erased = store.erase(&address("ana@example.org"), &hashes, "a letter", at(1)).await.expect("erased");
    assert_eq!(erased.expect("somebody").skipped, 2);
    assert_eq!(store.set_out(drawn.hold, "me", at(1)).await.expect("answered"), Leave::Lost);
    assert_eq!(store.draw("me", 9, at(1), at(2)).await.expect("drawn"), []);
    assert_eq!(confirm(store, notice, ana, 2).await, Confirmed::Gone);
    let all = store.notices(&Which { limit: 9, ..Which::default() }).await.expect("read");
    assert!(all.iter().all(|one| one.reason.as_deref() == Some("erased") && one.mailbox.is_empty()), "{all:?}");
}

pub(crate) async fn of_many_that_ask_at_once_one_is_queued(store: &(impl Notices + Subscribers)) {
    let weekly = request(&["weekly"]);
    let one = || ask(store, "ana@example.org", &weekly, 0);
    let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
    let queued = [a, b, c, d].iter().filter(|asked| matches!(asked, Asked::Queued(..))).count();
    assert_eq!(queued, 1);
    assert_eq!(trail(store, "ana@example.org").await, ["subscribed weekly the form"]);
}
