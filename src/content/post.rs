//! A post, as its file says it: typed, with the place of every value that a message may have to point at.
//!
//! A post knows nothing of other posts, of settings or of the time: whether its author exists, what its address is and
//! whether it is out yet is decided by the collection.

use super::dialect::{Dialect, Field, Fields};
use super::front_matter::read::{self, Pair, Reader, Same, find};
use super::front_matter::yaml::{Value, fault, shown};
use super::front_matter::{self, Fences, drop_warning, split};
use super::naming::Name;
use super::{body, date};
use crate::diagnostic::{Diagnostic, Span, Spanned, nearest};
use crate::text::{Text, first_illegal, is_legal};
use chrono::{DateTime, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

pub use super::body::{body, hash};

/// One Markdown file: its front matter, and where its body is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Post {
    /// Path from the site's root, with `/`.
    pub file: String,
    /// `id`, when the post carries one.
    pub id: Option<Spanned<String>>,
    /// `title`, as one line of plain text.
    pub title: Spanned<Text>,
    /// `slug`, or the file name without its date and ending. Never empty, no `/` at either end; may have `/` inside.
    pub slug: Spanned<String>,
    /// When it is published: `pub_date`, or the date in the file name.
    pub published_at: Spanned<DateTime<Utc>>,
    /// `updated`: when it last changed in a way that readers should be told of.
    pub updated_at: Option<DateTime<Utc>>,
    /// `withdrawn`: when it was taken back.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// `draft: true` or `published: false`.
    pub draft: bool,
    /// Categories, as written.
    pub categories: Vec<Spanned<Text>>,
    /// Topics, without a prefix such as `topics/` or `discovery_topic/`.
    pub topics: Vec<Spanned<Text>>,
    /// Tags, as written.
    pub tags: Vec<Spanned<Text>>,
    /// Authors, as written: an id, a slug or a name.
    pub authors: Vec<Spanned<Text>>,
    /// What a list shows: plain text, one paragraph.
    pub summary: Option<Spanned<Text>>,
    /// The opening paragraph, in Markdown.
    pub lead: Option<Spanned<Text>>,
    /// The id of a call to action.
    pub call_to_action: Option<Spanned<Text>>,
    /// Ids of related posts.
    pub related: Vec<Spanned<Text>>,
    /// Path or address of a picture for the post itself.
    pub featured_image: Option<Spanned<Text>>,
    /// Path or address of a picture for where it is shared.
    pub share_image: Option<Spanned<Text>>,
    /// A file to play or to keep.
    pub enclosure: Option<Enclosure>,
    /// The language, as a BCP 47 tag, when it is not the site's.
    pub lang: Option<Spanned<Text>>,
    /// `content`: whether feeds carry it in full, when the post says so itself.
    pub content: Option<Content>,
    /// `permalink`: the path of its address, when it is not the one that the settings give. Starts with `/`.
    pub address: Option<Spanned<Text>>,
    /// Front matter that tidings gives no meaning to, for templates.
    #[serde(with = "as_text")]
    pub extra: serde_json::Map<String, serde_json::Value>,
    /// Where the body is in the file, and what it is known by.
    pub body: Body,
}

/// The body of a post: not its text, which is read again when a feed shows it, but where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The byte in the file at which the body starts (in the file as it lies on the disk, byte order mark included).
    pub start: usize,
    /// SHA-256 of the body without white space at its ends and with line ends as LF, cut to 16 bytes. None where it is blank,
    /// and where nobody asked for it.
    pub hash: Option<[u8; 16]>,
    /// Whether there is nothing but white space.
    pub blank: bool,
    /// XXH3 of the body as it stands, white space and line ends too: whether it would be shown the same.
    pub exact: u64,
}

/// A file that comes with a post (RSS 2.0 `enclosure`, RFC 4287 section 4.2.7.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enclosure {
    /// Path or address.
    pub url: Spanned<Text>,
    /// Media type; else it is told by the ending.
    pub media_type: Option<Text>,
    /// Size in bytes, where the front matter knows it.
    pub size_bytes: Option<u64>,
}

pub use crate::config::Content;

