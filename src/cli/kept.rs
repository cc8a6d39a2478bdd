//! Whether the next build would change ids that are published, as far as the output folder tells.

use super::site::Site;
use crate::diagnostic::Diagnostic;
use crate::disk::load;
use crate::feed::read::{self, Published};
use crate::feed::{Format, kept};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs;

/// An error for each post that would get another id than it has in the output folder. `changed` are the files that would
/// not be what they are: in all others every id is as it was, so they need not be read, and of each feed one format is
/// enough.
pub fn changed_ids(site: &Site, changed: &[String]) -> Vec<Diagnostic> {
    let mut feeds: BTreeMap<&str, &String> = BTreeMap::new();
    for format in [Format::Rss, Format::Atom, Format::Json] {
        let file = |path: &&String| site.root.join(&site.config.content.output).join(path).is_file();
        let folder = |path: &str| path.strip_suffix(format.file_name()).map(str::len);
        feeds.extend(changed.iter().filter(file).filter_map(|path| Some((&path[..folder(path)?], path))));
    }
    let paths: Vec<&String> = feeds.into_values().collect();
    // A file that is no feed, or a broken one, has told nobody any id.
    let read = |path: &&String| -> Option<Published> {
        let bytes = fs::read(site.root.join(&site.config.content.output).join(path)).ok()?;
        read::parse(&bytes, path).ok()
    };
    let old: Vec<Published> = paths.par_iter().filter_map(read).collect();
    kept::changed_ids(&old, &site.collection, &site.lock, |post| load::hash(&site.root, post))
}
