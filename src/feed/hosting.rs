//! What the web server and the site's pages need to know about the feeds: snippets to copy.
//!
//! All of it is told from the list of feeds, and none of it names a single term but in redirects from older addresses, so
//! that a new tag changes nothing here.
//! Every rule is for the paths of feeds alone: nothing else on the server is touched.

use super::Format;
use super::listing::{Kind, Listing};
use quick_xml::escape::escape;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use url::Url;

/// How long a reader may keep a feed without asking again.
pub const CACHE: &str = "public, max-age=600";

/// The media type of an OPML file.
pub const OPML: &str = "text/x-opml";

/// `<link>` lines for the `<head>` of the site's pages, by which readers find the feeds. No two have the same title.
pub fn links_html(listing: &Listing) -> String {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for feed in listing.filled().flat_map(|group| &group.feeds) {
        *times.entry(&feed.title).or_default() += 1;
    }
    let mut taken = BTreeSet::new();
    let mut out = String::new();
    for group in listing.filled() {
        let pages = match group.kind {
            Kind::Site | Kind::Declared => "every page",
            Kind::Digest | Kind::Term(_) => "the page of each",
        };
        let _ = writeln!(out, "<!-- {}: in the head of {pages} -->", listing.title_of(group));
        for feed in &group.feeds {
            let mut title = match group.kind {
                Kind::Site => listing.site_title.to_string(),
                _ if times.get(&*feed.title).is_some_and(|&n| n > 1) => {
                    format!("{}: {} ({})", listing.site_title, feed.title, listing.title_of(group))
                }
                _ => format!("{}: {}", listing.site_title, feed.title),
            };
            if !taken.insert(title.clone()) {
                title = format!("{title}, {}", feed.folder_url);
                taken.insert(title.clone());
            }
            for &format in &feed.formats {
                let _ = writeln!(
                    out,
                    "<link rel=\"alternate\" type=\"{}\" title=\"{} ({})\" href=\"{}\">",
                    format.media_type(),
                    escape(&title),
                    format.title(),
                    escape(feed.file_url(format)),
                );
            }
        }
    }
    out
}

/// Locations for nginx, to be included in the `server` that has the feeds.
///
/// Media types with a charset, a short time in caches, gzip, and `Link` headers where there is a hub (WebSub, section 4).
/// nginx itself gives each file an `ETag` and answers 304.
pub fn nginx(listing: &Listing) -> String {
    let served = Served::of(listing);
    let mut out = String::from("# Feeds: include this file in the `server` block.\n");
    for format in &served.formats {
        let file = quoted(format.file_name());
        let folders = match served.folders.is_empty() {
            true => String::from("(?:archive/[0-9]+/(?:[0-9]+/)?)?"),
            false => {
                let folders: Vec<String> = served.folders.iter().map(|folder| quoted(folder)).collect();
                format!("(?:(?:{})/[^/]+/)?(?:archive/[0-9]+/(?:[0-9]+/)?)?", folders.join("|"))
            }
        };
        let pattern = format!("^{}{folders}{file}$", quoted(&served.root));
        location(&mut out, &pattern, format.media_type(), listing.hub.as_deref().map(|hub| (hub, &*served.origin)));
    }
    let pattern = format!("^{}feeds/feeds\\.opml$", quoted(&served.root));
    location(&mut out, &pattern, OPML, None);
    out
}

