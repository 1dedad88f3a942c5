//! Google Workspace Reports API: sign-ins, accounts, tokens, administration, mobile devices.
//!
//! ```json
//! {"id":{"time":"2026-03-02T08:11:09.414Z","uniqueQualifier":"-123","applicationName":"login"},
//!  "actor":{"email":"alice@example.org","profileId":"1001"},"ipAddress":"203.0.113.7",
//!  "events":[{"type":"login","name":"login_success","parameters":[{"name":"login_type","value":"exchange"}]}]}
//! ```
//!
//! The form that Panther stores is read too: one event, its name at the top, `parameters` a map.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use pushback_model::{EventKind, Factor, IdentityEvent, Party, Risk, Source, Timestamp};
use serde_json::Value;

use crate::value::{
    Meaning, at, first, get, holds, ip_of, is_true, items, login, other, text_of, time,
};
use crate::{Mapping, Read, Reject, Sink, text};

const VENDOR: Source = Source::GoogleWorkspace;

/// Whether this is one of this vendor's records.
pub(crate) fn recognises(value: &Value) -> bool {
    let has_application = get(value, &["id", "applicationName"]).is_string();
    has_application && (value.get("events").is_some() || value.get("name").is_some())
}

/// Reads one recognised record.
pub(crate) fn read(
    value: &Value,
    _bytes: &[u8],
    mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    // A collector that strips `id.time` leaves a record undated; that is the epoch, so that what
    // happened is still seen.
    let occurred_at =
        time(value, &[&["id", "time"]], VENDOR, "id.time")?.unwrap_or(Timestamp::from_millis(0));
    let application = at(value, &["id", "applicationName"]);
    let base = base(value, &application, occurred_at);
    let events = match get(value, &["events"]) {
        Value::Null => std::slice::from_ref(value).iter(),
        list => items(list),
    };
    let (mut count, mut unknown) = (0, None);
    for (part, inner) in (0..).zip(events) {
        let name = at(inner, &["name"]);
        match meaning(&application, &name, inner).or_policy(mapping, VENDOR, &name) {
            Meaning::Is(kind) => {
                let mut event = base.clone();
                event.part = part;
                event.kind = kind;
                event.native = name.clone();
                fill(inner, &name, &mut event);
                sink(&event);
                count += 1;
            }
            Meaning::Nothing => {}
            Meaning::Unknown => {
                unknown.get_or_insert_with(|| name.into_owned());
            }
        }
    }
    Ok(match (count, unknown) {
        (0, Some(name)) => Read::Unknown(VENDOR, name),
        (0, None) => Read::Ignored(VENDOR),
        (count, _) => Read::Events(count),
    })
}

fn base<'v>(value: &'v Value, application: &str, occurred_at: Timestamp) -> IdentityEvent<'v> {
    let mut event = IdentityEvent::new(VENDOR, EventKind::SessionUsed, occurred_at);
    let qualifier = at(value, &["id", "uniqueQualifier"]);
    let when = at(value, &["id", "time"]);
    event.id = Cow::Owned(if qualifier.is_empty() {
        text::content_id(&[
            &when,
            application,
            &at(value, &["actor", "email"]),
            &at(value, &["ipAddress"]),
            &at(value, &["name"]),
            &get(value, &["events"]).to_string(),
            &get(value, &["parameters"]).to_string(),
        ])
    } else {
        // The three together are the key; the qualifier alone is not unique.
        format!("{application}/{when}/{qualifier}")
    });
    event.subscriber = Party {
        name: at(value, &["actor", "email"]),
        id: at(value, &["actor", "profileId"]),
        ..Party::default()
    };
    event.requester.ip = ip_of(at(value, &["ipAddress"]));
    let network = get(value, &["networkInfo"]);
    event.requester.asn = items(get(network, &["ipAsn"]))
        .find_map(|asn| text_of(asn).parse().ok())
        .unwrap_or_default();
    event.requester.country = at(network, &["regionCode"]);
    event.requester.region = at(network, &["subdivisionCode"]);
    event
}

/// A parameter of an event, in either form.
fn parameter<'v>(inner: &'v Value, name: &str) -> &'v Value {
    match get(inner, &["parameters"]) {
        Value::Array(list) => list
            .iter()
            .find(|item| at(item, &["name"]) == name)
            .and_then(|item| {
                ["value", "boolValue", "intValue", "multiValue", "multiIntValue", "messageValue"]
                    .iter()
                    .filter_map(|key| item.get(key))
                    .find(|value| !matches!(value, Value::Null) && value.as_str() != Some(""))
            })
            .unwrap_or(&Value::Null),
        map => get(map, &[name]),
    }
}

