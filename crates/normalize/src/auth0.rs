//! Auth0 tenant logs: the Management API's objects and the log streams' `{log_id, data}`.
//!
//! ```json
//! {"log_id":"9002..","data":{"date":"2026-03-02T08:11:09.137Z","type":"gd_auth_rejected",
//!  "user_id":"auth0|64a1","ip":"203.0.113.7","details":{"session_id":"s1","authenticator":{"type":"push"}}}}
//! ```

mod management;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use pushback_model::{EventKind, Factor, IdentityEvent, Party, Risk, Source, Timestamp};
use serde_json::Value;

use crate::value::{Meaning, at, coordinates, first, get, holds, ip_of, time};
use crate::{Mapping, Read, Reject, Sink, text};

const VENDOR: Source = Source::Auth0;

/// Whether this is one of this vendor's records.
pub(crate) fn recognises(value: &Value) -> bool {
    let data = inner(value);
    let named = |name: &str| data.get(name).is_some();
    get(data, &["type"]).is_string()
        && named("date")
        && (value.get("data").is_some()
            || ["log_id", "_id", "description", "client_id", "tenant_name", "user_id"]
                .iter()
                .any(|name| named(name)))
}

fn inner(value: &Value) -> &Value {
    match value.get("data") {
        Some(data) if data.is_object() && value.get("type").is_none() => data,
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
    let data = inner(value);
    let native = at(data, &["type"]);
    if native.is_empty() {
        return Err(Reject::Incomplete { vendor: VENDOR, missing: "type" });
    }
    let occurred_at = time(data, &[&["date"]], VENDOR, "date")?
        .ok_or(Reject::Incomplete { vendor: VENDOR, missing: "date" })?;
    let mut event = base(value, data, occurred_at);
    event.native = native.clone();
    let kind = match meaning(&native, data).or_policy(mapping, VENDOR, &native) {
        Meaning::Is(kind) => kind,
        Meaning::Nothing
            if matches!(native.as_ref(), "sapi" | "my_account_authentication_method_succeeded") =>
        {
            if !management::describe(data, &mut event) {
                return Ok(Read::Ignored(VENDOR));
            }
            sink(&event);
            return Ok(Read::Events(1));
        }
        Meaning::Nothing => return Ok(Read::Ignored(VENDOR)),
        Meaning::Unknown => return Ok(Read::Unknown(VENDOR, native.into_owned())),
    };
    event.kind = kind;
    settle(&native, data, &mut event);
    sink(&event);
    Ok(Read::Events(1))
}

fn base<'v>(value: &'v Value, data: &'v Value, occurred_at: Timestamp) -> IdentityEvent<'v> {
    let mut event = IdentityEvent::new(VENDOR, EventKind::SessionUsed, occurred_at);
    event.id = first(data, &[&["log_id"], &["_id"]]);
    if event.id.is_empty() {
        event.id = at(value, &["log_id"]);
    }
    if event.id.is_empty() {
        event.id = Cow::Owned(text::content_id(&[
            &at(data, &["date"]),
            &at(data, &["type"]),
            &at(data, &["user_id"]),
            &at(data, &["user_name"]),
            &at(data, &["ip"]),
            &at(data, &["client_id"]),
            &at(data, &["description"]),
            &get(data, &["details"]).to_string(),
        ]));
    }
    event.subscriber = Party {
        name: at(data, &["user_name"]),
        mail: first(data, &[&["user_email"], &["details", "user", "email"]]),
        id: first(
            data,
            &[
                &["user_id"],
                &["details", "authenticator", "user_id"],
                &["details", "enrollment", "user_id"],
            ],
        ),
    };
    let place = get(data, &["location_info"]);
    event.requester.ip =
        ip_of(first(data, &[&["ip"], &["client_ip"], &["details", "request", "ip"]]));
    event.requester.country = first(place, &[&["country_code"], &["country_name"]]);
    event.requester.city = at(place, &["city_name"]);
    event.requester.coordinates =
        coordinates(get(place, &["latitude"]), get(place, &["longitude"]));
    event.requester.agent.raw =
        first(data, &[&["user_agent"], &["details", "request", "userAgent"]]);
    event.app = first(data, &[&["client_name"], &["client_id"]]);
    event.session = at(data, &["details", "session_id"]);
    event.transaction =
        first(data, &[&["references", "correlation_id"], &["details", "session_id"]]);
    event.what = at(data, &["description"]);
    let confidence = first(
        data,
        &[
            &["details", "riskAssessment", "confidence"],
            &["details", "anomalyDetection", "confidence"],
            &["details", "confidence"],
        ],
    );
    // It is the confidence that this is the subscriber: the lower, the riskier.
    event.risk = match confidence.to_ascii_lowercase().as_str() {
        "low" => Risk::High,
        "medium" => Risk::Medium,
        "high" => Risk::Low,
        _ => Risk::Unknown,
    };
    event
}

fn factor(data: &Value) -> Factor {
    let kind = at(data, &["details", "authenticator", "type"]);
    let by_kind = |text: &str| {
        if holds(text, &["push", "guardian app"]) {
            Factor::Push
        } else if holds(text, &["totp", "otp", "authenticator app"]) {
            Factor::Code
        } else if holds(text, &["sms"]) {
            Factor::Sms
        } else if holds(text, &["voice"]) {
            Factor::Voice
        } else if holds(text, &["email"]) {
            Factor::Email
        } else if holds(text, &["webauthn", "passkey"]) {
            Factor::Passkey
        } else if holds(text, &["recovery"]) {
            Factor::RecoveryCode
        } else {
            Factor::Unknown
        }
    };
    match by_kind(&kind) {
        // The description ends in the type: "… authentication succeed (totp)".
        Factor::Unknown => by_kind(&at(data, &["description"])),
        factor => factor,
    }
}

fn settle<'v>(native: &str, data: &'v Value, event: &mut IdentityEvent<'v>) {
    event.factor = match native {
        "gd_send_pn"
        | "gd_send_pn_failure"
        | "gd_auth_rejected"
        | "ciba_start_succeeded"
        | "ciba_exchange_succeeded"
        | "ciba_exchange_failed" => Factor::Push,
        "gd_send_sms" | "gd_send_sms_failure" => Factor::Sms,
        "gd_send_voice" | "gd_send_voice_failure" => Factor::Voice,
        "gd_send_email" | "gd_send_email_failure" | "scpr" => Factor::Email,
        "gd_recovery_succeed"
        | "gd_recovery_failed"
        | "gd_recovery_rate_limit_exceed"
        | "sercft"
        | "fercft" => Factor::RecoveryCode,
        "seotpft" | "feotpft" => Factor::Code,
        "fp" => Factor::Password,
        _ if native.starts_with("gd_") || native.contains("oobft") => factor(data),
        _ => Factor::Unknown,
    };
    if native == "gd_auth_succeed" && event.factor == Factor::Push {
        event.kind = EventKind::PromptApproved;
    }
    let device = first(
        data,
        &[&["details", "enrollment", "name"], &["details", "authenticator", "phone_number"]],
    );
    match event.kind {
        EventKind::FactorEnrolled | EventKind::FactorRemoved if !device.is_empty() => {
            event.what = device;
        }
        EventKind::PromptApproved | EventKind::PromptDenied if !device.is_empty() => {
            event.responder = Some(pushback_model::Endpoint {
                device_name: device,
                device: at(data, &["details", "authenticator", "id"]),
                ..Default::default()
            });
        }
        _ => {}
    }
}

