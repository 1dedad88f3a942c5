//! PingID (classic).
//!
//! ```json
//! {"source":"PINGID","id":"decc..","recorded":"2026-03-02T08:11:09.958Z",
//!  "actors":[{"type":"user","name":"alice"}],
//!  "resources":[{"ipaddress":"203.0.113.7","websession":"webs_1","devicemodel":"Pixel 9"}],
//!  "result":{"status":"FAILURE,authFail","message":"VPN Auth. Timed Out, Unresponsive User \"Pixel 9\""}}
//! ```
//!
//! An attempt gives a POLICY record, which knows the browser's side, and a result; `websession`
//! joins them. Nothing is written when a prompt goes out.

use std::borrow::Cow;

use pushback_model::{Endpoint, EventKind, Factor, IdentityEvent, Party, Risk, Source};
use serde_json::Value;

use crate::value::{Meaning, at, first, get, holds, ip_of, text_of, time};
use crate::{Mapping, Read, Reject, Sink, text};

const VENDOR: Source = Source::PingId;

pub(super) fn recognises(value: &Value) -> bool {
    at(value, &["source"]).eq_ignore_ascii_case("PINGID")
        && (value.get("recorded").is_some() || value.get("result").is_some())
}

/// Reads one recognised record.
pub(super) fn read(value: &Value, mapping: &Mapping, sink: &mut Sink<'_>) -> Result<Read, Reject> {
    let occurred_at = time(value, &[&["recorded"]], VENDOR, "recorded")?
        .ok_or(Reject::Incomplete { vendor: VENDOR, missing: "recorded" })?;
    let message = first(value, &[&["result", "message"], &["result.message"]]);
    let message = if message.is_empty() { resource(value, "pingidmsg") } else { message };
    let status = first(value, &[&["result", "status"], &["result.status"]]);
    // "SSO-FAILURE": the channel and how it went, where there is no result.
    let whole = at(value, &["resource"]);
    let (channel, outcome) = whole.rsplit_once('-').unwrap_or_default();
    let is_in_resource = status.is_empty() && matches!(outcome, "SUCCESS" | "FAILURE");
    if is_in_resource && message.is_empty() && channel.starts_with("SEND_") {
        return Ok(Read::Ignored(VENDOR));
    }
    let status = if is_in_resource { Cow::Borrowed(outcome) } else { status };
    let mut event = IdentityEvent::new(VENDOR, EventKind::ChallengeRequired, occurred_at);
    event.id = at(value, &["id"]);
    event.subscriber = Party { name: user(value), ..Party::default() };
    event.requester.ip = ip_of(resource(value, "ipaddress"));
    event.transaction = resource(value, "websession");
    event.session = event.transaction.clone();
    if event.id.is_empty() {
        event.id = Cow::Owned(text::content_id(&[
            &at(value, &["recorded"]),
            &event.subscriber.name,
            &event.transaction,
            &event.requester.ip,
            &status,
            &message,
        ]));
    }
    if status.eq_ignore_ascii_case("POLICY") {
        event.native = Cow::Borrowed("POLICY");
        let built_in = policy(&message, &mut event);
        event.kind = mapping.kind(VENDOR, "POLICY").unwrap_or(built_in);
        sink(&event);
        return Ok(Read::Events(1));
    }
    let native = match is_in_resource && message.is_empty() {
        true => whole.clone().into_owned(),
        false => name(&message, &status),
    };
    let built_in = match meaning(&status, &message) {
        // By which factor is not said.
        Meaning::Unknown if is_in_resource && outcome == "SUCCESS" && message.is_empty() => {
            Meaning::Is(EventKind::FactorVerified)
        }
        meaning => meaning,
    };
    let meaning = built_in.or_policy(mapping, VENDOR, &native);
    event.kind = match meaning {
        Meaning::Is(kind) => kind,
        Meaning::Nothing => return Ok(Read::Ignored(VENDOR)),
        Meaning::Unknown => return Ok(Read::Unknown(VENDOR, native)),
    };
    event.factor = factor(&message, event.kind);
    let model = resource(value, "devicemodel");
    let device = if model.is_empty() { Cow::Owned(quoted(&message)) } else { model };
    event.what = match event.kind {
        EventKind::FactorEnrolled => Cow::Owned(format!("paired {device}")),
        EventKind::FactorRemoved => Cow::Owned(format!("unpaired {device}")),
        _ => message.clone(),
    };
    if event.kind.is_prompt_outcome() {
        event.responder = Some(Endpoint { device_name: device, ..Endpoint::default() });
    }
    event.app = Cow::Borrowed(match native.split([' ', '-']).next() {
        Some("VPN") => "VPN",
        Some("SSO") => "SSO",
        _ => "",
    });
    event.native = Cow::Owned(native);
    sink(&event);
    Ok(Read::Events(1))
}

