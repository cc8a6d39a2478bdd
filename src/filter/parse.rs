//! From words and signs to a filter. Goes down one call for each open parenthesis and no more, up to [`DEEPEST`].

use super::date::Stretch;
use super::token::{Kind, Token, quoted, tokens};
use super::{DateField, Field, Filter, FilterError, Relation, TermPlace, Test, fold};
use crate::config::{Axis, FIELDS};
use crate::diagnostic::nearest;
use chrono_tz::Tz;

/// How many parentheses may be open at once.
const DEEPEST: usize = 100;

/// The names of fields, in the order in which messages list them.
const NAMES: [&str; 9] = ["category", "topic", "tag", "author", "lang", "slug", "id", "published", "updated"];

enum Subject {
    Words(Field),
    Dates(DateField),
}

/// See [`Filter::parse`].
pub(super) fn parse(text: &str, zone: Tz) -> Result<Filter, FilterError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        let hint = "write for example `category=healthcare`, or leave the filter out for all posts";
        return Err(error("the filter is empty", 0, text.chars().count()).hint(hint));
    }
    let mut parser = Parser { tokens: &tokens, next: 0, zone, terms: Vec::new() };
    let test = parser.either(0)?;
    match parser.peek() {
        None => Ok(Filter { test, terms: parser.terms }),
        Some(token) if token.kind == Kind::Close => {
            Err(at(token, "this parenthesis was never opened").hint("leave it out, or add `(` before it"))
        }
        Some(token) => Err(missing_word(token)),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
    zone: Tz,
    terms: Vec<TermPlace>,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Option<&'a Token> {
        let token = self.peek()?;
        self.next += 1;
        Some(token)
    }

    /// Whether the next word is this one; then it is taken.
    fn takes(&mut self, keyword: &str) -> bool {
        let is = self.peek().is_some_and(|token| token.is_word(keyword));
        self.next += usize::from(is);
        is
    }

    fn either(&mut self, depth: usize) -> Result<Test, FilterError> {
        let mut parts = Vec::new();
        loop {
            match self.both(depth)? {
                Test::Any(more) => parts.extend(more),
                part => parts.push(part),
            }
            if !self.takes("or") {
                return Ok(only(&mut parts).unwrap_or(Test::Any(parts)));
            }
        }
    }

    fn both(&mut self, depth: usize) -> Result<Test, FilterError> {
        let mut parts = Vec::new();
        loop {
            match self.condition(depth)? {
                Test::All(more) => parts.extend(more),
                part => parts.push(part),
            }
            if !self.takes("and") {
                return Ok(only(&mut parts).unwrap_or(Test::All(parts)));
            }
        }
    }

    fn condition(&mut self, depth: usize) -> Result<Test, FilterError> {
        let mut negated = false;
        while self.takes("not") {
            negated = !negated;
        }
        let test = match self.take() {
            Some(open) if open.kind == Kind::Open => self.parentheses(open, depth)?,
            Some(token) if matches!(token.kind, Kind::Word(_) | Kind::Quoted(_)) && !token.is_keyword() => {
                self.comparison(token)?
            }
            found => return Err(self.nothing_here(found)),
        };
        Ok(match test {
            test if !negated => test,
            Test::Not(inner) => *inner,
            test => Test::Not(Box::new(test)),
        })
    }

    fn parentheses(&mut self, open: &Token, depth: usize) -> Result<Test, FilterError> {
        if depth >= DEEPEST {
            return Err(at(open, format!("more than {DEEPEST} parentheses are open here")).hint("leave some out"));
        }
        if self.peek().is_some_and(|token| token.kind == Kind::Close) {
            return Err(error("nothing stands in these parentheses", open.column, 2).hint("write a condition in them"));
        }
        let test = self.either(depth + 1)?;
        match self.take() {
            Some(token) if token.kind == Kind::Close => Ok(test),
            Some(token) => Err(missing_word(token)),
            None => Err(at(open, "this parenthesis is not closed").hint("add `)` where it ends")),
        }
    }

    /// A condition is due, and something else stands there.
    fn nothing_here(&self, found: Option<&Token>) -> FilterError {
        // What came before: the token before the one that was taken.
        let before = self.next.checked_sub(if found.is_some() { 2 } else { 1 }).and_then(|i| self.tokens.get(i));
        match (before, found) {
            (_, Some(sign)) if matches!(sign.kind, Kind::Sign(_)) => {
                let message = format!("no field stands before `{}`", sign.shown());
                at(sign, message).hint(format!("write for example `category{}healthcare`", sign.shown()))
            }
            (Some(before), _) if before.is_keyword() => {
                at(before, format!("nothing stands after `{}`", before.shown()))
                    .hint("write a condition there, such as `category=healthcare`")
            }
            (_, Some(word)) if word.is_keyword() => at(word, format!("nothing stands before `{}`", word.shown()))
                .hint("write a condition there, such as `category=healthcare`"),
            (None, Some(close)) => {
                at(close, "this parenthesis was never opened").hint("leave it out, or add `(` before it")
            }
            (Some(open), _) => at(open, "this parenthesis is not closed").hint("add `)` where it ends"),
            (None, None) => error("the filter is empty", 0, 0),
        }
    }

    fn comparison(&mut self, name: &'a Token) -> Result<Test, FilterError> {
        let sign = match self.peek().map(|token| (token, &token.kind)) {
            Some((token, Kind::Sign(sign))) => (token, *sign),
            _ => return Err(stands_alone(name)),
        };
        self.next += 1;
        let subject = subject(name)?;
        let value = self.value(name, sign.0)?;
        match subject {
            Subject::Words(field) => {
                let negated = match sign.1 {
                    "=" => false,
                    "!=" => true,
                    other => {
                        let message = format!("`{}` cannot be compared with `{other}`", field.name());
                        let hint = "write `=` or `!=`; the others are for `published` and `updated`";
                        return Err(at(sign.0, message).hint(hint));
                    }
                };
                let (Kind::Word(text) | Kind::Quoted(text)) = &value.kind else { return Err(stands_alone(name)) };
                if let Field::Term(axis) = field {
                    let inset = usize::from(matches!(value.kind, Kind::Quoted(_)));
                    let (column, width) = (value.column + inset, value.width - 2 * inset);
                    self.terms.push(TermPlace { axis, value: text.clone(), column, width });
                }
                Ok(Test::Is { field, value: text.clone(), folded: fold(text), negated })
            }
            Subject::Dates(field) => {
                let (Kind::Word(text) | Kind::Quoted(text)) = &value.kind else { return Err(stands_alone(name)) };
                let stretch = Stretch::parse(text, self.zone).ok_or_else(|| {
                    at(value, format!("`{text}` is not a date"))
                        .hint("write YYYY-MM-DD, or with a time 2026-03-02T09:00:00Z")
                })?;
                let relation = match sign.1 {
                    "=" => Relation::Equal,
                    "!=" => Relation::Unequal,
                    "<" => Relation::Less,
                    "<=" => Relation::LessOrEqual,
                    ">" => Relation::Greater,
                    _ => Relation::GreaterOrEqual,
                };
                Ok(Test::When { field, relation, stretch })
            }
        }
    }

    /// What a field is compared with: a word or a quoted text, and not an empty one.
    fn value(&mut self, name: &Token, sign: &Token) -> Result<&'a Token, FilterError> {
        let missing = |token: Option<&Token>| {
            let comparison = format!("{}{}", name.shown(), sign.shown());
            let width = sign.column + sign.width - name.column;
            let e = error(format!("`{comparison}` has no value"), name.column, width);
            match token.filter(|token| token.is_keyword()) {
                Some(word) => e.hint(format!("if `{0}` is the value, write `{comparison}'{0}'`", word.shown())),
                None => e.hint(format!("write what it should be, such as `{comparison}{}`", example(name))),
            }
        };
        let token = self.take();
        match token.map(|token| (token, &token.kind)) {
            Some((token, Kind::Word(_))) if token.is_keyword() => Err(missing(Some(token))),
            Some((token, Kind::Word(word))) if word.contains(',') => {
                let parts: Vec<String> =
                    word.split(',').filter(|p| !p.is_empty()).map(|p| format!("{}={p}", name.shown())).collect();
                let hint = format!("write `({})`, or `'{word}'` if the comma belongs to the value", parts.join(" or "));
                Err(at(token, format!("`{word}` has a comma")).hint(hint))
            }
            Some((token, Kind::Word(_))) => Ok(token),
            Some((token, Kind::Quoted(text))) if !text.trim().is_empty() => Ok(token),
            Some((token, Kind::Sign(_))) => Err(at(token, format!("`{}` stands where a value is due", token.shown()))
                .hint(format!("write one sign and a value, such as `{}={}`", name.shown(), example(name)))),
            _ => Err(missing(None)),
        }
    }
}

