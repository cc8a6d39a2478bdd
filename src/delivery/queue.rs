//! What a run has claimed and not yet sent, whose turn it is, and whether anything is left.
//!
//! Values: the sender asks under one lock and acts outside of it. Times are those of a clock that never jumps.

use super::breaker::Breaker;
use super::pace::{Pace, Turn};
use super::sender::{End, SendError};
use crate::store::ledger::Claimed;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

/// So many deliveries at most wait in a run for their turn.
const MOST_CLAIMED: usize = 1_000;
/// A server that no line reaches for so long ends a run.
const UNREACHED: Duration = Duration::from_secs(5);
/// Nobody looks again sooner than this where nothing was found.
const BREATH: TimeDelta = TimeDelta::milliseconds(200);

/// The deliveries of a run.
#[derive(Debug)]
pub struct Queue {
    waiting: VecDeque<Claimed>,
    /// With fewer than so many waiting, more is claimed.
    low_water: usize,
    /// The rates.
    pub pace: Pace,
    /// What providers refuse.
    pub breaker: Breaker,
    /// Broken off once in this run, through no fault of their own.
    broken_off: HashSet<i64>,
    /// How many deliveries lines hold, until it is recorded what became of them.
    busy: usize,
    is_claiming: bool,
    /// No claim finds anything before this.
    idle_until: Option<DateTime<Utc>>,
    /// How many lines are open, and how many are being opened.
    open: usize,
    opening: usize,
    /// Since when no line could be opened, and how often it was tried.
    failing: Option<(Instant, u32)>,
    /// Why the run ends.
    pub end: Option<End>,
    /// What ends it before its time.
    pub error: Option<SendError>,
}

/// What a line is to do next.
#[derive(Debug)]
pub enum Task {
    /// Send this.
    Send(Box<Claimed>),
    /// Look again after this, or when something changes.
    Wait(Duration),
    /// Claim more, and say what was found.
    Claim,
}

/// What to do after a line could not be opened.
#[derive(Debug, PartialEq, Eq)]
pub enum Failed {
    /// Try again after this.
    Again(Duration),
    /// End the run.
    Over,
}

impl Queue {
    /// An empty one, for so many lines.
    pub fn new(pace: Pace, lines: usize) -> Queue {
        Queue {
            waiting: VecDeque::new(),
            low_water: lines * 2,
            pace,
            breaker: Breaker::default(),
            broken_off: HashSet::new(),
            busy: 0,
            is_claiming: false,
            idle_until: None,
            open: 0,
            opening: 0,
            failing: None,
            end: None,
            error: None,
        }
    }

    /// Whether the run is to end.
    pub fn is_over(&self) -> bool {
        self.end.is_some() || self.error.is_some()
    }

    /// What a line is to do: the first mail whose turn it is, or wait, or claim, which one line does at a time, and before
    /// the others run out.
    pub fn task(&mut self, now: DateTime<Utc>) -> Task {
        let is_idle = self.idle_until.is_some_and(|then| then > now);
        let may_claim = !self.is_claiming && !is_idle;
        if may_claim && self.waiting.len() < self.low_water {
            self.is_claiming = true;
            return Task::Claim;
        }
        let mut first: Option<DateTime<Utc>> = None;
        for at in 0..self.waiting.len() {
            let domain = domain(&self.waiting[at].mailbox).to_owned();
            match self.pace.turn(&domain, now) {
                Turn::Now => {
                    self.pace.pass(&domain, now);
                    self.busy += 1;
                    return Task::Send(Box::new(self.waiting.remove(at).expect("the place is one of the queue's")));
                }
                Turn::At(then) => first = Some(first.map_or(then, |first| first.min(then))),
                Turn::NotToday => {
                    self.end.get_or_insert(End::Quota);
                    return Task::Wait(Duration::ZERO);
                }
            }
        }
        // Mails for other domains may be among those that nobody has claimed yet.
        if may_claim && self.waiting.len() < MOST_CLAIMED {
            self.is_claiming = true;
            return Task::Claim;
        }
        let first = [first, self.idle_until].into_iter().flatten().filter(|&then| then > now).min();
        let wait = first.map_or(Duration::from_millis(100), |then| (then - now).to_std().unwrap_or_default());
        Task::Wait(wait.clamp(Duration::from_millis(1), Duration::from_secs(5)))
    }

    /// Whether no line has anything and nothing waits: then an empty claim says that nothing is left.
    pub fn is_quiet(&self) -> bool {
        self.busy == 0 && self.waiting.is_empty()
    }

    /// More was claimed.
    pub fn claimed(&mut self, more: Vec<Claimed>) {
        self.is_claiming = false;
        self.idle_until = None;
        self.waiting.extend(more);
    }

    /// Nothing was claimed, and nobody need look again before a time; at once where there is none.
    pub fn found_nothing(&mut self, now: DateTime<Utc>, until: Option<DateTime<Utc>>) {
        self.is_claiming = false;
        self.idle_until = Some(until.unwrap_or(now).max(now + BREATH));
    }

    /// A mail that was to be sent goes back to the front: nothing was said about it.
    pub fn put_back(&mut self, claimed: Claimed) {
        self.pace.give_back(domain(&claimed.mailbox));
        self.busy -= 1;
        self.waiting.push_front(claimed);
    }

    /// It is recorded what became of a delivery.
    pub fn done(&mut self) {
        self.busy -= 1;
    }

    /// A mail met with a line that broke. Whether that was the first time: then it goes out again at once.
    pub fn breaks_off(&mut self, subscriber: i64) -> bool {
        self.broken_off.insert(subscriber)
    }

