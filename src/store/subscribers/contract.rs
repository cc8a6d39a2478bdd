//! What every store promises of subscribers, as tests: each takes an empty store.

use super::{Became, Hushed, Keep, Manner, Subscribers, Terms, Which};
use crate::mail::address::Address;
use crate::subscriber::choice::Choice;
use crate::subscriber::{Arrival, Reason, State, name};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// Makes a test of each promise; `$open` is an expression that opens an empty store, in a function that may wait.
macro_rules! subscriber_promises {
    ($open:expr) => {
        $crate::store::subscribers::contract::subscriber_promises!($open;
            who_is_added_is_found_by_any_spelling
            who_is_added_is_found_by_number
            the_same_again_changes_nothing
            an_import_leaves_what_is_known_as_it_is
            who_left_comes_back_only_where_that_is_said
            who_left_under_an_older_name_of_the_digest_has_left
            a_file_may_say_that_somebody_left
            somebody_who_has_not_confirmed_is_confirmed_by_a_later_yes
            who_is_suppressed_comes_back_only_where_that_is_said
            a_suppression_subscribes_nobody_and_its_first_reason_stays
            a_no_of_ones_own_outranks_every_other_reason
            who_said_no_and_is_erased_has_still_said_no
            who_bounced_in_a_file_is_not_even_kept
            an_older_key_is_still_looked_for
            one_person_may_stand_in_a_batch_twice
            what_is_only_looked_at_is_not_kept
            subscribers_come_page_by_page
            who_is_erased_is_gone_and_stays_away
            the_trail_of_consent_tells_all
            of_two_that_add_at_once_nobody_is_lost
        );
    };
    ($open:expr; $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let run = async {
                    let (_keep, store) = $open.await;
                    $crate::store::subscribers::contract::$name(&store).await;
                };
                $crate::store::block_on(run).expect("a runtime");
            }
        )*
    };
}
pub(crate) use subscriber_promises;

pub(crate) fn at(day: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("a moment") + TimeDelta::days(day)
}

pub(crate) fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// Keyed hashes with the key `one` for writing, and the older key `old`.
pub(crate) fn hashes(address: &str) -> Vec<[u8; 32]> {
    [b"one", b"old"].map(|key| hash(key, address)).to_vec()
}

fn hash(key: &[u8], address: &str) -> [u8; 32] {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
    ring::hmac::sign(&key, address.as_bytes()).as_ref().try_into().expect("32 bytes")
}

pub(crate) fn terms(manner: Manner) -> Terms<'static> {
    static NONE: BTreeMap<String, Vec<String>> = BTreeMap::new();
    Terms { source: "a form", now: at(0), manner, keep: Keep::Yes, formerly: &NONE, hashes: &hashes }
}

pub(crate) fn arrival(text: &str, digests: &[(&str, State)]) -> Arrival {
    let subscriptions = digests.iter().map(|(digest, state)| ((*digest).to_owned(), *state)).collect();
    Arrival { address: address(text), name: None, choice: None, subscriptions, suppressed: None, at: None }
}

/// Somebody who wants the weekly.
fn reader(text: &str) -> Arrival {
    arrival(text, &[("weekly", Active)])
}

async fn add(store: &impl Subscribers, one: Arrival, manner: Manner) -> Became {
    store.add(&[one], &terms(manner)).await.expect("added").remove(0)
}

/// How somebody stands, in words.
pub(crate) async fn told(store: &impl Subscribers, text: &str) -> String {
    let Some(portrait) = store.portrait(&address(text)).await.expect("read") else { return "nobody".into() };
    let one = portrait.subscriber;
    let mut words = vec![one.mailbox.clone()];
    words.extend(one.name.clone());
    words.extend(Some(one.choice.to_string()).filter(|choice| !choice.is_empty()));
    words.extend(one.subscriptions.iter().map(|one| format!("{} {}", one.digest, one.state.word())));
    words.extend(one.suppressed.map(|reason| reason.word().to_owned()));
    words.join(", ")
}

