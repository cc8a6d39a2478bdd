use super::{BounceToken, Purpose, Token, TokenError, TooLarge};
use crate::mail::address::Address;
use crate::mail::encoded::{Encoded, Slot};
use crate::subscriber::keys::Keys;
use chrono::{DateTime, Utc};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use proptest::prelude::*;

const ONE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const TWO: &str = "__________________________________________8";

fn keys(text: &str) -> Keys {
    Keys::parse(text).unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

fn token() -> Token {
    Token { purpose: Purpose::Unsubscribe, subscriber: 17, digest: 2, issue: 48, expires_at: None }
}

#[test]
fn a_token_is_what_it_was() {
    assert_eq!(token().sign(&keys(ONE)).unwrap(), "ETsAAAAAAAAAEQAAAgAAADAAAADH7mqfZowVH_-OpB9YUlUS");
    assert_eq!(
        BounceToken { subscriber: 17, issue: 48 }.sign_with(keys(ONE).signing()).unwrap(),
        "ca5qaaaaaaaaaaaraaaaamdojzwjqjytodychg3c"
    );
}

#[test]
fn a_token_fits_its_place_in_a_mail_and_a_bounce_its_local_part() {
    let text = token().sign(&keys(ONE)).unwrap();
    assert_eq!((text.len(), Token::CHARS), (48, 48));
    let slots = [Slot::new("token", Token::CHARS, b"x").unwrap()];
    let mut out = Vec::new();
    Encoded::new(slots[0].marker(), &slots).fill(&[&text], &mut out).unwrap();
    assert_eq!(out, text.as_bytes());
    let text = BounceToken { subscriber: i64::MAX, issue: u32::MAX }.sign_with(keys(ONE).signing()).unwrap();
    assert_eq!((text.len(), BounceToken::CHARS), (40, 40));
    let word = "w".repeat(23);
    assert!(format!("{word}+{text}@news.example.org").parse::<Address>().is_ok());
}

#[test]
fn a_token_is_refused_for_one_reason_and_told_in_the_same_words() {
    let keys = keys(ONE);
    let all = [Purpose::Unsubscribe, Purpose::Preferences];
    #[track_caller]
    fn case(keys: &Keys, purposes: &[Purpose], text: &str, want: TokenError) {
        let told = Token::verify(keys, purposes, text, now()).unwrap_err();
        assert_eq!((told, told.to_string().as_str()), (want, "this link is not valid, or not any more"));
    }
    let text = token().sign(&keys).unwrap();
    for text in [
        "",
        "x",
        &text[1..],
        &format!("{text}A"),
        &format!("{text}===="),
        "preview-preview-preview-preview-preview-preview0",
    ] {
        case(&keys, &all, text, TokenError::Malformed);
    }
    case(&keys, &all, &text.replacen('A', "é", 1), TokenError::Malformed);
    case(&self::keys(TWO), &all, &text, TokenError::UnknownKey);
    case(&keys, &[Purpose::Confirm], &text, TokenError::WrongPurpose);
    case(&keys, &[], &text, TokenError::WrongPurpose);
    let old = Token { expires_at: Some(now()), ..token() };
    case(&keys, &all, &old.sign(&keys).unwrap(), TokenError::Expired);
    // A token of another kind, by the same key, with the same number of bytes.
    let content = &BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()[..20];
    let other = [content, &keys.signing().mac(b"tidings bounce\0", content)[..16]].concat();
    case(&keys, &all, &BASE64URL_NOPAD.encode(&other), TokenError::Forged);
}

#[test]
fn a_token_is_good_until_the_hour_is_over() {
    let keys = keys(ONE);
    let until = |at: &str| Token { expires_at: Some(at.parse().unwrap()), ..token() }.sign(&keys).unwrap();
    let good = |text: &str, at: &str| Token::verify(&keys, &[Purpose::Unsubscribe], text, at.parse().unwrap()).is_ok();
    let text = until("2026-11-25T08:30:00Z");
    assert!(good(&text, "2026-11-25T08:59:59Z") && !good(&text, "2026-11-25T09:00:00Z"));
    let text = until("2026-11-25T08:00:00Z");
    assert!(good(&text, "2026-11-25T07:59:59Z") && !good(&text, "2026-11-25T08:00:00Z"));
    // Never is never, and a time before all times is not.
    assert!(good(&token().sign(&keys).unwrap(), "3000-01-01T00:00:00Z"));
    assert!(!good(&until("1960-01-01T00:00:00Z"), "2026-11-23T08:00:00Z"));
}

#[test]
fn an_old_key_still_verifies_when_a_new_one_signs() {
    let (old, new) = (keys(ONE), keys(&format!("{TWO}\n{ONE}")));
    let (text, bounce) = (token().sign(&old).unwrap(), BounceToken { subscriber: 17, issue: 48 });
    assert_eq!(Token::verify(&new, &[Purpose::Unsubscribe], &text, now()), Ok(token()));
    assert_eq!(BounceToken::verify(&new, &bounce.sign_with(old.signing()).unwrap()), Ok(bounce));
    assert_ne!(token().sign(&new).unwrap(), text);
    // An issue that was frozen with the old key goes on with it.
    let frozen_with = new.by_id(old.signing().id()).unwrap();
    assert_eq!(token().sign_with(frozen_with).unwrap(), text);
}

#[test]
fn keys_whose_ids_begin_alike_are_told_apart() {
    // 300 keys have 256 first bytes of ids between them.
    let mut texts: Vec<String> = Vec::new();
    for n in 0_u16..300 {
        let bytes: Vec<u8> = n.to_be_bytes().into_iter().cycle().take(32).collect();
        texts.push(BASE64URL_NOPAD.encode(&bytes));
    }
    let all = keys(&texts.join("\n"));
    for text in &texts {
        let text = token().sign(&keys(text)).unwrap();
        assert_eq!(Token::verify(&all, &[Purpose::Unsubscribe], &text, now()), Ok(token()));
    }
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    let keys = keys(ONE);
    #[track_caller]
    fn case(keys: &Keys, token: Token, want: &str) {
        assert_eq!(token.sign(keys).map_err(|err| err.to_string()), Err(want.to_owned()));
    }
    case(&keys, Token { subscriber: 0, ..token() }, "subscriber 0 does not fit into a token");
    case(&keys, Token { subscriber: -1, ..token() }, "subscriber -1 does not fit into a token");
    case(&keys, Token { digest: 1 << 24, ..token() }, "digest 16777216 does not fit into a token");
    let far = DateTime::from_timestamp(1 << 37, 0);
    case(&keys, Token { expires_at: far, ..token() }, "an hour 38177488 does not fit into a token");
    let bounce = BounceToken { subscriber: 0, issue: 1 }.sign_with(keys.signing());
    assert_eq!(bounce, Err(TooLarge { what: "subscriber", number: 0 }));
}

#[test]
fn every_bit_of_a_token_counts() {
    let keys = keys(&format!("{TWO}\n{ONE}"));
    let key = keys.signing();
    let text = token().sign(&keys).unwrap();
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
    let bounce = BounceToken { subscriber: 17, issue: 48 }.sign_with(key).unwrap();
    let bounce = BASE32_NOPAD.decode(bounce.to_ascii_uppercase().as_bytes()).unwrap();
    let flipped = |bytes: &[u8], bit: usize| {
        let mut other = bytes.to_vec();
        other[bit / 8] ^= 1 << (bit % 8);
        other
    };
    let want = |bit: usize| match bit {
        4..8 => TokenError::Malformed,
        8..16 => TokenError::UnknownKey,
        _ => TokenError::Forged,
    };
    for bit in 0..bytes.len() * 8 {
        let other = BASE64URL_NOPAD.encode(&flipped(&bytes, bit));
        let told = Token::verify(&keys, &Purpose::ALL, &other, now());
        assert_eq!(told, Err(want(bit)), "bit {bit}");
    }
    for bit in 0..bounce.len() * 8 {
        let other = BASE32_NOPAD.encode(&flipped(&bounce, bit));
        assert_eq!(BounceToken::verify(&keys, &other), Err(want(bit)), "bit {bit}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_signed_is_read_back(
        purpose in prop::sample::select(&Purpose::ALL[..]),
        subscriber in 1..=i64::MAX,
        digest in 0..1_u32 << 24,
        issue in any::<u32>(),
        hours in 0..1_i64 << 24,
    ) {
        let expires_at = if hours == 0 { None } else { DateTime::from_timestamp(hours * 3600, 0) };
        let token = Token { purpose, subscriber, digest, issue, expires_at };
        let text = token.sign(&keys(ONE)).unwrap();
        prop_assert_eq!(text.len(), Token::CHARS);
        let long_ago = DateTime::from_timestamp(0, 0).unwrap();
        prop_assert_eq!(Token::verify(&keys(ONE), &Purpose::ALL, &text, long_ago), Ok(token));

        let bounce = BounceToken { subscriber, issue };
        let text = bounce.sign_with(keys(ONE).signing()).unwrap();
        prop_assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{}", text);
        for text in [text.to_ascii_uppercase(), text] {
            prop_assert_eq!(BounceToken::verify(&keys(ONE), &text), Ok(bounce));
        }
    }

    #[test]
    fn any_text_is_refused(text in any::<String>(), like in "[A-Za-z0-9_-]{48}", bounce in "[a-z2-7]{40}") {
        for text in [text, like, bounce] {
            prop_assert!(Token::verify(&keys(ONE), &Purpose::ALL, &text, now()).is_err());
            prop_assert!(BounceToken::verify(&keys(ONE), &text).is_err());
        }
    }
}
