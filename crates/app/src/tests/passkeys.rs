use pushback_store::Change;
use pushback_verify::{Accepts, Notes, PasskeySync, Reason};
use webauthn_rs::prelude::Passkey;

use crate::documents::{AttemptRecord, Kind as _};
use crate::passkeys::sync;
use crate::testing::{ALICE, Bench, PasskeyHolder, Phone, attempt_for, code, secret};
use crate::{AppError, AttemptState, Browser, NewAttempt, SaidBy};

/// The right to change authenticators, proven with the phone.
pub(super) async fn right(bench: &Bench, phone: &Phone) -> String {
    let managed = bench.app.manage(&phone.ask(&bench.app).await).await.unwrap();
    phone.say(&bench.app, SaidBy::Confirm(code(&managed.attempt))).await.unwrap();
    managed.attempt.id
}

pub(super) async fn with_passkey() -> (Bench, Phone, PasskeyHolder) {
    let (bench, phone) = Bench::with_phone().await;
    let right = right(&bench, &phone).await;
    let mut holder = PasskeyHolder::default();
    let proven = phone.ask(&bench.app).await;
    let (ceremony, options) = bench.app.begin_own_passkey(&proven, &right).await.unwrap();
    let credential = holder.register(&options).await;
    let app = &bench.app;
    app.finish_own_passkey(&proven, &ceremony, &credential, "key").await.unwrap();
    let again = app.finish_own_passkey(&proven, &ceremony, &credential, "key").await;
    assert!(matches!(again, Err(AppError::Passkey)), "a ceremony counts once");
    (bench, phone, holder)
}

