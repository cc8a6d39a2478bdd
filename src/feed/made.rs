//! A feed that was made, as the next build may take it over.

use crate::diagnostic::Diagnostic;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A feed that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its folder under the output folder.
    pub folder: String,
    /// What it was made of ([`super::sameness`]).
    pub sameness: u128,
    /// Files of the site whose sizes it names, by their absolute paths in it, and the sizes where they are known.
    pub looked: Vec<(String, Option<u64>)>,
    /// When its newest entry was updated.
    pub updated_at: DateTime<Utc>,
    /// What was found in making it.
    pub findings: Vec<Diagnostic>,
    /// Its files, under the output folder.
    pub files: Vec<String>,
}
