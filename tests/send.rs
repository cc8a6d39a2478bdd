//! `tidings send`, `deliveries` and `status` through the binary, with mail into files: what is frozen, what is sent, what is
//! refused, and what is said.

mod support;

use support::Site;

const WEEKLY: &str = "
[digest.weekly]
title = \"The week\"
from = \"Example <news@example.org>\"
postal_address = \"1 Main St, Springfield\"
schedule = \"Mon 09:00\"
";

const OUTBOX: &str = "
[smtp]
url = \"outbox:outbox\"
";

/// A minute after the cutoff of 2026-W48, and of the weeks after it.
const MONDAY: &str = "2026-11-23T09:01:00Z";
const NEXT_MONDAY: &str = "2026-11-30T09:01:00Z";

fn post(title: &str, day: &str) -> String {
    format!(
        "---\nid: {title}\ntitle: Post {title}\ndate: {day}\nsummary: About {title}.\ncategory: {title}\n---\nBody.\n"
    )
}

/// Two posts in the week of 2026-W48, one in the week after it, and nobody who reads them.
fn site() -> Site {
    Site::new()
        .more_settings(WEEKLY)
        .more_settings(OUTBOX)
        .post("a.md", &post("a", "2026-11-17"))
        .post("b.md", &post("b", "2026-11-20"))
        .post("c.md", &post("c", "2026-11-25"))
}

fn subscribe(site: &Site, address: &str, more: &[&str]) {
    let words = ["subscribers", "add", address, "--digest", "weekly", "--consent-source", "a test"];
    site.run(words.iter().chain(more)).succeeds();
}

/// The same with two people, one of whom reads `a` alone.
fn with_people() -> Site {
    let site = site();
    subscribe(&site, "ana@example.com", &[]);
    subscribe(&site, "ben@example.com", &["--category", "a"]);
    site
}

fn at(now: &str, words: &[&str]) -> Vec<String> {
    ["--now", now].iter().chain(words).map(|word| (*word).to_owned()).collect()
}

#[test]
fn everybody_gets_the_issue_once_however_often_it_is_sent() {
    let site = with_people();
    site.run(at(MONDAY, &["send", "weekly"]))
        .stdout("")
        .stderr(
            "
            froze weekly/2026-W48: 2 posts for 2 subscribers
            weekly/2026-W48: 2 subscribers: 2 accepted
            ",
        )
        .succeeds();
    assert_eq!(site.files("outbox"), ["weekly-2026-W48-1.eml", "weekly-2026-W48-2.eml"]);
    let (ana, ben) = (site.read("outbox/weekly-2026-W48-1.eml"), site.read("outbox/weekly-2026-W48-2.eml"));
    assert!(ana.contains("To: ana@example.com\r\n") && ana.contains("Post b") && ana.contains("Post a"), "{ana}");
    assert!(ben.contains("To: ben@example.com\r\n") && !ben.contains("Post b") && ben.contains("Post a"), "{ben}");
    site.remove("outbox/weekly-2026-W48-1.eml");
    site.run(at(MONDAY, &["send", "weekly", "--if-due"])).stdout("").stderr("").succeeds();
    site.run(at(MONDAY, &["send", "weekly", "--period", "2026-W48"]))
        .stderr("`weekly/2026-W48` is done: `tidings deliveries` shows who got it\n")
        .succeeds();
    assert!(!site.has("outbox/weekly-2026-W48-1.eml"), "nothing was sent again");
}

#[test]
fn a_post_that_was_carried_is_not_in_the_next_issue() {
    let site = with_people();
    site.run(at(MONDAY, &["send", "weekly"])).succeeds();
    let report = site.run(at(NEXT_MONDAY, &["--json", "send", "weekly"])).succeeds().json();
    assert_eq!(report["issues"][0]["issue"], "weekly/2026-W49");
    assert_eq!(report["issues"][0]["totals"]["accepted"], 1);
    // Ben reads `a` alone, and nothing of it is new.
    assert_eq!(report["issues"][0]["totals"]["skipped"], 1);
    let ana = site.read("outbox/weekly-2026-W49-1.eml");
    assert!(ana.contains("Post c") && !ana.contains("Post a") && !ana.contains("Post b"), "{ana}");
    let listed = site.run(["deliveries", "weekly/2026-W49"]).succeeds().out();
    assert!(listed.contains("skipped    ben@example.com  empty"), "{listed}");
}

#[test]
fn a_second_attempt_is_the_same_to_the_byte() {
    let one = with_people();
    one.run(at(MONDAY, &["send", "weekly"])).succeeds();
    let first = one.read("outbox/weekly-2026-W48-1.eml");
    one.remove("outbox/weekly-2026-W48-1.eml");
    let store = rusty(&one, "UPDATE delivery SET state = 'uncertain' WHERE subscriber_id = 1");
    store.expect("python3 is there");
    one.run(["deliveries", "resolve", "weekly", "ana@example.com", "--not-sent"])
        .stderr("weekly/2026-W48: 1 delivery is planned again; run `tidings send weekly`\n")
        .succeeds();
    // On another day, with another text in the post: the issue is the one that was frozen.
    let edited = one.post("b.md", &post("b", "2026-11-20").replace("About", "Changed"));
    edited.run(at("2026-11-24T12:00:00Z", &["send", "weekly"])).succeeds();
    assert_eq!(edited.read("outbox/weekly-2026-W48-1.eml"), first);
}

