//! Signals that ask a run to end.

use crate::delivery::stop::Stop;
use std::io;
use std::sync::Arc;

/// Waits for a signal: the first one lets what is on the wire through, the second one ends at once.
pub async fn listen(stop: Arc<Stop>, is_quiet: bool) {
    let Ok(mut signals) = Signals::new() else { return };
    signals.next().await;
    stop.ask();
    if !is_quiet {
        eprintln!("finishing what is on the wire; once more ends at once");
    }
    signals.next().await;
    std::process::exit(75);
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Where there is Ctrl-C alone.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
