use std::borrow::Cow;

use pushback_model::{
    Agent, Coordinates, Endpoint, EventKind, Factor, IdentityEvent, Party, Risk, Source, Timestamp,
};
use serde_json::{Value, json};

use super::to_ocsf;

/// An event with every field filled in.
fn full(kind: EventKind) -> IdentityEvent<'static> {
    let mut event = IdentityEvent::new(Source::Okta, kind, Timestamp::from_seconds(1_772_439_069));
    event.id = Cow::Borrowed("e-1");
    event.part = 2;
    event.logged_at = Some(Timestamp::from_seconds(1_772_439_070));
    event.subscriber = Party {
        name: Cow::Borrowed("EXAMPLE\\alice"),
        mail: Cow::Borrowed("alice@example.org"),
        id: Cow::Borrowed("u-1"),
    };
    event.actor = Some(Party { name: Cow::Borrowed("help@example.org"), ..Party::default() });
    event.factor = Factor::Push;
    event.requester = Endpoint {
        ip: Cow::Borrowed("203.0.113.7"),
        asn: 64500,
        as_name: Cow::Borrowed("Example Net"),
        country: Cow::Borrowed("Norway"),
        region: Cow::Borrowed("Oslo"),
        city: Cow::Borrowed("Oslo"),
        coordinates: Coordinates::new(59.9, 10.7),
        device: Cow::Borrowed("d-1"),
        device_name: Cow::Borrowed("laptop"),
        agent: Agent {
            raw: Cow::Borrowed("Mozilla/5.0"),
            os: Cow::Borrowed("Windows 11"),
            browser: Cow::Borrowed("Firefox"),
        },
        is_proxy: true,
        is_managed: true,
    };
    event.responder = Some(Endpoint {
        ip: Cow::Borrowed("198.51.100.9"),
        device_name: Cow::Borrowed("Pixel 9"),
        ..Endpoint::default()
    });
    event.app = Cow::Borrowed("Portal");
    event.session = Cow::Borrowed("s-1");
    event.transaction = Cow::Borrowed("t-1");
    event.native = Cow::Borrowed("user.authentication.auth_via_mfa");
    event.what = Cow::Borrowed("said no");
    event.risk = Risk::Medium;
    event
}

#[test]
fn every_kind_has_what_every_class_demands() {
    for kind in EventKind::ALL {
        for event in [full(kind), IdentityEvent::new(Source::Aws, kind, Timestamp::from_millis(0))]
        {
            let out = to_ocsf(&event);
            for name in
                ["activity_id", "category_uid", "class_uid", "type_uid", "severity_id", "time"]
            {
                assert!(out[name].is_i64() || out[name].is_u64(), "{kind:?}: {name}");
            }
            let class = out["class_uid"].as_u64().unwrap();
            assert_eq!(
                out["type_uid"].as_u64().unwrap(),
                class * 100 + out["activity_id"].as_u64().unwrap()
            );
            assert_eq!(out["metadata"]["version"], "1.8.0");
            assert!(out["metadata"]["product"]["vendor_name"].is_string());
            match class {
                3001 => assert!(out["user"].is_object()),
                3002 => assert!(out["user"].is_object() && out["service"]["name"].is_string()),
                3003 | 3005 => assert!(out["user"].is_object() && out["privileges"][0] != ""),
                3004 => {
                    assert!(out["entity"]["name"].as_str().is_some_and(|name| !name.is_empty()))
                }
                other => panic!("{kind:?}: class {other}"),
            }
            assert_eq!(out["unmapped"]["kind"], kind.name());
        }
    }
}

#[test]
fn classes_and_activities_are_those_of_the_schema() {
    for (kind, class, activity, status, code) in [
        (EventKind::PromptSent, 3002, 6, 0, "push_sent"),
        (EventKind::PromptApproved, 3002, 1, 1, "push_approved"),
        (EventKind::PromptDenied, 3002, 1, 2, "push_denied"),
        (EventKind::PromptReported, 3002, 1, 2, "push_reported_fraud"),
        (EventKind::PromptTimedOut, 3002, 1, 2, "push_timeout"),
        (EventKind::PromptMismatched, 3002, 1, 2, "push_wrong_number"),
        (EventKind::RateLimited, 3002, 1, 2, "push_rate_limited"),
        (EventKind::SessionRevoked, 3002, 2, 1, ""),
        (EventKind::Impersonated, 3002, 7, 1, "impersonated"),
        (EventKind::AccountCreated, 3001, 1, 1, ""),
        (EventKind::PasswordChanged, 3001, 3, 1, ""),
        (EventKind::PasswordReset, 3001, 4, 1, ""),
        (EventKind::AccountDisabled, 3001, 5, 1, ""),
        (EventKind::LockedOut, 3001, 9, 1, ""),
        (EventKind::FactorEnrolled, 3001, 10, 1, ""),
        (EventKind::FactorRemoved, 3001, 11, 1, ""),
        (EventKind::Unlocked, 3001, 12, 1, ""),
        (EventKind::TokenCreated, 3003, 1, 1, "token_created"),
        (EventKind::MailboxRule, 3004, 1, 1, "mailbox_rule"),
        (EventKind::PolicyChanged, 3004, 3, 1, "policy_changed"),
        (EventKind::DeviceRegistered, 3004, 6, 1, "device_registered"),
        (EventKind::ConsentGranted, 3005, 1, 1, "consent_granted"),
        (EventKind::RoleAssigned, 3005, 3, 1, "role_assigned"),
    ] {
        let out = to_ocsf(&full(kind));
        assert_eq!(out["class_uid"], class, "{kind:?}");
        assert_eq!(out["activity_id"], activity, "{kind:?}");
        assert_eq!(out["status_id"], status, "{kind:?}");
        assert_eq!(out.get("status_code").and_then(Value::as_str).unwrap_or_default(), code);
    }
}

