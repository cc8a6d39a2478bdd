//! The archive of digests among the files of a build: each issue's page as it was frozen, the page that lists them, and the
//! same as a feed.
//!
//! All of it comes from the store, and the store may be away: elsewhere, locked, damaged, another one. What an earlier build
//! wrote is then left as it is, and that is said. A page is removed only where the store knows its issue and says that it is
//! not to be shown. An issue keeps the name that its digest had when it was frozen, since that stands in its mails; a digest
//! with a new name lists all of them, also where it was listed before.

use super::Context;
use super::site::Site;
use super::talk::{plural, store_finding};
use crate::config::{Config, Digest};
use crate::diagnostic::Diagnostic;
use crate::digest::archive::{self, Contents, FileView, Told};
use crate::digest::render::View;
use crate::disk::load;
use crate::disk::output::Output;
use crate::feed::document::Document;
use crate::feed::issues::{Issue, Issues, folder};
use crate::feed::listing;
use crate::feed::plan::Remembered;
use crate::store::archive::{Archive as _, Listed, Page};
use crate::store::sqlite::Sqlite;
use crate::store::{StoreError, block_on};
use crate::template::Templates;
use crate::text::Text;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use std::collections::{BTreeMap, BTreeSet};

/// The folder of all archives under the output folder, ending in `/`.
pub const FOLDER: &str = "digest/";
/// The page that lists issues, and that of each.
const INDEX: &str = "index.html";

/// What was written, or left as it was.
#[derive(Debug, Default)]
pub struct Archived {
    /// The feeds, one for each digest.
    pub feeds: Vec<listing::Listed>,
    /// What must be remembered of them, by folder.
    pub remembered: BTreeMap<String, Remembered>,
    /// When it changes by itself: issues grow too old for their feed.
    pub turns: Vec<DateTime<Utc>>,
    /// Whether something was said of it that is still true the next time.
    pub told: bool,
}

/// Why an archive was not written.
enum Failure {
    /// The store did not tell what is in it.
    Store(StoreError),
    /// Something is wrong with a template or with the disk.
    Finding(Diagnostic),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Store(error)
    }
}

/// Writes the archive of every digest.
///
/// A store that cannot be read is an error among the findings, and stops nothing: feeds do not need it.
///
/// # Errors
///
/// What is wrong with a template or with the disk.
pub fn write(
    context: &Context,
    site: &Site,
    remembered: &BTreeMap<String, Remembered>,
    output: &Output<'_>,
    findings: &mut Vec<Diagnostic>,
) -> Result<Archived, Diagnostic> {
    let before = output.written(FOLDER);
    if site.config.digests.is_empty() && before.is_empty() {
        return Ok(Archived::default());
    }
    let file = &site.config.store.sqlite;
    let mut work = Work { context, site, output, before, archived: Archived::default() };
    let done = block_on(async {
        let Some(store) = Sqlite::open_to_read(&context.root.join(file), file).await? else { return Ok(false) };
        let done = work.write(&store).await;
        store.close().await;
        done.map(|()| true)
    });
    let done = done.unwrap_or_else(|err| {
        let finding = Diagnostic::error(format!("cannot read the store `{file}`: {}", load::reason(&err)));
        Err(Failure::Finding(finding))
    });
    match done {
        Ok(true) => {}
        Ok(false) => {
            if !work.before.is_empty() {
                let pages = plural(pages(&work.before).len(), "issue");
                context.talk.line(&format!("there is no store `{file}`: the archive of {pages} is left as it was"));
            }
            work.archived = Archived { told: !work.before.is_empty(), ..Archived::default() };
        }
        Err(Failure::Store(err)) => {
            let finding = store_finding(&err);
            let message = format!("the archive is left as it was: {}", finding.message);
            findings.push(Diagnostic { message, ..finding });
            work.archived = Archived::default();
        }
        Err(Failure::Finding(finding)) => return Err(finding),
    }
    work.leave(remembered);
    Ok(work.archived)
}

/// The pages of issues among some files, each with its digest and period.
fn pages(files: &[String]) -> Vec<(&str, &str)> {
    let page = |path| str::strip_prefix(path, FOLDER)?.strip_suffix(INDEX)?.strip_suffix('/')?.split_once('/');
    files.iter().filter_map(|path| page(path.as_str())).collect()
}

/// A folder of the archive: a digest under one of its names.
struct Shelf<'a> {
    /// The name.
    name: &'a str,
    /// The name that the digest has now.
    digest: &'a str,
    /// Its settings; none for a digest that the settings no longer have.
    settings: Option<&'a Digest>,
    /// All its issues under all its names, newest first.
    issues: Vec<&'a Listed>,
}

struct Work<'w, 'o> {
    context: &'w Context,
    site: &'w Site,
    output: &'w Output<'o>,
    /// What the last build wrote, as far as nobody knows better.
    before: Vec<String>,
    archived: Archived,
}

