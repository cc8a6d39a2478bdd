//! How fast the sender is where its ledger costs nothing: `cargo run --release --example memory URL MAILS LINES [CA_FILE [DKIM_KEY]]`.
//!
//! It is the sender as `tidings send` runs it, with mails of 50 KB, each for one recipient, composed as they go; what is written
//! down goes into a table in memory, which keeps the promises about leases and fences that a single run can meet with. Prints
//! the mails a second, and the CPU time of the whole process for each.

use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;
use tidings::config::Config;
use tidings::delivery::message::{Head, Mailing};
use tidings::delivery::pace::Pace;
use tidings::delivery::sender::{Run, run};
use tidings::delivery::stop::Stop;
use tidings::digest::history::Record;
use tidings::mail::dkim::{Key, Signer};
use tidings::mail::transport::Transport;
use tidings::store::StoreError;
use tidings::store::issues::{Audience, Finished, Forecast, Frozen, Issues, Planned, Step, Variant};
use tidings::store::ledger::*;
use tidings::subscriber::keys::Keys;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
type Kept<T> = std::result::Result<T, StoreError>;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next();
    let (Some(url), Some(mails), Some(lines)) = (next(), next(), next()) else {
        return Err("which URL, how many mails, and over how many lines?".into());
    };
    let (mails, lines) = (mails.parse::<usize>()?, lines.parse::<usize>()?);
    let (ca_file, key) = (next(), next());
    let memory = Arc::new(Memory::new(mails));
    let owner = "bench".to_owned();
    let pace = Pace::new(None, &BTreeMap::new(), None);
    let run_it = Run {
        store: memory.clone(),
        transport: transport(&url, ca_file.filter(|file| !file.is_empty()))?,
        issue: 1,
        mailing: mailing(key)?,
        owner,
        max_connections: lines,
        pace,
        limit: Utc::now() + TimeDelta::days(1),
        wait: false,
        clock: Arc::new(Utc::now),
        stop: Arc::new(Stop::default()),
        listener: Arc::new(|_| {}),
    };
    let (began, cpu) = (Instant::now(), cpu_seconds()?);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(run_it))?;
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    let accepted = memory.lock().iter().filter(|row| row.state == State::Accepted).count();
    if accepted != mails {
        return Err(format!("{accepted} of {mails} were accepted").into());
    }
    println!("{:.0} a second, {:.0} us of CPU a mail", mails as f64 / seconds, cpu / mails as f64 * 1e6);
    Ok(())
}

/// Of the whole process, in user and kernel; the kernel counts it in hundredths of a second.
fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after = stat.rsplit_once(") ").ok_or("no stat")?.1;
    let ticks: Vec<f64> = after.split(' ').skip(11).take(2).map(str::parse).collect::<std::result::Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

fn transport(url: &str, ca_file: Option<String>) -> Result<Transport> {
    let ca_file = ca_file.map(|file| format!("ca_file = '{file}'\n")).unwrap_or_default();
    let text = format!("[site]\ntitle = 'T'\nurl = 'https://example.org'\n[smtp]\nurl = '{url}'\n{ca_file}");
    let config = Config::parse(&text).map_err(|findings| findings[0].message.clone())?;
    Ok(Transport::new(&config.smtp, Path::new("."))?)
}

fn mailing(key: Option<String>) -> Result<Mailing> {
    let keys = Keys::from_secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").map_err(|err| err.to_string())?;
    let marker = "weekly/2026-W48".to_owned();
    let leave = Head::slot(&marker)?.marker().to_owned();
    let words = "It is a truth universally acknowledged, that a sender must be in want. ";
    let part =
        |size: usize| format!("{}\nhttps://news.example.org/unsubscribe/{leave}\n", words.repeat(size / words.len()));
    let variant = Variant {
        number: 0,
        subject: "The week".into(),
        preheader: String::new(),
        html: part(32_000),
        text: part(16_000),
        entries: vec![],
    };
    let head = Head {
        digest: "weekly".into(),
        period: "2026-W48".into(),
        from: "Example <news@example.org>".into(),
        reply_to: None,
        sent_at: DateTime::UNIX_EPOCH,
        list: ("The week".into(), "weekly.example.org".into()),
        unsubscribe: "https://news.example.org/unsubscribe/".into(),
        unsubscribe_mailto: "leave@example.org".into(),
        help: None,
        archive: None,
        message_id_domain: "example.org".into(),
        return_path: Some("bounces@example.org".into()),
        has_way_out: true,
        key: keys.signing().id().to_string(),
        marker,
    };
    let signers: Vec<Signer> = match key {
        Some(file) => vec![Signer::new("example.org", "s1", Key::parse(&std::fs::read(file)?)?)?],
        None => vec![],
    };
    Ok(Mailing::new(1, head, &[variant], &keys, signers.into())?)
}

struct Row {
    state: State,
    fence: i64,
    until: DateTime<Utc>,
}

/// One issue's deliveries; a subscriber's number is its place, counted from 1.
struct Memory(Mutex<Vec<Row>>);

impl Memory {
    fn new(mails: usize) -> Memory {
        let row = || Row { state: State::Planned, fence: 0, until: DateTime::UNIX_EPOCH };
        Memory(Mutex::new((0..mails).map(|_| row()).collect()))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Row>> {
        self.0.lock().expect("nobody panics with it")
    }

    fn each(&self, from: State, to: State) -> u64 {
        let mut rows = self.lock();
        let meant = rows.iter_mut().filter(|row| row.state == from);
        meant.map(|row| row.state = to).count() as u64
    }
}

impl Ledger for Memory {
    async fn claim(&self, claim: Claim<'_>) -> Kept<Vec<Claimed>> {
        let mut rows = self.lock();
        let planned = (1..).zip(rows.iter_mut()).filter(|(_, row)| row.state == State::Planned);
        let lease = |(subscriber, row): (i64, &mut Row)| {
            *row = Row { state: State::Leased, fence: row.fence + 1, until: claim.until };
            let ticket = Ticket { issue: 1, subscriber, fence: row.fence };
            Claimed { ticket, mailbox: format!("r{subscriber}@example.com"), variant: 0, attempts: 0 }
        };
        Ok(planned.take(claim.limit as usize).map(lease).collect())
    }

