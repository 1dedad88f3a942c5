//! What has been seen of one subscriber, and what it says about a decision.

use std::collections::{BTreeMap, BTreeSet};

use pushback_model::Timestamp;
use pushback_verify::{
    AuthenticatorId, AuthenticatorKind, Decision, DeviceId, Happened, Observation, Outcome, Policy,
    PromptEnd, Prompted, Reason, Ring, Risk, Verified,
};

use super::rings::Rings;
use super::{Breach, BudgetRule, Law};
use crate::prompts::ask::{Claim, Request};
use crate::prompts::people::Side;

/// A prompt, as its sign-in screen and the audit trail told of it.
#[derive(Debug)]
pub(super) struct Made {
    pub code: String,
    pub expires_at: Timestamp,
    /// The known device that asked for it, if it was the owner's usual browser.
    pub own_device: Option<DeviceId>,
    pub is_over: bool,
}

/// What has been seen of one subscriber.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub made: BTreeMap<u64, Made>,
    pub open: Option<u64>,
    pub rings: Rings,
    pub is_suspended: bool,
    pub bound: BTreeMap<AuthenticatorId, AuthenticatorKind>,
    pub totp_steps: BTreeMap<AuthenticatorId, u64>,
    /// Prompts of each known device that failed since its last success.
    pub own_failures: BTreeMap<DeviceId, u32>,
    /// Devices that a stranger got by a success.
    pub foreign: BTreeSet<DeviceId>,
    pub seen_at: Timestamp,
}

impl Known {
    pub fn made(&mut self, request: &Request, decision: &Decision, prompt: u64) -> Breach {
        let Outcome::Prompted(Prompted { code, expires_at, .. }) = &decision.outcome else {
            return Some((Law::Audited, format!("prompt {prompt} was made and not told")));
        };
        let own_device = match request.claim {
            Claim::OwnStart { device } => Some(device),
            _ => None,
        };
        let made = Made {
            code: code.reveal().to_owned(),
            expires_at: *expires_at,
            own_device,
            is_over: false,
        };
        let is_second = self.open.replace(prompt).is_some();
        let came_before = self.made.insert(prompt, made).is_some();
        (is_second || came_before)
            .then(|| (Law::OneOutcome, format!("prompt {prompt} is made beside another")))
    }

    pub fn ended(&mut self, prompt: u64, end: PromptEnd) -> Breach {
        let was_open = self.open == Some(prompt);
        self.open.take_if(|open| *open == prompt);
        let Some(made) = self.made.get_mut(&prompt) else {
            return Some((Law::OneOutcome, format!("prompt {prompt} ended and was never made")));
        };
        let was_over = std::mem::replace(&mut made.is_over, true);
        if let Some(device) = made.own_device {
            match end {
                PromptEnd::Denied
                | PromptEnd::Reported
                | PromptEnd::Mismatched
                | PromptEnd::Expired
                | PromptEnd::ClockWentBack => *self.own_failures.entry(device).or_default() += 1,
                PromptEnd::Approved
                | PromptEnd::Overtaken
                | PromptEnd::TakenOver
                | PromptEnd::Cancelled
                | PromptEnd::SteppedUp => {}
            }
        }
        (was_over || !was_open)
            .then(|| (Law::OneOutcome, format!("prompt {prompt} ended twice, at last {end:?}")))
    }

    pub fn succeeded(&mut self, side: Side, device: DeviceId, rule: BudgetRule) {
        match side {
            Side::Owner => {
                self.own_failures.remove(&device);
            }
            Side::Stranger => {
                self.foreign.insert(device);
            }
        }
        match rule {
            BudgetRule::SinceLastSuccess => self.rings.all_answered(),
            BudgetRule::UntilAnswered => {}
        }
    }

