use pushback_model::EventKind::{self, *};
use pushback_model::{Factor, IdentityEvent};
use serde_json::{Value, json};

use super::{read, read_text, recognises, recognises_text};
use crate::fixture::{events, kinds, one};
use crate::{Mapping, Read};

const HEAD: &str = "2026-03-02 08:11:09,414 WARN  [org.keycloak.events] (executor-thread-7) ";

fn lines(text: &str) -> Vec<IdentityEvent<'static>> {
    assert!(recognises_text(text), "{text}");
    let mut found = Vec::new();
    read_text(text, &Mapping::default(), &mut |event| found.push(event.clone().into_owned()))
        .unwrap();
    found
}

fn object(kind: &str, error: &str, details: &Value) -> Value {
    let value = json!({
        "id": "e-1", "time": 1_772_439_069_414_i64, "type": kind, "realmId": "r-1",
        "clientId": "portal", "userId": "u-1", "sessionId": "s-1", "ipAddress": "203.0.113.7",
        "error": if error.is_empty() { Value::Null } else { json!(error) },
        "details": details,
    });
    assert!(recognises(&value));
    value
}

#[test]
fn every_type_has_its_meaning() {
    let none = json!({});
    for (kind, error, details, expected) in [
        ("LOGIN", "", none.clone(), vec![SessionStarted]),
        (
            "LOGIN",
            "",
            json!({"credential_type": "app-authenticator"}),
            vec![PromptApproved, SessionStarted],
        ),
        ("LOGIN_ERROR", "invalid_user_credentials", none.clone(), vec![SignInFailed]),
        (
            "LOGIN_ERROR",
            "invalid_user_credentials",
            json!({"credential_type": "otp"}),
            vec![FactorFailed],
        ),
        ("LOGIN_ERROR", "user_not_found", none.clone(), vec![SignInFailed]),
        ("LOGIN_ERROR", "user_temporarily_disabled", none.clone(), vec![LockedOut]),
        ("LOGIN_ERROR", "rejected_by_user", none.clone(), vec![SignInFailed]),
        (
            "LOGIN_ERROR",
            "rejected_by_user",
            json!({"auth_type": "privacyIDEA"}),
            vec![PromptDenied],
        ),
        ("LOGIN_ERROR", "expired_code", json!({"auth_type": "privacyidea"}), vec![PromptTimedOut]),
        ("LOGIN_ERROR", "expired_code", none.clone(), vec![SignInFailed]),
        ("LOGIN_ERROR", "access_denied", none.clone(), vec![PolicyRefused]),
        ("LOGOUT", "", none.clone(), vec![SessionRevoked]),
        ("CODE_TO_TOKEN", "", none.clone(), vec![SessionUsed]),
        ("UPDATE_PASSWORD", "", none.clone(), vec![PasswordChanged]),
        ("RESET_PASSWORD", "", none.clone(), vec![PasswordReset]),
        ("SEND_RESET_PASSWORD", "", none.clone(), vec![PromptSent]),
        ("UPDATE_TOTP", "", none.clone(), vec![FactorEnrolled]),
        ("REMOVE_TOTP", "", none.clone(), vec![FactorRemoved]),
        ("UPDATE_CREDENTIAL", "", json!({"credential_type": "webauthn"}), vec![FactorEnrolled]),
        ("UPDATE_CREDENTIAL", "", json!({"credential_type": "password"}), vec![PasswordChanged]),
        ("REMOVE_CREDENTIAL", "", json!({"credential_type": "otp"}), vec![FactorRemoved]),
        ("GRANT_CONSENT", "", none.clone(), vec![ConsentGranted]),
        ("UPDATE_CONSENT", "", none.clone(), vec![ConsentGranted]),
        ("IMPERSONATE", "", json!({"impersonator": "admin"}), vec![Impersonated]),
        ("USER_DISABLED_BY_TEMPORARY_LOCKOUT", "", none.clone(), vec![LockedOut]),
        ("USER_DISABLED_BY_PERMANENT_LOCKOUT", "", none.clone(), vec![LockedOut]),
        ("UPDATE_EMAIL", "", json!({"updated_email": "x@example.net"}), vec![RecoveryChanged]),
        ("OAUTH2_DEVICE_AUTH", "", none.clone(), vec![ChallengeRequired]),
        ("OAUTH2_DEVICE_VERIFY_USER_CODE", "", none.clone(), vec![FactorVerified]),
        ("OAUTH2_DEVICE_CODE_TO_TOKEN", "", none.clone(), vec![SessionStarted]),
        ("REFRESH_TOKEN", "", none.clone(), vec![]),
        ("UPDATE_PASSWORD_ERROR", "x", none, vec![]),
    ] {
        assert_eq!(
            kinds(read, &object(kind, error, &details)),
            expected,
            "{kind} {error} {details}"
        );
    }
    let (result, _) = events(read, &Mapping::default(), &object("FROBNICATE", "", &json!({})));
    assert!(matches!(result, Ok(Read::Unknown(_, name)) if name == "FROBNICATE"));
}

