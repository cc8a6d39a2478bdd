//! Issues made of the repository's own posts, byte for byte, and read back by a parser that is not ours.
//!
//! `GOLDEN=write cargo test --test digest` writes them anew; look at them in a browser before committing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tidings::config::{Axis, Config};
use tidings::config::{Logo, Theme};
use tidings::content::collection::{Collection, Parts, State};
use tidings::content::dialect::Dialect;
use tidings::content::post::{Hashed, Reading, parse};
use tidings::digest::compose::{Composer, Edition, Editorial, Settings};
use tidings::digest::issue::{Issue, Links};
use tidings::digest::render::{MOST_BYTES, Medium, Rendered, Renderer, TEMPLATE};
use tidings::disk::cache::Cache;
use tidings::disk::last::Prints;
use tidings::disk::posts::{Keep, Posts};
use tidings::disk::tree::{Stamps, Tree};
use tidings::disk::{load, lockfile};
use tidings::template::Templates;
use tidings::text::Text;

const NOW: &str = "2026-11-23T08:00:00Z";

/// The sample site, with further posts.
fn sample(language: &str, posts: &[(&str, &str)]) -> (Config, Collection) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = load::config(root).unwrap();
    config.site.language = language.into();
    let (cache, prints) = (Cache::of(root, b""), Prints::default());
    let reading = Posts { cache: &cache, prints: &prints, keep: Keep::No };
    let mut parts: Parts =
        load::content(root, &config, &Tree::of(root, &config, Stamps::Leave), &reading, Hashed::Every).parts;
    let dialect = Dialect::default();
    let (timezone, publish_time) = (config.site.timezone, config.site.publish_time);
    for (name, text) in posts {
        let reading = Reading { dialect: &dialect, timezone, publish_time, hashed: Hashed::Every };
        let (post, findings) = parse(&format!("content/posts/{name}.md"), text.as_bytes(), &reading);
        parts.posts.push(Box::new(post.unwrap_or_else(|| panic!("{findings:?}"))));
    }
    let lock = lockfile::load(root).unwrap();
    let gathered = Collection::gather(parts, &config, &lock, NOW.parse().unwrap());
    (config, gathered.collection)
}

/// The posts that are out and whose files have such names.
fn files(collection: &Collection, named: impl Fn(&str) -> bool) -> Vec<usize> {
    let out = collection.articles.iter().enumerate().filter(|(_, a)| a.state == State::Published);
    out.filter(|(_, a)| named(a.post.file.trim_start_matches("content/posts/"))).map(|(i, _)| i).collect()
}

fn issue(config: &Config, collection: &Collection, articles: &[usize], editorial: Editorial) -> Issue {
    let templates = Templates::new(vec![]).unwrap();
    let title = Text::new("Lindenhof Weekly");
    let settings = Settings {
        name: "weekly",
        title: Some(&title),
        timezone: config.site.timezone,
        group_by: Some(Axis::Category),
        max_posts: 12,
        subject: None,
        utm: &BTreeMap::new(),
        postal_address: "Lindenhof Health GmbH\nAm Lindenhof 4, 79098 Freiburg, Germany",
        sensitive: false,
    };
    let image_size = |_: &str| Some((1200, 675));
    let composer = Composer { collection, config, settings, templates: &templates, image_size: &image_size };
    let links = Links {
        page: "https://lindenhof.example/digest/weekly/2026-W48/".into(),
        unsubscribe: "https://mail.lindenhof.example/u/X0123456789abcdef0123456789abcdef".into(),
        preferences: "https://mail.lindenhof.example/p/Xfedcba9876543210fedcba9876543210".into(),
    };
    let cutoff = NOW.parse().unwrap();
    let carried = BTreeSet::new();
    composer.compose(&Edition { period: "2026-W48", cutoff, articles, editorial, carried: &carried, links }).unwrap()
}

#[track_caller]
fn golden(name: &str, issue: &Issue, theme: &Theme, medium: Medium) {
    let templates = Templates::new(vec![]).unwrap();
    let renderer = Renderer { templates: &templates, theme, template: TEMPLATE, measure: &str::len };
    let Rendered { html, text, subject, preheader, encoded_bytes, .. } = renderer.render(issue, medium).unwrap();
    assert!(encoded_bytes <= MOST_BYTES);
    let text = format!("Subject: {subject}\nPreheader: {preheader}\n\n{text}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/digest");
    for (path, bytes) in [(format!("{name}.html"), html), (format!("{name}.txt"), text)] {
        let file = folder.join(&path);
        if std::env::var_os("GOLDEN").is_some_and(|value| value == "write") {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &bytes).unwrap();
        }
        assert_eq!(bytes, std::fs::read_to_string(&file).unwrap_or_default(), "{path}");
    }
}

#[test]
fn a_week_of_the_sample_is_what_it_was_byte_for_byte() {
    let (config, collection) = sample("en", &[]);
    let week = files(&collection, |name| ("2026-11-16".."2026-11-23").contains(&&name[..10]));
    let ward = files(&collection, |name| name.contains("full-ward"))[0];
    let editorial = Editorial {
        lead: Some(ward),
        intro: Some(
            "Good morning. This week is about **what gets lost between two shifts**, and about a queue that \
             [nobody could see into](/blog/we-took-the-retry-out-of-the-queue/).\n\nThank you for your letters.",
        ),
        ..Editorial::default()
    };
    let issue = issue(&config, &collection, &week, editorial);
    golden("weekly", &issue, &Theme::default(), Medium::Mail);
    golden("page", &issue, &Theme::default(), Medium::Page);
}

#[test]
fn a_german_issue_with_a_logo_is_what_it_was_byte_for_byte() {
    let long = "---\ntitle: Das Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz\ndate: 2026-11-20\n\
                author: Zoë Müller\nsummary: Über lange Wörter.\ncategory: care\n---\nx\n";
    let (config, collection) = sample("de", &[("long", long)]);
    let articles = files(&collection, |name| name == "long.md" || name.contains("release-4-8"));
    let logo = Logo {
        src: "/assets/logo.png".into(),
        dark_src: Some("/assets/logo-dark.png".into()),
        alt: None,
        width: 140,
        height: 32,
        span: tidings::diagnostic::Span::default(),
    };
    let theme = Theme { logo: Some(logo), font: "Georgia, serif".into(), width: 560, ..Theme::default() };
    golden("german", &issue(&config, &collection, &articles, Editorial::default()), &theme, Medium::Mail);
}

#[test]
fn a_hostile_issue_is_what_it_was_byte_for_byte() {
    let hostile = "---\ntitle: \"<b>&\\\"' ]]> 🎉 \\u202eשלום\\u202c -->\"\ndate: 2026-11-20\nauthor: '<i>&\"'\n\
                   category: '<script>'\nsummary: '</p><script>alert(1)</script> <!--[if mso]> {{ title }}'\n\
                   lead: '<script>alert(1)</script>*Lead* & <img src=x onerror=alert(1)>'\n---\nx\n";
    let arabic = "---\ntitle: مراجعة الأدوية\ndate: 2026-11-19\nlang: ar\ncategory: care\nsummary: ماذا يحدث.\n---\nx\n";
    let bare = "---\ntitle: No summary\ndate: 2026-11-18\n---\nx\n";
    let (config, collection) = sample("en", &[("x1", hostile), ("x2", arabic), ("x3", bare)]);
    let articles = files(&collection, |name| name.starts_with('x'));
    let issue = issue(&config, &collection, &articles, Editorial::default());
    golden("hostile", &issue, &Theme::default(), Medium::Mail);
}
