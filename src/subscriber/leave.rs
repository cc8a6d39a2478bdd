//! What somebody leaves by a token in a mail.
//!
//! Pure. A token names an issue by number, and the store knows of which digest that was; this file says what the digest is
//! called today and was called before. Doubt counts for whoever wants to leave: where the digest is not known any more,
//! they leave everything.

use crate::config::Digest;
use std::collections::BTreeMap;

/// What somebody leaves, in names of digests as a store knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaving<'a> {
    /// One digest, under all names that it has had. The first is the one that it has now.
    Digest(Vec<&'a str>),
    /// All that they are subscribed to; and the digests of these names, which they get without having signed up, since the
    /// settings name their address.
    Everything(Vec<&'a str>),
}

impl<'a> Leaving<'a> {
    /// What somebody leaves by the token of an issue. `digest` is whose issue it was, by the name that it had then; none
    /// where the token names no issue, or one that nobody knows. `address` is theirs in its comparing form.
    pub fn of(digest: Option<&str>, address: &str, digests: &'a BTreeMap<String, Digest>) -> Leaving<'a> {
        let known = digest.and_then(|name| digests.values().find(|digest| digest.names().any(|known| known == name)));
        match known {
            Some(digest) => Leaving::Digest(digest.names().collect()),
            None => Leaving::everything(address, digests),
        }
    }

    /// All of it, for somebody with this address in its comparing form.
    pub fn everything(address: &str, digests: &'a BTreeMap<String, Digest>) -> Leaving<'a> {
        let gets = |digest: &&Digest| digest.audience.addresses.iter().any(|named| named == address);
        Leaving::Everything(digests.values().filter(gets).flat_map(Digest::names).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn config() -> Config {
        let digest = "from = \"a@example.org\"\npostal_address = \"1 Street\"\nschedule = \"Mon 09:00\"\n";
        let text = format!(
            "[site]\ntitle = \"A\"\nurl = \"https://example.org/\"\n\
             [digest.weekly]\n{digest}formerly = [\"news\", \"letter\"]\n\
             [digest.daily]\n{digest}audience = \"digest=daily or address=ana@example.org\"\n"
        );
        Config::parse(&text).expect("settings")
    }

    #[test]
    fn who_leaves_a_digest_leaves_it_under_all_its_names() {
        let config = config();
        for name in ["weekly", "news", "letter"] {
            let left = Leaving::of(Some(name), "ana@example.org", &config.digests);
            assert_eq!(left, Leaving::Digest(vec!["weekly", "news", "letter"]), "{name}");
        }
    }

    #[test]
    fn who_leaves_what_nobody_knows_leaves_everything() {
        let config = config();
        for digest in [None, Some("gone"), Some("Weekly"), Some("")] {
            let ana = Leaving::of(digest, "ana@example.org", &config.digests);
            assert_eq!(ana, Leaving::Everything(vec!["daily"]), "{digest:?}");
            assert_eq!(Leaving::of(digest, "li@example.org", &config.digests), Leaving::Everything(vec![]));
        }
    }
}