#[test]
fn a_policy_can_say_which_error_is_a_refused_prompt() {
    let mut mapping = Mapping::default();
    mapping.keycloak.push_markers.push("rejected_by_user".to_owned());
    let rejected = object("LOGIN_ERROR", "rejected_by_user", &json!({"auth_type": "code"}));
    assert_eq!(events(read, &mapping, &rejected).1[0].kind, PromptDenied);
    assert_eq!(kinds(read, &rejected), [SignInFailed]);
}

#[test]
fn the_push_extensions_events_are_prompts_and_answers_of_the_phone() {
    let push = |kind: &str, error: &str, what: &str, of: &str| {
        let details = json!({
            "push_mfa_event_type": what, "push_mfa_challenge_id": "c-1",
            "push_mfa_challenge_type": of, "push_mfa_credential_id": "d-1",
        });
        events(read, &Mapping::default(), &object(kind, error, &details)).1
    };
    let action = "CUSTOM_REQUIRED_ACTION";
    let sent = &push(action, "", "CHALLENGE_CREATED", "AUTHENTICATION")[0];
    assert_eq!((sent.kind, sent.factor, &*sent.transaction), (PromptSent, Factor::Push, "c-1"));
    assert_eq!((&*sent.requester.ip, &sent.responder), ("203.0.113.7", &None));
    for (kind, error, what, expected) in [
        (action, "", "CHALLENGE_ACCEPTED", PromptApproved),
        // Until version 1.5.
        ("LOGIN", "", "CHALLENGE_ACCEPTED", PromptApproved),
        ("LOGIN_ERROR", "push_mfa_challenge_denied", "CHALLENGE_DENIED", PromptDenied),
        ("LOGIN_ERROR", "push_mfa_invalid_response", "CHALLENGE_RESPONSE_INVALID", FactorFailed),
    ] {
        let answers = push(kind, error, what, "AUTHENTICATION");
        let [answer] = answers.as_slice() else { panic!("{what}: {answers:?}") };
        assert_eq!((answer.kind, &*answer.transaction), (expected, "c-1"), "{what}");
        assert_eq!(&*answer.requester.ip, "", "the phone answers");
        assert_eq!(answer.responder.as_ref().map(|phone| &*phone.ip), Some("203.0.113.7"));
    }
    assert_eq!(push(action, "", "ENROLLMENT_COMPLETED", "ENROLLMENT")[0].kind, FactorEnrolled);
    assert!(push(action, "", "CHALLENGE_CREATED", "ENROLLMENT").is_empty());
    assert!(push("LOGIN_ERROR", "x", "DPOP_AUTHENTICATION_FAILED", "").is_empty());
}

#[test]
fn a_line_is_read_with_and_without_quotes() {
    let quoted = format!(
        "{HEAD}type=\"LOGIN_ERROR\", realmId=\"r-1\", clientId=\"portal\", userId=\"u-1\", \
         ipAddress=\"203.0.113.7\", error=\"invalid_user_credentials\", credential_type=\"otp\", \
         code_id=\"c-1\", username=\"alice\""
    );
    let bare = format!(
        "{HEAD}type=LOGIN_ERROR, realmId=r-1, clientId=portal, userId=u-1, ipAddress=203.0.113.7, \
         error=invalid_user_credentials, credential_type=otp, code_id=c-1, username=alice"
    );
    let (quoted, bare) = (lines(&quoted), lines(&bare));
    assert_eq!(quoted, bare);
    let event = &quoted[0];
    assert_eq!((event.kind, event.factor), (FactorFailed, Factor::Code));
    assert_eq!((event.subscriber.name.as_ref(), event.subscriber.id.as_ref()), ("alice", "u-1"));
    assert_eq!(event.occurred_at.to_string(), "2026-03-02T08:11:09.414Z");
    assert_eq!(
        (event.transaction.as_ref(), event.what.as_ref()),
        ("c-1", "invalid_user_credentials")
    );
}

#[test]
fn absent_is_absent_in_lines_too() {
    let event = &lines(&format!(
        "{HEAD}type=LOGIN_ERROR, realmId=r-1, userId=null, error=user_not_found, username=x"
    ))[0];
    assert_eq!(event.subscriber.id, "");
}

#[test]
fn both_json_consoles_are_read() {
    let message = "type=\"LOGIN\", realmId=\"r-1\", userId=\"u-1\", username=\"alice\"";
    for value in [
        json!({"timestamp": "2026-03-02T13:41:09.414798073+05:30", "sequence": 9,
               "loggerName": "org.keycloak.events", "level": "DEBUG", "message": message}),
        json!({"@timestamp": "2026-03-02T08:11:09.414Z", "log.logger": "org.keycloak.events",
               "log.level": "DEBUG", "message": message}),
        json!({"@timestamp": "2026-03-02T08:11:09.414Z", "log": {"logger": "org.keycloak.events"},
               "message": message}),
    ] {
        assert!(recognises(&value));
        let event = one(read, &value);
        assert_eq!(event.kind, SessionStarted);
        assert_eq!(event.occurred_at.to_string(), "2026-03-02T08:11:09.414Z");
    }
}

