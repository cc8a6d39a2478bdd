//! The secret keys of a site, of which everything is made that only the site can make: tokens, Message-IDs, and what is kept
//! of an address that was erased.
//!
//! One key a line, base64 of 32 bytes or more. The first one signs and all verify, so a key is replaced by writing a new
//! line on top. Each use has a label of its own, so that what is made for one is worth nothing for another. HMAC-SHA256
//! (RFC 2104) by `ring`. No message and no `Debug` shows a key.

use crate::mail::address::Address;
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use ring::{digest, hmac};
use std::fmt;
use zeroize::Zeroizing;

/// The fewest bytes of a key: as many as its hash has.
const LEAST_BYTES: usize = 32;

/// What tells one key from another and gives nothing of it away: stored beside what a key made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// The bytes, to be stored.
    pub fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }

    /// What was stored.
    pub fn from_bytes(bytes: [u8; 4]) -> KeyId {
        KeyId(bytes)
    }
}

/// Eight hexadecimal digits.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One key.
#[derive(Clone)]
pub struct Key {
    id: KeyId,
    hmac: hmac::Key,
}

/// Shows the id alone.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, …)", self.id)
    }
}

/// All keys of a site, at least one; the first one signs.
#[derive(Clone, Debug)]
pub struct Keys(Vec<Key>);

/// Why a text holds no keys. None of it shows any of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// Nothing but blank lines and comments.
    #[error("holds no key")]
    Empty,
    /// A line that is not base64. Lines are counted from 1.
    #[error("holds something else than a key in line {line}")]
    NotBase64 {
        /// Which line.
        line: usize,
    },
    /// A key of fewer than 32 bytes.
    #[error("holds a key of {bytes} bytes in line {line}, and {LEAST_BYTES} are the fewest")]
    TooShort {
        /// Which line, from 1.
        line: usize,
        /// How many bytes it makes.
        bytes: usize,
    },
}

impl KeysError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            KeysError::Empty | KeysError::TooShort { .. } => {
                "a key is what `openssl rand -base64 32` prints; write it on a line of its own"
            }
            KeysError::NotBase64 { .. } => {
                "each line is one key in base64, as `openssl rand -base64 32` prints it, or a comment that starts with `#`"
            }
        }
    }
}

impl Keys {
    /// The keys of a key file: one a line, in base64 or base64url, with `=` at the end or without. Blank lines and those that
    /// start with `#` are passed over.
    ///
    /// # Errors
    ///
    /// [`KeysError`]: the first line that is no key, or that there is none.
    pub fn parse(text: &str) -> Result<Keys, KeysError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = (1..).zip(text.lines().map(str::trim));
        let keys = lines.filter(|(_, key)| !key.is_empty() && !key.starts_with('#'));
        Keys::gather(keys.map(|(line, key)| Key::parse(line, key)))
    }

    /// The keys of TIDINGS_SECRET: as in a key file, with white space between them, so that they fit on one line.
    ///
    /// # Errors
    ///
    /// [`KeysError`], with the number of the key in the place of a line.
    pub fn from_secret(text: &str) -> Result<Keys, KeysError> {
        Keys::gather((1..).zip(text.split_whitespace()).map(|(number, key)| Key::parse(number, key)))
    }

    fn gather(keys: impl Iterator<Item = Result<Key, KeysError>>) -> Result<Keys, KeysError> {
        let keys: Vec<Key> = keys.collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(KeysError::Empty) } else { Ok(Keys(keys)) }
    }

    /// The text of a new key file with one key, made of 32 bytes that nobody can guess.
    pub fn generate(random: [u8; 32]) -> Zeroizing<String> {
        let random = Zeroizing::new(random);
        Zeroizing::new(format!(
            "# Signs the links in mails. Without it every unsubscribe link ever sent is dead: keep a copy, and no other\n\
             # eyes on it. To replace it, write a new key on the line above the old one, and keep the old one.\n{}\n",
            data_encoding::BASE64.encode(&*random)
        ))
    }

    /// The key that signs.
    pub fn signing(&self) -> &Key {
        &self.0[0]
    }

    /// The key of this id, if it is still there: what was made with a key must go on with it.
    pub fn by_id(&self, id: KeyId) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }

    /// All keys, the one that signs first.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    /// What is kept of an address after it was erased, by each key: an address that was erased under an old key is still
    /// known. See [`Key::address_hash`].
    pub fn address_hashes(&self, address: &Address) -> impl Iterator<Item = [u8; 32]> {
        self.0.iter().map(|key| key.address_hash(address))
    }
}

/// The uses of a key. Each ends with NUL, so that none is the beginning of another with something behind it.
const ID: &[u8] = b"tidings key id\0";
const MESSAGE_ID: &[u8] = b"tidings message id\0";
const ADDRESS: &[u8] = b"tidings erased address\0";

