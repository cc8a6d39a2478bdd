//! Private keys that sign, and what the DNS says of their public halves.
//!
//! PEM in PKCS#1 (`RSA PRIVATE KEY`) and PKCS#8 (`PRIVATE KEY`), as OpenSSL writes them, and the 32 bytes of an Ed25519 key in
//! base64. Everything else is told apart by what a person can do about it. The PEM is read by `rustls-pki-types`, which
//! rustls brings along and which tells one kind of section from another; the key by `ring`, which checks that its numbers
//! belong together.

use data_encoding::BASE64;
use ring::digest::{SHA256, digest};
use ring::error::KeyRejected;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::alg_id;
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use rustls::sign::public_key_to_spki;
use std::fmt;
use zeroize::Zeroizing;

/// A private key that signs.
pub struct Key(Secret);

enum Secret {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// Why a text is no key that signs. None of it shows any of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing but white space.
    #[error("is empty")]
    Empty,
    /// A key under a pass phrase.
    #[error("holds a key that is locked with a pass phrase")]
    Encrypted,
    /// The other half of a key.
    #[error("holds a public key, and a private one signs")]
    Public,
    /// A certificate.
    #[error("holds a certificate, and a private key signs")]
    Certificate,
    /// A key of an algorithm that DKIM does not know: EC, DSA, Ed448.
    #[error("holds a key that is neither RSA nor Ed25519")]
    Algorithm,
    /// A key for logging in.
    #[error("holds an OpenSSH key")]
    OpenSsh,
    /// A key of fewer than 2048 bits.
    #[error("holds an RSA key of fewer than 2048 bits")]
    TooShort,
    /// A key of more than 4096 bits, which RFC 8301 asks no receiver to verify, or of an odd number of them.
    #[error("holds an RSA key of a length that cannot be used")]
    Length,
    /// More than one private key.
    #[error("holds more than one private key")]
    Several,
    /// Bytes that are no text.
    #[error("holds no PEM")]
    NotPem,
    /// PEM or a key that does not parse.
    #[error("holds a damaged key")]
    Damaged,
}

impl KeyError {
    /// What to do about it, with FILE and NEW in the place of names of files. No hint writes over a key.
    pub fn hint(&self) -> &'static str {
        match self {
            KeyError::Empty | KeyError::Algorithm | KeyError::OpenSsh => {
                "make a key with `openssl genrsa -out NEW 2048`, or with `openssl genpkey -algorithm ed25519 -out NEW`"
            }
            KeyError::TooShort | KeyError::Length => {
                "make a new key with `openssl genrsa -out NEW 2048`, and give it a selector of its own"
            }
            KeyError::Encrypted => "unlock it with `openssl pkey -in FILE -out NEW`, then `chmod 600 NEW`",
            KeyError::Public => "name the file of the private key; the public one belongs into the DNS",
            KeyError::Certificate => "name the file of the private key",
            KeyError::Several => "leave one key in the file, and name each file in a table of its own",
            KeyError::NotPem => {
                "write the key as PEM, from `-----BEGIN` to `-----END`; `openssl pkey -inform DER -in FILE -out NEW` \
                 makes it of DER"
            }
            KeyError::Damaged => "copy the file again, whole, from `-----BEGIN` to the end of the `-----END` line",
        }
    }
}

impl Key {
    /// The key that a file holds.
    ///
    /// RSA keys have 2048 to 4096 bits. RFC 8301 lets a signer go down to 1024; `ring` does not, and large receivers count
    /// shorter keys as no signature at all.
    ///
    /// # Errors
    ///
    /// [`KeyError`], one for each thing that can be done about it.
    pub fn parse(pem: &[u8]) -> Result<Key, KeyError> {
        let pem = pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(pem).trim_ascii();
        let says = |word: &str| memchr::memmem::find(pem, word.as_bytes()).is_some();
        if pem.is_empty() {
            return Err(KeyError::Empty);
        }
        if !says("-----BEGIN ") {
            return bare(pem);
        }
        if says("-----BEGIN ENCRYPTED PRIVATE KEY") || says("Proc-Type: 4,ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        let (mut key, mut others) = (None, Vec::new());
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
            let (kind, der) = section.map_err(|_| KeyError::Damaged)?;
            let der = Zeroizing::new(der);
            let read = match kind {
                SectionKind::RsaPrivateKey => rsa(RsaKeyPair::from_der(&der)),
                SectionKind::PrivateKey => pkcs8(&der),
                SectionKind::EcPrivateKey => Err(KeyError::Algorithm),
                other => {
                    others.push(other);
                    continue;
                }
            };
            if key.replace(read?).is_some() {
                return Err(KeyError::Several);
            }
        }
        match key {
            Some(key) => Ok(key),
            None if says("-----BEGIN OPENSSH PRIVATE KEY") => Err(KeyError::OpenSsh),
            None if says(" PRIVATE KEY-----") => Err(KeyError::Algorithm),
            None if says("PUBLIC KEY-----") => Err(KeyError::Public),
            None if others.contains(&SectionKind::Certificate) => Err(KeyError::Certificate),
            None => Err(KeyError::Damaged),
        }
    }

