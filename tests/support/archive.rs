//! A site whose weekly digest has gone out, for tests of what is shown of it.

// Each file in `tests/` compiles this module for itself and uses a part of it.
#![allow(dead_code)]

use crate::support::Site;
use std::collections::BTreeMap;

/// A digest.
pub const WEEKLY: &str = "
[digest.weekly]
title = \"The week\"
from = \"Example <news@example.org>\"
postal_address = \"1 Main St, Springfield\"
schedule = \"Mon 09:00\"
";

/// Mails into files. Without `[serve]`, nothing has compressed copies.
pub const OUTBOX: &str = "
[smtp]
url = \"outbox:outbox\"
";

/// A minute after the cutoff of 2026-W48.
pub const MONDAY: &str = "2026-11-23T09:01:00Z";
/// The same a week later.
pub const NEXT_MONDAY: &str = "2026-11-30T09:01:00Z";

/// What there is of the digest after its first issue.
pub const OWN: [&str; 5] = ["2026-W48/index.html", "atom.xml", "feed.json", "index.html", "rss.xml"];

/// A post.
pub fn post(name: &str, day: &str) -> String {
    format!(
        "---\nid: id-{name}\ntitle: Story {name}\ndate: {day}\nsummary: About {name}.\ncategory: {name}\n---\nBody.\n"
    )
}

/// Two posts in the week of 2026-W48, one in the week after it, and two who read them.
pub fn site_with(digest: &str) -> Site {
    let site = Site::new()
        .more_settings(digest)
        .more_settings(OUTBOX)
        .post("one.md", &post("one", "2026-11-17"))
        .post("two.md", &post("two", "2026-11-20"))
        .post("three.md", &post("three", "2026-11-25"));
    for address in ["ana@example.com", "ben@example.net"] {
        site.run(["subscribers", "add", address, "--digest", "weekly", "--consent-source", "a test"]).succeeds();
    }
    site
}

/// The same with the usual digest.
pub fn site() -> Site {
    site_with(WEEKLY)
}

/// The arguments of a run at a time.
pub fn at(now: &str, words: &[&str]) -> Vec<String> {
    ["--now", now].iter().chain(words).map(|word| (*word).to_owned()).collect()
}

/// A site whose issue of 2026-W48 has gone out, and that was built after that.
pub fn sent() -> Site {
    let site = site();
    site.run(at(MONDAY, &["send", "weekly"])).succeeds();
    site.run(at(MONDAY, &["build"])).succeeds();
    site
}

/// Every file of the output folder.
pub fn files(site: &Site) -> BTreeMap<String, Vec<u8>> {
    site.files("public").into_iter().map(|file| (file.clone(), site.bytes(&format!("public/{file}")))).collect()
}

/// Runs a statement on the store of a site, as nothing but a test would. What it finds.
pub fn change(site: &Site, sql: &str) -> String {
    let code =
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute(sys.argv[2]).fetchall()); c.commit()";
    let store = site.path(".tidings/tidings.db");
    let output = std::process::Command::new("python3").args(["-c", code]).arg(store).arg(sql).output();
    let output = output.expect("python3 is there");
    assert!(output.status.success(), "{sql}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The feeds of the archive as a reader that is not ours reads them: title, id, link, published, updated, summary.
pub fn read_feeds(site: &Site) -> Vec<Vec<[String; 6]>> {
    let read = |file: &&str| {
        let bytes = site.bytes(&format!("public/digest/weekly/{file}"));
        let feed = feed_rs::parser::parse(&bytes[..]).unwrap_or_else(|err| panic!("{file}: {err}"));
        let time = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
        let text = |text: Option<feed_rs::model::Text>| text.map(|text| text.content).unwrap_or_default();
        let entry = |entry: feed_rs::model::Entry| {
            let link = entry.links.first().map(|link| link.href.clone()).unwrap_or_default();
            [text(entry.title), entry.id, link, time(entry.published), time(entry.updated), text(entry.summary)]
        };
        feed.entries.into_iter().map(entry).collect()
    };
    ["atom.xml", "rss.xml", "feed.json"].iter().map(read).collect()
}
