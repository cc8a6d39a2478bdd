//! The output folder: all of a build, or nothing of it.
//!
//! A file whose bytes would not change is not touched. New bytes are written beside their file first; only when all of
//! them lie there are they renamed, one after the other. A build that is killed leaves each file old or new, and what it
//! left beside them the next build sweeps away. Only files that `.tidings/written.json` names are ever removed. Feeds can
//! be made again from the posts, so they are not forced to the disk one by one.

use super::load::reason;
use super::replace::{self, beside};
use crate::diagnostic::Diagnostic;
use crate::feed::plan::Remembered;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Component, Path, PathBuf};

/// The folder for what a build remembers, relative to the site's root.
pub const STATE: &str = ".tidings";

/// What was written, and what must be remembered of it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Written {
    /// Path under the output folder, and the start of the SHA-256 of what was written there.
    files: BTreeMap<String, String>,
    /// Term feeds, by folder: they stay when their last post goes.
    #[serde(default)]
    feeds: BTreeMap<String, Remembered>,
    /// Whether a build was at work when this was saved: if it was killed, new bytes lie beside their files.
    #[serde(default)]
    building: bool,
}

/// What a build did, as paths under the output folder, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// New, or with other bytes than before.
    pub written: Vec<String>,
    /// With the same bytes; not touched.
    pub unchanged: Vec<String>,
    /// No feed owns them any more.
    pub removed: Vec<String>,
    /// No feed owns them any more, but somebody else has changed them since: left alone.
    pub kept: Vec<String>,
}

/// The right to build, which one program at a time has. The system takes it back when the program ends, however it ends.
pub struct Turn(#[allow(dead_code, reason = "held, never read: the lock lives as long as the file is open")] File);

impl Turn {
    /// Waits for the right to build. `waiting` is called once if somebody else has it.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn take(root: &Path, waiting: impl FnOnce()) -> Result<Turn, Diagnostic> {
        fs::create_dir_all(root.join(STATE)).map_err(|err| unwritable(STATE, &err))?;
        let name = format!("{STATE}/build.lock");
        let lock = File::create(root.join(&name)).map_err(|err| unwritable(&name, &err))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waiting();
                lock.lock().map_err(|err| unwritable(&name, &err))?;
            }
            Err(TryLockError::Error(err)) => return Err(unwritable(&name, &err)),
        }
        Ok(Turn(lock))
    }
}

/// The output folder during one build.
pub struct Output<'a> {
    folder: PathBuf,
    shown: String,
    state: PathBuf,
    before: Written,
    staged: Vec<String>,
    now: BTreeMap<String, String>,
    report: Report,
    done: bool,
    _turn: &'a Turn,
}

