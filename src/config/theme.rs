//! The look of a mail: colours for light and dark, logo, font, width.
//!
//! Every text of the mail is in one of the pairs of [`PAIRS`]; a pair that cannot be read is refused, in the colours for
//! light and in those for dark. Nothing here looks at a file: whether a logo is there is for the caller to find out.

use super::FILE;
use super::colour::{Colour, LEAST_CONTRAST};
use super::tree::{Fault, Table, wrong_type};
use super::values;
use crate::diagnostic::{Diagnostic, Span};
use crate::text::Text;
use toml::de::DeValue;

/// How a digest looks.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// Colours where the reader's device is light, or says nothing.
    pub light: Colours,
    /// Colours where it is dark.
    pub dark: Colours,
    /// Shown above the title, in place of the site's name.
    pub logo: Option<Logo>,
    /// Font names as CSS wants them, in single quotes where they are quoted.
    pub font: String,
    /// Of the column, in pixels: 480 to 640.
    pub width: u32,
}

/// The colours of one scheme.
#[derive(Clone, Debug, PartialEq)]
pub struct Colours {
    /// Around the column.
    pub background: Colour,
    /// The column itself.
    pub surface: Colour,
    /// Titles and sentences.
    pub text: Colour,
    /// Dates, names, the footer.
    pub muted: Colour,
    /// Links, the names of sections, the button.
    pub accent: Colour,
    /// What stands on the button.
    pub button_text: Colour,
    /// Lines between posts.
    pub border: Colour,
}

/// A logo.
#[derive(Clone, Debug, PartialEq)]
pub struct Logo {
    /// An address, or a path on the site.
    pub src: String,
    /// The same for dark, where it is another.
    pub dark_src: Option<String>,
    /// What it says; the site's name where there is nothing.
    pub alt: Option<Text>,
    /// As it is shown, in pixels.
    pub width: u32,
    /// As it is shown, in pixels.
    pub height: u32,
    /// Where `src` stands in `tidings.toml`.
    pub span: Span,
}

/// Every colour of text, and what it stands on somewhere in a mail.
pub const PAIRS: [(&str, &str); 7] = [
    ("text", "background"),
    ("muted", "background"),
    ("accent", "background"),
    ("text", "surface"),
    ("muted", "surface"),
    ("accent", "surface"),
    ("button_text", "accent"),
];

/// Words of CSS that mean some font of a kind.
const GENERIC: [&str; 5] = ["sans-serif", "serif", "monospace", "system-ui", "cursive"];

const KEYS: [&str; 5] = ["light", "dark", "logo", "font", "width"];
const COLOURS: [&str; 7] = ["background", "surface", "text", "muted", "accent", "button_text", "border"];
const LOGO_KEYS: [&str; 5] = ["src", "dark_src", "alt", "width", "height"];

/// The fonts that devices have for their own texts.
const SYSTEM_FONT: &str = "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

impl Default for Theme {
    fn default() -> Theme {
        Theme {
            light: Colours {
                background: Colour([0xf4, 0xf1, 0xec]),
                surface: Colour([0xff, 0xff, 0xff]),
                text: Colour([0x1f, 0x1d, 0x1a]),
                muted: Colour([0x5e, 0x59, 0x52]),
                accent: Colour([0xa8, 0x3a, 0x08]),
                button_text: Colour([0xff, 0xff, 0xff]),
                border: Colour([0xe5, 0xe1, 0xda]),
            },
            dark: Colours {
                background: Colour([0x14, 0x13, 0x11]),
                surface: Colour([0x1f, 0x1e, 0x1b]),
                text: Colour([0xec, 0xea, 0xe5]),
                muted: Colour([0xaa, 0xa4, 0x9b]),
                accent: Colour([0xf4, 0xa0, 0x6b]),
                button_text: Colour([0x1f, 0x1d, 0x1a]),
                border: Colour([0x3a, 0x37, 0x32]),
            },
            logo: None,
            font: SYSTEM_FONT.to_owned(),
            width: 600,
        }
    }
}

