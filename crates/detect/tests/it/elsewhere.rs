//! What happens elsewhere: in another place, in the log of another product, in another prompt of one
//! attempt.

use pushback_model::{EventKind, Factor, Incident, Party, Source, Span, Stage};

use crate::log::{At, HOME, Log, NEIGHBOUR, STRANGER, at};

const ALICE: &str = "alice@example.org";
use EventKind::{
    DeviceRegistered, FactorEnrolled, FactorReset, PasswordVerified, PromptApproved, PromptDenied,
    PromptReported, PromptTimedOut, SessionStarted,
};

/// Where the owner is on a journey.
const ABROAD: At = At {
    ip: "198.51.100.140",
    asn: 64_810,
    as_name: "Example Iberia",
    country: "ES",
    city: "Madrid",
    point: (40.42, -3.70),
    ..HOME
};

fn of_alice(log: &Log) -> Vec<Incident> {
    log.detect().0.into_iter().filter(|i| i.subject.name == ALICE).collect()
}

#[test]
fn what_the_owner_got_through_answers_for_no_prompts_from_elsewhere() {
    // The phone was in the next room, on a line that is new.
    let line = At { device: "", ..NEIGHBOUR };
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, line, at(11, 6, 31), PromptTimedOut, None);
    log.prompt(ALICE, line, at(11, 6, 33), PromptApproved, None);
    log.event(ALICE, line, at(11, 6, 34), SessionStarted, "");
    for minute in [0, 2, 4, 6, 8] {
        log.prompt(ALICE, STRANGER, at(11, 17, minute), PromptTimedOut, None);
    }
    log.prompt(ALICE, STRANGER, at(11, 17, 10), PromptDenied, None);
    log.event(ALICE, STRANGER, at(11, 17, 11), PromptReported, "");
    let incidents = of_alice(&log);
    assert!(incidents.iter().any(|i| i.stage == Stage::Bombing), "{incidents:#?}");
}

#[test]
fn the_old_log_of_another_product_makes_nobody_dormant() {
    let enrolled = |with_old_log: bool| {
        let mut log = Log::default();
        if with_old_log {
            let i = log.event("bob@example.org", HOME, at(-700, 9, 0), SessionStarted, "");
            log.events[i].source = Source::Aws;
        }
        for name in ["carol@example.org", "dave@example.org"] {
            log.habits(name, HOME, 0..5);
        }
        log.event(ALICE, NEIGHBOUR, at(0, 9, 0), PasswordVerified, "");
        log.event(ALICE, NEIGHBOUR, at(0, 9, 2), FactorEnrolled, "phone");
        log.event(ALICE, NEIGHBOUR, at(0, 9, 3), SessionStarted, "");
        of_alice(&log)
    };
    assert_eq!(enrolled(true).len(), enrolled(false).len());
    assert!(enrolled(true).is_empty(), "{:#?}", enrolled(true));
}

#[test]
fn silence_after_silence_in_one_attempt_is_another_prompt() {
    // Entra asks anew under the same correlation id, and logs a prompt when it is over.
    let mut log = Log::with_habits(ALICE);
    for (minute, again) in [(0, false), (1, false), (2, false), (2, true)] {
        let i = log.event(ALICE, STRANGER, at(11, 2, minute), PromptTimedOut, "");
        let event = &mut log.events[i];
        (event.source, event.factor, event.transaction) =
            (Source::Entra, Factor::Push, "5ca9e072".into());
        if again {
            // The same step, logged twice.
            event.id = "evt-again".into();
        }
    }
    let incidents = of_alice(&log);
    let counts: Vec<_> = incidents.iter().map(|i| (i.prompts.sent, i.prompts.unanswered)).collect();
    assert_eq!(counts, [(3, 3)], "{incidents:#?}");
}

