use pushback_verify::{OperatorId, Role};

use crate::AppError;
use crate::testing::{Bench, PasskeyHolder, bench, operator};

/// Who types on the machine.
fn console() -> OperatorId {
    OperatorId::parse("console:root").unwrap()
}

/// Binds Sam's passkey; gives the invitation that was used up.
pub(super) async fn enrolled(bench: &Bench) -> (PasskeyHolder, String) {
    let link = bench.app.invite_operator(&console(), "sam").await.unwrap();
    let invitation = link.split('#').nth(1).unwrap();
    let mut holder = PasskeyHolder::default();
    let options = bench.app.begin_operator(invitation).await.unwrap();
    let credential = holder.register(&options).await;
    bench.app.finish_operator(invitation, &credential).await.unwrap();
    (holder, invitation.to_owned())
}

#[tokio::test]
async fn an_administrator_signs_in_with_a_passkey_that_verified_its_user() {
    let bench = bench().await;
    let (holder, invitation) = enrolled(&bench).await;
    let again = bench.app.begin_operator(&invitation).await;
    assert!(matches!(again, Err(AppError::Unauthenticated)), "an invitation counts once");

    let (ceremony, options) = bench.app.begin_operator_sign_in().await.unwrap();
    let credential = holder.use_it(&options).await;
    let cookie = bench.app.finish_operator_sign_in(&ceremony, &credential).await.unwrap();
    let again = bench.app.finish_operator_sign_in(&ceremony, &credential).await;
    assert!(matches!(again, Err(AppError::Unauthenticated)), "a ceremony counts once");
    let session = bench.app.operator_session(&cookie).await.unwrap();
    assert_eq!(session.operator.as_str(), "sam");
    assert!(bench.app.operator_session("x").await.is_err());
    bench.app.end_operator_session(&cookie).await.unwrap();
    assert!(bench.app.operator_session(&cookie).await.is_err());
}

#[tokio::test]
async fn failed_sign_ins_of_administrators_are_in_the_trail_once_a_minute() {
    let bench = bench().await;
    let (holder, _) = enrolled(&bench).await;
    let (ceremony, options) = bench.app.begin_operator_sign_in().await.unwrap();
    let credential = holder.use_it(&options).await;
    bench.app.finish_operator_sign_in(&ceremony, &credential).await.unwrap();
    let written = async || {
        let trail = bench.app.audit("main", 0).await.unwrap();
        let failed = trail.into_iter().filter(|entry| entry.kind == "operator_sign_in_failed");
        let of = |body: &serde_json::Value| {
            let details = &body["details"];
            (details["tried"].as_str().unwrap().to_owned(), details["count"].as_u64().unwrap())
        };
        failed.map(|entry| of(&entry.body)).collect::<Vec<_>>()
    };
    assert!(written().await.is_empty(), "what succeeds is not among them");
    for _ in 0..40 {
        let again = bench.app.finish_operator_sign_in(&ceremony, &credential).await;
        assert!(matches!(again, Err(AppError::Unauthenticated)));
        assert!(matches!(bench.app.begin_operator("sam.x").await, Err(AppError::Unauthenticated)));
    }
    let entry = |tried: &str, count| (tried.to_owned(), count);
    assert_eq!(written().await, [entry("sign_in", 1), entry("invitation", 1)]);
    bench.clock.forward_s(59);
    bench.app.sweep().await.unwrap();
    assert_eq!(written().await.len(), 2);
    // Also if nobody tries again.
    bench.clock.forward_s(1);
    bench.app.sweep().await.unwrap();
    bench.app.sweep().await.unwrap();
    let rest = [entry("sign_in", 39), entry("invitation", 39)];
    assert_eq!(written().await.split_off(2), rest);
}

#[tokio::test]
async fn a_session_ends_with_its_administrator_also_if_the_name_is_invited_again() {
    let bench = bench().await;
    let (holder, _) = enrolled(&bench).await;
    let (ceremony, options) = bench.app.begin_operator_sign_in().await.unwrap();
    let credential = holder.use_it(&options).await;
    let cookie = bench.app.finish_operator_sign_in(&ceremony, &credential).await.unwrap();
    // Another link for whoever is one already ends nothing.
    bench.app.invite_operator(&console(), "sam").await.unwrap();
    assert!(bench.app.operator_session(&cookie).await.is_ok());
    bench.app.delete_operator(&console(), "sam").await.unwrap();
    assert!(bench.app.operator_session(&cookie).await.is_err());
    enrolled(&bench).await;
    let revived = bench.app.operator_session(&cookie).await;
    assert!(matches!(revived, Err(AppError::Unauthenticated)));
}

