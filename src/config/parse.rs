//! The tables of `tidings.toml`, one function each: which keys there are, what they default to, how they bear on each
//! other. What a single value may be is decided in `values.rs`.

use super::Content;
use super::Format;
use super::tree::{Fault, Source, Table, list, wrong_type};
use super::{
    Archives, Axis, Config, ContentDirs, FIELDS, FILE, FeedSettings, Site, declared, digest, mail, security, serve,
    smtp, values,
};
use crate::diagnostic::{Diagnostic, Span, Spanned, nearest};
use crate::filter::Filter;
use crate::text::Text;
use chrono::NaiveTime;
use chrono_tz::Tz;
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};
use url::Url;

const TABLES: [&str; 12] = [
    "site",
    "content",
    "front_matter",
    "feeds",
    "feed",
    "digest",
    "mail",
    "smtp",
    "store",
    "serve",
    "signup",
    "security",
];
const SITE_KEYS: [&str; 8] =
    ["title", "url", "description", "language", "timezone", "publish_time", "permalink", "author"];
const CONTENT_KEYS: [&str; 6] = ["dir", "posts", "people", "calls_to_action", "taxonomies", "output"];
pub(super) const FEEDS_KEYS: [&str; 10] =
    ["url", "formats", "taxonomies", "items", "bytes", "age", "content", "archives", "id_prefix", "hub"];

const FORMAT_NAMES: [&str; 3] = [Format::ALL[0].name(), Format::ALL[1].name(), Format::ALL[2].name()];
const CONTENT_NAMES: [&str; 2] = ["full", "summary"];
const ARCHIVES_NAMES: [&str; 3] = ["site", "all", "none"];

/// See [`Config::parse`].
pub(super) fn parse(text: &str) -> Result<Config, Vec<Diagnostic>> {
    let source = Source::new(FILE, text);
    let root = source.parse().map_err(|finding| vec![finding])?;
    let mut findings = Vec::new();
    refuse_unknown_tables(&source, &root, &mut findings);
    let empty = DeTable::new();
    let open = |key: &str, findings: &mut Vec<Diagnostic>| Table {
        name: format!("[{key}]"),
        entries: table_or(&source, &root, key, &empty, findings),
        source: &source,
    };
    let site = read_site(&open("site", &mut findings), &root, &mut findings);
    let content = read_content(&open("content", &mut findings), &mut findings);
    let front_matter = read_front_matter(&open("front_matter", &mut findings), &mut findings);
    let feeds_table = open("feeds", &mut findings);
    feeds_table.refuse_unknown(&FEEDS_KEYS, &mut findings, belongs_elsewhere);
    let feeds = read_feed_settings(&feeds_table, defaults(site.url.clone()), &mut findings);
    let declared = declared::read_declared(&open("feed", &mut findings), &feeds, site.timezone, &mut findings);
    let digests = digest::read_digests(&open("digest", &mut findings), &site, &mut findings);
    let mail = mail::read_mail(&open("mail", &mut findings), &mut findings);
    let smtp = smtp::read_smtp(&open("smtp", &mut findings), &content.output, &mut findings);
    let store = mail::read_store(&open("store", &mut findings), &mut findings);
    let has_serve = root.get("serve").is_some_and(|value| matches!(value.get_ref(), DeValue::Table(_)));
    let serve_table = open("serve", &mut findings);
    let serve = serve::read_serve(Some(&serve_table).filter(|_| has_serve), &mut findings);
    let signup = serve::read_signup(&open("signup", &mut findings), &digests, &mut findings);
    let security = security::read_security(&open("security", &mut findings), &mut findings);
    if findings.is_empty() {
        return Ok(Config {
            site,
            content,
            front_matter,
            feeds,
            declared,
            digests,
            mail,
            smtp,
            store,
            serve,
            signup,
            security,
        });
    }
    findings.sort_by_key(|finding| finding.place.as_ref().and_then(|place| place.span));
    Err(findings)
}

