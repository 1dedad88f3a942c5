use pushback_model::{EventKind as K, Factor as F, Risk, Source, Timestamp};
use serde_json::{Value, json};

use crate::testing::{kinds, only, read_all};
use crate::{Read, Reject};

const PUSH: &str = "Mobile app notification";
const DENIED: &str = "MFA denied; user declined the authentication";

fn step(method: &str, succeeded: bool, detail: &str) -> Value {
    json!({
        "authenticationStepDateTime": "2026-01-31T09:30:09Z",
        "authenticationMethod": method,
        "succeeded": succeeded,
        "authenticationStepResultDetail": detail,
    })
}

fn password() -> Value {
    step("Password", true, "Correct password")
}

fn graph(code: u32, steps: &[Value]) -> Value {
    json!({
        "id": "s1",
        "createdDateTime": "2026-01-31T09:30:00.1234567Z",
        "userPrincipalName": "alice@example.org",
        "userId": "u1",
        "appDisplayName": "Example Mail",
        "ipAddress": "203.0.113.7",
        "clientAppUsed": "Browser",
        "userAgent": "Mozilla/5.0",
        "correlationId": "c1",
        "sessionId": "x1",
        "isInteractive": true,
        "autonomousSystemNumber": 64500,
        "riskLevelDuringSignIn": "medium",
        "status": {"errorCode": code, "failureReason": "reason", "additionalDetails": null},
        "deviceDetail": {"deviceId": "d1", "displayName": "LAPTOP", "operatingSystem": "Windows10",
            "browser": "Edge 126", "isManaged": true, "isCompliant": false},
        "location": {"city": "Springfield", "state": "Oregon", "countryOrRegion": "US",
            "geoCoordinates": {"latitude": 44.05, "longitude": -123.02}},
        "authenticationDetails": steps,
    })
}

fn diagnostic(category: &str, properties: Value) -> String {
    json!({
        "time": "2026-01-31T09:35:00Z",
        "operationName": "Sign-in activity",
        "category": category,
        "resultType": properties["status"]["errorCode"].to_string(),
        "callerIpAddress": "203.0.113.7",
        "location": "US",
        "properties": properties,
    })
    .to_string()
}

/// The row that a query of `SigninLogs` exports.
fn columns(code: u32, steps: &[Value]) -> String {
    let g = graph(code, steps);
    json!({
        "TimeGenerated": "2026-01-31T09:35:00Z",
        "CreatedDateTime": g["createdDateTime"],
        "Category": "SignInLogs",
        "Type": "SigninLogs",
        "ResultType": code.to_string(),
        "Id": g["id"], "UserPrincipalName": g["userPrincipalName"], "UserId": g["userId"],
        "AppDisplayName": g["appDisplayName"], "IPAddress": g["ipAddress"],
        "ClientAppUsed": g["clientAppUsed"], "UserAgent": g["userAgent"],
        "CorrelationId": g["correlationId"], "SessionId": g["sessionId"], "IsInteractive": true,
        "AutonomousSystemNumber": "64500", "RiskLevelDuringSignIn": "medium",
        "Location": "US",
        "Status": g["status"].to_string(), "DeviceDetail": g["deviceDetail"].to_string(),
        "LocationDetails": g["location"].to_string(),
        "AuthenticationDetails": g["authenticationDetails"].to_string(),
        "MfaDetail": "",
    })
    .to_string()
}