/// Runs a statement on the store of a site, as nothing but a test would.
fn rusty(site: &Site, sql: &str) -> std::io::Result<()> {
    let code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()";
    let store = site.path(".tidings/tidings.db");
    let status = std::process::Command::new("python3").args(["-c", code]).arg(store).arg(sql).status()?;
    assert!(status.success());
    Ok(())
}

#[test]
fn nothing_is_due_before_the_time_and_the_next_one_is_named() {
    let site = with_people();
    site.run(at("2026-11-22T12:00:00Z", &["send", "weekly"]))
        .stderr(
            "nothing is due: the next issue is weekly/2026-W48, on Mon 2026-11-23 09:00 UTC; `--period 2026-W47` sends the \
             last one\n",
        )
        .succeeds();
    site.run(at("2026-11-22T12:00:00Z", &["send", "weekly", "--if-due"])).stderr("").succeeds();
    site.run(at("2026-11-22T12:00:00Z", &["send", "weekly", "--period", "2026-W48"]))
        .stderr(
            "
            error: `weekly/2026-W48` is not over: it is cut off on Mon 2026-11-23 09:00 UTC
            hint: `tidings digest weekly` shows what it would be by now
            ",
        )
        .fails(1);
    assert!(!site.has("outbox"));
}

#[test]
fn an_issue_that_is_too_late_is_missed_once_and_can_be_sent_by_name() {
    let site = with_people();
    site.run(at("2026-11-16T09:01:00Z", &["send", "weekly"])).succeeds();
    let late = "2026-11-23T16:00:00Z";
    site.run(at(late, &["send", "weekly", "--if-due"]))
        .stderr(
            "
            error: `weekly/2026-W48` was missed: it was due more than 6 hours ago
            hint: its posts go into the next issue; `tidings send weekly --period 2026-W48` sends it all the same
            ",
        )
        .fails(1);
    site.run(at(late, &["send", "weekly", "--if-due"])).stderr("").succeeds();
    site.run(at(late, &["send", "weekly", "--period", "2026-W48"])).succeeds();
    assert!(site.has("outbox/weekly-2026-W48-1.eml"));
}

#[test]
fn too_few_posts_make_no_issue_and_wait() {
    let site = with_people();
    site.run(at(MONDAY, &["send", "weekly"])).succeeds();
    let quiet = "2026-12-07T09:01:00Z";
    site.run(at(NEXT_MONDAY, &["send", "weekly"])).succeeds();
    site.run(at(quiet, &["send", "weekly"]))
        .stderr("no issue weekly/2026-W50: 0 posts, and it takes 1; they wait for the next one\n")
        .succeeds();
    site.run(at(quiet, &["send", "weekly", "--if-due"])).stderr("").succeeds();
}

#[test]
fn an_issue_waits_for_its_approval() {
    let settings = WEEKLY.replace("schedule", "approval = \"required\"\nschedule");
    let site = Site::new().more_settings(&settings).more_settings(OUTBOX).post("a.md", &post("a", "2026-11-17"));
    subscribe(&site, "ana@example.com", &[]);
    let waits = "
        froze weekly/2026-W48: 1 post for 1 subscriber
        weekly/2026-W48 waits for approval: `tidings digest weekly --approve`
        ";
    site.run(at(MONDAY, &["send", "weekly"])).stderr(waits).fails(75);
    assert!(!site.has("outbox/weekly-2026-W48-1.eml"));
    site.run(at(MONDAY, &["digest", "weekly", "--approve"]))
        .stderr("approved weekly/2026-W48; `tidings send weekly` sends it\n")
        .succeeds();
    site.run(at(MONDAY, &["send", "weekly"])).stderr("weekly/2026-W48: 1 subscriber: 1 accepted\n").succeeds();
}

#[test]
fn an_issue_that_was_approved_before_goes_out_unless_it_has_changed() {
    let settings = WEEKLY.replace("schedule", "approval = \"required\"\nschedule");
    let made = || {
        let site = Site::new().more_settings(&settings).more_settings(OUTBOX).post("a.md", &post("a", "2026-11-17"));
        subscribe(&site, "ana@example.com", &[]);
        site.run(at("2026-11-22T12:00:00Z", &["digest", "weekly", "--approve"]))
            .stderr("approved weekly/2026-W48 as it is now; if it changes before it is sent, it waits again\n")
            .succeeds();
        site
    };
    made().run(at(MONDAY, &["send", "weekly"])).stderr_has("1 accepted").succeeds();
    let changed = made().post("b.md", &post("b", "2026-11-20"));
    changed.run(at(MONDAY, &["send", "weekly"])).stderr_has("waits for approval").fails(75);
}

#[test]
fn a_dry_run_and_a_test_leave_no_trace() {
    let site = with_people();
    site.run(at(MONDAY, &["send", "weekly", "--dry-run"]))
        .stdout(
            "
            issue      weekly/2026-W48, 2 posts
            subject    Post b, and 1 more
            over       outbox:outbox
            mails      2, in 2 variants
            no mail    0 have nothing to read, 0 are suppressed, 0 have paused
                       2 example.com
            ",
        )
        .stderr("")
        .succeeds();
    site.run(at(MONDAY, &["send", "weekly", "--test", "me@example.com"]))
        .stderr("sent weekly/2026-W48 to me@example.com over outbox:outbox: 250 2.0.0 written\n")
        .succeeds();
    assert_eq!(site.files("outbox"), ["test.eml"]);
    let mail = site.read("outbox/test.eml");
    assert!(mail.contains("To: me@example.com\r\n") && mail.contains("/unsubscribe/preview-preview"), "{mail}");
    site.run(["deliveries"]).stdout("").succeeds();
    site.run(at(MONDAY, &["send", "weekly"])).stderr_has("2 accepted").succeeds();
}

