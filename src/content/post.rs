//! A post, as its file says it: typed, with the place of every value that a message may have to point at.
//!
//! A post knows nothing of other posts, of settings or of the time: whether its author exists, what its address is and
//! whether it is out yet is decided by the collection.

use crate::diagnostic::Spanned;
use crate::text::Text;
use chrono::{DateTime, Utc};

/// One Markdown file: its front matter, and where its body is.
#[derive(Clone, Debug)]
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
    /// Front matter that tidings gives no meaning to, for templates.
    pub extra: serde_json::Map<String, serde_json::Value>,
    /// Where the body is in the file, and what it is known by.
    pub body: Body,
}

/// The body of a post: not its text, which is read again when a feed shows it, but where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    /// The byte in the file at which the body starts (in the file as it lies on the disk, byte order mark included).
    pub start: usize,
    /// SHA-256 of the body without white space at its ends and with line ends as LF, cut to 16 bytes.
    pub hash: [u8; 16],
    /// Whether there is nothing but white space.
    pub blank: bool,
}

/// A file that comes with a post (RSS 2.0 `enclosure`, RFC 4287 section 4.2.7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclosure {
    /// Path or address.
    pub url: Spanned<Text>,
    /// Media type; else it is told by the ending.
    pub media_type: Option<Text>,
    /// Size in bytes, where the front matter knows it.
    pub size_bytes: Option<u64>,
}

/// How much of a post a feed carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// Lead and body.
    Full,
    /// The summary only.
    Summary,
}
