use super::*;
use crate::store::archive::contract::archive_promises;
use crate::store::block_on;
use crate::store::contract::{promises, record};
use crate::store::ledger::contract::ledger_promises;
use crate::store::ledger::{Ledger as _, State, Totals, Wanted};
use crate::store::notices::contract::notice_promises;
use crate::store::postbox::contract::postbox_promises;
use proptest::prelude::*;
use std::error::Error as _;
use std::fs;
use std::path::PathBuf;

async fn empty() -> (tempfile::TempDir, Sqlite) {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(&dir.path().join(".tidings/tidings.db"), "tidings.db").await.expect("a store");
    (dir, store)
}

promises!(empty());
ledger_promises!(empty());
notice_promises!(empty());
postbox_promises!(empty());
archive_promises!(empty());

/// A folder with a store in it that carried `a`.
fn site() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("tidings.db");
    wait(async {
        let store = Sqlite::open(&path, "tidings.db").await.expect("a store");
        let one = record(7, RecordState::Frozen, &["a"], &[]);
        store.record_issue(&one, one.period.cutoff).await.expect("recorded");
        store.close().await;
    });
    (dir, path)
}

fn wait<F: Future>(answer: F) -> F::Output {
    block_on(answer).expect("a runtime")
}

/// What an error says, and what to do.
fn told(err: &StoreError) -> (String, Option<&'static str>) {
    (err.to_string(), err.hint())
}

#[test]
fn what_was_recorded_is_there_when_the_file_is_opened_again() {
    let (_dir, path) = site();
    wait(async {
        let store = Sqlite::open(&path, "tidings.db").await.expect("a store");
        assert!(store.history(&["weekly"]).await.expect("a history").carrier("a").is_some());
        let store = Sqlite::open_to_read(&path, "tidings.db").await.expect("a store").expect("a file");
        assert!(store.history(&["weekly"]).await.expect("a history").carrier("a").is_some());
    });
}

#[test]
fn to_read_makes_no_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("none/tidings.db");
    assert!(wait(Sqlite::open_to_read(&path, "tidings.db")).expect("no error").is_none());
    assert!(fs::read_dir(dir.path()).expect("a folder").next().is_none());
}

#[test]
fn a_file_from_before_the_first_migration_is_brought_up_to_date_to_be_read() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("tidings.db");
    fs::write(&path, "").expect("written");
    wait(async {
        let store = Sqlite::open_to_read(&path, "tidings.db").await.expect("a store").expect("a file");
        assert!(store.history(&["weekly"]).await.expect("a history").is_empty());
    });
}

#[test]
fn a_store_that_is_open_to_read_is_not_written_to() {
    let (_dir, path) = site();
    let err = wait(async {
        let store = Sqlite::open_to_read(&path, "tidings.db").await.expect("a store").expect("a file");
        let one = record(14, RecordState::Frozen, &["b"], &[]);
        store.record_issue(&one, one.period.cutoff).await.expect_err("refused")
    });
    let hint = "give whoever runs tidings leave to write to the file and to its folder";
    assert_eq!(told(&err), ("the store `tidings.db` cannot be written to".into(), Some(hint)));
}

#[test]
fn a_locked_store_says_so_and_may_be_tried_again() {
    let (_dir, path) = site();
    let err = wait(async {
        let other = Sqlite::open(&path, "tidings.db").await.expect("a store");
        let _lock = other.pool.begin_with("BEGIN IMMEDIATE").await.expect("a lock");
        let patience = Duration::from_millis(50);
        let store = Sqlite::open_with(options(&path, patience), "tidings.db", patience).await.expect("a store");
        // Who only reads is not in the way.
        assert!(store.history(&["weekly"]).await.expect("a history").carrier("a").is_some());
        let one = record(14, RecordState::Frozen, &["b"], &[]);
        store.record_issue(&one, one.period.cutoff).await.expect_err("refused")
    });
    let hint = "run the command again when the other one is done";
    assert_eq!(told(&err), ("the store `tidings.db` is in use by another program".into(), Some(hint)));
    assert!(err.is_transient());
}