#[test]
fn who_left_or_was_erased_gets_nothing() {
    let site = with_people();
    subscribe(&site, "cleo@example.com", &[]);
    site.run(["subscribers", "remove", "ana@example.com"]).succeeds();
    site.run(["subscribers", "erase", "cleo@example.com", "--source", "she asked"]).succeeds();
    site.run(at(MONDAY, &["send", "weekly"])).stderr_has("1 subscriber: 1 accepted").succeeds();
    assert_eq!(site.files("outbox"), ["weekly-2026-W48-2.eml"]);
}

#[test]
fn an_audience_has_the_subscribers_of_other_digests_and_single_addresses() {
    let both = format!(
        "{}{}",
        WEEKLY.replace("schedule", "audience = \"digest=daily or address=team@example.com\"\nschedule"),
        WEEKLY.replace("digest.weekly", "digest.daily").replace("Mon 09:00", "daily 09:00")
    );
    let site = Site::new().more_settings(&both).more_settings(OUTBOX).post("a.md", &post("a", "2026-11-17"));
    let add = |address: &str, digest: &str| {
        site.run(["subscribers", "add", address, "--digest", digest, "--consent-source", "x"]).succeeds();
    };
    add("weekly@example.com", "weekly");
    add("daily@example.com", "daily");
    add("team@example.com", "weekly");
    site.run(at(MONDAY, &["send", "weekly"])).stderr_has("2 subscribers: 2 accepted").succeeds();
    assert_eq!(site.files("outbox"), ["weekly-2026-W48-2.eml", "weekly-2026-W48-3.eml"]);
}

#[test]
fn what_stands_in_the_way_is_told_and_nothing_is_frozen() {
    let nobody = site();
    nobody
        .run(at(MONDAY, &["send", "weekly"]))
        .stderr(
            "
            error: nobody is there to get `weekly/2026-W48`
            hint: `tidings subscribers add ADDRESS --digest weekly` adds somebody, `import` many
            ",
        )
        .fails(1);
    nobody.run(["deliveries"]).stdout("").succeeds();

    Site::new()
        .more_settings(WEEKLY)
        .run(at(MONDAY, &["send", "weekly"]))
        .stderr(
            "
            error: nothing says how mail leaves: there is no `[smtp] url`
            hint: write `url = \"smtp://user@smtp.example.org:587\"` into `[smtp]`, or `url = \"outbox:outbox\"` to have files
            ",
        )
        .fails(1);

    let server = "\n[smtp]\nurl = \"smtp://127.0.0.1:1\"\n";
    Site::new()
        .more_settings(WEEKLY)
        .more_settings(server)
        .run(at(MONDAY, &["send", "weekly"]))
        .stderr(
            "
            error: there is no `[serve] public_url` and no `[mail] unsubscribe_mailto`: mails would have no way out
            hint: say where people leave on the web, and which address takes mails that unsubscribe;
                  `--test ADDRESS` and `url = \"outbox:outbox\"` need neither
            ",
        )
        .fails(1);

    site().run(["send", "wekly"]).stderr("error: there is no digest `wekly`\nhint: did you mean `weekly`?\n").fails(1);
}

#[test]
fn a_server_that_is_not_there_leaves_everything_planned() {
    let ways =
        "\n[serve]\npublic_url = \"https://mail.example.org/\"\n[mail]\nunsubscribe_mailto = \"leave@example.org\"\n";
    let site = Site::new()
        .more_settings(WEEKLY)
        .more_settings("\n[smtp]\nurl = \"smtp://127.0.0.1:1\"\n")
        .more_settings(ways)
        .post("a.md", &post("a", "2026-11-17"));
    subscribe(&site, "ana@example.com", &[]);
    site.run(at(MONDAY, &["send", "weekly"]))
        .stderr_has("error: cannot send `weekly/2026-W48`: `127.0.0.1:1` cannot be used: ")
        .stderr_has("accepted 0 of 1; 1 stays planned\n")
        .stderr_has("whoever has the issue already is skipped")
        .fails(1);
    let report = site.run(["--json", "deliveries", "weekly/2026-W48"]).succeeds().json();
    assert_eq!(report["totals"]["planned"], 1);
    // What began over one transport does not go on over another in silence.
    let settings = site.read("tidings.toml").replace("smtp://127.0.0.1:1", "outbox:outbox");
    let site = site.settings(&settings);
    site.run(at(MONDAY, &["send", "weekly"]))
        .stderr(
            "
            error: `weekly/2026-W48` began over `smtp`, and the settings say `outbox`
            hint: `--change-transport` lets it go on; whoever has it is skipped
            ",
        )
        .fails(1);
    site.run(at(MONDAY, &["send", "weekly", "--change-transport"])).stderr_has("1 accepted").succeeds();
}