#[test]
fn a_denied_push_is_written_whole() {
    let expected = json!({
        "activity_id": 1,
        "activity_name": "Logon",
        "actor": {"user": {"email_addr": "help@example.org", "name": "help@example.org"}},
        "auth_factors": [{
            "device": {"ip": "198.51.100.9", "name": "Pixel 9", "type_id": 5},
            "factor_type": "Push Notification",
            "factor_type_id": 5,
            "provider": "Okta",
        }],
        "category_name": "Identity & Access Management",
        "category_uid": 3,
        "class_name": "Authentication",
        "class_uid": 3002,
        "http_request": {"user_agent": "Mozilla/5.0"},
        "is_mfa": true,
        "is_remote": true,
        "metadata": {
            "correlation_uid": "t-1",
            "event_code": "user.authentication.auth_via_mfa",
            "logged_time": 1_772_439_070_000_i64,
            "product": {"name": "Okta System Log", "vendor_name": "Okta"},
            "uid": "e-1#2",
            "version": "1.8.0",
        },
        "observables": [
            {"name": "user.name", "type": "User Name", "type_id": 4, "value": "EXAMPLE\\alice"},
            {"name": "user.email_addr", "type": "Email Address", "type_id": 5, "value": "alice@example.org"},
            {"name": "actor.user.name", "type": "User Name", "type_id": 4, "value": "help@example.org"},
            {"name": "src_endpoint.ip", "type": "IP Address", "type_id": 2, "value": "203.0.113.7"},
            {"name": "src_endpoint.location.country", "type": "Country", "type_id": 14, "value": "NO"},
            {"name": "auth_factors[0].device.ip", "type": "IP Address", "type_id": 2, "value": "198.51.100.9"},
            {"name": "http_request.user_agent", "type": "HTTP User-Agent", "type_id": 16, "value": "Mozilla/5.0"},
        ],
        "service": {"name": "Portal"},
        "session": {"uid": "s-1"},
        "severity": "Medium",
        "severity_id": 3,
        "src_endpoint": {
            "autonomous_system": {"name": "Example Net", "number": 64500},
            "ip": "203.0.113.7",
            "location": {"city": "Oslo", "country": "NO", "lat": 59.9, "long": 10.7, "region": "Oslo"},
            "name": "laptop",
            "os": {"name": "Windows 11", "type_id": 100},
            "uid": "d-1",
        },
        "status": "Failure",
        "status_code": "push_denied",
        "status_detail": "said no",
        "status_id": 2,
        "time": 1_772_439_069_000_i64,
        "type_name": "Authentication: Logon",
        "type_uid": 300_201,
        "unmapped": {
            "app": "Portal",
            "browser": "Firefox",
            "factor": "push",
            "is_managed": true,
            "is_proxy": true,
            "kind": "prompt_denied",
            "risk": "medium",
            "session": "s-1",
        },
        "user": {"domain": "EXAMPLE", "email_addr": "alice@example.org", "name": "EXAMPLE\\alice", "uid": "u-1"},
    });
    let out = to_ocsf(&full(EventKind::PromptDenied));
    assert_eq!(out, expected);
    assert!(out.to_string().starts_with("{\"activity_id\":1,\"activity_name\""));
}

/// Writes every kind, whole and bare, where `tests/ocsf/validate.py` can be pointed at.
#[test]
fn every_kind_can_be_written_for_the_validator() {
    let lines: Vec<String> = EventKind::ALL
        .iter()
        .flat_map(|kind| {
            [full(*kind), IdentityEvent::new(Source::Duo, *kind, Timestamp::from_millis(1))]
        })
        .map(|event| to_ocsf(&event).to_string())
        .collect();
    assert!(lines.iter().all(|line| !line.contains('\n')));
    if let Some(file) = std::env::var_os("PUSHBACK_OCSF_OUT") {
        std::fs::write(file, lines.join("\n") + "\n").unwrap();
    }
}
