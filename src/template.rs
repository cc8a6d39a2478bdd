//! Templates: Tera, with the built-in ones compiled in and a site's own laid over them by name.
//!
//! The built-in templates need no folder beside the program. A site's own may replace one, extend it, include it, or be
//! parts of their own. What is wrong in one is a finding with file, line, column and cause, never Tera's own report.
//! Names that end in `.html` are escaped. A style sheet is no template: braces mean something else in it.

mod fault;

use crate::diagnostic::{Diagnostic, Span};
use crate::wrap::{COLUMNS, wrap};
use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use fault::{Fault, faults};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use tera::{Context, Kwargs, State, Tera, TeraResult};

/// The folder that a site's own templates lie in, relative to its root.
pub const FOLDER: &str = "templates";

/// What a browser shows a feed with: laid over by name like a template, but taken as it is.
pub const STYLE: &str = "style.css";

/// The templates that are compiled in. Each goes by the second half of its name too, unless the site has one of that name:
/// so a site's own can lie over it and extend it all the same.
const BUILT_IN: &[(&str, &str)] = &[
    ("tidings/archive.html", include_str!("templates/archive.html")),
    ("tidings/digest.html", include_str!("templates/digest.html")),
    ("tidings/digest.txt", include_str!("templates/digest.txt")),
    ("tidings/digest/head.html", include_str!("templates/digest/head.html")),
    ("tidings/digest/lead.html", include_str!("templates/digest/lead.html")),
    ("tidings/digest/story.html", include_str!("templates/digest/story.html")),
    ("tidings/digest/story.txt", include_str!("templates/digest/story.txt")),
    ("tidings/digest/style.html", include_str!("templates/digest/style.html")),
    ("tidings/feed.html", include_str!("templates/feed.html")),
    ("tidings/feeds.html", include_str!("templates/feeds.html")),
    ("tidings/notice.html", include_str!("templates/notice.html")),
    ("tidings/notice.txt", include_str!("templates/notice.txt")),
    ("tidings/page/style.html", include_str!("templates/page/style.html")),
    ("tidings/preview.html", include_str!("templates/preview.html")),
    ("tidings/web/ask.html", include_str!("templates/web/ask.html")),
    ("tidings/web/base.html", include_str!("templates/web/base.html")),
    ("tidings/web/choices.html", include_str!("templates/web/choices.html")),
    ("tidings/web/confirm.html", include_str!("templates/web/confirm.html")),
    ("tidings/web/data.html", include_str!("templates/web/data.html")),
    ("tidings/web/message.html", include_str!("templates/web/message.html")),
    ("tidings/web/preferences.html", include_str!("templates/web/preferences.html")),
    ("tidings/web/signup.html", include_str!("templates/web/signup.html")),
    ("tidings/web/unsubscribe.html", include_str!("templates/web/unsubscribe.html")),
];

/// What the pages of the web server look like: the same.
pub const PAGES_STYLE: &str = "web/pages.css";

/// The style sheets that are compiled in.
const BUILT_IN_STYLES: [(&str, &str); 2] =
    [(STYLE, include_str!("templates/style.css")), (PAGES_STYLE, include_str!("templates/web/pages.css"))];

/// What `urlencode` leaves alone: the unreserved characters of RFC 3986, and `/`.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// All templates of a site, checked as far as that goes without rendering them.
#[derive(Debug)]
pub struct Templates {
    read: Read,
    own: BTreeSet<String>,
    styles: BTreeMap<String, String>,
}

/// Templates as Tera has read them.
#[derive(Debug)]
enum Read {
    /// All together: any may use a site's own.
    Together(Arc<Tera>),
    /// There are none but the built-in ones. Reading all takes longer than to build a small site, so each is read when
    /// somebody asks for it, with those that it uses.
    OnDemand(Mutex<HashMap<&'static str, Arc<Tera>>>),
}

/// A template of one line that stands in a file of settings.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// The template.
    pub text: &'a str,
    /// The file it stands in.
    pub file: &'a str,
    /// The place of its first character.
    pub span: Span,
}

