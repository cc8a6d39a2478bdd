//! Freezing: an issue is written into the store as it will be sent, with everybody who gets it, before the first mail.
//!
//! The content is what `tidings digest` shows; each further list of posts that somebody's choice leads to is composed once.
//! Subscribers are planned in chunks, so that memory does not grow with them. Nothing is seen of it before the last step.

use super::Context;
use super::issue::{self, Made};
use crate::config::Digest;
use crate::delivery::message::Head;
use crate::diagnostic::Diagnostic;
use crate::digest::choose::wanted;
use crate::digest::history::RecordState;
use crate::disk::worker;
use crate::store::StoreError;
use crate::store::issues::{Audience, Finished, Issues, Planned, Step, Variant};
use crate::subscriber::choice::Choice;
use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt::Write as _;

/// How long one step of freezing may take before others take the run for dead.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// So many subscribers in one commit.
const CHUNK: u32 = 10_000;

/// What happened.
pub enum Freezing {
    /// It stands, by this number.
    Done(i64),
    /// Another run is at it.
    Elsewhere,
    /// There is nobody to send it to, so it is not frozen.
    Nobody,
}

/// Why an issue was not frozen.
pub enum Failure {
    /// Something is wrong with what it is made of.
    Findings(Vec<Diagnostic>),
    /// The store did not do it.
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Store(error)
    }
}

/// The audience of a digest, as a store knows it.
pub fn audience(digest: &Digest) -> Audience {
    // People who signed up under a former name are still there.
    let own = digest.audience.digests.contains(&digest.name.value);
    let former = digest.formerly.iter().filter(|_| own);
    let digests = digest.audience.digests.iter().chain(former).cloned().collect();
    Audience { digests, addresses: digest.audience.addresses.clone() }
}

/// Freezes an issue that was made.
///
/// # Errors
///
/// [`Failure`]. Nothing is left of it then.
pub async fn freeze(
    context: &Context,
    store: &impl Issues,
    made: &Made,
    head: &Head,
    owner: &str,
    transport: &str,
) -> Result<Freezing, Failure> {
    let record = made.chosen.record(&made.digest, &made.site.collection, RecordState::Frozen);
    // A run that was killed on this machine is not waited for.
    let dead = worker::dead(&context.root.join(worker::FOLDER), &store.freezers().await?);
    let now = context.clock();
    store.take_over(&made.digest.name.value, &made.digest.formerly, now).await?;
    let Some(id) = store.begin_freezing(&record, owner, &dead, now, now + LEASE).await? else {
        return Ok(Freezing::Elsewhere);
    };
    let mut freezer = Freezer { context, store, made, owner, id, lists: HashMap::new() };
    let frozen = async {
        let first = freezer.first().await?;
        let Some(audience_hash) = freezer.plan().await? else { return Ok(Freezing::Nobody) };
        let content_hash = content_hash(&first);
        let approved = store.fact(&approval_name(&made.digest.name.value, &made.chosen.period.name)).await?;
        let needs_none = made.digest.approval == crate::config::Approval::None;
        let head = serde_json::to_string(head).expect("a head is plain text");
        let page = issue::page(made).map_err(Failure::Findings)?.expect("an issue without enough posts is not frozen");
        let view = serde_json::to_string(&page.view).expect("a view is plain text");
        let finished = Finished {
            issue: id,
            owner,
            record: &record,
            head: &head,
            page: &page.html,
            view: &view,
            content_hash: &content_hash,
            audience_hash: &audience_hash,
            transport,
            is_approved: needs_none || approved.as_deref() == Some(&content_hash),
        };
        store.finish_freezing(&finished, context.clock()).await?;
        Ok(Freezing::Done(id))
    };
    let frozen = frozen.await;
    if !matches!(frozen, Ok(Freezing::Done(_))) {
        // What cannot be taken away now is taken away by the next run.
        let _ = store.drop_freezing(id, owner).await;
    }
    frozen
}

