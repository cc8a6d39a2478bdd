//! Writes HTML that is balanced, shallow and allowed, whatever it is told.
//!
//! Markdown's own elements and the author's raw tags arrive here alike. An end tag without a start is left out, what is
//! still open is closed, a table holds cells only, and nothing is nested deeper than [`MAX_DEPTH`]: beyond that, tags
//! are left out and the text stays. So the result parses without an error, in time that grows with its length only (HTML
//! parsers look through all open elements at nearly every tag), and each element of the result is one of
//! [`super::elements`], with its attributes vetted there.

use super::elements::{Element, is_void};
use super::embed::Embed;
use super::escape::{IN_TEXT, IN_VALUES, escape};
use crate::content::links::Links;
use memchr::memchr;

/// How deep elements may be nested. Browsers stop at 512, libxml2 at 256; people at a tenth of it.
pub(super) const MAX_DEPTH: usize = 128;

/// An attribute that has been vetted, to be written as it is.
pub(super) type Attribute<'a> = (&'static str, std::borrow::Cow<'a, str>);

/// Collects the HTML of one page.
pub(super) struct Writer<'a> {
    /// Resolves the page's addresses.
    pub(super) links: &'a Links<'a>,
    /// Where the last embed led: several elements often stand for one player.
    last_embed: String,
    out: String,
    open: Vec<Open>,
    /// How many start tags were left out because of the depth and have not been closed yet.
    too_deep: u32,
    serial: u32,
    ampersands: usize,
}

/// An element that has been started with [`Writer::start`], to be closed again with [`Writer::close`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    serial: u32,
    too_deep: u32,
}

struct Open {
    name: Element,
    /// 0 for a raw tag, which any end tag of its name may close; else known by one [`Mark`].
    serial: u32,
    /// Where its start tag begins in the output, and where its content.
    start: usize,
    content: usize,
}

