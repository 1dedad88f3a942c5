//! How bytes are written as text: base64url without padding, and ids.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

use pushback_model::Timestamp;

use crate::edges::Entropy;

/// Bytes as base64url without padding (RFC 4648, section 5).
#[must_use]
pub fn to_base64url(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// The bytes of a base64url text; `None` for anything else, padding included.
#[must_use]
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// A new id: a prefix that says what it names, and 128 random bits in hexadecimal.
#[must_use]
pub fn new_id(prefix: &str, entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    format!("{prefix}_{:032x}", u128::from_be_bytes(bytes))
}

/// A new id of something that ends by itself: as [`new_id`], but it begins with the second in which it was
/// made, so that the ids of what is over come first. 92 random bits follow.
pub(crate) fn new_timed_id(prefix: &str, at: Timestamp, entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    let random = u128::from_be_bytes(bytes) >> 36;
    format!("{}{random:023x}", first_id(prefix, at))
}

/// What sorts before every id that [`new_timed_id`] gives in this second or later, and after those of before.
pub(crate) fn first_id(prefix: &str, at: Timestamp) -> String {
    // 36 bits last until the year 4147.
    let second = u64::try_from(at.as_millis().div_euclid(1_000)).unwrap_or(0) & 0xf_ffff_ffff;
    format!("{prefix}_{second:09x}")
}

/// The SHA-256 of some bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    out.copy_from_slice(digest.as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_has_no_padding_and_takes_none() {
        assert_eq!(to_base64url(&[0xfb, 0xff]), "-_8");
        assert_eq!(from_base64url("-_8"), Some(vec![0xfb, 0xff]));
        assert_eq!(from_base64url("-_8="), None);
        assert_eq!(from_base64url("+/8"), None);
    }

    struct Ones;

    impl Entropy for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0x11);
        }
    }

    #[test]
    fn timed_ids_are_in_the_order_of_their_seconds() {
        let id = |millis| new_timed_id("atm", Timestamp::from_millis(millis), &Ones);
        let first = |millis| first_id("atm", Timestamp::from_millis(millis));
        assert_eq!(id(1_772_400_000_999), format!("atm_069a4ad80{}", "1".repeat(23)));
        assert_eq!(id(1_772_400_000_999).len(), new_id("atm", &Ones).len());
        assert!(id(1_772_400_000_999) < first(1_772_400_001_000));
        assert!(first(1_772_400_001_000) < id(1_772_400_001_000));
        assert!(first(-1) <= first(0) && first(0) < first(253_402_300_799_000));
    }

    #[test]
    fn an_id_has_its_prefix_and_128_bits() {
        assert_eq!(new_id("atm", &Ones), format!("atm_{}", "1".repeat(32)));
    }
}
