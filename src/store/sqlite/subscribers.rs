//! Subscribers in a file. What a batch changes goes in by a few statements over lists (`json_each`), each in a function of
//! its own, so that a million rows take seconds.

mod pages;

use super::notices::{close_questions, forget_notices, skip_notices};
use super::{Found, Sqlite, let_the_log_grow_long, numbers, remember_more, tidy, unusable};
use crate::mail::address::Address;
use crate::store::subscribers::{
    Became, Change, Delivered, Erased, Hashes, Hushed, Keep, Portrait, Subscribers, Terms, Which, decide,
};
use crate::store::{Fault, StoreError};
use crate::subscriber::{Arrival, Consent, Event, Reason, State, Subscriber, Subscription, key};
use chrono::{DateTime, Utc};
use pages::{count, page};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Row as _, SqliteConnection};
use std::collections::{HashMap, HashSet};

impl Subscribers for Sqlite {
    async fn add(&self, arrivals: &[Arrival], terms: &Terms<'_>) -> Result<Vec<Became>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|err| self.fault(err))?;
        if arrivals.len() >= MANY {
            let long = async {
                let_the_log_grow_long(&mut connection).await?;
                remember_more(&mut connection).await
            };
            long.await.map_err(|err| self.fault(err))?;
        }
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|err| self.fault(err))?;
        let mut became: Vec<Became> = Vec::with_capacity(arrivals.len());
        let mut rest = arrivals;
        while !rest.is_empty() {
            // Nobody stands in one round twice, so that what became of them before is known.
            let mut keys = HashSet::with_capacity(rest.len());
            let round = rest.iter().position(|one| !keys.insert(key(&one.address))).unwrap_or(rest.len());
            let (now, later) = rest.split_at(round);
            became.extend(self.add_round(&mut transaction, now, terms).await?);
            rest = later;
        }
        match terms.keep {
            Keep::Yes => transaction.commit().await.map_err(|err| self.fault(err))?,
            Keep::No => transaction.rollback().await.map_err(|err| self.fault(err))?,
        }
        Ok(became)
    }

    async fn page(&self, which: &Which, after: i64, limit: u32) -> Result<Vec<Subscriber>, StoreError> {
        let read = async {
            let mut transaction = self.pool.begin().await?;
            let rows = page(&mut transaction, which, after, limit).await?;
            let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
            let subscriptions = subscriptions(&mut transaction, &list(&ids)).await?;
            Ok((rows, subscriptions))
        };
        let (rows, subscriptions) = read.await.map_err(|err| self.fault(err))?;
        self.people(&rows, &subscriptions)
    }

    async fn count(&self, which: &Which) -> Result<u64, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|err| self.fault(err))?;
        let count = count(&mut connection, which).await.map_err(|err| self.fault(err))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn portrait(&self, address: &Address) -> Result<Option<Portrait>, StoreError> {
        let mut transaction = self.pool.begin().await.map_err(|err| self.fault(err))?;
        let found = self.known(&mut transaction, &[key(address)]).await?;
        let Some(subscriber) = found.into_values().next() else { return Ok(None) };
        self.portrait_in(&mut transaction, subscriber).await.map(Some)
    }

    async fn by_id(&self, id: i64) -> Result<Option<Subscriber>, StoreError> {
        let read = async {
            let mut transaction = self.pool.begin().await?;
            let rows = with_id(&mut transaction, id).await?;
            let subscriptions = subscriptions(&mut transaction, &list(&[id])).await?;
            Ok((rows, subscriptions))
        };
        let (rows, subscriptions) = read.await.map_err(|err| self.fault(err))?;
        Ok(self.people(&rows, &subscriptions)?.pop())
    }

    async fn suppression(
        &self,
        address: &Address,
        hashes: Hashes<'_>,
    ) -> Result<Option<(Reason, DateTime<Utc>)>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|err| self.fault(err))?;
        let found = self.hushed(&mut connection, &[key(address)], hashes).await?;
        Ok(found.into_values().next())
    }

    async fn end(
        &self,
        address: &Address,
        digests: &[&str],
        source: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let mut transaction = self.write().await?;
        let found = self.known(&mut transaction, &[key(address)]).await?;
        let Some(subscriber) = found.into_values().next() else { return Ok(None) };
        let is_meant = |one: &&Subscription| digests.is_empty() || digests.contains(&one.digest.as_str());
        let ended: Vec<String> = subscriber
            .subscriptions
            .iter()
            .filter(|one| one.state != State::Ended)
            .filter(is_meant)
            .map(|one| one.digest.clone())
            .collect();
        // Somebody may get a digest whose audience names them, or one that has had another name, without having signed up.
        let unknown = digests.iter().filter(|digest| subscriber.state([**digest]).is_none());
        let unknown: Vec<String> = unknown.map(|digest| (*digest).to_owned()).collect();
        let mut batch = Batch::default();
        for digest in ended.iter().chain(&unknown) {
            batch.state(digest, subscriber.id, State::Ended);
            batch.event(subscriber.id, Some(digest), Event::Unsubscribed, now);
        }
        let write = async {
            batch.write(&mut transaction, source, now).await?;
            close_questions(&mut transaction, &list(&[subscriber.id]), now).await?;
            transaction.commit().await
        };
        write.await.map_err(|err| self.fault(err))?;
        Ok(Some(if ended.is_empty() { unknown } else { ended }))
    }

    async fn erase(
        &self,
        address: &Address,
        hashes: Hashes<'_>,
        source: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Erased>, StoreError> {
        let compared = key(address);
        let mut transaction = self.write().await?;
        let found = self.known(&mut transaction, std::slice::from_ref(&compared)).await?;
        let erased = hashes(&compared).into_iter().next();
        let Some(subscriber) = found.into_values().next() else {
            drop(transaction);
            // Who was erased while another program was reading is still in the log.
            let why = self.suppression(address, hashes).await?.map(|(why, _)| why);
            let was_erased = why.is_some_and(|why| why == Reason::Erased || why.is_adamant());
            return Ok(match was_erased {
                true => Some(Erased { skipped: 0, is_clean: self.scrub(&[&compared, address.as_str()]).await? }),
                false => None,
            });
        };
        let before = self.hushed(&mut transaction, std::slice::from_ref(&compared), hashes).await?;
        let before = [subscriber.suppressed, before.get(&compared).map(|(why, _)| *why)];
        // That they said no outlives them: no form may write to them again.
        let reason = before.into_iter().flatten().find(|why| why.is_adamant()).unwrap_or(Reason::Erased);
        let mut batch = Batch::default();
        batch.event(subscriber.id, None, Event::Erased, now);
        let write = async {
            // A run that is killed before all is clean leaves word of it.
            let unclean = tidy::note(&mut transaction).await?;
            if let Some(hash) = erased {
                put_erased(&mut transaction, &hash, reason, now).await?;
            }
            let id = list(&[subscriber.id]);
            close_questions(&mut transaction, &id, now).await?;
            let skipped =
                skip(&mut transaction, subscriber.id, now).await? + skip_notices(&mut transaction, &id, now).await?;
            forget_mailbox(&mut transaction, subscriber.id).await?;
            forget_notices(&mut transaction, &id).await?;
            batch.write(&mut transaction, source, now).await?;
            remove(&mut transaction, subscriber.id).await?;
            transaction.commit().await?;
            Ok((skipped, unclean))
        };
        let (skipped, unclean) = write.await.map_err(|err| self.fault(err))?;
        let is_clean = self.scrub(&[&subscriber.address, &subscriber.mailbox]).await?;
        if is_clean {
            self.is_clean_of(&unclean).await?;
        }
        Ok(Some(Erased { skipped, is_clean }))
    }

    async fn tidy(&self) -> Result<bool, StoreError> {
        self.tidy_up().await
    }

    async fn suppress(
        &self,
        addresses: &[Address],
        reason: Reason,
        hashes: Hashes<'_>,
        source: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<Hushed>, StoreError> {
        let mut transaction = self.write().await?;
        let keys: Vec<String> = addresses.iter().map(key).collect();
        let known = self.known(&mut transaction, &keys).await?;
        let before = self.hushed(&mut transaction, &keys, hashes).await?;
        let mut seen = HashSet::new();
        let mut batch = Batch::default();
        let mut became = Vec::with_capacity(keys.len());
        let mut people = Vec::new();
        for key in &keys {
            let (is_first, old) = (seen.insert(key), before.get(key).map(|(reason, _)| *reason));
            if is_first && reason.outranks(old) {
                batch.hash(key, reason, hashes);
            }
            let known = known.get(key);
            if let Some(subscriber) = known.filter(|known| is_first && reason.outranks(known.suppressed)) {
                people.push(subscriber.id);
                batch.event(subscriber.id, None, Event::Suppressed, now);
            }
            became.push(match known {
                Some(subscriber) if is_first && subscriber.suppressed.is_none() => Hushed::Subscriber,
                None if is_first && old.is_none() => Hushed::Stranger,
                _ => Hushed::Known,
            });
        }
        let write = async {
            hush(&mut transaction, &list(&people), reason).await?;
            let all = known.values().map(|known| known.id).collect::<Vec<_>>();
            close_questions(&mut transaction, &list(&all), now).await?;
            batch.write(&mut transaction, source, now).await?;
            transaction.commit().await
        };
        write.await.map_err(|err| self.fault(err))?;
        Ok(became)
    }
}

impl Sqlite {
    /// All that is known of somebody.
    pub(super) async fn portrait_in(
        &self,
        connection: &mut SqliteConnection,
        subscriber: Subscriber,
    ) -> Result<Portrait, StoreError> {
        let read = async {
            let consent = consent(connection, subscriber.id).await?;
            let deliveries = deliveries(connection, subscriber.id).await?;
            Ok((consent, deliveries))
        };
        let (consent, deliveries) = read.await.map_err(|err| self.fault(err))?;
        let consent = consent.iter().map(|row| {
            Ok(Consent {
                digest: row.get(0),
                event: Event::of(row.get(1)).ok_or_else(|| self.newer())?,
                source: row.get(2),
                at: self.moment(row.get(3))?,
            })
        });
        let deliveries = deliveries.iter().map(|row| {
            Ok(Delivered {
                digest: row.get(0),
                period: row.get(1),
                state: row.get(2),
                attempts: row.get(3),
                code: row.get(4),
                reply: row.get(5),
                reason: row.get(6),
                updated_at: self.moment(row.get(7))?,
            })
        });
        let consent = consent.collect::<Result<_, StoreError>>()?;
        let deliveries = deliveries.collect::<Result<_, StoreError>>()?;
        Ok(Portrait { subscriber, consent, deliveries })
    }

    /// Who has a number.
    pub(super) async fn with_id(
        &self,
        connection: &mut SqliteConnection,
        id: i64,
    ) -> Result<Option<Subscriber>, StoreError> {
        let read = async {
            let rows = with_id(connection, id).await?;
            Ok((rows, subscriptions(connection, &list(&[id])).await?))
        };
        let (rows, subscriptions) = read.await.map_err(|err| self.fault(err))?;
        Ok(self.people(&rows, &subscriptions)?.pop())
    }

    /// Adds people of whom none stands among them twice.
    pub(super) async fn add_round(
        &self,
        connection: &mut SqliteConnection,
        arrivals: &[Arrival],
        terms: &Terms<'_>,
    ) -> Result<Vec<Became>, StoreError> {
        let keys: Vec<String> = arrivals.iter().map(|one| key(&one.address)).collect();
        let known = self.known(connection, &keys).await?;
        let hushed = self.hushed(connection, &keys, terms.hashes).await?;
        let changes: Vec<Change> = arrivals
            .iter()
            .zip(&keys)
            .map(|(one, key)| decide(one, known.get(key), hushed.get(key).map(|(reason, _)| *reason), terms))
            .collect();
        // Numbers in the order of the list, rows in the order of the index that they go into: each of its pages is met once.
        let next = numbers::last(connection, numbers::SUBSCRIBER).await.map_err(|err| self.fault(err))? + 1;
        let mut ids: HashMap<&str, i64> = known.iter().map(|(key, known)| (key.as_str(), known.id)).collect();
        let mut added: Vec<(usize, i64)> = (0..changes.len()).filter(|&i| changes[i].insert).zip(next..).collect();
        ids.extend(added.iter().map(|&(i, id)| (keys[i].as_str(), id)));
        added.sort_unstable_by_key(|&(i, _)| &keys[i]);
        let mut rows = List::default();
        for (i, id) in added {
            let (change, mailbox) = (&changes[i], arrivals[i].address.as_str());
            let choice = change.choice.as_ref().map(ToString::to_string).unwrap_or_default();
            let suppressed = change.became.suppressed.map(Reason::word);
            rows.push(&(id, &keys[i], mailbox, &change.name, choice, suppressed));
        }
        insert(connection, &rows.text(), terms.now).await.map_err(|err| self.fault(err))?;
        let proven: Vec<i64> = known.values().filter(|known| known.is_unproven).map(|known| known.id).collect();
        if !proven.is_empty() {
            prove(connection, &list(&proven)).await.map_err(|err| self.fault(err))?;
        }
        let mut batch = Batch::default();
        let mut became = Vec::with_capacity(changes.len());
        for ((change, arrival), key) in changes.into_iter().zip(arrivals).zip(&keys) {
            if let Some(reason) = change.became.suppressed {
                batch.hash(key, reason, terms.hashes);
            }
            if change.release {
                let every: Vec<Value> = (terms.hashes)(key).iter().map(|hash| json!(hex(hash))).collect();
                release(connection, &Value::from(every).to_string(), key).await.map_err(|err| self.fault(err))?;
            }
            if let Some(&id) = ids.get(key.as_str()) {
                for (digest, state) in &change.states {
                    batch.state(digest, id, *state);
                }
                // When they agreed may be long ago; all else is noted now.
                let agreed = arrival.at.unwrap_or(terms.now);
                for (digest, event) in &change.events {
                    let at = if matches!(event, Event::Subscribed | Event::Confirmed) { agreed } else { terms.now };
                    batch.event(id, digest.as_deref(), *event, at);
                }
                let is_other = change.name.is_some() || change.choice.is_some() || change.became.suppressed.is_some();
                if is_other && !change.insert {
                    update(connection, id, &change).await.map_err(|err| self.fault(err))?;
                }
            }
            became.push(change.became);
        }
        batch.write(connection, terms.source, terms.now).await.map_err(|err| self.fault(err))?;
        Ok(became)
    }

    /// Who has these addresses, by address.
    pub(super) async fn known(
        &self,
        connection: &mut SqliteConnection,
        keys: &[String],
    ) -> Result<HashMap<String, Subscriber>, StoreError> {
        let mut known = HashMap::new();
        // In the order of the index, so that each of its pages is met once.
        let mut keys: Vec<&String> = keys.iter().collect();
        keys.sort_unstable();
        // A row as the database hands it over is much larger than what is kept of it.
        for keys in keys.chunks(1_000) {
            let read = async {
                let rows = with_addresses(connection, &list(keys)).await?;
                let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
                let subscriptions = match ids.is_empty() {
                    true => Vec::new(),
                    false => subscriptions(connection, &list(&ids)).await?,
                };
                Ok((rows, subscriptions))
            };
            let (rows, subscriptions) = read.await.map_err(|err| self.fault(err))?;
            let people = self.people(&rows, &subscriptions)?;
            known.extend(people.into_iter().map(|one| (one.address.clone(), one)));
        }
        Ok(known)
    }

    /// Which of these addresses get no mail, why and since when.
    pub(super) async fn hushed(
        &self,
        connection: &mut SqliteConnection,
        keys: &[String],
        hashes: Hashes<'_>,
    ) -> Result<HashMap<String, (Reason, DateTime<Utc>)>, StoreError> {
        let mut found = HashMap::new();
        // Where no hash is kept, none need be made, nor is a key needed.
        if !has_suppressions(connection).await.map_err(|err| self.fault(err))? {
            return Ok(found);
        }
        for keys in keys.chunks(1_000) {
            let mut owners: HashMap<String, &String> = HashMap::new();
            for key in keys {
                owners.extend(hashes(key).iter().map(|hash| (hex(hash), key)));
            }
            let all = list(&owners.keys().collect::<Vec<_>>());
            for (hash, reason, at) in suppressions(connection, &all).await.map_err(|err| self.fault(err))? {
                let reason = Reason::of(&reason).ok_or_else(|| self.newer())?;
                if let Some(&key) = owners.get(&hash) {
                    let before = found.get(key).map(|(before, _)| *before);
                    if reason.outranks(before) {
                        found.insert(key.clone(), (reason, self.moment(at)?));
                    }
                }
            }
        }
        Ok(found)
    }

    fn people(&self, rows: &[SqliteRow], subscriptions: &[SqliteRow]) -> Result<Vec<Subscriber>, StoreError> {
        let mut people = Vec::with_capacity(rows.len());
        let mut places = HashMap::with_capacity(rows.len());
        for row in rows {
            let id: i64 = row.get(0);
            places.insert(id, people.len());
            let suppressed: Option<&str> = row.get(5);
            people.push(Subscriber {
                id,
                address: row.get(1),
                mailbox: row.get(2),
                name: row.get(3),
                choice: row.get::<&str, _>(4).parse().map_err(|_| self.newer())?,
                suppressed: match suppressed {
                    None => None,
                    Some(word) => Some(Reason::of(word).ok_or_else(|| self.newer())?),
                },
                paused_until: row.get::<Option<i64>, _>(7).map(|at| self.moment(at)).transpose()?,
                is_unproven: row.get(8),
                subscriptions: Vec::new(),
                added_at: self.moment(row.get(6))?,
            });
        }
        for row in subscriptions {
            if let Some(&i) = places.get(&row.get::<i64, _>(0)) {
                people[i].subscriptions.push(Subscription {
                    digest: row.get(1),
                    state: State::of(row.get(2)).ok_or_else(|| self.newer())?,
                    changed_at: self.moment(row.get(3))?,
                });
            }
        }
        Ok(people)
    }

    pub(super) fn moment(&self, seconds: i64) -> Result<DateTime<Utc>, StoreError> {
        DateTime::from_timestamp(seconds, 0).ok_or_else(|| unusable(&self.name, Fault::Damaged, None))
    }

    pub(super) fn newer(&self) -> StoreError {
        unusable(&self.name, Fault::Newer, None)
    }
}

/// Values as JSON text, as statements take them.
pub(super) fn list<T: Serialize>(values: &[T]) -> String {
    serde_json::to_string(values).expect("texts and numbers are JSON")
}

/// A list of rows that grows.
#[derive(Default)]
struct List(String);

impl List {
    fn push(&mut self, row: &impl Serialize) {
        self.0.push(if self.0.is_empty() { '[' } else { ',' });
        self.0 += &serde_json::to_string(row).expect("tuples of texts and numbers are JSON");
    }

    fn text(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('[');
        }
        self.0.push(']');
        self.0
    }
}

