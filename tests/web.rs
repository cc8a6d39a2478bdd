//! `tidings serve` through the binary: signing up, choosing and leaving, with mail into files; and what it refuses.

mod support;
#[path = "support/web.rs"]
mod web;

use mail_parser::MessageParser;
use std::time::Duration;
use support::Site;
use web::{Server, wait_for};

const DIGESTS: &str = "
[digest.weekly]
title = \"The week\"
from = \"Example <news@example.org>\"
postal_address = \"1 Main St, Springfield\"
schedule = \"Mon 09:00\"

[serve]
public_url = \"http://127.0.0.1/news/\"

[smtp]
url = \"outbox:outbox\"
";

const MONDAY: &str = "2026-11-23T09:01:00Z";

fn site() -> Site {
    let post = |id: &str| {
        format!("---\nid: {id}\ntitle: Post {id}\ndate: 2026-11-20\nsummary: About {id}.\ncategory: {id}\n---\nBody.\n")
    };
    let site = Site::new().more_settings(DIGESTS).post("a.md", &post("a")).post("b.md", &post("b"));
    site.run(["build"]).succeeds();
    site
}

/// The path behind the first link in the text of a mail that leads to a page.
fn link(site: &Site, file: &str, page: &str) -> String {
    let bytes = site.bytes(file);
    let mail = MessageParser::default().parse(&bytes).expect("a mail");
    let text = mail.body_text(0).expect("a text").into_owned();
    let start = format!("http://127.0.0.1/news/{page}/");
    let at = text.find(&start).unwrap_or_else(|| panic!("no {page} in {text}"));
    let url = text[at..].split_whitespace().next().expect("it is there");
    url["http://127.0.0.1".len()..].to_owned()
}

/// The newest mail in the outbox, when there are so many.
fn mail(site: &Site, count: usize) -> String {
    wait_for("a mail", || {
        let mut files = site.files("outbox");
        files.retain(|file| file.ends_with(".eml") && file.starts_with("notice-"));
        files.sort_by_key(|file| (file.len(), file.clone()));
        files.pop().filter(|_| files.len() + 1 >= count).map(|file| format!("outbox/{file}"))
    })
}

fn stands(site: &Site, address: &str) -> String {
    let out = site.run_with(["--json", "subscribers", "show", address], |it| it.env_remove("SOURCE_DATE_EPOCH"));
    out.succeeds().out()
}

