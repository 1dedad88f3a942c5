//! Names and versions of documents.

use std::fmt;

use crate::StoreError;

/// The longest name of a kind, in bytes.
pub const KIND_BYTES_MAX: usize = 64;
/// The longest id, outbox key, request key, topic, audit kind or audit subject, in bytes.
pub const ID_BYTES_MAX: usize = 512;

/// Names one document: what it is and which one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    kind: Box<str>,
    id: Box<str>,
}

impl Key {
    /// A key from a kind (1 to 64 bytes) and an id (1 to 512 bytes), both without NUL.
    ///
    /// # Errors
    /// [`StoreError::Size`] for any other length; [`StoreError::Setup`] for a NUL, which PostgreSQL
    /// cannot hold in text.
    pub fn new(kind: &str, id: &str) -> Result<Self, StoreError> {
        name("a kind", kind, KIND_BYTES_MAX)?;
        name("an id", id, ID_BYTES_MAX)?;
        Ok(Self { kind: kind.into(), id: id.into() })
    }

    /// What sort of document.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Which one of its kind.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Checks a text that becomes a name in the database.
pub(crate) fn name(what: &'static str, text: &str, max: usize) -> Result<(), StoreError> {
    if text.is_empty() || text.len() > max {
        return Err(StoreError::Size { what, bytes: text.len(), min: 1, max });
    }
    if text.contains('\0') {
        return Err(StoreError::Setup(format!("{what} holds a NUL, which no database text can")));
    }
    Ok(())
}

/// The version of a document: 1 when first created, one more with each change.
///
/// A deletion counts too, and a document created again goes on from there, so that a version names
/// one state of the document and never another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(i64);

impl Version {
    /// The version as a number, at least 1.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// A version that was handed out before, for example inside an ETag. `None` below 1.
    #[must_use]
    pub const fn from_number(number: i64) -> Option<Self> {
        if number >= 1 { Some(Self(number)) } else { None }
    }

    pub(crate) const fn raw(number: i64) -> Self {
        Self(number)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_kind_and_an_id_of_bounded_length() {
        assert!(Key::new("prompt", "prm_1").is_ok());
        assert!(Key::new(&"k".repeat(64), &"i".repeat(512)).is_ok());
        for (kind, id) in [("", "x"), ("x", ""), ("x", "a\0b")] {
            assert!(Key::new(kind, id).is_err(), "{kind:?} {id:?}");
        }
        assert!(Key::new(&"k".repeat(65), "x").is_err());
        assert!(Key::new("x", &"i".repeat(513)).is_err());
    }
}
