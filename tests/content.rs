//! What posts say and what feeds make of it: dates, addresses, terms, limits, archives, posts taken back.

#[path = "support/read_back.rs"]
mod read_back;
mod support;

use read_back::{feed, titles};
use std::collections::BTreeMap;
use support::{SETTINGS, Site};

const NONE: [&str; 0] = [];

/// A post with this title, date and further front matter.
fn post(title: &str, date: &str, more: &str) -> String {
    format!("---\ntitle: {title}\npub_date: {date}\nsummary: Short.\n{more}---\nText of {title}.\n")
}

/// Builds, and nothing is to be said.
#[track_caller]
fn build(site: &Site) {
    site.run(["build", "-q"]).stderr("").succeeds();
}

/// Builds at another time.
#[track_caller]
fn build_at(site: &Site, now: &str) {
    site.run(["build", "-q", "--now", now]).stderr("").succeeds();
}

/// Settings with these lines in `[site]`.
fn site_with(lines: &str) -> Site {
    Site::empty().settings(&SETTINGS.replace("\n[feeds]", &format!("{lines}\n\n[feeds]")))
}

#[test]
fn a_withdrawn_post_leaves_a_stub_for_thirty_days() {
    let site = Site::new().post("stays.md", &post("Stays", "2026-10-01", "")).post(
        "gone.md",
        &post("Gone", "2026-10-02", "id: g\ntags: [x]\nwithdrawn: 2026-11-01\nimage: /x.png\nenclosure: /x.mp3\n"),
    );
    build_at(&site, "2026-10-31T23:59:59Z");
    assert_eq!(feed(&site, "")[0].html, "<p>Text of Gone.</p>");
    build_at(&site, "2026-11-01T00:00:00Z");
    for folder in ["", "tag/x/"] {
        let stub = &feed(&site, folder)[0];
        assert_eq!((&*stub.title, &*stub.id, &*stub.html), ("Gone", "tag:example.org,2026:g", ""));
        assert_eq!(stub.summary, "This post was withdrawn on 2026-11-01.");
        assert_eq!((&*stub.published, &*stub.updated), ("2026-10-02T00:00:00Z", "2026-11-01T00:00:00Z"));
        assert_eq!(stub.enclosure, None);
    }
    assert!(!site.read("public/atom.xml").contains("x.png"));
    build_at(&site, "2026-12-01T00:00:00Z");
    assert_eq!(titles(&site, ""), ["Gone", "Stays"]);
    build_at(&site, "2026-12-01T00:00:01Z");
    assert_eq!(titles(&site, ""), ["Stays"]);
    // The feed of its tag stays, empty, with the time of its last entry.
    assert_eq!(titles(&site, "tag/x/"), NONE);
    assert!(site.read("public/tag/x/atom.xml").contains("<updated>2026-11-01T00:00:00+00:00</updated>"));
}

#[test]
fn a_site_of_withdrawn_posts_alone_has_valid_feeds() {
    let site = Site::new().post("a.md", &post("A", "2026-10-01", "withdrawn: 2026-10-02\ntags: [x]\n"));
    build(&site);
    assert_eq!(titles(&site, ""), NONE);
    assert!(!site.has("public/tag"));
    read_back::well_formed(&site.read("public/feeds/feeds.opml"));
    let site = site.post("a.md", &post("A", "2026-10-01", "withdrawn: 2026-11-20\n"));
    build(&site);
    assert_eq!(titles(&site, ""), ["A"]);
}

#[test]
fn a_site_without_posts_has_valid_feeds() {
    let site =
        Site::new().more_settings("[feed.none]\nfilter = \"published<2000-01-01\"\n").file("content/posts/x.txt", "");
    site.run(["check", "--strict"]).stderr("").succeeds();
    build(&site);
    assert_eq!(titles(&site, ""), NONE);
    assert_eq!(titles(&site, "feeds/none/"), NONE);
    assert!(!site.has("tidings.lock"), "there is no id yet that must be kept");
}