impl Theme {
    /// What `theme` of a digest's table says, over the defaults; the defaults where it says nothing.
    pub(crate) fn read(digest: &Table<'_, '_>, findings: &mut Vec<Diagnostic>) -> Theme {
        let Some(table) = &below(digest, "theme", findings) else { return Theme::default() };
        table.refuse_unknown(&KEYS, findings, |key| {
            COLOURS
                .contains(&key)
                .then(|| format!("`{key}` is a colour of `light` and of `dark`: `light.{key} = \"#…\"`"))
        });
        let default = Theme::default();
        Theme {
            light: read_colours(table, "light", default.light, findings),
            dark: read_colours(table, "dark", default.dark, findings),
            logo: read_logo(table, findings),
            font: table.get("font", findings, font).unwrap_or(default.font),
            width: table.get("width", findings, |key, value| pixels(key, value, 480, 640)).unwrap_or(default.width),
        }
    }

    /// The last named font: in a stack that is the one which most devices have. It comes with its kind.
    pub(crate) fn plain_font(&self) -> String {
        let names: Vec<&str> = self.font.split(", ").collect();
        let kind = names.last().copied().filter(|last| GENERIC.contains(last)).unwrap_or("sans-serif");
        let own = names.iter().rev().find(|name| !GENERIC.contains(name)).copied();
        let usual = match kind {
            "serif" => "Georgia",
            "monospace" => "'Courier New'",
            _ => "Arial",
        };
        format!("{}, {kind}", own.unwrap_or(usual))
    }
}

impl Colours {
    /// A colour by its name in the settings.
    fn get(&self, name: &str) -> Colour {
        match name {
            "background" => self.background,
            "surface" => self.surface,
            "text" => self.text,
            "muted" => self.muted,
            "accent" => self.accent,
            "button_text" => self.button_text,
            _ => self.border,
        }
    }

    /// The pairs that cannot be read.
    fn unreadable(&self) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        PAIRS.into_iter().filter(|(on, under)| self.get(on).contrast(self.get(under)) < LEAST_CONTRAST)
    }
}

impl Logo {
    /// The paths that it has on the site itself, for whoever can see whether something is there.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let srcs = [Some(&self.src), self.dark_src.as_ref()].into_iter().flatten();
        srcs.map(String::as_str).filter(|src| !is_address(src))
    }

    /// What to say of a logo that cannot be read, and why.
    pub fn unreadable(&self, path: &str, cause: &str) -> Diagnostic {
        Diagnostic::error(format!("logo `{path}` cannot be read: {cause}"))
            .at(FILE, self.span)
            .hint("write the path that it has on the site, or an address that starts with `https://`")
    }
}

fn is_address(src: &str) -> bool {
    src.starts_with("https://") || src.starts_with("http://")
}

/// The table of a key of another table, where it is one.
fn below<'s, 't>(table: &Table<'s, 't>, key: &str, findings: &mut Vec<Diagnostic>) -> Option<Table<'s, 't>> {
    let value = table.entries.get(key)?;
    let DeValue::Table(entries) = value.get_ref() else {
        let fault = wrong_type(key, "a table", value.get_ref());
        let hint = match key {
            "theme" => "width = 600",
            "logo" => "src = \"/logo.png\", width = 120, height = 32",
            _ => "accent = \"#a83a08\"",
        };
        findings.push(table.source.finding(value.span(), fault.hint(format!("write `{key} = {{ {hint} }}`"))));
        return None;
    };
    let name = match table.name.strip_suffix(']') {
        Some(above) => format!("{above}.{key}]"),
        None => format!("[{key}]"),
    };
    Some(Table { name, entries, source: table.source })
}

fn read_colours(table: &Table<'_, '_>, key: &str, default: Colours, findings: &mut Vec<Diagnostic>) -> Colours {
    let Some(table) = below(table, key, findings) else { return default };
    table.refuse_unknown(&COLOURS, findings, |_| None);
    let before = findings.len();
    let mut get = |name: &str, default: Colour| table.get(name, findings, colour).unwrap_or(default);
    let colours = Colours {
        background: get("background", default.background),
        surface: get("surface", default.surface),
        text: get("text", default.text),
        muted: get("muted", default.muted),
        accent: get("accent", default.accent),
        button_text: get("button_text", default.button_text),
        border: get("border", default.border),
    };
    if findings.len() == before {
        let faulty: Vec<_> = colours.unreadable().collect();
        for &(on, under) in &faulty {
            // Where the accent cannot be read itself, what stands on it is asked again once it is another.
            let follows = !table.entries.contains_key(on) && faulty.iter().any(|(first, _)| *first == under);
            if !follows {
                findings.push(unreadable(&table, key, &colours, on, under));
            }
        }
    }
    colours
}

