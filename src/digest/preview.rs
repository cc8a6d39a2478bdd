//! The page that shows an issue before it goes out: as mail programs will, and with what is to be known about it.
//!
//! One file of HTML without scripts that opens from the disk and fetches nothing but those pictures of the mail that are not
//! at hand. The mail itself stands in sandboxed frames that allow no script either. A browser cannot be told to prefer dark colours for one
//! frame, nor to leave out pictures: so each frame gets a copy of the mail in which that is decided. Pure, and
//! the same bytes for the same values. Its texts are in the site's language, but for the findings, which are in English
//! as everywhere.

use super::links::Link;
use crate::diagnostic::{Diagnostic, Severity};
use crate::language::{Language, PreviewWords, fill};
use crate::template::Templates;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use std::collections::BTreeMap;

/// The template's name.
pub const TEMPLATE: &str = "preview.html";

/// Where Gmail cuts a mail off, in bytes of the HTML part as sent.
pub const CLIPPED_AT_BYTES: usize = 102_400;

/// An issue, and what is to be known about it. Times are words already, in the site's language and time zone.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// The digest's title.
    pub title: String,
    /// The site's language: that of titles and names, and of the page's own texts where there are texts in it.
    pub language: String,
    /// The period's name, such as `2026-W48`.
    pub period: String,
    /// When it is due.
    pub due: String,
    /// What comes in time: the posts after the first of these, up to the second.
    pub covers: Option<(String, String)>,
    /// Who it is from, as mail programs show it.
    pub from: String,
    /// Its subject.
    pub subject: String,
    /// The words that mail programs show after the subject.
    pub preheader: String,
    /// The HTML part.
    pub html: String,
    /// Pictures of the HTML part that are at hand, by their addresses: the page shows these, whether the site has them
    /// already or not.
    pub pictures: BTreeMap<String, Picture>,
    /// The text part.
    pub text: String,
    /// The headers as they are sent.
    pub headers: String,
    /// Sizes.
    pub size: Size,
    /// What was done to stay below the budget: a sentence, where anything was, in the site's language as all below.
    pub shortened: Option<String>,
    /// The posts, in their order.
    pub posts: Vec<Shown>,
    /// The posts that were looked at and left out.
    pub left_out: Vec<LeftOut>,
    /// Where the mail leads to.
    pub links: Vec<Link>,
    /// What is wrong, or may be.
    pub findings: Vec<Diagnostic>,
    /// What it was made against.
    pub history: History,
}

/// A picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Its media type, such as `image/png`.
    pub media_type: String,
    /// Its file.
    pub bytes: Vec<u8>,
}

/// Sizes in bytes, as sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// The HTML part.
    pub html_bytes: usize,
    /// What the HTML part may have at most.
    pub budget_bytes: usize,
    /// The whole mail.
    pub mail_bytes: usize,
}

/// A post in the issue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its title.
    pub title: String,
    /// Where it is.
    pub url: String,
    /// When it was published.
    pub published_on: String,
    /// The section it stands in; empty where there is none.
    pub section: String,
    /// How it is shown, in a word or two: `lead story`, `summary`, `title only`.
    pub shown_as: String,
}

/// A post that is not in the issue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its title.
    pub title: String,
    /// Where it is.
    pub url: String,
    /// Why it was left out: a sentence.
    pub reason: String,
}

/// What has gone before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct History {
    /// Where it was read, and how new it is: a sentence.
    pub source: String,
    /// Earlier issues, newest first: as many as are worth showing.
    pub issues: Vec<Earlier>,
    /// How many there are in all.
    pub total: usize,
}

/// An issue that went out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Earlier {
    /// The period's name.
    pub period: String,
    /// Its subject.
    pub subject: String,
    /// What became of it: `sent 16 November`, `missed`.
    pub state: String,
    /// How many posts it carried.
    pub posts: usize,
}

/// What the template gets.
#[derive(Serialize)]
struct Page<'a> {
    /// The fixed texts, with `lang` and `dir`.
    words: BTreeMap<String, String>,
    title: &'a str,
    language: &'a str,
    period: &'a str,
    due: &'a str,
    covers: &'a Option<(String, String)>,
    from: &'a str,
    initial: String,
    subject: &'a str,
    subject_length: usize,
    preheader: &'a str,
    preheader_length: usize,
    light: String,
    dark: String,
    no_images: String,
    text: &'a str,
    headers: &'a str,
    size: Bar,
    shortened: &'a Option<String>,
    posts: &'a [Shown],
    left_out: &'a [LeftOut],
    links: Vec<Linked<'a>>,
    errors: usize,
    warnings: usize,
    findings: Vec<Finding<'a>>,
    history: Past<'a>,
}

