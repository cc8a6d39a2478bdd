//! A site as every command needs it: read, checked and joined; and its feeds, document by document.

use super::Context;
use super::talk::plural;
use crate::config::{Axis, Config, FeedSettings};
use crate::content::collection::{Article, Collection, Gathered, Parts, State};
use crate::content::lock::Lock;
use crate::content::markdown::Renderer;
use crate::content::post::{Content, Hashed};
use crate::diagnostic::Diagnostic;
use crate::disk::cache::Cache;
use crate::disk::last::{Input, Last};
use crate::disk::posts::{Keep, Posts};
use crate::disk::tree::{self, Stamps, Tree};
use crate::disk::{load, lockfile};
use crate::feed::compose::Composer;
use crate::feed::document::{Document, Room};
use crate::feed::entry::{Entries, Weighed};
use crate::feed::listing::{Group, Kind, Listed, Listing};
use crate::feed::made::Made;
use crate::feed::plan::{Plan, Planned, Remembered, needed, plan};
use crate::feed::sameness::{self, Sameness};
use crate::feed::served::{Served, ServedFeed, ServedTerm};
use crate::feed::{opml, page};
use crate::template::Templates;
use crate::text::Text;
use chrono::{DateTime, Utc};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use url::Url;

/// How many posts make a build long enough for a progress bar.
const LONG: usize = 400;

/// How many bytes of entries are kept as they stand in feeds: those of some thousand posts.
const KEPT: u64 = 64 * 1024 * 1024;

/// A site, read and joined.
pub struct Site {
    /// Its folder.
    pub root: PathBuf,
    /// The settings.
    pub config: Config,
    /// Built-in templates, the site's own over them.
    pub templates: Templates,
    /// `tidings.lock` as it lies on the disk.
    pub lock: Lock,
    /// `tidings.lock` as it should be.
    pub new_lock: Lock,
    /// All posts.
    pub collection: Collection,
    /// Posts that are left out because something is wrong with them.
    pub left_out: BTreeSet<String>,
    /// The files that it was read from.
    pub inputs: Vec<Input>,
}

/// What to do with posts that have errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faulty {
    /// They stop the work.
    Refuse,
    /// They are left out.
    LeaveOut,
}

/// A site where it could be joined, and all findings.
pub fn open(context: &Context, faulty: Faulty) -> (Option<Site>, Vec<Diagnostic>) {
    let root = &context.root;
    let (config, settings) = match load::settings(root) {
        Ok(read) => read,
        Err(findings) => return (None, findings),
    };
    let cache = Cache::of(root, settings.as_bytes());
    let last = Last::load(&cache);
    let prints = last.as_ref().map(Last::prints);
    let stamps = if prints.is_some() { Stamps::Ask } else { Stamps::Leave };
    let (tree, prints) = (Tree::of(root, &config, stamps), prints.unwrap_or_default());
    join(context, faulty, config, &tree, &Posts { cache: &cache, prints: &prints, keep: Keep::No })
}

/// A site of these settings and files where it could be joined, and all findings.
pub fn join(
    context: &Context,
    faulty: Faulty,
    config: Config,
    tree: &Tree,
    posts: &Posts<'_>,
) -> (Option<Site>, Vec<Diagnostic>) {
    let root = context.root.clone();
    let lock = lockfile::load(&root);
    let has_lines = lock.as_ref().is_ok_and(|lock| !lock.posts.is_empty());
    let hashed = if has_lines { Hashed::Every } else { Hashed::WithoutId };
    let load::Content { parts, templates: own, inputs, mut findings } =
        load::content(&root, &config, tree, posts, hashed);
    // A faulty template hides nothing of what else is wrong: the built-in ones stand in.
    let templates = Templates::new(own).unwrap_or_else(|found| {
        findings.extend(found);
        Templates::new(vec![]).expect("the built-in templates are sound, as their tests show")
    });
    let lock = match lock {
        Ok(lock) => lock,
        Err(found) => {
            findings.extend(found);
            return (None, findings);
        }
    };

    let mut left_out = faulty_posts(&parts, &config, &findings);
    let mut kept = parts;
    loop {
        let again = (faulty == Faulty::LeaveOut).then(|| kept.clone());
        let Gathered { collection, lock: new_lock, findings: found } =
            Collection::gather(kept, &config, &lock, context.now);
        if let Some(mut parts) = again {
            let bad: BTreeSet<String> = error_files(&found);
            let faulty = parts.posts.extract_if(.., |post| bad.contains(&post.file)).map(|post| post.file);
            let before = left_out.len();
            left_out.extend(faulty);
            if left_out.len() > before {
                findings.extend(found.into_iter().filter(Diagnostic::is_error));
                kept = parts;
                continue;
            }
        }
        findings.extend(found);
        return (Some(Site { root, config, templates, lock, new_lock, collection, left_out, inputs }), findings);
    }
}

