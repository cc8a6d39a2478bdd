//! What is wrong, where, and what to do next.
//!
//! A [`Diagnostic`] is a value: the message, its severity, the place it points at and a hint. Rendering it needs the line
//! it points at, which the caller supplies, so that this file never touches the disk.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthChar;

/// Whether a finding stops the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is written while one of these stands.
    Error,
    /// The work goes on; `--strict` makes it count.
    Warning,
}

/// A stretch of one line in a file: counted from 1, in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// Line, from 1.
    pub line: u32,
    /// Column of the first character, from 1.
    pub column: u32,
    /// How many characters; 0 counts as 1.
    pub width: u32,
}

/// A value and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place in the file it came from.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value with its place.
    pub fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }
}

/// A file, and a place in it where that is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Path from the site's root, with `/`.
    pub file: String,
    /// Where in the file; `None` means the file as a whole.
    pub span: Option<Span>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Whether it stops the work.
    pub severity: Severity,
    /// One sentence, lower case, no full stop, values in backticks.
    pub message: String,
    /// Further sentences about it, one a line: what a server said, what became of the rest.
    pub more: Vec<String>,
    /// What it points at.
    pub place: Option<Place>,
    /// What to do next.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A finding that stops the work.
    pub fn error(message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Error, message: message.into(), more: vec![], place: None, hint: None }
    }

    /// A finding that does not.
    pub fn warning(message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(message) }
    }

    /// The same, with one sentence more.
    pub fn and(mut self, sentence: impl Into<String>) -> Diagnostic {
        self.more.push(sentence.into());
        self
    }

    /// The same, pointing at a stretch of a file.
    pub fn at(mut self, file: impl Into<String>, span: Span) -> Diagnostic {
        self.place = Some(Place { file: file.into(), span: Some(span) });
        self
    }

    /// The same, pointing at a file as a whole.
    pub fn in_file(mut self, file: impl Into<String>) -> Diagnostic {
        self.place = Some(Place { file: file.into(), span: None });
        self
    }

    /// The same, with what to do next. A line break continues the hint on a line of its own.
    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    /// Whether it stops the work.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The finding as people read it, ending with a line break. `source` is the text of the file it points at.
    ///
    /// Control characters, which a file's name or a value may hold, are shown as such and reach no terminal.
    pub fn render(&self, source: Option<&str>) -> String {
        let mut out = String::new();
        let word = if self.is_error() { "error" } else { "warning" };
        let _ = writeln!(out, "{word}: {}", printable(&self.message));
        for sentence in &self.more {
            let _ = writeln!(out, "{}", printable(sentence));
        }
        if let Some(place) = &self.place {
            let file = printable(&place.file);
            match place.span {
                None => {
                    let _ = writeln!(out, " --> {file}");
                }
                Some(span) => {
                    let _ = writeln!(out, " --> {file}:{}:{}", span.line, span.column);
                    if let Some(line) = source.and_then(|s| line_of(s, span.line)) {
                        draw(&mut out, line, span);
                    }
                }
            }
        }
        if let Some(hint) = &self.hint {
            let lines: Vec<_> = hint.split('\n').map(printable).collect();
            let _ = writeln!(out, "hint: {}", lines.join("\n      "));
        }
        out
    }
}

/// A text as one line that does nothing to a terminal: control characters are spelt out, as `\u{1b}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let spelt = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(spelt).collect())
}

/// The line of a text, counted from 1, without its end.
fn line_of(source: &str, line: u32) -> Option<&str> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let line = source.split('\n').nth(line.checked_sub(1)? as usize)?;
    Some(line.strip_suffix('\r').unwrap_or(line))
}

