//! What becomes of each kind of Markdown and HTML, and that nothing dangerous or relative comes out.

use super::*;
use proptest::prelude::*;

fn page() -> Url {
    Url::parse("https://example.org/blog/post/").unwrap()
}

fn render(markdown: &str) -> String {
    Renderer::new().render(None, markdown, &page(), "k").html.to_string()
}

#[track_caller]
fn case(markdown: &str, want: &str) {
    assert_eq!(render(markdown), want, "{markdown}");
}

#[test]
fn one_renderer_serves_all_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&Renderer::new());
}

#[test]
fn markdown_becomes_plain_html() {
    case("", "");
    case(" \n\n", "");
    case("# One *two* {#id .class}", "<h1>One <em>two</em></h1>");
    case("###### Six\n\nText\nline  \nbreak", "<h6>Six</h6>\n<p>Text\nline<br>\nbreak</p>");
    case("**a** ~~b~~ `c<d>`", "<p><strong>a</strong> <del>b</del> <code>c&lt;d&gt;</code></p>");
    case(
        "- a\n- b\n\n3. c\n\n   d",
        "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<ol start=\"3\">\n<li><p>c</p>\n<p>d</p>\n</li>\n</ol>",
    );
    case("> a\n\n***", "<blockquote>\n<p>a</p>\n</blockquote>\n<hr>");
    case("- [ ] to do\n- [x] done", "<ul>\n<li>☐ to do</li>\n<li>☑ done</li>\n</ul>");
    case("```rust,ignore\nVec<T>\n```", "<pre><code class=\"language-rust\">Vec&lt;T&gt;\n</code></pre>");
    case("```\"x onclick=\na\n```", "<pre><code>a\n</code></pre>");
    case("    a & b", "<pre><code>a &amp; b</code></pre>");
    case(
        "|a|b|c|d|\n|:-|:-:|-:|-|\n|1|2|3|4|",
        "<table>\n<thead><tr><th align=\"left\">a</th><th align=\"center\">b</th><th align=\"right\">c</th><th>d</th></tr></thead>\
         <tbody><tr><td align=\"left\">1</td><td align=\"center\">2</td><td align=\"right\">3</td><td>4</td></tr>\n</tbody></table>",
    );
}

#[test]
fn tags_that_are_none_stay_as_text() {
    case("Use <keyfile> here", "<p>Use &lt;keyfile&gt; here</p>");
    case("Vec<T>, HashMap<K, V>, <your-api-key/>", "<p>Vec&lt;T&gt;, HashMap&lt;K, V&gt;, &lt;your-api-key/&gt;</p>");
    case("`gpg <keyfile>`", "<p><code>gpg &lt;keyfile&gt;</code></p>");
    case(
        "<KeyFile>\n*text* [x][r]\n</KeyFile>\n\n[r]: /r",
        "<p>&lt;KeyFile&gt;\n<em>text</em> <a href=\"https://example.org/r\">x</a>\n&lt;/KeyFile&gt;</p>",
    );
    case("> <keyfile>\n> x", "<blockquote>\n<p>&lt;keyfile&gt;\nx</p>\n</blockquote>");
    case(
        "<div>\nsee <keyfile a=\"b\"> &amp; <b>c</b>\n</div>",
        "<div>\nsee &lt;keyfile a=\"b\"&gt; &amp; <b>c</b>\n</div>",
    );
    case("<div title=\"a <keyfile> b\">x</div>", "<div title=\"a &lt;keyfile&gt; b\">x</div>");
    case("a < b && c > d", "<p>a &lt; b &amp;&amp; c &gt; d</p>");
    case("<path> <text>", "<p>&lt;path&gt; &lt;text&gt;</p>");
    case("![<keyfile>](x.png)", "<p><img src=\"https://example.org/blog/post/x.png\" alt=\"&lt;keyfile&gt;\"></p>");
}

