//! Sealed bodies in the database.

use pushback_model::Span;
use pushback_store::{
    Answer, Change, Commit, Keyring, Options, Resealing, SealError, Store, StoreError,
};

use crate::{NOW, Place, commit, effect, key};

on_both! {
    a_database_does_not_open_with_another_key_file
    a_body_that_was_moved_to_another_row_does_not_open
    after_a_rotation_and_resealing_the_old_key_is_not_needed
    nothing_that_is_sealed_stands_in_the_clear
}

async fn a_database_does_not_open_with_another_key_file(place: Place) {
    drop(place.open().await);
    let options = Options::new(Keyring::generate().unwrap());
    assert!(matches!(Store::open(&place.database, options).await, Err(StoreError::Setup(_))));
}

async fn a_body_that_was_moved_to_another_row_does_not_open(place: Place) {
    let store = place.open().await;
    commit(&store, Change::at(NOW).create(key("a"), vec![1]).create(key("b"), vec![2])).await;
    let swap = "UPDATE documents SET body = (SELECT body FROM documents WHERE id = 'b') \
                WHERE id = 'a'";
    place.raw(swap).await;
    let moved = store.load(&key("a")).await;
    assert!(matches!(moved, Err(StoreError::Seal(SealError::Refused))));
    assert_eq!(store.load(&key("b")).await.unwrap().unwrap().body, [2]);
}

async fn after_a_rotation_and_resealing_the_old_key_is_not_needed(place: Place) {
    let keys = place.folder.path().join("keys");
    let store = place.open().await;
    let answer = Answer {
        request_key: "rp/1".into(),
        request_digest: [7; 32],
        body: b"yes".to_vec(),
        expires_at: NOW + Span::hours(1),
    };
    for n in 0..250_u8 {
        commit(&store, Change::at(NOW).create(key(&n.to_string()), vec![n])).await;
    }
    commit(&store, Change::at(NOW).effect(effect("one")).answer(answer)).await;
    store.close().await;
    Keyring::rotate(&keys).unwrap();
    let store = place.open().await;
    assert_eq!(store.load(&key("7")).await.unwrap().unwrap().body, [7]);
    // 250 documents and the one that tells the keys, an effect and an answer.
    let wanted = Resealing { resealed: 253, unopened: 0 };
    assert_eq!(store.reseal().await.unwrap(), wanted);
    assert_eq!(store.reseal().await.unwrap(), Resealing::default());
    store.close().await;
    let text = std::fs::read_to_string(&keys).unwrap();
    let without: String = text
        .lines()
        .filter(|line| !line.starts_with("1 "))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&keys, without).unwrap();
    let store = place.open().await;
    for n in 0..250_u8 {
        let found = store.load(&key(&n.to_string())).await.unwrap().unwrap();
        assert_eq!((found.version.get(), found.body), (1, vec![n]));
    }
    assert_eq!(store.find_answer("rp/1", NOW).await.unwrap().unwrap().body, b"yes");
    let claimed = store.claim("test", NOW, Span::seconds(30), 10).await.unwrap();
    assert_eq!(claimed[0].payload, b"one");
}

async fn nothing_that_is_sealed_stands_in_the_clear(place: Place) {
    let store = place.open().await;
    let mut row = effect("one");
    row.payload = b"whisper".to_vec();
    let answer = Answer {
        request_key: "rp/1".into(),
        request_digest: [7; 32],
        body: b"whisper".to_vec(),
        expires_at: NOW + Span::hours(1),
    };
    let change = Change::at(NOW).create(key("a"), b"whisper".to_vec()).effect(row).answer(answer);
    assert!(matches!(store.commit(change).await.unwrap(), Commit::Committed(_)));
    for (table, column) in [("documents", "body"), ("outbox", "payload"), ("answers", "body")] {
        // The check of the new table fails if the bytes are anywhere in the column.
        let sought = match place.is_postgres() {
            true => "convert_to('whisper', 'UTF8')",
            false => "CAST('whisper' AS BLOB)",
        };
        let position = match place.is_postgres() {
            true => format!("position({sought} in {column})"),
            false => format!("instr({column}, {sought})"),
        };
        let check = format!(
            "CREATE TABLE check_{table} (found BIGINT CHECK (found = 0)); \
             INSERT INTO check_{table} SELECT {position} FROM {table}"
        );
        place.raw(&check).await;
    }
}
