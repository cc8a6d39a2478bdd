//! An issue as HTML and as text, small enough that no mail client cuts it off.
//!
//! Gmail shows the first 102 KB of a mail and hides the rest, the way out with it. What is measured is the HTML as it goes
//! over the wire, in whichever encoding the caller measures. Where it is too much, summaries are shortened, then left out
//! from the end, then titles are: the same way every time, and said. The page of the issue has every post.

use super::issue::Issue;
use super::view::Shape;
use crate::config::Theme;
use crate::diagnostic::Diagnostic;
use crate::language::{Language, fill};
use crate::template::Templates;
use crate::text::Text;
use css_inline::CSSInliner;

pub use super::view::{Medium, View};

/// The most that the HTML of a mail takes, encoded: 90 KB.
pub const MOST_BYTES: usize = 90_000;

/// The template of the HTML, where the settings name no other.
pub const TEMPLATE: &str = "digest.html";
/// The template of the text.
const TEXT_TEMPLATE: &str = "digest.txt";

/// How long summaries may be, in characters, in each further try.
const SUMMARY_CHARS: [usize; 3] = [320, 200, 120];

/// An issue, rendered.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The HTML part.
    pub html: String,
    /// The text part: lines end in LF and have at most 72 columns, but for addresses and words that are longer.
    pub text: String,
    /// One line.
    pub subject: Text,
    /// One line.
    pub preheader: Text,
    /// What the HTML takes, encoded.
    pub encoded_bytes: usize,
    /// What was left out to make it fit.
    pub shortened: Shortening,
    /// What could not be done as it was asked for.
    pub findings: Vec<Diagnostic>,
}

/// The page of an issue.
#[derive(Clone, Debug)]
pub struct Page {
    /// As HTML.
    pub html: String,
    /// What it was made from.
    pub view: View,
}

/// What was left out of a mail to make it fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shortening {
    /// Summaries have at most so many characters.
    pub summary_chars: Option<usize>,
    /// So many posts lost their summary.
    pub without_summary: usize,
    /// So many posts lost their title too, and are behind the link to the page.
    pub hidden: usize,
    /// The first story lost its lead.
    pub without_lead: bool,
}

/// What issues are rendered with.
pub struct Renderer<'a> {
    /// The templates.
    pub templates: &'a Templates,
    /// The look.
    pub theme: &'a Theme,
    /// The template of the HTML; that of the text has the same name with `.txt`, where there is one.
    pub template: &'a str,
    /// What HTML takes in a mail, encoded, in bytes.
    pub measure: &'a dyn Fn(&str) -> usize,
}

impl Renderer<'_> {
    /// The issue for a medium. A page has every post; a mail what fits.
    ///
    /// # Errors
    ///
    /// What is wrong in a template.
    pub fn render(&self, issue: &Issue, medium: Medium) -> Result<Rendered, Diagnostic> {
        let mut findings = issue.findings.clone();
        let whole = self.attempt(issue, medium, Shape::WHOLE)?;
        let attempt = match medium {
            Medium::Mail if whole.encoded_bytes > MOST_BYTES => self.shorten(issue)?,
            _ => whole,
        };
        if medium == Medium::Mail && attempt.encoded_bytes > MOST_BYTES {
            let message = format!(
                "the mail takes {} bytes without a single post's summary, and at most {MOST_BYTES} are not cut off",
                attempt.encoded_bytes
            );
            findings.push(Diagnostic::error(message).hint("shorten the editor's words, or the site's own template"));
        }
        let text = self.templates.render(&self.text_template(), &attempt.view)?;
        Ok(Rendered {
            text: tidied(&text),
            subject: issue.subject.clone(),
            preheader: issue.preheader.clone(),
            shortened: self.shortening(issue, &attempt),
            html: attempt.html,
            encoded_bytes: attempt.encoded_bytes,
            findings,
        })
    }

    /// The page of an issue: every post, nothing personal.
    ///
    /// # Errors
    ///
    /// What is wrong in the template.
    pub fn page(&self, issue: &Issue) -> Result<Page, Diagnostic> {
        let Attempt { html, view, .. } = self.attempt(issue, Medium::Page, Shape::WHOLE)?;
        Ok(Page { html, view })
    }

    /// The HTML of a view that was kept.
    ///
    /// # Errors
    ///
    /// What is wrong in the template.
    pub fn again(&self, view: &View) -> Result<String, Diagnostic> {
        inlined(&self.templates.render(self.template, view)?, self.template)
    }

    /// The most that fits, found in the same order each time; the least there is where nothing fits.
    fn shorten(&self, issue: &Issue) -> Result<Attempt, Diagnostic> {
        let stories = issue.sections.iter().map(|section| section.stories.len()).sum();
        let titles = stories + issue.titles.len();
        let least = SUMMARY_CHARS[SUMMARY_CHARS.len() - 1];
        let bare = Shape { summary_chars: least, summaries: 0, titles: 0, lead_words: true };
        let lead_words = self.attempt(issue, Medium::Mail, bare)?.fits();
        for summary_chars in SUMMARY_CHARS {
            let attempt = self.attempt(issue, Medium::Mail, Shape { lead_words, summary_chars, ..Shape::WHOLE })?;
            if attempt.fits() {
                return Ok(attempt);
            }
        }
        let shape = |summaries, titles| Shape { lead_words, summary_chars: least, summaries, titles };
        let try_summaries = |n| self.attempt(issue, Medium::Mail, shape(n, usize::MAX));
        if let Some(attempt) = most(stories, try_summaries)? {
            return Ok(attempt);
        }
        let try_titles = |n| self.attempt(issue, Medium::Mail, shape(0, n));
        match most(titles, try_titles)? {
            Some(attempt) => Ok(attempt),
            None => self.attempt(issue, Medium::Mail, shape(0, 0)),
        }
    }

    fn attempt(&self, issue: &Issue, medium: Medium, shape: Shape) -> Result<Attempt, Diagnostic> {
        let (view, hidden) = View::of(issue, self.theme, medium, shape);
        let html = self.again(&view)?;
        Ok(Attempt { encoded_bytes: (self.measure)(&html), html, view, hidden, shape })
    }

    fn text_template(&self) -> String {
        let own = format!("{}.txt", self.template.strip_suffix(".html").unwrap_or(self.template));
        if self.templates.has(&own) { own } else { TEXT_TEMPLATE.to_owned() }
    }

    fn shortening(&self, issue: &Issue, attempt: &Attempt) -> Shortening {
        let stories: usize = issue.sections.iter().map(|section| section.stories.len()).sum();
        let longest = issue.sections.iter().flat_map(|s| &s.stories).map(|s| s.summary.chars().count()).max();
        let cut = attempt.shape.summary_chars;
        Shortening {
            summary_chars: (attempt.shape.summaries > 0 && longest.is_some_and(|longest| longest > cut)).then_some(cut),
            without_summary: stories.saturating_sub(attempt.shape.summaries),
            hidden: attempt.hidden,
            without_lead: !attempt.shape.lead_words && issue.lead.is_some(),
        }
    }
}

