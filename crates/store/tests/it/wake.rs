//! Waiting for changes.

use std::time::Duration;

use pushback_store::{Change, Document, Store, Version};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{NOW, Place, commit, effect, key};

/// Longer than any test: whoever waits with this is woken or fails.
const NEVER: Duration = Duration::from_secs(3_600);

on_both! {
    whoever_waits_for_a_change_is_woken
    whoever_waits_for_a_new_document_is_woken
    a_worker_is_woken_by_an_effect_of_its_topic
    a_change_on_another_node_is_seen_at_the_next_poll_at_the_latest
}

async fn whoever_waits_for_a_change_is_woken(place: Place) {
    let store = place.open_with(|options| options.poll_every = NEVER).await;
    commit(&store, Change::at(NOW).create(key("a"), vec![1])).await;
    let seen = store.load(&key("a")).await.unwrap().unwrap().version;
    let waiting = wait(&store, Some(seen));
    commit(&store, Change::at(NOW).update(key("a"), seen, vec![2])).await;
    assert_eq!(waiting.await.unwrap().unwrap().body, [2]);
}

async fn whoever_waits_for_a_new_document_is_woken(place: Place) {
    let store = place.open_with(|options| options.poll_every = NEVER).await;
    let waiting = wait(&store, None);
    commit(&store, Change::at(NOW).create(key("a"), vec![1])).await;
    assert_eq!(waiting.await.unwrap().unwrap().body, [1]);
}

async fn a_worker_is_woken_by_an_effect_of_its_topic(place: Place) {
    let store = place.open_with(|options| options.poll_every = NEVER).await;
    let (mut mine, mut other) = (store.watch_outbox("test"), store.watch_outbox("other"));
    commit(&store, Change::at(NOW).effect(effect("one"))).await;
    mine.changed().await;
    assert!(timeout(Duration::from_millis(50), other.changed()).await.is_err());
}

async fn a_change_on_another_node_is_seen_at_the_next_poll_at_the_latest(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    commit(&store, Change::at(NOW).create(key("a"), vec![1])).await;
    let seen = store.load(&key("a")).await.unwrap().unwrap().version;
    let waiting = wait(&store, Some(seen));
    commit(&other, Change::at(NOW).update(key("a"), seen, vec![2])).await;
    assert_eq!(waiting.await.unwrap().unwrap().body, [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_on_another_node_wakes_without_a_poll() {
    let Some(place) = Place::postgres().await else { return };
    let store = place.open_with(|options| options.poll_every = NEVER).await;
    let other = place.open().await;
    commit(&other, Change::at(NOW).create(key("a"), vec![1])).await;
    let mut seen = other.load(&key("a")).await.unwrap().unwrap().version;
    let mut waiting = wait(&store, Some(seen));
    // The node may not listen yet when the first changes come; once it does, one is enough.
    for _ in 0..200 {
        commit(&other, Change::at(NOW).update(key("a"), seen, vec![2])).await;
        seen = other.load(&key("a")).await.unwrap().unwrap().version;
        if let Ok(woken) = timeout(Duration::from_millis(100), &mut waiting).await {
            assert_eq!(woken.unwrap().unwrap().body, [2]);
            return;
        }
    }
    panic!("the notification never came");
}

/// As whoever waits does: the watch begins first, so that no change is between the look and the wait.
fn wait(store: &Store, seen: Option<Version>) -> JoinHandle<Option<Document>> {
    let store = store.clone();
    let mut watch = store.watch(&key("a"));
    let limit = Duration::from_secs(60);
    let waiting = async move {
        loop {
            let found = store.load(&key("a")).await.unwrap();
            if found.as_ref().map(|document| document.version) != seen {
                return found;
            }
            watch.changed().await;
        }
    };
    tokio::spawn(async move { timeout(limit, waiting).await.unwrap() })
}
