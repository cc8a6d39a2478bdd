//! Notices in SQLite: what people ask for on the web and say yes to, and what they decide about what they get. Each of these
//! is one short transaction. What workers do with notices is in `postbox`.

mod statements;

pub(super) use statements::{close_questions, forget_notices, skip_notices};

use super::subscribers::{Batch, insert, list};
use super::{Sqlite, numbers, tidy, unusable};
use crate::mail::address::Address;
use crate::mail::header::HeaderText;
use crate::store::notices::{
    Addressee, Ask, Asked, Compose, Confirmed, Granted, Kind, Limits, LinkWanted, Notices, Purged, Question, Request,
    Silence, Wish, Yes,
};
use crate::store::subscribers::{Hashes, Keep, Manner, Portrait, Terms};
use crate::store::{Fault, StoreError};
use crate::subscriber::{Arrival, Event, Reason, State, Subscriber, key};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::SqliteConnection;
use statements::{
    Open, asked, change, end_pause, forget_old, is_again, put_letter, put_notice, recent, remove, settle, unconfirmed,
};
use std::collections::BTreeMap;

/// For so long it is counted how much an address got.
const DAY: TimeDelta = TimeDelta::hours(24);

impl Notices for Sqlite {
    async fn ask(&self, ask: &Ask<'_>, compose: Compose<'_>) -> Result<Asked, StoreError> {
        let mut transaction = self.write().await?;
        let (known, reason) = self.who(&mut transaction, ask.address, ask.hashes).await?;
        let asked = self.ask_one(&mut transaction, ask, (known.as_ref(), reason), compose).await?;
        let is_queued = matches!(asked, Asked::Queued(..));
        let is_new = is_queued && known.is_none();
        self.use_up(&mut transaction, !is_new, !is_queued).await?;
        transaction.commit().await.map_err(|err| self.fault(err))?;
        Ok(asked)
    }

    async fn link(&self, wanted: &LinkWanted<'_>, compose: Compose<'_>) -> Result<Asked, StoreError> {
        let mut transaction = self.write().await?;
        let asked = self.link_one(&mut transaction, wanted, compose).await?;
        self.use_up(&mut transaction, false, matches!(asked, Asked::Hushed(_))).await?;
        transaction.commit().await.map_err(|err| self.fault(err))?;
        Ok(asked)
    }

    async fn question(&self, notice: u32, subscriber: i64) -> Result<Option<Question>, StoreError> {
        let mut transaction = self.pool.begin().await.map_err(|err| self.fault(err))?;
        let found = asked(&mut transaction, notice, subscriber).await.map_err(|err| self.fault(err))?;
        let Some(Open { request, settled_at, .. }) = found else { return Ok(None) };
        match self.with_id(&mut transaction, subscriber).await? {
            Some(person) if !person.suppressed.is_some_and(Reason::is_adamant) => {
                Ok(Some(Question { request: self.request(&request)?, is_settled: settled_at.is_some() }))
            }
            _ => Ok(None),
        }
    }

    async fn confirm(&self, yes: &Yes<'_>, welcome: Option<Compose<'_>>) -> Result<Confirmed, StoreError> {
        let mut transaction = self.write().await?;
        let found = asked(&mut transaction, yes.notice, yes.subscriber).await.map_err(|err| self.fault(err))?;
        let Some(Open { request: text, source, settled_at, created_at }) = found else { return Ok(Confirmed::Gone) };
        let Some(person) = self.with_id(&mut transaction, yes.subscriber).await? else { return Ok(Confirmed::Gone) };
        if person.suppressed.is_some_and(Reason::is_adamant) {
            return Ok(Confirmed::Gone);
        }
        if settled_at.is_some() {
            return Ok(Confirmed::Already);
        }
        let request = self.request(&text)?;
        let address: Address = person.mailbox.parse().map_err(|_| unusable(&self.name, Fault::Damaged, None))?;
        // That they signed up on the form counts from now on; whoever is known by more than forms had no trace of it so far.
        let (mut batch, asked_at) = (Batch::default(), self.moment(created_at)?);
        let stands = |digest: &String| person.state(names(digest, yes.formerly));
        for digest in request.digests.iter().filter(|digest| matches!(stands(digest), None | Some(State::Ended))) {
            batch.state(digest, person.id, State::Pending);
            batch.event(person.id, Some(digest), Event::Subscribed, asked_at);
        }
        let source = source.unwrap_or_default();
        batch.write(&mut transaction, &source, yes.now).await.map_err(|err| self.fault(err))?;
        let arrival = Arrival {
            address,
            name: request.name,
            choice: request.choice,
            subscriptions: request.digests.iter().map(|digest| (digest.clone(), State::Active)).collect(),
            suppressed: None,
            at: Some(yes.now),
        };
        let terms = Terms {
            source: yes.source,
            now: yes.now,
            manner: Manner::Lift,
            keep: Keep::Yes,
            formerly: yes.formerly,
            hashes: yes.hashes,
        };
        let became = self.add_round(&mut transaction, &[arrival], &terms).await?.pop().unwrap_or_default();
        let joined = became.joined;
        if person.digests(State::Active).next().is_none() {
            end_pause(&mut transaction, person.id).await.map_err(|err| self.fault(err))?;
        }
        settle(&mut transaction, yes, &text).await.map_err(|err| self.fault(err))?;
        if let Some(compose) = welcome.filter(|_| !joined.is_empty()) {
            let (subscriber, mailbox) = (person.id, person.mailbox.as_str());
            let planned =
                Planned { subscriber, kind: Kind::Welcome, request: None, source: None, mailbox, now: yes.now };
            self.plan_notice(&mut transaction, &planned, compose).await?;
        }
        transaction.commit().await.map_err(|err| self.fault(err))?;
        Ok(Confirmed::Done { joined })
    }

