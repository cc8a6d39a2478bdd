//! What a postman tells of his work.

use crate::store::ledger::State;
use crate::store::notices::Kind;

/// What happened, for a log. Nothing of it holds an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Something became of a notice.
    Became {
        /// Its number.
        notice: i64,
        /// Why somebody gets it.
        kind: Kind,
        /// Whom it is for, masked.
        masked: String,
        /// What it is now.
        state: State,
        /// What was said.
        reply: String,
    },
    /// So many notices were left by somebody who was killed, and nobody can know whether they were sent.
    Uncertain(u64),
    /// Nothing can be sent for now, and why. It is tried again by itself.
    Trouble(String),
    /// The day's quota is used up.
    Quota,
}
