//! `tidings build`: every feed, all or nothing.

use super::site::{self, Faulty};
use super::talk::{count, findings_json, plural, show};
use super::{Context, Outcome, archive, digest, kept, watch};
use crate::diagnostic::Diagnostic;
use crate::digest::snippet;
use crate::disk::cache::Cache;
use crate::disk::compress::Coding;
use crate::disk::last::{self, Input, Last, Said};
use crate::disk::output::{Committed, Copies, Output, Report};
use crate::disk::posts::{Keep, Posts};
use crate::disk::stamp::{Moment, Stamp};
use crate::disk::tree::{Stamps, Tree};
use crate::disk::turn::Turn;
use crate::disk::written::{self, Memory};
use crate::disk::{hosting, load, lockfile, served};
use crate::feed::document::Document;
use crate::feed::gone;
use crate::feed::made::Made;
use crate::feed::plan::Planned;
use crate::feed::window::{self, Window};
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// Write the feeds, the page that lists them, archives and OPML.
#[derive(Clone, Debug, Args)]
pub struct Build {
    /// Stay, and build again within a second of a change
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// Fail where tidings.lock would change, as a check before publishing
    #[arg(long)]
    locked: bool,
    /// Leave out posts that have errors, and say which; the exit code is 1 then
    #[arg(long)]
    keep_going: bool,
    /// Publish posts under other ids than before; readers will see them as new
    #[arg(long)]
    new_ids: bool,
}

/// What a build did.
#[derive(Default)]
struct Built {
    report: Report,
    summary: String,
    left_out: Vec<String>,
    held_back: Vec<(String, String)>,
    gone: Vec<(String, String)>,
    gone_feeds: Vec<(String, String)>,
}

/// What a build leaves for the next one.
struct Outputs {
    /// Its files under the output folder, and their fingerprints.
    files: BTreeMap<String, String>,
    /// The feeds.
    made: Vec<Made>,
    /// The posts that they tell of, as a number.
    posts: u128,
    /// When the archive changes by itself.
    turns: Vec<DateTime<Utc>>,
}

impl Built {
    /// A build that did nothing, since the last one holds.
    fn again(last: &Last, findings: &mut Vec<Diagnostic>) -> Built {
        findings.extend(last.said.findings.iter().cloned());
        let mut unchanged: Vec<String> = last.outputs.iter().map(|output| output.file.clone()).collect();
        unchanged.sort();
        Built {
            report: Report { unchanged, ..Report::default() },
            summary: last.said.summary.clone(),
            held_back: last.said.held_back.clone(),
            ..Built::default()
        }
    }
}

/// How many feeds that are gone are named one by one: with an axis, thousands may go.
const NAMED: usize = 10;

