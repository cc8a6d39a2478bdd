//! What the handlers of forms have in common: a token that is looked at, a store that is asked patiently, an address that is
//! read.

use super::frame::RequestId;
use super::pages::Problem;
use super::{People, Web};
use crate::delivery::notice::Drafts;
use crate::store::notices::Kind;
use crate::subscriber::Subscriber;
use crate::subscriber::token::{Purpose, Token};
use axum::response::{IntoResponse, Response};

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

    /// Nothing of the person is kept any more: what there is to say to an old link.
    pub fn erased(&self) -> Response {
        self.message("erased", &[], None)
    }

    /// The titles of digests, each once, as a list in words.
    pub fn titles(&self, digests: &[String]) -> Vec<String> {
        let mut titles: Vec<String> = digests.iter().map(|name| self.title(name)).collect();
        titles.dedup();
        titles
    }
}
