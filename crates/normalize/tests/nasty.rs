//! Records made to hurt a reader. Each costs at most itself; none hides another.
//!
//! The files in `nasty/` are also seeds of the fuzz targets. What a file is about is in its name;
//! what must become of it is in the tables below. A new finding of a fuzz target becomes a file.

#![expect(clippy::expect_used, reason = "a test that cannot read its records should fail")]

use std::collections::BTreeMap;
use std::path::Path;

use pushback_model::{EventKind, IdentityEvent};
use pushback_normalize::{DEPTH_MAX, Hint, RECORD_BYTES_MAX, Read, Reader, Reject};

/// Files that hold one event all the same: a reader that gave up on them would let an attacker hide
/// a prompt behind a user agent or a name of his own making.
const READ: &[(&str, EventKind)] = &[
    ("plain.json", EventKind::PromptDenied),
    ("escaped_keys.json", EventKind::PromptDenied),
    ("escaped_values.json", EventKind::PromptDenied),
    ("escaped_solidus.json", EventKind::PromptDenied),
    ("lone_surrogate.json", EventKind::PromptDenied),
    ("lone_trailing_surrogate.json", EventKind::PromptDenied),
    ("surrogate_pair_in_login.json", EventKind::PromptDenied),
    ("nul_escape.json", EventKind::PromptDenied),
    ("ansi_escapes.json", EventKind::PromptDenied),
    ("bidi_override.json", EventKind::PromptDenied),
    ("markup.json", EventKind::PromptDenied),
    ("formula.json", EventKind::PromptDenied),
    ("addresses_that_are_none.json", EventKind::PromptDenied),
    ("case_that_grows.json", EventKind::PromptDenied),
    ("carriage_return.json", EventKind::PromptDenied),
    ("sign_on.json", EventKind::SessionUsed),
    ("sign_on_with_a_denial_at_its_end.json", EventKind::PromptDenied),
    ("sign_on_with_a_denial_behind_escapes.json", EventKind::PromptDenied),
    ("sign_on_with_forged_members.json", EventKind::SessionUsed),
];

/// Files that are not well-formed. A reader steps over what it does not need, so it may still read
/// what it does; `--strict` must name them.
const MALFORMED: &[&str] = &[
    "not_utf8.json",
    "overlong_utf8.json",
    "nul_byte.json",
    "control_byte.json",
    "cut_off.json",
    "cut_off_in_an_escape.json",
    "trailing_comma.json",
    "broken_where_another_vendor_looks.json",
    "broken_and_too_deep_by_turns.json",
    "comment.json",
    "nan.json",
];

/// Files that hold no event and must say why.
const REFUSED: &[&str] = &[
    "cut_off.json",
    "cut_off_in_an_escape.json",
    "nan.json",
    "null.json",
    "bare_string.json",
    "empty_object.json",
    "time_is_an_object.json",
    "time_past_the_calendar.json",
    "element_without_end.xml",
];

fn files() -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nasty");
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the folder is beside this file") {
        let entry = entry.expect("readable");
        let name = entry.file_name().into_string().expect("plain names");
        files.insert(name, std::fs::read(entry.path()).expect("readable"));
    }
    files
}