/// The one part of a list that has no other.
fn only(parts: &mut Vec<Test>) -> Option<Test> {
    if parts.len() == 1 { parts.pop() } else { None }
}

fn subject(name: &Token) -> Result<Subject, FilterError> {
    let lower = name.shown().to_lowercase();
    if let Some(axis) = Axis::ALL.into_iter().find(|axis| axis.name() == lower) {
        return Ok(Subject::Words(Field::Term(axis)));
    }
    match lower.as_str() {
        "lang" => Ok(Subject::Words(Field::Lang)),
        "slug" => Ok(Subject::Words(Field::Slug)),
        "id" => Ok(Subject::Words(Field::Id)),
        "published" => Ok(Subject::Dates(DateField::Published)),
        "updated" => Ok(Subject::Dates(DateField::Updated)),
        _ => {
            let e = at(name, format!("unknown field `{}`", name.shown()));
            let other_name =
                FIELDS.iter().find(|(field, names)| NAMES.contains(field) && names.contains(&lower.as_str()));
            Err(match other_name.map(|(field, _)| *field).or_else(|| nearest(&lower, NAMES)) {
                Some(near) => e.hint(format!("did you mean `{near}`?")),
                None => e.hint(format!("the fields are {}", crate::config::tree::list(&NAMES))),
            })
        }
    }
}

