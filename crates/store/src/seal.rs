//! Secrets at rest: envelope encryption under a key file.
//!
//! Every value gets a data key of its own, used once for AES-256-GCM; the data key is wrapped with the
//! key of the key file by AES key wrap (RFC 3394, NIST SP 800-38F). Key wrap takes no nonce, so one
//! key may wrap any number of data keys; random nonces under one key would end at 2^32 values
//! (NIST SP 800-38D, section 8.3), which a busy service reaches in weeks.
//!
//! ```text
//! 1  key id  wrapped data key  nonce  ciphertext      tag
//! 1  4       40                12     as plaintext    16    bytes, numbers big endian
//! ```
//!
//! The associated data is `pushback.seal.1`, then the key id, then table, column and each part of the
//! row's id, each with its length before it as four bytes: a sealed value moved to another row,
//! column or table does not open.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap as _};
use aws_lc_rs::rand;
use zeroize::Zeroizing;

use crate::private_file::{self, PrivateFileError};

const FORMAT: u8 = 1;
const KEY_BYTES: usize = 32;
const WRAPPED_BYTES: usize = KEY_BYTES + 8;
const HEADER_BYTES: usize = 1 + 4;
const TAG_BYTES: usize = 16;
const DOMAIN: &[u8] = b"pushback.seal.1";
/// Keys that a key file may hold; a year of daily rotations.
const KEYS_MAX: usize = 400;

/// Why something could not be sealed or opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SealError {
    /// The key file cannot be used.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// A line of the key file is not `number key`.
    #[error("{}, line {line}: expected a number and 64 hexadecimal digits", path.display())]
    Syntax {
        /// The key file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// The key file holds no key, too many, or one number twice.
    #[error("{}: {what}", path.display())]
    Keys {
        /// The key file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// The value was sealed under a key that the key file does not hold.
    #[error("sealed under key {id}, which the key file does not hold")]
    UnknownKey {
        /// The number of the key.
        id: u32,
    },
    /// Another key, another place, or altered bytes.
    #[error("a sealed value does not open: wrong key, moved from another row, or altered")]
    Refused,
    /// The system's random source failed.
    #[error("the random source failed")]
    Random,
}

/// Where a sealed value stands; bound into it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The row's primary key, part by part.
    pub row: &'a [&'a str],
}

/// The keys of a key file: the newest seals, all open.
///
/// ```text
/// # Pushback key file. Keep a copy apart from the database; without it nothing opens.
/// 1 8f0c…(64 hexadecimal digits)
/// 2 52aa…
/// ```
pub struct Keyring {
    keys: BTreeMap<u32, Zeroizing<[u8; KEY_BYTES]>>,
    newest: u32,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("keys", &"***").field("newest", &self.newest).finish()
    }
}

impl Keyring {
    /// Makes a key file with one new key, readable by its owner alone (mode 0600).
    ///
    /// # Errors
    /// If the file exists or cannot be written, or the random source fails.
    pub fn create(path: &Path) -> Result<Self, SealError> {
        let ring = Self::generate()?;
        private_file::create(path, ring.text().as_bytes())?;
        Ok(ring)
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// If others than its owner may read it, or it is not a key file.
    pub fn open(path: &Path) -> Result<Self, SealError> {
        let text = Zeroizing::new(private_file::read(path)?);
        Self::parse(path, &text)
    }

    /// Adds a new key, which seals from the next start on; the old ones still open.
    ///
    /// On several nodes: copy the file to each and restart it with the old newest key still there;
    /// then run [`crate::Store::reseal`], and only then take old keys out.
    ///
    /// # Errors
    /// As [`Keyring::open`], or if the file cannot be replaced.
    pub fn rotate(path: &Path) -> Result<Self, SealError> {
        let mut ring = Self::open(path)?;
        let full = || SealError::Keys { path: path.to_path_buf(), what: "no number is left" };
        if ring.keys.len() >= KEYS_MAX {
            return Err(SealError::Keys { path: path.to_path_buf(), what: "it holds 400 keys" });
        }
        ring.newest = ring.newest.checked_add(1).ok_or_else(full)?;
        ring.keys.insert(ring.newest, random_key()?);
        private_file::replace(path, ring.text().as_bytes())?;
        Ok(ring)
    }

    /// One new key that is kept in memory only: what it seals is lost with it. For tests and trials.
    ///
    /// # Errors
    /// If the random source fails.
    pub fn generate() -> Result<Self, SealError> {
        Ok(Self { keys: BTreeMap::from([(1, random_key()?)]), newest: 1 })
    }

    /// The number of the key that seals.
    #[must_use]
    pub const fn newest(&self) -> u32 {
        self.newest
    }

    fn parse(path: &Path, text: &str) -> Result<Self, SealError> {
        let wrong = |what| SealError::Keys { path: path.to_path_buf(), what };
        let mut keys = BTreeMap::new();
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let syntax = || SealError::Syntax { path: path.to_path_buf(), line };
            let (id, key) = content.split_once(' ').ok_or_else(syntax)?;
            let id: u32 = id.parse().map_err(|_| syntax())?;
            let key = from_hex(key.trim_start()).ok_or_else(syntax)?;
            if keys.insert(id, key).is_some() {
                return Err(wrong("a number is used twice"));
            }
            if keys.len() > KEYS_MAX {
                return Err(wrong("it holds more than 400 keys"));
            }
        }
        let newest = keys.keys().next_back().copied().ok_or_else(|| wrong("it holds no key"))?;
        Ok(Self { keys, newest })
    }

    fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::from(
            "# Pushback key file. Keep a copy apart from the database; without it nothing opens.\n\
             # The key with the highest number seals, all open.\n",
        ));
        for (id, key) in &self.keys {
            text.push_str(&format!("{id} "));
            for byte in key.iter() {
                text.push_str(&format!("{byte:02x}"));
            }
            text.push('\n');
        }
        text
    }

    /// Seals bytes for one place.
    ///
    /// # Errors
    /// If the random source fails.
    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let data_key = random_key()?;
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealError::Random)?;
        let mut wrapped = [0; WRAPPED_BYTES];
        self.kek(self.newest)?
            .wrap(data_key.as_slice(), &mut wrapped)
            .map_err(|_| SealError::Refused)?;
        let mut sealed =
            Vec::with_capacity(HEADER_BYTES + WRAPPED_BYTES + NONCE_LEN + plain.len() + TAG_BYTES);
        sealed.extend_from_slice(&header(self.newest));
        sealed.extend_from_slice(&wrapped);
        sealed.extend_from_slice(&nonce);
        let mut body = plain.to_vec();
        let aad = Aad::from(associated(self.newest, place));
        let tag = gcm(&data_key)?
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body)
            .map_err(|_| SealError::Refused)?;
        sealed.append(&mut body);
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed for the same place.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`] if the key is not in the key file; [`SealError::Refused`] if anything
    /// else does not fit.
    // SECURITY: a value moved to another row must not open. Guarded by
    // `a_value_opens_only_with_its_key_in_its_place_and_unaltered`.
    pub fn unseal(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let id = key_id(sealed).ok_or(SealError::Refused)?;
        let rest = sealed.get(HEADER_BYTES..).ok_or(SealError::Refused)?;
        let (wrapped, rest) = rest.split_at_checked(WRAPPED_BYTES).ok_or(SealError::Refused)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Refused)?;
        let mut data_key = Zeroizing::new([0; KEY_BYTES]);
        self.kek(id)?.unwrap(wrapped, data_key.as_mut_slice()).map_err(|_| SealError::Refused)?;
        let mut body = body.to_vec();
        let aad = Aad::from(associated(id, place));
        let plain =
            gcm(&data_key)?.open_in_place(nonce, aad, &mut body).map_err(|_| SealError::Refused)?;
        let length = plain.len();
        body.truncate(length);
        Ok(body)
    }

    fn kek(&self, id: u32) -> Result<AesKek, SealError> {
        let key = self.keys.get(&id).ok_or(SealError::UnknownKey { id })?;
        AesKek::new(&AES_256, key.as_slice()).map_err(|_| SealError::Refused)
    }
}

/// The first bytes of everything sealed under a key.
pub(crate) const fn header(id: u32) -> [u8; HEADER_BYTES] {
    let [a, b, c, d] = id.to_be_bytes();
    [FORMAT, a, b, c, d]
}

/// The number of the key that sealed a value; `None` if it is no sealed value.
pub(crate) fn key_id(sealed: &[u8]) -> Option<u32> {
    let (header, _) = sealed.split_first_chunk::<HEADER_BYTES>()?;
    let [FORMAT, a, b, c, d] = *header else { return None };
    Some(u32::from_be_bytes([a, b, c, d]))
}

fn gcm(key: &[u8; KEY_BYTES]) -> Result<LessSafeKey, SealError> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| SealError::Refused)
}

fn random_key() -> Result<Zeroizing<[u8; KEY_BYTES]>, SealError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    rand::fill(key.as_mut_slice()).map_err(|_| SealError::Random)?;
    Ok(key)
}

fn associated(id: u32, place: Place<'_>) -> Vec<u8> {
    let mut bytes = DOMAIN.to_vec();
    bytes.extend_from_slice(&id.to_be_bytes());
    for part in [place.table, place.column].iter().chain(place.row) {
        // A column's length fits in four bytes: names are bounded to 512.
        bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

fn from_hex(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != KEY_BYTES || !rest.is_empty() {
        return None;
    }
    for (byte, &[high, low]) in key.iter_mut().zip(pairs) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests;
