//! The harness of the other tests is worth as much as its failures: here it has to fail.

mod support;

use support::{Site, dedent};

#[test]
fn indentation_that_all_lines_share_is_no_part_of_what_is_expected() {
    #[track_caller]
    fn case(text: &str, want: &str) {
        assert_eq!(dedent(text), want);
    }
    case("", "");
    case("\n    ", "");
    case("one", "one\n");
    case("\n    one\n      two\n    ", "one\n  two\n");
    case("\n    one\n\n    two\n", "one\n\ntwo\n");
    case("\n      |\n    2 | x\n", "  |\n2 | x\n");
}

#[test]
#[should_panic(expected = "the status of")]
fn a_run_that_failed_does_not_pass_for_one_that_succeeded() {
    Site::new().run(["no-such-command"]).succeeds();
}

#[test]
#[should_panic(expected = "the status of")]
fn a_run_that_succeeded_does_not_pass_for_one_that_failed() {
    Site::new().run(["--version"]).fails(1);
}

#[test]
#[should_panic(expected = "standard output of")]
fn other_output_than_expected_is_seen() {
    Site::new().run(["--version"]).stdout("tidings 0.0.0");
}

#[test]
fn what_was_written_to_a_site_can_be_read_and_is_listed() {
    let site = Site::new().post("a.md", "text").file("content/people/ana.md", [0xff]);
    assert_eq!(site.read("content/posts/a.md"), "text");
    assert_eq!(site.bytes("content/people/ana.md"), [0xff]);
    assert_eq!(site.files(""), ["content/people/ana.md", "content/posts/a.md", "tidings.toml"]);
    site.rename("content/posts/a.md", "content/posts/b.md");
    site.remove("content/people");
    assert_eq!(site.files("content"), ["posts/b.md"]);
}
