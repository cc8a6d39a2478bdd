//! `preferences/`: what somebody gets. By the token of any mail it can be changed; what is kept of somebody is shown only by
//! a link that was mailed to them, since a mail may have been forwarded.

use super::Web;
use super::answer::{Answer, TokenText};
use super::form::Form;
use super::frame::{Client, RequestId};
use super::limits::Limits;
use super::mailed::unhurried;
use super::pages::{Page, Problem};
use crate::delivery::recorder::patiently;
use crate::mail::address::masked;
use crate::store::notices::{Notices as _, Request, Wish};
use crate::subscriber::token::{Purpose, Token};
use crate::subscriber::{Reason, State as Stands, Subscriber, address as read_address};
use axum::Extension;
use axum::extract::{RawQuery, Request as HttpRequest, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// For how many weeks one may pause.
const PAUSES: [i64; 3] = [2, 4, 8];
/// The tokens that open the page.
const OPENS: [Purpose; 3] = [Purpose::Unsubscribe, Purpose::Preferences, Purpose::Data];

/// Asks for an address.
pub async fn ask(State(web): State<Arc<Web>>) -> Response {
    asking(&web, StatusCode::OK, "", "")
}

/// Somebody has left out the last `/`.
pub async fn with_slash(State(web): State<Arc<Web>>) -> Response {
    web.see("preferences/")
}

/// What it says when it was sent, to everybody.
pub async fn asked(State(web): State<Arc<Web>>) -> Response {
    web.message("asked", &[], Some(&web.own("preferences/")))
}

/// Mails a link to an address, if it is known.
pub async fn mail_link(
    State(web): State<Arc<Web>>,
    Extension(limits): Extension<Arc<Limits>>,
    Extension(id): Extension<RequestId>,
    Extension(Client(origin)): Extension<Client>,
    request: HttpRequest,
) -> Answer {
    if let Err(wait) = limits.count(origin) {
        return Err(web.problem(Problem::TooMany(wait), None).into());
    }
    let (parts, body) = request.into_parts();
    if web.is_foreign(&parts.headers) {
        return Err(web.problem(Problem::Foreign, None).into());
    }
    let form = Form::read(&parts.headers, body).await.map_err(|problem| web.problem(problem, None))?;
    let read_at = Instant::now();
    let given = form.first("address");
    let Ok((address, _)) = read_address(given) else {
        return Err(asking(&web, StatusCode::UNPROCESSABLE_ENTITY, given, "address").into());
    };
    web.mail_link(&id, &address).await?;
    unhurried(read_at).await;
    Ok(web.see("preferences/sent/"))
}

/// What somebody gets, to be changed.
pub async fn show(
    State(web): State<Arc<Web>>,
    TokenText(text): TokenText,
    RawQuery(query): RawQuery,
    Extension(id): Extension<RequestId>,
) -> Answer {
    let token = web.token(&text, &OPENS)?;
    let Some(person) = web.bearer(&token, &id).await? else { return Ok(web.erased()) };
    Ok(shown(&web, &person, &token, &text, query.as_deref().unwrap_or_default()).await)
}

/// Changes what somebody gets, or mails them the link to their data.
pub async fn change(
    State(web): State<Arc<Web>>,
    TokenText(text): TokenText,
    Extension(id): Extension<RequestId>,
    request: HttpRequest,
) -> Answer {
    let (parts, body) = request.into_parts();
    if web.is_foreign(&parts.headers) {
        return Err(web.problem(Problem::Foreign, None).into());
    }
    let token = web.token(&text, &OPENS)?;
    let form = Form::read(&parts.headers, body).await.map_err(|problem| web.problem(problem, None))?;
    let Some(person) = web.bearer(&token, &id).await? else { return Ok(web.erased()) };
    if form.first("link") == "yes" {
        if let Ok(address) = person.mailbox.parse() {
            web.mail_link(&id, &address).await?;
        }
        return Ok(web.see("preferences/sent/"));
    }
    let offered = offered(&web, &person);
    let is_active = |name: &String| state(&web, &person, name) == Some(Stands::Active);
    let ticked = form.all("digest").filter(|name| offered.iter().any(|o| o == name)).map(String::from);
    // What stands in an issue may have been forwarded: it ends and narrows, but somebody else must not be able to sign its
    // owner up again. What is new is asked by a mail to the address.
    let (ticked, new): (Vec<String>, Vec<String>) =
        ticked.partition(|name| token.purpose == Purpose::Data || is_active(name));
    let now = web.now();
    let paused_until = match form.first("pause") {
        "keep" => person.paused_until.filter(|until| *until > now),
        weeks => weeks.parse().ok().filter(|weeks| PAUSES.contains(weeks)).map(|weeks| now + TimeDelta::weeks(weeks)),
    };
    let (choice, formerly) = (web.choice_of(&form, &person.choice).await, web.formerly());
    let wish = Wish {
        subscriber: person.id,
        offered: &offered,
        ticked: &ticked,
        choice: &choice,
        paused_until,
        source: &web.source("preferences"),
        now,
        formerly: &formerly,
    };
    let granted = patiently!(web.people()?.store.set_preferences(&wish)).map_err(|err| web.broken(&id, &err))?;
    if granted.is_none() {
        return Ok(web.erased());
    }
    match person.mailbox.parse() {
        Ok(address) if !new.is_empty() => {
            let request = Request { digests: new, choice: None, name: None };
            web.ask(&id, &address, &request, &web.source("preferences")).await?;
            Ok(web.see(&format!("preferences/{text}?asked")))
        }
        _ => Ok(web.see(&format!("preferences/{text}?saved"))),
    }
}

/// How a subscription to a digest stands, by any name that it has had.
fn state(web: &Web, person: &Subscriber, name: &str) -> Option<Stands> {
    web.config.digests.get(name).and_then(|digest| person.state(digest.names()))
}

/// The digests that are offered, and those that somebody has without their being offered.
fn offered(web: &Web, person: &Subscriber) -> Vec<String> {
    let mut offered = web.config.signup.digests.clone();
    for (name, digest) in &web.config.digests {
        if !offered.contains(name) && person.state(digest.names()).is_some() {
            offered.push(name.clone());
        }
    }
    offered
}

async fn shown(web: &Web, person: &Subscriber, token: &Token, text: &str, done: &str) -> Response {
    let now = web.now();
    let offered = offered(web, person);
    let is_active = |name: &&String| state(web, person, name) == Some(Stands::Active);
    let ticked: Vec<&str> = offered.iter().filter(is_active).map(String::as_str).collect();
    let is_pending =
        !person.subscriptions.is_empty() && person.subscriptions.iter().all(|one| one.state == Stands::Pending);
    let paused_until = person.paused_until.filter(|until| *until > now);
    let mut own = web.choices(&offered, &ticked, &person.choice).await;
    if let Some(own) = own.as_object_mut() {
        let is_by_mail = token.purpose == Purpose::Data;
        own.extend([
            ("action_url".to_owned(), json!(web.own(&format!("preferences/{text}")))),
            ("data_url".to_owned(), json!(is_by_mail.then(|| web.own(&format!("data/{text}"))))),
            ("signup_url".to_owned(), json!(web.own("subscribe/"))),
            ("is_saved".to_owned(), json!(done == "saved")),
            ("is_asked".to_owned(), json!(done == "asked")),
            ("blocked".to_owned(), json!(person.suppressed.map(|reason| blocked(web, reason)))),
            ("is_pending".to_owned(), json!(is_pending)),
            // Who gets one digest must be able to leave it here, too.
            ("shows_digests".to_owned(), json!(true)),
            ("error".to_owned(), json!("")),
            ("paused_until".to_owned(), json!(paused_until.map(|until| on_day(web, "paused_until", until)))),
            ("pauses".to_owned(), pauses(web, paused_until)),
        ]);
    }
    web.page(&Page {
        template: "preferences",
        parts: vec!["choices", "preferences"],
        values: &[("address", &masked(&person.mailbox))],
        own,
    })
}

/// Why no mail is sent to somebody.
fn blocked(web: &Web, reason: Reason) -> String {
    let reason = web.language.web_text("reasons", reason.word(), &[]);
    web.language.web_text("preferences", "blocked", &[("reason", &reason)])
}

/// The ways to pause, the one that holds chosen.
fn pauses(web: &Web, paused_until: Option<DateTime<Utc>>) -> Value {
    let none = json!({
        "value": "0",
        "text": web.language.web_text("preferences", "no_pause", &[]),
        "is_chosen": paused_until.is_none(),
    });
    let keep = paused_until
        .map(|until| json!({ "value": "keep", "text": on_day(web, "keep_pause", until), "is_chosen": true }));
    let weeks = PAUSES.iter().map(|weeks| {
        let text = web.language.web_text("preferences", "weeks", &[("n", &weeks.to_string())]);
        json!({ "value": weeks.to_string(), "text": text, "is_chosen": false })
    });
    std::iter::once(none).chain(keep).chain(weeks).collect()
}

fn on_day(web: &Web, key: &str, at: DateTime<Utc>) -> String {
    let day = web.language.day(at.with_timezone(&web.config.site.timezone).date_naive());
    web.language.web_text("preferences", key, &[("date", &day)])
}

fn asking(web: &Web, status: StatusCode, address: &str, error: &str) -> Response {
    let own = json!({ "action_url": web.own("preferences/"), "address": address, "error": error });
    web.page_with(status, &Page { template: "ask", parts: vec!["ask"], values: &[], own })
}
