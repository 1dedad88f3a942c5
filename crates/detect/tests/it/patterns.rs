//! The attack patterns: each must be found, at the right stage.

use pushback_model::{EventKind, Factor, Span, Stage};

use crate::log::{At, HOME, Log, NEIGHBOUR, STRANGER, at};

const ALICE: &str = "alice@example.org";
use EventKind::{PromptApproved, PromptDenied, PromptReported, PromptTimedOut};

#[test]
fn one_unanswered_prompt_from_a_rented_machine_exposes_the_password() {
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, STRANGER, at(11, 3, 0), PromptTimedOut, None);
    log.habits(ALICE, HOME, 11..13);
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].stage, Stage::Exposed);
    assert_eq!(incidents[0].prompts.unanswered, 1);
    assert_eq!(incidents[0].subject.name, ALICE);
}

#[test]
fn a_denied_prompt_from_a_neighbours_line_exposes_the_password() {
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, NEIGHBOUR, at(11, 3, 0), PromptDenied, None);
    log.habits(ALICE, HOME, 11..13);
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 1);
    assert!(incidents[0].stage >= Stage::Exposed);
}

#[test]
fn a_burst_is_bombing_and_known_before_it_ends() {
    let mut log = Log::with_habits(ALICE);
    for n in 0..20 {
        log.prompt(ALICE, STRANGER, at(11, 2, n), PromptTimedOut, None);
    }
    let (incidents, _) = log.detect();
    assert_eq!(incidents[0].stage, Stage::Bombing);
    assert!(incidents[0].detected_at <= at(11, 2, 2), "{}", incidents[0].detected_at);
}

#[test]
fn an_approval_after_denials_is_foreign_and_what_follows_is_a_foothold() {
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, STRANGER, at(11, 2, 0), PromptDenied, None);
    log.prompt(ALICE, STRANGER, at(11, 2, 3), PromptTimedOut, None);
    log.prompt(ALICE, STRANGER, at(11, 2, 9), PromptApproved, Some(HOME));
    log.event(ALICE, STRANGER, at(11, 2, 10), EventKind::SessionStarted, "");
    let enrolled =
        log.event(ALICE, STRANGER, at(11, 2, 14), EventKind::FactorEnrolled, "authenticator bound");
    let id = log.events[enrolled].id.clone();
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].stage, Stage::Foothold);
    assert!(incidents[0].after_approval.iter().any(|a| a.event == id));
    assert!(incidents[0].detected_at < at(11, 2, 9));
    assert!(incidents[0].attack.contains(&"T1098.005".to_owned()));
}

#[test]
fn one_prompt_a_day_from_ever_new_home_lines_adds_up() {
    const IPS: [&str; 4] = ["198.51.100.1", "203.0.113.2", "192.0.2.200", "198.51.100.130"];
    let mut log = Log::with_habits(ALICE);
    for (n, ip) in IPS.into_iter().enumerate() {
        let place = At { ip, asn: 64_800 + n as u32, city: "", ..NEIGHBOUR };
        log.prompt(ALICE, place, at(10 + n as i64, 20, 7), PromptTimedOut, None);
    }
    log.habits(ALICE, HOME, 14..15);
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 1, "one episode");
    assert_eq!(incidents[0].stage, Stage::Bombing);
    assert_eq!(incidents[0].prompts.unanswered, 4);
}

#[test]
fn a_spray_is_one_campaign_with_an_incident_for_each_person() {
    let mut log = Log::default();
    let people: Vec<String> = (0..6).map(|n| format!("person{n}@example.org")).collect();
    for name in &people {
        log.habits(name, HOME, 0..10);
    }
    for (n, name) in people.iter().enumerate() {
        log.prompt(name, STRANGER, at(11, 4, 2 * n as i64), PromptTimedOut, None);
    }
    log.habits(&people[0], HOME, 11..13);
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 6);
    let campaign = incidents[0].campaign.clone();
    assert!(campaign.is_some());
    assert!(incidents.iter().all(|i| i.campaign == campaign && i.stage == Stage::Bombing));
}

