use pushback_verify::{Notes, PromptEnd, Reason};

use crate::binding::Contact;
use crate::documents::Kind as _;
use crate::testing::{ALICE, Bench, Phone, Remembered, bench, bound, code, digest_of, operator};
use crate::{
    Answered, AppError, AttemptState, DecisionView, Invitation, NewPhone, PushSubscription, SaidBy,
};

fn other_than(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[tokio::test]
async fn three_wrong_codes_end_the_prompt_and_the_right_one_comes_too_late() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    let wrong = other_than(&code(&started));
    for left in [2, 1] {
        let said = phone.say(&bench.app, SaidBy::Confirm(wrong.clone())).await.unwrap();
        assert_eq!(said, Answered::WrongCode { tries_left: left });
        let proven = phone.ask(&bench.app).await;
        let open = bench.app.prompts(&proven).await.unwrap().open.unwrap();
        assert_eq!(open.tries_left, left);
    }
    let said = phone.say(&bench.app, SaidBy::Confirm(wrong)).await.unwrap();
    assert_eq!(said, Answered::Ended(PromptEnd::Mismatched));
    let late = phone.say(&bench.app, SaidBy::Confirm(code(&started))).await;
    assert!(matches!(late, Err(AppError::NotFound)));
    let ended = bench.look(&started.id).await;
    assert_eq!((ended.state, ended.token), (AttemptState::Denied, None));
}

