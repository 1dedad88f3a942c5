//! PingOne audit activities, from the API and from webhooks.
//!
//! ```json
//! {"id":"e157..","recordedAt":"2026-03-02T08:11:09.229Z","correlationId":"f49d..",
//!  "action":{"type":"AUTHENTICATION.UPDATED"},"actors":{"user":{"id":"9c6a..","name":"alice"}},
//!  "resources":[{"type":"USER","id":"9c6a..","name":"alice"}],
//!  "result":{"status":"FAILURE","description":"PUSH_CONFIRMATION_TIMED_OUT"}}
//! ```
//!
//! The vendor does not list the descriptions of push outcomes; keywords are looked for.

use std::borrow::Cow;

use pushback_model::{EventKind, Factor, IdentityEvent, Party, Risk, Source};
use serde_json::Value;

use crate::value::{Meaning, at, first, get, holds, ip_of, items, other, time};
use crate::{Mapping, Read, Reject, Sink, text};

const VENDOR: Source = Source::PingOne;

pub(super) fn recognises(value: &Value) -> bool {
    get(value, &["action", "type"]).is_string()
        && (value.get("recordedAt").is_some() || value.get("createdAt").is_some())
        && (value.get("actors").is_some() || value.get("resources").is_some())
}

/// Reads one recognised record.
pub(super) fn read(value: &Value, mapping: &Mapping, sink: &mut Sink<'_>) -> Result<Read, Reject> {
    let native = at(value, &["action", "type"]);
    let occurred_at = time(value, &[&["recordedAt"], &["createdAt"]], VENDOR, "recordedAt")?
        .ok_or(Reject::Incomplete { vendor: VENDOR, missing: "recordedAt" })?;
    let description = at(value, &["result", "description"]);
    let words = format!("{description} {}", at(value, &["action", "description"]));
    let meaning = meaning(&native, &words, value).or_policy(mapping, VENDOR, &native);
    let kind = match meaning {
        Meaning::Is(kind) => kind,
        Meaning::Nothing => return Ok(Read::Ignored(VENDOR)),
        Meaning::Unknown => return Ok(Read::Unknown(VENDOR, native.into_owned())),
    };
    if kind.is_lasting_change() && at(value, &["result", "status"]).eq_ignore_ascii_case("FAILURE")
    {
        return Ok(Read::Ignored(VENDOR));
    }
    let mut event = IdentityEvent::new(VENDOR, kind, occurred_at);
    event.id = at(value, &["id"]);
    event.subscriber = user(get(value, &["actors", "user"]));
    if let Some(target) = items(get(value, &["resources"]))
        .find(|one| at(one, &["type"]).eq_ignore_ascii_case("USER"))
    {
        let actor = std::mem::replace(&mut event.subscriber, user(target));
        event.actor = other(actor, &event.subscriber);
    }
    event.requester.ip = ip_of(at(value, &["source", "ipAddress"]));
    event.requester.agent.raw = at(value, &["source", "userAgent"]);
    event.app = first(value, &[&["actors", "client", "name"], &["actors", "client", "id"]]);
    event.session = at(value, &["internalCorrelation", "sessionId"]);
    event.transaction =
        first(value, &[&["correlationId"], &["internalCorrelation", "transactionId"]]);
    event.factor = factor(&native, &words, value);
    event.what = what(value, kind, &description);
    if kind == EventKind::RiskDetected {
        event.risk = if holds(&words, &["high"]) { Risk::High } else { Risk::Medium };
    }
    event.kind = match kind {
        EventKind::PasswordChanged if event.actor.is_some() => EventKind::PasswordReset,
        EventKind::FactorVerified if event.factor == Factor::Push => EventKind::PromptApproved,
        kind => kind,
    };
    if event.id.is_empty() {
        event.id = Cow::Owned(text::content_id(&[
            &occurred_at.as_millis().to_string(),
            &native,
            &event.subscriber.id,
            &event.transaction,
            &description,
        ]));
    }
    event.native = native;
    sink(&event);
    Ok(Read::Events(1))
}

fn user(value: &Value) -> Party<'_> {
    Party { name: at(value, &["name"]), mail: at(value, &["email"]), id: at(value, &["id"]) }
}

