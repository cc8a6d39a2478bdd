//! Subscribers through the binary: lists of other tools, who may come back and who may not, and what is left of somebody.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use support::{Run, Site};

const DIGEST: &str = "
from = \"Example <news@example.org>\"
postal_address = \"1 Street\"
schedule = \"Mon 09:00\"
";

fn site() -> Site {
    Site::new().more_settings(&format!("[digest.weekly]{DIGEST}"))
}

fn two_digests() -> Site {
    site().more_settings(&format!("[digest.daily]{DIGEST}"))
}

fn import(site: &Site, text: impl AsRef<[u8]>, more: &[&str]) -> Run {
    site.write("list.csv", text);
    site.run(["subscribers", "import", "list.csv", "--consent-source", "a form"].iter().chain(more))
}

fn subscribers(site: &Site, args: &[&str]) -> Run {
    site.run(["subscribers"].iter().chain(args))
}

fn add(site: &Site, address: &str, more: &[&str]) -> Run {
    site.run(["subscribers", "add", address, "--consent-source", "a form"].iter().chain(more))
}

#[test]
fn a_list_is_imported_and_each_bad_row_is_told_by_line() {
    let site = site();
    let list = "Email Address,First Name,Last Name,Phone\r\n\
        ana@example.org,Ana,Souza,1\r\n\
        LI@example.org,Li,Wei,2\r\n\
        no address,No,One,3\r\n\
        ,,Nobody,4\r\n\
        \"broken@example.org,Bro,Ken,5\r\n\
        gr\u{fc}\u{df}e@example.org,G,R,6\r\n\
        \"zo\u{eb}@b\u{fc}cher.example\",\"Zo\u{eb}, \"\"Z\"\"\",,7\r\n\
        zoe@b\u{fc}cher.example,\"Zo\u{eb}, \"\"Z\"\"\",,7\r\n\
        ana@example.org,Ana,Again,8\r\n";
    import(&site, list, &[])
        .stderr(
            "
            columns: Email Address as email, First Name as first_name, Last Name as last_name; not used: Phone
            error: line 4: the address is not one: nothing stands on both sides of an `@`
            error: line 5: there is no address
            error: line 6: a quote opens a cell, and none closes it before the next separator or line end
            error: line 7: the address needs SMTPUTF8, which many servers do not know: what stands before the `@` is not plain ASCII
            error: line 8: the address needs SMTPUTF8, which many servers do not know: what stands before the `@` is not plain ASCII
            line 10: the same address as in line 2
            imported 4: 3 new, 1 known; 5 rows are wrong
            ",
        )
        .stdout("")
        .fails(1);
    subscribers(&site, &["list"])
        .stdout(
            "
            ana@example.org                   Ana Souza  weekly
            LI@example.org                    Li Wei  weekly
            zoe@xn--bcher-kva.example         Zo\u{eb}, \"Z\"  weekly
            ",
        )
        .stderr("3 subscribers")
        .succeeds();
    // The same again changes nothing.
    import(&site, "email\nana@example.org\nli@example.org\n", &[])
        .stderr("columns: email\nimported 2: 0 new, 2 known")
        .succeeds();
}

#[test]
fn what_an_import_did_can_be_read_by_a_program() {
    let site = site();
    let run = import(&site, "email;note\na@example.org;x\nb@;y\na@example.org;z\n", &["--json"]).fails(1);
    let want = serde_json::json!({
        "file": "list.csv", "dry_run": false, "columns": { "email": "email" }, "unused": ["note"],
        "imported": 2, "new": 1, "joined": 0, "known": 1, "ended": 0, "suppressed": 0, "left": [], "refused": [],
        "doubles": [{ "line": 4, "first": 2 }],
        "wrong": [{ "line": 3, "reason": "the address is not one: nothing stands on both sides of an `@`" }],
        "error": null,
    });
    assert_eq!(run.json(), want);
}

