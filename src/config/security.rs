//! `[security]`: where the site's secret keys are. What a key file holds is read by `subscriber/keys.rs`.

use super::parse::belongs_elsewhere;
use super::tree::Table;
use super::values;
use crate::diagnostic::{Diagnostic, Spanned};

/// `[security]`
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The file of the keys that sign tokens and Message-IDs, relative to the site's root; [`KEY_FILE`]. Without a place
    /// where the settings name none.
    pub key_file: Spanned<String>,
}

/// The file of the keys, unless the settings name another one.
pub const KEY_FILE: &str = ".tidings/key";

pub(super) const KEYS: [&str; 1] = ["key_file"];

/// `[security]`
pub(super) fn read_security(table: &Table<'_, '_>, findings: &mut Vec<Diagnostic>) -> Secrets {
    table.refuse_unknown(&KEYS, findings, belongs_elsewhere);
    let named = table.get("key_file", findings, |key, value| Ok(values::shown(key, value)?.to_string()));
    Secrets {
        key_file: match named {
            Some(file) => Spanned::new(file, table.value_span("key_file")),
            None => Spanned { value: KEY_FILE.to_owned(), ..Spanned::default() },
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    const SITE: &str = "[site]\ntitle = 'T'\nurl = 'https://example.org'\n";

    #[track_caller]
    fn refused(lines: &str, want: &str) {
        let text = format!("{SITE}{lines}\n");
        let findings = Config::parse(&text).unwrap_err();
        let told: Vec<String> = findings.iter().map(|finding| finding.render(Some(&text))).collect();
        assert_eq!(told.join("\n"), want);
    }

    #[test]
    fn the_key_file_is_read() {
        let key_file = |text: &str| Config::parse(text).unwrap().security.key_file;
        assert_eq!((key_file(SITE).value.as_str(), key_file(SITE).span.line), (".tidings/key", 0));
        let named = key_file(&format!("{SITE}[security]\nkey_file = '/etc/tidings/key'\n"));
        assert_eq!((named.value.as_str(), named.span.line, named.span.column), ("/etc/tidings/key", 5, 12));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        refused(
            "[security]\nkeyfile = 'x'",
            "error: unknown key `keyfile` in `[security]`
 --> tidings.toml:5:1
  |
5 | keyfile = 'x'
  | ^^^^^^^
hint: did you mean `key_file`?
",
        );
        refused(
            "[security]\nkey_file = ''",
            "error: `key_file` is empty
 --> tidings.toml:5:12
  |
5 | key_file = ''
  |            ^^
",
        );
    }
}
