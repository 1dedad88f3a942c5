//! A service on a fresh database, a clock that stands still, and administrators in front of it.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use passkey::authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod};
use passkey::client::{Client, DefaultClientData};
use passkey::crypto::rust_crypto::RustCryptoBackend;
use passkey::types::ctap2::{Aaguid, Ctap2Error};
use pushback_app::{
    App, BoundPhone, CapabilityKey, Clock, NewPhone, Parts, PublicKey, PushSubscription,
    SystemEntropy, TokenKey, binding_text, to_base64url,
};
use pushback_model::Timestamp;
use pushback_store::{Keyring, Options, Store};
use pushback_verify::{Network, OperatorId, OperatorProof, Place, Policy, Text};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use url::Url;

use crate::{Describe, Settings, TrustedProxies, Web};

pub(super) const ALICE: &str = "alice@example.org";
const ADDRESSES: [&str; 2] = ["one@example.com", "two@example.net"];

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_772_400_000_000)
    }
}

/// Knows nothing about anybody.
struct Blank;

impl Describe for Blank {
    fn locate(&self, _: IpAddr) -> (Option<Network>, Option<Place>) {
        (None, None)
    }

    fn check_push(&self, _: &PushSubscription) -> Result<(), String> {
        Ok(())
    }

    fn browser(&self, _: &str) -> (Option<String>, Option<String>) {
        (None, None)
    }
}

fn origin() -> Url {
    Url::parse("https://mfa.example.org").unwrap()
}

/// An answer.
pub(super) struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Got {
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The text of the first element that begins with `before`.
    pub(super) fn after(&self, before: &str) -> String {
        let (_, rest) = self.body.split_once(before).unwrap_or_else(|| panic!("no {before}"));
        rest.split(['<', '"']).next().unwrap().to_owned()
    }
}

/// The service.
pub(super) struct Desk {
    pub app: App,
    router: Router,
    _folder: tempfile::TempDir,
}

impl Desk {
    pub(super) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::new(Keyring::generate().unwrap());
        let store = Store::open_sqlite(&folder.path().join("pushback.db"), options).await.unwrap();
        let app = App::new(Parts {
            store,
            policy: Policy::default(),
            name: "Example".to_owned(),
            origin: origin(),
            models: Default::default(),
            tokens: TokenKey::from_pkcs8(&TokenKey::generate().unwrap()).unwrap(),
            capabilities: CapabilityKey::new(&[7; pushback_app::KEY_BYTES]),
            receipts: None,
            clock: Arc::new(Still),
            entropy: Arc::new(SystemEntropy),
        })
        .unwrap();
        let settings = Settings {
            describe: Arc::new(Blank),
            proxies: TrustedProxies::default(),
            certificate_header: None,
            passwords: None,
            push_key: None,
            help_desk: String::new(),
            connections_max: 100,
        };
        let router = Web::new(app.clone(), settings).unwrap().router();
        Self { app, router, _folder: folder }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Got {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Got { status: parts.status, headers: parts.headers, body }
    }

    pub(super) async fn post_json(&self, path: &str, body: &Value) -> Got {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Invites an administrator, who makes a passkey and signs in with it.
    pub(super) async fn signed_in(&self, name: &str) -> Admin<'_> {
        let mut holder = Holder::default();
        let console = OperatorId::parse("console").unwrap();
        let link = self.app.invite_operator(&console, name).await.unwrap();
        let invitation = link.split_once('#').unwrap().1;
        let options =
            self.post_json("/admin/enrol/options", &json!({ "invitation": invitation })).await;
        let credential = holder.register(options.json()).await;
        let body = json!({ "invitation": invitation, "credential": credential });
        let enrolled = self.post_json("/admin/enrol", &body).await;
        assert_eq!(enrolled.json(), json!({ "next": "/admin/sign-in" }));
        let begun = self.post_json("/admin/sign-in/options", &json!({})).await.json();
        let credential = holder.use_it(begun["options"].clone()).await;
        let body = json!({ "ceremony": begun["ceremony"], "credential": credential.clone() });
        let done = self.post_json("/admin/sign-in", &body).await;
        let said = done.json();
        assert_eq!(said["next"], "/admin");
        // What the browser compares its list with: this one passkey of this one person.
        assert_eq!(said["passkeys"]["rp_id"], "mfa.example.org");
        assert_eq!(said["passkeys"]["credential_ids"], json!([credential["rawId"]]));
        let set_cookie = done.header(header::SET_COOKIE).to_owned();
        let cookie = set_cookie.split(';').next().unwrap().to_owned();
        let mut admin = Admin { desk: self, cookie, set_cookie, csrf: String::new() };
        admin.csrf = admin.get("/admin/policy").await.after("name=\"csrf\" value=\"");
        admin
    }