#[derive(Serialize)]
struct Linked<'a> {
    #[serde(flatten)]
    link: &'a Link,
    /// How often it is in the HTML part, in words.
    times: String,
}

#[derive(Serialize)]
struct Past<'a> {
    source: &'a str,
    issues: Vec<Gone<'a>>,
    total: usize,
}

#[derive(Serialize)]
struct Gone<'a> {
    #[serde(flatten)]
    issue: &'a Earlier,
    /// How many posts it carried, in words.
    count: String,
}

/// How much of the budget is used.
#[derive(Serialize)]
struct Bar {
    html: String,
    budget: String,
    mail: String,
    clipped_at: String,
    /// Of the bar's width, in percent: the bar ends where Gmail cuts.
    used: usize,
    budget_at: usize,
    percent: usize,
    over: bool,
}

#[derive(Serialize)]
struct Finding<'a> {
    severity: Severity,
    /// The severity in words.
    label: &'a str,
    message: &'a str,
    place: Option<String>,
    hint: &'a Option<String>,
}

impl Preview {
    /// The page as HTML.
    ///
    /// # Errors
    ///
    /// What is wrong in a site's own `preview.html`.
    pub fn render(&self, templates: &Templates) -> Result<String, Diagnostic> {
        let count = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        let shown = self.with_pictures();
        let language = Language::of(&self.language);
        let words = &language.words().preview;
        let page = Page {
            words: self.words(&language),
            title: &self.title,
            language: &self.language,
            period: &self.period,
            due: &self.due,
            covers: &self.covers,
            from: &self.from,
            initial: self
                .from
                .chars()
                .find(|c| c.is_alphanumeric())
                .map(|c| c.to_uppercase().collect())
                .unwrap_or_default(),
            subject: &self.subject,
            subject_length: self.subject.chars().count(),
            preheader: &self.preheader,
            preheader_length: self.preheader.chars().count(),
            light: framed(&shown, Scheme::Light, Images::Shown),
            dark: framed(&shown, Scheme::Dark, Images::Shown),
            no_images: framed(&self.html, Scheme::Light, Images::Off),
            text: &self.text,
            headers: &self.headers,
            size: self.size.bar(&language),
            shortened: &self.shortened,
            posts: &self.posts,
            left_out: &self.left_out,
            links: self.links.iter().map(|link| Linked::of(link, &language)).collect(),
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            findings: self.findings.iter().map(|finding| Finding::of(finding, words)).collect(),
            history: self.history.past(&language),
        };
        templates.render(TEMPLATE, &page)
    }

    /// The page's fixed texts, filled in.
    fn words(&self, language: &Language) -> BTreeMap<String, String> {
        let words = &language.words().preview;
        let Bar { budget, mail, clipped_at, percent, .. } = self.size.bar(language);
        let count = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        let (after, until) = self.covers.as_ref().map_or(("", ""), |(after, until)| (after.as_str(), until.as_str()));
        language.preview(&[
            ("title", &self.title),
            ("period", &self.period),
            ("due", &self.due),
            ("after", after),
            ("until", until),
            ("subject", &language.number(self.subject.chars().count())),
            ("preheader", &language.number(self.preheader.chars().count())),
            ("budget", &budget),
            ("mail", &mail),
            ("clipped_at", &clipped_at),
            ("percent", &language.number(percent)),
            ("errors", &language.number(count(Severity::Error))),
            ("warnings", &language.number(count(Severity::Warning))),
            ("posts", &language.count(&words.posts, self.posts.len(), &[])),
            ("links", &language.count(&words.links, self.links.len(), &[])),
            ("earlier", &language.number(self.history.total.saturating_sub(self.history.issues.len()))),
        ])
    }

    /// The mail with the pictures that are at hand in place of their addresses (RFC 2397).
    fn with_pictures(&self) -> String {
        self.pictures.iter().fold(self.html.clone(), |html, (address, Picture { media_type, bytes })| {
            let address = address.replace('&', "&amp;").replace('"', "&quot;");
            let data = format!("data:{media_type};base64,{}", BASE64.encode(bytes));
            html.replace(&format!("src=\"{address}\""), &format!("src=\"{data}\""))
        })
    }
}

impl Size {
    fn bar(self, language: &Language) -> Bar {
        let of_bar = |bytes: usize| (bytes.saturating_mul(100) / CLIPPED_AT_BYTES).min(100);
        Bar {
            html: kilobytes(self.html_bytes, language),
            budget: kilobytes(self.budget_bytes, language),
            mail: kilobytes(self.mail_bytes, language),
            clipped_at: format!("{} KB", language.number(CLIPPED_AT_BYTES / 1000)),
            used: of_bar(self.html_bytes),
            budget_at: of_bar(self.budget_bytes),
            percent: self.html_bytes.saturating_mul(100) / self.budget_bytes.max(1),
            over: self.html_bytes > self.budget_bytes,
        }
    }
}

