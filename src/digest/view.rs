//! What the templates of a digest see: an issue in the words, addresses and colours of one mail or page.
//!
//! A site's own templates rely on these names, so one that is here stays. All texts are plain; `html` and `attributes` are
//! the only fields that are HTML already. The view of a page is kept with its issue, as JSON: one that an older version
//! kept lacks what has come since, and is read all the same.

mod maker;

pub(super) use maker::Shape;
pub use maker::{filler, sides};

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What an issue is rendered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// A mail for one person: small, with a way out.
    Mail,
    /// The page of the issue, for everybody: every post, nothing personal.
    Page,
}

/// What a template sees.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    /// BCP 47 tag of the site's words.
    pub lang: String,
    /// `ltr` or `rtl`.
    pub dir: Cow<'static, str>,
    /// The side that lines start at: `left` or `right`.
    pub start: Cow<'static, str>,
    /// The other side.
    pub end: Cow<'static, str>,
    /// Whether it is for one person: then there are `unsubscribe` and `preferences`.
    pub is_mail: bool,
    /// The fixed texts; `attributes` says their language where it is not the site's.
    pub words: BTreeMap<Cow<'static, str>, String>,
    /// The subject.
    pub subject: String,
    /// What mail clients show after the subject.
    pub preheader: String,
    /// What keeps them from showing more than that.
    pub filler: String,
    /// The digest's title.
    pub title: String,
    /// The site.
    pub site: SiteView,
    /// The period's name.
    pub period: String,
    /// The day of the issue, in words.
    pub date: String,
    /// How many posts there are, in words.
    pub count: String,
    /// The editor's words.
    pub intro: Option<WordsView>,
    /// The first story.
    pub lead: Option<StoryView>,
    /// The others.
    pub sections: Vec<SectionView>,
    /// Those of which the title alone is shown.
    pub titles: Vec<StoryView>,
    /// What to say of those that are not shown; empty where there are none.
    pub more: String,
    /// Older posts.
    pub related: Vec<StoryView>,
    /// Why somebody gets this.
    pub reason: String,
    /// The sender's postal address, line by line.
    pub postal_address: Vec<String>,
    /// The page of the issue.
    pub page_url: String,
    /// Ends the subscription.
    pub unsubscribe_url: String,
    /// Changes what one gets.
    pub preferences_url: String,
    /// What was taken out of the page after it had been frozen; none on a mail.
    pub redacted: Option<RedactedView>,
    /// Colours, font and width.
    pub theme: ThemeView,
}

/// What was taken out of a page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RedactedView {
    /// How many posts.
    pub posts: usize,
    /// The day of the last of them, as YYYY-MM-DD.
    pub date_iso: String,
    /// A sentence that says so.
    pub text: String,
}

/// The site.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SiteView {
    /// Its name.
    pub title: String,
    /// Its address.
    pub url: String,
}

/// Words of an editor or a post.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WordsView {
    /// Clean HTML.
    pub html: String,
    /// The same as text.
    pub text: String,
    /// `ltr` or `rtl`.
    pub dir: Cow<'static, str>,
    /// The side that lines start at: `left` or `right`.
    pub start: Cow<'static, str>,
}

/// Posts with something in common.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SectionView {
    /// What; may be empty.
    pub title: String,
    /// The posts.
    pub stories: Vec<StoryView>,
}

/// A post.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoryView {
    /// The id of its entry.
    pub id: String,
    /// One line.
    pub title: String,
    /// Where it is read.
    pub url: String,
    /// Plain text; may be empty.
    pub summary: String,
    /// Its opening paragraph; for the first story only.
    pub words: Option<WordsView>,
    /// Who wrote it, in words; may be empty.
    pub byline: String,
    /// The day it was published, in words.
    pub date: String,
    /// The same as YYYY-MM-DD.
    pub date_iso: String,
    /// Its category; may be empty.
    pub category: String,
    /// ` lang="…" dir="…"` where they are not those of the mail.
    pub attributes: String,
    /// ` lang="…" dir="…"` of names and dates that stand among its words, where they are not in the same language.
    pub around: String,
    /// The side that its lines start at: `left` or `right`.
    pub start: Cow<'static, str>,
    /// Its picture.
    pub image: Option<ImageView>,
    /// What it asks to do.
    pub call: Option<CallView>,
}

/// A picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageView {
    /// Absolute.
    pub url: String,
    /// May be empty.
    pub alt: String,
    /// As it is shown, in pixels.
    pub width: u32,
    /// As it is shown, in pixels; 0 where it is not known.
    pub height: u32,
}

/// A call to action.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallView {
    /// One line.
    pub title: String,
    /// What to say.
    pub words: Option<WordsView>,
    /// What the button says.
    pub label: String,
    /// Where it leads.
    pub url: String,
    /// `ltr` or `rtl`, as its title is written.
    pub dir: Cow<'static, str>,
    /// The side that lines start at: `left` or `right`.
    pub start: Cow<'static, str>,
}

/// The theme.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThemeView {
    /// Colours by name, as `#rrggbb`.
    pub light: BTreeMap<Cow<'static, str>, String>,
    /// The same for dark.
    pub dark: BTreeMap<Cow<'static, str>, String>,
    /// A font stack as CSS wants it.
    pub font: String,
    /// The one font of it for Outlook, which does not look further when it has not got the first.
    pub plain_font: String,
    /// Of the column, in pixels.
    pub width: u32,
    /// The logo.
    pub logo: Option<LogoView>,
}

/// The logo.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogoView {
    /// Absolute.
    pub url: String,
    /// The one for dark; empty where it is the same.
    pub dark_url: String,
    /// What it says.
    pub alt: String,
    /// As it is shown, in pixels.
    pub width: u32,
    /// As it is shown, in pixels.
    pub height: u32,
}

impl View {
    /// Every post that is shown, in the order in which they stand. Related ones are not among them.
    pub fn stories(&self) -> impl Iterator<Item = &StoryView> {
        self.lead.iter().chain(self.sections.iter().flat_map(|section| &section.stories)).chain(&self.titles)
    }
}
