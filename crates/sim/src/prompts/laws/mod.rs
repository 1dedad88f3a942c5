//! The laws, judged from outside: by what was typed, heard and committed, never by what the rules
//! believe about themselves.

mod known;
mod rings;
mod written;

use std::collections::BTreeSet;

use pushback_model::{Span, Timestamp};
use pushback_verify::{
    Act, Actor, AttemptId, AuditEntry, AuthenticatorKind, CallerCheckId, CallerEnd, Decision,
    Effect, Happened, Outcome, Policy, PromptEnd, PushState, Reason, Ring, RingFor,
    STATE_BYTES_MAX, SubscriberState,
};

use self::known::Known;
pub use self::rings::BudgetRule;
use self::written::outcome_is_written;
use super::ask::{Claim, Request};
use super::people::{Side, side_of};
use super::tally::Tally;

/// What must hold after every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// Nothing succeeds without the right code typed on a bound phone for that very prompt, or a
    /// passkey, time-based code, certificate, recovery or binding code that is right.
    Proof,
    /// Rings that no success answered never exceed the budget in any sliding window.
    Budget,
    /// A prompt ends once, one is open at a time, and no phone rings for one that the next command would
    /// end.
    OneOutcome,
    /// Nothing is sent that was not committed.
    SentAfterCommit,
    /// Every outcome has its audit record.
    Audited,
    /// Strangers never keep the owner on a known device out.
    OwnerGetsIn,
    /// After a report no node rings or verifies by push until it is restored.
    ReportStops,
    /// The document survives: it can be read again, and its owner can sign in again.
    Survives,
}

impl Law {
    /// The law in a few words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proof => "no success without the right proof",
            Self::Budget => "rings stay within the budget",
            Self::OneOutcome => "one prompt, one outcome",
            Self::SentAfterCommit => "nothing is sent that was not committed",
            Self::Audited => "every outcome has its audit record",
            Self::OwnerGetsIn => "strangers never keep a known device out",
            Self::ReportStops => "a report stops push everywhere at once",
            Self::Survives => "the state survives and everybody gets in again",
        }
    }
}

/// Watches every commit, every effect and every ring.
#[derive(Debug)]
pub(crate) struct Watch {
    people: Vec<Known>,
    rule: BudgetRule,
    policy: Policy,
    /// Whether the nodes' clocks stay within two seconds of the truth.
    is_steady: bool,
    sent_keys: BTreeSet<u64>,
    audit_ids: BTreeSet<u64>,
    pub broken: Option<(Law, String)>,
    pub tally: Tally,
}

