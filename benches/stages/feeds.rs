//! From posts to the bytes of a feed, by format: twenty posts with their full text.

use super::site;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use std::sync::Arc;
use tidings::content::markdown::Renderer;
use tidings::content::post::Content;
use tidings::feed::entry::Entries;
use tidings::feed::{Archive, Entry, Feed, Format, Person, write};
use url::Url;

const ITEMS: usize = 20;

fn entries() -> Vec<Arc<Entry>> {
    let config = site::config();
    let collection = site::collection(&config, ITEMS);
    let entries = Entries { collection: &collection, config: &config, size_of: &|_| Some(50_000) };
    let renderer = Renderer::new();
    let made = collection.articles.iter().enumerate().map(|(number, article)| {
        let permalink = Url::parse(&article.url).expect("a URL");
        entries.entry(article, &permalink, Some(renderer.render(None, &site::body(number), &permalink, "key")), 1).entry
    });
    made.collect()
}

fn feed() -> Feed {
    let entries = entries();
    Feed {
        id: "tag:example.org,2026:feed".into(),
        title: "Bench".into(),
        description: "Posts".into(),
        home_url: "https://example.org/".into(),
        folder_url: "https://example.org/".into(),
        style_url: "/feeds/style.css".into(),
        language: "en".into(),
        updated_at: site::now(),
        formats: vec![Format::Atom, Format::Rss, Format::Json],
        hub: None,
        author: Person { name: "Bench".into(), url: None },
        archive: Archive::default(),
        carries: vec![Content::Full; entries.len()],
        entries,
    }
}

#[divan::bench(args = [Format::Atom, Format::Rss, Format::Json])]
fn writer(bencher: Bencher, format: Format) {
    let (feed, mut out) = (feed(), Vec::new());
    write(format, &feed, &mut out);
    bencher.counter(BytesCount::new(out.len())).bench_local(|| {
        out.clear();
        write(format, black_box(&feed), &mut out);
        out.len()
    });
}
