//! Whole mails, byte for byte, and read back by a parser that is not ours.

use super::*;
use crate::mail::list::{FeedbackId, HeaderUrl, ListId};
use mail_parser::{MessageParser, MimeHeaders};
use proptest::prelude::*;

fn text(raw: &str) -> HeaderText {
    HeaderText::new(raw).unwrap()
}

fn list(name: HeaderText) -> ListHeaders {
    ListHeaders {
        id: ListId::new(name, "weekly.example.org").unwrap(),
        unsubscribe: HeaderUrl::https("https://example.org/u/0123456789abcdef0123456789abcdef").unwrap(),
        unsubscribe_mailto: HeaderUrl::mailto(&"leave@example.org".parse().unwrap(), Some("0123456789abcdef")).unwrap(),
        help: Some(HeaderUrl::https("https://example.org/newsletter/").unwrap()),
        archive: Some(HeaderUrl::https("https://example.org/digest/weekly/").unwrap()),
        feedback_id: Some(FeedbackId::new(["2026-W48", "weekly", "digest"], "example").unwrap()),
    }
}

/// A mail in which everything that a hostile hand may fill in is given.
fn mail(from: &HeaderText, subject: &HeaderText, plain: &str, html: &str) -> Vec<u8> {
    let from = Mailbox::new(Some(from.clone()), "news@example.org".parse().unwrap());
    let list = list(from.name().unwrap().clone());
    let message = Message {
        from: &from,
        to: &Mailbox::placeholder(),
        reply_to: Some(&from),
        subject,
        sent_at: "2026-11-23T09:00:00Z".parse().unwrap(),
        message_id: &MessageId::new("0123456789abcdef", "example.org").unwrap(),
        purpose: Purpose::List(&list),
    };
    message.bytes(&Body::new(plain, html, &[]), &[]).unwrap()
}

#[test]
fn a_digest_has_all_its_headers_and_two_parts() {
    let bytes = mail(&text("Acme, Weekly"), &text("Grüße: 5 <b>&\"' 🎉"), "Grüße\n", "<p>Grüße</p>\n");
    let want = "\
From: \"Acme, Weekly\" <news@example.org>
To: reader@example.com
Reply-To: \"Acme, Weekly\" <news@example.org>
Subject: =?utf-8?b?R3LDvMOfZTogNSA8Yj4mIicg8J+OiQ==?=
Date: Mon, 23 Nov 2026 09:00:00 +0000
Message-ID: <0123456789abcdef@example.org>
List-Id: \"Acme, Weekly\" <weekly.example.org>
List-Unsubscribe: <https://example.org/u/0123456789abcdef0123456789abcdef>,
 <mailto:leave@example.org?subject=0123456789abcdef>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
List-Help: <https://example.org/newsletter/>
List-Archive: <https://example.org/digest/weekly/>
Feedback-ID: 2026-W48:weekly:digest:example
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=\"=_a\"

--=_a
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

R3LDvMOfZQ0K
--=_a
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Gr=C3=BC=C3=9Fe</p>

--=_a--
";
    let got = String::from_utf8(bytes).unwrap();
    let boundary = got.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(boundary.len(), 26);
    assert_eq!(got.replace(boundary, "=_a"), want.replace('\n', "\r\n"));
}

#[test]
fn a_notice_says_that_a_program_wrote_it() {
    let from = "news@example.org".parse().unwrap();
    let message = Message {
        from: &from,
        to: &Mailbox::placeholder(),
        reply_to: None,
        subject: &text("Please confirm"),
        sent_at: "2026-11-23T09:00:00Z".parse().unwrap(),
        message_id: &MessageId::new("1", "example.org").unwrap(),
        purpose: Purpose::Notice,
    };
    let bytes = message.bytes(&Body::new("a", "b", &[]), &[]).unwrap();
    let head = String::from_utf8(bytes).unwrap();
    let head = head.split("MIME-Version").next().unwrap();
    let want = "From: news@example.org\nTo: reader@example.com\nSubject: Please confirm\nDate: Mon, 23 Nov 2026 09:00:00 \
                +0000\nMessage-ID: <1@example.org>\nAuto-Submitted: auto-generated\n";
    assert_eq!(head, want.replace('\n', "\r\n"));
}

