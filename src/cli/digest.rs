//! `tidings digest`: the next issue of a digest, as its readers will see it. Nothing is sent.

use super::approval;
use super::issue::{self, Made, Mail};
use super::redact::Redaction;
use super::talk::{findings_json, in_order, plural, show};
use super::{Context, Outcome};
use crate::content::collection::Article;
use crate::diagnostic::{Diagnostic, Severity};
use crate::digest::issue::Story;
use crate::digest::links;
use crate::digest::preview::{Earlier, History, LeftOut, Picture, Preview, Shown, Size};
use crate::digest::render::MOST_BYTES;
use crate::disk::load::{self, reason};
use crate::disk::replace;
use crate::language::Language;
use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::fs;
use std::process::{Command, Stdio};

/// How many earlier issues a preview names.
const EARLIER: usize = 8;

/// Show the next issue of a digest, as its readers will see it.
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub struct DigestCommand {
    /// What to do with an issue that has gone out.
    #[command(subcommand)]
    action: Option<Action>,
    /// The digest: NAME of [digest.NAME]
    name: String,
    /// Another period than the next, such as 2026-W48
    #[arg(long, value_name = "PERIOD")]
    period: Option<String>,
    /// Carry posts from this day on that otherwise count as carried
    #[arg(long, value_name = "DATE", value_parser = day)]
    since: Option<NaiveDate>,
    /// Show the preview in the browser
    #[arg(long)]
    open: bool,
    /// Say yes to the issue that waits for it, or to the next one as it is now
    #[arg(long)]
    approve: bool,
}

/// What there is to do with an issue that has gone out.
#[derive(Debug, Subcommand)]
enum Action {
    /// Take a post out of the page of an issue: `tidings digest weekly redact 2026-W48 a-slug`. Mails that went out stay as
    /// they are
    Redact {
        /// The issue, such as 2026-W48
        period: String,
        /// The post: its id, or its slug
        post: String,
    },
}

impl DigestCommand {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        if let Some(Action::Redact { period, post }) = &self.action {
            if self.approve || self.open || self.period.is_some() || self.since.is_some() {
                let finding = Diagnostic::error("`redact` goes with none of the options of `tidings digest NAME`");
                let hint = format!("run `tidings digest {} redact {period} {post}`", self.name);
                show(context, &[finding.hint(hint)], Severity::Error);
                return Outcome::Wrong;
            }
            return Redaction { digest: &self.name, period, post }.run(context);
        }
        if self.approve {
            return approval::approve(context, &self.name, self.period.as_deref(), self.since);
        }
        let mut findings = Vec::new();
        let shown = preview(context, &self.name, self.period.as_deref(), self.since, &mut findings);
        in_order(&mut findings);
        show(context, &findings, if context.talk.quiet() { Severity::Error } else { Severity::Warning });
        let made = shown.map_err(|errors| show(context, &errors, Severity::Warning)).ok();
        let mut report = made.as_ref().map_or(json!({}), |(_, report)| report.clone());
        report["findings"] = findings_json(&findings);
        context.talk.report(&report);
        let Some((made, _)) = made else { return Outcome::Wrong };
        self.say(context, &made);
        if self.open && made.mail.is_some() {
            let page = context.root.join(issue::preview_folder(&self.name)).join("preview.html");
            return match open(&page.to_string_lossy()) {
                true => Outcome::Done,
                false => {
                    context.talk.line(&format!("error: no browser could be started; open {}", page.display()));
                    Outcome::Wrong
                }
            };
        }
        Outcome::Done
    }

    fn say(&self, context: &Context, made: &Made) {
        let chosen = &made.chosen;
        for (i, reason) in chosen.left_out.iter().filter(|(_, reason)| reason.is_surprising()) {
            let article = &made.site.collection.articles[*i];
            context.talk.line(&format!("left out {}: {reason}", article.post.file));
        }
        if made.elsewhere > 0 && !context.talk.quiet() {
            let warnings = plural(made.elsewhere, "warning");
            context.talk.line(&format!("{warnings} about what the issue does not carry, see `tidings check`"));
        }
        if context.talk.json() {
            return;
        }
        let name = format!("{}/{}", made.digest.name.value, chosen.period.name);
        let due = chosen.period.cutoff.with_timezone(&made.digest.timezone).format("%a %Y-%m-%d %H:%M %Z");
        let Some(Mail { rendered, eml, .. }) = &made.mail else {
            let before = made.digest.schedule.last_over(context.now, made.digest.timezone).name;
            let hint = if before == chosen.period.name {
                String::new()
            } else {
                format!("; --period {before} shows the last one")
            };
            return context.talk.line(&format!("{}{hint}", no_issue(made)));
        };
        let mut out = format!("issue      {name}, due {due}\nsubject    {}\n", rendered.subject);
        out += &format!("posts      {}\n", chosen.articles.len());
        for &i in &chosen.articles {
            out += &format!("           - {}\n", made.site.collection.articles[i].post.title.value);
        }
        let kb = |bytes: usize| format!("{}.{} KB", bytes / 1000, bytes % 1000 / 100);
        out += &format!(
            "size       {} of {} in HTML, {} in all\n",
            kb(rendered.encoded_bytes),
            kb(MOST_BYTES),
            kb(eml.len())
        );
        if let Some(sentence) = rendered.shortened.sentence() {
            out += &format!("shortened  {sentence}\n");
        }
        out += &format!("history    {}\n", made.history);
        out += &format!("preview    {}/preview.html\n", issue::preview_folder(&made.digest.name.value));
        context.talk.data(&out);
    }
}

