use base64::Engine as _;
use proptest::prelude::*;
use pushback_model::Timestamp;
use pushback_verify::Reason;

use super::passkeys::right;
use crate::testing::{ALICE, Bench, Phone, Remembered, attempt_for, bound, secret};
use crate::{AppError, AttemptState, AttemptView, CertificateError, ClientCertificate};

const LAPTOP: &str = include_str!("certificates/laptop.pem");
/// Another certificate over the laptop's key.
const RENEWED: &str = include_str!("certificates/renewed.pem");
/// The same, which ran out with 2025.
const SPENT: &str = include_str!("certificates/spent.pem");
const OTHER: &str = include_str!("certificates/other.pem");

fn read(pem: &str) -> ClientCertificate {
    ClientCertificate::parse_text(pem).unwrap()
}

async fn bind(bench: &Bench, phone: &Phone, pem: &str) -> Result<u64, AppError> {
    let right = right(bench, phone).await;
    let proven = phone.ask(&bench.app).await;
    let bound = bench.app.bind_own_certificate(&proven, &right, &read(pem), "laptop").await;
    bound.map(|id| id.0)
}

async fn use_it(bench: &Bench, started: &AttemptView, pem: &str) -> Result<AttemptView, AppError> {
    let certificate = read(pem);
    let button = bench.app.certificate_button(&started.id, &certificate);
    bench.app.prove_certificate(&secret(started), &certificate, &button).await
}

fn refused<T>(done: Result<T, AppError>) -> Reason {
    match done {
        Err(AppError::Refused(reason)) => reason,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was taken"),
    }
}

