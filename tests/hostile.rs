//! Posts that mean ill, or were written by somebody who did not know better: what comes out is safe, equal to what went
//! in, and the same in all formats.

#[path = "support/read_back.rs"]
mod read_back;
mod support;

use read_back::{feed, feeds, harmless, tags, titles};
use support::Site;

/// A post with this front matter after its title and date, and this text.
fn post(title: &str, more: &str, text: &str) -> String {
    format!("---\ntitle: {title}\npub_date: 2026-11-01\nsummary: Short.\n{more}---\n{text}\n")
}

/// A site with one post, which builds.
#[track_caller]
fn built(text: impl AsRef<[u8]>) -> Site {
    let site = Site::new().file("content/posts/a.md", text);
    site.run(["build", "-q"]).stderr("").succeeds();
    site
}

/// A text as a YAML value.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

#[test]
fn a_title_is_the_same_in_every_format() {
    let hostile = [
        "A & B",
        "1 < 2 > 0",
        "She said \"no\"",
        "It's 'fine'",
        "Vec<T>",
        "<b>bold</b>",
        "<script>alert(1)</script>",
        "&amp; &lt;b&gt; &#60;i&#62; &nbsp;",
        "]]> and <![CDATA[",
        "-->",
        "\u{1f389} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{5e2}\u{5d5}\u{5dc}\u{5dd}",
        "\u{202e}txt.exe",
        "\u{645}\u{631}\u{62d}\u{628}\u{627}, C++ & \u{674e}\u{4f1f}",
        "100% {{ site.title }} {% raw %}",
        "\\n \\u0000 $HOME `id`",
        "null",
        "2026-11-01",
        "~",
        "a: b # c",
    ];
    let mut site = Site::new();
    for (i, title) in hostile.iter().enumerate() {
        let text = format!(
            "---\ntitle: {title}\npub_date: 2026-11-{:02}T10:00:00Z\nsummary: {title}\nauthor: {title}\ntags: [{title}]\n---\nText.\n",
            20 - i,
            title = quoted(title)
        );
        site = site.post(&format!("{i:02}.md"), &text);
    }
    site.run(["build", "-q"]).stderr("").succeeds();
    let items = feed(&site, "");
    assert_eq!(items.len(), hostile.len());
    for (item, title) in items.iter().zip(hostile) {
        assert_eq!(item.title, title);
        assert_eq!(item.summary, title);
        assert_eq!(item.authors, [title]);
        assert_eq!(item.terms, [title]);
    }
    // The feed of each tag and author has the name in its title.
    assert_eq!(feeds(&site).len(), 1 + 2 * hostile.len());
    let named = site.files("public").iter().filter(|f| f.ends_with("atom.xml") && f.starts_with("tag/")).fold(
        String::new(),
        |all, file| {
            let read = feed_rs::parser::parse(site.read(&format!("public/{file}")).as_bytes()).unwrap();
            all + "\n" + &read.title.unwrap().content
        },
    );
    for title in ["A & B", "Vec&lt;T&gt;", "&lt;b&gt;bold&lt;/b&gt;", "\u{1f389}"] {
        assert!(named.contains(&format!("Example: {title}")), "{title} is not in {named}");
    }
    let page = site.read("public/feeds/index.html");
    assert!(!page.contains("<script>") && !page.contains("<b>bold") && !page.contains("Vec<T>"), "{page}");
    let opml = site.read("public/feeds/feeds.opml");
    read_back::well_formed(&opml);
}

#[test]
fn c_and_its_sisters_are_three_feeds() {
    let site = Site::new()
        .post("a.md", &post("A", "tags: [C, C++]\n", "Text."))
        .post("b.md", &post("B", "tags: ['C#', C]\n", "Text."))
        .post("d.md", &post("D", "tags: [c]\n", "Text."));
    site.run(["build", "-q"]).stderr("").succeeds();
    let folders: Vec<String> = feeds(&site).into_iter().map(|(folder, _)| folder).collect();
    assert_eq!(folders, ["", "tag/c-plus-plus/", "tag/c-sharp/", "tag/c/"]);
    assert_eq!(titles(&site, "tag/c/"), ["A", "B", "D"]);
    assert_eq!(titles(&site, "tag/c-plus-plus/"), ["A"]);
    assert_eq!(titles(&site, "tag/c-sharp/"), ["B"]);
    assert_eq!(feed(&site, "")[0].terms, ["C", "C++"]);
}