    async fn set_preferences(&self, wish: &Wish<'_>) -> Result<Option<Granted>, StoreError> {
        let mut transaction = self.write().await?;
        let Some(person) = self.with_id(&mut transaction, wish.subscriber).await? else { return Ok(None) };
        let (mut granted, mut batch) = (Granted::default(), Batch::default());
        let was_confirmed = person.subscriptions.iter().any(|one| one.state != State::Pending);
        let may_join = was_confirmed && person.suppressed.is_none();
        for digest in wish.offered {
            let stands = person.state(names(digest, wish.formerly));
            match (wish.ticked.contains(digest), stands) {
                (true, Some(State::Active)) | (false, None | Some(State::Ended)) => {}
                (true, _) if !may_join => granted.refused.push(digest.clone()),
                (true, _) => {
                    batch.state(digest, person.id, State::Active);
                    let was_pending = stands == Some(State::Pending);
                    let event = if was_pending { Event::Confirmed } else { Event::Subscribed };
                    batch.event(person.id, Some(digest), event, wish.now);
                    granted.joined.push(digest.clone());
                }
                (false, Some(State::Active | State::Pending)) => {
                    let mut all = vec![digest.as_str()];
                    all.extend(names(digest, wish.formerly).skip(1).filter(|name| person.state([*name]).is_some()));
                    for name in all {
                        batch.state(name, person.id, State::Ended);
                        batch.event(person.id, Some(name), Event::Unsubscribed, wish.now);
                    }
                    granted.left.push(digest.clone());
                }
            }
        }
        if person.choice != *wish.choice {
            batch.event(person.id, None, Event::Changed, wish.now);
            granted.is_changed = true;
        }
        granted.paused_until = wish.paused_until.filter(|until| *until > wish.now);
        let write = async {
            batch.write(&mut transaction, wish.source, wish.now).await?;
            change(&mut transaction, person.id, wish.choice, granted.paused_until).await?;
            if !granted.left.is_empty() {
                close_questions(&mut transaction, &list(&[person.id]), wish.now).await?;
            }
            transaction.commit().await
        };
        write.await.map_err(|err| self.fault(err))?;
        Ok(Some(granted))
    }

    async fn portrait_of(&self, subscriber: i64) -> Result<Option<Portrait>, StoreError> {
        let mut transaction = self.pool.begin().await.map_err(|err| self.fault(err))?;
        match self.with_id(&mut transaction, subscriber).await? {
            Some(person) => self.portrait_in(&mut transaction, person).await.map(Some),
            None => Ok(None),
        }
    }

    async fn purge(
        &self,
        unconfirmed_before: DateTime<Utc>,
        ended_before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Purged, StoreError> {
        // For a day it is counted how much an address got.
        let unconfirmed_before = unconfirmed_before.min(now - DAY);
        let mut transaction = self.write().await?;
        let purged = async {
            let people = unconfirmed(&mut transaction, unconfirmed_before).await?;
            let mut batch = Batch::default();
            for &id in &people {
                batch.event(id, None, Event::Erased, now);
            }
            batch.write(&mut transaction, "never confirmed", now).await?;
            let ids = list(&people);
            skip_notices(&mut transaction, &ids, now).await?;
            forget_notices(&mut transaction, &ids).await?;
            remove(&mut transaction, &ids).await?;
            let notices = forget_old(&mut transaction, ended_before).await?;
            let purged = Purged { people: people.len() as u64, notices };
            let removal = match purged == Purged::default() {
                true => None,
                false => Some(tidy::note(&mut transaction).await?),
            };
            transaction.commit().await?;
            Ok((purged, removal))
        };
        let (purged, removal) = purged.await.map_err(|err| self.fault(err))?;
        // What was removed is overwritten in the file; where nobody is in the way, it is gone from the log as well.
        if let Some(removal) = removal
            && self.cut_log_if_idle().await?
        {
            self.is_clean_of(&removal).await?;
        }
        Ok(purged)
    }
}

/// A notice that is about to be planned.
struct Planned<'a> {
    subscriber: i64,
    kind: Kind,
    request: Option<String>,
    source: Option<&'a str>,
    mailbox: &'a str,
    now: DateTime<Utc>,
}

