//! Signed receipts: what is said of one audit entry to whoever may not read it, and proof of a chain's
//! head, for whoever has the public key.
//!
//! A receipt names the entry by its hash and repeats nothing of it. The hash covers the entry and, through
//! the entries before it, the chain up to there: whoever has the trail finds the entry by it, and a trail
//! that was written anew does not have it. It hides the entry only if the entry's body holds something
//! that cannot be guessed; that is for the writer to see to.
//!
//! A token is a JWS in compact form (RFC 7515) signed with ES256 (RFC 7518, section 3.4), so that any
//! JOSE library can check it too. What is signed are the bytes `header.payload` as they stand in the
//! token. The payload is JSON; bytes in it are base64url without padding (RFC 4648, section 5).

use std::fmt;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pushback_model::Timestamp;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::Recorded;
use crate::private_file::{self, PrivateFileError};

const RECEIPT: &str = "pushback-receipt+jws";
const CHECKPOINT: &str = "pushback-checkpoint+jws";
/// The longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// A coordinate of P-256.
const COORDINATE_BYTES: usize = 32;

/// Why a token or a key is not accepted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The key file cannot be used.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// The key file does not hold a P-256 private key.
    #[error("not a P-256 private key in PKCS#8 PEM")]
    PrivateKey,
    /// The text is not a P-256 public key.
    #[error("not a P-256 public key as JWK with kty, crv, x and y")]
    PublicKey,
    /// The token is not of the expected form.
    #[error("not a {wanted} token")]
    Form {
        /// What was expected.
        wanted: &'static str,
    },
    /// The token was signed with another key.
    #[error("signed with the key {kid}, not with this one")]
    OtherKey {
        /// The key that the token names.
        kid: String,
    },
    /// The signature does not fit.
    #[error("the signature does not fit: the token was altered or made with another key")]
    Signature,
    /// Signing failed.
    #[error("the signature could not be made")]
    Signing,
}

/// What is said of one audit entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The chain that the entry is in.
    pub chain: String,
    /// The hash of the entry, which names it.
    pub hash: [u8; 32],
    /// What the service says of it.
    pub said: Value,
}

/// Proof of a chain's head at some instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The chain.
    pub chain: String,
    /// The number of its last entry.
    pub seq: i64,
    /// The hash of its last entry.
    pub hash: [u8; 32],
    /// When the checkpoint was made.
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiptPayload {
    chain: String,
    hash: String,
    said: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointPayload {
    chain: String,
    seq: i64,
    hash: String,
    at_ms: i64,
}

/// The public part of a key, in the order that RFC 7638 wants for its thumbprint.
#[derive(Serialize, Deserialize)]
struct Jwk {
    crv: String,
    kty: String,
    x: String,
    y: String,
}

/// The key that signs receipts and checkpoints.
pub struct Signer {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("pair", &"***").field("kid", &self.public.kid).finish()
    }
}

impl Signer {
    /// Makes a new key and saves it as PKCS#8 PEM, readable by its owner alone (mode 0600).
    ///
    /// # Errors
    /// If the file exists or cannot be written, or no key can be made.
    pub fn create(path: &Path) -> Result<Self, ReceiptError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| ReceiptError::Signing)?;
        let document = pair.to_pkcs8v1().map_err(|_| ReceiptError::Signing)?;
        let body = Zeroizing::new(STANDARD.encode(document.as_ref()));
        let mut pem = Zeroizing::new(String::from("-----BEGIN PRIVATE KEY-----\n"));
        for line in body.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        private_file::create(path, pem.as_bytes())?;
        Ok(Self::from_pair(pair))
    }

    /// Reads a key made by [`Signer::create`], or any P-256 key in PKCS#8 PEM.
    ///
    /// # Errors
    /// If others than its owner may read the file, or it holds no such key.
    pub fn open(path: &Path) -> Result<Self, ReceiptError> {
        let pem = Zeroizing::new(private_file::read(path)?);
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| ReceiptError::PrivateKey)?;
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der())
            .map(Self::from_pair)
            .map_err(|_| ReceiptError::PrivateKey)
    }

    fn from_pair(pair: EcdsaKeyPair) -> Self {
        let public = PublicKey::from_point(pair.public_key().as_ref().to_vec());
        Self { pair, public }
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// A receipt that says this of an entry.
    ///
    /// # Errors
    /// If the signature cannot be made.
    pub fn receipt(&self, recorded: &Recorded, said: Value) -> Result<String, ReceiptError> {
        let payload = ReceiptPayload {
            chain: recorded.chain.clone(),
            hash: URL_SAFE_NO_PAD.encode(recorded.hash),
            said,
        };
        self.sign(RECEIPT, &payload)
    }

    /// Signs the head of a chain.
    ///
    /// # Errors
    /// If the signature cannot be made.
    pub fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<String, ReceiptError> {
        let payload = CheckpointPayload {
            chain: checkpoint.chain.clone(),
            seq: checkpoint.seq,
            hash: URL_SAFE_NO_PAD.encode(checkpoint.hash),
            at_ms: checkpoint.at.as_millis(),
        };
        self.sign(CHECKPOINT, &payload)
    }

    fn sign(&self, typ: &str, payload: &impl Serialize) -> Result<String, ReceiptError> {
        let header =
            Header { alg: "ES256".to_owned(), kid: self.public.kid.clone(), typ: typ.to_owned() };
        let mut token = encode(&header)?;
        token.push('.');
        token.push_str(&encode(payload)?);
        let signature = self
            .pair
            .sign(&SystemRandom::new(), token.as_bytes())
            .map_err(|_| ReceiptError::Signing)?;
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature.as_ref()));
        Ok(token)
    }
}

