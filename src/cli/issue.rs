//! The next issue of a digest, made from all that it depends on: posts, settings, the editor's note, what went before.

use super::Context;
use super::site::{self, Faulty, Site};
use crate::config::{Axis, Digest, GroupBy, Mailbox as Sender};
use crate::diagnostic::{Diagnostic, nearest};
use crate::digest::choose::{Choosing, Chosen};
use crate::digest::compose::{Composer, Edition, Editorial, Settings};
use crate::digest::due;
use crate::digest::history::History;
use crate::digest::issue::{Issue, Links};
use crate::digest::note::Note;
use crate::digest::render::{Medium, Rendered, Renderer, TEMPLATE};
use crate::disk::load;
use crate::mail::address::{Address, Mailbox};
use crate::mail::encoded::{Encoded, Slot};
use crate::mail::header::HeaderText;
use crate::mail::list::{FeedbackId, HeaderUrl, ListHeaders, ListId};
use crate::mail::mime::{Body, Message, MessageId, Purpose};
use crate::schedule::Period;
use crate::store::sqlite::Sqlite;
use crate::store::{Store as _, StoreError, block_on};
use crate::template::Line;
use crate::text::Text;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// How wide the place of a token is.
const TOKEN_CHARS: usize = 48;

/// What the token of a preview is: it opens nothing.
const INERT: &str = "preview-preview-preview-preview-preview-preview0";

/// An issue, and what it was made from.
pub struct Made {
    /// The site, with the posts that are out at the cutoff.
    pub site: Site,
    /// The digest's settings.
    pub digest: Digest,
    /// What went before.
    pub history: History,
    /// Which posts, of when.
    pub chosen: Chosen,
    /// The issue; none where there are too few posts.
    pub mail: Option<Mail>,
}

/// An issue as mail.
pub struct Mail {
    /// The issue.
    pub issue: Issue,
    /// Its parts.
    pub rendered: Rendered,
    /// The whole of it, for a reader who does not exist.
    pub eml: Vec<u8>,
}

/// Makes the issue of a digest for a period, the next one unless one is named.
///
/// # Errors
///
/// Everything that is wrong. Warnings are added to `findings`.
pub fn make(
    context: &Context,
    name: &str,
    period: Option<&str>,
    since: Option<DateTime<Utc>>,
    findings: &mut Vec<Diagnostic>,
) -> Result<Made, Vec<Diagnostic>> {
    let config = load::config(&context.root)?;
    let Some(digest) = config.digests.get(name).cloned() else { return Err(vec![unknown(name, &config.digests)]) };
    let (history, others) =
        histories(context, &config.store.sqlite, &digest, &config.digests).map_err(|err| vec![err])?;
    let period = match period {
        None => due::next(&digest, &history, context.now),
        Some(period) => due::named(&digest, &history, period, context.now).map_err(|refusal| {
            let finding = Diagnostic::error(refusal.to_string());
            vec![match refusal.hint() {
                Some(hint) => finding.hint(hint),
                None => finding,
            }]
        })?,
    };
    // What is out at the cutoff is in the preview of an issue that is still to come.
    let then = Context { root: context.root.clone(), now: context.now.max(period.cutoff), ..*context };
    let (site, found) = site::open(&then, Faulty::Refuse);
    let (errors, warnings): (Vec<_>, Vec<_>) = found.into_iter().partition(Diagnostic::is_error);
    findings.extend(warnings);
    let Some(site) = site.filter(|_| errors.is_empty()) else { return Err(errors) };
    let choosing = Choosing {
        collection: &site.collection,
        config: &site.config,
        digest: &digest,
        period: &period,
        since,
        own: &history,
        others: &others,
    };
    let (chosen, found) = choosing.choose();
    findings.extend(found);
    let mail = match chosen.is_enough(&digest) {
        true => Some(mail(&site, &digest, &history, &chosen, findings)?),
        false => None,
    };
    Ok(Made { site, digest, history, chosen, mail })
}

fn unknown(name: &str, digests: &std::collections::BTreeMap<String, Digest>) -> Diagnostic {
    let known: Vec<&str> = digests.keys().map(String::as_str).collect();
    let hint = match (nearest(name, known.iter().copied()), known.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, true) => format!("there is none yet: write `[digest.{name}]` into {}", crate::config::FILE),
        (None, false) => format!("there are `{}`", known.join("`, `")),
    };
    Diagnostic::error(format!("there is no digest `{name}`")).hint(hint)
}

