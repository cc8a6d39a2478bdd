//! From an issue to what its templates see.

use super::{CallView, ImageView, LogoView, Medium, SectionView, SiteView, StoryView, ThemeView, View, WordsView};
use crate::config::{Colours, Theme};
use crate::content::links::absolute;
use crate::digest::issue::{Call, Image, Issue, Section, Story};
use crate::digest::words::Words;
use crate::language::{Direction, Language};
use crate::wrap::shortened;
use std::borrow::Cow;
use std::collections::BTreeMap;
use url::Url;

/// How much of an issue is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::digest) struct Shape {
    /// The lead story has its lead; else its summary.
    pub lead_words: bool,
    /// A summary has at most so many characters.
    pub summary_chars: usize,
    /// So many stories below the lead have a summary.
    pub summaries: usize,
    /// So many of the others have a title.
    pub titles: usize,
}

impl Shape {
    /// Everything.
    pub const WHOLE: Shape =
        Shape { lead_words: true, summary_chars: usize::MAX, summaries: usize::MAX, titles: usize::MAX };
}

/// The space between the edge of the column and the text, in pixels.
const PADDING: u32 = 40;

/// What a view is made with.
struct Maker<'a> {
    issue: &'a Issue,
    theme: &'a Theme,
    shape: Shape,
}

impl View {
    /// An issue as it is to be shown, and how many of its posts are not even shown by their titles.
    pub(in crate::digest) fn of(issue: &Issue, theme: &Theme, medium: Medium, shape: Shape) -> (View, usize) {
        let maker = Maker { issue, theme, shape };
        let language = &issue.language;
        let words = &language.words().digest;
        let (start, end) = sides(language.direction());
        let mut room = shape.summaries;
        let mut sections = Vec::new();
        let mut titles: Vec<&Story> = Vec::new();
        for section in &issue.sections {
            let shown = section.stories.len().min(room);
            room -= shown;
            if shown > 0 {
                sections.push(maker.section(section, shown));
            }
            titles.extend(&section.stories[shown..]);
        }
        titles.extend(&issue.titles);
        let hidden = titles.len().saturating_sub(shape.titles);
        let posts = issue.stories().count();
        let links = &issue.footer.links;
        let personal = |url: &str| if medium == Medium::Mail { url.to_owned() } else { String::new() };
        let view = View {
            lang: language.tag().to_string(),
            dir: language.direction().name().into(),
            start: start.into(),
            end: end.into(),
            is_mail: medium == Medium::Mail,
            words: BTreeMap::from([
                ("also".into(), words.also.clone()),
                ("read_on".into(), words.read_on.clone()),
                ("related".into(), words.related.clone()),
                ("view".into(), words.view.clone()),
                ("unsubscribe".into(), words.unsubscribe.clone()),
                ("preferences".into(), words.preferences.clone()),
                ("attributes".into(), fixed_attributes(language)),
            ]),
            subject: issue.subject.to_string(),
            preheader: issue.preheader.to_string(),
            filler: filler(&issue.preheader),
            title: issue.title.to_string(),
            site: SiteView { title: issue.site_title.to_string(), url: issue.site_url.to_string() },
            period: issue.period.clone(),
            date: language.day(issue.date),
            count: language.count(&language.words().counts.posts, posts, &[]),
            intro: issue.intro.as_ref().map(words_view),
            lead: issue.lead.as_ref().map(|story| maker.lead(story)),
            sections,
            titles: titles.iter().take(shape.titles).map(|story| maker.story(story)).collect(),
            more: if hidden > 0 { language.count(&words.more, hidden, &[]) } else { String::new() },
            related: issue.related.iter().map(|story| maker.story(story)).collect(),
            reason: personal(&issue.footer.reason),
            postal_address: issue.footer.postal_address.iter().map(|line| line.to_string()).collect(),
            page_url: links.page.to_string(),
            unsubscribe_url: personal(&links.unsubscribe),
            preferences_url: personal(&links.preferences),
            redacted: None,
            // Whoever fetches a picture tells that the mail was opened.
            theme: ThemeView::of(
                theme,
                &issue.site_title,
                Url::parse(&issue.site_url).ok().filter(|_| !issue.sensitive).as_ref(),
            ),
        };
        (view, hidden)
    }
}

