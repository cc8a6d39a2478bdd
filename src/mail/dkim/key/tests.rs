use super::{Key, KeyError};
use data_encoding::BASE64;

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/", $name))
    };
}

/// What `p=` must be, from the public half as OpenSSL wrote it, without its first bytes.
fn openssl(public: &str, skipped: usize) -> String {
    let base64: String = public.lines().filter(|line| !line.starts_with("-----")).collect();
    BASE64.encode(&BASE64.decode(base64.as_bytes()).unwrap()[skipped..])
}

#[test]
fn keys_are_read_as_openssl_writes_them() {
    #[track_caller]
    fn case(pem: &str, algorithm: &str, record: &str) {
        let key = Key::parse(pem.as_bytes()).unwrap();
        assert_eq!((key.algorithm(), key.record().as_str()), (algorithm, record));
    }
    let rsa = format!("v=DKIM1; k=rsa; p={}", openssl(pem!("rsa.public.pem"), 0));
    case(pem!("rsa.pkcs1.pem"), "rsa-sha256", &rsa);
    case(pem!("rsa.pkcs8.pem"), "rsa-sha256", &rsa);
    case(&pem!("rsa.pkcs8.pem").replace('\n', "\r\n"), "rsa-sha256", &rsa);
    case(&format!("\u{feff}\nBag Attributes\n  x\n{}\n\n", pem!("rsa.pkcs8.pem")), "rsa-sha256", &rsa);
    case(&format!("{}{}", pem!("certificate.pem"), pem!("rsa.pkcs8.pem")), "rsa-sha256", &rsa);
    // The DNS has the 32 bytes themselves (RFC 8463, section 4).
    let ed25519 = format!("v=DKIM1; k=ed25519; p={}", openssl(pem!("ed25519.public.pem"), 12));
    case(pem!("ed25519.pem"), "ed25519-sha256", &ed25519);
    // RFC 8463, appendix A.2.
    let record = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    case("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n", "ed25519-sha256", record);
}

#[test]
fn what_is_no_key_that_signs_is_told_by_what_to_do_about_it() {
    #[track_caller]
    fn case(pem: &[u8], want: KeyError) {
        assert_eq!(Key::parse(pem).map(|key| key.record()), Err(want));
    }
    let rsa = pem!("rsa.pkcs8.pem");
    case(b"", KeyError::Empty);
    case(b"\xef\xbb\xbf \r\n", KeyError::Empty);
    case(pem!("locked.pkcs8.pem").as_bytes(), KeyError::Encrypted);
    case(pem!("locked.pkcs1.pem").as_bytes(), KeyError::Encrypted);
    case(pem!("rsa.public.pem").as_bytes(), KeyError::Public);
    case(pem!("ed25519.public.pem").as_bytes(), KeyError::Public);
    case(rsa.replace("PRIVATE KEY", "RSA PUBLIC KEY").as_bytes(), KeyError::Public);
    case(pem!("certificate.pem").as_bytes(), KeyError::Certificate);
    case(pem!("ec.pkcs8.pem").as_bytes(), KeyError::Algorithm);
    case(pem!("ec.sec1.pem").as_bytes(), KeyError::Algorithm);
    case(pem!("ed448.pem").as_bytes(), KeyError::Algorithm);
    case(rsa.replace("PRIVATE KEY", "DSA PRIVATE KEY").as_bytes(), KeyError::Algorithm);
    case(pem!("openssh.pem").as_bytes(), KeyError::OpenSsh);
    case(pem!("rsa1024.pem").as_bytes(), KeyError::TooShort);
    case(format!("{rsa}{rsa}").as_bytes(), KeyError::Several);
    case(b"0\x82\x04\xbd\x02\x01\x00", KeyError::NotPem);
    case(b"correct horse battery staple", KeyError::NotPem);
    case(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyu", KeyError::NotPem);
    // Cut off, with a character changed, with a number changed, with nothing in it.
    case(&rsa.as_bytes()[..rsa.len() / 2], KeyError::Damaged);
    case(rsa.replacen("\nM", "\n!", 1).as_bytes(), KeyError::Damaged);
    let (head, tail) = rsa.split_at(rsa.len() / 2);
    let flipped = if tail.starts_with('A') { "B" } else { "A" };
    case(format!("{head}{flipped}{}", &tail[1..]).as_bytes(), KeyError::Damaged);
    case(b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", KeyError::Damaged);
    case(b"-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n", KeyError::Damaged);
}

#[test]
fn a_key_is_never_shown() {
    for pem in [pem!("rsa.pkcs8.pem"), pem!("ed25519.pem")] {
        let key = Key::parse(pem.as_bytes()).unwrap();
        assert_eq!(format!("{key:?}"), format!("Key({}, …)", key.algorithm()));
    }
}