/// JSON as one text, for formats that cannot carry a value of any shape.
mod as_text {
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::{Error as _, Serializer};
    use serde_json::{Map, Value};
    use std::borrow::Cow;

    pub fn serialize<S: Serializer>(map: &Map<String, Value>, to: S) -> Result<S::Ok, S::Error> {
        if map.is_empty() {
            return to.serialize_str("");
        }
        to.serialize_str(&serde_json::to_string(map).map_err(S::Error::custom)?)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Map<String, Value>, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        if text.is_empty() {
            return Ok(Map::new());
        }
        serde_json::from_str(&text).map_err(D::Error::custom)
    }
}

/// How posts are read on one site.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// Which key means what.
    pub dialect: &'a Dialect,
    /// Where the clock hangs that dates without an offset are read from.
    pub timezone: chrono_tz::Tz,
    /// When a post that has a date alone is published.
    pub publish_time: NaiveTime,
    /// Whose bodies are hashed.
    pub hashed: Hashed,
}

/// Which posts' bodies are hashed: the lock knows a post that was moved by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashed {
    /// All.
    Every,
    /// Those of posts without an `id` of their own: while the lock has no lines, only they will get one.
    WithoutId,
}

impl Hashed {
    /// Whether a post with this `id` is one of them.
    pub fn holds(self, id: Option<&Spanned<String>>) -> bool {
        self == Hashed::Every || id.is_none_or(|id| id.value.trim().is_empty())
    }
}

/// Reads a post from the bytes of the file with this path, and tells all that is wrong with it, in the order of the file.
///
/// There is a post only where no error was found; warnings may come with one.
pub fn parse(file: &str, bytes: &[u8], how: &Reading) -> (Option<Post>, Vec<Diagnostic>) {
    let mut reader = Reader::new(file);
    let post = read(file, bytes, how, &mut reader);
    reader.finish(post)
}

fn read(file: &str, bytes: &[u8], how: &Reading, reader: &mut Reader) -> Option<Post> {
    let split =
        split(bytes, Fences::Required, &mut reader.findings).map_err(|fault| reader.findings.push(fault)).ok()?;
    let map = split.map(&mut reader.findings)?;
    let fields = how.dialect.sort(&map);
    let top = split.fence;

    let id = fields.first(Field::Id).and_then(|pair| reader.word(pair));
    let title = title(&fields, top, reader);
    let slug = reader.slug(fields.first(Field::Slug), top);
    let (published_at, unpublished) = published_at(file, &fields, how, top, reader);
    let draft = fields.first(Field::Draft).and_then(|pair| reader.flag(pair)).unwrap_or(false) || unpublished;
    let moment = |reader: &mut Reader, field| {
        let pair = fields.first(field)?;
        reader.date(pair, how.timezone, how.publish_time).map(|moment| moment.value)
    };
    let updated_at = moment(reader, Field::Updated);
    let withdrawn_at = moment(reader, Field::Withdrawn);
    let categories = reader.list(fields.all(Field::Category), Same::AnyCase);
    let topics = topics(&fields, reader);
    let tags = reader.list(fields.all(Field::Tag), Same::AnyCase);
    let authors = reader.list(fields.all(Field::Author), Same::Exact);
    let summary = fields.first(Field::Summary).and_then(|pair| reader.line(pair));
    if fields.first(Field::Summary).is_none() && !draft {
        let place = title.as_ref().map_or(top, |title| title.span);
        let key = how.dialect.name(Field::Summary);
        let warning = Diagnostic::warning("post has no summary").at("", place);
        reader.findings.push(warning.hint(format!("add `{key}: …`, a sentence or two for lists")));
    }
    let lead = fields.first(Field::Lead).and_then(|pair| reader.text(pair));
    let call_to_action = fields.first(Field::CallToAction).and_then(|pair| reader.reference(pair));
    let related = reader.list(fields.all(Field::Related), Same::Exact);
    let featured_image = fields.first(Field::FeaturedImage).and_then(|pair| reader.location(pair));
    let share_image = fields.first(Field::ShareImage).and_then(|pair| reader.location(pair));
    let enclosure = fields.first(Field::Enclosure).and_then(|pair| enclosure(pair, reader));
    let lang = fields.first(Field::Lang).and_then(|pair| lang(pair, reader));
    let content = fields.first(Field::Content).and_then(|pair| content(pair, reader));
    let address = fields.first(Field::Address).and_then(|pair| address(pair, reader));
    let extra =
        fields.extra.iter().map(|&(key, node)| (Text::new(&key.name).to_string(), reader.json((key, node)))).collect();
    if let Some((at, first)) = first_illegal(split.body) {
        let count = split.body.chars().filter(|&c| !is_legal(c)).count();
        let span = front_matter::place(split.body, at, split.body_line);
        reader.findings.push(drop_warning("the text", "no feed can carry", first, count).at("", span));
    }
    let mut body = body::measure(split.body, split.body_start);
    if how.hashed.holds(id.as_ref()) {
        body.hash = body::hash(split.body);
    }
    Some(Post {
        file: file.to_owned(),
        id,
        title: title?,
        slug: slug?,
        published_at: published_at?,
        updated_at,
        withdrawn_at,
        draft,
        categories,
        topics,
        tags,
        authors,
        summary,
        lead,
        call_to_action,
        related,
        featured_image,
        share_image,
        enclosure,
        lang,
        content,
        address,
        extra,
        body,
    })
}

