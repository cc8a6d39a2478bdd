//! `tidings adopt`: keep the ids of an older tool's feeds, so that moving here floods no reader.

use super::site::{self, Faulty};
use super::talk::{findings_json, show, show_errors};
use super::{Context, Outcome};
use crate::content::collection::State;
use crate::content::lock::Line;
use crate::diagnostic::Diagnostic;
use crate::disk::fetch::{self, Limits};
use crate::disk::lockfile;
use crate::feed::adopt::{Adoption, Candidate, matches};
use clap::Args;
use serde_json::json;

/// Keep the ids of an older tool's feeds in tidings.lock.
#[derive(Debug, Args)]
pub struct Adopt {
    /// Where the feeds are: an address, a folder, or one file
    #[arg(value_name = "URL|DIR")]
    source: String,
}

impl Adopt {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let mut findings = Vec::new();
        let adoption = self.adopt(context, &mut findings);
        show_errors(context, &findings);
        let mut report = json!(adoption);
        report["findings"] = findings_json(&findings);
        context.talk.report(&report);
        let Some(adoption) = adoption else { return Outcome::Wrong };
        for entry in &adoption.unmatched {
            let at = entry.url.as_deref().map(|url| format!("  ({url})")).unwrap_or_default();
            context.talk.line(&format!("no post for  {}{at}", entry.title));
        }
        context.talk.line(&adoption.summary());
        if findings.iter().any(Diagnostic::is_error) { Outcome::Wrong } else { Outcome::Done }
    }

    fn adopt(&self, context: &Context, findings: &mut Vec<Diagnostic>) -> Option<Adoption> {
        let (site, found) = site::open(context, Faulty::LeaveOut);
        findings.extend(found);
        let site = site?;
        let fetched = fetch::feeds(&self.source, &Limits::default()).map_err(|err| findings.push(err)).ok()?;
        findings.extend(fetched.findings);
        let out = |state| matches!(state, State::Published | State::Withdrawn { .. });
        let articles = || site.collection.articles.iter().filter(|article| out(article.state));
        let candidates: Vec<Candidate> = articles()
            .map(|article| Candidate {
                address: article.address.clone(),
                slug: article.post.slug.value.clone(),
                published_on: article.post.published_at.value.with_timezone(&site.config.site.timezone).date_naive(),
                title: article.post.title.value.to_string(),
                file: article.post.file.clone(),
            })
            .collect();
        let adoption = matches(&fetched.feeds, &candidates);
        // What was chosen between is worth reading here, whatever else is wrong with the site.
        show(context, &mut adoption.findings());
        let mut lock = site.new_lock.clone();
        for adopted in &adoption.adopted {
            let Some(article) = articles().find(|article| article.address == adopted.address) else { continue };
            let line = Line::of(&adopted.id, &article.post.file, &article.post.body);
            lock.posts.insert(adopted.address.clone(), line);
        }
        if lock != site.lock {
            lockfile::write(&site.root, &lock).map_err(|err| findings.push(err)).ok()?;
        }
        Some(adoption)
    }
}
