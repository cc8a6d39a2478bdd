//! The archive of digests through the binary: what `build` writes of issues, and what stays when the store is away.

mod support;

#[path = "support/archive.rs"]
mod shelf;

use shelf::{MONDAY, NEXT_MONDAY, OUTBOX, OWN, WEEKLY, at, change, files, post, read_feeds, sent, site, site_with};
use std::collections::BTreeMap;
use support::Site;

#[test]
fn a_site_without_an_issue_is_built_as_if_there_were_no_archive() {
    let plain = Site::new().post("one.md", &post("one", "2026-11-17"));
    plain.run(["build"]).succeeds();
    let want = files(&plain);
    let digests = Site::new().more_settings(WEEKLY).more_settings(OUTBOX).post("one.md", &post("one", "2026-11-17"));
    digests.run(["build"]).stderr("1 post in 2 feeds: wrote 9 files, 0 unchanged\n").succeeds();
    assert_eq!(files(&digests), want);
    assert!(!digests.has(".tidings/tidings.db"), "nothing makes a store by building");
    // With subscribers there is a store, and still no issue.
    digests.run(["subscribers", "add", "ana@example.com", "--digest", "weekly", "--consent-source", "x"]).succeeds();
    digests.run(["build"]).stdout("").stderr("").succeeds();
    assert_eq!(files(&digests), want);
}

#[test]
fn an_issue_that_was_sent_has_its_page_a_list_and_a_feed() {
    let site = site();
    site.run(at(MONDAY, &["build"])).succeeds();
    assert!(!site.has("public/digest"));
    site.run(at(MONDAY, &["send", "weekly"])).succeeds();
    site.run(at(MONDAY, &["build"]))
        .stderr("2 posts (1 held back) in 4 feeds: wrote 7 files, 10 unchanged\n")
        .succeeds();
    assert_eq!(site.files("public/digest/weekly"), OWN);
    let page = site.read("public/digest/weekly/2026-W48/index.html");
    assert!(page.contains("Story one") && page.contains("Story two") && !page.contains("Story three"), "{page}");
    let list = site.read("public/digest/weekly/index.html");
    for part in [
        "<title>The week: all issues</title>",
        "<a href=\"https://example.org/digest/weekly/2026-W48/\">Story two, and 1 more</a>",
        "<time datetime=\"2026-11-23\">23 November 2026</time>",
        "2 posts",
    ] {
        assert!(list.contains(part), "{part} in {list}");
    }
    assert!(!list.contains("<script"), "{list}");
    let want = [
        "Story two, and 1 more",
        "tag:example.org,2026:digest/weekly/2026-W48",
        "https://example.org/digest/weekly/2026-W48/",
        "2026-11-23T09:00:00+00:00",
        "2026-11-23T09:00:00+00:00",
        "Story one",
    ];
    for (format, entries) in read_feeds(&site).into_iter().enumerate() {
        let mut want = want.map(String::from);
        if format == 1 {
            // RSS says no time of a change.
            want[4] = entries[0][4].clone();
        }
        assert_eq!(entries, [want], "format {format}");
    }
    let atom = site.read("public/digest/weekly/atom.xml");
    assert!(atom.contains("About one.") && atom.contains("https://example.org/blog/one/"), "{atom}");
    let json: serde_json::Value = serde_json::from_str(&site.read("public/digest/weekly/feed.json")).expect("JSON");
    assert_eq!(json["home_page_url"], "https://example.org/digest/weekly/");
    // The page of a mail is the one that there is.
    assert!(site.read("outbox/weekly-2026-W48-1.eml").contains("https://example.org/digest/weekly/2026-W48/"));
}

#[test]
fn the_list_leads_to_the_form_where_there_is_a_server() {
    let site = sent().more_settings("[serve]\npublic_url = \"https://mail.example.org/\"\n");
    let link = "<a class=\"mail\" href=\"https://mail.example.org/subscribe/\">";
    for (server, want) in [(true, true), (false, false)] {
        if !server {
            let settings = site.read("tidings.toml");
            site.write("tidings.toml", settings.split("[serve]").next().expect("it was added at the end"));
        }
        site.run(at(MONDAY, &["build"])).succeeds();
        assert_eq!(site.read("public/digest/weekly/index.html").contains(link), want);
    }
}

#[test]
fn the_archive_is_among_the_feeds() {
    let site = sent();
    let page = site.read("public/feeds/index.html");
    assert!(page.contains("id=\"digest\"") && page.contains(">Newsletters ") && page.contains("1 issue"), "{page}");
    let opml = site.read("public/feeds/feeds.opml");
    assert!(opml.contains("<outline text=\"Newsletters\">"), "{opml}");
    assert!(opml.contains("xmlUrl=\"https://example.org/digest/weekly/atom.xml\""), "{opml}");
    assert!(site.read(".tidings/hosting/links.html").contains("title=\"Example: The week (Atom)\""));
    assert!(site.read(".tidings/hosting/nginx.conf").contains("(?:category|digest)/"));
}

