//! Lists of other tools, read row by row: to subscribe the people in them, or to see to it that they get no mail.

use super::super::talk::store_finding;
use super::{Failed, digests, find, formerly, one, only, open, source, terms, thousands, wait};
use crate::cli::keys::{self, Missing};
use crate::cli::{Context, Outcome};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, nearest};
use crate::disk::load::{self, reason};
use crate::store::sqlite::Sqlite;
use crate::store::subscribers::{Became, Hashes, Hushed, Keep, Manner, Subscribers as _, Terms, decide};
use crate::store::{StoreError, block_on};
use crate::subscriber::import::{Columns, Field, Meaning, Refusal, Status, columns};
use crate::subscriber::names::Names;
use crate::subscriber::records::{Fault, Record, Records};
use crate::subscriber::{self, Arrival, Reason, key};
use clap::{Args, ValueEnum};
use encoding_rs::Encoding;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::fmt;
use std::fs::File;
use std::hash::BuildHasher as _;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How many rows go into the store at once. The index of addresses is met all over by each batch, so large ones are faster.
const BATCH: usize = 20_000;

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file: CSV, with commas, semicolons or tabs; `-` is standard input
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// The digest; needed where there are several and the file does not say. A column of lists in the file is then passed over
    #[arg(long, value_name = "NAME")]
    digest: Option<String>,
    /// How you know that they agree, such as "sign-up form of example.org, exported from Mailchimp"
    #[arg(long, value_name = "TEXT")]
    consent_source: Option<String>,
    /// What a column means: `Kontakt=email`, or `Notes=-` for nothing
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<String>,
    /// What the file is written in, where that is not UTF-8: windows-1252, say
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// Say what would become of it, and keep nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct Suppress {
    /// The file: an address on each line, or CSV; standard input where none is named
    file: Option<PathBuf>,
    /// Why; by default what the file says, or else `imported`
    #[arg(long, value_name = "REASON")]
    reason: Option<Why>,
    /// How you know
    #[arg(long, value_name = "TEXT", default_value = "a suppression list")]
    source: String,
    /// What a column means: `Kontakt=email`
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<String>,
    /// What the file is written in, where that is not UTF-8
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Why {
    /// There is no such mailbox
    Bounced,
    /// They called a mail spam
    Complained,
    /// Another tool says so
    Imported,
    /// They asked for it
    Asked,
}

/// Numbers of lines, in order; neighbours are told together.
#[derive(Clone, Debug, Default)]
struct Lines(Vec<(u64, u64)>);

impl Lines {
    fn push(&mut self, line: u64) {
        match self.0.last_mut() {
            Some((_, last)) if *last + 1 == line => *last = line,
            _ => self.0.push((line, line)),
        }
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    fn json(&self) -> Value {
        self.0.iter().flat_map(|&(first, last)| first..=last).collect()
    }
}

/// `line 4`, `lines 4, 9-12`
impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told =
            |&(first, last): &(u64, u64)| if first == last { first.to_string() } else { format!("{first}-{last}") };
        let all: Vec<String> = self.0.iter().map(told).collect();
        write!(f, "{} {}", if self.count() == 1 { "line" } else { "lines" }, all.join(", "))
    }
}

/// What became of a file so far.
#[derive(Debug, Default)]
struct Tally {
    new: u64,
    joined: u64,
    known: u64,
    ended: u64,
    suppressed: u64,
    left: Lines,
    refused: Lines,
    /// Lines with the line that has the same address.
    doubles: Vec<(u64, u32)>,
    wrong: Vec<(u64, String)>,
    /// The last line whose row is in the store.
    stored: u64,
}

/// How many tables [`Seen`] has: they grow one after the other, so that little is held twice meanwhile.
const TABLES: usize = 64;

/// Which addresses a file had already, by a hash: some 27 bytes each at most, since there may be a million.
#[derive(Debug, Default)]
struct Seen {
    state: RandomState,
    tables: Vec<HashMap<[u8; 8], [u8; 4]>>,
}

impl Seen {
    /// The line on which an address stood before.
    fn before(&mut self, address: &str, line: u64) -> Option<u32> {
        let hash = self.state.hash_one(address).to_ne_bytes();
        self.tables.resize_with(TABLES, HashMap::new);
        match self.tables[usize::from(hash[0]) % TABLES].entry(hash) {
            Entry::Occupied(entry) => Some(u32::from_ne_bytes(*entry.get())),
            Entry::Vacant(entry) => {
                entry.insert(u32::try_from(line).unwrap_or(u32::MAX).to_ne_bytes());
                None
            }
        }
    }
}