impl Key {
    fn parse(line: usize, text: &str) -> Result<Key, KeysError> {
        let bare = text.trim_end_matches('=').as_bytes();
        let read = BASE64_NOPAD.decode(bare).or_else(|_| BASE64URL_NOPAD.decode(bare));
        let bytes = read.map(Zeroizing::new).map_err(|_| KeysError::NotBase64 { line })?;
        if bytes.len() < LEAST_BYTES {
            return Err(KeysError::TooShort { line, bytes: bytes.len() });
        }
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(ID);
        hash.update(&bytes);
        let mut id = [0; 4];
        id.copy_from_slice(&hash.finish().as_ref()[..4]);
        Ok(Key { id: KeyId(id), hmac: hmac::Key::new(hmac::HMAC_SHA256, &bytes) })
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// HMAC-SHA256 of a text under a label, which ends with NUL.
    pub(super) fn mac(&self, label: &[u8], text: &[u8]) -> [u8; 32] {
        debug_assert!(label.ends_with(b"\0"));
        let mut context = hmac::Context::with_key(&self.hmac);
        context.update(label);
        context.update(text);
        let mut mac = [0; 32];
        mac.copy_from_slice(context.sign().as_ref());
        mac
    }

    /// What stands before the `@` of a Message-ID: 32 hexadecimal digits, the same for every attempt on every host.
    ///
    /// `issue` is its name as the store has it, such as `weekly/2026-W48`, and not a number: a store that is made anew counts
    /// from 1 again, and mail programs hide a mail whose Message-ID they have seen.
    pub fn message_id(&self, issue: &str, subscriber: i64) -> String {
        let text = [&subscriber.to_be_bytes(), issue.as_bytes()].concat();
        HEXLOWER.encode(&self.mac(MESSAGE_ID, &text)[..16])
    }

    /// What is kept of an address after it was erased, so that it is not mailed again: it cannot be turned back, nor tried out
    /// by anyone who has the store but not the key. Large and small letters count as the same.
    pub fn address_hash(&self, address: &Address) -> [u8; 32] {
        self.mac(ADDRESS, address.as_str().to_ascii_lowercase().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes 0 to 31, and 32 bytes of 0xff.
    const ONE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const TWO: &str = "__________________________________________8";

    #[test]
    fn one_key_a_line_is_read_and_the_first_one_signs() {
        #[track_caller]
        fn case(text: &str, want: &[&str]) {
            let keys = Keys::parse(text).unwrap();
            assert_eq!(keys.iter().map(|key| key.id().to_string()).collect::<Vec<_>>(), want);
            assert_eq!(keys.signing().id().to_string(), want[0]);
        }
        case(ONE, &["3b545b5c"]);
        case(&format!("\u{feff}# new\r\n{TWO}\r\n\r\n  # old\r\n\t{ONE}  \r\n"), &["b2eb4ebf", "3b545b5c"]);
        case(&format!("{}\n", TWO.replace('_', "/")), &["b2eb4ebf"]);
        case(&format!("{TWO}=\n{}", ONE.trim_end_matches('=')), &["b2eb4ebf", "3b545b5c"]);
        let keys = Keys::from_secret(&format!("{ONE} {TWO}")).unwrap();
        assert_eq!(keys.iter().count(), 2);
    }

    #[test]
    fn what_is_no_key_is_told_by_its_line_and_never_shown() {
        #[track_caller]
        fn case(text: &str, want: &str) {
            assert_eq!(Keys::parse(text).unwrap_err().to_string(), want, "{text}");
        }
        case("", "holds no key");
        case("# none\n\n", "holds no key");
        case(&format!("{ONE}\n\ncorrect horse battery\n"), "holds something else than a key in line 3");
        case(&format!("{ONE} # mine"), "holds something else than a key in line 1");
        case("-----BEGIN PRIVATE KEY-----", "holds something else than a key in line 1");
        case("#\nAAECAwQFBgcICQoLDA0ODw==", "holds a key of 16 bytes in line 2, and 32 are the fewest");
        assert_eq!(Keys::from_secret(" \n").unwrap_err(), KeysError::Empty);
        assert_eq!(Keys::from_secret(&format!("{ONE} x!")).unwrap_err(), KeysError::NotBase64 { line: 2 });
        let keys = Keys::parse(ONE).unwrap();
        assert_eq!(format!("{keys:?}"), "Keys([Key(3b545b5c, …)])");
    }

    #[test]
    fn a_new_key_file_is_read_back() {
        let mut random = [0; 32];
        random.iter_mut().zip(0..).for_each(|(byte, n)| *byte = n);
        let text = Keys::generate(random);
        assert_eq!(Keys::parse(&text).unwrap().signing().id(), Keys::parse(ONE).unwrap().signing().id());
        assert!(text.lines().all(|line| line.len() <= 110) && text.ends_with("\n"), "{}", *text);
    }

    #[test]
    fn what_a_key_makes_is_what_it_was() {
        let keys = Keys::parse(&format!("{ONE}\n{TWO}")).unwrap();
        let key = keys.signing();
        assert_eq!(key.message_id("weekly/2026-W48", 17), "5d9eb9e9db2909c17dcd26717d65bc35");
        assert_ne!(key.message_id("weekly/2026-W48", 17), key.message_id("weekly/2026-W48", 18));
        assert_ne!(key.message_id("weekly/2026-W48", 17), key.message_id("weekly/2026-W49", 17));
        let address = |text: &str| text.parse::<Address>().unwrap();
        let hash = key.address_hash(&address("Ana@Example.com"));
        assert_eq!(HEXLOWER.encode(&hash), "542bf7be43c952dc7caeaf782fb35f8c6c916031975003ae098baaff1833bf4a");
        assert_eq!(hash, key.address_hash(&address("ana@example.com")));
        // An address that was erased under the old key is found when a new one is on top.
        let rotated = Keys::parse(&format!("{TWO}\n{ONE}")).unwrap();
        assert!(rotated.address_hashes(&address("ana@example.com")).any(|other| other == hash));
        assert_eq!(
            rotated.by_id(key.id()).unwrap().message_id("weekly/2026-W48", 17),
            "5d9eb9e9db2909c17dcd26717d65bc35"
        );
        assert!(Keys::parse(TWO).unwrap().by_id(key.id()).is_none());
        assert_eq!(KeyId::from_bytes(*key.id().as_bytes()), key.id());
    }
}
