//! A hosted page belongs to the browser that opened it first.

use crate::testing::{ALICE, Bench, attempt_for, code, secret};
use crate::{Answered, App, AttemptState, AttemptView, Browser, DecisionView, PageView, SaidBy};

/// A browser that keeps what it is given.
#[derive(Default)]
struct Client(Browser);

impl Client {
    async fn open(&mut self, app: &App, attempt: &AttemptView) -> PageView {
        let page = app.open_page(&secret(attempt), &self.0).await.unwrap();
        self.0.name = page.browser.clone().or(self.0.name.take());
        page
    }
}

fn code_on(page: &PageView) -> Option<&str> {
    match &page.attempt.decision {
        DecisionView::Prompt { code, .. } => code.as_deref(),
        other => panic!("no prompt: {other:?}"),
    }
}

/// Whoever has the password began a sign-in, and leads its owner to the true page of the true service.
#[tokio::test]
async fn a_code_on_a_page_that_somebody_sent_signs_nobody_else_in() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    let (mut owner, mut attacker) = (Client::default(), Client::default());
    // It was not opened before, so that the owner sees a code and types it.
    assert_eq!(code_on(&owner.open(&bench.app, &started).await), Some(&*code(&started)));
    let said = phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    assert_eq!(said, Answered::Verified);

    let waited = bench.look(&started.id).await;
    assert_eq!(waited.state, AttemptState::Proven);
    assert_eq!((waited.token, waited.browser, waited.completion), (None, None, None));
    let page = attacker.open(&bench.app, &started).await.attempt;
    assert_eq!((page.state, page.completion, page.token), (AttemptState::Proven, None, None));
    // What came of it is in the browser of the owner, and so is the session that it opens.
    let page = owner.open(&bench.app, &started).await.attempt;
    assert_eq!(page.state, AttemptState::Verified);
    assert!(bench.come_back(&page).await.token.is_some());
}

#[tokio::test]
async fn a_page_that_was_opened_shows_its_code_to_no_other_browser() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    let (mut attacker, mut owner) = (Client::default(), Client::default());
    assert!(code_on(&attacker.open(&bench.app, &started).await).is_some());
    // A browser of another node too, and one that says it is the first.
    for app in [&bench.app, &bench.other_node()] {
        let page = owner.open(app, &started).await;
        assert_eq!((code_on(&page), page.is_elsewhere, &page.browser), (None, true, &None));
        let made_up = Browser { name: Some("x".to_owned()), ..Browser::default() };
        assert_eq!(code_on(&app.open_page(&secret(&started), &made_up).await.unwrap()), None);
        // The first may load it again.
        assert!(code_on(&attacker.open(app, &started).await).is_some());
    }
    phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    assert_eq!(owner.open(&bench.app, &started).await.attempt.completion, None);
}

/// The passkey's proof belongs to the browser that used it, whoever showed the code.
#[tokio::test]
async fn whoever_holds_the_page_gets_nothing_of_what_another_browser_proved() {
    let (bench, _phone, holder) = crate::tests::passkeys::with_passkey().await;
    let started = bench.start(None).await;
    let mut attacker = Client::default();
    attacker.open(&bench.app, &started).await;
    let page = secret(&started);
    let options = bench.app.begin_passkey(&page).await.unwrap();
    let proven = bench.app.finish_passkey(&page, &holder.use_it(&options).await).await.unwrap();
    assert!(proven.completion.is_some());
    let seen = attacker.open(&bench.app, &started).await.attempt;
    assert_eq!((seen.state, seen.completion), (AttemptState::Proven, None));
}

#[tokio::test]
async fn one_browser_holds_the_pages_of_several_sign_ins() {
    let (bench, _phone) = Bench::with_phone().await;
    crate::testing::bound(&bench.app, "bob@example.org").await;
    let bob = attempt_for("bob@example.org", None);
    let bobs = bench.app.start_attempt(&bench.party, bob).await.unwrap();
    let alices = bench.start(None).await;
    let mut browser = Client::default();
    for started in [&alices, &bobs, &alices, &bobs] {
        assert!(code_on(&browser.open(&bench.app, started).await).is_some());
    }
}

#[tokio::test]
async fn what_only_looks_at_a_page_does_not_hold_it() {
    let (bench, _phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    let looks = Browser { only_looks: true, ..Browser::default() };
    assert_eq!(code_on(&bench.app.open_page(&secret(&started), &looks).await.unwrap()), None);
    assert!(code_on(&Client::default().open(&bench.app, &started).await).is_some());
}

/// Its relying party shows the code itself, and takes nothing that a browser brings back.
#[tokio::test]
async fn a_page_that_leads_nowhere_shows_no_code() {
    let (bench, phone) = Bench::with_phone().await;
    let attempt = crate::NewAttempt { return_url: None, ..attempt_for(ALICE, None) };
    let started = bench.app.start_attempt(&bench.party, attempt).await.unwrap();
    let page = Client::default().open(&bench.app, &started).await;
    assert_eq!((code_on(&page), page.is_elsewhere), (None, true));
    phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    assert_eq!(bench.look(&started.id).await.state, AttemptState::Verified);
}
