//! Notices as mail: letters that ask for a yes or lead to what somebody gets, and the bytes that go out for them.
//!
//! Pure. All of a letter but the personal places is rendered before the store is asked ([`Letters::drafts`]); the store
//! then has the places filled while it plans the notice ([`Drafts::letter`]), since a token in it names the notice. From then
//! on the letter is kept whole: a second attempt has the same bytes, but for signatures, as with issues.
//!
//! A letter says nothing that whoever filled in a form could have put into it: no name, nothing chosen. It is no mail of a
//! list, so that it has no List headers (RFC 2369); it is marked as the answer of a program (RFC 3834), and only a welcome
//! offers a way out.

mod letter;

pub use letter::{Letter, LetterError};

use super::message::TOKEN_CHARS;
use crate::config::{Config, Digest, FILE, Mailbox as Sender, Theme};
use crate::diagnostic::Diagnostic;
use crate::digest::render::{inlined, tidied};
use crate::digest::view::{SiteView, ThemeView, filler, sides};
use crate::language::{Direction, Language, NoticeWords, fill};
use crate::mail::address::{Address, Mailbox};
use crate::mail::encoded::Slot;
use crate::mail::header::HeaderText;
use crate::mail::mime::MessageId;
use crate::store::notices::{Addressee, Kind};
use crate::subscriber::keys::{Key, Keys};
use crate::subscriber::token::{self, BounceToken, Token, TooLarge};
use crate::template::Templates;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::error::Error;
use std::sync::Arc;
use url::Url;

/// How long the link to what is kept of somebody is good.
pub const LINK_FOR: TimeDelta = TimeDelta::hours(24);

const TEMPLATE: &str = "notice.html";
const TEXT_TEMPLATE: &str = "notice.txt";

/// What letters are written with: the site's words, look, keys and addresses.
#[derive(Debug)]
pub struct Letters {
    templates: Arc<Templates>,
    language: Language,
    site_title: String,
    site_url: Url,
    /// Where personal pages are, ending in `/`.
    server: Url,
    theme: Theme,
    is_sensitive: bool,
    /// Titles of digests, by name.
    titles: Vec<(String, String)>,
    postal_address: Vec<String>,
    envelope: Outside,
    confirm_within: TimeDelta,
    key: Key,
}

/// What stands on the outside of every letter.
#[derive(Clone, Debug)]
struct Outside {
    from: String,
    from_address: String,
    reply_to: Option<String>,
    /// Whom mails come back to, in two halves between which a token goes.
    return_path: Option<(String, String)>,
    message_id_domain: String,
}

/// Letters of some kinds, of which the personal places are still to be filled.
#[derive(Debug)]
pub struct Drafts {
    drafts: Vec<(Kind, Draft)>,
    slot: Slot,
    envelope: Outside,
    key: Key,
    now: DateTime<Utc>,
}

#[derive(Debug)]
struct Draft {
    subject: String,
    text: String,
    html: String,
    purpose: token::Purpose,
    expires_at: Option<DateTime<Utc>>,
}

/// What a template of a notice sees.
#[derive(Debug, Serialize)]
struct View<'a> {
    kind: &'static str,
    lang: &'a str,
    dir: &'static str,
    start: &'static str,
    end: &'static str,
    subject: &'a str,
    preheader: &'a str,
    filler: String,
    site: SiteView,
    heading: String,
    lead: &'a str,
    button: &'a str,
    url: String,
    open: &'a str,
    expiry: Option<String>,
    otherwise: &'a str,
    unsubscribe: &'a str,
    leave_url: Option<String>,
    reason: String,
    postal_address: &'a [String],
    theme: ThemeView,
}

impl Letters {
    /// What letters of a site are written with. They look like the first digest that people may sign up to, and come from
    /// it where `[signup]` says nothing else.
    ///
    /// # Errors
    ///
    /// That there is no digest to sign up to, or what in the settings cannot stand in a mail.
    pub fn new(config: &Config, templates: Arc<Templates>, keys: &Keys) -> Result<Letters, Diagnostic> {
        // Where nobody signs up, people who are there all the same get links.
        let first = config.signup.digests.first().and_then(|name| config.digests.get(name));
        let first = first.or_else(|| config.digests.values().next());
        let first = first.ok_or_else(|| {
            Diagnostic::error("there is no digest that people could sign up to")
                .in_file(FILE)
                .hint("write `[digest.weekly]`")
        })?;
        let titles = config.digests.iter().map(|(name, digest)| (name.clone(), digest.title.to_string()));
        let lines = first.postal_address.as_str().lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let postal_address = lines.map(|words| words.join(" ")).filter(|line| !line.is_empty());
        Ok(Letters {
            templates,
            language: Language::of(config.site.language.as_str()),
            site_title: config.site.title.to_string(),
            site_url: config.site.url.clone(),
            server: config.serve.public_url.as_ref().unwrap_or(&config.feeds.url).clone(),
            theme: first.theme.clone(),
            is_sensitive: config.mail.sensitive,
            titles: titles.collect(),
            postal_address: postal_address.collect(),
            envelope: outside(config, first)?,
            confirm_within: TimeDelta::from_std(config.signup.confirm_within).unwrap_or(TimeDelta::days(7)),
            key: keys.signing().clone(),
        })
    }

