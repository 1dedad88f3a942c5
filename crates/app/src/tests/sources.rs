//! Who else was asked for from an address, and what it does to whoever signs in there.

use pushback_verify::Reason;

use crate::testing::{ALICE, Bench, Phone, attempt_for, bench, bound, code, party};
use crate::{AttemptView, DecisionView, RelyingParty, SaidBy};

async fn ask(bench: &Bench, party: &RelyingParty, name: &str) -> AttemptView {
    bench.app.start_attempt(party, attempt_for(name, None)).await.unwrap()
}

fn rings(view: &AttemptView) -> bool {
    matches!(view.decision, DecisionView::Prompt { quiet: None, .. })
}

/// Somebody whose habits count, so that an unknown place and browser weigh.
async fn settled(bench: &Bench, party: &RelyingParty, name: &str) -> Phone {
    let phone = bound(&bench.app, name).await;
    for _ in 0..12 {
        bench.clock.forward_s(7_200);
        get_in(bench, party, &phone, name).await;
    }
    bench.clock.forward_s(7_200);
    phone
}

async fn get_in(bench: &Bench, party: &RelyingParty, phone: &Phone, name: &str) -> AttemptView {
    let started = ask(bench, party, name).await;
    phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    started
}

fn is_quiet(view: &AttemptView) -> bool {
    matches!(view.decision, DecisionView::Prompt { quiet: Some(Reason::RiskHigh), .. })
}

async fn others_asked(bench: &Bench, view: &AttemptView) -> u16 {
    bench.app.load(&view.id).await.unwrap().record.others_asked
}

#[tokio::test]
async fn a_relying_party_mutes_nobodys_address_at_another() {
    let bench = bench().await;
    let other = party(&bench.app, "Wiki").await;
    settled(&bench, &bench.party, ALICE).await;
    for name in ["x1@example.org", "x2@example.org", "x3@example.org"] {
        ask(&bench, &other, name).await;
    }
    for _ in 0..2 {
        let begun = ask(&bench, &other, ALICE).await;
        bench.app.cancel_attempt(&other, &begun.id).await.unwrap();
        bench.clock.forward_s(10);
    }
    bench.clock.forward_s(600);
    // Two prompts that nobody answered, and nothing of the three names.
    let started = ask(&bench, &bench.party, ALICE).await;
    assert!(rings(&started), "{:?}", started.decision);
    assert_eq!(others_asked(&bench, &started).await, 0);
    // Where the names were made up they count, and keep nobody out.
    bench.app.cancel_attempt(&bench.party, &started.id).await.unwrap();
    bench.clock.forward_s(2_000);
    let quiet = ask(&bench, &other, ALICE).await;
    assert_eq!(others_asked(&bench, &quiet).await, 3);
    assert!(is_quiet(&quiet), "{:?}", quiet.decision);
}

#[tokio::test]
async fn the_fourth_colleague_behind_one_address_is_rung_like_the_first() {
    let bench = bench().await;
    let names = ["a@example.org", "b@example.org", "c@example.org"];
    for name in names {
        let phone = bound(&bench.app, name).await;
        get_in(&bench, &bench.party, &phone, name).await;
    }
    settled(&bench, &bench.party, ALICE).await;
    for name in names {
        let phone = bound(&bench.app, &format!("new.{name}")).await;
        get_in(&bench, &bench.party, &phone, &format!("new.{name}")).await;
    }
    let started = ask(&bench, &bench.party, ALICE).await;
    assert!(rings(&started), "{:?}", started.decision);
    assert_eq!(others_asked(&bench, &started).await, 0);
}

#[tokio::test]
async fn one_try_at_each_of_many_people_is_a_spray() {
    let bench = bench().await;
    let phone = settled(&bench, &bench.party, ALICE).await;
    let device = bench.sign_in(&phone, None).await;
    bench.clock.forward_s(3_600);
    for name in ["a@example.org", "b@example.org", "c@example.org"] {
        bound(&bench.app, name).await;
        ask(&bench, &bench.party, name).await;
    }
    let fourth = ask(&bench, &bench.party, ALICE).await;
    assert!(is_quiet(&fourth), "{:?}", fourth.decision);
    assert_eq!(others_asked(&bench, &fourth).await, 3);
    // Her own browser is asked about as well, and rings.
    let known = attempt_for(ALICE, Some(device));
    let known = bench.app.start_attempt(&bench.party, known).await.unwrap();
    assert!(rings(&known), "{:?}", known.decision);
    assert_eq!(others_asked(&bench, &known).await, 3);
}

#[tokio::test]
async fn a_known_browser_adds_nothing_to_a_spray() {
    let bench = bench().await;
    let mut known = Vec::new();
    for name in ["a@example.org", "b@example.org", "c@example.org"] {
        let phone = bound(&bench.app, name).await;
        let started = get_in(&bench, &bench.party, &phone, name).await;
        known.push(attempt_for(name, bench.look(&started.id).await.browser));
    }
    bench.clock.forward_s(3_600);
    for known in known {
        bench.app.start_attempt(&bench.party, known).await.unwrap();
    }
    let started = ask(&bench, &bench.party, "x@example.org").await;
    assert_eq!(others_asked(&bench, &started).await, 0);
}
