use super::*;
use crate::store::block_on;
use crate::store::issues::Issues as _;
use crate::store::ledger::State as Ledger;
use crate::store::notices::contract::request;
use crate::store::notices::{Addressee, Ask, Limits, Notices as _};
use crate::store::postbox::Postbox as _;
use crate::store::postbox::contract::conclude;
use crate::store::subscribers::Manner;
use crate::store::subscribers::contract::{address, arrival, at, hashes, subscriber_promises, terms, told};
use chrono::TimeDelta;
use memchr::memmem;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

async fn empty() -> (tempfile::TempDir, Sqlite) {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(&dir.path().join("tidings.db"), "tidings.db").await.expect("a store");
    (dir, store)
}

subscriber_promises!(empty());

fn wait<F: Future>(answer: F) -> F::Output {
    block_on(answer).expect("a runtime")
}

async fn run(store: &Sqlite, sql: &'static str) -> Result<(), String> {
    sqlx::query(sql).execute(&store.pool).await.map(|_| ()).map_err(|err| err.to_string())
}

#[test]
fn the_trail_of_consent_cannot_be_changed() {
    wait(async {
        let (_dir, store) = empty().await;
        let one = arrival("ana@example.org", &[("weekly", State::Active)]);
        store.add(&[one], &terms(Manner::Add)).await.expect("added");
        for sql in ["UPDATE consent SET source = 'x'", "DELETE FROM consent"] {
            let err = run(&store, sql).await.expect_err("refused");
            assert!(err.contains("consent is append-only"), "{err}");
        }
    });
}

#[test]
fn what_was_about_to_be_sent_to_somebody_who_is_erased_is_not_sent() {
    wait(async {
        let (_dir, store) = empty().await;
        let one = arrival("ana@example.org", &[("weekly", State::Active)]);
        store.add(&[one], &terms(Manner::Add)).await.expect("added");
        let states = ["planned", "leased", "deferred", "on_wire", "accepted", "uncertain"];
        for (n, state) in (1_i64..).zip(states) {
            let sql = "INSERT INTO issue (id, digest, period, starts_at, cutoff_at, state, recorded_at)
                VALUES ($1, 'weekly', 'p' || $1, 0, $1, 'frozen', 0)";
            sqlx::query(sql).bind(n).execute(&store.pool).await.expect("an issue");
            let sql = "INSERT INTO delivery (issue_id, subscriber_id, mailbox, via, state, owner, updated_at)
                VALUES ($1, 1, 'ana@example.org', 'weekly', $2, 'me', 0)";
            sqlx::query(sql).bind(n).bind(state).execute(&store.pool).await.expect("a delivery");
        }
        let shown = store.portrait(&address("ana@example.org")).await.expect("read").expect("somebody").deliveries;
        let shown: Vec<String> = shown.iter().map(|d| format!("{}/{} {}", d.digest, d.period, d.state)).collect();
        assert_eq!((shown.len(), shown[0].as_str()), (6, "weekly/p6 uncertain"));
        let erased = store.erase(&address("ana@example.org"), &hashes, "a letter", at(1)).await.expect("erased");
        assert_eq!(erased.expect("somebody").skipped, 3);
        let sql =
            "SELECT state || ' ' || coalesce(reason, '') || mailbox || ' ' || fence FROM delivery ORDER BY issue_id";
        let now: Vec<String> = sqlx::query_scalar(sql).fetch_all(&store.pool).await.expect("read");
        let want =
            ["skipped erased 1", "skipped erased 1", "skipped erased 1", "on_wire  0", "accepted  0", "uncertain  0"];
        assert_eq!(now, want);
    });
}

/// All bytes of a store's files.
fn bytes(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        all.extend(fs::read(entry.expect("an entry").path()).expect("read"));
    }
    all
}

