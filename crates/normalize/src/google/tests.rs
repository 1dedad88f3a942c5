use pushback_model::EventKind::{self, *};
use pushback_model::{Factor, Risk};
use serde_json::{Value, json};

use super::{read, recognises};
use crate::Read;
use crate::fixture::{events, kinds, one};

fn activity(application: &str, name: &str, parameters: &Value) -> Value {
    let parameters: Vec<Value> = parameters
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| match value {
            Value::Bool(_) => json!({"name": name, "boolValue": value}),
            Value::Array(_) => json!({"name": name, "multiValue": value}),
            _ => json!({"name": name, "value": value}),
        })
        .collect();
    let value = json!({
        "kind": "admin#reports#activity",
        "id": {"time": "2026-03-02T08:11:09.414Z", "uniqueQualifier": "-123",
               "applicationName": application, "customerId": "C01"},
        "actor": {"email": "alice@example.org", "profileId": "1001"},
        "ipAddress": "203.0.113.7",
        "networkInfo": {"ipAsn": [64500], "regionCode": "NO", "subdivisionCode": "NO-03"},
        "events": [{"type": "t", "name": name, "parameters": parameters}],
    });
    assert!(recognises(&value));
    value
}

#[test]
fn every_event_has_its_meaning() {
    let passed = |method: &str| json!({"login_challenge_method": [method], "login_challenge_status": "Challenge Passed."});
    let failed = |method: &str| json!({"login_challenge_method": [method], "login_challenge_status": "Challenge Failed."});
    for (application, name, parameters, expected) in [
        ("login", "login_challenge", passed("google_prompt"), Some(PromptApproved)),
        // Denied or not answered, Google does not say.
        ("login", "login_challenge", failed("google_prompt"), Some(PromptTimedOut)),
        (
            "login",
            "login_challenge",
            json!({"login_challenge_method": ["google_prompt"], "login_challenge_status": "incorrect_answer_entered"}),
            Some(PromptTimedOut),
        ),
        ("login", "login_challenge", failed("google_authenticator"), Some(FactorFailed)),
        (
            "login",
            "login_failure",
            json!({"login_failure_type": "login_failure_invalid_second_factor", "login_challenge_method": ["password", "google_prompt"]}),
            Some(PromptTimedOut),
        ),
        ("login", "login_challenge", passed("google_authenticator"), Some(FactorVerified)),
        ("login", "login_challenge", passed("security_key"), Some(FactorVerified)),
        ("login", "login_challenge", json!({}), Some(ChallengeRequired)),
        (
            "login",
            "login_verification",
            json!({"is_second_factor": true, "login_challenge_method": ["google_prompt"]}),
            Some(PromptApproved),
        ),
        ("login", "login_verification", json!({"is_second_factor": false}), Some(PasswordVerified)),
        ("login", "login_success", json!({}), Some(SessionStarted)),
        (
            "login",
            "login_failure",
            json!({"login_failure_type": "login_failure_invalid_second_factor"}),
            Some(FactorFailed),
        ),
        (
            "login",
            "login_failure",
            json!({"login_failure_type": "login_failure_access_code_disallowed"}),
            Some(FactorFailed),
        ),
        (
            "login",
            "login_failure",
            json!({"login_failure_type": "login_failure_invalid_password"}),
            Some(SignInFailed),
        ),
        ("login", "logout", json!({}), Some(SessionRevoked)),
        ("login", "suspicious_login", json!({}), Some(RiskDetected)),
        ("login", "suspicious_programmatic_login", json!({}), Some(RiskDetected)),
        ("login", "risky_sensitive_action_blocked", json!({}), Some(RiskDetected)),
        ("login", "gov_attack_warning", json!({}), Some(RiskDetected)),
        ("login", "account_disabled_hijacked", json!({}), Some(AccountDisabled)),
        ("user_accounts", "2sv_enroll", json!({}), Some(FactorEnrolled)),
        ("user_accounts", "2sv_disable", json!({}), Some(FactorRemoved)),
        ("user_accounts", "titanium_enroll", json!({}), Some(FactorEnrolled)),
        ("user_accounts", "passkey_enrolled", json!({}), Some(FactorEnrolled)),
        ("user_accounts", "passkey_removed", json!({}), Some(FactorRemoved)),
        ("user_accounts", "password_edit", json!({}), Some(PasswordChanged)),
        ("user_accounts", "recovery_email_edit", json!({}), Some(RecoveryChanged)),
        ("user_accounts", "recovery_phone_edit", json!({}), Some(RecoveryChanged)),
        ("user_accounts", "recovery_secret_qa_edit", json!({}), Some(RecoveryChanged)),
        ("user_accounts", "email_forwarding_out_of_domain", json!({}), Some(MailboxRule)),
        ("admin", "ENFORCE_STRONG_AUTHENTICATION", json!({}), Some(PolicyChanged)),
        (
            "admin",
            "ALLOW_STRONG_AUTHENTICATION",
            json!({"NEW_VALUE": "false"}),
            Some(PolicyChanged),
        ),
        (
            "admin",
            "UNENROLL_USER_FROM_STRONG_AUTH",
            json!({"USER_EMAIL": "b@example.org"}),
            Some(FactorReset),
        ),
        (
            "admin",
            "UNENROLL_USER_FROM_TITANIUM",
            json!({"USER_EMAIL": "b@example.org"}),
            Some(FactorRemoved),
        ),
        (
            "admin",
            "REVOKE_SECURITY_KEY",
            json!({"USER_EMAIL": "b@example.org"}),
            Some(FactorRemoved),
        ),
        ("admin", "GENERATE_2SV_SCRATCH_CODES", json!({}), Some(BypassGranted)),
        ("admin", "DELETE_2SV_SCRATCH_CODES", json!({}), Some(FactorRemoved)),
        ("admin", "CHANGE_PASSWORD", json!({"USER_EMAIL": "b@example.org"}), Some(PasswordReset)),
        (
            "admin",
            "CHANGE_PASSWORD",
            json!({"USER_EMAIL": "alice@example.org"}),
            Some(PasswordChanged),
        ),
        ("admin", "CHANGE_RECOVERY_EMAIL", json!({}), Some(RecoveryChanged)),
        ("admin", "ADD_RECOVERY_PHONE", json!({}), Some(RecoveryChanged)),
        ("admin", "RESET_SIGNIN_COOKIES", json!({}), Some(SessionRevoked)),
        ("admin", "ASSIGN_ROLE", json!({"ROLE_NAME": "Super Admin"}), Some(RoleAssigned)),
        ("admin", "GRANT_ADMIN_PRIVILEGE", json!({}), Some(RoleAssigned)),
        ("admin", "GRANT_DELEGATED_ADMIN_PRIVILEGES", json!({}), Some(RoleAssigned)),
        (
            "token",
            "authorize",
            json!({"app_name": "Notes", "scope": ["mail", "drive"]}),
            Some(ConsentGranted),
        ),
        ("token", "revoke", json!({}), None),
        ("token", "activity", json!({}), None),
        (
            "mobile",
            "DEVICE_REGISTER_UNREGISTER_EVENT",
            json!({"ACCOUNT_STATE": "REGISTERED", "DEVICE_ID": "d1", "DEVICE_MODEL": "Pixel 9"}),
            Some(DeviceRegistered),
        ),
        (
            "mobile",
            "DEVICE_REGISTER_UNREGISTER_EVENT",
            json!({"ACCOUNT_STATE": "UNREGISTERED"}),
            None,
        ),
        ("drive", "view", json!({}), None),
    ] {
        let expected: Vec<EventKind> = expected.into_iter().collect();
        let value = activity(application, name, &parameters);
        assert_eq!(kinds(read, &value), expected, "{name} {parameters}");
        // The flattened form says the same.
        let mut flat = value.clone();
        flat.as_object_mut().unwrap().remove("events");
        flat["name"] = json!(name);
        flat["parameters"] = parameters.clone();
        assert_eq!(kinds(read, &flat), expected, "flat {name} {parameters}");
    }
}

