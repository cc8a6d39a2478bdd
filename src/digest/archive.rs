//! The archive of a digest: the page that lists its issues, and each issue as the content of a feed's entry.
//!
//! Pages of issues are not made here: they are shown as they were frozen. What the template of the list sees is
//! [`ArchivePage`] and nothing else; a site's own `archive.html` relies on these names, so one that is here stays.

use super::view::{StoryView, View};
use crate::diagnostic::Diagnostic;
use crate::language::Language;
use crate::template::Templates;
use crate::text::Html;
use chrono::{Datelike as _, NaiveDate};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The template of the page that lists issues.
pub const TEMPLATE: &str = "archive.html";

/// All that the page is made from.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The site's name.
    pub site_title: String,
    /// The site's address.
    pub site_url: String,
    /// BCP 47 tag of the site's words.
    pub language: String,
    /// The digest's title.
    pub title: String,
    /// The page's own address; of a digest that had another name, the one under the name that it has now.
    pub url: String,
    /// Where one subscribes to the mails; none where there is no such place.
    pub subscribe_url: Option<String>,
    /// The page that lists all feeds.
    pub feeds_url: String,
    /// The archive as a feed: format, media type, address.
    pub feeds: Vec<FileView>,
    /// Its issues, newest first.
    pub issues: Vec<Told>,
}

/// An issue, as the page tells of it.
#[derive(Clone, Debug)]
pub struct Told {
    /// The period's name.
    pub period: String,
    /// Its subject.
    pub title: String,
    /// What stands after its subject; may be empty.
    pub summary: String,
    /// Its page.
    pub url: String,
    /// Its day.
    pub date: NaiveDate,
    /// How many posts it shows.
    pub posts: usize,
}

/// What the template sees.
#[derive(Debug, Serialize)]
pub struct ArchivePage {
    /// The site.
    pub site: SiteView,
    /// BCP 47 tag of names, subjects and summaries.
    pub language: String,
    /// The digest's title.
    pub title: String,
    /// The page's own address.
    pub url: String,
    /// Where one subscribes to the mails; null where there is no such place.
    pub subscribe_url: Option<String>,
    /// The page that lists all feeds.
    pub feeds_url: String,
    /// The archive as a feed.
    pub feeds: Vec<FileView>,
    /// The issues, year by year, newest first.
    pub years: Vec<YearView>,
    /// How many issues there are.
    pub total: usize,
    /// The same in words.
    pub count: String,
    /// The page's fixed texts, by the names they have in `languages/`; `lang` and `dir` are theirs.
    pub words: BTreeMap<String, String>,
}

/// The site, as the template sees it.
#[derive(Debug, Serialize)]
pub struct SiteView {
    /// Its name.
    pub title: String,
    /// Its address.
    pub url: String,
}

/// A file of the feed, as the template sees it.
#[derive(Clone, Debug, Serialize)]
pub struct FileView {
    /// `Atom`, `RSS` or `JSON Feed`.
    pub format: &'static str,
    /// The media type.
    pub media_type: &'static str,
    /// The address.
    pub url: String,
}

/// The issues of a year, as the template sees them.
#[derive(Debug, Serialize)]
pub struct YearView {
    /// The year.
    pub year: i32,
    /// Its issues.
    pub issues: Vec<IssueView>,
}

/// An issue, as the template sees it.
#[derive(Debug, Serialize)]
pub struct IssueView {
    /// The period's name.
    pub period: String,
    /// Its subject.
    pub title: String,
    /// What stands after its subject; may be empty.
    pub summary: String,
    /// Its page.
    pub url: String,
    /// Its day, as YYYY-MM-DD.
    pub date: String,
    /// The same in words.
    pub date_on: String,
    /// How many posts it shows, in words.
    pub count: String,
}

/// The page as HTML.
///
/// # Errors
///
/// What is wrong in the site's own `archive.html`, or in a template that it uses.
pub fn render(templates: &Templates, contents: &Contents) -> Result<String, Diagnostic> {
    templates.render(TEMPLATE, &ArchivePage::of(contents))
}

impl ArchivePage {
    fn of(contents: &Contents) -> ArchivePage {
        let language = Language::of(&contents.language);
        let counts = &language.words().counts;
        let mut years: Vec<YearView> = Vec::new();
        for told in &contents.issues {
            let issue = IssueView {
                period: told.period.clone(),
                title: if told.title.trim().is_empty() { told.period.clone() } else { told.title.clone() },
                summary: told.summary.clone(),
                url: told.url.clone(),
                date: told.date.to_string(),
                date_on: language.day(told.date),
                count: language.count(&counts.posts, told.posts, &[]),
            };
            match years.last_mut().filter(|year| year.year == told.date.year()) {
                Some(year) => year.issues.push(issue),
                None => years.push(YearView { year: told.date.year(), issues: vec![issue] }),
            }
        }
        let total = contents.issues.len();
        ArchivePage {
            site: SiteView { title: contents.site_title.clone(), url: contents.site_url.clone() },
            language: contents.language.clone(),
            title: contents.title.clone(),
            url: contents.url.clone(),
            subscribe_url: contents.subscribe_url.clone(),
            feeds_url: contents.feeds_url.clone(),
            feeds: contents.feeds.clone(),
            years,
            total,
            count: language.count(&counts.issues, total, &[]),
            words: language.archive(&[("site", &contents.site_title), ("title", &contents.title)]),
        }
    }
}