/// A parameter as text; several values are joined.
fn words<'v>(inner: &'v Value, name: &str) -> Cow<'v, str> {
    match parameter(inner, name) {
        Value::Array(list) => {
            let all: Vec<Cow<'_, str>> = list.iter().map(text_of).collect();
            Cow::Owned(all.join(" "))
        }
        value => text_of(value),
    }
}

fn factor(method: &str) -> Factor {
    match method {
        "" => Factor::Unknown,
        _ if holds(method, &["google_prompt"]) => Factor::Push,
        _ if holds(method, &["google_authenticator", "offline_otp", "otp"]) => Factor::Code,
        _ if holds(method, &["security_key", "passkey"]) => Factor::Passkey,
        _ if holds(method, &["backup_code"]) => Factor::RecoveryCode,
        _ if holds(method, &["idv_preregistered_phone", "idv_any_phone", "sms"]) => Factor::Sms,
        _ if holds(method, &["email"]) => Factor::Email,
        _ if holds(method, &["password"]) => Factor::Password,
        _ if holds(method, &["knowledge"]) => Factor::Question,
        _ => Factor::Unknown,
    }
}

/// A challenge and how it ended. Google does not tell a denied prompt from one that nobody answered: it
/// counts as the latter, which says less.
fn challenge(inner: &Value) -> EventKind {
    let factor = factor(&words(inner, "login_challenge_method"));
    let status = words(inner, "login_challenge_status");
    if holds(&status, &["passed"]) {
        match factor {
            Factor::Push => EventKind::PromptApproved,
            Factor::Password => EventKind::PasswordVerified,
            _ => EventKind::FactorVerified,
        }
    } else if holds(&status, &["fail", "incorrect"]) {
        failed(factor)
    } else {
        EventKind::ChallengeRequired
    }
}

const fn failed(factor: Factor) -> EventKind {
    if matches!(factor, Factor::Push) { EventKind::PromptTimedOut } else { EventKind::FactorFailed }
}

fn meaning(application: &str, name: &str, inner: &Value) -> Meaning {
    use EventKind as K;
    let kind = match name {
        "login_challenge" => challenge(inner),
        "login_verification" => {
            let status = words(inner, "login_challenge_status");
            let second = is_true(parameter(inner, "is_second_factor"));
            match (second, status.is_empty()) {
                (true, true) if factor(&words(inner, "login_challenge_method")) == Factor::Push => {
                    K::PromptApproved
                }
                (true, true) => K::FactorVerified,
                (true, false) => challenge(inner),
                (false, _) if holds(&status, &["fail"]) => K::SignInFailed,
                (false, _) => K::PasswordVerified,
            }
        }
        "login_success" => K::SessionStarted,
        "login_failure" => {
            let failure = words(inner, "login_failure_type");
            if holds(&failure, &["second_factor", "access_code"]) {
                failed(factor(&words(inner, "login_challenge_method")))
            } else {
                K::SignInFailed
            }
        }
        "logout" => K::SessionRevoked,
        "suspicious_login"
        | "suspicious_login_less_secure_app"
        | "suspicious_programmatic_login"
        | "risky_sensitive_action_allowed"
        | "risky_sensitive_action_blocked"
        | "gov_attack_warning" => K::RiskDetected,
        "account_disabled_hijacked"
        | "account_disabled_password_leak"
        | "account_disabled_generic"
        | "account_disabled_spamming"
        | "account_disabled_spamming_through_relay" => K::AccountDisabled,
        "2sv_enroll" | "titanium_enroll" | "passkey_enrolled" => K::FactorEnrolled,
        "2sv_disable" | "titanium_unenroll" | "passkey_removed" => K::FactorRemoved,
        "password_edit" => K::PasswordChanged,
        "recovery_email_edit" | "recovery_phone_edit" | "recovery_secret_qa_edit" => {
            K::RecoveryChanged
        }
        "email_forwarding_out_of_domain" => K::MailboxRule,
        "authorize" if application == "token" => K::ConsentGranted,
        "revoke" | "activity" | "request" if application == "token" => return Meaning::Nothing,
        "DEVICE_REGISTER_UNREGISTER_EVENT" if words(inner, "ACCOUNT_STATE") == "REGISTERED" => {
            K::DeviceRegistered
        }
        "DEVICE_REGISTER_UNREGISTER_EVENT" => return Meaning::Nothing,
        "ENFORCE_STRONG_AUTHENTICATION"
        | "ALLOW_STRONG_AUTHENTICATION"
        | "CHANGE_ALLOWED_TWO_STEP_VERIFICATION_METHODS"
        | "CHANGE_TWO_STEP_VERIFICATION_ENROLLMENT_PERIOD_DURATION"
        | "CHANGE_TWO_STEP_VERIFICATION_GRACE_PERIOD_DURATION"
        | "CHANGE_TWO_STEP_VERIFICATION_FREQUENCY"
        | "TOGGLE_SSO_ENABLED"
        | "CHANGE_SSO_SETTINGS"
        | "CREATE_GMAIL_SETTING"
        | "CHANGE_GMAIL_SETTING" => K::PolicyChanged,
        "UNENROLL_USER_FROM_STRONG_AUTH" => K::FactorReset,
        "UNENROLL_USER_FROM_TITANIUM" | "REVOKE_SECURITY_KEY" | "DELETE_2SV_SCRATCH_CODES" => {
            K::FactorRemoved
        }
        "GENERATE_2SV_SCRATCH_CODES" => K::BypassGranted,
        "CHANGE_PASSWORD" => K::PasswordReset,
        "CHANGE_RECOVERY_EMAIL" | "CHANGE_RECOVERY_PHONE" | "ADD_RECOVERY_PHONE" => {
            K::RecoveryChanged
        }
        "RESET_SIGNIN_COOKIES" => K::SessionRevoked,
        "ASSIGN_ROLE" | "GRANT_ADMIN_PRIVILEGE" | "GRANT_DELEGATED_ADMIN_PRIVILEGES" => {
            K::RoleAssigned
        }
        "AUTHORIZE_API_CLIENT_ACCESS" => K::ConsentGranted,
        "CREATE_USER" | "UNSUSPEND_USER" | "UNDELETE_USER" => K::AccountCreated,
        "SUSPEND_USER" | "DELETE_USER" => K::AccountDisabled,
        _ if matches!(application, "login" | "user_accounts" | "admin" | "token" | "mobile") => {
            return Meaning::Unknown;
        }
        // Drive, calendar, chat and the like.
        _ => return Meaning::Nothing,
    };
    Meaning::Is(kind)
}

