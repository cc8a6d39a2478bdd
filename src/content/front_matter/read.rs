//! From a tree of front matter to typed values.
//!
//! A [`Reader`] takes one value at a time, says what is wrong with it and goes on, so that one run tells all there is to
//! tell about a file. Text comes out without characters that XML cannot carry.

use super::drop_warning;
use super::yaml::{Key, Map, Node, Value, fault, shown};
use crate::content::{date, naming};
use crate::diagnostic::{Diagnostic, Place, Span, Spanned};
use crate::text::{Text, first_illegal, is_legal};
use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use foldhash::HashSet;
use foldhash::fast::RandomState;
use serde_json::{Number, Value as Json};

/// Names under which a map may say what it stands for.
const NAMED: &[&str] = &["id", "slug", "name", "title"];

/// Names under which a map may say where something is.
const PLACED: &[&str] = &["url", "src", "path"];

/// A value of front matter with its key.
pub(crate) type Pair<'t, 'a> = (&'t Key<'a>, &'t Node<'a>);

/// Finds the value in a map that stands for the whole of it.
type Choose = for<'t, 'a> fn(&'t Map<'a>) -> Option<&'t Node<'a>>;

/// Which of the values in a list are the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Same {
    /// Terms: `HIPAA` is `hipaa`.
    AnyCase,
    /// Ids and names of other files; a map with one of these stands for it.
    Exact,
}

/// Reads the values of one file, and gathers what is wrong with them.
pub(crate) struct Reader<'f> {
    file: &'f str,
    /// What was found so far; the places in it lack the file's name.
    pub findings: Vec<Diagnostic>,
}

impl<'f> Reader<'f> {
    /// Reads the file of this name.
    pub fn new(file: &'f str) -> Reader<'f> {
        Reader { file, findings: Vec::new() }
    }

    /// The value, if nothing stands in its way, and all findings in the order of the file.
    pub fn finish<T>(mut self, value: Option<T>) -> (Option<T>, Vec<Diagnostic>) {
        for finding in &mut self.findings {
            let span = finding.place.take().and_then(|place| place.span);
            finding.place = Some(Place { file: self.file.to_owned(), span });
        }
        self.findings.sort_by_key(|finding| finding.place.as_ref().and_then(|place| place.span));
        let sound = !self.findings.iter().any(Diagnostic::is_error);
        (value.filter(|_| sound), self.findings)
    }

    /// Text as it stands, but for white space at its ends.
    pub fn text(&mut self, pair: Pair) -> Option<Spanned<Text>> {
        let raw = self.scalar(pair, "a text")?;
        self.sound(pair, raw, Text::new(raw.trim()))
    }

    /// Text as one line.
    pub fn line(&mut self, pair: Pair) -> Option<Spanned<Text>> {
        let raw = self.scalar(pair, "a text")?;
        self.sound(pair, raw, Text::one_line(raw))
    }

    /// Text as one line, without which the file is of no use: `missing` tells so.
    pub fn needed(&mut self, pair: Option<Pair>, missing: impl FnOnce() -> Diagnostic) -> Option<Spanned<Text>> {
        let line = pair.and_then(|pair| self.line(pair));
        if line.is_none() && pair.is_none_or(|(_, node)| matches!(node.value, Value::Scalar { .. })) {
            self.findings.push(missing());
        }
        line
    }

    /// One line that a program compares: an id.
    pub fn word(&mut self, pair: Pair) -> Option<Spanned<String>> {
        self.line(pair).map(|line| Spanned::new(line.value.to_string(), line.span))
    }

    /// All values of some keys, each a list or a text, as lines; empty ones and those that are there already are dropped.
    pub fn list<'t, 'a: 't>(&mut self, pairs: impl Iterator<Item = Pair<'t, 'a>>, same: Same) -> Vec<Spanned<Text>> {
        let mut lines = Vec::new();
        for (key, node) in pairs {
            match &node.value {
                Value::List(items) => {
                    lines.reserve(items.len());
                    for item in items.iter().filter(|item| !item.is_absent()) {
                        lines.extend(self.item((key, item), same, true));
                    }
                }
                _ => {
                    let line = self.item((key, node), same, false);
                    if let Some(line) = line.iter().find(|line| same == Same::AnyCase && line.value.contains(',')) {
                        let warning =
                            Diagnostic::warning(format!("`{}` is one text with a comma in it", shown(&key.name)));
                        let parts: Vec<&str> = line.value.split(',').map(str::trim).collect();
                        let hint =
                            format!("write a list, `[{}]`, or `[\"{}\"]` if it is one", parts.join(", "), line.value);
                        self.findings.push(warning.at("", line.span).hint(hint));
                    }
                    lines.extend(line);
                }
            }
        }
        distinct(&mut lines, same);
        lines
    }

