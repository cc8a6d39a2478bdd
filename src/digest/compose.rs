//! From chosen posts to an issue: which stands where, and what is said with it.
//!
//! Pure: the posts, the settings, the editor's words and what was carried before are arguments.

use super::issue::{Call, Footer, Image, Issue, Links, Section, Story};
use super::words::{Wording, Words};
use crate::config::{Axis, Config};
use crate::content::collection::{Article, Collection, State};
use crate::content::links::absolute;
use crate::diagnostic::Diagnostic;
use crate::language::{Language, fill};
use crate::template::{Line, Templates};
use crate::text::Text;
use crate::wrap::shortened;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// At most so many older posts are named.
const MOST_RELATED: usize = 3;
/// The longest subject and preheader, in characters: more is not shown anywhere.
pub(super) const SUBJECT_CHARS: usize = 150;
pub(super) const PREHEADER_CHARS: usize = 150;
/// How much of a lead stands in for a missing summary, in characters.
const STAND_IN_CHARS: usize = 280;

/// What the settings say of a digest, as far as an issue shows it.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// The digest's name.
    pub name: &'a str,
    /// Its title; the site's where it has none.
    pub title: Option<&'a Text>,
    /// Its zone.
    pub timezone: Tz,
    /// What sections are made by; one list without it.
    pub group_by: Option<Axis>,
    /// At most so many posts have more than their title.
    pub max_posts: usize,
    /// Template of the subject.
    pub subject: Option<Line<'a>>,
    /// Parameters for links to the site: `source` becomes `utm_source`.
    pub utm: &'a BTreeMap<String, String>,
    /// Of the sender; may have several lines.
    pub postal_address: &'a str,
    /// No topic in the subject, no remote pictures.
    pub sensitive: bool,
}

/// What an editor says of one issue.
#[derive(Clone, Debug, Default)]
pub struct Editorial<'a> {
    /// In place of the subject.
    pub subject: Option<&'a str>,
    /// In place of the preheader.
    pub preheader: Option<&'a str>,
    /// The lead story, as a place in the collection.
    pub lead: Option<usize>,
    /// Words above the posts, in Markdown.
    pub intro: Option<&'a str>,
}

/// All that an issue is made from.
pub struct Composer<'a> {
    /// All posts.
    pub collection: &'a Collection,
    /// The site's settings.
    pub config: &'a Config,
    /// The digest's.
    pub settings: Settings<'a>,
    /// The templates, for the subject.
    pub templates: &'a Templates,
    /// The width and height of a picture of the site, by its address, where they are known.
    pub image_size: &'a dyn Fn(&str) -> Option<(u32, u32)>,
}

/// Which issue.
pub struct Edition<'a> {
    /// The period's name.
    pub period: &'a str,
    /// When it was cut off.
    pub cutoff: DateTime<Utc>,
    /// The posts, as places in the collection, in the order in which they are to stand.
    pub articles: &'a [usize],
    /// The editor's words.
    pub editorial: Editorial<'a>,
    /// Ids of entries that were carried lately, and are not to be named again as related.
    pub carried: &'a BTreeSet<Text>,
    /// The addresses of the issue.
    pub links: Links,
}

