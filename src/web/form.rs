//! Forms: a body of at most 16 KiB within ten seconds, as browsers send it.

use super::pages::Problem;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, header};
use std::time::Duration;
use url::form_urlencoded;

/// The most that a form may hold.
const LARGEST: usize = 16 * 1024;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What somebody filled in, field by field, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// The form that a request holds.
    ///
    /// # Errors
    ///
    /// [`Problem`]: too large, too slow, or of another type.
    pub async fn read(headers: &HeaderMap, body: Body) -> Result<Form, Problem> {
        if !is_form(headers) {
            return Err(Problem::WrongType);
        }
        Ok(Form::parse(&read(headers, body).await?))
    }

    /// The same where the type does not matter: a POST of RFC 8058 may be multipart, and one without anything in it of none.
    /// Of a multipart one, only whether it is such a POST is known.
    ///
    /// # Errors
    ///
    /// [`Problem`]: too large or too slow.
    pub async fn read_any(headers: &HeaderMap, body: Body) -> Result<Form, Problem> {
        let bytes = read(headers, body).await?;
        let has = |word: &[u8]| memchr::memmem::find(&bytes, word).is_some();
        Ok(match is_form(headers) {
            true => Form::parse(&bytes),
            false if has(b"List-Unsubscribe") && has(b"One-Click") => Form::parse(b"List-Unsubscribe=One-Click"),
            false => Form::default(),
        })
    }

    fn parse(bytes: &[u8]) -> Form {
        Form(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// What stands in the first field of a name, without white space around it; empty where there is none.
    pub fn first<'a>(&'a self, name: &'a str) -> &'a str {
        self.all(name).next().unwrap_or_default()
    }

    /// What stands in all fields of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn read(headers: &HeaderMap, body: Body) -> Result<axum::body::Bytes, Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    // What says that it is too large is not even begun to be read.
    if length.is_some_and(|length| length > LARGEST as u64) {
        return Err(Problem::TooLarge);
    }
    match tokio::time::timeout(PATIENCE, to_bytes(body, LARGEST)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(err)) => {
            let source = std::error::Error::source(&err);
            let is_large = source.is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
            Err(if is_large { Problem::TooLarge } else { Problem::Wrong })
        }
        Err(_) => Err(Problem::TooSlow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(media_type: Option<&'static str>) -> HeaderMap {
        media_type.map(|it| (header::CONTENT_TYPE, HeaderValue::from_static(it))).into_iter().collect()
    }

    #[tokio::test]
    async fn a_form_is_read_field_by_field() {
        let form = headers(Some("Application/X-WWW-Form-Urlencoded; charset=utf-8"));
        let body = "address=+ana%2Bx%40example.org%20&digest=a&digest=b&x=%ff%00";
        let form = Form::read(&form, Body::from(body)).await.expect("a form");
        assert_eq!(form.first("address"), "ana+x@example.org");
        assert_eq!(form.all("digest").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((form.first("x"), form.first("none")), ("\u{fffd}\0", ""));
    }

    #[tokio::test]
    async fn what_is_no_form_is_refused_unless_the_type_does_not_matter() {
        for media_type in [None, Some("multipart/form-data; boundary=x"), Some("application/json")] {
            let headers = headers(media_type);
            assert_eq!(Form::read(&headers, Body::from("a=b")).await, Err(Problem::WrongType));
            assert_eq!(Form::read_any(&headers, Body::from("a=b")).await, Ok(Form::default()));
        }
    }

    #[tokio::test]
    async fn one_click_may_come_in_parts() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
        let form = Form::read_any(&headers(Some("multipart/form-data; boundary=x")), Body::from(body)).await;
        assert_eq!(form.expect("a form").first("List-Unsubscribe"), "One-Click");
    }

    #[tokio::test]
    async fn what_is_too_large_is_refused_whatever_it_says_of_its_length() {
        let mut headers = headers(Some("application/x-www-form-urlencoded"));
        let large = "a".repeat(LARGEST + 1);
        assert_eq!(Form::read(&headers, Body::from(large)).await, Err(Problem::TooLarge));
        assert!(Form::read(&headers, Body::from("a".repeat(LARGEST))).await.is_ok());
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("104857600"));
        assert_eq!(Form::read(&headers, Body::empty()).await, Err(Problem::TooLarge));
    }
}
