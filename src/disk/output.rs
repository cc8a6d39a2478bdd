//! The output folder: all of a build, or nothing of it.
//!
//! A file whose bytes would not change is not touched. New bytes are written beside their file first; only when all of
//! them lie there are they renamed, one after the other. A build that is killed leaves each file old or new, and what it
//! left beside them the next build sweeps away. Only files that `.tidings/written.json` names are ever removed. Feeds can
//! be made again from the posts, so they are not forced to the disk one by one.

use super::compress::{Coding, has_copies};
use super::file::{same, written_to};
use super::fingerprint;
use super::load::reason;
use super::replace::{self, beside};
use super::turn::Turn;
use super::written::{self, Memory, STATE, Written};
use crate::diagnostic::Diagnostic;
use crate::feed::document::Document;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    /// To be written like [`Report::written`], but the build failed before: they are as they were.
    pub missed: Vec<String>,
}

/// Whether files of text get compressed copies beside them, for a server that sends them so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copies {
    /// They do.
    Make,
    /// They do not.
    Leave,
}

/// How many bytes of files wait to be compressed at once, which is done on all processors.
const WAITING: usize = 8 * 1024 * 1024;

/// The output folder during one build.
pub struct Output<'a> {
    folder: PathBuf,
    shown: String,
    state: PathBuf,
    before: Written,
    copies: Copies,
    notes: Vec<String>,
    work: Mutex<Work>,
    copying: Mutex<()>,
    done: bool,
    _turn: &'a Turn,
}

/// A build that became visible.
#[derive(Debug)]
pub struct Committed {
    /// What it did.
    pub report: Report,
    /// The files that are ours now, under the output folder, and their fingerprints.
    pub files: BTreeMap<String, String>,
    /// What failed after the first file became visible.
    pub failed: Vec<Diagnostic>,
}

/// What was brought so far.
#[derive(Default)]
struct Work {
    to_copy: Vec<(String, Vec<u8>)>,
    staged: Vec<String>,
    now: BTreeMap<String, String>,
    report: Report,
}

impl<'a> Output<'a> {
    /// Opens the output folder, and sweeps up after a build that was killed.
    pub fn open(root: &Path, folder: &str, copies: Copies, turn: &'a Turn) -> Output<'a> {
        let (mut before, unread) = written::load(root);
        let mut notes = Vec::from_iter(unread);
        if before.building {
            sweep(&root.join(folder));
        }
        if let Some(old) = before.move_to(folder).filter(|old| root.join(old).exists()) {
            notes.push(format!("the feeds now go to `{folder}`; the folder `{old}` is left as it is"));
        }
        Output {
            folder: root.join(folder),
            shown: folder.to_string(),
            state: root.join(STATE),
            before,
            copies,
            notes,
            work: Mutex::default(),
            copying: Mutex::default(),
            done: false,
            _turn: turn,
        }
    }

    /// What must be said of the list of what was written, a line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a file: compares it with what is there, and lays it beside that where it differs.
    ///
    /// # Errors
    ///
    /// What the system said; a path through a link, which could lead out of the folder.
    pub fn put(&self, path: &str, document: &Document<'_>) -> Result<(), Diagnostic> {
        let is_new = self.lay(path, document)?;
        if self.copies == Copies::Make
            && has_copies(path, document.size_bytes())
            && (is_new || !self.has_its_copies(path))
        {
            let mut work = self.work();
            work.to_copy.push((path.to_string(), document.to_vec()));
            let is_long = work.to_copy.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > WAITING;
            drop(work);
            // One at a time: whoever waits for the others to compress may be given another feed meanwhile.
            if is_long && let Ok(_copying) = self.copying.try_lock() {
                let waiting = std::mem::take(&mut self.work().to_copy);
                self.make_copies(waiting)?;
            }
        }
        Ok(())
    }

    /// Whether the copies of a file that stays as it is are there, as they were written. They stay then, too.
    fn has_its_copies(&self, path: &str) -> bool {
        let names = Coding::ALL.map(|coding| format!("{path}{}", coding.ending()));
        let as_written = |name: &String| {
            let was = self.before.files.get(name)?;
            let there = fs::read(self.folder.join(name)).is_ok_and(|bytes| fingerprint::is_of(was, &bytes));
            (there && !self.leads_through_link(name)).then(|| was.clone())
        };
        let Some(hashes) = names.iter().map(as_written).collect::<Option<Vec<String>>>() else { return false };
        let mut work = self.work();
        work.report.unchanged.extend(names.iter().cloned());
        work.now.extend(names.into_iter().zip(hashes));
        true
    }

    /// Compresses what waits for it, and lays the copies beside.
    fn make_copies(&self, waiting: Vec<(String, Vec<u8>)>) -> Result<(), Diagnostic> {
        let pack = |(path, bytes): (String, Vec<u8>)| {
            Coding::ALL.map(|coding| Some((format!("{path}{}", coding.ending()), coding.pack(&bytes)?)))
        };
        let made: Vec<_> = waiting.into_par_iter().map(pack).collect();
        made.iter().flatten().flatten().try_for_each(|(name, copy)| self.lay(name, &Document::of(copy)).map(drop))
    }

    /// Lays a file beside the one that is there where they differ, and says whether they do.
    fn lay(&self, path: &str, document: &Document<'_>) -> Result<bool, Diagnostic> {
        let target = self.folder.join(path);
        if same(&target, document) {
            let mut work = self.work();
            work.now.insert(path.to_string(), fingerprint::of(document));
            work.report.unchanged.push(path.to_string());
            return Ok(false);
        }
        let shown = format!("{}/{path}", self.shown);
        if self.leads_through_link(path) {
            return Err(Diagnostic::error(format!("cannot write `{shown}`: a folder on the way is a link"))
                .hint("what is written must stay inside the output folder; remove the link"));
        }
        if fs::symlink_metadata(&target).is_ok_and(|found| found.is_dir()) {
            return Err(Diagnostic::error(format!("cannot write `{shown}`: there is a folder of that name")));
        }
        {
            let mut work = self.work();
            if work.staged.is_empty() {
                self.save(&Written { building: true, ..self.before.clone() })?;
            }
            work.staged.push(path.to_string());
        }
        let parent = target.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).map_err(|err| unwritable(&shown, &err))?;
        let file = replace::create_beside(&target);
        let hash = file.and_then(|file| written_to(file, document)).map_err(|err| unwritable(&shown, &err))?;
        self.work().now.insert(path.to_string(), hash);
        Ok(true)
    }

