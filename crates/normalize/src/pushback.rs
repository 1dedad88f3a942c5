//! Pushback's own audit trail, as `pushback audit export` writes it: one entry a line, the identity
//! event in the member `event` where it is about a sign-in.
//!
//! ```json
//! {"format":"pushback.audit/1","id":"alice@example.org/3/a0","subscriber":"alice@example.org",
//!  "at":"2026-03-02T08:11:09.437Z","event":{"kind":"prompt_sent","factor":"push","app":"Wiki",
//!  "attempt":"atm_1","requester":{"ip":"203.0.113.7","country":"FR"}}}
//! ```

use pushback_model::{Endpoint, EventKind, Factor, IdentityEvent, Party, Source};
use serde::Deserialize as _;
use serde_json::Value;

use crate::value::{at, coordinates, get, ip_of, is_true, time};
use crate::{Mapping, Read, Reject, Sink};

const VENDOR: Source = Source::Pushback;
const FORMAT: &str = "pushback.audit/";

/// Whether this is an entry of our own trail.
pub(crate) fn recognises(value: &Value) -> bool {
    value.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with(FORMAT))
}

/// Reads one recognised entry.
pub(crate) fn read(
    value: &Value,
    _bytes: &[u8],
    _mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    let event = get(value, &["event"]);
    if event.is_null() {
        return Ok(Read::Ignored(VENDOR));
    }
    let occurred_at = time(value, &[&["at"]], VENDOR, "at")?
        .ok_or(Reject::Incomplete { vendor: VENDOR, missing: "at" })?;
    let native = at(event, &["kind"]);
    // A later release may know more kinds than this one.
    let Ok(kind) = EventKind::deserialize(get(event, &["kind"])) else {
        return Ok(Read::Unknown(VENDOR, native.into_owned()));
    };
    let mut read = IdentityEvent::new(VENDOR, kind, occurred_at);
    read.id = at(value, &["id"]);
    read.logged_at = time(value, &[&["node_at"]], VENDOR, "node_at")?;
    let name = at(value, &["subscriber"]);
    read.subscriber = Party { id: name.clone(), name, ..Party::default() };
    let actor = at(event, &["actor"]);
    read.actor = (!actor.is_empty()).then(|| Party { id: actor, ..Party::default() });
    read.factor = Factor::deserialize(get(event, &["factor"])).unwrap_or(Factor::Unknown);
    read.requester = endpoint(get(event, &["requester"]));
    let responder = get(event, &["responder"]);
    read.responder = (!responder.is_null()).then(|| endpoint(responder));
    read.app = at(event, &["app"]);
    read.transaction = at(event, &["attempt"]);
    read.native = native;
    if read.id.is_empty() || read.subscriber.is_empty() {
        return Err(Reject::Incomplete { vendor: VENDOR, missing: "id or subscriber" });
    }
    sink(&read);
    Ok(Read::Events(1))
}

fn endpoint(value: &Value) -> Endpoint<'_> {
    let mut end = Endpoint {
        ip: ip_of(at(value, &["ip"])),
        asn: get(value, &["asn"]).as_u64().and_then(|asn| u32::try_from(asn).ok()).unwrap_or(0),
        as_name: at(value, &["as_name"]),
        country: at(value, &["country"]),
        city: at(value, &["city"]),
        coordinates: coordinates(get(value, &["latitude"]), get(value, &["longitude"])),
        device: at(value, &["device"]),
        is_proxy: is_true(get(value, &["is_proxy"])),
        ..Endpoint::default()
    };
    end.agent.browser = at(value, &["browser"]);
    end.agent.os = at(value, &["system"]);
    end
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixture;

    fn entry() -> Value {
        json!({
            "format": "pushback.audit/1", "id": "alice@example.org/3/a0",
            "subscriber": "alice@example.org", "at": "2026-03-02T08:11:09.437Z",
            "node_at": "2026-03-02T08:11:09.437Z", "by": "stranger",
            "event": {
                "kind": "prompt_sent", "factor": "push", "app": "Wiki", "attempt": "atm_1",
                "actor": null,
                "requester": {
                    "ip": "203.0.113.7", "asn": 64_500, "as_name": "Example Net", "country": "FR",
                    "latitude": 48.8, "longitude": 2.3, "browser": "Firefox", "is_proxy": false,
                },
            },
        })
    }

    #[test]
    fn a_ring_is_a_prompt_that_was_sent() {
        let (read, events) = fixture::events(read, &Mapping::default(), &entry());
        assert_eq!(read, Ok(Read::Events(1)));
        let event = &events[0];
        assert_eq!((event.source, event.kind), (Source::Pushback, EventKind::PromptSent));
        assert_eq!((event.factor, &*event.app), (Factor::Push, "Wiki"));
        assert_eq!((&*event.requester.ip, event.requester.asn), ("203.0.113.7", 64_500));
        assert_eq!(event.subscriber.id, "alice@example.org");
        assert!(event.responder.is_none() && event.actor.is_none());
    }

    #[test]
    fn house_keeping_says_nothing_about_signing_in() {
        let mut entry = entry();
        entry.as_object_mut().unwrap().remove("event");
        let (read, events) = fixture::events(read, &Mapping::default(), &entry);
        assert_eq!((read, events.len()), (Ok(Read::Ignored(Source::Pushback)), 0));
    }

    #[test]
    fn a_kind_of_a_later_release_is_counted_by_its_name() {
        let mut entry = entry();
        entry["event"]["kind"] = "prompt_sung".into();
        let (read, _) = fixture::events(read, &Mapping::default(), &entry);
        assert_eq!(read, Ok(Read::Unknown(Source::Pushback, "prompt_sung".to_owned())));
    }
}
