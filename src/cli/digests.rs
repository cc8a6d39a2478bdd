//! What is wrong with the digests of a site, before any of their issues is due: their filters, logos and templates, and the
//! editors' notes. For `check` alone: feeds need none of it, so that a build neither waits nor fails for it.

use super::Context;
use super::archive;
use super::issue;
use super::site::Site;
use crate::config::Digest;
use crate::content::collection::State;
use crate::diagnostic::Diagnostic;
use crate::digest::choose::{self, Chosen};
use crate::digest::due;
use crate::digest::history::History;
use crate::digest::note::Note;
use crate::disk::{load, tree};
use std::fs;

/// Every finding about the digests of a site. The store is not looked at.
pub fn findings(context: &Context, site: &Site) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for digest in site.config.digests.values() {
        findings.extend(issue::logo(site, digest));
        trial(context, site, digest, &mut findings);
    }
    findings.extend(archive::trial(site, &site.templates));
    notes(site, &mut findings);
    findings
}

/// Makes a mail of the newest posts that the digest is about, however long ago they were published: that is how a fault in a
/// template or in the subject comes to light.
fn trial(context: &Context, site: &Site, digest: &Digest, findings: &mut Vec<Diagnostic>) {
    let (filter, found) = choose::filter(&site.collection, digest);
    findings.extend(found);
    let fits = |i: usize| filter.as_ref().is_none_or(|f| f.matches(&site.collection.fields(i, &site.config)));
    let articles = site.collection.articles.iter().enumerate();
    let out = articles.filter(|(i, article)| article.state == State::Published && fits(*i)).map(|(i, _)| i);
    // One more than has a summary, so that the part for titles is tried as well.
    let articles: Vec<usize> = out.take(digest.max_posts.saturating_add(1)).collect();
    let history = History::default();
    let period = due::next(digest, &history, context.now);
    let chosen = Chosen { period, is_first: false, articles, left_out: Vec::new() };
    if let Err(errors) = issue::mail(site, digest, &history, &chosen, None, findings) {
        findings.extend(errors);
    }
}

/// Reads all notes, those of issues long past too: a fault in one may be in the next one, copied.
fn notes(site: &Site, findings: &mut Vec<Diagnostic>) {
    let dirs = &site.config.content;
    let (files, found) = tree::notes(&site.root, &Note::top(dirs));
    findings.extend(found);
    for file in files {
        findings.extend(Note::homeless(&file, dirs, &site.config.digests));
        findings.extend(site.config.digests.values().filter_map(|digest| Note::stray(&file, dirs, digest)));
        match fs::read(site.root.join(&file)) {
            Ok(bytes) => {
                let (note, found) = Note::parse(&file, &bytes);
                findings.extend(found);
                findings.extend(note.iter().flat_map(|note| note.unknown_posts(&site.collection)));
            }
            Err(err) => findings.push(load::unreadable(&file, &err)),
        }
    }
}
