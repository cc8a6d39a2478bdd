//! `[smtp]`: how mail leaves, how fast, and how long to wait for an answer.
//!
//! TLS is a matter of course. Off this machine there is no way to do without, and none to do with it only where the server
//! likes (RFC 8314): who sits on the line could make it not like. On loopback the line is plain unless `?tls=required`
//! asks for STARTTLS, since a server next door mostly has a certificate that nobody signed.
//!
//! No message here shows the address of the server in full: a password may stand in it.

use super::parse::belongs_elsewhere;
use super::rate::Rate;
use super::secret::Secret;
use super::tree::{Fault, Table, list, wrong_type};
use super::{FILE, mailbox, values};
use crate::diagnostic::{Diagnostic, Span, Spanned, nearest};
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;
use toml::de::DeValue;
use url::{Host, Url};

/// `[smtp]`
#[derive(Clone, Debug)]
pub struct Smtp {
    /// How mail leaves; `None` where nothing says so, which only sending minds.
    pub outlet: Option<Outlet>,
    /// Where a password stands in the settings themselves, which is read by all who read them.
    pub password_span: Option<Span>,
    /// So many connections at once, 1 to 200; 10.
    pub max_connections: usize,
    /// At most so many mails to the server.
    pub rate: Option<Rate>,
    /// At most so many mails in 24 hours; at least 1.
    pub max_per_day: Option<usize>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// What becomes of a mail of which nobody knows whether it was taken.
    pub on_uncertain: OnUncertain,
    /// Limits for domains of recipients, by the domain in its ASCII form.
    pub domains: BTreeMap<String, DomainLimits>,
    /// A PEM file with the certificates that are trusted, and no others, relative to the site's root.
    pub ca_file: Option<Spanned<String>>,
    /// The name that this machine goes by in `EHLO`; its address without one.
    pub helo: Option<String>,
}

/// How mail leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outlet {
    /// To a server.
    Smtp(SmtpUrl),
    /// To a program that takes mail as `sendmail` does.
    Sendmail {
        /// Its absolute path.
        program: String,
    },
    /// To a folder, as `.eml` files.
    Outbox {
        /// Relative to the site's root and inside it.
        folder: String,
    },
}

/// A server as an address names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpUrl {
    /// The host, in its ASCII form.
    pub host: Host,
    /// The port; 465 for `smtps:`, 587 for `smtp:`.
    pub port: u16,
    /// How the line is kept private.
    pub security: Security,
    /// Who logs in; nobody without one.
    pub user: Option<String>,
    /// With which password; from the environment, or from the address.
    pub password: Option<Secret>,
}

/// How a line is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// TLS after `STARTTLS`, or nothing (RFC 3207).
    StartTls,
    /// None, on this machine alone.
    Plain,
}

/// How long to wait for what; the defaults are those of RFC 5321, section 4.5.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, and for TLS; 30 seconds.
    pub connect: Duration,
    /// For the server's first words; 5 minutes.
    pub greeting: Duration,
    /// For the reply to any other command; 5 minutes.
    pub command: Duration,
    /// For the reply to `DATA`; 2 minutes.
    pub data: Duration,
    /// For the server to take a piece of the message; 3 minutes.
    pub block: Duration,
    /// For the reply to a message; 10 minutes. To wait less makes mails uncertain.
    pub dot: Duration,
}

/// What becomes of a mail of which nobody knows whether it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUncertain {
    /// It is held, and somebody decides.
    Hold,
    /// It is sent again, the same to the byte.
    Resend,
}

/// Limits for one domain of recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainLimits {
    /// At most so many mails.
    pub rate: Option<Rate>,
}

pub(super) const SMTP_KEYS: [&str; 9] =
    ["url", "max_connections", "rate", "max_per_day", "timeouts", "on_uncertain", "domains", "ca_file", "helo"];
const TIMEOUT_KEYS: [&str; 6] = ["connect", "greeting", "command", "data", "block", "dot"];
const DOMAIN_KEYS: [&str; 1] = ["rate"];
const ON_UNCERTAIN_NAMES: [&str; 2] = ["hold", "resend"];
const MOST_CONNECTIONS: usize = 200;
const SENDMAIL: &str = "/usr/sbin/sendmail";
/// The whole address, in the environment.
const URL_VARIABLE: &str = "TIDINGS_SMTP_URL";
/// The password, in the environment.
const PASSWORD_VARIABLE: &str = "TIDINGS_SMTP_PASSWORD";

impl Default for Timeouts {
    fn default() -> Timeouts {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        Timeouts {
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            command: minutes(5),
            data: minutes(2),
            block: minutes(3),
            dot: minutes(10),
        }
    }
}

