//! The feeds of a small site with everything in it that feeds trip over, as golden files, byte for byte.
//!
//! `GOLDEN=write cargo test --test feeds` writes the files anew; what changed is then seen in the repository.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;
use tidings::config::Axis;
use tidings::content::post::Content;
use tidings::feed::document::{Cuts, Document, Room};
use tidings::feed::entry::Weighed;
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
            terms: vec![
                term("category", "news", "News & Views"),
                term("tag", "c-plus-plus", "C++"),
                term("tag", "c", "C"),
            ],
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
        Entry {
            content: Html::trusted("<p>Text without a summary.</p>"),
            ..plain("no-summary", "No summary", "2026-11-05")
        },
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

/// A feed put together from pieces is, byte for byte, what the writers make of it at once: whether its pieces were kept or not,
/// and again when they are asked for a second time.
#[track_caller]
fn pieces_are_the_whole(feed: &Feed) {
    for (room, uses) in [(0, 9), (700, 9), (u64::MAX / 2, 9), (u64::MAX / 2, 1)] {
        let room = Room::of(room);
        let weigh = |entry: &Arc<Entry>| Weighed {
            entry: Arc::clone(entry),
            full_bytes: 0,
            summary_bytes: 0,
            cuts: Cuts::new(feed.language.clone(), uses),
            looked: vec![],
        };
        let weighed: Vec<Weighed> = feed.entries.iter().map(weigh).collect();
        let entries: Vec<(&Weighed, Content)> = weighed.iter().zip(feed.carries.iter().copied()).collect();
        for format in Format::ALL.into_iter().chain(Format::ALL) {
            let document = Document::of_feed(format, feed, &entries, &room);
            let (want, made) = (bytes(format, feed), document.to_vec());
            assert_eq!(String::from_utf8_lossy(&made), String::from_utf8_lossy(&want), "{format:?}");
            assert_eq!(document.size_bytes(), want.len() as u64);
        }
    }
}

#[test]
fn a_feed_in_pieces_is_the_feed_at_once() {
    for (_, feed) in feeds() {
        pieces_are_the_whole(&feed);
    }
    pieces_are_the_whole(&feed(
        "",
        "<entry><item>\n \"items\": [\n  {\n",
        vec![hostile(), plain("x", "\n  }", "2026-11-01")],
    ));
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
    let german = Listing { language: "de-AT".into(), ..listing.clone() };
    golden("german/feeds/index.html", page::render(&templates, &german).unwrap().as_bytes());
    golden("german/feeds/feeds.opml", &opml::write(&german));
    golden("site/feeds/feeds.opml", &opml::write(&listing));
    golden("site/feeds/links.html", hosting::links_html(&listing).as_bytes());
    golden("site/feeds/nginx.conf", hosting::nginx(&listing).as_bytes());
    golden("site/_headers", hosting::headers(&listing).as_bytes());
}

#[test]
fn a_parser_that_is_not_ours_reads_the_same_from_every_format() {
    for (folder, feed) in feeds() {
        for format in Format::ALL {
            let place = format!("{folder}{}", format.file_name());
            let read = feed_rs::parser::parse(&bytes(format, &feed)[..]).unwrap_or_else(|e| panic!("{place}: {e}"));
            assert_eq!(read.entries.len(), feed.entries.len(), "{place}");
            for (read, entry) in read.entries.iter().zip(&feed.entries) {
                assert_eq!(read.id, &*entry.id, "{place}");
                assert_eq!(read.links.first().map(|link| &*link.href), Some(&*entry.url), "{place}");
                assert_eq!(read.published, Some(entry.published_at), "{place}");
                let names = |people: &[feed_rs::model::Person]| {
                    people.iter().filter_map(|p| p.name.clone()).collect::<Vec<_>>()
                };
                let want: Vec<String> = entry.authors.iter().map(|person| person.name.to_string()).collect();
                let heirs = want.is_empty() && names(&read.authors) == ["Example Press"];
                assert!(heirs || names(&read.authors) == want, "{place}: {:?}", read.authors);
            }
        }
    }
}

