//! HTML so plain that the sanitiser would give it back byte for byte, told without parsing it.
//!
//! Nearly every post is a few elements, nested as they should be, with text and addresses between them. This file knows such
//! HTML by a grammar of its own and nothing else: not how it was made, and not what to do about anything. In doubt it says
//! no, and the sanitiser has its say. What the grammar leaves out is whatever makes a parser of HTML do more than open and
//! close what it reads (HTML standard, section 13.2.6): a block within a paragraph, within an element in a line its like, a
//! part of a table out of its place; and whatever a serialiser would write otherwise (section 13.3).

use memchr::memchr;

/// What may stand within an element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Blocks, text, and what stands in a line.
    Flow,
    /// Text, and what stands in a line.
    Line,
    /// Items of a list.
    Items,
    /// The head and body of a table.
    Groups,
    /// Rows.
    Rows,
    /// Cells.
    Cells,
    /// Nothing: it has no end tag.
    Nothing,
}

/// What an element is: name, where it may stand, what it may hold, attributes it may have.
struct Element {
    name: &'static str,
    within: &'static [Holds],
    holds: Holds,
    attributes: &'static [&'static str],
}

const BLOCK: &[Holds] = &[Holds::Flow];
const INLINE: &[Holds] = &[Holds::Flow, Holds::Line];

const fn element(
    name: &'static str,
    within: &'static [Holds],
    holds: Holds,
    attributes: &'static [&'static str],
) -> Element {
    Element { name, within, holds, attributes }
}

/// The elements, the frequent ones first.
const ELEMENTS: &[Element] = &[
    element("p", BLOCK, Holds::Line, &[]),
    element("a", INLINE, Holds::Line, &["href", "title"]),
    element("li", &[Holds::Items], Holds::Flow, &["id"]),
    element("em", INLINE, Holds::Line, &[]),
    element("strong", INLINE, Holds::Line, &[]),
    element("code", INLINE, Holds::Line, &["class"]),
    element("ul", BLOCK, Holds::Items, &[]),
    element("ol", BLOCK, Holds::Items, &["start"]),
    element("h1", BLOCK, Holds::Line, &[]),
    element("h2", BLOCK, Holds::Line, &[]),
    element("h3", BLOCK, Holds::Line, &[]),
    element("h4", BLOCK, Holds::Line, &[]),
    element("h5", BLOCK, Holds::Line, &[]),
    element("h6", BLOCK, Holds::Line, &[]),
    element("img", INLINE, Holds::Nothing, &["src", "alt", "title", "width", "height"]),
    element("br", INLINE, Holds::Nothing, &[]),
    element("hr", BLOCK, Holds::Nothing, &[]),
    element("blockquote", BLOCK, Holds::Flow, &[]),
    element("pre", BLOCK, Holds::Line, &[]),
    element("table", BLOCK, Holds::Groups, &[]),
    element("thead", &[Holds::Groups], Holds::Rows, &[]),
    element("tbody", &[Holds::Groups], Holds::Rows, &[]),
    element("tr", &[Holds::Rows], Holds::Cells, &[]),
    element("th", &[Holds::Cells], Holds::Flow, &["align"]),
    element("td", &[Holds::Cells], Holds::Flow, &["align"]),
    element("del", INLINE, Holds::Line, &[]),
    element("sup", INLINE, Holds::Line, &["id"]),
    element("sub", INLINE, Holds::Line, &[]),
    element("b", INLINE, Holds::Line, &[]),
    element("i", INLINE, Holds::Line, &[]),
];

/// Whether the sanitiser would give this HTML back as it is, but for white space at its ends.
pub(super) fn is_plain(html: &str) -> bool {
    // Where HTML starts with a byte order mark, a parser leaves that out.
    if html.starts_with('\u{feff}') {
        return false;
    }
    let mut open: Vec<&Element> = Vec::with_capacity(16);
    let mut rest = html;
    while let Some(tag) = memchr(b'<', rest.as_bytes()) {
        if !may_stand(&rest[..tag], &open) {
            return false;
        }
        let after = match rest[tag + 1..].strip_prefix('/') {
            Some(end) => open.pop().and_then(|element| end.strip_prefix(element.name)?.strip_prefix('>')),
            None => start(&rest[tag + 1..], &mut open),
        };
        match after {
            Some(after) => rest = after,
            None => return false,
        }
    }
    may_stand(rest, &open) && open.is_empty()
}