/// The digest's own past, and that of the digests whose posts it leaves out.
fn histories(
    context: &Context,
    file: &str,
    digest: &Digest,
    digests: &std::collections::BTreeMap<String, Digest>,
) -> Result<(History, Vec<History>), Diagnostic> {
    let read = async {
        let Some(store) = Sqlite::open_to_read(&context.root.join(file), file).await? else {
            return Ok((History::default(), vec![]));
        };
        let own = store.history(&digest.names().collect::<Vec<_>>()).await?;
        let mut others = Vec::new();
        for other in digest.not_in.iter().filter_map(|name| digests.get(name)) {
            others.push(store.history(&other.names().collect::<Vec<_>>()).await?);
        }
        store.close().await;
        Ok::<_, StoreError>((own, others))
    };
    let failed = |message: String, hint: Option<&str>| {
        let finding = Diagnostic::error(message);
        match hint {
            Some(hint) => finding.hint(hint),
            None => finding,
        }
    };
    match block_on(read) {
        Ok(Ok(histories)) => Ok(histories),
        Ok(Err(err)) => Err(failed(err.to_string(), err.hint())),
        Err(err) => Err(failed(format!("the store `{file}` cannot be read: {}", load::reason(&err)), None)),
    }
}

fn mail(
    site: &Site,
    digest: &Digest,
    history: &History,
    chosen: &Chosen,
    findings: &mut Vec<Diagnostic>,
) -> Result<Mail, Vec<Diagnostic>> {
    let one = |err: Diagnostic| vec![err];
    let config = &site.config;
    for path in digest.theme.logo.iter().flat_map(|logo| logo.paths()) {
        if !path.contains("://") && load::size_of(&site.root, config, path).is_none() {
            let logo = digest.theme.logo.as_ref().expect("its paths are being looked at");
            return Err(vec![logo.unreadable(path, "there is no such file")]);
        }
    }
    let note = note(site, digest, &chosen.period, findings)?;
    let (arranged, found) = match &note {
        Some(note) => note.arrange(&site.collection, chosen),
        None => (Default::default(), vec![]),
    };
    findings.extend(found);
    let articles = if note.is_some() { arranged.articles } else { chosen.articles.clone() };
    let content = format!("{}/{}", digest.name.value, chosen.period.name);
    let slot = Slot::new("token", TOKEN_CHARS, content.as_bytes()).expect("the width is one that a place may have");
    let subject = digest.subject.as_ref();
    let composer = Composer {
        collection: &site.collection,
        config,
        settings: Settings {
            name: &digest.name.value,
            title: Some(&digest.title),
            timezone: digest.timezone,
            group_by: match digest.group_by {
                GroupBy::Category => Some(Axis::Category),
                GroupBy::Topic => Some(Axis::Topic),
                GroupBy::None => None,
            },
            max_posts: digest.max_posts,
            subject: subject.map(|line| Line { text: &line.value, file: crate::config::FILE, span: line.span }),
            utm: &digest.utm,
            postal_address: &digest.postal_address,
            sensitive: config.mail.sensitive,
        },
        templates: &site.templates,
        image_size: &|url| load::image_size(&site.root, config, url),
    };
    let carried: BTreeSet<Text> =
        history.issues().rev().take(4).flat_map(|record| &record.carried).map(|id| Text::new(id)).collect();
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.to_string());
    let (own_subject, own_preheader, intro) = match &note {
        Some(note) => {
            let own = |line: &Option<crate::diagnostic::Spanned<Text>>| line.as_ref().map(|l| l.value.to_string());
            (own(&note.subject), own(&note.preheader), text(&note.intro_markdown))
        }
        None => (None, None, None),
    };
    let edition = Edition {
        period: &chosen.period.name,
        cutoff: chosen.period.cutoff,
        articles: &articles,
        editorial: Editorial {
            subject: own_subject.as_deref(),
            preheader: own_preheader.as_deref(),
            lead: arranged.lead,
            intro: intro.as_deref(),
        },
        carried: &carried,
        links: links(site, digest, &chosen.period, &slot),
    };
    let issue = composer.compose(&edition).map_err(one)?;
    let slots = [slot];
    let template = digest.template.as_ref().map_or(TEMPLATE.to_string(), |name| match name.value.ends_with(".html") {
        true => name.value.clone(),
        false => format!("{}.html", name.value),
    });
    let renderer = Renderer {
        templates: &site.templates,
        theme: &digest.theme,
        template: &template,
        measure: &|html| Encoded::new(html, &slots).size_bytes(),
    };
    let rendered = renderer.render(&issue, Medium::Mail).map_err(one)?;
    let (errors, warnings): (Vec<_>, Vec<_>) = rendered.findings.iter().cloned().partition(Diagnostic::is_error);
    findings.extend(warnings);
    if !errors.is_empty() {
        return Err(errors);
    }
    let eml = eml(site, digest, &chosen.period, &rendered, &slots).map_err(one)?;
    Ok(Mail { issue, rendered, eml })
}

fn note(
    site: &Site,
    digest: &Digest,
    period: &Period,
    findings: &mut Vec<Diagnostic>,
) -> Result<Option<Note>, Vec<Diagnostic>> {
    let file = Note::file(&site.config.content, digest, &period.name);
    let bytes = match fs::read(site.root.join(&file)) {
        Ok(bytes) => bytes,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(vec![load::unreadable(&file, &err)]),
    };
    let (note, found) = Note::parse(&file, &bytes);
    let (errors, warnings): (Vec<_>, Vec<_>) = found.into_iter().partition(Diagnostic::is_error);
    findings.extend(warnings);
    if errors.is_empty() { Ok(note) } else { Err(errors) }
}

