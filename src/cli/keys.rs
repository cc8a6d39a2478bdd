//! The keyed hashes that are kept of addresses that get no mail: made with the site's keys, so that nobody without them can
//! try addresses out.

use super::Context;
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::disk::key;
use crate::mail::address::Address;

/// What to do where there is no key yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Make one: something is about to be kept.
    Make,
    /// Go without: nothing can have been kept.
    GoWithout,
}

/// The hashes of an address, by each key of the site; the key that signs comes first.
///
/// # Errors
///
/// That the keys cannot be read, or one cannot be made.
pub fn hashes(
    context: &Context,
    config: &Config,
    missing: Missing,
) -> Result<impl Fn(&str) -> Vec<[u8; 32]> + Sync + use<>, Diagnostic> {
    let is_there =
        std::env::var_os(key::SECRET).is_some() || context.root.join(&config.security.key_file.value).exists();
    let keys = match missing {
        Missing::GoWithout if !is_there => None,
        Missing::GoWithout | Missing::Make => {
            // Who may read the file is said by commands that send.
            Some(key::load(&context.root, &config.security, key::Missing::Make, &mut Vec::new())?)
        }
    };
    Ok(move |address: &str| match (&keys, address.parse::<Address>()) {
        (Some(keys), Ok(address)) => keys.address_hashes(&address).collect(),
        _ => Vec::new(),
    })
}