#[test]
fn updated_is_what_the_front_matter_says_and_never_before_publication() {
    #[track_caller]
    fn case(more: &str, want: &str) {
        let site = Site::new().post("a.md", &post("A", "2026-10-01T10:00:00Z", more));
        site.run(["build", "-q"]).succeeds();
        let item = feed(&site, "").remove(0);
        assert_eq!((&*item.published, &*item.updated), ("2026-10-01T10:00:00Z", want), "{more}");
        let newest = format!("<updated>{}</updated>", want.replace('Z', "+00:00"));
        assert_eq!(site.read("public/atom.xml").find(&newest), site.read("public/atom.xml").find("<updated>"));
    }
    case("", "2026-10-01T10:00:00Z");
    case("updated: 2026-10-05\n", "2026-10-05T00:00:00Z");
    case("lastmod: 2026-10-05T08:00:00+02:00\n", "2026-10-05T06:00:00Z");
    case("last_modified_at: '2026-10-05 08:00:00 -0500'\n", "2026-10-05T13:00:00Z");
    case("updated: 2026-09-01\n", "2026-10-01T10:00:00Z");
    case("updated:\n", "2026-10-01T10:00:00Z");
    case("updated: 2026-11-23T12:00:00Z\n", "2026-11-23T12:00:00Z");
    case("updated: 2026-11-23T12:00:01Z\n", "2026-10-01T10:00:00Z");
}

#[test]
fn an_updated_that_is_not_used_is_told() {
    #[track_caller]
    fn case(updated: &str, why: &str) {
        Site::new()
            .post("a.md", &post("A", "2026-10-01", &format!("updated: {updated}\n")))
            .run(["check"])
            .stderr(&format!(
                "warning: `updated` is {why}\n --> content/posts/a.md:2:8\n  |\n2 | title: A\n  |        ^\n\
                 1 post in 1 feed: 0 errors, 1 warning"
            ))
            .succeeds();
    }
    case("2026-09-30", "before the day of publication and is not used");
    case("2026-11-24", "still to come and is not used until then");
}

#[test]
fn every_dialect_names_a_date_in_its_own_way() {
    #[track_caller]
    fn case(file: &str, head: &str, want: &str) {
        let site = site_with("timezone = \"Europe/Berlin\"\npublish_time = \"09:00\"")
            .post(file, &format!("---\ntitle: A\nsummary: Short.\n{head}---\nText.\n"));
        build(&site);
        assert_eq!(feed(&site, "")[0].published, want, "{file} {head}");
    }
    case("a.md", "pub_date: '2016-11-30'\n", "2016-11-30T08:00:00Z");
    case("a.md", "pub_date: 2016-07-30\n", "2016-07-30T07:00:00Z");
    case("a.md", "date: 2016-11-30T10:00:00\n", "2016-11-30T09:00:00Z");
    case("a.md", "date: 2016-11-30 10:00:00 -0500\n", "2016-11-30T15:00:00Z");
    case("a.md", "publishDate: 2016-11-30T10:00:00Z\n", "2016-11-30T10:00:00Z");
    case("a.md", "published: 2016-11-30\n", "2016-11-30T08:00:00Z");
    case("a.md", "published: true\ndate: 2016-11-30\n", "2016-11-30T08:00:00Z");
    case("a.md", "date: Wed, 30 Nov 2016 10:00:00 +0100\n", "2016-11-30T09:00:00Z");
    case("a.md", "date: 2016/11/30\n", "2016-11-30T08:00:00Z");
    case("a.md", "pub_date: ''\ndate: 2016-11-30\n", "2016-11-30T08:00:00Z");
    case("2016-11-30.a.md", "", "2016-11-30T08:00:00Z");
    case("2016-11-30-a.md", "date:\n", "2016-11-30T08:00:00Z");
    case("2016-11-30_a.md", "date: 2016-12-01\n", "2016-12-01T08:00:00Z");
    case("2016-11-30-a/index.md", "", "2016-11-30T08:00:00Z");
}

