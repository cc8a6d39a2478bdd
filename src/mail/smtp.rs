//! SMTP, one connection, step by step (RFC 5321, with 2920, 3207, 4954 and 1870).
//!
//! This file owns the wire. lettre writes the commands and speaks SASL; its own connection is not used, because it never
//! sets TCP_NODELAY (22 mails a second on loopback, measured), cannot have a command in flight behind a body (a round trip
//! for each of `MAIL`, `RCPT` and `DATA`), cannot say in which phase it failed, and waits for ever for a reply. `MAIL` and
//! `RCPT` of the next mail go out behind the final dot of this one, so that a mail costs one round trip.
//!
//! The steps of a mail are [`begin`](Connection::begin), [`answer`](Connection::answer), [`body`](Connection::body) and
//! [`verdict`](Connection::verdict), in this order. Between `answer` and `body` the caller writes down what is about to
//! happen. A connection whose step failed, or was not waited for, is not used again; it never tries anything twice.

mod body;
mod error;
mod extensions;
mod reply;
mod server;
mod stream;

pub use body::{LineFault, check_lines};
pub(super) use body::{end, stuff};
pub use error::{Fault, Phase, SmtpError};
pub use reply::Reply;
pub use server::{Credentials, Server, Trust, TrustError};

use super::envelope::Envelope;
use super::spliced::Content;
use crate::config::{Security, Timeouts};
use extensions::Extensions;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::commands;
use lettre::transport::smtp::extension::{ClientId, MailParameter};
use lettre::transport::smtp::response::Response;
use reply::{Lines, Reading};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;
use stream::Stream;
use tokio::time::timeout;

/// A connection to a server, ready for mail after mail.
pub struct Connection {
    stream: Stream,
    timeouts: Timeouts,
    extensions: Extensions,
    /// Read, and not yet used.
    input: Vec<u8>,
    /// Kept between mails for its memory.
    output: Vec<u8>,
    state: State,
    /// The server still holds an envelope that came to nothing; `RSET` goes out with the next one.
    must_reset: bool,
}

/// What becomes of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The server waits for the message. From here on there is no way back but to close the connection.
    Ready,
    /// The server wants no mail with this envelope. The connection goes on, as far as
    /// [`is_usable`](Connection::is_usable) says so.
    Refused {
        /// Which of its commands was refused: `MAIL`, `RCPT` or `DATA`.
        phase: Phase,
        /// Why.
        reply: Reply,
    },
}

enum State {
    /// No mail is under way.
    Idle,
    /// An envelope was begun.
    Offered(Offered),
    /// The server waits for a message.
    Ready,
    /// A message was sent, and perhaps the next envelope behind it.
    Sent(Option<Offered>),
    /// Nothing more can be said here: a step failed or was not waited for, or the server said good-bye.
    Over,
}

/// An envelope that was begun.
enum Offered {
    /// `MAIL`, `RCPT` and `DATA` are on their way, after `RSET` where it says so.
    OnTheWay { reset: bool },
    /// To be sent one by one: the server does not know PIPELINING.
    StepByStep(Vec<(Phase, String)>),
    /// The server need not be asked.
    RefusedHere(Phase, Reply),
}

impl Connection {
    /// Connects, with TLS and login as the server's settings want them. All addresses of the host are tried.
    ///
    /// # Errors
    ///
    /// The phase it came to, and why it came no further. No mail was lost over it.
    pub async fn open(server: &Server, timeouts: &Timeouts) -> Result<Connection, SmtpError> {
        let only_loopback = server.security == Security::Plain;
        let stream = Stream::connect(server, timeouts.connect, only_loopback).await?;
        let mut connection = Connection {
            stream,
            timeouts: *timeouts,
            extensions: Extensions::default(),
            input: Vec::new(),
            output: Vec::new(),
            state: State::Over,
            must_reset: false,
        };
        if server.security == Security::Implicit {
            connection.stream.secure(server, Phase::Connect, timeouts.connect).await?;
        }
        let greeting = connection.reply(Phase::Greeting).await?;
        expect(Phase::Greeting, &greeting, 220)?;
        let must_know_more = server.security == Security::StartTls || server.credentials.is_some();
        connection.hello(server, must_know_more).await?;
        if server.security == Security::StartTls {
            connection.start_tls(server).await?;
            connection.hello(server, true).await?;
        }
        if let Some(credentials) = &server.credentials {
            connection.log_in(&credentials.to_lettre()).await?;
        }
        connection.state = State::Idle;
        Ok(connection)
    }

