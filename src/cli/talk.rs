//! How the program talks: data on standard output, all else on standard error.

use super::{Color, Context};
use crate::diagnostic::{Diagnostic, Severity, printable};
use crate::disk::load;
use crate::store::{Fault, StoreError};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

/// Where to talk, and how much.
#[derive(Clone, Copy, Debug)]
pub struct Talk {
    json: bool,
    quiet: bool,
    verbose: u8,
    color: bool,
    terminal: bool,
}

impl Talk {
    /// As the command line says.
    pub fn new(json: bool, quiet: bool, verbose: u8, color: Color) -> Talk {
        let terminal = io::stderr().is_terminal();
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        };
        Talk { json, quiet, verbose, color, terminal }
    }

    /// Whether a report as JSON is wanted.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Whether a person is watching.
    pub fn terminal(&self) -> bool {
        self.terminal
    }

    /// Data, as it is. A reader who stops listening is nobody's concern.
    pub fn data(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// A piece of data, where there is more of it than should be held at once: whether anybody still listens.
    pub fn piece(&self, text: &str) -> bool {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
    }

    /// A report, where one is wanted as JSON.
    pub fn report(&self, value: &Value) {
        if self.json {
            self.data(&format!("{value:#}\n"));
        }
    }

    /// A line about what was done.
    pub fn line(&self, text: &str) {
        if !self.quiet {
            let lines: Vec<_> = text.split('\n').map(printable).collect();
            let _ = writeln!(io::stderr(), "{}", lines.join("\n"));
        }
    }

    /// What is shown of findings by a command that does something else: errors, and to those who want to know more, warnings.
    pub fn least(&self) -> Severity {
        if self.verbose > 0 { Severity::Warning } else { Severity::Error }
    }

    /// Whether nothing but errors is wanted.
    pub fn quiet(&self) -> bool {
        self.quiet
    }

    /// A line for those who want to know more.
    pub fn detail(&self, text: &str) {
        if self.verbose > 0 {
            self.line(text);
        }
    }

    /// A line for those who want to know of every mail.
    pub fn trace(&self, text: &str) {
        if self.verbose > 1 {
            self.line(text);
        }
    }

    /// One finding.
    pub fn finding(&self, finding: &Diagnostic, source: Option<&str>) {
        let mut text = finding.render(source);
        if self.color {
            let (word, code) = if finding.is_error() { ("error", "31") } else { ("warning", "33") };
            text = text.replacen(word, &format!("\x1b[1;{code}m{word}\x1b[0m"), 1);
            text = text.replacen("\nhint:", "\n\x1b[1;36mhint\x1b[0m:", 1);
        }
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// A bar for work that takes its time; unseen unless a person is watching.
    pub fn progress(&self, length: u64, what: &'static str) -> ProgressBar {
        self.bar(length, "{msg} {wide_bar} {pos}/{len} {eta}").with_message(what)
    }

    /// A bar for mails: how fast they go, how long it takes, and what became of them.
    pub fn mails(&self, length: u64) -> ProgressBar {
        self.bar(length, "{pos}/{len} {wide_bar} {rate} {eta} left, {msg}")
    }

    fn bar(&self, length: u64, template: &str) -> ProgressBar {
        let target = if self.terminal && !self.quiet && !self.json {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
                // A bar that cannot be drawn is nobody's concern.
                let _ = write!(out, "{:.0}/s", state.per_sec());
            })),
            Err(_) => bar,
        }
    }
}

/// Findings in the order in which people mend them: by file, then by place, errors before warnings at one place.
pub fn in_order(findings: &mut Vec<Diagnostic>) {
    findings
        .sort_by(|a, b| (&a.place, a.severity, &a.message, &a.hint).cmp(&(&b.place, b.severity, &b.message, &b.hint)));
    findings.dedup();
}

/// Shows findings in order, with the lines they point at: errors, and warnings where `least` is [`Severity::Warning`].
pub fn show(context: &Context, findings: &[Diagnostic], least: Severity) {
    let mut shown: Vec<Diagnostic> = findings.iter().filter(|finding| finding.severity <= least).cloned().collect();
    in_order(&mut shown);
    let mut sources: HashMap<String, Option<String>> = HashMap::new();
    for finding in &shown {
        let source = finding.place.as_ref().filter(|p| p.span.is_some()).and_then(|place| {
            sources.entry(place.file.clone()).or_insert_with(|| source(&context.root, &place.file)).as_deref()
        });
        context.talk.finding(finding, source);
    }
}

/// The text of a file as far as it is text.
fn source(root: &Path, file: &str) -> Option<String> {
    Some(String::from_utf8_lossy(&std::fs::read(root.join(file)).ok()?).into_owned())
}

/// An error of the store, as a finding.
pub fn store_finding(err: &StoreError) -> Diagnostic {
    let message = match err {
        StoreError::Unusable { fault: Fault::Other | Fault::CannotOpen, source: Some(source), .. } => {
            format!("{err}: {}", cause(source.as_ref()))
        }
        _ => err.to_string(),
    };
    let finding = Diagnostic::error(message);
    match err.hint() {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

/// What the system or the database said, on one line.
fn cause(source: &(dyn std::error::Error + 'static)) -> String {
    match source.downcast_ref::<std::io::Error>() {
        Some(err) => load::reason(err),
        None => source.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// How many errors and how many warnings there are.
pub fn count(findings: &[Diagnostic]) -> (usize, usize) {
    let errors = findings.iter().filter(|f| f.severity == Severity::Error).count();
    (errors, findings.len() - errors)
}

/// `1 post`, `2 posts`.
pub fn plural(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// Findings as JSON.
pub fn findings_json(findings: &[Diagnostic]) -> Value {
    let one = |f: &Diagnostic| {
        let span = f.place.as_ref().and_then(|p| p.span);
        json!({
            "severity": f.severity,
            "message": f.message,
            "file": f.place.as_ref().map(|p| &p.file),
            "line": span.map(|s| s.line),
            "column": span.map(|s| s.column),
            "width": span.map(|s| s.width),
            "hint": f.hint,
        })
    };
    Value::Array(findings.iter().map(one).collect())
}
