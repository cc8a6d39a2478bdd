//! Plain text in lines of a given width, or cut to one.
//!
//! Lines are broken at white space, and where a script writes without spaces, where Unicode allows it (UAX 14). What has
//! neither, such as an address, stays whole, however long it is.

use unicode_linebreak::{BreakOpportunity, linebreaks};
use unicode_width::UnicodeWidthStr;

/// The width of a mail's plain text, in columns: what is left of 80 after it was quoted a few times.
pub const COLUMNS: usize = 72;

/// The text in lines of at most `columns`, but for words that are longer. Line breaks in it stay; a line that starts with
/// `- ` hangs, so that its second line stands below its first word. No white space at the end of a line.
pub fn wrap(text: &str, columns: usize) -> String {
    let lines: Vec<String> = text.lines().map(|line| wrap_line(line, columns)).collect();
    lines.join("\n").trim_end().to_owned()
}

fn wrap_line(line: &str, columns: usize) -> String {
    let hang = if line.starts_with("- ") { "  " } else { "" };
    let (mut out, mut used) = (String::with_capacity(line.len()), 0);
    for (glued, piece) in line.split_whitespace().flat_map(pieces) {
        let (width, space) = (piece.width(), usize::from(!glued && used > 0));
        if used > 0 && used + space + width > columns {
            out.push('\n');
            out.push_str(hang);
            used = hang.len();
        } else if space > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(piece);
        used += width;
    }
    out
}

/// A word in the parts that may stand on two lines, and whether each is glued to the one before.
fn pieces(word: &str) -> Vec<(bool, &str)> {
    let is_wide = |c: char| unicode_width::UnicodeWidthChar::width(c) == Some(2) && c.is_alphanumeric();
    if word.contains("://") || !word.contains(is_wide) {
        return vec![(false, word)];
    }
    let mut start = 0;
    let mut out = Vec::new();
    for (end, opportunity) in linebreaks(word) {
        if opportunity == BreakOpportunity::Allowed || end == word.len() {
            out.push((start > 0, &word[start..end]));
            start = end;
        }
    }
    out
}

/// The text cut to so many characters, at the end of a word where there is one near, with `…` in place of the rest.
pub fn shortened(text: &str, chars: usize) -> String {
    let Some((most, _)) = text.char_indices().nth(chars) else { return text.to_owned() };
    let room = text.char_indices().nth(chars.saturating_sub(1)).map_or(most, |(at, _)| at);
    let word = text[..room].rfind(char::is_whitespace).filter(|&at| at * 3 > room * 2);
    let mut end = word.unwrap_or(room);
    // A letter keeps its accents, and an emoji its parts.
    let joins = |c: char| {
        unicode_normalization::char::is_combining_mark(c)
            || matches!(c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}')
    };
    while end > 0 && (text[end..].starts_with(joins) || text[..end].ends_with('\u{200d}')) {
        end -= text[..end].chars().next_back().map_or(1, char::len_utf8);
    }
    let kept =
        text[..end].trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '–' | '-' | '.'));
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_where_a_reader_would() {
        #[track_caller]
        fn case(text: &str, columns: usize, want: &str) {
            assert_eq!(wrap(text, columns), want);
        }
        case("", 10, "");
        case("one two  three", 9, "one two\nthree");
        case("one\n\ntwo three four", 9, "one\n\ntwo three\nfour");
        case("- one two three", 9, "- one two\n  three");
        case("Donaudampfschifffahrtsgesellschaft ist lang", 10, "Donaudampfschifffahrtsgesellschaft\nist lang");
        case("(https://example.org/a/b-c?d=日本) end", 8, "(https://example.org/a/b-c?d=日本)\nend");
        case("退院の翌朝、食卓には薬。", 10, "退院の翌\n朝、食卓に\nは薬。");
        case("trailing   \n  leading", 72, "trailing\nleading");
    }

    #[test]
    fn a_long_text_is_cut_between_words_and_never_inside_a_letter() {
        #[track_caller]
        fn case(text: &str, chars: usize, want: &str) {
            assert_eq!(shortened(text, chars), want);
            assert!(shortened(text, chars).chars().count() <= chars.max(1));
        }
        case("short", 5, "short");
        case("one two three", 9, "one two…");
        case("one, two", 5, "one…");
        case("Donaudampfschiff", 6, "Donau…");
        case("e\u{301}e\u{301}e\u{301}", 4, "e\u{301}…");
        case("👩‍👩‍👧x", 4, "…");
        case("ab👍🏽cd", 4, "ab…");
        case("退院後の三日間", 4, "退院後…");
        case("abc", 0, "…");
    }

    proptest::proptest! {
        #[test]
        fn nothing_but_white_space_is_lost(text in "[a-zé日、 \\-\n\u{301}🎉]{0,120}", columns in 0_usize..20) {
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            let out = wrap(&text, columns);
            proptest::prop_assert_eq!(bare(&out), bare(&text));
            proptest::prop_assert!(out.lines().all(|line| line.trim_end() == line));
        }
    }
}
