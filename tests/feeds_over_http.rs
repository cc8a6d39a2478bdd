//! Feeds over HTTP: what is answered to whom, over a site that the program built.

mod support;

use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use proptest::prelude::*;
use std::collections::HashSet;
use std::io::Read as _;
use support::{SETTINGS, Site};
use tidings::disk::load;
use tidings::web::feeds::Feeds;

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
const READER: (&str, &str) = ("accept", "*/*");

/// A site that is built and served.
struct Served {
    site: Site,
    feeds: Feeds,
    runtime: tokio::runtime::Runtime,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

fn parts(method: &str, path: &str, headers: &[(&str, &str)]) -> Parts {
    let request = headers.iter().fold(Request::builder().method(method).uri(path), |r, (n, v)| r.header(*n, *v));
    request.body(()).unwrap().into_parts().0
}

impl Served {
    fn of(site: Site) -> Served {
        site.run(["build", "-q"]).succeeds();
        let config = load::config(&site.path("")).unwrap();
        let feeds = Feeds::open(&site.path(""), &config).unwrap();
        Served { site, feeds, runtime: tokio::runtime::Builder::new_current_thread().build().unwrap() }
    }

    fn ask(&self, parts: &Parts) -> Answer {
        self.runtime.block_on(async {
            let response = self.feeds.answer(parts).await;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
            Answer { status, headers, body }
        })
    }

    #[track_caller]
    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(&parts("GET", path, headers))
    }

    fn build(&self) {
        self.site.run(["build", "-q"]).succeeds();
    }
}

fn post(n: u32, more: &str) -> String {
    format!("---\ntitle: Post {n}\npub_date: 2026-11-{n:02}\nsummary: About {n}.\n{more}---\nText {n}.\n")
}

