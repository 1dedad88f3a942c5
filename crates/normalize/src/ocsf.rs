//! Identity events as OCSF 1.8.0 objects (category Identity & Access Management).
//!
//! OCSF has no activity for "a prompt went out". The convention here: a prompt that goes out is
//! Authentication (3002), activity 6 (Preauth), status unknown; its end is activity 1 (Logon) with
//! success or failure. Both carry `status_code` (`push_sent`, `push_approved`, `push_denied`,
//! `push_reported_fraud`, `push_timeout`, `push_wrong_number`, `push_rate_limited`, also where the
//! prompt is a call or a text message: `auth_factors` tells the channel) and
//! `metadata.correlation_uid`, the vendor's id of the sign-in attempt.
//!
//! Keys are in alphabetical order, so equal events give equal bytes.

#[cfg(test)]
mod tests;

use pushback_model::{
    Endpoint, EventKind, Factor, IdentityEvent, Party, Risk, Source, country_code,
};
use serde_json::{Map, Value, json};

/// The version of the schema, written into every object.
pub const OCSF_VERSION: &str = "1.8.0";

const CATEGORY_UID: u64 = 3;

/// A class of the schema that identity events are written as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    AccountChange,
    Authentication,
    AuthorizeSession,
    EntityManagement,
    UserAccess,
}

impl Class {
    const fn uid(self) -> u64 {
        match self {
            Self::AccountChange => 3001,
            Self::Authentication => 3002,
            Self::AuthorizeSession => 3003,
            Self::EntityManagement => 3004,
            Self::UserAccess => 3005,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::AccountChange => "Account Change",
            Self::Authentication => "Authentication",
            Self::AuthorizeSession => "Authorize Session",
            Self::EntityManagement => "Entity Management",
            Self::UserAccess => "User Access Management",
        }
    }
}

/// `status_id` of an event, as opposed to a finding.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Unknown = 0,
    Success = 1,
    Failure = 2,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Success => "Success",
            Self::Failure => "Failure",
        }
    }
}

/// How a kind of event is written.
struct Form {
    class: Class,
    activity_id: u64,
    activity_name: &'static str,
    status: Status,
    /// `status_code`, the finer outcome; empty where class and activity say all.
    code: &'static str,
}

/// The event as one OCSF object.
#[must_use]
pub fn to_ocsf(event: &IdentityEvent<'_>) -> Value {
    let form = form(event.kind);
    let (severity_id, severity) = severity(event);
    let mut out = Map::new();
    out.insert("activity_id".into(), form.activity_id.into());
    out.insert("activity_name".into(), form.activity_name.into());
    out.insert("category_name".into(), "Identity & Access Management".into());
    out.insert("category_uid".into(), CATEGORY_UID.into());
    out.insert("class_name".into(), form.class.name().into());
    out.insert("class_uid".into(), form.class.uid().into());
    out.insert("type_name".into(), format!("{}: {}", form.class.name(), form.activity_name).into());
    out.insert("type_uid".into(), (form.class.uid() * 100 + form.activity_id).into());
    out.insert("severity".into(), severity.into());
    out.insert("severity_id".into(), severity_id.into());
    out.insert("status".into(), form.status.name().into());
    out.insert("status_id".into(), (form.status as u64).into());
    put(&mut out, "status_code", form.code);
    put(&mut out, "status_detail", &event.what);
    out.insert("time".into(), event.occurred_at.as_millis().into());
    out.insert("metadata".into(), metadata(event));
    out.insert("unmapped".into(), unmapped(event));
    if let Some(actor) = &event.actor
        && let Some(user) = user(actor)
    {
        out.insert("actor".into(), json!({ "user": user }));
    }
    // 3004 is about an entity and has no `user` of its own.
    if form.class == Class::EntityManagement {
        out.insert("entity".into(), entity(event));
        if event.actor.is_none()
            && let Some(user) = user(&event.subscriber)
        {
            out.insert("actor".into(), json!({ "user": user }));
        }
    } else {
        let user = user(&event.subscriber).unwrap_or_else(|| json!({ "name": "unknown" }));
        out.insert("user".into(), user);
    }
    if matches!(form.class, Class::UserAccess | Class::AuthorizeSession) {
        let names = [event.what.as_ref(), event.native.as_ref(), event.kind.name()];
        let given = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        out.insert("privileges".into(), json!([given]));
    }
    if let Some(endpoint) = endpoint(&event.requester) {
        out.insert("src_endpoint".into(), endpoint);
    }
    if !event.requester.agent.raw.is_empty() {
        out.insert("http_request".into(), json!({ "user_agent": event.requester.agent.raw }));
    }
    if matches!(form.class, Class::Authentication | Class::AuthorizeSession)
        && !event.session.is_empty()
    {
        out.insert("session".into(), json!({ "uid": event.session }));
    }
    if matches!(form.class, Class::Authentication | Class::AccountChange)
        && let Some(factor) = auth_factor(event)
    {
        out.insert("auth_factors".into(), json!([factor]));
    }
    if form.class == Class::Authentication {
        authentication(event, &mut out);
    }
    let observables = observables(&out);
    if !observables.is_empty() {
        out.insert("observables".into(), Value::Array(observables));
    }
    Value::Object(out)
}

