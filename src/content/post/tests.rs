//! What is read from posts, and what is said about them.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const FILE: &str = "content/posts/spring-sale.md";

fn reading(dialect: &Dialect) -> Reading<'_> {
    Reading { dialect, timezone: chrono_tz::UTC, publish_time: NaiveTime::MIN, hashed: Hashed::Every }
}

fn parse_in(file: &str, source: impl AsRef<[u8]>) -> (Option<Post>, Vec<Diagnostic>) {
    parse(file, source.as_ref(), &reading(&Dialect::default()))
}

/// The post of front matter that has nothing wrong with it.
#[track_caller]
fn post(front_matter: &str) -> Post {
    let (post, findings) = parse_in(FILE, with_rest(front_matter));
    assert_eq!(findings, [], "{front_matter}");
    post.unwrap()
}

/// Front matter with what it lacks to be that of a post.
fn with_rest(front_matter: &str) -> String {
    let mut source = format!("---\n{front_matter}\n");
    for (keys, line) in [
        (&["title:", "Title:"][..], "title: T\n"),
        (&["date:", "published: 2"], "date: 2026-03-02\n"),
        (&["summary:", "description:"], "summary: S\n"),
    ] {
        if !keys.iter().any(|key| front_matter.contains(key)) {
            source.push_str(line);
        }
    }
    source + "---\nText\n"
}

/// All findings, as people read them.
fn report(file: &str, source: &str) -> String {
    let (post, findings) = parse_in(file, source);
    assert_eq!(post.is_none(), findings.iter().any(Diagnostic::is_error));
    findings.iter().map(|finding| finding.render(Some(source))).collect()
}

#[track_caller]
fn says(front_matter: &str, want: &str) {
    assert_eq!(report(FILE, &with_rest(front_matter)), want, "{front_matter}");
}

/// The values of a list, between bars.
fn bars(list: &[Spanned<Text>]) -> String {
    list.iter().map(|item| item.value.as_str()).collect::<Vec<_>>().join("|")
}

#[test]
fn all_fields_of_the_first_dialect_are_read() {
    let source = "---
id: 4ItmAo1t5SIG8MsiEa2K2K
title: 'AWS Re:Invent Re:Cap No.1'
slug: aws-reinvent-recap-1
pub_date: '2016-11-30'
tags:
  - healthcare-news
  - innovation
categories_blog: healthcare
author: 3VJKuWDfPak8w26k0g0Kw0
summary: >-
  What a list
  shows.
lead: >-
  The *opening*
  paragraph.
cta_ref: 64Hk6hz0aW2iik2IS8UqCK
related_entries:
  - 5xoRY6Vp1C222
discovery_topic: discovery_topic/aws-hipaa
featured_image: /a.jpg
share_image: https://example.com/b.jpg
updated: 2016-12-01
withdrawn: 2017-01-01T10:00:00Z
draft: false
enclosure: {url: /a.mp3, type: audio/mpeg, length: 1234}
lang: en-US
content: summary
sitemap: {priority: 0.5, on: true, name: 007x}
---
Text
";
    let (post, findings) = parse_in("content/posts/2016-11-23.other.md", source);
    assert_eq!(findings, []);
    let post = post.unwrap();
    assert_eq!(post.id.unwrap().value, "4ItmAo1t5SIG8MsiEa2K2K");
    assert_eq!(post.title, Spanned::new("AWS Re:Invent Re:Cap No.1".into(), Span { line: 3, column: 8, width: 27 }));
    assert_eq!(post.slug.value, "aws-reinvent-recap-1");
    assert_eq!(post.published_at.value.to_rfc3339(), "2016-11-30T00:00:00+00:00");
    assert_eq!(post.published_at.span, Span { line: 5, column: 11, width: 12 });
    assert_eq!(post.updated_at.unwrap().to_rfc3339(), "2016-12-01T00:00:00+00:00");
    assert_eq!(post.withdrawn_at.unwrap().to_rfc3339(), "2017-01-01T10:00:00+00:00");
    assert!(!post.draft);
    assert_eq!(bars(&post.tags), "healthcare-news|innovation");
    assert_eq!(post.tags[1].span, Span { line: 8, column: 5, width: 10 });
    assert_eq!(bars(&post.categories), "healthcare");
    assert_eq!(bars(&post.topics), "aws-hipaa");
    assert_eq!(post.topics[0].span, Span { line: 20, column: 18, width: 25 });
    assert_eq!(bars(&post.authors), "3VJKuWDfPak8w26k0g0Kw0");
    assert_eq!(
        post.summary.unwrap(),
        Spanned::new("What a list shows.".into(), Span { line: 12, column: 3, width: 11 })
    );
    assert_eq!(post.lead.unwrap().value.as_str(), "The *opening* paragraph.");
    assert_eq!(post.call_to_action.unwrap().value.as_str(), "64Hk6hz0aW2iik2IS8UqCK");
    assert_eq!(bars(&post.related), "5xoRY6Vp1C222");
    assert_eq!(post.featured_image.unwrap().value.as_str(), "/a.jpg");
    assert_eq!(post.share_image.unwrap().value.as_str(), "https://example.com/b.jpg");
    let enclosure = post.enclosure.unwrap();
    assert_eq!((enclosure.url.value.as_str(), enclosure.size_bytes), ("/a.mp3", Some(1234)));
    assert_eq!(enclosure.media_type.unwrap().as_str(), "audio/mpeg");
    assert_eq!(post.lang.unwrap().value.as_str(), "en-US");
    assert_eq!(post.content, Some(Content::Summary));
    let extra = serde_json::json!({"sitemap": {"priority": 0.5, "on": true, "name": "007x"}});
    assert_eq!(serde_json::Value::Object(post.extra), extra);
    assert_eq!(post.body.start, source.len() - "Text\n".len());
}

