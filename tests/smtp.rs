//! SMTP against a server that misbehaves on request: what becomes of the mail, how far it had come, what the server has.

#[path = "support/smtpd.rs"]
mod smtpd;

use smtpd::{Certificates, Smtpd};
use std::fs;
use std::time::{Duration, Instant};
use tidings::config::{Config, Secret, Security, Timeouts};
use tidings::mail::envelope::Envelope;
use tidings::mail::smtp::{Connection, Offer, Server, SmtpError, Trust};
use tidings::mail::transport::Transport;
use url::Host;

const MESSAGE: &[u8] =
    b"From: news@example.org\r\nMessage-ID: <1@example.org>\r\nSubject: x\r\n\r\n.dot\r\n..\r\nend\r\n";

/// For servers that answer: long enough for a slow machine.
fn timeouts() -> Timeouts {
    let long = Duration::from_secs(20);
    Timeouts { connect: long, greeting: long, command: long, data: long, block: long, dot: long }
}

/// For a fault that is told by the time it takes, the time is short; for the others it is long.
fn timeouts_for(fault: &str) -> Timeouts {
    let short = Duration::from_millis(1500);
    match fault.strip_suffix("-mute") {
        Some("greeting") => Timeouts { greeting: short, ..timeouts() },
        Some(_) => Timeouts { command: short, ..timeouts() },
        None => timeouts(),
    }
}

fn plain(port: u16) -> Server {
    Server::new(Host::Domain("localhost".into()), port, Security::Plain, &Trust::System).unwrap()
}

fn secure(port: u16, security: Security) -> Server {
    let ca = fs::read(Certificates::get().path("ca.pem")).unwrap();
    Server::new(Host::Domain("localhost".into()), port, security, &Trust::from_pem(&ca).unwrap()).unwrap()
}

fn envelope(local: &str) -> Envelope {
    Envelope::new("news@example.org".parse().ok(), format!("{local}@example.com").parse().unwrap())
}

fn told(error: &SmtpError) -> String {
    let certainty = if error.is_uncertain() { "uncertain" } else { "not taken" };
    format!("{certainty} in {}: {}", error.phase().name(), error.fault())
}

async fn mail(connection: &mut Connection, envelope: &Envelope, message: &[u8]) -> Result<String, SmtpError> {
    connection.begin(envelope).await?;
    match connection.answer().await? {
        Offer::Refused { phase, reply } => Ok(format!("refused in {}: {reply}", phase.name())),
        Offer::Ready => {
            connection.body(message, None).await?;
            Ok(connection.verdict().await?.to_string())
        }
    }
}

/// What becomes of one mail on a connection of its own, and whether another could follow it.
async fn one(server: &Server, timeouts: &Timeouts, envelope: &Envelope, message: &[u8]) -> (String, bool) {
    let mut connection = Connection::open(server, timeouts).await.unwrap();
    let outcome = mail(&mut connection, envelope, message).await.unwrap_or_else(|error| told(&error));
    let is_usable = connection.is_usable().await;
    if is_usable {
        let next = mail(&mut connection, &next_envelope(), MESSAGE).await.unwrap();
        assert!(next.starts_with("250 "), "after {outcome}: {next}");
    }
    connection.quit().await;
    (outcome, is_usable)
}

/// Whom the mail after a faulty one is for.
fn next_envelope() -> Envelope {
    envelope("good")
}

