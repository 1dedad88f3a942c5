use pushback_model::EventKind::{self, *};
use pushback_model::Factor;
use serde_json::{Value, json};

use super::{read, recognises};
use crate::fixture::{events, kinds, one};
use crate::{Mapping, Read};

/// A record of this operation with these members over the common ones.
fn record(operation: &str, members: &Value) -> Value {
    let mut value = json!({
        "CreationTime": "2026-03-02T08:11:09",
        "Id": "6c1f0000-0000-4000-8000-000000000001",
        "Operation": operation,
        "RecordType": 15,
        "Workload": "AzureActiveDirectory",
        "ResultStatus": "Success",
        "UserId": "alice@example.org",
        "UserKey": "1001bffd",
        "ClientIP": "203.0.113.7:50114",
        "InterSystemsId": "corr-1",
    });
    for (name, member) in members.as_object().unwrap() {
        value[name] = member.clone();
    }
    assert!(recognises(&value));
    value
}

fn exchange(operation: &str, parameters: &[(&str, &str)]) -> Value {
    let parameters: Vec<Value> =
        parameters.iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
    record(operation, &json!({"Workload": "Exchange", "RecordType": 1, "Parameters": parameters}))
}

#[test]
fn every_sign_in_code_has_its_meaning() {
    for (code, logon_error, expected) in [
        ("500121", "AuthenticationFailedSasError", Some(FactorFailed)),
        ("50074", "UserStrongAuthClientAuthNRequiredInterrupt", Some(ChallengeRequired)),
        ("50076", "UserStrongAuthClientAuthNRequired", Some(ChallengeRequired)),
        ("50072", "", Some(ChallengeRequired)),
        ("50158", "", Some(ChallengeRequired)),
        ("50053", "IdsLocked", Some(LockedOut)),
        ("50126", "InvalidUserNameOrPassword", Some(SignInFailed)),
        ("50057", "UserDisabled", Some(SignInFailed)),
        ("53003", "BlockedByConditionalAccess", Some(PolicyRefused)),
        ("50140", "KmsiInterrupt", None),
        ("65001", "", None),
        ("", "InvalidUserNameOrPassword", Some(SignInFailed)),
        ("", "UserStrongAuthClientAuthNRequiredInterrupt", Some(ChallengeRequired)),
    ] {
        let value =
            record("UserLoginFailed", &json!({"ErrorNumber": code, "LogonError": logon_error}));
        let expected: Vec<EventKind> = expected.into_iter().collect();
        assert_eq!(kinds(read, &value), expected, "{code} {logon_error}");
    }
}

#[test]
fn a_sign_in_tells_who_where_and_with_what() {
    let event = one(
        read,
        &record(
            "UserLoggedIn",
            &json!({
                "Actor": [{"ID": "1001-guid", "Type": 0}, {"ID": "alice@example.org", "Type": 5}],
                "ApplicationId": "app-1",
                "ExtendedProperties": [{"Name": "UserAgent", "Value": "Mozilla/5.0"}],
                "DeviceProperties": [
                    {"Name": "OS", "Value": "Windows 10"},
                    {"Name": "BrowserType", "Value": "Edge"},
                    {"Name": "IsCompliant", "Value": "True"},
                    {"Name": "SessionId", "Value": "session-1"},
                ],
            }),
        ),
    );
    assert_eq!(event.kind, SessionStarted);
    assert_eq!(event.subscriber.name, "alice@example.org");
    assert_eq!(event.subscriber.id, "1001-guid");
    assert_eq!(event.requester.ip, "203.0.113.7");
    assert_eq!(event.requester.agent.raw, "Mozilla/5.0");
    assert_eq!(event.requester.agent.browser, "Edge");
    assert!(event.requester.is_managed);
    assert_eq!(event.session, "session-1");
    assert_eq!(event.transaction, "corr-1");
    assert_eq!(event.occurred_at.to_string(), "2026-03-02T08:11:09Z");
}