fn factor(native: &str, words: &str, value: &Value) -> Factor {
    let mut device = words.to_owned();
    for resource in items(get(value, &["resources"])) {
        if !at(resource, &["type"]).eq_ignore_ascii_case("USER") {
            device.push(' ');
            device.push_str(&at(resource, &["name"]));
            device.push(' ');
            device.push_str(&at(resource, &["type"]));
        }
    }
    if native.starts_with("OTP.") {
        Factor::Code
    } else if native.starts_with("ASSERTION.")
        || holds(&device, &["fido", "security key", "passkey"])
    {
        Factor::Passkey
    } else if holds(&device, &["push"]) {
        Factor::Push
    } else if holds(&device, &["sms"]) {
        Factor::Sms
    } else if holds(&device, &["voice"]) {
        Factor::Voice
    } else if holds(&device, &["email"]) {
        Factor::Email
    } else if holds(&device, &["totp", "otp"]) {
        Factor::Code
    } else if native.starts_with("PASSWORD.") {
        Factor::Password
    } else if native.starts_with("NOTIFICATION.") {
        // Without a word on the channel: pushes are what this product notifies by.
        Factor::Push
    } else {
        Factor::Unknown
    }
}

/// How a device authentication ended, by keywords.
fn outcome(words: &str) -> Option<EventKind> {
    let words = words.to_ascii_lowercase().replace('_', " ");
    Some(if holds(&words, &["timed out", "timeout", "expired"]) {
        EventKind::PromptTimedOut
    } else if holds(&words, &["rejected", "denied", "declined"]) {
        EventKind::PromptDenied
    } else if holds(&words, &["confirmed", "approved", "completed"]) {
        EventKind::FactorVerified
    } else if holds(&words, &["mismatch", "wrong number"]) {
        EventKind::PromptMismatched
    } else if holds(&words, &["failed", "failure", "invalid"]) {
        EventKind::FactorFailed
    } else {
        return None;
    })
}

