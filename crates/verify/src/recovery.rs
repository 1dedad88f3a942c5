//! Getting back in without what was bound: saved codes, codes by address, the help desk.

use pushback_model::Timestamp;

use crate::attempt::actor;
use crate::audit::{Actor, Change, Happened};
use crate::authenticator::{Authenticator, AuthenticatorKind, Method};
use crate::code::CodeDigest;
use crate::command::{Attempt, Canceller, RecoveryEvidence};
use crate::context::Purpose;
use crate::effect::{Act, Notice};
use crate::fact::OperatorProof;
use crate::id::{AddressId, AuthenticatorId, OperatorId, ResetId};
use crate::outcome::{Outcome, PromptEnd, Reason};
use crate::state::{PendingAddressCode, PendingReset, RESET_CONFIRMABLE, RecoveryGrant};
use crate::turn::{Scene, Turn};

impl Turn<'_> {
    pub fn issue_address_code(&mut self, address: AddressId, code: CodeDigest) -> Outcome {
        let refuse = |turn: &mut Self, reason| {
            turn.refuse_change(Actor::Stranger, Change::AddressCode, reason)
        };
        if self.state.incident.is_some() {
            return refuse(self, Reason::IncidentOpen);
        }
        if !self.state.addresses.contains(&address) {
            return refuse(self, Reason::NotFound);
        }
        // Mail can bomb too: one code at a time, and few in a day.
        if self.state.address_code.is_some() {
            return refuse(self, Reason::AlreadyPending);
        }
        // SECURITY: whoever has one proof could otherwise guess the other, code after code. Guarded by
        // `whoever_has_one_proof_guesses_the_mailed_code_few_times_a_day` and
        // `a_hundred_wrong_mailed_codes_in_a_row_stop_until_the_owner_succeeds`.
        if self.state.address_codes.is_stopped(&self.policy.stop) {
            return refuse(self, Reason::TooManyFailures);
        }
        if !self.state.address_codes.may_send(self.now) {
            return refuse(self, Reason::TooMany);
        }
        self.state.address_codes.send(self.now);
        let expires_at = self.now + self.policy.account.address_code_life();
        self.state.address_code = Some(PendingAddressCode {
            address: address.clone(),
            code,
            wrong_entries: 0,
            expires_at,
        });
        self.note(&Scene::default(), Actor::Stranger, Happened::AddressCodeIssued { address });
        Outcome::Done
    }

    /// Two proofs of different kinds (SP 800-63B-4, 4.2.2.2).
    // SECURITY: it is not said which of the two was wrong, or each could be tried alone. Guarded by
    // `a_recovery_needs_two_right_proofs_and_says_not_which_was_wrong`.
    pub fn recover(
        &mut self,
        attempt: &Attempt,
        first: &RecoveryEvidence,
        second: &RecoveryEvidence,
    ) -> Outcome {
        let trust = self.trust(attempt);
        let by = actor(trust);
        let refused = if attempt.purpose != Purpose::Recovery {
            Some(Reason::WrongSubject)
        } else if self.state.incident.is_some() {
            Some(Reason::IncidentOpen)
        } else if std::mem::discriminant(first) == std::mem::discriminant(second) {
            Some(Reason::SameMethod)
        } else {
            None
        };
        if let Some(reason) = refused {
            return self.refuse_change(by, Change::Recovery, reason);
        }
        let kind = AuthenticatorKind::RecoveryCodes;
        let saved = self.state.authenticators.iter().find(|a| a.is_active() && a.kind() == kind);
        let saved = saved.map_or(AuthenticatorId(0), Authenticator::id);
        if let Some(outcome) = self.too_risky(attempt, kind, trust, saved) {
            return outcome;
        }
        // Both are looked at, also when the first is wrong.
        let rights = [first, second].map(|evidence| self.is_right(evidence));
        if rights != [true, true] {
            if [first, second].iter().any(|e| matches!(e, RecoveryEvidence::SavedCode(_))) {
                self.count_failure(kind, trust, saved);
            }
            self.count_address_failure([first, second]);
            let outcome = self.refuse_change(by, Change::Recovery, Reason::WrongProof);
            self.fail(trust);
            return outcome;
        }
        for evidence in [first, second] {
            self.use_up(evidence);
        }
        let until = self.now + self.policy.account.authority_life();
        self.state.recovered = Some(RecoveryGrant { attempt: attempt.id.clone(), until });
        let what = Happened::Recovered { attempt: attempt.id.clone() };
        self.note(&Self::scene(attempt), Actor::Subscriber, what);
        self.notify(Notice::Recovered);
        Outcome::Recovered { until }
    }

    fn is_right(&self, evidence: &RecoveryEvidence) -> bool {
        match evidence {
            RecoveryEvidence::SavedCode(code) => {
                self.state.authenticators.iter().filter(|a| a.is_active()).any(|a| {
                    match &a.method {
                        Method::RecoveryCodes { unused } => {
                            // Every code is compared, so that the time says nothing.
                            unused.iter().fold(false, |found, known| found | known.matches(code))
                        }
                        Method::Phone { .. }
                        | Method::Passkey { .. }
                        | Method::Totp { .. }
                        | Method::Certificate { .. } => false,
                    }
                })
            }
            RecoveryEvidence::AddressCode(code) => {
                self.state.address_code.as_ref().is_some_and(|pending| pending.code.matches(code))
            }
            RecoveryEvidence::Success(attempt) => self.state.successes.iter().any(|success| {
                success.attempt == *attempt
                    && success.purpose == Purpose::Recovery
                    && success.kind.rank() > 0
                    && self.state.authenticator(success.authenticator).is_some()
            }),
        }
    }

    fn count_address_failure(&mut self, evidence: [&RecoveryEvidence; 2]) {
        let was_tried = evidence.iter().any(|e| matches!(e, RecoveryEvidence::AddressCode(_)));
        // Without a code nothing was guessed, and strangers must not reach the stop for nothing.
        let Some(pending) = self.state.address_code.as_mut().filter(|_| was_tried) else { return };
        pending.wrong_entries = pending.wrong_entries.saturating_add(1);
        self.state.address_codes.fail();
        let is_used_up = pending.wrong_entries >= self.policy.prompt.wrong_entries;
        if is_used_up || self.state.address_codes.is_stopped(&self.policy.stop) {
            self.state.address_code = None;
        }
    }

    /// A code is good once.
    fn use_up(&mut self, evidence: &RecoveryEvidence) {
        match evidence {
            RecoveryEvidence::SavedCode(code) => {
                let now = self.now;
                for authenticator in &mut self.state.authenticators {
                    if let Method::RecoveryCodes { unused } = &mut authenticator.method {
                        unused.retain(|known| !known.matches(code));
                        authenticator.succeed(now);
                    }
                }
            }
            RecoveryEvidence::AddressCode(_) => {
                self.state.address_code = None;
                self.state.address_codes.succeed();
            }
            RecoveryEvidence::Success(attempt) => {
                self.state.successes.retain(|success| success.attempt != *attempt);
            }
        }
    }

    pub fn request_reset(&mut self, operator: &OperatorProof) -> Outcome {
        let by = Actor::Operator(operator.operator.clone());
        if self.state.incident.is_some() {
            return self.refuse_change(by, Change::ResetRequest, Reason::IncidentOpen);
        }
        if self.state.reset.is_some() {
            return self.refuse_change(by, Change::ResetRequest, Reason::AlreadyPending);
        }
        let reset = ResetId(self.state.next_serial());
        let ready_at = self.now + self.policy.account.reset_delay();
        self.state.reset = Some(PendingReset {
            id: reset,
            requested_by: operator.operator.clone(),
            ready_at,
            expires_at: ready_at + RESET_CONFIRMABLE,
        });
        self.note(&Scene::default(), by, Happened::ResetRequested { reset });
        self.notify(Notice::ResetRequested { reset, ready_at });
        Outcome::ResetPending { reset, ready_at }
    }

    // SECURITY: one voice on the phone must not be enough (ATT&CK: help desk as a way in). Guarded by
    // `one_operator_alone_waits_for_the_delay`.
    pub fn confirm_reset(&mut self, operator: &OperatorProof, reset: ResetId) -> Outcome {
        let by = Actor::Operator(operator.operator.clone());
        let Some(pending) = self.state.reset.as_ref().filter(|pending| pending.id == reset) else {
            return self.refuse_change(by, Change::ResetConfirm, Reason::NotFound);
        };
        let may = self.may_confirm(operator, &pending.requested_by, pending.ready_at);
        if self.state.incident.is_some() {
            return self.refuse_change(by, Change::ResetConfirm, Reason::IncidentOpen);
        }
        if !may {
            return self.refuse_change(by, Change::ResetConfirm, Reason::NeedsAnotherPerson);
        }
        self.state.reset = None;
        self.end_prompt(by.clone(), PromptEnd::Cancelled, None);
        self.drop_grants();
        let bound: Vec<_> = self.state.authenticators.iter().map(|a| (a.id(), a.kind())).collect();
        for (id, kind) in bound {
            self.remove(by.clone(), id, kind);
        }
        self.state.devices.clear();
        // Two people, or one and a day, have just looked at it.
        self.state.empty_since = Some(self.now);
        self.note(&Scene::default(), by.clone(), Happened::SessionsEnded { since: None });
        self.act(Act::EndAllSessions);
        self.note(&Scene::default(), by, Happened::ResetDone { reset });
        self.notify(Notice::ResetDone);
        Outcome::Done
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
        let by = match self.speaker(canceller) {
            Ok(by) => by,
            Err(reason) => return self.refuse_change(Actor::Stranger, Change::ResetCancel, reason),
        };
        if self.state.reset.take_if(|pending| pending.id == reset).is_none() {
            return self.refuse_change(by, Change::ResetCancel, Reason::NotFound);
        }
        self.note(&Scene::default(), by, Happened::ResetCancelled { reset });
        self.notify(Notice::ResetCancelled);
        Outcome::Done
    }
}
