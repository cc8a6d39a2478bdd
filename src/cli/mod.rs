//! The command line: one short file per command. This is the rim: the clock is asked here, once.

mod account;
pub mod adopt;
mod approval;
mod archive;
mod bar;
pub mod bounces;
pub mod build;
pub mod check;
pub mod deliveries;
pub mod diff;
pub mod digest;
mod digests;
mod freeze;
mod guard;
pub mod init;
pub mod issue;
pub mod kept;
pub mod keys;
mod letter;
mod mailing;
mod redact;
pub mod send;
pub mod serve;
mod signals;
pub mod site;
pub mod status;
pub mod store;
pub mod subscribers;
pub mod talk;
mod told;
pub mod watch;

use crate::content::date::YEARS;
use crate::diagnostic::{Diagnostic, Severity};
use crate::disk::load;
use chrono::{DateTime, Datelike as _, Utc};
use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use serde_json::Value;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;
use talk::Talk;

/// Feeds that every reader accepts, from a folder of Markdown posts.
#[derive(Debug, Parser)]
#[command(name = "tidings", version, about, max_term_width = 100, infer_subcommands = false)]
#[command(after_help = "Exit codes: 0 done, or nothing to do; 1 something is wrong, and the message says what; \
2 the command line is wrong; 75 not everything is done, run it again.")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    command: Command,
    /// The site's folder, where tidings.toml is
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// Print a report as JSON on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more: every file; twice: every mail
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Take this for the present time, such as 2026-11-23T09:00:00Z (also the environment's SOURCE_DATE_EPOCH)
    #[arg(long, global = true, value_name = "RFC3339")]
    now: Option<String>,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new site that builds
    Init(init::Init),
    /// Show every finding in content, settings and templates; nothing is written
    Check(check::Check),
    /// Write the feeds, the page that lists them, archives and OPML
    Build(build::Build),
    /// Keep the ids of an older tool's feeds in tidings.lock
    Adopt(adopt::Adopt),
    /// Show what the next build would change for a reader
    Diff(diff::DiffCommand),
    /// Show the next issue of a digest, as its readers will see it
    Digest(digest::DigestCommand),
    /// Send the issue that is due to everybody who gets it
    Send(send::Send),
    /// Show what was built last, what is due next, and what needs a look
    Status(status::Status),
    /// Show who got what, and why not
    Deliveries(deliveries::Deliveries),
    /// Serve feeds, and the pages by which people sign up, choose and leave
    Serve(serve::Serve),
    /// Add, import, show and remove those who get the digests
    Subscribers(subscribers::SubscribersCommand),
    /// Read what came back: mails that could not be delivered, complaints, and mails to the unsubscribe address
    Bounces(bounces::Bounces),
    /// Copy the store, or put a copy in its place
    Store(store::StoreCommand),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// What every command gets: where the site is, what time it is, how to talk.
pub struct Context {
    /// The site's folder.
    pub root: PathBuf,
    /// The present time, or what was given for it.
    pub now: DateTime<Utc>,
    /// Whether `now` was given, so that it does not move.
    pub now_is_given: bool,
    /// When the command began.
    pub started: Instant,
    /// How to talk.
    pub talk: Talk,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or nothing to do: 0.
    Done,
    /// Something is wrong and was said: 1.
    Wrong,
    /// Not everything is done, and running it again goes on: 75.
    NotFinished,
}

impl Outcome {
    /// How two things ended that were done one after the other: what is wrong counts most.
    pub fn and(self, other: Outcome) -> Outcome {
        match (self, other) {
            (Outcome::Wrong, _) | (_, Outcome::Wrong) => Outcome::Wrong,
            (Outcome::NotFinished, _) | (_, Outcome::NotFinished) => Outcome::NotFinished,
            (Outcome::Done, Outcome::Done) => Outcome::Done,
        }
    }
}

impl Context {
    /// What time it is now: the clock's, or, where a time was given, that time and what has passed since.
    pub fn clock(&self) -> DateTime<Utc> {
        match self.now_is_given {
            true => self.now + self.started.elapsed(),
            false => Utc::now(),
        }
    }

    /// The same, for those who outlive the command's own function.
    pub fn shared_clock(&self) -> Arc<dyn Fn() -> DateTime<Utc> + Send + Sync> {
        let Context { now, now_is_given, started, .. } = *self;
        Arc::new(move || if now_is_given { now + started.elapsed() } else { Utc::now() })
    }
}

/// A runtime for commands that do many things at once.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Waits for a command that does many things at once: what came of it is reported, or what is wrong is shown.
fn answer(context: &Context, work: impl Future<Output = Result<Value, Vec<Diagnostic>>>) -> Outcome {
    let done = match runtime() {
        Ok(runtime) => runtime.block_on(work),
        Err(err) => Err(vec![Diagnostic::error(format!("cannot begin: {}", load::reason(&err)))]),
    };
    match done {
        Ok(report) => {
            // A long report was written as it came.
            if !report.is_null() {
                context.talk.report(&report);
            }
            Outcome::Done
        }
        Err(errors) => {
            talk::show(context, &errors, Severity::Warning);
            Outcome::Wrong
        }
    }
}

/// An error with its causes, each once.
fn chain(err: &dyn std::error::Error) -> String {
    let mut said = err.to_string();
    let mut cause = err.source();
    while let Some(source) = cause {
        let text = source.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        cause = source.source();
    }
    said
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        match outcome {
            Outcome::Done => ExitCode::SUCCESS,
            Outcome::Wrong => ExitCode::from(1),
            Outcome::NotFinished => ExitCode::from(75),
        }
    }
}