    /// Begins a mail: `MAIL`, `RCPT` and `DATA` leave in one piece where the server knows PIPELINING (RFC 2920), else
    /// [`answer`](Connection::answer) sends them. A message larger than the server takes is not offered to it.
    ///
    /// # Errors
    ///
    /// The commands could not be written. The message certainly was not taken.
    pub async fn begin(&mut self, envelope: &Envelope) -> Result<(), SmtpError> {
        let State::Idle = self.state else { return Err(self.out_of_turn(Phase::Mail)) };
        self.state = State::Over;
        self.expect_silence(Phase::Mail)?;
        let reset = std::mem::take(&mut self.must_reset);
        let mut output = std::mem::take(&mut self.output);
        output.clear();
        let offered = self.offer(envelope, reset, &mut output);
        let phase = if reset { Phase::Rset } else { Phase::Mail };
        let written = self.stream.write(&output, self.timeouts.command).await;
        self.output = output;
        written.map_err(|error| SmtpError::new(phase, error.fault))?;
        self.must_reset = reset && matches!(offered, Offered::RefusedHere(..));
        self.state = State::Offered(offered);
        Ok(())
    }

    /// What the server says to the envelope that was begun, or that went out behind the message before.
    ///
    /// # Errors
    ///
    /// No answer, or one that cannot be understood. The message certainly was not taken.
    pub async fn answer(&mut self) -> Result<Offer, SmtpError> {
        let offered = match std::mem::replace(&mut self.state, State::Over) {
            State::Offered(offered) => offered,
            other => {
                self.state = other;
                return Err(self.out_of_turn(Phase::Mail));
            }
        };
        match offered {
            Offered::RefusedHere(phase, reply) => {
                self.state = State::Idle;
                Ok(Offer::Refused { phase, reply })
            }
            Offered::OnTheWay { reset } => self.answer_at_once(reset).await,
            Offered::StepByStep(steps) => self.answer_one_by_one(steps).await,
        }
    }

    /// Sends the message, dots doubled, with its end, and behind it the next envelope in the same piece where the server
    /// knows PIPELINING. What the server says to that one is the [`answer`](Connection::answer) after the
    /// [`verdict`](Connection::verdict).
    ///
    /// # Errors
    ///
    /// The message could not be written, or may not be sent as it is ([`check_lines`]). [`SmtpError::is_uncertain`] tells
    /// whether its end may have left. Whoever stops waiting for this step cannot know.
    pub async fn body(&mut self, message: impl Into<Content<'_>>, next: Option<&Envelope>) -> Result<(), SmtpError> {
        let State::Ready = self.state else { return Err(self.out_of_turn(Phase::Body)) };
        self.state = State::Over;
        // What came too early would be read as the verdict.
        self.expect_silence(Phase::Body)?;
        let mut output = std::mem::take(&mut self.output);
        output.clear();
        message.into().put(&mut output).map_err(|fault| SmtpError::new(Phase::Body, fault.into()))?;
        let end = output.len();
        let next = next.map(|envelope| self.offer(envelope, false, &mut output));
        let written = self.stream.write(&output, self.timeouts.block).await;
        self.output = output;
        if let Err(error) = written {
            let phase = if error.left_at_most < end { Phase::Body } else { Phase::Dot };
            // A server that has enough of a message says why before it closes.
            let fault = match self.last_words().await {
                Some(reply) if phase == Phase::Body && !reply.is_positive() => Fault::Refused(reply),
                _ => error.fault,
            };
            return Err(SmtpError::new(phase, fault));
        }
        self.state = State::Sent(next);
        Ok(())
    }

    /// What the server says to the message: 2yz it has it, 4yz or 5yz it has not.
    ///
    /// # Errors
    ///
    /// No reply, or one that says neither: nobody knows whether the message was taken.
    pub async fn verdict(&mut self) -> Result<Reply, SmtpError> {
        // Out of turn, it errs on the side of the recipient: who asks for a verdict may have sent something.
        let next = match std::mem::replace(&mut self.state, State::Over) {
            State::Sent(next) => next,
            other => {
                self.state = other;
                return Err(self.out_of_turn(Phase::Dot));
            }
        };
        let reply = self.reply(Phase::Dot).await?.reply();
        if !(reply.is_positive() || reply.is_transient() || reply.is_permanent()) {
            return Err(unexpected(Phase::Dot, &reply));
        }
        if !reply.is_closing() {
            self.state = next.map_or(State::Idle, State::Offered);
        }
        Ok(reply)
    }

