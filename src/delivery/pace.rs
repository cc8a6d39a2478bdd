//! How fast mail goes out: to the server, to each domain of recipients, and in a day.
//!
//! Pure: the sender asks when a mail may go, waits by itself, and tells when it has gone. A rate is kept by spacing: after
//! each mail the next one has its earliest time (GCRA with no burst beyond one second's worth). A domain whose server
//! asked for patience is asked half as often, at most once a minute so, and as often as before when it has taken mails again.

use crate::config::Rate;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// A domain is never asked less often than this because of what it said.
const SLOWEST: Duration = Duration::from_secs(10);
/// How fast a domain without a rate is taken to be when it first asks for patience.
const FIRST_SLOWED: Duration = Duration::from_millis(100);
/// All that many lines hear in this time is one request.
const ONE_REQUEST: TimeDelta = TimeDelta::minutes(1);
/// After so many mails that it took, a domain is asked twice as often again.
const RECOVERED: u32 = 20;

/// The rates of a run.
#[derive(Clone, Debug)]
pub struct Pace {
    server: Option<Gate>,
    domains: HashMap<String, Gate>,
    /// How many more mails may go out in these 24 hours.
    left_today: Option<u64>,
}

/// When a mail may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// At once.
    Now,
    /// Not before this.
    At(DateTime<Utc>),
    /// The day's quota is used up.
    NotToday,
}

#[derive(Clone, Debug)]
struct Gate {
    interval: TimeDelta,
    /// So much may be caught up on.
    slack: TimeDelta,
    /// When the next one would go if all went evenly.
    next_at: DateTime<Utc>,
    /// The interval of the settings; none for a domain that has no rate there.
    own: Option<TimeDelta>,
    /// When it was last slowed, and how many mails were taken since.
    slowed: Option<(DateTime<Utc>, u32)>,
}

impl Gate {
    fn new(interval: Duration) -> Gate {
        let interval = TimeDelta::from_std(interval).unwrap_or(TimeDelta::days(1));
        // Up to one second's worth at once, so that a fast rate does not hang on the clock's grain.
        let slack = (TimeDelta::seconds(1) - interval).max(TimeDelta::zero());
        Gate { interval, slack, next_at: DateTime::UNIX_EPOCH, own: Some(interval), slowed: None }
    }

    fn opens_at(&self) -> DateTime<Utc> {
        self.next_at - self.slack
    }

    fn pass(&mut self, now: DateTime<Utc>) {
        self.next_at = self.next_at.max(now) + self.interval;
    }
}

impl Pace {
    /// The rates of the settings; `left_today` is what the day's quota leaves.
    pub fn new(server: Option<Rate>, domains: &BTreeMap<String, Rate>, left_today: Option<u64>) -> Pace {
        let domains = domains.iter().map(|(name, rate)| (name.clone(), Gate::new(rate.interval()))).collect();
        Pace { server: server.map(|rate| Gate::new(rate.interval())), domains, left_today }
    }

    /// When a mail to a domain may go.
    pub fn turn(&self, domain: &str, now: DateTime<Utc>) -> Turn {
        if self.left_today == Some(0) {
            return Turn::NotToday;
        }
        let gates = self.server.iter().chain(self.domains.get(domain));
        match gates.map(Gate::opens_at).max() {
            Some(at) if at > now => Turn::At(at),
            _ => Turn::Now,
        }
    }

    /// A mail to a domain goes out.
    pub fn pass(&mut self, domain: &str, now: DateTime<Utc>) {
        if let Some(gate) = &mut self.server {
            gate.pass(now);
        }
        if let Some(gate) = self.domains.get_mut(domain) {
            gate.pass(now);
        }
        if let Some(left) = &mut self.left_today {
            *left = left.saturating_sub(1);
        }
    }

    /// A mail that was let pass did not go out after all: it counts against no rate and no quota.
    pub fn give_back(&mut self, domain: &str) {
        for gate in self.server.iter_mut().chain(self.domains.get_mut(domain)) {
            gate.next_at -= gate.interval;
        }
        self.refused();
    }

    /// A mail went out and was not taken: it counts against no quota.
    pub fn refused(&mut self) {
        if let Some(left) = &mut self.left_today {
            *left += 1;
        }
    }

    /// A domain's server asked for patience.
    pub fn slow(&mut self, domain: &str, now: DateTime<Utc>) {
        let gate = self.domains.entry(domain.to_owned()).or_insert_with(|| {
            let half = FIRST_SLOWED / 2;
            Gate { own: None, ..Gate::new(half) }
        });
        if gate.slowed.is_some_and(|(at, _)| now - at < ONE_REQUEST) {
            return;
        }
        let slowest = TimeDelta::from_std(SLOWEST).unwrap_or(TimeDelta::MAX).max(gate.interval);
        gate.interval = (gate.interval * 2).min(slowest);
        gate.slack = TimeDelta::zero();
        gate.next_at = now + gate.interval;
        gate.slowed = Some((now, 0));
    }

