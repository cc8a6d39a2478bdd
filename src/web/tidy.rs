//! What a server does by itself once an hour: it forgets people who never confirmed, what old notices
//! said, and what an erasure could not clear while somebody was reading.

use super::Clock;
use crate::store::notices::Notices as _;
use crate::store::sqlite::Sqlite;
use crate::store::subscribers::Subscribers as _;
use chrono::TimeDelta;
use std::time::Duration;

/// How often.
const HOUR: Duration = Duration::from_secs(3_600);
/// How long what became of a notice is kept together with whom it was for.
const KEEP_NOTICES: TimeDelta = TimeDelta::days(90);

/// Tidies up, for as long as there is a server. `within` is how long a sign-up may wait for its yes.
pub async fn tidy(store: Sqlite, within: Duration, clock: Clock) {
    let within = TimeDelta::from_std(within).unwrap_or(TimeDelta::days(3_650));
    loop {
        let now = clock();
        if let Err(err) = store.purge(now - within, now - KEEP_NOTICES, now).await {
            eprintln!("warning: cannot forget who never confirmed, and tries again in an hour: {err}");
        }
        if let Err(err) = store.tidy().await {
            eprintln!(
                "warning: cannot clear what is left of somebody who was erased, and tries again in an hour: {err}"
            );
        }
        tokio::time::sleep(HOUR).await;
    }
}