impl Sqlite {
    /// What becomes of a form, the numbers aside that it uses up.
    async fn ask_one(
        &self,
        connection: &mut SqliteConnection,
        ask: &Ask<'_>,
        (known, reason): (Option<&Subscriber>, Option<Reason>),
        compose: Compose<'_>,
    ) -> Result<Asked, StoreError> {
        if reason.is_some_and(Reason::is_adamant) {
            return Ok(Asked::Hushed(Silence::Suppressed));
        }
        if known.is_none() && ask.request.digests.is_empty() {
            return Ok(Asked::Hushed(Silence::Unknown));
        }
        let mut wanted = ask.request.clone();
        // A form whose boxes are all empty says nothing to somebody who has said what they want to read.
        // Whoever left all of it and comes back begins anew.
        let is_there = known.is_some_and(|known| known.digests(State::Active).next().is_some());
        wanted.choice = wanted.choice.filter(|choice| is_unproven(known) || !is_there || !choice.is_everything());
        let is_known = reason.is_none() && known.is_some_and(|known| !has_news(&wanted, known, ask.formerly));
        let kind = if is_known { Kind::Known } else { Kind::Confirm };
        let request = (kind == Kind::Confirm).then(|| request_json(&wanted));
        if let Some(known) = known
            && let Some(silence) = self.silence(connection, known.id, kind, &request, ask.limits, ask.now).await?
        {
            return Ok(Asked::Hushed(silence));
        }
        let (subscriber, mailbox) = match known {
            Some(known) => (known.id, known.mailbox.as_str()),
            None => {
                let last = numbers::last(connection, numbers::SUBSCRIBER).await.map_err(|err| self.fault(err))?;
                let (id, mailbox) = (last + 1, ask.address.as_str());
                let row = json!([[id, key(ask.address), mailbox, null, "", null, 1]]).to_string();
                insert(connection, &row, ask.now).await.map_err(|err| self.fault(err))?;
                (id, mailbox)
            }
        };
        let stands = |digest: &str| known.and_then(|known| known.state(names(digest, ask.formerly)));
        let mut batch = Batch::default();
        // To somebody whom settings name in an audience, what is pending would be a no, and nobody else may say that.
        for digest in ask.request.digests.iter().filter(|digest| is_unproven(known) && stands(digest).is_none()) {
            batch.state(digest, subscriber, State::Pending);
            batch.event(subscriber, Some(digest), Event::Subscribed, ask.now);
        }
        batch.write(connection, ask.source, ask.now).await.map_err(|err| self.fault(err))?;
        let planned = Planned { subscriber, kind, request, source: Some(ask.source), mailbox, now: ask.now };
        Ok(Asked::Queued(self.plan_notice(connection, &planned, compose).await?, kind))
    }

    /// What becomes of the wish for a link, the number aside that it uses up.
    async fn link_one(
        &self,
        connection: &mut SqliteConnection,
        wanted: &LinkWanted<'_>,
        compose: Compose<'_>,
    ) -> Result<Asked, StoreError> {
        let (known, _) = self.who(connection, wanted.address, wanted.hashes).await?;
        let Some(known) = known else { return Ok(Asked::Hushed(Silence::Unknown)) };
        if known.suppressed.is_some() {
            return Ok(Asked::Hushed(Silence::Suppressed));
        }
        let (kind, now) = (Kind::Link, wanted.now);
        if let Some(silence) = self.silence(connection, known.id, kind, &None, wanted.limits, now).await? {
            return Ok(Asked::Hushed(silence));
        }
        let planned = Planned { subscriber: known.id, kind, request: None, source: None, mailbox: &known.mailbox, now };
        Ok(Asked::Queued(self.plan_notice(connection, &planned, compose).await?, kind))
    }