#[test]
fn a_publish_time_that_the_clock_skips_or_shows_twice_is_one_moment() {
    #[track_caller]
    fn case(zone: &str, time: &str, day: &str, want: &str) {
        let site =
            site_with(&format!("timezone = \"{zone}\"\npublish_time = \"{time}\"")).post("a.md", &post("A", day, ""));
        build(&site);
        assert_eq!(feed(&site, "")[0].published, want, "{zone} {day}");
    }
    case("Europe/Berlin", "02:30", "2026-03-28", "2026-03-28T01:30:00Z");
    case("Europe/Berlin", "02:30", "2026-03-29", "2026-03-29T01:00:00Z");
    case("Europe/Berlin", "02:30", "2026-10-25", "2026-10-25T00:30:00Z");
    case("Europe/Berlin", "02:30", "2026-10-26", "2026-10-26T01:30:00Z");
    case("America/Sao_Paulo", "00:00", "2018-11-04", "2018-11-04T03:00:00Z");
    case("Pacific/Apia", "12:00", "2011-12-30", "2011-12-30T10:00:00Z");
    case("Asia/Kathmandu", "00:00", "2026-01-01", "2025-12-31T18:15:00Z");
}

#[test]
fn a_permalink_may_hold_everything_that_tells_posts_apart() {
    #[track_caller]
    fn case(permalink: &str, want: &str) {
        let site = site_with(&format!("timezone = \"Asia/Tokyo\"\npermalink = \"{permalink}\"")).post(
            "my-file.md",
            &post("A", "2026-10-31T20:00:00Z", "id: 4It\ncategories: ['Home & Care', x]\nslug: a/b c\n"),
        );
        build(&site);
        assert_eq!(feed(&site, "")[0].url, want, "{permalink}");
    }
    case("/blog/{slug}/", "https://example.org/blog/a/b%20c/");
    case("/{year}/{month}/{day}/{slug}.html", "https://example.org/2026/11/01/a/b%20c.html");
    case("/{category}/{id}", "https://example.org/home-and-care/4It");
    case("/{id}-{slug}/", "https://example.org/4It-a/b%20c/");
    case("/\u{43f}\u{43e}\u{441}\u{442}/{slug}/", "https://example.org/%D0%BF%D0%BE%D1%81%D1%82/a/b%20c/");
    let site = site_with("permalink = \"/{category}/{id}/\"").post("my-file.md", &post("A", "2026-10-31", ""));
    build(&site);
    assert_eq!(feed(&site, "")[0].url, "https://example.org/uncategorized/my-file/");
    let below = Site::empty()
        .settings("[site]\ntitle = \"E\"\nurl = \"https://example.org/en\"\nauthor = \"Example\"\n")
        .post("a.md", &post("A", "2026-10-31", ""));
    build(&below);
    assert_eq!(feed(&below, "")[0].url, "https://example.org/en/blog/a/");
}

#[test]
fn an_enclosure_is_passed_through_with_what_is_known_of_it() {
    #[track_caller]
    fn case(enclosure: &str, url: &str, kind: &str, size: Option<u64>) {
        let site = Site::new()
            .post("a.md", &post("A", "2026-10-31", &format!("enclosure: {enclosure}\n")))
            .file("static/audio/one.mp3", [0; 1234]);
        build(&site);
        let want = Some((url.to_string(), kind.to_string(), size));
        assert_eq!(feed(&site, "")[0].enclosure, want, "{enclosure}");
    }
    case("/audio/one.mp3", "https://example.org/audio/one.mp3", "audio/mpeg", Some(1234));
    case("/audio/two.mp3", "https://example.org/audio/two.mp3", "audio/mpeg", None);
    case("film.mp4", "https://example.org/blog/a/film.mp4", "video/mp4", None);
    case(
        "{url: 'https://cdn.example/a?x=1&y=2', type: audio/ogg, length: 99}",
        "https://cdn.example/a?x=1&y=2",
        "audio/ogg",
        Some(99),
    );
    case("https://cdn.example/get.php", "https://cdn.example/get.php", "application/octet-stream", None);
}

