//! Effects that a node commits and works on itself: the commit that adds them leases them to it, and
//! its worker gets them from memory.
//!
//! The lease is in the database, as if the effect had been claimed in the instant of its commit. If
//! the node stops before it says how the effect ended, any node claims it when the lease is over, and
//! is told that it may have been done.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use pushback_model::{Span, Timestamp};

use crate::Claimed;
use crate::change::{Change, Effect};

/// Effects on their way through memory; what comes beyond waits to be claimed.
const HANDED_MAX: usize = 1_024;

/// An effect on its way to the worker of this node.
pub(crate) struct Handed {
    claimed: Claimed,
    until: Timestamp,
    _room: Room,
}

impl Clone for Handed {
    /// A copy takes room too, past the bound if need be: changes are copied in tests only.
    fn clone(&self) -> Self {
        let _room = Room::take(&self._room.0);
        Self { claimed: self.claimed.clone(), until: self.until, _room }
    }
}

/// One of [`HANDED_MAX`] places, given back when the effect was taken or not committed.
struct Room(Arc<AtomicUsize>);

impl Room {
    fn take(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What waits in memory for the worker of this node.
#[derive(Default)]
pub(crate) struct HandOver {
    /// The topic that is handed over, and for how long; none before there is a worker.
    topic: OnceLock<(String, Span)>,
    waiting: Mutex<VecDeque<Handed>>,
    count: Arc<AtomicUsize>,
    /// Whether this node committed something due that has to be claimed.
    has_due: AtomicBool,
}

impl HandOver {
    /// Hands this topic over from now on; the first call counts.
    pub(crate) fn begin(&self, topic: &str, lease: Span) {
        self.topic.get_or_init(|| (topic.to_owned(), lease));
    }

    /// Plans the lease of what in this change is due and can be handed over.
    pub(crate) fn plan(&self, change: &mut Change) {
        let Some((topic, lease)) = self.topic.get() else { return };
        let until = change.at + *lease;
        for Effect { row, leased_until } in &mut change.outbox {
            let is_due = row.due_at <= change.at;
            if row.topic != *topic || !is_due || self.count.load(Ordering::Relaxed) >= HANDED_MAX {
                continue;
            }
            *leased_until = Some(until);
            let (key, payload) = (row.key.clone(), row.payload.clone());
            let claimed = Claimed { key, payload, claim: 1, may_be_done: false };
            change.handed.push(Handed { claimed, until, _room: Room::take(&self.count) });
        }
    }

    /// After the commit.
    pub(crate) fn put(&self, handed: &mut Vec<Handed>) {
        self.waiting().extend(handed.drain(..));
    }

    /// After a commit of effects that are due and not handed over.
    pub(crate) fn note_due(&self) {
        self.has_due.store(true, Ordering::Relaxed);
    }

    /// Whether there was one since the last call.
    pub(crate) fn take_due(&self) -> bool {
        self.has_due.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.waiting().is_empty() || self.has_due.load(Ordering::Relaxed)
    }

    /// Effects whose lease has not ended; those whose has are anybody's again.
    pub(crate) fn take(&self, now: Timestamp, limit: usize) -> Vec<Claimed> {
        let mut waiting = self.waiting();
        let mut taken = Vec::new();
        while taken.len() < limit
            && let Some(handed) = waiting.pop_front()
        {
            if now < handed.until {
                taken.push(handed.claimed);
            }
        }
        taken
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Handed>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OutboxRow;

    fn change(count: usize) -> Change {
        (0..count).fold(Change::at(Timestamp::from_millis(5)), |change, n| {
            let (topic, due_at) = ("acts".to_owned(), Timestamp::from_millis(5));
            change.effect(OutboxRow { key: format!("e{n}"), topic, payload: Vec::new(), due_at })
        })
    }

    #[test]
    fn what_waits_in_memory_is_bounded_and_room_is_given_back() {
        let hand_over = HandOver::default();
        let mut early = change(1);
        hand_over.plan(&mut early);
        assert!(early.handed.is_empty(), "nobody works here yet");
        hand_over.begin("acts", Span::seconds(1));
        let mut many = change(HANDED_MAX + 3);
        hand_over.plan(&mut many);
        assert_eq!(many.handed.len(), HANDED_MAX);
        let leased = many.outbox.iter().filter(|effect| effect.leased_until.is_some()).count();
        assert_eq!(leased, HANDED_MAX);
        drop(many);
        let mut one = change(1);
        hand_over.plan(&mut one);
        hand_over.put(&mut one.handed);
        assert_eq!(hand_over.take(Timestamp::from_millis(5), 9).len(), 1);
    }

    #[test]
    fn an_effect_whose_lease_is_over_is_not_taken() {
        let hand_over = HandOver::default();
        hand_over.begin("acts", Span::seconds(1));
        let mut one = change(1);
        hand_over.plan(&mut one);
        hand_over.put(&mut one.handed);
        assert!(hand_over.has_work());
        assert!(hand_over.take(Timestamp::from_millis(1_005), 9).is_empty());
        assert!(!hand_over.has_work());
    }
}
