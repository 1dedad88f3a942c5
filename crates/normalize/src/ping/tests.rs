use pushback_model::EventKind::{self, *};
use pushback_model::{Factor, Risk};
use serde_json::{Value, json};

use super::{read, read_text, recognises, recognises_text};
use crate::fixture::{events, kinds, one};
use crate::{Mapping, Read};

fn pingid(status: &str, message: &str) -> Value {
    let value = json!({
        "source": "PINGID",
        "id": "decc8320-0000-0000-0000-000000000001",
        "recorded": "2026-03-02T08:11:09.958Z",
        "actors": [{"type": "user", "name": "alice"}],
        "resources": [{"ipaddress": "203.0.113.7", "websession": "webs_1", "devicemodel": "Pixel 9"}],
        "result": {"status": status, "message": message},
    });
    assert!(recognises(&value));
    value
}

#[test]
fn every_pingid_result_has_its_meaning() {
    for (status, message, expected) in [
        ("SUCCESS", "SSO Swipe \"Pixel 9\"", PromptApproved),
        ("SUCCESS", "SSO Banner \"Pixel 9\"", PromptApproved),
        ("SUCCESS", "VPN Banner \"Pixel 9\"", PromptApproved),
        ("SUCCESS", "VPN Swipe \"Pixel 9\"", PromptApproved),
        ("SUCCESS", "SSO SMS \"Mobile 1\"", FactorVerified),
        ("SUCCESS", "SSO One-Time Passcode \"Pixel 9\"", FactorVerified),
        ("SUCCESS", "SSO Security Key \"Key\"", FactorVerified),
        ("FAILURE,authFail", "SSO User denied \"Pixel 9\"", PromptDenied),
        ("FAILURE,authFail", "VPN Auth. Denied \"Pixel 9\"", PromptDenied),
        ("FAILURE,authFail", "VPN Auth. Timed Out, Unresponsive User \"Pixel 9\"", PromptTimedOut),
        (
            "UNSUCCESSFUL_ATTEMPT",
            "SSO Auth. Timed Out, Unresponsive User \"Pixel 9\"",
            PromptTimedOut,
        ),
        ("UNSUCCESSFUL_ATTEMPT", "SSO Unresponsive Device \"Pixel 9\"", PromptTimedOut),
        ("FAILURE,authFail", "SSO Invalid OTP", FactorFailed),
        ("FAILURE,authFail", "SSO Cancelled", FactorFailed),
        ("FAILURE,authFail", "SSO Reported as fraud \"Pixel 9\"", PromptReported),
        ("FAILURE,authFail", "SSO Number mismatch \"Pixel 9\"", PromptMismatched),
        ("FAILURE", "SSO User is blocked", LockedOut),
        ("SUCCESS", "Device Paired \"Android \"Pixel 9\"\"", FactorEnrolled),
        ("SUCCESS", "Device Paired SMS \"Mobile 1\"", FactorEnrolled),
        ("SUCCESS", "Device Unpaired \"Pixel 9\"", FactorRemoved),
        ("SUCCESS", "User Suspended", AccountDisabled),
        ("SUCCESS", "User Bypass granted", BypassGranted),
    ] {
        assert_eq!(kinds(read, &pingid(status, message)), [expected], "{status} {message}");
    }
}

#[test]
fn a_pingid_record_without_a_result_has_one_in_its_resource() {
    let record = |resource: &str, message: &str| {
        let mut value = pingid("", message);
        value.as_object_mut().unwrap().remove("result");
        value["resource"] = json!(resource);
        value["resources"][0]["pingidmsg"] = json!(message);
        assert!(recognises(&value));
        value
    };
    for (resource, message, expected) in [
        ("SSO-SUCCESS", "", FactorVerified),
        ("SSO-FAILURE", "", FactorFailed),
        ("VPN-FAILURE", "", FactorFailed),
        ("SSO-SUCCESS", "SSO Swipe \"Pixel 9\"", PromptApproved),
        ("SSO-FAILURE", "SSO User denied \"Pixel 9\"", PromptDenied),
    ] {
        let event = one(read, &record(resource, message));
        assert_eq!(event.kind, expected, "{resource} {message}");
        if message.is_empty() {
            assert_eq!(event.native, resource);
        }
    }
    assert_eq!(one(read, &record("SSO-FAILURE", "")).app, "SSO");
    assert_eq!(kinds(read, &record("SEND_EMAIL-SUCCESS", "")), []);
}

