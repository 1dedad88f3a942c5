//! Proof that a message comes from the key of an authenticator: ECDSA on P-256 with SHA-256.
//!
//! The key is made in the browser and cannot leave it; the server holds its public half only (NIST
//! SP 800-63B-4, 3.1.3.2).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use pushback_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::encoding::{from_base64url, sha256, to_base64url};

/// The public half of an authenticator's key, as a JSON Web Key holds it (RFC 7518, section 6.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    kty: String,
    crv: String,
    x: String,
    y: String,
}

/// Why a proof does not count. Callers tell nobody which it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The key is none on P-256.
    #[error("the key is not an EC key on P-256")]
    Key,
    /// The proof is not written as it must be.
    #[error("the proof is not written as it must be")]
    Form,
    /// The clocks are too far apart, or the proof was kept too long.
    #[error("the proof is not of this minute")]
    Time,
    /// The signature is not the key's over this message.
    #[error("the signature does not fit")]
    Signature,
}

impl PublicKey {
    /// A key from a JSON Web Key.
    ///
    /// # Errors
    /// [`ProofError::Key`] if it is not an EC key on P-256 with two coordinates of 32 bytes.
    pub fn from_jwk(jwk: &serde_json::Value) -> Result<Self, ProofError> {
        let text = |name| jwk.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        let key = Self {
            kty: text("kty").to_owned(),
            crv: text("crv").to_owned(),
            x: text("x").to_owned(),
            y: text("y").to_owned(),
        };
        key.point().map(|_| key)
    }

    fn point(&self) -> Result<Vec<u8>, ProofError> {
        if self.kty != "EC" || self.crv != "P-256" {
            return Err(ProofError::Key);
        }
        let mut point = vec![0x04];
        for half in [&self.x, &self.y] {
            let bytes = from_base64url(half).filter(|bytes| bytes.len() == 32);
            point.extend(bytes.ok_or(ProofError::Key)?);
        }
        Ok(point)
    }

    /// The thumbprint of RFC 7638, base64url.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let Self { kty, crv, x, y } = self;
        // The members are base64url and two fixed words, so that nothing needs an escape.
        let canonical = format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}"#);
        to_base64url(&sha256(canonical.as_bytes()))
    }

    /// Checks a signature of 64 bytes (IEEE P1363) in base64url.
    ///
    /// # Errors
    /// [`ProofError`]; nothing but `Ok` is a proof.
    pub fn verify(&self, message: &[u8], signature: &str) -> Result<(), ProofError> {
        let signature = from_base64url(signature).ok_or(ProofError::Form)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.point()?)
            .verify(message, &signature)
            .map_err(|_| ProofError::Signature)
    }
}

/// How far an authenticator's clock may be off, in milliseconds, both ways. A request kept longer is
/// no proof any more.
pub const CLOCK_OFF_MAX_MS: i64 = 60_000;

/// The `Authorization` header of an authenticator's request:
/// `Pushback-Key id="aut_…", at="1764000000000", nonce="…", sig="…"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    /// The authenticator.
    pub id: String,
    /// When it was signed, by the authenticator's clock.
    pub at: Timestamp,
    /// Tells two requests of one millisecond apart; 16 bytes in base64url.
    pub nonce: String,
    signature: String,
}

impl SignedRequest {
    /// Parses the header's value.
    ///
    /// # Errors
    /// [`ProofError::Form`] for anything but the four members, each once.
    pub fn parse(header: &str) -> Result<Self, ProofError> {
        let members = header.strip_prefix("Pushback-Key ").ok_or(ProofError::Form)?;
        let mut found: [Option<&str>; 4] = [None; 4];
        for member in members.split(',') {
            let (name, value) = member.trim().split_once('=').ok_or(ProofError::Form)?;
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            let place = ["id", "at", "nonce", "sig"].iter().position(|known| *known == name);
            let slot = place.and_then(|place| found.get_mut(place)).ok_or(ProofError::Form)?;
            let value = value.filter(|value| !value.contains('"')).ok_or(ProofError::Form)?;
            if slot.replace(value).is_some() {
                return Err(ProofError::Form);
            }
        }
        let [Some(id), Some(at), Some(nonce), Some(signature)] = found else {
            return Err(ProofError::Form);
        };
        if from_base64url(nonce).is_none_or(|bytes| bytes.len() != 16) {
            return Err(ProofError::Form);
        }
        let at = at.parse().map(Timestamp::from_millis).map_err(|_| ProofError::Form)?;
        Ok(Self { id: id.to_owned(), at, nonce: nonce.to_owned(), signature: signature.to_owned() })
    }

    /// Checks the request against the authenticator's key.
    ///
    /// # Errors
    /// [`ProofError`]; nothing but `Ok` is a proof.
    pub fn verify(
        &self,
        key: &PublicKey,
        (method, path, body): (&str, &str, &[u8]),
        now: Timestamp,
    ) -> Result<(), ProofError> {
        // SECURITY: a request that was caught and is sent again later is no proof. Guarded by
        // `a_request_of_another_minute_is_no_proof`.
        // Whoever sends it chooses the number, before anything is known of them.
        if now.as_millis().abs_diff(self.at.as_millis()) > CLOCK_OFF_MAX_MS.unsigned_abs() {
            return Err(ProofError::Time);
        }
        let message = request_text((method, path, body), self.at, &self.nonce);
        key.verify(message.as_bytes(), &self.signature)
    }
}

