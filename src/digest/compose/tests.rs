//! Which posts stand where in an issue, and what is said of them.

use super::*;
use crate::diagnostic::Span;
use crate::digest::support::{site, site_in};

fn slugs<'a>(stories: impl IntoIterator<Item = &'a Story>) -> Vec<&'a str> {
    stories.into_iter().map(|story| story.url.trim_end_matches('/').rsplit('/').next().unwrap()).collect()
}

fn sections(issue: &Issue) -> Vec<(&str, Vec<&str>)> {
    issue.sections.iter().map(|section| (&*section.title, slugs(&section.stories))).collect()
}

#[test]
fn the_lead_is_the_newest_with_a_lead_unless_the_editor_pins_another() {
    let site = site(&[
        ("new", "title: New\ndate: 2026-11-22"),
        ("told", "title: Told\ndate: 2026-11-21\nlead: '*Once* more.'"),
        ("older", "title: Older\ndate: 2026-11-20\nlead: x"),
    ]);
    let issue = site.issue();
    assert_eq!(slugs(&issue.lead), ["told"]);
    assert_eq!(issue.lead.as_ref().unwrap().words.as_ref().unwrap().html.as_str(), "<p><em>Once</em> more.</p>");
    assert_eq!(slugs(issue.stories()), ["told", "new", "older"]);
    let backwards: Vec<usize> = site.all().into_iter().rev().collect();
    let issue = site.issue_of(&backwards, Editorial::default());
    assert_eq!(slugs(issue.stories()), ["told", "older", "new"]);
    let pinned = Editorial { lead: Some(0), ..Editorial::default() };
    assert_eq!(slugs(site.issue_of(&[0, 1, 2], pinned).stories()), ["new", "told", "older"]);
    let elsewhere = Editorial { lead: Some(0), ..Editorial::default() };
    assert_eq!(slugs(site.issue_of(&[1, 2], elsewhere).stories()), ["told", "older"]);
}

#[test]
fn sections_stand_in_the_order_of_their_first_posts_and_what_belongs_nowhere_comes_last() {
    let posts = [
        ("a", "title: A\ndate: 2026-11-22"),
        ("b", "title: B\ndate: 2026-11-21\ncategory: [zoo, art]\ntopic: art"),
        ("c", "title: C\ndate: 2026-11-20\ncategory: art"),
        ("d", "title: D\ndate: 2026-11-19\ncategory: Zoo"),
    ];
    let mut site = site(&posts);
    assert_eq!(sections(&site.issue()), [("Zoo", vec!["b", "d"]), ("art", vec!["c"]), ("More posts", vec!["a"])]);
    site.group_by = Some(Axis::Topic);
    assert_eq!(sections(&site.issue()), [("art", vec!["b"]), ("More posts", vec!["a", "c", "d"])]);
    site.group_by = None;
    assert_eq!(sections(&site.issue()), [("", vec!["a", "b", "c", "d"])]);
}

#[test]
fn posts_past_max_posts_keep_their_titles() {
    let mut site = site(&[
        ("a", "title: A\ndate: 2026-11-22\nlead: x"),
        ("b", "title: B\ndate: 2026-11-21"),
        ("c", "title: C\ndate: 2026-11-20"),
    ]);
    for (max_posts, want) in [(1, vec!["b", "c"]), (2, vec!["c"]), (3, vec![]), (0, vec!["b", "c"])] {
        site.max_posts = max_posts;
        let issue = site.issue();
        assert_eq!(slugs(&issue.titles), want, "{max_posts}");
        assert_eq!(slugs(issue.stories()), ["a", "b", "c"], "{max_posts}");
    }
}

#[test]
fn a_story_says_what_its_post_says() {
    let mut site = site(&[(
        "a",
        "title: A\nlead: See [b](../b/).\nauthor: [Ana Sousa, Li Wei]\ncategory: art\ncta_ref: guide\nimage: /known.jpg\n\
         lang: pt",
    )]);
    site.utm = BTreeMap::from([("source".into(), "weekly & co".into()), ("utm_medium".into(), "mail".into())]);
    let story = site.issue().lead.unwrap();
    assert_eq!(story.url.as_str(), "https://example.org/blog/a/?utm_source=weekly+%26+co&utm_medium=mail");
    assert_eq!(story.summary.as_str(), "See b.");
    assert_eq!(story.authors, ["Ana Sousa".into(), "Li Wei".into()]);
    assert_eq!((story.category.as_deref(), story.language.as_deref()), (Some("art"), Some("pt")));
    assert_eq!(story.published_on.to_string(), "2026-11-20");
    let image = story.image.unwrap();
    assert_eq!((image.url.as_str(), image.size), ("https://example.org/known.jpg", Some((1200, 600))));
    let call = story.call_to_action.unwrap();
    assert_eq!((call.title.as_str(), call.label.as_str()), ("The guide", "Get it"));
    assert_eq!(call.url.as_str(), "https://example.org/guide/?utm_source=weekly+%26+co&utm_medium=mail");
    assert_eq!(call.words.unwrap().text, "All of it, free.");
}

