use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER: &str = "//////////////////////////////////////////8=";

fn keys(secret: &str) -> Keys {
    Keys::from_secret(secret).expect("a key")
}

fn leave(secret: &str, purpose: Purpose) -> String {
    let token = Token { purpose, subscriber: 7, digest: 0, issue: 3, expires_at: None };
    token.sign(&keys(secret)).expect("a token")
}

fn bounce(secret: &str) -> String {
    BounceToken { subscriber: 7, issue: 3 }.sign_with(keys(secret).signing()).expect("a token")
}

/// A token that nobody signed: one of its letters is another.
fn forged(token: &str) -> String {
    let (begin, rest) = token.split_at(9);
    let other = if rest.starts_with('a') { 'b' } else { 'a' };
    format!("{begin}{other}{}", &rest[1..])
}

/// A mail with tokens in the places that are kept for them.
fn filled(text: &str) -> String {
    let (token, back) = (leave(SECRET, Purpose::Unsubscribe), bounce(SECRET));
    let quoted = |part: &str| part.bytes().map(|byte| format!("={byte:02X}")).collect::<String>();
    text.replace("LEAVE_TOKEN", &token)
        .replace("LEAVE_HALF1", &token[..30])
        .replace("LEAVE_HALF2", &token[30..])
        .replace("LEAVE_QHALF1", &quoted(&token[..16]))
        .replace("LEAVE_QHALF2", &quoted(&token[16..]))
        .replace("FORGED_LEAVE", &forged(&token))
        .replace("CUT_LEAVE", &token[..47])
        .replace("FOREIGN_LEAVE", &leave(OTHER, Purpose::Unsubscribe))
        .replace("PREFERENCES_TOKEN", &leave(SECRET, Purpose::Preferences))
        .replace("UPPER_BOUNCE", &back.to_ascii_uppercase())
        .replace("BOUNCE_TOKEN", &back)
        .replace("FORGED_BOUNCE", &forged(&back))
        .replace("CUT_BOUNCE", &back[..39])
        .replace("FOREIGN_BOUNCE", &bounce(OTHER))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mails")
}

fn mail(name: &str) -> String {
    let text = fs::read_to_string(folder().join(format!("{name}.eml"))).unwrap_or_else(|err| panic!("{name}: {err}"));
    filled(&text)
}

fn asks(bytes: &[u8]) -> Asks {
    Asks::of(&Incoming::parse(bytes), &keys(SECRET), DateTime::UNIX_EPOCH)
}

fn in_words(asks: Asks) -> String {
    let is_ours = |sent: Sent| assert_eq!(sent, Sent { subscriber: 7, issue: 3 });
    match asks {
        Asks::Leave(sent) => {
            is_ours(sent);
            "leave".into()
        }
        Asks::NoMailbox(sent, code) => {
            is_ours(sent);
            format!("no mailbox {code}")
        }
        Asks::Complaint(sent) => {
            is_ours(sent);
            "complaint".into()
        }
        Asks::Undelivered(sent, code) => {
            is_ours(sent);
            format!("undelivered {}", code.map_or_else(String::new, |code| code.to_string()))
        }
        Asks::Nothing(why) => format!("nothing: {why}"),
        Asks::Unclear(why) => format!("unclear: {why}"),
    }
}

