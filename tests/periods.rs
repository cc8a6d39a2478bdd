//! A digest through thirty periods and a change of the clocks, with its history in a store: each post once per digest and
//! once per person who wants it, whatever is merged late, back-dated, renamed, moved, edited or chosen anew meanwhile.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tidings::config::{Config, Digest};
use tidings::content::collection::{Collection, Parts};
use tidings::content::dialect::Dialect;
use tidings::content::lock::Lock;
use tidings::content::post::{Hashed, Reading, parse};
use tidings::digest::choose::{Choice, Choosing, Chosen, Reason, wanted};
use tidings::digest::history::{History, RecordState};
use tidings::schedule::Period;
use tidings::store::sqlite::Sqlite;
use tidings::store::{Store as _, block_on};

const PERIODS: usize = 30;
const START: &str = "2026-02-20T00:00:00Z";

fn start() -> DateTime<Utc> {
    START.parse().expect("a moment")
}

/// What happens to a post, and when.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Its file and its address get other names.
    Rename,
    /// It gets this category, or none.
    Move(Option<u8>),
    /// It gets this topic, or none.
    Retopic(Option<u8>),
    /// Its text changes.
    Edit,
    /// Its date moves by so many hours.
    Redate(i64),
    /// It becomes a draft, or none any more.
    Redraft,
}

#[derive(Clone, Debug)]
struct Life {
    has_id: bool,
    merged_at: DateTime<Utc>,
    published_at: DateTime<Utc>,
    category: Option<u8>,
    topic: Option<u8>,
    changes: Vec<(DateTime<Utc>, Change)>,
}

/// A post as its file says it at a time.
#[derive(Clone, Debug)]
struct Now {
    file: String,
    text: String,
    published_at: DateTime<Utc>,
    category: Option<u8>,
    topic: Option<u8>,
    draft: bool,
}

impl Life {
    fn at(&self, n: usize, now: DateTime<Utc>) -> Option<Now> {
        if self.merged_at > now {
            return None;
        }
        let (mut published_at, mut category, mut topic) = (self.published_at, self.category, self.topic);
        let (mut names, mut edits, mut draft) = (0, 0, false);
        for (_, change) in self.changes.iter().filter(|(at, _)| *at <= now) {
            match *change {
                Change::Rename => names += 1,
                Change::Move(to) => category = to,
                Change::Retopic(to) => topic = to,
                Change::Edit => edits += 1,
                Change::Redate(hours) => published_at += TimeDelta::hours(hours),
                Change::Redraft => draft = !draft,
            }
        }
        let mut head =
            format!("title: '{n}'\nsummary: s\nslug: s-{n}-{names}\npub_date: {}\n", published_at.to_rfc3339());
        if self.has_id {
            head += &format!("id: id-{n}\n");
        }
        if let Some(category) = category {
            head += &format!("category: c{category}\n");
        }
        if let Some(topic) = topic {
            head += &format!("topic: t{topic}\n");
        }
        if draft {
            head += "draft: true\n";
        }
        // A post without an id is known by its file and its place in the lock: it keeps its file when it is renamed.
        let name = if self.has_id { names } else { 0 };
        let text = format!("---\n{head}---\nBody {n}, {edits} edits\n");
        Some(Now { file: format!("content/posts/p{n}-{name}.md"), text, published_at, category, topic, draft })
    }
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let term = || prop::option::of(0..3u8);
    let change = prop_oneof![
        Just(Change::Rename),
        term().prop_map(Change::Move),
        term().prop_map(Change::Retopic),
        Just(Change::Edit),
        (-400..400i64).prop_map(Change::Redate),
        Just(Change::Redraft),
    ];
    let life = (any::<bool>(), -800..5_000i64, -1_200..200i64, term(), term());
    let life = (life, prop::collection::vec((0..5_000i64, change), 0..5));
    prop::collection::vec(life, 1..12).prop_map(|lives| {
        let at = |hours: i64| start() + TimeDelta::hours(hours);
        let build = |((has_id, merged, dated, category, topic), mut changes): ((bool, i64, i64, _, _), Vec<_>)| {
            changes.sort_by_key(|(hours, _)| *hours);
            Life {
                has_id,
                merged_at: at(merged),
                published_at: at(merged + dated),
                category,
                topic,
                changes: changes.into_iter().map(|(hours, change)| (at(hours), change)).collect(),
            }
        };
        lives.into_iter().map(build).collect()
    })
}

/// What a person wants from each of so many periods on.
type Person = Vec<(usize, Choice)>;

fn people() -> impl Strategy<Value = Vec<Person>> {
    let names = |axis: char| {
        prop::collection::vec(0..3u8, 0..3)
            .prop_map(move |n| n.iter().map(|n| format!("{axis}{n}")).collect::<Vec<_>>())
    };
    let choice = (names('c'), names('t')).prop_map(|(categories, topics)| Choice::new(categories, topics));
    prop::collection::vec(prop::collection::vec((0..PERIODS, choice), 0..4), 1..6)
}

fn choice(person: &Person, period: usize) -> Choice {
    let known = person.iter().filter(|(from, _)| *from <= period);
    known.max_by_key(|(from, _)| *from).map(|(_, choice)| choice.clone()).unwrap_or_default()
}