/// Files that errors point at.
fn error_files(findings: &[Diagnostic]) -> BTreeSet<String> {
    let files = findings.iter().filter(|f| f.is_error()).filter_map(|f| f.place.as_ref());
    files.map(|place| place.file.clone()).collect()
}

/// Posts that could not be read at all.
fn faulty_posts(parts: &Parts, config: &Config, findings: &[Diagnostic]) -> BTreeSet<String> {
    let faulty = error_files(findings);
    if faulty.is_empty() {
        return faulty;
    }
    let read: BTreeSet<&str> = parts.posts.iter().map(|p| p.file.as_str()).collect();
    let folders: Vec<String> = config.content.posts.iter().map(|dir| config.content.below(dir)).collect();
    let is_post = |file: &String| {
        let path = Path::new(file);
        let ends = path.extension().is_some_and(|e| tree::POSTS.iter().any(|want| e.eq_ignore_ascii_case(want)));
        ends && folders.iter().any(|folder| folder == "." || path.starts_with(folder))
    };
    faulty.into_iter().filter(|f| is_post(f) && !read.contains(f.as_str())).collect()
}

/// What went through the sink, besides documents.
#[derive(Debug, Default)]
pub struct Composed {
    /// How many feeds there are.
    pub feeds: usize,
    /// What must be remembered of the feeds, by folder.
    pub remembered: BTreeMap<String, Remembered>,
    /// The page that lists the feeds, as a value.
    pub listing: Option<Listing>,
    /// The feeds, as the next build may take them over.
    pub made: Vec<Made>,
    /// What a server should know of the site, but for feeds that are gone.
    pub served: Served,
}

