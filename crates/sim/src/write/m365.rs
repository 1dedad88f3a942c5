//! Microsoft 365 unified audit log: the same sign-ins told again, mail rules, directory changes.
//! Everything arrives late, up to many hours.

use pushback_model::EventKind;
use serde_json::{Value, json};

use super::{Scribe, names, stamp_seconds};
use crate::act::{Attempt, MINUTE, Origin, Step};
use crate::people::{Person, uuid};
use crate::rng::mix;

const FILE: &str = "m365_ual.jsonl";

fn emit(s: &mut Scribe<'_>, at: i64, part: u64, is_main: bool, mut body: Value) {
    let id = s.id(part);
    if let Some(object) = body.as_object_mut() {
        object.insert("Id".into(), json!(id));
        object.insert("CreationTime".into(), json!(stamp_seconds(at)));
        object.insert("OrganizationId".into(), json!(uuid(s.org.tenant, 1)));
    }
    s.emit_late(FILE, at, 35 * MINUTE, Some(id), is_main, body);
}

/// The address as Exchange prints it: with a port, brackets around IPv6.
fn with_port(ip: &str, no: u64) -> String {
    let port = 1_024 + no % 60_000;
    if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}

pub(super) fn logged_in(
    s: &mut Scribe<'_>,
    person: &Person,
    attempt: &Attempt,
    code: u32,
    known: i64,
) {
    let ip = s.ip(&attempt.from, s.act.at);
    let ok = code == 0;
    let error = match code {
        50_126 => "InvalidUserNameOrPassword",
        50_074 => "UserStrongAuthClientAuthNRequiredInterrupt",
        _ => "AuthenticationFailedSasError",
    };
    // An MFA demand without an answer is seldom forwarded.
    if code == 50_074 && matches!(attempt.step, Step::Prompt { .. }) {
        return;
    }
    let mut body = json!({
        "Operation": if ok { "UserLoggedIn" } else { "UserLoginFailed" },
        "RecordType": 15,
        "ResultStatus": "Success",
        "UserKey": person.id,
        "UserType": 0,
        "Version": 1,
        "Workload": "AzureActiveDirectory",
        "ClientIP": ip,
        "ActorIpAddress": ip,
        "ObjectId": uuid(mix(&[s.org.tenant, 16]), 2),
        "UserId": person.mail,
        "AzureActiveDirectoryEventType": 1,
        "ExtendedProperties": names(&[("ResultStatusDetail", if ok { "Success" } else { "UserError" }), ("UserAgent", &s.agent(&attempt.from, s.act.at)), ("RequestType", "OAuth2:Authorize")]),
        "ModifiedProperties": [],
        "Actor": [{"ID": person.id, "Type": 0}, {"ID": person.mail, "Type": 5}],
        "ActorContextId": uuid(s.org.tenant, 1),
        "InterSystemsId": uuid(mix(&[attempt.session, 12]), attempt.session),
        "IntraSystemId": s.id(0),
        "SupportTicketId": "",
        "Target": [{"ID": uuid(mix(&[s.org.tenant, 16]), 2), "Type": 0}],
        "TargetContextId": uuid(s.org.tenant, 1),
        "ApplicationId": uuid(mix(&[s.org.tenant, u64::from(attempt.app), 11]), 4),
        "DeviceProperties": names(&[("OS", attempt.from.browser.os().0), ("BrowserType", attempt.from.browser.name()), ("IsCompliantAndManaged", if attempt.from.is_managed { "True" } else { "False" }), ("SessionId", &uuid(mix(&[attempt.session, 13]), attempt.session))]),
        "ErrorNumber": code.to_string(),
    });
    if !ok && let Some(object) = body.as_object_mut() {
        object.insert("LogonError".into(), json!(error));
    }
    emit(s, known, 30, false, body);
}

