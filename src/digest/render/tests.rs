//! What a mail says, and how much of an issue it holds.

use super::*;
use crate::digest::compose::Editorial;
use crate::digest::support::{Site, site, site_in};

const HOSTILE: &str = "<b>&\"'</b></a><script>alert(1)</script> {{ 7919 * 7919 }} {% raw %}";

/// The addresses in an HTML or a text, in their order, without those of the site itself and of the footer.
fn posts_in(text: &str) -> Vec<String> {
    let starts = text.match_indices("https://example.org/blog/").map(|(at, _)| at);
    let end = |c: char| c.is_whitespace() || c == '"' || c == ')';
    starts.map(|at| text[at..].split(end).next().unwrap().to_owned()).collect()
}

/// A site with many posts: (slug, front matter).
fn many(count: usize, summary: &str) -> Site {
    let posts: Vec<(String, String)> = (0..count)
        .map(|n| {
            let (slug, day) = (format!("p{n:03}"), n % 20 + 1);
            (slug, format!("title: Notice {n:03}\ndate: 2026-11-{day:02}\ncategory: c{}\nsummary: {summary}", n % 3))
        })
        .collect();
    let posts: Vec<(&str, &str)> = posts.iter().map(|(slug, front)| (slug.as_str(), front.as_str())).collect();
    let mut site = site(&posts);
    site.max_posts = 10_000;
    site
}

#[test]
fn what_is_hostile_comes_out_as_text() {
    let quoted = HOSTILE.replace('\'', "''");
    let front = format!("title: '{quoted}'\nsummary: '{quoted}'\nauthor: '{quoted}'\ncategory: '{quoted}'");
    let lead = format!("{front}\nlead: 'Really: {quoted}'");
    let site = site(&[("a", &lead), ("b", &front), ("c", &format!("{front}\ndate: 2026-11-01"))]);
    let issue = site.issue_of(&site.all(), Editorial { intro: Some(HOSTILE), ..Editorial::default() });
    let mail = site.render(&issue, Medium::Mail);
    assert!(!mail.html.contains("<script") && !mail.html.contains("62710561") && !mail.html.contains("alert(1)<"));
    // An apostrophe is escaped by the template, and written as it is by whoever inlines the styles.
    let shown =
        "&lt;b&gt;&amp;\"'&lt;/b&gt;&lt;/a&gt;&lt;script&gt;alert(1)&lt;/script&gt; {{ 7919 * 7919 }} {% raw %}";
    assert!(mail.html.matches(shown).count() >= 6, "{}", mail.html);
    assert!(mail.text.replace(['\n', ' '], "").matches(&HOSTILE.replace(' ', "")).count() >= 6, "{}", mail.text);
}

#[test]
fn html_and_text_have_the_same_posts_in_the_same_order() {
    let mut site = site(&[
        ("a", "title: A\nlead: x\nrelated_entries: old"),
        ("b", "title: B\ncategory: art\ndate: 2026-11-21"),
        ("c", "title: C\ndate: 2026-11-19"),
        ("d", "title: D\ncategory: art\ndate: 2026-11-18"),
        ("old", "title: Old\ndate: 2026-10-01"),
    ]);
    site.max_posts = 3;
    let issue = site.issue_of(&site.all()[..4], Editorial::default());
    let mail = site.render(&issue, Medium::Mail);
    let want = ["a", "b", "c", "d", "old"].map(|slug| format!("https://example.org/blog/{slug}/"));
    // The lead story has a second link below its words, to the whole of it.
    let mut in_html = posts_in(&mail.html);
    in_html.dedup();
    assert_eq!(in_html, want);
    assert_eq!(posts_in(&mail.text), want);
    assert_eq!(mail.html.matches(">Read on<").count(), 1);
}

