//! From the bytes of a file to a post, and from its Markdown to HTML.

use super::site;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use tidings::content::markdown::Renderer;
use url::Url;

fn parse(bencher: Bencher, text: &str) {
    bencher.counter(BytesCount::of_str(text)).bench_local(|| site::read("content/posts/1.md", black_box(text)));
}

fn render(bencher: Bencher, body: &str) {
    let (renderer, permalink) = (Renderer::new(), Url::parse("https://example.org/blog/post-1/").expect("a URL"));
    bencher
        .counter(BytesCount::of_str(body))
        .bench_local(|| renderer.render(None, black_box(body), black_box(&permalink), "post-1"));
}

/// YAML, and the values that a post is made of: a file without a body.
#[divan::bench]
fn front_matter(bencher: Bencher) {
    parse(bencher, &site::head(1));
}

/// A file as it comes: the body is found, and hashed.
#[divan::bench]
fn whole_post(bencher: Bencher) {
    parse(bencher, &format!("{}{}", site::head(1), site::body(1)));
}

/// Markdown to clean HTML.
#[divan::bench]
fn markdown(bencher: Bencher) {
    render(bencher, &site::body(1));
}

/// A body of nothing but HTML, so that nearly all of the time goes into cleaning it.
#[divan::bench]
fn sanitising(bencher: Bencher) {
    render(bencher, &site::raw_html());
}
