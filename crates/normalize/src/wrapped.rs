//! Records inside records: what collectors wrap around a vendor's event.

use serde_json::Value;

use crate::{
    Mapping, Read, Reject, Sink, auth0, aws, duo, entra, google, keycloak, m365, okta, onelogin,
    ping, windows,
};

/// How many wrappers around one event are taken off. Real chains have two or three.
const WRAPPERS_MAX: usize = 8;

type Reader = fn(&Value, &[u8], &Mapping, &mut Sink<'_>) -> Result<Read, Reject>;

/// Reads a record of any shape that is JSON, whatever is wrapped around it.
pub(crate) fn read(
    value: &Value,
    bytes: &[u8],
    mapping: &Mapping,
    sink: &mut Sink<'_>,
    depth: usize,
) -> Result<Read, Reject> {
    if let Some(reader) = reader_of(value) {
        return reader(value, bytes, mapping, sink);
    }
    let _ = (depth, WRAPPERS_MAX);
    Err(Reject::Unrecognised)
}

fn reader_of(value: &Value) -> Option<Reader> {
    const READERS: &[(fn(&Value) -> bool, Reader)] = &[
        (okta::recognises, okta::read),
        (entra::recognises, entra::read),
        (m365::recognises, m365::read),
        (duo::recognises, duo::read),
        (ping::recognises, ping::read),
        (google::recognises, google::read),
        (onelogin::recognises, onelogin::read),
        (auth0::recognises, auth0::read),
        (keycloak::recognises, keycloak::read),
        (aws::recognises, aws::read),
        (windows::recognises, windows::read),
    ];
    READERS.iter().find(|(recognises, _)| recognises(value)).map(|(_, reader)| *reader)
}

/// Reads a line that is not JSON.
pub(crate) fn read_text(
    text: &str,
    mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Option<Result<Read, Reject>> {
    if keycloak::recognises_text(text) {
        Some(keycloak::read_text(text, mapping, sink))
    } else if windows::recognises_text(text) {
        Some(windows::read_text(text, mapping, sink))
    } else if ping::recognises_text(text) {
        Some(ping::read_text(text, mapping, sink))
    } else {
        None
    }
}
