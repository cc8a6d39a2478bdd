use super::*;
use crate::content::collection::{Gathered, Parts};
use crate::content::dialect::Dialect;
use crate::content::lock::Lock;
use crate::content::post::{self, Hashed, Reading};
use crate::diagnostic::Severity;
use chrono::NaiveTime;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn moment(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("a moment").to_utc()
}

/// Settings with one digest, `weekly`.
fn config(more: &str) -> Config {
    let text = format!(
        "[site]\ntitle = 'T'\nurl = 'https://example.org'\n[digest.weekly]\nfrom = 'a@example.org'\npostal_address = 'x'\n{more}"
    );
    Config::parse(&text).unwrap_or_else(|findings| panic!("{findings:?}"))
}

/// A post as its file says it: file, further front matter, and its body.
fn post(file: &str, front_matter: &str, body: &str) -> (String, String) {
    (format!("content/posts/{file}.md"), format!("---\nsummary: s\n{front_matter}\n---\n{body}\n"))
}

fn gather(files: &[(String, String)], config: &Config, lock: &Lock, now: DateTime<Utc>) -> Gathered {
    let dialect = Dialect::new(&BTreeMap::new());
    let how = Reading {
        dialect: &dialect,
        timezone: config.site.timezone,
        publish_time: NaiveTime::MIN,
        hashed: Hashed::Every,
    };
    let posts = files
        .iter()
        .map(|(file, text)| {
            let (post, findings) = post::parse(file, text.as_bytes(), &how);
            post.unwrap_or_else(|| panic!("{text}: {findings:?}"))
        })
        .map(Box::new)
        .collect();
    let gathered = Collection::gather(Parts { posts, ..Parts::default() }, config, lock, now);
    let errors: Vec<_> = gathered.findings.iter().filter(|f| f.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    gathered
}

/// A site whose posts all have an id, and the past of its digest.
pub(crate) struct Scene {
    pub config: Config,
    posts: Vec<(String, String)>,
    past: Vec<Record>,
    others: Vec<History>,
    since: Option<DateTime<Utc>>,
}

impl Scene {
    pub fn new(more: &str) -> Scene {
        let config = config(&format!("schedule = 'Mon 09:00'\n{more}"));
        Scene { config, posts: vec![], past: vec![], others: vec![], since: None }
    }

    /// A post, or in place of the one with this id.
    pub fn post(&mut self, id: &str, published: &str, more: &str) {
        self.posts.retain(|(file, _)| *file != format!("content/posts/{id}.md"));
        let head = format!("title: {id}\nid: {id}\npub_date: {published}\n{more}");
        self.posts.push(post(id, head.trim_end(), id));
    }

    pub fn digest(&self) -> &Digest {
        &self.config.digests["weekly"]
    }

    pub fn choose_at(&self, period: &str, now: &str) -> (Chosen, Collection) {
        let digest = self.digest();
        let period = digest.schedule.by_name(period, digest.timezone).expect("a period");
        let collection = gather(&self.posts, &self.config, &Lock::default(), moment(now)).collection;
        let own = History::new(self.past.clone());
        let choosing = Choosing {
            collection: &collection,
            config: &self.config,
            digest,
            period: &period,
            since: self.since,
            own: &own,
            others: &self.others,
        };
        let chosen = choosing.choose().0;
        (chosen, collection)
    }

    /// What is carried, and what is left out and why, when the command runs a minute after the cutoff.
    fn told(&self, period: &str) -> (Vec<String>, Vec<String>) {
        let digest = self.digest();
        let cutoff = digest.schedule.by_name(period, digest.timezone).expect("a period").cutoff;
        let (chosen, collection) = self.choose_at(period, &(cutoff + TimeDelta::minutes(1)).to_rfc3339());
        let name = |i: usize| collection.articles[i].post.title.value.to_string();
        let left_out = chosen.left_out.iter().map(|(i, reason)| format!("{} {reason}", name(*i))).collect();
        (chosen.articles.iter().map(|&i| name(i)).collect(), left_out)
    }

    /// Lets something become of a period.
    pub fn becomes(&mut self, period: &str, state: RecordState) {
        let digest = self.digest();
        let cutoff = digest.schedule.by_name(period, digest.timezone).expect("a period").cutoff;
        let (chosen, collection) = self.choose_at(period, &cutoff.to_rfc3339());
        let record = chosen.record(self.digest(), &collection, state);
        self.past.push(record);
    }

    #[track_caller]
    fn carries(&self, period: &str, want: &[&str], left_out: &[&str]) {
        let (carried, left) = self.told(period);
        assert_eq!(
            (carried, left),
            (want.iter().map(|s| s.to_string()).collect(), left_out.iter().map(|s| s.to_string()).collect())
        );
    }
}

#[test]
fn the_first_issue_covers_its_own_period_and_what_is_older_counts_as_carried() {
    let mut scene = Scene::new("");
    scene.post("old", "2026-11-16T09:00:00Z", "");
    scene.post("new", "2026-11-16T09:00:01Z", "");
    scene.post("last", "2026-11-23T09:00:00Z", "");
    scene.carries("2026-W48", &["last", "new"], &["old was published before the period of the first issue"]);
    scene.becomes("2026-W48", RecordState::Frozen);
    scene.post("next", "2026-11-24T09:00:00Z", "");
    scene.carries(
        "2026-W49",
        &["next"],
        &[
            "last was carried by `weekly/2026-W48`",
            "new was carried by `weekly/2026-W48`",
            "old counts as carried since an earlier issue",
        ],
    );
}

#[test]
fn since_widens_the_first_issue_and_later_ones_but_carries_nothing_twice() {
    let mut scene = Scene::new("");
    scene.post("older", "2026-11-09T08:59:59Z", "");
    scene.post("old", "2026-11-09T09:00:00Z", "");
    scene.post("new", "2026-11-20T09:00:00Z", "");
    scene.since = Some(moment("2026-11-09T09:00:00Z"));
    scene.carries("2026-W48", &["new", "old"], &["older was published before the period of the first issue"]);
    // A later moment does not narrow it.
    scene.since = Some(moment("2026-11-22T09:00:00Z"));
    scene.carries(
        "2026-W48",
        &["new"],
        &[
            "old was published before the period of the first issue",
            "older was published before the period of the first issue",
        ],
    );
    scene.becomes("2026-W48", RecordState::Frozen);
    scene.since = Some(moment("2026-11-09T09:00:00Z"));
    scene.carries(
        "2026-W49",
        &["old"],
        &["new was carried by `weekly/2026-W48`", "older counts as carried since an earlier issue"],
    );
}

#[test]
fn a_post_that_was_merged_late_or_back_dated_is_picked_up_and_one_too_old_is_named() {
    let mut scene = Scene::new("max_age = '30d'\n");
    scene.post("first", "2026-11-20T09:00:00Z", "");
    scene.becomes("2026-W48", RecordState::Frozen);
    // Merged a week later, dated before the first issue's period.
    scene.post("late", "2026-11-10T09:00:00Z", "");
    scene.post("young", "2026-10-31T09:00:00Z", "");
    scene.post("aged", "2026-10-31T08:59:59Z", "");
    scene.carries(
        "2026-W49",
        &["late", "young"],
        &["first was carried by `weekly/2026-W48`", "aged was more than 30 days old at the cutoff"],
    );
    let (chosen, _) = scene.choose_at("2026-W49", "2026-11-30T09:00:00Z");
    let surprising: Vec<bool> = chosen.left_out.iter().map(|(_, reason)| reason.is_surprising()).collect();
    assert_eq!(surprising, [false, true]);
    // It is named once.
    scene.becomes("2026-W49", RecordState::Frozen);
    let (_, left_out) = scene.told("2026-W50");
    assert_eq!(left_out.last().map(String::as_str), Some("aged counts as carried since an earlier issue"));
}

#[test]
fn a_post_that_was_renamed_moved_or_edited_is_not_carried_again() {
    let mut scene = Scene::new("filter = 'category=a'\n");
    scene.post("p", "2026-11-20T09:00:00Z", "category: a\n");
    scene.post("q", "2026-11-20T09:00:00Z", "category: b\n");
    scene.carries("2026-W48", &["p"], &["q does not pass the filter"]);
    scene.becomes("2026-W48", RecordState::Frozen);
    scene.post("p", "2026-11-27T09:00:00Z", "slug: renamed\ncategory: [b, a]\nupdated: 2026-11-28\n");
    scene.post("q", "2026-11-20T09:00:00Z", "category: a\n");
    scene.carries("2026-W49", &["q"], &["p was carried by `weekly/2026-W48`"]);
}

#[test]
fn what_another_digest_carried_is_left_out_where_not_in_names_it() {
    let mut scene = Scene::new("");
    scene.post("p", "2026-11-20T09:00:00Z", "");
    scene.post("q", "2026-11-21T09:00:00Z", "");
    let record = |state, carried: &[&str], passed: &[&str]| Record {
        digest: "daily".into(),
        period: Period {
            name: "2026-11-21".into(),
            cutoff: moment("2026-11-21T07:00:00Z"),
            starts_at: moment("2026-11-20T07:00:00Z"),
        },
        state,
        carried: carried.iter().map(|id| format!("tag:example.org,2026:{id}")).collect(),
        passed: passed.iter().map(|id| format!("tag:example.org,2026:{id}")).collect(),
    };
    // What merely counted as carried there was carried by nobody.
    scene.others = vec![History::new(vec![record(RecordState::Frozen, &["p"], &["q"])])];
    scene.carries("2026-W48", &["q"], &["p was carried by `daily/2026-11-21`"]);
    scene.others = vec![History::new(vec![record(RecordState::Cancelled, &["p"], &[])])];
    scene.carries("2026-W48", &["q", "p"], &[]);
}

#[test]
fn the_posts_of_a_period_without_an_issue_wait_for_the_next_one() {
    for state in [RecordState::Missed, RecordState::TooFew, RecordState::Cancelled] {
        let mut scene = Scene::new("min_posts = 2\n");
        scene.post("p", "2026-11-20T09:00:00Z", "");
        scene.post("old", "2026-11-15T09:00:00Z", "");
        let (chosen, _) = scene.choose_at("2026-W48", "2026-11-23T09:00:00Z");
        assert!(!chosen.is_enough(scene.digest()));
        scene.becomes("2026-W48", state);
        scene.post("q", "2026-11-27T09:00:00Z", "");
        scene.carries("2026-W49", &["q", "p"], &["old counts as carried since an earlier issue"]);
        let (chosen, _) = scene.choose_at("2026-W49", "2026-11-30T09:00:00Z");
        assert!(chosen.is_enough(scene.digest()) && !chosen.is_first);
    }
}

#[test]
fn what_is_not_out_is_left_out() {
    let mut scene = Scene::new("");
    scene.post("draft", "2026-11-20T01:00:00Z", "draft: true\n");
    scene.post("gone", "2026-11-20T02:00:00Z", "withdrawn: 2026-11-21\n");
    scene.post("soon", "2026-11-20T03:00:00Z", "");
    scene.post("later", "2026-11-23T09:00:01Z", "");
    let (chosen, collection) = scene.choose_at("2026-W48", "2026-11-20T02:30:00Z");
    let told: Vec<String> = chosen
        .left_out
        .iter()
        .map(|(i, reason)| format!("{} {reason}", collection.articles[*i].post.title.value.as_str()))
        .collect();
    assert_eq!(told, ["later is published after the cutoff", "soon is not published yet", "draft is a draft"]);
    assert_eq!(chosen.articles.len(), 1);
    scene.carries(
        "2026-W48",
        &["soon"],
        &["later is published after the cutoff", "gone was taken back", "draft is a draft"],
    );
}

#[test]
fn a_term_in_the_filter_that_no_post_has_is_a_warning() {
    let mut scene = Scene::new("filter = 'tag=\"helth\" or tag=x'\n");
    scene.post("p", "2026-11-20T09:00:00Z", "tags: [health]\n");
    let collection = gather(&scene.posts, &scene.config, &Lock::default(), moment("2026-11-23T09:00:00Z")).collection;
    let period = scene.digest().schedule.by_name("2026-W48", chrono_tz::UTC).expect("a period");
    let own = History::default();
    let choosing = Choosing {
        collection: &collection,
        config: &scene.config,
        digest: scene.digest(),
        period: &period,
        since: None,
        own: &own,
        others: &[],
    };
    let told: Vec<String> = choosing.choose().1.iter().map(|finding| finding.render(None)).collect();
    assert_eq!(
        told,
        [
            "warning: no post has the tag `helth`\n --> tidings.toml:8:16\nhint: did you mean `health`?\n",
            "warning: no post has the tag `x`\n --> tidings.toml:8:30\nhint: the digest `weekly` is made all the same\n",
        ]
    );
}

#[test]
fn a_choice_is_a_union_and_a_post_with_neither_category_nor_topic_is_for_everybody() {
    let mut scene = Scene::new("");
    scene.post("a", "2026-11-20T05:00:00Z", "category: Care\n");
    scene.post("b", "2026-11-20T04:00:00Z", "category: product\ntopic: hipaa\n");
    scene.post("c", "2026-11-20T03:00:00Z", "topic: [gdpr, hipaa]\n");
    scene.post("d", "2026-11-20T02:00:00Z", "tags: [care]\n");
    let (chosen, collection) = scene.choose_at("2026-W48", "2026-11-23T09:00:00Z");
    let choice = |categories: &[&str], topics: &[&str]| Choice::new(categories, topics);
    let choices = [
        choice(&["care"], &[]),
        choice(&[], &[]),
        choice(&["care"], &["hipaa"]),
        choice(&[], &["hipaa"]),
        choice(&["CARE", "product"], &["gdpr"]),
        choice(&["gone"], &[]),
    ];
    let lists = |articles: &[usize]| choices.each_ref().map(|choice| wanted(choice, &collection, articles));
    assert_eq!(
        lists(&chosen.articles),
        [vec![0, 3], vec![0, 1, 2, 3], vec![0, 1, 2, 3], vec![1, 2, 3], vec![0, 1, 2, 3], vec![3]]
    );
    // Without a post for everybody, who chose what is not there gets nothing.
    assert_eq!(
        lists(&chosen.articles[..3]),
        [vec![0], vec![0, 1, 2], vec![0, 1, 2], vec![1, 2], vec![0, 1, 2], vec![]]
    );
}

/// A post through its life: what its file says at a time.
#[derive(Clone, Debug)]
struct Life {
    number: usize,
    has_id: bool,
    merged_at: DateTime<Utc>,
    published_at: DateTime<Utc>,
    in_filter: bool,
    changes: Vec<(DateTime<Utc>, Change)>,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Rename,
    Move,
    Edit,
    Redate(i64),
}

impl Life {
    /// When it is published and whether it is in the filter's category, as its file says at a time; and the file.
    fn at(&self, now: DateTime<Utc>) -> Option<(DateTime<Utc>, bool, (String, String))> {
        if self.merged_at > now {
            return None;
        }
        let (mut published_at, mut in_filter, mut names, mut edits) = (self.published_at, self.in_filter, 0, 0);
        for (_, change) in self.changes.iter().filter(|(at, _)| *at <= now) {
            match change {
                Change::Rename => names += 1,
                Change::Move => in_filter = !in_filter,
                Change::Edit => edits += 1,
                Change::Redate(hours) => published_at += TimeDelta::hours(*hours),
            }
        }
        let n = self.number;
        let id = if self.has_id { format!("id: id-{n}\n") } else { String::new() };
        let category = if in_filter { "in" } else { "out" };
        let date = published_at.to_rfc3339();
        let head = format!("title: '{n}'\n{id}slug: s-{n}-{names}\npub_date: {date}\ncategory: {category}");
        Some((published_at, in_filter, post(&format!("p{n}"), &head, &format!("Body {n}, {edits} edits"))))
    }
}

/// What a life is drawn from: its id, hours of its merge and its date, its category, and hours of its changes.
type Drawn = (bool, i64, i64, bool, Vec<(i64, Change)>);

const START: &str = "2026-03-01T00:00:00Z";

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let change = prop_oneof![
        Just(Change::Rename),
        Just(Change::Move),
        Just(Change::Edit),
        (-200..200i64).prop_map(Change::Redate),
    ];
    let start = moment(START);
    let life = (
        any::<bool>(),
        -1_000..2_500i64,
        -1_200..200i64,
        any::<bool>(),
        prop::collection::vec((0..2_500i64, change), 0..4),
    );
    prop::collection::vec(life, 1..12).prop_map(move |lives| {
        let at = |hours: i64| start + TimeDelta::hours(hours);
        let build = |(number, drawn): (usize, Drawn)| {
            let (has_id, merged, dated, in_filter, mut changes) = drawn;
            changes.sort_by_key(|(hours, _)| *hours);
            Life {
                number,
                has_id,
                merged_at: at(merged),
                published_at: at(merged + dated),
                in_filter,
                changes: changes.into_iter().map(|(hours, change)| (at(hours), change)).collect(),
            }
        };
        lives.into_iter().enumerate().map(build).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Thirty periods across a change of the clocks, each with an issue, too few posts, a miss or a cancelled issue.
    #[test]
    fn every_post_is_carried_once_or_left_out_for_a_reason_that_holds(
        lives in lives(),
        schedule in prop::sample::select(vec!["daily 02:30", "Mon,Thu 02:30", "Sun 02:30"]),
        filter in prop::sample::select(vec!["", "filter = 'category=in'\n"]),
        outcomes in prop::collection::vec((0..6u8, 0..5i64), 30),
    ) {
        let config = config(&format!("schedule = '{schedule}'\ntimezone = 'Europe/Berlin'\nmax_age = '14d'\n{filter}"));
        let digest = &config.digests["weekly"];
        let max_age = TimeDelta::days(14);
        let mut period = digest.schedule.period_at(moment(START), digest.timezone);
        let (mut lock, mut past) = (Lock::default(), Vec::new());
        let (mut sent, mut passed): (BTreeMap<usize, String>, BTreeSet<usize>) = Default::default();
        for (outcome, lag) in outcomes {
            let now = period.cutoff + TimeDelta::hours(lag);
            let alive: BTreeMap<usize, _> = lives.iter().filter_map(|life| Some((life.number, life.at(now)?))).collect();
            let files: Vec<_> = alive.values().map(|(.., file)| file.clone()).collect();
            let gathered = gather(&files, &config, &lock, now);
            lock = gathered.lock;
            let collection = gathered.collection;
            let own = History::new(past.clone());
            let choosing = Choosing {
                collection: &collection, config: &config, digest, period: &period, since: None, own: &own, others: &[],
            };
            let (chosen, _) = choosing.choose();

            let number = |i: usize| collection.articles[i].post.title.value.parse::<usize>().expect("a number");
            let mut named: Vec<usize> = chosen.articles.iter().chain(chosen.left_out.iter().map(|(i, _)| i)).copied().collect();
            named.sort_unstable();
            prop_assert_eq!(named, (0..collection.articles.len()).collect::<Vec<_>>());
            let fits = |n: usize| filter.is_empty() || alive[&n].1;
            let is_old = |n: usize| period.cutoff - alive[&n].0 > max_age;
            for &i in &chosen.articles {
                let n = number(i);
                prop_assert!(alive[&n].0 <= period.cutoff && fits(n) && !is_old(n));
                prop_assert!(!sent.contains_key(&n) && !passed.contains(&n));
            }
            for (i, reason) in &chosen.left_out {
                let n = number(*i);
                let holds = match reason {
                    Reason::AfterCutoff => alive[&n].0 > period.cutoff,
                    Reason::Filtered => !fits(n),
                    Reason::Carried { period, .. } => sent.get(&n) == Some(period),
                    Reason::Passed => passed.contains(&n),
                    Reason::BeforeFirst => past.is_empty() && alive[&n].0 <= period.starts_at,
                    Reason::TooOld { .. } => is_old(n),
                    Reason::Draft | Reason::Withdrawn | Reason::NotYet => false,
                };
                prop_assert!(holds, "{n} {reason} at {}", period.name);
            }

            let state = match outcome {
                0 => RecordState::Missed,
                1 => RecordState::TooFew,
                2 => RecordState::Cancelled,
                _ => RecordState::Frozen,
            };
            let record = chosen.record(digest, &collection, state);
            if state == RecordState::Frozen {
                for &i in &chosen.articles {
                    prop_assert_eq!(sent.insert(number(i), period.name.clone()), None);
                }
            }
            for (i, reason) in &chosen.left_out {
                if matches!(reason, Reason::BeforeFirst | Reason::TooOld { .. }) {
                    passed.insert(number(*i));
                }
            }
            past.push(record);
            period = digest.schedule.after(&period, digest.timezone);
        }
    }

    /// Whatever people choose, everybody gets exactly the posts that are for them, and no list is composed twice.
    #[test]
    fn every_choice_gets_its_posts_in_the_order_of_the_issue(
        terms in prop::collection::vec((prop::option::of(0..3u8), prop::option::of(0..3u8)), 1..10),
        choices in prop::collection::vec((prop::collection::vec(0..4u8, 0..3), prop::collection::vec(0..4u8, 0..3)), 0..12),
    ) {
        let mut scene = Scene::new("");
        for (n, (category, topic)) in terms.iter().enumerate() {
            let category = category.map(|c| format!("category: c{c}\n")).unwrap_or_default();
            let topic = topic.map(|t| format!("topic: t{t}\n")).unwrap_or_default();
            scene.post(&format!("p{n}"), "2026-11-20T09:00:00Z", &format!("{category}{topic}"));
        }
        let (chosen, collection) = scene.choose_at("2026-W48", "2026-11-23T09:00:00Z");
        let made: Vec<Choice> = choices
            .iter()
            .map(|(c, t)| Choice::new(c.iter().map(|n| format!("c{n}")), t.iter().map(|n| format!("t{n}"))))
            .collect();
        for ((categories, topics), choice) in choices.iter().zip(&made) {
            let want: Vec<usize> = chosen
                .articles
                .iter()
                .copied()
                .filter(|&i| {
                    let n: usize = collection.articles[i].post.title.value[1..].parse().expect("a number");
                    let (category, topic) = terms[n];
                    let everything = categories.is_empty() && topics.is_empty();
                    let neither = category.is_none() && topic.is_none();
                    everything
                        || neither
                        || category.is_some_and(|c| categories.contains(&c))
                        || topic.is_some_and(|t| topics.contains(&t))
                })
                .collect();
            prop_assert_eq!(wanted(choice, &collection, &chosen.articles), want);
        }
    }
}

#[test]
fn a_reason_is_told_in_english_and_in_the_language_of_the_site() {
    #[track_caller]
    fn case(reason: Reason, english: &str, german: &str) {
        assert_eq!((&*reason.to_string(), &*reason.say(&Language::of("de"))), (english, german));
    }
    let old = |hours: u64| Reason::TooOld { max_age: Duration::from_secs(hours * 3_600) };
    let german = |age: &str| format!("war bei Redaktionsschluss mehr als {age} alt");
    for (hours, english, age) in
        [(24, "1 day", "1 Tag"), (720, "30 days", "30 Tage"), (1, "1 hour", "1 Stunde"), (36, "36 hours", "36 Stunden")]
    {
        case(old(hours), &format!("was more than {english} old at the cutoff"), &german(age));
    }
    case(
        Reason::Carried { digest: "weekly".into(), period: "2026-W47".into() },
        "was carried by `weekly/2026-W47`",
        "stand schon in `weekly/2026-W47`",
    );
    case(Reason::Draft, "is a draft", "ist ein Entwurf");
    case(Reason::Withdrawn, "was taken back", "wurde zurückgezogen");
    case(Reason::AfterCutoff, "is published after the cutoff", "erscheint nach Redaktionsschluss");
    case(Reason::NotYet, "is not published yet", "ist noch nicht erschienen");
    case(Reason::Filtered, "does not pass the filter", "passt nicht zum Filter");
    case(Reason::Passed, "counts as carried since an earlier issue", "gilt seit einer früheren Ausgabe als verschickt");
    case(
        Reason::BeforeFirst,
        "was published before the period of the first issue",
        "erschien vor dem Zeitraum der ersten Ausgabe",
    );
}