impl Templates {
    /// The built-in templates with a site's own over them, each with its name: the path below `templates`, with `/`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in the site's own templates: faults of syntax, filters that do not exist, parents and
    /// parts that are not there, circles.
    pub fn new(own: Vec<(String, String)>) -> Result<Templates, Vec<Diagnostic>> {
        let mut styles = BTreeMap::from(BUILT_IN_STYLES.map(|(name, text)| (name.to_owned(), text.to_owned())));
        let mut site: Vec<(String, String)> = Vec::new();
        for (name, text) in own {
            let text = text.strip_prefix('\u{feff}').map(String::from).unwrap_or(text);
            match name.as_str() {
                name if styles.contains_key(name) => drop(styles.insert(name.to_owned(), text)),
                name if name.ends_with(".css") => {}
                _ => site.push((name, text)),
            }
        }
        if site.is_empty() {
            return Ok(Templates { read: Read::OnDemand(Mutex::default()), own: BTreeSet::new(), styles });
        }
        let names: BTreeSet<String> = site.iter().map(|(name, _)| name.clone()).collect();
        let mut findings = Vec::new();
        let mut bad = BTreeSet::new();
        // Tera stops at the first fault of syntax. Whatever is at fault is set aside and the rest looked at again, so that
        // one run tells of everything; what merely uses a template that was set aside is not at fault itself.
        loop {
            let mut tera = empty();
            let kept = site.iter().filter(|(name, _)| !bad.contains(name)).map(|(n, t)| (n.as_str(), t.as_str()));
            let built_in = built_in().filter(|(name, _)| !names.contains(*name) || bad.contains(*name));
            let Err(error) = tera.add_raw_templates(built_in.chain(kept)) else {
                if findings.is_empty() {
                    return Ok(Templates { read: Read::Together(Arc::new(tera)), own: names, styles });
                }
                break;
            };
            let faults = faults(&error);
            let before = bad.len();
            for fault in faults {
                let follows = bad.iter().any(|name| fault.message.contains(&format!("`{name}`")));
                bad.extend(fault.file.clone().filter(|file| names.contains(file)));
                if !follows {
                    findings.push(fault.finding(&names));
                }
            }
            if bad.len() == before {
                break;
            }
        }
        findings.sort_by(|a, b| a.place.cmp(&b.place));
        findings.dedup();
        Err(findings)
    }

    /// The names of the templates that are compiled in, and that a site can lay its own over.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|&(name, _)| &name["tidings/".len()..]).chain(BUILT_IN_STYLES.map(|(name, _)| name))
    }

    /// The names of all pages that can be rendered: the site's own, and the built-in ones under the names by which a site
    /// lays its own over them.
    pub fn pages(&self) -> impl Iterator<Item = &str> {
        let mut pages: BTreeSet<&str> = self.own.iter().map(String::as_str).collect();
        for name in Templates::names() {
            pages.insert(name);
        }
        pages.into_iter().filter(|name| name.ends_with(".html"))
    }

    /// The style sheet for feeds: the site's own, else the built-in one.
    pub fn style(&self) -> &str {
        &self.styles[STYLE]
    }

    /// The same for the pages of the web server.
    pub fn pages_style(&self) -> &str {
        &self.styles[PAGES_STYLE]
    }

    /// Whether there is a template of this name.
    pub fn has(&self, name: &str) -> bool {
        match &self.read {
            Read::Together(tera) => tera.contains_template(name),
            Read::OnDemand(_) => built_in().any(|(known, _)| known == name),
        }
    }

    /// What can render this template, or a line that may use any.
    fn tera(&self, name: Option<&str>) -> Arc<Tera> {
        let read = match &self.read {
            Read::Together(tera) => return Arc::clone(tera),
            Read::OnDemand(read) => read,
        };
        let known = name.map(|name| built_in().find(|(known, _)| *known == name));
        // Neither a line nor a name that no template has can be told what it uses.
        let key = known.flatten().map_or("", |(name, _)| name);
        let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(read.entry(key).or_insert_with(|| Arc::new(alone(key))))
    }

    /// A line with its values filled in. Nothing is escaped: a line is no HTML.
    ///
    /// # Errors
    ///
    /// What is wrong in it, and where in the file that it stands in.
    pub fn render_line(&self, line: &Line, values: &impl Serialize) -> Result<String, Diagnostic> {
        let context = Context::from_serialize(values);
        context.and_then(|context| self.tera(None).render_str(line.text, &context, false)).map_err(|error| {
            let mut fault = faults(&error).into_iter().next().unwrap_or(Fault {
                message: "this template cannot be rendered".to_owned(),
                file: None,
                span: None,
            });
            let inside = fault.span.take().filter(|span| span.line == 1).map(|span| Span {
                line: line.span.line,
                column: line.span.column.saturating_add(span.column).saturating_sub(1),
                width: span.width,
            });
            fault.file = None;
            fault.finding(&self.own).at(line.file, inside.unwrap_or(line.span))
        })
    }

    /// A template with its values filled in. A line break ends the text.
    ///
    /// # Errors
    ///
    /// A template that does not exist, or what went wrong in it and where.
    pub fn render(&self, name: &str, values: &impl Serialize) -> Result<String, Diagnostic> {
        let context = Context::from_serialize(values);
        match context.and_then(|context| self.tera(Some(name)).render(name, &context)) {
            Ok(text) => Ok(format!("{}\n", text.trim_end())),
            Err(error) => Err(match faults(&error).into_iter().next() {
                Some(fault) => fault.finding(&self.own),
                None => Diagnostic::error(format!("template `{name}` cannot be rendered")),
            }),
        }
    }
}