#[test]
fn a_dry_run_keeps_nothing() {
    let site = site();
    let list = "email\nana@example.org\nli@example.org\nANA@example.org\n";
    for _ in 0..2 {
        import(&site, list, &["--dry-run"]).stderr(
            "
            columns: email
            line 4: the same address as in line 2
            would import 3: 2 new, 1 known
            ",
        );
        assert_eq!(site.files(".tidings"), [""; 0]);
    }
    import(&site, list, &[]).succeeds();
    import(&site, list, &["--dry-run"]).stderr_has("would import 3: 0 new, 3 known").succeeds();
}

#[test]
fn an_import_says_how_it_knows_that_people_agree() {
    let site = site().file("list.csv", "email\nana@example.org\n");
    let run = |more: &[&str]| site.run(["subscribers", "import", "list.csv"].iter().chain(more));
    run(&[])
        .stderr(
            "
            error: `--consent-source` is missing: how do you know that they agree?
            hint: add it, such as `--consent-source \"sign-up form of example.org\"`; it is kept as the proof
            ",
        )
        .fails(1);
    run(&["--consent-source", "a mail from ana@example.org"])
        .stderr(
            "
            error: `--consent-source` names an address, and it stays when somebody is erased
            hint: say it without one
            ",
        )
        .fails(1);
    assert!(!site.has(".tidings"));
}

#[test]
fn a_file_that_cannot_be_imported_says_why() {
    #[track_caller]
    fn case(text: impl AsRef<[u8]>, more: &[&str], want: &str) {
        import(&site(), text, more).stderr(want).fails(1);
    }
    case("", &[], "error: list.csv: there is nothing in the file");
    case(
        "ana@example.org\nli@example.org\n",
        &[],
        "
        error: list.csv: the first line holds an address, not the names of columns
        hint: write a line above it, such as `email,name`
        ",
    );
    case(
        "kontakt,name\n",
        &[],
        "
        error: list.csv: no column is known as the one with the addresses: there are `kontakt`, `name`
        hint: name it: `--map COLUMN=email`
        ",
    );
    case("a\n", &["--map", "a=emial"], "error: there is no field `emial`\nhint: did you mean `email`?");
    case(
        "a\n",
        &["--map", "b=email"],
        "
        error: list.csv: there is no column `b`: there are `a`
        hint: write `--map COLUMN=FIELD` with a column of the first line
        ",
    );
    case("a\n", &["--digest", "wekly"], "error: there is no digest `wekly`\nhint: did you mean `weekly`?");
    case(
        "a\n",
        &["--encoding", "klingon"],
        "
        error: there is no encoding `klingon`
        hint: name it as browsers do: `windows-1252`, `iso-8859-2`, `utf-16le`, `shift_jis`
        ",
    );
    let none = Site::new();
    import(&none, "email\n", &[])
        .stderr("error: there is no digest to subscribe to\nhint: write `[digest.weekly]` into tidings.toml")
        .fails(1);
    import(&two_digests(), "email\n", &[])
        .stderr("error: there are several digests\nhint: add `--digest NAME`: `daily`, `weekly`")
        .fails(1);
    let args = ["subscribers", "import", "none.csv", "--consent-source", "a form"];
    site().run(args).stderr("error: `none.csv` cannot be read: no such file or folder").fails(1);
}

#[test]
fn another_encoding_is_told_and_can_be_declared() {
    let site = site();
    let list = b"email;name\nana@example.org;Zo\xeb\nli@example.org;Li\n";
    import(&site, list, &[])
        .stderr(
            "
            columns: email, name
            error: line 2: it is not UTF-8
            hint: say what the file is, such as `--encoding windows-1252`, or save it as UTF-8
            imported 1: 1 new, 0 known; 1 row is wrong
            ",
        )
        .fails(1);
    import(&site, list, &["--encoding", "latin1"])
        .stderr("columns: email, name\nimported 2: 1 new, 1 known")
        .succeeds();
    assert!(subscribers(&site, &["list"]).out().contains("Zo\u{eb}"));
}

