use jsonwebtoken::decode_header;
use pushback_model::Span;
use pushback_verify::{OperatorId, Reason};

use crate::capability::Link;
use crate::testing::{Bench, attempt_for, bench, code, secret};
use crate::tests::operators::enrolled;
use crate::{
    App, AppError, CapabilityKey, DecisionView, DeviceCookie, KEYS_OVERLAP, RenewedKeys, SaidBy,
};

fn console() -> OperatorId {
    OperatorId::parse("console:root").unwrap()
}

async fn renew(app: &App, has_leaked: bool) -> RenewedKeys {
    app.renew_keys(&console(), has_leaked).await.unwrap()
}

fn published(app: &App) -> Vec<String> {
    app.jwks().iter().map(|jwk| jwk["kid"].as_str().unwrap().to_owned()).collect()
}

fn hour_s() -> i64 {
    KEYS_OVERLAP.as_millis() / 1_000
}

/// The id of the key that signs now.
async fn signing(bench: &Bench, phone: &crate::testing::Phone) -> String {
    let started = bench.start(None).await;
    phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    decode_header(bench.look(&started.id).await.token.unwrap()).unwrap().kid.unwrap()
}

/// Whether a stranger's open prompt makes the browser with this cookie wait, as it does any stranger.
async fn is_stranger(app: &App, bench: &Bench, browser: &str) -> bool {
    app.start_attempt(&bench.party, attempt_for(crate::testing::ALICE, None)).await.unwrap();
    let attempt = attempt_for(crate::testing::ALICE, Some(browser.to_owned()));
    let started = app.start_attempt(&bench.party, attempt).await.unwrap();
    match started.decision {
        DecisionView::Wait { reason: Reason::AnotherPromptOpen, .. } => true,
        DecisionView::Prompt { .. } => false,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_renewed_key_is_published_before_it_signs_and_the_old_one_after() {
    let (bench, phone) = Bench::with_phone().await;
    let old = signing(&bench, &phone).await;
    assert_eq!(published(&bench.app), std::slice::from_ref(&old));

    let new = renew(&bench.app, false).await;
    assert_eq!(new.signs_from, Some(bench.app.now() + KEYS_OVERLAP));
    assert_eq!(published(&bench.app), [new.kid.clone(), old.clone()]);
    assert_eq!(signing(&bench, &phone).await, old);

    bench.clock.forward_s(hour_s());
    assert_eq!(signing(&bench, &phone).await, new.kid);
    assert_eq!(published(&bench.app), [new.kid.clone(), old]);
    bench.clock.forward_s(hour_s());
    assert_eq!(published(&bench.app), [new.kid]);
}

#[tokio::test]
async fn a_renewal_while_another_waits_is_refused_unless_there_was_a_leak() {
    let bench = bench().await;
    renew(&bench.app, false).await;
    let second = bench.app.renew_keys(&console(), false).await;
    assert!(matches!(second, Err(AppError::Invalid(_))));
    let leaked = renew(&bench.app, true).await;
    assert_eq!(published(&bench.app), std::slice::from_ref(&leaked.kid));
    // What counts at once is no renewal that waits.
    let next = renew(&bench.app, false).await;
    assert_eq!(published(&bench.app), [next.kid, leaked.kid]);
}

#[tokio::test]
async fn a_renewal_ends_nothing_that_may_count_yet() {
    let (bench, phone) = Bench::with_phone().await;
    let browser = bench.sign_in(&phone, None).await;
    let open = bench.start(None).await;
    renew(&bench.app, false).await;
    bench.clock.forward_s(hour_s());
    assert!(bench.app.page(&secret(&open), None, std::time::Duration::ZERO).await.is_ok());
    // Its last day: the cookie is from before the hour.
    let life = bench.app.policy().trust.device_life();
    bench.clock.forward_s(life.as_millis() / 1_000 - 3 * hour_s());
    assert!(!is_stranger(&bench.app, &bench, &browser).await);

    // Whoever has the old key dates cookies as they like; it ends with the last that it may have signed.
    let cookie = DeviceCookie {
        subscriber: crate::testing::ALICE.to_owned(),
        device: 1,
        expires_at: bench.app.now() + Span::days(9_000),
    };
    let forged = CapabilityKey::new(&[7; crate::KEY_BYTES]).device_cookie(&cookie);
    let opens = || bench.app.inner.keys.open_device_cookie(&forged, bench.app.now()).is_some();
    assert!(opens());
    bench.clock.forward_s(3 * hour_s());
    assert!(!opens());
}

#[tokio::test]
async fn after_a_leak_nothing_that_the_old_keys_signed_counts_on_any_node() {
    let (bench, phone) = Bench::with_phone().await;
    let browser = bench.sign_in(&phone, None).await;
    let open = bench.start(None).await;
    let ticket = bench.app.stream_ticket(&phone.ask(&bench.app).await);
    let other = bench.other_node();
    assert!(!is_stranger(&other, &bench, &browser).await);
    let old = published(&bench.app);
    bench.clock.forward_s(600);

    let new = renew(&bench.app, true).await;
    assert_eq!(new.signs_from, None);
    other.load_keys().await.unwrap();
    for app in [&bench.app, &other] {
        assert_eq!(published(app), std::slice::from_ref(&new.kid));
        assert!(!old.contains(&new.kid));
        assert!(
            app.page(&secret(&open), None, std::time::Duration::ZERO).await.is_err(),
            "the page"
        );
        let keys = &app.inner.keys;
        assert_eq!(keys.open_link(Link::Stream, &ticket, app.now()), None);
        assert_eq!(keys.open_device_cookie(&browser, app.now()), None);
    }
    assert!(is_stranger(&other, &bench, &browser).await);
    bench.clock.forward_s(600);
    assert_eq!(signing(&bench, &phone).await, new.kid);

    let trail = bench.app.audit("main", 0).await.unwrap();
    let entry = trail.iter().rfind(|entry| entry.kind == "keys_replaced").unwrap();
    assert_eq!(entry.body["by"]["operator"], "console:root");
    assert_eq!(entry.body["details"]["kid"], new.kid);
}

#[tokio::test]
async fn a_passkey_knows_its_owner_after_the_keys_were_renewed() {
    let bench = bench().await;
    let (holder, _) = enrolled(&bench).await;
    renew(&bench.app, true).await;
    let (ceremony, options) = bench.app.begin_operator_sign_in().await.unwrap();
    let credential = holder.use_it(&options).await;
    bench.app.finish_operator_sign_in(&ceremony, &credential).await.unwrap();
}

#[tokio::test]
async fn a_node_that_cannot_read_the_renewed_keys_goes_on_with_its_own() {
    use pushback_store::{Change, Commit, Key};
    let (bench, phone) = Bench::with_phone().await;
    let browser = bench.sign_in(&phone, None).await;
    let key = Key::new("renewed-keys", "service").unwrap();
    for damaged in [br#"{"is_first_over":true}"#.as_slice(), br#"{"renewals":[{}]}"#] {
        let found = bench.app.store().load(&key).await.unwrap().map(|found| found.version);
        let change = Change::at(bench.app.now()).put(key.clone(), found, damaged.to_vec());
        let commit = bench.app.store().commit(change).await.unwrap();
        assert!(matches!(commit, Commit::Committed(_)));
        assert!(bench.app.load_keys().await.is_err());
        assert!(bench.app.inner.keys.open_device_cookie(&browser, bench.app.now()).is_some());
    }
}
