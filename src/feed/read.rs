//! A published feed, whatever tool made it, as neutral entries.
//!
//! Atom 1.0, RSS 0.9x to 2.0 (and 1.0, as far as the `rss` crate reads it) and JSON Feed 1.x. Lenient as feed readers are:
//! the entry's id is what most readers take for it, so an RSS item without a `guid` is known by its link. Kept is what
//! two feeds can be compared by, not what is needed to show them. Pure: whoever has the bytes says where they came from.

use super::Format;
use super::mend;
use crate::diagnostic::{Diagnostic, Span};
use crate::text::Text;
use atom_syndication as atom;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

/// One feed document as it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The file or address it came from.
    pub source: String,
    /// Its format.
    pub format: Format,
    /// Its title; may be empty.
    pub title: Text,
    /// What it is about, as one line of plain text; may be empty.
    pub description: Text,
    /// BCP 47 tag of its own words, where it says so.
    pub language: Option<Text>,
    /// What it says its own address is (`rel="self"`, `feed_url`).
    pub self_url: Option<String>,
    /// The document with older entries: RFC 5005 `prev-archive`, else `next`, or JSON Feed's `next_url`.
    pub next: Option<String>,
    /// The entries that a reader can tell apart, in the order of the document.
    pub entries: Vec<PublishedEntry>,
    /// How many entries had neither an id nor a link.
    pub without_id: usize,
}

/// One entry as it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedEntry {
    /// What readers know it by; never empty.
    pub id: Text,
    /// Where it is read; absolute, unless neither the entry nor the feed says on which host.
    pub url: Option<String>,
    /// Title as one line of plain text; may be empty.
    pub title: Text,
    /// When it was published, where it says so in a way that can be read.
    pub published_at: Option<DateTime<Utc>>,
    /// When it last changed, where the format says so.
    pub updated_at: Option<DateTime<Utc>>,
    /// SHA-256 of the content without any white space, cut to 16 bytes; none for an entry with a summary only.
    pub content_hash: Option<[u8; 16]>,
    /// The summary (the `description` in RSS) as one line of plain text.
    pub summary: Option<Text>,
    /// BCP 47 tag of its title, where the entry says so.
    pub language: Option<Text>,
}

/// What a document is, told by its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A feed that [`parse`] reads, unless it is broken.
    Feed(Format),
    /// Atom 0.3, which nobody writes any more.
    OldAtom,
    /// A web page, which may link to feeds.
    Page,
    /// A sitemap.
    Sitemap,
    /// A list of feeds.
    Opml,
    /// Nothing but white space.
    Empty,
    /// Something else.
    Other,
}

/// Reads a feed. `source` is the file or address it came from, for messages and for relative addresses.
///
/// # Errors
///
/// One finding when the bytes are no feed, or one too broken to read. Never panics.
pub fn parse(bytes: &[u8], source: &str) -> Result<Published, Diagnostic> {
    let text = mend::decode(bytes);
    let wrong = |what: &str, hint: &str| Err(Diagnostic::error(format!("`{source}` is {what}")).hint(hint));
    let mut feed = match kind_of(&text) {
        Kind::Feed(Format::Json) => json_feed(&text, source)?,
        Kind::Feed(format) => {
            let text = mend::readable(&text).map_err(|fault| {
                let span = Span { line: fault.at.0, column: fault.at.1, width: 1 };
                broken(source, &fault.reason).at(source, span)
            })?;
            if format == Format::Atom { atom_feed(&text, source)? } else { rss_feed(&text, source)? }
        }
        Kind::OldAtom => {
            return wrong("an Atom 0.3 feed, a draft that Atom 1.0 replaced", "let its tool write Atom 1.0 or RSS 2.0");
        }
        Kind::Page => return wrong("a web page, not a feed", "give the address of the feed itself"),
        Kind::Sitemap => return wrong("a sitemap, not a feed", "give the address of the feed itself"),
        Kind::Opml => return wrong("a list of feeds (OPML), not a feed", "give the address of one of its feeds"),
        Kind::Empty => return wrong("empty", "a feed is Atom 1.0, RSS 2.0 or JSON Feed"),
        Kind::Other => return wrong("not a feed", "a feed is Atom 1.0, RSS 2.0 or JSON Feed"),
    };
    let before = feed.entries.len();
    feed.entries.retain(|entry| !entry.id.is_empty());
    feed.without_id = before - feed.entries.len();
    Ok(feed)
}