#[test]
fn a_size_is_never_asked_for_outside_of_the_site() {
    let site = Site::new()
        .post("a.md", &post("A", "2026-10-31", "enclosure: /%2e%2e/tidings.toml\n"))
        .post("b.md", &post("B", "2026-10-30", "enclosure: /..%2f..%2ftidings.toml\n"))
        .file("static/x", "");
    build(&site);
    assert!(feed(&site, "").iter().all(|item| item.enclosure.as_ref().is_some_and(|(_, _, size)| size.is_none())));
}

#[test]
fn a_post_may_have_a_language_and_say_how_much_of_it_is_carried() {
    let site = Site::new()
        .post("he.md", &post("\u{5e9}\u{5dc}\u{5d5}\u{5dd}", "2026-10-31", "lang: he\n"))
        .post("sum.md", &post("Sum", "2026-10-30", "content: summary\n"))
        .post("en.md", &post("En", "2026-10-29", "lang: en\n"))
        .more_settings("[feed.short]\ncontent = \"summary\"\n[feed.hebrew]\nfilter = \"lang=he\"\n")
        .post("full.md", &post("Full", "2026-10-28", "content: full\n"));
    build(&site);
    let atom = site.read("public/atom.xml");
    assert_eq!(atom.matches("xml:lang=\"he\"").count(), 3, "title, summary and content: {atom}");
    assert_eq!(atom.matches("xml:lang=\"en\"").count(), 1);
    assert!(site.read("public/rss.xml").contains("<dc:language>he</dc:language>"));
    assert!(site.read("public/feed.json").contains("\"language\": \"he\""));
    let html: Vec<bool> = feed(&site, "").iter().map(|item| !item.html.is_empty()).collect();
    assert_eq!(html, [true, false, true, true]);
    let short: Vec<bool> = feed(&site, "feeds/short/").iter().map(|item| !item.html.is_empty()).collect();
    assert_eq!(short, [false, false, false, true]);
    assert_eq!(titles(&site, "feeds/hebrew/"), ["\u{5e9}\u{5dc}\u{5d5}\u{5dd}"]);
}

#[test]
fn people_and_calls_to_action_need_no_opening_line() {
    let site = Site::new()
        .file("content/people/ana.md", "id: 3VJ\ntitle: Ana Sousa\nprofile_url: /team/ana\n---\n")
        .file("content/people/li.yaml", "\u{feff}name: Li Wei\r\nslug: li-wei\r\n")
        .file("content/cta/demo.md", "id: 64H\ntitle: See it\nbutton_label: Go\ndestination_url: /demo\n---\n\nBody.\n")
        .post("a.md", &post("A", "2026-10-31", "author: [3VJ, li-wei]\ncta_ref: 64H\n"))
        .post("b.md", &post("B", "2026-10-30", "author: Ana Sousa\ncta_ref: demo\n"));
    site.run(["check", "--strict"]).stderr("").succeeds();
    build(&site);
    let items = feed(&site, "");
    assert_eq!(items[0].authors, ["Ana Sousa", "Li Wei"]);
    assert_eq!(items[1].authors, ["Ana Sousa"]);
    assert_eq!(titles(&site, "author/ana/"), ["A", "B"]);
    assert_eq!(titles(&site, "author/li-wei/"), ["A"]);
    assert!(site.read("public/feed.json").contains("\"url\":\"https://example.org/team/ana\""));
}