#[test]
fn every_shape_says_the_same() {
    let steps = [password(), step(PUSH, false, DENIED)];
    let mut inside = graph(500_121, &steps);
    for member in ["status", "authenticationDetails", "deviceDetail", "location"] {
        inside[member] = Value::String(inside[member].to_string());
    }
    let expected = only(&graph(500_121, &steps).to_string());
    assert_eq!((expected.kind, expected.factor, expected.part), (K::PromptDenied, F::Push, 1));
    assert_eq!(expected.what, DENIED);
    assert_eq!(expected.native, "500121");
    assert_eq!(expected.occurred_at, Timestamp::parse("2026-01-31T09:30:09Z").unwrap());
    assert_eq!((&*expected.id, &*expected.session, &*expected.transaction), ("s1", "x1", "c1"));
    assert_eq!((&*expected.subscriber.name, &*expected.subscriber.id), ("alice@example.org", "u1"));
    assert_eq!((&*expected.requester.ip, expected.requester.asn), ("203.0.113.7", 64_500));
    assert_eq!((&*expected.requester.country, &*expected.requester.device), ("US", "d1"));
    assert_eq!(expected.risk, Risk::Medium);
    assert!(expected.requester.is_managed && expected.requester.coordinates.is_some());
    for record in [
        diagnostic("SignInLogs", graph(500_121, &steps)),
        diagnostic("SignInLogs", inside.clone()),
        properties_as_text(&diagnostic("SignInLogs", graph(500_121, &steps))),
        properties_as_text(&diagnostic("SignInLogs", inside.clone())),
        inside.to_string(),
        columns(500_121, &steps),
    ] {
        let mut event = only(&record);
        event.logged_at = None;
        assert_eq!(event, expected, "{record}");
    }
}

fn properties_as_text(record: &str) -> String {
    let mut record: Value = serde_json::from_str(record).unwrap();
    record["properties"] = Value::String(record["properties"].to_string());
    record.to_string()
}

#[test]
fn a_row_without_details_of_the_place_still_names_the_country() {
    for details in [Value::Null, "".into(), json!({"city": "Springfield"}).to_string().into()] {
        let mut row: Value = serde_json::from_str(&columns(0, &[])).unwrap();
        row["LocationDetails"] = details.clone();
        assert_eq!(only(&row.to_string()).requester.country, "US", "{details}");
    }
}

#[test]
fn a_class_of_programs_is_no_browser() {
    // What a RADIUS server in front of a VPN leaves: neither browser nor address.
    let browser = |client: &str| {
        let mut record = graph(500_121, &[password()]);
        record["clientAppUsed"] = client.into();
        record["userAgent"] = "".into();
        record["deviceDetail"] = json!({});
        let (_, events) = read_all(&diagnostic("SignInLogs", record));
        events[0].requester.agent.browser.to_string()
    };
    assert_eq!(browser("Mobile Apps and Desktop clients"), "");
    assert_eq!(browser("Exchange ActiveSync"), "Exchange ActiveSync");
}

#[test]
fn an_absent_word_on_interaction_is_none() {
    let approved = [password(), step(PUSH, true, "MFA completed in Azure AD")];
    let mut bare = graph(0, &approved);
    bare.as_object_mut().unwrap().remove("isInteractive");
    for word in [Value::Null, "".into(), "null".into(), "unknown".into()] {
        let mut record = bare.clone();
        record["isInteractive"] = word.clone();
        assert_eq!(kinds(&record.to_string()), kinds(&bare.to_string()), "{word}");
        assert_eq!(kinds(&record.to_string()), [K::PromptApproved, K::SessionStarted], "{word}");
        let silent = diagnostic("NonInteractiveUserSignInLogs", record.clone());
        assert_eq!(kinds(&silent), [K::SessionUsed], "{word}");
        let record = diagnostic("SignInLogs", record);
        assert_eq!(kinds(&record), [K::PromptApproved, K::SessionStarted], "{word}");
    }
    bare["isInteractive"] = "False".into();
    assert_eq!(kinds(&bare.to_string()), [K::SessionUsed]);
}