#[test]
fn every_directory_operation_has_its_meaning() {
    for (operation, expected) in [
        ("Consent to application.", ConsentGranted),
        ("Add delegated permission grant.", ConsentGranted),
        ("Add app role assignment grant to user.", ConsentGranted),
        ("Add OAuth2PermissionGrant.", ConsentGranted),
        ("Add member to role.", RoleAssigned),
        ("Add eligible member to role.", RoleAssigned),
        ("Reset user password.", PasswordReset),
        ("Change user password.", PasswordReset),
        ("Disable Strong Authentication.", FactorRemoved),
        ("User registered security info", FactorEnrolled),
        ("User deleted security info", FactorRemoved),
        ("User changed default security info", FactorUpdated),
        ("Create Temporary Access Pass method for user", BypassGranted),
        ("Update StsRefreshTokenValidFrom Timestamp.", SessionRevoked),
        ("Add registered owner to device.", DeviceRegistered),
        ("Suspicious activity reported", PromptReported),
        ("Add service principal credentials.", TokenCreated),
        ("Update application – Certificates and secrets management ", TokenCreated),
        ("Add owner to application.", RoleAssigned),
        ("Update conditional access policy.", PolicyChanged),
        ("Disable per-user MFA", PolicyChanged),
        ("Add named location", PolicyChanged),
        ("Set domain authentication.", PolicyChanged),
        ("Add user.", AccountCreated),
        ("Disable account.", AccountDisabled),
    ] {
        let value = record(operation, &json!({"ObjectId": "bob@example.org"}));
        assert_eq!(kinds(read, &value), [expected], "{operation}");
        let failed =
            record(operation, &json!({"ObjectId": "bob@example.org", "ResultStatus": "Failure"}));
        assert_eq!(kinds(read, &failed), [], "failed {operation}");
    }
}

#[test]
fn an_operation_on_an_account_is_about_its_owner() {
    let event = one(read, &record("Reset user password.", &json!({"ObjectId": "bob@example.org"})));
    assert_eq!(event.subscriber.name, "bob@example.org");
    assert_eq!(event.actor.unwrap().name, "alice@example.org");
    let own = record("Change user password.", &json!({"ObjectId": "Alice@example.org"}));
    let event = one(read, &own);
    assert_eq!((event.kind, event.actor), (PasswordChanged, None));
}

#[test]
fn a_role_and_a_consent_are_named() {
    let event = one(
        read,
        &record(
            "Add member to role.",
            &json!({
                "ObjectId": "bob@example.org",
                "ModifiedProperties": [
                    {"Name": "Role.DisplayName", "NewValue": "\"Global Administrator\"", "OldValue": ""},
                ],
            }),
        ),
    );
    assert_eq!(event.what, "role Global Administrator");
    let event = one(
        read,
        &record(
            "Consent to application.",
            &json!({
                "ObjectId": "app-guid",
                "Target": [{"ID": "Mail Merge", "Type": 1}],
                "ModifiedProperties": [
                    {"Name": "ConsentContext.IsAdminConsent", "NewValue": "True", "OldValue": ""},
                    {"Name": "ConsentAction.Permissions",
                     "NewValue": "[] => [[Id: x, Scope: Mail.Read offline_access, CreatedDateTime: ]]",
                     "OldValue": ""},
                ],
            }),
        ),
    );
    assert_eq!(event.what, "consent to Mail Merge for Mail.Read offline_access, for everybody");
    assert_eq!(event.subscriber.name, "alice@example.org");
}

fn update(name: &str, new: &str, old: &str) -> Value {
    record(
        "Update user.",
        &json!({
            "ObjectId": "alice@example.org",
            "UserId": "ServicePrincipal_1",
            "Actor": [{"ID": "Azure MFA StrongAuthenticationService", "Type": 1}],
            "ModifiedProperties": [{"Name": name, "NewValue": new, "OldValue": old}],
        }),
    )
}