#[test]
fn what_is_no_whole_tag_is_left_out_or_shown() {
    case("a <!-- b --> c", "<p>a  c</p>");
    case("<!-- a\n\nb -->\n\nc", "<p>c</p>");
    case("<!-- a\n\nb", "&lt;!-- a\n\nb");
    case("<!DOCTYPE html>\n\na", "<p>a</p>");
    case("a <?php if ($a > 1) echo; ?> b", "<p>a  b</p>");
    case("a <![CDATA[ <b> ]]> b", "<p>a  b</p>");
    case("]]>", "<p>]]&gt;</p>");
    case("<div title=\"x>\n\n*rest*", "&lt;div title=\"x&gt;\n<p><em>rest</em></p>");
    case("<div\n\n*rest*", "&lt;div\n<p><em>rest</em></p>");
    case("</div></p></b>x", "x");
}

#[test]
fn nothing_that_runs_is_left() {
    case("a<script>alert(1)</script>b", "<p>ab</p>");
    case("a<SCRIPT SRC=//x.example>*b*</sCript >c", "<p>ac</p>");
    case("<script>\n\n*a*\n\n</script>\n\nb", "<p>b</p>");
    case("<div><script>\n\n*a*\n\n</script>b</div>\n\nc", "<div>b</div>\n<p>c</p>");
    case("Put a <script> *tag* there\n\n<script>x</script>", "<p>Put a &lt;script&gt; <em>tag</em> there</p>");
    case("<style>p{}</style>\n\na <style>b</style> c", "<p>a  c</p>");
    case("<svg onload=\"x\"><text>a</text></svg>b", "<p>b</p>");
    case("<p onclick=\"alert(1)\" onMouseOver='x' class=\"a\" id=\"b\" style=\"position:fixed\">a</p>", "<p>a</p>");
    case("<form action=\"/x\"><input name=\"a\"><button>Send</button><textarea>t</textarea></form>", "Sendt");
    case("<link rel=\"x\" href=\"y\"><meta charset=\"z\"><base href=\"//x\"><title>T</title>a", "Ta");
    case("<noscript><img src=\"/a.png\"></noscript>", "<p><img src=\"https://example.org/a.png\" alt=\"\"></p>");
    for link in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java&#9;script:alert(1)",
        "java\tscript:alert(1)",
        "java&NewLine;script:alert(1)",
        "&#x6A;avascript:alert(1)",
        "&#0000106avascript&colon;alert(1)",
        "\u{1}javascript:alert(1)",
        "vbscript:x",
        "data:text/html;base64,PHNjcmlwdD4=",
        "data:image/svg+xml;base64,AAAA",
    ] {
        case(&format!("<div><a href=\"{link}\">text</a></div>"), "<div>text</div>");
        case(&format!("<div><img src=\"{link}\" alt=\"text\"></div>"), "<div>text</div>");
        case(&format!("<div><iframe src=\"{link}\"></iframe>text</div>"), "<div>text</div>");
        case(
            &format!("<div><video src=\"{link}\" poster=\"{link}\">text</video></div>"),
            "<div><video controls=\"\">text</video></div>",
        );
        // Markdown's own links know neither white space nor so long a reference.
        if !link.contains(|c: char| c.is_whitespace() || c.is_control()) && !link.contains("&#0000106") {
            case(&format!("[text]({link})"), "<p>text</p>");
            case(&format!("![text]({link})"), "<p>text</p>");
        }
    }
}

