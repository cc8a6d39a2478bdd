//! Which way a line is read: by the script of a language, or by the first letter of a text.

/// Which way a line is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From left to right.
    LeftToRight,
    /// From right to left.
    RightToLeft,
}

impl Direction {
    /// As HTML names it.
    pub fn name(self) -> &'static str {
        match self {
            Direction::LeftToRight => "ltr",
            Direction::RightToLeft => "rtl",
        }
    }

    /// That of a language, by its script where the tag names one, else by the script it is mostly written in.
    pub fn of_tag(tag: &str) -> Direction {
        const SCRIPTS: [&str; 10] = ["adlm", "arab", "hebr", "mand", "mend", "nkoo", "rohg", "samr", "syrc", "thaa"];
        const LANGUAGES: [&str; 18] = [
            "ar", "arc", "arz", "ckb", "dv", "fa", "he", "iw", "lrc", "mzn", "nqo", "pnb", "ps", "sd", "syr", "ug",
            "ur", "yi",
        ];
        let lower = tag.to_ascii_lowercase();
        let mut parts = lower.split('-');
        let language = parts.next().unwrap_or_default();
        let script = parts.find(|part| part.len() == 4 && part.bytes().all(|b| b.is_ascii_alphabetic()));
        let right_to_left = match script {
            Some(script) => SCRIPTS.contains(&script),
            None => LANGUAGES.contains(&language),
        };
        if right_to_left { Direction::RightToLeft } else { Direction::LeftToRight }
    }

    /// That of a text, by its first letter (as HTML's `dir=auto`); none where it has no letter.
    pub fn of_text(text: &str) -> Option<Direction> {
        let right_to_left = |c: char| {
            matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
                | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
        };
        let first = text.chars().find(|c| c.is_alphabetic())?;
        Some(if right_to_left(first) { Direction::RightToLeft } else { Direction::LeftToRight })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direction_follows_the_script() {
        #[track_caller]
        fn case(tag: &str, want: &str) {
            assert_eq!(Direction::of_tag(tag).name(), want, "{tag}");
        }
        case("en", "ltr");
        case("ar", "rtl");
        case("ar-EG", "rtl");
        case("he", "rtl");
        case("fa-IR", "rtl");
        case("UR", "rtl");
        case("az-Arab", "rtl");
        case("pa-Arab-PK", "rtl");
        case("ar-Latn", "ltr");
        case("de-1996", "ltr");
        case("", "ltr");
        assert_eq!(Direction::of_text("1. שלום world"), Some(Direction::RightToLeft));
        assert_eq!(Direction::of_text("🎉 hello שלום"), Some(Direction::LeftToRight));
        assert_eq!(Direction::of_text("2026: 🎉"), None);
    }
}
