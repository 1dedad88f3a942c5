//! Which models of authenticators may be bound (WebAuthn level 3, 6.5): a maker is made up here, with a
//! root of its own, and authenticators that say they are its.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};

use super::passkeys::right;
use super::webauthn::{CREATE, ELIGIBLE, Liar, Model, PRESENT, Said, VERIFIED, said};
use crate::testing::{Bench, Phone};
use crate::{App, AppError, ModelError, PasskeyModels};

const KEY_5: [u8; 16] = [5; 16];
const KEY_6: [u8; 16] = [6; 16];

struct Maker {
    root: CertifiedIssuer<'static, KeyPair>,
    /// The certificate that its authenticators carry, and its key.
    batch: Vec<u8>,
    pair: EcdsaKeyPair,
}

impl Maker {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "Example Keys Root");
        let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // WebAuthn level 3, 8.2.1.
        for (kind, value) in [
            (DnType::CountryName, "AA"),
            (DnType::OrganizationName, "Example Keys"),
            (DnType::OrganizationalUnitName, "Authenticator Attestation"),
            (DnType::CommonName, "Example Keys Batch 1"),
        ] {
            params.distinguished_name.push(kind, value);
        }
        let batch = params.signed_by(&key, &root).unwrap().der().to_vec();
        let der = key.serialize_der();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der).unwrap();
        Self { root, batch, pair }
    }

    fn roots(&self) -> String {
        self.root.pem()
    }

    /// The packed statement of one of its authenticators (WebAuthn level 3, 8.2).
    fn statement(&self, signed: &[u8]) -> Vec<u8> {
        let signature = self.pair.sign(&SystemRandom::new(), signed).unwrap();
        packed(signature.as_ref(), Some(&self.batch))
    }
}

fn packed(signature: &[u8], certificate: Option<&[u8]>) -> Vec<u8> {
    let mut cbor = vec![if certificate.is_some() { 0xa3 } else { 0xa2 }];
    cbor.extend(b"\x63alg\x26\x63sig\x58");
    cbor.push(u8::try_from(signature.len()).unwrap());
    cbor.extend(signature);
    if let Some(certificate) = certificate {
        cbor.extend(b"\x63x5c\x81\x59");
        cbor.extend(u16::try_from(certificate.len()).unwrap().to_be_bytes());
        cbor.extend(certificate);
    }
    cbor
}

fn only(maker: &Maker) -> PasskeyModels {
    let models = PasskeyModels::default();
    models.with(KEY_5_ID, "Example Key 5", maker.roots().as_bytes()).unwrap()
}

const KEY_5_ID: crate::Aaguid = crate::Aaguid::from_bytes(KEY_5);

/// A service that takes these models only, and somebody whose phone is bound.
async fn taking(models: PasskeyModels) -> (Bench, Phone, String) {
    let (mut bench, phone) = Bench::with_phone().await;
    let right = right(&bench, &phone).await;
    bench.app = bench.other_node_taking(models);
    (bench, phone, right)
}

async fn bind(
    app: &App,
    phone: &Phone,
    right: &str,
    key: &Liar,
    model: &Model<'_>,
    said: &Said,
) -> Result<(), AppError> {
    let proven = phone.ask(app).await;
    let (ceremony, options) = app.begin_own_passkey(&proven, right).await.unwrap();
    let options = serde_json::to_value(options).unwrap();
    assert_eq!(options["publicKey"]["attestation"], "direct");
    let credential = key.register_as(model, said, &options);
    app.finish_own_passkey(&proven, &ceremony, &credential, "key").await.map(|_| ())
}

const HARDWARE: u8 = PRESENT | VERIFIED;

fn flagged(flags: u8) -> Said {
    let mut said = said(CREATE);
    said.flags = flags;
    said
}

