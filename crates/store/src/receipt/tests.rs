use serde_json::json;

use super::*;
use crate::AuditEntry;
use crate::audit::{self, GENESIS};

fn signer() -> (tempfile::TempDir, Signer) {
    let folder = tempfile::tempdir().unwrap();
    let signer = Signer::create(&folder.path().join("receipts.pem")).unwrap();
    (folder, signer)
}

fn entry() -> Recorded {
    let entry = AuditEntry {
        at: Timestamp::from_millis(1_772_400_000_000),
        kind: "prompt_ended".to_owned(),
        subject: "alice@example.org".to_owned(),
        body: br#"{"salt":"x","risk":["phone_far"]}"#.to_vec(),
    };
    let hash = audit::hash(&GENESIS, "main", 1, &entry);
    Recorded { chain: "main".to_owned(), seq: 1, entry, hash }
}

fn said() -> Value {
    json!({ "attempt": "atm_1", "what": "denied" })
}

#[test]
fn a_receipt_verifies_with_the_public_key_alone() {
    let (_folder, signer) = signer();
    let token = signer.receipt(&entry(), said()).unwrap();
    let public = PublicKey::from_jwk(&signer.public().jwk()).unwrap();
    let receipt = public.verify_receipt(&token).unwrap();
    let wanted = Receipt { chain: "main".to_owned(), hash: entry().hash, said: said() };
    assert_eq!(receipt, wanted);
}

#[test]
fn a_receipt_holds_nothing_of_the_entry_but_its_hash() {
    let (_folder, signer) = signer();
    let token = signer.receipt(&entry(), said()).unwrap();
    let payload: Value = decode(token.split('.').nth(1).unwrap()).unwrap();
    let hash = URL_SAFE_NO_PAD.encode(entry().hash);
    assert_eq!(payload, json!({ "chain": "main", "hash": hash, "said": said() }));
}

#[test]
fn a_receipt_with_any_byte_altered_does_not_verify() {
    let (_folder, signer) = signer();
    let token = signer.receipt(&entry(), said()).unwrap();
    for at in 0..token.len() {
        let mut altered = token.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        assert!(signer.public().verify_receipt(&altered).is_err(), "byte {at}");
    }
}

#[test]
fn a_receipt_of_another_key_or_another_sort_is_refused() {
    let ((_one, signer), (_two, other)) = (signer(), signer());
    let entry = entry();
    let token = other.receipt(&entry, said()).unwrap();
    assert!(matches!(signer.public().verify_receipt(&token), Err(ReceiptError::OtherKey { .. })));
    let checkpoint =
        Checkpoint { chain: "main".to_owned(), seq: 1, hash: entry.hash, at: entry.entry.at };
    let token = signer.checkpoint(&checkpoint).unwrap();
    assert_eq!(signer.public().verify_checkpoint(&token).unwrap(), checkpoint);
    assert!(matches!(signer.public().verify_receipt(&token), Err(ReceiptError::Form { .. })));
}

#[test]
fn a_signing_key_is_read_back_from_its_file() {
    let (folder, signer) = signer();
    let again = Signer::open(&folder.path().join("receipts.pem")).unwrap();
    assert_eq!(again.public(), signer.public());
    assert!(Signer::create(&folder.path().join("receipts.pem")).is_err());
}

#[test]
fn the_thumbprint_is_that_of_rfc_7638() {
    // The P-256 key of RFC 7517, appendix A.1; thumbprint computed with Python's hashlib.
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}"#;
    let key = PublicKey::from_jwk(jwk).unwrap();
    assert_eq!(key.kid(), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
}
