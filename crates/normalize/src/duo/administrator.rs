//! Administrator (v1), activity (v2), telephony (v2) logs and trust monitor events: few records, read
//! as trees.
//!
//! ```json
//! {"action":"bypass_create","username":"Help Desk","object":"alice","timestamp":1769851800,
//!  "description":"{\"count\": 1, \"valid_secs\": 3600}"}
//! ```

use std::borrow::Cow;

use pushback_model::{Endpoint, EventKind, Factor, IdentityEvent, Party, Risk, Source, Timestamp};
use serde_json::Value;

use super::actions::{self, Meaning};
use super::authentication::factor;
use super::time_of;
use crate::text::{contains, content_id, ip, present};
use crate::{Mapping, Read, Reject, Sink};

/// Whether this is a record of one of these logs.
pub(crate) fn recognises(value: &Value) -> bool {
    is_administrator(value) || is_activity(value) || is_telephony(value) || is_trust_monitor(value)
}

/// Reads one recognised record.
pub(crate) fn read(
    value: &Value,
    _bytes: &[u8],
    _mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    if is_activity(value) {
        activity(value, sink)
    } else if is_telephony(value) {
        telephony(value, sink)
    } else if is_trust_monitor(value) {
        trust_monitor(value, sink)
    } else {
        administrator(value, sink)
    }
}

fn is_administrator(value: &Value) -> bool {
    value.get("action").is_some_and(Value::is_string)
        && (value.get("timestamp").is_some() || value.get("isotimestamp").is_some())
        && value.get("username").is_some()
        && (value.get("object").is_some() || value.get("description").is_some())
}

fn is_activity(value: &Value) -> bool {
    value.get("activity_id").is_some()
        && value.get("action").is_some_and(|action| action.get("name").is_some())
}

fn is_telephony(value: &Value) -> bool {
    value.get("telephony_id").is_some() && value.get("context").is_some()
}

fn is_trust_monitor(value: &Value) -> bool {
    value.get("sekey").is_some() && value.get("type").is_some()
}

/// A text or number member as text, empty if absent.
fn text<'v>(value: &'v Value, key: &str) -> Cow<'v, str> {
    match value.get(key) {
        Some(Value::String(text)) => Cow::Borrowed(present(text)),
        Some(Value::Number(number)) => Cow::Owned(number.to_string()),
        _ => Cow::Borrowed(""),
    }
}

fn occurred_at(value: &Value, keys: &[&'static str]) -> Result<Timestamp, Reject> {
    keys.iter().find_map(|key| time_of(&text(value, key))).ok_or(Reject::Incomplete {
        vendor: Source::Duo,
        missing: keys.last().copied().unwrap_or("timestamp"),
    })
}

/// A member that is an object, or JSON inside a string, or plain text.
fn details<'v>(value: &'v Value, key: &str) -> Cow<'v, Value> {
    match value.get(key) {
        Some(value @ Value::String(text)) => {
            serde_json::from_str(text).map_or(Cow::Borrowed(value), Cow::Owned)
        }
        Some(value) => Cow::Borrowed(value),
        None => Cow::Owned(Value::Null),
    }
}

fn party<'v>(name: Cow<'v, str>) -> Party<'v> {
    Party { name, ..Party::default() }
}

fn administrator(value: &Value, sink: &mut Sink<'_>) -> Result<Read, Reject> {
    let action = text(value, "action");
    let description = details(value, "description");
    let at = occurred_at(value, &["isotimestamp", "timestamp"])?;
    let meaning = match actions::meaning(&action, &description) {
        Some(Meaning::Nothing) => return Ok(Read::Ignored(Source::Duo)),
        None => return Ok(Read::Unknown(Source::Duo, action.into_owned())),
        Some(meaning) => meaning,
    };
    let (Meaning::OfObject(kind, given) | Meaning::OfActor(kind, given)) = meaning else {
        return Ok(Read::Ignored(Source::Duo));
    };
    let mut event = IdentityEvent::new(Source::Duo, kind, at);
    event.factor = match given {
        Factor::Unknown => factor(&text(&description, "factor")),
        given => given,
    };
    let administrator = text(value, "username");
    match meaning {
        Meaning::OfActor(..) => {
            event.subscriber = party(administrator.clone());
            event.subscriber.mail = text(&description, "email");
            event.requester.ip = Cow::Owned(ip(&text(&description, "ip_address")).to_owned());
        }
        _ => {
            event.subscriber = party(subject(value, &description));
            if is_of_account(&action) {
                event.subscriber.mail = text(&description, "email");
            }
            let is_self = administrator.eq_ignore_ascii_case(&event.subscriber.name);
            if !administrator.is_empty() && !is_self {
                event.actor = Some(party(administrator.clone()));
            }
        }
    }
    event.native = Cow::Borrowed(&action);
    event.what = Cow::Owned(words(&action, &text(value, "object"), &description));
    let raw = value.get("description").map(Value::to_string).unwrap_or_default();
    let at = at.to_string();
    event.id =
        Cow::Owned(content_id(&[&at, &action, &administrator, &text(value, "object"), &raw]));
    sink(&event);
    Ok(Read::Events(1))
}

