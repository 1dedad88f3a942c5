//! Records inside records: what collectors wrap around a vendor's event, and lines that are not JSON.

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::json::{Cursor, Fault};
use crate::{
    Hint, Mapping, Read, Reader, Reject, Sink, auth0, aws, duo, entra, google, keycloak, m365,
    onelogin, ping, pushback, rejection, windows,
};

/// How many wrappers around one event are taken off. Real chains have two or three.
pub(crate) const LAYERS_MAX: usize = 8;

/// Members that hold records: of vendors' answers and hooks, of EventBridge, Splunk, Elastic,
/// Microsoft 365 exports and container logs.
pub(crate) const HOLDERS: &[&[u8]] = &[
    b"detail",
    b"data",
    b"records",
    b"Records",
    b"value",
    b"events",
    b"response",
    b"authlogs",
    b"items",
    b"activities",
    b"entries",
    b"_embedded",
    b"logs",
    b"AuditData",
    b"_raw",
    b"raw",
    b"event",
    b"result",
    b"results",
    b"hits",
    b"_source",
    b"original",
    b"message",
    b"payload",
    b"body",
    b"record",
    b"log",
];

type ReadValue = fn(&Value, &[u8], &Mapping, &mut Sink<'_>) -> Result<Read, Reject>;
type Recognises = fn(&Value) -> bool;

/// The reader of a record that is read as a tree, if it is one of a supported vendor.
pub(crate) fn reader_of(value: &Value) -> Option<ReadValue> {
    const READERS: &[(Recognises, ReadValue)] = &[
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
        (pushback::recognises, pushback::read),
    ];
    READERS.iter().find(|(recognises, _)| recognises(value)).map(|(_, read)| *read)
}

/// Whether a line that is not JSON is one of a supported vendor's.
pub(crate) fn recognises_text(text: &str) -> bool {
    keycloak::recognises_text(text) || windows::recognises_text(text) || ping::recognises_text(text)
}

/// Reads a line that is not JSON, if it is one of a supported vendor's.
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

/// The objects of a text that is nothing but objects, one after the other, with or without a comma
/// between them. Ends early where something else stands.
pub(crate) fn objects(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (object, after) = first_object(rest)?;
        rest = after;
        Some(object)
    })
}

/// Whether a text is several objects and nothing else. Each of them is checked throughout: the pieces of
/// a broken record are no records.
pub(crate) fn are_objects(text: &str) -> bool {
    let (mut rest, mut count) = (text, 0_usize);
    while let Some((_, after)) = first_object(rest) {
        (rest, count) = (after, count + 1);
    }
    count > 1 && rest.trim_ascii().is_empty()
}

/// The object that a text begins with, and what follows it and its comma.
fn first_object(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_ascii_start();
    if !text.starts_with('{') {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    let (object, after) = text.split_at_checked(values.byte_offset())?;
    let after = after.trim_ascii_start();
    Some((object, after.strip_prefix(',').unwrap_or(after)))
}

/// What several records inside one come to.
#[derive(Default)]
pub(crate) struct Sum {
    events: u32,
    ignored: Option<Read>,
    unknown: Option<Read>,
    reject: Option<Reject>,
}

impl Sum {
    pub(crate) fn add(&mut self, read: Result<Read, Reject>) {
        match read {
            Ok(Read::Events(n)) => {
                self.events = self.events.saturating_add(n);
                self.ignored.get_or_insert(Read::Events(0));
            }
            Ok(ignored @ Read::Ignored(_)) => self.ignored = Some(ignored),
            Ok(unknown @ Read::Unknown(..)) => _ = self.unknown.get_or_insert(unknown),
            Err(reject) => _ = self.reject.get_or_insert(reject),
        }
    }

    pub(crate) fn into_read(self) -> Result<Read, Reject> {
        match (self.reject, self.events) {
            (Some(reject), _) => Err(reject),
            (None, n @ 1..) => Ok(Read::Events(n)),
            (None, 0) => self.unknown.or(self.ignored).ok_or(Reject::Unrecognised),
        }
    }
}

impl Reader {
    /// Reads each object of a text that [`are_objects`].
    pub(crate) fn read_objects(
        &self,
        text: &str,
        hint: &mut Hint,
        sink: &mut Sink<'_>,
        layers: usize,
    ) -> Result<Read, Reject> {
        let mut sum = Sum::default();
        for object in objects(text) {
            sum.add(self.read_within(object, hint, sink, layers));
        }
        sum.into_read()
    }

    /// Reads what an array or a wrapping object holds.
    pub(crate) fn read_wrapped(
        &self,
        record: &str,
        hint: &mut Hint,
        sink: &mut Sink<'_>,
        layers: usize,
    ) -> Result<Read, Reject> {
        let Some(layers) = layers.checked_sub(1) else { return Err(Reject::Unrecognised) };
        let mut cursor = Cursor::new(record);
        let walked = match cursor.peek() {
            Ok(b'[') => self.read_elements(&mut cursor, hint, sink, layers),
            _ => self.read_holders(&mut cursor, hint, sink, layers),
        };
        match walked.and_then(|read| cursor.end().map(|()| read)) {
            Ok(read) => read,
            Err(fault) => Err(rejection(record, fault)),
        }
    }

    fn read_elements(
        &self,
        cursor: &mut Cursor<'_>,
        hint: &mut Hint,
        sink: &mut Sink<'_>,
        layers: usize,
    ) -> Result<Result<Read, Reject>, Fault> {
        let mut sum = Sum::default();
        let mut is_empty = true;
        cursor.array(|cursor| {
            is_empty = false;
            sum.add(self.read_inner(cursor, hint, sink, layers)?);
            Ok(())
        })?;
        Ok(if is_empty { Ok(Read::Events(0)) } else { sum.into_read() })
    }

    /// Reads the members that may hold records. What holds none is no failure, as long as one does.
    fn read_holders(
        &self,
        cursor: &mut Cursor<'_>,
        hint: &mut Hint,
        sink: &mut Sink<'_>,
        layers: usize,
    ) -> Result<Result<Read, Reject>, Fault> {
        let mut sum = Sum::default();
        cursor.object(|key, cursor| {
            if !HOLDERS.contains(&key) {
                return cursor.skip();
            }
            match self.read_inner(cursor, hint, sink, layers)? {
                Err(Reject::Unrecognised) => {}
                read => sum.add(read),
            }
            Ok(())
        })?;
        Ok(sum.into_read())
    }

    fn read_inner(
        &self,
        cursor: &mut Cursor<'_>,
        hint: &mut Hint,
        sink: &mut Sink<'_>,
        layers: usize,
    ) -> Result<Result<Read, Reject>, Fault> {
        match cursor.peek()? {
            b'{' | b'[' => Ok(self.read_within(cursor.slice()?, hint, sink, layers)),
            b'"' => {
                let text = cursor.scalar()?.text()?;
                let inner = text.trim_ascii_start();
                // Prose in a member that could have held a record is not a broken record.
                if inner.starts_with(['{', '[']) || recognises_text(inner) {
                    return Ok(self.read_within(inner, hint, sink, layers));
                }
                Ok(Err(Reject::Unrecognised))
            }
            _ => cursor.skip().map(|()| Err(Reject::Unrecognised)),
        }
    }
}
