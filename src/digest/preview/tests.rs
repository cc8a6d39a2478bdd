//! The preview page: what its frames show, and that nothing in a mail breaks out of it.

use super::*;
use crate::diagnostic::Span;

fn templates() -> Templates {
    Templates::new(Vec::new()).unwrap()
}

#[test]
fn a_frame_decides_between_light_and_dark() {
    #[track_caller]
    fn case(css: &str, light: &str, dark: &str) {
        let html = format!("<p>(prefers-color-scheme: dark)</p><style>{css}</style>(prefers-color-scheme: dark)");
        for (scheme, want) in [(Scheme::Light, light), (Scheme::Dark, dark)] {
            let want = format!("<p>(prefers-color-scheme: dark)</p><style>{want}</style>(prefers-color-scheme: dark)");
            assert_eq!(with_scheme(&html, scheme), want);
        }
    }
    case("a{}", "a{}", "a{}");
    case("@media (prefers-color-scheme: dark){a{}}", "@media (max-width:0){a{}}", "@media (min-width:0){a{}}");
    case(
        "@media screen and (PREFERS-COLOR-SCHEME:LIGHT) and (max-width:9px){}",
        "@media screen and (min-width:0) and (max-width:9px){}",
        "@media screen and (max-width:0) and (max-width:9px){}",
    );
    case("@media ((prefers-color-scheme: dark) or (", "@media ((max-width:0) or (", "@media ((min-width:0) or (");
}

#[test]
fn a_frame_gets_its_own_rules_first() {
    #[track_caller]
    fn case(html: &str, before: &str) {
        for (scheme, images) in [(Scheme::Light, Images::Off), (Scheme::Dark, Images::Shown)] {
            let framed = framed(html, scheme, images);
            let start = format!("{before}<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ");
            assert!(framed.starts_with(&start), "{framed}");
            assert_eq!(framed.contains("img-src 'none'"), images == Images::Off);
            assert_eq!(framed.contains("color-scheme:dark only"), scheme == Scheme::Dark);
            assert!(framed.ends_with(&html[before.len()..]));
        }
    }
    case("<!doctype html><html lang=en><HEAD x=y><title>x</title>", "<!doctype html><html lang=en><HEAD x=y>");
    case("<!doctype html><html lang=en><header>", "<!doctype html><html lang=en>");
    case("<!doctype html><p>x", "<!doctype html>");
    case("<p>é", "");
    case("", "");
}

#[test]
fn a_picture_that_is_at_hand_stands_in_the_page_itself() {
    let address = "https://example.org/a.gif?b&c";
    let html = "<img src=\"https://example.org/a.gif?b&amp;c\"><img src=\"https://example.org/a.gif\">";
    let picture = Picture { media_type: "image/gif".into(), bytes: b"GIF89a".to_vec() };
    let preview = Preview { html: html.into(), pictures: [(address.into(), picture)].into(), ..Preview::default() };
    assert_eq!(
        preview.with_pictures(),
        "<img src=\"data:image/gif;base64,R0lGODlh\"><img src=\"https://example.org/a.gif\">"
    );
    let page = preview.render(&templates()).unwrap();
    // Light and dark, on a phone and on a desktop; the frame without pictures has the address.
    assert_eq!((page.matches("R0lGODlh").count(), page.matches("a.gif?b&amp;amp;c").count()), (4, 1));
}

#[test]
fn sizes_are_rounded_up() {
    #[track_caller]
    fn case(bytes: usize, want: &str) {
        assert_eq!(kilobytes(bytes, &Language::english()), want);
    }
    case(0, "0 KB");
    case(1, "0.1 KB");
    case(90_000, "90 KB");
    case(90_001, "90.1 KB");
    assert_eq!(kilobytes(90_001, &Language::of("de")), "90,1 KB");
    let bar = Size { html_bytes: 90_001, budget_bytes: 90_000, mail_bytes: 0 }.bar(&Language::english());
    assert!(bar.over && bar.percent == 100 && bar.used == 87);
    let bar = Size { html_bytes: usize::MAX, budget_bytes: 0, mail_bytes: usize::MAX }.bar(&Language::of("de"));
    assert!(bar.over && bar.used == 100);
}