#[test]
fn a_call_to_action_is_written_the_way_of_its_own_words() {
    // The post is in Arabic, what it asks to do is not.
    let site = site(&[("a", "title: مراجعة الأدوية\nlang: ar\nlead: x\ncta_ref: guide")]);
    let html = site.render(&site.issue(), Medium::Mail).html;
    assert!(html.contains("<td class=\"lead\" dir=\"rtl\"") || html.contains("lang=\"ar\" dir=\"rtl\""), "{html}");
    let panel = html.split("<td class=\"panel back\"").nth(1).and_then(|rest| rest.split('>').next()).unwrap();
    assert!(panel.contains("align=\"left\"") && !panel.contains("rtl") && !panel.contains("lang"), "{panel}");
}

#[test]
fn a_name_does_not_turn_the_date_that_follows_it() {
    let site = site(&[("a", "title: A\nlead: x\nauthor: [ليلى حداد, Ana Sousa]")]);
    let mail = site.render(&site.issue(), Medium::Mail);
    // After Arabic letters, and with nothing but a dot between, `20` would be shown in front of the name.
    for part in [mail.html, mail.text] {
        assert!(part.contains("By ليلى حداد\u{200e} and Ana Sousa"), "{part}");
    }
}

#[test]
fn the_text_is_made_of_lines_that_fit_and_a_footer() {
    let site = site(&[(
        "a",
        "title: A title that is long enough to need a second line in a mail, or so it seems to me\nlead: '*One* [two](/x/).'\n\
         cta_ref: guide\nauthor: Ana Sousa",
    )]);
    let mail = site.render(&site.issue(), Medium::Mail);
    assert_eq!(
        mail.text,
        "Field Notes
23 November 2026, 1 post

A title that is long enough to need a second line in a mail, or so it
seems to me
One two (https://example.org/x/).
By Ana Sousa, 20 November
https://example.org/blog/a/

The guide
All of it, free.
Get it:
https://example.org/guide/

--\u{20}
You get this mail because you subscribed to Field Notes.
Unsubscribe:
https://mail.example.org/u/TOKEN
Change what you get:
https://mail.example.org/p/TOKEN
View in browser:
https://example.org/digest/weekly/2026-W48/

Field Notes
1 High Street, Exampleton
https://example.org/
"
    );
}

#[test]
fn a_mail_has_two_ways_out_and_a_page_none() {
    let site = site(&[("a", "title: A")]);
    let issue = site.issue();
    let mail = site.render(&issue, Medium::Mail);
    assert_eq!(mail.html.matches("https://mail.example.org/u/TOKEN").count(), 2);
    assert_eq!(mail.html.matches("https://mail.example.org/p/TOKEN").count(), 1);
    let page = site.render(&issue, Medium::Page);
    assert!(!page.html.contains("mail.example.org") && !page.text.contains("mail.example.org"));
    assert!(!page.html.contains("You get this mail"));
}

#[test]
fn every_size_of_issue_fits_and_nothing_is_left_out_in_silence() {
    #[track_caller]
    fn case(posts: usize, summary_chars: usize, want: Option<&str>) {
        let site = many(posts, &"word ".repeat(summary_chars / 5));
        let issue = site.issue();
        let mail = site.render(&issue, Medium::Mail);
        assert!(mail.encoded_bytes <= MOST_BYTES, "{}", mail.encoded_bytes);
        assert_eq!(mail.shortened.sentence().as_deref(), want);
        assert_eq!(posts_in(&mail.html).len() + mail.shortened.hidden, posts);
        assert_eq!(posts_in(&mail.text), posts_in(&mail.html));
        for said in ["Exampleton", "https://mail.example.org/u/TOKEN", "https://mail.example.org/p/TOKEN"] {
            assert!(mail.html.contains(said) && mail.text.contains(said));
        }
        if mail.shortened.hidden > 0 {
            assert!(mail.html.contains(&format!("and {} more posts", mail.shortened.hidden)));
            assert!(mail.text.contains("https://example.org/digest/weekly/2026-W48/"));
        }
        assert_eq!(posts_in(&site.render(&issue, Medium::Page).html).len(), posts);
        assert_eq!(site.render(&issue, Medium::Mail).html, mail.html);
        assert_eq!(mail.findings, []);
    }
    case(1, 50, None);
    case(40, 100, None);
    case(60, 900, Some("to stay below 90 KB: summaries are cut to 320 characters"));
    case(100, 900, Some("to stay below 90 KB: summaries are cut to 200 characters"));
    case(150, 900, Some("to stay below 90 KB: summaries are cut to 120 characters, 50 posts without a summary"));
    case(
        400,
        900,
        Some("to stay below 90 KB: 400 posts without a summary, 84 posts behind the link to the issue's page"),
    );
}

#[test]
fn more_room_never_shows_less() {
    // What the search for the most that fits relies on.
    let site = many(30, "A few words on it.");
    let issue = site.issue();
    let renderer = Renderer { templates: &site.templates, theme: &site.theme, template: TEMPLATE, measure: &str::len };
    let size = |summaries, titles| {
        let shape = Shape { summaries, titles, ..Shape::WHOLE };
        renderer.attempt(&issue, Medium::Mail, shape).unwrap().encoded_bytes
    };
    let by_summaries: Vec<usize> = (0..=30).map(|n| size(n, usize::MAX)).collect();
    assert!(by_summaries[..30].is_sorted(), "{by_summaries:?}");
    let by_titles: Vec<usize> = (0..=30).map(|n| size(0, n)).collect();
    assert!(by_titles[..30].is_sorted(), "{by_titles:?}");
}

#[test]
fn words_that_leave_no_room_are_said() {
    let site = site(&[("a", "title: A\nsummary: S"), ("b", "title: B\nlead: x")]);
    let intro = "word ".repeat(20_000);
    let issue = site.issue_of(&site.all(), Editorial { intro: Some(&intro), ..Editorial::default() });
    let mail = site.render(&issue, Medium::Mail);
    let told = mail.findings.iter().map(|finding| finding.render(None)).collect::<String>();
    assert!(told.starts_with("error: the mail takes 10"), "{told}");
    assert_eq!((mail.shortened.hidden, mail.shortened.without_lead), (1, true));
    let lead = format!("title: A\nsummary: S\nlead: '{}'", "& ".repeat(30_000));
    let site = self::site(&[("a", &lead)]);
    let mail = site.render(&site.issue(), Medium::Mail);
    assert_eq!(mail.findings, []);
    assert_eq!(mail.shortened.sentence().unwrap(), "to stay below 90 KB: the lead story has its summary only");
    assert!(mail.html.contains("<p style=\"margin:16px 0 0\">S</p>"));
}

#[test]
fn a_mail_stands_without_its_style_sheet() {
    let site = site(&[("a", "title: A\nlead: x\nimage: known.jpg"), ("b", "title: B\nimage: other.jpg")]);
    let html = site.render(&site.issue(), Medium::Mail).html;
    let (head, body) = html.split_once("<body").unwrap();
    assert!(body.contains("color:#1f1d1a") && body.contains("background-color:#f4f1ec") && !body.contains("<style>"));
    assert!(head.find("charset=\"utf-8\"").is_some_and(|at| at < 100));
    assert!(head.contains("prefers-color-scheme: dark") && head.contains("[data-ogsc]"));
    assert!(html.contains("<!--[if mso]>") && html.contains("<o:PixelsPerInch>96<"));
    assert!(html.contains("width=\"520\" height=\"260\""));
    for table in html.split("<table").skip(1) {
        assert!(table.split('>').next().unwrap().contains("role=\"presentation\""));
    }
}

/// Every element that says its language, with it and the direction.
fn parts(html: &str) -> Vec<String> {
    let value = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        Some(rest.split('"').next()?.to_owned())
    };
    let tags = html.split('<').filter_map(|tag| Some((tag.split(' ').next()?, tag.split('>').next()?)));
    tags.filter_map(|(name, tag)| Some(format!("{name} {} {}", value(tag, "lang")?, value(tag, "dir")?))).collect()
}

