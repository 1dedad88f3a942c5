//! Waking a phone by Web Push (RFC 8030), with a message that says nothing.
//!
//! The push service belongs to the maker of the browser and learns that a phone was woken, when, and
//! by whom: that is the price of waking it. It learns nothing else, since the message is the constant
//! [`WAKE_UP`], encrypted for the phone ([`encrypt()`], RFC 8291); what is asked, the phone fetches
//! itself. The service knows us by a signature ([`VapidKey`], RFC 8292).
//!
//! The address to post to comes from the phone, so from whoever can bind one. [`Sender`] therefore
//! speaks https only, follows no redirect and connects to no address inside
//! ([`Outcome::Forbidden`]).

mod encrypt;
mod sender;
#[cfg(test)]
mod tests;
mod vapid;

pub use encrypt::{EncryptError, OneTime, PAYLOAD_BYTES_MAX, encrypt};
pub use sender::{
    Outcome, Push, RETRY_AFTER_DEFAULT_S, RETRY_AFTER_MAX_S, Sender, SenderError, TIMEOUT, Urgency,
};
pub use vapid::{Contact, ContactError, VAPID_LIFE_S, VapidError, VapidKey};

use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, ParsedPublicKey, ParsedPublicKeyFormat, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use reqwest::Url;

/// The whole message that a phone gets: "look what is new". Never anything about a prompt.
pub const WAKE_UP: &[u8] = br#"{"v":1}"#;

/// The longest endpoint that is taken, in bytes. Those in use have up to about 400.
pub const ENDPOINT_BYTES_MAX: usize = 2_048;

/// An uncompressed point of P-256 (SEC 1): one byte, two coordinates.
pub(crate) const POINT_BYTES: usize = 65;
const AUTH_BYTES: usize = 16;

// Browsers write base64url without padding; some libraries on the way add it.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a subscription from a phone cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    /// The endpoint is not an absolute http address with a host, or too long, or names a login.
    #[error("the endpoint is not an address to post to")]
    Endpoint,
    /// `p256dh` is not a point of P-256 in base64url.
    #[error("p256dh is not a public key of P-256 (65 bytes in base64url)")]
    Key,
    /// `auth` is not 16 bytes in base64url.
    #[error("auth is not 16 bytes in base64url")]
    Auth,
}

/// Where and for whose eyes to post: what `PushManager.subscribe()` gave the phone.
#[derive(Clone)]
pub struct Subscription {
    endpoint: Url,
    key: [u8; POINT_BYTES],
    auth: [u8; AUTH_BYTES],
}

impl Subscription {
    /// Checks what a phone sent. Whether its address may be posted to is [`Sender`]'s to say, since
    /// a name can lead elsewhere tomorrow.
    ///
    /// # Errors
    /// [`SubscriptionError`], naming the field.
    pub fn parse(endpoint: &str, p256dh: &str, auth: &str) -> Result<Self, SubscriptionError> {
        if endpoint.len() > ENDPOINT_BYTES_MAX {
            return Err(SubscriptionError::Endpoint);
        }
        let url = Url::parse(endpoint).map_err(|_| SubscriptionError::Endpoint)?;
        let is_http = matches!(url.scheme(), "http" | "https");
        let has_login = !url.username().is_empty() || url.password().is_some();
        if !is_http || has_login || url.host_str().is_none_or(str::is_empty) {
            return Err(SubscriptionError::Endpoint);
        }
        Ok(Self {
            endpoint: url,
            key: point(p256dh)?,
            auth: fixed(auth).ok_or(SubscriptionError::Auth)?,
        })
    }

    /// Where to post, without its path, which is a secret of the phone: fit for a log.
    #[must_use]
    pub fn origin(&self) -> String {
        self.endpoint.origin().ascii_serialization()
    }
}

/// Shows the origin alone: whoever knows an endpoint can post to it.
impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subscription({}/**)", self.origin())
    }
}

fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Bounded before it is decoded: four letters hold three bytes, and padding is a few more.
    if text.len() > N.div_ceil(3) * 4 {
        return None;
    }
    BASE64_URL.decode(text).ok()?.try_into().ok()
}

fn point(text: &str) -> Result<[u8; POINT_BYTES], SubscriptionError> {
    let bytes: [u8; POINT_BYTES] = fixed(text).ok_or(SubscriptionError::Key)?;
    // Refused when the phone comes with it, not in the middle of the night when it should ring.
    let parsed = ParsedPublicKey::try_from(UnparsedPublicKey::new(&ECDH_P256, &bytes))
        .map_err(|_| SubscriptionError::Key)?;
    let is_p256 =
        parsed.format() == ParsedPublicKeyFormat::Uncompressed && parsed.alg() == &ECDH_P256;
    is_p256.then_some(bytes).ok_or(SubscriptionError::Key)
}
