//! The next issue of a digest, made from all that it depends on: posts, settings, the editor's note, what went before.

use super::Context;
use super::site::{self, Faulty, Site};
use crate::clock::on_clock;
use crate::config::{Axis, Digest, GroupBy, Mailbox as Sender};
use crate::diagnostic::{Diagnostic, nearest};
use crate::digest::choose::{Choosing, Chosen};
use crate::digest::compose::{Composer, Edition, Editorial, Settings};
use crate::digest::due;
use crate::digest::footer;
use crate::digest::history::History;
use crate::digest::issue::{Issue, Links};
use crate::digest::links::{self, Link};
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
use crate::store::{Fault, Store as _, StoreError, block_on};
use crate::subscriber::token::Token;
use crate::template::Line;
use crate::text::Text;
use chrono::{NaiveDate, NaiveTime};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// How wide the place of a token is.
const TOKEN_CHARS: usize = Token::CHARS;

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
    /// How many warnings there are about what the issue does not carry.
    pub elsewhere: usize,
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
    since: Option<NaiveDate>,
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
    let since = since.map(|day| (day, on_clock(day.and_time(NaiveTime::MIN), digest.timezone)));
    if let Some((day, _)) = since.filter(|(_, from)| *from > period.cutoff) {
        let message = format!("`--since {day}` is after the cutoff of `{name}/{}`", period.name);
        let hint = "name the first day of the posts that shall be carried although they count as carried";
        return Err(vec![Diagnostic::error(message).hint(hint)]);
    }
    // What is out at the cutoff is in the preview of an issue that is still to come.
    let then = Context { root: context.root.clone(), now: context.now.max(period.cutoff), ..*context };
    let (site, found) = site::open(&then, Faulty::Refuse);
    let (errors, warnings): (Vec<_>, Vec<_>) = found.into_iter().partition(Diagnostic::is_error);
    let Some(site) = site.filter(|_| errors.is_empty()) else {
        findings.extend(warnings);
        return Err(errors);
    };
    let choosing = Choosing {
        collection: &site.collection,
        config: &site.config,
        digest: &digest,
        period: &period,
        since: since.map(|(_, from)| from),
        own: &history,
        others: &others,
    };
    let (chosen, found) = choosing.choose();
    findings.extend(found);
    // Whoever looks at an issue wants to know what is wrong with its posts; `check` tells of all others.
    let of_issue = |finding: &Diagnostic| {
        let mut files = chosen.articles.iter().map(|&i| site.collection.articles[i].post.file.as_str());
        let file = finding.place.as_ref().map(|place| place.file.as_str());
        file.is_none_or(|file| file == crate::config::FILE || files.any(|carried| carried == file))
    };
    let (told, elsewhere): (Vec<_>, Vec<_>) = warnings.into_iter().partition(of_issue);
    findings.extend(told);
    let logo = logo(&site, &digest);
    if !logo.is_empty() {
        return Err(logo);
    }
    let note = note(&site, &digest, &chosen.period, findings)?;
    let mail = match chosen.is_enough(&digest) {
        true => Some(mail(&site, &digest, &history, &chosen, note.as_ref(), findings)?),
        false => None,
    };
    Ok(Made { site, digest, history, chosen, mail, elsewhere: elsewhere.len() })
}

fn unknown(name: &str, digests: &std::collections::BTreeMap<String, Digest>) -> Diagnostic {
    let known: Vec<&str> = digests.keys().map(String::as_str).collect();
    let hint = match (nearest(name, known.iter().copied()), known.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, true) => format!("there is none yet: write `[digest.{name}]` into {}", crate::config::FILE),
        (None, false) if known.len() == 1 => format!("the only one is `{}`", known[0]),
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
        Ok(Err(err)) => {
            let message = match &err {
                StoreError::Unusable { fault: Fault::Other | Fault::CannotOpen, source: Some(source), .. } => {
                    format!("{err}: {}", cause(source.as_ref()))
                }
                _ => err.to_string(),
            };
            Err(failed(message, err.hint()))
        }
        Err(err) => Err(failed(format!("the store `{file}` cannot be read: {}", load::reason(&err)), None)),
    }
}