/// A preview whose every value tries to be markup.
fn hostile() -> Preview {
    let bad = |name: &str| format!("{name}</style></pre><script>\"&'><img src=x onerror=x>{{{{ x }}}}");
    Preview {
        pictures: BTreeMap::new(),
        title: bad("title"),
        language: bad("en"),
        period: bad("period"),
        due: bad("due"),
        covers: Some((bad("after"), bad("until"))),
        from: bad("from"),
        subject: bad("subject"),
        preheader: bad("preheader"),
        html: format!("<html><head></head><body>{}</body></html>", bad("html")),
        text: bad("text"),
        headers: bad("headers"),
        size: Size { html_bytes: 1, budget_bytes: 2, mail_bytes: 3 },
        shortened: Some(bad("shortened")),
        posts: vec![Shown {
            title: bad("post"),
            url: bad("url"),
            published_on: bad("on"),
            section: bad("section"),
            shown_as: bad("as"),
        }],
        left_out: vec![LeftOut { title: bad("left"), url: bad("url"), reason: bad("reason") }],
        links: vec![Link { url: bad("url"), text: bad("words"), in_html: 1, in_text: 0 }],
        findings: vec![
            Diagnostic::error(bad("finding")).at(bad("file"), Span { line: 1, column: 2, width: 3 }).hint(bad("hint")),
        ],
        history: History {
            source: bad("source"),
            issues: vec![Earlier { period: bad("earlier"), subject: bad("was"), state: bad("sent"), posts: 1 }],
            total: 2,
        },
    }
}

#[test]
fn nothing_in_a_mail_breaks_out_of_the_page() {
    let page = hostile().render(&templates()).unwrap();
    assert_eq!(page.matches("<script").count(), 0);
    assert_eq!(page.matches("<img").count(), 0);
    assert_eq!(page.matches("<iframe").count(), 5);
    assert_eq!(page.matches("</style>").count(), 1);
    for name in [
        "title",
        "period",
        "due",
        "after",
        "until",
        "from",
        "subject",
        "preheader",
        "html",
        "text",
        "headers",
        "shortened",
        "post",
        "url",
        "on",
        "section",
        "as",
        "left",
        "reason",
        "words",
        "finding",
        "file",
        "hint",
        "source",
        "earlier",
        "was",
        "sent",
    ] {
        assert!(page.contains(&format!("{name}&lt;/style&gt;")), "{name}");
    }
}

#[test]
fn an_issue_without_anything_is_shown_too() {
    let page = Preview::default().render(&templates()).unwrap();
    assert!(page.contains("No post: there is nothing to send.") && page.contains("Nothing to mend"));
    assert_eq!(page, Preview::default().render(&templates()).unwrap());
}

#[test]
fn the_template_has_every_text_of_its_language_in_it() {
    let template = include_str!("../../templates/preview.html");
    for key in Language::english().preview(&[]).keys() {
        assert!(template.contains(&format!("words.{key}")), "{key} is said nowhere");
    }
}

#[test]
fn findings_are_marked_as_english_where_the_page_is_not() {
    let page = |language: &str| {
        let findings = vec![Diagnostic::warning("it is so").hint("mend it")];
        Preview { language: language.into(), findings, ..Preview::default() }.render(&templates()).unwrap()
    };
    for (language, html, item) in [
        ("de-AT", "de", "<li lang=\"en\"><p><span class=\"tag warning\" lang=\"de\">Warnung</span> it is so</p>"),
        ("en", "en", "<li><p><span class=\"tag warning\">warning</span> it is so</p>"),
        ("ar", "en", "<li><p><span class=\"tag warning\">warning</span> it is so</p>"),
    ] {
        let page = page(language);
        assert!(page.contains(&format!("<html lang=\"{html}\">")) && page.contains(item), "{language}: {page}");
    }
}