/// What to say of a pair. It points at the colour of the text where the settings name it, else at that below it.
fn unreadable(table: &Table<'_, '_>, scheme: &str, colours: &Colours, on: &str, under: &str) -> Diagnostic {
    let (colour, ground) = (colours.get(on), colours.get(under));
    // Rounded down, so that what fails never looks as if it passed.
    let ratio = (colour.contrast(ground) * 100.0).floor() / 100.0;
    let message = format!(
        "`{on}` ({colour}) on `{under}` ({ground}) has a contrast of {ratio:.2}:1 in `{scheme}`, and needs {LEAST_CONTRAST}:1"
    );
    let named = if table.entries.contains_key(on) { on } else { under };
    let finding = Diagnostic::error(message).at(FILE, table.value_span(named));
    let all: Vec<Colour> = PAIRS.iter().filter(|(o, _)| *o == on).map(|(_, under)| colours.get(under)).collect();
    match colour.readable_on(&all).or_else(|| colour.readable_on(&[ground])) {
        Some(near) => finding.hint(format!("the nearest `{on}` that can be read there is `{near}`")),
        None => finding,
    }
}

fn colour(key: &str, value: &DeValue<'_>) -> Result<Colour, Fault> {
    let raw = values::text(key, value)?;
    Colour::parse(raw).ok_or_else(|| {
        let fault = Fault::new(format!("`{key}` is not a colour: `{raw}`"));
        fault.hint("write `#` and six digits from `0` to `f`: `#a83a08`; some mail clients read no other form")
    })
}

fn font(key: &str, value: &DeValue<'_>) -> Result<String, Fault> {
    let raw = values::text(key, value)?;
    let odd = |c: char| !(c.is_alphanumeric() || matches!(c, ' ' | ',' | '-' | '_' | '"' | '\''));
    if let Some((i, c)) = raw.chars().enumerate().find(|&(_, c)| odd(c)) {
        let fault = Fault::new(format!("`{key}` must not hold `{}`", c.escape_debug())).inside(i, 1);
        return Err(fault.hint("write font names with commas between them: `Georgia, serif`"));
    }
    let mut names: Vec<String> = Vec::new();
    for name in raw.split(',') {
        let bare = name.trim().trim_matches(['"', '\'']).trim();
        if bare.is_empty() || bare.contains(['"', '\'']) {
            let fault = Fault::new(format!("`{key}` is not a list of font names: `{raw}`"));
            return Err(fault.hint("write font names with commas between them: `Georgia, serif`"));
        }
        let plain = bare.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
        names.push(if plain { bare.to_owned() } else { format!("'{bare}'") });
    }
    if !names.last().is_some_and(|last| GENERIC.contains(&&**last)) {
        names.push("sans-serif".to_owned());
    }
    Ok(names.join(", "))
}

/// A whole number of pixels.
fn pixels(key: &str, value: &DeValue<'_>, least: u32, most: u32) -> Result<u32, Fault> {
    let n = values::at_least_one(key, value)?;
    let n = u32::try_from(n).unwrap_or(u32::MAX);
    if (least..=most).contains(&n) {
        return Ok(n);
    }
    Err(Fault::new(format!("`{key}` must be from {least} to {most} pixels, found {n}")))
}

fn read_logo(table: &Table<'_, '_>, findings: &mut Vec<Diagnostic>) -> Option<Logo> {
    let logo = below(table, "logo", findings)?;
    logo.refuse_unknown(&LOGO_KEYS, findings, |_| None);
    for key in ["src", "width", "height"] {
        if !logo.entries.contains_key(key) {
            let finding =
                Diagnostic::error(format!("`{}` has no `{key}`", logo.name)).at(FILE, table.value_span("logo"));
            findings.push(finding.hint(match key {
                "src" => "write an address, or the path that it has on the site: `src = \"/assets/logo.png\"`",
                _ => "mail clients keep the room for it free by `width` and `height`, in pixels as it is shown",
            }));
        }
    }
    let src = logo.get("src", findings, source)?;
    Some(Logo {
        src,
        dark_src: logo.get("dark_src", findings, source),
        alt: logo.get("alt", findings, values::shown),
        width: logo.get("width", findings, |key, value| pixels(key, value, 8, 640))?,
        height: logo.get("height", findings, |key, value| pixels(key, value, 8, 400))?,
        span: logo.value_span("src"),
    })
}

