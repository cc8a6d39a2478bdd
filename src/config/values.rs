//! One function for each kind of value that a setting may have: the value, or what is wrong with it and how to write it.
//!
//! Nothing here knows where a value stands; a fault may point at some characters of it.

use super::tree::{Fault, list, wrong_type};
use crate::diagnostic::nearest;
use crate::text::{Text, first_illegal};
use chrono::{NaiveDate, NaiveTime};
use chrono_tz::{TZ_VARIANTS, Tz};
use std::time::Duration;
use toml::de::DeValue;
use url::Url;

/// The placeholders of a permalink.
pub(crate) const PLACEHOLDERS: [&str; 6] = ["slug", "id", "year", "month", "day", "category"];

/// What a feed or a digest may be named, for hints.
pub(crate) const NAME_HINT: &str = "use `a` to `z`, `0` to `9` and `-`; `title` may hold anything";

/// Whether a feed or a digest may be named so: its name is part of addresses and of file names.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// A text as it stands.
pub(crate) fn text<'v>(key: &str, value: &'v DeValue<'_>) -> Result<&'v str, Fault> {
    match value {
        DeValue::String(text) => Ok(text),
        other => Err(wrong_type(key, "a text", other)),
    }
}

/// A text on one line that says something and that XML can carry.
pub(crate) fn shown(key: &str, value: &DeValue<'_>) -> Result<Text, Fault> {
    let raw = text(key, value)?;
    if let Some((at, c)) = first_illegal(raw) {
        let fault = Fault::new(format!("`{key}` holds U+{:04X}, which no feed can carry", u32::from(c)));
        return Err(fault.inside(raw[..at].chars().count(), 1).hint("leave the character out"));
    }
    let line = Text::one_line(raw);
    if line.is_empty() { Err(Fault::new(format!("`{key}` is empty"))) } else { Ok(line) }
}

/// The one of some names that the text is, as its place among them.
pub(crate) fn one_of(key: &str, raw: &str, names: &[&str]) -> Result<usize, Fault> {
    names.iter().position(|&name| name == raw).ok_or_else(|| {
        let fault = Fault::new(format!("`{key}` does not know `{raw}`"));
        let lower = raw.to_lowercase();
        match nearest(&lower, names.iter().copied()) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint(format!("it knows {}", list(names))),
        }
    })
}

/// The address of a site or a hub: http or https, with a host, without a password.
pub(crate) fn address(key: &str, raw: &str) -> Result<Url, Fault> {
    let url = Url::parse(raw).map_err(|_| {
        let hint = match Url::parse(&format!("https://{raw}")) {
            Ok(url) if !raw.is_empty() && !raw.contains(':') && !raw.starts_with(['/', '.']) => {
                format!("write it in full: `{url}`")
            }
            _ => "write it in full, such as `https://example.org/`".to_owned(),
        };
        Fault::new(format!("`{key}` is not an address: `{raw}`")).hint(hint)
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let message = format!("`{key}` must start with `https://` or `http://`, not with `{}:`", url.scheme());
        return Err(Fault::new(message).inside(0, url.scheme().len() + 1));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::new(format!(
            "`{key}` must not hold a user or a password: feeds would show it to everybody"
        )));
    }
    Ok(url)
}

/// The address of a hub.
pub(crate) fn hub(key: &str, value: &DeValue<'_>) -> Result<Url, Fault> {
    let url = address(key, text(key, value)?)?;
    if url.fragment().is_some() { Err(Fault::new(format!("`{key}` must not have a `#`"))) } else { Ok(url) }
}

