use passkey::authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod};
use passkey::client::{Client, DefaultClientData};
use passkey::crypto::rust_crypto::RustCryptoBackend;
use passkey::types::Passkey;
use passkey::types::ctap2::{Aaguid, Ctap2Error};
use serde_json::{Value, json};
use url::Url;

use crate::bench::{Bench, ORIGIN, Phone, page_path, text};

/// A person in front of an authenticator, who proves who they are to it.
struct Person;

#[async_trait::async_trait]
impl UserValidationMethod for Person {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Self::PasskeyItem>,
        _: bool,
        _: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck { presence: true, verification: true })
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }
}

fn authenticator(
    passkey: Option<Passkey>,
) -> Authenticator<Option<Passkey>, Person, RustCryptoBackend> {
    Authenticator::new(Aaguid::new_empty(), passkey, Person, RustCryptoBackend)
}

/// Binds a passkey beside the phone.
async fn bound_passkey(bench: &Bench, phone: &Phone) -> Option<Passkey> {
    let right = json!({ "right": bench.right(phone).await });
    let begun = bench.post("/v1/passkeys/options").json(&right).signed(phone).send().await;
    let begun = begun.json(200);
    let mut client = Client::new(authenticator(None));
    let options = serde_json::from_value(begun["options"].clone()).unwrap();
    let origin = Url::parse(ORIGIN).unwrap();
    let credential = client.register(&origin, options, DefaultClientData).await.unwrap();
    let body = json!({
        "ceremony": begun["ceremony"], "name": "key", "credential": credential,
    });
    bench.post("/v1/passkeys").json(&body).signed(phone).send().await.json(201);
    client.authenticator().store().clone()
}

async fn used_passkey(passkey: Option<Passkey>, options: &Value) -> Value {
    let mut client = Client::new(authenticator(passkey));
    let options = serde_json::from_value(options.clone()).unwrap();
    let origin = Url::parse(ORIGIN).unwrap();
    let credential = client.authenticate(&origin, options, DefaultClientData).await.unwrap();
    serde_json::to_value(&credential).unwrap()
}

#[tokio::test]
async fn a_passkey_is_bound_in_the_app_and_used_on_the_hosted_page() {
    let (bench, phone) = Bench::with_phone().await;
    let origin = Url::parse(ORIGIN).unwrap();
    let right = json!({ "right": bench.right(&phone).await });
    let begun = bench.post("/v1/passkeys/options").json(&right).signed(&phone).send().await;
    let begun = begun.json(200);
    let mut client = Client::new(authenticator(None));
    let options = serde_json::from_value(begun["options"].clone()).unwrap();
    let credential = client.register(&origin, options, DefaultClientData).await.unwrap();
    let body = json!({
        "ceremony": begun["ceremony"], "name": "key", "credential": credential,
    });
    let finish = async || bench.post("/v1/passkeys").json(&body).signed(&phone).send().await;
    finish().await.json(201);
    assert_eq!(finish().await.problem(403), "passkey_refused", "a ceremony counts once");
    let accepted = bench.get("/v1/passkeys").signed(&phone).send().await.json(200);
    let user = &begun["options"]["publicKey"]["user"]["id"];
    assert_eq!((&accepted["rp_id"], &accepted["user_id"]), (&json!("mfa.example.org"), user));
    let made = serde_json::to_value(&credential).unwrap();
    assert_eq!(accepted["credential_ids"], json!([made["rawId"]]));

    let started = bench.start().await;
    assert_eq!(started["can_use_passkey"], true);
    let page = page_path(&started);
    let options = bench.post(&format!("{page}/passkey/options")).send().await.json(200);
    let passkey = client.authenticator().store().clone();
    let mut client = Client::new(authenticator(passkey));
    let options = serde_json::from_value(options).unwrap();
    let credential = client.authenticate(&origin, options, DefaultClientData).await.unwrap();
    let credential: Value = serde_json::to_value(&credential).unwrap();
    let path = format!("{page}/passkey");
    let use_it = async || bench.post(&path).json(&credential).send().await;
    let used = use_it().await;
    assert_eq!(use_it().await.problem(403), "passkey_refused", "a challenge counts once");
    // Who only knows the page's address or the attempt's id learns no more than that.
    let waiting = bench.look(&started).await;
    assert_eq!(text(&waiting, "state"), "proven");
    assert!(waiting.get("token").is_none() && waiting.get("browser").is_none());
    let elsewhere = bench.get(&page).send().await.text(200);
    assert!(elsewhere.contains("or in the browser where it was confirmed"), "{elsewhere}");
    assert!(!elsewhere.contains("completion") && !elsewhere.contains("data-go"), "{elsewhere}");
    let wrong = format!("/v1/attempts/{}?completion=x", text(&started, "id"));
    let wrong = bench.get(&wrong).by(&bench.party).send().await;
    assert_eq!(wrong.problem(400), "invalid_request");
    let verified = bench.come_back(&started, &used).await;
    assert_eq!(text(&used.json(200), "state"), "proven");
    assert_eq!(text(&verified, "state"), "verified");
    assert!(verified["token"].is_string());
}

