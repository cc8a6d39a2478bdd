//! From posts to a digest, and from a digest to a signed mail of 50 KB.

use super::site;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use std::collections::{BTreeMap, BTreeSet};
use tidings::config::{Axis, Config, Theme};
use tidings::content::collection::Collection;
use tidings::digest::compose::{Composer, Edition, Editorial, Settings};
use tidings::digest::issue::Links;
use tidings::digest::render::{Medium, Rendered, Renderer, TEMPLATE};
use tidings::mail::address::Mailbox;
use tidings::mail::dkim::{Key, Signer};
use tidings::mail::encoded::{Encoded, Slot};
use tidings::mail::header::HeaderText;
use tidings::mail::list::{FeedbackId, HeaderUrl, ListHeaders, ListId};
use tidings::mail::mime::{Body, Message, MessageId, Purpose};
use tidings::template::Templates;
use tidings::text::Text;

/// How many posts an issue carries.
const POSTS: usize = 32;
const DOMAIN: &str = "news.example.org";
/// In the place of the token, and as wide.
const TOKEN: &str = "tttttttttttttttttttttttttttttttttttttttttttttttt";

struct Weekly {
    config: Config,
    collection: Collection,
    templates: Templates,
    theme: Theme,
}

impl Weekly {
    fn new() -> Weekly {
        let config = site::config();
        let collection = site::collection(&config, POSTS);
        let templates = Templates::new(vec![]).expect("the built-in templates are good");
        Weekly { config, collection, templates, theme: Theme::default() }
    }

    /// The issue of all posts, as HTML and text.
    fn rendered(&self) -> Rendered {
        let (articles, carried, utm): (Vec<usize>, _, _) =
            (self.collection.visible().collect(), BTreeSet::<Text>::new(), BTreeMap::new());
        let settings = Settings {
            name: "weekly",
            title: None,
            timezone: chrono_tz::UTC,
            group_by: Some(Axis::Category),
            max_posts: POSTS,
            subject: None,
            utm: &utm,
            postal_address: "1 Main St, Springfield",
            sensitive: false,
        };
        let composer = Composer {
            collection: &self.collection,
            config: &self.config,
            settings,
            templates: &self.templates,
            image_size: &|_| Some((1200, 600)),
        };
        let edition = Edition {
            period: "2026-W48",
            cutoff: site::now(),
            articles: &articles,
            editorial: Editorial::default(),
            carried: &carried,
            links: Links {
                page: "https://example.org/digest/weekly/2026-W48/".into(),
                unsubscribe: format!("https://{DOMAIN}/unsubscribe/{TOKEN}").as_str().into(),
                preferences: format!("https://{DOMAIN}/preferences/{TOKEN}").as_str().into(),
            },
        };
        let issue = composer.compose(&edition).expect("an issue");
        let measure = |html: &str| Encoded::new(html, &[]).size_bytes();
        let renderer =
            Renderer { templates: &self.templates, theme: &self.theme, template: TEMPLATE, measure: &measure };
        renderer.render(&issue, Medium::Mail).expect("a digest")
    }
}

/// The place of the token in the parts, for which something else is filled in for each reader.
fn slots() -> [Slot; 1] {
    [Slot::new("token", TOKEN.len(), b"bench").expect("a slot")]
}

/// The body of an issue, encoded once for everybody.
fn encoded(rendered: &Rendered, slots: &[Slot]) -> Body {
    let marked = |text: &str| slots.iter().fold(text.to_owned(), |text, slot| text.replace(TOKEN, slot.marker()));
    Body::new(&marked(&rendered.text), &marked(&rendered.html), slots)
}

/// The mail of one reader, less its signature.
fn mail(rendered: &Rendered, body: &Body) -> Vec<u8> {
    let from: Mailbox = format!("Bench <weekly@{DOMAIN}>").parse().expect("a mailbox");
    let list = ListHeaders {
        id: ListId::new(HeaderText::new("Bench").expect("a header"), &format!("weekly.{DOMAIN}")).expect("an id"),
        unsubscribe: HeaderUrl::https(&format!("https://{DOMAIN}/unsubscribe/{TOKEN}")).expect("a URL"),
        unsubscribe_mailto: HeaderUrl::mailto(&format!("leave@{DOMAIN}").parse().expect("an address"), Some(TOKEN))
            .expect("a URL"),
        help: None,
        archive: HeaderUrl::https("https://example.org/digest/weekly/").ok(),
        feedback_id: FeedbackId::new(["2026-W48", "weekly", "digest"], "tidings").ok(),
    };
    let message = Message {
        from: &from,
        to: &Mailbox::new(None, "reader@example.com".parse().expect("an address")),
        reply_to: None,
        subject: &HeaderText::one_line(&rendered.subject).expect("a header"),
        sent_at: site::now(),
        message_id: &MessageId::new("0123456789abcdef0123456789abcdef", DOMAIN).expect("an id"),
        purpose: Purpose::List(&list),
    };
    message.bytes(body, &[TOKEN]).expect("a mail")
}

/// Its posts to HTML and text, with styles written into the elements.
#[divan::bench]
fn digest(bencher: Bencher) {
    let weekly = Weekly::new();
    bencher.bench_local(|| black_box(&weekly).rendered());
}

/// HTML and text encoded: once for an issue.
#[divan::bench]
fn encoding(bencher: Bencher) {
    let (rendered, slots) = (Weekly::new().rendered(), slots());
    bencher
        .counter(BytesCount::new(rendered.html.len() + rendered.text.len()))
        .bench_local(|| encoded(black_box(&rendered), &slots));
}

/// The mail of one reader: headers, and what is personal filled in.
#[divan::bench]
fn message(bencher: Bencher) {
    let rendered = Weekly::new().rendered();
    let body = encoded(&rendered, &slots());
    let size = mail(&rendered, &body).len();
    bencher.counter(BytesCount::new(size)).bench_local(|| mail(black_box(&rendered), black_box(&body)));
}

fn sign(bencher: Bencher, key: &[u8]) {
    let rendered = Weekly::new().rendered();
    let mail = mail(&rendered, &encoded(&rendered, &slots()));
    let signer = Signer::new(DOMAIN, "s1", Key::parse(key).expect("a key")).expect("names");
    bencher
        .counter(BytesCount::of_slice(&mail))
        .bench_local(|| signer.sign(black_box(&mail), site::now()).expect("a signature"));
}

#[divan::bench]
fn dkim_rsa_2048(bencher: Bencher) {
    sign(bencher, include_bytes!("../../tests/keys/rsa.pkcs1.pem"));
}

#[divan::bench]
fn dkim_ed25519(bencher: Bencher) {
    sign(bencher, include_bytes!("../../tests/keys/ed25519.pem"));
}