/// Runs the command that the arguments name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(err) => {
            // Help and version are not errors and go to standard output; a closed pipe is nobody's concern.
            let _ = err.print();
            return ExitCode::from(u8::try_from(err.exit_code()).unwrap_or(2));
        }
    };
    let talk = Talk::new(arguments.json, arguments.quiet, arguments.verbose, arguments.color);
    let (now, now_is_given) = match present(arguments.now.as_deref()) {
        Ok(now) => now,
        Err(finding) => {
            talk.finding(&finding, None);
            return ExitCode::from(2);
        }
    };
    let context = Context { root: arguments.root, now, now_is_given, started: Instant::now(), talk };
    match arguments.command {
        Command::Init(init) => init.run(&context),
        Command::Check(check) => check.run(&context),
        Command::Build(build) => build.run(&context),
        Command::Adopt(adopt) => adopt.run(&context),
        Command::Diff(diff) => diff.run(&context),
        Command::Digest(digest) => digest.run(&context),
        Command::Send(send) => send.run(&context),
        Command::Status(status) => status.run(&context),
        Command::Deliveries(deliveries) => deliveries.run(&context),
        Command::Serve(serve) => serve.run(&context),
        Command::Subscribers(subscribers) => subscribers.run(&context),
        Command::Bounces(bounces) => bounces.run(&context),
        Command::Store(store) => store.run(&context),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "tidings", &mut script);
            context.talk.data(&String::from_utf8_lossy(&script));
            Outcome::Done
        }
        Command::Man => {
            let page = manual(Arguments::command());
            context.talk.data(&page);
            Outcome::Done
        }
    }
    .into()
}

/// The manual as one page: what clap knows of the program, then the same of each of its commands.
fn manual(mut program: clap::Command) -> String {
    use clap_mangen::Man;
    let section = |render: &dyn Fn(&mut dyn std::io::Write) -> std::io::Result<()>| {
        let mut page = Vec::new();
        render(&mut page).expect("memory takes every byte");
        String::from_utf8_lossy(&page).into_owned()
    };
    program.build();
    let man = Man::new(program.clone());
    let mut page = section(&|out| man.render_title(out))
        + &section(&|out| man.render_name_section(out))
        + &section(&|out| man.render_synopsis_section(out))
        + &section(&|out| man.render_description_section(out))
        + &section(&|out| man.render_options_section(out))
        + ".SH COMMANDS\n";
    // A command that has commands of its own is told by those.
    let below = |command: &clap::Command| -> Vec<(String, clap::Command)> {
        let own = command.get_subcommands().filter(|own| own.get_name() != "help");
        own.map(|own| (own.get_name().to_owned(), own.clone())).collect()
    };
    let commands = below(&program).into_iter().flat_map(|(name, command)| {
        let own = below(&command);
        // Such a command may do something by itself, too.
        let is_one = own.is_empty() || !command.is_subcommand_required_set();
        let own = own.into_iter().map(|(below, command)| (format!("{name} {below}"), command));
        is_one.then(|| (name.clone(), command)).into_iter().chain(own).collect::<Vec<_>>()
    });
    for (name, command) in commands {
        // What holds for every command was said once.
        let said = |arg: &clap::Arg| arg.is_global_set() || arg.get_id() == "help";
        let man = Man::new(command.mut_args(|arg| if said(&arg) { arg.hide(true) } else { arg }));
        page += &format!(".SS \"{name}\"\n");
        page += &section(&|out| man.render_description_section(out)).replace(".SH DESCRIPTION\n", "");
        page += &section(&|out| man.render_synopsis_section(out)).replace(".SH SYNOPSIS\n", ".PP\n");
        page += &section(&|out| man.render_options_section(out)).replace(".SH OPTIONS\n", "");
    }
    page + &section(&|out| man.render_extra_section(out)).replace(".SH EXTRA\n", ".SH \"EXIT STATUS\"\n")
        + &section(&|out| man.render_version_section(out))
}

/// The present time: what the command line says, else SOURCE_DATE_EPOCH, else the clock.
fn present(given: Option<&str>) -> Result<(DateTime<Utc>, bool), Diagnostic> {
    if let Some(given) = given {
        let Ok(now) = DateTime::parse_from_rfc3339(given) else {
            let finding = Diagnostic::error(format!("`--now {given}` is not a time"));
            return Err(finding.hint("write it like 2026-11-23T09:00:00Z"));
        };
        let now = now.to_utc();
        if !YEARS.contains(&now.year()) {
            let (first, last) = (YEARS.start(), YEARS.end());
            let message = format!("`--now {given}` is too far away: its year is not between {first} and {last}");
            return Err(Diagnostic::error(message));
        }
        return Ok((now, true));
    }
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => {
            let parsed = seconds.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
            parsed.map(|now| (now, true)).ok_or_else(|| {
                Diagnostic::error(format!("SOURCE_DATE_EPOCH is not a number of seconds: `{seconds}`"))
                    .hint("set it to the seconds since 1970, or unset it")
            })
        }
        Err(_) => Ok((Utc::now(), false)),
    }
}