/// The address of a site: no query, no fragment; ends with `/` whether the writer thought of it or not.
pub(crate) fn site_url(key: &str, value: &DeValue<'_>) -> Result<Url, Fault> {
    let raw = text(key, value)?;
    let mut url = address(key, raw)?;
    for (mark, has) in [('?', url.query().is_some()), ('#', url.fragment().is_some())] {
        if has {
            let at = raw.chars().position(|c| c == mark).unwrap_or_default();
            let fault = Fault::new(format!("`{key}` must not have a `{mark}`: addresses are put together from it"));
            return Err(fault.inside(at, raw.chars().count() - at).hint("leave that part out"));
        }
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

/// A language tag, well-formed in the sense of RFC 5646, section 2.1, as far as tags that name a language go.
pub(crate) fn language(key: &str, value: &DeValue<'_>) -> Result<Text, Fault> {
    let raw = text(key, value)?;
    let mut parts = raw.split('-');
    let first = parts.next().unwrap_or_default();
    let well_formed = matches!(first.len(), 2 | 3)
        && first.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|part| matches!(part.len(), 1..=8) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
        && raw.rsplit('-').next().is_none_or(|last| last.len() > 1);
    if well_formed {
        return Ok(raw.into());
    }
    let fault = Fault::new(format!("`{key}` is not a language tag: `{raw}`"));
    Err(fault.hint(if raw.contains('_') {
        format!("did you mean `{}`?", raw.replace('_', "-"))
    } else {
        "write two or three letters, and a country where it matters: `en`, `pt-BR`".to_owned()
    }))
}

/// A time zone by its name in the IANA database.
pub(crate) fn timezone(key: &str, value: &DeValue<'_>) -> Result<Tz, Fault> {
    let raw = text(key, value)?;
    raw.parse().map_err(|_| {
        let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
        let city = raw.rsplit('/').next().unwrap_or(raw).replace(' ', "_");
        let near = names()
            .find(|name| name.eq_ignore_ascii_case(raw))
            .or_else(|| names().find(|name| name.rsplit('/').next().is_some_and(|c| c.eq_ignore_ascii_case(&city))))
            .or_else(|| nearest(raw, names()));
        let fault = Fault::new(format!("`{key}` is not a time zone: `{raw}`"));
        match near {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint("write a name of the IANA database, such as `Europe/Lisbon` or `UTC`"),
        }
    })
}

/// A time of day, to the minute or the second, as a text or as a TOML time.
pub(crate) fn time_of_day(key: &str, value: &DeValue<'_>) -> Result<NaiveTime, Fault> {
    let written = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Datetime(time) if time.date.is_none() && time.offset.is_none() => time.to_string(),
        other => return Err(wrong_type(key, "a time of day", other).hint("write it like `\"09:00\"`")),
    };
    // chrono reads `9:0` as well, and a leap second as the second 59.
    let shaped = matches!(written.len(), 5 | 8);
    ["%H:%M", "%H:%M:%S"]
        .iter()
        .find_map(|format| NaiveTime::parse_from_str(&written, format).ok())
        .filter(|_| shaped && !written.ends_with(":60"))
        .ok_or_else(|| {
            let message = format!("`{key}` is not a time of day: `{written}`");
            Fault::new(message).hint("write hours and minutes, from `00:00` to `23:59`")
        })
}

/// The address of a post, with placeholders.
pub(crate) fn permalink(key: &str, value: &DeValue<'_>) -> Result<String, Fault> {
    let raw = text(key, value)?;
    let column = |byte: usize| raw[..byte].chars().count();
    if !raw.starts_with('/') {
        return Err(Fault::new(format!("`{key}` must start with `/`: `{raw}`")).hint(format!("write `/{raw}`")));
    }
    let (mut names, mut at) = (Vec::new(), 0);
    while let Some(found) = raw[at..].find(['{', '}']) {
        let open = at + found;
        let close = raw[open..].find('}').filter(|_| raw[open..].starts_with('{')).map(|n| open + n);
        let Some(close) = close else {
            let fault = Fault::new(format!("`{key}` has a `{}` without its pair", &raw[open..=open]));
            return Err(fault.inside(column(open), 1).hint("placeholders look like `{slug}`"));
        };
        let name = &raw[open + 1..close];
        if !PLACEHOLDERS.contains(&name) {
            let fault = Fault::new(format!("`{key}` has an unknown placeholder `{{{name}}}`"))
                .inside(column(open), name.chars().count() + 2);
            return Err(match nearest(name, PLACEHOLDERS) {
                Some(near) => fault.hint(format!("did you mean `{{{near}}}`?")),
                None => fault.hint(format!("the placeholders are {}", list(&PLACEHOLDERS.map(|p| format!("{{{p}}}"))))),
            });
        }
        names.push(name);
        at = close + 1;
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || "?#\\%\"<>".contains(c);
    if let Some((i, c)) = raw.char_indices().find(|&(_, c)| odd(c)) {
        let fault = Fault::new(format!("`{key}` must not hold `{}`", c.escape_debug()));
        return Err(fault.inside(column(i), 1).hint("write a path, such as `/blog/{slug}/`"));
    }
    for (i, part) in raw.split('/').enumerate() {
        if matches!(part, "." | "..") || (part.is_empty() && i > 0 && i < raw.split('/').count() - 1) {
            let what = if part.is_empty() { "//" } else { part };
            let start = raw.split('/').take(i).map(|p| p.chars().count() + 1).sum();
            let fault = Fault::new(format!("`{key}` must not hold `{what}`"));
            return Err(fault.inside(start, part.len().max(1)).hint("write the path that readers will see"));
        }
    }
    if !names.contains(&"slug") && !names.contains(&"id") {
        let fault = Fault::new(format!("`{key}` gives many posts one address: `{raw}`"));
        return Err(fault.hint("put `{slug}` or `{id}` into it"));
    }
    Ok(raw.to_owned())
}

/// A folder in another: relative, with `/`, never leading out. Without `./` before and `/` after it.
pub(crate) fn folder(key: &str, raw: &str) -> Result<String, Fault> {
    let message = if raw.trim().is_empty() {
        return Err(Fault::new(format!("`{key}` is empty")).hint("write `.` for the folder itself"));
    } else if raw.contains('\\') {
        return Err(Fault::new(format!("`{key}` must be written with `/`: `{raw}`"))
            .hint(format!("write `{}`", raw.replace('\\', "/"))));
    } else if raw.starts_with('/') || raw.as_bytes().get(1) == Some(&b':') {
        format!("`{key}` must be a folder inside the site, not an absolute path: `{raw}`")
    } else if raw.split('/').any(|part| part == "..") {
        format!("`{key}` must not lead out of the site: `{raw}`")
    } else if raw.chars().any(char::is_control) {
        format!("`{key}` must not hold a control character")
    } else {
        let parts: Vec<&str> = raw.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        return Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") });
    };
    Err(Fault::new(message).hint("write a path such as `content/posts`"))
}

/// A count of at least 1.
pub(crate) fn at_least_one(key: &str, value: &DeValue<'_>) -> Result<usize, Fault> {
    let DeValue::Integer(number) = value else { return Err(wrong_type(key, "a whole number", value)) };
    match i128::from_str_radix(number.as_str(), number.radix()) {
        Ok(n) if n < 1 => Err(Fault::new(format!("`{key}` must be at least 1, found {n}"))),
        Ok(n) => Ok(usize::try_from(n).unwrap_or(usize::MAX)),
        Err(_) => Err(Fault::new(format!("`{key}` is too large"))),
    }
}

/// A number and its unit, such as `512 KB`.
fn number_and_unit(raw: &str) -> Option<(u64, &str)> {
    let end = raw.find(|c: char| !c.is_ascii_digit()).unwrap_or(raw.len());
    Some((raw[..end].parse().ok()?, raw[end..].trim()))
}

/// A size: `512 KB`, `1 MiB`, or a plain number of bytes.
pub(crate) fn size_bytes(key: &str, value: &DeValue<'_>) -> Result<u64, Fault> {
    let raw = match value {
        DeValue::Integer(number) => number.to_string(),
        DeValue::String(text) => text.trim().to_owned(),
        other => return Err(wrong_type(key, "a size", other).hint("write it like `\"512 KB\"`")),
    };
    let size = number_and_unit(&raw).and_then(|(number, unit)| {
        let unit = match unit.to_ascii_lowercase().as_str() {
            "" | "b" | "bytes" => 1,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            _ => return None,
        };
        number.checked_mul(unit)
    });
    match size {
        Some(0) => Err(Fault::new(format!("`{key}` must be more than 0"))),
        Some(size) => Ok(size),
        None => {
            let fault = Fault::new(format!("`{key}` is not a size: `{raw}`"));
            Err(fault.hint("write a whole number and a unit: `512 KB`, `1 MB`, `1 MiB`"))
        }
    }
}

/// A length of time: `36h`, `90d`, `12w`, `2y` (a year has 365 days). At most 1000 years.
pub(crate) fn age(key: &str, value: &DeValue<'_>) -> Result<Duration, Fault> {
    const HINT: &str = "write a whole number and a unit: `36h`, `90d`, `12w`, `2y`";
    const LIMIT: u64 = 1_000 * 365 * 86_400;
    let raw = text(key, value).map_err(|fault| fault.hint(HINT))?;
    let seconds = number_and_unit(raw.trim()).and_then(|(number, unit)| {
        let unit = match unit {
            "h" => 3_600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            "y" => 365 * 86_400,
            _ => return None,
        };
        Some(number.saturating_mul(unit))
    });
    match seconds {
        Some(0) => Err(Fault::new(format!("`{key}` must be more than 0"))),
        Some(seconds) if seconds > LIMIT => {
            Err(Fault::new(format!("`{key}` is more than 1000 years: `{raw}`")).hint("leave the key out for no limit"))
        }
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => Err(Fault::new(format!("`{key}` is not a length of time: `{raw}`")).hint(HINT)),
    }
}

/// What ids may start with, so that an id is a URI: a tag (RFC 4151), a URN (RFC 8141) or an address.
pub(crate) fn id_prefix(key: &str, raw: &str) -> Result<String, Fault> {
    const HINT: &str = "write `tag:`, a domain of yours, a comma, a year in which it was yours, and a colon:\n\
                        `tag:example.org,2026:`";
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?#%".contains(c);
    if let Some((i, c)) = raw.chars().enumerate().find(|&(_, c)| !legal(c)) {
        let fault = Fault::new(format!("`{key}` must not hold `{}`: no URI can", c.escape_debug()));
        return Err(fault.inside(i, 1).hint(HINT));
    }
    let scheme = raw.split(':').next().unwrap_or_default();
    let fault = match scheme {
        "tag" => tag_fault(key, raw),
        "urn" => {
            let (name, rest) = raw[4..].split_once(':').unwrap_or((&raw[4..], "-"));
            let known = matches!(name.len(), 2..=32)
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !name.starts_with('-')
                && !name.ends_with('-')
                && rest != "-"
                && !raw.contains(['?', '#']);
            (!known).then(|| Fault::new(format!("`{key}` does not start a URN: `{raw}`")).hint(HINT))
        }
        "http" | "https" => match Url::parse(raw) {
            Ok(url) if url.as_str() == raw => None,
            Ok(url) => {
                Some(Fault::new(format!("`{key}` is not in its normal form: `{raw}`")).hint(format!("write `{url}`")))
            }
            Err(_) => Some(Fault::new(format!("`{key}` is not an address: `{raw}`")).hint(HINT)),
        },
        _ => Some(Fault::new(format!("`{key}` does not start a URI: `{raw}`")).hint(HINT)),
    };
    fault.map_or_else(|| Ok(raw.to_owned()), Err)
}

/// What is wrong with the start of a tag (RFC 4151, section 2.1).
fn tag_fault(key: &str, raw: &str) -> Option<Fault> {
    let fault = |what: &str, at: usize, width: usize| {
        let fault = Fault::new(format!("`{key}` {what}: `{raw}`")).inside(at, width);
        Some(fault.hint("a tag looks like `tag:example.org,2026:`"))
    };
    let rest = &raw[4.min(raw.len())..];
    let Some((entity, _)) = rest.split_once(':') else {
        return fault("has no `:` at its end", raw.len(), 1);
    };
    let Some((authority, date)) = entity.split_once(',') else {
        return fault("has no comma and year after the domain", 4, entity.len());
    };
    let (user, host) = authority.split_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let user_is_fine =
        user.is_none_or(|u| !u.is_empty() && u.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)));
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if !user_is_fine || !host.split('.').all(is_label) {
        return fault("has no domain after `tag:`", 4, authority.len());
    }
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        let small = raw.replace(host, &host.to_ascii_lowercase());
        let fault = Fault::new(format!("`{key}` must have its domain in small letters: `{raw}`"));
        return Some(fault.inside(4, authority.len()).hint(format!("write `{small}`")));
    }
    let is_date = match date.len() {
        4 => date.bytes().all(|b| b.is_ascii_digit()),
        7 => is_day(&format!("{date}-01")),
        _ => is_day(date),
    };
    if !is_date {
        return fault("has no year after the comma", 4 + authority.len() + 1, date.len());
    }
    raw.find(['#', '%']).and_then(|at| fault("must not hold `#` or `%`", at, 1))
}

/// Whether a text is a day, written YYYY-MM-DD.
fn is_day(text: &str) -> bool {
    text.len() == 10 && text.is_ascii() && !text.contains('+') && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}
