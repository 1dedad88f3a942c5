//! Short stable names for long texts.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// A 64-bit stand-in for a text: equal texts give equal keys on every machine and in every release.
///
/// Zero is reserved for "absent".
pub type Key = u64;

// SECURITY: SipHash, not a faster mixing function. These keys decide whether a browser or a network
// is known; texts come from whoever signs in, and with a mixing function they could be chosen to
// collide with the owner's. The key halves are arbitrary and fixed: ids must survive a restart.
const K0: u64 = 0x7075_7368_6261_636b;
const K1: u64 = 0x5431_3632_312d_7631;

/// The key of a text; 0 for the empty text.
#[must_use]
pub fn key_of(text: &str) -> Key {
    key_of_parts(&[text])
}

/// The key of several texts taken together; 0 if all of them are empty.
///
/// `["ab", "c"]` and `["a", "bc"]` differ.
#[must_use]
pub fn key_of_parts(parts: &[&str]) -> Key {
    if parts.iter().all(|p| p.is_empty()) {
        return 0;
    }
    let mut hasher = SipHasher13::new_with_keys(K0, K1);
    for part in parts {
        hasher.write(part.as_bytes());
        hasher.write_u8(0xff);
    }
    hasher.finish().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_is_zero_and_nothing_else_is() {
        assert_eq!(key_of(""), 0);
        assert_eq!(key_of_parts(&["", ""]), 0);
        assert_ne!(key_of("a"), 0);
    }

    #[test]
    fn the_border_between_parts_counts() {
        assert_ne!(key_of_parts(&["ab", "c"]), key_of_parts(&["a", "bc"]));
    }

    #[test]
    fn keys_are_the_same_in_every_release() {
        assert_eq!(key_of("alice@example.org"), 14_383_319_770_378_193_699);
    }
}