/// The trail of somebody's consent, in words.
pub(crate) async fn trail(store: &impl Subscribers, text: &str) -> Vec<String> {
    let portrait = store.portrait(&address(text)).await.expect("read").expect("somebody");
    let told = |one: crate::subscriber::Consent| {
        format!("{} {} {}", one.event.word(), one.digest.as_deref().unwrap_or("all"), one.source)
    };
    portrait.consent.into_iter().map(told).collect()
}

fn new(digest: &str) -> Became {
    Became { is_new: true, joined: vec![digest.into()], ..Became::default() }
}

use State::{Active, Ended, Pending};

pub(crate) async fn who_is_added_is_found_by_any_spelling(store: &impl Subscribers) {
    let mut ana = reader("Ana+News@Example.org");
    ana.name = name("Ana \u{1F600} '; DROP TABLE subscriber; --").expect("a name");
    ana.choice = Some(Choice::new(["care"], ["aws"]));
    assert_eq!(add(store, ana, Manner::Import).await, new("weekly"));
    let want =
        "Ana+News@example.org, Ana \u{1F600} '; DROP TABLE subscriber; --, category=care;topic=aws, weekly active";
    assert_eq!(told(store, "ana+news@EXAMPLE.org").await, want);
    assert_eq!(told(store, "ana@example.org").await, "nobody");
}

pub(crate) async fn who_is_added_is_found_by_number(store: &impl Subscribers) {
    for who in ["Ana@example.org", "li@example.org"] {
        add(store, arrival(who, &[("weekly", Active), ("daily", Pending)]), Manner::Add).await;
        let known = store.portrait(&address(who)).await.expect("read").expect("somebody").subscriber;
        assert_eq!(store.by_id(known.id).await.expect("read"), Some(known));
    }
    for nobody in [0, -1, i64::MAX] {
        assert_eq!(store.by_id(nobody).await.expect("read"), None);
    }
    let ana = address("ana@example.org");
    let id = store.portrait(&ana).await.expect("read").expect("somebody").subscriber.id;
    store.erase(&ana, &hashes, "a letter", at(3)).await.expect("erased");
    assert_eq!(store.by_id(id).await.expect("read"), None);
}

pub(crate) async fn the_same_again_changes_nothing(store: &impl Subscribers) {
    add(store, reader("ana@example.org"), Manner::Add).await;
    for manner in [Manner::Import, Manner::Add, Manner::Lift] {
        assert_eq!(add(store, reader("ANA@example.org"), manner).await, Became::default());
    }
    assert_eq!(trail(store, "ana@example.org").await, ["subscribed weekly a form"]);
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, weekly active");
}

pub(crate) async fn an_import_leaves_what_is_known_as_it_is(store: &impl Subscribers) {
    add(store, reader("ana@example.org"), Manner::Add).await;
    let mut ana = arrival("ana@example.org", &[("daily", Active)]);
    ana.name = name("Ana").expect("a name");
    ana.choice = Some(Choice::new(["care"], []));
    let joined = Became { joined: vec!["daily".into()], ..Became::default() };
    assert_eq!(add(store, ana.clone(), Manner::Import).await, joined);
    // Only a name that was not known is taken.
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, Ana, daily active, weekly active");
    ana.name = name("Anna").expect("a name");
    assert_eq!(add(store, ana.clone(), Manner::Import).await, Became::default());
    assert_eq!(add(store, ana, Manner::Add).await, Became { is_changed: true, ..Became::default() });
    let want = "ana@example.org, Anna, category=care, daily active, weekly active";
    assert_eq!(told(store, "ana@example.org").await, want);
    let want = ["subscribed weekly a form", "subscribed daily a form", "changed all a form"];
    assert_eq!(trail(store, "ana@example.org").await, want);
}