/// Writes the preview of a digest, and says what is in it.
///
/// # Errors
///
/// Everything that is wrong; the old preview is then left as it was.
pub fn preview(
    context: &Context,
    name: &str,
    period: Option<&str>,
    since: Option<NaiveDate>,
    findings: &mut Vec<Diagnostic>,
) -> Result<(Made, Value), Vec<Diagnostic>> {
    let made = issue::make(context, name, period, since, findings)?;
    let post = |i: &usize| &made.site.collection.articles[*i];
    let brief = |article: &Article| json!({ "id": article.id.as_str(), "title": article.post.title.value.as_str(), "url": article.url.as_str() });
    let left_out: Vec<Value> = made
        .chosen
        .left_out
        .iter()
        .map(|(i, reason)| {
            let mut left = brief(post(i));
            left["reason"] = json!(reason.to_string());
            left
        })
        .collect();
    let mut report = json!({
        "digest": name,
        "period": made.chosen.period.name,
        "cutoff": made.chosen.period.cutoff.to_rfc3339(),
        "posts": made.chosen.articles.iter().map(|i| brief(post(i))).collect::<Vec<_>>(),
        "left_out": left_out,
        "history": made.history.to_string(),
        "issue": made.mail.is_some(),
    });
    if let Some(mail) = &made.mail {
        let page = page(&made, mail, findings);
        let html = page.render(&made.site.templates).map_err(|err| vec![err])?;
        let folder = issue::preview_folder(name);
        let files = [
            ("next.html", page.html.as_bytes()),
            ("next.txt", page.text.as_bytes()),
            ("next.eml", &mail.eml),
            ("preview.html", html.as_bytes()),
        ];
        write(context, &folder, &files).map_err(|err| vec![err])?;
        report["subject"] = json!(mail.rendered.subject.as_str());
        report["preheader"] = json!(mail.rendered.preheader.as_str());
        report["html_bytes"] = json!(mail.rendered.encoded_bytes);
        report["mail_bytes"] = json!(mail.eml.len());
        report["shortened"] = json!(mail.rendered.shortened.sentence());
        report["files"] = files.iter().map(|(name, _)| json!(format!("{folder}/{name}"))).collect();
    }
    Ok((made, report))
}

/// Why there is no issue.
fn no_issue(made: &Made) -> String {
    let (digest, period) = (&made.digest.name.value, &made.chosen.period.name);
    let (count, least) = (plural(made.chosen.articles.len(), "post"), made.digest.min_posts);
    format!("no issue {digest}/{period}: {count}, and it takes {least}")
}

/// Makes the previews that there are anew, for whoever watches a site: what is wrong with the site itself was said before.
pub fn previews(context: &Context) {
    let Ok(config) = load::config(&context.root) else { return };
    for name in config.digests.keys().filter(|name| context.root.join(issue::preview_folder(name)).is_dir()) {
        let mut findings = Vec::new();
        let why = match preview(context, name, None, None, &mut findings) {
            Ok((Made { mail: Some(_), .. }, _)) => continue,
            Ok((made, _)) => no_issue(&made),
            Err(errors) => format!("{}, see `tidings digest {name}`", plural(errors.len(), "error")),
        };
        context.talk.line(&format!("the preview of `{name}` is as it was: {why}"));
    }
}

