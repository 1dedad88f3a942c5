//! Telling a push service who posts (VAPID, RFC 8292): a signed line, good for one origin, for hours.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{BASE64_URL, Subscription};

/// How long a signature is good for, in seconds: 12 hours. RFC 8292 allows 24; half of it leaves room
/// for a clock that is wrong.
pub const VAPID_LIFE_S: u64 = 12 * 60 * 60;

/// Why there is no key, or no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VapidError {
    /// The bytes are not a key of P-256 in PKCS #8.
    #[error("the key for web push is not a P-256 key in PKCS #8 form")]
    Key,
    /// The cryptographic library failed, for example for want of randomness.
    #[error("the cryptographic library failed")]
    Crypto,
}

/// Why a contact cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the contact for push services must be a `mailto:` or `https:` address of at most 256 bytes"
)]
pub struct ContactError;

/// Whom a push service writes to when we misbehave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact(String);

impl Contact {
    /// Checks a `mailto:` or `https:` address (RFC 8292, section 2.1).
    ///
    /// # Errors
    /// [`ContactError`] if it is neither, too long, or holds blanks or other signs.
    pub fn parse(text: &str) -> Result<Self, ContactError> {
        let rest = text.strip_prefix("mailto:").or_else(|| text.strip_prefix("https://"));
        let is_plain = text.len() <= 256 && text.bytes().all(|b| b.is_ascii_graphic());
        match rest {
            Some(rest) if is_plain && !rest.is_empty() => Ok(Self(text.to_owned())),
            Some(_) | None => Err(ContactError),
        }
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

/// The key that a push service knows us by. Phones subscribe for its public half, so a new key means
/// that every phone has to subscribe again.
pub struct VapidKey {
    encoding: EncodingKey,
    public: String,
}

impl VapidKey {
    /// Makes a key; returns its PKCS #8 form too, to be sealed and kept.
    ///
    /// # Errors
    /// [`VapidError::Crypto`] if there is no randomness.
    pub fn generate() -> Result<(Self, Zeroizing<Vec<u8>>), VapidError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| VapidError::Crypto)?;
        let document = pair.to_pkcs8v1().map_err(|_| VapidError::Crypto)?;
        let pkcs8 = Zeroizing::new(document.as_ref().to_vec());
        Ok((Self::from_pkcs8(&pkcs8)?, pkcs8))
    }

    /// Reads a key in PKCS #8 form.
    ///
    /// # Errors
    /// [`VapidError::Key`] if it is none of P-256.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, VapidError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
            .map_err(|_| VapidError::Key)?;
        let public = BASE64_URL.encode(pair.public_key().as_ref());
        Ok(Self { encoding: EncodingKey::from_ec_der(pkcs8), public })
    }

    /// The public half in base64url: the page's `applicationServerKey`.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The `Authorization` header for one subscription, good for [`VAPID_LIFE_S`] from `now_s` (Unix
    /// time in seconds).
    ///
    /// # Errors
    /// [`VapidError::Crypto`] if signing fails.
    pub fn authorization(
        &self,
        to: &Subscription,
        contact: &Contact,
        now_s: u64,
    ) -> Result<String, VapidError> {
        let claims = Claims {
            aud: &to.origin(),
            exp: now_s.saturating_add(VAPID_LIFE_S),
            sub: contact.as_str(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.encoding)
            .map_err(|_| VapidError::Crypto)?;
        Ok(format!("vapid t={token}, k={}", self.public))
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VapidKey({})", self.public)
    }
}

/// RFC 8292, section 2.
#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: u64,
    sub: &'a str,
}