#[test]
fn a_store_that_does_not_fit_the_settings_is_not_sent_from() {
    let site = with_people();
    site.run(at(MONDAY, &["send", "weekly"])).succeeds();
    let settings = site.read("tidings.toml").replace("digest.weekly", "digest.letter");
    let renamed = site.settings(&settings);
    renamed
        .run(at(NEXT_MONDAY, &["send", "letter"]))
        .stderr(
            "
            error: the store knows a digest `weekly` that the settings do not
            hint: where it has a new name now, write `formerly = [\"weekly\"]` into its table, so that nothing is sent again
            ",
        )
        .fails(1);
    let known =
        renamed.settings(&settings.replace("title = \"The week\"", "title = \"The week\"\nformerly = [\"weekly\"]"));
    known.run(at(NEXT_MONDAY, &["send", "letter"])).stderr_has("letter/2026-W49: 2 subscribers: 1 accepted").succeeds();
    let mail = known.read("outbox/letter-2026-W49-1.eml");
    assert!(mail.contains("Post c") && !mail.contains("Post b"), "{mail}");
}

#[test]
fn a_store_that_was_lost_or_copied_is_asked_about() {
    let lost = with_people().file("public/digest/weekly/2026-W47/index.html", "sent");
    lost.run(at(MONDAY, &["send", "weekly"]))
        .stderr(
            "
            error: the store `.tidings/tidings.db` knows nothing of `weekly`, whose issues stand in `public/digest/weekly`
            hint: put the store back that sent them (`tidings store restore`); where they are not yours, remove the folder
            ",
        )
        .fails(1);

    let site = with_people();
    site.run(at(MONDAY, &["send", "weekly"])).succeeds();
    let copy = site.bytes(".tidings/tidings.db");
    let site = site.file(".tidings/copy.db", copy);
    site.rename(".tidings/copy.db", ".tidings/tidings.db");
    let refused = "
        error: the store `.tidings/tidings.db` was copied, moved or restored: another may have sent since
        hint: make sure that no other copy sends and that none has sent since; then run `tidings store accept`
        ";
    site.run(at(NEXT_MONDAY, &["send", "weekly"])).stderr(refused).fails(1);
    site.run(["store", "accept"]).stderr("this store is the one to send from\n").succeeds();
    site.run(at(NEXT_MONDAY, &["send", "weekly"])).stderr_has("1 accepted").succeeds();
}

const WAS_COPIED: &str = "
    error: the store `.tidings/tidings.db` was copied, moved or restored: another may have sent since
    hint: make sure that no other copy sends and that none has sent since; then run `tidings store accept`
    ";

#[test]
fn a_backup_from_before_the_first_issue_does_not_send_it_again() {
    let site = with_people();
    site.run(["store", "backup", "copy.db"]).succeeds();
    site.run(at(MONDAY, &["send", "weekly"])).stderr_has("2 accepted").succeeds();
    site.run(["store", "restore", "copy.db", "--force"]).succeeds();
    site.run(at(MONDAY, &["send", "weekly"])).stderr(WAS_COPIED).fails(1);
    site.run(at(MONDAY, &["send", "weekly", "--if-due"])).stderr(WAS_COPIED).fails(1);
    site.run(["store", "accept"]).stderr("this store is the one to send from\n").succeeds();
    site.run(["store", "accept"]).stderr("this store was the one to send from already\n").succeeds();
    site.run(at(MONDAY, &["send", "weekly"])).stderr_has("2 accepted").succeeds();
}

#[test]
fn a_backup_that_is_copied_over_the_store_does_not_send_again() {
    let site = with_people();
    site.run(at("2026-11-22T12:00:00Z", &["send", "weekly"])).succeeds();
    site.run(["store", "backup", "copy.db"]).succeeds();
    site.run(at(MONDAY, &["send", "weekly"])).stderr_has("2 accepted").succeeds();
    // As `cp` does it: the file is the same one, at the same place, and has other bytes.
    site.write(".tidings/tidings.db", site.bytes("copy.db"));
    site.run(at(MONDAY, &["send", "weekly"])).stderr(WAS_COPIED).fails(1);
}

#[test]
fn an_older_state_of_the_same_file_does_not_send_again() {
    let site = with_people();
    site.run(at("2026-11-22T12:00:00Z", &["send", "weekly"])).succeeds();
    let older = site.bytes(".tidings/tidings.db");
    site.run(at(MONDAY, &["send", "weekly"])).stderr_has("2 accepted").succeeds();
    let newer = site.bytes(".tidings/tidings.db");
    site.write(".tidings/tidings.db", older);
    let refused = "
        error: the store `.tidings/tidings.db` is older than the one that sent last: it does not know what was sent since
        hint: make sure that no other copy sends and that none has sent since; then run `tidings store accept`
        ";
    site.run(at(MONDAY, &["send", "weekly"])).stderr(refused).fails(1);
    // The right one back in its place is as good as before.
    site.write(".tidings/tidings.db", newer);
    site.run(at(NEXT_MONDAY, &["send", "weekly"])).stderr_has("1 accepted").succeeds();
    // A file that is gone is made again, one that says nothing is told.
    site.remove(".tidings/tidings.db.runs");
    site.run(at(NEXT_MONDAY, &["send", "weekly", "--if-due"])).stderr("").succeeds();
    assert!(site.has(".tidings/tidings.db.runs"));
    site.write(".tidings/tidings.db.runs", "x");
    site.run(at(NEXT_MONDAY, &["send", "weekly", "--if-due"]))
        .stderr(
            "
            error: `tidings.db.runs`, which says how often was sent from the store beside it, cannot be used: it is not a number
            hint: give whoever runs tidings leave to write there; a file that is spoilt may be removed
            ",
        )
        .fails(1);
}

