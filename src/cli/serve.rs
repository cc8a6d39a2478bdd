//! `tidings serve`: the web server, and the mails that its forms lead to.

use super::mailing::{environment, transport};
use super::talk::{plural, show, store_finding};
use super::{Context, Outcome, guard, keys, signals};
use crate::config::Config;
use crate::delivery::notice::Letters;
use crate::delivery::postman::{FIRST_PAUSE, News, Postman};
use crate::delivery::stop::Stop;
use crate::diagnostic::{Diagnostic, Severity};
use crate::disk::load;
use crate::disk::worker::{self, Worker};
use crate::store::StoreError;
use crate::store::ledger::State;
use crate::store::notices::Kind;
use crate::store::sqlite::Sqlite;
use crate::template::Templates;
use crate::web::feeds::Feeds;
use crate::web::listen::{bind, listen};
use crate::web::log::Log;
use crate::web::{People, Web};
use clap::Args;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::Notify;

/// Serve feeds, and the pages by which people sign up, choose and leave.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Where to listen, in place of what the settings say; port 0 is any that is free
    #[arg(long, value_name = "IP:PORT")]
    address: Option<SocketAddr>,
}

impl Serve {
    /// Runs the command, until a signal ends it.
    pub fn run(&self, context: &Context) -> Outcome {
        // Each connection is a file, and what a shell allows is often too few.
        let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(256);
        let mut findings = Vec::new();
        let served = match super::runtime() {
            Ok(runtime) => runtime.block_on(self.serve(context, files, &mut findings)),
            Err(err) => Err(vec![Diagnostic::error(format!("cannot begin: {}", load::reason(&err)))]),
        };
        match served {
            Ok(()) => Outcome::Done,
            Err(errors) => {
                show(context, &findings, context.talk.least());
                show(context, &errors, Severity::Warning);
                Outcome::Wrong
            }
        }
    }

    async fn serve(
        &self,
        context: &Context,
        files: u64,
        findings: &mut Vec<Diagnostic>,
    ) -> Result<(), Vec<Diagnostic>> {
        let one = |err: Diagnostic| vec![err];
        let mut config = load::config(&context.root)?;
        config.smtp = environment(config.smtp).map_err(one)?;
        findings.extend(config.smtp.warning());
        let (own, found) = load::templates(&context.root);
        findings.extend(found);
        let templates = Arc::new(Templates::new(own)?);
        let feeds = Feeds::open(&context.root, &config).map_err(one)?;
        let stop = Arc::new(Stop::default());
        let office = match config.digests.is_empty() {
            true => None,
            false => Some(office(context, &config, &templates, &stop, findings).await?),
        };
        let (people, posting) = match office {
            Some(Office { people, postman, worker }) => (Some(people), Some((postman, worker))),
            None => (None, None),
        };
        let address = self.address.unwrap_or(config.serve.address);
        let listener = bind(address).map_err(|err| {
            let finding = Diagnostic::error(format!("cannot listen at `{address}`: {}", load::reason(&err)));
            one(match err.kind() {
                io::ErrorKind::AddrInUse => finding.hint(
                    "another program is there; name another port in `[serve] address`, and in `public_url` where it has one",
                ),
                io::ErrorKind::AddrNotAvailable => finding.hint("this machine has no such address"),
                io::ErrorKind::PermissionDenied => finding.hint("a port below 1024 is for root alone"),
                _ => finding,
            })
        })?;
        let log = if context.talk.quiet() {
            Log::none()
        } else {
            Log::on_stdout().map_err(|err| one(Diagnostic::error(format!("cannot begin: {}", load::reason(&err)))))?
        };
        show(context, findings, context.talk.least());
        findings.clear();
        if let Ok(address) = listener.local_addr() {
            let path = config.serve.public_url.as_ref().unwrap_or(&config.feeds.url).path();
            context.talk.line(&format!("listening on http://{address}{path}"));
        }
        let app = Web::new(config, templates, feeds, people, log.clone(), context.shared_clock()).router();
        let signals = tokio::spawn(signals::listen(stop.clone(), context.talk.quiet()));
        let posting = posting.map(|(postman, worker)| (tokio::spawn(watched(postman, stop.clone())), worker));
        listen(listener, app, stop, files).await;
        // What is on the wire is finished, and the rest is there for the next run.
        let mut is_lost = false;
        if let Some((posting, worker)) = posting {
            is_lost = posting.await.unwrap_or(true);
            drop(worker);
        }
        signals.abort();
        log.flush();
        match is_lost {
            false => Ok(()),
            true => {
                let finding = Diagnostic::error("what sends mails ended of itself, so that nobody could sign up");
                Err(one(finding.hint("this is a fault of tidings; start it again, nothing that was asked for is lost")))
            }
        }
    }
}

