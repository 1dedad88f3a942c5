//! How many durable commits a second the store makes, beside what the disk and PostgreSQL itself do.
//!
//! ```sh
//! cargo run --release -p pushback-store --example commits
//! cargo xtask postgres cargo run --release -p pushback-store --example commits
//! ```
//!
//! A commit is one decision: a document of 3 KiB changed by compare-and-set, one audit entry and one
//! effect. Everything is measured once a round, in turn, and the medians of the rounds are printed:
//! neighbours on the machine then disturb all rows alike. An argument measures only the rows whose
//! names hold it.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a bench measures and prints")]

mod yardsticks;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pushback_model::Timestamp;
use pushback_store::{
    AuditEntry, Change, Commit, Key, Keyring, Options, OutboxRow, Store, Version,
};

use yardsticks::{Failure, Seen};

/// How long one thing is measured in one round.
const SPAN: Duration = Duration::from_millis(1_500);
const ROUNDS: usize = 5;
const CLIENTS: [usize; 3] = [1, 64, 1_024];
const DOCUMENT_BYTES: usize = 3_072;

/// Rates and medians of the waits in milliseconds, one of each a round.
#[derive(Default)]
struct Rounds {
    rates: Vec<f64>,
    waits: Vec<f64>,
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<(usize, String), Rounds>,
    only: String,
}

impl Table {
    fn wants(&self, what: &str) -> bool {
        what.contains(&self.only)
    }

    fn add(&mut self, place: usize, what: &str, seen: &Seen) {
        let rounds = self.rows.entry((place, what.to_owned())).or_default();
        rounds.rates.push(seen.rate());
        rounds.waits.push(seen.wait_ms(0.5));
    }

    fn print(&self) {
        println!(
            "{:36} {:>12} {:>12} {:>24}",
            "what", "per second", "p50 ms", "rates of the rounds"
        );
        for ((_, what), seen) in &self.rows {
            let rounds: Vec<String> = seen.rates.iter().map(|rate| format!("{rate:.0}")).collect();
            let (rate, wait) = (median(&seen.rates), median(&seen.waits));
            println!("{what:36} {rate:>12.0} {wait:>12.3}   {}", rounds.join(" "));
        }
    }

    /// The median of the quotients, each of two things in the same round.
    fn compare(&self, words: &str, of: &str, to: &str, values: impl Fn(&Rounds) -> &Vec<f64>) {
        let find = |what: &str| self.rows.iter().find(|((_, name), _)| name == what);
        let (Some((_, of)), Some((_, to))) = (find(of), find(to)) else { return };
        let quotients: Vec<f64> =
            values(of).iter().zip(values(to)).map(|(of, to)| of / to).collect();
        println!("{words}: {:.2}", median(&quotients));
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

const SYNC: &str = "bare fdatasync of 4 KiB, in place";
const UPDATES: &str = "PostgreSQL's own update, 64 clients";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir_in(".")?;
    let sqlite = Store::open_sqlite(&folder.path().join("bench.db"), options()?).await?;
    let server = std::env::var("PUSHBACK_TEST_POSTGRES").ok();
    let postgres = match &server {
        Some(server) => Some(Store::open_postgres(server, options()?).await?),
        None => None,
    };
    if let Some(server) = &server {
        yardsticks::make_rows(server).await?;
    }
    let only = std::env::args().nth(1).unwrap_or_default();
    let mut table = Table { only, ..Table::default() };
    for round in 0..ROUNDS {
        if table.wants(SYNC) {
            table.add(0, SYNC, &yardsticks::fdatasync(folder.path(), SPAN)?);
        }
        for (place, clients) in (1..).zip(CLIENTS) {
            commits(&mut table, place, "SQLite", &sqlite, clients, round).await?;
        }
        if let (Some(server), Some(store)) = (&server, &postgres) {
            if table.wants(UPDATES) {
                table.add(10, UPDATES, &yardsticks::updates(server, SPAN).await?);
            }
            for (place, clients) in (11..).zip(CLIENTS) {
                commits(&mut table, place, "PostgreSQL", store, clients, round).await?;
            }
        }
    }
    table.print();
    for name in ["SQLite", "PostgreSQL"] {
        for clients in CLIENTS {
            let row = format!("{name}, {clients} clients");
            table.compare(&format!("{row} / {UPDATES}"), &row, UPDATES, |seen| &seen.rates);
        }
        let row = format!("{name}, 1 clients");
        table.compare(&format!("p50 of {row} / {SYNC}"), &row, SYNC, |seen| &seen.waits);
    }
    Ok(())
}

fn options() -> Result<Options, Failure> {
    let mut options = Options::new(Keyring::generate()?);
    options.outbox_max = usize::MAX >> 1;
    Ok(options)
}

async fn commits(
    table: &mut Table,
    place: usize,
    name: &str,
    store: &Store,
    clients: usize,
    round: usize,
) -> Result<(), Failure> {
    let what = format!("{name}, {clients} clients");
    if !table.wants(&what) {
        return Ok(());
    }
    let begun = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let store = store.clone();
            tokio::spawn(async move {
                let key = Key::new("bench", &format!("{clients}-{client}"))?;
                let mut found = store.load(&key).await?.map(|document| document.version);
                let mut waits = Vec::new();
                while begun.elapsed() < SPAN {
                    let one = Instant::now();
                    let effect = format!("{clients}-{client}-{round}-{}", waits.len());
                    match store.commit(decision(&key, found, effect)).await? {
                        Commit::Committed(committed) => {
                            found = committed.versions.first().copied();
                        }
                        other => return Err(format!("{other:?}").into()),
                    }
                    waits.push(one.elapsed());
                }
                Ok::<_, Failure>(waits)
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    table.add(place, &what, &Seen { took: begun.elapsed(), waits });
    Ok(())
}

fn decision(key: &Key, found: Option<Version>, effect: String) -> Change {
    let at = Timestamp::from_millis(1_772_400_000_000);
    Change::at(at)
        .put(key.clone(), found, vec![7; DOCUMENT_BYTES])
        .audit(AuditEntry {
            at,
            kind: "bench".to_owned(),
            subject: key.id().to_owned(),
            body: vec![7; 200],
        })
        .effect(OutboxRow {
            key: effect,
            topic: "bench".to_owned(),
            payload: vec![7; 100],
            due_at: at,
        })
}
