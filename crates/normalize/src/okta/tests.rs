use pushback_model::{EventKind as K, Factor as F, Risk};

use crate::testing::{kinds, only};

/// An event of this type with these members added.
fn record(event_type: &str, outcome: &str, more: &str) -> String {
    format!(
        r#"{{"actor":{{"id":"00u1","type":"User","alternateId":"alice@example.org"}},"client":{{"userAgent":{{"rawUserAgent":"Mozilla/5.0","os":"Windows 10","browser":"CHROME"}},"ipAddress":"203.0.113.7","geographicalContext":{{"city":"Springfield","state":"Oregon","country":"United States","geolocation":{{"lat":44.05,"lon":-123.02}}}}}},"device":null,"authenticationContext":{{"externalSessionId":"idx1"}},"displayMessage":"message","eventType":"{event_type}","outcome":{outcome},"published":"2026-01-31T09:30:00.000Z","securityContext":{{"asNumber":64500,"asOrg":"example net","isProxy":true}},"transaction":{{"type":"WEB","id":"t1"}},"uuid":"u1"{more}}}"#
    )
}

fn mfa(outcome: &str, debug: &str) -> String {
    record(
        "user.authentication.auth_via_mfa",
        outcome,
        &format!(r#","debugContext":{{"debugData":{{{debug}}}}}"#),
    )
}

const OK: &str = r#"{"result":"SUCCESS","reason":null}"#;
const BAD: &str = r#"{"result":"FAILURE","reason":"INVALID_CREDENTIALS"}"#;
const PUSH: &str = r#""factor":"OKTA_VERIFY_PUSH""#;

#[test]
fn every_verification_means_what_the_table_says() {
    let number = |answer: &str| {
        format!(
            r#"{PUSH},"pushWithNumberChallengeResponseType":"OV_WITH_CHALLENGE_RESPONSE_{answer}""#
        )
    };
    let deny = r#""pushOnlyResponseType":"OV_RESPONSE_DENY""#;
    let yes = r#""pushOnlyResponseType":"OV_RESPONSE_APPROVE""#;
    for (outcome, debug, kind, factor) in [
        (OK, PUSH, K::PromptApproved, F::Push),
        (OK, r#""pushOnlyResponseType":"OV_RESPONSE_APPROVE""#, K::PromptApproved, F::Push),
        (OK, &number("VALID"), K::PromptApproved, F::Push),
        (OK, r#""factor":"CALL_FACTOR""#, K::PromptApproved, F::Voice),
        (OK, r#""factor":"PASSWORD_AS_FACTOR""#, K::PasswordVerified, F::Password),
        (OK, r#""factor":"SMS_FACTOR""#, K::FactorVerified, F::Sms),
        (OK, r#""factor":"EMAIL_FACTOR""#, K::FactorVerified, F::Email),
        (OK, r#""factor":"OKTA_SOFT_TOKEN""#, K::FactorVerified, F::Code),
        (OK, r#""factor":"SIGNED_NONCE""#, K::FactorVerified, F::DeviceKey),
        (OK, r#""factor":"FIDO_WEBAUTHN""#, K::FactorVerified, F::Passkey),
        (OK, r#""factor":"SECURITY_QUESTION""#, K::FactorVerified, F::Question),
        (OK, "", K::FactorVerified, F::Unknown),
        (BAD, PUSH, K::PromptDenied, F::Push),
        (BAD, deny, K::PromptDenied, F::Push),
        (BAD, &number("INVALID"), K::PromptMismatched, F::Push),
        (BAD, &number("ERROR"), K::FactorFailed, F::Push),
        (BAD, &format!("{},{yes}", number("ERROR")), K::PromptMismatched, F::Push),
        (BAD, r#""factor":"PASSWORD_AS_FACTOR""#, K::SignInFailed, F::Password),
        (BAD, r#""factor":"SMS_FACTOR""#, K::FactorFailed, F::Sms),
        (BAD, r#""factor":"CALL_FACTOR""#, K::FactorFailed, F::Voice),
        (BAD, "", K::FactorFailed, F::Unknown),
        (r#"{"result":"UNANSWERED"}"#, PUSH, K::PromptTimedOut, F::Push),
        (r#"{"result":"ABANDONED"}"#, "", K::PromptTimedOut, F::Unknown),
        (r#"{"result":"ABANDONED"}"#, r#""factor":"SMS_FACTOR""#, K::FactorFailed, F::Sms),
        (
            r#"{"result":"FAILURE","reason":"FastPass declined phishing attempt"}"#,
            r#""factor":"SIGNED_NONCE""#,
            K::PhishingBlocked,
            F::DeviceKey,
        ),
    ] {
        let event = only(&mfa(outcome, debug));
        assert_eq!((event.kind, event.factor), (kind, factor), "{outcome} {debug}");
    }
}

#[test]
fn a_verification_that_has_not_ended_ends_no_prompt() {
    for (result, kind) in [
        ("RATE_LIMIT", Some(K::RateLimited)),
        ("CHALLENGE", Some(K::ChallengeRequired)),
        ("DEFERRED", None),
        ("SCHEDULED", None),
        ("SKIPPED", None),
        ("UNKNOWN", None),
    ] {
        let outcome = format!(r#"{{"result":"{result}"}}"#);
        let expected: Vec<K> = kind.into_iter().collect();
        for factor in ["", PUSH, r#""factor":"SMS_FACTOR""#, r#""factor":"PASSWORD_AS_FACTOR""#] {
            assert_eq!(kinds(&mfa(&outcome, factor)), expected, "{result} {factor}");
        }
        // What the phone answered is said whatever became of the attempt.
        let refused = format!(r#"{PUSH},"pushOnlyResponseType":"OV_RESPONSE_DENY""#);
        assert_eq!(kinds(&mfa(&outcome, &refused)), [K::PromptDenied], "{result}");
    }
}

#[test]
fn a_reason_without_a_result_is_a_result() {
    for result in ["null", "\"\"", "\"UNKNOWN\""] {
        let outcome = format!(r#"{{"result":{result},"reason":"INVALID_CREDENTIALS"}}"#);
        assert_eq!(kinds(&mfa(&outcome, PUSH)), [K::PromptDenied], "{result}");
        let outcome = format!(r#"{{"result":{result},"reason":null}}"#);
        assert_eq!(kinds(&mfa(&outcome, PUSH)), [], "{result}");
    }
}

#[test]
fn a_prompt_that_was_held_back_was_not_sent() {
    for event_type in [
        "system.push.send_factor_verify_push",
        "system.sms.send_factor_verify_message",
        "system.voice.send_mfa_challenge_call",
        "system.email.send_factor_verify_message",
    ] {
        let kinds =
            |result: &str| kinds(&record(event_type, &format!(r#"{{"result":"{result}"}}"#), ""));
        assert_eq!(kinds("SUCCESS"), [K::PromptSent], "{event_type}");
        assert_eq!(kinds("FAILURE"), [K::PromptUndelivered], "{event_type}");
        assert_eq!(kinds("RATE_LIMIT"), [K::RateLimited], "{event_type}");
        assert_eq!(kinds("SKIPPED"), [], "{event_type}");
    }
}

#[test]
fn the_enrollment_names_the_factor_where_debug_data_do_not() {
    let target = |method: &str| {
        format!(
            r#","target":[{{"id":"x","type":"AppInstance","displayName":"Mail"}},{{"id":"p","type":"AuthenticatorEnrollment","displayName":"Okta Verify","detailEntry":{{"methodTypeUsed":"{method}"}}}}]"#
        )
    };
    let push =
        only(&record("user.authentication.auth_via_mfa", OK, &target("Get a push notification")));
    assert_eq!((push.kind, push.factor, &*push.app), (K::PromptApproved, F::Push, "Mail"));
    let password = only(&record("user.authentication.auth_via_mfa", OK, &target("Password")));
    assert_eq!(password.kind, K::PasswordVerified);
}

#[test]
fn every_type_means_what_the_table_says() {
    for (event_type, kind, factor) in [
        ("system.push.send_factor_verify_push", K::PromptSent, F::Push),
        ("device.custom_push.send_notification", K::PromptSent, F::Push),
        ("system.sms.send_factor_verify_message", K::PromptSent, F::Sms),
        ("system.voice.send_mfa_challenge_call", K::PromptSent, F::Voice),
        ("system.email.send_factor_verify_message", K::PromptSent, F::Email),
        ("system.email.challenge_factor_redeemed", K::FactorVerified, F::Email),
        ("user.mfa.okta_verify.deny_push", K::PromptDenied, F::Push),
        ("user.mfa.okta_verify.deny_push_upgrade_needed", K::FactorFailed, F::Push),
        ("user.account.report_suspicious_activity_by_enduser", K::PromptReported, F::Unknown),
        ("user.mfa.attempt_bypass", K::Bypassed, F::Unknown),
        ("user.account.lock", K::LockedOut, F::Unknown),
        ("user.account.lock.limit", K::LockedOut, F::Unknown),
        ("user.account.unlock", K::Unlocked, F::Unknown),
        ("user.account.unlock_by_admin", K::Unlocked, F::Unknown),
        ("user.account.unlock_token", K::Unlocked, F::Unknown),
        ("user.account.use_token", K::SignInFailed, F::Unknown),
        ("system.org.rate_limit.violation", K::RateLimited, F::Unknown),
        ("system.operation.rate_limit.violation", K::RateLimited, F::Unknown),
        ("system.client.concurrency_rate_limit.violation", K::RateLimited, F::Unknown),
        ("core.concurrency.org.limit.violation", K::RateLimited, F::Unknown),
        ("application.integration.rate_limit_exceeded", K::RateLimited, F::Unknown),
        ("user.mfa.factor.activate", K::FactorEnrolled, F::Unknown),
        ("user.mfa.factor.deactivate", K::FactorRemoved, F::Unknown),
        ("user.mfa.factor.suspend", K::FactorRemoved, F::Unknown),
        ("user.mfa.factor.unsuspend", K::FactorUpdated, F::Unknown),
        ("user.mfa.factor.update", K::FactorUpdated, F::Unknown),
        ("user.mfa.factor.reset_all", K::FactorReset, F::Unknown),
        ("credential.register", K::FactorEnrolled, F::Passkey),
        ("credential.revoke", K::FactorRemoved, F::Passkey),
        ("system.mfa.preregister.initiate", K::FactorEnrolled, F::Passkey),
        ("device.enrollment.create", K::DeviceRegistered, F::Unknown),
        ("device.user.add", K::DeviceRegistered, F::Unknown),
        ("device.token.enrollment.create", K::DeviceRegistered, F::Unknown),
        ("device.desktop_mfa.enrollment.create", K::DeviceRegistered, F::Unknown),
        ("device.desktop_mfa.recovery_pin.generate", K::BypassGranted, F::RecoveryCode),
        ("user.session.start", K::SessionStarted, F::Unknown),
        ("user.authentication.sso", K::SessionUsed, F::Unknown),
        ("user.session.access_admin_app", K::SessionUsed, F::Unknown),
        ("user.session.context.change", K::SessionReused, F::Unknown),
        ("security.session.detect_client_roaming", K::SessionReused, F::Unknown),
        ("app.oauth2.token.detect_reuse", K::SessionReused, F::Unknown),
        ("policy.auth_reevaluate.fail", K::RiskDetected, F::Unknown),
        ("user.session.clear", K::SessionRevoked, F::Unknown),
        ("user.session.end", K::SessionRevoked, F::Unknown),
        ("user.session.expire", K::SessionRevoked, F::Unknown),
        ("user.authentication.universal_logout", K::SessionRevoked, F::Unknown),
        ("user.session.impersonation.initiate", K::Impersonated, F::Unknown),
        ("user.account.update_password", K::PasswordChanged, F::Password),
        ("user.account.reset_password", K::PasswordReset, F::Password),
        ("user.account.expire_password", K::PasswordReset, F::Password),
        ("system.agent.ad.reset_user_password", K::PasswordReset, F::Password),
        ("system.agent.ldap.unlock_user_account", K::Unlocked, F::Unknown),
        ("system.email.password_reset.sent_message", K::ChallengeRequired, F::Email),
        ("system.sms.send_password_reset_message", K::PromptSent, F::Sms),
        ("system.voice.send_password_reset_call", K::PromptSent, F::Voice),
        ("system.sms.send_phone_verification_message", K::RecoveryChanged, F::Sms),
        ("user.account.update_primary_email", K::RecoveryChanged, F::Email),
        ("user.account.update_secondary_email", K::RecoveryChanged, F::Email),
        ("app.oauth2.as.consent.grant", K::ConsentGranted, F::Unknown),
        ("app.oauth2.admin.consent.grant", K::ConsentGranted, F::Unknown),
        ("user.account.privilege.grant", K::RoleAssigned, F::Unknown),
        ("group.privilege.grant", K::RoleAssigned, F::Unknown),
        ("iam.resourceset.bindings.add", K::RoleAssigned, F::Unknown),
        ("app.oauth2.client.privilege.grant", K::RoleAssigned, F::Unknown),
        ("policy.lifecycle.update", K::PolicyChanged, F::Unknown),
        ("policy.rule.add", K::PolicyChanged, F::Unknown),
        ("application.policy.sign_on.update", K::PolicyChanged, F::Unknown),
        ("app.policy.sign_on.update", K::PolicyChanged, F::Unknown),
        ("system.mfa.factor.deactivate", K::PolicyChanged, F::Unknown),
        ("security.authenticator.lifecycle.deactivate", K::PolicyChanged, F::Unknown),
        ("zone.update", K::PolicyChanged, F::Unknown),
        ("system.idp.lifecycle.create", K::PolicyChanged, F::Unknown),
        ("system.log_stream.lifecycle.deactivate", K::PolicyChanged, F::Unknown),
        ("system.api_token.create", K::TokenCreated, F::Unknown),
        ("security.threat.detected", K::RiskDetected, F::Unknown),
        ("user.risk.detect", K::RiskDetected, F::Unknown),
        ("user.risk.change", K::RiskDetected, F::Unknown),
        ("user.lifecycle.create", K::AccountCreated, F::Unknown),
        ("user.lifecycle.activate", K::AccountCreated, F::Unknown),
        ("user.lifecycle.suspend", K::AccountDisabled, F::Unknown),
    ] {
        let event = only(&record(event_type, OK, ""));
        assert_eq!((event.kind, event.factor), (kind, factor), "{event_type}");
        assert_eq!(event.native, event_type);
        assert_eq!(event.subscriber.name, "alice@example.org", "{event_type}");
    }
}

#[test]
fn what_failed_has_changed_nothing() {
    for event_type in
        ["user.mfa.factor.activate", "policy.rule.add", "user.account.privilege.grant"]
    {
        assert_eq!(kinds(&record(event_type, BAD, "")), [], "{event_type}");
    }
    for (event_type, kind) in [
        ("user.session.start", K::SignInFailed),
        ("system.push.send_factor_verify_push", K::PromptUndelivered),
        ("user.account.lock", K::LockedOut),
        ("user.identity_verification", K::RiskDetected),
    ] {
        assert_eq!(kinds(&record(event_type, BAD, "")), [kind], "{event_type}");
    }
    assert_eq!(kinds(&record("user.identity_verification", OK, "")), []);
}

#[test]
fn a_profile_update_matters_when_it_changes_a_way_to_recover() {
    let changed = |what: &str| {
        record(
            "user.account.update_profile",
            OK,
            &format!(r#","debugContext":{{"debugData":{{"changedAttributes":"{what}"}}}}"#),
        )
    };
    assert_eq!(kinds(&changed("mobilePhone,title")), [K::RecoveryChanged]);
    assert_eq!(kinds(&changed("title")), []);
    let from_to = |from: &str, to: &str| {
        record(
            "user.account.update_profile",
            OK,
            &format!(
                r#","target":[{{"id":"a","type":"AppUser","changeDetails":null}},{{"id":"00u1","type":"User","alternateId":"alice@example.org","changeDetails":{{"from":{from},"to":{to}}}}}]"#
            ),
        )
    };
    let old = r#"{"mobilePhone":"+1 5550100","title":"Phones"}"#;
    for (from, to, kind) in [
        (old, r#"{"mobilePhone":"+1 5550199","title":"Phones"}"#, Some(K::RecoveryChanged)),
        ("{}", r#"{"primaryPhone":"+1 5550199"}"#, Some(K::RecoveryChanged)),
        ("null", r#"{"profile":{"secondEmail":"a@example.net"}}"#, Some(K::RecoveryChanged)),
        (old, r#"{"title":"Phones"}"#, Some(K::RecoveryChanged)),
        (old, r#"{"mobilePhone":"+1 5550100","title":"Email and phones"}"#, None),
    ] {
        let expected: Vec<K> = kind.into_iter().collect();
        assert_eq!(kinds(&from_to(from, to)), expected, "{from} {to}");
    }
}

#[test]
fn an_answer_comes_from_the_phone_and_a_push_from_the_requester() {
    let sent = only(&record("system.push.send_factor_verify_push", OK, ""));
    assert_eq!((&*sent.requester.ip, sent.requester.asn), ("203.0.113.7", 64_500));
    assert_eq!(sent.requester.as_name, "example net");
    assert_eq!((&*sent.requester.city, &*sent.requester.country), ("Springfield", "United States"));
    assert_eq!(sent.requester.coordinates.unwrap().latitude, 44.05);
    assert!(sent.requester.is_proxy);
    assert_eq!(sent.responder, None);
    assert_eq!((&*sent.session, &*sent.transaction, &*sent.id), ("idx1", "t1", "u1"));

    let approved = only(&mfa(OK, &format!(r#"{PUSH},"dtHash":"d1""#)));
    assert_eq!(approved.requester.ip, "");
    assert_eq!(approved.requester.agent.browser, "CHROME");
    assert_eq!(approved.requester.device, "d1");
    assert_eq!(approved.responder.unwrap().ip, "203.0.113.7");

    let unanswered = only(&mfa(r#"{"result":"UNANSWERED"}"#, PUSH));
    assert_eq!(unanswered.requester.ip, "203.0.113.7");
}

#[test]
fn the_device_is_the_browsers_mark_or_else_the_registered_one() {
    let marks = r#""deviceFingerprint":"f1","dtHash":"d1""#;
    let start = |device: &str, marks: &str| {
        only(&record(
            "user.session.start",
            OK,
            &format!(r#","device":{device},"debugContext":{{"debugData":{{{marks}}}}}"#),
        ))
    };
    let registered = start(r#"{"id":"guo1","name":"LAPTOP","managed":true}"#, marks);
    assert_eq!((&*registered.requester.device, registered.requester.is_managed), ("f1", true));
    assert_eq!(start(r#"{"id":"guo1"}"#, "").requester.device, "guo1");
    assert_eq!(start("null", marks).requester.device, "f1");
    assert_eq!(start("null", r#""dtHash":"d1""#).requester.device, "d1");
}

#[test]
fn a_change_by_somebody_else_names_them() {
    let bob = r#","target":[{"id":"00u2","type":"User","alternateId":"bob@example.org"}]"#;
    for (event_type, kind) in [
        ("user.mfa.factor.reset_all", K::FactorReset),
        ("user.account.reset_password", K::PasswordReset),
        ("user.account.update_password", K::PasswordReset),
    ] {
        let event = only(&record(event_type, OK, bob));
        assert_eq!(event.kind, kind);
        assert_eq!(event.subscriber.name, "bob@example.org");
        assert_eq!(event.actor.unwrap().name, "alice@example.org");
    }
    let own = bob.replace("00u2", "00u1").replace("bob@", "alice@");
    assert_eq!(only(&record("user.mfa.factor.reset_all", OK, &own)).actor, None);
}

#[test]
fn a_push_by_the_product_is_about_its_target() {
    let system = record(
        "system.push.send_factor_verify_push",
        OK,
        r#","actor":{"id":"s","type":"SystemPrincipal","alternateId":"system@example.org"},"target":[{"id":"pfd","type":"AuthenticatorEnrollment"},{"id":"00u2","type":"User","alternateId":"bob@example.org"}]"#,
    );
    let event = only(&system);
    assert_eq!((&*event.subscriber.name, event.actor), ("bob@example.org", None));
}

#[test]
fn a_reset_in_the_reason_is_a_reset_and_names_the_factor() {
    let event = only(&record(
        "user.mfa.factor.deactivate",
        r#"{"result":"SUCCESS","reason":"User reset OKTA_VERIFY_PUSH factor"}"#,
        "",
    ));
    assert_eq!((event.kind, event.factor), (K::FactorReset, F::Push));
    let enrolled = only(&record(
        "user.mfa.factor.activate",
        r#"{"result":"SUCCESS","reason":"User set up SMS_FACTOR factor"}"#,
        "",
    ));
    assert_eq!((enrolled.kind, enrolled.factor), (K::FactorEnrolled, F::Sms));
    assert_eq!(enrolled.what, "User set up SMS_FACTOR factor");
}

#[test]
fn a_report_points_at_what_is_reported() {
    let report = |about: &str| {
        record(
            "user.account.report_suspicious_activity_by_enduser",
            OK,
            &format!(
                r#","debugContext":{{"debugData":{{"suspiciousActivityEventType":"{about}","suspiciousActivityEventIp":"198.51.100.9","suspiciousActivityEventCountry":"Germany","suspiciousActivityEventTransactionId":"t0"}}}}"#
            ),
        )
    };
    let event = only(&report("system.push.send_factor_verify_push"));
    assert_eq!(event.kind, K::PromptReported);
    assert_eq!((&*event.requester.ip, &*event.transaction), ("198.51.100.9", "t0"));
    assert_eq!(event.responder.unwrap().ip, "203.0.113.7");
    assert_eq!(kinds(&report("user.account.update_password")), [K::RiskDetected]);
}

#[test]
fn risk_is_what_okta_says_or_several_new_things_together() {
    let risk = |debug: &str| only(&mfa(OK, debug)).risk;
    assert_eq!(risk(r#""risk":"{reasons=Anomalous Device, level=HIGH}""#), Risk::High);
    assert_eq!(risk(r#""risk":"{level=MEDIUM}""#), Risk::Medium);
    assert_eq!(risk(r#""risk":"{level=LOW}""#), Risk::Low);
    assert_eq!(risk(r#""threatSuspected":"true""#), Risk::High);
    assert_eq!(risk(r#""threatSuspected":true"#), Risk::High);
    assert_eq!(risk(r#""threatSuspected":false"#), Risk::Unknown);
    assert_eq!(
        risk(r#""logOnlySecurityData":"{ \"risk\" : { \"level\" : \"HIGH\" } }""#),
        Risk::High
    );
    assert_eq!(
        risk(r#""logOnlySecurityData":"{ \"risk\" : { \"level\" : \"LOW\" }, \"x\": \"HIGH\" }""#),
        Risk::Unknown
    );
    assert_eq!(risk(r#""logOnlySecurityData":"{\"risk\":{\"level\":\"HIGH\"}}""#), Risk::High);
    assert_eq!(risk(r#""behaviors":"{New Device=POSITIVE, New IP=POSITIVE}""#), Risk::Medium);
    assert_eq!(risk(r#""behaviors":"{New Device=NEGATIVE, New IP=POSITIVE}""#), Risk::Unknown);
}

#[test]
fn a_weaker_rule_says_what_it_lost() {
    let event = only(&record(
        "policy.rule.update",
        OK,
        r#","target":[{"id":"r","type":"PolicyRule","displayName":"Catch-all","changeDetails":{"from":{"actions":{"signon":{"factorMode":"2FA"}}},"to":{"actions":{"signon":{"factorMode":"1FA"}}}}}]"#,
    ));
    assert_eq!(event.what, "message: Catch-all, factorMode 2FA -> 1FA");
    let role = only(&record(
        "user.account.privilege.grant",
        OK,
        r#","debugContext":{"debugData":{"privilegeGranted":"Super administrator"}}"#,
    ));
    assert_eq!(role.what, "Super administrator");
}

#[test]
fn absent_is_empty_however_it_is_spelt() {
    let event = only(&record(
        "user.session.start",
        OK,
        r#","actor":{"id":"unknown","type":"User","alternateId":"unknown"},"client":{"userAgent":{"os":"Unknown","browser":"UNKNOWN"},"ipAddress":"0.0.0.0"},"authenticationContext":{"externalSessionId":"unknown"},"transaction":{"id":"null"}"#,
    ));
    assert!(event.subscriber.is_empty());
    assert_eq!((&*event.session, &*event.transaction, &*event.requester.ip), ("", "", ""));
    assert_eq!(event.requester.agent, pushback_model::Agent::default());
}

#[test]
fn a_record_without_an_id_gets_one_from_its_content() {
    let bare = record("user.session.start", OK, "").replace(r#","uuid":"u1""#, "");
    let id = only(&bare).id;
    assert_eq!(id.len(), 16);
    assert_eq!(only(&bare).id, id);
    assert_ne!(only(&bare.replace("alice", "carol")).id, id);
}
