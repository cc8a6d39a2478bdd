//! One file and the document that should lie in it: compared, and written piece by piece, so that neither is in memory as a
//! whole.

use super::fingerprint::Fingerprint;
use crate::feed::document::Document;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::Path;

/// How many bytes are read or written at once.
const BUFFER: usize = 64 * 1024;

/// Whether a file is there with exactly these bytes.
pub fn same(path: &Path, document: &Document<'_>) -> bool {
    // The size is asked first: most files that differ differ in it, and need not be read.
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == document.size_bytes())
        && File::open(path).is_ok_and(|file| holds(file, document))
}

/// Whether what can be read is exactly this.
fn holds(mut file: File, document: &Document<'_>) -> bool {
    let mut there = vec![0; BUFFER];
    let same = document.each(|bytes| {
        bytes.chunks(BUFFER).try_for_each(|chunk| {
            let there = &mut there[..chunk.len()];
            file.read_exact(there).map_err(drop)?;
            if there == chunk { Ok(()) } else { Err(()) }
        })
    });
    same.is_ok() && file.read(&mut there[..1]).is_ok_and(|more| more == 0)
}

/// Writes a document, and returns its fingerprint.
///
/// # Errors
///
/// What the system said.
pub fn written_to(file: File, document: &Document<'_>) -> io::Result<String> {
    let mut out = BufWriter::with_capacity(BUFFER, file);
    let mut print = Fingerprint::default();
    document.each(|bytes| {
        print.take(bytes);
        out.write_all(bytes)
    })?;
    out.flush()?;
    Ok(print.done())
}
