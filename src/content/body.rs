//! The body of a post: found once, read again when a feed shows it.
//!
//! A post keeps no text of its body, only where it starts and what it is known by, so that a site of any size fits in
//! memory. Whoever reads it again learns whether it is still the same.

use super::post::{Body, Post};
use memchr::memchr;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_64;

/// The body of a post, from the bytes of its file read later; line ends are LF.
///
/// `None` when they are not the body that was parsed: the file has changed since.
pub fn body<'a>(post: &Post, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
    let text = simdutf8::basic::from_utf8(bytes.get(post.body.start..)?).ok()?;
    (xxh3_64(text.as_bytes()) == post.body.exact).then(|| {
        if text.contains('\r') {
            Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
        } else {
            Cow::Borrowed(text)
        }
    })
}

/// What a body that starts at this byte of its file is known by, without its hash.
pub(crate) fn measure(text: &str, start: usize) -> Body {
    Body { start, hash: None, blank: text.trim().is_empty(), exact: xxh3_64(text.as_bytes()) }
}

/// [`Body::hash`] of a body; none where it is blank.
pub fn hash(text: &str) -> Option<[u8; 16]> {
    let text = text.trim();
    let mut sha = Sha256::new();
    let mut rest = text.as_bytes();
    while let Some(end) = memchr(b'\r', rest) {
        sha.update(&rest[..end]);
        sha.update("\n");
        rest = &rest[end + 1..];
        rest = rest.strip_prefix(b"\n").unwrap_or(rest);
    }
    sha.update(rest);
    let mut hash = [0; 16];
    hash.copy_from_slice(&sha.finalize()[..16]);
    (!text.is_empty()).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_white_space_around_do_not_count() {
        #[track_caller]
        fn case(text: &str, same: bool) {
            let like = "one\n\ntwo";
            assert_eq!(hash(text) == hash(like), same, "{text:?}");
            assert_ne!(measure(text, 0).exact, measure(like, 0).exact, "{text:?}");
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
        let hex: String = hash(" abc\n").unwrap().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223");
        assert_eq!(hash(" \r\n\t"), None);
        assert!(measure(" \r\n\t", 0).blank);
        assert!(!measure("x", 0).blank);
    }
}
