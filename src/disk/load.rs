//! Reading a site: settings, content, templates.
//!
//! Every file that cannot be read is a finding; the walk goes on. Posts are read and parsed in parallel, their bodies are
//! not kept: a feed that shows one reads it again.

use super::cache::print;
use super::last::Input;
use super::posts::Posts;
use super::stamp::Stamp;
use super::tree::{self, Found, Stamps, Tree};
use crate::config::{self, Config};
use crate::content::collection::Parts;
use crate::content::dialect::Dialect;
use crate::content::post::{self, Hashed, Post, Reading};
use crate::content::{call_to_action, people, term_file};
use crate::diagnostic::Diagnostic;
use rayon::prelude::*;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The largest file that is taken for a post, in bytes.
const LARGEST: u64 = 32 * 1024 * 1024;

/// Reads the settings.
///
/// # Errors
///
/// All findings in the file, or that there is none.
pub fn config(root: &Path) -> Result<Config, Vec<Diagnostic>> {
    settings(root).map(|(config, _)| config)
}

/// Reads the settings, and gives their text besides.
///
/// # Errors
///
/// All findings in the file, or that there is none.
pub fn settings(root: &Path) -> Result<(Config, String), Vec<Diagnostic>> {
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
    Config::parse(&text).map(|config| (config, text))
}

/// A file, read.
#[derive(Debug)]
pub struct Read<T> {
    /// How the system knew it before it was read.
    pub stamp: Option<Stamp>,
    /// What its bytes are known by; none where they could not be read.
    pub print: Option<u64>,
    /// What it says; none where something is wrong with it.
    pub value: Option<T>,
    /// What was found in it.
    pub findings: Vec<Diagnostic>,
}

impl<T> Read<T> {
    /// A file that could not be read.
    pub fn failed(finding: Diagnostic) -> Read<T> {
        Read { stamp: None, print: None, value: None, findings: vec![finding] }
    }
}

/// What the files of a site say.
#[derive(Debug, Default)]
pub struct Content {
    /// All that has no error.
    pub parts: Parts,
    /// The site's own templates: name under `templates/`, text.
    pub templates: Vec<(String, String)>,
    /// The files, in the order of the tree, those that could be read.
    pub inputs: Vec<Input>,
    /// Everything that is wrong with them.
    pub findings: Vec<Diagnostic>,
}

/// Reads every file of a site.
pub fn content(root: &Path, config: &Config, tree: &Tree, posts: &Posts, hashed: Hashed) -> Content {
    let mut out = Content { findings: tree.findings.clone(), ..Content::default() };
    let dialect = Dialect::new(&config.front_matter);
    let (timezone, publish_time) = (config.site.timezone, config.site.publish_time);
    let read = posts.read(root, &tree.posts, &Reading { dialect: &dialect, timezone, publish_time, hashed });
    out.parts.posts = out.take(&tree.posts, read);
    out.parts.people = out.take(&tree.people, all(root, &tree.people, people::parse_person));
    let calls = all(root, &tree.calls_to_action, call_to_action::parse_call_to_action);
    out.parts.calls_to_action = out.take(&tree.calls_to_action, calls);
    for (axis, files) in &tree.terms {
        let terms = out.take(files, all(root, files, term_file::parse_term));
        out.parts.term_files.extend(terms.into_iter().map(|file| (*axis, file)));
    }
    out.templates = out.take(&tree.templates, all(root, &tree.templates, template));
    out
}

impl Content {
    /// The values of some files; what is known of these and what was found goes to the rest.
    fn take<T>(&mut self, files: &[Found], read: Vec<Read<T>>) -> Vec<T> {
        let mut values = Vec::with_capacity(read.len());
        for (found, read) in files.iter().zip(read) {
            if let Some(print) = read.print {
                self.inputs.push(Input { file: found.file.clone(), stamp: read.stamp, print });
            }
            values.extend(read.value);
            self.findings.extend(read.findings);
        }
        values
    }
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

/// The hash of a post's body, which is read again where nobody asked for it before.
pub fn hash(root: &Path, post: &Post) -> Option<[u8; 16]> {
    post.body.hash.or_else(|| post::hash(&body(root, post).ok()?))
}

/// A site's own templates, name under `templates/` and text, and what is wrong with them.
pub fn templates(root: &Path) -> (Vec<(String, String)>, Vec<Diagnostic>) {
    let (files, findings) = tree::templates(root, Stamps::Leave);
    let mut out = Content { findings, ..Content::default() };
    let templates = out.take(&files, all(root, &files, template));
    (templates, out.findings)
}

fn template(file: &str, bytes: &[u8]) -> (Option<(String, String)>, Vec<Diagnostic>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some((file["templates/".len()..].to_string(), text.to_string())), vec![]),
        Err(_) => (None, vec![Diagnostic::error("template is not UTF-8").in_file(file)]),
    }
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
    Some((media_type.to_string(), bytes(&file).ok().filter(|_| small)?.0))
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
    files: &[Found],
    parse: impl Fn(&str, &[u8]) -> (Option<T>, Vec<Diagnostic>) + Sync,
) -> Vec<Read<T>> {
    let read = |found: &Found| match text(root, &found.file) {
        Ok((bytes, stamp)) => {
            let (value, findings) = parse(&found.file, &bytes);
            Read { stamp: Some(stamp), print: Some(print(&bytes)), value, findings }
        }
        Err(finding) => Read::failed(finding),
    };
    files.par_iter().map(read).collect()
}

/// The bytes of a file that holds text, and its stamp before they were read.
///
/// # Errors
///
/// That it cannot be read, or is too large.
pub fn text(root: &Path, file: &str) -> Result<(Vec<u8>, Stamp), Diagnostic> {
    let (bytes, stamp) = bytes(&root.join(file)).map_err(|err| unreadable(file, &err))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Diagnostic::error(format!("file is larger than {} MiB", LARGEST >> 20)).in_file(file));
    }
    Ok((bytes, stamp))
}

/// A file's bytes, as far as one more than the largest file may have.
fn bytes(path: &Path) -> io::Result<(Vec<u8>, Stamp)> {
    let file = fs::File::open(path)?;
    let found = file.metadata()?;
    let size = found.len().min(LARGEST);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok((bytes, Stamp::from(&found)))
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
