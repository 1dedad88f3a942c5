//! Ping Identity: PingID (classic), PingOne and PingFederate.

mod pingfederate;
mod pingid;
mod pingone;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::{Mapping, Read, Reject, Sink};

/// Whether this is one of this vendor's records.
pub(crate) fn recognises(value: &Value) -> bool {
    pingid::recognises(value) || pingone::recognises(value) || pingfederate::recognises(value)
}

/// Reads one recognised record.
pub(crate) fn read(
    value: &Value,
    _bytes: &[u8],
    mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    if pingid::recognises(value) {
        pingid::read(value, mapping, sink)
    } else if pingone::recognises(value) {
        pingone::read(value, mapping, sink)
    } else {
        pingfederate::read(value, mapping, sink)
    }
}

/// Whether this line, which is not JSON, is one of this vendor's records.
pub(crate) fn recognises_text(text: &str) -> bool {
    pingfederate::recognises_text(text)
}

/// Reads one recognised record that is not JSON.
pub(crate) fn read_text(
    text: &str,
    mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    pingfederate::read_text(text, mapping, sink)
}
