//! What an issue is as mail, before there is anybody to get it: what its mails have in common, and one to a reader who does
//! not exist.

use super::guard;
use super::site::Site;
use crate::config::{Digest, Mailbox as Sender};
use crate::delivery::message::{Head, INERT, Mailing};
use crate::diagnostic::Diagnostic;
use crate::digest::render::Rendered;
use crate::mail::address::{Address, Mailbox};
use crate::mail::header::HeaderText;
use crate::mail::list::ListId;
use crate::schedule::Period;
use crate::store::issues::Variant;
use crate::subscriber::keys::{Key, Keys};

/// The key of previews and tests: everybody knows it, and no link opens with it.
const PREVIEW_KEY: &str = "previewpreviewpreviewpreviewpreviewpreviewA";

/// The keys of previews and tests.
pub fn everybodys_keys() -> Keys {
    Keys::from_secret(PREVIEW_KEY).expect("it is base64 of 32 bytes")
}

/// What all mails of an issue have in common, with the key that signs for them.
///
/// # Errors
///
/// What the settings say that cannot stand in a mail.
pub fn head(site: &Site, digest: &Digest, period: &Period, key: &Key) -> Result<Head, Diagnostic> {
    let mail = &site.config.mail;
    let domain = mail.message_id_domain.as_deref().unwrap_or(digest.from.domain());
    let wrong = |what: &str, err: &dyn std::fmt::Display| {
        Diagnostic::error(format!("the {what} of `[digest.{}]` cannot stand in a mail: {err}", digest.name.value))
            .at(crate::config::FILE, digest.name.span)
    };
    let mailbox = |what: &str, sender: &Sender| {
        let address: Address = sender.address.parse().map_err(|err| wrong(what, &err))?;
        let name = sender.name.as_deref().map(HeaderText::new).transpose().map_err(|err| wrong(what, &err))?;
        Ok::<String, Diagnostic>(Mailbox::new(name, address).to_string())
    };
    let title = HeaderText::one_line(&digest.title).map_err(|err| wrong("`title`", &err))?;
    let id = match &mail.list_id {
        Some(id) => ListId::of(title.clone(), &digest.name.value, id),
        None => ListId::of(title.clone(), &digest.name.value, domain),
    };
    let id = id.map_err(|err| wrong("List-Id", &err))?;
    let feeds = &site.config.feeds.url;
    let server = site.config.serve.public_url.as_ref().unwrap_or(feeds);
    let is_https = |url: &str| url.starts_with("https://");
    let archive = format!("{feeds}digest/{}/", digest.name.value);
    Ok(Head {
        digest: digest.name.value.clone(),
        period: period.name.clone(),
        from: mailbox("`from`", &digest.from)?,
        reply_to: digest.reply_to.as_ref().map(|sender| mailbox("`reply_to`", sender)).transpose()?,
        sent_at: period.cutoff,
        list: (title.as_str().to_owned(), id.id().to_owned()),
        // Files may be made for a site that is not on https yet; nothing else is sent without.
        unsubscribe: format!("{server}unsubscribe/").replacen("http://", "https://", 1),
        unsubscribe_mailto: mail.unsubscribe_mailto.clone().unwrap_or_else(|| format!("unsubscribe@{domain}")),
        help: Some(feeds.to_string()).filter(|url| is_https(url)),
        archive: Some(archive).filter(|url| is_https(url)),
        message_id_domain: domain.to_owned(),
        return_path: mail.return_path.clone(),
        has_way_out: guard::way_out(&site.config).is_none(),
        key: key.id().to_string(),
        marker: marker(&digest.name.value, &period.name),
    })
}

/// What the place of a token is made from.
pub fn marker(digest: &str, period: &str) -> String {
    format!("{digest}/{period}")
}

/// The whole mail, to a reader who does not exist. No secret has a part in it, so that it is the same on every machine.
pub fn eml(site: &Site, digest: &Digest, period: &Period, rendered: &Rendered) -> Result<Vec<u8>, Diagnostic> {
    let wrong = |err: &dyn std::fmt::Display| {
        Diagnostic::error(format!("`[digest.{}]` makes no mail: {err}", digest.name.value))
            .at(crate::config::FILE, digest.name.span)
    };
    let keys = everybodys_keys();
    let head = head(site, digest, period, keys.signing())?;
    let variant = Variant {
        number: 0,
        subject: rendered.subject.to_string(),
        preheader: rendered.preheader.to_string(),
        html: rendered.html.clone(),
        text: rendered.text.clone(),
        entries: vec![],
    };
    let mailing = Mailing::new(1, head, &[variant], &keys, [].into()).map_err(|err| wrong(&err))?;
    let reader = Mailbox::placeholder();
    Ok(mailing.inert("preview").mail(1, reader.address().as_str(), 0).map_err(|err| wrong(&err))?.mail.bytes())
}

/// A part of the issue with what a preview has in the place of a token.
pub fn inert(text: &str, digest: &str, period: &str) -> String {
    match Head::slot(&marker(digest, period)) {
        Ok(slot) => text.replace(slot.marker(), INERT),
        Err(_) => text.to_string(),
    }
}
