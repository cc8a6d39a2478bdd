//! A file in pieces, and the pieces of a feed: what stands before its entries, each entry, what stands after them.
//!
//! An entry is the same bytes in every feed of a format that shows it, and making these is most of the work of a writer. So
//! each is made once, cut out of a document that the format's writer made, and so are the two ends of each feed. No piece is
//! ever put together by hand: what comes out is, byte for byte, what [`write()`] makes of the whole feed. A document need not be
//! in memory as a whole to be compared or written.

use super::entry::Weighed;
use super::{Archive, Entry, Feed, Format, Person, write};
use crate::content::post::Content;
use crate::text::{Html, Text};
use chrono::{DateTime, Utc};
use memchr::memmem;
use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file that is ready to be written.
#[derive(Debug)]
pub struct Document<'a> {
    pieces: Vec<Piece<'a>>,
    size_bytes: u64,
}

#[derive(Debug)]
enum Piece<'a> {
    Bytes(Cow<'a, [u8]>),
    Kept(Arc<[u8]>),
    Entry(&'a Weighed, Cut),
}

/// Which of the pieces of an entry it is.
#[derive(Clone, Copy, Debug)]
struct Cut {
    format: Format,
    /// Whether it has its content.
    carries: Content,
}

impl<'a> Document<'a> {
    /// A file of these bytes.
    pub fn of(bytes: &'a [u8]) -> Document<'a> {
        Document { pieces: vec![Piece::Bytes(Cow::Borrowed(bytes))], size_bytes: bytes.len() as u64 }
    }

    /// A feed in one format. Its head is made from `feed`, whose own entries are not looked at; they are these.
    pub fn of_feed(format: Format, feed: &Feed, entries: &[(&'a Weighed, Content)], room: &Room) -> Document<'a> {
        if entries.is_empty() {
            let mut bytes = Vec::new();
            write(format, &Feed { entries: vec![], carries: vec![], ..feed.clone() }, &mut bytes);
            let size_bytes = bytes.len() as u64;
            return Document { pieces: vec![Piece::Bytes(Cow::Owned(bytes))], size_bytes };
        }
        let (head, tail) = ends(format, feed);
        let mut size_bytes = (head.len() + tail.len()) as u64;
        let mut pieces = Vec::with_capacity(2 * entries.len() + 2);
        pieces.push(Piece::Bytes(Cow::Owned(head)));
        let between = between(format);
        for (i, (weighed, carries)) in entries.iter().enumerate() {
            if i > 0 && !between.is_empty() {
                pieces.push(Piece::Bytes(Cow::Borrowed(between)));
                size_bytes += between.len() as u64;
            }
            let cut = Cut { format, carries: *carries };
            let (size, kept) = weighed.cuts.take(&weighed.entry, cut, room);
            size_bytes += size;
            pieces.push(kept.map_or(Piece::Entry(weighed, cut), Piece::Kept));
        }
        pieces.push(Piece::Bytes(Cow::Owned(tail)));
        Document { pieces, size_bytes }
    }

    /// How long the file is.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Its bytes, from the first to the last, as far as `take` goes on.
    ///
    /// # Errors
    ///
    /// What `take` says, at once.
    pub fn each<E>(&self, mut take: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Bytes(bytes) => take(bytes),
            Piece::Kept(bytes) => take(bytes),
            Piece::Entry(weighed, cut) => take(&weighed.cuts.cut_out(&weighed.entry, *cut)),
        })
    }

    /// All its bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(usize::try_from(self.size_bytes).unwrap_or(0));
        let Ok(()) = self.each(|bytes| {
            out.extend_from_slice(bytes);
            Ok::<(), std::convert::Infallible>(())
        });
        out
    }
}

/// How many bytes of pieces may still be kept for other feeds that show the same entries. Without room they are made anew for
/// each feed, which takes longer and comes to the same.
#[derive(Debug)]
pub struct Room(AtomicU64);

impl Room {
    /// Room for so many bytes.
    pub fn of(bytes: u64) -> Room {
        Room(AtomicU64::new(bytes))
    }

    fn give(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Takes room for so many bytes; without as much, none is left for fewer.
    fn takes(&self, bytes: u64) -> bool {
        let taken = self.0.try_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(bytes)).is_ok();
        if !taken {
            self.0.store(0, Ordering::Relaxed);
        }
        taken
    }
}

/// The pieces of one entry, each made when it is first asked for, and kept until the last feed has it.
#[derive(Debug)]
pub struct Cuts {
    /// The language of the feeds that show it.
    language: Text,
    /// How many documents of each format show it, about: more than that make their piece anew.
    uses: usize,
    made: [Mutex<Made>; 6],
}

/// One piece.
#[derive(Debug, Default)]
struct Made {
    /// How long it is, once that is known.
    size_bytes: Option<u64>,
    /// Its bytes, where there was room.
    bytes: Option<Arc<[u8]>>,
    /// How many documents have it.
    used: usize,
}

impl Cuts {
    /// None yet, for feeds in this language and for so many documents.
    pub fn new(language: Text, uses: usize) -> Cuts {
        Cuts { language, uses, made: Default::default() }
    }

    /// How long a piece is, and the piece where it is kept.
    fn take(&self, entry: &Arc<Entry>, cut: Cut, room: &Room) -> (u64, Option<Arc<[u8]>>) {
        let mut made = self.of(cut);
        let size_bytes = match made.size_bytes {
            Some(size_bytes) => size_bytes,
            None => self.make_in(&mut made, entry, cut, room),
        };
        made.used += 1;
        if made.used < self.uses {
            return (size_bytes, made.bytes.clone());
        }
        let bytes = made.bytes.take();
        room.give(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64));
        (size_bytes, bytes)
    }

    fn of(&self, cut: Cut) -> MutexGuard<'_, Made> {
        self.made[place(cut)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make_in(&self, made: &mut Made, entry: &Arc<Entry>, cut: Cut, room: &Room) -> u64 {
        let bytes = self.cut_out(entry, cut);
        let size_bytes = bytes.len() as u64;
        made.size_bytes = Some(size_bytes);
        made.bytes = room.takes(size_bytes).then(|| bytes.into());
        size_bytes
    }

    fn cut_out(&self, entry: &Arc<Entry>, cut: Cut) -> Vec<u8> {
        cut_out(cut.format, entry, cut.carries, &self.language)
    }
}

fn place(cut: Cut) -> usize {
    let format = match cut.format {
        Format::Atom => 0,
        Format::Rss => 1,
        Format::Json => 2,
    };
    2 * format + usize::from(cut.carries == Content::Full)
}

/// How an entry starts and ends in a format. What a feed says of itself cannot look so: its `<` and `"` are escaped.
fn marks(format: Format) -> (&'static [u8], &'static [u8]) {
    match format {
        Format::Atom => (b"\n  <entry>", b"</entry>"),
        Format::Rss => (b"\n    <item>", b"</item>"),
        Format::Json => (b"\n  {\n", b"\n  }"),
    }
}

/// What stands between two entries.
fn between(format: Format) -> &'static [u8] {
    match format {
        Format::Atom | Format::Rss => b"",
        Format::Json => b",",
    }
}

/// What stands before and after the entries of a feed.
fn ends(format: Format, feed: &Feed) -> (Vec<u8>, Vec<u8>) {
    let stand_in = Arc::new(nothing(feed.updated_at));
    let mut bytes = Vec::new();
    write(format, &Feed { entries: vec![stand_in], carries: vec![Content::Summary], ..feed.clone() }, &mut bytes);
    let (from, to) = found(format, &bytes);
    let tail = bytes.split_off(to);
    bytes.truncate(from);
    (bytes, tail)
}

/// An entry as it stands in every feed of this language.
fn cut_out(format: Format, entry: &Arc<Entry>, carries: Content, language: &Text) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2048 + entry.content.len() + entry.content.len() / 4);
    write(format, &alone(entry, carries, language), &mut bytes);
    let (from, to) = found(format, &bytes);
    bytes.truncate(to);
    bytes.drain(..from);
    bytes
}

