//! The editor's note for one issue: words, and what the issue shall have instead of what it would have by itself.
//!
//! A Markdown file, `digests/<name>/<period>.md` in the content folder. Its front matter, which it may lack, knows few keys
//! and refuses others. That a post it names is not in the issue is a warning: the issue goes out all the same.

use super::choose::Chosen;
use crate::config::{ContentDirs, Digest};
use crate::content::collection::{Article, Collection};
use crate::content::front_matter::read::{Reader, Same, find};
use crate::content::front_matter::yaml::{Map, fault, shown};
use crate::content::front_matter::{Fences, drop_warning, place, split};
use crate::diagnostic::{Diagnostic, Spanned, nearest};
use crate::text::{Text, first_illegal, is_legal};
use std::collections::BTreeMap;

/// What a note may say in its front matter.
const KEYS: [&str; 4] = ["subject", "preheader", "lead", "order"];

/// An editor's note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Path from the site's root, with `/`.
    pub file: String,
    /// `subject`, one line, as it stands: no template.
    pub subject: Option<Spanned<Text>>,
    /// `preheader`, one line, as it stands.
    pub preheader: Option<Spanned<Text>>,
    /// `lead`: the id or slug of the post that opens the issue.
    pub lead: Option<Spanned<Text>>,
    /// `order`: ids or slugs of the posts that come first, in their order.
    pub order: Vec<Spanned<Text>>,
    /// What the editor says, in Markdown, without white space at its ends.
    pub intro_markdown: Option<Text>,
}

/// The posts of an issue as its note wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arranged {
    /// The post that the note wants to open the issue, as a place in [`Collection::articles`]. It stays in `articles`.
    pub lead: Option<usize>,
    /// The posts that the note puts first, then the others as they were chosen.
    pub articles: Vec<usize>,
}

impl Note {
    /// Where the note for a period is, from the site's root.
    pub fn file(dirs: &ContentDirs, digest: &Digest, period: &str) -> String {
        format!("{}/{period}.md", Note::folder(dirs, digest))
    }

    /// The folder of a digest's notes, from the site's root.
    pub fn folder(dirs: &ContentDirs, digest: &Digest) -> String {
        format!("{}/{}", Note::top(dirs), digest.name.value)
    }

    /// The folder of all notes, from the site's root: it has a folder for each digest.
    pub fn top(dirs: &ContentDirs) -> String {
        match dirs.dir.as_str() {
            "" | "." => "digests".to_owned(),
            dir => format!("{dir}/digests"),
        }
    }

    /// A warning about a Markdown file among the notes of a digest that is the note of no period, so that a slip in its name
    /// is not passed over in silence.
    pub fn stray(file: &str, dirs: &ContentDirs, digest: &Digest) -> Option<Diagnostic> {
        let finding = Diagnostic::warning(format!("this note belongs to no issue of `{}`", digest.name.value));
        let finding = finding.in_file(file);
        let folder = Note::folder(dirs, digest);
        let name = file.strip_prefix(&folder)?.strip_prefix('/')?;
        if name.contains('/') {
            return Some(finding.hint(format!("notes lie in `{folder}` itself")));
        }
        let Some(period) = name.strip_suffix(".md") else {
            return Some(finding.hint("its name must end in `.md`"));
        };
        let error = digest.schedule.by_name(period, digest.timezone).err()?;
        Some(finding.hint(error.to_string()))
    }

    /// A warning about a note that lies in the folder of no digest.
    pub fn homeless(file: &str, dirs: &ContentDirs, digests: &BTreeMap<String, Digest>) -> Option<Diagnostic> {
        let top = Note::top(dirs);
        let name = file.strip_prefix(&top)?.strip_prefix('/')?.rsplit_once('/').map(|(folder, _)| folder);
        let name = name.and_then(|folder| folder.split('/').next());
        if name.is_some_and(|name| digests.contains_key(name)) {
            return None;
        }
        let known = digests.keys().map(String::as_str);
        let former = |name: &str| digests.values().find(|digest| digest.formerly.iter().any(|was| was == name));
        let hint = match name {
            None => format!("notes lie in the folder of a digest: `{top}/NAME`"),
            Some(name) => match (former(name), nearest(name, known)) {
                (Some(digest), _) => format!("`{name}` is `{}` now: move it to its folder", digest.name.value),
                (None, Some(near)) => format!("did you mean `{top}/{near}`?"),
                (None, None) => format!("there is no `[digest.{name}]` in {}", crate::config::FILE),
            },
        };
        Some(Diagnostic::warning("this note belongs to no digest").in_file(file).hint(hint))
    }

    /// Reads a note from the bytes of its file. There is one only where no error was found.
    pub fn parse(file: &str, bytes: &[u8]) -> (Option<Note>, Vec<Diagnostic>) {
        let mut reader = Reader::new(file);
        let note = read(file, bytes, &mut reader);
        reader.finish(note)
    }

    /// A warning for each post that it names and nobody knows, whichever issue it is for.
    pub fn unknown_posts(&self, collection: &Collection) -> Vec<Diagnostic> {
        let lead = self.lead.iter().map(|name| ("lead", name));
        let named = lead.chain(self.order.iter().map(|name| ("order", name)));
        let unknown = named.filter(|(_, name)| find_post(collection, &name.value).is_none());
        let slugs = || collection.articles.iter().map(|article| article.post.slug.value.as_str());
        unknown.map(|(key, name)| self.unknown_post(key, name, slugs())).collect()
    }

