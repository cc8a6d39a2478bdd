//! `tidings adopt`: keep the ids of an older tool's feeds, so that moving here floods no reader.

use super::site::{self, Faulty};
use super::talk::{findings_json, show};
use super::{Context, Outcome};
use crate::content::collection::State;
use crate::content::lock::Line;
use crate::diagnostic::{Diagnostic, Severity};
use crate::disk::fetch::{self, Limits};
use crate::disk::lockfile;
use crate::disk::output::Turn;
use crate::feed::adopt::{Adoption, Candidate, How, matches};
use crate::feed::read::Published;
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
        show(context, &findings, context.talk.least());
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
        // The lock is read, and written again: a build must not come between.
        let there = context.root.join(crate::config::FILE).is_file();
        let waiting = || context.talk.line("a build is at work; waiting for it");
        let _turn = there.then(|| Turn::take(&context.root, waiting).map_err(|err| findings.push(err)));
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
        let mut found = adoption.findings();
        found.extend(other_addresses(&adoption, &fetched.feeds));
        show(context, &found, Severity::Warning);
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

/// A warning where no post has the address that it was published under: then every entry of ours links to nowhere.
fn other_addresses(adoption: &Adoption, feeds: &[Published]) -> Option<Diagnostic> {
    if adoption.adopted.is_empty() || adoption.adopted.iter().any(|adopted| adopted.how == How::ByPermalink) {
        return None;
    }
    let adopted = adoption.adopted.first()?;
    let entry = feeds.iter().flat_map(|feed| &feed.entries).find(|entry| *entry.id == *adopted.id)?;
    let was = entry.url.as_deref()?;
    let finding = Diagnostic::warning(format!("posts had other addresses: `{was}` is now `{}`", adopted.address));
    Some(
        finding
            .in_file(crate::config::FILE)
            .hint("set `permalink` in `[site]` to what your site really uses, such as `/posts/{slug}/`"),
    )
}
