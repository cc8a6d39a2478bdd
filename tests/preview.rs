//! `tidings digest` through the binary: the next issue, chosen, composed and shown; and what it says where it cannot be.

mod support;

use support::{SETTINGS, Site};
use tidings::diagnostic::Diagnostic;
use tidings::digest::links::Link;
use tidings::digest::preview::{Earlier, History, Preview, Shown, Size};
use tidings::template::Templates;

const WEEKLY: &str = "
[digest.weekly]
title = \"The week\"
from = \"Example <news@example.org>\"
postal_address = \"1 Main St, Springfield\"
schedule = \"Mon 09:00\"
";

fn post(title: &str, day: &str) -> String {
    format!("---\nid: {title}\ntitle: Post {title}\ndate: {day}\nsummary: About {title}.\n---\nBody.\n")
}

/// Two posts in the week before [`support::NOW`], one before that, one after.
fn site() -> Site {
    Site::new()
        .more_settings(WEEKLY)
        .post("a.md", &post("a", "2026-11-17"))
        .post("b.md", &post("b", "2026-11-20"))
        .post("old.md", &post("old", "2026-11-02"))
        .post("next.md", &post("next", "2026-11-25"))
}

#[test]
fn the_next_issue_is_shown_with_all_that_it_was_made_from() {
    let site = site();
    site.run(["digest", "weekly"])
        .stdout(
            "
            issue      weekly/2026-W48, due Mon 2026-11-23 09:00 UTC
            subject    Post b, and 1 more
            posts      2
                       - Post b
                       - Post a
            size       9.4 KB of 90.0 KB in HTML, 11.0 KB in all
            history    no issue yet
            preview    .tidings/preview/weekly/preview.html
            ",
        )
        .stderr("")
        .succeeds();
    assert_eq!(site.files(".tidings/preview/weekly"), ["next.eml", "next.html", "next.txt", "preview.html"]);
    let eml = site.read(".tidings/preview/weekly/next.eml");
    for line in
        ["From: Example <news@example.org>\r\n", "Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n", "List-Unsubscribe-Post: "]
    {
        assert!(eml.contains(line), "{line}: {eml}");
    }
    assert!(eml.is_ascii() && eml.lines().all(|line| line.len() <= 998));
    let text = site.read(".tidings/preview/weekly/next.txt");
    assert!(text.contains("Post a") && text.contains("1 Main St, Springfield") && !text.contains("Post old"), "{text}");
}

#[test]
fn a_picture_is_shown_before_the_site_has_it() {
    let with_picture = post("c", "2026-11-21").replace("summary", "lead: First.\nfeatured_image: /a.gif\nsummary");
    let site = site().post("c.md", &with_picture).file("static/a.gif", "GIF89a\u{10}\0\u{8}\0\0\0\0;");
    site.run(["digest", "weekly"]).succeeds();
    let mail = site.read(".tidings/preview/weekly/next.html");
    assert!(mail.contains("src=\"https://example.org/a.gif\"") && mail.contains("width=\"16\" height=\"8\""), "{mail}");
    let page = site.read(".tidings/preview/weekly/preview.html");
    assert_eq!((mail.matches("data:").count(), page.matches("data:image/gif;base64,R0lGODlh").count()), (0, 4));
}

#[test]
fn the_same_site_and_time_give_the_same_bytes() {
    let (one, other) = (site(), site());
    for (site, zone) in [(&one, "UTC"), (&other, "Asia/Tokyo")] {
        site.run_with(["digest", "weekly"], |command| command.env("TZ", zone)).succeeds();
    }
    for file in one.files(".tidings/preview/weekly") {
        let path = format!(".tidings/preview/weekly/{file}");
        assert!(one.bytes(&path) == other.bytes(&path), "{file}");
    }
}

#[test]
fn an_issue_that_is_still_to_come_has_the_posts_that_will_be_out() {
    let site = site();
    let report = site.run(["--json", "--now", "2026-11-24T09:00:00Z", "digest", "weekly"]).succeeds().json();
    assert_eq!(report["period"], "2026-W49");
    assert_eq!(report["posts"][0]["title"], "Post next");
    let run = site.run(["digest", "weekly", "--period", "2026-W47"]);
    run.stderr("no issue weekly/2026-W47: 0 posts, and it takes 1; --period 2026-W48 shows the last one\n").succeeds();
}

