//! The cache of a build: what comes out is, byte for byte, what comes out without one; and whatever lies there harms nothing.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use support::Site;

const SETTINGS: &str = "archives = \"all\"\nitems = 2\nage = \"4000d\"\n\n[feed.red]\nfilter = \"tag=red\"\n";

fn post(n: u32, more: &str) -> String {
    format!(
        "---\ntitle: Post {n}\npub_date: 2026-11-0{n}\nsummary: Short.\nauthor: ana\nextra: {{ a: [1, 0.1, x] }}\n{more}---\nText {n}.\n"
    )
}

fn site() -> Site {
    (1..=6)
        .fold(Site::new(), |site, n| {
            site.post(&format!("{n}.md"), &post(n, if n % 2 == 0 { "tags: [red]\n" } else { "" }))
        })
        .file("content/people/ana.md", "---\nid: ana\nslug: ana\ntitle: Ana\n---\n")
        .file("content/taxonomies/tags/red.yaml", "slug: red\ntitle: Red\n")
        .file("static/a.png", "png")
        .more_settings(SETTINGS)
}

/// Everything that a build leaves, but the cache.
fn left(site: &Site) -> BTreeMap<String, String> {
    let mut left: BTreeMap<String, String> = site
        .files(".tidings")
        .into_iter()
        .filter(|file| !file.starts_with("cache") && file != "build.lock")
        .map(|file| (format!(".tidings/{file}"), site.read(&format!(".tidings/{file}"))))
        .collect();
    left.extend(
        site.files("public").into_iter().map(|file| (format!("public/{file}"), site.read(&format!("public/{file}")))),
    );
    left.insert("tidings.lock".into(), site.read("tidings.lock"));
    left
}

fn cache(site: &Site) -> std::path::PathBuf {
    site.path(".tidings/cache")
}

/// What a build says and leaves.
fn built(site: &Site, now: &str) -> (String, BTreeMap<String, String>) {
    let run = site.run(["--now", now, "--json", "build", "--keep-going"]);
    (run.out() + &run.err(), left(site))
}

const NOW: &str = "2026-11-20T00:00:00Z";

/// Every change of a site, one after the other: two sites go the same way, one of them without a cache.
#[test]
fn whatever_changes_the_cache_changes_no_byte_and_no_word() {
    let (with, without) = (site(), site());
    let same = |what: &str, now: &str| {
        for round in 0..3 {
            drop(fs::remove_dir_all(cache(&without)));
            assert_eq!(built(&with, now), built(&without, now), "{what}, {round}");
        }
        assert!(cache(&with).join("last").is_file(), "{what}");
    };
    same("at first", NOW);
    // Long enough for stamps to tell.
    std::thread::sleep(std::time::Duration::from_millis(3_100));
    same("settled", NOW);
    let both = |file: &str, text: &str| {
        for site in [&with, &without] {
            site.write(file, text);
        }
    };
    both("content/posts/3.md", &(post(3, "tags: [blue]\n") + "More.\n"));
    same("another tag", NOW);
    both("content/posts/3.md", &(post(3, "tags: [blue]\n") + "Mote.\n"));
    same("as long as before", NOW);
    both("content/posts/5.md", &post(5, "").replace("Text 5.", "    Text 5."));
    same("white space at the start of a text", NOW);
    both("content/posts/5.md", &post(5, ""));
    same("and without it", NOW);
    both("content/posts/7.md", &post(7, "share_image: /a.png\n"));
    same("a new post", NOW);
    both("static/a.png", "a larger picture");
    same("the size of a picture", NOW);
    both("content/people/ana.md", "---\nid: ana\nslug: ana\ntitle: Ana Sousa\n---\n");
    same("the name of an author", NOW);
    std::thread::sleep(std::time::Duration::from_millis(3_100));
    same("settled again", NOW);
    both("content/posts/5.md", &(post(5, "") + "More.\n"));
    same("one of them", NOW);
    both("content/taxonomies/tags/red.yaml", "slug: red\ntitle: Crimson\n");
    same("the title of a term", NOW);
    both("templates/feeds/index.html", "<p>{{ site_title }}</p>");
    same("a template", NOW);
    both("content/posts/8.md", "---\ntitle: Post 8\npub_date: 2026-11-25\nsummary: Short.\n---\nText.\n");
    same("a post of the future", NOW);
    same("whose time comes", "2026-11-25T00:00:00Z");
    both("content/posts/1.md", &post(1, "withdrawn: 2026-11-24\n"));
    same("a post taken back", "2026-11-25T00:00:01Z");
    same("whose stub goes", "2026-12-25T00:00:01Z");
    same("a clock that goes back", NOW);
    for site in [&with, &without] {
        site.remove("content/posts/2.md");
    }
    same("a post that goes", NOW);
    let lock = with.read("tidings.lock").replace("2026-11-04", "2026-11-14");
    both("tidings.lock", &lock);
    same("the lock", NOW);
    for site in [&with, &without] {
        site.remove("public/tag/red/rss.xml");
    }
    same("a feed that somebody removed", NOW);
    both("public/atom.xml", "somebody else's");
    same("a feed that somebody changed", NOW);
    both(".tidings/written.json", "{}");
    same("a list that was lost", NOW);
    both("content/posts/4.md", "---\ntitle: Post 4\ntitle: again\n---\n");
    for _ in 0..2 {
        drop(fs::remove_dir_all(cache(&without)));
        assert_eq!(built(&with, NOW), built(&without, NOW), "a post with an error");
    }
    both("content/posts/4.md", &post(4, "tags: [red]\n"));
    same("and mended", NOW);
    both("tidings.toml", &with.read("tidings.toml").replace("items = 2", "items = 3"));
    same("a setting", NOW);
}