    /// A domain's server took a mail.
    pub fn accepted(&mut self, domain: &str) {
        let Some(gate) = self.domains.get_mut(domain) else { return };
        let Some((_, taken)) = &mut gate.slowed else { return };
        *taken += 1;
        if *taken < RECOVERED {
            return;
        }
        *taken = 0;
        gate.interval = gate.interval / 2;
        match gate.own {
            Some(own) if gate.interval <= own => {
                *gate = Gate { next_at: gate.next_at, ..Gate::new(own.to_std().unwrap_or_default()) }
            }
            None if gate.interval < TimeDelta::from_std(FIRST_SLOWED).unwrap_or(TimeDelta::zero()) => {
                self.domains.remove(domain);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000 + ms).expect("a moment")
    }

    fn pace(server: Option<&str>, domains: &[(&str, &str)], left: Option<u64>) -> Pace {
        let rate = |text: &str| text.parse().expect("a rate");
        let domains = domains.iter().map(|(name, text)| ((*name).to_owned(), rate(text))).collect();
        Pace::new(server.map(rate), &domains, left)
    }

    /// How many mails go out in a stretch, when each goes as soon as it may.
    fn sent(pace: &mut Pace, domain: &str, ms: i64) -> u64 {
        let (mut now, mut count) = (at(0), 0);
        while now < at(ms) {
            match pace.turn(domain, now) {
                Turn::Now => {
                    pace.pass(domain, now);
                    count += 1;
                }
                Turn::At(then) => now = then,
                Turn::NotToday => break,
            }
        }
        count
    }

    #[test]
    fn a_rate_is_kept_over_time() {
        #[track_caller]
        fn case(rate: &str, ms: i64, want: std::ops::RangeInclusive<u64>) {
            let count = sent(&mut pace(Some(rate), &[], None), "example.com", ms);
            assert!(want.contains(&count), "{rate}: {count}");
        }
        // At most one second's worth goes at once.
        case("10/s", 10_000, 100..=110);
        case("600/min", 10_000, 100..=110);
        case("1/s", 10_000, 10..=11);
        case("60/h", 600_000, 10..=11);
    }

    #[test]
    fn the_slowest_of_two_rates_counts() {
        let mut both = pace(Some("100/s"), &[("gmail.com", "2/s")], None);
        assert!(sent(&mut both, "gmail.com", 10_000) <= 22);
        let mut other = pace(Some("100/s"), &[("gmail.com", "2/s")], None);
        assert!(sent(&mut other, "example.com", 1_000) >= 100);
    }

    #[test]
    fn a_domain_that_asks_for_patience_is_asked_half_as_often() {
        let mut pace = pace(None, &[("gmail.com", "10/s")], None);
        // Ten lines hear it at once.
        for _ in 0..10 {
            pace.slow("gmail.com", at(0));
        }
        assert_eq!(pace.turn("gmail.com", at(0)), Turn::At(at(200)));
        for minute in 1..20 {
            pace.slow("gmail.com", at(minute * 60_000));
        }
        let now = 19 * 60_000;
        assert_eq!(pace.turn("gmail.com", at(now)), Turn::At(at(now + 10_000)));
        assert_eq!(pace.turn("example.com", at(now)), Turn::Now);
    }

    #[test]
    fn a_domain_that_takes_mails_again_is_asked_as_often_as_before() {
        let mut with_rate = pace(None, &[("gmail.com", "10/s")], None);
        let mut without = pace(None, &[], None);
        for pace in [&mut with_rate, &mut without] {
            pace.slow("gmail.com", at(0));
            pace.slow("gmail.com", at(60_000));
            (0..60).for_each(|_| pace.accepted("gmail.com"));
        }
        assert!(sent(&mut with_rate, "gmail.com", 600_000) > 5_000);
        assert_eq!(without.turn("gmail.com", at(60_000)), Turn::Now);
    }

    #[test]
    fn a_quota_ends_the_day() {
        let mut pace = pace(None, &[], Some(2));
        assert_eq!(sent(&mut pace, "example.com", 1_000), 2);
        assert_eq!(pace.turn("example.com", at(0)), Turn::NotToday);
        pace.give_back("example.com");
        assert_eq!(pace.turn("example.com", at(0)), Turn::Now);
    }
}
