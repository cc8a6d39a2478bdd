//! Compressed copies beside what a build writes, where there is a server to send them.

mod support;

use std::collections::BTreeSet;
use std::io::Read as _;
use support::Site;

const SERVE: &str = "[serve]\n";

/// A site whose feed is large enough for copies.
fn site() -> Site {
    let post = |n: u32| format!("---\ntitle: Post {n}\npub_date: 2026-11-0{n}\nsummary: Short.\n---\nText {n}.\n");
    (1..=3).fold(Site::new(), |site, n| site.post(&format!("{n}.md"), &post(n)))
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

fn unbrotli(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::BrotliDecompress(&mut &bytes[..], &mut out).unwrap();
    out
}

#[test]
fn files_of_a_thousand_bytes_have_copies_that_hold_them_and_smaller_ones_have_none() {
    let site = site().post("empty.md", "---\ntitle: Gone\npub_date: 2026-11-01\ntags: [old]\nsummary: x\n---\n");
    site.run(["build", "-q"]).succeeds();
    let plain = site.files("public");
    let site = site.more_settings(SERVE);
    site.run(["build", "-q"]).stderr("").succeeds();
    let mut want: BTreeSet<String> = plain.iter().cloned().collect();
    for file in &plain {
        let bytes = site.bytes(&format!("public/{file}"));
        if bytes.len() >= 1_000 {
            assert_eq!(gunzip(&site.bytes(&format!("public/{file}.gz"))), bytes, "{file}");
            assert_eq!(unbrotli(&site.bytes(&format!("public/{file}.br"))), bytes, "{file}");
            want.extend([format!("{file}.gz"), format!("{file}.br")]);
        }
    }
    assert!(want.len() > plain.len() && want.len() < 3 * plain.len());
    assert_eq!(site.files("public"), want.into_iter().collect::<Vec<_>>());
}

#[test]
fn without_a_server_nothing_changes_by_a_byte_and_copies_go_with_it() {
    let site = site();
    site.run(["build", "-q"]).succeeds();
    let all = |site: &Site| -> Vec<(String, Vec<u8>)> {
        site.files("public").into_iter().map(|file| (file.clone(), site.bytes(&format!("public/{file}")))).collect()
    };
    let before = all(&site);
    let settings = site.read("tidings.toml");
    let site = site.more_settings(SERVE);
    site.run(["build", "-q"]).succeeds();
    assert!(site.has("public/atom.xml.gz"));
    let site = site.settings(&settings);
    site.run(["build", "-q"]).succeeds();
    assert_eq!(all(&site), before);
    assert!(!site.read(".tidings/written.json").contains(".gz"));
}

#[test]
fn a_copy_is_made_again_only_where_it_or_its_file_changed() {
    let site = site().more_settings(SERVE);
    site.run(["build", "-q"]).succeeds();
    let times = |site: &Site| -> Vec<_> {
        let copies = site.files("public").into_iter().filter(|f| f.ends_with(".gz") || f.ends_with(".br"));
        copies.map(|file| (file.clone(), site.modified(&format!("public/{file}")))).collect()
    };
    let before = times(&site);
    assert!(!before.is_empty());
    site.run(["build"]).stderr("").succeeds();
    assert_eq!(times(&site), before);
    // One is lost, one is damaged: both come back, and nothing else is touched.
    let whole = site.bytes("public/rss.xml.br");
    site.remove("public/atom.xml.gz");
    site.write("public/rss.xml.br", "damaged");
    site.run(["build", "-v"]).stderr_has("wrote atom.xml.gz\nwrote rss.xml.br\n").succeeds();
    assert_eq!(site.bytes("public/rss.xml.br"), whole);
    assert_eq!(gunzip(&site.bytes("public/atom.xml.gz")), site.bytes("public/atom.xml"));
    // The file changes, and its copies with it.
    site.write("content/posts/1.md", "---\ntitle: Other\npub_date: 2026-11-01\nsummary: x\n---\nOther.\n");
    site.run(["build", "-q", "--new-ids"]).succeeds();
    assert_eq!(gunzip(&site.bytes("public/atom.xml.gz")), site.bytes("public/atom.xml"));
    assert_eq!(unbrotli(&site.bytes("public/feed.json.br")), site.bytes("public/feed.json"));
}