/// The line with carets under the span. A very long line is shown around the span only.
fn draw(out: &mut String, line: &str, span: Span) {
    const BEFORE: usize = 60;
    const SHOWN: usize = 160;
    let skipped = (span.column as usize - 1).saturating_sub(BEFORE);
    let skipped = if line.chars().count() <= SHOWN { 0 } else { skipped };
    let mut text = String::new();
    let mut pad = 0;
    let mut carets = 0;
    let first = span.column as usize - 1;
    let last = first + span.width.max(1) as usize;
    for (i, c) in line.chars().enumerate().skip(skipped).take(SHOWN) {
        let shown = if c == '\t' || c.is_control() { ' ' } else { c };
        let cells = shown.width().unwrap_or(0);
        text.push(shown);
        if i < first {
            pad += cells;
        } else if i < last {
            carets += cells;
        }
    }
    let gutter = span.line.to_string().len();
    let (pad, carets) = (" ".repeat(pad), "^".repeat(carets.max(1)));
    let _ = writeln!(out, "{:gutter$} |\n{} | {}\n{:gutter$} | {pad}{carets}", "", span.line, text.trim_end(), "");
}

/// The known name nearest to a word: at most two edits away, and fewer than the word has letters.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (edits(word, name), name))
        .filter(|&(n, _)| n <= 2 && n < word.chars().count().max(1))
        .min()
        .map(|(_, name)| name)
}

/// How many letters must be added, dropped, changed or swapped with their neighbour to turn one word into the other.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 {
        return 3;
    }
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = change.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = last;
        last = row;
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_points_at_its_value() {
        let source = "---\ntitle: Spring\nlang: en\ndate: 2026-13-02\n---\n";
        let finding = Diagnostic::error("`date` is not a date: month 13 does not exist")
            .at("content/posts/spring-sale.md", Span { line: 4, column: 7, width: 10 })
            .hint("write YYYY-MM-DD, or with a time 2026-03-02T09:00:00Z");
        assert_eq!(
            finding.render(Some(source)),
            "error: `date` is not a date: month 13 does not exist
 --> content/posts/spring-sale.md:4:7
  |
4 | date: 2026-13-02
  |       ^^^^^^^^^^
hint: write YYYY-MM-DD, or with a time 2026-03-02T09:00:00Z
"
        );
    }

    #[test]
    fn further_sentences_have_lines_of_their_own() {
        let finding =
            Diagnostic::error("it failed").and("server said: 535 no\nerror: forged").and("2 stay planned").hint("try");
        assert_eq!(
            finding.render(None),
            "error: it failed\nserver said: 535 no\\nerror: forged\n2 stay planned\nhint: try\n"
        );
    }

    #[test]
    fn control_characters_are_shown_and_not_sent() {
        let finding = Diagnostic::error("odd `\u{1b}[31m`").in_file("a\n\u{9b}2J.md").hint("one\u{7}\ntwo");
        assert_eq!(
            finding.render(None),
            "error: odd `\\u{1b}[31m`\n --> a\\n\\u{9b}2J.md\nhint: one\\u{7}\n      two\n"
        );
    }

    #[test]
    fn wide_letters_get_wide_carets() {
        let finding = Diagnostic::warning("odd").at("a.md", Span { line: 1, column: 3, width: 2 });
        assert_eq!(
            finding.render(Some("日本語字x")),
            "warning: odd\n --> a.md:1:3\n  |\n1 | 日本語字x\n  |     ^^^^\n"
        );
    }

    #[test]
    fn a_very_long_line_is_shown_around_its_place() {
        let source = "x".repeat(5000);
        let finding = Diagnostic::error("long").at("a.md", Span { line: 1, column: 4000, width: 1 });
        assert!(finding.render(Some(&source)).len() < 500);
    }

    #[test]
    fn a_typo_finds_the_name_that_was_meant() {
        #[track_caller]
        fn case(word: &str, want: Option<&str>) {
            assert_eq!(nearest(word, ["formats", "items", "bytes", "hub"]), want, "{word}");
        }
        case("fromats", Some("formats"));
        case("item", Some("items"));
        case("byte", Some("bytes"));
        case("hbu", Some("hub"));
        case("colour", None);
        case("x", None);
    }
}