/// What a document is. Looks at its root only, but for JSON, which is searched for the version of JSON Feed.
pub fn kind(bytes: &[u8]) -> Kind {
    kind_of(&mend::decode(bytes))
}

fn kind_of(text: &str) -> Kind {
    let text = text.trim();
    if text.is_empty() {
        return Kind::Empty;
    }
    if text.starts_with('{') {
        let marked = text.contains("jsonfeed.org/version/") || text.contains("jsonfeed.org\\/version\\/");
        return if marked { Kind::Feed(Format::Json) } else { Kind::Other };
    }
    let Some(root) = root_tag(text) else { return Kind::Other };
    let name = root.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
    match name {
        "feed" if root.contains("http://purl.org/atom/ns#") => Kind::OldAtom,
        "feed" => Kind::Feed(Format::Atom),
        "rss" | "rdf:RDF" => Kind::Feed(Format::Rss),
        "urlset" | "sitemapindex" => Kind::Sitemap,
        "opml" => Kind::Opml,
        _ if name.eq_ignore_ascii_case("html") => Kind::Page,
        _ => Kind::Other,
    }
}

/// What stands between `<` and `>` of the first element; `html` for a document that says so in its DOCTYPE.
fn root_tag(mut text: &str) -> Option<&str> {
    loop {
        let inside = text.trim_start().strip_prefix('<')?;
        let end = if inside.starts_with("!--") {
            "-->"
        } else if inside.starts_with('?') {
            "?>"
        } else if inside.get(..8).is_some_and(|word| word.eq_ignore_ascii_case("!doctype")) {
            if inside[8..].trim_start().get(..4).is_some_and(|name| name.eq_ignore_ascii_case("html")) {
                return Some("html");
            }
            match (inside.find('['), inside.find('>')) {
                (Some(subset), Some(close)) if subset < close => "]>",
                _ => ">",
            }
        } else {
            return inside.find('>').map(|end| &inside[..end]);
        };
        text = &inside[inside.find(end)? + end.len()..];
    }
}

fn broken(source: &str, reason: &str) -> Diagnostic {
    Diagnostic::error(format!("the feed `{source}` cannot be read: {reason}"))
        .hint("a validator such as https://validator.w3.org/feed/ shows what its tool has to mend")
}

fn atom_feed(text: &str, source: &str) -> Result<Published, Diagnostic> {
    let feed = read_atom(text).map_err(|error| broken(source, &error.to_string()))?;
    let base = feed.base().and_then(|base| Url::parse(base).ok()).or_else(|| Url::parse(source).ok());
    let self_url = linked(feed.links(), "self", base.as_ref());
    let base = base.or_else(|| Url::parse(self_url.as_deref()?).ok());
    let entries = feed.entries().iter().map(|entry| atom_entry(entry, base.as_ref())).collect();
    Ok(Published {
        source: source.to_owned(),
        format: Format::Atom,
        title: atom_text(feed.title()),
        description: feed.subtitle().map(atom_text).unwrap_or_default(),
        language: feed.lang().and_then(language),
        next: older(feed.links(), base.as_ref()),
        self_url,
        entries,
        without_id: 0,
    })
}

/// Reads Atom, and for each date or text type that the crate refuses, once more without it.
fn read_atom(text: &str) -> Result<atom::Feed, atom::Error> {
    const PATIENCE: usize = 20;
    let mut text = std::borrow::Cow::Borrowed(text);
    for _ in 0..PATIENCE {
        let error = match atom::Feed::read_from(text.as_bytes()) {
            Ok(feed) => return Ok(feed),
            Err(error) => error,
        };
        let without = match &error {
            atom::Error::WrongDatetime(date) if !date.is_empty() => text.replace(&format!(">{date}<"), "><"),
            atom::Error::WrongAttribute { attribute: "type", value } if !value.is_empty() => text
                .replace(&format!("type=\"{value}\""), "type=\"html\"")
                .replace(&format!("type='{value}'"), "type='html'"),
            _ => return Err(error),
        };
        if without == *text {
            return Err(error);
        }
        text = std::borrow::Cow::Owned(without);
    }
    atom::Feed::read_from(text.as_bytes())
}