#[test]
fn a_value_that_is_null_hides_none_beside_it() {
    for value in [Value::Null, json!("")] {
        let mut record = activity("login", "login_challenge", &json!({}));
        record["events"][0]["parameters"] = json!([
            {"name": "login_challenge_method", "value": value, "intValue": null,
             "boolValue": null, "multiValue": ["google_prompt"]},
            {"name": "login_challenge_status", "value": "Challenge Passed.", "multiValue": null},
            {"name": "is_suspicious", "value": value, "boolValue": true},
        ]);
        let event = one(read, &record);
        assert_eq!((event.kind, event.factor), (PromptApproved, Factor::Push), "{value}");
        assert_eq!(event.risk, Risk::High, "{value}");
    }
}

#[test]
fn an_activity_tells_who_from_where_and_its_key() {
    let event = one(
        read,
        &activity(
            "login",
            "login_challenge",
            &json!({
            "login_challenge_method": ["google_prompt"], "login_challenge_status": "Challenge Passed."}),
        ),
    );
    assert_eq!(event.id, "login/2026-03-02T08:11:09.414Z/-123");
    assert_eq!(event.subscriber.id, "1001");
    assert_eq!(event.requester.asn, 64500);
    assert_eq!(event.requester.country, "NO");
    assert_eq!(event.factor, Factor::Push);
}

#[test]
fn the_victim_of_an_administrator_is_the_subscriber() {
    let event = one(
        read,
        &activity(
            "admin",
            "ASSIGN_ROLE",
            &json!({
        "USER_EMAIL": "bob@example.org", "ROLE_NAME": "Super Admin"}),
        ),
    );
    assert_eq!(event.subscriber.name, "bob@example.org");
    assert_eq!(event.actor.unwrap().name, "alice@example.org");
    assert_eq!(event.what, "role Super Admin");
    let event = one(
        read,
        &activity(
            "login",
            "suspicious_login",
            &json!({
        "affected_email_address": "bob@example.org"}),
        ),
    );
    assert_eq!((event.subscriber.name.as_ref(), event.risk), ("bob@example.org", Risk::High));
}

#[test]
fn every_event_of_an_activity_is_told_by_its_part() {
    let mut value = activity("login", "login_success", &json!({}));
    value["events"] = json!([{"name": "nonsense"}, {"name": "login_success"}, {"name": "logout"}]);
    let (_, found) = events(read, &crate::Mapping::default(), &value);
    let found: Vec<_> = found.iter().map(|event| (event.part, event.kind)).collect();
    assert_eq!(found, [(1, SessionStarted), (2, SessionRevoked)]);
    value["events"] = json!([{"name": "nonsense"}]);
    let (result, _) = events(read, &crate::Mapping::default(), &value);
    assert!(matches!(result, Ok(Read::Unknown(_, name)) if name == "nonsense"));
}