/// A file that is being read, and how far.
struct Source {
    records: Records<Box<dyn Read>>,
    bar: ProgressBar,
    /// Whether a line was met that is not UTF-8, so that it is said once what to do.
    has_other_bytes: bool,
}

impl Source {
    fn open(
        context: &Context,
        file: Option<&Path>,
        encoding: Option<&str>,
        what: &'static str,
    ) -> Result<Source, Failed> {
        let encoding = match encoding {
            None => None,
            Some(name) => Some(Encoding::for_label(name.as_bytes()).ok_or_else(|| {
                let finding = Diagnostic::error(format!("there is no encoding `{name}`"));
                one(finding.hint("name it as browsers do: `windows-1252`, `iso-8859-2`, `utf-16le`, `shift_jis`"))
            })?),
        };
        let (input, length): (Box<dyn Read>, u64) = match file.filter(|file| *file != Path::new("-")) {
            None => (Box::new(io::stdin().lock()), 0),
            Some(path) => {
                let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
                let (metadata, file) = opened.map_err(|err| one(unreadable(path, &err)))?;
                if metadata.is_dir() {
                    return Err(one(Diagnostic::error(format!("`{}` is a folder", path.display()))));
                }
                (Box::new(file), metadata.len())
            }
        };
        let bar = context.talk.progress(length, what);
        Ok(Source { records: Records::new(input, encoding), bar, has_other_bytes: false })
    }

    /// The next record; what is wrong with a line is told.
    fn next(&mut self, context: &Context, tally: &mut Tally) -> io::Result<Option<Record>> {
        loop {
            match self.records.next()? {
                None => return Ok(None),
                Some(Ok(record)) => return Ok(Some(record)),
                Some(Err(broken)) => {
                    let is_first =
                        broken.fault == Fault::NotUtf8 && !std::mem::replace(&mut self.has_other_bytes, true);
                    let hint = is_first
                        .then_some("say what the file is, such as `--encoding windows-1252`, or save it as UTF-8");
                    self.wrong(context, tally, broken.line, broken.fault.to_string(), hint);
                }
            }
        }
    }

    /// Tells what is wrong with a line.
    fn wrong(&self, context: &Context, tally: &mut Tally, line: u64, what: String, hint: Option<&str>) {
        let finding = Diagnostic::error(format!("line {line}: {what}"));
        let finding = if let Some(hint) = hint { finding.hint(hint) } else { finding };
        self.bar.suspend(|| context.talk.finding(&finding, None));
        tally.wrong.push((line, what));
    }

    fn moved(&self) {
        self.bar.set_position(self.records.read_bytes());
    }
}

fn unreadable(path: &Path, err: &io::Error) -> Diagnostic {
    let finding = Diagnostic::error(format!("`{}` cannot be read: {}", path.display(), reason(err)));
    match path.to_string_lossy().contains('@') {
        true => Diagnostic::error(format!("the file cannot be read: {}", reason(err)))
            .hint("name a file, or hand one address over: `echo ADDRESS | tidings subscribers suppress`"),
        false => finding,
    }
}

/// What the columns mean, as `--map` says.
fn map(said: &[String]) -> Result<Vec<(String, Option<Field>)>, Failed> {
    let one_of = |text: &String| {
        let Some((column, field)) = text.rsplit_once('=') else {
            let finding = Diagnostic::error(format!("`--map {text}` says nothing"));
            return Err(one(finding.hint("write `--map COLUMN=FIELD`, such as `--map Kontakt=email`")));
        };
        match (field, Field::of(field)) {
            ("-", _) => Ok((column.to_owned(), None)),
            (_, Some(field)) => Ok((column.to_owned(), Some(field))),
            (_, None) => {
                let hint = match nearest(field, Field::words()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        format!("there are `{}`, and `-` for nothing", Field::words().collect::<Vec<_>>().join("`, `"))
                    }
                };
                Err(one(Diagnostic::error(format!("there is no field `{field}`")).hint(hint)))
            }
        }
    };
    said.iter().map(one_of).collect()
}

fn refused(file: &str, refusal: &Refusal) -> Failed {
    let finding = Diagnostic::error(format!("{file}: {refusal}"));
    one(match refusal.hint() {
        Some(hint) => finding.hint(hint),
        None => finding,
    })
}