/// The name of the fact that a period was approved with a content.
pub fn approval_name(digest: &str, period: &str) -> String {
    format!("approved {digest}/{period}")
}

/// The hash of an issue's content: of the variant that has every post.
pub fn content_hash(variant: &Variant) -> String {
    let mut hash = Sha256::new();
    for part in [&variant.subject, &variant.preheader, &variant.html, &variant.text] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// The variant that has every post of an issue, as `tidings digest` shows it.
pub fn whole(made: &Made) -> Option<Variant> {
    made.mail.as_ref().map(|mail| variant(made, 0, mail, &made.chosen.articles))
}

fn variant(made: &Made, number: i64, mail: &issue::Mail, articles: &[usize]) -> Variant {
    let rendered = &mail.rendered;
    Variant {
        number,
        subject: rendered.subject.to_string(),
        preheader: rendered.preheader.to_string(),
        html: rendered.html.clone(),
        text: rendered.text.clone(),
        entries: articles.iter().map(|&i| made.site.collection.articles[i].id.to_string()).collect(),
    }
}

struct Freezer<'a, S> {
    context: &'a Context,
    store: &'a S,
    made: &'a Made,
    owner: &'a str,
    id: i64,
    /// The variants that there are, by their posts.
    lists: HashMap<Vec<usize>, i64>,
}

impl<S: Issues> Freezer<'_, S> {
    async fn first(&mut self) -> Result<Variant, Failure> {
        let first = whole(self.made).expect("an issue without enough posts is not frozen");
        self.lists.insert(self.made.chosen.articles.clone(), 0);
        self.store.add_variants(self.id, self.owner, std::slice::from_ref(&first), &[(String::new(), Some(0))]).await?;
        Ok(first)
    }

    /// Plans everybody. Returns the hash of who gets what; none where there is nobody.
    async fn plan(&mut self) -> Result<Option<String>, Failure> {
        let audience = audience(&self.made.digest);
        let mut hash = Sha256::new();
        let (mut after, mut is_for_nobody) = (0, true);
        loop {
            let now = self.context.clock();
            let (issue, owner) = (self.id, self.owner);
            let step = Step { issue, owner, after, limit: CHUNK, now, until: now + LEASE };
            match self.store.plan(step, &audience).await? {
                Planned::Unknown(choices) => self.compose(&choices).await?,
                Planned::Some { rows, last } => {
                    is_for_nobody &= rows.is_empty();
                    for (subscriber, variant) in rows {
                        hash.update(subscriber.to_be_bytes());
                        hash.update(variant.unwrap_or(-1).to_be_bytes());
                    }
                    after = last;
                }
                Planned::All => return Ok((!is_for_nobody).then(|| hex(&hash.finalize()))),
            }
        }
    }

    /// Composes the issue for choices that nobody had before.
    async fn compose(&mut self, choices: &[String]) -> Result<(), Failure> {
        let made = self.made;
        let (mut variants, mut ways) = (Vec::new(), Vec::with_capacity(choices.len()));
        for text in choices {
            // One that cannot be read was written by a later version: better everything than nothing.
            let choice: Choice = text.parse().unwrap_or_default();
            let articles = wanted(&choice, &made.site.collection, &made.chosen.articles);
            let number = match (articles.is_empty(), self.lists.get(&articles)) {
                (true, _) => None,
                (false, Some(&number)) => Some(number),
                (false, None) => {
                    let number = i64::try_from(self.lists.len()).expect("there are fewer lists than that");
                    let mail = issue::for_some(made, &articles).map_err(Failure::Findings)?;
                    variants.push(variant(made, number, &mail, &articles));
                    self.lists.insert(articles, number);
                    Some(number)
                }
            };
            ways.push((text.clone(), number));
        }
        Ok(self.store.add_variants(self.id, self.owner, &variants, &ways).await?)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes whatever is written");
        text
    })
}