#[test]
fn a_site_with_one_format_names_no_other() {
    let alone = Feed { formats: vec![Format::Atom], ..feed("", "Example", entries()) };
    let atom = String::from_utf8(bytes(Format::Atom, &alone)).unwrap();
    assert!(!atom.contains("rss.xml") && !atom.contains("feed.json"), "{atom}");
}

#[test]
fn nothing_in_a_feed_is_ever_empty() {
    let mut bare = plain("", "", "2026-11-01");
    bare.authors = vec![person(" ", "")];
    bare.terms = vec![term("tag", "x", "")];
    let mut feed = feed("", "", vec![bare]);
    (feed.description, feed.author.name) = (" \n".into(), Text::default());
    let read = |format| String::from_utf8(bytes(format, &feed)).unwrap();
    for xml in [read(Format::Atom), read(Format::Rss)] {
        let open = xml.replace("]]></", "");
        assert!(!open.contains("></") && !xml.contains("=\"\"") && !xml.contains("<![CDATA[]]>"), "{xml}");
        assert!(xml.contains(">https://example.org/</"), "{xml}");
    }
    let json = read(Format::Json);
    assert!(!json.contains("\"\"") && !json.contains("[]"), "{json}");
    assert!(json.contains("\"content_text\": \"https://example.org/blog//\""), "{json}");
}

/// Text of every kind: markup, line ends, white space, what XML cannot carry, all of Unicode.
fn any_text() -> impl Strategy<Value = Text> {
    let odd = prop::sample::select(vec![
        "<",
        ">",
        "&",
        "\"",
        "'",
        "]]>",
        "<![CDATA[",
        "&amp;",
        "&#0;",
        "<!--",
        "?>",
        "\r",
        "\r\n",
        "\n",
        "\t",
        " ",
        "\u{0}",
        "\u{b}",
        "\u{fffe}",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{202e}",
        "🎉",
        "é",
    ])
    .prop_map(String::from);
    let piece = prop_oneof![2 => odd, 1 => any::<char>().prop_map(String::from), 1 => "[a-z ]{0,8}"];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| Text::new(&pieces.concat()))
}

/// The words of a text, which is all that a reader may count on.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a text, or those of what stands in for it.
fn words_or(text: &str, instead: &str) -> String {
    Some(words(text)).filter(|words| !words.is_empty()).unwrap_or_else(|| words(instead))
}