#[test]
fn what_pingid_sends_and_copies_by_itself_is_no_event_of_anybody() {
    for message in ["Email sent to user", "User attributes updated"] {
        let read = read(&pingid("SUCCESS", message), b"", &Mapping::default(), &mut |_| {});
        assert_eq!(read, Ok(Read::Ignored(pushback_model::Source::PingId)), "{message}");
    }
}

#[test]
fn what_follows_in_a_pingid_web_session_names_it() {
    let event = one(read, &pingid("SUCCESS", "Device Paired \"Pixel 9\""));
    assert_eq!(event.session, "webs_1");
}

#[test]
fn a_pingid_result_tells_both_ends() {
    let event = one(read, &pingid("SUCCESS", "VPN Banner \"Pixel 9\""));
    assert_eq!(event.subscriber.name, "alice");
    assert_eq!(event.factor, Factor::Push);
    assert_eq!(event.requester.ip, "203.0.113.7");
    assert_eq!(event.responder.unwrap().device_name, "Pixel 9");
    assert_eq!(event.transaction, "webs_1");
    assert_eq!(event.native, "VPN Banner");
    assert_eq!(event.app, "VPN");
}

#[test]
fn a_pingid_policy_record_tells_who_asked() {
    let message = "Authentication Details:\nIP Address: 198.51.100.9\nCountry: Norway\n\
        Ground Speed: N/A km/h\nCurrent VPN/Proxy login: true\nNew Device: true\nRisk Level: HIGH\n\
        Requested Application Name: VPN\nAccessing Device OS: Windows 11\n\
        Accessing Device UserAgent: Mozilla/5.0 (X: 1)\nPassword Reset: true\nAction: Authenticate";
    let event = one(read, &pingid("POLICY", message));
    assert_eq!(event.kind, ChallengeRequired);
    assert_eq!(event.requester.ip, "198.51.100.9");
    assert_eq!(event.requester.country, "Norway");
    assert_eq!(event.requester.agent.os, "Windows 11");
    assert_eq!(event.requester.agent.raw, "Mozilla/5.0 (X: 1)");
    assert!(event.requester.is_proxy);
    assert_eq!(event.risk, Risk::High);
    assert_eq!(event.app, "VPN");
    assert_eq!(event.transaction, "webs_1");
    assert_eq!(event.what, "during a password reset, new device");
    assert_eq!(kinds(read, &pingid("POLICY", "Action: Deny")), [PolicyRefused]);
    // Without an address of its own the record's resource tells it.
    assert_eq!(one(read, &pingid("POLICY", "IP Address: N/A")).requester.ip, "203.0.113.7");
}

#[test]
fn whom_a_pingid_policy_lets_in_unasked_is_known_by_that_browser() {
    let message = "IP Address: 203.0.113.7\nAccessing Device UserAgent: Mozilla/5.0 (X: 1)\n\
        Requested Application Name: Wiki\nAction: Approve";
    let event = one(read, &pingid("POLICY", message));
    assert_eq!(event.kind, SessionUsed);
    assert_eq!(event.requester.agent.raw, "Mozilla/5.0 (X: 1)");
    assert_eq!(event.requester.ip, "203.0.113.7");
}

#[test]
fn pingid_resources_may_be_numbered_or_flattened() {
    let numbered = json!({
        "source": "PINGID", "recorded": "2026-03-02T08:11:09Z",
        "actors": {"1": {"type": "user", "name": "alice"}},
        "resources": {"1": {"ipaddress": "203.0.113.7"}, "2": {"websession": "webs_1"}},
        "result": {"status": "SUCCESS", "message": "SSO Swipe \"Pixel 9\""},
    });
    let flat = json!({
        "source": "PINGID", "recorded": "2026-03-02T08:11:09Z",
        "actors.1.type": "user", "actors.1.name": "alice",
        "resources.1.ipaddress": "203.0.113.7", "resources.2.websession": "webs_1",
        "result": {"status": "SUCCESS", "message": "SSO Swipe \"Pixel 9\""},
    });
    for value in [numbered, flat] {
        let event = one(read, &value);
        assert_eq!(event.subscriber.name, "alice");
        assert_eq!(event.requester.ip, "203.0.113.7");
        assert_eq!(event.transaction, "webs_1");
        assert_eq!(event.responder.unwrap().device_name, "Pixel 9");
    }
}