/// What is to be written of many people, as lists.
#[derive(Default)]
pub(super) struct Batch {
    states: List,
    events: List,
    hashes: List,
}

impl Batch {
    pub(super) fn state(&mut self, digest: &str, id: i64, state: State) {
        self.states.push(&(digest, id, state.word()));
    }

    pub(super) fn event(&mut self, id: i64, digest: Option<&str>, event: Event, at: DateTime<Utc>) {
        self.events.push(&(id, digest, event.word(), at.timestamp()));
    }

    fn hash(&mut self, key: &str, reason: Reason, hashes: Hashes<'_>) {
        if let Some(hash) = hashes(key).first() {
            self.hashes.push(&(hex(hash), reason.word()));
        }
    }

    pub(super) async fn write(self, connection: &mut SqliteConnection, source: &str, now: DateTime<Utc>) -> Found<()> {
        put_states(connection, &self.states.text(), now).await?;
        put_events(connection, &self.events.text(), source).await?;
        put_hashes(connection, &self.hashes.text(), now).await
    }
}

fn hex(hash: &[u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// So many people at once are a part of a long list.
const MANY: usize = 1_000;

const COLUMNS: &str = "id, address, mailbox, name, choice, suppressed, added_at, paused_until, by_form";

async fn with_addresses(connection: &mut SqliteConnection, addresses: &str) -> Found<Vec<SqliteRow>> {
    let sql = format!("SELECT {COLUMNS} FROM subscriber WHERE address IN (SELECT value FROM json_each($1))");
    sqlx::query(sqlx::AssertSqlSafe(sql)).bind(addresses).fetch_all(connection).await
}

async fn with_id(connection: &mut SqliteConnection, id: i64) -> Found<Vec<SqliteRow>> {
    let sql = format!("SELECT {COLUMNS} FROM subscriber WHERE id = $1");
    sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_all(connection).await
}

async fn subscriptions(connection: &mut SqliteConnection, ids: &str) -> Found<Vec<SqliteRow>> {
    let sql = "SELECT subscriber_id, digest, state, changed_at FROM subscription
        WHERE subscriber_id IN (SELECT value FROM json_each($1)) ORDER BY subscriber_id, digest";
    sqlx::query(sql).bind(ids).fetch_all(connection).await
}

async fn consent(connection: &mut SqliteConnection, id: i64) -> Found<Vec<SqliteRow>> {
    let sql = "SELECT digest, event, source, at FROM consent WHERE subscriber_id = $1 ORDER BY id";
    sqlx::query(sql).bind(id).fetch_all(connection).await
}

async fn deliveries(connection: &mut SqliteConnection, id: i64) -> Found<Vec<SqliteRow>> {
    let sql = "SELECT issue.digest, issue.period, delivery.state, attempts, code, reply, reason, updated_at
        FROM delivery JOIN issue ON issue.id = delivery.issue_id
        WHERE subscriber_id = $1 AND issue.state <> 'freezing' ORDER BY issue_id DESC";
    sqlx::query(sql).bind(id).fetch_all(connection).await
}

async fn has_suppressions(connection: &mut SqliteConnection) -> Found<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM suppression)").fetch_one(connection).await
}

