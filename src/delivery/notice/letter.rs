//! A letter as it is kept with its notice, and as mail: the same bytes each time, but for the signatures.

use crate::delivery::message::Ready;
use crate::mail::address::{Address, AddressError, Mailbox};
use crate::mail::dkim::{self, Signer};
use crate::mail::envelope::Envelope;
use crate::mail::header::HeaderText;
use crate::mail::mime::{Body, Message, MessageId, Purpose};
use crate::mail::spliced::{Spliced, Template};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::sync::Arc;

/// A letter as it is kept with its notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Who it is from, as `Name <local@domain>`.
    pub from: String,
    /// Where answers go, where that is elsewhere.
    pub reply_to: Option<String>,
    /// Whom it comes back to.
    pub sender: String,
    /// One line.
    pub subject: String,
    /// The text part, whole.
    pub text: String,
    /// The HTML part, whole.
    pub html: String,
    /// Both sides of its Message-ID.
    pub message_id: (String, String),
    /// Its Date: when it was planned.
    pub sent_at: DateTime<Utc>,
    /// From when its link is no longer good; later than that it need not be sent.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why there is no mail of a letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    /// The recipient's address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Something in the letter itself cannot stand in a mail: no other letter is concerned.
    #[error("{0}")]
    Letter(String),
    /// It cannot be signed, and nor can any other.
    #[error("{0}")]
    Signature(String),
}

impl Letter {
    /// What was kept of it.
    ///
    /// # Errors
    ///
    /// That it is none.
    pub fn parse(text: &str) -> Result<Letter, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The mail. `file` is the name of its file, where mails become files.
    ///
    /// # Errors
    ///
    /// [`LetterError`].
    pub fn mail(&self, mailbox: &str, file: String, signers: &[Signer]) -> Result<Ready, LetterError> {
        let recipient: Address = mailbox.parse()?;
        let sender: Address = self.sender.parse().map_err(|err: AddressError| LetterError::Letter(err.to_string()))?;
        let unsigned = self.unsigned(&recipient).map_err(|err| LetterError::Letter(err.to_string()))?;
        let signatures = dkim::sign(signers, &unsigned.bytes(), self.sent_at);
        let mail = unsigned.signed(signatures.map_err(|err| LetterError::Signature(err.to_string()))?);
        let envelope = Envelope::new(Some(sender), recipient).sized(mail.size_bytes() as u64);
        Ok(Ready { envelope, mail, file })
    }

    fn unsigned(&self, recipient: &Address) -> Result<Spliced, Box<dyn Error>> {
        let from: Mailbox = self.from.parse()?;
        let reply_to = self.reply_to.as_deref().map(str::parse::<Mailbox>).transpose()?;
        let message = Message {
            from: &from,
            to: &Mailbox::new(None, recipient.clone()),
            reply_to: reply_to.as_ref(),
            subject: &HeaderText::one_line(&self.subject)?,
            sent_at: self.sent_at,
            message_id: &MessageId::new(&self.message_id.0, &self.message_id.1)?,
            purpose: Purpose::Notice,
        };
        let body = Body::readable(&self.text, &self.html);
        Ok(Spliced::new(message.head_of(&body), Arc::new(Template::new(&body)), Vec::new())?)
    }
}