#[tokio::test]
async fn a_certificate_is_bound_by_its_public_key_and_a_renewed_one_goes_on() {
    let (bench, phone) = Bench::with_phone().await;
    bind(&bench, &phone, LAPTOP).await.unwrap();
    let again = bind(&bench, &phone, RENEWED).await;
    assert_eq!(refused(again), Reason::AlreadyBound);
    for pem in [LAPTOP, RENEWED] {
        let started = bench.start(None).await;
        let proven = use_it(&bench, &started, pem).await.unwrap();
        assert_eq!(proven.state, AttemptState::Proven);
        let view = bench.come_back(&proven).await;
        assert_eq!(view.state, AttemptState::Verified);
        assert_eq!(view.browser, None, "a machine makes no browser known");
        let token = view.token.unwrap();
        let claims = crate::from_base64url(token.split('.').nth(1).unwrap()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["acr"], "urn:pushback:aal2:phishing-resistant");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_of_this_time_is_neither_bound_nor_used() {
    let (bench, phone) = Bench::with_phone().await;
    bind(&bench, &phone, LAPTOP).await.unwrap();
    let late = bind(&bench, &phone, SPENT).await;
    assert!(matches!(late, Err(AppError::Certificate(CertificateError::TooLate))));
    let started = bench.start(None).await;
    let late = use_it(&bench, &started, SPENT).await;
    assert!(matches!(late, Err(AppError::Certificate(CertificateError::TooLate))));
}

#[test]
fn a_certificate_counts_from_its_first_second_to_its_last() {
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let spent = read(SPENT);
    for (now, counts) in [
        ("2024-12-31T23:59:59.999Z", Err(CertificateError::TooEarly)),
        ("2025-01-01T00:00:00Z", Ok(())),
        ("2026-01-01T00:00:00.999Z", Ok(())),
        ("2026-01-01T00:00:01Z", Err(CertificateError::TooLate)),
    ] {
        assert_eq!(spent.check(at(now)), counts, "{now}");
    }
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_as_good_as_none() {
    let (bench, phone) = Bench::with_phone().await;
    let bob = bound(&bench.app, "bob@example.org").await;
    bind(&bench, &bob, OTHER).await.unwrap();
    bind(&bench, &phone, LAPTOP).await.unwrap();
    let started = bench.start(None).await;
    assert_eq!(refused(use_it(&bench, &started, OTHER).await), Reason::NotBound);
    assert_eq!(bench.look(&started.id).await.state, AttemptState::Pending);
    use_it(&bench, &started, LAPTOP).await.unwrap();
}

#[tokio::test]
async fn a_certificate_says_nothing_about_who_exists() {
    let (bench, _phone) = Bench::with_phone().await;
    for name in [ALICE, "nobody@example.org"] {
        let new = attempt_for(name, None);
        let started = bench.app.start_attempt(&bench.party, new).await.unwrap();
        assert!(started.can_use_certificate && !started.can_use_totp);
        for _ in 0..10 {
            assert_eq!(refused(use_it(&bench, &started, LAPTOP).await), Reason::NotBound);
        }
        let over = use_it(&bench, &started, LAPTOP).await;
        assert_eq!(refused(over), Reason::TooManyFailures, "{name}");
    }
}

#[tokio::test]
async fn another_sites_form_does_not_use_the_certificate() {
    let (bench, phone) = Bench::with_phone().await;
    bind(&bench, &phone, LAPTOP).await.unwrap();
    let (mine, theirs) = (bench.start(None).await, bench.start(None).await);
    let laptop = read(LAPTOP);
    // What an attacker can have: buttons of other attempts, and of certificates of their own.
    for button in [
        String::new(),
        bench.app.certificate_button(&mine.id, &laptop),
        bench.app.certificate_button(&theirs.id, &read(OTHER)),
        theirs.page_url.rsplit('/').next().unwrap().to_owned(),
    ] {
        let used = bench.app.prove_certificate(&secret(&theirs), &laptop, &button).await;
        assert!(matches!(used, Err(AppError::Invalid(_))), "{button}");
    }
}

#[tokio::test]
async fn an_untied_certificate_is_none() {
    let (bench, phone) = Bench::with_phone().await;
    let serial = bind(&bench, &phone, LAPTOP).await.unwrap();
    let right = right(&bench, &phone).await;
    let started = bench.start(None).await;
    let proven = phone.ask(&bench.app).await;
    bench.app.invalidate_own(&proven, &right, serial).await.unwrap();
    assert_eq!(refused(use_it(&bench, &started, LAPTOP).await), Reason::NotBound);
    bench.app.work(&Remembered::default()).await.unwrap();
    let (keys, _) = bench.app.keys_of(ALICE).await.unwrap();
    assert!(keys.certificates.is_empty());
}

#[test]
fn what_is_no_certificate_is_refused() {
    let two = format!("Bag attributes\r\n{LAPTOP}\r\n{OTHER}");
    assert!(ClientCertificate::parse_text(&two).is_ok(), "the first of a chain");
    let body: String = LAPTOP.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(ClientCertificate::parse_text(&body).is_ok(), "base64 of DER");
    let cut = &LAPTOP[..LAPTOP.len() / 2];
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let long = "A".repeat(100_000);
    for wrong in ["", "AAAA", "::", cut, key, &long, &body[..body.len() - 8]] {
        let read = ClientCertificate::parse_text(wrong);
        assert_eq!(read.err(), Some(CertificateError::Form), "{wrong:.40}");
    }
    for cut in 0..600 {
        // Whatever is cut off, it is an error and no more.
        let _ = ClientCertificate::parse_text(&body[..body.len().min(cut)]);
    }
}

proptest! {
    #[test]
    fn an_altered_certificate_is_read_or_refused(at in 0_usize..451, byte: u8, cut in 0_usize..451) {
        let body: String = LAPTOP.lines().filter(|line| !line.starts_with('-')).collect();
        let mut der = base64::prelude::BASE64_STANDARD.decode(body).unwrap();
        if let Some(place) = der.get_mut(at) {
            *place = byte;
        }
        let _ = ClientCertificate::parse_der(&der);
        der.truncate(cut);
        prop_assert!(ClientCertificate::parse_der(&der).is_err());
    }
}
