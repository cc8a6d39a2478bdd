//! Posts, read; and those of an earlier build taken over where their files have the same bytes.
//!
//! Reading YAML is the largest part of a build. What came of it lies in the cache, with what was found wrong, by path and bytes:
//! some hundred posts to a file, told apart by a hash of the path, so that a change writes one of these files anew.

use super::cache::{Cache, print};
use super::last::Prints;
use super::load::{Read, text};
use super::stamp::Stamp;
use super::tree::Found;
use crate::content::post::{self, Post, Reading};
use crate::diagnostic::Diagnostic;
use foldhash::HashMap;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// About how many posts share a file of the cache.
const SHARE: usize = 256;
/// What the names of these files start with.
const NAME: &str = "posts-";

/// How posts are read.
pub struct Posts<'a> {
    /// Where those of an earlier build are.
    pub cache: &'a Cache,
    /// What is known of files without their being read.
    pub prints: &'a Prints<'a>,
    /// Whether the cache is written, which only one build at a time may do.
    pub keep: Keep,
}

/// Whether what was read is kept for the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// A post as it lies in the cache.
#[derive(Deserialize)]
struct Kept {
    file: String,
    print: u64,
    post: Box<Post>,
    findings: Vec<Diagnostic>,
}

/// The same, to be written.
#[derive(Serialize)]
struct ToKeep<'a> {
    file: &'a str,
    print: u64,
    post: &'a Post,
    findings: &'a [Diagnostic],
}

impl Posts<'_> {
    /// Every file, read, in the order given.
    pub fn read(&self, root: &Path, files: &[Found], how: &Reading<'_>) -> Vec<Read<Box<Post>>> {
        let shares = files.len().div_ceil(SHARE).next_power_of_two();
        let mut by_share: Vec<Vec<usize>> = vec![Vec::new(); shares];
        for (i, found) in files.iter().enumerate() {
            by_share[usize::try_from(print(found.file.as_bytes()) % shares as u64).unwrap_or(0)].push(i);
        }
        let read = |(share, members): (usize, &Vec<usize>)| {
            let name = format!("{NAME}{shares}-{share}");
            let (read, is_new) = self.share(root, &name, members.iter().map(|&i| &files[i]).collect(), how);
            (members.iter().copied().zip(read).collect::<Vec<_>>(), is_new)
        };
        let (read, is_new): (Vec<_>, Vec<bool>) = by_share.par_iter().enumerate().with_max_len(1).map(read).unzip();
        if is_new.contains(&true) {
            let ours = format!("{NAME}{shares}-");
            self.cache.sweep(NAME, |name| name.starts_with(&ours));
        }
        let mut read: Vec<(usize, Read<Box<Post>>)> = read.into_iter().flatten().collect();
        read.sort_unstable_by_key(|(i, _)| *i);
        read.into_iter().map(|(_, read)| read).collect()
    }

    /// The posts of one file of the cache, and whether that was written.
    fn share(&self, root: &Path, name: &str, files: Vec<&Found>, how: &Reading<'_>) -> (Vec<Read<Box<Post>>>, bool) {
        let kept: Vec<Kept> = self.cache.read(name).unwrap_or_default();
        let before = kept.len();
        // Whoever else wrote it may have named any file.
        let kept = kept.into_iter().filter(|kept| {
            let places = kept.findings.iter().filter_map(|finding| finding.place.as_ref());
            kept.post.file == kept.file && places.map(|place| &place.file).all(|file| *file == kept.file)
        });
        let by_file = |mut kept: Kept| (std::mem::take(&mut kept.file), kept);
        let mut kept: HashMap<String, Kept> = kept.map(by_file).collect();
        let mut taken = 0;
        let mut one = |found: &Found| {
            let known = self.prints.of(found);
            let lacks_hash =
                |post: &Post| post.body.hash.is_none() && !post.body.blank && how.hashed.holds(post.id.as_ref());
            let mut old = if kept.is_empty() { None } else { kept.remove(&found.file) };
            let mut take = |kept: Kept, stamp: Option<Stamp>| {
                taken += 1;
                Read { stamp, print: Some(kept.print), value: Some(kept.post), findings: kept.findings }
            };
            if let Some(kept) = old.take_if(|kept| Some(kept.print) == known && !lacks_hash(&kept.post)) {
                return take(kept, found.stamp);
            }
            let (bytes, stamp) = match text(root, &found.file) {
                Ok(read) => read,
                Err(finding) => return Read::failed(finding),
            };
            let print = print(&bytes);
            if let Some(mut kept) = old.filter(|kept| kept.print == print) {
                if !lacks_hash(&kept.post) {
                    return take(kept, Some(stamp));
                }
                // Nobody asked for it before; all else is as it was.
                kept.post.body.hash = post::body(&kept.post, &bytes).and_then(|text| post::hash(&text));
                let (value, findings) = (Some(kept.post), kept.findings);
                return Read { stamp: Some(stamp), print: Some(print), value, findings };
            }
            let (value, findings) = post::parse(&found.file, &bytes, how);
            Read { stamp: Some(stamp), print: Some(print), value: value.map(Box::new), findings }
        };
        let read: Vec<Read<Box<Post>>> = files.iter().map(|found| one(found)).collect();
        let whole: Vec<ToKeep> = files
            .iter()
            .zip(&read)
            .filter_map(|(found, read)| {
                let (post, print) = (read.value.as_ref()?, read.print?);
                Some(ToKeep { file: &found.file, print, post, findings: &read.findings })
            })
            .collect();
        let is_new = self.keep == Keep::Yes && (taken != before || taken != whole.len());
        if is_new {
            self.cache.write(name, &whole);
        }
        (read, is_new)
    }
}