pub(super) fn mail(
    s: &mut Scribe<'_>,
    person: &Person,
    kind: EventKind,
    from: &Origin,
    detail: u8,
) {
    let at = s.act.at;
    let ip = with_port(&s.ip(from, at), s.act.no);
    let body = if kind == EventKind::MailDeleted {
        json!({"Operation": if detail.is_multiple_of(2) { "SoftDelete" } else { "MoveToDeletedItems" }, "RecordType": 3, "ResultStatus": "Succeeded", "UserKey": person.id, "UserType": 0, "Version": 1, "Workload": "Exchange", "ClientIPAddress": ip, "ClientIP": ip, "UserId": person.mail, "MailboxOwnerUPN": person.mail, "MailboxGuid": person.id, "LogonType": 0, "ClientInfoString": "Client=OWA;Action=ViaProxy", "ExternalAccess": false, "AffectedItems": [{"Subject": "New sign-in method added to your account", "ParentFolder": {"Path": "\\Inbox"}, "InternetMessageId": format!("<{}@{}>", s.id(77), s.org.domain)}], "Folder": {"Path": "\\Inbox"}})
    } else {
        let (operation, parameters) = match detail {
            // Owners file their newsletters; strangers draw from 2 on.
            0 | 1 => (
                "New-InboxRule",
                names(&[
                    ("Name", "Newsletters"),
                    ("FromAddressContainsWords", "newsletter@"),
                    ("MoveToFolder", "Newsletters"),
                ]),
            ),
            detail if detail % 3 == 0 => (
                "New-InboxRule",
                names(&[
                    ("Name", "."),
                    ("SubjectOrBodyContainsWords", "security;sign-in;verification;password"),
                    ("DeleteMessage", "True"),
                    ("StopProcessingRules", "True"),
                ]),
            ),
            detail if detail % 3 == 1 => (
                "New-InboxRule",
                names(&[
                    ("Name", "rss"),
                    ("FromAddressContainsWords", "it@"),
                    ("MoveToFolder", "RSS Feeds"),
                    ("MarkAsRead", "True"),
                ]),
            ),
            _ => (
                "Set-Mailbox",
                names(&[
                    ("Identity", &person.mail),
                    ("ForwardingSmtpAddress", "smtp:collector@example.net"),
                    ("DeliverToMailboxAndForward", "True"),
                ]),
            ),
        };
        json!({"Operation": operation, "RecordType": 1, "ResultStatus": "True", "UserKey": person.id, "UserType": 2, "Version": 1, "Workload": "Exchange", "ClientIP": ip, "ObjectId": format!("{}\\rule", person.mail), "UserId": person.mail, "ExternalAccess": false, "OrganizationName": s.org.domain, "OriginatingServer": "EXCH01 (15.20.0000.000)", "Parameters": parameters, "SessionId": ""})
    };
    emit(s, at, 31, true, body);
}

pub(super) fn file(
    s: &mut Scribe<'_>,
    person: &Person,
    from: &Origin,
    session: u64,
    is_copied: bool,
) {
    let at = s.act.at;
    let name = format!("report-{}.xlsx", s.act.no % 900);
    let site = format!("https://{}.sharepoint.com/sites/team/", s.org.domain.replace('.', "-"));
    let body = json!({
        "Operation": if is_copied { "FileSyncDownloadedFull" } else { "FileAccessed" },
        "RecordType": 6,
        "UserKey": format!("i:0h.f|membership|{}@live.com", person.key % 100_000),
        "UserType": 0,
        "Version": 1,
        "Workload": "SharePoint",
        "ClientIP": s.ip(from, at),
        "UserId": person.mail,
        "CorrelationId": s.id(51),
        "EventSource": "SharePoint",
        "ItemType": "File",
        "ListItemUniqueId": s.id(52),
        "Site": s.id(53),
        "UserAgent": if is_copied { "Microsoft SkyDriveSync 24.226.1110.0004 ship; Windows NT 10.0 (22631)".to_owned() } else { s.agent(from, at) },
        "AppAccessContext": {"AADSessionId": uuid(mix(&[session, 13]), session), "CorrelationId": s.id(51), "UniqueTokenId": s.id(54)},
        "ObjectId": format!("{site}Shared Documents/{name}"),
        "SiteUrl": site,
        "SourceFileName": name,
        "SourceFileExtension": "xlsx",
        "SourceRelativeUrl": "Shared Documents",
    });
    emit(s, at, 33, false, body);
}

