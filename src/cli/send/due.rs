//! What is due: the issue of a period is frozen, or something else becomes of it.

use super::super::freeze::{self, Failure, Freezing};
use super::super::issue::{self, Made, When};
use super::super::mailing::Office;
use super::super::talk::plural;
use super::super::{Context, letter};
use super::{Desk, Outcome, Send, Trouble};
use crate::diagnostic::Diagnostic;
use crate::digest::due;
use crate::digest::history::{History, Record, RecordState};
use crate::schedule::Period;
use crate::store::issues::Issues as _;
use crate::store::{Store as _, StoreError};
use chrono::TimeDelta;
use std::time::{Duration, Instant};

/// So long one waits for another run that freezes before one says so.
const PATIENCE: Duration = Duration::from_secs(2);
/// So long one waits at all: whoever started this run may do so again.
const LONGEST: Duration = Duration::from_secs(120);

/// Waiting for another run.
struct Waiting {
    since: Instant,
    is_told: bool,
}

/// What to do while another run is at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Wait,
    /// Say that one waits, and wait.
    Tell,
    GiveUp,
}

impl Waiting {
    fn new() -> Waiting {
        Waiting { since: Instant::now(), is_told: false }
    }

    fn next(&mut self, now: Instant) -> Next {
        match now.saturating_duration_since(self.since) {
            waited if waited >= LONGEST => Next::GiveUp,
            waited if waited >= PATIENCE && !self.is_told => {
                self.is_told = true;
                Next::Tell
            }
            _ => Next::Wait,
        }
    }