#[tokio::test]
async fn a_listed_model_is_bound_and_signs_in() {
    let maker = Maker::new();
    let (bench, phone, right) = taking(only(&maker)).await;
    let statement = |signed: &[u8]| maker.statement(signed);
    let model = Model { aaguid: KEY_5, format: "packed", statement: &statement };
    let said = flagged(HARDWARE);
    bind(&bench.app, &phone, &right, &Liar::new(), &model, &said).await.unwrap();
    assert!(bench.start(None).await.can_use_passkey);
}

/// Control 27: nothing gets onto the list by saying that it is on it.
#[tokio::test]
async fn whoever_only_says_that_it_is_a_listed_model_is_refused() {
    let (maker, other) = (Maker::new(), Maker::new());
    let (bench, phone, right) = taking(only(&maker)).await;
    let key = Liar::new();
    let none = |_: &[u8]| vec![0xa0];
    let itself = |signed: &[u8]| packed(&key.sign_bytes(signed), None);
    let by_other = |signed: &[u8]| other.statement(signed);
    let of_other_bytes = |_: &[u8]| maker.statement(b"something else");
    let right_one = |signed: &[u8]| maker.statement(signed);
    let hardware = flagged(HARDWARE);
    let synced = flagged(HARDWARE | ELIGIBLE);
    let unverified = flagged(PRESENT);
    type Statement<'s> = &'s dyn Fn(&[u8]) -> Vec<u8>;
    let cases: [(&str, [u8; 16], &'static str, Statement<'_>, &Said); 7] = [
        ("attests nothing", KEY_5, "none", &none, &hardware),
        ("attests itself", KEY_5, "packed", &itself, &hardware),
        ("another maker", KEY_5, "packed", &by_other, &hardware),
        ("another model of the maker", KEY_6, "packed", &right_one, &hardware),
        ("a statement about something else", KEY_5, "packed", &of_other_bytes, &hardware),
        ("may leave its device", KEY_5, "packed", &right_one, &synced),
        ("nobody verified", KEY_5, "packed", &right_one, &unverified),
    ];
    for (what, aaguid, format, statement, said) in cases {
        let model = Model { aaguid, format, statement };
        let refused = bind(&bench.app, &phone, &right, &key, &model, said).await;
        match (what, refused) {
            ("a statement about something else" | "nobody verified", Err(AppError::Passkey)) => {}
            // Whoever brings another key is told which are taken.
            (_, Err(AppError::PasskeyModel(names))) => assert_eq!(names, "Example Key 5", "{what}"),
            (_, other) => panic!("{what}: {other:?}"),
        }
    }
    assert!(!bench.start(None).await.can_use_passkey);
}

#[tokio::test]
async fn what_began_before_there_was_a_list_is_not_bound() {
    let (bench, phone) = Bench::with_phone().await;
    let right = right(&bench, &phone).await;
    let proven = phone.ask(&bench.app).await;
    let (ceremony, options) = bench.app.begin_own_passkey(&proven, &right).await.unwrap();
    let options = serde_json::to_value(options).unwrap();
    let none = |_: &[u8]| vec![0xa0];
    let model = Model { aaguid: KEY_5, format: "none", statement: &none };
    let credential = Liar::new().register_as(&model, &said(CREATE), &options);
    let app = bench.other_node_taking(only(&Maker::new()));
    let refused = app.finish_own_passkey(&proven, &ceremony, &credential, "key").await;
    assert!(matches!(refused, Err(AppError::PasskeyModel(_))), "{refused:?}");
}

#[test]
fn a_list_takes_models_with_a_number_and_a_root() {
    let maker = Maker::new();
    let with = |aaguid, roots: &str| PasskeyModels::default().with(aaguid, "x", roots.as_bytes());
    assert_eq!(with(crate::Aaguid::nil(), &maker.roots()).unwrap_err(), ModelError::Nameless);
    for none in ["", "not PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert_eq!(with(KEY_5_ID, none).unwrap_err(), ModelError::Roots, "{none}");
    }
    let two = format!("{}{}", maker.roots(), Maker::new().roots());
    let models = with(KEY_5_ID, &two).unwrap();
    assert!(!models.is_any() && PasskeyModels::default().is_any());
}