fn admin(operation: &str, resource: &str, path: &str, representation: &str) -> Value {
    let value = json!({
        "time": 1_772_439_069_414_i64, "realmId": "r-1",
        "authDetails": {"realmId": "master", "clientId": "cli", "userId": "a-1", "ipAddress": "203.0.113.9"},
        "operationType": operation, "resourceType": resource, "resourcePath": path,
        "representation": representation,
    });
    assert!(recognises(&value));
    value
}

#[test]
fn every_admin_event_has_its_meaning() {
    for (operation, resource, path, representation, expected) in [
        ("DELETE", "USER", "users/u-1/credentials/c-1", "", Some(FactorRemoved)),
        ("UPDATE", "USER", "users/u-1/disable-credential-types", "[\"otp\"]", Some(FactorRemoved)),
        ("ACTION", "USER", "users/u-1/reset-password", "", Some(PasswordReset)),
        (
            "CREATE",
            "REALM_ROLE_MAPPING",
            "users/u-1/role-mappings/realm",
            "[{\"name\":\"admin\"}]",
            Some(RoleAssigned),
        ),
        ("DELETE", "REALM_ROLE_MAPPING", "users/u-1/role-mappings/realm", "", None),
        (
            "CREATE",
            "GROUP_MEMBERSHIP",
            "users/u-1/groups/g-1",
            "{\"name\":\"ops\"}",
            Some(RoleAssigned),
        ),
        (
            "UPDATE",
            "AUTH_EXECUTION",
            "authentication/flows/browser/executions",
            "",
            Some(PolicyChanged),
        ),
        ("UPDATE", "REALM", "", "", Some(PolicyChanged)),
        ("CREATE", "IDENTITY_PROVIDER", "identity-provider/instances/x", "", Some(PolicyChanged)),
        ("ACTION", "USER", "users/u-1/logout", "", Some(SessionRevoked)),
        ("ACTION", "USER", "users/u-1/impersonation", "", Some(Impersonated)),
        (
            "ACTION",
            "USER",
            "users/u-1/execute-actions-email",
            "[\"CONFIGURE_TOTP\"]",
            Some(FactorReset),
        ),
        (
            "ACTION",
            "USER",
            "users/u-1/execute-actions-email",
            "[\"UPDATE_PASSWORD\"]",
            Some(PasswordReset),
        ),
        ("CREATE", "USER", "users/u-1", "", Some(AccountCreated)),
        ("DELETE", "USER", "users/u-1", "", Some(AccountDisabled)),
        ("UPDATE", "USER", "users/u-1", "{\"enabled\": false}", Some(AccountDisabled)),
        ("UPDATE", "USER", "users/u-1", "{\"firstName\": \"A\"}", None),
        ("ACTION", "CLIENT", "clients/c-1/client-secret", "", Some(TokenCreated)),
        ("CREATE", "CLIENT_SCOPE", "client-scopes/x", "", None),
    ] {
        let expected: Vec<EventKind> = expected.into_iter().collect();
        let value = admin(operation, resource, path, representation);
        assert_eq!(kinds(read, &value), expected, "{operation} {path}");
        let mut failed = value.clone();
        failed["error"] = json!("unknown_error");
        assert_eq!(kinds(read, &failed), [], "failed {operation} {path}");
    }
}

#[test]
fn a_time_or_details_that_are_texts_are_read() {
    let value =
        object("LOGIN", "", &json!({"credential_type": "app-authenticator", "username": "alice"}));
    let (_, expected) = events(read, &Mapping::default(), &value);
    assert_eq!(expected.len(), 2);
    let mut texts = value.clone();
    texts["time"] = json!("1772439069414");
    texts["details"] = json!(value["details"].to_string());
    assert!(recognises(&texts));
    assert_eq!(events(read, &Mapping::default(), &texts).1, expected);
    let mut by = admin("CREATE", "GROUP_MEMBERSHIP", "users/u-1/groups/g-1", "{\"name\":\"ops\"}");
    let expected = one(read, &by);
    by["authDetails"] = json!(by["authDetails"].to_string());
    assert_eq!(one(read, &by), expected);
}

#[test]
fn an_admin_event_names_the_owner_and_the_administrator() {
    let event = one(
        read,
        &admin(
            "CREATE",
            "REALM_ROLE_MAPPING",
            "users/u-1/role-mappings/realm",
            "[{\"name\":\"admin\"}]",
        ),
    );
    assert_eq!(event.subscriber.id, "u-1");
    assert_eq!(event.actor.unwrap().id, "a-1");
    assert_eq!(event.what, "role admin");
    assert_eq!(event.requester.ip, "203.0.113.9");
    assert_eq!(event.native, "CREATE users/u-1/role-mappings/realm");
}

#[test]
fn admin_events_are_written_as_lines_too() {
    let event = &lines(&format!(
        "{HEAD}operationType=\"DELETE\", realmId=\"r-1\", clientId=\"cli\", userId=\"a-1\", \
         ipAddress=\"203.0.113.9\", resourceType=\"USER\", resourcePath=\"users/u-1/credentials/c-1\""
    ))[0];
    assert_eq!((event.kind, event.subscriber.id.as_ref()), (FactorRemoved, "u-1"));
}