/// A table of the file, or `empty` where there is none or something else stands in its place.
fn table_or<'a, 't>(
    source: &Source<'t>,
    root: &'a DeTable<'t>,
    key: &str,
    empty: &'a DeTable<'t>,
    findings: &mut Vec<Diagnostic>,
) -> &'a DeTable<'t> {
    match root.get(key).map(|value| (value.span(), value.get_ref())) {
        None => empty,
        Some((_, DeValue::Table(table))) => table,
        Some((span, other)) => {
            let fault = wrong_type(key, "a table", other).hint(format!("write `[{key}]` on a line of its own"));
            findings.push(source.finding(span, fault));
            empty
        }
    }
}

fn refuse_unknown_tables(source: &Source<'_>, root: &DeTable<'_>, findings: &mut Vec<Diagnostic>) {
    for (key, value) in root.iter().filter(|(key, _)| !TABLES.contains(&key.get_ref().as_ref())) {
        let name = key.get_ref().as_ref();
        let is_table = matches!(value.get_ref(), DeValue::Table(_));
        let near = nearest(name, TABLES).map(|near| format!("did you mean `[{near}]`?"));
        let (message, hint) = if is_table {
            (format!("unknown table `[{name}]`"), near)
        } else {
            (format!("unknown key `{name}` above the first table"), belongs_elsewhere(name))
        };
        let tables = TABLES.map(|table| {
            if matches!(table, "feed" | "digest") { format!("[{table}.NAME]") } else { format!("[{table}]") }
        });
        let hint = hint.unwrap_or_else(|| format!("the tables are {}", list(&tables)));
        findings.push(Diagnostic::error(message).at(source.file, source.span(key.span())).hint(hint));
    }
}

/// Where a key would be known.
pub(super) fn belongs_elsewhere(key: &str) -> Option<String> {
    let tables: [(&str, &[&str]); 11] = [
        ("site", &SITE_KEYS),
        ("content", &CONTENT_KEYS),
        ("feeds", &FEEDS_KEYS),
        ("feed.NAME", &declared::KEYS),
        ("digest.NAME", &digest::KEYS),
        ("mail", &mail::MAIL_KEYS),
        ("smtp", &smtp::SMTP_KEYS),
        ("store", &mail::STORE_KEYS),
        ("serve", &serve::SERVE_KEYS),
        ("signup", &serve::SIGNUP_KEYS),
        ("security", &security::KEYS),
    ];
    let (table, _) = tables.iter().find(|(_, keys)| keys.contains(&key))?;
    Some(format!("`{key}` is a key of `[{table}]`"))
}

fn read_site(table: &Table<'_, '_>, root: &DeTable<'_>, findings: &mut Vec<Diagnostic>) -> Site {
    table.refuse_unknown(&SITE_KEYS, findings, belongs_elsewhere);
    for (key, hint) in [
        ("title", "write the site's name under `[site]`: `title = \"Field Notes\"`"),
        ("url", "write the site's address under `[site]`: `url = \"https://example.org/\"`"),
    ] {
        // A misspelt key is reported by its own name.
        let misspelt = || table.entries.keys().any(|name| nearest(name.get_ref(), SITE_KEYS) == Some(key));
        if !table.entries.contains_key(key) && !misspelt() {
            let finding = Diagnostic::error(format!("`[site]` has no `{key}`")).hint(hint);
            findings.push(match root.get_key_value("site") {
                Some((name, _)) => finding.at(FILE, table.source.span(name.span())),
                None => finding.in_file(FILE),
            });
        }
    }
    let permalink = table.get("permalink", findings, values::permalink);
    let permalink = match permalink {
        Some(value) => Spanned::new(value, table.value_span("permalink")),
        None => Spanned::new("/blog/{slug}/".to_owned(), Span::default()),
    };
    Site {
        title: table.get("title", findings, values::shown).unwrap_or_default(),
        url: table.get("url", findings, values::site_url).unwrap_or_else(no_url),
        description: read_description(table, findings).unwrap_or_default(),
        language: table.get("language", findings, values::language).unwrap_or_else(|| Text::new("en")),
        timezone: table.get("timezone", findings, values::timezone).unwrap_or(Tz::UTC),
        publish_time: table.get("publish_time", findings, values::time_of_day).unwrap_or(NaiveTime::MIN),
        permalink,
        author: table.get("author", findings, values::shown),
    }
}

