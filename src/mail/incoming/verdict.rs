//! What a report says of a mail that was not delivered (RFC 3464; codes of RFC 3463).

use super::fields::Fields;
use std::fmt;

/// An enhanced status code: `5.1.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code(pub [u16; 3]);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Code([class, subject, detail]) = self;
        write!(f, "{class}.{subject}.{detail}")
    }
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is no such mailbox, and there will be none.
    NoMailbox(Code),
    /// It was refused for good, for another reason: nothing follows for the next mail.
    Refused(Code),
    /// It is still on its way, or was given up after a while in which nobody took it.
    Delayed(Option<Code>),
    /// It was delivered after all.
    Delivered,
    /// It is not said in a way that can be relied on.
    Unclear,
}

impl Code {
    /// Whether no mail will ever reach the mailbox: it does not exist (5.1.1), has moved away (5.1.6), or its domain takes
    /// no mail (5.1.10 of RFC 7505, which Exchange also says of a mailbox that does not exist).
    ///
    /// Not the others of their kind: 5.1.2 is also what a server says of every address when its resolver is at fault, a
    /// mailbox may be disabled (5.2.1) or full (5.2.2) for some time, and 5.7.x is about us.
    fn is_no_mailbox(self) -> bool {
        matches!(self, Code([5, 1, 1 | 6 | 10]))
    }

    /// The codes in a text, in order.
    fn all(text: &str) -> impl Iterator<Item = Code> {
        text.split(|c: char| !c.is_ascii_digit() && c != '.').filter_map(|word| {
            let mut numbers = word.trim_matches('.').split('.').map(|number| match number.len() {
                1..=3 => number.parse::<u16>().ok(),
                _ => None,
            });
            let code = [numbers.next()??, numbers.next()??, numbers.next()??];
            // Four numbers are an address of the network.
            (numbers.next().is_none() && matches!(code, [2 | 4 | 5, 0..=7, _])).then_some(Code(code))
        })
    }
}

impl Verdict {
    /// What the fields of a report say. Of several recipients each must be gone: one address was written to, and what
    /// became of it behind that is not ours.
    pub(super) fn of_report(groups: &[Fields]) -> Verdict {
        let is_recipient = |group: &&Fields| group.first("action").is_some() || group.first("status").is_some();
        let all: Vec<Verdict> = groups.iter().filter(is_recipient).map(Verdict::of_recipient).collect();
        let Some(&first) = all.first() else { return Verdict::Unclear };
        if all.iter().all(|one| matches!(one, Verdict::NoMailbox(_))) {
            return first;
        }
        let weakened = all.iter().map(|one| match one {
            Verdict::NoMailbox(code) => Verdict::Refused(*code),
            other => *other,
        });
        let weight = |one: &Verdict| match one {
            Verdict::Refused(_) | Verdict::NoMailbox(_) => 3,
            Verdict::Delayed(_) => 2,
            Verdict::Unclear => 1,
            Verdict::Delivered => 0,
        };
        weakened.max_by_key(weight).unwrap_or(Verdict::Unclear)
    }

    fn of_recipient(group: &Fields) -> Verdict {
        let action = group.first("action").unwrap_or_default().trim().to_ascii_lowercase();
        let status = group.first("status").and_then(|status| Code::all(status).next());
        let reply = group.first("diagnostic-code").and_then(|reply| Code::all(reply).next());
        match action.split([' ', ';', '(']).next().unwrap_or_default() {
            "delivered" | "relayed" | "expanded" => return Verdict::Delivered,
            "delayed" => return Verdict::Delayed(status.or(reply)),
            "failed" | "" => {}
            _ => return Verdict::Unclear,
        }
        let code = match (status, reply) {
            // What the server said itself counts where the report says less, or something that it did not say.
            (Some(Code([a, 0, 0])), Some(reply)) if reply.0[0] == a => Some(reply),
            (Some(status), Some(reply)) if status.is_no_mailbox() && !reply.is_no_mailbox() => Some(reply),
            (status, reply) => status.or(reply),
        };
        code.map_or(Verdict::Unclear, Verdict::of_code)
    }

    /// What a text says that is no report: only where all codes in it, above the mail that it brings back, are the same.
    pub(super) fn of_text(text: &str) -> Verdict {
        const COPY: [&str; 4] =
            ["--- Below this line is", "--- Enclosed is", "------ This is a copy of", "This is a copy of the message"];
        let end = COPY.iter().filter_map(|mark| text.find(mark)).min().unwrap_or(text.len());
        let mut codes = Code::all(&text[..end]);
        match codes.next() {
            Some(code) if codes.all(|other| other == code) => Verdict::of_code(code),
            _ => Verdict::Unclear,
        }
    }