/// Whether text may stand in the innermost of these elements, and is written as a serialiser would write it.
fn may_stand(text: &str, open: &[&Element]) -> bool {
    match open.last().map_or(Holds::Flow, |element| element.holds) {
        Holds::Flow | Holds::Line => is_escaped(text, &IN_TEXT),
        _ => text.bytes().all(|byte| byte == b'\n' || byte == b' '),
    }
}

/// What follows a start tag, given what follows its `<`; none where it is out of place or not plain.
fn start<'h>(tag: &'h str, open: &mut Vec<&'static Element>) -> Option<&'h str> {
    let end = tag.bytes().position(|byte| !byte.is_ascii_alphanumeric())?;
    let (name, mut rest) = tag.split_at(end);
    let element = ELEMENTS.iter().find(|element| element.name == name)?;
    let place = open.last().map_or(Holds::Flow, |element| element.holds);
    // A list holds lists, a cell tables, a quotation quotations; of what stands in a line, none holds its like.
    let nested = element.holds == Holds::Line && open.iter().any(|outer| outer.name == name);
    if !element.within.contains(&place) || nested {
        return None;
    }
    let mut before: &[&str] = element.attributes;
    while let Some(attribute) = rest.strip_prefix(' ') {
        let (name, value) = attribute.split_once("=\"")?;
        let (value, after) = value.split_once('"')?;
        // In this order, and none twice.
        let at = before.iter().position(|known| *known == name)?;
        before = &before[at + 1..];
        if !is_escaped(value, &IN_VALUES) || matches!(name, "href" | "src") && !is_address(value) {
            return None;
        }
        rest = after;
    }
    let rest = rest.strip_prefix('>')?;
    // A parser takes a line break after `<pre>` for layout.
    if name == "pre" && rest.starts_with('\n') {
        return None;
    }
    if element.holds != Holds::Nothing {
        open.push(element);
    }
    Some(rest)
}

/// The escapes that a serialiser writes in a text.
const IN_TEXT: [&str; 4] = ["&amp;", "&lt;", "&gt;", "&nbsp;"];

/// The escapes that it writes in the value of an attribute, which ends with a quote.
const IN_VALUES: [&str; 5] = ["&amp;", "&lt;", "&gt;", "&nbsp;", "&quot;"];

/// Whether everything that has to be escaped is, and by nothing but these escapes.
fn is_escaped(text: &str, escapes: &[&'static str]) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|&byte| SPECIAL[usize::from(byte)]) {
        at += found;
        let known = match bytes[at] {
            b'&' => escapes.iter().copied().find(|escape| text[at..].starts_with(escape)),
            // Of the characters that start so, all but the space that must not break stay as they are.
            0xC2 if bytes[at + 1] != 0xA0 => Some("\u{80}"),
            _ => None,
        };
        match known {
            Some(known) => at += known.len(),
            None => return false,
        }
    }
    true
}

/// The bytes that [`is_escaped`] has to look at: markup, control characters, and the first byte of U+00A0.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        special[byte] = byte != 0x09 && byte != 0x0A;
        byte += 1;
    }
    special[0x7F] = true;
    special[0xC2] = true;
    special[b'&' as usize] = true;
    special[b'<' as usize] = true;
    special[b'>' as usize] = true;
    special
};

