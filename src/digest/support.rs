//! A small site and its issues, for the tests of this folder.

use super::compose::{Composer, Edition, Editorial, Settings};
use super::issue::{Issue, Links};
use super::render::{Medium, Rendered, Renderer, TEMPLATE};
use crate::config::Theme;
use crate::config::{Axis, Config};
use crate::content::call_to_action::parse_call_to_action;
use crate::content::collection::{Collection, Parts};
use crate::content::dialect::Dialect;
use crate::content::lock::Lock;
use crate::content::post::{Hashed, Reading, parse};
use crate::template::Templates;
use crate::text::Text;
use chrono::NaiveTime;
use std::collections::{BTreeMap, BTreeSet};

/// A site of posts, and what its digest says.
pub struct Site {
    pub config: Config,
    pub collection: Collection,
    pub templates: Templates,
    pub theme: Theme,
    pub group_by: Option<Axis>,
    pub max_posts: usize,
    pub utm: BTreeMap<String, String>,
    pub sensitive: bool,
    pub carried: BTreeSet<Text>,
}

/// The site of some posts: each the front matter, less what is the same for all.
pub fn site(posts: &[(&str, &str)]) -> Site {
    site_in("en", posts)
}

pub fn site_in(language: &str, posts: &[(&str, &str)]) -> Site {
    let settings = format!(
        "[site]\ntitle = \"Field Notes\"\nurl = \"https://example.org/\"\nlanguage = \"{language}\"\n\
         [feeds]\nid_prefix = \"tag:example.org,2026:\"\n"
    );
    let config = Config::parse(&settings).unwrap();
    let dialect = Dialect::default();
    let reading =
        Reading { dialect: &dialect, timezone: chrono_tz::UTC, publish_time: NaiveTime::MIN, hashed: Hashed::Every };
    let posts = posts.iter().map(|(slug, front)| {
        let date = if front.contains("date:") { "" } else { "date: 2026-11-20\n" };
        let text = format!("---\n{front}\n{date}---\nBody\n");
        let (post, findings) = parse(&format!("content/posts/{slug}.md"), text.as_bytes(), &reading);
        post.unwrap_or_else(|| panic!("{findings:?}"))
    });
    let call =
        "id: guide\ntitle: The guide\nbody: All of it, *free*.\nbutton_label: Get it\ndestination_url: /guide/\n";
    let (call, _) = parse_call_to_action("content/cta/guide.md", call.as_bytes());
    let parts =
        Parts { posts: posts.map(Box::new).collect(), calls_to_action: call.into_iter().collect(), ..Parts::default() };
    let now = "2026-11-23T09:00:00Z".parse().unwrap();
    let collection = Collection::gather(parts, &config, &Lock::default(), now).collection;
    Site {
        config,
        collection,
        templates: Templates::new(vec![]).unwrap(),
        theme: Theme::default(),
        group_by: Some(Axis::Category),
        max_posts: 12,
        utm: BTreeMap::new(),
        sensitive: false,
        carried: BTreeSet::new(),
    }
}

impl Site {
    /// Every post, newest first.
    pub fn all(&self) -> Vec<usize> {
        self.collection.visible().collect()
    }

    pub fn settings(&self) -> Settings<'_> {
        Settings {
            name: "weekly",
            title: None,
            timezone: chrono_tz::UTC,
            group_by: self.group_by,
            max_posts: self.max_posts,
            subject: None,
            utm: &self.utm,
            postal_address: "Field Notes\n1 High Street, Exampleton",
            sensitive: self.sensitive,
        }
    }

    pub fn issue_of(&self, articles: &[usize], editorial: Editorial) -> Issue {
        let composer = Composer {
            collection: &self.collection,
            config: &self.config,
            settings: self.settings(),
            templates: &self.templates,
            image_size: &|url| url.ends_with("known.jpg").then_some((1200, 600)),
        };
        composer.compose(&self.edition(articles, editorial)).unwrap()
    }

    pub fn edition<'a>(&'a self, articles: &'a [usize], editorial: Editorial<'a>) -> Edition<'a> {
        Edition {
            period: "2026-W48",
            cutoff: "2026-11-23T09:00:00Z".parse().unwrap(),
            articles,
            editorial,
            carried: &self.carried,
            links: Links {
                page: "https://example.org/digest/weekly/2026-W48/".into(),
                unsubscribe: "https://mail.example.org/u/TOKEN".into(),
                preferences: "https://mail.example.org/p/TOKEN".into(),
            },
        }
    }

    pub fn issue(&self) -> Issue {
        self.issue_of(&self.all(), Editorial::default())
    }

    pub fn render(&self, issue: &Issue, medium: Medium) -> Rendered {
        let renderer =
            Renderer { templates: &self.templates, theme: &self.theme, template: TEMPLATE, measure: &str::len };
        renderer.render(issue, medium).unwrap()
    }
}
