//! Pages: templates with the words of the site's language, and what goes wrong as a page.

use super::frame::RequestId;
use super::{Web, address};
use crate::mail::address::masked;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Where the style sheet of the pages is, below the public address.
pub const STYLE: &str = "assets/pages.css";

/// What pages that the build wrote may use: they bring their style with them, and pictures of posts.
const BUILT: &str = "default-src 'none'; style-src 'unsafe-inline' 'self'; img-src https: http: data:; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// Why there is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A token that opens nothing: all such answers are the same.
    NotValid,
    /// Nothing is here.
    NotFound,
    /// A form of another site.
    Foreign,
    /// A form of another type.
    WrongType,
    /// More than a form holds.
    TooLarge,
    /// It did not come in time.
    TooSlow,
    /// It is broken.
    Wrong,
    /// Too many came from one network; when to come again.
    TooMany(Duration),
    /// The store or a template failed, or something else of ours.
    Broken,
}

impl Problem {
    fn status(self) -> StatusCode {
        match self {
            Problem::NotValid | Problem::NotFound => StatusCode::NOT_FOUND,
            Problem::Foreign => StatusCode::FORBIDDEN,
            Problem::WrongType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Problem::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Problem::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Problem::Wrong => StatusCode::BAD_REQUEST,
            Problem::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Problem::Broken => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The part of the words that says it.
    fn part(self) -> &'static str {
        match self {
            Problem::NotValid => "not_valid",
            Problem::NotFound => "not_found",
            Problem::TooMany(_) => "too_many",
            Problem::Broken => "broken",
            Problem::Foreign | Problem::WrongType | Problem::TooLarge | Problem::TooSlow | Problem::Wrong => "wrong",
        }
    }
}

/// A page to be made.
pub struct Page<'a> {
    /// The template, without `web/` and `.html`.
    pub template: &'a str,
    /// The parts of the words that it says; where two have a key, the last.
    pub parts: Vec<&'a str>,
    /// What is filled into them.
    pub values: &'a [(&'a str, &'a str)],
    /// What else the template sees.
    pub own: Value,
}

impl Web {
    /// A page for one person, or one that says something: nobody keeps a copy of it.
    pub fn page(&self, page: &Page<'_>) -> Response {
        self.page_with(StatusCode::OK, page)
    }