/// A site of a few posts, with a server.
fn site() -> Site {
    (1..=5)
        .fold(Site::new(), |site, n| site.post(&format!("{n}.md"), &post(n, "tags: [red]\n")))
        .settings(&format!("{SETTINGS}hub = \"https://hub.example.org/\"\nitems = 3\n\n[serve]\n"))
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

fn unbrotli(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::BrotliDecompress(&mut &bytes[..], &mut out).unwrap();
    out
}

#[test]
fn every_file_that_was_written_is_sent_with_its_type_and_nothing_else_is() {
    let served = Served::of(site());
    let files = served.site.files("public");
    assert!(files.len() > 20);
    for file in files {
        let answer = served.get(&format!("/{file}"), &[READER]);
        if file.ends_with(".gz") || file.ends_with(".br") {
            assert_eq!(answer.status, 404, "{file}");
            continue;
        }
        assert_eq!(answer.status, 200, "{file}");
        assert_eq!(answer.body, served.site.bytes(&format!("public/{file}")), "{file}");
        let want = match file.rsplit('/').next().unwrap() {
            "atom.xml" => "application/atom+xml; charset=utf-8",
            "rss.xml" => "application/rss+xml; charset=utf-8",
            "feed.json" => "application/feed+json; charset=utf-8",
            "index.html" => "text/html; charset=utf-8",
            "feeds.opml" => "text/x-opml; charset=utf-8",
            "style.css" => "text/css; charset=utf-8",
            other => panic!("{other}"),
        };
        assert_eq!(answer.header("content-type"), want);
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        assert_eq!(answer.header("cache-control"), "public, max-age=600");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let is_feed = want.contains("xml") || want.contains("json");
        assert_eq!(answer.header("access-control-allow-origin"), if is_feed { "*" } else { "" });
        assert_eq!(answer.header("vary"), if is_feed { "Accept-Encoding, Accept" } else { "Accept-Encoding" });
    }
    // A file that lies there and that no build wrote.
    served.site.write("public/secret.xml", "mine");
    for path in [
        "/secret.xml",
        "/nothing",
        "/",
        "//atom.xml",
        "/./atom.xml",
        "/feeds/../atom.xml",
        "/../tidings.toml",
        "/%2e%2e/tidings.toml",
        "/..%2ftidings.toml",
        "/..%5ctidings.toml",
        "/feeds%2Findex.html",
        "/atom.xml%00",
        "/atom.xml%00.html",
        "/%ff",
        "/%",
        "/atom.xml/",
        "/.tidings/written.json",
        "/ATOM.XML",
    ] {
        let answer = served.get(path, &[READER]);
        assert_eq!((answer.status, &answer.text()[..]), (StatusCode::NOT_FOUND, "there is nothing here\n"), "{path}");
    }
    // The same path, written otherwise.
    assert_eq!(served.get("/%61tom.xml?x=/../y", &[READER]).status, 200);
}

#[test]
fn a_folder_is_shown_by_its_page_and_leads_to_it() {
    let served = Served::of(site());
    assert_eq!(served.get("/feeds/", &[]).body, served.site.bytes("public/feeds/index.html"));
    let answer = served.get("/feeds?a=b", &[]);
    assert_eq!((answer.status.as_u16(), answer.header("location")), (301, "/feeds/"));
    assert_eq!(served.get("/tag/red/", &[]).status, 404);
    let policy = served.get("/feeds/", &[]).header("content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("script"), "{policy}");
}

#[test]
fn feeds_are_below_the_path_of_their_address() {
    let settings = SETTINGS.replace("[feeds]", "[feeds]\nurl = \"https://feeds.example.net/a%20b/\"");
    let served = Served::of(Site::new().post("1.md", &post(1, "")).settings(&settings));
    assert_eq!(served.get("/a%20b/atom.xml", &[]).status, 200);
    assert_eq!(served.get("/a%20b/feeds", &[]).header("location"), "/a%20b/feeds/");
    for path in ["/atom.xml", "/a%20batom.xml", "/a%20b", "/a%20b/a%20b/atom.xml"] {
        assert_eq!(served.get(path, &[]).status, 404, "{path}");
    }
}

#[test]
fn only_get_and_head_are_answered() {
    let served = Served::of(site());
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "BREW"] {
        let answer = served.ask(&parts(method, "/atom.xml", &[]));
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, HEAD"), "{method}");
    }
    let (get, head) = (served.get("/atom.xml", &[READER]), served.ask(&parts("HEAD", "/atom.xml", &[READER])));
    assert_eq!((head.status, head.headers), (get.status, get.headers));
    assert_eq!(head.body, b"");
    assert_eq!(served.ask(&parts("HEAD", "/nothing", &[])).body, b"");
}

#[test]
fn the_best_coding_that_is_taken_is_sent_and_has_a_tag_of_its_own() {
    let served = Served::of(site());
    let bytes = served.site.bytes("public/atom.xml");
    let plain = served.get("/atom.xml", &[]);
    let gzip = served.get("/atom.xml", &[("accept-encoding", "gzip")]);
    let brotli = served.get("/atom.xml", &[("accept-encoding", "gzip, deflate, br")]);
    assert_eq!((plain.header("content-encoding"), &plain.body), ("", &bytes));
    assert_eq!((gzip.header("content-encoding"), gunzip(&gzip.body)), ("gzip", bytes.clone()));
    assert_eq!((brotli.header("content-encoding"), unbrotli(&brotli.body)), ("br", bytes.clone()));
    assert_eq!(gzip.body, served.site.bytes("public/atom.xml.gz"));
    let tags: HashSet<&str> = [&plain, &gzip, &brotli].map(|answer| answer.header("etag")).into();
    assert_eq!(tags.len(), 3);
    assert!(tags.iter().all(|tag| tag.starts_with('"') && tag.ends_with('"')), "{tags:?}");
    for refused in ["gzip;q=0, br;q=0", "identity", "br;q=0.1, gzip;q=0.1, identity;q=0.2", "zstd", "*;q=0"] {
        assert_eq!(served.get("/atom.xml", &[("accept-encoding", refused)]).body, bytes, "{refused}");
    }
    // Two servers of the same files say the same.
    let other = Served::of(site());
    assert_eq!(other.get("/atom.xml", &[]).header("etag"), plain.header("etag"));
}

#[test]
fn who_has_the_present_version_gets_no_body() {
    let served = Served::of(site());
    let codings = ["identity", "gzip", "br"];
    let full: Vec<Answer> = codings.map(|coding| served.get("/rss.xml", &[("accept-encoding", coding)])).into();
    for (coding, had) in codings.iter().zip(&full) {
        let tag = had.header("etag");
        for value in [tag, &format!("W/{tag}"), &format!("\"x\", {tag}"), "*"] {
            let answer = served.get("/rss.xml", &[("accept-encoding", coding), ("if-none-match", value)]);
            assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0), "{value}");
            assert_eq!(answer.header("etag"), tag);
            for name in ["cache-control", "vary", "last-modified", "access-control-allow-origin"] {
                assert_eq!(answer.header(name), had.header(name));
                assert_ne!(answer.header(name), "", "{name}");
            }
            for name in ["content-type", "content-length", "content-encoding"] {
                assert_eq!(answer.header(name), "", "{name}");
            }
        }
    }
    // What a client has in a coding that it still takes is good, and named by its own tag.
    let all = ("accept-encoding", "gzip, br");
    for had in &full {
        let answer = served.get("/rss.xml", &[all, ("if-none-match", had.header("etag"))]);
        assert_eq!((answer.status.as_u16(), answer.header("etag")), (304, had.header("etag")));
    }
    // What it has in a coding that it does not take any more is not.
    let answer = served.get("/rss.xml", &[("accept-encoding", "br"), ("if-none-match", full[1].header("etag"))]);
    assert_eq!((answer.status.as_u16(), answer.header("content-encoding")), (200, "br"));
    // Times, as long as there is no tag.
    let at = full[0].header("last-modified");
    assert_eq!(served.get("/rss.xml", &[("if-modified-since", at)]).status, 304);
    assert_eq!(served.get("/rss.xml", &[("if-modified-since", "Mon, 23 Nov 2020 12:00:00 GMT")]).status, 200);
    assert_eq!(served.get("/rss.xml", &[("if-modified-since", at), ("if-none-match", "\"x\"")]).status, 200);
    assert_eq!(served.get("/rss.xml", &[("if-match", "\"x\"")]).status, 412);
    let head = served.ask(&parts("HEAD", "/rss.xml", &[("if-none-match", full[0].header("etag"))]));
    assert_eq!(head.status, 304);
}

