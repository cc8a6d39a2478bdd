//! The list of feeds as OPML 2.0 (opml.org/spec2.opml), which feed readers import.
//!
//! One outline for each group, in it one for each feed, at its first format. There is no creation date: it would make
//! two builds of the same posts differ.

use super::listing::{Group, Listed, Listing};
use super::shown;
use crate::text::Text;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use std::io;

/// The list as an OPML file. `dateModified` is the newest change of any feed.
pub fn write(listing: &Listing) -> Vec<u8> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    document(&mut writer, listing).expect("a vector takes every byte");
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    bytes
}

fn document(writer: &mut Writer<Vec<u8>>, listing: &Listing) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    writer.write_event(Event::Start(BytesStart::new("opml").with_attributes([("version", "2.0")])))?;
    writer.write_event(Event::Start(BytesStart::new("head")))?;
    writer.create_element("title").write_text_content(BytesText::new(listing.title().trim()))?;
    if let Some(at) = listing.groups.iter().flat_map(|group| &group.feeds).filter_map(|feed| feed.updated_at).max() {
        writer.create_element("dateModified").write_text_content(BytesText::new(&shown::rfc822(at)))?;
    }
    writer.write_event(Event::End(BytesEnd::new("head")))?;
    writer.write_event(Event::Start(BytesStart::new("body")))?;
    listing.filled().try_for_each(|each| group(writer, listing, each))?;
    writer.write_event(Event::End(BytesEnd::new("body")))?;
    writer.write_event(Event::End(BytesEnd::new("opml")))
}

fn group(writer: &mut Writer<Vec<u8>>, listing: &Listing, group: &Group) -> io::Result<()> {
    let outline = BytesStart::new("outline").with_attributes([("text", listing.title_of(group))]);
    writer.write_event(Event::Start(outline))?;
    group.feeds.iter().try_for_each(|each| feed(writer, each))?;
    writer.write_event(Event::End(BytesEnd::new("outline")))
}

fn feed(writer: &mut Writer<Vec<u8>>, feed: &Listed) -> io::Result<()> {
    let Some(&format) = feed.formats.first() else { return Ok(()) };
    let (address, title) = (feed.file_url(format), Text::one_line(&feed.title));
    let title = if title.is_empty() { &*feed.folder_url } else { &title };
    let mut outline = BytesStart::new("outline");
    outline.extend_attributes([("type", "rss"), ("text", title), ("title", title), ("xmlUrl", &address)]);
    if !feed.home_url.is_empty() {
        outline.push_attribute(("htmlUrl", &*feed.home_url));
    }
    let description = Text::one_line(&feed.description);
    if !description.is_empty() {
        outline.push_attribute(("description", &*description));
    }
    writer.write_event(Event::Empty(outline))
}
