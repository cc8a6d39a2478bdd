//! Where posts are read: the path of each, made of its permalink, and what is wrong with two that share one or with one that
//! leads out of the site.

use super::collection::Article;
use super::front_matter::yaml::shown;
use super::links;
use super::lock::Lock;
use super::post::Post;
use super::slug::slugify;
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::text::Text;
use chrono::Datelike;
use foldhash::fast::RandomState;
use foldhash::{HashMap, HashSet};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::borrow::Cow;
use url::{Position, Url};

/// What is written as it is in one segment of a path (RFC 3986, `pchar`), less what shells and readers stumble over.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'\'')
    .add(b'/');

/// A path segment of an address, percent-encoded.
pub fn segment(raw: &str) -> String {
    utf8_percent_encode(raw, SEGMENT).to_string()
}

/// The path of a post's address: the site's path and its permalink.
pub(super) fn address(post: &Post, config: &Config) -> String {
    let base = config.site.url.path().trim_end_matches('/');
    if let Some(own) = &post.address {
        let parts = own.value.split('/').map(|part| segment(&percent_decode_str(part).decode_utf8_lossy()));
        return format!("{base}{}", parts.collect::<Vec<_>>().join("/"));
    }
    let day = post.published_at.value.with_timezone(&config.site.timezone);
    let id = post.id.as_ref().map_or(post.slug.value.as_str(), |id| id.value.as_str());
    let category = || post.categories.first().map_or_else(|| "uncategorized".to_string(), |c| slugify(&c.value));
    let slug = || post.slug.value.split('/').map(segment).collect::<Vec<_>>().join("/");
    let parts: [(&str, &dyn Fn() -> String); 6] = [
        ("{year}", &|| format!("{:04}", day.year())),
        ("{month}", &|| format!("{:02}", day.month())),
        ("{day}", &|| format!("{:02}", day.day())),
        ("{category}", &|| segment(&category())),
        ("{id}", &|| segment(id)),
        ("{slug}", &slug),
    ];
    let mut path = Cow::Borrowed(&*config.site.permalink.value);
    for (name, value) in parts {
        if path.contains(name) {
            path = Cow::Owned(path.replace(name, &value()));
        }
    }
    format!("{base}{path}")
}

/// The address with the site's scheme and host before it.
pub(super) fn absolute(config: &Config, address: &str) -> Text {
    // Nearly all addresses are such that a URL takes them as they are.
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'/');
    if address.starts_with('/') && address.bytes().all(is_plain) && !address.contains("/.") {
        let before = &config.site.url[..Position::BeforePath];
        return Text::new(&[before, address].concat());
    }
    let mut url = config.site.url.clone();
    url.set_path(address);
    Text::new(url.as_str())
}

/// Warns of files and pictures that no feed can point at, so that they are not left out in silence.
pub(super) fn unusable_addresses(article: &Article) -> Vec<Diagnostic> {
    let post = &article.post;
    let enclosure = post.enclosure.as_ref().map(|file| ("enclosure", &file.url));
    let featured = post.featured_image.as_ref().map(|path| ("picture", path));
    let share = post.share_image.as_ref().map(|path| ("picture", path));
    let mut named = [enclosure, featured, share].into_iter().flatten().peekable();
    if named.peek().is_none() {
        return vec![];
    }
    let Ok(page) = Url::parse(&article.url) else { return vec![] };
    let warning = |(what, path): (&str, &Spanned<Text>)| {
        let message = format!("the {what} has no address that a reader can follow: `{}`", shown(&path.value));
        let hint = "write a path or an address that starts with `https://`; it is left out";
        Diagnostic::warning(message).at(&post.file, path.span).hint(hint)
    };
    named.filter(|(_, path)| links::absolute(&path.value, &page).is_none()).map(warning).collect()
}

/// A slug cannot leave the site, but an `id` of `..` in the permalink could.
pub(super) fn leaving_addresses(posts: &[Box<Post>], addresses: &[String], findings: &mut Vec<Diagnostic>) {
    for (post, address) in posts.iter().zip(addresses) {
        let Some(dots) = address.split('/').find(|part| matches!(*part, "." | "..")) else { continue };
        let span = post.id.as_ref().map_or(post.slug.span, |id| id.span);
        findings.push(
            Diagnostic::error(format!("the address `{address}` leaves its folder by `{dots}`"))
                .at(&post.file, span)
                .hint("give the post another `id`, or use `{slug}` in `permalink`"),
        );
    }
}

/// Of posts with one address all are at fault, but for the one that the lock's line of this address names.
pub(super) fn same_address(posts: &[Box<Post>], addresses: &[String], lock: &Lock, findings: &mut Vec<Diagnostic>) {
    let mut seen: HashSet<&str> = HashSet::with_capacity_and_hasher(addresses.len(), RandomState::default());
    let twice: HashSet<&str> = addresses.iter().map(String::as_str).filter(|address| !seen.insert(address)).collect();
    let mut by_address: HashMap<&str, Vec<&Post>> = HashMap::default();
    for (address, post) in addresses.iter().zip(posts).filter(|(address, _)| twice.contains(address.as_str())) {
        by_address.entry(address).or_default().push(post);
    }
    let mut shared: Vec<_> = by_address.into_iter().collect();
    shared.sort_by_key(|(address, _)| *address);
    for (address, posts) in shared {
        let named = lock.posts.get(address).and_then(|line| line.file.as_ref());
        let holder = posts.iter().find(|post| Some(&post.file) == named);
        for post in posts.iter().filter(|post| holder.is_none_or(|holder| holder.file != post.file)) {
            let Some(other) = holder.or_else(|| posts.iter().find(|other| other.file != post.file)) else { continue };
            let span = if post.slug.span == Span::default() { post.title.span } else { post.slug.span };
            findings.push(
                Diagnostic::error(format!("two posts have the address `{address}`"))
                    .at(&post.file, span)
                    .hint(format!("the other is `{}`; give one of them another `slug`", other.file)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SITES: &[&str] = &["https://a.example/", "http://b:8080/c/", "https://[::1]/"];

    /// The address as it was made, and as a URL makes it.
    fn both(site: &str, address: &str) -> (Text, String) {
        let config = Config::parse(&format!("[site]\ntitle = \"T\"\nurl = \"{site}\"\n")).unwrap();
        let mut url = config.site.url.clone();
        url.set_path(address);
        (absolute(&config, address), url.into())
    }

    #[test]
    fn dots_and_slashes_are_taken_as_a_url_takes_them() {
        #[track_caller]
        fn case(address: &str) {
            let (made, url) = both(SITES[1], address);
            assert_eq!(made.as_str(), url, "{address}");
        }
        for address in ["", "/", "//a", "/a/../b", "/a/.", "/.a", "/a.", "/a.b/", "a", "/%2e%2e/a", "/a//b/"] {
            case(address);
        }
    }

    proptest! {
        #[test]
        fn an_absolute_address_is_what_a_url_makes_of_it(
            site in prop::sample::select(SITES),
            address in "(/?[-a-zA-Z0-9._~ %?#é]{0,4}){0,4}",
        ) {
            let (made, url) = both(site, &address);
            prop_assert_eq!(made.as_str(), url);
        }
    }
}
