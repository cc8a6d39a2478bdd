//! From planned feeds and entries to documents: the subscription feed within its limits, and the archives behind it.
//!
//! Documents are made feed by feed, in pieces: memory holds none as a whole. Of entries it holds every one that some file
//! shows, each rendered once. A subscription feed keeps below its limit in every format, and shows the same entries in each.

use super::document::{Document, Room};
use super::entry::Weighed;
use super::listing::Kind;
use super::plan::Planned;
use super::{Archive, Feed, Person};
use crate::config::Config;
use crate::content::address::segment;
use crate::content::collection::Collection;
use crate::content::post::Content;
use crate::diagnostic::Diagnostic;
use crate::text::Text;
use chrono::{DateTime, Datelike, TimeZone as _, Utc};

/// What the head of a document takes, in bytes: a generous bound.
const HEAD_BYTES: u64 = 3000;

/// All that documents are made from.
pub struct Composer<'a> {
    /// All posts.
    pub collection: &'a Collection,
    /// The settings.
    pub config: &'a Config,
    /// For each post of the collection, its entry, where some file shows it.
    pub entries: &'a [Option<Box<Weighed>>],
    /// How many pieces of entries may be kept from one feed to the next.
    pub room: &'a Room,
}

/// One part of a feed's archives: a year, or part of a year that is too large for one document.
struct Part {
    year: i32,
    number: usize,
    articles: Vec<(usize, Content)>,
}