#[test]
fn an_editors_note_has_its_way() {
    let note = "---\nsubject: A quiet week\nlead: a\n---\nNot *much* this time.\n";
    let site = site().file("content/digests/weekly/2026-W48.md", note);
    let report = site.run(["--json", "digest", "weekly"]).succeeds().json();
    assert_eq!(report["subject"], "A quiet week");
    let html = site.read(".tidings/preview/weekly/next.html");
    assert!(html.contains("<em>much</em>") || html.contains("much</em>"), "{html}");
    let text = site.read(".tidings/preview/weekly/next.txt");
    assert!(text.find("Post a").unwrap() < text.find("Post b").unwrap(), "{text}");
}

#[test]
fn what_cannot_be_shown_says_why() {
    site()
        .run(["digest", "wekly"])
        .stderr("error: there is no digest `wekly`\nhint: did you mean `weekly`?\n")
        .fails(1);
    let none = Site::new().post("a.md", &post("a", "2026-11-17"));
    none.run(["digest", "weekly"])
        .stderr(
            "error: there is no digest `weekly`\nhint: there is none yet: write `[digest.weekly]` into tidings.toml\n",
        )
        .fails(1);
    site().run(["digest", "weekly", "--period", "2027-W01"]).stderr_has("error: ").fails(1);
    let address = WEEKLY.replace("postal_address = \"1 Main St, Springfield\"\n", "");
    let site = Site::new().settings(&format!("{SETTINGS}{address}"));
    site.run(["digest", "weekly"]).stderr_has("postal_address").fails(1);
    let theme = format!("{SETTINGS}{WEEKLY}theme = {{ light = {{ text = \"#bbbbbb\" }} }}\n");
    Site::new().settings(&theme).run(["digest", "weekly"]).stderr_has("4.5").fails(1);
}

#[test]
fn a_broken_template_of_the_site_is_pointed_at() {
    let site = site().file(
        "templates/digest.html",
        "{% extends \"tidings/digest.html\" %}\n{% block header %}{{ nobody }}{% endblock %}\n",
    );
    site.run(["digest", "weekly"]).stderr_has("templates/digest.html:2:").fails(1);
    assert!(!site.has(".tidings/preview/weekly/next.html"));
}

#[test]
fn hostile_titles_stay_text() {
    let hostile = "<script>alert(1)</script> & \"Vec<T>\" שלום 🎉";
    let site = Site::new()
        .more_settings(WEEKLY)
        .post("x.md", &format!("---\nid: x\ntitle: '{hostile}'\ndate: 2026-11-18\nsummary: '{hostile}'\n---\nBody.\n"));
    let report = site.run(["--json", "digest", "weekly"]).succeeds().json();
    assert_eq!(report["posts"][0]["title"], hostile);
    for file in ["next.html", "preview.html"] {
        let html = site.read(&format!(".tidings/preview/weekly/{file}"));
        assert!(!html.contains("<script>alert"), "{file}");
    }
    assert!(site.read(".tidings/preview/weekly/next.txt").contains(hostile));
}

/// A site whose week has so many posts, written by `text`.
fn busy(count: usize, text: impl Fn(usize) -> String) -> Site {
    let site = Site::new().more_settings(&format!("{WEEKLY}max_posts = 1000\n"));
    for n in 0..count {
        site.write(&format!("content/posts/p{n:03}.md"), text(n));
    }
    site
}

/// The front matter of the post with this number, in the week before [`support::NOW`].
fn head(n: usize, more: &str) -> String {
    let (day, hour, category) = (17 + n % 6, n % 24, n % 7);
    format!(
        "---\nid: p{n:03}\ntitle: Notice {n:03}\ndate: 2026-11-{day}T{hour:02}:00:00Z\ncategory: c{category}\n{more}---\n"
    )
}

/// How many times a post is linked to, in the order of the links, without repeats.
fn linked(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (at, start) in text.match_indices("https://example.org/blog/p") {
        let slug: String = text[at + start.len()..].chars().take_while(char::is_ascii_digit).collect();
        if !found.contains(&slug) {
            found.push(slug);
        }
    }
    found
}