/// The text that an authenticator signs when it makes a request.
#[must_use]
pub fn request_text(
    (method, path, body): (&str, &str, &[u8]),
    at: Timestamp,
    nonce: &str,
) -> String {
    let (at, body) = (at.as_millis(), to_base64url(&sha256(body)));
    format!("pushback-request-v1\n{method}\n{path}\n{at}\n{nonce}\n{body}")
}

/// What an authenticator says to a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// The match code, as typed.
    Confirm(&'a str),
    /// "No, this isn't me."
    Deny,
    /// The same, and somebody should know; with the note's name or nothing.
    Report(&'a str),
}

/// The text that an authenticator signs when it answers a prompt.
#[must_use]
pub fn answer_text(prompt: &str, context_digest: &str, said: Said<'_>) -> String {
    let (word, more) = match said {
        Said::Confirm(code) => ("confirm", code),
        Said::Deny => ("deny", ""),
        Said::Report(note) => ("report", note),
    };
    format!("pushback-answer-v1\n{word}\n{prompt}\n{context_digest}\n{more}")
}

/// The text that an authenticator signs when it is bound.
#[must_use]
pub fn binding_text(code: &str, key: &PublicKey) -> String {
    format!("pushback-bind-v1\n{code}\n{}", key.thumbprint())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

    use super::*;

    fn pair() -> (EcdsaKeyPair, PublicKey) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let jwk = serde_json::json!({
            "kty": "EC", "crv": "P-256",
            "x": to_base64url(&point[1..33]), "y": to_base64url(&point[33..]),
        });
        let key = PublicKey::from_jwk(&jwk).unwrap();
        (pair, key)
    }

    fn sign(pair: &EcdsaKeyPair, text: &str) -> String {
        to_base64url(pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref())
    }

    fn header(pair: &EcdsaKeyPair, at: i64) -> String {
        let nonce = to_base64url(&[7; 16]);
        let body = to_base64url(&sha256(b"{}"));
        let text = format!("pushback-request-v1\nPOST\n/v1/x?y=1\n{at}\n{nonce}\n{body}");
        let sig = sign(pair, &text);
        format!(r#"Pushback-Key id="aut_1", at="{at}", nonce="{nonce}", sig="{sig}""#)
    }

    const NOW: Timestamp = Timestamp::from_millis(1_764_000_000_000);

    #[test]
    fn a_signed_request_is_proof_of_its_own_method_path_and_body_only() {
        let (pair, key) = pair();
        let request = SignedRequest::parse(&header(&pair, NOW.as_millis())).unwrap();
        let verify = |method, path, body| request.verify(&key, (method, path, body), NOW);
        assert_eq!(verify("POST", "/v1/x?y=1", b"{}"), Ok(()));
        for (method, path, body) in
            [("GET", "/v1/x?y=1", "{}"), ("POST", "/v1/x", "{}"), ("POST", "/v1/x?y=1", "{ }")]
        {
            assert_eq!(verify(method, path, body.as_bytes()), Err(ProofError::Signature));
        }
    }

    #[test]
    fn a_request_of_another_minute_is_no_proof() {
        let (pair, key) = pair();
        for (off, is_proof) in [(-60_000, true), (60_000, true), (-60_001, false), (60_001, false)]
        {
            let request = SignedRequest::parse(&header(&pair, NOW.as_millis() + off)).unwrap();
            let outcome = request.verify(&key, ("POST", "/v1/x?y=1", b"{}"), NOW);
            assert_eq!(outcome.is_ok(), is_proof, "{off}");
        }
    }

    #[test]
    fn a_time_beyond_all_measure_is_no_proof_and_no_fault() {
        let (pair, key) = pair();
        for at in [i64::MIN, i64::MIN + 1, i64::MAX] {
            let request = SignedRequest::parse(&header(&pair, at)).unwrap();
            let outcome = request.verify(&key, ("POST", "/v1/x?y=1", b"{}"), NOW);
            assert_eq!(outcome, Err(ProofError::Time), "{at}");
        }
    }

    #[test]
    fn another_key_is_no_proof() {
        let ((pair, _), (_, other)) = (pair(), pair());
        let request = SignedRequest::parse(&header(&pair, NOW.as_millis())).unwrap();
        let outcome = request.verify(&other, ("POST", "/v1/x?y=1", b"{}"), NOW);
        assert_eq!(outcome, Err(ProofError::Signature));
    }

    #[test]
    fn a_header_has_its_four_members_once() {
        let (pair, _) = pair();
        let good = header(&pair, 1);
        for bad in [
            "Bearer x".to_owned(),
            good.replace("nonce=", "once="),
            format!(r#"{good}, id="aut_2""#),
            good.replace("at=\"1\"", "at=\"one\""),
            good.split(", sig").next().unwrap().to_owned(),
        ] {
            assert_eq!(SignedRequest::parse(&bad), Err(ProofError::Form), "{bad}");
        }
    }

    #[test]
    fn only_a_key_on_p256_is_a_key() {
        let good = serde_json::to_value(pair().1).unwrap();
        for (name, value) in [("crv", "P-384"), ("kty", "RSA"), ("x", "AAAA"), ("y", "")] {
            let mut jwk = good.clone();
            jwk[name] = value.into();
            assert_eq!(PublicKey::from_jwk(&jwk), Err(ProofError::Key), "{name}");
        }
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638() {
        // Members in the order of their names, no blanks.
        let (_, key) = pair();
        let jwk = serde_json::to_value(&key).unwrap();
        let text =
            format!("{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":{},\"y\":{}}}", jwk["x"], jwk["y"]);
        assert_eq!(key.thumbprint(), to_base64url(&sha256(text.as_bytes())));
    }
}