/// The built-in templates by every name.
fn built_in<'a>() -> impl Iterator<Item = (&'a str, &'a str)> {
    BUILT_IN.iter().flat_map(|&(name, text)| [(name, text), (&name["tidings/".len()..], text)])
}

/// A built-in template and those that it uses, these again with theirs; all where there is none of this name.
fn alone(name: &'static str) -> Tera {
    let mut used: Vec<(&str, &str)> = built_in().filter(|(known, _)| *known == name).collect();
    let mut at = 0;
    while let Some((_, text)) = used.get(at).copied() {
        // A template names another in quotes.
        let names = |known: &str| text.split('"').any(|part| part == known);
        let more: Vec<_> = built_in().filter(|other| !used.contains(other) && names(other.0)).collect();
        used.extend(more);
        at += 1;
    }
    if used.is_empty() {
        used.extend(built_in());
    }
    let mut tera = empty();
    tera.add_raw_templates(used).expect("the built-in templates are sound, as their tests show");
    tera
}

/// Tera with our filters. They must be there before the templates are: Tera looks for them when it reads one.
fn empty() -> Tera {
    let mut tera = Tera::new();
    tera.register_filter("date", date);
    tera.register_filter("urlencode", urlencode);
    tera.register_filter("wrap", wrapped);
    tera
}

/// `{{ at | date(format="%e %B %Y") }}`: a date (`2026-03-02`) or a time (RFC 3339) in the words of strftime. Without a
/// format, the date alone.
fn date(value: &str, arguments: Kwargs, _: &State) -> TeraResult<String> {
    let format: Option<String> = arguments.get("format")?;
    let format = format.as_deref().unwrap_or("%Y-%m-%d");
    if StrftimeItems::new(format).any(|item| item == Item::Error) {
        return Err(tera::Error::message(format!("`{format}` is not a format of dates")));
    }
    let at: DateTime<FixedOffset> = match DateTime::parse_from_rfc3339(value) {
        Ok(at) => at,
        Err(_) => match NaiveDate::parse_from_str(value, "%Y-%m-%d") {
            Ok(day) => day.and_time(NaiveTime::MIN).and_utc().fixed_offset(),
            Err(_) => return Err(tera::Error::message(format!("`{value}` is not a date"))),
        },
    };
    let mut text = String::new();
    match write!(text, "{}", at.format(format)) {
        Ok(()) => Ok(text),
        Err(_) => Err(tera::Error::message(format!("`{format}` is not a format of dates"))),
    }
}

/// `{{ name | urlencode }}`: percent-encoded, but for letters, digits and `-._~/`.
fn urlencode(value: &str, _: Kwargs, _: &State) -> String {
    utf8_percent_encode(value, KEPT).to_string()
}

