//! What the last build left, and the files of it that were asked for: kept as long as the disk says that they are the same.

use super::Shared;
use super::document::{Document, Kind, Source, Stamp, read};
use crate::diagnostic::Diagnostic;
use crate::disk::compress::{Coding, has_copies};
use crate::disk::served;
use crate::disk::written::{self, STATE, Written};
use crate::feed::opened::{self, Around};
use crate::feed::served::Served;
use crate::feed::{Format, read as feed};
use axum::body::Bytes;
use std::collections::HashMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

/// How much memory files take at most, in bytes.
const MOST_KEPT: usize = 64 * 1024 * 1024;

/// How long what the lists say may be taken for what they say now.
const MOMENT: Duration = Duration::from_millis(100);

/// The name of the page that a folder is shown by.
const INDEX: &str = "index.html";

/// The files of `.tidings` that say what there is; none where there is no such file.
type Stamps = [Option<Stamp>; 2];

/// The present state of the disk, as far as it was asked for.
#[derive(Debug)]
pub(super) struct Memory {
    root: PathBuf,
    output: String,
    lists: [PathBuf; 2],
    now: RwLock<Arc<Known>>,
    /// What could not be read: it is not tried again until it changes.
    refused: Mutex<Option<Stamps>>,
    turn: tokio::sync::Mutex<()>,
    seen: Arc<Mutex<Seen>>,
    began: Instant,
    /// When the lists were last looked at, in milliseconds since `began`.
    looked_at: AtomicU64,
}

/// The last version of each file that was read: its hash, its second, and whether another had the same.
type Seen = HashMap<String, (String, SystemTime, bool)>;

/// What one build left.
#[derive(Debug)]
pub(super) struct Known {
    /// What the build says of the site.
    pub(super) site: Arc<Served>,
    slots: HashMap<String, Arc<Slot>>,
    stamps: Stamps,
    kept_bytes: Arc<AtomicUsize>,
    clock: AtomicU64,
}

/// A file that the build wrote, and what was read of it.
#[derive(Debug)]
pub(super) struct Slot {
    /// What it is.
    pub(super) kind: Kind,
    name: String,
    path: PathBuf,
    /// The copies that the build wrote.
    codings: Vec<Coding>,
    document: Cell,
    page: Cell,
}

/// A document, once it was asked for.
#[derive(Debug, Default)]
struct Cell {
    document: RwLock<Option<Arc<Document>>>,
    used_at: AtomicU64,
    turn: tokio::sync::Mutex<()>,
}

impl Memory {
    /// Reads what the last build left.
    ///
    /// # Errors
    ///
    /// That it is not there, or damaged.
    pub(super) fn open(root: &Path, output: &str) -> Result<Memory, Diagnostic> {
        let state = root.join(STATE);
        let lists = [state.join(written::FILE), state.join(served::FILE)];
        let site = served::load(root)?;
        let list = std::fs::read(&lists[0]).ok().and_then(|bytes| written::parse(&bytes)).ok_or_else(|| {
            Diagnostic::error(format!("cannot read `{STATE}/{}`", written::FILE))
                .hint("it is written by `tidings build`; run that first")
        })?;
        // Should they change meanwhile, the first request reads them again.
        let known = Known::new(root, output, list, site, [None, None]);
        Ok(Memory {
            root: root.to_owned(),
            output: output.to_owned(),
            lists,
            now: RwLock::new(Arc::new(known)),
            refused: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            seen: Arc::default(),
            began: Instant::now(),
            looked_at: AtomicU64::new(0),
        })
    }