#[test]
fn every_step_text_means_what_the_table_says() {
    for (method, succeeded, detail, kind) in [
        (PUSH, true, "MFA completed in Azure AD", K::PromptApproved),
        (PUSH, true, "MFA completed in the cloud", K::PromptApproved),
        (PUSH, true, "MFA successfully completed", K::PromptApproved),
        (
            "Phone call approval (Authentication phone)",
            true,
            "MFA completed in Azure AD",
            K::PromptApproved,
        ),
        (PUSH, false, DENIED, K::PromptDenied),
        (PUSH, false, "MFA denied: user declined the authentication", K::PromptDenied),
        (
            PUSH,
            false,
            "MFA denied; user did not respond to mobile app notification",
            K::PromptTimedOut,
        ),
        (
            PUSH,
            false,
            "MFA denied; user didn't respond to mobile app notification",
            K::PromptTimedOut,
        ),
        (
            "Phone call approval (Authentication phone)",
            false,
            "MFA denied; phone call went to voicemail",
            K::PromptTimedOut,
        ),
        (
            "Phone call approval (Authentication phone)",
            false,
            "MFA denied; user hung up",
            K::PromptDenied,
        ),
        (PUSH, false, "MFA denied; user did not select the correct number", K::PromptMismatched),
        (PUSH, false, "MFA denied; Phone App Reported Fraud", K::PromptReported),
        (PUSH, false, "SuspiciousActivityReported", K::PromptReported),
        (
            PUSH,
            false,
            "MFA denied; unable to send the mobile app notification",
            K::PromptUndelivered,
        ),
    ] {
        let code = if succeeded { 0 } else { 500_121 };
        let kinds = kinds(&graph(code, &[password(), step(method, succeeded, detail)]).to_string());
        assert_eq!(kinds[0], kind, "{detail}");
        assert_eq!(kinds.len(), if succeeded { 2 } else { 1 }, "{detail}");
    }
}

#[test]
fn what_is_no_answer_makes_no_prompt() {
    for (code, method, succeeded, detail, kind) in [
        (0, PUSH, true, "MFA requirement satisfied by claim in the token", K::SessionStarted),
        (
            0,
            "Previously satisfied",
            true,
            "MFA requirement satisfied by claim in the token",
            K::SessionStarted,
        ),
        (0, PUSH, true, "MFA requirement skipped due to remembered device", K::SessionStarted),
        (500_121, PUSH, false, "MFA denied; duplicate authentication attempt", K::FactorFailed),
        (500_121, PUSH, false, "Authentication in progress", K::FactorFailed),
        (500_121, PUSH, false, "", K::FactorFailed),
        (
            500_121,
            "OATH verification code",
            false,
            "MFA denied; user entered incorrect code",
            K::FactorFailed,
        ),
        (0, "Text message", true, "MFA completed in Azure AD", K::SessionStarted),
    ] {
        let record = graph(code, &[password(), step(method, succeeded, detail)]).to_string();
        assert_eq!(kinds(&record), [kind], "{detail}");
    }
    let code = graph(0, &[password(), step("Text message", true, "MFA completed in Azure AD")]);
    assert_eq!(only(&code.to_string()).factor, F::Sms);
}

#[test]
fn every_code_means_what_the_table_says() {
    for (code, kind) in [
        (0, Some(K::SessionStarted)),
        (50_074, Some(K::ChallengeRequired)),
        (50_076, Some(K::ChallengeRequired)),
        (50_072, Some(K::ChallengeRequired)),
        (50_079, Some(K::ChallengeRequired)),
        (50_158, Some(K::ChallengeRequired)),
        (500_121, Some(K::FactorFailed)),
        (50_126, Some(K::SignInFailed)),
        (50_055, Some(K::SignInFailed)),
        (50_057, Some(K::SignInFailed)),
        (50_053, Some(K::LockedOut)),
        (53_003, Some(K::PolicyRefused)),
        (53_000, Some(K::PolicyRefused)),
        (53_001, Some(K::PolicyRefused)),
        (50_140, None),
        (65_001, None),
        (70_043, None),
        (70_044, None),
    ] {
        let record = graph(code, &[]).to_string();
        assert_eq!(kinds(&record), kind.into_iter().collect::<Vec<_>>(), "{code}");
    }
    assert_eq!(read_all(&graph(50_140, &[]).to_string()).0, Ok(Read::Ignored(Source::Entra)));
}

