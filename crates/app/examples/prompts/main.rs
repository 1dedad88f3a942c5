//! How fast prompt cycles are, driven line by line; `cargo xtask bench prompts` starts it.
//!
//! A cycle: a relying party starts an attempt, the phone fetches its prompt, the phone answers with
//! the code, the relying party reads the attempt with its signed token. The phone is a script with a
//! P-256 key; its three signatures are made in the same process.
//!
//! Commands come on standard input, one a line; each is answered by one line of JSON:
//!
//! - `sync SECONDS`: bare syncs of 4 KiB in the working folder
//! - `signatures SECONDS`: the signatures of cycles alone, on every processor
//! - `rows URL`: makes what `updates` needs
//! - `updates URL SECONDS`: PostgreSQL's own update of single rows, 64 clients
//! - `version URL`: of that server
//! - `database URL NAME`: makes a database on that server
//! - `open NAME DATABASE SUBSCRIBERS`: a service on an empty database, with so many bound phones;
//!   `sqlite` is a file in the folder NAME, where the service's keys are too
//! - `cycles NAME CLIENTS SECONDS`, `cancels NAME CLIENTS SECONDS`: in this process
//! - `close NAME`: the service ends, its subscribers stay known
//! - `http NAME ADDRESS CLIENTS SECONDS`: cycles through a service that serves NAME's database

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a bench measures and prints")]

mod cycle;
mod http;
mod people;
mod phone;
mod signatures;
#[path = "../../../store/examples/yardsticks/mod.rs"]
mod yardsticks;

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pushback_app::{
    App, CapabilityKey, KEY_BYTES, Parts, RelyingParty, SystemClock, SystemEntropy,
};
use pushback_app::{NewRelyingParty, TokenKey};
use pushback_store::{Keyring, Options, Store};
use pushback_verify::{OperatorId, Policy};
use serde_json::{Value, json};

use people::People;
use yardsticks::{Failure, Seen};

/// A population, and the service that it belongs to unless another process serves it.
struct Bench {
    service: Option<Service>,
    credentials: NewRelyingParty,
    people: Arc<People>,
}

/// A service in this process.
#[derive(Clone)]
pub struct Service {
    app: App,
    party: RelyingParty,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut benches = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer =
            obey(&mut benches, &words).await.map_err(|error| format!("{line}: {error}"))?;
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

async fn obey(benches: &mut BTreeMap<String, Bench>, words: &[&str]) -> Result<Value, Failure> {
    let unknown = || Failure::from("there is no such bench");
    match *words {
        ["sync", seconds] => Ok(rates(&yardsticks::fdatasync(Path::new("."), span(seconds)?)?)),
        ["signatures", seconds] => Ok(rates(&signatures::measure(span(seconds)?)?)),
        ["rows", server] => {
            yardsticks::make_rows(server).await?;
            Ok(json!({}))
        }
        ["database", server, name] => {
            make_database(server, name).await?;
            Ok(json!({}))
        }
        ["updates", server, seconds] => {
            Ok(rates(&yardsticks::updates(server, span(seconds)?).await?))
        }
        ["version", server] => {
            let (client, connection) =
                tokio_postgres::connect(server, tokio_postgres::NoTls).await?;
            tokio::spawn(connection);
            let version: String = client.query_one("SHOW server_version", &[]).await?.get(0);
            Ok(version.into())
        }
        ["open", name, database, subscribers] => {
            let begun = Instant::now();
            let bench = open(name, database, subscribers.parse()?).await?;
            benches.insert(name.to_owned(), bench);
            Ok(json!({ "seconds": begun.elapsed().as_secs_f64(), "rss_bytes": memory() }))
        }
        ["close", name] => {
            let bench = benches.get_mut(name).ok_or_else(unknown)?;
            if let Some(Service { app, .. }) = bench.service.take() {
                let store = app.store().clone();
                drop(app);
                store.close().await;
            }
            Ok(json!({}))
        }
        ["cycles" | "cancels", name, clients, seconds] => {
            let bench = benches.get(name).ok_or_else(unknown)?;
            let service = bench.service.as_ref().ok_or("the service is closed")?;
            let act = if words.first() == Some(&"cycles") {
                cycle::Act::Cycle
            } else {
                cycle::Act::Cancel
            };
            let run = cycle::Run { act, clients: clients.parse()?, span: span(seconds)? };
            Ok(measured(&cycle::measure(service, &bench.people, &run).await?))
        }
        ["http", name, address, clients, seconds] => {
            let bench = benches.get(name).ok_or_else(unknown)?;
            let (id, secret) = (&bench.credentials.id, &bench.credentials.secret);
            let server = Arc::new(http::Server::new(address, id, secret));
            let (clients, span) = (clients.parse()?, span(seconds)?);
            Ok(measured(&http::measure(&server, &bench.people, clients, span).await?))
        }
        _ => Err("no such command".into()),
    }
}

/// What cycles came to.
#[derive(Default)]
pub struct Measured {
    /// The cycles.
    cycles: Seen,
    /// Single decisions: each ended when it was acknowledged to be on disk.
    decisions: Vec<Duration>,
    /// How long what was due took to leave after the last cycle.
    drain: Duration,
    /// Time of processors that this process used.
    cpu: Duration,
}

fn rates(seen: &Seen) -> Value {
    json!({
        "count": seen.waits.len(),
        "rate": seen.rate(),
        "p50_ms": seen.wait_ms(0.5),
        "p99_ms": seen.wait_ms(0.99),
    })
}

fn measured(measured: &Measured) -> Value {
    let Measured { cycles, decisions, drain, cpu } = measured;
    let decisions = Seen { took: cycles.took, waits: decisions.clone() };
    json!({
        "cycles": rates(cycles),
        "decisions": rates(&decisions),
        "drain_ms": drain.as_secs_f64() * 1_000.0,
        "cpu_ms": cpu.as_secs_f64() * 1_000.0 / cycles.waits.len().max(1) as f64,
        "rss_bytes": memory(),
    })
}

async fn make_database(server: &str, name: &str) -> Result<(), Failure> {
    let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client.batch_execute(&format!("CREATE DATABASE {name}")).await?)
}

fn span(seconds: &str) -> Result<Duration, Failure> {
    Ok(Duration::try_from_secs_f64(seconds.parse()?)?)
}

async fn open(name: &str, database: &str, subscribers: usize) -> Result<Bench, Failure> {
    let folder = Path::new(name);
    std::fs::create_dir_all(folder)?;
    let keys = Keyring::create(&folder.join("keys"))?;
    let database = match database {
        "sqlite" => folder.join("pushback.db").to_string_lossy().into_owned(),
        server => server.to_owned(),
    };
    let store = Store::open(&database, Options::new(keys)).await?;
    let app = App::new(Parts {
        store,
        policy: Policy::default(),
        name: "Bench".to_owned(),
        origin: "http://localhost:8420".parse()?,
        models: Default::default(),
        tokens: TokenKey::from_pkcs8(&TokenKey::generate()?)?,
        capabilities: CapabilityKey::new(&[7; KEY_BYTES]),
        receipts: None,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    })?;
    let credentials = app.create_relying_party(&OperatorId::parse("bench")?, "Payroll").await?;
    let party = app.authenticate(&credentials.id, &credentials.secret).await?;
    let service = Service { app, party };
    let people = People::bind(&service, subscribers).await?;
    Ok(Bench { service: Some(service), credentials, people: Arc::new(people) })
}

/// Memory of this process, as the kernel counts it; 0 where it does not say.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib = line.split_whitespace().next().and_then(|kib| kib.parse().ok());
    kib.unwrap_or(0_u64) * 1_024
}
