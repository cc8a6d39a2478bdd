//! YAML as a small tree that knows the place of every value.
//!
//! Built straight from the events of the YAML parser. It resolves aliases and merge keys and refuses duplicate keys, but
//! gives no scalar a meaning beyond null: whether `2014` is a number is for whoever asks. Whatever the input, the tree is
//! small and flat: at most [`DEEPEST`] levels, and a bounded number of nodes copied by aliases.

use crate::diagnostic::{Diagnostic, Span};
use granit_parser::{ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, StrInput};
use std::borrow::Cow;
use std::collections::HashMap;

/// How many lists and maps may stand inside each other.
pub(crate) const DEEPEST: usize = 64;

/// How many nodes aliases may add, where 64 bytes of text weigh as much as a node.
const COPIES: usize = 10_000;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    /// Where it stands; of a value of many lines the first, of a list or map its first character.
    pub span: Span,
    pub value: Value<'a>,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    /// Nothing, `~` or `null`.
    Null,
    /// Text as meant: unquoted, unfolded.
    Scalar {
        text: Cow<'a, str>,
        /// Written without quotes, so that it may be a number or a boolean.
        plain: bool,
    },
    List(Vec<Node<'a>>),
    Map(Map<'a>),
}

/// The pairs of a map in the order in which they are written; merged ones last. No key stands twice.
pub(crate) type Map<'a> = Vec<(Key<'a>, Node<'a>)>;

/// The name of a value.
#[derive(Clone, Debug)]
pub(crate) struct Key<'a> {
    pub name: Cow<'a, str>,
    pub span: Span,
}

impl Node<'_> {
    /// Whether there is nothing: null, white space, or an empty list or map.
    pub fn is_absent(&self) -> bool {
        match &self.value {
            Value::Null => true,
            Value::Scalar { text, .. } => text.trim().is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Map(pairs) => pairs.is_empty(),
        }
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// The map that a text is, the first line of which is `first_line` in its file. Without any content it is empty.
///
/// Duplicate keys are told and the first of them is kept; after a fault that leaves no tree, the result is `None`.
pub(crate) fn parse<'a>(text: &'a str, first_line: u32, findings: &mut Vec<Diagnostic>) -> Option<Map<'a>> {
    let mut options = Options::default();
    options.flow_nesting_limit = DEEPEST;
    options.block_nesting_limit = DEEPEST;
    options.disallow_directives = true;
    let events = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { events, text, first_line, anchors: HashMap::new(), copied: 0, findings };
    match builder.document() {
        Ok(map) => Some(map),
        Err(fault) => {
            findings.push(fault);
            None
        }
    }
}

struct Builder<'a, 'f> {
    events: Parser<'a, StrInput<'a>>,
    text: &'a str,
    first_line: u32,
    anchors: HashMap<usize, Node<'a>>,
    copied: usize,
    findings: &'f mut Vec<Diagnostic>,
}

type Built<T> = Result<T, Diagnostic>;