#[tokio::test]
async fn a_passkey_signs_in_and_its_challenge_counts_once() {
    let (bench, _phone, holder) = with_passkey().await;
    let started = bench.start(None).await;
    assert!(started.can_use_passkey);
    let secret = secret(&started);
    let options = bench.app.begin_passkey(&secret).await.unwrap();
    let credential = holder.use_it(&options).await;
    let proven = bench.app.finish_passkey(&secret, &credential).await.unwrap();
    assert_eq!(proven.state, AttemptState::Proven);
    let view = bench.come_back(&proven).await;
    assert_eq!(view.state, AttemptState::Verified);
    let token = view.token.unwrap();
    let claims = crate::from_base64url(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_ne!(claims["acr"], "urn:pushback:aal2");
    let again = bench.app.finish_passkey(&secret, &credential).await;
    assert!(matches!(again, Err(AppError::Passkey)));
}

/// Alice opens a page that somebody sent her, whose sign-in it is, and uses her passkey there.
#[tokio::test]
async fn a_passkey_on_a_page_that_somebody_sent_signs_nobody_else_in() {
    let (bench, phone, holder) = with_passkey().await;
    let started = bench.start(None).await;
    let page = secret(&started);
    let options = bench.app.begin_passkey(&page).await.unwrap();
    let proven = bench.app.finish_passkey(&page, &holder.use_it(&options).await).await.unwrap();

    // Whoever waits for it is told that it was proven, and no more; nor is another browser's page.
    let waited = bench.look(&started.id).await;
    assert_eq!(waited.state, AttemptState::Proven);
    assert_eq!((waited.token, waited.browser, waited.completion), (None, None, None));
    let other = bench.app.page(&page, None, std::time::Duration::ZERO).await.unwrap().attempt;
    assert_eq!((other.state, other.completion), (AttemptState::Proven, None));

    // What one attempt's browser was told completes no other.
    let second = bench.start(None).await;
    let told = proven.completion.clone().unwrap();
    for (id, completion) in [(&*second.id, &*told), (&*started.id, "x"), (&*started.id, &*page)] {
        let asked = bench.app.completed_attempt(&bench.party, id, completion).await;
        assert!(matches!(asked, Err(AppError::Invalid(_))), "{id}");
    }
    let with = |completion: &str| Browser {
        completion: Some(completion.to_owned()),
        only_looks: true,
        ..Browser::default()
    };
    let shown = bench.app.open_page(&secret(&second), &with(&told)).await.unwrap().attempt;
    assert_eq!((shown.token, shown.completion), (None, None));

    // Only the browser that proved it brings it back; and it may load its page again.
    let again = bench.app.open_page(&page, &with(&told)).await.unwrap().attempt;
    assert_eq!((again.state, again.completion.as_ref()), (AttemptState::Verified, Some(&told)));
    assert!(bench.come_back(&proven).await.token.is_some());

    // A code that no page showed needs none: it was on the relying party's own screen.
    bench.app.cancel_attempt(&bench.party, &second.id).await.unwrap();
    let typed = bench.sign_in(&phone, None).await;
    assert!(!typed.is_empty());
}

/// Whoever has stolen Alice's phone asks for the right to bind, and sends her the page.
#[tokio::test]
async fn a_passkey_on_a_page_that_a_stolen_phone_sent_gives_it_no_right() {
    let (bench, phone, holder) = with_passkey().await;
    let asked = bench.app.manage(&phone.ask(&bench.app).await).await.unwrap().attempt;
    let page = secret(&asked);
    let shown = bench.app.page(&page, None, std::time::Duration::ZERO).await.unwrap();
    assert!(shown.is_management);
    let options = bench.app.begin_passkey(&page).await.unwrap();
    let proven = bench.app.finish_passkey(&page, &holder.use_it(&options).await).await.unwrap();
    let invite =
        async |right: &str| bench.app.invite_own_phone(&phone.ask(&bench.app).await, right).await;
    for wrong in [&*asked.id, &*page, "atm_0", "", &format!("{}.x", asked.id)] {
        let refused = invite(wrong).await;
        assert!(matches!(refused, Err(AppError::Refused(Reason::NotAuthorised))), "{wrong}");
    }
    // The app of the browser that proved it was told.
    assert!(invite(&proven.completion.unwrap()).await.is_ok());
}

#[tokio::test]
async fn a_completion_makes_no_success_of_an_attempt_that_has_none() {
    let (bench, _phone, _holder) = with_passkey().await;
    let started = bench.start(None).await;
    let forged = bench.app.completion_of(&started.id);
    let view = bench.app.completed_attempt(&bench.party, &started.id, &forged).await.unwrap();
    assert_eq!((view.state, view.token), (AttemptState::Pending, None));
}

#[tokio::test]
async fn without_a_way_back_no_proof_is_taken_on_the_page() {
    let (bench, _phone, _holder) = with_passkey().await;
    let stay = |accepts| NewAttempt { return_url: None, accepts, ..attempt_for(ALICE, None) };
    let started = bench.app.start_attempt(&bench.party, stay(Accepts::Any)).await.unwrap();
    assert!(!started.can_use_passkey && !started.can_use_totp && !started.can_use_certificate);
    let begun = bench.app.begin_passkey(&secret(&started)).await;
    assert!(matches!(begun, Err(AppError::Refused(_))));
    let strict = stay(Accepts::PhishingResistant);
    let started = bench.app.start_attempt(&bench.party, strict).await;
    assert!(matches!(started, Err(AppError::Invalid(_))));
}

#[tokio::test]
async fn an_answer_to_another_challenge_is_none_and_uses_up_its_own() {
    let (bench, _phone, holder) = with_passkey().await;
    let first = bench.start(None).await;
    let options = bench.app.begin_passkey(&secret(&first)).await.unwrap();
    let credential = holder.use_it(&options).await;
    let second = bench.start(None).await;
    bench.app.begin_passkey(&secret(&second)).await.unwrap();
    for _ in 0..2 {
        let crossed = bench.app.finish_passkey(&secret(&second), &credential).await;
        assert!(matches!(crossed, Err(AppError::Passkey)));
    }
    assert!(bench.look(&second.id).await.state.is_live());
}

#[tokio::test]
async fn a_passkey_gets_in_and_restores_prompts_after_a_report() {
    let (bench, phone, holder) = with_passkey().await;
    bench.start(None).await;
    phone.say(&bench.app, SaidBy::Report(Notes::default())).await.unwrap();
    let started = bench.start(None).await;
    assert!(started.can_use_passkey);
    let managed = bench.app.manage(&phone.ask(&bench.app).await).await.unwrap();
    let secret = secret(&managed.attempt);
    let options = bench.app.begin_passkey(&secret).await.unwrap();
    let credential = holder.use_it(&options).await;
    let right = bench.app.finish_passkey(&secret, &credential).await.unwrap().completion.unwrap();
    let proven = phone.ask(&bench.app).await;
    bench.app.restore_push(&proven, &right).await.unwrap();
    assert_eq!(bench.start(None).await.state, AttemptState::Pending);
}

#[tokio::test]
async fn a_passkey_comes_too_late_for_what_is_over() {
    let (bench, phone, holder) = with_passkey().await;
    // Cancelled with a prompt, expired, and cancelled without a prompt.
    for (how, state) in [
        ("cancel", AttemptState::Cancelled),
        ("expire", AttemptState::Expired),
        ("cancel while held", AttemptState::Cancelled),
    ] {
        if how == "cancel while held" {
            bench.start(None).await;
            phone.say(&bench.app, SaidBy::Report(Notes::default())).await.unwrap();
        }
        let started = bench.start(None).await;
        let secret = secret(&started);
        let options = bench.app.begin_passkey(&secret).await.unwrap();
        let credential = holder.use_it(&options).await;
        if state == AttemptState::Cancelled {
            let view = bench.app.cancel_page(&secret).await.unwrap();
            assert_eq!((view.state, view.can_use_passkey), (state, false), "{how}");
        } else {
            bench.clock.forward_s(600);
        }
        let late = bench.app.finish_passkey(&secret, &credential).await;
        assert!(matches!(late, Err(AppError::Passkey)), "{how}");
        assert_eq!(bench.look(&started.id).await.state, state, "{how}");
    }
}

#[tokio::test]
async fn without_the_right_nothing_is_bound() {
    let (bench, phone) = Bench::with_phone().await;
    let proven = phone.ask(&bench.app).await;
    let begun = bench.app.begin_own_passkey(&proven, "atm_none").await;
    assert!(matches!(begun, Err(AppError::Refused(Reason::NotAuthorised))));
    // A sign-in is no right to change anything.
    let started = bench.start(None).await;
    phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    let begun = bench.app.begin_own_passkey(&proven, &started.id).await;
    assert!(matches!(begun, Err(AppError::Refused(Reason::NotAuthorised))));
}

#[tokio::test]
async fn a_passkey_that_may_be_backed_up_is_not_told_as_staying_on_its_device() {
    let (bench, _phone, _holder) = with_passkey().await;
    let (keys, _) = bench.app.keys_of(ALICE).await.unwrap();
    let stored = serde_json::to_value(keys.passkeys.values().next().unwrap()).unwrap();
    for (eligible, expected) in [(true, PasskeySync::Syncable), (false, PasskeySync::DeviceBound)] {
        let mut stored = stored.clone();
        assert!(stored["cred"]["backup_eligible"].is_boolean(), "{stored}");
        stored["cred"]["backup_eligible"] = eligible.into();
        let passkey: Passkey = serde_json::from_value(stored).unwrap();
        assert_eq!(sync(&passkey), expected);
    }
}

/// What is held until a passkey is used: an attempt after a report.
async fn held(bench: &Bench, phone: &Phone) -> String {
    bench.start(None).await;
    phone.say(&bench.app, SaidBy::Report(Notes::default())).await.unwrap();
    let held = bench.start(None).await;
    assert_eq!(held.state, AttemptState::Held);
    secret(&held)
}

#[tokio::test]
async fn a_passkeys_challenge_counts_for_five_minutes() {
    let (bench, phone, holder) = with_passkey().await;
    let page = held(&bench, &phone).await;
    let late = holder.use_it(&bench.app.begin_passkey(&page).await.unwrap()).await;
    bench.clock.forward_s(300);
    assert!(matches!(bench.app.finish_passkey(&page, &late).await, Err(AppError::Passkey)));
    // Another press of the button asks for a new one.
    let in_time = holder.use_it(&bench.app.begin_passkey(&page).await.unwrap()).await;
    bench.clock.forward_s(299);
    let proven = bench.app.finish_passkey(&page, &in_time).await.unwrap();
    assert_eq!(proven.state, AttemptState::Proven);
}

#[tokio::test]
async fn a_challenge_of_before_its_time_was_written_down_is_over() {
    let (bench, phone, holder) = with_passkey().await;
    let page = held(&bench, &phone).await;
    let credential = holder.use_it(&bench.app.begin_passkey(&page).await.unwrap()).await;
    let loaded = bench.app.load_page(&page).await.unwrap();
    let mut record = serde_json::to_value(&*loaded.record).unwrap();
    assert!(record.as_object_mut().unwrap().remove("challenge_at").is_some());
    let change = Change::at(bench.app.now()).update(
        AttemptRecord::key(&loaded.id).unwrap(),
        loaded.version,
        serde_json::to_vec(&record).unwrap(),
    );
    bench.app.write(change).await.unwrap();
    let done = bench.app.finish_passkey(&page, &credential).await;
    assert!(matches!(done, Err(AppError::Passkey)));
}
