//! Ids are forever: what changes none, what would, and how the program says so.

mod support;

use proptest::prelude::*;
use std::fs;
use support::{SETTINGS, Site};

/// A post with a day and a body of its own.
fn post(title: &str, day: u32, more: &str) -> String {
    format!("---\ntitle: {title}\npub_date: '2026-11-{day:02}'\nsummary: Short.\n{more}---\nText of {title}.\n")
}

/// Addresses and ids of the site's feed, by address.
#[track_caller]
fn ids(site: &Site) -> Vec<(String, String)> {
    let feed: serde_json::Value = serde_json::from_str(&site.read("public/feed.json")).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut ids: Vec<_> = feed["items"].as_array().unwrap().iter().map(|i| (text(&i["url"]), text(&i["id"]))).collect();
    ids.sort();
    ids
}

/// Only the ids, sorted.
#[track_caller]
fn bare(site: &Site) -> Vec<String> {
    let mut ids: Vec<String> = ids(site).into_iter().map(|(_, id)| id).collect();
    ids.sort();
    ids
}

/// Every byte of the output and the lock.
fn all(site: &Site) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> =
        site.files("public").into_iter().map(|f| (f.clone(), site.bytes(&format!("public/{f}")))).collect();
    all.push(("tidings.lock".into(), site.bytes("tidings.lock")));
    for file in site.files(".tidings/hosting") {
        all.push((file.clone(), site.bytes(&format!(".tidings/hosting/{file}"))));
    }
    all
}

fn two_posts() -> Site {
    Site::new().post("a.md", &post("A", 1, "")).post("b.md", &post("B", 2, "id: bee\n"))
}

#[test]
fn the_same_site_gives_the_same_bytes_in_any_folder_order_zone_and_run() {
    let posts: Vec<(String, String)> = (1..=12)
        .map(|i| {
            // Two a day, so that ties are broken; some with ids, terms in other spellings, one name for two terms.
            let more =
                format!("tags: [C, c++, 'C#', T{}]\ncategories: {}\nauthor: Ana\n", i % 3, ["News", "news"][i % 2]);
            let id = if i % 4 == 0 { format!("id: x{i}\n") } else { String::new() };
            (format!("p{i}.md"), post(&format!("Post {i}"), 1 + (i as u32) / 2, &(more + &id)))
        })
        .collect();
    let build = |order: &[usize], zone: &str| {
        let mut site = Site::new().more_settings("items = 3\narchives = \"all\"\n");
        for &i in order {
            site = site.post(&posts[i].0, &posts[i].1);
        }
        site.run_with(["build"], |command| command.env("TZ", zone)).succeeds();
        all(&site)
    };
    let orders = [
        ((0..12).collect::<Vec<_>>(), "UTC"),
        ((0..12).rev().collect(), "Pacific/Kiritimati"),
        (vec![5, 3, 11, 0, 7, 9, 1, 2, 10, 4, 8, 6], "America/St_Johns"),
        ((0..12).map(|i| (i * 5) % 12).collect(), "nonsense"),
    ];
    let first = build(&orders[0].0, orders[0].1);
    assert!(first.len() > 40, "{}", first.len());
    for (order, zone) in &orders[1..] {
        let again = build(order, zone);
        let differ: Vec<_> = first.iter().zip(&again).filter(|(a, b)| a != b).map(|(a, _)| &a.0).collect();
        assert!(differ.is_empty() && first.len() == again.len(), "{zone}: {differ:?}");
    }
}

