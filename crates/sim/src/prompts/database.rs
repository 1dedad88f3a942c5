//! The database of the prompt service, by its contract: documents with versions, compared and set
//! together with the effects that wait to leave.
//!
//! What it promises is what `crates/store` promises and no more: a commit is whole or not at all, a
//! claimed row comes back when its lease ends, and a row may be worked on twice.

use std::rc::Rc;

use pushback_model::{Span, Timestamp};
use pushback_verify::{Decision, Effect, SubscriberState};

use super::fault::ActNo;

/// How long a worker holds a row.
pub(crate) const LEASE: Span = Span::seconds(30);

/// Tries after which a row is given up.
const CLAIMS_MAX: u32 = 12;

/// One effect that waits to leave.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub who: usize,
    pub effect: Effect,
    /// The act that caused it, so that a replay without other acts meets the same faults.
    pub act: ActNo,
    due_at: Timestamp,
    /// Which try this is; with the key it names the lease.
    pub claim: u32,
}

#[derive(Debug)]
struct Document {
    version: u64,
    state: Rc<SubscriberState>,
}

/// Documents and outbox. Audit entries are judged as they are committed and not kept.
#[derive(Debug, Default)]
pub(crate) struct Database {
    documents: Vec<Document>,
    outbox: Vec<Row>,
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    Committed,
    /// Somebody else was faster: load and decide again.
    Conflict,
}

impl Database {
    pub fn create(&mut self, state: SubscriberState) {
        self.documents.push(Document { version: 1, state: Rc::new(state) });
    }

    pub fn load(&self, who: usize) -> Option<(u64, Rc<SubscriberState>)> {
        self.documents.get(who).map(|document| (document.version, Rc::clone(&document.state)))
    }

    /// State and effects together, if the document still has the version that was decided on.
    pub fn commit(
        &mut self,
        who: usize,
        version: u64,
        decision: &Decision,
        act: ActNo,
        now: Timestamp,
    ) -> Commit {
        let Some(document) = self.documents.get_mut(who) else { return Commit::Conflict };
        if document.version != version {
            return Commit::Conflict;
        }
        document.version += 1;
        document.state = Rc::new(decision.state.clone());
        for effect in &decision.effects {
            // A row whose key is already waiting is not added again.
            if self.outbox.iter().all(|row| row.effect.key != effect.key) {
                let effect = effect.clone();
                self.outbox.push(Row { who, effect, act, due_at: now, claim: 0 });
            }
        }
        Commit::Committed
    }

    /// Hands out what is due, and holds it until the lease ends.
    pub fn claim(&mut self, now: Timestamp) -> Vec<Row> {
        self.outbox.retain(|row| row.claim < CLAIMS_MAX || row.due_at > now);
        let mut claimed = Vec::new();
        for row in self.outbox.iter_mut().filter(|row| row.due_at <= now) {
            row.claim += 1;
            row.due_at = now + LEASE;
            claimed.push(row.clone());
        }
        claimed
    }

    /// The effect has left: nobody gets the row again, if this claim still holds it.
    pub fn done(&mut self, row: &Row) {
        self.outbox.retain(|other| other.effect.key != row.effect.key || other.claim != row.claim);
    }

    /// The effect could not leave: somebody tries again later.
    pub fn retry(&mut self, row: &Row, due_at: Timestamp) {
        let held = self
            .outbox
            .iter_mut()
            .find(|other| other.effect.key == row.effect.key && other.claim == row.claim);
        if let Some(held) = held {
            held.due_at = due_at;
        }
    }

    /// When the next row is due.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.outbox.iter().map(|row| row.due_at).min()
    }

    /// Drops everything that waits.
    pub fn forget_outbox(&mut self) {
        self.outbox.clear();
    }
}
