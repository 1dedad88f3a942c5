//! Audit logs and risk detections: few records, read as trees.
//!
//! ```json
//! {"category":"AuditLogs","properties":{"id":"…","activityDateTime":"…","result":"success",
//!  "activityDisplayName":"User registered security info",
//!  "initiatedBy":{"user":{"id":"u1","userPrincipalName":"alice@example.org"}},
//!  "targetResources":[{"id":"u1","type":"User","userPrincipalName":"alice@example.org"}]}}
//! ```

use std::borrow::Cow;

use pushback_model::{Endpoint, EventKind, Factor, IdentityEvent, Party, Risk, Source, Timestamp};
use serde_json::Value;

use super::changes::{Change, changes, lost_mfa, methods, role_name, unquoted};
use super::{outcome, rows};
use crate::microsoft::{contact_changes, is_demand_ended};
use crate::text::{contains, content_id, ip, present};
use crate::{Mapping, Read, Reject, Sink};

/// Whether this is an audit record or a risk detection.
pub(crate) fn recognises(value: &Value) -> bool {
    let value = &*rows::as_logged(value);
    let inner = inner(value);
    let is_audit = inner.get("activityDisplayName").is_some()
        && (inner.get("initiatedBy").is_some() || inner.get("targetResources").is_some());
    is_audit || is_detection(inner) || is_risky_user(value, inner)
}

/// Reads one recognised record.
pub(crate) fn read(
    value: &Value,
    _bytes: &[u8],
    _mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    let value = &*rows::as_logged(value);
    let inner = inner(value);
    if is_detection(inner) {
        return detection(value, inner, sink);
    }
    if inner.get("activityDisplayName").is_none() {
        return Ok(Read::Ignored(Source::Entra));
    }
    audit(value, inner, sink)
}

fn inner(value: &Value) -> &Value {
    match value.get("properties") {
        Some(inner @ Value::Object(_)) => inner,
        _ => value,
    }
}

fn is_detection(inner: &Value) -> bool {
    // A detection about an application names no user.
    let names_user = ["userPrincipalName", "userId"].iter().any(|key| !text(inner, key).is_empty());
    inner.get("riskEventType").is_some() && names_user
}

/// The running total of a person's risk; the detections behind it are logged one by one.
fn is_risky_user(value: &Value, inner: &Value) -> bool {
    text(value, "category") == "RiskyUsers"
        || (inner.get("riskLastUpdatedDateTime").is_some() && inner.get("riskState").is_some())
}

/// A text member, empty if absent.
fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).map_or("", present)
}

fn instant(value: &Value, keys: &[&str]) -> Option<Timestamp> {
    keys.iter().find_map(|key| Timestamp::parse(text(value, key)).ok())
}

fn audit(value: &Value, inner: &Value, sink: &mut Sink<'_>) -> Result<Read, Reject> {
    let missing = Reject::Incomplete { vendor: Source::Entra, missing: "activityDateTime" };
    let at = instant(inner, &["activityDateTime"]).or_else(|| instant(value, &["time"]));
    let at = at.ok_or(missing)?;
    let display_name = text(inner, "activityDisplayName");
    let operation = text(value, "operationName");
    let changes = changes(inner);
    let known = [operation, display_name]
        .into_iter()
        .filter(|name| !name.is_empty())
        .find_map(|name| meaning(name, inner, &changes).map(|meaning| (name, meaning)));
    let Some((name, meaning)) = known else {
        return Ok(Read::Unknown(Source::Entra, display_name.to_owned()));
    };
    let result = text(inner, "result");
    let (Meaning::Is(kind, factor), true) =
        (meaning, result.is_empty() || result.eq_ignore_ascii_case("success"))
    else {
        return Ok(Read::Ignored(Source::Entra));
    };
    let mut event = IdentityEvent::new(Source::Entra, kind, at);
    event.factor = factor;
    event.id = Cow::Borrowed(text(inner, "id"));
    event.logged_at = instant(value, &["time"]);
    let (subscriber, actor) = people(inner);
    (event.subscriber, event.actor) = (subscriber, actor);
    event.requester = requester(value, inner);
    event.transaction = Cow::Borrowed(match text(inner, "correlationId") {
        "" => text(value, "correlationId"),
        id => id,
    });
    event.native = Cow::Borrowed(name);
    event.what = Cow::Owned(what(inner, name, kind, &changes));
    if event.id.is_empty() {
        let parts =
            [name, &at.to_string(), &*event.transaction, &*event.subscriber.name, &event.what];
        event.id = Cow::Owned(content_id(&parts));
    }
    sink(&event);
    Ok(Read::Events(1))
}