fn location(out: &mut String, pattern: &str, media_type: &str, hub: Option<(&str, &str)>) {
    let _ = write!(
        out,
        "\nlocation ~ \"{pattern}\" {{
    types {{ }}
    default_type {media_type};
    charset utf-8;
    charset_types {media_type};
    etag on;
    add_header Cache-Control \"{CACHE}\";
    add_header X-Content-Type-Options nosniff;
    gzip on;
    gzip_vary on;
    gzip_types {media_type};
"
    );
    if let Some((hub, origin)) = hub {
        let hub = header_url(hub).replace('$', "%24");
        let _ = write!(
            out,
            "    # The path as it was asked for, without what follows a question mark.
    if ($request_uri ~ \"^(?<feed_path>[^?]+)\") {{ }}
    add_header Link '<{hub}>; rel=\"hub\"';
    add_header Link '<{origin}$feed_path>; rel=\"self\"';
"
        );
    }
    out.push_str("}\n");
}

/// The older addresses of feeds for the same file: each leads to that of today. Nothing where there is none.
pub fn nginx_aliases(listing: &Listing, aliases: &BTreeMap<String, String>) -> String {
    let root = Served::of(listing).root;
    let mut out = String::new();
    for (old, new) in aliases {
        let plain = |folder: &str| decoded(&format!("{root}{folder}")).replace(['"', '\\', '$'], "");
        let _ = write!(
            out,
            "\nlocation ^~ \"{}\" {{\n    rewrite \"^{}(.*)$\" \"{}$1?\" permanent;\n}}\n",
            plain(old),
            quoted(&format!("{root}{old}")),
            plain(new),
        );
    }
    out
}

/// A `_redirects` file, as Netlify and Cloudflare Pages read it, for the older addresses of feeds. Empty where there is none.
pub fn redirects(listing: &Listing, aliases: &BTreeMap<String, String>) -> String {
    let root = Served::of(listing).root;
    aliases.iter().map(|(old, new)| format!("{root}{old}* {root}{new}:splat 301\n")).collect()
}

/// A `_headers` file, as Netlify and Cloudflare Pages read it, to be laid beside the feeds.
///
/// Both know a `:name` for one part of a path. Neither can put a path into a header, so only the site's own feed says its
/// address in a `Link`; the others say it inside.
pub fn headers(listing: &Listing) -> String {
    let served = Served::of(listing);
    let mut out = String::from("# Feeds: media types and caching.\n");
    let mut folders = vec![String::new(), String::from("archive/:year/"), String::from("archive/:year/:part/")];
    for folder in &served.folders {
        folders.push(format!("{folder}/:name/"));
        folders.push(format!("{folder}/:name/archive/:year/"));
        folders.push(format!("{folder}/:name/archive/:year/:part/"));
    }
    for folder in &folders {
        for format in &served.formats {
            let path = format!("{}{folder}{}", served.root, format.file_name());
            rule(&mut out, &path, format.media_type());
            if let Some(hub) = &listing.hub {
                let _ = write!(out, "  Link: <{}>; rel=\"hub\"", header_url(hub));
                if folder.is_empty() {
                    let _ = write!(out, ", <{}{path}>; rel=\"self\"", served.origin);
                }
                out.push('\n');
            }
        }
    }
    rule(&mut out, &format!("{}feeds/feeds.opml", served.root), OPML);
    out
}

fn rule(out: &mut String, path: &str, media_type: &str) {
    let _ = write!(
        out,
        "\n{path}\n  Content-Type: {media_type}; charset=utf-8\n  Cache-Control: {CACHE}\n  X-Content-Type-Options: nosniff\n"
    );
}

/// Where feeds are on the server.
struct Served {
    /// Such as `https://example.org`; empty where the address cannot be read.
    origin: String,
    /// The path of the folder that all feeds are below, with `/` at both ends.
    root: String,
    /// The folders in it whose folders hold feeds.
    folders: BTreeSet<&'static str>,
    /// The formats that feeds are written in.
    formats: BTreeSet<Format>,
}

impl Served {
    fn of(listing: &Listing) -> Served {
        let address = Url::parse(&listing.feeds_url).ok();
        let feeds = listing.filled().flat_map(|group| &group.feeds);
        Served {
            origin: address.as_ref().map(|url| url.origin().ascii_serialization()).unwrap_or_default(),
            root: address.map_or_else(|| "/".to_string(), |url| url.path().to_string()),
            folders: listing.filled().map(|group| group.kind.folder()).filter(|folder| !folder.is_empty()).collect(),
            formats: feeds.flat_map(|feed| feed.formats.iter().copied()).collect(),
        }
    }
}

/// A path as a regular expression that matches it alone, in the form that nginx compares: decoded.
fn quoted(path: &str) -> String {
    let mut out = String::new();
    for c in decoded(path).chars() {
        if r#"\.+*?()|[]{}^$"#.contains(c) {
            out.push('\\');
        }
        match c {
            '"' => out.push_str("\\x22"),
            c => out.push(c),
        }
    }
    out
}

/// A path as nginx compares it.
fn decoded(path: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    decoded.chars().filter(|c| !c.is_control()).collect()
}