#[test]
fn a_body_is_encoded_once_and_filled_for_each() {
    let slot = Slot::new("leave", 32, b"issue").unwrap();
    let plain = format!("Leave: https://example.org/u/{}\n", slot.marker());
    let html = format!("<p><a href=\"https://example.org/u/{}\">Leave</a></p>\n", slot.marker());
    let body = Body::new(&plain, &html, std::slice::from_ref(&slot));
    assert_eq!((body.text().count(0), body.html().count(0)), (1, 1));
    let (mut one, mut two) = (Vec::new(), Vec::new());
    body.fill(&["1234567890-234567890_23456789012"], &mut one).unwrap();
    body.fill(&["abcdefghijklmnopqrstuvwxyzABCDEF"], &mut two).unwrap();
    assert_eq!((one.len(), two.len()), (body.size_bytes(), body.size_bytes()));
    let (one, two) = (String::from_utf8(one).unwrap(), String::from_utf8(two).unwrap());
    assert_eq!(one.replace("1234567890-234567890_23456789012", "abcdefghijklmnopqrstuvwxyzABCDEF"), two);
    assert!(!one.contains(slot.marker()) && one.contains("/u/1234567890-234567890_23456789012"));
}

#[test]
fn a_message_id_has_two_sides() {
    #[track_caller]
    fn case(local: &str, domain: &str, shown: &str) {
        assert_eq!(
            MessageId::new(local, domain).unwrap_err().to_string(),
            format!(
                "`{shown}` is not a Message-ID: both sides of the `@` must be words with dots between, the second a domain"
            )
        );
    }
    case("", "example.org", "@example.org");
    case("a>\r\nBcc: x", "example.org", "a>\\r\\nBcc: x@example.org");
    case("a", "localhost", "a@localhost");
}

#[test]
fn a_date_of_any_year_is_written() {
    for at in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::UNIX_EPOCH] {
        assert!(at.format("%a, %d %b %Y %H:%M:%S +0000").to_string().ends_with(":00 +0000") || at.timestamp() > 0);
    }
}

/// What hostile hands write.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "<b>&\"'",
            "\\",
            "(x)",
            "=?utf-8?q?x?=",
            "=?",
            "?=",
            "Bcc: a@example.com",
            ",",
            ";",
            ":",
            "@",
            "<",
            ">",
            "  ",
            " ",
            ".",
            "=",
            "字",
            "שלום",
            "🎉",
            "👩‍👩‍👧",
            "\u{202e}",
            "é",
            "\u{a0}",
            "\u{fffd}",
            "From ",
            "--=_",
            "=20",
        ])
        .prop_map(String::from),
        "[a-zA-Z0-9]{1,100}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 1..30).prop_map(|pieces| pieces.concat())
}

fn hostile_header() -> impl Strategy<Value = HeaderText> {
    hostile().prop_filter_map("not empty", |raw| HeaderText::one_line(&raw).ok())
}

fn hostile_body() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![
            hostile(),
            prop::sample::select(vec!["\n", "\r\n", "\n\n.\n", "\nFrom x\n", " \n", "\t\n"]).prop_map(String::from)
        ],
        0..12,
    )
    .prop_map(|pieces| pieces.concat())
}

/// Line breaks as they are on the wire.
fn crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_back(from in hostile_header(), subject in hostile_header(), plain in hostile_body(), html in hostile_body()) {
        let bytes = mail(&from, &subject, &plain, &html);
        prop_assert!(bytes.is_ascii() && !bytes.contains(&0));
        let wire = String::from_utf8(bytes.clone()).unwrap();
        for line in wire.split("\r\n") {
            prop_assert!(line.len() <= 78, "{line}");
            prop_assert!(!line.contains(['\r', '\n']), "{line:?}");
        }
        let head = wire.split("\r\n\r\n").next().unwrap();
        let names: Vec<&str> = head.split("\r\n").filter(|line| !line.starts_with(' ')).map(|line| line.split(':').next().unwrap()).collect();
        prop_assert_eq!(names, ["From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe",
            "List-Unsubscribe-Post", "List-Help", "List-Archive", "Feedback-ID", "MIME-Version", "Content-Type"]);
        for word in head.split(['\r', '\n', ' ']).filter(|word| word.starts_with("=?")) {
            prop_assert!(word.len() <= 75, "{word}");
        }
        let read = MessageParser::default().parse(&bytes).unwrap();
        prop_assert_eq!(read.subject(), Some(subject.as_str()));
        let sender = read.from().unwrap().first().unwrap();
        prop_assert_eq!((sender.name(), sender.address()), (Some(from.as_str()), Some("news@example.org")));
        prop_assert_eq!(read.parts.len(), 3);
        for (part, want) in [(1, &plain), (2, &html)] {
            prop_assert_eq!(read.parts[part].text_contents().unwrap(), crlf(want));
            prop_assert!(read.parts[part].content_type().unwrap().subtype() == Some(["plain", "html"][part - 1]));
        }
        prop_assert_eq!(mail(&from, &subject, &plain, &html), bytes);
    }
}
