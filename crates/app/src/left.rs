//! Effects that have left, whose rows are still to be taken out: they go with the next commit of
//! anything, so that a ring costs no commit of its own to be forgotten.
//!
//! A row that stays because the node died first is claimed when its lease ends, and whoever claims it
//! is told that it may have been done.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pushback_model::{Span, Timestamp};
use pushback_store::Change;

/// How long rows wait for a commit to go with.
pub(crate) const WAIT: Span = Span::millis(50);
/// Rows that may wait; more are taken out at once.
const MANY: usize = 256;
/// Rows that go with one commit at most.
const WITH_ONE: usize = 16;

/// The keys of such rows.
#[derive(Default)]
pub(crate) struct Left(Mutex<Keys>);

#[derive(Default)]
struct Keys {
    keys: Vec<String>,
    /// Since when the first one waits.
    since: Option<Timestamp>,
}

impl Left {
    /// Notes effects that have left.
    pub(crate) fn note(&self, keys: impl IntoIterator<Item = String>, now: Timestamp) {
        let mut left = self.keys();
        left.keys.extend(keys);
        if !left.keys.is_empty() {
            left.since.get_or_insert(now);
        }
    }

    /// Whether any wait.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys().keys.is_empty()
    }

    /// All of them, if they have waited for long or are many.
    pub(crate) fn overdue(&self, now: Timestamp) -> Vec<String> {
        let mut left = self.keys();
        let is_old = left.since.is_some_and(|since| now >= since + WAIT || now < since);
        if !is_old && left.keys.len() < MANY {
            return Vec::new();
        }
        left.since = None;
        std::mem::take(&mut left.keys)
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<String> {
        let mut left = self.keys();
        left.since = None;
        std::mem::take(&mut left.keys)
    }

    /// Some of them, to go with a commit.
    pub(crate) fn some(&self) -> Going<'_> {
        let mut left = self.keys();
        let from = left.keys.len().saturating_sub(WITH_ONE);
        let keys = left.keys.split_off(from);
        if left.keys.is_empty() {
            left.since = None;
        }
        Going { left: self, keys }
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rows that go with a commit. Unless it [succeeds](Going::gone), they wait again.
pub(crate) struct Going<'l> {
    left: &'l Left,
    keys: Vec<String>,
}

impl Going<'_> {
    /// The change with these rows taken out.
    pub(crate) fn with(&self, change: Change) -> Change {
        self.keys.iter().fold(change, |change, key| change.withdraw(key.clone()))
    }

    /// The commit succeeded.
    pub(crate) fn gone(mut self) {
        self.keys.clear();
    }
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        let mut left = self.left.keys();
        left.keys.append(&mut self.keys);
        if !left.keys.is_empty() {
            // How long they have waited is not known any more: as long as can be.
            left.since.get_or_insert(Timestamp::from_millis(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_772_400_000_000);

    #[test]
    fn rows_whose_commit_failed_wait_again() {
        let left = Left::default();
        left.note(["a".to_owned(), "b".to_owned()], NOW);
        drop(left.some());
        assert_eq!(left.overdue(NOW).len(), 2);
        left.note(["c".to_owned()], NOW);
        left.some().gone();
        assert!(left.is_empty());
    }

    #[test]
    fn rows_wait_for_a_commit_and_not_for_long() {
        let left = Left::default();
        left.note(["a".to_owned()], NOW);
        assert!(left.overdue(NOW + Span::millis(49)).is_empty());
        assert_eq!(left.overdue(NOW + WAIT), ["a"]);
        left.note((0..MANY).map(|n| n.to_string()), NOW);
        assert_eq!(left.overdue(NOW).len(), MANY);
    }
}