fn put(out: &mut Map<String, Value>, name: &str, text: &str) {
    if !text.is_empty() {
        out.insert(name.into(), text.into());
    }
}

/// What only Authentication has.
fn authentication(event: &IdentityEvent<'_>, out: &mut Map<String, Value>) {
    let name = if event.app.is_empty() { event.source.title() } else { event.app.as_ref() };
    // The class demands a service or a destination.
    out.insert("service".into(), json!({ "name": name }));
    out.insert("is_remote".into(), true.into());
    if event.kind == EventKind::SessionStarted || event.kind == EventKind::SessionUsed {
        out.insert("is_new_logon".into(), (event.kind == EventKind::SessionStarted).into());
    }
    let second = event.kind.is_prompt_outcome()
        || matches!(
            event.kind,
            EventKind::PromptSent
                | EventKind::PromptUndelivered
                | EventKind::FactorVerified
                | EventKind::FactorFailed
                | EventKind::ChallengeRequired
        );
    if second {
        out.insert("is_mfa".into(), true.into());
    }
}

fn form(kind: EventKind) -> Form {
    use Class::{AccountChange, Authentication, AuthorizeSession, EntityManagement, UserAccess};
    use EventKind as K;
    use Status::{Failure, Success, Unknown};
    let (class, activity_id, activity_name, status, code) = match kind {
        K::PromptSent => (Authentication, 6, "Preauth", Unknown, "push_sent"),
        K::PromptApproved => (Authentication, 1, "Logon", Success, "push_approved"),
        K::PromptDenied => (Authentication, 1, "Logon", Failure, "push_denied"),
        K::PromptTimedOut => (Authentication, 1, "Logon", Failure, "push_timeout"),
        K::PromptMismatched => (Authentication, 1, "Logon", Failure, "push_wrong_number"),
        K::PromptReported => (Authentication, 1, "Logon", Failure, "push_reported_fraud"),
        K::PromptUndelivered => (Authentication, 6, "Preauth", Failure, "push_undelivered"),
        K::PromptAnomalous => (Authentication, 1, "Logon", Failure, "push_anomalous"),
        K::ChallengeRequired => (Authentication, 6, "Preauth", Unknown, "challenge_required"),
        K::PasswordVerified => (Authentication, 6, "Preauth", Success, "password_verified"),
        K::FactorVerified => (Authentication, 1, "Logon", Success, "factor_verified"),
        K::FactorFailed => (Authentication, 1, "Logon", Failure, "factor_failed"),
        K::PhishingBlocked => (Authentication, 1, "Logon", Failure, "phishing_blocked"),
        K::Bypassed => (Authentication, 1, "Logon", Success, "mfa_bypassed"),
        K::SessionStarted => (Authentication, 1, "Logon", Success, ""),
        K::SessionUsed => (Authentication, 1, "Logon", Success, "session_used"),
        K::SessionRevoked => (Authentication, 2, "Logoff", Success, ""),
        K::SessionReused => (Authentication, 1, "Logon", Unknown, "session_reused"),
        K::SignInFailed => (Authentication, 1, "Logon", Failure, ""),
        K::PolicyRefused => (Authentication, 1, "Logon", Failure, "policy_refused"),
        K::RateLimited => (Authentication, 1, "Logon", Failure, "push_rate_limited"),
        K::RiskDetected => (Authentication, 99, "Risk Detected", Unknown, "risk_detected"),
        K::Impersonated => (Authentication, 7, "Account Switch", Success, "impersonated"),
        K::LockedOut => (AccountChange, 9, "Lock", Success, ""),
        K::Unlocked => (AccountChange, 12, "Unlock", Success, ""),
        K::FactorEnrolled => (AccountChange, 10, "MFA Factor Enable", Success, ""),
        K::FactorRemoved => (AccountChange, 11, "MFA Factor Disable", Success, ""),
        K::FactorReset => (AccountChange, 11, "MFA Factor Disable", Success, "factor_reset"),
        K::FactorUpdated => (AccountChange, 99, "MFA Factor Update", Success, "factor_updated"),
        K::PasswordChanged => (AccountChange, 3, "Password Change", Success, ""),
        K::PasswordReset => (AccountChange, 4, "Password Reset", Success, ""),
        K::RecoveryChanged => (AccountChange, 99, "Recovery Change", Success, "recovery_changed"),
        K::BypassGranted => (AccountChange, 11, "MFA Factor Disable", Success, "bypass_granted"),
        K::AccountCreated => (AccountChange, 1, "Create", Success, ""),
        K::AccountDisabled => (AccountChange, 5, "Disable", Success, ""),
        K::DeviceRegistered => (EntityManagement, 6, "Enroll", Success, "device_registered"),
        K::MailboxRule => (EntityManagement, 1, "Create", Success, "mailbox_rule"),
        K::MailDeleted => (EntityManagement, 4, "Delete", Success, "mail_deleted"),
        K::PolicyChanged => (EntityManagement, 3, "Update", Success, "policy_changed"),
        K::ConsentGranted => (UserAccess, 1, "Assign Privileges", Success, "consent_granted"),
        K::RoleAssigned => (UserAccess, 3, "Assign Role", Success, "role_assigned"),
        K::TokenCreated => (AuthorizeSession, 1, "Assign Privileges", Success, "token_created"),
    };
    Form { class, activity_id, activity_name, status, code }
}