#[test]
fn a_code_that_was_typed_before_the_dialogue_went_on_is_a_passed_factor() {
    let steps = |method: &str| {
        let step = json!({
            "authenticationMethod": method, "succeeded": true,
            "authenticationStepResultDetail": "MFA completed in Azure AD",
        });
        let mut record = graph(50_140, &[]);
        record["authenticationDetails"] = json!([step]);
        record["status"]["additionalDetails"] = "MFA completed in Azure AD".into();
        let events = read_all(&record.to_string()).1;
        events.iter().map(|e| (e.kind, e.factor)).collect::<Vec<_>>()
    };
    assert_eq!(steps("Text message"), [(K::FactorVerified, F::Sms)]);
    assert_eq!(steps("OATH verification code"), [(K::FactorVerified, F::Code)]);
    assert_eq!(steps("Mobile app notification"), [(K::PromptApproved, F::Push)]);
    // A token that was there already is no factor.
    assert_eq!(steps("Previously satisfied"), []);
}

#[test]
fn the_records_own_text_speaks_where_there_are_no_steps() {
    let v1 = |code: u32, details: &str, method: Value| {
        let mut record = graph(code, &[]);
        record.as_object_mut().unwrap().remove("authenticationDetails");
        record["status"]["additionalDetails"] = details.into();
        record["mfaDetail"] = method;
        read_all(&record.to_string())
            .1
            .iter()
            .map(|e| (e.kind, e.factor, e.part))
            .collect::<Vec<_>>()
    };
    let push = json!({"authMethod": "PhoneAppNotification"});
    assert_eq!(v1(500_121, DENIED, Value::Null), [(K::PromptDenied, F::Push, 1)]);
    assert_eq!(v1(500_121, DENIED, push.clone()), [(K::PromptDenied, F::Push, 1)]);
    assert_eq!(
        v1(500_121, "MFA denied; phone call went to voicemail", Value::Null),
        [(K::PromptTimedOut, F::Voice, 1)]
    );
    assert_eq!(
        v1(0, "MFA completed in Azure AD", push),
        [(K::PromptApproved, F::Push, 1), (K::SessionStarted, F::Push, 0)]
    );
    assert_eq!(
        v1(0, "MFA completed in Azure AD", Value::Null),
        [(K::PromptApproved, F::Unknown, 1), (K::SessionStarted, F::Unknown, 0)]
    );
    assert_eq!(
        v1(
            0,
            "MFA requirement satisfied by claim in the token",
            json!({"authMethod": "PhoneAppNotification"})
        ),
        [(K::SessionStarted, F::Push, 0)]
    );
}

#[test]
fn a_record_delivered_again_more_complete_keeps_its_parts() {
    let parts = |steps: &[Value], code: u32| {
        let (_, events) = read_all(&graph(code, steps).to_string());
        events.iter().map(|e| (e.part, e.kind)).collect::<Vec<_>>()
    };
    let mut later = step(PUSH, true, "MFA completed in Azure AD");
    later["authenticationStepDateTime"] = "2026-01-31T09:31:30Z".into();
    let first = step(PUSH, false, DENIED);
    let first_again = step(PUSH, false, DENIED);
    assert_eq!(parts(&[password()], 50_074), [(0, K::ChallengeRequired)]);
    assert_eq!(parts(&[password(), step(PUSH, false, "")], 50_074), [(0, K::ChallengeRequired)]);
    assert_eq!(parts(&[password(), first.clone()], 500_121), [(1, K::PromptDenied)]);
    assert_eq!(
        parts(&[later, password(), first, first_again], 0),
        [(1, K::PromptDenied), (2, K::PromptApproved), (0, K::SessionStarted)]
    );
}

