//! A Maildir: a folder with `new`, `cur` and `tmp` in it, one file for each mail, whose name says in `cur` how it stands
//! (cr.yp.to/proto/maildir.html).
//!
//! Mails are never removed and never changed. One that was dealt with is marked as seen (`S`). One that a person should
//! look at is flagged (`F`) and stays unread, so that a mail program shows it. Whatever has neither mark waits, also in
//! `cur`: where both are taken away, a mail is looked at again. Subfolders are not looked into.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// The largest mail that is read whole, and how much is read of a larger one, in bytes.
pub const WHOLE_BYTES: u64 = 10_000_000;
const HEAD_BYTES: usize = 256 << 10;

/// A Maildir.
#[derive(Clone, Debug)]
pub struct Maildir(PathBuf);

/// A mail that waits, by the path of its file below the Maildir.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waiting(PathBuf);

/// A mail as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// All of it, or its beginning.
    pub bytes: Vec<u8>,
    /// Whether it is all of it.
    pub is_whole: bool,
}

/// How a mail is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It was dealt with.
    Seen,
    /// A person should look at it.
    Flagged,
}

impl Waiting {
    /// Where it is, below the Maildir.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Maildir {
    /// The Maildir in a folder; none where it lacks `new` or `cur`.
    pub fn at(folder: &Path) -> Option<Maildir> {
        ["new", "cur"].iter().all(|name| folder.join(name).is_dir()).then(|| Maildir(folder.to_owned()))
    }

    /// The mails that wait, in order of their names, those in `new` last.
    ///
    /// # Errors
    ///
    /// A folder that cannot be read.
    pub fn waiting(&self) -> io::Result<Vec<Waiting>> {
        let mut waiting = Vec::new();
        for folder in ["cur", "new"] {
            for entry in fs::read_dir(self.0.join(folder))? {
                let name = entry?.file_name();
                let is_waiting = folder == "new" || !flags(&name).1.iter().any(|flag| b"SFTD".contains(flag));
                if is_waiting && !name.as_bytes().starts_with(b".") {
                    waiting.push(Waiting(Path::new(folder).join(name)));
                }
            }
        }
        waiting.sort_unstable();
        Ok(waiting)
    }

    /// A mail that waits. None where it is not there any more, since somebody else has taken it, or is no file.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub fn read(&self, mail: &Waiting) -> io::Result<Option<Taken>> {
        let path = self.0.join(&mail.0);
        let read = || match fs::symlink_metadata(&path)?.is_file() {
            true => take(File::open(&path)?).map(Some),
            false => Ok(None),
        };
        match read() {
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read,
        }
    }

    /// Marks a mail. It is in `cur` then; returns where, below the Maildir.
    ///
    /// # Errors
    ///
    /// A file that cannot be renamed; none where it is not there any more.
    pub fn mark(&self, mail: &Waiting, mark: Mark) -> io::Result<PathBuf> {
        let name = mail.0.file_name().unwrap_or_default();
        let (base, mut flags) = flags(name);
        flags.push(match mark {
            Mark::Seen => b'S',
            Mark::Flagged => b'F',
        });
        // Flags are in the order of their letters.
        flags.sort_unstable();
        flags.dedup();
        let marked = Path::new("cur").join(OsString::from_vec([base, b":2,", &flags].concat()));
        let (from, to) = (self.0.join(&mail.0), self.0.join(&marked));
        let is_there = |path: &Path| path.symlink_metadata().is_ok();
        if is_there(&to) && is_there(&from) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is another mail of this name in `cur`"));
        }
        match fs::rename(from, to) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
            _ => Ok(marked),
        }
    }
}

/// What a name is without what it says of the mail, and the flags that it says.
fn flags(name: &OsStr) -> (&[u8], Vec<u8>) {
    let name = name.as_bytes();
    match memchr::memmem::rfind(name, b":2,") {
        Some(at) => (&name[..at], name[at + 3..].to_vec()),
        None => (name, Vec::new()),
    }
}