#[test]
fn hostile_rows_cost_themselves_alone() {
    let site = site();
    let long = "x".repeat(1_000_000);
    let list = format!(
        "email,name\nnul@example.org,a\0b\n{long}@example.org,Long\nlong@example.org,{long}\n\
         calc@example.org,=cmd|' /C calc'!A0\n+49@example.org,+49\nrtl@example.org,\u{202e}evil\n\
         \"two\nlines@example.org\",x\nok@example.org,\"a\nb\"\nlast@example.org,\"open\n"
    );
    import(&site, list, &[])
        .stderr(
            "
            columns: email, name
            error: line 2: the name has control characters
            error: line 3: it is longer than 64 KiB
            error: line 4: it is longer than 64 KiB
            error: line 8: the address is not one: what stands before the `@` is too long, or has signs that may not stand there
            error: line 12: a quote opens a cell, and none closes it before the next separator or line end
            imported 4: 4 new, 0 known; 5 rows are wrong
            ",
        )
        .fails(1);
    // No spreadsheet runs what an export holds.
    let export = subscribers(&site, &["export"]).succeeds().out();
    let cells: Vec<&str> = export.lines().flat_map(|line| line.split(',').take(2)).collect();
    assert!(cells.contains(&"'=cmd|' /C calc'!A0") && cells.contains(&"'+49@example.org"), "{cells:?}");
    assert!(cells.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{cells:?}");
}

#[test]
fn an_export_is_read_back_as_it_was() {
    let first = two_digests().post("a.md", "---\ntitle: A\ndate: 2026-11-01\ncategory: Care\ntopic: AWS\n---\nx\n");
    let list = "email,name,digests,pending,ended,categories,topics\n\
        Ana@example.org,\"Zo\u{eb}, \"\"Z\"\"\",weekly;daily,,,care,aws\n\
        calc@example.org,=1+1,weekly,,daily,,\n+49@example.org,''=1,daily,weekly,,,aws\n";
    import(&first, list, &[]).stderr_has("imported 3: 3 new, 0 known").succeeds();
    let export = subscribers(&first, &["export"]).stderr("3 subscribers").succeeds().out();
    let second = two_digests().post("a.md", &first.read("content/posts/a.md"));
    import(&second, &export, &[]).stderr_has("imported 3: 3 new, 0 known").succeeds();
    assert_eq!(subscribers(&second, &["export"]).out(), export);
    let want = "email,name,digests,pending,ended,categories,topics,suppressed,subscribed_at\n\
        Ana@example.org,\"Zo\u{eb}, \"\"Z\"\"\",daily;weekly,,,care,aws,,2026-11-23T12:00:00Z\n\
        calc@example.org,'=1+1,weekly,,daily,,,,2026-11-23T12:00:00Z\n\
        '+49@example.org,''=1,daily,weekly,,,aws,,2026-11-23T12:00:00Z\n";
    assert_eq!(export, want);
}

#[test]
fn an_export_holds_those_that_get_mail_unless_others_are_asked_for() {
    let site = site();
    import(&site, "email,status\na@example.org,active\nb@example.org,pending\nc@example.org,unsubscribed\n", &[])
        .stderr("columns: email, status\nimported 2: 2 new, 0 known; 1 noted as having left")
        .succeeds();
    add(&site, "d@example.org", &[]).succeeds();
    site.write("out.txt", "d@example.org\n");
    subscribers(&site, &["suppress", "out.txt", "--reason", "bounced"]).succeeds();
    let who = |args: &[&str]| -> String {
        let out = site.run(["subscribers", "export"].iter().chain(args)).succeeds().out();
        out.lines().skip(1).map(|line| line[..1].to_owned()).collect()
    };
    assert_eq!(who(&[]), "a");
    assert_eq!(who(&["--state", "pending"]), "b");
    assert_eq!(who(&["--state", "ended"]), "c");
    assert_eq!(who(&["--suppressed"]), "d");
    assert_eq!(who(&["--all"]), "abcd");
    let all = subscribers(&site, &["export", "--all", "--json"]).json();
    assert_eq!((all["count"].as_u64(), all["subscribers"][3]["suppressed"].as_str()), (Some(4), Some("bounced")));
    assert_eq!(
        subscribers(&site, &["list", "--state", "ended", "--json"]).json()["subscribers"][0]["address"],
        "c@example.org"
    );
    assert_eq!(subscribers(&Site::new(), &["list", "--json"]).json()["count"], 0);
}

#[test]
fn who_left_or_may_get_no_mail_is_not_brought_back_by_any_list() {
    let site = site();
    import(&site, "email\na@example.org\nb@example.org\nc@example.org\nd@example.org\n", &[]).succeeds();
    subscribers(&site, &["remove", "B@example.org"])
        .stderr("`B***@e***.org` does not get `weekly` any more")
        .succeeds();
    subscribers(&site, &["remove", "b@example.org"]).stderr("`b***@e***.org` was not subscribed").succeeds();
    subscribers(&site, &["remove", "x@example.org"]).stderr("error: nobody has the address `x***@e***.org`").fails(1);
    site.write("theirs.csv", "Email,Status,Reason\nC@example.org,spam complaint,x\nx@example.org,unsubscribed,y\nd@example.org,subscribed,z\n");
    subscribers(&site, &["suppress", "theirs.csv"])
        .stderr(
            "
            error: line 4: the file says that they are subscribed, so they are not suppressed
            suppressed 2: 1 subscriber, 1 other; 0 were suppressed before; 1 row is wrong
            ",
        )
        .fails(1);
    import(
        &site,
        "email,status\nb@example.org,active\nc@example.org,active\nd@example.org,active\nx@example.org,active\n",
        &[],
    )
    .stderr(
        "
            columns: email, status
            line 2: left earlier, and stay out
            lines 3, 5: may get no mail, and stay out
            imported 1: 0 new, 1 known; 1 left earlier; 2 may get no mail
            ",
    )
    .succeeds();
    add(&site, "c@example.org", &[])
        .stderr(
            "
            error: `c***@e***.org` may get no mail: complained
            hint: if they asked for it themselves, add `--lift`
            ",
        )
        .fails(1);
    add(&site, "b@example.org", &[])
        .stderr("error: `b***@e***.org` has left `weekly`\nhint: if they asked for it themselves, add `--lift`")
        .fails(1);
    add(&site, "b@example.org", &["--lift"]).stderr("added `b***@e***.org`, who was known, to `weekly`").succeeds();
    add(&site, "x@example.org", &["--lift"]).stderr("added `x***@e***.org` to `weekly`").succeeds();
}

#[test]
fn a_plain_list_of_addresses_is_suppressed() {
    let site = site();
    let mut command = site.command();
    command.args(["subscribers", "suppress", "--reason", "asked"]);
    command.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"a@example.org\nb@example.org\nA@example.org\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "suppressed 2: 0 subscribers, 2 others; 1 was suppressed before\n"
    );
    subscribers(&site, &["show", "a@example.org"])
        .stderr("error: nobody has the address `a***@e***.org`\nhint: a hash of it is kept: no mail (asked) since 2026-11-23")
        .fails(1);
    // No address is in the store, and the key is for its owner alone.
    assert!(!holds(&site, "a@example"));
    assert_eq!(fs::metadata(site.path(".tidings/key")).unwrap().permissions().mode() & 0o777, 0o600);
    subscribers(&site, &["suppress", "a@example.org"])
        .stderr(
            "
            error: the file cannot be read: no such file or folder
            hint: name a file, or hand one address over: `echo ADDRESS | tidings subscribers suppress`
            ",
        )
        .fails(1);
}

