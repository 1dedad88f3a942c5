//! What a commit consists of and how it ends.

use std::collections::BTreeSet;

use pushback_model::Timestamp;

use crate::hand_over::Handed;
use crate::key::{ID_BYTES_MAX, name};
use crate::{Key, StoreError, Version};

/// The longest body of a document, outbox row, answer or audit entry, in bytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// The most documents, outbox rows, withdrawn rows and audit entries (each) in one change.
pub const PARTS_MAX: usize = 64;

/// A document as it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// The version that the body has.
    pub version: Version,
    /// The bytes as they were written.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Document {
    /// Without the body, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document").field("version", &self.version).finish_non_exhaustive()
    }
}

/// What must be true of a document for a change to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// There is no such document.
    Absent,
    /// The document has exactly this version.
    Version(Version),
}

/// What becomes of a document.
#[derive(Clone)]
pub(crate) enum Write {
    Put(Vec<u8>),
    Delete,
}

/// One entry of the audit trail. It is kept in the clear: it never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When it happened.
    pub at: Timestamp,
    /// What happened, for example `prompt.denied`; 1 to 512 bytes.
    pub kind: String,
    /// Whom or what it is about, for example a subscriber's id; 1 to 512 bytes.
    pub subject: String,
    /// The details, in an encoding that the writer chooses; these bytes are what is hashed.
    pub body: Vec<u8>,
}

/// An effect that is to leave the process after the commit.
#[derive(Clone)]
pub struct OutboxRow {
    /// Names the effect; the other side can use it to ignore a repetition. A row whose key is already
    /// there, waiting or given up, is not added again. 1 to 512 bytes.
    pub key: String,
    /// Which worker takes it, for example `web-push`; 1 to 64 bytes.
    pub topic: String,
    /// What the worker needs; sealed in the database.
    pub payload: Vec<u8>,
    /// Not before this instant; included.
    pub due_at: Timestamp,
}

/// An answer that a repeated request gets again.
#[derive(Clone)]
pub struct Answer {
    /// The idempotency key together with whose it is; 1 to 512 bytes.
    pub request_key: String,
    /// A digest of the request, so that another request under the same key is noticed.
    pub request_digest: [u8; 32],
    /// The answer; sealed in the database.
    pub body: Vec<u8>,
    /// From this instant on the key is free again.
    pub expires_at: Timestamp,
}

/// An effect, and until when the commit itself leases it to the node that commits.
#[derive(Clone)]
pub(crate) struct Effect {
    pub(crate) row: OutboxRow,
    pub(crate) leased_until: Option<Timestamp>,
}

/// Everything that one decision changes: committed together or not at all.
#[derive(Clone, Default)]
pub struct Change {
    pub(crate) at: Timestamp,
    pub(crate) documents: Vec<(Key, Expect, Write)>,
    pub(crate) audit: Vec<AuditEntry>,
    pub(crate) outbox: Vec<Effect>,
    pub(crate) withdrawn: Vec<String>,
    pub(crate) answer: Option<Answer>,
    /// What of the outbox this node's worker gets from memory after the commit.
    pub(crate) handed: Vec<Handed>,
    pub(crate) yields: bool,
}

impl Change {
    /// An empty change decided at this instant. Expiry of answers is judged by it.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self { at, ..Self::default() }
    }

    /// Leaves the last tenth of [`crate::Options::outbox_max`] to others: for what anybody can bring about.
    #[must_use]
    pub const fn yielding(mut self) -> Self {
        self.yields = true;
        self
    }

    /// Creates a document; a conflict if there is one.
    #[must_use]
    pub fn create(self, key: Key, body: Vec<u8>) -> Self {
        self.write(key, Expect::Absent, Write::Put(body))
    }

    /// Replaces the body of a document that has this version.
    #[must_use]
    pub fn update(self, key: Key, version: Version, body: Vec<u8>) -> Self {
        self.write(key, Expect::Version(version), Write::Put(body))
    }

    /// Creates or replaces, by what was found when the document was read.
    #[must_use]
    pub fn put(self, key: Key, found: Option<Version>, body: Vec<u8>) -> Self {
        self.write(key, found.map_or(Expect::Absent, Expect::Version), Write::Put(body))
    }

    /// Deletes a document that has this version.
    #[must_use]
    pub fn delete(self, key: Key, version: Version) -> Self {
        self.write(key, Expect::Version(version), Write::Delete)
    }

    /// Adds an entry to the audit trail.
    #[must_use]
    pub fn audit(mut self, entry: AuditEntry) -> Self {
        self.audit.push(entry);
        self
    }

    /// Adds an effect.
    #[must_use]
    pub fn effect(mut self, row: OutboxRow) -> Self {
        self.outbox.push(Effect { row, leased_until: None });
        self
    }

    /// Takes an effect out of the outbox, by its key: one that has left, or that the decision made
    /// pointless. It need not be there.
    #[must_use]
    pub fn withdraw(mut self, key: String) -> Self {
        self.withdrawn.push(key);
        self
    }

    /// Stores the answer to the request that caused this change.
    #[must_use]
    pub fn answer(mut self, answer: Answer) -> Self {
        self.answer = Some(answer);
        self
    }

    /// About how much memory the change takes while it waits.
    pub(crate) fn bytes(&self) -> usize {
        /// Names and what holds them together, rounded up.
        const PART: usize = 512;
        let documents = self.documents.iter().map(|(_, _, write)| match write {
            Write::Put(body) => body.len(),
            Write::Delete => 0,
        });
        let audit = self.audit.iter().map(|entry| entry.body.len());
        let outbox = self.outbox.iter().map(|effect| effect.row.payload.len());
        let withdrawn = self.withdrawn.iter().map(String::len);
        let answer = self.answer.iter().map(|answer| answer.body.len());
        let parts = documents.chain(audit).chain(outbox).chain(withdrawn).chain(answer);
        parts.map(|bytes| bytes + PART).sum()
    }

    /// The documents that the change writes.
    pub(crate) fn written(&self) -> impl Iterator<Item = &Key> {
        self.documents.iter().map(|(key, _, _)| key)
    }

    fn write(mut self, key: Key, expect: Expect, write: Write) -> Self {
        self.documents.push((key, expect, write));
        self
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let parts =
            [self.documents.len(), self.audit.len(), self.outbox.len(), self.withdrawn.len()];
        for parts in parts {
            if parts > PARTS_MAX {
                return Err(StoreError::TooManyParts { parts, max: PARTS_MAX });
            }
        }
        let mut keys = BTreeSet::new();
        for (key, _, write) in &self.documents {
            if !keys.insert(key) {
                return Err(StoreError::Twice { what: "a document" });
            }
            if let Write::Put(bytes) = write {
                body("a document", bytes)?;
            }
        }
        for entry in &self.audit {
            name("an audit kind", &entry.kind, ID_BYTES_MAX)?;
            name("an audit subject", &entry.subject, ID_BYTES_MAX)?;
            body("an audit entry", &entry.body)?;
        }
        let mut rows = BTreeSet::new();
        for key in &self.withdrawn {
            name("an outbox key", key, ID_BYTES_MAX)?;
        }
        for Effect { row, .. } in &self.outbox {
            name("an outbox key", &row.key, ID_BYTES_MAX)?;
            name("a topic", &row.topic, crate::key::KIND_BYTES_MAX)?;
            body("an outbox payload", &row.payload)?;
            if !rows.insert(&row.key) {
                return Err(StoreError::Twice { what: "an outbox key" });
            }
        }
        if let Some(answer) = &self.answer {
            name("a request key", &answer.request_key, ID_BYTES_MAX)?;
            body("an answer", &answer.body)?;
        }
        Ok(())
    }
}

