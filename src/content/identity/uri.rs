//! How ids are spelt, so that each is a URI or, where a post brings letters of its own language into one, an IRI.

use chrono::NaiveDate;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// `tag:HOST,YEAR:` (RFC 4151, section 2.1).
pub(super) fn tag_prefix(host: &str, year: i32) -> String {
    // A tag wants a domain name: brackets of an IPv6 address and underscores are none.
    let label = |label: &str| label.trim_matches('-').to_owned();
    let name: Vec<String> = host
        .to_ascii_lowercase()
        .replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-")
        .split('.')
        .map(label)
        .filter(|label| !label.is_empty())
        .collect();
    let name = if name.is_empty() { "localhost".to_owned() } else { name.join(".") };
    format!("tag:{name},{:04}:", year.clamp(0, 9999))
}

/// What stays as it is in an id: what may stand in the last part of a tag (RFC 4151) and of a URN (RFC 8141).
const KEPT: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/');

/// What no IRI can hold (RFC 3987), but for letters of all languages, which it can.
const REFUSED: AsciiSet =
    CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// The id that a date and a slug make.
pub(super) fn minted(prefix: &str, day: NaiveDate, slug: &str) -> String {
    format!("{prefix}{}/{}", day.format("%Y-%m-%d"), utf8_percent_encode(slug, &KEPT))
}

/// The day in an id that [`minted`] made.
pub(super) fn day_of(prefix: &str, id: &str) -> Option<NaiveDate> {
    let (day, _slug) = id.strip_prefix(prefix)?.split_once('/')?;
    NaiveDate::parse_from_str(day, "%Y-%m-%d").ok().filter(|read| read.format("%Y-%m-%d").to_string() == day)
}

/// The id that a post's own `id` makes.
pub(super) fn id_of(prefix: &str, own: &str) -> String {
    let own = own.trim();
    if is_uri(own) {
        // Letters beyond ASCII stay as they are; `utf8_percent_encode` would encode them.
        return own
            .chars()
            .map(|c| {
                if c.is_ascii() {
                    utf8_percent_encode(c.encode_utf8(&mut [0; 4]), &REFUSED).to_string()
                } else {
                    c.to_string()
                }
            })
            .collect();
    }
    format!("{prefix}{}", utf8_percent_encode(own, &KEPT))
}

/// Whether an id is a URI and not merely a word with a colon in it.
fn is_uri(own: &str) -> bool {
    let Some((scheme, rest)) = own.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let has_authority = rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty());
    let (before, after) = rest.split_once(':').unwrap_or((rest, ""));
    is_scheme
        && match scheme.to_ascii_lowercase().as_str() {
            "tag" => before.contains(',') && rest.contains(':'),
            "urn" => !before.is_empty() && !after.is_empty(),
            "doi" | "ni" | "acct" | "mailto" => !rest.is_empty(),
            _ => has_authority,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_its_own_stands_behind_the_prefix_unless_it_is_a_uri() {
        #[track_caller]
        fn case(own: &str, want: &str) {
            assert_eq!(id_of("tag:example.org,2016:", own), want, "{own}");
        }
        case("4ItmAo1t5SIG8MsiEa2K2K", "tag:example.org,2016:4ItmAo1t5SIG8MsiEa2K2K");
        case(" 2016-11-30/spring-sale ", "tag:example.org,2016:2016-11-30/spring-sale");
        case("abc:def", "tag:example.org,2016:abc:def");
        case("Tag: you're it", "tag:example.org,2016:Tag:%20you're%20it");
        case("https:thing", "tag:example.org,2016:https:thing");
        case("über #1 50%?", "tag:example.org,2016:%C3%BCber%20%231%2050%25%3F");
        case("https://example.org/?p=123", "https://example.org/?p=123");
        case("http://example.org/über <x>", "http://example.org/über%20%3Cx%3E");
        case("x-thing://a", "x-thing://a");
        case("1x://a", "tag:example.org,2016:1x://a");
        case("://a", "tag:example.org,2016:://a");
        case("tag:old.example,2009:7", "tag:old.example,2009:7");
        case("urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66");
        case("urn:x", "tag:example.org,2016:urn:x");
    }

    #[test]
    fn the_day_is_read_from_an_id_that_was_made_with_one() {
        #[track_caller]
        fn case(id: &str, want: Option<&str>) {
            assert_eq!(day_of("urn:x:", id).map(|day| day.to_string()).as_deref(), want, "{id}");
        }
        case("urn:x:2016-11-30/spring-sale", Some("2016-11-30"));
        case("urn:x:2016-11-30/", Some("2016-11-30"));
        case("urn:x:2016-11-30", None);
        case("urn:x:2016-1-3/a", None);
        case("urn:x:2016-13-30/a", None);
        case("urn:y:2016-11-30/a", None);
        case("https://example.org/2016-11-30/a", None);
    }

    #[test]
    fn a_prefix_is_made_from_any_host() {
        #[track_caller]
        fn case(host: &str, year: i32, want: &str) {
            assert_eq!(tag_prefix(host, year), want);
        }
        case("example.org", 2016, "tag:example.org,2016:");
        case("WWW.Example.org", 476, "tag:www.example.org,0476:");
        case("my_blog.example.org", 2016, "tag:my-blog.example.org,2016:");
        case("[::1]", 2016, "tag:1,2016:");
        case("[::]", -5, "tag:localhost,0000:");
    }
}