#[test]
fn a_part_is_sent_where_one_is_asked_for() {
    let served = Served::of(site());
    let bytes = served.site.bytes("public/feed.json");
    let tag = served.get("/feed.json", &[]).header("etag").to_owned();
    let answer = served.get("/feed.json", &[("range", "bytes=10-19")]);
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (206, &bytes[10..20]));
    assert_eq!(answer.header("content-range"), format!("bytes 10-19/{}", bytes.len()));
    assert_eq!((answer.header("content-length"), answer.header("etag")), ("10", &*tag));
    let resumed = served.get("/feed.json", &[("range", "bytes=10-"), ("if-range", &tag)]);
    assert_eq!((resumed.status.as_u16(), &resumed.body[..]), (206, &bytes[10..]));
    let other = served.get("/feed.json", &[("range", "bytes=10-"), ("if-range", "\"x\"")]);
    assert_eq!((other.status.as_u16(), &other.body), (200, &bytes));
    assert_eq!(other.header("accept-ranges"), "bytes");
    let beyond = served.get("/feed.json", &[("range", "bytes=999999-")]);
    assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, &*format!("bytes */{}", bytes.len())));
    assert_eq!(served.get("/feed.json", &[("range", "bytes=0-1,4-5")]).body, bytes);
    // Of what is coded, a part of the code; and none for HEAD.
    let coded = served.get("/feed.json", &[("range", "bytes=0-9"), ("accept-encoding", "gzip")]);
    assert_eq!((coded.status.as_u16(), &coded.body[..]), (206, &served.site.bytes("public/feed.json.gz")[..10]));
    assert_eq!(served.ask(&parts("HEAD", "/feed.json", &[("range", "bytes=0-9")])).status, 200);
}

#[test]
fn a_feed_says_where_its_hub_is_and_what_its_own_address_is() {
    let served = Served::of(site());
    let link = |path: &str| served.get(path, &[READER]).header("link").to_owned();
    let hub = "<https://hub.example.org/>; rel=\"hub\", ";
    assert_eq!(link("/atom.xml"), format!("{hub}<https://example.org/atom.xml>; rel=\"self\""));
    assert_eq!(link("/tag/red/feed.json"), format!("{hub}<https://example.org/tag/red/feed.json>; rel=\"self\""));
    assert_eq!([link("/feeds/"), link("/archive/2026/atom.xml")], ["", ""]);
}

