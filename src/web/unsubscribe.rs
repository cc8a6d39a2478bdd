//! `unsubscribe/TOKEN`: the way out that every issue has. The page asks, since programs open links, too; the POST acts at
//! once, whether a person pressed the button or a mail program did it for them (RFC 8058).

use super::Web;
use super::answer::{Answer, Refusal, TokenText};
use super::form::Form;
use super::frame::RequestId;
use super::pages::{Page, Problem};
use crate::delivery::recorder::patiently;
use crate::mail::address::masked;
use crate::store::issues::Issues as _;
use crate::store::leaving::leave as leave_by;
use crate::subscriber::token::{Purpose, Token};
use crate::subscriber::{State as Stands, Subscriber};
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;

/// The page with the button.
pub async fn show(
    State(web): State<Arc<Web>>,
    TokenText(text): TokenText,
    Extension(id): Extension<RequestId>,
) -> Answer {
    let token = web.token(&text, &[Purpose::Unsubscribe])?;
    let Some(person) = web.bearer(&token, &id).await? else { return Ok(web.erased()) };
    let digest = digest(&web, &token, &id).await?;
    if digest.as_ref().is_some_and(|name| has_left(&web, &person, name)) {
        return Ok(gone(&web, &person, digest.as_deref(), &text));
    }
    let title = match &digest {
        Some(name) => web.title(name),
        None => web.config.site.title.to_string(),
    };
    let others =
        person.digests(Stands::Active).filter(|name| Some(web.title(name)) != digest.as_ref().map(|d| web.title(d)));
    Ok(web.page(&Page {
        template: "unsubscribe",
        parts: vec!["unsubscribe"],
        values: &[("digest", &title), ("address", &masked(&person.mailbox))],
        own: json!({
            "action_url": web.own(&format!("unsubscribe/{text}")),
            "preferences_url": web.own(&format!("preferences/{text}")),
            "signup_url": web.own("subscribe/"),
            "has_others": digest.is_some() && others.count() > 0,
        }),
    }))
}

/// The button, and one click in a mail program.
pub async fn leave(
    State(web): State<Arc<Web>>,
    TokenText(text): TokenText,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Answer {
    let token = web.token(&text, &[Purpose::Unsubscribe])?;
    let (parts, body) = request.into_parts();
    let form = Form::read_any(&parts.headers, body).await.map_err(|problem| web.problem(problem, None))?;
    let is_one_click = form.first("List-Unsubscribe") == "One-Click";
    // Mail programs in a browser do it for people, from wherever they are: one click is not asked where it comes from.
    if !is_one_click && web.is_foreign(&parts.headers) {
        return Err(web.problem(Problem::Foreign, None).into());
    }
    let is_all = form.first("all") == "yes";
    let source = web.source(if is_one_click { "one_click" } else { "unsubscribe" });
    let digest = if is_all { None } else { digest(&web, &token, &id).await? };
    let store = &web.people()?.store;
    let meant = (token.subscriber, if is_all { 0 } else { token.issue });
    let left = patiently!(leave_by(store, &web.config, meant, &source, web.now()));
    let Some(left) = left.map_err(|err| web.broken(&id, &err))? else { return Ok(web.erased()) };
    web.counts.left();
    Ok(gone(&web, &left.subscriber, digest.as_deref(), &text))
}

/// The digest of the issue that a token stands in; none where it is that of nobody's issue.
async fn digest(web: &Web, token: &Token, id: &RequestId) -> Result<Option<String>, Refusal> {
    if token.issue == 0 {
        return Ok(None);
    }
    let name = web.people()?.store.name(token.issue.into()).await.map_err(|err| web.broken(id, &err))?;
    // One that the settings do not know any more ends everything, as `leave` has it.
    let is_known = |name: &String| web.config.digests.values().any(|digest| digest.names().any(|known| known == name));
    Ok(name.map(|(digest, _)| digest).filter(is_known))
}

/// Whether somebody has left a digest, by whatever name.
fn has_left(web: &Web, person: &Subscriber, name: &str) -> bool {
    let digest = web.config.digests.values().find(|digest| digest.names().any(|known| known == name));
    digest.is_some_and(|digest| person.state(digest.names()) == Some(Stands::Ended))
}

fn gone(web: &Web, person: &Subscriber, digest: Option<&str>, text: &str) -> Response {
    let address = masked(&person.mailbox);
    let back = web.own(&format!("preferences/{text}"));
    match digest {
        Some(name) => web.message("left", &[("digest", &web.title(name)), ("address", &address)], Some(&back)),
        None => web.message("left_all", &[("address", &address)], Some(&back)),
    }
}