/// Whether an address is on the web, at a host with a name of small letters, digits and hyphens, or a mail's.
fn is_address(value: &str) -> bool {
    if let Some(rest) = value.strip_prefix("mailto:") {
        // Behind `//` a host would be looked for.
        return !rest.contains('/');
    }
    let Some(rest) = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://")) else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_label = |label: &str| {
        let mut bytes = label.bytes();
        !label.is_empty() && bytes.all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')) && !label.contains("--")
    };
    // A name that ends in a number is an address of the internet, and may be a wrong one.
    let last = host.rsplit('.').next().unwrap_or_default();
    host.split('.').all(is_label) && last.starts_with(|c: char| c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::super::sanitize::Sanitizer;
    use super::*;
    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;

    #[test]
    fn nothing_is_plain_that_is_not_on_the_lists_of_the_sanitiser() {
        use super::super::elements::{ON_ALL, ON_SOME, is_void, kept};
        for element in ELEMENTS {
            let name = element.name;
            assert!(kept(name).is_some(), "{name}");
            assert_eq!(element.holds == Holds::Nothing, is_void(name), "{name}");
            let on_this = ON_SOME.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, names)| names);
            for attribute in element.attributes {
                assert!(ON_ALL.contains(attribute) || on_this.contains(attribute), "{name} {attribute}");
            }
        }
    }

    #[test]
    fn what_posts_are_made_of_is_plain() {
        #[track_caller]
        fn case(html: &str) {
            assert!(is_plain(html), "{html}");
            assert_eq!(Sanitizer::new().clean_parsed(html).as_str(), html.trim_ascii());
        }
        case("");
        case("text &amp; \"more\" — &lt;b&gt; and so on&nbsp;…\n");
        case("<h2>One</h2>\n<p>A <em>b <strong>c</strong></em><br>\n<code>&amp;d</code> <del>e</del></p>\n<hr>\n");
        case("<p><a href=\"https://a.example/b?c=1&amp;d=2#e\" title=\"&quot;f&quot; &amp;c\">g</a></p>");
        case("<p><a href=\"mailto:a@b.example\">a</a></p>");
        case("<p><img src=\"http://a-b.example\" alt=\"\" title=\"c\"></p>");
        case("<ul>\n<li>a</li>\n<li>\n<p>b</p>\n<ol start=\"3\">\n<li>c</li>\n</ol>\n</li>\n</ul>\n");
        case(
            "<blockquote>\n<p>a</p>\n<blockquote>\n<pre><code class=\"language-rust\">b\n\nc\n</code></pre>\n</blockquote></blockquote>",
        );
        case(
            "<table>\n<thead><tr><th align=\"left\">a</th></tr></thead>\n<tbody><tr>\n<td><em>b</em></td></tr></tbody></table>",
        );
        case("<p>a<sup id=\"n1\"><a href=\"https://a.example/#n\">1</a></sup></p><ol><li id=\"n\">b</li></ol>");
    }

    #[test]
    fn what_a_parser_would_change_is_not() {
        #[track_caller]
        fn case(html: &str) {
            assert!(!is_plain(html), "{html}");
        }
        for html in ["<", "</p>", "<p>", "<p></em>", "<em><p></em></p>", "a > b", "a & b", "&copy;", "&quot;", "\u{a0}"]
        {
            case(html);
        }
        for html in
            ["<script>a</script>", "<P>a</P>", "<p >a</p>", "<p\n>a</p>", "<br/>", "<!-- a -->", "<p/>", "<svg></svg>"]
        {
            case(html);
        }
        for html in
            ["<p><p>a</p></p>", "<p><ul></ul></p>", "<a href=\"https://a.example\"><em><a>b</a></em></a>", "<li>a</li>"]
        {
            case(html);
        }
        for html in [
            "<table>a</table>",
            "<table><tr></tr></table>",
            "<tr></tr>",
            "<ul>a</ul>",
            "<ul><p>a</p></ul>",
            "<pre>\na</pre>",
        ] {
            case(html);
        }
        for value in [
            "javascript:a",
            "data:text/html,a",
            "/a",
            "https:a",
            "https://",
            "mailto://[",
            "mailto:/\n/a",
            "https://A.example",
            "https://a b",
        ] {
            case(&format!("<a href=\"{value}\">b</a>"));
        }
        for value in
            ["https://1.2.3.400/", "https://a.0x1", "https://xn--a", "https://a:b", "https://a@b", "https://a..b"]
        {
            case(&format!("<a href=\"{value}\">b</a>"));
        }
        for tag in
            ["<a href='https://a.example'>", "<a href=https://a.example>", "<a onclick=\"b\">", "<p class=\"b\">"]
        {
            case(&format!("{tag}b</a>"));
        }
        for tag in ["<a title=\"b\" href=\"https://a.example\">", "<a title=\"b\" title=\"c\">", "<a title=\"b>c\">"] {
            case(&format!("{tag}b</a>"));
        }
        case("\u{feff}a");
        case("a\r\nb");
        case("a\0b");
    }

    /// Grows HTML by what the choices say: as [`ELEMENTS`] has it, and now and then in any other way.
    fn grow(choices: &mut impl Iterator<Item = u16>, open: &[&Element], out: &mut String) {
        let place = open.last().map_or(Holds::Flow, |element| element.holds);
        const OTHERS: &[&str] = &["div", "span", "svg", "title", "caption", "option", "button", "font", "P", "script"];
        const ATTRIBUTES: &[&str] = &[
            "href=\"https://a.example/?a=1&amp;b\"",
            "src=\"https://a.b-c/d\"",
            "alt=\"&nbsp;&lt;\"",
            "title=\"a &quot;b&quot;\"",
            "class=\"language-c\"",
            "id=\"a\"",
            "start=\"2\"",
            "align=\"left\"",
        ];
        const ODD_ATTRIBUTES: &[&str] = &[
            "href=\"https://-a.b-/\"",
            "href=\"http://a.b.1a\"",
            "href=\"mailto:\"",
            "src=\"https://a.example./\"",
            "src=\"https://a\"",
            "href=\"//a\"",
            "onclick=\"a\"",
            "alt=a",
            "width=\"1%\"",
            "title=\"a\nb\u{80}\"",
            "href=\"https://a.b:80/\"",
            "href=\"mailto://[\"",
            "href=\"mailto:a b\"",
            "title=\"a\" title=\"b\"",
        ];
        const TEXTS: &[&str] = &[
            "a", "b c", "\n", " ", "&amp;", "&lt;&gt;", "&nbsp;", "&amp;lt;", "\"", "'", "é🎉", "\u{85}", "\t", "]]>",
            "\u{3000}",
        ];
        const ODD: &[&str] = &[
            "\u{a0}", "&#65;", "&amp", "<!---->", "\u{c}", "\u{feff}", "<", ">", "<p>", "</p>", "</em>", "</table>",
            "<li>", "&quot;",
        ];
        let pick = |list: &[&'static str], choice: u16| list[usize::from(choice) % list.len()];
        while let Some(choice) = choices.next().filter(|choice| choice % 5 > 0) {
            let (odd, choice) = (choice / 5 % 60 == 0, choice / 300);
            match (choice % 3, place) {
                (0, Holds::Flow | Holds::Line) => out.push_str(pick(if odd { ODD } else { TEXTS }, choice / 3)),
                (0, _) => out.push_str(if odd { "a" } else { "\n" }),
                _ if open.len() > 7 => {}
                _ => {
                    let nested = |element: &Element| open.iter().any(|outer| outer.name == element.name);
                    let is_fit = |element: &&Element| {
                        element.within.contains(&place) && !(element.holds == Holds::Line && nested(element))
                    };
                    let fits: Vec<&Element> = ELEMENTS.iter().filter(|element| odd || is_fit(element)).collect();
                    let Some(element) = fits.get(usize::from(choice / 3) % fits.len().max(1)) else { continue };
                    let name = if odd && choice % 2 == 0 { pick(OTHERS, choice) } else { element.name };
                    out.push_str(&format!("<{name}"));
                    let known = |attribute: &&&str| element.attributes.iter().any(|name| attribute.starts_with(name));
                    for attribute in ATTRIBUTES.iter().filter(known) {
                        if choices.next().is_some_and(|choice| choice % 3 == 0) {
                            out.push_str(&format!(" {attribute}"));
                        }
                    }
                    if odd && choice % 2 == 1 {
                        out.push_str(&format!(" {}", pick(ODD_ATTRIBUTES, choice)));
                    }
                    out.push('>');
                    if element.holds != Holds::Nothing {
                        grow(choices, &[open, &[element]].concat(), out);
                        out.push_str(&format!("</{name}>"));
                    }
                }
            }
        }
    }

    fn html() -> impl Strategy<Value = String> {
        prop::collection::vec(any::<u16>(), 0..80).prop_map(|choices| {
            let mut out = String::new();
            let mut choices = choices.into_iter();
            while choices.len() > 0 {
                grow(&mut choices, &[], &mut out);
            }
            out
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn the_sanitiser_gives_plain_html_back_as_it_is(html in html()) {
            if is_plain(&html) {
                let cleaned = Sanitizer::new().clean_parsed(&html);
                prop_assert_eq!(cleaned.as_str(), html.trim_ascii());
            }
        }
    }

    #[test]
    fn of_what_grows_at_random_much_is_plain_and_much_is_not() {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let grown = (0..1000).map(|_| html().new_tree(&mut runner).unwrap().current());
        let long: Vec<String> = grown.filter(|html| html.len() > 50).collect();
        let plain = long.iter().filter(|html| is_plain(html)).count();
        assert!((200..800).contains(&plain), "{plain} of {}", long.len());
    }
}