    /// `a=`: `rsa-sha256` or `ed25519-sha256`.
    pub fn algorithm(&self) -> &'static str {
        match self.0 {
            Secret::Rsa(_) => "rsa-sha256",
            Secret::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// What the DNS must say of the key: `v=DKIM1; k=rsa; p=…` (RFC 6376, section 3.6.1), on one line. A TXT record is made
    /// of texts of at most 255 characters; where it is divided means nothing.
    pub fn record(&self) -> String {
        match &self.0 {
            Secret::Rsa(key) => {
                let public = public_key_to_spki(&alg_id::RSA_ENCRYPTION, key.public_key());
                format!("v=DKIM1; k=rsa; p={}", BASE64.encode(public.as_ref()))
            }
            Secret::Ed25519(key) => {
                format!("v=DKIM1; k=ed25519; p={}", BASE64.encode(key.public_key().as_ref()))
            }
        }
    }

    /// The signature of a text. None where the key is damaged, or a fault of the machine spoilt the signature.
    pub(super) fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        match &self.0 {
            Secret::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).ok()?;
                Some(signature)
            }
            // RFC 8463, section 3: what is signed is the hash.
            Secret::Ed25519(key) => Some(key.sign(digest(&SHA256, text).as_ref()).as_ref().to_vec()),
        }
    }
}

/// Says of the key only what the DNS does not say better.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, …)", self.algorithm())
    }
}

/// A key that stands there without PEM around it.
fn bare(text: &[u8]) -> Result<Key, KeyError> {
    // The first byte of DER.
    if !text.is_ascii() || text.first() == Some(&0x30) && BASE64.decode(text).is_err() {
        return Err(KeyError::NotPem);
    }
    match BASE64.decode(text).map(Zeroizing::new) {
        Ok(seed) if seed.len() == 32 => match Ed25519KeyPair::from_seed_unchecked(&seed) {
            Ok(key) => Ok(Key(Secret::Ed25519(Box::new(key)))),
            Err(_) => Err(KeyError::Damaged),
        },
        _ => Err(KeyError::NotPem),
    }
}

/// RFC 5958. OpenSSL leaves out the public half of an Ed25519 key, which is then made of the private one.
fn pkcs8(der: &[u8]) -> Result<Key, KeyError> {
    // The identifiers of rsaEncryption and of Ed25519 (RFC 8410); they stand right behind the version.
    const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
    let start = &der[..der.len().min(32)];
    let names = |identifier: &[u8]| memchr::memmem::find(start, identifier).is_some();
    if names(ED25519) {
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| KeyError::Damaged)?;
        return Ok(Key(Secret::Ed25519(Box::new(key))));
    }
    match names(RSA) {
        true => rsa(RsaKeyPair::from_pkcs8(der)),
        // A key that does not even begin as one.
        false if start.first() != Some(&0x30) => Err(KeyError::Damaged),
        false => Err(KeyError::Algorithm),
    }
}

fn rsa(read: Result<RsaKeyPair, KeyRejected>) -> Result<Key, KeyError> {
    match read {
        Ok(key) => Ok(Key(Secret::Rsa(Box::new(key)))),
        // The reason is told in words only; the tests hold them fast.
        Err(rejected) => Err(match rejected.to_string().as_str() {
            "TooSmall" => KeyError::TooShort,
            "TooLarge" | "PrivateModulusLenNotMultipleOf512Bits" => KeyError::Length,
            _ => KeyError::Damaged,
        }),
    }
}

#[cfg(test)]
mod tests;
