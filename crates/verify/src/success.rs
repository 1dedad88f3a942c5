//! Somebody has proven themselves: what that clears, teaches and tells.

use crate::audit::{Actor, Happened};
use crate::authenticator::AuthenticatorKind;
use crate::context::Purpose;
use crate::effect::{Act, Notice};
use crate::id::{AttemptId, AuthenticatorId, RelyingPartyId};
use crate::marks::Marks;
use crate::outcome::{Assurance, Outcome, PromptEnd, Verified};
use crate::state::{ENDED_MAX, EndedAttempt, SUCCESSES_MAX, Success, Trust, push_bounded};
use crate::turn::{Scene, Turn};

/// Failures before a success that are worth a notice (ASVS 6.3.5).
const SEVERAL_FAILURES: u32 = 3;

/// A proof that holds.
pub(crate) struct Proof {
    pub attempt: AttemptId,
    pub purpose: Purpose,
    pub relying_party: RelyingPartyId,
    pub trust: Trust,
    pub kind: AuthenticatorKind,
    pub authenticator: AuthenticatorId,
    pub assurance: Assurance,
}

impl Turn<'_> {
    /// The only place where anything succeeds.
    pub fn succeed(&mut self, scene: &Scene, proof: Proof) -> Outcome {
        let Proof { attempt, purpose, relying_party, trust, kind, authenticator, assurance } =
            proof;
        let is_open = self.state.open.as_ref().is_some_and(|open| open.context.attempt == attempt);
        if is_open {
            // Whoever answers a ring wanted it.
            if let Some(rung_at) = self.state.open.as_ref().and_then(|open| open.answered_by(kind))
            {
                self.state.budget.take_back(rung_at);
            }
            let (by, end) = match kind {
                AuthenticatorKind::Phone => (Actor::Phone(authenticator), PromptEnd::Approved),
                AuthenticatorKind::Passkey
                | AuthenticatorKind::RecoveryCodes
                | AuthenticatorKind::Totp
                | AuthenticatorKind::Certificate => (Actor::Subscriber, PromptEnd::Overtaken),
            };
            self.end_prompt(by, end, scene.phone.as_ref());
        } else {
            let end = PromptEnd::Overtaken;
            let ended = EndedAttempt { attempt: attempt.clone(), prompt: None, end };
            push_bounded(&mut self.state.ended, ended, ENDED_MAX);
            self.act(Act::WakeWaiting { attempt: attempt.clone() });
        }
        let now = self.now;
        if let Some(used) = self.state.authenticator_mut(authenticator) {
            used.succeed(now);
        }
        match kind {
            // What a stranger cannot have: it ends a row of wrong recovery codes.
            AuthenticatorKind::Phone | AuthenticatorKind::Passkey => {
                self.state.address_codes.succeed();
            }
            AuthenticatorKind::RecoveryCodes
            | AuthenticatorKind::Totp
            | AuthenticatorKind::Certificate => {}
        }
        let success = Success { attempt: attempt.clone(), purpose, kind, authenticator, at: now };
        push_bounded(&mut self.state.successes, success, SUCCESSES_MAX);
        // What begins now the last report has not ended.
        self.state.reported = None;
        let device = match kind {
            // SECURITY: a machine succeeds every minute and says nothing about the owner; if that
            // counted, no denial would be remembered and strange places would be habits. Guarded by
            // `a_certificate_clears_no_budget_and_teaches_nothing`.
            AuthenticatorKind::Certificate => None,
            AuthenticatorKind::Phone
            | AuthenticatorKind::Passkey
            | AuthenticatorKind::RecoveryCodes
            | AuthenticatorKind::Totp => {
                if self.bucket(trust).failures() >= SEVERAL_FAILURES {
                    self.notify(Notice::SuccessAfterFailures);
                }
                self.bucket(trust).succeed();
                self.state.marks = Marks::default();
                self.state.habits.learn(&scene.requester, now);
                let label = scene.requester.browser.clone().unwrap_or_default();
                let device = self.know_device(trust, relying_party, label);
                if let Some(device) = device {
                    let until = now + self.policy.trust.device_life();
                    self.act(Act::IssueDeviceCookie { attempt: attempt.clone(), device, until });
                }
                device
            }
        };
        let what = Happened::Succeeded {
            attempt: attempt.clone(),
            kind,
            authenticator,
            assurance,
            device,
        };
        self.note(scene, Actor::Subscriber, what);
        Outcome::Verified(Verified { attempt, kind, authenticator, device, assurance })
    }
}
