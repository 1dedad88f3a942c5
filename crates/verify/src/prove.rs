//! Proofs that ring nobody: passkeys, time-based codes, client certificates.

use crate::attempt::actor;
use crate::audit::Happened;
use crate::authenticator::{AuthenticatorKind, Failing, Method, PasskeySync};
use crate::command::Attempt;
use crate::context::Purpose;
use crate::fact::{CertificateProof, PasskeyAssertion, TotpEntry, UserVerification};
use crate::id::{AuthenticatorId, SubscriberId};
use crate::marks::Counted;
use crate::outcome::{Alternatives, Assurance, Outcome, PromptEnd, Reason};
use crate::risk::Level;
use crate::state::Trust;
use crate::success::Proof;
use crate::turn::Turn;

impl Turn<'_> {
    pub fn prove_passkey(&mut self, attempt: &Attempt, proof: &PasskeyAssertion) -> Outcome {
        let kind = AuthenticatorKind::Passkey;
        if proof.attempt != attempt.id {
            return self.refuse_proof(attempt, kind, Reason::WrongSubject);
        }
        if let Some(outcome) = self.spoken_for(attempt, kind) {
            return outcome;
        }
        let id = proof.authenticator;
        let sync = match self.usable(&proof.subscriber, id, kind) {
            Ok(Method::Passkey { sync, .. }) => *sync,
            Ok(_) => return self.refuse_proof(attempt, kind, Reason::NotBound),
            Err(reason) => return self.refuse_proof(attempt, kind, reason),
        };
        match proof.user {
            UserVerification::Verified => {}
            UserVerification::PresentOnly => {
                return self.refuse_proof(attempt, kind, Reason::UserNotVerified);
            }
        }
        let assurance = match sync {
            PasskeySync::DeviceBound => Assurance::Aal3,
            PasskeySync::Syncable => Assurance::Aal2PhishingResistant,
        };
        self.accept(attempt, kind, id, assurance)
    }

    pub fn prove_certificate(&mut self, attempt: &Attempt, proof: &CertificateProof) -> Outcome {
        let kind = AuthenticatorKind::Certificate;
        if let Some(outcome) = self.spoken_for(attempt, kind) {
            return outcome;
        }
        // A certificate answers for a machine, whoever sits there.
        if self.is_administrator() {
            return self.refuse_proof(attempt, kind, Reason::AdministratorNeedsPasskey);
        }
        // SECURITY: it answers for a thief of the machine as well, and its owner has just said that
        // somebody else is at work. Guarded by `after_a_report_or_a_no_a_certificate_signs_in_nobody`.
        let is_muted = self.trust(attempt) == Trust::Stranger && self.state.muted_until.is_some();
        let stopped = if self.state.is_suspended() {
            Some(Reason::PushSuspended)
        } else if self.state.incident.is_some() {
            Some(Reason::IncidentOpen)
        } else {
            is_muted.then_some(Reason::StrangersMuted)
        };
        if let Some(reason) = stopped {
            return self.refuse_proof(attempt, kind, reason);
        }
        let id = proof.authenticator;
        match self.usable(&proof.subscriber, id, kind) {
            Ok(_) => self.accept(attempt, kind, id, Assurance::Aal2PhishingResistant),
            Err(reason) => self.refuse_proof(attempt, kind, reason),
        }
    }

    pub fn prove_totp(&mut self, attempt: &Attempt, entry: &TotpEntry) -> Outcome {
        let kind = AuthenticatorKind::Totp;
        if let Some(outcome) = self.spoken_for(attempt, kind) {
            return outcome;
        }
        // SECURITY: turned off means off, also for an app that was bound before. Guarded by
        // `codes_of_other_apps_that_are_turned_off_are_neither_bound_nor_offered_nor_taken`.
        if !self.takes(kind) {
            return self.refuse_proof(attempt, kind, Reason::KindNotTaken);
        }
        let trust = self.trust(attempt);
        let last_step = match self.usable(&entry.subscriber, entry.authenticator, kind) {
            Ok(Method::Totp { last_step, .. }) => *last_step,
            Ok(_) => return self.refuse_proof(attempt, kind, Reason::NotBound),
            Err(reason) => return self.refuse_proof(attempt, kind, reason),
        };
        if let Some(outcome) = self.too_risky(attempt, kind, trust, entry.authenticator) {
            return outcome;
        }
        match entry.step {
            Some(step) if last_step.is_none_or(|last| step > last) => {
                if let Some(totp) = self.state.authenticator_mut(entry.authenticator)
                    && let Method::Totp { last_step, .. } = &mut totp.method
                {
                    *last_step = Some(step);
                }
                self.accept(attempt, kind, entry.authenticator, Assurance::Aal2)
            }
            Some(_) => {
                self.wrong_proof(attempt, kind, trust, entry.authenticator, Reason::CodeReused)
            }
            None => self.wrong_proof(attempt, kind, trust, entry.authenticator, Reason::WrongProof),
        }
    }

    /// What is typed on the primary channel is typed by anybody: it is refused where a phone would
    /// not be asked either, waits like it, and is closed to strangers before it is disabled.
    pub fn too_risky(
        &mut self,
        attempt: &Attempt,
        kind: AuthenticatorKind,
        trust: Trust,
        id: AuthenticatorId,
    ) -> Option<Outcome> {
        if let Some(reason) = self.passkey_needed(attempt) {
            return Some(self.refuse_proof(attempt, kind, reason));
        }
        let now = self.now;
        if let Some(until) = self.bucket(trust).waits_until(now) {
            let reason = Reason::TooManyFailures;
            let _ = self.refuse_proof(attempt, kind, reason);
            let alternatives = Alternatives {
                passkey: self.state.has_active(AuthenticatorKind::Passkey),
                ..Alternatives::default()
            };
            return Some(Outcome::Wait { until, reason, alternatives });
        }
        let stop = &self.policy.stop;
        let is_closed =
            self.state.authenticator(id).is_some_and(|a| a.is_closed_to_strangers(stop));
        let reason = match trust {
            Trust::Stranger if is_closed && self.state.muted_until.is_none() => {
                Some(Reason::TooManyFailures)
            }
            Trust::Stranger | Trust::Known(_) | Trust::Phone(_) => self.risk_of(attempt, trust),
        };
        reason.map(|reason| self.refuse_proof(attempt, kind, reason))
    }

    /// Why the evidence speaks against what is typed on the primary channel, if it does.
    pub fn risk_of(&self, attempt: &Attempt, trust: Trust) -> Option<Reason> {
        // No weaker fallback after a "no" (ATT&CK: downgrade to a code).
        if trust == Trust::Stranger && self.state.muted_until.is_some() {
            return Some(Reason::StrangersMuted);
        }
        let (from, others_asked) = (&attempt.requester, attempt.others_asked);
        let level = match attempt.purpose {
            // SECURITY: whoever recovers is a stranger, with two proofs that no stranger has. What others did
            // before, or do behind the same address, must not close it. Guarded by
            // `what_strangers_left_behind_does_not_close_recovery`. Nor does a passkey that they had: it may
            // be what they lost.
            Purpose::Recovery => {
                let distance = self.distance(from);
                let risk = self.weigh_with(from, trust, distance, 0, Counted::default());
                risk.level(&self.policy.risk)
            }
            Purpose::SignIn | Purpose::ManageAuthenticators => {
                self.level(&self.weigh(from, trust, others_asked), attempt.accepts)
            }
        };
        (level >= Level::PasskeyOnly).then_some(Reason::RiskHigh)
    }

    /// Counts a wrong entry on the authenticator and in the bucket.
    pub fn wrong_proof(
        &mut self,
        attempt: &Attempt,
        kind: AuthenticatorKind,
        trust: Trust,
        id: AuthenticatorId,
        reason: Reason,
    ) -> Outcome {
        let outcome = self.refuse_proof(attempt, kind, reason);
        self.count_failure(kind, trust, id);
        self.fail(trust);
        outcome
    }

    pub fn count_failure(&mut self, kind: AuthenticatorKind, trust: Trust, id: AuthenticatorId) {
        let by = match trust {
            Trust::Known(_) | Trust::Phone(_) => Failing::Owner,
            Trust::Stranger => Failing::Stranger,
        };
        let (now, stop) = (self.now, &self.policy.stop);
        let is_disabled =
            self.state.authenticator_mut(id).is_some_and(|used| used.fail(by, now, stop));
        if is_disabled {
            self.disabled(id, kind);
        }
    }

    /// An attempt that the owner refused or somebody gave up stays so; one that succeeded does not succeed twice.
    fn spoken_for(&mut self, attempt: &Attempt, kind: AuthenticatorKind) -> Option<Outcome> {
        match self.state.ended_attempt(&attempt.id)? {
            PromptEnd::Denied | PromptEnd::Reported | PromptEnd::Mismatched => {
                Some(self.refuse_proof(attempt, kind, Reason::AttemptDenied))
            }
            end @ (PromptEnd::Approved | PromptEnd::Overtaken) => {
                let what = Happened::AttemptRepeated { attempt: attempt.id.clone() };
                let by = actor(self.trust(attempt));
                self.note(&Self::scene(attempt), by, what);
                Some(Outcome::AlreadyOver(end))
            }
            // SECURITY: whoever gave it up was told that nothing comes of it, also if a proof was on its way.
            // Guarded by `what_was_given_up_is_proven_by_nothing`.
            PromptEnd::Cancelled => Some(self.refuse_proof(attempt, kind, Reason::NotFound)),
            PromptEnd::Expired
            | PromptEnd::ClockWentBack
            | PromptEnd::TakenOver
            | PromptEnd::SteppedUp => None,
        }
    }

    fn usable(
        &self,
        subscriber: &SubscriberId,
        id: AuthenticatorId,
        kind: AuthenticatorKind,
    ) -> Result<&Method, Reason> {
        if *subscriber != self.state.subscriber {
            return Err(Reason::WrongSubject);
        }
        match self.state.authenticator(id) {
            Some(used) if used.kind() != kind => Err(Reason::NotBound),
            Some(used) => used.stopped().map_or(Ok(&used.method), Err),
            None => Err(Reason::NotBound),
        }
    }

    fn accept(
        &mut self,
        attempt: &Attempt,
        kind: AuthenticatorKind,
        authenticator: AuthenticatorId,
        assurance: Assurance,
    ) -> Outcome {
        let proof = Proof {
            attempt: attempt.id.clone(),
            purpose: attempt.purpose,
            relying_party: attempt.relying_party.clone(),
            trust: self.trust(attempt),
            kind,
            authenticator,
            assurance,
        };
        self.succeed(&Self::scene(attempt), proof)
    }

    pub fn refuse_proof(
        &mut self,
        attempt: &Attempt,
        kind: AuthenticatorKind,
        reason: Reason,
    ) -> Outcome {
        let by = actor(self.trust(attempt));
        let what = Happened::ProofRefused { attempt: attempt.id.clone(), kind, reason };
        self.note(&Self::scene(attempt), by, what);
        Outcome::Refused { reason }
    }
}