impl<'a> Writer<'a> {
    /// An empty page.
    pub(super) fn new(links: &'a Links<'a>, capacity: usize) -> Writer<'a> {
        Writer {
            links,
            last_embed: String::new(),
            out: String::with_capacity(capacity),
            open: Vec::new(),
            too_deep: 0,
            serial: 0,
            ampersands: 0,
        }
    }

    /// Closes all that is open.
    pub(super) fn close_all(&mut self) {
        self.too_deep = 0;
        self.pop_to(0);
    }

    /// The HTML, with all closed.
    pub(super) fn finish(mut self) -> String {
        self.close_all();
        self.out
    }

    /// Starts an element of Markdown's, which no raw end tag closes but for paragraphs.
    pub(super) fn start(&mut self, name: Element, attributes: &[Attribute]) -> Mark {
        self.serial += 1;
        let too_deep = self.too_deep;
        let serial = if self.open_tag(name, attributes, self.serial) { self.serial } else { 0 };
        Mark { serial, too_deep }
    }

    /// Closes what [`Writer::start`] began, and all that was begun since; nothing when it is closed already.
    pub(super) fn close(&mut self, mark: Mark) {
        self.too_deep = mark.too_deep.min(self.too_deep);
        if mark.serial > 0
            && let Some(at) = self.open.iter().rposition(|open| open.serial == mark.serial)
        {
            self.pop_to(at);
        }
    }

    /// A raw start tag, or an element that has no content.
    pub(super) fn raw_start(&mut self, name: Element, attributes: &[Attribute]) {
        self.open_tag(name, attributes, 0);
    }

    /// A raw end tag: closes the nearest element of that name, unless that is outside of the cell or of an element of
    /// Markdown's that is open; then it is a stray one, and left out.
    pub(super) fn raw_end(&mut self, name: &str) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        let table_part =
            matches!(name, "table" | "caption" | "colgroup" | "thead" | "tbody" | "tfoot" | "tr" | "td" | "th");
        for (at, open) in self.open.iter().enumerate().rev() {
            if open.name == name {
                return if open.serial == 0 || name == "p" {
                    self.pop_to(at)
                };
            }
            let walled = if table_part { open.name == "table" } else { is_scope(open.name) };
            if walled || open.serial > 0 && open.name != "p" {
                return;
            }
        }
    }

    /// Text, to be escaped.
    pub(super) fn text(&mut self, text: &str) {
        let mut text = text;
        if let Some(top) = self.open.last() {
            // The parser of whoever reads this takes a line break after `<pre>` for layout.
            if top.name == "pre" && top.content == self.out.len() {
                text = text.trim_start_matches(['\n', '\r']);
            }
            if is_table_frame(top.name) && !text.trim_ascii().is_empty() {
                self.enter_cell();
            }
        }
        while let Some(at) = memchr(b'&', text.as_bytes()) {
            escape(&text[..=at], &IN_TEXT, &mut self.out);
            text = &text[at + 1..];
            self.ampersands += 1;
            // html5ever's serialiser searches all of the rest of a text anew at each `&`. A comment, which the sanitiser
            // takes out again, ends the text there.
            if self.ampersands.is_multiple_of(1024) {
                self.out.push_str("<!---->");
            }
        }
        escape(text, &IN_TEXT, &mut self.out);
    }

    /// A line break in the source of the page, for those who read that.
    pub(super) fn new_line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    /// A link in place of an embed: a paragraph where one may stand.
    pub(super) fn embed(&mut self, embed: &Embed) {
        if embed.url == self.last_embed {
            return;
        }
        self.last_embed.clone_from(&embed.url);
        if self.open.last().is_some_and(|top| is_table_frame(top.name)) {
            self.enter_cell();
        }
        let block = self.open.last().is_none_or(|top| holds_blocks(top.name));
        let paragraph = block.then(|| self.start("p", &[]));
        if paragraph.is_none() && self.out.ends_with("</a>") {
            self.out.push(' ');
        }
        let link = self.start("a", &[("href", embed.url.as_str().into())]);
        self.text(&embed.label);
        self.close(link);
        if let Some(paragraph) = paragraph {
            self.close(paragraph);
        }
    }

    /// Whether an element of this name is open in the cell that is being written.
    fn is_open(&self, name: &str) -> bool {
        self.open.iter().rev().take_while(|open| !is_scope(open.name)).any(|open| open.name == name)
    }

    /// Writes a start tag and remembers it, after what it ends by itself. False when it is left out.
    fn open_tag(&mut self, name: Element, attributes: &[Attribute], serial: u32) -> bool {
        if self.open.len() >= MAX_DEPTH && !is_void(name) {
            self.too_deep += 1;
            return false;
        }
        if !self.make_room(name) {
            return false;
        }
        self.push(name, attributes, serial);
        true
    }

    fn push(&mut self, name: Element, attributes: &[Attribute], serial: u32) {
        let start = self.out.len();
        self.out.push('<');
        self.out.push_str(name);
        for (attribute, value) in attributes {
            self.out.push(' ');
            self.out.push_str(attribute);
            self.out.push_str("=\"");
            escape(value, &IN_VALUES, &mut self.out);
            self.out.push('"');
        }
        self.out.push('>');
        if !is_void(name) {
            self.open.push(Open { name, serial, start, content: self.out.len() });
        }
    }

    /// Closes what a start tag ends without saying so (HTML standard, section 13.2.6.4). False where the element has no
    /// place: a cell outside of any table, or a reading outside of ruby.
    fn make_room(&mut self, name: Element) -> bool {
        match name {
            "caption" | "colgroup" | "col" | "thead" | "tbody" | "tfoot" | "tr" | "td" | "th" => {
                return self.make_table_room(name);
            }
            "rt" | "rp" if !self.is_open("ruby") => return false,
            "rt" | "rp" => self.close_nearest(&["rt", "rp"], &["ruby"]),
            _ => {}
        }
        if self.open.last().is_some_and(|top| is_table_frame(top.name)) {
            self.enter_cell();
        }
        match name {
            "li" => self.close_nearest(&["li"], LIST_WALLS),
            "dd" | "dt" => self.close_nearest(&["dd", "dt"], LIST_WALLS),
            "a" => self.close_nearest(&["a"], &[]),
            _ => {}
        }
        if closes_paragraph(name) {
            self.close_nearest(&["p"], &[]);
            if is_heading(name) && self.open.last().is_some_and(|top| is_heading(top.name)) {
                self.pop_to(self.open.len() - 1);
            }
        }
        true
    }

    fn make_table_room(&mut self, name: Element) -> bool {
        let Some(table) = self.open.iter().rposition(|open| open.name == "table") else { return false };
        let innermost = |names: &[&str]| self.open[table..].iter().rposition(|open| names.contains(&open.name));
        let parents: &[&str] = match name {
            "col" => &["colgroup"],
            "tr" => &["thead", "tbody", "tfoot"],
            "td" | "th" => &["tr"],
            _ => &[],
        };
        match innermost(parents) {
            Some(parent) => self.pop_to(table + parent + 1),
            None if name == "td" || name == "th" => {
                self.make_table_room("tr");
                self.push("tr", &[], 0);
            }
            None => {
                self.pop_to(table + 1);
                match name {
                    "col" => self.push("colgroup", &[], 0),
                    "tr" => self.push("tbody", &[], 0),
                    _ => {}
                }
            }
        }
        true
    }

    /// Text and other elements have no place between the cells of a table: they get a cell.
    fn enter_cell(&mut self) {
        self.make_table_room("td");
        self.push("td", &[], 0);
    }

    /// Closes the nearest open element of these names, unless a wall or the cell's border comes first.
    fn close_nearest(&mut self, names: &[&str], walls: &[&str]) {
        for (at, open) in self.open.iter().enumerate().rev() {
            if names.contains(&open.name) {
                return self.pop_to(at);
            }
            if is_scope(open.name) || walls.contains(&open.name) {
                return;
            }
        }
    }

    /// Closes open elements until only `keep` are left.
    fn pop_to(&mut self, keep: usize) {
        while self.open.len() > keep {
            let Some(open) = self.open.pop() else { return };
            if is_nothing_without_content(open.name) && self.out[open.content..].trim_ascii().is_empty() {
                self.out.truncate(open.start);
                continue;
            }
            self.out.push_str("</");
            self.out.push_str(open.name);
            self.out.push('>');
        }
    }
}

