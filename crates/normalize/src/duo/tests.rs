use pushback_model::{EventKind as K, Factor as F, Risk, Timestamp};

use crate::testing::{kinds, only, read_all};
use crate::{Read, Reject};
use pushback_model::Source;

fn auth(factor: &str, result: &str, reason: &str) -> String {
    format!(
        r#"{{"access_device":{{"browser":"Chrome","epkey":"EP1","hostname":null,"ip":"203.0.113.7","location":{{"city":"Springfield","country":"United States","state":"Oregon"}},"os":"Mac OS X"}},"alias":"unknown","application":{{"key":"DI1","name":"Example VPN"}},"auth_device":{{"ip":"198.51.100.2","key":"DP1","location":{{"city":"Berlin","country":"Germany","state":"Berlin"}},"name":"Phone"}},"email":"alice@example.org","event_type":"authentication","factor":"{factor}","isotimestamp":"2026-01-31T09:30:00.123456+00:00","reason":{reason},"result":"{result}","timestamp":1769851800,"trusted_endpoint_status":"trusted","txid":"t1","user":{{"groups":["a"],"key":"DU1","name":"alice"}}}}"#
    )
}

#[test]
fn every_result_means_what_the_table_says() {
    for (factor, result, reason, kind, means) in [
        ("duo_push", "success", "user_approved", K::PromptApproved, F::Push),
        ("verified_duo_push", "success", "user_approved", K::PromptApproved, F::Push),
        ("phone_call", "success", "user_approved", K::PromptApproved, F::Voice),
        ("remembered_device", "success", "remembered_device", K::FactorVerified, F::Unknown),
        ("trusted_network", "success", "trusted_network", K::FactorVerified, F::Unknown),
        ("duo_push", "success", "bypass_user", K::Bypassed, F::Push),
        ("n/a", "success", "bypass_user", K::Bypassed, F::Unknown),
        ("n/a", "success", "allow_unenrolled_user", K::Bypassed, F::Unknown),
        ("n/a", "success", "allowed_by_policy", K::FactorVerified, F::Unknown),
        ("duo_mobile_passcode", "success", "valid_passcode", K::FactorVerified, F::Code),
        ("sms_passcode", "success", "valid_passcode", K::FactorVerified, F::Sms),
        ("sms_refresh", "success", "sms_sent", K::PromptSent, F::Sms),
        ("SMS Refresh", "denied", "no_response", K::PromptSent, F::Sms),
        ("bypass_code", "success", "valid_passcode", K::FactorVerified, F::RecoveryCode),
        ("webauthn_security_key", "success", "user_approved", K::FactorVerified, F::Passkey),
        ("duo_push", "denied", "user_mistake", K::PromptDenied, F::Push),
        ("duo_push", "denied", "user_cancelled", K::PromptDenied, F::Push),
        ("phone_call", "denied", "no_keys_pressed", K::PromptDenied, F::Voice),
        ("duo_push", "denied", "no_response", K::PromptTimedOut, F::Push),
        ("phone_call", "denied", "call_timed_out", K::PromptTimedOut, F::Voice),
        ("duo_push", "fraud", "user_marked_fraud", K::PromptReported, F::Push),
        ("duo_push", "denied", "anomalous_push", K::PromptAnomalous, F::Push),
        ("duo_push", "denied", "locked_out", K::LockedOut, F::Push),
        ("n/a", "denied", "user_disabled", K::LockedOut, F::Unknown),
        ("passcode", "denied", "invalid_passcode", K::FactorFailed, F::Code),
        ("verified_duo_push", "denied", "invalid_passcode", K::PromptMismatched, F::Push),
        ("webauthn_credential", "denied", "user_cancelled", K::FactorFailed, F::Passkey),
        ("duo_push", "denied", "location_restricted", K::PolicyRefused, F::Push),
        ("duo_push", "denied", "endpoint_is_not_trusted", K::PolicyRefused, F::Push),
        ("n/a", "denied", "deny_unenrolled_user", K::PolicyRefused, F::Unknown),
        ("duo_push", "FAILURE", "no_response", K::PromptTimedOut, F::Push),
        ("webauthn_credential", "denied", "no_response", K::FactorFailed, F::Passkey),
    ] {
        let event = only(&auth(factor, result, &format!("\"{reason}\"")));
        assert_eq!((event.kind, event.factor), (kind, means), "{factor} {result} {reason}");
        assert_eq!(event.what, reason);
    }
    assert_eq!(only(&auth("duo_push", "success", "null")).kind, K::PromptApproved);
    let enrolled = auth("not_available", "success", "null")
        .replace(r#""event_type":"authentication""#, r#""event_type":"enrollment""#);
    assert_eq!(only(&enrolled).kind, K::FactorEnrolled);
}

#[test]
fn a_reason_that_only_a_prompt_can_have_is_a_prompts_whatever_the_factor_says() {
    for (result, reason, kind) in [
        ("denied", "user_mistake", K::PromptDenied),
        ("denied", "user_cancelled", K::PromptDenied),
        ("denied", "no_keys_pressed", K::PromptDenied),
        ("denied", "no_response", K::PromptTimedOut),
        ("denied", "call_timed_out", K::PromptTimedOut),
        ("success", "user_approved", K::PromptApproved),
        ("success", "allowed_by_policy", K::FactorVerified),
        ("denied", "invalid_passcode", K::FactorFailed),
    ] {
        let record = auth("FACTOR", result, &format!("\"{reason}\""));
        for factor in ["null", "\"\"", "\"n/a\"", "\"not_available\""] {
            let record = record.replace("\"FACTOR\"", factor);
            assert_eq!(kinds(&record), [kind], "{factor} {reason}");
        }
        let record = record.replace("\"factor\":\"FACTOR\",", "");
        assert_eq!(kinds(&record), [kind], "no factor, {reason}");
    }
    assert_eq!(kinds(&auth("n/a", "success", "null")), [K::FactorVerified]);
}

#[test]
fn the_two_ends_are_kept_apart() {
    let event = only(&auth("duo_push", "success", "\"user_approved\""));
    assert_eq!(event.occurred_at, Timestamp::from_millis(1_769_851_800_123));
    assert_eq!((&*event.id, &*event.transaction), ("t1", "t1"));
    assert_eq!(event.subscriber.name, "alice");
    assert_eq!(event.subscriber.mail, "alice@example.org");
    assert_eq!(event.subscriber.id, "DU1");
    assert_eq!((&*event.requester.ip, &*event.requester.device), ("203.0.113.7", "EP1"));
    assert_eq!(
        (&*event.requester.agent.os, &*event.requester.agent.browser),
        ("Mac OS X", "Chrome")
    );
    assert!(event.requester.is_managed);
    let phone = event.responder.unwrap();
    assert_eq!((&*phone.ip, &*phone.country, &*phone.device), ("198.51.100.2", "Germany", "DP1"));
    assert_eq!(event.app, "Example VPN");
}

#[test]
fn trust_assessments_become_risk() {
    let risk = |level: &str, detectors: &str| {
        let assessed = format!(
            r#""adaptive_trust_assessments":{{"more_secure_auth":{{"detected_attack_detectors":[{detectors}],"trust_level":"{level}"}},"remember_me":{{"trust_level":"LOW"}}}},"alias""#
        );
        only(&auth("duo_push", "success", "null").replacen(r#""alias""#, &assessed, 1)).risk
    };
    assert_eq!(risk("NORMAL", ""), Risk::Low);
    assert_eq!(risk("LOW", ""), Risk::Medium);
    assert_eq!(risk("LOW", r#""PUSH_HARASSMENT""#), Risk::High);
}

#[test]
fn seconds_and_milliseconds_are_told_apart() {
    let at = |timestamp: &str| {
        let record = auth("duo_push", "success", "null")
            .replace(r#""isotimestamp":"2026-01-31T09:30:00.123456+00:00","#, "")
            .replace("1769851800", timestamp);
        read_all(&record).1.first().map(|event| event.occurred_at)
    };
    assert_eq!(at("1769851800"), Some(Timestamp::from_seconds(1_769_851_800)));
    assert_eq!(at("1769851800123"), Some(Timestamp::from_millis(1_769_851_800_123)));
    assert_eq!(at("null"), None);
    let timeless = r#"{"access_device":{},"factor":"duo_push","result":"success"}"#;
    assert_eq!(
        read_all(timeless).0,
        Err(Reject::Incomplete { vendor: Source::Duo, missing: "timestamp" })
    );
}

#[test]
fn an_answer_that_names_no_device_is_an_answer() {
    let bare = |event_type: &str| {
        format!(
            r#"{{"event_type":"{event_type}","factor":"duo_push","reason":"user_mistake","result":"denied","timestamp":1769851800,"txid":"t1","user":{{"key":"DU1","name":"alice"}}}}"#
        )
    };
    let event = only(&bare("authentication"));
    assert_eq!((event.kind, event.factor, event.responder), (K::PromptDenied, F::Push, None));
    assert_eq!((&*event.subscriber.name, &*event.id), ("alice", "t1"));
    assert_eq!(only(&bare("enrollment").replace("denied", "success")).kind, K::FactorEnrolled);
    assert_eq!(read_all(&bare("payment")).0, Err(Reject::Unrecognised));
}

#[test]
fn version_1_is_read_too() {
    let event = only(
        r#"{"device":"555-0100","eventtype":"authentication","factor":"Duo Push","host":"h","integration":"Example VPN","ip":"203.0.113.7","new_enrollment":false,"reason":"No response","result":"FAILURE","timestamp":1769851800,"username":"alice"}"#,
    );
    assert_eq!((event.kind, event.factor), (K::PromptTimedOut, F::Push));
    assert_eq!((&*event.subscriber.name, &*event.app), ("alice", "Example VPN"));
}

fn admin(action: &str, description: &str) -> String {
    format!(
        r#"{{"action":"{action}","description":{description},"isotimestamp":"2026-01-31T09:30:00+00:00","object":"alice","timestamp":1769851800,"username":"Help Desk"}}"#
    )
}

#[test]
fn every_administrator_action_means_what_the_table_says() {
    for (action, description, kind) in [
        (
            "admin_2fa_error",
            r#""{\"error\": \"Login request reported as fraudulent.\", \"factor\": \"push\"}""#,
            K::PromptReported,
        ),
        ("admin_2fa_error", r#""Login request reported as fraudulent.""#, K::PromptReported),
        ("admin_2fa_error", r#"{"error":"timed out"}"#, K::FactorFailed),
        ("admin_2fa_error", r#""Login request timed out.""#, K::FactorFailed),
        ("admin_lockout", "null", K::LockedOut),
        ("user_lockout_cleared", "null", K::Unlocked),
        ("bypass_create", r#""{\"count\": 1}""#, K::BypassGranted),
        ("bypass_view", "null", K::BypassGranted),
        ("user_update", r#""{\"status\": \"Bypass\"}""#, K::BypassGranted),
        ("user_update", r#"{"status":"Disabled"}"#, K::AccountDisabled),
        ("phone_create", "null", K::FactorEnrolled),
        ("phone_associate", "null", K::FactorEnrolled),
        ("phone_update", "null", K::FactorUpdated),
        ("phone_delete", "null", K::FactorRemoved),
        ("phone_disassociate", "null", K::FactorRemoved),
        ("hardtoken_create", "null", K::FactorEnrolled),
        ("hardtoken_delete", "null", K::FactorRemoved),
        ("hardtoken_resync", "null", K::FactorUpdated),
        ("u2ftoken_create", "null", K::FactorEnrolled),
        ("webauthncredential_create", "null", K::FactorEnrolled),
        ("webauthncredential_delete", "null", K::FactorRemoved),
        ("regen_mobile", "null", K::FactorReset),
        ("activation_send_link", "null", K::FactorReset),
        ("activation_create_link", "null", K::FactorReset),
        ("send_enroll_code", "null", K::FactorUpdated),
        ("admin_activate_duo_push", "null", K::FactorEnrolled),
        ("admin_reactivates_duo_push", "null", K::FactorReset),
        ("push_verify_approved", "null", K::FactorVerified),
        ("push_verify_failed", "null", K::FactorFailed),
        ("admin_create", "null", K::RoleAssigned),
        ("admin_update", r#"{"role":"Owner"}"#, K::RoleAssigned),
        ("admin_reset_password", "null", K::PasswordReset),
        ("policy_update", "null", K::PolicyChanged),
        ("integration_policy_assign", "null", K::PolicyChanged),
        ("integration_group_policy_add", "null", K::PolicyChanged),
        ("customer_update", "null", K::PolicyChanged),
        ("integration_skey_view", "null", K::TokenCreated),
        ("revoke_session", "null", K::SessionRevoked),
        ("deregister_devices", "null", K::SessionRevoked),
    ] {
        assert_eq!(kinds(&admin(action, description)), [kind], "{action} {description}");
    }
    for (action, description) in [
        ("admin_update", r#""{}""#),
        ("user_update", r#""{\"status\": \"Active\"}""#),
        ("user_update", r#""just words""#),
        ("bypass_delete", "null"),
    ] {
        assert_eq!(read_all(&admin(action, description)).0, Ok(Read::Ignored(Source::Duo)));
    }
    assert_eq!(
        read_all(&admin("teleport", "null")).0,
        Ok(Read::Unknown(Source::Duo, "teleport".to_owned()))
    );
}

#[test]
fn an_administrators_change_names_both() {
    let event = only(&admin("bypass_create", "null"));
    assert_eq!((&*event.subscriber.name, &*event.actor.unwrap().name), ("alice", "Help Desk"));
    assert_eq!(event.id.len(), 16);
    let report = only(&admin(
        "admin_2fa_error",
        r#"{"error":"reported as fraudulent","factor":"push","ip_address":"203.0.113.7"}"#,
    ));
    assert_eq!((&*report.subscriber.name, report.factor), ("Help Desk", F::Push));
    assert_eq!(report.requester.ip, "203.0.113.7");
}

#[test]
fn an_address_that_a_code_was_sent_to_names_nobody() {
    let sent = only(&admin("send_enroll_code", r#""{\"email\": \"x@example.net\"}""#));
    assert_eq!((sent.subscriber.name.as_ref(), sent.subscriber.mail.as_ref()), ("alice", ""));
    let made = only(&admin("user_create", r#"{"email":"alice@example.org"}"#));
    assert_eq!(made.subscriber.mail, "alice@example.org");
}

#[test]
fn activity_counts_when_it_succeeded() {
    let record = |result: &str| {
        format!(
            r#"{{"access_device":{{"ip":{{"address":"203.0.113.7"}},"epkey":"EP1","os":"Windows"}},"action":{{"name":"webauthncredential_create","details":null}},"activity_id":"a1","actor":{{"key":"DU1","name":"alice","type":"user","details":"{{}}"}},"application":{{"name":"Portal"}},"outcome":{{"result":"{result}"}},"target":{{"key":"WA1","name":"WA1","type":"webauthn_credential","details":"{{\"platform\": \"usb\"}}"}},"ts":"2026-01-31T09:30:00.5+00:00"}}"#
        )
    };
    let event = only(&record("SUCCESS"));
    assert_eq!((event.kind, event.factor), (K::FactorEnrolled, F::Passkey));
    assert_eq!((&*event.subscriber.name, event.actor), ("alice", None));
    assert_eq!((&*event.requester.ip, &*event.id), ("203.0.113.7", "a1"));
    assert_eq!(kinds(&record("FAILURE")), []);
}

/// Bob, an administrator, does this to that.
fn activity(action: &str, details: &str, target: &str, result: &str) -> String {
    format!(
        r#"{{"access_device":{{"ip":{{"address":"203.0.113.7"}}}},"action":{{"name":"{action}","details":{details}}},"activity_id":"a1","actor":{{"key":"DE1","name":"bob","type":"admin"}},"outcome":{{"result":"{result}"}},"target":{target},"ts":"2026-01-31T09:30:00.5+00:00"}}"#
    )
}

#[test]
fn what_an_activity_did_stands_in_the_action_or_in_the_target() {
    let alice = |details: &str| {
        format!(r#"{{"key":"DU1","name":"alice","type":"user","details":{details}}}"#)
    };
    let bypass = r#""{\"status\": \"Bypass\"}""#;
    let active = r#""{\"status\": \"Active\", \"email\": \"alice@example.org\"}""#;
    for (details, target) in
        [(bypass, "null"), ("null", bypass), (bypass, active), (r#"{"status":"Bypass"}"#, active)]
    {
        let event = only(&activity("user_update", details, &alice(target), "SUCCESS"));
        assert_eq!(event.kind, K::BypassGranted, "{details} {target}");
        assert_eq!((&*event.subscriber.name, &*event.actor.unwrap().name), ("alice", "bob"));
    }
    assert_eq!(kinds(&activity("user_update", "null", &alice(active), "SUCCESS")), []);
}

#[test]
fn an_activity_on_a_phone_is_about_whose_phone_it_is() {
    let phone = |details: &str| {
        format!(r#"{{"key":"DP1","name":"+1 555 0100","type":"phone","details":{details}}}"#)
    };
    for details in [
        r#""{\"user\": \"alice\", \"platform\": \"Google Android\"}""#,
        r#"{"uname":"alice"}"#,
        r#"{"username":"alice"}"#,
        r#"{"user":{"key":"DU1","name":"alice"}}"#,
        r#"{"users":[{"key":"DU1","name":"alice"}]}"#,
    ] {
        let event = only(&activity("phone_create", "null", &phone(details), "SUCCESS"));
        assert_eq!((event.kind, event.factor), (K::FactorEnrolled, F::Push));
        assert_eq!(event.subscriber.name, "alice", "{details}");
        assert_eq!(event.actor.unwrap().name, "bob", "{details}");
    }
    let own = only(&activity("phone_create", "null", &phone(r#"{"user":"bob"}"#), "SUCCESS"));
    assert_eq!((&*own.subscriber.name, &*own.subscriber.id, own.actor), ("bob", "DE1", None));
}

#[test]
fn an_activity_that_is_a_failure_counts_though_it_failed() {
    for (action, kind) in [
        ("admin_lockout", Some(K::LockedOut)),
        ("admin_2fa_error", Some(K::FactorFailed)),
        ("admin_login_error", Some(K::SignInFailed)),
        ("push_verify_failed", Some(K::FactorFailed)),
        ("push_verify_approved", None),
        ("admin_login", None),
        ("phone_create", None),
    ] {
        let record = activity(action, "null", "null", "FAILURE");
        assert_eq!(kinds(&record), kind.into_iter().collect::<Vec<_>>(), "{action}");
    }
    let fraud = activity("admin_2fa_error", r#""Reported as fraudulent.""#, "null", "FAILURE");
    assert_eq!(kinds(&fraud), [K::PromptReported]);
}

#[test]
fn telephony_rings_only_to_sign_in() {
    let record = |context: &str, kind: &str| {
        format!(
            r#"{{"context":"{context}","credits":1,"phone":"+15550100","telephony_id":"p1","ts":"2026-01-31T09:30:00+00:00","txid":"t1","type":"{kind}"}}"#
        )
    };
    let event = only(&record("authentication", "phone"));
    assert_eq!((event.kind, event.factor, &*event.transaction), (K::PromptSent, F::Voice, "t1"));
    assert_eq!(only(&record("authentication", "sms")).factor, F::Sms);
    assert_eq!(kinds(&record("enrollment", "sms")), []);
}

#[test]
fn trust_monitor_speaks_of_bypass_and_of_odd_sign_ins() {
    let bypass = only(
        r#"{"bypass_status_enabled":1769851800000,"enabled_by":{"key":"DE1","name":"Help Desk"},"enabled_for":{"key":"DU1","name":"alice"},"sekey":"SE1","state":"new","surfaced_timestamp":1769851801000,"type":"bypass_status"}"#,
    );
    assert_eq!(bypass.kind, K::BypassGranted);
    assert_eq!((&*bypass.subscriber.name, &*bypass.actor.unwrap().name), ("alice", "Help Desk"));
    let odd = only(
        r#"{"explanations":[{"summary":"new country"}],"sekey":"SE2","surfaced_auth":{"access_device":{"ip":"203.0.113.7"},"txid":"t1","user":{"key":"DU1","name":"alice"}},"surfaced_timestamp":1769851801000,"type":"auth"}"#,
    );
    assert_eq!((odd.kind, &*odd.what), (K::RiskDetected, "new country"));
    assert_eq!((&*odd.requester.ip, &*odd.transaction), ("203.0.113.7", "t1"));
}
