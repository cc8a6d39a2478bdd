//! Feeds under other names than before, and feeds that are gone; what a server is told of both.

mod support;

use support::Site;

fn post(title: &str, more: &str) -> String {
    format!("---\ntitle: {title}\npub_date: 2026-11-01\nsummary: Short.\n{more}---\nText.\n")
}

#[track_caller]
fn served(site: &Site) -> serde_json::Value {
    serde_json::from_str(&site.read(".tidings/site.json")).unwrap()
}

#[test]
fn a_server_is_told_what_it_cannot_see_in_the_feeds() {
    let site = Site::new()
        .post("a.md", &post("A", "category: Care\ntopic: [b-topic, a-topic]\ntags: [t]\n"))
        .post("b.md", &post("B", "draft: true\ncategory: Secret\n"))
        .file("content/taxonomies/topics/a-topic.yaml", "title: First\nsummary: About it.\naliases: [older]\n")
        .more_settings("hub = \"https://hub.example.org/\"\n[feed.picks]\ntitle = \"Picks\"\nformats = [\"rss\"]\naliases = [\"best\"]\n");
    site.run(["build", "-q"]).stderr("").succeeds();
    let feed = |folder: &str, title: &str, description: &str, formats: &[&str]| {
        serde_json::json!({
            "folder": folder, "title": title, "description": description, "formats": formats,
            "hub": "https://hub.example.org/",
        })
    };
    let all = ["atom", "rss", "json"];
    assert_eq!(
        served(&site),
        serde_json::json!({
            "title": "Example",
            "url": "https://example.org/",
            "description": "",
            "language": "en",
            "feeds_url": "https://example.org/",
            "hub": "https://hub.example.org/",
            "terms": [
                { "axis": "category", "slug": "care", "title": "Care" },
                { "axis": "topic", "slug": "a-topic", "title": "First" },
                { "axis": "topic", "slug": "b-topic", "title": "b-topic" },
            ],
            "feeds": [
                feed("", "Example", "", &all),
                feed("feeds/picks/", "Picks", "", &["rss"]),
                feed("category/care/", "Care", "", &all),
                feed("topic/a-topic/", "First", "About it.", &all),
                feed("topic/b-topic/", "b-topic", "", &all),
                feed("tag/t/", "t", "", &all),
            ],
            "aliases": { "feeds/best/": "feeds/picks/", "topic/older/": "topic/a-topic/" },
            "gone": [],
        })
    );
    assert_eq!(
        site.read(".tidings/hosting/_redirects"),
        "/feeds/best/* /feeds/picks/:splat 301\n/topic/older/* /topic/a-topic/:splat 301\n"
    );
    assert!(site.read(".tidings/hosting/nginx.conf").ends_with(
        "\nlocation ^~ \"/topic/older/\" {\n    rewrite \"^/topic/older/(.*)$\" \"/topic/a-topic/$1?\" permanent;\n}\n"
    ));
}

#[test]
fn a_renamed_term_leaves_no_empty_feed_behind() {
    let site = Site::new().post("a.md", &post("A", "topic: [gdpr]\n"));
    site.run(["build", "-q"]).succeeds();
    assert!(site.has("public/topic/gdpr/atom.xml"));
    // Posts still say the old name.
    site.write("content/taxonomies/topics/privacy.yaml", "title: Privacy\naliases: [gdpr]\n");
    site.run(["build", "-q"]).stderr("").succeeds();
    assert!(site.has("public/topic/privacy/atom.xml") && !site.has("public/topic/gdpr"));
    assert_eq!(served(&site)["aliases"], serde_json::json!({ "topic/gdpr/": "topic/privacy/" }));
    assert_eq!(served(&site)["gone"], serde_json::json!([]));
    // Its posts go and the feed stays, empty: the old address leads to it all the same.
    site.write("content/posts/a.md", post("A", ""));
    site.run(["build", "-q"]).stderr("").succeeds();
    assert!(site.has("public/topic/privacy/atom.xml"));
    assert_eq!(served(&site)["aliases"], serde_json::json!({ "topic/gdpr/": "topic/privacy/" }));
    // Without the alias the old folder is one that was there once.
    site.remove("content/taxonomies");
    site.run(["build", "-q"]).succeeds();
    assert_eq!(served(&site)["gone"], serde_json::json!(["topic/gdpr/"]));
}

