//! Addresses inside a post, made absolute.
//!
//! A feed is read far from the page it tells of, and few readers resolve anything against it, so that every address is
//! joined with the post's permalink (WHATWG URL) and then percent-encoded further: the WHATWG leaves characters such as
//! `|` and `^` alone which RFC 3986 does not know. Where no address can be made that a reader may follow, there is none:
//! nothing here lets `javascript:` or a relative address through.

use crate::text::Text;
use std::fmt::Write;
use url::Url;

/// The absolute web address that `reference` means on the page `base`.
///
/// `None` where there is no such address: nothing but white space, another scheme than `http` and `https` (`data:` too),
/// or a host that cannot be one.
pub fn absolute(reference: &str, base: &Url) -> Option<Text> {
    Links::new(base).file(reference).map(Text::from)
}

/// Schemes besides the web's that a link may have: each opens something that a reader of a feed can use.
const LINK_SCHEMES: &[&str] = &["mailto", "tel", "sms", "geo", "xmpp", "magnet"];

/// Media types of pictures that may stand in a `data:` address. SVG is left out: it can carry scripts.
const DATA_TYPES: &[&str] = &["image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp"];

/// Resolves the addresses of one page.
pub(super) struct Links<'a> {
    base: &'a Url,
}

impl<'a> Links<'a> {
    /// For the page at `base`.
    pub(super) fn new(base: &'a Url) -> Links<'a> {
        Links { base }
    }

    /// The page's own address with another fragment.
    pub(super) fn fragment(&self, id: &str) -> String {
        let mut page = self.base.clone();
        page.set_fragment(Some(id));
        encode(page.as_str())
    }

    /// Where a link leads: the web, or one of the few other schemes.
    pub(super) fn link(&self, reference: &str) -> Option<String> {
        let url = self.base.join(reference).ok()?;
        if LINK_SCHEMES.contains(&url.scheme()) && !url.path().is_empty() | url.query().is_some() {
            return Some(encode(url.as_str()));
        }
        web(&url)
    }

    /// A web address that names something of its own: not the page itself by an empty reference.
    pub(super) fn file(&self, reference: &str) -> Option<String> {
        web(&self.file_url(reference)?)
    }

    /// The same as [`Links::file`], to be looked into.
    pub(super) fn file_url(&self, reference: &str) -> Option<Url> {
        if reference.trim_matches(|c: char| c <= ' ').is_empty() {
            return None;
        }
        self.base.join(reference).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
    }

    /// A picture: on the web, or carried along as base64 `data:` of a type that cannot run anything.
    pub(super) fn image(&self, reference: &str) -> Option<String> {
        let trimmed = reference.trim_matches(|c: char| c <= ' ');
        if trimmed.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
            return data_image(&trimmed[5..]);
        }
        self.file(trimmed)
    }

    /// `srcset`: the candidates that have a web address, as the HTML standard splits them (section 4.8.4.2.1).
    ///
    /// `data:` candidates are left out and commas in an address encoded, since readers split at every comma.
    pub(super) fn image_set(&self, candidates: &str) -> Option<String> {
        let mut set = String::new();
        for (reference, descriptor) in split_image_set(candidates) {
            let plausible = descriptor.is_empty()
                || descriptor.strip_suffix(['x', 'w', 'h']).is_some_and(|n| n.parse::<f32>().is_ok_and(|n| n > 0.0));
            let Some(url) = self.file(reference).filter(|_| plausible) else { continue };
            if !set.is_empty() {
                set.push_str(", ");
            }
            set.push_str(&url.replace(',', "%2C"));
            if !descriptor.is_empty() {
                set.push(' ');
                set.push_str(descriptor);
            }
        }
        (!set.is_empty()).then_some(set)
    }
}

/// An `http` or `https` address as text, when its host can be one.
pub(super) fn web(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let strange = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']'));
    if !matches!(url.scheme(), "http" | "https") || host.is_empty() || host.contains(strange) {
        return None;
    }
    Some(encode(url.as_str()))
}

