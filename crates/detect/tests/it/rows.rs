//! What belongs together: a row of prompts over days, two changes of one visit, two addresses of one machine.

use pushback_model::{EventKind, Incident, Party, Stage};

use crate::log::{At, HOME, Log, NEIGHBOUR, STRANGER, at};

const ALICE: &str = "alice@example.org";
use EventKind::{
    ConsentGranted, FactorEnrolled, FactorReset, PromptApproved, PromptDenied, PromptReported,
    PromptTimedOut, SessionStarted,
};

fn of_alice(log: &Log) -> Vec<Incident> {
    log.detect().0.into_iter().filter(|i| i.subject.name == ALICE).collect()
}

fn worst(log: &Log) -> Option<Stage> {
    of_alice(log).iter().map(|i| i.stage).max()
}

/// The owner's computer, where no product names devices, and another line of their provider.
const DESK: At = At { device: "", ..HOME };
const LINE: At = At { ip: "198.51.100.90", ..DESK };

#[test]
fn whoever_asks_once_a_day_is_the_same_after_a_week() {
    let approved = |days: std::ops::Range<i64>| {
        let mut log = Log::default();
        log.habits(ALICE, DESK, 0..10);
        let sources = ["198.51.100.23", "203.0.113.1", "192.0.2.200", "198.18.0.9", "198.19.7.1"];
        let sources = sources.into_iter().chain(["100.64.9.1", "100.65.9.1"]);
        for (day, ip) in (11..18).zip(sources).filter(|(day, _)| days.contains(day)) {
            let said = if day < 13 { PromptDenied } else { PromptTimedOut };
            log.prompt(ALICE, At { ip, ..NEIGHBOUR }, at(day, 11, 0), said, None);
        }
        log.prompt(ALICE, LINE, at(18, 9, 0), PromptApproved, None);
        log.event(ALICE, LINE, at(18, 9, 1), SessionStarted, "");
        of_alice(&log).iter().any(|i| i.approved_at.is_some())
    };
    assert!(approved(11..18));
    assert!(!approved(15..18));
}

#[test]
fn who_binds_one_thing_and_changes_another_on_a_machine_never_seen_has_a_plan() {
    let changed = |device: &'static str, is_consent_too: bool| {
        // Their provider gives them a new address every other day.
        let mut log = Log::default();
        let lines = ["192.0.2.10", "198.51.100.10", "203.0.113.10", "198.18.0.10", "198.19.7.10"];
        for (n, ip) in (0..).zip(lines) {
            log.habits(ALICE, At { ip, ..HOME }, 2 * n..2 * n + 2);
        }
        let line = At { ip: "100.64.9.90", device, agent: STRANGER.agent, ..HOME };
        log.prompt(ALICE, line, at(11, 9, 0), PromptApproved, None);
        log.event(ALICE, line, at(11, 9, 1), SessionStarted, "");
        log.event(ALICE, line, at(11, 14, 0), FactorEnrolled, "phone");
        if is_consent_too {
            log.event(ALICE, line, at(11, 14, 40), ConsentGranted, "mail reader");
        }
        worst(&log)
    };
    assert_eq!(changed("laptop-2", true), Some(Stage::Foothold));
    assert_eq!(changed("laptop-2", false), None);
    assert_eq!(changed("laptop-1", true), None);
}

#[test]
fn one_machine_with_two_addresses_is_one_source() {
    let rang = |device: &'static str| {
        let mut log = Log::with_habits(ALICE);
        let here = At { device, ..STRANGER };
        let agent = HOME.agent;
        log.prompt(ALICE, At { agent, ..here }, at(11, 11, 12), PromptTimedOut, None);
        let other = At { ip: "2001:db8:121::1", agent, ..here };
        log.prompt(ALICE, other, at(11, 11, 13), PromptTimedOut, None);
        log.sign_in("bob@example.org", HOME, at(11, 13, 0));
        of_alice(&log).iter().flat_map(|i| i.evidence.clone()).map(|e| e.kind).collect::<Vec<_>>()
    };
    let is_two = |kinds: &[String]| kinds.iter().any(|k| k == "rotating_sources");
    assert!(is_two(&rang("laptop-9")), "{:?}", rang("laptop-9"));
    let own = rang("laptop-1");
    assert!(!is_two(&own) && own.contains(&"known_device".to_owned()), "{own:?}");
}

#[test]
fn a_report_at_home_that_is_taken_back_is_no_bombing() {
    let stage = |place: At| {
        let new = At { device: "laptop-2", agent: STRANGER.agent, ..place };
        let mut log = Log::with_habits(ALICE);
        log.sign_in(ALICE, HOME, at(11, 14, 7));
        log.prompt(ALICE, new, at(11, 14, 31), PromptReported, None);
        log.prompt(ALICE, new, at(11, 14, 48), PromptApproved, None);
        log.event(ALICE, new, at(11, 14, 49), SessionStarted, "");
        worst(&log)
    };
    assert_eq!(stage(HOME), Some(Stage::Exposed));
    assert!(stage(NEIGHBOUR) > Some(Stage::Exposed));
}

#[test]
fn what_strangers_bound_since_a_reset_is_listed_wherever_it_came_from() {
    let mut log = Log::default();
    log.habits(ALICE, DESK, 0..10);
    let i = log.event(ALICE, HOME, at(11, 13, 55), FactorReset, "all factors");
    log.events[i].actor = Some(Party { name: "desk@example.org".into(), ..Party::default() });
    log.event(ALICE, LINE, at(11, 14, 2), SessionStarted, "");
    log.event(ALICE, LINE, at(11, 14, 3), FactorEnrolled, "phone");
    log.event(ALICE, STRANGER, at(11, 14, 46), SessionStarted, "");
    log.event(ALICE, STRANGER, at(11, 14, 47), FactorEnrolled, "phone");
    let incidents = of_alice(&log);
    let bound = incidents.iter().flat_map(|i| &i.after_approval);
    let bound: Vec<_> = bound.filter(|a| a.kind == FactorEnrolled).map(|a| a.at).collect();
    assert_eq!(bound, [at(11, 14, 3), at(11, 14, 47)], "{incidents:#?}");
}