#[test]
fn what_no_person_does_is_ignored() {
    let approved = [password(), step(PUSH, true, "MFA completed in Azure AD")];
    let mut silent = graph(0, &approved);
    silent["isInteractive"] = false.into();
    assert_eq!(kinds(&silent.to_string()), [K::SessionUsed]);
    assert_eq!(kinds(&diagnostic("NonInteractiveUserSignInLogs", silent)), [K::SessionUsed]);
    for category in [
        "ServicePrincipalSignInLogs",
        "ManagedIdentitySignInLogs",
        "MicrosoftServicePrincipalSignInLogs",
    ] {
        let record = diagnostic(category, graph(0, &approved));
        assert_eq!(read_all(&record).0, Ok(Read::Ignored(Source::Entra)), "{category}");
    }
    let robot = json!({"createdDateTime": "2026-01-31T09:30:00Z", "servicePrincipalId": "p1",
        "userId": "", "isInteractive": false, "status": {"errorCode": 0}, "appId": "a"});
    assert_eq!(read_all(&robot.to_string()).0, Ok(Read::Ignored(Source::Entra)));
    let mut timeless = graph(0, &[]);
    timeless["createdDateTime"] = "soon".into();
    assert_eq!(
        read_all(&timeless.to_string()).0,
        Err(Reject::Incomplete { vendor: Source::Entra, missing: "createdDateTime" })
    );
}

fn audit(name: &str, more: Value) -> String {
    let mut properties = json!({
        "id": "a1", "activityDateTime": "2026-01-31T09:30:00Z", "activityDisplayName": name,
        "result": "success", "correlationId": "c1",
        "initiatedBy": {"user": {"id": "u1", "userPrincipalName": "alice@example.org", "ipAddress": "203.0.113.7:443"}},
        "targetResources": [{"id": "u1", "type": "User", "userPrincipalName": "alice@example.org"}],
    });
    for (key, value) in more.as_object().unwrap() {
        properties[key] = value.clone();
    }
    json!({"time": "2026-01-31T09:35:00Z", "category": "AuditLogs", "operationName": name,
        "properties": properties})
    .to_string()
}

fn changed(name: &str, old: &str, new: &str) -> Value {
    json!({"targetResources": [{"id": "u1", "type": "User", "userPrincipalName": "alice@example.org",
        "modifiedProperties": [{"displayName": name, "oldValue": old, "newValue": new}]}]})
}

#[test]
fn every_activity_means_what_the_table_says() {
    for (name, kind) in [
        ("User registered security info", K::FactorEnrolled),
        ("User registered all required security info", K::FactorEnrolled),
        ("Admin registered security info", K::FactorEnrolled),
        ("User deleted security info", K::FactorRemoved),
        ("Admin deleted security info", K::FactorRemoved),
        ("Disable Strong Authentication", K::FactorRemoved),
        ("Disable per-user MFA", K::PolicyChanged),
        ("User changed default security info", K::FactorUpdated),
        ("Admin updated security info", K::FactorUpdated),
        ("Create Temporary Access Pass method for user", K::BypassGranted),
        ("Register device", K::DeviceRegistered),
        ("Add device", K::DeviceRegistered),
        ("Add registered owner to device", K::DeviceRegistered),
        ("Add registered users to device", K::DeviceRegistered),
        ("Add Windows Hello for Business credential", K::FactorEnrolled),
        ("Update StsRefreshTokenValidFrom Timestamp", K::SessionRevoked),
        ("Change user password", K::PasswordChanged),
        ("Change password (self-service)", K::PasswordChanged),
        ("Reset user password", K::PasswordReset),
        ("Reset password (by admin)", K::PasswordReset),
        ("Reset password (self-service)", K::PasswordReset),
        ("Suspicious activity reported", K::PromptReported),
        ("Fraud reported - user is blocked for MFA", K::PromptReported),
        ("Fraud reported - no action taken", K::PromptReported),
        ("Consent to application", K::ConsentGranted),
        ("Add delegated permission grant", K::ConsentGranted),
        ("Add app role assignment grant to user", K::ConsentGranted),
        ("Add OAuth2PermissionGrant", K::ConsentGranted),
        ("Add member to role", K::RoleAssigned),
        ("Add eligible member to role", K::RoleAssigned),
        ("Add member to role completed (PIM activation)", K::RoleAssigned),
        ("Add member to role in PIM completed (permanent)", K::RoleAssigned),
        ("Add conditional access policy", K::PolicyChanged),
        ("Update conditional access policy", K::PolicyChanged),
        ("Delete conditional access policy", K::PolicyChanged),
        ("Authentication Methods Policy Update", K::PolicyChanged),
        ("Update authorization policy", K::PolicyChanged),
        ("Add named location", K::PolicyChanged),
        ("Add service principal credentials", K::TokenCreated),
        ("Update application – Certificates and secrets management", K::TokenCreated),
        ("Add owner to application", K::RoleAssigned),
    ] {
        let event = only(&audit(name, json!({})));
        assert_eq!(event.kind, kind, "{name}");
        assert_eq!((&*event.subscriber.name, event.actor.is_none()), ("alice@example.org", true));
        assert_eq!((&*event.requester.ip, &*event.native), ("203.0.113.7", name));
        assert_eq!(kinds(&audit(name, json!({"result": "failure"}))), [], "{name}");
    }
    for name in [
        "User started security info registration",
        "Update user",
        "Add member to role requested (PIM activation)",
    ] {
        assert_eq!(read_all(&audit(name, json!({}))).0, Ok(Read::Ignored(Source::Entra)), "{name}");
    }
    assert_eq!(
        read_all(&audit("Teleport user", json!({}))).0,
        Ok(Read::Unknown(Source::Entra, "Teleport user".to_owned()))
    );
}