/// Services that write down what the subscriber did themselves.
const SELF_SERVICE: [&str; 4] = [
    "strongauthenticationservice",
    "device registration service",
    "credential configuration endpoint service",
    "password reset service",
];

/// The subscriber is the target; whoever started it is the actor, unless they are the same.
fn people(inner: &Value) -> (Party<'_>, Option<Party<'_>>) {
    let started = inner.get("initiatedBy");
    let user = started.and_then(|by| by.get("user")).filter(|user| user.is_object());
    let actor = match user {
        Some(user) => party(user),
        None => {
            let app = started.and_then(|by| by.get("app")).unwrap_or(&Value::Null);
            if SELF_SERVICE.iter().any(|name| contains(text(app, "displayName"), name)) {
                return match targets(inner).find(|target| text(target, "type") == "User") {
                    Some(target) => (party(target), None),
                    None => (Party::default(), None),
                };
            }
            Party {
                name: Cow::Borrowed(text(app, "displayName")),
                mail: Cow::Borrowed(""),
                id: Cow::Borrowed(match text(app, "servicePrincipalId") {
                    "" => text(app, "appId"),
                    id => id,
                }),
            }
        }
    };
    let target = targets(inner).find(|target| text(target, "type") == "User").map(party);
    match target {
        None => (actor, None),
        Some(target) if target.is_empty() => (actor, None),
        Some(target) => {
            let same = |a: &str, b: &str| !a.is_empty() && a.eq_ignore_ascii_case(b);
            let is_self = if actor.name.is_empty() || target.name.is_empty() {
                same(&actor.id, &target.id)
            } else {
                same(&actor.name, &target.name)
            };
            // The name in the actor's part is better than none in the target's.
            if is_self && target.name.is_empty() {
                return (actor, None);
            }
            let actor = (!is_self && !actor.is_empty()).then_some(actor);
            (target, actor)
        }
    }
}

fn party(user: &Value) -> Party<'_> {
    let name = match text(user, "userPrincipalName") {
        // Some services write the login where the display name belongs.
        "" if text(user, "displayName").contains('@') => text(user, "displayName"),
        name => name,
    };
    Party {
        name: Cow::Borrowed(name),
        mail: Cow::Borrowed(""),
        id: Cow::Borrowed(text(user, "id")),
    }
}

pub(super) fn targets(inner: &Value) -> impl Iterator<Item = &Value> {
    inner.get("targetResources").and_then(Value::as_array).into_iter().flatten()
}

fn requester<'v>(value: &'v Value, inner: &'v Value) -> Endpoint<'v> {
    let user = inner.get("initiatedBy").and_then(|by| by.get("user")).unwrap_or(&Value::Null);
    let extra = |key: &str| {
        let list = inner.get("additionalDetails").and_then(Value::as_array);
        let entry =
            list.into_iter().flatten().find(|entry| text(entry, "key").eq_ignore_ascii_case(key));
        entry.map_or("", |entry| text(entry, "value"))
    };
    let address =
        [ip(text(user, "ipAddress")), ip(extra("ipaddr")), ip(text(value, "callerIpAddress"))];
    let mut endpoint = Endpoint {
        ip: Cow::Borrowed(address.into_iter().find(|ip| !ip.is_empty()).unwrap_or("")),
        ..Endpoint::default()
    };
    endpoint.agent.raw = Cow::Borrowed(match text(inner, "userAgent") {
        "" => extra("User-Agent"),
        agent => agent,
    });
    endpoint
}

