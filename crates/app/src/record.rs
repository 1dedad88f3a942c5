//! One line of the audit trail: what the rules wrote down, and the identity event that the detection
//! engine reads, in one JSON object. `pushback scan` reads these lines like any vendor's log.

use pushback_model::{Endpoint, IdentityEvent, Timestamp};
use pushback_store::AuditEntry as Stored;
use pushback_verify::{Attempt, AuditEntry, Decision, SubscriberId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::AppError;

/// The name of the format, in the member `format` of every line.
pub const EVENT_FORMAT: &str = "pushback.audit/1";

/// An entry of the audit trail as it is listed and exported.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// The chain that it is in.
    pub chain: String,
    /// Its number there, from 1.
    pub seq: i64,
    /// Its hash, in hexadecimal.
    pub hash: String,
    /// What happened, for example `prompt_ended`.
    pub kind: String,
    /// About whom or what.
    pub subject: String,
    /// The details.
    pub body: Value,
}

/// What the audit trail keeps beside the rules' own words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    /// The phone's signature over its answer, and what it covers: the receipt's evidence.
    pub signed: Option<Value>,
}

/// The lines of a decision.
pub(crate) fn lines(
    who: &SubscriberId,
    decision: &Decision,
    beside: &Beside,
) -> Result<Vec<Stored>, AppError> {
    decision.audit.iter().map(|entry| line(who, entry, &decision.events, beside)).collect()
}

/// The line of an attempt for a name that nobody has. The name is not kept: people type passwords
/// into the wrong field.
pub(crate) fn asked_for_nobody(attempt: &Attempt, at: Timestamp) -> Result<Stored, AppError> {
    let body = json!({
        "format": EVENT_FORMAT,
        "at": at.to_string(),
        "details": {
            "what": "asked_for_nobody",
            "attempt": attempt.id.as_str(),
            "relying_party": attempt.relying_party.as_str(),
            "ip": attempt.requester.ip,
        },
    });
    let body = serde_json::to_vec(&body)?;
    Ok(Stored { at, kind: "asked_for_nobody".to_owned(), subject: "nobody".to_owned(), body })
}

fn line(
    who: &SubscriberId,
    entry: &AuditEntry,
    events: &[IdentityEvent<'_>],
    beside: &Beside,
) -> Result<Stored, AppError> {
    let what = serde_json::to_value(&entry.what)?;
    let kind = what.get("what").and_then(Value::as_str).unwrap_or("unknown").to_owned();
    let mut body = json!({
        "format": EVENT_FORMAT,
        "id": entry.id,
        "subscriber": who.as_str(),
        "at": entry.at.to_string(),
        "node_at": entry.node_at.to_string(),
        "by": entry.by,
        "details": what,
    });
    if let Some(object) = body.as_object_mut() {
        if let Some(event) = events.iter().find(|event| event.id == entry.id.as_str()) {
            object.insert("event".to_owned(), self::event(event));
        }
        if let Some(signed) = &beside.signed {
            object.insert("signed".to_owned(), signed.clone());
        }
    }
    let body = serde_json::to_vec(&body)?;
    Ok(Stored { at: entry.at, kind, subject: who.to_string(), body })
}

fn event(event: &IdentityEvent<'_>) -> Value {
    json!({
        "kind": event.kind,
        "factor": event.factor,
        "actor": event.actor.as_ref().map(|actor| &*actor.id),
        "app": event.app,
        "attempt": event.transaction,
        "requester": endpoint(&event.requester),
        "responder": event.responder.as_ref().map(endpoint),
    })
}

fn endpoint(end: &Endpoint<'_>) -> Value {
    json!({
        "ip": end.ip,
        "asn": end.asn,
        "as_name": end.as_name,
        "country": end.country,
        "city": end.city,
        "latitude": end.coordinates.map(|at| at.latitude),
        "longitude": end.coordinates.map(|at| at.longitude),
        "browser": end.agent.browser,
        "system": end.agent.os,
        "device": end.device,
        "is_proxy": end.is_proxy,
    })
}