async fn suppressions(connection: &mut SqliteConnection, hashes: &str) -> Found<Vec<(String, String, i64)>> {
    let sql = "SELECT value, reason, at FROM json_each($1) JOIN suppression ON hash = unhex(value)";
    sqlx::query_as(sql).bind(hashes).fetch_all(connection).await
}

/// Each row: number, comparing form, mailbox, name, choice, why suppressed, and 1 for somebody who is known by a form alone.
pub(super) async fn insert(connection: &mut SqliteConnection, rows: &str, now: DateTime<Utc>) -> Found<()> {
    let sql = "INSERT INTO subscriber (id, address, mailbox, name, choice, suppressed, by_form, added_at)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, coalesce(value ->> 6, 0), $2
        FROM json_each($1)";
    sqlx::query(sql).bind(rows).bind(now.timestamp()).execute(connection).await?;
    Ok(())
}

/// They are known by more than a form.
async fn prove(connection: &mut SqliteConnection, ids: &str) -> Found<()> {
    let sql = "UPDATE subscriber SET by_form = 0 WHERE id IN (SELECT value FROM json_each($1))";
    sqlx::query(sql).bind(ids).execute(connection).await?;
    Ok(())
}

async fn put_states(connection: &mut SqliteConnection, rows: &str, now: DateTime<Utc>) -> Found<()> {
    // `WHERE true` tells the parser that what follows is no join.
    let sql = "INSERT INTO subscription (digest, subscriber_id, state, changed_at)
        SELECT value ->> 0, value ->> 1, value ->> 2, $2 FROM json_each($1) WHERE true
        ON CONFLICT (digest, subscriber_id) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at";
    sqlx::query(sql).bind(rows).bind(now.timestamp()).execute(connection).await?;
    Ok(())
}