#[test]
fn updates_of_a_user_matter_when_they_touch_strong_authentication() {
    let one = r#"[{"MethodType":6,"Default":true}]"#;
    let two = r#"[{"MethodType":6,"Default":true},{"MethodType":7,"Default":false}]"#;
    let detail = r#"[{"DeviceName":"Phone","DeviceToken":"t"}]"#;
    for (name, old, new, kind) in [
        ("StrongAuthenticationMethod", one, two, K::FactorEnrolled),
        ("StrongAuthenticationMethod", two, one, K::FactorRemoved),
        ("StrongAuthenticationMethod", one, one, K::FactorUpdated),
        ("StrongAuthenticationPhoneAppDetail", "[]", detail, K::FactorEnrolled),
        (
            "StrongAuthenticationRequirement",
            "[]",
            r#"[{"RelyingParty":"*","State":0}]"#,
            K::FactorRemoved,
        ),
        (
            "StrongAuthenticationRequirement",
            r#"[{"RelyingParty":"*","State":1}]"#,
            "[ {\n  \"RelyingParty\" : \"*\",\n  \"State\" : 0\n} ]",
            K::FactorRemoved,
        ),
        (
            "StrongAuthenticationRequirement",
            "[]",
            r#"[{"RelyingParty":"*","State":"0"}]"#,
            K::FactorRemoved,
        ),
        (
            "StrongAuthenticationRequirement",
            "[]",
            r#""[{\"RelyingParty\":\"*\",\"State\":0}]""#,
            K::FactorRemoved,
        ),
        (
            "StrongAuthenticationUserDetails",
            "[]",
            r#"[{"PhoneNumber":"+1 5550100"}]"#,
            K::FactorEnrolled,
        ),
        (
            "StrongAuthenticationUserDetails",
            r#"[{"PhoneNumber":"+1 5550100"}]"#,
            r#"[{"PhoneNumber":null}]"#,
            K::FactorRemoved,
        ),
        (
            "StrongAuthenticationUserDetails",
            r#"[{"PhoneNumber":"+1 5550100"}]"#,
            r#"[{"PhoneNumber":"+1 5550100","VoiceOnlyPhoneNumber":"+1 5550101"}]"#,
            K::RecoveryChanged,
        ),
    ] {
        assert_eq!(kinds(&audit("Update user", changed(name, old, new))), [kind], "{name} {new}");
    }
}