impl Work<'_, '_> {
    async fn write(&mut self, store: &Sqlite) -> Result<(), Failure> {
        let listed = store.listed().await?;
        for shelf in shelves(&self.site.config, &listed) {
            self.shelf(store, &shelf).await?;
        }
        // From here on nothing fails: what is left is what this store knows nothing of.
        let known: BTreeSet<(&str, &str)> = listed.iter().map(|one| (&*one.digest, &*one.period.name)).collect();
        let digests: BTreeSet<&str> = known.iter().map(|(digest, _)| *digest).collect();
        let gone = |path: &String| match path.strip_prefix(FOLDER).and_then(|path| path.split_once('/')) {
            Some((digest, below)) => match below.strip_suffix(INDEX).and_then(|below| below.strip_suffix('/')) {
                Some(period) => known.contains(&(digest, period)),
                None => digests.contains(digest),
            },
            None => true,
        };
        self.before.retain(|path| !gone(path));
        let mut unknown: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (digest, period) in pages(&self.before) {
            unknown.entry(digest).or_default().push(period);
        }
        for (digest, periods) in unknown {
            let (issues, file) = (plural(periods.len(), "issue"), &self.site.config.store.sqlite);
            let last = periods.last().unwrap_or(&"");
            let pages = if periods.len() == 1 { "its page is" } else { "their pages are" };
            self.archived.told = true;
            self.context.talk.line(&format!(
                "the store `{file}` knows nothing of {issues} of `{digest}` (`{last}`): {pages} left as before"
            ));
        }
        Ok(())
    }

    /// The page that lists issues and the feed, under one name; and the pages of the issues that have that name.
    async fn shelf(&mut self, store: &Sqlite, shelf: &Shelf<'_>) -> Result<(), Failure> {
        let config = &self.site.config;
        let zone = shelf.settings.map_or(config.site.timezone, |digest| digest.timezone);
        let mut title = shelf.settings.map(|digest| digest.title.clone());
        let (mut told, mut entries) = (Vec::with_capacity(shelf.issues.len()), Vec::new());
        let id_prefix = &self.site.collection.id_prefix;
        let mut feed = Issues { config, id_prefix, name: shelf.name, title: Text::default() };
        for &listed in &shelf.issues {
            let is_own = listed.digest == shelf.name;
            let old = config.feeds.age.and_then(|age| TimeDelta::from_std(age).ok());
            self.archived.turns.extend(old.and_then(|old| listed.period.cutoff.checked_add_signed(old)));
            let in_feed = feed.has_room(told.len(), listed.period.cutoff, self.context.now);
            // Pages may be large, so that one is looked at at a time, and only where something of it is needed.
            let page = match is_own || in_feed || title.is_none() {
                true => store.page(listed.id).await?,
                false => None,
            };
            if is_own && let Some(page) = &page {
                let path = format!("{}{}/{INDEX}", folder(&listed.digest), listed.period.name);
                self.output.put(&path, &Document::of(page.html.as_bytes())).map_err(Failure::Finding)?;
            }
            let view = page.as_ref().and_then(view);
            if title.is_none() {
                title = view.as_ref().map(|view| Text::new(&view.title)).filter(|title| !title.is_empty());
            }
            if in_feed {
                entries.push(entry(config, listed, view.as_ref()));
            }
            told.push(on_page(config, listed, zone));
        }
        let title = title.unwrap_or_else(|| Text::new(shelf.name));
        // A digest that is called like the site is told from it by its name.
        feed.title = if title == config.site.title { Text::new(shelf.name) } else { title.clone() };
        let newest = shelf.issues.iter().map(|listed| updated_at(listed)).max().unwrap_or_default();
        let issues = told.len();
        let contents = contents(self.site, &title, &feed, shelf.digest, told);
        let html = archive::render(&self.site.templates, &contents).map_err(Failure::Finding)?;
        self.output
            .put(&format!("{}{INDEX}", feed.folder()), &Document::of(html.as_bytes()))
            .map_err(Failure::Finding)?;
        let updated_at = entries.iter().map(|entry: &Issue| entry.updated_at).max().unwrap_or(newest);
        for (path, bytes) in feed.documents(entries, newest) {
            self.output.put(&path, &Document::of(&bytes)).map_err(Failure::Finding)?;
        }
        if shelf.name == shelf.digest {
            let memory = Remembered {
                axis: None,
                title: format!("{}: {}", config.site.title, feed.title),
                label: feed.title.to_string(),
                updated_at,
            };
            self.list(shelf.name, memory, issues);
        }
        Ok(())
    }

    /// Adds the feed of a digest to the list of feeds.
    fn list(&mut self, name: &str, memory: Remembered, issues: usize) {
        let config = &self.site.config;
        let folder = folder(name);
        let url = Text::new(&format!("{}{folder}", config.feeds.url));
        self.archived.feeds.push(listing::Listed {
            title: Text::new(&memory.label),
            description: Text::default(),
            home_url: url.clone(),
            folder_url: url,
            formats: config.feeds.formats.clone(),
            posts: issues,
            updated_at: Some(memory.updated_at),
        });
        self.archived.remembered.insert(folder, memory);
    }

