//! `tidings init`: a new site that builds and checks clean.

use super::{Context, Outcome};
use crate::config::{Config, KEY_FILE};
use crate::diagnostic::Diagnostic;
use crate::disk::key;
use crate::disk::load::reason;
use chrono::Datelike as _;
use clap::Args;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use url::Url;

/// Make a new site that builds.
#[derive(Debug, Args)]
pub struct Init {
    /// The folder; the present one by default
    dir: Option<PathBuf>,
    /// The site's name
    #[arg(long, default_value = "My site")]
    title: String,
    /// The site's address
    #[arg(long, default_value = "https://example.org/")]
    url: String,
}

impl Init {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let root = self.dir.clone().unwrap_or_else(|| context.root.clone());
        match self.make(context, &root) {
            Ok(made) => {
                context.talk.report(&json!({ "made": made }));
                for file in &made {
                    context.talk.detail(&format!("made {file}"));
                }
                let shown = root.display();
                let there = if root == Path::new(".") { String::new() } else { format!(" --root {shown}") };
                context.talk.line(&format!("made a site in `{shown}`; next: tidings build{there}"));
                Outcome::Done
            }
            Err(finding) => {
                context.talk.finding(&finding, None);
                Outcome::Wrong
            }
        }
    }

    fn make(&self, context: &Context, root: &Path) -> Result<Vec<String>, Diagnostic> {
        let mut files = self.files(context)?;
        if root.join("content").exists() {
            // Somebody's posts are there: an invented one among them would be published.
            files.retain(|(name, _)| !name.starts_with("content/"));
        }
        // A folder that holds a site, or part of one, is left exactly as it is.
        for (name, _) in &files {
            let path = root.join(name);
            if fs::symlink_metadata(&path).is_ok() && name != ".gitignore" {
                return Err(Diagnostic::error(format!("`{}` is there already", path.display()))
                    .hint("nothing was written; give the name of a new folder"));
            }
        }
        let mut made = Vec::new();
        for (name, text) in files {
            let path = root.join(&name);
            if path.exists() {
                continue;
            }
            let failed =
                |err: &std::io::Error| Diagnostic::error(format!("cannot write `{}`: {}", path.display(), reason(err)));
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(|err| failed(&err))?;
            }
            fs::write(&path, text).map_err(|err| failed(&err))?;
            made.push(name);
        }
        // A key that is there stays: it signed the links of every mail that was sent.
        if fs::symlink_metadata(root.join(KEY_FILE)).is_err() {
            key::make(root, KEY_FILE).map_err(|err| {
                let path = root.join(KEY_FILE);
                Diagnostic::error(format!("cannot write `{}`: {}", path.display(), reason(&err)))
            })?;
            made.push(KEY_FILE.to_owned());
        }
        Ok(made)
    }

    fn files(&self, context: &Context) -> Result<Vec<(String, String)>, Diagnostic> {
        let host = Url::parse(&self.url).ok().and_then(|url| url.host_str().map(str::to_string)).unwrap_or_default();
        let (year, day) = (context.now.year(), context.now.format("%Y-%m-%d"));
        let settings = format!(
            "{}{}{}",
            // At once, since a title may well hold the word that stands for the address.
            include_str!("../templates/init/tidings.toml").replace(
                "title = TITLE\nurl = ADDRESS\n",
                &format!("title = {}\nurl = {}\n", toml_text(&self.title), toml_text(&self.url)),
            ),
            // The prefix is written down from the start: ids must survive a move to another domain.
            "\n[feeds]\n# What every id starts with. It never changes, even when the address does.\n",
            format_args!("id_prefix = {}\n", toml_text(&format!("tag:{host},{year}:"))),
        );
        Config::parse(&settings).map_err(|findings| {
            let why = findings.first().map(|f| f.message.clone()).unwrap_or_default();
            Diagnostic::error(format!("this would not make a site: {why}"))
                .hint("give `--title` a text and `--url` a whole address, such as https://example.org/")
        })?;
        let post = include_str!("../templates/init/post.md").replace("DATE", &day.to_string());
        Ok(vec![
            ("tidings.toml".into(), settings),
            (".gitignore".into(), include_str!("../templates/init/gitignore").into()),
            (format!("content/posts/{day}.first-post.md"), post),
            ("content/people/ana-sousa.md".into(), include_str!("../templates/init/person.md").into()),
            ("content/taxonomies/categories/news.yaml".into(), include_str!("../templates/init/term.yaml").into()),
        ])
    }
}

/// A text as TOML writes it.
fn toml_text(text: &str) -> String {
    toml::Value::String(text.to_string()).to_string()
}