#[tokio::test]
async fn after_a_report_no_code_gets_in() {
    let (bench, phone) = Bench::with_phone().await;
    bench.start(None).await;
    let notes = Notes { someone_called: true, ..Notes::default() };
    let said = phone.say(&bench.app, SaidBy::Report(notes)).await.unwrap();
    assert_eq!(said, Answered::Reported);
    let next = bench.start(None).await;
    assert_eq!(next.state, AttemptState::Held);
    assert_eq!(next.decision, DecisionView::PasskeyOnly(Reason::PushSuspended));
    let account = bench.app.account(&phone.ask(&bench.app).await).await.unwrap();
    assert!(account.suspended.is_some() && account.password_is_burned);
    assert_eq!(bench.app.incidents().await.unwrap().len(), 1);
    bench.app.close_incident(operator("kim"), ALICE).await.unwrap();
    assert_eq!(bench.app.incidents().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_phone_that_was_shown_something_else_says_no_yes() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    let proven = phone.ask(&bench.app).await;
    let open = bench.app.prompts(&proven).await.unwrap().open.unwrap();
    let mut other = open.clone();
    other.lines[1].value = Some("Wiki".to_owned());
    let yes = || SaidBy::Confirm(code(&started));
    let answer = phone.answer(open.id, &digest_of(&other), yes());
    let said = bench.app.answer_prompt(&proven, &answer).await;
    assert!(matches!(said, Err(AppError::Unauthenticated)));
    // "No" counts whatever was shown.
    let answer = phone.answer(open.id, &digest_of(&other), SaidBy::Deny);
    let said = bench.app.answer_prompt(&phone.ask(&bench.app).await, &answer).await.unwrap();
    assert_eq!(said, Answered::Ended(PromptEnd::Denied));
}

#[tokio::test]
async fn a_signed_request_counts_once() {
    let (bench, phone) = Bench::with_phone().await;
    bench.start(None).await;
    let proven = phone.ask(&bench.app).await;
    let open = bench.app.prompts(&proven).await.unwrap().open.unwrap();
    let answer = phone.answer(open.id, &digest_of(&open), SaidBy::Report(Notes::default()));
    bench.app.answer_prompt(&proven, &answer).await.unwrap();
    bench.app.close_incident(operator("kim"), ALICE).await.unwrap();
    let again = bench.app.answer_prompt(&proven, &answer).await;
    assert!(matches!(again, Err(AppError::Unauthenticated)));
    assert_eq!(bench.app.incidents().await.unwrap().len(), 0);
}

#[tokio::test]
async fn what_binds_or_moves_a_phone_counts_once() {
    let (bench, phone) = Bench::with_phone().await;
    let app = &bench.app;
    let is_refused = |error: Option<AppError>| matches!(error, Some(AppError::Unauthenticated));
    let right = super::passkeys::right(&bench, &phone).await;
    let invites = phone.ask(app).await;
    assert!(app.invite_own_phone(&invites, &right).await.is_ok());
    assert!(is_refused(app.invite_own_phone(&invites, &right).await.err()));
    let right = super::passkeys::right(&bench, &phone).await;
    let begins = phone.ask(app).await;
    assert!(app.begin_own_passkey(&begins, &right).await.is_ok());
    assert!(is_refused(app.begin_own_passkey(&begins, &right).await.err()));
    assert!(is_refused(app.begin_own_totp(&begins, &right).await.err()));
    assert!(is_refused(app.draw_recovery_codes(&begins, &right).await.err()));
    let moves = phone.ask(app).await;
    let push = PushSubscription {
        endpoint: "https://push.example/1".to_owned(),
        p256dh: "p".to_owned(),
        auth: "a".to_owned(),
    };
    app.set_push(&moves, Some(push.clone())).await.unwrap();
    app.set_push(&phone.ask(app).await, None).await.unwrap();
    assert!(is_refused(app.set_push(&moves, Some(push)).await.err()));
}

#[tokio::test]
async fn a_request_of_another_minute_is_told_about_the_clock() {
    let (bench, phone) = Bench::with_phone().await;
    let authorization = phone.authorization(bench.app.now(), "POST", "/v1/x");
    bench.clock.forward_s(61);
    let proven = phone.proven(&bench.app, &authorization).await;
    assert!(matches!(proven, Err(AppError::ClockWrong)));
}

async fn invited(bench: &Bench, subscriber: &str) -> Invitation {
    let addresses = ["one@example.com", "two@example.net"].map(str::to_owned);
    bench.app.set_addresses(operator("sam"), subscriber, &addresses).await.unwrap();
    bench.app.invite(operator("sam"), subscriber).await.unwrap()
}

fn is_wrong<T: std::fmt::Debug>(bound: Result<T, AppError>) -> bool {
    matches!(bound, Err(AppError::Refused(Reason::WrongProof)))
}

#[tokio::test]
async fn a_binding_code_binds_once_and_only_with_the_key_that_proves_itself() {
    let bench = bench().await;
    let invitation = invited(&bench, ALICE).await;
    assert!(invitation.link.ends_with(&format!("/app#bind={}", invitation.secret)));
    let (phone, other) = (Phone::new(), Phone::new());
    let stolen = NewPhone { key: other.key(), ..phone.binding(&invitation.secret, None) };
    let bound = bench.app.bind_phone(&stolen).await;
    assert!(matches!(bound, Err(AppError::Unauthenticated)));
    let typed = invitation.code.to_lowercase().replace('-', " ");
    assert!(bench.app.bind_phone(&phone.binding(&typed, Some(" Alice@Example.org"))).await.is_ok());
    // Used up, whichever way it comes; and what never was.
    for code in [&*invitation.code, "AAAAA-AAAAA", ""] {
        let bound = bench.app.bind_phone(&other.binding(code, Some(ALICE))).await;
        assert!(is_wrong(bound), "{code}");
    }
    for secret in [&*invitation.secret, &"A".repeat(24)] {
        assert!(is_wrong(bench.app.bind_phone(&other.binding(secret, None)).await), "{secret}");
    }
}

#[tokio::test]
async fn a_typed_code_binds_beside_its_own_name_only_and_a_link_without() {
    let bench = bench().await;
    let (hers, his) = (invited(&bench, ALICE).await, invited(&bench, "bob@example.org").await);
    let phone = Phone::new();
    let without = bench.app.bind_phone(&phone.binding(&hers.code, None)).await;
    assert!(matches!(without, Err(AppError::Invalid(_))));
    for whose in ["bob@example.org", "nobody@example.org", "", "no\nname"] {
        assert!(is_wrong(bench.app.bind_phone(&phone.binding(&hers.code, Some(whose))).await));
    }
    // The link names nobody: what is said beside it changes nothing.
    let bound = bench.app.bind_phone(&phone.binding(&hers.secret, Some("bob@example.org"))).await;
    assert_eq!(bound.unwrap().subscriber, ALICE);
    let other = Phone::new();
    let bound = bench.app.bind_phone(&other.binding(&his.code, Some("bob@example.org"))).await;
    assert_eq!(bound.unwrap().subscriber, "bob@example.org");
}

#[tokio::test]
async fn an_old_invitation_takes_nothing_from_the_one_that_replaced_it() {
    // Replaced at once, and after it had run out.
    for waits_s in [0, 700] {
        let bench = bench().await;
        let old = invited(&bench, ALICE).await;
        bench.clock.forward_s(waits_s);
        let new = bench.app.invite(operator("sam"), ALICE).await.unwrap();
        let stranger = Phone::new();
        for _ in 0..5 {
            assert!(is_wrong(bench.app.bind_phone(&stranger.binding(&old.secret, None)).await));
            let typed = stranger.binding(&old.code, Some(ALICE));
            assert!(is_wrong(bench.app.bind_phone(&typed).await));
        }
        let bound = bench.app.bind_phone(&Phone::new().binding(&new.secret, None)).await;
        assert_eq!(bound.unwrap().subscriber, ALICE, "after {waits_s} s");
    }
}

#[tokio::test]
async fn a_binding_code_ends_after_its_time() {
    let bench = bench().await;
    let invitation = invited(&bench, ALICE).await;
    bench.clock.forward_s(700);
    let phone = Phone::new();
    let typed = phone.binding(&invitation.code, Some(ALICE));
    for new in [typed, phone.binding(&invitation.secret, None)] {
        assert!(is_wrong(bench.app.bind_phone(&new).await));
    }
    bench.clock.forward_s(4_000);
    bench.app.sweep().await.unwrap();
}

#[tokio::test]
async fn nobody_is_invited_without_two_addresses() {
    let bench = bench().await;
    let one = ["one@example.com".to_owned()];
    let set = bench.app.set_addresses(operator("sam"), ALICE, &one).await;
    assert!(matches!(set, Err(AppError::Refused(Reason::NeedsTwoAddresses))));
    assert!(matches!(bench.app.invite(operator("sam"), ALICE).await, Err(AppError::NotFound)));
    for bad in ["", "x", "a b@example.org", "a@localhost", "oscar@a.example,thief@evil.example"] {
        let addresses = [bad.to_owned(), "one@example.com".to_owned()];
        let set = bench.app.set_addresses(operator("sam"), ALICE, &addresses).await;
        assert!(matches!(set, Err(AppError::Invalid(_))), "{bad}");
    }
}

#[tokio::test]
async fn two_spellings_of_one_address_are_one() {
    let bench = bench().await;
    let set = async |addresses: [&str; 2]| {
        let addresses = addresses.map(str::to_owned);
        bench.app.set_addresses(operator("sam"), ALICE, &addresses).await
    };
    let once = set(["one@example.com", "One@Example.com"]).await;
    assert!(matches!(once, Err(AppError::Refused(Reason::NeedsTwoAddresses))), "{once:?}");
    set(["one@example.com", "Two@example.com"]).await.unwrap();
}

#[tokio::test]
async fn a_refusal_makes_no_subscriber() {
    let bench = bench().await;
    let one = ["one@example.com".to_owned()];
    assert!(bench.app.set_addresses(operator("sam"), ALICE, &one).await.is_err());
    assert!(matches!(bench.app.subscriber(ALICE).await, Err(AppError::NotFound)));
    assert!(bench.app.audit("main", 0).await.unwrap().iter().all(|e| e.kind != "change_refused"));
}

#[tokio::test]
async fn a_caller_is_known_only_when_the_owner_says_so() {
    let (bench, phone) = Bench::with_phone().await;
    let call = bench.app.start_call(operator("sam"), ALICE).await.unwrap();
    let shown = bench.app.call(&phone.ask(&bench.app).await).await.unwrap().unwrap();
    assert_eq!((&shown.code, &*shown.who), (&call.code, "sam"));
    assert!(bench.app.answer_call(&phone.ask(&bench.app).await, shown.id, true).await.unwrap());
    assert!(bench.app.call(&phone.ask(&bench.app).await).await.unwrap().is_none());
    let call = bench.app.start_call(operator("sam"), ALICE).await.unwrap();
    assert!(!bench.app.answer_call(&phone.ask(&bench.app).await, call.id, false).await.unwrap());
    assert_eq!(bench.app.incidents().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_phone_waits_for_reaches_it() {
    let (bench, phone) = Bench::with_phone().await;
    let proven = phone.ask(&bench.app).await;
    let before = bench.app.prompts(&proven).await.unwrap();
    let (app, wait) = (bench.app.clone(), std::time::Duration::from_secs(30));
    let waiting =
        tokio::spawn(async move { app.next_prompts(&proven, &before.version, wait).await });
    let started = bench.start(None).await;
    let open = waiting.await.unwrap().unwrap().open.unwrap();
    assert_eq!(open.attempt, started.id);
    assert!(!open.is_quiet);
    let shown = format!("{:?}", open.lines);
    assert!(!shown.contains(&code(&started)), "the code is never sent to the phone");
    assert_eq!(bench.look(&started.id).await.state, AttemptState::Pending);
    bound(&bench.app, "bob@example.org").await;
}

/// An earlier version took the list for one address; `sendmail -t` would not.
#[tokio::test]
async fn two_addresses_that_were_taken_for_one_are_not_mailed_to() {
    let (bench, _phone) = Bench::with_phone().await;
    let store = &bench.app.inner.store;
    let (mut contact, version) = Contact::load(store, ALICE).await.unwrap().unwrap();
    for address in contact.addresses.values_mut().filter(|address| address.starts_with("one")) {
        *address = "one@example.com,thief@evil.example".to_owned();
    }
    let change = pushback_store::Change::at(bench.app.now()).put(
        Contact::key(ALICE).unwrap(),
        Some(version),
        contact.bytes().unwrap(),
    );
    let committed = store.commit(change).await.unwrap();
    assert!(matches!(committed, pushback_store::Commit::Committed(_)));
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let told = outside.told.into_inner().unwrap();
    let to: Vec<_> = told.iter().filter_map(|told| told.to.as_deref()).collect();
    assert!(!to.is_empty() && to.iter().all(|to| *to == "two@example.net"), "{to:?}");
}

#[tokio::test]
async fn what_a_phone_asked_for_is_shown_there_and_kept_quiet_elsewhere() {
    let (bench, phone) = Bench::with_phone().await;
    let right = super::passkeys::right(&bench, &phone).await;
    let invitation =
        bench.app.invite_own_phone(&phone.ask(&bench.app).await, &right).await.unwrap();
    let mut second = Phone::new();
    second.id = bench.app.bind_phone(&second.binding(&invitation.secret, None)).await.unwrap().id;
    let managed = bench.app.manage(&second.ask(&bench.app).await).await.unwrap();
    for (who, is_quiet) in [(&phone, true), (&second, false)] {
        let open = bench.app.prompts(&who.ask(&bench.app).await).await.unwrap().open.unwrap();
        assert_eq!((open.attempt, open.is_quiet), (managed.attempt.id.clone(), is_quiet));
    }
    // Only the older one is of use for it, and answers what it did not ring for.
    phone.say(&bench.app, SaidBy::Confirm(code(&managed.attempt))).await.unwrap();
    assert!(
        bench
            .app
            .draw_recovery_codes(&second.ask(&bench.app).await, &managed.attempt.id)
            .await
            .is_ok()
    );
}