/// FNV-1a, 64 bits: keys are compared by the thousand and none is chosen by an attacker.
pub(crate) fn short(key: &str) -> u64 {
    key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Watch {
    pub fn new(people: usize, policy: Policy, rule: BudgetRule, is_steady: bool) -> Self {
        Self {
            people: (0..people).map(|_| Known::default()).collect(),
            rule,
            policy,
            is_steady,
            sent_keys: BTreeSet::new(),
            audit_ids: BTreeSet::new(),
            broken: None,
            tally: Tally::default(),
        }
    }

    /// Notes the first broken law; later ones may follow from it.
    pub fn broke(&mut self, law: Law, what: String) {
        self.broken.get_or_insert((law, what));
    }

    fn demand(&mut self, holds: bool, law: Law, what: impl FnOnce() -> String) {
        if !holds {
            self.broke(law, what());
        }
    }

    /// A decision was committed.
    pub fn committed(&mut self, request: &Request, before: &SubscriberState, decision: &Decision) {
        self.tally.decisions += 1;
        self.audited(before, decision);
        self.proven(request, decision);
        self.takes_the_right_code(request, before, decision);
        let was_suspended = self.people.get(request.who).is_some_and(|known| known.is_suspended);
        for effect in &decision.effects {
            let is_new = self.sent_keys.insert(short(effect.key.as_str()));
            self.demand(is_new, Law::Audited, || format!("the key {} came twice", effect.key));
            if let Act::RingPhones { .. } = effect.act {
                self.demand(!was_suspended, Law::ReportStops, || {
                    format!("{} asks for a ring after a report", effect.key)
                });
                self.demand(!is_late(decision), Law::OneOutcome, || {
                    format!("{} asks for a ring by a clock that is behind", effect.key)
                });
            }
        }
        for entry in &decision.audit {
            self.entry(request, before, decision, entry);
        }
        self.lets_in(request, before, decision);
        let is_suspended = matches!(decision.state.push(), PushState::Suspended { .. });
        let known = self.people.get(request.who).is_some_and(|known| known.is_suspended);
        self.demand(is_suspended == known, Law::Audited, || {
            format!("push is suspended: {is_suspended}, the audit trail says {known}")
        });
        if decision.state.revision().is_multiple_of(64) {
            self.readable(&decision.state);
        }
    }

    /// The document can be written and read and is the same afterwards.
    fn readable(&mut self, state: &SubscriberState) {
        let again = state.to_json().and_then(|json| {
            let read = SubscriberState::from_json(&json)?;
            Ok((json.len() <= STATE_BYTES_MAX && read.to_json()? == json, json.len()))
        });
        match again {
            Ok((is_same, bytes)) => self.demand(is_same, Law::Survives, || {
                format!("a document of {bytes} bytes is not what it was when it is read again")
            }),
            Err(error) => self.broke(Law::Survives, format!("a document is lost: {error}")),
        }
    }

    fn audited(&mut self, before: &SubscriberState, decision: &Decision) {
        let next = before.revision() + 1;
        self.demand(decision.state.revision() == next, Law::Audited, || {
            format!("revision {} after {}", decision.state.revision(), before.revision())
        });
        for entry in &decision.audit {
            let is_new = self.audit_ids.insert(short(entry.id.as_str()));
            self.demand(is_new, Law::Audited, || format!("the entry {} came twice", entry.id));
        }
        let has = outcome_is_written(&decision.outcome, &decision.audit);
        self.demand(has, Law::Audited, || {
            format!("{:?} is not in {:?}", decision.outcome, decision.audit)
        });
    }

    /// The first law.
    fn proven(&mut self, request: &Request, decision: &Decision) {
        let Some(known) = self.people.get_mut(request.who) else { return };
        let wrong = match (&decision.outcome, &request.claim) {
            (Outcome::Verified(verified), claim) => known.unproven(verified, claim, decision),
            (Outcome::Recovered { .. }, Claim::Recovery)
            | (Outcome::Bound { .. }, Claim::Binding) => None,
            (Outcome::Recovered { .. } | Outcome::Bound { .. }, claim) => {
                Some(format!("{:?} on {claim:?}", decision.outcome))
            }
            // Whatever else is answered lets nobody in.
            (
                Outcome::Prompted(_)
                | Outcome::Wait { .. }
                | Outcome::PasskeyOnly { .. }
                | Outcome::Refused { .. }
                | Outcome::WrongCode { .. }
                | Outcome::Ended(_)
                | Outcome::AlreadyOver(_)
                | Outcome::Reported { .. }
                | Outcome::App { .. }
                | Outcome::BindingCode { .. }
                | Outcome::ResetPending { .. }
                | Outcome::SettlementPending { .. }
                | Outcome::RoleChangePending { .. }
                | Outcome::RefusedUntil { .. }
                | Outcome::CallerCheck { .. }
                | Outcome::CallerVerified
                | Outcome::Done,
                _,
            ) => None,
        };
        if let Some(what) = wrong {
            self.broke(Law::Proof, what);
        }
        if let Outcome::Verified(verified) = &decision.outcome {
            match side_of(&verified.attempt) {
                Side::Owner => self.tally.own_successes += 1,
                Side::Stranger => self.tally.foreign_successes += 1,
            }
        }
    }

    /// Whether the sixth law is asked about: not while a stranger has a known device through a code
    /// that the owner gave them, not while push is suspended, and not on a node whose clock is
    /// behind and which ends what is open: that is a fault, not a stranger.
    fn is_judged(&self, who: usize, before: &SubscriberState, decision: &Decision) -> bool {
        let Some(known) = self.people.get(who) else { return false };
        let is_foreign = before.devices().iter().any(|d| known.foreign.contains(&d.id()));
        !is_late(decision) && !is_foreign && !known.is_suspended
    }

    /// The sixth law: what strangers did is no reason to keep the usual browser out.
    fn lets_in(&mut self, request: &Request, before: &SubscriberState, decision: &Decision) {
        let Claim::OwnStart { device } = &request.claim else { return };
        let is_known = decision.state.devices().iter().any(|d| d.id() == *device);
        let has_phone = before
            .authenticators()
            .iter()
            .any(|a| a.kind() == AuthenticatorKind::Phone && a.disabled_at().is_none());
        if !is_known || !has_phone || !self.is_judged(request.who, before, decision) {
            return;
        }
        self.tally.known_device_starts += 1;
        let known = self.people.get(request.who);
        if let Some(what) = known.and_then(|known| known.kept_out(decision, *device, &self.policy))
        {
            self.broke(Law::OwnerGetsIn, what);
        }
    }

    /// The sixth law, second half: the right code for the usual browser's prompt succeeds.
    fn takes_the_right_code(
        &mut self,
        request: &Request,
        before: &SubscriberState,
        decision: &Decision,
    ) {
        let Claim::Code { prompt, typed, phone } = &request.claim else { return };
        let Some(known) = self.people.get(request.who) else { return };
        let at = decision.audit.last().map_or(known.seen_at, |entry| entry.at);
        let is_right = known.open == Some(prompt.0)
            && known.bound.contains_key(phone)
            && known.made.get(&prompt.0).is_some_and(|made| {
                made.own_device.is_some() && made.code == *typed && at < made.expires_at
            });
        // Stepped up: the phone is in another country than the browser, the owner's own doing.
        let is_taken =
            matches!(decision.outcome, Outcome::Verified(_) | Outcome::Ended(PromptEnd::SteppedUp));
        if is_right && !is_taken && self.is_judged(request.who, before, decision) {
            self.broke(Law::OwnerGetsIn, format!("the right code gave {:?}", decision.outcome));
        }
    }

    /// One line of the audit trail, as it is committed.
    fn entry(
        &mut self,
        request: &Request,
        before: &SubscriberState,
        decision: &Decision,
        entry: &AuditEntry,
    ) {
        let Some(known) = self.people.get_mut(request.who) else { return };
        let mut wrong = None;
        if entry.at < known.seen_at && !matches!(entry.what, Happened::ClockSetRight) {
            wrong = Some((Law::Survives, format!("time went back in {entry:?}")));
        }
        known.seen_at = entry.at;
        match &entry.what {
            Happened::PromptMade { prompt, ring, .. } => {
                self.tally.prompts += 1;
                let replaced = known.rings.of_prompt(prompt.0, *ring, &entry.by);
                wrong = wrong.or_else(|| known.made(request, decision, prompt.0));
                if *ring == Ring::Rang {
                    self.tally.rings += 1;
                    let key = ring_key(&decision.effects, RingFor::Prompt(*prompt));
                    let is_shared = !before.devices().is_empty();
                    let ring =
                        known.rings.rang(entry.at, key, Some(prompt.0), &entry.by, is_shared);
                    wrong = wrong.or(ring).or_else(|| known.rings.over(&self.policy));
                } else if replaced.is_none() && *ring == Ring::Replaced {
                    wrong = Some((Law::Budget, format!("{prompt} replaces a ring that was none")));
                }
            }
            Happened::CallerCheckStarted { check: CallerCheckId(check), ring: Ring::Rang } => {
                self.tally.rings += 1;
                let key = ring_key(&decision.effects, RingFor::CallerCheck(CallerCheckId(*check)));
                let ring = known.rings.rang(entry.at, key, None, &entry.by, true);
                wrong = wrong.or(ring).or_else(|| known.rings.over(&self.policy));
            }
            Happened::PromptEnded { prompt, end, .. } => {
                known.rings.last_open = Some(prompt.0);
                wrong = wrong.or_else(|| known.ended(prompt.0, *end));
            }
            Happened::Succeeded { attempt, device, kind, .. } => {
                // A code by time can be had without looking at any phone: it answers no ring.
                let answers = matches!(kind, AuthenticatorKind::Phone | AuthenticatorKind::Passkey);
                if let Some(prompt) = succeeded_prompt(decision, attempt).filter(|_| answers) {
                    known.rings.answered(prompt);
                }
                if let Some(device) = device {
                    known.succeeded(side_of(attempt), *device, self.rule);
                }
            }
            Happened::CallerCheckEnded { end: CallerEnd::Verified, .. } => {
                known.rings.call_answered();
            }
            Happened::PushSuspended { .. } => known.is_suspended = true,
            Happened::PushRestored => {
                if !matches!(request.claim, Claim::Restore) {
                    wrong = Some((Law::ReportStops, "push was restored by nobody".to_owned()));
                }
                known.is_suspended = false;
            }
            Happened::Reported { .. } => {
                self.tally.reports += 1;
                if !known.is_suspended && !writes_suspension(decision) {
                    wrong = Some((Law::ReportStops, "a report suspended nothing".to_owned()));
                }
            }
            Happened::Bound { authenticator, kind } => {
                known.bound.insert(*authenticator, *kind);
            }
            Happened::Invalidated { authenticator, .. }
            | Happened::Disabled { authenticator, .. } => {
                known.bound.remove(authenticator);
            }
            Happened::ResetDone { .. } => {
                self.tally.resets += 1;
                known.foreign.clear();
            }
            Happened::DeviceForgotten { device } => {
                known.foreign.remove(device);
            }
            Happened::ProofRefused { reason, .. } => {
                // The owner mistyped on their own device.
                let is_wrong = matches!(reason, Reason::WrongProof | Reason::CodeReused);
                if let (Actor::KnownDevice(device), true) = (&entry.by, is_wrong) {
                    *known.own_failures.entry(*device).or_default() += 1;
                }
            }
            Happened::ClockSetRight => known.rings.set_right(entry.at),
            Happened::CallerCheckStarted { ring: Ring::Replaced | Ring::Quiet(_), .. }
            | Happened::AttemptRepeated { .. }
            | Happened::AttemptHeld { .. }
            | Happened::WrongCode { .. }
            | Happened::AnswerIgnored { .. }
            | Happened::AppOpened { .. }
            | Happened::PasswordBurned
            | Happened::PasswordChanged
            | Happened::IncidentOpened { .. }
            | Happened::IncidentClosed { .. }
            | Happened::BindingCodeIssued { .. }
            | Happened::AddressesChanged { .. }
            | Happened::RoleChangeRequested { .. }
            | Happened::RoleChangeCancelled { .. }
            | Happened::RoleChanged { .. }
            | Happened::AddressCodeIssued { .. }
            | Happened::Recovered { .. }
            | Happened::ResetRequested { .. }
            | Happened::ResetCancelled { .. }
            | Happened::CallerCheckEnded { end: CallerEnd::NotThem | CallerEnd::Expired, .. }
            | Happened::ChangeRefused { .. }
            | Happened::ClockWentBack { .. }
            | Happened::SessionsEnded { .. }
            | Happened::Disputed { .. }
            | Happened::SettlementRequested { .. }
            | Happened::SettlementCancelled { .. }
            | Happened::DisputeSettled { .. }
            | Happened::RestoredFromCopy { .. }
            | Happened::Ticked => {}
        }
        if let Some((law, what)) = wrong {
            self.broke(law, what);
        }
    }

    /// A worker is about to do this, having looked at the document just before.
    pub fn sends(&mut self, who: usize, effect: &Effect) {
        self.tally.effects += 1;
        let is_committed = self.sent_keys.contains(&short(effect.key.as_str()));
        self.demand(is_committed, Law::SentAfterCommit, || {
            format!("{} leaves without a commit", effect.key)
        });
        let is_suspended = self.people.get(who).is_some_and(|known| known.is_suspended);
        if let Act::RingPhones { .. } = effect.act {
            self.demand(!is_suspended, Law::ReportStops, || {
                format!("{} rings after a report", effect.key)
            });
        }
    }

    /// A phone sounds, for the first time with this key.
    pub fn heard(&mut self, who: usize, key: u64, now: Timestamp) {
        let Some(known) = self.people.get_mut(who) else { return };
        let heard = known.rings.heard(key, now);
        self.tally.rings_heard += u64::from(heard.is_first);
        if !heard.is_known {
            let what = format!("a phone rang for {key:x}, which nobody asked for");
            self.broke(Law::SentAfterCommit, what);
        } else if self.is_steady
            && let Some(broken) = known.rings.heard_over(now, &self.policy)
        {
            self.broke(broken.0, broken.1);
        }
    }

    /// Whether push is suspended, by what was committed.
    pub fn is_suspended(&self, who: usize) -> bool {
        self.people.get(who).is_some_and(|known| known.is_suspended)
    }
}

/// The prompt with which this attempt has just succeeded, if it had one.
fn succeeded_prompt(decision: &Decision, of: &AttemptId) -> Option<u64> {
    decision.audit.iter().find_map(|entry| match &entry.what {
        Happened::PromptEnded { prompt, attempt, .. } if attempt == of => Some(prompt.0),
        _ => None,
    })
}

/// Whether the node's clock was behind the document's.
fn is_late(decision: &Decision) -> bool {
    decision.audit.iter().any(|entry| matches!(entry.what, Happened::ClockWentBack { .. }))
}

fn writes_suspension(decision: &Decision) -> bool {
    decision.audit.iter().any(|entry| matches!(entry.what, Happened::PushSuspended { .. }))
}

fn ring_key(effects: &[Effect], of: RingFor) -> Option<u64> {
    let ring = effects
        .iter()
        .find(|effect| matches!(&effect.act, Act::RingPhones { ring_for, .. } if *ring_for == of));
    ring.map(|effect| short(effect.key.as_str()))
}

/// What breaks a law, and which.
type Breach = Option<(Law, String)>;

/// How much later than its decision a phone may ring: the longest that anything is open, and the
/// two seconds that clocks may differ by.
const fn ring_is_late_by(policy: &Policy) -> Span {
    let longest = if policy.account.caller_check_seconds > policy.prompt.life_seconds {
        policy.account.caller_check_seconds
    } else {
        policy.prompt.life_seconds
    };
    Span::seconds(longest as i64 + 2)
}