    /// Why this success is none, or `None` if it was proven.
    pub fn unproven(
        &mut self,
        verified: &Verified,
        claim: &Claim,
        decision: &Decision,
    ) -> Option<String> {
        let at = decision.audit.last().map_or(self.seen_at, |entry| entry.at);
        let is_bound = self.bound.get(&verified.authenticator) == Some(&verified.kind);
        if !is_bound {
            return Some(format!("{verified:?} with what is not bound"));
        }
        let is_proven = match (verified.kind, claim) {
            (AuthenticatorKind::Phone, Claim::Code { prompt, typed, phone }) => {
                let made = self.made.get(&prompt.0);
                !self.is_suspended
                    && *phone == verified.authenticator
                    && self.open == Some(prompt.0)
                    && made.is_some_and(|made| made.code == *typed && at < made.expires_at)
            }
            (AuthenticatorKind::Passkey, Claim::Passkey { key })
            | (AuthenticatorKind::Certificate, Claim::Certificate { key }) => {
                *key == verified.authenticator
            }
            (AuthenticatorKind::Totp, Claim::Totp { key, step }) => {
                let last = self.totp_steps.insert(*key, *step);
                *key == verified.authenticator && last.is_none_or(|last| last < *step)
            }
            (
                AuthenticatorKind::Phone
                | AuthenticatorKind::Passkey
                | AuthenticatorKind::RecoveryCodes
                | AuthenticatorKind::Totp
                | AuthenticatorKind::Certificate,
                _,
            ) => false,
        };
        (!is_proven).then(|| format!("{verified:?} on {claim:?}"))
    }

    /// Why the usual browser was kept out by strangers, or `None` if it was not.
    pub fn kept_out(
        &self,
        decision: &Decision,
        device: DeviceId,
        policy: &Policy,
    ) -> Option<String> {
        let failures = self.own_failures.get(&device).copied().unwrap_or_default();
        let risk = decision.audit.iter().find_map(|entry| match &entry.what {
            Happened::PromptMade { risk, .. } | Happened::AttemptHeld { risk, .. } => Some(risk),
            _ => None,
        });
        let is_foreign_risk = risk.is_some_and(weighs_strangers);
        let may = match &decision.outcome {
            Outcome::AlreadyOver(_) => true,
            Outcome::Prompted(prompted) => match prompted.ring {
                Ring::Rang | Ring::Replaced => true,
                // One that fails again and again has no ring kept for it.
                Ring::Quiet(Reason::BudgetSpent) => {
                    let free = u32::from(policy.throttle.free_failures).max(1);
                    self.rings.owner_spent_their_share() || failures >= free
                }
                Ring::Quiet(Reason::RiskHigh) => !is_foreign_risk,
                // The same attempt asked again is told what it was told.
                Ring::Quiet(_) => false,
            },
            // The owner is asked for by another browser of their own, and knows it.
            Outcome::Wait { reason: Reason::AnotherPromptOpen, .. } => {
                let open = self.open.and_then(|open| self.made.get(&open));
                open.and_then(|open| open.own_device).is_some_and(|own| own != device)
            }
            Outcome::Wait { reason: Reason::TooManyFailures, .. } => {
                failures > u32::from(policy.throttle.free_failures)
            }
            Outcome::PasskeyOnly { reason: Reason::RiskHigh, .. }
            | Outcome::Refused { reason: Reason::RiskHigh } => !is_foreign_risk,
            Outcome::Wait { .. }
            | Outcome::PasskeyOnly { .. }
            | Outcome::Refused { .. }
            | Outcome::Verified(_)
            | Outcome::WrongCode { .. }
            | Outcome::Ended(_)
            | Outcome::Reported { .. }
            | Outcome::App { .. }
            | Outcome::BindingCode { .. }
            | Outcome::Bound { .. }
            | Outcome::Recovered { .. }
            | Outcome::ResetPending { .. }
            | Outcome::SettlementPending { .. }
            | Outcome::RoleChangePending { .. }
            | Outcome::RefusedUntil { .. }
            | Outcome::CallerCheck { .. }
            | Outcome::CallerVerified
            | Outcome::Done => false,
        };
        (!may).then(|| format!("a known device got {:?}, {risk:?}", decision.outcome))
    }
}

/// Whether what strangers did counts against the owner's own device.
fn weighs_strangers(risk: &Risk) -> bool {
    risk.terms.iter().any(|term| match term.kind {
        Observation::Unanswered | Observation::Denied | Observation::ManyAsked => true,
        Observation::KnownDevice
        | Observation::UnfamiliarCountry
        | Observation::UnfamiliarNetwork
        | Observation::UnfamiliarBrowser
        | Observation::OriginUnknown
        | Observation::ForeignHour
        | Observation::HostingNetwork
        | Observation::PhoneFar
        | Observation::PhoneSameNetwork
        | Observation::PhoneNear => false,
    })
}
