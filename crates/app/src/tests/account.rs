use pushback_verify::{AuthenticatorKind, Notes, Reason};

use super::passkeys::right;
use crate::testing::{ALICE, Bench, Phone, Remembered, code, operator};
use crate::{Answered, AppError, NewPhone, SaidBy};

#[tokio::test]
async fn an_owner_binds_a_second_phone_and_unties_the_first() {
    let (bench, phone) = Bench::with_phone().await;
    let right = right(&bench, &phone).await;
    let proven = phone.ask(&bench.app).await;
    let invitation = bench.app.invite_own_phone(&proven, &right).await.unwrap();
    let mut second = Phone::new();
    let new = NewPhone { label: "tablet".into(), ..second.binding(&invitation.secret, None) };
    second.id = bench.app.bind_phone(&new).await.unwrap().id;
    let bound = bench.app.authenticators(&second.ask(&bench.app).await).await.unwrap();
    let labels: Vec<_> = bound.iter().map(|a| (&*a.label, a.is_this)).collect();
    assert_eq!(labels, [("phone", false), ("tablet", true)]);

    // The second is told from when on it can stand alone.
    let proven = phone.ask(&bench.app).await;
    let at_once = bench.app.invalidate_own(&proven, &right, bound[0].id).await;
    assert!(matches!(at_once, Err(AppError::Refused(Reason::OthersTooNew))));
    let until = bound[1].new_until.unwrap();
    assert_eq!(until, bound[1].bound_at + pushback_model::Span::hours(24));
    bench.clock.forward_s(86_400);
    let bound = bench.app.authenticators(&second.ask(&bench.app).await).await.unwrap();
    assert!(bound.iter().all(|a| a.new_until.is_none()));
    let right = super::passkeys::right(&bench, &second).await;
    bench.app.invalidate_own(&second.ask(&bench.app).await, &right, bound[0].id).await.unwrap();
    let authorization = phone.authorization(bench.app.now(), "POST", "/v1/x");
    let proven = phone.proven(&bench.app, &authorization).await;
    assert!(matches!(proven, Err(AppError::UnknownAuthenticator)), "from that commit on");
    bench.app.work(&Remembered::default()).await.unwrap();
    let authorization = phone.authorization(bench.app.now(), "POST", "/v1/x");
    let proven = phone.proven(&bench.app, &authorization).await;
    assert!(matches!(proven, Err(AppError::UnknownAuthenticator)), "its key is erased");
    let right = super::passkeys::right(&bench, &second).await;
    let last = bench.app.authenticators(&second.ask(&bench.app).await).await.unwrap();
    let untied = bench.app.invalidate_own(&second.ask(&bench.app).await, &right, last[0].id).await;
    assert!(matches!(untied, Err(AppError::Refused(Reason::LastAuthenticator))));
}

/// A thief had the unlocked phone for a moment and has bound one of their own; the owner goes about untying it.
#[tokio::test]
async fn a_right_is_of_the_phone_that_asked_for_it() {
    let (bench, phone) = Bench::with_phone().await;
    bench.clock.forward_s(2 * 86_400);
    let own = right(&bench, &phone).await;
    let proven = phone.ask(&bench.app).await;
    let invitation = bench.app.invite_own_phone(&proven, &own).await.unwrap();
    let mut theirs = Phone::new();
    theirs.id = bench.app.bind_phone(&theirs.binding(&invitation.secret, None)).await.unwrap().id;
    bench.clock.forward_s(300);

    let owner = phone.ask(&bench.app).await;
    let managed = bench.app.manage(&owner).await.unwrap();
    let thief = theirs.ask(&bench.app).await;
    let shown = bench.app.prompts(&thief).await.unwrap().open.unwrap();
    assert_eq!(shown.attempt, managed.attempt.id, "every phone is asked");
    phone.say(&bench.app, SaidBy::Confirm(code(&managed.attempt))).await.unwrap();
    let drawn = bench.app.draw_recovery_codes(&thief, &shown.attempt).await;
    assert!(matches!(drawn, Err(AppError::Refused(Reason::NotAuthorised))), "{drawn:?}");
    assert!(bench.app.draw_recovery_codes(&owner, &shown.attempt).await.is_ok());
}

