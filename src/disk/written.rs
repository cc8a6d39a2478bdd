//! What a build remembers: in `.tidings/written.json` the files that are ours to remove and feeds that must stay, in
//! `.tidings/posts.json` the posts that were out. Either may be lost or made by somebody else: then nothing is removed that
//! should stay.

use crate::feed::gone::Told;
use crate::feed::plan::Remembered;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Component, Path};

/// The folder for what a build remembers, relative to the site's root.
pub const STATE: &str = ".tidings";

/// The name of the list of files in [`STATE`].
pub const FILE: &str = "written.json";

/// The name of the list of posts in [`STATE`]. It is long and changes seldom, so it has a file of its own.
pub const POSTS: &str = "posts.json";

/// What was written, and what must be remembered of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Written {
    /// The output folder, relative to the site's root. Lists of older builds do not name it.
    #[serde(default)]
    pub folder: Option<String>,
    /// Path under the output folder, and the fingerprint of what was written there.
    pub files: BTreeMap<String, String>,
    /// Feeds, by folder: when each was updated, and what a term feed is called, which stays when its last post goes.
    #[serde(default)]
    pub feeds: BTreeMap<String, Remembered>,
    /// Folders of feeds that were written once, and that no feed has any more.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub gone: BTreeSet<String>,
    /// Whether a build was at work when this was saved: if it was killed, new bytes lie beside their files.
    #[serde(default)]
    pub building: bool,
}

/// What must be remembered of feeds and posts.
#[derive(Clone, Debug, Default)]
pub struct Memory<'a> {
    /// Feeds, by folder.
    pub feeds: BTreeMap<String, Remembered>,
    /// Posts that feeds told of, by address; none where they are those that are remembered.
    pub posts: Option<Told<'a>>,
    /// Folders of feeds that are gone.
    pub gone: BTreeSet<String>,
}

/// The posts that feeds told of, by address; none where that cannot be read.
pub fn posts(root: &Path) -> Told<'static> {
    let bytes = fs::read(root.join(STATE).join(POSTS)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

impl Written {
    /// Nothing yet, in this output folder.
    pub fn new(folder: &str) -> Written {
        Written { folder: Some(folder.to_string()), ..Written::default() }
    }

    /// Goes over to another output folder, in which nothing is ours yet; the one before, if it is another.
    pub fn move_to(&mut self, folder: &str) -> Option<String> {
        let parts = |path: &str| -> Vec<String> {
            let parts = Path::new(path).components().filter(|part| *part != Component::CurDir);
            parts.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
        };
        let old = self.folder.replace(folder.to_string()).filter(|old| parts(old) != parts(folder))?;
        self.files.clear();
        Some(old)
    }
}

/// What the last build wrote, and a line to be said where that cannot be read. Then nothing is ours, which is the safe side.
pub fn load(root: &Path) -> (Written, Option<String>) {
    let bytes = match fs::read(root.join(STATE).join(FILE)) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return (Written::default(), None),
        Err(_) => Vec::new(),
        Ok(bytes) => bytes,
    };
    let Some(written) = parse(&bytes) else {
        let note = format!("`{STATE}/{FILE}` cannot be read, so no old file is removed this time");
        return (Written { building: true, ..Written::default() }, Some(note));
    };
    (written, None)
}

/// The list that a file holds; none where it is damaged.
pub fn parse(bytes: &[u8]) -> Option<Written> {
    let mut written = serde_json::from_slice::<Written>(bytes).ok()?;
    // A list that somebody else has written may name anything: all of it must lie inside of the output folder.
    let inside = |path: &str| Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let is_folder = |folder: &str| inside(folder) && (folder.is_empty() || folder.ends_with('/'));
    written.files.retain(|path, _| inside(path));
    written.feeds.retain(|folder, _| is_folder(folder));
    written.gone.retain(|folder| is_folder(folder) && !folder.is_empty());
    Some(written)
}

/// What is remembered of feeds of which a file is still there, in the folder where they were written.
pub fn remembered(root: &Path, folder: &str) -> BTreeMap<String, Remembered> {
    let Written { folder: was, files, feeds, .. } = load(root).0;
    let folder = root.join(was.as_deref().unwrap_or(folder));
    let there = |feed: &String| {
        let files = files.range(feed.clone()..).map(|(file, _)| file);
        files.take_while(|file| file.starts_with(feed)).any(|file| folder.join(file).exists())
    };
    feeds.into_iter().filter(|(feed, _)| there(feed)).collect()
}