impl Smtp {
    /// The same with what the environment says, which wins: `url` is the value of TIDINGS_SMTP_URL, `password` that of
    /// TIDINGS_SMTP_PASSWORD. An empty value is none.
    ///
    /// # Errors
    ///
    /// An address that cannot be meant, by the name of its variable; a password for nobody.
    pub fn with_environment(mut self, url: Option<&str>, password: Option<&str>) -> Result<Smtp, Diagnostic> {
        let finding = |fault: Fault| Diagnostic { hint: fault.hint, ..Diagnostic::error(fault.message) };
        if let Some(raw) = url.filter(|raw| !raw.is_empty()) {
            self.outlet = Some(outlet(URL_VARIABLE, raw).map_err(finding)?);
            self.password_span = None;
        }
        if let (Some(password), Some(Outlet::Smtp(server))) = (password.filter(|p| !p.is_empty()), &mut self.outlet) {
            if server.user.is_none() {
                let message = format!("{PASSWORD_VARIABLE} is set, but `[smtp] url` names no user");
                return Err(Diagnostic::error(message).hint("write `smtps://USER@HOST`, or leave the password out"));
            }
            server.password = Some(checked_password(PASSWORD_VARIABLE, password).map_err(finding)?);
        }
        Ok(self)
    }

    /// A password that stands in the settings, as a warning.
    pub fn warning(&self) -> Option<Diagnostic> {
        // Without its place, whose line would be shown.
        self.password_span.map(|span| {
            Diagnostic::warning(format!("`[smtp] url` in line {} holds a password", span.line))
                .in_file(FILE)
                .hint(format!("take it out and set {PASSWORD_VARIABLE}: settings are shared, and kept in old versions"))
        })
    }
}

/// `[smtp]`
pub(super) fn read_smtp(table: &Table<'_, '_>, output: &str, findings: &mut Vec<Diagnostic>) -> Smtp {
    table.refuse_unknown(&SMTP_KEYS, findings, belongs_elsewhere);
    let outlet = read_outlet(table, output, findings);
    let has_password = matches!(&outlet, Some(Outlet::Smtp(SmtpUrl { password: Some(_), .. })));
    let ca_file = table.get("ca_file", findings, |key, value| Ok(values::shown(key, value)?.to_string()));
    Smtp {
        outlet,
        password_span: has_password.then(|| table.value_span("url")),
        max_connections: table.get("max_connections", findings, connections).unwrap_or(10),
        rate: table.get("rate", findings, rate),
        max_per_day: table.get("max_per_day", findings, values::at_least_one),
        timeouts: read_timeouts(table, findings),
        on_uncertain: table.get("on_uncertain", findings, on_uncertain).unwrap_or(OnUncertain::Hold),
        domains: read_domains(table, findings),
        ca_file: ca_file.map(|file| Spanned::new(file, table.value_span("ca_file"))),
        helo: table.get("helo", findings, |key, value| {
            let raw = values::text(key, value)?;
            mailbox::domain(raw).ok_or_else(|| {
                Fault::new(format!("`{key}` is not a domain: `{}`", raw.escape_debug()))
                    .hint("write the name that this machine has in the DNS: `news.example.org`")
            })
        }),
    }
}

fn read_outlet(table: &Table<'_, '_>, output: &str, findings: &mut Vec<Diagnostic>) -> Option<Outlet> {
    let value = table.entries.get("url")?;
    let read = values::text("url", value.get_ref()).and_then(|raw| {
        let outlet = outlet("`url`", raw)?;
        match &outlet {
            Outlet::Outbox { folder } if folder == output || folder.starts_with(&format!("{output}/")) => {
                let fault = Fault::new(format!("`url` would put mails among the feeds: `{folder}`"));
                Err(fault.hint("write a folder that is not published: `outbox:outbox`"))
            }
            _ => Ok(outlet),
        }
    });
    let may_hold_password = || matches!(value.get_ref(), DeValue::String(raw) if raw.contains('@'));
    read.map_err(|fault| {
        findings.push(if may_hold_password() {
            // With its place the whole line would be shown.
            let line = table.value_span("url").line;
            let message = format!("{} (line {line})", fault.message);
            Diagnostic { hint: fault.hint, ..Diagnostic::error(message).in_file(FILE) }
        } else {
            table.source.finding(value.span(), fault)
        });
    })
    .ok()
}