async fn put_events(connection: &mut SqliteConnection, rows: &str, source: &str) -> Found<()> {
    let sql = "INSERT INTO consent (subscriber_id, digest, event, source, at)
        SELECT value ->> 0, value ->> 1, value ->> 2, $2, value ->> 3 FROM json_each($1)";
    sqlx::query(sql).bind(rows).bind(source).execute(connection).await?;
    Ok(())
}

async fn put_hashes(connection: &mut SqliteConnection, rows: &str, now: DateTime<Utc>) -> Found<()> {
    let sql = "INSERT INTO suppression (hash, reason, at)
        SELECT unhex(value ->> 0), value ->> 1, $2 FROM json_each($1) WHERE true
        ON CONFLICT (hash) DO UPDATE SET reason = excluded.reason, at = excluded.at
            WHERE excluded.reason IN ('complained', 'asked') AND reason NOT IN ('complained', 'asked')";
    sqlx::query(sql).bind(rows).bind(now.timestamp()).execute(connection).await?;
    Ok(())
}

async fn put_erased(
    connection: &mut SqliteConnection,
    hash: &[u8; 32],
    reason: Reason,
    now: DateTime<Utc>,
) -> Found<()> {
    let sql = "INSERT INTO suppression (hash, reason, at) VALUES ($1, $2, $3)
        ON CONFLICT (hash) DO UPDATE SET reason = excluded.reason, at = excluded.at";
    sqlx::query(sql).bind(&hash[..]).bind(reason.word()).bind(now.timestamp()).execute(connection).await?;
    Ok(())
}