#[test]
fn a_person_gets_a_page_with_what_is_in_the_feed() {
    let site = site()
        .post("6.md", "---\ntitle: '<b>&\"'' \u{5e9}\u{5dc}\u{5d5}\u{5dd}'\npub_date: 2026-11-06\nsummary: '<i>one</i> & two'\n---\nText.\n")
        .file("content/taxonomies/tags/red.yaml", "title: Red\nsummary: All that is red.\n");
    let served = Served::of(site);
    for format in ["atom.xml", "rss.xml", "feed.json"] {
        let page = served.get(&format!("/{format}"), &[BROWSER]);
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert_eq!(page.header("vary"), "Accept-Encoding, Accept");
        let text = page.text();
        assert!(
            text.contains("&lt;b&gt;&amp;&quot;&#x27; \u{5e9}") || text.contains("&lt;b&gt;&amp;&quot;&#39; \u{5e9}"),
            "{text}"
        );
        assert!(
            text.contains("&lt;i&gt;one&lt;&#x2F;i&gt; &amp; two") || text.contains("&lt;i&gt;one&lt;/i&gt; &amp; two"),
            "{text}"
        );
        assert!(text.contains(&format!(
            "<code class=\"address\" dir=\"ltr\" translate=\"no\">https://example.org/{format}</code>"
        )));
        assert!(text.contains("<time datetime=\"2026-11-05T00:00:00Z\">5 November 2026</time>"));
        assert!(text.contains("<a href=\"https://example.org/blog/5/\">Post 5</a>"));
        assert!(text.contains("href=\"https://example.org/archive/2026/"), "{text}");
        for never in ["<script", "onclick", "style=\"", "<b>"] {
            assert!(!text.contains(never), "{never}");
        }
        // It has a tag of its own, and who has it gets no body.
        let feed = served.get(&format!("/{format}"), &[READER]);
        assert_ne!(page.header("etag"), feed.header("etag"));
        assert_eq!(served.get(&format!("/{format}"), &[BROWSER, ("if-none-match", page.header("etag"))]).status, 304);
        assert_eq!(served.get(&format!("/{format}"), &[BROWSER, ("if-none-match", feed.header("etag"))]).status, 200);
        assert_eq!(served.get(&format!("/{format}"), &[READER, ("if-none-match", page.header("etag"))]).status, 200);
        let coded = served.get(&format!("/{format}"), &[BROWSER, ("accept-encoding", "gzip")]);
        assert_eq!(gunzip(&coded.body), page.body);
        assert_eq!(page.header("last-modified"), "");
        assert!(!text.contains("/subscribe/"));
    }
    let red = served.get("/tag/red/rss.xml", &[BROWSER]).text();
    assert!(red.contains(
        "<h1 lang=\"en\" dir=\"auto\">Red</h1>\n<p class=\"lead\" lang=\"en\" dir=\"auto\">All that is red.</p>"
    ));
    assert!(
        red.contains("<a href=\"https://example.org/tag/red/feed.json\" type=\"application/feed+json\">JSON Feed</a>")
    );
}

#[test]
fn the_page_speaks_the_language_of_the_site_and_offers_mail_where_there_is_some() {
    let digest = "[digest.weekly]\nfrom = \"Example <news@example.org>\"\npostal_address = \"1 Street\"\nschedule = \"Mon 09:00\"\n";
    let settings = SETTINGS.replace("[feeds]", "language = \"de\"\ntimezone = \"Europe/Berlin\"\n\n[feeds]");
    let settings = format!("{settings}\n[serve]\npublic_url = \"https://mail.example.org/x/\"\n\n{digest}");
    let served = Served::of(Site::new().post("1.md", &post(1, "")).settings(&settings));
    let page = served.get("/atom.xml", &[BROWSER]).text();
    assert!(page.contains("<html lang=\"de\" dir=\"ltr\">"));
    // Midnight in Berlin is still the day before in UTC.
    assert!(page.contains("<time datetime=\"2026-10-31T23:00:00Z\">1. November 2026</time>"), "{page}");
    assert!(
        page.contains("Neue Beiträge gibt es auch <a href=\"https://mail.example.org/x/subscribe/\">per E-Mail</a>.")
    );
    let hebrew = Served::of(
        Site::new().settings(&SETTINGS.replace("[feeds]", "language = \"he\"\n\n[feeds]")).post("1.md", &post(1, "")),
    );
    let page = hebrew.get("/atom.xml", &[BROWSER]).text();
    assert!(page.contains("<html lang=\"en\" dir=\"ltr\">") && page.contains("<h1 lang=\"he\" dir=\"auto\">"));
}

