//! What the handlers of forms have in common: a token that is looked at, a store that is asked patiently, an address that is
//! read.

use super::frame::RequestId;
use super::pages::Problem;
use super::{People, Web};
use crate::delivery::notice::Drafts;
use crate::store::notices::Kind;
use crate::subscriber::Subscriber;
use crate::subscriber::token::{Purpose, Token};
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// A page, or why there is none; both are answers.
pub type Answer = Result<Response, Refusal>;

/// Why there is none, as the page that says so. On the heap, since most answers are no refusals.
#[derive(Debug)]
pub struct Refusal(Box<Response>);

impl From<Response> for Refusal {
    fn from(response: Response) -> Refusal {
        Refusal(Box::new(response))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// The token in the path of a page, as it stands there.
pub struct TokenText(pub String);

impl FromRequestParts<Arc<Web>> for TokenText {
    type Rejection = Response;

    /// What cannot even be read is answered as any token that opens nothing.
    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<TokenText, Response> {
        let text = Path::<String>::from_request_parts(parts, web).await;
        text.map(|Path(text)| TokenText(text)).map_err(|_| web.problem(Problem::NotValid, None))
    }
}

impl Web {
    /// What the pages for subscribers need. They have routes only where it is there.
    pub fn people(&self) -> Result<&People, Refusal> {
        self.people.as_ref().ok_or_else(|| self.problem(Problem::NotFound, None).into())
    }

    /// What a token says. The answer to one that opens nothing is always the same.
    pub fn token(&self, text: &str, purposes: &[Purpose]) -> Result<Token, Refusal> {
        let keys = &self.people()?.keys;
        Token::verify(keys, purposes, text, self.now()).map_err(|_| self.problem(Problem::NotValid, None).into())
    }

    /// Whose a token is; none where they were erased.
    pub async fn bearer(&self, token: &Token, id: &RequestId) -> Result<Option<Subscriber>, Refusal> {
        use crate::store::subscribers::Subscribers as _;
        let store = &self.people()?.store;
        Ok(store.by_id(token.subscriber).await.map_err(|err| self.broken(id, &err))?)
    }

    /// Mails to one person about some digests, all but the personal places.
    pub fn drafts(&self, kinds: &[Kind], digests: &[String], id: &RequestId) -> Result<Drafts, Refusal> {
        let drafts = self.people()?.letters.drafts(kinds, digests, self.now());
        drafts.map_err(|finding| {
            eprintln!("{}", finding.render(None));
            self.problem(Problem::Broken, Some(id)).into()
        })
    }

    /// How we know of what somebody does here, for the trail of consent, which they can read.
    pub fn source(&self, way: &str) -> String {
        self.language.web_text("sources", way, &[])
    }

    /// Nothing of the person is kept any more: what there is to say to an old link.
    pub fn erased(&self) -> Response {
        self.message("erased", &[], None)
    }

    /// The titles of digests, each once, as a list in words.
    pub fn titles(&self, digests: &[String]) -> Vec<String> {
        let mut titles: Vec<String> = Vec::new();
        for title in digests.iter().map(|name| self.title(name)) {
            if !titles.contains(&title) {
                titles.push(title);
            }
        }
        titles
    }
}
