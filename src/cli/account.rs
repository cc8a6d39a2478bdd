//! What is said of the deliveries of an issue: in words, as JSON, and when something stopped them.

use super::talk::{plural, store_finding};
use crate::delivery::sender::SendError;
use crate::diagnostic::Diagnostic;
use crate::mail::smtp::{Fault, Phase};
use crate::store::ledger::{State, Totals};
use serde_json::{Value, json};

/// What to do about mails of which nobody knows.
pub fn unknown(name: &str) -> String {
    format!(
        "nobody knows whether the uncertain ones were taken, so they are held: `tidings deliveries {name} --state uncertain` \
         lists them, `tidings deliveries resolve {name}` with `--accepted` or `--not-sent` settles them"
    )
}

/// An issue with its totals.
pub fn issue_json(name: &str, totals: &Totals) -> Value {
    json!({ "issue": name, "totals": totals_json(totals), "balances": totals.balance() })
}

/// `1204 subscribers: 1190 accepted, 3 rejected`
pub fn in_words(totals: &Totals) -> String {
    let people = plural(usize::try_from(totals.candidates).unwrap_or(usize::MAX), "subscriber");
    if totals.all() == 0 { people } else { format!("{people}: {}", states_in_words(totals)) }
}

/// `1190 accepted, 3 rejected`; `none` where there are none.
pub fn states_in_words(totals: &Totals) -> String {
    let states = State::ALL.into_iter().filter(|state| totals.of(*state) > 0);
    let counts: Vec<String> =
        states.map(|state| format!("{} {}", totals.of(state), state.word().replace('_', " "))).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

/// Totals by state.
pub fn totals_json(totals: &Totals) -> Value {
    let mut all: serde_json::Map<String, Value> =
        State::ALL.into_iter().map(|state| (state.word().to_owned(), json!(totals.of(state)))).collect();
    all.insert("candidates".into(), json!(totals.candidates));
    Value::Object(all)
}

/// How many were accepted, and how many are still to go.
pub fn counted(totals: &Totals, stays: u64) -> String {
    let (accepted, all) = (totals.of(State::Accepted), totals.candidates);
    let verb = if stays == 1 { "stays" } else { "stay" };
    format!("accepted {accepted} of {all}; {stays} {verb} planned")
}

/// What stopped a run, what became of the mails, and what to do.
pub fn failure(name: &str, error: &SendError, totals: &Totals) -> Diagnostic {
    let (finding, hint) = match error {
        SendError::Unreachable { place, source } => {
            let cannot = |what: String| Diagnostic::error(format!("cannot send `{name}`: `{place}` {what}"));
            match (source.phase(), source.fault()) {
                (Phase::Auth, Fault::Refused(reply)) => (
                    cannot("refused the login".into()).and(format!("server said: {reply}")),
                    "check `[smtp] url` and TIDINGS_SMTP_PASSWORD",
                ),
                (phase, Fault::Refused(reply)) => (
                    cannot(format!("cannot be used: {phase} failed")).and(format!("server said: {reply}")),
                    "ask whoever runs the server",
                ),
                (_, Fault::Tls(cause)) => (
                    cannot(format!("cannot be trusted: {cause}")),
                    "a certificate that is not public is trusted by `ca_file` in `[smtp]`",
                ),
                (_, Fault::NoTls) => (
                    cannot("offers no TLS, and mail and password would be read by others".into()),
                    "use a server with TLS; only one on this machine may do without",
                ),
                _ => (cannot(format!("cannot be used: {source}")), "check `[smtp] url` and that the server runs"),
            }
        }
        SendError::Store(source) => (
            Diagnostic::error(format!("cannot go on with `{name}`: {}", store_finding(source).message)),
            source.hint().unwrap_or("look at the disk and at who else uses the store"),
        ),
        SendError::Message(reason) => (
            Diagnostic::error(format!("cannot send `{name}`: no mail can be made of it: {reason}")),
            "mend the settings of `[mail]`",
        ),
        SendError::Line => (
            Diagnostic::error(format!("cannot send `{name}`: a part of the program ended of itself")),
            "that is a fault of tidings: please report it",
        ),
    };
    let digest = name.split('/').next().unwrap_or(name);
    let stays = totals.of(State::Planned) + totals.of(State::Leased);
    finding
        .and(counted(totals, stays))
        .hint(format!("{hint}, then run `tidings send {digest}` again;\nwhoever has the issue already is skipped"))
}
