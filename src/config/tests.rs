use super::*;
use proptest::prelude::*;

const SITE: &str = "[site]\ntitle = 'T'\nurl = 'https://example.org'\n";

/// All findings, as people read them.
fn findings(text: &str) -> String {
    match Config::parse(text) {
        Ok(_) => String::new(),
        Err(findings) => findings.iter().map(|finding| finding.render(Some(text))).collect::<Vec<_>>().join("\n"),
    }
}

fn config(text: &str) -> Config {
    Config::parse(text).unwrap_or_else(|_| panic!("{}", findings(text)))
}

#[test]
fn two_keys_are_enough() {
    let config = config(SITE);
    let site = &config.site;
    assert_eq!(site.title.as_str(), "T");
    assert_eq!(site.url.as_str(), "https://example.org/");
    assert_eq!((site.language.as_str(), site.timezone, site.publish_time), ("en", chrono_tz::UTC, NaiveTime::MIN));
    assert_eq!((site.permalink.value.as_str(), site.author.as_deref()), ("/blog/{slug}/", None));
    let content = &config.content;
    assert_eq!((content.dir.as_str(), content.output.as_str(), content.taxonomies.as_str()), ("content", "public", "taxonomies"));
    assert_eq!((&content.posts[..], &content.people[..], &content.calls_to_action[..]), (&["posts".to_owned()][..], &["people".to_owned()][..], &["cta".to_owned()][..]));
    let feeds = &config.feeds;
    assert_eq!(feeds.url, site.url);
    assert_eq!((&feeds.formats[..], &feeds.taxonomies[..]), (&Format::ALL[..], &Axis::ALL[..]));
    assert_eq!((feeds.items, feeds.bytes, feeds.age), (20, 1_000_000, None));
    assert_eq!((feeds.content, feeds.archives), (Content::Full, Archives::Site));
    assert!(feeds.id_prefix.is_none() && feeds.hub.is_none());
    assert!(config.front_matter.is_empty() && config.declared.is_empty());
}

#[test]
fn every_key_is_read() {
    let text = r##"
[site]
title = "Field  Notes"
url = "http://example.org/notes"
description = "What we saw"
language = "pt-BR"
timezone = "America/Sao_Paulo"
publish_time = "09:30"
permalink = "/{year}/{month}/{day}/{category}/{id}-{slug}.html"
author = "Ana Souza"

[content]
dir = "./site/"
posts = ["blog", "news/"]
people = "team"
calls_to_action = []
taxonomies = "terms"
output = "out/www"

[front_matter]
published = ["when", "pub_date"]
tag = "labels"

[feeds]
url = "https://feeds.example.org/a/"
formats = ["json", "atom"]
taxonomies = []
items = 1_000
bytes = "512 KiB"
age = "12w"
content = "summary"
archives = "none"
id_prefix = "tag:example.org,2016:"
hub = "https://hub.example.net/?a=b"

[feed.health-1]
title = "Health"
description = "Only health"
filter = "category=healthcare and not tag='a b'"
items = 5
bytes = 100
age = "36h"
content = "full"
archives = "all"
formats = "rss"

[feed.all]
"##;
    let config = config(text);
    assert_eq!(config.site.title.as_str(), "Field Notes");
    assert_eq!(config.site.url.as_str(), "http://example.org/notes/");
    assert_eq!(config.site.publish_time.to_string(), "09:30:00");
    assert_eq!(config.site.permalink.span, Span { line: 9, column: 13, width: 51 });
    assert_eq!((config.content.dir.as_str(), config.content.output.as_str()), ("site", "out/www"));
    assert_eq!(config.content.posts, ["blog", "news"]);
    assert_eq!((config.content.people, config.content.calls_to_action), (vec!["team".to_owned()], vec![]));
    assert_eq!(config.front_matter["published"], ["when", "pub_date"]);
    assert_eq!(config.front_matter["tag"], ["labels"]);
    let feeds = &config.feeds;
    assert_eq!(feeds.formats, [Format::Atom, Format::Json]);
    assert_eq!((feeds.items, feeds.bytes, feeds.age), (1000, 512 * 1024, Some(Duration::from_secs(12 * 7 * 86_400))));
    assert_eq!((feeds.content, feeds.archives, feeds.taxonomies.len()), (Content::Summary, Archives::None, 0));
    assert_eq!(feeds.hub.as_ref().map(Url::as_str), Some("https://hub.example.net/?a=b"));
    let prefix = feeds.id_prefix.as_ref().expect("a prefix");
    assert_eq!((prefix.value.as_str(), prefix.span.line), ("tag:example.org,2016:", 33));
    let health = &config.declared["health-1"];
    assert_eq!(health.title.as_deref(), Some("Health"));
    assert_eq!((health.name.value.as_str(), health.name.span), ("health-1", Span { line: 36, column: 7, width: 8 }));
    assert_eq!(health.filter_span(9, 10), Some(Span { line: 39, column: 20, width: 10 }));
    assert_eq!((health.settings.items, health.settings.bytes), (5, 100));
    assert_eq!(health.settings.url, feeds.url);
    assert_eq!(health.settings.formats, [Format::Rss]);
    assert_eq!(health.settings.id_prefix, feeds.id_prefix);
    assert_eq!((config.declared["all"].settings.items, config.declared["all"].filter.is_none()), (1000, true));
}

