//! What every mail must say, looked for in what was rendered, so that a site's own template cannot lose it.
//!
//! A link to unsubscribe (RFC 8058 asks for a header, laws and readers for a link that can be seen) and the sender's postal
//! address (CAN-SPAM, 15 U.S.C. 7704), both in the HTML and in the text. That they can be seen is not checked here.

use super::issue::Footer;
use super::links::links;
use crate::diagnostic::Diagnostic;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, ScriptData};
use html5ever::tokenizer::{BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};
use std::cell::{Cell, RefCell};

/// An error for each thing that a part of a mail must say and does not. `template` is what the site calls the HTML's.
pub fn missing(footer: &Footer, html: &str, text: &str, template: &str) -> Vec<Diagnostic> {
    let all = links(html, text);
    let way_out = all.iter().find(|link| link.url == footer.links.unsubscribe.as_str());
    let (html_words, text_words) = (words(&text_of(html)), words(text));
    let mut findings = Vec::new();
    for (part, has_link, said) in [
        ("HTML", way_out.is_some_and(|link| link.in_html > 0), html_words),
        ("text", way_out.is_some_and(|link| link.in_text > 0), text_words),
    ] {
        if !has_link {
            let message = format!("the {part} part of the mail has no link to unsubscribe");
            findings.push(
                Diagnostic::error(message).hint(format!("put `unsubscribe_url` into {}", the_template(part, template))),
            );
        }
        if !footer.postal_address.iter().all(|line| said.contains(&words(line))) {
            let message = format!("the {part} part of the mail lacks the postal address");
            findings.push(
                Diagnostic::error(message)
                    .hint(format!("put all lines of `postal_address` into {}", the_template(part, template))),
            );
        }
    }
    findings
}

fn the_template(part: &str, template: &str) -> String {
    match part {
        "HTML" => format!("`templates/{template}`"),
        _ => "the template of the text".to_owned(),
    }
}

/// A text with single spaces.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What HTML says, without its tags.
fn text_of(html: &str) -> String {
    let tokenizer = Tokenizer::new(Said::default(), Default::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    // The sink never asks for a pause, so that one call reads everything.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.text.into_inner()
}

#[derive(Default)]
struct Said {
    text: RefCell<String>,
    /// Within a style or a script, which say nothing to anybody.
    is_code: Cell<bool>,
}

impl TokenSink for Said {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::CharacterTokens(text) if !self.is_code.get() => self.text.borrow_mut().push_str(&text),
            Token::TagToken(tag) if tag.kind == TagKind::EndTag => self.is_code.set(false),
            Token::TagToken(tag) => match &*tag.name {
                "script" | "style" => {
                    self.is_code.set(true);
                    return TokenSinkResult::RawData(if &*tag.name == "script" { ScriptData } else { Rawtext });
                }
                // A line break parts words, an emphasis does not.
                "br" | "p" | "div" | "td" | "tr" | "table" | "li" => self.text.borrow_mut().push(' '),
                _ => {}
            },
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::issue::Links;
    use crate::text::Text;

    #[test]
    fn a_mail_without_a_way_out_or_an_address_is_an_error() {
        let footer = Footer {
            reason: String::new(),
            postal_address: vec![Text::new("Müller & Söhne"), Text::new("1 Main St")],
            links: Links {
                page: "https://example.org/i/".into(),
                unsubscribe: "https://example.org/u/?a=1&b=2".into(),
                preferences: "https://example.org/p/".into(),
            },
        };
        #[track_caller]
        fn case(footer: &Footer, html: &str, text: &str, want: &[&str]) {
            let told: Vec<String> = missing(footer, html, text, "own.html").iter().map(|f| f.render(None)).collect();
            assert_eq!(told, want);
        }
        let html = "<p>M&uuml;ller &amp;\n<b>S</b>&ouml;hne<br>1 Main St</p><a href='https://example.org/u/?a=1&amp;b=2'>x</a>";
        let text = "Müller &\nSöhne, 1 Main St\nhttps://example.org/u/?a=1&b=2\n";
        case(&footer, html, text, &[]);
        case(
            &footer,
            "<style>Müller & Söhne 1 Main St</style>",
            "Müller & Söhne",
            &[
                "error: the HTML part of the mail has no link to unsubscribe\nhint: put `unsubscribe_url` into `templates/own.html`\n",
                "error: the HTML part of the mail lacks the postal address\nhint: put all lines of `postal_address` into `templates/own.html`\n",
                "error: the text part of the mail has no link to unsubscribe\nhint: put `unsubscribe_url` into the template of the text\n",
                "error: the text part of the mail lacks the postal address\nhint: put all lines of `postal_address` into the template of the text\n",
            ],
        );
    }
}
