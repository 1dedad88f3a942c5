//! The document: its bound, its layouts, and what may never be in what leaves it.

use super::*;
use crate::authenticator::{Dispute, Method, Sighting};
use crate::context::FirstTime;
use crate::state::{
    DEVICES_MAX, ENDED_MAX, EndedAttempt, OpenPrompt, PendingAddressCode, PendingBinding,
    RecoveryGrant, Rung, SUCCESSES_MAX, Success, Trust,
};

/// A document of layout 1 as it was first released. Never edited: it stands for what is stored.
const LAYOUT_1: &str = include_str!("state-1.json");

/// The longest text, of characters that JSON writes with a backslash.
fn long() -> Text {
    Text::new(&"\"".repeat(TEXT_BYTES_MAX))
}

fn long_id() -> String {
    "x".repeat(ID_BYTES_MAX)
}

fn everywhere() -> Requester {
    let point = Point {
        latitude_millidegrees: -89_999,
        longitude_millidegrees: -179_999,
        radius_km: u16::MAX,
    };
    Requester {
        ip: Some("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap()),
        network: Some(Network { asn: u32::MAX, name: long(), is_hosting: false }),
        place: Some(Place { country: long(), city: Some(long()), point: Some(point) }),
        browser: Some(long()),
        system: Some(long()),
    }
}

/// Everything that can be there, as long as it can be.
fn full() -> SubscriberState {
    let (mut world, _) = World::with_phone();
    let now = START + Span::millis(1);
    let attempt = AttemptId::parse(&long_id()).unwrap();
    let later = |i: i64| now + Span::millis(i);
    for i in 0..300 {
        let mut from = everywhere();
        from.network = Some(Network { asn: u32::MAX - i, name: long(), is_hosting: false });
        from.place = from.place.map(|p| Place { country: Text::new(&i.to_string()), ..p });
        from.browser = Some(Text::new(&i.to_string()));
        world.state.habits.learn(&from, START + Span::hours(i64::from(i % 24)));
    }
    let state = &mut world.state;
    state.subscriber = SubscriberId::parse(&long_id()).unwrap();
    state.revision = u64::MAX;
    state.serial = u64::MAX;
    state.restored = Some(u64::MAX);
    state.seen_at = now;
    state.addresses = vec![AddressId::parse(&long_id()).unwrap(); ADDRESSES_MAX];
    let method = |i: usize| match i {
        0 => Method::RecoveryCodes { unused: vec![digest(0xff); RECOVERY_CODES_MAX] },
        _ => Method::Phone {
            key: digest(0xff),
            seen: Some(Sighting {
                at: now,
                from: Requester { browser: None, system: None, ..everywhere() },
            }),
        },
    };
    state.authenticators = (0..AUTHENTICATORS_MAX)
        .map(|i| Authenticator {
            id: AuthenticatorId(u64::MAX),
            label: long(),
            method: method(i),
            bound_at: now,
            is_of_first_day: true,
            last_used_at: Some(now),
            failures: u16::MAX,
            stranger_failures: u16::MAX,
            disabled_at: Some(now),
            dispute: Dispute::Suspended {
                at: now,
                settling: Some(PendingSettlement {
                    requested_by: OperatorId::parse(&long_id()).unwrap(),
                    ready_at: now,
                    expires_at: now,
                }),
            },
            dispute_round: u16::MAX,
            asks: Throttle::default(),
        })
        .collect();
    let context = Context {
        subscriber: state.subscriber.clone(),
        prompt: PromptId(u64::MAX),
        attempt: attempt.clone(),
        purpose: Purpose::ManageAuthenticators,
        relying_party: RelyingPartyId::parse(&long_id()).unwrap(),
        relying_party_name: long(),
        requester: everywhere(),
        first_time: FirstTime::SeenNetwork,
        distance: Distance::Kilometres(u32::MAX),
        asked_at: now,
    };
    state.open = Some(OpenPrompt {
        context,
        trust: Trust::Known(DeviceId(u64::MAX)),
        ring: Ring::Quiet(Reason::RelyingPartyNeedsPasskey),
        rung: Some(Rung {
            at: now,
            trust: Trust::Known(DeviceId(u64::MAX)),
            prompt: Some(PromptId(u64::MAX)),
        }),
        code: MatchCode::draw(&Entropy::from_system_rng([1; 32])).unwrap(),
        wrong_entries: u8::MAX,
        expires_at: now,
        others_asked: u16::MAX,
        held_since: Some(now),
    });
    let end = PromptEnd::ClockWentBack;
    state.ended = (0..ENDED_MAX)
        .map(|_| EndedAttempt { attempt: attempt.clone(), prompt: Some(PromptId(u64::MAX)), end })
        .collect();
    let rings = BudgetPolicy { per_day: 40, ..BudgetPolicy::default() };
    (0..60).for_each(|i| state.budget.ring(later(i), &rings));
    let mut throttle = Throttle::default();
    for i in 0..60 {
        throttle.fail(later(i), &ThrottlePolicy::default());
    }
    state.strangers = throttle;
    (0..60).for_each(|i| state.marks.unanswered(later(i)));
    state.marks.denied(now);
    state.muted_until = Some(now);
    state.noticed_at = Some(now);
    state.devices = (0..DEVICES_MAX)
        .map(|_| KnownDevice {
            id: DeviceId(u64::MAX),
            relying_party: Some(RelyingPartyId::parse(&long_id()).unwrap()),
            label: long(),
            first_at: now,
            last_success_at: now,
            throttle,
        })
        .collect();
    let cause = IncidentCause::FalseCaller;
    state.push = PushState::Suspended { at: now, cause };
    state.password = PasswordMark::Burned { at: now };
    state.incident = Some(Incident { id: IncidentId(u64::MAX), opened_at: now, cause });
    state.binding = Some(PendingBinding {
        kind: AuthenticatorKind::RecoveryCodes,
        code: digest(0xff),
        wrong_entries: u8::MAX,
        expires_at: now,
    });
    let mailed = PendingAddressCode {
        address: AddressId::parse(&long_id()).unwrap(),
        code: digest(0xff),
        wrong_entries: u8::MAX,
        expires_at: now,
    };
    state.mailed_codes = vec![mailed; ADDRESSES_MAX];
    (0..60).for_each(|i| {
        state.address_codes.send(AddressId::parse(&long_id()).unwrap(), later(i));
        state.address_codes.fail();
    });
    state.recovered = Some(RecoveryGrant { attempt: attempt.clone(), until: now });
    state.reset = Some(PendingReset {
        id: ResetId(u64::MAX),
        requested_by: OperatorId::parse(&long_id()).unwrap(),
        ready_at: now,
        expires_at: now,
        told: vec![AddressId::parse(&long_id()).unwrap(); ADDRESSES_MAX],
    });
    state.role_change = Some(PendingRoleChange {
        id: RoleChangeId(u64::MAX),
        requested_by: OperatorId::parse(&long_id()).unwrap(),
        ready_at: now,
        expires_at: now,
        told: vec![AddressId::parse(&long_id()).unwrap(); ADDRESSES_MAX],
    });
    state.additions = vec![
        additions::Addition { kind: AuthenticatorKind::RecoveryCodes, at: now };
        additions::ADDITIONS_MAX
    ];
    state.objected_at = Some(now);
    state.caller = Some(CallerCheck {
        id: CallerCheckId(u64::MAX),
        operator: OperatorId::parse(&long_id()).unwrap(),
        operator_name: long(),
        code: CallerCode::draw(&Entropy::from_system_rng([1; 32])).unwrap(),
        rung_at: Some(now),
        expires_at: now,
    });
    state.successes = (0..SUCCESSES_MAX)
        .map(|_| Success {
            attempt: attempt.clone(),
            purpose: Purpose::ManageAuthenticators,
            kind: AuthenticatorKind::RecoveryCodes,
            authenticator: AuthenticatorId(u64::MAX),
            at: now,
        })
        .collect();
    world.state
}

#[test]
fn a_document_with_every_list_full_stays_below_its_bound() {
    let json = serde_json::to_string(&full()).unwrap();
    assert!(json.len() <= STATE_BYTES_MAX, "{} bytes", json.len());
    let read = SubscriberState::from_json(&json).unwrap();
    assert_eq!(read.to_json().unwrap(), json);
}

#[test]
fn an_ordinary_document_is_a_few_kilobytes() {
    let (mut world, phone, _) = World::with_phone_and_passkey();
    for day in 0..40 {
        world.forward(Span::days(1));
        world.sign_in(phone, &format!("day{day}"));
    }
    let bytes = world.state.to_json().unwrap().len();
    assert!((1_000..8_000).contains(&bytes), "{bytes} bytes");
}

#[test]
fn a_document_of_the_first_layout_loads_and_works() {
    let state = SubscriberState::from_json(LAYOUT_1).unwrap();
    assert_eq!(state.subscriber(), &alice());
    assert_eq!(state.authenticators().len(), 3);
    assert_eq!(state.devices().len(), 1);
    let now = state.seen_at;
    let attempt = AttemptId::parse("open").unwrap();
    assert!(matches!(state.attempt(&attempt, now), AttemptStatus::Open { .. }));
    let phone = state.authenticators()[0].id();
    let mut world = World { state, now, ..World::empty() };
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
}

#[test]
fn attempts_that_were_written_as_objects_are_read_and_written_shorter() {
    let mut json = serde_json::to_value(SubscriberState::from_json(LAYOUT_1).unwrap()).unwrap();
    json["ended"] = serde_json::json!([
        { "attempt": "a1", "prompt": 7, "end": "approved" },
        { "attempt": "a2", "end": "denied" },
    ]);
    json["successes"] = serde_json::json!([{
        "attempt": "a1", "purpose": "sign_in", "kind": "phone", "authenticator": 1,
        "at": "2026-03-01T21:20:00Z",
    }]);
    let state = SubscriberState::from_json(&json.to_string()).unwrap();
    assert_eq!(state.attempt(&AttemptId::parse("a2").unwrap(), state.seen_at), OVER_DENIED);
    let written = state.to_json().unwrap();
    assert!(written.contains(r#"[["a1",7,"approved"],["a2",null,"denied"]]"#), "{written}");
    let read = SubscriberState::from_json(&written).unwrap();
    assert_eq!((read.ended, read.successes), (state.ended, state.successes));
}

const OVER_DENIED: AttemptStatus = AttemptStatus::Over(PromptEnd::Denied);

#[test]
fn a_document_that_lacks_what_came_later_loads_with_nothing_there() {
    let json = r#"{"schema":1,"subscriber":"alice","revision":7,"seen_at":"2026-03-01T21:20:00Z","serial":3}"#;
    let state = SubscriberState::from_json(json).unwrap();
    assert_eq!(state.revision(), 7);
    assert_eq!(state.push(), PushState::Active);
    assert!(state.authenticators().is_empty() && state.shown_at(START).is_none());
}

#[test]
fn what_cannot_be_a_document_is_refused() {
    let newer = r#"{"schema":2,"subscriber":"alice"}"#;
    assert!(matches!(SubscriberState::from_json(newer), Err(StateError::Newer { schema: 2 })));
    let long = " ".repeat(STATE_BYTES_MAX + 1);
    assert!(matches!(SubscriberState::from_json(&long), Err(StateError::TooLong { .. })));
    for broken in ["", "{}", "null", r#"{"schema":1}"#] {
        assert!(matches!(SubscriberState::from_json(broken), Err(StateError::Unreadable(_))));
    }
}

#[test]
fn no_code_is_in_anything_that_a_decision_sends_or_writes_down() {
    let (mut world, phone) = World::with_phone();
    let entropy = world.entropy();
    let command = Command::StartAttempt(attempt("a", None));
    let decision = decide(&world.state, command, world.now, &entropy, &world.policy);
    let Outcome::Prompted(prompted) = &decision.outcome else { panic!("{:?}", decision.outcome) };
    let code = prompted.code.reveal();
    let effects = serde_json::to_string(&decision.effects).unwrap();
    let audit = serde_json::to_string(&decision.audit).unwrap();
    let shown = decision.state.shown_at(world.now).unwrap();
    let signed = String::from_utf8_lossy(&shown.canonical_bytes()).into_owned();
    let debugged = format!("{decision:?} {phone}");
    let events = format!("{:?}", decision.events);
    for (what, text) in [
        ("effects", effects),
        ("audit", audit),
        ("signed bytes", signed),
        ("debug", debugged),
        ("events", events),
    ] {
        assert!(!text.contains(code), "{what} holds the code");
    }
}
