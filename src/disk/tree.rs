//! Which files a site is made of, and how the system knows them, before any of them is opened.

use super::load::unreadable;
use super::stamp::Stamp;
use crate::config::{self, Axis, Config};
use crate::diagnostic::Diagnostic;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What the names of posts end in.
pub const POSTS: [&str; 2] = ["md", "markdown"];

/// A file that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Path from the site's root, with `/`.
    pub file: String,
    /// How the system knows it; none where it does not say, or was not asked.
    pub stamp: Option<Stamp>,
}

/// Whether the system is asked how it knows the files: only where something is known of them that this could confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamps {
    /// It is.
    Ask,
    /// It is not.
    Leave,
}

/// The files of a site, those of each kind sorted by path.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Posts.
    pub posts: Vec<Found>,
    /// People.
    pub people: Vec<Found>,
    /// Calls to action.
    pub calls_to_action: Vec<Found>,
    /// Files of terms, by axis.
    pub terms: Vec<(Axis, Vec<Found>)>,
    /// The site's own templates.
    pub templates: Vec<Found>,
    /// Folders and files that cannot be looked at.
    pub findings: Vec<Diagnostic>,
}

impl Tree {
    /// Looks through the folders that the settings name.
    pub fn of(root: &Path, config: &Config, stamps: Stamps) -> Tree {
        let mut tree = Tree::default();
        let mut findings = Vec::new();
        let mut posts = Vec::new();
        for name in &config.content.posts {
            let folder = config.content.below(name);
            if root.join(&folder).is_dir() {
                walk(root, &folder, &POSTS, &mut posts, &mut findings);
            } else {
                findings.push(
                    Diagnostic::error(format!("there is no folder `{folder}`"))
                        .in_file(config::FILE)
                        .hint("name the folder of the posts in `[content] dir` and `posts`"),
                );
            }
        }
        posts.retain(|file| !file.ends_with("/_index.md"));
        let mut of = |folders: Vec<String>, endings: &[&str]| {
            let mut files = Vec::new();
            for folder in folders.iter().filter(|folder| root.join(folder).is_dir()) {
                walk(root, folder, endings, &mut files, &mut findings);
            }
            stamped(root, files, stamps)
        };
        let below = |names: &[String]| names.iter().map(|name| config.content.below(name)).collect::<Vec<_>>();
        let people = ["md", "markdown", "yaml", "yml"];
        tree.people = of(below(&config.content.people), &people);
        tree.calls_to_action = of(below(&config.content.calls_to_action), &people);
        for axis in Axis::ALL {
            let taxonomies = &config.content.taxonomies;
            let names = [format!("{taxonomies}/{}", axis.name()), format!("{taxonomies}/{}", plural(axis))];
            tree.terms.push((axis, of(below(&names), &["yaml", "yml", "md"])));
        }
        let (templates, found) = templates(root, stamps);
        tree.templates = templates;
        findings.extend(found);
        tree.posts = stamped(root, posts, stamps);
        tree.findings = findings;
        tree
    }

    /// Every file, in an order that the next look repeats.
    pub fn files(&self) -> impl Iterator<Item = &Found> {
        let terms = self.terms.iter().flat_map(|(_, files)| files);
        self.posts.iter().chain(&self.people).chain(&self.calls_to_action).chain(terms).chain(&self.templates)
    }
}

/// A site's own templates, and what cannot be looked at.
pub fn templates(root: &Path, stamps: Stamps) -> (Vec<Found>, Vec<Diagnostic>) {
    let (mut files, mut findings) = (Vec::new(), Vec::new());
    if root.join("templates").is_dir() {
        walk(root, "templates", &["html", "txt", "xml", "css"], &mut files, &mut findings);
    }
    (stamped(root, files, stamps), findings)
}

/// The editors' notes: all Markdown files in the folder of notes, sorted, from the site's root.
pub fn notes(root: &Path, folder: &str) -> (Vec<String>, Vec<Diagnostic>) {
    let (mut files, mut findings) = (Vec::new(), Vec::new());
    if root.join(folder).is_dir() {
        walk(root, folder, &POSTS, &mut files, &mut findings);
    }
    (files, findings)
}

/// Files with their stamps, asked for on all processors.
fn stamped(root: &Path, files: Vec<String>, stamps: Stamps) -> Vec<Found> {
    if stamps == Stamps::Leave {
        return files.into_iter().map(|file| Found { file, stamp: None }).collect();
    }
    let found = |file: String| Found { stamp: Stamp::of(&root.join(&file)), file };
    files.into_par_iter().with_min_len(64).map(found).collect()
}

/// All files below a folder with one of the endings, sorted. Names that start with a dot are left out: they are an
/// editor's or a version control's.
fn walk(root: &Path, folder: &str, endings: &[&str], out: &mut Vec<String>, findings: &mut Vec<Diagnostic>) {
    let start = root.join(folder);
    let base = relative(root, &start);
    let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
    // Files of one folder: their paths differ in their names only.
    let by_name = |a: &walkdir::DirEntry, b: &walkdir::DirEntry| a.path().as_os_str().cmp(b.path().as_os_str());
    let entries = WalkDir::new(&start).follow_links(true).sort_by(by_name).into_iter();
    for entry in entries.filter_entry(|e| e.depth() == 0 || !hidden(e.file_name())) {
        let entry = match entry {
            Ok(entry) => entry,
            // Emacs locks a file with a link that leads nowhere: `.#post.md`.
            Err(err) if err.depth() > 0 && err.path().and_then(Path::file_name).is_some_and(hidden) => continue,
            Err(err) => {
                let place = err.path().map_or_else(|| folder.to_string(), |path| relative(root, path));
                let finding = match err.io_error() {
                    Some(io) => unreadable(&place, io),
                    None => Diagnostic::error("link leads back to a folder that it lies in").in_file(place),
                };
                findings.push(finding);
                continue;
            }
        };
        let ends = entry.path().extension().is_some_and(|e| endings.iter().any(|want| e.eq_ignore_ascii_case(want)));
        if !ends {
            continue;
        }
        let file = match entry.depth() {
            1 if !base.is_empty() => format!("{base}/{}", entry.file_name().to_string_lossy()),
            _ => relative(root, entry.path()),
        };
        if entry.file_type().is_dir() {
            findings.push(Diagnostic::warning("this is a folder, although it is named like a file").in_file(file));
        } else if !entry.file_type().is_file() {
            // A pipe would be waited for, and a device read, for ever.
            findings.push(Diagnostic::error("this is not a file that can be read").in_file(file));
        } else if entry.path().to_str().is_none() {
            findings.push(Diagnostic::error("file name is not UTF-8").in_file(file).hint("rename it"));
        } else {
            out.push(file);
        }
    }
}

/// A path from the site's root, with `/`.
fn relative(root: &Path, path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root).unwrap_or(path).components().collect();
    path.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn plural(axis: Axis) -> &'static str {
    match axis {
        Axis::Category => "categories",
        Axis::Topic => "topics",
        Axis::Tag => "tags",
        Axis::Author => "authors",
    }
}