#[test]
fn a_second_build_changes_nothing_and_neither_does_an_edit_of_a_post() {
    let site = sent();
    let before = files(&site);
    site.run(at(MONDAY, &["build"])).stderr("").succeeds();
    assert_eq!(files(&site), before);
    site.write("content/posts/two.md", post("two", "2026-11-20").replace("Story two", "Another title"));
    site.run(at(MONDAY, &["build"])).succeeds();
    let of_digest = |files: &BTreeMap<String, Vec<u8>>| -> BTreeMap<String, Vec<u8>> {
        files.clone().into_iter().filter(|(file, _)| file.starts_with("digest/")).collect()
    };
    assert_eq!(of_digest(&files(&site)), of_digest(&before));
}

#[test]
fn issues_are_listed_newest_first() {
    let site = sent();
    site.run(at(NEXT_MONDAY, &["send", "weekly"])).succeeds();
    site.run(at(NEXT_MONDAY, &["build"])).succeeds();
    let list = site.read("public/digest/weekly/index.html");
    assert!(list.find("2026-W49/").expect("the new one") < list.find("2026-W48/").expect("the old one"), "{list}");
    for entries in read_feeds(&site) {
        assert_eq!(
            entries.iter().map(|entry| &*entry[0]).collect::<Vec<_>>(),
            ["Story three", "Story two, and 1 more"]
        );
    }
}

#[test]
fn nothing_is_shown_before_its_approval() {
    let site = site_with(&WEEKLY.replace("schedule", "approval = \"required\"\nschedule"));
    site.run(at(MONDAY, &["send", "weekly"])).fails(75);
    site.run(at(MONDAY, &["build"])).succeeds();
    assert!(!site.has("public/digest"));
    site.run(at(MONDAY, &["digest", "weekly", "--approve"])).succeeds();
    site.run(at(MONDAY, &["build"])).succeeds();
    assert_eq!(site.files("public/digest/weekly"), OWN);
}

#[test]
fn an_issue_that_was_cancelled_is_shown_only_if_some_have_it() {
    // After its first mail.
    let site = sent();
    change(&site, "UPDATE issue SET done_at = NULL");
    change(&site, "UPDATE delivery SET state = 'planned' WHERE subscriber_id = 2");
    site.run(["deliveries", "cancel", "weekly/2026-W48"]).succeeds();
    site.run(at(MONDAY, &["build"])).succeeds();
    assert_eq!(site.files("public/digest/weekly"), OWN);
    // Before it, also where it was shown already.
    change(&site, "UPDATE issue SET done_at = NULL, cancelled_at = NULL");
    change(&site, "UPDATE delivery SET state = 'planned'");
    site.run(["deliveries", "cancel", "weekly/2026-W48"]).succeeds();
    site.run(at(MONDAY, &["build"]))
        .stderr(
            "
            gone Example: The week (/digest/weekly/)
            2 posts (1 held back) in 3 feeds: wrote 2 files, removed 5, 10 unchanged
            ",
        )
        .succeeds();
    assert!(!site.has("public/digest"));
}

#[test]
fn nothing_of_a_person_is_in_it() {
    let site = sent();
    let mut texts = String::new();
    for file in site.files("public/digest") {
        texts += &site.read(&format!("public/digest/{file}"));
    }
    // What stands in the place of a person: a marker in what was frozen, a token in each mail.
    let after = |text: &str, what: &str| {
        let at = text.find(what).unwrap_or_else(|| panic!("{what} in {text}")) + what.len();
        text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect::<String>()
    };
    let mail = site.read("outbox/weekly-2026-W48-1.eml").replace("=\r\n", "");
    let token = after(&mail, "https://example.org/unsubscribe/");
    let marker = after(&change(&site, "SELECT html FROM variant"), "https://example.org/unsubscribe/");
    assert!(token.len() > 20 && marker.len() > 20 && token != marker, "{token} {marker}");
    for secret in ["ana@", "ben@", "example.com", "example.net", &token, &marker, "unsubscribe/", "preferences/"] {
        assert!(!texts.contains(secret), "{secret}");
    }
}