    /// Makes the server forget an envelope. Hardly ever needed: after a refusal `RSET` leaves with the next envelope.
    ///
    /// # Errors
    ///
    /// No reply, or a refusal.
    pub async fn reset(&mut self) -> Result<(), SmtpError> {
        let State::Idle = self.state else { return Err(self.out_of_turn(Phase::Rset)) };
        self.state = State::Over;
        let reply = self.command(Phase::Rset, &commands::Rset.to_string()).await?;
        expect(Phase::Rset, &reply, 250)?;
        self.must_reset = false;
        self.state = State::Idle;
        Ok(())
    }

    /// Whether a mail can begin here, as far as can be known without asking: false as well where the server has closed the
    /// connection in the meantime.
    pub async fn is_usable(&mut self) -> bool {
        let is_idle = matches!(self.state, State::Idle);
        if is_idle && (!self.input.is_empty() || !self.stream.is_silent().await) {
            self.state = State::Over;
        }
        matches!(self.state, State::Idle)
    }

    /// Whether nothing more can be said here.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Whether the server takes the next envelope behind a message.
    pub fn is_pipelining(&self) -> bool {
        self.extensions.pipelining
    }

    /// The largest message that the server takes, in bytes, where it says so.
    pub fn size_limit(&self) -> Option<u64> {
        self.extensions.size_limit
    }

    /// Says good-bye where that is in order, and closes. A message that has been asked for and not been sent is taken by
    /// nobody.
    pub async fn quit(mut self) {
        const LIMIT: Duration = Duration::from_secs(5);
        if matches!(self.state, State::Idle) {
            // Nothing hangs on the reply, but a connection that is cut while it is on its way counts as an error there.
            let _ = timeout(LIMIT, self.command(Phase::Quit, &commands::Quit.to_string())).await;
        }
        self.stream.close(LIMIT).await;
    }

    /// `EHLO`, and `HELO` for a server that knows no better where nothing else is needed of it.
    async fn hello(&mut self, server: &Server, must_know_more: bool) -> Result<(), SmtpError> {
        let client = match (&server.helo, self.stream.local_address().map(|address| address.ip())) {
            (Some(name), _) => ClientId::Domain(name.clone()),
            (None, Some(IpAddr::V6(address))) => match address.to_ipv4_mapped() {
                Some(address) => ClientId::Ipv4(address),
                None => ClientId::Ipv6(address),
            },
            (None, Some(IpAddr::V4(address))) => ClientId::Ipv4(address),
            (None, None) => ClientId::default(),
        };
        let lines = self.command(Phase::Ehlo, &commands::Ehlo::new(client.clone()).to_string()).await?;
        if matches!(lines.code, 500 | 502) && !must_know_more {
            // lettre knows no HELO.
            let lines = self.command(Phase::Ehlo, &format!("HELO {client}\r\n")).await?;
            return expect(Phase::Ehlo, &lines, 250);
        }
        expect(Phase::Ehlo, &lines, 250)?;
        self.extensions = Extensions::parse(&lines.lines);
        Ok(())
    }

    /// TLS or nothing (RFC 3207): what the server said before it is forgotten, and what it said too early is an attack.
    async fn start_tls(&mut self, server: &Server) -> Result<(), SmtpError> {
        if !self.extensions.starttls {
            return Err(SmtpError::new(Phase::StartTls, Fault::NoTls));
        }
        let reply = self.command(Phase::StartTls, &commands::Starttls.to_string()).await?;
        expect(Phase::StartTls, &reply, 220)?;
        if !self.input.is_empty() {
            return Err(SmtpError::new(Phase::StartTls, Fault::Injected));
        }
        self.extensions = Extensions::default();
        self.stream.secure(server, Phase::StartTls, self.timeouts.connect).await
    }

    /// PLAIN where it is offered, else LOGIN. Plain lines lead to this machine alone, so none shows a password to others.
    async fn log_in(
        &mut self,
        credentials: &lettre::transport::smtp::authentication::Credentials,
    ) -> Result<(), SmtpError> {
        let failed = |fault| SmtpError::new(Phase::Auth, fault);
        let odd = |_| failed(Fault::Protocol("the server asks for something else than user and password".to_owned()));
        let mechanism = match (self.extensions.plain, self.extensions.login) {
            (true, _) => Mechanism::Plain,
            (false, true) => Mechanism::Login,
            (false, false) => return Err(failed(Fault::NoMechanism)),
        };
        let first = commands::Auth::new(mechanism, credentials.clone(), None).map_err(odd)?;
        let mut lines = self.command(Phase::Auth, &first.to_string()).await?;
        // LOGIN asks twice.
        for _ in 0..2 {
            if lines.code != 334 || mechanism != Mechanism::Login {
                break;
            }
            let challenge = challenge(&lines);
            let answer = commands::Auth::new_from_response(mechanism, credentials.clone(), &challenge).map_err(odd)?;
            lines = self.command(Phase::Auth, &answer.to_string()).await?;
        }
        expect(Phase::Auth, &lines, 235)
    }