/// The attempt with the largest number below `limit` that fits; none where not even that of 0 does. More is never smaller.
fn most(limit: usize, attempt: impl Fn(usize) -> Result<Attempt, Diagnostic>) -> Result<Option<Attempt>, Diagnostic> {
    let (mut low, mut high, mut best) = (0, limit, None);
    while low < high {
        let middle = low + (high - low) / 2;
        let tried = attempt(middle)?;
        if tried.fits() {
            low = middle + 1;
            best = Some(tried);
        } else {
            high = middle;
        }
    }
    Ok(best)
}

/// HTML with its styles on each element, since Gmail drops them from the head at times. What depends on the device stays in
/// the head.
///
/// # Errors
///
/// Styles that cannot be read, with the name of the template.
pub fn inlined(html: &str, template: &str) -> Result<String, Diagnostic> {
    let inliner = CSSInliner::options().load_remote_stylesheets(false).keep_at_rules(true).minify_css(true).build();
    let html = inliner.inline(html).map_err(|error| {
        let cause = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Diagnostic::error(format!("the styles of template `{template}` cannot be read: {cause}"))
    })?;
    // What stays of the styles is put first in the head, and the encoding must stand in the first 1024 bytes.
    Ok(html.replacen("<head>", "<head>\n<meta charset=\"utf-8\">\n", 1))
}

/// Text without white space at the end of a line (but for that of `-- `, which mail clients look for), and with one blank
/// line where there are several.
pub fn tidied(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.trim().lines().map(|line| if line == "-- " { line } else { line.trim_end() }) {
        if !(line.is_empty() && out.ends_with("\n\n")) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

struct Attempt {
    html: String,
    encoded_bytes: usize,
    view: View,
    hidden: usize,
    shape: Shape,
}

impl Attempt {
    fn fits(&self) -> bool {
        self.encoded_bytes <= MOST_BYTES
    }
}

impl Shortening {
    /// One sentence on what was left out, in English; none where all is there.
    pub fn sentence(&self) -> Option<String> {
        self.say(&Language::english())
    }

    /// The same in a language.
    pub fn say(&self, language: &Language) -> Option<String> {
        let words = &language.words().preview.shortened;
        let mut parts = Vec::new();
        if self.without_lead {
            parts.push(words.without_lead.clone());
        }
        if let Some(chars) = self.summary_chars {
            parts.push(fill(&words.summaries, &[("n", &language.number(chars))]));
        }
        if self.without_summary > 0 {
            parts.push(language.count(&words.without_summary, self.without_summary, &[]));
        }
        if self.hidden > 0 {
            parts.push(language.count(&words.hidden, self.hidden, &[]));
        }
        let values = [("limit", &*language.number(MOST_BYTES / 1000)), ("parts", &*parts.join(", "))];
        (!parts.is_empty()).then(|| fill(&words.sentence, &values))
    }
}

#[cfg(test)]
mod tests;