    /// Letters of some kinds about some digests, but for the personal places. Digests that the settings do not know are not
    /// named.
    ///
    /// # Errors
    ///
    /// What is wrong in a template.
    pub fn drafts(&self, kinds: &[Kind], digests: &[String], now: DateTime<Utc>) -> Result<Drafts, Diagnostic> {
        let slot = Slot::new("token", TOKEN_CHARS, self.server.as_str().as_bytes());
        let slot = slot.expect("the width is one that a place may have");
        let mut drafts = Vec::with_capacity(kinds.len());
        for &kind in kinds {
            drafts.push((kind, self.draft(kind, digests, &slot, now)?));
        }
        Ok(Drafts { drafts, slot, envelope: self.envelope.clone(), key: self.key.clone(), now })
    }

    fn draft(&self, kind: Kind, digests: &[String], slot: &Slot, now: DateTime<Utc>) -> Result<Draft, Diagnostic> {
        let all = self.language.words();
        let words = words(&self.language, kind);
        let titles: Vec<&str> = digests.iter().filter_map(|name| self.title(name)).collect();
        let named = self.language.list(&titles);
        let values = [("site", &*self.site_title), ("digests", &*named)];
        let filled = |text: &str| fill(text, &values);
        let (purpose, page, within) = match kind {
            Kind::Confirm => (token::Purpose::Confirm, "confirm", Some(self.confirm_within)),
            Kind::Known => (token::Purpose::Preferences, "preferences", Some(LINK_FOR)),
            Kind::Link => (token::Purpose::Data, "preferences", Some(LINK_FOR)),
            Kind::Welcome => (token::Purpose::Unsubscribe, "preferences", None),
        };
        let address = |page: &str| format!("{}{page}/{}", self.server, slot.marker());
        let (subject, lead) = (one_line(&filled(&words.subject)), filled(&words.lead));
        // The fixed texts are all there is, and what they quote is short.
        let tag = if self.language.is_spoken() { self.language.tag().as_str() } else { &all.tag };
        let direction = Direction::of_tag(tag);
        let (start, end) = sides(direction);
        let look_from = Some(&self.site_url).filter(|_| !self.is_sensitive);
        let view = View {
            kind: kind.word(),
            lang: tag,
            dir: direction.name(),
            start,
            end,
            subject: &subject,
            preheader: &lead,
            filler: filler(&lead),
            site: SiteView { title: self.site_title.clone(), url: self.site_url.to_string() },
            heading: filled(&words.heading),
            lead: &lead,
            button: &words.button,
            url: address(page),
            open: &all.notices.open,
            expiry: within.map(|within| self.expiry(within)),
            otherwise: &words.otherwise,
            unsubscribe: &all.digest.unsubscribe,
            leave_url: (kind == Kind::Welcome).then(|| address("unsubscribe")),
            reason: filled(&words.reason),
            postal_address: &self.postal_address,
            theme: ThemeView::of(&self.theme, &self.site_title, look_from),
        };
        let html = inlined(&self.templates.render(TEMPLATE, &view)?, TEMPLATE)?;
        let text = tidied(&self.templates.render(TEXT_TEMPLATE, &view)?);
        for (part, said, template) in [("HTML", &html, TEMPLATE), ("text", &text, TEXT_TEMPLATE)] {
            if !said.contains(&view.url) {
                let finding =
                    Diagnostic::error(format!("the {part} part of a notice has no link: nobody could follow it"));
                return Err(finding.hint(format!("put `url` into `templates/{template}`")));
            }
        }
        let expires_at = within.and_then(|within| now.checked_add_signed(within));
        Ok(Draft { subject, text, html, purpose, expires_at })
    }

    fn title(&self, name: &str) -> Option<&str> {
        self.titles.iter().find(|(known, _)| known == name).map(|(_, title)| title.as_str())
    }

