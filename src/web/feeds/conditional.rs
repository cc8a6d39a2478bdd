//! Requests that depend on what the client has already, and requests for a part: RFC 9110, sections 13 and 14.
//!
//! A client is told that it has the present version only where that is certain; all else is answered in full.

use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use axum::http::{HeaderMap, HeaderValue};
use headers::{Header as _, HeaderMapExt as _, IfModifiedSince, IfUnmodifiedSince, LastModified};
use std::ops::Range;
use std::time::SystemTime;

/// What tells one version from another.
#[derive(Clone, Copy, Debug)]
pub struct Validators<'a> {
    /// Its tag in its quotes, a strong one: no other bytes have it.
    pub tag: &'a str,
    /// When it last changed, in whole seconds, where that is told.
    pub modified_at: Option<SystemTime>,
    /// Whether another version may have had the same time: then the time proves nothing.
    pub time_is_shared: bool,
}

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered as if it had none.
    Send,
    /// The client has this version: 304.
    NotModified,
    /// The client wanted another version: 412.
    Failed,
}

/// Weighs the conditions in the order of section 13.2.2: a tag goes before a time.
pub fn verdict(headers: &HeaderMap, is: Validators<'_>) -> Verdict {
    if headers.contains_key(IF_MATCH) {
        if !names(headers, IF_MATCH, is.tag, Weak::IsAnother) {
            return Verdict::Failed;
        }
    } else if headers.contains_key(IF_UNMODIFIED_SINCE)
        && let (Some(since), Some(at)) = (headers.typed_get::<IfUnmodifiedSince>(), is.modified_at)
        && !since.precondition_passes(at)
    {
        return Verdict::Failed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        return if has(headers, is.tag) { Verdict::NotModified } else { Verdict::Send };
    }
    let (Some(since), Some(at)) = (headers.typed_get::<IfModifiedSince>(), is.modified_at) else {
        return Verdict::Send;
    };
    let proves = !is.time_is_shared || SystemTime::from(since) > at;
    if !since.is_modified(at) && proves { Verdict::NotModified } else { Verdict::Send }
}

/// Whether a client says that it has what a tag names.
pub fn has(headers: &HeaderMap, tag: &str) -> bool {
    names(headers, IF_NONE_MATCH, tag, Weak::IsTheSame)
}

/// How two tags are compared of which one is weak (section 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weak {
    IsTheSame,
    IsAnother,
}

/// Whether a header names a strong tag, or all by `*`. The crate `headers` could read it, but stops a debug build where a
/// client sends a space between quotes.
fn names(headers: &HeaderMap, name: HeaderName, tag: &str, weak: Weak) -> bool {
    headers.get_all(name).into_iter().any(|value| {
        let Ok(mut rest) = value.to_str().map(str::trim) else { return false };
        if rest == "*" {
            return true;
        }
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let (is_weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
            let Some(end) = quoted.strip_prefix('"').and_then(|open| open.find('"')) else { return false };
            let (found, after) = quoted.split_at(end + 2);
            if found == tag && (!is_weak || weak == Weak::IsTheSame) {
                return true;
            }
            rest = after;
        }
    })
}

/// How much is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it.
    Whole,
    /// These bytes: 206.
    Part(Range<usize>),
    /// Bytes that are not there: 416.
    Beyond,
}

/// What a `Range` asks for. Several ranges at once, or what is not written as one, are answered by the whole, and so is a
/// part of another version (`If-Range`).
pub fn wanted(headers: &HeaderMap, is: Validators<'_>, size: usize) -> Wanted {
    let Some(range) = single(headers.get(RANGE)) else { return Wanted::Whole };
    if headers.get(IF_RANGE).is_some_and(|of| !is_of(of, is)) {
        return Wanted::Whole;
    }
    let part = match range {
        (Some(first), _) if first >= size => return Wanted::Beyond,
        (Some(first), last) => first..last.map_or(size, |last| size.min(last.saturating_add(1))),
        (None, Some(0)) => return Wanted::Beyond,
        (None, Some(_)) if size == 0 => return Wanted::Beyond,
        (None, last) => size - size.min(last.unwrap_or(0))..size,
    };
    Wanted::Part(part)
}

