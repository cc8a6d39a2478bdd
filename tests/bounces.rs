//! `tidings bounces` through the binary: who leaves by mail, whose mailbox is gone, who complains; what stays in the Maildir,
//! and what a mail server is told.

mod support;

use std::fs::{self, File};
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use support::{Run, Site};
use tidings::subscriber::keys::Keys;
use tidings::subscriber::token::BounceToken;

const SETTINGS: &str = "
[digest.weekly]
title = \"The week\"
from = \"Example <news@example.org>\"
postal_address = \"1 Main St, Springfield\"
schedule = \"Mon 09:00\"

[digest.daily]
from = \"Example <news@example.org>\"
postal_address = \"1 Main St, Springfield\"
schedule = \"daily 09:00\"

[mail]
return_path = \"bounce@example.org\"
unsubscribe_mailto = \"leave@example.org\"

[serve]
public_url = \"https://news.example.org/\"

[smtp]
url = \"outbox:outbox\"
";

const NAMES: [&str; 4] = ["ana@example.com", "ben@example.com", "cleo@example.com", "dan@example.com"];

/// A site that has sent an issue of its weekly digest to four people, and an empty Maildir.
fn site() -> Site {
    let post = "---\nid: a\ntitle: Spring\ndate: 2026-11-17\nsummary: It is near.\ncategory: a\n---\nBody.\n";
    let site = Site::new().more_settings(SETTINGS).post("a.md", post);
    for name in NAMES {
        let more = ["--digest", "weekly", "--digest", "daily", "--consent-source", "a test"];
        site.run(["subscribers", "add", name].iter().chain(&more)).succeeds();
    }
    site.run(["--now", "2026-11-23T09:01:00Z", "send", "weekly"]).succeeds();
    for folder in ["new", "cur", "tmp"] {
        fs::create_dir_all(site.path("mail").join(folder)).expect("the Maildir can be made");
    }
    site
}

/// The mail that somebody got, by their number.
fn got(site: &Site, number: usize) -> String {
    site.read(&format!("outbox/weekly-2026-W48-{number}.eml"))
}

/// The token to leave by of somebody, as it stands in their mail.
fn leave_token(site: &Site, number: usize) -> String {
    let mail = got(site, number).replace("\r\n ", "").replace("\r\n\t", "");
    let (_, rest) = mail.split_once("mailto:leave@example.org?subject=").expect("a way out by mail");
    rest[..48].to_owned()
}

fn leaving(site: &Site, number: usize) -> String {
    let token = leave_token(site, number);
    format!("From: {}\nTo: leave@example.org\nSubject: {token}\n\nSent to unsubscribe.\n", NAMES[number - 1])
}

/// The token in the return path of the mail that somebody got, who is the first subscriber or a later one of the first issue.
fn bounce_token(site: &Site, number: usize) -> String {
    let keys = Keys::parse(&site.read(".tidings/key")).expect("the key of the site");
    let token = BounceToken { subscriber: i64::try_from(number).expect("a small number"), issue: 1 };
    token.sign_with(keys.signing()).expect("a token")
}

/// A mail of the table with a report in it, about the mail that somebody got.
fn report(site: &Site, name: &str, number: usize) -> String {
    let mail = fs::read_to_string(format!("{}/tests/mails/{name}.eml", env!("CARGO_MANIFEST_DIR"))).expect("a mail");
    mail.replace("LEAVE_TOKEN", &leave_token(site, number)).replace("BOUNCE_TOKEN", &bounce_token(site, number))
}

fn bounces(site: &Site, more: &[&str]) -> Run {
    site.run(["bounces", "mail"].iter().chain(more))
}

fn piped(site: &Site, mail: &str, args: &[&str]) -> Run {
    site.write("piped", mail);
    let file = File::open(site.path("piped")).expect("the mail");
    site.run_with(["bounces"].iter().chain(args), |command| command.stdin(Stdio::from(file)))
}

fn shown(site: &Site, who: &str) -> String {
    site.run(["subscribers", "show", who]).succeeds().out()
}