#[test]
fn the_language_of_every_part_is_said() {
    let html = |language: &str, front: &str| {
        let site = site_in(language, &[("a", front)]);
        site.render(&site.issue(), Medium::Mail).html
    };
    let german = html("de", "title: Brief\nauthor: Ana");
    assert!(german.contains("<html lang=\"de\" dir=\"ltr\">") && german.contains("Von Ana · 20. November"));
    assert_eq!(parts(&german), ["html de ltr", "div de ltr"]);
    let hebrew = html("he", "title: שלום");
    // The texts that are fixed: links above, date, that of the story, and the footer.
    assert_eq!(parts(&hebrew), ["html he rtl", "div he rtl", "td en ltr", "p en ltr", "p en ltr", "td en ltr"]);
    let mixed = html("en", "title: שלום\nlang: he");
    assert_eq!(parts(&mixed), ["html en ltr", "div en ltr", "td he rtl", "p en ltr"]);
}

#[test]
fn headings_leave_out_no_level() {
    let levels = |site: &Site| -> String {
        let html = site.render(&site.issue(), Medium::Mail).html;
        html.match_indices("<h")
            .filter_map(|(at, _)| html[at + 2..].chars().next().filter(char::is_ascii_digit))
            .collect()
    };
    let mut site =
        site(&[("a", "title: A\ncategory: art"), ("b", "title: B\ncategory: zoo"), ("c", "title: C\nlead: x")]);
    assert_eq!(levels(&site), "122323");
    site.group_by = None;
    assert_eq!(levels(&site), "1222");
}

