use pushback_model::EventKind::{self, *};
use pushback_model::{Factor, Risk};
use serde_json::{Value, json};

use super::{read, recognises};
use crate::Read;
use crate::fixture::{events, kinds, one};

fn log(kind: &str, members: &Value) -> Value {
    let mut data = json!({
        "date": "2026-03-02T08:11:09.137Z", "type": kind, "description": "",
        "ip": "203.0.113.7", "user_agent": "Mozilla/5.0", "user_id": "auth0|64a1",
        "user_name": "alice@example.org", "client_name": "Portal",
    });
    for (name, member) in members.as_object().unwrap() {
        data[name] = member.clone();
    }
    assert!(recognises(&data));
    json!({"log_id": "9002", "data": data})
}

#[test]
fn every_type_has_its_meaning() {
    for (types, expected) in [
        (&["mfar", "gd_start_auth"][..], Some(ChallengeRequired)),
        (
            &[
                "gd_send_pn",
                "gd_send_sms",
                "gd_send_voice",
                "gd_send_email",
                "ciba_start_succeeded",
                "scpr",
            ],
            Some(PromptSent),
        ),
        (&["gd_send_pn_failure", "gd_send_sms_failure"], Some(PromptUndelivered)),
        (&["gd_auth_succeed", "gd_recovery_succeed"], Some(FactorVerified)),
        (&["ciba_exchange_succeeded"], Some(PromptApproved)),
        (&["gd_auth_rejected"], Some(PromptDenied)),
        (&["gd_auth_failed", "gd_recovery_failed", "feoobft"], Some(FactorFailed)),
        (
            &["gd_otp_rate_limit_exceed", "gd_recovery_rate_limit_exceed", "api_limit"],
            Some(RateLimited),
        ),
        (&["limit_wc", "limit_mu", "limit_sul"], Some(LockedOut)),
        (&["ublkdu"], Some(Unlocked)),
        (&["gd_enrollment_complete"], Some(FactorEnrolled)),
        (&["gd_unenroll"], Some(FactorRemoved)),
        (&["gd_update_device_account"], Some(FactorUpdated)),
        (&["scp"], Some(PasswordChanged)),
        (&["pwd_leak", "reset_pwd_leak"], Some(RiskDetected)),
        (&["sce", "scpn", "scu"], Some(RecoveryChanged)),
        (&["s"], Some(SessionStarted)),
        (&["ssa", "seacft", "sertft"], Some(SessionUsed)),
        (&["f", "fp", "fu"], Some(SignInFailed)),
        (&["ferrt"], Some(SessionReused)),
        (&["slo", "oidc_backchannel_logout_succeeded", "srrt"], Some(SessionRevoked)),
        (&["ss"], Some(AccountCreated)),
        (
            &[
                "fsa",
                "fapi",
                "fcp",
                "fcpr",
                "sv",
                "svr",
                "feccft",
                "gd_start_enroll",
                "gd_webauthn_enrollment_failed",
                "admin_update_launch",
                "mgmt_api_read",
                "sapi",
            ],
            None,
        ),
    ] {
        for kind in types {
            let expected: Vec<EventKind> = expected.into_iter().collect();
            assert_eq!(kinds(read, &log(kind, &json!({}))), expected, "{kind}");
        }
    }
    let (result, _) = events(read, &crate::Mapping::default(), &log("zzz", &json!({})));
    assert!(matches!(result, Ok(Read::Unknown(_, name)) if name == "zzz"));
}

#[test]
fn only_a_push_that_succeeded_is_an_approved_prompt() {
    for (details, description, expected) in [
        (json!({"authenticator": {"type": "push", "id": "push|d1"}}), "", PromptApproved),
        (json!({"authenticator": {"type": "totp"}}), "", FactorVerified),
        (json!({}), "Guardian - Second factor authentication succeed (totp)", FactorVerified),
        (json!({}), "Guardian - Second factor authentication succeed (push)", PromptApproved),
    ] {
        let value =
            log("gd_auth_succeed", &json!({"details": details, "description": description}));
        assert_eq!(kinds(read, &value), [expected], "{value}");
    }
}

#[test]
fn a_prompt_and_its_answer_share_a_transaction() {
    let details = json!({"session_id": "s1", "authenticator": {"type": "push"}});
    let sent = one(read, &log("gd_send_pn", &json!({"details": details})));
    let answer = one(read, &log("gd_auth_rejected", &json!({"details": details})));
    assert_eq!((sent.transaction.as_ref(), answer.transaction.as_ref()), ("s1", "s1"));
    assert_eq!(answer.factor, Factor::Push);
    assert_eq!(answer.id, "9002");
}

#[test]
fn the_enrollment_names_the_subscriber_where_nothing_else_does() {
    let value = log(
        "gd_auth_rejected",
        &json!({"user_id": "", "user_name": null, "details": {"enrollment": {"user_id": "auth0|64a1"}}}),
    );
    assert_eq!(one(read, &value).subscriber.id, "auth0|64a1");
}