/// Percent-encodes what RFC 3986 does not allow in an address that is otherwise one.
fn encode(url: &str) -> String {
    // Square brackets are allowed around an IPv6 host only, which ends where the path begins.
    let authority_ends = url
        .find("://")
        .map_or(0, |scheme| url[scheme + 3..].find(['/', '?', '#']).map_or(url.len(), |n| scheme + 3 + n));
    let bytes = url.as_bytes();
    let mut out = String::with_capacity(url.len());
    let mut fragment = false;
    for (i, &byte) in bytes.iter().enumerate() {
        let allowed = match byte {
            b'%' => bytes.get(i + 1..i + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
            b'[' | b']' => i < authority_ends,
            b'#' => !std::mem::replace(&mut fragment, true),
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
            _ => byte.is_ascii_graphic(),
        };
        if allowed {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes all that is written to it");
        }
    }
    out
}

/// What follows `data:`, when it is a picture in base64 of an allowed type, without white space inside.
fn data_image(rest: &str) -> Option<String> {
    let (head, data) = rest.split_once(',')?;
    let (media_type, encoding) = head.split_once(';')?;
    let media_type = media_type.trim().to_ascii_lowercase();
    if !DATA_TYPES.contains(&media_type.as_str()) || !encoding.trim().eq_ignore_ascii_case("base64") {
        return None;
    }
    let data: String = data.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    (!data.is_empty() && data.bytes().all(base64)).then(|| format!("data:{media_type};base64,{data}"))
}

/// Address and descriptor of each candidate of a `srcset`.
fn split_image_set(candidates: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = candidates;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
        if rest.is_empty() {
            return found;
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
        let (address, after) = rest.split_at(end);
        let bare = address.trim_end_matches(',');
        if bare.len() < address.len() {
            found.push((bare, ""));
            rest = after;
            continue;
        }
        let end = after.find(',').unwrap_or(after.len());
        found.push((address, after[..end].trim()));
        rest = &after[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Url {
        Url::parse("https://example.org/blog/post/?page=2").unwrap()
    }

    #[test]
    fn every_reference_becomes_absolute_or_nothing() {
        #[track_caller]
        fn case(reference: &str, want: Option<&str>) {
            assert_eq!(absolute(reference, &page()).as_deref(), want, "{reference:?}");
        }
        case("https://a.example/x", Some("https://a.example/x"));
        case("/x.png", Some("https://example.org/x.png"));
        case("x.png", Some("https://example.org/blog/post/x.png"));
        case("../x.png", Some("https://example.org/blog/x.png"));
        case("../../../../x", Some("https://example.org/x"));
        case("//cdn.example/x", Some("https://cdn.example/x"));
        case("?q=1", Some("https://example.org/blog/post/?q=1"));
        case("#top", Some("https://example.org/blog/post/?page=2#top"));
        case("  /x y.png\n", Some("https://example.org/x%20y.png"));
        case("/a|b^c`d{e}[f]\"<>", Some("https://example.org/a%7Cb%5Ec%60d%7Be%7D%5Bf%5D%22%3C%3E"));
        case("/?a[]=1|2^`{}\"'", Some("https://example.org/?a%5B%5D=1%7C2%5E%60%7B%7D%22%27"));
        case("#a|b{c}#d", Some("https://example.org/blog/post/?page=2#a%7Cb%7Bc%7D%23d"));
        case("/100%/50%25", Some("https://example.org/100%25/50%25"));
        case("/é/日本.png", Some("https://example.org/%C3%A9/%E6%97%A5%E6%9C%AC.png"));
        case("http://münchen.example/", Some("http://xn--mnchen-3ya.example/"));
        case("http://[::1]/[x]", Some("http://[::1]/%5Bx%5D"));
        case("\\\\host\\share", Some("https://host/share"));
        case("", None);
        case(" \t\n", None);
        case("http://", None);
        case("http://[", None);
        case("http://{{ site.url }}/x", None);
        case("http://a{b}.example/x", None);
        case("javascript:alert(1)", None);
        case("java\tscript:alert(1)", None);
        case("data:image/png;base64,AAAA", None);
        case("file:///etc/passwd", None);
        case("ftp://example.org/x", None);
        case("mailto:a@example.org", None);
    }

    #[test]
    fn a_link_may_open_mail_and_the_like_but_runs_nothing() {
        #[track_caller]
        fn case(reference: &str, want: Option<&str>) {
            assert_eq!(Links::new(&page()).link(reference).as_deref(), want, "{reference:?}");
        }
        case("mailto:a@example.org?subject=a b", Some("mailto:a@example.org?subject=a%20b"));
        case("MAILTO:a b@example.org", Some("mailto:a%20b@example.org"));
        case("tel:+49 30 1", Some("tel:+49%2030%201"));
        case("sms:123", Some("sms:123"));
        case("magnet:?xt=urn:btih:00", Some("magnet:?xt=urn:btih:00"));
        case("mailto:", None);
        case("", Some("https://example.org/blog/post/?page=2"));
        case("#", Some("https://example.org/blog/post/?page=2#"));
        case("javascript:alert(1)", None);
        case(" \u{1}JaVa\nScRiPt:alert(1)", None);
        case("vbscript:x", None);
        case("data:text/html,x", None);
        case("ftp://example.org/", None);
        case("custom:x", None);
        case("about:blank", None);
        case("blob:https://example.org/x", None);
    }

    #[test]
    fn a_picture_may_be_carried_along_when_it_cannot_run_anything() {
        #[track_caller]
        fn case(reference: &str, want: Option<&str>) {
            assert_eq!(Links::new(&page()).image(reference).as_deref(), want, "{reference:?}");
        }
        case(" DATA:image/PNG;base64,iVBO Rw0=\n", Some("data:image/png;base64,iVBORw0="));
        case("data:image/webp;base64,AA+/", Some("data:image/webp;base64,AA+/"));
        case("data:image/svg+xml;base64,AAAA", None);
        case("data:image/png,%00", None);
        case("data:image/png;base64,\"onerror=", None);
        case("data:text/html;base64,AAAA", None);
        case("data:image/png;base64,", None);
        case("é", Some("https://example.org/blog/post/%C3%A9"));
        case("x.png", Some("https://example.org/blog/post/x.png"));
        case("mailto:a@example.org", None);
    }

    #[test]
    fn each_candidate_of_a_srcset_is_absolute() {
        #[track_caller]
        fn case(candidates: &str, want: Option<&str>) {
            assert_eq!(Links::new(&page()).image_set(candidates).as_deref(), want, "{candidates:?}");
        }
        case("/a.png", Some("https://example.org/a.png"));
        case("/a.png 1x,/b.png 2x", Some("https://example.org/a.png 1x, https://example.org/b.png 2x"));
        case("/a.png, /b.png 640w ,", Some("https://example.org/a.png, https://example.org/b.png 640w"));
        case("/a,b.png 1.5x", Some("https://example.org/a%2Cb.png 1.5x"));
        case("data:image/png;base64,AAAA 1x, /b.png 2x", Some("https://example.org/b.png 2x"));
        case("javascript:alert(1) 1x", None);
        case("/a.png onload=x", None);
        case(" , ,", None);
    }

    #[test]
    fn a_fragment_replaces_the_one_of_the_page() {
        let page = Url::parse("https://example.org/post/#old").unwrap();
        assert_eq!(Links::new(&page).fragment("fn-a-1"), "https://example.org/post/#fn-a-1");
    }
}
