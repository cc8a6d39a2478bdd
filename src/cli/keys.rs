//! The site's keys, as commands use them that keep something in the store: mails that are signed, and keyed hashes of
//! addresses that get no mail.
//!
//! What was made with a key is worth nothing without it: links do not open, and nobody knows who was erased. So the store
//! remembers its key, and without that key nothing goes on.

use super::Context;
use super::talk::store_finding;
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::disk::{key, load};
use crate::mail::address::Address;
use crate::store::issues::Issues;
use crate::store::sqlite::Sqlite;
use crate::store::{StoreError, block_on};
use crate::subscriber::keys::Keys;

/// The fact that says which key a store was begun with.
const KEY: &str = "key";

/// What to do where there is no key yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Make one: something is about to be kept.
    Make,
    /// Go without: nothing can have been kept.
    GoWithout,
}

/// The keys for a store that something is about to be kept in. One is made where none was used yet.
///
/// # Errors
///
/// That they cannot be read, or that the key of the store is not among them.
pub async fn of_store(
    context: &Context,
    config: &Config,
    store: &impl Issues,
    findings: &mut Vec<Diagnostic>,
) -> Result<Keys, Diagnostic> {
    let told = |err: StoreError| store_finding(&err);
    let known = store.fact(KEY).await.map_err(told)?;
    let missing = if known.is_some() { key::Missing::Refuse } else { key::Missing::Make };
    let keys = key::load(&context.root, &config.security, missing, findings)?;
    match known {
        Some(id) => is_there(&keys, &id, config)?,
        None => store.put_fact(KEY, &keys.signing().id().to_string()).await.map_err(told)?,
    }
    Ok(keys)
}

fn is_there(keys: &Keys, id: &str, config: &Config) -> Result<(), Diagnostic> {
    match keys.iter().any(|key| key.id().to_string() == id) {
        true => Ok(()),
        false => {
            let store = &config.store.sqlite;
            let finding = Diagnostic::error(format!("the key `{id}` is not there, which `{store}` was begun with"));
            Err(finding.hint(format!(
                "put it back into `{}` as a further line: without it nobody knows who was erased",
                config.security.key_file.value
            )))
        }
    }
}

/// The hashes of an address, by each key of the site; the key that signs comes first.
///
/// # Errors
///
/// As [`of_store`].
pub fn hashes(
    context: &Context,
    config: &Config,
    missing: Missing,
) -> Result<impl Fn(&str) -> Vec<[u8; 32]> + Sync + use<>, Diagnostic> {
    let (file, path) = (&config.store.sqlite, context.root.join(&config.store.sqlite));
    let look = async {
        if missing == Missing::Make {
            let store = Sqlite::open(&path, file).await.map_err(|err| store_finding(&err))?;
            // Who else may read the file is said by commands that send.
            let keys = of_store(context, config, &store, &mut Vec::new()).await;
            store.close().await;
            return keys.map(Some);
        }
        let told = |err: StoreError| store_finding(&err);
        let Some(store) = Sqlite::open_to_read(&path, file).await.map_err(told)? else { return Ok(None) };
        let known = store.fact(KEY).await;
        store.close().await;
        let Some(id) = known.map_err(told)? else { return Ok(None) };
        let keys = key::load(&context.root, &config.security, key::Missing::Refuse, &mut Vec::new())?;
        is_there(&keys, &id, config)?;
        Ok(Some(keys))
    };
    let keys = block_on(look)
        .map_err(|err| Diagnostic::error(format!("the store `{file}` cannot be used: {}", load::reason(&err))))??;
    Ok(move |address: &str| keys.as_ref().map(|keys| hashing(keys)(address)).unwrap_or_default())
}

/// The hashes of an address by keys that are at hand.
pub fn hashing(keys: &Keys) -> impl Fn(&str) -> Vec<[u8; 32]> + Sync {
    move |address: &str| match address.parse::<Address>() {
        Ok(address) => keys.address_hashes(&address).collect(),
        Err(_) => Vec::new(),
    }
}
