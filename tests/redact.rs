//! `tidings digest NAME redact` through the binary: what is taken out of the archive, what is refused, what is said.

mod support;

#[path = "support/archive.rs"]
mod shelf;

use shelf::{MONDAY, NEXT_MONDAY, OWN, at, change, read_feeds, sent, site};

#[test]
fn a_post_is_taken_out_of_a_page_and_the_page_says_so() {
    let site = sent();
    let mail = site.bytes("outbox/weekly-2026-W48-1.eml");
    let tuesday = "2026-11-24T10:00:00Z";
    site.run(at(tuesday, &["digest", "weekly", "redact", "2026-W48", "id-two"]))
        .stderr("took `Story two` out of the page of weekly/2026-W48; `tidings build` writes the archive without it\n")
        .succeeds();
    site.run(at(tuesday, &["build"])).succeeds();
    for file in OWN {
        let text = site.read(&format!("public/digest/weekly/{file}"));
        assert!(!text.contains("two") && !text.contains("Two"), "{file}: {text}");
    }
    let page = site.read("public/digest/weekly/2026-W48/index.html");
    assert!(
        page.contains("A post was taken out of this issue on 24 November 2026.") && page.contains("Story one"),
        "{page}"
    );
    for (format, entries) in read_feeds(&site).into_iter().enumerate() {
        let [title, id, _, published, updated, _] = &entries[0];
        assert_eq!((&**title, &**id), ("The week, 23 November 2026", "tag:example.org,2026:digest/weekly/2026-W48"));
        assert_eq!(published, "2026-11-23T09:00:00+00:00");
        assert!(format == 1 || updated == "2026-11-24T10:00:00+00:00", "{updated}");
    }
    let diff = site.run(at(tuesday, &["diff"])).succeeds().out();
    assert!(!diff.contains("two"), "{diff}");
    // By every name, and again.
    for name in ["id-two", "two", "tag:example.org,2026:id-two"] {
        let want = format!("`{name}` is not in weekly/2026-W48 any more: it was taken out before\n");
        site.run(at(tuesday, &["digest", "weekly", "redact", "2026-W48", name])).stderr(&want).succeeds();
    }
    // Also when its file is gone.
    site.remove("content/posts/two.md");
    site.run(at(tuesday, &["digest", "weekly", "redact", "2026-W48", "two"])).succeeds();
    let report = site.run(at(tuesday, &["--json", "digest", "weekly", "redact", "2026-W48", "one"])).succeeds().json();
    assert_eq!((&report["redacted"], &report["changed"]), (&"tag:example.org,2026:id-one".into(), &true.into()));
    site.run(at(tuesday, &["build"])).succeeds();
    let page = site.read("public/digest/weekly/2026-W48/index.html");
    assert!(page.contains("2 posts were taken out of this issue, the last of them on 24 November 2026."), "{page}");
    assert!(!page.contains("Story") && !page.contains("About"), "{page}");
    // Mails are what they were, and the issue is the one that was approved.
    assert_eq!(site.bytes("outbox/weekly-2026-W48-1.eml"), mail);
    site.run(at(tuesday, &["send", "weekly", "--period", "2026-W48"])).succeeds();
}

