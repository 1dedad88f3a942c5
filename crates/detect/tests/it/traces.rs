//! Small things that records say beside the place: where the phone was, what asked, by which clock.

use pushback_model::{Endpoint, EventKind, Factor, Incident, Source, Span, Stage};

use crate::log::{At, HOME, Log, NEIGHBOUR, STRANGER, at};

const ALICE: &str = "alice@example.org";
use EventKind::{
    FactorEnrolled, FactorRemoved, PromptApproved, PromptDenied, PromptTimedOut, SessionStarted,
    SessionUsed,
};

/// A machine of its own on another line of the owner's provider, with a copy of the owner's browser.
const NEXT_DOOR: At = At { ip: "198.51.100.77", device: "laptop-9", ..HOME };

/// The same line with what names no device.
const OUTLOOK: At =
    At { device: "", agent: "Microsoft Office/16.0 (Windows NT 10.0)", ..NEXT_DOOR };

fn of_alice(log: &Log) -> Vec<Incident> {
    log.detect().0.into_iter().filter(|incident| incident.subject.name == ALICE).collect()
}

fn has_term(incident: &Incident, kind: &str) -> bool {
    incident.evidence.iter().any(|e| e.kind == kind)
}

/// One miss, one yes, and an authenticator bound: the owner does so too, on a new laptop next door.
fn missed_then_bound(log: &mut Log, place: At, phone: Option<At>) {
    log.prompt(ALICE, place, at(11, 16, 24), PromptTimedOut, None);
    log.prompt(ALICE, place, at(11, 16, 26), PromptApproved, phone);
    log.event(ALICE, place, at(11, 16, 27), SessionStarted, "");
    log.event(ALICE, place, at(11, 16, 35), FactorEnrolled, "");
    log.event(ALICE, place, at(11, 16, 50), FactorRemoved, "");
}

#[test]
fn a_phone_at_home_does_not_answer_for_a_new_device_on_another_line() {
    let mut log = Log::with_habits(ALICE);
    missed_then_bound(&mut log, NEXT_DOOR, Some(HOME));
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(incidents[0].stage, Stage::Foothold);
    assert!(has_term(&incidents[0], "phone_at_home"), "{incidents:#?}");
    // Beside the new laptop it does.
    let mut log = Log::with_habits(ALICE);
    missed_then_bound(&mut log, NEXT_DOOR, Some(NEXT_DOOR));
    assert!(of_alice(&log).is_empty());
}

#[test]
fn a_prompt_beside_the_owners_own_tells_a_new_device_on_another_line() {
    let ring_twice = |device: &'static str| {
        let mut log = Log::with_habits(ALICE);
        log.sign_in(ALICE, HOME, at(11, 7, 52));
        let other = At { device, ..NEXT_DOOR };
        log.prompt(ALICE, other, at(11, 7, 52) + Span::seconds(4), PromptApproved, None);
        log.event(ALICE, other, at(11, 7, 53), SessionStarted, "");
        for minute in [58, 66] {
            log.event(ALICE, other, at(11, 7, minute), FactorEnrolled, "");
        }
        of_alice(&log)
    };
    let incidents = ring_twice("laptop-9");
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert!(has_term(&incidents[0], "beside_own_prompt"), "{incidents:#?}");
    assert!(ring_twice(HOME.device).is_empty(), "two lines of one laptop");
}

#[test]
fn a_script_that_nobody_used_before_is_no_browser_of_the_owners() {
    let ask = |agent: &'static str| {
        let mut log = Log::with_habits(ALICE);
        missed_then_bound(&mut log, At { agent, ..OUTLOOK }, None);
        of_alice(&log)
    };
    let incidents = ask("axios/1.7.2");
    assert!(has_term(&incidents[0], "scripted_client"), "{incidents:#?}");
    assert!(!has_term(&incidents[0], "mobile_browser"), "axios is no phone");
    let others = ask("Mozilla/5.0 (Windows NT 10.0) Firefox/128.0");
    assert!(others.iter().all(|incident| !has_term(incident, "scripted_client")), "{others:#?}");
    // Who works with such a library every day has it for a habit.
    let mut log = Log::default();
    let script = At { agent: "python-requests/2.32", device: "", ..HOME };
    log.habits(ALICE, script, 0..10);
    missed_then_bound(&mut log, At { ip: NEXT_DOOR.ip, ..script }, None);
    let incidents = of_alice(&log);
    assert!(incidents.iter().all(|i| !has_term(i, "scripted_client")), "{incidents:#?}");
}

#[test]
fn what_asks_by_the_clock_from_near_home_is_a_client_with_an_old_password() {
    let ask = |place: At, jitter: i64| {
        let mut log = Log::with_habits(ALICE);
        for n in 0..9 {
            let when = at(11, 8, 22) + Span::minutes(15 * n) + Span::seconds(n * jitter % 97);
            log.prompt(ALICE, place, when, PromptTimedOut, None);
        }
        of_alice(&log)
    };
    let incidents = ask(OUTLOOK, 1);
    assert!(incidents.is_empty(), "{incidents:#?}");
    // Somebody by hand, and somebody far away, are none.
    assert_eq!(ask(OUTLOOK, 41).len(), 1);
    assert_eq!(ask(At { agent: OUTLOOK.agent, ..STRANGER }, 1).len(), 1);
}

