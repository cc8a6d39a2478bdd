//! Tokens: who may do what without logging in, signed, so that no table of them is needed.
//!
//! A [`Token`] stands in links, and has exactly 48 characters, the width of its place in an encoded mail. A [`BounceToken`]
//! stands in the return path, where letters may lose their case, and has 40. Both name a subscriber by number, never by
//! address, and can be read by whoever has them; what cannot be done is to make one without the key.
//!
//! Whoever shows why a token was refused shows the same words each time: the variants of [`TokenError`] are for logs.

use super::keys::{Key, Keys};
use chrono::{DateTime, Utc};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use subtle::{Choice, ConstantTimeEq as _};

/// What a token lets its bearer do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Purpose {
    /// Leave a digest, and see and change what one gets: the token in the links of an issue.
    Unsubscribe = 1,
    /// See and change what one gets, and no more.
    Preferences = 2,
    /// Say yes to a subscription.
    Confirm = 3,
    /// See all that is kept of one, have it erased, and all that [`Purpose::Preferences`] is for. In no mail that is meant to
    /// be kept or passed on.
    Data = 4,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Purpose; 4] = [Purpose::Unsubscribe, Purpose::Preferences, Purpose::Confirm, Purpose::Data];
}

/// What the token of a link says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is for.
    pub purpose: Purpose,
    /// Whose it is: the subscriber's number in the store, at least 1.
    pub subscriber: i64,
    /// Which digest it is about, by its number in the store; 0 for all. At most 16,777,215.
    pub digest: u32,
    /// Which issue it stands in, or for [`Purpose::Confirm`] which notice, by its number; 0 for none.
    pub issue: u32,
    /// From when it is no longer good, in whole hours, of which a begun one counts as whole; none: it always is.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why a token is refused. All look the same to whoever tries one out; `Debug` tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this link is not valid, or not any more")]
pub enum TokenError {
    /// It is no token: too long, too short, other characters, or of a later version.
    Malformed,
    /// It names a key that is not there: one was taken out of the key file, or the file is another one.
    UnknownKey,
    /// It was not made by the key that it names.
    Forged,
    /// It is for something else.
    WrongPurpose,
    /// Its time is over.
    Expired,
}

/// A number that does not fit into a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {number} does not fit into a token")]
pub struct TooLarge {
    /// What is counted.
    pub what: &'static str,
    /// The number.
    pub number: i64,
}

/// The first half of the first byte; the second one is the purpose.
const VERSION: u8 = 1 << 4;
/// How many bytes are signed, and how many of the signature follow: 160 and 128 bits, in all 48 characters.
const CONTENT: usize = 20;
const MAC: usize = 16;
const LABEL: &[u8] = b"tidings token\0";
/// The most that three bytes hold.
const LARGEST_24: u32 = (1 << 24) - 1;

impl Token {
    /// How many characters a token has.
    pub const CHARS: usize = (CONTENT + MAC) / 3 * 4;

    /// The token as text: letters, digits, `-` and `_`. The same every time, as long as the key is.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] where a number is not within the limits that stand beside it.
    pub fn sign(&self, keys: &Keys) -> Result<String, TooLarge> {
        self.sign_with(keys.signing())
    }

    /// The same with a key of one's choice: that with which an issue was frozen.
    ///
    /// # Errors
    ///
    /// As [`Token::sign`].
    pub fn sign_with(&self, key: &Key) -> Result<String, TooLarge> {
        let limit = |what, number: i64, range: std::ops::RangeInclusive<i64>| match range.contains(&number) {
            true => Ok(number),
            false => Err(TooLarge { what, number }),
        };
        let hours = self.expires_at.map_or(0, |at| (at.timestamp().max(1) + 3599).div_euclid(3600));
        let hours = limit("an hour", hours, 0..=LARGEST_24.into())?;
        let digest = limit("digest", self.digest.into(), 0..=LARGEST_24.into())?;
        let mut bytes = Vec::with_capacity(CONTENT + MAC);
        bytes.extend([VERSION | self.purpose as u8, key.id().as_bytes()[0]]);
        bytes.extend(limit("subscriber", self.subscriber, 1..=i64::MAX)?.to_be_bytes());
        bytes.extend(&digest.to_be_bytes()[5..]);
        bytes.extend(self.issue.to_be_bytes());
        bytes.extend(&hours.to_be_bytes()[5..]);
        bytes.extend(&key.mac(LABEL, &bytes)[..MAC]);
        Ok(BASE64URL_NOPAD.encode(&bytes))
    }

