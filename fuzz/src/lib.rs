//! What must hold for any bytes that claim to be a log record.
//!
//! One target a vendor: bytes alone hardly ever grow into a record that a reader accepts, so a
//! target also splices them into a record that already is one.

pub mod skeleton;

use pushback_detect::{Intake, Position, Record};
use pushback_model::{IdentityEvent, Source};
use pushback_normalize::{Hint, Read, Reader, Reject};

/// Reads the bytes as they are, or, if they start with a byte below 32 that JSON does not, spliced
/// into the skeleton which that byte chooses.
pub fn vendor(skeletons: &[(&str, &str)], bytes: &[u8]) {
    let spliced = match bytes.split_first() {
        Some((choice, rest)) if *choice < 9 => skeletons
            .get(usize::from(*choice) % skeletons.len().max(1))
            .map(|(before, after)| [before.as_bytes(), rest, after.as_bytes()].concat()),
        _ => None,
    };
    record(spliced.as_deref().unwrap_or(bytes));
}

/// Reads one record twice and checks what must hold for any.
pub fn record(bytes: &[u8]) {
    let reader = Reader::default();
    let (read, events) = read_with(&reader, bytes, &mut Hint::default());

    // What a thread read before must not change what it reads next.
    for (first, _) in skeleton::FIRST {
        let mut hint = Hint::default();
        let _ = read_with(&reader, first.as_bytes(), &mut hint);
        let again = read_with(&reader, bytes, &mut hint);
        assert_eq!((&read, &events), (&again.0, &again.1), "the hint changed the answer");
    }

    match &read {
        Ok(Read::Events(count)) => {
            assert_eq!(*count as usize, events.len(), "the count is not what was handed over");
            assert!(events.iter().all(|(event, _)| !event.id.is_empty()), "an event without id");
        }
        Ok(Read::Ignored(_) | Read::Unknown(..)) => {
            assert!(events.is_empty(), "events of a record that was not read");
        }
        Err(_) => {}
    }

    // A line skipped at a glance must hold nothing: or a storm could hide in it.
    let line = bytes.iter().position(|b| *b == b'\n').map_or(bytes, |end| &bytes[..end]);
    if reader.is_ignorable(line).is_some() {
        let (_, hidden) = read_with(&reader, line, &mut Hint::default());
        assert!(hidden.is_empty(), "a skipped line holds {hidden:?}");
    }
}

type Seen = (IdentityEvent<'static>, Record);

fn read_with(reader: &Reader, bytes: &[u8], hint: &mut Hint) -> (Result<Read, Reject>, Vec<Seen>) {
    let mut intake = Intake::default();
    let mut events = Vec::new();
    let read = reader.read(bytes, hint, &mut |event| {
        let record = intake.take(event, Position::default());
        assert_eq!(
            Record::from_bytes(&record.to_bytes()),
            Some(record),
            "a record changed on disk"
        );
        events.push((event.clone().into_owned(), record));
    });
    (read, events)
}

/// The vendor of the first event, if any.
#[must_use]
pub fn source_of(bytes: &[u8]) -> Option<Source> {
    let (_, events) = read_with(&Reader::default(), bytes, &mut Hint::default());
    events.first().map(|(event, _)| event.source)
}