fn atom_entry(entry: &atom::Entry, base: Option<&Url>) -> PublishedEntry {
    let alternates = || entry.links().iter().filter(|link| link.rel() == "alternate");
    let page = alternates().find(|link| link.mime_type().is_none_or(|kind| kind.contains("html")));
    let link = page.or_else(|| alternates().next()).map(|link| link.href().trim());
    let link = link.filter(|href| !href.is_empty());
    let content = entry.content().and_then(|content| content.value()).filter(|value| !value.trim().is_empty());
    PublishedEntry {
        id: Text::one_line(if entry.id().trim().is_empty() { link.unwrap_or_default() } else { entry.id() }),
        url: link.and_then(|href| absolute(href, base)).or_else(|| web_address(entry.id())),
        title: atom_text(entry.title()),
        published_at: entry.published().map(|date| date.to_utc()),
        // The crate puts the epoch where `updated` is missing.
        updated_at: Some(entry.updated().to_utc()).filter(|date| date.timestamp() != 0),
        content_hash: content.map(hash),
        summary: entry.summary().map(atom_text).filter(|text| !text.is_empty()),
        language: entry.title().lang.as_deref().and_then(language),
    }
}

fn atom_text(text: &atom::Text) -> Text {
    match text.r#type {
        atom::TextType::Text => Text::one_line(&text.value),
        _ => plain(&text.value),
    }
}

fn rss_feed(text: &str, source: &str) -> Result<Published, Diagnostic> {
    let channel = rss::Channel::read_from(text.as_bytes()).map_err(|error| broken(source, &error.to_string()))?;
    let base = Url::parse(channel.link().trim()).ok().filter(Url::has_host).or_else(|| Url::parse(source).ok());
    let links = channel.atom_ext().map(|ext| ext.links()).unwrap_or_default();
    Ok(Published {
        source: source.to_owned(),
        format: Format::Rss,
        title: Text::one_line(channel.title()),
        description: plain(channel.description()),
        language: channel.language().and_then(language),
        self_url: linked(links, "self", base.as_ref()),
        next: older(links, base.as_ref()),
        entries: channel.items().iter().map(|item| rss_item(item, base.as_ref())).collect(),
        without_id: 0,
    })
}

fn rss_item(item: &rss::Item, base: Option<&Url>) -> PublishedEntry {
    let extension = |prefix: &str, name: &str| item.extensions().get(prefix)?.get(name)?.first()?.value();
    let guid = item.guid().filter(|guid| !guid.value().trim().is_empty());
    // A feed that went through FeedBurner links to a counter and keeps the address beside it.
    let link = extension("feedburner", "origLink").or(item.link()).map(str::trim).filter(|link| !link.is_empty());
    let permalink = || guid.filter(|guid| guid.is_permalink()).map(|guid| guid.value().trim());
    let dublin_core = item.dublin_core_ext().and_then(|ext| ext.dates().first()).map(String::as_str);
    let id = guid.map(|guid| guid.value()).or(item.link()).or(link).unwrap_or_default();
    PublishedEntry {
        id: Text::one_line(id),
        url: link.and_then(|href| absolute(href, base)).or_else(|| web_address(permalink()?)),
        title: Text::one_line(item.title().unwrap_or_default()),
        published_at: item.pub_date().and_then(date).or_else(|| dublin_core.and_then(date)),
        updated_at: extension("dcterms", "modified").and_then(date),
        content_hash: item.content().filter(|content| !content.trim().is_empty()).map(hash),
        summary: item.description().map(plain).filter(|text| !text.is_empty()),
        language: item.dublin_core_ext().and_then(|ext| ext.languages().first()).and_then(|tag| language(tag)),
    }
}

fn json_feed(text: &str, source: &str) -> Result<Published, Diagnostic> {
    let parsed = serde_json::from_str::<Value>(text).or_else(|error| {
        let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        serde_json::from_str(&spaced).map_err(|_| error)
    });
    let feed = parsed.map_err(|error| broken(source, &error.to_string()))?;
    let items = feed.get("items").and_then(Value::as_array);
    let items = items.ok_or_else(|| broken(source, "it has no list `items`"))?;
    let home = string(&feed, "home_page_url").and_then(|home| Url::parse(home).ok());
    let base = home.or_else(|| Url::parse(source).ok());
    let address = |key: &str| string(&feed, key).and_then(|href| absolute(href, base.as_ref()));
    Ok(Published {
        source: source.to_owned(),
        format: Format::Json,
        title: Text::one_line(string(&feed, "title").unwrap_or_default()),
        description: Text::one_line(string(&feed, "description").unwrap_or_default()),
        language: string(&feed, "language").and_then(language),
        self_url: address("feed_url"),
        next: address("next_url"),
        entries: items.iter().map(|item| json_item(item, base.as_ref())).collect(),
        without_id: 0,
    })
}