fn title(fields: &Fields, top: Span, reader: &mut Reader) -> Option<Spanned<Text>> {
    let pair = fields.first(Field::Title);
    let place = pair.map(|(_, node)| node.span).or(fields.empty(Field::Title).map(|key| key.span)).unwrap_or(top);
    let hint = || meant("title", fields).unwrap_or_else(|| "add `title: …`".into());
    reader.needed(pair, || fault("post has no title", place).hint(hint()))
}

/// When a post is published, and whether `published: false` says that it is not.
fn published_at(
    file: &str,
    fields: &Fields,
    how: &Reading,
    top: Span,
    reader: &mut Reader,
) -> (Option<Spanned<DateTime<Utc>>>, bool) {
    let mut unpublished = false;
    let mut dated: Option<Pair> = None;
    let mut appears = None;
    for (key, node) in fields.all(Field::Published) {
        // Some tools have a boolean under this name, others a date.
        let state = match &node.value {
            Value::Scalar { text, .. } if key.name == "published" => read::flag(text),
            _ => None,
        };
        match state {
            Some(state) => unpublished |= !state,
            // Where a post has a date and a `publishDate`, the second says when it appears, and an entry that was read
            // once cannot be called back.
            None if dated.is_some() && key.name == "publishDate" => appears = Some((key, node)),
            None => dated = dated.or(Some((key, node))),
        }
    }
    if let Some(pair) = dated {
        let date = reader.date(pair, how.timezone, how.publish_time);
        let appears = appears.and_then(|pair| reader.date(pair, how.timezone, how.publish_time));
        let later = |date: &Spanned<DateTime<Utc>>| appears.as_ref().is_some_and(|at| at.value > date.value);
        return (if date.as_ref().is_some_and(later) { appears } else { date }, unpublished);
    }
    if let Some(day) = Name::of(file).date {
        let read = date::parse(day, how.timezone, how.publish_time);
        if let Err(error) = &read {
            let message = format!("the date in the file name is not a date: {error}");
            reader.findings.push(fault(message, top).hint("rename the file, or give the date in front matter"));
        }
        return (read.ok().map(|moment| Spanned::new(moment, top)), unpublished);
    }
    let place = fields.empty(Field::Published).map_or(top, |key| key.span);
    let key = how.dialect.name(Field::Published);
    let hint =
        meant(key, fields).unwrap_or_else(|| format!("add `{key}: YYYY-MM-DD`, or start the file name with the date"));
    reader.findings.push(fault("post has no date", place).hint(hint));
    (None, unpublished)
}