#[test]
fn the_body_is_found_again_until_it_changes() {
    let source = "---\r\ntitle: T\r\ndate: 2026-03-02\r\nsummary: S\r\n---\r\nOne\r\n---\r\nTwo\r\n";
    let (post, findings) = parse_in(FILE, source);
    assert_eq!(findings, []);
    let post = post.unwrap();
    assert_eq!(body(&post, source.as_bytes()).as_deref(), Some("One\n---\nTwo\n"));
    assert_eq!(body(&post, source.replace("Two", "Twa").as_bytes()), None);
    assert_eq!(body(&post, &source.as_bytes()[..20]), None);
    assert_eq!(body(&post, &[0xff; 100]), None);
    assert!(!post.body.blank && post.body.hash.is_some());
}

#[test]
fn a_list_may_be_a_text_and_says_nothing_twice() {
    #[track_caller]
    fn case(front_matter: &str, want: &str) {
        let post = post(front_matter);
        let found = [("c", &post.categories), ("o", &post.topics), ("t", &post.tags), ("a", &post.authors)];
        let found: Vec<String> = found
            .iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(axis, list)| format!("{axis}:{}", bars(list)))
            .collect();
        assert_eq!(found.join(" "), want, "{front_matter}");
    }
    case("tags: a b", "t:a b");
    case("tags: [a, b]", "t:a|b");
    case("tags: [2019, 1.0, true, 0x1F, ~, '', ' ', null]", "t:2019|1.0|true|0x1F");
    case("tags: [HIPAA, hipaa, ' Hipaa ', Ärzte, ÄRZTE]", "t:HIPAA|Ärzte");
    case("tags: ['null', '~']", "t:null|~");
    case("tags:", "");
    case("tags: []", "");
    case("tags: C++\ntag: [C, C#]", "t:C++|C|C#");
    case("category: a\ncategories: [b, A]", "c:a|b");
    case("topics: [topics/a, topic/b, discovery_topic/c, /topics/d/, A, e/f]", "o:a|b|c|d|e/f");
    case("author: Ana Sousa\nauthors: [x, X]", "a:Ana Sousa|x|X");
    case("authors: [{name: Ana, url: /ana}, {id: 7, name: Li}]\n", "a:Ana|7");
    case("author: {slug: li-wei}", "a:li-wei");
    case("author:\n  - sys:\n      type: Link\n      id: 1F6Zn0\n  - x", "a:1F6Zn0|x");
    case("tags: >-\n  a\n  b", "t:a b");
}

#[test]
fn a_file_may_come_from_anywhere() {
    #[track_caller]
    fn case(source: &str) {
        let (post, findings) = parse_in(FILE, source);
        assert_eq!(findings, [], "{source:?}");
        let post = post.unwrap();
        assert_eq!(post.title.value.as_str(), "T", "{source:?}");
        assert_eq!(post.title.span.column, 8, "{source:?}");
        assert_eq!(source[post.body.start..].trim(), "Text\n\n---\nmore", "{source:?}");
    }
    case("---\ntitle: T\ndate: 2026-03-02\nsummary: S\n---\nText\n\n---\nmore\n");
    case("\u{feff}---\ntitle: T\ndate: 2026-03-02\nsummary: S\n---\nText\n\n---\nmore");
    case("\n \n---  \ntitle: T\ndate: 2026-03-02\nsummary: S\n--- \t\n\nText\n\n---\nmore\n");
    case("---\ntitle: T # here\n# there\ndate: 2026-03-02\nsummary: S\n...\nText\n\n---\nmore\n");
    case("---\nbase: &b {date: 2026-03-02, summary: S, title: X}\ntitle: T\n<<: *b\n---\nText\n\n---\nmore\n");
    let (post, findings) = parse_in(FILE, "---\ntitle: T\ndate: 2026-03-02\nsummary: S\n---");
    assert_eq!(findings, []);
    assert!(post.unwrap().body.blank);
}