/// What an open list item is not looked for beyond.
const LIST_WALLS: &[&str] = &[
    "ul",
    "ol",
    "menu",
    "dl",
    "blockquote",
    "section",
    "article",
    "aside",
    "details",
    "figure",
    "header",
    "footer",
    "main",
    "nav",
];

fn is_scope(name: &str) -> bool {
    matches!(name, "table" | "td" | "th" | "caption")
}

fn is_table_frame(name: &str) -> bool {
    matches!(name, "table" | "colgroup" | "thead" | "tbody" | "tfoot" | "tr")
}

fn is_heading(name: &str) -> bool {
    matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
}

fn closes_paragraph(name: &str) -> bool {
    is_heading(name)
        || matches!(
            name,
            "address"
                | "article"
                | "aside"
                | "blockquote"
                | "center"
                | "dd"
                | "details"
                | "div"
                | "dl"
                | "dt"
                | "figcaption"
                | "figure"
                | "footer"
                | "header"
                | "hgroup"
                | "hr"
                | "li"
                | "main"
                | "menu"
                | "nav"
                | "ol"
                | "p"
                | "pre"
                | "section"
                | "summary"
                | "table"
                | "ul"
        )
}

fn holds_blocks(name: &str) -> bool {
    matches!(
        name,
        "article"
            | "aside"
            | "blockquote"
            | "center"
            | "dd"
            | "details"
            | "div"
            | "figcaption"
            | "figure"
            | "footer"
            | "header"
            | "li"
            | "main"
            | "nav"
            | "section"
            | "td"
            | "th"
    )
}

/// Elements that are litter when they are empty.
fn is_nothing_without_content(name: &str) -> bool {
    matches!(name, "p" | "div" | "figure" | "section" | "center" | "header" | "footer" | "figcaption")
}
