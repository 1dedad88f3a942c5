//! One decision in the making: the document being changed, and what comes out beside it.

use std::borrow::Cow;

use pushback_model::{
    Agent, Coordinates, Endpoint, EventKind, IdentityEvent, Party, Source, Timestamp,
};

use crate::audit::{Actor, AuditEntry, CallerEnd, Change, Happened};
use crate::authenticator::AuthenticatorKind;
use crate::code::Entropy;
use crate::decide::Decision;
use crate::effect::{Act, Effect, EffectKey, IncidentCause, Notice};
use crate::id::{AuthenticatorId, IncidentId, RelyingPartyId};
use crate::outcome::{Outcome, PromptEnd, Reason};
use crate::policy::Policy;
use crate::requester::Requester;
use crate::state::{
    DEVICES_MAX, ENDED_MAX, EndedAttempt, Incident, KnownDevice, OpenPrompt, PushState,
    SubscriberState, Trust, push_bounded,
};
use crate::text::Text;
use crate::throttle::Throttle;

/// A subscriber is told of unexpected prompts at most once in this time (ASVS 6.3.5).
const NOTICE_EVERY: pushback_model::Span = pushback_model::Span::days(1);

/// The document being changed, and what comes out beside it.
pub(crate) struct Turn<'a> {
    pub state: SubscriberState,
    /// The document's time: the latest that any node has told.
    pub now: Timestamp,
    /// The deciding node's time.
    pub node_at: Timestamp,
    pub entropy: &'a Entropy,
    pub policy: &'a Policy,
    effects: Vec<Effect>,
    audit: Vec<AuditEntry>,
    events: Vec<IdentityEvent<'static>>,
}

/// Where something happens, for the identity event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    pub requester: Requester,
    pub app: Text,
    pub phone: Option<Requester>,
}

impl Scene {
    pub fn of_prompt(open: &OpenPrompt) -> Self {
        Self {
            requester: open.context.requester.clone(),
            app: open.context.relying_party_name.clone(),
            phone: None,
        }
    }

    pub fn of_phone(phone: &Requester) -> Self {
        Self { phone: Some(phone.clone()), ..Self::default() }
    }
}

impl<'a> Turn<'a> {
    pub fn new(
        state: &SubscriberState,
        node_at: Timestamp,
        entropy: &'a Entropy,
        policy: &'a Policy,
    ) -> Self {
        let mut state = state.clone();
        state.revision = state.revision.saturating_add(1);
        let now = node_at.max(state.seen_at);
        Self {
            state,
            now,
            node_at,
            entropy,
            policy,
            effects: Vec::new(),
            audit: Vec::new(),
            events: Vec::new(),
        }
    }

    pub fn finish(mut self, outcome: Outcome) -> Decision {
        debug_assert!(!self.audit.is_empty(), "every outcome has an audit entry");
        self.state.seen_at = self.now;
        Decision {
            state: self.state,
            outcome,
            effects: self.effects,
            audit: self.audit,
            events: self.events,
        }
    }

    /// Plans something for after the commit.
    pub fn act(&mut self, act: Act) {
        let key = EffectKey(format!(
            "{}/{}/e{}",
            self.state.subscriber,
            self.state.revision,
            self.effects.len()
        ));
        self.effects.push(Effect { key, act });
    }

    /// Tells the subscriber at every address.
    pub fn notify(&mut self, notice: Notice) {
        let to = self.state.addresses.clone();
        self.act(Act::Notify { notice, to });
    }

    /// Writes down what happened, and tells the detection engine if it concerns a sign-in.
    pub fn note(&mut self, scene: &Scene, by: Actor, what: Happened) {
        let id = EffectKey(format!(
            "{}/{}/a{}",
            self.state.subscriber,
            self.state.revision,
            self.audit.len()
        ));
        if let Some((kind, factor)) = what.event() {
            let mut event = self.event(scene, &by, kind);
            event.id = Cow::Owned(id.to_string());
            event.factor = factor;
            if let Some(attempt) = what.attempt() {
                event.transaction = Cow::Owned(attempt.to_string());
            }
            self.events.push(event);
        }
        self.audit.push(AuditEntry { id, at: self.now, node_at: self.node_at, by, what });
    }

