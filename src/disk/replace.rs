//! Replacing one file as a whole: the new one is written beside it and renamed over it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What the name of a file ends with while it waits to be renamed.
const ENDING: &str = ".tidings-new";

/// Where the new bytes of a file wait: beside it, under a name that no feed has.
pub fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}{ENDING}"))
}

/// Whether a file of this name waits to be renamed.
pub fn is_beside(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') && name.ends_with(ENDING)
}

/// Writes a file whole: whoever reads it sees the old bytes or the new ones, also when this is killed.
///
/// # Errors
///
/// What the system said; the file is then as it was.
pub fn whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, |_| Ok(()))
}

/// The same, and it also survives a crash of the machine: for what cannot be made again.
///
/// # Errors
///
/// What the system said; the file is then as it was.
pub fn durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, File::sync_all)?;
    // The rename itself is durable once the folder is.
    match path.parent().map(File::open) {
        Some(Ok(folder)) => folder.sync_all(),
        _ => Ok(()),
    }
}

fn replace(path: &Path, bytes: &[u8], then: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let new = beside(path);
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        then(&file)?;
        fs::rename(&new, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })
}