#[test]
fn renaming_redating_and_moving_change_no_id() {
    #[track_caller]
    fn case(what: &str, change: impl FnOnce(Site) -> Site) {
        let site = two_posts();
        site.run(["build"]).succeeds();
        let before = bare(&site);
        assert_eq!(before, ["tag:example.org,2026:2026-11-01/a", "tag:example.org,2026:bee"]);
        let site = change(site);
        site.run(["check"]).succeeds();
        site.run(["build"]).succeeds();
        assert_eq!(bare(&site), before, "{what}");
        site.run(["diff"]).succeeds();
        // What the lock says now holds without the change having to be understood again.
        fs::remove_dir_all(site.path("public")).unwrap();
        fs::remove_dir_all(site.path(".tidings")).unwrap();
        site.run(["build", "--locked"]).succeeds();
        assert_eq!(bare(&site), before, "{what}, from the lock alone");
    }
    let of = |slug: &str, day| post("A", day, &format!("slug: {slug}\n"));
    case("a new slug", |site| site.post("a.md", &of("z", 1)));
    case("another date", |site| site.post("a.md", &of("a", 9)));
    case("another text", |site| site.post("a.md", &(of("a", 1) + "More.\n")));
    case("a new slug and another text", |site| site.post("a.md", &(of("z", 1) + "More.\n")));
    case("another file", |site| {
        site.rename("content/posts/a.md", "content/posts/deep/2026-11-03.a.md");
        site
    });
    case("another title", |site| site.post("a.md", &of("a", 1).replace("title: A", "title: Another")));
    case("another slug and file of a post with an id", |site| {
        site.rename("content/posts/b.md", "content/posts/c.md");
        site.post("c.md", &post("Bee", 20, "id: bee\nslug: sea\n"))
    });
    case("another domain", |site| {
        let moved = SETTINGS.replace("https://example.org/", "https://example.net/news/");
        site.settings(&moved)
    });
    case("no prefix in the settings", |site| site.settings(&SETTINGS.replace("id_prefix", "#")));
    case("an `id` that comes late", |site| site.post("a.md", &post("A", 1, "id: late\n")));
}

#[test]
fn a_post_that_vanished_while_a_new_one_has_its_text_is_an_error_until_the_line_is_there() {
    let site = two_posts();
    site.run(["build"]).succeeds();
    let old = all(&site);
    site.remove("content/posts/a.md");
    let site = site.post("z.md", &post("Z", 1, "").replace("Text of Z", "Text of A"));
    let line = "\"/blog/z/\" = { id = \"tag:example.org,2026:2026-11-01/a\", file = \"content/posts/z.md\", body = \"";
    let run = site.run(["build"]);
    let line = run.err().lines().map(str::trim).find(|l| l.starts_with(line)).expect("the line is shown").to_owned();
    run.stderr(&format!(
        "error: this looks like the post that was at `/blog/a/`, and would get another id
 --> content/posts/z.md:2:8
  |
2 | title: Z
  |        ^
hint: if it is that post, put this line into tidings.lock in place of the one of `/blog/a/`, line 5:
      {line}
      if it is another post, delete that line
nothing was written: 1 error
"
    ))
    .fails(1);
    assert_eq!(all(&site), old);
    let lock = site.read("tidings.lock");
    let lines: Vec<&str> = lock.lines().map(|l| if l.starts_with("\"/blog/a/\"") { &line } else { l }).collect();
    site.write("tidings.lock", lines.join("\n"));
    site.run(["build", "--locked"]).succeeds();
    assert_eq!(bare(&site), ["tag:example.org,2026:2026-11-01/a", "tag:example.org,2026:bee"]);
}

#[test]
fn locked_fails_where_an_id_would_be_written_down_and_writes_nothing() {
    let site = two_posts();
    site.run(["build"]).succeeds();
    site.run(["build", "--locked"]).stdout("").stderr("").succeeds();
    let site = site.post("new.md", &post("New", 3, ""));
    let old = all(&site);
    site.run(["build", "--locked"])
        .stderr(
            "
            error: `tidings.lock` would change
             --> tidings.lock
            hint: run `tidings build` and commit the lock; it would change:
                  `/blog/new/` is new, with the id `tag:example.org,2026:2026-11-03/new`
            nothing was written: 1 error
            ",
        )
        .fails(1);
    assert_eq!(all(&site), old);
    // A post with an id of its own, an edit and a draft need no line.
    let site = site.post("new.md", &post("New", 3, "id: new\n")).post("a.md", &(post("A", 1, "") + "More.\n"));
    let site = site.post("draft.md", &post("Draft", 4, "draft: true\n"));
    let lock = site.read("tidings.lock");
    site.run(["build", "--locked"]).succeeds();
    assert_eq!(site.read("tidings.lock"), lock, "--locked writes no lock");
    assert!(site.read("public/atom.xml").contains("More."));
    site.run(["build"]).stderr("").succeeds();
    assert_ne!(site.read("tidings.lock"), lock, "the hash of the edited text is kept");
    site.run(["build", "--locked"]).succeeds();
}

