//! Time: what has run out, and what happens when a clock goes back.
//!
//! A document remembers the latest instant that any node told it and never goes back behind it: a
//! node that is late finds the budget as spent, and what has expired as expired, as the others left
//! it. A node that is late by more than the tolerance cannot say how old an open thing is, so
//! whatever is open ends: no life is ever longer because a clock went back. What began on such a node
//! would end with the next command, so nothing begins: no phone rings for what nobody could answer, and
//! no code is given out or used up for it. A clock that ran far ahead therefore stops prompts until time
//! has caught up; passkeys still work, and an administrator can set the document's clock right, which
//! ends what is open and frees nothing.

use pushback_model::{Span, Timestamp};

use crate::audit::{Actor, CallerEnd, Happened};
use crate::fact::OperatorProof;
use crate::outcome::{Outcome, PromptEnd};
use crate::policy::Policy;
use crate::state::SubscriberState;
use crate::turn::{Scene, Turn};

impl SubscriberState {
    /// The document's time, if it is ahead of `now` by more than nodes may differ. No phone is asked until
    /// time has caught up, or an operator has set the document's clock right.
    #[must_use]
    pub fn ahead_of(&self, now: Timestamp, policy: &Policy) -> Option<Timestamp> {
        (self.seen_at - now > policy.prompt.clock_tolerance()).then_some(self.seen_at)
    }
}

impl Turn<'_> {
    /// Ends what has run out. Comes before every command.
    pub fn keep_time(&mut self) {
        // SECURITY: without this, a prompt from a node that runs ahead would live longer on one
        // that is late. Guarded by `a_clock_that_goes_back_ends_what_is_open_and_frees_nothing`.
        if self.is_ahead() {
            let behind = self.state.seen_at - self.node_at;
            let what = Happened::ClockWentBack { by_millis: behind.as_millis() };
            self.note(&Scene::default(), Actor::Clock, what);
            self.end_prompt(Actor::Clock, PromptEnd::ClockWentBack, None);
            self.end_caller_check(Actor::Clock, CallerEnd::Expired);
            self.drop_grants();
        }
        let now = self.now;
        if self.state.open.as_ref().is_some_and(|open| now >= open.expires_at) {
            self.end_prompt(Actor::Clock, PromptEnd::Expired, None);
        }
        if self.state.caller.as_ref().is_some_and(|check| now >= check.expires_at) {
            self.end_caller_check(Actor::Clock, CallerEnd::Expired);
        }
        if let Some(reset) = self.state.reset.take_if(|reset| now >= reset.expires_at) {
            let what = Happened::ResetCancelled { reset: reset.id };
            self.note(&Scene::default(), Actor::Clock, what);
        }
        self.end_old_settlements();
        if self.state.role_change.as_ref().is_some_and(|change| now >= change.expires_at) {
            self.stop_role_change(&Actor::Clock);
        }
        self.forget_old_additions();
        self.state.binding.take_if(|binding| now >= binding.expires_at);
        self.state.mailed_codes.retain(|code| now < code.expires_at);
        self.state.recovered.take_if(|grant| now >= grant.until);
        self.state.muted_until.take_if(|until| now >= *until);
        let authority = self.policy.account.authority_life();
        self.state.successes.retain(|success| now < success.at + authority);
        let life = self.policy.trust.device_life();
        self.state.devices.retain(|device| now < device.last_success_at + life);
    }

    /// Whether the document's time is ahead of this node's by more than is tolerated: whatever began now
    /// would end with the next command.
    pub fn is_ahead(&self) -> bool {
        self.state.ahead_of(self.node_at, self.policy).is_some()
    }

    /// Nothing but time: what had run out has ended before.
    pub fn tick(&mut self) -> Outcome {
        self.note(&Scene::default(), Actor::Clock, Happened::Ticked);
        Outcome::Done
    }

    /// Ends what is open, granted or waits: whether it still should cannot be known.
    pub fn end_all_that_is_begun(&mut self, by: &Actor, end: PromptEnd) {
        self.end_prompt(by.clone(), end, None);
        self.end_caller_check(by.clone(), CallerEnd::Expired);
        self.drop_grants();
        self.state.reported = None;
        self.stop_what_waits(by);
    }

    /// Brings the document's clock back to the node's. What is open ends; rings and waits are
    /// counted from now, so that nothing is free earlier than it would have been.
    pub fn set_clock_right(&mut self, operator: &OperatorProof) -> Outcome {
        let by = Actor::Operator(operator.operator.clone());
        let (now, policy) = (self.node_at, self.policy);
        self.end_all_that_is_begun(&by, PromptEnd::ClockWentBack);
        if now < self.now {
            self.state.budget.restamp(now);
            self.state.address_codes.restamp(now);
            self.state.strangers.restamp(now, &policy.throttle);
            self.state.marks.restamp(now);
            for authenticator in &mut self.state.authenticators {
                authenticator.asks.restamp(now, &policy.throttle);
            }
            for device in &mut self.state.devices {
                device.throttle.restamp(now, &policy.throttle);
                device.first_at = device.first_at.min(now);
                device.last_success_at = device.last_success_at.min(now);
            }
            let mute = now + policy.trust.mute();
            self.state.muted_until = self.state.muted_until.map(|until| until.min(mute));
            self.state.habits.forget_the_future(now);
            self.state.noticed_at = self.state.noticed_at.map(|at| at.min(now));
            self.state.empty_since = self.state.empty_since.map(|since| since.min(now));
            self.state.additions.iter_mut().for_each(|addition| addition.at = addition.at.min(now));
            self.state.objected_at = self.state.objected_at.map(|at| at.min(now));
            for authenticator in &mut self.state.authenticators {
                authenticator.forget_the_future(now);
            }
            self.now = now;
            self.state.seen_at = now;
        }
        self.note(&Scene::default(), by, Happened::ClockSetRight);
        Outcome::Done
    }
}

/// How fresh a phone's place must be to be compared with a browser's.
pub(crate) const SIGHTING_LIFE: Span = Span::hours(12);