#[test]
fn a_folder_that_was_moved_before_its_first_issue_sends_it() {
    let site = with_people();
    site.run(at("2026-11-22T12:00:00Z", &["send", "weekly"])).succeeds();
    site.write(".tidings/moved.db", site.bytes(".tidings/tidings.db"));
    site.rename(".tidings/moved.db", ".tidings/tidings.db");
    site.run(at(MONDAY, &["send", "weekly"])).stderr_has("2 accepted").succeeds();
}

#[test]
fn what_is_cancelled_is_not_planned_again() {
    let site = with_people();
    site.run(at(MONDAY, &["send", "weekly"])).succeeds();
    site.run(["deliveries", "cancel", "weekly"]).stderr("error: `weekly/2026-W48` is done\n").fails(1);
    rusty(&site, "UPDATE delivery SET state = 'rejected' WHERE subscriber_id = 1").expect("python3 is there");
    rusty(&site, "UPDATE issue SET done_at = NULL").expect("python3 is there");
    site.run(["deliveries", "cancel", "weekly"]).succeeds();
    site.run(["deliveries", "retry", "weekly"])
        .stderr("error: `weekly/2026-W48` is cancelled, and nothing of it is sent any more\n")
        .fails(1);
    site.run(at(MONDAY, &["send", "weekly", "--if-due"])).stderr("").succeeds();
}

#[test]
fn an_address_of_the_audience_can_leave_a_digest_that_it_never_signed_up_to() {
    let audience = WEEKLY.replace("schedule", "audience = \"digest=weekly or address=team@example.com\"\nschedule");
    let daily = WEEKLY.replace("digest.weekly", "digest.daily").replace("Mon 09:00", "daily 09:00");
    let site = Site::new().more_settings(&audience).more_settings(&daily).more_settings(OUTBOX);
    let site = site.post("a.md", &post("a", "2026-11-17"));
    subscribe(&site, "ana@example.com", &[]);
    let words = ["subscribers", "add", "team@example.com", "--digest", "daily", "--consent-source", "a test"];
    site.run(words).succeeds();
    site.run(["subscribers", "remove", "team@example.com", "--digest", "weekly"])
        .stderr("`t***@e***.com` does not get `weekly` any more\n")
        .succeeds();
    // Who leaves all leaves what the settings name them for, too.
    let settings = site.read("tidings.toml").replace("team@", "boss@");
    let site = site.settings(&settings);
    let words = ["subscribers", "add", "boss@example.com", "--digest", "daily", "--consent-source", "a test"];
    site.run(words).succeeds();
    site.run(["subscribers", "remove", "Boss@example.com"])
        .stderr("`B***@e***.com` does not get `daily`, `weekly` any more\n")
        .succeeds();
    site.run(at(MONDAY, &["send", "weekly"])).stderr_has("1 subscriber: 1 accepted").succeeds();
}

#[test]
fn an_issue_can_be_paused_resumed_and_cancelled() {
    let settings = WEEKLY.replace("schedule", "approval = \"required\"\nschedule");
    let site = Site::new().more_settings(&settings).more_settings(OUTBOX).post("a.md", &post("a", "2026-11-17"));
    subscribe(&site, "ana@example.com", &[]);
    site.run(at(MONDAY, &["send", "weekly"])).fails(75);
    site.run(["digest", "weekly", "--approve"]).succeeds();
    site.run(["deliveries", "pause", "weekly"]).stderr("weekly/2026-W48 is paused\n").succeeds();
    site.run(at(MONDAY, &["send", "weekly"]))
        .stderr("weekly/2026-W48 is paused: by hand; `tidings deliveries resume weekly/2026-W48` lets it go on\n")
        .fails(1);
    site.run(["deliveries", "resume", "weekly"]).stderr("weekly/2026-W48 goes on\n").succeeds();
    site.run(["deliveries", "cancel", "weekly"])
        .stderr("weekly/2026-W48 is cancelled: 1 delivery taken back; its posts go into the next issue\n")
        .succeeds();
    site.run(at(MONDAY, &["send", "weekly", "--if-due"])).stderr("").succeeds();
    site.run(at(NEXT_MONDAY, &["send", "weekly"])).stderr_has("froze weekly/2026-W49: 1 post").fails(75);
}

#[test]
fn what_is_known_is_shown() {
    let site = with_people();
    site.run(at(MONDAY, &["send", "weekly"])).succeeds();
    site.run(["deliveries", "weekly/2026-W48"])
        .stdout(
            "
            weekly/2026-W48: 2 subscribers: 2 accepted
                   1  accepted   ana@example.com  250 2.0.0 written
                   2  accepted   ben@example.com  250 2.0.0 written
            ",
        )
        .succeeds();
    site.run(["deliveries", "why", "ANA@example.com"])
        .stdout("weekly/2026-W48  accepted at 2026-11-23 09:01:00 UTC  250 2.0.0 written\n")
        .succeeds();
    site.run(at(MONDAY, &["status"]))
        .stdout(
            "
            last build   never
            weekly       next 2026-W49, Mon 2026-11-30 09:00 UTC
                         weekly/2026-W48 done, as files: 2 subscribers: 2 accepted
            ",
        )
        .succeeds();
    site.run(["deliveries", "weekly/2026-W47"])
        .stderr("error: there is no issue `weekly/2026-W47`\nhint: did you mean `weekly/2026-W48`?\n")
        .fails(1);
    site.run(["deliveries", "why", "nobody@example.com"])
        .stderr(
            "
            error: no mail was ever planned for `nobody@example.com`
            hint: `tidings subscribers show ADDRESS` tells what is known of an address
            ",
        )
        .fails(1);
}

