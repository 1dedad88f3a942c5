//! PostgreSQL connections that are lost.

use std::time::Duration;

use pushback_store::{Change, StoreError};

use crate::{NOW, Place, commit, entry, is_committed, key};

const DROP_ALL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
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
