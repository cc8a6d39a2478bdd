//! What a file's bytes are known by: XXH3, 64 bits. It tells a file that somebody has changed from one that nobody has, as fast
//! as memory can be read; it proves nothing against somebody who wants to be taken for another.

use crate::feed::document::Document;
use sha2::{Digest as _, Sha256};
use std::convert::Infallible;
use xxhash_rust::xxh3::Xxh3;

/// What fingerprints start with. One without it is of an older version: the start of a SHA-256.
const KIND: &str = "xxh3-";

/// A fingerprint in the making.
#[derive(Default)]
pub struct Fingerprint(Xxh3);

impl Fingerprint {
    /// Takes the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The fingerprint of all that was taken.
    pub fn done(&self) -> String {
        format!("{KIND}{:016x}", self.0.digest())
    }
}

/// The fingerprint of a document.
pub fn of(document: &Document<'_>) -> String {
    let mut print = Fingerprint::default();
    let Ok(()) = document.each(|bytes| {
        print.take(bytes);
        Ok::<(), Infallible>(())
    });
    print.done()
}

/// The number in a fingerprint; none in one of an older version.
pub fn number(print: &str) -> Option<u64> {
    u64::from_str_radix(print.strip_prefix(KIND)?, 16).ok()
}

/// Whether a fingerprint, also one of an older version, is of these bytes.
pub fn is_of(print: &str, bytes: &[u8]) -> bool {
    if print.starts_with(KIND) {
        return of(&Document::of(bytes)) == print;
    }
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>() == print
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_of_its_bytes_and_of_no_others_also_an_older_one() {
        #[track_caller]
        fn case(print: &str, bytes: &[u8], want: bool) {
            assert_eq!(is_of(print, bytes), want, "{print}");
        }
        assert_eq!(of(&Document::of(b"abc")), "xxh3-78af5f94892f3950");
        case("xxh3-78af5f94892f3950", b"abc", true);
        case("xxh3-78af5f94892f3950", b"abd", false);
        case("ba7816bf8f01cfea", b"abc", true);
        case("ba7816bf8f01cfea", b"abd", false);
        case("", b"", false);
        assert_eq!(number("xxh3-78af5f94892f3950"), Some(crate::disk::cache::print(b"abc")));
        assert_eq!(number("ba7816bf8f01cfea"), None);
    }
}
