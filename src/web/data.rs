//! `data/TOKEN`: everything that is kept of somebody, and the button to have it erased. The token stands only in a mail that
//! its owner asked for a moment ago: what is in every issue may have been forwarded.

use super::Web;
use super::answer::{Answer, TokenText};
use super::form::Form;
use super::frame::RequestId;
use super::pages::{Page, Problem};
use crate::delivery::recorder::patiently;
use crate::store::notices::Notices as _;
use crate::store::postbox::{Postbox as _, Which};
use crate::store::sqlite::Sqlite;
use crate::store::subscribers::{Portrait, Subscribers as _};
use crate::subscriber::token::Purpose;
use axum::Extension;
use axum::extract::{Request, State};
use chrono::{DateTime, Utc};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// The most notices that are shown.
const MOST: u32 = 1_000;

/// The page.
pub async fn show(
    State(web): State<Arc<Web>>,
    TokenText(text): TokenText,
    Extension(id): Extension<RequestId>,
) -> Answer {
    let token = web.token(&text, &[Purpose::Data])?;
    let store = &web.people()?.store;
    let portrait = store.portrait_of(token.subscriber).await.map_err(|err| web.broken(&id, &err))?;
    let Some(portrait) = portrait else { return Ok(web.erased()) };
    let which = Which { address: Some(portrait.subscriber.address.clone()), limit: MOST, ..Which::default() };
    let notices = store.notices(&which).await.map_err(|err| web.broken(&id, &err))?;
    let said = |part: &str, key: &str| web.language.web_text(part, key, &[]);
    let mut mails: Vec<(DateTime<Utc>, String, String)> = Vec::new();
    for one in &portrait.deliveries {
        mails.push((
            one.updated_at,
            format!("{}, {}", web.title(&one.digest), one.period),
            said("deliveries", &one.state),
        ));
    }
    for one in &notices {
        mails.push((one.updated_at, said("deliveries", "notice"), said("deliveries", one.state.word())));
    }
    mails.sort_by(|a, b| b.cmp(a));
    let mails: Vec<_> = mails
        .into_iter()
        .map(|(at, title, state)| json!({ "at": moment(&web, at), "title": title, "state": state }))
        .collect();
    let choice = web.choice_in_words(&portrait.subscriber.choice).await;
    let mut own = of(&web, &portrait, &choice);
    if let Some(own) = own.as_object_mut() {
        own.insert("mails".to_owned(), json!(mails));
        own.insert("action_url".to_owned(), json!(web.own(&format!("data/{text}"))));
    }
    Ok(web.page(&Page { template: "data", parts: vec!["data"], values: &[], own }))
}

/// The button.
pub async fn erase(
    State(web): State<Arc<Web>>,
    TokenText(text): TokenText,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Answer {
    let (parts, body) = request.into_parts();
    if web.is_foreign(&parts.headers) {
        return Err(web.problem(Problem::Foreign, None).into());
    }
    let token = web.token(&text, &[Purpose::Data])?;
    let form = Form::read(&parts.headers, body).await.map_err(|problem| web.problem(problem, None))?;
    if form.first("erase") != "yes" {
        return Err(web.problem(Problem::Wrong, None).into());
    }
    let Some(person) = web.bearer(&token, &id).await? else { return Ok(web.erased()) };
    let Ok(address) = person.mailbox.parse() else { return Err(web.problem(Problem::Broken, Some(&id)).into()) };
    let people = web.people()?;
    let hashes = people.hashes();
    let erased = patiently!(people.store.erase(&address, &hashes, &web.source("data"), web.now()));
    let erased = erased.map_err(|err| web.broken(&id, &err))?;
    if erased.is_some_and(|erased| !erased.is_clean) {
        clear_soon(people.store.clone());
    }
    web.counts.left();
    Ok(web.erased())
}

/// Clears what is left in the store's files of somebody who was erased while others were reading; what cannot be cleared
/// now is, within the hour.
fn clear_soon(store: Sqlite) {
    tokio::spawn(async move {
        for pause in [1, 5, 30, 120] {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            if store.tidy().await.is_ok_and(|is_clean| is_clean) {
                return;
            }
        }
    });
}

fn of(web: &Web, portrait: &Portrait, choice: &str) -> serde_json::Value {
    let said = |part: &str, key: &str| web.language.web_text(part, key, &[]);
    let person = &portrait.subscriber;
    let subscriptions: Vec<_> = person
        .subscriptions
        .iter()
        .map(|one| {
            let (title, state) = (web.title(&one.digest), said("states", one.state.word()));
            json!({ "title": title, "state": state, "since": moment(web, one.changed_at) })
        })
        .collect();
    let consent: Vec<_> = portrait
        .consent
        .iter()
        .map(|one| {
            json!({
                "title": one.digest.as_ref().map(|name| web.title(name)),
                "event": said("events", one.event.word()),
                "source": one.source,
                "at": moment(web, one.at),
            })
        })
        .collect();
    json!({
        "person": {
            "address": person.mailbox,
            "name": person.name,
            "since": moment(web, person.added_at),
            "choice": choice,
            "paused": person.paused_until.filter(|until| *until > web.now()).map(|until| moment(web, until)),
            "suppressed": person.suppressed.map(|reason| said("reasons", reason.word())),
        },
        "subscriptions": subscriptions,
        "consent": consent,
    })
}

fn moment(web: &Web, at: DateTime<Utc>) -> String {
    web.language.moment(at.with_timezone(&web.config.site.timezone))
}
