//! `tidings adopt`: keep the ids of an older tool's feeds, so that moving here floods no reader.

use super::site::{self, Faulty, Site};
use super::talk::{findings_json, show};
use super::{Context, Outcome};
use crate::content::collection::{Article, State};
use crate::content::lock::Line;
use crate::diagnostic::{Diagnostic, Severity};
use crate::disk::fetch::{self, Limits};
use crate::disk::turn::Turn;
use crate::disk::{load, lockfile};
use crate::feed::adopt::{Adoption, Candidate, How, matches};
use crate::feed::read::Published;
use clap::Args;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

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
        // Read before the feeds are fetched, which may take minutes.
        let hash = |article: &Article| (article.post.file.clone(), load::hash(&site.root, &article.post));
        let hashes: BTreeMap<String, Option<[u8; 16]>> = site.collection.articles.iter().map(hash).collect();
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
        let mut adoption = matches(&fetched.feeds, &candidates);
        let taken = refuse_taken(&mut adoption, &site);
        // What was chosen between is worth reading here, whatever else is wrong with the site.
        let mut found = adoption.findings();
        found.extend(taken);
        found.extend(other_addresses(&adoption, &fetched.feeds));
        show(context, &found, Severity::Warning);
        let mut lock = site.new_lock.clone();
        let adopted: BTreeMap<&str, &str> =
            adoption.adopted.iter().map(|adopted| (&*adopted.address, &*adopted.id)).collect();
        let ids: BTreeSet<&str> = adopted.values().copied().collect();
        // Only the line of a post that is gone can still have one of these ids.
        lock.posts.retain(|address, line| adopted.contains_key(address.as_str()) || !ids.contains(&*line.id));
        for article in articles() {
            let Some(id) = adopted.get(&*article.address) else { continue };
            let line = Line::of(id, &article.post.file, hashes.get(&article.post.file).copied().flatten());
            lock.posts.insert(article.address.clone(), line);
        }
        if lock != site.lock {
            lockfile::write(&site.root, &lock).map_err(|err| findings.push(err)).ok()?;
        }
        Some(adoption)
    }
}

/// Takes out of an adoption what another post has as its id and keeps, with a warning for each: the lock would be refused.
fn refuse_taken(adoption: &mut Adoption, site: &Site) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    loop {
        let adopting: BTreeSet<&str> = adoption.adopted.iter().map(|adopted| &*adopted.address).collect();
        let mut owners: BTreeMap<String, String> = BTreeMap::new();
        let mut present = BTreeSet::new();
        for article in &site.collection.articles {
            present.insert(&*article.address);
            let line = site.new_lock.posts.get(&article.address).map(|line| &*line.id);
            // What a draft is called without a line or an `id` of its own is not settled yet.
            let id = line.or(article.post.id.is_some().then_some(&*article.id));
            if let Some(id) = id.filter(|_| !adopting.contains(&*article.address)) {
                owners.insert(id.to_owned(), article.post.file.clone());
            }
        }
        // Posts that are left out for now come back under the ids of their lines.
        for (_, line) in site.new_lock.posts.iter().filter(|(address, _)| !present.contains(address.as_str())) {
            if let Some(file) = line.file.as_ref().filter(|file| site.left_out.contains(*file)) {
                owners.insert(line.id.clone(), file.clone());
            }
        }
        let taken: BTreeMap<String, (String, String)> = adoption
            .adopted
            .extract_if(.., |adopted| owners.contains_key(&adopted.id))
            .filter_map(|adopted| Some((adopted.address, (owners.get(&adopted.id)?.clone(), adopted.id))))
            .collect();
        if taken.is_empty() {
            return findings;
        }
        // Who keeps the id it has may stand in another's way now: once more.
        for article in &site.collection.articles {
            let Some((other, id)) = taken.get(&article.address) else { continue };
            findings.push(
                Diagnostic::warning(format!("the post cannot keep the id `{id}`: `{other}` has it"))
                    .in_file(&article.post.file)
                    .hint("give one id to one post, in its front matter or in tidings.lock, and adopt again"),
            );
        }
        adoption.several.retain(|several| !taken.contains_key(&several.address));
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