    /// A line is being opened.
    pub fn opens(&mut self) {
        self.opening += 1;
    }

    /// It is open.
    pub fn opened(&mut self) {
        self.opening -= 1;
        self.open += 1;
    }

    /// It could not be opened. While others are open or opening, that is how a server says that there are enough; without
    /// any it ends the run: at once where trying again cannot help, else when it has gone on for a while.
    pub fn not_opened(&mut self, is_transient: bool) -> Failed {
        self.opening -= 1;
        self.fails(is_transient)
    }

    /// A line failed before a mail could be offered.
    pub fn fails(&mut self, is_transient: bool) -> Failed {
        let (since, times) = self.failing.get_or_insert_with(|| (Instant::now(), 0));
        *times += 1;
        let is_over = !is_transient || since.elapsed() >= UNREACHED;
        if is_over && self.open == 0 && self.opening == 0 {
            return Failed::Over;
        }
        Failed::Again(Duration::from_millis(250) * (*times).min(20))
    }

    /// A line is closed.
    pub fn closed(&mut self) {
        self.open -= 1;
    }

    /// A server answered something about a mail.
    pub fn answered(&mut self) {
        self.failing = None;
    }
}

/// What stands behind the `@`.
pub fn domain(mailbox: &str) -> &str {
    mailbox.rsplit_once('@').map_or("", |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ledger::Ticket;
    use std::collections::BTreeMap;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000 + ms).expect("a moment")
    }

    fn claimed(subscriber: i64, mailbox: &str) -> Claimed {
        let ticket = Ticket { issue: 1, subscriber, fence: 1 };
        Claimed { ticket, mailbox: mailbox.into(), variant: 0, attempts: 0 }
    }

    fn queue(domains: &[(&str, &str)], left_today: Option<u64>) -> Queue {
        let rate = |text: &str| text.parse().expect("a rate");
        let domains: BTreeMap<_, _> = domains.iter().map(|(name, text)| ((*name).to_owned(), rate(text))).collect();
        Queue::new(Pace::new(None, &domains, left_today), 0)
    }

    fn sends(queue: &mut Queue, ms: i64) -> Option<i64> {
        match queue.task(at(ms)) {
            Task::Send(claimed) => Some(claimed.ticket.subscriber),
            _ => None,
        }
    }

    #[test]
    fn a_mail_that_must_wait_holds_up_no_other() {
        let mut queue = queue(&[("slow.example", "1/s")], None);
        queue.claimed(vec![claimed(1, "a@slow.example"), claimed(2, "b@slow.example"), claimed(3, "c@quick.example")]);
        assert_eq!((sends(&mut queue, 0), sends(&mut queue, 0)), (Some(1), Some(3)));
        assert!(matches!(queue.task(at(0)), Task::Claim), "others may be had");
        queue.found_nothing(at(0), None);
        assert!(matches!(queue.task(at(100)), Task::Wait(_)));
        assert_eq!(sends(&mut queue, 1_000), Some(2));
    }

    #[test]
    fn more_is_claimed_before_the_lines_run_out() {
        let mut queue = Queue::new(Pace::new(None, &BTreeMap::new(), None), 1);
        queue.claimed((1..=3).map(|n| claimed(n, "a@example.org")).collect());
        assert_eq!((sends(&mut queue, 0), sends(&mut queue, 0)), (Some(1), Some(2)));
        assert!(matches!(queue.task(at(0)), Task::Claim));
        assert_eq!(sends(&mut queue, 0), Some(3), "the others go on meanwhile");
        queue.found_nothing(at(0), None);
        assert!(matches!(queue.task(at(0)), Task::Wait(_)));
    }

    #[test]
    fn one_line_claims_at_a_time() {
        let mut queue = queue(&[], None);
        assert!(matches!(queue.task(at(0)), Task::Claim));
        assert!(matches!(queue.task(at(0)), Task::Wait(_)));
        queue.found_nothing(at(0), Some(at(5_000)));
        assert!(matches!(queue.task(at(4_000)), Task::Wait(_)));
        assert!(matches!(queue.task(at(5_000)), Task::Claim));
    }

    #[test]
    fn it_is_quiet_only_when_it_is_recorded_what_became_of_all() {
        let mut queue = queue(&[], None);
        queue.claimed(vec![claimed(1, "a@example.org")]);
        assert!(!queue.is_quiet());
        assert_eq!(sends(&mut queue, 0), Some(1));
        assert!(!queue.is_quiet());
        queue.put_back(claimed(1, "a@example.org"));
        assert_eq!(sends(&mut queue, 0), Some(1));
        queue.done();
        assert!(queue.is_quiet());
    }

    #[test]
    fn a_mail_that_is_put_back_counts_against_no_rate_and_no_quota() {
        let mut queue = queue(&[("example.org", "1/min")], Some(1));
        queue.claimed(vec![claimed(1, "a@example.org")]);
        for _ in 0..3 {
            assert_eq!(sends(&mut queue, 0), Some(1));
            queue.put_back(claimed(1, "a@example.org"));
        }
        assert!(!queue.is_over());
    }

    #[test]
    fn a_server_ends_a_run_only_where_no_line_reaches_it() {
        let mut queue = queue(&[], None);
        queue.opens();
        queue.opens();
        assert!(matches!(queue.not_opened(false), Failed::Again(_)), "another is being opened");
        queue.opened();
        queue.opens();
        assert!(matches!(queue.not_opened(false), Failed::Again(_)), "another is open");
        queue.closed();
        assert!(matches!(queue.fails(true), Failed::Again(_)), "not for long enough");
        assert_eq!(queue.fails(false), Failed::Over);
    }
}
