//! `subscribe/`: the form to sign up by, which may also stand on another site, and what it says afterwards.
//!
//! The answer is the same for every address, and comes after the same time: whoever fills in the form learns nothing of
//! others. What follows is told by a mail to the address itself.

use super::Web;
use super::answer::Answer;
use super::form::Form;
use super::frame::{Client, RequestId};
use super::limits::Limits;
use super::mailed::unhurried;
use super::pages::{Page, Problem};
use crate::store::notices;
use crate::subscriber::address as read_address;
use crate::subscriber::choice::Choice;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

/// What was filled in, to be shown again.
#[derive(Default)]
struct Filled<'a> {
    address: &'a str,
    digests: Vec<&'a str>,
    choice: Choice,
    error: &'static str,
}

/// The form.
pub async fn form(State(web): State<Arc<Web>>) -> Response {
    let digests = web.config.signup.digests.iter().map(String::as_str).collect();
    filled(&web, StatusCode::OK, &Filled { digests, ..Filled::default() }).await
}

/// Somebody has left out the last `/`.
pub async fn with_slash(State(web): State<Arc<Web>>) -> Response {
    web.see("subscribe/")
}

/// What it says when it was sent, to everybody.
pub async fn sent(State(web): State<Arc<Web>>) -> Response {
    web.message("sent", &[], Some(&web.own("subscribe/")))
}

/// The form, filled in.
pub async fn sign_up(
    State(web): State<Arc<Web>>,
    Extension(limits): Extension<Arc<Limits>>,
    Extension(id): Extension<RequestId>,
    Extension(Client(origin)): Extension<Client>,
    request: Request,
) -> Answer {
    if let Err(wait) = limits.count(origin) {
        return Err(web.problem(Problem::TooMany(wait), None).into());
    }
    let (parts, body) = request.into_parts();
    let form = Form::read(&parts.headers, body).await.map_err(|problem| web.problem(problem, None))?;
    let read_at = Instant::now();
    // Who fills in what nobody sees is a program; it is to believe that it was heard.
    if form.first("website").is_empty() {
        let offered = &web.config.signup.digests;
        let mut digests: Vec<&str> =
            form.all("digest").filter(|name| offered.iter().any(|known| known == name)).collect();
        if offered.len() == 1 {
            digests = offered.iter().map(String::as_str).collect();
        }
        let choice = web.choice_of(&form, &Choice::default()).await;
        let address = form.first("address");
        let read = read_address(address).map(|(address, _)| address);
        let error = match &read {
            Err(_) => "address",
            Ok(_) if digests.is_empty() => "digest",
            Ok(_) => "",
        };
        let Some(address) = read.ok().filter(|_| error.is_empty()) else {
            let again = Filled { address, digests, choice, error };
            return Err(filled(&web, StatusCode::UNPROCESSABLE_ENTITY, &again).await.into());
        };
        let digests: Vec<String> = digests.into_iter().map(String::from).collect();
        let request = notices::Request { digests, choice: Some(choice), name: None };
        web.ask(&id, &address, &request, &agreed(&web)).await?;
        web.counts.signed_up();
    }
    unhurried(read_at).await;
    Ok(web.see("subscribe/sent/"))
}

/// What somebody agrees to who sends the form, in the words that they see: for the trail of consent.
fn agreed(web: &Web) -> String {
    let button = web.language.web_text("signup", "button", &[]);
    let title = heading(web, &web.titles(&web.config.signup.digests));
    format!("form: {}", web.language.web_text("signup", "consent", &[("title", &title), ("button", &button)]))
}

async fn filled(web: &Web, status: StatusCode, filled: &Filled<'_>) -> Response {
    let titles = web.titles(&web.config.signup.digests);
    let mut own = web.choices(&web.config.signup.digests, &filled.digests, &filled.choice).await;
    if let Some(own) = own.as_object_mut() {
        own.extend([
            ("action_url".to_owned(), json!(web.own("subscribe/"))),
            ("preferences_url".to_owned(), json!(web.own("preferences/"))),
            ("privacy_url".to_owned(), json!(web.config.signup.privacy_url.as_ref().map(url::Url::as_str))),
            ("address".to_owned(), json!(filled.address)),
            ("error".to_owned(), json!(filled.error)),
        ]);
    }
    let names = named(web, &titles);
    let page = Page { template: "signup", parts: vec!["choices", "signup"], values: &[("digests", &names)], own };
    web.page_with(status, &page)
}

/// What stands above the form.
fn heading(web: &Web, titles: &[String]) -> String {
    web.language.web_text("signup", "title", &[("digests", &named(web, titles))])
}

/// What there is to sign up to: digests by name where they are few, else the site.
fn named(web: &Web, titles: &[String]) -> String {
    match titles {
        [one] => one.clone(),
        _ => web.config.site.title.to_string(),
    }
}
