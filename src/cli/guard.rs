//! Reasons not to send at all: a store that is not the one it should be, and mail without a way out.
//!
//! Whoever sends an issue twice cannot take it back. So a store that was copied, restored or lost, or that does not fit the
//! settings, is asked about first. Three things tell such a store: the mark that a copy has, the place that a store is at,
//! and how often was sent from it, which a file beside it says, too. A folder that is copied as a whole and back again, with
//! that file, is not told from the one it was.

use super::Context;
use crate::config::{Config, Digest};
use crate::diagnostic::Diagnostic;
use crate::disk::{load, replace};
use crate::store::issues::Issues;
use crate::store::sqlite::copy::RESTORED;
use crate::store::sqlite::{Sqlite, copy};
use crate::store::{Store, StoreError};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The fact that says where a store lies.
const PLACE: &str = "place";
/// The fact that says how often was sent from a store.
const RUNS: &str = "runs";

/// Why this store must not be sent from; none where nothing speaks against it: then it is remembered that it is sent from
/// once more. A store that knows of no issue yet is told where it lies.
///
/// # Errors
///
/// Whatever the store says.
pub async fn store(
    context: &Context,
    config: &Config,
    digest: &Digest,
    store: &(impl Store + Issues),
) -> Result<Option<Diagnostic>, StoreError> {
    let known = store.digests().await?;
    let settings: BTreeSet<&str> = config.digests.values().flat_map(Digest::names).collect();
    if let Some(lost) = known.iter().find(|name| !settings.contains(name.as_str())) {
        let finding = Diagnostic::error(format!("the store knows a digest `{lost}` that the settings do not"));
        return Ok(Some(finding.hint(format!(
            "where it has a new name now, write `formerly = [\"{lost}\"]` into its table, so that nothing is sent again"
        ))));
    }
    let archive = format!("{}/digest/{}", config.content.output, digest.name.value);
    let is_known = known.iter().any(|name| digest.names().any(|own| own == name));
    if !is_known && context.root.join(&archive).is_dir() {
        let finding = Diagnostic::error(format!(
            "the store `{}` knows nothing of `{}`, whose issues stand in `{archive}`",
            config.store.sqlite, digest.name.value
        ));
        return Ok(Some(finding.hint(
            "put the store back that sent them (`tidings store restore`); where they are not yours, remove the folder",
        )));
    }
    let (file, name) = (context.root.join(&config.store.sqlite), &config.store.sqlite);
    let _turn = match turn(&file) {
        Ok(turn) => turn,
        Err(err) => return Ok(Some(unusable(&file, &err))),
    };
    let doubt = match doubt(store, &file, known.is_empty()).await? {
        Ok(doubt) => doubt,
        Err(err) => return Ok(Some(unusable(&file, &err))),
    };
    match doubt {
        None => match count(store, &file).await? {
            Ok(()) => Ok(None),
            Err(err) => Ok(Some(unusable(&file, &err))),
        },
        Some(doubt) => Ok(Some(doubt.finding(name))),
    }
}

/// Why people must not sign up in this store: another copy may be the one that sends. None where nothing speaks against it.
///
/// # Errors
///
/// Whatever the store says.
pub async fn copied(
    context: &Context,
    config: &Config,
    store: &(impl Store + Issues),
) -> Result<Option<Diagnostic>, StoreError> {
    let (file, name) = (context.root.join(&config.store.sqlite), &config.store.sqlite);
    let is_new = store.digests().await?.is_empty();
    let _turn = match turn(&file) {
        Ok(turn) => turn,
        Err(err) => return Ok(Some(unusable(&file, &err))),
    };
    Ok(match doubt(store, &file, is_new).await? {
        Ok(doubt) => doubt.map(|doubt| doubt.finding(name)),
        Err(err) => Some(unusable(&file, &err)),
    })
}

/// Says that a store is the one to send from, whatever speaks against it; whether something did. Then links of people whom
/// it does not know lead to nobody.
///
/// # Errors
///
/// Whatever the store says; within, what the system says of the file beside it.
pub async fn accept(store: &Sqlite, file: &Path) -> Result<io::Result<bool>, StoreError> {
    let is_new = store.digests().await?.is_empty();
    let _turn = match turn(file) {
        Ok(turn) => turn,
        Err(err) => return Ok(Err(err)),
    };
    let doubt = match doubt(store, file, is_new).await? {
        Ok(doubt) => doubt,
        Err(err) => return Ok(Err(err)),
    };
    if doubt.is_some() {
        copy::leap(store).await?;
    }
    // The mark goes last: a run that is killed before has accepted nothing.
    store.put_fact(PLACE, &place(file)).await?;
    if let Err(err) = count(store, file).await? {
        return Ok(Err(err));
    }
    copy::accept(store).await?;
    Ok(Ok(doubt.is_some()))
}

