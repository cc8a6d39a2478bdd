//! The site's secret keys: from TIDINGS_SECRET, or else from the file that `[security] key_file` names.
//!
//! A key is made where there is none and the caller says so, and never over one that is there: without the old key every
//! link that it signed is dead.

use super::load::reason;
use super::{replace, secret, written};
use crate::config::{self, Secrets};
use crate::diagnostic::{Diagnostic, Span};
use crate::subscriber::keys::{Keys, KeysError};
use ring::rand::{SecureRandom as _, SystemRandom};
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use zeroize::Zeroizing;

/// The variable that goes before the key file.
pub const SECRET: &str = "TIDINGS_SECRET";

/// What to do where there is no key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Say so.
    Refuse,
    /// Make one.
    Make,
}

/// The keys of a site. A key file that others can read adds a warning.
///
/// # Errors
///
/// That there is none, or that one does not parse; no message shows any of a key.
pub fn load(
    root: &Path,
    security: &Secrets,
    missing: Missing,
    findings: &mut Vec<Diagnostic>,
) -> Result<Keys, Diagnostic> {
    load_or(std::env::var_os(SECRET), root, security, missing, findings)
}

fn load_or(
    secret: Option<OsString>,
    root: &Path,
    security: &Secrets,
    missing: Missing,
    findings: &mut Vec<Diagnostic>,
) -> Result<Keys, Diagnostic> {
    if let Some(secret) = secret {
        // What is not UTF-8 is not base64, either.
        let text = Zeroizing::new(secret.into_string().unwrap_or_else(|_| "\u{fffd}".into()));
        return Keys::from_secret(&text).map_err(from_secret);
    }
    let file = &security.key_file.value;
    let wrong = |message: String| at(Diagnostic::error(message), security);
    let mut read = secret::read(root, file, findings);
    if missing == Missing::Make && read.as_ref().is_err_and(|err| err.kind() == io::ErrorKind::NotFound) {
        make(root, file).map_err(|err| wrong(format!("cannot write the key file `{file}`: {}", reason(&err))))?;
        read = secret::read(root, file, findings);
    }
    let bytes = read.map_err(|err| {
        let finding = wrong(format!("the key file `{file}` cannot be read: {}", secret::why(&err)));
        match err.kind() {
            io::ErrorKind::NotFound => finding.hint(
                "put back the key that signed the mails of this site; where none was sent yet, make one with\n\
                 `(umask 077; openssl rand -base64 32 > FILE)`",
            ),
            _ => finding,
        }
    })?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| wrong(format!("the key file `{file}` is not text")).hint(KeysError::Empty.hint()))?;
    Keys::parse(text).map_err(|err| wrong(format!("the key file `{file}` {err}")).hint(err.hint()))
}

fn from_secret(err: KeysError) -> Diagnostic {
    let fault = match err {
        KeysError::Empty => "holds no key".to_owned(),
        KeysError::NotBase64 { line } => format!("holds something else than a key: word {line} of it"),
        KeysError::TooShort { line, bytes } => {
            format!("holds a key of {bytes} bytes: word {line} of it, and 32 are the fewest")
        }
    };
    Diagnostic::error(format!("the variable {SECRET} {fault}"))
        .hint("set it to what `openssl rand -base64 32` prints, or unset it to have the key file read")
}

/// Where the settings name the file; at no line of the key file itself, since that would be shown.
fn at(finding: Diagnostic, security: &Secrets) -> Diagnostic {
    match security.key_file.span {
        span if span == Span::default() => finding,
        span => finding.at(config::FILE, span),
    }
}

/// Makes a key file that only its owner can read, where there is none. It appears as a whole, and survives a crash of the
/// machine: it cannot be made again. Where another process was first, its key stands.
///
/// # Errors
///
/// What the system said.
pub fn make(root: &Path, file: &str) -> io::Result<()> {
    let mut random = Zeroizing::new([0; 48]);
    SystemRandom::new().fill(&mut *random).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let (name, seed) = random.split_at(16);
    let seed: [u8; 32] = seed.try_into().expect("32 bytes are left");
    let path = root.join(file);
    let folder = path.parent().unwrap_or(root);
    fs::create_dir_all(folder)?;
    if folder == root.join(written::STATE) {
        keep_out_of_git(folder)?;
    }
    // Two processes may do this at once, so each has a name of its own.
    let new = replace::beside(&path.with_file_name(format!("key-{}", data_encoding::HEXLOWER.encode(name))));
    let write = || {
        let mut file = owners_only().open(&new)?;
        file.write_all(Keys::generate(seed).as_bytes())?;
        file.sync_all()?;
        // Unlike a rename, a link never takes the place of what is there.
        match fs::hard_link(&new, &path) {
            Err(err) if err.kind() != io::ErrorKind::AlreadyExists => Err(err),
            _ => fs::File::open(folder)?.sync_all(),
        }
    };
    let made = write();
    let _ = fs::remove_file(&new);
    made
}