/// The preview of a week of `count` posts: small enough, whole, and the same twice. Returns how many posts it names.
#[track_caller]
fn whole_and_small(site: &Site, count: usize) -> usize {
    let report = site.run(["--json", "digest", "weekly"]).succeeds().json();
    assert_eq!(report["posts"].as_array().map(Vec::len), Some(count));
    assert!(report["html_bytes"].as_u64().unwrap() <= 90_000, "{}", report["html_bytes"]);
    let (html, text) = (site.read(".tidings/preview/weekly/next.html"), site.read(".tidings/preview/weekly/next.txt"));
    let eml = site.bytes(".tidings/preview/weekly/next.eml");
    // As the mail has it, encoded: what counts is what goes over the wire.
    let raw = String::from_utf8(eml.clone()).expect("mails are in 7 bits");
    let part = raw.split("Content-Type: text/html").nth(1).expect("there is an HTML part");
    let body = part.split_once("\r\n\r\n").expect("it has a body").1;
    assert!(body.len() <= 90_500, "{} bytes", body.len());

    let posts = linked(&text);
    assert_eq!(linked(&html), posts, "both parts name the same posts in the same order");
    let page = "https://example.org/digest/weekly/2026-W48/";
    let hidden = count - posts.len();
    let more = if hidden == 1 { "and 1 more post".to_owned() } else { format!("and {hidden} more posts") };
    assert_eq!(text.contains(&format!("{more}:\n{page}\n")), hidden > 0, "{more}: {text}");
    assert!(hidden == 0 || html.contains(&more));
    for part in [&html, &text] {
        assert!(
            part.contains(page) && part.contains("1 Main St, Springfield") && part.contains("/unsubscribe/preview")
        );
    }
    site.remove(".tidings/preview");
    site.run(["digest", "weekly"]).succeeds();
    assert!(site.bytes(".tidings/preview/weekly/next.eml") == eml, "the same bytes twice");
    posts.len()
}

#[test]
fn a_week_of_400_posts_fits_and_names_what_it_can_and_where_the_rest_is() {
    let site =
        busy(400, |n| head(n, &format!("summary: {}\n", "What a notice says of itself. ".repeat(12))) + "Body.\n");
    let named = whole_and_small(&site, 400);
    assert!((150..400).contains(&named), "{named}");
    let run = site.run(["digest", "weekly"]).succeeds();
    let behind = format!("400 posts without a summary, {} posts behind the link to the issue's page", 400 - named);
    assert!(run.out().contains(&behind), "{}", run.out());
}

#[test]
fn a_week_of_posts_of_58_kb_with_long_leads_fits() {
    let body = "A sentence that somebody wrote on a long evening. ".repeat(1_160);
    let lead = "A lead that does not end, since nobody told it to. ".repeat(400);
    let site = busy(30, |n| head(n, &format!("lead: >-\n  {lead}\n")) + &body + "\n");
    assert_eq!(whole_and_small(&site, 30), 30);
    let report = site.run(["--json", "digest", "weekly"]).succeeds().json();
    assert_eq!(report["shortened"], serde_json::Value::Null, "{}", report["shortened"]);
    // A lead so long that it does not fit gives way to the start of it.
    let endless = "R & D & ".repeat(7_500);
    let site = busy(12, |n| head(n, &format!("lead: >-\n  {endless}\n")) + &body + "\n");
    assert_eq!(whole_and_small(&site, 12), 12);
    let report = site.run(["--json", "digest", "weekly"]).succeeds().json();
    assert_eq!(report["shortened"], "to stay below 90 KB: the lead story has its summary only");
}

#[test]
fn a_day_is_a_day_in_the_zone_of_the_digest() {
    let late = "---\nid: late\ntitle: Late\ndate: 2026-11-10T16:30:00Z\nsummary: s\n---\nBody.\n";
    let site = site().post("late.md", late);
    let titles = |site: &Site| {
        let report = site.run(["--json", "digest", "weekly", "--since", "2026-11-11"]).succeeds().json();
        report["posts"].as_array().unwrap().iter().any(|post| post["title"] == "Late")
    };
    assert!(!titles(&site));
    let there = site.more_settings("timezone = \"Asia/Tokyo\"\n");
    assert!(titles(&there), "it is the 11th in Tokyo already");
}

