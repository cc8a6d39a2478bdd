//! Asking a run to end: what is on the wire goes through, and nothing new is begun.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Asks a run to end.
#[derive(Debug, Default)]
pub struct Stop {
    asked: AtomicBool,
    bell: Notify,
}

impl Stop {
    /// Ends the run when what is on the wire is through.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
        self.bell.notify_waiters();
    }

    /// Whether it was asked.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// Waits until it is asked.
    pub async fn asked(&self) {
        let rung = self.bell.notified();
        if !self.is_asked() {
            rung.await;
        }
    }

    /// Waits so long, or until it is asked.
    pub async fn sleep(&self, time: Duration) {
        // Either is a reason to look around.
        let _ = tokio::time::timeout(time, self.asked()).await;
    }
}
