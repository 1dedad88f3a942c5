//! Six digits from an authenticator app that is not ours (TOTP, RFC 6238): SHA-1, 30 seconds.
//!
//! These are the numbers that every such app knows; SHA-1 is sound inside an HMAC. A code of this kind
//! can be asked for on a call and typed on a false page, so the service never sends anybody to look
//! for one: it is what remains when prompts are spent.
//!
//! A code is good once. This module keeps nothing, so whoever calls it keeps the step that
//! [`matching_step`] gave and refuses one that is not later (RFC 6238, section 5.2).

use std::fmt;

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::{Zeroize as _, Zeroizing};

use crate::encoding::{from_base64url, to_base64url};

/// How long one code lasts, in seconds.
pub const STEP_S: u64 = 30;

/// How many digits a code has.
pub const DIGITS: usize = 6;

/// How many bytes a secret has: the length of a SHA-1, as RFC 4226 recommends (section 4, R6).
pub const SECRET_BYTES: usize = 20;

/// Steps before and after the present one that are accepted: a clock that is wrong by up to half a
/// minute, or a slow hand (RFC 6238, section 5.2, recommends at most one).
const DRIFT: [i64; 3] = [-1, 0, 1];

/// What an authenticator app and we both know.
#[derive(Clone)]
pub struct TotpSecret([u8; SECRET_BYTES]);

impl TotpSecret {
    /// Wraps bytes that came from a random source.
    #[must_use]
    pub const fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be sealed and kept.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// What a person types into an app that cannot read a picture: 32 letters and digits.
    #[must_use]
    pub fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&self.0))
    }

    /// The address that an app reads from a picture. `issuer` says whose code it is, `account` whose.
    ///
    /// ```text
    /// otpauth://totp/Example%20Org:alice%40example.org?secret=..&issuer=Example%20Org&..
    /// ```
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        // A colon parts the two in the label.
        let issuer = escaped(&issuer.replace(':', " "));
        let account = escaped(account);
        let secret = self.base32();
        Zeroizing::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1\
             &digits={DIGITS}&period={STEP_S}",
            *secret
        ))
    }

    /// What an app with this secret shows.
    #[cfg(test)]
    pub fn shown_at(&self, now_s: u64) -> String {
        String::from_utf8_lossy(&*self.code(now_s / STEP_S)).into_owned()
    }

    fn code(&self, step: u64) -> Zeroizing<[u8; DIGITS]> {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        Zeroizing::new(truncated(tag.as_ref()))
    }
}

/// As base64url, for a document that the store seals.
impl Serialize for TotpSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(to_base64url(&self.0)))
    }
}

impl<'de> Deserialize<'de> for TotpSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = from_base64url(&text).map(Zeroizing::new);
        let bytes = bytes.and_then(|bytes| <[u8; SECRET_BYTES]>::try_from(bytes.as_slice()).ok());
        bytes.map(Self).ok_or_else(|| D::Error::custom("a secret has 20 bytes"))
    }
}

impl Drop for TotpSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(**)")
    }
}

/// The step whose code was typed, if it is the one at `now_s` (Unix time in seconds), the one before
/// or the one after.
///
/// All three are compared, and compared whole, so that the time tells nothing. If two of them have the
/// same code, the later counts: it leaves less to be used again.
#[must_use]
pub fn matching_step(secret: &TotpSecret, typed: &str, now_s: u64) -> Option<u64> {
    let typed: &[u8; DIGITS] = typed.as_bytes().try_into().ok()?;
    let present = now_s / STEP_S;
    // The step after the matching one, so that 0 can mean none.
    let mut found = 0_u64;
    for drift in DRIFT {
        let Some(step) = present.checked_add_signed(drift) else { continue };
        let is_it = secret.code(step).ct_eq(typed);
        found.conditional_assign(&step.saturating_add(1), is_it);
    }
    found.checked_sub(1)
}

/// Dynamic truncation (RFC 4226, section 5.3).
fn truncated(tag: &[u8]) -> [u8; DIGITS] {
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 0xf);
    let word = tag.get(offset..).and_then(|rest| rest.first_chunk::<4>());
    // A tag has 20 bytes and an offset is at most 15: the word is there.
    let mut number = word.map_or(0, |bytes| u32::from_be_bytes(*bytes)) & 0x7fff_ffff;
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        // A digit is below ten.
        *digit += (number % 10) as u8;
        number /= 10;
    }
    digits
}

/// Percent-encoding of everything that is not unreserved (RFC 3986, section 2.3).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6238, appendix B.
    fn known() -> TotpSecret {
        TotpSecret::new(*b"12345678901234567890")
    }

    #[test]
    fn the_vectors_of_rfc_6238_match_in_their_own_step() {
        // The appendix prints eight digits; six are their end.
        for (now_s, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(matching_step(&known(), &code[2..], now_s), Some(now_s / 30), "{now_s}");
        }
    }

    #[test]
    fn a_code_is_good_for_one_step_on_either_side_and_no_more() {
        // The code of 1,111,111,080 to 1,111,111,109.
        let code = "081804";
        let step = Some(1_111_111_109 / 30);
        for now_s in [1_111_111_050, 1_111_111_080, 1_111_111_110, 1_111_111_139] {
            assert_eq!(matching_step(&known(), code, now_s), step, "{now_s}");
        }
        for now_s in [1_111_111_049, 1_111_111_140, 0, u64::MAX] {
            assert_eq!(matching_step(&known(), code, now_s), None, "{now_s}");
        }
    }

    #[test]
    fn the_first_step_has_none_before_it() {
        // RFC 4226, appendix D, counts 0 and 1.
        assert_eq!(matching_step(&known(), "755224", 0), Some(0));
        assert_eq!(matching_step(&known(), "287082", 0), Some(1));
    }

    #[test]
    fn what_is_not_six_digits_matches_nothing() {
        for typed in ["", "81804", "0081804", "08180 4", "08180\u{664}", "94287082"] {
            assert_eq!(matching_step(&known(), typed, 1_111_111_109), None, "{typed}");
        }
    }

    #[test]
    fn the_address_for_an_app_is_escaped() {
        let uri = known().uri("Example: Org", "alice&bob@example.org");
        assert_eq!(
            *uri,
            "otpauth://totp/Example%20%20Org:alice%26bob%40example.org\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example%20%20Org&algorithm=SHA1\
             &digits=6&period=30"
        );
    }

    #[test]
    fn a_secret_is_not_shown_and_is_kept_whole() {
        assert_eq!(format!("{:?}", known()), "TotpSecret(**)");
        let kept = serde_json::to_string(&known()).unwrap();
        let read: TotpSecret = serde_json::from_str(&kept).unwrap();
        assert_eq!(read.bytes(), known().bytes());
        assert!(serde_json::from_str::<TotpSecret>("\"AAAA\"").is_err());
    }

    proptest! {
        #[test]
        fn any_text_at_any_time_matches_a_near_step_or_none(typed in ".{0,8}", now_s: u64) {
            if let Some(step) = matching_step(&known(), &typed, now_s) {
                prop_assert!(step.abs_diff(now_s / STEP_S) <= 1);
            }
        }
    }
}