/// A member of any resource, in the nested, the numbered and the flattened form.
fn resource<'v>(value: &'v Value, name: &str) -> Cow<'v, str> {
    let nested = match get(value, &["resources"]) {
        Value::Array(list) => list.iter().map(|one| at(one, &[name])).find(|t| !t.is_empty()),
        Value::Object(map) => map
            .get(name)
            .map(text_of)
            .or_else(|| map.values().map(|one| at(one, &[name])).find(|t| !t.is_empty())),
        _ => None,
    };
    nested.unwrap_or_else(|| flattened(value, "resources.", name))
}

fn flattened<'v>(value: &'v Value, prefix: &str, name: &str) -> Cow<'v, str> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| {
            key.starts_with(prefix) && key.rsplit('.').next().is_some_and(|last| last == name)
        })
        .map(|(_, member)| text_of(member))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

fn user(value: &Value) -> Cow<'_, str> {
    let actors = match get(value, &["actors"]) {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    };
    let is_user = |actor: &&&Value| at(actor, &["type"]).eq_ignore_ascii_case("user");
    let found = actors.iter().find(is_user).or_else(|| actors.first());
    match found.map(|actor| at(actor, &["name"])) {
        Some(name) if !name.is_empty() => name,
        _ => flattened(value, "actors.", "name"),
    }
}

/// The text between the first and the last quote, without quotes inside: the name of the device.
fn quoted(message: &str) -> String {
    let inner = message.split_once('"').and_then(|(_, after)| after.rsplit_once('"'));
    inner.map_or("", |(inner, _)| inner).replace('"', "").trim().to_owned()
}

/// The message without the device's name: what the vendor calls the event.
fn name(message: &str, status: &str) -> String {
    let name = message.split('"').next().unwrap_or_default().trim();
    let name = name.lines().next().unwrap_or_default();
    if name.is_empty() { status.to_owned() } else { name.to_owned() }
}

fn meaning(status: &str, message: &str) -> Meaning {
    use EventKind as K;
    let says = |words: &[&str]| holds(message, words);
    let succeeded = status.to_ascii_uppercase().starts_with("SUCCESS");
    // Silence and denial first: their messages name the channel too.
    if says(&["timed out", "timeout", "unresponsive"]) {
        return Meaning::Is(K::PromptTimedOut);
    }
    if says(&["device unpaired", "device removed", "device deleted"]) {
        return if succeeded { Meaning::Is(K::FactorRemoved) } else { Meaning::Nothing };
    }
    if says(&["device paired", "device added"]) {
        return if succeeded { Meaning::Is(K::FactorEnrolled) } else { Meaning::Nothing };
    }
    if says(&["fraud", "suspicious"]) {
        return Meaning::Is(K::PromptReported);
    }
    if !succeeded {
        return Meaning::Is(if says(&["mismatch", "wrong number", "incorrect number"]) {
            K::PromptMismatched
        } else if says(&["denied by policy", "policy"]) {
            K::PolicyRefused
        } else if says(&["denied", "deny", "declined", "rejected"]) {
            K::PromptDenied
        } else if says(&["limit", "throttl", "too many push"]) {
            K::RateLimited
        } else if says(&["locked", "user blocked", "user is blocked"]) {
            K::LockedOut
        } else if says(&["undeliver", "not delivered", "failed to send", "unable to send"]) {
            K::PromptUndelivered
        } else if !holds(status, &["fail", "unsuccessful"]) {
            return Meaning::Unknown;
        } else {
            // Wrong code, cancelled by the browser, or not said.
            K::FactorFailed
        });
    }
    if says(&["user unlocked", "user unblocked", "unblock"]) {
        Meaning::Is(K::Unlocked)
    } else if says(&["user blocked", "user locked"]) {
        Meaning::Is(K::LockedOut)
    } else if says(&["bypass"]) {
        // An administrator's "user bypassed for n minutes", and a sign-in that made use of it.
        Meaning::Is(if says(&["granted", "enabled", "user bypass"]) {
            K::BypassGranted
        } else {
            K::Bypassed
        })
    } else if says(&["user suspended", "user disabled", "user deleted"]) {
        Meaning::Is(K::AccountDisabled)
    } else if says(&["user created", "user enabled", "user activated"]) {
        Meaning::Is(K::AccountCreated)
    } else if says(&["primary device", "device changed", "device renamed", "device order"]) {
        Meaning::Is(K::FactorUpdated)
    } else if says(&["email sent", "sms sent", "sent to", "user attributes updated"]) {
        // Deliveries have outcomes of their own; attributes are what the directory copies over.
        Meaning::Nothing
    } else if says(&[
        "otp",
        "one-time",
        "passcode",
        "sms",
        "yubikey",
        "security key",
        "fido",
        "email",
        "authenticator app",
        "desktop",
        "oath",
    ]) {
        Meaning::Is(K::FactorVerified)
    } else if says(&["swipe", "banner", "finger", "face", "number matching", "voice", "biometric"])
        || ["SSO ", "VPN ", "API ", "Windows "].iter().any(|channel| message.starts_with(channel))
    {
        Meaning::Is(K::PromptApproved)
    } else {
        Meaning::Unknown
    }
}

