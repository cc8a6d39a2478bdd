//! Tokens in links: made for each mail, and looked at for each click.

use super::site;
use divan::{Bencher, black_box};
use tidings::subscriber::keys::Keys;
use tidings::subscriber::token::{Purpose, Token};

fn keys() -> Keys {
    Keys::parse(&Keys::generate([7; 32])).expect("a key")
}

const TOKEN: Token =
    Token { purpose: Purpose::Unsubscribe, subscriber: 123_456, digest: 1, issue: 7, expires_at: None };

#[divan::bench]
fn signing(bencher: Bencher) {
    let keys = keys();
    bencher.bench_local(|| black_box(TOKEN).sign(&keys).expect("a token"));
}

#[divan::bench]
fn verifying(bencher: Bencher) {
    let keys = keys();
    let text = TOKEN.sign(&keys).expect("a token");
    bencher.bench_local(|| {
        Token::verify(&keys, &[Purpose::Unsubscribe], black_box(&text), site::now()).expect("a good token")
    });
}
