use super::*;
use crate::config::Config;
use proptest::prelude::*;

const SITE: &str = "[site]\ntitle = 'T'\nurl = 'https://example.org'\ntimezone = 'Europe/Berlin'\n";
const WEEKLY: &str = "[digest.weekly]\nfrom = 'a@example.org'\npostal_address = '1 Main St'\nschedule = 'Mon 09:00'\n";

fn digest(more: &str) -> Digest {
    let text = format!("{SITE}{WEEKLY}{more}");
    Config::parse(&text).unwrap_or_else(|_| panic!("{}", findings(&text))).digests["weekly"].clone()
}

fn findings(text: &str) -> String {
    match Config::parse(text) {
        Ok(_) => String::new(),
        Err(findings) => findings.iter().map(|finding| finding.render(Some(text))).collect::<Vec<_>>().join("\n"),
    }
}

/// The findings of a digest with one more line, which is the fifth after the site's.
#[track_caller]
fn refused(line: &str, want: &str) {
    assert_eq!(findings(&format!("{SITE}{WEEKLY}{line}\n")), want, "{line}");
}

#[test]
fn three_keys_are_enough() {
    let digest = digest("");
    assert_eq!((digest.name.value.as_str(), digest.name.span), ("weekly", Span { line: 5, column: 9, width: 6 }));
    assert_eq!(
        (digest.title.as_str(), digest.from.address.as_str(), digest.timezone),
        ("T", "a@example.org", Tz::Europe__Berlin)
    );
    assert_eq!((digest.postal_address.as_str(), digest.schedule.to_string().as_str()), ("1 Main St", "Mon 09:00"));
    assert_eq!((digest.group_by, digest.max_posts, digest.min_posts), (GroupBy::Category, 12, 1));
    assert_eq!((digest.max_age.as_secs(), digest.max_lateness.as_secs()), (30 * 86_400, 6 * 3_600));
    assert_eq!((digest.approval, digest.reply_to, digest.filter), (Approval::None, None, None));
    assert!(
        digest.not_in.is_empty()
            && digest.theme == Theme::default()
            && digest.utm.is_empty()
            && digest.formerly.is_empty()
    );
    assert_eq!((digest.subject, digest.template), (None, None));
    assert_eq!((digest.audience.digests, digest.audience.addresses), (vec!["weekly".to_owned()], vec![]));
}

#[test]
fn every_key_is_read() {
    let digest = digest(
        r##"title = "The  week"
reply_to = "Ana <ana@example.org>"
timezone = "UTC"
filter = "tag=a"
not_in = ["monthly"]
audience = "digest=weekly or address=Ana@example.org"
group_by = "topic"
max_posts = 5
min_posts = 2
max_age = "2w"
max_lateness = "2h"
approval = "required"
subject = "{{ title }}: {{ lead.title }}"
template = "letter"
utm = { source = "news", medium = "email" }
formerly = ["wekly"]
[digest.weekly.theme]
width = 600
light = { text = "#123456" }
[digest.monthly]
from = 'a@example.org'
schedule = 'monthly 1 09:00'
postal_address = """
T
  1 Main St

Springfield"""
"##,
    );
    assert_eq!(digest.title.as_str(), "The week");
    assert_eq!(digest.reply_to.as_ref().map(Mailbox::to_string).as_deref(), Some("Ana <ana@example.org>"));
    assert_eq!((digest.timezone, digest.group_by, digest.approval), (Tz::UTC, GroupBy::Topic, Approval::Required));
    assert_eq!(digest.filter_span(4, 1), Some(Span { line: 12, column: 15, width: 1 }));
    assert_eq!((&digest.not_in[..], &digest.formerly[..]), (&["monthly".to_owned()][..], &["wekly".to_owned()][..]));
    assert_eq!((digest.max_posts, digest.min_posts), (5, 2));
    assert_eq!((digest.max_age.as_secs(), digest.max_lateness.as_secs()), (14 * 86_400, 7_200));
    assert_eq!(digest.subject.as_ref().map(|s| s.value.as_str()), Some("{{ title }}: {{ lead.title }}"));
    assert_eq!(digest.template.as_ref().map(|s| s.value.as_str()), Some("letter"));
    assert_eq!(digest.audience.addresses, ["ana@example.org"]);
    assert_eq!(digest.utm.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(), ["medium=email", "source=news"]);
    assert_eq!(digest.names().collect::<Vec<_>>(), ["weekly", "wekly"]);
    assert_eq!(digest.theme.width, 600);
}

