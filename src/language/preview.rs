//! What the page that shows an issue before it goes out says.
//!
//! The command line says some of it too, in English: so both have it from the same file.

use super::Counted;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the page that shows an issue before it goes out says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewWords {
    /// How the first story is shown.
    pub lead_story: String,
    /// How a post with its summary is shown.
    pub summary: String,
    /// How a post without its summary is shown.
    pub title_only: String,
    /// Posts, in a row of numbers.
    pub posts: Counted,
    /// Links, in a row of numbers.
    pub links: Counted,
    /// How often a mail leads to an address, at least 2: `{n}`.
    pub times: String,
    /// What cannot stay.
    pub error: String,
    /// What may be wrong.
    pub warning: String,
    /// Nothing went out before.
    pub no_issue: String,
    /// Issues.
    pub issues: Counted,
    /// What went out before: `{issues}`, the last `{issue}` and the number of its posts.
    pub last_issue: Counted,
    /// Why posts were left out.
    pub reasons: ReasonWords,
    /// What was done to make a mail smaller.
    pub shortened: ShortenedWords,
    /// What became of periods.
    pub states: StateWords,
    /// All that the template alone says, so that it has no fields.
    pub(super) page: BTreeMap<String, String>,
}

/// Why an issue does not carry a post. Reads on after its name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonWords {
    /// It is a draft.
    pub draft: String,
    /// It was taken back.
    pub withdrawn: String,
    /// It is published after the cutoff.
    pub after_cutoff: String,
    /// It is not published yet.
    pub not_yet: String,
    /// It does not pass the filter.
    pub filtered: String,
    /// An `{issue}` carried it.
    pub carried: String,
    /// It counts as carried.
    pub passed: String,
    /// It is older than the first issue.
    pub before_first: String,
    /// It is too old, by a number of days.
    pub too_old_days: Counted,
    /// It is too old, by a number of hours.
    pub too_old_hours: Counted,
}

/// What was done to make a mail smaller.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShortenedWords {
    /// All of it: the `{limit}` in thousands of bytes, and the `{parts}`.
    pub sentence: String,
    /// The first story lost its lead.
    pub without_lead: String,
    /// Summaries have at most `{n}` characters.
    pub summaries: String,
    /// Posts that lost their summary.
    pub without_summary: Counted,
    /// Posts that are on the page of the issue only.
    pub hidden: Counted,
}

/// What became of periods.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateWords {
    /// The issue stands.
    pub frozen: String,
    /// The issue was taken back.
    pub cancelled: String,
    /// The command came too late.
    pub missed: String,
    /// There were too few posts.
    pub too_few: String,
}