/// Whoever has stolen the phone sends it to the owner.
#[tokio::test]
async fn the_page_of_a_change_says_what_it_is_and_takes_no_passkey() {
    let (bench, phone) = Bench::with_phone().await;
    let passkey = bound_passkey(&bench, &phone).await;
    let asked = bench.post("/v1/management").signed(&phone).send().await.json(200);
    assert_eq!(asked["can_use_passkey"], true);
    let page = page_path(&asked);
    let shown = bench.get(&page).send().await.text(200);
    assert!(shown.contains("asks to add or remove phones, passkeys and codes"), "{shown}");
    assert!(!shown.contains("Sign-in to") && !shown.contains("data-passkey"), "{shown}");

    // The app uses it itself, and is told what makes it count.
    let options = bench.post(&format!("{page}/passkey/options")).send().await.json(200);
    let credential = used_passkey(passkey, &options).await;
    let used = bench.post(&format!("{page}/passkey")).json(&credential).send().await.json(200);
    assert_eq!(text(&used, "state"), "proven");
    let invite = async |right: &str| {
        let body = json!({ "right": right });
        bench.post("/v1/invitations").json(&body).signed(&phone).send().await
    };
    assert_eq!(invite(text(&asked, "right")).await.problem(403), "not_authorised");
    invite(text(&used, "completion")).await.json(201);
    let elsewhere = bench.get(&page).send().await.text(200);
    assert!(elsewhere.contains("It counts for the app in which"), "{elsewhere}");
}

#[tokio::test]
async fn who_has_no_passkey_is_not_asked_for_one() {
    let (bench, _phone) = Bench::with_phone().await;
    let page = page_path(&bench.start().await);
    let answer = bench.post(&format!("{page}/passkey/options")).send().await;
    assert_eq!(answer.problem(403), "not_bound");
    let answer = bench.post(&format!("{page}/passkey")).json(&json!({})).send().await;
    assert_eq!(answer.problem(400), "invalid_request");
}

#[tokio::test]
async fn the_browser_is_told_of_the_passkeys_that_are_bound_and_of_no_other() {
    let (bench, phone) = Bench::with_phone().await;
    let none = bench.get("/v1/passkeys").signed(&phone).send().await.json(200);
    assert_eq!(none["credential_ids"], json!([]));
    let right = bench.right(&phone).await;
    let body = json!({ "right": right });
    let begun = bench.post("/v1/passkeys/options").json(&body).signed(&phone).send().await;
    let begun = begun.json(200);
    let mut client = Client::new(authenticator(None));
    let options = serde_json::from_value(begun["options"].clone()).unwrap();
    let origin = Url::parse(ORIGIN).unwrap();
    let credential = client.register(&origin, options, DefaultClientData).await.unwrap();
    let body = json!({ "ceremony": begun["ceremony"], "name": "key", "credential": credential });
    let bound = bench.post("/v1/passkeys").json(&body).signed(&phone).send().await.json(201);
    let bobs = bench.bound("bob@example.org").await;
    let other = bench.get("/v1/passkeys").signed(&bobs).send().await.json(200);
    assert_eq!(other["credential_ids"], json!([]));
    assert_ne!(other["user_id"], none["user_id"]);

    let serial = text(&bound, "id").parse().unwrap();
    let sam = crate::bench::operator("sam");
    bench.app.invalidate(sam, crate::bench::ALICE, serial).await.unwrap();
    // At once, though its key is erased only when the worker comes to it.
    let after = bench.get("/v1/passkeys").signed(&phone).send().await.json(200);
    assert_eq!(after, none);
}