#[test]
fn of_somebody_who_is_erased_no_byte_is_left() {
    wait(async {
        let (dir, store) = empty().await;
        let mut many: Vec<Arrival> = (0..3_000)
            .map(|n| arrival(&format!("{:x}.Reader@Example.org", n * 7_919 % 3_001), &[("weekly", State::Active)]))
            .collect();
        many.push(arrival("Ana.Souza@example.org", &[("weekly", State::Active)]));
        many.sort_by_key(|one| one.address.as_str().len());
        for batch in many.chunks(100) {
            store.add(batch, &terms(Manner::Import)).await.expect("added");
        }
        // A mail that waits, one that was sent, and one that was deferred, all with the address in them.
        let ana = address("ana.souza@example.org");
        for n in 0..3 {
            let request = request(&[&format!("d{n}")]);
            let limits = Limits { per_address: 9, repeat_after: TimeDelta::zero() };
            let (now, formerly) = (at(n), &BTreeMap::new());
            let ask =
                Ask { address: &ana, request: &request, source: "a form", now, limits, formerly, hashes: &hashes };
            let letter = |_: &Addressee| Ok(format!("To: Ana.Souza@example.org{}", "x".repeat(20_000)));
            store.ask(&ask, &letter).await.expect("asked");
        }
        for (state, drawn) in [Ledger::Accepted, Ledger::Deferred]
            .into_iter()
            .zip(store.draw("me", 2, at(9), at(10)).await.expect("drawn"))
        {
            conclude(&store, drawn.hold, state, 0).await;
        }
        // What others do meanwhile moves rows about.
        for n in [5, 700, 2_000] {
            let who = address(&format!("{n:x}.reader@example.org"));
            store.erase(&who, &hashes, "a letter", at(1)).await.expect("erased").expect("somebody");
        }
        let has = |text: &str| memmem::find(&bytes(dir.path()).to_ascii_lowercase(), text.as_bytes()).is_some();
        assert!(has("ana.souza@example.org"), "the test looks in the right place");
        let erased = store.erase(&ana, &hashes, "a letter", at(1)).await.expect("erased").expect("somebody");
        assert!(erased.is_clean && store.fact("unclean").await.expect("read").is_none());
        assert_eq!(erased.skipped, 2);
        assert!(!has("ana.souza@") && !has("anasouza"));
        assert_eq!(told(&store, "6.reader@example.org").await, "6.Reader@example.org, weekly active");
    });
}

#[test]
fn copies_that_the_database_left_behind_are_found_and_cleared() {
    wait(async {
        let (dir, store) = empty().await;
        let mut connection = store.pool.acquire().await.expect("a connection");
        for sql in [
            "PRAGMA secure_delete = off",
            "INSERT INTO fact VALUES ('x', 'ana@example.org')",
            "DELETE FROM fact",
            "PRAGMA wal_checkpoint(TRUNCATE)",
        ] {
            sqlx::query(sql).execute(&mut *connection).await.expect("done");
        }
        drop(connection);
        let has = || memmem::find(&bytes(dir.path()), b"ana@example.org").is_some();
        assert!(has(), "there is something to clear");
        assert!(store.scrub(&["ana@example.org"]).await.expect("cleared"));
        assert!(!has());
        // The file is a store as before.
        assert_eq!(store.count(&Which::default()).await.expect("a count"), 0);
    });
}

#[test]
fn who_is_erased_while_another_program_reads_is_cleaned_up_later() {
    wait(async {
        let (dir, store) = empty().await;
        for who in ["ana@example.org", "eve@example.org"] {
            let one = arrival(who, &[("weekly", State::Active)]);
            store.add(&[one], &terms(Manner::Add)).await.expect("added");
        }
        let patience = std::time::Duration::from_millis(50);
        let path = dir.path().join("tidings.db");
        let hasty = Sqlite::open_with(super::super::options(&path, patience), "tidings.db", patience).await;
        let hasty = hasty.expect("a store");
        let mut reading = store.pool.begin().await.expect("a connection");
        count(&mut reading, &Which::default()).await.expect("read");
        let ana = address("ana@example.org");
        let erased = hasty.erase(&ana, &hashes, "a letter", at(1)).await.expect("erased").expect("somebody");
        assert!(!erased.is_clean);
        assert!(!hasty.tidy().await.expect("tried"));
        // Others who are erased meanwhile are no proof that it is gone.
        reading.rollback().await.expect("let go");
        let eve = address("eve@example.org");
        let erased = hasty.erase(&eve, &hashes, "a letter", at(1)).await.expect("erased").expect("somebody");
        assert!(erased.is_clean && hasty.fact("unclean").await.expect("read").is_some());
        assert!(hasty.tidy().await.expect("tidied"));
        assert_eq!(hasty.fact("unclean").await.expect("read"), None);
        assert!(memmem::find(&bytes(dir.path()), b"ana@example").is_none());
        // Nothing need be remembered of whom it was, and the same again is as good.
        assert!(hasty.tidy().await.expect("nothing to do"));
        let erased = hasty.erase(&ana, &hashes, "a letter", at(1)).await.expect("erased").expect("somebody");
        assert!(erased.is_clean);
        assert!(memmem::find(&bytes(dir.path()), b"ana@example").is_none());
    });
}
