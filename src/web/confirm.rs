//! `confirm/TOKEN`: the yes to a sign-up. Opening the page changes nothing, so that no program that looks into mails says yes.

use super::answer::{Answer, Refusal};
use super::frame::RequestId;
use super::pages::{Page, Problem};
use super::{People, Web};
use crate::delivery::recorder::patiently;
use crate::mail::address::masked;
use crate::store::notices::{Addressee, Compose, Confirmed, Kind, Notices as _, Question, Yes};
use crate::subscriber::token::{Purpose, Token};
use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;

/// How we know, for the trail of consent.
const SOURCE: &str = "button behind the link in the mail that asked for it";

/// The page with the button.
pub async fn show(
    State(web): State<Arc<Web>>,
    Path(text): Path<String>,
    Extension(id): Extension<RequestId>,
) -> Answer {
    let (token, question) = asked(&web, &text, &id).await?;
    if question.is_settled {
        return Ok(done(&web, &question));
    }
    let Some(person) = web.bearer(&token, &id).await? else { return Ok(web.erased()) };
    let request = &question.request;
    let digests: Vec<_> = web.titles(&request.digests).into_iter().map(|title| json!({ "title": title })).collect();
    let choice = match &request.choice {
        Some(choice) => web.choice_in_words(choice).await,
        None => String::new(),
    };
    Ok(web.page(&Page {
        template: "confirm",
        parts: vec!["confirm"],
        values: &[],
        own: json!({
            "digests": digests,
            "choice": choice,
            "masked": masked(&person.mailbox),
            "action_url": web.own(&format!("confirm/{text}")),
        }),
    }))
}

/// The yes.
pub async fn confirm(
    State(web): State<Arc<Web>>,
    Path(text): Path<String>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Answer {
    if web.is_foreign(request.headers()) {
        return Err(web.problem(Problem::Foreign, None).into());
    }
    let (token, question) = asked(&web, &text, &id).await?;
    let People { store, bell, .. } = web.people()?;
    let (formerly, hashes) = (web.formerly(), web.people()?.hashes());
    let yes = Yes {
        notice: token.issue,
        subscriber: token.subscriber,
        source: SOURCE,
        now: web.now(),
        formerly: &formerly,
        hashes: &hashes,
    };
    let drafts = web.drafts(&[Kind::Welcome], &question.request.digests, &id)?;
    let compose = |to: &Addressee| drafts.letter(to);
    let welcome = web.config.signup.welcome.then_some(&compose as Compose<'_>);
    let confirmed = patiently!(store.confirm(&yes, welcome)).map_err(|err| web.broken(&id, &err))?;
    match confirmed {
        Confirmed::Done { .. } => {
            web.counts.confirmed();
            bell.notify_one();
            Ok(done(&web, &question))
        }
        Confirmed::Already => Ok(done(&web, &question)),
        Confirmed::Gone => Err(web.problem(Problem::NotValid, None).into()),
    }
}

/// What a token asks.
async fn asked(web: &Web, text: &str, id: &RequestId) -> Result<(Token, Question), Refusal> {
    let token = web.token(text, &[Purpose::Confirm])?;
    let question = web.people()?.store.question(token.issue, token.subscriber).await;
    let question = question.map_err(|err| web.broken(id, &err))?;
    Ok((token, question.ok_or_else(|| web.problem(Problem::NotValid, None))?))
}

fn done(web: &Web, question: &Question) -> Response {
    let digests = web.titles(&question.request.digests);
    web.page(&Page {
        template: "message",
        parts: vec!["confirmed"],
        values: &[],
        own: json!({
            "digests": digests.iter().map(|title| json!({ "title": title })).collect::<Vec<_>>(),
            "link_url": web.own("preferences/"),
        }),
    })
}