    /// What there is now. Where that cannot be read, it is what was there before.
    pub(super) async fn known(&self) -> Arc<Known> {
        self.looked_at.store(self.millis(), Ordering::Relaxed);
        if let Some(known) = self.known_by(&self.stamps()) {
            return known;
        }
        let _turn = self.turn.lock().await;
        let stamps = self.stamps();
        if let Some(known) = self.known_by(&stamps) {
            return known;
        }
        let (root, output, list) = (self.root.clone(), self.output.clone(), self.lists[0].clone());
        let reading = tokio::task::spawn_blocking(move || {
            let list = written::parse(&std::fs::read(list).ok()?)?;
            Some(Known::new(&root, &output, list, served::load(&root).ok()?, stamps))
        });
        match reading.await {
            Ok(Some(known)) => {
                let known = Arc::new(known);
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&known);
                known
            }
            _ => {
                *lock(&self.refused) = Some(stamps);
                self.present()
            }
        }
    }

    /// The same, as it was a moment ago. Good for whoever finds a file in it, which is looked at anyway; who does not find
    /// one asks for what is known now.
    pub(super) async fn recently_known(&self) -> Arc<Known> {
        let since = self.millis().saturating_sub(self.looked_at.load(Ordering::Relaxed));
        match Duration::from_millis(since) < MOMENT {
            true => self.present(),
            false => self.known().await,
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn present(&self) -> Arc<Known> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was read of files with these stamps, or before files that could not be read.
    fn known_by(&self, stamps: &Stamps) -> Option<Arc<Known>> {
        let known = self.present();
        (known.stamps == *stamps || lock(&self.refused).as_ref() == Some(stamps)).then_some(known)
    }

    fn stamps(&self) -> Stamps {
        [Stamp::of(&self.lists[0]).ok(), Stamp::of(&self.lists[1]).ok()]
    }

    /// The present version of a file, or of the page for people that is made of it. However many ask for one at once, it is
    /// made once. A feed of which no page can be made is sent as it is.
    ///
    /// # Errors
    ///
    /// What the system said; [`io::ErrorKind::NotFound`] for a file that is not there.
    pub(super) async fn get(
        &self,
        known: &Arc<Known>,
        slot: &Arc<Slot>,
        shape: Shape,
        shared: &Arc<Shared>,
    ) -> io::Result<Arc<Document>> {
        let cell = slot.cell(shape);
        cell.used_at.store(known.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        if let Some(document) = slot.current(shape)? {
            return Ok(document);
        }
        let _turn = cell.turn.lock().await;
        if let Some(document) = slot.current(shape)? {
            return Ok(document);
        }
        let making = {
            let (known, slot, shared, seen) =
                (Arc::clone(known), Arc::clone(slot), Arc::clone(shared), Arc::clone(&self.seen));
            tokio::task::spawn_blocking(move || match shape {
                Shape::File => slot.load(&known, &shared, &seen),
                Shape::Page => {
                    let (bytes, stamp) = read(&slot.path)?;
                    let page = slot.page(&known, &shared, &bytes, stamp);
                    page.map(Ok).unwrap_or_else(|| slot.load(&known, &shared, &seen))
                }
            })
        };
        let made = Arc::new(making.await.unwrap_or_else(|err| Err(io::Error::other(err)))?);
        cell.put(Some(Arc::clone(&made)), &known.kept_bytes);
        known.make_room();
        Ok(made)
    }
}

/// As what a file is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// As it is.
    File,
    /// As a page for people.
    Page,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Known {
    fn new(root: &Path, output: &str, list: Written, site: Served, stamps: Stamps) -> Known {
        let is_inside = |folder: &str| {
            Path::new(folder).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        };
        let folder = root.join(list.folder.as_deref().filter(|folder| is_inside(folder)).unwrap_or(output));
        let copy_of = |name: &str| {
            let plain = Coding::ALL.iter().find_map(|coding| name.strip_suffix(coding.ending()));
            plain.is_some_and(|plain| list.files.contains_key(plain))
        };
        let slots = list.files.keys().filter(|name| !copy_of(name)).map(|name| {
            let has = |coding: &Coding| list.files.contains_key(&format!("{name}{}", coding.ending()));
            let slot = Slot {
                kind: Kind::of(name),
                name: name.clone(),
                path: folder.join(name),
                codings: Coding::ALL.into_iter().filter(has).collect(),
                document: Cell::default(),
                page: Cell::default(),
            };
            (name.clone(), Arc::new(slot))
        });
        Known {
            slots: slots.collect(),
            site: Arc::new(site),
            stamps,
            kept_bytes: Arc::default(),
            clock: AtomicU64::new(0),
        }
    }

    /// The file of a path; for a folder, which ends in `/` or is empty, its page.
    pub(super) fn slot(&self, path: &str) -> Option<&Arc<Slot>> {
        if path.is_empty() || path.ends_with('/') {
            return self.slots.get(&format!("{path}{INDEX}"));
        }
        self.slots.get(path)
    }

    /// Lets go of what was not asked for the longest, where too much is kept.
    fn make_room(&self) {
        if self.kept_bytes.load(Ordering::Relaxed) <= MOST_KEPT {
            return;
        }
        let cells = self.slots.values().flat_map(|slot| [&slot.document, &slot.page]);
        let mut kept: Vec<(u64, &Cell)> = cells
            .filter(|cell| cell.present().is_some())
            .map(|cell| (cell.used_at.load(Ordering::Relaxed), cell))
            .collect();
        kept.sort_by_key(|(used_at, _)| *used_at);
        for (_, cell) in kept {
            if self.kept_bytes.load(Ordering::Relaxed) <= MOST_KEPT / 8 * 7 {
                break;
            }
            cell.put(None, &self.kept_bytes);
        }
    }
}

impl Cell {
    fn present(&self) -> Option<Arc<Document>> {
        self.document.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts a document in place of another.
    fn put(&self, new: Option<Arc<Document>>, kept_bytes: &AtomicUsize) {
        let mut place = self.document.write().unwrap_or_else(PoisonError::into_inner);
        kept_bytes.fetch_add(new.as_ref().map_or(0, |new| new.kept_bytes()), Ordering::Relaxed);
        let old = std::mem::replace(&mut *place, new);
        kept_bytes.fetch_sub(old.map_or(0, |old| old.kept_bytes()), Ordering::Relaxed);
    }
}

impl Slot {
    fn cell(&self, shape: Shape) -> &Cell {
        match shape {
            Shape::File => &self.document,
            Shape::Page => &self.page,
        }
    }

    /// What was made of the file, if that is as it was.
    fn current(&self, shape: Shape) -> io::Result<Option<Arc<Document>>> {
        let stamp = Stamp::of(&self.path)?;
        Ok(self.cell(shape).present().filter(|document| document.stamp == stamp))
    }

    /// Lets go of a version that turned out to be another by now.
    pub(super) fn forget(&self, document: &Arc<Document>) {
        for cell in [&self.document, &self.page] {
            let mut place = cell.document.write().unwrap_or_else(PoisonError::into_inner);
            // Nothing of it is in memory, so that there is nothing to count.
            if place.as_ref().is_some_and(|there| Arc::ptr_eq(there, document) && there.kept_bytes() == 0) {
                *place = None;
            }
        }
    }

    fn folder(&self) -> &str {
        &self.name[..self.name.rfind('/').map_or(0, |at| at + 1)]
    }

    /// Reads the file, and those of its copies that hold the same.
    fn load(&self, known: &Known, shared: &Shared, seen: &Mutex<Seen>) -> io::Result<Document> {
        let (bytes, stamp) = read(&self.path)?;
        let copy = |coding: &Coding| {
            let mut name = self.path.clone().into_os_string();
            name.push(coding.ending());
            let path = PathBuf::from(name);
            let (copy, stamp) = read(&path).ok()?;
            coding.holds(&copy, &bytes).then_some((*coding, copy, Some((path, stamp))))
        };
        let mut document = Document::new(Source {
            kind: self.kind,
            is_negotiated: self.kind.is_feed(),
            copies: self.codings.iter().filter_map(copy).collect(),
            bytes,
            place: Some(self.path.clone()),
            stamp,
            is_dated: true,
            links: self.links(known, shared),
        });
        if let Some(at) = document.modified_at() {
            let mut seen = lock(seen);
            let hash = document.hash.clone();
            let shared =
                seen.get(&self.name).is_some_and(|(was, when, shared)| *when == at && (*shared || *was != hash));
            if shared {
                document.share_time();
            }
            seen.insert(self.name.clone(), (hash, at, shared));
        }
        Ok(document)
    }

    /// The hub of a feed that has one, and the feed's own address. None for an archive: nobody subscribes to one.
    fn links(&self, known: &Known, shared: &Shared) -> Option<(String, String)> {
        if !self.kind.is_feed() {
            return None;
        }
        let feed = known.site.feeds.iter().find(|feed| feed.folder == self.folder())?;
        Some((feed.hub.clone()?, format!("{}{}", shared.url, self.name)))
    }

    /// The page for people; none where the feed cannot be read or a template fails.
    fn page(&self, known: &Known, shared: &Shared, bytes: &[u8], stamp: Stamp) -> Option<Document> {
        let folder = self.folder();
        let is_there = |format: &Format| known.slots.contains_key(&format!("{folder}{}", format.file_name()));
        let formats: Vec<Format> = Format::ALL.into_iter().filter(is_there).collect();
        let around = Around {
            site: &known.site,
            timezone: shared.timezone,
            folder,
            formats: &formats,
            signup_url: shared.signup_url.as_deref(),
        };
        let feed = feed::parse(bytes, &format!("{}{}", shared.url, self.name)).ok()?;
        let page = opened::render(&shared.templates, &feed, around).ok()?.into_bytes();
        let copy = |coding: Coding| coding.pack(&page).map(|copy| (coding, Bytes::from(copy), None));
        let codings = Coding::ALL.into_iter().filter(|_| has_copies(INDEX, page.len() as u64));
        let copies = codings.filter_map(copy).collect();
        Some(Document::new(Source {
            kind: Kind::Page,
            is_negotiated: true,
            bytes: page.into(),
            place: None,
            stamp,
            is_dated: false,
            copies,
            links: None,
        }))
    }
}