pub(crate) async fn who_left_comes_back_only_where_that_is_said(store: &impl Subscribers) {
    add(store, arrival("ana@example.org", &[("weekly", Active), ("daily", Active)]), Manner::Add).await;
    let ended = store.end(&address("Ana@example.org"), &["weekly"], "a mail", at(1)).await.expect("ended");
    assert_eq!(ended, Some(vec!["weekly".into()]));
    let left = Became { left: vec!["weekly".into()], ..Became::default() };
    for manner in [Manner::Import, Manner::Add] {
        assert_eq!(add(store, reader("ana@example.org"), manner).await, left);
    }
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, daily active, weekly ended");
    // Once more, and all of them.
    let end = async |digests| store.end(&address("ana@example.org"), digests, "a mail", at(1)).await.expect("ended");
    assert_eq!(end(&["weekly"]).await, Some(vec![]));
    assert_eq!(end(&[]).await, Some(vec!["daily".into()]));
    assert_eq!(store.end(&address("eve@example.org"), &[], "a mail", at(1)).await.expect("ended"), None);
    let back = Became { joined: vec!["weekly".into()], ..Became::default() };
    assert_eq!(add(store, reader("ana@example.org"), Manner::Lift).await, back);
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, daily ended, weekly active");
}

pub(crate) async fn who_left_under_an_older_name_of_the_digest_has_left(store: &impl Subscribers) {
    let names = BTreeMap::from([("weekly".to_owned(), vec!["news".to_owned()])]);
    let terms = Terms { formerly: &names, ..terms(Manner::Import) };
    add(store, arrival("ana@example.org", &[("news", Ended)]), Manner::Import).await;
    add(store, arrival("li@example.org", &[("news", Active)]), Manner::Import).await;
    let both = [reader("ana@example.org"), reader("li@example.org")];
    let became = store.add(&both, &terms).await.expect("added");
    assert_eq!(became, [Became { left: vec!["weekly".into()], ..Became::default() }, Became::default()]);
    assert_eq!(told(store, "li@example.org").await, "li@example.org, news active");
}

pub(crate) async fn a_file_may_say_that_somebody_left(store: &impl Subscribers) {
    add(store, reader("ana@example.org"), Manner::Import).await;
    let ended = Became { ended: vec!["weekly".into()], ..Became::default() };
    for who in ["ana@example.org", "stranger@example.org"] {
        assert_eq!(add(store, arrival(who, &[("weekly", Ended)]), Manner::Import).await, ended);
        assert_eq!(add(store, arrival(who, &[("weekly", Ended)]), Manner::Import).await, Became::default());
        let left = Became { left: vec!["weekly".into()], ..Became::default() };
        assert_eq!(add(store, reader(who), Manner::Import).await, left);
        assert_eq!(told(store, who).await, format!("{who}, weekly ended"));
    }
}

pub(crate) async fn somebody_who_has_not_confirmed_is_confirmed_by_a_later_yes(store: &impl Subscribers) {
    add(store, arrival("ana@example.org", &[("weekly", Pending)]), Manner::Import).await;
    assert_eq!(add(store, arrival("ana@example.org", &[("weekly", Pending)]), Manner::Import).await, Became::default());
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, weekly pending");
    let joined = Became { joined: vec!["weekly".into()], ..Became::default() };
    assert_eq!(add(store, reader("ana@example.org"), Manner::Import).await, joined);
    // An older file takes nothing back.
    assert_eq!(add(store, arrival("ana@example.org", &[("weekly", Pending)]), Manner::Import).await, Became::default());
    assert_eq!(trail(store, "ana@example.org").await, ["subscribed weekly a form", "confirmed weekly a form"]);
}

async fn suppress(store: &impl Subscribers, who: &[&str], reason: Reason) -> Vec<Hushed> {
    let who: Vec<Address> = who.iter().map(|who| address(who)).collect();
    store.suppress(&who, reason, &hashes, "a list", at(2)).await.expect("suppressed")
}

async fn why(store: &impl Subscribers, who: &str) -> Option<Reason> {
    store.suppression(&address(who), &hashes).await.expect("read").map(|(reason, _)| reason)
}

