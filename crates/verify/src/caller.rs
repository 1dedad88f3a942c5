//! A call between help desk and subscriber: each sees who the other is, and nobody reads a match code.

use crate::audit::{Actor, CallerEnd, Change, Happened};
use crate::code::CallerCode;
use crate::command::CallerAnswer;
use crate::effect::{Act, IncidentCause, Notice, RingFor};
use crate::fact::{OperatorProof, PhoneContact};
use crate::id::CallerCheckId;
use crate::outcome::{Outcome, Reason, Ring};
use crate::state::{CallerCheck, Trust};
use crate::turn::{Scene, Turn};

impl Turn<'_> {
    pub fn start_caller_check(&mut self, operator: &OperatorProof) -> Outcome {
        let by = Actor::Operator(operator.operator.clone());
        if self.state.caller.is_some() {
            return self.refuse_change(by, Change::CallerCheck, Reason::AlreadyPending);
        }
        let phones = self.state.phones();
        if phones.is_empty() {
            return self.refuse_change(by, Change::CallerCheck, Reason::NoPhone);
        }
        if self.is_ahead() {
            return self.refuse_change(by, Change::CallerCheck, Reason::ClockAhead);
        }
        let Some(code) = CallerCode::draw(self.entropy) else {
            return self.refuse_change(by, Change::CallerCheck, Reason::RandomnessUnusable);
        };
        let check = CallerCheckId(self.state.next_serial());
        let expires_at = self.now + self.policy.account.caller_check_life();
        // Calls share the budget with sign-ins: a phone that rings for either disturbs as much.
        let ring = if self.state.is_suspended() {
            Ring::Quiet(Reason::PushSuspended)
        } else if self.spent_until(Trust::Stranger).is_some() {
            Ring::Quiet(Reason::BudgetSpent)
        } else {
            Ring::Rang
        };
        match ring {
            Ring::Rang => {
                self.state.budget.ring(self.now, &self.policy.budget);
                let ring_for = RingFor::CallerCheck(check);
                self.act(Act::RingPhones { ring_for, phones, until: expires_at });
            }
            Ring::Replaced | Ring::Quiet(_) => self.act(Act::RefreshPhones { phones }),
        }
        self.state.caller = Some(CallerCheck {
            id: check,
            operator: operator.operator.clone(),
            operator_name: operator.name.clone(),
            code: code.clone(),
            rung_at: (ring == Ring::Rang).then_some(self.now),
            expires_at,
        });
        self.note(&Scene::default(), by, Happened::CallerCheckStarted { check, ring });
        Outcome::CallerCheck { check, code, expires_at, ring }
    }

    pub fn answer_caller_check(
        &mut self,
        contact: &PhoneContact,
        check: CallerCheckId,
        answer: CallerAnswer,
    ) -> Outcome {
        let by = Actor::Phone(contact.authenticator);
        if let Err(reason) = self.phone(&contact.subscriber, contact.authenticator) {
            return self.refuse_change(by, Change::CallerAnswer, reason);
        }
        self.sight(contact.authenticator, &contact.phone);
        let Some(open) = self.state.caller.as_ref().filter(|open| open.id == check) else {
            return self.refuse_change(by, Change::CallerAnswer, Reason::NotFound);
        };
        let rung_at = open.rung_at;
        match answer {
            CallerAnswer::CodesMatch => {
                if let Some(rung_at) = rung_at {
                    self.state.budget.take_back(rung_at);
                }
                self.end_caller_check(by, CallerEnd::Verified);
                Outcome::CallerVerified
            }
            CallerAnswer::NotThem => {
                self.end_caller_check(by.clone(), CallerEnd::NotThem);
                let incident = self.open_incident(by, IncidentCause::FalseCaller);
                // Somebody who poses as the help desk wants more than a ring: the owner is told
                // wherever they can be, also when an incident is open already.
                self.notify(Notice::FalseCaller);
                Outcome::Reported { incident }
            }
        }
    }
}