/// Whether somebody with this choice wants a post, told from its file and not by the code under test.
fn wants(choice: &Choice, post: &Now) -> bool {
    let open = choice.is_everything();
    let named = |names: &[String], axis: char, term: Option<u8>| {
        term.is_some_and(|term| names.contains(&format!("{axis}{term}")))
    };
    open || post.category.is_none() && post.topic.is_none()
        || named(choice.categories(), 'c', post.category)
        || named(choice.topics(), 't', post.topic)
}

fn gather(posts: &BTreeMap<usize, Now>, config: &Config, lock: &Lock, now: DateTime<Utc>) -> (Collection, Lock) {
    let dialect = Dialect::new(&BTreeMap::new());
    let how = Reading {
        dialect: &dialect,
        timezone: config.site.timezone,
        publish_time: NaiveTime::MIN,
        hashed: Hashed::Every,
    };
    let read = |post: &Now| parse(&post.file, post.text.as_bytes(), &how).0.expect("the post is sound");
    let parts = Parts { posts: posts.values().map(read).map(Box::new).collect(), ..Parts::default() };
    let gathered = Collection::gather(parts, config, lock, now);
    assert!(!gathered.findings.iter().any(|finding| finding.is_error()), "{:?}", gathered.findings);
    (gathered.collection, gathered.lock)
}

/// What the test itself remembers of a digest.
#[derive(Default)]
struct Memory {
    /// Posts, and the period that carried each.
    carried: BTreeMap<usize, String>,
    passed: BTreeSet<usize>,
    began: bool,
    /// What each person got.
    got: BTreeMap<usize, BTreeSet<usize>>,
}

struct Run<'a> {
    store: &'a Sqlite,
    config: &'a Config,
    posts: &'a BTreeMap<usize, Now>,
    collection: &'a Collection,
    people: &'a [Person],
}

impl Run<'_> {
    fn number(&self, i: usize) -> usize {
        self.collection.articles[i].post.title.value.parse().expect("its number")
    }

    async fn history(&self, name: &str) -> History {
        self.store.history(&[name]).await.expect("the store can be read")
    }

    /// One period of a digest: chosen, checked against the memory, recorded in the store and in the memory.
    async fn period(
        &self,
        digest: &Digest,
        period: &Period,
        outcome: u8,
        index: usize,
        memory: &mut Memory,
        other: Option<&BTreeMap<usize, String>>,
    ) -> Result<(), TestCaseError> {
        let own = self.history(&digest.name.value).await;
        let mut others = Vec::new();
        for name in &digest.not_in {
            others.push(self.history(name).await);
        }
        let choose = || {
            let (collection, config) = (self.collection, self.config);
            Choosing { collection, config, digest, period, since: None, own: &own, others: &others }.choose().0
        };
        let chosen = choose();
        prop_assert_eq!(&chosen, &choose());
        self.check(digest, &chosen, memory, other)?;

        let state = match outcome {
            0 => RecordState::Missed,
            1 => RecordState::TooFew,
            _ => RecordState::Frozen,
        };
        let record = chosen.record(digest, self.collection, state);
        self.store.record_issue(&record, period.cutoff).await.expect("the store takes it");
        let numbers: Vec<usize> = chosen.articles.iter().map(|&i| self.number(i)).collect();
        memory.began = true;
        let passes = |reason: &Reason| matches!(reason, Reason::BeforeFirst | Reason::TooOld { .. });
        memory.passed.extend(chosen.left_out.iter().filter(|(_, reason)| passes(reason)).map(|(i, _)| self.number(*i)));
        if state != RecordState::Frozen {
            return Ok(());
        }
        // Before its first mail an issue may be taken back: then nobody got anything, and its posts are free again.
        if outcome == 2 {
            let taken_back = chosen.record(digest, self.collection, RecordState::Cancelled);
            self.store.record_issue(&taken_back, period.cutoff).await.expect("the store takes it back");
            return Ok(());
        }
        prop_assert!(self.store.record_issue(&record, period.cutoff).await.is_err(), "a second issue for a period");
        self.deliver(&chosen, index, memory)?;
        for n in &numbers {
            prop_assert_eq!(memory.carried.insert(*n, period.name.clone()), None, "{} twice", n);
        }
        // The store remembers it as it was, in its order.
        let known = self.history(&digest.name.value).await;
        prop_assert_eq!(&known.record(&period.name).expect("it was recorded").carried, &record.carried);
        Ok(())
    }

    /// Everybody gets exactly what is for them, and nothing a second time.
    fn deliver(&self, chosen: &Chosen, index: usize, memory: &mut Memory) -> Result<(), TestCaseError> {
        let choices: Vec<Choice> = self.people.iter().map(|person| choice(person, index)).collect();
        for (person, choice) in choices.iter().enumerate() {
            let list = wanted(choice, self.collection, &chosen.articles);
            let want: Vec<usize> =
                chosen.articles.iter().copied().filter(|&i| wants(choice, &self.posts[&self.number(i)])).collect();
            prop_assert_eq!(&list, &want);
            let got = memory.got.entry(person).or_default();
            for i in list {
                prop_assert!(got.insert(self.number(i)), "person {} gets post {} twice", person, self.number(i));
            }
        }
        Ok(())
    }

    /// Each post is chosen or left out, once, and for a reason that holds.
    fn check(
        &self,
        digest: &Digest,
        chosen: &Chosen,
        memory: &Memory,
        other: Option<&BTreeMap<usize, String>>,
    ) -> Result<(), TestCaseError> {
        let left = chosen.left_out.iter().map(|(i, _)| i);
        let mut named: Vec<usize> = chosen.articles.iter().chain(left).copied().collect();
        named.sort_unstable();
        prop_assert_eq!(named, (0..self.collection.articles.len()).collect::<Vec<_>>());
        let period = &chosen.period;
        let max_age = TimeDelta::from_std(digest.max_age).expect("an age");
        let is_old = |post: &Now| period.cutoff - post.published_at > max_age;
        let fits = |post: &Now| digest.filter.is_none() || post.category == Some(0);
        let elsewhere = |n: usize| other.and_then(|carried| carried.get(&n));
        for &i in &chosen.articles {
            let n = self.number(i);
            let post = &self.posts[&n];
            prop_assert!(!post.draft && post.published_at <= period.cutoff && fits(post) && !is_old(post), "{}", n);
            prop_assert!(!memory.carried.contains_key(&n) && !memory.passed.contains(&n) && elsewhere(n).is_none());
            prop_assert!(memory.began || post.published_at > period.starts_at);
        }
        for (i, reason) in &chosen.left_out {
            let n = self.number(*i);
            let post = &self.posts[&n];
            let holds = match reason {
                Reason::Draft => post.draft,
                Reason::AfterCutoff => post.published_at > period.cutoff,
                Reason::Filtered => !fits(post),
                Reason::Carried { digest: by, period } if *by == digest.name.value => {
                    memory.carried.get(&n) == Some(period)
                }
                Reason::Carried { period, .. } => elsewhere(n) == Some(period),
                Reason::Passed => memory.passed.contains(&n),
                Reason::BeforeFirst => !memory.began && post.published_at <= period.starts_at,
                Reason::TooOld { .. } => is_old(post),
                Reason::NotYet | Reason::Withdrawn => false,
            };
            prop_assert!(holds, "{} {} at {}", n, reason, period.name);
        }
        Ok(())
    }
}

