//! A file in memory, in every coding in which it is sent, with the headers of each.

use super::conditional::{self, Validators};
use super::negotiate::Weights;
use crate::disk::compress::Coding;
use crate::feed::Format;
use crate::feed::hosting::{CACHE, OPML, header_url};
use axum::body::Bytes;
use axum::http::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LINK, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headers::{HeaderMapExt as _, LastModified};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The largest file that is kept in memory, with its copies, in bytes.
const LARGEST_KEPT: usize = 8 * 1024 * 1024;

/// What a page of ours may load: styles and pictures, and nothing that runs.
const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' https: data:; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A feed.
    Feed(Format),
    /// A page.
    Page,
    /// Anything else, by its media type.
    Other(&'static str),
}

impl Kind {
    /// What a file of this name is.
    pub(super) fn of(path: &str) -> Kind {
        let name = path.rsplit('/').next().unwrap_or_default();
        if let Some(format) = Format::ALL.into_iter().find(|format| format.file_name() == name) {
            return Kind::Feed(format);
        }
        match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("html") => Kind::Page,
            Some("opml") => Kind::Other(OPML),
            Some(_) => Kind::Other(mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream")),
            None => Kind::Other("application/octet-stream"),
        }
    }

    pub(super) fn is_feed(self) -> bool {
        matches!(self, Kind::Feed(_))
    }

    fn media_type(self) -> &'static str {
        match self {
            Kind::Feed(format) => format.media_type(),
            Kind::Page => "text/html",
            Kind::Other(media_type) => media_type,
        }
    }

    /// Whether it is text, which a build writes in UTF-8 and may have compressed copies of.
    fn is_text(self) -> bool {
        let media_type = self.media_type();
        media_type.starts_with("text/") || media_type.ends_with("xml") || media_type.ends_with("json")
    }

    fn content_type(self) -> String {
        let charset = if self.is_text() { "; charset=utf-8" } else { "" };
        format!("{}{charset}", self.media_type())
    }
}

/// What tells from outside that a file is another than before. A file that is renamed into place has a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified_at: Option<SystemTime>,
    size: u64,
    number: u64,
}

impl Stamp {
    /// That of the file itself, not of what it may lead to.
    pub(super) fn of(path: &Path) -> io::Result<Stamp> {
        Stamp::from(&fs::symlink_metadata(path)?)
    }

    fn from(found: &Metadata) -> io::Result<Stamp> {
        if !found.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(found);
        #[cfg(not(unix))]
        let number = 0;
        Ok(Stamp { modified_at: found.modified().ok(), size: found.len(), number })
    }

    /// When it was written, in whole seconds: as HTTP can say it.
    fn modified_at(self) -> Option<SystemTime> {
        let since = self.modified_at?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs()))
    }
}

/// Reads one version of a file whole.
///
/// # Errors
///
/// What the system said; that it grew or shrank meanwhile, which a build never does.
pub(super) fn read(path: &Path) -> io::Result<(Bytes, Stamp)> {
    // A link could be laid between the two, but then it is not the file that was looked at.
    let named = Stamp::of(path)?;
    let mut file = File::open(path)?;
    let opened = Stamp::from(&file.metadata()?)?;
    let mut bytes = Vec::with_capacity(usize::try_from(opened.size).unwrap_or(0).saturating_add(1));
    file.read_to_end(&mut bytes)?;
    let is_whole = bytes.len() as u64 == opened.size && Stamp::from(&file.metadata()?)? == opened;
    if !is_whole || named != opened {
        return Err(io::ErrorKind::Interrupted.into());
    }
    Ok((bytes.into(), opened))
}

/// One version of a file, or of the page that is made of it.
#[derive(Debug)]
pub(super) struct Document {
    /// That of the file it is, or is made from.
    pub(super) stamp: Stamp,
    /// What all its tags start with: the hash of its bytes.
    pub(super) hash: String,
    representations: Vec<Representation>,
    modified_at: Option<SystemTime>,
    time_is_shared: bool,
}

/// One version of a file in one coding.
#[derive(Debug)]
pub(super) struct Representation {
    coding: Option<Coding>,
    /// In its quotes.
    tag: String,
    content: Content,
    /// The headers of a full answer.
    pub(super) headers: HeaderMap,
    /// The headers of an answer that says that the client has it.
    pub(super) unchanged: HeaderMap,
}

/// Where the bytes are.
#[derive(Debug)]
enum Content {
    Kept(Bytes),
    OnDisk(PathBuf, Stamp),
}

/// A compressed copy, and where it lies, if anywhere.
pub(super) type Copied = (Coding, Bytes, Option<(PathBuf, Stamp)>);

/// What a document is made from.
pub(super) struct Source {
    /// What it is.
    pub(super) kind: Kind,
    /// Whether a page for people is sent at the same address.
    pub(super) is_negotiated: bool,
    /// Its bytes, and where they lie.
    pub(super) bytes: Bytes,
    /// Where they lie, if anywhere.
    pub(super) place: Option<PathBuf>,
    /// That of the file.
    pub(super) stamp: Stamp,
    /// When it changed, where that is told.
    pub(super) is_dated: bool,
    /// Compressed copies that hold exactly its bytes.
    pub(super) copies: Vec<Copied>,
    /// A WebSub hub, and the address of the feed itself.
    pub(super) links: Option<(String, String)>,
}