impl Import {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failed> {
        let config = load::config(&context.root)?;
        let source = source(self.consent_source.as_deref(), "--consent-source")?;
        let map = map(&self.map)?;
        let known = digests(&config);
        let named = self.digest.as_deref().map(|name| find(&known, name)).transpose()?;
        let mut file = Source::open(context, Some(&self.file), self.encoding.as_deref(), "importing")?;
        let columns = columns(&mut file.records, &map)
            .map_err(|err| one(unreadable(&self.file, &err)))?
            .map_err(|refusal| refused(&self.file.display().to_string(), &refusal))?;
        let digest = match named {
            Some(named) => Some(named),
            None if columns.has(Field::Digests) => None,
            None => Some(only(&known, &config)?),
        };
        let has_terms = columns.has(Field::Categories) || columns.has(Field::Topics);
        let (categories, topics) = match has_terms {
            true => terms(context)?,
            false => (Names::new("category", [("", ""); 0]), Names::new("topic", [("", ""); 0])),
        };
        self.tell_columns(context, &columns);
        let missing = if self.dry_run { Missing::GoWithout } else { Missing::Make };
        let hashes = keys::hashes(context, &config, missing).map_err(one)?;
        let formerly = formerly(&config);
        let terms = Terms {
            source,
            now: context.now,
            manner: Manner::Import,
            keep: if self.dry_run { Keep::No } else { Keep::Yes },
            formerly: &formerly,
            hashes: &hashes,
        };
        let meaning = Meaning {
            columns: &columns,
            digest: digest.as_deref(),
            digests: &known,
            categories: &categories,
            topics: &topics,
            now: context.now,
        };
        let mut tally = Tally::default();
        let done = block_on(self.read(context, &config, &mut file, &meaning, &terms, &mut tally));
        file.bar.finish_and_clear();
        let fault = match done {
            Ok(Ok(())) => None,
            Ok(Err(finding)) => Some(finding),
            Err(err) => Some(Diagnostic::error(format!("the store cannot be used: {}", reason(&err)))),
        };
        self.tell(context, &columns, &tally, fault.as_ref());
        if let Some(finding) = fault {
            context.talk.finding(&finding, None);
            if tally.stored > 0 && !self.dry_run {
                let line = format!(
                    "what stands up to line {} is in the store; run the command again: it counts as known then",
                    tally.stored
                );
                context.talk.line(&line);
            }
            return Ok(Outcome::Wrong);
        }
        Ok(if tally.wrong.is_empty() { Outcome::Done } else { Outcome::Wrong })
    }

    async fn read(
        &self,
        context: &Context,
        config: &Config,
        file: &mut Source,
        meaning: &Meaning<'_>,
        terms: &Terms<'_>,
        tally: &mut Tally,
    ) -> Result<(), Diagnostic> {
        let exists = context.root.join(&config.store.sqlite).exists();
        let store = match self.dry_run && !exists {
            true => None,
            false => Some(open(context, config).await.map_err(|err| store_finding(&err))?),
        };
        let known = Became::default();
        let mut seen = Seen::default();
        let (mut batch, mut lines): (Vec<Arrival>, Vec<(u64, bool)>) = (Vec::with_capacity(BATCH), Vec::new());
        loop {
            let record = file.next(context, tally).map_err(|err| unreadable(&self.file, &err))?;
            let is_end = record.is_none();
            if let Some(record) = record {
                match meaning.arrival(&record) {
                    Err(what) => file.wrong(context, tally, record.line, what, None),
                    Ok(arrival) => {
                        let before = seen.before(&key(&arrival.address), record.line);
                        tally.doubles.extend(before.map(|first| (record.line, first)));
                        lines.push((record.line, before.is_some()));
                        batch.push(arrival);
                    }
                }
            }
            if batch.len() == BATCH || is_end {
                let became = match &store {
                    Some(store) => store.add(&batch, terms).await.map_err(|err| store_finding(&err))?,
                    None => batch.iter().map(|arrival| decide(arrival, None, None, terms).became).collect(),
                };
                for (&(line, is_double), became) in lines.iter().zip(&became) {
                    // What is only looked at does not know of the batches before.
                    let is_known = is_double && terms.keep == Keep::No;
                    tally.count(line, if is_known { &known } else { became });
                }
                batch.clear();
                lines.clear();
                file.moved();
            }
            if is_end {
                break;
            }
        }
        if let Some(store) = store {
            store.close().await;
        }
        Ok(())
    }

    fn tell_columns(&self, context: &Context, columns: &Columns) {
        let known: Vec<String> = columns
            .known()
            .filter(|(field, _)| *field != Field::Digests || self.digest.is_none())
            .map(
                |(field, header)| {
                    if header == field.word() { header.into() } else { format!("{header} as {}", field.word()) }
                },
            )
            .collect();
        let unused = match &columns.unused[..] {
            [] => String::new(),
            unused => format!("; not used: {}", unused.join(", ")),
        };
        context.talk.line(&format!("columns: {}{unused}", known.join(", ")));
    }