#[test]
fn a_digest_has_a_template_of_its_own_and_a_text_beside_it() {
    let html = "<html><head></head><body>{{ title }}, the {{ date }}{% for section in sections %}{% for story in section.stories %}\
        <a href=\"{{ story.url }}\">{{ story.title }}</a>{% endfor %}{% endfor %}\
        <a href=\"{{ unsubscribe_url }}\">Leave</a> {{ postal_address | join(sep=\", \") }}</body></html>";
    let text = "{% for section in sections %}{% for story in section.stories %}{{ story.title }} {{ story.url }}\n{% endfor %}{% endfor %}\
        Leave: {{ unsubscribe_url }}\n{{ postal_address | join(sep=\", \") }}\n";
    let own = |site: Site| site.more_settings("template = \"letter\"\n").file("templates/letter.html", html);
    let site = own(site()).file("templates/letter.txt", text);
    site.run(["-q", "digest", "weekly"]).stderr("").succeeds();
    let read = |file: &str| site.read(&format!(".tidings/preview/weekly/{file}"));
    assert!(
        read("next.html")
            .contains("<body>The week, the 23 November 2026<a href=\"https://example.org/blog/b/\">Post b</a>")
    );
    assert!(
        read("next.txt").starts_with("Post b https://example.org/blog/b/\nPost a https://example.org/blog/a/\nLeave: ")
    );
    // Without a text of the same name, the built-in one is made.
    site.remove("templates/letter.txt");
    site.run(["-q", "digest", "weekly"]).succeeds();
    assert!(read("next.txt").starts_with("The week\n23 November 2026, 2 posts\n"));
}

#[test]
fn whoever_watches_is_told_why_a_preview_stays_as_it_was() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;
    let site = site();
    site.run(["digest", "weekly"]).succeeds();
    let mut command = site.command();
    command.args(["--now", "2026-12-20T12:00:00Z", "build", "--watch"]).stderr(Stdio::piped());
    let mut watching = command.spawn().expect("the program can be started");
    let lines = BufReader::new(watching.stderr.take().expect("it is piped")).lines();
    let (say, hear) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || {
        let _ = say.send(lines.map_while(Result::ok).find(|line| line.starts_with("the preview")));
    });
    let told = hear.recv_timeout(std::time::Duration::from_secs(60)).ok().flatten();
    watching.kill().expect("it runs");
    watching.wait().expect("it ran");
    reading.join().expect("its output has ended");
    let want = "the preview of `weekly` is as it was: no issue weekly/2026-W52: 0 posts, and it takes 1";
    assert_eq!(told.as_deref(), Some(want));
}

#[test]
fn what_is_added_to_links_is_added_to_those_in_words_too() {
    let note = "Read [a](/blog/a/#end), or [others](https://other.example/).\n";
    let site = site().more_settings("utm = { source = \"weekly\" }\n").file("content/digests/weekly/2026-W48.md", note);
    site.run(["-q", "digest", "weekly"]).stderr("").succeeds();
    let (html, text) = (site.read(".tidings/preview/weekly/next.html"), site.read(".tidings/preview/weekly/next.txt"));
    for url in ["https://example.org/blog/a/?utm_source=weekly#end", "https://other.example/"] {
        assert!(html.contains(&format!("href=\"{url}\"")) && text.contains(&format!("({url})")), "{url}: {text}");
    }
}

/// What a page says, with the texts that are attributes, without the headers of the mail, what is marked as English, and
/// the frames.
fn said(page: &str) -> String {
    let mut rest = &page[page.find("<title>").expect("there is a title")..];
    let mut out = String::new();
    while let Some((text, tag)) = rest.split_once('<') {
        out += text;
        let (tag, after) = tag.split_once('>').expect("a tag ends");
        for name in [" aria-label=\"", " title=\""] {
            let said = tag.split_once(name).and_then(|(_, value)| value.split('"').next());
            out += &said.map(|said| format!("{said}\n")).unwrap_or_default();
        }
        let left_out = match tag {
            "style" => Some("</style>"),
            "pre tabindex=\"0\"" => Some("</pre>"),
            "li lang=\"en\"" => Some("</li>"),
            _ => None,
        };
        rest = left_out.and_then(|end| after.split_once(end)).map_or(after, |(_, after)| after);
    }
    out + rest
}

/// All texts of the preview in a language's file, with their keys.
fn texts(file: &str) -> Vec<(String, String)> {
    fn walk(path: &str, value: &toml::Value, out: &mut Vec<(String, String)>) {
        match value {
            toml::Value::Table(table) => table.iter().for_each(|(k, v)| walk(&format!("{path}.{k}"), v, out)),
            other => out.push((path.to_owned(), other.as_str().expect("a text").to_owned())),
        }
    }
    let mut out = Vec::new();
    walk("preview", &file.parse::<toml::Table>().unwrap()["preview"], &mut out);
    out
}

/// The fixed parts of a text, which are words.
fn parts(text: &str) -> Vec<&str> {
    let parts = text.split(['{', '[']).flat_map(|part| part.rsplit(['}', ']']).next());
    parts.map(|part| part.trim_matches(|c: char| !c.is_alphabetic())).filter(|part| !part.is_empty()).collect()
}

