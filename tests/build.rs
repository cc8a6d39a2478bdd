//! Builds, one after the other and beside each other: what is touched, what goes, what stays, and what is left of one that fails.

mod support;

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};
use support::{SETTINGS, Site};

fn post(title: &str, day: u32, more: &str) -> String {
    format!(
        "---\nid: {title}\ntitle: {title}\npub_date: '2026-11-{day:02}'\nsummary: Short.\n{more}---\nText of {title}.\n"
    )
}

/// Two posts of which each has a tag of its own.
fn tagged() -> Site {
    Site::new().post("a.md", &post("A", 1, "tags: [red]\n")).post("b.md", &post("B", 2, "tags: [blue]\n"))
}

/// Every file of the output folder with its bytes and the time it was written.
fn output(site: &Site) -> Vec<(String, Vec<u8>, SystemTime)> {
    let one = |f: String| {
        // A link, to a folder even, is what it is.
        if site.path(&format!("public/{f}")).is_dir() {
            return (f, vec![], SystemTime::UNIX_EPOCH);
        }
        let path = format!("public/{f}");
        (f, site.bytes(&path), site.modified(&path))
    };
    site.files("public").into_iter().map(one).collect()
}

/// Makes every file look an hour old, so that a later write is seen however coarse the clock is.
fn age(site: &Site) {
    for file in site.files("public") {
        let file = File::options().append(true).open(site.path(&format!("public/{file}"))).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    }
}

