//! Handing mail to a program: `sendmail -i -f SENDER -- RECIPIENT`, the message on its standard input, lines ending in LF.
//!
//! Of such a program only its exit code is known, by the numbers of `sysexits.h`. The message is given to it as a file and
//! not through a pipe: were this process killed half-way, a pipe would just end, and the program would send half a mail.

use crate::mail::address::masked;
use crate::mail::envelope::Envelope;
use crate::mail::smtp::{Fault, Offer, Phase, Reply, SmtpError, check_lines};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

/// So much of what the program says is kept, in bytes.
const KEPT_BYTES: u64 = 4096;

/// A program that takes mail.
#[derive(Clone, Debug)]
pub struct Sendmail {
    program: String,
    limit: Duration,
}

/// Mail after mail to the program.
#[derive(Debug)]
pub struct Line {
    sendmail: Sendmail,
    envelope: Option<Envelope>,
}

impl Sendmail {
    /// The program at an absolute path, which may take so long for one mail.
    pub fn new(program: &str, limit: Duration) -> Sendmail {
        Sendmail { program: program.to_owned(), limit }
    }

    pub(super) fn place(&self) -> String {
        format!("sendmail:{}", self.program)
    }

    pub(super) fn open(&self) -> Line {
        Line { sendmail: self.clone(), envelope: None }
    }
}

impl Line {
    /// Nothing is asked before the message is there.
    pub(super) fn offer(&mut self, envelope: &Envelope) -> Offer {
        self.envelope = Some(envelope.clone());
        Offer::Ready
    }

    /// # Errors
    ///
    /// Up to the start of the program the message certainly was not taken. Killed, out of time or with a number of its own,
    /// nobody knows.
    pub(super) async fn deliver(&mut self, message: &[u8]) -> Result<Reply, SmtpError> {
        let before = |fault| SmtpError::new(Phase::Body, fault);
        let envelope = self.envelope.take().ok_or_else(|| before(Fault::OutOfTurn))?;
        check_lines(message).map_err(|fault| before(fault.into()))?;
        let input = as_file(message).map_err(|error| before(Fault::Io(error)))?;
        let said = tempfile::tempfile().map_err(|error| before(Fault::Io(error)))?;
        let heard = said.try_clone().map_err(|error| before(Fault::Io(error)))?;
        let sender = envelope.sender.as_ref().map_or("<>", |address| address.as_str());
        let child = Command::new(&self.sendmail.program)
            .args(["-i", "-f", sender, "--", envelope.recipient.as_str()])
            .stdin(input)
            .stdout(Stdio::null())
            .stderr(said)
            .kill_on_drop(true)
            // Ctrl-C is for us: what it has begun, it ends.
            .process_group(0)
            .spawn();
        let mut child = child.map_err(|error| {
            let why = format!("`{}` cannot be started: {error}", self.sendmail.program);
            before(Fault::Program(why))
        })?;
        let after = |fault| SmtpError::new(Phase::Dot, fault);
        match timeout(self.sendmail.limit, child.wait()).await {
            Ok(Ok(status)) => verdict(status, &start_of(heard).unwrap_or_default()).map_err(after),
            Ok(Err(error)) => Err(after(Fault::Io(error))),
            Err(_) => Err(after(Fault::Timeout(self.sendmail.limit))),
        }
    }
}

/// A file without a name that holds the message, to be read from its start.
fn as_file(message: &[u8]) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    let mut start = 0;
    let mut lines = Vec::with_capacity(message.len());
    for end in memchr::memmem::find_iter(message, b"\r\n") {
        lines.extend_from_slice(&message[start..end]);
        lines.push(b'\n');
        start = end + 2;
    }
    file.write_all(&lines)?;
    file.rewind()?;
    Ok(file)
}