#[test]
fn what_a_post_names_and_nobody_has_is_a_warning() {
    let site = Site::new()
        .file("content/cta/demo.md", "id: demo-now\ntitle: See it\ndestination_url: /demo\n")
        .post("a.md", &post("A", "2026-10-31", "id: one\ncta_ref: demo-nwo\nrelated_entries: [two, onee, three]\n"))
        .post("b.md", &post("B", "2026-10-30", "id: two\n"));
    site.run(["check"])
        .stderr(
            "
            warning: post names an unknown call to action `demo-nwo`
             --> content/posts/a.md:6:10
              |
            6 | cta_ref: demo-nwo
              |          ^^^^^^^^
            hint: did you mean `demo-now`? calls to action are the files in `content/cta`, named by their `id`
            warning: post names an unknown related post `onee`
             --> content/posts/a.md:7:24
              |
            7 | related_entries: [two, onee, three]
              |                        ^^^^
            hint: did you mean `one`? posts are named by their `id` or slug
            warning: post names an unknown related post `three`
             --> content/posts/a.md:7:30
              |
            7 | related_entries: [two, onee, three]
              |                              ^^^^^
            hint: posts are named by their `id` or slug
            2 posts in 1 feed: 0 errors, 3 warnings
            ",
        )
        .succeeds();
    build(&site);
}

#[test]
fn how_lines_end_and_what_stands_before_them_makes_no_difference() {
    let text =
        post("A", "2026-10-31", "tags:\n  - one\n  - two\nlead: >-\n  Some\n  words.\n") + "\nSecond\n\n---\n\nthird";
    let plain = Site::new().post("a.md", &text);
    build(&plain);
    let want = feed(&plain, "");
    assert!(want[0].html.contains("<hr>"), "{}", want[0].html);
    for other in [
        text.replace('\n', "\r\n"),
        format!("\u{feff}{text}"),
        format!("\u{feff}{}", text.replace('\n', "\r\n")),
        format!("{text}\n\n\n"),
        format!("\n\n{text}"),
        text.replace("---\ntitle", "---  \ntitle"),
    ] {
        let site = Site::new().post("a.md", &other);
        build(&site);
        assert_eq!(feed(&site, ""), want, "{other:?}");
    }
}

/// Posts on the first of each month, from January of the year before last on, newest last.
fn monthly(site: Site, years: std::ops::RangeInclusive<u32>, more: &str) -> Site {
    let months = years.flat_map(|year| (1..=12).map(move |month| (year, month)));
    months.fold(site, |site, (year, month)| {
        let name = format!("{year}-{month:02}");
        site.post(&format!("{name}.md"), &post(&name, &format!("{name}-01"), more))
    })
}

#[test]
fn a_feed_is_limited_by_items_age_and_bytes() {
    #[track_caller]
    fn case(settings: &str, want: usize) {
        let site = monthly(Site::new().more_settings(&format!("[feed.x]\n{settings}\n")), 2025..=2025, "");
        build(&site);
        assert_eq!(titles(&site, "feeds/x/").len(), want, "{settings}");
        assert_eq!(titles(&site, "").len(), 12);
        assert!(!site.has("public/feeds/x/archive"));
    }
    case("", 12);
    case("items = 5", 5);
    case("items = 50", 12);
    case("age = \"400d\"", 2);
    case("age = \"1h\"", 0);
    case("bytes = 1", 1);
    case("items = 3\nage = \"2y\"", 3);
    let site =
        monthly(Site::new().more_settings("[feed.x]\nbytes = \"10 KB\"\narchives = \"none\"\n"), 2025..=2025, "");
    build(&site);
    let shown = titles(&site, "feeds/x/");
    assert!(shown.len() > 1 && shown.len() < 12, "{shown:?}");
    for file in ["atom.xml", "rss.xml", "feed.json"] {
        assert!(site.bytes(&format!("public/feeds/x/{file}")).len() <= 10_000, "{file}");
    }
}

