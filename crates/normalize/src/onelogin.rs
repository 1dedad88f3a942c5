//! OneLogin events, from the API and from the broadcaster.
//!
//! ```json
//! {"id":910001,"created_at":"2026-03-02T08:11:09.437Z","event_type_id":6,"user_id":1001,
//!  "user_name":"Alice Example","actor_user_id":1001,"ipaddr":"203.0.113.7","risk_score":12}
//! ```
//!
//! `user_name` is a display name, so `user_id` is what people are joined by.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use pushback_model::{EventKind, Factor, IdentityEvent, Party, Risk, Source, Timestamp};
use serde_json::Value;

use crate::value::{Meaning, at, first, holds, ip_of, other, time};
use crate::{Mapping, Read, Reject, Sink, text};

const VENDOR: Source = Source::OneLogin;

/// Whether this is one of this vendor's records, bare or in the broadcaster's `event`.
pub(crate) fn recognises(value: &Value) -> bool {
    inner(value).get("event_type_id").is_some()
}

fn inner(value: &Value) -> &Value {
    match value.get("event") {
        Some(event) if event.is_object() && value.get("event_type_id").is_none() => event,
        _ => value,
    }
}

/// Reads one recognised record.
pub(crate) fn read(
    value: &Value,
    _bytes: &[u8],
    mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    let value = inner(value);
    let native = at(value, &["event_type_id"]);
    if native.is_empty() {
        return Err(Reject::Incomplete { vendor: VENDOR, missing: "event_type_id" });
    }
    // Collectors that trim records leave some undated; that is the epoch, so that what happened is
    // still seen.
    let occurred_at = time(
        value,
        &[&["created_at"], &["event_timestamp"], &["timestamp"]],
        VENDOR,
        "created_at",
    )?
    .unwrap_or(Timestamp::from_millis(0));
    let words = words(value);
    let built_in = match by_number(&native) {
        // A factor that the account offers, unless the record names a person whose it is.
        Meaning::Is(_)
            if matches!(native.as_ref(), "170" | "171" | "172")
                && first(value, &[&["user_id"], &["user_name"]]).is_empty() =>
        {
            Meaning::Is(EventKind::PolicyChanged)
        }
        Meaning::Unknown => by_words(&words),
        known => known,
    };
    let meaning = match mapping.onelogin.events.get(native.as_ref()) {
        Some(kind) => Meaning::Is(*kind),
        None => built_in.or_policy(mapping, VENDOR, &native),
    };
    let kind = match meaning {
        Meaning::Is(kind) => kind,
        Meaning::Nothing => return Ok(Read::Ignored(VENDOR)),
        Meaning::Unknown => return Ok(Read::Unknown(VENDOR, native.into_owned())),
    };
    let mut event = event(value, occurred_at, kind, &words);
    event.native = native;
    settle(&mut event, value);
    sink(&event);
    Ok(Read::Events(1))
}

/// Everything that a record says in words.
fn words(value: &Value) -> String {
    [
        "event_type_name",
        "event_type",
        "description",
        "notes",
        "custom_message",
        "error_description",
        "operation_name",
    ]
    .iter()
    .map(|name| at(value, &[name]))
    .collect::<Vec<_>>()
    .join(" ")
}

fn event<'v>(
    value: &'v Value,
    occurred_at: Timestamp,
    kind: EventKind,
    words: &str,
) -> IdentityEvent<'v> {
    let mut event = IdentityEvent::new(VENDOR, kind, occurred_at);
    event.id = first(value, &[&["id"], &["uuid"], &["create", "_id"]]);
    event.subscriber = Party {
        name: at(value, &["user_name"]),
        mail: first(value, &[&["user_email"], &["email"]]),
        id: at(value, &["user_id"]),
    };
    let mut actor = Party {
        name: at(value, &["actor_user_name"]),
        id: at(value, &["actor_user_id"]),
        ..Party::default()
    };
    if actor.is_empty() {
        actor.name = at(value, &["actor_system"]);
    }
    if event.subscriber.is_empty() {
        std::mem::swap(&mut event.subscriber, &mut actor);
    }
    // Two people may share a display name, so an id decides where both are logged.
    event.actor = if !actor.id.is_empty() && !event.subscriber.id.is_empty() {
        (actor.id != event.subscriber.id).then_some(actor)
    } else {
        other(actor, &event.subscriber)
    };
    event.requester.ip =
        ip_of(first(value, &[&["ipaddr"], &["ip_addr"], &["ip"], &["ip_address"]]));
    event.requester.is_proxy = !ip_of(at(value, &["proxy_ip"])).is_empty();
    event.requester.agent.raw = at(value, &["user_agent"]);
    let cookie = at(value, &["risk_cookie_id"]);
    event.requester.device = cookie;
    event.app = at(value, &["app_name"]);
    event.factor = factor(value, words);
    event.risk = match at(value, &["risk_score"]).parse::<f64>() {
        Ok(score) if score >= 67.0 => Risk::High,
        Ok(score) if score >= 34.0 => Risk::Medium,
        Ok(_) => Risk::Low,
        Err(_) => Risk::Unknown,
    };
    if event.id.is_empty() {
        event.id = Cow::Owned(text::content_id(&[
            &occurred_at.as_millis().to_string(),
            &at(value, &["event_type_id"]),
            &event.subscriber.id,
            &event.subscriber.name,
            &at(value, &["actor_user_id"]),
            &event.requester.ip,
            &at(value, &["app_id"]),
            &at(value, &["otp_device_id"]),
            &at(value, &["notes"]),
            &at(value, &["risk_score"]),
        ]));
    }
    event
}

