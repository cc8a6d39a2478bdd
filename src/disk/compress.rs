//! Copies of a file as they travel: gzip (RFC 1952) and Brotli (RFC 7932).
//!
//! The same bytes give the same copy on every machine: no name and no time stands in it. The levels are where a build does
//! not wait: a feed of 83 KB takes 3 milliseconds in either coding. Brotli's level 9 would take 40 for 2 bytes less in a
//! hundred, level 11 takes 180 for 14.

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use std::io::{Read, Write as _};

/// How a copy is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coding {
    /// Brotli.
    Brotli,
    /// gzip.
    Gzip,
}

/// The smallest file that has copies, in bytes: below, what a head takes is more than what is saved.
pub const SMALLEST: u64 = 1_000;

/// The endings of files that have copies: all that a build writes and that is text.
const TEXTS: [&str; 7] = ["xml", "json", "html", "opml", "css", "txt", "svg"];

const GZIP_LEVEL: u32 = 6;
const BROTLI_LEVEL: i32 = 5;
/// As large as the feeds that people subscribe to.
const BROTLI_WINDOW: i32 = 20;

impl Coding {
    /// Both, the better one first.
    pub const ALL: [Coding; 2] = [Coding::Brotli, Coding::Gzip];

    /// What the name of a copy has after the name of its file.
    pub fn ending(self) -> &'static str {
        match self {
            Coding::Brotli => ".br",
            Coding::Gzip => ".gz",
        }
    }

    /// The copy, where it is smaller.
    pub fn pack(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(bytes.len() / 2);
        match self {
            Coding::Brotli => {
                let params = brotli::enc::BrotliEncoderParams {
                    quality: BROTLI_LEVEL,
                    lgwin: BROTLI_WINDOW,
                    size_hint: bytes.len(),
                    mode: brotli::enc::backward_references::BrotliEncoderMode::BROTLI_MODE_TEXT,
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut &bytes[..], &mut out, &params).ok()?;
            }
            Coding::Gzip => {
                let mut encoder = GzBuilder::new().mtime(0).write(&mut out, Compression::new(GZIP_LEVEL));
                encoder.write_all(bytes).and_then(|()| encoder.finish().map(drop)).ok()?;
            }
        }
        (out.len() < bytes.len()).then_some(out)
    }

    /// Whether a copy holds exactly these bytes. However much it holds, no more than these are unpacked.
    pub fn holds(self, copy: &[u8], bytes: &[u8]) -> bool {
        match self {
            Coding::Brotli => same(brotli::Decompressor::new(copy, 16 * 1024), bytes),
            Coding::Gzip => same(GzDecoder::new(copy), bytes),
        }
    }
}

/// Whether a file of this name and size has copies.
pub fn has_copies(path: &str, size_bytes: u64) -> bool {
    let is_text = path.rsplit_once('.').is_some_and(|(_, ending)| TEXTS.contains(&ending));
    is_text && size_bytes >= SMALLEST
}

fn same(mut unpacked: impl Read, mut bytes: &[u8]) -> bool {
    let mut part = [0; 16 * 1024];
    loop {
        match unpacked.read(&mut part) {
            Ok(0) => return bytes.is_empty(),
            Ok(n) => match bytes.strip_prefix(&part[..n]) {
                Some(rest) => bytes = rest,
                None => return false,
            },
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_holds_the_bytes_of_its_file_and_no_others() {
        let text = "The quick brown fox, over and over. ".repeat(500).into_bytes();
        for coding in Coding::ALL {
            let copy = coding.pack(&text).unwrap();
            assert!(copy.len() < text.len() / 10);
            assert_eq!(copy, coding.pack(&text).unwrap());
            assert!(coding.holds(&copy, &text));
            assert!(!coding.holds(&copy, &text[1..]));
            assert!(!coding.holds(&copy, &text[..text.len() - 1]));
            assert!(!coding.holds(&copy, &[&text[..], b"x"].concat()));
            assert!(!coding.holds(&copy[..copy.len() - 4], &text), "{coding:?}");
            assert!(!coding.holds(b"", &text) && !coding.holds(&text, &text));
        }
    }

    #[test]
    fn nothing_in_a_copy_is_of_this_machine() {
        let copy = Coding::Gzip.pack(&b"x".repeat(2_000)).unwrap();
        // No flags, no time; 255 stands for an unknown system (RFC 1952, section 2.3.1).
        assert_eq!(copy[3..8], [0; 5]);
        assert_eq!(copy[9], 255);
    }

    #[test]
    fn what_does_not_get_smaller_has_no_copy() {
        for coding in Coding::ALL {
            assert_eq!(coding.pack(b"x"), None);
        }
    }

    #[test]
    fn texts_of_a_thousand_bytes_have_copies() {
        #[track_caller]
        fn case(path: &str, size: u64, want: bool) {
            assert_eq!(has_copies(path, size), want, "{path} {size}");
        }
        case("atom.xml", 1_000, true);
        case("atom.xml", 999, false);
        case("feeds/index.html", 5_000, true);
        case("feeds/feeds.opml", 5_000, true);
        case("logo.png", 5_000, false);
        case("atom.xml.gz", 5_000, false);
        case("xml", 5_000, false);
    }
}