    fn item(&mut self, (key, node): Pair, same: Same, listed: bool) -> Option<Spanned<Text>> {
        let node = match (&node.value, same) {
            (Value::Map(map), Same::Exact) => linked(map).unwrap_or(node),
            _ => node,
        };
        match node.value {
            Value::Scalar { .. } => self.line((key, node)),
            _ if same == Same::Exact => self.refuse((key, node), &format!("hold texts, or {}", with(NAMED))),
            _ if listed => self.refuse((key, node), "hold texts only"),
            _ => self.refuse((key, node), "be a list or a text"),
        }
    }

    /// What names another file: a text, or a map that has an id, slug, name or title. Of a list the first.
    pub fn reference(&mut self, pair: Pair) -> Option<Spanned<Text>> {
        self.one_of(pair, linked, NAMED)
    }

    /// A path or address, or a map that has one. Of a list the first.
    pub fn location(&mut self, pair: Pair) -> Option<Spanned<Text>> {
        self.one_of(pair, |map| named(map, PLACED), PLACED)
    }

    fn one_of(&mut self, (key, node): Pair, choose: Choose, names: &[&str]) -> Option<Spanned<Text>> {
        let node = match &node.value {
            Value::List(items) => items.iter().find(|item| !item.is_absent())?,
            _ => node,
        };
        let node = match &node.value {
            Value::Map(map) => choose(map).unwrap_or(node),
            _ => node,
        };
        match node.value {
            Value::Map(_) => self.refuse((key, node), &format!("be a text, or {}", with(names))),
            _ => self.line((key, node)),
        }
    }

    /// A date, or a date and a time.
    pub fn date(&mut self, pair: Pair, zone: Tz, publish_time: NaiveTime) -> Option<Spanned<DateTime<Utc>>> {
        let raw = self.scalar(pair, "a date")?;
        match date::parse(raw, zone, publish_time) {
            Ok(moment) => Some(Spanned::new(moment, pair.1.span)),
            Err(error) => {
                let message = format!("`{}` is not a date: {error}", shown(&pair.0.name));
                self.findings.push(fault(message, pair.1.span).hint(date::HINT));
                None
            }
        }
    }

    /// True or false, also as yes or no, on or off.
    pub fn flag(&mut self, pair: Pair) -> Option<bool> {
        let raw = self.scalar(pair, "true or false")?;
        let flag = flag(raw);
        if flag.is_none() {
            let message = format!("`{}` must be true or false, found `{}`", shown(&pair.0.name), shown(raw));
            self.findings.push(fault(message, pair.1.span));
        }
        flag
    }

    /// A slug, or else the one in the file's name, which counts as standing at `top`.
    pub fn slug(&mut self, pair: Option<Pair>, top: Span) -> Option<Spanned<String>> {
        const HINT: &str = "write letters, digits and `-`, such as `spring-sale`, with `/` between folders";
        if let Some((key, node)) = pair {
            match naming::slug(self.scalar((key, node), "a text")?) {
                Ok("") => {}
                Ok(slug) => return Some(Spanned::new(slug.to_owned(), node.span)),
                Err(why) => {
                    self.findings.push(fault(format!("`{}` {why}", shown(&key.name)), node.span).hint(HINT));
                    return None;
                }
            }
        }
        let name = naming::Name::of(self.file).slug;
        let why = match naming::slug(name) {
            Ok(slug) if !slug.is_empty() => return Some(Spanned::new(slug.to_owned(), top)),
            Ok(_) => "is empty".to_owned(),
            Err(why) => why,
        };
        self.findings.push(fault(format!("the file name gives no slug: it {why}"), top).hint("add `slug: …`"));
        None
    }

    /// Any value, for templates. Numbers and booleans are what they are in YAML 1.2.
    pub fn json(&mut self, (key, node): Pair) -> Json {
        match &node.value {
            Value::Null => Json::Null,
            Value::Scalar { text, plain } => {
                let typed = if *plain { typed(text) } else { None };
                typed.unwrap_or_else(|| Json::String(self.kept((key, node), text).to_string()))
            }
            Value::List(items) => items.iter().map(|item| self.json((key, item))).collect(),
            Value::Map(map) => Json::Object(
                map.iter().map(|(inner, item)| (Text::new(&inner.name).to_string(), self.json((key, item)))).collect(),
            ),
        }
    }

