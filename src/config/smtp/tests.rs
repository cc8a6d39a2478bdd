use crate::config::{Config, OnUncertain, Outlet, Rate, Secret, Security, Smtp, SmtpUrl, Timeouts};
use std::time::Duration;
use url::Host;

const SITE: &str = "[site]\ntitle = 'T'\nurl = 'https://example.org'\n";

fn findings(text: &str) -> String {
    match Config::parse(text) {
        Ok(_) => String::new(),
        Err(findings) => findings.iter().map(|finding| finding.render(Some(text))).collect::<Vec<_>>().join("\n"),
    }
}

#[track_caller]
fn smtp(lines: &str) -> Smtp {
    let text = format!("{SITE}[smtp]\n{lines}\n");
    Config::parse(&text).unwrap_or_else(|_| panic!("{}", findings(&text))).smtp
}

#[track_caller]
fn refused(lines: &str, want: &str) {
    assert_eq!(findings(&format!("{SITE}[smtp]\n{lines}\n")), want, "{lines}");
}

#[test]
fn all_of_it_may_be_left_out() {
    let smtp = smtp("");
    assert_eq!((smtp.outlet, smtp.max_connections, smtp.rate, smtp.max_per_day), (None, 10, None, None));
    assert_eq!((smtp.timeouts, smtp.on_uncertain), (Timeouts::default(), OnUncertain::Hold));
    assert!(smtp.domains.is_empty() && smtp.ca_file.is_none() && smtp.helo.is_none());
}

#[test]
fn every_key_is_read() {
    let smtp = smtp(
        r#"
url = "smtps://news@mail.example.org:4650"
max_connections = 4
rate = "600/min"
max_per_day = 50_000
timeouts = { connect = "10s", greeting = "1m", command = "2 min", data = "90s", block = "3m", dot = "1h" }
on_uncertain = "resend"
ca_file = ".tidings/ca.pem"
helo = "News.example.org"
domains."gmail.com" = { rate = "20/s" }
domains."Bücher.example" = { rate = "100/h" }
"#,
    );
    let rate = |text: &str| text.parse::<Rate>().ok();
    assert_eq!((smtp.max_connections, smtp.rate, smtp.max_per_day), (4, rate("600/min"), Some(50_000)));
    let seconds = Duration::from_secs;
    let timeouts = Timeouts {
        connect: seconds(10),
        greeting: seconds(60),
        command: seconds(120),
        data: seconds(90),
        block: seconds(180),
        dot: seconds(3600),
    };
    assert_eq!((smtp.timeouts, smtp.on_uncertain), (timeouts, OnUncertain::Resend));
    assert_eq!(smtp.ca_file.map(|file| (file.value, file.span.line)), Some((".tidings/ca.pem".into(), 12)));
    assert_eq!(smtp.helo.as_deref(), Some("news.example.org"));
    let domains: Vec<_> = smtp.domains.iter().map(|(domain, limits)| (domain.as_str(), limits.rate)).collect();
    assert_eq!(domains, [("gmail.com", rate("20/s")), ("xn--bcher-kva.example", rate("100/h"))]);
}

#[test]
fn an_address_says_how_mail_leaves() {
    #[track_caller]
    fn server(url: &str, host: &str, port: u16, security: Security, user: Option<&str>) {
        let outlet = smtp(&format!("url = '{url}'")).outlet;
        let (host, user) = (Host::parse(host).unwrap(), user.map(str::to_owned));
        assert_eq!(outlet, Some(Outlet::Smtp(SmtpUrl { host, port, security, user, password: None })), "{url}");
    }
    server("smtps://news@mail.example.org", "mail.example.org", 465, Security::Implicit, Some("news"));
    server("smtp://news@mail.example.org", "mail.example.org", 587, Security::StartTls, Some("news"));
    server("smtp://mail.example.org:25/?tls=required", "mail.example.org", 25, Security::StartTls, None);
    server(
        "smtp://n%40example.org@Bücher.example",
        "xn--bcher-kva.example",
        587,
        Security::StartTls,
        Some("n@example.org"),
    );
    server("smtp://n@example.org@mail.example.org", "mail.example.org", 587, Security::StartTls, Some("n@example.org"));
    server("smtp://192.0.2.7", "192.0.2.7", 587, Security::StartTls, None);
    server("smtp://localhost:25", "localhost", 25, Security::Plain, None);
    server("smtp://127.9.0.1:2525", "127.9.0.1", 2525, Security::Plain, None);
    server("smtp://[::1]:2525?tls=none", "[::1]", 2525, Security::Plain, None);
    server("smtp://localhost?tls=required", "localhost", 587, Security::StartTls, None);
    server("smtps://localhost", "localhost", 465, Security::Implicit, None);
    let outlet = |url: &str| smtp(&format!("url = '{url}'")).outlet.unwrap();
    let program = |path: &str| Outlet::Sendmail { program: path.to_owned() };
    assert_eq!(outlet("sendmail:"), program("/usr/sbin/sendmail"));
    assert_eq!(outlet("sendmail:/opt/bin/msmtp"), program("/opt/bin/msmtp"));
    assert_eq!(outlet("outbox:a/outbox/"), Outlet::Outbox { folder: "a/outbox".to_owned() });
}