fn page(made: &Made, mail: &Mail, findings: &mut [Diagnostic]) -> Preview {
    let Made { site, digest, history, chosen, .. } = made;
    let zone = digest.timezone;
    let language = Language::of(&site.config.site.language);
    let words = &language.words().preview;
    let cutoff = chosen.period.cutoff;
    let moment = |at: DateTime<Utc>| language.moment(at.with_timezone(&zone));
    let inert = |text: &str| super::letter::inert(text, &digest.name.value, &chosen.period.name);
    let (html, text) = (inert(&mail.rendered.html), inert(&mail.rendered.text));
    let eml = String::from_utf8_lossy(&mail.eml);
    let headers = eml.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n", "\n");
    let found = links::links(&html, &text);
    let shown = |story: &Story, section: &str, shown_as: &str| Shown {
        title: story.title.to_string(),
        url: story.url.to_string(),
        published_on: language.day(story.published_on),
        section: section.to_string(),
        shown_as: shown_as.to_string(),
    };
    let issue = &mail.issue;
    let mut posts: Vec<Shown> = issue.lead.iter().map(|story| shown(story, "", &words.lead_story)).collect();
    for section in &issue.sections {
        let title = section.title.as_str();
        posts.extend(section.stories.iter().map(|story| shown(story, title, &words.summary)));
    }
    posts.extend(issue.titles.iter().map(|story| shown(story, "", &words.title_only)));
    let left_out = chosen.left_out.iter().map(|(i, reason)| {
        let article = &site.collection.articles[*i];
        LeftOut {
            title: article.post.title.value.to_string(),
            url: article.url.to_string(),
            reason: reason.say(&language),
        }
    });
    let issues = history.issues().rev().take(EARLIER).map(|record| Earlier {
        period: record.period.name.clone(),
        subject: String::new(),
        state: record.state.say(&language).to_owned(),
        posts: record.carried.len(),
    });
    let pictures = links::pictures(&html).into_iter().filter_map(|url| {
        let (media_type, bytes) = load::picture(&site.root, &site.config, &url)?;
        Some((url, Picture { media_type, bytes }))
    });
    Preview {
        pictures: pictures.collect(),
        title: digest.title.to_string(),
        language: site.config.site.language.to_string(),
        period: chosen.period.name.clone(),
        due: format!("{} {}", moment(cutoff), cutoff.with_timezone(&zone).format("%Z")),
        covers: Some((moment(chosen.period.starts_at), moment(cutoff))),
        from: digest.from.to_string(),
        subject: mail.rendered.subject.to_string(),
        preheader: mail.rendered.preheader.to_string(),
        size: Size { html_bytes: mail.rendered.encoded_bytes, budget_bytes: MOST_BYTES, mail_bytes: mail.eml.len() },
        shortened: mail.rendered.shortened.say(&language),
        posts,
        left_out: left_out.collect(),
        links: found,
        findings: findings.to_vec(),
        history: History { source: history.say(&language), issues: issues.collect(), total: history.issues().count() },
        html,
        text,
        headers,
    }
}

/// Writes the files of a preview, those that would change.
fn write(context: &Context, folder: &str, files: &[(&str, &[u8])]) -> Result<(), Diagnostic> {
    let path = context.root.join(folder);
    let failed = |name: &str, err: &std::io::Error| {
        Diagnostic::error(format!("cannot write `{folder}/{name}`: {}", reason(err)))
            .hint("the preview is not the one of this run; nothing else was changed")
    };
    fs::create_dir_all(&path).map_err(|err| failed("", &err))?;
    for (name, bytes) in files {
        let file = path.join(name);
        if fs::read(&file).is_ok_and(|there| there == *bytes) {
            continue;
        }
        replace::whole(&file, bytes).map_err(|err| failed(name, &err))?;
    }
    Ok(())
}

/// A day as the command line has it.
pub fn day(text: &str) -> Result<NaiveDate, String> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == "2026-11-23".len());
    day.ok_or_else(|| "not a day of the calendar; write it like 2026-11-23".to_owned())
}

/// Shows a file in the browser that the desktop starts for it.
fn open(file: &str) -> bool {
    ["xdg-open", "open"].iter().any(|program| {
        let started =
            Command::new(program).arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        started.is_ok()
    })
}