/// `88.4 KB`: thousands of bytes, as Gmail's limit is told (102 KB), rounded up so that it never looks like less.
fn kilobytes(bytes: usize, language: &Language) -> String {
    format!("{} KB", language.tenths(bytes.div_ceil(100)))
}

impl History {
    fn past(&self, language: &Language) -> Past<'_> {
        let posts = &language.words().preview.posts;
        let gone = |issue| Gone { issue, count: language.count(posts, issue.posts, &[]) };
        Past { source: &self.source, issues: self.issues.iter().map(gone).collect(), total: self.total }
    }
}

impl<'a> Linked<'a> {
    fn of(link: &'a Link, language: &Language) -> Linked<'a> {
        let times = fill(&language.words().preview.times, &[("n", &language.number(link.in_html))]);
        Linked { link, times }
    }
}

impl<'a> Finding<'a> {
    fn of(diagnostic: &'a Diagnostic, words: &'a PreviewWords) -> Finding<'a> {
        let place = diagnostic.place.as_ref().map(|place| match place.span {
            Some(span) => format!("{}:{}:{}", place.file, span.line, span.column),
            None => place.file.clone(),
        });
        let label = match diagnostic.severity {
            Severity::Error => &words.error,
            Severity::Warning => &words.warning,
        };
        Finding { severity: diagnostic.severity, label, message: &diagnostic.message, place, hint: &diagnostic.hint }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Light,
    Dark,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Images {
    Shown,
    Off,
}

/// A copy of the mail for one frame: with the colours of one scheme whatever the browser prefers, with pictures or
/// without, no scripts, and links that open in a window of their own.
fn framed(html: &str, scheme: Scheme, images: Images) -> String {
    let images = match images {
        Images::Shown => "https: http: data:",
        Images::Off => "'none'",
    };
    let scheme_name = match scheme {
        Scheme::Light => "light",
        Scheme::Dark => "dark",
    };
    let head = format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src \
         {images}\"><base target=\"_blank\"><style>:root{{color-scheme:{scheme_name} only!important}}</style>"
    );
    let decided = with_scheme(html, scheme);
    let at = head_start(&decided);
    format!("{}{head}{}", &decided[..at], &decided[at..])
}

/// Where the content of the head starts, in bytes; the start of the text where there is no head.
fn head_start(html: &str) -> usize {
    let found =
        find_tag(html, "<head", 0).or_else(|| find_tag(html, "<html", 0)).or_else(|| find_tag(html, "<!doctype", 0));
    found.and_then(|at| html[at..].find('>').map(|end| at + end + 1)).unwrap_or(0)
}

/// Where a tag starts, in small letters or capitals.
fn find_tag(html: &str, tag: &str, from: usize) -> Option<usize> {
    let wanted = tag.as_bytes();
    let mut windows = html.as_bytes()[from..].windows(wanted.len() + 1);
    let ends = |byte: u8| byte == b'>' || byte == b'/' || byte.is_ascii_whitespace();
    windows
        .position(|window| window[..wanted.len()].eq_ignore_ascii_case(wanted) && ends(window[wanted.len()]))
        .map(|at| from + at)
}

/// The mail with each `(prefers-color-scheme: …)` in its style sheets replaced by what is always so, or never.
fn with_scheme(html: &str, scheme: Scheme) -> String {
    let mut out = String::with_capacity(html.len());
    let mut done = 0;
    while let Some(at) = find_tag(html, "<style", done) {
        let start = html[at..].find('>').map_or(html.len(), |end| at + end + 1);
        let end = find_tag(html, "</style", start).unwrap_or(html.len());
        out.push_str(&html[done..start]);
        decide(&html[start..end], scheme, &mut out);
        done = end;
    }
    out.push_str(&html[done..]);
    out
}

fn decide(css: &str, scheme: Scheme, out: &mut String) {
    let mut rest = css;
    while let Some(open) = rest.find('(') {
        let (before, from) = rest.split_at(open + 1);
        out.push_str(before);
        rest = from;
        // A feature has no brackets in it: where another opens first, this one is a group of them.
        let Some(close) = from.find(['(', ')']).filter(|&close| from.as_bytes()[close] == b')') else { continue };
        let (name, value) = from[..close].split_once(':').unwrap_or_default();
        if name.trim().eq_ignore_ascii_case("prefers-color-scheme") {
            let holds = value.trim().eq_ignore_ascii_case(if scheme == Scheme::Dark { "dark" } else { "light" });
            out.push_str(if holds { "min-width:0" } else { "max-width:0" });
            rest = &from[close..];
        }
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests;