#[test]
fn a_password_is_hidden_and_warned_of() {
    let smtp = smtp("url = 'smtps://news:hunter%32@mail.example.org'");
    let Some(Outlet::Smtp(server)) = &smtp.outlet else { panic!("{smtp:?}") };
    assert_eq!(server.password.as_ref().map(Secret::reveal), Some("hunter2"));
    assert!(!format!("{smtp:?}").contains("hunter"));
    assert_eq!(
        smtp.warning().unwrap().render(None),
        "warning: `[smtp] url` in line 5 holds a password
 --> tidings.toml
hint: take it out and set TIDINGS_SMTP_PASSWORD: settings are shared, and kept in old versions
"
    );
}

#[test]
fn the_environment_wins() {
    let from = |url: &str| smtp(&format!("url = '{url}'"));
    let password = |smtp: &Smtp| match &smtp.outlet {
        Some(Outlet::Smtp(server)) => server.password.as_ref().map(|secret| secret.reveal().to_owned()),
        _ => None,
    };
    let server = from("smtps://news:old@mail.example.org");
    let changed = server.clone().with_environment(None, Some("new\n")).unwrap();
    assert_eq!(password(&changed).as_deref(), Some("new"));
    let changed = server.clone().with_environment(Some(""), Some("")).unwrap();
    assert_eq!(password(&changed).as_deref(), Some("old"));
    let changed = server.clone().with_environment(Some("smtp://other:p@localhost"), None).unwrap();
    assert_eq!((password(&changed).as_deref(), changed.warning()), (Some("p"), None));
    let changed = smtp("").with_environment(Some("outbox:o"), Some("unused")).unwrap();
    assert_eq!(changed.outlet, Some(Outlet::Outbox { folder: "o".to_owned() }));

    let error = from("smtps://mail.example.org").with_environment(None, Some("p")).unwrap_err();
    assert_eq!(
        error.render(None),
        "error: TIDINGS_SMTP_PASSWORD is set, but `[smtp] url` names no user
hint: write `smtps://USER@HOST`, or leave the password out
"
    );
    let error = server.with_environment(Some("smtp://u:secret@mail.example.org?tls=none"), None).unwrap_err();
    assert_eq!(
        error.render(None),
        "error: TIDINGS_SMTP_URL must not have `tls=none`: the host is not this machine
hint: leave it out; a server without TLS would show every mail to the network
"
    );
}

