//! What an error of the database means to whoever runs a command.

use crate::store::{Fault, StoreError};

pub(super) fn unusable(
    name: &str,
    fault: Fault,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Unusable { store: name.to_owned(), fault, source }
}

/// What an error of the database means to whoever runs the command (sqlite.org/rescode.html).
pub(super) fn fault(name: &str, err: sqlx::Error) -> StoreError {
    let code = err.as_database_error().and_then(|err| err.code()?.parse::<i32>().ok());
    // An extended code holds the plain one in its last eight bits.
    let fault = match code.map(|code| code & 0xff) {
        // Another part of this program writes for longer than one waits.
        _ if matches!(err, sqlx::Error::PoolTimedOut) => Fault::Locked,
        Some(5 | 6) => Fault::Locked,
        Some(11 | 26) => Fault::Damaged,
        Some(3 | 8) => Fault::ReadOnly,
        Some(13) => Fault::Full,
        Some(14) => Fault::CannotOpen,
        _ => Fault::Other,
    };
    unusable(name, fault, Some(Box::new(err)))
}
