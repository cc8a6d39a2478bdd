//! `tidings.lock`: what must never change by itself. Text in, text out; who gets which id is decided in `identity.rs`.
//!
//! The file is TOML with one post to a line, sorted by address, so that git merges two branches that each add a post.
//! What is written is canonical: the same lock gives the same bytes. Marks that a merge left behind are refused by name,
//! and so are two lines with one id.

use crate::config::tree::{Fault, Source, Table, wrong_type};
use crate::config::values;
use crate::diagnostic::{Diagnostic, Span};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use toml::de::{DeTable, DeValue};

/// The file's name, relative to the site's root.
pub const FILE: &str = "tidings.lock";

const HEADER: &str = "# What must never change by itself. Written by tidings; commit it with the posts.\n";

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// What ids start with, once there is a post that is no draft. What the settings say must be the same.
    pub id_prefix: Option<String>,
    /// The posts that do not get their id from their own front matter: the path of the permalink (percent-encoded,
    /// such as `/blog/spring-sale/`), and the rest of the line. Lines of posts that are gone stay.
    pub posts: BTreeMap<String, Line>,
}

/// The line of a post. Two lines are equal wherever they stand.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// The whole id, prefix included.
    pub id: String,
    /// The post's file, from the site's root. May be missing in a line written by hand; the next build fills it in.
    pub file: Option<String>,
    /// [`Body::hash`](crate::content::post::Body::hash) of the post; none for a blank body.
    pub body: Option<[u8; 16]>,
    /// Where the line's address stands in the file; nowhere for a new line.
    pub place: Span,
}

impl PartialEq for Line {
    fn eq(&self, other: &Line) -> bool {
        (&self.id, &self.file, &self.body) == (&other.id, &other.file, &other.body)
    }
}

impl Eq for Line {}

impl Lock {
    /// What a text says; the empty text is an empty lock.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the file; marks of a merge and faults in the grammar of TOML
    /// stand alone.
    pub fn parse(text: &str) -> Result<Lock, Vec<Diagnostic>> {
        let source = Source::new(FILE, text);
        if let Some(finding) = merge_mark(text) {
            return Err(vec![finding]);
        }
        let root = source.parse().map_err(|finding| vec![explain_twice(finding)])?;
        let mut findings = Vec::new();
        let file = Table { name: FILE.to_owned(), entries: &root, source: &source };
        file.refuse_unknown(&["id_prefix", "posts"], &mut findings, |_| None);
        let read_prefix = |key: &str, value: &DeValue<'_>| values::id_prefix(key, values::text(key, value)?);
        let id_prefix = file.get("id_prefix", &mut findings, read_prefix);
        let posts = match root.get("posts").map(|value| (value.span(), value.get_ref())) {
            None => BTreeMap::new(),
            Some((_, DeValue::Table(posts))) => read_posts(&source, posts, &mut findings),
            Some((span, other)) => {
                findings.push(source.finding(span, wrong_type("posts", "a table", other)));
                BTreeMap::new()
            }
        };
        if findings.is_empty() {
            return Ok(Lock { id_prefix, posts });
        }
        findings.sort_by_key(|finding| finding.place.as_ref().and_then(|place| place.span));
        Err(findings)
    }

    /// The file's text: the same bytes for the same lock, and [`Lock::parse`] gives the lock again.
    pub fn to_text(&self) -> String {
        let mut out = HEADER.to_owned();
        if let Some(prefix) = &self.id_prefix {
            let _ = writeln!(out, "id_prefix = {}", quoted(prefix));
        }
        out.push_str("\n[posts]\n");
        for (address, line) in &self.posts {
            let _ = writeln!(out, "{}", line.to_text(address));
        }
        out
    }

