//! Okta System Log, Identity Engine and Classic.
//!
//! Reads one event as `/api/v1/logs` gives it:
//!
//! ```json
//! {"actor":{"id":"00u1","type":"User","alternateId":"alice@example.org"},
//!  "client":{"ipAddress":"203.0.113.7"},"eventType":"system.push.send_factor_verify_push",
//!  "outcome":{"result":"SUCCESS"},"published":"2026-01-31T09:30:00.000Z","uuid":"…"}
//! ```

mod event;
mod fields;
mod glance;
#[cfg(test)]
mod tests;
mod types;

use pushback_model::{Factor, Source, Timestamp};

use crate::json::{Cursor, Fault};
use crate::{Mapping, Read, Reject, Sink};
use fields::Fields;
pub(crate) use glance::Prefilter;
use types::Meaning;

const KEY: &[u8] = b"eventType";

/// Reads a record if it is one of Okta's; `Ok(None)` if it is not.
pub(crate) fn read(
    record: &str,
    mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Option<Result<Read, Reject>>, Fault> {
    let mut cursor = Cursor::new(record);
    let mut fields = Fields::default();
    fields.read(&mut cursor)?;
    cursor.end()?;
    let is_dated = !fields.published.is_empty() || !fields.result.is_empty();
    if fields.event_type.is_empty() || !is_dated || !fields.has_actor_or_uuid {
        return Ok(None);
    }
    let name = fields.event_type.text()?;
    let meaning = match meaning_of(name.as_bytes(), mapping) {
        Some(Meaning::Nothing) => return Ok(Some(Ok(Read::Ignored(Source::Okta)))),
        Some(meaning) => meaning,
        None => return Ok(Some(Ok(Read::Unknown(Source::Okta, name.into_owned())))),
    };
    let Ok(published) = Timestamp::parse(&fields.published.text()?) else {
        return Ok(Some(Err(Reject::Incomplete { vendor: Source::Okta, missing: "published" })));
    };
    let has_event = event::hand_over(&fields, meaning, name, published, sink)?;
    Ok(Some(Ok(if has_event { Read::Events(1) } else { Read::Ignored(Source::Okta) })))
}

fn meaning_of(event_type: &[u8], mapping: &Mapping) -> Option<Meaning> {
    if !mapping.okta.events.is_empty()
        && let Ok(name) = str::from_utf8(event_type)
        && let Some(kind) = mapping.okta.events.get(name)
    {
        return Some(if kind.is_lasting_change() {
            Meaning::Account(*kind, Factor::Unknown)
        } else {
            Meaning::SignIn(*kind, Factor::Unknown)
        });
    }
    types::meaning(event_type)
}
