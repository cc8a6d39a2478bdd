//! The keys that sign mails, from the files that `[mail] dkim` names.

use super::secret;
use crate::config::{self, Dkim};
use crate::diagnostic::Diagnostic;
use crate::mail::dkim::{Key, Signer};
use std::path::Path;

/// Reads the keys, in the order of the settings. A file that others can read adds a warning.
///
/// # Errors
///
/// Everything that is wrong with any of them, each where the settings name its file. No message shows any of a key.
pub fn signers(root: &Path, keys: &[Dkim], findings: &mut Vec<Diagnostic>) -> Result<Vec<Signer>, Vec<Diagnostic>> {
    let mut signers: Vec<Signer> = Vec::new();
    let mut errors = Vec::new();
    for named in keys {
        match signer(root, named, findings) {
            Ok(signer) if signers.iter().any(|other| other.record_name() == signer.record_name()) => {
                let message = format!("two keys have the selector `{}` of `{}`", named.selector, named.domain);
                let finding = Diagnostic::error(message).at(config::FILE, named.key_file.span);
                errors.push(finding.hint("the DNS has one key under a name: give each a selector of its own"));
            }
            Ok(signer) => signers.push(signer),
            Err(finding) => errors.push(finding),
        }
    }
    if errors.is_empty() { Ok(signers) } else { Err(errors) }
}

fn signer(root: &Path, named: &Dkim, findings: &mut Vec<Diagnostic>) -> Result<Signer, Diagnostic> {
    let file = &named.key_file.value;
    let wrong = |message: String| Diagnostic::error(message).at(config::FILE, named.key_file.span);
    let pem = secret::read(root, file, findings).map_err(|err| {
        wrong(format!("the key file `{file}` cannot be read: {}", secret::why(&err)))
            .hint("name the file that has the key, or make one with `openssl genrsa -out NEW 2048`")
    })?;
    let key = Key::parse(&pem)
        .map_err(|err| wrong(format!("the key file `{file}` {err}")).hint(err.hint().replace("FILE", file)))?;
    Signer::new(&named.domain, &named.selector, key).map_err(|err| wrong(err.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/");

    /// A site whose one key is a file of `tests/keys`, or a file that is not there; the names of the signers and all that
    /// was said, errors first.
    fn loaded(keys: &[(&str, &str)], mode: u32) -> (Vec<String>, String) {
        let dir = tempfile::tempdir().unwrap();
        let mut tables = Vec::new();
        for (selector, name) in keys {
            if let Ok(pem) = fs::read(format!("{KEYS}{name}")) {
                fs::write(dir.path().join(name), pem).unwrap();
                fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
            }
            tables.push(format!("{{ domain = 'a.example', selector = '{selector}', key_file = '{name}' }}"));
        }
        let text =
            format!("[site]\ntitle = 'T'\nurl = 'https://a.example'\n[mail]\ndkim = [\n{}\n]\n", tables.join(",\n"));
        let config = Config::parse(&text).unwrap();
        let mut findings = Vec::new();
        let (names, mut said) = match signers(dir.path(), &config.mail.dkim, &mut findings) {
            Ok(signers) => (signers.iter().map(Signer::record_name).collect(), vec![]),
            Err(errors) => (vec![], errors),
        };
        said.extend(findings);
        (names, said.iter().map(|finding| finding.render(Some(&text))).collect())
    }

    #[track_caller]
    fn refused(name: &str, want: &str) {
        let (names, said) = loaded(&[("s1", name)], 0o600);
        assert_eq!((names, said.as_str()), (vec![], want));
    }

    #[test]
    fn every_key_that_is_named_signs() {
        let (names, said) = loaded(&[("rsa", "rsa.pkcs8.pem"), ("ed", "ed25519.pem")], 0o640);
        assert_eq!((names.join(" ").as_str(), said.as_str()), ("rsa._domainkey.a.example ed._domainkey.a.example", ""));
    }

    #[test]
    fn a_key_that_all_can_read_is_warned_of() {
        let (names, said) = loaded(&[("rsa", "rsa.pkcs8.pem")], 0o644);
        assert_eq!(names.len(), 1);
        assert_eq!(
            said,
            "warning: `rsa.pkcs8.pem` holds a secret, and every user of this machine can read it\n\
             hint: run `chmod 600 rsa.pkcs8.pem`\n"
        );
    }

    #[test]
    fn a_key_that_does_not_sign_is_told_where_the_settings_name_it() {
        refused(
            "locked.pkcs8.pem",
            "error: the key file `locked.pkcs8.pem` holds a key that is locked with a pass phrase
 --> tidings.toml:6:53
  |
6 | { domain = 'a.example', selector = 's1', key_file = 'locked.pkcs8.pem' }
  |                                                     ^^^^^^^^^^^^^^^^^^
hint: unlock it with `openssl pkey -in locked.pkcs8.pem -out NEW`, then `chmod 600 NEW`
",
        );
        refused(
            "no.pem",
            "error: the key file `no.pem` cannot be read: no such file or folder
 --> tidings.toml:6:53
  |
6 | { domain = 'a.example', selector = 's1', key_file = 'no.pem' }
  |                                                     ^^^^^^^^
hint: name the file that has the key, or make one with `openssl genrsa -out NEW 2048`
",
        );
        refused(
            ".",
            "error: the key file `.` cannot be read: it is a folder
 --> tidings.toml:6:53
  |
6 | { domain = 'a.example', selector = 's1', key_file = '.' }
  |                                                     ^^^
hint: name the file that has the key, or make one with `openssl genrsa -out NEW 2048`
",
        );
    }

    #[test]
    fn each_fault_of_a_key_has_its_message() {
        #[track_caller]
        fn case(name: &str, fault: &str, hint: &str) {
            let (_, said) = loaded(&[("s1", name)], 0o600);
            let lines: Vec<&str> = said.lines().collect();
            assert_eq!(lines[0], format!("error: the key file `{name}` {fault}"));
            assert_eq!(*lines.last().unwrap(), format!("hint: {hint}"));
        }
        case(
            "rsa.public.pem",
            "holds a public key, and a private one signs",
            "name the file of the private key; the public one belongs into the DNS",
        );
        case("certificate.pem", "holds a certificate, and a private key signs", "name the file of the private key");
        case(
            "ec.pkcs8.pem",
            "holds a key that is neither RSA nor Ed25519",
            "make a key with `openssl genrsa -out NEW 2048`, or with `openssl genpkey -algorithm ed25519 -out NEW`",
        );
        case(
            "rsa1024.pem",
            "holds an RSA key of fewer than 2048 bits",
            "make a new key with `openssl genrsa -out NEW 2048`, and give it a selector of its own",
        );
        case(
            "README.md",
            "holds no PEM",
            "write the key as PEM, from `-----BEGIN` to `-----END`; `openssl pkey -inform DER -in README.md -out NEW` makes \
             it of DER",
        );
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let (names, said) =
            loaded(&[("s1", "rsa.pkcs8.pem"), ("s1", "ed25519.pem"), ("s2", "no.pem"), ("s3", "ec.sec1.pem")], 0o600);
        assert!(names.is_empty() && said.matches("error: ").count() == 3, "{said}");
        assert!(said.contains("two keys have the selector `s1` of `a.example`\n --> tidings.toml:7:"), "{said}");
    }
}