/// Faults, what comes of them, whether the connection lives on, and whether the server has the mail.
const FAULTS: [(&str, &str, bool, bool); 33] = [
    ("ana", "250 2.0.0 taken", true, true),
    ("mail-421", "refused in mail: 421 4.0.0 said on request to nobody", false, false),
    ("mail-451", "refused in mail: 451 4.0.0 said on request to nobody", true, false),
    ("mail-550.5.7.1", "refused in mail: 550 5.7.1 said on request to nobody", true, false),
    ("mail-drop", "not taken in mail: the server closed the connection", false, false),
    ("mail-garbage", "not taken in mail: the server sent what is no reply of SMTP", false, false),
    ("rcpt-421", "refused in rcpt: 421 4.0.0 said on request to r***@e***.com", false, false),
    ("rcpt-450", "refused in rcpt: 450 4.0.0 said on request to r***@e***.com", true, false),
    ("rcpt-550.5.1.1", "refused in rcpt: 550 5.1.1 said on request to r***@e***.com", true, false),
    ("rcpt-drop", "not taken in rcpt: the server closed the connection", false, false),
    ("rcpt-codes", "not taken in rcpt: the server sent a reply with two codes", false, false),
    ("rcpt-utf8", "250 2.0.0 taken", true, true),
    (
        "rcpt-354",
        "not taken in rcpt: the server said 354 said on request to r***@e***.com, which has no meaning here",
        false,
        false,
    ),
    ("data-451", "refused in data: 451 4.0.0 said on request to d***@e***.com", true, false),
    ("data-554", "refused in data: 554 5.0.0 said on request to d***@e***.com", true, false),
    ("data-421", "refused in data: 421 4.0.0 said on request to d***@e***.com", false, false),
    (
        "data-250",
        "not taken in data: the server said 250 2.0.0 said on request to d***@e***.com, which has no meaning here",
        false,
        false,
    ),
    ("data-early", "not taken in body: the server spoke before it was asked", false, false),
    ("dot-early", "250 2.0.0 taken", false, true),
    ("data-drop", "not taken in data: the server closed the connection", false, false),
    ("dot-451", "451 4.0.0 said on request to d***@e***.com", true, false),
    ("dot-554.5.6.0", "554 5.6.0 said on request to d***@e***.com", true, false),
    ("dot-421", "421 4.0.0 said on request to d***@e***.com", false, false),
    ("dot-drop", "uncertain in dot: the server closed the connection", false, true),
    ("dot-lost", "uncertain in dot: the server closed the connection", false, false),
    ("dot-garbage", "uncertain in dot: the server sent what is no reply of SMTP", false, true),
    ("dot-codes", "uncertain in dot: the server sent a reply with two codes", false, true),
    (
        "dot-354",
        "uncertain in dot: the server said 354 said on request to d***@e***.com, which has no meaning here",
        false,
        true,
    ),
    ("dot-endless", "uncertain in dot: the server sent a reply without end", false, true),
    ("dot-utf8", "250 2.0.0 taken caf\u{fffd} \u{fffd}\u{fffd}", true, true),
    ("dot-drip~0.01", "250 2.0.0 taken", true, true),
    ("dot-slow~0.3", "250 2.0.0 taken", true, true),
    ("once-rcpt-450", "refused in rcpt: 450 4.0.0 said on request to o***@e***.com", true, false),
];

/// All of the table against one server.
async fn faults(options: &[&str]) {
    let smtpd = Smtpd::start(options);
    let server = plain(smtpd.port);
    for (fault, want, want_usable, want_taken) in FAULTS {
        let envelope = match fault.strip_prefix("mail-") {
            Some(_) => Envelope::new(format!("{fault}@example.org").parse().ok(), "ana@example.com".parse().unwrap()),
            None => envelope(fault),
        };
        let before = smtpd.mails().len();
        let (outcome, is_usable) = one(&server, &timeouts(), &envelope, MESSAGE).await;
        let taken = smtpd.recipients()[before..].iter().any(|to| *to == envelope.recipient.to_string());
        assert_eq!((outcome.as_str(), is_usable, taken), (want, want_usable, want_taken), "{fault}");
    }
    assert!(smtpd.mails().iter().all(|mail| mail["bare"] == false));
}

#[tokio::test]
async fn every_fault_is_named_by_its_phase_and_told_with_certainty() {
    faults(&[]).await;
}

#[tokio::test]
async fn the_same_holds_without_pipelining() {
    faults(&["--no-pipelining"]).await;
}

#[tokio::test]
async fn a_reply_of_a_hundred_kilobytes_is_a_reply() {
    let smtpd = Smtpd::start(&[]);
    let (outcome, is_usable) = one(&plain(smtpd.port), &timeouts(), &envelope("dot-long"), MESSAGE).await;
    assert!(outcome.starts_with("250 2.0.0 taken xxxx") && outcome.len() < 4200 && is_usable, "{outcome}");
}

