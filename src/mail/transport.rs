//! The ways out: a server, a program, a folder, and a script for tests. All of them take a mail in the same two steps.
//!
//! A [`Transport`] is a way out; a [`Carrier`] is one line through it, which carries one mail at a time. First the envelope
//! is offered, then the message is delivered; between the two the caller writes down that it is about to. What comes back is
//! a reply, or an error that says whether the message may have been taken. Nothing is tried twice here, and no line is
//! opened that was not asked for.

mod outbox;
mod script;
mod sendmail;

pub use outbox::Outbox;
pub use script::{Delivered, Mishap, Script, Step};
pub use sendmail::Sendmail;

use super::envelope::Envelope;
use super::smtp::{Connection, Offer, Phase, Reply, Server, SmtpError, Trust, TrustError};
use super::spliced::Content;
use crate::config::{Outlet, Smtp, Timeouts};
use std::io;
use std::path::{Path, PathBuf};

/// A way out, from which lines can be opened.
#[derive(Clone, Debug)]
pub enum Transport {
    /// A server.
    Smtp {
        /// Which.
        server: Server,
        /// How long to wait.
        timeouts: Timeouts,
    },
    /// A program.
    Sendmail(Sendmail),
    /// A folder.
    Outbox(Outbox),
    /// A script.
    Script(Script),
}

/// One line through a transport.
#[derive(Debug)]
pub enum Carrier {
    /// A connection.
    Smtp {
        /// To the server.
        connection: Box<Connection>,
        /// Whom the envelope is for that went out behind the last message.
        ahead: Option<Envelope>,
    },
    /// The program is started for each mail.
    Sendmail(sendmail::Line),
    /// A file for each mail.
    Outbox(outbox::Line),
    /// A line of a script.
    Script(script::Line),
}

/// Why there is no way out.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The settings name none.
    #[error("nothing says how mail leaves: there is no `[smtp] url`")]
    NoOutlet,
    /// A user, and no password.
    #[error("there is no password for the user in `[smtp] url`")]
    NoPassword,
    /// The file of certificates cannot be read.
    #[error("cannot read `{}`", file.display())]
    CaFile {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is nothing to trust.
    #[error("no certificate can be checked")]
    Trust(#[from] TrustError),
}

impl Transport {
    /// The way out that the settings name, environment and all. `root` is the site's.
    ///
    /// # Errors
    ///
    /// What is missing in the settings or on the disk. No connection is opened.
    pub fn new(settings: &Smtp, root: &Path) -> Result<Transport, TransportError> {
        match settings.outlet.as_ref().ok_or(TransportError::NoOutlet)? {
            Outlet::Smtp(url) => {
                let trust = match &settings.ca_file {
                    Some(file) => {
                        let file = root.join(&file.value);
                        match std::fs::read(&file) {
                            Ok(pem) => Trust::from_pem(&pem)?,
                            Err(source) => return Err(TransportError::CaFile { file, source }),
                        }
                    }
                    None => Trust::System,
                };
                let server = Server::new(url.host.clone(), url.port, url.security, &trust)?;
                let server = server.with_helo(settings.helo.clone());
                let server = match (&url.user, &url.password) {
                    (Some(user), Some(password)) => server.with_login(user, password.clone()),
                    (Some(_), None) => return Err(TransportError::NoPassword),
                    (None, _) => server,
                };
                Ok(Transport::Smtp { server, timeouts: settings.timeouts })
            }
            Outlet::Sendmail { program } => Ok(Transport::Sendmail(Sendmail::new(program, settings.timeouts.dot))),
            Outlet::Outbox { folder } => Ok(Transport::Outbox(Outbox::new(root.join(folder)))),
        }
    }

    /// One word, to be stored with an issue: it must not go on over another way out unless it is told to.
    pub fn kind(&self) -> &'static str {
        match self {
            Transport::Smtp { .. } => "smtp",
            Transport::Sendmail(_) => "sendmail",
            Transport::Outbox(_) => "outbox",
            Transport::Script(_) => "script",
        }
    }

    /// Where it leads, for messages: `smtp.example.com:587`. Without a user.
    pub fn place(&self) -> String {
        match self {
            Transport::Smtp { server, .. } => server.place(),
            Transport::Sendmail(program) => program.place(),
            Transport::Outbox(outbox) => outbox.place(),
            Transport::Script(_) => "script".to_owned(),
        }
    }

    /// Opens a line.
    ///
    /// # Errors
    ///
    /// As [`Connection::open`]; a folder that cannot be made.
    pub async fn open(&self) -> Result<Carrier, SmtpError> {
        Ok(match self {
            Transport::Smtp { server, timeouts } => {
                let connection = Box::new(Connection::open(server, timeouts).await?);
                Carrier::Smtp { connection, ahead: None }
            }
            Transport::Sendmail(program) => Carrier::Sendmail(program.open()),
            Transport::Outbox(outbox) => Carrier::Outbox(outbox.open()?),
            Transport::Script(script) => Carrier::Script(script.open()?),
        })
    }
}

