//! Mails to one person, from the form to the file: asked for, written down, sent, and told by the commands.

mod support;

use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use support::{NOW, Site};
use tidings::config::Config;
use tidings::delivery::notice::Letters;
use tidings::delivery::postman::{FIRST_PAUSE, Postman};
use tidings::mail::transport::{Script, Step, Transport};
use tidings::store::block_on;
use tidings::store::ledger::Totals;
use tidings::store::notices::{Ask, Asked, Confirmed, Kind, Limits, Notices as _, Request, Wish, Yes};
use tidings::store::postbox::Postbox as _;
use tidings::store::sqlite::Sqlite;
use tidings::subscriber::choice::Choice;
use tidings::subscriber::keys::Keys;
use tidings::subscriber::token::{Purpose, Token};
use tidings::template::Templates;

const MORE: &str = "[digest.weekly]\ntitle = 'The week'\nfrom = 'News <news@example.org>'
    postal_address = '1 Main Street'\nschedule = 'Mon 09:00'\n[smtp]\nurl = 'outbox:outbox'\n";

/// A site, and what a server has of it.
struct Server {
    site: Site,
    store: Arc<Sqlite>,
    config: Config,
    keys: Keys,
}

fn now() -> DateTime<Utc> {
    NOW.parse().expect("a moment")
}

impl Server {
    async fn new() -> Server {
        let site = Site::new().more_settings(MORE);
        let store = Sqlite::open(&site.path(".tidings/tidings.db"), "tidings.db").await.expect("a store");
        let config = Config::parse(&site.read("tidings.toml")).expect("settings");
        let keys = Keys::from_secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").expect("a key");
        Server { site, store: Arc::new(store), config, keys }
    }

    async fn ask(&self, who: &str) -> Asked {
        let templates = Arc::new(Templates::new(vec![]).expect("templates"));
        let letters = Letters::new(&self.config, templates, &self.keys).expect("letters");
        let digests = vec!["weekly".to_owned()];
        let drafts = letters.drafts(&[Kind::Confirm, Kind::Known], &digests, now()).expect("drafts");
        let ask = Ask {
            address: &who.parse().expect("an address"),
            request: &Request { digests, ..Request::default() },
            source: "the form",
            now: now(),
            limits: Limits { per_address: 3, repeat_after: TimeDelta::minutes(5) },
            formerly: &BTreeMap::new(),
            hashes: &|_| vec![],
        };
        self.store.ask(&ask, &|to| drafts.letter(to)).await.expect("asked")
    }

    async fn totals(&self) -> Totals {
        self.store.notice_totals().await.expect("counted")
    }