#[test]
fn a_template_of_the_site_lies_over_the_page_and_one_that_fails_leaves_the_feed() {
    let own = "{% extends \"tidings/feed.html\" %}{% block head %}<meta name=\"own\" content=\"yes\">{% endblock %}";
    let served = Served::of(site().file("templates/feed.html", own));
    assert!(served.get("/atom.xml", &[BROWSER]).text().contains("<meta name=\"own\" content=\"yes\">"));
    let served = Served::of(site().file("templates/feed.html", "{{ nothing.of.this }}"));
    let answer = served.get("/atom.xml", &[BROWSER]);
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/atom+xml; charset=utf-8"));
    assert_eq!(answer.body, served.site.bytes("public/atom.xml"));
}

#[test]
fn a_build_is_seen_with_the_next_request() {
    let served = Served::of(site());
    let (feed, page) = (served.get("/atom.xml", &[READER]), served.get("/atom.xml", &[BROWSER]));
    let (tag, at) = (feed.header("etag"), feed.header("last-modified"));
    assert_eq!(served.get("/tag/new/atom.xml", &[]).status, 404);
    served.site.write("content/posts/9.md", post(9, "tags: [new]\n"));
    served.build();
    let after = served.get("/atom.xml", &[READER, ("if-none-match", tag)]);
    assert_eq!(after.status, 200);
    assert_eq!(after.body, served.site.bytes("public/atom.xml"));
    assert_eq!(unbrotli(&served.get("/atom.xml", &[("accept-encoding", "br")]).body), after.body);
    assert_eq!(served.get("/tag/new/atom.xml", &[]).status, 200);
    let new_page = served.get("/atom.xml", &[BROWSER, ("if-none-match", page.header("etag"))]);
    assert!(new_page.status == 200 && new_page.text().contains("Post 9"));
    // Within one second a time does not tell two versions apart, so it is not trusted.
    if after.header("last-modified") == at {
        assert_eq!(served.get("/atom.xml", &[READER, ("if-modified-since", at)]).status, 200);
    }
    served.site.remove("content/posts/9.md");
    served.build();
    assert_eq!(served.get("/atom.xml", &[READER]).header("etag"), tag);
}

#[test]
fn renamed_feeds_are_led_on_and_gone_ones_are_gone() {
    let declared = "[feed.picks]\naliases = [\"best\"]\n";
    let site = site().more_settings(declared).post("7.md", &post(7, "topics: [gdpr]\n"));
    let served = Served::of(site);
    let moved = |path: &str| {
        let answer = served.get(path, &[]);
        (answer.status.as_u16(), answer.header("location").to_owned())
    };
    assert_eq!(moved("/feeds/best/atom.xml?x=//evil.example"), (301, "/feeds/picks/atom.xml".into()));
    assert_eq!(moved("/feeds/best/feed.json"), (301, "/feeds/picks/feed.json".into()));
    assert_eq!(moved("/feeds/best/nothing"), (404, "".into()));
    assert_eq!(moved("/topic/gdpr/rss.xml"), (200, "".into()));
    served.site.write("content/taxonomies/topics/privacy.yaml", "aliases: [gdpr]\n");
    served.build();
    assert_eq!(moved("/topic/gdpr/rss.xml"), (301, "/topic/privacy/rss.xml".into()));
    let settings = served.site.read("tidings.toml");
    served.site.write("tidings.toml", settings.replace(declared, ""));
    served.build();
    assert_eq!(moved("/feeds/picks/atom.xml"), (410, "".into()));
    assert_eq!(moved("/feeds/picks/archive/2026/atom.xml"), (410, "".into()));
    assert_eq!(moved("/feeds/best/atom.xml"), (404, "".into()));
    served.site.write("tidings.toml", settings);
    served.build();
    assert_eq!(moved("/feeds/picks/atom.xml"), (200, "".into()));
}

#[test]
fn archives_of_a_renamed_feed_are_led_on_too() {
    let settings = format!("{SETTINGS}archives = \"all\"\nitems = 1\n\n[feed.picks]\naliases = [\"best\"]\n");
    let served = Served::of(site().settings(&settings));
    let answer = served.get("/feeds/best/archive/2026/atom.xml", &[]);
    assert_eq!((answer.status.as_u16(), answer.header("location")), (301, "/feeds/picks/archive/2026/atom.xml"));
}

