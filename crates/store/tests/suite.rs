//! One suite over both databases. Without `PUSHBACK_TEST_POSTGRES` it runs on SQLite alone and says so;
//! `cargo xtask test` starts a PostgreSQL and sets it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may fail them")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pushback_model::{Span, Timestamp};
use pushback_store::{
    Answer, AuditEntry, Change, Commit, Conflict, Expect, Key, Keyring, Options, OutboxRow, Store,
    StoreError, VerifyError,
};

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

    async fn postgres(server: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let (client, connection) =
            tokio_postgres::connect(server, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (before, _) = server.rsplit_once('/').unwrap();
        Self { database: format!("{before}/{name}"), ..Self::sqlite() }
    }

    async fn open(&self) -> Store {
        let keys = Keyring::open(&self.folder.path().join("keys")).unwrap();
        let mut options = Options::new(keys);
        options.poll_every = Duration::from_millis(200);
        Store::open(&self.database, options).await.unwrap()
    }
}

/// Every test once for each database there is.
macro_rules! on_both {
    ($($name:ident)+) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(super::Place::sqlite()).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                match std::env::var("PUSHBACK_TEST_POSTGRES") {
                    Ok(server) => super::$name(super::Place::postgres(&server).await).await,
                    Err(_) => println!("skipped: PUSHBACK_TEST_POSTGRES is not set"),
                }
            })+
        }
    };
}