/// A text of XML without markup, as HTML gives it.
fn unescaped(html: &str) -> String {
    html.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[track_caller]
fn well_formed(xml: &[u8]) {
    let text = std::str::from_utf8(xml).unwrap();
    assert_eq!(first_illegal(text), None, "{text}");
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    loop {
        match reader.read_event().unwrap_or_else(|e| panic!("{e}: {text}")) {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Start(e) | quick_xml::events::Event::Empty(e) => {
                for attribute in e.attributes() {
                    let raw = attribute.unwrap_or_else(|e| panic!("{e}: {text}")).value;
                    let raw = std::str::from_utf8(&raw).unwrap();
                    assert!(!raw.contains('<'), "{raw}");
                    quick_xml::escape::unescape(raw).unwrap_or_else(|e| panic!("{e}: {raw}"));
                }
            }
            quick_xml::events::Event::GeneralRef(e) => {
                let known = e.is_char_ref() || ["lt", "gt", "amp", "quot", "apos"].contains(&&*e.decode().unwrap());
                assert!(known, "{text}");
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 300 } else { 20_000 }))]

    #[test]
    fn any_text_in_any_field_comes_back_equal(
        title in any_text(), summary in any_text(), html in any_text(), name in any_text(), label in any_text(),
        alt in any_text(), about in any_text(), url in any_text(), carried in any::<bool>(),
    ) {
        let entry = Entry {
            summary: summary.clone(),
            content: Html::trusted(&html),
            authors: vec![Person { name: name.clone(), url: Some(url.clone()) }],
            terms: vec![EntryTerm { scheme: url.clone(), term: "slug".into(), label: label.clone() }],
            image: Some(Media { url: url.clone(), media_type: url.clone(), size_bytes: None, alt: alt.clone() }),
            enclosure: Some(Media { url: url.clone(), media_type: url.clone(), size_bytes: None, alt }),
            ..plain("x", &title, "2026-11-01")
        };
        let mut feed = feed("", &title, vec![entry.clone()]);
        feed.carries = vec![if carried { Content::Full } else { Content::Summary }];
        (feed.description, feed.style_url, feed.hub) = (about.clone(), url.clone(), Some(url.clone()));
        feed.archive = Archive { current: Some(url.clone()), previous: Some(url.clone()) };

        let carried = carried && !words(&html).is_empty();
        let shown = words_or(&title, &entry.url);
        let names: Vec<String> = Some(words(&name)).filter(|name| !name.is_empty()).into_iter().collect();
        let body = words(&html);

        feed.entries.extend([plain("y", &html, "2026-10-31"), hostile()].map(Arc::new));
        feed.carries.extend([Content::Full, Content::Full]);
        pieces_are_the_whole(&feed);
        feed.entries.truncate(1);
        feed.carries.truncate(1);

        let bytes = bytes(Format::Atom, &feed);
        well_formed(&bytes);
        let read = atom_syndication::Feed::read_from(&bytes[..]).unwrap();
        let plain = |text: &atom_syndication::Text| match text.r#type {
            atom_syndication::TextType::Html => words(&unescaped(text)),
            _ => words(text),
        };
        prop_assert_eq!(plain(&read.title), words_or(&title, SITE));
        prop_assert_eq!(read.subtitle.as_ref().map(plain).unwrap_or_default(), words(&about));
        let item = &read.entries[0];
        prop_assert_eq!(plain(&item.title), &*shown);
        prop_assert_eq!(item.authors.iter().map(|p| words(&p.name)).collect::<Vec<_>>(), &*names);
        prop_assert_eq!(words(item.categories[0].label().unwrap()), words_or(&label, "slug"));
        prop_assert_eq!(item.content.as_ref().map(|c| words(c.value().unwrap())), carried.then(|| body.clone()));
        let instead = if carried { "" } else { &shown };
        prop_assert_eq!(item.summary.as_ref().map(plain).unwrap_or_default(), words_or(&summary, instead));

        let bytes = crate::bytes(Format::Rss, &feed);
        well_formed(&bytes);
        let read = rss::Channel::read_from(&bytes[..]).unwrap();
        prop_assert_eq!(words(&read.title), words_or(&title, SITE));
        prop_assert_eq!(words(&read.description), words_or(&about, &words_or(&title, SITE)));
        let item = &read.items[0];
        prop_assert_eq!(words(item.title().unwrap()), &*shown);
        let creators = item.dublin_core_ext().map(|dc| dc.creators().to_vec()).unwrap_or_default();
        prop_assert_eq!(creators.iter().map(|name| words(name)).collect::<Vec<_>>(), &*names);
        prop_assert_eq!(words(item.categories[0].name()), words_or(&label, "slug"));
        match (words(&summary).is_empty(), carried) {
            (false, carried) => {
                prop_assert_eq!(words(&unescaped(item.description().unwrap())), words(&summary));
                prop_assert_eq!(item.content().map(words), carried.then(|| body.clone()));
            }
            (true, true) => prop_assert_eq!(words(item.description().unwrap()), &*body),
            (true, false) => prop_assert_eq!(words(&unescaped(item.description().unwrap())), &*shown),
        }

        let read: serde_json::Value = serde_json::from_slice(&crate::bytes(Format::Json, &feed)).unwrap();
        let item = &read["items"][0];
        let text = |value: &serde_json::Value| value.as_str().map(words);
        prop_assert_eq!(text(&read["title"]), Some(words_or(&title, SITE)));
        prop_assert_eq!(text(&item["title"]), Some(shown.clone()));
        prop_assert_eq!(text(&item["content_html"]), carried.then(|| body.clone()));
        prop_assert_eq!(text(&item["content_text"]), (!carried).then(|| words_or(&summary, &shown)));
        prop_assert_eq!(text(&item["summary"]).unwrap_or_default(), words(&summary));
        prop_assert_eq!(text(&item["tags"][0]), Some(words_or(&label, "slug")));
        prop_assert_eq!(text(&item["authors"][0]["name"]), names.first().cloned());
    }
}
