//! What a file is called, and what a slug may be.
//!
//! A slug becomes a part of addresses and of paths below the output folder, so one that could leave it is refused here,
//! however it is dressed up. What may stand in an address as it is, is not decided here.

use super::date;
use crate::text::is_legal;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// What a file's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    /// `YYYY-MM-DD`, as written: such a day need not exist.
    pub date: Option<&'a str>,
    /// The name without its date and ending. That of `index.md` is its folder's.
    pub slug: &'a str,
}

impl<'a> Name<'a> {
    /// Reads a path with `/`.
    pub fn of(file: &'a str) -> Name<'a> {
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem });
        let stem = match folder.rsplit('/').next() {
            Some(folder) if stem == "index" && !folder.is_empty() => folder,
            _ => stem,
        };
        match date::split_file_name(stem) {
            Some((date, "")) => Name { date: Some(date), slug: stem },
            Some((date, slug)) => Name { date: Some(date), slug },
            None => Name { date: None, slug: stem },
        }
    }
}

/// A slug without `/` and white space at its ends; empty where nothing else is there.
///
/// # Errors
///
/// Why it cannot be one; reads on after "`slug` ".
pub(crate) fn slug(raw: &str) -> Result<&str, String> {
    let slug = raw.trim_matches(|c: char| c == '/' || c.is_whitespace());
    let mut decoded = Cow::Borrowed(slug);
    // Whoever reads an address decodes it at least once; what is encoded more often than this is only text.
    for _ in 0..4 {
        let next = percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
        if next == *decoded {
            break;
        }
        decoded = Cow::Owned(next);
    }
    if let Some(c) = decoded.chars().find(|&c| c.is_control() || !is_legal(c)) {
        return Err(format!("holds U+{:04X}, a control character", c as u32));
    }
    if decoded.contains('\\') {
        return Err("holds a backslash".into());
    }
    for part in decoded.split('/') {
        match part.trim() {
            "." | ".." => return Err(format!("leaves the output folder by `{}`", part.trim())),
            "" if !slug.is_empty() => return Err("has nothing between two `/`".into()),
            _ => {}
        }
    }
    Ok(slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_gives_date_and_slug() {
        #[track_caller]
        fn case(file: &str, date: Option<&str>, slug: &str) {
            assert_eq!(Name::of(file), Name { date, slug }, "{file}");
        }
        case("content/posts/2016-11-30.aws-recap.md", Some("2016-11-30"), "aws-recap");
        case("content/posts/2016-11-30-aws-recap.md", Some("2016-11-30"), "aws-recap");
        case("content/posts/2016-11-30_aws.v2.markdown", Some("2016-11-30"), "aws.v2");
        case("content/posts/2016-11-30.md", Some("2016-11-30"), "2016-11-30");
        case("content/posts/2016-11-30-.md", Some("2016-11-30"), "2016-11-30-");
        case("content/posts/aws.md", None, "aws");
        case("content/posts/2016-11-30-aws/index.md", Some("2016-11-30"), "aws");
        case("index.md", None, "index");
        case("aws", None, "aws");
        case("posts/.md", None, ".md");
        case("", None, "");
    }

    #[test]
    fn a_slug_stays_in_the_output_folder() {
        #[track_caller]
        fn case(raw: &str, want: Result<&str, &str>) {
            assert_eq!(slug(raw), want.map_err(str::to_owned), "{raw:?}");
        }
        case("spring-sale", Ok("spring-sale"));
        case(" /2026/spring-sale/ ", Ok("2026/spring-sale"));
        case("it's \"1.0\"... 100% für dich", Ok("it's \"1.0\"... 100% für dich"));
        case("..a/b..", Ok("..a/b.."));
        case("///", Ok(""));
        case("../etc", Err("leaves the output folder by `..`"));
        case("a/../../etc", Err("leaves the output folder by `..`"));
        case("a/./b", Err("leaves the output folder by `.`"));
        case("a/ .. /b", Err("leaves the output folder by `..`"));
        case("%2e%2e/etc", Err("leaves the output folder by `..`"));
        case("a%2F%2e.%2fb", Err("leaves the output folder by `..`"));
        case("%252e%252e/etc", Err("leaves the output folder by `..`"));
        case("a%5c..", Err("holds a backslash"));
        case("a\\b", Err("holds a backslash"));
        case("a//b", Err("has nothing between two `/`"));
        case("a\u{0}b", Err("holds U+0000, a control character"));
        case("a%00b", Err("holds U+0000, a control character"));
        case("a\u{fffe}b", Err("holds U+FFFE, a control character"));
    }
}
