use crate::config::{Config, Dkim, Network};

const SITE: &str = "[site]\ntitle = 'T'\nurl = 'https://example.org'\n";

fn findings(text: &str) -> String {
    match Config::parse(text) {
        Ok(_) => String::new(),
        Err(findings) => findings.iter().map(|finding| finding.render(Some(text))).collect::<Vec<_>>().join("\n"),
    }
}

#[track_caller]
fn refused(lines: &str, want: &str) {
    assert_eq!(findings(&format!("{SITE}{lines}\n")), want, "{lines}");
}

#[test]
fn all_of_it_may_be_left_out() {
    let config = Config::parse(SITE).unwrap_or_else(|_| panic!("{}", findings(SITE)));
    assert_eq!(config.store.sqlite, ".tidings/tidings.db");
    assert_eq!((config.serve.address.to_string().as_str(), config.serve.public_url), ("127.0.0.1:8080", None));
    assert!(config.serve.trusted_proxies.is_empty() && config.mail.dkim.is_empty() && !config.mail.sensitive);
    assert_eq!((config.mail.return_path, config.mail.unsubscribe_mailto), (None, None));
    assert_eq!((config.mail.list_id, config.mail.message_id_domain), (None, None));
}

#[test]
fn every_key_is_read() {
    let text = format!(
        "{SITE}{}",
        r#"
[mail]
return_path = "bounces@Example.org"
unsubscribe_mailto = "leave@example.org"
list_id = "News.example.org"
message_id_domain = "bücher.example"
dkim = [{ domain = "example.org", selector = "s1.Mail", key_file = ".tidings/rsa.pem" }, { domain = "example.org", selector = "ed", key_file = "/etc/ed.pem" }]
sensitive = true
[store]
url = "sqlite:data/news.db"
[serve]
address = "[::1]:8080"
public_url = "https://news.example.org"
trusted_proxies = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"]
"#
    );
    let config = Config::parse(&text).unwrap_or_else(|_| panic!("{}", findings(&text)));
    let mail = config.mail;
    assert_eq!(mail.return_path.as_deref(), Some("bounces@example.org"));
    assert_eq!(mail.unsubscribe_mailto.as_deref(), Some("leave@example.org"));
    assert_eq!(mail.list_id.as_deref(), Some("news.example.org"));
    assert_eq!(mail.message_id_domain.as_deref(), Some("xn--bcher-kva.example"));
    let [rsa, ed] = &mail.dkim[..] else { panic!("{:?}", mail.dkim) };
    let parts = |key: &Dkim| (key.domain.clone(), key.selector.clone(), key.key_file.value.clone());
    assert_eq!(parts(rsa), ("example.org".into(), "s1.mail".into(), ".tidings/rsa.pem".into()));
    assert_eq!(parts(ed), ("example.org".into(), "ed".into(), "/etc/ed.pem".into()));
    assert_eq!((rsa.key_file.span.line, mail.sensitive), (10, true));
    assert_eq!(config.store.sqlite, "data/news.db");
    assert_eq!(config.serve.address.to_string(), "[::1]:8080");
    assert_eq!(config.serve.public_url.as_ref().map(url::Url::as_str), Some("https://news.example.org/"));
    let network = |address: &str, bits| Network { address: address.parse().expect("an address"), bits };
    let want = [network("127.0.0.1", 32), network("10.0.0.0", 8), network("2001:db8::", 32)];
    assert_eq!(config.serve.trusted_proxies, want);
}

#[test]
fn what_cannot_be_meant_is_refused_where_it_stands() {
    refused(
        "[mail]\nreturn_path = 'Ana <ana@example.org>'",
        "error: `return_path` must be an address without a name: `Ana <ana@example.org>`
 --> tidings.toml:5:15
  |
5 | return_path = 'Ana <ana@example.org>'
  |               ^^^^^^^^^^^^^^^^^^^^^^^
hint: write `ana@example.org`
",
    );
    refused(
        "[mail]\nlist_id = \"a\\nb.example\"",
        "error: `list_id` is not a domain: `a\\nb.example`
 --> tidings.toml:5:11
  |
5 | list_id = \"a\\nb.example\"
  |           ^^^^^^^^^^^^^^
hint: write it like `news.example.org`
",
    );
    refused(
        "[mail]\ndkim = [{ domain = 'example.org', selektor = 's1' }]",
        "error: a key in `dkim` has no `key_file`
 --> tidings.toml:5:9
  |
5 | dkim = [{ domain = 'example.org', selektor = 's1' }]
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: write `dkim = [{ domain = \"example.org\", selector = \"s1\", key_file = \".tidings/dkim.pem\" }]`

error: unknown key `selektor` in `dkim`
 --> tidings.toml:5:35
  |
5 | dkim = [{ domain = 'example.org', selektor = 's1' }]
  |                                   ^^^^^^^^
hint: did you mean `selector`?
",
    );
    refused(
        "[mail]\ndkim = 'example.org'",
        "error: `dkim` must be a list of tables, found a text
 --> tidings.toml:5:8
  |
5 | dkim = 'example.org'
  |        ^^^^^^^^^^^^^
hint: write `dkim = [{ domain = \"example.org\", selector = \"s1\", key_file = \".tidings/dkim.pem\" }]`
",
    );
    refused(
        "[store]\nurl = 'postgres://u:secret@db/x'",
        "error: `url` must start with `sqlite:`
 --> tidings.toml:5:7
  |
5 | url = 'postgres://u:secret@db/x'
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: write `sqlite:` and a file: `sqlite:.tidings/tidings.db`
",
    );
    refused(
        "[serve]\naddress = 'localhost'\ntrusted_proxies = ['10.0.0.0/33']",
        "error: `address` is not an address to listen at: `localhost`
 --> tidings.toml:5:11
  |
5 | address = 'localhost'
  |           ^^^^^^^^^^^
hint: write an IP address and a port: `127.0.0.1:8080`, `[::1]:8080`

error: `trusted_proxies` holds what is no IP address: `10.0.0.0/33`
 --> tidings.toml:6:20
  |
6 | trusted_proxies = ['10.0.0.0/33']
  |                    ^^^^^^^^^^^^^
hint: write `127.0.0.1`, `::1` or `10.0.0.0/8`
",
    );
}