/// The folders of the archives of a feed, newest first, by the links that lead from each to the one before.
#[track_caller]
fn chain(site: &Site, folder: &str, base: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut here = folder.to_string();
    loop {
        let read = |name: &str| site.read(&format!("public/{here}{name}"));
        let (atom, rss, json) = (read("atom.xml"), read("rss.xml"), read("feed.json"));
        let feed = feed_rs::parser::parse(atom.as_bytes()).unwrap();
        let link = |rel: &str| feed.links.iter().find(|l| l.rel.as_deref() == Some(rel)).map(|l| l.href.clone());
        assert_eq!(link("self").unwrap(), format!("{base}{here}atom.xml"));
        let inside = here != folder;
        assert_eq!(link("current"), inside.then(|| format!("{base}{folder}atom.xml")), "{here}");
        let previous = link("prev-archive");
        assert_eq!(rss.contains("rel=\"prev-archive\""), previous.is_some(), "{here}");
        assert_eq!(atom.contains("<fh:archive"), inside && previous.is_some(), "{here}");
        assert_eq!(rss.contains("<fh:archive"), inside && previous.is_some(), "{here}");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let next = previous.as_ref().map(|url| url.replace("atom.xml", "feed.json"));
        assert_eq!(json["next_url"].as_str(), next.as_deref(), "{here}");
        let Some(previous) = previous else { return found };
        here = previous.strip_prefix(base).unwrap().strip_suffix("atom.xml").unwrap().to_string();
        assert!(!found.contains(&here), "the chain bites its tail at {here}");
        found.push(here.clone());
    }
}

#[test]
fn the_archives_hold_every_post_once_and_lead_back_to_the_oldest() {
    let site = monthly(Site::new(), 2023..=2025, "tags: [x]\n");
    build(&site);
    assert_eq!(titles(&site, "").len(), 20);
    let folders = chain(&site, "", "https://example.org/");
    assert_eq!(folders, ["archive/2025/", "archive/2024/", "archive/2023/"]);
    let all: Vec<String> = folders.iter().flat_map(|folder| titles(&site, folder)).collect();
    let mut want: Vec<String> = (2023..=2025).flat_map(|y| (1..=12).map(move |m| format!("{y}-{m:02}"))).collect();
    want.reverse();
    assert_eq!(all, want);
    assert!(!site.has("public/tag/x/archive"), "only the site's feed has archives unless asked for");
    let ids: Vec<String> = [""]
        .into_iter()
        .chain(folders.iter().map(String::as_str))
        .map(|folder| feed_rs::parser::parse(site.read(&format!("public/{folder}atom.xml")).as_bytes()).unwrap().id)
        .collect();
    assert_eq!(
        ids,
        [
            "tag:example.org,2026:feed/all",
            "tag:example.org,2026:feed/all/archive/2025",
            "tag:example.org,2026:feed/all/archive/2024",
            "tag:example.org,2026:feed/all/archive/2023",
        ]
    );
}

#[test]
fn a_feed_that_shows_all_its_posts_has_no_archives() {
    let site = monthly(Site::new(), 2025..=2025, "");
    build(&site);
    assert_eq!(chain(&site, "", "https://example.org/"), NONE);
    let site = monthly(site, 2024..=2024, "");
    build(&site);
    assert_eq!(chain(&site, "", "https://example.org/"), ["archive/2025/", "archive/2024/"]);
    for month in 1..=12 {
        site.remove(&format!("content/posts/2024-{month:02}.md"));
    }
    build(&site);
    assert!(!site.has("public/archive"));
}

#[test]
fn every_feed_has_archives_where_that_is_asked_for() {
    let site = monthly(
        Site::new().more_settings(
            "archives = \"all\"\nitems = 5\n\n[feed.x]\nfilter = \"tag=t\"\n[feed.y]\narchives = \"none\"\n",
        ),
        2024..=2025,
        "tags: [t]\n",
    );
    build(&site);
    for folder in ["", "tag/t/", "feeds/x/"] {
        let want: Vec<String> = ["2025", "2024"].iter().map(|year| format!("{folder}archive/{year}/")).collect();
        assert_eq!(chain(&site, folder, "https://example.org/"), want);
    }
    assert_eq!(chain(&site, "feeds/y/", "https://example.org/"), NONE);
}

