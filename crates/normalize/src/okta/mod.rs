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
#[cfg(test)]
mod tests;
mod types;

use memchr::memmem;
use pushback_model::{Factor, Source, Timestamp};

use crate::json::{Cursor, Fault};
use crate::{Mapping, Read, Reject, Sink};
use fields::Fields;
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

/// The needles of the prefilter, prepared once.
#[derive(Clone, Debug)]
pub(crate) struct Prefilter {
    key: memmem::Finder<'static>,
    escape: memmem::Finder<'static>,
}

impl Default for Prefilter {
    fn default() -> Self {
        Self { key: memmem::Finder::new(KEY), escape: memmem::Finder::new(br"\u") }
    }
}

impl Prefilter {
    /// Whether a glance shows that [`read`] would ignore this line.
    ///
    // SECURITY: a line may be skipped only if no reading of it could give an event. Text that could
    // spell the key by escapes, an event type quoted inside a string, a second event type anywhere:
    // each of them sends the line to the reader. Guarded by
    // `the_prefilter_never_skips_a_line_that_holds_an_event`.
    pub(crate) fn is_ignorable(&self, line: &[u8], mapping: &Mapping) -> bool {
        if !begins_like_an_event(line) {
            return false;
        }
        let mut found = false;
        for at in self.key.find_iter(line) {
            let Some((before, rest)) = line.split_at_checked(at) else { return false };
            let Some(value) = rest.get(KEY.len()..).and_then(value_after_key) else { return false };
            let is_key = before.last() == Some(&b'"');
            if !is_key || meaning_of(value, mapping) != Some(Meaning::Nothing) {
                return false;
            }
            found = true;
        }
        found && self.escape.find(line).is_none()
    }
}

/// Whether the first member is one that Okta's events have at their top level: then the line is one
/// event and not a wrapper that could hold a second one, of another vendor.
fn begins_like_an_event(line: &[u8]) -> bool {
    const FIRST: &[&[u8]] = &[
        b"actor\"",
        b"uuid\"",
        b"published\"",
        b"eventType\"",
        b"client\"",
        b"device\"",
        b"authenticationContext\"",
        b"displayMessage\"",
        b"outcome\"",
        b"securityContext\"",
        b"severity\"",
        b"debugContext\"",
        b"legacyEventType\"",
        b"transaction\"",
        b"request\"",
        b"target\"",
    ];
    let Some(rest) = line.trim_ascii_start().strip_prefix(b"{") else { return false };
    let Some(rest) = rest.trim_ascii_start().strip_prefix(b"\"") else { return false };
    FIRST.iter().any(|key| rest.starts_with(key))
}

/// The string after `eventType`, if what follows is `" : "value"`.
fn value_after_key(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.strip_prefix(b"\"")?.trim_ascii_start();
    let rest = rest.strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    // Longer than any name; a longer text is left to the reader.
    let end = rest.iter().take(100).position(|byte| *byte == b'"')?;
    rest.get(..end).filter(|value| !value.contains(&b'\\'))
}