fn encode(value: &impl Serialize) -> Result<String, ReceiptError> {
    let json = serde_json::to_vec(value).map_err(|_| ReceiptError::Signing)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// The key that checks receipts and checkpoints; no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// 04, x, y (SEC 1, section 2.3.3).
    point: Vec<u8>,
    kid: String,
}

impl PublicKey {
    fn from_point(point: Vec<u8>) -> Self {
        let kid = thumbprint(&point);
        Self { point, kid }
    }

    /// Reads a JWK (RFC 7517) of a P-256 key; members it does not need are ignored.
    ///
    /// # Errors
    /// [`ReceiptError::PublicKey`] for anything else.
    pub fn from_jwk(json: &str) -> Result<Self, ReceiptError> {
        let jwk: Jwk = serde_json::from_str(json).map_err(|_| ReceiptError::PublicKey)?;
        if (jwk.kty.as_str(), jwk.crv.as_str()) != ("EC", "P-256") {
            return Err(ReceiptError::PublicKey);
        }
        let mut point = vec![4];
        for coordinate in [&jwk.x, &jwk.y] {
            let bytes = URL_SAFE_NO_PAD.decode(coordinate).map_err(|_| ReceiptError::PublicKey)?;
            if bytes.len() != COORDINATE_BYTES {
                return Err(ReceiptError::PublicKey);
            }
            point.extend_from_slice(&bytes);
        }
        Ok(Self::from_point(point))
    }

    /// The key as a JWK, with the members that RFC 7638 hashes.
    #[must_use]
    pub fn jwk(&self) -> String {
        jwk(&self.point)
    }

    /// The RFC 7638 thumbprint, which tokens name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Checks a receipt's signature. That the trail has an entry of its hash is another question.
    ///
    /// # Errors
    /// [`ReceiptError`] says what does not fit.
    // SECURITY: a receipt proves what it says only if every byte of it is covered. Guarded by
    // `a_receipt_with_any_byte_altered_does_not_verify`.
    pub fn verify_receipt(&self, token: &str) -> Result<Receipt, ReceiptError> {
        let payload: ReceiptPayload = self.verify(RECEIPT, "receipt", token)?;
        let hash = bytes_32(&payload.hash).ok_or(ReceiptError::Form { wanted: "receipt" })?;
        Ok(Receipt { chain: payload.chain, hash, said: payload.said })
    }

    /// Checks a checkpoint's signature.
    ///
    /// # Errors
    /// [`ReceiptError`] says what does not fit.
    pub fn verify_checkpoint(&self, token: &str) -> Result<Checkpoint, ReceiptError> {
        let payload: CheckpointPayload = self.verify(CHECKPOINT, "checkpoint", token)?;
        let hash = bytes_32(&payload.hash).ok_or(ReceiptError::Form { wanted: "checkpoint" })?;
        Ok(Checkpoint {
            chain: payload.chain,
            seq: payload.seq,
            hash,
            at: Timestamp::from_millis(payload.at_ms),
        })
    }

    fn verify<T: DeserializeOwned>(
        &self,
        typ: &str,
        wanted: &'static str,
        token: &str,
    ) -> Result<T, ReceiptError> {
        let form = || ReceiptError::Form { wanted };
        if token.len() > TOKEN_BYTES_MAX {
            return Err(form());
        }
        let (signed, signature) = token.rsplit_once('.').ok_or_else(form)?;
        let (header, payload) = signed.split_once('.').ok_or_else(form)?;
        let header: Header = decode(header).ok_or_else(form)?;
        // The algorithm is ours to choose, never the token's (RFC 8725, section 3.1).
        if header.alg != "ES256" || header.typ != typ {
            return Err(form());
        }
        if header.kid != self.kid {
            return Err(ReceiptError::OtherKey { kid: header.kid });
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| form())?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point)
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| ReceiptError::Signature)?;
        decode(payload).ok_or_else(form)
    }
}

fn decode<T: DeserializeOwned>(part: &str) -> Option<T> {
    let json = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&json).ok()
}

fn bytes_32(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn jwk(point: &[u8]) -> String {
    let coordinates = point.get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at_checked(COORDINATE_BYTES).unwrap_or_default();
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    // Members in the order of RFC 7638, section 3.3; base64url needs no escapes.
    format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
}

fn thumbprint(point: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, jwk(point).as_bytes()))
}

#[cfg(test)]
mod tests;