#[tokio::test]
async fn a_server_that_goes_mute_costs_the_time_of_its_phase() {
    let smtpd = Smtpd::start(&[]);
    let (server, short) = (plain(smtpd.port), Duration::from_millis(600));
    let cases = [
        ("mail-mute", Timeouts { command: short, ..timeouts() }, "not taken in mail"),
        ("rcpt-mute", Timeouts { command: short, ..timeouts() }, "not taken in rcpt"),
        ("data-mute", Timeouts { data: short, ..timeouts() }, "not taken in data"),
        ("dot-mute", Timeouts { dot: short, ..timeouts() }, "uncertain in dot"),
        // A byte now and then is not an answer.
        ("dot-drip~0.2", Timeouts { dot: short, ..timeouts() }, "uncertain in dot"),
    ];
    for (fault, timeouts, want) in cases {
        let envelope = Envelope::new(format!("{fault}@example.org").parse().ok(), "ana@example.com".parse().unwrap());
        let start = Instant::now();
        let (outcome, is_usable) = one(&server, &timeouts, &envelope, MESSAGE).await;
        assert_eq!((outcome, is_usable), (format!("{want}: no answer within 600 ms"), false), "{fault}");
        assert!(start.elapsed() >= short && start.elapsed() < Duration::from_secs(10), "{fault}");
    }
}

#[tokio::test]
async fn a_message_that_does_not_leave_in_whole_is_certainly_not_taken() {
    let smtpd = Smtpd::start(&[]);
    let server = plain(smtpd.port);
    // More than the system takes in before the server has read.
    let large =
        [MESSAGE, &b"0123456789012345678901234567890123456789012345678901234567890123456789\r\n".repeat(400_000)]
            .concat();
    let patience = Timeouts { block: Duration::from_millis(700), ..timeouts() };
    #[track_caller]
    fn case(outcome: (String, bool), want: &str) {
        assert_eq!((outcome.0.as_str(), outcome.1), (want, false));
    }
    case(one(&server, &patience, &envelope("body-mute"), &large).await, "not taken in body: no answer within 700 ms");
    case(
        one(&server, &patience, &envelope("body-drop"), &large).await,
        "not taken in body: the server closed the connection",
    );
    // What the server says before it closes is heard, or else that it closed.
    let outcome = one(&server, &patience, &envelope("body-552"), &large).await;
    let said = "not taken in body: the server said 552 5.0.0 said on request to b***@e***.com";
    assert!(outcome.0 == said || outcome.0 == "not taken in body: the server closed the connection", "{outcome:?}");
    assert_eq!(smtpd.recipients(), Vec::<String>::new());
}

#[tokio::test]
async fn a_connection_that_cannot_be_opened_says_in_which_phase() {
    #[track_caller]
    fn case(options: &str, opened: Result<Connection, SmtpError>, want: &str) {
        let error = opened.err().unwrap_or_else(|| panic!("{options}: it opened"));
        assert_eq!((told(&error).as_str(), options), (want, options));
    }
    for (fault, want) in [
        ("greeting-421", "not taken in greeting: the server said 421 4.0.0 said on request to nobody"),
        ("greeting-554.5.7.1", "not taken in greeting: the server said 554 5.7.1 said on request to nobody"),
        ("greeting-drop", "not taken in greeting: the server closed the connection"),
        ("greeting-mute", "not taken in greeting: no answer within 1500 ms"),
        ("greeting-garbage", "not taken in greeting: the server sent what is no reply of SMTP"),
        ("ehlo-554", "not taken in ehlo: the server said 554 5.0.0 said on request to nobody"),
        ("ehlo-drop", "not taken in ehlo: the server closed the connection"),
        ("ehlo-mute", "not taken in ehlo: no answer within 1500 ms"),
    ] {
        let smtpd = Smtpd::start(&["--fault", fault]);
        case(fault, Connection::open(&plain(smtpd.port), &timeouts_for(fault)).await, want);
    }
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = Connection::open(&plain(port), &timeouts()).await.unwrap_err();
    assert_eq!(error.to_string(), "connecting failed: connection refused");
    assert!(error.is_transient());
    let server = Server::new(Host::Domain("no.such.host.invalid".into()), 25, Security::StartTls, &ca()).unwrap();
    let error = Connection::open(&server, &timeouts()).await.unwrap_err();
    assert!(told(&error).starts_with("not taken in connect: the host cannot be found"), "{error}");
    // A name that claims to be this machine is not taken at its word.
    let server = Server::new(Host::Ipv4([192, 0, 2, 1].into()), 25, Security::Plain, &Trust::System).unwrap();
    case(
        "elsewhere",
        Connection::open(&server, &timeouts()).await,
        "not taken in connect: the host is not this machine, and TLS is off",
    );
}