#[test]
fn one_person_is_added_shown_and_changed() {
    let site = two_digests().post("a.md", "---\ntitle: A\ndate: 2026-11-01\ncategory: Care\ntopic: AWS\n---\nx\n");
    add(&site, "Ana+x@B\u{fc}cher.example", &["--digest", "weekly", "--name", "Ana Souza", "--category", "CARE"])
        .stderr("added `A***@x***.example` to `weekly`")
        .stdout("")
        .succeeds();
    add(&site, "ana+x@b\u{fc}cher.example", &["--digest", "weekly", "--topic", "aws"])
        .stderr("changed `a***@x***.example`, who gets `weekly` already")
        .succeeds();
    add(&site, "ana+x@b\u{fc}cher.example", &["--digest", "weekly"])
        .stderr("`a***@x***.example` gets `weekly` already")
        .succeeds();
    subscribers(&site, &["show", "ana+x@xn--bcher-kva.example"])
        .stdout(
            "
            address    Ana+x@xn--bcher-kva.example
            name       Ana Souza
            reads      topic=aws
            digest     weekly, active since 2026-11-23
            known      since 2026-11-23
            consent    2026-11-23 12:00  subscribed weekly: a form
            consent    2026-11-23 12:00  changed all: a form
            ",
        )
        .stderr("")
        .succeeds();
    let shown = subscribers(&site, &["show", "ana+x@xn--bcher-kva.example", "--json"]).json();
    assert_eq!((&shown["topics"][0], &shown["consent"][1]["event"]), (&"aws".into(), &"changed".into()));
    add(&site, "li@example.org", &["--digest", "weekly", "--category", "car"])
        .stderr("error: there is no category `car`\nhint: did you mean `care`?")
        .fails(1);
    add(&site, "li@example.org", &[])
        .stderr("error: there are several digests\nhint: add `--digest NAME`: `daily`, `weekly`")
        .fails(1);
    add(&site, "gr\u{fc}\u{df}e@example.org", &["--digest", "weekly"])
        .stderr(
            "
            error: the address needs SMTPUTF8, which many servers do not know: what stands before the `@` is not plain ASCII
            hint: write it like `name@example.org`
            ",
        )
        .fails(1);
    subscribers(&site, &["show", "li@example.org"]).stderr("error: nobody has the address `l***@e***.org`").fails(1);
}