const CASES: &[(&str, &str)] = &[
    ("postfix-no-such-user", "no mailbox 5.1.1"),
    ("postfix-null-mx", "no mailbox 5.1.10"),
    ("postfix-mailbox-full", "undelivered 5.2.2"),
    ("postfix-blocked", "undelivered 5.7.1"),
    ("postfix-delayed", "undelivered 4.4.1"),
    ("postfix-given-up", "undelivered 4.4.1"),
    ("postfix-no-such-domain", "undelivered 5.4.4"),
    ("postfix-forged-token", NOT_OURS),
    ("postfix-of-another-site", NOT_OURS),
    ("postfix-cut-token", NOT_OURS),
    ("postfix-without-token", NOT_OURS),
    ("postfix-to-the-sender-with-headers", "no mailbox 5.1.1"),
    ("gateway-says-user-unknown-of-a-block", "undelivered 5.7.1"),
    ("a-report-of-success", "nothing: a mail was delivered"),
    ("exchange-recipient-not-found", "no mailbox 5.1.10"),
    ("exchange-access-denied", "undelivered 5.7.1"),
    ("gmail-account-does-not-exist", "no mailbox 5.1.1"),
    ("gmail-over-quota", "undelivered 5.2.2"),
    ("exim-report", "no mailbox 5.1.1"),
    ("exim-text-with-a-code", "no mailbox 5.1.1"),
    ("exim-text-without-a-code", "unclear: one of our mails was not delivered, but no status says why"),
    ("qmail-no-mailbox", "no mailbox 5.1.1"),
    ("qmail-over-quota", "undelivered 5.2.2"),
    ("qmail-without-a-token", NOT_OURS),
    ("yahoo-complaint", "complaint"),
    ("complaint-with-the-list-headers-alone", "complaint"),
    ("complaint-with-an-srs-return-path", "complaint"),
    ("complaint-without-a-token", NO_COMPLAINT),
    ("complaint-about-another-site", NO_COMPLAINT),
    ("feedback-that-it-is-no-spam", "nothing: a mail is not spam"),
    ("feedback-about-authentication", "unclear: it is a report of a provider that is no complaint"),
    ("gmail-one-click", "leave"),
    ("apple-mail-one-click", "leave"),
    ("outlook-reply", "leave"),
    ("folded-subject", "leave"),
    ("encoded-subject", "leave"),
    ("token-in-the-address", "leave"),
    ("token-in-the-body", "leave"),
    ("token-in-an-html-body", "leave"),
    ("machine-that-leaves-and-wants-no-answer", "leave"),
    ("says-no-machine", "leave"),
    ("apple-mail-one-click-that-says-auto-replied", "leave"),
    ("vacation-at-whoever-answers-a-token", MACHINE),
    ("vacation-with-a-token-in-it", MACHINE),
    ("exim-text-delayed", "undelivered "),
    ("mail-server-that-writes-no-report", "unclear: one of our mails was not delivered, but no status says why"),
    ("forged-token", "unclear: its token is not one of this site"),
    ("cut-token", "unclear: it is an ordinary mail, and no report of one that could not be delivered"),
    ("token-of-another-site", "unclear: its token is not one of this site"),
    ("token-of-a-preview", "unclear: its token is not one of this site"),
    ("token-for-something-else", "unclear: its token is not one of this site"),
    ("from-somebody-known-without-a-token", NO_TOKEN),
    ("abmelden-without-a-token", NO_TOKEN),
    ("forwarded-issue", "unclear: it is an ordinary mail, and no report of one that could not be delivered"),
    ("forwarded-report", "unclear: it is an ordinary mail, and no report of one that could not be delivered"),
    ("vacation-to-the-return-path", MACHINE),
    ("german-out-of-office", MACHINE),
    ("german-out-of-office-without-headers", MACHINE),
    ("old-vacation", MACHINE),
    ("read-receipt", MACHINE),
    ("letter-to-the-return-path", "unclear: it came back to us, but is no report that can be relied on"),
    ("letter", "unclear: it is an ordinary mail, and no report of one that could not be delivered"),
    ("report-without-its-parts", "unclear: it cannot be read as a mail"),
];

const NOT_OURS: &str = "unclear: it says that a mail was not delivered, but no token proves that it was ours";
const NO_COMPLAINT: &str = "unclear: it is a complaint, but no token proves that it is about a mail of ours";
const NO_TOKEN: &str = "unclear: it asks to leave, but has no token that proves who it is from";
const MACHINE: &str = "nothing: a machine answers";

#[test]
fn what_a_mail_asks_for_is_what_it_can_prove() {
    for (name, want) in CASES {
        let text = mail(name);
        assert_eq!(in_words(asks(text.as_bytes())), *want, "{name}");
        assert_eq!(in_words(asks(text.replace('\n', "\r\n").as_bytes())), *want, "{name} with CRLF");
        // As a mail server gives it to a command.
        let piped = format!("From MAILER-DAEMON  Mon Nov 23 09:01:09 2026\n{text}");
        assert_eq!(in_words(asks(piped.as_bytes())), *want, "{name} from a mailbox file");
    }
}