    /// The commands of an envelope, added to what is to be written, or kept until they can be.
    fn offer(&self, envelope: &Envelope, reset: bool, output: &mut Vec<u8>) -> Offered {
        if let (Some(size), Some(limit)) = (envelope.size_bytes, self.extensions.size_limit)
            && size > limit
        {
            let text = format!("the message has {size} bytes, and the server takes {limit}");
            return Offered::RefusedHere(Phase::Mail, Reply::new(552, [5, 3, 4], &text));
        }
        let mut steps = Vec::with_capacity(4);
        if reset {
            steps.push((Phase::Rset, commands::Rset.to_string()));
        }
        let sender = match &envelope.sender {
            Some(address) => match lettre_address(address) {
                Ok(address) => Some(address),
                Err(reply) => return Offered::RefusedHere(Phase::Mail, reply),
            },
            None => None,
        };
        let size = envelope.size_bytes.filter(|_| self.extensions.size).and_then(|size| usize::try_from(size).ok());
        let parameters = size.map(MailParameter::Size).into_iter().collect();
        steps.push((Phase::Mail, commands::Mail::new(sender, parameters).to_string()));
        match lettre_address(&envelope.recipient) {
            Ok(address) => steps.push((Phase::Rcpt, commands::Rcpt::new(address, Vec::new()).to_string())),
            Err(reply) => return Offered::RefusedHere(Phase::Rcpt, reply),
        }
        steps.push((Phase::Data, commands::Data.to_string()));
        if !self.extensions.pipelining {
            return Offered::StepByStep(steps);
        }
        for (_, command) in steps {
            output.extend_from_slice(command.as_bytes());
        }
        Offered::OnTheWay { reset }
    }

    /// The replies to commands that left in one piece. All are read, whatever the first one says (RFC 2920, section 3.1).
    async fn answer_at_once(&mut self, reset: bool) -> Result<Offer, SmtpError> {
        if reset {
            let lines = self.reply(Phase::Rset).await?;
            expect(Phase::Rset, &lines, 250)?;
        }
        let mut refused = None;
        for phase in [Phase::Mail, Phase::Rcpt, Phase::Data] {
            let reply = match (self.reply(phase).await, refused) {
                (Ok(lines), before) => {
                    refused = before;
                    lines.reply()
                }
                // It refused and closed: what it said counts.
                (Err(_), Some(refusal)) => return Ok(refusal),
                (Err(error), None) => return Err(error),
            };
            let is_fine = if phase == Phase::Data { reply.code == 354 } else { reply.is_positive() };
            if is_fine && phase == Phase::Data {
                return Ok(match refused {
                    // It waits for a message to nobody. Any message, even an empty one, might go somewhere: the connection
                    // is given up instead.
                    Some(refusal) => refusal,
                    None => {
                        self.state = State::Ready;
                        Offer::Ready
                    }
                });
            }
            if is_fine {
                continue;
            }
            if !(reply.is_transient() || reply.is_permanent()) {
                return Err(unexpected(phase, &reply));
            }
            let is_closing = reply.is_closing();
            let refusal = refused.take().unwrap_or(Offer::Refused { phase, reply });
            if is_closing {
                return Ok(refusal);
            }
            refused = Some(refusal);
        }
        self.state = State::Idle;
        self.must_reset = true;
        refused.ok_or_else(|| SmtpError::new(Phase::Data, Fault::OutOfTurn))
    }

    /// The same, each command after the reply to the one before.
    async fn answer_one_by_one(&mut self, steps: Vec<(Phase, String)>) -> Result<Offer, SmtpError> {
        for (phase, command) in steps {
            let reply = self.command(phase, &command).await?.reply();
            match phase {
                Phase::Rset if !reply.is_positive() => return Err(SmtpError::new(phase, Fault::Refused(reply))),
                Phase::Data if reply.code == 354 => {
                    self.state = State::Ready;
                    return Ok(Offer::Ready);
                }
                Phase::Rset | Phase::Mail | Phase::Rcpt if reply.is_positive() => {}
                _ if reply.is_transient() || reply.is_permanent() => {
                    if !reply.is_closing() {
                        self.state = State::Idle;
                        self.must_reset = true;
                    }
                    return Ok(Offer::Refused { phase, reply });
                }
                _ => return Err(unexpected(phase, &reply)),
            }
        }
        Err(SmtpError::new(Phase::Data, Fault::OutOfTurn))
    }