    /// How long a link is good, in words.
    fn expiry(&self, within: TimeDelta) -> String {
        let words = &self.language.words().notices;
        let hours = usize::try_from(within.num_hours()).unwrap_or_default().max(1);
        match hours % 24 == 0 && hours > 24 {
            true => self.language.count(&words.days, hours / 24, &[]),
            false => self.language.count(&words.hours, hours, &[]),
        }
    }
}

impl Drafts {
    /// The letter of a notice, as the store keeps it.
    ///
    /// # Errors
    ///
    /// That there is no draft of its kind, or a number that does not fit into a token.
    pub fn letter(&self, to: &Addressee) -> Result<String, Box<dyn Error + Send + Sync>> {
        let found = self.drafts.iter().find(|(kind, _)| *kind == to.kind);
        let (_, draft) = found.ok_or_else(|| format!("there is no draft of a notice `{}`", to.kind.word()))?;
        let token = Token {
            purpose: draft.purpose,
            subscriber: to.subscriber,
            digest: 0,
            issue: if to.kind == Kind::Confirm { to.notice } else { 0 },
            expires_at: draft.expires_at,
        };
        let token = token.sign_with(&self.key)?;
        let filled = |text: &str| text.replace(self.slot.marker(), &token);
        // A store that is made anew counts from 1 again, and mail programs hide a Message-ID that they have seen.
        let name = format!("notice/{}/{}", to.notice, self.now.timestamp());
        let letter = Letter {
            from: self.envelope.from.clone(),
            reply_to: self.envelope.reply_to.clone(),
            sender: self.envelope.sender(to.subscriber, &self.key)?,
            subject: draft.subject.clone(),
            text: filled(&draft.text),
            html: filled(&draft.html),
            message_id: (self.key.message_id(&name, to.subscriber), self.envelope.message_id_domain.clone()),
            sent_at: self.now,
            expires_at: draft.expires_at,
        };
        Ok(serde_json::to_string(&letter)?)
    }
}

impl Outside {
    /// Whom a letter comes back to: with the subscriber's number in the address (VERP). Its issue is 0, which none has: a
    /// bounce says whose mailbox is gone, and that is all that need be known of a notice.
    fn sender(&self, subscriber: i64, key: &Key) -> Result<String, TooLarge> {
        match &self.return_path {
            Some((local, domain)) => {
                let token = BounceToken { subscriber, issue: 0 }.sign_with(key)?;
                Ok(format!("{local}+{token}@{domain}"))
            }
            None => Ok(self.from_address.clone()),
        }
    }
}

fn words(language: &Language, kind: Kind) -> &'static NoticeWords {
    let words = &language.words().notices;
    match kind {
        Kind::Confirm => &words.confirm,
        Kind::Known => &words.known,
        Kind::Link => &words.link,
        Kind::Welcome => &words.welcome,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What stands on the outside of every letter: that of `[signup]`, else that of the first digest.
fn outside(config: &Config, first: &Digest) -> Result<Outside, Diagnostic> {
    let wrong = |what: &str, err: &dyn std::fmt::Display| {
        Diagnostic::error(format!("{what} cannot stand in a mail: {err}")).in_file(FILE)
    };
    let mailbox = |what: &str, sender: &Sender| {
        let address: Address = sender.address.parse().map_err(|err| wrong(what, &err))?;
        let name = sender.name.as_deref().map(HeaderText::new).transpose().map_err(|err| wrong(what, &err))?;
        Ok::<Mailbox, Diagnostic>(Mailbox::new(name, address))
    };
    let own = config.signup.from.as_ref();
    let sender = own.unwrap_or(&first.from);
    let from = mailbox("the `from` of mails to one person", sender)?;
    let reply_to = first.reply_to.as_ref().filter(|_| own.is_none());
    let reply_to = reply_to.map(|sender| mailbox("`reply_to`", sender)).transpose()?;
    let return_path = match &config.mail.return_path {
        Some(path) => {
            let address: Address = path.parse().map_err(|err| wrong("`[mail] return_path`", &err))?;
            let (local, domain) = address.as_str().rsplit_once('@').unwrap_or_default();
            Some((local.to_owned(), domain.to_owned()))
        }
        None => None,
    };
    let domain = config.mail.message_id_domain.as_deref().unwrap_or(sender.domain());
    MessageId::new("x", domain).map_err(|err| wrong("`[mail] message_id_domain`", &err))?;
    Ok(Outside {
        from_address: from.address().to_string(),
        from: from.to_string(),
        reply_to: reply_to.map(|mailbox| mailbox.to_string()),
        return_path,
        message_id_domain: domain.to_owned(),
    })
}

#[cfg(test)]
mod tests;
