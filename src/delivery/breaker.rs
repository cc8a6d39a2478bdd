//! Stopping an issue when a provider keeps saying that it will not have our mail.
//!
//! Pure. A refusal by policy (5.7.x) is about the sender and not about the recipient: the next mail is refused as well, and
//! each one makes the sender's name worse. So after a few from one provider, with nothing accepted between, the issue
//! stops until a person has looked.

use super::outcome::explained;
use crate::mail::smtp::Reply;
use std::collections::HashMap;

/// So many refusals in a row by one provider stop an issue, and so many by the server itself, whoever the mail is for.
const REPEATED: u32 = 5;
/// So many refusals by policy in a row, by whichever provider.
const REPEATED_BY_ANY: u32 = 10;

/// Counts refusals: for each domain of recipients, and for the server that all mail goes through.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    in_a_row: HashMap<String, u32>,
    of_sender: u32,
    by_any: u32,
}

impl Breaker {
    /// A provider took a mail.
    pub fn accepted(&mut self, domain: &str) {
        self.in_a_row.remove(domain);
        (self.of_sender, self.by_any) = (0, 0);
    }

    /// A provider refused a mail by policy. Returns why the issue must stop, once it has done so five times in a row, or ten
    /// were refused so in a row by any.
    pub fn refused(&mut self, domain: &str, reply: &Reply) -> Option<String> {
        let count = self.in_a_row.entry(domain.to_owned()).or_default();
        *count += 1;
        self.by_any += 1;
        if *count >= REPEATED {
            return Some(because(&format!("{domain} refused {count} mails in a row by policy"), reply));
        }
        (self.by_any >= REPEATED_BY_ANY)
            .then(|| because(&format!("{} mails in a row were refused by policy", self.by_any), reply))
    }

    /// The server does not take mail from this sender, whoever it is for. Returns why the issue must stop, once it has said
    /// so five times in a row.
    pub fn sender_refused(&mut self, reply: &Reply) -> Option<String> {
        self.of_sender += 1;
        let count = self.of_sender;
        (count >= REPEATED).then(|| because(&format!("the server refused the sender {count} times in a row"), reply))
    }
}

fn because(what: &str, reply: &Reply) -> String {
    let meaning = explained(reply.enhanced).map(|meaning| format!(" ({meaning})")).unwrap_or_default();
    format!("{what}: {reply}{meaning}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_repeats_itself_stops_the_issue() {
        let reply = Reply::new(550, [5, 7, 26], "not authenticated");
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            assert_eq!(breaker.refused("gmail.com", &reply), None);
            assert_eq!(breaker.refused("example.com", &reply), None);
        }
        breaker.accepted("example.com");
        assert_eq!(breaker.refused("example.com", &reply), None);
        let want = "gmail.com refused 5 mails in a row by policy: 550 5.7.26 not authenticated (the mail is not \
                    authenticated: SPF or DKIM must pass for the domain in `from`)";
        assert_eq!(breaker.refused("gmail.com", &reply).as_deref(), Some(want));
    }

    #[test]
    fn a_server_that_refuses_the_sender_stops_the_issue_whoever_the_mails_are_for() {
        let reply = Reply::new(550, [5, 7, 1], "sender not owned");
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            assert_eq!(breaker.sender_refused(&reply), None);
        }
        let want = "the server refused the sender 5 times in a row: 550 5.7.1 sender not owned (the server does not let \
                    this sender in)";
        assert_eq!(breaker.sender_refused(&reply).as_deref(), Some(want));
        let mut breaker = Breaker::default();
        for n in 0..9 {
            assert_eq!(breaker.refused(&format!("d{n}.example"), &reply), None);
        }
        assert!(breaker.refused("d9.example", &reply).is_some());
    }
}
