//! Entra audit records: changes, and the steps of self-service password reset.

use pushback_model::EventKind;
use serde_json::{Value, json};

use super::super::{Scribe, m365, stamp};
use crate::act::{Answer, Attempt, By, MINUTE, Origin, PROMPT_LAG, SECOND, Step};
use crate::people::{Person, uuid};
use crate::rng::mix;

const AUDIT: &str = "entra_audit.jsonl";

/// Name, category, operation, reason, and the properties with their old and new values.
type Told<'t> = (&'t str, &'t str, &'t str, &'t str, Vec<(&'t str, String, String)>);

/// Self-service password reset has no sign-in record: the audit log tells each step.
pub(super) fn recovery(s: &mut Scribe<'_>, attempt: &Attempt) {
    let person = s.person(s.act.who);
    let at = s.act.at;
    const NAME: &str = "Self-service password reset flow activity progress";
    let started = audit_body(
        s,
        person,
        Some(person),
        NAME,
        "UserManagement",
        "Update",
        "User started the mobile app notification verification option",
        &[],
        Some(&attempt.from),
        at,
    );
    emit_audit(s, at + PROMPT_LAG, 1, false, started, NAME);
    if let Step::Prompt { answer, after_ms, .. } = attempt.step {
        let text = match answer {
            Answer::Approved => "User completed the mobile app notification verification option",
            Answer::Denied | Answer::Reported => {
                "User denied the mobile app notification verification option"
            }
            Answer::Silent | Answer::Mismatched => {
                "User failed the mobile app notification verification option"
            }
        };
        let known = at + PROMPT_LAG + after_ms;
        let ended = audit_body(
            s,
            person,
            Some(person),
            NAME,
            "UserManagement",
            "Update",
            text,
            &[],
            Some(&attempt.from),
            known,
        );
        emit_audit(s, known, 2, false, ended, NAME);
    }
}

pub(super) fn change(
    s: &mut Scribe<'_>,
    kind: EventKind,
    by: By,
    from: Origin,
    session: u64,
    detail: u8,
) {
    use EventKind as K;
    let at = s.act.at;
    let person = s.person(s.act.who);
    let (actor, is_admin) = match by {
        By::Subscriber => (person, false),
        By::Admin(admin) => (s.person(admin), true),
    };
    if matches!(kind, K::MailboxRule | K::MailDeleted) {
        m365::mail(s, person, kind, &from, detail);
        return;
    }
    let quoted = |text: &str| format!("\"{text}\"");
    let (name, category, operation, reason, changed): Told<'_> = match kind {
        K::FactorEnrolled => ("User registered security info", "UserManagement", "Add", if detail % 3 == 2 { "User registered Mobile Phone SMS" } else { "User registered Authenticator App with Notification and Code" }, vec![]),
        K::FactorRemoved => ("User deleted security info", "UserManagement", "Delete", "User deleted Authenticator App with Notification and Code", vec![]),
        K::FactorReset => ("Admin deleted security info", "UserManagement", "Delete", "Admin deleted Authenticator App with Notification and Code", vec![]),
        K::DeviceRegistered => ("Register device", "Device", "Add", "", vec![("Device OS", "[]".into(), "[\"Windows\"]".into())]),
        K::PasswordChanged => ("Change user password", "UserManagement", "Update", "", vec![]),
        K::PasswordReset if is_admin => ("Reset password (by admin)", "UserManagement", "Update", "", vec![]),
        K::PasswordReset => ("Reset password (self-service)", "UserManagement", "Update", "Successfully completed reset.", vec![]),
        K::ConsentGranted => ("Consent to application", "ApplicationManagement", "Assign", "", vec![("ConsentContext.IsAdminConsent", "[]".into(), quoted("False")), ("ConsentAction.Permissions", "[]".into(), quoted("[] => [[Id: x, ConsentType: Principal, Scope: Mail.ReadWrite offline_access]];"))]),
        K::RoleAssigned => ("Add member to role", "RoleManagement", "Assign", "", vec![("Role.DisplayName", "[]".into(), quoted("Exchange Administrator")), ("Role.TemplateId", "[]".into(), quoted(&uuid(29, 29)))]),
        K::TokenCreated => ("Add service principal credentials", "ApplicationManagement", "Update", "", vec![("KeyDescription", "[]".into(), "[\"[KeyIdentifier=1,KeyType=Password,KeyUsage=Verify,DisplayName=sync]\"]".into())]),
        K::PolicyChanged => ("Update conditional access policy", "Policy", "Update", "", vec![("ConditionalAccessPolicy", "{\"displayName\":\"Require MFA\",\"state\":\"enabled\",\"grantControls\":{\"operator\":\"OR\",\"builtInControls\":[\"mfa\"]}}".into(), if detail >= 2 { "{\"displayName\":\"Require MFA\",\"state\":\"enabled\",\"grantControls\":{\"operator\":\"OR\",\"builtInControls\":[\"compliantDevice\"]}}".into() } else { "{\"displayName\":\"Require MFA\",\"state\":\"enabled\",\"grantControls\":{\"operator\":\"AND\",\"builtInControls\":[\"mfa\",\"compliantDevice\"]}}".to_owned() })]),
        K::SessionRevoked => ("Update StsRefreshTokenValidFrom Timestamp", "UserManagement", "Update", "", vec![("StsRefreshTokensValidFrom", "[]".into(), format!("[\"{}\"]", stamp(at)))]),
        _ => return,
    };
    let target = (!matches!(kind, K::PolicyChanged | K::TokenCreated)).then_some(person);
    let body =
        audit_body(s, actor, target, name, category, operation, reason, &changed, Some(&from), at);
    emit_audit(s, at, 1, true, body, name);
    m365::directory(s, actor, person, kind, &from, session);
}

