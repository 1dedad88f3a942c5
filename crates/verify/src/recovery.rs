//! Getting back in without what was bound: saved codes, codes by address, the help desk.

use crate::attempt::actor;
use crate::audit::{Actor, Change, Happened};
use crate::authenticator::{Authenticator, AuthenticatorKind, Method};
use crate::code::CodeDigest;
use crate::command::{Attempt, RecoveryEvidence};
use crate::context::Purpose;
use crate::effect::{Act, Notice};
use crate::fact::OperatorProof;
use crate::id::{AddressId, AuthenticatorId, ResetId};
use crate::outcome::{Outcome, PromptEnd, Reason};
use crate::state::{
    ADDRESSES_MAX, PendingAddressCode, PendingReset, RESET_CONFIRMABLE, RecoveryGrant, Trust,
    push_bounded,
};
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
        if self.is_ahead() {
            return refuse(self, Reason::ClockAhead);
        }
        // Mail can bomb too: one code at a time, and few in a day.
        if self.state.mailed_codes.iter().any(|pending| pending.address == address) {
            return refuse(self, Reason::AlreadyPending);
        }
        // SECURITY: whoever has one proof could otherwise guess the other, code after code. Guarded by
        // `whoever_has_one_proof_guesses_the_mailed_code_few_times_a_day` and
        // `a_hundred_wrong_mailed_codes_in_a_row_stop_until_the_owner_succeeds`.
        if self.state.address_codes.is_stopped(&self.policy.stop) {
            return refuse(self, Reason::TooManyFailures);
        }
        if !self.state.address_codes.may_send(&address, self.now) {
            return refuse(self, Reason::TooMany);
        }
        self.state.address_codes.send(address.clone(), self.now);
        let expires_at = self.now + self.policy.account.address_code_life();
        let pending =
            PendingAddressCode { address: address.clone(), code, wrong_entries: 0, expires_at };
        push_bounded(&mut self.state.mailed_codes, pending, ADDRESSES_MAX);
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
        } else if self.is_ahead() {
            // The codes would be used up for a grant that ends at once.
            Some(Reason::ClockAhead)
        } else {
            None
        };
        if let Some(reason) = refused {
            return self.refuse_change(by, Change::Recovery, reason);
        }
        let kind = AuthenticatorKind::RecoveryCodes;
        let saved = self.state.authenticators.iter().find(|a| a.is_active() && a.kind() == kind);
        let saved = saved.map_or(AuthenticatorId(0), Authenticator::id);
        if let Some(reason) = self.passkey_needed(attempt).or_else(|| self.risk_of(attempt, trust))
        {
            return self.refuse_proof(attempt, kind, reason);
        }
        // Both are looked at, also when the first is wrong.
        let [is_first_right, is_second_right] =
            [first, second].map(|evidence| self.is_right(evidence));
        if !is_first_right || !is_second_right {
            // SECURITY: what is wrong counts beside what is right, since only then it is a guess. Anybody
            // can send nonsense: if that counted, or waited, the owner's right pair would be too late.
            // Guarded by `nonsense_takes_nothing_from_the_owner_who_recovers`, and the guesses by
            // `whoever_has_one_proof_guesses_the_mailed_code_few_times_a_day`.
            if is_second_right {
                self.count_guess(first, trust, saved);
            }
            if is_first_right {
                self.count_guess(second, trust, saved);
            }
            return self.refuse_change(by, Change::Recovery, Reason::WrongProof);
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
                let out = self.state.mailed_codes.iter();
                out.fold(false, |found, pending| found | pending.code.matches(code))
            }
            RecoveryEvidence::Success(attempt) => self.state.successes.iter().any(|success| {
                success.attempt == *attempt
                    && success.purpose == Purpose::Recovery
                    && success.kind.rank() > 0
                    && self.state.authenticator(success.authenticator).is_some()
            }),
        }
    }

    /// Counts what was wrong beside a right proof, up to the hard stop of SP 800-63B-4, 3.2.2.
    fn count_guess(&mut self, evidence: &RecoveryEvidence, trust: Trust, saved: AuthenticatorId) {
        match evidence {
            // Strangers are not shut out before the stop: whoever recovers is one.
            RecoveryEvidence::SavedCode(_) => {
                self.count_failure(AuthenticatorKind::RecoveryCodes, trust, saved);
            }
            RecoveryEvidence::AddressCode(_) => self.count_mailed_guess(),
            RecoveryEvidence::Success(_) => {}
        }
    }

    fn count_mailed_guess(&mut self) {
        // Without a code nothing was guessed, and strangers must not reach the stop for nothing.
        if self.state.mailed_codes.is_empty() {
            return;
        }
        self.state.address_codes.fail();
        let is_stopped = self.state.address_codes.is_stopped(&self.policy.stop);
        let most = self.policy.prompt.wrong_entries;
        self.state.mailed_codes.retain_mut(|pending| {
            pending.wrong_entries = pending.wrong_entries.saturating_add(1);
            pending.wrong_entries < most && !is_stopped
        });
        // Somebody has the saved codes. Any success with a phone or passkey, and a reset, end the stop.
        if is_stopped {
            self.notify(Notice::Disabled { kind: AuthenticatorKind::RecoveryCodes });
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
                self.state.mailed_codes.clear();
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
        // Nobody could confirm it alone before time has caught up, nor bind anything after it.
        if self.is_ahead() {
            return self.refuse_change(by, Change::ResetRequest, Reason::ClockAhead);
        }
        let reset = ResetId(self.state.next_serial());
        let ready_at = self.alone_from();
        self.state.reset = Some(PendingReset {
            id: reset,
            requested_by: operator.operator.clone(),
            ready_at,
            expires_at: ready_at + RESET_CONFIRMABLE,
            told: self.state.addresses.clone(),
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
        self.state.additions.clear();
        // Two people, or one and a day, have just looked at it.
        self.state.empty_since = Some(self.now);
        self.note(&Scene::default(), by.clone(), Happened::SessionsEnded { since: None });
        self.act(Act::EndAllSessions);
        self.note(&Scene::default(), by, Happened::ResetDone { reset });
        self.notify(Notice::ResetDone);
        Outcome::Done
    }
}
