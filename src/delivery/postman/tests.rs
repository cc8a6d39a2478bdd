use super::*;
use crate::config::Config;
use crate::delivery::notice::Letters;
use crate::mail::transport::{Mishap, Script, Step};
use crate::store::block_on;
use crate::store::notices::Kind;
use crate::store::notices::{Ask, Limits, Notices, Request};
use crate::store::postbox::{Notice, Which};
use crate::store::sqlite::Sqlite;
use crate::store::subscribers::contract::{address, hashes};
use crate::subscriber::keys::Keys;
use crate::template::Templates;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

const SITE: &str = "[site]\ntitle = 'Notes'\nurl = 'https://example.org/'\n[digest.weekly]\nfrom = 'news@example.org'
    postal_address = '1 Main Street'\nschedule = 'Mon 09:00'\n";

const PAUSE: Duration = Duration::from_millis(10);

/// A site with a store in a folder, a server that does what a script says, and a clock that is set by hand.
struct Office {
    dir: tempfile::TempDir,
    store: Arc<Sqlite>,
    script: Script,
    seconds: Arc<AtomicI64>,
    news: Arc<Mutex<Vec<String>>>,
    bell: Arc<Notify>,
}

/// A postman at work.
struct AtWork {
    stop: Arc<Stop>,
    task: tokio::task::JoinHandle<()>,
}

impl AtWork {
    async fn ends(self) {
        self.stop.ask();
        self.task.await.expect("no panic");
    }
}

async fn open(folder: &Path) -> Arc<Sqlite> {
    Arc::new(Sqlite::open(&folder.join("tidings.db"), "tidings.db").await.expect("a store"))
}

impl Office {
    async fn new(steps: impl IntoIterator<Item = Step>) -> Office {
        let dir = tempfile::tempdir().expect("a folder");
        let (store, script) = (open(dir.path()).await, Script::new(steps));
        let seconds = Arc::new(AtomicI64::new(1_700_000_000));
        Office { dir, store, script, seconds, news: Arc::default(), bell: Arc::default() }
    }

    fn clock(&self) -> Arc<dyn Fn() -> DateTime<Utc> + Send + Sync> {
        let seconds = self.seconds.clone();
        Arc::new(move || DateTime::from_timestamp(seconds.load(Ordering::SeqCst), 0).expect("a moment"))
    }

    /// Lets time pass, as one who sleeps would find it.
    fn pass(&self, time: TimeDelta) {
        self.seconds.fetch_add(time.num_seconds(), Ordering::SeqCst);
        self.bell.notify_one();
    }

    /// So many people are asked, from one number on.
    async fn ask(&self, from: usize, count: usize) {
        let config = Config::parse(SITE).expect("settings");
        let templates = Arc::new(Templates::new(vec![]).expect("templates"));
        let keys = Keys::from_secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").expect("a key");
        let letters = Letters::new(&config, templates, &keys).expect("letters");
        let (now, digests) = ((self.clock())(), vec!["weekly".to_owned()]);
        let drafts = letters.drafts(&[Kind::Confirm, Kind::Known], &digests, now).expect("drafts");
        for n in from..from + count {
            let ask = Ask {
                address: &address(&format!("r{n}@example.org")),
                request: &Request { digests: digests.clone(), ..Request::default() },
                source: "a form",
                now,
                limits: Limits { per_address: 3, repeat_after: TimeDelta::minutes(5) },
                formerly: &BTreeMap::new(),
                hashes: &hashes,
            };
            self.store.ask(&ask, &|to| drafts.letter(to)).await.expect("asked");
        }
        self.bell.notify_one();
    }

