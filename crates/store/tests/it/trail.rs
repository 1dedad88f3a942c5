//! The audit trail under many writers and under whoever can write to the database.

use pushback_model::Timestamp;
use pushback_store::audit::{self, GENESIS};
use pushback_store::{
    AuditEntry, Broken, Change, Commit, Fault, PublicKey, Recorded, Signer, Store, VerifyError,
    Within,
};

use crate::{NOW, Place, commit, entry, is_committed, key};

on_both! {
    the_audit_trail_of_many_writers_is_one_unbroken_chain
    nodes_with_a_chain_each_keep_both_unbroken
    whatever_is_altered_in_the_audit_trail_is_found
    any_altered_byte_of_the_audit_trail_is_found
    a_trail_that_was_cut_or_written_anew_is_found_by_a_checkpoint
    a_commit_has_a_receipt_that_verifies_without_the_database
    entries_are_found_by_their_subject
    entries_are_found_by_their_subject_and_kind_between_two_instants
    entries_are_found_by_their_kinds_in_the_order_of_the_chain
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

async fn nodes_with_a_chain_each_keep_both_unbroken(place: Place) {
    let one = place.open_with(|options| options.chain = "one".to_owned()).await;
    let two = place.open_with(|options| options.chain = "two".to_owned()).await;
    commit(&one, Change::at(NOW).create(key("a"), vec![])).await;
    let writers: Vec<_> = (0..60_u8)
        .map(|n| {
            let store = if n % 3 == 0 { one.clone() } else { two.clone() };
            tokio::spawn(async move {
                // All move one document, so that the nodes really meet.
                loop {
                    let found = store.load(&key("a")).await.unwrap().unwrap();
                    let change = Change::at(NOW).update(key("a"), found.version, vec![n]);
                    if is_committed(&store.commit(change.audit(entry("a"))).await.unwrap()) {
                        return;
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let verified = one.verify_audit(None, &[]).await.unwrap();
    assert_eq!((verified.chains["one"], verified.chains["two"]), (20, 40));
    assert_eq!(one.load(&key("a")).await.unwrap().unwrap().version.get(), 61);
}

async fn broken(store: &Store) -> Option<Broken> {
    match store.verify_audit(None, &[]).await {
        Ok(_) => None,
        Err(VerifyError::Broken(broken)) => Some(broken),
        Err(VerifyError::Store(error)) => panic!("{error}"),
    }
}

async fn five(place: &Place) -> Store {
    let store = place.open().await;
    for n in 1..=5 {
        commit(&store, Change::at(NOW).audit(entry(&n.to_string()))).await;
    }
    store
}

async fn whatever_is_altered_in_the_audit_trail_is_found(place: Place) {
    let store = five(&place).await;
    let keep = "CREATE TABLE kept AS SELECT * FROM audit_entries; \
                CREATE TABLE kept_heads AS SELECT * FROM audit_heads";
    place.raw(keep).await;
    let copy = "INSERT INTO audit_entries (chain, seq, at, kind, subject, body, hash) SELECT";
    for (statement, seq, fault) in [
        ("UPDATE audit_entries SET body = hash WHERE seq = 3", 3, Fault::Altered),
        ("UPDATE audit_entries SET subject = 'other' WHERE seq = 2", 2, Fault::Altered),
        ("UPDATE audit_entries SET at = at + 1 WHERE seq = 1", 1, Fault::Altered),
        ("UPDATE audit_entries SET kind = 'calm' WHERE seq = 4", 4, Fault::Altered),
        ("UPDATE audit_entries SET seq = 9 WHERE seq = 5", 5, Fault::Missing),
        ("UPDATE audit_entries SET chain = 'x' WHERE seq = 5", 5, Fault::Missing),
        ("DELETE FROM audit_entries WHERE seq = 2", 2, Fault::Missing),
        ("DELETE FROM audit_entries WHERE seq = 5", 5, Fault::Missing),
        ("UPDATE audit_heads SET hash = (SELECT hash FROM kept WHERE seq = 1)", 5, Fault::Head),
        ("DELETE FROM audit_heads", 1, Fault::Head),
        (
            &format!("{copy} chain, 0, at, kind, subject, body, hash FROM kept WHERE seq = 1"),
            0,
            Fault::PutIn,
        ),
        (
            &format!("{copy} chain, 6, at, kind, subject, body, hash FROM kept WHERE seq = 5"),
            6,
            Fault::PutIn,
        ),
        (&format!("{copy} 'x', seq, at, kind, subject, body, hash FROM kept"), 1, Fault::Head),
    ] {
        assert_eq!(broken(&store).await, None);
        place.raw(statement).await;
        let found = broken(&store).await.map(|broken| (broken.seq, broken.fault));
        assert_eq!(found, Some((seq, fault)), "{statement}");
        let restore = "DELETE FROM audit_entries; DELETE FROM audit_heads; \
                       INSERT INTO audit_entries SELECT * FROM kept; \
                       INSERT INTO audit_heads SELECT * FROM kept_heads";
        place.raw(restore).await;
    }
}

async fn any_altered_byte_of_the_audit_trail_is_found(place: Place) {
    let store = five(&place).await;
    let mut altered_bytes = 0;
    for recorded in store.list_audit("main", 0).await.unwrap() {
        let (seq, entry) = (recorded.seq, recorded.entry);
        for (column, is_text, bytes) in [
            ("kind", true, entry.kind.as_bytes()),
            ("subject", true, entry.subject.as_bytes()),
            ("body", false, &entry.body),
            ("hash", false, &recorded.hash),
        ] {
            let set = |bytes: &[u8]| {
                let value = literal(&place, bytes, is_text);
                format!("UPDATE audit_entries SET {column} = {value} WHERE seq = {seq}")
            };
            for at in 0..bytes.len() {
                let mut altered = bytes.to_vec();
                altered[at] ^= 1;
                place.raw(&set(&altered)).await;
                let found = broken(&store).await;
                assert_eq!(found.map(|broken| broken.seq), Some(seq), "{column}, byte {at}");
                altered_bytes += 1;
            }
            place.raw(&set(bytes)).await;
        }
        let at = entry.at.as_millis();
        let set = |at: i64| format!("UPDATE audit_entries SET at = {at} WHERE seq = {seq}");
        for byte in 0..8 {
            place.raw(&set(at ^ 1 << (8 * byte))).await;
            let found = broken(&store).await;
            assert_eq!(found.map(|broken| broken.seq), Some(seq), "at, byte {byte}");
            altered_bytes += 1;
        }
        place.raw(&set(at)).await;
    }
    assert_eq!(broken(&store).await, None);
    // 6 of the kind, 1 of the subject, 2 of the body, 32 of the hash and 8 of the instant.
    assert_eq!(altered_bytes, 5 * 49);
}

/// Bytes as SQL. Texts stay text, so that only the hash can tell.
fn literal(place: &Place, bytes: &[u8], is_text: bool) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match (place.is_postgres(), is_text) {
        (true, false) => format!("decode('{hex}', 'hex')"),
        (true, true) => format!("convert_from(decode('{hex}', 'hex'), 'UTF8')"),
        (false, false) => format!("X'{hex}'"),
        (false, true) => format!("CAST(X'{hex}' AS TEXT)"),
    }
}

async fn a_trail_that_was_cut_or_written_anew_is_found_by_a_checkpoint(place: Place) {
    let signer = Signer::create(&place.folder.path().join("signer.pem")).unwrap();
    let public = signer.public();
    let store = five(&place).await;
    let token = store.checkpoint(&signer, NOW).await.unwrap().pop().unwrap();
    let kept = [public.verify_checkpoint(&token).unwrap()];
    assert_eq!(store.verify_audit(Some(public), &kept).await.unwrap().checkpoints, 1);
    // Whoever can write the database writes entry 3 anew, and all that follows from it.
    let recorded = store.list_audit("main", 0).await.unwrap();
    let mut previous = GENESIS;
    for (seq, mut entry) in (1..).zip(recorded.into_iter().map(|recorded| recorded.entry)) {
        if seq == 3 {
            entry = AuditEntry { at: Timestamp::from_millis(0), ..entry };
        }
        previous = audit::hash(&previous, "main", seq, &entry);
        let hash = literal(&place, &previous, false);
        let at = entry.at.as_millis();
        let update = format!(
            "UPDATE audit_entries SET at = {at}, hash = {hash} WHERE seq = {seq}; \
                     UPDATE audit_heads SET hash = {hash}"
        );
        place.raw(&update).await;
    }
    assert_eq!(broken(&store).await, None);
    checkpoint_tells(&store, public, 5).await;
    let cut = "DELETE FROM audit_entries WHERE seq > 3; UPDATE audit_heads SET seq = 3, \
               hash = (SELECT hash FROM audit_entries WHERE seq = 3)";
    place.raw(cut).await;
    assert_eq!(broken(&store).await, None);
    checkpoint_tells(&store, public, 5).await;
    // The checkpoints of the database can be taken out or forged too; the one kept elsewhere not.
    place.raw("UPDATE audit_checkpoints SET token = 'a.b.c'").await;
    let forged = store.verify_audit(Some(public), &[]).await;
    assert!(matches!(
        forged,
        Err(VerifyError::Broken(Broken { seq: 5, fault: Fault::CheckpointSignature, .. }))
    ));
    place
        .raw("DELETE FROM audit_checkpoints; DELETE FROM audit_entries; DELETE FROM audit_heads")
        .await;
    let gone = store.verify_audit(None, &kept).await;
    assert!(matches!(
        gone,
        Err(VerifyError::Broken(Broken { seq: 5, fault: Fault::Checkpoint, .. }))
    ));
}

async fn checkpoint_tells(store: &Store, public: &PublicKey, wanted: i64) {
    match store.verify_audit(Some(public), &[]).await {
        Err(VerifyError::Broken(Broken { seq, fault: Fault::Checkpoint, .. })) => {
            assert_eq!(seq, wanted);
        }
        other => panic!("{other:?}"),
    }
}

async fn a_commit_has_a_receipt_that_verifies_without_the_database(place: Place) {
    let signer = Signer::create(&place.folder.path().join("signer.pem")).unwrap();
    let store = five(&place).await;
    let outcome = store.commit(Change::at(NOW).audit(entry("six"))).await.unwrap();
    let Commit::Committed(committed) = outcome else { panic!() };
    let recorded = store.list_audit("main", 5).await.unwrap().remove(0);
    let token = signer.receipt(&recorded, serde_json::json!({ "what": "six" })).unwrap();
    let public = PublicKey::from_jwk(&signer.public().jwk()).unwrap();
    let receipt = public.verify_receipt(&token).unwrap();
    assert_eq!((receipt.chain.as_str(), receipt.hash), ("main", committed.audit[0].hash));
}

async fn entries_are_found_by_their_subject(place: Place) {
    let store = five(&place).await;
    let found = store.list_audit_about("3", NOW).await.unwrap();
    assert_eq!((found.len(), found[0].seq), (1, 3));
    let later = Timestamp::from_millis(NOW.as_millis() + 1);
    assert!(store.list_audit_about("3", later).await.unwrap().is_empty());
}

async fn entries_are_found_by_their_subject_and_kind_between_two_instants(place: Place) {
    let store = place.open().await;
    let at = |ms: i64| Timestamp::from_millis(NOW.as_millis() + ms);
    for (ms, kind, subject) in
        [(0, "a", "x"), (1, "a", "x"), (1, "a", "x"), (1, "b", "x"), (1, "a", "y"), (2, "a", "x")]
    {
        let entry = AuditEntry { at: at(ms), kind: kind.to_owned(), ..entry(subject) };
        commit(&store, Change::at(NOW).audit(entry)).await;
    }
    let found = async |from, to, kinds: &[&str], after: Option<&Recorded>| -> Vec<i64> {
        let within = Within { subject: "x", kinds, from: at(from), to: at(to) };
        let found = store.list_audit_within(&within, after).await.unwrap();
        found.into_iter().map(|recorded| recorded.seq).collect()
    };
    assert_eq!(found(0, 2, &["a"], None).await, [1, 2, 3, 6]);
    assert_eq!(found(1, 1, &["a", "b"], None).await, [2, 3, 4]);
    assert!(found(3, 9, &["a"], None).await.is_empty());
    let second = store.list_audit("main", 1).await.unwrap().remove(0);
    assert_eq!(found(0, 2, &["a"], Some(&second)).await, [3, 6]);
}

async fn entries_are_found_by_their_kinds_in_the_order_of_the_chain(place: Place) {
    let store = place.open().await;
    for kind in ["a", "b", "c", "a", "d", "b"] {
        let entry = AuditEntry { kind: kind.to_owned(), ..entry("alice") };
        commit(&store, Change::at(NOW).audit(entry)).await;
    }
    let found = async |after, kinds: &[&str], limit| -> Vec<(i64, String)> {
        let found = store.list_audit_of("main", after, kinds, limit).await.unwrap();
        found.into_iter().map(|recorded| (recorded.seq, recorded.entry.kind)).collect()
    };
    let is = |seq, kind: &str| (seq, kind.to_owned());
    assert_eq!(found(0, &["a", "b"], 10).await, [is(1, "a"), is(2, "b"), is(4, "a"), is(6, "b")]);
    assert_eq!(found(2, &["b", "d"], 1).await, [is(5, "d")]);
    assert_eq!(found(6, &["a", "b", "c", "d"], 10).await, []);
    assert_eq!(found(0, &["e"], 10).await, []);
    assert!(store.list_audit_of("other", 0, &["a"], 10).await.unwrap().is_empty());
}
