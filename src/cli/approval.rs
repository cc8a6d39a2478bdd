//! Approval: somebody says yes to an issue before it is sent.
//!
//! A frozen issue is approved as it stands. Where none waits, the next one is approved as it is at this moment: it is sent
//! without another question only if it is still the same to the letter when it is frozen.

use super::freeze::{approval_name, content_hash, whole};
use super::issue::{self, When};
use super::talk::{in_order, show, store_finding};
use super::{Context, Outcome};
use crate::diagnostic::Diagnostic;
use crate::disk::load;
use crate::store::issues::Issues as _;
use crate::store::sqlite::Sqlite;
use chrono::NaiveDate;
use serde_json::{Value, json};

/// Approves the issue of a digest that waits for it, or the next one.
pub fn approve(context: &Context, name: &str, period: Option<&str>, since: Option<NaiveDate>) -> Outcome {
    super::answer(context, async {
        let mut findings = Vec::new();
        let done = go(context, name, period, since, &mut findings).await;
        in_order(&mut findings);
        show(context, &findings, context.talk.least());
        done
    })
}

async fn go(
    context: &Context,
    name: &str,
    period: Option<&str>,
    since: Option<NaiveDate>,
    findings: &mut Vec<Diagnostic>,
) -> Result<Value, Vec<Diagnostic>> {
    let one = |err| vec![store_finding(&err)];
    let config = load::config(&context.root)?;
    let Some(digest) = config.digests.get(name) else { return Err(vec![issue::unknown(name, &config.digests)]) };
    let file = &config.store.sqlite;
    let store = Sqlite::open(&context.root.join(file), file).await.map_err(one)?;
    let frozen = store.frozen(&digest.names().collect::<Vec<_>>()).await.map_err(one)?;
    let waits = frozen.iter().rev().find(|frozen| {
        let is_open = frozen.approved_at.is_none() && frozen.done_at.is_none() && !frozen.is_cancelled;
        is_open && period.is_none_or(|period| period == frozen.period.name)
    });
    let (told, hash) = match waits {
        Some(frozen) => {
            store.approve(frozen.id, context.clock()).await.map_err(one)?;
            let told = format!("{}/{}", frozen.digest, frozen.period.name);
            context.talk.line(&format!("approved {told}; `tidings send {name}` sends it"));
            (told, frozen.content_hash.clone())
        }
        None => {
            let made = issue::make_when(context, name, (period, When::Begun), since, findings).await?;
            let told = format!("{name}/{}", made.chosen.period.name);
            let Some(whole) = whole(&made) else {
                let finding = Diagnostic::error(format!("there is no issue `{told}` to approve"));
                return Err(vec![finding.hint(format!(
                    "it has {} posts, and it takes {}",
                    made.chosen.articles.len(),
                    digest.min_posts
                ))]);
            };
            let hash = content_hash(&whole);
            store.put_fact(&approval_name(name, &made.chosen.period.name), &hash).await.map_err(one)?;
            context
                .talk
                .line(&format!("approved {told} as it is now; if it changes before it is sent, it waits again"));
            (told, hash)
        }
    };
    store.close().await;
    Ok(json!({ "approved": told, "content_hash": hash }))
}