#[tokio::test]
async fn a_session_ends_after_fifteen_idle_minutes_and_after_twelve_hours() {
    let bench = bench().await;
    let (holder, _) = enrolled(&bench).await;
    let (ceremony, options) = bench.app.begin_operator_sign_in().await.unwrap();
    let credential = holder.use_it(&options).await;
    let cookie = bench.app.finish_operator_sign_in(&ceremony, &credential).await.unwrap();
    for _ in 0..50 {
        bench.clock.forward_s(14 * 60);
        assert!(bench.app.operator_session(&cookie).await.is_ok());
    }
    bench.clock.forward_s(14 * 60);
    bench.clock.forward_s(14 * 60);
    assert!(bench.app.operator_session(&cookie).await.is_err());
    bench.app.sweep().await.unwrap();
}

#[tokio::test]
async fn a_sweep_takes_out_all_sign_ins_that_nobody_ended() {
    let bench = bench().await;
    let begun = (0..1_050).map(|_| bench.app.begin_operator_sign_in());
    let begun = futures_util::future::join_all(begun).await;
    assert!(begun.iter().all(Result::is_ok));
    let left = async || {
        let kind = "operator-sign-in";
        bench.app.store().list(kind, None, 1_000).await.unwrap().documents.len()
    };
    bench.app.sweep().await.unwrap();
    assert_eq!(left().await, 1_000, "a page of those that can still end");
    bench.clock.forward_s(3_600);
    bench.app.sweep().await.unwrap();
    assert_eq!(left().await, 0);
}

#[tokio::test]
async fn an_invitation_ends_after_an_hour_and_with_its_administrator() {
    let bench = bench().await;
    let link = bench.app.invite_operator(&console(), "sam").await.unwrap();
    let invitation = link.split('#').nth(1).unwrap().to_owned();
    for wrong in ["sam.x", "kim.x", "sam", ""] {
        let begun = bench.app.begin_operator(wrong).await;
        assert!(matches!(begun, Err(AppError::Unauthenticated)), "{wrong}");
    }
    bench.clock.forward_s(3_600);
    assert!(bench.app.begin_operator(&invitation).await.is_err());
    bench.app.delete_operator(&console(), "sam").await.unwrap();
    assert!(bench.app.operators().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_an_operator_does_about_nobody_is_refused() {
    let bench = bench().await;
    let (app, sam, nobody) = (&bench.app, || operator("sam"), "alcie@example.org");
    let answers = [
        app.suspend(sam(), nobody).await,
        app.restore(sam(), nobody).await,
        app.close_incident(sam(), nobody).await,
        app.invalidate(sam(), nobody, 1).await,
        app.set_role(sam(), nobody, Role::Administrator).await.map(drop),
        app.password_changed(nobody).await,
        app.reset(sam(), nobody, None).await.map(drop),
        app.start_call(sam(), nobody).await.map(drop),
        app.invite(sam(), nobody).await.map(drop),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        assert!(matches!(answer, Err(AppError::NotFound)), "{number}: {answer:?}");
    }
    assert!(app.subscribers(None, 10).await.unwrap().0.is_empty());
    assert!(app.incidents().await.unwrap().is_empty());
}

#[tokio::test]
async fn whoever_invites_or_deletes_an_administrator_is_in_the_trail() {
    let bench = bench().await;
    bench.app.invite_operator(&console(), "sam").await.unwrap();
    bench.app.delete_operator(&console(), "sam").await.unwrap();
    let trail = bench.app.audit("main", 0).await.unwrap();
    for kind in ["operator_invited", "operator_deleted"] {
        let entry = trail.iter().find(|entry| entry.kind == kind).unwrap();
        assert_eq!(
            (&*entry.subject, &entry.body["by"]["operator"]),
            ("sam", &"console:root".into())
        );
    }
}
