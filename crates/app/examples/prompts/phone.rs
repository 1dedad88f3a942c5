//! A phone without a person: a key, and what is signed with it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use pushback_app::{PublicKey, Said, answer_text, request_text, sha256, to_base64url};
use pushback_model::Timestamp;
use serde_json::{Value, json};

use crate::yardsticks::Failure;

/// The key of a phone.
pub struct Phone(EcdsaKeyPair);

impl Phone {
    pub fn new() -> Result<Self, Failure> {
        Ok(Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?))
    }

    pub fn key(&self) -> Result<PublicKey, Failure> {
        let point = self.0.public_key().as_ref();
        let half = |range| to_base64url(point.get(range).unwrap_or_default());
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": half(1..33), "y": half(33..65) });
        Ok(PublicKey::from_jwk(&jwk)?)
    }

    pub fn sign(&self, text: &str) -> Result<String, Failure> {
        Ok(to_base64url(self.0.sign(&SystemRandom::new(), text.as_bytes())?.as_ref()))
    }

    /// The header of a signed request.
    pub fn authorization(
        &self,
        id: &str,
        at: Timestamp,
        (method, path, body): (&str, &str, &[u8]),
    ) -> Result<String, Failure> {
        let mut nonce = [0; 16];
        aws_lc_rs::rand::fill(&mut nonce)?;
        let nonce = to_base64url(&nonce);
        let sig = self.sign(&request_text((method, path, body), at, &nonce))?;
        let at = at.as_millis();
        Ok(format!(r#"Pushback-Key id="{id}", at="{at}", nonce="{nonce}", sig="{sig}""#))
    }

    /// The signature over "yes, and this is the code".
    pub fn confirm(&self, prompt: &str, digest: &str, code: &str) -> Result<String, Failure> {
        self.sign(&answer_text(prompt, digest, Said::Confirm(code)))
    }
}

/// What a phone shows, as far as it is signed.
pub struct Shown<'s> {
    pub id: u64,
    pub attempt: &'s str,
    pub subscriber: &'s str,
    pub relying_party: &'s str,
    pub lines: Vec<(&'s str, Option<&'s str>)>,
}

impl<'s> Shown<'s> {
    /// What is in a prompt's JSON.
    pub fn read(prompt: &'s Value) -> Option<Self> {
        let text = |name: &str| prompt.get(name).and_then(Value::as_str);
        let line = |line: &'s Value| {
            let name = line.get("name").and_then(Value::as_str)?;
            Some((name, line.get("value").and_then(Value::as_str)))
        };
        Some(Self {
            id: text("id")?.parse().ok()?,
            attempt: text("attempt")?,
            subscriber: text("subscriber")?,
            relying_party: text("relying_party")?,
            lines: prompt.get("lines")?.as_array()?.iter().filter_map(line).collect(),
        })
    }

    /// The digest of it.
    pub fn digest(&self) -> String {
        fn put(out: &mut Vec<u8>, part: &[u8]) {
            out.extend((part.len() as u64).to_be_bytes());
            out.extend(part);
        }
        let mut out = b"pushback prompt context 1".to_vec();
        put(&mut out, self.subscriber.as_bytes());
        put(&mut out, &self.id.to_be_bytes());
        put(&mut out, self.attempt.as_bytes());
        put(&mut out, self.relying_party.as_bytes());
        for (name, value) in &self.lines {
            put(&mut out, name.as_bytes());
            match value {
                Some(value) => {
                    out.push(1);
                    put(&mut out, value.as_bytes());
                }
                None => out.push(0),
            }
        }
        to_base64url(&sha256(&out))
    }
}