#[test]
fn what_cannot_be_read_of_the_last_build_leaves_all_as_it_was() {
    let served = Served::of(site());
    let body = served.get("/atom.xml", &[]).body;
    for (file, text) in [("written.json", "{"), ("site.json", "[]"), ("written.json", "")] {
        let path = format!(".tidings/{file}");
        let before = served.site.bytes(&path);
        served.site.write(&path, text);
        assert_eq!(served.get("/atom.xml", &[]).body, body, "{file}");
        assert_eq!(served.get("/nothing", &[]).status, 404);
        served.site.remove(&path);
        assert_eq!(served.get("/atom.xml", &[]).body, body, "{file}");
        served.site.write(&path, before);
        assert_eq!(served.get("/atom.xml", &[]).body, body, "{file}");
    }
    // A file that is gone is gone, and one that is a folder or leads elsewhere is none.
    served.site.remove("public/rss.xml");
    assert_eq!(served.get("/rss.xml", &[]).status, 404);
    served.site.write("public/rss.xml/x", "");
    assert_eq!(served.get("/rss.xml", &[]).status, 404);
    served.site.remove("public/feed.json");
    std::os::unix::fs::symlink(served.site.path("tidings.toml"), served.site.path("public/feed.json")).unwrap();
    assert_eq!(served.get("/feed.json", &[]).status, 404);
    served.site.remove("public/feeds");
    served.site.write("public/feeds", "");
    assert_eq!(served.get("/feeds/", &[]).status, 404);
}

#[test]
fn a_server_without_a_build_says_what_to_do() {
    let site = site();
    let config = load::config(&site.path("")).unwrap();
    let open = || Feeds::open(&site.path(""), &config).unwrap_err().render(None);
    assert_eq!(
        open(),
        "error: cannot read `.tidings/site.json`: no such file or folder\n\
         hint: it is written by `tidings build`; run that first\n"
    );
    site.run(["build", "-q"]).succeeds();
    site.write(".tidings/written.json", "?");
    assert_eq!(
        open(),
        "error: cannot read `.tidings/written.json`\nhint: it is written by `tidings build`; run that first\n"
    );
}

#[test]
fn a_copy_that_holds_something_else_is_not_sent() {
    let served = Served::of(site());
    served.site.write("public/atom.xml.br", "nonsense");
    served.site.write("public/atom.xml.gz", served.site.bytes("public/rss.xml.gz"));
    let answer = served.get("/atom.xml", &[("accept-encoding", "br, gzip")]);
    assert_eq!(answer.header("content-encoding"), "");
    assert_eq!(answer.body, served.site.bytes("public/atom.xml"));
}

#[test]
fn a_file_that_is_too_large_to_keep_is_sent_all_the_same() {
    let served = Served::of(site());
    // Bytes that no coding makes smaller than what is kept.
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        b'a' + (state >> 33) as u8 % 26
    });
    let large: Vec<u8> = noise.take(9 * 1024 * 1024).collect();
    served.site.write("public/rss.xml", &large);
    for _ in 0..2 {
        assert!(served.get("/rss.xml", &[]).body == large);
    }
    let part = served.get("/rss.xml", &[("range", "bytes=9000000-9000009")]);
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &large[9_000_000..9_000_010]));
    served.site.write("public/rss.xml", "small");
    assert_eq!(served.get("/rss.xml", &[]).body, b"small");
}