#[test]
fn the_key_of_a_frozen_issue_is_needed_and_an_older_one_goes_on() {
    let settings = WEEKLY.replace("schedule", "approval = \"required\"\nschedule");
    let site = Site::new().more_settings(&settings).more_settings(OUTBOX).post("a.md", &post("a", "2026-11-17"));
    subscribe(&site, "ana@example.com", &[]);
    site.run(at(MONDAY, &["send", "weekly"])).fails(75);
    site.run(["digest", "weekly", "--approve"]).succeeds();
    let key = site.read(".tidings/key");
    let other = "bmV3IGtleSBuZXcga2V5IG5ldyBrZXkgbmV3IGtleSE=\n";
    let site = site.file(".tidings/key", other);
    site.run(at(MONDAY, &["send", "weekly"]))
        .stderr_has("is not there, which `.tidings/tidings.db` was begun with")
        .fails(1);
    let site = site.file(".tidings/key", format!("{other}{key}"));
    site.run(at(MONDAY, &["send", "weekly"])).stderr_has("1 accepted").succeeds();
    site.remove(".tidings/key");
    site.run(at(NEXT_MONDAY, &["send", "weekly"])).stderr_has("cannot be read: no such file").fails(1);
}

/// One person, and an issue that was frozen and not approved.
fn frozen_and_unapproved() -> Site {
    let settings = WEEKLY.replace("schedule", "approval = \"required\"\nschedule");
    let site = Site::new().more_settings(&settings).more_settings(OUTBOX).post("a.md", &post("a", "2026-11-17"));
    subscribe(&site, "ana@example.com", &[]);
    site.run(at(MONDAY, &["send", "weekly"])).fails(75);
    site
}

/// As if a server had put the first mail off until so many seconds after 1970.
fn put_off(site: &Site, due_at: i64) {
    let sql =
        format!("UPDATE delivery SET state = 'deferred', attempts = 1, due_at = {due_at} WHERE subscriber_id = 1");
    rusty(site, &sql).expect("python3 is there");
    rusty(site, "UPDATE issue SET done_at = NULL").expect("python3 is there");
}

/// As if the first mail had been on the wire when a run was killed.
fn interrupt(site: &Site) {
    let sql = "UPDATE delivery SET state = 'on_wire', owner = 'killed', lease_until = 1 WHERE subscriber_id = 1";
    rusty(site, sql).expect("python3 is there");
}

const UNKNOWN: &str = "nobody knows whether the uncertain ones were taken, so they are held: `tidings deliveries weekly/2026-W48 \
     --state uncertain` lists them, `tidings deliveries resolve weekly/2026-W48` with `--accepted` or `--not-sent` settles \
     them\n";

#[test]
fn what_is_frozen_goes_on_whatever_stands_in_the_way_of_the_next_issue() {
    let site = with_people();
    site.run(at(MONDAY, &["send", "weekly"])).succeeds();
    site.remove("outbox/weekly-2026-W48-1.eml");
    rusty(&site, "UPDATE delivery SET state = 'planned' WHERE subscriber_id = 1").expect("python3 is there");
    rusty(&site, "UPDATE issue SET done_at = NULL").expect("python3 is there");
    let broken = site.post("c.md", "---\ntitle: c\ndate: 2026-13-02\n---\n");
    let report = broken
        .run(at(NEXT_MONDAY, &["--json", "send", "weekly"]))
        .stderr_has("weekly/2026-W48: 2 subscribers: 2 accepted\n")
        .stderr_has("error: `date` is not a date: month 13 does not exist\n")
        .fails(1)
        .json();
    assert_eq!(report["issues"][0]["totals"]["accepted"], 2);
    assert_eq!(report["findings"][0]["file"], "content/posts/c.md");
    assert!(broken.has("outbox/weekly-2026-W48-1.eml"));

    // One that was missed is no reason, either.
    let late = frozen_and_unapproved();
    late.run(at(MONDAY, &["digest", "weekly", "--approve"])).succeeds();
    late.run(at("2026-11-30T16:00:00Z", &["send", "weekly"]))
        .stderr_has("weekly/2026-W48: 1 subscriber: 1 accepted\n")
        .stderr_has("error: `weekly/2026-W49` was missed: it was due more than 6 hours ago\n")
        .fails(1);
}

#[test]
fn an_issue_that_is_approved_or_resumed_weeks_later_has_its_tries() {
    let later = "2026-12-09T12:00:00Z";
    let due_at = 1_796_800_000; // 2026-12-09T08:26:40Z
    let send = ["send", "weekly", "--period", "2026-W48"];
    let approved = frozen_and_unapproved();
    approved.run(at("2026-12-09T08:00:00Z", &["digest", "weekly", "--approve"])).succeeds();
    put_off(&approved, due_at);
    approved.run(at(later, &send)).stderr("weekly/2026-W48: 1 subscriber: 1 accepted\n").succeeds();

    let early = || {
        let site = frozen_and_unapproved();
        site.run(at(MONDAY, &["digest", "weekly", "--approve"])).succeeds();
        put_off(&site, due_at);
        site
    };
    let resumed = early();
    resumed.run(["deliveries", "pause", "weekly"]).succeeds();
    resumed.run(at("2026-12-09T08:00:00Z", &["deliveries", "resume", "weekly"])).succeeds();
    resumed.run(at(later, &send)).stderr("weekly/2026-W48: 1 subscriber: 1 accepted\n").succeeds();

    // By itself it is given up at the next cutoff. Who asks for it again gets tries until the next one.
    let left = early();
    left.run(at(later, &send)).stderr("weekly/2026-W48: 1 subscriber: 1 rejected\n").succeeds();
    left.run(at("2026-12-09T12:30:00Z", &["deliveries", "retry", "weekly"]))
        .stderr("weekly/2026-W48: 1 delivery is planned again; run `tidings send weekly`\n")
        .succeeds();
    put_off(&left, due_at);
    left.run(at("2026-12-09T13:00:00Z", &send)).stderr("weekly/2026-W48: 1 subscriber: 1 accepted\n").succeeds();
}

