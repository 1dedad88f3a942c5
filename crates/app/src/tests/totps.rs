use data_encoding::BASE32_NOPAD;
use pushback_store::Key;
use pushback_verify::Reason;

use super::passkeys::right;
use crate::testing::{Bench, Phone, Remembered, secret};
use crate::totp::TotpSecret;
use crate::{AppError, AttemptState, NewTotp};

/// Another app, with the secret that it read.
struct Other(TotpSecret);

impl Other {
    fn reads(new: &NewTotp) -> Self {
        let bytes = BASE32_NOPAD.decode(new.secret.as_bytes()).unwrap();
        Self(TotpSecret::new(bytes.try_into().unwrap()))
    }

    fn shows(&self, bench: &Bench) -> String {
        self.0.shown_at(bench.app.now().as_millis() as u64 / 1_000)
    }

    /// What it does not show, now or in the minutes around.
    fn never_shows(&self, bench: &Bench) -> String {
        let now_s = bench.app.now().as_millis() as u64 / 1_000;
        let near: Vec<String> =
            (0..20).map(|step| self.0.shown_at(now_s + 30 * step - 300)).collect();
        let mut codes = (0..).map(|n| format!("{n:06}"));
        codes.find(|code| !near.contains(code)).unwrap()
    }
}

fn refused<T>(done: Result<T, AppError>) -> Reason {
    match done {
        Err(AppError::Refused(reason)) => reason,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was taken"),
    }
}

async fn begun(bench: &Bench, phone: &Phone) -> NewTotp {
    let right = right(bench, phone).await;
    bench.app.begin_own_totp(&phone.ask(&bench.app).await, &right).await.unwrap()
}

async fn bind(bench: &Bench, phone: &Phone) -> (Other, u64) {
    let new = begun(bench, phone).await;
    let other = Other::reads(&new);
    let proven = phone.ask(&bench.app).await;
    let code = other.shows(bench);
    let bound = bench.app.finish_own_totp(&proven, &new.ceremony, &code, "other").await;
    // The code that bound is used up.
    bench.clock.forward_s(60);
    (other, bound.unwrap().0)
}

#[tokio::test]
async fn another_app_is_bound_by_its_right_code_and_signs_in() {
    let (bench, phone) = Bench::with_phone().await;
    assert!(!bench.start(None).await.can_use_totp);
    bench.clock.forward_s(600);
    let (other, _) = bind(&bench, &phone).await;
    let started = bench.start(None).await;
    assert!(started.can_use_totp);
    // As apps show it: with a blank in its middle.
    let shown = other.shows(&bench);
    let (first, last) = shown.split_at(3);
    let typed = format!("{first} {last}");
    let proven = bench.app.prove_totp(&secret(&started), &typed).await.unwrap();
    assert_eq!(proven.state, AttemptState::Proven);
    let view = bench.come_back(&proven).await;
    assert_eq!(view.state, AttemptState::Verified);
    let token = view.token.unwrap();
    let claims = crate::from_base64url(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["amr"], serde_json::json!(["otp"]));
    assert_eq!(claims["acr"], "urn:pushback:aal2");
}

#[tokio::test]
async fn the_code_that_bound_another_app_signs_in_nobody() {
    let (bench, phone) = Bench::with_phone().await;
    let new = begun(&bench, &phone).await;
    let code = Other::reads(&new).shows(&bench);
    let proven = phone.ask(&bench.app).await;
    bench.app.finish_own_totp(&proven, &new.ceremony, &code, "other").await.unwrap();
    let again = bench.app.finish_own_totp(&proven, &new.ceremony, &code, "other").await;
    assert_eq!(refused(again), Reason::CodeExpired, "a secret is bound once");
    let started = bench.start(None).await;
    let typed = bench.app.prove_totp(&secret(&started), &code).await;
    assert_eq!(refused(typed), Reason::CodeReused);
}

#[tokio::test]
async fn a_secret_that_waits_ends_after_ten_minutes() {
    let (bench, phone) = Bench::with_phone().await;
    let new = begun(&bench, &phone).await;
    assert_eq!(new.expires_at, bench.app.now() + pushback_model::Span::minutes(10));
    let other = Other::reads(&new);
    bench.clock.forward_s(600);
    let proven = phone.ask(&bench.app).await;
    let code = other.shows(&bench);
    let late = bench.app.finish_own_totp(&proven, &new.ceremony, &code, "other").await;
    assert_eq!(refused(late), Reason::CodeExpired);
    let key = Key::new("pending-totp", &new.ceremony).unwrap();
    assert!(bench.app.store().load(&key).await.unwrap().is_some());
    bench.app.sweep().await.unwrap();
    assert!(bench.app.store().load(&key).await.unwrap().is_none(), "and is swept away");
}

