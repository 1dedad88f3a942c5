use pushback_model::EventKind::{self, *};
use pushback_model::IdentityEvent;

use super::{read_text, recognises_text};
use crate::{Mapping, Read, Reject};

fn xml(id: &str, target: &str, subject: &str, keywords: &str) -> String {
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>\
         <Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>{id}</EventID>\
         <Keywords>{keywords}</Keywords><TimeCreated SystemTime='2026-03-02T08:11:09.539610300Z'/>\
         <EventRecordID>281</EventRecordID><Computer>dc1.example.org</Computer></System><EventData>\
         <Data Name='TargetUserName'>{target}</Data><Data Name='TargetDomainName'>EXAMPLE</Data>\
         <Data Name='TargetSid'>S-1-5-21-1-2-3-1001</Data>\
         <Data Name='SubjectUserName'>{subject}</Data><Data Name='SubjectDomainName'>EXAMPLE</Data>\
         </EventData></Event>"
    )
}

const SUCCESS: &str = "0x8020000000000000";

fn one(text: &str) -> IdentityEvent<'static> {
    assert!(recognises_text(text));
    let mut found = Vec::new();
    let read =
        read_text(text, &Mapping::default(), &mut |event| found.push(event.clone().into_owned()));
    assert_eq!(read, Ok(Read::Events(1)));
    found.remove(0)
}

#[test]
fn every_event_has_its_meaning() {
    for (id, subject, expected) in [
        ("4723", "alice", PasswordChanged),
        ("4723", "help01", PasswordReset),
        ("4724", "help01", PasswordReset),
        ("4740", "DC1$", LockedOut),
        ("4767", "help01", Unlocked),
    ] {
        let kind: EventKind = one(&xml(id, "alice", subject, SUCCESS)).kind;
        assert_eq!(kind, expected, "{id} by {subject}");
    }
}

#[test]
fn a_reset_names_both() {
    let event = one(&xml("4724", "alice", "help01", SUCCESS));
    assert_eq!(event.subscriber.name, "EXAMPLE\\alice");
    assert_eq!(event.subscriber.id, "S-1-5-21-1-2-3-1001");
    assert_eq!(event.actor.unwrap().name, "EXAMPLE\\help01");
    assert_eq!(event.id, "dc1.example.org/281");
    assert_eq!(event.occurred_at.to_string(), "2026-03-02T08:11:09.539Z");
}

#[test]
fn events_on_one_line_are_read_one_by_one() {
    let reset = xml("4724", "alice", "help01", SUCCESS);
    let other = xml("4688", "alice", "help01", SUCCESS);
    let locked = xml("4740", "bob", "DC1$", SUCCESS);
    for line in [
        format!("{reset}{other}{locked}"),
        format!("{reset} {locked}\r\n"),
        format!("<Events>{reset}{locked}</Events>"),
    ] {
        assert!(recognises_text(&line));
        let mut found = Vec::new();
        let read = read_text(&line, &Mapping::default(), &mut |event| {
            found.push((event.kind, event.subscriber.name.clone().into_owned()));
        });
        assert_eq!(read, Ok(Read::Events(2)), "{line}");
        assert_eq!(
            found,
            [(PasswordReset, "EXAMPLE\\alice".to_owned()), (LockedOut, "bob".to_owned())]
        );
    }
    let broken = reset.replace("SystemTime", "Time");
    let read = read_text(&format!("{broken}{locked}"), &Mapping::default(), &mut |_| {});
    assert!(matches!(read, Err(Reject::Incomplete { .. })));
}

#[test]
fn a_lockout_tells_the_computer_that_guessed() {
    let event = one(&xml("4740", "alice", "DC1$", SUCCESS));
    assert_eq!((event.subscriber.name.as_ref(), event.actor), ("alice", None));
    assert_eq!(event.requester.device_name, "EXAMPLE");
}

#[test]
fn a_failed_attempt_is_ignored_and_another_event_is_told() {
    let failed = xml("4724", "alice", "help01", "0x8010000000000000");
    let read = read_text(&failed, &Mapping::default(), &mut |_| panic!("nothing happened"));
    assert!(matches!(read, Ok(Read::Ignored(_))));
    let other = xml("4688", "alice", "help01", SUCCESS);
    let read = read_text(&other, &Mapping::default(), &mut |_| panic!("not about accounts"));
    assert!(matches!(read, Ok(Read::Unknown(_, name)) if name == "4688"));
}

#[test]
fn broken_xml_is_incomplete_not_a_panic() {
    let whole = xml("4724", "alice", "help01", SUCCESS);
    for end in 0..whole.len() {
        let Some(text) = whole.get(..end) else { continue };
        if recognises_text(text) {
            let read = read_text(text, &Mapping::default(), &mut |_| {});
            assert!(!matches!(read, Err(Reject::Syntax(_))));
        }
    }
}

#[test]
fn names_are_unescaped_once() {
    let event = one(&xml("4724", "a&amp;lt;b", "help01", SUCCESS));
    assert_eq!(event.subscriber.name, "EXAMPLE\\a&lt;b");
}