/// What stands for the address while others are looked for; a site without one never leaves [`parse`].
fn no_url() -> Url {
    Url::parse("https://example.org/").expect("this address is valid")
}

/// A description may be empty: that is the same as none.
pub(super) fn read_description(table: &Table<'_, '_>, findings: &mut Vec<Diagnostic>) -> Option<Text> {
    table.get("description", findings, |key, value| {
        if values::text(key, value)?.trim().is_empty() { Ok(Text::default()) } else { values::shown(key, value) }
    })
}

fn read_content(table: &Table<'_, '_>, findings: &mut Vec<Diagnostic>) -> ContentDirs {
    table.refuse_unknown(&CONTENT_KEYS, findings, belongs_elsewhere);
    let one = |key: &str, default: &str, findings: &mut Vec<Diagnostic>| {
        let read = |key: &str, value: &DeValue<'_>| values::folder(key, values::text(key, value)?);
        table.get(key, findings, read).unwrap_or_else(|| default.to_owned())
    };
    let dir = one("dir", "content", findings);
    let taxonomies = one("taxonomies", "taxonomies", findings);
    let output = one("output", "public", findings);
    if output == "." || output == dir || dir.starts_with(&format!("{output}/")) {
        let message = format!("`output` would put feeds among the posts: `{output}`");
        let finding = Diagnostic::error(message).at(FILE, table.value_span("output"));
        findings.push(finding.hint("write a folder that holds nothing else, such as `public`"));
    }
    let mut many = |key: &str, default: &str| {
        let folders = table.get_each(key, findings, values::folder);
        if key == "posts" && folders.as_ref().is_some_and(Vec::is_empty) && is_empty_list(table, key) {
            let finding = Diagnostic::error("`posts` names no folder").at(FILE, table.value_span(key));
            findings.push(finding.hint("write `posts = [\"posts\"]`, or leave the key out"));
        }
        folders.unwrap_or_else(|| vec![default.to_owned()])
    };
    ContentDirs {
        posts: many("posts", "posts"),
        people: many("people", "people"),
        calls_to_action: many("calls_to_action", "cta"),
        dir,
        taxonomies,
        output,
    }
}

fn is_empty_list(table: &Table<'_, '_>, key: &str) -> bool {
    matches!(table.entries.get(key).map(|v| v.get_ref()), Some(DeValue::Array(values)) if values.is_empty())
}

fn read_front_matter(table: &Table<'_, '_>, findings: &mut Vec<Diagnostic>) -> BTreeMap<String, Vec<String>> {
    let fields: Vec<&str> = FIELDS.iter().map(|(field, _)| *field).collect();
    table.refuse_unknown(&fields, findings, |key| {
        let field = built_in_field(key)?;
        Some(format!("`{key}` is a name of `{field}`; the field stands on the left, its further names on the right"))
    });
    let mut meaning: BTreeMap<String, &str> = BTreeMap::new();
    let mut names = BTreeMap::new();
    // In the order of FIELDS, which is the same on every run.
    for field in fields.into_iter().filter(|&field| table.entries.contains_key(field)) {
        let read = |_: &str, raw: &str| {
            if raw.trim().is_empty() {
                return Err(Fault::new(format!("a name of `{field}` is empty")));
            }
            let other = built_in_field(raw).or(meaning.get(raw).copied()).filter(|&other| other != field);
            if let Some(other) = other {
                return Err(Fault::new(format!("`{raw}` cannot mean `{field}`: it means `{other}`"))
                    .hint("a name in front matter can mean one field only"));
            }
            meaning.insert(raw.to_owned(), field);
            Ok(raw.to_owned())
        };
        if let Some(mut further) = table.get_each(field, findings, read) {
            let mut seen = Vec::new();
            further.retain(|name| {
                !seen.contains(name) && {
                    seen.push(name.clone());
                    true
                }
            });
            names.insert(field.to_owned(), further);
        }
    }
    names
}

/// The field that a name means without any settings.
fn built_in_field(name: &str) -> Option<&'static str> {
    FIELDS.iter().find(|(_, names)| names.contains(&name)).map(|(field, _)| *field)
}