impl Build {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        if self.watch {
            if context.talk.terminal() {
                context.talk.line("watching; stop with Ctrl-C");
            }
            return watch::run(context, |context| {
                let mut lock = None;
                self.once(context, &mut lock);
                digest::previews(context);
                lock
            });
        }
        self.once(context, &mut None)
    }

    /// One build, and what there is to say of it.
    /// `lock` becomes the text of the lock where it was written.
    fn once(&self, context: &Context, lock: &mut Option<String>) -> Outcome {
        let mut findings = Vec::new();
        let built = self.build(context, lock, &mut findings);
        let (errors, warnings) = count(&findings);
        // Cron runs this after each commit: warnings are for `check`, here they are counted.
        show(context, &findings, context.talk.least());
        let done = built.is_some();
        let Built { report, summary, left_out, held_back, gone, gone_feeds } = built.unwrap_or_default();
        context.talk.report(&json!({
            "written": report.written,
            "unchanged": report.unchanged,
            "removed": report.removed,
            "kept": report.kept,
            "left_out": left_out,
            "held_back": held_back.iter().map(|(file, why)| json!({ "file": file, "why": why })).collect::<Vec<_>>(),
            "gone": gone.iter().chain(&gone_feeds).map(|(url, title)| json!({ "address": url, "title": title })).collect::<Vec<_>>(),
            "findings": findings_json(&findings),
            "built": done && report.missed.is_empty(),
        }));
        if !done {
            context.talk.line(&format!("nothing was written: {}", plural(errors, "error")));
            return Outcome::Wrong;
        }
        for (address, title) in &gone {
            context.talk.line(&format!("gone {title} ({address})"));
        }
        for (i, (address, title)) in gone_feeds.iter().enumerate() {
            match i {
                ..NAMED => context.talk.line(&format!("gone {title} ({address})")),
                NAMED => context.talk.line(&format!("and {} more", plural(gone_feeds.len() - NAMED, "feed"))),
                _ => {}
            }
        }
        for (file, why) in &held_back {
            context.talk.detail(&format!("held back {file}: {why}"));
        }
        for (what, files) in [("wrote", &report.written), ("removed", &report.removed)] {
            files.iter().for_each(|file| context.talk.detail(&format!("{what} {file}")));
        }
        for file in &report.kept {
            context.talk.line(&format!("left {file} alone: no feed owns it, but it is not as tidings wrote it"));
        }
        for file in &left_out {
            context.talk.line(&format!("left out {file}"));
        }
        let changed = report.written.len() + report.removed.len();
        let warned = if warnings > 0 {
            format!("; {}, see `tidings check`", plural(warnings, "warning"))
        } else {
            String::new()
        };
        if !report.missed.is_empty() {
            let (wrote, all) = (report.written.len(), report.written.len() + report.missed.len());
            context.talk.line(&format!("{summary}: wrote {wrote} of {}, then failed", plural(all, "file")));
        } else if changed > 0 {
            let removed = report.removed.len();
            let removed = if removed > 0 { format!(", removed {removed}") } else { String::new() };
            let wrote = plural(report.written.len(), "file");
            let kept = report.unchanged.len();
            context.talk.line(&format!("{summary}: wrote {wrote}{removed}, {kept} unchanged{warned}"));
        } else if self.watch || context.talk.terminal() {
            context.talk.line(&format!("{summary}: nothing changed{warned}"));
        }
        if left_out.is_empty() && errors == 0 { Outcome::Done } else { Outcome::Wrong }
    }

    /// Builds; what was found is added to `findings`. `None` when nothing was written.
    fn build(&self, context: &Context, lock: &mut Option<String>, findings: &mut Vec<Diagnostic>) -> Option<Built> {
        let faulty = if self.keep_going { Faulty::LeaveOut } else { Faulty::Refuse };
        let turn = self.turn(context).map_err(|err| findings.push(err)).ok()?;
        let looked_at = Moment::now();
        let (config, settings) = load::settings(&context.root).map_err(|found| findings.extend(found)).ok()?;
        let cache = Cache::of(&context.root, settings.as_bytes());
        let mut last = Last::load(&cache);
        let tree = Tree::of(&context.root, &config, if last.is_some() { Stamps::Ask } else { Stamps::Leave });
        if let Some(last) = &mut last
            && last.holds(&context.root, &config, &tree, context.now, &cache)
        {
            return Some(Built::again(last, findings));
        }
        let prints = last.as_ref().map(Last::prints).unwrap_or_default();
        let store = last::stamps(&context.root, &config);
        let was_lock = last::look(&context.root, lockfile::FILE.to_owned());
        let posts = Posts { cache: &cache, prints: &prints, keep: Keep::Yes };
        let (site, found) = site::join(context, faulty, config, &tree, &posts);
        drop((tree, prints));
        findings.extend(found);
        let mut site = site?;
        let in_posts = |f: &Diagnostic| f.place.as_ref().is_some_and(|p| site.left_out.contains(&p.file));
        let stopped = findings.iter().any(|f| f.is_error() && !(self.keep_going && in_posts(f)));
        if stopped {
            return None;
        }
        let result = self.write(context, &site, turn.as_ref()?, last.as_ref(), lock, findings);
        let (mut built, outcome) = result.map_err(|errors| findings.extend(errors)).ok()?;
        built.held_back = site.held_back();
        built.left_out = std::mem::take(&mut site.left_out).into_iter().collect();
        // With --locked the lock may still have to learn of an edited text.
        let lock_is_whole = !self.locked || site.new_lock == site.lock;
        let sound = lock_is_whole
            && built.left_out.is_empty()
            && built.report.missed.is_empty()
            && !findings.iter().any(Diagnostic::is_error);
        if let Some(outputs) = outcome.filter(|_| sound) {
            let own = last::own(&site.root, was_lock, lock.as_deref());
            remember(context, &mut site, &built, outputs, Looked { looked_at, store, own }, findings).save(&cache);
        }
        if !self.watch {
            // The program ends soon; giving back each text before takes time.
            std::mem::forget(site);
        }
        Some(built)
    }

    /// The right to build, where there is a site at all. It is taken before anything is read, so that of two builds the
    /// later one reads the later posts.
    fn turn(&self, context: &Context) -> Result<Option<Turn>, Diagnostic> {
        if !context.root.join(crate::config::FILE).is_file() {
            return Ok(None);
        }
        let waiting = || context.talk.line("another build is at work; waiting for it");
        Turn::take(&context.root, waiting).map(Some)
    }

    fn write(
        &self,
        context: &Context,
        site: &site::Site,
        turn: &Turn,
        last: Option<&Last>,
        lock: &mut Option<String>,
        findings: &mut Vec<Diagnostic>,
    ) -> Result<(Built, Option<Outputs>), Vec<Diagnostic>> {
        let one = |err: Diagnostic| vec![err];
        let changes = site.new_lock.changes_from(&site.lock);
        if self.locked && !changes.is_empty() {
            let finding = Diagnostic::error("`tidings.lock` would change").in_file(lockfile::FILE);
            let hint = format!("run `tidings build` and commit the lock; it would change:\n{}", changes.join("\n"));
            return Err(vec![finding.hint(hint)]);
        }
        let folder = &site.config.content.output;
        let remembered = written::remembered(&site.root, folder);
        let copies = if site.config.serve.is_wanted { Copies::Make } else { Copies::Leave };
        let output = Output::open(&site.root, folder, copies, turn);
        output.notes().iter().for_each(|note| context.talk.line(note));
        let archived = archive::write(context, site, &remembered, &output, findings).map_err(one)?;
        let put = |path: &str, document: &Document<'_>| output.put(path, document);
        let intact = last.map(|last| last.intact(&site.root, &site.config)).unwrap_or_default();
        let made: HashMap<&str, &Made> =
            last.iter().flat_map(|last| &last.feeds).map(|made| (made.folder.as_str(), made)).collect();
        let known = |feed: &Planned, sameness: u128| {
            let made = *made.get(feed.folder.as_str()).filter(|made| made.sameness == sameness)?;
            let there = made.files.iter().all(|file| intact.contains(file.as_str()) && output.owns(file));
            let size = |(path, size): &(String, Option<u64>)| load::size_of(&site.root, &site.config, path) == *size;
            if !there || !made.looked.iter().all(size) {
                return None;
            }
            made.files.iter().for_each(|file| output.keep(file));
            Some(made.clone())
        };
        let mut composed = site.compose(context, &remembered, archived.feeds, findings, known, put)?;
        composed.remembered.extend(archived.remembered);
        if !self.new_ids {
            let changed = kept::changed_ids(site, &output.changed());
            if !changed.is_empty() {
                return Err(changed);
            }
        }
        // An id must be in the lock before anyone can read it.
        if !self.locked && site.new_lock != site.lock {
            lockfile::write(&site.root, &site.new_lock).map_err(one)?;
            *lock = Some(site.new_lock.to_text());
        }
        let number = gone::number(&site.collection);
        let remembered = format!("{}/{}", written::STATE, written::POSTS);
        let is_same = |last: &Last| last.posts == number && last.is_as_left(&site.root, &remembered);
        let told;
        let (posts, gone) = if site.left_out.is_empty() && last.is_some_and(is_same) {
            (None, vec![])
        } else {
            told = written::posts(&site.root);
            let (posts, gone) = gone::since(&told, &site.collection, &site.left_out);
            (Some(posts), gone)
        };
        let before = written::load(&site.root).0;
        let folders = gone::feeds(&before.gone, &before.feeds, &composed.remembered);
        let mut served = composed.served;
        served.gone = folders.iter().filter(|folder| !served.aliases.contains_key(*folder)).cloned().collect();
        let lost = before.feeds.iter().filter(|(folder, _)| served.gone.contains(*folder));
        let path = site.config.feeds.url.path();
        let gone_feeds = lost.map(|(folder, feed)| (format!("{path}{folder}"), feed.title.clone())).collect();
        let memory = Memory { feeds: composed.remembered, posts, gone: folders };
        let Committed { report, files, failed } = output.commit(memory).map_err(one)?;
        let whole = failed.is_empty();
        findings.extend(failed);
        // From here on feeds are new: what fails is said, and so is what was written.
        if let Some(listing) = composed.listing.as_ref().filter(|_| report.missed.is_empty()) {
            findings.extend(hosting::write(&site.root, listing, &served.aliases, snippet::form(&site.config)).err());
            findings.extend(served::write(&site.root, &served).err());
        }
        // What was said of the archive is said again as long as it is true.
        let outputs = (whole && !archived.told).then_some(Outputs {
            files,
            made: composed.made,
            posts: number,
            turns: archived.turns,
        });
        Ok((Built { report, gone, gone_feeds, summary: site.summary(composed.feeds), ..Built::default() }, outputs))
    }
}

