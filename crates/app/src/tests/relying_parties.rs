use std::time::Duration;

use pushback_verify::{Notes, OperatorId, PromptEnd, Reason};

use super::passkeys::with_passkey;
use crate::documents::Kind as _;
use crate::testing::{ALICE, Bench, attempt_for, bench, code, party, secret};
use crate::{Answered, AppError, AttemptState, DecisionView, RelyingParty, SaidBy};

const LONG: Duration = Duration::from_secs(30);

fn sam() -> OperatorId {
    OperatorId::parse("sam").unwrap()
}

impl Bench {
    async fn remove_the_application(&self) {
        self.app.delete_relying_party(&sam(), &self.party.id).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_waits_with_a_secret_that_was_renewed_is_told_nothing_more() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    let waiting = {
        let (app, party, view) = (bench.app.clone(), bench.party.clone(), started.clone());
        tokio::spawn(async move { app.attempt(&party, &view.id, Some(&view.version), LONG).await })
    };
    let renewed = bench.app.renew_relying_party(&sam(), &bench.party.id).await.unwrap();
    let said = phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    assert_eq!(said, Answered::Verified);
    assert!(matches!(waiting.await.unwrap(), Err(AppError::Unauthenticated)));
    // Nor does it help to ask anew, however the attempt is known here.
    for wait in [Duration::ZERO, LONG] {
        let asked = bench.app.attempt(&bench.party, &started.id, Some("x"), wait).await;
        assert!(matches!(asked, Err(AppError::Unauthenticated)));
    }
    assert!(matches!(
        bench.app.signals(&bench.party, None, Duration::ZERO).await,
        Err(AppError::Unauthenticated)
    ));
    // Whoever has the new secret is told.
    let party = bench.app.authenticate(&renewed.id, &renewed.secret).await.unwrap();
    let view = bench.app.attempt(&party, &started.id, None, Duration::ZERO).await.unwrap();
    assert!(view.token.is_some());
}

#[tokio::test]
async fn attempts_end_with_the_application_that_asked() {
    let (bench, phone) = Bench::with_phone().await;
    let verified = bench.start(None).await;
    phone.say(&bench.app, SaidBy::Confirm(code(&verified))).await.unwrap();
    let started = bench.start(None).await;
    // Another node knows of it only by the database.
    let node = bench.other_node();
    node.attempt(&bench.party, &started.id, None, Duration::ZERO).await.unwrap();
    bench.remove_the_application().await;

    for app in [&bench.app, &node] {
        for attempt in [&started, &verified] {
            let asked = app.attempt(&bench.party, &attempt.id, None, Duration::ZERO).await;
            assert!(matches!(asked, Err(AppError::Unauthenticated)));
            let page = app.page(&secret(attempt), None, Duration::ZERO).await.unwrap().attempt;
            assert_eq!((page.state, page.token), (AttemptState::Cancelled, None));
            let removed = DecisionView::Refused(Reason::ApplicationRemoved);
            assert!(page.decision == removed);
        }
    }
    // The code gets nobody in, and ends the prompt.
    let said = phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    assert_eq!(said, Answered::Refused(Reason::ApplicationRemoved));
    assert!(bench.app.prompts(&phone.ask(&bench.app).await).await.unwrap().open.is_none());
}

#[tokio::test]
async fn a_no_counts_also_after_the_application_was_removed() {
    let (bench, phone) = Bench::with_phone().await;
    bench.start(None).await;
    bench.remove_the_application().await;
    let said = phone.say(&bench.app, SaidBy::Deny).await.unwrap();
    assert_eq!(said, Answered::Ended(PromptEnd::Denied));
}

#[tokio::test]
async fn what_was_held_is_not_proven_after_the_application_was_removed() {
    let (bench, phone, holder) = with_passkey().await;
    bench.start(None).await;
    phone.say(&bench.app, SaidBy::Report(Notes::default())).await.unwrap();
    let held = bench.start(None).await;
    let page = secret(&held);
    let credential = holder.use_it(&bench.app.begin_passkey(&page).await.unwrap()).await;
    bench.remove_the_application().await;
    let done = bench.app.finish_passkey(&page, &credential).await;
    assert!(matches!(done, Err(AppError::Passkey)));
    assert!(matches!(bench.app.begin_passkey(&page).await, Err(AppError::Refused(_))));
    // What the owner does in the app asks for no application.
    let managed = bench.app.manage(&phone.ask(&bench.app).await).await.unwrap().attempt;
    assert!(managed.state.is_live());
}

#[tokio::test]
async fn a_name_that_looks_like_another_applications_is_refused() {
    let bench = bench().await;
    for twin in ["Payroll", " payroll ", "PAYROLL", "Pаyroll", "Payro1l"] {
        let Err(AppError::Invalid(why)) = bench.app.create_relying_party(&sam(), twin).await else {
            panic!("{twin} was taken");
        };
        assert!(why.contains(&bench.party.id), "{why}");
    }
    for nothing in ["", " ", "\u{3164}"] {
        let made = bench.app.create_relying_party(&sam(), nothing).await;
        assert!(matches!(made, Err(AppError::Invalid(_))), "{nothing:?}");
    }
    // A name is free again when its application is gone.
    bench.remove_the_application().await;
    let again = party(&bench.app, "PAYROLL").await;
    assert!(bench.app.start_attempt(&again, attempt_for(ALICE, None)).await.is_ok());
}

#[tokio::test]
async fn two_commands_at_once_give_a_name_to_one() {
    let bench = bench().await;
    let (one, two) = (bench.app.clone(), bench.other_node());
    let (sam_one, sam_two) = (sam(), sam());
    let made = tokio::join!(
        one.create_relying_party(&sam_one, "Wiki"),
        two.create_relying_party(&sam_two, "wiki")
    );
    assert!(made.0.is_ok() != made.1.is_ok());
    assert_eq!(bench.app.relying_parties().await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_application_of_before_names_were_kept_has_its_name() {
    let bench = bench().await;
    let store = bench.app.store();
    let page = store.list("relying-party-name", None, 10).await.unwrap();
    for (id, document) in &page.documents {
        let key = pushback_store::Key::new("relying-party-name", id).unwrap();
        let change = pushback_store::Change::at(bench.app.now()).delete(key, document.version);
        bench.app.write(change).await.unwrap();
    }
    assert!(bench.app.create_relying_party(&sam(), "payroll").await.is_err());
    bench.remove_the_application().await;
    assert!(RelyingParty::load(store, &bench.party.id).await.unwrap().is_none());
    assert!(bench.app.create_relying_party(&sam(), "payroll").await.is_ok());
}