fn pingone(action: &str, status: &str, description: &str) -> Value {
    let value = json!({
        "id": "e1579fb1-0000-4000-8000-000000000001",
        "recordedAt": "2026-03-02T08:11:09.229Z",
        "correlationId": "corr-1",
        "action": {"type": action},
        "actors": {
            "client": {"id": "app-1", "name": "Portal", "type": "CLIENT"},
            "user": {"id": "u-1", "name": "alice@example.org", "type": "USER"},
        },
        "resources": [{"type": "USER", "id": "u-1", "name": "alice@example.org"}],
        "result": {"status": status, "description": description},
        "source": {"ipAddress": "203.0.113.7", "userAgent": "Mozilla/5.0"},
    });
    assert!(recognises(&value));
    value
}

#[test]
fn every_pingone_action_has_its_meaning() {
    for (action, description, expected) in [
        ("NOTIFICATION.CREATED", "", Some(PromptSent)),
        ("NOTIFICATION.UPDATED", "", None),
        ("NOTIFICATION.REJECTED", "", Some(PromptUndelivered)),
        ("NOTIFICATION.REJECTED", "Daily limit reached", Some(RateLimited)),
        ("AUTHENTICATION.CREATED", "", Some(ChallengeRequired)),
        ("AUTHENTICATION.UPDATED", "PUSH_CONFIRMATION_TIMED_OUT", Some(PromptTimedOut)),
        ("AUTHENTICATION.UPDATED", "PUSH_CONFIRMATION_REJECTED", Some(PromptDenied)),
        ("AUTHENTICATION.UPDATED", "Push confirmed", Some(PromptApproved)),
        ("AUTHENTICATION.UPDATED", "COMPLETED", Some(FactorVerified)),
        ("AUTHENTICATION.UPDATED", "FAILED", Some(FactorFailed)),
        ("AUTHENTICATION.UPDATED", "PUSH_CONFIRMATION_REQUIRED", None),
        ("FLOW.UPDATED", "", None),
        ("OTP.CHECK_SUCCESS", "", Some(FactorVerified)),
        ("OTP.CHECK_FAILED", "", Some(FactorFailed)),
        ("ASSERTION.CHECK_SUCCESS", "", Some(FactorVerified)),
        ("DEVICE.FRAUD_REPORTED", "", Some(PromptReported)),
        ("USER.LOCKED", "", Some(LockedOut)),
        ("USER.UNLOCKED", "", Some(Unlocked)),
        ("USER.QUOTA_RESET", "", Some(Unlocked)),
        ("DEVICE.BLOCKED", "", Some(LockedOut)),
        ("DEVICE.CREATED", "", Some(FactorEnrolled)),
        ("DEVICE.ACTIVATED", "", Some(FactorEnrolled)),
        ("DEVICE.DELETED", "", Some(FactorRemoved)),
        ("DEVICE.NICKNAME_UPDATED", "", Some(FactorUpdated)),
        ("DEVICES.ORDER_UPDATED", "", Some(FactorUpdated)),
        ("DEVICE.ACTIVATION_FAILED", "", None),
        ("DEVICE.PAIRING_FAILED_COMPROMISED", "", Some(RiskDetected)),
        ("MFA_SETTINGS.UPDATED", "", Some(PolicyChanged)),
        ("PUSH_CREDENTIALS.UPDATED", "", Some(PolicyChanged)),
        ("USER.ACCESS_ALLOWED", "", Some(SessionStarted)),
        ("USER.ACCESS_DENIED", "", Some(PolicyRefused)),
        ("SESSION.CREATED", "", Some(SessionStarted)),
        ("SESSION.UPDATED", "", Some(SessionUsed)),
        ("SESSION.DELETED", "", Some(SessionRevoked)),
        ("SESSION.BROWSER_TRUST_ESTABLISHED", "", Some(DeviceRegistered)),
        ("SEEN_DEVICE.CREATED", "", None),
        ("PASSWORD.RESET", "", Some(PasswordReset)),
        ("PASSWORD.SET", "", Some(PasswordChanged)),
        ("PASSWORD.RECOVERY", "", Some(PasswordReset)),
        ("PASSWORD.CHECK_FAILED", "", Some(SignInFailed)),
        ("PASSWORD.CHECK_SUCCEEDED", "", Some(PasswordVerified)),
        ("PASSWORD.RECOVERY", "Recovery code sent", Some(PromptSent)),
        ("PASSWORD.RECOVERY", "Password recovered", Some(PasswordReset)),
        ("PASSWORD.UNLOCKED", "", Some(Unlocked)),
        ("TRUSTED_EMAIL.CREATED", "", Some(RecoveryChanged)),
        ("OAUTH_CONSENT.ACCEPTED", "", Some(ConsentGranted)),
        ("OAUTH_CONSENT.DECLINED", "", None),
        ("GRANT.CREATED", "", Some(ConsentGranted)),
        ("ROLE_ASSIGNMENT.CREATED", "", Some(RoleAssigned)),
        ("ROLE_ASSIGNMENT.DELETED", "", None),
        ("MEMBER_OF_GROUP.CREATED", "", Some(RoleAssigned)),
        ("APPLICATION_ROLE_ENTRY.ADDED", "", Some(RoleAssigned)),
        ("DEVICE_AUTHENTICATION_POLICY.UPDATED", "", Some(PolicyChanged)),
        ("SIGN_ON_POLICY_ASSIGNMENT.DELETED", "", Some(PolicyChanged)),
        ("POLICY.UPDATED", "", Some(PolicyChanged)),
        ("RISK_POLICY_SET.UPDATED", "", Some(PolicyChanged)),
        ("FIDO_POLICY.UPDATED", "", Some(PolicyChanged)),
        ("RISK_EVALUATION.CREATED", "level HIGH", Some(RiskDetected)),
        ("RISK_EVALUATION.CREATED", "level LOW", None),
    ] {
        let expected: Vec<EventKind> = expected.into_iter().collect();
        let value = pingone(action, "SUCCESS", description);
        assert_eq!(kinds(read, &value), expected, "{action} {description}");
    }
}

