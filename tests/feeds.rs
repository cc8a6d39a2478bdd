//! The feeds of a small site with everything in it that feeds trip over, as golden files, byte for byte.
//!
//! `GOLDEN=write cargo test --test feeds` writes the files anew; what changed is then seen in the repository.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;
use tidings::config::Axis;
use tidings::content::post::Content;
use tidings::feed::listing::{Group, Kind, Listed, Listing};
use tidings::feed::{Archive, Entry, EntryTerm, Feed, Format, Media, Person, hosting, opml, page};
use tidings::template::Templates;
use tidings::text::{Html, Text, first_illegal};

const SITE: &str = "https://example.org/";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn person(name: &str, url: &str) -> Person {
    Person { name: name.into(), url: Some(url).filter(|url| !url.is_empty()).map(Text::from) }
}

fn term(axis: &str, term: &str, label: &str) -> EntryTerm {
    EntryTerm { scheme: format!("{SITE}{axis}/").into(), term: term.into(), label: label.into() }
}

fn plain(slug: &str, title: &str, day: &str) -> Entry {
    Entry {
        id: format!("tag:example.org,2026:{slug}").into(),
        title: title.into(),
        url: format!("{SITE}blog/{slug}/").into(),
        published_at: at(&format!("{day}T09:00:00Z")),
        updated_at: at(&format!("{day}T09:00:00Z")),
        authors: vec![person("Ana Sousa", "https://example.org/author/ana-sousa/")],
        terms: vec![],
        summary: Text::default(),
        content: Html::default(),
        language: None,
        image: None,
        enclosure: None,
    }
}

/// One entry for each trap, newest first.
fn entries() -> Vec<Entry> {
    vec![
        Entry {
            summary: "What we changed, and why a < b & friends say \"hello\".".into(),
            content: Html::trusted(
                "<p>A lead with a <a href=\"https://example.org/blog/x/?a=1&amp;b=2#y\">link</a>.</p>\n\
                 <table><tbody><tr><td>1</td></tr></tbody></table>\n\
                 <pre><code>if a &lt; b &amp;&amp; c { print(\"]]&gt;\") }</code></pre>\n",
            ),
            updated_at: at("2026-11-12T08:30:00Z"),
            terms: vec![term("category", "news", "News & Views"), term("tag", "c-plus-plus", "C++"), term("tag", "c", "C")],
            image: Some(Media {
                url: "https://example.org/images/a%20b.png?w=1&h=2".into(),
                media_type: "image/png".into(),
                size_bytes: Some(20_480),
                alt: "A \"chart\" of x < y".into(),
            }),
            enclosure: Some(Media {
                url: "https://example.org/audio/1.mp3".into(),
                media_type: "audio/mpeg".into(),
                size_bytes: Some(1_234_567),
                alt: Text::default(),
            }),
            authors: vec![person("Ana Sousa", "https://example.org/author/ana-sousa/"), person("李伟 & Söhne", "")],
            ..plain("everything", "Everything in one post", "2026-11-10")
        },
        Entry {
            summary: "Types, spelt out: Vec<T>.".into(),
            content: Html::trusted("<p>Raw ]]> in the text, twice: ]]>]]></p>"),
            ..plain("vec", "Vec<T> & HashMap<K, V>: \"which\" isn't 'slow'?", "2026-11-09")
        },
        Entry {
            summary: "סיכום קצר".into(),
            content: Html::trusted("<p dir=\"rtl\">שלום עולם 🎉</p>"),
            language: Some("he".into()),
            authors: vec![person("נועה", "")],
            terms: vec![term("topic", "שלום", "שלום")],
            ..plain("%D7%A9%D7%9C%D7%95%D7%9D", "שלום עולם 🎉", "2026-11-08")
        },
        Entry { summary: "Neither lead nor body.".into(), ..plain("no-content", "No content", "2026-11-07") },
        Entry { authors: vec![], ..plain("nothing", "Nothing but a title", "2026-11-06") },
        Entry { content: Html::trusted("<p>Text without a summary.</p>"), ..plain("no-summary", "No summary", "2026-11-05") },
        Entry {
            summary: "Only this much is carried.".into(),
            content: Html::trusted("<p>Never carried.</p>"),
            enclosure: Some(Media {
                url: "https://example.org/files/unknown".into(),
                media_type: Text::default(),
                size_bytes: None,
                alt: Text::default(),
            }),
            image: Some(Media {
                url: "https://example.org/images/c.jpg".into(),
                media_type: "image/jpeg".into(),
                size_bytes: None,
                alt: Text::default(),
            }),
            ..plain("summary-only", "A summary alone", "2026-11-04")
        },
    ]
}

