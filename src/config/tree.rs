//! TOML with the place of every key and value, and the messages that any TOML file of ours may need.
//!
//! It knows values and their types, not what a key means. The grammar is the crate `toml`'s; the place of a character
//! inside a quoted value is worked out here, so that a message can point into a filter.

use crate::diagnostic::{Diagnostic, Span, nearest};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The text of a TOML file, and where its lines start.
pub(crate) struct Source<'t> {
    /// Path from the site's root.
    pub file: &'static str,
    text: &'t str,
    line_starts: Vec<usize>,
}

/// What is wrong with a value, before it has become a finding.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// As in [`Diagnostic::message`].
    pub message: String,
    /// As in [`Diagnostic::hint`].
    pub hint: Option<String>,
    /// The first character inside a text, and how many, both in characters; the whole value without it.
    pub inside: Option<(usize, usize)>,
}

impl Fault {
    /// A fault that points at the whole value.
    pub fn new(message: impl Into<String>) -> Fault {
        Fault { message: message.into(), hint: None, inside: None }
    }

    /// The same, with what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }

    /// The same, pointing at some characters of the text.
    pub fn inside(mut self, column: usize, width: usize) -> Fault {
        self.inside = Some((column, width));
        self
    }
}

impl<'t> Source<'t> {
    /// A text with or without a byte order mark.
    pub fn new(file: &'static str, text: &'t str) -> Source<'t> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Source { file, text, line_starts }
    }

    /// The tree of keys and values.
    ///
    /// # Errors
    ///
    /// The first fault in the grammar, which includes a key that stands twice.
    pub fn parse(&self) -> Result<DeTable<'t>, Diagnostic> {
        DeTable::parse(self.text).map(Spanned::into_inner).map_err(|e| {
            let cause = e.message().lines().next().unwrap_or_default();
            let end = self.text.trim_end().len();
            let place = e.span().unwrap_or(end..end);
            let place = if place.start >= self.text.len() { end..end } else { place };
            Diagnostic::error(format!("`{}` cannot be read as TOML: {cause}", self.file))
                .at(self.file, self.span(place))
        })
    }

    /// The place of some bytes; what goes past the end of the first line is left out.
    pub fn span(&self, bytes: Range<usize>) -> Span {
        let line = self.line_starts.partition_point(|&start| start <= bytes.start).max(1);
        let before = self.text.get(self.line_starts[line - 1]..bytes.start).unwrap_or_default();
        let shown = self.text.get(bytes).unwrap_or_default().lines().next().unwrap_or_default();
        Span { line: count(line), column: count(before.chars().count() + 1), width: count(shown.chars().count()) }
    }

    /// The place of some characters of a text. Points at the whole value where the text spans lines.
    pub fn span_inside(&self, value: Range<usize>, column: usize, width: usize) -> Span {
        let whole = self.span(value.clone());
        let raw = self.text.get(value).unwrap_or_default();
        let Some(contents) = contents(raw) else { return whole };
        let widths = if raw.starts_with('"') { escaped_widths(contents) } else { vec![1; contents.chars().count()] };
        let sum = |widths: &[usize]| widths.iter().sum::<usize>();
        let column = column.min(widths.len());
        let end = (column + width).min(widths.len());
        Span {
            column: whole.column + 1 + count(sum(&widths[..column])),
            width: count(sum(&widths[column..end])),
            ..whole
        }
    }

    /// A fault of a value as a finding.
    pub fn finding(&self, value: Range<usize>, fault: Fault) -> Diagnostic {
        let span = match fault.inside {
            Some((column, width)) => self.span_inside(value, column, width),
            None => self.span(value),
        };
        Diagnostic { hint: fault.hint, ..Diagnostic::error(fault.message).at(self.file, span) }
    }

    /// The place of what stands between the quotes of a text that stands on one line; its width is 0 for other texts.
    pub fn contents_span(&self, value: Range<usize>) -> Span {
        let whole = self.span(value.clone());
        match contents(self.text.get(value).unwrap_or_default()) {
            Some(contents) => Span { column: whole.column + 1, width: count(contents.chars().count()), ..whole },
            None => Span { width: 0, ..whole },
        }
    }
}

/// Lines and columns are small; a file of more than four thousand million of either is pointed at near its end.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// What stands between the quotes of a one-line text; `None` for other values.
fn contents(raw: &str) -> Option<&str> {
    let quote = raw.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let contents = raw.strip_prefix(quote)?.strip_suffix(quote)?;
    // What starts with two more quotes is a text of many lines; the empty text has no third.
    if contents.starts_with(quote) || contents.contains('\n') {
        return None;
    }
    Some(contents)
}

/// For each character of a text in `"…"`, how many characters its writing takes.
fn escaped_widths(contents: &str) -> Vec<usize> {
    let mut widths = Vec::new();
    let mut rest = contents.chars();
    while let Some(c) = rest.next() {
        let width = match c {
            '\\' => match rest.clone().next() {
                Some('u') => 6,
                Some('U') => 10,
                Some('x') => 4,
                _ => 2,
            },
            _ => 1,
        };
        for _ in 1..width {
            rest.next();
        }
        widths.push(width);
    }
    widths
}

/// One table, of which only certain keys are read.
pub(crate) struct Table<'s, 't> {
    /// As it is written in the file, such as `[feeds]`; empty for the file's own keys.
    pub name: String,
    /// The keys and values.
    pub entries: &'s DeTable<'t>,
    /// The file.
    pub source: &'s Source<'t>,
}

