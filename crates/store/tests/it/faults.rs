//! PostgreSQL connections that are lost.

use std::time::Duration;
#[cfg(unix)]
use std::{
    io::{Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    sync::{Arc, Mutex},
};

use pushback_store::{Change, Store, StoreError};

use crate::{NOW, Place, commit, effect, entry, is_committed, key};

const DROP_ALL: &str = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
     WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread")]
async fn connections_lost_between_two_changes_are_made_anew() {
    let Some(place) = Place::postgres().await else { return };
    let store = place.open().await;
    for n in 0..10 {
        commit(&store, Change::at(NOW).create(key(&n.to_string()), vec![]).audit(entry("s"))).await;
        place.raw(DROP_ALL).await;
        assert!(store.load(&key(&n.to_string())).await.unwrap().is_some());
    }
    assert_eq!(store.verify_audit(None, &[]).await.unwrap().chains["main"], 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_lost_under_load_lose_no_acknowledged_change() {
    let Some(place) = Place::postgres().await else { return };
    let store = place.open().await;
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for n in 0..100 {
                    let id = format!("{writer}-{n}");
                    let change = Change::at(NOW).create(key(&id), vec![]).audit(entry(&id));
                    match store.commit(change).await {
                        Ok(outcome) => {
                            assert!(is_committed(&outcome), "{outcome:?}");
                            acknowledged.push(id);
                        }
                        // Nobody knows, or the server was gone twice in a row.
                        Err(StoreError::Unknown | StoreError::Postgres(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                acknowledged
            })
        })
        .collect();
    for _ in 0..20 {
        place.raw(DROP_ALL).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    for id in &acknowledged {
        assert!(store.load(&key(id)).await.unwrap().is_some(), "{id} is lost");
    }
    let entries = store.verify_audit(None, &[]).await.unwrap().chains["main"];
    assert!(usize::try_from(entries).unwrap() >= acknowledged.len());
    let kept = store.list("thing", None, 1_000).await.unwrap().documents.len();
    assert_eq!(usize::try_from(entries).unwrap(), kept);
}

/// The commit is on disk, but its answer never comes: nobody may be told that it was kept, nobody may
/// be told that it was not, and it may not be tried again behind the caller's back.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_unknown_and_never_tried_again() {
    let Some(place) = Place::postgres().await else { return };
    let beside = place.open().await;
    let wire = Wire::new(&place);
    let store = Store::open(&wire.database, place.options()).await.unwrap();
    // The first one with an audit entry is several statements, the others are one.
    for (n, cut) in [(0, Cut::AfterCommit), (1, Cut::AfterAnything)] {
        let id = n.to_string();
        if n > 0 {
            commit(&store, Change::at(NOW).create(key(&format!("calm{n}")), vec![])).await;
            commit(&store, Change::at(NOW).audit(entry("calm"))).await;
        }
        wire.cut(cut);
        let change = Change::at(NOW).create(key(&id), vec![]).audit(entry(&id)).effect(effect(&id));
        let outcome = store.commit(change).await;
        assert!(matches!(outcome, Err(StoreError::Unknown)), "{n}: {outcome:?}");
        wire.cut(Cut::Never);
        // It was kept here, once.
        assert_eq!(beside.load(&key(&id)).await.unwrap().unwrap().version.get(), 1);
        assert_eq!(beside.list_audit_about(&id, NOW).await.unwrap().len(), 1);
    }
    commit(&store, Change::at(NOW).create(key("after"), vec![]).audit(entry("after"))).await;
    assert_eq!(beside.verify_audit(None, &[]).await.unwrap().chains["main"], 4);
    assert_eq!(beside.outbox().await.unwrap().waiting, 2);
}

/// The commit was sent and the server dies before it is on disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_during_a_commit_leaves_it_unknown() {
    let Some(place) = Place::postgres().await else { return };
    let store = place.open().await;
    // At the commit, and not before, the server waits for a lock that the test holds.
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN PERFORM pg_advisory_xact_lock_shared(77); RETURN NULL; END $$; \
                CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON documents \
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()";
    place.raw(slow).await;
    for n in 0..2 {
        let id = n.to_string();
        let (holder, connection) =
            tokio_postgres::connect(&place.database, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        holder.batch_execute("SELECT pg_advisory_lock(77)").await.unwrap();
        let waiting = {
            let (store, change) = (store.clone(), Change::at(NOW).create(key(&id), vec![]));
            tokio::spawn(async move { store.commit(change.audit(entry("s"))).await })
        };
        let kill = "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks \
                    WHERE locktype = 'advisory' AND NOT granted";
        while holder.query(kill, &[]).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let outcome = waiting.await.unwrap();
        assert!(matches!(outcome, Err(StoreError::Unknown)), "{outcome:?}");
        holder.batch_execute("SELECT pg_advisory_unlock(77)").await.unwrap();
        assert!(store.load(&key(&id)).await.unwrap().is_none());
        commit(&store, Change::at(NOW).create(key(&format!("after{n}")), vec![])).await;
        commit(&store, Change::at(NOW).audit(entry("after"))).await;
    }
    assert_eq!(store.verify_audit(None, &[]).await.unwrap().chains["main"], 2);
}

/// When a wire is cut.
#[cfg(unix)]
#[derive(Clone, Copy, PartialEq)]
enum Cut {
    Never,
    /// When the server has answered anything; the answer is lost.
    AfterAnything,
    /// When the server has said that it committed; the answer is lost.
    AfterCommit,
}

/// A socket in front of the server's, which loses answers when told to.
#[cfg(unix)]
struct Wire {
    database: String,
    cut: Arc<Mutex<Cut>>,
}

#[cfg(unix)]
impl Wire {
    fn new(place: &Place) -> Self {
        let (before, name) = place.database.rsplit_once('/').unwrap();
        let (user, host) = before.rsplit_once('@').unwrap();
        let socket = format!("{}/.s.PGSQL.5432", host.replace("%2F", "/"));
        let folder = place.folder.path().to_str().unwrap();
        let listener = UnixListener::bind(format!("{folder}/.s.PGSQL.5432")).unwrap();
        let cut = Arc::new(Mutex::new(Cut::Never));
        let told = Arc::clone(&cut);
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (near, far) = (near.unwrap(), UnixStream::connect(&socket).unwrap());
                let (mut up, mut down) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let told = Arc::clone(&told);
                std::thread::spawn(move || {
                    // Either side may be gone: then so is the wire.
                    let _ = std::io::copy(&mut up, &mut down);
                    let _ = down.shutdown(Shutdown::Both);
                });
                std::thread::spawn(move || carry_back(far, near, &told));
            }
        });
        let database = format!("{user}@{}/{name}", folder.replace('/', "%2F"));
        Self { database, cut }
    }

    fn cut(&self, cut: Cut) {
        *self.cut.lock().unwrap() = cut;
    }
}

#[cfg(unix)]
fn carry_back(mut far: UnixStream, mut near: UnixStream, cut: &Mutex<Cut>) {
    let mut bytes = [0; 65_536];
    loop {
        let count = far.read(&mut bytes).unwrap_or(0);
        let is_cut = match *cut.lock().unwrap() {
            Cut::Never => false,
            Cut::AfterAnything => true,
            Cut::AfterCommit => bytes[..count].windows(7).any(|some| some == b"COMMIT\0"),
        };
        if count == 0 || is_cut || near.write_all(&bytes[..count]).is_err() {
            let _ = near.shutdown(Shutdown::Both);
            let _ = far.shutdown(Shutdown::Both);
            return;
        }
    }
}
