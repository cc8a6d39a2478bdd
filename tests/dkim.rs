//! Signatures of mails, verified by a second implementation: written from RFC 6376 and RFC 8463 by way of regular text
//! operations, sharing no code with the one that signs, over `ring`'s verification.
//!
//! `TIDINGS_DKIM_OUT=DIR cargo test --test dkim` also writes the mails and their records there, for `tests/judges/dkim.py`.

use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use proptest::prelude::*;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use tidings::mail::address::Mailbox;
use tidings::mail::dkim::{BodyHasher, Head, Key, Signer, sign};
use tidings::mail::header::HeaderText;
use tidings::mail::list::{FeedbackId, HeaderUrl, ListHeaders, ListId};
use tidings::mail::mime::{Body, Message, MessageId, Purpose};

const DOMAIN: &str = "news.example.org";

fn at() -> DateTime<Utc> {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

fn key(name: &str) -> Key {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name);
    Key::parse(&fs::read(file).unwrap()).unwrap()
}

/// RSA and Ed25519.
fn signers() -> Vec<Signer> {
    let signer = |selector, name| Signer::new(DOMAIN, selector, key(name)).unwrap();
    vec![signer("rsa", "rsa.pkcs1.pem"), signer("ed", "ed25519.pem")]
}

/// A mail with its signatures.
fn signed(signers: &[Signer], message: &[u8]) -> Vec<u8> {
    [sign(signers, message, at()).unwrap().as_bytes(), message].concat()
}

/// A mail of a list, or a notice.
fn mail(subject: &str, name: &str, text: &str, list: bool) -> Vec<u8> {
    let html = text.replace('&', "&amp;").replace('<', "&lt;");
    let html = format!("<!doctype html><html lang=\"en\"><title>News</title><body><p>{html}</p></body></html>");
    mail_of(subject, name, text, &html, list)
}

/// The issue of `tests/digest.rs`.
fn digest_mail() -> Vec<u8> {
    let (head, text) = include_str!("golden/digest/weekly.txt").split_once("\n\n").unwrap();
    let subject = head.lines().next().unwrap().trim_start_matches("Subject: ");
    mail_of(subject, "Ana Souza", text, include_str!("golden/digest/weekly.html"), true)
}

fn mail_of(subject: &str, name: &str, text: &str, html: &str, list: bool) -> Vec<u8> {
    let from: Mailbox = "Lindenhof Weekly <weekly@news.example.org>".parse().unwrap();
    let address = "ana@example.com".parse().unwrap();
    let to = Mailbox::new(HeaderText::one_line(name).ok(), address);
    let reply_to: Mailbox = "editor@example.org".parse().unwrap();
    let token = "t".repeat(48);
    let unsubscribe = format!("https://news.example.org/unsubscribe/{token}");
    let headers = ListHeaders {
        id: ListId::new(HeaderText::new("Lindenhof Weekly").unwrap(), "weekly.news.example.org").unwrap(),
        unsubscribe: HeaderUrl::https(&unsubscribe).unwrap(),
        unsubscribe_mailto: HeaderUrl::mailto(&"leave@news.example.org".parse().unwrap(), Some(&token)).unwrap(),
        help: HeaderUrl::https("https://news.example.org/").ok(),
        archive: HeaderUrl::https("https://news.example.org/digest/weekly/").ok(),
        feedback_id: FeedbackId::new(["2026-W48", "weekly", "digest"], "tidings").ok(),
    };
    let subject = HeaderText::one_line(subject).or_else(|_| HeaderText::new("x")).unwrap();
    let message = Message {
        from: &from,
        to: &to,
        reply_to: list.then_some(&reply_to),
        subject: &subject,
        sent_at: at(),
        message_id: &MessageId::new("0123456789abcdef0123456789abcdef", DOMAIN).unwrap(),
        purpose: if list { Purpose::List(&headers) } else { Purpose::Notice },
    };
    message.bytes(&Body::new(text, html, &[]), &[]).unwrap()
}