impl Document {
    /// A document with all its headers.
    pub(super) fn new(source: Source) -> Document {
        let Source { kind, is_negotiated, bytes, place, stamp, is_dated, copies, links } = source;
        let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(&bytes)[..15]);
        let modified_at = stamp.modified_at().filter(|_| is_dated);
        let size: usize = bytes.len() + copies.iter().map(|(_, copy, _)| copy.len()).sum::<usize>();
        let vary = match (is_negotiated, kind.is_text()) {
            (true, _) => Some("Accept-Encoding, Accept"),
            (false, true) => Some("Accept-Encoding"),
            (false, false) => None,
        };
        let all = copies.into_iter().map(|(coding, copy, place)| (Some(coding), copy, place));
        let plain = (None, bytes, place.map(|place| (place, stamp)));
        let representation = |(coding, bytes, place): (Option<Coding>, Bytes, Option<(PathBuf, Stamp)>)| {
            let ending = match coding {
                Some(Coding::Brotli) => "-br",
                Some(Coding::Gzip) => "-gz",
                None => "",
            };
            let tag = format!("\"{hash}{ending}\"");
            let mut unchanged = HeaderMap::new();
            unchanged.extend(HeaderValue::try_from(&tag).map(|tag| (ETAG, tag)));
            if let Some(at) = modified_at {
                unchanged.typed_insert(LastModified::from(at));
            }
            unchanged.insert(CACHE_CONTROL, HeaderValue::from_static(CACHE));
            unchanged.extend(vary.map(|vary| (VARY, HeaderValue::from_static(vary))));
            if kind.is_feed() {
                unchanged.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            let mut headers = unchanged.clone();
            headers.extend(HeaderValue::try_from(kind.content_type()).map(|of| (CONTENT_TYPE, of)));
            headers.insert(CONTENT_LENGTH, bytes.len().into());
            headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            if let Some(coding) = coding {
                let name = if coding == Coding::Gzip { "gzip" } else { "br" };
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
            }
            if kind == Kind::Page {
                headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            }
            if let Some((hub, own)) = &links {
                let link = format!("<{}>; rel=\"hub\", <{}>; rel=\"self\"", header_url(hub), header_url(own));
                headers.extend(HeaderValue::try_from(link).map(|link| (LINK, link)));
            }
            let content = match place {
                Some((path, stamp)) if size > LARGEST_KEPT => Content::OnDisk(path, stamp),
                _ => Content::Kept(bytes),
            };
            Representation { coding, tag, content, headers, unchanged }
        };
        let representations = all.chain([plain]).map(representation).collect();
        Document { stamp, representations, modified_at, time_is_shared: false, hash }
    }

    /// Marks that another version had the same time, in whole seconds.
    pub(super) fn share_time(&mut self) {
        self.time_is_shared = true;
    }

    /// When it changed, in whole seconds.
    pub(super) fn modified_at(&self) -> Option<SystemTime> {
        self.modified_at
    }

    /// How much memory its bytes take.
    pub(super) fn kept_bytes(&self) -> usize {
        let kept = |of: &Representation| match &of.content {
            Content::Kept(bytes) => bytes.len(),
            Content::OnDisk(..) => 0,
        };
        self.representations.iter().map(kept).sum()
    }

    /// The representation that a client likes best, of those that it takes; one that it has already goes before all
    /// others, so that nothing need be sent. The plain bytes where it takes none.
    pub(super) fn chosen(&self, headers: &HeaderMap) -> &Representation {
        let weights = Weights::of(headers);
        let (mut best, mut most) = (self.plain(), 0);
        for each in &self.representations {
            let weight = weights.of_coding(each.coding);
            if weight > most {
                (best, most) = (each, weight);
            }
        }
        let has = |each: &&Representation| conditional::has(headers, &each.tag);
        let taken = |each: &&Representation| weights.of_coding(each.coding) > 0;
        std::iter::once(best).chain(self.representations.iter().filter(taken)).find(has).unwrap_or(best)
    }

    /// What tells a representation from others.
    pub(super) fn validators<'a>(&self, of: &'a Representation) -> Validators<'a> {
        Validators { tag: &of.tag, modified_at: self.modified_at, time_is_shared: self.time_is_shared }
    }

    /// The bytes as they are.
    pub(super) fn plain(&self) -> &Representation {
        self.representations.last().expect("every document has its plain bytes")
    }
}

impl Representation {
    /// The bytes.
    ///
    /// # Errors
    ///
    /// What the system said of a file that is too large to keep; that it is another by now.
    pub(super) async fn bytes(&self) -> io::Result<Bytes> {
        match &self.content {
            Content::Kept(bytes) => Ok(bytes.clone()),
            Content::OnDisk(path, stamp) => {
                let (path, stamp) = (path.clone(), *stamp);
                let reading = tokio::task::spawn_blocking(move || {
                    let (bytes, found) = read(&path)?;
                    if found == stamp { Ok(bytes) } else { Err(io::ErrorKind::Interrupted.into()) }
                });
                reading.await.unwrap_or_else(|err| Err(io::Error::other(err)))
            }
        }
    }
}
