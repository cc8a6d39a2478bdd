//! `[mail]` and `[store]`: how mails are signed and returned, and where things are remembered.

use super::mailbox::{Mailbox, domain};
use super::parse::belongs_elsewhere;
use super::tree::{Fault, Table, wrong_type};
use super::{FILE, values};
use crate::diagnostic::{Diagnostic, Spanned, nearest};
use toml::de::DeValue;

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

pub(super) const MAIL_KEYS: [&str; 6] =
    ["return_path", "unsubscribe_mailto", "list_id", "message_id_domain", "dkim", "sensitive"];
pub(super) const STORE_KEYS: [&str; 1] = ["url"];
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

pub(super) fn flag(key: &str, value: &DeValue<'_>) -> Result<bool, Fault> {
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