    fn of_code(code: Code) -> Verdict {
        match code.0[0] {
            5 if code.is_no_mailbox() => Verdict::NoMailbox(code),
            5 => Verdict::Refused(code),
            4 => Verdict::Delayed(Some(code)),
            _ => Verdict::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::incoming::fields::groups;

    #[test]
    fn the_fields_of_a_report_decide() {
        #[track_caller]
        fn case(fields: &str, want: &str) {
            let text = format!("Reporting-MTA: dns; mx.example.org\n\n{fields}\n");
            assert_eq!(format!("{:?}", Verdict::of_report(&groups(text.as_bytes()))), want, "{fields}");
        }
        case("Action: failed\nStatus: 5.1.1", "NoMailbox(Code([5, 1, 1]))");
        case("ACTION:FAILED\r\nSTATUS:5.1.1 (bad destination mailbox)\r", "NoMailbox(Code([5, 1, 1]))");
        case("Action: failed\nStatus: 5.1.10", "NoMailbox(Code([5, 1, 10]))");
        case("Action: failed\nStatus: 5.1.6", "NoMailbox(Code([5, 1, 6]))");
        case("Action: failed\nStatus: 5.1.2", "Refused(Code([5, 1, 2]))");
        case("Action: failed\nStatus: 5.2.1", "Refused(Code([5, 2, 1]))");
        case("Action: failed\nStatus: 5.7.1", "Refused(Code([5, 7, 1]))");
        case("Action: failed\nStatus: 4.4.1", "Delayed(Some(Code([4, 4, 1])))");
        case("Action: delayed\nStatus: 4.4.1", "Delayed(Some(Code([4, 4, 1])))");
        case("Action: delayed\nStatus: 5.1.1", "Delayed(Some(Code([5, 1, 1])))");
        case("Action: relayed\nStatus: 2.6.0", "Delivered");
        case("Action: failed", "Unclear");
        case("Action: failed\nStatus: 5.1", "Unclear");
        case("Action: failed\nStatus: 2.0.0", "Unclear");
        case("Status: 5.1.1", "NoMailbox(Code([5, 1, 1]))");
        case("Action: exploded\nStatus: 5.1.1", "Unclear");
        case("Final-Recipient: rfc822; ana@example.com", "Unclear");
        // The reply itself knows more, or better.
        let with =
            |status: &str, reply: &str| format!("Action: failed\nStatus: {status}\nDiagnostic-Code: smtp;\n {reply}");
        case(&with("5.0.0", "550-5.1.1 The account does not exist"), "NoMailbox(Code([5, 1, 1]))");
        case(&with("5.0.0", "550 no such user"), "Refused(Code([5, 0, 0]))");
        case(&with("5.1.1", "550 5.7.1 blocked"), "Refused(Code([5, 7, 1]))");
        case(&with("5.1.1", "550 10.5.1.1 unknown"), "NoMailbox(Code([5, 1, 1]))");
        case(&with("4.4.7", "550 5.1.1 unknown"), "Delayed(Some(Code([4, 4, 7])))");
        // Whoever passes mail on to several is there as long as one of them is.
        case("Action: failed\nStatus: 5.1.1\n\nAction: failed\nStatus: 5.1.10", "NoMailbox(Code([5, 1, 1]))");
        case("Action: failed\nStatus: 5.1.1\n\nAction: delivered\nStatus: 2.0.0", "Refused(Code([5, 1, 1]))");
        case("Action: delivered\nStatus: 2.0.0\n\nAction: delayed\nStatus: 4.0.0", "Delayed(Some(Code([4, 0, 0])))");
    }

    #[test]
    fn of_a_text_only_what_it_says_without_doubt_counts() {
        #[track_caller]
        fn case(text: &str, want: Verdict) {
            assert_eq!(Verdict::of_text(text), want, "{text}");
        }
        case("no mailbox here by that name. (#5.1.1)\n", Verdict::NoMailbox(Code([5, 1, 1])));
        case("550 5.1.1 a\n550-5.1.1 b\n--- Below this line is a copy\n5.7.1", Verdict::NoMailbox(Code([5, 1, 1])));
        case("550 5.1.1 a\n550 5.7.1 b", Verdict::Unclear);
        case("550 unknown user", Verdict::Unclear);
        case("from 5.1.1.2 on 5.1.2026, v5.1", Verdict::Unclear);
    }
}
