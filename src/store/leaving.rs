//! Leaving by the numbers that stand in a token, by whatever way it came: a link, a click or a mail.

use super::issues::Issues;
use super::subscribers::Subscribers;
use super::{Fault, StoreError};
use crate::config::Config;
use crate::subscriber::Subscriber;
use crate::subscriber::leave::Leaving;
use chrono::{DateTime, Utc};

/// Somebody who has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Who, as they were before.
    pub subscriber: Subscriber,
    /// The digests that they left by this. None where they had left before.
    pub ended: Vec<String>,
}

/// Ends what the token of an issue ends: see [`Leaving`]. `issue` is 0 for none. `source` is how we know, for the trail of
/// consent. `None` where nobody has the number any more. The same again is as fine as the first time.
///
/// # Errors
///
/// [`StoreError`]. What was ended before it stays so, and the same again goes on.
pub async fn leave(
    store: &(impl Subscribers + Issues + Sync),
    config: &Config,
    (subscriber, issue): (i64, u32),
    source: &str,
    now: DateTime<Utc>,
) -> Result<Option<Left>, StoreError> {
    let Some(subscriber) = store.by_id(subscriber).await? else { return Ok(None) };
    let address = subscriber.mailbox.parse().map_err(|err| StoreError::Unusable {
        store: config.store.sqlite.clone(),
        fault: Fault::Damaged,
        source: Some(Box::new(err)),
    })?;
    let name = match issue {
        0 => None,
        issue => store.name(issue.into()).await?,
    };
    let digest = name.as_ref().map(|(digest, _)| digest.as_str());
    let ended = match Leaving::of(digest, &subscriber.address, &config.digests) {
        Leaving::Digest(names) => store.end(&address, &names, source, now).await?,
        Leaving::Everything(named) => {
            let mut ended = store.end(&address, &[], source, now).await?;
            if let Some(ended) = ended.as_mut().filter(|_| !named.is_empty()) {
                ended.extend(store.end(&address, &named, source, now).await?.unwrap_or_default());
            }
            ended
        }
    };
    Ok(ended.map(|ended| Left { subscriber, ended }))
}