#[test]
fn an_address_that_cannot_be_meant_is_refused_and_no_password_shown() {
    refused(
        "url = 'smtp:/news:secret@mail.example.org'",
        "error: `url` names no host (line 5)
 --> tidings.toml
hint: write `smtps://USER@HOST:465` or `smtp://USER@HOST:587`; `@` in a user is `%40`
",
    );
    refused(
        "url = 'stmp://mail.example.org'",
        "error: `url` must start with one of `smtps:`, `smtp:`, `sendmail:` and `outbox:`
 --> tidings.toml:5:7
  |
5 | url = 'stmp://mail.example.org'
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^
hint: did you mean `smtp:`?
",
    );
    refused(
        "url = 'outbox:../out'",
        "error: `url` must not lead out of the site: `../out`
 --> tidings.toml:5:7
  |
5 | url = 'outbox:../out'
  |       ^^^^^^^^^^^^^^^
hint: write `smtps://USER@HOST:465`, `smtp://USER@HOST:587`, `sendmail:` or `outbox:outbox`
",
    );
    #[track_caller]
    fn case(url: &str, want: &str) {
        let text = format!("{SITE}[smtp]\nurl = '{url}'\n");
        let messages: Vec<_> = Config::parse(&text).unwrap_err().into_iter().map(|f| f.message).collect();
        assert_eq!(messages, [want]);
    }
    case("mail.example.org", "`url` names no way out");
    case("outbox:", "`url` names no folder");
    case("outbox:.", "`url` names no folder");
    case("outbox:public", "`url` would put mails among the feeds: `public`");
    case("outbox:public/mail", "`url` would put mails among the feeds: `public/mail`");
    case("outbox:/var/out", "`url` must be a folder inside the site, not an absolute path: `/var/out`");
    case("sendmail:msmtp", "`url` must name a program by its absolute path");
    case("smtp://", "`url` names no host");
    case("smtp://mail.example.org/x", "`url` must end after the host and its port");
    case("smtp://mail.example.org#x", "`url` must end after the host and its port");
    case("smtp://mail.example.org?tls=maybe", "`url` has something after `?` that it does not know");
    case("smtp://mail.example.org?tls=none", "`url` must not have `tls=none`: the host is not this machine");
    case("smtp://192.168.0.1?tls=none", "`url` must not have `tls=none`: the host is not this machine");
    case("smtps://mail.example.org?tls=none", "`url` has `smtps:`, which is TLS, and takes no `?`");
    case("smtp://:secret@mail.example.org", "`url` has a password and no user (line 5)");
    case("smtp://a%0d%0ab@mail.example.org", "`url` has a control character in its user (line 5)");
    case("smtp://mail.example.org:0", "`url` has a port that there cannot be");
    case("smtp://ma il.example.org", "`url` is not an address of a server");
}

#[test]
fn values_that_cannot_be_meant_are_refused_where_they_stand() {
    refused(
        "max_connections = 201\nrate = '10/d'\ntimeouts = { comand = '5m', dot = '10', data = '25h' }",
        "error: `max_connections` must be at most 200, found 201
 --> tidings.toml:5:19
  |
5 | max_connections = 201
  |                   ^^^
hint: servers take 5 to 50 connections from one sender

error: `rate` is not a rate: `10/d`
 --> tidings.toml:6:8
  |
6 | rate = '10/d'
  |        ^^^^^^
hint: write a whole number of at least 1 and a unit: `10/s`, `600/min`, `20000/h`

error: unknown key `comand` in `timeouts`
 --> tidings.toml:7:14
  |
7 | timeouts = { comand = '5m', dot = '10', data = '25h' }
  |              ^^^^^^
hint: did you mean `command`?

error: `dot` is not a time to wait: `10`
 --> tidings.toml:7:35
  |
7 | timeouts = { comand = '5m', dot = '10', data = '25h' }
  |                                   ^^^^
hint: write a whole number and a unit: `30s`, `5m`, `1h`

error: `data` must be between 1 second and 24 hours, found `25h`
 --> tidings.toml:7:48
  |
7 | timeouts = { comand = '5m', dot = '10', data = '25h' }
  |                                                ^^^^^
",
    );
    refused(
        "on_uncertain = 'held'\ndomains.gmail = { rate = '1/s' }\ndomains.'gmail.com' = '20/s'",
        "error: `on_uncertain` does not know `held`
 --> tidings.toml:5:16
  |
5 | on_uncertain = 'held'
  |                ^^^^^^
hint: did you mean `hold`?

error: `domains` names what is no domain: `gmail`
 --> tidings.toml:6:9
  |
6 | domains.gmail = { rate = '1/s' }
  |         ^^^^^
hint: write `domains.\"gmail.com\" = { rate = \"20/s\" }`

error: `gmail.com` must be a table, found a text
 --> tidings.toml:7:23
  |
7 | domains.'gmail.com' = '20/s'
  |                       ^^^^^^
hint: write `domains.\"gmail.com\" = { rate = \"20/s\" }`
",
    );
}