#[test]
fn a_pingone_authentication_may_end_as_it_begins() {
    for (description, expected, factor) in [
        ("PUSH_CONFIRMATION_REJECTED", PromptDenied, Factor::Push),
        ("PUSH_CONFIRMATION_TIMED_OUT", PromptTimedOut, Factor::Push),
        ("", ChallengeRequired, Factor::Unknown),
    ] {
        let event = one(read, &pingone("AUTHENTICATION.CREATED", "FAILURE", description));
        assert_eq!((event.kind, event.factor), (expected, factor), "{description}");
    }
    let required = pingone("AUTHENTICATION.CREATED", "SUCCESS", "PUSH_CONFIRMATION_REQUIRED");
    assert_eq!(kinds(read, &required), [ChallengeRequired]);
}

#[test]
fn a_pingone_change_that_failed_is_ignored() {
    assert_eq!(kinds(read, &pingone("DEVICE.CREATED", "FAILURE", "")), []);
}

#[test]
fn a_pingone_reset_by_another_names_both() {
    let mut value = pingone("PASSWORD.SET", "SUCCESS", "");
    value["actors"]["user"] = json!({"id": "u-2", "name": "help@example.org"});
    let event = one(read, &value);
    assert_eq!(event.kind, PasswordReset);
    assert_eq!(event.subscriber.id, "u-1");
    assert_eq!(event.actor.unwrap().id, "u-2");
    assert_eq!(event.transaction, "corr-1");
    assert_eq!(event.requester.ip, "203.0.113.7");
}