/// What makes the ids of a post's footnotes its own, wherever its address moves: the start of its id's hash.
fn note_key(id: &str) -> String {
    Sha256::digest(id.as_bytes()).iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

impl Site {
    /// Makes every file of the output folder but those of digests: `sink` gets each, of several threads at once. A feed for
    /// which `known` has the files of an earlier build is taken over; it is asked with the number of what the feed is made of.
    /// The page that lists the feeds lists `archives`, too.
    ///
    /// # Errors
    ///
    /// The first that stops the work, whether from reading a post, from a template or from the sink. Warnings are added to
    /// `findings`.
    pub fn compose(
        &self,
        context: &Context,
        remembered: &BTreeMap<String, Remembered>,
        archives: Vec<Listed>,
        findings: &mut Vec<Diagnostic>,
        known: impl Fn(&Planned, u128) -> Option<Made> + Sync,
        sink: impl Fn(&str, &Document<'_>) -> Result<(), Diagnostic> + Sync,
    ) -> Result<Composed, Vec<Diagnostic>> {
        let Plan { feeds, aliases, findings: found } = plan(&self.collection, &self.config, remembered, context.now);
        findings.extend(found);
        let sameness = Sameness::new(&self.collection, &feeds);
        let numbers: Vec<u128> = feeds.par_iter().map(|feed| sameness.of(feed)).collect();
        let taken: Vec<Option<Made>> = feeds.iter().zip(&numbers).map(|(feed, &number)| known(feed, number)).collect();
        let to_make: Vec<&Planned> =
            feeds.iter().zip(&taken).filter(|(_, taken)| taken.is_none()).map(|(feed, _)| feed).collect();
        let room = Room::of(KEPT);
        let entries = self.entries(context, &to_make)?;
        let composer = Composer { collection: &self.collection, config: &self.config, entries: &entries, room: &room };
        let bar = (to_make.len() > LONG / 4).then(|| context.talk.progress(to_make.len() as u64, "writing feeds"));
        let make = |(feed, (taken, number)): (&Planned, (Option<Made>, u128))| {
            if let Some(made) = taken {
                return Ok(made);
            }
            let (mut found, mut files) = (Vec::new(), Vec::new());
            let updated_at = composer.documents(feed, &mut found, |path, document| {
                files.push(path.to_owned());
                sink(path, document)
            })?;
            if let Some(bar) = &bar {
                bar.inc(1);
            }
            let looked = sameness::members(feed).iter().filter_map(|&i| entries[i].as_ref());
            let looked: BTreeSet<_> = looked.flat_map(|weighed| &weighed.looked).cloned().collect();
            let looked = looked.into_iter().collect();
            Ok(Made { folder: feed.folder.clone(), sameness: number, looked, updated_at, findings: found, files })
        };
        let todo: Vec<_> = taken.into_iter().zip(numbers).collect();
        let made: Vec<Result<Made, Diagnostic>> = feeds.par_iter().zip(todo).with_max_len(1).map(make).collect();
        if let Some(bar) = &bar {
            bar.finish_and_clear();
        }
        let mut composed = Composed { feeds: feeds.len() + archives.len(), ..Composed::default() };
        composed.made = made.into_iter().collect::<Result<_, _>>().map_err(|err| vec![err])?;
        for (feed, made) in feeds.iter().zip(&composed.made) {
            findings.extend(made.findings.iter().cloned());
            let memory = Remembered {
                axis: match feed.kind {
                    Kind::Term(axis) => Some(axis.name().into()),
                    _ => None,
                },
                title: feed.title.to_string(),
                label: feed.label.to_string(),
                updated_at: made.updated_at,
            };
            composed.remembered.insert(feed.folder.clone(), memory);
        }
        let updated: Vec<DateTime<Utc>> = composed.made.iter().map(|made| made.updated_at).collect();
        let listing = self.listing(&feeds, &updated, archives);
        let page = page::render(&self.templates, &listing).map_err(|err| vec![err])?;
        let style = self.templates.style();
        for (path, bytes) in [
            ("feeds/index.html", page.as_bytes()),
            ("feeds/feeds.opml", &opml::write(&listing)),
            ("feeds/style.css", style.as_bytes()),
        ] {
            sink(path, &Document::of(bytes)).map_err(|err| vec![err])?;
        }
        composed.listing = Some(listing);
        composed.served = self.served(&feeds, aliases);
        Ok(composed)
    }

    /// The entries that some file shows, each rendered once, in parallel.
    fn entries(&self, context: &Context, feeds: &[&Planned]) -> Result<Vec<Option<Box<Weighed>>>, Vec<Diagnostic>> {
        let wanted = needed(feeds, &self.collection);
        let renderer = Renderer::new();
        let size_of = |path: &str| load::size_of(&self.root, &self.config, path);
        let entries = Entries { collection: &self.collection, config: &self.config, size_of: &size_of };
        let count = wanted.iter().filter(|need| need.content.is_some()).count();
        let bar = (count > LONG).then(|| context.talk.progress(count as u64, "rendering posts"));
        // Those that are wanted stand together, so that two halves of all posts would be one with work and one without.
        let made: Vec<Result<(usize, Weighed), Diagnostic>> = (wanted.iter().enumerate())
            .filter_map(|(i, wanted)| Some((i, wanted.documents, wanted.content?)))
            .collect::<Vec<_>>()
            .into_par_iter()
            .with_max_len(8)
            .map(|(i, documents, content)| {
                let article = &self.collection.articles[i];
                let permalink = Url::parse(&article.url).unwrap_or_else(|_| self.config.site.url.clone());
                let rendered = match content {
                    Content::Full => {
                        let body = load::body(&self.root, &article.post)?;
                        let lead = article.post.lead.as_ref().map(|lead| &*lead.value);
                        Some(renderer.render(lead, &body, &permalink, &note_key(&article.id)))
                    }
                    Content::Summary => None,
                };
                if let Some(bar) = &bar {
                    bar.inc(1);
                }
                Ok((i, entries.entry(article, &permalink, rendered, documents)))
            })
            .collect();
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        out.resize_with(wanted.len(), || None);
        for entry in made {
            match entry {
                Ok((i, entry)) => out[i] = Some(Box::new(entry)),
                Err(err) => errors.push(err),
            }
        }
        if errors.is_empty() { Ok(out) } else { Err(errors) }
    }

    /// Every feed, as people look for one.
    fn listing(&self, feeds: &[Planned], updated: &[DateTime<Utc>], archives: Vec<Listed>) -> Listing {
        let site = &self.config.site;
        let mut groups: Vec<Group> = Vec::new();
        for (feed, updated_at) in feeds.iter().zip(updated) {
            if groups.last().is_none_or(|group| group.kind != feed.kind) {
                groups.push(Group { kind: feed.kind, feeds: vec![] });
            }
            let out = |&&i: &&usize| self.collection.articles[i].state == State::Published;
            let posts = feed.articles.iter().filter(out).count();
            let listed = Listed {
                title: feed.label.clone(),
                description: feed.description.clone(),
                home_url: Text::new(site.url.as_str()),
                folder_url: feed.folder_url(""),
                formats: feed.settings.formats.clone(),
                posts,
                updated_at: (posts > 0).then_some(*updated_at),
            };
            groups.last_mut().expect("a group was pushed above").feeds.push(listed);
        }
        let place = groups.iter().take_while(|group| group.kind < Kind::Digest).count();
        if !archives.is_empty() {
            groups.insert(place, Group { kind: Kind::Digest, feeds: archives });
        }
        Listing {
            site_title: site.title.clone(),
            site_url: Text::new(site.url.as_str()),
            description: site.description.clone(),
            language: site.language.clone(),
            feeds_url: Text::new(self.config.feeds.url.as_str()),
            hub: self.config.feeds.hub.as_ref().map(|hub| Text::new(hub.as_str())),
            groups,
        }
    }

    /// What a server should know of the site.
    fn served(&self, feeds: &[Planned], aliases: BTreeMap<String, String>) -> Served {
        let site = &self.config.site;
        let published = |i: &usize| self.collection.articles[*i].state == State::Published;
        let terms = self.collection.terms.iter();
        let chosen = terms.filter(|term| matches!(term.axis, Axis::Category | Axis::Topic));
        let hub = |settings: &FeedSettings| settings.hub.as_ref().map(Url::to_string);
        Served {
            title: site.title.to_string(),
            url: site.url.to_string(),
            description: site.description.to_string(),
            language: site.language.to_string(),
            feeds_url: self.config.feeds.url.to_string(),
            hub: hub(&self.config.feeds),
            terms: chosen
                .filter(|term| term.articles.iter().any(published))
                .map(|term| ServedTerm {
                    axis: term.axis.name().into(),
                    slug: term.slug.clone(),
                    title: term.title.to_string(),
                })
                .collect(),
            feeds: feeds
                .iter()
                .map(|feed| ServedFeed {
                    folder: feed.folder.clone(),
                    title: feed.label.to_string(),
                    description: feed.description.to_string(),
                    formats: feed.settings.formats.iter().map(|format| format.name().into()).collect(),
                    hub: hub(&feed.settings),
                })
                .collect(),
            aliases,
            gone: BTreeSet::new(),
        }
    }

    /// One line on what there is.
    pub fn summary(&self, feeds: usize) -> String {
        format!("{} in {}", self.posts(), plural(feeds, "feed"))
    }

    /// The posts that are not out, each with the reason.
    pub fn held_back(&self) -> Vec<(String, String)> {
        let day = |at: DateTime<Utc>| at.with_timezone(&self.config.site.timezone).format("%Y-%m-%d %H:%M %Z");
        let reason = |article: &Article| match article.state {
            State::Published => None,
            State::Draft => Some("it is a draft".to_string()),
            State::Future => Some(format!("until {}", day(article.post.published_at.value))),
            State::Withdrawn { .. } => article.post.withdrawn_at.map(|at| format!("withdrawn on {}", day(at))),
        };
        let articles = self.collection.articles.iter();
        articles.filter_map(|article| Some((article.post.file.clone(), reason(article)?))).collect()
    }

    /// How many posts there are, and how many of them are not out.
    pub fn posts(&self) -> String {
        let posts = self.collection.articles.iter().filter(|a| a.state == State::Published).count();
        let held = self.collection.articles.len() - posts;
        let held = if held > 0 { format!(" ({held} held back)") } else { String::new() };
        format!("{}{held}", plural(posts, "post"))
    }
}