#[test]
fn a_lock_with_the_marks_of_a_merge_stops_everything() {
    let site = two_posts();
    site.run(["build"]).succeeds();
    let lock = site.read("tidings.lock").replace("[posts]\n", "[posts]\n<<<<<<< HEAD\n");
    site.write("tidings.lock", &lock);
    let old = all(&site);
    for command in ["check", "build"] {
        let run = site
            .run([command])
            .stderr_has("error: a merge left its mark `<<<<<<<` in `tidings.lock`\n --> tidings.lock:5:1\n");
        run.fails(1);
    }
    assert_eq!(all(&site), old);
}

#[test]
fn another_prefix_is_refused_with_what_it_would_do() {
    let site = two_posts();
    site.run(["build"]).succeeds();
    let site = site.settings(&SETTINGS.replace(",2026:", ",2027:"));
    for command in [&["build"][..], &["build", "--keep-going"], &["check"]] {
        let run = site.run(command).stderr_has(
            "error: `id_prefix` would change published ids: `tag:example.org,2026:bee` would become `tag:example.org,2027:bee`\n \
             --> tidings.toml:6:13\n",
        );
        run.stderr_has(
            "hint: write `id_prefix = \"tag:example.org,2026:\"`, as in tidings.lock, or leave the key out;\n",
        )
        .fails(1);
    }
}

#[test]
fn another_prefix_is_no_faulty_post_that_could_be_left_out() {
    let site = two_posts();
    site.run(["build"]).succeeds();
    let site = site
        .settings(&SETTINGS.replace(",2026:", ",2027:"))
        .post("b2.md", &post("B2", 3, "id: bee\n"))
        .post("c.md", &post("C", 4, "id: c\n"));
    let old = all(&site);
    let run = site.run(["build", "--keep-going"]).stderr_has("error: `id_prefix` would change published ids");
    run.stderr_has("nothing was written: ").fails(1);
    assert_eq!(all(&site), old);
}

#[test]
fn an_id_that_would_change_is_refused_with_the_line_that_keeps_it() {
    let site = two_posts().post("c.md", &post("C", 3, ""));
    site.run(["build"]).succeeds();
    let site = site.post("b.md", &post("B", 2, "id: wasp\n"));
    let old = all(&site);
    let run = site.run(["build"]);
    let line = run.err().lines().map(str::trim).find(|l| l.starts_with("\"/blog/b/\"")).expect("a line").to_owned();
    run.stderr(&format!(
        "error: the id of a published post would change: `tag:example.org,2026:bee` would become `tag:example.org,2026:wasp`
 --> content/posts/b.md:5:5
  |
5 | id: wasp
  |     ^^^^
hint: readers would see the post as new; to keep its id, put this line into tidings.lock:
      {line}
      if the new id is right all the same, run `tidings build --new-ids` once
nothing was written: 1 error
"
    ))
    .fails(1);
    assert_eq!(all(&site), old);
    site.run(["check"]).stderr_has("error: the id of a published post would change").fails(1);
    assert_eq!(all(&site), old);
    // Kept.
    let lock = site.read("tidings.lock");
    site.write("tidings.lock", lock.clone() + &line + "\n");
    site.run(["check"]).succeeds();
    site.run(["build"]).succeeds();
    assert_eq!(ids(&site)[1].1, "tag:example.org,2026:bee");
    // Or changed on purpose.
    site.write("tidings.lock", lock);
    site.run(["build"]).fails(1);
    site.run(["build", "--new-ids"]).succeeds();
    assert_eq!(ids(&site)[1].1, "tag:example.org,2026:wasp");
    site.run(["check"]).succeeds();
}