/// Severity of the event as such; what a pattern of events means is a finding's matter.
fn severity(event: &IdentityEvent<'_>) -> (u64, &'static str) {
    use EventKind as K;
    match (event.kind, event.risk) {
        (K::PromptReported | K::PromptAnomalous | K::PhishingBlocked, _) | (_, Risk::High) => {
            (4, "High")
        }
        (K::PromptMismatched | K::SessionReused | K::RiskDetected, _) | (_, Risk::Medium) => {
            (3, "Medium")
        }
        (K::PromptDenied | K::PromptTimedOut | K::LockedOut | K::Bypassed, _) => (2, "Low"),
        (kind, _) if kind.is_lasting_change() => (2, "Low"),
        _ => (1, "Informational"),
    }
}

fn metadata(event: &IdentityEvent<'_>) -> Value {
    let (vendor_name, name) = product(event.source);
    let mut out = Map::new();
    out.insert("version".into(), OCSF_VERSION.into());
    out.insert("product".into(), json!({ "name": name, "vendor_name": vendor_name }));
    let uid = match event.part {
        0 => event.id.to_string(),
        part => format!("{}#{part}", event.id),
    };
    put(&mut out, "uid", &uid);
    put(&mut out, "correlation_uid", &event.transaction);
    put(&mut out, "event_code", &event.native);
    if let Some(logged_at) = event.logged_at {
        out.insert("logged_time".into(), logged_at.as_millis().into());
    }
    Value::Object(out)
}

