//! Reading a site: settings, content, templates.
//!
//! Every file that cannot be read is a finding; the walk goes on. Posts are read and parsed in parallel, their bodies are
//! not kept: a feed that shows one reads it again.

use crate::config::{self, Axis, Config};
use crate::content::collection::Parts;
use crate::content::dialect::Dialect;
use crate::content::post::{Post, Reading};
use crate::content::{call_to_action, people, post, term_file};
use crate::diagnostic::Diagnostic;
use rayon::prelude::*;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The largest file that is taken for a post, in bytes.
const LARGEST: u64 = 32 * 1024 * 1024;

/// What the names of posts end in.
pub const POSTS: [&str; 2] = ["md", "markdown"];

/// Reads the settings.
///
/// # Errors
///
/// All findings in the file, or that there is none.
pub fn config(root: &Path) -> Result<Config, Vec<Diagnostic>> {
    let path = root.join(config::FILE);
    let text = match fs::read(&path) {
        Ok(bytes) => String::from_utf8(bytes)
            .map_err(|_| vec![Diagnostic::error("the settings are not UTF-8").in_file(config::FILE)])?,
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            let finding = Diagnostic::error(format!("there is no `{}` in `{}`", config::FILE, root.display()));
            return Err(vec![
                finding.hint("go to the site's folder, name it with `--root DIR`, or make one with `tidings init`"),
            ]);
        }
        Err(err) => return Err(vec![unreadable(config::FILE, &err)]),
    };
    Config::parse(&text)
}

/// Reads everything in the content folder. Only posts without an error are among the parts.
pub fn content(root: &Path, config: &Config) -> (Parts, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    let dir = |name: &str| config.content.below(name);

    let mut files = Vec::new();
    for name in &config.content.posts {
        let folder = dir(name);
        if root.join(&folder).is_dir() {
            walk(root, &folder, &POSTS, &mut files, &mut findings);
        } else {
            findings.push(
                Diagnostic::error(format!("there is no folder `{folder}`"))
                    .in_file(config::FILE)
                    .hint("name the folder of the posts in `[content] dir` and `posts`"),
            );
        }
    }
    files.retain(|file| !file.ends_with("/_index.md"));
    let dialect = Dialect::new(&config.front_matter);
    let reading = Reading { dialect: &dialect, timezone: config.site.timezone, publish_time: config.site.publish_time };
    let posts = all(root, files, &mut findings, |file, bytes| post::parse(file, bytes, &reading));

    let mut of = |names: &[String], endings: &[&str]| {
        let mut files = Vec::new();
        for name in names {
            if root.join(dir(name)).is_dir() {
                walk(root, &dir(name), endings, &mut files, &mut findings);
            }
        }
        files
    };
    let people = of(&config.content.people, &["md", "markdown", "yaml", "yml"]);
    let calls = of(&config.content.calls_to_action, &["md", "markdown", "yaml", "yml"]);
    let terms: Vec<(Axis, Vec<String>)> = Axis::ALL
        .into_iter()
        .map(|axis| {
            let taxonomies = &config.content.taxonomies;
            (
                axis,
                of(
                    &[format!("{taxonomies}/{}", axis.name()), format!("{taxonomies}/{}", plural(axis))],
                    &["yaml", "yml", "md"],
                ),
            )
        })
        .collect();
    let people = all(root, people, &mut findings, people::parse_person);
    let calls_to_action = all(root, calls, &mut findings, call_to_action::parse_call_to_action);
    let mut term_files = Vec::new();
    for (axis, files) in terms {
        let files = all(root, files, &mut findings, term_file::parse_term);
        term_files.extend(files.into_iter().map(|file| (axis, file)));
    }
    (Parts { posts, people, calls_to_action, term_files }, findings)
}

/// The text of a post's body, read again.
///
/// # Errors
///
/// That it cannot be read, or is no longer what it was a moment ago.
pub fn body(root: &Path, post: &Post) -> Result<String, Diagnostic> {
    let bytes = fs::read(root.join(&post.file)).map_err(|err| unreadable(&post.file, &err))?;
    match post::body(post, &bytes) {
        Some(body) => Ok(body.into_owned()),
        None => Err(Diagnostic::error("post was changed while it was being read")
            .in_file(&post.file)
            .hint("run the command again")),
    }
}

/// A site's own templates: name under `templates/`, text.
pub fn templates(root: &Path) -> (Vec<(String, String)>, Vec<Diagnostic>) {
    let (mut files, mut findings) = (Vec::new(), Vec::new());
    if root.join("templates").is_dir() {
        walk(root, "templates", &["html", "txt", "xml", "css"], &mut files, &mut findings);
    }
    let texts = all(root, files, &mut findings, |file, bytes| match std::str::from_utf8(bytes) {
        Ok(text) => (Some((file["templates/".len()..].to_string(), text.to_string())), vec![]),
        Err(_) => (None, vec![Diagnostic::error("template is not UTF-8").in_file(file)]),
    });
    (texts, findings)
}