fn json_item(item: &Value, base: Option<&Url>) -> PublishedEntry {
    let link = string(item, "url");
    // Numbers are forbidden as ids, and common.
    let number = item.get("id").filter(|id| id.is_number()).map(Value::to_string);
    let id = string(item, "id").or(number.as_deref()).or(link).unwrap_or_default();
    PublishedEntry {
        id: Text::one_line(id),
        url: link.and_then(|href| absolute(href, base)).or_else(|| web_address(id)),
        title: Text::one_line(string(item, "title").unwrap_or_default()),
        published_at: string(item, "date_published").and_then(date),
        updated_at: string(item, "date_modified").and_then(date),
        content_hash: string(item, "content_html").or(string(item, "content_text")).map(hash),
        summary: string(item, "summary").map(Text::one_line),
        language: string(item, "language").and_then(language),
    }
}

/// A tag of a language, if it can be one.
fn language(tag: &str) -> Option<Text> {
    let tag = tag.trim();
    let can_be = tag.len() <= 64 && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (can_be && !tag.is_empty()).then(|| Text::new(tag))
}

/// A string that is not blank.
fn string<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str().filter(|text| !text.trim().is_empty())
}

fn linked(links: &[atom::Link], rel: &str, base: Option<&Url>) -> Option<String> {
    absolute(links.iter().find(|link| link.rel() == rel)?.href(), base)
}

fn older(links: &[atom::Link], base: Option<&Url>) -> Option<String> {
    linked(links, "prev-archive", base).or_else(|| linked(links, "next", base))
}

/// An address as it was written when it is absolute, or else resolved as far as that is possible.
fn absolute(href: &str, base: Option<&Url>) -> Option<String> {
    let href = href.trim();
    if href.is_empty() {
        return None;
    }
    match (Url::parse(href), base) {
        (Err(_), Some(base)) => base.join(href).ok().map(String::from),
        _ => Some(href.to_owned()),
    }
}

fn web_address(id: &str) -> Option<String> {
    let id = id.trim();
    Url::parse(id).ok().filter(|url| matches!(url.scheme(), "http" | "https")).map(|_| id.to_owned())
}

/// A date in any form that feeds use: RFC 3339 and 2822 with their usual slips, and some more.
fn date(written: &str) -> Option<DateTime<Utc>> {
    let written = written.trim();
    let offset_without_colon = || DateTime::parse_from_str(written, "%Y-%m-%dT%H:%M:%S%.f%z").ok();
    // A weekday that is not the date's would spoil it.
    let without_weekday = || diligent_date_parser::parse_date(written.split_once(',')?.1);
    offset_without_colon()
        .or_else(|| diligent_date_parser::parse_date(written))
        .or_else(without_weekday)
        .map(|date| date.to_utc())
}

/// HTML as one line of plain text; what is longer than any title or summary is cut.
fn plain(html: &str) -> Text {
    const LONGEST: usize = 4_000;
    let html: String = html.chars().take(LONGEST).collect();
    if !html.contains(['<', '&']) {
        return Text::one_line(&html);
    }
    let spaced = html.replace('<', " <");
    let bare = ammonia::Builder::empty().clean(&spaced).to_string();
    // The only references that ammonia writes.
    let bare = bare.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ").replace("&quot;", "\"");
    Text::one_line(&bare.replace("&amp;", "&"))
}

