//! `confirm/TOKEN`: the yes to a sign-up. Opening the page changes nothing, so that no program that looks into mails says yes.

use super::answer::{Answer, Refusal, TokenText};
use super::frame::RequestId;
use super::pages::{Page, Problem};
use super::{People, Web};
use crate::delivery::recorder::patiently;
use crate::mail::address::masked;
use crate::store::notices::{Addressee, Compose, Confirmed, Kind, Notices as _, Question, Yes};
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
    let (token, question) = asked(&web, &text, &id).await?;
    let Some(person) = web.bearer(&token, &id).await? else { return Ok(web.erased()) };
    if question.is_settled {
        return Ok(before(&web, &question, &person));
    }
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
    TokenText(text): TokenText,
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
        source: &web.source("confirm"),
        now: web.now(),
        formerly: &formerly,
        hashes: &hashes,
    };
    let kinds: &[Kind] = if web.config.signup.welcome { &[Kind::Welcome] } else { &[] };
    let drafts = web.drafts(kinds, &question.request.digests, &id)?;
    let compose = |to: &Addressee| drafts.letter(to);
    let welcome = web.config.signup.welcome.then_some(&compose as Compose<'_>);
    let confirmed = patiently!(store.confirm(&yes, welcome)).map_err(|err| web.broken(&id, &err))?;
    match confirmed {
        Confirmed::Done { .. } => {
            web.counts.confirmed();
            bell.notify_one();
            Ok(done(&web, &question))
        }
        Confirmed::Already => match web.bearer(&token, &id).await? {
            Some(person) => Ok(before(&web, &question, &person)),
            None => Ok(web.erased()),
        },
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

/// What there is to say of a yes that was said before: somebody may have left since.
fn before(web: &Web, question: &Question, person: &Subscriber) -> Response {
    let digest = |name: &String| web.config.digests.get(name);
    let stands = |name: &String| digest(name).and_then(|digest| person.state(digest.names()));
    match question.request.digests.iter().any(|name| stands(name) == Some(Stands::Active)) {
        true => done(web, question),
        false => web.message("settled", &[], Some(&web.own("subscribe/"))),
    }
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
