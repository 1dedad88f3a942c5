//! A writer that is killed at any moment loses nothing that it acknowledged.
//!
//! `PUSHBACK_TEST_KILLS=200` kills more often than the ordinary run.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pushback_store::{Key, Store};

use crate::Place;

/// Kills without the variable.
const KILLS: u64 = 20;

on_both! {
    a_killed_writer_loses_no_acknowledged_commit
}

/// The example program, which cargo builds beside the tests.
fn endless() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples/endless")
}

async fn a_killed_writer_loses_no_acknowledged_commit(place: Place) {
    let kills = std::env::var("PUSHBACK_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let keys = place.folder.path().join("keys");
    let mut first = 0;
    let mut effects = Effects::default();
    for kill in 0..kills {
        let said = run_and_kill(&place.database, &keys, first, 3 + kill * 7 % 40);
        settled(&place).await;
        let store = place.open().await;
        let acknowledged = said.numbers.last().copied().unwrap();
        for number in first..=acknowledged {
            assert!(is_there(&store, number).await, "{number} of kill {kill} is lost");
        }
        // What was written and not acknowledged is whole: document, audit entry and effect.
        let mut numbers = acknowledged + 1;
        while is_there(&store, numbers).await {
            numbers += 1;
        }
        assert!(numbers <= acknowledged + 2, "one at a time was written");
        let audit = store.verify_audit(None, &[]).await.unwrap();
        assert_eq!(u64::try_from(audit.chains["main"]).unwrap(), numbers);
        effects.add(&said);
        let outbox = store.outbox().await.unwrap();
        let missing = numbers - outbox.waiting - outbox.dead;
        // Each life may have ended between an effect's end and the word of it.
        let done = effects.done.len() as u64;
        assert!(
            (done..=done + kill + 1).contains(&missing),
            "{missing} are gone, {done} were done"
        );
        store.close().await;
        first = numbers;
    }
    if kills != KILLS {
        // Whoever asks for more wants to see it; straight to the stream, which shows it in any case.
        let (claims, done) = (effects.seen.len(), effects.done.len());
        let told = format!(
            "{kills} kills: {first} commits, {claims} claims, {done} effects done; none lost, none \
             handed out twice for one claim\n"
        );
        std::io::stderr().write_all(told.as_bytes()).unwrap();
    }
    assert!(effects.claims.values().any(|claims| *claims > 1), "leases ended");
}

/// What the writer said about effects, in all its lives.
#[derive(Default)]
struct Effects {
    /// How often each was handed out.
    claims: BTreeMap<u64, u64>,
    seen: BTreeSet<(u64, u64)>,
    done: BTreeSet<u64>,
}

impl Effects {
    fn add(&mut self, said: &Said) {
        for word in &said.effects {
            match *word {
                Word::Claimed { number, claim } => {
                    assert!(self.seen.insert((number, claim)), "{number} came twice as {claim}");
                    assert!(!self.done.contains(&number), "{number} came after it was done");
                    *self.claims.entry(number).or_default() += 1;
                }
                Word::Done { number } => assert!(self.done.insert(number)),
            }
        }
    }
}

/// What the writer said in one life.
#[derive(Default)]
struct Said {
    numbers: Vec<u64>,
    effects: Vec<Word>,
}

enum Word {
    Claimed { number: u64, claim: u64 },
    Done { number: u64 },
}

impl Said {
    /// A line that was cut off counts for nothing.
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse().ok());
        match (words.first(), number(1), number(2), words.last()) {
            (Some(&"kept"), Some(number), None, Some(&".")) => self.numbers.push(number),
            (Some(&"claimed"), Some(number), Some(claim), Some(&".")) => {
                self.effects.push(Word::Claimed { number, claim });
            }
            (Some(&"done"), Some(number), None, Some(&".")) => {
                self.effects.push(Word::Done { number });
            }
            _ => {}
        }
    }
}

async fn is_there(store: &Store, number: u64) -> bool {
    let key = Key::new("number", &number.to_string()).unwrap();
    store.load(&key).await.unwrap().is_some()
}

/// A PostgreSQL server finishes what it was told before the writer died; wait until it has noticed.
async fn settled(place: &Place) {
    if !place.is_postgres() {
        return;
    }
    let (client, connection) =
        tokio_postgres::connect(&place.database, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = "SELECT count(*) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid() \
               AND backend_type = 'client backend'";
    loop {
        let row = client.query_one(sql, &[]).await.unwrap();
        if row.get::<_, i64>(0) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Lets the writer acknowledge some numbers from `first` on and kills it; returns what it said.
fn run_and_kill(database: &str, keys: &Path, first: u64, some: u64) -> Said {
    let mut writer = Command::new(endless())
        .arg(database)
        .arg(keys)
        .arg(first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut said = Said::default();
    while (said.numbers.len() as u64) < some {
        said.hear(&lines.next().unwrap().unwrap());
    }
    writer.kill().unwrap();
    // What it had said before it died counts too.
    for line in lines.map_while(Result::ok) {
        said.hear(&line);
    }
    writer.wait().unwrap();
    said
}
