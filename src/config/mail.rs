//! `[mail]`, `[store]` and `[serve]`: how mails are signed and returned, where things are remembered, and where the web
//! server stands.

use super::mailbox::{Mailbox, domain};
use super::parse::belongs_elsewhere;
use super::tree::{Fault, Table, wrong_type};
use super::{FILE, values};
use crate::diagnostic::{Diagnostic, Spanned, nearest};
use std::net::{IpAddr, SocketAddr};
use toml::de::DeValue;
use url::Url;

/// `[mail]`
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// Where mails that cannot be delivered return to: `local@domain`.
    pub return_path: Option<String>,
    /// Where a mail unsubscribes, for programs that do not open addresses of the web: `local@domain`.
    pub unsubscribe_mailto: Option<String>,
    /// The domain part of every List-Id (RFC 2919), to which a digest adds its name.
    pub list_id: Option<String>,
    /// What every Message-ID ends with.
    pub message_id_domain: Option<String>,
    /// The keys that sign.
    pub dkim: Vec<Dkim>,
    /// Whether nothing outside the body may tell what a mail is about.
    pub sensitive: bool,
}

/// A key that signs mails (RFC 6376).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dkim {
    /// Whose key it is, in its encoded form.
    pub domain: String,
    /// Its name in the DNS, before `._domainkey.` and the domain.
    pub selector: String,
    /// The file of the private key, relative to the site's root.
    pub key_file: Spanned<String>,
}

/// `[store]`
#[derive(Clone, Debug)]
pub struct Store {
    /// The database file, relative to the site's root; `.tidings/tidings.db`.
    pub sqlite: String,
}

/// `[serve]`
#[derive(Clone, Debug)]
pub struct Serve {
    /// Where the server listens; `127.0.0.1:8080`.
    pub address: SocketAddr,
    /// Where it is seen from outside, ending in `/`.
    pub public_url: Option<Url>,
    /// Who may say on whose behalf a request comes.
    pub trusted_proxies: Vec<Network>,
}

/// Addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// One of them.
    pub address: IpAddr,
    /// How many bits they share.
    pub bits: u8,
}

pub(super) const MAIL_KEYS: [&str; 6] =
    ["return_path", "unsubscribe_mailto", "list_id", "message_id_domain", "dkim", "sensitive"];
pub(super) const STORE_KEYS: [&str; 1] = ["url"];
pub(super) const SERVE_KEYS: [&str; 3] = ["address", "public_url", "trusted_proxies"];
const DKIM_KEYS: [&str; 3] = ["domain", "selector", "key_file"];
const SQLITE: &str = ".tidings/tidings.db";

/// `[mail]`
pub(super) fn read_mail(table: &Table<'_, '_>, findings: &mut Vec<Diagnostic>) -> Mail {
    table.refuse_unknown(&MAIL_KEYS, findings, belongs_elsewhere);
    Mail {
        return_path: table.get("return_path", findings, bare_address),
        unsubscribe_mailto: table.get("unsubscribe_mailto", findings, bare_address),
        list_id: table.get("list_id", findings, domain_name),
        message_id_domain: table.get("message_id_domain", findings, domain_name),
        dkim: read_dkim(table, findings),
        sensitive: table.get("sensitive", findings, flag).unwrap_or(false),
    }
}

/// `[store]`
pub(super) fn read_store(table: &Table<'_, '_>, findings: &mut Vec<Diagnostic>) -> Store {
    table.refuse_unknown(&STORE_KEYS, findings, belongs_elsewhere);
    Store { sqlite: table.get("url", findings, sqlite_file).unwrap_or_else(|| SQLITE.to_owned()) }
}

/// `[serve]`
pub(super) fn read_serve(table: &Table<'_, '_>, findings: &mut Vec<Diagnostic>) -> Serve {
    table.refuse_unknown(&SERVE_KEYS, findings, belongs_elsewhere);
    Serve {
        address: table
            .get("address", findings, |key, value| {
                let raw = values::text(key, value)?;
                raw.parse().map_err(|_| {
                    let fault = Fault::new(format!("`{key}` is not an address to listen at: `{raw}`"));
                    fault.hint("write an IP address and a port: `127.0.0.1:8080`, `[::1]:8080`")
                })
            })
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
        public_url: table.get("public_url", findings, values::site_url),
        trusted_proxies: table.get_each("trusted_proxies", findings, network).unwrap_or_default(),
    }
}

/// An address without a name.
fn bare_address(key: &str, value: &DeValue<'_>) -> Result<String, Fault> {
    const HINT: &str = "write `name@example.org`";
    let raw = values::text(key, value).map_err(|fault| fault.hint(HINT))?;
    let mailbox = Mailbox::parse(raw).map_err(|error| {
        let fault = Fault::new(format!("`{key}` {}", error.message)).hint(HINT);
        if error.width == 0 { fault } else { fault.inside(error.column, error.width) }
    })?;
    match mailbox.name {
        Some(_) => Err(Fault::new(format!("`{key}` must be an address without a name: `{raw}`"))
            .hint(format!("write `{}`", mailbox.address))),
        None => Ok(mailbox.address),
    }
}

