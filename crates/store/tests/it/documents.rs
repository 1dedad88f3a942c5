//! Documents, versions, answers.

use pushback_model::{Span, Timestamp};
use pushback_store::{Answer, Change, Commit, Conflict, Refusal, Seen};

use crate::{NOW, Place, commit, effect, entry, is_committed, key};

on_both! {
    what_was_acknowledged_is_there_after_reopening_without_a_close
    of_many_who_saw_one_version_exactly_one_wins
    a_conflict_keeps_nothing_of_its_change_and_all_of_its_neighbours
    an_answer_is_given_again_until_it_expires
    a_version_is_never_given_twice
    lists_come_in_pages_and_in_order
    the_sweep_takes_out_what_nobody_needs_any_more
    a_full_queue_refuses_and_keeps_nothing_of_what_it_refused
    a_document_is_looked_at_without_its_body_if_its_version_is_known
    postgres_tells_its_time_to_compare_clocks_with
}

async fn postgres_tells_its_time_to_compare_clocks_with(place: Place) {
    let store = place.open().await;
    let before = store.database_time().await.unwrap();
    let after = store.database_time().await.unwrap();
    assert_eq!(before.is_some(), place.is_postgres());
    // Within an hour, and of this machine: tests read no clock, and a file tells it as well.
    let written = std::fs::metadata(place.folder.path().join("keys")).unwrap().modified().unwrap();
    let written = written.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for told in [before, after].into_iter().flatten() {
        let apart = told - Timestamp::from_seconds(i64::try_from(written).unwrap());
        assert!(apart.abs() < Span::hours(1), "{apart}");
    }
    assert!(before <= after);
}

async fn a_document_is_looked_at_without_its_body_if_its_version_is_known(place: Place) {
    let store = place.open().await;
    commit(&store, Change::at(NOW).create(key("a"), b"one".to_vec())).await;
    let (a, b) = (key("a"), key("b"));
    let document = store.load(&a).await.unwrap().unwrap();
    let version = document.version;
    let (known, other) = (Some(version), Seen::Other(document));
    let seen = store.look([(&a, None), (&a, known), (&b, known)]).await.unwrap();
    assert_eq!(seen, [other, Seen::AsKnown, Seen::Absent]);
    commit(&store, Change::at(NOW).update(key("a"), version, b"two".to_vec())).await;
    let [seen] = store.look([(&a, known)]).await.unwrap();
    let Seen::Other(document) = seen else { panic!("{seen:?}") };
    assert_eq!(document.body, b"two");
    commit(&store, Change::at(NOW).delete(key("a"), document.version)).await;
    let seen = store.look([(&a, Some(document.version))]).await.unwrap();
    assert_eq!(seen, [Seen::Absent]);
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

async fn the_sweep_takes_out_what_nobody_needs_any_more(place: Place) {
    let store = place.open().await;
    commit(&store, Change::at(NOW).create(key("a"), vec![]).create(key("kept"), vec![])).await;
    let seen = store.load(&key("a")).await.unwrap().unwrap().version;
    let answer = Answer {
        request_key: "rp/1".into(),
        request_digest: [7; 32],
        body: vec![],
        expires_at: NOW + Span::hours(1),
    };
    commit(&store, Change::at(NOW).delete(key("a"), seen).answer(answer)).await;
    let swept = store.sweep(NOW).await.unwrap();
    assert_eq!((swept.answers, swept.documents, swept.is_complete), (0, 0, true));
    let swept = store.sweep(NOW + Span::days(2)).await.unwrap();
    assert_eq!((swept.answers, swept.documents, swept.dead), (1, 1, 0));
    assert!(store.load(&key("kept")).await.unwrap().is_some());
}

async fn a_full_queue_refuses_and_keeps_nothing_of_what_it_refused(place: Place) {
    let store = place.open_with(|options| (options.queue_max, options.batch_max) = (1, 1)).await;
    let writers: Vec<_> = (0..50)
        .map(|n| {
            let store = store.clone();
            let change = Change::at(NOW).create(key(&n.to_string()), vec![]);
            tokio::spawn(async move { store.commit(change).await.unwrap() })
        })
        .collect();
    let mut refused = 0;
    for (n, writer) in writers.into_iter().enumerate() {
        let outcome = writer.await.unwrap();
        let is_there = store.load(&key(&n.to_string())).await.unwrap().is_some();
        assert_eq!(is_there, is_committed(&outcome), "{n}");
        refused += usize::from(outcome == Commit::Refused(Refusal::QueueFull));
    }
    assert!(refused > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_wait_take_at_most_64_mib() {
    let place = Place::sqlite();
    let store = place.open().await;
    // Each is 16 MiB, and the first is not on disk before the last was handed in.
    let writers: Vec<_> = (0..8)
        .map(|n| {
            let store = store.clone();
            let change = (0..64).fold(Change::at(NOW), |change, part| {
                change.create(key(&format!("{n}-{part}")), vec![7; 256 * 1024])
            });
            tokio::spawn(async move { store.commit(change).await.unwrap() })
        })
        .collect();
    let mut outcomes = Vec::new();
    for writer in writers {
        outcomes.push(writer.await.unwrap());
    }
    assert!(outcomes.contains(&Commit::Refused(Refusal::QueueFull)));
    assert!(outcomes.iter().any(is_committed));
}