    /// What a token says, where it is for one of these purposes and its time is not over.
    ///
    /// Every key that the token may mean is tried, and the signature is looked at as a whole: how long it takes tells nothing
    /// about it.
    ///
    /// # Errors
    ///
    /// [`TokenError`]. Nothing of a forged token is looked at but which key it names.
    pub fn verify(keys: &Keys, purposes: &[Purpose], text: &str, now: DateTime<Utc>) -> Result<Token, TokenError> {
        let content: [u8; CONTENT] = opened::<CONTENT, MAC>(keys, LABEL, VERSION, || {
            // 36 bytes are 48 characters with no bit to spare, so that no two texts are the same token.
            BASE64URL_NOPAD.decode(text.as_bytes()).ok()
        })?;
        let number = |range: std::ops::Range<usize>| {
            content[range].iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte))
        };
        let purpose = Purpose::ALL.into_iter().find(|&purpose| purpose as u8 == content[0] & 0x0f);
        let purpose = purpose.filter(|purpose| purposes.contains(purpose)).ok_or(TokenError::WrongPurpose)?;
        let small = |range| u32::try_from(number(range)).expect("at most four bytes are read");
        let subscriber = i64::try_from(number(2..10)).ok().filter(|&n| n > 0).ok_or(TokenError::Malformed)?;
        let expires_at = match small(17..20) {
            0 => None,
            hours => Some(DateTime::from_timestamp(i64::from(hours) * 3600, 0).ok_or(TokenError::Malformed)?),
        };
        if expires_at.is_some_and(|at| now >= at) {
            return Err(TokenError::Expired);
        }
        Ok(Token { purpose, subscriber, digest: small(10..13), issue: small(13..17), expires_at })
    }
}

/// What the return path of a mail says (VERP): which mail it was that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BounceToken {
    /// Whom it was to, at least 1.
    pub subscriber: i64,
    /// Which issue it was.
    pub issue: u32,
}

/// The first byte of a bounce's token; its tokens are not those of links, which have another label.
const BOUNCE_VERSION: u8 = VERSION;
const BOUNCE_CONTENT: usize = 14;
/// 88 bits: nobody can try that many mails.
const BOUNCE_MAC: usize = 11;
const BOUNCE_LABEL: &[u8] = b"tidings bounce\0";

impl BounceToken {
    /// How many characters it has: with a word of up to 23 and a `+` before it, it is a local part (RFC 5321: 64).
    pub const CHARS: usize = (BOUNCE_CONTENT + BOUNCE_MAC) / 5 * 8;

    /// The token as text: small letters and digits. The same every time, as long as the key is.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] where the subscriber is not at least 1.
    pub fn sign_with(&self, key: &Key) -> Result<String, TooLarge> {
        if self.subscriber < 1 {
            return Err(TooLarge { what: "subscriber", number: self.subscriber });
        }
        let mut bytes = Vec::with_capacity(BOUNCE_CONTENT + BOUNCE_MAC);
        bytes.extend([BOUNCE_VERSION, key.id().as_bytes()[0]]);
        bytes.extend(self.subscriber.to_be_bytes());
        bytes.extend(self.issue.to_be_bytes());
        bytes.extend(&key.mac(BOUNCE_LABEL, &bytes)[..BOUNCE_MAC]);
        Ok(BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }

    /// What a token says, in whatever case it came back.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub fn verify(keys: &Keys, text: &str) -> Result<BounceToken, TokenError> {
        let content: [u8; BOUNCE_CONTENT] =
            opened::<BOUNCE_CONTENT, BOUNCE_MAC>(keys, BOUNCE_LABEL, BOUNCE_VERSION, || {
                BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()
            })?;
        let [_, _, a, b, c, d, e, f, g, h, issue @ ..] = content;
        let subscriber = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
        match subscriber > 0 {
            true => Ok(BounceToken { subscriber, issue: u32::from_be_bytes(issue) }),
            false => Err(TokenError::Malformed),
        }
    }
}

/// The content of a token that one of the keys signed.
fn opened<const CONTENT: usize, const MAC: usize>(
    keys: &Keys,
    label: &[u8],
    version: u8,
    decode: impl FnOnce() -> Option<Vec<u8>>,
) -> Result<[u8; CONTENT], TokenError> {
    let bytes = decode().filter(|bytes| bytes.len() == CONTENT + MAC).ok_or(TokenError::Malformed)?;
    let (content, mac) = bytes.split_first_chunk::<CONTENT>().ok_or(TokenError::Malformed)?;
    if content[0] & 0xf0 != version {
        return Err(TokenError::Malformed);
    }
    // Two keys may have the same first byte in their ids.
    let (mut known, mut good) = (false, Choice::from(0));
    for key in keys.iter().filter(|key| key.id().as_bytes()[0] == content[1]) {
        known = true;
        good |= key.mac(label, content)[..MAC].ct_eq(mac);
    }
    match (known, bool::from(good)) {
        (false, _) => Err(TokenError::UnknownKey),
        (true, false) => Err(TokenError::Forged),
        (true, true) => Ok(*content),
    }
}

#[cfg(test)]
mod tests;