/// `bytes=2-5` as 2 and 5, `bytes=2-` as 2, `bytes=-5` as 5 alone.
fn single(range: Option<&HeaderValue>) -> Option<(Option<usize>, Option<usize>)> {
    let (unit, range) = range?.to_str().ok()?.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    let number = |text: &str| -> Option<Option<usize>> {
        if text.is_empty() {
            return Some(None);
        }
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        // What does not fit lies behind every end.
        digits.then(|| Some(text.parse().unwrap_or(usize::MAX)))
    };
    let (first, last) = (number(first.trim())?, number(last.trim())?);
    let in_order = match (first, last) {
        (Some(first), Some(last)) => first <= last,
        (None, None) => false,
        _ => true,
    };
    (unit.trim().eq_ignore_ascii_case("bytes") && in_order).then_some((first, last))
}

/// Whether `If-Range` names this version: by its tag, which may not be a weak one, or by exactly its time.
fn is_of(named: &HeaderValue, is: Validators<'_>) -> bool {
    if named.as_bytes().starts_with(b"\"") {
        return named.as_bytes() == is.tag.as_bytes();
    }
    let at = LastModified::decode(&mut std::iter::once(named)).map(SystemTime::from);
    !is.time_is_shared && at.is_ok_and(|at| Some(at) == is.modified_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (name.parse::<axum::http::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    const BEFORE: &str = "Sun, 22 Nov 2026 11:59:59 GMT";
    const AT: &str = "Mon, 23 Nov 2026 12:00:00 GMT";
    const AFTER: &str = "Mon, 23 Nov 2026 12:00:01 GMT";

    fn at() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200)
    }

    #[test]
    fn a_client_is_told_that_it_has_a_version_only_where_it_does() {
        #[track_caller]
        fn case(lines: &[(&str, &str)], want: Verdict) {
            let is = Validators { tag: "\"abc\"", modified_at: Some(at()), time_is_shared: false };
            assert_eq!(verdict(&headers(lines), is), want, "{lines:?}");
        }
        use Verdict::{Failed, NotModified, Send};
        case(&[], Send);
        case(&[("if-none-match", "\"abc\"")], NotModified);
        case(&[("if-none-match", "W/\"abc\"")], NotModified);
        case(&[("if-none-match", "*")], NotModified);
        case(&[("if-none-match", "\"x\", W/\"y,z\" ,\"abc\"")], NotModified);
        case(&[("if-none-match", "\"x\""), ("if-none-match", "\"abc\"")], NotModified);
        case(&[("if-none-match", "\"abc-gz\"")], Send);
        case(&[("if-none-match", "\"abcd\", \"ab\"")], Send);
        case(&[("if-none-match", "abc")], Send);
        case(&[("if-none-match", "\"x, abc, y\"")], Send);
        case(&[("if-none-match", "\"a b\" , \"abc\"")], NotModified);
        case(&[("if-none-match", ",,\"x\",W/\"abc\"")], NotModified);
        case(&[("if-none-match", "x, \"abc\"")], Send);
        case(&[("if-none-match", "\"abc")], Send);
        case(&[("if-none-match", "W/")], Send);
        case(&[("if-none-match", "\"\"\"abc\"")], NotModified);
        case(&[("if-none-match", "*, \"x\"")], Send);
        case(&[("if-none-match", "\"ABC\"")], Send);
        case(&[("if-none-match", "")], Send);
        case(&[("if-none-match", "w/\"abc\"")], Send);
        // A tag goes before a time, also one that cannot be read.
        case(&[("if-none-match", "\"x\""), ("if-modified-since", AFTER)], Send);
        case(&[("if-none-match", "x"), ("if-modified-since", AFTER)], Send);
        case(&[("if-none-match", "\"abc\""), ("if-modified-since", BEFORE)], NotModified);
        case(&[("if-modified-since", AT)], NotModified);
        case(&[("if-modified-since", AFTER)], NotModified);
        case(&[("if-modified-since", BEFORE)], Send);
        case(&[("if-modified-since", "Monday, 23-Nov-26 12:00:00 GMT")], NotModified);
        case(&[("if-modified-since", "yesterday")], Send);
        case(&[("if-modified-since", "2026-11-23T12:00:00Z")], Send);
        case(&[("if-match", "\"abc\"")], Send);
        case(&[("if-match", "*")], Send);
        case(&[("if-match", "\"x\"")], Failed);
        case(&[("if-match", "W/\"abc\"")], Failed);
        case(&[("if-match", "\"abc\""), ("if-none-match", "\"abc\"")], NotModified);
        case(&[("if-unmodified-since", BEFORE)], Failed);
        case(&[("if-unmodified-since", AT)], Send);
        case(&[("if-unmodified-since", "x")], Send);
    }

    #[test]
    fn a_time_that_two_versions_share_proves_nothing() {
        #[track_caller]
        fn case(modified_at: Option<SystemTime>, since: &str, want: Verdict) {
            let is = Validators { tag: "\"abc\"", modified_at, time_is_shared: true };
            assert_eq!(verdict(&headers(&[("if-modified-since", since)]), is), want, "{since}");
        }
        case(Some(at()), AT, Verdict::Send);
        case(Some(at()), AFTER, Verdict::NotModified);
        case(None, AFTER, Verdict::Send);
    }

    #[test]
    fn a_part_is_sent_of_the_version_that_it_is_asked_of() {
        #[track_caller]
        fn case(lines: &[(&str, &str)], size: usize, want: Wanted) {
            let is = Validators { tag: "\"abc\"", modified_at: Some(at()), time_is_shared: false };
            assert_eq!(wanted(&headers(lines), is, size), want, "{lines:?}");
        }
        use Wanted::{Beyond, Part, Whole};
        case(&[], 10, Whole);
        case(&[("range", "bytes=0-3")], 10, Part(0..4));
        case(&[("range", "bytes=0-0")], 10, Part(0..1));
        case(&[("range", "bytes=4-")], 10, Part(4..10));
        case(&[("range", "bytes=-3")], 10, Part(7..10));
        case(&[("range", "bytes=-30")], 10, Part(0..10));
        case(&[("range", "bytes=4-99999999999999999999999")], 10, Part(4..10));
        case(&[("range", "Bytes = 4 - 5 ")], 10, Part(4..6));
        case(&[("range", "bytes=10-")], 10, Beyond);
        case(&[("range", "bytes=99999999999999999999999-")], 10, Beyond);
        case(&[("range", "bytes=-0")], 10, Beyond);
        case(&[("range", "bytes=0-")], 0, Beyond);
        case(&[("range", "bytes=-5")], 0, Beyond);
        for odd in
            ["bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "bytes=0-1,3-4", "items=0-1", "0-1", "bytes=+1-2", ""]
        {
            case(&[("range", odd)], 10, Whole);
        }
        case(&[("range", "bytes=0-3"), ("if-range", "\"abc\"")], 10, Part(0..4));
        case(&[("range", "bytes=0-3"), ("if-range", "\"x\"")], 10, Whole);
        case(&[("range", "bytes=0-3"), ("if-range", "W/\"abc\"")], 10, Whole);
        case(&[("range", "bytes=0-3"), ("if-range", AT)], 10, Part(0..4));
        case(&[("range", "bytes=0-3"), ("if-range", BEFORE)], 10, Whole);
        case(&[("range", "bytes=0-3"), ("if-range", AFTER)], 10, Whole);
        case(&[("range", "bytes=0-3"), ("if-range", "abc")], 10, Whole);
        case(&[("range", "bytes=90-"), ("if-range", "\"x\"")], 10, Whole);
    }
}