#[test]
fn somebody_signs_up_confirms_gets_the_digest_and_leaves() {
    let site = site();
    let server = Server::start(&site, &[]);
    let form = server.get("/news/subscribe/");
    assert_eq!(form.status, 200, "{form:?}");
    assert!(
        form.body.contains("Get The week by mail") && form.body.contains("action=\"/news/subscribe/\""),
        "{}",
        form.body
    );
    let sent = server.post("/news/subscribe/", "address=Ana%40example.com&category=a&website=");
    assert_eq!((sent.status, sent.header("location")), (303, "/news/subscribe/sent/"), "{sent:?}");
    assert_eq!(server.get("/news/subscribe/sent/").status, 200);
    assert_eq!(server.get("/news/subscribe").header("location"), "/news/subscribe/");

    let confirm = link(&site, &mail(&site, 1), "confirm");
    let page = server.get(&confirm);
    assert!(page.status == 200 && page.body.contains("A***@e***.com") && page.body.contains("Only about:"), "{page:?}");
    assert!(stands(&site, "ana@example.com").contains("\"pending\""), "opening a link is no yes");
    let done = server.post(&confirm, "");
    assert!(done.status == 200 && done.body.contains("You are in"), "{done:?}");
    assert!(stands(&site, "ana@example.com").contains("\"active\""));
    assert_eq!(server.post(&confirm, "").status, 200, "twice is fine");

    site.run(["--now", MONDAY, "send", "weekly"]).succeeds();
    let issue = "outbox/weekly-2026-W48-1.eml";
    let text = site.read(issue);
    assert!(text.contains("Post a") && !text.contains("Post b"), "{text}");
    // The mail leads to its page before the next build has written it.
    let page = server.get("/digest/weekly/2026-W48/");
    assert!(page.status == 200 && page.body.contains("Post b") && !page.body.contains("unsubscribe"), "{page:?}");
    assert_eq!(server.get("/digest/weekly/2026-W47/").status, 404);
    let leave = link(&site, issue, "unsubscribe");
    for method in ["GET", "HEAD"] {
        assert_eq!(server.ask(method, &leave, &[], "").status, 200);
    }
    assert!(stands(&site, "ana@example.com").contains("\"active\""), "opening a link is no goodbye");
    let left = server.post(&leave, "List-Unsubscribe=One-Click");
    assert_eq!(left.status, 200, "{left:?}");
    assert!(stands(&site, "ana@example.com").contains("\"ended\""));
    assert_eq!(server.post(&leave, "").status, 200, "twice is fine");
    for page in [server.get(&confirm), server.post(&confirm, "")] {
        assert!(page.status == 200 && page.body.contains("you have left since"), "{page:?}");
    }
    assert!(stands(&site, "ana@example.com").contains("\"ended\""), "an old yes brings nobody back");
    // A mail may have been forwarded: by its link nobody is signed up again without being asked.
    let preferences = leave.replace("unsubscribe", "preferences");
    let asked = server.post(&preferences, "digest=weekly");
    assert_eq!(asked.header("location"), format!("{preferences}?asked"), "{asked:?}");
    assert!(server.get(&format!("{preferences}?asked")).body.contains("asks you to confirm"));
    assert!(stands(&site, "ana@example.com").contains("\"ended\""));
    assert_eq!(server.post(&link(&site, &mail(&site, 2), "confirm"), "").status, 200);
    assert!(stands(&site, "ana@example.com").contains("\"active\""));

    let log = server.log().join("\n");
    assert!(log.contains("\"path\":\"/news/unsubscribe/…\""), "{log}");
    assert!(!log.contains("ana") && !log.contains(confirm.rsplit('/').next().expect("a token")), "{log}");
    assert_eq!(server.talk(), Vec::<String>::new());
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn preferences_are_changed_by_the_link_in_a_mail_and_data_by_one_that_was_asked_for() {
    let site = site();
    site.run(["subscribers", "add", "ana@example.com", "--digest", "weekly", "--consent-source", "a test"]).succeeds();
    site.run(["--now", MONDAY, "send", "weekly"]).succeeds();
    let server = Server::start(&site, &[]);
    let path = link(&site, "outbox/weekly-2026-W48-1.eml", "preferences");
    let page = server.get(&path);
    assert!(
        page.status == 200 && page.body.contains("a***@e***.com") && !page.body.contains("ana@example"),
        "{page:?}"
    );
    assert!(page.body.contains("value=\"weekly\" checked"), "{}", page.body);
    let saved = server.post(&path, "digest=weekly&category=b&pause=4");
    assert_eq!((saved.status, saved.header("location")), (303, format!("{path}?saved").as_str()), "{saved:?}");
    let page = server.get(&format!("{path}?saved"));
    assert!(page.body.contains("Saved.") && page.body.contains("value=\"b\" checked"), "{}", page.body);
    assert!(page.body.contains("You get nothing until"), "{}", page.body);
    assert!(stands(&site, "ana@example.com").contains("\"b\""));

    // What stands in a mail, which may have been forwarded, does not show what is kept.
    assert_eq!(server.get(&path.replace("preferences", "data")).status, 404);
    assert_eq!(server.post(&path, "link=yes").header("location"), "/news/preferences/sent/");
    let mailed = link(&site, &mail(&site, 1), "preferences");
    let data = mailed.replace("preferences", "data");
    assert!(server.get(&mailed).body.contains(&format!("href=\"{data}\"")));
    let page = server.get(&data);
    assert!(page.status == 200 && page.body.contains("ana@example.com") && page.body.contains("a test"), "{page:?}");
    assert_eq!(server.post(&data, "").status, 400, "erasing must be meant");
    let erased = server.post(&data, "erase=yes");
    assert!(erased.status == 200 && erased.body.contains("Nothing that names you is kept"), "{erased:?}");
    site.run(["subscribers", "show", "ana@example.com"]).fails(1);
    for path in [data.as_str(), &path] {
        let page = server.get(path);
        assert!(page.status == 200 && page.body.contains("Nothing that names you is kept"), "{page:?}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn the_answer_does_not_tell_who_is_known() {
    let site = site();
    let add = ["subscribers", "add", "ana@example.com", "--digest", "weekly", "--consent-source", "a test"];
    site.run(add).succeeds();
    site.run(["subscribers", "add", "gone@example.com", "--digest", "weekly", "--consent-source", "a test"]).succeeds();
    site.run(["subscribers", "remove", "gone@example.com"]).succeeds();
    site.write("never.txt", "never@example.com\n");
    site.run(["subscribers", "suppress", "never.txt", "--reason", "asked", "--source", "a test"]).succeeds();
    let server = Server::start(&site, &[]);
    let mut answers = Vec::new();
    for address in ["ana", "gone", "never", "nobody"] {
        for page in ["subscribe", "preferences"] {
            let mut answer = server.post(&format!("/news/{page}/"), &format!("address={address}%40example.com"));
            answer.headers.retain(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
            answers.push((page, format!("{answer:?}")));
        }
    }
    let first = |page: &str| answers.iter().find(|(p, _)| *p == page).expect("an answer").1.clone();
    assert!(answers.iter().all(|(page, answer)| *answer == first(page)), "{answers:#?}");
    // Not by its time either, however late the last byte of the form comes.
    for address in ["ana", "nobody"] {
        let took = server.late("/news/preferences/", &format!("address={address}%40example.com"));
        assert!(took >= Duration::from_millis(400), "{address}: {took:?} after the form was there");
    }
    assert!(stands(&site, "gone@example.com").contains("\"ended\""), "a form brings nobody back");
}

#[test]
fn what_is_no_sign_up_is_refused_and_says_why() {
    let site = site();
    let server = Server::start(&site, &[]);
    let wrong = server.post("/news/subscribe/", "address=%3Cscript%3E&category=a");
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.body.contains("does not look like a mail address") && wrong.body.contains("value=\"&lt;script&gt;\"")
    );
    assert!(wrong.body.contains("value=\"a\" checked"), "what was ticked stays: {}", wrong.body);
    let json = [("Content-Type", "application/json")];
    assert_eq!(server.ask("POST", "/news/subscribe/", &json, "{}").status, 415);
    assert_eq!(server.post("/news/subscribe/", &format!("address={}", "a".repeat(20_000))).status, 413);
    // A program fills in what nobody sees, and is to believe that it was heard.
    let robot = server.post("/news/subscribe/", "address=robot%40example.com&website=https%3A%2F%2Fspam.example");
    assert_eq!((robot.status, robot.header("location")), (303, "/news/subscribe/sent/"));
    site.run(["subscribers", "show", "robot@example.com"]).fails(1);
    for method in ["PUT", "DELETE", "PATCH"] {
        assert_eq!(server.ask(method, "/news/subscribe/", &[], "").status, 405);
    }
}

#[test]
fn a_token_that_opens_nothing_is_answered_in_one_way() {
    let site = site();
    let server = Server::start(&site, &[]);
    server.post("/news/subscribe/", "address=ana%40example.com");
    let confirm = link(&site, &mail(&site, 1), "confirm");
    let token = confirm.rsplit('/').next().expect("a token").to_owned();
    let mut forged = token.clone().into_bytes();
    forged[20] = if forged[20] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).expect("it is ASCII");
    let shown = |page: &str, token: &str| {
        let answer = server.get(&format!("/news/{page}/{token}"));
        (answer.status, answer.body)
    };
    let want = shown("confirm", &forged);
    assert_eq!(want.0, 404);
    for token in ["x", &token[..47], &format!("{token}A"), "%00", "%ff", "..%2f..%2fkey"] {
        assert_eq!(shown("confirm", token), want, "{token}");
    }
    // One that is for something else.
    for page in ["unsubscribe", "preferences", "data"] {
        assert_eq!(shown(page, &token), want, "{page}");
    }
    let foreign = [("Content-Type", "application/x-www-form-urlencoded"), ("Origin", "https://evil.example")];
    assert_eq!(server.ask("POST", &confirm, &foreign, "").status, 403);
    let cross = [("Content-Type", "application/x-www-form-urlencoded"), ("Sec-Fetch-Site", "cross-site")];
    assert_eq!(server.ask("POST", &confirm, &cross, "").status, 403);
    assert!(stands(&site, "ana@example.com").contains("\"pending\""));
}

#[test]
fn one_network_is_held_up_and_another_is_not() {
    let site = site().more_settings("[signup]\nper_network = \"3/h\"\n");
    let settings = site.read("tidings.toml").replace("[serve]\n", "[serve]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    let site = site.settings(&settings);
    let server = Server::start(&site, &[]);
    let from = |client: &str, n: usize| {
        let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("X-Forwarded-For", client)];
        server.ask("POST", "/news/subscribe/", &headers, &format!("address=a{n}%40example.com"))
    };
    let statuses: Vec<u16> = (0..5).map(|n| from(&format!("203.0.113.{n}"), n).status).collect();
    assert_eq!(statuses, [303, 303, 303, 429, 429]);
    let held = from("203.0.113.9", 9);
    assert!(held.header("retry-after").parse::<u64>().is_ok_and(|wait| wait > 60), "{held:?}");
    assert_eq!(from("198.51.100.1", 10).status, 303);
}

#[test]
fn every_page_is_harmless_and_kept_by_nobody() {
    let site = site();
    let server = Server::start(&site, &[]);
    for path in ["/news/subscribe/", "/news/preferences/", "/news/subscribe/sent/", "/news/confirm/x", "/nothing"] {
        let page = server.get(path);
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{page:?}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert!(!page.body.contains("<script") && !page.body.contains("style="), "{}", page.body);
    }
    let health = server.get("/news/healthz");
    assert_eq!((health.status, health.body.as_str()), (200, "{\"live\":true,\"ready\":true}\n"));
    let metrics = server.get("/news/metrics");
    assert!(
        metrics.status == 200 && metrics.body.contains("tidings_http_answers_total{status=\"2xx\"}"),
        "{metrics:?}"
    );
    let proxied = server.ask("GET", "/news/metrics", &[("X-Forwarded-For", "203.0.113.9")], "");
    assert_eq!(proxied.status, 404);
}

#[test]
fn a_site_without_digests_serves_feeds_alone() {
    let site = Site::new().post("a.md", "---\ntitle: A\ndate: 2026-11-20\n---\nBody.\n");
    site.run(["build"]).succeeds();
    let server = Server::start(&site, &[]);
    assert_eq!(server.get("/atom.xml").status, 200);
    assert_eq!(server.get("/subscribe/").status, 404);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn where_nobody_signs_up_on_the_web_there_is_a_way_out_all_the_same() {
    let site = site().more_settings("[signup]\ndigests = []\n");
    site.run(["subscribers", "add", "ana@example.com", "--digest", "weekly", "--consent-source", "a test"]).succeeds();
    site.run(["--now", MONDAY, "send", "weekly"]).succeeds();
    let server = Server::start(&site, &[]);
    assert_eq!(server.get("/news/subscribe/").status, 404);
    let leave = link(&site, "outbox/weekly-2026-W48-1.eml", "unsubscribe");
    let parts = [("Content-Type", "multipart/form-data; boundary=x"), ("Origin", "https://mail.example")];
    let body = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
    assert_eq!(server.ask("POST", &leave, &parts, body).status, 200);
    assert!(stands(&site, "ana@example.com").contains("one click in a mail program"));
}

#[test]
fn a_server_that_cannot_begin_says_why() {
    let site = Site::new()
        .more_settings(&DIGESTS.replace("url = \"outbox:outbox\"\n", ""))
        .post("a.md", "---\ntitle: A\ndate: 2026-11-20\n---\nBody.\n");
    site.run(["serve"])
        .stderr(
            "
            error: cannot read `.tidings/site.json`: no such file or folder
            hint: it is written by `tidings build`; run that first
            ",
        )
        .fails(1);
    site.run(["build"]).succeeds();
    site.run(["serve", "--address", "127.0.0.1:0"])
        .stderr(
            "
            error: nothing says how mail leaves: there is no `[smtp] url`
            hint: write `url = \"smtp://user@smtp.example.org:587\"` into `[smtp]`, or `url = \"outbox:outbox\"` to have files
            ",
        )
        .fails(1);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("it has one").to_string();
    let site = Site::new().post("a.md", "---\ntitle: A\ndate: 2026-11-20\n---\nBody.\n");
    site.run(["build"]).succeeds();
    site.run(["serve", "--address", &address])
        .stderr(&format!(
            "
            error: cannot listen at `{address}`: address already in use
            hint: another program is there; name another port in `[serve] address`, and in `public_url` where it has one
            "
        ))
        .fails(1);
}