/// How mail leaves, from an address. `name` is what the address is called in messages.
fn outlet(name: &str, raw: &str) -> Result<Outlet, Fault> {
    const HINT: &str = "write `smtps://USER@HOST:465`, `smtp://USER@HOST:587`, `sendmail:` or `outbox:outbox`";
    let (scheme, rest) =
        raw.split_once(':').ok_or_else(|| Fault::new(format!("{name} names no way out")).hint(HINT))?;
    match scheme {
        "outbox" if matches!(rest.trim(), "" | ".") => {
            Err(Fault::new(format!("{name} names no folder")).hint("write `outbox:outbox`"))
        }
        "outbox" => {
            let folder = values::folder(name.trim_matches('`'), rest).map_err(|fault| fault.hint(HINT))?;
            if folder == "." {
                return Err(Fault::new(format!("{name} names no folder")).hint("write `outbox:outbox`"));
            }
            Ok(Outlet::Outbox { folder })
        }
        "sendmail" => match rest {
            "" => Ok(Outlet::Sendmail { program: SENDMAIL.to_owned() }),
            path if path.starts_with('/') && !path.chars().any(char::is_control) => {
                Ok(Outlet::Sendmail { program: path.to_owned() })
            }
            _ => Err(Fault::new(format!("{name} must name a program by its absolute path"))
                .hint(format!("write `sendmail:{SENDMAIL}`, or `sendmail:` for that one"))),
        },
        "smtp" | "smtps" => smtp_url(name, raw).map(Outlet::Smtp),
        _ => {
            let schemes = ["smtps", "smtp", "sendmail", "outbox"].map(|scheme| format!("{scheme}:"));
            let fault = Fault::new(format!("{name} must start with one of {}", list(&schemes)));
            Err(match nearest(&format!("{}:", scheme.to_ascii_lowercase()), schemes.iter().map(String::as_str)) {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault.hint(HINT),
            })
        }
    }
}

fn smtp_url(name: &str, raw: &str) -> Result<SmtpUrl, Fault> {
    const HINT: &str = "write `smtps://USER@HOST:465` or `smtp://USER@HOST:587`; `@` in a user is `%40`";
    let fault = |what: &str| Fault::new(format!("{name} {what}")).hint(HINT);
    let url = Url::parse(raw).map_err(|_| fault("is not an address of a server"))?;
    // The crate knows nothing of these schemes, and leaves their hosts as they are written.
    let host = percent_decode_str(url.host_str().unwrap_or_default()).decode_utf8_lossy().into_owned();
    if host.is_empty() {
        return Err(fault("names no host"));
    }
    let host = Host::parse(&host).map_err(|_| fault("names a host that there cannot be"))?;
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(fault("must end after the host and its port"));
    }
    let is_loopback = is_loopback(&host);
    let security = match (url.scheme(), url.query()) {
        ("smtps", None) => Security::Implicit,
        ("smtps", Some(_)) => return Err(fault("has `smtps:`, which is TLS, and takes no `?`")),
        (_, None) if is_loopback => Security::Plain,
        (_, None | Some("tls=required")) => Security::StartTls,
        (_, Some("tls=none")) if is_loopback => Security::Plain,
        (_, Some("tls=none")) => {
            let fault = Fault::new(format!("{name} must not have `tls=none`: the host is not this machine"));
            return Err(fault.hint("leave it out; a server without TLS would show every mail to the network"));
        }
        (_, Some(_)) => {
            let fault = Fault::new(format!("{name} has something after `?` that it does not know"));
            return Err(fault.hint("it knows `tls=required`, and on this machine `tls=none`"));
        }
    };
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().map_err(|_| fault("has a login that is no UTF-8"))?;
        Ok::<String, Fault>(text.into_owned())
    };
    let user = Some(decoded(url.username())?).filter(|user| !user.is_empty());
    let password = url.password().map(decoded).transpose()?.filter(|password| !password.is_empty());
    if user.is_none() && password.is_some() {
        return Err(fault("has a password and no user"));
    }
    if user.as_ref().is_some_and(|user| user.chars().any(char::is_control)) {
        return Err(fault("has a control character in its user"));
    }
    let port = url.port().unwrap_or(if security == Security::Implicit { 465 } else { 587 });
    if port == 0 {
        return Err(fault("has a port that there cannot be"));
    }
    let password = password.map(|password| checked_password(name, &password)).transpose()?;
    Ok(SmtpUrl { host, port, security, user, password })
}

/// A password that SASL can carry (RFC 4616).
fn checked_password(name: &str, password: &str) -> Result<Secret, Fault> {
    if password.contains('\0') {
        return Err(Fault::new(format!("{name} holds a zero byte, which no password can have")));
    }
    // A secret that comes from a file often brings the end of its line along.
    Ok(Secret::new(password.strip_suffix('\n').map_or(password, |p| p.strip_suffix('\r').unwrap_or(p))))
}

/// Whether a host can only be this machine: 127.0.0.0/8, ::1 and `localhost` (RFC 6761).
fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
    }
}

