//! For how long a site stays as it is, if nobody touches it: until the next post's time comes, a stub's ends, or a post grows
//! too old for a feed.

use crate::config::Config;
use crate::content::collection::{Collection, STUB_DAYS};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The times at which a site is what it was at one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    at: DateTime<Utc>,
    after: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
}

impl Window {
    /// The times between the two of `moments` that lie around `at`; where one falls on it, `at` alone.
    pub fn around(at: DateTime<Utc>, moments: impl Iterator<Item = DateTime<Utc>>) -> Window {
        let mut window = Window { at, after: None, before: None };
        for moment in moments {
            if moment <= at {
                window.after = window.after.max(Some(moment));
            }
            if moment >= at {
                window.before = Some(window.before.map_or(moment, |before| before.min(moment)));
            }
        }
        window
    }

    /// Whether a time is among them.
    pub fn holds(&self, time: DateTime<Utc>) -> bool {
        time == self.at || self.after.is_none_or(|after| after < time) && self.before.is_none_or(|before| time < before)
    }
}

/// Every time at which something of the posts or of their feeds changes by itself. More of them than there are do no harm.
pub fn moments<'a>(collection: &'a Collection, config: &'a Config) -> impl Iterator<Item = DateTime<Utc>> + 'a {
    let ages: Vec<TimeDelta> = ages(config).collect();
    collection.articles.iter().flat_map(move |article| {
        let post = &article.post;
        let published = post.published_at.value;
        let stub = post.withdrawn_at.and_then(|at| at.checked_add_signed(TimeDelta::days(STUB_DAYS)));
        let old: Vec<DateTime<Utc>> = ages.iter().filter_map(|age| published.checked_add_signed(*age)).collect();
        [Some(published), post.updated_at, post.withdrawn_at, stub].into_iter().flatten().chain(old)
    })
}

/// The ages beyond which feeds show no post.
fn ages(config: &Config) -> impl Iterator<Item = TimeDelta> {
    let declared = config.declared.values().map(|declared| &declared.settings);
    std::iter::once(&config.feeds).chain(declared).filter_map(|settings| TimeDelta::from_std(settings.age?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn a_window_ends_at_the_moments_around_it() {
        let window = |now: i64, moments: &[i64]| Window::around(at(now), moments.iter().map(|&moment| at(moment)));
        let held = |window: &Window| (0..10).filter(|&second| window.holds(at(second))).collect::<Vec<_>>();
        assert_eq!(held(&window(5, &[2, 8, 1, 9])), [3, 4, 5, 6, 7]);
        assert_eq!(held(&window(5, &[2])), [3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(held(&window(5, &[8])), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(held(&window(5, &[5, 2, 8])), [5]);
        assert_eq!(held(&window(5, &[])).len(), 10);
    }
}
