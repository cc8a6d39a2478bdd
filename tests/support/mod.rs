//! A site in a folder of its own, and the program run on it, for tests that go through the binary.
//!
//! ```text
//! Site::new()
//!     .post("spring.md", "---\ntitle: Spring\ndate: 2026-13-02\n---\nHello\n")
//!     .run(["check"])
//!     .stderr("
//!         error: `date` is not a date: month 13 does not exist
//!         …
//!     ")
//!     .fails(1);
//! ```
//!
//! The program runs inside the folder of the site, so that it names files relative to it. The time is fixed at [`NOW`],
//! the time zone at UTC, and colour is off. Nothing outside the folder is read or written.

// Each file in `tests/` compiles this module for itself and uses a part of it.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;
use tempfile::TempDir;

/// The time at which every run takes place, unless it is given `--now`: a Monday.
pub const NOW: &str = "2026-11-23T12:00:00Z";

/// The same, in seconds since 1970.
const NOW_EPOCH: &str = "1795435200";

/// The least that `tidings.toml` has to say, and an id prefix, so that ids in expected output are short.
pub const SETTINGS: &str = "\
[site]
title = \"Example\"
url = \"https://example.org/\"

[feeds]
id_prefix = \"tag:example.org,2026:\"
";

/// A site in a temporary folder, which is removed with it.
#[derive(Debug)]
pub struct Site {
    dir: TempDir,
}

impl Site {
    /// A site with [`SETTINGS`] and without any post.
    pub fn new() -> Site {
        Site::empty().settings(SETTINGS)
    }

    /// A folder with nothing in it.
    pub fn empty() -> Site {
        Site { dir: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Writes `text` to `tidings.toml`, in place of what stood there.
    pub fn settings(self, text: &str) -> Site {
        self.file("tidings.toml", text)
    }

    /// Adds `text` at the end of `tidings.toml`.
    pub fn more_settings(self, text: &str) -> Site {
        let all = self.read("tidings.toml") + "\n" + text;
        self.settings(&all)
    }

    /// Writes a post to `content/posts`.
    pub fn post(self, name: &str, text: &str) -> Site {
        self.file(&format!("content/posts/{name}"), text)
    }

    /// Writes a file; its folders are made.
    pub fn file(self, path: &str, bytes: impl AsRef<[u8]>) -> Site {
        self.write(path, bytes);
        self
    }

    /// Writes a file, between two runs.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file in the site has a folder")).expect("the folder can be made");
        fs::write(path, bytes).expect("the file can be written");
    }

    /// Removes a file, or a folder with all that is in it.
    pub fn remove(&self, path: &str) {
        let path = self.path(path);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("it can be removed");
    }

    /// Gives a file another name.
    pub fn rename(&self, from: &str, to: &str) {
        let to = self.path(to);
        fs::create_dir_all(to.parent().expect("a file in the site has a folder")).expect("the folder can be made");
        fs::rename(self.path(from), to).expect("it can be renamed");
    }

    /// Where a file of the site is on the disk.
    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// The text of a file.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path)).unwrap_or_else(|e| panic!("`{path}` is not UTF-8: {e}"))
    }

    /// The bytes of a file.
    #[track_caller]
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        fs::read(self.path(path))
            .unwrap_or_else(|e| panic!("cannot read `{path}`: {e}; there are {:?}", self.files("")))
    }

    /// Whether there is something at this path, a broken link included.
    pub fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// When a file was last written.
    #[track_caller]
    pub fn modified(&self, path: &str) -> SystemTime {
        let metadata = fs::metadata(self.path(path)).unwrap_or_else(|e| panic!("cannot look at `{path}`: {e}"));
        metadata.modified().expect("this file system keeps times")
    }

    /// All files below a folder of the site, relative to it, with `/`, sorted. Empty where there is no such folder.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let top = self.path(folder);
        let mut found = Vec::new();
        collect(&top, &top, &mut found);
        found.sort();
        found
    }

    /// Runs the program with these arguments.
    pub fn run<I>(&self, args: I) -> Run
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        self.run_with(args, |command| command)
    }

    /// Runs the program, after `change` has changed how: its environment, say, or its standard input.
    pub fn run_with<I>(&self, args: I, change: impl FnOnce(&mut Command) -> &mut Command) -> Run
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = self.command();
        command.args(args);
        change(&mut command);
        let output = command.output().expect("the program can be started");
        Run { output, shown: format!("{command:?}") }
    }

    /// The program in the folder of the site, for tests that let it run beside them.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
        command
            .current_dir(self.dir.path())
            .env("SOURCE_DATE_EPOCH", NOW_EPOCH)
            .env("TZ", "UTC")
            .env("NO_COLOR", "1")
            .env_remove("CLICOLOR_FORCE")
            .env_remove("COLUMNS");
        command
    }
}

fn collect(top: &Path, folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() && !path.is_symlink() {
            collect(top, &path, found);
        } else {
            let below = path.strip_prefix(top).expect("it was found below the top");
            found.push(below.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/"));
        }
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    output: Output,
    shown: String,
}

impl Run {
    /// Standard error is exactly this text: its first line break and the indentation that all its lines share left out.
    #[track_caller]
    pub fn stderr(self, want: &str) -> Run {
        self.same("standard error", &self.err(), &dedent(want));
        self
    }

    /// Standard output is exactly this text, as with [`Run::stderr`].
    #[track_caller]
    pub fn stdout(self, want: &str) -> Run {
        self.same("standard output", &self.out(), &dedent(want));
        self
    }

    /// Standard error holds this line or part of a line.
    #[track_caller]
    pub fn stderr_has(self, part: &str) -> Run {
        assert!(self.err().contains(part), "{} did not say `{part}` but:\n{}", self.shown, self.err());
        self
    }

    /// The program ended with status 0.
    #[track_caller]
    pub fn succeeds(self) -> Run {
        self.fails(0)
    }

    /// The program ended with this status.
    #[track_caller]
    pub fn fails(self, status: i32) -> Run {
        let got = self.output.status;
        let said = || format!("\n--- standard output\n{}--- standard error\n{}", self.out(), self.err());
        assert_eq!(got.code(), Some(status), "the status of {} ({got}){}", self.shown, said());
        self
    }

    /// What stands on standard output, as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out())
            .unwrap_or_else(|e| panic!("{} wrote no JSON: {e}\n{}", self.shown, self.out()))
    }

    /// Standard output.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Standard error.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    #[track_caller]
    fn same(&self, which: &str, got: &str, want: &str) {
        assert!(got == want, "{which} of {} differs\n--- wanted\n{want}--- got\n{got}---", self.shown);
    }
}

/// `text` without a line break at its start, without the indentation that all its lines share, and with one line break
/// at its end. Text of white space alone is empty.
pub fn dedent(text: &str) -> String {
    let lines: Vec<&str> = text.strip_prefix('\n').unwrap_or(text).trim_end().lines().collect();
    let indent = lines.iter().filter(|l| !l.trim().is_empty()).map(|l| l.len() - l.trim_start_matches(' ').len()).min();
    let cut = indent.unwrap_or(0);
    lines.iter().map(|line| format!("{}\n", line.get(cut..).unwrap_or("").trim_end())).collect()
}
