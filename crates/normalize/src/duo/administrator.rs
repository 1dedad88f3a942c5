//! Placeholder.
use serde_json::Value;

use crate::{Mapping, Read, Reject, Sink};

/// Whether this is one of this vendor's records.
pub(crate) fn recognises(_value: &Value) -> bool {
    false
}

/// Reads one recognised record.
pub(crate) fn read(
    _value: &Value,
    _bytes: &[u8],
    _mapping: &Mapping,
    _sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    Err(Reject::Unrecognised)
}