#[test]
fn a_full_disk_says_so_and_leaves_the_store_as_it_was() {
    let (_dir, path) = site();
    let ids: Vec<String> = (0..5_000).map(|n| format!("tag:example.org,2016:{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let one = record(14, RecordState::Frozen, &ids, &[]);
    let err = wait(async {
        // No disk is filled for a test: the database is told to grow no further.
        let small = options(&path, PATIENCE).pragma("max_page_count", "12");
        let store = Sqlite::open_with(small, "tidings.db", PATIENCE).await.expect("a store");
        let err = store.record_issue(&one, one.period.cutoff).await.expect_err("refused");
        // The next who writes is told the same, and not that something is left of the first.
        let next = store.record_issue(&one, one.period.cutoff).await.expect_err("refused again");
        assert_eq!(told(&next), told(&err));
        assert_eq!(store.history(&["weekly"]).await.expect("a history").records().len(), 1);
        err
    });
    let hint = "make room and run the command again; nothing of it was kept";
    assert_eq!(told(&err), ("the store `tidings.db` cannot be written: the disk is full".into(), Some(hint)));
    wait(async {
        let store = Sqlite::open(&path, "tidings.db").await.expect("a store");
        store.record_issue(&one, one.period.cutoff).await.expect("recorded");
    });
}

#[test]
fn a_damaged_store_says_so() {
    let hint = "put a backup in its place, with the files `-wal` and `-shm` beside it removed";
    let want = ("the store `tidings.db` is damaged".to_owned(), Some(hint));
    let (_dir, path) = site();
    let good = fs::read(&path).expect("read");
    let open = || wait(Sqlite::open(&path, "tidings.db"));
    let read = || {
        wait(async {
            let store = Sqlite::open_to_read(&path, "tidings.db").await?.expect("a file");
            store.history(&["weekly"]).await
        })
    };
    // No database at all.
    fs::write(&path, b"no database, ".repeat(400)).expect("written");
    assert_eq!(told(&open().expect_err("refused")), want);
    assert_eq!(told(&read().expect_err("refused")), want);
    // The header is sound, what follows is not.
    let mut bad = good.clone();
    bad[4096..].fill(0xa5);
    fs::write(&path, bad).expect("written");
    assert_eq!(told(&read().expect_err("refused")), want);
}

#[test]
fn the_file_of_another_program_is_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("places.sqlite");
    let before = wait(async {
        let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&path).create_if_missing(true)).await;
        let pool = pool.expect("a database");
        sqlx::query("CREATE TABLE places (url TEXT)").execute(&pool).await.expect("a table");
        pool.close().await;
        tables_of(&path).await
    });
    let err = wait(Sqlite::open(&path, "places.sqlite")).expect_err("refused");
    let want = (
        "the store `places.sqlite` is the database of another program".to_owned(),
        Some("name another file in `[store] url`"),
    );
    assert_eq!(told(&err), want);
    assert_eq!(wait(tables_of(&path)), before);
}

async fn tables_of(path: &Path) -> i64 {
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(path)).await.expect("a database");
    let mut connection = pool.acquire().await.expect("a connection");
    tables(&mut connection).await.expect("a number")
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let want = (
        "the store `tidings.db` was written by a newer version of tidings".to_owned(),
        Some("run the newer version, or name another file in `[store] url`"),
    );
    for change in [
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'x', 1, x'00', 0)",
        "UPDATE issue SET state = 'sending'",
    ] {
        let (_dir, path) = site();
        let err = wait(async {
            let store = Sqlite::open(&path, "tidings.db").await.expect("a store");
            sqlx::query(change).execute(&store.pool).await.expect("changed");
            store.close().await;
            let store = Sqlite::open(&path, "tidings.db").await?;
            store.history(&["weekly"]).await
        });
        assert_eq!(told(&err.expect_err("refused")), want, "{change}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_says_so() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("file"), "").expect("written");
    let err = wait(Sqlite::open(&dir.path().join("file/tidings.db"), "file/tidings.db")).expect_err("refused");
    let hint = "check the path in `[store] url`, and who may read the folder";
    assert_eq!(told(&err), ("the store `file/tidings.db` cannot be opened".into(), Some(hint)));
    assert!(err.source().is_some());
    let err = wait(Sqlite::open(dir.path(), "folder")).expect_err("refused");
    assert_eq!(err.to_string(), "the store `folder` cannot be opened");
}

#[test]
fn a_file_that_nobody_may_change_can_be_read() {
    let (_dir, path) = site();
    wait(async {
        let options = SqliteConnectOptions::new().filename(&path).read_only(true).immutable(true);
        let (store, pending) = connect(options, "tidings.db").await.expect("a store");
        assert_eq!(pending, 0);
        assert!(store.history(&["weekly"]).await.expect("a history").carrier("a").is_some());
    });
}

#[test]
fn many_programs_may_make_the_same_store_at_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("tidings.db");
    let programs: Vec<_> = (0..6)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || wait(async { Sqlite::open(&path, "tidings.db").await?.digests().await }))
        })
        .collect();
    for program in programs {
        assert_eq!(program.join().expect("no panic").expect("a store"), [""; 0]);
    }
}

#[test]
fn the_schema_holds_what_the_code_promises() {
    let (_dir, path) = site();
    wait(async {
        let store = Sqlite::open(&path, "tidings.db").await.expect("a store");
        for sql in [
            "INSERT INTO carried VALUES ('weekly', 'a', 'day-7', 1)",
            "INSERT INTO carried VALUES ('weekly', 'b', 'day-7', 0)",
            "INSERT INTO carried VALUES ('weekly', 'b', 'day-8', 0)",
            "DELETE FROM issue",
        ] {
            assert!(sqlx::query(sql).execute(&store.pool).await.is_err(), "{sql}");
        }
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.pool).await.expect("a mode");
        assert_eq!(mode, "wal");
    });
}

