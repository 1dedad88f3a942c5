//! The outbox.

use std::collections::BTreeSet;

use pushback_model::Span;
use pushback_store::{Change, Commit, OutboxRow, Refusal, Version};

use crate::{NOW, Place, commit, effect, is_committed, key};

const LEASE: Span = Span::seconds(30);

on_both! {
    an_effect_is_handed_out_after_its_commit_and_until_it_is_done
    an_effect_that_failed_comes_back_when_it_is_due
    an_effect_claimed_too_often_is_dead_until_it_is_revived
    an_effect_that_is_given_up_is_seen_with_the_reason
    an_effect_whose_key_is_waiting_is_not_added_again
    two_workers_never_hold_one_effect
    a_full_outbox_refuses_until_effects_have_left
    an_effect_goes_with_the_commit_that_withdraws_it
    an_effect_of_this_node_is_leased_by_its_commit_and_comes_from_memory
    an_effect_that_was_handed_over_comes_back_as_one_that_may_be_done
    an_effect_that_is_there_already_is_not_handed_over
    an_effect_that_is_due_later_is_not_handed_over
}

async fn an_effect_goes_with_the_commit_that_withdraws_it(place: Place) {
    let store = place.open_with(|options| options.outbox_max = 2).await;
    commit(&store, Change::at(NOW).effect(effect("one")).effect(effect("two"))).await;
    commit(&store, Change::at(NOW).withdraw("one".to_owned())).await;
    let claimed = store.claim("test", NOW, LEASE, 10).await.unwrap();
    assert_eq!(claimed.iter().map(|claimed| &*claimed.key).collect::<Vec<_>>(), ["two"]);
    // There is room again, and what is not there can be withdrawn too.
    let change = Change::at(NOW).effect(effect("three")).withdraw("one".to_owned());
    commit(&store, change).await;
    // Nothing is withdrawn by a change that is not kept.
    let lost = Change::at(NOW).withdraw("three".to_owned()).update(key("none"), version(), vec![]);
    assert!(!is_committed(&store.commit(lost).await.unwrap()));
    assert_eq!(store.outbox().await.unwrap().waiting, 2);
}

async fn an_effect_of_this_node_is_leased_by_its_commit_and_comes_from_memory(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    commit(&store, Change::at(NOW).effect(effect("before"))).await;
    assert!(store.take(NOW, 10).is_empty() && store.take_due() && !store.take_due());
    store.hand_over("test", LEASE);
    let mut watch = store.watch_outbox("test");
    commit(&store, Change::at(NOW).effect(effect("one")).effect(effect("two"))).await;
    watch.changed().await;
    assert!(store.has_work() && !store.take_due());
    let first = store.take(NOW, 1);
    assert_eq!((first.len(), &*first[0].payload, first[0].claim), (1, &b"one"[..], 1));
    assert!(!first[0].may_be_done);
    assert_eq!(store.take(NOW, 10).len(), 1);
    let claimed = other.claim("test", NOW, LEASE, 10).await.unwrap();
    assert_eq!(claimed.iter().map(|claimed| &*claimed.key).collect::<Vec<_>>(), ["before"]);
    // It is held as if it had been claimed.
    assert!(store.retry(&first[0], NOW + LEASE, "busy").await.unwrap());
    assert_eq!(other.claim("test", NOW + LEASE, LEASE, 1).await.unwrap()[0].claim, 2);
}

async fn an_effect_that_was_handed_over_comes_back_as_one_that_may_be_done(place: Place) {
    let store = place.open().await;
    store.hand_over("test", LEASE);
    commit(&store, Change::at(NOW).effect(effect("one"))).await;
    // Its node stops.
    drop(store);
    let store = place.open().await;
    assert!(store.claim("test", NOW + Span::seconds(29), LEASE, 10).await.unwrap().is_empty());
    let claimed = store.claim("test", NOW + LEASE, LEASE, 10).await.unwrap();
    assert!(claimed.len() == 1 && claimed[0].may_be_done);
}

async fn an_effect_that_is_there_already_is_not_handed_over(place: Place) {
    let store = place.open().await;
    store.hand_over("test", LEASE);
    // The second time on PostgreSQL goes the short way.
    commit(&store, Change::at(NOW).audit(crate::entry("first"))).await;
    commit(&store, Change::at(NOW).effect(effect("one"))).await;
    assert_eq!(store.take(NOW, 10).len(), 1);
    let again = Change::at(NOW).audit(crate::entry("again"));
    commit(&store, again.effect(effect("one")).effect(effect("two"))).await;
    assert!(store.take(NOW, 10).is_empty() && store.take_due());
    let claimed = store.claim("test", NOW, LEASE, 10).await.unwrap();
    assert_eq!(claimed.iter().map(|claimed| &*claimed.key).collect::<Vec<_>>(), ["two"]);
}

