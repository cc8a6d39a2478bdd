//! The body of a post: found once, read again when a feed shows it.
//!
//! A post keeps no text of its body, only where it starts and what it is known by, so that a site of any size fits in
//! memory. Whoever reads it again learns whether it is still the same.

use super::post::{Body, Post};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_64;

/// The body of a post, from the bytes of its file read later; line ends are LF.
///
/// `None` when they are not the body that was parsed: the file has changed since.
pub fn body<'a>(post: &Post, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
    let text = std::str::from_utf8(bytes.get(post.body.start..)?).ok()?;
    (xxh3_64(text.as_bytes()) == post.body.exact).then(|| {
        if text.contains('\r') {
            Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
        } else {
            Cow::Borrowed(text)
        }
    })
}

/// What a body that starts at this byte of its file is known by.
pub(crate) fn measure(text: &str, start: usize) -> Body {
    let exact = xxh3_64(text.as_bytes());
    let text = text.trim();
    let mut sha = Sha256::new();
    let mut lines = text.split('\r');
    sha.update(lines.next().unwrap_or(""));
    for line in lines {
        sha.update("\n");
        sha.update(line.strip_prefix('\n').unwrap_or(line));
    }
    let mut hash = [0; 16];
    hash.copy_from_slice(&sha.finalize()[..16]);
    Body { start, hash, blank: text.is_empty(), exact }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_white_space_around_do_not_count() {
        #[track_caller]
        fn case(text: &str, same: bool) {
            let like = measure("one\n\ntwo", 0);
            assert_eq!(measure(text, 0).hash == like.hash, same, "{text:?}");
            assert_ne!(measure(text, 0).exact, like.exact, "{text:?}");
        }
        case("one\n\ntwo\n", true);
        case("\n\n one\n\ntwo", true);
        case("one\r\n\r\ntwo\r\n", true);
        case("one\r\rtwo", true);
        case("one\ntwo", false);
        case("one \n\ntwo", false);
    }

    #[test]
    fn the_hash_is_the_first_half_of_sha_256() {
        let hex: String = measure(" abc\n", 7).hash.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223");
        assert!(measure(" \r\n\t", 0).blank);
        assert!(!measure("x", 0).blank);
    }
}