/// An address of the post's own, as a path from the site's address. A pattern, or another site, is not one.
fn address(pair: Pair, reader: &mut Reader) -> Option<Spanned<Text>> {
    let path = reader.line(pair)?;
    let parts = || path.value.split('/').map(|part| part.to_lowercase().replace("%2e", "."));
    let climbs = parts().any(|part| part == ".." || part == ".");
    if path.value.starts_with('/')
        && !path.value.starts_with("//")
        && !path.value.contains([':', '\\', '?', '#'])
        && !climbs
    {
        return Some(path);
    }
    let warning =
        Diagnostic::warning(format!("`{}` is not an address on this site and is not used", shown(&pair.0.name)));
    reader.findings.push(warning.at("", path.span).hint("write a path, such as `/about/press/`"));
    None
}

/// A hint, where an unknown key is one typo away from the missing one.
fn meant(key: &str, fields: &Fields) -> Option<String> {
    let typo = nearest(key, fields.extra.iter().map(|(key, _)| &*key.name))?;
    let line = fields.extra.iter().find(|(key, _)| key.name == typo)?.0.span.line;
    Some(format!("did you mean `{key}` by `{}` on line {line}?", shown(typo)))
}

/// Topics without what some tools put before them.
fn topics(fields: &Fields, reader: &mut Reader) -> Vec<Spanned<Text>> {
    let mut topics = reader.list(fields.all(Field::Topic), Same::AnyCase);
    for topic in &mut topics {
        let bare = topic.value.trim_matches('/');
        let bare = ["topics/", "topic/", "discovery_topic/"]
            .iter()
            .find_map(|prefix| bare.strip_prefix(prefix))
            .unwrap_or(bare);
        if bare != topic.value.as_str() && !bare.is_empty() {
            topic.value = Text::new(bare);
        }
    }
    read::distinct(&mut topics, Same::AnyCase);
    topics
}

fn enclosure(pair: Pair, reader: &mut Reader) -> Option<Enclosure> {
    let Value::Map(map) = &pair.1.value else {
        return Some(Enclosure { url: reader.line(pair)?, media_type: None, size_bytes: None });
    };
    let Some(url) = find(map, &["url"]) else {
        let message = format!("`{}` has no `url`", shown(&pair.0.name));
        reader.findings.push(
            fault(message, pair.0.span).hint("write the address of the file, or a map with `url`, `type` and `length`"),
        );
        return None;
    };
    let size = find(map, &["length"]).and_then(|length| Some((length, reader.line(length)?)));
    let size_bytes = size.and_then(|((key, _), text)| {
        let size = text.value.parse().ok();
        if size.is_none() {
            let message = format!("`{}` must be a number of bytes, found `{}`", shown(&key.name), shown(&text.value));
            reader.findings.push(fault(message, text.span));
        }
        size
    });
    let media_type = find(map, &["type"]).and_then(|pair| reader.line(pair)).map(|line| line.value);
    Some(Enclosure { url: reader.line(url)?, media_type, size_bytes })
}

/// A language tag by the form of BCP 47: letters, then groups of letters and digits.
fn lang(pair: Pair, reader: &mut Reader) -> Option<Spanned<Text>> {
    let lang = reader.line(pair)?;
    let group = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let mut parts = lang.value.split('-');
    let first =
        parts.next().is_some_and(|part| part.len() > 1 && group(part) && part.bytes().all(|b| b.is_ascii_alphabetic()));
    if first && parts.all(group) {
        return Some(lang);
    }
    let message = format!("`{}` is not a language tag: `{}`", shown(&pair.0.name), shown(&lang.value));
    let hint = "write it as `en` or `pt-BR`; the site's language is taken instead";
    reader.findings.push(Diagnostic::warning(message).at("", lang.span).hint(hint));
    None
}

fn content(pair: Pair, reader: &mut Reader) -> Option<Content> {
    let word = reader.line(pair)?;
    match word.value.as_str() {
        "full" => Some(Content::Full),
        "summary" => Some(Content::Summary),
        other => {
            let message = format!("`{}` must be `full` or `summary`, found `{}`", shown(&pair.0.name), shown(other));
            reader.findings.push(fault(message, word.span).hint("the text of a post goes below the closing `---`"));
            None
        }
    }
}

#[cfg(test)]
mod tests;