impl Carrier {
    /// Offers an envelope. The one that was given to [`deliver`](Carrier::deliver) as `next` is on its way already and must
    /// be offered here before any other.
    ///
    /// # Errors
    ///
    /// The message certainly was not taken.
    pub async fn offer(&mut self, envelope: &Envelope) -> Result<Offer, SmtpError> {
        match self {
            Carrier::Smtp { connection, ahead } => {
                match ahead.take() {
                    Some(sent) if sent == *envelope => {}
                    Some(_) => return Err(SmtpError::new(Phase::Mail, super::smtp::Fault::OutOfTurn)),
                    None => connection.begin(envelope).await?,
                }
                connection.answer().await
            }
            Carrier::Sendmail(line) => Ok(line.offer(envelope)),
            Carrier::Outbox(line) => Ok(line.offer()),
            Carrier::Script(line) => line.offer(envelope),
        }
    }

    /// Delivers the message for the envelope that was taken. `name` is the file's name, without its ending, where mails
    /// become files. `next` is the envelope to come, if it is known by now: a server that knows PIPELINING gets it along.
    ///
    /// # Errors
    ///
    /// [`SmtpError::is_uncertain`] tells whether the message may have been taken. `next` was not, whatever happened.
    pub async fn deliver(
        &mut self,
        name: &str,
        message: impl Into<Content<'_>>,
        next: Option<&Envelope>,
    ) -> Result<Reply, SmtpError> {
        let message = message.into();
        match self {
            Carrier::Smtp { connection, ahead } => {
                connection.body(message, next).await?;
                *ahead = next.cloned();
                connection.verdict().await
            }
            Carrier::Sendmail(line) => line.deliver(&message.bytes()).await,
            Carrier::Outbox(line) => line.deliver(name, &message.bytes()).await,
            Carrier::Script(line) => line.deliver(name, &message.bytes()),
        }
    }

    /// Whether an envelope can be offered here, as far as can be known without asking.
    pub async fn is_usable(&mut self) -> bool {
        match self {
            Carrier::Smtp { connection, ahead: None } => connection.is_usable().await,
            Carrier::Smtp { connection, ahead: Some(_) } => !connection.is_over(),
            Carrier::Sendmail(_) | Carrier::Outbox(_) => true,
            Carrier::Script(line) => line.is_usable(),
        }
    }

    /// Whether an envelope went out behind the last message. If it is not wanted any more, the line must be closed.
    pub fn is_ahead(&self) -> bool {
        matches!(self, Carrier::Smtp { ahead: Some(_), .. })
    }

    /// Closes the line, with a good-bye where that is in order.
    pub async fn close(self) {
        if let Carrier::Smtp { connection, .. } = self {
            connection.quit().await;
        }
    }
}