#[test]
fn a_year_that_is_too_large_is_split_and_a_new_post_moves_no_old_one() {
    let site = monthly(Site::new().more_settings("bytes = \"8 KB\"\n"), 2024..=2025, "");
    build(&site);
    let folders = chain(&site, "", "https://example.org/");
    assert!(folders.len() >= 4 && folders.contains(&"archive/2024/2/".to_string()), "{folders:?}");
    let mut all: Vec<String> = folders.iter().flat_map(|folder| titles(&site, folder)).collect();
    all.reverse();
    let want: Vec<String> = (2024..=2025).flat_map(|y| (1..=12).map(move |m| format!("{y}-{m:02}"))).collect();
    assert_eq!(all, want);
    let archives = |site: &Site| -> BTreeMap<String, Vec<u8>> {
        let files = site.files("public/archive").into_iter();
        files.map(|file| (file.clone(), site.bytes(&format!("public/archive/{file}")))).collect()
    };
    for (file, bytes) in archives(&site) {
        assert!(bytes.len() <= 8_000, "{file}: {}", bytes.len());
    }
    let before = archives(&site);
    let site = site.post("new.md", &post("New", "2026-01-01", ""));
    build(&site);
    let after = archives(&site);
    for (file, bytes) in &before {
        assert_eq!(after.get(file), Some(bytes), "{file} was changed by a new post");
    }
    // A new post in the last year of all changes its last part only.
    let site = site.post("newer.md", &post("Newer", "2026-01-02", ""));
    build(&site);
    let changed: Vec<String> =
        archives(&site).into_iter().filter(|(f, b)| after.get(f) != Some(b)).map(|(f, _)| f).collect();
    assert!(changed.iter().all(|file| file.starts_with("2026/")), "{changed:?}");
}

#[test]
fn feeds_may_be_served_from_elsewhere() {
    let site = monthly(
        Site::empty().settings(&SETTINGS.replace(
            "[feeds]",
            "[feeds]\nurl = \"https://feeds.example.net/x\"\nhub = \"https://hub.example.net/?a=1&b=2\"",
        )),
        2024..=2025,
        "tags: [t]\n",
    );
    build(&site);
    assert_eq!(chain(&site, "", "https://feeds.example.net/x/"), ["archive/2025/", "archive/2024/"]);
    assert_eq!(feed(&site, "")[0].url, "https://example.org/blog/2025-12/");
    assert!(site.read("public/atom.xml").contains("href=\"https://hub.example.net/?a=1&amp;b=2\" rel=\"hub\""));
    assert!(site.read("public/rss.xml").contains("href=\"https://hub.example.net/?a=1&#x26;b=2\" rel=\"hub\""));
    let json: serde_json::Value = serde_json::from_str(&site.read("public/feed.json")).unwrap();
    assert_eq!(json["hubs"], serde_json::json!([{ "type": "WebSub", "url": "https://hub.example.net/?a=1&b=2" }]));
    assert_eq!(json["feed_url"], "https://feeds.example.net/x/feed.json");
    assert_eq!(json["home_page_url"], "https://example.org/");
    assert!(site.read("public/feeds/feeds.opml").contains("xmlUrl=\"https://feeds.example.net/x/tag/t/atom.xml\""));
    assert!(site.read(".tidings/hosting/links.html").contains("https://feeds.example.net/x/atom.xml"));
}

#[test]
fn a_site_may_choose_its_formats_and_the_axes_that_get_feeds() {
    let site = Site::new()
        .more_settings("formats = [\"json\"]\ntaxonomies = [\"tag\"]\n\n[feed.x]\nformats = [\"atom\", \"rss\"]\n")
        .post("a.md", &post("A", "2026-10-31", "tags: [t]\ncategory: c\nauthor: Ana\ntopic: x\n"));
    build(&site);
    let files: Vec<String> = site.files("public");
    assert_eq!(
        files,
        [
            "feed.json",
            "feeds/feeds.opml",
            "feeds/index.html",
            "feeds/style.css",
            "feeds/x/atom.xml",
            "feeds/x/rss.xml",
            "tag/t/feed.json",
        ]
    );
    assert!(!site.read("public/feeds/x/atom.xml").contains("feed.json"));
    let json: serde_json::Value = serde_json::from_str(&site.read("public/feed.json")).unwrap();
    assert_eq!(json["items"][0]["tags"], serde_json::json!(["c", "x", "t"]), "terms stay, with or without feeds");
}