    fn tell(&self, context: &Context, columns: &Columns, tally: &Tally, fault: Option<&Diagnostic>) {
        for (line, first) in &tally.doubles {
            context.talk.line(&format!("line {line}: the same address as in line {first}"));
        }
        if tally.left.count() > 0 {
            context.talk.line(&format!("{}: left earlier, and stay out", tally.left));
        }
        if tally.refused.count() > 0 {
            context.talk.line(&format!("{}: may get no mail, and stay out", tally.refused));
        }
        let imported = tally.new + tally.joined + tally.known;
        let mut text = format!(
            "{} {}: {} new, {} known",
            if self.dry_run { "would import" } else { "imported" },
            thousands(imported),
            thousands(tally.new),
            thousands(tally.known)
        );
        let further = [
            (tally.joined, ", ", "to a further digest"),
            (tally.left.count(), "; ", "left earlier"),
            (tally.refused.count(), "; ", "may get no mail"),
            (tally.ended, "; ", "noted as having left"),
            (tally.suppressed, "; ", "noted as getting no mail"),
        ];
        for (count, before, what) in further.into_iter().filter(|(count, ..)| *count > 0) {
            text += &format!("{before}{} {what}", thousands(count));
        }
        text += &wrong(tally);
        context.talk.line(&text);
        context.talk.report(&json!({
            "file": self.file.to_string_lossy(),
            "dry_run": self.dry_run,
            "columns": columns.known().map(|(field, header)| (header.to_owned(), json!(field.word()))).collect::<serde_json::Map<_, _>>(),
            "unused": columns.unused,
            "imported": imported, "new": tally.new, "joined": tally.joined, "known": tally.known,
            "ended": tally.ended, "suppressed": tally.suppressed,
            "left": tally.left.json(), "refused": tally.refused.json(),
            "doubles": tally.doubles.iter().map(|(line, first)| json!({ "line": line, "first": first })).collect::<Vec<_>>(),
            "wrong": wrong_json(tally),
            "error": fault.map(|fault| &fault.message),
        }));
    }
}

impl Tally {
    fn count(&mut self, line: u64, became: &Became) {
        self.stored = line;
        if became.suppressed.is_some() {
            self.suppressed += 1;
        } else if !became.ended.is_empty() {
            self.ended += 1;
        }
        if became.refused.is_some() {
            self.refused.push(line);
        } else if !became.joined.is_empty() {
            *(if became.is_new { &mut self.new } else { &mut self.joined }) += 1;
        } else if !became.left.is_empty() {
            self.left.push(line);
        } else if became.suppressed.is_none() && became.ended.is_empty() {
            self.known += 1;
        }
    }
}

/// `; 3 rows are wrong`
fn wrong(tally: &Tally) -> String {
    match tally.wrong.len() as u64 {
        0 => String::new(),
        1 => "; 1 row is wrong".into(),
        more => format!("; {} rows are wrong", thousands(more)),
    }
}

fn wrong_json(tally: &Tally) -> Vec<Value> {
    tally.wrong.iter().map(|(line, what)| json!({ "line": line, "reason": what })).collect()
}

impl Suppress {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failed> {
        let config = load::config(&context.root)?;
        let source = source(Some(&self.source), "--source")?;
        let map = map(&self.map)?;
        let mut file = Source::open(context, self.file.as_deref(), self.encoding.as_deref(), "suppressing")?;
        let path = self.file.as_deref().unwrap_or(Path::new("standard input"));
        let mut tally = Tally::default();
        let first = file.next(context, &mut tally).map_err(|err| one(unreadable(path, &err)))?;
        let Some(first) = first else {
            return Err(refused(&path.display().to_string(), &Refusal::Empty));
        };
        // A file of another tool names its columns; a plain list starts at once.
        let (columns, first) = match (Columns::of(&first.cells, &map), place(&first)) {
            (Ok(columns), _) => (columns, None),
            (Err(Refusal::NoHeader), Some(place)) => {
                let headers: Vec<String> = (0..first.cells.len()).map(|i| format!("column {}", i + 1)).collect();
                let map = [(headers[place].clone(), Some(Field::Address))];
                (Columns::of(&headers, &map).expect("the column is there"), Some(first))
            }
            (Err(refusal), _) => return Err(refused(&path.display().to_string(), &refusal)),
        };
        let hashes = keys::hashes(context, &config, Missing::Make).map_err(one)?;
        let counts = wait(&config, async {
            let store = open(context, &config).await?;
            let counts = self.read(context, &store, &mut file, &columns, first, &hashes, source, &mut tally).await?;
            store.close().await;
            Ok(counts)
        });
        file.bar.finish_and_clear();
        let [subscribers, strangers, known] = counts?;
        let counted =
            |count: u64, one: &str| format!("{} {one}{}", thousands(count), if count == 1 { "" } else { "s" });
        let text = format!(
            "suppressed {}: {}, {}; {} {} suppressed before{}",
            thousands(subscribers + strangers),
            counted(subscribers, "subscriber"),
            counted(strangers, "other"),
            thousands(known),
            if known == 1 { "was" } else { "were" },
            wrong(&tally)
        );
        context.talk.line(&text);
        context.talk.report(&json!({
            "subscribers": subscribers, "others": strangers, "known": known, "wrong": wrong_json(&tally),
        }));
        Ok(if tally.wrong.is_empty() { Outcome::Done } else { Outcome::Wrong })
    }

