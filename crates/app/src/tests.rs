use std::time::Duration;

use pushback_verify::{Accepts, Notes, PromptEnd, Reason, Requester, Text};

use crate::phone::{Answered, SaidBy};
use crate::testing::{Bench, Phone, bench, bound};
use crate::{App, AppError, AttemptState, AttemptView, DecisionView, NewAttempt, RelyingParty};

async fn party(app: &App) -> RelyingParty {
    let new = app.create_relying_party("Payroll").await.unwrap();
    app.authenticate(&new.id, &new.secret).await.unwrap()
}

fn attempt(browser: Option<String>) -> NewAttempt {
    let requester = Requester {
        ip: Some("203.0.113.7".parse().unwrap()),
        browser: Some(Text::new("Firefox")),
        ..Requester::default()
    };
    NewAttempt { subscriber: "alice@example.org".into(), requester, browser, accepts: Accepts::Any }
}

fn code(view: &AttemptView) -> String {
    match &view.decision {
        Some(DecisionView::Prompt { code, .. }) => code.clone(),
        other => panic!("no prompt: {other:?}"),
    }
}

fn other_than(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

async fn with_phone() -> (Bench, RelyingParty, Phone) {
    let bench = bench().await;
    let phone = bound(&bench.app, "alice@example.org").await;
    let party = party(&bench.app).await;
    (bench, party, phone)
}

#[tokio::test]
async fn the_right_code_typed_on_the_phone_gives_the_relying_party_a_token() {
    let (bench, party, phone) = with_phone().await;
    let started = bench.app.start_attempt(&party, attempt(None)).await.unwrap();
    assert_eq!(started.state, AttemptState::Pending);
    assert!(started.token.is_none());
    let answered = phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    assert_eq!(answered, Answered::Verified);
    let ended = bench.app.attempt(&party, &started.id).await.unwrap();
    assert_eq!(ended.state, AttemptState::Verified);
    assert_eq!(ended.token.unwrap().split('.').count(), 3);
    assert!(!ended.browser.unwrap().is_empty());
}

#[tokio::test]
async fn three_wrong_codes_end_the_prompt_and_the_right_one_comes_too_late() {
    let (bench, party, phone) = with_phone().await;
    let started = bench.app.start_attempt(&party, attempt(None)).await.unwrap();
    let wrong = other_than(&code(&started));
    for left in [2, 1] {
        let answered = phone.say(&bench.app, SaidBy::Confirm(wrong.clone())).await.unwrap();
        assert_eq!(answered, Answered::WrongCode { tries_left: left });
    }
    let answered = phone.say(&bench.app, SaidBy::Confirm(wrong)).await.unwrap();
    assert_eq!(answered, Answered::Ended(PromptEnd::Mismatched));
    let late = phone.say(&bench.app, SaidBy::Confirm(code(&started))).await;
    assert!(matches!(late, Err(AppError::NotFound)));
    let ended = bench.app.attempt(&party, &started.id).await.unwrap();
    assert_eq!((ended.state, ended.token), (AttemptState::Denied, None));
}

#[tokio::test]
async fn a_denial_reaches_whoever_waits() {
    let (bench, party, phone) = with_phone().await;
    let started = bench.app.start_attempt(&party, attempt(None)).await.unwrap();
    let waiting = {
        let (app, party, id) = (bench.app.clone(), party.clone(), started.id.clone());
        tokio::spawn(async move { app.await_attempt(&party, &id, Duration::from_secs(30)).await })
    };
    assert_eq!(
        phone.say(&bench.app, SaidBy::Deny).await.unwrap(),
        Answered::Ended(PromptEnd::Denied)
    );
    assert_eq!(waiting.await.unwrap().unwrap().state, AttemptState::Denied);
}

#[tokio::test]
async fn after_a_report_no_code_gets_in() {
    let (bench, party, phone) = with_phone().await;
    bench.app.start_attempt(&party, attempt(None)).await.unwrap();
    let answered = phone.say(&bench.app, SaidBy::Report(Notes::default())).await.unwrap();
    assert_eq!(answered, Answered::Reported);
    let next = bench.app.start_attempt(&party, attempt(None)).await.unwrap();
    assert_eq!(next.state, AttemptState::Held);
    assert!(matches!(
        next.decision,
        Some(DecisionView::PasskeyOnly(Reason::PushSuspended))
    ));
}

#[tokio::test]
async fn a_prompt_that_nobody_answers_expires_by_itself() {
    let (bench, party, phone) = with_phone().await;
    let started = bench.app.start_attempt(&party, attempt(None)).await.unwrap();
    bench.clock.forward_s(90);
    let ended = bench.app.attempt(&party, &started.id).await.unwrap();
    assert_eq!((ended.state, ended.token), (AttemptState::Expired, None));
    let late = phone.say(&bench.app, SaidBy::Confirm(code(&started))).await;
    assert!(matches!(late, Err(AppError::NotFound)));
}

#[tokio::test]
async fn two_attempts_never_share_the_last_ring() {
    let (bench, party, _phone) = with_phone().await;
    let attempts: Vec<_> = (0..20)
        .map(|_| {
            let (app, party) = (bench.app.clone(), party.clone());
            tokio::spawn(async move { app.start_attempt(&party, attempt(None)).await })
        })
        .collect();
    let mut prompted = 0;
    for started in attempts {
        match started.await.unwrap() {
            Ok(view) => prompted += usize::from(view.state == AttemptState::Pending),
            // Others were faster every time: refused, never rung.
            Err(AppError::Contended) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(prompted, 1);
}

#[tokio::test]
async fn an_answer_to_something_else_counts_for_nothing() {
    let (bench, party, phone) = with_phone().await;
    let started = bench.app.start_attempt(&party, attempt(None)).await.unwrap();
    let stranger = Phone { id: phone.id.clone(), ..Phone::new() };
    let said = stranger.say(&bench.app, SaidBy::Confirm(code(&started))).await;
    assert!(matches!(said, Err(AppError::Unauthenticated)));
    let pending = bench.app.attempt(&party, &started.id).await.unwrap();
    assert_eq!(pending.state, AttemptState::Pending);
}

#[tokio::test]
async fn a_cookie_of_somebody_else_makes_a_stranger() {
    let (bench, party, phone) = with_phone().await;
    let started = bench.app.start_attempt(&party, attempt(None)).await.unwrap();
    phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    let browser = bench.app.attempt(&party, &started.id).await.unwrap().browser;
    bound(&bench.app, "bob@example.org").await;
    // A stranger's prompt is open: Bob's own device could take over, another one has to wait.
    let bobs = |browser| NewAttempt { subscriber: "bob@example.org".into(), ..attempt(browser) };
    bench.app.start_attempt(&party, bobs(None)).await.unwrap();
    let second = bench.app.start_attempt(&party, bobs(browser)).await.unwrap();
    assert!(matches!(
        second.decision,
        Some(DecisionView::Wait { reason: Reason::AnotherPromptOpen, .. })
    ));
}

#[tokio::test]
async fn an_attempt_is_seen_by_its_own_relying_party_only() {
    let (bench, party, _phone) = with_phone().await;
    let other = self::party(&bench.app).await;
    let started = bench.app.start_attempt(&party, attempt(None)).await.unwrap();
    for id in [&*started.id, "atm_0", ""] {
        assert!(matches!(bench.app.attempt(&other, id).await, Err(AppError::NotFound)));
    }
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_party_look_the_same() {
    let bench = bench().await;
    let new = bench.app.create_relying_party("Payroll").await.unwrap();
    for (id, secret) in [(&*new.id, "x"), ("rp_0", &*new.secret), ("", ""), (&*new.id, "")] {
        let asked = bench.app.authenticate(id, secret).await;
        assert!(matches!(asked, Err(AppError::Unauthenticated)), "{id}");
    }
    assert!(bench.app.authenticate(&new.id, &new.secret).await.is_ok());
}

#[tokio::test]
async fn an_invitation_binds_once() {
    let bench = bench().await;
    let operator = pushback_verify::OperatorId::parse("sam").unwrap();
    let addresses =
        ["mail:1", "mail:2"].map(|id| pushback_verify::AddressId::parse(id).unwrap());
    let invited = bench.app.invite(&operator, "alice@example.org", &addresses).await;
    let invitation = invited.unwrap().unwrap();
    let mut bound = 0;
    for _ in 0..2 {
        let phone = Phone::new();
        let proof = phone.sign(&crate::binding_text(&invitation.text, &phone.key()));
        let new = crate::NewPhone {
            invitation: invitation.text.clone(),
            key: phone.key(),
            proof,
            label: "phone".into(),
        };
        bound += usize::from(bench.app.bind_phone(&new).await.unwrap().is_ok());
    }
    assert_eq!(bound, 1);
}