impl<'a> Output<'a> {
    /// Opens the output folder, and sweeps up after a build that was killed.
    pub fn open(root: &Path, folder: &str, turn: &'a Turn) -> Output<'a> {
        let before = written(root);
        if before.building {
            sweep(&root.join(folder));
        }
        Output {
            folder: root.join(folder),
            shown: folder.to_string(),
            state: root.join(STATE),
            before,
            staged: vec![],
            now: BTreeMap::new(),
            report: Report::default(),
            done: false,
            _turn: turn,
        }
    }

    /// Takes the bytes of a file: compares them with what is there, and lays them beside it where they differ.
    ///
    /// # Errors
    ///
    /// What the system said; a path through a link, which could lead out of the folder.
    pub fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), Diagnostic> {
        self.now.insert(path.to_string(), hash(bytes));
        let target = self.folder.join(path);
        if same(&target, bytes) {
            self.report.unchanged.push(path.to_string());
            return Ok(());
        }
        let shown = format!("{}/{path}", self.shown);
        if self.leads_through_link(path) {
            return Err(Diagnostic::error(format!("cannot write `{shown}`: a folder on the way is a link"))
                .hint("what is written must stay inside the output folder; remove the link"));
        }
        if fs::symlink_metadata(&target).is_ok_and(|found| found.is_dir()) {
            return Err(Diagnostic::error(format!("cannot write `{shown}`: there is a folder of that name")));
        }
        if self.staged.is_empty() {
            self.before.building = true;
            self.save(&self.before)?;
        }
        let parent = target.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).map_err(|err| unwritable(&shown, &err))?;
        self.staged.push(path.to_string());
        fs::write(beside(&target), bytes).map_err(|err| unwritable(&shown, &err))
    }

    /// What was put and differs from what is there, as paths under the output folder.
    pub fn changed(&self) -> &[String] {
        &self.staged
    }

    /// Makes everything that was put visible, and removes what no feed owns any more.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn commit(mut self, feeds: BTreeMap<String, Remembered>) -> Result<Report, Diagnostic> {
        if !self.staged.is_empty() {
            // Should this be killed among its renames, the next build still knows every file that is ours.
            let mut files = self.before.files.clone();
            files.extend(self.now.clone());
            self.save(&Written { files, feeds: self.before.feeds.clone(), building: true })?;
        }
        let staged = std::mem::take(&mut self.staged);
        self.done = true;
        for (i, path) in staged.iter().enumerate() {
            let target = self.folder.join(path);
            if let Err(err) = fs::rename(beside(&target), &target) {
                for left in &staged[i..] {
                    let _ = fs::remove_file(beside(&self.folder.join(left)));
                }
                return Err(unwritable(&format!("{}/{path}", self.shown), &err));
            }
        }
        self.report.written = staged;
        let gone: Vec<(String, String)> = self
            .before
            .files
            .iter()
            .filter(|(path, _)| !self.now.contains_key(*path))
            .map(|(path, hash)| (path.clone(), hash.clone()))
            .collect();
        for (path, was) in gone {
            let target = self.folder.join(&path);
            match fs::read(&target) {
                Ok(bytes) if hash(&bytes) == was && !self.leads_through_link(&path) => {
                    fs::remove_file(&target).map_err(|err| unwritable(&format!("{}/{path}", self.shown), &err))?;
                    self.remove_empty_folders(&path);
                    self.report.removed.push(path);
                }
                Ok(_) => self.report.kept.push(path),
                Err(_) => {}
            }
        }
        let files = std::mem::take(&mut self.now);
        self.save(&Written { files, feeds, building: false })?;
        let mut report = std::mem::take(&mut self.report);
        report.written.sort();
        report.unchanged.sort();
        Ok(report)
    }

    /// Whether a folder between the output folder and a file is a link, which may lead anywhere.
    fn leads_through_link(&self, path: &str) -> bool {
        let folders = Path::new(path).ancestors().skip(1);
        let is_link = |found: fs::Metadata| found.file_type().is_symlink();
        folders
            .filter(|folder| !folder.as_os_str().is_empty())
            .any(|folder| fs::symlink_metadata(self.folder.join(folder)).is_ok_and(is_link))
    }

    /// Folders that a removed file leaves empty, up to the output folder.
    fn remove_empty_folders(&self, path: &str) {
        let mut folder = Path::new(path).parent();
        while let Some(below) = folder.filter(|f| !f.as_os_str().is_empty()) {
            if fs::remove_dir(self.folder.join(below)).is_err() {
                break;
            }
            folder = below.parent();
        }
    }

    fn save(&self, written: &Written) -> Result<(), Diagnostic> {
        let path = self.state.join("written.json");
        let mut bytes = serde_json::to_vec_pretty(written).unwrap_or_default();
        bytes.push(b'\n');
        if same(&path, &bytes) {
            return Ok(());
        }
        replace::whole(&path, &bytes).map_err(|err| unwritable(&format!("{STATE}/written.json"), &err))
    }
}

impl Drop for Output<'_> {
    /// A build that stops halfway takes back what it laid beside.
    fn drop(&mut self) {
        if !self.done {
            for path in &self.staged {
                let target = self.folder.join(path);
                let _ = fs::remove_file(beside(&target));
                self.remove_empty_folders(path);
            }
        }
    }
}

/// What the last build wrote. A list that cannot be read is no list: then nothing is removed, which is the safe side.
fn written(root: &Path) -> Written {
    let bytes = fs::read(root.join(STATE).join("written.json")).unwrap_or_default();
    let mut written: Written = serde_json::from_slice(&bytes).unwrap_or_default();
    // A list that somebody else has written may name anything: what is removed must lie inside of the output folder.
    written.files.retain(|path, _| Path::new(path).components().all(|part| matches!(part, Component::Normal(_))));
    written
}

/// What is remembered of term feeds whose files are still there.
pub fn remembered(root: &Path, folder: &str) -> BTreeMap<String, Remembered> {
    let Written { files, feeds, .. } = written(root);
    let there =
        |feed: &String| files.keys().any(|f| f.starts_with(feed.as_str()) && root.join(folder).join(f).exists());
    feeds.into_iter().filter(|(feed, _)| there(feed)).collect()
}

/// Removes what a killed build left beside its files.
fn sweep(folder: &Path) {
    let found = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok);
    for entry in found.filter(|e| e.file_type().is_file() && replace::is_beside(e.file_name())) {
        let _ = fs::remove_file(entry.path());
    }
}

/// Whether a file is there with exactly these bytes.
pub fn same(path: &Path, bytes: &[u8]) -> bool {
    // The size is asked first: most files that differ differ in it, and need not be read.
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == bytes.len() as u64)
        && fs::read(path).is_ok_and(|there| there == bytes)
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn unwritable(path: &str, err: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot write `{path}`: {}", reason(err)))
        .hint("no feed was changed; the files are as the last build left them")
}
