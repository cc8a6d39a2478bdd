//! Starting a site, and moving one here from another tool.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use support::Site;

#[test]
fn a_new_site_builds_and_has_nothing_to_complain_of() {
    let site = Site::empty();
    site.run(["init", "blog"]).stdout("").stderr("made a site in `blog`; next: tidings build --root blog").succeeds();
    assert_eq!(
        site.files("blog"),
        [
            ".gitignore",
            ".tidings/.gitignore",
            ".tidings/key",
            "content/people/ana-sousa.md",
            "content/posts/2026-11-23.first-post.md",
            "content/taxonomies/categories/news.yaml",
            "tidings.toml",
        ]
    );
    let mode = std::fs::metadata(site.path("blog/.tidings/key")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
    site.run(["check", "--strict", "--root", "blog"]).stdout("").stderr("").succeeds();
    site.run(["build", "--root", "blog"]).stderr("1 post in 4 feeds: wrote 15 files, 0 unchanged").succeeds();
    site.run(["build", "--root", "blog", "--locked"]).stderr("").succeeds();
    let atom = site.read("blog/public/atom.xml");
    assert!(atom.contains("<title>My site</title>") && atom.contains("<id>tag:example.org,2026:"), "{atom}");
    // In the present folder, too; and what is there already stays.
    let site = Site::empty().file(".gitignore", "mine\n").file("README.md", "x");
    site.write(".tidings/key", "theirs\n");
    site.run(["init"]).stderr("made a site in `.`; next: tidings build").succeeds();
    assert_eq!((site.read(".gitignore"), site.read(".tidings/key")), ("mine\n".to_owned(), "theirs\n".to_owned()));
    site.run(["check", "--strict"]).stderr("").succeeds();
}

#[test]
fn a_new_site_gets_its_title_and_address() {
    for title in ["Ana's \"Notes\" & <b>", "a\\b\n[feeds]\nitems = 0", "'''", "\"\"\"", "שלום 🎉", "TITLE ADDRESS DATE"]
    {
        let site = Site::empty();
        site.run(["init", "--title", title, "--url", "https://www.example.com/news/"]).succeeds();
        site.run(["check", "--strict"]).stderr("").succeeds();
        site.run(["build"]).succeeds();
        let feed: serde_json::Value = serde_json::from_str(&site.read("public/feed.json")).unwrap();
        assert_eq!(feed["title"].as_str().unwrap(), title.split('\n').collect::<Vec<_>>().join(" "));
        assert_eq!(feed["items"][0]["url"], "https://www.example.com/news/blog/first-post/");
        assert!(feed["items"][0]["id"].as_str().unwrap().starts_with("tag:www.example.com,2026:"));
    }
    let site = Site::empty();
    for url in ["example.org", "ftp://example.org/", ""] {
        let run = site.run(["init", "--url", url]).fails(1);
        assert!(run.err().starts_with("error: this would not make a site: "), "{}", run.err());
        run.stderr_has("hint: give `--title` a text and `--url` a whole address, such as https://example.org/\n");
    }
    assert_eq!(site.files(""), [""; 0]);
}

#[test]
fn a_folder_that_has_a_site_is_left_as_it_is() {
    let site = Site::new();
    let before = site.read("tidings.toml");
    site.run(["init"])
        .stderr("error: `./tidings.toml` is there already\nhint: nothing was written; give the name of a new folder\n")
        .fails(1);
    assert_eq!((site.files(""), site.read("tidings.toml")), (vec!["tidings.toml".to_owned()], before));
    // A file where the folder should be.
    let site = Site::empty().file("blog", "x");
    let run = site.run(["init", "blog"]).fails(1);
    assert!(run.err().starts_with("error: "), "{}", run.err());
    assert_eq!(site.files(""), ["blog"]);
}

#[test]
fn every_shell_has_a_completion_and_there_is_a_manual() {
    let site = Site::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = site.run(["completions", shell]).stderr("").succeeds();
        assert!(run.out().contains("keep-going") && run.out().contains("adopt"), "{shell}: {}", run.out());
    }
    site.run(["completions", "cmd"]).stdout("").fails(2);
    let manual = site.run(["man"]).stderr("").succeeds().out();
    for part in [".TH tidings 1", ".SH SYNOPSIS", ".SS \"build\"", ".SH \"EXIT STATUS\"\nExit codes"] {
        assert!(manual.contains(part), "{part}:\n{manual}");
    }
    for option in ["\\-\\-locked", "\\-\\-watch", "\\-\\-strict", "\\-\\-title", "\\-\\-root"] {
        assert!(manual.contains(option), "{option}:\n{manual}");
    }
}

