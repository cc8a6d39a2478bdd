//! `tidings check`: every finding in content, settings and templates, in one run. Nothing is written.

use super::site::{self, Faulty};
use super::talk::{count, findings_json, in_order, plural, show};
use super::{Context, Outcome, digests, kept};
use crate::diagnostic::Severity;
use crate::disk::{file, written};
use clap::Args;
use serde_json::json;
use std::sync::{Mutex, PoisonError};

/// Show every finding in content, settings and templates; nothing is written.
#[derive(Debug, Args)]
pub struct Check {
    /// Warnings fail, too
    #[arg(long)]
    strict: bool,
}

impl Check {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        // Faulty posts are left out here so that what is wrong with the others shows, too.
        let (site, mut findings) = site::open(context, Faulty::LeaveOut);
        let mut summary = String::from("not checked further");
        if let Some(site) = &site {
            let folder = &site.config.content.output;
            let remembered = written::remembered(&site.root, folder);
            let changed = Mutex::new(Vec::new());
            let composed = site.compose(
                context,
                &remembered,
                vec![],
                &mut findings,
                |_, _| None,
                |path, document| {
                    if !file::same(&site.root.join(folder).join(path), document) {
                        changed.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_string());
                    }
                    Ok(())
                },
            );
            let changed = changed.into_inner().unwrap_or_else(PoisonError::into_inner);
            match composed {
                Ok(composed) => summary = site.summary(composed.feeds),
                Err(errors) => {
                    summary = site.posts();
                    findings.extend(errors);
                }
            }
            findings.extend(kept::changed_ids(site, &changed));
            findings.extend(digests::findings(context, site));
            findings.extend(site.config.smtp.warning());
        }
        // Whoever wants quiet and is strict must still learn what it was that failed.
        let least = if context.talk.quiet() && !self.strict { Severity::Error } else { Severity::Warning };
        in_order(&mut findings);
        show(context, &findings, least);
        let (errors, warnings) = count(&findings);
        context.talk.report(&json!({
            "errors": errors,
            "warnings": warnings,
            "findings": findings_json(&findings),
        }));
        if errors + warnings > 0 || context.talk.terminal() {
            let found = format!("{}, {}", plural(errors, "error"), plural(warnings, "warning"));
            context.talk.line(&format!("{summary}: {found}"));
        }
        if errors > 0 || self.strict && warnings > 0 { Outcome::Wrong } else { Outcome::Done }
    }
}