/// Where the links of an issue lead: the page of the issue among the feeds, and the server for those of one person.
fn links(site: &Site, digest: &Digest, period: &Period, slot: &Slot) -> Links {
    let feeds = &site.config.feeds.url;
    let server = site.config.serve.public_url.as_ref().unwrap_or(feeds);
    Links {
        page: Text::new(&format!("{feeds}digest/{}/{}/", digest.name.value, period.name)),
        unsubscribe: Text::new(&format!("{server}unsubscribe/{}", slot.marker())),
        preferences: Text::new(&format!("{server}preferences/{}", slot.marker())),
    }
}

/// The whole mail, to a reader who does not exist.
fn eml(
    site: &Site,
    digest: &Digest,
    period: &Period,
    rendered: &Rendered,
    slots: &[Slot],
) -> Result<Vec<u8>, Diagnostic> {
    let wrong = |what: &str, err: &dyn std::fmt::Display| {
        Diagnostic::error(format!("the {what} of `[digest.{}]` cannot stand in a mail: {err}", digest.name.value))
            .at(crate::config::FILE, digest.name.span)
    };
    let mailbox = |what: &str, sender: &Sender| {
        let address: Address = sender.address.parse().map_err(|err| wrong(what, &err))?;
        let name = sender.name.as_deref().map(HeaderText::new).transpose().map_err(|err| wrong(what, &err))?;
        Ok::<Mailbox, Diagnostic>(Mailbox::new(name, address))
    };
    let from = mailbox("`from`", &digest.from)?;
    let reply_to = digest.reply_to.as_ref().map(|sender| mailbox("`reply_to`", sender)).transpose()?;
    let mail = &site.config.mail;
    let domain = mail.message_id_domain.as_deref().unwrap_or(digest.from.domain());
    let title = HeaderText::one_line(&digest.title).map_err(|err| wrong("`title`", &err))?;
    let id = match &mail.list_id {
        Some(id) => ListId::new(title, id),
        None => ListId::of(title, &digest.name.value, domain),
    };
    let leave = mail.unsubscribe_mailto.clone().unwrap_or_else(|| format!("unsubscribe@{domain}"));
    let leave: Address = leave.parse().map_err(|err| wrong("`unsubscribe_mailto`", &err))?;
    let links = links(site, digest, period, &slots[0]);
    let unsubscribe = links.unsubscribe.replace(slots[0].marker(), INERT);
    // A preview may be made for a site that is not on https yet; its links open nothing.
    let unsubscribe = unsubscribe.replacen("http://", "https://", 1);
    let archive = format!("{}digest/{}/", site.config.feeds.url, digest.name.value);
    let list = ListHeaders {
        id: id.map_err(|err| wrong("List-Id", &err))?,
        unsubscribe: HeaderUrl::https(&unsubscribe).map_err(|err| wrong("`public_url`", &err))?,
        unsubscribe_mailto: HeaderUrl::mailto(&leave, Some(INERT))
            .map_err(|err| wrong("`unsubscribe_mailto`", &err))?,
        help: HeaderUrl::https(site.config.feeds.url.as_str()).ok(),
        archive: HeaderUrl::https(&archive).ok(),
        feedback_id: FeedbackId::new([&period.name, &digest.name.value, "preview"], "tidings").ok(),
    };
    let hash = Sha256::digest(format!("{}/{}/{}", site.config.site.url, digest.name.value, period.name).as_bytes());
    let local: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let message = Message {
        from: &from,
        to: &Mailbox::placeholder(),
        reply_to: reply_to.as_ref(),
        subject: &HeaderText::one_line(&rendered.subject).map_err(|err| wrong("subject", &err))?,
        sent_at: period.cutoff,
        message_id: &MessageId::new(&local, domain).map_err(|err| wrong("`message_id_domain`", &err))?,
        purpose: Purpose::List(&list),
    };
    let body = Body::new(&rendered.text, &rendered.html, slots);
    message.bytes(&body, &[INERT]).map_err(|err| wrong("body", &err))
}

/// A part of the issue with what a preview has in the place of a token.
pub fn inert(text: &str, digest: &str, period: &str) -> String {
    let content = format!("{digest}/{period}");
    match Slot::new("token", TOKEN_CHARS, content.as_bytes()) {
        Ok(slot) => text.replace(slot.marker(), INERT),
        Err(_) => text.to_string(),
    }
}

/// The folder of a digest's preview, from the site's root.
pub fn preview_folder(digest: &str) -> String {
    Path::new(crate::disk::written::STATE).join("preview").join(digest).to_string_lossy().into_owned()
}