fn defaults(site_url: Url) -> FeedSettings {
    FeedSettings {
        url: site_url,
        formats: Format::ALL.to_vec(),
        taxonomies: Axis::ALL.to_vec(),
        items: 20,
        bytes: 1_000_000,
        age: None,
        content: Content::Full,
        archives: Archives::Site,
        id_prefix: None,
        hub: None,
    }
}

/// `base` with what the table says differently.
pub(super) fn read_feed_settings(
    table: &Table<'_, '_>,
    base: FeedSettings,
    findings: &mut Vec<Diagnostic>,
) -> FeedSettings {
    let one_of = |names: &'static [&'static str]| {
        move |key: &str, value: &DeValue<'_>| values::one_of(key, values::text(key, value)?, names)
    };
    let axes = Axis::ALL.map(Axis::name);
    let formats = read_choices(table, "formats", &FORMAT_NAMES, findings);
    if formats.as_ref().is_some_and(Vec::is_empty) && is_empty_list(table, "formats") {
        let finding = Diagnostic::error("`formats` names no format").at(FILE, table.value_span("formats"));
        findings.push(finding.hint(format!("name at least one of {}", list(&FORMAT_NAMES))));
    }
    let taxonomies = if table.name == "[feeds]" { read_choices(table, "taxonomies", &axes, findings) } else { None };
    let id_prefix = if table.name == "[feeds]" {
        let read = |key: &str, value: &DeValue<'_>| values::id_prefix(key, values::text(key, value)?);
        table.get("id_prefix", findings, read).map(|prefix| Spanned::new(prefix, table.value_span("id_prefix")))
    } else {
        None
    };
    FeedSettings {
        url: table.get("url", findings, values::site_url).unwrap_or(base.url),
        formats: formats.map_or(base.formats, |chosen| chosen.into_iter().map(|i| Format::ALL[i]).collect()),
        taxonomies: taxonomies.map_or(base.taxonomies, |chosen| chosen.into_iter().map(|i| Axis::ALL[i]).collect()),
        items: table.get("items", findings, values::at_least_one).unwrap_or(base.items),
        bytes: table.get("bytes", findings, values::size_bytes).unwrap_or(base.bytes),
        age: table.get("age", findings, values::age).or(base.age),
        content: table
            .get("content", findings, one_of(&CONTENT_NAMES))
            .map_or(base.content, |i| [Content::Full, Content::Summary][i]),
        archives: table
            .get("archives", findings, one_of(&ARCHIVES_NAMES))
            .map_or(base.archives, |i| [Archives::Site, Archives::All, Archives::None][i]),
        id_prefix: id_prefix.or(base.id_prefix),
        hub: table.get("hub", findings, values::hub).or(base.hub),
    }
}

/// Some of a few names, each at most once, as their places among `names`, in that order.
fn read_choices(
    table: &Table<'_, '_>,
    key: &str,
    names: &[&str],
    findings: &mut Vec<Diagnostic>,
) -> Option<Vec<usize>> {
    let mut seen = Vec::new();
    let chosen = table.get_each(key, findings, |key, raw| {
        let i = values::one_of(key, raw, names)?;
        if seen.contains(&i) {
            return Err(Fault::new(format!("`{key}` names `{raw}` twice")));
        }
        seen.push(i);
        Ok(i)
    });
    chosen.map(|mut chosen| {
        chosen.sort_unstable();
        chosen
    })
}

/// A filter that can be meant, with the place of its first character.
pub(super) fn read_filter(
    table: &Table<'_, '_>,
    timezone: Tz,
    findings: &mut Vec<Diagnostic>,
) -> Option<Spanned<String>> {
    let filter = table.get("filter", findings, |key, value| {
        let text = values::text(key, value)?;
        Filter::parse(text, timezone).map_err(|e| {
            let fault = Fault::new(e.message).inside(e.column, e.width);
            Fault { hint: e.hint, ..fault }
        })?;
        Ok(text.to_owned())
    });
    filter.map(|text| Spanned::new(text, table.text_span("filter")))
}