/// How somebody is listed: their digests, and why they get no mail.
fn listed(site: &Site, who: &str) -> String {
    let all = site.run(["subscribers", "list"]).succeeds().out();
    let line = all.lines().find(|line| line.starts_with(who)).expect("they are listed");
    line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
}

#[test]
fn mails_are_dealt_with_once_and_what_is_not_understood_can_be_found() {
    let site = site();
    site.write("mail/new/1.leave", leaving(&site, 1));
    site.write("mail/new/2.bounce", report(&site, "postfix-to-the-sender-with-headers", 2));
    site.write("mail/new/3.complaint", report(&site, "complaint-with-the-list-headers-alone", 3));
    site.write("mail/new/4.away", "From: x@example.net\nSubject: Out of office\n\nAway.\n");
    site.write("mail/new/5.letter", "From: dan@example.com\nTo: leave@example.org\nSubject: unsubscribe\n\nplease\n");
    site.write("mail/cur/6.again", leaving(&site, 1));
    site.write("mail/cur/7.seen:2,S", leaving(&site, 4));
    bounces(&site, &[])
        .stdout("")
        .stderr(
            "
            cur/5.letter:2,F: not understood: it asks to leave, but has no token that proves who it is from
            1 left, 1 bounced, 1 complained, 2 passed over, 1 not understood
            ",
        )
        .succeeds();
    let marked = [
        "cur/1.leave:2,S",
        "cur/2.bounce:2,S",
        "cur/3.complaint:2,S",
        "cur/4.away:2,S",
        "cur/5.letter:2,F",
        "cur/6.again:2,S",
        "cur/7.seen:2,S",
    ];
    assert_eq!(site.files("mail"), marked);
    bounces(&site, &[]).stdout("").stderr("").succeeds();
    assert_eq!(listed(&site, "ana"), "daily, weekly (ended)");
    assert_eq!(listed(&site, "ben"), "daily, weekly no mail: bounced");
    assert_eq!(listed(&site, "cleo"), "daily, weekly no mail: complained");
    // What is refused for another reason, or late, is told to those who ask.
    site.write("mail/new/8.blocked", report(&site, "postfix-blocked", 4));
    site.write("mail/new/9.late", report(&site, "postfix-delayed", 4));
    bounces(&site, &["-v"])
        .stderr(
            "
            cur/8.blocked:2,S: passed over: a mail of weekly/2026-W48 to `d***@e***.com` was not delivered, or not yet (5.7.1)
            cur/9.late:2,S: passed over: a mail of weekly/2026-W48 to `d***@e***.com` was not delivered, or not yet (4.4.1)
            2 passed over
            ",
        )
        .succeeds();
    assert_eq!(listed(&site, "dan"), "daily, weekly", "who a mail is from can be written by anybody");
    assert!(shown(&site, "ana@example.com").contains("mail to the unsubscribe address"));
    assert!(shown(&site, "ben@example.com").contains("a bounce of weekly/2026-W48: 5.1.1"));
    let why = site.run(["deliveries", "why", "ben@example.com"]).succeeds().out();
    assert!(
        why.ends_with("gets no mail since 2026-11-23 12:00:00 UTC, bounced: a bounce of weekly/2026-W48: 5.1.1\n"),
        "{why}"
    );
    // The same once more, by hand: nothing is changed.
    for (from, to) in [("1.leave:2,S", "1.leave"), ("2.bounce:2,S", "2.bounce"), ("3.complaint:2,S", "3.complaint")] {
        site.rename(&format!("mail/cur/{from}"), &format!("mail/new/{to}"));
    }
    let before = shown(&site, "ana@example.com") + &shown(&site, "ben@example.com");
    bounces(&site, &["-v"])
        .stderr(
            "
            cur/1.leave:2,S: passed over: `a***@e***.com` had left before
            cur/2.bounce:2,S: passed over: a bounce of weekly/2026-W48: 5.1.1; `b***@e***.com` got no mail before either
            cur/3.complaint:2,S: passed over: a complaint about weekly/2026-W48; `c***@e***.com` got no mail before either
            3 passed over
            ",
        )
        .succeeds();
    assert_eq!(shown(&site, "ana@example.com") + &shown(&site, "ben@example.com"), before);
}

