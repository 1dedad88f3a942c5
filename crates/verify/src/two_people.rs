//! What one operator asks for takes a second one or a delay, within which the owner can stop it.
//!
//! ```text
//! asked for --a second operator, or the same one from `ready_at` on--> done
//!     |  +--the link of its notice, a report, an operator--> stopped
//!     +-----nobody, until `expires_at`---------------------> over
//! ```
//!
//! The delay is worth what the owner can do within it. So the link in the notice of a request counts for
//! as long as that request waits: it asks for no phone, which an operator can dispute, and for no address
//! that is still on file, which an operator may have changed.

use pushback_model::{Span, Timestamp};

use crate::audit::{Actor, Change, Happened};
use crate::command::{Canceller, Reporter};
use crate::effect::Notice;
use crate::fact::OperatorProof;
use crate::id::{AddressId, OperatorId, ResetId};
use crate::outcome::{Outcome, Reason};
use crate::turn::{Scene, Turn};

/// For so long after the owner stopped something what is asked for takes two people.
const OBJECTION: Span = Span::days(7);

impl Turn<'_> {
    /// From when on whoever asks for something now can confirm it alone.
    // SECURITY: an operator who asks again after each "no" would sooner or later find the owner away. Guarded
    // by `after_the_owner_stopped_a_reset_the_next_one_takes_two_people_for_a_week`.
    pub fn alone_from(&self) -> Timestamp {
        let ready_at = self.now + self.policy.account.reset_delay();
        self.state.objected_at.map_or(ready_at, |at| ready_at.max(at + OBJECTION))
    }

    /// Whether this operator can confirm what one had asked for: a second person at once, the same one
    /// after the delay.
    pub fn may_confirm(
        &self,
        operator: &OperatorProof,
        requested_by: &OperatorId,
        ready_at: Timestamp,
    ) -> bool {
        let is_second = *requested_by != operator.operator;
        is_second || self.now >= ready_at || self.is_enough_alone()
    }

    /// Whether the policy lets one operator do alone what takes two.
    pub const fn is_enough_alone(&self) -> bool {
        self.policy.danger.danger_reset_by_one_person
    }

    pub fn cancel_reset(&mut self, canceller: &Canceller, reset: ResetId) -> Outcome {
        let pending = self.state.reset.as_ref().filter(|pending| pending.id == reset);
        let told = pending.map(|pending| pending.told.clone()).unwrap_or_default();
        let by = match self.who_stops(canceller, &told) {
            Ok(by) => by,
            Err(reason) => return self.refuse_change(Actor::Stranger, Change::ResetCancel, reason),
        };
        if self.state.reset.take_if(|pending| pending.id == reset).is_none() {
            return self.refuse_change(by, Change::ResetCancel, Reason::NotFound);
        }
        self.note_objection(&by);
        self.note(&Scene::default(), by, Happened::ResetCancelled { reset });
        self.notify(Notice::ResetCancelled);
        Outcome::Done
    }

    /// Who stops a request that these addresses were told of.
    // SECURITY: whoever asked for it can dispute the owner's phone and change the addresses of somebody who has
    // nothing bound. Guarded by `a_lone_operator_does_not_keep_the_owner_from_stopping_a_reset`.
    pub fn who_stops(&self, canceller: &Canceller, told: &[AddressId]) -> Result<Actor, Reason> {
        match canceller {
            Reporter::Address(proof)
                if proof.subscriber == self.state.subscriber && told.contains(&proof.address) =>
            {
                Ok(Actor::Address(proof.address.clone()))
            }
            Reporter::Address(_) | Reporter::Phone(_) | Reporter::Operator(_) => {
                self.speaker(canceller)
            }
        }
    }

    /// Stops everything that waits for a second person: somebody has just said that something is wrong, or
    /// nobody can say any longer whether it still should wait.
    pub fn stop_what_waits(&mut self, by: &Actor) {
        let mut has_stopped = self.stop_settlements(by) | self.stop_role_change(by);
        if let Some(reset) = self.state.reset.take() {
            has_stopped = true;
            let what = Happened::ResetCancelled { reset: reset.id };
            self.note(&Scene::default(), by.clone(), what);
        }
        if has_stopped {
            self.note_objection(by);
        }
    }

    /// Remembers that the owner stopped something.
    pub fn note_objection(&mut self, by: &Actor) {
        match by {
            Actor::Phone(_) | Actor::Address(_) | Actor::Subscriber => {
                self.state.objected_at = Some(self.now);
            }
            Actor::Operator(_)
            | Actor::Stranger
            | Actor::KnownDevice(_)
            | Actor::RelyingParty
            | Actor::Clock => {}
        }
    }
}
