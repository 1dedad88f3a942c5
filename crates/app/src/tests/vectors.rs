//! The test vectors of WebAuthn level 3, section 16, through the ceremonies as the service sets them up
//! (<https://www.w3.org/TR/webauthn-3/#sctn-test-vectors>). Their challenges are put in the place of
//! those that were drawn. Keys for ES256 and ES384; the vectors' RSA key is longer than `webauthn-rs` takes.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;
use webauthn_rs::prelude::{Passkey, PasskeyAuthentication, Uuid};
use webauthn_rs::{Webauthn, WebauthnBuilder};
use x509_cert::Certificate;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode as _, EncodePem as _};

use crate::ceremonies::{has_changed, is_embedded};
use crate::models::Binding;
use crate::{Aaguid, AppError, PasskeyModels, to_base64url};

#[derive(Deserialize)]
struct File {
    attestation_ca_cert: String,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    credential_id: String,
    registration: Said,
    authentication: Said,
}

#[derive(Deserialize)]
struct Said {
    challenge: String,
    client_data: String,
    #[serde(default)]
    attestation_object: String,
    #[serde(default)]
    authenticator_data: String,
    #[serde(default)]
    signature: String,
}

const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
/// Where the flags are in authenticator data, after the hash of the relying party's id.
const FLAGS_AT: usize = 32;
const AAGUID_AT: usize = 37;

fn file() -> File {
    serde_json::from_str(include_str!("vectors/webauthn-level-3.json")).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()
}

fn webauthn() -> Webauthn {
    let origin = Url::parse("https://example.org").unwrap();
    WebauthnBuilder::new("example.org", &origin).unwrap().build().unwrap()
}

/// A ceremony with another challenge, and with the members of its state that are given.
fn instead<T: serde::Serialize + DeserializeOwned>(
    ceremony: &T,
    inner: &str,
    challenge: &str,
    others: &[(&str, Value)],
) -> T {
    let mut state = serde_json::to_value(ceremony).unwrap();
    let members = state[inner].as_object_mut().unwrap();
    members.insert("challenge".to_owned(), to_base64url(&bytes(challenge)).into());
    for (name, value) in others {
        assert!(members.insert((*name).to_owned(), value.clone()).is_some(), "{name}");
    }
    serde_json::from_value(state).unwrap()
}

fn credential<T: DeserializeOwned>(id: &str, response: &Value) -> T {
    let id = to_base64url(&bytes(id));
    let credential = json!({
        "id": id, "rawId": id, "type": "public-key", "extensions": {}, "response": response,
    });
    serde_json::from_value(credential).unwrap()
}

impl Vector {
    fn register(
        &self,
        models: &PasskeyModels,
        others: &[(&str, Value)],
    ) -> Result<Passkey, AppError> {
        let webauthn = webauthn();
        let (_, begun) = models.begin(&webauthn, (Uuid::from_u128(1), "alice"), None).unwrap();
        let begun: Binding = instead(&begun, "rs", &self.registration.challenge, others);
        let response = json!({
            "attestationObject": to_base64url(&bytes(&self.registration.attestation_object)),
            "clientDataJSON": to_base64url(&bytes(&self.registration.client_data)),
        });
        models.finish(&webauthn, &credential(&self.credential_id, &response), &begun)
    }

    /// The authenticator data within the attestation object: it begins with the id's hash.
    fn registered(&self) -> Vec<u8> {
        let object = bytes(&self.registration.attestation_object);
        let hash = crate::sha256(b"example.org");
        let at = object.windows(hash.len()).position(|window| window == hash).unwrap();
        object[at..].to_vec()
    }