/// One mail from whatever gives it. All is read to its end, also of what is too large to be kept: who writes it would take
/// it for a failure otherwise.
///
/// # Errors
///
/// Whatever reading says.
pub fn take(mut from: impl Read) -> io::Result<Taken> {
    let mut bytes = Vec::new();
    from.by_ref().take(WHOLE_BYTES).read_to_end(&mut bytes)?;
    let is_whole = io::copy(&mut from, &mut io::sink())? == 0;
    if !is_whole {
        bytes.truncate(HEAD_BYTES);
    }
    Ok(Taken { bytes, is_whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maildir(files: &[&str]) -> (tempfile::TempDir, Maildir) {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["new", "cur", "tmp"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        for file in files {
            fs::write(folder.path().join(file), file).expect("a file");
        }
        let maildir = Maildir::at(folder.path()).expect("a Maildir");
        (folder, maildir)
    }

    fn names(maildir: &Maildir) -> Vec<String> {
        maildir.waiting().expect("read").iter().map(|mail| mail.0.display().to_string()).collect()
    }

    #[test]
    fn what_has_no_mark_waits() {
        let (folder, maildir) = maildir(&[
            "new/2.b",
            "new/1.a",
            "new/.hidden",
            "cur/3.seen:2,RS",
            "cur/4.flagged:2,F",
            "cur/5.plain",
            "cur/6.replied:2,R",
            "cur/7.trashed:2,T",
            "tmp/8",
        ]);
        assert_eq!(names(&maildir), ["cur/5.plain", "cur/6.replied:2,R", "new/1.a", "new/2.b"]);
        let marks = [Mark::Seen, Mark::Seen, Mark::Flagged, Mark::Seen];
        for (mail, mark) in maildir.waiting().expect("read").iter().zip(marks) {
            let text = maildir.read(mail).expect("read").expect("it is there").bytes;
            let marked = maildir.mark(mail, mark).expect("marked");
            assert_eq!(fs::read(folder.path().join(marked)).expect("read"), text);
            assert_eq!(maildir.read(mail).expect("read"), None);
            maildir.mark(mail, mark).expect("somebody else was faster");
        }
        assert_eq!(names(&maildir), [""; 0]);
        for name in ["5.plain:2,S", "6.replied:2,RS", "1.a:2,F", "2.b:2,S", "3.seen:2,RS", "4.flagged:2,F"] {
            assert!(folder.path().join("cur").join(name).exists(), "{name}");
        }
    }

    #[test]
    fn no_mail_takes_the_place_of_another() {
        let (_folder, maildir) = maildir(&["new/1.a", "cur/1.a:2,S"]);
        let mail = maildir.waiting().expect("read").remove(0);
        let said = maildir.mark(&mail, Mark::Seen).expect_err("refused").to_string();
        assert_eq!(said, "there is another mail of this name in `cur`");
        assert!(maildir.read(&mail).expect("read").is_some());
    }

    #[test]
    fn of_a_mail_that_is_too_large_the_beginning_is_read() {
        let whole = take(io::repeat(b'x').take(WHOLE_BYTES)).expect("read");
        assert_eq!((whole.bytes.len() as u64, whole.is_whole), (WHOLE_BYTES, true));
        let cut = take(io::repeat(b'x').take(WHOLE_BYTES + 1)).expect("read");
        assert_eq!((cut.bytes.len(), cut.is_whole), (HEAD_BYTES, false));
    }

    #[test]
    fn what_is_no_file_is_no_mail() {
        let (folder, maildir) = maildir(&["cur/1.a:2,S"]);
        fs::create_dir(folder.path().join("new/folder")).expect("a folder");
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("new/link")).expect("a link");
        for mail in maildir.waiting().expect("read") {
            assert_eq!(maildir.read(&mail).expect("read"), None);
        }
        assert!(Maildir::at(&folder.path().join("new")).is_none());
    }
}