fn ca() -> Trust {
    Trust::from_pem(&fs::read(Certificates::get().path("ca.pem")).unwrap()).unwrap()
}

#[tokio::test]
async fn an_old_server_is_greeted_in_the_old_way_where_nothing_more_is_needed() {
    let smtpd = Smtpd::start(&["--no-ehlo"]);
    assert_eq!(one(&plain(smtpd.port), &timeouts(), &envelope("ana"), MESSAGE).await, ("250 2.0.0 taken".into(), true));
    let server = plain(smtpd.port).with_login("ana", Secret::new("secret"));
    let error = Connection::open(&server, &timeouts()).await.unwrap_err();
    assert_eq!(told(&error), "not taken in ehlo: the server said 502 5.5.1 unknown command");
}

#[tokio::test]
async fn the_next_envelope_goes_out_behind_a_message() {
    for options in [&[][..], &["--no-pipelining"]] {
        let smtpd = Smtpd::start(options);
        let mut connection = Connection::open(&plain(smtpd.port), &timeouts()).await.unwrap();
        assert_eq!(connection.is_pipelining(), options.is_empty());
        // Half of them are refused, in each of the ways that leave the connection as it is.
        let faults = ["", "+rcpt-550", "", "+dot-554", "", "+data-451", "+rcpt-450", "+dot-451"];
        let envelopes: Vec<Envelope> = (0..40).map(|i| envelope(&format!("u{i}{}", faults[i % 8]))).collect();
        connection.begin(&envelopes[0]).await.unwrap();
        let mut taken = Vec::new();
        for (i, envelope) in envelopes.iter().enumerate() {
            let next = envelopes.get(i + 1);
            match connection.answer().await.unwrap() {
                Offer::Ready => {
                    connection.body(MESSAGE, next).await.unwrap();
                    if connection.verdict().await.unwrap().is_positive() {
                        taken.push(envelope.recipient.to_string());
                    }
                }
                Offer::Refused { .. } => {
                    if let Some(next) = next {
                        connection.begin(next).await.unwrap();
                    }
                }
            }
        }
        connection.quit().await;
        assert_eq!(smtpd.recipients(), taken);
        assert_eq!(taken.len(), 15);
        let summary = smtpd.stop();
        assert_eq!((&summary["connections"], &summary["quits"]), (&1.into(), &1.into()));
        assert_eq!(summary["resets"], 15, "one for each refused envelope");
    }
}

#[tokio::test]
async fn a_server_that_wants_a_message_for_nobody_gets_none() {
    let smtpd = Smtpd::start(&[]);
    let refused = "refused in rcpt: 550 5.0.0 said on request to a***@e***.com";
    let outcome = one(&plain(smtpd.port), &timeouts(), &envelope("ana+rcpt-550+data-anyway"), MESSAGE).await;
    assert_eq!(outcome, (refused.into(), false));
    assert!(smtpd.mails().is_empty());
    // Asked step by step, it is never brought that far.
    let smtpd = Smtpd::start(&["--no-pipelining"]);
    let outcome = one(&plain(smtpd.port), &timeouts(), &envelope("ana+rcpt-550+data-anyway"), MESSAGE).await;
    assert_eq!(outcome, (refused.into(), true));
}

#[tokio::test]
async fn what_is_sent_arrives_as_it_is() {
    use sha2::{Digest as _, Sha256};
    let smtpd = Smtpd::start(&[]);
    let large = [MESSAGE, &b".\r\n..\r\n\r\n.x\r\n0123456789\r\n".repeat(20_000)].concat();
    for message in [MESSAGE, &large, b"\r\n", b".\r\n"] {
        let (outcome, _) = one(&plain(smtpd.port), &timeouts(), &envelope("ana"), message).await;
        assert_eq!(outcome, "250 2.0.0 taken");
        let mails = smtpd.mails();
        let got = mails.iter().rfind(|mail| mail["to"] == "ana@example.com").unwrap();
        let hash: String = Sha256::digest(message).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((&got["sha256"], &got["size"]), (&hash.into(), &message.len().into()));
    }
}

#[tokio::test]
async fn a_message_that_could_smuggle_another_is_not_sent() {
    let smtpd = Smtpd::start(&[]);
    for (message, want) in [
        (&b"a\r\n\n.\n\r\n"[..], "not taken in body: the message has a bare line feed at byte 3"),
        (b"a\r.\r\r\n", "not taken in body: the message has a bare carriage return at byte 1"),
        (b"a\r\nb", "not taken in body: the last line of the message has no end"),
    ] {
        let outcome = one(&plain(smtpd.port), &timeouts(), &envelope("ana"), message).await;
        assert_eq!(outcome, (want.into(), false));
    }
    assert!(smtpd.mails().is_empty());
}