    /// The files below a folder, which ends in `/`, that the last build wrote and that are still there, sorted.
    pub fn written(&self, folder: &str) -> Vec<String> {
        let files = self.before.files.range(folder.to_owned()..).map(|(path, _)| path);
        let below = files.take_while(|path| path.starts_with(folder));
        below.filter(|path| self.folder.join(path).is_file()).cloned().collect()
    }

    /// Whether the last build wrote a file.
    pub fn owns(&self, path: &str) -> bool {
        self.before.files.contains_key(path)
    }

    /// Leaves a file that the last build wrote as it is, and its copies: they stay ours. One that was put already is what was
    /// put.
    pub fn keep(&self, path: &str) {
        let mut work = self.work();
        if let Some(was) = self.before.files.get(path).filter(|_| !work.now.contains_key(path)) {
            work.now.insert(path.to_owned(), was.clone());
            work.report.unchanged.push(path.to_owned());
        }
    }

    /// What was put and differs from what is there, as paths under the output folder, sorted.
    pub fn changed(&self) -> Vec<String> {
        let mut changed = self.work().staged.clone();
        changed.sort();
        changed
    }

    /// Makes everything that was put visible, and removes what no feed owns any more. What failed after the first file
    /// became visible comes with the report.
    ///
    /// # Errors
    ///
    /// What the system said before anything became visible.
    pub fn commit(mut self, memory: Memory<'_>) -> Result<Committed, Diagnostic> {
        let waiting = std::mem::take(&mut self.work().to_copy);
        self.make_copies(waiting)?;
        let mut work = std::mem::take(&mut *self.work());
        if !work.staged.is_empty() {
            // Should this be killed among its renames, the next build still knows every file that is ours.
            let mut files = self.before.files.clone();
            files.extend(work.now.clone());
            if let Err(err) = self.save(&Written { files, building: true, ..self.before.clone() }) {
                self.work().staged = work.staged;
                return Err(err);
            }
        }
        let (mut failed, mut owned) = (Vec::new(), BTreeMap::new());
        if let Err(err) = self.rename_all(&mut work) {
            if work.report.written.is_empty() {
                return Err(err);
            }
            failed.push(err.hint("some feeds are new and some old; run `tidings build` again"));
        } else {
            self.remove_orphans(&mut work, &mut failed);
            let files = std::mem::take(&mut work.now);
            owned.clone_from(&files);
            let Memory { feeds, gone, posts } = memory;
            let written = Written { files, feeds, gone, building: false, ..Written::new(&self.shown) };
            let save = |posts| self.save_as(written::POSTS, &serde_json::to_vec(posts).unwrap_or_default());
            let saved = posts.as_ref().map_or(Ok(()), save).and_then(|()| self.save(&written));
            failed.extend(saved.err().map(|err| err.hint("the feeds are written; run `tidings build` again")));
        }
        let mut report = work.report;
        report.written.sort();
        report.unchanged.sort();
        Ok(Committed { report, files: owned, failed })
    }

    /// Renames what lies beside, until one fails; then the others are taken back.
    fn rename_all(&mut self, work: &mut Work) -> Result<(), Diagnostic> {
        // By name, so that a copy follows its file at once: a server that does not compare them may send the one for the other.
        work.staged.sort();
        let mut staged = std::mem::take(&mut work.staged).into_iter();
        self.done = true;
        while let Some(path) = staged.next() {
            let target = self.folder.join(&path);
            if let Err(err) = fs::rename(beside(&target), &target) {
                let failed = unwritable(&format!("{}/{path}", self.shown), &err);
                work.report.missed = std::iter::once(path).chain(staged).collect();
                for left in &work.report.missed {
                    let _ = fs::remove_file(beside(&self.folder.join(left)));
                }
                return Err(failed);
            }
            work.report.written.push(path);
        }
        Ok(())
    }

