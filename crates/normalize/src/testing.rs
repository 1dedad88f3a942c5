//! For tests: reads a record and keeps what came out.

use pushback_model::{EventKind, IdentityEvent};

use crate::{Hint, Mapping, Read, Reader, Reject};

/// What a record comes to, with whatever vendor is tried first.
pub(crate) fn read_all(record: &str) -> (Result<Read, Reject>, Vec<IdentityEvent<'static>>) {
    read_with(&Reader::new(Mapping::default()), record)
}

/// The same with a given reader. Fails if the order in which vendors are tried shows.
pub(crate) fn read_with(
    reader: &Reader,
    record: &str,
) -> (Result<Read, Reject>, Vec<IdentityEvent<'static>>) {
    let mut results = [crate::Fast::Okta, crate::Fast::Duo, crate::Fast::Entra].map(|first| {
        let mut events = Vec::new();
        let read = reader.read(record.as_bytes(), &mut Hint { first }, &mut |event| {
            events.push(event.clone().into_owned());
        });
        (read, events)
    });
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
    assert!(
        reader.is_ignorable(record.as_bytes()).is_none()
            || matches!(results[0].0, Ok(Read::Ignored(_))),
        "the prefilter skips a record that the reader does not ignore: {record}"
    );
    if let Some((read, gist)) = glance_with(reader, record) {
        let (full, events) = &results[0];
        let stripped: Vec<_> = events.iter().map(stripped).collect();
        assert_eq!((Ok(&read), &gist), (full.as_ref(), &stripped), "a glance misread {record}");
    }
    std::mem::replace(&mut results[0], (Ok(Read::Events(0)), Vec::new()))
}

/// What a glance gives, if it gives events.
pub(crate) fn glance_with(
    reader: &Reader,
    record: &str,
) -> Option<(Read, Vec<IdentityEvent<'static>>)> {
    let mut events = Vec::new();
    let read =
        reader.glance(record.as_bytes(), &mut |event| events.push(event.clone().into_owned()));
    read.filter(|read| matches!(read, Read::Events(_))).map(|read| (read, events))
}

/// An event without what a glance leaves out.
fn stripped(event: &IdentityEvent<'static>) -> IdentityEvent<'static> {
    IdentityEvent {
        app: "".into(),
        transaction: "".into(),
        risk: pushback_model::Risk::Unknown,
        ..event.clone()
    }
}

/// The kinds of the events in a record.
pub(crate) fn kinds(record: &str) -> Vec<EventKind> {
    read_all(record).1.iter().map(|event| event.kind).collect()
}

/// The only event in a record.
pub(crate) fn only(record: &str) -> IdentityEvent<'static> {
    let (read, mut events) = read_all(record);
    assert_eq!(read, Ok(Read::Events(1)), "{record}");
    events.remove(0)
}