fn factor(value: &Value, words: &str) -> Factor {
    let device = [
        at(value, &["otp_device_name"]),
        at(value, &["authentication_factor_type"]),
        at(value, &["authentication_factor_description"]),
        Cow::Borrowed(words),
    ]
    .join(" ");
    match () {
        () if holds(&device, &["protect", "push"]) => Factor::Push,
        () if holds(&device, &["webauthn", "fido", "security key", "passkey"]) => Factor::Passkey,
        () if holds(&device, &["sms"]) => Factor::Sms,
        () if holds(&device, &["voice", "phone call"]) => Factor::Voice,
        () if holds(&device, &["email"]) => Factor::Email,
        () if holds(&device, &["security question"]) => Factor::Question,
        () if holds(&device, &["authenticator", "otp", "totp", "yubikey", "token"]) => Factor::Code,
        () => Factor::Unknown,
    }
}

/// What depends on more than the number: who did it, by which factor.
fn settle<'v>(event: &mut IdentityEvent<'v>, value: &'v Value) {
    event.kind = match (event.kind, event.factor) {
        (EventKind::PasswordChanged, _) if event.actor.is_some() => EventKind::PasswordReset,
        (EventKind::FactorVerified, Factor::Push) => EventKind::PromptApproved,
        // The challenge of an app that asks is a prompt.
        (EventKind::ChallengeRequired, Factor::Push) => EventKind::PromptSent,
        (kind, _) => kind,
    };
    event.what = match event.kind {
        EventKind::RoleAssigned => match first(value, &[&["role_name"], &["privilege_name"]]) {
            name if name.is_empty() => Cow::Borrowed(""),
            name => Cow::Owned(format!("role {name}")),
        },
        EventKind::FactorEnrolled | EventKind::FactorRemoved | EventKind::FactorUpdated => {
            first(value, &[&["authentication_factor_description"], &["otp_device_name"]])
        }
        EventKind::PolicyChanged => {
            first(value, &[&["policy_name"], &["authentication_factor_description"], &["notes"]])
        }
        _ => first(
            value,
            &[&["error_description"], &["custom_message"], &["risk_reasons"], &["notes"]],
        ),
    };
}

/// Numbers as a public client of the API lists them; a policy may add or change some.
fn by_number(number: &str) -> Meaning {
    use EventKind as K;
    Meaning::Is(match number {
        "3" => K::Impersonated,
        "4" | "70" | "72" | "147" | "149" | "151" | "513" | "514" => K::RoleAssigned,
        "5" | "68" | "130" | "140" | "153" => K::SessionStarted,
        "6" | "69" | "86" | "129" | "141" | "154" => K::SignInFailed,
        "7" | "516" => K::SessionRevoked,
        "8" => K::SessionUsed,
        // A mail with a link: a question put to the subscriber that a stranger can cause.
        "10" => K::PromptSent,
        "11" => K::PasswordChanged,
        "12" | "40" => K::Unlocked,
        "13" | "16" | "32" => K::AccountCreated,
        "15" | "17" | "21" | "530" | "551" => K::AccountDisabled,
        "19" | "35" | "531" | "553" => K::LockedOut,
        "22" | "170" => K::FactorEnrolled,
        "24" | "36" | "172" => K::FactorRemoved,
        "171" => K::FactorUpdated,
        "74" | "75" | "76" | "112" | "156" | "157" | "158" | "197" => K::PolicyChanged,
        "105" => K::PromptUndelivered,
        "173" => K::RecoveryChanged,
        "179" | "181" | "515" => K::TokenCreated,
        "211" | "510" | "511" | "517" | "518" => K::PasswordReset,
        "240" => K::RiskDetected,
        "527" | "1002" => K::FactorFailed,
        "528" => K::FactorVerified,
        "900" | "901" | "904" | "905" => K::ChallengeRequired,
        "14" | "29" | "71" | "73" | "110" | "111" | "122" | "123" | "148" | "150" | "152"
        | "180" | "182" | "400" | "401" | "529" | "532" => return Meaning::Nothing,
        _ => return Meaning::Unknown,
    })
}

/// Events that the vendor's catalogue names without a number, by their text.
fn by_words(words: &str) -> Meaning {
    use EventKind as K;
    Meaning::Is(if holds(words, &["denied auth through otp push"]) {
        K::PromptDenied
    } else if holds(words, &["challenged for otp"]) {
        K::ChallengeRequired
    } else if holds(words, &["verified otp device"]) {
        K::FactorVerified
    } else if holds(words, &["failed otp challenge", "verify factor failed"]) {
        K::FactorFailed
    } else if holds(words, &["trigger factor for user succeeded"]) {
        K::PromptSent
    } else if holds(words, &["deleted security factor"]) {
        K::FactorRemoved
    } else if holds(words, &["force logged out"]) {
        K::SessionRevoked
    } else {
        return Meaning::Unknown;
    })
}
