//! What the tests of use cases share: a service on a fresh database, a clock that is moved by hand,
//! a phone with a key of its own, a software authenticator for passkeys.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use passkey::authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod};
use passkey::client::{Client, DefaultClientData};
use passkey::crypto::rust_crypto::RustCryptoBackend;
use passkey::types::ctap2::{Aaguid, Ctap2Error};
use pushback_model::{Span, Timestamp};
use pushback_store::{Keyring, Options, Store};
use pushback_verify::{Accepts, OperatorId, OperatorProof, Policy, Requester, Text};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::encoding::to_base64url;
use crate::proof::{Said, answer_text, binding_text, request_text};
use crate::{
    Answered, App, AppError, AttemptView, CapabilityKey, Clock, DecisionView, MailedCode,
    NewAttempt, NewPhone, Notice, Outside, Parts, PasskeyModels, PhoneRequest, PublicKey,
    PushSubscription, RelyingParty, SaidBy, Sent, SignedAnswer, SystemEntropy, TokenKey,
};

pub(crate) const ALICE: &str = "alice@example.org";

/// A clock that stands still until it is moved.
pub(crate) struct Hand {
    ms: AtomicI64,
    /// How far it was set, without time passing.
    set_by_ms: AtomicI64,
}

impl Hand {
    fn at(ms: i64) -> Self {
        Self { ms: AtomicI64::new(ms), set_by_ms: AtomicI64::new(0) }
    }

    pub(crate) fn forward_s(&self, seconds: i64) {
        self.ms.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    /// Sets it, as if it had been wrong: no time passes.
    pub(crate) fn jump_s(&self, seconds: i64) {
        self.forward_s(seconds);
        self.set_by_ms.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.ms.load(Ordering::SeqCst))
    }

    fn running(&self) -> Span {
        let set_by = Span::millis(self.set_by_ms.load(Ordering::SeqCst));
        self.now() - set_by - Timestamp::default()
    }
}

pub(crate) struct Bench {
    pub app: App,
    pub clock: Arc<Hand>,
    pub party: RelyingParty,
    folder: tempfile::TempDir,
}

pub(crate) fn origin() -> Url {
    Url::parse("https://mfa.example.org").unwrap()
}

pub(crate) async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(Keyring::generate().unwrap());
    let store = Store::open_sqlite(&folder.path().join("pushback.db"), options).await.unwrap();
    let clock = Arc::new(Hand::at(1_772_400_000_000));
    let signer = pushback_store::Signer::create(&folder.path().join("receipts.pem")).unwrap();
    let app = node(store, Some(signer), Arc::clone(&clock), PasskeyModels::default());
    let party = party(&app, "Payroll").await;
    Bench { app, clock, party, folder }
}

fn node(
    store: Store,
    receipts: Option<pushback_store::Signer>,
    clock: Arc<Hand>,
    models: PasskeyModels,
) -> App {
    App::new(Parts {
        store,
        policy: Policy::default(),
        name: "Example".to_owned(),
        origin: origin(),
        models,
        tokens: TokenKey::from_pkcs8(&TokenKey::generate().unwrap()).unwrap(),
        capabilities: CapabilityKey::new(&[7; crate::KEY_BYTES]),
        receipts,
        clock,
        entropy: Arc::new(SystemEntropy),
    })
    .unwrap()
}

pub(crate) async fn party(app: &App, name: &str) -> RelyingParty {
    let sam = OperatorId::parse("sam").unwrap();
    let new = app.create_relying_party(&sam, name).await.unwrap();
    app.authenticate(&new.id, &new.secret).await.unwrap()
}

pub(crate) fn operator(name: &str) -> OperatorProof {
    OperatorProof::passkey_session(OperatorId::parse(name).unwrap(), Text::new(name))
}

pub(crate) fn attempt_for(subscriber: &str, browser: Option<String>) -> NewAttempt {
    let requester = Requester {
        ip: Some("203.0.113.7".parse().unwrap()),
        browser: Some(Text::new("Firefox")),
        ..Requester::default()
    };
    NewAttempt {
        subscriber: subscriber.into(),
        requester,
        browser,
        accepts: Accepts::Any,
        return_url: Some("https://payroll.example/back".into()),
        idempotency_key: None,
    }
}

impl Bench {
    pub(crate) fn receipt_key(&self) -> pushback_store::PublicKey {
        let signer = pushback_store::Signer::open(&self.folder.path().join("receipts.pem"));
        signer.unwrap().public().clone()
    }

    /// Another service on the same database, which knows nothing of what this one keeps in memory.
    pub(crate) fn other_node(&self) -> App {
        self.other_node_taking(PasskeyModels::default())
    }

    /// The same, which takes these models of authenticators only.
    pub(crate) fn other_node_taking(&self, models: PasskeyModels) -> App {
        node(self.app.store().clone(), None, Arc::clone(&self.clock), models)
    }

