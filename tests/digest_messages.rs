//! What `digest` and `check` say of digests, word for word, through the binary.

mod support;

use support::{SETTINGS, Site};

const WEEKLY: &str = "
[digest.weekly]
title = \"The week\"
from = \"Example <news@example.org>\"
postal_address = \"1 Main St, Springfield\"
schedule = \"Mon 09:00\"
";
const POST: &str = "---\nid: a\ntitle: Post a\ndate: 2026-11-20\nsummary: About a.\n---\nBody.\n";

/// A site with one post in the week, and more settings for the digest, which start on line 14.
fn site(more: &str) -> Site {
    Site::new().more_settings(&format!("{WEEKLY}{more}")).post("a.md", POST)
}

/// `digest` refuses with these words and writes nothing; `check` says the same, and `build` has nothing against it.
#[track_caller]
fn refused_but_built(site: &Site, want: &str) {
    site.run(["digest", "weekly"]).stderr(want).stdout("").fails(1);
    assert!(!site.has(".tidings/preview"));
    site.run(["check", "-q"]).stderr(want).stdout("").fails(1);
    site.run(["build", "-q"]).stderr("").succeeds();
}

/// A fault in the settings, which every command refuses.
#[track_caller]
fn refused(settings: &str, want: &str) {
    let site = Site::new().settings(settings).post("a.md", POST);
    for command in [&["digest", "weekly"][..], &["check", "-q"], &["build", "-q"]] {
        site.run(command).stderr(want).stdout("").fails(1);
    }
}