    fn event(&self, scene: &Scene, by: &Actor, kind: EventKind) -> IdentityEvent<'static> {
        let mut event = IdentityEvent::new(Source::Pushback, kind, self.now);
        event.logged_at = Some(self.node_at);
        let name = self.state.subscriber.as_str().to_owned();
        event.subscriber =
            Party { id: Cow::Owned(name.clone()), name: Cow::Owned(name), mail: "".into() };
        event.actor = match by {
            Actor::Operator(operator) => {
                Some(Party { id: Cow::Owned(operator.to_string()), ..Party::default() })
            }
            Actor::Stranger
            | Actor::KnownDevice(_)
            | Actor::Phone(_)
            | Actor::Subscriber
            | Actor::Address(_)
            | Actor::RelyingParty
            | Actor::Clock => None,
        };
        event.requester = endpoint(&scene.requester);
        if let Actor::KnownDevice(device) = by {
            event.requester.device = Cow::Owned(device.to_string());
        }
        event.responder = scene.phone.as_ref().map(endpoint);
        event.app = Cow::Owned(scene.app.to_string());
        event
    }

    /// A change that was refused: written down, and told why.
    pub fn refuse_change(&mut self, by: Actor, change: Change, reason: Reason) -> Outcome {
        self.note(&Scene::default(), by, Happened::ChangeRefused { change, reason });
        Outcome::Refused { reason }
    }

    /// The bucket of a known device or phone, or the one that strangers share.
    pub fn bucket(&mut self, trust: Trust) -> &mut Throttle {
        let SubscriberState { devices, authenticators, strangers, .. } = &mut self.state;
        let own = match trust {
            Trust::Known(id) => devices.iter_mut().find(|d| d.id == id).map(|d| &mut d.throttle),
            Trust::Phone(id) => authenticators.iter_mut().find(|a| a.id == id).map(|a| &mut a.asks),
            Trust::Stranger => None,
        };
        own.unwrap_or(strangers)
    }

    /// Counts a failure in one bucket. A device that fails too often is known no longer.
    pub fn fail(&mut self, trust: Trust) {
        self.fail_at(trust, self.now);
    }

    /// The same for a failure that was at another time than now.
    fn fail_at(&mut self, trust: Trust, at: Timestamp) {
        let policy = self.policy;
        let bucket = self.bucket(trust);
        bucket.fail(at, &policy.throttle);
        let is_lost = bucket.failures() >= u32::from(policy.throttle.forget_device_after);
        if let (Trust::Known(device), true) = (trust, is_lost) {
            self.state.devices.retain(|d| d.id != device);
            self.note(&Scene::default(), Actor::Clock, Happened::DeviceForgotten { device });
        }
    }

    /// Ends the open prompt, if there is one. The only place where a prompt ends.
    pub fn end_prompt(&mut self, by: Actor, end: PromptEnd, phone: Option<&Requester>) {
        let Some(open) = self.state.open.take() else { return };
        let (prompt, attempt) = (open.context.prompt, open.context.attempt.clone());
        let ended = EndedAttempt { attempt: attempt.clone(), prompt: Some(prompt), end };
        push_bounded(&mut self.state.ended, ended, ENDED_MAX);
        let mut scene = Scene::of_prompt(&open);
        scene.phone = phone.cloned();
        let rang = open.rang();
        let is_given_up = end == PromptEnd::Cancelled && by == Actor::RelyingParty;
        self.note(
            &scene,
            by,
            Happened::PromptEnded { prompt, attempt: attempt.clone(), end, rang },
        );
        self.act(Act::WakeWaiting { attempt });
        match end {
            PromptEnd::Denied | PromptEnd::Reported | PromptEnd::Mismatched => {
                self.state.marks.denied(self.now);
                self.fail(open.trust);
                self.state.muted_until = Some(self.now + self.policy.trust.mute());
                self.warn(open.trust);
            }
            // SECURITY: whoever gives each prompt up before it runs out would ring, wait for nothing and leave
            // no trace. Guarded by `a_stranger_who_gives_up_has_failed` and
            // `a_known_device_that_gives_up_again_and_again_waits_and_its_owner_is_told`.
            PromptEnd::Cancelled if is_given_up => {
                if rang && open.trust == Trust::Stranger {
                    self.state.marks.unanswered(self.now);
                }
                self.fail(open.trust);
                if rang {
                    self.warn(open.trust);
                }
            }
            PromptEnd::Expired | PromptEnd::ClockWentBack => {
                // A clock's fault is nobody's failure: it would make the owner wait for it.
                // SECURITY: it failed when its time was over, not when somebody came to see it: a
                // name that nobody has is looked at later, and would wait for longer. Guarded by
                // `a_name_that_nobody_has_looks_like_somebody_who_does_not_answer`.
                let over_at = open.expires_at.min(self.now);
                if end == PromptEnd::Expired {
                    self.fail_at(open.trust, over_at);
                }
                if rang {
                    self.state.marks.unanswered(over_at);
                    self.warn(open.trust);
                }
            }
            // SECURITY: whoever typed the right code far away from the browser may have typed it for a relay
            // page or a caller, who come back. Guarded by
            // `a_right_code_from_afar_is_told_and_counts_against_strangers`.
            PromptEnd::SteppedUp => {
                self.state.marks.denied(self.now);
                self.notify(Notice::CodeFromAfar);
            }
            PromptEnd::Approved
            | PromptEnd::Overtaken
            | PromptEnd::TakenOver
            | PromptEnd::Cancelled => {}
        }
        let phones = self.state.phones();
        self.act(Act::RefreshPhones { phones });
    }

    /// Tells the subscriber that a stranger knows the password (ASVS 6.3.5), once a day. A known device that
    /// fails again and again may be in a stranger's hands.
    fn warn(&mut self, trust: Trust) {
        let is_due = self.state.noticed_at.is_none_or(|at| at + NOTICE_EVERY <= self.now);
        let is_strange = match trust {
            Trust::Stranger => true,
            Trust::Known(device) => self.has_failed_too_often(device),
            Trust::Phone(_) => false,
        };
        if is_strange && is_due {
            self.state.noticed_at = Some(self.now);
            self.notify(Notice::UnexpectedPrompt);
        }
    }

    /// Stops asking phones until a passkey or the help desk restores it.
    pub fn suspend_push(&mut self, by: Actor, cause: IncidentCause) {
        if self.state.is_suspended() {
            return;
        }
        self.state.push = PushState::Suspended { at: self.now, cause };
        self.note(&Scene::default(), by, Happened::PushSuspended { cause });
    }

    /// Opens an incident, or returns the open one.
    pub fn open_incident(&mut self, by: Actor, cause: IncidentCause) -> IncidentId {
        if let Some(incident) = self.state.incident {
            return incident.id;
        }
        let id = IncidentId(self.state.next_serial());
        self.state.incident = Some(Incident { id, opened_at: self.now, cause });
        self.note(&Scene::default(), by, Happened::IncidentOpened { incident: id, cause });
        self.act(Act::OpenIncident { incident: id, cause });
        id
    }

    /// Drops everything with which an authenticator could be bound.
    pub fn drop_grants(&mut self) {
        self.state.binding = None;
        self.state.mailed_codes.clear();
        self.state.recovered = None;
        self.state.successes.clear();
    }

    /// Ends a caller check, if one is open.
    pub fn end_caller_check(&mut self, by: Actor, end: CallerEnd) {
        if let Some(check) = self.state.caller.take() {
            let what = Happened::CallerCheckEnded { check: check.id, end };
            self.note(&Scene::default(), by, what);
        }
    }

    /// Takes an authenticator out of the document and has its key erased.
    pub fn remove(&mut self, by: Actor, id: AuthenticatorId, kind: AuthenticatorKind) {
        self.state.authenticators.retain(|a| a.id != id);
        if !self.state.authenticators.iter().any(|a| a.kind().rank() > 0) {
            self.state.empty_since.get_or_insert(self.now);
        }
        self.state.successes.retain(|s| s.authenticator != id);
        let what = Happened::Invalidated { authenticator: id, kind };
        self.note(&Scene::default(), by, what);
        self.act(Act::EraseKey { authenticator: id });
    }

    /// Says that an authenticator has just been disabled for too many failures.
    pub fn disabled(&mut self, id: AuthenticatorId, kind: AuthenticatorKind) {
        let what = Happened::Disabled { authenticator: id, kind };
        self.note(&Scene::default(), Actor::Clock, what);
        self.notify(Notice::Disabled { kind });
    }

    /// Remembers the browser or device of a success; the one not used for longest makes room.
    /// A phone keeps no cookie: it is known by its key.
    pub fn know_device(
        &mut self,
        trust: Trust,
        relying_party: RelyingPartyId,
        label: Text,
    ) -> Option<crate::id::DeviceId> {
        let now = self.now;
        if let Trust::Known(id) = trust
            && let Some(device) = self.state.devices.iter_mut().find(|d| d.id == id)
        {
            device.last_success_at = now;
            device.relying_party = Some(relying_party);
            return Some(id);
        }
        if matches!(trust, Trust::Phone(_)) {
            return None;
        }
        let id = crate::id::DeviceId(self.state.next_serial());
        // SECURITY: an application that keeps no cookies makes a new device of every success; what came
        // back is a real browser. Guarded by `successes_without_a_cookie_push_no_browser_out`.
        self.state.devices.sort_by_key(|device| {
            (device.last_success_at > device.first_at, device.last_success_at)
        });
        let device = KnownDevice {
            id,
            relying_party: Some(relying_party),
            label,
            first_at: now,
            last_success_at: now,
            throttle: Throttle::default(),
        };
        push_bounded(&mut self.state.devices, device, DEVICES_MAX);
        Some(id)
    }
}

fn endpoint(from: &Requester) -> Endpoint<'static> {
    let text =
        |text: &Option<Text>| Cow::Owned(text.as_ref().map(Text::to_string).unwrap_or_default());
    let place = from.place.as_ref();
    let point = place.and_then(|place| place.point).and_then(|point| {
        Coordinates::new(
            f64::from(point.latitude_millidegrees) / 1_000.0,
            f64::from(point.longitude_millidegrees) / 1_000.0,
        )
    });
    Endpoint {
        ip: Cow::Owned(from.ip.map(|ip| ip.to_string()).unwrap_or_default()),
        asn: from.network.as_ref().map_or(0, |n| n.asn),
        as_name: Cow::Owned(from.network.as_ref().map(|n| n.name.to_string()).unwrap_or_default()),
        country: Cow::Owned(place.map(|p| p.country.to_string()).unwrap_or_default()),
        city: text(&place.and_then(|p| p.city.clone())),
        coordinates: point,
        agent: Agent { raw: "".into(), os: text(&from.system), browser: text(&from.browser) },
        is_proxy: from.network.as_ref().is_some_and(|n| n.is_hosting),
        ..Endpoint::default()
    }
}
