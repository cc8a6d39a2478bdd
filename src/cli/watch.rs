//! Staying, and doing a thing again whenever the site changes.

use super::{Context, Outcome};
use crate::disk::load::{self, reason};
use crate::disk::{lockfile, replace, written};
use chrono::Utc;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How long the site must be quiet before the work starts: an editor writes a file in several steps.
const QUIET: Duration = Duration::from_millis(80);

/// But no longer than this: somebody may go on writing all the time.
const LONGEST: Duration = Duration::from_millis(400);

/// A post whose time comes is a change, too; it is looked for this often.
const MINUTE: Duration = Duration::from_secs(60);

/// Does `work` now and after each change, until the program is stopped. Errors are shown and do not end it.
/// `work` returns the text of the lock where it wrote it: only what others write there is a change.
pub fn run(context: &Context, work: impl Fn(&Context) -> Option<String>) -> Outcome {
    let cannot = |err: &dyn std::fmt::Display| {
        context.talk.line(&format!("error: cannot watch for changes: {err}"));
        Outcome::Wrong
    };
    // Changes are told by whole paths then, which can be compared.
    let root = match context.root.canonicalize() {
        Ok(root) => root,
        Err(err) => return cannot(&reason(&err)),
    };
    let (sender, changes) = mpsc::channel();
    let mut watcher = match notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // A closed channel means that the program is ending.
        let _ = sender.send(event);
    }) {
        Ok(watcher) => watcher,
        Err(err) => return cannot(&err),
    };
    let mut watched = Vec::new();
    loop {
        let now = if context.now_is_given { context.now } else { Utc::now() };
        let context = Context { root: context.root.clone(), now, ..*context };
        // Folders may have come since, so they are asked for anew each time; before the work, so that no change is missed.
        watch(&mut watcher, &mut watched, &root);
        let mut ours = Ours::of(&root);
        let before = fs::read(&ours.lock).ok();
        ours.lock_text = work(&context).map(String::into_bytes).or(before);
        loop {
            match changes.recv_timeout(MINUTE) {
                Ok(event) if !concerns(&event, &ours) => continue,
                Ok(event) => forget(&mut watcher, &mut watched, &event),
                Err(RecvTimeoutError::Timeout) if context.now_is_given => continue,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Outcome::Wrong,
            }
            break;
        }
        let started = Instant::now();
        let mut quiet_since = started;
        while started.elapsed() < LONGEST
            && let Some(left) = QUIET.checked_sub(quiet_since.elapsed())
        {
            let Ok(event) = changes.recv_timeout(left) else { break };
            if concerns(&event, &ours) {
                quiet_since = Instant::now();
                forget(&mut watcher, &mut watched, &event);
            }
        }
    }
}

/// Watches the site's own folder, and below it only what is read: a site may lie beside a million other files.
fn watch(watcher: &mut RecommendedWatcher, watched: &mut Vec<PathBuf>, root: &Path) {
    let mut folders = vec![(root.to_path_buf(), RecursiveMode::NonRecursive)];
    folders.extend(read_folders(root).into_iter().map(|folder| (root.join(folder), RecursiveMode::Recursive)));
    for (folder, mode) in folders {
        if folder.is_dir() && !watched.contains(&folder) && watcher.watch(&folder, mode).is_ok() {
            watched.push(folder);
        }
    }
}

/// The folders that a build reads, from the site's root.
fn read_folders(root: &Path) -> Vec<String> {
    let mut folders = vec!["templates".to_string()];
    match load::config(root).map(|config| config.content) {
        Err(_) => folders.push("content".into()),
        Ok(content) if content.dir != "." => folders.push(content.dir),
        Ok(content) => {
            let names = content.posts.iter().chain(&content.people).chain(&content.calls_to_action);
            folders.extend(names.chain([&content.taxonomies]).map(|name| content.below(name)));
        }
    }
    folders
}

/// A folder that came, went or was replaced has to be watched anew: the system watches what had its name before.
fn forget(watcher: &mut RecommendedWatcher, watched: &mut Vec<PathBuf>, event: &notify::Result<notify::Event>) {
    let Ok(event) = event else {
        // Changes were lost, and nobody knows which.
        watched.drain(..).for_each(|folder| drop(watcher.unwatch(&folder)));
        return;
    };
    watched.retain(|folder| {
        let replaced = event.paths.contains(folder);
        if replaced {
            // It fails where the folder is gone, and the watch with it.
            drop(watcher.unwatch(folder));
        }
        !replaced
    });
}

/// What the work itself writes: changes there are not changes of the site.
struct Ours {
    places: Vec<PathBuf>,
    /// The lock is written by people, too: what it was when the work was done.
    lock: PathBuf,
    lock_text: Option<Vec<u8>>,
}

impl Ours {
    fn of(root: &Path) -> Ours {
        let out = load::config(root).map_or_else(|_| "public".to_string(), |config| config.content.output);
        let lock = root.join(lockfile::FILE);
        Ours { places: vec![root.join(out), root.join(written::STATE), replace::beside(&lock)], lock, lock_text: None }
    }

    fn holds(&self, path: &Path) -> bool {
        let unchanged = || fs::read(&self.lock).ok() == self.lock_text;
        self.places.iter().any(|place| path.starts_with(place)) || path == self.lock && unchanged()
    }
}

fn concerns(event: &notify::Result<notify::Event>, ours: &Ours) -> bool {
    let Ok(event) = event else { return true };
    !event.kind.is_access() && !event.paths.iter().all(|path| ours.holds(path))
}
