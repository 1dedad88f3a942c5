//! Message encryption for Web Push (RFC 8291): `aes128gcm` (RFC 8188) with a key that only the phone
//! can agree on.
//!
//! ```text
//! salt  record size  key length  our one-time public key │ message  0x02  tag
//! 16    4            1           65                      │ ..       1     16   bytes
//! ```

use std::fmt;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::rand;
use zeroize::Zeroizing;

use super::{POINT_BYTES, Subscription};

/// One record holds the whole message. Push services take bodies of 4,096 bytes (RFC 8291, section 4).
const RECORD_BYTES: u32 = 4_096;
const SALT_BYTES: usize = 16;
const HEADER_BYTES: usize = SALT_BYTES + 4 + 1 + POINT_BYTES;
const TAG_BYTES: usize = 16;
/// Says "this was the last record" (RFC 8188, section 2).
const LAST_RECORD: u8 = 2;

/// The longest message, in bytes: what is left of 4,096 (RFC 8291, section 4).
pub const PAYLOAD_BYTES_MAX: usize = RECORD_BYTES as usize - HEADER_BYTES - 1 - TAG_BYTES;

/// Why a message was not encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncryptError {
    /// It is longer than [`PAYLOAD_BYTES_MAX`].
    #[error("a push message has at most {PAYLOAD_BYTES_MAX} bytes")]
    TooLong,
    /// The cryptographic library failed, for example for want of randomness.
    #[error("the cryptographic library failed")]
    Crypto,
}

impl From<aws_lc_rs::error::Unspecified> for EncryptError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}

/// A key pair and a salt for exactly one message.
// SECURITY: key and nonce follow from these two; a second message under them would give both away.
// Hence neither `Clone` nor `Copy`, and `encrypt` takes it for good. Guarded by
// `no_two_messages_share_a_key_or_a_salt`.
pub struct OneTime {
    key: PrivateKey,
    salt: [u8; SALT_BYTES],
}

impl OneTime {
    /// A fresh one from the system's random source.
    ///
    /// # Errors
    /// [`EncryptError::Crypto`] if there is no randomness.
    pub fn random() -> Result<Self, EncryptError> {
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt)?;
        Ok(Self { key: PrivateKey::generate(&ECDH_P256)?, salt })
    }

    /// The one of a published vector.
    #[cfg(test)]
    pub(super) fn known(key: &[u8], salt: [u8; SALT_BYTES]) -> Self {
        // The vector's key is one.
        Self { key: PrivateKey::from_private_key(&ECDH_P256, key).unwrap(), salt }
    }
}

impl fmt::Debug for OneTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTime(**)")
    }
}

/// Encrypts a message so that only the subscription's owner reads it. Returns the body to post.
///
/// # Errors
/// [`EncryptError`] if the message is too long or the library fails.
pub fn encrypt(payload: &[u8], to: &Subscription, with: OneTime) -> Result<Vec<u8>, EncryptError> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(EncryptError::TooLong);
    }
    let ours = with.key.compute_public_key()?;
    let input = agree(to, &with.key, ours.as_ref())?;

    let secret = Salt::new(HKDF_SHA256, &with.salt).extract(&*input);
    let mut key = Zeroizing::new([0; 16]);
    expand(&secret, &[b"Content-Encoding: aes128gcm\0"], &mut *key)?;
    let mut nonce = [0; 12];
    expand(&secret, &[b"Content-Encoding: nonce\0"], &mut nonce)?;

    let mut sealed = Vec::with_capacity(payload.len() + 1 + TAG_BYTES);
    sealed.extend_from_slice(payload);
    sealed.push(LAST_RECORD);
    LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &*key)?).seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::empty(),
        &mut sealed,
    )?;

    let mut body = Vec::with_capacity(HEADER_BYTES + sealed.len());
    body.extend_from_slice(&with.salt);
    body.extend_from_slice(&RECORD_BYTES.to_be_bytes());
    // 65 fits a byte.
    body.push(POINT_BYTES as u8);
    body.extend_from_slice(ours.as_ref());
    body.append(&mut sealed);
    Ok(body)
}

/// What both sides derive keys from (RFC 8291, section 3.4): the shared point, salted with the secret
/// that the push service does not know, bound to both public keys.
fn agree(
    to: &Subscription,
    key: &PrivateKey,
    ours: &[u8],
) -> Result<Zeroizing<[u8; 32]>, EncryptError> {
    let theirs = UnparsedPublicKey::new(&ECDH_P256, &to.key);
    agreement::agree(key, theirs, EncryptError::Crypto, |shared| {
        let secret = Salt::new(HKDF_SHA256, &to.auth).extract(shared);
        let mut input = Zeroizing::new([0; 32]);
        expand(&secret, &[b"WebPush: info\0", &to.key, ours], &mut *input)?;
        Ok(input)
    })
}

fn expand(secret: &Prk, info: &[&[u8]], out: &mut [u8]) -> Result<(), EncryptError> {
    secret.expand(info, Bytes(out.len()))?.fill(out)?;
    Ok(())
}

/// How many bytes to derive.
struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}