pub(super) fn directory(
    s: &mut Scribe<'_>,
    actor: &Person,
    person: &Person,
    kind: EventKind,
    from: &Origin,
    _session: u64,
) {
    use EventKind as K;
    let (operation, changed): (&str, Vec<Value>) = match kind {
        K::FactorEnrolled => (
            "Update user.",
            vec![
                json!({"Name": "StrongAuthenticationMethod", "OldValue": "[{\"MethodType\": 6,\"Default\": true}]", "NewValue": "[{\"MethodType\": 6,\"Default\": true},{\"MethodType\": 7,\"Default\": false}]"}),
            ],
        ),
        K::FactorRemoved | K::FactorReset => (
            "Update user.",
            vec![
                json!({"Name": "StrongAuthenticationMethod", "OldValue": "[{\"MethodType\": 6,\"Default\": true},{\"MethodType\": 7,\"Default\": false}]", "NewValue": "[{\"MethodType\": 7,\"Default\": true}]"}),
            ],
        ),
        K::ConsentGranted => (
            "Consent to application.",
            vec![
                json!({"Name": "ConsentContext.IsAdminConsent", "OldValue": "", "NewValue": "False"}),
            ],
        ),
        K::RoleAssigned => (
            "Add member to role.",
            vec![
                json!({"Name": "Role.DisplayName", "OldValue": "", "NewValue": "Exchange Administrator"}),
            ],
        ),
        K::PasswordChanged => ("Change user password.", vec![]),
        K::PasswordReset => ("Reset user password.", vec![]),
        K::SessionRevoked => ("Update StsRefreshTokenValidFrom Timestamp.", vec![]),
        K::DeviceRegistered => ("Add registered owner to device.", vec![]),
        _ => return,
    };
    // The directory tells the unified log no address, and the service writes factor changes.
    let by_service = matches!(kind, K::FactorEnrolled | K::FactorRemoved | K::FactorReset);
    let user_id = if by_service {
        format!("ServicePrincipal_{}", uuid(s.org.tenant, 17))
    } else {
        actor.mail.clone()
    };
    let at = s.act.at;
    let ip = s.ip(from, at);
    let body = json!({
        "Operation": operation,
        "RecordType": 8,
        "ResultStatus": "Success",
        "UserKey": if by_service { "Not Available" } else { &actor.id },
        "UserType": if by_service { 4 } else { 0 },
        "Version": 1,
        "Workload": "AzureActiveDirectory",
        "ObjectId": person.mail,
        "UserId": user_id,
        "AzureActiveDirectoryEventType": 1,
        "ClientIP": if s.act.no.is_multiple_of(2) { String::new() } else { ip },
        "ExtendedProperties": names(&[("additionalDetails", "{\"UserType\":\"Member\"}"), ("extendedAuditEventCategory", "User")]),
        "ModifiedProperties": changed,
        "Actor": [{"ID": user_id, "Type": 5}],
        "ActorContextId": uuid(s.org.tenant, 1),
        "InterSystemsId": s.id(41),
        "IntraSystemId": s.id(42),
        "SupportTicketId": "",
        "Target": [{"ID": format!("User_{}", person.id), "Type": 2}, {"ID": person.id, "Type": 2}, {"ID": "User", "Type": 2}, {"ID": person.mail, "Type": 5}],
        "TargetContextId": uuid(s.org.tenant, 1),
    });
    emit(s, at + 1_000, 32, true, body);
}