type Seen = (Result<Read, Reject>, Vec<IdentityEvent<'static>>);

fn read_after(first: &[u8], record: &[u8]) -> Seen {
    let reader = Reader::default();
    let mut hint = Hint::default();
    let _ = reader.read(first, &mut hint, &mut |_| {});
    let mut events = Vec::new();
    let read = reader.read(record, &mut hint, &mut |event| events.push(event.clone().into_owned()));
    (read, events)
}

fn read(record: &[u8]) -> Seen {
    read_after(b"", record)
}

/// One Okta record with this user agent, JSON-escaped as given.
fn okta(agent: &str) -> String {
    let plain = String::from_utf8(files().remove("plain.json").expect("there")).expect("text");
    plain.replace("Mozilla/5.0", agent)
}

#[test]
fn an_event_is_read_whatever_its_owner_or_attacker_wrote_into_it() {
    let files = files();
    for (name, kind) in READ {
        let (read, events) = read(&files[*name]);
        assert_eq!(read, Ok(Read::Events(1)), "{name}");
        assert_eq!(events[0].kind, *kind, "{name}");
    }
}

#[test]
fn a_record_that_cannot_be_read_says_why_and_hands_over_nothing() {
    let files = files();
    for name in REFUSED {
        let (read, events) = read(&files[*name]);
        let reason = read.expect_err(name).to_string();
        assert!(!reason.is_empty() && events.is_empty(), "{name}");
        assert!(!reason.chars().any(char::is_control), "{name}: {reason:?}");
    }
}

#[test]
fn two_records_in_a_line_are_both_read() {
    let record = &files()["two_records.json"];
    let (read, events) = read(record);
    assert_eq!((read, events.len()), (Ok(Read::Events(2)), 2));
    assert_eq!(Reader::default().check(record), Ok(()));
}

#[test]
fn a_malformed_record_is_named_by_a_strict_check() {
    let reader = Reader::default();
    let files = files();
    for name in MALFORMED {
        assert!(reader.check(&files[*name]).is_err(), "{name}");
    }
    for (name, _) in READ {
        assert_eq!(reader.check(&files[*name]), Ok(()), "{name}");
    }
}

#[test]
fn what_was_read_before_does_not_change_what_is_read() {
    let files = files();
    for (name, record) in &files {
        let alone = read(record);
        for first in files.values() {
            assert_eq!(alone, read_after(first, record), "{name}");
        }
    }
}

#[test]
fn no_event_hides_in_a_line_that_is_skipped_at_a_glance() {
    let reader = Reader::default();
    for (name, record) in files() {
        if reader.is_ignorable(&record).is_some() {
            assert_eq!(read(&record).1, [], "{name}");
        }
    }
}

#[test]
fn no_event_hides_in_a_sign_on_that_gets_half_a_reading() {
    let reader = Reader::default();
    let mut at_a_glance = Vec::new();
    for (name, record) in files() {
        let mut gist = Vec::new();
        let seen = reader.glance(&record, &mut |event| gist.push(event.kind));
        if matches!(seen, Some(Read::Events(_))) {
            let full: Vec<_> = read(&record).1.iter().map(|event| event.kind).collect();
            assert_eq!(gist, full, "{name}");
            at_a_glance.push(name);
        }
    }
    assert_eq!(at_a_glance, ["sign_on.json"]);
}

#[test]
fn of_a_member_that_comes_twice_the_last_one_counts() {
    let files = files();
    let (_, events) = read(&files["duplicate_event_type.json"]);
    assert_eq!(events[0].kind, EventKind::PromptDenied);
    let (_, events) = read(&files["duplicate_event_type_last_harmless.json"]);
    assert!(events.iter().all(|event| event.kind != EventKind::PromptDenied));
    let (_, events) = read(&files["duplicate_outcome.json"]);
    assert_eq!(events[0].kind, EventKind::PromptApproved);
}

#[test]
fn a_time_no_calendar_has_is_refused_rather_than_guessed() {
    let files = files();
    for name in [
        "huge_integer.json",
        "huge_exponent.json",
        "huge_negative.json",
        "beyond_the_calendar.json",
    ] {
        let (read, events) = read(&files[name]);
        assert!(read.is_err() && events.is_empty(), "{name}: {read:?}");
    }
}

#[test]
fn nesting_ends_at_the_limit_whatever_kind_it_is() {
    for (open, close) in
        [("[", "]"), (r#"{"x":"#, "}"), (r#"{"event":"#, "}"), (r#"{"events":["#, "]}")]
    {
        for depth in [DEPTH_MAX + 1, 100_000] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert!(read(deep.as_bytes()).0.is_err(), "{open} {depth}");
            let unclosed = open.repeat(depth);
            assert!(read(unclosed.as_bytes()).0.is_err(), "{open} {depth}");
            let inside = okta("x").replacen('{', &format!(r#"{{"deep":{deep},"#), 1);
            assert_eq!(read(inside.as_bytes()).0, Err(Reject::TooDeep), "{open} {depth}");
        }
    }
}

#[test]
fn a_text_of_a_mebibyte_is_carried_or_refused_but_never_multiplied() {
    let agent = "A".repeat(1 << 20);
    let (read, events) = read(okta(&agent).as_bytes());
    assert_eq!(read, Ok(Read::Events(1)));
    assert!(events[0].requester.agent.raw.len() <= agent.len());
}

#[test]
fn a_record_past_the_limit_is_refused_unread() {
    let record = okta(&"A".repeat(RECORD_BYTES_MAX));
    assert_eq!(read(record.as_bytes()), (Err(Reject::TooLong), Vec::new()));
}

#[test]
fn a_reason_quotes_little_of_a_long_record() {
    let broken = okta(&"A".repeat(1 << 20)).replace("\"uuid\"", "uuid");
    let reason = read(broken.as_bytes()).0.expect_err("broken").to_string();
    assert!(reason.len() < 300, "{} bytes", reason.len());
    let vendor_word = okta("x").replace("user.authentication.auth_via_mfa", &"z".repeat(1 << 20));
    if let Ok(Read::Unknown(_, word)) = read(vendor_word.as_bytes()).0 {
        assert!(word.len() < 300, "{} bytes", word.len());
    }
}

#[test]
fn every_file_says_what_it_is_about() {
    for (name, record) in files() {
        assert!(!record.is_empty(), "{name}");
        assert!(record.len() < 4_096, "{name}: longer records are made by the tests");
    }
}