/// What the system or the database said, on one line.
fn cause(source: &(dyn std::error::Error + 'static)) -> String {
    match source.downcast_ref::<std::io::Error>() {
        Some(err) => load::reason(err),
        None => source.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// What is wrong with the pictures of a digest's logo, as far as they lie on the site itself.
pub fn logo(site: &Site, digest: &Digest) -> Vec<Diagnostic> {
    let logo = digest.theme.logo.iter();
    let paths = logo.flat_map(|logo| logo.paths().map(move |path| (logo, path)));
    let look = |path| load::look_at_picture(&site.root, &site.config, path);
    paths.filter_map(|(logo, path)| Some(logo.unreadable(path, &look(path).err()?))).collect()
}

/// The name of the template that a digest is made with.
fn template(site: &Site, digest: &Digest) -> Result<String, Diagnostic> {
    let Some(named) = &digest.template else { return Ok(TEMPLATE.to_owned()) };
    let name = match named.value.ends_with(".html") {
        true => named.value.clone(),
        false => format!("{}.html", named.value),
    };
    if site.templates.has(&name) {
        return Ok(name);
    }
    let finding = Diagnostic::error(format!("`template` names a template that does not exist: `{}`", named.value));
    Err(finding.at(crate::config::FILE, named.span).hint(match nearest(&name, site.templates.pages()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write it to `{}/{name}`; it can extend `tidings/{TEMPLATE}`", crate::template::FOLDER),
    }))
}

/// The issue of some posts as mail.
///
/// # Errors
///
/// What is wrong in a template or in what a header takes from the settings. Warnings are added to `findings`.
pub fn mail(
    site: &Site,
    digest: &Digest,
    history: &History,
    chosen: &Chosen,
    note: Option<&Note>,
    findings: &mut Vec<Diagnostic>,
) -> Result<Mail, Vec<Diagnostic>> {
    let one = |err: Diagnostic| vec![err];
    let config = &site.config;
    let template = template(site, digest).map_err(one)?;
    let (arranged, found) = match note {
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
    let (own_subject, own_preheader, intro) = match note {
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
        links: addresses(site, digest, &chosen.period, &slot),
    };
    let issue = composer.compose(&edition).map_err(one)?;
    let slots = [slot];
    let renderer = Renderer {
        templates: &site.templates,
        theme: &digest.theme,
        template: &template,
        measure: &|html| Encoded::new(html, &slots).size_bytes(),
    };
    let rendered = renderer.render(&issue, Medium::Mail).map_err(one)?;
    let (mut errors, warnings): (Vec<_>, Vec<_>) = rendered.findings.iter().cloned().partition(Diagnostic::is_error);
    findings.extend(warnings);
    errors.extend(footer::missing(&issue.footer, &rendered.html, &rendered.text, &template));
    let (broken, odd): (Vec<_>, Vec<_>) =
        links::findings(&of_posts(&issue, &rendered)).into_iter().partition(Diagnostic::is_error);
    errors.extend(broken);
    findings.extend(odd);
    if !errors.is_empty() {
        return Err(errors);
    }
    let eml = eml(site, digest, &chosen.period, &rendered, &slots).map_err(one)?;
    Ok(Mail { issue, rendered, eml })
}

/// The links of a mail but for those of its footer, which a site's own template may well have in one part only.
fn of_posts(issue: &Issue, rendered: &Rendered) -> Vec<Link> {
    let own = &issue.footer.links;
    let footer = [&issue.site_url, &own.page, &own.unsubscribe, &own.preferences];
    let is_footer = |link: &Link| footer.iter().any(|url| url.as_str() == link.url);
    links::links(&rendered.html, &rendered.text).into_iter().filter(|link| !is_footer(link)).collect()
}

fn note(
    site: &Site,
    digest: &Digest,
    period: &Period,
    findings: &mut Vec<Diagnostic>,
) -> Result<Option<Note>, Vec<Diagnostic>> {
    let dirs = &site.config.content;
    let (files, found) = load::notes(&site.root, &Note::folder(dirs, digest));
    findings.extend(found.into_iter().filter(|finding| !finding.is_error()));
    findings.extend(files.iter().filter_map(|file| Note::stray(file, dirs, digest)));
    let file = Note::file(dirs, digest, &period.name);
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
fn addresses(site: &Site, digest: &Digest, period: &Period, slot: &Slot) -> Links {
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
    let links = addresses(site, digest, period, &slots[0]);
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
