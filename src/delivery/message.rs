//! One mail for one subscriber, from an issue as it was frozen.
//!
//! Pure. The body is encoded once for all who get the same posts; the few personal places are filled in each mail, then the
//! finished bytes are signed. All that a mail says is stored with the issue, or derived from its numbers by the key that the
//! issue was frozen with: a second attempt, on any day and any host, has the same bytes as the first, but for the DKIM
//! signatures in front of them. Those are made with the keys that the settings name on that day, since nothing else can be
//! checked against the DNS of that day.

use crate::mail::address::{Address, AddressError, Mailbox};
use crate::mail::dkim::{self, SignError, Signer};
use crate::mail::encoded::{FillError, Slot, SlotError};
use crate::mail::envelope::Envelope;
use crate::mail::header::{HeaderText, HeaderTextError};
use crate::mail::list::{FeedbackId, HeaderUrl, HeaderUrlError, ListHeaders, ListId, ListIdError};
use crate::mail::mime::{Body, Message, MessageId, MessageIdError, Purpose};
use crate::mail::spliced::{Spliced, Template};
use crate::store::issues::Variant;
use crate::subscriber::keys::{Key, Keys};
use crate::subscriber::token::{self, BounceToken, Token, TooLarge};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What all mails of an issue have in common, as it is stored with the issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// `weekly`
    pub digest: String,
    /// `2026-W48`
    pub period: String,
    /// Whom the mails are from, as `Name <local@domain>`.
    pub from: String,
    /// Where answers go, where that is elsewhere.
    pub reply_to: Option<String>,
    /// When the issue was cut off: the Date of each mail.
    pub sent_at: DateTime<Utc>,
    /// The name and the id of the list.
    pub list: (String, String),
    /// Where a token is put behind to leave: `https://…/unsubscribe/`.
    pub unsubscribe: String,
    /// Where a mail unsubscribes.
    pub unsubscribe_mailto: String,
    /// Where a person can ask or read.
    pub help: Option<String>,
    /// The page of earlier issues.
    pub archive: Option<String>,
    /// What every Message-ID ends with.
    pub message_id_domain: String,
    /// Whom mails come back to; a token is put into its local part, behind a `+`.
    pub return_path: Option<String>,
    /// Whether both ways to unsubscribe are those of the settings. Where mails become files the settings need not name any,
    /// and the issue has links that lead nowhere; such mail must not go to people.
    #[serde(default)]
    pub has_way_out: bool,
    /// The key that signs tokens and makes Message-IDs, in hexadecimal digits.
    pub key: String,
    /// What the marker of the personal place was made from.
    pub marker: String,
}

/// The mails of one issue.
#[derive(Clone, Debug)]
pub struct Mailing {
    head: Head,
    issue: i64,
    key: Key,
    signers: Arc<[Signer]>,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    list: ListHeaders,
    return_path: Option<(String, String)>,
    variants: Vec<Edition>,
    opens: Opens,
}

/// What the tokens in a mail open.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Opens {
    /// What they say.
    Doors,
    /// Nothing: it is for somebody to look at. The name tells its Message-ID from that of any other.
    Nothing(String),
}

#[derive(Clone, Debug)]
struct Edition {
    number: i64,
    subject: HeaderText,
    body: Arc<Body>,
    template: Arc<Template>,
}

/// A mail that is ready to go.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Whom it comes back to and goes to.
    pub envelope: Envelope,
    /// The mail itself.
    pub mail: Spliced,
    /// A name for its file, where mails become files.
    pub file: String,
}

/// Why an issue cannot be made into mails. None of it is the fault of a single subscriber.
#[derive(Debug, thiserror::Error)]
pub enum MailingError {
    /// The key that it was frozen with is not in the key file any more.
    #[error("the key `{0}` that it was frozen with is not there")]
    NoKey(String),
    /// What was stored with it makes no mail.
    #[error("what is stored with it makes no mail: {0}")]
    Stored(String),
}

/// Why there is no mail for one subscriber.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The address cannot be written to.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Anything else.
    #[error("the mail cannot be made: {0}")]
    Other(String),
}

/// How wide the personal place in a body is.
pub const TOKEN_CHARS: usize = Token::CHARS;

/// The token of a test: it opens nothing.
pub const INERT: &str = "preview-preview-preview-preview-preview-preview0";

impl Head {
    /// The marker that stands in the parts of the issue for what is personal.
    ///
    /// # Errors
    ///
    /// Never: the width is one that a place may have.
    pub fn slot(marker: &str) -> Result<Slot, SlotError> {
        Slot::new("token", TOKEN_CHARS, marker.as_bytes())
    }
}

macro_rules! stored_from {
    ($($error:ty),*) => {
        $(impl From<$error> for MailingError {
            fn from(error: $error) -> MailingError {
                MailingError::Stored(error.to_string())
            }
        })*
    };
}
stored_from!(AddressError, HeaderTextError, HeaderUrlError, ListIdError, MessageIdError, SlotError, serde_json::Error);