fn example(name: &Token) -> &'static str {
    match subject(name) {
        Ok(Subject::Dates(_)) => "2026-01-31",
        Ok(Subject::Words(Field::Lang)) => "en",
        _ => "healthcare",
    }
}

/// A word with no sign behind it.
fn stands_alone(token: &Token) -> FilterError {
    let shown = token.shown();
    let e = at(token, format!("`{shown}` stands alone"));
    if let Ok(subject) = subject(token) {
        let field = match subject {
            Subject::Words(field) => field.name(),
            Subject::Dates(field) => field.name(),
        };
        return e.hint(format!("write what it should be: `{field}={}`", example(token)));
    }
    if let Kind::Word(word) = &token.kind
        && let Some((name, value)) = word.split_once(':')
        && let Some(name) = NAMES.into_iter().find(|field| field.eq_ignore_ascii_case(name))
        && !value.is_empty()
    {
        return e.hint(format!("write `{name}={}`", quoted(value)));
    }
    e.hint(format!("write `category={shown}`"))
}

/// Two conditions with nothing between them.
fn missing_word(token: &Token) -> FilterError {
    at(token, format!("`and` or `or` is missing before `{}`", token.shown()))
        .hint("write `and` between conditions that must all hold, `or` where one is enough")
}

fn at(token: &Token, message: impl Into<String>) -> FilterError {
    error(message, token.column, token.width)
}

fn error(message: impl Into<String>, column: usize, width: usize) -> FilterError {
    FilterError { message: message.into(), column, width, hint: None }
}

impl FilterError {
    fn hint(mut self, hint: impl Into<String>) -> FilterError {
        self.hint = Some(hint.into());
        self
    }
}