#[test]
fn a_postal_address_keeps_its_lines() {
    let text = format!("{SITE}{}", WEEKLY.replace("'1 Main St'", "'''\nT\n  1 Main  St\n\nSpringfield'''"));
    let config = Config::parse(&text).unwrap_or_else(|_| panic!("{}", findings(&text)));
    assert_eq!(config.digests["weekly"].postal_address.as_str(), "T\n1 Main St\nSpringfield");
}

#[test]
fn a_digest_without_an_address_by_post_is_refused() {
    assert_eq!(
        findings(&format!("{SITE}[digest.weekly]\nfrom = 'a@example.org'\nschedule = 'Mon 09:00'\n")),
        "error: `[digest.weekly]` has no `postal_address`
 --> tidings.toml:5:9
  |
5 | [digest.weekly]
  |         ^^^^^^
hint: say where the sender can be reached by post, which laws such as CAN-SPAM ask of every newsletter:
      `postal_address = \"Field Notes, 1 Main Street, Springfield\"`
"
    );
    assert_eq!(
        findings(&format!("{SITE}[digest.w]\nfrom = 'a@example.org'\nschedule = 'Mon 09:00'\npostal_address = ' '\n")),
        "error: `postal_address` is empty
 --> tidings.toml:8:18
  |
8 | postal_address = ' '
  |                  ^^^
hint: say where the sender can be reached by post, which laws such as CAN-SPAM ask of every newsletter:
      `postal_address = \"Field Notes, 1 Main Street, Springfield\"`
"
    );
}