/// A site may have a `.gitignore` of its own that does not know the folder; the key must not be committed for it.
fn keep_out_of_git(folder: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).open(folder.join(".gitignore")) {
        Ok(mut file) => file.write_all(b"*\n"),
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(err) => Err(err),
    }
}

#[cfg(unix)]
fn owners_only() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn owners_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Spanned;
    use std::os::unix::fs::PermissionsExt as _;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn security(file: &str) -> Secrets {
        Secrets { key_file: Spanned { value: file.into(), span: Span::default() } }
    }

    #[track_caller]
    fn refused(secret: Option<&str>, text: Option<&str>, want: &str) {
        let dir = tempfile::tempdir().unwrap();
        if let Some(text) = text {
            fs::write(dir.path().join("key"), text).unwrap();
        }
        let settings = Secrets { key_file: Spanned::new("key".into(), Span { line: 2, column: 12, width: 5 }) };
        let told =
            load_or(secret.map(OsString::from), dir.path(), &settings, Missing::Refuse, &mut vec![]).unwrap_err();
        assert_eq!(told.render(Some("[security]\nkey_file = 'key'\n")), want);
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (root, settings) = (dir.path(), security(".tidings/key"));
        let mut findings = Vec::new();
        assert!(load_or(None, root, &settings, Missing::Refuse, &mut findings).is_err());
        assert!(fs::read_dir(root).unwrap().next().is_none());
        let keys = load_or(None, root, &settings, Missing::Make, &mut findings).unwrap();
        let file = root.join(".tidings/key");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let again = load_or(None, root, &settings, Missing::Make, &mut findings).unwrap();
        assert_eq!(again.signing().id(), keys.signing().id());
        make(root, ".tidings/key").unwrap();
        assert_eq!(
            load_or(None, root, &settings, Missing::Refuse, &mut findings).unwrap().signing().id(),
            keys.signing().id()
        );
        assert_eq!(findings, []);
        // Nothing else is left, and git passes over all of it.
        let mut names: Vec<_> =
            fs::read_dir(root.join(".tidings")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".gitignore", "key"]);
        assert_eq!(fs::read_to_string(root.join(".tidings/.gitignore")).unwrap(), "*\n");
        let other = tempfile::tempdir().unwrap();
        let other = load_or(None, other.path(), &settings, Missing::Make, &mut findings).unwrap();
        assert_ne!(other.signing().id(), keys.signing().id());
    }

    #[test]
    fn many_that_make_a_key_at_once_have_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let one = || load_or(None, dir.path(), &security("key"), Missing::Make, &mut vec![]).unwrap().signing().id();
        let ids: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_variable_goes_before_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let keys = load_or(Some(KEY.into()), dir.path(), &security("key"), Missing::Make, &mut vec![]).unwrap();
        assert_eq!(keys.signing().id(), Keys::parse(KEY).unwrap().signing().id());
        assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
    }

    #[test]
    fn a_key_file_that_all_can_read_is_warned_of() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("key"), KEY).unwrap();
        fs::set_permissions(dir.path().join("key"), fs::Permissions::from_mode(0o644)).unwrap();
        let mut findings = Vec::new();
        load_or(None, dir.path(), &security("key"), Missing::Refuse, &mut findings).unwrap();
        let said: String = findings.iter().map(|finding| finding.render(None)).collect();
        assert_eq!(
            said,
            "warning: `key` holds a secret, and every user of this machine can read it\nhint: run `chmod 600 key`\n"
        );
    }

    #[test]
    fn what_is_no_key_is_told_without_showing_it() {
        refused(
            None,
            None,
            "error: the key file `key` cannot be read: no such file or folder
 --> tidings.toml:2:12
  |
2 | key_file = 'key'
  |            ^^^^^
hint: put back the key that signed the mails of this site; where none was sent yet, make one with
      `(umask 077; openssl rand -base64 32 > FILE)`
",
        );
        refused(
            None,
            Some("# mine\nc2hvcnQ=\n"),
            "error: the key file `key` holds a key of 5 bytes in line 2, and 32 are the fewest
 --> tidings.toml:2:12
  |
2 | key_file = 'key'
  |            ^^^^^
hint: a key is what `openssl rand -base64 32` prints; write it on a line of its own
",
        );
        let variable = "set it to what `openssl rand -base64 32` prints, or unset it to have the key file read";
        refused(Some(""), Some(KEY), &format!("error: the variable TIDINGS_SECRET holds no key\nhint: {variable}\n"));
        refused(
            Some("correct horse"),
            Some(KEY),
            &format!(
                "error: the variable TIDINGS_SECRET holds something else than a key: word 1 of it\nhint: {variable}\n"
            ),
        );
    }
}