pub(crate) async fn who_is_suppressed_comes_back_only_where_that_is_said(store: &impl Subscribers) {
    add(store, reader("ana@example.org"), Manner::Add).await;
    assert_eq!(
        suppress(store, &["Ana@example.org", "eve@example.org"], Reason::Bounced).await,
        [Hushed::Subscriber, Hushed::Stranger]
    );
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, weekly active, bounced");
    let refused = Became { refused: Some(Reason::Bounced), ..Became::default() };
    for who in ["ana@example.org", "eve@example.org"] {
        for manner in [Manner::Import, Manner::Add] {
            let mut one = arrival(who, &[("daily", Active)]);
            one.name = name("Other").expect("a name");
            assert_eq!(add(store, one, manner).await, refused);
        }
    }
    assert_eq!(told(store, "eve@example.org").await, "nobody");
    assert_eq!(add(store, reader("ana@example.org"), Manner::Lift).await, Became::default());
    assert_eq!(add(store, reader("eve@example.org"), Manner::Lift).await, new("weekly"));
    for who in ["ana@example.org", "eve@example.org"] {
        assert_eq!(told(store, who).await, format!("{who}, weekly active"));
        assert_eq!(why(store, who).await, None);
        assert!(trail(store, who).await.contains(&"released all a form".to_owned()));
    }
}

pub(crate) async fn a_suppression_subscribes_nobody_and_its_first_reason_stays(store: &impl Subscribers) {
    add(store, arrival("ana@example.org", &[("weekly", Ended)]), Manner::Import).await;
    let both = ["ana@example.org", "eve@example.org", "EVE@example.org"];
    assert_eq!(suppress(store, &both, Reason::Imported).await, [Hushed::Subscriber, Hushed::Stranger, Hushed::Known]);
    assert_eq!(suppress(store, &both, Reason::Bounced).await, [Hushed::Known; 3]);
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, weekly ended, imported");
    assert_eq!(told(store, "eve@example.org").await, "nobody");
    assert_eq!(why(store, "eve@example.org").await, Some(Reason::Imported));
    assert_eq!(trail(store, "ana@example.org").await, ["unsubscribed weekly a form", "suppressed all a list"]);
    // A file may say the same of people, and of one with a row.
    let mut li = reader("li@example.org");
    add(store, li.clone(), Manner::Import).await;
    li.suppressed = Some(Reason::Complained);
    li.subscriptions.clear();
    let suppressed = Became { suppressed: Some(Reason::Complained), ..Became::default() };
    assert_eq!(add(store, li.clone(), Manner::Import).await, suppressed);
    assert_eq!(add(store, li, Manner::Import).await, Became::default());
    assert_eq!(told(store, "li@example.org").await, "li@example.org, weekly active, complained");
    assert_eq!(why(store, "li@example.org").await, Some(Reason::Complained));
}

pub(crate) async fn a_no_of_ones_own_outranks_every_other_reason(store: &impl Subscribers) {
    let both = ["ana@example.org", "eve@example.org"];
    add(store, reader("ana@example.org"), Manner::Add).await;
    suppress(store, &both, Reason::Bounced).await;
    for (reason, want) in [
        (Reason::Imported, Reason::Bounced),
        (Reason::Complained, Reason::Complained),
        (Reason::Asked, Reason::Complained),
        (Reason::Bounced, Reason::Complained),
    ] {
        assert_eq!(suppress(store, &both, reason).await, [Hushed::Known; 2]);
        assert_eq!(told(store, "ana@example.org").await, format!("ana@example.org, weekly active, {}", want.word()));
        for who in both {
            assert_eq!(why(store, who).await, Some(want), "{who}");
        }
    }
    let trail = trail(store, "ana@example.org").await;
    assert_eq!(trail[1..], ["suppressed all a list", "suppressed all a list"]);
    // The same where a file says it, and where the weaker one was written with an older key.
    let old = |address: &str| vec![hash(b"old", address)];
    let li = [address("li@example.org")];
    store.suppress(&li, Reason::Imported, &old, "a list", at(0)).await.expect("suppressed");
    let mut no = arrival("li@example.org", &[]);
    no.suppressed = Some(Reason::Asked);
    add(store, no, Manner::Import).await;
    assert_eq!(why(store, "li@example.org").await, Some(Reason::Asked));
}