impl Composer<'_> {
    /// Makes every document of a feed: `sink` gets the path under the output folder and the document.
    ///
    /// Returns when the feed's newest entry was updated.
    ///
    /// # Errors
    ///
    /// The sink's own, at once.
    pub fn documents<E>(
        &self,
        planned: &Planned,
        findings: &mut Vec<Diagnostic>,
        mut sink: impl FnMut(&str, &Document<'_>) -> Result<(), E>,
    ) -> Result<DateTime<Utc>, E> {
        let mut shown = self.within_bytes(planned, findings);
        loop {
            let archived = planned.has_archives() && shown.len() < planned.articles.len();
            let parts = if archived { self.parts(planned, findings) } else { vec![] };
            let previous = parts.last().map(|part| planned.folder_url(&part.folder()));
            let feed = self.feed(planned, "", &shown, Archive { current: None, previous });
            let documents = self.in_all_formats(planned, &feed, &shown);
            // The bound on an entry's size is not a proof: what came out is what counts.
            let largest = documents.iter().map(Document::size_bytes).max().unwrap_or(0);
            if largest > planned.settings.bytes && shown.len() > 1 {
                shown.pop();
                continue;
            }
            for (format, document) in planned.settings.formats.iter().zip(&documents) {
                sink(&format!("{}{}", planned.folder, format.file_name()), document)?;
            }
            drop(documents);
            for (i, part) in parts.iter().enumerate() {
                self.archive(planned, part, i.checked_sub(1).map(|p| &parts[p]), &mut sink)?;
            }
            return Ok(feed.updated_at);
        }
    }

    fn archive<E>(
        &self,
        planned: &Planned,
        part: &Part,
        before: Option<&Part>,
        sink: &mut impl FnMut(&str, &Document<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let archive = Archive {
            current: Some(planned.folder_url("")),
            previous: before.map(|part| planned.folder_url(&part.folder())),
        };
        let feed = self.feed(planned, &part.folder(), &part.articles, archive);
        for (format, document) in
            planned.settings.formats.iter().zip(self.in_all_formats(planned, &feed, &part.articles))
        {
            sink(&format!("{}{}{}", planned.folder, part.folder(), format.file_name()), &document)?;
        }
        Ok(())
    }

    fn in_all_formats(&self, planned: &Planned, feed: &Feed, shown: &[(usize, Content)]) -> Vec<Document<'_>> {
        let entries: Vec<(&Weighed, Content)> =
            shown.iter().filter_map(|&(i, carries)| Some((self.entries[i].as_deref()?, carries))).collect();
        let formats = planned.settings.formats.iter();
        formats.map(|&format| Document::of_feed(format, feed, &entries, self.room)).collect()
    }

    /// The shown posts as far as the limit by bytes allows. A post that would take more than half of the room is carried by
    /// its summary, so that it does not push out the others.
    fn within_bytes(&self, planned: &Planned, findings: &mut Vec<Diagnostic>) -> Vec<(usize, Content)> {
        let limit = planned.settings.bytes;
        let mut room = limit.saturating_sub(HEAD_BYTES);
        let mut out = Vec::new();
        for &i in &planned.shown {
            let Some(weighed) = &self.entries[i] else { continue };
            let mut carries = planned.carries(self.collection, i);
            if carries == Content::Full && weighed.full_bytes > limit / 2 {
                carries = Content::Summary;
                self.tell_too_large(planned, i, findings);
            }
            let weight = if carries == Content::Full { weighed.full_bytes } else { weighed.summary_bytes };
            if weight > room && !out.is_empty() {
                break;
            }
            room = room.saturating_sub(weight);
            out.push((i, carries));
        }
        out
    }

    /// Says once that a post is carried by its summary, of the feed that everybody has.
    fn tell_too_large(&self, planned: &Planned, article: usize, findings: &mut Vec<Diagnostic>) {
        let limit = planned.settings.bytes;
        let message = format!("post is too large for a feed of at most {limit} bytes and is carried by its summary");
        let finding = Diagnostic::warning(message)
            .in_file(&self.collection.articles[article].post.file)
            .hint("shorten it, or raise `bytes` in `[feeds]`; many readers refuse more than 1 MB");
        if planned.kind == Kind::Site && !findings.contains(&finding) {
            findings.push(finding);
        }
    }

    /// The archives, oldest first. A year is filled from its oldest post on, so that a new post never moves an old one. A
    /// post that does not fit into an archive of its own is carried by its summary.
    fn parts(&self, planned: &Planned, findings: &mut Vec<Diagnostic>) -> Vec<Part> {
        let limit = planned.settings.bytes.saturating_sub(HEAD_BYTES);
        let mut parts: Vec<Part> = Vec::new();
        let mut filled = 0;
        for &i in planned.articles.iter().rev() {
            let Some(weighed) = &self.entries[i] else { continue };
            let zone = &self.config.site.timezone;
            let year = self.collection.articles[i].post.published_at.value.with_timezone(zone).year();
            let mut carries = planned.carries(self.collection, i);
            if carries == Content::Full && weighed.full_bytes > limit {
                carries = Content::Summary;
                self.tell_too_large(planned, i, findings);
            }
            let weight = if carries == Content::Full { weighed.full_bytes } else { weighed.summary_bytes };
            match parts.last_mut() {
                Some(part) if part.year == year && filled + weight <= limit => part.articles.push((i, carries)),
                Some(part) if part.year == year => {
                    let number = part.number + 1;
                    parts.push(Part { year, number, articles: vec![(i, carries)] });
                    filled = 0;
                }
                _ => {
                    parts.push(Part { year, number: 1, articles: vec![(i, carries)] });
                    filled = 0;
                }
            }
            filled += weight;
        }
        for part in &mut parts {
            part.articles.reverse();
        }
        parts
    }

    /// What a document says of itself; its entries are not part of it.
    fn feed(&self, planned: &Planned, below: &str, shown: &[(usize, Content)], archive: Archive) -> Feed {
        let site = &self.config.site;
        let entries = shown.iter().filter_map(|&(i, _)| self.entries[i].as_ref());
        let newest = entries.map(|weighed| weighed.entry.updated_at).max();
        // Each document has an id of its own: two feeds may not share one (RFC 4287, section 4.2.6), and no reader minds.
        let path = format!("{}{below}", if planned.folder.is_empty() { "all/" } else { &planned.folder });
        let id: Vec<String> = path.trim_end_matches('/').split('/').map(segment).collect();
        Feed {
            id: Text::new(&format!("{}feed/{}", self.collection.id_prefix, id.join("/"))),
            title: planned.title.clone(),
            description: planned.description.clone(),
            home_url: Text::new(site.url.as_str()),
            folder_url: planned.folder_url(below),
            style_url: Text::new(&format!("{}feeds/style.css", planned.settings.url.path())),
            language: site.language.clone(),
            formats: planned.settings.formats.clone(),
            updated_at: newest.or(planned.last_updated_at).unwrap_or_else(|| self.epoch()),
            hub: planned.settings.hub.as_ref().map(|hub| Text::new(hub.as_str())),
            author: Person { name: site.author.clone().unwrap_or_else(|| site.title.clone()), url: None },
            archive,
            carries: vec![],
            entries: vec![],
        }
    }

    /// The time of a feed that never had an entry: something must stand there, and no clock may be asked.
    fn epoch(&self) -> DateTime<Utc> {
        let oldest = self.collection.articles.last().map(|a| a.post.published_at.value.year());
        let year = oldest.filter(|year| (1970..=9999).contains(year)).unwrap_or(2000);
        Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).single().unwrap_or_default()
    }
}

impl Part {
    /// Its folder below the feed's: `archive/2024/`, `archive/2024/2/`.
    fn folder(&self) -> String {
        match self.number {
            1 => format!("archive/{}/", self.year),
            n => format!("archive/{}/{n}/", self.year),
        }
    }
}