/// No file that a build lays beside another is left anywhere.
#[track_caller]
fn no_leftovers(site: &Site) {
    let left: Vec<_> = site.files("").into_iter().filter(|f| f.ends_with(".tidings-new")).collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_build_says_what_it_did_and_a_second_one_touches_nothing_and_is_silent() {
    let site = tagged();
    site.run(["build"]).stdout("").stderr("2 posts in 3 feeds: wrote 12 files, 0 unchanged").succeeds();
    assert_eq!(
        site.files("public"),
        [
            "atom.xml",
            "feed.json",
            "feeds/feeds.opml",
            "feeds/index.html",
            "feeds/style.css",
            "rss.xml",
            "tag/blue/atom.xml",
            "tag/blue/feed.json",
            "tag/blue/rss.xml",
            "tag/red/atom.xml",
            "tag/red/feed.json",
            "tag/red/rss.xml",
        ]
    );
    age(&site);
    let old = output(&site);
    let state: Vec<_> = site.files(".tidings").iter().map(|f| site.modified(&format!(".tidings/{f}"))).collect();
    let lock = site.modified("tidings.lock");
    site.run(["build"]).stdout("").stderr("").succeeds();
    site.run(["build", "--locked"]).stdout("").stderr("").succeeds();
    assert_eq!(output(&site), old);
    assert_eq!(site.modified("tidings.lock"), lock);
    // The cache may learn from each look that a file has settled.
    let ours = |f: &&String| *f != "build.lock" && !f.starts_with("cache/");
    let files = site.files(".tidings");
    for (file, was) in files.iter().zip(state).filter(|(f, _)| ours(f)) {
        assert_eq!(site.modified(&format!(".tidings/{file}")), was, "{file}");
    }
    // One post changes one feed of a tag, and the other stays as it is.
    let site = site.post("a.md", &(post("A", 1, "tags: [red]\n") + "More.\n"));
    site.run(["build", "-v"])
        .stderr(
            "
            wrote atom.xml
            wrote feed.json
            wrote rss.xml
            wrote tag/red/atom.xml
            wrote tag/red/feed.json
            wrote tag/red/rss.xml
            2 posts in 3 feeds: wrote 6 files, 6 unchanged
            ",
        )
        .succeeds();
    no_leftovers(&site);
}

#[test]
fn the_report_as_json_is_all_that_stands_on_standard_output() {
    let site = Site::new().settings(&format!("{SETTINGS}formats = [\"json\"]\n")).post("a.md", &post("A", 1, ""));
    let want = serde_json::json!({
        "written": ["feed.json", "feeds/feeds.opml", "feeds/index.html", "feeds/style.css"],
        "unchanged": [], "removed": [], "gone": [], "held_back": [], "kept": [], "left_out": [], "findings": [], "built": true,
    });
    assert_eq!(site.run(["--json", "build"]).succeeds().json(), want);
    let want = serde_json::json!({
        "written": [], "unchanged": ["feed.json", "feeds/feeds.opml", "feeds/index.html", "feeds/style.css"],
        "removed": [], "gone": [], "held_back": [], "kept": [], "left_out": [], "findings": [], "built": true,
    });
    assert_eq!(site.run(["build", "--json"]).stderr("").succeeds().json(), want);
    let site = site.post("b.md", "---\ntitle: B\ndate: 2026-13-02\nsummary: x\n---\n");
    let got = site.run(["build", "--json"]).fails(1).json();
    let want = serde_json::json!({
        "written": [], "unchanged": [], "removed": [], "gone": [], "held_back": [], "kept": [], "left_out": [], "built": false,
        "findings": [{
            "severity": "error", "message": "`date` is not a date: month 13 does not exist", "file": "content/posts/b.md",
            "line": 3, "column": 7, "width": 10, "hint": "write YYYY-MM-DD, or with a time 2026-03-02T09:00:00Z",
        }],
    });
    assert_eq!(got, want);
    let got = site.run(["build", "--json", "--keep-going"]).fails(1).json();
    assert_eq!((&got["left_out"], &got["built"]), (&serde_json::json!(["content/posts/b.md"]), &true.into()));
}

#[test]
fn quiet_says_only_errors() {
    let site = tagged();
    site.run(["build", "-q"]).stdout("").stderr("").succeeds();
    let site = site.post("c.md", "---\ntitle: C\npub_date: 2026-11-03\nauthor: nobody-here\n---\nx\n");
    site.run(["check", "-q"]).stdout("").stderr("").succeeds();
    let site = site.post("d.md", "no front matter");
    let run = site.run(["-q", "build"]).stderr_has("error: ").fails(1);
    assert!(!run.err().contains("warning") && !run.err().contains("nothing was written"), "{}", run.err());
    site.run(["build", "-q", "-v"]).fails(2);
}

#[test]
fn what_no_feed_owns_goes_and_what_others_put_there_stays() {
    let site = tagged().more_settings("[feed.reds]\ntitle = \"Reds\"\nfilter = \"tag=red\"\n");
    site.write("public/index.html", "a page");
    site.write("public/tag/blue/index.html", "another");
    site.run(["build"]).succeeds();
    assert!(site.has("public/feeds/reds/atom.xml"));
    // Somebody edits one of our files; then the settings name neither that feed nor two of the formats.
    let edited = site.read("public/feeds/reds/rss.xml").replace("Reds", "Mine");
    site.write("public/feeds/reds/rss.xml", &edited);
    let site = site.settings(&format!("{SETTINGS}formats = [\"json\"]\n"));
    site.run(["build"])
        .stderr(
            "
            gone Example: Reds (/feeds/reds/)
            left feeds/reds/rss.xml alone: no feed owns it, but it is not as tidings wrote it
            2 posts in 3 feeds: wrote 2 files, removed 8, 4 unchanged
            ",
        )
        .succeeds();
    assert_eq!(
        site.files("public"),
        [
            "feed.json",
            "feeds/feeds.opml",
            "feeds/index.html",
            "feeds/reds/rss.xml",
            "feeds/style.css",
            "index.html",
            "tag/blue/feed.json",
            "tag/blue/index.html",
            "tag/red/feed.json",
        ]
    );
    assert_eq!(site.read("public/feeds/reds/rss.xml"), edited);
    // From now on it is not ours.
    site.run(["build"]).stderr("").succeeds();
    assert!(site.has("public/feeds/reds/rss.xml"));
}

#[test]
fn what_a_post_took_with_it_is_removed_from_archives() {
    let site = Site::new().more_settings("items = 1\n");
    let site = site.post("a.md", &post("A", 1, "").replace("2026-11", "2024-11")).post("b.md", &post("B", 2, ""));
    site.run(["build"]).succeeds();
    assert!(site.has("public/archive/2024/atom.xml"));
    site.remove("content/posts/a.md");
    site.run(["build"]).succeeds();
    assert!(!site.has("public/archive"), "{:?}", site.files("public"));
    for file in site.files("public") {
        assert!(!site.read(&format!("public/{file}")).contains("Text of A"), "{file}");
    }
}

#[test]
fn a_feed_whose_posts_are_all_gone_stays_empty_with_its_last_time() {
    let site = tagged();
    site.run(["build"]).succeeds();
    site.remove("content/posts/b.md");
    site.run(["build"]).succeeds();
    let atom = site.read("public/tag/blue/atom.xml");
    assert!(!atom.contains("<entry>") && atom.contains("<updated>2026-11-02T00:00:00+00:00</updated>"), "{atom}");
    for file in ["atom.xml", "rss.xml", "feed.json"] {
        let feed = feed_rs::parser::parse(&site.bytes(&format!("public/tag/blue/{file}"))[..]).unwrap();
        assert_eq!((feed.entries.len(), feed.title.unwrap().content.as_str()), (0, "Example: blue"), "{file}");
    }
    assert!(site.read("public/feeds/feeds.opml").contains("tag/blue/"));
    site.run(["build"]).stderr("").succeeds();
    // Also without its post's tag, and when it comes back it is the same feed.
    let site = site.post("b.md", &post("B", 2, "tags: [Blue]\n"));
    site.run(["build"]).succeeds();
    assert!(site.read("public/tag/blue/atom.xml").contains("<entry>"));
    // Who takes an axis out of the settings wants its feeds to go.
    let site = site.more_settings("taxonomies = [\"category\"]\n");
    site.run(["build"])
        .stderr(
            "
            gone Example: Blue (/tag/blue/)
            gone Example: red (/tag/red/)
            2 posts in 1 feed: wrote 2 files, removed 6, 4 unchanged
            ",
        )
        .succeeds();
    assert!(!site.has("public/tag"));
}

#[test]
fn a_post_appears_when_its_time_comes_and_a_withdrawn_one_goes_after_thirty_days() {
    let site = tagged().post("c.md", &post("Soon", 25, "")).post("w.md", &post("W", 3, "withdrawn: 2026-11-20\n"));
    site.run(["build"]).succeeds();
    assert!(!site.read("public/atom.xml").contains("Soon"));
    assert!(site.read("public/atom.xml").contains("example.org,2026:W"));
    site.run(["build", "--now", "2026-11-24T23:59:59Z"]).stderr("").succeeds();
    site.run(["build", "--now", "2026-11-25T00:00:00Z"])
        .stderr("3 posts (1 held back) in 3 feeds: wrote 5 files, 7 unchanged")
        .succeeds();
    assert!(site.read("public/atom.xml").contains("Soon"));
    // The same moment, said by the environment, in another zone.
    site.run_with(["build"], |c| c.env("SOURCE_DATE_EPOCH", "1795564800").env("TZ", "Asia/Tokyo"))
        .stderr("")
        .succeeds();
    site.run(["build", "--now", "2026-12-21T00:00:00+02:00"]).succeeds();
    assert!(!site.read("public/atom.xml").contains("example.org,2026:W"));
    site.run(["build", "--now", "yesterday"])
        .stderr("error: `--now yesterday` is not a time\nhint: write it like 2026-11-23T09:00:00Z\n")
        .fails(2);
    site.run_with(["build"], |c| c.env("SOURCE_DATE_EPOCH", "soon"))
        .stderr("error: SOURCE_DATE_EPOCH is not a number of seconds: `soon`\nhint: set it to the seconds since 1970, or unset it\n")
        .fails(2);
}

#[test]
fn links_and_folders_in_the_way_stop_the_build_before_anything_is_written() {
    #[track_caller]
    fn case(put: impl FnOnce(&Site), want: &str) {
        let site = tagged();
        site.run(["build"]).succeeds();
        let site = site.post("a.md", &(post("A", 1, "tags: [red]\n") + "More.\n"));
        put(&site);
        let old = output(&site);
        site.run(["build"]).stderr_has(want).stderr_has("nothing was written: 1 error").fails(1);
        assert_eq!(output(&site), old);
        no_leftovers(&site);
    }
    case(
        |site| {
            site.rename("public/tag/red", "elsewhere");
            std::os::unix::fs::symlink(site.path("elsewhere"), site.path("public/tag/red")).unwrap();
        },
        "error: cannot write `public/tag/red/atom.xml`: a folder on the way is a link\n",
    );
    case(
        |site| {
            site.remove("public/tag/red/rss.xml");
            site.write("public/tag/red/rss.xml/keep.txt", "x");
        },
        "error: cannot write `public/tag/red/rss.xml`: there is a folder of that name\n",
    );
    case(
        |site| {
            site.remove("public/tag/red");
            site.write("public/tag/red", "a file");
        },
        "error: cannot write `public/tag/red/atom.xml`: ",
    );
    case(|site| site.write("templates/feeds.html", "{{ nothing.here }}"), "templates/feeds.html");
}

#[test]
fn nothing_is_removed_through_a_link() {
    let site = tagged();
    site.run(["build"]).succeeds();
    site.rename("public/tag/blue", "elsewhere");
    std::os::unix::fs::symlink(site.path("elsewhere"), site.path("public/tag/blue")).unwrap();
    let site = site.more_settings("taxonomies = [\"category\"]\n");
    site.run(["build"]).succeeds();
    assert_eq!(site.files("elsewhere"), ["atom.xml", "feed.json", "rss.xml"]);
}

#[test]
fn an_output_folder_that_is_itself_a_link_is_where_its_owner_wants_it() {
    let site = tagged().file("www/keep.txt", "x");
    std::os::unix::fs::symlink("www", site.path("public")).unwrap();
    site.run(["build"]).succeeds();
    assert!(site.has("www/atom.xml"));
    site.run(["build"]).stderr("").succeeds();
}

#[test]
fn a_post_that_is_faulty_stops_the_build_and_every_other_finding_is_shown_too() {
    let site = tagged();
    site.run(["build"]).succeeds();
    let old = output(&site);
    let site = site.post("c.md", "---\ntitle: [\n---\n").post("d.md", "text").post("a.md", &post("A2", 1, ""));
    let run = site.run(["build"]).stderr_has("content/posts/c.md").stderr_has("content/posts/d.md");
    run.stderr_has("nothing was written: 2 errors").fails(1);
    assert_eq!(output(&site), old);
}

#[test]
fn keep_going_leaves_out_faulty_posts_names_them_and_keeps_their_lines() {
    let own = |title: &str, day: u32| post(title, day, "").replace(&format!("id: {title}\n"), "");
    let site = Site::new().post("a.md", &own("A", 1)).post("b.md", &own("B", 2)).post("c.md", &post("C", 3, ""));
    site.run(["build"]).succeeds();
    let lock = site.read("tidings.lock");
    let site = site
        .post("a.md", &own("A", 1).replace("2026-11", "2026-13"))
        .post("c2.md", &post("Cc", 4, "").replace("id: Cc", "id: C"))
        .post("d.md", &post("D", 5, "slug: b\n"))
        .post("e.md", &own("E", 6));
    site.run(["build"]).stderr_has("nothing was written: 4 errors").fails(1);
    let run = site.run(["build", "--keep-going"]).stderr_has(
        "left out content/posts/a.md\nleft out content/posts/c.md\nleft out content/posts/c2.md\nleft out content/posts/d.md\n2 posts in 1 feed: wrote 5 files, 1 unchanged\n",
    );
    run.stderr_has("error: two posts have the address `/blog/b/`")
        .stderr_has("month 13")
        .stderr_has("error: two posts have the id")
        .fails(1);
    let atom = site.read("public/atom.xml");
    for (title, there) in [("A", false), ("B", true), ("C", false), ("Cc", false), ("D", false), ("E", true)] {
        assert_eq!(atom.contains(&format!("Text of {title}.")), there, "{title}");
    }
    let new = site.read("tidings.lock");
    assert!(lock.lines().all(|line| new.contains(line)) && new.contains("/blog/e/"), "{new}");
    // Mended, the post has its id again.
    let site = site.post("a.md", &own("A", 1));
    site.remove("content/posts/c2.md");
    site.remove("content/posts/d.md");
    site.run(["build", "--locked"]).succeeds();
    assert!(
        site.read("public/atom.xml").contains("<id>tag:example.org,2026:2026-11-01/a</id>"),
        "{}",
        site.read("public/atom.xml")
    );
}

#[test]
fn posts_of_the_root_folder_can_be_left_out_too() {
    for (dir, posts) in [(".", "posts"), ("posts", ".")] {
        let site = Site::new().more_settings(&format!("[content]\ndir = \"{dir}\"\nposts = [\"{posts}\"]\n"));
        let site = site.file("posts/a.md", post("A", 1, "")).file("posts/b.md", "text");
        let run = site.run(["build", "--keep-going"]);
        run.stderr_has("left out posts/b.md\n1 post in 1 feed").fails(1);
    }
}

#[test]
fn a_template_of_the_site_lies_over_the_one_built_in() {
    let site = tagged()
        .file("templates/feeds.html", "<p>{{ site.title }} & {{ total }}</p>\n")
        .file("templates/style.css", "* {}\n");
    site.run(["build"]).succeeds();
    assert_eq!(site.read("public/feeds/index.html"), "<p>Example & 3</p>\n");
    assert_eq!(site.read("public/feeds/style.css"), "* {}\n");
    site.write("templates/feeds.html", "{% if %}");
    let old = output(&site);
    let run = site.run(["build"]).stderr_has("--> templates/feeds.html:1:").fails(1);
    assert!(run.err().starts_with("error: "), "{}", run.err());
    assert_eq!(output(&site), old);
}

#[test]
fn what_a_server_should_know_is_written_beside() {
    let site = tagged();
    site.run(["build"]).succeeds();
    assert_eq!(site.files(".tidings/hosting"), ["_headers", "links.html", "nginx.conf"]);
    assert!(site.read(".tidings/hosting/links.html").contains("https://example.org/atom.xml"));
    let page = site.read("public/feeds/index.html");
    assert!(page.contains("tag/blue/atom.xml") && page.contains("tag/red/rss.xml"), "{page}");
    let opml = site.read("public/feeds/feeds.opml");
    assert!(opml.contains("https://example.org/tag/blue/"), "{opml}");
}

#[test]
fn leftovers_of_a_killed_build_are_swept_and_names_like_ours_are_not() {
    let site = tagged();
    site.run(["build"]).succeeds();
    site.write(
        ".tidings/written.json",
        site.read(".tidings/written.json").replace("\"building\": false", "\"building\": true"),
    );
    site.write("public/.atom.xml.tidings-new", "half");
    site.write("public/tag/gone/.rss.xml.tidings-new", "half");
    site.write("public/.htaccess", "theirs");
    site.run(["build"]).succeeds();
    no_leftovers(&site);
    assert_eq!(site.read("public/.htaccess"), "theirs");
}

#[test]
fn of_two_builds_the_second_waits_and_then_goes_on() {
    let site = tagged();
    site.write(".tidings/build.lock", "");
    let held = File::options().write(true).open(site.path(".tidings/build.lock")).unwrap();
    held.lock().unwrap();
    let mut child = site.command().arg("build").stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "another build is at work; waiting for it");
    assert!(!site.has("public"));
    // What is written while it waits is in what it builds.
    site.write("content/posts/c.md", post("C", 3, ""));
    held.unlock().unwrap();
    assert_eq!(said.next().unwrap().unwrap(), "3 posts in 3 feeds: wrote 12 files, 0 unchanged");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_build_that_is_killed_at_any_moment_leaves_every_file_old_or_new() {
    let version = |n: u32| {
        let mut site = Site::new().more_settings("archives = \"all\"\n");
        for i in 0..200u32 {
            let tags = format!("tags: [t{}, u{}]\nslug: s{i}\n", i % 20, i % 7);
            let text = post(&format!("P{i}"), 1 + i % 20, &tags) + &format!("Version {n}. ").repeat(60);
            site = site.post(&format!("p{i}.md"), &text);
        }
        site.run(["build"]).succeeds();
        site
    };
    let (site, other) = (version(1), version(2));
    let files =
        |site: &Site| output(site).into_iter().map(|(f, b, _)| (f, b)).collect::<std::collections::BTreeMap<_, _>>();
    let versions = [files(&site), files(&other)];
    assert!(versions[0].len() > 90 && versions[0].keys().eq(versions[1].keys()));
    let swap = |a: &Site, b: &Site| {
        let spare = a.path("spare");
        fs::rename(a.path("content"), &spare).unwrap();
        fs::rename(b.path("content"), a.path("content")).unwrap();
        fs::rename(&spare, b.path("content")).unwrap();
    };
    let started = Instant::now();
    swap(&site, &other);
    site.run(["build"]).succeeds();
    let mut whole = started.elapsed();
    assert_eq!(files(&site), versions[1]);
    let (mut seed, mut killed) = (20261123u64, 0);
    for round in 0..20u32 {
        swap(&site, &other);
        let (new, old) = (&versions[round as usize % 2], &versions[(round as usize + 1) % 2]);
        let mut child = site.command().args(["build", "-q"]).spawn().unwrap();
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        std::thread::sleep(whole.mul_f64((seed >> 40) as f64 / (1u64 << 24) as f64));
        child.kill().unwrap();
        match child.wait().unwrap().success() {
            // The machine was slower when the whole was timed: come sooner next time.
            true => whole = whole.mul_f64(0.7),
            false => killed += 1,
        }
        let found = files(&site);
        for (file, bytes) in &found {
            let is_leftover = file.ends_with(".tidings-new");
            assert!(
                is_leftover || new.get(file) == Some(bytes) || old.get(file) == Some(bytes),
                "round {round}: {file}"
            );
        }
        assert!(old.keys().all(|file| found.contains_key(file)), "round {round}: a file is missing");
        site.run(["build"]).succeeds();
        assert_eq!(&files(&site), new, "round {round}");
        no_leftovers(&site);
    }
    assert!(killed > 5, "only {killed} builds were killed before their end");
}

#[test]
fn what_fails_after_the_feeds_are_written_does_not_hide_them() {
    let site = tagged().file(".tidings/hosting", "a file");
    let run = site.run(["build", "--json"]);
    run.stderr(
        "
        error: cannot write `.tidings/hosting/`: file exists
        hint: the feeds themselves are written
        2 posts in 3 feeds: wrote 12 files, 0 unchanged
        ",
    );
    let run = site.run(["build", "--json"]).fails(1).json();
    let (unchanged, findings) = (run["unchanged"].as_array().unwrap(), run["findings"].as_array().unwrap());
    assert_eq!((&run["built"], unchanged.len(), findings.len()), (&true.into(), 12, 1));
}

#[test]
fn nothing_is_written_through_a_link_at_a_temporary_name() {
    let site = tagged().file("elsewhere", "theirs").file("public/keep.txt", "x").file(".tidings/keep.txt", "x");
    for place in ["public/.atom.xml.tidings-new", ".tidings/.written.json.tidings-new", ".tidings.lock.tidings-new"] {
        std::os::unix::fs::symlink(site.path("elsewhere"), site.path(place)).unwrap();
    }
    std::os::unix::fs::symlink(site.path("elsewhere"), site.path(".tidings/build.lock")).unwrap();
    site.run(["build"]).succeeds();
    assert_eq!(site.read("elsewhere"), "theirs");
    for file in ["public/atom.xml", ".tidings/written.json", "tidings.lock"] {
        assert!(!site.path(file).is_symlink(), "{file}");
    }
    no_leftovers(&site);
}

#[test]
fn a_post_that_no_file_has_any_more_is_named() {
    let own = |title: &str, day: u32| post(title, day, "").replace(&format!("id: {title}\n"), "");
    let mut site = Site::new().post("kept.md", &post("Kept", 9, ""));
    for (i, title) in ["Gone", "Moved", "Renamed", "Draft", "Later", "Taken", "Faulty"].into_iter().enumerate() {
        site = site.post(&format!("{}.md", title.to_lowercase()), &post(title, 1 + i as u32, ""));
    }
    let site = site.post("own.md", &own("Own", 8));
    assert!(!site.run(["build"]).succeeds().err().contains("gone"));
    site.remove("content/posts/gone.md");
    site.remove("content/posts/own.md");
    site.rename("content/posts/moved.md", "content/posts/new-place.md");
    let site = site
        .post("renamed.md", &post("Renamed", 3, "slug: other\n"))
        .post("draft.md", &post("Draft", 4, "draft: true\n"))
        .post("later.md", &post("Later", 28, ""))
        .post("taken.md", &post("Taken", 6, "withdrawn: 2026-11-20\n"))
        .post("faulty.md", &post("Faulty", 33, ""));
    // A build that writes nothing has lost nothing.
    assert!(!site.run(["build"]).fails(1).err().contains("gone"));
    let run =
        site.run(["build", "--keep-going"]).stderr_has("gone Gone (/blog/gone/)\ngone Own (/blog/own/)\nleft out ");
    assert_eq!(run.err().matches("gone ").count(), 2, "{}", run.err());
    run.fails(1);
    assert!(!site.run(["build", "--keep-going"]).fails(1).err().contains("gone"));
    // What was left out is remembered until it is there again, or is not.
    site.remove("content/posts/faulty.md");
    site.remove("content/posts/taken.md");
    let gone = serde_json::json!([
        { "address": "/blog/faulty/", "title": "Faulty" }, { "address": "/blog/taken/", "title": "Taken" },
    ]);
    assert_eq!(site.run(["build", "--json"]).succeeds().json()["gone"], gone);
}

#[test]
fn another_output_folder_leaves_the_old_one_as_it_is_and_says_so() {
    let site = tagged();
    site.run(["build"]).succeeds();
    site.remove("content/posts/b.md");
    site.run(["build"]).succeeds();
    let old = output(&site);
    site.write("www/tag/red/atom.xml", site.read("public/tag/red/atom.xml"));
    let site = site.more_settings("taxonomies = [\"tag\"]\n[content]\noutput = \"www\"\n");
    site.run(["build"])
        .stderr(
            "
            the feeds now go to `www`; the folder `public` is left as it is
            1 post in 3 feeds: wrote 11 files, 1 unchanged
            ",
        )
        .succeeds();
    assert_eq!(output(&site), old);
    assert!(site.has("www/tag/blue/atom.xml"), "a feed that ran empty is still asked for");
    site.run(["build"]).stderr("").succeeds();
    site.write("tidings.toml", site.read("tidings.toml").replace("\"www\"", "\"www/\""));
    site.run(["build"]).stderr("").succeeds();
}

#[test]
fn a_list_of_written_files_that_cannot_be_read_removes_nothing_and_is_said() {
    for broken in ["", "{", "[]", "{\"files\": 1}"] {
        let site = tagged();
        site.run(["build"]).succeeds();
        site.write(".tidings/written.json", broken);
        site.write("public/.atom.xml.tidings-new", "half");
        let site = site.settings(&format!("{SETTINGS}formats = [\"json\"]\n"));
        site.run(["build"])
            .stderr_has("`.tidings/written.json` cannot be read, so no old file is removed this time\n2 posts")
            .succeeds();
        assert!(site.has("public/atom.xml"));
        no_leftovers(&site);
        site.run(["build"]).stderr("").succeeds();
    }
}

#[test]
fn a_feed_that_runs_empty_does_not_go_back_in_time() {
    const TIME: &str = "<updated>2026-11-02T00:00:00+00:00</updated>";
    let site = tagged().more_settings("age = \"30d\"\n[feed.blues]\ntitle = \"Blues\"\nfilter = \"tag=blue\"\n");
    site.run(["build"]).succeeds();
    let empty = |site: &Site, file: &str| {
        let atom = site.read(file);
        assert!(!atom.contains("<entry>") && atom.contains(TIME), "{file}: {atom}");
    };
    // All posts are too old, also for somebody who has never built before.
    for forget in [false, true] {
        if forget {
            site.remove(".tidings");
        }
        site.run(["build", "--now", "2026-12-23T12:00:00Z"]).succeeds();
        for file in ["public/atom.xml", "public/feeds/blues/atom.xml", "public/tag/blue/atom.xml"] {
            empty(&site, file);
        }
    }
    // No post belongs to it any more.
    let site = site.post("b.md", &post("B", 2, "tags: [green]\n"));
    for _ in 0..2 {
        site.run(["build"]).succeeds();
        empty(&site, "public/feeds/blues/atom.xml");
        empty(&site, "public/tag/blue/atom.xml");
    }
    // Only feeds of terms are kept alive by being remembered.
    site.write("tidings.toml", site.read("tidings.toml").replace("blues", "greens"));
    site.run(["build"]).succeeds();
    assert!(!site.has("public/feeds/blues"));
}

#[test]
fn a_post_that_is_larger_than_an_archive_may_be_is_carried_there_by_its_summary() {
    let site = Site::new().more_settings("items = 1\nbytes = 20000\n");
    let site = site
        .post("a.md", &(post("A", 1, "") + &"word ".repeat(8000)).replace("2026-11", "2024-11"))
        .post("b.md", &post("B", 2, "").replace("2026-11", "2024-11"))
        .post("c.md", &post("C", 3, ""));
    let run = site.run(["build", "-v"]).stderr_has(
        "warning: post is too large for a feed of at most 20000 bytes and is carried by its summary\n --> content/posts/a.md",
    );
    assert_eq!(run.err().matches("too large").count(), 1, "{}", run.err());
    run.succeeds();
    for file in site.files("public/archive") {
        assert!(site.bytes(&format!("public/archive/{file}")).len() <= 20000, "{file}");
    }
    let atom = site.read("public/archive/2024/atom.xml");
    assert!(atom.contains("Text of B") && atom.contains("2026:A</id>") && !atom.contains("Text of A"), "{atom}");
}
