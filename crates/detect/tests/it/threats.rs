//! What an attacker can do to the log itself: flood it, lie in it, teach it.

use pushback_model::{EventKind, Incident, Span, Stage, Timestamp};

use crate::log::{At, HOME, Log, NEIGHBOUR, STRANGER, at};

const ALICE: &str = "alice@example.org";
use EventKind::{
    FactorEnrolled, PromptApproved, PromptDenied, PromptTimedOut, SessionStarted, SignInFailed,
};

/// An attack that gets in.
fn attacked() -> Log {
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, STRANGER, at(11, 2, 0), PromptDenied, None);
    log.prompt(ALICE, STRANGER, at(11, 2, 3), PromptTimedOut, None);
    log.prompt(ALICE, STRANGER, at(11, 2, 9), PromptApproved, Some(HOME));
    log.event(ALICE, STRANGER, at(11, 2, 10), SessionStarted, "");
    log
}

fn of_alice(log: &Log) -> Vec<Incident> {
    log.detect().0.into_iter().filter(|incident| incident.subject.name == ALICE).collect()
}

#[test]
fn a_flood_of_failed_sign_ins_does_not_wash_an_attack_away() {
    let mut log = Log::with_habits(ALICE);
    for n in 0..25_000 {
        log.event(ALICE, STRANGER, at(10, 20, 0) + Span::seconds(n / 2), SignInFailed, "");
    }
    let flooded = log.events.len();
    log.events.extend(attacked().events.into_iter().skip(Log::with_habits(ALICE).events.len()));
    for (n, event) in log.events.iter_mut().enumerate().skip(flooded) {
        event.id = format!("evt-{n}").into();
    }
    let incidents = of_alice(&log);
    assert!(incidents.iter().any(|i| i.stage >= Stage::Approved), "{incidents:#?}");
}

#[test]
fn a_stranger_who_stays_does_not_become_a_habit() {
    let mut log = attacked();
    for day in 12..20 {
        log.event(ALICE, STRANGER, at(day, 2, 30), SessionStarted, "");
        log.habits(ALICE, HOME, day..day + 1);
    }
    log.prompt(ALICE, STRANGER, at(20, 2, 0), PromptDenied, None);
    let incidents = of_alice(&log);
    assert!(incidents.iter().any(|i| i.stage >= Stage::Approved), "{incidents:#?}");
    let last = incidents.iter().map(|i| i.last_at).max();
    assert!(last >= Some(at(20, 2, 0)), "the prompt after a week is still a stranger's: {last:?}");
}

#[test]
fn records_dated_to_the_ends_of_time_change_nothing_for_others() {
    let before = of_alice(&attacked());
    let mut log = attacked();
    for when in [Timestamp::from_millis(0), Timestamp::from_seconds(253_402_300_799)] {
        log.event("mallory@example.org", STRANGER, when, SessionStarted, "");
    }
    let after = of_alice(&log);
    let facts = |list: &[Incident]| -> Vec<_> {
        list.iter().map(|i| (i.stage, i.started_at, i.approved_at, i.detected_at)).collect()
    };
    assert_eq!(facts(&before), facts(&after));
}

#[test]
fn a_user_agent_copied_from_the_owner_is_not_enough_to_pass_for_them() {
    let mut log = Log::with_habits(ALICE);
    let disguised = At { agent: HOME.agent, ..STRANGER };
    log.prompt(ALICE, disguised, at(11, 2, 0), PromptDenied, None);
    log.prompt(ALICE, disguised, at(11, 2, 3), PromptTimedOut, None);
    assert!(!of_alice(&log).is_empty());
}

#[test]
fn an_onboarding_wave_does_not_excuse_a_stranger_abroad() {
    let abroad = At {
        ip: "203.0.113.200",
        asn: 64_900,
        as_name: "Example Fibre",
        country: "FR",
        city: "Lyon",
        point: (45.76, 4.84),
        device: "",
        ..NEIGHBOUR
    };
    let mut log = Log::with_habits(ALICE);
    log.habits(ALICE, HOME, 10..13);
    for n in 0..4 {
        let name = format!("new{n}@example.org");
        log.event(&name, HOME, at(12, 9, 11 * n), FactorEnrolled, "authenticator bound");
    }
    log.event("old@example.org", abroad, at(12, 9, 50), FactorEnrolled, "authenticator bound");
    let (incidents, _) = log.detect();
    let names: Vec<&str> = incidents.iter().map(|i| i.subject.name.as_str()).collect();
    assert_eq!(names, ["old@example.org"]);
}

#[test]
fn accounts_taken_over_from_one_line_do_not_vouch_for_it() {
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, NEIGHBOUR, at(11, 2, 0), PromptDenied, None);
    log.prompt(ALICE, NEIGHBOUR, at(11, 2, 3), PromptTimedOut, None);
    log.prompt(ALICE, NEIGHBOUR, at(11, 2, 9), PromptApproved, Some(HOME));
    for n in 0..4 {
        let name = format!("old{n}@example.org");
        log.event(&name, NEIGHBOUR, at(11, 1, 5 * n), FactorEnrolled, "authenticator bound");
        log.sign_in(&name, NEIGHBOUR, at(11, 1, 5 * n + 2));
    }
    let alice = of_alice(&log);
    assert_eq!(alice.len(), 1);
    assert!(alice[0].stage >= Stage::Approved);
    assert!(alice[0].evidence.iter().all(|e| e.kind != "colleagues_network"), "{alice:#?}");
}