async fn an_effect_that_is_due_later_is_not_handed_over(place: Place) {
    let store = place.open().await;
    store.hand_over("test", LEASE);
    let later = OutboxRow { due_at: NOW + Span::seconds(90), ..effect("one") };
    commit(&store, Change::at(NOW).effect(later)).await;
    assert!(!store.has_work());
    let claimed = store.claim("test", NOW + Span::seconds(90), LEASE, 10).await.unwrap();
    assert!(claimed.len() == 1 && !claimed[0].may_be_done);
}

fn version() -> Version {
    Version::from_number(1).unwrap()
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

async fn an_effect_that_failed_comes_back_when_it_is_due(place: Place) {
    let store = place.open().await;
    commit(&store, Change::at(NOW).effect(effect("one"))).await;
    let claimed = store.claim("test", NOW, LEASE, 10).await.unwrap();
    let due_at = NOW + Span::minutes(5);
    assert!(store.retry(&claimed[0], due_at, "the gateway said 503").await.unwrap());
    let early = due_at - Span::millis(1);
    assert!(store.claim("test", early, LEASE, 10).await.unwrap().is_empty());
    assert_eq!(store.claim("test", due_at, LEASE, 10).await.unwrap()[0].claim, 2);
}

async fn an_effect_claimed_too_often_is_dead_until_it_is_revived(place: Place) {
    let store = place.open_with(|options| options.claims_max = 2).await;
    commit(&store, Change::at(NOW).effect(effect("one")).effect(effect("other"))).await;
    assert_eq!(store.done(&["other"]).await.unwrap(), 1);
    let mut now = NOW;
    for claim in [1, 2] {
        assert_eq!(store.claim("test", now, LEASE, 10).await.unwrap()[0].claim, claim);
        now = now + LEASE;
    }
    assert!(store.claim("test", now, LEASE, 10).await.unwrap().is_empty());
    let dead = store.list_dead(10).await.unwrap();
    assert_eq!((dead.len(), dead[0].claims, dead[0].dead_at), (1, 2, now));
    assert_eq!(store.outbox().await.unwrap().dead, 1);
    assert!(store.revive("one", now).await.unwrap());
    assert!(!store.revive("one", now).await.unwrap());
    assert_eq!(store.claim("test", now, LEASE, 10).await.unwrap()[0].claim, 1);
}

async fn an_effect_that_is_given_up_is_seen_with_the_reason(place: Place) {
    let store = place.open().await;
    commit(&store, Change::at(NOW).effect(effect("one"))).await;
    let claimed = store.claim("test", NOW, LEASE, 10).await.unwrap();
    assert!(store.give_up(&claimed[0], NOW, "410 gone").await.unwrap());
    let dead = store.list_dead(10).await.unwrap();
    assert_eq!((dead[0].key.as_str(), dead[0].last_error.as_str()), ("one", "410 gone"));
    assert_eq!(store.sweep(NOW + Span::days(29)).await.unwrap().dead, 0);
    assert_eq!(store.sweep(NOW + Span::days(31)).await.unwrap().dead, 1);
}

async fn an_effect_whose_key_is_waiting_is_not_added_again(place: Place) {
    let store = place.open().await;
    commit(&store, Change::at(NOW).effect(effect("one"))).await;
    commit(&store, Change::at(NOW).effect(effect("one"))).await;
    assert_eq!(store.outbox().await.unwrap().waiting, 1);
}

async fn two_workers_never_hold_one_effect(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    for n in 0..5 {
        let change =
            (0..20).fold(Change::at(NOW), |change, m| change.effect(effect(&format!("{n}.{m}"))));
        commit(&store, change).await;
    }
    let workers: Vec<_> = (0..20)
        .map(|n| {
            let store = if n % 2 == 0 { store.clone() } else { other.clone() };
            tokio::spawn(async move { store.claim("test", NOW, LEASE, 7).await.unwrap() })
        })
        .collect();
    let mut held = BTreeSet::new();
    for worker in workers {
        for claimed in worker.await.unwrap() {
            assert!(held.insert(claimed.key.clone()), "{} was handed out twice", claimed.key);
        }
    }
    // Workers step over each other's rows, so some may come away with fewer; the rest is still there.
    for claimed in store.claim("test", NOW, LEASE, 100).await.unwrap() {
        assert!(held.insert(claimed.key.clone()), "{} was handed out twice", claimed.key);
    }
    assert_eq!(held.len(), 100);
}

async fn a_full_outbox_refuses_until_effects_have_left(place: Place) {
    let store = place.open_with(|options| options.outbox_max = 2).await;
    let change = |id: &str| Change::at(NOW).create(key(id), vec![]).effect(effect(id));
    commit(&store, change("one")).await;
    commit(&store, change("two")).await;
    let outcome = store.commit(change("three")).await.unwrap();
    assert_eq!(outcome, Commit::Refused(Refusal::OutboxFull));
    assert!(store.load(&key("three")).await.unwrap().is_none());
    // A change without effects is not held up.
    commit(&store, Change::at(NOW).create(key("four"), vec![])).await;
    assert_eq!(store.done(&["one"]).await.unwrap(), 1);
    assert!(is_committed(&store.commit(change("three")).await.unwrap()));
}