#[test]
fn a_prompt_beside_the_owners_own_that_is_approved_far_from_the_phone_is_foreign() {
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, HOME, at(11, 8, 5), PromptApproved, Some(HOME));
    log.prompt(ALICE, STRANGER, at(11, 8, 5) + Span::seconds(20), PromptApproved, Some(HOME));
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].stage, Stage::Approved);
}

#[test]
fn a_helpdesk_reset_followed_by_a_strangers_enrolment_is_a_foothold() {
    let mut log = Log::with_habits(ALICE);
    let reset = log.event(ALICE, HOME, at(11, 9, 0), EventKind::FactorReset, "all factors");
    log.events[reset].actor =
        Some(pushback_model::Party { name: "desk@example.org".into(), ..Default::default() });
    log.event(ALICE, STRANGER, at(11, 9, 20), EventKind::FactorEnrolled, "authenticator bound");
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].stage, Stage::Foothold);
}

#[test]
fn the_first_enrolment_of_a_dormant_account_from_nowhere_known_is_a_foothold() {
    let mut log = Log::with_habits(ALICE);
    log.habits(ALICE, HOME, 10..13);
    log.event(
        "old@example.org",
        STRANGER,
        at(12, 1, 0),
        EventKind::FactorEnrolled,
        "authenticator bound",
    );
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].subject.name, "old@example.org");
    assert_eq!(incidents[0].stage, Stage::Foothold);
}

/// Whoever starts on a Monday and was announced nowhere enrols from a line of their own.
#[test]
fn a_newcomer_from_an_ordinary_line_is_worth_a_look_and_no_alarm() {
    let mut log = Log::with_habits(ALICE);
    log.habits(ALICE, HOME, 10..13);
    let what = "authenticator bound";
    log.event("new@example.org", NEIGHBOUR, at(12, 9, 0), EventKind::FactorEnrolled, what);
    let (incidents, _) = log.detect();
    let stages: Vec<Stage> = incidents.iter().map(|incident| incident.stage).collect();
    assert_eq!(stages, [Stage::Exposed]);
}

#[test]
fn a_text_message_after_refused_pushes_counts_as_the_way_in() {
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, NEIGHBOUR, at(11, 7, 0), PromptDenied, None);
    log.prompt(ALICE, NEIGHBOUR, at(11, 7, 2), PromptDenied, None);
    let sms = log.event(ALICE, NEIGHBOUR, at(11, 7, 30), EventKind::FactorVerified, "");
    log.events[sms].factor = Factor::Sms;
    log.event(ALICE, NEIGHBOUR, at(11, 7, 31), EventKind::SessionStarted, "");
    let (incidents, _) = log.detect();
    assert_eq!(incidents[0].stage, Stage::Approved);
    assert!(incidents[0].evidence.iter().any(|e| e.kind == "downgrade"));
}

#[test]
fn a_storm_that_ends_in_a_yes_is_an_approval_under_pressure_also_for_a_stranger_to_the_log() {
    let mut log = Log::default();
    for n in 0..18 {
        log.prompt(ALICE, STRANGER, at(1, 14, n), PromptTimedOut, None);
    }
    log.prompt(ALICE, STRANGER, at(1, 14, 19), PromptApproved, None);
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].stage, Stage::Approved);
    assert_eq!(incidents[0].approved_at, Some(at(1, 14, 19) + Span::seconds(8)));
}

#[test]
fn a_report_by_the_owner_is_enough_even_from_a_familiar_address() {
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, HOME, at(11, 8, 0), PromptReported, None);
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].prompts.reported, 1);
}

#[test]
fn a_stranger_who_keeps_time_and_copies_the_browser_does_not_pass_for_a_client() {
    let mut log = Log::with_habits(ALICE);
    let copied = At { agent: HOME.agent, ..NEIGHBOUR };
    for n in 0..30 {
        log.prompt(ALICE, copied, at(11, 2, 2 * n), PromptTimedOut, None);
    }
    log.habits(ALICE, HOME, 11..13);
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].stage, Stage::Bombing, "{:#?}", incidents[0].evidence);
}