    fn unknown_post<'a>(&self, key: &str, name: &Spanned<Text>, slugs: impl Iterator<Item = &'a str>) -> Diagnostic {
        let hint = match nearest(&name.value, slugs) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "posts are named by their id or slug".to_owned(),
        };
        let message = format!("`{key}` names an unknown post `{}`", shown(&name.value));
        Diagnostic::warning(message).at(&self.file, name.span).hint(hint)
    }

    /// The chosen posts in the note's order, and a warning for each post that it names and the issue does not carry.
    pub fn arrange(&self, collection: &Collection, chosen: &Chosen) -> (Arranged, Vec<Diagnostic>) {
        let mut findings = Vec::new();
        let mut find = |key: &str, name: &Spanned<Text>| {
            let found = find_post(collection, &name.value).filter(|i| chosen.articles.contains(i));
            if found.is_none() {
                findings.push(self.not_carried(key, name, collection, chosen));
            }
            found
        };
        let lead = self.lead.as_ref().and_then(|name| find("lead", name));
        let mut articles: Vec<usize> = Vec::with_capacity(chosen.articles.len());
        for i in self.order.iter().filter_map(|name| find("order", name)) {
            if !articles.contains(&i) {
                articles.push(i);
            }
        }
        let others: Vec<usize> = chosen.articles.iter().copied().filter(|i| !articles.contains(i)).collect();
        articles.extend(others);
        (Arranged { lead, articles }, findings)
    }

    fn not_carried(&self, key: &str, name: &Spanned<Text>, collection: &Collection, chosen: &Chosen) -> Diagnostic {
        let raw = shown(&name.value);
        let Some(i) = find_post(collection, &name.value) else {
            let slugs = chosen.articles.iter().map(|&i| collection.articles[i].post.slug.value.as_str());
            return self.unknown_post(key, name, slugs);
        };
        let finding = Diagnostic::warning(format!("`{key}` names a post that the issue does not carry: `{raw}`"));
        let finding = finding.at(&self.file, name.span);
        match chosen.left_out.iter().find(|(left, _)| *left == i) {
            Some((_, reason)) => finding.hint(format!("the post {reason}")),
            None => finding,
        }
    }
}

/// The post of this id, or else of this slug.
fn find_post(collection: &Collection, name: &str) -> Option<usize> {
    let position = |is: &dyn Fn(&Article) -> bool| collection.articles.iter().position(is);
    position(&|article| article.post.id.as_ref().is_some_and(|id| id.value == name))
        .or_else(|| position(&|article| article.id.as_str() == name))
        .or_else(|| position(&|article| article.post.slug.value == name))
}

fn read(file: &str, bytes: &[u8], reader: &mut Reader) -> Option<Note> {
    // Words alone are a note, too.
    let words = std::str::from_utf8(bytes).ok().filter(|text| !opens_front_matter(text));
    if let Some(words) = words {
        let intro_markdown = words_of(words.strip_prefix('\u{feff}').unwrap_or(words), 1, reader);
        return Some(Note {
            file: file.to_owned(),
            subject: None,
            preheader: None,
            lead: None,
            order: Vec::new(),
            intro_markdown,
        });
    }
    let split =
        split(bytes, Fences::Required, &mut reader.findings).map_err(|fault| reader.findings.push(fault)).ok()?;
    let map = split.map(&mut reader.findings)?;
    refuse_unknown(&map, reader);
    let mut line = |key: &str| find(&map, &[key]).and_then(|pair| reader.line(pair));
    let (subject, preheader) = (line("subject"), line("preheader"));
    let lead = find(&map, &["lead"]).and_then(|pair| reader.reference(pair));
    let order = reader.list(find(&map, &["order"]).into_iter(), Same::Exact);
    let intro_markdown = words_of(split.body, split.body_line, reader);
    Some(Note { file: file.to_owned(), subject, preheader, lead, order, intro_markdown })
}

/// Whether the first line that is not blank opens front matter of some kind.
fn opens_front_matter(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().map(str::trim_end).find(|line| !line.is_empty());
    matches!(first, Some("---" | "+++"))
}

/// What the editor says, in a text that starts with this line of the file.
fn words_of(body: &str, first_line: u32, reader: &mut Reader) -> Option<Text> {
    if let Some((at, first)) = first_illegal(body) {
        let count = body.chars().filter(|&c| !is_legal(c)).count();
        let span = place(body, at, first_line);
        reader.findings.push(drop_warning("the text", "no mail can carry", first, count).at("", span));
    }
    let words = Text::new(body.trim());
    (!words.is_empty()).then_some(words)
}

fn refuse_unknown(map: &Map, reader: &mut Reader) {
    for (key, _) in map.iter().filter(|(key, _)| !KEYS.contains(&&*key.name)) {
        let finding = fault(format!("unknown key `{}` in the note of an issue", shown(&key.name)), key.span);
        reader.findings.push(finding.hint(match nearest(&key.name, KEYS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "a note knows `subject`, `preheader`, `lead` and `order`; words go below the closing `---`".to_owned()
            }
        }));
    }
}

#[cfg(test)]
mod tests;