/// What speaks against sending from a store.
enum Doubt {
    /// It was put where it is, or was brought here.
    Elsewhere,
    /// Another was here that sent more often.
    Older,
}

impl Doubt {
    fn finding(self, store: &str) -> Diagnostic {
        let what = match self {
            Doubt::Elsewhere => "was copied, moved or restored: another may have sent since",
            Doubt::Older => "is older than the one that sent last: it does not know what was sent since",
        };
        Diagnostic::error(format!("the store `{store}` {what}"))
            .hint("make sure that no other copy sends and that none has sent since; then run `tidings store accept`")
    }
}

/// Runs that begin at once look and count one after the other, for as long as what is returned is held: else one would
/// find the number of another in one of the two places and not yet in the other.
fn turn(file: &Path) -> io::Result<fs::File> {
    let folder = fs::File::open(file.parent().unwrap_or(Path::new(".")))?;
    folder.lock()?;
    Ok(folder)
}

/// What speaks against a store. A folder that was moved before its first issue is as good as before.
async fn doubt(store: &impl Issues, file: &Path, is_new: bool) -> Result<io::Result<Option<Doubt>>, StoreError> {
    let here = place(file);
    let is_here = store.fact(PLACE).await?.is_some_and(|there| there == here);
    if store.fact(RESTORED).await?.is_some() || !(is_here || is_new) {
        return Ok(Ok(Some(Doubt::Elsewhere)));
    }
    let own = runs(store).await?;
    match runs_beside(file) {
        Ok(beside) if own < beside => Ok(Ok(Some(Doubt::Older))),
        Ok(_) => {
            if !is_here {
                store.put_fact(PLACE, &here).await?;
            }
            Ok(Ok(None))
        }
        Err(err) => Ok(Err(err)),
    }
}

/// Remembers that a store is sent from once more: in itself first, so that it is never behind the file.
async fn count(store: &impl Issues, file: &Path) -> Result<io::Result<()>, StoreError> {
    let beside = match runs_beside(file) {
        Ok(beside) => beside,
        Err(err) => return Ok(Err(err)),
    };
    let runs = runs(store).await?.max(beside) + 1;
    store.put_fact(RUNS, &runs.to_string()).await?;
    Ok(replace::durably(&beside_of(file), format!("{runs}\n").as_bytes()))
}

async fn runs(store: &impl Issues) -> Result<u64, StoreError> {
    Ok(store.fact(RUNS).await?.and_then(|runs| runs.parse().ok()).unwrap_or_default())
}

/// How often was sent from the store that lies here, as the file beside it says; never where there is none.
fn runs_beside(file: &Path) -> io::Result<u64> {
    match fs::read_to_string(beside_of(file)) {
        Ok(text) => text.trim().parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not a number")),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(err) => Err(err),
    }
}

fn beside_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".runs");
    name.into()
}

/// The file beside a store cannot be read or written.
pub fn unusable(file: &Path, err: &io::Error) -> Diagnostic {
    let name = beside_of(file).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let finding = Diagnostic::error(format!(
        "`{name}`, which says how often was sent from the store beside it, cannot be used: {}",
        load::reason(err)
    ));
    finding.hint("give whoever runs tidings leave to write there; a file that is spoilt may be removed")
}

/// Where a store lies, as a word: a copy of the file has another.
fn place(file: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let path = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let inode = fs::metadata(&path).map(|there| there.ino()).unwrap_or_default();
    let hash = Sha256::digest(format!("{}\0{inode}", path.display()).as_bytes());
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Why mail of this site would have no way out; none where it has one.
pub fn way_out(config: &Config) -> Option<Diagnostic> {
    let lacks = match (&config.serve.public_url, &config.mail.unsubscribe_mailto) {
        (Some(url), Some(_)) if url.scheme() == "https" => return None,
        (Some(_), Some(_)) => {
            let finding =
                Diagnostic::error("`[serve] public_url` is not https, and nobody could unsubscribe with one click");
            return Some(finding.hint("RFC 8058, section 3.1, asks for https"));
        }
        (None, Some(_)) => "`[serve] public_url`",
        (Some(_), None) => "`[mail] unsubscribe_mailto`",
        (None, None) => "`[serve] public_url` and no `[mail] unsubscribe_mailto`",
    };
    let finding = Diagnostic::error(format!("there is no {lacks}: mails would have no way out"));
    Some(finding.hint(
        "say where people leave on the web, and which address takes mails that unsubscribe;\n\
         `--test ADDRESS` and `url = \"outbox:outbox\"` need neither",
    ))
}
