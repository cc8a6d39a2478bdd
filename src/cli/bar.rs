//! What a person sees while mails go out, and, where they want to, of each mail.

use super::Context;
use crate::delivery::sender::Event;
use crate::store::ledger::{State, Totals};
use indicatif::ProgressBar;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a person sees while mails go out.
pub struct Bar {
    bar: ProgressBar,
    counts: Arc<[AtomicU64; State::ALL.len()]>,
}

impl Bar {
    /// A bar for an issue that stands like this.
    pub fn new(context: &Context, before: &Totals) -> Bar {
        let bar = context.talk.mails(before.all());
        bar.set_position(before.all() - before.open());
        bar.reset_eta();
        Bar { bar, counts: Arc::new(State::ALL.map(|state| AtomicU64::new(before.of(state)))) }
    }

    /// What is to hear of each mail.
    pub fn listener(&self, context: &Context, name: String) -> Arc<dyn Fn(&Event) + Send + Sync> {
        let (bar, counts, talk) = (self.bar.clone(), self.counts.clone(), context.talk);
        Arc::new(move |event: &Event| {
            if event.state.is_final() {
                bar.inc(1);
            }
            let count = counts[event.state as usize].fetch_add(1, Ordering::Relaxed) + 1;
            if count.is_multiple_of(16) || event.state != State::Accepted {
                let of = |state: State| counts[state as usize].load(Ordering::Relaxed);
                let (accepted, deferred) = (of(State::Accepted), of(State::Deferred));
                bar.set_message(format!("{accepted} accepted, {deferred} deferred, {} rejected", of(State::Rejected)));
            }
            let Event { subscriber, masked, state, reply } = event;
            talk.trace(&format!("{name} {subscriber} {masked}: {} {reply}", state.word()));
        })
    }

    /// Nothing more happens.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