/// The editors' notes: all Markdown files in the folder of notes, sorted, from the site's root.
pub fn notes(root: &Path, folder: &str) -> (Vec<String>, Vec<Diagnostic>) {
    let (mut files, mut findings) = (Vec::new(), Vec::new());
    if root.join(folder).is_dir() {
        walk(root, folder, &POSTS, &mut files, &mut findings);
    }
    (files, findings)
}

/// The size in bytes of a file that the site serves, where it is known.
pub fn size_of(root: &Path, config: &Config, path: &str) -> Option<u64> {
    Some(fs::metadata(served(root, config, path)?).ok()?.len())
}

/// Whether a picture that the site serves can be shown, or why not.
///
/// # Errors
///
/// The reason, as it reads on after a colon.
pub fn look_at_picture(root: &Path, config: &Config, path: &str) -> Result<(), String> {
    let Some(file) = served(root, config, path) else {
        let folders = folders(config).map(|folder| format!("`{folder}`"));
        return Err(format!("there is no such file in {}", listed(&folders)));
    };
    fs::File::open(&file).map_err(|err| reason(&err))?;
    imagesize::size(&file).map(|_| ()).map_err(|_| "it is no picture".to_owned())
}

fn listed(names: &[String]) -> String {
    match names {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    }
}

/// The width and height of a picture that the site serves, where they are known.
pub fn image_size(root: &Path, config: &Config, url: &str) -> Option<(u32, u32)> {
    let path = url.strip_prefix(config.site.url.as_str())?.split(['?', '#']).next()?;
    let size = imagesize::size(served(root, config, path)?).ok()?;
    Some((u32::try_from(size.width).ok()?, u32::try_from(size.height).ok()?))
}

/// The largest picture that is put into a page, in bytes.
const LARGEST_PICTURE: u64 = 512 * 1024;

/// The media type and the bytes of a picture that the site serves, where it is at hand and not too large to be put into a
/// page.
pub fn picture(root: &Path, config: &Config, url: &str) -> Option<(String, Vec<u8>)> {
    let path = url.strip_prefix(config.site.url.as_str())?.split(['?', '#']).next()?;
    let media_type = mime_guess::from_path(path).first().filter(|media_type| media_type.type_() == "image")?;
    let file = served(root, config, path)?;
    let small = fs::metadata(&file).is_ok_and(|file| file.len() <= LARGEST_PICTURE);
    Some((media_type.to_string(), bytes(&file).ok().filter(|_| small)?))
}

/// The folders in which a file that the site serves may lie, from the site's root.
fn folders(config: &Config) -> [&str; 3] {
    [&config.content.output, "static", &config.content.dir]
}

/// Where a file that the site serves lies, in one of the folders where generators keep such files.
fn served(root: &Path, config: &Config, path: &str) -> Option<PathBuf> {
    let path = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
    if path.split(['/', '\\']).any(|part| part == "..") {
        return None;
    }
    folders(config)
        .iter()
        .map(|folder| root.join(folder).join(path.trim_start_matches('/')))
        .find(|file| file.is_file())
}

/// Reads and parses files in parallel, in the order given.
fn all<T: Send>(
    root: &Path,
    files: Vec<String>,
    findings: &mut Vec<Diagnostic>,
    parse: impl Fn(&str, &[u8]) -> (Option<T>, Vec<Diagnostic>) + Sync,
) -> Vec<T> {
    let read = |file: &String| match bytes(&root.join(file)) {
        Ok(bytes) if bytes.len() as u64 > LARGEST => {
            let finding = Diagnostic::error(format!("file is larger than {} MiB", LARGEST >> 20)).in_file(file);
            (None, vec![finding])
        }
        Ok(bytes) => parse(file, &bytes),
        Err(err) => (None, vec![unreadable(file, &err)]),
    };
    let mut out = Vec::with_capacity(files.len());
    for (value, found) in files.par_iter().map(read).collect::<Vec<_>>() {
        out.extend(value);
        findings.extend(found);
    }
    out
}

/// A file's bytes, as far as one more than the largest file may have.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    let size = file.metadata()?.len().min(LARGEST);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// All files below a folder with one of the endings, sorted. Names that start with a dot are left out: they are an
/// editor's or a version control's.
fn walk(root: &Path, folder: &str, endings: &[&str], out: &mut Vec<String>, findings: &mut Vec<Diagnostic>) {
    let start = root.join(folder);
    let hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.');
    let entries = WalkDir::new(&start).follow_links(true).sort_by_file_name().into_iter();
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
        let file = relative(root, entry.path());
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

/// What the system said of a file, in our words where there are some.
pub fn unreadable(file: &str, err: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot read this file: {}", reason(err))).in_file(file)
}

/// The system's reason, without its number.
pub fn reason(err: &io::Error) -> String {
    match err.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::NotFound => "no such file or folder".into(),
        io::ErrorKind::StorageFull => "no space left on the disk".into(),
        io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only".into(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".into(),
        _ => {
            let text = err.to_string();
            text.split(" (os error").next().unwrap_or(&text).to_lowercase()
        }
    }
}
