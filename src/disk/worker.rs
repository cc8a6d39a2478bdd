//! Runs that send, and whether they still live.
//!
//! A run that sends holds a locked file with its name for as long as it lives; the system lets go of the lock however the
//! run ends. So another run on this machine learns at once that one was killed, and need not wait for its leases to run out.

use ring::rand::{SecureRandom as _, SystemRandom};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The folder of the files, from the site's root.
pub const FOLDER: &str = ".tidings/workers";

/// A run that sends, and lives.
#[derive(Debug)]
pub struct Worker {
    name: String,
    file: PathBuf,
    is_over: AtomicBool,
    // Held for its lock.
    _lock: File,
}

impl Worker {
    /// Begins a run; `folder` is made where there is none.
    ///
    /// # Errors
    ///
    /// What the system says of the folder or the file.
    pub fn start(folder: &Path) -> io::Result<Worker> {
        let mut random = [0; 8];
        SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("the system has no random numbers"))?;
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        fs::create_dir_all(folder)?;
        let file = folder.join(&name);
        let lock = File::create_new(&file)?;
        lock.lock()?;
        Ok(Worker { name, file, is_over: AtomicBool::new(true), _lock: lock })
    }

    /// Says that this run may not have been able to give back what it held: the next one takes it for dead when it ends.
    pub fn ends_badly(&self) {
        self.is_over.store(false, Ordering::Relaxed);
    }

    /// Unlike that of any other run.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if *self.is_over.get_mut() {
            // A file that stays is taken for that of a dead run, and that is what it is.
            let _ = fs::remove_file(&self.file);
        }
    }
}

/// Those of some runs that were killed on this machine. Of a run that has no file here nothing is known.
pub fn dead(folder: &Path, names: &[String]) -> Vec<String> {
    let is_dead = |name: &&String| {
        let is_name = name.len() == 16 && name.bytes().all(|b| b.is_ascii_hexdigit());
        let file = is_name.then(|| File::open(folder.join(name)).ok()).flatten();
        // Whatever else may be wrong with the file says nothing of the run.
        file.is_some_and(|file| file.try_lock().is_ok())
    };
    names.iter().filter(is_dead).cloned().collect()
}

/// Takes away the files of runs whose deliveries were taken care of.
pub fn bury(folder: &Path, names: &[String]) {
    for name in names {
        let _ = fs::remove_file(folder.join(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_lives_until_it_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("workers");
        let (one, other) = (Worker::start(&folder).unwrap(), Worker::start(&folder).unwrap());
        let names = [one.name().to_owned(), other.name().to_owned(), "0000000000000000".into(), "../x".into()];
        assert_eq!(dead(&folder, &names), [""; 0]);
        // What a killed run leaves is a file without a lock.
        let killed = folder.join("00000000000000ff");
        fs::write(&killed, "").unwrap();
        let known = [names[0].clone(), "00000000000000ff".into()];
        assert_eq!(dead(&folder, &known), ["00000000000000ff"]);
        bury(&folder, &dead(&folder, &known));
        assert!(!killed.exists());
        drop(one);
        other.ends_badly();
        let names = [other.name().to_owned()];
        drop(other);
        assert_eq!(dead(&folder, &names), names);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
}