fn body(what: &'static str, bytes: &[u8]) -> Result<(), StoreError> {
    if bytes.len() > BODY_BYTES_MAX {
        return Err(StoreError::Size { what, bytes: bytes.len(), min: 0, max: BODY_BYTES_MAX });
    }
    Ok(())
}

/// How a commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a change that was not committed did not happen"]
pub enum Commit {
    /// Everything is on disk.
    Committed(Committed),
    /// Nothing was kept, because something was not as the decision assumed. Load and decide again.
    Conflict(Conflict),
    /// Nothing was kept, because the store is at a bound. Refuse the request.
    Refused(Refusal),
}

/// What a commit gave the things it wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The version of each document after the commit, in the order of the change. A deleted document
    /// has the version of its deletion.
    pub versions: Vec<Version>,
    /// Where each audit entry stands in the chain, in the order of the change.
    pub audit: Vec<AuditPlace>,
    /// Whether the effects that were to be leased to this node are.
    pub(crate) leased: bool,
}

/// Where an entry stands in the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPlace {
    /// The chain.
    pub chain: String,
    /// The entry's number in its chain, from 1.
    pub seq: i64,
    /// The hash before the entry, which its own hash covers.
    pub previous: [u8; 32],
    /// The entry's hash.
    pub hash: [u8; 32],
}

/// What was not as the decision assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// A document has another version.
    Version {
        /// Which document.
        key: Key,
        /// The version it has; `None` if it does not exist.
        found: Option<Version>,
    },
    /// The request was answered before; [`crate::Store::find_answer`] has the answer.
    Answered {
        /// The request key that is taken.
        request_key: String,
    },
}

/// Which bound was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too many changes wait to be written.
    QueueFull,
    /// Too many effects wait to leave.
    OutboxFull,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> Key {
        Key::new("prompt", id).unwrap()
    }

    #[test]
    fn one_document_cannot_be_changed_twice_in_one_change() {
        let change = Change::default().create(key("a"), vec![]).create(key("b"), vec![]);
        assert!(change.check().is_ok());
        let change = change.create(key("a"), vec![]);
        assert!(matches!(change.check(), Err(StoreError::Twice { .. })));
    }

    #[test]
    fn a_body_has_at_most_256_kib() {
        let change = |bytes| Change::default().create(key("a"), vec![0; bytes]).check();
        assert!(change(BODY_BYTES_MAX).is_ok());
        assert!(matches!(change(BODY_BYTES_MAX + 1), Err(StoreError::Size { .. })));
    }

    #[test]
    fn a_change_has_at_most_64_parts_of_a_sort() {
        let change = |parts: usize| {
            let entry = AuditEntry {
                at: Timestamp::from_millis(0),
                kind: "k".to_owned(),
                subject: "s".to_owned(),
                body: Vec::new(),
            };
            Change { audit: vec![entry; parts], ..Change::default() }.check()
        };
        assert!(change(64).is_ok());
        assert!(matches!(change(65), Err(StoreError::TooManyParts { .. })));
    }

    #[test]
    fn a_document_does_not_show_its_body() {
        let document = Document { version: Version::raw(3), body: b"secret".to_vec() };
        assert_eq!(format!("{document:?}"), "Document { version: Version(3), .. }");
    }
}