    async fn step(&self, ended: &[Ended], asked: &[Ticket], _: &str, now: DateTime<Utc>) -> Kept<Stepped> {
        let mut rows = self.lock();
        let mut row = |ticket: &Ticket, from: State, to: State| {
            let row = &mut rows[ticket.subscriber as usize - 1];
            let is_ours = row.fence == ticket.fence && row.state == from && row.until > now;
            row.state = if is_ours { to } else { row.state };
            is_ours
        };
        let recorded = ended.iter().map(|one| row(&one.ticket, State::OnWire, one.state)).collect();
        let leave = asked.iter().map(|ticket| row(ticket, State::Leased, State::OnWire));
        Ok(Stepped { recorded, leave: leave.map(|given| if given { Leave::Given } else { Leave::Lost }).collect() })
    }

    async fn renew(&self, _: &str, until: DateTime<Utc>) -> Kept<()> {
        self.lock().iter_mut().for_each(|row| row.until = until);
        Ok(())
    }

    async fn release(&self, _: &str, _: DateTime<Utc>) -> Kept<u64> {
        Ok(self.each(State::Leased, State::Planned))
    }

    async fn recover(&self, _: i64, _: DateTime<Utc>, _: &[String]) -> Kept<u64> {
        Ok(0)
    }

    async fn next_due(&self, _: i64) -> Kept<Option<DateTime<Utc>>> {
        Ok(None)
    }

    // A run asks none of these.
    async fn owners(&self, _: i64) -> Kept<Vec<String>> {
        unreachable!()
    }
    async fn expire(&self, _: i64, _: DateTime<Utc>) -> Kept<u64> {
        unreachable!()
    }
    async fn resend_uncertain(&self, _: i64, _: DateTime<Utc>) -> Kept<u64> {
        unreachable!()
    }
    async fn counted(&self, _: i64) -> Kept<Totals> {
        unreachable!()
    }
    async fn totals(&self, _: i64) -> Kept<Totals> {
        unreachable!()
    }
    async fn accepted_since(&self, _: DateTime<Utc>) -> Kept<u64> {
        unreachable!()
    }
    async fn deliveries(&self, _: &Wanted) -> Kept<Vec<Delivery>> {
        unreachable!()
    }
    async fn attempts(&self, _: i64, _: i64) -> Kept<Vec<Attempt>> {
        unreachable!()
    }
    async fn resolve(&self, _: i64, _: Option<i64>, _: Verdict, _: DateTime<Utc>) -> Kept<u64> {
        unreachable!()
    }
    async fn retry(&self, _: i64, _: Option<i64>, _: DateTime<Utc>) -> Kept<u64> {
        unreachable!()
    }
}

impl Issues for Memory {
    async fn is_held(&self, _: i64) -> Kept<bool> {
        Ok(false)
    }

    // A run asks none of these.
    async fn begin_freezing(
        &self,
        _: &Record,
        _: &str,
        _: &[String],
        _: DateTime<Utc>,
        _: DateTime<Utc>,
    ) -> Kept<Option<i64>> {
        unreachable!()
    }
    async fn freezers(&self) -> Kept<Vec<String>> {
        unreachable!()
    }
    async fn add_variants(&self, _: i64, _: &str, _: &[Variant], _: &[(String, Option<i64>)]) -> Kept<()> {
        unreachable!()
    }
    async fn plan(&self, _: Step<'_>, _: &Audience) -> Kept<Planned> {
        unreachable!()
    }
    async fn forecast(&self, _: &str, _: &Audience, _: DateTime<Utc>) -> Kept<Forecast> {
        unreachable!()
    }
    async fn finish_freezing(&self, _: &Finished<'_>, _: DateTime<Utc>) -> Kept<()> {
        unreachable!()
    }
    async fn drop_freezing(&self, _: i64, _: &str) -> Kept<()> {
        unreachable!()
    }
    async fn frozen(&self, _: &[&str]) -> Kept<Vec<Frozen>> {
        unreachable!()
    }
    async fn name(&self, _: i64) -> Kept<Option<(String, String)>> {
        unreachable!()
    }
    async fn variants(&self, _: i64) -> Kept<Vec<Variant>> {
        unreachable!()
    }
    async fn approve(&self, _: i64, _: DateTime<Utc>) -> Kept<()> {
        unreachable!()
    }
    async fn pause(&self, _: i64, _: Option<&str>) -> Kept<()> {
        unreachable!()
    }
    async fn take_over(&self, _: &str, _: &[String], _: DateTime<Utc>) -> Kept<()> {
        unreachable!()
    }
    async fn change_transport(&self, _: i64, _: &str) -> Kept<()> {
        unreachable!()
    }
    async fn cancel(&self, _: i64, _: DateTime<Utc>) -> Kept<(u64, bool)> {
        unreachable!()
    }
    async fn finish(&self, _: i64, _: DateTime<Utc>) -> Kept<()> {
        unreachable!()
    }
    async fn fact(&self, _: &str) -> Kept<Option<String>> {
        unreachable!()
    }
    async fn put_fact(&self, _: &str, _: &str) -> Kept<()> {
        unreachable!()
    }
}
