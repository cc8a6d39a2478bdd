//! `tidings store`: a copy of the store, made while it is in use; and a copy put in its place.

use super::subscribers::failed;
use super::talk::store_finding;
use super::{Context, Outcome, guard};
use crate::diagnostic::Diagnostic;
use crate::disk::load;
use crate::store::StoreError;
use crate::store::block_on;
use crate::store::sqlite::{Sqlite, copy};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Copies of the store.
#[derive(Debug, Args)]
pub struct StoreCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a copy, also while others use the store
    Backup {
        /// Where to
        file: PathBuf,
        /// Also where there is such a file
        #[arg(long)]
        force: bool,
    },
    /// Put a copy in the place of the store
    Restore {
        /// The copy
        file: PathBuf,
        /// Also where there is a store; it is kept beside, as FILE.before-restore
        #[arg(long)]
        force: bool,
    },
    /// Say that a restored store is the one to send from
    Accept,
}

impl StoreCommand {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let done = match &self.command {
            Command::Backup { file, force } => backup(context, file, *force),
            Command::Restore { file, force } => restore(context, file, *force),
            Command::Accept => accept(context),
        };
        done.unwrap_or_else(|findings| failed(context, &findings))
    }
}

fn wait<T>(name: &str, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, Vec<Diagnostic>> {
    match block_on(answer) {
        Ok(answer) => answer.map_err(|err| vec![store_finding(&err)]),
        Err(err) => Err(vec![Diagnostic::error(format!("the store `{name}` cannot be used: {}", load::reason(&err)))]),
    }
}

fn backup(context: &Context, file: &Path, force: bool) -> Result<Outcome, Vec<Diagnostic>> {
    let config = load::config(&context.root)?;
    let name = &config.store.sqlite;
    let shown = file.display();
    if !force && file.symlink_metadata().is_ok() {
        return Err(vec![
            Diagnostic::error(format!("there is a file `{shown}` already")).hint("name another one, or add `--force`"),
        ]);
    }
    let none = || vec![Diagnostic::error(format!("there is no store `{name}` yet, so there is nothing to copy"))];
    let copied = wait(name, async {
        let Some(store) = Sqlite::open_to_read(&context.root.join(name), name).await? else { return Ok(None) };
        let copied = copy::backup(&store, file, context.now).await?;
        store.close().await;
        Ok(Some(copied))
    })?;
    copied
        .ok_or_else(none)?
        .map_err(|err| vec![Diagnostic::error(format!("`{shown}` cannot be written: {}", load::reason(&err)))])?;
    let bytes = std::fs::metadata(file).map(|metadata| metadata.len()).unwrap_or_default();
    context
        .talk
        .line(&format!("copied the store to `{shown}`; the key is not in it: keep a copy of `.tidings/key` elsewhere"));
    context.talk.report(&json!({ "file": file.to_string_lossy(), "bytes": bytes }));
    Ok(Outcome::Done)
}

fn restore(context: &Context, file: &Path, force: bool) -> Result<Outcome, Vec<Diagnostic>> {
    let config = load::config(&context.root)?;
    let (name, shown) = (&config.store.sqlite, file.display().to_string());
    let store = context.root.join(name);
    if !file.exists() {
        return Err(vec![Diagnostic::error(format!("there is no file `{shown}`"))]);
    }
    if !force && store.symlink_metadata().is_ok() {
        let finding = Diagnostic::error(format!("there is a store `{name}` already"));
        let hint =
            format!("add `--force` to put the copy in its place; the store is then kept as `{name}.before-restore`");
        return Err(vec![finding.hint(hint)]);
    }
    let unsound = || {
        let finding = Diagnostic::error(format!("`{shown}` is not a sound copy of a store"));
        vec![finding.hint("take another copy; the store is as it was")]
    };
    if !wait(&shown, copy::is_sound(file, &shown))? {
        return Err(unsound());
    }
    let kept = wait(name, copy::restore(file, &store, name, context.now))?;
    let kept =
        kept.map_err(|err| vec![Diagnostic::error(format!("`{name}` cannot be written: {}", load::reason(&err)))])?;
    let aside = kept.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    let old =
        aside.as_ref().map(|aside| format!("; the store that was there is `{aside}` beside it")).unwrap_or_default();
    context.talk.line(&format!("put `{shown}` in the place of the store `{name}`{old}"));
    context.talk.line(
        "what was sent after the copy was made is not known to it: `send` refuses until you say `tidings store accept`",
    );
    context.talk.report(&json!({ "store": name, "kept": aside }));
    Ok(Outcome::Done)
}

fn accept(context: &Context) -> Result<Outcome, Vec<Diagnostic>> {
    let config = load::config(&context.root)?;
    let name = &config.store.sqlite;
    let path = context.root.join(name);
    if !path.exists() {
        return Err(vec![Diagnostic::error(format!("there is no store `{name}` yet"))]);
    }
    let was = wait(name, async {
        let store = Sqlite::open(&path, name).await?;
        let was = guard::accept(&store, &path).await?;
        store.close().await;
        Ok(was)
    })?;
    let was = was.map_err(|err| vec![guard::unusable(&path, &err)])?;
    context.talk.line(match was {
        true => "this store is the one to send from",
        false => "this store was the one to send from already",
    });
    context.talk.report(&json!({ "accepted": was }));
    Ok(Outcome::Done)
}
