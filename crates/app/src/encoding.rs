//! How bytes are written as text: base64url without padding, and ids.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

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

    #[test]
    fn an_id_has_its_prefix_and_128_bits() {
        struct Ones;
        impl Entropy for Ones {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0x11);
            }
        }
        assert_eq!(new_id("atm", &Ones), format!("atm_{}", "1".repeat(32)));
    }
}