/// Vendor and product that wrote the record.
const fn product(source: Source) -> (&'static str, &'static str) {
    match source {
        Source::Okta => ("Okta", "Okta System Log"),
        Source::Entra => ("Microsoft", "Microsoft Entra ID"),
        Source::M365 => ("Microsoft", "Microsoft 365 Unified Audit Log"),
        Source::Duo => ("Cisco", "Duo"),
        Source::PingId => ("Ping Identity", "PingID"),
        Source::PingOne => ("Ping Identity", "PingOne"),
        Source::PingFederate => ("Ping Identity", "PingFederate"),
        Source::GoogleWorkspace => ("Google", "Google Workspace"),
        Source::OneLogin => ("One Identity", "OneLogin"),
        Source::Auth0 => ("Okta", "Auth0"),
        Source::Keycloak => ("Keycloak", "Keycloak"),
        Source::Aws => ("AWS", "CloudTrail"),
        Source::Windows => ("Microsoft", "Windows Security"),
        Source::Pushback => ("Pushback", "Pushback"),
    }
}

fn user(party: &Party<'_>) -> Option<Value> {
    let mut out = Map::new();
    put(&mut out, "name", &party.name);
    put(&mut out, "uid", &party.id);
    let mail =
        if party.mail.is_empty() && party.name.contains('@') { &party.name } else { &party.mail };
    put(&mut out, "email_addr", mail);
    if let Some((domain, _)) = party.name.split_once('\\') {
        put(&mut out, "domain", domain);
    }
    // The object demands a name or an id; a mail address names somebody too.
    if !out.contains_key("name") && !out.contains_key("uid") {
        let mail = out.get("email_addr")?.clone();
        out.insert("name".into(), mail);
    }
    Some(Value::Object(out))
}