#[test]
fn whatever_is_asked_for_only_files_of_the_list_come_back_and_never_a_fault() {
    let served = Served::of(site());
    let mut known: HashSet<Vec<u8>> = HashSet::new();
    for file in served.site.files("public") {
        let bytes = served.site.bytes(&format!("public/{file}"));
        known.insert(bytes);
        if ["atom.xml", "rss.xml", "feed.json"].iter().any(|name| file.ends_with(name)) {
            for coding in ["identity", "gzip", "br"] {
                known.insert(served.get(&format!("/{file}"), &[BROWSER, ("accept-encoding", coding)]).body);
            }
        }
    }
    let segment = prop_oneof![
        Just("atom.xml"),
        Just("rss.xml"),
        Just("feed.json"),
        Just("feeds"),
        Just("index.html"),
        Just("tag"),
        Just("red"),
        Just("archive"),
        Just("2026"),
        Just(".."),
        Just("."),
        Just(""),
        Just("%2e%2e"),
        Just("%2f"),
        Just("%00"),
        Just("%ff"),
        Just("%"),
        Just("%61tom.xml"),
        Just(".tidings"),
        Just("written.json"),
        Just("tidings.toml"),
        Just("atom.xml.gz"),
        Just("etc"),
        Just("passwd"),
        Just("\u{e9}"),
    ];
    let path = prop::collection::vec(segment, 0..6).prop_map(|parts| format!("/{}", parts.join("/")));
    let name = prop_oneof![
        Just("accept"),
        Just("accept-encoding"),
        Just("if-none-match"),
        Just("if-modified-since"),
        Just("if-match"),
        Just("if-unmodified-since"),
        Just("if-range"),
        Just("range"),
    ];
    let value = prop_oneof![
        "[ -~]{0,40}",
        "(text/html|\\*/\\*|application/xml|gzip|br|identity|\\*)(;q=[0-9.]{0,5})?(, ?(gzip|br|text/html)(;q=0)?)?",
        "bytes=[0-9]{0,5}-[0-9]{0,5}",
        "(W/)?\"[ !#-~]{0,20}(-gz)?\"",
        Just("Mon, 23 Nov 2026 12:00:00 GMT".to_owned()),
        Just("Fri, 31 Dec 9999 23:59:59 GMT".to_owned()),
    ];
    let headers = prop::collection::vec((name, value), 0..5);
    let method = prop_oneof![4 => Just("GET"), 1 => Just("HEAD"), 1 => Just("POST")];
    let config = ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(method in method, path in path, headers in headers)| {
        let request = headers.iter().try_fold(Request::builder().method(method), |request, (name, value)| {
            axum::http::HeaderValue::from_bytes(value.as_bytes()).map(|value| request.header(*name, value))
        });
        let request = request.ok().and_then(|request| request.uri(&path).body(()).ok());
        let Some(request) = request else { return Ok(()) };
        let answer = served.ask(&request.into_parts().0);
        let part = |body: &[u8]| known.iter().any(|file| file.windows(body.len().max(1)).any(|part| part == body));
        match answer.status.as_u16() {
            200 if method == "HEAD" => prop_assert!(answer.body.is_empty()),
            200 => prop_assert!(known.contains(&answer.body), "{path}"),
            206 => prop_assert!(part(&answer.body), "{path}"),
            304 => prop_assert!(answer.body.is_empty()),
            301 => prop_assert!(answer.header("location").starts_with('/') && !answer.header("location").starts_with("//")),
            404 | 405 | 410 | 412 | 416 => prop_assert!(answer.body.len() < 80),
            other => prop_assert!(false, "{other} for {path}"),
        }
    });
}

#[test]
fn a_reader_during_builds_never_sees_half_a_file() {
    let served = Served::of(site());
    std::thread::scope(|scope| {
        let builder = scope.spawn(|| {
            for n in 10..22 {
                served.site.write("content/posts/9.md", post(9, &format!("tags: [new]\nupdated: 2026-11-{n}\n")));
                served.site.run(["build", "-q"]).succeeds();
            }
        });
        let mut versions = HashSet::new();
        let config = load::config(&served.site.path("")).unwrap();
        let feeds = Feeds::open(&served.site.path(""), &config).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        while !builder.is_finished() {
            let (atom, gzip) = runtime.block_on(async {
                let ask = async |headers: &[(&str, &str)]| {
                    let response = feeds.answer(&parts("GET", "/atom.xml", headers)).await;
                    let (status, coded) = (response.status(), response.headers().contains_key("content-encoding"));
                    (status, coded, response.into_body().collect().await.unwrap().to_bytes().to_vec())
                };
                (ask(&[READER]).await, ask(&[("accept-encoding", "gzip")]).await)
            });
            for (status, coded, body) in [atom, gzip] {
                assert_eq!(status, 200);
                let body = if coded { gunzip(&body) } else { body };
                let text = String::from_utf8(body).unwrap();
                assert!(text.starts_with("<?xml") && text.ends_with("</feed>\n"));
                versions.insert(text);
            }
        }
        builder.join().unwrap();
        assert!(versions.len() > 3, "{}", versions.len());
    });
}