/// A step of a self-service reset. The texts are not in the vendor's documents: what is read is
/// whether a notification or a call was answered, and how; anything else only shows that a reset was
/// under way, and from where.
fn reset_progress(reason: &str) -> Meaning {
    let has = |word: &str| contains(reason, word);
    let factor = if has("notification") {
        Factor::Push
    } else if has("phone call") || has("mobile call") || has("office call") || has("voice") {
        Factor::Voice
    } else {
        return Meaning::Is(EventKind::ChallengeRequired, Factor::Unknown);
    };
    let kind = if has("not respond") || has("timed out") || has("failed") || has("no response") {
        EventKind::PromptTimedOut
    } else if has("denied") || has("declined") || has("rejected") {
        EventKind::PromptDenied
    } else if has("completed") || has("approved") || has("verified") || has("success") {
        EventKind::PromptApproved
    } else if has("started") {
        // Of a prompt that nobody answers, nothing more need be logged.
        EventKind::PromptSent
    } else {
        EventKind::ChallengeRequired
    };
    Meaning::Is(kind, factor)
}

/// What an activity means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// This, if it succeeded.
    Is(EventKind, Factor),
    /// Known, and of no meaning here.
    Nothing,
}

fn meaning(name: &str, inner: &Value, changes: &[Change<'_>]) -> Option<Meaning> {
    use EventKind as K;
    use Meaning::{Is, Nothing};

    const ANY: Factor = Factor::Unknown;

    let method = || outcome::factor(text(inner, "resultReason"));
    let is_pass = || {
        contains(text(inner, "resultReason"), "temporary access pass")
            || changes.iter().any(|change| contains(change.new, "temporaryaccesspass"))
    };
    Some(match name.trim_end_matches('.').to_lowercase().as_str() {
        "admin registered security info" if is_pass() => Is(K::BypassGranted, Factor::RecoveryCode),
        "user registered security info"
        | "user registered all required security info"
        | "admin registered security info" => Is(K::FactorEnrolled, method()),
        "user started security info registration"
        | "user reviewed security info"
        | "user cancelled security info registration"
        | "get passkey creation options" => Nothing,
        "user deleted security info" | "admin deleted security info" => {
            Is(K::FactorRemoved, method())
        }
        "disable strong authentication" => Is(K::FactorRemoved, ANY),
        "user changed default security info"
        | "admin updated security info"
        | "user updated security info" => Is(K::FactorUpdated, method()),
        "create temporary access pass method for user" => {
            Is(K::BypassGranted, Factor::RecoveryCode)
        }
        "update user" => return Some(user_update(changes)),
        "register device"
        | "add device"
        | "add registered owner to device"
        | "add registered users to device"
        | "add registered user to device" => Is(K::DeviceRegistered, ANY),
        "add windows hello for business credential"
        | "add passwordless phone sign-in credential"
        | "add passkey (device-bound)"
        | "add fido2 security key"
        | "register passkey" => Is(
            K::FactorEnrolled,
            if contains(name, "hello") { Factor::DeviceKey } else { outcome::factor(name) },
        ),
        "update stsrefreshtokenvalidfrom timestamp"
        | "revoke user sign-in sessions"
        | "invalidate all refresh tokens for user" => Is(K::SessionRevoked, ANY),
        "change user password" | "change password (self-service)" => {
            Is(K::PasswordChanged, Factor::Password)
        }
        "reset user password" | "reset password (by admin)" | "reset password (self-service)" => {
            Is(K::PasswordReset, Factor::Password)
        }
        "self-service password reset flow activity progress" => {
            reset_progress(text(inner, "resultReason"))
        }
        "blocked from self-service password reset" | "unlock user account (self-service)" => {
            Nothing
        }
        "suspicious activity reported"
        | "fraud reported - user is blocked for mfa"
        | "fraud reported - no action taken" => Is(K::PromptReported, Factor::Push),
        "consent to application"
        | "add delegated permission grant"
        | "add app role assignment grant to user"
        | "add oauth2permissiongrant" => Is(K::ConsentGranted, ANY),
        "add member to role"
        | "add eligible member to role"
        | "add scoped member to role"
        | "add app role assignment to service principal" => Is(K::RoleAssigned, ANY),
        role if role.starts_with("add member to role")
            || role.starts_with("add eligible member to role") =>
        {
            // Of the several records of one PIM activation only the completed one is a change.
            if role.contains("completed") { Is(K::RoleAssigned, ANY) } else { Nothing }
        }
        "add conditional access policy"
        | "update conditional access policy"
        | "delete conditional access policy"
        | "authentication methods policy update"
        | "update authentication methods policy"
        | "update authorization policy"
        | "add named location"
        | "update named location"
        | "delete named location"
        | "disable per-user mfa"
        | "disable security defaults"
        | "set domain authentication"
        | "set federation settings on domain"
        | "add identity provider" => Is(K::PolicyChanged, ANY),
        "add service principal credentials"
        | "update application – certificates and secrets management"
        | "update application - certificates and secrets management" => Is(K::TokenCreated, ANY),
        "add owner to application" | "add owner to service principal" => Is(K::RoleAssigned, ANY),
        "add user" | "invite external user" | "enable account" => Is(K::AccountCreated, ANY),
        "delete user" | "disable account" => Is(K::AccountDisabled, ANY),
        "update device"
        | "delete device"
        | "update group"
        | "add member to group"
        | "remove member from group"
        | "add group"
        | "delete group"
        | "update application"
        | "add application"
        | "update service principal"
        | "add service principal"
        | "change user license"
        | "set user manager"
        | "update policy"
        | "restore user"
        | "remove member from role"
        | "validate user authentication"
        | "get tenant details"
        | "update company settings" => Nothing,
        _ => return None,
    })
}

/// "Update user": only what it does to strong authentication matters.
fn user_update(changes: &[Change<'_>]) -> Meaning {
    use EventKind as K;

    let named = |name: &str| changes.iter().find(|change| change.name == name);
    if let Some(change) = named("StrongAuthenticationMethod") {
        let (before, after) = (methods(change.old), methods(change.new));
        let kind = match after.cmp(&before) {
            std::cmp::Ordering::Greater => K::FactorEnrolled,
            std::cmp::Ordering::Less => K::FactorRemoved,
            std::cmp::Ordering::Equal => K::FactorUpdated,
        };
        return Meaning::Is(kind, Factor::Unknown);
    }
    if let Some(change) = named("StrongAuthenticationPhoneAppDetail") {
        let count = |side: &str| side.matches("DeviceToken").count();
        let kind = match count(change.new).cmp(&count(change.old)) {
            std::cmp::Ordering::Greater => K::FactorEnrolled,
            std::cmp::Ordering::Less => K::FactorRemoved,
            std::cmp::Ordering::Equal => K::FactorUpdated,
        };
        return Meaning::Is(kind, Factor::Push);
    }
    if let Some(change) = named("StrongAuthenticationRequirement")
        && (is_demand_ended(change.new, change.old) || methods(change.new) < methods(change.old))
    {
        return Meaning::Is(K::FactorRemoved, Factor::Unknown);
    }
    let contact = named("StrongAuthenticationUserDetails")
        .and_then(|change| contact_changes(change.new, change.old).into_iter().next());
    contact.map_or(Meaning::Nothing, |(kind, factor, _)| Meaning::Is(kind, factor))
}

/// A few words: what was registered, which role, which application, what a policy lost.
fn what(inner: &Value, name: &str, kind: EventKind, changes: &[Change<'_>]) -> String {
    let reason = text(inner, "resultReason");
    let target = targets(inner)
        .find(|target| text(target, "type") != "User")
        .map_or("", |target| text(target, "displayName"));
    match kind {
        EventKind::RoleAssigned => match role_name(changes) {
            Some(role) => role,
            None if target.is_empty() => name.to_owned(),
            None => target.to_owned(),
        },
        EventKind::PolicyChanged => {
            let lost = if lost_mfa(changes) { ", mfa no longer required" } else { "" };
            format!("{name}: {target}{lost}")
        }
        EventKind::ConsentGranted => {
            let scope = changes
                .iter()
                .find(|change| change.name == "ConsentAction.Permissions")
                .and_then(|change| change.new.split("Scope:").nth(1))
                .map(|rest| rest.split([',', ']', ';']).next().unwrap_or("").trim());
            let everyone = changes
                .iter()
                .any(|c| c.name == "ConsentContext.IsAdminConsent" && contains(c.new, "true"));
            let scope = scope.map(|scope| format!(", scope {scope}")).unwrap_or_default();
            let everyone = if everyone { ", for everyone" } else { "" };
            let what = format!("{target}{scope}{everyone}");
            // Nameless applications leave the comma.
            what.trim_start_matches(", ").to_owned()
        }
        _ if !reason.is_empty() => reason.to_owned(),
        _ if kind == EventKind::DeviceRegistered && !target.is_empty() => target.to_owned(),
        _ => match changes.iter().find(|change| change.name.starts_with("StrongAuth")) {
            Some(change) => change.name.to_owned(),
            None if target.is_empty() => name.to_owned(),
            None => format!("{name}: {}", unquoted(target)),
        },
    }
}

fn detection(value: &Value, inner: &Value, sink: &mut Sink<'_>) -> Result<Read, Reject> {
    let at = instant(inner, &["activityDateTime", "detectedDateTime", "lastUpdatedDateTime"])
        .or_else(|| instant(value, &["time"]))
        .ok_or(Reject::Incomplete { vendor: Source::Entra, missing: "activityDateTime" })?;
    let name = text(inner, "riskEventType");
    let is_report = name.eq_ignore_ascii_case("userReportedSuspiciousActivity");
    let kind = if is_report { EventKind::PromptReported } else { EventKind::RiskDetected };
    let mut event = IdentityEvent::new(Source::Entra, kind, at);
    event.factor = if is_report { Factor::Push } else { Factor::Unknown };
    event.id = Cow::Borrowed(text(inner, "id"));
    event.subscriber = Party {
        name: Cow::Borrowed(text(inner, "userPrincipalName")),
        mail: Cow::Borrowed(""),
        id: Cow::Borrowed(text(inner, "userId")),
    };
    event.requester.ip = Cow::Borrowed(ip(text(inner, "ipAddress")));
    if let Some(place) = inner.get("location") {
        event.requester.city = Cow::Borrowed(text(place, "city"));
        event.requester.region = Cow::Borrowed(text(place, "state"));
        event.requester.country = Cow::Borrowed(text(place, "countryOrRegion"));
    }
    event.transaction = Cow::Borrowed(text(inner, "correlationId"));
    event.native = Cow::Borrowed(name);
    event.what = Cow::Borrowed(name);
    event.risk = match text(inner, "riskLevel") {
        "high" => Risk::High,
        "medium" => Risk::Medium,
        "low" => Risk::Low,
        _ => Risk::Unknown,
    };
    if event.id.is_empty() {
        let who = if event.subscriber.name.is_empty() {
            &event.subscriber.id
        } else {
            &event.subscriber.name
        };
        event.id = Cow::Owned(content_id(&[name, &at.to_string(), who, &event.transaction]));
    }
    sink(&event);
    Ok(Read::Events(1))
}
