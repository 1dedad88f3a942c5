//! One suite over both databases. Without `PUSHBACK_TEST_POSTGRES` it runs on SQLite alone and says so;
//! `cargo xtask test` starts a PostgreSQL and sets it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may fail them")]

use std::io::Write as _;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pushback_model::Timestamp;
use pushback_store::{AuditEntry, Change, Commit, Key, Keyring, Options, OutboxRow, Store};

/// Every test once for each database there is.
macro_rules! on_both {
    ($($name:ident)+) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::Place::sqlite()).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(place) = crate::Place::postgres().await {
                    super::$name(place).await;
                }
            })+
        }
    };
}

mod backup;
mod documents;
mod effects;
mod faults;
mod kill;
mod secrets;
mod trail;
mod wake;

const NOW: Timestamp = Timestamp::from_millis(1_772_400_000_000);

/// A database of its own, removed with the folder or left to the private server.
struct Place {
    folder: tempfile::TempDir,
    database: String,
}

impl Place {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Keyring::create(&folder.path().join("keys")).unwrap();
        let database = folder.path().join("pushback.db").display().to_string();
        Self { folder, database }
    }

    /// `None` without a server to test on.
    async fn postgres() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        static TOLD: Once = Once::new();
        let Ok(server) = std::env::var("PUSHBACK_TEST_POSTGRES") else {
            // Straight to the stream: what passing tests print is not shown.
            TOLD.call_once(|| {
                let told =
                    b"PUSHBACK_TEST_POSTGRES is not set: the store is tested on SQLite only\n";
                std::io::stderr().write_all(told).unwrap();
            });
            return None;
        };
        let name = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        raw_postgres(&server, &format!("CREATE DATABASE {name}")).await;
        let (before, _) = server.rsplit_once('/').unwrap();
        Some(Self { database: format!("{before}/{name}"), ..Self::sqlite() })
    }

    fn is_postgres(&self) -> bool {
        self.database.starts_with("postgres")
    }

    fn options(&self) -> Options {
        let keys = Keyring::open(&self.folder.path().join("keys")).unwrap();
        let mut options = Options::new(keys);
        options.poll_every = Duration::from_millis(200);
        options
    }

    async fn open(&self) -> Store {
        self.open_with(|_| {}).await
    }

    async fn open_with(&self, change: impl FnOnce(&mut Options)) -> Store {
        let mut options = self.options();
        change(&mut options);
        Store::open(&self.database, options).await.unwrap()
    }

    /// Statements behind the store's back.
    async fn raw(&self, sql: &str) {
        if self.is_postgres() {
            raw_postgres(&self.database, sql).await;
        } else {
            let conn = rusqlite::Connection::open(&self.database).unwrap();
            conn.busy_timeout(Duration::from_secs(10)).unwrap();
            conn.execute_batch(sql).unwrap();
        }
    }
}

async fn raw_postgres(url: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
    drop(client);
    driver.await.unwrap().unwrap();
}

fn key(id: &str) -> Key {
    Key::new("thing", id).unwrap()
}

fn entry(subject: &str) -> AuditEntry {
    AuditEntry { at: NOW, kind: "tested".into(), subject: subject.into(), body: b"{}".to_vec() }
}

fn effect(name: &str) -> OutboxRow {
    OutboxRow { key: name.into(), topic: "test".into(), payload: name.into(), due_at: NOW }
}

fn is_committed(commit: &Commit) -> bool {
    matches!(commit, Commit::Committed(_))
}

/// Commits what cannot conflict.
async fn commit(store: &Store, change: Change) {
    let outcome = store.commit(change).await.unwrap();
    assert!(is_committed(&outcome), "{outcome:?}");
}