    /// A step that cannot be taken now, since the connection is over or because another step is due.
    fn out_of_turn(&self, phase: Phase) -> SmtpError {
        let is_over = matches!(self.state, State::Over);
        SmtpError::new(phase, if is_over { Fault::Closed } else { Fault::OutOfTurn })
    }

    /// Refuses to go on where a reply is there already that nothing was asked for.
    fn expect_silence(&self, phase: Phase) -> Result<(), SmtpError> {
        if self.input.is_empty() {
            return Ok(());
        }
        Err(SmtpError::new(phase, Fault::Protocol("the server spoke before it was asked".to_owned())))
    }

    /// Writes a command and waits for its reply.
    async fn command(&mut self, phase: Phase, command: &str) -> Result<Lines, SmtpError> {
        let written = self.stream.write(command.as_bytes(), self.timeouts.command).await;
        written.map_err(|error| SmtpError::new(phase, error.fault))?;
        self.reply(phase).await
    }

    /// The next reply. The time is for all of it, so that a server which sends a byte a minute does not hold us for ever.
    async fn reply(&mut self, phase: Phase) -> Result<Lines, SmtpError> {
        let limit = match phase {
            Phase::Connect => self.timeouts.connect,
            Phase::Greeting => self.timeouts.greeting,
            Phase::Data => self.timeouts.data,
            Phase::Body => self.timeouts.block,
            Phase::Dot => self.timeouts.dot,
            _ => self.timeouts.command,
        };
        let fault = match timeout(limit, self.read_reply()).await {
            Ok(Ok(lines)) => return Ok(lines),
            Ok(Err(fault)) => fault,
            Err(_) => Fault::Timeout(limit),
        };
        Err(SmtpError::new(phase, fault))
    }

    async fn read_reply(&mut self) -> Result<Lines, Fault> {
        let mut reading = Reading::default();
        loop {
            let (taken, lines) = reading.feed(&self.input)?;
            self.input.drain(..taken);
            if let Some(lines) = lines {
                return Ok(lines);
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece).await? {
                0 => return Err(Fault::Closed),
                read => self.input.extend_from_slice(&piece[..read]),
            }
        }
    }

    /// What the server may have said before it closed the line, without waiting long.
    async fn last_words(&mut self) -> Option<Reply> {
        let lines = timeout(Duration::from_secs(1), self.read_reply()).await.ok()?.ok()?;
        Some(lines.reply())
    }
}

/// Neither bytes nor addresses.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Idle => "idle",
            State::Offered(_) => "offered",
            State::Ready => "ready",
            State::Sent(_) => "sent",
            State::Over => "over",
        };
        write!(f, "Connection({state})")
    }
}

/// An address as lettre's commands want it. Ours are narrower than lettre's; should one not be, its mail is refused by name
/// and no other one suffers.
fn lettre_address(address: &super::address::Address) -> Result<lettre::Address, Reply> {
    let refused = |_| Reply::new(553, [5, 1, 3], "the address cannot be written in SMTP");
    address.as_str().parse().map_err(refused)
}

/// A challenge as lettre reads it.
fn challenge(lines: &Lines) -> Response {
    use lettre::transport::smtp::response::{Category, Code, Detail, Severity};
    let code = Code::new(Severity::PositiveIntermediate, Category::Unspecified3, Detail::Four);
    Response::new(code, lines.lines.clone())
}

/// A reply with the one code that lets the connection go on.
fn expect(phase: Phase, lines: &Lines, code: u16) -> Result<(), SmtpError> {
    let reply = lines.reply();
    match lines.code {
        // Servers differ in the last digit of a success.
        got if got == code || (code < 300 && got / 10 == code / 10) => Ok(()),
        400.. => Err(SmtpError::new(phase, Fault::Refused(reply))),
        _ => Err(unexpected(phase, &reply)),
    }
}

fn unexpected(phase: Phase, reply: &Reply) -> SmtpError {
    SmtpError::new(phase, Fault::Protocol(format!("the server said {reply}, which has no meaning here")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_address_of_ours_can_be_written(
            local in "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\\.[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,20}){0,2}",
            domain in "([a-z0-9ü]([a-z0-9-]{0,20}[a-z0-9])?\\.){1,3}[a-z]{1,10}",
        ) {
            if let Ok(address) = format!("{local}@{domain}").parse::<crate::mail::address::Address>() {
                prop_assert_eq!(lettre_address(&address).map(|a| a.to_string()), Ok(address.to_string()));
            }
        }
    }
}