#[test]
fn a_sites_own_templates_lie_over_ours_and_their_faults_are_said() {
    let mut site = site(&[("a", "title: A")]);
    let mut with = |name: &str, text: &str| {
        site.templates = Templates::new(vec![(name.to_owned(), text.to_owned())]).unwrap();
        let issue = site.issue();
        let renderer =
            Renderer { templates: &site.templates, theme: &site.theme, template: TEMPLATE, measure: &str::len };
        renderer.render(&issue, Medium::Mail).map(|mail| mail.html).map_err(|finding| finding.render(Some(text)))
    };
    let html = with("digest/story.html", "<tr><td><em>{{ story.title }}</em></td></tr>").unwrap();
    assert!(html.contains("<em>A</em>") && html.contains("Field Notes"));
    let html =
        with("digest.html", "{% extends \"tidings/digest.html\" %}{% block footer %}Ours{% endblock %}").unwrap();
    assert!(html.contains("Ours") && !html.contains("Exampleton"));
    let readme = include_str!("../../../README.md");
    let footer = readme.split("A footer of your own").nth(1).and_then(|rest| rest.split("```").nth(1)).unwrap();
    let html = with("digest.html", footer.trim_start_matches("jinja\n")).unwrap();
    let (line, address) = (html.find("Kenji reads all of it.</p>"), html.find("Exampleton"));
    assert!(line.is_some() && line < address, "{html}");
    assert_eq!(
        with("digest.html", "<p>{{ titel }}</p>").unwrap_err().lines().take(5).collect::<Vec<_>>().join("\n"),
        "error: variable `titel` is not defined
 --> templates/digest.html:1:7
  |
1 | <p>{{ titel }}</p>
  |       ^^^^^"
    );
}

#[test]
fn what_was_shortened_is_told_in_the_language_of_the_site() {
    let all = Shortening { summary_chars: Some(120), without_summary: 1, hidden: 1_200, without_lead: true };
    assert_eq!(
        all.say(&Language::of("de")).as_deref(),
        Some(
            "Um unter 90 KB zu bleiben: Aufmacher nur mit Zusammenfassung, Zusammenfassungen auf 120 Zeichen gekürzt, \
             1 Beitrag ohne Zusammenfassung, 1.200 Beiträge nur auf der Seite der Ausgabe."
        )
    );
    assert_eq!(
        all.sentence().as_deref(),
        Some(
            "to stay below 90 KB: the lead story has its summary only, summaries are cut to 120 characters, \
             1 post without a summary, 1,200 posts behind the link to the issue's page"
        )
    );
    assert_eq!(Shortening::default().say(&Language::of("de")), None);
}