/// How many notices went to addresses.
fn mailed(told: &Remembered) -> usize {
    told.told.lock().unwrap().iter().filter(|notice| notice.to.is_some()).count()
}

async fn trail(bench: &Bench) -> usize {
    bench.app.latest_audit_about(ALICE, 1_000).await.unwrap().len()
}

/// Whoever holds the phone of somebody.
#[tokio::test]
async fn a_report_in_a_loop_writes_and_mails_once() {
    let (bench, phone) = Bench::with_phone().await;
    let told = Remembered::default();
    while bench.app.work(&told).await.unwrap() > 0 {}
    let before = mailed(&told);
    bench.app.report(&phone.ask(&bench.app).await, Notes::default()).await.unwrap();
    while bench.app.work(&told).await.unwrap() > 0 {}
    assert_eq!(mailed(&told), before + 2, "each address is told");
    let lines = trail(&bench).await;
    for round in 0..20 {
        bench.app.report(&phone.ask(&bench.app).await, Notes::default()).await.unwrap();
        let late = phone.answer(1_000 + round, "", SaidBy::Report(Notes::default()));
        let asked = phone.ask(&bench.app).await;
        assert_eq!(bench.app.answer_prompt(&asked, &late).await.unwrap(), Answered::Reported);
    }
    assert_eq!(trail(&bench).await, lines, "nothing more is written");
    assert_eq!(bench.app.work(&told).await.unwrap(), 0, "nothing more leaves");
}

/// Strangers who ask all the time keep nobody from untying what a stranger bound.
#[tokio::test]
async fn strangers_keep_no_phone_from_its_owners_affairs() {
    let (bench, phone) = Bench::with_phone().await;
    for _ in 0..3 {
        bench.start(None).await;
        bench.clock.forward_s(90);
    }
    let stranger = bench.start(None).await;
    assert!(matches!(stranger.decision, crate::DecisionView::Wait { .. }), "{stranger:?}");
    assert!(!right(&bench, &phone).await.is_empty());
    // Nor while a stranger's prompt is open.
    bench.clock.forward_s(7_200);
    let open = bench.start(None).await;
    assert_eq!(open.state, crate::AttemptState::Pending);
    assert!(!right(&bench, &phone).await.is_empty());
    let known = bench.app.sessions(&phone.ask(&bench.app).await).await.unwrap();
    assert!(known.is_empty(), "a phone is no browser");
}

#[tokio::test]
async fn recovery_codes_are_told_once_and_replace_the_old_ones() {
    let (bench, phone) = Bench::with_phone().await;
    let draw = async || {
        let right = right(&bench, &phone).await;
        let proven = phone.ask(&bench.app).await;
        let drawn = bench.app.draw_recovery_codes(&proven, &right).await.unwrap();
        bench.clock.forward_s(1);
        drawn
    };
    let (first, second) = (draw().await, draw().await);
    assert_eq!((first.len(), first[0].len()), (10, 19));
    assert_ne!(first, second);
    let bound = bench.app.authenticators(&phone.ask(&bench.app).await).await.unwrap();
    let sets = bound.iter().filter(|a| a.kind == AuthenticatorKind::RecoveryCodes).count();
    assert_eq!(sets, 1);
}

#[tokio::test]
async fn the_history_tells_what_happened_newest_first() {
    let (bench, phone) = Bench::with_phone().await;
    bench.sign_in(&phone, None).await;
    bench.clock.forward_s(60);
    bench.start(None).await;
    phone.say(&bench.app, SaidBy::Deny).await.unwrap();
    let (items, next) = bench.app.history(&phone.ask(&bench.app).await, 0).await.unwrap();
    let told: Vec<_> = items.iter().map(|i| (&*i.kind, i.outcome.as_deref())).collect();
    assert_eq!(told[0], ("prompt_ended", Some("denied")));
    assert!(told.contains(&("prompt_ended", Some("approved"))));
    assert_eq!(told.last().unwrap(), &("addresses_changed", None));
    assert_eq!(items[0].app.as_deref(), Some("Payroll"));
    assert_eq!(items[0].requester["ip"], "203.0.113.7");
    assert_eq!(next, None);
}