/// Where the only entry of a document starts and ends.
fn found(format: Format, bytes: &[u8]) -> (usize, usize) {
    let (start, end) = marks(format);
    // In JSON, lists of the feed itself come before: its authors and hubs.
    let items = if format == Format::Json { memmem::find(bytes, b"\n \"items\": [").unwrap_or(0) } else { 0 };
    let from = items + memmem::find(&bytes[items..], start).expect("every writer writes the entry");
    let to = memmem::rfind(bytes, end).expect("every writer ends the entry") + end.len();
    (from, to)
}

/// A feed of one entry.
fn alone(entry: &Arc<Entry>, carries: Content, language: &Text) -> Feed {
    Feed {
        id: Text::default(),
        title: Text::default(),
        description: Text::default(),
        home_url: Text::default(),
        folder_url: Text::default(),
        style_url: Text::default(),
        language: language.clone(),
        updated_at: entry.updated_at,
        formats: vec![],
        hub: None,
        author: Person { name: Text::default(), url: None },
        archive: Archive::default(),
        entries: vec![Arc::clone(entry)],
        carries: vec![carries],
    }
}

/// What stands where entries will.
fn nothing(at: DateTime<Utc>) -> Entry {
    Entry {
        id: Text::default(),
        title: Text::default(),
        url: Text::default(),
        published_at: at,
        updated_at: at,
        authors: vec![],
        terms: vec![],
        summary: Text::default(),
        content: Html::default(),
        language: None,
        image: None,
        enclosure: None,
    }
}