#[test]
fn mail_that_was_frozen_without_a_way_out_stays_in_files() {
    let ways =
        "\n[serve]\npublic_url = \"https://mail.example.org/\"\n[mail]\nunsubscribe_mailto = \"leave@example.org\"\n";
    let server = "smtp://127.0.0.1:1";
    let site = frozen_and_unapproved();
    site.run(at(MONDAY, &["digest", "weekly", "--approve"])).succeeds();
    let settings = site.read("tidings.toml").replace("outbox:outbox", server);
    let site = site.settings(&settings).more_settings(ways);
    for words in [vec!["send", "weekly"], vec!["send", "weekly", "--change-transport"]] {
        site.run(at(MONDAY, &words))
            .stderr(
                "
                error: `weekly/2026-W48` was frozen for `outbox`, without a way out: whoever gets it could not unsubscribe
                hint: `tidings deliveries cancel weekly/2026-W48` takes it back, or `[smtp] url` stays `outbox:…` for it
                ",
            )
            .fails(1);
    }
    let report = site.run(["--json", "deliveries"]).succeeds().json();
    assert_eq!(report["issues"][0]["transport"], "outbox");

    // With a way out it may go elsewhere.
    let settings = WEEKLY.replace("schedule", "approval = \"required\"\nschedule");
    let site = Site::new().more_settings(&settings).more_settings(OUTBOX).more_settings(ways);
    let site = site.post("a.md", &post("a", "2026-11-17"));
    subscribe(&site, "ana@example.com", &[]);
    site.run(at(MONDAY, &["send", "weekly"])).fails(75);
    site.run(at(MONDAY, &["digest", "weekly", "--approve"])).succeeds();
    let settings = site.read("tidings.toml").replace("outbox:outbox", server);
    let site = site.settings(&settings);
    site.run(at(MONDAY, &["send", "weekly", "--change-transport"])).stderr_has("`127.0.0.1:1` cannot be used").fails(1);
}

#[test]
fn a_test_is_a_mail_of_its_own_and_makes_no_key_where_one_was_lost() {
    let message_id = |mail: String| mail.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned();
    let site = with_people();
    let test = ["send", "weekly", "--test", "ana@example.com"];
    site.run(at(MONDAY, &test)).succeeds();
    let first = message_id(site.read("outbox/test.eml"));
    site.run(at(MONDAY, &test)).succeeds();
    let second = message_id(site.read("outbox/test.eml"));
    site.run(at(MONDAY, &["send", "weekly"])).succeeds();
    let real = message_id(site.read("outbox/weekly-2026-W48-1.eml"));
    assert!(first != second && first != real && second != real, "{first} {second} {real}");

    site.remove(".tidings/key");
    site.run(at(NEXT_MONDAY, &test)).succeeds();
    assert!(!site.has(".tidings/key"));
}

#[test]
fn uncertain_mails_are_told_each_time_and_once_to_a_clock() {
    let told = format!("weekly/2026-W48: 1 subscriber: 1 uncertain\n{UNKNOWN}");
    let ready = || {
        let site = frozen_and_unapproved();
        site.run(at(MONDAY, &["digest", "weekly", "--approve"])).succeeds();
        interrupt(&site);
        site
    };
    let by_hand = ready();
    by_hand.run(at(MONDAY, &["send", "weekly"])).stderr(&told).fails(1);
    // The issue is done by now, and still nobody knows.
    let next = "nothing is due: the next issue is weekly/2026-W49, on Mon 2026-11-30 09:00 UTC\n";
    by_hand.run(at(MONDAY, &["send", "weekly"])).stderr(&format!("{next}{told}")).fails(1);
    by_hand.run(at(MONDAY, &["send", "weekly", "--if-due"])).stderr("").succeeds();
    by_hand.run(["deliveries", "resolve", "weekly", "--accepted"]).succeeds();
    by_hand.run(at(MONDAY, &["send", "weekly"])).stderr(next).succeeds();

    let by_clock = ready();
    by_clock.run(at(MONDAY, &["send", "weekly", "--if-due"])).stderr(&told).fails(1);
    by_clock.run(at(MONDAY, &["send", "weekly", "--if-due"])).stderr("").succeeds();
    by_clock.run(at(MONDAY, &["send", "weekly"])).stderr(&format!("{next}{told}")).fails(1);
    // Another one is told again.
    by_clock.run(["deliveries", "resolve", "weekly", "--not-sent"]).succeeds();
    interrupt(&by_clock);
    by_clock.run(at("2026-11-23T09:02:00Z", &["send", "weekly", "--if-due"])).stderr(&told).fails(1);
    by_clock.run(at("2026-11-23T09:03:00Z", &["send", "weekly", "--if-due"])).stderr("").succeeds();
}

