//! Issues as anybody may see them: their pages, and what was taken out of those.
//!
//! What is shown was frozen and approved, and was not taken back before its first mail. One that was taken back later stays,
//! since some have it. Pages may be large, so they are read one by one.

use super::StoreError;
use crate::schedule::Period;
use chrono::{DateTime, Utc};
use std::future::Future;

/// An issue, as far as a list of all issues tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its number.
    pub id: i64,
    /// The digest, by the name that it had when the issue was frozen.
    pub digest: String,
    /// The period.
    pub period: Period,
    /// One line.
    pub subject: String,
    /// One line.
    pub preheader: String,
    /// How many posts it carries, those that were taken out of its page left aside.
    pub posts: usize,
    /// When a post was last taken out of its page.
    pub redacted_at: Option<DateTime<Utc>>,
    /// Whether it may be shown.
    pub is_shown: bool,
}

/// The page of an issue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// As HTML, without anything personal.
    pub html: String,
    /// What it was made from, as JSON; none where an older version froze the issue.
    pub view: Option<String>,
    /// The posts that were taken out of it, each by the names that it is known by: the first is the id of its entry.
    pub redacted: Vec<Vec<String>>,
}

/// A memory of pages.
pub trait Archive {
    /// Every issue that ever was frozen, newest first: also those that may not be shown, so that one which is not is told
    /// from one that nothing is known of.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    fn listed(&self) -> impl Future<Output = Result<Vec<Listed>, StoreError>> + Send;

    /// The page of an issue; none where there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    fn page(&self, issue: i64) -> impl Future<Output = Result<Option<Page>, StoreError>> + Send;

    /// The page of the issue of a digest for a period, by the names that they had when it was frozen; none where there is
    /// none that may be shown. It is found at once, however many there are.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    fn shown(&self, digest: &str, period: &str) -> impl Future<Output = Result<Option<Page>, StoreError>> + Send;

    /// Puts another page in the place of one, and remembers when. Mails and hashes stay as they are. Whether it was done:
    /// it is not where the page is no longer `before`, since somebody else has changed it meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError`]
    fn put_page(
        &self,
        issue: i64,
        before: &Page,
        page: &Page,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

#[cfg(test)]
pub(super) mod contract;