    /// What makes this lock another than `old`, one short sentence each, in the order of the addresses; nothing where
    /// they are equal but for hashes of bodies: an edit of a post changes no id, and the next build that may write the
    /// lock writes the new hash.
    pub fn changes_from(&self, old: &Lock) -> Vec<String> {
        let mut changes = Vec::new();
        match (&old.id_prefix, &self.id_prefix) {
            (old, new) if old == new => {}
            (None, Some(new)) => changes.push(format!("`id_prefix` is new: `{new}`")),
            (Some(old), None) => changes.push(format!("`id_prefix` goes: `{old}`")),
            (Some(old), Some(new)) => changes.push(format!("`id_prefix` changes from `{old}` to `{new}`")),
            (None, None) => {}
        }
        let by_id = |lock: &Lock| -> BTreeMap<String, String> {
            lock.posts.iter().map(|(address, line)| (line.id.clone(), address.clone())).collect()
        };
        let (addresses_before, addresses_now) = (by_id(old), by_id(self));
        for (address, line) in &self.posts {
            match addresses_before.get(&line.id) {
                None => match old.posts.get(address) {
                    None => changes.push(format!("`{address}` is new, with the id `{}`", line.id)),
                    Some(was) => {
                        changes.push(format!("`{address}` changes its id from `{}` to `{}`", was.id, line.id));
                    }
                },
                Some(before) if before != address => changes.push(format!("`{before}` becomes `{address}`")),
                Some(_) => {}
            }
            let Some(was) = addresses_before.get(&line.id).and_then(|before| old.posts.get(before)) else { continue };
            if was.file != line.file {
                let name = |line: &Line| line.file.clone().unwrap_or_else(|| "no file".to_owned());
                changes.push(format!("`{address}` moves from `{}` to `{}`", name(was), name(line)));
            }
        }
        for (address, line) in &old.posts {
            if !addresses_now.contains_key(&line.id) && !self.posts.contains_key(address) {
                changes.push(format!("`{address}` goes"));
            }
        }
        changes
    }
}

impl Line {
    /// The line of the post in this file.
    pub fn of(id: &str, file: &str, body: Option<[u8; 16]>) -> Line {
        Line { id: id.to_owned(), file: Some(file.to_owned()), body, place: Span::default() }
    }

    /// The line of the post at this address, as it stands in the file, without a line break.
    pub fn to_text(&self, address: &str) -> String {
        let mut out = format!("{} = {{ id = {}", quoted(address), quoted(&self.id));
        if let Some(file) = &self.file {
            let _ = write!(out, ", file = {}", quoted(file));
        }
        if let Some(body) = &self.body {
            out.push_str(", body = \"");
            for byte in body {
                let _ = write!(out, "{byte:02x}");
            }
            out.push('"');
        }
        out.push_str(" }");
        out
    }
}

/// A text as TOML writes it between `"`.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The first line that git left behind in a merge.
fn merge_mark(text: &str) -> Option<Diagnostic> {
    let (line, mark) = (1..).zip(text.lines()).find_map(|(number, line)| {
        let mark = line.get(..7).filter(|mark| matches!(*mark, "<<<<<<<" | "|||||||" | "=======" | ">>>>>>>"))?;
        Some((number, mark))
    })?;
    let finding = Diagnostic::error(format!("a merge left its mark `{mark}` in `{FILE}`"));
    Some(finding.at(FILE, Span { line, column: 1, width: 7 }).hint(
        "keep the lines of both sides and delete the lines that start with `<<<<<<<`, `=======` and `>>>>>>>`;\n\
         where both have a line for one address, keep that of the side that was published",
    ))
}

/// The grammar's word for an address that stands twice, with what to do about it.
fn explain_twice(finding: Diagnostic) -> Diagnostic {
    if !finding.message.ends_with("duplicate key") {
        return finding;
    }
    let message = format!("one address has two lines in `{FILE}`");
    Diagnostic { message, ..finding }.hint("keep the line with the id that was published, and delete the other")
}

fn read_posts(source: &Source<'_>, posts: &DeTable<'_>, findings: &mut Vec<Diagnostic>) -> BTreeMap<String, Line> {
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    let mut ids: BTreeMap<String, (&str, Span)> = BTreeMap::new();
    let mut in_order: Vec<_> = posts.iter().collect();
    in_order.sort_by_key(|(address, _)| address.span().start);
    for (address, value) in in_order {
        let (place, address) = (source.span(address.span()), address.get_ref().as_ref());
        if !address.starts_with('/') {
            let finding = Diagnostic::error(format!("`{address}` is not the path of an address")).at(FILE, place);
            findings.push(finding.hint("write what follows the domain, such as `/blog/spring-sale/`"));
        }
        let DeValue::Table(entries) = value.get_ref() else {
            let fault = wrong_type(address, "a table", value.get_ref()).hint("write `{ id = \"…\" }`");
            findings.push(source.finding(value.span(), fault));
            continue;
        };
        let table = Table { name: address.to_owned(), entries, source };
        table.refuse_unknown(&["id", "file", "body"], findings, |_| None);
        let filled = |key: &str, value: &DeValue<'_>| {
            let text = values::text(key, value)?;
            if text.trim().is_empty() { Err(Fault::new(format!("`{key}` is empty"))) } else { Ok(text.to_owned()) }
        };
        let file = table.get("file", findings, filled);
        let body = table.get("body", findings, read_hash);
        if !entries.contains_key("id") {
            let finding = Diagnostic::error(format!("the line of `{address}` has no `id`")).at(FILE, place);
            findings.push(finding.hint("take the line from an older state of the file, or delete it"));
        }
        let Some(id) = table.get("id", findings, filled) else { continue };
        if let Some((other, other_place)) = ids.get(&id) {
            let message = format!("`{address}` and `{other}` have one id: `{id}`");
            let finding = Diagnostic::error(message).at(FILE, table.value_span("id"));
            findings.push(finding.hint(format!(
                "a post was renamed: delete the line of its old address; the other line is {FILE}:{}",
                other_place.line
            )));
            continue;
        }
        ids.insert(id.clone(), (address, place));
        lines.insert(address.to_owned(), Line { id, file, body, place });
    }
    lines
}

