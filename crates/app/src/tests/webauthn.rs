//! What a passkey signs, changed in one thing at a time and signed rightly: each must be refused
//! (WebAuthn level 3, 7.1 and 7.2). The authenticator is written out here, so that it can lie.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::passkeys::right;
use crate::testing::{Bench, Phone, secret};
use crate::{App, AppError, AttemptState, from_base64url, sha256, to_base64url};

pub(super) const PRESENT: u8 = 0x01;
pub(super) const VERIFIED: u8 = 0x04;
pub(super) const ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED: u8 = 0x40;

/// What an authenticator and the browser around it say.
#[derive(Clone)]
pub(super) struct Said {
    kind: &'static str,
    challenge: Option<String>,
    origin: &'static str,
    cross_origin: Option<bool>,
    top_origin: Option<&'static str>,
    rp_id: &'static str,
    pub flags: u8,
    is_signed_by_other: bool,
}

pub(super) fn said(kind: &'static str) -> Said {
    Said {
        kind,
        challenge: None,
        origin: "https://mfa.example.org",
        cross_origin: Some(false),
        top_origin: None,
        rp_id: "mfa.example.org",
        flags: PRESENT | VERIFIED | ELIGIBLE,
        is_signed_by_other: false,
    }
}

pub(super) struct Liar {
    pair: EcdsaKeyPair,
    id: [u8; 16],
}

/// What an authenticator says of its model: the AAGUID, and the statement about what was signed.
pub(super) struct Model<'m> {
    pub aaguid: [u8; 16],
    pub format: &'static str,
    /// The CBOR of the statement, given the bytes that it is about.
    pub statement: &'m dyn Fn(&[u8]) -> Vec<u8>,
}

const NAMELESS: Model<'static> =
    Model { aaguid: [0; 16], format: "none", statement: &|_| vec![0xa0] };

impl Liar {
    pub(super) fn new() -> Self {
        Self { pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(), id: [7; 16] }
    }

    fn client_data(said: &Said, options: &Value) -> Vec<u8> {
        let asked = options["publicKey"]["challenge"].as_str().unwrap();
        let mut data = json!({
            "type": said.kind,
            "challenge": said.challenge.as_deref().unwrap_or(asked),
            "origin": said.origin,
        });
        if let Some(is_cross) = said.cross_origin {
            data["crossOrigin"] = is_cross.into();
        }
        if let Some(top) = said.top_origin {
            data["topOrigin"] = top.into();
        }
        serde_json::to_vec(&data).unwrap()
    }

    /// The authenticator's data; the counter stays at zero, as that of synced passkeys does.
    fn data(said: &Said, flags: u8) -> Vec<u8> {
        let mut data = sha256(said.rp_id.as_bytes()).to_vec();
        data.push(flags);
        data.extend([0; 4]);
        data
    }

    pub(super) fn sign_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.pair.sign(&SystemRandom::new(), bytes).unwrap().as_ref().to_vec()
    }

    fn register<T: DeserializeOwned>(&self, said: &Said, options: &Value) -> T {
        self.register_as(&NAMELESS, said, options)
    }

    pub(super) fn register_as<T: DeserializeOwned>(
        &self,
        model: &Model<'_>,
        said: &Said,
        options: &Value,
    ) -> T {
        let client = Self::client_data(said, options);
        let mut data = Self::data(said, said.flags | ATTESTED);
        data.extend(model.aaguid);
        data.extend((self.id.len() as u16).to_be_bytes());
        data.extend(self.id);
        // COSE: an EC2 key for ES256 on P-256.
        let point = self.pair.public_key().as_ref();
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..65]);
        let signed = [&data[..], &sha256(&client)].concat();
        let mut object = b"\xa3\x63fmt".to_vec();
        object.push(0x60 + u8::try_from(model.format.len()).unwrap());
        object.extend(model.format.bytes());
        object.extend(b"\x67attStmt");
        object.extend((model.statement)(&signed));
        object.extend(b"\x68authData\x58");
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        let id = to_base64url(&self.id);
        serde_json::from_value(json!({
            "id": id, "rawId": id, "type": "public-key", "extensions": {},
            "response": {
                "attestationObject": to_base64url(&object),
                "clientDataJSON": to_base64url(&client),
            },
        }))
        .unwrap()
    }

    fn sign<T: DeserializeOwned>(&self, said: &Said, options: &Value) -> T {
        let (client, data) = (Self::client_data(said, options), Self::data(said, said.flags));
        let mut signed = data.clone();
        signed.extend(sha256(&client));
        let other = Self::new();
        let pair = if said.is_signed_by_other { &other.pair } else { &self.pair };
        let signature = pair.sign(&SystemRandom::new(), &signed).unwrap();
        let id = to_base64url(&self.id);
        serde_json::from_value(json!({
            "id": id, "rawId": id, "type": "public-key", "extensions": {},
            "response": {
                "authenticatorData": to_base64url(&data),
                "clientDataJSON": to_base64url(&client),
                "signature": to_base64url(signature.as_ref()),
            },
        }))
        .unwrap()
    }
}