fn source(key: &str, value: &DeValue<'_>) -> Result<String, Fault> {
    let raw = values::text(key, value)?.trim();
    let scheme = raw.split_once(':').is_some_and(|(scheme, _)| !scheme.contains('/')) && !is_address(raw);
    if raw.is_empty() {
        Err(Fault::new(format!("`{key}` is empty")))
    } else if scheme || raw.starts_with("//") {
        Err(Fault::new(format!("`{key}` must be a path on the site or start with `https://`: `{raw}`")))
    } else if raw.chars().any(char::is_control) {
        Err(Fault::new(format!("`{key}` must not hold a control character")))
    } else if raw.rsplit('.').next().is_some_and(|end| end.eq_ignore_ascii_case("svg")) {
        Err(Fault::new(format!("`{key}` is an SVG file, which Gmail and Outlook do not show: `{raw}`"))
            .hint("write a PNG, twice as large as it is shown"))
    } else {
        Ok(raw.to_owned())
    }
}

/// Reads a theme that stands alone in a text as `[theme]`, for tests of whoever needs one.
#[cfg(test)]
pub(crate) fn parse(text: &str) -> Result<Theme, Vec<Diagnostic>> {
    let source = super::tree::Source::new(FILE, text);
    let root = source.parse().map_err(|finding| vec![finding])?;
    let mut findings = Vec::new();
    let theme = Theme::read(&Table { name: String::new(), entries: &root, source: &source }, &mut findings);
    if findings.is_empty() { Ok(theme) } else { Err(findings) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(text: &str, want: &str) {
        let findings = parse(text).expect_err(text);
        let told: String = findings.iter().map(|finding| finding.render(Some(text))).collect();
        assert_eq!(told, want);
    }

    #[test]
    fn the_defaults_can_be_read() {
        for colours in [Theme::default().light, Theme::default().dark] {
            assert_eq!(colours.unreadable().collect::<Vec<_>>(), []);
        }
    }

    #[test]
    fn what_is_said_lies_over_the_defaults() {
        let text = r##"
            [theme]
            width = 560
            font = 'Georgia, "Iowan Old Style"'
            light = { accent = "#00c" }
            logo = { src = "/logo.png", alt = "Lindenhof", width = 120, height = 32 }
        "##;
        let theme = parse(text).unwrap();
        assert_eq!(theme.light.accent, Colour([0, 0, 0xcc]));
        assert_eq!(theme.light.text, Theme::default().light.text);
        assert_eq!(theme.dark, Theme::default().dark);
        assert_eq!(theme.font, "Georgia, 'Iowan Old Style', sans-serif");
        assert_eq!(theme.width, 560);
        let logo = theme.logo.unwrap();
        assert_eq!(logo.paths().collect::<Vec<_>>(), ["/logo.png"]);
        assert_eq!(
            logo.unreadable("/logo.png", "there is no such file").render(Some(text)),
            "error: logo `/logo.png` cannot be read: there is no such file
 --> tidings.toml:6:28
  |
6 |             logo = { src = \"/logo.png\", alt = \"Lindenhof\", width = 120, height = 32 }
  |                            ^^^^^^^^^^^
hint: write the path that it has on the site, or an address that starts with `https://`
"
        );
        assert_eq!(parse("").unwrap(), Theme::default());
        let plain = |font: &str| parse(&format!("[theme]\nfont = \"{font}\"\n")).unwrap().plain_font();
        assert_eq!(plain("Inter, Verdana, sans-serif"), "Verdana, sans-serif");
        assert_eq!(plain("serif"), "Georgia, serif");
        assert_eq!(Theme::default().plain_font(), "Arial, sans-serif");
    }

    #[test]
    fn colours_that_cannot_be_read_are_refused_with_the_nearest_that_can() {
        says(
            "[theme.light]\nmuted = \"#999\"\n",
            "error: `muted` (#999999) on `background` (#f4f1ec) has a contrast of 2.52:1 in `light`, and needs 4.5:1
 --> tidings.toml:2:9
  |
2 | muted = \"#999\"
  |         ^^^^^^
hint: the nearest `muted` that can be read there is `#6e6e6e`
error: `muted` (#999999) on `surface` (#ffffff) has a contrast of 2.84:1 in `light`, and needs 4.5:1
 --> tidings.toml:2:9
  |
2 | muted = \"#999\"
  |         ^^^^^^
hint: the nearest `muted` that can be read there is `#6e6e6e`
",
        );
        // Of the text on the button, which the accent lies under, nothing is said until the accent is another.
        let findings = parse("[theme]\nlight.accent = \"#ff9900\"\n").unwrap_err();
        let told: Vec<_> = findings.iter().filter_map(|finding| finding.message.split(' ').nth(3)).collect();
        assert_eq!(told, ["`background`", "`surface`"]);
        assert_eq!(findings[0].hint.as_deref(), Some("the nearest `accent` that can be read there is `#9f5f00`"));
        assert!(parse("[theme]\nlight.accent = \"#9f5f00\"\n").is_ok());
        says(
            "[theme]\ndark.accent = \"#ff9a5c\"\ndark.button_text = \"#fff\"\n",
            "error: `button_text` (#ffffff) on `accent` (#ff9a5c) has a contrast of 2.09:1 in `dark`, and needs 4.5:1
 --> tidings.toml:3:20
  |
3 | dark.button_text = \"#fff\"
  |                    ^^^^^^
hint: the nearest `button_text` that can be read there is `#464646`
",
        );
    }

    #[test]
    fn what_a_theme_does_not_know_is_refused() {
        says(
            "[theme]\nwidht = 600\naccent = \"#000\"\nlight = { acent = \"#000\" }\ndark = \"black\"\n",
            "error: unknown key `accent` in `[theme]`
 --> tidings.toml:3:1
  |
3 | accent = \"#000\"
  | ^^^^^^
hint: `accent` is a colour of `light` and of `dark`: `light.accent = \"#…\"`
error: unknown key `widht` in `[theme]`
 --> tidings.toml:2:1
  |
2 | widht = 600
  | ^^^^^
hint: did you mean `width`?
error: unknown key `acent` in `[theme.light]`
 --> tidings.toml:4:11
  |
4 | light = { acent = \"#000\" }
  |           ^^^^^
hint: did you mean `accent`?
error: `dark` must be a table, found a text
 --> tidings.toml:5:8
  |
5 | dark = \"black\"
  |        ^^^^^^^
hint: write `dark = { accent = \"#a83a08\" }`
",
        );
    }

    #[test]
    fn the_theme_of_the_readme_is_one() {
        let readme = include_str!("../../README.md");
        let text = readme.split("[digest.weekly.theme]").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let theme = parse(&format!("[theme]{text}")).unwrap();
        // Its colours are the defaults.
        assert_eq!((theme.light, theme.dark), (Theme::default().light, Theme::default().dark));
    }

    #[test]
    fn a_theme_that_is_no_table_is_refused() {
        says(
            "theme = \"dark\"\n",
            "error: `theme` must be a table, found a text
 --> tidings.toml:1:9
  |
1 | theme = \"dark\"
  |         ^^^^^^
hint: write `theme = { width = 600 }`
",
        );
    }

    #[test]
    fn values_that_cannot_be_meant_are_refused() {
        #[track_caller]
        fn case(line: &str, message: &str, hint: Option<&str>) {
            let findings = parse(&format!("[theme]\n{line}\n")).expect_err(line);
            assert_eq!((&*findings[0].message, findings[0].hint.as_deref()), (message, hint), "{line}");
            assert_eq!(findings.len(), 1, "{line}");
        }
        case(
            "light.text = 'black'",
            "`text` is not a colour: `black`",
            Some("write `#` and six digits from `0` to `f`: `#a83a08`; some mail clients read no other form"),
        );
        case("width = 700", "`width` must be from 480 to 640 pixels, found 700", None);
        case(
            "font = 'Arial; color: red'",
            "`font` must not hold `;`",
            Some("write font names with commas between them: `Georgia, serif`"),
        );
        case(
            "font = 'Arial,,'",
            "`font` is not a list of font names: `Arial,,`",
            Some("write font names with commas between them: `Georgia, serif`"),
        );
        case(
            "logo = { src = 'javascript:x', width = 10, height = 10 }",
            "`src` must be a path on the site or start with `https://`: `javascript:x`",
            None,
        );
        case(
            "logo = { src = 'a.svg', width = 10, height = 10 }",
            "`src` is an SVG file, which Gmail and Outlook do not show: `a.svg`",
            Some("write a PNG, twice as large as it is shown"),
        );
        case(
            "logo = { src = 'a.png', width = 10 }",
            "`[theme.logo]` has no `height`",
            Some("mail clients keep the room for it free by `width` and `height`, in pixels as it is shown"),
        );
    }
}