#[test]
fn an_archive_outlives_a_store_that_is_away() {
    let site = sent();
    let before = files(&site);
    site.rename(".tidings/tidings.db", "elsewhere.db");
    for file in [".tidings/tidings.db-wal", ".tidings/tidings.db-shm"] {
        if site.has(file) {
            site.remove(file);
        }
    }
    site.run(at(MONDAY, &["build"]))
        .stderr("there is no store `.tidings/tidings.db`: the archive of 1 issue is left as it was\n")
        .succeeds();
    assert_eq!(files(&site), before);
    // Damaged.
    site.write(".tidings/tidings.db", "no database, ".repeat(400));
    site.run(at(MONDAY, &["build"]))
        .stderr(
            "
            error: the archive is left as it was: the store `.tidings/tidings.db` is damaged
            hint: put a backup in its place, with the files `-wal` and `-shm` beside it removed
            ",
        )
        .fails(1);
    assert_eq!(files(&site), before);
    // Of a version that is not there yet.
    site.remove(".tidings/tidings.db");
    std::fs::copy(site.path("elsewhere.db"), site.path(".tidings/tidings.db")).expect("copied");
    change(
        &site,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'x', 1, x'00', 0)",
    );
    site.run(at(MONDAY, &["build"])).stderr_has("was written by a newer version of tidings").fails(1);
    assert_eq!(files(&site), before);
    // New posts get into the feeds all the same.
    site.write("content/posts/four.md", post("four", "2026-11-21").replace("category: four", "category: one"));
    site.run(at(MONDAY, &["build"])).fails(1);
    assert!(site.read("public/atom.xml").contains("Story four"));
    assert_eq!(site.files("public/digest/weekly"), OWN);
    // Another store, which knows nothing: it is not sent from, since the archive stands.
    site.remove("content/posts/four.md");
    site.remove(".tidings/tidings.db");
    site.run(["subscribers", "add", "ana@example.com", "--digest", "weekly", "--consent-source", "x"]).succeeds();
    site.run(at(MONDAY, &["build"])).stderr_has(
        "the store `.tidings/tidings.db` knows nothing of 1 issue of `weekly` (`2026-W48`): its page is left as before",
    ).succeeds();
    let stays = |file: &&String| file.starts_with("digest/") || file.starts_with("feeds/");
    let (now, was) = (files(&site), before);
    assert!(was.iter().filter(|(file, _)| stays(file)).all(|(file, bytes)| now.get(file) == Some(bytes)));
    site.run(at(MONDAY, &["send", "weekly"])).stderr_has("knows nothing of `weekly`, whose issues stand in").fails(1);
    // The store comes back, and what it says goes.
    site.remove(".tidings/tidings.db");
    site.rename("elsewhere.db", ".tidings/tidings.db");
    site.run(at(MONDAY, &["build"])).stderr("").succeeds();
}

#[test]
fn a_digest_with_a_new_name_lists_what_it_sent_and_old_addresses_stay() {
    let site = sent();
    let page = site.read("public/digest/weekly/2026-W48/index.html");
    let settings = site.read("tidings.toml").replace("[digest.weekly]", "[digest.letter]\nformerly = [\"weekly\"]");
    let site = site.settings(&settings);
    site.run(at(MONDAY, &["build"])).succeeds();
    assert_eq!(site.files("public/digest/letter"), OWN[1..]);
    assert_eq!(site.files("public/digest/weekly"), OWN);
    assert_eq!(site.read("public/digest/weekly/2026-W48/index.html"), page);
    site.run(at(NEXT_MONDAY, &["send", "letter"])).succeeds();
    site.run(at(NEXT_MONDAY, &["build"])).succeeds();
    for name in ["letter", "weekly"] {
        let list = site.read(&format!("public/digest/{name}/index.html"));
        assert!(list.contains("<link rel=\"canonical\" href=\"https://example.org/digest/letter/\">"), "{list}");
        assert!(list.contains("digest/letter/2026-W49/\"") && list.contains("digest/weekly/2026-W48/\""), "{list}");
    }
    let ids: Vec<String> = read_feeds(&site)[0].iter().map(|entry| entry[1].clone()).collect();
    assert_eq!(ids, ["tag:example.org,2026:digest/letter/2026-W49", "tag:example.org,2026:digest/weekly/2026-W48"]);
    let opml = site.read("public/feeds/feeds.opml");
    assert!(opml.contains("digest/letter/atom.xml") && !opml.contains("digest/weekly/"), "{opml}");
}

#[test]
fn a_german_site_has_a_german_archive() {
    let site = sent();
    let settings = site.read("tidings.toml").replace("[site]", "[site]\nlanguage = \"de\"");
    let site = site.settings(&settings);
    site.run(at(NEXT_MONDAY, &["send", "weekly"])).succeeds();
    site.run(at(NEXT_MONDAY, &["build"])).succeeds();
    let list = site.read("public/digest/weekly/index.html");
    for part in ["<html lang=\"de\"", "The week: alle Ausgaben", "30. November 2026", "1 Beitrag", "Als Feed"] {
        assert!(list.contains(part), "{part} in {list}");
    }
    assert!(site.read("public/feeds/index.html").contains(">Newsletter "));
}

#[test]
fn a_fault_in_a_sites_own_page_is_found_before_there_is_an_issue() {
    let site = site().file("templates/archive.html", "<h1>{{ titel }}</h1>");
    site.run(["check"]).stderr_has("--> templates/archive.html:1:8").fails(1);
    let site = sent().file(
        "templates/archive.html",
        "{% extends \"tidings/archive.html\" %}{% block head %}<!-- ours -->{% endblock %}",
    );
    site.run(at(MONDAY, &["build"])).succeeds();
    assert!(site.read("public/digest/weekly/index.html").contains("<!-- ours -->"));
}