#[test]
fn nothing_is_said_where_there_is_nothing() {
    let site = site();
    bounces(&site, &[]).stdout("").stderr("").succeeds();
    let report = bounces(&site, &["--json"]).succeeds().json();
    let want = serde_json::json!({
        "left": 0, "bounced": 0, "complained": 0, "passed_over": 0, "not_understood": 0, "mails": [], "findings": [],
    });
    assert_eq!(report, want);
}

#[test]
fn a_program_can_read_what_became_of_each_mail() {
    let site = site();
    site.write("mail/new/1", report(&site, "gmail-account-does-not-exist", 2));
    site.write("mail/new/2", leaving(&site, 1));
    let report = bounces(&site, &["--json"]).succeeds().json();
    assert_eq!((&report["left"], &report["bounced"]), (&serde_json::json!(1), &serde_json::json!(1)));
    let want = serde_json::json!([
        {
            "file": "cur/1:2,S", "became": "bounced", "subscriber": 2, "issue": "weekly/2026-W48", "status": "5.1.1",
            "what": "a bounce of weekly/2026-W48: 5.1.1; `b***@e***.com` gets no mail any more", "whole": true,
        },
        {
            "file": "cur/2:2,S", "became": "left", "subscriber": 1, "issue": "weekly/2026-W48", "status": null,
            "ended": ["weekly"], "what": "`a***@e***.com` does not get `weekly` any more", "whole": true,
        },
    ]);
    assert_eq!(report["mails"], want);
}

#[test]
fn a_mail_server_may_give_one_mail_to_standard_input() {
    let site = site();
    piped(&site, &leaving(&site, 1), &["-"]).stdout("").stderr("1 left").succeeds();
    assert_eq!(listed(&site, "ana"), "daily, weekly (ended)");
    let bounce = format!("From MAILER-DAEMON  Mon Nov 23 09:01:09 2026\n{}", report(&site, "exim-report", 2));
    piped(&site, &bounce, &[]).stdout("").stderr("1 bounced").succeeds();
    // What means nothing is no fault: the server would send it back.
    for mail in ["", "\0\0\0", "Subject: hello\n\nyou\n"] {
        piped(&site, mail, &["-", "-q"]).stdout("").stderr("").succeeds();
    }
    let large = leaving(&site, 4) + &"x".repeat(20_000_000);
    piped(&site, &large, &["-v"])
        .stderr(
            "
            left: `d***@e***.com` does not get `weekly` any more; it is larger than 10 MB, and only its beginning was read
            1 left
            ",
        )
        .succeeds();
}

#[test]
fn a_mail_server_tries_again_where_nothing_could_be_kept() {
    let site = site();
    let mail = leaving(&site, 1);
    let lock = std::process::Command::new("python3")
        .args(["-c", "import sqlite3, sys, time\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\nc.execute('BEGIN IMMEDIATE')\nprint('held', flush=True)\ntime.sleep(100)"])
        .arg(site.path(".tidings/tidings.db"))
        .stdout(Stdio::piped())
        .spawn();
    let mut lock = lock.expect("python3 is there");
    let mut line = String::new();
    let mut out = std::io::BufReader::new(lock.stdout.take().expect("its output"));
    std::io::BufRead::read_line(&mut out, &mut line).expect("it holds the store");
    let run = piped(&site, &mail, &["-"]);
    lock.kill().expect("killed");
    lock.wait().expect("ended");
    run.stderr(
        "
        error: the store `.tidings/tidings.db` is in use by another program
        hint: run the command again when the other one is done
        ",
    )
    .fails(75);
    assert_eq!(listed(&site, "ana"), "daily, weekly");
    // Nor is a mail lost where the settings or the key are not what they were.
    site.rename(".tidings/key", "key");
    piped(&site, &mail, &["-"]).stderr_has("error: ").fails(75);
    site.rename("key", ".tidings/key");
    let settings = site.read("tidings.toml");
    site.write("tidings.toml", settings.clone() + "\n[nothing]\n");
    piped(&site, &mail, &["-"]).stderr_has("error: ").fails(75);
    site.write("tidings.toml", settings);
    piped(&site, &mail, &["-"]).stderr("1 left").succeeds();
}