// ---- the second implementation -------------------------------------------------------------------------------------------

/// Whether one of the signatures on a message holds for a domain; what is wrong with it where it does not.
fn verify(domain: &str, message: &[u8], which: usize, record: &str) -> Result<(), String> {
    // Latin-1, so that every byte is one character.
    let text: String = message.iter().map(|&byte| char::from(byte)).collect();
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no body")?;
    let unfolded = head.replace("\r\n ", "\u{fffd} ").replace("\r\n\t", "\u{fffd}\t");
    let fields: Vec<(&str, String)> = unfolded
        .split("\r\n")
        .filter_map(|field| field.split_once(':'))
        .map(|(name, value)| (name, value.replace('\u{fffd}', "\r\n")))
        .collect();
    let is = |name: &str, other: &str| name.trim_end().eq_ignore_ascii_case(other);
    let signature = &fields.iter().filter(|(name, _)| is(name, "dkim-signature")).nth(which).ok_or("no signature")?.1;
    let without = |text: &str| text.replace(['\r', '\n', '\t', ' '], "");
    let tags: BTreeMap<String, String> = signature
        .split(';')
        .filter_map(|tag| tag.split_once('='))
        .map(|(name, value)| (without(name), without(value)))
        .collect();
    let tag = |name: &str| tags.get(name).map(String::as_str).ok_or(format!("no {name}="));
    if (tag("v")?, tag("c")?, tag("d")?) != ("1", "relaxed/relaxed", domain) || tags.contains_key("l") {
        return Err(format!("odd tags: {tags:?}"));
    }
    if tag("bh")? != BASE64.encode(digest(&SHA256, &bytes(&relaxed_body(body))).as_ref()) {
        return Err("another body".into());
    }
    let mut left: Vec<_> = fields.iter().map(Some).collect();
    let mut hashed = String::new();
    for name in tag("h")?.split(':') {
        // From the bottom up; one that is not there is nothing.
        let found = left.iter_mut().rev().find(|field| field.is_some_and(|(other, _)| is(other, name)));
        if let Some((name, value)) = found.and_then(Option::take) {
            hashed += &format!("{}:{}\r\n", name.trim_end().to_lowercase(), relaxed_value(value));
        }
    }
    let at = signature.rfind("b=").ok_or("no b=")?;
    hashed += &format!("dkim-signature:{}", relaxed_value(&signature[..at + 2]));
    let public = BASE64.decode(record.rsplit_once("p=").ok_or("no p=")?.1.as_bytes()).map_err(|err| err.to_string())?;
    let given = BASE64.decode(tag("b")?.as_bytes()).map_err(|err| err.to_string())?;
    let holds = match (tag("a")?, record.contains("k=rsa;")) {
        // The record of an RSA key has 24 bytes before the key itself.
        ("rsa-sha256", true) => {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public[24..]).verify(&bytes(&hashed), &given)
        }
        ("ed25519-sha256", false) => {
            UnparsedPublicKey::new(&ED25519, &public).verify(digest(&SHA256, &bytes(&hashed)).as_ref(), &given)
        }
        other => return Err(format!("{other:?}")),
    };
    holds.map_err(|_| "another head".into())
}