    /// Uses up the numbers that a form did not. Tokens can be read, and whoever asks twice for themselves, with somebody
    /// else's address between, must not see by a gap whether that is known. As each form writes, a full disk tells
    /// nothing either.
    async fn use_up(
        &self,
        connection: &mut SqliteConnection,
        subscriber: bool,
        notice: bool,
    ) -> Result<(), StoreError> {
        for table in subscriber.then_some(numbers::SUBSCRIBER).into_iter().chain(notice.then_some(numbers::NOTICE)) {
            numbers::use_up(connection, table, 1).await.map_err(|err| self.fault(err))?;
        }
        Ok(())
    }

    /// Who has an address, and why no mail may be sent to it.
    async fn who(
        &self,
        connection: &mut SqliteConnection,
        address: &Address,
        hashes: Hashes<'_>,
    ) -> Result<(Option<Subscriber>, Option<Reason>), StoreError> {
        let keys = [key(address)];
        let known = self.known(connection, &keys).await?.into_values().next();
        let hushed = self.hushed(connection, &keys, hashes).await?.into_values().next();
        let own = known.as_ref().and_then(|known| known.suppressed);
        let kept = hushed.map(|(reason, _)| reason);
        // A no is a no, wherever it is written.
        let reason = [own, kept].into_iter().flatten().find(|reason| reason.is_adamant()).or(own).or(kept);
        Ok((known, reason))
    }

    /// Why somebody gets no further notice of a kind for now.
    async fn silence(
        &self,
        connection: &mut SqliteConnection,
        subscriber: i64,
        kind: Kind,
        request: &Option<String>,
        limits: Limits,
        now: DateTime<Utc>,
    ) -> Result<Option<Silence>, StoreError> {
        let again = is_again(connection, subscriber, kind, request.as_deref(), now - limits.repeat_after);
        if again.await.map_err(|err| self.fault(err))? {
            return Ok(Some(Silence::Again));
        }
        let is_link = kind == Kind::Link;
        let count = recent(connection, subscriber, is_link, now - DAY).await.map_err(|err| self.fault(err))?;
        let is_enough = usize::try_from(count).unwrap_or(usize::MAX) >= limits.per_address;
        Ok(is_enough.then_some(Silence::Enough))
    }

    async fn plan_notice(
        &self,
        connection: &mut SqliteConnection,
        planned: &Planned<'_>,
        compose: Compose<'_>,
    ) -> Result<u32, StoreError> {
        let id = put_notice(connection, planned).await.map_err(|err| self.fault(err))?;
        let notice = u32::try_from(id).map_err(|err| StoreError::Letter(Box::new(err)))?;
        let to = Addressee { notice, subscriber: planned.subscriber, kind: planned.kind };
        let letter = compose(&to).map_err(StoreError::Letter)?;
        put_letter(connection, id, &letter).await.map_err(|err| self.fault(err))?;
        Ok(notice)
    }

    fn request(&self, text: &str) -> Result<Request, StoreError> {
        request_of(text).ok_or_else(|| unusable(&self.name, Fault::Newer, None))
    }
}

/// Whether forms are all that is known of somebody.
fn is_unproven(known: Option<&Subscriber>) -> bool {
    let is_pending = |known: &Subscriber| known.subscriptions.iter().all(|one| one.state == State::Pending);
    known.is_none_or(|known| known.is_unproven && is_pending(known))
}

/// All names of a digest, its present one first.
fn names<'a>(digest: &'a str, formerly: &'a BTreeMap<String, Vec<String>>) -> impl Iterator<Item = &'a str> {
    let former = formerly.get(digest).into_iter().flatten().map(String::as_str);
    std::iter::once(digest).chain(former)
}

/// Whether a request would change anything for somebody.
fn has_news(request: &Request, known: &Subscriber, formerly: &BTreeMap<String, Vec<String>>) -> bool {
    let is_active = |digest: &String| known.state(names(digest, formerly)) == Some(State::Active);
    !request.digests.iter().all(is_active) || request.choice.as_ref().is_some_and(|choice| *choice != known.choice)
}

/// A request as it is kept: equal ones are equal texts.
fn request_json(request: &Request) -> String {
    let mut digests = request.digests.clone();
    digests.sort();
    digests.dedup();
    let choice = request.choice.as_ref().map(ToString::to_string);
    let name = request.name.as_ref().map(HeaderText::as_str);
    json!({ "digests": digests, "choice": choice, "name": name }).to_string()
}

fn request_of(text: &str) -> Option<Request> {
    let value: Value = serde_json::from_str(text).ok()?;
    let digests = value["digests"].as_array()?.iter().map(|one| one.as_str().map(str::to_owned));
    Some(Request {
        digests: digests.collect::<Option<_>>()?,
        choice: value["choice"].as_str().map(str::parse).transpose().ok()?,
        name: value["name"].as_str().map(HeaderText::new).transpose().ok()?,
    })
}