    /// Sends over a way out what there is to be sent.
    async fn send(&self, transport: Transport) {
        let stop = Arc::default();
        let postman = Postman {
            store: self.store.clone(),
            transport,
            signers: [].into(),
            owner: "0123456789abcdef".into(),
            workers: self.site.path(".tidings/workers"),
            max_per_day: None,
            first_pause: FIRST_PAUSE,
            bell: Arc::default(),
            stop: Arc::clone(&stop),
            clock: Arc::new(now),
            listener: Arc::new(|_| {}),
        };
        let task = tokio::spawn(postman.run());
        use tidings::store::ledger::State::{Leased, OnWire, Planned};
        loop {
            let totals = self.totals().await;
            if [Planned, Leased, OnWire].iter().all(|&state| totals.of(state) == 0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.ask();
        task.await.expect("no panic");
    }
}

fn wait<F: Future>(answer: F) -> F::Output {
    block_on(answer).expect("a runtime")
}

#[test]
fn a_mail_that_asks_is_a_file_and_its_link_says_yes() {
    wait(async {
        let server = Server::new().await;
        assert_eq!(server.ask("ana@example.com").await, Asked::Queued(1, Kind::Confirm));
        server.send(Transport::new(&server.config.smtp, &server.site.path("")).expect("a folder")).await;
        let files: Vec<String> =
            server.site.files("outbox").into_iter().filter(|file| file.ends_with(".eml")).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        let mail = server.site.read(&format!("outbox/{}", files[0].trim_start_matches("outbox/")));
        let link = mail.lines().find_map(|line| line.strip_prefix("https://example.org/confirm/")).expect("a link");
        let token = Token::verify(&server.keys, &[Purpose::Confirm], link, now()).expect("a token");
        let formerly = BTreeMap::new();
        let (subscriber, notice, source, now) = (token.subscriber, token.issue, "the mail", now());
        let yes = Yes { notice, subscriber, source, now, formerly: &formerly, hashes: &|_| vec![] };
        let confirmed = server.store.confirm(&yes, None).await.expect("answered");
        assert_eq!(confirmed, Confirmed::Done { joined: vec!["weekly".into()] });
        let weekly = ["weekly".to_owned()];
        let wish = Wish {
            subscriber,
            offered: &weekly,
            ticked: &weekly,
            choice: &Choice::default(),
            paused_until: Some(now + TimeDelta::days(14)),
            source: "the page",
            now,
            formerly: &formerly,
        };
        server.store.set_preferences(&wish).await.expect("done");
        let want = "
            address    ana@example.com
            reads      everything
            digest     weekly, active since 2026-11-23
            paused     until 2026-12-07 12:00
            known      since 2026-11-23
            consent    2026-11-23 12:00  subscribed weekly: the form
            consent    2026-11-23 12:00  confirmed weekly: the mail
            notice     2026-11-23 12:00  confirm accepted: 250 2.0.0 written; settled at 2026-11-23 12:00:00 UTC
            ";
        let shown = server.site.run(["subscribers", "show", "ana@example.com"]);
        shown.stdout(want).succeeds();
        let shown = server.site.run(["subscribers", "show", "ana@example.com", "--json"]);
        let shown: serde_json::Value = shown.json();
        assert_eq!(
            (&shown["notices"][0]["state"], &shown["paused_until"]),
            (&"accepted".into(), &"2026-12-07T12:00:00+00:00".into())
        );
    });
}

#[test]
fn commands_tell_of_notices_and_settle_them() {
    wait(async {
        use tidings::mail::smtp::{Phase, Reply};
        use tidings::mail::transport::Mishap;
        let server = Server::new().await;
        for who in ["a@example.com", "b@example.com", "c@example.com"] {
            server.ask(who).await;
        }
        let refuse = |code, enhanced, text| Step::Refuse(Phase::Rcpt, Reply::new(code, enhanced, text));
        let steps = [refuse(550, [5, 7, 1], "no"), refuse(450, [4, 2, 1], "later"), Step::TakeAndBreak(Mishap::Closed)];
        server.send(Transport::Script(Script::new(steps))).await;
        let site = &server.site;
        site.run(["deliveries", "notices"])
            .stdout(
                "
                notices: 1 deferred, 1 rejected, 1 uncertain
                       1  rejected   confirm  a@example.com  550 5.7.1 no
                       2  deferred   confirm  b@example.com  450 4.2.1 later; again at 2026-11-23 12:01:00 UTC
                       3  uncertain  confirm  c@example.com  the end of the message failed: the server closed the connection; no reply
                ",
            )
            .succeeds();
        site.run(["deliveries", "why", "a@example.com"])
            .stdout("notice confirm  rejected at 2026-11-23 12:00:00 UTC  550 5.7.1 no\n")
            .succeeds();
        site.run(["status"])
            .stdout(
                "
                last build   never
                weekly       next 2026-W48, Mon 2026-11-23 09:00 UTC
                notices      1 to send, 1 uncertain
                ",
            )
            .succeeds();
        site.run(["deliveries", "resolve", "notices", "a@example.com", "--accepted"])
            .stderr("0 notices are accepted\n")
            .succeeds();
        site.run(["deliveries", "resolve", "notices", "--not-sent"])
            .stderr("1 notice is planned again; `tidings serve` sends them\n")
            .succeeds();
        site.run(["deliveries", "retry", "notices", "nobody@example.com"])
            .stderr("error: no notice was planned for `nobody@example.com`\n")
            .fails(1);
        site.run(["deliveries", "retry", "notices"])
            .stderr("2 notices are planned again; `tidings serve` sends them\n")
            .succeeds();
        let script = Script::default();
        server.send(Transport::Script(script.clone())).await;
        assert_eq!(script.delivered().len(), 3);
        site.run(["deliveries", "retry", "notices"])
            .stderr("0 notices are planned again; what was accepted is not kept, and cannot be sent again\n")
            .succeeds();
        site.run(["deliveries", "why", "nobody@example.com"])
            .stderr(
                "error: no mail was ever planned for `nobody@example.com`\n\
                 hint: `tidings subscribers show ADDRESS` tells what is known of an address\n",
            )
            .fails(1);
    });
}