impl Maker<'_> {
    fn section(&self, section: &Section, shown: usize) -> SectionView {
        let stories = section.stories[..shown].iter().map(|story| self.story(story));
        SectionView { title: section.title.to_string(), stories: stories.collect() }
    }

    fn story(&self, story: &Story) -> StoryView {
        let language = &self.issue.language;
        let names: Vec<String> =
            story.authors.iter().filter(|name| !name.is_empty()).map(|name| self.held(name)).collect();
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        let byline = match names.is_empty() {
            true => String::new(),
            false => crate::language::fill(&language.words().digest.by, &[("names", &language.list(&names))]),
        };
        let (attributes, direction) = self.attributes(story);
        StoryView {
            id: story.id.to_string(),
            title: story.title.to_string(),
            url: story.url.to_string(),
            summary: shortened(&story.summary, self.shape.summary_chars),
            words: None,
            byline,
            date: match self.issue.date - story.published_on {
                // Within half a year nobody asks which year is meant.
                age if age.num_days().abs() <= 183 => language.short_day(story.published_on),
                _ => language.day(story.published_on),
            },
            date_iso: story.published_on.to_string(),
            category: story.category.as_ref().map(|name| name.to_string()).unwrap_or_default(),
            around: if language.is_spoken() && !attributes.is_empty() {
                format!(" lang=\"{}\" dir=\"{}\"", escaped_tag(language.tag()), language.direction().name())
            } else {
                fixed_attributes(language)
            },
            attributes,
            start: sides(direction).0.into(),
            image: None,
            call: None,
        }
    }

    /// A name that does not turn what follows it: after one of the other direction, a date would be read as its part
    /// (UAX #9, rule W2 and the rules N). A mark of the mail's direction ends that, in HTML as in text.
    fn held(&self, name: &str) -> String {
        let words = &self.issue.language;
        let around = if words.is_spoken() { words.direction() } else { Direction::of_tag(&words.words().tag) };
        let mark = match around {
            Direction::LeftToRight => '\u{200e}',
            Direction::RightToLeft => '\u{200f}',
        };
        match Direction::of_text(name) {
            Some(direction) if direction != around => format!("{name}{mark}"),
            _ => name.to_owned(),
        }
    }

    fn lead(&self, story: &Story) -> StoryView {
        let whole = self.shape.lead_words;
        StoryView {
            words: story.words.as_ref().filter(|_| whole).map(words_view),
            image: story.image.as_ref().map(|image| self.image(image)),
            call: story.call_to_action.as_ref().map(|call| self.call(call, whole)),
            ..self.story(story)
        }
    }

    fn call(&self, call: &Call, whole: bool) -> CallView {
        let direction = Direction::of_text(&call.title).unwrap_or(self.issue.language.direction());
        CallView {
            title: call.title.to_string(),
            words: call.words.as_ref().filter(|_| whole).map(words_view),
            label: call.label.to_string(),
            url: call.url.to_string(),
            dir: direction.name().into(),
            start: sides(direction).0.into(),
        }
    }

    /// As wide as the text at most, in its own proportions.
    fn image(&self, image: &Image) -> ImageView {
        let room = self.theme.width - 2 * PADDING;
        let (width, height) = match image.size {
            Some((width, height)) => {
                let shown = width.min(room);
                let scaled = u64::from(height) * u64::from(shown) / u64::from(width.max(1));
                (shown, u32::try_from(scaled).unwrap_or(u32::MAX).max(1))
            }
            None => (room, 0),
        };
        ImageView { url: image.url.to_string(), alt: image.alt.to_string(), width, height }
    }

    /// The language and direction of a story as attributes, where they are not those of the mail; and its direction.
    fn attributes(&self, story: &Story) -> (String, Direction) {
        let around = &self.issue.language;
        let direction = match &story.language {
            Some(tag) => Direction::of_tag(tag),
            None => Direction::of_text(&story.title).unwrap_or(around.direction()),
        };
        let mut out = match &story.language {
            Some(tag) => format!(" lang=\"{}\"", escaped_tag(tag)),
            None => String::new(),
        };
        if direction != around.direction() {
            out.push_str(&format!(" dir=\"{}\"", direction.name()));
        }
        (out, direction)
    }
}

impl ThemeView {
    /// The look of a mail. The logo's pictures lie on the site, at `url`; where there is none, there is no logo.
    pub fn of(theme: &Theme, site_title: &str, url: Option<&Url>) -> ThemeView {
        let resolve = |src: &str| Some(absolute(src, url?)?.to_string());
        let logo = theme.logo.as_ref().and_then(|logo| {
            Some(LogoView {
                url: resolve(&logo.src)?,
                dark_url: logo.dark_src.as_deref().and_then(resolve).unwrap_or_default(),
                alt: logo.alt.as_ref().map_or(site_title, |alt| alt.as_str()).to_owned(),
                width: logo.width.min(theme.width - 2 * PADDING),
                height: logo.height,
            })
        });
        ThemeView {
            light: colours(&theme.light),
            dark: colours(&theme.dark),
            font: theme.font.clone(),
            plain_font: theme.plain_font(),
            width: theme.width,
            logo,
        }
    }
}

/// What keeps mail clients from showing more than a preheader.
pub fn filler(preheader: &str) -> String {
    "\u{a0}\u{34f}\u{200c} ".repeat(150_usize.saturating_sub(preheader.chars().count()) / 2 + 20)
}

/// The sides that lines start and end at.
pub fn sides(direction: Direction) -> (&'static str, &'static str) {
    match direction {
        Direction::LeftToRight => ("left", "right"),
        Direction::RightToLeft => ("right", "left"),
    }
}

/// A language tag without what no tag holds: it goes where nothing is escaped.
fn escaped_tag(tag: &str) -> String {
    tag.chars().filter(|&c| c.is_ascii_alphanumeric() || c == '-').collect()
}

fn words_view(words: &Words) -> WordsView {
    let direction = Direction::of_text(&words.text).unwrap_or(Direction::LeftToRight);
    WordsView {
        html: words.html.to_string(),
        text: words.text.clone(),
        dir: direction.name().into(),
        start: sides(direction).0.into(),
    }
}

fn fixed_attributes(language: &Language) -> String {
    let tag = &language.words().tag;
    match language.is_spoken() {
        true => String::new(),
        false => format!(" lang=\"{tag}\" dir=\"{}\"", Direction::of_tag(tag).name()),
    }
}

fn colours(colours: &Colours) -> BTreeMap<Cow<'static, str>, String> {
    BTreeMap::from([
        ("background".into(), colours.background.to_string()),
        ("surface".into(), colours.surface.to_string()),
        ("text".into(), colours.text.to_string()),
        ("muted".into(), colours.muted.to_string()),
        ("accent".into(), colours.accent.to_string()),
        ("button_text".into(), colours.button_text.to_string()),
        ("border".into(), colours.border.to_string()),
    ])
}