fn connections(key: &str, value: &DeValue<'_>) -> Result<usize, Fault> {
    match values::at_least_one(key, value)? {
        n if n > MOST_CONNECTIONS => {
            let fault = Fault::new(format!("`{key}` must be at most {MOST_CONNECTIONS}, found {n}"));
            Err(fault.hint("servers take 5 to 50 connections from one sender"))
        }
        n => Ok(n),
    }
}

fn rate(key: &str, value: &DeValue<'_>) -> Result<Rate, Fault> {
    let raw = values::text(key, value).map_err(|fault| fault.hint("write it like `\"10/s\"`"))?;
    raw.parse().map_err(|error: super::RateError| {
        Fault::new(format!("`{key}` is not a rate: `{}`", raw.escape_debug())).hint(error.to_string())
    })
}

fn on_uncertain(key: &str, value: &DeValue<'_>) -> Result<OnUncertain, Fault> {
    let at = values::one_of(key, values::text(key, value)?, &ON_UNCERTAIN_NAMES)?;
    Ok([OnUncertain::Hold, OnUncertain::Resend][at])
}

/// From a second to a day.
fn waiting_time(key: &str, value: &DeValue<'_>) -> Result<Duration, Fault> {
    const HINT: &str = "write a whole number and a unit: `30s`, `5m`, `1h`";
    let raw = values::text(key, value).map_err(|fault| fault.hint(HINT))?;
    let digits = raw.bytes().take_while(u8::is_ascii_digit).count();
    let unit = match raw[digits..].trim() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        _ => 0,
    };
    let seconds = raw[..digits].parse::<u64>().ok().map(|n| n.saturating_mul(unit));
    match seconds {
        Some(seconds) if unit > 0 && (1..=86_400).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        Some(_) if unit > 0 => Err(Fault::new(format!("`{key}` must be between 1 second and 24 hours, found `{raw}`"))),
        _ => Err(Fault::new(format!("`{key}` is not a time to wait: `{}`", raw.escape_debug())).hint(HINT)),
    }
}

/// The table that a key holds.
fn inner<'s, 't>(
    table: &'s Table<'_, 't>,
    key: &str,
    hint: &str,
    findings: &mut Vec<Diagnostic>,
) -> Option<Table<'s, 't>> {
    let value = table.entries.get(key)?;
    let DeValue::Table(entries) = value.get_ref() else {
        findings.push(table.source.finding(value.span(), wrong_type(key, "a table", value.get_ref()).hint(hint)));
        return None;
    };
    Some(Table { name: key.to_owned(), entries, source: table.source })
}

fn read_timeouts(table: &Table<'_, '_>, findings: &mut Vec<Diagnostic>) -> Timeouts {
    let mut timeouts = Timeouts::default();
    let hint = "write `timeouts = { connect = \"30s\", command = \"5m\" }`";
    let Some(times) = inner(table, "timeouts", hint, findings) else { return timeouts };
    times.refuse_unknown(&TIMEOUT_KEYS, findings, |_| None);
    for (key, time) in [
        ("connect", &mut timeouts.connect),
        ("greeting", &mut timeouts.greeting),
        ("command", &mut timeouts.command),
        ("data", &mut timeouts.data),
        ("block", &mut timeouts.block),
        ("dot", &mut timeouts.dot),
    ] {
        if let Some(read) = times.get(key, findings, waiting_time) {
            *time = read;
        }
    }
    timeouts
}

fn read_domains(table: &Table<'_, '_>, findings: &mut Vec<Diagnostic>) -> BTreeMap<String, DomainLimits> {
    const HINT: &str = "write `domains.\"gmail.com\" = { rate = \"20/s\" }`";
    let mut domains = BTreeMap::new();
    let Some(outer) = inner(table, "domains", HINT, findings) else { return domains };
    for (key, value) in outer.entries.iter() {
        let raw = key.get_ref().as_ref();
        let DeValue::Table(entries) = value.get_ref() else {
            findings.push(table.source.finding(value.span(), wrong_type(raw, "a table", value.get_ref()).hint(HINT)));
            continue;
        };
        let limits = Table { name: format!("domains.\"{raw}\""), entries, source: table.source };
        limits.refuse_unknown(&DOMAIN_KEYS, findings, |_| None);
        let limits = DomainLimits { rate: limits.get("rate", findings, rate) };
        match mailbox::domain(raw) {
            Some(domain) => {
                domains.insert(domain, limits);
            }
            None => {
                let finding = Diagnostic::error(format!("`domains` names what is no domain: `{}`", raw.escape_debug()));
                findings.push(finding.at(FILE, table.source.span(key.span())).hint(HINT));
            }
        }
    }
    domains
}

#[cfg(test)]
mod tests;
