//! One build at a time: the lock that a build holds while it is at work.

use super::output::unwritable;
use super::written::STATE;
use crate::diagnostic::Diagnostic;
use std::fs::{self, File, TryLockError};
use std::path::Path;

/// The right to build, which one program at a time has. The system takes it back when the program ends, however it ends.
pub struct Turn(#[allow(dead_code, reason = "held, never read: the lock lives as long as the file is open")] File);

impl Turn {
    /// Waits for the right to build. `waiting` is called once if somebody else has it.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn take(root: &Path, waiting: impl FnOnce()) -> Result<Turn, Diagnostic> {
        fs::create_dir_all(root.join(STATE)).map_err(|err| unwritable(STATE, &err))?;
        let name = format!("{STATE}/build.lock");
        // Never emptied: should the name lead to a file of somebody else, that stays whole.
        let open = File::options().write(true).create(true).truncate(false).open(root.join(&name));
        let lock = open.map_err(|err| unwritable(&name, &err))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waiting();
                lock.lock().map_err(|err| unwritable(&name, &err))?;
            }
            Err(TryLockError::Error(err)) => return Err(unwritable(&name, &err)),
        }
        Ok(Turn(lock))
    }
}