impl Mailing {
    /// The mails of an issue, from what was stored with it.
    ///
    /// # Errors
    ///
    /// [`MailingError`].
    pub fn new(
        issue: i64,
        head: Head,
        variants: &[Variant],
        keys: &Keys,
        signers: Arc<[Signer]>,
    ) -> Result<Mailing, MailingError> {
        let key = keys.iter().find(|key| key.id().to_string() == head.key).cloned();
        let key = key.ok_or_else(|| MailingError::NoKey(head.key.clone()))?;
        let slots = [Head::slot(&head.marker)?];
        let edition = |variant: &Variant| {
            let subject = HeaderText::one_line(&variant.subject)?;
            let body = Arc::new(Body::new(&variant.text, &variant.html, &slots));
            let template = Arc::new(Template::new(&body));
            Ok::<_, MailingError>(Edition { number: variant.number, subject, body, template })
        };
        let variants = variants.iter().map(edition).collect::<Result<_, _>>()?;
        let leave: Address = head.unsubscribe_mailto.parse()?;
        let list = ListHeaders {
            id: ListId::new(HeaderText::one_line(&head.list.0)?, &head.list.1)?,
            unsubscribe: HeaderUrl::https(&format!("{}{INERT}", head.unsubscribe))?,
            unsubscribe_mailto: HeaderUrl::mailto(&leave, Some(INERT))?,
            help: head.help.as_deref().map(HeaderUrl::https).transpose()?,
            archive: head.archive.as_deref().map(HeaderUrl::https).transpose()?,
            feedback_id: FeedbackId::new([&head.period, &head.digest, "digest"], "tidings").ok(),
        };
        let return_path = match &head.return_path {
            Some(path) => {
                let address: Address = path.parse()?;
                let (local, domain) = address.as_str().rsplit_once('@').unwrap_or_default();
                Some((local.to_owned(), domain.to_owned()))
            }
            None => None,
        };
        let mailing = Mailing {
            from: head.from.parse()?,
            reply_to: head.reply_to.as_deref().map(str::parse).transpose()?,
            list,
            issue,
            key,
            signers,
            return_path,
            variants,
            head,
            opens: Opens::Doors,
        };
        // What is wrong with all mails is told now, and not of each subscriber.
        for edition in mailing.variants.iter().take(1) {
            let longest = mailing.mail(i64::MAX, "reader@example.com", edition.number);
            longest.map_err(|err| MailingError::Stored(err.to_string()))?;
        }
        Ok(mailing)
    }

    /// The same for somebody to look at: its tokens open nothing, and its Message-IDs are those of no other mail, since
    /// mail programs fold what has the same. `name` is what they are made from, so one that was shown before must not be
    /// used again where mail is sent.
    pub fn inert(self, name: &str) -> Mailing {
        Mailing { opens: Opens::Nothing(name.to_owned()), ..self }
    }

    /// What all mails have in common.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The mail for a subscriber.
    ///
    /// # Errors
    ///
    /// [`MessageError`].
    pub fn mail(&self, subscriber: i64, mailbox: &str, variant: i64) -> Result<Ready, MessageError> {
        let other = |err: &dyn std::fmt::Display| MessageError::Other(err.to_string());
        let recipient: Address = mailbox.parse()?;
        let edition = self.variants.iter().find(|edition| edition.number == variant);
        let edition = edition.ok_or_else(|| other(&format_args!("there is no variant {variant}")))?;
        let token = self.token(subscriber).map_err(|err| other(&err))?;
        let list = ListHeaders {
            unsubscribe: HeaderUrl::https(&format!("{}{token}", self.head.unsubscribe)).map_err(|err| other(&err))?,
            unsubscribe_mailto: self.leave_by_mail(&token).map_err(|err| other(&err))?,
            ..self.list.clone()
        };
        let issue = format!("{}/{}", self.head.digest, self.head.period);
        let local = match &self.opens {
            Opens::Doors => self.key.message_id(&issue, subscriber),
            // No period has a blank in its name.
            Opens::Nothing(name) => self.key.message_id(&format!("{issue} {name}"), subscriber),
        };
        let message_id = MessageId::new(&local, &self.head.message_id_domain).map_err(|err| other(&err))?;
        let message = Message {
            from: &self.from,
            to: &Mailbox::new(None, recipient.clone()),
            reply_to: self.reply_to.as_ref(),
            subject: &edition.subject,
            sent_at: self.head.sent_at,
            message_id: &message_id,
            purpose: Purpose::List(&list),
        };
        let mail = Spliced::new(message.head_of(&edition.body), edition.template.clone(), vec![token])
            .map_err(|err: FillError| other(&err))?;
        let mail = match self.signers.is_empty() {
            true => mail,
            false => {
                let signatures = dkim::sign(&self.signers, &mail.bytes(), self.head.sent_at);
                mail.signed(signatures.map_err(|err: SignError| other(&err))?)
            }
        };
        let sender = self.sender(subscriber).map_err(|err| other(&err))?;
        let envelope = Envelope::new(Some(sender), recipient).sized(mail.size_bytes() as u64);
        let file = format!("{}-{}-{subscriber}", self.head.digest, self.head.period);
        Ok(Ready { envelope, mail, file })
    }