#[test]
fn a_feed_that_is_gone_is_named_once_and_remembered_until_it_is_back() {
    let declared = "[feed.picks]\ntitle = \"Picks\"\n";
    let site = Site::new().post("a.md", &post("A", "")).more_settings(declared);
    let with = site.read("tidings.toml");
    let without = with.replace(declared, "");
    site.run(["build", "-q"]).succeeds();
    let site = site.settings(&without);
    site.run(["build"])
        .stderr(
            "
            gone Example: Picks (/feeds/picks/)
            1 post in 1 feed: wrote 2 files, removed 3, 4 unchanged
        ",
        )
        .succeeds();
    assert_eq!(served(&site)["gone"], serde_json::json!(["feeds/picks/"]));
    site.run(["build"]).stderr("").succeeds();
    assert_eq!(served(&site)["gone"], serde_json::json!(["feeds/picks/"]));
    assert!(site.read(".tidings/written.json").contains("\"gone\": [\n    \"feeds/picks/\"\n  ]"));
    let site = site.settings(&with);
    site.run(["build", "-q"]).succeeds();
    assert_eq!(served(&site)["gone"], serde_json::json!([]));
    assert!(!site.read(".tidings/written.json").contains("gone"));
}

#[test]
fn of_many_feeds_that_are_gone_ten_are_named() {
    let tags: Vec<String> = (10..22).map(|n| format!("t{n}")).collect();
    let site = Site::new().post("a.md", &post("A", &format!("tags: [{}]\n", tags.join(", "))));
    site.run(["build", "-q"]).succeeds();
    let site = site.more_settings("taxonomies = []\n");
    let run = site.run(["build"]).stderr_has("gone Example: t19 (/tag/t19/)\nand 2 feeds more\n").succeeds();
    assert!(!run.err().contains("t20"), "{}", run.err());
    assert_eq!(served(&site)["gone"].as_array().unwrap().len(), 12);
}

#[test]
fn an_alias_never_leads_away_from_a_feed_that_is_there() {
    Site::new()
        .post("a.md", &post("A", "topic: [net, other]\ntags: [net]\n"))
        .file("content/taxonomies/topics/other.yaml", "aliases: [.net]\n")
        .run(["check"])
        .stderr(
            "
            warning: the alias `.net` is a feed of its own: `topic/net/`
             --> content/taxonomies/topics/other.yaml:1:11
              |
            1 | aliases: [.net]
              |           ^^^^
            hint: nobody is led away from a feed that is there; give it another name
            1 post in 4 feeds: 0 errors, 1 warning
        ",
        )
        .succeeds();
    Site::new()
        .post("a.md", &post("A", "topic: [third, two]\n"))
        .file("content/taxonomies/topics/third.yaml", "title: Third\naliases: [same]\n")
        .file("content/taxonomies/topics/two.yaml", "aliases: [same]\n")
        .run(["check"])
        .stderr(
            "
            warning: two feeds have the alias `same`
             --> content/taxonomies/topics/two.yaml:1:11
              |
            1 | aliases: [same]
              |           ^^^^
            hint: it leads to `topic/third/`, which `content/taxonomies/topics/third.yaml` names
            1 post in 3 feeds: 0 errors, 1 warning
        ",
        )
        .succeeds();
}

#[test]
fn an_alias_that_cannot_be_meant_is_refused() {
    Site::new()
        .post("a.md", &post("A", ""))
        .more_settings("[feed.a]\naliases = [\"b\", \"x\", \"No\"]\n[feed.b]\naliases = [\"x\"]\n")
        .run(["check"])
        .stderr(
            "
            error: `aliases` holds a feed that is there: `b`
             --> tidings.toml:9:12
              |
            9 | aliases = [\"b\", \"x\", \"No\"]
              |            ^^^
            hint: nobody is led away from a feed that is there; an alias is a name that a feed had before
            error: `aliases` holds what cannot be the name of a feed: `No`
             --> tidings.toml:9:22
              |
            9 | aliases = [\"b\", \"x\", \"No\"]
              |                      ^^^^
            hint: use `a` to `z`, `0` to `9` and `-`; `title` may hold anything
            error: `x` is an alias twice
             --> tidings.toml:11:12
               |
            11 | aliases = [\"x\"]
               |            ^^^
            hint: the feed `a` has it; its address can lead to one feed only
            not checked further: 3 errors, 0 warnings
        ",
        )
        .fails(1);
}
