//! Runs one command, prints what it has to say, sets the exit code.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tidings::cli::run(std::env::args_os())
}
