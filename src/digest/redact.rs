//! Taking a post out of the page of an issue that has gone out.
//!
//! What is changed is what the page is made from, never the HTML. The post goes wherever it stands, and with it every line of
//! the issue itself that says its title: subject, preheader, the editor's words. What other posts say of it is theirs; that
//! they do is told.

use super::compose::{PREHEADER_CHARS, SUBJECT_CHARS, one_line, preheader_of};
use super::view::{RedactedView, StoryView, View, WordsView, filler};
use crate::language::{Language, fill};
use crate::wrap::shortened;
use chrono::NaiveDate;
use percent_encoding::percent_decode_str;
use url::Url;

/// What was taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Struck {
    /// The title of the post.
    pub title: String,
    /// The names that it goes by: the id of its entry, and the last part of its address.
    pub names: Vec<String>,
    /// Whether the editor's words went with it.
    pub took_intro: bool,
    /// The titles of posts whose own words name it still.
    pub named_by: Vec<String>,
}

/// The ids of the entries in a view that a name means: of the entry, of the post, or the last part of its address. `others`
/// are ids that the name is known to mean.
pub fn find(view: &View, name: &str, others: &[String]) -> Vec<String> {
    let means = |story: &&StoryView| names(story).iter().any(|known| known == name || others.contains(known));
    let mut found: Vec<String> = view.stories().chain(&view.related).filter(means).map(|s| s.id.clone()).collect();
    found.dedup();
    // Whoever says the whole id means nothing else.
    if found.iter().any(|id| id == name) { vec![name.to_owned()] } else { found }
}

/// The names that a post of a view goes by: the id of its entry, and the last part of its address.
pub fn names(story: &StoryView) -> Vec<String> {
    let slug = Url::parse(&story.url).ok().and_then(|url| {
        let last = url.path_segments()?.rfind(|part| !part.is_empty())?;
        Some(percent_decode_str(last).decode_utf8_lossy().into_owned())
    });
    std::iter::once(story.id.clone()).chain(slug).collect()
}

/// Takes a post out of a view, and says so in it. None where the view does not have it.
///
/// `at_all` is how many posts were taken out by then, this one among them; `on` the day.
pub fn strike(view: &mut View, id: &str, at_all: usize, on: NaiveDate) -> Option<Struck> {
    let story = view.stories().chain(&view.related).find(|story| story.id == id)?.clone();
    view.lead = view.lead.take().filter(|lead| lead.id != id);
    for section in &mut view.sections {
        section.stories.retain(|story| story.id != id);
    }
    view.sections.retain(|section| !section.stories.is_empty());
    view.titles.retain(|story| story.id != id);
    view.related.retain(|story| story.id != id);

    let language = Language::of(&view.lang);
    let words = language.words();
    let old_count = std::mem::take(&mut view.count);
    view.count = language.count(&words.counts.posts, view.stories().count(), &[]);
    if quotes(&view.subject, &story) {
        let plain = fill(&words.digest.plain_subject, &[("title", &view.title), ("date", &view.date)]);
        view.subject = one_line(&plain, SUBJECT_CHARS).to_string();
    }
    if quotes(&view.preheader, &story) {
        let titles: Vec<&str> = view.stories().map(|story| &*story.title).collect();
        let preheader = match view.stories().next() {
            Some(first) => preheader_of(&titles, &first.summary),
            None => view.count.clone(),
        };
        view.preheader = one_line(&preheader, PREHEADER_CHARS).to_string();
    } else if view.preheader == old_count {
        view.preheader = view.count.clone();
    }
    view.filler = filler(&view.preheader);
    let took_intro = view.intro.as_ref().is_some_and(|intro| speaks_of(intro, &story));
    if took_intro {
        view.intro = None;
    }
    view.redacted = Some(RedactedView {
        posts: at_all,
        date_iso: on.to_string(),
        text: language.count(&words.digest.redacted, at_all, &[("date", &language.day(on))]),
    });
    let names_it = |other: &&StoryView| {
        let call = other.call.iter().flat_map(|call| &call.words);
        quotes(&other.summary, &story) || other.words.iter().chain(call).any(|words| speaks_of(words, &story))
    };
    let named_by = view.stories().chain(&view.related).filter(names_it).map(|other| other.title.clone()).collect();
    Some(Struck { names: names(&story), title: story.title, took_intro, named_by })
}

/// Whether words say the title of a post or lead to it.
fn speaks_of(words: &WordsView, story: &StoryView) -> bool {
    let page = |url: &str| url.split(['?', '#']).next().unwrap_or_default().to_owned();
    let leads_to_it = words.html.split("href=\"").skip(1).any(|rest| {
        let url = rest.split('"').next().unwrap_or_default();
        page(&url.replace("&amp;", "&")) == page(&story.url)
    });
    leads_to_it || quotes(&words.text, story)
}

/// Whether a text says the title of a post, or its summary, whole or cut as a subject and a preheader cut them. As whole
/// words: a post called `AI` is not quoted by `said`.
fn quotes(text: &str, story: &StoryView) -> bool {
    let cut = |text: &str, chars: usize| {
        let short = shortened(text, chars);
        short.strip_suffix('…').unwrap_or(&short).trim_end().to_owned()
    };
    let title = &story.title;
    let said = [title.clone(), cut(title, SUBJECT_CHARS * 2 / 3), cut(title, 70), cut(&story.summary, PREHEADER_CHARS)];
    said.iter().any(|said| says(text, said))
}

