//! Staying, and doing a thing again whenever the site changes.

use super::{Context, Outcome};
use crate::config;
use crate::disk::{load, output};
use chrono::Utc;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// How long the site must be quiet before the work starts: an editor writes a file in several steps.
const QUIET: Duration = Duration::from_millis(80);

/// A post whose time comes is a change, too; it is looked for this often.
const MINUTE: Duration = Duration::from_secs(60);

/// Does `work` now and after each change, until the program is stopped. Errors are shown and do not end it.
pub fn run(context: &Context, work: impl Fn(&Context)) -> Outcome {
    let (sender, changes) = mpsc::channel();
    let mut watcher = match notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // A closed channel means that the program is ending.
        let _ = sender.send(event);
    }) {
        Ok(watcher) => watcher,
        Err(err) => {
            context.talk.line(&format!("error: cannot watch for changes: {err}"));
            return Outcome::Wrong;
        }
    };
    let mut watched = Vec::new();
    loop {
        let now = if context.now_is_given { context.now } else { Utc::now() };
        let context =
            Context { root: context.root.clone(), now, now_is_given: context.now_is_given, talk: context.talk };
        // Folders may have come since, so they are asked for anew each time; before the work, so that no change is missed.
        watch(&mut watcher, &mut watched, &context.root);
        let ours = ours(&context.root);
        work(&context);
        loop {
            match changes.recv_timeout(MINUTE) {
                Ok(Ok(event)) if !concerns(&event, &ours) => continue,
                Ok(_) => break,
                Err(RecvTimeoutError::Timeout) if context.now_is_given => continue,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Outcome::Wrong,
            }
        }
        while changes.recv_timeout(QUIET).is_ok() {}
    }
}

/// Watches the site's own folder, and below it only what is read: a site may lie beside a million other files.
fn watch(watcher: &mut RecommendedWatcher, watched: &mut Vec<PathBuf>, root: &Path) {
    let content = load::config(root).map_or_else(|_| "content".to_string(), |config| config.content.dir);
    let mut folders = vec![(root.to_path_buf(), RecursiveMode::NonRecursive)];
    if !content.is_empty() && content != "." {
        folders.push((root.join(content), RecursiveMode::Recursive));
    }
    folders.push((root.join("templates"), RecursiveMode::Recursive));
    for (folder, mode) in folders {
        if !folder.is_dir() {
            watched.retain(|known| *known != folder);
        } else if !watched.contains(&folder) && watcher.watch(&folder, mode).is_ok() {
            watched.push(folder);
        }
    }
}

/// What the work itself writes: changes there are not changes of the site.
fn ours(root: &Path) -> Vec<PathBuf> {
    let out = load::config(root).map_or_else(|_| "public".to_string(), |config| config.content.output);
    let root = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    vec![root.join(out), root.join(output::STATE), root.join("tidings.lock"), root.join(".tidings.lock.tidings-new")]
}

fn concerns(event: &notify::Event, ours: &[PathBuf]) -> bool {
    if event.kind.is_access() {
        return false;
    }
    event.paths.iter().any(|path| {
        let absolute = path.canonicalize().unwrap_or_else(|_| path.clone());
        path.ends_with(config::FILE) || !ours.iter().any(|own| absolute.starts_with(own))
    })
}