pub(crate) async fn who_said_no_and_is_erased_has_still_said_no(store: &impl Subscribers) {
    for (who, before, want) in [
        ("a@example.org", Some(Reason::Complained), Reason::Complained),
        ("b@example.org", Some(Reason::Asked), Reason::Asked),
        ("c@example.org", Some(Reason::Bounced), Reason::Erased),
        ("d@example.org", None, Reason::Erased),
    ] {
        add(store, reader(who), Manner::Add).await;
        if let Some(reason) = before {
            suppress(store, &[who], reason).await;
        }
        store.erase(&address(who), &hashes, "a letter", at(3)).await.expect("erased").expect("somebody");
        assert_eq!(why(store, who).await, Some(want), "{who}");
        // Once more is as good.
        assert!(store.erase(&address(who), &hashes, "a letter", at(3)).await.expect("erased").is_some());
        suppress(store, &[who], Reason::Complained).await;
        assert!(why(store, who).await.is_some_and(|why| why.is_adamant()));
    }
}

pub(crate) async fn who_bounced_in_a_file_is_not_even_kept(store: &impl Subscribers) {
    let mut eve = arrival("eve@example.org", &[]);
    eve.suppressed = Some(Reason::Bounced);
    let suppressed = Became { suppressed: Some(Reason::Bounced), ..Became::default() };
    assert_eq!(add(store, eve, Manner::Import).await, suppressed);
    assert_eq!(told(store, "eve@example.org").await, "nobody");
    let refused = Became { refused: Some(Reason::Bounced), ..Became::default() };
    assert_eq!(add(store, reader("eve@example.org"), Manner::Import).await, refused);
}

pub(crate) async fn an_older_key_is_still_looked_for(store: &impl Subscribers) {
    let old = |address: &str| vec![hash(b"old", address)];
    let eve = address("eve@example.org");
    store.suppress(std::slice::from_ref(&eve), Reason::Asked, &old, "a list", at(0)).await.expect("suppressed");
    assert_eq!(why(store, "eve@example.org").await, Some(Reason::Asked));
    assert_eq!(suppress(store, &["eve@example.org"], Reason::Asked).await, [Hushed::Known]);
    assert_eq!(add(store, reader("eve@example.org"), Manner::Lift).await, new("weekly"));
    assert_eq!(why(store, "eve@example.org").await, None);
    assert_eq!(store.suppression(&eve, &old).await.expect("read"), None);
}

pub(crate) async fn one_person_may_stand_in_a_batch_twice(store: &impl Subscribers) {
    let batch = [
        reader("ana@example.org"),
        reader("li@example.org"),
        arrival("ANA@example.org", &[("daily", Active)]),
        arrival("ana@example.org", &[("weekly", Ended)]),
        reader("ana@example.org"),
    ];
    let became = store.add(&batch, &terms(Manner::Import)).await.expect("added");
    let joined = Became { joined: vec!["daily".into()], ..Became::default() };
    let ended = Became { ended: vec!["weekly".into()], ..Became::default() };
    let left = Became { left: vec!["weekly".into()], ..Became::default() };
    assert_eq!(became, [new("weekly"), new("weekly"), joined, ended, left]);
    assert_eq!(told(store, "ana@example.org").await, "ana@example.org, daily active, weekly ended");
}

pub(crate) async fn what_is_only_looked_at_is_not_kept(store: &impl Subscribers) {
    let look = Terms { keep: Keep::No, ..terms(Manner::Import) };
    assert_eq!(store.add(&[reader("ana@example.org")], &look).await.expect("looked at"), [new("weekly")]);
    assert_eq!(told(store, "ana@example.org").await, "nobody");
}