    /// Removes what no feed owns any more. What cannot be removed stays ours, so that the next build tries again.
    fn remove_orphans(&mut self, work: &mut Work, failed: &mut Vec<Diagnostic>) {
        for (path, was) in std::mem::take(&mut self.before.files) {
            if work.now.contains_key(&path) {
                continue;
            }
            let target = self.folder.join(&path);
            match fs::read(&target) {
                Ok(bytes) if fingerprint::is_of(&was, &bytes) && !self.leads_through_link(&path) => {
                    if let Err(err) = fs::remove_file(&target) {
                        let what = format!("cannot remove `{}/{path}`: {}", self.shown, reason(&err));
                        failed.push(Diagnostic::error(what).hint("the feeds are written; no feed owns this file"));
                        work.now.insert(path, was);
                        continue;
                    }
                    self.remove_empty_folders(&path);
                    work.report.removed.push(path);
                }
                Ok(_) => work.report.kept.push(path),
                Err(_) => {}
            }
        }
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
        let mut bytes = serde_json::to_vec_pretty(written).unwrap_or_default();
        bytes.push(b'\n');
        self.save_as(written::FILE, &bytes)
    }

    fn save_as(&self, name: &str, bytes: &[u8]) -> Result<(), Diagnostic> {
        let path = self.state.join(name);
        if same(&path, &Document::of(bytes)) {
            return Ok(());
        }
        replace::whole(&path, bytes).map_err(|err| unwritable(&format!("{STATE}/{name}"), &err))
    }
}

impl Drop for Output<'_> {
    /// A build that stops halfway takes back what it laid beside.
    fn drop(&mut self) {
        if !self.done {
            for path in &std::mem::take(&mut self.work().staged) {
                let target = self.folder.join(path);
                let _ = fs::remove_file(beside(&target));
                self.remove_empty_folders(path);
            }
        }
    }
}

/// Removes what a killed build left beside its files.
fn sweep(folder: &Path) {
    let found = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok);
    for entry in found.filter(|e| e.file_type().is_file() && replace::is_beside(e.file_name())) {
        let _ = fs::remove_file(entry.path());
    }
}

pub(super) fn unwritable(path: &str, err: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot write `{path}`: {}", reason(err)))
        .hint("no feed was changed; the files are as the last build left them")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(root: &Path) -> Turn {
        Turn::take(root, || panic!("nobody else builds here")).unwrap()
    }

    #[test]
    fn a_build_that_fails_among_its_renames_says_what_is_new_and_what_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (root, turn) = (dir.path(), turn(dir.path()));
        let put = |names: &[&str]| {
            let output = Output::open(root, "public", Copies::Leave, &turn);
            names.iter().for_each(|name| output.put(name, &Document::of(b"new")).unwrap());
            output
        };
        let output = put(&["a", "b", "c"]);
        fs::create_dir_all(root.join("public/b/x")).unwrap();
        let Committed { report, failed, .. } = output.commit(Memory::default()).unwrap();
        assert_eq!((report.written, report.missed), (vec!["a".to_string()], vec!["b".to_string(), "c".to_string()]));
        assert_eq!(
            failed[0].render(None),
            "error: cannot write `public/b`: is a directory\n\
             hint: some feeds are new and some old; run `tidings build` again\n"
        );
        let left = |name: &&str| root.join("public").join(beside(Path::new(name))).exists();
        assert_eq!(["a", "b", "c"].iter().filter(|name| left(name)).count(), 0);
        // Where the very first one fails, nothing is new.
        fs::remove_dir_all(root.join("public")).unwrap();
        let output = put(&["b", "c"]);
        fs::create_dir_all(root.join("public/b/x")).unwrap();
        assert_eq!(
            output.commit(Memory::default()).unwrap_err().render(None),
            "error: cannot write `public/b`: is a directory\n\
             hint: no feed was changed; the files are as the last build left them\n"
        );
    }

    #[test]
    fn a_list_that_cannot_be_saved_at_the_end_does_not_hide_what_was_done() {
        let dir = tempfile::tempdir().unwrap();
        let (root, turn) = (dir.path(), turn(dir.path()));
        let output = Output::open(root, "public", Copies::Leave, &turn);
        output.put("a", &Document::of(b"new")).unwrap();
        output.commit(Memory::default()).unwrap();
        fs::create_dir(root.join(".tidings/.written.json.tidings-new")).unwrap();
        let output = Output::open(root, "public", Copies::Leave, &turn);
        let Committed { report, failed, .. } = output.commit(Memory::default()).unwrap();
        assert_eq!(report.removed, ["a"]);
        assert_eq!(
            failed[0].render(None),
            "error: cannot write `.tidings/written.json`: is a directory\n\
             hint: the feeds are written; run `tidings build` again\n"
        );
    }
}
