//! Footnotes: numbered in the order in which they are referred to, at the end of the page, with ways back.
//!
//! Ids are ours, made of the post's key, so that several posts can share a page; and addresses are absolute like all
//! others, since a reader need not show the post on a page of its own.

use super::Page;
use super::document::Document;
use pulldown_cmark::{Event, Tag, TagEnd};
use std::ops::Range;

/// A footnote that something refers to.
pub(super) struct Note {
    document: usize,
    events: Range<usize>,
    references: usize,
}

impl Page<'_> {
    /// Writes the number that refers to a footnote.
    pub(super) fn write_reference(&mut self, document: &Document, of: usize, label: &str) {
        let label = label.to_lowercase();
        let Some(events) = document.notes.get(&label) else {
            return self.writer.text(&format!("[^{label}]"));
        };
        let notes = &mut self.notes;
        let number = *self.numbers.entry((of, label)).or_insert_with(|| {
            notes.push(Note { document: of, events: events.clone(), references: 0 });
            notes.len()
        });
        let note = &mut self.notes[number - 1];
        note.references += 1;
        let id = reference_id(self.key, number, note.references);
        let target = self.links.fragment(&format!("fn-{}-{number}", self.key));
        let mark = self.writer.start("sup", &[("id", id.into())]);
        self.writer.start("a", &[("href", target.into())]);
        self.writer.text(&number.to_string());
        self.writer.close(mark);
    }

    /// Writes the footnotes, which may refer to further ones, with the ways back.
    pub(super) fn write_notes(&mut self, documents: &[&Document]) {
        if self.notes.is_empty() {
            return;
        }
        self.writer.new_line();
        self.writer.raw_start("hr", &[]);
        self.writer.new_line();
        let list = self.writer.start("ol", &[]);
        let mut number = 0;
        while let Some(note) = self.notes.get(number) {
            number += 1;
            let (of, events) = (note.document, note.events.clone());
            self.writer.new_line();
            let item = self.writer.start("li", &[("id", format!("fn-{}-{number}", self.key).into())]);
            let document = documents[of];
            // The way back stands in the last paragraph.
            let paragraph = match document.events[events.clone()].last() {
                Some(Event::End(TagEnd::Paragraph)) => {
                    document.events[events.clone()].iter().rposition(|e| matches!(e, Event::Start(Tag::Paragraph)))
                }
                _ => None,
            };
            match paragraph.map(|at| events.start + at) {
                Some(start) => {
                    self.write(document, of, events.start..start);
                    let mark = self.writer.start("p", &[]);
                    self.write(document, of, start + 1..events.end - 1);
                    self.write_ways_back(number);
                    self.writer.close(mark);
                }
                None => {
                    self.write(document, of, events);
                    self.write_ways_back(number);
                }
            }
            self.writer.close(item);
        }
        self.writer.new_line();
        self.writer.close(list);
    }

    fn write_ways_back(&mut self, number: usize) {
        for reference in 1..=self.notes[number - 1].references {
            self.writer.text(" ");
            let target = self.links.fragment(&reference_id(self.key, number, reference));
            let mark = self.writer.start("a", &[("href", target.into())]);
            // The selector keeps readers from drawing the arrow as an emoji.
            self.writer.text("↩\u{fe0e}");
            self.writer.close(mark);
        }
    }
}

/// The id of a place that refers to a footnote; `reference` counts from 1.
fn reference_id(key: &str, number: usize, reference: usize) -> String {
    match reference {
        1 => format!("fnref-{key}-{number}"),
        _ => format!("fnref-{key}-{number}-{reference}"),
    }
}