    fn postman(&self, owner: &str, max_per_day: Option<u64>) -> Postman<Sqlite> {
        let news = self.news.clone();
        Postman {
            store: self.store.clone(),
            transport: Transport::Script(self.script.clone()),
            signers: [].into(),
            owner: owner.to_owned(),
            workers: self.dir.path().join("workers"),
            max_per_day,
            first_pause: PAUSE,
            bell: self.bell.clone(),
            stop: Arc::default(),
            clock: self.clock(),
            listener: Arc::new(move |told| {
                let told = match told {
                    News::Became { notice, masked, state, reply, .. } => {
                        format!("{notice} {masked} {} {reply}", state.word())
                    }
                    other => format!("{other:?}"),
                };
                news.lock().expect("a list").push(told);
            }),
        }
    }

    fn works(&self) -> AtWork {
        self.works_with(None)
    }

    fn works_with(&self, max_per_day: Option<u64>) -> AtWork {
        let postman = self.postman("me", max_per_day);
        AtWork { stop: postman.stop.clone(), task: tokio::spawn(postman.run()) }
    }

    async fn notices(&self) -> Vec<Notice> {
        self.store.notices(&Which { limit: 999, ..Which::default() }).await.expect("read")
    }

    async fn states(&self) -> Vec<&'static str> {
        self.notices().await.iter().map(|one| one.state.word()).collect()
    }

    /// Waits until the notices stand so.
    async fn until(&self, want: &[&str]) {
        let begin = std::time::Instant::now();
        while self.states().await != want {
            assert!(begin.elapsed() < Duration::from_secs(20), "{:?}, {:?}", self.states().await, self.told());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn told(&self) -> Vec<String> {
        self.news.lock().expect("a list").clone()
    }

    /// Whom the server has mails for, in the order in which they came.
    fn delivered(&self) -> Vec<String> {
        self.script.delivered().iter().map(|mail| mail.envelope.recipient.to_string()).collect()
    }
}

fn wait<F: Future>(answer: F) -> F::Output {
    block_on(answer).expect("a runtime")
}

#[test]
fn what_is_planned_goes_out_in_order_over_one_line() {
    wait(async {
        let office = Office::new([]).await;
        office.ask(0, 2).await;
        let at_work = office.works();
        office.until(&["accepted", "accepted"]).await;
        // One that comes while it waits wakes it.
        office.ask(2, 1).await;
        office.until(&["accepted", "accepted", "accepted"]).await;
        at_work.ends().await;
        assert_eq!(office.delivered(), ["r0@example.org", "r1@example.org", "r2@example.org"]);
        assert_eq!(office.script.opened(), 1);
        assert_eq!(office.told()[0], "1 r***@e***.org accepted 250 2.0.0 taken");
        let mail = String::from_utf8(office.script.delivered()[0].message.clone()).expect("ASCII");
        assert!(mail.contains("Auto-Submitted: auto-generated\r\n") && mail.contains("https://example.org/confirm/"));
    });
}

#[test]
fn the_reply_decides_what_becomes_of_a_notice() {
    wait(async {
        let refuse = |phase, code, enhanced| Step::Refuse(phase, Reply::new(code, enhanced, "no r9@example.org"));
        let office = Office::new([
            refuse(Phase::Rcpt, 550, [5, 1, 1]),
            refuse(Phase::Rcpt, 450, [4, 2, 1]),
            refuse(Phase::Dot, 554, [5, 7, 1]),
            // The server does not know the sender: nothing of that is the recipient's fault.
            refuse(Phase::Mail, 550, [5, 7, 1]),
            // The fifth meets with a line that breaks, and goes out at once over another.
            Step::Break(Phase::Body, Mishap::Closed),
            Step::Take,
            Step::TakeAndBreak(Mishap::Timeout),
        ])
        .await;
        office.ask(0, 6).await;
        let at_work = office.works();
        let want = ["rejected", "deferred", "rejected", "deferred", "accepted", "uncertain"];
        office.until(&want).await;
        at_work.ends().await;
        let all = office.notices().await;
        assert_eq!(all[0].reply.as_deref(), Some("550 5.1.1 no r***@e***.org"));
        assert_eq!(all[1].due_at, Some((office.clock())() + TimeDelta::seconds(60)));
        assert_eq!(all[5].reason.as_deref(), Some("no reply"));
        let portrait = store_says(&office, 1).await;
        assert_eq!(portrait, Some(crate::subscriber::Reason::Bounced));
        assert_eq!(store_says(&office, 3).await, None);
    });
}

async fn store_says(office: &Office, subscriber: i64) -> Option<crate::subscriber::Reason> {
    office.store.portrait_of(subscriber).await.expect("read").expect("somebody").subscriber.suppressed
}

#[test]
fn a_deferred_notice_is_tried_again_until_its_link_is_good_no_more() {
    wait(async {
        let later = || Step::Refuse(Phase::Rcpt, Reply::new(450, [4, 2, 1], "later"));
        let office = Office::new([later(), later(), Step::Take, later()]).await;
        office.ask(0, 1).await;
        let at_work = office.works();
        office.until(&["deferred"]).await;
        office.pass(TimeDelta::seconds(70));
        while office.notices().await[0].attempts < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        office.pass(TimeDelta::seconds(400));
        office.until(&["accepted"]).await;
        office.ask(1, 1).await;
        office.until(&["accepted", "deferred"]).await;
        office.pass(TimeDelta::days(8));
        office.until(&["accepted", "rejected"]).await;
        at_work.ends().await;
        assert_eq!(office.notices().await[1].reason.as_deref(), Some("expired"));
        assert_eq!(office.delivered(), ["r0@example.org"]);
    });
}

#[test]
fn a_server_that_is_down_loses_nothing_and_is_not_asked_all_the_time() {
    wait(async {
        let office = Office::new([]).await;
        for _ in 0..6 {
            office.script.break_next_line(Phase::Connect, Mishap::Closed);
        }
        office.ask(0, 2).await;
        let at_work = office.works();
        let began = std::time::Instant::now();
        while office.states().await != ["accepted", "accepted"] {
            // Whoever rings does not hurry it.
            office.bell.notify_one();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let waited = began.elapsed();
        assert!(waited >= PAUSE * (1 + 2 + 4 + 8 + 16 + 32), "{waited:?}");
        at_work.ends().await;
        let told = office.told();
        assert!(told.iter().filter(|told| told.contains("cannot be used")).count() == 6, "{told:?}");
        assert_eq!(office.delivered().len(), 2);
        // What was not tried was not tried.
        assert!(office.notices().await.iter().all(|one| one.attempts == 1));
    });
}

#[test]
fn a_quota_of_the_day_is_kept() {
    wait(async {
        let office = Office::new([]).await;
        office.ask(0, 3).await;
        let at_work = office.works_with(Some(2));
        office.until(&["accepted", "accepted", "planned"]).await;
        office.bell.notify_one();
        office.pass(TimeDelta::hours(1));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(office.told().iter().filter(|told| *told == "Quota").count(), 1);
        office.pass(TimeDelta::hours(24));
        office.until(&["accepted", "accepted", "accepted"]).await;
        at_work.ends().await;
    });
}

#[test]
fn what_a_killed_postman_had_on_the_wire_is_uncertain_and_all_else_goes_out() {
    wait(async {
        let mut office = Office::new([]).await;
        office.ask(0, 3).await;
        // One that is killed after it wrote down that the first goes, and while it holds the second.
        let now = (office.clock())();
        let (owner, until) = ("00000000000000ff", now + LEASE);
        let drawn = office.store.draw(owner, 2, now, until).await.expect("drawn");
        assert_eq!(office.store.set_out(drawn[0].hold, owner, now).await.expect("leave"), Leave::Given);
        let workers = office.dir.path().join("workers");
        std::fs::create_dir_all(&workers).expect("a folder");
        std::fs::write(workers.join(owner), "").expect("what it left");
        office.store = open(office.dir.path()).await;
        let at_work = office.works();
        office.until(&["uncertain", "accepted", "accepted"]).await;
        at_work.ends().await;
        assert_eq!(office.told()[0], "Uncertain(1)");
        assert_eq!(office.delivered(), ["r1@example.org", "r2@example.org"]);
        assert!(!workers.join(owner).exists());
    });
}

#[test]
fn however_often_it_is_killed_nobody_gets_a_notice_twice() {
    wait(async {
        let office = Office::new([]).await;
        office.ask(0, 60).await;
        let mut seed = 7_u64;
        for run in 0..200 {
            let postman = office.postman(&format!("{run}"), None);
            let task = tokio::spawn(postman.run());
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            tokio::time::sleep(Duration::from_micros(seed >> 33 & 0x3fff)).await;
            task.abort();
            let _ = task.await;
            // The next one finds that its lease has run out.
            office.seconds.fetch_add(60, Ordering::SeqCst);
            if office.states().await.iter().all(|state| ["accepted", "uncertain"].contains(state)) {
                break;
            }
        }
        let at_work = office.works();
        let begin = std::time::Instant::now();
        while !office.states().await.iter().all(|state| ["accepted", "uncertain"].contains(state)) {
            assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", office.states().await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        at_work.ends().await;
        let delivered = office.delivered();
        let once: BTreeSet<&String> = delivered.iter().collect();
        assert_eq!(once.len(), delivered.len(), "nobody twice");
        for one in office.notices().await {
            let has_it = once.contains(&one.mailbox);
            assert!(has_it || one.state == State::Uncertain, "{one:?}");
        }
    });
}

#[test]
fn who_is_asked_to_stop_gives_back_what_was_not_sent() {
    wait(async {
        let office = Office::new([]).await;
        office.ask(0, 1).await;
        let at_work = office.works();
        office.until(&["accepted"]).await;
        at_work.ends().await;
        office.ask(1, 3).await;
        let postman = office.postman("me", None);
        postman.stop.ask();
        postman.run().await;
        assert_eq!(office.states().await, ["accepted", "planned", "planned", "planned"]);
        assert_eq!(office.store.holders().await.expect("none"), [""; 0]);
    });
}

#[test]
fn a_letter_that_cannot_be_read_holds_up_nobody() {
    wait(async {
        let office = Office::new([]).await;
        // One is no letter at all, of the others a part cannot stand in a mail.
        let letter = |from: &str, sender: &str, domain: &str| {
            serde_json::json!({
                "from": from, "reply_to": null, "sender": sender, "subject": "Yes?", "text": "T", "html": "<p>T</p>",
                "message_id": ["a", domain], "sent_at": "2023-11-14T22:00:00Z", "expires_at": null,
            })
        };
        let good = "news@example.org";
        let letters = [
            "{}".to_owned(),
            letter("Nobody", good, "example.org").to_string(),
            letter(good, "n@@", "example.org").to_string(),
            letter(good, good, "a b").to_string(),
        ];
        for (n, letter) in letters.iter().enumerate() {
            let ask = Ask {
                address: &address(&format!("r9{n}@example.org")),
                request: &Request { digests: vec!["weekly".into()], ..Request::default() },
                source: "a form",
                now: (office.clock())(),
                limits: Limits { per_address: 3, repeat_after: TimeDelta::minutes(5) },
                formerly: &BTreeMap::new(),
                hashes: &hashes,
            };
            office.store.ask(&ask, &|_| Ok(letter.clone())).await.expect("asked");
        }
        office.ask(0, 1).await;
        let at_work = office.works();
        office.until(&["rejected", "rejected", "rejected", "rejected", "accepted"]).await;
        at_work.ends().await;
        assert!(office.notices().await[..4].iter().all(|one| one.reason.as_deref() == Some("unreadable")));
        assert!(!office.told().iter().any(|told| told.starts_with("Trouble")), "{:?}", office.told());
    });
}
