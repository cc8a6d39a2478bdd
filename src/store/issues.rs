//! Issues as they were frozen: what is sent, and to whom.
//!
//! An issue is frozen once. While that goes on nobody sees it; the last step makes it visible as a whole. A run that is
//! killed on the way leaves nothing that counts: the next one begins again.

use super::StoreError;
use crate::digest::history::Record;
use crate::schedule::Period;
use chrono::{DateTime, Utc};
use std::future::Future;

/// An issue that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Its number.
    pub id: i64,
    /// The digest, by the name that it had.
    pub digest: String,
    /// The period.
    pub period: Period,
    /// What all its mails have in common, as JSON.
    pub head: String,
    /// The hash of the variant that has every post: what somebody approves.
    pub content_hash: String,
    /// The hash of who gets what.
    pub audience_hash: String,
    /// What it goes out over: `smtp`, `sendmail` or `outbox`.
    pub transport: String,
    /// When it was frozen.
    pub frozen_at: DateTime<Utc>,
    /// How many subscribers were looked at.
    pub candidates: u64,
    /// When somebody approved it.
    pub approved_at: Option<DateTime<Utc>>,
    /// Why nothing of it is sent for now.
    pub paused: Option<String>,
    /// When the last delivery ended.
    pub done_at: Option<DateTime<Utc>>,
    /// Whether it was taken back, also after its first mail.
    pub is_cancelled: bool,
}

/// An issue as mail, for all who get the same posts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Counted from 0.
    pub number: i64,
    /// One line.
    pub subject: String,
    /// One line.
    pub preheader: String,
    /// The HTML part, with markers in it.
    pub html: String,
    /// The text part, with markers in it.
    pub text: String,
    /// Entry ids of its posts.
    pub entries: Vec<String>,
}

/// Who an issue is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Whoever has an active subscription to one of these digests. Not who has left the digest of the issue.
    pub digests: Vec<String>,
    /// And these addresses, in their comparing form, where they are subscribers who have not left the digest of the issue
    /// and need not confirm it any more.
    pub addresses: Vec<String>,
}

/// A step of freezing.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The issue's number.
    pub issue: i64,
    /// Who freezes it.
    pub owner: &'a str,
    /// The last subscriber of the step before; 0 for the first.
    pub after: i64,
    /// At most so many.
    pub limit: u32,
    /// The present time.
    pub now: DateTime<Utc>,
    /// How long the next step may take.
    pub until: DateTime<Utc>,
}

/// What a step of freezing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Planned {
    /// Nothing yet: these choices lead to no variant so far.
    Unknown(Vec<String>),
    /// These deliveries were planned or skipped.
    Some {
        /// Subscriber and variant of each, by subscriber.
        rows: Vec<(i64, Option<i64>)>,
        /// The last subscriber that was looked at: the next step goes on after them.
        last: i64,
    },
    /// Everybody has a delivery.
    All,
}

/// How many an audience has, before anything is frozen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// How many get mail with each choice.
    pub by_choice: Vec<(String, u64)>,
    /// How many are suppressed.
    pub suppressed: u64,
    /// How many others have paused.
    pub paused: u64,
    /// The domains with most addresses, most first, at most ten.
    pub domains: Vec<(String, u64)>,
}

/// What is known of an issue at the end of freezing.
#[derive(Clone, Debug)]
pub struct Finished<'a> {
    /// The issue's number.
    pub issue: i64,
    /// Who froze it.
    pub owner: &'a str,
    /// What it carries and what has passed.
    pub record: &'a Record,
    /// What all its mails have in common, as JSON.
    pub head: &'a str,
    /// The page of the issue, as HTML, without anything personal.
    pub page: &'a str,
    /// What that page was made from, as JSON.
    pub view: &'a str,
    /// The hash of the variant that has every post: what somebody approves.
    pub content_hash: &'a str,
    /// The hash of who gets what.
    pub audience_hash: &'a str,
    /// What it goes out over.
    pub transport: &'a str,
    /// Whether nobody needs to approve it.
    pub is_approved: bool,
}