#[tokio::test]
async fn a_message_larger_than_the_server_takes_is_not_offered() {
    let smtpd = Smtpd::start(&["--size", "1000"]);
    let outcome = one(&plain(smtpd.port), &timeouts(), &envelope("ana").sized(1001), MESSAGE).await;
    let want = "refused in mail: 552 5.3.4 the message has 1001 bytes, and the server takes 1000";
    assert_eq!(outcome, (want.into(), true));
    let outcome = one(&plain(smtpd.port), &timeouts(), &envelope("ana").sized(1000), MESSAGE).await;
    assert_eq!(outcome, ("250 2.0.0 taken".into(), true));
    let mails = smtpd.mails();
    let parameters = |to: &str| mails.iter().rfind(|mail| mail["to"] == to).unwrap()["parameters"].clone();
    assert_eq!(parameters("ana@example.com"), serde_json::json!(["SIZE=1000"]));
    assert_eq!(parameters("good@example.com"), serde_json::json!([]));
}

#[tokio::test]
async fn a_connection_that_the_server_closed_at_rest_is_not_used() {
    for option in ["--idle", "--idle-silent"] {
        let smtpd = Smtpd::start(&[option, "0.3"]);
        let mut connection = Connection::open(&plain(smtpd.port), &timeouts()).await.unwrap();
        assert!(mail(&mut connection, &envelope("ana"), MESSAGE).await.is_ok());
        assert!(connection.is_usable().await);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(!connection.is_usable().await, "{option}");
        let error = mail(&mut connection, &envelope("ana"), MESSAGE).await.unwrap_err();
        assert_eq!(told(&error), "not taken in mail: the server closed the connection");
        connection.quit().await;
    }
}

#[tokio::test]
async fn a_server_that_has_enough_after_two_mails_says_so_to_the_third() {
    let smtpd = Smtpd::start(&["--most-mails", "2"]);
    let mut connection = Connection::open(&plain(smtpd.port), &timeouts()).await.unwrap();
    for (to, want) in [
        ("a", "250 2.0.0 taken"),
        ("b", "250 2.0.0 taken"),
        ("c", "refused in mail: 421 4.7.0 enough for one connection"),
    ] {
        assert_eq!(mail(&mut connection, &envelope(to), MESSAGE).await.unwrap(), want);
    }
    assert!(!connection.is_usable().await);
    assert_eq!(smtpd.recipients(), ["a@example.com", "b@example.com"]);
}

#[tokio::test]
async fn steps_out_of_turn_are_refused_and_lose_nothing() {
    let smtpd = Smtpd::start(&[]);
    let mut connection = Connection::open(&plain(smtpd.port), &timeouts()).await.unwrap();
    assert_eq!(told(&connection.answer().await.unwrap_err()), "not taken in mail: a step came out of turn");
    assert_eq!(told(&connection.body(MESSAGE, None).await.unwrap_err()), "not taken in body: a step came out of turn");
    assert_eq!(told(&connection.verdict().await.unwrap_err()), "uncertain in dot: a step came out of turn");
    connection.reset().await.unwrap();
    assert_eq!(mail(&mut connection, &envelope("ana"), MESSAGE).await.unwrap(), "250 2.0.0 taken");
    // A step that was not waited for leaves a connection that nobody can use.
    connection.begin(&envelope("dot-slow~5")).await.unwrap();
    assert_eq!(connection.answer().await.unwrap(), Offer::Ready);
    connection.body(MESSAGE, None).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), connection.verdict()).await.is_err());
    assert!(!connection.is_usable().await);
}