#[expect(clippy::too_many_arguments, reason = "one audit record has that many independent parts")]
pub(super) fn audit_body(
    s: &Scribe<'_>,
    actor: &Person,
    target: Option<&Person>,
    name: &str,
    category: &str,
    operation: &str,
    reason: &str,
    changed: &[(&str, String, String)],
    from: Option<&Origin>,
    at: i64,
) -> Value {
    let modified: Vec<Value> = changed
        .iter()
        .map(|(name, old, new)| json!({"displayName": name, "oldValue": old, "newValue": new}))
        .collect();
    let resource = target.map_or_else(
        || json!({"id": uuid(s.act.no, 6), "type": if category == "Policy" { "Policy" } else { "ServicePrincipal" }, "displayName": "Require MFA", "modifiedProperties": modified}),
        |person| json!({"id": person.id, "type": "User", "displayName": person.display, "userPrincipalName": person.mail, "groupType": null, "modifiedProperties": modified}),
    );
    json!({
        "activityDateTime": stamp(at),
        "activityDisplayName": name,
        "category": category,
        "operationType": operation,
        "result": "success",
        "resultReason": reason,
        "loggedByService": if name.contains("security info") { "Authentication Methods" } else { "Core Directory" },
        "correlationId": uuid(mix(&[s.act.no, 15]), s.act.no),
        "initiatedBy": {"user": {"id": actor.id, "displayName": actor.display, "userPrincipalName": actor.mail, "ipAddress": from.map(|from| s.ip(from, at)), "roles": []}},
        "targetResources": [resource],
        "additionalDetails": [{"key": "User-Agent", "value": from.map(|from| s.agent(from, at))}],
        "tenantId": uuid(s.org.tenant, 1),
    })
}

pub(super) fn emit_audit(
    s: &mut Scribe<'_>,
    at: i64,
    part: u64,
    is_main: bool,
    mut properties: Value,
    name: &str,
) {
    let id = format!("Directory_{}_{}", s.id(part), part);
    if let Some(object) = properties.as_object_mut() {
        object.insert("id".into(), json!(id));
    }
    let body = json!({
        "time": stamp(at + 30 * SECOND),
        "resourceId": format!("/tenants/{}/providers/Microsoft.aadiam", uuid(s.org.tenant, 1)),
        "operationName": name,
        "operationVersion": "1.0",
        "category": "AuditLogs",
        "tenantId": uuid(s.org.tenant, 1),
        "resultSignature": "None",
        "durationMs": 0,
        "correlationId": properties.get("correlationId").cloned().unwrap_or_default(),
        "identity": properties.pointer("/initiatedBy/user/displayName").cloned().unwrap_or_default(),
        "Level": 4,
        "properties": properties,
    });
    s.emit_late(AUDIT, at, 3 * MINUTE, Some(id), is_main, body);
}

pub(super) fn housekeeping(s: &mut Scribe<'_>, topic: u8) {
    let person = s.person(s.act.no as u32 % s.settings.people);
    let (name, category) = match topic {
        0 => ("Add member to group", "GroupManagement"),
        1 => ("Update device", "Device"),
        2 => ("Update service principal", "ApplicationManagement"),
        3 => ("Update group", "GroupManagement"),
        _ => ("Change user license", "UserManagement"),
    };
    let at = s.act.at;
    let body = audit_body(s, person, Some(person), name, category, "Update", "", &[], None, at);
    emit_audit(s, at, 1, false, body, name);
}