#[test]
fn all_that_is_wrong_with_a_digest_comes_in_one_run() {
    assert_eq!(
        findings(&format!(
            "{SITE}[digest]\nfrom = 1\n[digest.\"Ü\"]\nform = 'a@example.org'\nfilter = 'colour=red'\nutm = {{ utm_source = 'x' }}\n"
        )),
        "error: unknown key `from` in `[digest]`
 --> tidings.toml:6:1
  |
6 | from = 1
  | ^^^^
hint: a digest has a name: `[digest.NAME]`

error: a digest cannot be named `Ü`
 --> tidings.toml:7:9
  |
7 | [digest.\"Ü\"]
  |         ^^^
hint: use `a` to `z`, `0` to `9` and `-`; `title` may hold anything

error: `[digest.Ü]` has no `postal_address`
 --> tidings.toml:7:9
  |
7 | [digest.\"Ü\"]
  |         ^^^
hint: say where the sender can be reached by post, which laws such as CAN-SPAM ask of every newsletter:
      `postal_address = \"Field Notes, 1 Main Street, Springfield\"`

error: `[digest.Ü]` has no `schedule`
 --> tidings.toml:7:9
  |
7 | [digest.\"Ü\"]
  |         ^^^
hint: say when its issues are cut off: `schedule = \"Mon 09:00\"`

error: unknown key `form` in `[digest.Ü]`
 --> tidings.toml:8:1
  |
8 | form = 'a@example.org'
  | ^^^^
hint: did you mean `from`?

error: unknown field `colour`
 --> tidings.toml:9:11
  |
9 | filter = 'colour=red'
  |           ^^^^^^
hint: the fields are `category`, `topic`, `tag`, `author`, `lang`, `slug`, `id`, `published` and `updated`

error: unknown key `utm_source` in `utm`
 --> tidings.toml:10:9
   |
10 | utm = { utm_source = 'x' }
   |         ^^^^^^^^^^
hint: write `source`: `utm_` is put before it
"
    );
}

#[test]
fn a_schedule_that_means_nothing_is_refused_with_the_forms_there_are() {
    let text = format!("{SITE}{}", WEEKLY.replace("Mon 09:00", "every week"));
    assert_eq!(
        findings(&text),
        "error: `schedule` is not a schedule: `every` is not a day
 --> tidings.toml:8:13
  |
8 | schedule = 'every week'
  |             ^^^^^
hint: write `Mon 09:00`, `Mon,Thu 09:00`, `daily 07:00` or `monthly 1 09:00`
"
    );
}

#[test]
fn a_sender_that_would_break_a_header_is_refused() {
    let text = format!("{SITE}{}", WEEKLY.replace("'a@example.org'", r#""Ana\r\nBcc: b@example.org <a@example.org>""#));
    assert_eq!(
        findings(&text),
        r#"error: `from` holds U+000D, which no header may carry
 --> tidings.toml:6:12
  |
6 | from = "Ana\r\nBcc: b@example.org <a@example.org>"
  |            ^^
hint: write `Name <name@example.org>` or `name@example.org`
"#
    );
    refused(
        "reply_to = 'Ana'",
        "error: `reply_to` is not an address: `Ana` has no `@`
 --> tidings.toml:9:13
  |
9 | reply_to = 'Ana'
  |             ^^^
hint: write `Name <name@example.org>` or `name@example.org`
",
    );
    refused(
        "subject = \"News\\nBcc: b@example.org\"",
        r#"error: `subject` holds U+000A, which no header may carry
 --> tidings.toml:9:16
  |
9 | subject = "News\nBcc: b@example.org"
  |                ^^
hint: write it on one line
"#,
    );
}

#[test]
fn names_of_other_digests_must_exist() {
    refused(
        "not_in = ['montly']\n[digest.monthly]\nfrom = 'a@example.org'\npostal_address = 'x'\nschedule = 'monthly 1 9:00'",
        "error: `not_in` names a digest that does not exist: `montly`
 --> tidings.toml:9:11
  |
9 | not_in = ['montly']
  |           ^^^^^^^^
hint: did you mean `monthly`?
",
    );
    refused(
        "not_in = ['monthly']",
        "error: `not_in` names a digest that does not exist: `monthly`
 --> tidings.toml:9:11
  |
9 | not_in = ['monthly']
  |           ^^^^^^^^^
hint: there is no other digest; each has a table `[digest.NAME]`
",
    );
    refused(
        "not_in = ['weekly']",
        "error: `not_in` names the digest itself: it never carries a post twice anyway
 --> tidings.toml:9:11
  |
9 | not_in = ['weekly']
  |           ^^^^^^^^
",
    );
    refused(
        "formerly = ['weekly']",
        "error: `formerly` names a digest that there is: `[digest.weekly]`
 --> tidings.toml:9:13
  |
9 | formerly = ['weekly']
  |             ^^^^^^^^
",
    );
}

#[test]
fn a_value_that_cannot_be_meant_is_refused_where_it_stands() {
    refused(
        "group_by = 'categories'",
        "error: `group_by` does not know `categories`
 --> tidings.toml:9:12
  |
9 | group_by = 'categories'
  |            ^^^^^^^^^^^^
hint: it knows `category`, `topic` and `none`
",
    );
    refused(
        "max_posts = 0",
        "error: `max_posts` must be at least 1, found 0
 --> tidings.toml:9:13
  |
9 | max_posts = 0
  |             ^
",
    );
    refused(
        "theme = 'dark'",
        "error: `theme` must be a table, found a text
 --> tidings.toml:9:9
  |
9 | theme = 'dark'
  |         ^^^^^^
hint: write `theme = { width = 600 }`
",
    );
    refused(
        "approval = true",
        "error: `approval` must be a text, found `true`
 --> tidings.toml:9:12
  |
9 | approval = true
  |            ^^^^
",
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_makes_the_settings_panic(key in proptest::sample::select(&KEYS[..]), value in "[\\[\\]{}'\"=a-z0-9., \n@<>#\\\\]{0,30}") {
        let _ = findings(&format!("{SITE}[digest.weekly]\n{key} = {value}\n[mail]\ndkim = {value}\n[serve]\naddress = {value}\n"));
    }
}