/// `{{ summary | wrap }}`: in lines of 72 columns, or of `columns`.
fn wrapped(value: &str, arguments: Kwargs, _: &State) -> TeraResult<String> {
    let columns: Option<usize> = arguments.get("columns")?;
    Ok(wrap(value, columns.unwrap_or(COLUMNS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use proptest::strategy::Strategy as _;
    use serde_json::json;

    fn own(files: &[(&str, &str)]) -> Result<Templates, Vec<Diagnostic>> {
        Templates::new(files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect())
    }

    /// What a site is told of its templates, as people read it.
    #[track_caller]
    fn told(files: &[(&str, &str)], want: &str) {
        let findings = match own(files) {
            Err(findings) => findings,
            Ok(templates) => {
                let values = json!({"site": {"title": "Example", "url": "https://example.org/"}, "n": 1});
                vec![templates.render(files[0].0, &values).unwrap_err()]
            }
        };
        let text: String = findings
            .iter()
            .map(|finding| {
                let file = finding.place.as_ref().map(|place| place.file.trim_start_matches("templates/"));
                finding.render(files.iter().find(|(name, _)| Some(*name) == file).map(|(_, text)| *text))
            })
            .collect();
        assert_eq!(text, want);
    }

    #[test]
    fn a_built_in_template_is_read_with_all_that_it_uses() {
        for (name, _) in built_in() {
            let (apart, together) = (alone(name), alone(""));
            let rendered = |tera: &Tera| tera.render(name, &Context::new()).map_err(|error| error.to_string());
            assert_eq!(rendered(&apart), rendered(&together), "{name}");
            assert!(apart.get_template_names().count() < together.get_template_names().count(), "{name}");
        }
    }

    #[test]
    fn a_fault_of_syntax_is_pointed_at() {
        told(
            &[("feeds.html", "<h1>\n  {{ site.title }\n</h1>")],
            "error: found `}` but expected `}}`
 --> templates/feeds.html:2:17
  |
2 |   {{ site.title }
  |                 ^
",
        );
    }

    #[test]
    fn a_name_that_does_not_exist_is_pointed_at_with_what_could_be_meant() {
        told(
            &[("feeds.html", "é {{ sitee.title }}")],
            "error: variable `sitee` is not defined
 --> templates/feeds.html:1:6
  |
1 | é {{ sitee.title }}
  |      ^^^^^
hint: did you mean `site`? there are `n`, `site`
",
        );
        told(
            &[("feeds.html", "{{ site.titel }}")],
            "error: field `titel` is not defined
 --> templates/feeds.html:1:9
  |
1 | {{ site.titel }}
  |         ^^^^^
hint: did you mean `title`? there are `title`, `url`
",
        );
    }

    #[test]
    fn all_templates_are_told_of_in_one_run() {
        told(
            &[
                ("a.html", "{{ n | dat }}"),
                ("b.html", "{% extends \"gone.html\" %}"),
                ("c.html", "{% if %}"),
                ("d.html", "{% include \"nowhere.html\" %}"),
                ("e.html", "{% extends \"c.html\" %}"),
            ],
            "error: unknown filter `dat`
 --> templates/a.html:1:8
  |
1 | {{ n | dat }}
  |        ^^^
error: template `gone.html`, which this one extends, does not exist
 --> templates/b.html
error: found `%}` but expected one of: integer, float, string, bool, ident, `-`, `not`, `<`, `{`, `[` or `(`
 --> templates/c.html:1:7
  |
1 | {% if %}
  |       ^^
error: unknown template `nowhere.html`
 --> templates/d.html:1:12
  |
1 | {% include \"nowhere.html\" %}
  |            ^^^^^^^^^^^^^^
",
        );
    }

    #[test]
    fn circles_are_named() {
        told(
            &[("a.html", "{% extends \"b.html\" %}"), ("b.html", "{% extends \"a.html\" %}")],
            "error: templates extend each other in a circle: `a.html` -> `b.html` -> `a.html`
 --> templates/a.html
",
        );
        told(
            &[("a.html", "{% include \"b.html\" %}"), ("b.html", "{% include \"a.html\" %}")],
            "error: templates include each other in a circle: `a.html` -> `b.html` -> `a.html`
 --> templates/a.html
",
        );
    }

    #[test]
    fn a_filter_that_cannot_do_it_says_why() {
        told(
            &[("a.html", "{{ \"soon\" | date }}")],
            "error: `soon` is not a date
 --> templates/a.html:1:13
  |
1 | {{ \"soon\" | date }}
  |             ^^^^
",
        );
        told(
            &[("a.html", "{{ \"2026-03-02\" | date(format=\"%Q\") }}")],
            "error: `%Q` is not a format of dates
 --> templates/a.html:1:19
  |
1 | {{ \"2026-03-02\" | date(format=\"%Q\") }}
  |                   ^^^^^^^^^^^^^^^^^
",
        );
        told(
            &[("a.html", "{{ n | date }}")],
            "error: invalid type for the value, expected `&str` but got `u64`
 --> templates/a.html:1:4
  |
1 | {{ n | date }}
  |    ^
",
        );
    }

    #[test]
    fn a_sites_own_template_lies_over_the_built_in_one_and_can_extend_it() {
        let page = json!({
            "site": {"title": "A & B", "url": "https://example.org/", "description": ""},
            "language": "en", "url": "u", "opml_url": "o", "main": null, "groups": [], "total": 0,
            "words": Language::of("en").feeds(&[("site", "A & B")]),
        });
        let over = own(&[("feeds.html", "{% include \"part.html\" %}"), ("part.html", "<b>{{ site.title }}</b>\n\n")]);
        assert_eq!(over.unwrap().render("feeds.html", &page).unwrap(), "<b>A &amp; B</b>\n");
        let extended = "{% extends \"tidings/feeds.html\" %}{% block header %}<h1>Ours</h1>{% endblock %}";
        let html = own(&[("feeds.html", extended)]).unwrap().render("feeds.html", &page).unwrap();
        assert!(
            html.contains("<header>\n<h1>Ours</h1>\n</header>") && html.contains("<title>Feeds of A &amp; B</title>")
        );
    }

    #[test]
    fn a_style_sheet_is_taken_as_it_is() {
        let css = "@media print{#nav{color:red}}";
        assert_eq!(own(&[("style.css", css)]).unwrap().style(), css);
        assert_eq!(own(&[("other.css", "{{")]).unwrap().style(), BUILT_IN_STYLES[0].1);
    }

    #[test]
    fn the_filters_say_dates_and_encode_addresses() {
        #[track_caller]
        fn case(text: &str, want: &str) {
            let templates = own(&[("a.txt", text)]).unwrap();
            assert_eq!(templates.render("a.txt", &json!({})).unwrap(), format!("{want}\n"));
        }
        case("{{ \"2026-03-02\" | date }}", "2026-03-02");
        case("{{ \"2026-03-02T23:30:00-05:00\" | date(format=\"%-d %B %Y, %H:%M\") }}", "2 March 2026, 23:30");
        case("{{ \"a/b c&d~é\" | urlencode }}", "a/b%20c%26d~%C3%A9");
    }

    #[test]
    fn what_is_compiled_in_has_a_name() {
        let names = [
            "archive.html",
            "digest.html",
            "digest.txt",
            "digest/head.html",
            "digest/lead.html",
            "digest/story.html",
            "digest/story.txt",
            "digest/style.html",
            "feed.html",
            "feeds.html",
            "notice.html",
            "notice.txt",
            "page/style.html",
            "preview.html",
            "web/ask.html",
            "web/base.html",
            "web/choices.html",
            "web/confirm.html",
            "web/data.html",
            "web/message.html",
            "web/preferences.html",
            "web/signup.html",
            "web/unsubscribe.html",
            "style.css",
            "web/pages.css",
        ];
        assert_eq!(Templates::names().collect::<Vec<_>>(), names);
    }

    #[test]
    fn nesting_without_end_is_a_finding() {
        for open in ["(", "[", "{", "-", "not ", "{% if n %}", "{% for x in n %}", "x[", "f(", "{% block a %}"] {
            let statement = open.starts_with("{%");
            let text = if statement { open.repeat(20_000) } else { format!("{{{{ {}", open.repeat(20_000)) };
            let findings = own(&[("a.html", &text)]).unwrap_err();
            assert!(findings.iter().all(|finding| !finding.message.contains('\n')), "{open}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_template_panic(
            pieces in proptest::collection::vec(proptest::prop_oneof![
                proptest::sample::select(vec![
                    "{{", "}}", "{%", "%}", "{#", "#}", "-", "(", ")", "[", "]", "\"", "'", "`", "|", ".", ",", ":", "=", "~",
                    " ", "\n", "\r\n", "if", "elif", "else", "endif", "for", "in", "endfor", "block", "endblock", "extends",
                    "include", "set", "raw", "endraw", "date", "urlencode", "format=", "site", "1", "1.5", "99999999999999999999",
                    "é", "🎉", "\u{0}", "<x/>", "</x>", "\"a.html\"", "\"feeds.html\"",
                ]).prop_map(String::from),
                proptest::prelude::any::<char>().prop_map(String::from),
            ], 0..30),
        ) {
            let text = pieces.concat();
            let values = json!({"site": {"title": "Example"}});
            let findings = match own(&[("a.html", &text)]) {
                Ok(templates) => templates.render("a.html", &values).err().into_iter().collect(),
                Err(findings) => findings,
            };
            for finding in findings {
                proptest::prop_assert!(!finding.message.contains('\n'), "{:?}", finding);
                let _ = finding.render(Some(&text));
            }
        }
    }
}
