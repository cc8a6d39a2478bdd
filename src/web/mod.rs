//! The web server: feeds as readers want them, and the pages by which people sign up, choose and leave.
//!
//! Nothing here decides what a subscription may become: that is the store's. A GET or HEAD changes nothing, whatever its
//! address says; what changes something is a POST, by a form without any script. What a form answers does not tell whether
//! an address is known. Who somebody is, is proved by the token in the address of a page.

mod address;
mod answer;
mod choices;
mod client;
mod confirm;
mod data;
pub mod feeds;
mod form;
mod frame;
mod health;
mod issue;
mod limits;
pub mod listen;
pub mod log;
mod mailed;
mod pages;
mod preferences;
mod signup;
mod tidy;
mod unsubscribe;

use crate::config::Config;
use crate::delivery::notice::Letters;
use crate::language::Language;
use crate::mail::address::Address;
use crate::store::sqlite::Sqlite;
use crate::subscriber::keys::Keys;
use crate::template::Templates;
use axum::Router;
use axum::routing::get;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Notify;
use tower_http::catch_panic::CatchPanicLayer;

/// The pages that have the token of a person behind them: no log shows it.
const PERSONAL: [&str; 4] = ["confirm", "unsubscribe", "preferences", "data"];
/// The page behind a form that was sent.
const SENT: &str = "sent";

/// What time it is.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What all pages share.
pub struct Web {
    config: Config,
    templates: Arc<Templates>,
    language: Language,
    feeds: feeds::Feeds,
    people: Option<People>,
    log: log::Log,
    counts: health::Counts,
    ids: frame::Ids,
    clock: Clock,
}

/// What the pages for subscribers need; a site without digests has none of them.
pub struct People {
    /// Where they are remembered.
    pub store: Sqlite,
    /// What signs the tokens.
    pub keys: Keys,
    /// What writes mails to one person.
    pub letters: Letters,
    /// Rung when there is one to be sent.
    pub bell: Arc<Notify>,
}

impl Web {
    /// A server of a site. Without `people` it serves feeds alone.
    pub fn new(
        config: Config,
        templates: Arc<Templates>,
        feeds: feeds::Feeds,
        people: Option<People>,
        log: log::Log,
        clock: Clock,
    ) -> Web {
        let language = Language::of(&config.site.language);
        let (counts, ids) = (health::Counts::default(), frame::Ids::new(clock()));
        Web { config, templates, language, feeds, people, log, counts, ids, clock }
    }

    /// All that it answers.
    pub fn router(self) -> Router {
        let at = |page: &str| format!("{}{page}", address::path(self.public_url()));
        let mut router = Router::new()
            // A public address may have any path.
            .without_v07_checks()
            .route(&at("healthz"), get(health::healthz))
            .route(&at("metrics"), get(health::metrics))
            .route(&at(pages::STYLE), get(pages::style));
        if let Some(people) = &self.people {
            let limits = Arc::new(limits::Limits::new(self.config.signup.per_network));
            tokio::spawn(limits::tidy(Arc::downgrade(&limits)));
            tokio::spawn(tidy::tidy(people.store.clone(), self.config.signup.confirm_within, self.clock.clone()));
            let mut forms = Router::new().without_v07_checks();
            if !self.config.signup.digests.is_empty() {
                forms = forms
                    .route(&at("subscribe"), get(signup::with_slash))
                    .route(&at("subscribe/"), get(signup::form).post(signup::sign_up))
                    .route(&at("subscribe/sent/"), get(signup::sent));
            }
            // Whoever has a mail has a way out, also where nobody signs up here.
            let forms = forms
                .route(&at("preferences"), get(preferences::with_slash))
                .route(&at("preferences/"), get(preferences::ask).post(preferences::mail_link))
                .route(&at("preferences/sent/"), get(preferences::asked))
                .route(&at("preferences/{token}"), get(preferences::show).post(preferences::change))
                .route(&at("confirm/{token}"), get(confirm::show).post(confirm::confirm))
                .route(&at("unsubscribe/{token}"), get(unsubscribe::show).post(unsubscribe::leave))
                .route(&at("data/{token}"), get(data::show).post(data::erase))
                .layer(axum::Extension(limits));
            router = router.merge(forms);
        }
        let web = Arc::new(self);
        router
            .fallback(pages::file)
            .method_not_allowed_fallback(pages::wrong_method)
            .layer(CatchPanicLayer::custom(pages::panicked))
            .layer(axum::middleware::from_fn_with_state(web.clone(), frame::frame))
            .with_state(web)
    }

    /// Where forms and pages of one person are seen from outside.
    fn public_url(&self) -> &url::Url {
        self.config.serve.public_url.as_ref().unwrap_or(&self.config.feeds.url)
    }

    /// The former names of all digests.
    fn formerly(&self) -> BTreeMap<String, Vec<String>> {
        self.config.digests.iter().map(|(name, digest)| (name.clone(), digest.formerly.clone())).collect()
    }

    /// What people call a digest, by any name that it has had; the name itself where the settings do not know it any more.
    fn title(&self, name: &str) -> String {
        let digest = self.config.digests.values().find(|digest| digest.names().any(|known| known == name));
        digest.map_or_else(|| name.to_owned(), |digest| digest.title.to_string())
    }

    fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }
}

impl People {
    /// The hashes of an address, for the store.
    fn hashes(&self) -> impl Fn(&str) -> Vec<[u8; 32]> + Sync + use<> {
        let keys = self.keys.clone();
        move |address: &str| match address.parse::<Address>() {
            Ok(address) => keys.address_hashes(&address).collect(),
            Err(_) => Vec::new(),
        }
    }
}
