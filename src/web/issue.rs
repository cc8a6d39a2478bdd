//! The page of an issue that went out a moment ago: its mails lead there, and the next build, which will write it, has not
//! been yet. It is taken from the store as it was frozen.

use super::{Web, address};
use crate::store::StoreError;
use crate::store::archive::Archive as _;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use percent_encoding::percent_decode_str;

impl Web {
    /// The page of an issue by the path of a request; none where it is that of no issue, or of one that may not be shown.
    ///
    /// # Errors
    ///
    /// Whatever the store says.
    pub async fn issue(&self, path: &str) -> Result<Option<Response>, StoreError> {
        let Some(people) = &self.people else { return Ok(None) };
        let Some((digest, period)) = named(path, address::path(&self.config.feeds.url)) else { return Ok(None) };
        let Some(page) = people.store.shown(&digest, &period).await? else { return Ok(None) };
        let mut response = page.html.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        // The build's own page takes its place in a moment.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(Some(response))
    }
}

/// The digest and the period in `…/digest/weekly/2026-W48/`.
fn named(path: &str, prefix: &str) -> Option<(String, String)> {
    let below = path.strip_prefix(prefix)?.strip_prefix("digest/")?;
    let below = below.strip_suffix("index.html").unwrap_or(below).strip_suffix('/')?;
    let (digest, period) = below.split_once('/')?;
    let decoded = |part: &str| percent_decode_str(part).decode_utf8().ok().map(|part| part.into_owned());
    Some((decoded(digest)?, decoded(period)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_an_issue() {
        #[track_caller]
        fn case(path: &str, want: Option<(&str, &str)>) {
            let want = want.map(|(digest, period)| (digest.to_owned(), period.to_owned()));
            assert_eq!(named(path, "/news/"), want, "{path}");
        }
        case("/news/digest/weekly/2026-W48/", Some(("weekly", "2026-W48")));
        case("/news/digest/weekly/2026-W48/index.html", Some(("weekly", "2026-W48")));
        case("/news/digest/w%65ekly/2026-11-23/", Some(("weekly", "2026-11-23")));
        case("/news/digest/weekly/2026-W48", None);
        case("/news/digest/weekly/", None);
        case("/digest/weekly/2026-W48/", None);
        case("/news/digest/%ff/2026-W48/", None);
    }
}
