//! A writer that is killed at any moment loses nothing that it acknowledged.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pushback_store::{Key, Store};

use crate::Place;

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
    let keys = place.folder.path().join("keys");
    let mut first = 0;
    for kill in 0..KILLS {
        let acknowledged = run_and_kill(&place.database, &keys, first, 3 + kill * 7 % 40);
        settled(&place).await;
        let store = place.open().await;
        for number in first..=acknowledged {
            assert!(is_there(&store, number).await, "{number} of kill {kill} is lost");
        }
        // What was written and not acknowledged is whole: document, audit entry and effect.
        let mut numbers = acknowledged + 1;
        while is_there(&store, numbers).await {
            numbers += 1;
        }
        let audit = store.verify_audit(None, &[]).await.unwrap();
        assert_eq!(u64::try_from(audit.chains["main"]).unwrap(), numbers);
        assert_eq!(store.outbox().await.unwrap().waiting, numbers);
        store.close().await;
        first = numbers;
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

/// Lets the writer acknowledge some numbers from `first` on and kills it; returns the last one.
fn run_and_kill(database: &str, keys: &Path, first: u64, some: u64) -> u64 {
    let mut writer = Command::new(endless())
        .arg(database)
        .arg(keys)
        .arg(first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut last = None;
    for _ in 0..some {
        last = lines.next().map(|line| line.unwrap().parse().unwrap());
    }
    writer.kill().unwrap();
    // What it had said before it died counts too.
    for line in lines.map_while(Result::ok) {
        last = line.parse().ok().or(last);
    }
    writer.wait().unwrap();
    last.unwrap()
}