fn location(end: &Endpoint<'_>) -> Option<Value> {
    let mut out = Map::new();
    match country_code(&end.country).as_ref().map(|code| str::from_utf8(code)) {
        Some(Ok(code)) => put(&mut out, "country", code),
        // `country` holds codes only; a name that has none is kept in words.
        _ => put(&mut out, "desc", &end.country),
    }
    put(&mut out, "region", &end.region);
    put(&mut out, "city", &end.city);
    if let Some(point) = end.coordinates {
        out.insert("lat".into(), point.latitude.into());
        out.insert("long".into(), point.longitude.into());
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// A network endpoint; `None` without anything that the schema lets one be named by.
fn endpoint(end: &Endpoint<'_>) -> Option<Value> {
    let mut out = Map::new();
    put(&mut out, "ip", &end.ip);
    put(&mut out, "uid", &end.device);
    put(&mut out, "name", &end.device_name);
    if out.is_empty() {
        return None;
    }
    if end.asn != 0 || !end.as_name.is_empty() {
        let mut system = Map::new();
        if end.asn != 0 {
            system.insert("number".into(), end.asn.into());
        }
        put(&mut system, "name", &end.as_name);
        out.insert("autonomous_system".into(), Value::Object(system));
    }
    if let Some(location) = location(end) {
        out.insert("location".into(), location);
    }
    if !end.agent.os.is_empty() {
        out.insert("os".into(), json!({ "name": end.agent.os, "type_id": os_type(&end.agent.os) }));
    }
    Some(Value::Object(out))
}

/// `os.type_id` of OCSF: 100 Windows, 200 Linux, 201 Android, 300 macOS, 301 iOS, 99 other.
fn os_type(name: &str) -> u64 {
    let name = name.to_ascii_lowercase();
    let is = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if is(&["windows"]) {
        100
    } else if is(&["android"]) {
        201
    } else if is(&["iphone", "ios", "ipad"]) {
        301
    } else if is(&["mac"]) {
        300
    } else if is(&["linux", "ubuntu", "debian", "fedora", "chrome os"]) {
        200
    } else {
        99
    }
}

/// `factor_type_id` of OCSF, and its caption.
const fn factor_type(factor: Factor) -> Option<(u64, &'static str)> {
    Some(match factor {
        Factor::Unknown => return None,
        Factor::Push => (5, "Push Notification"),
        Factor::Voice => (3, "Phone Call"),
        Factor::Sms => (1, "SMS"),
        Factor::Email => (8, "Email"),
        Factor::Code => (7, "OTP"),
        Factor::Passkey => (10, "WebAuthn"),
        Factor::DeviceKey => (99, "Device key"),
        Factor::RecoveryCode => (99, "Recovery code"),
        Factor::Question => (2, "Security Question"),
        Factor::Password => (11, "Password"),
    })
}

fn auth_factor(event: &IdentityEvent<'_>) -> Option<Value> {
    let (id, caption) = factor_type(event.factor)?;
    let mut out = Map::new();
    out.insert("factor_type".into(), caption.into());
    out.insert("factor_type_id".into(), id.into());
    out.insert("provider".into(), event.source.title().into());
    if let Some(responder) = &event.responder
        && let Some(Value::Object(mut device)) = endpoint(responder)
    {
        // A device object demands a type: 5 is Mobile, and pushes and calls go to phones.
        let type_id = if event.factor.rings() { 5 } else { 0 };
        device.insert("type_id".into(), type_id.into());
        out.insert("device".into(), Value::Object(device));
    }
    Some(Value::Object(out))
}

fn entity(event: &IdentityEvent<'_>) -> Value {
    let (type_id, kind, name) = match event.kind {
        EventKind::DeviceRegistered => {
            let device = &event.requester.device_name;
            (1, "Device", if device.is_empty() { &event.what } else { device })
        }
        EventKind::MailDeleted => (6, "Email", &event.what),
        _ => (5, "Policy", &event.what),
    };
    let mut out = Map::new();
    // The object demands a name; the kind is one that is always there.
    let names = [name.as_ref(), event.native.as_ref(), event.kind.name()];
    put(&mut out, "name", names.into_iter().find(|name| !name.is_empty()).unwrap_or_default());
    out.insert("type".into(), kind.into());
    out.insert("type_id".into(), type_id.into());
    if type_id == 1 {
        put(&mut out, "uid", &event.requester.device);
    }
    Value::Object(out)
}

/// What the schema has no place for.
fn unmapped(event: &IdentityEvent<'_>) -> Value {
    let mut out = Map::new();
    out.insert("kind".into(), event.kind.name().into());
    if event.factor != Factor::Unknown {
        out.insert("factor".into(), event.factor.name().into());
    }
    let risk = match event.risk {
        Risk::Unknown => "",
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
    };
    put(&mut out, "risk", risk);
    put(&mut out, "browser", &event.requester.agent.browser);
    // These classes take no session or service.
    put(&mut out, "session", &event.session);
    put(&mut out, "app", &event.app);
    if event.requester.is_proxy {
        out.insert("is_proxy".into(), true.into());
    }
    if event.requester.is_managed {
        out.insert("is_managed".into(), true.into());
    }
    if matches!(form(event.kind).class, Class::EntityManagement)
        && let Some(user) = user(&event.subscriber)
    {
        out.insert("subscriber".into(), user);
    }
    if let Some(responder) = &event.responder
        && factor_type(event.factor).is_none()
        && let Some(device) = endpoint(responder)
    {
        out.insert("responder".into(), device);
    }
    if endpoint(&event.requester).is_none()
        && let Some(location) = location(&event.requester)
    {
        out.insert("location".into(), location);
    }
    Value::Object(out)
}

/// The values that an analyst pivots on, by the path they stand at.
fn observables(out: &Map<String, Value>) -> Vec<Value> {
    /// Path, and `type_id` with its caption.
    const PIVOTS: &[(&str, u64, &str)] = &[
        ("user.name", 4, "User Name"),
        ("user.email_addr", 5, "Email Address"),
        ("actor.user.name", 4, "User Name"),
        ("src_endpoint.ip", 2, "IP Address"),
        ("src_endpoint.location.country", 14, "Country"),
        ("auth_factors[0].device.ip", 2, "IP Address"),
        ("http_request.user_agent", 16, "HTTP User-Agent"),
    ];
    let root = Value::Object(out.clone());
    PIVOTS
        .iter()
        .filter_map(|(path, type_id, kind)| {
            let pointer = format!("/{}", path.replace("[0]", ".0").replace('.', "/"));
            let value = root.pointer(&pointer)?.as_str()?;
            Some(json!({ "name": path, "type": kind, "type_id": type_id, "value": value }))
        })
        .collect()
}