#[test]
fn no_control_character_reaches_a_feed_from_any_field() {
    let illegal: Vec<char> =
        ('\u{0}'..='\u{1f}').filter(|c| !"\t\n\r".contains(*c)).chain(['\u{fffe}', '\u{ffff}']).collect();
    // As they are, and as YAML escapes.
    let raw: String = illegal.iter().collect();
    let escaped: String = illegal.iter().map(|&c| format!("\\u{:04x}", c as u32)).collect();
    for bad in [raw, escaped] {
        let text = format!(
            "---\ntitle: \"Ti{bad}tle\"\npub_date: \"2026-11-01{bad}\"\nid: \"i{bad}d\"\nslug: s\nsummary: \"Sum{bad}mary\"\n\
             lead: \"Le{bad}ad\"\ntags: [\"t{bad}ag\"]\ncategory: \"ca{bad}t\"\ntopic: \"to{bad}pic\"\nauthor: \"Au{bad}thor\"\n\
             image: \"/i{bad}.png\"\nenclosure: {{url: \"/e{bad}.mp3\", type: \"audio/{bad}mpeg\"}}\nlang: \"d{bad}e\"\n\
             extra: \"{bad}\"\n\"k{bad}ey\": 1\n---\n# Bo{}dy\n\n[li{0}nk](/a{0}b \"ti{0}tle\") `co{0}de` <b title=\"{0}\">x</b>\n",
            illegal.iter().collect::<String>()
        );
        let site = Site::new()
            .file("content/posts/a.md", text.replace(&format!("\"2026-11-01{bad}\""), "2026-11-01"))
            .file("content/people/p.md", format!("name: \"Au{bad}thor\"\nprofile_url: \"/p{bad}\"\n"))
            .file("content/taxonomies/tags/tag.yaml", format!("title: \"t{bad}ag\"\nsummary: \"x{bad}y\"\n"));
        let run = site.run(["check"]);
        assert!(run.err().contains("no feed can carry") || run.err().contains("YAML does not allow"), "{}", run.err());
        run.succeeds();
        site.run(["build", "-q"]).stderr("").succeeds();
        let items = feed(&site, "");
        // Two of them are white space, which parts words.
        let joined = |text: &str| text.replace(' ', "");
        assert_eq!(joined(&items[0].title), "Title");
        assert_eq!(joined(&items[0].summary), "Summary");
        assert_eq!(joined(&items[0].authors[0]), "Author");
        let terms: Vec<String> = items[0].terms.iter().map(|term| joined(term)).collect();
        assert_eq!(terms, ["cat", "topic", "tag"]);
        assert_eq!(items[0].id.replace("%20", ""), "tag:example.org,2026:id");
        assert!(
            joined(&items[0].html).contains("<p>Lead</p>") && items[0].html.contains("Body</h1>"),
            "{}",
            items[0].html
        );
        feeds(&site);
        read_back::well_formed(&site.read("public/feeds/feeds.opml"));
    }
}

#[test]
fn the_end_of_a_cdata_section_is_only_text() {
    let site =
        built(post("']]>'", "", "Text ]]> and `]]>]]>` and\n\n    ]]> <![CDATA[ x ]]>\n\n<p title=\"]]>\">p</p>"));
    let items = feed(&site, "");
    assert_eq!(items[0].title, "]]>");
    assert!(items[0].html.contains("<code>]]&gt;]]&gt;</code>"), "{}", items[0].html);
}

#[test]
fn every_kind_of_relative_address_becomes_absolute() {
    #[track_caller]
    fn case(markdown: &str, tag: &str, attribute: &str, want: Option<&str>) {
        let site = built(post("A", "slug: here\n", markdown));
        let html = feed(&site, "").remove(0).html;
        let found = tags(&html).into_iter().find(|(name, _)| name == tag);
        let value = found.and_then(|(_, all)| all.into_iter().find(|(name, _)| name == attribute)).map(|(_, v)| v);
        assert_eq!(value.as_deref(), want, "{markdown}\n{html}");
    }
    case("[x](/a)", "a", "href", Some("https://example.org/a"));
    case("[x](a/b.html)", "a", "href", Some("https://example.org/blog/here/a/b.html"));
    case("[x](../a)", "a", "href", Some("https://example.org/blog/a"));
    case("[x](../../../../a)", "a", "href", Some("https://example.org/a"));
    case("[x](./a)", "a", "href", Some("https://example.org/blog/here/a"));
    case("[x](?a=1&b=2)", "a", "href", Some("https://example.org/blog/here/?a=1&b=2"));
    case("[x](#top)", "a", "href", Some("https://example.org/blog/here/#top"));
    case("[x](//cdn.example/a)", "a", "href", Some("https://cdn.example/a"));
    case("[x]()", "a", "href", Some("https://example.org/blog/here/"));
    case("[x](</a b.pdf>)", "a", "href", Some("https://example.org/a%20b.pdf"));
    case("<a href='\\\\host\\x'>x</a>", "a", "href", Some("https://host/x"));
    case("[x][r]\n\n[r]: /ref", "a", "href", Some("https://example.org/ref"));
    case("<a href=/raw>x</a>", "a", "href", Some("https://example.org/raw"));
    case("<A HREF=' /raw '>x</A>", "a", "href", Some("https://example.org/raw"));
    case("![x](/i.png)", "img", "src", Some("https://example.org/i.png"));
    case("![x](i.png \"t\")", "img", "src", Some("https://example.org/blog/here/i.png"));
    case(
        "<img src=/a.png srcset='/a.png 1x, b.png 2x'>",
        "img",
        "srcset",
        Some("https://example.org/a.png 1x, https://example.org/blog/here/b.png 2x"),
    );
    case("<video src=/v.mp4 poster=p.png></video>", "video", "poster", Some("https://example.org/blog/here/p.png"));
    case("<blockquote cite=/c>x</blockquote>", "blockquote", "cite", Some("https://example.org/c"));
    case("<del cite='javascript:x'>x</del>", "del", "cite", None);
    case("[x](mailto:a@example.org)", "a", "href", Some("mailto:a@example.org"));
    case("[x](data:text/html,x)", "a", "href", None);
    case("[x](file:///etc/passwd)", "a", "href", None);
    case("[x](http://)", "a", "href", None);
}

