//! Which elements and attributes a post may have in a feed, and which names are HTML at all.

use super::writer::Attribute;
use crate::content::links::Links;
use std::borrow::Cow;

/// The name of an element that feeds may carry: one of [`KEPT`].
pub(super) type Element = &'static str;

/// Elements that are kept. All of them are known to the W3C's feed validator as harmless. In alphabetical order.
pub(super) const KEPT: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "address",
    "article",
    "aside",
    "audio",
    "b",
    "bdi",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "data",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "main",
    "mark",
    "menu",
    "nav",
    "ol",
    "p",
    "picture",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "section",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "track",
    "tt",
    "u",
    "ul",
    "var",
    "video",
    "wbr",
];

/// Elements whose tags are left out; their content stays, but for those in [`super::raw`] that have none to show. Of
/// MathML only what is written in practice. In alphabetical order.
const LEFT_OUT: &[&str] = &[
    "annotation",
    "annotation-xml",
    "applet",
    "area",
    "base",
    "basefont",
    "bdo",
    "bgsound",
    "blink",
    "body",
    "button",
    "canvas",
    "datalist",
    "dialog",
    "dir",
    "embed",
    "fencedframe",
    "fieldset",
    "font",
    "form",
    "frame",
    "frameset",
    "head",
    "html",
    "iframe",
    "input",
    "isindex",
    "keygen",
    "label",
    "legend",
    "link",
    "listing",
    "maction",
    "map",
    "marquee",
    "math",
    "menclose",
    "menuitem",
    "merror",
    "meta",
    "meter",
    "mfenced",
    "mfrac",
    "mi",
    "mmultiscripts",
    "mn",
    "mo",
    "mover",
    "mpadded",
    "mphantom",
    "mprescripts",
    "mroot",
    "mrow",
    "ms",
    "mspace",
    "msqrt",
    "mstyle",
    "msub",
    "msubsup",
    "msup",
    "mtable",
    "mtd",
    "mtext",
    "mtr",
    "multicol",
    "munder",
    "munderover",
    "nobr",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "optgroup",
    "option",
    "output",
    "param",
    "plaintext",
    "portal",
    "progress",
    "rb",
    "rtc",
    "script",
    "search",
    "select",
    "selectedcontent",
    "semantics",
    "slot",
    "spacer",
    "style",
    "svg",
    "template",
    "textarea",
    "title",
    "xmp",
];

/// Attributes that are kept on every element.
pub(super) const ON_ALL: &[&str] = &["dir", "lang", "title"];

/// Attributes that are kept, by element. Ids are never the author's: see [`vet`].
pub(super) const ON_SOME: &[(&str, &[&str])] = &[
    ("a", &["href", "hreflang"]),
    ("audio", &["controls", "src"]),
    ("blockquote", &["cite"]),
    ("code", &["class"]),
    ("col", &["align", "span"]),
    ("colgroup", &["align", "span"]),
    ("data", &["value"]),
    ("del", &["cite", "datetime"]),
    ("details", &["open"]),
    ("img", &["align", "alt", "height", "sizes", "src", "srcset", "width"]),
    ("ins", &["cite", "datetime"]),
    ("li", &["id", "value"]),
    ("ol", &["reversed", "start", "type"]),
    ("pre", &["class"]),
    ("q", &["cite"]),
    ("source", &["media", "sizes", "src", "srcset", "type"]),
    ("sup", &["id"]),
    ("tbody", &["align"]),
    ("td", &["align", "colspan", "headers", "rowspan"]),
    ("tfoot", &["align"]),
    ("th", &["align", "colspan", "headers", "rowspan", "scope"]),
    ("thead", &["align"]),
    ("time", &["datetime"]),
    ("tr", &["align"]),
    ("track", &["default", "kind", "label", "src", "srclang"]),
    ("video", &["controls", "height", "poster", "src", "width"]),
];

/// The element of this name (in lower case), when it is kept.
pub(super) fn kept(name: &str) -> Option<Element> {
    KEPT.binary_search(&name).ok().map(|at| KEPT[at])
}

