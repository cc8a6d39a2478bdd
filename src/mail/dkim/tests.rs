use super::{Head, Key, NameError, SignError, Signer, sign};
use chrono::{DateTime, Utc};

const MAIL: &str = "From: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\n\
                    Subject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
                    Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\nHi.\r\n\r\nWe lost the game.  Are \
                    you hungry yet?\r\n\r\nJoe.\r\n";

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_528_637_909, 0).unwrap()
}

fn ed25519(domain: &str, selector: &str) -> Result<Signer, NameError> {
    let key = Key::parse(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").unwrap();
    Signer::new(domain, selector, key)
}

#[test]
fn a_signature_is_what_it_was_byte_for_byte() {
    // The mail, key, names, time and hash of the body of RFC 8463, appendix A.
    let signer = ed25519("football.example.com", "brisbane").unwrap();
    assert_eq!(
        signer.sign(MAIL.as_bytes(), at()).unwrap(),
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; s=brisbane; \
         t=1528637909;\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n \
         h=from:to:subject:date:message-id:from;\r\n \
         b=6S+2FDTUWvZquigMCUbyH8+crKzqNsDOh+f55iqc0khifljNYKzXK4TMIw/5kbwCDOsnxQ2V4IU\r\n wpsW147XkBQ==\r\n"
    );
    assert_eq!(signer.record_name(), "brisbane._domainkey.football.example.com");
}

#[test]
fn what_is_covered_is_what_is_there() {
    #[track_caller]
    fn case(head: &str, want: &str) {
        assert_eq!(Head::new(head.as_bytes()).map(|head| head.names.replace("\r\n ", "")), Ok(want.to_owned()));
    }
    case("From: a\r\n", " h=from:from;");
    case("FROM : a\r\nX-Other: b\r\nReceived: c\r\n\r\nTo: not a header\r\n", " h=from:from;");
    case("Subject: a\r\n From: b\r\nFrom: c\r\nno colon\r\n", " h=subject:from:from;");
    case("From: a\r\nFrom: b\r\nTo: c\r\n", " h=from:from:to:from;");
    case(
        "Return-Path: <x>\r\nFrom: a\r\nReply-To: a\r\nList-Id: a\r\nList-Unsubscribe: <a>\r\nList-Unsubscribe-Post: \
         a\r\nList-Anything: a\r\nFeedback-ID: a\r\nAuto-Submitted: a\r\nMIME-Version: 1.0\r\nContent-Type: a\r\nDKIM-Signature: \
         a\r\n",
        " h=from:reply-to:list-id:list-unsubscribe:list-unsubscribe-post:list-anything:feedback-id:auto-submitted:\
         mime-version:content-type:from;",
    );
    for head in ["", "To: a\r\n", "\r\nFrom: a\r\n", " From: a\r\n", "X-From: a\r\n\r\nFrom: b"] {
        assert_eq!(Head::new(head.as_bytes()), Err(SignError::NoFrom), "{head:?}");
    }
}

#[test]
fn a_signature_has_short_lines_whatever_it_covers() {
    let headers: String = (0..60).map(|n| format!("List-Header-Number-{n}: x\r\n")).collect();
    let message = format!("{headers}{MAIL}");
    let long = ed25519(&format!("{0}.{0}.example", "d".repeat(40)), &"s".repeat(60)).unwrap();
    let rsa = Key::parse(include_bytes!("../../../tests/keys/rsa.pkcs8.pem")).unwrap();
    let signers = [Signer::new("example.org", "s1", rsa).unwrap(), long];
    let fields = sign(&signers, message.as_bytes(), at()).unwrap();
    assert_eq!(fields.matches("DKIM-Signature: ").count(), 2);
    for line in fields.split_terminator("\r\n") {
        assert!(line.is_ascii() && line.trim_end() == line && !line.trim().is_empty(), "{line:?}");
        assert!(line.len() <= 78 || line.trim_start().starts_with("d="), "{line}");
        assert!(line.starts_with(' ') || line.starts_with("DKIM-Signature: v=1; a="), "{line}");
    }
    // A second try is byte for byte the first, also with RSA.
    assert_eq!(sign(&signers, message.as_bytes(), at()).unwrap(), fields);
    assert_ne!(sign(&signers, message.as_bytes(), at() + chrono::Duration::seconds(1)).unwrap(), fields);
}

#[test]
fn names_that_cannot_stand_in_a_signature_are_refused() {
    #[track_caller]
    fn case(domain: &str, selector: &str, want: &str) {
        assert_eq!(ed25519(domain, selector).unwrap_err().to_string(), want);
    }
    case("localhost", "s1", "`localhost` is not a domain");
    case("a.example; l=0", "s1", "`a.example; l=0` is not a domain");
    case("bücher.example", "s1", "`bücher.example` is not a domain");
    case("a.example", "", "`` is not a selector");
    case("a.example", "a..b", "`a..b` is not a selector");
    case("a.example", "a\r\nBcc: b", "`a\\r\\nBcc: b` is not a selector");
    let signer = ed25519("A.Example", "S1.Mail_2").unwrap();
    assert_eq!((signer.domain(), signer.record_name().as_str()), ("a.example", "s1.mail_2._domainkey.a.example"));
}