impl Composer<'_> {
    /// The issue of some posts. Without any post it has no sections.
    ///
    /// # Errors
    ///
    /// A template of the subject that cannot be rendered.
    pub fn compose(&self, edition: &Edition) -> Result<Issue, Diagnostic> {
        let site = &self.config.site;
        let language = Language::of(&site.language);
        let wording = Wording::new();
        let mut seen = BTreeSet::new();
        let chosen: Vec<usize> = edition
            .articles
            .iter()
            .copied()
            .filter(|&i| self.collection.articles.get(i).is_some() && seen.insert(i))
            .collect();
        let pinned = edition.editorial.lead.filter(|i| chosen.contains(i));
        let lead = pinned.or_else(|| self.newest_with_a_lead(&chosen));
        let others: Vec<usize> = chosen.iter().copied().filter(|&i| Some(i) != lead).collect();
        let room = self.settings.max_posts.max(1) - usize::from(lead.is_some());
        let (shown, titles) = others.split_at(room.min(others.len()));
        let date = edition.cutoff.with_timezone(&self.settings.timezone).date_naive();
        let count = language.count(&language.words().counts.posts, chosen.len(), &[]);
        let title = self.settings.title.unwrap_or(&site.title).clone();
        let address = self.settings.postal_address.lines().map(Text::one_line).filter(|line| !line.is_empty());
        let mut issue = Issue {
            digest: self.settings.name.to_owned(),
            period: edition.period.to_owned(),
            site_title: site.title.clone(),
            site_url: Text::new(site.url.as_str()),
            subject: Text::default(),
            preheader: Text::default(),
            date,
            date_line: format!("{} · {count}", language.day(date)),
            intro: edition.editorial.intro.and_then(|words| self.words(&wording, words, &site.url)),
            lead: lead.map(|i| self.lead_story(i, &wording)),
            sections: self.sections(shown, &language, &wording),
            titles: titles.iter().map(|&i| self.story(i, &wording)).collect(),
            related: self.related(&chosen, edition).into_iter().map(|i| self.story(i, &wording)).collect(),
            footer: Footer {
                reason: fill(&language.words().digest.reason, &[("digest", &title)]),
                postal_address: address.collect(),
                links: edition.links.clone(),
            },
            sensitive: self.settings.sensitive,
            findings: language.warning().into_iter().collect(),
            title,
            language,
        };
        self.name(&mut issue, edition)?;
        Ok(issue)
    }

    fn newest_with_a_lead(&self, chosen: &[usize]) -> Option<usize> {
        let says_something = |a: &Article| a.post.lead.as_ref().is_some_and(|lead| !lead.value.trim().is_empty());
        let articles = chosen.iter().map(|&i| (i, &self.collection.articles[i])).filter(|(_, a)| says_something(a));
        // The first of those that are equally new.
        articles.rev().max_by_key(|(_, a)| a.post.published_at.value).map(|(i, _)| i)
    }

    fn sections(&self, shown: &[usize], language: &Language, wording: &Wording) -> Vec<Section> {
        let mut sections: Vec<(Option<Text>, Vec<Story>)> = Vec::new();
        for &i in shown {
            let name = self.settings.group_by.and_then(|axis| self.term(&self.collection.articles[i], axis));
            let story = self.story(i, wording);
            match sections.iter_mut().find(|(known, _)| *known == name) {
                Some((_, stories)) => stories.push(story),
                None => sections.push((name, vec![story])),
            }
        }
        // In the order of their first posts; what belongs nowhere comes last.
        sections.sort_by_key(|(name, _)| name.is_none());
        let alone = sections.len() == 1;
        let others = || if alone { Text::default() } else { Text::new(&language.words().digest.others) };
        sections.into_iter().map(|(name, stories)| Section { title: name.unwrap_or_else(others), stories }).collect()
    }

    /// The title of the first term on an axis that a post names.
    fn term(&self, article: &Article, axis: Axis) -> Option<Text> {
        let named = match axis {
            Axis::Category => &article.post.categories,
            Axis::Topic => &article.post.topics,
            Axis::Tag => &article.post.tags,
            Axis::Author => &article.post.authors,
        };
        let terms = || article.terms.iter().map(|&t| &self.collection.terms[t]).filter(|term| term.axis == axis);
        let first = named.iter().find_map(|name| terms().find(|term| term.is_called(&name.value)));
        first.or_else(|| terms().next()).map(|term| term.title.clone())
    }

    fn story(&self, i: usize, wording: &Wording) -> Story {
        let article = &self.collection.articles[i];
        let post = &article.post;
        let said = post.summary.as_ref().map(|summary| Text::one_line(&summary.value)).filter(|said| !said.is_empty());
        let stand_in = || {
            let line = wording.line(&post.lead.as_ref()?.value, &self.permalink(article));
            (!line.is_empty()).then(|| Text::new(&shortened(&line, STAND_IN_CHARS)))
        };
        Story {
            id: article.id.clone(),
            title: title_of(article),
            url: self.with_parameters(&article.url),
            summary: said.or_else(stand_in).unwrap_or_default(),
            authors: article.authors.iter().map(|author| Text::one_line(&author.name)).collect(),
            published_on: post.published_at.value.with_timezone(&self.config.site.timezone).date_naive(),
            category: self.term(article, Axis::Category),
            language: post.lang.as_ref().map(|l| l.value.clone()).filter(|l| *l != self.config.site.language),
            ..Story::default()
        }
    }

    fn lead_story(&self, i: usize, wording: &Wording) -> Story {
        let article = &self.collection.articles[i];
        let permalink = self.permalink(article);
        let post = &article.post;
        let picture = post.featured_image.as_ref().or(post.share_image.as_ref()).filter(|_| !self.settings.sensitive);
        let image = picture.and_then(|path| absolute(&path.value, &permalink)).map(|url| {
            let size = (self.image_size)(&url).filter(|&(width, height)| width > 0 && height > 0);
            Image { size, alt: Text::default(), url }
        });
        let call_to_action = article.call_to_action.and_then(|c| {
            let call = &self.collection.calls_to_action[c];
            let url = absolute(&call.destination_url.as_ref()?.value, &permalink)?;
            Some(Call {
                title: call.title.clone(),
                words: call.body.as_ref().and_then(|body| self.words(wording, body, &permalink)),
                label: call.button_label.clone().unwrap_or_else(|| call.title.clone()),
                url: self.with_parameters(&url),
            })
        });
        let words = post.lead.as_ref().and_then(|lead| self.words(wording, &lead.value, &permalink));
        Story { words, image, call_to_action, ..self.story(i, wording) }
    }

    fn words(&self, wording: &Wording, markdown: &str, base: &Url) -> Option<Words> {
        wording.words(markdown, base, &|url| self.with_parameters(&Text::new(url)))
    }

    fn permalink(&self, article: &Article) -> Url {
        Url::parse(&article.url).unwrap_or_else(|_| self.config.site.url.clone())
    }

    /// An address with the fixed parameters of `utm`, where it is on the site.
    fn with_parameters(&self, address: &Text) -> Text {
        let Ok(mut url) = Url::parse(address) else { return address.clone() };
        if self.settings.utm.is_empty() || url.origin() != self.config.site.url.origin() {
            return address.clone();
        }
        for (key, value) in self.settings.utm {
            let prefix = if key.starts_with("utm_") { "" } else { "utm_" };
            url.query_pairs_mut().append_pair(&format!("{prefix}{key}"), value);
        }
        Text::new(url.as_str())
    }

    /// Older posts that the chosen ones name, in the order in which they are named.
    fn related(&self, chosen: &[usize], edition: &Edition) -> Vec<usize> {
        let mut out: Vec<usize> = Vec::new();
        for &i in chosen.iter().flat_map(|&i| &self.collection.articles[i].related) {
            let article = &self.collection.articles[i];
            let is_out = article.state == State::Published && article.post.published_at.value <= edition.cutoff;
            if is_out && !chosen.contains(&i) && !out.contains(&i) && !edition.carried.contains(&article.id) {
                out.push(i);
            }
        }
        out.truncate(MOST_RELATED);
        out
    }

    /// Gives the issue its subject and preheader: the editor's, else the template's, else those of the language. In a
    /// sensitive digest none of them names a post or what it is about.
    fn name(&self, issue: &mut Issue, edition: &Edition) -> Result<(), Diagnostic> {
        let language = issue.language.clone();
        let words = &language.words().digest;
        let titles: Vec<Text> = issue.stories().map(|story| story.title.clone()).collect();
        let day = language.day(issue.date);
        let count = language.count(&language.words().counts.posts, titles.len(), &[]);
        let plain_subject = fill(&words.plain_subject, &[("title", &issue.title), ("date", &day)]);

        let mut values = json!({
            "title": &*issue.title, "site": &*issue.site_title, "period": &issue.period, "date": &day,
            "posts": titles.len(), "count": &count,
        });
        if let (false, Some(first)) = (issue.sensitive, titles.first()) {
            values["lead"] = json!(&**first);
            values["others"] = json!(titles.len() - 1);
        }
        let (subject, preheader) = (edition.editorial.subject, edition.editorial.preheader);
        let subject = self.harmless(issue, "subject", subject);
        let preheader = self.harmless(issue, "preheader", preheader);
        let subject = match (subject, &self.settings.subject) {
            (Some(subject), _) => subject,
            (None, Some(template)) => self.templates.render_line(template, &values)?,
            (None, None) => match titles.first().filter(|_| !issue.sensitive) {
                Some(first) => {
                    let first = shortened(first, SUBJECT_CHARS * 2 / 3);
                    language.count(&words.subject, titles.len() - 1, &[("lead", &first)])
                }
                None => plain_subject.clone(),
            },
        };
        issue.subject = one_line(&subject, SUBJECT_CHARS);
        if issue.subject.is_empty() {
            issue.subject = one_line(&plain_subject, SUBJECT_CHARS);
        }
        let preheader = preheader.unwrap_or_else(|| match issue.stories().next().filter(|_| !issue.sensitive) {
            Some(first) => preheader_of(&titles.iter().map(Text::as_str).collect::<Vec<_>>(), &first.summary),
            None => count,
        });
        issue.preheader = one_line(&preheader, PREHEADER_CHARS);
        Ok(())
    }

    /// The editor's line, unless a sensitive digest must not say it: then that is told.
    fn harmless(&self, issue: &mut Issue, key: &str, line: Option<&str>) -> Option<String> {
        let line = line.map(|line| one_line(line, usize::MAX)).filter(|line| !line.is_empty())?;
        if !issue.sensitive {
            return Some(line.to_string());
        }
        let lower = line.to_lowercase();
        let terms = self.collection.terms.iter().filter(|term| term.axis != Axis::Author).map(|term| &term.title);
        let titles: Vec<Text> = issue.stories().map(|story| story.title.clone()).collect();
        let named = terms.chain(&titles).find(|name| !name.is_empty() && lower.contains(&name.to_lowercase()));
        let Some(named) = named else { return Some(line.to_string()) };
        issue.findings.push(
            Diagnostic::warning(format!(
                "the editor's `{key}` names `{named}` and is not used: `[mail] sensitive` is set"
            ))
            .hint("whoever sees the list of mails would learn what they are about"),
        );
        None
    }
}

/// What an issue of these titles, at least one, says after its subject: what the subject does not name. Of one post, its
/// summary.
pub(super) fn preheader_of(titles: &[&str], summary: &str) -> String {
    match titles {
        [_, others @ ..] if !others.is_empty() => {
            others.iter().take(5).map(|title| shortened(title, 70)).collect::<Vec<_>>().join(" · ")
        }
        _ => summary.to_owned(),
    }
}

fn title_of(article: &Article) -> Text {
    let title = Text::one_line(&article.post.title.value);
    if title.is_empty() { article.url.clone() } else { title }
}

/// One line for a header: no control characters, none that turn the direction of what follows, at most so long.
pub(super) fn one_line(raw: &str, chars: usize) -> Text {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}');
    let spaced: String = raw.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect();
    Text::new(&shortened(&Text::one_line(&spaced), chars))
}

#[cfg(test)]
mod tests;