fn factor(message: &str, kind: EventKind) -> Factor {
    let says = |words: &[&str]| holds(message, words);
    if says(&["sms"]) {
        Factor::Sms
    } else if says(&["voice"]) {
        Factor::Voice
    } else if says(&["email"]) {
        Factor::Email
    } else if says(&[
        "yubikey",
        "otp",
        "one-time",
        "passcode",
        "authenticator app",
        "oath",
        "desktop",
    ]) {
        Factor::Code
    } else if says(&["security key", "fido"]) {
        Factor::Passkey
    } else if kind.is_prompt_outcome()
        || says(&["android", "iphone", "ios ", "apple", "samsung", "pixel"])
    {
        Factor::Push
    } else {
        Factor::Unknown
    }
}

/// A POLICY record: a list of `Key: value` lines. Where the policy asks nobody, the subscriber is
/// let in on the first factor alone: the only record that shows which browser they use.
fn policy(message: &str, event: &mut IdentityEvent<'_>) -> EventKind {
    let field = |name: &str| -> String {
        message
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| text::present(value.trim()).to_owned())
            .unwrap_or_default()
    };
    let ip = field("IP Address");
    if !ip.is_empty() {
        event.requester.ip = ip_of(Cow::Owned(ip));
    }
    event.requester.country = Cow::Owned(field("Country"));
    event.requester.agent.raw = Cow::Owned(field("Accessing Device UserAgent"));
    event.requester.agent.os = Cow::Owned(field("Accessing Device OS"));
    event.requester.agent.browser = Cow::Owned(field("Accessing Device Browser"));
    event.requester.is_proxy = field("Current VPN/Proxy login").eq_ignore_ascii_case("true");
    let application = field("Requested Application Name");
    event.app = Cow::Owned(if application.is_empty() {
        field("Requested Application ID")
    } else {
        application
    });
    event.risk = match field("Risk Level").to_ascii_lowercase().as_str() {
        "high" => Risk::High,
        "medium" => Risk::Medium,
        "low" => Risk::Low,
        _ => Risk::Unknown,
    };
    let mut what = Vec::new();
    for (name, words) in [
        ("Password Reset", "during a password reset"),
        ("Self Service Device Management", "to manage devices"),
        ("New Device", "new device"),
        ("Limit Push Notifications", "push limit met"),
    ] {
        if field(name).eq_ignore_ascii_case("true") {
            what.push(words.to_owned());
        }
    }
    let speed = field("Ground Speed");
    if !speed.is_empty() && !speed.starts_with("N/A") {
        what.push(format!("ground speed {speed}"));
    }
    event.what = Cow::Owned(what.join(", "));
    let action = field("Action").to_ascii_lowercase();
    if holds(&action, &["deny", "block"]) {
        return EventKind::PolicyRefused;
    }
    if holds(&action, &["approve", "allow", "bypass"]) {
        return EventKind::SessionUsed;
    }
    EventKind::ChallengeRequired
}
