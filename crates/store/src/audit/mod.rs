//! The audit trail: chains of entries that cannot be changed unseen.
//!
//! An entry's hash is SHA-256 over these bytes, numbers big endian, each text and the body with its
//! length before it as four bytes:
//!
//! ```text
//! "pushback.audit.1"            16 bytes
//! hash of the entry before      32 bytes, zeros before the first
//! chain                         4 + n bytes
//! number in the chain           8 bytes, from 1
//! instant, ms since the epoch   8 bytes, two's complement
//! kind                          4 + n bytes
//! subject                       4 + n bytes
//! body                          4 + n bytes
//! ```
//!
//! A chain has one head row, which its writers lock and move in the transaction that adds the entries.
//! Two nodes that share a chain therefore take turns; nodes with a chain each do not meet. Either way
//! there is no fork and no gap. The chain alone shows what was changed, put in or taken out; that its
//! end was cut off, or that all of it was written anew, only a signed [`crate::Checkpoint`] shows
//! that was kept somewhere else.

mod verify;

use aws_lc_rs::digest::{Context, SHA256};

use crate::AuditEntry;

pub use verify::{Broken, Fault, Verified, VerifyError, Within};
pub(crate) use verify::{about, hash_at, heads, latest_about, list, of_kinds, verify, within};

/// What stands for the hash before the first entry of a chain.
pub const GENESIS: [u8; 32] = [0; 32];

const DOMAIN: &[u8; 16] = b"pushback.audit.1";

/// An entry with its place in the trail, as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The chain.
    pub chain: String,
    /// The number in the chain, from 1.
    pub seq: i64,
    /// What was recorded.
    pub entry: AuditEntry,
    /// The hash that was recorded with it.
    pub hash: [u8; 32],
}

/// The hash of an entry; the bytes are stated at the top of this module.
#[must_use]
pub fn hash(previous: &[u8; 32], chain: &str, seq: i64, entry: &AuditEntry) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(DOMAIN);
    context.update(previous);
    let mut text = |bytes: &[u8]| {
        // Bounded to 256 KiB where entries are taken in.
        context.update(&(bytes.len() as u32).to_be_bytes());
        context.update(bytes);
    };
    text(chain.as_bytes());
    let mut numbers = [0; 16];
    let (first, second) = numbers.split_at_mut(8);
    first.copy_from_slice(&seq.to_be_bytes());
    second.copy_from_slice(&entry.at.as_millis().to_be_bytes());
    context.update(&numbers);
    let mut text = |bytes: &[u8]| {
        context.update(&(bytes.len() as u32).to_be_bytes());
        context.update(bytes);
    };
    text(entry.kind.as_bytes());
    text(entry.subject.as_bytes());
    text(&entry.body);
    sha256(context)
}

fn sha256(context: Context) -> [u8; 32] {
    let mut hash = [0; 32];
    // SHA-256 has 32 bytes.
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use pushback_model::Timestamp;

    use super::*;

    fn entry(kind: &str, subject: &str, body: &[u8]) -> AuditEntry {
        AuditEntry {
            at: Timestamp::from_millis(1_000),
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            body: body.to_vec(),
        }
    }

    #[test]
    fn the_hash_covers_the_stated_bytes() {
        // sha256 of the bytes above, computed with coreutils:
        // (printf 'pushback.audit.1'; head -c 32 /dev/zero; printf '\0\0\0\4main\0\0\0\0\0\0\0\1\0\0
        // \0\0\0\0\3\350\0\0\0\1k\0\0\0\1s\0\0\0\2{}') | sha256sum
        let hash = hash(&GENESIS, "main", 1, &entry("k", "s", b"{}"));
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "6a97548a1788bac777640f20caef65f9f3d7e4a201463554ccccbb5e0017e5be");
    }

    #[test]
    fn bytes_cannot_move_from_one_field_to_the_next() {
        let hash =
            |kind, subject, body: &[u8]| hash(&GENESIS, "main", 1, &entry(kind, subject, body));
        let one = hash("ab", "c", b"d");
        assert_ne!(one, hash("a", "bc", b"d"));
        assert_ne!(one, hash("ab", "cd", b""));
    }
}
