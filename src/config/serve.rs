//! `[serve]` and `[signup]`: where the web server stands, and how people sign up there.

use super::mail::flag;
use super::mailbox::{MAILBOX_FORM, Mailbox};
use super::parse::belongs_elsewhere;
use super::rate::Rate;
use super::tree::{Fault, Table};
use super::{Digest, values};
use crate::diagnostic::{Diagnostic, nearest};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use url::Url;

/// `[serve]`
#[derive(Clone, Debug)]
pub struct Serve {
    /// Whether the settings have the table at all: then `build` prepares what a server sends.
    pub is_wanted: bool,
    /// Where the server listens; `127.0.0.1:8080`.
    pub address: SocketAddr,
    /// Where it is seen from outside, ending in `/`.
    pub public_url: Option<Url>,
    /// Who may say on whose behalf a request comes.
    pub trusted_proxies: Vec<Network>,
}

/// Addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// One of them.
    pub address: IpAddr,
    /// How many bits they share.
    pub bits: u8,
}

impl Network {
    /// Whether an address is one of them. One of IPv4 that is written as one of IPv6 (`::ffff:10.0.0.1`) is the same.
    pub fn has(&self, address: IpAddr) -> bool {
        let (own, other) = (self.address.to_canonical(), address.to_canonical());
        let shared = |a: u128, b: u128, all: u32| {
            let hidden = all.saturating_sub(u32::from(self.bits));
            a.checked_shr(hidden) == b.checked_shr(hidden)
        };
        match (own, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => shared(own.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => shared(own.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

/// `[signup]`
#[derive(Clone, Debug)]
pub struct Signup {
    /// Digests that people may sign up to, in the order in which they are offered; all.
    pub digests: Vec<String>,
    /// Who mails to one person come from; the `from` of the first digest.
    pub from: Option<Mailbox>,
    /// Whether somebody who confirmed is welcomed by a mail.
    pub welcome: bool,
    /// A page that tells what is kept of people, linked beside the form.
    pub privacy_url: Option<Url>,
    /// How many may sign up from one network; 30 in an hour.
    pub per_network: Rate,
    /// How many mails that nobody confirmed one address gets in 24 hours; 3.
    pub per_address: usize,
    /// How long the link of a mail that asks for a yes is good; 7 days.
    pub confirm_within: Duration,
}

pub(super) const SERVE_KEYS: [&str; 3] = ["address", "public_url", "trusted_proxies"];
pub(super) const SIGNUP_KEYS: [&str; 7] =
    ["digests", "from", "welcome", "privacy_url", "per_network", "per_address", "confirm_within"];

const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// `[serve]`
pub(super) fn read_serve(table: Option<&Table<'_, '_>>, findings: &mut Vec<Diagnostic>) -> Serve {
    let address = SocketAddr::from(([127, 0, 0, 1], 8080));
    let Some(table) = table else {
        return Serve { is_wanted: false, address, public_url: None, trusted_proxies: Vec::new() };
    };
    table.refuse_unknown(&SERVE_KEYS, findings, belongs_elsewhere);
    Serve {
        is_wanted: true,
        address: table
            .get("address", findings, |key, value| {
                let raw = values::text(key, value)?;
                raw.parse().map_err(|_| {
                    let fault = Fault::new(format!("`{key}` is not an address to listen at: `{raw}`"));
                    fault.hint("write an IP address and a port: `127.0.0.1:8080`, `[::1]:8080`")
                })
            })
            .unwrap_or(address),
        public_url: table.get("public_url", findings, |key, value| {
            let url = values::site_url(key, value)?;
            match url.path().contains("//") {
                // A path that begins so would be read as another host.
                true => {
                    Err(Fault::new(format!("`{key}` has two `/` on end in its path: `{url}`")).hint("leave one out"))
                }
                false => Ok(url),
            }
        }),
        trusted_proxies: table.get_each("trusted_proxies", findings, network).unwrap_or_default(),
    }
}

/// `[signup]`
pub(super) fn read_signup(
    table: &Table<'_, '_>,
    digests: &BTreeMap<String, Digest>,
    findings: &mut Vec<Diagnostic>,
) -> Signup {
    table.refuse_unknown(&SIGNUP_KEYS, findings, belongs_elsewhere);
    let known = |key: &str, raw: &str| match digests.contains_key(raw) {
        true => Ok(raw.to_owned()),
        false => {
            let fault = Fault::new(format!("`{key}` names a digest that does not exist: `{raw}`"));
            Err(match nearest(raw, digests.keys().map(String::as_str)) {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault.hint(format!("a digest is a table of its own: `[digest.{raw}]`")),
            })
        }
    };
    Signup {
        digests: table.get_each("digests", findings, known).unwrap_or_else(|| digests.keys().cloned().collect()),
        from: table.get("from", findings, |key, value| {
            let raw = values::text(key, value).map_err(|fault| fault.hint(MAILBOX_FORM))?;
            Mailbox::parse(raw).map_err(|error| {
                let fault = Fault::new(format!("`{key}` {}", error.message)).hint(MAILBOX_FORM);
                if error.width == 0 { fault } else { fault.inside(error.column, error.width) }
            })
        }),
        welcome: table.get("welcome", findings, flag).unwrap_or(false),
        privacy_url: table.get("privacy_url", findings, |key, value| values::address(key, values::text(key, value)?)),
        per_network: table
            .get("per_network", findings, |key, value| {
                let raw = values::text(key, value)?;
                raw.parse().map_err(|error: super::RateError| {
                    Fault::new(format!("`{key}` is not a rate: `{raw}`")).hint(error.to_string())
                })
            })
            .unwrap_or_else(|| "30/h".parse().expect("this is a rate")),
        per_address: table.get("per_address", findings, values::at_least_one).unwrap_or(3),
        confirm_within: table.get("confirm_within", findings, values::age).unwrap_or(WEEK),
    }
}

/// An address, or one with a number of bits: `10.0.0.0/8`.
fn network(key: &str, raw: &str) -> Result<Network, Fault> {
    let (address, bits) = raw.split_once('/').map_or((raw, None), |(address, bits)| (address, Some(bits)));
    let network = address.parse::<IpAddr>().ok().and_then(|address| {
        let most = if address.is_ipv4() { 32 } else { 128 };
        let digits = |bits: &&str| bits.bytes().all(|b| b.is_ascii_digit());
        let bits = bits.map_or(Some(most), |bits| Some(bits).filter(digits)?.parse().ok())?;
        (bits <= most).then_some(Network { address, bits })
    });
    network.ok_or_else(|| {
        let fault = Fault::new(format!("`{key}` holds what is no IP address: `{raw}`"));
        fault.hint("write `127.0.0.1`, `::1` or `10.0.0.0/8`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_share_its_bits() {
        #[track_caller]
        fn case(text: &str, address: &str, want: bool) {
            let network = network("trusted_proxies", text).unwrap_or_else(|_| panic!("{text}"));
            assert_eq!(network.has(address.parse().unwrap()), want, "{text} {address}");
        }
        case("10.0.0.0/8", "10.255.0.1", true);
        case("10.0.0.0/8", "11.0.0.1", false);
        case("10.0.0.0/8", "::ffff:10.1.2.3", true);
        case("127.0.0.1", "127.0.0.1", true);
        case("127.0.0.1", "127.0.0.2", false);
        case("0.0.0.0/0", "203.0.113.9", true);
        case("0.0.0.0/0", "2001:db8::1", false);
        case("2001:db8::/32", "2001:db8:1::1", true);
        case("2001:db8::/32", "2001:db9::1", false);
        case("::/0", "2001:db9::1", true);
        case("192.0.2.129/25", "192.0.2.1", false);
        case("192.0.2.129/25", "192.0.2.200", true);
    }
}