#[test]
fn changed_authenticators_hide_in_update_user() {
    let method = "StrongAuthenticationMethod";
    let push = r#"[{"MethodType":6,"Default":true}]"#;
    let both = r#"[{"MethodType":6,"Default":true},{"MethodType":7,"Default":false}]"#;
    let other_default = r#"[{"MethodType":6,"Default":false},{"MethodType":7,"Default":true}]"#;
    for (name, new, old, expected) in [
        (method, both, push, vec![FactorEnrolled]),
        (method, push, "[]", vec![FactorEnrolled]),
        (method, "[]", push, vec![FactorRemoved]),
        (method, r#"[{"MethodType":7}]"#, push, vec![FactorEnrolled, FactorRemoved]),
        (method, other_default, both, vec![FactorUpdated]),
        (
            "StrongAuthenticationPhoneAppDetail",
            r#"[{"DeviceName":"Pixel 9","DeviceToken":"t1"}]"#,
            "[]",
            vec![FactorEnrolled],
        ),
        (
            "StrongAuthenticationUserDetails",
            r#"[{"PhoneNumber":"+1 5550100","Email":null}]"#,
            r#"[{"PhoneNumber":null,"Email":null}]"#,
            vec![FactorEnrolled],
        ),
        (
            "StrongAuthenticationUserDetails",
            r#"[{"PhoneNumber":null,"Email":null}]"#,
            r#"[{"PhoneNumber":"+1 5550100","Email":null}]"#,
            vec![FactorRemoved],
        ),
        (
            "StrongAuthenticationUserDetails",
            r#"[{"PhoneNumber":"+1 5550100","VoiceOnlyPhoneNumber":"+1 5550101"}]"#,
            r#"[{"PhoneNumber":"+1 5550100"}]"#,
            vec![RecoveryChanged],
        ),
        (
            "StrongAuthenticationRequirement",
            r#"[{"State":0}]"#,
            r#"[{"State":1}]"#,
            vec![FactorRemoved],
        ),
        ("StrongAuthenticationRequirement", "[{ \"State\" :\n\"0\" }]", "[]", vec![FactorRemoved]),
        ("StrongAuthenticationRequirement", r#"[{"State":1}]"#, "[]", vec![]),
        (
            "StrongAuthenticationRequirement",
            r#""[{\"State\":0}]""#,
            r#""[{\"State\":1}]""#,
            vec![FactorRemoved],
        ),
        ("OtherMail", r#"["b@example.net"]"#, "[]", vec![RecoveryChanged]),
        ("AccountEnabled", "[false]", "[true]", vec![AccountDisabled]),
        ("DisplayName", "Al", "Alice", vec![]),
    ] {
        assert_eq!(kinds(read, &update(name, new, old)), expected, "{name}: {old} -> {new}");
    }
    let event = one(read, &update(method, push, "[]"));
    assert_eq!((event.factor, event.what.as_ref()), (Factor::Push, "app notification added"));
    // The service that writes a person's own registration down is not somebody else.
    assert_eq!((event.subscriber.name.as_ref(), event.actor), ("alice@example.org", None));
}

#[test]
fn lists_that_are_texts_are_read_as_lists() {
    let as_text = |mut value: Value, names: &[&str]| {
        for name in names {
            value[*name] = Value::String(value[*name].to_string());
        }
        value
    };
    let role = record(
        "Add member to role.",
        &json!({
            "Actor": [{"ID": "1001-guid", "Type": 0}, {"ID": "alice@example.org", "Type": 5}],
            "Target": [{"ID": "bob@example.org", "Type": 5}],
            "ExtendedProperties": [{"Name": "UserAgent", "Value": "Mozilla/5.0"}],
            "DeviceProperties": [{"Name": "SessionId", "Value": "session-1"}],
            "ModifiedProperties": [
                {"Name": "Role.DisplayName", "NewValue": "\"Global Administrator\"", "OldValue": ""},
            ],
        }),
    );
    let expected = one(read, &role);
    assert_eq!(
        (&*expected.subscriber.name, &*expected.what),
        ("bob@example.org", "role Global Administrator")
    );
    assert_eq!((&*expected.session, &*expected.requester.agent.raw), ("session-1", "Mozilla/5.0"));
    let lists = ["Actor", "Target", "ExtendedProperties", "DeviceProperties", "ModifiedProperties"];
    for name in lists {
        assert_eq!(one(read, &as_text(role.clone(), &[name])), expected, "{name}");
    }
    let all = as_text(role, &lists);
    assert_eq!(one(read, &all), expected);
    assert_eq!(one(read, &json!({"AuditData": all.to_string()})), expected);

    let rule = exchange("New-InboxRule", &[("Name", "."), ("ForwardTo", "x@example.net")]);
    let expected = one(read, &rule);
    assert!(expected.what.starts_with("external forward"));
    assert_eq!(one(read, &as_text(rule, &["Parameters"])), expected);
    let deleted = record(
        "HardDelete",
        &json!({"Workload": "Exchange",
        "AffectedItems": [{"Subject": "New sign-in to your account"}]}),
    );
    assert_eq!(kinds(read, &as_text(deleted, &["AffectedItems"])), [MailDeleted]);
    let mut methods = update("StrongAuthenticationMethod", "", "[]");
    methods["ModifiedProperties"][0]["NewValue"] = json!([{"MethodType": 6}]);
    assert_eq!(kinds(read, &methods), [FactorEnrolled]);
}

#[test]
fn a_rule_says_first_what_it_does() {
    for (operation, parameters, start) in [
        ("New-InboxRule", vec![("Name", "."), ("ForwardTo", "x@example.net")], "external forward"),
        (
            "New-InboxRule",
            vec![("Name", "."), ("RedirectTo", "\"X\" [SMTP:x@example.net]")],
            "external forward",
        ),
        (
            "New-InboxRule",
            vec![("Name", "boss"), ("ForwardTo", "bob@example.org")],
            "internal forward",
        ),
        ("New-InboxRule", vec![("Name", "boss"), ("ForwardTo", "Bob Example")], "internal forward"),
        ("New-InboxRule", vec![("Name", "x"), ("DeleteMessage", "True")], "hides mail"),
        ("Set-InboxRule", vec![("Name", "x"), ("MoveToFolder", "RSS Subscriptions")], "hides mail"),
        (
            "New-InboxRule",
            vec![("Name", "x"), ("MarkAsRead", "True"), ("SubjectContainsWords", "security alert")],
            "hides mail",
        ),
        ("New-InboxRule", vec![("Name", "news"), ("MoveToFolder", "News")], "rule"),
        ("New-InboxRule", vec![("Name", ".."), ("MoveToFolder", "News")], "suspicious rule"),
        (
            "New-InboxRule",
            vec![("Name", "x"), ("SubjectContainsWords", "password")],
            "suspicious rule",
        ),
        ("Enable-InboxRule", vec![("Identity", "news")], "rule"),
        ("Set-Mailbox", vec![("ForwardingSmtpAddress", "smtp:x@example.net")], "external forward"),
        (
            "Set-Mailbox",
            vec![("ForwardingSmtpAddress", "smtp:b@mail.example.org")],
            "internal forward",
        ),
        (
            "New-TransportRule",
            vec![("Name", "t"), ("BlindCopyTo", "x@example.net")],
            "external forward",
        ),
        ("Add-MailboxPermission", vec![("User", "bob"), ("AccessRights", "FullAccess")], "rule"),
        ("Set-MailboxJunkEmailConfiguration", vec![("Enabled", "False")], "rule"),
    ] {
        let event = one(read, &exchange(operation, &parameters));
        assert_eq!(event.kind, MailboxRule);
        assert!(event.what.starts_with(start), "{operation} {parameters:?}: {}", event.what);
    }
    assert_eq!(kinds(read, &exchange("Set-Mailbox", &[("AuditEnabled", "True")])), []);
    assert_eq!(kinds(read, &exchange("Remove-InboxRule", &[("Identity", "x")])), []);
}

#[test]
fn a_domain_that_ends_like_the_own_one_is_still_foreign() {
    let value = exchange("New-InboxRule", &[("Name", "x"), ("ForwardTo", "x@evilexample.org")]);
    assert!(one(read, &value).what.starts_with("external forward"));
}

#[test]
fn rules_made_in_outlook_are_read_too() {
    let rule = |actions: &str, operation: &str| {
        record(
            "UpdateInboxRules",
            &json!({
                "Workload": "Exchange",
                "MailboxOwnerUPN": "alice@example.org",
                "OperationProperties": [
                    {"Name": "RuleOperation", "Value": operation},
                    {"Name": "RuleName", "Value": "."},
                    {"Name": "RuleActions", "Value": actions},
                ],
            }),
        )
    };
    let forward = r#"[{"ActionType":"Forward","Recipients":["x@example.net"]}]"#;
    assert_eq!(
        one(read, &rule(forward, "AddMailboxRule")).what,
        "external forward: inbox rule '.' forwards to x@example.net"
    );
    let delete = r#"[{"ActionType":"Delete"}]"#;
    assert!(one(read, &rule(delete, "AddMailboxRule")).what.starts_with("hides mail"));
    let moved = r#"[{"ActionType":"Move","Folder":"Projects"}]"#;
    assert!(one(read, &rule(moved, "ModifyMailboxRule")).what.starts_with("suspicious rule"));
    assert_eq!(kinds(read, &rule(delete, "RemoveMailboxRule")), []);
}

#[test]
fn only_deleted_warnings_count() {
    for operation in ["SoftDelete", "HardDelete", "MoveToDeletedItems"] {
        let deleted = |subjects: &[&str]| {
            let items: Vec<Value> = subjects.iter().map(|s| json!({"Subject": s})).collect();
            record(operation, &json!({"Workload": "Exchange", "AffectedItems": items}))
        };
        let event = one(read, &deleted(&["Lunch?", "New sign-in to your account"]));
        assert_eq!(event.kind, MailDeleted);
        assert_eq!(event.what, "deleted 'New sign-in to your account'");
        assert_eq!(kinds(read, &deleted(&["Lunch?", "Invoice 14"])), []);
    }
}

#[test]
fn a_foreign_help_desk_chat_is_a_risk_to_the_one_who_was_called() {
    let chat = |foreign: bool, name: &str| {
        record(
            "ChatCreated",
            &json!({
                "Workload": "MicrosoftTeams",
                "UserId": "helpdesk@example.net",
                "CommunicationType": "OneOnOne",
                "ParticipantInfo": {"HasForeignTenantUsers": foreign},
                "Members": [
                    {"UPN": "helpdesk@example.net", "DisplayName": name},
                    {"UPN": "alice@example.org", "DisplayName": "Alice Example"},
                ],
            }),
        )
    };
    let event = one(read, &chat(true, "Help Desk"));
    assert_eq!(event.kind, RiskDetected);
    assert_eq!(event.subscriber.name, "alice@example.org");
    assert_eq!(event.actor.unwrap().name, "helpdesk@example.net");
    assert_eq!(kinds(read, &chat(false, "Help Desk")), []);
    assert_eq!(kinds(read, &chat(true, "Carol")), []);
}

#[test]
fn exports_carry_the_record_as_a_text() {
    let inner = record("UserLoggedIn", &json!({}));
    let outer = json!({"CreationDate": "2026-03-02T08:11:09", "AuditData": inner.to_string()});
    assert!(recognises(&outer));
    assert_eq!(kinds(read, &outer), [SessionStarted]);
    let graph = json!({"id": "x", "auditData": inner});
    assert_eq!(kinds(read, &graph), [SessionStarted]);
    let loop_ = json!({"AuditData": json!({"AuditData": "{}"}).to_string()});
    assert!(events(read, &Mapping::default(), &loop_).0.is_err());
}

#[test]
fn other_workloads_are_ignored_and_unknown_identity_operations_are_told() {
    let page = record("PageViewed", &json!({"Workload": "SharePoint"}));
    assert_eq!(kinds(read, &page), []);
    let strange = record("Frobnicate user.", &json!({}));
    let (result, _) = events(read, &Mapping::default(), &strange);
    assert!(matches!(result, Ok(Read::Unknown(_, name)) if name == "Frobnicate user."));
}

#[test]
fn what_was_read_sent_and_searched_for_is_told() {
    let mail = |operation: &str, members: &Value| {
        let mut value = record(operation, members);
        value["Workload"] = "Exchange".into();
        value["LogonType"] = 0.into();
        value
    };
    let bind = json!({
        "OperationProperties": [{"Name": "MailAccessType", "Value": "Bind"}],
        "Folders": [{"Path": "\\Inbox", "FolderItems": [{"InternetMessageId": "<1@x>"}, {"InternetMessageId": "<2@x>"}]}],
        "AppAccessContext": {"AADSessionId": "s-1"},
    });
    let sync = json!({"OperationProperties": [{"Name": "MailAccessType", "Value": "Sync"}]});
    let file = json!({"Workload": "SharePoint", "SourceFileName": "wages.xlsx"});
    for (value, expected) in [
        (mail("MailItemsAccessed", &bind), "read 2 mails"),
        (mail("MailItemsAccessed", &sync), "copied a mail folder"),
        (mail("Send", &json!({"Item": {"Subject": "Invoice 7"}})), "sent mail 'Invoice 7'"),
        (mail("SearchQueryInitiatedExchange", &json!({"QueryText": "iban"})), "searched 'iban'"),
        (record("FileDownloaded", &file), "downloaded a file 'wages.xlsx'"),
        (record("FileAccessed", &file), "opened a file 'wages.xlsx'"),
    ] {
        let event = one(read, &value);
        assert_eq!((event.kind, &*event.what), (SessionUsed, expected));
        assert_eq!(&*event.requester.ip, "203.0.113.7");
    }
    assert_eq!(&*one(read, &mail("MailItemsAccessed", &bind)).session, "s-1");
    // A delegate, a service, a refusal, and what bears no address.
    for members in [
        json!({"LogonType": 2}),
        json!({"UserType": 5}),
        json!({"ResultStatus": "Failed"}),
        json!({"ClientIP": ""}),
    ] {
        let mut value = mail("MailItemsAccessed", &bind);
        for (name, member) in members.as_object().unwrap() {
            value[name] = member.clone();
        }
        assert_eq!(kinds(read, &value), [], "{members}");
    }
}

#[test]
fn a_policy_can_name_an_operation() {
    let mut mapping = Mapping::default();
    mapping
        .events
        .entry(pushback_model::Source::M365)
        .or_default()
        .insert("Frobnicate user.".to_owned(), TokenCreated);
    let (_, found) = events(read, &mapping, &record("Frobnicate user.", &json!({})));
    assert_eq!(found[0].kind, TokenCreated);
}