/// Whether a text stands in one of the store's files, in small letters or capitals.
fn holds(site: &Site, text: &str) -> bool {
    let files = site.files(".tidings");
    let has = |file: &String| {
        let bytes = site.bytes(&format!(".tidings/{file}")).to_ascii_lowercase();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    files.iter().any(has)
}

#[test]
fn of_who_is_erased_no_byte_is_left_and_no_list_brings_them_back() {
    let site = site();
    let many: String = (0..500).map(|n| format!("r{n}@example.org\n")).collect();
    import(&site, format!("email,name\nAna.Souza@example.org,Ana Souza\n{many}"), &[]).succeeds();
    site.remove("list.csv");
    assert!(holds(&site, "ana.souza@"));
    subscribers(&site, &["erase", "ana.souza@EXAMPLE.org"])
        .stderr("erased `a***@e***.org`; copies of the store and exported files are yours to clear")
        .succeeds();
    assert!(!holds(&site, "ana.souza") && !holds(&site, "ana souza") && holds(&site, "r7@example.org"));
    import(&site, "email\nana.souza@example.org\n", &[]).stderr_has("line 2: may get no mail, and stay out").succeeds();
    assert!(!holds(&site, "ana.souza"));
    subscribers(&site, &["erase", "eve@example.org"])
        .stderr(
            "
            error: nobody has the address `e***@e***.org`
            hint: to keep them from being added, write the address into a file and run `tidings subscribers suppress FILE`
            ",
        )
        .fails(1);
}

#[test]
fn no_line_on_standard_error_holds_an_address() {
    let site = site();
    let list = "email,name,digests\nana@mail.test,Ana,weekly\nli@mail.test,Li,li@mail.test\n\
                eve@mail..test,x,weekly\nana@mail.test,Ana,weekly\n";
    let runs = [
        import(&site, list, &["-v"]),
        add(&site, "ana@mail.test", &["-v"]),
        subscribers(&site, &["remove", "ana@mail.test", "-v"]),
        add(&site, "ana@mail.test", &["-v"]),
        subscribers(&site, &["erase", "ana@mail.test", "-v"]),
        add(&site, "ana@mail.test", &["-v"]),
        add(&site, "eve@mail..test", &["-v"]),
    ];
    for run in runs {
        let told = run.err();
        assert!(!told.contains("mail.test") && !told.contains("mail..test") && !told.is_empty(), "{told}");
    }
}

#[test]
fn a_store_that_cannot_be_used_says_so_and_loses_nothing() {
    let site = site();
    import(&site, "email\nana@example.org\n", &[]).succeeds();
    let store = site.bytes(".tidings/tidings.db");
    let mut bad = store.clone();
    bad[4096..].fill(0xa5);
    site.write(".tidings/tidings.db", bad);
    add(&site, "li@example.org", &[])
        .stderr(
            "
            error: the store `.tidings/tidings.db` is damaged
            hint: put a backup in its place, with the files `-wal` and `-shm` beside it removed
            ",
        )
        .fails(1);
    site.write(".tidings/tidings.db", &store);
    // Root may write everywhere; whoever else runs this is kept out.
    let folder = site.path(".tidings");
    fs::set_permissions(site.path(".tidings/tidings.db"), fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let run = add(&site, "li@example.org", &[]);
    let is_root = fs::metadata("/proc/self").map(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0).unwrap_or(false);
    if !is_root {
        run.stderr_has("error: the store `.tidings/tidings.db` cannot be").fails(1);
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs something while another program has the store open, in the middle of a change where there is a statement for it.
fn while_in_use(site: &Site, statement: &'static str, run: impl FnOnce()) {
    use sqlx::{ConnectOptions as _, Connection as _};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(site.path(".tidings/tidings.db"));
    let other = async {
        let mut connection = options.connect().await.unwrap();
        for sql in ["SELECT count(*) FROM subscriber", statement] {
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
        run();
        connection.close().await.unwrap();
    };
    tidings::store::block_on(other).unwrap();
}

#[test]
fn a_store_that_another_program_writes_to_is_waited_for_and_then_told() {
    let site = site();
    import(&site, "email\nana@example.org\n", &[]).succeeds();
    while_in_use(&site, "BEGIN IMMEDIATE", || {
        import(&site, "email\nli@example.org\n", &[])
            .stderr(
                "
                columns: email
                imported 0: 0 new, 0 known
                error: the store `.tidings/tidings.db` is in use by another program
                hint: run the command again when the other one is done
                ",
            )
            .fails(1);
        // Who only reads is not in its way, and a copy can be made.
        assert_eq!(subscribers(&site, &["list", "--json"]).json()["count"], 1);
        site.run(["store", "backup", "copy.db"]).succeeds();
    });
    import(&site, "email\nli@example.org\n", &[]).succeeds();
}

#[test]
fn a_store_that_is_in_use_is_not_replaced() {
    let site = site();
    import(&site, "email\nana@example.org\n", &[]).succeeds();
    site.run(["store", "backup", "copy.db"]).succeeds();
    while_in_use(&site, "SELECT 1", || {
        site.run(["store", "restore", "copy.db", "--force"])
            .stderr(
                "
                error: the store `.tidings/tidings.db` is in use by another program
                hint: run the command again when the other one is done
                ",
            )
            .fails(1);
    });
    assert!(!site.has(".tidings/tidings.db.before-restore") && !leftovers(&site.path(".tidings")));
    site.run(["store", "restore", "copy.db", "--force"]).succeeds();
}

#[test]
fn a_store_is_copied_and_put_back() {
    let site = site();
    site.run(["store", "backup", "copy.db"])
        .stderr("error: there is no store `.tidings/tidings.db` yet, so there is nothing to copy")
        .fails(1);
    import(&site, "email\nana@example.org\n", &[]).succeeds();
    site.run(["store", "backup", "copy.db"])
        .stderr("copied the store to `copy.db`; the key is not in it: keep a copy of `.tidings/key` elsewhere")
        .succeeds();
    assert_eq!(fs::metadata(site.path("copy.db")).unwrap().permissions().mode() & 0o777, 0o600);
    site.run(["store", "backup", "copy.db"])
        .stderr("error: there is a file `copy.db` already\nhint: name another one, or add `--force`")
        .fails(1);
    add(&site, "li@example.org", &[]).succeeds();
    site.run(["store", "restore", "copy.db"])
        .stderr(
            "
            error: there is a store `.tidings/tidings.db` already
            hint: add `--force` to put the copy in its place; the store is then kept as `.tidings/tidings.db.before-restore`
            ",
        )
        .fails(1);
    site.run(["store", "restore", "copy.db", "--force"])
        .stderr(
            "
            put `copy.db` in the place of the store `.tidings/tidings.db`; the store that was there is `tidings.db.before-restore` beside it
            what was sent after the copy was made is not known to it: `send` refuses until you say `tidings store accept`
            ",
        )
        .succeeds();
    assert_eq!(subscribers(&site, &["list", "--json"]).json()["count"], 1);
    let mut files = site.files(".tidings");
    files.retain(|file| !file.ends_with("-wal") && !file.ends_with("-shm"));
    assert_eq!(files, [".gitignore", "key", "tidings.db", "tidings.db.before-restore"]);
    site.run(["store", "accept"]).stderr("this store is the one to send from").succeeds();
    site.run(["store", "accept"]).stderr("this store was the one to send from already").succeeds();
    // The old one is whole, and can be put back in its turn.
    site.run(["store", "restore", ".tidings/tidings.db.before-restore", "--force"]).succeeds();
    assert_eq!(subscribers(&site, &["list", "--json"]).json()["count"], 2);
    assert!(site.has(".tidings/tidings.db.before-restore-2"));
}

#[test]
fn only_a_sound_store_is_put_in_place() {
    let site = site();
    import(&site, "email\nana@example.org\n", &[]).succeeds();
    site.run(["store", "backup", "copy.db"]).succeeds();
    let restore = |file: &str| site.run(["store", "restore", file, "--force"]);
    restore("none.db").stderr("error: there is no file `none.db`").fails(1);
    site.write("text.db", "no database, ".repeat(400));
    restore("text.db").stderr_has("error: the store `text.db` is damaged").fails(1);
    site.write("empty.db", "");
    restore("empty.db")
        .stderr("error: `empty.db` is not a sound copy of a store\nhint: take another copy; the store is as it was")
        .fails(1);
    let mut bad = site.bytes("copy.db");
    let middle = bad.len() / 4096 / 2 * 4096;
    bad[middle..middle + 8192].fill(0xa5);
    site.write("bad.db", bad);
    let told = restore("bad.db").fails(1).err();
    assert!(told.contains("is not a sound copy") || told.contains("is damaged"), "{told}");
    let mut foreign = site.bytes("copy.db");
    foreign[68..72].fill(7);
    site.write("foreign.db", foreign);
    restore("foreign.db").stderr_has("error: the store `foreign.db` is the database of another program").fails(1);
    assert_eq!(subscribers(&site, &["list", "--json"]).json()["count"], 1);
    // One that is damaged itself can be replaced.
    site.write(".tidings/tidings.db", "no database, ".repeat(400));
    restore("copy.db").succeeds();
    assert_eq!(subscribers(&site, &["list", "--json"]).json()["count"], 1);
    assert!(!leftovers(&site.path(".tidings")) && !leftovers(&site.path("")));
}

fn leftovers(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| entry.unwrap().file_name().to_string_lossy().contains(".tidings-new"))
}

#[test]
fn without_its_key_a_store_brings_nobody_back() {
    let site = site();
    site.run(["subscribers", "add", "ana@example.org", "--consent-source", "a form"]).succeeds();
    site.run(["subscribers", "erase", "ana@example.org", "--source", "she asked"]).succeeds();
    let key = site.read(".tidings/key");
    site.remove(".tidings/key");
    let add = ["subscribers", "add", "ana@example.org", "--consent-source", "a form"];
    site.run(add).stderr_has("error: the key file `.tidings/key` cannot be read").fails(1);
    site.run(["subscribers", "suppress", "people.txt"]).fails(1);
    let site = site.file("people.txt", "ben@example.org\n");
    site.run(["subscribers", "suppress", "people.txt"]).stderr_has("cannot be read").fails(1);
    assert!(!site.has(".tidings/key"), "a new key would know nobody");
    let other = site.file(".tidings/key", "bmV3IGtleSBuZXcga2V5IG5ldyBrZXkgbmV3IGtleSE=\n");
    other.run(add).stderr_has("is not there, which `.tidings/tidings.db` was begun with").fails(1);
    let back = other.file(".tidings/key", key);
    back.run(add).fails(1);
    assert!(back.run(["subscribers", "list"]).succeeds().out().is_empty());
}