/// What no reader may take for markup. Kept apart: checkers take the literal tag in the title for a mistake.
fn hostile() -> Entry {
    Entry {
        summary: "<script>alert(1)</script> & ]]> \"quoted\" 'single'".into(),
        content: Html::trusted("<p>&lt;b&gt;&amp;\"' ]]> <![CDATA[ and <![CDATA[x]]>.</p>"),
        authors: vec![person("<b>&\"'", "")],
        terms: vec![term("tag", "b", "<b>&\"'")],
        ..plain("hostile", "<b>&\"' ]]> 🎉 \u{202e}שלום\u{202c}", "2026-11-11")
    }
}

fn feed(folder: &str, title: &str, entries: Vec<Entry>) -> Feed {
    let carries =
        entries.iter().map(|e| if e.id.ends_with("summary-only") { Content::Summary } else { Content::Full }).collect();
    Feed {
        id: format!("tag:example.org,2026:feed/{folder}").into(),
        title: title.into(),
        description: "Notes on <feeds> & mail".into(),
        home_url: format!("{SITE}{folder}").into(),
        folder_url: format!("{SITE}{folder}").into(),
        style_url: format!("{SITE}feeds/style.css").into(),
        language: "en".into(),
        updated_at: entries.iter().map(|e| e.updated_at).max().unwrap_or(at("2026-01-01T00:00:00Z")),
        formats: Format::ALL.to_vec(),
        hub: Some("https://hub.example.org/?a=1&b=2".into()),
        author: person("Example Press", SITE),
        archive: Archive::default(),
        entries: entries.into_iter().map(Arc::new).collect(),
        carries,
    }
}

/// Every feed of the small site, by its folder.
fn feeds() -> Vec<(&'static str, Feed)> {
    let mut site = feed("", "Example & Co", entries());
    site.archive.previous = Some(format!("{SITE}archive/2025/").into());
    let mut newer = feed("archive/2025/", "Example & Co", vec![plain("old", "Of last year", "2025-05-05")]);
    newer.archive = Archive { current: Some(SITE.into()), previous: Some(format!("{SITE}archive/2024/").into()) };
    let mut oldest = feed("archive/2024/", "Example & Co", vec![plain("older", "Of the year before", "2024-05-05")]);
    oldest.archive = Archive { current: Some(SITE.into()), previous: None };
    for archive in [&mut newer, &mut oldest] {
        archive.home_url = SITE.into();
        archive.id = site.id.clone();
    }
    let mut empty = feed("tag/empty/", "Empty", vec![]);
    (empty.description, empty.hub) = (Text::default(), None);
    vec![("", site), ("archive/2025/", newer), ("archive/2024/", oldest), ("tag/empty/", empty)]
}

fn listing() -> Listing {
    let listed = |title: &str, folder: &str, posts| Listed {
        title: title.into(),
        description: if posts == 0 { "".into() } else { "What happened & what did not".into() },
        home_url: format!("{SITE}{folder}").into(),
        folder_url: format!("{SITE}{folder}").into(),
        formats: Format::ALL.to_vec(),
        posts,
        updated_at: (posts > 0).then(|| at("2026-11-12T08:30:00Z")),
    };
    Listing {
        site_title: "Example & Co".into(),
        site_url: SITE.into(),
        description: "Notes on <feeds> & mail".into(),
        language: "en".into(),
        feeds_url: SITE.into(),
        hub: Some("https://hub.example.org/?a=1&b=2".into()),
        groups: vec![
            Group { kind: Kind::Site, feeds: vec![listed("Example & Co", "", 9)] },
            Group { kind: Kind::Declared, feeds: vec![] },
            Group { kind: Kind::Term(Axis::Tag), feeds: vec![listed("Empty", "tag/empty/", 0)] },
        ],
    }
}

fn bytes(format: Format, feed: &Feed) -> Vec<u8> {
    let mut out = Vec::new();
    tidings::feed::write(format, feed, &mut out);
    out
}

#[track_caller]
fn golden(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("GOLDEN").is_some_and(|value| value == "write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }
    let want = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(String::from_utf8_lossy(bytes), want, "{name}");
}

#[test]
fn every_feed_is_what_it_was_byte_for_byte() {
    for (folder, feed) in feeds() {
        for format in Format::ALL {
            golden(&format!("site/{folder}{}", format.file_name()), &bytes(format, &feed));
        }
    }
    let feed = feed("", "<b>&\"'", vec![hostile()]);
    for format in Format::ALL {
        golden(&format!("hostile/{}", format.file_name()), &bytes(format, &feed));
    }
}

#[test]
fn the_page_the_list_and_the_snippets_are_what_they_were_byte_for_byte() {
    let (listing, templates) = (listing(), Templates::new(vec![]).unwrap());
    golden("site/feeds/index.html", page::render(&templates, &listing).unwrap().as_bytes());
    golden("site/feeds/feeds.opml", &opml::write(&listing));
    golden("site/feeds/links.html", hosting::links_html(&listing).as_bytes());
    golden("site/feeds/nginx.conf", hosting::nginx(&listing).as_bytes());
    golden("site/_headers", hosting::headers(&listing).as_bytes());
}