#[test]
fn an_id_that_a_hand_changed_in_the_lock_is_refused_in_whatever_format_there_is() {
    for formats in ["[\"atom\"]", "[\"rss\"]", "[\"json\"]"] {
        let site = two_posts().more_settings(&format!("formats = {formats}\nitems = 1\narchives = \"none\"\n"));
        let site = site.post("a.md", &post("A", 1, "tags: [old]\n"));
        site.run(["build"]).succeeds();
        // Only the feed of its tag shows it.
        let lock = site.read("tidings.lock");
        site.write("tidings.lock", lock.replace("2026-11-01/a", "2026-11-01/aa"));
        site.run(["check"])
            .stderr_has(
                "would change: `tag:example.org,2026:2026-11-01/a` would become `tag:example.org,2026:2026-11-01/aa`",
            )
            .stderr_has("put this line into tidings.lock in place of the one of this address:\n")
            .fails(1);
    }
}

#[test]
fn a_lost_lock_is_noticed_by_the_feeds_that_are_there() {
    let site = two_posts();
    site.run(["build"]).succeeds();
    let site = site.post("a.md", &post("A", 9, ""));
    site.run(["build"]).succeeds();
    site.remove("tidings.lock");
    site.run(["build"])
        .stderr_has("`tag:example.org,2026:2026-11-01/a` would become `tag:example.org,2026:2026-11-09/a`")
        .fails(1);
}

#[test]
fn a_new_post_at_the_address_of_one_that_moved_is_no_change_of_its_id() {
    let site = two_posts();
    site.run(["build"]).succeeds();
    // B goes on elsewhere under its id, and somebody else comes to its address.
    let site = site
        .post("b.md", &post("B", 2, "id: bee\nslug: elsewhere\n"))
        .post("n.md", &post("N", 3, "id: new\nslug: b\n"));
    site.run(["check"]).succeeds();
    site.run(["build"]).succeeds();
    assert_eq!(bare(&site).len(), 3);
}

#[test]
fn a_scheduled_post_is_in_the_lock_before_its_day() {
    let site = two_posts().post("soon.md", &post("Soon", 28, ""));
    site.run(["build"]).succeeds();
    assert!(
        site.read("tidings.lock").contains("tag:example.org,2026:2026-11-28/soon"),
        "{}",
        site.read("tidings.lock")
    );
    let lock = site.read("tidings.lock");
    let later = "2026-11-29T00:00:00Z";
    site.run(["build", "--locked", "--now", later]).succeeds();
    assert_eq!(bare(&site).len(), 3);
    site.run(["build", "--now", later]).succeeds();
    assert_eq!(site.read("tidings.lock"), lock);
}

#[test]
fn keep_going_never_publishes_a_copy_in_place_of_its_post() {
    // By name, the copy comes first.
    let site = Site::new().post("sale.md", &post("Sale", 1, "id: sale\n")).post("b.md", &post("B", 2, "id: bee\n"));
    site.run(["build"]).succeeds();
    let site = site.post("copy.md", &post("Copy", 3, "id: sale\n"));
    site.run(["build", "--keep-going"])
        .stderr_has("left out content/posts/copy.md\nleft out content/posts/sale.md\n")
        .fails(1);
    assert_eq!(bare(&site), ["tag:example.org,2026:bee"]);
    // One that has the lock's line stays, whatever the copy is called.
    let site = Site::new().post("sale.md", &post("Sale", 1, ""));
    site.run(["build"]).succeeds();
    let before = bare(&site);
    for more in ["slug: sale\n", "id: 2026-11-01/sale\n"] {
        let site = Site::new().post("sale.md", &post("Sale", 1, ""));
        site.run(["build"]).succeeds();
        let site = site.post("copy.md", &post("Copy", 3, more));
        site.run(["build", "--keep-going"]).stderr_has("left out content/posts/copy.md\n").fails(1);
        assert_eq!(bare(&site), before, "{more}");
    }
}