/// Sends mails until the server ends. Whether that ended before the server did: then the server must end, too, since its
/// forms would go on saying that a mail is on its way.
async fn watched(postman: Postman<Sqlite>, stop: Arc<Stop>) -> bool {
    let _ = tokio::spawn(postman.run()).await;
    let is_lost = !stop.is_asked();
    stop.ask();
    is_lost
}

/// What people need who sign up, and who sends them mail.
struct Office {
    people: People,
    postman: Postman<Sqlite>,
    /// Others look at it to see whether this run is alive.
    worker: Worker,
}

async fn office(
    context: &Context,
    config: &Config,
    templates: &Arc<Templates>,
    stop: &Arc<Stop>,
    findings: &mut Vec<Diagnostic>,
) -> Result<Office, Vec<Diagnostic>> {
    let one = |err: Diagnostic| vec![err];
    let told = |err: StoreError| vec![store_finding(&err)];
    let transport = transport(&config.smtp, &context.root).map_err(one)?;
    if transport.kind() != "outbox" && config.serve.public_url.is_none() {
        let finding = Diagnostic::error("there is no `[serve] public_url`: the links in mails would lead nowhere");
        return Err(vec![
            finding.hint("write where this server is seen from outside; `url = \"outbox:outbox\"` needs none"),
        ]);
    }
    let file = &config.store.sqlite;
    let store = Sqlite::open(&context.root.join(file), file).await.map_err(told)?;
    if let Some(finding) = guard::copied(context, config, &store).await.map_err(told)? {
        return Err(vec![finding]);
    }
    let keys = keys::of_store(context, config, &store, findings).await.map_err(one)?;
    let signers = crate::disk::dkim::signers(&context.root, &config.mail.dkim, findings)?;
    let letters = Letters::new(config, templates.clone(), &keys).map_err(one)?;
    // What is wrong in a template is said now, and not to the first who signs up.
    letters.drafts(&Kind::ALL, &config.signup.digests, context.now).map_err(one)?;
    let workers = context.root.join(worker::FOLDER);
    let worker = Worker::start(&workers)
        .map_err(|err| one(Diagnostic::error(format!("cannot write `{}`: {}", worker::FOLDER, load::reason(&err)))))?;
    let bell = Arc::new(Notify::new());
    let postman = Postman {
        store: Arc::new(store.clone()),
        transport,
        signers: signers.into(),
        owner: worker.name().to_owned(),
        workers,
        max_per_day: config.smtp.max_per_day.and_then(|most| u64::try_from(most).ok()),
        first_pause: FIRST_PAUSE,
        bell: bell.clone(),
        stop: stop.clone(),
        clock: context.shared_clock(),
        listener: listener(context),
    };
    Ok(Office { people: People { store, keys, letters, bell }, postman, worker })
}

/// Says what becomes of mails to one person: trouble always, each mail to those who want to know of it.
fn listener(context: &Context) -> Arc<dyn Fn(&News) + Send + Sync> {
    let talk = context.talk;
    Arc::new(move |news: &News| match news {
        News::Became { notice, kind, masked, state, reply } => {
            let line = format!("notice {notice} ({}) to {masked}: {} {reply}", kind.word(), state.word());
            match state {
                State::Uncertain | State::Rejected => talk.line(&line),
                _ => talk.trace(&line),
            }
        }
        News::Uncertain(count) => {
            talk.line(&format!("{} may have been sent by a run that was killed", plural_of(*count)));
        }
        News::Trouble(reason) => {
            let finding = Diagnostic::error(format!("no mail can be sent for now: {reason}"));
            talk.finding(&finding.hint("it is tried again by itself; what is to be sent waits"), None);
        }
        News::Quota => talk.line("no more mails may go out today: see `max_per_day` of `[smtp]`"),
    })
}

fn plural_of(count: u64) -> String {
    plural(usize::try_from(count).unwrap_or(usize::MAX), "notice")
}