#[test]
fn a_session_handed_over_by_a_relay_is_told_by_the_place_that_goes_on_with_it() {
    // The relay sits in the owner's country and passes the owner's browser on.
    let relay = At { agent: HOME.agent, ..NEIGHBOUR };
    let mut log = Log::with_habits(ALICE);
    for event in &mut log.events {
        event.requester.device = "".into();
    }
    log.prompt(ALICE, relay, at(11, 10, 0), PromptApproved, None);
    let enrolled = EventKind::FactorEnrolled;
    log.event(ALICE, STRANGER, at(11, 10, 20), enrolled, "authenticator bound");
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].stage, Stage::Foothold);
    assert!(incidents[0].evidence.iter().any(|e| e.kind == "after_elsewhere"));
}

#[test]
fn the_authenticator_that_gave_the_answer_is_listed_with_what_followed() {
    let mut log = Log::with_habits(ALICE);
    let enrolled = EventKind::FactorEnrolled;
    log.event(ALICE, STRANGER, at(11, 9, 50), enrolled, "authenticator bound");
    log.prompt(ALICE, STRANGER, at(11, 10, 0), PromptDenied, None);
    log.prompt(ALICE, STRANGER, at(11, 10, 5), PromptApproved, None);
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 1);
    assert!(incidents[0].after_approval.iter().any(|a| a.at == at(11, 9, 50)));
}

/// Our own prompt service, or a product with a limit a person: one ring, and six that were not.
#[test]
fn attempts_that_rang_nobody_because_of_a_limit_are_bombing_all_the_same() {
    const PLACES: [&str; 6] = [
        "198.51.100.1",
        "198.51.100.2",
        "198.51.100.3",
        "198.51.100.4",
        "198.51.100.5",
        "198.51.100.6",
    ];
    let held = |factor: Factor| {
        let mut log = Log::with_habits(ALICE);
        log.prompt(ALICE, STRANGER, at(11, 10, 0), PromptTimedOut, None);
        for (ip, second) in PLACES.into_iter().zip(1..) {
            let place = At { ip, ..STRANGER };
            let when = at(11, 10, 0) + Span::seconds(second);
            let held = log.event(ALICE, place, when, EventKind::RateLimited, "");
            log.events[held].factor = factor;
        }
        log.detect().0
    };
    let incidents = held(Factor::Push);
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].stage, Stage::Bombing);
    // A limit on the organisation's own interface is nobody's prompt.
    assert!(held(Factor::Unknown).iter().all(|incident| incident.stage < Stage::Bombing));
}

#[test]
fn a_record_of_silence_that_comes_when_the_life_ends_is_no_prompt_of_its_own() {
    let mut log = Log::with_habits(ALICE);
    for minute in [0, 1, 2] {
        let sent = log.events.len();
        log.prompt(ALICE, STRANGER, at(11, 2, minute), PromptTimedOut, None);
        let late = log.event(ALICE, STRANGER, at(11, 2, minute + 5), PromptTimedOut, "");
        for i in [sent, late] {
            log.events[i].factor = Factor::Push;
            log.events[i].transaction = format!("tx-{minute}").into();
        }
    }
    let (incidents, _) = log.detect();
    assert_eq!((incidents[0].prompts.sent, incidents[0].prompts.unanswered), (3, 3));
}

#[test]
fn prompts_from_one_network_after_another_are_an_attack_also_on_a_stranger_to_the_log() {
    let mut log = Log::default();
    log.habits("bob@example.org", HOME, 0..12);
    for (minute, ip) in [(0, "198.51.100.31"), (1, "198.51.101.31"), (2, "198.51.102.31")] {
        log.prompt(ALICE, At { ip, ..NEIGHBOUR }, at(11, 13, minute), PromptDenied, Some(HOME));
    }
    let (incidents, _) = log.detect();
    assert_eq!(incidents.len(), 1);
    assert!(incidents[0].stage >= Stage::Bombing, "{incidents:#?}");
}