impl<'a> Builder<'a, '_> {
    fn document(&mut self) -> Built<Map<'a>> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_none() => {}
                Event::DocumentStart(..) => {
                    return Err(fault("front matter has a second YAML document", self.place(span))
                        .hint("remove this line: `---` may only open and close front matter"));
                }
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        match root {
            None => Ok(Map::new()),
            Some(Node { value: Value::Map(map), .. }) => Ok(map),
            Some(Node { value: Value::Null, .. }) => Ok(Map::new()),
            Some(node) => Err(fault(format!("front matter must be a map, found {}", node.kind()), node.span)
                .hint("write lines such as `title: Spring`")),
        }
    }

    fn next(&mut self) -> Built<(Event<'a>, granit_parser::Span)> {
        match self.events.next_event() {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => Err(self.explain(&error)),
            None => Ok((Event::StreamEnd, granit_parser::Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, at: granit_parser::Span, depth: usize) -> Built<Node<'a>> {
        let span = self.place(at);
        let (value, anchor) = match event {
            Event::Alias(id) => return self.copy(id, span, depth),
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !tag.is_some_and(|t| t.is_yaml_core_schema_tag("str"));
                let null = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                (if null { Value::Null } else { Value::Scalar { text, plain } }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.list(span, depth + 1)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.map(span, depth + 1)?, anchor),
            // The remaining events stand between nodes, never in the place of one.
            _ => (Value::Null, 0),
        };
        let node = Node { span, value };
        if anchor != 0 {
            self.spend(weigh(&node).0, span)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, span: Span, depth: usize) -> Built<Value<'a>> {
        too_deep(depth, span)?;
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd | Event::StreamEnd, _) => return Ok(Value::List(items)),
                (event, at) => items.push(self.node(event, at, depth)?),
            }
        }
    }

    fn map(&mut self, span: Span, depth: usize) -> Built<Value<'a>> {
        too_deep(depth, span)?;
        let mut pairs = Map::new();
        let mut merged = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                break;
            }
            let merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
            let key = match self.node(event, at, depth)? {
                Node { value: Value::Scalar { text, .. }, span } => Key { name: text, span },
                Node { value: Value::Null, span } => return Err(fault("a key is missing before `:`", span)),
                node => {
                    return Err(fault(format!("a key must be a text, found {}", node.kind()), node.span)
                        .hint("put the value in quotes if its brackets are meant as they stand"));
                }
            };
            let (event, at) = self.next()?;
            let node = self.node(event, at, depth)?;
            if merge {
                merged.extend(merge_sources(node)?);
            } else {
                pairs.push((key, node));
            }
        }
        self.keep_first(&mut pairs, true);
        if !merged.is_empty() {
            pairs.append(&mut merged);
            self.keep_first(&mut pairs, false);
        }
        Ok(Value::Map(pairs))
    }

    /// Drops every pair whose key stands before it already.
    fn keep_first(&mut self, pairs: &mut Map<'a>, tell: bool) {
        const FEW: usize = 24;
        let double: Vec<(usize, usize)> = if pairs.len() <= FEW {
            let before = |i: usize| (0..i).find(|&j| pairs[j].0.name == pairs[i].0.name);
            (1..pairs.len()).filter_map(|i| Some((before(i)?, i))).collect()
        } else {
            let mut seen = HashMap::new();
            let entry = |(i, (key, _)): (usize, &(Key<'a>, _))| match seen.entry(key.name.clone()) {
                std::collections::hash_map::Entry::Occupied(first) => Some((*first.get(), i)),
                std::collections::hash_map::Entry::Vacant(slot) => {
                    slot.insert(i);
                    None
                }
            };
            pairs.iter().enumerate().filter_map(entry).collect()
        };
        if tell {
            for &(first, second) in &double {
                let (first, second) = (&pairs[first].0, &pairs[second].0);
                self.findings.push(
                    fault(format!("key `{}` stands twice", shown(&second.name)), second.span)
                        .hint(format!("it is on line {} already; keep one of them", first.span.line)),
                );
            }
        }
        let mut double = double.into_iter().map(|(_, second)| second).peekable();
        let mut i = 0;
        pairs.retain(|_| {
            let drop = double.next_if_eq(&i).is_some();
            i += 1;
            !drop
        });
    }

    /// The node that an alias names, at the place of the alias.
    fn copy(&mut self, id: usize, span: Span, depth: usize) -> Built<Node<'a>> {
        let Some(node) = self.anchors.get(&id) else {
            return Err(fault("an alias stands inside the value that it names", span));
        };
        let (weight, height) = weigh(node);
        too_deep(depth + height, span)?;
        let value = node.value.clone();
        self.spend(weight, span)?;
        Ok(Node { span, value })
    }

    fn spend(&mut self, weight: usize, span: Span) -> Built<()> {
        self.copied += weight;
        if self.copied <= COPIES {
            return Ok(());
        }
        Err(fault("aliases make front matter too large", span)
            .hint("write the values out instead of naming them by `*`"))
    }

    /// A stretch of the first line only.
    fn place(&self, at: granit_parser::Span) -> Span {
        let Span { line, column, .. } = self.point(&at.start);
        let width = if at.start.line() == at.end.line() {
            at.end.col().saturating_sub(at.start.col())
        } else {
            let rest = at.start.byte_offset().and_then(|start| self.text.get(start..)).unwrap_or("");
            rest.lines().next().unwrap_or("").trim_end().chars().count()
        };
        Span { line, column, width: width.max(1) as u32 }
    }

    fn point(&self, at: &Marker) -> Span {
        Span { line: self.first_line + (at.line() as u32).saturating_sub(1), column: at.col() as u32 + 1, width: 1 }
    }

    /// What the YAML parser refused, in words for those who wrote it.
    fn explain(&self, error: &ScanError) -> Diagnostic {
        use ErrorKind as K;
        let quotes = "put the value in quotes";
        let (what, hint) = match error.kind() {
            K::MappingValueNotAllowed | K::InvalidColonPlacement => (
                "`: ` inside a value".into(),
                "put the value in quotes; if a key is meant, check how far the lines are indented",
            ),
            K::SimpleKeyExpected | K::InvalidSimpleKey | K::ExpectedBlockMappingKey => (
                "this line is no `key: value`".into(),
                "check how far the lines are indented, or put the value above in quotes",
            ),
            K::UnclosedQuotedScalar => {
                ("the quote is not closed".into(), "close it, or write it twice if it is meant as it stands")
            }
            K::InvalidTrailingSingleQuotedScalar => {
                ("text after the closing quote".into(), "inside single quotes, write a single quote twice")
            }
            K::InvalidTrailingDoubleQuotedScalar => {
                ("text after the closing quote".into(), "inside double quotes, write a double quote as \\\"")
            }
            K::UnknownQuotedScalarEscape => {
                ("unknown escape in double quotes".into(), "use single quotes, in which a backslash is a backslash")
            }
            K::UnexpectedCharacter { character } => (format!("a value cannot start with `{character}`"), quotes),
            K::UnknownAnchor => ("the alias names nothing above it".into(), quotes),
            K::TabNotAllowed | K::TabInBlockIndentation | K::TabInIndentation | K::TabAtBlockScalarStart => {
                ("a tab where only spaces may stand".into(), "indent with spaces")
            }
            K::UnclosedFlowCollection { open } => (format!("`{open}` is not closed"), quotes),
            K::RecursionLimitExceeded => return deep(self.point(error.marker())),
            other => (other.to_string(), "put values that hold `:`, `#`, quotes or brackets in quotes"),
        };
        fault(format!("front matter is not YAML: {what}"), self.point(error.marker())).hint(hint)
    }
}