    /// Where the database is.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A service with Alice's phone bound.
    pub(crate) async fn with_phone() -> (Self, Phone) {
        let bench = bench().await;
        let phone = bound(&bench.app, ALICE).await;
        (bench, phone)
    }

    pub(crate) async fn start(&self, browser: Option<String>) -> AttemptView {
        self.app.start_attempt(&self.party, attempt_for(ALICE, browser)).await.unwrap()
    }

    pub(crate) async fn look(&self, id: &str) -> AttemptView {
        self.app.attempt(&self.party, id, None, std::time::Duration::ZERO).await.unwrap()
    }

    /// The attempt, when the browser that proved it has come back with what it was told.
    pub(crate) async fn come_back(&self, proven: &AttemptView) -> AttemptView {
        let completion = proven.completion.as_deref().unwrap();
        self.app.completed_attempt(&self.party, &proven.id, completion).await.unwrap()
    }

    /// Signs Alice in and gives her browser's cookie.
    pub(crate) async fn sign_in(&self, phone: &Phone, browser: Option<String>) -> String {
        let started = self.start(browser).await;
        let said = phone.say(&self.app, SaidBy::Confirm(code(&started))).await.unwrap();
        assert_eq!(said, Answered::Verified);
        self.look(&started.id).await.browser.unwrap()
    }
}

pub(crate) fn code(view: &AttemptView) -> String {
    match &view.decision {
        DecisionView::Prompt { code: Some(code), .. } => code.clone(),
        other => panic!("no prompt: {other:?}"),
    }
}

/// The secret in the address of a hosted page.
pub(crate) fn secret(view: &AttemptView) -> String {
    view.page_url.rsplit('/').next().unwrap().to_owned()
}

/// A phone with its key.
pub(crate) struct Phone {
    pair: EcdsaKeyPair,
    pub id: String,
    pub from: Requester,
    sent: AtomicI64,
}

