//! Who an issue is for: `digest=weekly or address=ana@example.org`.
//!
//! Subscribers of digests, and single addresses besides: the team that wants every issue. An address that is named here
//! gets no mail unless it is a subscriber's who has not left.

use super::mailbox::Mailbox;
use super::tree::Fault;
use crate::diagnostic::nearest;

/// Who an issue is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Subscribers of these digests.
    pub digests: Vec<String>,
    /// And these addresses, in small letters.
    pub addresses: Vec<String>,
}

const HINT: &str = "write `digest=NAME` and `address=NAME@example.org` with `or` between them";

/// The audience that a text means. `names` are the digests that there are.
pub(super) fn parse(key: &str, raw: &str, names: &[&str]) -> Result<Audience, Fault> {
    let mut audience = Audience::default();
    for (at, term) in terms(raw) {
        let (column, width) = (raw[..at].chars().count(), term.chars().count());
        let fault = |message: String| Fault::new(message).inside(column, width.max(1));
        match term.split_once('=').map(|(axis, value)| (axis.trim(), value.trim())) {
            Some(("digest", name)) if names.contains(&name) => audience.digests.push(name.to_owned()),
            Some(("digest", name)) => {
                let fault = fault(format!("`{key}` names a digest that does not exist: `{name}`"));
                return Err(match nearest(name, names.iter().copied()) {
                    Some(near) => fault.hint(format!("did you mean `{near}`?")),
                    None => fault.hint(HINT),
                });
            }
            Some(("address", address)) => match Mailbox::parse(address) {
                Ok(mailbox) => audience.addresses.push(mailbox.address.to_ascii_lowercase()),
                Err(error) => return Err(fault(format!("`{key}` names what is no address: it {}", error.message))),
            },
            _ => return Err(fault(format!("`{key}` cannot be understood at `{term}`")).hint(HINT)),
        }
    }
    Ok(audience)
}

/// The terms between `or`, with the byte at which each begins.
fn terms(raw: &str) -> Vec<(usize, &str)> {
    let mut terms = Vec::new();
    let mut start = 0;
    let mut words = raw.split_whitespace().peekable();
    let mut end = 0;
    while let Some(word) = words.next() {
        let at = word.as_ptr() as usize - raw.as_ptr() as usize;
        if word.eq_ignore_ascii_case("or") && words.peek().is_some() {
            terms.push((start, raw[start..end].trim_end()));
            start = words.peek().map_or(raw.len(), |next| next.as_ptr() as usize - raw.as_ptr() as usize);
            end = start;
        } else {
            if end == 0 && start == 0 {
                start = at;
            }
            end = at + word.len();
        }
    }
    terms.push((start, &raw[start..end]));
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_read() {
        #[track_caller]
        fn case(raw: &str, digests: &[&str], addresses: &[&str]) {
            let audience = parse("audience", raw, &["weekly", "daily"]).map_err(|_| ()).expect("an audience");
            assert_eq!((audience.digests, audience.addresses), (strings(digests), strings(addresses)), "{raw}");
        }
        fn strings(list: &[&str]) -> Vec<String> {
            list.iter().map(|one| (*one).to_owned()).collect()
        }
        case("digest=weekly", &["weekly"], &[]);
        case("  digest = weekly OR digest=daily ", &["weekly", "daily"], &[]);
        case("address=Ana@Example.org or digest=daily", &["daily"], &["ana@example.org"]);
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for raw in ["", "weekly", "digest=", "digest=wekly", "digest=weekly or", "or", "address=ana", "tag=x"] {
            assert!(parse("audience", raw, &["weekly"]).is_err(), "{raw}");
        }
    }
}