#[test]
fn nothing_that_runs_is_left() {
    #[track_caller]
    fn case(markdown: &str) {
        let site = built(post("A", &format!("lead: |\n  {}\n", markdown.replace('\n', "\n  ")), markdown));
        let html = feed(&site, "").remove(0).html;
        for word in ["alert(", "javascript:", "vbscript:", "onclick", "onerror", "onload", "srcdoc"] {
            // As text it does no harm: only markup counts.
            let inside = tags(&html).iter().flat_map(|(_, all)| all).any(|(name, value)| {
                name.contains(word) || (matches!(name.as_str(), "href" | "src") && value.contains(word))
            });
            assert!(!inside, "{word}: {html}");
        }
        assert!(!html.contains("<script") && !html.contains("<iframe"), "{html}");
    }
    case("<script>alert(1)</script>");
    case("<SCRIPT SRC=//evil.example/x.js></SCRIPT>");
    case("<scr<script>ipt>alert(1)</scr</script>ipt>");
    case("<script\nsrc=x>alert(1)</script\n>");
    case("text <script>alert(1)</script> text");
    case("<iframe src=\"https://evil.example/\"></iframe>");
    case("<iframe src=\"javascript:alert(1)\" srcdoc=\"<script>alert(1)</script>\"></iframe>");
    case("<iframe src=\"https://www.youtube.com/embed/abc\"></iframe>");
    case("<p onclick=\"alert(1)\">x</p>");
    case("<p OnClick=alert(1)>x</p>");
    case("<img src=x onerror=alert(1)>");
    case("<img src=x:x onerror=alert(1)//");
    case("<img/src=x/onerror=alert(1)>");
    case("<svg onload=alert(1)><script>alert(1)</script></svg>");
    case("<svg><style><img src=x onerror=alert(1)></style></svg>");
    case("<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">");
    case("<a href=\"java\tscript:alert(1)\">x</a>");
    case("<a href=\"java&#9;script:alert(1)\">x</a>");
    case("<a href=\" &#1; javascript:alert(1)\">x</a>");
    case("<a href=\"JaVaScRiPt:alert(1)\">x</a>");
    case("<a href=\"&#106;avascript:alert(1)\">x</a>");
    case("[x](javascript:alert(1))");
    case("[x](java\tscript:alert(1))");
    case("[x](<java\tscript:alert(1)>)");
    case("[x](&#106;avascript:alert(1))");
    case("<javascript:alert(1)>");
    case("![x](javascript:alert(1))");
    case("![x](data:image/svg+xml;base64,PHN2Zy8+)");
    case("[x](vbscript:msgbox)");
    case("[x](data:text/html;base64,PHNjcmlwdD4=)");
    case("<object data=x.swf></object><embed src=x.swf><applet code=x></applet>");
    case("<form action=x><input onfocus=alert(1) autofocus><button formaction=javascript:alert(1)>x</button></form>");
    case(
        "<base href=//evil.example/><meta http-equiv=refresh content='0;url=//evil.example'><link rel=stylesheet href=x>",
    );
    case("<style>@import '//evil.example/x.css'; p { background: url(javascript:alert(1)) }</style>");
    case("<p style=\"background:url(javascript:alert(1))\">x</p>");
    case("<!--><script>alert(1)</script>-->");
    case("<!-- <p --> <script>alert(1)</script>");
    case("<?php echo '<script>alert(1)</script>' ?>");
    case("<![CDATA[<script>alert(1)</script>]]>");
    case("<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>");
    case("<textarea><p title=\"</textarea><img src=x onerror=alert(1)>\"></textarea>");
    case("<template><script>alert(1)</script></template>");
    case("<details open ontoggle=alert(1)><summary>x</summary></details>");
    case("<video><source onerror=alert(1)></video><audio src onerror=alert(1)>");
    case("`<script>alert(1)</script>` and\n\n    <script>alert(1)</script>");
    case("&lt;script&gt;alert(1)&lt;/script&gt;");
}

#[test]
fn text_that_only_looks_like_markup_stays_text() {
    let site = built(post(
        "A",
        "",
        "Set <keyfile> and Vec<T>, `<b>` & \"quotes\", 1 < 2 > 0, <user@host> <https://a.example/?a=1&b=2>",
    ));
    let html = feed(&site, "").remove(0).html;
    assert!(html.contains("Set &lt;keyfile&gt; and Vec&lt;T&gt;, <code>&lt;b&gt;</code> &amp; \"quotes\""), "{html}");
    assert!(html.contains("href=\"https://a.example/?a=1&amp;b=2\""), "{html}");
}

#[test]
fn a_slug_with_odd_characters_is_an_address_all_the_same() {
    #[track_caller]
    fn case(slug: &str, url: &str) {
        let site = built(post("A", &format!("slug: {slug}\n"), "[up](..) ![](x.png)"));
        assert_eq!(feed(&site, "")[0].url, url, "{slug}");
    }
    case("it's", "https://example.org/blog/it%27s/");
    case("'\"quoted\"'", "https://example.org/blog/%22quoted%22/");
    case("v1.0.2", "https://example.org/blog/v1.0.2/");
    case("...", "https://example.org/blog/.../");
    case("a..b", "https://example.org/blog/a..b/");
    case("trailing/", "https://example.org/blog/trailing/");
    case("/2026/leading", "https://example.org/blog/2026/leading/");
    case("'a?b#c'", "https://example.org/blog/a%3Fb%23c/");
    case("100%", "https://example.org/blog/100%25/");
    case("a%20b", "https://example.org/blog/a%2520b/");
    case("'<script>'", "https://example.org/blog/%3Cscript%3E/");
    case("\u{65e5}\u{672c}", "https://example.org/blog/%E6%97%A5%E6%9C%AC/");
    case("'{slug}'", "https://example.org/blog/%7Bslug%7D/");
    case("2016", "https://example.org/blog/2016/");
}

#[test]
fn drafts_and_future_posts_are_out_and_a_post_needs_no_text() {
    let site = Site::new()
        .post("out.md", &post("Out", "", "Text."))
        .post("draft.md", &post("Draft", "draft: true\n", "Text."))
        .post("unpublished.md", &post("Unpublished", "published: false\n", "Text."))
        .post("future.md", "---\ntitle: Future\ndate: 2026-11-23T12:00:01Z\nsummary: Short.\n---\nText.\n")
        .post("now.md", "---\ntitle: Now\ndate: 2026-11-23T12:00:00Z\nsummary: Short.\n---\nText.\n")
        .post("empty.md", "---\ntitle: Empty\ndate: 2026-01-01\nsummary: Short.\n---\n")
        .post("bare.md", "---\ntitle: Bare\ndate: 2026-01-02\n---\n \n\n")
        .post("two.md", &post("Two", "authors: [Ana Sousa, 'Li Wei & Co']\n", "Text."));
    site.run(["build", "-q"]).stderr("").succeeds();
    let items = feed(&site, "");
    let titles: Vec<&str> = items.iter().map(|item| &*item.title).collect();
    assert_eq!(titles, ["Now", "Out", "Two", "Bare", "Empty"]);
    assert_eq!(items[2].authors, ["Ana Sousa", "Li Wei & Co"]);
    assert_eq!((&*items[3].html, &*items[3].summary), ("", "Bare"));
    assert_eq!((&*items[4].html, &*items[4].summary), ("", "Short."));
    let later = site.run(["build", "--now", "2026-11-23T12:00:01Z"]);
    later.succeeds();
    assert_eq!(feed(&site, "")[0].title, "Future");
}

#[test]
fn a_body_of_a_megabyte_is_carried_by_its_summary() {
    let large = "All the words there are. ".repeat(42_000);
    let site = Site::new()
        .post("large.md", &post("Large", "tags: [x]\n", &large))
        .post("small.md", "---\ntitle: Small\ndate: 2026-10-01\nsummary: Short.\n---\nText.\n");
    site.run(["build", "-v"])
        .stderr_has(
            "warning: post is too large for a feed of at most 1000000 bytes and is carried by its summary\n \
             --> content/posts/large.md\n\
             hint: shorten it, or raise `bytes` in `[feeds]`; many readers refuse more than 1 MB\n",
        )
        .succeeds();
    let items = feed(&site, "");
    assert_eq!((items[0].title.as_str(), items[0].html.as_str()), ("Large", ""));
    assert_eq!((items[1].title.as_str(), items[1].html.as_str()), ("Small", "<p>Text.</p>"));
    assert_eq!(feed(&site, "tag/x/")[0].html, "");
    for file in ["atom.xml", "rss.xml", "feed.json"] {
        assert!(site.bytes(&format!("public/{file}")).len() < 1_000_000, "{file}");
    }
}

#[test]
fn deep_and_swelling_front_matter_is_refused_at_once() {
    #[track_caller]
    fn case(head: &str, want: &str) {
        let started = std::time::Instant::now();
        let site =
            Site::new().post("a.md", &format!("---\ntitle: A\ndate: 2026-01-01\nsummary: s\n{head}\n---\nText.\n"));
        let run = site.run(["build", "-q"]);
        assert!(run.err().starts_with(want), "{}", run.err());
        assert!(run.err().len() < 2000, "{}", run.err());
        run.fails(1);
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    }
    let deep = "error: front matter has more than 64 lists and maps inside each other\n --> content/posts/a.md:";
    case(&format!("x: {}{}", "[".repeat(20_000), "]".repeat(20_000)), deep);
    case(&format!("x: {}", "[".repeat(20_000)), deep);
    case(&format!("x: {}", "{a: ".repeat(10_000)), deep);
    case(&format!("x:\n{}", (1..80).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>()), deep);
    let mut laughs = String::from("a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for (last, name) in ('a'..='h').zip('b'..='i') {
        laughs += &format!("{name}: &{name} [{}]\n", vec![format!("*{last}"); 9].join(", "));
    }
    case(&laughs, "error: aliases make front matter too large\n --> content/posts/a.md:");
    case(
        &format!("x: {}", "y".repeat(70_000)),
        "error: front matter is larger than 64 KiB\n --> content/posts/a.md:1:1",
    );
}

#[test]
fn deep_markdown_neither_overflows_nor_takes_for_ever() {
    for (text, slowest) in [
        ("> ".repeat(20_000) + "x", 60),
        ("[".repeat(20_000) + "x", 60),
        ("*a ".repeat(20_000), 60),
        ("<b>".repeat(20_000) + "x", 60),
        ("<div>\n\n".repeat(5_000) + "x", 60),
        ((0..2_000).map(|n| format!("{}- x\n", " ".repeat(n * 2 % 400))).collect(), 60),
        ("![".repeat(10_000) + "](x)", 60),
        ("| a ".repeat(5_000) + "\n" + &"|-".repeat(5_000) + "\n" + &"| b ".repeat(5_000), 60),
        ("[^1]".repeat(5_000) + "\n\n[^1]: note [^1]\n", 60),
        ("&".repeat(50_000), 60),
        ("`".repeat(20_000) + "a" + &"``".repeat(10_000), 60),
    ] {
        let started = std::time::Instant::now();
        let site = built(post("A", "", &text));
        feed(&site, "");
        let started = started.elapsed();
        assert!(started.as_secs() < slowest, "{started:?} for {}", text.chars().take(20).collect::<String>());
    }
}

#[test]
fn a_tampered_list_of_written_files_removes_nothing_outside_of_the_output_folder() {
    use sha2::Digest as _;
    let site = Site::new().post("a.md", &post("A", "", "Text.")).file("precious.txt", "precious");
    let hash: String = sha2::Sha256::digest("precious").iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let absolute = site.path("precious.txt").to_string_lossy().into_owned();
    for path in ["../precious.txt", "x/../../precious.txt", &absolute] {
        let files = serde_json::json!({ "files": { path: hash, "gone.xml": hash }, "building": true });
        site.write(".tidings/written.json", files.to_string());
        site.write("public/gone.xml", "precious");
        let run = site.run(["build", "--json"]);
        assert_eq!(run.json()["removed"], serde_json::json!(["gone.xml"]), "{path}");
        run.succeeds();
        assert_eq!(site.read("precious.txt"), "precious", "{path}");
    }
}

#[test]
fn what_a_page_of_feeds_and_its_snippets_show_is_escaped() {
    let settings = "[site]\ntitle = \"<script>alert(1)</script> & Co\"\nurl = \"https://example.org/\"\n\
                    description = \"\\\"><img src=x onerror=alert(1)>\"\n\n\
                    [feed.x]\ntitle = \"{{ 7 * 7 }} <b>\"\ndescription = \"</title>\"\n";
    let site =
        Site::empty().settings(settings).post("a.md", &post("A", "tags: ['\"><script>alert(2)</script>']\n", "x"));
    site.run(["build", "-q"]).stderr("").succeeds();
    let page = site.read("public/feeds/index.html");
    assert!(page.contains("{{ 7 * 7 }} &lt;b&gt;"), "{page}");
    for (name, attributes) in tags(&page) {
        assert!(name != "script" && name != "img" && name != "b", "<{name}> in {page}");
        assert!(attributes.iter().all(|(name, _)| !name.starts_with("on")), "{page}");
    }
    for snippet in ["links.html", "nginx.conf", "_headers"] {
        let text = site.read(&format!(".tidings/hosting/{snippet}"));
        assert!(!text.contains("<script") && !text.contains("<img"), "{snippet}: {text}");
    }
    read_back::well_formed(&site.read("public/feeds/feeds.opml"));
    for file in site.files("public").iter().filter(|file| file.ends_with(".xml")) {
        read_back::well_formed(&site.read(&format!("public/{file}")));
    }
}

#[test]
fn a_harmless_page_is_told_from_a_harmful_one() {
    #[track_caller]
    fn case(html: &str, harmful: bool) {
        assert_eq!(std::panic::catch_unwind(|| harmless(html)).is_err(), harmful, "{html}");
    }
    case("<p>x <a href=\"https://a.example/\">y</a></p>", false);
    case("<p onclick=x>x</p>", true);
    case("<a href=\"/x\">x</a>", true);
    case("<a href=\"javascript:x\">x</a>", true);
    case("<img srcset=\"https://a.example/x 1x, /y 2x\">", true);
    case("<script></script>", true);
}

mod whole_chain {
    //! The pure middle as a whole, on any bytes as files.

    use super::read_back::{harmless, well_formed};
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use tidings::config::{Axis, Config};
    use tidings::content::collection::{Collection, Gathered, Parts};
    use tidings::content::dialect::Dialect;
    use tidings::content::lock::Lock;
    use tidings::content::markdown::Renderer;
    use tidings::content::post::{self, Content, Hashed, Reading};
    use tidings::content::slug::slugify;
    use tidings::content::{call_to_action, people, term_file};
    use tidings::diagnostic::Diagnostic;
    use tidings::feed::compose::Composer;
    use tidings::feed::document::{Document, Room};
    use tidings::feed::entry::Entries;
    use tidings::feed::plan::{Plan, needed, plan};
    use url::Url;

    const SETTINGS: [&str; 4] = [
        "[site]\ntitle = \"Example\"\nurl = \"https://example.org/\"\n",
        "[site]\ntitle = \"<b>&\\\"'\"\nurl = \"https://example.org/a/b\"\ntimezone = \"Europe/Berlin\"\npublish_time = \"02:30\"\n\
         permalink = \"/{year}/{month}/{day}/{category}/{id}/{slug}.html\"\nauthor = \"Li & Co\"\n\n\
         [feeds]\nitems = 1\nbytes = 4000\narchives = \"all\"\nid_prefix = \"tag:example.org,2026:\"\n\n\
         [feed.x]\nfilter = \"tag=a or not author=b and published>=2020-01-01\"\nformats = [\"json\"]\n",
        "[site]\ntitle = \"E\"\nurl = \"http://[::1]:8080/\"\npermalink = \"/{id}\"\n\n[feeds]\nurl = \"https://feeds.example/x/\"\n\
         age = \"90d\"\ncontent = \"summary\"\nhub = \"https://hub.example/?a=1&b=2\"\narchives = \"none\"\n",
        "[site]\ntitle = \"E\"\nurl = \"https://example.org/\"\n\n[feeds]\nitems = 2\nbytes = 1\ntaxonomies = [\"tag\"]\n\n\
         [front_matter]\ntag = [\"labels\"]\n",
    ];

    /// What front matter is made of, sound and not.
    fn line() -> impl Strategy<Value = String> {
        let key = prop::sample::select(vec![
            "title",
            "date",
            "pub_date",
            "id",
            "slug",
            "tags",
            "category",
            "discovery_topic",
            "author",
            "summary",
            "lead",
            "cta_ref",
            "related_entries",
            "image",
            "enclosure",
            "lang",
            "content",
            "draft",
            "withdrawn",
            "updated",
            "published",
            "labels",
            "name",
            "aliases",
            "profile_url",
            "<<",
            "x",
            "\"\\u0000\"",
            "? a",
            "- b",
        ]);
        let value = prop_oneof![
            6 => prop::sample::select(vec![
                "A", "2026-01-01", "2026-11-22T10:00:00+14:00", "2025-06-30 23:59:60", "1970-01-01", "9998-12-31",
                "2026-13-02", "[a, B, 'C++', c]", "[a, [b], {c: d}]", "{url: /x.mp3, length: 12, type: 'a&b'}",
                "../../x", "/a/b/", "a b?c#d", "..", "true", "false", "null", "", "~", "\"\\u0001\\ufffe]]>\"",
                "'<b>&\"'", "\u{5e9}\u{5dc}", "\u{1f389}", "&a [x, y]", "*a", "!!binary x", "|", ">-\n  folded\n  text",
                "|\n  # Head\n  <script>alert(1)</script>\n  [x](javascript:y) ![](z)", "javascript:alert(1)", "//h/x.png", "data:,x",
                "\"unclosed", "a: b", "[unclosed", "{", "en", "pt-BR", "full", "summary", "0x1F", "1e999", "-0",
                "tag:example.org,2020:x", "https://example.org/?p=1", "\t", "# comment", "@x", "`x`", "%x",
            ]).prop_map(String::from),
            1 => any::<String>(),
        ];
        (key, value).prop_map(|(key, value)| format!("{key}: {value}\n"))
    }

    /// Lines that a post may have, hostile as they are.
    const SOUND: &[(&str, &[&str])] = &[
        (
            "id",
            &[
                "one",
                "..",
                "a b<c>",
                "tag:x.example,2020:1",
                "https://example.org/?p=1&q=2",
                "\u{1f389}",
                "%2e%2e",
                "\"\\u0001x\"",
            ],
        ),
        ("slug", &["one", "a/b", "it's", "<b>", "a?b#c", "100%", "\u{5e9}", "..a", "\"x\\u0085y\""]),
        (
            "tags",
            &[
                "[a, B, 'C++', c]",
                "C",
                "[privet, \u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}]",
                "['..', '/', '<b>&']",
                "\"\\ufffe]]>\"",
            ],
        ),
        ("category", &["a", "A", "[x y, x-y]", "'<script>'", "\"\\u0000\""]),
        ("topics", &["topics/a", "discovery_topic/a", "[a, topic/b]", "../.."]),
        ("author", &["ana", "[a, b]", "{name: x}", "'<b>&\"'", "4ItmAo1t5SIG8MsiEa2K2K"]),
        ("summary", &["S", "'<b>&amp;\"]]>'", "\"a\\u0000b\\r\\nc\"", "\u{202e}x", "&amp;lt;", "{}"]),
        ("lead", &["L *x*", "'<script>alert(1)</script>'", "'[r][r] [^1]'", "\"\\u001b\\n\\n# x\"", "'</p></div>]]>'"]),
        ("image", &["/x.png", "x.jpg?a=1&b=2", "javascript:x.png", "//h/x.png", "'http://[/x.png'", "'/<b>\"x.gif'"]),
        (
            "enclosure",
            &["/x.mp3", "{url: /x.mp3, length: 12, type: 'a&b\"c'}", "javascript:x", "{url: x}", "'/]]>.pdf'"],
        ),
        ("lang", &["en", "he", "pt-BR", "'\"'"]),
        ("content", &["full", "summary"]),
        ("draft", &["false", "true", "no"]),
        ("withdrawn", &["2026-11-01", "2020-01-01", "2027-01-01"]),
        ("updated", &["2026-11-01", "2020-01-01", "2027-01-01", "2026-03-29 02:30:00"]),
        ("related_entries", &["[one, two]", "one"]),
        ("cta_ref", &["one", "[a]"]),
        ("extra", &["{a: [1, 2.5, ~]}", "\"\\u0000\"", "0x1F"]),
        ("labels", &["[a]", "'#'"]),
    ];

    fn markdown() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            6 => prop::sample::select(vec![
                "text ", "\n", "\n\n", "# ", "> ", "- ", "    ", "*", "**", "_", "`", "```", "~~", "[x](", "](", ")", "[^1]",
                "[^1]: note\n", "![", "<", ">", "</", "<b>", "</b>", "<p onclick=x>", "<script>", "</script>", "<iframe src=//x>",
                "<!--", "-->", "<![CDATA[", "]]>", "<?", "&lt;", "&#0;", "&#x1;", "&", "|a|b|\n|-|-|\n|c|d|", "\\", "\t", "\r", "\r\n",
                "\u{0}", "\u{1b}", "\u{fffe}", "\u{feff}", "\u{2028}", "\u{202e}", "<img src=/a srcset='b 1x, c 2x'>", "<a href='java\tscript:x'>",
                "<svg><style>", "<math>", "<table><tr>", "<textarea>", "<style>", "<pre>", "<video poster=x>", "https://a.example/ ",
                "---\n", "===\n", "<keyfile>", "Vec<T>", "{{ x }}", "{% y %}", "1. ", "[r]: /x 'y'\n", "[r]", "<div>\n\n", "</div>",
            ]).prop_map(String::from),
            1 => any::<String>(),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    fn file() -> impl Strategy<Value = Vec<u8>> {
        let sound = (prop::collection::btree_map(0..SOUND.len(), any::<prop::sample::Index>(), 0..9), markdown())
            .prop_map(|(lines, text)| {
                let head: String =
                    lines.iter().map(|(&i, at)| format!("{}: {}\n", SOUND[i].0, at.get(SOUND[i].1))).collect();
                format!("---\ntitle: A\ndate: 2026-02-03\n{head}---\n{text}").into_bytes()
            });
        let doubtful = (line(), markdown())
            .prop_map(|(line, text)| format!("---\ntitle: A\ndate: 2026-02-03\n{line}---\n{text}").into_bytes());
        let any_head = (prop::collection::vec(line(), 0..12), markdown(), 0..4usize).prop_map(|(lines, text, form)| {
            let head = lines.concat();
            match form {
                0 => format!("---\n{head}---\n{text}"),
                1 => format!("\u{feff}---\r\n{}---\r\n{text}", head.replace('\n', "\r\n")),
                2 => format!("{head}---\n{text}"),
                _ => format!("---\n{head}"),
            }
            .into_bytes()
        });
        let damaged = (file_text(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut bytes, at, byte)| {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        });
        prop_oneof![
            8 => sound,
            2 => doubtful,
            2 => any_head,
            1 => damaged,
            1 => prop::collection::vec(any::<u8>(), 0..200),
        ]
    }

    fn file_text() -> impl Strategy<Value = Vec<u8>> {
        markdown().prop_map(|text| format!("---\ntitle: A\ndate: 2026-02-03\ntags: [a, b]\n---\n{text}").into_bytes())
    }

    fn path(folder: &'static str) -> impl Strategy<Value = String> {
        let name = prop_oneof![
            4 => "[a-c]{1,2}".prop_map(|name| format!("{name}.md")),
            1 => prop::sample::select(vec![
                "2026-01-01-x.md", "2026-13-01.y.md", "2026-01-01.md", "x/index.md", "index.md", ".md", "..md", "a b.md",
                "\u{1f389}.md", "\u{1b}[31m.md", "%2e%2e.md", "<b>.md", "a.b.markdown", "c++.yaml",
            ]).prop_map(String::from),
        ];
        name.prop_map(move |name| format!("content/{folder}/{name}"))
    }

    fn files(folder: &'static str, most: usize) -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
        prop::collection::btree_map(path(folder), file(), 0..most)
    }

    /// Parses what can be, and shows every finding as people would see it.
    fn all<T>(
        files: &BTreeMap<String, Vec<u8>>,
        parse: impl Fn(&str, &[u8]) -> (Option<T>, Vec<Diagnostic>),
    ) -> Vec<T> {
        let mut out = Vec::new();
        for (path, bytes) in files {
            let (value, findings) = parse(path, bytes);
            show(&findings, files);
            assert_eq!(value.is_none(), findings.iter().any(Diagnostic::is_error), "{path}: {findings:?}");
            out.extend(value);
        }
        out
    }

    fn show(findings: &[Diagnostic], files: &BTreeMap<String, Vec<u8>>) {
        for finding in findings {
            let source = finding.place.as_ref().and_then(|place| files.get(&place.file));
            let source = source.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            let shown = finding.render(source.as_deref());
            assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
            assert!(finding.message.chars().count() < 600, "{shown}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_make_it_panic_and_whatever_comes_out_is_a_feed(
            posts in files("posts", 6),
            persons in files("people", 3),
            calls in files("cta", 2),
            terms in files("taxonomies/tags", 2),
            settings in prop::sample::select(SETTINGS.to_vec()),
            lock in prop_oneof![3 => Just(String::new()), 1 => any::<String>()],
            day in 0..1000i64,
        ) {
            let config = Config::parse(settings).unwrap();
            let now: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
            let now = now - chrono::TimeDelta::days(day - 500);
            let dialect = Dialect::new(&config.front_matter);
            let (timezone, publish_time) = (config.site.timezone, config.site.publish_time);
            let reading = Reading { dialect: &dialect, timezone, publish_time, hashed: Hashed::Every };
            let lock = Lock::parse(&lock).unwrap_or_default();
            let parts = Parts {
                posts: all(&posts, |file, bytes| post::parse(file, bytes, &reading)).into_iter().map(Box::new).collect(),
                people: all(&persons, people::parse_person),
                calls_to_action: all(&calls, call_to_action::parse_call_to_action),
                term_files: all(&terms, term_file::parse_term).into_iter().map(|file| (Axis::Tag, file)).collect(),
            };
            let Gathered { collection, lock, findings } = Collection::gather(parts, &config, &lock, now);
            show(&findings, &posts);
            prop_assert_eq!(Lock::parse(&lock.to_text()).unwrap_or_default().to_text(), lock.to_text());

            let Plan { feeds, findings, .. } = plan(&collection, &config, &BTreeMap::new(), now);
            show(&findings, &posts);
            let renderer = Renderer::new();
            let entries = Entries { collection: &collection, config: &config, size_of: &|path| Some(path.len() as u64) };
            let entries: Vec<_> = needed(&feeds.iter().collect::<Vec<_>>(), &collection)
                .into_iter()
                .zip(&collection.articles)
                .map(|(wanted, article)| {
                    let permalink = Url::parse(&article.url).unwrap();
                    let rendered = (wanted.content? == Content::Full).then(|| {
                        let body = post::body(&article.post, &posts[&article.post.file]).unwrap();
                        let lead = article.post.lead.as_ref().map(|lead| &*lead.value);
                        renderer.render(lead, &body, &permalink, &slugify(&article.post.slug.value))
                    });
                    Some(Box::new(entries.entry(article, &permalink, rendered, 2)))
                })
                .collect();
            let room = Room::of(2000);
            let composer = Composer { collection: &collection, config: &config, entries: &entries, room: &room };
            let mut findings = Vec::new();
            let mut written = BTreeMap::new();
            for feed in &feeds {
                let sink = |path: &str, document: &Document<'_>| {
                    let bytes = document.to_vec();
                    assert_eq!(bytes.len() as u64, document.size_bytes(), "{path}");
                    let text = std::str::from_utf8(&bytes).unwrap();
                    feed_rs::parser::parse(&bytes[..]).unwrap_or_else(|e| panic!("{path}: {e}\n{text}"));
                    if path.ends_with(".json") {
                        let feed: serde_json::Value = serde_json::from_str(text).unwrap();
                        for item in feed["items"].as_array().unwrap() {
                            harmless(item["content_html"].as_str().unwrap_or_default());
                            Url::parse(item["url"].as_str().unwrap()).unwrap();
                            Url::parse(item["id"].as_str().unwrap()).unwrap();
                            assert!(!item["title"].as_str().unwrap().is_empty());
                        }
                    } else {
                        well_formed(text);
                    }
                    assert!(written.insert(path.to_string(), bytes.len()).is_none(), "{path} was written twice");
                    assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path}");
                    Ok::<(), ()>(())
                };
                composer.documents(feed, &mut findings, sink).unwrap();
            }
            show(&findings, &posts);
        }

        #[test]
        fn no_settings_make_it_panic(text in prop_oneof![
            any::<String>(),
            (prop::sample::select(SETTINGS.to_vec()), any::<prop::sample::Index>(), any::<char>()).prop_map(|(text, at, c)| {
                let mut chars: Vec<char> = text.chars().collect();
                let at = at.index(chars.len());
                chars[at] = c;
                chars.into_iter().collect()
            }),
        ]) {
            if let Err(findings) = Config::parse(&text) {
                assert!(!findings.is_empty());
                show(&findings, &BTreeMap::from([("tidings.toml".to_string(), text.into_bytes())]));
            }
        }
    }
}

#[test]
fn no_message_shows_the_password_of_the_mail_server() {
    let post = "---\ntitle: A\ndate: 2026-10-01\nsummary: S\n---\nHello\n";
    let site = Site::new().post("a.md", post).more_settings("[smtp]\nurl = 'smtps://news:hunter2@mail.example.org'\n");
    site.run(["check"]).stderr_has("holds a password\n --> tidings.toml\n").succeeds();
    let shown = |site: &Site, status| {
        let run = site.run(["check", "--strict"]).fails(status);
        assert!(!run.err().contains("hunter"), "{}", run.err());
        run.err()
    };
    shown(&site, 1);
    let site = Site::new().more_settings("[smtp]\nurl = 'smtps://news:hunter2@mail.example.org/x?y'\n");
    let told = shown(&site, 1);
    assert!(told.starts_with("error: `url` must end after the host and its port (line "), "{told}");
}