    #[allow(clippy::too_many_arguments)] // All of them are what one run is about.
    async fn read(
        &self,
        context: &Context,
        store: &Sqlite,
        file: &mut Source,
        columns: &Columns,
        mut first: Option<Record>,
        hashes: Hashes<'_>,
        source: &str,
        tally: &mut Tally,
    ) -> Result<[u64; 3], StoreError> {
        let mut batches: HashMap<&'static str, Vec<_>> = HashMap::new();
        let mut counts = [0; 3];
        loop {
            let record = match first.take() {
                Some(first) => Some(first),
                None => match file.next(context, tally) {
                    Ok(record) => record,
                    Err(err) => {
                        let what = format!("cannot be read on: {}", reason(&err));
                        let last = tally.wrong.last().map_or(0, |(line, _)| *line);
                        file.wrong(context, tally, last, what, None);
                        None
                    }
                },
            };
            let is_end = record.is_none();
            if let Some(record) = record {
                match self.meant(columns, &record) {
                    Ok((address, reason)) => batches.entry(reason.word()).or_default().push(address),
                    Err(what) => file.wrong(context, tally, record.line, what.to_owned(), None),
                }
            }
            for (word, batch) in &mut batches {
                if batch.len() == BATCH || is_end {
                    let reason = Reason::of(word).unwrap_or(Reason::Imported);
                    for hushed in store.suppress(batch, reason, hashes, source, context.now).await? {
                        counts[match hushed {
                            Hushed::Subscriber => 0,
                            Hushed::Stranger => 1,
                            Hushed::Known => 2,
                        }] += 1;
                    }
                    batch.clear();
                    file.moved();
                }
            }
            if is_end {
                return Ok(counts);
            }
        }
    }

    /// Whom a row is about, and why they are to get no mail.
    fn meant(
        &self,
        columns: &Columns,
        record: &Record,
    ) -> Result<(crate::mail::address::Address, Reason), &'static str> {
        let cell = columns.cell(Field::Address, record);
        let (address, _) = subscriber::address(&subscriber::import::unescaped(cell))?;
        let said = match columns.status(record) {
            Ok(Some(Status::Subscribed | Status::Pending)) => {
                return Err("the file says that they are subscribed, so they are not suppressed");
            }
            Ok(Some(Status::Left)) => Some(Reason::Asked),
            Ok(Some(Status::Suppressed(reason))) => Some(reason),
            Ok(None) | Err(_) => None,
        };
        let reason = match self.reason {
            Some(Why::Bounced) => Reason::Bounced,
            Some(Why::Complained) => Reason::Complained,
            Some(Why::Imported) => Reason::Imported,
            Some(Why::Asked) => Reason::Asked,
            None => said.unwrap_or(Reason::Imported),
        };
        Ok((address, reason))
    }
}

/// Which cell of a record is an address.
fn place(record: &Record) -> Option<usize> {
    record.cells.iter().position(|cell| subscriber::address(cell).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_lines_are_told_together() {
        let mut lines = Lines::default();
        lines.push(4);
        assert_eq!(lines.to_string(), "line 4");
        [9, 10, 11, 12, 80].into_iter().for_each(|line| lines.push(line));
        assert_eq!((lines.to_string().as_str(), lines.count()), ("lines 4, 9-12, 80", 6));
        assert_eq!(lines.json(), json!([4, 9, 10, 11, 12, 80]));
    }

    #[test]
    fn an_address_is_seen_again() {
        let mut seen = Seen::default();
        assert_eq!([seen.before("a", 2), seen.before("b", 3), seen.before("a", 4)], [None, None, Some(2)]);
    }

    #[test]
    fn large_numbers_are_read_easily() {
        let shown = [0, 999, 1_000, 12_345, 1_234_567].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }
}