#[test]
fn every_address_is_absolute() {
    let a = "https://example.org/blog/post/";
    case(
        "[a](#b) [c](?d) [e](../f) [g](//h.example) [i]()",
        &format!(
            "<p><a href=\"{a}#b\">a</a> <a href=\"{a}?d\">c</a> <a href=\"https://example.org/blog/f\">e</a> <a href=\"https://h.example/\">g</a> <a href=\"{a}\">i</a></p>"
        ),
    );
    case(
        "<a@b.example> <tel:+49301> [s](sms:1)",
        "<p><a href=\"mailto:a@b.example\">a@b.example</a> <a href=\"tel:+49301\">tel:+49301</a> <a href=\"sms:1\">s</a></p>",
    );
    case("[f](ftp://a.example/x) [c](custom:x) [h](http://[) [e](http://)", "<p>f c h e</p>");
    case(
        "[a](</b c|d^e`f{g}> \"T&t\")",
        "<p><a href=\"https://example.org/b%20c%7Cd%5Ee%60f%7Bg%7D\" title=\"T&amp;t\">a</a></p>",
    );
    case(
        "<img src=x.png srcset=\"y,z.png 2x, /w.png 3x\" width=\"10px\" height=\"5\">",
        &format!(
            "<img src=\"{a}x.png\" srcset=\"{a}y%2Cz.png 2x, https://example.org/w.png 3x\" width=\"10\" height=\"5\" alt=\"\">"
        ),
    );
    case("<img srcset=\"y.png 2x\" alt=\"a\">", &format!("<img src=\"{a}y.png\" srcset=\"{a}y.png 2x\" alt=\"a\">"));
    case(
        "<img src=\"data:image/gif;base64,R0lG\" data-src=\"/real.png\" alt=\"a\">",
        "<img src=\"https://example.org/real.png\" alt=\"a\">",
    );
    case("<img src=\"data:image/gif;base64,R0lG\" alt=\"a\">", "<img src=\"data:image/gif;base64,R0lG\" alt=\"a\">");
    case("<img alt=\"only text\"> ![]( ) <img src=\"\">", "<p>only text  </p>");
    case(
        "<blockquote cite=\"/a\"><q cite=\"b\">c</q><del cite=\"http://[\">d</del></blockquote>",
        &format!("<blockquote cite=\"https://example.org/a\"><q cite=\"{a}b\">c</q><del>d</del></blockquote>"),
    );
    case(
        "<video src=a.mp4 poster=\"p q.jpg\" autoplay loop><source src=b.webm type=\"video/webm\"><source src=\"http://[\"><track src=t.vtt kind=captions srclang=en>Get <a href=a.mp4>it</a></video>",
        &format!(
            "<p><video src=\"{a}a.mp4\" poster=\"{a}p%20q.jpg\" controls=\"\"><source src=\"{a}b.webm\" type=\"video/webm\"><track src=\"{a}t.vtt\" kind=\"captions\" srclang=\"en\">Get <a href=\"{a}a.mp4\">it</a></video></p>"
        ),
    );
    case(
        "<picture><source srcset=\"a.webp\"><img src=\"a.png\"></picture>",
        &format!("<p><picture><source srcset=\"{a}a.webp\"><img src=\"{a}a.png\" alt=\"\"></picture></p>"),
    );
}

#[test]
fn embeds_become_links() {
    case(
        "<iframe width=\"560\" src=\"https://www.youtube.com/embed/oju3cVT5YBo?rel=0&amp;showinfo=0\" title=\"A &amp; B\"></iframe>\n\ntext",
        "<p><a href=\"https://www.youtube.com/watch?v=oju3cVT5YBo\">Video on YouTube: A &amp; B</a></p>\n<p>text</p>",
    );
    case(
        "See <iframe src=\"//maps.example/x\">*no*</iframe> there",
        "<p>See <a href=\"https://maps.example/x\">Embedded content on maps.example</a> there</p>",
    );
    case("<iframe src=\"/own/\">", "<p><a href=\"https://example.org/own/\">Embedded content on example.org</a></p>");
    case("<iframe srcdoc=\"<b>x</b>\"></iframe>a", "a");
    case(
        "<object data=\"https://player.vimeo.com/video/1\"><param name=\"x\"><embed src=\"https://player.vimeo.com/video/1\"></object>",
        "<p><a href=\"https://vimeo.com/1\">Watch on Vimeo</a></p>",
    );
    case(
        "<script src=\"https://gist.github.com/ann/12ab.js\"></script>",
        "<p><a href=\"https://gist.github.com/ann/12ab\">Code on GitHub Gist</a></p>",
    );
    case(
        "<blockquote class=\"twitter-tweet\"><p lang=\"en\">Hi <a href=\"https://t.co/a?b&amp;c\">d</a></p></blockquote>\n<script async src=\"https://platform.twitter.com/widgets.js\"></script>",
        "<blockquote><p lang=\"en\">Hi <a href=\"https://t.co/a?b&amp;c\">d</a></p></blockquote>",
    );
    case(
        "<figure>\n<script src=\"https://fast.wistia.com/embed/medias/08eb.jsonp\" async></script><script src=\"https://fast.wistia.com/assets/external/E-v1.js\" async></script><div class=\"wistia_embed wistia_async_08eb\" style=\"position:relative\"><img src=\"https://fast.wistia.com/embed/medias/08eb/swatch\" style=\"filter:blur(5px)\" alt=\"\" onload=\"x\"></div>\n<figcaption>A film</figcaption>\n</figure>",
        "<figure>\n<p><a href=\"https://fast.wistia.net/embed/iframe/08eb\">Watch on Wistia</a></p>\n<figcaption>A film</figcaption>\n</figure>",
    );
}