impl<'s, 't> Table<'s, 't> {
    /// The value of a key as what `read` makes of it; a fault becomes a finding and there is no value.
    pub fn get<T>(
        &self,
        key: &str,
        findings: &mut Vec<Diagnostic>,
        read: impl FnOnce(&str, &DeValue<'t>) -> Result<T, Fault>,
    ) -> Option<T> {
        let value = self.entries.get(key)?;
        read(key, value.get_ref()).map_err(|fault| findings.push(self.source.finding(value.span(), fault))).ok()
    }

    /// The same as [`Table::get`] for each value of a list, or for the one value that stands in its place. A value with
    /// a fault is left out.
    pub fn get_each<T>(
        &self,
        key: &str,
        findings: &mut Vec<Diagnostic>,
        mut read: impl FnMut(&str, &str) -> Result<T, Fault>,
    ) -> Option<Vec<T>> {
        let value = self.entries.get(key)?;
        let alone = std::slice::from_ref(value);
        let values = match value.get_ref() {
            DeValue::Array(values) => &values[..],
            DeValue::String(_) => alone,
            other => {
                let fault = wrong_type(key, "a list of texts", other);
                findings.push(self.source.finding(value.span(), fault));
                return None;
            }
        };
        let mut read_ones = Vec::new();
        for one in values {
            let result = match one.get_ref() {
                DeValue::String(text) => read(key, text),
                other => {
                    let fault = wrong_type(key, "a list of texts", other);
                    Err(Fault { message: format!("{} in it", fault.message), ..fault })
                }
            };
            match result {
                Ok(value) => read_ones.push(value),
                Err(fault) => findings.push(self.source.finding(one.span(), fault)),
            }
        }
        Some(read_ones)
    }

    /// A value that is a text, and its place between the quotes.
    pub fn text_span(&self, key: &str) -> Span {
        self.entries.get(key).map_or(Span::default(), |value| self.source.contents_span(value.span()))
    }

    /// The place of a whole value.
    pub fn value_span(&self, key: &str) -> Span {
        self.entries.get(key).map_or(Span::default(), |value| self.source.span(value.span()))
    }

    /// Refuses every key that is not among `known`, with the nearest one or with all there are. `elsewhere` may know a
    /// better hint.
    pub fn refuse_unknown(
        &self,
        known: &[&str],
        findings: &mut Vec<Diagnostic>,
        elsewhere: impl Fn(&str) -> Option<String>,
    ) {
        for (key, _) in self.entries.iter().filter(|(key, _)| !known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref().as_ref();
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => elsewhere(name).unwrap_or_else(|| format!("the keys of `{}` are {}", self.name, list(known))),
            };
            let message = format!("unknown key `{name}` in `{}`", self.name);
            findings.push(Diagnostic::error(message).at(self.source.file, self.source.span(key.span())).hint(hint));
        }
    }
}

/// The fault of a value of another type than `wanted` (such as `a text`).
pub(crate) fn wrong_type(key: &str, wanted: &str, found: &DeValue<'_>) -> Fault {
    let found = match found {
        DeValue::String(_) => "a text".to_owned(),
        DeValue::Integer(_) => "a whole number".to_owned(),
        DeValue::Float(_) => "a number with a point".to_owned(),
        DeValue::Boolean(value) => format!("`{value}`"),
        DeValue::Datetime(_) => "a date or time".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    };
    Fault::new(format!("`{key}` must be {wanted}, found {found}"))
}

/// Names in backticks, in their order: `a`, `b` and `c`.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_inside_a_text_counts_escapes_as_they_are_written() {
        #[track_caller]
        fn case(line: &str, column: usize, width: usize, want: (u32, u32)) {
            let source = Source::new("x.toml", line);
            let tree = source.parse().expect("valid");
            let span = source.span_inside(tree["k"].span(), column, width);
            assert_eq!((span.column, span.width), want, "{line}");
        }
        case("k = 'abc'", 0, 1, (6, 1));
        case("k = \"abc\"", 2, 1, (8, 1));
        case(r#"k = "a\"b\u00e9c""#, 1, 1, (7, 2));
        case(r#"k = "a\"b\u00e9c""#, 3, 2, (10, 7));
        case("k = \"äöü\"", 1, 2, (7, 2));
        case("k = \"abc\"", 3, 1, (9, 0));
        case("k = \"abc\"", 900, 900, (9, 0));
        case(r"k = 'a\ubcdefg'", 2, 1, (8, 1));
        case("k = '''abc'''", 1, 1, (5, 9));
        case("k = \"\"", 0, 1, (6, 0));
        case("k = \"\"\"a\nb\"\"\"", 1, 1, (5, 4));
    }

    #[test]
    fn a_fault_in_the_grammar_is_pointed_at() {
        #[track_caller]
        fn case(text: &str, want: &str) {
            let source = Source::new("x.toml", text);
            assert_eq!(source.parse().expect_err("invalid").render(Some(text)), want);
        }
        case(
            "\u{feff}[site]\r\ntitle = Hello\r\n",
            "error: `x.toml` cannot be read as TOML: string values must be quoted, expected literal string
 --> x.toml:2:9
  |
2 | title = Hello
  |         ^^^^^
",
        );
        case(
            "a = 1\na = 2\n",
            "error: `x.toml` cannot be read as TOML: duplicate key
 --> x.toml:2:1
  |
2 | a = 2
  | ^
",
        );
        case(
            "a = [1,\n",
            "error: `x.toml` cannot be read as TOML: unclosed array, expected `]`
 --> x.toml:1:8
  |
1 | a = [1,
  |        ^
",
        );
    }

    #[test]
    fn deep_nesting_is_refused_and_does_not_overflow() {
        for open in ["[", "{a=", "a."] {
            let text = format!("a = {}", open.repeat(10_000));
            assert!(Source::new("x.toml", &text).parse().is_err());
            let text = format!("{}a=1", "a.".repeat(10_000));
            assert!(Source::new("x.toml", &text).parse().is_err());
        }
    }
}
