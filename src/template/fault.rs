//! What Tera finds wrong in templates, as findings in our form.
//!
//! Tera tells of a fault in a report of many lines, or in a sentence with names and lists in it; here it is taken apart. This file
//! reads reports and nothing else.

use super::FOLDER;
use crate::diagnostic::{Diagnostic, Span, nearest};
use std::collections::BTreeSet;
use std::error::Error as _;
use std::fmt::Write as _;
use tera::{ErrorKind, ReportError};

/// One thing that Tera found wrong.
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) file: Option<String>,
    pub(super) span: Option<Span>,
}

impl Fault {
    /// As a finding, in our form: one sentence, names in backticks, what could be meant as a hint.
    pub(super) fn finding(self, own: &BTreeSet<String>) -> Diagnostic {
        let one_line = self.message.split_whitespace().collect::<Vec<_>>().join(" ");
        let (message, known) = match one_line.split_once(" Available ") {
            Some((message, known)) => (message, known.split_once(": ").map(|(_, names)| names.to_string())),
            None => (one_line.as_str(), None),
        };
        // Tera puts no quotes around these two.
        let message = message.replace("expected }}", "expected `}}`").replace("expected %}", "expected `%}`");
        let mut diagnostic = Diagnostic::error(decapitalised(message.trim_end_matches('.')));
        if let Some(known) = known {
            let mut names: Vec<&str> = known.split(", ").filter(|name| !name.starts_with("__tera")).collect();
            names.sort_unstable();
            let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let meant = message.split('`').nth(1).and_then(|word| nearest(word, names.iter().copied()));
            diagnostic = diagnostic.hint(match meant {
                Some(meant) => format!("did you mean `{meant}`? there are {list}"),
                None => format!("there are {list}"),
            });
        }
        match (self.file, self.span) {
            (Some(file), Some(span)) if own.contains(&file) => diagnostic.at(format!("{FOLDER}/{file}"), span),
            (Some(file), None) if own.contains(&file) => diagnostic.in_file(format!("{FOLDER}/{file}")),
            (Some(file), _) if !file.is_empty() => {
                diagnostic.message = format!("{}, in the built-in template `{file}`", diagnostic.message);
                diagnostic
            }
            _ => diagnostic,
        }
    }
}

/// What Tera found, one by one.
pub(super) fn faults(error: &tera::Error) -> Vec<Fault> {
    let alone = |file: &str, message: String| vec![Fault { message, file: Some(file.into()), span: None }];
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => vec![Fault::of(report, error)],
        ErrorKind::MissingParent { current, parent } => {
            alone(current, format!("template `{parent}`, which this one extends, does not exist"))
        }
        ErrorKind::CircularExtend { tpl, inheritance_chain } => {
            alone(tpl, format!("templates extend each other in a circle: {}", circle(tpl, inheritance_chain)))
        }
        ErrorKind::CircularInclude { tpl, include_chain } => {
            alone(tpl, format!("templates include each other in a circle: {}", circle(tpl, include_chain)))
        }
        ErrorKind::TemplateNotFound(name) => {
            vec![Fault { message: format!("there is no template `{name}`"), file: None, span: None }]
        }
        ErrorKind::Msg(message) => written(message),
        other => vec![Fault { message: other.to_string(), file: None, span: None }],
    }
}

impl Fault {
    fn of(report: &ReportError, error: &tera::Error) -> Fault {
        let place = report.span();
        let width = match place.start_line == place.end_line {
            true => place.end_col.saturating_sub(place.start_col),
            false => 1,
        };
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut message = report.message().to_string();
        if let Some(source) = error.source() {
            let _ = write!(message, ": {source}");
        }
        Fault {
            message,
            file: Some(report.filename().to_string()),
            span: Some(Span {
                line: number(place.start_line.max(1)),
                column: number(place.start_col).saturating_add(1),
                width: number(width.max(1)),
            }),
        }
    }
}

/// The names in a circle that goes through a template, from it back to it.
fn circle(through: &str, names: &[String]) -> String {
    let mut circle: Vec<&str> = names.iter().map(String::as_str).collect();
    if circle.first() != Some(&through) {
        circle.insert(0, through);
    }
    if circle.len() < 2 || circle.last() != Some(&through) {
        circle.push(through);
    }
    circle.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" -> ")
}

/// The faults that Tera hands over as one written report: each with `error:`, a place, the line and its carets.
fn written(report: &str) -> Vec<Fault> {
    report.split("\n\n").filter(|part| !part.trim().is_empty() && !part.starts_with("note:")).map(one_written).collect()
}

fn one_written(part: &str) -> Fault {
    let mut lines = part.lines();
    let message = lines.next().unwrap_or_default().trim_start_matches("error: ").to_string();
    let place = lines.next().and_then(|line| {
        let (_, place) = line.split_once("--> ")?;
        let (place, column) = place.rsplit_once(':')?;
        let (file, line) = place.rsplit_once(':')?;
        Some((file.to_string(), line.parse::<u32>().ok()?, column.parse::<u32>().ok()?))
    });
    let width = lines.last().map_or(1, |line| line.matches('^').count().max(1) as u32);
    match place {
        Some((file, line, column)) => Fault { message, file: Some(file), span: Some(Span { line, column, width }) },
        None => Fault { message: part.to_string(), file: None, span: None },
    }
}

/// The sentence with a small letter at its start, unless it starts with a name.
fn decapitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first) if letters.as_str().starts_with(|c: char| c.is_lowercase()) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => sentence.to_string(),
    }
}