/// What an entry of a feed says of an issue: the editor's words, and every post with its link and summary, as clean HTML.
pub fn content(view: &View) -> Html {
    let mut out = String::new();
    if let Some(intro) = &view.intro {
        out.push_str(&intro.html);
        out.push('\n');
    }
    if let Some(lead) = &view.lead {
        story(&mut out, lead, 2);
    }
    for section in &view.sections {
        let level = if section.title.is_empty() { 2 } else { 3 };
        heading(&mut out, &section.title);
        section.stories.iter().for_each(|told| story(&mut out, told, level));
    }
    let word = |name: &str| view.words.get(name).cloned().unwrap_or_default();
    list(&mut out, &word("also"), &view.titles);
    list(&mut out, &word("related"), &view.related);
    if let Some(redacted) = &view.redacted {
        let _ = writeln!(out, "<p><em>{}</em></p>", escaped(&redacted.text));
    }
    Html::trusted(out.trim_end())
}

fn heading(out: &mut String, title: &str) {
    if !title.is_empty() {
        let _ = writeln!(out, "<h2>{}</h2>", escaped(title));
    }
}

fn story(out: &mut String, story: &StoryView, level: u8) {
    let _ = writeln!(out, "<h{level}{}>{}</h{level}>", story.attributes, link(story));
    if let Some(words) = &story.words {
        let _ = writeln!(out, "<div{}>{}</div>", story.attributes, words.html);
    } else if !story.summary.is_empty() {
        let _ = writeln!(out, "<p{}>{}</p>", story.attributes, escaped(&story.summary));
    }
    if !story.byline.is_empty() {
        let _ = writeln!(out, "<p>{} · {}</p>", escaped(&story.byline), escaped(&story.date));
    }
}

fn list(out: &mut String, title: &str, stories: &[StoryView]) {
    if stories.is_empty() {
        return;
    }
    heading(out, title);
    out.push_str("<ul>\n");
    for story in stories {
        let _ = writeln!(out, "<li{}>{}</li>", story.attributes, link(story));
    }
    out.push_str("</ul>\n");
}

fn link(story: &StoryView) -> String {
    format!("<a href=\"{}\">{}</a>", escaped(&story.url), escaped(&story.title))
}

fn escaped(raw: &str) -> String {
    raw.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::view::{SectionView, WordsView};

    #[test]
    fn an_issue_is_told_post_by_post_and_nothing_in_a_title_is_html() {
        let story = |n: &str, title: &str| StoryView {
            id: format!("tag:example.org,2026:{n}"),
            title: title.into(),
            url: format!("https://example.org/{n}/?a=1&b=2"),
            ..StoryView::default()
        };
        let view = View {
            words: BTreeMap::from([("also".into(), "Also new".into())]),
            intro: Some(WordsView { html: "<p>Good <b>morning</b>.</p>".into(), ..WordsView::default() }),
            lead: Some(StoryView {
                words: Some(WordsView { html: "<p>Lead.</p>".into(), ..WordsView::default() }),
                byline: "By A & B".into(),
                date: "20 November".into(),
                ..story("1", "<b>&\"'")
            }),
            sections: vec![SectionView {
                title: "Care".into(),
                stories: vec![StoryView {
                    summary: "<script>".into(),
                    attributes: " lang=\"ar\" dir=\"rtl\"".into(),
                    ..story("2", "Two")
                }],
            }],
            titles: vec![story("3", "Three")],
            ..View::default()
        };
        let want = "<p>Good <b>morning</b>.</p>
<h2><a href=\"https://example.org/1/?a=1&amp;b=2\">&lt;b&gt;&amp;&quot;'</a></h2>
<div><p>Lead.</p></div>
<p>By A &amp; B · 20 November</p>
<h2>Care</h2>
<h3 lang=\"ar\" dir=\"rtl\"><a href=\"https://example.org/2/?a=1&amp;b=2\">Two</a></h3>
<p lang=\"ar\" dir=\"rtl\">&lt;script&gt;</p>
<h2>Also new</h2>
<ul>
<li><a href=\"https://example.org/3/?a=1&amp;b=2\">Three</a></li>
</ul>";
        assert_eq!(content(&view).as_str(), want);
    }
}