#[test]
fn what_cannot_be_taken_out_is_said() {
    let site = site();
    let case = |words: &[&str], want: &str| {
        site.run(at(MONDAY, &[&["digest"], words].concat())).stdout("").stderr(want).fails(1);
    };
    case(
        &["weekly", "redact", "2026-W48", "two"],
        "
        error: there is no issue `weekly/2026-W48`
        hint: none was frozen yet
        ",
    );
    case(
        &["weakly", "redact", "2026-W48", "two"],
        "
        error: there is no digest `weakly`
        hint: did you mean `weekly`?
        ",
    );
    site.run(at(MONDAY, &["send", "weekly"])).succeeds();
    case(
        &["weekly", "redact", "2026-W84", "two"],
        "
        error: there is no issue `weekly/2026-W84`
        hint: did you mean `2026-W48`?
        ",
    );
    case(
        &["weekly", "redact", "2026-W48", "tow"],
        "
        error: there is no post `tow` in `weekly/2026-W48`
        hint: did you mean `two`?
        ",
    );
    case(
        &["weekly", "redact", "2026-W48", "three"],
        "
        error: there is no post `three` in `weekly/2026-W48`
        hint: there are `one`, `two`
        ",
    );
    case(
        &["weekly", "--approve", "redact", "2026-W48", "two"],
        "
        error: `redact` goes with none of the options of `tidings digest NAME`
        hint: run `tidings digest weekly redact 2026-W48 two`
        ",
    );
    site.write("templates/digest.html", "{{ nothing }}");
    site.run(at(MONDAY, &["digest", "weekly", "redact", "2026-W48", "two"]))
        .stderr_has("`nothing` is not defined")
        .fails(1);
    // A template of the site's own may have no place for it.
    site.write("templates/digest.html", "<head></head>{{ subject }}");
    site.run(at(MONDAY, &["digest", "weekly", "redact", "2026-W48", "two"]))
        .stderr(
            "
            took `Story two` out of the page of weekly/2026-W48; `tidings build` writes the archive without it
            the template of the digest does not say that a post was taken out: it has no `redacted`
            ",
        )
        .succeeds();
    site.remove("templates");
    change(&site, "UPDATE issue SET view = NULL");
    case(
        &["weekly", "redact", "2026-W48", "two"],
        "
        error: nothing can be taken out of the page of `weekly/2026-W48`
        hint: an older version froze it, and kept nothing of it but the page itself
        ",
    );
}

#[test]
fn a_page_from_an_older_version_is_shown_and_one_that_does_not_stand_is_not() {
    let site = sent();
    change(&site, "UPDATE issue SET view = NULL");
    site.run(at(MONDAY, &["build"])).succeeds();
    assert_eq!(site.files("public/digest/weekly"), OWN);
    assert_eq!(read_feeds(&site)[0][0][0], "Story two, and 1 more");
    change(&site, "UPDATE issue SET done_at = NULL");
    change(&site, "UPDATE delivery SET state = 'planned'");
    site.run(["deliveries", "cancel", "weekly/2026-W48"]).succeeds();
    site.run(at(MONDAY, &["digest", "weekly", "redact", "2026-W48", "two"]))
        .stderr(
            "
            error: the issue `weekly/2026-W48` does not stand: cancelled
            hint: no page of it is shown, so that nothing needs to be taken out
            ",
        )
        .fails(1);
}

#[test]
fn a_digest_with_a_new_name_is_known_by_both_and_a_german_page_says_it_in_german() {
    let site = sent();
    let settings = site.read("tidings.toml").replace("[digest.weekly]", "[digest.letter]\nformerly = [\"weekly\"]");
    let site = site.settings(&settings.replace("[site]", "[site]\nlanguage = \"de\""));
    site.run(at(NEXT_MONDAY, &["send", "letter"])).succeeds();
    for (name, period, post) in
        [("letter", "2026-W48", "one"), ("weekly", "2026-W48", "two"), ("letter", "2026-W49", "three")]
    {
        site.run(at(NEXT_MONDAY, &["digest", name, "redact", period, post])).succeeds();
    }
    site.run(at(NEXT_MONDAY, &["build"])).succeeds();
    let page = site.read("public/digest/letter/2026-W49/index.html");
    assert!(page.contains("Am 30. November 2026 wurde ein Beitrag aus dieser Ausgabe entfernt."), "{page}");
    assert!(site.read("public/digest/letter/index.html").contains("Keine Beiträge"));
    // What an issue said in the language of its time it goes on saying in that.
    let page = site.read("public/digest/weekly/2026-W48/index.html");
    assert!(page.contains("2 posts were taken out of this issue, the last of them on 30 November 2026."), "{page}");
}