#[test]
fn ones_own_authenticator_is_ones_own() {
    let value = log(
        "my_account_authentication_method_succeeded",
        &json!({"details": {"request": {"method": "POST",
            "path": "/me/v1/authentication-methods", "body": {"type": "totp"}}}}),
    );
    let event = one(read, &value);
    assert_eq!((event.kind, event.actor), (FactorEnrolled, None));
    assert_eq!(
        (&*event.subscriber.name, &*event.subscriber.id),
        ("alice@example.org", "auth0|64a1")
    );
}

#[test]
fn low_confidence_is_high_risk_and_places_are_read() {
    let event = one(
        read,
        &log(
            "s",
            &json!({
                "details": {"riskAssessment": {"confidence": "low"}},
                "location_info": {"country_code": "NO", "city_name": "Oslo", "latitude": "59.9", "longitude": 10.7},
            }),
        ),
    );
    assert_eq!(event.risk, Risk::High);
    assert_eq!(event.requester.city, "Oslo");
    assert!(event.requester.coordinates.is_some());
}

fn sapi(method: &str, path: &str, body: &Value) -> Value {
    log(
        "sapi",
        &json!({
            "user_id": "google-oauth2|1",
            "user_name": "",
            "description": "Something",
            "details": {
                "request": {"method": method, "path": path, "body": body,
                            "auth": {"user": {"user_id": "google-oauth2|1", "email": "admin@example.org"}}},
                "response": {"statusCode": 200},
            },
        }),
    )
}

#[test]
fn the_management_api_is_told_by_its_requests() {
    let none = json!({});
    for (method, path, body, expected) in [
        ("put", "/api/v2/guardian/policies", json!([]), Some(PolicyChanged)),
        (
            "put",
            "/api/v2/guardian/factors/push-notification",
            json!({"enabled": false}),
            Some(PolicyChanged),
        ),
        (
            "patch",
            "/api/v2/attack-protection/brute-force-protection",
            none.clone(),
            Some(PolicyChanged),
        ),
        ("post", "/api/v2/roles/rol_1/users", json!({"users": ["auth0|64a1"]}), Some(RoleAssigned)),
        (
            "post",
            "/api/v2/users/auth0%7C64a1/roles",
            json!({"roles": ["rol_1"]}),
            Some(RoleAssigned),
        ),
        (
            "post",
            "/api/v2/users/auth0%7C64a1/authentication-methods",
            json!({"type": "phone"}),
            Some(FactorEnrolled),
        ),
        (
            "delete",
            "/api/v2/users/auth0%7C64a1/authentication-methods/am_1",
            none.clone(),
            Some(FactorRemoved),
        ),
        (
            "delete",
            "/api/v2/users/auth0%7C64a1/multifactor/guardian",
            none.clone(),
            Some(FactorReset),
        ),
        ("delete", "/api/v2/guardian/enrollments/dev_1", none.clone(), Some(FactorRemoved)),
        (
            "post",
            "/api/v2/users/auth0%7C64a1/recovery-code-regeneration",
            none.clone(),
            Some(BypassGranted),
        ),
        ("patch", "/api/v2/users/auth0%7C64a1", json!({"password": "*****"}), Some(PasswordReset)),
        (
            "patch",
            "/api/v2/users/auth0%7C64a1",
            json!({"email": "x@example.net"}),
            Some(RecoveryChanged),
        ),
        ("patch", "/api/v2/users/auth0%7C64a1", json!({"blocked": true}), Some(AccountDisabled)),
        ("patch", "/api/v2/users/auth0%7C64a1", json!({"nickname": "al"}), None),
        ("delete", "/api/v2/users/auth0%7C64a1/sessions", none.clone(), Some(SessionRevoked)),
        (
            "post",
            "/api/v2/client-grants",
            json!({"client_id": "c", "audience": "a"}),
            Some(ConsentGranted),
        ),
        ("post", "/api/v2/grants", none.clone(), Some(ConsentGranted)),
        ("post", "/api/v2/clients/c1/rotate-secret", none.clone(), Some(TokenCreated)),
        ("post", "/api/v2/log-streams", none.clone(), Some(PolicyChanged)),
        ("get", "/api/v2/users/auth0%7C64a1/roles", none.clone(), None),
        ("post", "/api/v2/jobs/verification-email", none, None),
    ] {
        let expected: Vec<EventKind> = expected.into_iter().collect();
        assert_eq!(kinds(read, &sapi(method, path, &body)), expected, "{method} {path} {body}");
    }
}

#[test]
fn what_an_administrator_did_to_a_person_is_about_that_person() {
    let event =
        one(read, &sapi("post", "/api/v2/users/auth0%7C64A1/roles", &json!({"roles": ["rol_1"]})));
    assert_eq!(event.subscriber.id, "auth0|64A1");
    assert_eq!(event.actor.unwrap().name, "admin@example.org");
    assert_eq!(event.what, "role rol_1");
    let event = one(read, &sapi("put", "/api/v2/guardian/factors/sms", &json!({"enabled": true})));
    assert_eq!(event.what, "factor sms enabled");
    assert_eq!(event.subscriber.name, "admin@example.org");
}

#[test]
fn a_refused_request_changed_nothing() {
    let mut value = sapi("put", "/api/v2/guardian/policies", &json!([]));
    value["data"]["details"]["response"]["statusCode"] = json!(403);
    assert_eq!(kinds(read, &value), []);
}
