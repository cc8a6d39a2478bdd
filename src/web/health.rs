//! `healthz` and `metrics`: whether the server is well, for programs.

use super::Web;
use super::frame::RequestId;
use super::listen::Peer;
use super::pages::Problem;
use crate::store::issues::Issues as _;
use crate::store::ledger::State as Stands;
use crate::store::postbox::Postbox as _;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What happened since the server began.
#[derive(Debug, Default)]
pub struct Counts {
    /// Answers by the first digit of their status.
    answers: [AtomicU64; 6],
    signed_up: AtomicU64,
    confirmed: AtomicU64,
    left: AtomicU64,
}

impl Counts {
    /// An answer.
    pub fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).min(self.answers.len() - 1);
        self.answers[class].fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody filled in the form.
    pub fn signed_up(&self) {
        self.signed_up.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody said yes.
    pub fn confirmed(&self) {
        self.confirmed.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody left.
    pub fn left(&self) {
        self.left.fetch_add(1, Ordering::Relaxed);
    }
}

/// 200 where the server is ready, 503 where its store does not answer; that there is an answer says that it is live.
pub async fn healthz(State(web): State<Arc<Web>>) -> Response {
    let is_ready = match &web.people {
        None => true,
        Some(people) => matches!(tokio::time::timeout(PATIENCE, people.store.fact("key")).await, Ok(Ok(_))),
    };
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    plain(status, "application/json", format!("{{\"live\":true,\"ready\":{is_ready}}}\n"))
}

/// Numbers in the text format of Prometheus, for programs on the same machine.
pub async fn metrics(State(web): State<Arc<Web>>, Extension(id): Extension<RequestId>, request: Request) -> Response {
    let peer = request.extensions().get::<Peer>();
    let is_local = peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    // A proxy on the same machine asks for somebody else.
    if !is_local || request.headers().contains_key("x-forwarded-for") || request.headers().contains_key("forwarded") {
        return web.problem(Problem::NotFound, Some(&id));
    }
    let counts = &web.counts;
    let mut text = String::new();
    let mut write = |name: &str, help: &str, kind: &str, rows: &[(String, u64)]| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in rows {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let answers: Vec<(String, u64)> = (1..counts.answers.len())
        .map(|class| (format!("{{status=\"{class}xx\"}}"), counts.answers[class].load(Ordering::Relaxed)))
        .collect();
    write("tidings_http_answers_total", "Answers to requests.", "counter", &answers);
    for (name, help, count) in [
        ("tidings_signups_total", "Forms to sign up that were filled in.", &counts.signed_up),
        ("tidings_confirmed_total", "Sign-ups that were confirmed.", &counts.confirmed),
        ("tidings_left_total", "Times that somebody left or was erased.", &counts.left),
    ] {
        write(name, help, "counter", &[(String::new(), count.load(Ordering::Relaxed))]);
    }
    if let Some(people) = &web.people
        && let Ok(totals) = people.store.notice_totals().await
    {
        let rows: Vec<(String, u64)> =
            Stands::ALL.iter().map(|&state| (format!("{{state=\"{}\"}}", state.word()), totals.of(state))).collect();
        write("tidings_notices", "Mails to one person, by where they stand.", "gauge", &rows);
    }
    plain(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
}

fn plain(status: StatusCode, media_type: &'static str, text: String) -> Response {
    let mut response = (status, text).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
