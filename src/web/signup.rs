//! `subscribe/`: the form to sign up by, which may also stand on another site, and what it says afterwards.
//!
//! The answer is the same for every address, and comes after the same time: whoever fills in the form learns nothing of
//! others. What follows is told by a mail to the address itself.

use super::answer::{Answer, Refusal};
use super::form::Form;
use super::frame::{Client, RequestId};
use super::limits::Limits;
use super::pages::{Page, Problem};
use super::{Clock, People, Web};
use crate::delivery::recorder::patiently;
use crate::mail::address::Address;
use crate::store::notices::{self, Ask, Kind, Notices as _};
use crate::store::sqlite::Sqlite;
use crate::subscriber::address as read_address;
use crate::subscriber::choice::Choice;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::TimeDelta;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// When the answer to a form comes, whatever there was to do: longer than any of it takes.
const ANSWER_AFTER: Duration = Duration::from_millis(400);
/// How often is tidied up.
const TIDY: Duration = Duration::from_secs(3_600);
/// How long the content of a notice is kept.
const KEEP_NOTICES: TimeDelta = TimeDelta::days(90);
/// The same form twice is one.
const REPEAT_AFTER: TimeDelta = TimeDelta::minutes(5);

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
    let began = Instant::now();
    if let Err(wait) = limits.count(origin) {
        return Err(web.problem(Problem::TooMany(wait), None).into());
    }
    let (parts, body) = request.into_parts();
    let form = Form::read(&parts.headers, body).await.map_err(|problem| web.problem(problem, None))?;
    // Who fills in what nobody sees is a program; it is to believe that it was heard.
    if form.first("website").is_empty() {
        let offered = &web.config.signup.digests;
        let mut digests: Vec<&str> =
            form.all("digest").filter(|name| offered.iter().any(|known| known == name)).collect();
        if offered.len() == 1 {
            digests = offered.iter().map(String::as_str).collect();
        }
        let choice = web.choice_of(&form);
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
        ask(&web, &id, &address, &digests, choice).await?;
        web.counts.signed_up();
    }
    tokio::time::sleep_until((began + ANSWER_AFTER).into()).await;
    Ok(web.see("subscribe/sent/"))
}

async fn ask(web: &Web, id: &RequestId, address: &Address, digests: &[&str], choice: Choice) -> Result<(), Refusal> {
    let People { store, bell, .. } = web.people()?;
    let request = notices::Request {
        digests: digests.iter().map(|&name| name.to_owned()).collect(),
        choice: Some(choice),
        name: None,
    };
    let titles = web.titles(&request.digests);
    let title = heading(web, &titles);
    let button = web.language.web_text("signup", "button", &[]);
    // What they agreed to, in the words that they saw.
    let source =
        format!("form: {}", web.language.web_text("signup", "consent", &[("title", &title), ("button", &button)]));
    let (formerly, hashes) = (web.formerly(), web.people()?.hashes());
    let asked = Ask {
        address,
        request: &request,
        source: &source,
        now: web.now(),
        limits: limits(web),
        formerly: &formerly,
        hashes: &hashes,
    };
    let drafts = web.drafts(&[Kind::Confirm, Kind::Known], &request.digests, id)?;
    patiently!(store.ask(&asked, &|to| drafts.letter(to))).map_err(|err| web.broken(id, &err))?;
    bell.notify_one();
    Ok(())
}

/// How often one address is written to.
pub fn limits(web: &Web) -> notices::Limits {
    notices::Limits { per_address: web.config.signup.per_address, repeat_after: REPEAT_AFTER }
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

/// Forgets, once an hour, people who never confirmed, and what old notices said.
pub async fn tidy(store: Sqlite, within: Duration, clock: Clock) {
    let within = TimeDelta::from_std(within).unwrap_or(TimeDelta::days(3_650));
    loop {
        let now = clock();
        // What cannot be tidied up now can be in an hour.
        if let Err(err) = store.purge(now - within, now - KEEP_NOTICES, now).await {
            eprintln!("warning: cannot forget who never confirmed: {err}");
        }
        tokio::time::sleep(TIDY).await;
    }
}
