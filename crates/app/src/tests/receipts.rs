//! What receipts say to relying parties, and what they keep to themselves.

use pushback_store::Receipt;
use pushback_verify::{Accepts, Notes, Place, Requester, Text};
use serde_json::{Value, json};

use crate::testing::{ALICE, Bench, Phone, attempt_for, bench, bound, code};
use crate::{AttemptView, NewAttempt, SaidBy};

const NOBODY: &str = "nobody@example.org";

async fn receipts(bench: &Bench, id: &str) -> Vec<Receipt> {
    let (tokens, key) = (bench.app.receipts(&bench.party, id).await.unwrap(), bench.receipt_key());
    tokens.iter().map(|token| key.verify_receipt(token).unwrap()).collect()
}

async fn start(bench: &Bench, new: NewAttempt) -> AttemptView {
    bench.app.start_attempt(&bench.party, new).await.unwrap()
}

fn passkey_only(name: &str, ip: &str) -> NewAttempt {
    let requester = Requester { ip: Some(ip.parse().unwrap()), ..Requester::default() };
    let accepts = Accepts::PhishingResistant;
    NewAttempt { requester, accepts, ..attempt_for(name, None) }
}

/// Alice's phone, which was heard of in Lisbon.
async fn in_lisbon(bench: &Bench) -> Phone {
    let place = Place { country: Text::new("PT"), city: Some(Text::new("Lisbon")), point: None };
    let from = Requester {
        ip: Some("198.51.100.7".parse().unwrap()),
        place: Some(place),
        ..Requester::default()
    };
    let mut phone = bound(&bench.app, ALICE).await;
    phone.from = from;
    phone
}

#[tokio::test]
async fn a_receipt_says_nothing_of_the_owners_places_and_habits() {
    let bench = bench().await;
    let phone = in_lisbon(&bench).await;
    bench.app.open_app(&phone.ask(&bench.app).await).await.unwrap();
    let mut said = Vec::new();
    // Beside the phone, and anywhere.
    for ip in ["198.51.100.7", "203.0.113.7"] {
        let held = start(&bench, passkey_only(ALICE, ip)).await;
        for mut receipt in receipts(&bench, &held.id).await {
            assert_eq!(receipt.said["attempt"], *held.id);
            receipt.said["attempt"] = Value::Null;
            said.push(receipt.said);
        }
    }
    assert_eq!(said.len(), 2);
    assert_eq!(said[0], said[1]);
    let answered = bench.start(None).await;
    phone.say(&bench.app, SaidBy::Confirm(code(&answered))).await.unwrap();
    let all = format!("{:?}", receipts(&bench, &answered.id).await);
    let trail = serde_json::to_string(&bench.app.audit("main", 0).await.unwrap()).unwrap();
    for private in ["198.51.100.7", "Lisbon", "phone_same_network", "context_digest", "signature"] {
        assert!(trail.contains(private), "{private} is in the trail");
        assert!(!all.contains(private), "{private} is in no receipt");
    }
}

#[tokio::test]
async fn a_receipt_says_how_the_subscriber_answered() {
    let (bench, phone) = Bench::with_phone().await;
    let notes = Notes::default();
    for (said, wanted) in [(SaidBy::Deny, "denied"), (SaidBy::Report(notes), "reported")] {
        bench.clock.forward_s(3_600);
        let started = bench.start(None).await;
        phone.say(&bench.app, said).await.unwrap();
        let receipts = receipts(&bench, &started.id).await;
        let party = &bench.party.id;
        let at = bench.app.now().to_string();
        let of = json!({ "attempt": started.id, "relying_party": party, "subscriber": ALICE });
        let with = |mut said: Value| {
            said.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
            said
        };
        assert_eq!(
            receipts.into_iter().map(|receipt| receipt.said).collect::<Vec<_>>(),
            [
                with(json!({ "what": "asked", "decision": "prompt", "at": at })),
                with(json!({ "what": wanted, "at": at })),
            ]
        );
    }
}

#[tokio::test]
async fn receipts_do_not_tell_who_exists() {
    let bench = bench().await;
    bound(&bench.app, ALICE).await;
    let outside = crate::testing::Remembered::default();
    for phishing_resistant in [false, true] {
        let mut seen = Vec::new();
        for name in [ALICE, NOBODY] {
            let new = match phishing_resistant {
                true => passkey_only(name, "203.0.113.7"),
                false => attempt_for(name, None),
            };
            let started = start(&bench, new).await;
            let shape = async || -> Vec<Value> {
                let mut shape = Vec::new();
                for receipt in receipts(&bench, &started.id).await {
                    let mut said = receipt.said;
                    assert_eq!(
                        (&said["attempt"], &said["subscriber"]),
                        (&json!(started.id), &json!(name))
                    );
                    (said["attempt"], said["subscriber"]) = (Value::Null, Value::Null);
                    said["at"] = json!(said["at"].as_str().unwrap().len());
                    shape.push(said);
                }
                shape
            };
            let first = shape().await;
            assert_eq!(first.len(), 1);
            bench.clock.forward_s(91);
            while bench.app.work(&outside).await.unwrap() > 0 {}
            seen.push((first, shape().await));
        }
        assert_eq!(seen[0], seen[1]);
    }
}

/// The most that the hash could be tried with: all of the entry but what nobody can guess.
#[tokio::test]
async fn the_hash_of_an_entry_cannot_be_guessed() {
    let bench = bench().await;
    bound(&bench.app, ALICE).await;
    let mut salts = std::collections::BTreeSet::new();
    for name in [ALICE, NOBODY, ALICE] {
        start(&bench, attempt_for(name, None)).await;
        bench.clock.forward_s(600);
    }
    let trail = bench.app.audit("main", 0).await.unwrap();
    let asked = trail.iter().filter(|entry| entry.body["details"]["attempt"].is_string());
    let mut entries = 0;
    for entry in asked {
        let salt = crate::from_base64url(entry.body["salt"].as_str().unwrap()).unwrap();
        assert_eq!(salt.len(), 16);
        salts.insert(salt);
        entries += 1;
    }
    assert!(entries >= 3);
    assert_eq!(salts.len(), entries);
}

#[tokio::test]
async fn a_flood_pushes_no_answer_out_of_its_receipts() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    // More than are read at once, of every kind that is looked for.
    for kind in ["attempt_held", "prompt_ended", "succeeded"] {
        let entry = pushback_store::AuditEntry {
            at: bench.app.now(),
            kind: kind.to_owned(),
            subject: ALICE.to_owned(),
            body: br#"{"details":{"attempt":"atm_other","end":"denied"}}"#.to_vec(),
        };
        for _ in 0..40 {
            let change = pushback_store::Change::at(bench.app.now());
            let change = (0..30).fold(change, |change, _| change.audit(entry.clone()));
            let committed = bench.app.store().commit(change).await.unwrap();
            assert!(matches!(committed, pushback_store::Commit::Committed(_)));
        }
    }
    phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    let receipts = receipts(&bench, &started.id).await;
    let said: Vec<_> = receipts.iter().map(|receipt| &receipt.said["what"]).collect();
    assert_eq!(said, ["asked", "verified"]);
}
