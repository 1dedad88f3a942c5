//! How tests read one record.

use pushback_model::{EventKind, IdentityEvent};
use serde_json::Value;

use crate::{Mapping, Read, Reject, Sink};

pub(crate) type Reader = fn(&Value, &[u8], &Mapping, &mut Sink<'_>) -> Result<Read, Reject>;

/// The events of a record, by a vendor's reader.
pub(crate) fn events(
    reader: Reader,
    mapping: &Mapping,
    value: &Value,
) -> (Result<Read, Reject>, Vec<IdentityEvent<'static>>) {
    let bytes = value.to_string();
    let mut events = Vec::new();
    let read = reader(value, bytes.as_bytes(), mapping, &mut |event| {
        events.push(event.clone().into_owned());
    });
    if let Ok(Read::Events(count)) = &read {
        assert_eq!(*count as usize, events.len(), "the count is what was handed over");
    }
    (read, events)
}

/// The one event of a record.
pub(crate) fn one(reader: Reader, value: &Value) -> IdentityEvent<'static> {
    let (read, mut events) = events(reader, &Mapping::default(), value);
    assert_eq!(read, Ok(Read::Events(1)), "{value}");
    events.remove(0)
}

/// The kinds of a record's events; empty if it was ignored. Panics where the type is unknown.
pub(crate) fn kinds(reader: Reader, value: &Value) -> Vec<EventKind> {
    let (read, events) = events(reader, &Mapping::default(), value);
    match read {
        Ok(Read::Unknown(_, name)) => panic!("unknown {name}: {value}"),
        Ok(_) => events.iter().map(|event| event.kind).collect(),
        Err(error) => panic!("{error}: {value}"),
    }
}
