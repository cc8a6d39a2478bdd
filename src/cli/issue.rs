//! The next issue of a digest, made from all that it depends on: posts, settings, the editor's note, what went before.

use super::Context;
use super::letter::{eml, marker};
use super::site::{self, Faulty, Site};
use super::talk::store_finding;
use crate::clock::on_clock;
use crate::config::{Axis, Digest, GroupBy};
use crate::delivery::message::Head;
use crate::diagnostic::{Diagnostic, nearest};
use crate::digest::choose::{Choosing, Chosen};
use crate::digest::compose::{Composer, Edition, Editorial, Settings};
use crate::digest::due;
use crate::digest::footer;
use crate::digest::history::History;
use crate::digest::issue::{Issue, Links};
use crate::digest::links::{self, Link};
use crate::digest::note::Note;
use crate::digest::render::{Medium, Page, Rendered, Renderer, TEMPLATE};
use crate::disk::{load, tree};
use crate::mail::encoded::{Encoded, Slot};
use crate::schedule::Period;
use crate::store::sqlite::Sqlite;
use crate::store::{Store as _, StoreError, block_on};
use crate::template::Line;
use crate::text::Text;
use chrono::{NaiveDate, NaiveTime};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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
    /// What the editor says.
    pub note: Option<Note>,
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

/// Whose issue may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Of a period that has begun: its issue can be looked at.
    Begun,
    /// Of a period that is over: its issue can be sent.
    Over,
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
    let made = block_on(make_when(context, name, (period, When::Begun), since, findings));
    made.map_err(|err| vec![Diagnostic::error(format!("cannot begin: {}", load::reason(&err)))])?
}

/// The same, where other things go on meanwhile.
///
/// # Errors
///
/// As [`make`].
pub async fn make_when(
    context: &Context,
    name: &str,
    (period, when): (Option<&str>, When),
    since: Option<NaiveDate>,
    findings: &mut Vec<Diagnostic>,
) -> Result<Made, Vec<Diagnostic>> {
    let config = load::config(&context.root)?;
    let Some(digest) = config.digests.get(name).cloned() else { return Err(vec![unknown(name, &config.digests)]) };
    let (history, others) = histories(context, &config.store.sqlite, &digest, &config.digests)
        .await
        .map_err(|err| vec![store_finding(&err)])?;
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
    if when == When::Over && !period.is_over(context.now) {
        let cutoff = period.cutoff.with_timezone(&digest.timezone).format("%a %Y-%m-%d %H:%M %Z");
        let finding = Diagnostic::error(format!("`{name}/{}` is not over: it is cut off on {cutoff}", period.name));
        return Err(vec![finding.hint(format!("`tidings digest {name}` shows what it would be by now"))]);
    }
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
    Ok(Made { site, digest, history, chosen, note, mail, elsewhere: elsewhere.len() })
}

/// The issue that was made, with some of its posts only.
///
/// # Errors
///
/// As [`make`].
pub fn for_some(made: &Made, articles: &[usize]) -> Result<Mail, Vec<Diagnostic>> {
    let chosen = Chosen { articles: articles.to_vec(), ..made.chosen.clone() };
    // What is to be said of the posts was said of the whole issue.
    mail(&made.site, &made.digest, &made.history, &chosen, made.note.as_ref(), &mut Vec::new())
}

/// The page of an issue that was made: every post, and nothing personal. None where there is no issue.
///
/// # Errors
///
/// What is wrong in a template.
pub fn page(made: &Made) -> Result<Option<Page>, Vec<Diagnostic>> {
    let one = |err: Diagnostic| vec![err];
    let Some(mail) = &made.mail else { return Ok(None) };
    let renderer = Renderer {
        templates: &made.site.templates,
        theme: &made.digest.theme,
        template: &template(&made.site, &made.digest).map_err(one)?,
        measure: &|html| html.len(),
    };
    renderer.page(&mail.issue).map(Some).map_err(one)
}

/// An unknown digest, and which there are.
pub fn unknown(name: &str, digests: &std::collections::BTreeMap<String, Digest>) -> Diagnostic {
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
async fn histories(
    context: &Context,
    file: &str,
    digest: &Digest,
    digests: &std::collections::BTreeMap<String, Digest>,
) -> Result<(History, Vec<History>), StoreError> {
    let Some(store) = Sqlite::open_to_read(&context.root.join(file), file).await? else {
        return Ok((History::default(), vec![]));
    };
    let own = store.history(&digest.names().collect::<Vec<_>>()).await?;
    let mut others = Vec::new();
    for other in digest.not_in.iter().filter_map(|name| digests.get(name)) {
        others.push(store.history(&other.names().collect::<Vec<_>>()).await?);
    }
    store.close().await;
    Ok((own, others))
}

/// What is wrong with the pictures of a digest's logo, as far as they lie on the site itself.
pub fn logo(site: &Site, digest: &Digest) -> Vec<Diagnostic> {
    let logo = digest.theme.logo.iter();
    let paths = logo.flat_map(|logo| logo.paths().map(move |path| (logo, path)));
    let look = |path| load::look_at_picture(&site.root, &site.config, path);
    paths.filter_map(|(logo, path)| Some(logo.unreadable(path, &look(path).err()?))).collect()
}

/// The name of the template that a digest is made with.
pub fn template(site: &Site, digest: &Digest) -> Result<String, Diagnostic> {
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
    let slot =
        Head::slot(&marker(&digest.name.value, &chosen.period.name)).expect("the width is one that a place may have");
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
    let eml = eml(site, digest, &chosen.period, &rendered).map_err(one)?;
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
    let (files, found) = tree::notes(&site.root, &Note::folder(dirs, digest));
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

/// The folder of a digest's preview, from the site's root.
pub fn preview_folder(digest: &str) -> String {
    Path::new(crate::disk::written::STATE).join("preview").join(digest).to_string_lossy().into_owned()
}
