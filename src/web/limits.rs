//! How often forms may be sent from one network, in memory: a server that is started anew counts anew. How many mails one
//! address gets is counted in the store.

use super::client::Origin;
use crate::config::Rate;
use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::Weak;
use std::time::Duration;

/// How often what is over is forgotten.
const TIDY: Duration = Duration::from_secs(300);

/// Who asked how often.
pub struct Limits {
    networks: RateLimiter<Origin, HashMapStateStore<Origin>, DefaultClock>,
    clock: DefaultClock,
}

impl Limits {
    /// So many from each network. All of them may come at once.
    pub fn new(rate: Rate) -> Limits {
        let count = NonZeroU32::new(rate.count()).unwrap_or(NonZeroU32::MIN);
        let period = (rate.per() / count.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(period).expect("a period is longer than nothing").allow_burst(count);
        Limits { networks: RateLimiter::hashmap(quota), clock: DefaultClock::default() }
    }

    /// Counts a form from a network.
    ///
    /// # Errors
    ///
    /// How long to wait, where it is one too many.
    pub fn count(&self, origin: Origin) -> Result<(), Duration> {
        self.networks.check_key(&origin).map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

/// Forgets who has not asked for long, for as long as there is a server.
pub async fn tidy(limits: Weak<Limits>) {
    loop {
        tokio::time::sleep(TIDY).await;
        let Some(limits) = limits.upgrade() else { return };
        limits.networks.retain_recent();
        limits.networks.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_let_through_so_often_and_others_are_not_held_up_by_it() {
        let limits = Limits::new("30/h".parse().expect("a rate"));
        let origin = |last| Origin::of([203, 0, 113, last].into());
        let through = (0..10_000).filter(|n| limits.count(origin((n % 256) as u8)).is_ok()).count();
        assert_eq!(through, 30);
        let wait = limits.count(origin(1)).expect_err("one too many");
        assert!(wait > Duration::from_secs(60) && wait <= Duration::from_secs(120), "{wait:?}");
        assert!(limits.count(Origin::of([198, 51, 100, 7].into())).is_ok());
    }
}
