//! `tidings.lock` on the disk.

use super::load::{reason, unreadable};
use super::replace;
use crate::content::lock::Lock;
use crate::diagnostic::Diagnostic;
use std::fs;
use std::io;
use std::path::Path;

/// The lock file, relative to the site's root.
pub const FILE: &str = "tidings.lock";

/// Reads the lock; a site without one has an empty one.
///
/// # Errors
///
/// All findings in the file.
pub fn load(root: &Path) -> Result<Lock, Vec<Diagnostic>> {
    match fs::read_to_string(root.join(FILE)) {
        Ok(text) => Lock::parse(&text),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(Lock::default()),
        Err(err) => Err(vec![unreadable(FILE, &err)]),
    }
}

/// Writes the lock, durably: it holds what cannot be made again.
///
/// # Errors
///
/// What the system said.
pub fn write(root: &Path, lock: &Lock) -> Result<(), Diagnostic> {
    replace::durably(&root.join(FILE), lock.to_text().as_bytes()).map_err(|err| {
        Diagnostic::error(format!("cannot write `{FILE}`: {}", reason(&err)))
            .hint("nothing was written; ids that are published must be in the lock first")
    })
}