#[test]
fn a_clock_hears_nothing_while_nothing_happens() {
    let site = frozen_and_unapproved();
    let waits = "weekly/2026-W48 waits for approval: `tidings digest weekly --approve`\n";
    site.run(at(MONDAY, &["send", "weekly", "--if-due"])).stderr("").fails(75);
    site.run(at(MONDAY, &["send", "weekly"])).stderr(waits).fails(75);
    site.run(at(MONDAY, &["digest", "weekly", "--approve"])).succeeds();
    put_off(&site, 1_795_430_000); // 2026-11-23T10:33:20Z
    site.run(at(MONDAY, &["send", "weekly", "--if-due"])).stderr("").fails(75);
    site.run(at(MONDAY, &["send", "weekly"])).stderr("weekly/2026-W48: 1 subscriber: 1 deferred\n").fails(75);
    site.run(at("2026-11-23T10:40:00Z", &["send", "weekly", "--if-due"]))
        .stderr("weekly/2026-W48: 1 subscriber: 1 accepted\n")
        .succeeds();
}

#[test]
fn a_run_that_waits_for_another_one_that_freezes_says_so_once() {
    let site = with_people();
    // Too early for any post, but the store knows where it lies from now on.
    site.run(at("2026-11-16T09:01:00Z", &["send", "weekly"])).stderr_has("no issue weekly/2026-W47").succeeds();
    // Another run is at it until four seconds after this one begins.
    let until = chrono::DateTime::parse_from_rfc3339(MONDAY).expect("a moment").timestamp() + 4;
    let sql = format!(
        "INSERT INTO issue (digest, period, starts_at, cutoff_at, state, recorded_at, freezing_by, freezing_until)
        VALUES ('weekly', '2026-W48', {}, {}, 'freezing', {until}, 'elsewhere', {until})",
        until - 64 - 7 * 86_400,
        until - 64
    );
    rusty(&site, &sql).expect("python3 is there");
    site.run(at(MONDAY, &["send", "weekly"]))
        .stderr(
            "
            weekly/2026-W48 is being frozen by another run; waiting for it
            froze weekly/2026-W48: 2 posts for 2 subscribers
            weekly/2026-W48: 2 subscribers: 2 accepted
            ",
        )
        .succeeds();
}

#[test]
fn the_key_is_asked_for_only_where_it_is_the_key_that_lacks() {
    let site = frozen_and_unapproved();
    site.run(at(MONDAY, &["digest", "weekly", "--approve"])).succeeds();
    let sql = "UPDATE issue SET head = replace(head, 'news@example.org', 'nobody')";
    rusty(&site, sql).expect("python3 is there");
    let said = site.run(at(MONDAY, &["send", "weekly"])).fails(1).err();
    assert!(said.starts_with("error: cannot send `weekly/2026-W48`: what is stored with it makes no mail: "), "{said}");
    assert!(!said.contains("hint"), "{said}");
}

#[test]
fn what_is_known_to_be_uncertain_does_not_hide_what_is_deferred() {
    let site = with_people();
    site.run(at(MONDAY, &["send", "weekly"])).succeeds();
    put_off(&site, 1_795_430_000); // 2026-11-23T10:33:20Z
    let sql = "UPDATE delivery SET state = 'on_wire', owner = 'killed', lease_until = 1 WHERE subscriber_id = 2";
    rusty(&site, sql).expect("python3 is there");
    let told = format!("weekly/2026-W48: 2 subscribers: 1 deferred, 1 uncertain\n{UNKNOWN}");
    site.run(at(MONDAY, &["send", "weekly", "--if-due"])).stderr(&told).fails(1);
    site.run(at(MONDAY, &["send", "weekly", "--if-due"])).stderr("").fails(75);
    site.run(at(MONDAY, &["send", "weekly"])).stderr(&told).fails(1);
    site.run(at("2026-11-23T10:40:00Z", &["send", "weekly", "--if-due"]))
        .stderr("weekly/2026-W48: 2 subscribers: 1 accepted, 1 uncertain\n")
        .succeeds();
}

#[test]
fn a_run_whose_freezing_is_taken_over_waits_for_the_other_one() {
    let site = with_people();
    site.run(at("2026-11-16T09:01:00Z", &["send", "weekly"])).stderr_has("no issue weekly/2026-W47").succeeds();
    // As soon as this run has written the content, another one has taken over; it is killed a second later.
    let until = chrono::DateTime::parse_from_rfc3339(MONDAY).expect("a moment").timestamp() + 2;
    let sql = format!(
        "CREATE TRIGGER take_over AFTER INSERT ON variant
        WHEN NOT EXISTS (SELECT 1 FROM fact WHERE name = 'taken over') BEGIN
            INSERT INTO fact (name, value) VALUES ('taken over', '');
            UPDATE issue SET freezing_by = 'elsewhere', freezing_until = {until} WHERE id = NEW.issue_id;
        END"
    );
    rusty(&site, &sql).expect("python3 is there");
    let said = site.run(at(MONDAY, &["send", "weekly"])).succeeds().err();
    assert!(said.ends_with("weekly/2026-W48: 2 subscribers: 2 accepted\n"), "{said}");
    assert_eq!(site.files("outbox"), ["weekly-2026-W48-1.eml", "weekly-2026-W48-2.eml"]);
}