/// While the lock has no lines, the texts of posts with ids of their own are not hashed; once it has, they are, also of posts
/// that lie in the cache without it.
#[test]
fn a_lock_that_gets_its_first_line_changes_no_byte_and_no_word() {
    let named = |n: u32| post(n, &format!("id: post-{n}\n"));
    let site = || (1..=3).fold(Site::new(), |site, n| site.post(&format!("{n}.md"), &named(n))).more_settings(SETTINGS);
    let (with, without) = (site(), site());
    let same = |what: &str| {
        for round in 0..2 {
            drop(fs::remove_dir_all(cache(&without)));
            assert_eq!(built(&with, NOW), built(&without, NOW), "{what}, {round}");
        }
    };
    let both = |file: &str, text: &str| {
        for site in [&with, &without] {
            site.write(file, text);
        }
    };
    same("posts with ids");
    assert!(!with.read("tidings.lock").contains("body"));
    both("content/posts/4.md", &post(4, ""));
    same("a post without one");
    assert!(with.read("tidings.lock").contains("body"));
    both(
        "tidings.lock",
        &(with.read("tidings.lock") + "\"/old/\" = { id = \"tag:old\", file = \"content/posts/2.md\" }\n"),
    );
    same("a line for a post with one");
    both("content/posts/5.md", &post(5, ""));
    same("another post without one");
    for site in [&with, &without] {
        site.remove("content/posts/1.md");
    }
    both("content/posts/moved.md", &named(1).replace("id: post-1", "id: other"));
    same("a post that got another id");
}

/// Whatever is behind a link is looked at, too: the lock, snippets, a post.
#[test]
fn what_links_lead_to_is_looked_at() {
    let (with, without) = (site(), site());
    for site in [&with, &without] {
        site.run(["--now", NOW, "build", "-q"]).succeeds();
        for (from, to) in [("tidings.lock", "kept/lock"), (".tidings/hosting/nginx.conf", "kept/nginx")] {
            site.rename(from, to);
            std::os::unix::fs::symlink(site.path(to), site.path(from)).unwrap();
        }
    }
    let same = |what: &str| {
        for _ in 0..2 {
            drop(fs::remove_dir_all(cache(&without)));
            assert_eq!(built(&with, NOW), built(&without, NOW), "{what}");
        }
    };
    same("links");
    std::thread::sleep(std::time::Duration::from_millis(3_100));
    same("settled");
    for site in [&with, &without] {
        site.write("kept/nginx", "broken");
    }
    same("a snippet");
    let lock = with.read("kept/lock").replace("2026-11-04/4", "2026-11-04/other");
    for site in [&with, &without] {
        site.write("kept/lock", &lock);
    }
    same("the lock");
}