    /// The same with another status.
    pub fn page_with(&self, status: StatusCode, page: &Page<'_>) -> Response {
        let site = &self.config.site;
        let mut values = vec![("site", site.title.as_str())];
        values.extend(page.values);
        let mut words: BTreeMap<String, String> = BTreeMap::new();
        for part in &page.parts {
            words.extend(self.language.web(part, &values));
        }
        let mut context = Map::from_iter([
            ("words".to_owned(), json!(words)),
            (
                "site".to_owned(),
                json!({ "title": site.title.as_str(), "url": site.url.as_str(), "language": site.language.as_str() }),
            ),
            ("style_url".to_owned(), json!(self.own(STYLE))),
            ("feeds_url".to_owned(), json!(self.feeds_url())),
        ]);
        if let Value::Object(own) = &page.own {
            context.extend(own.clone());
        }
        match self.templates.render(&format!("web/{}.html", page.template), &context) {
            Ok(html) => html_response(status, html),
            Err(finding) => {
                eprintln!("{}", finding.render(None));
                let mut response = (StatusCode::INTERNAL_SERVER_ERROR, "this page is broken\n").into_response();
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
        }
    }

    /// A page that says one thing, with one way on where there is a link.
    pub fn message(&self, part: &str, values: &[(&str, &str)], link: Option<&str>) -> Response {
        self.page(&message(part, values, link))
    }

    /// A problem as a page.
    pub fn problem(&self, problem: Problem, id: Option<&RequestId>) -> Response {
        let link = match problem {
            Problem::NotValid => Some(self.own("preferences/")),
            Problem::NotFound => Some(self.feeds_url()),
            _ => None,
        };
        let mut page = message(problem.part(), &[], link.as_deref());
        if let (Problem::Broken, Some(id), Value::Object(own)) = (problem, id, &mut page.own) {
            own.insert("request_id".to_owned(), json!(id.0.to_str().unwrap_or_default()));
        }
        let mut response = self.page_with(problem.status(), &page);
        let wait = match problem {
            Problem::TooMany(wait) => Some(wait.as_secs() + 1),
            Problem::Broken => Some(30),
            _ => None,
        };
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        response
    }

    /// Something of ours failed: it is said on standard error, with the id of the request, and never to whoever asked.
    pub fn broken(&self, id: &RequestId, err: &dyn std::error::Error) -> Response {
        let mut said = err.to_string();
        let mut cause = err.source();
        while let Some(source) = cause {
            said = format!("{said}: {source}");
            cause = source.source();
        }
        eprintln!("error: request {}: {}", id.0.to_str().unwrap_or_default(), masked(&said));
        self.problem(Problem::Broken, Some(id))
    }

    /// Sends on to a page of the server itself, which is asked for by GET.
    pub fn see(&self, page: &str) -> Response {
        let location = self.own(page);
        let mut response = StatusCode::SEE_OTHER.into_response();
        let location = HeaderValue::from_str(&location).unwrap_or(HeaderValue::from_static("/"));
        response.headers_mut().insert(header::LOCATION, location);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

fn message<'a>(part: &'a str, values: &'a [(&'a str, &'a str)], link: Option<&str>) -> Page<'a> {
    Page { template: "message", parts: vec![part], values, own: json!({ "link_url": link }) }
}

fn html_response(status: StatusCode, html: String) -> Response {
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ROBOTS, HeaderValue::from_static("noindex"));
    response
}

/// Whatever is no page of the server itself: feeds and pages that the build wrote, and nothing else.
pub async fn file(State(web): State<Arc<Web>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let is_home = parts.uri.path() == "/" || parts.uri.path() == address::path(web.public_url());
    if is_home && matches!(parts.method, Method::GET | Method::HEAD) {
        return to_feeds(&web);
    }
    let mut response = web.feeds.answer(&parts).await;
    let id = parts.extensions.get::<RequestId>();
    match response.status() {
        StatusCode::NOT_FOUND => match web.issue(parts.uri.path()).await {
            Ok(Some(page)) => response = page,
            Ok(None) => return web.problem(Problem::NotFound, id),
            Err(err) => match id {
                Some(id) => return web.broken(id, &err),
                None => return web.problem(Problem::Broken, None),
            },
        },
        StatusCode::GONE => {
            let mut page = web.page_with(StatusCode::GONE, &message("gone", &[], Some(&web.feeds_url())));
            page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
            return page;
        }
        _ => {}
    }
    let policy = response.headers_mut().entry(header::CONTENT_SECURITY_POLICY);
    policy.or_insert(HeaderValue::from_static(BUILT));
    response
}

/// The site's own home page is elsewhere; here there are feeds.
fn to_feeds(web: &Web) -> Response {
    let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
    if let Ok(location) = HeaderValue::from_str(&web.feeds_url()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The style sheet of the pages.
pub async fn style(State(web): State<Arc<Web>>) -> Response {
    let mut response = web.templates.pages_style().to_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    response
}

/// A page that is not asked for in this way. Which ways there are stands in `Allow` already.
pub async fn wrong_method(State(web): State<Arc<Web>>) -> Response {
    web.page_with(StatusCode::METHOD_NOT_ALLOWED, &message("wrong", &[], None))
}

/// What took too long.
pub fn slow(web: &Web, id: &HeaderValue) -> Response {
    web.problem(Problem::Broken, Some(&RequestId(id.clone())))
}

/// A fault of the program: the answer says so, and other requests are served.
pub fn panicked(_: Box<dyn Any + Send>) -> Response<Body> {
    (StatusCode::INTERNAL_SERVER_ERROR, "something is broken here\n").into_response()
}
