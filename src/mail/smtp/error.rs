//! What can go wrong on the wire, where, and whether the mail may have been taken all the same.
//!
//! The one question that a ledger has is [`SmtpError::is_uncertain`]. Before the last byte of the final dot has left, a
//! server must not take the message (RFC 5321, section 4.2.5); after its reply all is known; between the two nobody can
//! know (RFC 1047).

use super::reply::{Reply, ReplyFault};
use std::fmt;
use std::io;
use std::time::Duration;

/// How far a mail, or the connection for it, had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Looking up the host, connecting, and TLS where it comes first.
    Connect,
    /// The server's first words.
    Greeting,
    /// `EHLO` or `HELO`.
    Ehlo,
    /// `STARTTLS` and what follows it.
    StartTls,
    /// `AUTH`.
    Auth,
    /// `RSET`.
    Rset,
    /// `MAIL`.
    Mail,
    /// `RCPT`.
    Rcpt,
    /// `DATA`.
    Data,
    /// The message itself; its end has not left.
    Body,
    /// The end of the message, or some of it, may have left, and there is no reply yet.
    Dot,
    /// `QUIT`.
    Quit,
}

impl Phase {
    /// All of them, in the order in which they come.
    pub const ALL: [Phase; 12] = [
        Phase::Connect,
        Phase::Greeting,
        Phase::Ehlo,
        Phase::StartTls,
        Phase::Auth,
        Phase::Rset,
        Phase::Mail,
        Phase::Rcpt,
        Phase::Data,
        Phase::Body,
        Phase::Dot,
        Phase::Quit,
    ];

    /// One word for records: `rcpt`.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Connect => "connect",
            Phase::Greeting => "greeting",
            Phase::Ehlo => "ehlo",
            Phase::StartTls => "starttls",
            Phase::Auth => "auth",
            Phase::Rset => "rset",
            Phase::Mail => "mail",
            Phase::Rcpt => "rcpt",
            Phase::Data => "data",
            Phase::Body => "body",
            Phase::Dot => "dot",
            Phase::Quit => "quit",
        }
    }
}

/// As it reads in a sentence: `cannot connect`, `RCPT failed`.
impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Connect => "connecting",
            Phase::Greeting => "the greeting",
            Phase::Ehlo => "`EHLO`",
            Phase::StartTls => "`STARTTLS`",
            Phase::Auth => "the login",
            Phase::Rset => "`RSET`",
            Phase::Mail => "`MAIL`",
            Phase::Rcpt => "`RCPT`",
            Phase::Data => "`DATA`",
            Phase::Body => "the message",
            Phase::Dot => "the end of the message",
            Phase::Quit => "`QUIT`",
        })
    }
}

/// A failure on the wire. Neither its text nor its `Debug` holds an address or a password.
#[derive(Debug, thiserror::Error)]
#[error("{phase} failed: {fault}")]
pub struct SmtpError {
    phase: Phase,
    fault: Fault,
}

/// What failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing came in this time.
    #[error("no answer within {}", spoken(*.0))]
    Timeout(Duration),
    /// The other side closed or reset the connection.
    #[error("the server closed the connection")]
    Closed,
    /// The system could not do it.
    #[error("{}", plain(.0))]
    Io(io::Error),
    /// The host's name leads nowhere.
    #[error("the host cannot be found: {}", plain(.0))]
    Host(io::Error),
    /// TLS failed: a certificate that is not trusted, no common version.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// TLS must be had, and the server offers none.
    #[error("the server offers no TLS")]
    NoTls,
    /// The server spoke before TLS had begun what must come after it: somebody sits on the line (CVE-2011-0411).
    #[error("there was text before TLS that was meant to come after it")]
    Injected,
    /// The server offers neither PLAIN nor LOGIN.
    #[error("the server offers neither PLAIN nor LOGIN")]
    NoMechanism,
    /// A plain connection is for this machine alone, and the host is another.
    #[error("the host is not this machine, and TLS is off")]
    NotLoopback,
    /// Bytes that are no reply, or one that has no place here.
    #[error("{0}")]
    Protocol(String),
    /// The server refused what the connection cannot go on without.
    #[error("the server said {0}")]
    Refused(Reply),
    /// The message has a line that may not be sent.
    #[error("{0}")]
    Message(#[from] super::body::LineFault),
    /// The steps were called in another order than they have.
    #[error("a step came out of turn")]
    OutOfTurn,
    /// A program to hand mail to could not be started, or did not say what became of it.
    #[error("{0}")]
    Program(String),
}

impl SmtpError {
    /// A failure in a phase.
    pub fn new(phase: Phase, fault: Fault) -> SmtpError {
        SmtpError { phase, fault }
    }

    /// How far it had come.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What failed.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Whether the message may have been taken: its last byte may have left, and no reply came. Otherwise it certainly was
    /// not.
    pub fn is_uncertain(&self) -> bool {
        self.phase == Phase::Dot
    }

    /// Whether the same may succeed later, without anybody changing a thing. Says nothing of whether the message was taken.
    pub fn is_transient(&self) -> bool {
        match &self.fault {
            Fault::Timeout(_) | Fault::Closed | Fault::Io(_) | Fault::Host(_) | Fault::Protocol(_) => true,
            Fault::Refused(reply) => !reply.is_permanent(),
            Fault::Tls(_) | Fault::NoTls | Fault::Injected | Fault::NoMechanism | Fault::NotLoopback => false,
            Fault::Message(_) | Fault::OutOfTurn | Fault::Program(_) => false,
        }
    }

    /// What the server said, where it was its word.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.fault {
            Fault::Refused(reply) => Some(reply),
            _ => None,
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Fault::Tls(tls.to_string());
        }
        match error.kind() {
            BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => Fault::Closed,
            _ => Fault::Io(error),
        }
    }
}

impl From<ReplyFault> for Fault {
    fn from(fault: ReplyFault) -> Fault {
        Fault::Protocol(fault.to_string())
    }
}

/// What the system says, without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn spoken(time: Duration) -> String {
    match time.as_secs() {
        _ if time.subsec_millis() > 0 => format!("{} ms", time.as_millis()),
        1 => "1 second".to_owned(),
        seconds if seconds % 60 == 0 && seconds > 60 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_the_message_is_uncertain() {
        for phase in Phase::ALL {
            let error = SmtpError::new(phase, Fault::Closed);
            assert_eq!(error.is_uncertain(), phase == Phase::Dot, "{error}");
        }
    }

    #[test]
    fn a_failure_says_where_and_what() {
        #[track_caller]
        fn case(phase: Phase, fault: Fault, is_transient: bool, want: &str) {
            let error = SmtpError::new(phase, fault);
            assert_eq!((error.to_string().as_str(), error.is_transient()), (want, is_transient));
        }
        let secs = Duration::from_secs;
        case(Phase::Rcpt, Fault::Timeout(secs(300)), true, "`RCPT` failed: no answer within 5 minutes");
        case(Phase::Dot, Fault::Timeout(secs(90)), true, "the end of the message failed: no answer within 90 seconds");
        case(Phase::Connect, Fault::Closed, true, "connecting failed: the server closed the connection");
        let reply = Reply::new(535, [5, 7, 8], "bad password for ana@example.com");
        case(
            Phase::Auth,
            Fault::Refused(reply),
            false,
            "the login failed: the server said 535 5.7.8 bad password for a***@e***.com",
        );
        case(Phase::StartTls, Fault::NoTls, false, "`STARTTLS` failed: the server offers no TLS");
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        case(Phase::Body, reset.into(), true, "the message failed: the server closed the connection");
    }
}