#[test]
fn who_is_abroad_with_their_phone_is_there() {
    let changed = |phone: Option<At>| {
        let mut log = Log::with_habits(ALICE);
        for n in 0..12 {
            let name: &'static str = format!("person{n}@example.org").leak();
            log.habits(name, HOME, 0..5);
            for day in 0..5 {
                log.prompt(name, HOME, at(day, 15, 0), PromptApproved, Some(NEIGHBOUR));
            }
        }
        let new = At { device: "laptop-9", agent: STRANGER.agent, ..ABROAD };
        log.prompt(ALICE, new, at(11, 9, 0), PromptApproved, phone);
        log.event(ALICE, new, at(11, 9, 1), SessionStarted, "");
        log.event(ALICE, new, at(11, 9, 20), FactorEnrolled, "security key");
        of_alice(&log)
    };
    let alone = changed(None);
    assert!(alone.iter().any(|i| i.stage >= Stage::Approved), "{alone:#?}");
    let with_phone = changed(Some(ABROAD));
    assert!(with_phone.iter().all(|i| i.stage < Stage::Approved), "{with_phone:#?}");
}

/// A desktop in a data centre abroad, at which somebody works; the phone is with them.
const DESKTOP: At = At { ip: "203.0.113.90", ..STRANGER };

/// Works there on so many days after two weeks at home, the phone answering from `phone`.
fn works_at_desktop(log: &mut Log, name: &str, days: i64, phone: At) {
    for day in 0..days {
        log.prompt(name, DESKTOP, at(11 + day, 9, 0), PromptApproved, Some(phone));
        log.event(name, DESKTOP, at(11 + day, 9, 1), SessionStarted, "");
    }
}

fn approved(log: &Log, name: &str) -> usize {
    let of_them = log.detect().0.into_iter().filter(|i| i.subject.name == name);
    of_them.filter(|i| i.stage >= Stage::Approved).count()
}

#[test]
fn where_the_phone_says_yes_day_after_day_its_owner_works() {
    for (days, alarms) in [(2, 1), (5, 0)] {
        let mut log = Log::with_habits(ALICE);
        works_at_desktop(&mut log, ALICE, days, HOME);
        assert_eq!(approved(&log, ALICE), alarms, "{days} days");
    }
    // One refusal, and it is a stranger whom somebody keeps letting in.
    let mut log = Log::with_habits(ALICE);
    works_at_desktop(&mut log, ALICE, 5, HOME);
    log.prompt(ALICE, DESKTOP, at(12, 11, 0), PromptDenied, None);
    assert_eq!(approved(&log, ALICE), 1);
}

#[test]
fn a_strangers_own_phone_makes_no_daily_place() {
    for phone in [HOME, DESKTOP] {
        let mut log = Log::with_habits(ALICE);
        works_at_desktop(&mut log, ALICE, 5, phone);
        log.event(ALICE, DESKTOP, at(11, 8, 50), FactorEnrolled, "phone");
        assert_eq!(approved(&log, ALICE), 1);
    }
}

#[test]
fn who_works_at_a_place_every_day_vouches_for_it() {
    let mut log = Log::with_habits(ALICE);
    for name in ["bob@example.org", "carol@example.org", "dave@example.org"] {
        log.habits(name, HOME, 0..10);
        works_at_desktop(&mut log, name, 4, HOME);
    }
    works_at_desktop(&mut log, ALICE, 1, HOME);
    assert_eq!(approved(&log, ALICE), 0);
}

#[test]
fn what_is_bound_in_one_go_after_a_reset_is_one_thing() {
    let bound = |minutes: i64| {
        let mut log = Log::default();
        log.habits("carol@example.org", HOME, 0..10);
        let i = log.event(ALICE, HOME, at(9, 9, 0), FactorReset, "all factors");
        log.events[i].actor = Some(Party { name: "desk@example.org".into(), ..Party::default() });
        let line = At { device: "", ..NEIGHBOUR };
        log.event(ALICE, line, at(9, 9, 8), SessionStarted, "");
        log.event(ALICE, line, at(9, 9, 10), FactorEnrolled, "phone");
        log.event(ALICE, line, at(9, 9, 10) + Span::minutes(minutes), DeviceRegistered, "phone");
        of_alice(&log).iter().map(|i| i.stage).max()
    };
    assert!(bound(0).is_none_or(|stage| stage < Stage::Foothold));
    assert_eq!(bound(30), Some(Stage::Foothold));
}
