//! A sign-in begins: may we ask, and how loudly?

use pushback_model::Timestamp;

use crate::audit::{Actor, Change, Happened, Held};
use crate::authenticator::{Authenticator, AuthenticatorKind, Method};
use crate::budget::For;
use crate::clock::SIGHTING_LIFE;
use crate::code::MatchCode;
use crate::command::{Accepts, Attempt, Role};
use crate::context::Context;
use crate::effect::{Act, RingFor};
use crate::fact::Own;
use crate::id::{AttemptId, DeviceId, PromptId};
use crate::marks::Counted;
use crate::outcome::{Alternatives, Outcome, PromptEnd, Prompted, Reason, Ring};
use crate::requester::{Distance, Requester};
use crate::risk::{self, Evidence, Level, Risk};
use crate::state::{OpenPrompt, Rung, SubscriberState, Trust};
use crate::turn::{Scene, Turn};

/// Why an attempt is held, and how.
struct Hold {
    held: Held,
    reason: Reason,
    until: Option<Timestamp>,
}

impl Hold {
    const fn passkey_only(reason: Reason) -> Self {
        Self { held: Held::PasskeyOnly, reason, until: None }
    }

    const fn refused(reason: Reason) -> Self {
        Self { held: Held::Refused, reason, until: None }
    }

    const fn wait(reason: Reason, until: Timestamp) -> Self {
        Self { held: Held::Wait, reason, until: Some(until) }
    }
}

impl SubscriberState {
    /// What of the subscriber's own the attempt comes from. A proof about somebody else, or about a device
    /// or phone that counts no longer, makes a stranger.
    // SECURITY: a relying party keeps the cookies of its own sign-ins. With them it must not pass for the
    // owner at another. Guarded by `a_device_is_known_where_it_succeeded_and_a_stranger_elsewhere`.
    #[must_use]
    pub fn own(&self, attempt: &Attempt) -> Option<Own> {
        let proof = attempt.device.as_ref().filter(|proof| proof.subscriber == self.subscriber)?;
        let counts = match proof.own {
            Own::Device(id) => {
                self.devices.iter().any(|d| d.id == id && d.is_known_at(&attempt.relying_party))
            }
            Own::Phone(id) => self.authenticator(id).is_some_and(is_phone),
        };
        counts.then_some(proof.own)
    }
}

