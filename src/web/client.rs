//! Who asks: the address of the other end of a connection, or what a proxy that is trusted says of it.
//!
//! Pure. What a header says counts only where the settings trust whoever sent it (`[serve] trusted_proxies`); anybody else
//! could name any address. The last address in `X-Forwarded-For` that is not such a proxy is the one that asks.

use crate::config::Network;
use std::fmt;
use std::net::IpAddr;

/// The network that a request comes from: what is counted, and what a log shows of an address.
///
/// 24 bits of an address of IPv4 and 56 of one of IPv6: one household or office, seldom fewer people, seldom more than a
/// school.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(IpAddr);

impl Origin {
    /// The network of an address.
    pub fn of(address: IpAddr) -> Origin {
        Origin(match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & (u32::MAX << 8)).into()),
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 72)).into()),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = if self.0.is_ipv4() { 24 } else { 56 };
        write!(f, "{}/{bits}", self.0)
    }
}

/// The address that a request comes from. `forwarded` are the values of its `X-Forwarded-For` headers, in order.
pub fn client<'a>(peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.has(address));
    let mut client = peer;
    let said = forwarded.rev().flat_map(|value| value.rsplit(',')).map(str::trim);
    for address in said {
        if !is_trusted(client) {
            break;
        }
        // Whoever stands before something that is no address cannot be known.
        let Some(address) = parsed(address) else { break };
        client = address;
    }
    client
}

/// An address as proxies write it: bare, with a port, or in brackets.
fn parsed(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let bare = bare.unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_says_for_whom_it_asks() {
        #[track_caller]
        fn case(peer: &str, forwarded: &[&str], want: &str) {
            let trusted = [
                Network { address: [127, 0, 0, 1].into(), bits: 32 },
                Network { address: [10, 0, 0, 0].into(), bits: 8 },
            ];
            let got = client(peer.parse().unwrap(), forwarded.iter().copied(), &trusted);
            assert_eq!(got.to_string(), want, "{peer} {forwarded:?}");
        }
        case("203.0.113.9", &[], "203.0.113.9");
        case("203.0.113.9", &["198.51.100.1"], "203.0.113.9");
        case("127.0.0.1", &[], "127.0.0.1");
        case("127.0.0.1", &["198.51.100.1"], "198.51.100.1");
        case("127.0.0.1", &["198.51.100.1, 10.1.2.3"], "198.51.100.1");
        case("127.0.0.1", &["192.0.2.66, 198.51.100.1"], "198.51.100.1");
        case("127.0.0.1", &["192.0.2.66", "198.51.100.1"], "198.51.100.1");
        case("127.0.0.1", &["198.51.100.1:4711"], "198.51.100.1");
        case("127.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1");
        case("127.0.0.1", &["2001:db8::1"], "2001:db8::1");
        case("127.0.0.1", &["unknown"], "127.0.0.1");
        case("127.0.0.1", &["198.51.100.1, nonsense, 10.0.0.1"], "10.0.0.1");
        case("127.0.0.1", &[""], "127.0.0.1");
        case("::ffff:127.0.0.1", &["198.51.100.1"], "198.51.100.1");
    }

    #[test]
    fn a_network_is_what_one_household_has() {
        #[track_caller]
        fn case(address: &str, want: &str) {
            assert_eq!(Origin::of(address.parse().unwrap()).to_string(), want);
        }
        case("203.0.113.9", "203.0.113.0/24");
        case("::ffff:203.0.113.9", "203.0.113.0/24");
        case("2001:db8:1234:56ff:aaaa::1", "2001:db8:1234:5600::/56");
    }
}