/// What a type code means. What the Management API did (`sapi`) is told by the request, not here.
fn meaning(native: &str, data: &Value) -> Meaning {
    use EventKind as K;
    Meaning::Is(match native {
        "mfar" | "gd_start_auth" => K::ChallengeRequired,
        "gd_send_pn" | "gd_send_sms" | "gd_send_voice" | "gd_send_email" => K::PromptSent,
        "ciba_start_succeeded" | "scpr" => K::PromptSent,
        "gd_send_pn_failure"
        | "gd_send_sms_failure"
        | "gd_send_voice_failure"
        | "gd_send_email_failure" => K::PromptUndelivered,
        "gd_auth_succeed" => K::FactorVerified,
        "ciba_exchange_succeeded" => K::PromptApproved,
        "ciba_exchange_failed" => {
            let words = at(data, &["description"]);
            if holds(&words, &["denied", "reject"]) {
                K::PromptDenied
            } else if holds(&words, &["expired", "timed out", "timeout"]) {
                K::PromptTimedOut
            } else {
                return Meaning::Nothing;
            }
        }
        "gd_auth_rejected" => K::PromptDenied,
        "gd_auth_failed" | "gd_recovery_failed" | "feoobft" | "feotpft" | "fercft" => {
            K::FactorFailed
        }
        "gd_recovery_succeed" | "seotpft" | "seoobft" | "sercft" => K::FactorVerified,
        "gd_otp_rate_limit_exceed"
        | "gd_recovery_rate_limit_exceed"
        | "gd_webauthn_rate_limit"
        | "api_limit"
        | "limit_delegation" => K::RateLimited,
        "limit_wc" | "limit_mu" | "limit_sul" => K::LockedOut,
        "ublkdu" => K::Unlocked,
        "gd_enrollment_complete" => K::FactorEnrolled,
        "gd_unenroll" => K::FactorRemoved,
        "gd_update_device_account" => K::FactorUpdated,
        "gd_user_delete" => K::FactorReset,
        "gd_tenant_update" | "gd_module_switch" => K::PolicyChanged,
        "scp" => K::PasswordChanged,
        "pwd_leak" | "reset_pwd_leak" | "signup_pwd_leak" => K::RiskDetected,
        "sce" | "scpn" | "scu" => K::RecoveryChanged,
        "s" | "sepft" | "sdacft" => K::SessionStarted,
        "ssa" | "seacft" | "sertft" => K::SessionUsed,
        "f" | "fp" | "fu" | "fepft" | "fco" | "fcoa" => K::SignInFailed,
        "ferrt" => K::SessionReused,
        "slo" | "oidc_backchannel_logout_succeeded" | "srrt" => K::SessionRevoked,
        "ss" | "sui" => K::AccountCreated,
        "du" | "sdu" => K::AccountDisabled,
        "sapi" | "my_account_authentication_method_succeeded" => return Meaning::Nothing,
        "fsa"
        | "fapi"
        | "mgmt_api_read"
        | "admin_update_launch"
        | "sv"
        | "fv"
        | "svr"
        | "fvr"
        | "fcp"
        | "fcpr"
        | "fce"
        | "fcpn"
        | "fcu"
        | "fs"
        | "fdu"
        | "flo"
        | "cs"
        | "cls"
        | "w"
        | "fn"
        | "sys_os_update_start"
        | "sys_os_update_end"
        | "sys_update_start"
        | "sys_update_end"
        | "depnote"
        | "api_limit_warning"
        | "gd_start_enroll"
        | "gd_start_enroll_failed"
        | "gd_webauthn_enrollment_failed"
        | "gd_enrollment_failed"
        | "gd_tenant_update_failed"
        | "gd_auth_email_verification"
        | "seccft"
        | "feccft"
        | "seacft_native"
        | "feacft"
        | "fertft"
        | "fede"
        | "sede"
        | "fens"
        | "sens"
        | "fepotpft"
        | "sce_started"
        | "ciba_start_failed"
        | "oidc_backchannel_logout_failed"
        | "my_account_authentication_method_failed"
        | "mfa_challenge"
        | "actions_execution_failed"
        | "fi"
        | "si"
        | "sd"
        | "fd"
        | "scoa"
        | "sscim"
        | "fscim"
        | "sssi" => return Meaning::Nothing,
        _ => return Meaning::Unknown,
    })
}