    /// Leaves what is left of `before` as it is, and lists it as it was listed.
    fn leave(&mut self, remembered: &BTreeMap<String, Remembered>) {
        let left = std::mem::take(&mut self.before);
        left.iter().for_each(|path| self.output.keep(path));
        let known: Vec<(&String, &Remembered)> = remembered
            .iter()
            .filter(|(folder, _)| left.contains(&format!("{folder}{INDEX}")))
            .filter(|(folder, _)| !self.archived.remembered.contains_key(*folder))
            .collect();
        for (folder, memory) in known {
            let Some(name) = folder.strip_prefix(FOLDER).map(|name| name.trim_end_matches('/')) else { continue };
            let digest = self.site.config.digests.get(name);
            let names: Vec<&str> = digest.map_or_else(|| vec![name], |digest| digest.names().collect());
            let issues = pages(&left).iter().filter(|(digest, _)| names.contains(digest)).count();
            self.list(name, memory.clone(), issues);
        }
        self.archived.feeds.sort_by(|a, b| a.folder_url.cmp(&b.folder_url));
    }
}

/// The folders that there are to be: the name that each digest has now, and each former one under which it had issues.
fn shelves<'a>(config: &'a Config, listed: &'a [Listed]) -> Vec<Shelf<'a>> {
    let sound = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    // The store is a file that anybody may have changed: what is no name of ours leads nowhere.
    let shown = listed.iter().filter(|one| one.is_shown && sound(&one.digest) && sound(&one.period.name));
    let mut by_digest: BTreeMap<&str, (Option<&Digest>, Vec<&Listed>)> = BTreeMap::new();
    for one in shown {
        let settings = config.digests.values().find(|digest| digest.names().any(|name| name == one.digest));
        let now = settings.map_or(&*one.digest, |digest| &digest.name.value);
        by_digest.entry(now).or_insert((settings, vec![])).1.push(one);
    }
    let mut shelves = Vec::new();
    for (digest, (settings, issues)) in by_digest {
        let names: BTreeSet<&str> = issues.iter().map(|one| &*one.digest).chain([digest]).collect();
        shelves.extend(names.into_iter().map(|name| Shelf { name, digest, settings, issues: issues.clone() }));
    }
    shelves
}

/// What the page of an issue was made from; none where an older version froze it.
pub fn view(page: &Page) -> Option<View> {
    serde_json::from_str(page.view.as_deref()?).ok()
}

/// The page of an issue, which its mails lead to.
pub fn page_url(config: &Config, digest: &str, period: &str) -> String {
    format!("{}{}{period}/", config.feeds.url, folder(digest))
}

fn updated_at(listed: &Listed) -> DateTime<Utc> {
    listed.redacted_at.unwrap_or(listed.period.cutoff)
}

fn on_page(config: &Config, listed: &Listed, zone: Tz) -> Told {
    Told {
        period: listed.period.name.clone(),
        title: listed.subject.clone(),
        summary: listed.preheader.clone(),
        url: page_url(config, &listed.digest, &listed.period.name),
        date: listed.period.cutoff.with_timezone(&zone).date_naive(),
        posts: listed.posts,
    }
}

fn entry(config: &Config, listed: &Listed, view: Option<&View>) -> Issue {
    Issue {
        digest: listed.digest.clone(),
        period: listed.period.name.clone(),
        title: Text::new(&listed.subject),
        url: Text::new(&page_url(config, &listed.digest, &listed.period.name)),
        published_at: listed.period.cutoff,
        updated_at: updated_at(listed),
        summary: Text::new(&listed.preheader),
        content: view.map(archive::content).unwrap_or_default(),
    }
}

fn contents(site: &Site, title: &Text, feed: &Issues<'_>, digest: &str, issues: Vec<Told>) -> Contents {
    let config = &site.config;
    let file = |&format: &crate::feed::Format| FileView {
        format: format.title(),
        media_type: format.media_type(),
        url: format!("{}{}", feed.folder_url(), format.file_name()),
    };
    Contents {
        site_title: config.site.title.to_string(),
        site_url: config.site.url.to_string(),
        language: config.site.language.to_string(),
        title: title.to_string(),
        url: format!("{}{}", config.feeds.url, folder(digest)),
        subscribe_url: config.signup_url(),
        feeds_url: format!("{}feeds/", config.feeds.url),
        feeds: config.feeds.formats.iter().map(file).collect(),
        issues,
    }
}

/// Makes the page that would list one issue of each digest: that is how a fault in a site's own template comes to light.
pub fn trial(site: &Site, templates: &Templates) -> Vec<Diagnostic> {
    let config = &site.config;
    let one = |digest: &Digest| {
        let name = &digest.name.value;
        let feed = Issues { config, id_prefix: &site.collection.id_prefix, name, title: digest.title.clone() };
        let issue = Told {
            period: "2026-W48".to_owned(),
            title: digest.title.to_string(),
            summary: String::new(),
            url: page_url(config, name, "2026-W48"),
            date: chrono::NaiveDate::default(),
            posts: 1,
        };
        archive::render(templates, &contents(site, &digest.title, &feed, name, vec![issue])).err()
    };
    let mut findings: Vec<Diagnostic> = config.digests.values().filter_map(one).collect();
    findings.dedup();
    findings
}
