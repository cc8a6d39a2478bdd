//! A site of invented posts: as large as those of `benches/corpus.py` are in the mean, and read by the library itself.

use chrono::{DateTime, NaiveTime, Utc};
use tidings::config::Config;
use tidings::content::collection::{Collection, Parts};
use tidings::content::dialect::Dialect;
use tidings::content::lock::Lock;
use tidings::content::post::{Hashed, Post, Reading, parse};

/// The size of a body, in bytes.
const BODY_BYTES: usize = 6_700;

const SETTINGS: &str = "
[site]
title = \"Bench\"
url = \"https://example.org/\"
[feeds]
id_prefix = \"tag:example.org,2026:\"
";

const WORDS: [&str; 24] = [
    "ledger", "the", "weekly", "a", "café", "server", "reads", "of", "and", "letters", "over", "naïve", "in", "stream",
    "is", "it’s", "record", "posts", "to", "sends", "index", "with", "for", "clock",
];

/// When all of it takes place.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_435_200, 0).expect("a moment")
}

/// Words in an order of no pattern that is soon repeated.
fn words(seed: usize, count: usize) -> String {
    let word = |i: usize| WORDS[(i * i + 7 * i + seed * 13 + i / 24) % WORDS.len()];
    (0..count).map(word).collect::<Vec<_>>().join(" ")
}

/// The front matter of a post, with its two lines `---`: 0.9 KB.
pub fn head(number: usize) -> String {
    format!(
        "---\nid: post{number:05}\ntitle: '{}'\nslug: post-{number}\npub_date: '2026-11-{:02}'\ntags:\n  - elm\n  - oak\n  \
         - tag-{}\ncategories_blog: engineering\ndiscovery_topic: privacy\nauthor: person-{}\nfeatured_image: \
         /assets/blog/{number}.jpg\nsummary: >-\n  {}\n  {}\n  {}\nlead: >-\n  {}\n  {}\n  {}\n  {}\n  {}\n---\n",
        words(number, 7),
        1 + number % 20,
        number % 5,
        number % 3,
        words(number, 14),
        words(number + 1, 14),
        words(number + 2, 14),
        words(number + 3, 14),
        words(number + 4, 14),
        words(number + 5, 14),
        words(number + 6, 14),
        words(number + 7, 14),
    )
}

/// The body of a post in Markdown: prose with headings, lists, links, a table and code.
pub fn body(number: usize) -> String {
    let mut out = String::new();
    for i in (number..).take_while(|i| i - number < 200) {
        if out.len() >= BODY_BYTES {
            break;
        }
        let block = match i % 9 {
            0 => format!("## {}", words(i, 5)),
            1 => format!("- {}\n- {}\n- {}", words(i, 12), words(i + 1, 9), words(i + 2, 14)),
            2 => format!("{} [{}](/blog/post-{i}/). {}", words(i, 30), words(i, 3), words(i + 1, 25)),
            3 => format!("```\n{} = <{}>\n```", words(i, 2), words(i, 1)),
            4 => "| A | B |\n|---|--:|\n| one | 1 |\n| two | 2 |".to_owned(),
            5 => format!("*{}* and **{}**, `{}`. {}", words(i, 2), words(i, 2), words(i, 1), words(i, 40)),
            6 => format!("![{}](/assets/{i}.jpg)", words(i, 4)),
            _ => words(i, 60),
        };
        out += &block;
        out += "\n\n";
    }
    out
}

/// The same amount of text as HTML that a post may hold: most of it is kept, some must go.
pub fn raw_html() -> String {
    let mut out = String::new();
    for i in 0.. {
        if out.len() >= BODY_BYTES {
            break;
        }
        out += &format!(
            "<div class=\"note\" onclick=\"go()\"><p>{} <a href=\"/blog/{i}/\" style=\"color:red\">{}</a></p>\n<ul><li>{}</li>\
             <li><b>{}</b></li></ul><script>let x = {i};</script></div>\n",
            words(i, 40),
            words(i, 3),
            words(i, 12),
            words(i, 9)
        );
    }
    out
}

/// Settings of a small site.
pub fn config() -> Config {
    Config::parse(SETTINGS).expect("the settings above are good")
}

/// Reads a post with the built-in names of keys.
pub fn read(file: &str, text: &str) -> Post {
    let dialect = Dialect::default();
    let how =
        Reading { dialect: &dialect, timezone: chrono_tz::UTC, publish_time: NaiveTime::MIN, hashed: Hashed::Every };
    let (post, findings) = parse(file, text.as_bytes(), &how);
    post.unwrap_or_else(|| panic!("{findings:?}"))
}

/// So many posts, gathered.
pub fn collection(config: &Config, count: usize) -> Collection {
    let post = |number| read(&format!("content/posts/{number}.md"), &format!("{}{}", head(number), body(number)));
    let parts = Parts { posts: (0..count).map(post).map(Box::new).collect(), ..Parts::default() };
    Collection::gather(parts, config, &Lock::default(), now()).collection
}