    pub(super) async fn subscriber(&self, name: &str) {
        let addresses = ADDRESSES.map(str::to_owned);
        self.app.set_addresses(sam(), name, &addresses).await.unwrap();
    }

    /// Binds a phone with the secret of an invitation.
    pub(super) async fn bind(&self, code: &str, label: &str) -> BoundPhone {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let key = PublicKey::from_jwk(&json!({
            "kty": "EC", "crv": "P-256",
            "x": to_base64url(&point[1..33]), "y": to_base64url(&point[33..]),
        }))
        .unwrap();
        let text = binding_text(code, &key);
        let proof = pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        let proof = to_base64url(proof.as_ref());
        let (code, label) = (code.to_owned(), label.to_owned());
        let new = NewPhone { code, subscriber: None, key, proof, label };
        self.app.bind_phone(&new).await.unwrap()
    }
}

pub(super) fn sam() -> OperatorProof {
    OperatorProof::passkey_session(OperatorId::parse("sam").unwrap(), Text::new("sam"))
}

/// An administrator with a session.
pub(super) struct Admin<'d> {
    desk: &'d Desk,
    pub cookie: String,
    pub set_cookie: String,
    pub csrf: String,
}

impl Admin<'_> {
    pub(super) async fn get(&self, path: &str) -> Got {
        let request = Request::get(path).header(header::COOKIE, &self.cookie);
        self.desk.send(request.body(Body::empty()).unwrap()).await
    }

    pub(super) async fn post_with(&self, csrf: &str, path: &str, fields: &[(&str, &str)]) -> Got {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.append_pair("csrf", csrf).extend_pairs(fields);
        let request = Request::post(path)
            .header(header::COOKIE, format!("other=1; {}", self.cookie))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.desk.send(request.body(Body::from(body.finish())).unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Got {
        self.post_with(&self.csrf, path, fields).await
    }

    /// Sends a form and gives the page that it leads to.
    pub(super) async fn follow(&self, path: &str, fields: &[(&str, &str)]) -> Got {
        let sent = self.post(path, fields).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{path}: {}", sent.body);
        self.get(sent.header(header::LOCATION)).await
    }
}

/// A person in front of an authenticator.
struct Person;

#[async_trait::async_trait]
impl UserValidationMethod for Person {
    type PasskeyItem = passkey::types::Passkey;

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

/// A software authenticator with at most one passkey.
#[derive(Default)]
struct Holder {
    passkey: Option<passkey::types::Passkey>,
}

impl Holder {
    fn authenticator(
        &self,
    ) -> Authenticator<Option<passkey::types::Passkey>, Person, RustCryptoBackend> {
        Authenticator::new(Aaguid::new_empty(), self.passkey.clone(), Person, RustCryptoBackend)
    }

    async fn register(&mut self, options: Value) -> Value {
        let mut client = Client::new(self.authenticator());
        let options = serde_json::from_value(options).unwrap();
        let done = client.register(&origin(), options, DefaultClientData).await.unwrap();
        self.passkey = client.authenticator().store().clone();
        serde_json::to_value(done).unwrap()
    }

    async fn use_it(&self, options: Value) -> Value {
        let mut client = Client::new(self.authenticator());
        let options = serde_json::from_value(options).unwrap();
        let done = client.authenticate(&origin(), options, DefaultClientData).await.unwrap();
        serde_json::to_value(done).unwrap()
    }
}