#[test]
fn related_posts_are_those_that_were_not_carried_lately() {
    let mut site = site(&[
        ("a", "title: A\nrelated_entries: [b, old, older, draft]"),
        ("b", "title: B\nrelated_entries: [older, old, oldest, first]"),
        ("old", "title: Old\ndate: 2026-10-04"),
        ("older", "title: Older\ndate: 2026-10-03"),
        ("oldest", "title: Oldest\ndate: 2026-10-02"),
        ("first", "title: First\ndate: 2026-10-01"),
        ("draft", "title: Draft\ndraft: true"),
    ]);
    let chosen: Vec<usize> = site.all()[..2].to_vec();
    assert_eq!(slugs(&site.issue_of(&chosen, Editorial::default()).related), ["old", "older", "oldest"]);
    let older = site.collection.articles.iter().find(|a| a.post.slug.value == "older").unwrap();
    site.carried = BTreeSet::from([older.id.clone()]);
    assert_eq!(slugs(&site.issue_of(&chosen, Editorial::default()).related), ["old", "oldest", "first"]);
}

#[test]
fn subject_and_preheader_name_the_posts() {
    #[track_caller]
    fn case(language: &str, posts: usize, subject: &str, preheader: &str) {
        let all =
            [("a", "title: Spring\nlead: x\nsummary: It is warm."), ("b", "title: Summer"), ("c", "title: Autumn")];
        let issue = site_in(language, &all[..posts]).issue();
        assert_eq!((issue.subject.as_str(), issue.preheader.as_str()), (subject, preheader));
    }
    case("en", 1, "Spring", "It is warm.");
    case("en", 2, "Spring, and 1 more", "Summer");
    case("en", 3, "Spring, and 2 more", "Summer · Autumn");
    case("de", 3, "Spring – und 2 weitere Beiträge", "Summer · Autumn");
    case("en", 0, "Field Notes, 23 November 2026", "No posts");
    case("de", 0, "Field Notes, 23. November 2026", "Keine Beiträge");
}

#[test]
fn a_subject_is_one_line_whatever_it_is_made_of() {
    let title = "title: \"Bcc: x\\r\\ny\\0\\u202e\\u0007 🎉 {{ title }}\"";
    let site = site(&[("a", title)]);
    assert_eq!(site.issue().subject.as_str(), "Bcc: x y 🎉 {{ title }}");
    let editorial =
        Editorial { subject: Some("One\r\nBcc: y\0\u{85}z"), preheader: Some("\n"), ..Editorial::default() };
    let issue = site.issue_of(&[0], editorial);
    assert_eq!((issue.subject.as_str(), issue.preheader.as_str()), ("One Bcc: y z", ""));
    let long = "x ".repeat(500);
    let issue = site.issue_of(&[0], Editorial { subject: Some(&long), ..Editorial::default() });
    assert!(issue.subject.chars().count() <= 150 && issue.subject.ends_with("x…"));
}

#[test]
fn the_settings_template_of_a_subject_is_filled_in_and_its_faults_are_pointed_at() {
    let site = site(&[("a", "title: Tom & Jerry"), ("b", "title: B")]);
    let line = |text: &'static str| {
        let span = Span { line: 7, column: 12, width: 20 };
        let settings = Settings { subject: Some(Line { text, file: "tidings.toml", span }), ..site.settings() };
        let composer = Composer {
            collection: &site.collection,
            config: &site.config,
            settings,
            templates: &site.templates,
            image_size: &|_| None,
        };
        composer.compose(&site.edition(&[0, 1], Editorial::default())).map(|issue| issue.subject.to_string())
    };
    assert_eq!(line("{{ lead }} [{{ period }}, {{ count }}]").unwrap(), "Tom & Jerry [2026-W48, 2 posts]");
    assert_eq!(line("{# nothing #} ").unwrap(), "Field Notes, 23 November 2026");
    assert_eq!(
        line("Of {{ leed }}").unwrap_err().render(None),
        "error: variable `leed` is not defined
 --> tidings.toml:7:18
hint: did you mean `lead`? there are `count`, `date`, `lead`, `others`, `period`, `posts`, `site`, `title`
"
    );
    assert_eq!(line("{{ lead").unwrap_err().render(None).lines().nth(1).unwrap().trim(), "--> tidings.toml:7:19",);
}

#[test]
fn a_sensitive_digest_names_nothing_outside_and_fetches_nothing() {
    let mut site = site(&[("a", "title: Living with HIV\nlead: x\ncategory: hiv\nimage: /a.jpg"), ("b", "title: B")]);
    site.sensitive = true;
    let issue = site.issue();
    assert_eq!(issue.subject.as_str(), "Field Notes, 23 November 2026");
    assert_eq!(issue.preheader.as_str(), "2 posts");
    assert_eq!(issue.lead.as_ref().unwrap().image, None);
    let editorial =
        Editorial { subject: Some("News on HIV"), preheader: Some("Two new posts"), ..Editorial::default() };
    let issue = site.issue_of(&[0, 1], editorial);
    assert_eq!((issue.subject.as_str(), issue.preheader.as_str()), ("Field Notes, 23 November 2026", "Two new posts"));
    let told: String = issue.findings.iter().map(|finding| finding.render(None)).collect();
    assert_eq!(
        told,
        "warning: the editor's `subject` names `hiv` and is not used: `[mail] sensitive` is set
hint: whoever sees the list of mails would learn what they are about
"
    );
}