async fn bind(app: &App, phone: &Phone, right: &str, liar: &Liar, said: &Said) -> bool {
    let proven = phone.ask(app).await;
    let (ceremony, options) = app.begin_own_passkey(&proven, right).await.unwrap();
    let options = serde_json::to_value(options).unwrap();
    let credential = liar.register(said, &options);
    match app.finish_own_passkey(&proven, &ceremony, &credential, "key").await {
        Ok(_) => true,
        Err(AppError::Passkey) => false,
        Err(other) => panic!("{other:?}"),
    }
}

async fn with_passkey(flags: u8) -> (Bench, Liar) {
    let (bench, phone) = Bench::with_phone().await;
    let (liar, right) = (Liar::new(), right(&bench, &phone).await);
    assert!(bind(&bench.app, &phone, &right, &liar, &Said { flags, ..said(CREATE) }).await);
    (bench, liar)
}

pub(super) const CREATE: &str = "webauthn.create";
const GET: &str = "webauthn.get";

/// Each of these is wrong in one thing alone.
fn lies(right: &Said) -> Vec<(&'static str, Said)> {
    let but = |change: fn(&mut Said)| {
        let mut said = right.clone();
        change(&mut said);
        said
    };
    vec![
        ("another origin", but(|s| s.origin = "https://mfa.example.net")),
        ("an origin below ours", but(|s| s.origin = "https://evil.mfa.example.org")),
        ("an origin above ours", but(|s| s.origin = "https://example.org")),
        ("our name without encryption", but(|s| s.origin = "http://mfa.example.org")),
        ("another port", but(|s| s.origin = "https://mfa.example.org:8443")),
        ("a frame in another site", but(|s| s.cross_origin = Some(true))),
        ("a top origin", but(|s| s.top_origin = Some("https://evil.example.net"))),
        ("another challenge", but(|s| s.challenge = Some(to_base64url(&[1; 32])))),
        ("another relying-party id", but(|s| s.rp_id = "mfa.example.net")),
        ("a relying-party id above ours", but(|s| s.rp_id = "example.org")),
        ("nobody present", but(|s| s.flags &= !PRESENT)),
        ("backed up without being eligible", but(|s| s.flags = s.flags & !ELIGIBLE | BACKED_UP)),
    ]
}