fn hash(content: &str) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for word in content.split_whitespace() {
        hasher.update(word.as_bytes());
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize()[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn read(feed: &str) -> Published {
        match parse(feed.as_bytes(), "https://example.org/feed/x.xml") {
            Ok(feed) => feed,
            Err(finding) => panic!("{}", finding.render(None)),
        }
    }

    /// id, url, title, published, updated, whether there is content, summary
    type Row<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, bool, &'a str);

    #[track_caller]
    fn case(feed: &str, want: &[Row<'_>]) {
        let feed = read(feed);
        let time = |at: Option<DateTime<Utc>>| at.map(|at| at.format("%FT%TZ").to_string()).unwrap_or_default();
        let got: Vec<_> = feed
            .entries
            .iter()
            .map(|e| {
                let summary = e.summary.as_deref().unwrap_or_default().to_owned();
                let url = e.url.clone().unwrap_or_default();
                let (published, updated) = (time(e.published_at), time(e.updated_at));
                (e.id.to_string(), url, e.title.to_string(), published, updated, e.content_hash.is_some(), summary)
            })
            .collect();
        let got: Vec<Row<'_>> =
            got.iter().map(|(a, b, c, d, e, f, g)| (&**a, &**b, &**c, &**d, &**e, *f, &**g)).collect();
        assert_eq!(got, want);
    }

    const HUGO: &str = r#"<?xml version="1.0" encoding="utf-8" standalone="yes"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">
  <channel>
    <title>Kiosk</title>
    <link>https://example.org/</link>
    <description>Recent content on Kiosk</description>
    <generator>Hugo -- gohugo.io</generator>
    <atom:link href="https://example.org/index.xml" rel="self" type="application/rss+xml" />
    <item>
      <title>R&amp;D &lt;again&gt;</title>
      <link>https://example.org/blog/r-d/</link>
      <pubDate>Wed, 30 Nov 2016 00:00:00 +0000</pubDate>
      <guid>https://example.org/blog/r-d/</guid>
      <description>&lt;p&gt;Short &amp;amp; sweet.&lt;/p&gt;</description>
    </item>
  </channel>
</rss>"#;

    const JEKYLL: &str = r#"<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" >
<generator uri="https://jekyllrb.com/" version="4.3.2">Jekyll</generator>
<link href="https://example.org/feed.xml" rel="self" type="application/atom+xml" />
<link href="https://example.org/" rel="alternate" type="text/html" />
<updated>2026-01-02T00:00:00+00:00</updated><id>https://example.org/feed.xml</id>
<title type="html">Kiosk</title>
<entry><title type="html">Vec&amp;lt;T&amp;gt; &amp;amp; co</title>
<link href="https://example.org/2016/11/30/vec.html" rel="alternate" type="text/html" title="Vec" />
<published>2016-11-30T00:00:00-06:00</published><updated>2016-12-01T00:00:00-06:00</updated>
<id>https://example.org/2016/11/30/vec</id>
<content type="html" xml:base="https://example.org/2016/11/30/vec.html"><![CDATA[<p>Hello</p>]]></content>
<author><name></name></author><summary type="html"><![CDATA[<b>Short</b>]]></summary></entry></feed>"#;

    #[test]
    fn the_feeds_of_common_tools_are_read() {
        case(
            HUGO,
            &[(
                "https://example.org/blog/r-d/",
                "https://example.org/blog/r-d/",
                "R&D <again>",
                "2016-11-30T00:00:00Z",
                "",
                false,
                "Short & sweet.",
            )],
        );
        case(
            JEKYLL,
            &[(
                "https://example.org/2016/11/30/vec",
                "https://example.org/2016/11/30/vec.html",
                "Vec<T> & co",
                "2016-11-30T06:00:00Z",
                "2016-12-01T06:00:00Z",
                true,
                "Short",
            )],
        );
        // Zola
        case(
            r#"<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>Kiosk</title>
<link rel="self" type="application/atom+xml" href="https://example.org/atom.xml"/><generator>Zola</generator>
<updated>2026-01-02T00:00:00+00:00</updated><id>https://example.org/atom.xml</id>
<entry xml:lang="en"><title>One</title><published>2026-01-02T00:00:00+00:00</published>
<updated>2026-01-02T00:00:00+00:00</updated><author><name>Unknown</name></author>
<link rel="alternate" type="text/html" href="https://example.org/blog/one/"/><id>https://example.org/blog/one/</id>
<content type="html" xml:base="https://example.org/blog/one/">&lt;p&gt;x&lt;/p&gt;</content></entry></feed>"#,
            &[(
                "https://example.org/blog/one/",
                "https://example.org/blog/one/",
                "One",
                "2026-01-02T00:00:00Z",
                "2026-01-02T00:00:00Z",
                true,
                "",
            )],
        );
        // WordPress
        case(
            r#"<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>Kiosk</title><link>https://example.org</link><description></description>
<item><title>It&#8217;s out</title><link>https://example.org/2026/01/its-out/</link>
<comments>https://example.org/2026/01/its-out/#respond</comments><dc:creator><![CDATA[Ann]]></dc:creator>
<pubDate>Fri, 02 Jan 2026 09:30:00 +0100</pubDate><category><![CDATA[News]]></category>
<guid isPermaLink="false">https://example.org/?p=123</guid><description><![CDATA[Short [&#8230;]]]></description>
<content:encoded><![CDATA[<p>x</p>]]></content:encoded></item></channel></rss>"#,
            &[(
                "https://example.org/?p=123",
                "https://example.org/2026/01/its-out/",
                "It’s out",
                "2026-01-02T08:30:00Z",
                "",
                true,
                "Short […]",
            )],
        );
        // Ghost
        case(
            r#"<?xml version="1.0" encoding="UTF-8"?><rss xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:atom="http://www.w3.org/2005/Atom" version="2.0"><channel><title><![CDATA[Kiosk]]></title>
<link>https://example.org/</link><generator>Ghost 5.0</generator>
<item><title><![CDATA[One]]></title><description><![CDATA[Short]]></description><link>https://example.org/one/</link>
<guid isPermaLink="false">5f0c3a9e8b1d4c0039a7d0aa</guid><pubDate>Fri, 02 Jan 2026 09:30:00 GMT</pubDate>
<content:encoded><![CDATA[<p>x</p>]]></content:encoded></item></channel></rss>"#,
            &[(
                "5f0c3a9e8b1d4c0039a7d0aa",
                "https://example.org/one/",
                "One",
                "2026-01-02T09:30:00Z",
                "",
                true,
                "Short",
            )],
        );
        // RSS 1.0
        case(
            r#"<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://example.org/"><title>Kiosk</title>
<link>https://example.org/</link></channel><item rdf:about="https://example.org/one"><title>One</title>
<link>https://example.org/one</link><dc:date>2026-01-02</dc:date></item></rdf:RDF>"#,
            &[("https://example.org/one", "https://example.org/one", "One", "2026-01-02T00:00:00Z", "", false, "")],
        );
        case(
            r#"{"version": "https://jsonfeed.org/version/1.1", "title": "Kiosk", "home_page_url": "https://example.org/",
 "items": [{"id": 7, "url": "/one/", "title": "One", "content_html": "x", "summary": "Short",
  "date_published": "2026-01-02T03:04:05+01:00", "date_modified": "2026-01-03T00:00:00Z"}, {"id": "https://example.org/two"}]}"#,
            &[
                ("7", "https://example.org/one/", "One", "2026-01-02T02:04:05Z", "2026-01-03T00:00:00Z", true, "Short"),
                ("https://example.org/two", "https://example.org/two", "", "", "", false, ""),
            ],
        );
    }

    #[test]
    fn a_feed_says_what_it_is_and_where_the_older_entries_are() {
        #[track_caller]
        fn case(feed: &str, format: Format, title: &str, self_url: Option<&str>, next: Option<&str>) {
            let feed = read(feed);
            let got = (feed.format, feed.title.as_str(), feed.self_url.as_deref(), feed.next.as_deref());
            assert_eq!(got, (format, title, self_url, next));
        }
        case(HUGO, Format::Rss, "Kiosk", Some("https://example.org/index.xml"), None);
        case(JEKYLL, Format::Atom, "Kiosk", Some("https://example.org/feed.xml"), None);
        case(
            r#"<feed xmlns="http://www.w3.org/2005/Atom"><title>K</title><id>x</id><link rel="self" href="/a"/>
<link rel="next" href="/b"/><link rel="prev-archive" href="c.xml"/></feed>"#,
            Format::Atom,
            "K",
            Some("https://example.org/a"),
            Some("https://example.org/feed/c.xml"),
        );
        case(
            r#"<rss version="2.0" xmlns:a="http://www.w3.org/2005/Atom"><channel><title>K</title>
<link>https://example.org</link><a:link rel="next" href="https://example.org/rss/2"/></channel></rss>"#,
            Format::Rss,
            "K",
            None,
            Some("https://example.org/rss/2"),
        );
        case(
            r#"{"version": "https:\/\/jsonfeed.org\/version\/1", "title": "K", "items": [],
                "feed_url": "https://example.org/feed.json", "next_url": "https://example.org/2.json"}"#,
            Format::Json,
            "K",
            Some("https://example.org/feed.json"),
            Some("https://example.org/2.json"),
        );
    }

    #[test]
    fn sloppy_feeds_are_read_as_readers_read_them() {
        let rss = |item: &str| format!("<rss><channel><link>https://example.org/</link>{item}</channel></rss>");
        let plain = |id, url, title, published| [(id, url, title, published, "", false, "")];
        case(
            &rss("<item><title>R&D \u{1}&nbsp;</title><link> /one?a=1&b=2 </link></item>"),
            &plain("/one?a=1&b=2", "https://example.org/one?a=1&b=2", "R&D &nbsp;", ""),
        );
        case(
            &rss("<item><guid> https://example.org/one </guid><title></title></item>"),
            &plain("https://example.org/one", "https://example.org/one", "", ""),
        );
        case(
            &rss("<item><guid isPermaLink='false'>https://example.org/one</guid></item>"),
            &plain("https://example.org/one", "", "", ""),
        );
        case(
            &rss("<item><guid></guid><link>https://example.org/one</link></item>"),
            &plain("https://example.org/one", "https://example.org/one", "", ""),
        );
        case(&rss("<item><title>no id</title></item>"), &[]);
        assert_eq!(read(&rss("<item><title>no id</title></item>")).without_id, 1);
        case(
            "\u{feff}\n <?xml version=\"1.0\"?><!-- hi --><?x y?>\n<!DOCTYPE rss [<!ENTITY x \"y\">]><rss version='0.92'>\
             <channel><item><link>https://example.org/</link></item></channel></rss>",
            &plain("https://example.org/", "https://example.org/", "", ""),
        );
        case(
            "<feed xmlns='http://www.w3.org/2005/Atom'><updated>yesterday</updated><title type='text/html'>x</title>\
             <entry><id>urn:x:1</id><title>t</title><updated>yesterday</updated><published>soon</published>\
             <content/></entry></feed>",
            &plain("urn:x:1", "", "t", ""),
        );
        case(
            "{\"version\": \"https://jsonfeed.org/version/1\", \"items\": [{\"id\": \"1\", \"title\": \"a\tb\nc\", \"summary\": 5}, 7]}",
            &plain("1", "", "a b c", ""),
        );
    }

    #[test]
    fn dates_are_read_in_every_form_that_feeds_use() {
        #[track_caller]
        fn case(written: &str, want: &str) {
            let got = date(written).map(|at| at.format("%FT%TZ").to_string()).unwrap_or_default();
            assert_eq!(got, want, "{written}");
        }
        case("Wed, 30 Nov 2016 10:00:00 +0100", "2016-11-30T09:00:00Z");
        case("Mon, 30 Nov 2016 10:00:00 +0100", "2016-11-30T09:00:00Z");
        case("30 Nov 2016 10:00 GMT", "2016-11-30T10:00:00Z");
        case("Wed, 30 Nov 16 10:00:00 EST", "2016-11-30T15:00:00Z");
        case("2016-11-30T10:00:00.123+01:00", "2016-11-30T09:00:00Z");
        case("2016-11-30T10:00:00+0100", "2016-11-30T09:00:00Z");
        case("2016-11-30 10:00:00 -0500", "2016-11-30T15:00:00Z");
        case(" 2016-11-30 ", "2016-11-30T00:00:00Z");
        case("2016-13-30", "");
        case("Wed, 31 Feb 2016 10:00:00 +0100", "");
        case("yesterday, almost", "");
        case("", "");
    }

    #[test]
    fn what_is_no_feed_is_named() {
        #[track_caller]
        fn case(document: &str, want: &str) {
            let finding = parse(document.as_bytes(), "a.xml").expect_err("no feed");
            assert_eq!(finding.render(None), want, "{document}");
        }
        case(
            "<!DOCTYPE html><html></html>",
            "error: `a.xml` is a web page, not a feed\nhint: give the address of the feed itself\n",
        );
        case("<HTML lang=en>", "error: `a.xml` is a web page, not a feed\nhint: give the address of the feed itself\n");
        case(
            "<?xml version='1.0'?><urlset/>",
            "error: `a.xml` is a sitemap, not a feed\nhint: give the address of the feed itself\n",
        );
        case(
            "<opml version='2.0'/>",
            "error: `a.xml` is a list of feeds (OPML), not a feed\nhint: give the address of one of its feeds\n",
        );
        case(
            "<feed version='0.3' xmlns='http://purl.org/atom/ns#'></feed>",
            "error: `a.xml` is an Atom 0.3 feed, a draft that Atom 1.0 replaced\nhint: let its tool write Atom 1.0 or RSS 2.0\n",
        );
        case(" \n", "error: `a.xml` is empty\nhint: a feed is Atom 1.0, RSS 2.0 or JSON Feed\n");
        for other in ["{\"name\": \"x\"}", "hello", "<svg/>", "<!DOCTYPE", "<", "<!-- ", "\u{0}"] {
            let want = if other == "\u{0}" { "empty" } else { "not a feed" };
            case(other, &format!("error: `a.xml` is {want}\nhint: a feed is Atom 1.0, RSS 2.0 or JSON Feed\n"));
        }
        case(
            "<rss>\n<channel></item></channel></rss>",
            "error: the feed `a.xml` cannot be read: ill-formed document: expected `</channel>`, but `</item>` was found
 --> a.xml:2:10
hint: a validator such as https://validator.w3.org/feed/ shows what its tool has to mend
",
        );
        case(
            "{\"version\": \"https://jsonfeed.org/version/1\"}",
            "error: the feed `a.xml` cannot be read: it has no list `items`
hint: a validator such as https://validator.w3.org/feed/ shows what its tool has to mend
",
        );
    }

    #[test]
    fn a_change_of_white_space_is_no_change_of_content() {
        assert_eq!(hash("<p>a b</p>\n\n<p>c</p>"), hash(" <p>a\n b</p><p>c</p>\r\n"));
        assert_ne!(hash("<p>a</p>"), hash("<p>b</p>"));
    }

    #[test]
    fn nesting_is_read_to_a_depth_and_then_refused() {
        for tag in ["<x:y>", "<div>", "<item>"] {
            let deep = format!("<rss><channel>{}", tag.repeat(100_000));
            assert!(parse(deep.as_bytes(), "a.xml").is_err());
        }
        for (before, after) in
            [("<rss><channel><item>", "</item></channel></rss>"), ("<feed><entry>", "</entry></feed>")]
        {
            let deep = format!("{before}{}{}{after}", "<x:y>".repeat(190), "</x:y>".repeat(190));
            let thread = std::thread::Builder::new().stack_size(1024 * 1024);
            let read = thread.spawn(move || parse(deep.as_bytes(), "a.xml")).unwrap().join().unwrap();
            assert_eq!(read.unwrap().without_id, 1);
        }
        let deep = format!("{{\"version\": \"https://jsonfeed.org/version/1\", \"items\": {}", "[".repeat(100_000));
        assert!(parse(deep.as_bytes(), "a.json").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes, "a.xml");
        }

        #[test]
        fn any_damage_is_read_or_refused(
            which in 0..3usize,
            damage in proptest::collection::vec((any::<prop::sample::Index>(), 0..4u8, "[<>&;!\\[\\]\"'/#x0-9a-z\u{0}\u{feff}é:= -]{0,9}"), 1..8),
        ) {
            const JSON: &str = r#"{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": 7, "date_published": "2026-01-02T03:04:05Z"}]}"#;
            let mut bytes = [HUGO, JEKYLL, JSON][which].as_bytes().to_vec();
            for (at, kind, text) in damage {
                let at = at.index(bytes.len());
                match kind {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes[at] = text.bytes().next().unwrap_or(0xff),
                    2 => { bytes.splice(at..(at + 1), text.bytes()); }
                    _ => { bytes.splice(at..at, text.bytes()); }
                }
                if bytes.is_empty() {
                    bytes.push(b' ');
                }
            }
            if let Ok(feed) = parse(&bytes, "a.xml") {
                for entry in &feed.entries {
                    prop_assert!(!entry.id.is_empty());
                }
            }
        }
    }
}