#[test]
fn the_date_comes_from_the_first_key_that_has_one_or_from_the_file_name() {
    #[track_caller]
    fn case(file: &str, front_matter: &str, day: &str, draft: bool) {
        let source = format!("---\ntitle: T\nsummary: S\n{front_matter}\n---\n");
        let (post, findings) = parse_in(file, &source);
        assert_eq!(findings, [], "{front_matter}");
        let post = post.unwrap();
        assert_eq!(post.published_at.value.format("%F").to_string(), day, "{front_matter}");
        assert_eq!(post.draft, draft, "{front_matter}");
    }
    case("a.md", "date: 2026-03-02", "2026-03-02", false);
    case("a.md", "date: 2026-03-03\npub_date: 2026-03-02", "2026-03-02", false);
    case("a.md", "pub_date:\ndate: 2026-03-02", "2026-03-02", false);
    case("a.md", "publishDate: '2026-03-02'", "2026-03-02", false);
    case("a.md", "published: 2026-03-02", "2026-03-02", false);
    case("2026-03-02-a.md", "published: false", "2026-03-02", true);
    case("2026-03-02-a.md", "published: true", "2026-03-02", false);
    case("2026-03-02-a.md", "published: No\ndate: 2026-03-04", "2026-03-04", true);
    case("2026-03-02-a.md", "draft: yes", "2026-03-02", true);
    case("2026-03-02-a.md", "draft: 'on'", "2026-03-02", true);
    case("2026-03-02-a.md", "draft: FALSE", "2026-03-02", false);
    case("2026-03-02-a.md", "draft:", "2026-03-02", false);
    case("posts/2026-03-02.a/index.md", "", "2026-03-02", false);
    case("2026-02-31-a.md", "date: 2026-03-02", "2026-03-02", false);
}

#[test]
fn a_file_name_whose_date_does_not_exist_is_told_where_no_other_date_stands() {
    assert_eq!(
        report("2026-02-31-a.md", "---\ntitle: T\nsummary: S\n---\n"),
        "error: the date in the file name is not a date: day 31 does not exist in February 2026
 --> 2026-02-31-a.md:1:1
  |
1 | ---
  | ^^^
hint: rename the file, or give the date in front matter
"
    );
}

#[test]
fn the_slug_is_the_one_given_or_that_of_the_file_name() {
    #[track_caller]
    fn case(file: &str, front_matter: &str, want: &str) {
        let source = format!("---\ntitle: T\nsummary: S\ndate: 2026-03-02\n{front_matter}\n---\n");
        let (post, findings) = parse_in(file, &source);
        assert_eq!(findings, [], "{front_matter}");
        assert_eq!(post.unwrap().slug.value, want, "{front_matter}");
    }
    case("content/posts/2016-11-30.aws-recap.md", "", "aws-recap");
    case("content/posts/aws/index.md", "", "aws");
    case("a.md", "slug: /2026/spring sale's/", "2026/spring sale's");
    case("a.md", "slug: 2014", "2014");
    case("a.md", "slug: 012", "012");
    case("a.md", "slug: /", "a");
    case("a.md", "slug: ~", "a");
}