fn bytes(latin1: &str) -> Vec<u8> {
    latin1.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

fn one_space(text: &str) -> String {
    let mut text = text.replace('\t', " ");
    while text.contains("  ") {
        text = text.replace("  ", " ");
    }
    text
}

fn relaxed_value(value: &str) -> String {
    one_space(&value.replace("\r\n", "")).trim_matches(' ').to_owned()
}

fn relaxed_body(body: &str) -> String {
    let lines: Vec<String> = body.split("\r\n").map(|line| one_space(line).trim_end_matches(' ').to_owned()).collect();
    let text = lines.join("\r\n");
    let mut text = text.as_str();
    while let Some(shorter) = text.strip_suffix("\r\n") {
        text = shorter;
    }
    if text.is_empty() { String::new() } else { format!("{text}\r\n") }
}

// ---- what must hold ------------------------------------------------------------------------------------------------------

#[test]
fn the_second_implementation_accepts_what_others_signed() {
    // RFC 8463, appendix A.3.
    let mail = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n \
                q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject : date : message-id : from : subject : date;\r\n \
                bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n \
                b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n\
                From: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\n\
                Subject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
                Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\nHi.\r\n\r\nWe lost the game.  Are you \
                hungry yet?\r\n\r\nJoe.\r\n";
    let record = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let verify = |mail: &str| verify("football.example.com", mail.as_bytes(), 0, record);
    assert_eq!(verify(mail), Ok(()));
    assert_eq!(verify(&mail.replace("dinner", "Dinner")), Err("another head".into()));
    assert_eq!(verify(&mail.replace("lost", "won")), Err("another body".into()));
}

/// Every signature of the mail holds.
#[track_caller]
fn holds(signers: &[Signer], mail: &[u8]) {
    for (which, signer) in signers.iter().enumerate() {
        assert_eq!(verify(DOMAIN, mail, which, &signer.key().record()), Ok(()), "{}", String::from_utf8_lossy(mail));
    }
}

#[test]
fn a_digest_is_signed_by_every_key_and_others_agree() {
    let signers = signers();
    let text = "Good morning.\n\nA queue  that nobody could see into: https://example.org/queue/\n\n-- \nLindenhof\n";
    let mails = [
        ("digest", digest_mail()),
        ("list", mail("Five rules for audits", "Ana Souza", text, true)),
        ("notice", mail("Please confirm", "", "Follow this link.\n", false)),
        (
            "hostile",
            mail(
                "<b>&\"' שלום 🎉 \u{202e}",
                "\"x\", <y@z>",
                &format!(".\nFrom me\n \t \n{}\n\n\n", "é ".repeat(300)),
                true,
            ),
        ),
        ("base64", mail("今週の記事をお届けします", "王", &"今週の記事をお届けします。\n".repeat(40), true)),
    ];
    for (_, mail) in &mails {
        holds(&signers, &signed(&signers, mail));
    }
    let Some(folder) = std::env::var_os("TIDINGS_DKIM_OUT").map(PathBuf::from) else { return };
    fs::create_dir_all(&folder).unwrap();
    for (name, mail) in &mails {
        fs::write(folder.join(name).with_extension("eml"), signed(&signers, mail)).unwrap();
    }
    for signer in &signers {
        fs::write(folder.join(format!("{}.txt", signer.record_name())), signer.key().record()).unwrap();
    }
}

#[test]
fn one_changed_byte_in_what_is_signed_breaks_every_signature() {
    let signers = signers();
    let message = mail("Five rules for audits", "Ana", "Good morning.\n", true);
    let whole = signed(&signers, &message);
    let start = whole.len() - message.len();
    let head = String::from_utf8(message.clone()).unwrap();
    let head_end = head.find("\r\n\r\n").unwrap();
    let mut changed = 0;
    for at in (0..message.len()).filter(|&at| message[at].is_ascii_alphanumeric() && (at < head_end || at % 7 == 0)) {
        let mut other = whole.clone();
        // Letters for letters: a change of case in the name of a header is none.
        other[start + at] = if message[at].is_ascii_digit() { message[at] ^ 1 } else { message[at] ^ 2 };
        for (which, signer) in signers.iter().enumerate() {
            let told = verify(DOMAIN, &other, which, &signer.key().record());
            let want = if at < head_end { "another head" } else { "another body" };
            assert_eq!(told, Err(want.into()), "byte {at}: {}", String::from_utf8_lossy(&other));
        }
        changed += 1;
    }
    assert!(changed > 500, "{changed}");
    // Nor can one be added, or taken away.
    for (name, value) in [("From", "Mallory <m@example.net>"), ("from", "x")] {
        let other = [format!("{name}: {value}\r\n").as_bytes(), &whole].concat();
        assert_eq!(verify(DOMAIN, &other, 0, &signers[0].key().record()), Err("another head".into()), "{name}");
    }
    let line = head.lines().find(|line| line.starts_with("List-Unsubscribe-Post")).unwrap();
    let other = String::from_utf8(whole).unwrap().replace(&format!("{line}\r\n"), "");
    assert_eq!(verify(DOMAIN, other.as_bytes(), 1, &signers[1].key().record()), Err("another head".into()));
}

#[test]
fn what_servers_may_change_breaks_nothing() {
    let signers = signers();
    let message = mail("Five rules for audits", "Ana", "Good morning.\n", true);
    let whole = String::from_utf8(signed(&signers, &message)).unwrap();
    let refolded = whole.replace("Subject: Five rules", "SUBJECT :\tFive\r\n\t rules");
    assert_ne!(refolded, whole);
    holds(&signers, refolded.as_bytes());
    holds(&signers, format!("Received: from a by b\r\nX-Spam: no\r\n{whole} \r\n\t\r\n\r\n").as_bytes());
}

#[test]
fn a_body_in_pieces_is_signed_as_the_whole_is() {
    let [signer, ..] = &signers()[..] else { panic!("there are two") };
    let message = mail("Subject", "Ana", "Good  morning.\n", true);
    let at_body = memchr::memmem::find(&message, b"\r\n\r\n").unwrap() + 4;
    let (head, body) = message.split_at(at_body);
    let mut hasher = BodyHasher::new();
    body.chunks(7).for_each(|piece| hasher.update(piece));
    let parts = signer.sign_parts(&Head::new(head).unwrap(), &hasher.finish(), at()).unwrap();
    assert_eq!(parts, signer.sign(&message, at()).unwrap());
}

/// Pieces of which hostile heads and bodies are made.
fn pieces(of: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(of), 0..most).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_heads_and_bodies_are_signed_so_that_they_verify(
        values in prop::collection::vec(
            (
                prop::sample::select(&["Subject", "to", "LIST-ID", "List-Unsubscribe", "From", "X-Any", "Date ", "Reply-To\t"][..]),
                pieces(&["a", "B", ":", ";", " ", "  ", "\t", "\r\n ", "\r\n\t", "\r\n  \r\n x", "=?utf-8?q?x?=", "é", "b=", "\r", "\n"], 12),
            ),
            0..12,
        ),
        body in pieces(&["a", "word", " ", "  ", "\t", " \t ", "\r\n", "\r\n\r\n", " \r\n", ".", "=20", "é", "\r", "\n", "From: x\r\n"], 60),
    ) {
        let ed = &signers()[1..];
        let mut message = String::from("From: weekly@news.example.org\r\n");
        for (name, value) in values {
            message.push_str(&format!("{name}:{value}\r\n"));
        }
        let message = format!("{message}\r\n{body}\r\n");
        let whole = signed(ed, message.as_bytes());
        prop_assert_eq!(verify(DOMAIN, &whole, 0, &ed[0].key().record()), Ok(()), "{:?}", message);
    }

    #[test]
    fn any_text_makes_a_mail_whose_signatures_hold(subject in any::<String>(), name in any::<String>(), text in any::<String>()) {
        let signers = signers();
        holds(&signers, &signed(&signers, &mail(&subject, &name, &text, true)));
    }
}

/// `cargo test --release --test dkim -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn signatures_a_second_over_a_mail_of_50_kb() {
    let message = mail("Subject", "Ana", &"A queue that nobody could see into. ".repeat(690), true);
    for signer in signers() {
        let (mut n, began) = (0, std::time::Instant::now());
        while began.elapsed().as_secs_f64() < 3.0 {
            assert!(!signer.sign(&message, at()).unwrap().is_empty());
            n += 1;
        }
        let rate = f64::from(n) / began.elapsed().as_secs_f64();
        println!("{}: {rate:.0} a second over {} bytes", signer.key().algorithm(), message.len());
    }
}
