//! What an attacker can do to the log itself: flood it, lie in it, teach it.

use pushback_model::{EventKind, Incident, Span, Stage, Timestamp};

use crate::log::{At, HOME, Log, STRANGER, at};

const ALICE: &str = "alice@example.org";
use EventKind::{PromptApproved, PromptDenied, PromptTimedOut, SessionStarted, SignInFailed};

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