#[test]
fn footnotes_have_ids_of_their_own_and_ways_back() {
    let a = "https://example.org/blog/post/";
    let to = |n: &str| format!("<a href=\"{a}#fnref-k-{n}\">↩\u{fe0e}</a>");
    let sup = |id: &str, n: u32| format!("<sup id=\"fnref-k-{id}\"><a href=\"{a}#fn-k-{n}\">{n}</a></sup>");
    case(
        "B[^b] a[^A] b[^b] c[^c]\n\n[^a]: One.\n[^b]: Two[^n].\n\n    - list\n[^n]: Nested.\n[^unused]: Gone.\n",
        &format!(
            "<p>B{} a{} b{} c[^c]</p>\n<hr>\n<ol>\n<li id=\"fn-k-1\"><p>Two{}.</p>\n<ul>\n<li>list</li>\n</ul>\n {} {}</li>\n\
             <li id=\"fn-k-2\"><p>One. {}</p></li>\n<li id=\"fn-k-3\"><p>Nested. {}</p></li>\n</ol>",
            sup("1", 1),
            sup("2", 2),
            sup("1-2", 1),
            sup("3", 3),
            to("1"),
            to("1-2"),
            to("2"),
            to("3"),
        ),
    );
    let both = Renderer::new().render(Some("Lead[^1].\n\n[^1]: L"), "Body[^1].\n\n[^1]: B", &page(), "k");
    assert_eq!(
        both.html.as_str(),
        format!(
            "<p>Lead{}.</p>\n<p>Body{}.</p>\n<hr>\n<ol>\n<li id=\"fn-k-1\"><p>L {}</p></li>\n<li id=\"fn-k-2\"><p>B {}</p></li>\n</ol>",
            sup("1", 1),
            sup("2", 2),
            to("1"),
            to("2"),
        )
    );
}

#[test]
fn a_lead_comes_first_and_is_a_document_of_its_own() {
    let render = |lead, body| Renderer::new().render(Some(lead), body, &page(), "k").html.to_string();
    assert_eq!(
        render("Lead [r] <b>bold", "body\n\n[R]: /r \"T\""),
        "<p>Lead <a href=\"https://example.org/r\" title=\"T\">r</a> <b>bold</b></p>\n<p>body</p>"
    );
    assert_eq!(render("<div><ul><li>", "body"), "<div><ul><li>\n</li></ul></div><p>body</p>");
    assert_eq!(render("```\ncode", "# body"), "<pre><code>code</code></pre>\n<h1>body</h1>");
    assert_eq!(render("", "body"), "<p>body</p>");
    assert_eq!(render("lead", ""), "<p>lead</p>");
}