/// The pairs that `<<` brings in: those of a map, or of a list of maps, the first of which wins.
fn merge_sources<'a>(node: Node<'a>) -> Built<Map<'a>> {
    let refused = |node: &Node<'a>| {
        fault(format!("`<<` takes a map or a list of maps, found {}", node.kind()), node.span)
            .hint("name a map that stands above with `<<: *name`")
    };
    match node.value {
        Value::Null => Ok(Map::new()),
        Value::Map(pairs) => Ok(pairs),
        Value::List(items) => {
            let mut all = Map::new();
            for item in items {
                match item.value {
                    Value::Map(pairs) => all.extend(pairs),
                    _ => return Err(refused(&item)),
                }
            }
            Ok(all)
        }
        Value::Scalar { .. } => Err(refused(&node)),
    }
}

/// An error at a place in the file at hand; [`super::read::Reader::finish`] fills in which file that is.
pub(crate) fn fault(message: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic::error(message).at("", span)
}

fn too_deep(depth: usize, span: Span) -> Built<()> {
    if depth > DEEPEST { Err(deep(span)) } else { Ok(()) }
}

fn deep(span: Span) -> Diagnostic {
    fault(format!("front matter has more than {DEEPEST} lists and maps inside each other"), span)
        .hint("put the value in quotes if its brackets are meant as they stand")
}

/// How much a node weighs, and how many lists and maps stand inside each other in it.
fn weigh(node: &Node) -> (usize, usize) {
    let sum = |nodes: &mut dyn Iterator<Item = &Node>| {
        nodes.map(weigh).fold((1, 0), |(weight, height), (w, h)| (weight + w, height.max(h)))
    };
    match &node.value {
        Value::Null => (1, 0),
        Value::Scalar { text, .. } => (1 + text.len() / 64, 0),
        Value::List(items) => {
            let (weight, height) = sum(&mut items.iter());
            (weight, height + 1)
        }
        Value::Map(pairs) => {
            let (weight, height) = sum(&mut pairs.iter().map(|(_, node)| node));
            (weight + pairs.iter().map(|(key, _)| key.name.len() / 64).sum::<usize>(), height + 1)
        }
    }
}

/// A value as messages show it: one line, cut where it is long.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        None => line,
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
    }
}
