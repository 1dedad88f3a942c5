use pushback_model::EventKind::{self, *};
use pushback_model::Factor;
use serde_json::{Value, json};

use super::{read, recognises};
use crate::Read;
use crate::fixture::{events, kinds, one};

fn trail(source: &str, name: &str, members: &Value) -> Value {
    let mut value = json!({
        "eventTime": "2026-03-02T08:11:09Z", "eventName": name, "eventSource": source,
        "eventID": "6f0c", "sourceIPAddress": "203.0.113.7", "userAgent": "aws-cli/2",
        "userIdentity": {"type": "IAMUser", "principalId": "AIDAEXAMPLE", "userName": "alice",
                         "arn": "arn:aws:iam::111122223333:user/alice"},
    });
    for (name, member) in members.as_object().unwrap() {
        value[name] = member.clone();
    }
    assert!(recognises(&value));
    value
}

const IAM: &str = "iam.amazonaws.com";
const SIGN_IN: &str = "signin.amazonaws.com";
const SSO: &str = "sso.amazonaws.com";

#[test]
fn every_event_has_its_meaning() {
    let none = json!({});
    let bob = json!({"requestParameters": {"userName": "bob"}});
    let outcome = |name: &str, outcome: &str, extra: Value| json!({"responseElements": {name: outcome}, "additionalEventData": extra});
    for (source, name, members, expected) in [
        (
            SIGN_IN,
            "ConsoleLogin",
            outcome("ConsoleLogin", "Success", json!({"MFAUsed": "No"})),
            Some(SessionStarted),
        ),
        (
            SIGN_IN,
            "ConsoleLogin",
            outcome("ConsoleLogin", "Failure", json!({"MFAUsed": "No"})),
            Some(SignInFailed),
        ),
        (
            SIGN_IN,
            "ConsoleLogin",
            outcome("ConsoleLogin", "Failure", json!({"MFAUsed": "Yes"})),
            Some(FactorFailed),
        ),
        (SIGN_IN, "CheckMfa", none.clone(), Some(ChallengeRequired)),
        (SIGN_IN, "PasswordRecoveryRequested", none.clone(), Some(PromptSent)),
        ("sts.amazonaws.com", "AssumeRoleWithSAML", none.clone(), Some(SessionUsed)),
        ("sts.amazonaws.com", "AssumeRole", none.clone(), Some(SessionUsed)),
        (
            "sts.amazonaws.com",
            "AssumeRole",
            json!({"userIdentity": {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}}),
            None,
        ),
        ("sts.amazonaws.com", "GetSessionToken", none.clone(), Some(SessionUsed)),
        (
            SSO,
            "UserAuthentication",
            json!({"serviceEventDetails": {"UserAuthentication": "Success"}}),
            Some(SessionStarted),
        ),
        (
            SSO,
            "UserAuthentication",
            json!({"serviceEventDetails": {"UserAuthentication": "Failure"}}),
            Some(SignInFailed),
        ),
        (SSO, "CredentialChallenge", none.clone(), Some(ChallengeRequired)),
        (
            SSO,
            "CredentialVerification",
            json!({"serviceEventDetails": {"CredentialVerification": "Success"},
            "additionalEventData": {"CredentialType": "PASSWORD"}}),
            Some(PasswordVerified),
        ),
        (
            SSO,
            "CredentialVerification",
            json!({"serviceEventDetails": {"CredentialVerification": "Failure"},
            "additionalEventData": {"CredentialType": "TOTP"}}),
            Some(FactorFailed),
        ),
        (
            SSO,
            "CredentialVerification",
            json!({"serviceEventDetails": {"CredentialVerification": "Success"},
            "additionalEventData": {"CredentialType": "WEBAUTHN"}}),
            Some(FactorVerified),
        ),
        (SSO, "StartVirtualMfaDeviceRegistration", none.clone(), None),
        (SSO, "CompleteVirtualMfaDeviceRegistration", none.clone(), Some(FactorEnrolled)),
        (SSO, "CompleteWebAuthnDeviceRegistration", none.clone(), Some(FactorEnrolled)),
        (SSO, "DeleteMfaDeviceForUser", none.clone(), Some(FactorRemoved)),
        (SSO, "UpdateMfaDeviceManagementForDirectory", none.clone(), Some(PolicyChanged)),
        (IAM, "CreateVirtualMFADevice", none.clone(), Some(FactorUpdated)),
        (IAM, "EnableMFADevice", none.clone(), Some(FactorEnrolled)),
        (IAM, "DeactivateMFADevice", none.clone(), Some(FactorRemoved)),
        (IAM, "DeleteVirtualMFADevice", none.clone(), Some(FactorUpdated)),
        (IAM, "ResyncMFADevice", none.clone(), Some(FactorUpdated)),
        (IAM, "ChangePassword", none.clone(), Some(PasswordChanged)),
        (IAM, "CreateLoginProfile", bob.clone(), Some(PasswordReset)),
        (IAM, "UpdateLoginProfile", bob.clone(), Some(PasswordReset)),
        (
            IAM,
            "UpdateLoginProfile",
            json!({"requestParameters": {"userName": "alice"}}),
            Some(PasswordChanged),
        ),
        (IAM, "AttachUserPolicy", bob.clone(), Some(RoleAssigned)),
        (IAM, "PutUserPolicy", bob.clone(), Some(RoleAssigned)),
        (IAM, "AddUserToGroup", bob.clone(), Some(RoleAssigned)),
        (IAM, "CreateAccessKey", bob, Some(TokenCreated)),
        (IAM, "ListUsers", none.clone(), None),
        ("s3.amazonaws.com", "PutObject", none, None),
    ] {
        let expected: Vec<EventKind> = expected.into_iter().collect();
        assert_eq!(kinds(read, &trail(source, name, &members)), expected, "{name} {members}");
    }
    let (result, _) =
        events(read, &crate::Mapping::default(), &trail(IAM, "Frobnicate", &json!({})));
    assert!(matches!(result, Ok(Read::Unknown(_, name)) if name == "Frobnicate"));
}