/// Whether a text has these words in it, as whole words.
fn has_words(text: &str, words: &str) -> bool {
    let ends = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '-');
    text.match_indices(words)
        .any(|(at, _)| ends(text[..at].chars().next_back()) && ends(text[at + words.len()..].chars().next()))
}

/// The page has texts of its language only: none that German says in other words.
#[track_caller]
fn is_german(page: &str) {
    assert!(page.contains("<html lang=\"de\">"), "{page}");
    let said = said(page);
    let (english, german) = (texts(include_str!("../languages/en.toml")), texts(include_str!("../languages/de.toml")));
    let both = || english.iter().zip(&german).map(|((key, english), (_, german))| (&**key, english, german));
    let alike: Vec<&str> = both().filter(|(_, english, german)| english == german).map(|(key, ..)| key).collect();
    let known = ["preview.page.desktop", "preview.page.links", "preview.page.text"];
    assert_eq!(alike, known, "all other texts are said in other words");
    for (key, english, german) in both() {
        for part in parts(english).into_iter().filter(|part| !has_words(german, part)) {
            assert!(!has_words(&said, part), "{key}: `{part}` is in {said}");
        }
    }
}

#[test]
fn a_german_site_has_a_german_preview() {
    let settings = format!("{SETTINGS}{WEEKLY}").replace("[site]", "[site]\nlanguage = \"de\"");
    let settings = settings.replace("The week", "Die Woche") + "timezone = \"Europe/Berlin\"\n";
    let german = |title: &str, day: &str| {
        format!("---\nid: {title}\ntitle: Nachricht {title}\ndate: {day}\nsummary: Worum es geht.\n---\nText.\n")
    };
    let site = Site::new()
        .settings(&settings)
        .post("a.md", &german("a", "2026-11-17"))
        .post("b.md", &german("b", "2026-11-20"))
        .post("old.md", &german("alt", "2026-11-02"))
        .post("next.md", &german("neu", "2026-11-25"));
    let run = site.run(["digest", "weekly"]).succeeds();
    assert!(run.out().contains("history    no issue yet"), "the terminal speaks English: {}", run.out());
    let page = site.read(".tidings/preview/weekly/preview.html");
    is_german(&page);
    for want in [
        "<title>Die Woche, 2026-W48: Vorschau</title>",
        "<p class=\"when\">Fällig: <b>Mo, 23. November 2026, 09:00 CET</b> · Beiträge nach Mo, 16. November 2026, 09:00, bis Mo, 23. November 2026, 09:00</p>",
        "20. November 2026 <span class=\"tag\">",
        "<p class=\"aside\">erschien vor dem Zeitraum der ersten Ausgabe</p>",
        "noch keine Ausgabe",
        "2 Beiträge, ",
        "<span class=\"small\">von 90 KB</span>",
    ] {
        assert!(page.contains(want), "{want}: {page}");
    }
}

#[test]
fn a_german_preview_is_german_whatever_there_is_to_say() {
    let templates = Templates::new(Vec::new()).unwrap();
    let nothing = Preview { language: "de".into(), ..Preview::default() };
    let link = |in_html, in_text| Link { url: "https://example.org/".into(), text: "Mehr".into(), in_html, in_text };
    let sent = Earlier { period: "2026-W47".into(), posts: 1, ..Earlier::default() };
    let much = Preview {
        covers: Some(("gestern".into(), "heute".into())),
        size: Size { html_bytes: 90_001, budget_bytes: 90_000, mail_bytes: 95_000 },
        posts: vec![Shown { title: "Titel".into(), ..Shown::default() }],
        links: vec![link(0, 1), link(1, 0), link(2, 1)],
        findings: vec![Diagnostic::error("to be mended").hint("to look at"), Diagnostic::warning("Findings")],
        history: History { issues: vec![sent], total: 1_501, ..History::default() },
        ..nothing.clone()
    };
    let warned = Preview { findings: vec![Diagnostic::warning("it can go out like this")], ..nothing.clone() };
    for preview in [&nothing, &much, &warned] {
        is_german(&preview.render(&templates).unwrap());
    }
    let said = said(&much.render(&templates).unwrap());
    for want in [
        "1 zu beheben",
        "1 zu prüfen",
        "Zu groß.",
        "90,1 KB",
        "nur im Text",
        "nicht im Text",
        "2-mal",
        "Und 1.500 davor.",
    ] {
        assert!(said.contains(want), "{want}: {said}");
    }
}