fn settings(schedule: &str, filter: &str) -> Config {
    let common = "from = 'a@example.org'\npostal_address = 'x'\ntimezone = 'Europe/Berlin'\n";
    let text = format!(
        "[site]\ntitle = 'T'\nurl = 'https://example.org'\n[digest.news]\nschedule = 'Wed 02:30'\n{common}\
         filter = 'category=c0'\n[digest.weekly]\nschedule = '{schedule}'\nmax_age = '20d'\nnot_in = ['news']\n{common}{filter}"
    );
    Config::parse(&text).unwrap_or_else(|findings| panic!("{findings:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_post_goes_out_once_to_whoever_wants_it_and_what_is_left_out_is_named(
        lives in lives(),
        people in people(),
        schedule in prop::sample::select(vec!["daily 02:30", "Mon,Thu 02:30", "Sun 02:30"]),
        filter in prop::sample::select(vec!["", "filter = 'category=c0'\n"]),
        outcomes in prop::collection::vec((0..8u8, 0..30i64, 0..4u8), PERIODS),
    ) {
        let config = settings(schedule, filter);
        let (weekly, news) = (&config.digests["weekly"], &config.digests["news"]);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("tidings.db");
        let through = async {
            let mut store = Sqlite::open(&file, "tidings.db").await.expect("a store");
            let mut lock = Lock::default();
            let (mut mine, mut theirs) = (Memory::default(), Memory::default());
            let mut period = weekly.schedule.period_at(start(), weekly.timezone);
            let mut of_news = news.schedule.period_at(start(), news.timezone);
            for (index, (outcome, lag, reopen)) in outcomes.into_iter().enumerate() {
                let now = period.cutoff + TimeDelta::minutes(lag);
                let posts: BTreeMap<usize, Now> =
                    lives.iter().enumerate().filter_map(|(n, life)| Some((n, life.at(n, now)?))).collect();
                let (collection, next) = gather(&posts, &config, &lock, now);
                lock = next;
                if reopen == 0 {
                    store.close().await;
                    store = Sqlite::open(&file, "tidings.db").await.expect("a store");
                }
                let run = Run { store: &store, config: &config, posts: &posts, collection: &collection, people: &people };
                while of_news.cutoff <= now {
                    run.period(news, &of_news, 7, index, &mut theirs, None).await?;
                    of_news = news.schedule.after(&of_news, news.timezone);
                }
                run.period(weekly, &period, outcome, index, &mut mine, Some(&theirs.carried)).await?;
                period = weekly.schedule.after(&period, weekly.timezone);
            }
            store.close().await;
            Ok::<(), TestCaseError>(())
        };
        block_on(through).expect("a runtime")?;
    }
}