/// An address that cannot end the header or the quotes that it stands in.
pub fn header_url(url: &str) -> String {
    url.chars().filter(|c| !c.is_whitespace() && !c.is_control() && !r#"<>"'\"#.contains(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::listing::{Group, Listed};
    use super::*;
    use crate::config::Axis;

    fn listed(title: &str, folder: &str) -> Listed {
        Listed {
            title: title.into(),
            description: "".into(),
            home_url: "https://example.org/".into(),
            folder_url: format!("https://example.org/{folder}").into(),
            formats: Format::ALL.to_vec(),
            posts: 1,
            updated_at: None,
        }
    }

    fn listing() -> Listing {
        let group = |kind, feeds| Group { kind, feeds };
        Listing {
            site_title: "Tom & \"Co\"".into(),
            site_url: "https://example.org/".into(),
            description: "".into(),
            language: "en".into(),
            feeds_url: "https://example.org/".into(),
            hub: Some("https://hub.example.org/".into()),
            groups: vec![
                group(Kind::Site, vec![listed("All posts", "")]),
                group(Kind::Declared, vec![]),
                group(Kind::Term(Axis::Category), vec![listed("News", "category/news/")]),
                group(Kind::Term(Axis::Tag), vec![listed("News", "tag/news/"), listed("C++", "tag/c-2/")]),
            ],
        }
    }

    #[test]
    fn every_link_has_a_title_of_its_own() {
        let html = links_html(&listing());
        let titles: Vec<&str> =
            html.lines().filter_map(|line| line.split("title=\"").nth(1)?.split('"').next()).collect();
        assert_eq!(titles.len(), 12);
        assert_eq!(titles.iter().collect::<BTreeSet<_>>().len(), 12, "{titles:#?}");
        assert_eq!(
            html.lines().take(2).collect::<Vec<_>>(),
            [
                "<!-- All posts: in the head of every page -->",
                "<link rel=\"alternate\" type=\"application/atom+xml\" title=\"Tom &amp; &quot;Co&quot; (Atom)\" \
                 href=\"https://example.org/atom.xml\">",
            ]
        );
    }

    #[test]
    fn nginx_is_told_of_the_paths_of_feeds_alone() {
        let snippet = nginx(&listing());
        let locations: Vec<&str> = snippet.lines().filter(|line| line.starts_with("location")).collect();
        assert_eq!(
            locations,
            [
                r#"location ~ "^/(?:(?:category|tag)/[^/]+/)?(?:archive/[0-9]+/(?:[0-9]+/)?)?atom\.xml$" {"#,
                r#"location ~ "^/(?:(?:category|tag)/[^/]+/)?(?:archive/[0-9]+/(?:[0-9]+/)?)?rss\.xml$" {"#,
                r#"location ~ "^/(?:(?:category|tag)/[^/]+/)?(?:archive/[0-9]+/(?:[0-9]+/)?)?feed\.json$" {"#,
                r#"location ~ "^/feeds/feeds\.opml$" {"#,
            ]
        );
    }

    #[test]
    fn an_older_address_leads_to_the_same_file_of_today() {
        let aliases = BTreeMap::from([("tag/c++/".to_string(), "tag/c-2/".to_string())]);
        assert_eq!(
            nginx_aliases(&listing(), &aliases),
            r#"
location ^~ "/tag/c++/" {
    rewrite "^/tag/c\+\+/(.*)$" "/tag/c-2/$1?" permanent;
}
"#
        );
        assert_eq!(redirects(&listing(), &aliases), "/tag/c++/* /tag/c-2/:splat 301\n");
        assert_eq!(nginx_aliases(&listing(), &BTreeMap::new()) + &redirects(&listing(), &BTreeMap::new()), "");
    }

    #[test]
    fn there_are_no_more_rules_than_cloudflare_takes() {
        let mut all = listing();
        all.groups = [Kind::Site, Kind::Declared, Kind::Digest]
            .into_iter()
            .chain(Axis::ALL.map(Kind::Term))
            .map(|kind| Group { kind, feeds: vec![listed("x", "x/")] })
            .collect();
        let rules = headers(&all).lines().filter(|line| line.starts_with('/')).count();
        assert_eq!(rules, 64);
        assert!(rules <= 100);
    }

    #[test]
    fn an_address_cannot_break_out_of_its_header() {
        let mut hostile = listing();
        hostile.hub = Some("https://hub.example.org/'\"; }\nserver { $x <b>".into());
        hostile.feeds_url = "https://example.org/a\"b$c (d)/".into();
        assert!(nginx(&hostile).contains("add_header Link '<https://hub.example.org/;}server{%24xb>; rel=\"hub\"';"));
        assert!(nginx(&hostile).contains(r#"location ~ "^/a\x22b\$c \(d\)/(?:"#));
        assert!(headers(&hostile).contains("  Link: <https://hub.example.org/;}server{$xb>; rel=\"hub\""));
    }
}
