//! The signed token that tells a relying party that its attempt was verified.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use pushback_model::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::encoding::{sha256, to_base64url};

/// How long a relying party may take to look at a token.
pub const TOKEN_LIFE: Span = Span::minutes(5);

/// The key that signs tokens: ECDSA on P-256 (ES256, RFC 7518).
pub struct TokenKey {
    id: String,
    jwk: serde_json::Value,
    /// The header of every token, base64url.
    header: String,
    pair: EcdsaKeyPair,
}

/// Why tokens cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The stored key is none.
    #[error("the token key cannot be used")]
    Key,
    /// Signing failed.
    #[error("a token cannot be signed")]
    Sign,
}

impl TokenKey {
    /// Makes a new key and gives it as PKCS #8, for the store to seal.
    ///
    /// # Errors
    /// [`TokenError::Key`] if the cryptography library refuses.
    pub fn generate() -> Result<Vec<u8>, TokenError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        let document = pair.map_err(|_| TokenError::Key)?.to_pkcs8v1();
        Ok(document.map_err(|_| TokenError::Key)?.as_ref().to_vec())
    }

    /// The key in a PKCS #8 document.
    ///
    /// # Errors
    /// [`TokenError::Key`] if it is none on P-256.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, TokenError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
            .map_err(|_| TokenError::Key)?;
        let point = pair.public_key().as_ref();
        let (x, y) = point.get(1..33).zip(point.get(33..65)).ok_or(TokenError::Key)?;
        let (x, y) = (to_base64url(x), to_base64url(y));
        let thumbprint = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let id = to_base64url(&sha256(thumbprint.as_bytes()));
        let jwk = serde_json::json!({
            "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": id, "use": "sig", "alg": "ES256",
        });
        let header =
            serde_json::json!({ "alg": "ES256", "kid": id, "typ": "pushback-attempt+jwt" });
        Ok(Self { header: to_base64url(header.to_string().as_bytes()), id, jwk, pair })
    }

    /// Its id: the thumbprint of its public half (RFC 7638).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half as a JSON Web Key, for `/.well-known/jwks.json`.
    #[must_use]
    pub const fn jwk(&self) -> &serde_json::Value {
        &self.jwk
    }

    /// Signs a token (JWS compact serialisation, RFC 7515, section 3.1), with the key as it was read
    /// once: to read it anew costs more than to sign.
    ///
    /// # Errors
    /// [`TokenError::Sign`] if the cryptography library refuses.
    pub fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        let claims = serde_json::to_vec(claims).map_err(|_| TokenError::Sign)?;
        let mut token = format!("{}.{}", self.header, to_base64url(&claims));
        let signature = self.pair.sign(&SystemRandom::new(), token.as_bytes());
        token.push('.');
        token.push_str(&to_base64url(signature.map_err(|_| TokenError::Sign)?.as_ref()));
        Ok(token)
    }
}

/// What a token says (RFC 7519, and RFC 8176 for `amr`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// This service.
    pub iss: String,
    /// The relying party.
    pub aud: String,
    /// The subscriber: the name that the relying party gave, in small letters.
    pub sub: String,
    /// Seconds since 1970.
    pub iat: i64,
    /// Seconds since 1970; the token counts before that.
    pub exp: i64,
    /// When the subscriber verified, in seconds since 1970.
    pub auth_time: i64,
    /// The token's own id: a token counts once.
    pub jti: String,
    /// The attempt that was verified.
    pub attempt: String,
    /// How sure: `urn:pushback:aal2`, `urn:pushback:aal2:phishing-resistant`, or `urn:pushback:aal3`
    /// for a passkey that says it cannot leave its device; no attestation proves that.
    pub acr: String,
    /// With what (RFC 8176): `swk` and `mca` for a code typed on a phone with a bound key; `user` for a
    /// passkey that verified its user, with `swk` if it may be synced and `hwk` if it says that it cannot
    /// leave its device; `otp` for a code of another app; `swk` alone for a client certificate.
    pub amr: Vec<String>,
}

impl Claims {
    /// Sets the times: issued now, counting for [`TOKEN_LIFE`].
    #[must_use]
    pub fn issued(mut self, now: Timestamp) -> Self {
        let seconds = |at: Timestamp| at.as_millis().div_euclid(1_000);
        (self.iat, self.exp) = (seconds(now), seconds(now + TOKEN_LIFE));
        self
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};

    use super::*;

    fn claims() -> Claims {
        Claims {
            iss: "https://mfa.example.org".into(),
            aud: "rp_1".into(),
            sub: "alice@example.org".into(),
            iat: 0,
            exp: 0,
            auth_time: 1,
            jti: "tok_1".into(),
            attempt: "atm_1".into(),
            acr: "urn:pushback:aal2".into(),
            amr: vec!["swk".into()],
        }
    }

    #[test]
    fn a_token_verifies_with_the_published_key_and_no_other() {
        let key = TokenKey::from_pkcs8(&TokenKey::generate().unwrap()).unwrap();
        let other = TokenKey::from_pkcs8(&TokenKey::generate().unwrap()).unwrap();
        let claims = claims().issued(Timestamp::from_millis(4_000_000_000_000));
        let token = key.sign(&claims).unwrap();
        let verify = |key: &TokenKey| {
            let part = |name: &str| key.jwk()[name].as_str().unwrap().to_owned();
            let decoding = DecodingKey::from_ec_components(&part("x"), &part("y")).unwrap();
            let mut rules = Validation::new(Algorithm::ES256);
            rules.set_audience(&["rp_1"]);
            decode::<Claims>(&token, &decoding, &rules).map(|token| token.claims)
        };
        assert_eq!(verify(&key).unwrap(), claims);
        assert!(verify(&other).is_err());
    }

    #[test]
    fn a_token_counts_for_five_minutes() {
        let claims = claims().issued(Timestamp::from_millis(10_999));
        assert_eq!((claims.iat, claims.exp), (10, 310));
    }
}