#[test]
fn an_arn_alone_names_the_caller() {
    for (arn, name) in [
        ("arn:aws:iam::111122223333:user/alice", "alice"),
        ("arn:aws:iam::111122223333:user/engineers/alice", "alice"),
        ("arn:aws:sts::111122223333:assumed-role/Admin/alice@example.org", "alice@example.org"),
        ("arn:aws:sts::111122223333:federated-user/alice", "alice"),
        ("arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:root"),
        ("arn:aws:iam::111122223333:role/Admin", ""),
    ] {
        let value = trail(SIGN_IN, "ConsoleLogin", &json!({"userIdentity": {"arn": arn}}));
        assert_eq!(one(read, &value).subscriber.name, name, "{arn}");
    }
    let hidden = trail(
        SIGN_IN,
        "ConsoleLogin",
        &json!({"userIdentity": {"type": "IAMUser", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS",
            "arn": "arn:aws:iam::111122223333:user/hunter2"}}),
    );
    assert_eq!(one(read, &hidden).subscriber.name, "");
}

#[test]
fn a_refused_call_changed_nothing() {
    let value = trail(IAM, "CreateAccessKey", &json!({"errorCode": "AccessDenied"}));
    assert_eq!(kinds(read, &value), []);
}

#[test]
fn what_was_done_to_another_is_about_that_one() {
    let event = one(
        read,
        &trail(
            IAM,
            "AttachUserPolicy",
            &json!({
        "requestParameters": {"userName": "bob", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}),
        ),
    );
    assert_eq!(event.subscriber.name, "bob");
    assert_eq!(event.actor.unwrap().name, "alice");
    assert_eq!(event.what, "role arn:aws:iam::aws:policy/AdministratorAccess");
}

#[test]
fn single_sign_on_names_the_person_in_the_session() {
    let event = one(
        read,
        &trail(
            SIGN_IN,
            "ConsoleLogin",
            &json!({
                "responseElements": {"ConsoleLogin": "Success"},
                "additionalEventData": {"MFAUsed": "Yes", "MFAIdentifier": "arn:aws:iam::1:u2f/user/alice/x"},
                "userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLE:alice@example.org",
                                 "arn": "arn:aws:sts::111122223333:assumed-role/Admin/alice@example.org"},
            }),
        ),
    );
    assert_eq!(event.subscriber.name, "alice@example.org");
    assert_eq!((event.factor, event.what.as_ref()), (Factor::Passkey, "with a second factor"));
}

#[test]
fn a_service_has_no_address() {
    let event =
        one(read, &trail(IAM, "ChangePassword", &json!({"sourceIPAddress": "AWS Internal"})));
    assert_eq!(event.requester.ip, "");
}
