//! A writer that is killed at any moment loses nothing that it acknowledged.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may fail them")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pushback_store::{Key, Keyring, Options, Store};

const KILLS: u64 = 20;

/// The example program, which cargo builds beside the tests.
fn endless() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples/endless")
}

#[tokio::test]
async fn a_killed_writer_loses_no_acknowledged_commit() {
    let folder = tempfile::tempdir().unwrap();
    let (database, keys) = (folder.path().join("pushback.db"), folder.path().join("keys"));
    Keyring::create(&keys).unwrap();
    let mut first = 0;
    for kill in 0..KILLS {
        let acknowledged = run_and_kill(&database, &keys, first, 3 + kill * 7 % 40);
        let store = Store::open_sqlite(&database, Options::new(Keyring::open(&keys).unwrap()));
        let store = store.await.unwrap();
        for number in first..=acknowledged {
            let key = Key::new("number", &number.to_string()).unwrap();
            assert!(store.load(&key).await.unwrap().is_some(), "{number} of kill {kill} is lost");
        }
        // What was written and not acknowledged is whole: document, audit entry and effect.
        let mut numbers = acknowledged + 1;
        while store
            .load(&Key::new("number", &numbers.to_string()).unwrap())
            .await
            .unwrap()
            .is_some()
        {
            numbers += 1;
        }
        let audit = store.verify_audit(None, &[]).await.unwrap();
        assert_eq!(u64::try_from(audit.chains["main"]).unwrap(), numbers);
        assert_eq!(store.outbox().await.unwrap().waiting, numbers);
        store.close().await;
        first = numbers;
    }
}

/// Lets the writer acknowledge some numbers from `first` on and kills it; returns the last one.
fn run_and_kill(database: &Path, keys: &Path, first: u64, some: u64) -> u64 {
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
    last.expect("the writer acknowledged something")
}
