//! `--dry-run`: what would be sent, and to how many.

use super::super::freeze;
use super::super::issue::{self, When};
use super::super::talk::plural;
use super::{Desk, Outcome, Send, Trouble};
use crate::diagnostic::Diagnostic;
use crate::digest::choose::wanted;
use crate::store::issues::{Forecast, Issues as _};
use crate::store::sqlite::Sqlite;
use crate::subscriber::choice::Choice;
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl Send {
    /// What would be sent, and to how many.
    pub(super) async fn forecast(
        &self,
        desk: &Desk<'_>,
        findings: &mut Vec<Diagnostic>,
        report: &mut Value,
    ) -> Result<Outcome, Trouble> {
        let context = desk.context;
        let made =
            issue::make_when(context, &self.name, (self.period.as_deref(), When::Begun), self.since, findings).await?;
        let file = &desk.config.store.sqlite;
        let forecast = match Sqlite::open_to_read(&context.root.join(file), file).await? {
            Some(store) => {
                let (name, audience) = (&desk.digest.name.value, freeze::audience(&desk.digest));
                let forecast = store.forecast(name, &audience, context.now.max(made.chosen.period.cutoff)).await?;
                store.close().await;
                forecast
            }
            None => Forecast::default(),
        };
        let (mut people, mut empty) = (0, 0);
        let mut lists = BTreeSet::new();
        for (text, count) in &forecast.by_choice {
            let choice: Choice = text.parse().unwrap_or_default();
            let list = wanted(&choice, &made.site.collection, &made.chosen.articles);
            match list.is_empty() {
                true => empty += count,
                false => {
                    people += count;
                    lists.insert(list);
                }
            }
        }
        let name = format!("{}/{}", made.digest.name.value, made.chosen.period.name);
        report["forecast"] = json!({
            "issue": name, "posts": made.chosen.articles.len(), "mails": people, "variants": lists.len(),
            "empty": empty, "suppressed": forecast.suppressed, "paused": forecast.paused,
            "transport": desk.transport.place(),
            "domains": forecast.domains.iter().map(|(domain, n)| json!({ "domain": domain, "mails": n })).collect::<Vec<_>>(),
        });
        if context.talk.json() {
            return Ok(Outcome::Done);
        }
        let mut out = format!("issue      {name}, {}\n", plural(made.chosen.articles.len(), "post"));
        if let Some(mail) = &made.mail {
            out += &format!("subject    {}\n", mail.rendered.subject);
        } else {
            out += &format!("           no issue: it takes {}\n", made.digest.min_posts);
        }
        out += &format!("over       {}\n", desk.transport.place());
        out += &format!("mails      {people}, in {}\n", plural(lists.len(), "variant"));
        let Forecast { suppressed, paused, .. } = forecast;
        out += &format!("no mail    {empty} have nothing to read, {suppressed} are suppressed, {paused} have paused\n");
        for (domain, count) in &forecast.domains {
            let rate = desk.config.smtp.domains.get(domain).and_then(|limits| limits.rate);
            let pace = rate.map(|rate| format!(", at {rate}")).unwrap_or_default();
            out += &format!("           {count} {domain}{pace}\n");
        }
        context.talk.data(&out);
        Ok(Outcome::Done)
    }
}