on_both! {
    what_was_acknowledged_is_there_after_reopening_without_a_close
    of_many_who_saw_one_version_exactly_one_wins
    a_conflict_keeps_nothing_of_its_change_and_all_of_its_neighbours
    what_a_decision_rested_on_must_still_hold
    an_effect_is_handed_out_after_its_commit_and_until_it_is_done
    an_answer_is_given_again_until_it_expires
    a_version_is_never_given_twice
    whoever_waits_for_a_change_is_woken
    the_audit_trail_of_many_writers_is_one_unbroken_chain
    a_database_does_not_open_with_another_key_file
    lists_come_in_pages_and_in_order
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

async fn what_was_acknowledged_is_there_after_reopening_without_a_close(place: Place) {
    let store = place.open().await;
    for n in 0..50 {
        let change = Change::at(NOW).create(key(&n.to_string()), vec![n]).audit(entry("s"));
        assert!(is_committed(&store.commit(change).await.unwrap()));
    }
    drop(store);
    let store = place.open().await;
    for n in 0..50 {
        assert_eq!(store.load(&key(&n.to_string())).await.unwrap().unwrap().body, vec![n]);
    }
}

async fn of_many_who_saw_one_version_exactly_one_wins(place: Place) {
    let store = place.open().await;
    let other = place.open().await;
    let first = Change::at(NOW).create(key("a"), vec![0]);
    assert!(is_committed(&store.commit(first).await.unwrap()));
    for round in 1..=10 {
        let found = store.load(&key("a")).await.unwrap().unwrap();
        let writers: Vec<_> = (0..20_u8)
            .map(|n| {
                let store = if n % 2 == 0 { store.clone() } else { other.clone() };
                let change =
                    Change::at(NOW).update(key("a"), found.version, vec![n]).audit(entry("a"));
                tokio::spawn(async move { store.commit(change).await.unwrap() })
            })
            .collect();
        let mut won = 0;
        for writer in writers {
            match writer.await.unwrap() {
                Commit::Committed(_) => won += 1,
                Commit::Conflict(Conflict::Version { found, .. }) => {
                    assert_eq!(found.unwrap().get(), round + 1);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
}

async fn a_conflict_keeps_nothing_of_its_change_and_all_of_its_neighbours(place: Place) {
    let store = place.open().await;
    let writers: Vec<_> = (0..40_u8)
        .map(|n| {
            let store = store.clone();
            // Every second one creates what another has created.
            let id = if n % 2 == 0 { n.to_string() } else { "0".to_owned() };
            let change = Change::at(NOW)
                .create(key(&id), vec![n])
                .create(key(&format!("beside-{n}")), vec![n])
                .audit(entry(&id))
                .effect(effect(&format!("e{n}")));
            tokio::spawn(async move { is_committed(&store.commit(change).await.unwrap()) })
        })
        .collect();
    let mut kept = Vec::new();
    for (n, writer) in writers.into_iter().enumerate() {
        if writer.await.unwrap() {
            kept.push(n);
        }
    }
    assert_eq!(kept.len(), 20);
    for n in 0..40 {
        let beside = store.load(&key(&format!("beside-{n}"))).await.unwrap();
        assert_eq!(beside.is_some(), kept.contains(&n), "{n}");
    }
    assert_eq!(store.outbox().await.unwrap().waiting, 20);
    assert_eq!(store.verify_audit(None, &[]).await.unwrap().chains["main"], 20);
}

async fn what_a_decision_rested_on_must_still_hold(place: Place) {
    let store = place.open().await;
    assert!(is_committed(&store.commit(Change::at(NOW).create(key("a"), vec![])).await.unwrap()));
    let seen = store.load(&key("a")).await.unwrap().unwrap().version;
    let update = Change::at(NOW).update(key("a"), seen, vec![1]);
    assert!(is_committed(&store.commit(update).await.unwrap()));
    let stale = Change::at(NOW).create(key("b"), vec![]).require(key("a"), Expect::Version(seen));
    assert!(!is_committed(&store.commit(stale).await.unwrap()));
    assert!(store.load(&key("b")).await.unwrap().is_none());
}

async fn an_effect_is_handed_out_after_its_commit_and_until_it_is_done(place: Place) {
    let store = place.open().await;
    let lease = Span::seconds(30);
    assert!(store.claim("test", NOW, lease, 10).await.unwrap().is_empty());
    let change = Change::at(NOW).create(key("a"), vec![]).effect(effect("one"));
    assert!(is_committed(&store.commit(change).await.unwrap()));
    let claimed = store.claim("test", NOW, lease, 10).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].payload, b"one");
    let within = NOW + Span::seconds(29);
    assert!(store.claim("test", within, lease, 10).await.unwrap().is_empty());
    let after = NOW + lease;
    let again = store.claim("test", after, lease, 10).await.unwrap();
    assert_eq!((again.len(), again[0].claim), (1, 2));
    // The first lease is over: what it says no longer counts.
    assert!(!store.retry(&claimed[0], after, "late").await.unwrap());
    assert_eq!(store.done(&["one"]).await.unwrap(), 1);
    let later = after + Span::hours(1);
    assert!(store.claim("test", later, lease, 10).await.unwrap().is_empty());
}

async fn an_answer_is_given_again_until_it_expires(place: Place) {
    let store = place.open().await;
    let answered = |id: &str| {
        Change::at(NOW).create(key(id), vec![]).answer(Answer {
            request_key: "rp/1".into(),
            request_digest: [7; 32],
            body: b"yes".to_vec(),
            expires_at: NOW + Span::hours(1),
        })
    };
    assert!(is_committed(&store.commit(answered("a")).await.unwrap()));
    let second = store.commit(answered("b")).await.unwrap();
    assert!(matches!(second, Commit::Conflict(Conflict::Answered { .. })));
    assert!(store.load(&key("b")).await.unwrap().is_none());
    let found = store.find_answer("rp/1", NOW).await.unwrap().unwrap();
    assert_eq!((found.request_digest, &found.body[..]), ([7; 32], &b"yes"[..]));
    assert!(store.find_answer("rp/1", NOW + Span::hours(1)).await.unwrap().is_none());
}

async fn a_version_is_never_given_twice(place: Place) {
    let store = place.open().await;
    assert!(is_committed(&store.commit(Change::at(NOW).create(key("a"), vec![1])).await.unwrap()));
    let seen = store.load(&key("a")).await.unwrap().unwrap().version;
    assert!(is_committed(&store.commit(Change::at(NOW).delete(key("a"), seen)).await.unwrap()));
    assert!(store.load(&key("a")).await.unwrap().is_none());
    assert!(is_committed(&store.commit(Change::at(NOW).create(key("a"), vec![2])).await.unwrap()));
    assert!(store.load(&key("a")).await.unwrap().unwrap().version > seen);
    let stale = store.commit(Change::at(NOW).update(key("a"), seen, vec![3])).await.unwrap();
    assert!(!is_committed(&stale));
}

async fn whoever_waits_for_a_change_is_woken(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    assert!(is_committed(&store.commit(Change::at(NOW).create(key("a"), vec![1])).await.unwrap()));
    let seen = store.load(&key("a")).await.unwrap().unwrap().version;
    let waiting = {
        let store = store.clone();
        tokio::spawn(async move {
            store.wait_for_change(&key("a"), Some(seen), Duration::from_secs(30)).await.unwrap()
        })
    };
    // Another node changes it.
    let change = Change::at(NOW).update(key("a"), seen, vec![2]);
    assert!(is_committed(&other.commit(change).await.unwrap()));
    assert_eq!(waiting.await.unwrap().unwrap().body, vec![2]);
}

async fn the_audit_trail_of_many_writers_is_one_unbroken_chain(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let writers: Vec<_> = (0..60)
        .map(|n| {
            let store = if n % 2 == 0 { store.clone() } else { other.clone() };
            let change = Change::at(NOW).audit(entry("one")).audit(entry("two"));
            tokio::spawn(async move { is_committed(&store.commit(change).await.unwrap()) })
        })
        .collect();
    for writer in writers {
        assert!(writer.await.unwrap());
    }
    assert_eq!(store.verify_audit(None, &[]).await.unwrap().chains["main"], 120);
    assert_eq!(other.list_audit("main", 100).await.unwrap().len(), 20);
}

async fn a_database_does_not_open_with_another_key_file(place: Place) {
    drop(place.open().await);
    let options = Options::new(Keyring::generate().unwrap());
    assert!(matches!(Store::open(&place.database, options).await, Err(StoreError::Setup(_))));
}

async fn lists_come_in_pages_and_in_order(place: Place) {
    let store = place.open().await;
    for id in ["b", "C", "a", "ä", "aa"] {
        let change = Change::at(NOW).create(key(id), id.into());
        assert!(is_committed(&store.commit(change).await.unwrap()));
    }
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list("thing", after.as_deref(), 2).await.unwrap();
        all.extend(page.documents.into_iter().map(|(id, _)| id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(all, ["C", "a", "aa", "b", "ä"]);
}

#[tokio::test]
async fn whatever_is_altered_in_the_audit_trail_is_found() {
    for (statement, seq) in [
        ("UPDATE audit_entries SET body = X'00' WHERE seq = 3", 3),
        ("UPDATE audit_entries SET subject = 'other' WHERE seq = 2", 2),
        ("UPDATE audit_entries SET at = at + 1 WHERE seq = 1", 1),
        ("UPDATE audit_entries SET kind = 'calm' WHERE seq = 4", 4),
        ("UPDATE audit_entries SET hash = zeroblob(32) WHERE seq = 5", 5),
        ("DELETE FROM audit_entries WHERE seq = 2", 2),
        ("DELETE FROM audit_entries WHERE seq = 5", 5),
    ] {
        let place = Place::sqlite();
        let store = place.open().await;
        for n in 1..=5 {
            let change = Change::at(NOW).audit(entry(&n.to_string()));
            assert!(is_committed(&store.commit(change).await.unwrap()));
        }
        assert!(store.verify_audit(None, &[]).await.is_ok());
        store.close().await;
        let tampering = rusqlite::Connection::open(&place.database).unwrap();
        tampering.execute(statement, []).unwrap();
        drop(tampering);
        match place.open().await.verify_audit(None, &[]).await {
            Err(VerifyError::Broken(broken)) => assert_eq!(broken.seq, seq, "{statement}"),
            other => panic!("{statement}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_back_up_opens_and_holds_what_was_committed() {
    let place = Place::sqlite();
    let store = place.open().await;
    assert!(is_committed(&store.commit(Change::at(NOW).create(key("a"), vec![1])).await.unwrap()));
    let copy = place.folder.path().join("copy.db");
    store.back_up(&copy).await.unwrap();
    let keys = Keyring::open(&place.folder.path().join("keys")).unwrap();
    let restored = Store::open_sqlite(&copy, Options::new(keys)).await.unwrap();
    assert_eq!(restored.load(&key("a")).await.unwrap().unwrap().body, vec![1]);
}

#[tokio::test]
async fn after_a_rotation_old_bodies_open_and_are_sealed_anew() {
    let place = Place::sqlite();
    let store = place.open().await;
    assert!(is_committed(&store.commit(Change::at(NOW).create(key("a"), vec![1])).await.unwrap()));
    store.close().await;
    Keyring::rotate(&place.folder.path().join("keys")).unwrap();
    let store = place.open().await;
    assert_eq!(store.load(&key("a")).await.unwrap().unwrap().body, vec![1]);
    store.reseal().await.unwrap();
    assert_eq!(store.load(&key("a")).await.unwrap().unwrap().body, vec![1]);
}