/// With `--locked` and `--new-ids`, and after a build that failed, a build does what it does without a cache.
#[test]
fn switches_and_failures_are_not_forgotten() {
    let (with, without) = (site(), site());
    let same = |args: &[&str]| {
        drop(fs::remove_dir_all(cache(&without)));
        let run = |site: &Site| {
            let run = site.run(["--now", NOW].iter().chain(args));
            (run.out(), run.err(), left(site))
        };
        assert_eq!(run(&with), run(&without), "{args:?}");
    };
    let both = |file: &str, text: &str| [&with, &without].map(|site| site.write(file, text));
    same(&["build"]);
    both("content/posts/3.md", &(post(3, "") + "More.\n"));
    same(&["build", "--locked"]);
    same(&["build"]);
    both("content/posts/9.md", "---\ntitle: Post 9\n---\n");
    same(&["build"]);
    same(&["build", "--keep-going"]);
    same(&["build"]);
    both("content/posts/9.md", &post(9, "id: nine\n"));
    same(&["build", "--locked"]);
    both("content/posts/9.md", &post(9, "id: ten\n"));
    same(&["build"]);
    same(&["build", "--new-ids"]);
    same(&["build"]);
}

#[test]
fn one_thread_and_many_leave_the_same_bytes() {
    let (one, many) = (site(), site());
    one.run_with(["--now", NOW, "build", "-q"], |command| command.env("RAYON_NUM_THREADS", "1")).succeeds();
    many.run_with(["--now", NOW, "build", "-q"], |command| command.env("RAYON_NUM_THREADS", "7")).succeeds();
    assert_eq!(left(&one), left(&many));
}

#[test]
fn a_cache_that_is_damaged_cut_short_of_another_version_or_of_somebody_else_is_not_used_and_not_spoken_of() {
    let site = site();
    let want = built(&site, NOW).1;
    let again = built(&site, NOW);
    let names: Vec<String> = site.files(".tidings/cache");
    assert!(names.len() >= 2, "{names:?}");
    for name in &names {
        let path = cache(&site).join(name);
        let whole = fs::read(&path).unwrap();
        let damaged = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x20;
            bytes
        };
        let mut cases: Vec<Vec<u8>> = (0..whole.len()).step_by(7).map(damaged).collect();
        cases.extend((0..whole.len()).step_by(97).map(|end| whole[..end].to_vec()));
        cases.extend([vec![], b"no cache at all".to_vec(), [&whole[..], b"x"].concat()]);
        // A build takes a hundredth of a second; every case of a large file would be too many.
        let step = (cases.len() / 40).max(1);
        for case in cases.into_iter().step_by(step) {
            fs::write(&path, &case).unwrap();
            let (said, left) = built(&site, NOW);
            assert_eq!(said, again.0, "{name}");
            assert_eq!(left, want, "{name}");
        }
    }
    // A pipe would be waited for.
    fs::remove_file(cache(&site).join("last")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(cache(&site).join("last")).status().unwrap().success());
    assert_eq!(built(&site, NOW), again);
    // A folder in the place of a file, and a file in the place of the folder.
    fs::remove_file(cache(&site).join("last")).unwrap();
    fs::create_dir_all(cache(&site).join("last/x")).unwrap();
    assert_eq!(built(&site, NOW), again);
    fs::remove_dir_all(cache(&site)).unwrap();
    fs::write(cache(&site), "a file").unwrap();
    assert_eq!(built(&site, NOW), again);
}

#[test]
fn the_cache_of_another_site_is_not_used() {
    let (here, there) = (site(), site());
    let there = there.settings(&here.read("tidings.toml").replace("items = 2", "items = 1"));
    built(&there, NOW);
    let want = built(&here, NOW).1;
    fs::remove_dir_all(cache(&here)).unwrap();
    copy(&cache(&there), &cache(&here));
    assert_eq!(built(&here, NOW).1, want);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
