use super::*;
use crate::diagnostic::Span;
use crate::digest::choose::tests::Scene;
use crate::digest::history::RecordState;

const FILE: &str = "content/digests/weekly/2026-W48.md";

fn note(source: &str) -> Note {
    let (note, findings) = Note::parse(FILE, source.as_bytes());
    assert_eq!(findings, [], "{source:?}");
    note.expect("a note")
}

fn findings(source: &str) -> String {
    let (note, findings) = Note::parse(FILE, source.as_bytes());
    assert_eq!(note.is_none(), findings.iter().any(Diagnostic::is_error), "{source:?}");
    findings.iter().map(|finding| finding.render(Some(source))).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_key_is_read_and_what_follows_are_the_words() {
    let note = note(
        "---\nsubject: 'Home  for\n  Christmas'\npreheader: Four stories\nlead: handover\norder: [b, tag:x, b]\n---\n\nDear *readers*,\n\n---\n\nGo on.\n",
    );
    let line = |value: &Option<Spanned<Text>>| value.as_ref().map(|text| text.value.to_string());
    assert_eq!(line(&note.subject).as_deref(), Some("Home for Christmas"));
    assert_eq!(
        (line(&note.preheader).as_deref(), line(&note.lead).as_deref()),
        (Some("Four stories"), Some("handover"))
    );
    assert_eq!(note.order.iter().map(|one| one.value.as_str()).collect::<Vec<_>>(), ["b", "tag:x"]);
    assert_eq!(note.intro_markdown.as_deref(), Some("Dear *readers*,\n\n---\n\nGo on."));
    assert_eq!(note.lead.map(|lead| lead.span), Some(Span { line: 5, column: 7, width: 8 }));
}

#[test]
fn all_of_it_may_be_left_out() {
    #[track_caller]
    fn case(source: &str, words: Option<&str>) {
        let note = note(source);
        assert_eq!(note.intro_markdown.as_deref(), words, "{source:?}");
        assert_eq!((note.subject, note.preheader, note.lead, note.order), (None, None, None, vec![]), "{source:?}");
    }
    case("", None);
    case(" \n\t\n", None);
    case("---\n---\n", None);
    case("---\nsubject:\norder: []\n---\n \n", None);
    case("Dear readers", Some("Dear readers"));
    case("\u{feff}\r\nDear: readers\r\n", Some("Dear: readers"));
    case("\u{feff}---\r\n---\r\nDear readers\r\n", Some("Dear readers"));
}

#[test]
fn what_a_note_cannot_say_is_pointed_at() {
    #[track_caller]
    fn case(source: &str, want: &str) {
        assert_eq!(findings(source), want, "{source:?}");
    }
    case(
        "---\npreheder: x\ntitle: y\n---\n",
        "error: unknown key `preheder` in the note of an issue
 --> content/digests/weekly/2026-W48.md:2:1
  |
2 | preheder: x
  | ^^^^^^^^
hint: did you mean `preheader`?

error: unknown key `title` in the note of an issue
 --> content/digests/weekly/2026-W48.md:3:1
  |
3 | title: y
  | ^^^^^
hint: a note knows `subject`, `preheader`, `lead` and `order`; words go below the closing `---`
",
    );
    case(
        "---\nsubject: [a]\nlead: {a: b}\norder: [[a]]\n---\n",
        "error: `subject` must be a text, found a list
 --> content/digests/weekly/2026-W48.md:2:10
  |
2 | subject: [a]
  |          ^

error: `lead` must be a text, or a map with `id` or `slug` or `name` or `title`, found a map
 --> content/digests/weekly/2026-W48.md:3:7
  |
3 | lead: {a: b}
  |       ^

error: `order` must hold texts, or a map with `id` or `slug` or `name` or `title`, found a list
 --> content/digests/weekly/2026-W48.md:4:9
  |
4 | order: [[a]]
  |         ^
",
    );
    case(
        "---\nsubject: x\n",
        "error: front matter has no closing `---`
 --> content/digests/weekly/2026-W48.md:1:1
  |
1 | ---
  | ^^^
hint: put `---` on a line of its own between the last key and the text
",
    );
    case(
        "+++\nsubject = 'x'\n+++\n",
        "error: front matter is TOML, not YAML
 --> content/digests/weekly/2026-W48.md:1:1
  |
1 | +++
  | ^^^
hint: put lines such as `title: Spring` between two lines `---`
",
    );
}

#[test]
fn characters_that_no_mail_can_carry_are_dropped_and_named() {
    let source = "---\nlead: a\n---\nDear\nread\u{1}ers\u{2}\n";
    assert_eq!(
        findings(source),
        "warning: the text holds 2 characters which no mail can carry, the first U+0001; they were dropped
 --> content/digests/weekly/2026-W48.md:5:5
  |
5 | read ers
  |     ^
"
    );
    let (note, _) = Note::parse(FILE, b"a\0b");
    assert_eq!(note.and_then(|note| note.intro_markdown).as_deref(), Some("ab"));
}

#[test]
fn a_note_of_no_period_is_named() {
    let scene = Scene::new("");
    let dirs = &scene.config.content;
    let told = |file: &str| Note::stray(file, dirs, scene.digest()).map(|finding| finding.render(None));
    assert_eq!(told(FILE), None);
    assert_eq!(told("content/digests/week/2026-w48.md"), None);
    let hint = |file: &str| Note::stray(file, dirs, scene.digest()).and_then(|finding| finding.hint);
    assert_eq!(hint("content/digests/weekly/2026-W48.markdown").as_deref(), Some("its name must end in `.md`"));
    let below = hint("content/digests/weekly/old/2026-W48.md");
    assert_eq!(below.as_deref(), Some("notes lie in `content/digests/weekly` itself"));
    assert_eq!(
        told("content/digests/weekly/2026-w48.md").as_deref(),
        Some(
            "warning: this note belongs to no issue of `weekly`
 --> content/digests/weekly/2026-w48.md
hint: `2026-w48` is not a period: they are named like `2026-W48`
"
        )
    );
}

#[test]
fn a_note_of_no_digest_is_named() {
    let mut scene = Scene::new("formerly = ['letter']\n");
    let dirs = scene.config.content.clone();
    let digests = std::mem::take(&mut scene.config.digests);
    let hint = |file: &str| Note::homeless(file, &dirs, &digests).and_then(|finding| finding.hint);
    assert_eq!(hint(FILE), None);
    let case = |file: &str, want: &str| assert_eq!(hint(file).as_deref(), Some(want), "{file}");
    case("content/digests/wekly/2026-W48.md", "did you mean `content/digests/weekly`?");
    case("content/digests/letter/2026-W48.md", "`letter` is `weekly` now: move it to its folder");
    case("content/digests/monthly/2026-11.md", "there is no `[digest.monthly]` in tidings.toml");
    case("content/digests/2026-W48.md", "notes lie in the folder of a digest: `content/digests/NAME`");
}

#[test]
fn a_note_lies_beside_the_posts() {
    let scene = Scene::new("");
    let mut dirs = scene.config.content.clone();
    assert_eq!(Note::file(&dirs, scene.digest(), "2026-W48"), FILE);
    dirs.dir = ".".into();
    assert_eq!(Note::file(&dirs, scene.digest(), "2026-W48"), "digests/weekly/2026-W48.md");
}

#[test]
fn a_note_puts_posts_first_and_keeps_the_others_in_their_order() {
    let mut scene = Scene::new("");
    for (n, id) in ["a", "b", "c", "d"].into_iter().enumerate() {
        scene.post(id, &format!("2026-11-2{}T05:00:00Z", 3 - n), &format!("slug: s-{id}\n"));
    }
    let (chosen, collection) = scene.choose_at("2026-W48", "2026-11-23T09:00:00Z");
    let arranged = |source: &str| {
        let (arranged, findings) = note(source).arrange(&collection, &chosen);
        assert_eq!(findings, []);
        arranged
    };
    assert_eq!(arranged("Hello"), Arranged { lead: None, articles: vec![0, 1, 2, 3] });
    // By id, by slug, by entry id; twice counts once.
    let all = arranged("---\nlead: s-b\norder: [d, s-b, 'tag:example.org,2026:d']\n---\n");
    assert_eq!(all, Arranged { lead: Some(1), articles: vec![3, 1, 0, 2] });
}

#[test]
fn a_post_that_the_issue_does_not_carry_is_a_warning_with_the_reason() {
    let mut scene = Scene::new("filter = 'category=in'\n");
    scene.post("carried", "2026-11-18T05:00:00Z", "category: in\n");
    scene.becomes("2026-W48", RecordState::Frozen);
    scene.post("other", "2026-11-25T05:00:00Z", "category: out\n");
    scene.post("handover", "2026-11-26T05:00:00Z", "category: in\n");
    let (chosen, collection) = scene.choose_at("2026-W49", "2026-11-30T09:00:00Z");
    let source = "---\nlead: hand-over\norder: [carried, other, handover, nobody-at-all]\n---\n";
    let (arranged, findings) = note(source).arrange(&collection, &chosen);
    assert_eq!(arranged, Arranged { lead: None, articles: chosen.articles.clone() });
    let told: Vec<String> = findings.iter().map(|finding| finding.render(Some(source))).collect();
    assert_eq!(
        told.join("\n"),
        "warning: `lead` names an unknown post `hand-over`
 --> content/digests/weekly/2026-W48.md:2:7
  |
2 | lead: hand-over
  |       ^^^^^^^^^
hint: did you mean `handover`?

warning: `order` names a post that the issue does not carry: `carried`
 --> content/digests/weekly/2026-W48.md:3:9
  |
3 | order: [carried, other, handover, nobody-at-all]
  |         ^^^^^^^
hint: the post was carried by `weekly/2026-W48`

warning: `order` names a post that the issue does not carry: `other`
 --> content/digests/weekly/2026-W48.md:3:18
  |
3 | order: [carried, other, handover, nobody-at-all]
  |                  ^^^^^
hint: the post does not pass the filter

warning: `order` names an unknown post `nobody-at-all`
 --> content/digests/weekly/2026-W48.md:3:35
  |
3 | order: [carried, other, handover, nobody-at-all]
  |                                   ^^^^^^^^^^^^^
hint: posts are named by their id or slug
"
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_bytes_make_a_note_panic(fenced in proptest::bool::ANY, bytes in proptest::collection::vec(0u8.., 0..80)) {
        let start: &[u8] = if fenced { b"---\n" } else { b"" };
        let _ = Note::parse(FILE, &[start, &bytes].concat());
    }
}
