//! A node whose own clock is not to be believed.

use pushback_verify::OperatorId;

use crate::testing::{ALICE, Bench, Remembered, attempt_for, code};
use crate::{Answered, AppError, ClockDoubt, DecisionView, SaidBy};

const HALF_A_YEAR_S: i64 = 180 * 86_400;

async fn entries(bench: &Bench) -> i64 {
    bench.app.audit_chains().await.unwrap()[0].entries
}

#[tokio::test]
async fn a_node_whose_clock_jumped_decides_nothing_until_it_has_settled() {
    let (bench, phone) = Bench::with_phone().await;
    let open = bench.start(None).await;
    let before = entries(&bench).await;
    let authorization = phone.authorization(bench.app.now(), "POST", "/v1/x");
    bench.clock.jump_s(HALF_A_YEAR_S);
    let proven = phone.proven(&bench.app, &authorization).await.err();
    assert!(matches!(proven, Some(AppError::ClockDoubted(_))), "the phone's clock is right");
    let refused = bench.app.start_attempt(&bench.party, attempt_for(ALICE, None)).await.err();
    assert!(matches!(refused, Some(AppError::ClockDoubted(ClockDoubt::Jumped(_)))), "{refused:?}");
    let invited = bench.app.invite_operator(&OperatorId::parse("sam").unwrap(), "kim").await;
    assert!(matches!(invited, Err(AppError::ClockDoubted(_))), "{invited:?}");
    assert_eq!(bench.app.refused_by_clock(), 2);
    // Nothing is taken to be over either: neither what leaves nor what is kept for a day.
    assert_eq!(bench.app.work(&Remembered::default()).await.unwrap(), 0);
    bench.app.sweep().await.unwrap();
    bench.clock.jump_s(-HALF_A_YEAR_S);
    assert_eq!(bench.app.check_clock().await.unwrap(), None);
    assert_eq!(entries(&bench).await, before);
    let said = SaidBy::Confirm(code(&open));
    assert_eq!(phone.say(&bench.app, said).await.unwrap(), Answered::Verified);

    // A machine that wakes up jumps too, and goes on after a minute.
    bench.clock.jump_s(HALF_A_YEAR_S);
    assert!(bench.app.check_clock().await.unwrap().is_some());
    bench.clock.forward_s(60);
    assert_eq!(bench.app.clock_doubt(), None);
    let started = bench.start(None).await.decision;
    assert!(matches!(started, DecisionView::Prompt { .. }), "{started:?}");
}
