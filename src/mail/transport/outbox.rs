//! Mail as files: `DIR/NAME.eml`, each written whole beside its place and renamed into it, so that a reader never sees half
//! of one. Written again, a file of the same name is the same mail: no failure here leaves anything uncertain.

use crate::mail::smtp::{Fault, Offer, Phase, Reply, SmtpError};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A folder that mails are put into.
#[derive(Clone, Debug)]
pub struct Outbox {
    folder: PathBuf,
}

/// Mail after mail into the folder.
#[derive(Debug)]
pub struct Line {
    folder: PathBuf,
}

impl Outbox {
    /// A folder, which is made when the first line is opened.
    pub fn new(folder: PathBuf) -> Outbox {
        Outbox { folder }
    }

    pub(super) fn place(&self) -> String {
        format!("outbox:{}", self.folder.strip_prefix(".").unwrap_or(&self.folder).display())
    }

    pub(super) fn open(&self) -> Result<Line, SmtpError> {
        let failed = |error| SmtpError::new(Phase::Connect, Fault::Io(error));
        fs::create_dir_all(&self.folder).map_err(failed)?;
        Ok(Line { folder: self.folder.clone() })
    }
}

impl Line {
    /// A folder takes everything.
    pub(super) fn offer(&self) -> Offer {
        Offer::Ready
    }

    pub(super) async fn deliver(&self, name: &str, message: &[u8]) -> Result<Reply, SmtpError> {
        let failed = |error| SmtpError::new(Phase::Body, Fault::Io(error));
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.+=".contains(&b);
        if name.is_empty() || name.len() > 200 || name.starts_with('.') || !name.bytes().all(is_plain) {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "this is no name for a file")));
        }
        let (folder, file, message) = (self.folder.clone(), format!("{name}.eml"), message.to_vec());
        let written = tokio::task::spawn_blocking(move || write(&folder, &file, &message)).await;
        match written {
            Ok(Ok(())) => Ok(Reply::new(250, [2, 0, 0], "written")),
            Ok(Err(error)) => Err(failed(error)),
            // The task cannot be cancelled; a panic in it is a fault of ours, and the file is whole or not there.
            Err(error) => Err(failed(io::Error::other(error))),
        }
    }
}

/// Writes a file so that it is there in whole, also after a crash of the machine.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    // Lines of one process write different mails; two processes that write the same one must not share a file.
    let new = folder.join(format!(".{name}.{}.new", std::process::id()));
    let _ = fs::remove_file(&new);
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, folder.join(name))?;
        File::open(folder)?.sync_all()
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deliver(line: &Line, name: &str, message: &[u8]) -> Result<Reply, SmtpError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(line.deliver(name, message))
    }

    #[test]
    fn a_mail_becomes_a_file_and_the_second_time_the_same_file() {
        let site = tempfile::tempdir().unwrap();
        let line = Outbox::new(site.path().join("a/outbox")).open().unwrap();
        for message in [&b"first\r\n"[..], b"second\r\n"] {
            assert_eq!(deliver(&line, "0001-ana", message).unwrap().to_string(), "250 2.0.0 written");
            assert_eq!(fs::read(site.path().join("a/outbox/0001-ana.eml")).unwrap(), message);
        }
        assert_eq!(fs::read_dir(site.path().join("a/outbox")).unwrap().count(), 1);
    }

    #[test]
    fn a_name_cannot_leave_the_folder() {
        let site = tempfile::tempdir().unwrap();
        let line = Outbox::new(site.path().join("outbox")).open().unwrap();
        for name in ["", "../x", "a/b", ".x", "a\0b", &"x".repeat(201)] {
            let error = deliver(&line, name, b"x\r\n").unwrap_err();
            assert_eq!(error.to_string(), "the message failed: this is no name for a file");
            assert!(!error.is_uncertain());
        }
        assert_eq!(fs::read_dir(site.path().join("outbox")).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_made_opens_no_line() {
        let site = tempfile::tempdir().unwrap();
        fs::write(site.path().join("outbox"), "a file").unwrap();
        let error = Outbox::new(site.path().join("outbox")).open().unwrap_err();
        assert_eq!((error.phase(), error.is_uncertain()), (Phase::Connect, false));
    }
}
