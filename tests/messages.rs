//! What `check` and `build` say, word for word, through the binary.

mod support;

use support::{SETTINGS, Site};

const GOOD: &str = "---\ntitle: Good\npub_date: 2026-01-01\nsummary: Short.\n---\nText.\n";

/// A site with one post, checked: nothing but errors is said.
#[track_caller]
fn refused(post: &[u8], want: &str) {
    Site::new().file("content/posts/a.md", post).run(["check", "-q"]).stderr(want).stdout("").fails(1);
}

#[test]
fn a_month_that_does_not_exist_is_pointed_at() {
    Site::new()
        .post("spring-sale.md", "---\ntitle: Spring\nlang: en\ndate: 2026-13-02\n---\nHello\n")
        .run(["check", "-q"])
        .stderr(
            "
            error: `date` is not a date: month 13 does not exist
             --> content/posts/spring-sale.md:4:7
              |
            4 | date: 2026-13-02
              |       ^^^^^^^^^^
            hint: write YYYY-MM-DD, or with a time 2026-03-02T09:00:00Z
            ",
        )
        .fails(1);
}

#[test]
fn a_typo_in_the_settings_finds_the_key_that_was_meant() {
    let settings = "[site]\ntitle = \"Example\"\nurl = \"https://example.org/\"\ndescription = \"Notes\"\n\n\
                    [content]\ndir = \"content\"\nposts = [\"posts\"]\n\n[feeds]\nitems = 30\n\
                    fromats = [\"atom\", \"rss\", \"json\"]\n";
    Site::empty()
        .settings(settings)
        .post("a.md", GOOD)
        .run(["check", "-q"])
        .stderr(
            "
            error: unknown key `fromats` in `[feeds]`
             --> tidings.toml:12:1
               |
            12 | fromats = [\"atom\", \"rss\", \"json\"]
               | ^^^^^^^
            hint: did you mean `formats`?
            ",
        )
        .fails(1);
}

#[test]
fn an_unknown_author_is_a_warning_with_both_ends_of_the_reference() {
    let site = Site::new()
        .file("content/people/ana-sousa.md", "name: Ana Sousa\n")
        .file("content/people/li-wei.md", "name: Li Wei\n")
        .post(
            "spring-sale.md",
            "---\ntitle: Spring\nlang: en\ndate: 2026-03-02\nsummary: Sale.\nauthor: [ana-souza, li-wei]\n---\nHello\n",
        );
    let warning = "
        warning: post names an unknown author `ana-souza`
         --> content/posts/spring-sale.md:6:10
          |
        6 | author: [ana-souza, li-wei]
          |          ^^^^^^^^^
        hint: did you mean `ana-sousa`? authors are the files in `content/people`
        1 post in 3 feeds: 0 errors, 1 warning
        ";
    site.run(["check"]).stderr(warning).stdout("").succeeds();
    site.run(["check", "--strict"]).stderr(warning).stdout("").fails(1);
    site.run(["check", "-q"]).stderr("").succeeds();
    site.run(["build"])
        .stderr("1 post in 3 feeds: wrote 12 files, 0 unchanged; 1 warning, see `tidings check`")
        .succeeds();
}

#[test]
fn where_there_is_no_site_the_way_to_one_is_shown() {
    let site = Site::empty();
    site.run(["check"])
        .stderr(
            "
            error: there is no `tidings.toml` in `.`
            hint: go to the site's folder, name it with `--root DIR`, or make one with `tidings init`
            not checked further: 1 error, 0 warnings
            ",
        )
        .fails(1);
    site.run(["build", "--root", "no/where"])
        .stderr(
            "
            error: there is no `tidings.toml` in `no/where`
            hint: go to the site's folder, name it with `--root DIR`, or make one with `tidings init`
            nothing was written: 1 error
            ",
        )
        .fails(1);
    assert_eq!(site.files(""), [""; 0]);
}

#[test]
fn a_folder_of_posts_that_is_not_there_is_named() {
    let site = Site::new();
    site.run(["check"])
        .stderr(
            "
            error: there is no folder `content/posts`
             --> tidings.toml
            hint: name the folder of the posts in `[content] dir` and `posts`
            0 posts in 1 feed: 1 error, 0 warnings
            ",
        )
        .fails(1);
    site.run(["build"]).stderr_has("nothing was written: 1 error").fails(1);
    assert!(!site.has("public"));
}

#[test]
fn settings_that_are_not_toml_are_pointed_at() {
    Site::new()
        .settings("[site]\ntitle = \"x\"\n[site]\n")
        .run(["check", "-q"])
        .stderr(
            "
            error: `tidings.toml` cannot be read as TOML: duplicate key
             --> tidings.toml:3:2
              |
            3 | [site]
              |  ^^^^
            ",
        )
        .fails(1);
    Site::new()
        .file("tidings.toml", b"\xff")
        .run(["build"])
        .stderr(
            "
            error: the settings are not UTF-8
             --> tidings.toml
            nothing was written: 1 error
            ",
        )
        .fails(1);
}

#[test]
fn front_matter_that_is_none_of_ours_is_named() {
    refused(
        b"+++\ntitle = \"x\"\n+++\nText\n",
        "
        error: front matter is TOML, not YAML
         --> content/posts/a.md:1:1
          |
        1 | +++
          | ^^^
        hint: put lines such as `title: Spring` between two lines `---`
        ",
    );
    refused(
        b"{\"title\": \"x\"}\n\nText\n",
        "
        error: front matter is JSON, not YAML
         --> content/posts/a.md:1:1
          |
        1 | {\"title\": \"x\"}
          | ^^^
        hint: put lines such as `title: Spring` between two lines `---`
        ",
    );
    refused(
        b"Hello\n",
        "
        error: post has no front matter
         --> content/posts/a.md:1:1
          |
        1 | Hello
          | ^
        hint: start the file with `---`, `title: \u{2026}`, `pub_date: YYYY-MM-DD` and `---`, each on a line of its own
        ",
    );
    refused(
        b"---\ntitle: x\n",
        "
        error: front matter has no closing `---`
         --> content/posts/a.md:1:1
          |
        1 | ---
          | ^^^
        hint: put `---` on a line of its own between the last key and the text
        ",
    );
    Site::new().post("a.md", "").run(["check", "-q"]).stderr_has("error: post has no front matter\n").fails(1);
}

#[test]
fn a_fault_of_yaml_is_told_in_words_for_those_who_wrote_it() {
    refused(
        b"---\ntitle: Spring: a sale\ndate: 2026-01-01\n---\n",
        "
        error: front matter is not YAML: `: ` inside a value
         --> content/posts/a.md:2:14
          |
        2 | title: Spring: a sale
          |              ^
        hint: put the value in quotes; if a key is meant, check how far the lines are indented
        ",
    );
    refused(
        b"---\ntitle: A\ndate: 2026-01-01\ntitle: B\n---\n",
        "
        error: key `title` stands twice
         --> content/posts/a.md:4:1
          |
        4 | title: B
          | ^^^^^
        hint: it is on line 2 already; keep one of them
        ",
    );
}

#[test]
fn what_a_post_lacks_is_told_in_one_run() {
    refused(
        b"---\nlang: en\n---\nText\n",
        "
        error: post has no date
         --> content/posts/a.md:1:1
          |
        1 | ---
          | ^^^
        hint: add `pub_date: YYYY-MM-DD`, or start the file name with the date
        error: post has no title
         --> content/posts/a.md:1:1
          |
        1 | ---
          | ^^^
        hint: add `title: \u{2026}`
        ",
    );
    refused(
        b"---\ntitel: A\npubdate: 2026-01-01\n---\n",
        "
        error: post has no date
         --> content/posts/a.md:1:1
          |
        1 | ---
          | ^^^
        hint: did you mean `pub_date` by `pubdate` on line 3?
        error: post has no title
         --> content/posts/a.md:1:1
          |
        1 | ---
          | ^^^
        hint: did you mean `title` by `titel` on line 2?
        ",
    );
}

#[test]
fn bytes_that_are_no_text_are_pointed_at() {
    refused(
        b"---\ntitle: caf\xe9\ndate: 2026-01-01\n---\n",
        "
        error: the file is not UTF-8: byte 0xE9 is no part of a character
         --> content/posts/a.md:2:11
          |
        2 | title: caf\u{fffd}
          |           ^
        hint: save it as UTF-8
        ",
    );
    refused(
        b"\xff\xfe-\0-\0-\0",
        "
        error: the file is UTF-16, not UTF-8
         --> content/posts/a.md:1:1
          |
        1 | \u{fffd}\u{fffd}- - -
          | ^
        hint: save it as UTF-8
        ",
    );
}

#[test]
fn a_slug_that_leaves_the_output_folder_is_refused() {
    #[track_caller]
    fn case(slug: &str, why: &str) {
        let post = format!("---\ntitle: A\ndate: 2026-01-01\nslug: {slug}\n---\n");
        let carets = "^".repeat(slug.chars().count());
        refused(
            post.as_bytes(),
            &format!(
                "error: `slug` {why}\n --> content/posts/a.md:4:7\n  |\n4 | slug: {slug}\n  |       {carets}\n\
                 hint: write letters, digits and `-`, such as `spring-sale`, with `/` between folders"
            ),
        );
    }
    case("../../etc/passwd", "leaves the output folder by `..`");
    case("a/../../b", "leaves the output folder by `..`");
    case("x/%2e%2e", "leaves the output folder by `..`");
    case("a%2F..%2fb", "leaves the output folder by `..`");
    case(".", "leaves the output folder by `.`");
    case("a\\b", "holds a backslash");
    case("\"a\\0b\"", "holds U+0000, a control character");
    case("a//b", "has nothing between two `/`");
}

#[test]
fn an_id_that_leaves_the_folder_of_the_permalink_is_refused() {
    let settings = SETTINGS.replace("[feeds]", "permalink = \"/p/{id}/\"\n[feeds]");
    let site = Site::empty()
        .settings(&settings)
        .post("a.md", "---\ntitle: A\nid: ..\ndate: 2026-01-01\nsummary: Short.\n---\nText.\n");
    let said = "
        error: the address `/p/../` leaves its folder by `..`
         --> content/posts/a.md:3:5
          |
        3 | id: ..
          |     ^^
        hint: give the post another `id`, or use `{slug}` in `permalink`
        ";
    site.run(["build", "-q"]).stderr(said).fails(1);
    assert!(!site.has("public"));
}

#[test]
fn of_two_posts_with_one_id_or_one_address_both_are_named() {
    let post =
        |head: &str, text: &str| format!("---\n{head}\ntitle: A\npub_date: 2026-01-01\nsummary: Short.\n---\n{text}\n");
    Site::new()
        .post("a.md", &post("id: one", "First"))
        .post("b.md", &post("id: one", "Second"))
        .run(["build"])
        .stderr(
            "
            error: two posts have the id `tag:example.org,2026:one`: this one and `content/posts/b.md`
             --> content/posts/a.md:2:5
              |
            2 | id: one
              |     ^^^
            hint: give one of them another `id`; a reader shows only one of the two
            error: two posts have the id `tag:example.org,2026:one`: this one and `content/posts/a.md`
             --> content/posts/b.md:2:5
              |
            2 | id: one
              |     ^^^
            hint: give one of them another `id`; a reader shows only one of the two
            nothing was written: 2 errors
            ",
        )
        .fails(1);
    Site::new()
        .post("a.md", &post("slug: same", "First"))
        .post("b.md", &post("slug: same", "Second"))
        .run(["build"])
        .stderr(
            "
            error: two posts have the address `/blog/same/`
             --> content/posts/a.md:2:7
              |
            2 | slug: same
              |       ^^^^
            hint: the other is `content/posts/b.md`; give one of them another `slug`
            error: two posts have the address `/blog/same/`
             --> content/posts/b.md:2:7
              |
            2 | slug: same
              |       ^^^^
            hint: the other is `content/posts/a.md`; give one of them another `slug`
            nothing was written: 2 errors
            ",
        )
        .fails(1);
}

#[test]
fn a_fault_in_a_template_has_file_line_and_cause() {
    #[track_caller]
    fn case(template: &str, want: &str) {
        let site = Site::new().post("a.md", GOOD).file("templates/feeds.html", template);
        site.run(["check", "-q"]).stderr(want).fails(1);
        site.run(["build", "-q"]).stderr(want).fails(1);
        assert_eq!(site.files("public"), [""; 0]);
    }
    case(
        "<h1>{{ site.title }\n",
        "
        error: found `}` but expected `}}`
         --> templates/feeds.html:1:19
          |
        1 | <h1>{{ site.title }
          |                   ^
        ",
    );
    case(
        "<h1>\n  {{ site.titel }}\n</h1>\n",
        "
        error: field `titel` is not defined
         --> templates/feeds.html:2:11
          |
        2 |   {{ site.titel }}
          |           ^^^^^
        hint: did you mean `title`? there are `description`, `title`, `url`
        ",
    );
    case(
        "{{ nonsense }}\n",
        "
        error: variable `nonsense` is not defined
         --> templates/feeds.html:1:4
          |
        1 | {{ nonsense }}
          |    ^^^^^^^^
        hint: there are `groups`, `language`, `main`, `opml_url`, `site`, `total`, `url`, `words`
        ",
    );
    case(
        "{% extends \"no-such.html\" %}\n",
        "
        error: template `no-such.html`, which this one extends, does not exist
         --> templates/feeds.html
        ",
    );
    case(
        "{{ site.title | uppper }}\n",
        "
        error: unknown filter `uppper`
         --> templates/feeds.html:1:17
          |
        1 | {{ site.title | uppper }}
          |                 ^^^^^^
        ",
    );
}

#[test]
fn a_faulty_template_hides_nothing_of_what_else_is_wrong() {
    Site::new()
        .post("a.md", &GOOD.replace("summary: Short.", "summary: Short.\ncta_ref: gone"))
        .file("templates/feeds.html", "{{ site.title | uppper }}\n")
        .run(["check"])
        .stderr(
            "
            warning: post names an unknown call to action `gone`
             --> content/posts/a.md:5:10
              |
            5 | cta_ref: gone
              |          ^^^^
            hint: calls to action are the files in `content/cta`, named by their `id`
            error: unknown filter `uppper`
             --> templates/feeds.html:1:17
              |
            1 | {{ site.title | uppper }}
              |                 ^^^^^^
            1 post in 1 feed: 1 error, 1 warning
            ",
        )
        .fails(1);
    Site::new()
        .post("a.md", GOOD)
        .file("templates/feeds.html", "{{ nonsense }}\n")
        .run(["check"])
        .stderr_has("\n1 post: 1 error, 0 warnings\n")
        .fails(1);
}

#[test]
fn a_fault_in_a_filter_is_pointed_at_inside_the_text() {
    #[track_caller]
    fn case(filter: &str, want: &str) {
        let site = Site::new().more_settings(&format!("[feed.x]\n{filter}\n")).post("a.md", GOOD);
        site.run(["check", "-q"]).stderr(want).fails(1);
    }
    case(
        "filter = \"category=healthcare adn tag=x\"",
        "
        error: `and` or `or` is missing before `adn`
         --> tidings.toml:9:31
          |
        9 | filter = \"category=healthcare adn tag=x\"
          |                               ^^^
        hint: write `and` between conditions that must all hold, `or` where one is enough
        ",
    );
    case(
        "filter = \"colour=red\"",
        "
        error: unknown field `colour`
         --> tidings.toml:9:11
          |
        9 | filter = \"colour=red\"
          |           ^^^^^^
        hint: the fields are `category`, `topic`, `tag`, `author`, `lang`, `slug`, `id`, `published` and `updated`
        ",
    );
    case(
        "filter = \"published>=2026-13-01\"",
        "
        error: `2026-13-01` is not a date
         --> tidings.toml:9:22
          |
        9 | filter = \"published>=2026-13-01\"
          |                      ^^^^^^^^^^
        hint: write YYYY-MM-DD, or with a time 2026-03-02T09:00:00Z
        ",
    );
    case(
        "filter = \"(tag=a or tag=b\"",
        "
        error: this parenthesis is not closed
         --> tidings.toml:9:11
          |
        9 | filter = \"(tag=a or tag=b\"
          |           ^
        hint: add `)` where it ends
        ",
    );
    case(
        "filter = \"\"",
        "
        error: the filter is empty
         --> tidings.toml:9:11
          |
        9 | filter = \"\"
          |           ^
        hint: write for example `category=healthcare`, or leave the filter out for all posts
        ",
    );
    case(
        "filter = \"tag=a and\"",
        "
        error: nothing stands after `and`
         --> tidings.toml:9:17
          |
        9 | filter = \"tag=a and\"
          |                 ^^^
        hint: write a condition there, such as `category=healthcare`
        ",
    );
}

#[test]
fn a_term_in_a_filter_that_no_post_has_is_a_warning() {
    Site::new()
        .more_settings("[feed.x]\nfilter = \"tag=healthcare or tag=\\u0061bc\"\n[feed.y]\nfilter = '''\ntag=new\n'''\n[feed.z]\nfilter = 'tag=healthcaer'\n")
        .post("a.md", &GOOD.replace("summary", "tags: [healthcare]\nsummary"))
        .run(["check"])
        .stderr(
            "
            warning: no post has the tag `abc`
             --> tidings.toml:9:11
              |
            9 | filter = \"tag=healthcare or tag=\\u0061bc\"
              |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            hint: the feed `x` is written all the same
            warning: no post has the tag `new`
             --> tidings.toml:11:10
               |
            11 | filter = '''
               |          ^
            hint: the feed `y` is written all the same
            warning: no post has the tag `healthcaer`
             --> tidings.toml:15:15
               |
            15 | filter = 'tag=healthcaer'
               |               ^^^^^^^^^^
            hint: did you mean `healthcare`?
            1 post in 5 feeds: 0 errors, 3 warnings
            ",
        )
        .succeeds();
}

#[test]
fn findings_of_all_files_come_in_one_run_sorted_by_place() {
    let site = Site::new()
        .file("content/people/b.md", "id: b\n")
        .post("b.md", "---\ntitle: B\ndate: soon\n---\n")
        .post("a.md", "No front matter\n")
        .post("c/d.md", "---\ntitle: D\ndate: 2026-01-01\ndraft: perhaps\n---\n")
        .more_settings("[feed.x]\nfilter = \"tag=x\"\n");
    let all = "
        error: person has no name
         --> content/people/b.md:1:1
          |
        1 | id: b
          | ^
        hint: add `title: \u{2026}` with the name
        error: post has no front matter
         --> content/posts/a.md:1:1
          |
        1 | No front matter
          | ^
        hint: start the file with `---`, `title: \u{2026}`, `pub_date: YYYY-MM-DD` and `---`, each on a line of its own
        warning: post has no summary
         --> content/posts/b.md:2:8
          |
        2 | title: B
          |        ^
        hint: add `summary: \u{2026}`, a sentence or two for lists
        error: `date` is not a date: expected YYYY-MM-DD, found `soon`
         --> content/posts/b.md:3:7
          |
        3 | date: soon
          |       ^^^^
        hint: write YYYY-MM-DD, or with a time 2026-03-02T09:00:00Z
        warning: post has no summary
         --> content/posts/c/d.md:2:8
          |
        2 | title: D
          |        ^
        hint: add `summary: \u{2026}`, a sentence or two for lists
        error: `draft` must be true or false, found `perhaps`
         --> content/posts/c/d.md:4:8
          |
        4 | draft: perhaps
          |        ^^^^^^^
        warning: no post has the tag `x`
         --> tidings.toml:9:15
          |
        9 | filter = \"tag=x\"
          |               ^
        hint: the feed `x` is written all the same
        0 posts in 2 feeds: 4 errors, 3 warnings
        ";
    site.run(["check"]).stderr(all).fails(1);
    let errors = "
        error: person has no name
         --> content/people/b.md:1:1
          |
        1 | id: b
          | ^
        hint: add `title: \u{2026}` with the name
        error: post has no front matter
         --> content/posts/a.md:1:1
          |
        1 | No front matter
          | ^
        hint: start the file with `---`, `title: \u{2026}`, `pub_date: YYYY-MM-DD` and `---`, each on a line of its own
        error: `date` is not a date: expected YYYY-MM-DD, found `soon`
         --> content/posts/b.md:3:7
          |
        3 | date: soon
          |       ^^^^
        hint: write YYYY-MM-DD, or with a time 2026-03-02T09:00:00Z
        error: `draft` must be true or false, found `perhaps`
         --> content/posts/c/d.md:4:8
          |
        4 | draft: perhaps
          |        ^^^^^^^
        nothing was written: 4 errors
        ";
    site.run(["build"]).stderr(errors).fails(1);
    assert!(!site.has("public"));
}

#[test]
fn check_reports_as_json() {
    let site = Site::new()
        .post("a.md", "---\ntitle: A\ndate: 2026-13-02\n---\nHello\n")
        .post("b.md", "---\ntitle: B\ndate: 2026-01-02\n---\nHello\n");
    let run = site.run(["check", "--json"]);
    let want = serde_json::json!({
        "errors": 1,
        "warnings": 2,
        "findings": [
            {
                "severity": "warning", "message": "post has no summary",
                "file": "content/posts/a.md", "line": 2, "column": 8, "width": 1,
                "hint": "add `summary: \u{2026}`, a sentence or two for lists",
            },
            {
                "severity": "error", "message": "`date` is not a date: month 13 does not exist",
                "file": "content/posts/a.md", "line": 3, "column": 7, "width": 10,
                "hint": "write YYYY-MM-DD, or with a time 2026-03-02T09:00:00Z",
            },
            {
                "severity": "warning", "message": "post has no summary",
                "file": "content/posts/b.md", "line": 2, "column": 8, "width": 1,
                "hint": "add `summary: \u{2026}`, a sentence or two for lists",
            },
        ],
    });
    assert_eq!(run.json(), want);
    run.fails(1);
    let clean = Site::new().post("a.md", GOOD).run(["--json", "check"]);
    assert_eq!(clean.json(), serde_json::json!({ "errors": 0, "warnings": 0, "findings": [] }));
    clean.stderr("").succeeds();
    let none = Site::empty().run(["--json", "check"]);
    assert_eq!(none.json()["findings"][0]["file"], serde_json::Value::Null);
    none.fails(1);
}

#[test]
fn what_is_wrong_with_the_command_line_ends_with_status_2() {
    let site = Site::new().post("a.md", GOOD);
    site.run(["no-such-command"]).stderr_has("unrecognized subcommand 'no-such-command'").stdout("").fails(2);
    site.run(["check", "--strickt"]).stderr_has("a similar argument exists: '--strict'").fails(2);
    site.run(["build", "--watch", "--json"]).stderr_has("cannot be used with").fails(2);
    site.run([""; 0]).stderr_has("Usage: tidings").fails(2);
    let time = "
        error: `--now yesterday` is not a time
        hint: write it like 2026-11-23T09:00:00Z
        ";
    site.run(["check", "--now", "yesterday"]).stderr(time).fails(2);
    let epoch = "
        error: SOURCE_DATE_EPOCH is not a number of seconds: `soon`
        hint: set it to the seconds since 1970, or unset it
        ";
    site.run_with(["check"], |command| command.env("SOURCE_DATE_EPOCH", "soon")).stderr(epoch).fails(2);
    assert!(!site.has("public"));
}

#[test]
fn a_clean_site_is_checked_in_silence() {
    let site = Site::new().post("a.md", GOOD);
    site.run(["check", "--strict"]).stderr("").stdout("").succeeds();
    assert_eq!(site.files(""), ["content/posts/a.md", "tidings.toml"]);
}

#[test]
fn a_file_that_cannot_be_read_is_a_finding() {
    use std::os::unix::fs::symlink;
    let site = Site::new().post("good.md", GOOD);
    symlink("nowhere.md", site.path("content/posts/broken.md")).unwrap();
    symlink("self.md", site.path("content/posts/self.md")).unwrap();
    symlink("../posts", site.path("content/posts/loop")).unwrap();
    site.write("content/posts/folder.md/inside.md", GOOD);
    let pipe = std::process::Command::new("mkfifo").arg(site.path("content/posts/pipe.md")).status();
    assert!(pipe.is_ok_and(|made| made.success()));
    let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"caf\xe9.md");
    std::fs::write(site.path("content/posts").join(name), GOOD).unwrap();
    // Emacs locks the file that it edits by such a link: that is nobody's post.
    symlink("ana@host.1234:567", site.path("content/posts/.#good.md")).unwrap();
    site.run(["check"])
        .stderr(
            "
            error: cannot read this file: no such file or folder
             --> content/posts/broken.md
            error: file name is not UTF-8
             --> content/posts/caf\u{fffd}.md
            hint: rename it
            warning: this is a folder, although it is named like a file
             --> content/posts/folder.md
            error: link leads back to a folder that it lies in
             --> content/posts/loop
            error: this is not a file that can be read
             --> content/posts/pipe.md
            error: cannot read this file: too many levels of symbolic links
             --> content/posts/self.md
            2 posts in 1 feed: 5 errors, 1 warning
            ",
        )
        .fails(1);
    std::fs::remove_file(site.path("content/posts").join(name)).unwrap();
    for broken in ["broken.md", "self.md", "loop", "pipe.md"] {
        site.remove(&format!("content/posts/{broken}"));
    }
    site.run(["build", "-q"]).stderr("").succeeds();
}

#[test]
fn a_file_that_may_not_be_read_is_a_finding() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::new().post("a.md", GOOD).post("b.md", GOOD);
    std::fs::set_permissions(site.path("content/posts/b.md"), std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(site.path("content/posts/b.md")).is_ok() {
        // The superuser reads everything.
        return;
    }
    site.run(["build"])
        .stderr(
            "
            error: cannot read this file: permission denied
             --> content/posts/b.md
            nothing was written: 1 error
            ",
        )
        .fails(1);
}

#[test]
fn a_name_that_would_play_with_the_terminal_is_spelt_out() {
    Site::new()
        .post("a\u{1b}[31m\n.md", "---\ntitle: A\nslug: a\ndate: \"\\e[2J\"\n---\n")
        .run(["check", "-q"])
        .stderr(
            "
            error: `date` is not a date: expected YYYY-MM-DD, found `\\u{1b}[2J`
             --> content/posts/a\\u{1b}[31m\\n.md:4:7
              |
            4 | date: \"\\e[2J\"
              |       ^^^^^^^
            hint: write YYYY-MM-DD, or with a time 2026-03-02T09:00:00Z
            ",
        )
        .fails(1);
}

#[test]
fn posts_that_are_left_out_are_named_wherever_the_posts_lie() {
    #[track_caller]
    fn case(content: &str, good: &str, bad: &str) {
        let site = Site::new().more_settings(content).file(good, GOOD).file(bad, "x");
        site.run(["build", "--keep-going"])
            .stderr(&format!(
                "error: post has no front matter\n --> {bad}:1:1\n  |\n1 | x\n  | ^\nhint: start the file with `---`, \
                 `title: \u{2026}`, `pub_date: YYYY-MM-DD` and `---`, each on a line of its own\nleft out {bad}\n\
                 1 post in 1 feed: wrote 6 files, 0 unchanged\n"
            ))
            .fails(1);
        assert!(site.read("public/atom.xml").contains("<title>Good</title>"));
    }
    case("", "content/posts/a.md", "content/posts/b.md");
    case("[content]\ndir = \".\"\nposts = [\"blog\"]", "blog/a.md", "blog/b.md");
    case("[content]\nposts = [\".\"]", "content/a.md", "content/b/c.md");
    case("[content]\ndir = \"src/site\"\nposts = [\"blog/en\"]", "src/site/blog/en/a.md", "src/site/blog/en/b.md");
}

#[test]
fn files_and_pictures_without_a_usable_address_are_told() {
    Site::new()
        .post(
            "a.md",
            &GOOD.replace("summary", "enclosure: 'javascript:alert(1)'\nimage: 'data:image/png;base64,AA'\nsummary"),
        )
        .run(["check"])
        .stderr(
            "
            warning: the enclosure has no address that a reader can follow: `javascript:alert(1)`
             --> content/posts/a.md:4:12
              |
            4 | enclosure: 'javascript:alert(1)'
              |            ^^^^^^^^^^^^^^^^^^^^^
            hint: write a path or an address that starts with `https://`; it is left out
            warning: the picture has no address that a reader can follow: `data:image/png;base64,AA`
             --> content/posts/a.md:5:8
              |
            5 | image: 'data:image/png;base64,AA'
              |        ^^^^^^^^^^^^^^^^^^^^^^^^^^
            hint: write a path or an address that starts with `https://`; it is left out
            1 post in 1 feed: 0 errors, 2 warnings
            ",
        )
        .succeeds();
}