#[tokio::test]
async fn a_flood_does_not_hide_what_came_after_it() {
    let (bench, phone) = Bench::with_phone().await;
    bench.start(None).await;
    for _ in 0..40 {
        bench.start(None).await;
    }
    phone.say(&bench.app, SaidBy::Deny).await.unwrap();
    let proven = phone.ask(&bench.app).await;
    let (first, next) = bench.app.history(&proven, 0).await.unwrap();
    assert_eq!((&*first[0].kind, first.len()), ("prompt_ended", 30));
    let (second, end) = bench.app.history(&proven, next.unwrap()).await.unwrap();
    assert_eq!((&*second.last().unwrap().kind, end), ("addresses_changed", None));
}

#[tokio::test]
async fn a_browser_that_was_forgotten_is_a_stranger() {
    let (bench, phone) = Bench::with_phone().await;
    let browser = bench.sign_in(&phone, None).await;
    let right = right(&bench, &phone).await;
    let sessions = bench.app.sessions(&phone.ask(&bench.app).await).await.unwrap();
    for session in &sessions {
        bench.app.forget_session(&phone.ask(&bench.app).await, &right, session.id).await.unwrap();
    }
    let first = bench.start(None).await;
    code(&first);
    let second = bench.start(Some(browser)).await;
    assert!(matches!(
        second.decision,
        crate::DecisionView::Wait { reason: Reason::AnotherPromptOpen, .. }
    ));
}

#[tokio::test]
async fn a_reset_takes_two_people() {
    let (bench, phone) = Bench::with_phone().await;
    assert!(bench.app.reset(operator("sam"), ALICE, None).await.unwrap().is_some());
    let view = bench.app.subscriber(ALICE).await.unwrap();
    let (reset, by, _) = view.reset.unwrap();
    assert_eq!(by, "sam");
    let alone = bench.app.reset(operator("sam"), ALICE, Some(reset)).await;
    assert!(matches!(alone, Err(AppError::Refused(Reason::NeedsAnotherPerson))));
    assert!(bench.app.reset(operator("kim"), ALICE, Some(reset)).await.unwrap().is_none());
    bench.app.work(&Remembered::default()).await.unwrap();
    let authorization = phone.authorization(bench.app.now(), "POST", "/v1/x");
    assert!(phone.proven(&bench.app, &authorization).await.is_err());
}

/// Whoever holds the phone hides the notice of their own among hundreds.
#[tokio::test]
async fn codes_are_drawn_once_with_a_right_and_three_times_a_day() {
    let (bench, phone) = Bench::with_phone().await;
    bench.clock.forward_s(2 * 86_400);
    let told = Remembered::default();
    while bench.app.work(&told).await.unwrap() > 0 {}
    let before = mailed(&told);
    let draw = async |right: &str| {
        bench.app.draw_recovery_codes(&phone.ask(&bench.app).await, right).await
    };
    let first_at = bench.app.now();
    for _ in 0..3 {
        let right = right(&bench, &phone).await;
        assert!(draw(&right).await.is_ok());
        bench.clock.forward_s(1);
        for _ in 0..20 {
            let again = draw(&right).await;
            assert!(matches!(again, Err(AppError::Refused(Reason::NotAuthorised))), "{again:?}");
        }
        bench.clock.forward_s(60);
    }
    let fourth = draw(&right(&bench, &phone).await).await;
    let Err(AppError::RefusedUntil { reason: Reason::TooOften, until }) = fourth else {
        panic!("{fourth:?}")
    };
    assert!(until > first_at && until < first_at + pushback_model::Span::hours(25));
    while bench.app.work(&told).await.unwrap() > 0 {}
    assert_eq!(mailed(&told) - before, 6);
}