    /// Says what a key must be or do, and what it is instead.
    pub fn refuse<T>(&mut self, (key, node): Pair, must: &str) -> Option<T> {
        let message = format!("`{}` must {must}, found {}", shown(&key.name), node.kind());
        self.findings.push(fault(message, node.span));
        None
    }

    fn scalar<'t>(&mut self, pair: Pair<'t, '_>, what: &str) -> Option<&'t str> {
        match &pair.1.value {
            Value::Scalar { text, .. } => Some(text),
            _ => self.refuse(pair, &format!("be {what}")),
        }
    }

    /// Text for a value, unless nothing of it is left; warns where some of it was dropped.
    fn sound(&mut self, pair: Pair, raw: &str, text: Text) -> Option<Spanned<Text>> {
        // What came through as it is lost nothing.
        if *text != *raw {
            self.warn_of_dropped(pair, raw);
        }
        (!text.trim().is_empty()).then(|| Spanned::new(text, pair.1.span))
    }

    fn kept(&mut self, pair: Pair, raw: &str) -> Text {
        self.warn_of_dropped(pair, raw);
        Text::new(raw)
    }

    fn warn_of_dropped(&mut self, (key, node): Pair, raw: &str) {
        if let Some((_, first)) = first_illegal(raw) {
            let count = raw.chars().filter(|&c| !is_legal(c)).count();
            let holder = format!("`{}`", shown(&key.name));
            self.findings.push(drop_warning(&holder, "no feed can carry", first, count).at("", node.span));
        }
    }
}

/// The first of some names that has a value in a map.
pub(crate) fn find<'t, 'a>(map: &'t Map<'a>, names: &[&str]) -> Option<Pair<'t, 'a>> {
    names
        .iter()
        .find_map(|name| map.iter().find(|(key, node)| key.name == *name && !node.is_absent()))
        .map(|(k, n)| (k, n))
}

fn named<'t, 'a>(map: &'t Map<'a>, names: &[&str]) -> Option<&'t Node<'a>> {
    find(map, names).map(|(_, node)| node).filter(|node| matches!(node.value, Value::Scalar { .. }))
}

/// What a map that stands for another file names it by; in a link as Contentful exports it, the id is one map further in.
fn linked<'t, 'a>(map: &'t Map<'a>) -> Option<&'t Node<'a>> {
    named(map, NAMED).or_else(|| match &find(map, &["sys"])?.1.value {
        Value::Map(link) => named(link, NAMED),
        _ => None,
    })
}

/// The names that a map may have, for messages.
fn with(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("a map with {}", names.join(" or "))
}

/// Drops every line that stands before already.
pub(crate) fn distinct(lines: &mut Vec<Spanned<Text>>, same: Same) {
    if lines.len() < 2 {
        return;
    }
    let mut seen = HashSet::with_capacity_and_hasher(lines.len(), RandomState::default());
    lines.retain(|line| match same {
        Same::AnyCase => seen.insert(line.value.to_lowercase()),
        Same::Exact => seen.insert(line.value.to_string()),
    });
}

/// A boolean as people write it.
pub(crate) fn flag(raw: &str) -> Option<bool> {
    let is = |words: [&str; 3]| words.iter().any(|word| raw.trim().eq_ignore_ascii_case(word));
    if is(["true", "yes", "on"]) {
        return Some(true);
    }
    is(["false", "no", "off"]).then_some(false)
}

/// A number or boolean of YAML 1.2, section 10.3; `None` for text, and for numbers that JSON does not know.
fn typed(text: &str) -> Option<Json> {
    match text {
        "true" | "True" | "TRUE" => return Some(Json::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Json::Bool(false)),
        _ => {}
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return whole(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return whole(digits, 8);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let number = text.strip_prefix('+').unwrap_or(text);
        return number.parse::<i64>().map(Json::from).or_else(|_| number.parse::<u64>().map(Json::from)).ok();
    }
    // What Rust reads as a number beyond this, such as `inf`, cannot start with a digit or a dot.
    text.parse::<f64>().ok().and_then(Number::from_f64).map(Json::Number)
}

fn whole(digits: &str, radix: u32) -> Option<Json> {
    let plain = digits.chars().all(|c| c.is_digit(radix));
    if plain { u64::from_str_radix(digits, radix).ok().map(Json::from) } else { None }
}