/// Whether the address in a description is the account's own.
//
// SECURITY: an enrolment code goes wherever the caller asked for. If that address named the account, one
// sent to a stranger would part the reset from the owner's sign-ins. Guarded by
// `an_address_that_a_code_was_sent_to_names_nobody`.
fn is_of_account(action: &str) -> bool {
    action.starts_with("user_") || action.starts_with("admin_")
}

/// Whose account an action is about: `object` is the user's name, except where it is a phone number
/// or a token and the description names the user.
fn subject<'v>(value: &'v Value, description: &'v Value) -> Cow<'v, str> {
    ["uname", "user", "username"]
        .into_iter()
        .map(|key| text(description, key))
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| text(value, "object"))
}

fn words(action: &str, object: &str, description: &Value) -> String {
    let detail = ["error", "status", "role", "phone", "platform", "type"]
        .into_iter()
        .map(|key| (key, text(description, key)))
        .find(|(_, value)| !value.is_empty());
    match (detail, object) {
        (Some((key, value)), _) => format!("{action}: {key} {value}"),
        (None, "") => action.to_owned(),
        (None, object) => format!("{action}: {object}"),
    }
}

fn activity(value: &Value, sink: &mut Sink<'_>) -> Result<Read, Reject> {
    let action = value.get("action").unwrap_or(&Value::Null);
    let name = text(action, "name");
    let at = occurred_at(value, &["ts"])?;
    let target = value.get("target").unwrap_or(&Value::Null);
    let description = both(details(target, "details"), details(action, "details"));
    let meaning = match actions::meaning(&name, &description) {
        None => return Ok(Read::Unknown(Source::Duo, name.into_owned())),
        Some(meaning) => meaning,
    };
    let result = value.get("outcome").map(|outcome| text(outcome, "result")).unwrap_or_default();
    let (Meaning::OfObject(kind, given) | Meaning::OfActor(kind, given)) = meaning else {
        return Ok(Read::Ignored(Source::Duo));
    };
    // Some actions are a failure by name, and that is what they are logged for.
    let is_failure = matches!(
        kind,
        EventKind::FactorFailed
            | EventKind::SignInFailed
            | EventKind::LockedOut
            | EventKind::PromptReported
    );
    if !result.is_empty() && !result.eq_ignore_ascii_case("success") && !is_failure {
        return Ok(Read::Ignored(Source::Duo));
    }
    let actor = value.get("actor").unwrap_or(&Value::Null);
    let somebody = |value: &'_ Value| Party {
        name: Cow::Owned(text(value, "name").into_owned()),
        mail: Cow::Borrowed(""),
        id: Cow::Owned(text(value, "key").into_owned()),
    };
    let mut event = IdentityEvent::new(Source::Duo, kind, at);
    event.factor = given;
    let is_person = matches!(&*text(target, "type"), "user" | "admin" | "end_user");
    event.subscriber = somebody(actor);
    let other = if is_person {
        (text(target, "key") != text(actor, "key")).then(|| somebody(target))
    } else if matches!(meaning, Meaning::OfObject(..)) {
        owner(&description).filter(|owner| {
            let is_same = |a: &str, b: &str| !a.is_empty() && a.eq_ignore_ascii_case(b);
            !is_same(&owner.name, &event.subscriber.name)
                && !is_same(&owner.id, &event.subscriber.id)
        })
    } else {
        None
    };
    if let Some(other) = other {
        event.actor = Some(std::mem::replace(&mut event.subscriber, other));
    }
    event.requester = access(value);
    if let Some(app) = value.get("application") {
        event.app = text(app, "name");
    }
    event.native = Cow::Borrowed(&name);
    event.what = Cow::Owned(words(&name, &text(target, "name"), &description));
    event.id = text(value, "activity_id");
    sink(&event);
    Ok(Read::Events(1))
}

