//! The words and signs of a filter, each with its place.

use super::FilterError;

/// One word or sign. Columns and widths count characters, columns from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    pub column: usize,
    pub width: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word(String),
    Quoted(String),
    /// One of [`SIGNS`] that compares.
    Sign(&'static str),
    Open,
    Close,
}

impl Token {
    /// What a message shows of it.
    pub fn shown(&self) -> String {
        match &self.kind {
            Kind::Word(word) => word.clone(),
            Kind::Quoted(value) => quoted(value),
            Kind::Sign(sign) => (*sign).to_owned(),
            Kind::Open => "(".to_owned(),
            Kind::Close => ")".to_owned(),
        }
    }

    /// Whether it is this word, which is given in small letters.
    pub fn is_word(&self, keyword: &str) -> bool {
        matches!(&self.kind, Kind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// Whether it is `and`, `or` or `not`.
    pub fn is_keyword(&self) -> bool {
        KEYWORDS.iter().any(|keyword| self.is_word(keyword))
    }
}

pub(super) const KEYWORDS: [&str; 3] = ["and", "or", "not"];

/// Longer signs before those that they start with. The second is what is meant by signs of other languages.
const SIGNS: [(&str, Option<&str>); 15] = [
    ("===", Some("=")),
    ("!==", Some("!=")),
    ("==", Some("=")),
    ("=~", Some("=")),
    ("=<", Some("<=")),
    ("=>", Some(">=")),
    ("<>", Some("!=")),
    ("!=", None),
    ("<=", None),
    (">=", None),
    ("=", None),
    ("<", None),
    (">", None),
    ("&&", Some("and")),
    ("||", Some("or")),
];

/// All words and signs.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut tokens = Vec::new();
    let (mut rest, mut column) = (text, 0);
    loop {
        let blank = rest.len() - rest.trim_start().len();
        column += rest[..blank].chars().count();
        rest = &rest[blank..];
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let (kind, bytes) = match first {
            '(' => (Kind::Open, 1),
            ')' => (Kind::Close, 1),
            '\'' | '"' => match rest[1..].find(first) {
                Some(end) => (Kind::Quoted(rest[1..=end].to_owned()), end + 2),
                None => {
                    let message = "this quotation is not closed".to_owned();
                    let hint = Some(format!("add `{first}` where it ends"));
                    return Err(FilterError { message, column, width: rest.trim_end().chars().count(), hint });
                }
            },
            _ => match sign(rest) {
                Some((sign, None)) => (Kind::Sign(sign), sign.len()),
                Some((sign, Some(meant))) => {
                    let message = format!("`{sign}` is not known here");
                    return Err(FilterError {
                        message,
                        column,
                        width: sign.len(),
                        hint: Some(format!("write `{meant}`")),
                    });
                }
                None if first == '!' => {
                    let hint = Some("write `not`".to_owned());
                    return Err(FilterError { message: "`!` is not known here".to_owned(), column, width: 1, hint });
                }
                None => {
                    let bytes = word_length(rest);
                    (Kind::Word(rest[..bytes].to_owned()), bytes)
                }
            },
        };
        let width = rest[..bytes].chars().count();
        tokens.push(Token { kind, column, width });
        column += width;
        rest = &rest[bytes..];
    }
}

/// The sign that a text starts with.
fn sign(rest: &str) -> Option<(&'static str, Option<&'static str>)> {
    SIGNS.into_iter().find(|(sign, _)| rest.starts_with(sign))
}

/// How many bytes a word takes: up to white space, a parenthesis or a sign. Quotes inside a word are part of it.
fn word_length(rest: &str) -> usize {
    let ends = |(i, c): &(usize, char)| c.is_whitespace() || matches!(c, '(' | ')') || sign(&rest[*i..]).is_some();
    rest.char_indices().find(ends).map_or(rest.len(), |(i, _)| i)
}

/// A value so that it is read as one: as it stands where it is a plain word, else in quotes.
pub(super) fn quoted(value: &str) -> String {
    let plain = !value.is_empty()
        && !value.starts_with(['\'', '"', '!', '~'])
        && !value.contains(',')
        && word_length(value) == value.len()
        && !KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(value));
    if plain {
        value.to_owned()
    } else if value.contains('\'') {
        format!("\"{value}\"")
    } else {
        format!("'{value}'")
    }
}