#[tokio::test]
async fn a_secret_that_waits_ends_after_five_wrong_codes_and_is_its_owners() {
    let (bench, phone) = Bench::with_phone().await;
    let bob = crate::testing::bound(&bench.app, "bob@example.org").await;
    let new = begun(&bench, &phone).await;
    let other = Other::reads(&new);
    let proven = bob.ask(&bench.app).await;
    let code = other.shows(&bench);
    let stolen = bench.app.finish_own_totp(&proven, &new.ceremony, &code, "mine").await;
    assert_eq!(refused(stolen), Reason::CodeExpired);
    let proven = phone.ask(&bench.app).await;
    let wrong = other.never_shows(&bench);
    for _ in 0..5 {
        let typed = bench.app.finish_own_totp(&proven, &new.ceremony, &wrong, "other").await;
        assert_eq!(refused(typed), Reason::WrongProof);
    }
    let right = bench.app.finish_own_totp(&proven, &new.ceremony, &code, "other").await;
    assert_eq!(refused(right), Reason::CodeExpired);
}

#[tokio::test]
async fn no_secret_of_another_app_stands_in_the_clear() {
    let (bench, phone) = Bench::with_phone().await;
    let waiting = begun(&bench, &phone).await;
    let bytes = BASE32_NOPAD.decode(waiting.secret.as_bytes()).unwrap();
    let (kept, _) = bind(&bench, &phone).await;
    let secrets = [bytes.as_slice(), kept.0.bytes()];
    for file in std::fs::read_dir(bench.folder()).unwrap() {
        let file = std::fs::read(file.unwrap().path()).unwrap();
        for secret in secrets {
            let written = [
                secret.to_vec(),
                crate::to_base64url(secret).into_bytes(),
                BASE32_NOPAD.encode(secret).into_bytes(),
            ];
            for form in written {
                assert!(!file.windows(form.len()).any(|window| window == form));
            }
        }
    }
}

#[tokio::test]
async fn an_untied_app_signs_in_no_more_and_its_secret_is_erased() {
    let (bench, phone) = Bench::with_phone().await;
    let (other, serial) = bind(&bench, &phone).await;
    let started = bench.start(None).await;
    bench.app.cancel_attempt(&bench.party, &started.id).await.unwrap();
    let held = bench.start(None).await;
    assert!(held.can_use_totp);
    bench.app.cancel_attempt(&bench.party, &held.id).await.unwrap();
    let right = right(&bench, &phone).await;
    let open = bench.start(None).await;
    let proven = phone.ask(&bench.app).await;
    bench.app.invalidate_own(&proven, &right, serial).await.unwrap();
    let typed = bench.app.prove_totp(&secret(&open), &other.shows(&bench)).await;
    assert_eq!(refused(typed), Reason::NotBound);
    bench.app.work(&Remembered::default()).await.unwrap();
    let (keys, _) = bench.app.keys_of(crate::testing::ALICE).await.unwrap();
    assert!(keys.totps.is_empty());
}

#[tokio::test]
async fn wrong_codes_of_strangers_count_whichever_app_they_meant() {
    let (bench, phone) = Bench::with_phone().await;
    let (first, one) = bind(&bench, &phone).await;
    let (second, two) = bind(&bench, &phone).await;
    let right = right(&bench, &phone).await;
    let third = bench.app.begin_own_totp(&phone.ask(&bench.app).await, &right).await;
    assert_eq!(refused(third), Reason::TooMany);
    for n in 0..4 {
        bench.clock.forward_s(4_000);
        let wrong = first.never_shows(&bench);
        assert_ne!(wrong, second.shows(&bench));
        let started = bench.start(None).await;
        let typed = bench.app.prove_totp(&secret(&started), &wrong).await;
        assert_eq!(refused(typed), Reason::WrongProof, "{n}");
        bench.app.cancel_attempt(&bench.party, &started.id).await.unwrap();
    }
    let whom =
        crate::subscriber::Whom::subscriber(crate::attempts::name("alice@example.org").unwrap());
    let (state, _) = bench.app.state(&whom).await.unwrap();
    for serial in [one, two] {
        let app = state.authenticators().iter().find(|a| a.id().0 == serial).unwrap();
        assert_eq!(app.stranger_failures(), 2, "they are shared out");
    }
}

#[tokio::test]
async fn ten_refused_codes_are_the_most_that_one_page_takes() {
    let (bench, phone) = Bench::with_phone().await;
    let (other, _) = bind(&bench, &phone).await;
    let started = bench.start(None).await;
    let wrong = other.never_shows(&bench);
    for _ in 0..10 {
        refused(bench.app.prove_totp(&secret(&started), &wrong).await);
    }
    assert!(!bench.look(&started.id).await.can_use_totp);
    bench.clock.forward_s(80);
    let right = bench.app.prove_totp(&secret(&started), &other.shows(&bench)).await;
    assert_eq!(refused(right), Reason::TooManyFailures);
}