#[test]
fn text_is_what_was_written() {
    #[track_caller]
    fn case(yaml: &str, want: &str) {
        assert_eq!(post(&format!("title: {yaml}")).title.value.as_str(), want, "{yaml}");
    }
    case("2014", "2014");
    case("1e3", "1e3");
    case("yes", "yes");
    case("'null'", "null");
    case("'it''s'", "it's");
    case(r#""a \u00e9\n b""#, "a é b");
    case("  a   b  ", "a b");
    case("|\n  a\n  b", "a b");
    case("!!str 12", "12");
    case("<b>&\"' 🎉 שלום", "<b>&\"' 🎉 שלום");
}

#[test]
fn pictures_and_references_may_be_lists_or_maps() {
    let post = post(
        "featured_image: [/a.jpg, /b.jpg]\nshare_image: {alt: x, src: /c.jpg}\ncta_ref: {id: 7}\nrelated_entries: {slug: x}\nenclosure: /a.mp3",
    );
    assert_eq!(post.featured_image.unwrap().value.as_str(), "/a.jpg");
    assert_eq!(post.share_image.unwrap().value.as_str(), "/c.jpg");
    assert_eq!(post.call_to_action.unwrap().value.as_str(), "7");
    assert_eq!(bars(&post.related), "x");
    assert_eq!(post.enclosure.unwrap().url.value.as_str(), "/a.mp3");
}

#[test]
fn what_has_no_meaning_here_is_kept_for_templates() {
    #[track_caller]
    fn case(yaml: &str, want: serde_json::Value) {
        assert_eq!(post(&format!("x: {yaml}")).extra["x"], want, "{yaml}");
    }
    use serde_json::json;
    case("", json!(null));
    case("12", json!(12));
    case("-12", json!(-12));
    case("+12", json!(12));
    case("18446744073709551615", json!(u64::MAX));
    case("184467440737095516150", json!("184467440737095516150"));
    case("0x1F", json!(31));
    case("0o17", json!(15));
    case("1.50", json!(1.5));
    case(".5", json!(0.5));
    case("1e3", json!(1000.0));
    case(".inf", json!(".inf"));
    case("1.2.3", json!("1.2.3"));
    case("'12'", json!("12"));
    case("True", json!(true));
    case("yes", json!("yes"));
    case("[a, {b: c}, []]", json!(["a", {"b": "c"}, []]));
    case("2026-03-02", json!("2026-03-02"));
}

#[test]
fn a_date_that_does_not_exist_is_pointed_at() {
    let source = "---\ntitle: Spring\nlang: en\ndate: 2026-13-02\n---\nHello\n";
    assert_eq!(
        report(FILE, source),
        "warning: post has no summary
 --> content/posts/spring-sale.md:2:8
  |
2 | title: Spring
  |        ^^^^^^
hint: add `summary: …`, a sentence or two for lists
error: `date` is not a date: month 13 does not exist
 --> content/posts/spring-sale.md:4:7
  |
4 | date: 2026-13-02
  |       ^^^^^^^^^^
hint: write YYYY-MM-DD, or with a time 2026-03-02T09:00:00Z
"
    );
    #[track_caller]
    fn case(line: &str, message: &str) {
        let report = report(FILE, &with_rest(line));
        assert_eq!(report.lines().next(), Some(message), "{line}");
        assert!(report.ends_with("hint: write YYYY-MM-DD, or with a time 2026-03-02T09:00:00Z\n"), "{report}");
    }
    case("pub_date: '2026-04-31'", "error: `pub_date` is not a date: day 31 does not exist in April 2026");
    case("date: 2026-04-30 25:00", "error: `date` is not a date: hour 25 does not exist");
    case("date: soon", "error: `date` is not a date: expected YYYY-MM-DD, found `soon`");
    case("date: true", "error: `date` is not a date: expected YYYY-MM-DD, found `true`");
    case("updated: 2026-02-30", "error: `updated` is not a date: day 30 does not exist in February 2026");
    case("withdrawn: yes", "error: `withdrawn` is not a date: expected YYYY-MM-DD, found `yes`");
}

#[test]
fn all_that_is_wrong_with_a_post_is_told_at_once() {
    assert_eq!(
        report(FILE, "---\ntilte: Spring\nslug: ../etc\ntags: {a: b}\ndraft: maybe\n---\n"),
        "error: post has no title
 --> content/posts/spring-sale.md:1:1
  |
1 | ---
  | ^^^
hint: did you mean `title` by `tilte` on line 2?
error: post has no date
 --> content/posts/spring-sale.md:1:1
  |
1 | ---
  | ^^^
hint: add `pub_date: YYYY-MM-DD`, or start the file name with the date
warning: post has no summary
 --> content/posts/spring-sale.md:1:1
  |
1 | ---
  | ^^^
hint: add `summary: …`, a sentence or two for lists
error: `slug` leaves the output folder by `..`
 --> content/posts/spring-sale.md:3:7
  |
3 | slug: ../etc
  |       ^^^^^^
hint: write letters, digits and `-`, such as `spring-sale`, with `/` between folders
error: `tags` must be a list or a text, found a map
 --> content/posts/spring-sale.md:4:7
  |
4 | tags: {a: b}
  |       ^
error: `draft` must be true or false, found `maybe`
 --> content/posts/spring-sale.md:5:8
  |
5 | draft: maybe
  |        ^^^^^
"
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_named() {
    #[track_caller]
    fn case(line: &str, message: &str) {
        let report = report(FILE, &with_rest(line));
        assert_eq!(report.lines().next(), Some(message), "{line}");
    }
    case("title: [a]", "error: `title` must be a text, found a list");
    case("title: ~", "error: post has no title");
    case("title: ''", "error: post has no title");
    case("slug: {a: b}", "error: `slug` must be a text, found a map");
    case("date: [2026-03-02]", "error: `date` must be a date, found a list");
    case("tags: [a, [b]]", "error: `tags` must hold texts only, found a list");
    case("tags: [{name: b}]", "error: `tags` must hold texts only, found a map");
    case(
        "author: {mail: x}",
        "error: `author` must hold texts, or a map with `id` or `slug` or `name` or `title`, found a map",
    );
    case(
        "cta_ref: {x: y}",
        "error: `cta_ref` must be a text, or a map with `id` or `slug` or `name` or `title`, found a map",
    );
    case("image: {alt: y}", "error: `image` must be a text, or a map with `url` or `src` or `path`, found a map");
    case("enclosure: {type: a/b}", "error: `enclosure` has no `url`");
    case("enclosure: {url: /a, length: 1 MB}", "error: `length` must be a number of bytes, found `1 MB`");
    case("content: none", "error: `content` must be `full` or `summary`, found `none`");
    case("lang: english words", "warning: `lang` is not a language tag: `english words`");
    case("lang: en_US", "warning: `lang` is not a language tag: `en_US`");
    assert_eq!(parse_in(FILE, with_rest("lang: en_US")).0.unwrap().lang, None);
}

#[test]
fn a_file_without_front_matter_says_what_it_lacks() {
    #[track_caller]
    fn case(source: &str, want: &str) {
        assert_eq!(report("a.md", source), want, "{source:?}");
    }
    let none =
        "hint: start the file with `---`, `title: …`, `pub_date: YYYY-MM-DD` and `---`, each on a line of its own\n";
    let foreign = "hint: put lines such as `title: Spring` between two lines `---`\n";
    case("", &format!("error: post has no front matter\n --> a.md:1:1\n  |\n1 | \n  | ^\n{none}"));
    case("Hello\n", &format!("error: post has no front matter\n --> a.md:1:1\n  |\n1 | Hello\n  | ^\n{none}"));
    case(
        "+++\ntitle = \"x\"\n+++\n",
        &format!("error: front matter is TOML, not YAML\n --> a.md:1:1\n  |\n1 | +++\n  | ^^^\n{foreign}"),
    );
    case("{\n}\n", &format!("error: front matter is JSON, not YAML\n --> a.md:1:1\n  |\n1 | {{\n  | ^\n{foreign}"));
    case(
        "---\ntitle: x\n",
        "error: front matter has no closing `---`\n --> a.md:1:1\n  |\n1 | ---\n  | ^^^\nhint: put `---` on a line of its own between the last key and the text\n",
    );
    case(
        &format!("---\nx: {}\n---\n", "y".repeat(front_matter::LARGEST)),
        "error: front matter is larger than 64 KiB\n --> a.md:1:1\n  |\n1 | ---\n  | ^^^\nhint: move text below the closing `---`\n",
    );
}

#[test]
fn bytes_that_are_no_text_are_pointed_at() {
    #[track_caller]
    fn case(bytes: &[u8], message: &str, line: u32, column: u32) {
        let (post, findings) = parse_in("a.md", bytes);
        assert!(post.is_none());
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!(finding.message, message);
        let place = finding.place.clone().unwrap();
        assert_eq!((place.file.as_str(), place.span.unwrap()), ("a.md", Span { line, column, width: 1 }));
    }
    case(b"---\ntitle: \xc3\xa9 Caf\xe9\n---\n", "the file is not UTF-8: byte 0xE9 is no part of a character", 2, 13);
    case(b"\xef\xbb\xbf\xff", "the file is not UTF-8: byte 0xFF is no part of a character", 1, 1);
    case(b"\xff\xfe-\0-\0-\0", "the file is UTF-16, not UTF-8", 1, 1);
    case(b"---\ntitle: x\n---\n\nBody \xf0\x9f", "the file is not UTF-8: byte 0xF0 is no part of a character", 5, 6);
}

#[test]
fn yaml_faults_are_told_in_plain_words() {
    #[track_caller]
    fn case(front_matter: &str, message: &str, line: u32, column: u32) {
        let source = format!("---\n{front_matter}\n---\n");
        let (post, findings) = parse_in(FILE, &source);
        assert!(post.is_none(), "{front_matter}");
        let finding = &findings[0];
        let span = finding.place.as_ref().unwrap().span.unwrap();
        assert_eq!((finding.message.as_str(), span.line, span.column), (message, line, column), "{front_matter}");
    }
    case("title: Foo: bar", "front matter is not YAML: `: ` inside a value", 2, 11);
    case("title: 'it's'", "front matter is not YAML: text after the closing quote", 2, 12);
    case("title: \"a\nb: c", "front matter is not YAML: the quote is not closed", 2, 8);
    case("title: \"\\d\"", "front matter is not YAML: unknown escape in double quotes", 2, 8);
    case("title: @foo", "front matter is not YAML: a value cannot start with `@`", 2, 8);
    case("title: `foo`", "front matter is not YAML: a value cannot start with ```", 2, 8);
    case("title: *foo", "front matter is not YAML: the alias names nothing above it", 2, 8);
    case("a:\n\tb: c", "front matter is not YAML: a tab where only spaces may stand", 3, 2);
    case("title: x\nfoo", "front matter is not YAML: this line is no `key: value`", 3, 1);
    case("title: [a", "front matter is not YAML: `[` is not closed", 2, 8);
    case("title: a]", "post has no date", 1, 1);
    case("- a", "front matter must be a map, found a list", 2, 1);
    case("title", "front matter must be a map, found a text", 2, 1);
    case("? [a]\n: b", "a key must be a text, found a list", 2, 3);
    case(": b", "a key is missing before `:`", 2, 1);
    case("title: x\n--- y", "front matter has a second YAML document", 3, 1);
    case("<<: 1", "`<<` takes a map or a list of maps, found a text", 2, 5);
    case("a: &a [*a]", "an alias stands inside the value that it names", 2, 8);
    case("%YAML 1.2", "front matter is not YAML: YAML directives are disallowed", 2, 1);
}

#[test]
fn two_keys_of_one_name_are_refused_wherever_they_stand() {
    says(
        "title: a\nx: {y: 1, y: 2}\ntitle: b",
        "error: key `y` stands twice
 --> content/posts/spring-sale.md:3:11
  |
3 | x: {y: 1, y: 2}
  |           ^
hint: it is on line 3 already; keep one of them
error: key `title` stands twice
 --> content/posts/spring-sale.md:4:1
  |
4 | title: b
  | ^^^^^
hint: it is on line 2 already; keep one of them
",
    );
    let many: String = (0..50).map(|i| format!("k{i}: x\n")).collect();
    assert!(report(FILE, &with_rest(&format!("{many}k7: y"))).starts_with("error: key `k7` stands twice\n"));
}

#[test]
fn characters_that_no_feed_can_carry_are_dropped_and_told() {
    #[track_caller]
    fn case(front_matter: &str, title: &str, want: &str) {
        let source = with_rest(front_matter);
        let (post, findings) = parse_in(FILE, &source);
        let told: Vec<String> = findings
            .iter()
            .map(|f| {
                let span = f.place.as_ref().unwrap().span.unwrap();
                format!("{}:{} {}", span.line, span.column, f.message)
            })
            .collect();
        assert_eq!(told, [want], "{front_matter:?}");
        assert_eq!(post.unwrap().title.value.as_str(), title, "{front_matter:?}");
    }
    case("title: a\u{1}b", "ab", "2:9 front matter holds U+0001, which no feed can carry; it was dropped");
    case("title: a\0b", "ab", "2:9 front matter holds U+0000, which no feed can carry; it was dropped");
    case("title: a\u{92}b", "ab", "2:9 front matter holds U+0092, which YAML does not allow; it was dropped");
    case("title: \u{feff}ab", "ab", "2:8 front matter holds U+FEFF, which YAML does not allow; it was dropped");
    case(
        "title: 'é\u{ffff}\u{b}'",
        "é",
        "2:10 front matter holds 2 characters which no feed can carry, the first U+FFFF; they were dropped",
    );
    case("title: \"a\\x01b\"", "ab", "2:8 `title` holds U+0001, which no feed can carry; it was dropped");
    case(
        "title: ab\nx: [\"\\0\\x01\"]",
        "ab",
        "3:5 `x` holds 2 characters which no feed can carry, the first U+0000; they were dropped",
    );
    assert_eq!(
        report(FILE, "---\r\ntitle: T\r\ndate: 2026-03-02\r\nsummary: S\r\n---\r\none\r\ntwo\u{8} three\u{c}\r\n"),
        "warning: the text holds 2 characters which no feed can carry, the first U+0008; they were dropped
 --> content/posts/spring-sale.md:7:4
  |
7 | two  three
  |    ^
"
    );
    assert!(report(FILE, &with_rest("title: \"\\x01\"")).starts_with("warning: `title` holds U+0001"));
    assert_eq!(post("title: \u{85}a\u{a0}«b»\r").title.value.as_str(), "a «b»");
    assert_eq!(post("title: a\rb").title.value.as_str(), "a b");
}

#[test]
fn hostile_front_matter_costs_nothing() {
    #[track_caller]
    fn case(front_matter: String, message: &str) {
        let source = format!("---\n{front_matter}\n---\n");
        let start = Instant::now();
        let (post, findings) = parse_in(FILE, &source);
        let took = start.elapsed();
        assert!(post.is_none());
        assert_eq!(findings[0].message, message);
        // A debug build on a busy machine; what is quadratic takes seconds.
        assert!(took < Duration::from_millis(400), "{message}: {took:?}");
    }
    let deep = "front matter has more than 64 lists and maps inside each other";
    case(format!("x: {}", "[".repeat(20_000)), deep);
    case(format!("x: {}", "{a: ".repeat(15_000)), deep);
    case("- ".repeat(30_000), deep);
    case("? ".repeat(30_000), deep);
    case((0..300).map(|i| format!("{}a:\n", " ".repeat(i))).collect(), deep);
    case(format!("x: {}{}", "[".repeat(64), "]".repeat(64)), deep);
    let laughs: String =
        (1..10).map(|i| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(", "))).collect();
    case(format!("a0: &a0 [lol, lol]\n{laughs}"), "aliases make front matter too large");
    let tower: String = (1..400).map(|i| format!("a{i}: &a{i} {{b: [*a{}]}}\n", i - 1)).collect();
    case(format!("a0: &a0 [x]\n{tower}"), deep);
    case(
        format!("title: x\ndate: x\nsummary: x\n{}", (0..9000).map(|i| format!("{i}:\n")).collect::<String>()),
        "`date` is not a date: expected YYYY-MM-DD, found `x`",
    );
    case(
        format!(
            "date: x\ntitle: x\nsummary: x\ntags: [{}]",
            (0..12_000).map(|i| format!("{i:x},")).collect::<String>()
        ),
        "`date` is not a date: expected YYYY-MM-DD, found `x`",
    );
    let flat = format!("x: {}1{}", "[".repeat(63), "]".repeat(63));
    assert!(post(&flat).extra["x"].is_array());
}

#[test]
fn every_sample_of_a_dialect_gives_the_same_post() {
    let settings = BTreeMap::from([("published".to_owned(), vec!["goes_live".to_owned()])]);
    let dialect = Dialect::new(&settings);
    let dialects = [
        ["pub_date", "categories_blog", "discovery_topic", "tags", "author", "summary", "updated", "featured_image"],
        ["date", "category", "topic", "tag", "authors", "description", "lastmod", "image"],
        ["publishDate", "categories", "topics", "tags", "author", "excerpt", "last_modified_at", "image"],
        ["published", "categories", "topics", "tags", "author", "excerpt", "last_modified_at", "image"],
        ["goes_live", "categories", "topics", "tags", "author", "excerpt", "last_modified_at", "image"],
    ];
    let lists: [fn(&[&str]) -> String; 3] = [
        |items| format!(" [{}]", items.join(", ")),
        |items| items.iter().map(|item| format!("\n  - {item}")).collect(),
        |items| items.iter().map(|item| format!("\n- '{item}'")).collect(),
    ];
    let mut wanted: Option<String> = None;
    for keys in dialects {
        for list in lists {
            for (opening, end) in [("---", "\n"), ("\u{feff}---", "\n"), ("---", "\r\n"), ("\n---", "\r\n")] {
                let [date, category, topic, tag, author, summary, updated, image] = keys;
                let source = [
                    opening.to_owned(),
                    "title: 'It: is'".into(),
                    format!("{date}: 2026-03-02 09:00"),
                    format!("{category}:{}", list(&["Health"])),
                    format!("{topic}:{}", list(&["topics/a", "b"])),
                    format!("{tag}:{}", list(&["x", "y z"])),
                    format!("{author}:{}", list(&["ana"])),
                    format!("{summary}: >-\n  One\n  two."),
                    format!("{updated}: '2026-03-03'"),
                    format!("{image}: /a.png"),
                    "---".into(),
                    "Text\n\n---\n\nmore\n".into(),
                ]
                .join("\n")
                .replace('\n', end);
                let (post, findings) = parse("2020-01-01.a.md", source.as_bytes(), &reading(&dialect));
                assert_eq!(findings, [], "{source}");
                let found = values(&post.unwrap());
                assert_eq!(wanted.get_or_insert_with(|| found.clone()), &found, "{source}");
            }
        }
    }
}

/// All values of a post, without their places.
fn values(post: &Post) -> String {
    let Post { title, slug, published_at, updated_at, draft, categories, topics, tags, authors, summary, .. } = post;
    format!(
        "{title:?} {slug} {published} {updated_at:?} {draft} {} {} {} {} {summary:?} {image:?} {hash:x?}",
        bars(categories),
        bars(topics),
        bars(tags),
        bars(authors),
        title = title.value,
        slug = slug.value,
        published = published_at.value,
        summary = summary.as_ref().map(|summary| &summary.value),
        image = post.featured_image.as_ref().map(|image| &image.value),
        hash = post.body.hash,
    )
}

const SAMPLE: &str = "\u{feff}---\r\ntitle: &t 'A: b'\npub_date: '2016-11-30 09:00:00 -0500'\ntags: [a, \"\\u00e9\", {id: x}]\nslug: a/../b\nlead: >-\n  x\n\n   y\nlist:\n- *t\n- <<: {a: b}\n  c: 0x1F\nenclosure: {url: /a, length: 12}\n---\nText\u{1}\r\n";

/// What must hold for any file at all.
fn holds(file: &str, bytes: &[u8]) {
    let dialect = Dialect::default();
    let (post, findings) = parse(file, bytes, &reading(&dialect));
    assert_eq!(
        post.is_none(),
        findings.iter().any(Diagnostic::is_error),
        "a file without a post has an error: {findings:?}"
    );
    let text = String::from_utf8_lossy(bytes);
    for finding in &findings {
        finding.render(Some(&text));
        let span = finding.place.as_ref().unwrap().span.unwrap();
        assert!(span.column >= 1 && span.width >= 1, "{span:?}");
        assert!((1..=text.split('\n').count() as u32).contains(&span.line), "{span:?}");
    }
    if let Some(post) = post {
        assert!(body(&post, bytes).is_some());
        assert!(!post.slug.value.is_empty() && !post.title.value.is_empty());
        assert!(!post.slug.value.split('/').any(|part| part == ".." || part.is_empty()));
        let _ = post.published_at.value.to_rfc2822();
        let tokyo = post.published_at.value.with_timezone(&chrono_tz::Pacific::Kiritimati);
        let _ = tokyo.to_rfc2822();
    }
    let _ = crate::content::people::parse_person(file, bytes);
    let _ = crate::content::call_to_action::parse_call_to_action(file, bytes);
    let _ = crate::content::term_file::parse_term(file, bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), file in ".{0,20}") {
        holds(&file, &bytes);
    }

    #[test]
    fn no_front_matter_makes_it_panic(text in "[-a-c:\\[\\]{}&*!|>'\"%@`#?,~<. \t\r\n0-9TZéß\u{1}\u{85}\u{feff}\u{2028}]{0,120}") {
        holds("2016-11-30.a.md", format!("---\n{text}\n---\nx").as_bytes());
        holds("a.md", format!("---\ntitle: {text}\ndate: 2026-03-02\nx: {text}\n---\nx").as_bytes());
        holds("a.md", format!("---\ntitle: \"{text}\"\ndate: '{text}'\nslug: >\n  {text}\n---\nx").as_bytes());
    }

    #[test]
    fn no_change_to_a_post_makes_it_panic(
        changes in proptest::collection::vec((0..SAMPLE.len(), any::<u8>(), 0..3_u8), 1..8),
    ) {
        let mut bytes = SAMPLE.as_bytes().to_vec();
        for (at, byte, how) in changes {
            let at = at.min(bytes.len().saturating_sub(1));
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte & 0x7f),
                _ => { bytes.remove(at); }
            }
        }
        holds("content/posts/2016-11-30.a.md", &bytes);
    }

    #[test]
    fn any_title_in_quotes_comes_back(title in "\\PC{1,40}") {
        prop_assume!(!title.trim().is_empty() && !title.contains('\u{feff}'));
        let source = format!("---\ntitle: '{}'\ndate: 2026-03-02\nsummary: S\n---\n", title.replace('\'', "''"));
        let (post, findings) = parse_in("a.md", &source);
        prop_assert_eq!(&findings, &[]);
        let post = post.unwrap();
        prop_assert_eq!(post.title.value, Text::one_line(&title));
    }
}