/// Whether a raw tag of this name, in any case, is a tag at all: else it is text that looks like one, such as `<keyfile>`.
///
/// Names with one colon, as word processors write them (`<o:p>`), are tags.
pub(super) fn is_known(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if kept(&name).is_some() || LEFT_OUT.binary_search(&name.as_str()).is_ok() {
        return true;
    }
    name.split_once(':').is_some_and(|(prefix, local)| {
        prefix.bytes().all(|b| b.is_ascii_alphanumeric())
            && !local.is_empty()
            && local.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

/// Elements without an end tag.
pub(super) fn is_void(name: &str) -> bool {
    matches!(name, "br" | "col" | "hr" | "img" | "source" | "track" | "wbr")
}

/// An attribute of a raw tag as it is written; `None` where it is left out.
///
/// Attributes that matter to nobody but a style sheet or script (`id`, `class`, `style`, `on…`) are left out; of `class`
/// stays what says in which language code is written.
pub(super) fn vet<'v>(links: &Links, element: Element, name: &str, value: &'v str) -> Option<Attribute<'v>> {
    let on_all = ON_ALL.iter().find(|n| **n == name);
    let on_this =
        || ON_SOME.iter().find(|(e, _)| *e == element).and_then(|(_, names)| names.iter().find(|n| **n == name));
    let name: &'static str = on_all.or_else(on_this)?;
    let trimmed = value.trim_ascii();
    let plain = |valid: bool| valid.then_some(Cow::Borrowed(trimmed));
    let value = match name {
        "href" => links.link(value).map(Cow::Owned),
        "src" if element == "img" => links.image(value).map(Cow::Owned),
        "srcset" => links.image_set(value).map(Cow::Owned),
        "src" | "poster" | "cite" => links.file(value).map(Cow::Owned),
        "id" => None,
        "class" => code_language(trimmed).map(Cow::Owned),
        "lang" | "hreflang" | "srclang" => {
            plain(!trimmed.is_empty() && trimmed.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        }
        "dir" => plain(is_one_of(trimmed, &["ltr", "rtl", "auto"])),
        "align" => plain(is_one_of(trimmed, &["left", "center", "right", "justify", "top", "middle", "bottom"])),
        "scope" => plain(is_one_of(trimmed, &["row", "col", "rowgroup", "colgroup"])),
        "width" | "height" => {
            plain(is_number(trimmed.strip_suffix('%').unwrap_or(trimmed.strip_suffix("px").unwrap_or(trimmed))))
                .map(|size| size.strip_suffix("px").map(|n| Cow::Owned(n.to_owned())).unwrap_or(size))
        }
        "colspan" | "rowspan" | "span" => plain(is_number(trimmed) && trimmed.len() <= 3),
        "start" | "value" if element != "data" => plain(is_number(trimmed.strip_prefix('-').unwrap_or(trimmed))),
        "type" if element == "ol" => plain(matches!(trimmed, "1" | "a" | "A" | "i" | "I")),
        "controls" | "default" | "open" | "reversed" => Some(Cow::Borrowed("")),
        "alt" => Some(Cow::Borrowed(value)),
        _ => plain(!trimmed.is_empty()),
    };
    let value = value?;
    (value.len() <= LONGEST || value.starts_with("data:")).then_some((name, value))
}

/// The most bytes of an attribute's value, but for a picture in one: what is longer is no address or name.
const LONGEST: usize = 16 * 1024;

/// `language-x`, when a class says so and `x` is a plain word.
pub(super) fn code_language(class: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '#' | '.' | '-');
    class
        .split_ascii_whitespace()
        .find(|class| class.strip_prefix("language-").is_some_and(|l| !l.is_empty() && l.chars().all(is_plain)))
        .map(str::to_owned)
}

fn is_one_of(value: &str, words: &[&str]) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(value))
}

fn is_number(value: &str) -> bool {
    !value.is_empty() && value.len() <= 9 && value.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_apart() {
        assert!(KEPT.is_sorted());
        assert!(LEFT_OUT.is_sorted());
        assert!(KEPT.iter().all(|name| LEFT_OUT.binary_search(name).is_err()));
        assert!(ON_SOME.iter().all(|(element, _)| kept(element).is_some()));
    }

    #[test]
    fn what_is_no_element_is_told_apart() {
        #[track_caller]
        fn case(name: &str, want: bool) {
            assert_eq!(is_known(name), want, "{name}");
        }
        for name in ["b", "B", "iFrame", "math", "o:p", "st1:place", "title"] {
            case(name, true);
        }
        for name in ["keyfile", "your-api-key", "T", "path", "http:", "mailto:a@example.org", "std::string", "", "b'"] {
            case(name, false);
        }
    }
}
