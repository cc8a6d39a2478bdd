//! Names for addresses: from any spelling of a term to a slug that is safe in a path, the same on every run.
//!
//! Letters of every script are written in Latin ones: an address in plain ASCII is the only one that every server, reader
//! and validator takes for the same. What stands between words becomes one hyphen. A few signs that tell names apart are
//! said in words, so that `C`, `C++` and `C#` are three slugs and not one.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The longest slug, in bytes. File systems stop at 255 for one name.
const LONGEST: usize = 120;

/// The key under which spellings of one term meet: without regard to case, and to whether words are joined by spaces,
/// hyphens or underscores (Unicode NFKC, lower case).
pub fn fold(spelling: &str) -> String {
    // Nearly all names are ASCII, which normalization leaves as it is.
    let lower: String = match spelling.is_ascii() {
        true => spelling.to_ascii_lowercase(),
        false => spelling.nfkc().flat_map(char::to_lowercase).collect(),
    };
    let words: Vec<&str> =
        lower.split(|c: char| c.is_whitespace() || c == '-' || c == '_').filter(|w| !w.is_empty()).collect();
    words.join("-")
}

/// A slug: the letters a to z, digits and single hyphens, at most 120 bytes, never empty.
///
/// What has no letter or digit at all is named by its hash, and what is too long is cut and told apart by its hash.
pub fn slugify(spelling: &str) -> String {
    let mut slug = String::with_capacity(spelling.len());
    for c in fold(spelling).chars() {
        let word = match c {
            '+' => "plus",
            '#' => "sharp",
            '&' => "and",
            '@' => "at",
            '%' => "percent",
            '\'' | '’' => continue,
            c if c.is_ascii_alphanumeric() => {
                slug.push(c);
                continue;
            }
            c if c.is_alphanumeric() => {
                latin(c, &mut slug);
                continue;
            }
            c if is_combining_mark(c) => continue,
            _ => "",
        };
        hyphen(&mut slug);
        slug.push_str(word);
        if !word.is_empty() {
            hyphen(&mut slug);
        }
    }
    let end = slug.trim_end_matches('-').len();
    slug.truncate(end);
    if slug.is_empty() {
        return format!("x-{}", short_hash(spelling));
    }
    if slug.len() > LONGEST {
        slug.truncate(LONGEST - 9);
        return format!("{}-{}", slug.trim_end_matches('-'), short_hash(spelling));
    }
    slug
}

/// A slug that tells itself apart from one that is taken: the same with eight letters of its key's hash.
pub fn distinguished(slug: &str, key: &str) -> String {
    format!("{slug}-{}", short_hash(key))
}

fn hyphen(slug: &mut String) {
    if !slug.is_empty() && !slug.ends_with('-') {
        slug.push('-');
    }
}

/// A letter in Latin ones. Scripts without spaces between words get a hyphen between their syllables.
fn latin(c: char, slug: &mut String) {
    for letter in deunicode::deunicode_char(c).unwrap_or_default().chars() {
        match letter.to_ascii_lowercase() {
            letter if letter.is_ascii_alphanumeric() => slug.push(letter),
            ' ' => hyphen(slug),
            _ => {}
        }
    }
}

/// The first 8 hexadecimal digits of the SHA-256 of a text.
fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(4).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_slug_of_its_own() {
        #[track_caller]
        fn case(spelling: &str, want: &str) {
            assert_eq!(slugify(spelling), want, "{spelling}");
        }
        case("Healthcare", "healthcare");
        case("aws-hipaa", "aws-hipaa");
        case("AWS  HIPAA", "aws-hipaa");
        case("C", "c");
        case("C++", "c-plus-plus");
        case("C#", "c-sharp");
        case("Q&A", "q-and-a");
        case(".NET", "net");
        case("what's new?", "whats-new");
        case("../../etc/passwd", "etc-passwd");
        case("日本語", "ri-ben-yu");
        case("Ärzte & Pflege", "arzte-and-pflege");
        case("Привет, мир", "privet-mir");
        case("e\u{301}tude", "etude");
        case("שלום", "shlvm");
        case("🎉", "x-6146299c");
        case("", "x-e3b0c442");
    }

    #[test]
    fn a_long_name_is_cut_and_told_apart() {
        let (a, b) = (slugify(&"ä".repeat(300)), slugify(&"ä".repeat(301)));
        assert!(a.len() <= LONGEST && b.len() <= LONGEST);
        assert_ne!(a, b);
    }

    #[test]
    fn spellings_meet_under_one_key() {
        #[track_caller]
        fn case(a: &str, b: &str) {
            assert_eq!(fold(a), fold(b));
        }
        case("Healthcare", "healthcare");
        case("Health Care", "health-care");
        case("health_care", "Health  Care");
        case("e\u{301}tude", "étude");
        assert_ne!(fold("C"), fold("C++"));
    }
}