#[test]
fn raw_html_is_kept_whole_and_balanced() {
    case("<div>\n\npara <b>bold\n\n</div>\n\nnext", "<div>\n<p>para <b>bold</b></p>\n</div>\n<p>next</p>");
    case(
        "<p>a<p>b<ul><li>c<li>d<ul><li>e</ul></ul>",
        "<p>a</p><p>b</p><ul><li>c</li><li>d<ul><li>e</li></ul></li></ul>",
    );
    case("<dl><dt>a<dd>b<dt>c</dl>", "<dl><dt>a</dt><dd>b</dd><dt>c</dt></dl>");
    case("- a </ul> b\n- c", "<ul>\n<li>a  b</li>\n<li>c</li>\n</ul>");
    case(
        "<table><tr><td>a<td>b<div>c</table> d <td>e</td>",
        "<table><tbody><tr><td>a</td><td>b<div>c</div></td></tr></tbody></table> d e",
    );
    case(
        "<table>a<b>b</b><tr>c</table>",
        "<table><tbody><tr><td>a<b>b</b></td></tr><tr><td>c</td></tr></tbody></table>",
    );
    case(
        "<table><caption>a<col><tr><td>b</table>",
        "<table><caption>a</caption><colgroup><col></colgroup><tbody><tr><td>b</td></tr></tbody></table>",
    );
    case(
        "<a href=\"/x\">a <a href=\"/y\">b</a> c</a>",
        "<p><a href=\"https://example.org/x\">a </a><a href=\"https://example.org/y\">b</a> c</p>",
    );
    case("<ruby>a<rp>(</rp><rt>b</rt></ruby><rt>c", "<p><ruby>a<rp>(</rp><rt>b</rt></ruby>c</p>");
    case("<div><p></p><p> </p><div></div></div>\n\na", "<p>a</p>");
    case("<pre>\n\n a</pre>", "<pre> a</pre>");
    case(
        "<font color=red>a</font><center>b</center><o:p>c</o:p>",
        "<p>a</p><center>b</center>&lt;o:p&gt;c&lt;/o:p&gt;",
    );
    case("<div><o:p>c</o:p></div>", "<div>c</div>");
    case(
        "<details open><summary>a</summary>\n\nb\n\n</details>",
        "<details open=\"\"><summary>a</summary>\n<p>b</p>\n</details>",
    );
    case("<math><mi>x</mi><mo>=</mo><mn>1</mn></math>", "<p>x=1</p>");
    case("<h2>a<h3>b</h2>c</h3>", "<h2>a</h2><h3>bc</h3>");
}

#[test]
fn characters_that_break_parsers_are_dropped() {
    case("a\u{0}b\u{1}c\u{b}d\u{7f}e\u{85}f\u{fffe}g\u{fdd0}h\u{1ffff}i", "<p>abcdefghi</p>");
    case("&#1;&#x80;&#xFFFE;&#xD800;a&nbsp;b", "<p>\u{fffd}a&nbsp;b</p>");
    case("<div title=\"a&#1;b&#13;\">\u{8}x&#13;y</div>", "<div title=\"ab\">x\ny</div>");
    case("שלום 🎉 \u{202e}abc", "<p>שלום 🎉 \u{202e}abc</p>");
    case("a\r\nb\rc", "<p>a\nb\nc</p>");
}

#[test]
fn the_first_picture_and_the_weight_come_along() {
    let rendered = Renderer::new().render(
        Some("![pixel](https://t.example/p.gif)\n<img src=\"/dot.gif\" width=\"1\" height=\"1\">"),
        "![b](b.png)",
        &page(),
        "k",
    );
    assert_eq!(rendered.first_image, Some(Image { url: "https://t.example/p.gif".into(), alt: "pixel".into() }));
    assert_eq!(rendered.weight_bytes, quick_xml::escape::escape(rendered.html.as_str()).len());
    let rendered = Renderer::new().render(Some("<img src=\"/dot.gif\" width=1 height=1>"), "![b](b.png)", &page(), "k");
    assert_eq!(
        rendered.first_image,
        Some(Image { url: "https://example.org/blog/post/b.png".into(), alt: "b".into() })
    );
}

#[test]
fn however_deep_the_text_is_there() {
    // A thread's stack is 2 MiB, as that of the threads that render: recursion would show.
    for (open, close) in [
        ("> ", ""),
        ("<div>", "</div>"),
        ("<b>", "</b>"),
        ("- ", ""),
        ("<ul><li>", ""),
        ("<table><tr><td>", ""),
        ("<font>", ""),
    ] {
        let text = format!("{}deep{}\n\nafter", open.repeat(10_000), close.repeat(10_000));
        let html = std::thread::spawn(move || render(&text)).join().unwrap();
        assert!(html.contains("deep") && html.contains("after"), "{open}: {html}");
        assert!(html.ends_with("<p>after</p>") || close.is_empty(), "{open}: {html}");
        assert!(html.matches("</").count() <= crate::content::markdown::writer::MAX_DEPTH + 4, "{open}: {html}");
    }
}

#[test]
fn time_grows_with_length_only() {
    let patterns = [
        "[",
        "![",
        "<b>",
        "> ",
        "*a ",
        "&",
        "<div>",
        "<table>x",
        "<!--",
        "a<script>",
        "<a \"",
        "</b>",
        "<i></b>",
        "[^1]",
    ];
    for pattern in patterns {
        let text = pattern.repeat(200_000 / pattern.len());
        let started = std::time::Instant::now();
        render(&text);
        // A few tenths of a second without optimisation; were it to grow with the square, far more than a minute.
        assert!(started.elapsed().as_secs() < 20, "{pattern} took {:?}", started.elapsed());
    }
    let attributes: String = (0..20_000).map(|n| format!("a{n}=1 ")).collect();
    assert!(render(&format!("<div {attributes}>")).starts_with("&lt;div a0=1 a1=1"));
}