/// A memory of issues.
pub trait Issues {
    /// Begins to freeze an issue, for as long as a lease. What a run that was killed left of it is taken away. Returns its
    /// number, or none where another run is freezing it at this moment. `dead` names runs that are known to be dead: what
    /// they began is not waited for.
    ///
    /// # Errors
    ///
    /// [`StoreError::Done`] and [`StoreError::Past`], as for [`super::Store::record_issue`].
    fn begin_freezing(
        &self,
        record: &Record,
        owner: &str,
        dead: &[String],
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> impl Future<Output = Result<Option<i64>, StoreError>> + Send;

    /// Who is freezing an issue, or was when it was killed.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    fn freezers(&self) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Adds variants, and which choices lead to which: to none where nothing is for them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Lost`] where another run has taken over.
    fn add_variants(
        &self,
        issue: i64,
        owner: &str,
        variants: &[Variant],
        choices: &[(String, Option<i64>)],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Plans deliveries for the next `limit` subscribers of an audience, after one of them. Whoever is suppressed, has
    /// paused at this time, or has nothing to read gets a row that says so.
    ///
    /// # Errors
    ///
    /// [`StoreError::Lost`] where another run has taken over.
    fn plan(&self, step: Step<'_>, audience: &Audience) -> impl Future<Output = Result<Planned, StoreError>> + Send;

    /// How many an audience has. `digest` is whose issue it would be, and `at` when it would be frozen.
    fn forecast(
        &self,
        digest: &str,
        audience: &Audience,
        at: DateTime<Utc>,
    ) -> impl Future<Output = Result<Forecast, StoreError>> + Send;

    /// Makes a frozen issue visible.
    ///
    /// # Errors
    ///
    /// [`StoreError::Lost`], [`StoreError::Past`], [`StoreError::Twice`].
    fn finish_freezing(
        &self,
        finished: &Finished<'_>,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes away what was written of an issue that is not going to be frozen after all. What had become of its period
    /// before stands again.
    fn drop_freezing(&self, issue: i64, owner: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The issues of a digest that were frozen, under all names that it had, by cutoff; of all digests where there is no
    /// name.
    fn frozen(&self, digests: &[&str]) -> impl Future<Output = Result<Vec<Frozen>, StoreError>> + Send;

    /// The digest, by the name that it had, and the period of an issue, which is what tokens name by its number.
    fn name(&self, issue: i64) -> impl Future<Output = Result<Option<(String, String)>, StoreError>> + Send;

    /// The variants of an issue.
    fn variants(&self, issue: i64) -> impl Future<Output = Result<Vec<Variant>, StoreError>> + Send;

    /// Somebody approved it.
    fn approve(&self, issue: i64, now: DateTime<Utc>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Nothing of it is sent until it is resumed, and why; goes on where there is no reason.
    fn pause(&self, issue: i64, reason: Option<&str>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether nothing of it may be sent at this moment: it is paused or cancelled.
    fn is_held(&self, issue: i64) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Whoever left a digest under a name that it had before has left it under the one it has now.
    fn take_over(
        &self,
        digest: &str,
        formerly: &[String],
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Sets over which transport it goes out.
    fn change_transport(&self, issue: i64, transport: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes it back: nothing more is sent of it. Its posts are free again where no mail of it has gone out; otherwise
    /// they count as carried. Returns how many deliveries were cancelled, and whether the posts are free.
    fn cancel(&self, issue: i64, now: DateTime<Utc>) -> impl Future<Output = Result<(u64, bool), StoreError>> + Send;

    /// Every delivery has ended. Where one has not, at this moment, the issue stays open.
    fn finish(&self, issue: i64, now: DateTime<Utc>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What the store knows of itself.
    fn fact(&self, name: &str) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// Remembers something of itself.
    fn put_fact(&self, name: &str, value: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
}