#[test]
fn a_run_that_is_killed_loses_nothing() {
    let site = site();
    let wanted: Vec<String> = (0..400).map(|n| format!("mail/new/{n:03}")).collect();
    for (n, file) in wanted.iter().enumerate() {
        site.write(file, if n % 100 == 99 { leaving(&site, n / 100 + 1) } else { "Subject: x\n\ny\n".into() });
    }
    for pause in [30, 60, 120] {
        let mut run = site.command();
        let mut run = run.args(["bounces", "mail", "-q"]).spawn().expect("started");
        thread::sleep(Duration::from_millis(pause));
        let _ = run.kill();
        run.wait().expect("ended");
        assert_eq!(site.files("mail").len(), 400);
    }
    bounces(&site, &["-q"]).succeeds();
    assert_eq!(site.files("mail").iter().filter(|file| file.ends_with(":2,S")).count(), 4);
    assert_eq!(site.files("mail").iter().filter(|file| file.ends_with(":2,F")).count(), 396);
    for who in NAMES {
        assert_eq!(listed(&site, who), "daily, weekly (ended)");
        assert_eq!(shown(&site, who).matches("mail to the unsubscribe address").count(), 1, "{who}");
    }
}

#[test]
fn who_leaves_a_digest_that_is_gone_leaves_all() {
    let site = site();
    let settings = site.read("tidings.toml").replace("[digest.weekly]", "[digest.other]");
    site.write("tidings.toml", settings);
    piped(&site, &leaving(&site, 1), &["-v"])
        .stderr("left: `a***@e***.com` does not get `daily`, `weekly` any more\n1 left")
        .succeeds();
}

#[test]
fn who_leaves_a_digest_that_was_renamed_leaves_it() {
    let site = site();
    let settings = site.read("tidings.toml");
    let renamed = settings.replace("[digest.weekly]", "[digest.letter]\nformerly = [\"weekly\"]");
    site.write("tidings.toml", renamed);
    piped(&site, &leaving(&site, 1), &["-v"])
        .stderr("left: `a***@e***.com` does not get `weekly` any more\n1 left")
        .succeeds();
    assert_eq!(listed(&site, "ana"), "daily, letter (ended), weekly (ended)");
}

#[test]
fn a_mail_about_somebody_who_is_gone_is_dealt_with() {
    let site = site();
    let (leave, bounce) = (leaving(&site, 1), report(&site, "postfix-to-the-sender-with-headers", 1));
    site.run(["subscribers", "erase", "ana@example.com"]).succeeds();
    for mail in [leave, bounce] {
        piped(&site, &mail, &["-v"])
            .stderr("passed over: whoever it is about is not known any more\n1 passed over")
            .succeeds();
    }
}

#[test]
fn what_is_no_maildir_is_told() {
    let site = site();
    site.run(["bounces", "outbox"])
        .stderr(
            "
            error: `outbox` is no Maildir: it has no folders `new` and `cur`
            hint: name the folder that has them, such as `/var/mail/bounces/Maildir`
            ",
        )
        .fails(1);
    let empty = Site::new().file("mail/new/1", "Subject: x\n\ny\n").file("mail/cur/2:2,S", "");
    empty
        .run(["bounces", "mail"])
        .stderr(
            "
            error: there is no store `.tidings/tidings.db`: no mail was ever sent from here
            hint: `--root DIR` names the folder of the site
            ",
        )
        .fails(1);
    assert_eq!(empty.files(""), ["mail/cur/2:2,S", "mail/new/1", "tidings.toml"], "nothing was moved or made");
}