async fn hush(connection: &mut SqliteConnection, ids: &str, reason: Reason) -> Found<()> {
    let sql = "UPDATE subscriber SET suppressed = $2 WHERE id IN (SELECT value FROM json_each($1))";
    sqlx::query(sql).bind(ids).bind(reason.word()).execute(connection).await?;
    Ok(())
}

async fn update(connection: &mut SqliteConnection, id: i64, change: &Change) -> Found<()> {
    let sql = "UPDATE subscriber SET name = coalesce($2, name), choice = coalesce($3, choice),
        suppressed = coalesce($4, suppressed) WHERE id = $1";
    sqlx::query(sql)
        .bind(id)
        .bind(&change.name)
        .bind(change.choice.as_ref().map(ToString::to_string))
        .bind(change.became.suppressed.map(Reason::word))
        .execute(connection)
        .await?;
    Ok(())
}

async fn release(connection: &mut SqliteConnection, hashes: &str, key: &str) -> Found<()> {
    let sql = "DELETE FROM suppression WHERE hash IN (SELECT unhex(value) FROM json_each($1))";
    sqlx::query(sql).bind(hashes).execute(&mut *connection).await?;
    sqlx::query("UPDATE subscriber SET suppressed = NULL WHERE address = $1").bind(key).execute(connection).await?;
    Ok(())
}

/// What is not on the wire is not sent: whoever has a lease on it finds that its fence has moved.
async fn skip(connection: &mut SqliteConnection, id: i64, now: DateTime<Utc>) -> Found<u64> {
    let sql = "UPDATE delivery SET state = 'skipped', reason = 'erased', fence = fence + 1, owner = NULL,
        lease_until = NULL, due_at = NULL, updated_at = $2
        WHERE subscriber_id = $1 AND state IN ('planned', 'leased', 'deferred')";
    Ok(sqlx::query(sql).bind(id).bind(now.timestamp()).execute(connection).await?.rows_affected())
}

async fn forget_mailbox(connection: &mut SqliteConnection, id: i64) -> Found<()> {
    let sql = "UPDATE delivery SET mailbox = '' WHERE subscriber_id = $1";
    sqlx::query(sql).bind(id).execute(connection).await?;
    Ok(())
}

async fn remove(connection: &mut SqliteConnection, id: i64) -> Found<()> {
    sqlx::query("DELETE FROM subscriber WHERE id = $1").bind(id).execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
