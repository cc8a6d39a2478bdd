//! The envelope of a mail: whom it comes back to and whom it goes to, as servers see them (RFC 5321, section 2.3.1).

use super::address::Address;
use std::fmt;

/// The sender and the one recipient of a mail. One recipient, so that every reply says whose mail it is about.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Whom the mail comes back to when it cannot be delivered; nobody for mails that must not come back.
    pub sender: Option<Address>,
    /// Whom it goes to.
    pub recipient: Address,
    /// The message's size in bytes, where it is known by now: a server that says how much it takes (RFC 1870) is then not
    /// asked to take more.
    pub size_bytes: Option<u64>,
}

impl Envelope {
    /// An envelope for a message of a size that is not known yet.
    pub fn new(sender: Option<Address>, recipient: Address) -> Envelope {
        Envelope { sender, recipient, size_bytes: None }
    }

    /// The same, for a message of so many bytes.
    pub fn sized(self, size_bytes: u64) -> Envelope {
        Envelope { size_bytes: Some(size_bytes), ..self }
    }
}

/// Masked: it may stand in a log.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sender = self.sender.as_ref().map(Address::masked).unwrap_or_default();
        write!(f, "Envelope(<{sender}> to <{}>)", self.recipient.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_shows_no_address() {
        let envelope = Envelope::new("news@example.org".parse().ok(), "ana@example.com".parse().unwrap());
        assert_eq!(format!("{envelope:?}"), "Envelope(<n***@e***.org> to <a***@e***.com>)");
    }
}