#[test]
fn who_comes_after_a_copy_was_accepted_has_no_number_of_somebody_who_is_not_in_it() {
    use crate::store::notices::contract::{ask, queued, request};
    use crate::store::subscribers::Subscribers as _;
    wait(async {
        let (_dir, store) = empty().await;
        copy::leap(&store).await.expect("left out");
        let weekly = request(&["weekly"]);
        assert_eq!(queued(ask(&store, "ana@example.org", &weekly, 0).await), 1_000_001);
        copy::leap(&store).await.expect("left out");
        assert_eq!(queued(ask(&store, "li@example.org", &weekly, 0).await), 2_000_002);
        for (id, who) in [(1_000_001, "ana@example.org"), (2_000_002, "li@example.org")] {
            assert_eq!(store.by_id(id).await.expect("read").expect("somebody").address, who);
        }
    });
}

#[test]
fn a_new_store_is_read_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, _store) = wait(empty());
    for file in ["tidings.db", "tidings.db-wal"] {
        let mode = fs::metadata(dir.path().join(".tidings").join(file)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

/// A store as the first four migrations left it, with an issue of three deliveries.
async fn from_before_the_totals(path: &Path) {
    let options = options(path, PATIENCE).create_if_missing(true);
    let pool = SqlitePoolOptions::new().connect_with(options).await.expect("a pool");
    let mut all = migrator();
    all.migrations = all.migrations.iter().take(4).cloned().collect();
    all.run(&pool).await.expect("migrated");
    for sql in [
        "INSERT INTO issue (id, digest, period, starts_at, cutoff_at, state, recorded_at, frozen_at, head, content_hash,
            audience_hash, transport, candidates) VALUES (1, 'weekly', 'x', 0, 1, 'frozen', 1, 1, '{}', '', '', 'smtp', 3)",
        "INSERT INTO subscriber (id, address, mailbox, added_at) VALUES (1, 'a@x.org', 'a@x.org', 0), (2, 'b@x.org', 'b@x.org', 0)",
        "INSERT INTO delivery (issue_id, subscriber_id, mailbox, via, state, updated_at)
            VALUES (1, 1, 'a@x.org', 'weekly', 'planned', 1), (1, 2, 'b@x.org', 'weekly', 'accepted', 1), (1, 3, '', '', 'accepted', 1)",
    ] {
        sqlx::query(sql).execute(&pool).await.expect("written");
    }
    pool.close().await;
}

#[test]
fn a_store_from_before_the_totals_is_counted_when_it_is_opened() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("tidings.db");
    wait(async {
        from_before_the_totals(&path).await;
        let store = Sqlite::open_to_read(&path, "tidings.db").await.expect("a store").expect("a file");
        let totals = store.totals(1).await.expect("counted");
        assert_eq!(totals, Totals::new(3, [(State::Planned, 1), (State::Accepted, 2)]));
        let of_b = Wanted { address: Some("b@x.org".into()), limit: 9, ..Wanted::default() };
        assert_eq!(store.deliveries(&of_b).await.expect("read").len(), 1);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn totals_are_what_the_rows_say_whatever_is_done_to_them(
        steps in proptest::collection::vec((0..5_u8, 1..4_i64, 1..12_i64, 0..9_usize, any::<bool>()), 1..60),
    ) {
        wait(async {
            let (_dir, store) = empty().await;
            sqlx::query("PRAGMA foreign_keys = off").execute(&store.writer).await.expect("off");
            for (what, issue, subscriber, state, is_kept) in steps {
                let sql = match what {
                    0 => "INSERT INTO delivery (issue_id, subscriber_id, mailbox, via, state, updated_at)
                        VALUES ($1, $2, '', '', $3, 0) ON CONFLICT DO NOTHING",
                    1 => "UPDATE delivery SET state = $3 WHERE issue_id = $1 AND subscriber_id <= $2",
                    2 => "UPDATE delivery SET state = $3, attempts = attempts + 1 WHERE subscriber_id = $2 AND $1 > 0",
                    3 => "UPDATE OR IGNORE delivery SET issue_id = $1 WHERE subscriber_id = $2 AND state = $3",
                    _ => "DELETE FROM delivery WHERE issue_id = $1 AND subscriber_id >= $2 AND state <> $3",
                };
                let mut transaction = store.write().await.expect("begun");
                let query = sqlx::query(sql).bind(issue).bind(subscriber).bind(State::ALL[state].word());
                query.execute(&mut *transaction).await.expect("done");
                // A run that is killed here leaves neither a row nor its count.
                if is_kept { transaction.commit().await.expect("kept") } else { drop(transaction) }
            }
            let read = |sql: &'static str| sqlx::query_as::<_, (i64, String, i64)>(sql).fetch_all(&store.writer);
            let rows = read("SELECT issue_id, state, count(*) FROM delivery GROUP BY 1, 2 ORDER BY 1, 2").await.expect("rows");
            let kept = read("SELECT * FROM delivery_total WHERE count <> 0 ORDER BY 1, 2").await.expect("totals");
            assert_eq!(kept, rows);
        });
    }
}