#[tokio::test]
async fn tls_comes_first_or_after_starttls_and_its_certificate_is_checked() {
    let certificates = Certificates::get();
    let start = |tls: &str, name: &str, more: &[&str]| {
        let options = certificates.options(tls, name);
        let options: Vec<&str> = options.iter().map(String::as_str).chain(more.iter().copied()).collect();
        Smtpd::start(&options)
    };
    for (tls, security) in [("implicit", Security::Implicit), ("starttls", Security::StartTls)] {
        let smtpd = start(tls, "good", &[]);
        let large = [MESSAGE, &b"0123456789\r\n".repeat(30_000)].concat();
        for message in [MESSAGE, &large] {
            let outcome = one(&secure(smtpd.port, security), &timeouts(), &envelope("ana"), message).await;
            assert_eq!(outcome, ("250 2.0.0 taken".into(), true));
        }
        let outcome = one(&secure(smtpd.port, security), &timeouts(), &envelope("dot-drop"), MESSAGE).await;
        assert_eq!(outcome, ("uncertain in dot: the server closed the connection".into(), false));
        assert!(smtpd.mails().iter().all(|mail| mail["tls"] == true));
        let by_address = Server::new(Host::Ipv4([127, 0, 0, 1].into()), smtpd.port, security, &ca()).unwrap();
        assert!(Connection::open(&by_address, &timeouts()).await.is_ok());
    }
    for (name, security, want) in [
        (
            "other",
            Security::Implicit,
            "not taken in connect: no secure connection: invalid peer certificate: certificate not valid for name \"localhost\"",
        ),
        (
            "unsigned",
            Security::Implicit,
            "not taken in connect: no secure connection: invalid peer certificate: UnknownIssuer",
        ),
        (
            "unsigned",
            Security::StartTls,
            "not taken in starttls: no secure connection: invalid peer certificate: UnknownIssuer",
        ),
    ] {
        let tls = if security == Security::Implicit { "implicit" } else { "starttls" };
        let smtpd = start(tls, name, &[]);
        let error = Connection::open(&secure(smtpd.port, security), &timeouts()).await.unwrap_err();
        assert!(told(&error).starts_with(want), "{name}: {error}");
        assert!(!error.is_transient());
    }
    for (fault, want) in [
        ("starttls-strip", "not taken in starttls: the server offers no TLS"),
        ("starttls-454", "not taken in starttls: the server said 454 4.0.0 said on request to nobody"),
        ("starttls-inject", "not taken in starttls: there was text before TLS that was meant to come after it"),
        ("starttls-drop", "not taken in starttls: the server closed the connection"),
        ("starttls-mute", "not taken in starttls: no answer within 1500 ms"),
    ] {
        let smtpd = start("starttls", "good", &["--fault", fault, "--auth", "ana:secret"]);
        let server = secure(smtpd.port, Security::StartTls).with_login("ana", Secret::new("secret"));
        let error = Connection::open(&server, &timeouts_for(fault)).await.unwrap_err();
        assert_eq!((told(&error).as_str(), fault), (want, fault));
        let summary = smtpd.stop();
        assert!(summary["auth_plain"].is_null() && summary["auth_login"].is_null(), "{fault}: a password in the clear");
    }
    // A server that does not speak TLS at all.
    let smtpd = Smtpd::start(&[]);
    let error = Connection::open(&secure(smtpd.port, Security::Implicit), &timeouts()).await.unwrap_err();
    assert!(told(&error).starts_with("not taken in connect: no secure connection: "), "{error}");
}

#[tokio::test]
async fn a_login_is_plain_or_login_and_shows_no_password() {
    let login = |port: u16, password: &str| plain(port).with_login("ana@example.org", Secret::new(password));
    for (mechanisms, used) in [("PLAIN LOGIN", "auth_plain"), ("LOGIN", "auth_login"), ("X LOGIN", "auth_login")] {
        let smtpd = Smtpd::start(&["--auth", "ana@example.org:se cret:ü", "--mechanisms", mechanisms]);
        let outcome = one(&login(smtpd.port, "se cret:ü"), &timeouts(), &envelope("ana"), MESSAGE).await;
        assert_eq!(outcome, ("250 2.0.0 taken".into(), true));
        let error = Connection::open(&login(smtpd.port, "hunter2"), &timeouts()).await.unwrap_err();
        let want = "not taken in auth: the server said 535 5.7.8 wrong user or password for a***@e***.org";
        assert_eq!((told(&error).as_str(), error.is_transient()), (want, false));
        assert!(!format!("{error:?}").contains("hunter2"));
        assert_eq!(smtpd.stop()[used], 2);
    }
    for (options, want) in [
        (&["--mechanisms", "CRAM-MD5"][..], "not taken in auth: the server offers neither PLAIN nor LOGIN"),
        (&["--fault", "auth-454.4.7.0"], "not taken in auth: the server said 454 4.7.0 said on request to nobody"),
        (&["--fault", "auth-drop"], "not taken in auth: the server closed the connection"),
        (&["--fault", "auth-mute"], "not taken in auth: no answer within 1500 ms"),
    ] {
        let smtpd = Smtpd::start(&[&["--auth", "ana@example.org:secret"], options].concat());
        let error = Connection::open(&login(smtpd.port, "secret"), &timeouts_for(options[1])).await.unwrap_err();
        assert_eq!(told(&error), want);
    }
    // Without a login, the server says what it misses.
    let smtpd = Smtpd::start(&["--auth", "ana@example.org:secret"]);
    let mut connection = Connection::open(&plain(smtpd.port), &timeouts()).await.unwrap();
    let refused = mail(&mut connection, &envelope("ana"), MESSAGE).await.unwrap();
    assert_eq!(refused, "refused in mail: 530 5.7.0 log in first");
}