#[test]
fn a_complaint_may_be_about_any_mail_of_ours_however_old() {
    let text = fs::read_to_string(folder().join("complaint-with-the-list-headers-alone.eml")).expect("a mail");
    let expires_at = Some(DateTime::UNIX_EPOCH + chrono::TimeDelta::days(1));
    for purpose in Purpose::ALL {
        let token = Token { purpose, subscriber: 7, digest: 0, issue: 3, expires_at };
        let token = token.sign(&keys(SECRET)).expect("a token");
        let late = DateTime::UNIX_EPOCH + chrono::TimeDelta::days(99);
        let about = |token: &str| {
            Asks::of(&Incoming::parse(text.replace("LEAVE_TOKEN", token).as_bytes()), &keys(SECRET), late)
        };
        // Only what stands in an issue names one.
        let issue = if purpose == Purpose::Unsubscribe { 3 } else { 0 };
        assert_eq!(about(&token), Asks::Complaint(Sent { subscriber: 7, issue }), "{purpose:?}");
        assert_eq!(in_words(about(&forged(&token))), NO_COMPLAINT);
    }
}

#[test]
fn every_mail_is_in_the_table() {
    let files = fs::read_dir(folder()).expect("the folder").map(|file| file.expect("a file").file_name());
    let files: BTreeSet<String> = files.map(|name| name.to_string_lossy().into_owned()).collect();
    assert_eq!(files, CASES.iter().map(|(name, _)| format!("{name}.eml")).collect());
}

#[test]
fn a_mail_that_is_cut_off_anywhere_asks_for_nothing_else() {
    for (name, want) in CASES {
        let text = mail(name);
        let bytes = text.as_bytes();
        for end in 0..bytes.len() {
            let asked = in_words(asks(&bytes[..end]));
            let is_less =
                asked.starts_with("unclear") || asked.starts_with("nothing") || asked.starts_with("undelivered");
            // A status that is cut off is another one: `5.1.1` of `5.1.10`.
            let is_same = asked == *want || asked.starts_with("no mailbox") && want.contains("mailbox");
            // What says otherwise may stand behind the place.
            let is_said_later = [
                "gateway-says-user-unknown-of-a-block",
                "vacation-at-whoever-answers-a-token",
                "vacation-with-a-token-in-it",
            ];
            assert!(is_less || is_same || is_said_later.contains(name), "{name} up to {end}: {asked}");
        }
    }
}

#[test]
fn what_is_no_mail_cannot_be_read() {
    for bytes in [&b""[..], b"From ", b"\n\n\n", b"\0\xff\xfe", b"hello"] {
        assert_eq!(in_words(asks(bytes)), "unclear: it cannot be read as a mail", "{bytes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Bytes are changed, taken out, said again and mixed with other mails: nothing panics, and nobody is let go by a token
    /// that is not whole.
    #[test]
    fn no_bytes_are_too_much(
        which in 0..CASES.len(),
        other in 0..CASES.len(),
        changes in prop::collection::vec((0..4_u8, any::<prop::sample::Index>(), 1..60_usize, any::<u8>()), 1..12),
    ) {
        let (mut bytes, other) = (mail(CASES[which].0).into_bytes(), mail(CASES[other].0).into_bytes());
        for (how, at, length, byte) in changes {
            let at = at.index(bytes.len() + 1);
            let end = (at + length).min(bytes.len());
            match how {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => drop(bytes.drain(at..end)),
                2 => {
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
                _ => {
                    let from = at.min(other.len());
                    let piece = other[from..(from + 8 * length).min(other.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        in_words(asks(&bytes));
    }

    #[test]
    fn bytes_without_any_sense_ask_for_nothing(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(matches!(asks(&bytes), Asks::Nothing(_) | Asks::Unclear(_)));
    }
}
