//! Files that hold a secret: read whole and wiped from memory after, and looked at for who else can read them.

use super::load::reason;
use crate::diagnostic::Diagnostic;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use zeroize::Zeroizing;

/// The largest file that is taken for one of keys, in bytes.
const LARGEST: u64 = 64 * 1024;

/// Reads a file of at most 64 KiB. Where everybody on the machine may read or write it, a warning is added.
///
/// # Errors
///
/// What the system said; that the file is too large to be one of keys.
pub(super) fn read(root: &Path, file: &str, findings: &mut Vec<Diagnostic>) -> io::Result<Zeroizing<Vec<u8>>> {
    let opened = File::open(root.join(file))?;
    let about = opened.metadata()?;
    if about.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    // Never grown, since what it has outgrown would not be wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST as usize + 1));
    opened.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    if is_open_to_all(&about) {
        let finding =
            Diagnostic::warning(format!("`{file}` holds a secret, and every user of this machine can read it"));
        findings.push(finding.hint(format!("run `chmod 600 {file}`")));
    }
    Ok(bytes)
}

/// A group may be meant to read it, as where a service runs under a user of its own.
#[cfg(unix)]
fn is_open_to_all(about: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    about.permissions().mode() & 0o007 != 0
}

#[cfg(not(unix))]
fn is_open_to_all(_: &std::fs::Metadata) -> bool {
    false
}

/// Why a file of keys was not read.
pub(super) fn why(err: &io::Error) -> String {
    match err.kind() {
        io::ErrorKind::FileTooLarge => "it is too large to be one of keys".into(),
        io::ErrorKind::IsADirectory => "it is a folder".into(),
        _ => reason(err),
    }
}