/// Pieces that a parser may stumble over, between pieces of anything.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = vec![
        "<b>",
        "</b>",
        "<i title=\"",
        "\">",
        "<a href='",
        "'>",
        "</a>",
        "<script>",
        "</script>",
        "<style>",
        "<table>",
        "<td>",
        "<tr>",
        "</table>",
        "<p>",
        "</p>",
        "<div ",
        ">",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<svg>",
        "</svg>",
        "<math>",
        "<mi>",
        "<img src=",
        "srcset=\"x 1x,",
        "onerror=x ",
        "javascript:",
        "data:image/png;base64,",
        "&#",
        "&amp;",
        "&lt;",
        "<pre>",
        "<li>",
        "<ul>",
        "<select>",
        "<iframe src=",
        "<noscript>",
        "<template>",
        "<title>",
        "<textarea>",
        "\n\n",
        "\n",
        "> ",
        "- ",
        "|a|\n|-|\n|",
        "```",
        "`",
        "[^1]",
        "[^1]: ",
        "![",
        "](",
        ")",
        "[a]: ",
        "*",
        "_",
        "~~",
        "    ",
        "\t",
        "<keyfile>",
        "<ruby><rt>",
        "style=\"position:fixed\" ",
        "href=\"//",
        "\u{0}",
        "\u{7f}",
        "🎉",
        "=",
        "/",
        "<h1>",
        "<annotation-xml encoding=\"text/html\">",
        "<foreignObject>",
    ];
    let piece = prop_oneof![8 => prop::sample::select(pieces).prop_map(str::to_owned), 1 => any::<String>(), 1 => "[a-z ]{0,8}"];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// A text in which `from` is replaced by `to` until there is none left.
fn regular(text: &str, from: &str, to: &str) -> String {
    let mut text = text.to_owned();
    while text.contains(from) {
        text = text.replace(from, to);
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_text_the_html_is_clean(lead in prop::option::of(hostile()), body in hostile()) {
        let rendered = Renderer::new().render(lead.as_deref(), &body, &page(), "k");
        let html = rendered.html.as_str();
        let again = Sanitizer::new().clean(html);
        // HTML passes over a line break right after `<pre>`, so each reading takes one away.
        let lines = |html: &str| regular(html, "<pre>\n", "<pre>");
        prop_assert_eq!(lines(&again), lines(html), "cleaning again changes it");
        let mut rest = html;
        while let Some((text, after)) = rest.split_once('<') {
            prop_assert!(!text.contains('>'), "a bare `>` in {html}");
            let (tag, after) = after.split_once('>').expect("a tag that ends");
            rest = after;
            let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
            let name = name.trim_start_matches('/');
            prop_assert!(crate::content::markdown::elements::kept(name).is_some(), "<{}> in {}", name, html);
            let mut parts = attributes.split('"');
            while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                let key = key.trim_matches([' ', '=']);
                prop_assert!(!key.starts_with("on") && key != "style", "{} in {}", key, html);
                if matches!(key, "href" | "src" | "poster" | "cite" | "srcset") {
                    let absolute = value.split(", ").all(|url| Url::parse(url.split(' ').next().unwrap_or_default()).is_ok());
                    let scheme = value.split(':').next().unwrap_or_default();
                    prop_assert!(absolute, "{}={} in {}", key, value, html);
                    prop_assert!(matches!(scheme, "http" | "https" | "mailto" | "tel" | "sms" | "geo" | "xmpp" | "magnet") || value.starts_with("data:image/png;base64,"));
                    let url = value.split(' ').next().unwrap_or_default();
                    let refused = |c: char| "<>\"{}|\\^`".contains(c) || c.is_whitespace();
                    prop_assert!(!url.contains(refused), "{} in {}", url, html);
                }
            }
        }
        prop_assert!(!rest.contains('>'));
    }
}
