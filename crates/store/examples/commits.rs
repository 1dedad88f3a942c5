//! How many durable commits a second the store makes, beside what the disk and PostgreSQL itself do.
//!
//! ```sh
//! cargo run --release -p pushback-store --example commits
//! cargo xtask postgres cargo run --release -p pushback-store --example commits
//! ```
//!
//! A commit is one document changed by compare-and-set, one audit entry and one effect.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a bench measures and prints")]

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use pushback_model::Timestamp;
use pushback_store::{AuditEntry, Change, Commit, Key, Keyring, Options, OutboxRow, Store};

const SPAN: Duration = Duration::from_secs(3);
const CLIENTS: [usize; 3] = [1, 64, 1_024];

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir_in(".")?;
    println!("{:34} {:>12} {:>12}", "what", "per second", "p50 ms");
    fdatasync(folder.path())?;
    for clients in CLIENTS {
        let path = folder.path().join(format!("{clients}.db"));
        let store = Store::open_sqlite(&path, options()?).await?;
        commits("SQLite", &store, clients).await?;
        store.close().await;
    }
    if let Ok(server) = std::env::var("PUSHBACK_TEST_POSTGRES") {
        updates(&server).await?;
        let store = Store::open_postgres(&server, options()?).await?;
        for clients in CLIENTS {
            commits("PostgreSQL", &store, clients).await?;
        }
    }
    Ok(())
}

fn options() -> Result<Options, Failure> {
    let mut options = Options::new(Keyring::generate()?);
    options.outbox_max = usize::MAX >> 1;
    Ok(options)
}

fn print(what: &str, count: usize, took: Duration, mut waits: Vec<Duration>) {
    waits.sort_unstable();
    let middle = waits.get(waits.len() / 2).copied().unwrap_or_default();
    let rate = count as f64 / took.as_secs_f64();
    println!("{what:34} {rate:>12.0} {:>12.2}", middle.as_secs_f64() * 1_000.0);
}

fn fdatasync(folder: &Path) -> Result<(), Failure> {
    let mut file = File::create(folder.join("sync"))?;
    let (begun, mut waits) = (Instant::now(), Vec::new());
    while begun.elapsed() < SPAN {
        let one = Instant::now();
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
        waits.push(one.elapsed());
    }
    print("bare fdatasync of 4 KiB", waits.len(), begun.elapsed(), waits);
    Ok(())
}

async fn commits(name: &str, store: &Store, clients: usize) -> Result<(), Failure> {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let store = store.clone();
            tokio::spawn(async move {
                let key = Key::new("bench", &format!("{clients}-{client}"))?;
                let (mut found, mut waits, mut number) = (None, Vec::new(), 0_u64);
                while begun.elapsed() < SPAN {
                    let one = Instant::now();
                    let at = Timestamp::from_millis(1_772_400_000_000);
                    number += 1;
                    let change = Change::at(at)
                        .put(key.clone(), found, vec![7; 1_024])
                        .audit(AuditEntry {
                            at,
                            kind: "bench".to_owned(),
                            subject: key.id().to_owned(),
                            body: vec![7; 200],
                        })
                        .effect(OutboxRow {
                            key: format!("{clients}-{client}-{number}"),
                            topic: "bench".to_owned(),
                            payload: vec![7; 100],
                            due_at: at,
                        });
                    match store.commit(change).await? {
                        Commit::Committed(committed) => {
                            found = committed.versions.first().copied().flatten();
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
    let took = begun.elapsed();
    print(&format!("{name}, {clients} clients"), waits.len(), took, waits);
    Ok(())
}

/// PostgreSQL's own rate: 64 connections, each updating a row of its own in a transaction of its own.
async fn updates(server: &str) -> Result<(), Failure> {
    let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    client
        .batch_execute(
            "CREATE TABLE bench (id INT PRIMARY KEY, n BIGINT); \
             INSERT INTO bench SELECT generate_series(0, 63), 0",
        )
        .await?;
    let begun = Instant::now();
    let tasks: Vec<_> = (0..64_i32)
        .map(|id| {
            let server = server.to_owned();
            tokio::spawn(async move {
                let (client, connection) =
                    tokio_postgres::connect(&server, tokio_postgres::NoTls).await?;
                tokio::spawn(connection);
                let update = client.prepare("UPDATE bench SET n = n + 1 WHERE id = $1").await?;
                let mut waits = Vec::new();
                while begun.elapsed() < SPAN {
                    let one = Instant::now();
                    client.execute(&update, &[&id]).await?;
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
    print("PostgreSQL's own update, 64 clients", waits.len(), begun.elapsed(), waits);
    Ok(())
}
