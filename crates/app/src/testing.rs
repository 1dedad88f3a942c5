//! What the tests of use cases share: a service on a fresh database, a clock that is moved by hand, a
//! phone with a key of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use pushback_model::Timestamp;
use pushback_store::{Keyring, Options, Store};
use pushback_verify::{AddressId, OperatorId, Policy, Requester, Text};

use crate::encoding::{sha256, to_base64url};
use crate::phone::{PhoneRequest, SaidBy, SignedAnswer};
use crate::proof::{PublicKey, Said, answer_text, binding_text};
use crate::{App, BoundPhone, CapabilityKey, Clock, NewPhone, Parts, SystemEntropy, TokenKey};

/// A clock that stands still until it is moved.
pub(crate) struct Hand(AtomicI64);

impl Hand {
    pub(crate) fn forward_s(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) struct Bench {
    pub app: App,
    pub clock: Arc<Hand>,
    _folder: tempfile::TempDir,
}

pub(crate) async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(Keyring::generate().unwrap());
    let store = Store::open_sqlite(&folder.path().join("pushback.db"), options).await.unwrap();
    let clock = Arc::new(Hand(AtomicI64::new(1_772_400_000_000)));
    let app = App::new(Parts {
        store,
        policy: Policy::default(),
        issuer: "https://mfa.example.org".to_owned(),
        tokens: TokenKey::from_pkcs8(&TokenKey::generate().unwrap()).unwrap(),
        capabilities: CapabilityKey::new(&[7; crate::KEY_BYTES]),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        entropy: Arc::new(SystemEntropy),
    })
    .unwrap();
    Bench { app, clock, _folder: folder }
}

/// A phone with its key.
pub(crate) struct Phone {
    pair: EcdsaKeyPair,
    pub id: String,
    pub from: Requester,
}

impl Phone {
    pub(crate) fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let from = Requester { system: Some(Text::new("Android")), ..Requester::default() };
        Self { pair, id: String::new(), from }
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

    pub(crate) fn authorization(&self, app: &App, method: &str, path: &str) -> String {
        let (at, nonce) = (app.now().as_millis(), to_base64url(&[9; 16]));
        let body = to_base64url(&sha256(b""));
        let sig =
            self.sign(&format!("pushback-request-v1\n{method}\n{path}\n{at}\n{nonce}\n{body}"));
        format!(r#"Pushback-Key id="{}", at="{at}", nonce="{nonce}", sig="{sig}""#, self.id)
    }

    /// Asks for the open prompt and answers it.
    pub(crate) async fn say(&self, app: &App, said: SaidBy) -> Result<crate::Answered, crate::AppError> {
        let authorization = self.authorization(app, "GET", "/v1/prompts");
        let request = PhoneRequest {
            authorization: &authorization,
            method: "GET",
            path: "/v1/prompts",
            body: b"",
            from: &self.from,
        };
        let open = app.open_prompt(&request).await?.ok_or(crate::AppError::NotFound)?;
        let signed = match &said {
            SaidBy::Confirm(code) => Said::Confirm(code),
            SaidBy::Deny => Said::Deny,
            SaidBy::Report(_) => Said::Report(""),
        };
        let text = answer_text(&open.id.to_string(), &open.context_digest, signed);
        let answer = SignedAnswer { prompt: open.id, said, signature: self.sign(&text) };
        app.answer_prompt(&request, &answer).await
    }
}

/// A subscriber with one bound phone.
pub(crate) async fn bound(app: &App, subscriber: &str) -> Phone {
    let operator = OperatorId::parse("sam").unwrap();
    let addresses = ["mail:1", "mail:2"].map(|id| AddressId::parse(id).unwrap());
    let invitation = app.invite(&operator, subscriber, &addresses).await.unwrap().unwrap();
    let mut phone = Phone::new();
    let proof = phone.sign(&binding_text(&invitation.text, &phone.key()));
    let new =
        NewPhone { invitation: invitation.text, key: phone.key(), proof, label: "phone".to_owned() };
    let BoundPhone { id, .. } = app.bind_phone(&new).await.unwrap().unwrap();
    phone.id = id;
    phone
}