fn domain_name(key: &str, value: &DeValue<'_>) -> Result<String, Fault> {
    let raw = values::text(key, value)?;
    domain(raw).ok_or_else(|| {
        Fault::new(format!("`{key}` is not a domain: `{}`", raw.escape_debug()))
            .hint("write it like `news.example.org`")
    })
}

fn flag(key: &str, value: &DeValue<'_>) -> Result<bool, Fault> {
    match value {
        DeValue::Boolean(flag) => Ok(*flag),
        other => Err(wrong_type(key, "`true` or `false`", other)),
    }
}

/// The file that an address such as `sqlite:.tidings/tidings.db` names.
fn sqlite_file(key: &str, value: &DeValue<'_>) -> Result<String, Fault> {
    const HINT: &str = "write `sqlite:` and a file: `sqlite:.tidings/tidings.db`";
    let raw = values::text(key, value)?;
    match raw.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path)) {
        Some(path) if !path.trim().is_empty() && !path.chars().any(char::is_control) => Ok(path.to_owned()),
        Some(_) => Err(Fault::new(format!("`{key}` names no file")).hint(HINT)),
        // The address may hold a password, which no message shows.
        None => Err(Fault::new(format!("`{key}` must start with `sqlite:`")).hint(HINT)),
    }
}

/// An address, or one with a number of bits: `10.0.0.0/8`.
fn network(key: &str, raw: &str) -> Result<Network, Fault> {
    let (address, bits) = raw.split_once('/').map_or((raw, None), |(address, bits)| (address, Some(bits)));
    let network = address.parse::<IpAddr>().ok().and_then(|address| {
        let most = if address.is_ipv4() { 32 } else { 128 };
        let digits = |bits: &&str| bits.bytes().all(|b| b.is_ascii_digit());
        let bits = bits.map_or(Some(most), |bits| Some(bits).filter(digits)?.parse().ok())?;
        (bits <= most).then_some(Network { address, bits })
    });
    network.ok_or_else(|| {
        let fault = Fault::new(format!("`{key}` holds what is no IP address: `{raw}`"));
        fault.hint("write `127.0.0.1`, `::1` or `10.0.0.0/8`")
    })
}

fn read_dkim(table: &Table<'_, '_>, findings: &mut Vec<Diagnostic>) -> Vec<Dkim> {
    const HINT: &str =
        "write `dkim = [{ domain = \"example.org\", selector = \"s1\", key_file = \".tidings/dkim.pem\" }]`";
    let Some(value) = table.entries.get("dkim") else { return Vec::new() };
    let alone = std::slice::from_ref(value);
    let entries = match value.get_ref() {
        DeValue::Array(entries) => &entries[..],
        _ => alone,
    };
    let mut keys = Vec::new();
    for entry in entries {
        let DeValue::Table(entries) = entry.get_ref() else {
            let fault = wrong_type("dkim", "a list of tables", entry.get_ref()).hint(HINT);
            findings.push(table.source.finding(entry.span(), fault));
            continue;
        };
        let inner = Table { name: "dkim".to_owned(), entries, source: table.source };
        inner.refuse_unknown(&DKIM_KEYS, findings, |_| None);
        for key in DKIM_KEYS {
            let misspelt = || entries.keys().any(|name| nearest(name.get_ref(), DKIM_KEYS) == Some(key));
            if !entries.contains_key(key) && !misspelt() {
                let finding = Diagnostic::error(format!("a key in `dkim` has no `{key}`"));
                findings.push(finding.at(FILE, table.source.span(entry.span())).hint(HINT));
            }
        }
        let domain = inner.get("domain", findings, domain_name);
        let selector = inner.get("selector", findings, selector);
        let key_file = inner.get("key_file", findings, |key, value| Ok(values::shown(key, value)?.to_string()));
        if let (Some(domain), Some(selector), Some(key_file)) = (domain, selector, key_file) {
            keys.push(Dkim { domain, selector, key_file: Spanned::new(key_file, inner.value_span("key_file")) });
        }
    }
    keys
}

/// Labels of a domain name, as RFC 6376, section 3.1, has it.
fn selector(key: &str, value: &DeValue<'_>) -> Result<String, Fault> {
    let raw = values::text(key, value)?;
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    if raw.len() <= 200 && raw.split('.').all(is_label) {
        return Ok(raw.to_ascii_lowercase());
    }
    Err(Fault::new(format!("`{key}` is not a selector: `{}`", raw.escape_debug())).hint("write it like `s2026`"))
}

#[cfg(test)]
mod tests;