#[test]
fn an_unknown_key_gets_the_nearest_one() {
    let text = "[site]\ntitle = \"T\"\nurl = \"https://example.org/\"\n\n[content]\ndir = \"content\"\n\n# feeds\n\n\n\
                [feeds]\nfromats = [\"atom\", \"rss\", \"json\"]\n";
    assert_eq!(
        findings(text),
        "error: unknown key `fromats` in `[feeds]`
 --> tidings.toml:12:1
   |
12 | fromats = [\"atom\", \"rss\", \"json\"]
   | ^^^^^^^
hint: did you mean `formats`?
"
    );
}

#[test]
fn all_findings_come_in_one_run_in_the_order_of_the_file() {
    let text = "items = 3\n[feed]\nitems = 3\n[feed.Ü]\n[feed.index]\nfilter = \"tag=a &&\\u0020tag=b\"\nid_prefix = 1\n[feed.a]\ntaxonomies = []\ntitle = ' '\n\
                [feeds]\ntitle = 1\ncolour = 1\nitems = 'many'\n[digest.weekly]\n[site]\ntitel = 'T'\n";
    assert_eq!(
        findings(text),
        "error: unknown key `items` above the first table
 --> tidings.toml:1:1
  |
1 | items = 3
  | ^^^^^
hint: `items` is a key of `[feeds]`

error: unknown key `items` in `[feed]`
 --> tidings.toml:3:1
  |
3 | items = 3
  | ^^^^^
hint: `items` is a key of `[feeds]`; a feed of its own has a name, `[feed.NAME]`
"
    );
}

/// One fault below a sound `[site]`, or in it: what stands under the line, the message and the hint.
#[track_caller]
fn fault(text: &str, marks: &str, message: &str, hint: &str) {
    let whole = if text.contains("[site]") { text.to_owned() } else { format!("{text}\n{SITE}") };
    let found = Config::parse(&whole).expect_err(text);
    let first = &found[0];
    let span = first.place.as_ref().and_then(|place| place.span).expect("a place");
    let drawn = format!("{}{}", " ".repeat(span.column as usize - 1), "^".repeat(span.width as usize));
    assert_eq!((first.message.as_str(), first.hint.as_deref().unwrap_or_default()), (message, hint), "{text}");
    assert_eq!(drawn, marks, "{text}");
    assert_eq!(found.len(), 1, "{}", findings(&whole));
}

/// One key of `[site]` beside those that must be there.
#[track_caller]
fn site_fault(line: &str, marks: &str, message: &str, hint: &str) {
    let rest: String = SITE.lines().filter(|l| !l.starts_with(line.split(' ').next().unwrap())).map(|l| format!("{l}\n")).collect();
    fault(&format!("{rest}{line}\n"), marks, message, hint);
}