#[test]
fn what_adopt_writes_is_never_refused_afterwards() {
    let feed = |id: &str, path: &str| {
        format!(
            "<rss version=\"2.0\"><channel><title>Old</title><link>https://example.org/</link><description>d</description>\
             <item><title>A</title><link>https://example.org{path}</link><guid isPermaLink=\"false\">{id}</guid></item>\
             </channel></rss>"
        )
    };
    // The line of a post that is gone gives its id away.
    let site = two_posts().post("gone.md", &post("Gone", 4, ""));
    site.run(["build"]).succeeds();
    site.remove("content/posts/gone.md");
    site.write("old/feed.xml", feed("tag:example.org,2026:2026-11-04/gone", "/blog/a/"));
    site.run(["adopt", "old"]).stderr_has("1 id kept").succeeds();
    let lock = site.read("tidings.lock");
    assert!(
        lock.contains("\"/blog/a/\" = { id = \"tag:example.org,2026:2026-11-04/gone\"")
            && !lock.contains("/blog/gone/"),
        "{lock}"
    );
    // The trial build went out under an id of ours, so that the change is asked about.
    site.run(["build", "--new-ids"]).succeeds();
    site.run(["check"]).succeeds();
    // One that a post has stays its own, be it from the lock or from its front matter.
    for id in ["tag:example.org,2026:2026-11-03/c", "tag:example.org,2026:bee"] {
        let site = two_posts().post("c.md", &post("C", 3, ""));
        site.run(["build"]).succeeds();
        let before = (bare(&site), site.read("tidings.lock"));
        site.write("old/feed.xml", feed(id, "/blog/a/"));
        let file = if id.ends_with("bee") { "b.md" } else { "c.md" };
        site.run(["adopt", "old"])
            .stderr_has(&format!(
                "warning: the post cannot keep the id `{id}`: `content/posts/{file}` has it\n --> content/posts/a.md\n"
            ))
            .stderr_has("0 ids kept")
            .succeeds();
        site.run(["build", "--locked"]).succeeds();
        assert_eq!((bare(&site), site.read("tidings.lock")), before);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Any chain of renames and edits, a build after each: no id ever changes.
    #[test]
    fn no_chain_of_renames_changes_an_id(steps in prop::collection::vec((0usize..3, 0u8..5), 1..6)) {
        let site = Site::new();
        let mut posts: Vec<(String, String, u32, String)> =
            (0..3).map(|i| (format!("p{i}.md"), format!("s{i}"), i + 1, "x".into())).collect();
        let write = |site: &Site, (file, slug, day, body): &(String, String, u32, String), i: usize| {
            let own = if i == 2 { "id: own\n" } else { "" };
            let text = post(&format!("T{i}"), *day, &format!("slug: {slug}\n{own}"));
            site.write(&format!("content/posts/{file}"), text + body);
        };
        for (i, post) in posts.iter().enumerate() {
            write(&site, post, i);
        }
        site.run(["build"]).succeeds();
        let before = bare(&site);
        for (n, (i, kind)) in steps.into_iter().enumerate() {
            let post = &mut posts[i];
            match kind {
                0 => post.1 = format!("slug-{n}"),
                1 => {
                    site.remove(&format!("content/posts/{}", post.0));
                    post.0 = format!("file-{n}.md");
                }
                2 => post.2 = 10 + n as u32,
                3 => post.3 += "More. ",
                _ => {
                    post.1 = format!("slug-{n}");
                    post.3 += "Another. ";
                }
            }
            write(&site, post, i);
            site.run(["build"]).succeeds();
            prop_assert_eq!(bare(&site), before.clone());
        }
    }
}