pub(crate) async fn subscribers_come_page_by_page(store: &impl Subscribers) {
    let many: Vec<Arrival> = (0..25).map(|n| reader(&format!("r{n:02}@example.org"))).collect();
    store.add(&many, &terms(Manner::Import)).await.expect("added");
    add(store, arrival("d@example.org", &[("daily", Pending)]), Manner::Import).await;
    store.end(&address("r03@example.org"), &[], "a mail", at(0)).await.expect("ended");
    suppress(store, &["r04@example.org"], Reason::Asked).await;
    let all = async |which: Which| {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let page = store.page(&which, after, 7).await.expect("a page");
            let Some(last) = page.last() else { break };
            after = last.id;
            all.extend(page.into_iter().map(|one| one.address));
        }
        assert_eq!(store.count(&which).await.expect("a count"), all.len() as u64);
        all
    };
    let weekly = || vec!["weekly".to_owned()];
    assert_eq!(all(Which::default()).await.len(), 26);
    assert_eq!(all(Which { digests: weekly(), ..Which::default() }).await.len(), 25);
    assert_eq!(all(Which { digests: vec!["daily".into()], ..Which::default() }).await, ["d@example.org"]);
    assert_eq!(all(Which { state: Some(Ended), ..Which::default() }).await, ["r03@example.org"]);
    assert_eq!(all(Which { state: Some(Pending), digests: weekly(), ..Which::default() }).await, [""; 0]);
    assert_eq!(all(Which { suppressed: Some(true), ..Which::default() }).await, ["r04@example.org"]);
    let mailed = Which { digests: weekly(), state: Some(Active), suppressed: Some(false) };
    assert_eq!(all(mailed).await.len(), 23);
}

pub(crate) async fn who_is_erased_is_gone_and_stays_away(store: &impl Subscribers) {
    add(store, reader("Ana@example.org"), Manner::Add).await;
    add(store, reader("diana@example.org"), Manner::Add).await;
    let ana = address("ana@example.org");
    let gone = store.erase(&ana, &hashes, "a letter", at(3)).await.expect("erased").expect("somebody");
    assert_eq!((gone.skipped, gone.is_clean), (0, true));
    assert_eq!(told(store, "ana@example.org").await, "nobody");
    assert_eq!(told(store, "diana@example.org").await, "diana@example.org, weekly active");
    let refused = Became { refused: Some(Reason::Erased), ..Became::default() };
    assert_eq!(add(store, reader("ana@example.org"), Manner::Import).await, refused);
    // Once more is as good; somebody who never was there is nobody.
    assert!(store.erase(&ana, &hashes, "a letter", at(3)).await.expect("erased").is_some());
    assert_eq!(store.erase(&address("eve@example.org"), &hashes, "a letter", at(3)).await.expect("erased"), None);
    // They may come back by their own will, and are somebody new.
    let before = store.portrait(&address("diana@example.org")).await.expect("read").expect("somebody").subscriber.id;
    assert_eq!(add(store, reader("ana@example.org"), Manner::Lift).await, new("weekly"));
    assert!(store.portrait(&ana).await.expect("read").expect("somebody").subscriber.id > before);
}

pub(crate) async fn the_trail_of_consent_tells_all(store: &impl Subscribers) {
    let mut ana = reader("ana@example.org");
    ana.at = Some(at(-100));
    add(store, ana, Manner::Import).await;
    store.end(&address("ana@example.org"), &[], "a mail", at(1)).await.expect("ended");
    suppress(store, &["ana@example.org"], Reason::Complained).await;
    add(store, reader("ana@example.org"), Manner::Lift).await;
    let want = [
        "subscribed weekly a form",
        "unsubscribed weekly a mail",
        "suppressed all a list",
        "released all a form",
        "subscribed weekly a form",
    ];
    assert_eq!(trail(store, "ana@example.org").await, want);
    let portrait = store.portrait(&address("ana@example.org")).await.expect("read").expect("somebody");
    let days = portrait.consent.iter().map(|one| (one.at - at(0)).num_days()).collect::<Vec<_>>();
    assert_eq!(days, [-100, 1, 2, 0, 0]);
    assert_eq!(portrait.subscriber.added_at, at(0));
}

pub(crate) async fn of_two_that_add_at_once_nobody_is_lost(store: &impl Subscribers) {
    let batch = |from: u32| (from..from + 40).map(|n| reader(&format!("r{n}@example.org"))).collect::<Vec<_>>();
    let (a, b) = (batch(0), batch(20));
    let terms = terms(Manner::Import);
    let (a, b) = tokio::join!(store.add(&a, &terms), store.add(&b, &terms));
    let new = [a.expect("added"), b.expect("added")].concat().iter().filter(|one| one.is_new).count();
    assert_eq!((new, store.count(&Which::default()).await.expect("a count")), (60, 60));
}