impl Phone {
    pub(crate) fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let from = Requester { system: Some(Text::new("Android")), ..Requester::default() };
        Self { pair, id: String::new(), from, sent: AtomicI64::new(0) }
    }

    /// Another key that says it is this phone's.
    pub(crate) fn forged(&self) -> Self {
        Self { id: self.id.clone(), ..Self::new() }
    }

    pub(crate) fn key(&self) -> PublicKey {
        let point = self.pair.public_key().as_ref();
        PublicKey::from_jwk(&serde_json::json!({
            "kty": "EC", "crv": "P-256",
            "x": to_base64url(&point[1..33]), "y": to_base64url(&point[33..]),
        }))
        .unwrap()
    }

    pub(crate) fn sign(&self, text: &str) -> String {
        to_base64url(self.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref())
    }

    /// What binds this phone.
    pub(crate) fn binding(&self, code: &str, subscriber: Option<&str>) -> NewPhone {
        NewPhone {
            code: code.to_owned(),
            subscriber: subscriber.map(str::to_owned),
            key: self.key(),
            proof: self.sign(&binding_text(code, &self.key())),
            label: "phone".to_owned(),
        }
    }

    pub(crate) fn authorization(&self, at: Timestamp, method: &str, path: &str) -> String {
        let mut nonce = [9; 16];
        nonce[..8].copy_from_slice(&self.sent.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        let nonce = to_base64url(&nonce);
        let sig = self.sign(&request_text((method, path, b""), at, &nonce));
        let at = at.as_millis();
        format!(r#"Pushback-Key id="{}", at="{at}", nonce="{nonce}", sig="{sig}""#, self.id)
    }

    pub(crate) async fn proven(
        &self,
        app: &App,
        authorization: &str,
    ) -> Result<crate::Phone, AppError> {
        app.phone(&PhoneRequest {
            authorization,
            method: "POST",
            path: "/v1/x",
            body: b"",
            from: &self.from,
        })
        .await
    }

    /// One signed request.
    pub(crate) async fn ask(&self, app: &App) -> crate::Phone {
        let authorization = self.authorization(app.now(), "POST", "/v1/x");
        self.proven(app, &authorization).await.unwrap()
    }

    /// Reads the open prompt and answers it.
    pub(crate) async fn say(&self, app: &App, said: SaidBy) -> Result<Answered, AppError> {
        let phone = self.ask(app).await;
        let open = app.prompts(&phone).await?.open.ok_or(AppError::NotFound)?;
        let answer = self.answer(open.id, &digest_of(&open), said);
        app.answer_prompt(&phone, &answer).await
    }

    pub(crate) fn answer(&self, prompt: u64, digest: &str, said: SaidBy) -> SignedAnswer {
        let signed = match &said {
            SaidBy::Confirm(code) => Said::Confirm(code),
            SaidBy::Deny => Said::Deny,
            SaidBy::Report(notes) => Said::Report(crate::prompts::words(*notes)),
        };
        let text = answer_text(&prompt.to_string(), digest, signed);
        let signature = self.sign(&text);
        SignedAnswer { prompt, said, context_digest: digest.to_owned(), signature }
    }
}

/// What a phone computes from what it shows: the bytes that `Context::canonical_bytes` states.
pub(crate) fn digest_of(prompt: &crate::PromptView) -> String {
    fn put(out: &mut Vec<u8>, part: &[u8]) {
        out.extend((part.len() as u64).to_be_bytes());
        out.extend(part);
    }
    let mut out = b"pushback prompt context 1".to_vec();
    put(&mut out, prompt.subscriber.as_bytes());
    put(&mut out, &prompt.id.to_be_bytes());
    put(&mut out, prompt.attempt.as_bytes());
    put(&mut out, prompt.relying_party.as_bytes());
    for line in &prompt.lines {
        put(&mut out, line.name.as_bytes());
        match &line.value {
            Some(value) => {
                out.push(1);
                put(&mut out, value.as_bytes());
            }
            None => out.push(0),
        }
    }
    to_base64url(&crate::sha256(&out))
}

/// A subscriber with one bound phone and two addresses.
pub(crate) async fn bound(app: &App, subscriber: &str) -> Phone {
    let addresses = ["one@example.com", "two@example.net"].map(str::to_owned);
    app.set_addresses(operator("sam"), subscriber, &addresses).await.unwrap();
    let invitation = app.invite(operator("sam"), subscriber).await.unwrap();
    let mut phone = Phone::new();
    let new = phone.binding(&invitation.secret, None);
    phone.id = app.bind_phone(&new).await.unwrap().id;
    phone
}

/// The world outside, remembered.
#[derive(Default)]
pub(crate) struct Remembered {
    pub woken: Mutex<Vec<(String, String)>>,
    pub told: Mutex<Vec<Notice>>,
    pub mailed: Mutex<Vec<MailedCode>>,
    pub is_gone: bool,
    pub is_busy: bool,
    /// Whether nobody says whether a wake-up was taken.
    pub is_silent: bool,
    /// An address that takes no mail now.
    pub is_down: &'static str,
}

impl Outside for Remembered {
    async fn wake(&self, to: &PushSubscription, key: &str, _: Timestamp) -> Sent {
        self.woken.lock().unwrap().push((to.endpoint.clone(), key.to_owned()));
        match self {
            Self { is_gone: true, .. } => Sent::Never("gone".to_owned()),
            Self { is_busy: true, .. } => Sent::Later("503".to_owned()),
            Self { is_silent: true, .. } => Sent::Unclear("504".to_owned()),
            _ => Sent::Done,
        }
    }

    async fn tell(&self, notice: &Notice) -> Sent {
        self.told.lock().unwrap().push(notice.clone());
        match notice.to.as_deref() {
            Some(to) if to == self.is_down => Sent::Later("not taken".to_owned()),
            _ => Sent::Done,
        }
    }

    async fn mail_code(&self, mailed: &MailedCode) -> Sent {
        self.mailed.lock().unwrap().push(mailed.clone());
        Sent::Done
    }
}

/// A person in front of an authenticator.
struct Person {
    verifies: bool,
}

#[async_trait::async_trait]
impl UserValidationMethod for Person {
    type PasskeyItem = passkey::types::Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Self::PasskeyItem>,
        _: bool,
        _: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck { presence: true, verification: self.verifies })
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }
}

/// A software authenticator with at most one passkey.
#[derive(Default)]
pub(crate) struct PasskeyHolder {
    passkey: Option<passkey::types::Passkey>,
}

/// From one crate's shape of a WebAuthn message to the other's: both are the standard's JSON.
fn through_json<T: DeserializeOwned>(from: &impl Serialize) -> T {
    serde_json::from_value(serde_json::to_value(from).unwrap()).unwrap()
}

impl PasskeyHolder {
    fn authenticator(
        &self,
    ) -> Authenticator<Option<passkey::types::Passkey>, Person, RustCryptoBackend> {
        let (person, passkey) = (Person { verifies: true }, self.passkey.clone());
        Authenticator::new(Aaguid::new_empty(), passkey, person, RustCryptoBackend)
    }

    pub(crate) async fn register<T: DeserializeOwned>(&mut self, options: &impl Serialize) -> T {
        let mut client = Client::new(self.authenticator());
        let done = client.register(&origin(), through_json(options), DefaultClientData).await;
        self.passkey = client.authenticator().store().clone();
        through_json(&done.unwrap())
    }

    pub(crate) async fn use_it<T: DeserializeOwned>(&self, options: &impl Serialize) -> T {
        let mut client = Client::new(self.authenticator());
        let done = client.authenticate(&origin(), through_json(options), DefaultClientData).await;
        through_json(&done.unwrap())
    }
}
