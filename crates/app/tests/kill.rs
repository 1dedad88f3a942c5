//! A service that is killed at any moment loses nothing that it said, and rings once for a prompt.
//!
//! `PUSHBACK_TEST_KILLS=200` kills more often than the ordinary run. Without `PUSHBACK_TEST_POSTGRES`
//! it runs on SQLite alone; `cargo xtask test` starts a PostgreSQL and sets it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails says where")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pushback_app::{
    App, AttemptState, CapabilityKey, KEY_BYTES, NewRelyingParty, Parts, SystemClock,
    SystemEntropy, TokenKey,
};
use pushback_store::{Keyring, Options, Store};
use pushback_verify::{OperatorId, Policy};

/// Kills without the variable.
const KILLS: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_loses_nothing_it_said_and_rings_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("pushback.db").display().to_string();
    many_lives(folder.path(), &database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_loses_nothing_it_said_and_rings_once_on_postgresql() {
    let Ok(server) = std::env::var("PUSHBACK_TEST_POSTGRES") else { return };
    let folder = tempfile::tempdir().unwrap();
    let name = format!("kill_{}", std::process::id());
    let client = postgres(&server).await;
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (before, _) = server.rsplit_once('/').unwrap();
    many_lives(folder.path(), &format!("{before}/{name}")).await;
}

async fn many_lives(folder: &Path, database: &str) {
    let kills = std::env::var("PUSHBACK_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    Keyring::create(&folder.join("keys")).unwrap();
    let party = {
        let app = open(folder, database).await;
        let by = OperatorId::parse("endless").unwrap();
        app.create_relying_party(&by, "Payroll").await.unwrap()
    };
    let mut all = Said::default();
    for life in 0..kills {
        // Some die early in their first sign-ins, some after many.
        let said = run_and_kill(folder, database, &party, life, 4 + life * 37 % 90);
        settled(database).await;
        let app = open(folder, database).await;
        let asks = app.authenticate(&party.id, &party.secret).await.unwrap();
        let now = async |id: &str| {
            app.attempt(&asks, id, None, Duration::ZERO).await.map(|view| view.state)
        };
        for id in &said.verified {
            let state = now(id).await.unwrap();
            assert_eq!(state, AttemptState::Verified, "{id} of life {life} is forgotten");
        }
        for id in &said.asked {
            assert!(now(id).await.is_ok(), "{id} of life {life} is lost");
        }
        app.store().verify_audit(None, &[]).await.unwrap();
        all.add(said);
    }
    let twice: Vec<_> = all.rang.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let app = open(folder, database).await;
    let rings = rings_by_attempt(&app).await;
    assert!(rings.values().all(|times| *times == 1), "{rings:?}");
    assert!(all.verified.iter().all(|id| rings.contains_key(id)), "each was asked on the record");
    if kills != KILLS {
        let (asked, verified, rang) = (all.asked.len(), all.verified.len(), all.rang.len());
        let told = format!(
            "{kills} kills: {asked} asked, {verified} verified, {rang} rings left; none lost, none \
             twice\n"
        );
        std::io::stderr().write_all(told.as_bytes()).unwrap();
    }
}

/// How often the trail says that a prompt rang, by attempt.
async fn rings_by_attempt(app: &App) -> BTreeMap<String, u64> {
    let (mut rings, mut after) = (BTreeMap::new(), 0);
    loop {
        let page = app.audit("main", after).await.unwrap();
        let Some(last) = page.last() else { return rings };
        after = last.seq;
        for entry in page {
            let event = &entry.body["event"];
            if event["kind"] == "prompt_sent" {
                let attempt = event["attempt"].as_str().unwrap().to_owned();
                *rings.entry(attempt).or_default() += 1;
            }
        }
    }
}

async fn open(folder: &Path, database: &str) -> App {
    let options = Options::new(Keyring::open(&folder.join("keys")).unwrap());
    App::new(Parts {
        store: Store::open(database, options).await.unwrap(),
        policy: Policy::default(),
        name: "Endless".to_owned(),
        origin: "http://localhost:8420".parse().unwrap(),
        models: Default::default(),
        tokens: TokenKey::from_pkcs8(&TokenKey::generate().unwrap()).unwrap(),
        capabilities: CapabilityKey::new(&[7; KEY_BYTES]),
        receipts: None,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    })
    .unwrap()
}

/// What the service said in its lives.
#[derive(Default)]
struct Said {
    asked: BTreeSet<String>,
    verified: BTreeSet<String>,
    rang: BTreeMap<String, u64>,
}

impl Said {
    /// A line that was cut off counts for nothing.
    fn hear(&mut self, line: &str) {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["asked", id, "."] => drop(self.asked.insert((*id).to_owned())),
            ["verified", id, "."] => drop(self.verified.insert((*id).to_owned())),
            ["rang", key, "."] => *self.rang.entry((*key).to_owned()).or_default() += 1,
            ["failed", ..] => panic!("{line}"),
            _ => {}
        }
    }

    fn add(&mut self, other: Self) {
        self.asked.extend(other.asked);
        self.verified.extend(other.verified);
        for (key, times) in other.rang {
            *self.rang.entry(key).or_default() += times;
        }
    }
}

/// Lets the service verify some and kills it; returns what it said.
fn run_and_kill(
    folder: &Path,
    database: &str,
    party: &NewRelyingParty,
    life: u64,
    some: u64,
) -> Said {
    let mut service = Command::new(sign_ins())
        .arg(database)
        .arg(folder)
        .args([&party.id, &party.secret])
        .arg(life.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(service.stdout.take().unwrap()).lines();
    let mut said = Said::default();
    while (said.verified.len() as u64) < some {
        said.hear(&lines.next().unwrap().unwrap());
    }
    service.kill().unwrap();
    // What it had said before it died counts too.
    for line in lines.map_while(Result::ok) {
        said.hear(&line);
    }
    service.wait().unwrap();
    said
}

/// The example program, which cargo builds beside the tests.
fn sign_ins() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples/sign_ins")
}

async fn postgres(database: &str) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(database, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A PostgreSQL server finishes what it was told before the service died; wait until it has noticed.
async fn settled(database: &str) {
    if !database.starts_with("postgres") {
        return;
    }
    let client = postgres(database).await;
    let sql = "SELECT count(*) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid() \
               AND backend_type = 'client backend'";
    while client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