#[test]
fn a_fault_of_syntax_in_a_template_is_pointed_at() {
    let site = site("")
        .file("templates/digest.html", "{% extends \"tidings/digest.html\" %}\n{% block footer %}{{ reason }\n");
    site.run(["digest", "weekly"])
        .stderr(
            "
            error: found `}` but expected `}}`
             --> templates/digest.html:2:29
              |
            2 | {% block footer %}{{ reason }
              |                             ^
            ",
        )
        .fails(1);
}

#[test]
fn a_name_that_templates_do_not_have_is_pointed_at() {
    refused_but_built(
        &site("").file("templates/digest.txt", "Dear {{ reader }},\n"),
        "
        error: variable `reader` is not defined
         --> templates/digest.txt:1:9
          |
        1 | Dear {{ reader }},
          |         ^^^^^^
        hint: there are `count`, `date`, `dir`, `end`, `filler`, `intro`, `is_mail`, `lang`, `lead`, `more`, `page_url`, `period`, `postal_address`, `preferences_url`, `preheader`, `reason`, `redacted`, `related`, `sections`, `site`, `start`, `subject`, `theme`, `title`, `titles`, `unsubscribe_url`, `words`
        ",
    );
    refused_but_built(
        &site("subject = \"{{ titel }}, {{ date }}\"\n"),
        "
        error: variable `titel` is not defined
         --> tidings.toml:14:15
           |
        14 | subject = \"{{ titel }}, {{ date }}\"
           |               ^^^^^
        hint: did you mean `title`? there are `count`, `date`, `lead`, `others`, `period`, `posts`, `site`, `title`
        ",
    );
}

#[test]
fn a_template_that_is_not_there_is_named() {
    refused_but_built(
        &site("template = \"fancy\"\n"),
        "
        error: `template` names a template that does not exist: `fancy`
         --> tidings.toml:14:13
           |
        14 | template = \"fancy\"
           |             ^^^^^
        hint: write it to `templates/fancy.html`; it can extend `tidings/digest.html`
        ",
    );
    refused_but_built(
        &site("template = \"leter.html\"\n").file("templates/letter.html", "{% extends \"tidings/digest.html\" %}\n"),
        "
        error: `template` names a template that does not exist: `leter.html`
         --> tidings.toml:14:13
           |
        14 | template = \"leter.html\"
           |             ^^^^^^^^^^
        hint: did you mean `letter.html`?
        ",
    );
}

#[test]
fn a_template_that_loses_the_way_out_or_the_address_is_refused() {
    let footer = "{% extends \"tidings/digest.html\" %}{% block footer %}<p>{{ reason }}</p>{% endblock %}\n";
    refused_but_built(
        &site("").file("templates/digest.html", footer),
        "
        error: the HTML part of the mail lacks the postal address
        hint: put all lines of `postal_address` into `templates/digest.html`
        ",
    );
    let bare = "<html><head></head><body>{{ title }}, {{ postal_address | join(sep=\", \") }}</body></html>\n";
    site("template = \"bare\"\n")
        .file("templates/bare.html", bare)
        .run(["digest", "weekly"])
        .stderr(
            "
            warning: the text part leads to `https://example.org/blog/a/`, the HTML part does not
            error: the HTML part of the mail has no link to unsubscribe
            hint: put `unsubscribe_url` into `templates/bare.html`
            ",
        )
        .fails(1);
}

#[test]
fn a_theme_knows_its_keys() {
    refused(
        &format!("{SETTINGS}{WEEKLY}theme = {{ lihgt = {{ text = \"#000\" }} }}\n"),
        "
        error: unknown key `lihgt` in `[digest.weekly.theme]`
         --> tidings.toml:13:11
           |
        13 | theme = { lihgt = { text = \"#000\" } }
           |           ^^^^^
        hint: did you mean `light`?
        ",
    );
}

#[test]
fn a_logo_that_cannot_be_shown_is_an_error_of_the_digest() {
    const LOGO: &str = "theme = { logo = { src = \"/logo.png\", width = 100, height = 30 } }\n";
    let want = |cause: &str| {
        format!(
            "error: logo `/logo.png` cannot be read: {cause}
 --> tidings.toml:14:26
   |
14 | theme = {{ logo = {{ src = \"/logo.png\", width = 100, height = 30 }} }}
   |                          ^^^^^^^^^^^
hint: write the path that it has on the site, or an address that starts with `https://`
"
        )
    };
    refused_but_built(&site(LOGO), &want("there is no such file in `public`, `static` or `content`"));
    refused_but_built(&site(LOGO).file("static/logo.png", "no picture at all"), &want("it is no picture"));
    refused_but_built(&site(LOGO).file("static/logo.png", ""), &want("it is no picture"));
    // The first bytes of a PNG: its size is told, which is all that a mail needs.
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\xc8\0\0\0\x3c\x08\x06\0\0\0".to_vec();
    let good = site(LOGO).file("static/logo.png", png);
    good.run(["-q", "digest", "weekly"]).stderr("").succeeds();
    assert!(good.read(".tidings/preview/weekly/next.html").contains("src=\"https://example.org/logo.png\""));
}

#[test]
fn a_digest_without_a_postal_address_is_refused() {
    const HINT: &str =
        "hint: say where the sender can be reached by post, which laws such as CAN-SPAM ask of every newsletter:
      `postal_address = \"Field Notes, 1 Main Street, Springfield\"`\n";
    refused(
        &format!("{SETTINGS}{}", WEEKLY.replace("postal_address = \"1 Main St, Springfield\"\n", "")),
        &format!(
            "error: `[digest.weekly]` has no `postal_address`
 --> tidings.toml:8:9
  |
8 | [digest.weekly]
  |         ^^^^^^
{HINT}"
        ),
    );
    refused(
        &format!("{SETTINGS}{}", WEEKLY.replace("1 Main St, Springfield", " ")),
        &format!(
            "error: `postal_address` is empty
 --> tidings.toml:11:18
   |
11 | postal_address = \" \"
   |                  ^^^
{HINT}"
        ),
    );
}

#[test]
fn a_schedule_that_means_nothing_is_pointed_at() {
    refused(
        &format!("{SETTINGS}{}", WEEKLY.replace("Mon 09:00", "sometimes")),
        "
        error: `schedule` is not a schedule: `sometimes` is not a day
         --> tidings.toml:12:13
           |
        12 | schedule = \"sometimes\"
           |             ^^^^^^^^^
        hint: write `Mon 09:00`, `Mon,Thu 09:00`, `daily 07:00` or `monthly 1 09:00`
        ",
    );
}

#[test]
fn a_digest_that_not_in_names_must_exist() {
    refused(
        &format!("{SETTINGS}{WEEKLY}not_in = [\"dayly\"]\n{}", WEEKLY.replace("weekly", "daily")),
        "
        error: `not_in` names a digest that does not exist: `dayly`
         --> tidings.toml:13:11
           |
        13 | not_in = [\"dayly\"]
           |           ^^^^^^^
        hint: did you mean `daily`?
        ",
    );
}

#[test]
fn a_digest_or_a_period_that_does_not_exist_is_named() {
    #[track_caller]
    fn case(arguments: &[&str], status: i32, want: &str) {
        site("").run([&["digest"], arguments].concat()).stderr(want).stdout("").fails(status);
    }
    case(&["weekyl"], 1, "error: there is no digest `weekyl`\nhint: did you mean `weekly`?\n");
    case(&["monthly"], 1, "error: there is no digest `monthly`\nhint: the only one is `weekly`\n");
    case(
        &["weekly", "--period", "2027-W01"],
        1,
        "error: `weekly/2027-W01` is in the future: it begins at 2026-12-28T09:00:00Z\n\
         hint: the period that runs now is `2026-W49`\n",
    );
    case(
        &["weekly", "--period", "2026-11-23"],
        1,
        "error: `2026-11-23` is not a period: they are named like `2026-W48`\n",
    );
    case(&["weekly", "--period", "2026-W54"], 1, "error: `2026-W54` does not exist in the calendar\n");
}

#[test]
fn a_day_or_a_time_that_makes_no_sense_is_refused() {
    #[track_caller]
    fn case(arguments: &[&str], status: i32, want: &str) {
        site("").run(arguments).stderr(want).stdout("").fails(status);
    }
    for day in ["yesterday", "2026-13-01", "26-11-01", "2026-11-1"] {
        let want = format!(
            "error: invalid value '{day}' for '--since <DATE>': not a day of the calendar; write it like 2026-11-23\n\n\
             For more information, try '--help'.\n"
        );
        case(&["digest", "weekly", "--since", day], 2, &want);
    }
    case(
        &["digest", "weekly", "--since", "2030-01-01"],
        1,
        "error: `--since 2030-01-01` is after the cutoff of `weekly/2026-W48`\n\
         hint: name the first day of the posts that shall be carried although they count as carried\n",
    );
    case(
        &["--now", "tomorrow", "digest", "weekly"],
        2,
        "error: `--now tomorrow` is not a time\nhint: write it like 2026-11-23T09:00:00Z\n",
    );
    case(
        &["--now", "9999-12-31T23:59:59Z", "digest", "weekly"],
        2,
        "error: `--now 9999-12-31T23:59:59Z` is too far away: its year is not between 1970 and 9998\n",
    );
}

#[test]
fn a_fault_in_a_note_is_pointed_at() {
    refused_but_built(
        &site("").file("content/digests/weekly/2026-W48.md", "---\nsubjct: A quiet week\n---\nHello.\n"),
        "
        error: unknown key `subjct` in the note of an issue
         --> content/digests/weekly/2026-W48.md:2:1
          |
        2 | subjct: A quiet week
          | ^^^^^^
        hint: did you mean `subject`?
        ",
    );
}

#[test]
fn notes_that_nobody_reads_are_named() {
    let site = site("")
        .file("content/digests/weekly/2026-48.md", "Hello.\n")
        .file("content/digests/weekly/2026-W47.markdown", "Hello.\n")
        .file("content/digests/wekly/2026-W48.md", "---\nlead: b\n---\n");
    let own = "
        warning: this note belongs to no issue of `weekly`
         --> content/digests/weekly/2026-48.md
        hint: `2026-48` is not a period: they are named like `2026-W48`
        warning: this note belongs to no issue of `weekly`
         --> content/digests/weekly/2026-W47.markdown
        hint: its name must end in `.md`
        ";
    site.run(["digest", "weekly"]).stderr(own).succeeds();
    let others = "
        warning: this note belongs to no digest
         --> content/digests/wekly/2026-W48.md
        hint: did you mean `content/digests/weekly`?
        warning: `lead` names an unknown post `b`
         --> content/digests/wekly/2026-W48.md:2:7
          |
        2 | lead: b
          |       ^
        hint: posts are named by their id or slug
        1 post in 1 feed: 0 errors, 4 warnings
        ";
    site.run(["check"]).stderr(&format!("{}{}", own.trim_end_matches(' '), others.trim_start_matches('\n'))).succeeds();
    site.run(["build"]).stderr("1 post in 1 feed: wrote 6 files, 0 unchanged\n").succeeds();
}

#[test]
fn a_term_in_the_filter_that_no_post_has_is_a_warning_of_check() {
    let site = site("filter = \"tag=nobody\"\n");
    let warning = "
        warning: no post has the tag `nobody`
         --> tidings.toml:14:15
           |
        14 | filter = \"tag=nobody\"
           |               ^^^^^^
        hint: the digest `weekly` is made all the same
        ";
    site.run(["check"]).stderr(&format!("{warning}1 post in 1 feed: 0 errors, 1 warning\n")).succeeds();
}

#[test]
fn what_is_wrong_with_other_posts_is_counted_and_not_told() {
    let site = site("")
        .post(
            "old.md",
            "---\nid: old\ntitle: Old\ndate: 2026-01-01\nsummary: s\nauthor: nobody\ncta_ref: none\n---\nx\n",
        )
        .post("b.md", "---\nid: b\ntitle: Post b\ndate: 2026-11-19\nsummary: s\ncta_ref: none\n---\nx\n")
        .file("content/people/ana.md", "name: Ana\n");
    site.run(["digest", "weekly"])
        .stderr(
            "
            warning: post names an unknown call to action `none`
             --> content/posts/b.md:6:10
              |
            6 | cta_ref: none
              |          ^^^^
            hint: calls to action are the files in `content/cta`, named by their `id`
            2 warnings about what the issue does not carry, see `tidings check`
            ",
        )
        .succeeds();
    site.run(["-q", "digest", "weekly"]).stderr("").succeeds();
}

#[test]
fn a_store_that_cannot_be_used_says_why_and_what_to_do() {
    #[track_caller]
    fn case(site: &Site, want: &str) {
        site.run(["digest", "weekly"]).stderr(want).stdout("").fails(1);
    }
    const FILE: &str = ".tidings/tidings.db";
    case(
        &site("").file(FILE, "no database"),
        "error: the store `.tidings/tidings.db` is damaged\n\
         hint: put a backup in its place, with the files `-wal` and `-shm` beside it removed\n",
    );
    case(
        &site("").file(".tidings/tidings.db/x", ""),
        "error: the store `.tidings/tidings.db` cannot be opened: is a directory\n\
         hint: check the path in `[store] url`, and who may read the folder\n",
    );
    let foreign = site("");
    database(&foreign, "CREATE TABLE theirs (x)");
    case(
        &foreign,
        "error: the store `.tidings/tidings.db` is the database of another program\n\
         hint: name another file in `[store] url`\n",
    );
}

#[test]
fn a_store_in_use_is_waited_for_and_then_said_to_be() {
    use sqlx::{Connection as _, SqliteConnection};
    let site = site("");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let path = site.path(".tidings/tidings.db");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut connection = SqliteConnection::connect(&format!("sqlite:{}?mode=rwc", path.display())).await.unwrap();
        for sql in ["CREATE TABLE ours (x)", "PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE"] {
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
        site.run(["digest", "weekly"])
            .stderr(
                "error: the store `.tidings/tidings.db` is in use by another program\n\
                 hint: run the command again when the other one is done\n",
            )
            .fails(1);
        connection.close().await.unwrap();
    });
}

/// Runs a statement on the file of the site's store.
fn database(site: &Site, sql: &'static str) {
    use sqlx::{Connection as _, SqliteConnection};
    let path = site.path(".tidings/tidings.db");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(&format!("sqlite:{}?mode=rwc", path.display())).await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}
