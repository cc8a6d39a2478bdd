//! An issue of a digest, as a value that knows no format: what the HTML, the text and the page of it are made from.
//!
//! Everything is in it that the chosen posts say; how much of that a mail has room for is decided by whoever renders it.

use super::words::Words;
use crate::diagnostic::Diagnostic;
use crate::language::Language;
use crate::text::Text;
use chrono::NaiveDate;

/// Posts that go out together, and all that is said with them.
#[derive(Clone, Debug)]
pub struct Issue {
    /// The digest's name in the settings.
    pub digest: String,
    /// The period's name: `2026-W48`.
    pub period: String,
    /// The digest's title.
    pub title: Text,
    /// The site's name.
    pub site_title: Text,
    /// The site's address.
    pub site_url: Text,
    /// The language of the site's words and of the fixed ones.
    pub language: Language,
    /// One line, never empty, without control characters.
    pub subject: Text,
    /// What mail clients show after the subject; one line.
    pub preheader: Text,
    /// The day of the cutoff, in the digest's zone.
    pub date: NaiveDate,
    /// That day in words, and how many posts there are.
    pub date_line: String,
    /// The editor's words.
    pub intro: Option<Words>,
    /// The post that comes first, with its lead, picture and call to action.
    pub lead: Option<Story>,
    /// The other posts, with their summaries.
    pub sections: Vec<Section>,
    /// Posts past `max_posts`: their titles alone.
    pub titles: Vec<Story>,
    /// Older posts that the chosen ones name.
    pub related: Vec<Story>,
    /// What stands below.
    pub footer: Footer,
    /// No picture may be fetched by the reader's mail client.
    pub sensitive: bool,
    /// What could not be done as it was asked for.
    pub findings: Vec<Diagnostic>,
}

/// Posts with one category or topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Its name; empty where all posts stand in one list.
    pub title: Text,
    /// In the order chosen.
    pub stories: Vec<Story>,
}

/// A post, as an issue tells of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// The id of its entry.
    pub id: Text,
    /// One line.
    pub title: Text,
    /// Where it is read, with the parameters of `utm`.
    pub url: Text,
    /// Plain text; the start of the lead where the post has no summary; empty where it has neither.
    pub summary: Text,
    /// Who wrote it.
    pub authors: Vec<Text>,
    /// The day it was published, in the site's zone.
    pub published_on: NaiveDate,
    /// The first category it names.
    pub category: Option<Text>,
    /// Its language, where it is not the site's.
    pub language: Option<Text>,
    /// Its opening paragraph; for the lead story only.
    pub words: Option<Words>,
    /// Its picture; for the lead story only.
    pub image: Option<Image>,
    /// What it asks its readers to do; for the lead story only.
    pub call_to_action: Option<Call>,
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Absolute.
    pub url: Text,
    /// What it shows; empty where it only decorates.
    pub alt: Text,
    /// Width and height in pixels, where they are known.
    pub size: Option<(u32, u32)>,
}

/// A call to action with somewhere to go.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// One line.
    pub title: Text,
    /// What to say.
    pub words: Option<Words>,
    /// What the button says.
    pub label: Text,
    /// Where the button leads.
    pub url: Text,
}

/// What stands below the posts.
#[derive(Clone, Debug, PartialEq)]
pub struct Footer {
    /// Why somebody gets the mail.
    pub reason: String,
    /// The sender's postal address, line by line.
    pub postal_address: Vec<Text>,
    /// Where its links lead.
    pub links: Links,
}

/// The addresses of an issue. Those for one person hold a marker, which is replaced in each mail; nothing here looks into
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// The page of the issue, which has every post of it.
    pub page: Text,
    /// Ends the subscription.
    pub unsubscribe: Text,
    /// Changes what one gets.
    pub preferences: Text,
}

impl Issue {
    /// Every post that it carries, in the order in which they stand. Related ones are not among them.
    pub fn stories(&self) -> impl Iterator<Item = &Story> {
        self.lead.iter().chain(self.sections.iter().flat_map(|section| &section.stories)).chain(&self.titles)
    }
}
