//! What must hold for any bytes that claim to be a log record.
//!
//! One target a vendor: bytes alone hardly ever grow into a record that a reader accepts, so a
//! target also splices them into a record that already is one.

pub mod skeleton;

use std::borrow::Cow;

use pushback_detect::{Intake, Position, Record};
use pushback_model::{EventKind, IdentityEvent};
use pushback_normalize::{Hint, Read, Reader, Reject};

use crate::skeleton::Skeleton;

/// Reads the bytes as they are, or, if they start with a byte below 9 that no JSON starts with,
/// spliced into the skeleton which that byte chooses.
pub fn vendor(skeletons: &[Skeleton], bytes: &[u8]) {
    record(&spliced(skeletons, bytes));
}

fn spliced<'b>(skeletons: &[Skeleton], bytes: &'b [u8]) -> Cow<'b, [u8]> {
    match bytes.split_first() {
        Some((choice, rest)) if *choice < 9 && !skeletons.is_empty() => {
            let (before, after) = skeletons[usize::from(*choice) % skeletons.len()];
            Cow::Owned([before.as_bytes(), rest, after.as_bytes()].concat())
        }
        _ => Cow::Borrowed(bytes),
    }
}

/// Whether a member of the value is read as a document of its own: by what it is called, or because
/// its text begins like one.
fn holds_a_text_document(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.trim_start().starts_with(['{', '[']),
        serde_json::Value::Array(values) => values.iter().any(holds_a_text_document),
        serde_json::Value::Object(members) => members.iter().any(|(name, member)| {
            (member.is_string() && matches!(name.as_str(), "AuditData" | "message"))
                || holds_a_text_document(member)
        }),
        _ => false,
    }
}

/// Whether every number of the value is written in the record as `serde_json` writes it.
fn keeps_its_numbers(value: &serde_json::Value, record: &[u8]) -> bool {
    match value {
        serde_json::Value::Number(number) => {
            let text = number.to_string();
            record.windows(text.len()).any(|part| part == text.as_bytes())
        }
        serde_json::Value::Array(values) => values.iter().all(|v| keeps_its_numbers(v, record)),
        serde_json::Value::Object(members) => {
            members.values().all(|v| keeps_its_numbers(v, record))
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::String(_) => true,
    }
}

/// Reads a record, and the same record as `serde_json` understands and writes it: members in another
/// order, escapes resolved, of a member that comes twice the last. Both must give the same events.
///
/// The first byte chooses the vendor.
pub fn differential(bytes: &[u8]) {
    let Some((vendor, rest)) = bytes.split_first() else { return };
    let skeletons = skeleton::ALL[usize::from(*vendor) % skeleton::ALL.len()];
    let record = spliced(skeletons, rest);
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(&record) else { return };
    let Ok(rewritten) = serde_json::to_vec(&value) else { return };
    // A number that is written otherwise after its way through a double (`-0`, `1E5`, too many digits)
    // is not the same text any more, and ids are texts.
    if !keeps_its_numbers(&value, &record) {
        return;
    }
    let reader = Reader::default();
    assert_eq!(reader.check(&record), Ok(()), "strict reading refuses what is JSON");
    let (read, events) = read_with(&reader, &record, &mut Hint::default());
    // A text inside the record may be a document of its own, and a broken one.
    let is_nested = holds_a_text_document(&value);
    assert!(
        is_nested || !matches!(read, Err(Reject::Syntax(_) | Reject::Encoding)),
        "JSON that is called {read:?}"
    );
    let (again, same_events) = read_with(&reader, &rewritten, &mut Hint::default());
    assert_eq!((read, events), (again, same_events), "{}", String::from_utf8_lossy(&rewritten));
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
    // What a glance takes for a single sign-on must be one, or the refusal of one: nothing that is
    // asked, answered or changed.
    let mut count = 0;
    let seen = reader.glance(line, &mut |_| count += 1);
    if count > 0 {
        assert_eq!(seen, Some(Read::Events(count)), "the count is not what was handed over");
        let (_, full) = read_with(&reader, line, &mut Hint::default());
        let is_other = |kind| !matches!(kind, EventKind::SessionUsed | EventKind::PolicyRefused);
        let other: Vec<_> = full.iter().filter(|(event, _)| is_other(event.kind)).collect();
        assert!(other.is_empty(), "a glance at a line that holds {other:?}");
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