#[test]
fn declared_feeds_choose_their_posts() {
    #[track_caller]
    fn case(filter: &str, want: &[&str]) {
        let site = Site::new()
            .more_settings(&format!(
                "[feed.x]\ntitle = \"X & Y\"\nfilter = {}\n",
                serde_json::to_string(filter).unwrap()
            ))
            .file("content/people/ana.md", "name: Ana Sousa\nid: 3VJ\n")
            .file("content/people/li.md", "name: Li\n")
            .post("a.md", &post("A", "2026-10-31", "category: Healthcare\ntags: [C++, sponsored]\nauthor: ana\n"))
            .post(
                "b.md",
                &post("B", "2026-09-30T23:30:00Z", "category: healthcare\ntopic: topics/aws-hipaa\nauthor: li\n"),
            )
            .post("c.md", &post("C", "2025-10-31", "category: Home Care\nupdated: 2026-11-01\nlang: de\n"))
            .post("d.md", &post("D", "2026-10-30", "draft: true\ncategory: healthcare\n"));
        site.run(["build", "-q"]).stderr("").succeeds();
        assert_eq!(titles(&site, "feeds/x/"), want, "{filter}");
    }
    case("category=healthcare", &["A", "B"]);
    case("category=healthcare and not tag=sponsored", &["B"]);
    case("category!=healthcare", &["C"]);
    case("tag=C++ or topic=aws-hipaa", &["A", "B"]);
    case("tag=c-plus-plus", &["A"]);
    case("not (category=healthcare or lang=de)", &[]);
    case("category=\"home care\"", &["C"]);
    case("author=ana", &["A"]);
    case("author=\"Ana Sousa\"", &["A"]);
    case("author=3VJ", &["A"]);
    case("published>=2026-10-01", &["A"]);
    case("published<2026-10-01", &["B", "C"]);
    case("published=2026-09-30", &["B"]);
    case("updated>=2026-11-01", &["C"]);
    case("slug=b", &["B"]);
    case("not not slug=b", &["B"]);
}

#[test]
fn what_came_first_stands_last_and_of_one_moment_the_id_decides() {
    let site = Site::new()
        .post("z.md", &post("Z", "2026-10-31", "id: a\n"))
        .post("a.md", &post("A", "2026-10-31", "id: z\n"))
        .post("m.md", &post("M", "2026-10-31T00:00:01Z", "id: m\n"))
        .post("o.md", &post("O", "2026-10-30", "id: o\n"));
    build(&site);
    assert_eq!(titles(&site, ""), ["M", "Z", "A", "O"]);
}

#[test]
fn terms_are_folded_and_titled_by_their_file_or_the_most_frequent_spelling() {
    let site = Site::new()
        .post(
            "a.md",
            &post("A", "2026-10-31", "categories_blog: HealthCare\ntopics: [topics/aws-hipaa]\ntags: [fhir]\n"),
        )
        .post(
            "b.md",
            &post("B", "2026-10-30", "category: Healthcare\ntopic: discovery_topic/aws-hipaa\ntags: [FHIR]\n"),
        )
        .post("c.md", &post("C", "2026-10-29", "categories: [Healthcare]\ndiscovery_topic: AWS HIPAA\n"))
        .file("content/taxonomies/tags/fhir.yaml", "title: HL7 FHIR\nsummary: Resources.\n");
    site.run(["check", "--strict"]).stderr("").succeeds();
    build(&site);
    assert_eq!(titles(&site, "category/healthcare/"), ["A", "B", "C"]);
    assert_eq!(titles(&site, "topic/aws-hipaa/"), ["A", "B", "C"]);
    assert_eq!(titles(&site, "tag/fhir/"), ["A", "B"]);
    assert_eq!(feed(&site, "")[0].terms, ["Healthcare", "aws-hipaa", "HL7 FHIR"]);
    assert!(site.read("public/tag/fhir/rss.xml").contains("<description>Resources.</description>"));
}