/// A post that the other tools had published, too.
fn post(title: &str, slug: &str, date: &str) -> String {
    format!("---\ntitle: '{title}'\nslug: {slug}\ndate: {date}\nsummary: Short.\n---\nText of {title}.\n")
}

/// Three posts; in the old tool they were at `/blog/…/`, and the last has moved since.
fn site() -> Site {
    Site::new()
        .post("one.md", &post("One & only", "one", "2026-11-01T09:00:00Z"))
        .post("two.md", &post("Two", "two", "2026-11-02T09:00:00Z"))
        .post("three.md", &post("Three", "drei", "2026-11-03T09:00:00Z"))
}

/// A tool, the files of its output, and the ids in its feed.
type Tool = (&'static str, Vec<(&'static str, String)>, [&'static str; 3]);

/// The feeds of other tools, and the ids that they gave to the three posts.
fn tools() -> Vec<Tool> {
    let rss = |items: &[(&str, &str, &str, &str, &str)]| {
        let items: String = items
            .iter()
            .map(|(title, link, guid, perma, date)| {
                format!("<item><title>{title}</title><link>{link}</link><guid{perma}>{guid}</guid><pubDate>{date}</pubDate><description>x</description></item>")
            })
            .collect();
        format!(
            "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Old</title><link>https://example.org/</link><description>d</description>{items}</channel></rss>"
        )
    };
    let links = ["https://example.org/blog/one/", "https://example.org/blog/two/", "https://example.org/blog/three/"];
    let dates = ["Sun, 01 Nov 2026 09:00:00 +0000", "Mon, 02 Nov 2026 09:00:00 GMT", "Tue, 03 Nov 2026 09:00:00 +0000"];
    let titles = ["One &amp; only", "Two", "Three"];
    let items =
        |guids: [&'static str; 3], perma| rss(&[0, 1, 2].map(|i| (titles[i], links[i], guids[i], perma, dates[i])));
    let ghost = ["655f1c0a8a1e4b0001a2b3c1", "655f1c0a8a1e4b0001a2b3c2", "655f1c0a8a1e4b0001a2b3c3"];
    let wordpress = ["https://example.org/?p=11", "https://example.org/?p=12", "https://example.org/?p=13"];
    let atom_ids = ["https://example.org/blog/one", "https://example.org/blog/two", "https://example.org/blog/three"];
    let atom: String = (0..3)
        .map(|i| {
            format!(
                "<entry><title type=\"html\">{}</title><link href=\"{}\"/><id>{}</id><published>2026-11-0{}T09:00:00+00:00</published>\
                 <updated>2026-11-0{}T09:00:00+00:00</updated><content type=\"html\">x</content></entry>",
                titles[i], links[i], atom_ids[i], i + 1, i + 1
            )
        })
        .collect();
    let atom = format!(
        "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>Old</title><id>https://example.org/feed.xml</id><updated>2026-11-03T09:00:00+00:00</updated>{atom}</feed>"
    );
    let page = "<html><head><link rel=\"alternate\" type=\"application/rss+xml\" href=\"/FEED\"></head></html>";
    vec![
        (
            "Hugo",
            vec![
                ("index.xml", items(links, "")),
                ("sitemap.xml", "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\"/>".into()),
                ("index.html", page.replace("FEED", "index.xml")),
            ],
            links,
        ),
        (
            "Jekyll",
            vec![
                ("feed.xml", atom),
                ("index.html", page.replace("application/rss+xml", "application/atom+xml").replace("FEED", "feed.xml")),
            ],
            atom_ids,
        ),
        (
            "WordPress",
            vec![
                ("feed/index.xml", items(wordpress, " isPermaLink=\"false\"")),
                ("index.html", page.replace("FEED", "feed/index.xml")),
            ],
            wordpress,
        ),
        (
            "Ghost",
            vec![
                ("rss/index.xml", items(ghost, " isPermaLink=\"false\"")),
                ("index.html", page.replace("FEED", "rss/index.xml")),
            ],
            ghost,
        ),
    ]
}

/// Serves these files on this machine, and returns the address.
fn serve(files: Vec<(&'static str, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = String::new();
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") && lines.read_line(&mut head).unwrap_or(0) > 0 {}
            let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
            let path = if path.is_empty() { "index.html" } else { path };
            let answer = match files.iter().find(|(name, _)| *name == path) {
                Some((_, body)) => {
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
                }
                None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into(),
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[track_caller]
fn adopted(site: &Site, source: &str, ids: [&str; 3], what: &str) {
    let run = site.run(["adopt", source]).succeeds();
    assert!(
        run.err()
            .ends_with("3 ids kept: 2 by permalink, 0 by slug and date, 1 by title and date; 0 entries have no post\n"),
        "{what}: {}",
        run.err()
    );
    site.run(["check"]).stderr("").succeeds();
    site.run(["build"]).succeeds();
    let feed: serde_json::Value = serde_json::from_str(&site.read("public/feed.json")).unwrap();
    let got: Vec<&str> =
        feed["items"].as_array().unwrap().iter().rev().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(got, ids, "{what}");
    let diff = site.run(["diff", source]).succeeds();
    assert!(
        diff.out().contains("0 new,") && diff.out().contains(" 0 would re-surface, 0 gone"),
        "{what}: {}",
        diff.out()
    );
    // Again, nothing is left to do.
    let lock = site.read("tidings.lock");
    site.run(["adopt", source]).succeeds();
    assert_eq!(site.read("tidings.lock"), lock);
    site.run(["build", "--locked"]).stderr("").succeeds();
}

#[test]
fn ids_of_other_tools_are_kept_from_a_folder_and_over_http() {
    for (tool, files, ids) in tools() {
        let site = site();
        for (name, text) in &files {
            site.write(&format!("old/{name}"), text);
        }
        adopted(&site, "old", ids, &format!("{tool}, folder"));
        let address = serve(files);
        adopted(&crate::site(), &address, ids, &format!("{tool}, {address}"));
    }
}

#[test]
fn a_trial_build_before_the_adoption_is_no_obstacle() {
    for (tool, files, ids) in tools() {
        let site = site();
        site.run(["build"]).succeeds();
        for (name, text) in &files {
            site.write(&format!("old/{name}"), text);
        }
        let diff = site.run(["diff", "old"]).fails(1);
        assert!(diff.out().ends_with(" 3 would re-surface, 0 gone\n"), "{tool}: {}", diff.out());
        adopted(&site, "old", ids, tool);
    }
}

#[test]
fn what_adopt_cannot_place_is_named() {
    let (_, files, _) = tools().remove(0);
    let site = site();
    site.remove("content/posts/two.md");
    site.write("old/index.xml", &files[0].1);
    site.run(["adopt", "old"])
        .stderr(
            "
            no post for  Two  (https://example.org/blog/two/)
            2 ids kept: 1 by permalink, 0 by slug and date, 1 by title and date; 1 entry has no post
            ",
        )
        .succeeds();
    site.run(["adopt", "nowhere"])
        .stderr("error: `nowhere` is neither a folder nor a file\nhint: an address on the web starts with https://\n")
        .fails(1);
    let report = site.run(["adopt", "old", "--json"]).succeeds().json();
    assert_eq!(report["adopted"][0]["address"], "/blog/drei/");
    assert_eq!(report["unmatched"][0]["title"], "Two");
}

#[test]
fn diff_compares_with_the_output_folder_and_fails_where_readers_would_see_a_post_again() {
    let site = site();
    site.run(["diff"]).stdout("").fails(1);
    site.run(["build"]).succeeds();
    site.run(["diff"])
        .stderr("")
        .stdout("0 new, 0 updated, 0 changed but not announced, 0 would re-surface, 0 gone")
        .succeeds();
    let site = site
        .post("one.md", &(post("One & only", "one", "2026-11-01T09:00:00Z") + "More.\n"))
        .post("two.md", &post("Two", "two", "2026-11-02T09:00:00Z").replace("summary", "updated: 2026-11-05\nsummary"))
        .post("four.md", &post("Four", "four", "2026-11-04T09:00:00Z"));
    let want = "
        + new  Four  (https://example.org/blog/four/)
        ~ updated  Two  (https://example.org/blog/two/)
        . changed but not announced  One & only  (https://example.org/blog/one/): content
        1 new, 1 updated, 1 changed but not announced, 0 would re-surface, 0 gone
    ";
    let files = |site: &Site| site.files("").into_iter().map(|f| (site.modified(&f), f)).collect::<Vec<_>>();
    let before = files(&site);
    site.run(["diff"]).stderr("").stdout(want).succeeds();
    assert_eq!(files(&site), before, "diff writes nothing");
    site.run(["diff", "public"]).stdout(want).succeeds();
    let report = site.run(["diff", "--json"]).succeeds().json();
    assert_eq!(report["new"][0]["url"], "https://example.org/blog/four/");
    // Another date shows the post again, although its id is kept.
    let site = site.post("two.md", &post("Two", "two", "2026-11-06T09:00:00Z"));
    let run = site.run(["diff"]).fails(1);
    assert!(
        run.out().contains("! would re-surface  Two  (https://example.org/blog/two/): date was 2026-11-02T09:00:00Z\n"),
        "{}",
        run.out()
    );
}