fn says(text: &str, words: &str) -> bool {
    let (text, words) = (text.to_lowercase(), words.trim().to_lowercase());
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    !words.is_empty()
        && text.match_indices(&words).any(|(at, found)| {
            is_edge(text[..at].chars().next_back()) && is_edge(text[at + found.len()..].chars().next())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::view::SectionView;

    fn story(id: &str, title: &str) -> StoryView {
        StoryView {
            id: format!("tag:example.org,2026:{id}"),
            title: title.into(),
            url: format!("https://example.org/blog/{id}-slug/?utm_source=x"),
            summary: format!("About {title}."),
            ..StoryView::default()
        }
    }

    fn view() -> View {
        let section = |title: &str, stories| SectionView { title: title.into(), stories };
        View {
            lang: "en".into(),
            subject: "The first, and 3 more".into(),
            preheader: "The second · The third".into(),
            title: "The week".into(),
            date: "23 November 2026".into(),
            count: "4 posts".into(),
            lead: Some(story("1", "The first")),
            sections: vec![section("A", vec![story("2", "The second")]), section("B", vec![story("3", "The third")])],
            titles: vec![story("4", "AI")],
            related: vec![story("5", "Older")],
            ..View::default()
        }
    }

    fn on() -> NaiveDate {
        "2026-11-24".parse().unwrap()
    }

    fn id(name: &str) -> String {
        format!("tag:example.org,2026:{name}")
    }

    #[test]
    fn a_post_is_found_by_the_names_it_goes_by() {
        #[track_caller]
        fn case(name: &str, others: &[String], want: &[&str]) {
            let want: Vec<String> = want.iter().map(|name| id(name)).collect();
            assert_eq!(find(&view(), name, others), want, "{name}");
        }
        case("tag:example.org,2026:2", &[], &["2"]);
        case("2-slug", &[], &["2"]);
        case("5-slug", &[], &["5"]);
        case("2", &[], &[]);
        case("two", &[id("2")], &["2"]);
        case("both", &[id("2"), id("4")], &["2", "4"]);
        case("slug", &[], &[]);
    }

    #[test]
    fn a_post_goes_from_wherever_it_stands_and_the_page_says_so() {
        let mut page = view();
        let struck = strike(&mut page, &id("2"), 1, on()).unwrap();
        assert_eq!(struck.names, [id("2"), "2-slug".into()]);
        assert_eq!((struck.title.as_str(), struck.took_intro), ("The second", false));
        assert_eq!(page.sections.iter().map(|section| &*section.title).collect::<Vec<_>>(), ["B"]);
        assert_eq!(
            (&*page.subject, &*page.preheader, &*page.count),
            ("The first, and 3 more", "The third · AI", "3 posts")
        );
        assert_eq!(page.redacted.as_ref().unwrap().text, "A post was taken out of this issue on 24 November 2026.");
        assert_eq!(strike(&mut page, &id("2"), 2, on()), None);
        for (n, name) in [(2, "1"), (3, "3"), (4, "4"), (5, "5")] {
            strike(&mut page, &id(name), n, on()).unwrap();
        }
        assert_eq!(
            (&*page.subject, &*page.preheader, &*page.count),
            ("The week, 23 November 2026", "No posts", "No posts")
        );
        let text = &page.redacted.as_ref().unwrap().text;
        assert_eq!(text, "5 posts were taken out of this issue, the last of them on 24 November 2026.");
        let left = serde_json::to_string(&page).unwrap();
        for gone in ["first", "second", "third", "AI", "Older", "slug"] {
            assert!(!left.contains(gone), "{gone} in {left}");
        }
    }

    #[test]
    fn what_the_editor_says_of_it_goes_and_what_another_post_says_is_told() {
        let words =
            |html: &str, text: &str| Some(WordsView { html: html.into(), text: text.into(), ..WordsView::default() });
        let mut page =
            View { intro: words("<p>See <a href=\"https://example.org/blog/2-slug/\">it</a></p>", "See it"), ..view() };
        page.sections[1].stories[0].summary = "It goes on where “the SECOND” ends.".into();
        let struck = strike(&mut page, &id("2"), 1, on()).unwrap();
        assert_eq!((struck.took_intro, page.intro), (true, None));
        assert_eq!(struck.named_by, ["The third"]);
        let mut page = View { intro: words("<p>What she said.</p>", "What she said."), ..view() };
        let struck = strike(&mut page, &id("4"), 1, on()).unwrap();
        assert!(!struck.took_intro && page.intro.is_some() && struck.named_by.is_empty());
    }

    #[test]
    fn a_long_title_is_known_also_where_it_was_cut() {
        let title = "A title that is so long that neither the subject of a mail nor what follows it shows all of it, whoever reads it";
        let mut page = view();
        page.lead = Some(story("1", title));
        page.subject = format!("{}, and 3 more", shortened(title, 100));
        strike(&mut page, &id("1"), 1, on()).unwrap();
        assert_eq!(page.subject, "The week, 23 November 2026");
    }
}
