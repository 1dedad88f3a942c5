//! Two nodes with one database: what one of them keeps in memory never stands in the way of what the
//! other one decided.

use pushback_store::{Change, Commit, Key};
use pushback_verify::Notes;

use super::passkeys::right;
use crate::testing::{ALICE, Bench, Phone, bound, code, operator};
use crate::{Answered, AppError, AttemptState, DecisionView, NewPhone, SaidBy, binding_text};

#[tokio::test]
async fn a_decision_gives_way_to_what_another_node_decided() {
    let (bench, phone) = Bench::with_phone().await;
    let other = bench.other_node();
    bench.sign_in(&phone, None).await;
    // Both know Alice now; then she reports at the other one.
    let started = bench.start(None).await;
    phone.say(&other, SaidBy::Report(Notes::default())).await.unwrap();
    assert_eq!(bench.look(&started.id).await.state, AttemptState::Reported);
    // The phones of whoever reported are not asked, whoever decides.
    let again = bench.start(None).await;
    assert!(!matches!(again.decision, DecisionView::Prompt { .. }), "{:?}", again.decision);
}

#[tokio::test]
async fn a_phone_that_was_untied_at_another_node_proves_nothing_from_then_on() {
    let (bench, phone) = Bench::with_phone().await;
    let other = bench.other_node();
    let right = right(&bench, &phone).await;
    let proven = phone.ask(&bench.app).await;
    let invitation = bench.app.invite_own_phone(&proven, &right).await.unwrap();
    let mut second = Phone::new();
    let proof = second.sign(&binding_text(&invitation.code, &second.key()));
    let new = NewPhone {
        code: invitation.code,
        subscriber: Some("alice@example.org".into()),
        key: second.key(),
        proof,
        label: "tablet".into(),
    };
    second.id = bench.app.bind_phone(&new).await.unwrap().id;
    bench.clock.forward_s(86_400);
    let right = super::passkeys::right(&bench, &second).await;
    let own = bench.app.authenticators(&second.ask(&bench.app).await).await.unwrap();
    let first = own.iter().find(|bound| !bound.is_this).unwrap().id;
    assert!(phone.ask(&bench.app).await.id() == phone.id, "known here");
    other.invalidate_own(&second.ask(&other).await, &right, first).await.unwrap();
    let authorization = phone.authorization(bench.app.now(), "POST", "/v1/x");
    let proven = phone.proven(&bench.app, &authorization).await;
    assert!(matches!(proven, Err(AppError::UnknownAuthenticator)));
}

#[tokio::test]
async fn a_phone_that_was_bound_at_another_node_is_asked_at_once() {
    let bench = crate::testing::bench().await;
    let held = bench.start(None).await;
    let other = bench.other_node();
    let phone = bound(&other, ALICE).await;
    let started = bench.start(None).await;
    assert_ne!(held.id, started.id);
    let said = phone.say(&other, SaidBy::Confirm(code(&started))).await.unwrap();
    assert_eq!(said, Answered::Verified);
    let seen = bench.look(&started.id).await;
    assert!(seen.state == AttemptState::Verified && seen.token.is_some());
    assert!(other.set_addresses(operator("sam"), ALICE, &[]).await.is_err(), "they stay two");
}

#[tokio::test]
async fn an_answer_counts_though_another_node_changed_the_attempt() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    let key = Key::new("attempt", &started.id).unwrap();
    let document = bench.app.store().load(&key).await.unwrap().unwrap();
    let change = Change::at(bench.app.now()).update(key, document.version, document.body);
    assert!(matches!(bench.app.store().commit(change).await.unwrap(), Commit::Committed(_)));
    let said = phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    assert_eq!(said, Answered::Verified);
    assert!(bench.look(&started.id).await.token.is_some());
}
