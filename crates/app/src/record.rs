//! One line of the audit trail: what the rules wrote down, and the identity event that the detection
//! engine reads, in one JSON object. `pushback scan` reads these lines like any vendor's log.

use std::borrow::Cow;

use pushback_model::{Endpoint, EventKind, Factor, IdentityEvent, Timestamp};
use pushback_store::AuditEntry as Stored;
use pushback_verify::{Actor, Attempt, AuditEntry, Decision, Happened, SubscriberId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::AppError;
use crate::edges::Entropy;
use crate::encoding::to_base64url;

/// The name of the format, in the member `format` of every line.
pub const EVENT_FORMAT: &str = "pushback.audit/1";

/// The subject of what was asked about a name that nobody has.
pub(crate) const NOBODY: &str = "nobody";
/// The kind of such an entry.
pub(crate) const ASKED_FOR_NOBODY: &str = "asked_for_nobody";

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
    entropy: &dyn Entropy,
) -> Result<Vec<Stored>, AppError> {
    let line = |entry| line(who, entry, &decision.events, beside, &salt(entropy));
    decision.audit.iter().map(line).collect()
}

/// What makes an entry's hash say nothing about the entry.
// SECURITY: relying parties are told the hashes of entries about their attempts. The evidence, the place
// of the phone and whether the name is anybody's are few enough to be tried one after the other. Guarded
// by `the_hash_of_an_entry_cannot_be_guessed`.
fn salt(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    to_base64url(&bytes)
}

/// Whether an entry has that: those of earlier versions have not.
pub(crate) fn is_salted(body: &Value) -> bool {
    body.get("salt").is_some_and(Value::is_string)
}

/// The line of an attempt for a name that nobody has. The name is not kept: people type passwords
/// into the wrong field.
pub(crate) fn asked_for_nobody(
    attempt: &Attempt,
    at: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Stored, AppError> {
    let body = json!({
        "format": EVENT_FORMAT,
        "at": at.to_string(),
        "details": {
            "what": ASKED_FOR_NOBODY,
            "attempt": attempt.id.as_str(),
            "relying_party": attempt.relying_party.as_str(),
            "ip": attempt.requester.ip,
        },
        "salt": salt(entropy),
    });
    let body = serde_json::to_vec(&body)?;
    Ok(Stored { at, kind: ASKED_FOR_NOBODY.to_owned(), subject: NOBODY.to_owned(), body })
}

/// A line as it is written. It is serialised as it stands here, without a tree of values in between.
#[derive(Serialize)]
struct Line<'l> {
    format: &'static str,
    id: &'l str,
    subscriber: &'l str,
    at: String,
    node_at: String,
    by: &'l Actor,
    details: &'l Happened,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Event<'l>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<&'l Value>,
    salt: &'l str,
}

/// The identity event of a line.
#[derive(Serialize)]
struct Event<'e> {
    kind: EventKind,
    factor: Factor,
    actor: Option<&'e str>,
    app: &'e str,
    attempt: &'e str,
    requester: End<'e>,
    responder: Option<End<'e>>,
}

/// Who asked or answered.
#[derive(Serialize)]
struct End<'e> {
    ip: &'e str,
    asn: u32,
    as_name: &'e str,
    country: &'e str,
    city: &'e str,
    latitude: Option<f64>,
    longitude: Option<f64>,
    browser: &'e str,
    system: &'e str,
    device: &'e str,
    is_proxy: bool,
}

/// The member that names what happened.
#[derive(Deserialize)]
struct Named<'n> {
    #[serde(borrow)]
    what: Cow<'n, str>,
}

fn line(
    who: &SubscriberId,
    entry: &AuditEntry,
    events: &[IdentityEvent<'_>],
    beside: &Beside,
    salt: &str,
) -> Result<Stored, AppError> {
    let details = serde_json::to_string(&entry.what)?;
    let kind = serde_json::from_str::<Named<'_>>(&details)?.what.into_owned();
    let event = events.iter().find(|event| event.id == entry.id.as_str());
    let body = serde_json::to_vec(&Line {
        format: EVENT_FORMAT,
        id: entry.id.as_str(),
        subscriber: who.as_str(),
        at: entry.at.to_string(),
        node_at: entry.node_at.to_string(),
        by: &entry.by,
        details: &entry.what,
        event: event.map(self::event),
        signed: beside.signed.as_ref(),
        salt,
    })?;
    Ok(Stored { at: entry.at, kind, subject: who.to_string(), body })
}

fn event<'e>(event: &'e IdentityEvent<'_>) -> Event<'e> {
    Event {
        kind: event.kind,
        factor: event.factor,
        actor: event.actor.as_ref().map(|actor| &*actor.id),
        app: &event.app,
        attempt: &event.transaction,
        requester: end(&event.requester),
        responder: event.responder.as_ref().map(end),
    }
}

fn end<'e>(end: &'e Endpoint<'_>) -> End<'e> {
    End {
        ip: &end.ip,
        asn: end.asn,
        as_name: &end.as_name,
        country: &end.country,
        city: &end.city,
        latitude: end.coordinates.map(|at| at.latitude),
        longitude: end.coordinates.map(|at| at.longitude),
        browser: &end.agent.browser,
        system: &end.agent.os,
        device: &end.device,
        is_proxy: end.is_proxy,
    }
}