/// What was looked at around a build.
struct Looked {
    looked_at: Moment,
    store: Vec<(PathBuf, Option<Stamp>)>,
    own: Vec<Input>,
}

/// A sound build, as the next one may take it over.
fn remember(
    context: &Context,
    site: &mut site::Site,
    built: &Built,
    outputs: Outputs,
    looked: Looked,
    findings: &[Diagnostic],
) -> Last {
    let Outputs { files, made: mut feeds, posts, turns } = outputs;
    for made in &mut feeds {
        let copy = |file: &String| Coding::ALL.map(|coding| format!("{file}{}", coding.ending()));
        let copies: Vec<String> = made.files.iter().flat_map(copy).filter(|copy| files.contains_key(copy)).collect();
        made.files.extend(copies);
        made.files.sort();
        made.files.dedup();
    }
    let Looked { looked_at, store, own } = looked;
    let moments = window::moments(&site.collection, &site.config).chain(turns);
    Last {
        looked_at,
        window: Window::around(context.now, moments),
        outputs: last::wrote(&site.root.join(&site.config.content.output), files),
        own,
        store,
        feeds,
        posts,
        said: Said { summary: built.summary.clone(), held_back: built.held_back.clone(), findings: findings.to_vec() },
        inputs: std::mem::take(&mut site.inputs),
    }
}
