//! The last build, as far as the next one can take it over: what it was made from, what it wrote, and until when it holds.

use super::cache::{Cache, print};
use super::fingerprint;
use super::stamp::{Moment, Stamp};
use super::tree::{Found, Tree};
use super::written::{self, STATE};
use super::{hosting, load, lockfile, served};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::feed::made::Made;
use crate::feed::window::Window;
use chrono::{DateTime, Utc};
use foldhash::HashMap;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The name of the file in the cache.
const NAME: &str = "last";

/// A file, how the system knows it, and what its bytes are known by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Path from the site's root, with `/`.
    pub file: String,
    /// Its stamp, taken before it was read.
    pub stamp: Option<Stamp>,
    /// What the bytes that were read are known by.
    pub print: u64,
}

/// What a build has to say that finds nothing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// What there is, in one line.
    pub summary: String,
    /// Posts that are not out, each with the reason.
    pub held_back: Vec<(String, String)>,
    /// The warnings.
    pub findings: Vec<Diagnostic>,
}

/// A build that found nothing wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Last {
    /// When it began to look at files.
    pub looked_at: Moment,
    /// The files that it read, in the order of the tree.
    pub inputs: Vec<Input>,
    /// The files that it owns below the output folder, from there.
    pub outputs: Vec<Input>,
    /// The files that it keeps for itself, from the site's root; those that are not there have no stamp.
    pub own: Vec<Input>,
    /// The files of the store, as they were before it was read.
    pub store: Vec<(PathBuf, Option<Stamp>)>,
    /// The feeds.
    pub feeds: Vec<Made>,
    /// The posts that they tell of, as a number.
    pub posts: u128,
    /// The times for which it is true.
    pub window: Window,
    /// What the next build says where nothing changed.
    pub said: Said,
}

/// Whether everything is as a build left it.
enum Same {
    /// It is, as the stamps tell.
    Told,
    /// It is, as the bytes tell; these are the stamps of today.
    Read(Vec<Input>),
}

impl Last {
    /// The last build, where the cache has one.
    pub fn load(cache: &Cache) -> Option<Last> {
        cache.read::<Last>(NAME).filter(Last::is_inside)
    }

    /// Whether every path in it leads to some place below the site: whoever else wrote it may have named anything.
    fn is_inside(&self) -> bool {
        let files = self.outputs.iter().chain(&self.own).map(|input| &input.file);
        let files = files.chain(self.feeds.iter().flat_map(|made| &made.files));
        let places = self.said.findings.iter().filter_map(|finding| Some(&finding.place.as_ref()?.file));
        files.chain(places).all(|file| Path::new(file).components().all(|part| matches!(part, Component::Normal(_))))
    }

    /// Keeps this build for the next one.
    pub fn save(&self, cache: &Cache) {
        cache.write(NAME, self);
    }

    /// Whether a build now would find nothing to do: every file has the bytes that it had, what the build wrote is there, and
    /// no time has come. Where files had to be read to know that, this is kept, so that it is not done again.
    pub fn holds(&mut self, root: &Path, config: &Config, tree: &Tree, now: DateTime<Utc>, cache: &Cache) -> bool {
        let looked_at = Moment::now();
        let store = self.store.iter().filter_map(|(_, stamp)| stamp.as_ref());
        let is_settled = store.clone().all(|stamp| stamp.is_settled(self.looked_at));
        if !tree.findings.is_empty() || !self.window.holds(now) || !is_settled || self.store != stamps(root, config) {
            return false;
        }
        let found: Vec<&Found> = tree.files().collect();
        if found.len() != self.inputs.len() || found.iter().zip(&self.inputs).any(|(a, b)| a.file != b.file) {
            return false;
        }
        let output = root.join(&config.content.output);
        let look = |folder: &Path, files: &[Input], stamp: fn(&Path) -> Option<Stamp>| -> Vec<Option<Stamp>> {
            files.par_iter().with_min_len(16).map(|input| stamp(&folder.join(&input.file))).collect()
        };
        let of_inputs: Vec<Option<Stamp>> = found.iter().map(|found| found.stamp).collect();
        let of_outputs = look(&output, &self.outputs, Stamp::of_plain);
        let of_own = look(root, &self.own, Stamp::of);
        let Some(inputs) = self.same(root, &self.inputs, &of_inputs) else { return false };
        let Some(own) = self.same(root, &self.own, &of_own) else { return false };
        let Some(outputs) = self.same(&output, &self.outputs, &of_outputs) else { return false };
        let looked: BTreeSet<&(String, Option<u64>)> = self.feeds.iter().flat_map(|made| &made.looked).collect();
        if looked.iter().any(|(path, size)| load::size_of(root, config, path) != *size) {
            return false;
        }
        let mut read = false;
        for (same, files) in [(inputs, &mut self.inputs), (own, &mut self.own), (outputs, &mut self.outputs)] {
            if let Same::Read(now) = same {
                *files = now;
                read = true;
            }
        }
        if read {
            self.looked_at = looked_at;
            self.save(cache);
        }
        true
    }