#[test]
fn a_spray_from_behind_an_address_of_a_few_colleagues_still_counts_as_one() {
    let shared = At { ip: "198.51.100.200", asn: 64_710, device: "", ..NEIGHBOUR };
    let mut log = Log::default();
    for n in 0..3 {
        log.habits(&format!("tenant{n}@example.org"), shared, 0..12);
    }
    for n in 0..9 {
        log.habits(&format!("person{n}@example.org"), HOME, 0..10);
    }
    for n in 0..9 {
        let stranger = At { agent: STRANGER.agent, ..shared };
        let name = format!("person{n}@example.org");
        log.prompt(&name, stranger, at(11, 4, 2 * n), PromptTimedOut, None);
    }
    log.habits("person0@example.org", HOME, 11..13);
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 9);
    assert!(incidents.iter().all(|i| i.evidence.iter().any(|e| e.kind == "many_asked")));
}

#[test]
fn a_stranger_who_keeps_a_clients_time_from_many_lines_of_another_city_is_not_one_client() {
    let mut log = Log::with_habits(ALICE);
    for (n, ip) in ["198.51.100.9", "203.0.113.140", "192.0.2.177"].into_iter().enumerate() {
        let copied = At { ip, agent: HOME.agent, ..NEIGHBOUR };
        for k in 0..8 {
            let when = at(11, 8 + 2 * n as i64, 0) + Span::minutes(15 * k);
            log.prompt(ALICE, copied, when, PromptTimedOut, None);
        }
    }
    log.habits(ALICE, HOME, 12..13);
    let alice = of_alice(&log);
    assert_eq!(alice.len(), 1);
    assert!(alice[0].evidence.iter().any(|e| e.kind == "rotating_sources"), "{alice:#?}");
}

/// A session that begins with the password, a prompt for it, and no answer: Okta Identity Engine with
/// one factor for the session and two for the application.
fn password_only(log: &mut Log, name: &str, place: At, when: Timestamp, outcome: EventKind) {
    let session = log.event(name, place, when, SessionStarted, "");
    let sent = log.events.len();
    log.prompt(name, place, when + Span::seconds(2), outcome, Some(HOME));
    for i in [session, sent] {
        log.events[i].session = format!("session-{session}").into();
    }
}

#[test]
fn a_password_without_the_second_factor_is_no_habit() {
    let mut log = Log::with_habits(ALICE);
    for day in 10..14 {
        password_only(&mut log, ALICE, NEIGHBOUR, at(day, 19, 3 * day), PromptDenied);
        log.habits(ALICE, HOME, day..day + 1);
    }
    password_only(&mut log, ALICE, NEIGHBOUR, at(14, 19, 40), PromptApproved);
    let incidents = of_alice(&log);
    assert_eq!(incidents[0].approved_at, Some(at(14, 19, 40) + Span::seconds(10)));
}

#[test]
fn passwords_without_the_second_factor_do_not_vouch_for_their_source() {
    let names: Vec<String> = (0..4).map(|n| format!("person{n}@example.org")).collect();
    let mut log = Log::default();
    for (n, name) in names.iter().enumerate() {
        log.habits(name, HOME, 0..10);
        password_only(&mut log, name, NEIGHBOUR, at(11, 19, n as i64), PromptTimedOut);
        log.habits(name, HOME, 12..13);
    }
    let (incidents, _) = log.detect();
    let terms = incidents.iter().flat_map(|i| &i.evidence);
    assert_eq!(incidents.len(), names.len());
    assert!(!terms.into_iter().any(|t| t.kind == "colleagues_network"), "{incidents:#?}");
}

#[test]
fn where_every_answer_has_the_browsers_address_it_does_not_acquit_a_stranger() {
    let mut log = Log::default();
    for n in 0..6 {
        log.habits(&format!("person{n}@example.org"), HOME, 0..10);
    }
    log.habits(ALICE, HOME, 0..10);
    for (minute, outcome) in [(0, PromptDenied), (3, PromptTimedOut), (6, PromptApproved)] {
        log.prompt(ALICE, NEIGHBOUR, at(11, 2, minute), outcome, Some(NEIGHBOUR));
    }
    assert!(of_alice(&log).iter().any(|i| i.stage >= Stage::Approved));
}

#[test]
fn a_class_of_newcomers_does_not_excuse_whoever_asked_for_days() {
    let mut log = Log::with_habits(ALICE);
    log.habits(ALICE, HOME, 10..14);
    for (day, place) in [(10, NEIGHBOUR), (11, At { ip: "198.51.101.5", ..NEIGHBOUR })] {
        log.prompt("old@example.org", place, at(day, 19, 0), PromptDenied, Some(HOME));
    }
    for n in 0..4 {
        let name = format!("new{n}@example.org");
        log.event(&name, HOME, at(12, 9, 11 * n), FactorEnrolled, "authenticator bound");
    }
    let neighbour = At { ip: "198.51.102.5", ..NEIGHBOUR };
    log.event("old@example.org", neighbour, at(12, 9, 50), FactorEnrolled, "authenticator bound");
    let (incidents, _) = log.detect();
    let names: Vec<&str> = incidents.iter().map(|i| i.subject.name.as_str()).collect();
    assert_eq!(names, ["old@example.org"]);
}

#[test]
fn a_stranger_who_starts_anew_before_each_prompt_has_not_got_in() {
    let mut log = Log::with_habits(ALICE);
    for minute in [0, 1, 2, 3] {
        password_only(&mut log, ALICE, NEIGHBOUR, at(11, 2, minute), PromptTimedOut);
    }
    let incidents = of_alice(&log);
    assert_eq!(incidents[0].prompts.unanswered, 3, "one is still waiting: {incidents:#?}");
}
