use super::super::address::Mailbox;
use super::super::dkim::{self, Signer};
use super::super::encoded::Slot;
use super::super::header::HeaderText;
use super::super::list::{HeaderUrl, ListHeaders, ListId};
use super::super::mime::{Message, MessageId, Purpose};
use super::*;
use chrono::DateTime;
use proptest::prelude::*;

fn slots() -> [Slot; 2] {
    [Slot::new("leave", 48, b"x").unwrap(), Slot::new("see", 17, b"x").unwrap()]
}

/// A text in which `{0}` and `{1}` are places.
fn marked(text: &str) -> String {
    let [leave, see] = slots();
    text.replace("{0}", leave.marker()).replace("{1}", see.marker())
}

fn signers() -> Vec<Signer> {
    let keys = ["rsa.pkcs8.pem", "ed25519.pem"].map(|name| format!("{}/tests/keys/{name}", env!("CARGO_MANIFEST_DIR")));
    let key = |path: &String| dkim::Key::parse(&std::fs::read(path).unwrap()).unwrap();
    keys.iter().zip(["s1", "s2"]).map(|(path, name)| Signer::new("example.org", name, key(path)).unwrap()).collect()
}

/// What goes over the wire when the whole mail is composed for one person, signed, looked over, and its dots doubled; and when
/// it is put together from a template.
fn both(name: &str, subject: &str, text: &str, html: &str, signers: &[Signer]) -> (Vec<u8>, Vec<u8>) {
    let sent_at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let values = ["a-Z_9".repeat(9) + "xyz", "0123456789-_-abcd".into()];
    let from: Mailbox = "News <news@example.org>".parse().unwrap();
    let to = Mailbox::new(HeaderText::one_line(name).ok(), "ana@example.com".parse().unwrap());
    let list = ListHeaders {
        id: ListId::new(HeaderText::one_line(subject).unwrap(), "weekly.example.org").unwrap(),
        unsubscribe: HeaderUrl::https(&format!("https://example.org/u/{}", values[0])).unwrap(),
        unsubscribe_mailto: HeaderUrl::mailto(&"leave@example.org".parse().unwrap(), Some(&values[0])).unwrap(),
        help: None,
        archive: None,
        feedback_id: None,
    };
    let message = Message {
        from: &from,
        to: &to,
        reply_to: None,
        subject: &HeaderText::one_line(subject).unwrap(),
        sent_at,
        message_id: &MessageId::new("a.b", "example.org").unwrap(),
        purpose: Purpose::List(&list),
    };
    let body = Body::new(&marked(text), &marked(html), &slots());
    let unsigned = message.bytes(&body, &[&values[0], &values[1]]).unwrap();
    let whole = [dkim::sign(signers, &unsigned, sent_at).unwrap().into_bytes(), unsigned].concat();
    let mut plain = Vec::new();
    Content::from(&whole[..]).put(&mut plain).unwrap();

    let template = Template::new(&body);
    assert!(template.is_clean, "the fast way is taken");
    let spliced = Spliced::new(message.head_of(&body), Arc::new(template), values.to_vec()).unwrap();
    let signatures = dkim::sign(signers, &spliced.bytes(), sent_at).unwrap();
    let spliced = spliced.signed(signatures);
    assert_eq!(spliced.bytes(), whole);
    assert_eq!(spliced.size_bytes(), whole.len());
    let mut fast = Vec::new();
    Content::from(&spliced).put(&mut fast).unwrap();
    (plain, fast)
}

#[track_caller]
fn same(name: &str, subject: &str, text: &str, html: &str) {
    for signers in [vec![], signers()] {
        let (plain, fast) = both(name, subject, text, html, &signers);
        assert!(plain == fast, "{}\n{}", String::from_utf8_lossy(&plain), String::from_utf8_lossy(&fast));
    }
}

#[test]
fn a_mail_from_a_template_has_the_bytes_of_one_that_was_composed_whole() {
    let long = "x".repeat(3_000);
    let chinese = "本周的文章:水、土与光。".repeat(40);
    for (name, subject, html) in [
        ("Ana", "The week", "<p>Hello {0}</p>\n"),
        ("李伟", "本周 <b>&\"'", "{0}"),
        (".dot@", "..", ".\n..\n.{0}\n.\r\n\r\n.\r\n{1}."),
        ("\u{202e}rtl", "😀", "{0}{1}{0}"),
    ] {
        for text in
            ["", ".", ".\n.\n", "{0}", ".{0}\n{1}\n", "From {0}\nFrom here\n", "no end {1}", "cr\rlf\n\n\n{0} \n"]
        {
            same(name, subject, text, html);
        }
        same(name, subject, &format!("{long}{{0}}{long}\n.{long}{{1}}"), html);
        for before in 0..8 {
            let shift = "a".repeat(before);
            same(name, subject, &format!("{shift}{chinese}{{0}}{chinese}{{1}}{{0}}{chinese}"), html);
            same(name, subject, &format!("{chinese}{shift}{{1}}"), &format!("{shift}{{0}}{chinese}{{1}}b{{1}}"));
        }
    }
}

#[test]
fn a_value_that_does_not_fit_makes_no_mail() {
    let body = Arc::new(Template::new(&Body::new(&marked("{0}"), "", &slots())));
    let new = |one: &str, two: &str| Spliced::new(String::new(), body.clone(), vec![one.into(), two.into()]).err();
    let see = "s".repeat(17);
    assert_eq!(new(&"a".repeat(48), &see), None);
    assert_eq!(new(&"a".repeat(47), &see), Some(FillError::Width { number: 1, given: 47, wanted: 48 }));
    assert_eq!(new(&format!("{}\r\n", "a".repeat(46)), &see), Some(FillError::Character(1)));
    assert_eq!(Spliced::new(String::new(), body, vec![]).err(), Some(FillError::Count { given: 0, wanted: 2 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn whatever_is_written_goes_out_the_same_either_way(
        text in "([.a \r\n=é本]|\\{0\\}|\\{1\\}){0,200}",
        html in "([.b\n本]|本本本本|\\{0\\}|\\{1\\}){0,120}",
    ) {
        let (plain, fast) = both("Ana", "The week", &text, &html, &[]);
        prop_assert_eq!(plain, fast);
    }
}
