//! `tidings digest NAME redact PERIOD POST`: takes a post out of the page of an issue that has gone out.
//!
//! Mails cannot be taken back, and what was approved stays what it was: the page alone is made anew, from what is kept of it.

use super::site::{self, Faulty, Site};
use super::talk::store_finding;
use super::{Context, Outcome, archive, issue};
use crate::config::{Config, Digest};
use crate::diagnostic::{Diagnostic, nearest};
use crate::digest::history::{Record, RecordState};
use crate::digest::redact::{find, names, strike};
use crate::digest::render::{Renderer, TEMPLATE, View};
use crate::disk::load;
use crate::language::Language;
use crate::store::archive::{Archive as _, Listed, Page};
use crate::store::sqlite::Sqlite;
use crate::store::{Store as _, StoreError};
use crate::template;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What is to be taken out of what.
pub struct Redaction<'a> {
    /// The digest.
    pub digest: &'a str,
    /// The period of the issue.
    pub period: &'a str,
    /// The post: the id of its entry, its own id, or its slug.
    pub post: &'a str,
}

impl Redaction<'_> {
    /// Does it.
    pub fn run(&self, context: &Context) -> Outcome {
        super::answer(context, self.go(context))
    }

    async fn go(&self, context: &Context) -> Result<Value, Vec<Diagnostic>> {
        let config = load::config(&context.root)?;
        let file = &config.store.sqlite;
        let path = context.root.join(file);
        // Nothing is made where there is nothing.
        let found = Sqlite::open_to_read(&path, file).await.map_err(failed)?;
        let Some(there) = found else {
            return Err(vec![match config.digests.get(self.digest) {
                Some(_) => Diagnostic::error(format!("there is no store `{file}`")).hint("nothing was sent yet"),
                None => issue::unknown(self.digest, &config.digests),
            }]);
        };
        there.close().await;
        let store = Sqlite::open(&path, file).await.map_err(failed)?;
        let done = self.redact(context, &config, &store).await;
        store.close().await;
        done
    }

    async fn redact(&self, context: &Context, config: &Config, store: &Sqlite) -> Result<Value, Vec<Diagnostic>> {
        let digest = config.digests.values().find(|digest| digest.names().any(|name| name == self.digest));
        let listed = self.issue(config, digest, store).await?;
        let told = format!("{}/{}", listed.digest, listed.period.name);
        let page = store.page(listed.id).await.map_err(failed)?.unwrap_or_default();
        let Some(view) = archive::view(&page) else {
            let finding = Diagnostic::error(format!("nothing can be taken out of the page of `{told}`"));
            return Err(vec![finding.hint("an older version froze it, and kept nothing of it but the page itself")]);
        };
        let site = site(context)?;
        let id = match self.post(&site, &page, &view, &told) {
            Ok(Some(id)) => id,
            Ok(None) => {
                context.talk.line(&format!("`{}` is not in {told} any more: it was taken out before", self.post));
                return Ok(json!({ "issue": told, "redacted": self.post, "changed": false }));
            }
            Err(finding) => return Err(vec![finding]),
        };
        let zone = digest.map_or(site.config.site.timezone, |digest| digest.timezone);
        let now = context.clock();
        let mut less = view;
        let at_all = page.redacted.len() + 1;
        let struck = strike(&mut less, &id, at_all, now.with_timezone(&zone).date_naive())
            .expect("it was found in the same view");
        let html = self.render(&site, digest, &less).map_err(|err| vec![err])?;
        let note = less.redacted.as_ref().map_or("", |redacted| &redacted.text);
        let says_so = html.contains(note);
        let redacted = page.redacted.iter().cloned().chain([struck.names.clone()]).collect();
        let kept = serde_json::to_string(&less).expect("a view is plain text");
        let new = Page { html, view: Some(kept), redacted };
        if !store.put_page(listed.id, &page, &new, now).await.map_err(failed)? {
            let finding = Diagnostic::error(format!("another run changed the page of `{told}` at the same time"));
            return Err(vec![finding.hint("run the command again")]);
        }
        let talk = &context.talk;
        talk.line(&format!(
            "took `{}` out of the page of {told}; `tidings build` writes the archive without it",
            struck.title
        ));
        if struck.took_intro {
            talk.line("the editor's words named it and went with it");
        }
        for title in &struck.named_by {
            talk.line(&format!("`{title}`, in the same issue, names it in its own words: those stay"));
        }
        if !says_so {
            talk.line("the template of the digest does not say that a post was taken out: it has no `redacted`");
        }
        Ok(json!({ "issue": told, "redacted": id, "changed": true }))
    }

    /// The issue that is meant.
    async fn issue(&self, config: &Config, digest: Option<&Digest>, store: &Sqlite) -> Result<Listed, Vec<Diagnostic>> {
        // A digest that the settings no longer have has its issues all the same.
        let names: Vec<&str> = digest.map_or_else(|| vec![self.digest], |digest| digest.names().collect());
        let all = store.listed().await.map_err(failed)?;
        let own = || all.iter().filter(|one| names.contains(&&*one.digest));
        if digest.is_none() && own().next().is_none() {
            return Err(vec![issue::unknown(self.digest, &config.digests)]);
        }
        let told = format!("{}/{}", self.digest, self.period);
        let history = store.history(&names).await.map_err(failed)?;
        // Under two names there may be two of a period: the one of the name that was said comes first.
        let mut records: Vec<&Record> = history.records().iter().filter(|r| r.period.name == self.period).collect();
        records.sort_by_key(|record| (record.state != RecordState::Frozen, record.digest != self.digest));
        if let Some(&record) = records.first() {
            let is_meant = |one: &&Listed| one.digest == record.digest && one.period.name == self.period;
            return match own().find(is_meant).filter(|_| record.state == RecordState::Frozen) {
                Some(listed) => Ok(listed.clone()),
                None => {
                    let state = record.state.say(&Language::english());
                    let finding = Diagnostic::error(format!("the issue `{told}` does not stand: {state}"));
                    Err(vec![finding.hint("no page of it is shown, so that nothing needs to be taken out")])
                }
            };
        }
        let periods: Vec<&str> = own().map(|one| &*one.period.name).collect();
        let finding = Diagnostic::error(format!("there is no issue `{told}`"));
        Err(vec![match (nearest(self.period, periods.iter().copied()), periods.first()) {
            (Some(near), _) => finding.hint(format!("did you mean `{near}`?")),
            (None, Some(last)) => finding.hint(format!("the last one is `{last}`; `tidings deliveries` lists all")),
            (None, None) => finding.hint("none was frozen yet"),
        }])
    }

    /// The id of the entry that is meant; none where it was taken out before.
    fn post(&self, site: &Site, page: &Page, view: &View, told: &str) -> Result<Option<String>, Diagnostic> {
        let collection = &site.collection;
        // A post that is still there may be known by a slug or an id that the issue does not say.
        let own = collection.articles.iter().filter(|article| {
            let id = article.post.id.as_ref().map(|id| id.value.trim());
            id == Some(self.post) || article.post.slug.value == self.post
        });
        let mut others: Vec<String> = own.map(|article| article.id.to_string()).collect();
        others.push(format!("{}{}", collection.id_prefix, self.post));
        let found = find(view, self.post, &others);
        match &found[..] {
            [one] => return Ok(Some(one.clone())),
            [] => {}
            many => {
                let finding = Diagnostic::error(format!("`{}` may be one of several posts of `{told}`", self.post));
                return Err(finding.hint(format!("say the id of its entry: `{}`", many.join("`, `"))));
            }
        }
        if page.redacted.iter().flatten().any(|name| name == self.post || others.contains(name)) {
            return Ok(None);
        }
        let known: BTreeSet<String> = view.stories().chain(&view.related).filter_map(|s| names(s).pop()).collect();
        let finding = Diagnostic::error(format!("there is no post `{}` in `{told}`", self.post));
        Err(match nearest(self.post, known.iter().map(String::as_str)) {
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() => finding.hint("nothing is left in it"),
            None => finding.hint(format!("there are `{}`", known.iter().cloned().collect::<Vec<_>>().join("`, `"))),
        })
    }

    fn render(&self, site: &Site, digest: Option<&Digest>, view: &View) -> Result<String, Diagnostic> {
        let template = match digest {
            Some(digest) => issue::template(site, digest)?,
            None => TEMPLATE.to_owned(),
        };
        let theme = digest.map(|digest| digest.theme.clone()).unwrap_or_default();
        let renderer =
            Renderer { templates: &site.templates, theme: &theme, template: &template, measure: &|html| html.len() };
        renderer.again(view)
    }
}

fn failed(err: StoreError) -> Vec<Diagnostic> {
    vec![store_finding(&err)]
}

/// The site, for its templates and the names of its posts: a post with an error is no reason to keep another one shown, a
/// template with one is.
fn site(context: &Context) -> Result<Site, Vec<Diagnostic>> {
    let (site, found) = site::open(context, Faulty::LeaveOut);
    let errors: Vec<Diagnostic> = found.into_iter().filter(Diagnostic::is_error).collect();
    let is_template = |finding: &&Diagnostic| {
        let folder = format!("{}/", template::FOLDER);
        finding.place.as_ref().is_some_and(|place| place.file.starts_with(&folder))
    };
    let faulty: Vec<Diagnostic> = errors.iter().filter(is_template).cloned().collect();
    match site {
        None => Err(errors),
        Some(_) if !faulty.is_empty() => Err(faulty),
        Some(site) => Ok(site),
    }
}