/// The start of what the program said to its standard error. A file as well: nobody must read it while the program runs,
/// and a process that it leaves behind holds nobody up.
fn start_of(mut said: File) -> io::Result<String> {
    let mut kept = Vec::new();
    said.rewind()?;
    said.take(KEPT_BYTES).read_to_end(&mut kept)?;
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

/// The reply that an exit code stands for.
fn verdict(status: ExitStatus, said: &str) -> Result<Reply, Fault> {
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = |code: i32| match said.as_str() {
        "" => format!("exit code {code}"),
        said => format!("exit code {code}: {said}"),
    };
    match status.code() {
        Some(0) => Ok(Reply::new(250, [2, 0, 0], &said)),
        // EX_USAGE, EX_DATAERR, EX_NOUSER, EX_NOHOST: about this mail, and the same tomorrow.
        Some(code @ 64) => Ok(Reply::new(554, [5, 5, 4], &text(code))),
        Some(code @ 65) => Ok(Reply::new(554, [5, 6, 0], &text(code))),
        Some(code @ 67) => Ok(Reply::new(550, [5, 1, 1], &text(code))),
        Some(code @ 68) => Ok(Reply::new(550, [5, 1, 2], &text(code))),
        // EX_TEMPFAIL, and all that is about the program or the machine: somebody may mend it.
        Some(code @ 66..=78) => Ok(Reply::new(451, [4, 3, 0], &text(code))),
        Some(code) => {
            Err(Fault::Program(masked(&format!("the program ended with {}, which has no meaning", text(code)))))
        }
        None => Err(Fault::Program("the program was killed".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// What comes of a program, a shell script, and what it left in the folder under `got`.
    fn run(script: &str, limit: Duration) -> (Result<Reply, SmtpError>, Option<String>) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("sendmail");
        let got = folder.path().join("got");
        std::fs::write(&program, format!("#!/bin/sh\ngot={}\n{script}\n", got.display())).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let sendmail = Sendmail::new(program.to_str().unwrap(), limit);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let envelope = Envelope::new("news@example.org".parse().ok(), "ana@example.com".parse().unwrap());
        let result = runtime.block_on(async {
            let mut line = sendmail.open();
            // Another test that forks while the script is open for writing makes it busy for a moment (ETXTBSY).
            loop {
                assert_eq!(line.offer(&envelope), Offer::Ready);
                match line.deliver(b"Subject: x\r\n\r\n.\r\nhello\r\n").await {
                    Err(error) if error.to_string().contains("Text file busy") => {}
                    result => break result,
                }
            }
        });
        (result, std::fs::read_to_string(got).ok())
    }

    const LIMIT: Duration = Duration::from_secs(20);

    #[test]
    fn the_program_gets_the_envelope_and_the_message() {
        let (reply, got) = run("echo \"$@\" >$got; cat >>$got; echo queued >&2", LIMIT);
        assert_eq!(reply.unwrap().to_string(), "250 2.0.0 queued");
        let want = "-i -f news@example.org -- ana@example.com\nSubject: x\n\n.\nhello\n";
        assert_eq!(got.as_deref(), Some(want));
    }

    #[test]
    fn the_exit_code_decides() {
        #[track_caller]
        fn case(script: &str, want: &str) {
            assert_eq!(run(script, LIMIT).0.unwrap().to_string(), want);
        }
        case("exit 0", "250 2.0.0");
        case("exit 64", "554 5.5.4 exit code 64");
        case("echo \"no <ana@example.com> here\" >&2; exit 67", "550 5.1.1 exit code 67: no <a***@e***.com> here");
        case("exit 68", "550 5.1.2 exit code 68");
        case("exit 75", "451 4.3.0 exit code 75");
        case("exit 78", "451 4.3.0 exit code 78");
    }

    #[test]
    fn what_the_exit_code_does_not_tell_is_uncertain() {
        #[track_caller]
        fn case(script: &str, limit: Duration, want: &str) {
            let error = run(script, limit).0.unwrap_err();
            assert_eq!((error.to_string().as_str(), error.is_uncertain()), (want, true));
        }
        case("kill -9 $$", LIMIT, "the end of the message failed: the program was killed");
        case(
            "exit 1",
            LIMIT,
            "the end of the message failed: the program ended with exit code 1, which has no meaning",
        );
        let limit = Duration::from_millis(300);
        case("exec sleep 20", limit, "the end of the message failed: no answer within 300 ms");
    }

    #[test]
    fn a_program_that_cannot_be_started_took_nothing() {
        let mut line = Sendmail::new("/nonexistent/sendmail", LIMIT).open();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        line.offer(&Envelope::new(None, "ana@example.com".parse().unwrap()));
        let error = runtime.block_on(line.deliver(b"x\r\n")).unwrap_err();
        assert!(!error.is_uncertain());
        assert_eq!(
            error.to_string(),
            "the message failed: `/nonexistent/sendmail` cannot be started: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn a_program_that_says_much_is_heard_to_the_end() {
        let (reply, _) = run(
            "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789 >&2; i=$((i+1)); done",
            LIMIT,
        );
        let text = reply.unwrap().text;
        assert!(text.len() <= 4096 && text.len() > 3900, "{}", text.len());
    }
}