impl Turn<'_> {
    /// Whose bucket the attempt belongs to.
    pub fn trust(&self, attempt: &Attempt) -> Trust {
        match self.state.own(attempt) {
            Some(Own::Device(id)) => Trust::Known(id),
            Some(Own::Phone(id)) => Trust::Phone(id),
            None => Trust::Stranger,
        }
    }

    pub fn scene(attempt: &Attempt) -> Scene {
        Scene {
            requester: attempt.requester.clone(),
            app: attempt.relying_party_name.clone(),
            phone: None,
        }
    }

    /// What rules everything but a passkey out, whatever the evidence.
    pub fn passkey_needed(&self, attempt: &Attempt) -> Option<Reason> {
        if self.state.is_suspended() {
            Some(Reason::PushSuspended)
        } else if self.is_administrator() {
            Some(Reason::AdministratorNeedsPasskey)
        } else if attempt.accepts.only_phishing_resistant() {
            Some(Reason::RelyingPartyNeedsPasskey)
        } else {
            None
        }
    }

    /// Whether they get in with a passkey only (CISA; SP 800-63B-4, 2.2.2).
    pub fn is_administrator(&self) -> bool {
        self.state.role == Role::Administrator
            && !self.policy.danger.danger_administrators_without_passkey
    }

    /// The evidence about a requester, with the phone where it was last heard of and what strangers left
    /// behind.
    pub fn weigh(&self, requester: &Requester, trust: Trust, others_asked: u16) -> Risk {
        // SECURITY: what strangers did, unanswered and denied prompts among it, says nothing about
        // the owner's own device. Guarded by `a_stranger_never_changes_what_the_known_device_may_do`.
        let marks = match trust {
            Trust::Known(_) | Trust::Phone(_) => Counted::default(),
            Trust::Stranger => self.state.marks.counted(self.now),
        };
        self.weigh_with(requester, trust, self.distance(requester), others_asked, marks)
    }

    pub fn weigh_with(
        &self,
        requester: &Requester,
        trust: Trust,
        distance: Distance,
        others_asked: u16,
        marks: Counted,
    ) -> Risk {
        let evidence = Evidence {
            habits: &self.state.habits,
            requester,
            is_known_device: matches!(trust, Trust::Known(_)),
            distance,
            others_asked,
            marks,
        };
        risk::weigh(&evidence, self.now, &self.policy.risk)
    }

    /// What follows from the evidence for this subscriber.
    // SECURITY: an attacker's page that passes codes on would otherwise ask for one from an owner who has
    // a passkey. Guarded by `whoever_has_a_passkey_types_no_code_for_a_strange_place`. One that was just
    // bound may be a stranger's: it takes no code away from the owner. Guarded by
    // `a_passkey_that_was_just_bound_takes_no_code_away`.
    // SECURITY: whoever has the password leaves unanswered and denied prompts behind as they like, and would
    // keep an owner out who has nothing but a phone. Guarded by
    // `a_phone_only_owner_gets_a_quiet_prompt_after_whatever_strangers_did`.
    pub fn level(&self, risk: &Risk, accepts: Accepts) -> Level {
        let policy = &self.policy.risk;
        if accepts == Accepts::PhoneOnly || !self.has_seasoned_passkey() {
            risk.level_without_passkey(policy)
        } else if risk.bits() >= policy.passkey_owners_from {
            risk.level(policy).max(Level::PasskeyOnly)
        } else {
            risk.level(policy)
        }
    }

    /// From the nearest phone that was heard of lately.
    pub fn distance(&self, requester: &Requester) -> Distance {
        let seen = self.state.authenticators.iter().filter_map(|a| match &a.method {
            Method::Phone { seen, .. } if a.is_active() => seen.as_ref(),
            Method::Phone { .. }
            | Method::Passkey { .. }
            | Method::RecoveryCodes { .. }
            | Method::Totp { .. }
            | Method::Certificate { .. } => None,
        });
        let fresh = seen.filter(|sighting| self.now < sighting.at + SIGHTING_LIFE);
        let distances = fresh.map(|sighting| Distance::between(requester, &sighting.from));
        distances.filter(|d| *d != Distance::Unknown).min().unwrap_or(Distance::Unknown)
    }

    fn alternatives(&self, attempt: &Attempt, trust: Trust) -> Alternatives {
        let phone_may_be_asked = self.passkey_needed(attempt).is_none();
        let is_muted = trust == Trust::Stranger && self.state.muted_until.is_some();
        let totp = AuthenticatorKind::Totp;
        Alternatives {
            passkey: self.state.has_active(AuthenticatorKind::Passkey),
            totp: phone_may_be_asked
                && !is_muted
                && self.takes(totp)
                && self.state.has_active(totp),
            open_app: phone_may_be_asked && self.state.has_active(AuthenticatorKind::Phone),
        }
    }

    pub fn start_attempt(&mut self, attempt: Attempt) -> Outcome {
        let trust = self.trust(&attempt);
        let by = actor(trust);
        if let Some(outcome) = self.repeated(&attempt, &by, trust) {
            return outcome;
        }
        self.end_what_is_held_too_long(trust);
        let risk = self.weigh(&attempt.requester, trust, attempt.others_asked);
        let level = self.level(&risk, attempt.accepts);
        if let Some(hold) = self.holds(&attempt, trust, level) {
            return self.hold(&attempt, trust, hold, risk);
        }
        let Some(code) = MatchCode::draw(self.entropy) else {
            let hold = Hold::refused(Reason::RandomnessUnusable);
            return self.hold(&attempt, trust, hold, risk);
        };
        let ring = self.ring(trust, level);
        let replaced = self.state.open.as_ref().and_then(|open| open.rung);
        let own = self.state.open.as_ref().filter(|open| open.trust == trust);
        let held_since = own.map(OpenPrompt::held_since);
        self.end_prompt(by.clone(), PromptEnd::TakenOver, None);
        let prompt = PromptId(self.state.next_serial());
        let rung = match ring {
            Ring::Rang => Some(Rung { at: self.now, trust, prompt: Some(prompt) }),
            Ring::Replaced => replaced,
            Ring::Quiet(_) => None,
        };
        let expires_at = self.now + self.policy.prompt.life();
        let traits = attempt.requester.traits();
        let context = Context {
            subscriber: self.state.subscriber.clone(),
            prompt,
            attempt: attempt.id.clone(),
            purpose: attempt.purpose,
            relying_party: attempt.relying_party.clone(),
            relying_party_name: attempt.relying_party_name.clone(),
            requester: attempt.requester.clone(),
            first_time: self.state.habits.first_time(traits, self.now),
            distance: self.distance(&attempt.requester),
            asked_at: self.now,
        };
        let what = Happened::PromptMade { prompt, attempt: attempt.id.clone(), ring, risk };
        self.note(&Self::scene(&attempt), by, what);
        let phones = self.state.phones();
        match ring {
            Ring::Rang => {
                self.state.budget.ring(self.now, &self.policy.budget);
                let ring_for = RingFor::Prompt(prompt);
                self.act(Act::RingPhones { ring_for, phones, until: expires_at });
            }
            Ring::Replaced | Ring::Quiet(_) => self.act(Act::RefreshPhones { phones }),
        }
        self.state.open = Some(OpenPrompt {
            context,
            trust,
            ring,
            rung,
            code: code.clone(),
            wrong_entries: 0,
            expires_at,
            others_asked: attempt.others_asked,
            held_since,
        });
        let alternatives = self.alternatives(&attempt, trust);
        Outcome::Prompted(Prompted { prompt, code, expires_at, ring, alternatives })
    }

    /// The same attempt asked again is told the same, and nothing rings. An attempt that was denied
    /// stays denied: clients that ask again at once would otherwise be the bombers.
    fn repeated(&mut self, attempt: &Attempt, by: &Actor, trust: Trust) -> Option<Outcome> {
        let same = self.state.open.as_ref().filter(|open| open.context.attempt == attempt.id);
        let outcome = if let Some(open) = same {
            Outcome::Prompted(Prompted {
                prompt: open.context.prompt,
                code: open.code.clone(),
                expires_at: open.expires_at,
                ring: open.ring,
                alternatives: self.alternatives(attempt, trust),
            })
        } else {
            Outcome::AlreadyOver(self.state.ended_attempt(&attempt.id)?)
        };
        let what = Happened::AttemptRepeated { attempt: attempt.id.clone() };
        self.note(&Self::scene(attempt), by.clone(), what);
        Some(outcome)
    }

    /// Why there is to be no prompt, strictest first.
    fn holds(&mut self, attempt: &Attempt, trust: Trust, level: Level) -> Option<Hold> {
        if let Some(reason) = self.passkey_needed(attempt) {
            return Some(Hold::passkey_only(reason));
        }
        if !self.state.has_active(AuthenticatorKind::Phone) {
            return Some(Hold::passkey_only(Reason::NoPhone));
        }
        match level {
            Level::Refuse => return Some(Hold::refused(Reason::RiskHigh)),
            Level::PasskeyOnly => return Some(Hold::passkey_only(Reason::RiskHigh)),
            Level::Quiet | Level::Ordinary => {}
        }
        // SECURITY: a phone that rings for what nobody can answer teaches its owner that rings mean
        // nothing. Guarded by `nothing_rings_that_the_next_command_would_end`.
        if self.is_ahead() {
            return Some(Hold::passkey_only(Reason::ClockAhead));
        }
        let now = self.now;
        if let Some(until) = self.bucket(trust).waits_until(now) {
            return Some(Hold::wait(Reason::TooManyFailures, until));
        }
        let open = self.state.open.as_ref()?;
        // SECURITY: what is the owner's own takes the place of a stranger's prompt, a stranger of none;
        // otherwise a stranger who always asks first would keep the owner out. Guarded by
        // `a_stranger_waits_and_a_known_device_takes_over_without_a_second_ring`. Nothing takes the place of
        // what another device or phone of the owner's asked for: one that fell into wrong hands would end
        // whatever the owner begins. Guarded by `a_known_device_ends_no_prompt_of_another`.
        match trust {
            Trust::Known(_) | Trust::Phone(_) if self.gives_way(open, trust) => None,
            Trust::Known(_) | Trust::Phone(_) => {
                let until = open.expires_at.min(open.held_since() + self.policy.prompt.life());
                Some(Hold::wait(Reason::AnotherPromptOpen, until))
            }
            Trust::Stranger => Some(Hold::wait(Reason::AnotherPromptOpen, open.expires_at)),
        }
    }

    /// Whether the open prompt gives way to a known device or phone: it is its own, or nobody's that is
    /// known.
    fn gives_way(&self, open: &OpenPrompt, trust: Trust) -> bool {
        let is_known = match open.trust {
            Trust::Known(id) => self.state.devices.iter().any(|d| d.id == id),
            Trust::Phone(id) => self.state.authenticator(id).is_some_and(is_phone),
            Trust::Stranger => false,
        };
        !is_known || open.trust == trust
    }

    /// Ends the open prompt, as one that nobody answered, if its bucket has taken it over from itself for
    /// longer than a prompt lives and the owner's own asks.
    // SECURITY: a known device could otherwise keep the one place for ever. Guarded by
    // `a_known_device_that_begins_anew_keeps_the_place_for_one_prompts_life`.
    fn end_what_is_held_too_long(&mut self, trust: Trust) {
        let life = self.policy.prompt.life();
        let is_old = |open: &OpenPrompt| open.held_since() + life <= self.now;
        if trust != Trust::Stranger && self.state.open.as_ref().is_some_and(is_old) {
            self.end_prompt(Actor::Clock, PromptEnd::Expired, None);
        }
    }

    /// Whether the phone rings for a prompt that there will be.
    fn ring(&self, trust: Trust, level: Level) -> Ring {
        let replaces_ringing = self.state.open.as_ref().is_some_and(OpenPrompt::rang);
        let is_muted = trust == Trust::Stranger && self.state.muted_until.is_some();
        if replaces_ringing {
            Ring::Replaced
        } else if matches!(trust, Trust::Phone(_)) {
            // SECURITY: it is in the hand of whoever asks, and shows what waits without a ring. Whoever holds one
            // of two phones would ring the other without end: the answer, typed on their own from the page
            // that is theirs too, takes each ring back. Guarded by `what_a_phone_asks_for_rings_no_phone`.
            Ring::Quiet(Reason::AskedByPhone)
        } else if level >= Level::Quiet {
            Ring::Quiet(Reason::RiskHigh)
        } else if is_muted {
            Ring::Quiet(Reason::StrangersMuted)
        } else if self.spent_until(trust).is_some() {
            Ring::Quiet(Reason::BudgetSpent)
        } else {
            Ring::Rang
        }
    }

    pub fn spent_until(&self, trust: Trust) -> Option<Timestamp> {
        let whom = match trust {
            // SECURITY: one that fails again and again has no ring kept for it, or it would take that of
            // what is known elsewhere. Guarded by `rings_are_kept_for_known_devices_that_do_not_fail`.
            Trust::Known(id) if self.failures_in_a_row(id) < self.free_failures().max(1) => {
                For::KnownDevice
            }
            // A phone that asks is in its owner's hand: the bell of others is not its to use up.
            Trust::Phone(_) | Trust::Stranger if self.state.devices.is_empty() => For::Stranger,
            Trust::Known(_) | Trust::Phone(_) | Trust::Stranger => For::StrangerBesideKnown,
        };
        self.state.budget.spent_until(self.now, whom, &self.policy.budget)
    }

    /// Whether a known device has failed more often in a row than is free.
    pub fn has_failed_too_often(&self, device: DeviceId) -> bool {
        self.failures_in_a_row(device) > self.free_failures()
    }

    fn failures_in_a_row(&self, device: DeviceId) -> u32 {
        let known = self.state.devices.iter().find(|d| d.id == device);
        known.map_or(0, |device| device.throttle.failures())
    }

    fn free_failures(&self) -> u32 {
        u32::from(self.policy.throttle.free_failures)
    }

    fn hold(&mut self, attempt: &Attempt, trust: Trust, hold: Hold, risk: Risk) -> Outcome {
        let Hold { held, reason, until } = hold;
        let what = Happened::AttemptHeld { attempt: attempt.id.clone(), held, reason, until, risk };
        self.note(&Self::scene(attempt), actor(trust), what);
        let alternatives = self.alternatives(attempt, trust);
        // A code would be refused for the same evidence.
        let totp = alternatives.totp && reason != Reason::RiskHigh;
        // Nothing would wait in the app.
        let open_app = alternatives.open_app && reason != Reason::ClockAhead;
        let alternatives = Alternatives { totp, open_app, ..alternatives };
        match (held, until) {
            (Held::Wait, Some(until)) => Outcome::Wait { until, reason, alternatives },
            (Held::PasskeyOnly, _) => Outcome::PasskeyOnly { reason, alternatives },
            (Held::Wait, None) | (Held::Refused, _) => Outcome::Refused { reason },
        }
    }

    pub fn cancel_attempt(&mut self, attempt: &AttemptId) -> Outcome {
        if self.state.open.as_ref().is_some_and(|open| open.context.attempt == *attempt) {
            self.end_prompt(Actor::RelyingParty, PromptEnd::Cancelled, None);
            return Outcome::Ended(PromptEnd::Cancelled);
        }
        let reason = Reason::NotFound;
        let ended = self.state.ended_attempt(attempt);
        let outcome = self.refuse_change(Actor::RelyingParty, Change::CancelAttempt, reason);
        ended.map_or(outcome, Outcome::AlreadyOver)
    }
}

fn is_phone(authenticator: &Authenticator) -> bool {
    authenticator.kind() == AuthenticatorKind::Phone && authenticator.is_active()
}

pub(crate) const fn actor(trust: Trust) -> Actor {
    match trust {
        Trust::Known(device) => Actor::KnownDevice(device),
        Trust::Phone(phone) => Actor::Phone(phone),
        Trust::Stranger => Actor::Stranger,
    }
}