    /// Waits a little. Returns whether to look again.
    async fn a_little(&mut self, context: &Context, name: &str) -> bool {
        match self.next(Instant::now()) {
            Next::Wait => {}
            Next::Tell => context.talk.line(&format!("{name} is being frozen by another run; waiting for it")),
            Next::GiveUp => {
                context.talk.line(&format!("{name} is still being frozen by another run: run it again later"));
                return false;
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        true
    }
}

enum Due {
    Now(String),
    Not(String),
    TooLate(Box<Period>),
}

impl Send {
    /// Freezes the issue that is due, or the one that was named, unless that was done before.
    pub(super) async fn freeze_due(
        &self,
        desk: &Desk<'_>,
        office: &Office<'_>,
        findings: &mut Vec<Diagnostic>,
    ) -> Result<Outcome, Trouble> {
        let (context, digest, store) = (desk.context, &desk.digest, office.store);
        let names: Vec<&str> = digest.names().collect();
        let history = store.history(&names).await?;
        let period = match &self.period {
            Some(name) if history.record(name).is_some_and(|record| record.state.is_final()) => {
                return Ok(Outcome::Done);
            }
            Some(name) => Some(name.clone()),
            None => match self.due(desk, &history) {
                Due::Now(period) => Some(period),
                Due::Not(line) => {
                    if !self.if_due
                        && store.frozen(&digest.names().collect::<Vec<_>>()).await?.iter().all(|f| f.done_at.is_some())
                    {
                        context.talk.line(&line);
                    }
                    None
                }
                Due::TooLate(period) => return self.missed(desk, office, &period).await,
            },
        };
        let Some(period) = period else { return Ok(Outcome::Done) };
        let made = match issue::make_when(context, &self.name, (Some(&period), When::Over), self.since, findings).await
        {
            Ok(made) => made,
            // Another run may have frozen it since.
            Err(errors) => {
                let history = store.history(&names).await?;
                return match history.record(&period).is_some_and(|record| record.state.is_final()) {
                    true => Ok(Outcome::Done),
                    false => Err(errors.into()),
                };
            }
        };
        if made.mail.is_none() {
            return self.too_few(office, &made).await;
        }
        let head = letter::head(&made.site, &made.digest, &made.chosen.period, office.keys.signing())?;
        let name = format!("{}/{}", digest.name.value, made.chosen.period.name);
        let mut waiting = Waiting::new();
        loop {
            match freeze::freeze(context, store, &made, &head, office.worker.name(), desk.transport.kind()).await {
                Ok(Freezing::Done(id)) => {
                    let frozen = office.frozen(id).await?;
                    let (posts, people) =
                        (made.chosen.articles.len(), usize::try_from(frozen.candidates).unwrap_or(usize::MAX));
                    let (posts, people) = (plural(posts, "post"), plural(people, "subscriber"));
                    context.talk.line(&format!("froze {}/{}: {posts} for {people}", frozen.digest, frozen.period.name));
                    return Ok(Outcome::Done);
                }
                Ok(Freezing::Nobody) => {
                    let digest = &digest.name.value;
                    return Err(Diagnostic::error(format!("nobody is there to get `{name}`"))
                        .hint(format!(
                            "`tidings subscribers add ADDRESS --digest {digest}` adds somebody, `import` many"
                        ))
                        .into());
                }
                // Another run has frozen it meanwhile: its mails can be sent together.
                Err(Failure::Store(StoreError::Done { .. })) => return Ok(Outcome::Done),
                // One that took over from this one is still at it.
                Ok(Freezing::Elsewhere) | Err(Failure::Store(StoreError::Lost { .. })) => {
                    if !waiting.a_little(context, &name).await {
                        return Ok(Outcome::NotFinished);
                    }
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    fn due(&self, desk: &Desk<'_>, history: &History) -> Due {
        let (digest, now) = (&desk.digest, desk.context.now);
        let period = digest.schedule.last_over(now, digest.timezone);
        let lateness = TimeDelta::from_std(digest.max_lateness).unwrap_or(TimeDelta::MAX);
        let is_late = now - period.cutoff > lateness;
        let may_have_one = due::is_open(digest, history, &period);
        let is_open = may_have_one && history.record(&period.name).is_none();
        if is_open && !is_late {
            return Due::Now(period.name);
        }
        // A digest that never had an issue has missed none: it was only just set up.
        if is_open && !history.is_empty() {
            return Due::TooLate(Box::new(period));
        }
        let next = digest.schedule.period_at(now + TimeDelta::nanoseconds(1), digest.timezone);
        let at = next.cutoff.with_timezone(&digest.timezone).format("%a %Y-%m-%d %H:%M %Z");
        let last =
            if may_have_one { format!("; `--period {}` sends the last one", period.name) } else { String::new() };
        Due::Not(format!("nothing is due: the next issue is {}/{}, on {at}{last}", digest.name.value, next.name))
    }

    async fn missed(&self, desk: &Desk<'_>, office: &Office<'_>, period: &Period) -> Result<Outcome, Trouble> {
        let digest = &desk.digest;
        let record = Record {
            digest: digest.name.value.clone(),
            period: period.clone(),
            state: RecordState::Missed,
            carried: vec![],
            passed: vec![],
        };
        office.store.record_issue(&record, desk.context.now).await?;
        let name = &digest.name.value;
        let hours = digest.max_lateness.as_secs() / 3_600;
        let finding = Diagnostic::error(format!(
            "`{name}/{}` was missed: it was due more than {} ago",
            period.name,
            plural(usize::try_from(hours).unwrap_or(usize::MAX), "hour")
        ));
        Err(finding
            .hint(format!(
                "its posts go into the next issue; `tidings send {name} --period {}` sends it all the same",
                period.name
            ))
            .into())
    }

    async fn too_few(&self, office: &Office<'_>, made: &Made) -> Result<Outcome, Trouble> {
        let record = made.chosen.record(&made.digest, &made.site.collection, RecordState::TooFew);
        office.store.record_issue(&record, office.context.now).await?;
        let count = plural(made.chosen.articles.len(), "post");
        office.context.talk.line(&format!(
            "no issue {}/{}: {count}, and it takes {}; they wait for the next one",
            made.digest.name.value, made.chosen.period.name, made.digest.min_posts
        ));
        Ok(Outcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_waits_for_another_run_says_so_once_and_not_for_ever() {
        let mut waiting = Waiting::new();
        let since = waiting.since;
        let all = [0, 1, 2, 3, 119, 120].map(|seconds| waiting.next(since + Duration::from_secs(seconds)));
        assert_eq!(all, [Next::Wait, Next::Wait, Next::Tell, Next::Wait, Next::Wait, Next::GiveUp]);
    }
}