/// What only this event says: whom it is about, by which factor, what was changed.
fn fill<'v>(inner: &'v Value, name: &str, event: &mut IdentityEvent<'v>) {
    let target = ["USER_EMAIL", "affected_email_address"]
        .iter()
        .map(|name| words(inner, name))
        .find(|text| !text.is_empty());
    if let Some(target) = target {
        let target = login(target);
        if !crate::value::same_party(&event.subscriber, &target) {
            let actor = std::mem::replace(&mut event.subscriber, target);
            // Google's own engine names the victim only here.
            event.actor = match event.kind {
                EventKind::RiskDetected => None,
                _ => other(actor, &event.subscriber),
            };
        }
    }
    if event.kind == EventKind::PasswordReset && event.actor.is_none() {
        event.kind = EventKind::PasswordChanged;
    }
    event.factor = match name {
        "passkey_enrolled" | "passkey_removed" | "REVOKE_SECURITY_KEY" => Factor::Passkey,
        "GENERATE_2SV_SCRATCH_CODES" | "DELETE_2SV_SCRATCH_CODES" => Factor::RecoveryCode,
        _ => factor(&words(inner, "login_challenge_method")),
    };
    if is_true(parameter(inner, "is_suspicious")) || name.starts_with("suspicious") {
        event.risk = Risk::High;
    }
    if event.kind == EventKind::DeviceRegistered {
        event.requester.device = words(inner, "DEVICE_ID");
        event.requester.device_name = words(inner, "DEVICE_MODEL");
    }
    event.app = words(inner, "app_name");
    event.what = match event.kind {
        EventKind::ConsentGranted => {
            let app = [
                words(inner, "app_name"),
                words(inner, "client_id"),
                words(inner, "API_CLIENT_NAME"),
            ]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default();
            let scope = [words(inner, "scope"), words(inner, "API_SCOPES")]
                .into_iter()
                .find(|text| !text.is_empty())
                .unwrap_or_default();
            Cow::Owned(format!("consent to {app} for {scope}"))
        }
        EventKind::RoleAssigned => match words(inner, "ROLE_NAME") {
            role if role.is_empty() => Cow::Borrowed("administrator privilege"),
            role => Cow::Owned(format!("role {role}")),
        },
        EventKind::MailboxRule => Cow::Owned(format!(
            "external forward to {}",
            words(inner, "email_forwarding_destination_address")
        )),
        EventKind::PolicyChanged => {
            let setting = words(inner, "SETTING_NAME");
            let value = words(inner, "NEW_VALUE");
            Cow::Owned(format!("{name} {setting} {value}").trim_end().replace("  ", " "))
        }
        EventKind::DeviceRegistered => match words(inner, "DEVICE_MODEL") {
            model if model.is_empty() => Cow::Borrowed("device registered"),
            model => Cow::Owned(format!("device {model}")),
        },
        EventKind::RecoveryChanged => Cow::Owned(name.to_ascii_lowercase().replace('_', " ")),
        _ => first(inner, &[&["description"]]),
    };
    if event.what.is_empty() {
        event.what = [words(inner, "login_failure_type"), words(inner, "sensitive_action_name")]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default();
    }
}