/// What is told of the target, and over it what is told of the action.
fn both<'v>(target: Cow<'v, Value>, action: Cow<'v, Value>) -> Cow<'v, Value> {
    match (&*target, &*action) {
        (_, Value::Null) => target,
        (Value::Object(about), Value::Object(done)) => {
            let mut all = about.clone();
            let done = done.iter().filter(|(_, value)| !value.is_null());
            all.extend(done.map(|(key, value)| (key.clone(), value.clone())));
            Cow::Owned(Value::Object(all))
        }
        // A text says less than members do.
        (Value::Object(_), _) => target,
        _ => action,
    }
}

/// Whose phone or token it is, where its details name one person.
fn owner(details: &Value) -> Option<Party<'static>> {
    let users = details.get("users").and_then(Value::as_array);
    let one = match users.map(Vec::as_slice) {
        Some([one]) => Some(one),
        _ => ["user", "uname", "username"].into_iter().find_map(|key| details.get(key)),
    }?;
    let (name, key) = match one {
        Value::Object(_) => {
            let name = ["name", "username", "uname"].into_iter().map(|key| text(one, key));
            (name.into_iter().find(|name| !name.is_empty()).unwrap_or_default(), text(one, "key"))
        }
        _ => (Cow::Borrowed(present(one.as_str().unwrap_or_default())), Cow::Borrowed("")),
    };
    let party = Party {
        name: Cow::Owned(name.into_owned()),
        mail: Cow::Borrowed(""),
        id: Cow::Owned(key.into_owned()),
    };
    (!party.is_empty()).then_some(party)
}

/// `access_device`, whose address is a text or an object.
fn access(value: &Value) -> Endpoint<'_> {
    let Some(device) = value.get("access_device") else { return Endpoint::default() };
    let address = match device.get("ip") {
        Some(object @ Value::Object(_)) => text(object, "address"),
        _ => text(device, "ip"),
    };
    let mut endpoint = Endpoint {
        ip: Cow::Owned(ip(&address).to_owned()),
        device: text(device, "epkey"),
        device_name: text(device, "hostname"),
        ..Endpoint::default()
    };
    endpoint.agent.os = text(device, "os");
    endpoint.agent.browser = text(device, "browser");
    if let Some(place) = device.get("location") {
        endpoint.city = text(place, "city");
        endpoint.region = text(place, "state");
        endpoint.country = text(place, "country");
    }
    endpoint
}

/// A message or call that went out. The log names a phone, never a person: `txid` joins it to the
/// authentication that it belongs to.
fn telephony(value: &Value, sink: &mut Sink<'_>) -> Result<Read, Reject> {
    let at = occurred_at(value, &["ts"])?;
    if !contains(&text(value, "context"), "authentication") {
        return Ok(Read::Ignored(Source::Duo));
    }
    let kind = text(value, "type");
    let mut event = IdentityEvent::new(Source::Duo, EventKind::PromptSent, at);
    event.factor = if contains(&kind, "sms") { Factor::Sms } else { Factor::Voice };
    event.id = text(value, "telephony_id");
    event.transaction = text(value, "txid");
    event.native = Cow::Borrowed("telephony");
    event.what = Cow::Owned(format!("{kind} to {}", text(value, "phone")));
    sink(&event);
    Ok(Read::Events(1))
}

fn trust_monitor(value: &Value, sink: &mut Sink<'_>) -> Result<Read, Reject> {
    let at = occurred_at(value, &["bypass_status_enabled", "surfaced_timestamp"])?;
    let kind = text(value, "type");
    let name_and_key = |value: &'_ Value| Party {
        name: Cow::Owned(text(value, "name").into_owned()),
        mail: Cow::Borrowed(""),
        id: Cow::Owned(text(value, "key").into_owned()),
    };
    let mut event = IdentityEvent::new(Source::Duo, EventKind::RiskDetected, at);
    event.risk = Risk::Medium;
    if kind == "bypass_status" {
        event.kind = EventKind::BypassGranted;
        event.subscriber = value.get("enabled_for").map(name_and_key).unwrap_or_default();
        event.actor = value.get("enabled_by").map(name_and_key);
        event.what = Cow::Borrowed("bypass status enabled");
    } else if let Some(surfaced) = value.get("surfaced_auth") {
        event.subscriber = surfaced.get("user").map(name_and_key).unwrap_or_default();
        event.subscriber.mail = text(surfaced, "email");
        event.transaction = text(surfaced, "txid");
        event.requester = access(surfaced);
        let explanations = value.get("explanations").and_then(Value::as_array);
        let summaries = explanations.into_iter().flatten().map(|e| text(e, "summary"));
        event.what = Cow::Owned(summaries.collect::<Vec<_>>().join("; "));
    } else {
        return Ok(Read::Ignored(Source::Duo));
    }
    event.native = kind;
    event.id = text(value, "sekey");
    sink(&event);
    Ok(Read::Events(1))
}