    /// Whether the service takes the assertion, with the signature's last byte changed if asked.
    fn authenticate(&self, passkey: &Passkey, policy: &str, is_changed: bool) -> bool {
        let webauthn = webauthn();
        let (_, begun) =
            webauthn.start_passkey_authentication(std::slice::from_ref(passkey)).unwrap();
        let said = &self.authentication;
        let begun: PasskeyAuthentication =
            instead(&begun, "ast", &said.challenge, &[("policy", policy.into())]);
        let mut signature = bytes(&said.signature);
        if is_changed {
            *signature.last_mut().unwrap() ^= 1;
        }
        let client_data = bytes(&said.client_data);
        let response = json!({
            "authenticatorData": to_base64url(&bytes(&said.authenticator_data)),
            "clientDataJSON": to_base64url(&client_data),
            "signature": to_base64url(&signature),
        });
        let used = credential(&self.credential_id, &response);
        let done = webauthn.finish_passkey_authentication(&used, &begun);
        done.is_ok_and(|done| {
            let flags = bytes(&said.authenticator_data)[FLAGS_AT];
            assert_eq!(done.user_verified(), flags & USER_VERIFIED != 0, "{}", self.name);
            !is_embedded(&client_data) && !has_changed(passkey, &done)
        })
    }

    fn is_framed(&self) -> bool {
        self.name.ends_with("crossOrigin") || self.name.ends_with("topOrigin")
    }
}

/// How a state says that a verified user is not asked for.
const NOT_ASKED: &str = "discouraged";

/// Control 24: without a verified user nothing is bound and nobody gets in, whatever was signed.
#[test]
fn the_vectors_of_webauthn_level_3_hold() {
    let (mut bound, mut unverified, mut framed) = (0, 0, 0);
    for vector in file().vectors {
        let name = &vector.name;
        let any = PasskeyModels::default();
        let is_verified = vector.registered()[FLAGS_AT] & USER_VERIFIED != 0;
        let strictly = vector.register(&any, &[]);
        let loosely = vector.register(&any, &[("policy", NOT_ASKED.into())]);
        if vector.is_framed() {
            assert!(strictly.is_err() && loosely.is_err(), "{name}: in another site's frame");
            framed += 1;
            continue;
        }
        assert_eq!(strictly.is_ok(), is_verified, "{name}");
        unverified += usize::from(!is_verified);
        let passkey = loosely.unwrap();
        bound += 1;

        let flags = bytes(&vector.authentication.authenticator_data)[FLAGS_AT];
        assert!(vector.authenticate(&passkey, NOT_ASKED, false), "{name}");
        assert!(!vector.authenticate(&passkey, NOT_ASKED, true), "{name}: another signature");
        let is_verified = flags & USER_VERIFIED != 0;
        assert_eq!(vector.authenticate(&passkey, "required", false), is_verified, "{name}");
        unverified += usize::from(!is_verified);
    }
    assert!(bound >= 4 && unverified >= 3 && framed == 2, "{bound} {unverified} {framed}");
}

/// Control 27, with attestations that are not ours: they lead to the vectors' root or to nothing.
#[test]
fn the_vectors_attestations_lead_to_their_root_alone() {
    let file = file();
    let root = Certificate::from_der(&bytes(&file.attestation_ca_cert)).unwrap();
    let root = root.to_pem(LineEnding::LF).unwrap();
    // They may leave their devices, which our list does not take.
    let loosely = [
        ("policy", Value::from(NOT_ASKED)),
        ("allow_synchronised_authenticators", Value::from(true)),
    ];
    let mut attested = 0;
    for vector in file.vectors.iter().filter(|vector| !vector.is_framed()) {
        let data = vector.registered();
        let aaguid = Aaguid::from_slice(&data[AAGUID_AT..][..16]).unwrap();
        let listing = |aaguid| PasskeyModels::default().with(aaguid, "vectors", root.as_bytes());
        let is_attested = vector.name.starts_with("packed.");
        let listed = vector.register(&listing(aaguid).unwrap(), &loosely);
        assert_eq!(listed.is_ok(), is_attested, "{}: {listed:?}", vector.name);
        let other = vector.register(&listing(Aaguid::from_u128(1)).unwrap(), &loosely);
        assert!(matches!(other, Err(AppError::PasskeyModel(_))), "{}: {other:?}", vector.name);
        if data[FLAGS_AT] & BACKUP_ELIGIBLE != 0 {
            let as_is = vector.register(&listing(aaguid).unwrap(), &[]);
            assert!(as_is.is_err(), "{}", vector.name);
        }
        attested += usize::from(is_attested);
    }
    assert!(attested >= 1);
}