    fn token(&self, subscriber: i64) -> Result<String, TooLarge> {
        if let Opens::Nothing(_) = self.opens {
            return Ok(INERT.to_owned());
        }
        let issue = u32::try_from(self.issue).map_err(|_| TooLarge { what: "issue", number: self.issue })?;
        let token = Token { purpose: token::Purpose::Unsubscribe, subscriber, digest: 0, issue, expires_at: None };
        token.sign_with(&self.key)
    }

    fn leave_by_mail(&self, token: &str) -> Result<HeaderUrl, HeaderUrlError> {
        let leave: Address = match self.head.unsubscribe_mailto.parse() {
            Ok(address) => address,
            // It was read once, when the mailing was made.
            Err(_) => return Ok(self.list.unsubscribe_mailto.clone()),
        };
        HeaderUrl::mailto(&leave, Some(token))
    }

    /// Whom a mail comes back to: with the number of the mail in the address (VERP), so that a bounce says whose it is.
    fn sender(&self, subscriber: i64) -> Result<Address, String> {
        let Some((local, domain)) = &self.return_path else { return Ok(self.from.address().clone()) };
        if let Opens::Nothing(_) = self.opens {
            return format!("{local}@{domain}").parse().map_err(|err: AddressError| err.to_string());
        }
        let issue = u32::try_from(self.issue).map_err(|err| err.to_string())?;
        let token = BounceToken { subscriber, issue }.sign_with(&self.key).map_err(|err| err.to_string())?;
        format!("{local}+{token}@{domain}").parse().map_err(|err: AddressError| err.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn mailing() -> Mailing {
        let keys = Keys::from_secret(SECRET).expect("a key");
        let head = Head {
            digest: "weekly".into(),
            period: "2026-W48".into(),
            from: "News <news@example.org>".into(),
            reply_to: None,
            sent_at: DateTime::from_timestamp(1_700_000_000, 0).expect("a moment"),
            list: ("The week".into(), "weekly.example.org".into()),
            unsubscribe: "https://example.org/unsubscribe/".into(),
            unsubscribe_mailto: "leave@example.org".into(),
            help: None,
            archive: None,
            message_id_domain: "example.org".into(),
            return_path: Some("bounce@example.org".into()),
            has_way_out: true,
            key: keys.signing().id().to_string(),
            marker: "weekly/2026-W48".into(),
        };
        let variant = Variant {
            number: 0,
            subject: "Hello".into(),
            preheader: String::new(),
            html: "<p>Hello</p>".into(),
            text: "Hello\n".into(),
            entries: vec![],
        };
        Mailing::new(1, head, &[variant], &keys, [].into()).expect("a mailing")
    }

    fn message_id(mailing: &Mailing) -> String {
        let ready = mailing.mail(1, "ana@example.com", 0).expect("a mail");
        let text = String::from_utf8(ready.mail.bytes()).expect("text");
        text.lines().find(|line| line.starts_with("Message-ID:")).expect("a Message-ID").to_owned()
    }

    #[test]
    fn a_mail_to_look_at_has_a_message_id_of_its_own() {
        let (real, one, other) = (mailing(), mailing().inert("1"), mailing().inert("2"));
        assert_eq!(message_id(&real), message_id(&mailing()));
        assert_eq!(message_id(&one), message_id(&mailing().inert("1")));
        let all = [message_id(&real), message_id(&one), message_id(&other)];
        let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), 3, "{all:?}");
    }

    #[test]
    fn a_mail_to_look_at_opens_nothing() {
        let text = |mailing: Mailing| {
            let ready = mailing.mail(1, "ana@example.com", 0).expect("a mail");
            (
                ready.envelope.sender.map(|sender| sender.to_string()).unwrap_or_default(),
                String::from_utf8(ready.mail.bytes()).expect("text"),
            )
        };
        let (sender, inert) = text(mailing().inert("1"));
        assert!(inert.contains(INERT) && sender == "bounce@example.org", "{sender}\n{inert}");
        let (sender, real) = text(mailing());
        assert!(!real.contains(INERT) && sender.starts_with("bounce+"), "{sender}\n{real}");
    }

    #[test]
    fn a_head_from_before_the_way_out_was_noted_has_none() {
        let mut head = serde_json::to_value(mailing().head()).expect("JSON");
        assert!(head.as_object_mut().expect("an object").remove("has_way_out").is_some());
        let head: Head = serde_json::from_value(head).expect("a head");
        assert!(!head.has_way_out);
    }
}
