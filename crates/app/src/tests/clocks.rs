//! What is left of a clock that ran ahead: operators set it right.

use pushback_verify::{OperatorId, Reason};

use crate::testing::{ALICE, Bench, attempt_for, bound, operator};
use crate::{AppError, DecisionView};

const HALF_A_YEAR_S: i64 = 180 * 86_400;
const ON_A_LATE_CLOCK: DecisionView = DecisionView::PasskeyOnly(Reason::ClockAhead);

/// Somebody asks for Alice while the clock is ahead, and it is right again.
async fn ask_ahead(bench: &Bench) {
    bench.clock.forward_s(HALF_A_YEAR_S);
    bench.start(None).await;
    bench.clock.forward_s(-HALF_A_YEAR_S);
}

#[tokio::test]
async fn an_operator_sets_the_clock_of_a_document_right() {
    let (bench, _phone) = Bench::with_phone().await;
    let not_ahead = bench.app.set_clock_right(operator("sam"), ALICE).await.unwrap();
    assert_eq!(not_ahead, None);
    ask_ahead(&bench).await;
    assert_eq!(bench.start(None).await.decision, ON_A_LATE_CLOCK);
    let ahead = bench.app.subscriber(ALICE).await.unwrap().clock_ahead.unwrap();
    assert!((ahead - bench.app.now()).as_millis() >= HALF_A_YEAR_S * 1_000);

    let set = bench.app.set_clock_right(operator("sam"), ALICE).await.unwrap();
    assert_eq!(set, Some(ahead));
    assert_eq!(bench.app.subscriber(ALICE).await.unwrap().clock_ahead, None);
    let trail = bench.app.audit("main", 0).await.unwrap();
    let entry = trail.iter().find(|entry| entry.kind == "clock_set_right").unwrap();
    assert_eq!(entry.subject, ALICE);
    assert!(entry.body.to_string().contains(r#""operator":"sam""#), "{}", entry.body);
    let started = bench.start(None).await;
    assert!(matches!(started.decision, DecisionView::Prompt { .. }), "{:?}", started.decision);
    let nobody = bench.app.set_clock_right(operator("sam"), "nobody@example.org").await;
    assert!(matches!(nobody, Err(AppError::NotFound)));
}

#[tokio::test]
async fn all_clocks_are_set_right_at_once_also_of_names_that_nobody_has() {
    let (bench, _phone) = Bench::with_phone().await;
    bound(&bench.app, "bob@example.org").await;
    let ask_nobody = async || {
        let asked = attempt_for("nobody@example.org", None);
        bench.app.start_attempt(&bench.party, asked).await.unwrap().decision
    };
    bench.clock.forward_s(HALF_A_YEAR_S);
    bench.start(None).await;
    ask_nobody().await;
    bench.clock.forward_s(-HALF_A_YEAR_S);
    assert_eq!(ask_nobody().await, ON_A_LATE_CLOCK);

    let sam = OperatorId::parse("console:sam").unwrap();
    let set = bench.app.set_clocks_right(&sam, &operator("console:sam")).await.unwrap();
    assert_eq!((set.subscribers, set.set_right), (2, vec![ALICE.to_owned()]));
    let started = bench.start(None).await.decision;
    assert!(matches!(started, DecisionView::Prompt { .. }), "{started:?}");
    let nobody = ask_nobody().await;
    assert!(matches!(nobody, DecisionView::Prompt { .. }), "{nobody:?}");
    let trail = bench.app.audit("main", 0).await.unwrap();
    assert!(trail.iter().any(|entry| entry.kind == "clocks_set_right"));
    let again = bench.app.set_clocks_right(&sam, &operator("console:sam")).await.unwrap();
    assert!(again.set_right.is_empty());
}