fn federate(event: &str, status: &str, adapter: &str, description: &str) -> String {
    format!(
        "2026-03-02 08:11:09,414| trackingid= tid:AbC| event= {event}| subject= alice| \
         ip= 203.0.113.7| app= https://sp.example.org| connectionid= sp| protocol= SAML20| \
         role= IdP| status= {status}| adapterid= {adapter}| description= {description}| responsetime= 92"
    )
}

#[test]
fn every_pingfederate_event_has_its_meaning_in_both_forms() {
    for (event, status, adapter, description, expected) in [
        ("AUTHN_ATTEMPT", "success", "HtmlForm", "", Some(PasswordVerified)),
        ("AUTHN_ATTEMPT", "failure", "HtmlForm", "", Some(SignInFailed)),
        ("AUTHN_ATTEMPT", "inprogress", "HtmlForm", "", None),
        ("AUTHN_ATTEMPT", "inprogress", "PingIDAdapter", "", Some(ChallengeRequired)),
        ("AUTHN_ATTEMPT", "failure", "PingIDAdapter", "Timed out", Some(PromptTimedOut)),
        (
            "AUTHN_ATTEMPT",
            "failure",
            "PingOneMfa",
            "PUSH_CONFIRMATION_REJECTED",
            Some(PromptDenied),
        ),
        ("AUTHN_ATTEMPT", "success", "PingIDAdapter", "Swipe", Some(PromptApproved)),
        ("AUTHN_ATTEMPT", "success", "PingIDAdapter", "", Some(FactorVerified)),
        ("AUTHN_SESSION_CREATED", "success", "", "", Some(SessionStarted)),
        ("AUTHN_SESSION_DELETED", "success", "", "", Some(SessionRevoked)),
        ("SSO", "success", "", "", Some(SessionUsed)),
        ("SSO", "failure", "", "", Some(SignInFailed)),
        ("SSO", "inprogress", "", "", None),
        ("SLO", "success", "", "", Some(SessionRevoked)),
        ("SRI_REVOKED", "success", "", "", Some(SessionRevoked)),
        ("OAuth", "success", "", "", Some(SessionUsed)),
        ("PWD_CHANGE", "success", "", "", Some(PasswordChanged)),
        ("PWD_CHANGE", "failure", "", "", None),
        ("PWD_RESET", "success", "", "", Some(PasswordReset)),
        ("PWD_RESET_REQUEST", "success", "", "", Some(PromptSent)),
    ] {
        let line = federate(event, status, adapter, description);
        assert!(recognises_text(&line));
        let mut found = Vec::new();
        read_text(&line, &Mapping::default(), &mut |event| {
            assert_eq!(event.subscriber.name, "alice");
            assert_eq!(event.requester.ip, "203.0.113.7");
            assert_eq!(event.occurred_at.to_string(), "2026-03-02T08:11:09.414Z");
            assert_eq!(event.transaction, "tid:AbC");
            found.push(event.kind);
        })
        .unwrap();
        let expected: Vec<EventKind> = expected.into_iter().collect();
        assert_eq!(found, expected, "{line}");
        let object = json!({
            "timestamp": "2026-03-02T08:11:09.414Z", "trackingid": "tid:AbC", "event": event,
            "subject": "alice", "ip": "203.0.113.7", "status": status, "adapterid": adapter,
            "description": description,
        });
        assert!(recognises(&object));
        assert_eq!(kinds(read, &object), expected, "{object}");
    }
}

#[test]
fn a_line_without_a_time_is_incomplete_and_an_unknown_event_is_told() {
    let line = "trackingid= x| event= SSO| subject= alice| status= success";
    assert!(read_text(line, &Mapping::default(), &mut |_| {}).is_err());
    let line = federate("FROBNICATE", "success", "", "");
    let result = read_text(&line, &Mapping::default(), &mut |_| {});
    assert!(matches!(result, Ok(Read::Unknown(_, name)) if name == "FROBNICATE"));
    let strange = pingone("FROB.NICATED", "SUCCESS", "");
    let (result, _) = events(read, &Mapping::default(), &strange);
    assert!(matches!(result, Ok(Read::Unknown(..))));
}