#[test]
fn the_machine_that_asked_in_vain_is_the_same_stranger_days_later() {
    let approve = |device: &'static str| {
        let mut log = Log::with_habits(ALICE);
        for (day, ip) in [(11, "198.51.100.71"), (12, "198.51.101.72"), (13, "198.51.102.73")] {
            let place = At { ip, device: "laptop-9", ..NEIGHBOUR };
            log.prompt(ALICE, place, at(day, 20, 0), PromptTimedOut, None);
        }
        let place = At { ip: "198.51.103.74", device, ..HOME };
        log.prompt(ALICE, place, at(18, 14, 8), PromptApproved, None);
        log.event(ALICE, place, at(18, 14, 9), SessionStarted, "");
        log.event(ALICE, place, at(18, 14, 20), FactorEnrolled, "");
        of_alice(&log)
    };
    let follows = |device| approve(device).iter().any(|i| has_term(i, "after_failures"));
    assert!(follows("laptop-9"));
    assert!(!follows("laptop-2"), "another machine, of unknown owner");
}

#[test]
fn of_a_prompt_without_an_address_the_hour_speaks() {
    let miss = |hour: i64| {
        let mut log = Log::with_habits(ALICE);
        let i = log.event(ALICE, HOME, at(11, hour, 40), PromptTimedOut, "");
        log.events[i].requester = Endpoint::default();
        log.events[i].factor = Factor::Push;
        of_alice(&log)
    };
    assert_eq!(miss(2).iter().map(|i| i.stage).collect::<Vec<_>>(), [Stage::Exposed]);
    assert!(miss(8).is_empty(), "at an hour of hers");
}

#[test]
fn what_names_no_browser_says_nothing_of_the_browsers_that_name_their_device() {
    let mut log = Log::with_habits(ALICE);
    // A gateway logs neither browser nor device, whoever passes it.
    for day in 0..10 {
        log.sign_in(ALICE, At { agent: "", device: "", ..HOME }, at(day, 17, 0));
    }
    let copy = At { device: "", ..NEIGHBOUR };
    log.prompt(ALICE, copy, at(11, 18, 10), PromptTimedOut, None);
    log.prompt(ALICE, copy, at(11, 18, 12), PromptDenied, None);
    log.prompt(ALICE, copy, at(11, 18, 16), PromptApproved, None);
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert!(has_term(&incidents[0], "unfamiliar_device"), "{incidents:#?}");
}

#[test]
fn failures_say_less_of_another_place_once_the_owner_was_back() {
    let approved = |is_back: bool| {
        let mut log = Log::with_habits(ALICE);
        for minute in [51, 52, 55, 59] {
            log.prompt(ALICE, STRANGER, at(11, 9, minute), PromptDenied, None);
        }
        if is_back {
            log.sign_in(ALICE, HOME, at(11, 15, 0));
        }
        let cafe = At { device: "tablet-1", ..NEIGHBOUR };
        log.prompt(ALICE, cafe, at(11, 19, 0), PromptApproved, None);
        log.event(ALICE, cafe, at(11, 19, 1), SessionStarted, "");
        let incidents = of_alice(&log);
        let bits = |kind: &str| {
            incidents.iter().flat_map(|i| &i.evidence).find(|e| e.kind == kind).map(|e| e.bits)
        };
        bits("after_failures")
    };
    let (away, back) = (approved(false).unwrap(), approved(true));
    assert!(back.is_none_or(|back| back < 0.6 * away), "{away} {back:?}");
}

/// Microsoft 365 tells which mail was read: it is what an intruder was there for, and no habit of
/// anybody's.
#[test]
fn what_was_read_is_listed_and_teaches_nothing() {
    let mut log = Log::with_habits(ALICE);
    let read = |log: &mut Log, when, what: &'static str| {
        let i = log.event(ALICE, STRANGER, when, SessionUsed, what);
        log.events[i].source = Source::M365;
    };
    // Somebody with a stolen session reads for days before anybody is asked.
    for day in 3..9 {
        read(&mut log, at(day, 3, 0), "read mail");
    }
    log.prompt(ALICE, STRANGER, at(11, 20, 0), PromptTimedOut, None);
    log.prompt(ALICE, STRANGER, at(11, 20, 2), PromptApproved, None);
    log.event(ALICE, STRANGER, at(11, 20, 3), SessionStarted, "");
    read(&mut log, at(11, 20, 9), "searched 'iban'");
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(incidents[0].stage, Stage::Approved);
    let after: Vec<&str> = incidents[0].after_approval.iter().map(|a| &*a.what).collect();
    assert!(after.contains(&"searched 'iban'"), "{after:?}");
}