#[tokio::test]
async fn a_passkey_that_signed_anything_else_signs_nobody_in() {
    let (bench, liar) = with_passkey(PRESENT | VERIFIED | ELIGIBLE).await;
    let mut lies = lies(&said(GET));
    lies.push(("the other ceremony", said(CREATE)));
    lies.push(("another key", Said { is_signed_by_other: true, ..said(GET) }));
    for (what, lie) in lies {
        let started = bench.start(None).await;
        let secret = secret(&started);
        let options = serde_json::to_value(bench.app.begin_passkey(&secret).await.unwrap());
        let credential = liar.sign(&lie, &options.unwrap());
        let done = bench.app.finish_passkey(&secret, &credential).await;
        assert!(matches!(done, Err(AppError::Passkey | AppError::Refused(_))), "{what}: {done:?}");
        assert!(bench.look(&started.id).await.state.is_live(), "{what}");
        bench.app.cancel_attempt(&bench.party, &started.id).await.unwrap();
    }
    // What is said of the frame may be missing; and the very same without a lie gets in.
    for cross_origin in [Some(false), None] {
        let started = bench.start(None).await;
        let secret = secret(&started);
        let options = serde_json::to_value(bench.app.begin_passkey(&secret).await.unwrap());
        let credential = liar.sign(&Said { cross_origin, ..said(GET) }, &options.unwrap());
        let done = bench.app.finish_passkey(&secret, &credential).await.unwrap();
        assert_eq!(done.state, AttemptState::Proven);
    }
}

#[tokio::test]
async fn a_passkey_that_says_its_user_was_not_verified_is_one_factor_only() {
    let (bench, liar) = with_passkey(PRESENT | VERIFIED | ELIGIBLE).await;
    let started = bench.start(None).await;
    let secret = secret(&started);
    let options = serde_json::to_value(bench.app.begin_passkey(&secret).await.unwrap()).unwrap();
    let unverified = Said { flags: PRESENT | ELIGIBLE, ..said(GET) };
    let done = bench.app.finish_passkey(&secret, &liar.sign(&unverified, &options)).await;
    assert!(matches!(done, Err(AppError::Passkey | AppError::Refused(_))), "{done:?}");
    assert!(bench.look(&started.id).await.state.is_live());
}

#[tokio::test]
async fn a_passkey_that_was_made_elsewhere_or_says_the_impossible_is_not_bound() {
    let (bench, phone) = Bench::with_phone().await;
    let right = right(&bench, &phone).await;
    let mut lies = lies(&said(CREATE));
    lies.push(("the other ceremony", said(GET)));
    lies.push(("nobody verified", Said { flags: PRESENT | ELIGIBLE, ..said(CREATE) }));
    for (what, lie) in lies {
        let is_bound = bind(&bench.app, &phone, &right, &Liar::new(), &lie).await;
        assert!(!is_bound, "{what}");
    }
    assert!(bind(&bench.app, &phone, &right, &Liar::new(), &said(CREATE)).await);
}

#[tokio::test]
async fn a_passkey_cannot_become_one_that_is_backed_up_nor_the_other_way() {
    for (made, used) in [(PRESENT | VERIFIED, ELIGIBLE), (PRESENT | VERIFIED | ELIGIBLE, 0)] {
        let (bench, liar) = with_passkey(made).await;
        let started = bench.start(None).await;
        let secret = secret(&started);
        let options = serde_json::to_value(bench.app.begin_passkey(&secret).await.unwrap());
        let other = Said { flags: PRESENT | VERIFIED | used, ..said(GET) };
        let done = bench.app.finish_passkey(&secret, &liar.sign(&other, &options.unwrap())).await;
        assert!(matches!(done, Err(AppError::Passkey)), "{made} {used}: {done:?}");
    }
}

#[tokio::test]
async fn a_passkey_that_may_be_synced_is_not_told_as_a_hardware_key() {
    for (flags, expected) in [
        (PRESENT | VERIFIED | ELIGIBLE, json!(["swk", "user"])),
        (PRESENT | VERIFIED, json!(["hwk", "user"])),
    ] {
        let (bench, liar) = with_passkey(flags).await;
        let started = bench.start(None).await;
        let secret = secret(&started);
        let options = serde_json::to_value(bench.app.begin_passkey(&secret).await.unwrap());
        let credential = liar.sign(&Said { flags, ..said(GET) }, &options.unwrap());
        let proven = bench.app.finish_passkey(&secret, &credential).await.unwrap();
        let token = bench.come_back(&proven).await.token.unwrap();
        let claims = from_base64url(token.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["amr"], expected);
    }
}