#[test]
fn an_audit_record_says_who_did_what_to_whom() {
    let bob = json!({"targetResources": [{"id": "u2", "type": "User", "userPrincipalName": "bob@example.org",
        "modifiedProperties": [{"displayName": "Role.DisplayName", "oldValue": null, "newValue": "\"Global Administrator\""}]}]});
    let role = only(&audit("Add member to role", bob));
    assert_eq!(role.what, "Global Administrator");
    assert_eq!(
        (&*role.subscriber.name, &*role.actor.unwrap().name),
        ("bob@example.org", "alice@example.org")
    );

    let reason = "User registered Authenticator App with Notification and Code";
    let enrolled = only(&audit("User registered security info", json!({"resultReason": reason})));
    assert_eq!((&*enrolled.what, enrolled.factor), (reason, F::Push));

    let pass = json!({"resultReason": "Admin registered temporary access pass method for user"});
    let pass = only(&audit("Admin registered security info", pass));
    assert_eq!((pass.kind, pass.factor), (K::BypassGranted, F::RecoveryCode));

    let policy = |mfa: &str| {
        format!(r#"{{"state":"enabled","grantControls":{{"builtInControls":[{mfa}]}}}}"#)
    };
    let weaker = json!({"targetResources": [{"id": "p1", "type": "Policy", "displayName": "Everyone",
        "modifiedProperties": [{"displayName": "ConditionalAccessPolicy", "oldValue": policy("\"mfa\""), "newValue": policy("")}]}]});
    let weaker = only(&audit("Update conditional access policy", weaker));
    assert_eq!(weaker.what, "Update conditional access policy: Everyone, mfa no longer required");
    assert_eq!(weaker.subscriber.name, "alice@example.org");

    let consent = json!({"targetResources": [{"id": "p1", "type": "ServicePrincipal", "displayName": "Example Reader",
        "modifiedProperties": [
            {"displayName": "ConsentContext.IsAdminConsent", "oldValue": null, "newValue": "\"True\""},
            {"displayName": "ConsentAction.Permissions", "oldValue": null, "newValue": "\"[] => [[Id: x, ConsentType: AllPrincipals, Scope: Mail.Read, CreatedDateTime: y]]\""}]}]});
    let mut nameless = consent.clone();
    nameless["targetResources"][0]["displayName"] = Value::Null;
    let consent = only(&audit("Consent to application", consent));
    assert_eq!(consent.what, "Example Reader, scope Mail.Read, for everyone");
    let nameless = only(&audit("Consent to application", nameless));
    assert_eq!(nameless.what, "scope Mail.Read, for everyone");
}

#[test]
fn risk_detections_are_the_vendors_opinion_or_the_subscribers_report() {
    let detection = |name: &str, level: &str| {
        json!({"time": "2026-01-31T09:35:00Z", "category": "UserRiskEvents", "properties": {
            "id": "r1", "activityDateTime": "2026-01-31T09:30:00Z", "riskEventType": name,
            "riskLevel": level, "userPrincipalName": "alice@example.org", "userId": "u1",
            "ipAddress": "203.0.113.7", "location": {"city": "Springfield", "countryOrRegion": "US"}}})
        .to_string()
    };
    let event = only(&detection("attackerinTheMiddle", "high"));
    assert_eq!(
        (event.kind, event.risk, &*event.what),
        (K::RiskDetected, Risk::High, "attackerinTheMiddle")
    );
    assert_eq!(only(&detection("userReportedSuspiciousActivity", "high")).kind, K::PromptReported);
    let total = r#"{"category":"RiskyUsers","properties":{"id":"u1","riskState":"atRisk","riskLastUpdatedDateTime":"2026-01-31T09:30:00Z"}}"#;
    assert_eq!(read_all(total).0, Ok(Read::Ignored(Source::Entra)));
}