fn meaning(native: &str, words: &str, value: &Value) -> Meaning {
    use EventKind as K;
    let (family, verb) = native.split_once('.').unwrap_or((native, ""));
    let failed = at(value, &["result", "status"]).eq_ignore_ascii_case("FAILURE");
    let kind = match (family, verb) {
        ("NOTIFICATION", "CREATED") if failed => K::PromptUndelivered,
        ("NOTIFICATION", "CREATED") => K::PromptSent,
        ("NOTIFICATION", "REJECTED") if holds(words, &["limit", "quota"]) => K::RateLimited,
        ("NOTIFICATION", "REJECTED") => K::PromptUndelivered,
        ("AUTHENTICATION", "CREATED") if failed => outcome(words).unwrap_or(K::ChallengeRequired),
        ("AUTHENTICATION", "CREATED") => K::ChallengeRequired,
        ("AUTHENTICATION", "UPDATED") => match outcome(words) {
            Some(kind) => kind,
            None if failed => K::FactorFailed,
            None => return Meaning::Nothing,
        },
        ("FLOW" | "FLOW_EXECUTION", _) => match outcome(words) {
            Some(kind) if holds(words, &["push"]) => kind,
            _ => return Meaning::Nothing,
        },
        ("NOTIFICATION" | "AUTHENTICATION_CODE" | "AUTHENTICATION", _) => return Meaning::Nothing,
        ("OTP", "CHECK_SUCCESS") | ("ASSERTION", "CHECK_SUCCESS") => K::FactorVerified,
        ("OTP", "CHECK_FAILED" | "CHECK_INVALID") | ("ASSERTION", "CHECK_FAILED") => {
            K::FactorFailed
        }
        ("DEVICE", "FRAUD_REPORTED") => K::PromptReported,
        ("USER", "LOCKED") | ("DEVICE", "LOCKED" | "BLOCKED") => K::LockedOut,
        ("USER", "UNLOCKED" | "QUOTA_RESET") | ("DEVICE", "UNLOCKED" | "UNBLOCKED") => K::Unlocked,
        ("DEVICE", "CREATED" | "ACTIVATED") => K::FactorEnrolled,
        ("DEVICE", "DELETED") => K::FactorRemoved,
        ("DEVICE", "UPDATED" | "NICKNAME_UPDATED" | "WEBAUTHN_UPDATED") | ("DEVICES", _) => {
            K::FactorUpdated
        }
        ("DEVICE", "PAIRING_FAILED_COMPROMISED") => K::RiskDetected,
        ("DEVICE", _) => return Meaning::Nothing,
        ("USER", "ACCESS_ALLOWED") => K::SessionStarted,
        ("USER", "ACCESS_DENIED") => K::PolicyRefused,
        ("USER", "CREATED") => K::AccountCreated,
        ("USER", "DELETED" | "DISABLED") => K::AccountDisabled,
        ("USER", "UPDATED") => return Meaning::Nothing,
        ("SESSION" | "RADIUS_SESSION", "CREATED") => {
            if failed {
                K::SignInFailed
            } else {
                K::SessionStarted
            }
        }
        ("SESSION", "UPDATED") => K::SessionUsed,
        ("SESSION", "DELETED") => K::SessionRevoked,
        ("SESSION", "BROWSER_TRUST_ESTABLISHED") => K::DeviceRegistered,
        ("SESSION" | "RADIUS_SESSION" | "SEEN_DEVICE" | "USER_SEEN_DEVICE", _) => {
            return Meaning::Nothing;
        }
        // The code that was mailed is no new password yet.
        ("PASSWORD", "RECOVERY") if holds(words, &["sent", "request", "initiat"]) => K::PromptSent,
        ("PASSWORD", "RESET" | "RECOVERY" | "FORCE_CHANGE" | "UNSET") => K::PasswordReset,
        ("PASSWORD", "SET") => K::PasswordChanged,
        ("PASSWORD", "CHECK_FAILED") => K::SignInFailed,
        ("PASSWORD", "CHECK_SUCCEEDED") => K::PasswordVerified,
        ("PASSWORD", "UNLOCKED") => K::Unlocked,
        ("TRUSTED_EMAIL", _) => K::RecoveryChanged,
        ("OAUTH_CONSENT", "ACCEPTED") | ("GRANT", "CREATED") => K::ConsentGranted,
        ("OAUTH_CONSENT" | "GRANT", _) => return Meaning::Nothing,
        ("ROLE_ASSIGNMENT" | "MEMBER_OF_GROUP", "CREATED")
        | ("APPLICATION_ROLE_ENTRY", "ADDED") => K::RoleAssigned,
        ("ROLE_ASSIGNMENT" | "MEMBER_OF_GROUP" | "APPLICATION_ROLE_ENTRY", _) => {
            return Meaning::Nothing;
        }
        ("RISK_EVALUATION", _) => {
            if holds(words, &["high", "medium"]) {
                K::RiskDetected
            } else {
                return Meaning::Nothing;
            }
        }
        ("MFA_SETTINGS" | "PUSH_CREDENTIALS" | "IDENTITY_PROVIDER" | "RISK_POLICY_SET", _) => {
            K::PolicyChanged
        }
        (family, _) if family == "POLICY" || family.contains("_POLICY") => K::PolicyChanged,
        ("SECRET" | "APPLICATION_SECRET", _) => K::TokenCreated,
        _ => return Meaning::Unknown,
    };
    Meaning::Is(kind)
}

fn what<'v>(value: &'v Value, kind: EventKind, description: &Cow<'v, str>) -> Cow<'v, str> {
    let thing = items(get(value, &["resources"]))
        .filter(|one| !at(one, &["type"]).eq_ignore_ascii_case("USER"))
        .map(|one| at(one, &["name"]))
        .find(|name| !name.is_empty());
    match (kind, thing) {
        (EventKind::RoleAssigned, Some(name)) => Cow::Owned(format!("role {name}")),
        (
            EventKind::FactorEnrolled
            | EventKind::FactorRemoved
            | EventKind::FactorUpdated
            | EventKind::PolicyChanged
            | EventKind::ConsentGranted
            | EventKind::DeviceRegistered,
            Some(name),
        ) => name,
        _ => description.clone(),
    }
}
