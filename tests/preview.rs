//! `tidings digest` through the binary: the next issue, chosen, composed and shown; and what it says where it cannot be.

mod support;

use support::{SETTINGS, Site};

const WEEKLY: &str = "
[digest.weekly]
title = \"The week\"
from = \"Example <news@example.org>\"
postal_address = \"1 Main St, Springfield\"
schedule = \"Mon 09:00\"
";

fn post(title: &str, day: &str) -> String {
    format!("---\nid: {title}\ntitle: Post {title}\ndate: {day}\nsummary: About {title}.\n---\nBody.\n")
}

/// Two posts in the week before [`support::NOW`], one before that, one after.
fn site() -> Site {
    Site::new()
        .more_settings(WEEKLY)
        .post("a.md", &post("a", "2026-11-17"))
        .post("b.md", &post("b", "2026-11-20"))
        .post("old.md", &post("old", "2026-11-02"))
        .post("next.md", &post("next", "2026-11-25"))
}

#[test]
fn the_next_issue_is_shown_with_all_that_it_was_made_from() {
    let site = site();
    site.run(["digest", "weekly"])
        .stdout(
            "
            issue      weekly/2026-W48, due Mon 2026-11-23 09:00 UTC
            subject    Post b, and 1 more
            posts      2
                       - Post b
                       - Post a
            size       9.4 KB of 90.0 KB in HTML, 11.0 KB in all
            history    no issue yet
            preview    .tidings/preview/weekly/preview.html
            ",
        )
        .stderr("")
        .succeeds();
    assert_eq!(site.files(".tidings/preview/weekly"), ["next.eml", "next.html", "next.txt", "preview.html"]);
    let eml = site.read(".tidings/preview/weekly/next.eml");
    for line in
        ["From: Example <news@example.org>\r\n", "Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n", "List-Unsubscribe-Post: "]
    {
        assert!(eml.contains(line), "{line}: {eml}");
    }
    assert!(eml.is_ascii() && eml.lines().all(|line| line.len() <= 998));
    let text = site.read(".tidings/preview/weekly/next.txt");
    assert!(text.contains("Post a") && text.contains("1 Main St, Springfield") && !text.contains("Post old"), "{text}");
}

#[test]
fn a_picture_is_shown_before_the_site_has_it() {
    let with_picture = post("c", "2026-11-21").replace("summary", "lead: First.\nfeatured_image: /a.gif\nsummary");
    let site = site().post("c.md", &with_picture).file("static/a.gif", "GIF89a\u{10}\0\u{8}\0\0\0\0;");
    site.run(["digest", "weekly"]).succeeds();
    let mail = site.read(".tidings/preview/weekly/next.html");
    assert!(mail.contains("src=\"https://example.org/a.gif\"") && mail.contains("width=\"16\" height=\"8\""), "{mail}");
    let page = site.read(".tidings/preview/weekly/preview.html");
    assert_eq!((mail.matches("data:").count(), page.matches("data:image/gif;base64,R0lGODlh").count()), (0, 4));
}

#[test]
fn the_same_site_and_time_give_the_same_bytes() {
    let (one, other) = (site(), site());
    for (site, zone) in [(&one, "UTC"), (&other, "Asia/Tokyo")] {
        site.run_with(["digest", "weekly"], |command| command.env("TZ", zone)).succeeds();
    }
    for file in one.files(".tidings/preview/weekly") {
        let path = format!(".tidings/preview/weekly/{file}");
        assert!(one.bytes(&path) == other.bytes(&path), "{file}");
    }
}

#[test]
fn an_issue_that_is_still_to_come_has_the_posts_that_will_be_out() {
    let site = site();
    let report = site.run(["--json", "--now", "2026-11-24T09:00:00Z", "digest", "weekly"]).succeeds().json();
    assert_eq!(report["period"], "2026-W49");
    assert_eq!(report["posts"][0]["title"], "Post next");
    let run = site.run(["digest", "weekly", "--period", "2026-W47"]);
    run.stderr("no issue weekly/2026-W47: 0 posts, and it takes 1; --period 2026-W48 shows the last one\n").succeeds();
}

#[test]
fn an_editors_note_has_its_way() {
    let note = "---\nsubject: A quiet week\nlead: a\n---\nNot *much* this time.\n";
    let site = site().file("content/digests/weekly/2026-W48.md", note);
    let report = site.run(["--json", "digest", "weekly"]).succeeds().json();
    assert_eq!(report["subject"], "A quiet week");
    let html = site.read(".tidings/preview/weekly/next.html");
    assert!(html.contains("<em>much</em>") || html.contains("much</em>"), "{html}");
    let text = site.read(".tidings/preview/weekly/next.txt");
    assert!(text.find("Post a").unwrap() < text.find("Post b").unwrap(), "{text}");
}

#[test]
fn what_cannot_be_shown_says_why() {
    site()
        .run(["digest", "wekly"])
        .stderr("error: there is no digest `wekly`\nhint: did you mean `weekly`?\n")
        .fails(1);
    let none = Site::new().post("a.md", &post("a", "2026-11-17"));
    none.run(["digest", "weekly"])
        .stderr(
            "error: there is no digest `weekly`\nhint: there is none yet: write `[digest.weekly]` into tidings.toml\n",
        )
        .fails(1);
    site().run(["digest", "weekly", "--period", "2027-W01"]).stderr_has("error: ").fails(1);
    let address = WEEKLY.replace("postal_address = \"1 Main St, Springfield\"\n", "");
    let site = Site::new().settings(&format!("{SETTINGS}{address}"));
    site.run(["digest", "weekly"]).stderr_has("postal_address").fails(1);
    let theme = format!("{SETTINGS}{WEEKLY}theme = {{ light = {{ text = \"#bbbbbb\" }} }}\n");
    Site::new().settings(&theme).run(["digest", "weekly"]).stderr_has("4.5").fails(1);
}

#[test]
fn a_broken_template_of_the_site_is_pointed_at() {
    let site = site().file(
        "templates/digest.html",
        "{% extends \"tidings/digest.html\" %}\n{% block header %}{{ nobody }}{% endblock %}\n",
    );
    site.run(["digest", "weekly"]).stderr_has("templates/digest.html:2:").fails(1);
    assert!(!site.has(".tidings/preview/weekly/next.html"));
}

#[test]
fn hostile_titles_stay_text() {
    let hostile = "<script>alert(1)</script> & \"Vec<T>\" שלום 🎉";
    let site = Site::new()
        .more_settings(WEEKLY)
        .post("x.md", &format!("---\nid: x\ntitle: '{hostile}'\ndate: 2026-11-18\nsummary: '{hostile}'\n---\nBody.\n"));
    let report = site.run(["--json", "digest", "weekly"]).succeeds().json();
    assert_eq!(report["posts"][0]["title"], hostile);
    for file in ["next.html", "preview.html"] {
        let html = site.read(&format!(".tidings/preview/weekly/{file}"));
        assert!(!html.contains("<script>alert"), "{file}");
    }
    assert!(site.read(".tidings/preview/weekly/next.txt").contains(hostile));
}
