use pushback_model::EventKind::{self, *};
use pushback_model::{Factor, Risk};
use serde_json::{Value, json};

use super::{read, recognises};
use crate::fixture::{events, kinds, one};
use crate::{Mapping, Read};

fn event(number: &Value) -> Value {
    let value = json!({
        "id": 910_001, "created_at": "2026-03-02T08:11:09.437Z", "account_id": 1,
        "event_type_id": number, "user_id": 1001, "user_name": "Alice Example",
        "actor_user_id": "1001", "actor_user_name": "Alice Example", "ipaddr": "203.0.113.7",
        "app_name": "Portal", "risk_score": 55,
    });
    assert!(recognises(&value));
    value
}

#[test]
fn every_number_has_its_meaning() {
    for (numbers, expected) in [
        (&[3][..], Some(Impersonated)),
        (&[4, 70, 72, 147, 149, 151, 513, 514], Some(RoleAssigned)),
        (&[5, 68, 130, 140, 153], Some(SessionStarted)),
        (&[6, 69, 86, 129, 141, 154], Some(SignInFailed)),
        (&[7, 516], Some(SessionRevoked)),
        (&[8], Some(SessionUsed)),
        (&[10], Some(PromptSent)),
        (&[11], Some(PasswordChanged)),
        (&[12, 40], Some(Unlocked)),
        (&[13, 16, 32], Some(AccountCreated)),
        (&[15, 17, 21, 530, 551], Some(AccountDisabled)),
        (&[19, 35, 531, 553], Some(LockedOut)),
        (&[22, 170], Some(FactorEnrolled)),
        (&[24, 36, 172], Some(FactorRemoved)),
        (&[171], Some(FactorUpdated)),
        (&[74, 75, 76, 112, 156, 157, 158, 197], Some(PolicyChanged)),
        (&[105], Some(PromptUndelivered)),
        (&[173], Some(RecoveryChanged)),
        (&[179, 181, 515], Some(TokenCreated)),
        (&[211, 510, 511, 517, 518], Some(PasswordReset)),
        (&[240], Some(RiskDetected)),
        (&[527, 1002], Some(FactorFailed)),
        (&[528], Some(FactorVerified)),
        (&[900, 901, 904, 905], Some(ChallengeRequired)),
        (&[14, 29, 71, 73, 110, 111, 122, 123, 148, 150, 152, 180, 182, 400, 401, 529, 532], None),
    ] {
        for number in numbers {
            let expected: Vec<EventKind> = expected.into_iter().collect();
            assert_eq!(kinds(read, &event(&json!(number))), expected, "{number}");
            assert_eq!(kinds(read, &event(&json!(number.to_string()))), expected, "\"{number}\"");
        }
    }
}

#[test]
fn events_without_a_number_are_known_by_their_words() {
    for (words, expected) in [
        ("User denied auth through OTP push request", PromptDenied),
        ("User challenged for OTP", ChallengeRequired),
        ("User verified OTP device", FactorVerified),
        ("User failed OTP challenge", FactorFailed),
        ("API - trigger factor for user succeeded", PromptSent),
        ("API - verify factor failed", FactorFailed),
        ("User deleted security factor", FactorRemoved),
        ("User was force logged out", SessionRevoked),
    ] {
        let mut value = event(&json!(7777));
        value["notes"] = json!(words);
        assert_eq!(kinds(read, &value), [expected], "{words}");
    }
    let (result, _) = events(read, &Mapping::default(), &event(&json!(7777)));
    assert!(matches!(result, Ok(Read::Unknown(_, name)) if name == "7777"));
}

#[test]
fn a_policy_can_name_a_number() {
    let mut mapping = Mapping::default();
    mapping.onelogin.events.insert("7777".to_owned(), PromptDenied);
    let (_, found) = events(read, &mapping, &event(&json!(7777)));
    assert_eq!(found[0].kind, PromptDenied);
}

#[test]
fn the_challenge_of_an_app_that_asks_is_a_prompt() {
    let mut value = event(&json!(7777));
    value["notes"] = json!("User challenged for OTP");
    value["otp_device_name"] = json!("OneLogin Protect");
    let event = one(read, &value);
    assert_eq!((event.kind, event.factor), (PromptSent, Factor::Push));
}

#[test]
fn a_verified_push_is_an_approved_prompt() {
    let mut value = event(&json!(528));
    value["otp_device_name"] = json!("OneLogin Protect");
    let event = one(read, &value);
    assert_eq!((event.kind, event.factor), (PromptApproved, Factor::Push));
}

#[test]
fn an_accounts_factor_is_no_persons() {
    for number in [170, 171, 172] {
        let mut value = event(&json!(number));
        value["user_id"] = Value::Null;
        value["user_name"] = Value::Null;
        value["authentication_factor_description"] = json!("OneLogin Protect");
        let event = one(read, &value);
        assert_eq!((event.kind, &*event.what), (PolicyChanged, "OneLogin Protect"), "{number}");
        assert_eq!((&*event.subscriber.name, event.actor), ("Alice Example", None));
    }
}

#[test]
fn people_are_told_apart_by_id_not_by_display_name() {
    let own = one(read, &event(&json!(11)));
    assert_eq!((own.kind, own.actor), (PasswordChanged, None));
    assert_eq!((own.subscriber.id.as_ref(), own.risk), ("1001", Risk::Medium));
    let mut value = event(&json!(11));
    value["actor_user_id"] = json!(2002);
    let reset = one(read, &value);
    assert_eq!((reset.kind, reset.actor.unwrap().id.as_ref()), (PasswordReset, "2002"));
}

#[test]
fn the_broadcaster_wraps_and_spells_differently() {
    let value = json!({"event": {
        "event_type_id": 6, "event_timestamp": "2026-03-02 08:11:09 UTC", "uuid": "u-1",
        "user_id": 1001, "ip_addr": "203.0.113.7", "user_agent": "Mozilla/5.0",
    }});
    assert!(recognises(&value));
    let event = one(read, &value);
    assert_eq!(event.id, "u-1");
    assert_eq!(event.requester.ip, "203.0.113.7");
    assert_eq!(event.occurred_at.to_string(), "2026-03-02T08:11:09Z");
}
