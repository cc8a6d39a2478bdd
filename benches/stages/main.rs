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

fn main() {
    divan::main();
}
