//! What each stage takes, from the text of a post to a signed mail: `cargo bench` prints a table of it.
//!
//! These figures tell which stage a change made faster or slower. How long a whole command takes is measured on whole
//! processes, by `benches/run.py`. Everything is made up here, the same on every machine, and only what the library shows to
//! everybody is called.

mod feeds;
mod ledger;
mod mails;
mod posts;
mod site;
mod tokens;

use divan::Divan;
use std::time::Duration;

/// How long each stage is run at least; `cargo bench -- --min-time 0.2` says otherwise.
const LEAST: Duration = Duration::from_secs(2);

fn main() {
    Divan::default().min_time(LEAST).config_with_args().main();
}