/// 32 hexadecimal digits.
fn read_hash(key: &str, value: &DeValue<'_>) -> Result<[u8; 16], Fault> {
    let text = values::text(key, value)?;
    let mut hash = [0; 16];
    let is_hex = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    for (i, byte) in hash.iter_mut().enumerate() {
        let digits = text.get(2 * i..2 * i + 2).filter(|_| is_hex);
        *byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or_else(|| {
            Fault::new(format!("`{key}` is not 32 hexadecimal digits")).hint("delete it; the next build writes it anew")
        })?;
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOCK: &str = "# What must never change by itself. Written by tidings; commit it with the posts.
id_prefix = \"tag:example.org,2016:\"

[posts]
\"/blog/a/\" = { id = \"tag:example.org,2016:2016-11-30/a\", file = \"content/posts/a.md\", body = \"000102030405060708090a0b0c0d0eff\" }
\"/blog/b/\" = { id = \"https://example.org/?p=1\" }
";

    fn findings(text: &str) -> String {
        let findings = Lock::parse(text).expect_err("faults");
        findings.iter().map(|finding| finding.render(Some(text))).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        let lock = Lock::parse(LOCK).expect("a lock");
        assert_eq!(lock.to_text(), LOCK);
        let a = &lock.posts["/blog/a/"];
        assert_eq!((a.place, a.body.map(|b| (b[1], b[15]))), (Span { line: 5, column: 1, width: 10 }, Some((1, 255))));
        assert_eq!(Lock::parse("").expect("empty"), Lock::default());
        assert_eq!(Lock::parse(&Lock::default().to_text()).expect("empty"), Lock::default());
        assert_eq!(Lock::parse(&format!("\u{feff}{}", LOCK.replace('\n', "\r\n"))).expect("a lock"), lock);
    }

    #[test]
    fn marks_of_a_merge_are_named() {
        let text = LOCK.replace("\"/blog/b/\"", "<<<<<<< HEAD\n\"/blog/b/\"");
        assert_eq!(
            findings(&text),
            "error: a merge left its mark `<<<<<<<` in `tidings.lock`
 --> tidings.lock:6:1
  |
6 | <<<<<<< HEAD
  | ^^^^^^^
hint: keep the lines of both sides and delete the lines that start with `<<<<<<<`, `=======` and `>>>>>>>`;
      where both have a line for one address, keep that of the side that was published
"
        );
    }

    #[test]
    fn an_address_stands_once() {
        assert_eq!(
            findings("[posts]\n\"/a/\" = { id = \"urn:x:1\" }\n\"/a/\" = { id = \"urn:x:2\" }\n"),
            "error: one address has two lines in `tidings.lock`
 --> tidings.lock:3:1
  |
3 | \"/a/\" = { id = \"urn:x:2\" }
  | ^^^^^
hint: keep the line with the id that was published, and delete the other
"
        );
    }

    #[test]
    fn faults_are_told_in_the_order_of_the_file() {
        let text = "id_prefx = 1
posts.a = 1
posts.\"/b/\" = { id = 'urn:x:1', fil = 'b.md', body = '00' }
posts.\"/c/\" = { id = 'urn:x:1' }
posts.\"/d/\" = { file = 'd.md' }
posts.\"/e/\" = { id = '' }
";
        assert_eq!(
            findings(text),
            "error: unknown key `id_prefx` in `tidings.lock`
 --> tidings.lock:1:1
  |
1 | id_prefx = 1
  | ^^^^^^^^
hint: did you mean `id_prefix`?

error: `a` is not the path of an address
 --> tidings.lock:2:7
  |
2 | posts.a = 1
  |       ^
hint: write what follows the domain, such as `/blog/spring-sale/`

error: `a` must be a table, found a whole number
 --> tidings.lock:2:11
  |
2 | posts.a = 1
  |           ^
hint: write `{ id = \"…\" }`

error: unknown key `fil` in `/b/`
 --> tidings.lock:3:33
  |
3 | posts.\"/b/\" = { id = 'urn:x:1', fil = 'b.md', body = '00' }
  |                                 ^^^
hint: did you mean `file`?

error: `body` is not 32 hexadecimal digits
 --> tidings.lock:3:54
  |
3 | posts.\"/b/\" = { id = 'urn:x:1', fil = 'b.md', body = '00' }
  |                                                      ^^^^
hint: delete it; the next build writes it anew

error: `/c/` and `/b/` have one id: `urn:x:1`
 --> tidings.lock:4:22
  |
4 | posts.\"/c/\" = { id = 'urn:x:1' }
  |                      ^^^^^^^^^
hint: a post was renamed: delete the line of its old address; the other line is tidings.lock:3

error: the line of `/d/` has no `id`
 --> tidings.lock:5:7
  |
5 | posts.\"/d/\" = { file = 'd.md' }
  |       ^^^^^
hint: take the line from an older state of the file, or delete it

error: `id` is empty
 --> tidings.lock:6:22
  |
6 | posts.\"/e/\" = { id = '' }
  |                      ^^
"
        );
    }

    #[test]
    fn changes_are_told_one_by_one() {
        let old = Lock::parse(LOCK).expect("a lock");
        assert_eq!(old.changes_from(&old), Vec::<String>::new());
        let mut new = old.clone();
        new.id_prefix = None;
        let mut a = new.posts.remove("/blog/a/").expect("a line");
        a.file = Some("content/posts/z.md".to_owned());
        a.body = None;
        new.posts.insert("/blog/z/".to_owned(), a);
        new.posts.insert("/blog/c/".to_owned(), Line { id: "urn:x:c".to_owned(), ..Line::default() });
        assert_eq!(
            new.changes_from(&old),
            [
                "`id_prefix` goes: `tag:example.org,2016:`",
                "`/blog/c/` is new, with the id `urn:x:c`",
                "`/blog/a/` becomes `/blog/z/`",
                "`/blog/z/` moves from `content/posts/a.md` to `content/posts/z.md`",
            ]
        );
        let mut edited = new.clone();
        edited.posts.get_mut("/blog/z/").expect("a line").body = Some([7; 16]);
        assert_eq!(edited.changes_from(&new), Vec::<String>::new());
        assert_eq!(Lock::default().changes_from(&new), ["`/blog/b/` goes", "`/blog/c/` goes", "`/blog/z/` goes"]);
    }

    proptest! {
        #[test]
        fn any_lock_is_read_as_it_was_written(
            id_prefix in prop::option::of(Just("tag:example.org,2016:".to_owned())),
            lines in prop::collection::btree_map("/\\PC{0,9}|/[\"\\\\\u{0}-\u{1f}\u{7f}]{0,3}", (prop::option::of("x\\PC{0,9}[\"\\\\\u{0}-\u{1f}]?"), any::<Option<[u8; 16]>>()), 0..6),
        ) {
            let posts = lines.into_iter().map(|(address, (file, body))| {
                let line = Line { id: format!("urn:x:{address}"), file, body, place: Span::default() };
                (address, line)
            });
            let lock = Lock { id_prefix, posts: posts.collect() };
            let text = lock.to_text();
            prop_assert_eq!(Lock::parse(&text), Ok(lock), "{}", text);
        }

        #[test]
        fn no_text_makes_it_panic(
            text in prop_oneof![any::<String>(), "(\\[posts\\]\n|id_prefix = |'|\"/a/\" = \\{ |id = |file = |body = |\"x\"|, |\\}\n|<<<<<<<|é){0,20}"],
        ) {
            if let Ok(lock) = Lock::parse(&text) {
                prop_assert_eq!(Lock::parse(&lock.to_text()), Ok(lock));
            }
        }
    }
}
