//! Replacing one file as a whole: the new one is written beside it and renamed over it.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
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

/// Opens the new file beside a file. What lies there already is removed first: written through a link, the bytes would land
/// in a file that is somebody else's.
///
/// # Errors
///
/// What the system said; that there is a folder of this name.
pub fn create_beside(path: &Path) -> io::Result<File> {
    let new = beside(path);
    match fs::remove_file(&new) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).open(&new)
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
        let mut file = create_beside(path)?;
        file.write_all(bytes)?;
        then(&file)?;
        fs::rename(&new, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_at_the_temporary_name_is_removed_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (file, other) = (dir.path().join("a.txt"), dir.path().join("other"));
        fs::write(&other, "theirs").unwrap();
        for durable in [false, true] {
            std::os::unix::fs::symlink(&other, beside(&file)).unwrap();
            if durable { durably(&file, b"new") } else { whole(&file, b"new") }.unwrap();
            assert_eq!(fs::read(&other).unwrap(), b"theirs");
            assert!(fs::symlink_metadata(&file).unwrap().is_file());
            assert_eq!(fs::read(&file).unwrap(), b"new");
        }
    }
}
