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
    assert_eq!(
        (content.dir.as_str(), content.output.as_str(), content.taxonomies.as_str()),
        ("content", "public", "taxonomies")
    );
    assert_eq!(
        (&content.posts[..], &content.people[..], &content.calls_to_action[..]),
        (&["posts".to_owned()][..], &["people".to_owned()][..], &["cta".to_owned()][..])
    );
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
    let text = "items = 3
[feed]
items = 3
[feed.\"Ü\"]
title = ' '
[feed.index]
filter = \"tag='a\\u0062' &&\\u0020tag=b\"
id_prefix = 1
[letter.weekly]
[feeds]
colour = 1
formats = [1, ['rss'], 'rss', 'rss']
[site]
titel = 'T'
";
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

error: a feed cannot be named `Ü`
 --> tidings.toml:4:7
  |
4 | [feed.\"Ü\"]
  |       ^^^
hint: use `a` to `z`, `0` to `9` and `-`; `title` may hold anything

error: `title` is empty
 --> tidings.toml:5:9
  |
5 | title = ' '
  |         ^^^

error: a feed cannot be named `index`
 --> tidings.toml:6:7
  |
6 | [feed.index]
  |       ^^^^^
hint: that is the name of the page that lists all feeds

error: `&&` is not known here
 --> tidings.toml:7:25
  |
7 | filter = \"tag='a\\u0062' &&\\u0020tag=b\"
  |                         ^^
hint: write `and`

error: unknown key `id_prefix` in `[feed.index]`
 --> tidings.toml:8:1
  |
8 | id_prefix = 1
  | ^^^^^^^^^
hint: `id_prefix` is a key of `[feeds]`: it holds for all feeds, so that a post has one id in them

error: unknown table `[letter]`
 --> tidings.toml:9:2
  |
9 | [letter.weekly]
  |  ^^^^^^
hint: the tables are `[site]`, `[content]`, `[front_matter]`, `[feeds]`, `[feed.NAME]`, `[digest.NAME]`, `[mail]`, `[smtp]`, `[store]`, `[serve]`, `[signup]` and `[security]`

error: unknown key `colour` in `[feeds]`
 --> tidings.toml:11:1
   |
11 | colour = 1
   | ^^^^^^
hint: the keys of `[feeds]` are `url`, `formats`, `taxonomies`, `items`, `bytes`, `age`, `content`, `archives`, `id_prefix` and `hub`

error: `formats` must be a list of texts, found a whole number in it
 --> tidings.toml:12:12
   |
12 | formats = [1, ['rss'], 'rss', 'rss']
   |            ^

error: `formats` must be a list of texts, found a list in it
 --> tidings.toml:12:15
   |
12 | formats = [1, ['rss'], 'rss', 'rss']
   |               ^^^^^^^

error: `formats` names `rss` twice
 --> tidings.toml:12:31
   |
12 | formats = [1, ['rss'], 'rss', 'rss']
   |                               ^^^^^

error: `[site]` has no `url`
 --> tidings.toml:13:2
   |
13 | [site]
   |  ^^^^
hint: write the site's address under `[site]`: `url = \"https://example.org/\"`

error: unknown key `titel` in `[site]`
 --> tidings.toml:14:1
   |
14 | titel = 'T'
   | ^^^^^
hint: did you mean `title`?
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
    let rest: String =
        SITE.lines().filter(|l| !l.starts_with(line.split(' ').next().unwrap())).map(|l| format!("{l}\n")).collect();
    fault(&format!("{rest}{line}\n"), marks, message, hint);
}

#[test]
fn a_value_of_another_type_is_named() {
    fault("[feeds]\nitems = 'ten'", "        ^^^^^", "`items` must be a whole number, found a text", "");
    fault("[feeds]\nitems = 1.5", "        ^^^", "`items` must be a whole number, found a number with a point", "");
    fault(
        "[feeds]\nitems = 2026-01-01",
        "        ^^^^^^^^^^",
        "`items` must be a whole number, found a date or time",
        "",
    );
    fault("[feeds]\nformats = true", "          ^^^^", "`formats` must be a list of texts, found `true`", "");
    fault("[feeds]\narchives = ['site']", "           ^^^^^^^^", "`archives` must be a text, found a list", "");
    fault("[feeds.hub]\n", "^^^^^^^^^^^", "`hub` must be a text, found a table", "");
    fault(
        "content = 1",
        "          ^",
        "`content` must be a table, found a whole number",
        "write `[content]` on a line of its own",
    );
    fault(
        "[[feeds]]\nitems = 1",
        "^^^^^^^^^",
        "`feeds` must be a table, found a list",
        "write `[feeds]` on a line of its own",
    );
}

#[test]
fn an_address_must_be_whole() {
    let full = "write it in full, such as `https://example.org/`";
    site_fault(
        "url = 'example.org'",
        "      ^^^^^^^^^^^^^",
        "`url` is not an address: `example.org`",
        "write it in full: `https://example.org/`",
    );
    site_fault("url = '/blog/'", "      ^^^^^^^^", "`url` is not an address: `/blog/`", full);
    site_fault("url = ''", "      ^^", "`url` is not an address: ``", full);
    site_fault("url = 'https://'", "      ^^^^^^^^^^", "`url` is not an address: `https://`", full);
    site_fault(
        "url = 'ftp://example.org'",
        "       ^^^^",
        "`url` must start with `https://` or `http://`, not with `ftp:`",
        "",
    );
    site_fault(
        "url = 'https://me:x@example.org'",
        "      ^^^^^^^^^^^^^^^^^^^^^^^^^^",
        "`url` must not hold a user or a password: feeds would show it to everybody",
        "",
    );
    site_fault(
        "url = 'https://é.example/?a=b'",
        "                         ^^^^",
        "`url` must not have a `?`: addresses are put together from it",
        "leave that part out",
    );
    site_fault(
        "url = 'https://example.org/#a'",
        "                           ^^",
        "`url` must not have a `#`: addresses are put together from it",
        "leave that part out",
    );
    fault("[feeds]\nhub = 'https://hub.example/#a'", "      ^^^^^^^^^^^^^^^^^^^^^^^^", "`hub` must not have a `#`", "");
}

#[test]
fn each_key_of_the_site_says_what_it_cannot_be() {
    site_fault("title = ''", "        ^^", "`title` is empty", "");
    site_fault(
        "title = \"é\\u0008\"",
        "          ^^^^^^",
        "`title` holds U+0008, which no feed can carry",
        "leave the character out",
    );
    site_fault(
        "language = 'en_US'",
        "           ^^^^^^^",
        "`language` is not a language tag: `en_US`",
        "did you mean `en-US`?",
    );
    let tag = "write two or three letters, and a country where it matters: `en`, `pt-BR`";
    site_fault("language = 'english'", "           ^^^^^^^^^", "`language` is not a language tag: `english`", tag);
    site_fault("language = ''", "           ^^", "`language` is not a language tag: ``", tag);
    site_fault("language = 'en-'", "           ^^^^^", "`language` is not a language tag: `en-`", tag);
    site_fault(
        "timezone = 'Europe/Berln'",
        "           ^^^^^^^^^^^^^^",
        "`timezone` is not a time zone: `Europe/Berln`",
        "did you mean `Europe/Berlin`?",
    );
    site_fault(
        "timezone = 'berlin'",
        "           ^^^^^^^^",
        "`timezone` is not a time zone: `berlin`",
        "did you mean `Europe/Berlin`?",
    );
    site_fault(
        "timezone = 'new york'",
        "           ^^^^^^^^^^",
        "`timezone` is not a time zone: `new york`",
        "did you mean `America/New_York`?",
    );
    site_fault("timezone = 'utc'", "           ^^^^^", "`timezone` is not a time zone: `utc`", "did you mean `UTC`?");
    site_fault(
        "timezone = '+02:00'",
        "           ^^^^^^^^",
        "`timezone` is not a time zone: `+02:00`",
        "write a name of the IANA database, such as `Europe/Lisbon` or `UTC`",
    );
    let time = "write hours and minutes, from `00:00` to `23:59`";
    site_fault("publish_time = '9:00'", "               ^^^^^^", "`publish_time` is not a time of day: `9:00`", time);
    site_fault(
        "publish_time = '24:00'",
        "               ^^^^^^^",
        "`publish_time` is not a time of day: `24:00`",
        time,
    );
    site_fault(
        "publish_time = 9",
        "               ^",
        "`publish_time` must be a time of day, found a whole number",
        "write it like `\"09:00\"`",
    );
    assert_eq!(config(&format!("{SITE}publish_time = 09:30:00")).site.publish_time.to_string(), "09:30:00");
}

#[test]
fn a_permalink_must_tell_posts_apart_and_stay_in_the_site() {
    #[track_caller]
    fn case(value: &str, marks: &str, message: &str, hint: &str) {
        site_fault(&format!("permalink = '{value}'"), &format!("{}{marks}", " ".repeat(12)), message, hint);
    }
    let path = "write the path that readers will see";
    case("{slug}/", "^^^^^^^^^", "`permalink` must start with `/`: `{slug}/`", "write `/{slug}/`");
    case("/{slog}/", "  ^^^^^^", "`permalink` has an unknown placeholder `{slog}`", "did you mean `{slug}`?");
    case(
        "/{slug}/{}/",
        "         ^^",
        "`permalink` has an unknown placeholder `{}`",
        "the placeholders are `{slug}`, `{id}`, `{year}`, `{month}`, `{day}` and `{category}`",
    );
    case("/é/{slug", "    ^", "`permalink` has a `{` without its pair", "placeholders look like `{slug}`");
    case("/slug}", "      ^", "`permalink` has a `}` without its pair", "placeholders look like `{slug}`");
    case(
        "/{year}/",
        "^^^^^^^^^^",
        "`permalink` gives many posts one address: `/{year}/`",
        "put `{slug}` or `{id}` into it",
    );
    case("/a/../{slug}/", "    ^^", "`permalink` must not hold `..`", path);
    case("/a//{slug}/", "    ^", "`permalink` must not hold `//`", path);
    case("/?p={id}", "  ^", "`permalink` must not hold `?`", "write a path, such as `/blog/{slug}/`");
    case("/a {id}", "   ^", "`permalink` must not hold ` `", "write a path, such as `/blog/{slug}/`");
}

#[test]
fn folders_stay_in_the_site() {
    let hint = "write a path such as `content/posts`";
    let absolute = "must be a folder inside the site, not an absolute path";
    fault("[content]\ndir = '/var/posts'", "      ^^^^^^^^^^^^", &format!("`dir` {absolute}: `/var/posts`"), hint);
    fault("[content]\ndir = 'C:/posts'", "      ^^^^^^^^^^", &format!("`dir` {absolute}: `C:/posts`"), hint);
    fault(
        "[content]\nposts = ['a', 'b/../../c']",
        "              ^^^^^^^^^^^",
        "`posts` must not lead out of the site: `b/../../c`",
        hint,
    );
    fault(
        "[content]\nposts = []",
        "        ^^",
        "`posts` names no folder",
        "write `posts = [\"posts\"]`, or leave the key out",
    );
    fault(
        "[content]\ntaxonomies = 'a\\b'",
        "             ^^^^^",
        "`taxonomies` must be written with `/`: `a\\b`",
        "write `a/b`",
    );
    fault("[content]\npeople = ''", "         ^^", "`people` is empty", "write `.` for the folder itself");
    let other = "write a folder that holds nothing else, such as `public`";
    fault(
        "[content]\noutput = 'content'",
        "         ^^^^^^^^^",
        "`output` would put feeds among the posts: `content`",
        other,
    );
    fault("[content]\noutput = '.'", "         ^^^", "`output` would put feeds among the posts: `.`", other);
    assert_eq!(config(&format!("{SITE}[content]\ndir = './'\n")).content.dir, ".");
}

#[test]
fn feeds_say_what_they_cannot_be() {
    #[track_caller]
    fn case(line: &str, marks: &str, message: &str, hint: &str) {
        fault(&format!("[feeds]\n{line}"), marks, message, hint);
    }
    case("formats = ['atm']", "           ^^^^^", "`formats` does not know `atm`", "did you mean `atom`?");
    case("formats = ['xml']", "           ^^^^^", "`formats` does not know `xml`", "it knows `atom`, `rss` and `json`");
    case("formats = ['RSS']", "           ^^^^^", "`formats` does not know `RSS`", "did you mean `rss`?");
    case("formats = ['rss', 'rss']", "                  ^^^^^", "`formats` names `rss` twice", "");
    case("formats = []", "          ^^", "`formats` names no format", "name at least one of `atom`, `rss` and `json`");
    case("taxonomies = ['tags']", "              ^^^^^^", "`taxonomies` does not know `tags`", "did you mean `tag`?");
    case("items = 0", "        ^", "`items` must be at least 1, found 0", "");
    case("items = -3", "        ^^", "`items` must be at least 1, found -3", "");
    let size = "write a whole number and a unit: `512 KB`, `1 MB`, `1 MiB`";
    case("bytes = '1.5 MB'", "        ^^^^^^^^", "`bytes` is not a size: `1.5 MB`", size);
    case("bytes = '1 TB'", "        ^^^^^^", "`bytes` is not a size: `1 TB`", size);
    case(
        "bytes = '99999999999999 GB'",
        &format!("        {}", "^".repeat(19)),
        "`bytes` is not a size: `99999999999999 GB`",
        size,
    );
    case("bytes = -1", "        ^^", "`bytes` is not a size: `-1`", size);
    case("bytes = 0", "        ^", "`bytes` must be more than 0", "");
    let length = "write a whole number and a unit: `36h`, `90d`, `12w`, `2y`";
    case("age = 90", "      ^^", "`age` must be a text, found a whole number", length);
    case("age = '3m'", "      ^^^^", "`age` is not a length of time: `3m`", length);
    case("age = '0d'", "      ^^^^", "`age` must be more than 0", "");
    case("age = '1001y'", "      ^^^^^^^", "`age` is more than 1000 years: `1001y`", "leave the key out for no limit");
    case("content = 'ful'", "          ^^^^^", "`content` does not know `ful`", "did you mean `full`?");
    case(
        "archives = 'every'",
        "           ^^^^^^^",
        "`archives` does not know `every`",
        "it knows `site`, `all` and `none`",
    );
}

#[test]
fn sizes_and_ages_are_read() {
    #[track_caller]
    fn case(text: &str, want: u64) {
        let config = config(&format!("{SITE}[feeds]\n{text}"));
        assert_eq!(config.feeds.age.map_or(config.feeds.bytes, |age| age.as_secs()), want, "{text}");
    }
    case("bytes = 1000", 1000);
    case("bytes = '1000'", 1000);
    case("bytes = '512 KB'", 512_000);
    case("bytes = '1mb'", 1_000_000);
    case("bytes = ' 2 MiB '", 2 << 20);
    case("age = '36h'", 129_600);
    case("age = '90d'", 7_776_000);
    case("age = '12 w'", 7_257_600);
    case("age = '2y'", 63_072_000);
}

#[test]
fn an_id_prefix_must_make_uris() {
    #[track_caller]
    fn case(prefix: &str, marks: &str, message: &str, hint: &str) {
        let message = format!("`id_prefix` {message}");
        fault(&format!("[feeds]\nid_prefix = '{prefix}'"), &format!("{}{marks}", " ".repeat(12)), &message, hint);
    }
    let long =
        "write `tag:`, a domain of yours, a comma, a year in which it was yours, and a colon:\n`tag:example.org,2026:`";
    let tag = "a tag looks like `tag:example.org,2026:`";
    case("", "^^", "does not start a URI: ``", long);
    case("posts-", "^^^^^^^^", "does not start a URI: `posts-`", long);
    case("tag:example.org,2026: é", "                      ^", "must not hold ` `: no URI can", long);
    case("tag:example.org,2026", "                     ", "has no `:` at its end: `tag:example.org,2026`", tag);
    case("tag:example.org:", "     ^^^^^^^^^^^", "has no comma and year after the domain: `tag:example.org:`", tag);
    case("tag:example_org,2026:", "     ^^^^^^^^^^^", "has no domain after `tag:`: `tag:example_org,2026:`", tag);
    case(
        "tag:Example.org,2026:",
        "     ^^^^^^^^^^^",
        "must have its domain in small letters: `tag:Example.org,2026:`",
        "write `tag:example.org,2026:`",
    );
    case("tag:example.org,26:", "                 ^^", "has no year after the comma: `tag:example.org,26:`", tag);
    case(
        "tag:example.org,2026-13:",
        "                 ^^^^^^^",
        "has no year after the comma: `tag:example.org,2026-13:`",
        tag,
    );
    case(
        "tag:example.org,2026:#",
        "                      ^",
        "must not hold `#` or `%`: `tag:example.org,2026:#`",
        tag,
    );
    case("urn:x:", "^^^^^^^^", "does not start a URN: `urn:x:`", long);
    case(
        "https:example.org/",
        "^^^^^^^^^^^^^^^^^^^^",
        "is not in its normal form: `https:example.org/`",
        "write `https://example.org/`",
    );
    for good in
        ["tag:ana@example.org,2026-01:blog/", "tag:example.org,2026-01-31:", "urn:example:", "https://example.org/id/"]
    {
        let config = config(&format!("{SITE}[feeds]\nid_prefix = '{good}'"));
        assert_eq!(config.feeds.id_prefix.expect("a prefix").value, good);
    }
}

#[test]
fn a_name_in_front_matter_means_one_field() {
    let hint = "a name in front matter can mean one field only";
    fault(
        "[front_matter]\nupdated = ['changed', 'date']",
        "                      ^^^^^^",
        "`date` cannot mean `updated`: it means `published`",
        hint,
    );
    fault(
        "[front_matter]\nlead = 'a'\nsummary = 'a'",
        "       ^^^",
        "`a` cannot mean `lead`: it means `summary`",
        hint,
    );
    fault(
        "[front_matter]\npublishd = 'a'",
        "^^^^^^^^",
        "unknown key `publishd` in `[front_matter]`",
        "did you mean `published`?",
    );
    fault(
        "[front_matter]\ndate = 'a'",
        "^^^^",
        "unknown key `date` in `[front_matter]`",
        "`date` is a name of `published`; the field stands on the left, its further names on the right",
    );
    fault("[front_matter]\ntag = ['']", "       ^^", "a name of `tag` is empty", "");
}

#[test]
fn a_faulty_filter_is_pointed_at_inside_its_text() {
    fault(
        "[feed.a]\nfilter = 'category=a and healthcare'",
        "                         ^^^^^^^^^^",
        "`healthcare` stands alone",
        "write `category=healthcare`",
    );
    fault(
        "[feed.a]\nfilter = \"tag=\\\"a\\\" && b\"",
        "                    ^^",
        "`&&` is not known here",
        "write `and`",
    );
    fault("[feed.a]\nfilter = '''\ntag=a &&'''", "         ^^^", "`&&` is not known here", "write `and`");
    fault(
        "[feed.a]\nfilter = ''",
        "          ",
        "the filter is empty",
        "write for example `category=healthcare`, or leave the filter out for all posts",
    );
}

#[test]
fn a_filter_over_many_lines_is_pointed_at_as_a_whole() {
    let feeds =
        config(&format!("{SITE}[feed.a]\nfilter = '''tag=a\nor tag=b'''\n[feed.b]\nfilter = \"tag='\\u0062'\""))
            .declared;
    assert_eq!(feeds["a"].filter_span(4, 1), Some(Span { line: 5, column: 10, width: 0 }));
    assert_eq!(feeds["b"].filter_span(5, 1), Some(Span { line: 8, column: 11, width: 12 }));
}

const KEYS: [&str; 6] = ["title", "url", "permalink", "language", "timezone", "publish_time"];

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        text in prop_oneof![
            any::<String>(),
            "(\\[(site|feeds|feed\\.a|content|front_matter)\\]\n|(title|url|permalink|filter|id_prefix|timezone|age|posts|dir|hub) = ('[^'\n]{0,12}'|\\[\\]|-?[0-9]{1,30}|\"\\\\u00e9\")\n){0,8}",
        ],
    ) {
        if let Err(found) = Config::parse(&text) {
            prop_assert!(!found.is_empty());
            for finding in found {
                finding.render(Some(&text));
            }
        }
    }

    #[test]
    fn no_value_makes_it_panic(
        key in prop::sample::select(&KEYS[..]),
        value in "[^'\\p{Cc}]{0,20}|/[{}./a-z]{0,20}|(tag|urn|https?):[a-zA-Z,:0-9@.-]{0,20}|[0-9]{0,25}.{0,2}",
    ) {
        let value = value.replace('\'', "");
        let text = format!("[site]\n{key} = '{value}'\n[feeds]\nid_prefix = '{value}'\nbytes = '{value}'\nage = '{value}'\n[content]\ndir = '{value}'");
        for finding in Config::parse(&text).expect_err("incomplete") {
            finding.render(Some(&text));
        }
    }
}

#[test]
fn an_empty_file_is_told_what_it_lacks() {
    assert_eq!(
        findings(""),
        "error: `[site]` has no `title`
 --> tidings.toml
hint: write the site's name under `[site]`: `title = \"Field Notes\"`

error: `[site]` has no `url`
 --> tidings.toml
hint: write the site's address under `[site]`: `url = \"https://example.org/\"`
"
    );
}