#[tokio::test]
async fn a_transport_takes_its_way_out_from_the_settings() {
    let site = tempfile::tempdir().unwrap();
    let config = |lines: &str| {
        let text = format!("[site]\ntitle = 'T'\nurl = 'https://example.org'\n[smtp]\n{lines}\n");
        Config::parse(&text).unwrap().smtp
    };
    let new = |lines: &str| Transport::new(&config(lines), site.path());
    let message = |error: tidings::mail::transport::TransportError| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{error}{cause}")
    };
    assert_eq!(message(new("").unwrap_err()), "nothing says how mail leaves: there is no `[smtp] url`");
    assert_eq!(
        message(new("url = 'smtp://ana@localhost'").unwrap_err()),
        "there is no password for the user in `[smtp] url`"
    );
    let missing = message(new("url = 'smtps://localhost'\nca_file = 'no.pem'").unwrap_err());
    assert!(missing.ends_with("/no.pem`: No such file or directory (os error 2)"), "{missing}");
    fs::write(site.path().join("empty.pem"), "").unwrap();
    assert_eq!(
        message(new("url = 'smtps://localhost'\nca_file = 'empty.pem'").unwrap_err()),
        "no certificate can be checked: there is no certificate in PEM form in it"
    );

    let transport = new("url = 'outbox:out'").unwrap();
    assert_eq!(transport.kind(), "outbox");
    let mut carrier = transport.open().await.unwrap();
    assert_eq!(carrier.offer(&envelope("ana")).await.unwrap(), Offer::Ready);
    assert!(carrier.deliver("0001", MESSAGE, None).await.unwrap().is_positive());
    assert_eq!(fs::read(site.path().join("out/0001.eml")).unwrap(), MESSAGE);

    let certificates = Certificates::get();
    fs::copy(certificates.path("ca.pem"), site.path().join("ca.pem")).unwrap();
    let options = certificates.options("starttls", "good");
    let options: Vec<&str> = options.iter().map(String::as_str).chain(["--auth", "ana:secret"]).collect();
    let smtpd = Smtpd::start(&options);
    let url = format!("url = 'smtp://ana@localhost:{}?tls=required'\nca_file = 'ca.pem'", smtpd.port);
    let settings = config(&url).with_environment(None, Some("secret")).unwrap();
    let transport = Transport::new(&settings, site.path()).unwrap();
    assert_eq!((transport.kind(), transport.place()), ("smtp", format!("localhost:{}", smtpd.port)));
    assert!(!format!("{transport:?} {settings:?}").contains("secret"));
    let mut carrier = transport.open().await.unwrap();
    let envelopes = ["a", "b+rcpt-550", "c", "d"].map(envelope);
    let mut outcomes = Vec::new();
    for (i, envelope) in envelopes.iter().enumerate() {
        assert!(carrier.is_usable().await);
        outcomes.push(match carrier.offer(envelope).await.unwrap() {
            Offer::Ready => {
                let reply = carrier.deliver("x", MESSAGE, envelopes.get(i + 1)).await.unwrap();
                assert_eq!(carrier.is_ahead(), i + 1 < envelopes.len());
                reply.code
            }
            Offer::Refused { reply, .. } => reply.code,
        });
    }
    carrier.close().await;
    assert_eq!(outcomes, [250, 550, 250, 250]);
    assert_eq!(smtpd.recipients(), ["a@example.com", "c@example.com", "d@example.com"]);
}