    /// Whether files have the bytes that they had. One whose stamp does not tell is read.
    fn same(&self, folder: &Path, files: &[Input], stamps: &[Option<Stamp>]) -> Option<Same> {
        let told = |(input, stamp): &(&Input, &Option<Stamp>)| {
            let is_settled = |stamp: Stamp| stamp.is_settled(self.looked_at);
            input.stamp == **stamp && stamp.map_or_else(|| !folder.join(&input.file).exists(), is_settled)
        };
        let doubtful: Vec<(&Input, &Option<Stamp>)> = files.iter().zip(stamps).filter(|pair| !told(pair)).collect();
        if doubtful.is_empty() {
            return Some(Same::Told);
        }
        let is_same = |(input, stamp): &(&Input, &Option<Stamp>)| {
            stamp.is_some() && input.stamp.is_some() && print_of(&folder.join(&input.file)) == Some(input.print)
        };
        if !doubtful.par_iter().all(is_same) {
            return None;
        }
        let now = |(input, stamp): (&Input, &Option<Stamp>)| Input { stamp: *stamp, ..input.clone() };
        Some(Same::Read(files.iter().zip(stamps).map(now).collect()))
    }

    /// Those of the outputs that are there as they were written.
    pub fn intact(&self, root: &Path, config: &Config) -> BTreeSet<&str> {
        let output = root.join(&config.content.output);
        self.outputs
            .par_iter()
            .filter(|input| self.is_intact(&output, input))
            .map(|input| input.file.as_str())
            .collect()
    }

    /// Whether a file that the build keeps for itself, from the site's root, is as it was left.
    pub fn is_as_left(&self, root: &Path, file: &str) -> bool {
        self.own.iter().any(|own| own.file == file && self.is_intact(root, own))
    }

    fn is_intact(&self, folder: &Path, input: &Input) -> bool {
        let path = folder.join(&input.file);
        let stamp = Stamp::of_plain(&path);
        let told = input.stamp == stamp && stamp.is_some_and(|stamp| stamp.is_settled(self.looked_at));
        told || stamp.is_some() && print_of(&path) == Some(input.print)
    }

    /// What is known of its files.
    pub fn prints(&self) -> Prints<'_> {
        let known = self.inputs.iter().filter_map(|input| {
            let stamp = input.stamp.filter(|stamp| stamp.is_settled(self.looked_at))?;
            Some((input.file.as_str(), (stamp, input.print)))
        });
        Prints(known.collect())
    }
}

/// What the bytes of a file are known by, where it can be read.
fn print_of(path: &Path) -> Option<u64> {
    fs::read(path).ok().map(|bytes| print(&bytes))
}

/// What the bytes of files are known by, as far as their stamps tell.
#[derive(Clone, Debug, Default)]
pub struct Prints<'a>(HashMap<&'a str, (Stamp, u64)>);

impl Prints<'_> {
    /// What a file's bytes are known by; none where it has to be read to know.
    pub fn of(&self, found: &Found) -> Option<u64> {
        let (stamp, print) = self.0.get(found.file.as_str())?;
        (found.stamp == Some(*stamp)).then_some(*print)
    }
}

/// The stamps of the store's files, as they are now: where a link leads to it, its log lies there, too.
pub fn stamps(root: &Path, config: &Config) -> Vec<(PathBuf, Option<Stamp>)> {
    let path = root.join(&config.store.sqlite);
    let path = path.canonicalize().unwrap_or(path);
    let mut log = path.clone().into_os_string();
    log.push("-wal");
    [path, PathBuf::from(log)].map(|path| (path.clone(), Stamp::of(&path))).into()
}

/// The files that a build keeps for itself. The lock is as it was before the build read it, or else what the build wrote: whatever
/// somebody made of it meanwhile, the build has not seen.
pub fn own(root: &Path, was_lock: Input, written_lock: Option<&str>) -> Vec<Input> {
    let state = [written::FILE, written::POSTS, served::FILE].map(|name| format!("{STATE}/{name}"));
    let hosting = fs::read_dir(root.join(STATE).join(hosting::FOLDER)).into_iter().flatten().filter_map(Result::ok);
    let hosting =
        hosting.filter_map(|file| Some(format!("{STATE}/{}/{}", hosting::FOLDER, file.file_name().to_str()?)));
    let mut files: Vec<String> = state.into_iter().chain(hosting).collect();
    files.sort();
    let lock = match written_lock {
        Some(text) => Input { stamp: Stamp::of(&root.join(lockfile::FILE)), print: print(text.as_bytes()), ..was_lock },
        None => was_lock,
    };
    files.into_iter().map(|file| look(root, file)).chain([lock]).collect()
}

/// Files that a build wrote or compared, as they are now. Whoever changes one later leaves times on it that are later than the
/// build's first look, so that it has not settled.
pub fn wrote(folder: &Path, files: BTreeMap<String, String>) -> Vec<Input> {
    let look = |(file, fingerprint): (String, String)| {
        let path = folder.join(&file);
        let stamp = Stamp::of_plain(&path);
        let print = fingerprint::number(&fingerprint).or_else(|| print_of(&path)).unwrap_or_default();
        Input { file, stamp, print }
    };
    files.into_par_iter().map(look).collect()
}

/// A file as it is now, with its stamp and what its bytes are known by. One that is not there has neither.
pub fn look(root: &Path, file: String) -> Input {
    let path = root.join(&file);
    let stamp = Stamp::of(&path);
    Input { print: print_of(&path).unwrap_or_default(), stamp, file }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_somebody_changes_during_a_build_is_not_taken_for_the_one_that_was_read() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join(lockfile::FILE);
        fs::write(&lock, "as it was read").unwrap();
        let read = look(dir.path(), lockfile::FILE.to_owned());
        fs::write(&lock, "as somebody made it").unwrap();
        let known = |written| own(dir.path(), read.clone(), written).pop().unwrap().print;
        assert_eq!(known(None), print(b"as it was read"));
        assert_eq!(known(Some("as it was written")), print(b"as it was written"));
    }
}
