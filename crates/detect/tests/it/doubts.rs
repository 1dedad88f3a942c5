//! What a success in doubt says of itself, and what it may not excuse.

use pushback_model::{Agent, Endpoint, EventKind, Factor, Incident, Party, Source, Span, Stage};

use crate::log::{At, HOME, Log, STRANGER, at};

const ALICE: &str = "alice@example.org";
use EventKind::{
    FactorEnrolled, FactorRemoved, FactorReset, FactorVerified, MailboxRule, PromptApproved,
    PromptDenied, PromptTimedOut, SessionStarted, SessionUsed,
};

/// Another line in the owner's city, on a provider of its own.
const LINE: At = At { ip: "198.51.100.90", asn: 64_720, as_name: "Example Fibre", ..HOME };

/// A place in a country that has nothing to do with the owner.
const ELSEWHERE: At = At {
    ip: "2001:db8:77::201",
    asn: 64_810,
    as_name: "Example Telecom",
    country: "CA",
    city: "Toronto",
    point: (43.65, -79.38),
    agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/124.0.0.0 Safari/537.36",
    device: "",
};

fn of_alice(log: &Log) -> Vec<Incident> {
    log.detect().0.into_iter().filter(|incident| incident.subject.name == ALICE).collect()
}

fn has_term(incident: &Incident, kind: &str) -> bool {
    incident.evidence.iter().any(|e| e.kind == kind)
}

/// Four days with one sign-in each, on a laptop that always names itself.
fn little_history() -> Log {
    let mut log = Log::default();
    for day in 0..4 {
        log.sign_in(ALICE, HOME, at(day, 8, 5 + day));
    }
    log
}

#[test]
fn a_success_in_doubt_does_not_make_its_own_novelty_ordinary() {
    let place = At { device: "", agent: ELSEWHERE.agent, ip: LINE.ip, ..HOME };
    let mut log = little_history();
    log.prompt(ALICE, place, at(4, 19, 0), PromptApproved, None);
    log.event(ALICE, place, at(4, 19, 0) + Span::seconds(20), SessionStarted, "");
    log.event(ALICE, place, at(4, 19, 20), MailboxRule, "");
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(incidents[0].stage, Stage::Foothold);
}

#[test]
fn a_session_taken_elsewhere_does_not_make_its_place_familiar() {
    // The relay copies the browser; the session goes on in another country, and only after an hour
    // does it change anything.
    let relay = At { device: "", agent: HOME.agent, ..STRANGER };
    let mut log = Log::with_habits(ALICE);
    log.events.iter_mut().for_each(|event| event.requester.device = "".into());
    log.prompt(ALICE, relay, at(11, 14, 58), PromptApproved, Some(HOME));
    for minute in [5, 15, 50] {
        log.event(ALICE, ELSEWHERE, at(11, 15, minute), SessionUsed, "");
    }
    log.event(ALICE, ELSEWHERE, at(11, 16, 40), FactorEnrolled, "authenticator bound");
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(incidents[0].stage, Stage::Foothold);
    assert_eq!(incidents[0].after_approval.len(), 4, "what they used and what they changed");
}

#[test]
fn a_browser_that_was_remembered_proves_no_second_factor() {
    let mut log = Log::with_habits(ALICE);
    log.events.iter_mut().for_each(|event| event.requester.device = "".into());
    // Somebody with a stolen cookie, an hour before the prompt.
    let i = log.event(ALICE, ELSEWHERE, at(11, 13, 30), FactorVerified, "remembered device");
    log.events[i].factor = Factor::Unknown;
    log.prompt(ALICE, ELSEWHERE, at(11, 14, 40), PromptTimedOut, None);
    log.habits(ALICE, At { device: "", ..HOME }, 12..14);
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert!(has_term(&incidents[0], "unfamiliar_country"), "{:#?}", incidents[0].evidence);
}

#[test]
fn an_app_that_is_bound_as_three_records_in_one_go_is_one_authenticator() {
    let of = |minutes: [i64; 3]| {
        let place = At { agent: ELSEWHERE.agent, device: "", ..LINE };
        let mut log = Log::with_habits(ALICE);
        log.events.iter_mut().for_each(|event| event.requester.device = "".into());
        log.prompt(ALICE, place, at(11, 10, 0), PromptApproved, None);
        for minute in minutes {
            log.event(ALICE, place, at(11, 10, 5 + minute), FactorEnrolled, "bound");
        }
        let incidents = of_alice(&log);
        let term = incidents[0].evidence.iter().find(|e| e.kind == "after_factor").unwrap();
        term.bits
    };
    assert!(of([0, 0, 1]) + 1.0 < of([0, 9, 20]));
}

#[test]
fn a_phone_in_use_beside_the_laptop_is_nobody_elses() {
    let phone = At {
        ip: "203.0.113.140",
        asn: 64_501,
        as_name: "Example Mobile",
        city: "Hamburg",
        point: (53.55, 9.99),
        agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Mobile/15E148 Safari/604.1",
        device: "",
        ..HOME
    };
    let mut log = Log::with_habits(ALICE);
    log.events.iter_mut().for_each(|event| event.requester.device = "".into());
    log.sign_in(ALICE, At { device: "", ..HOME }, at(11, 9, 0));
    log.prompt(ALICE, phone, at(11, 9, 3), PromptTimedOut, None);
    log.prompt(ALICE, phone, at(11, 9, 9), PromptApproved, None);
    let incidents = of_alice(&log);
    assert!(!incidents.iter().any(|i| has_term(i, "active_elsewhere")), "{incidents:#?}");
    assert!(incidents.iter().all(|i| i.stage < Stage::Bombing), "{incidents:#?}");
}

#[test]
fn after_a_reset_the_owner_who_bound_anew_at_home_may_go_out() {
    let mut log = Log::with_habits(ALICE);
    log.events.iter_mut().for_each(|event| event.requester.device = "".into());
    let home = At { device: "", ..HOME };
    let reset = log.event(ALICE, home, at(11, 9, 0), FactorReset, "all factors");
    log.events[reset].actor = Some(Party { name: "desk@example.org".into(), ..Party::default() });
    log.event(ALICE, home, at(11, 9, 20), FactorEnrolled, "authenticator bound");
    let out = At { device: "", city: "Hamburg", ..LINE };
    log.prompt(ALICE, out, at(11, 18, 0), PromptApproved, None);
    let incidents = of_alice(&log);
    assert!(incidents.iter().all(|i| !has_term(i, "helpdesk_reset")), "{incidents:#?}");
}

#[test]
fn whoever_has_an_authenticator_to_remove_did_not_bind_the_first() {
    let enrol_then = |kind: EventKind| {
        let mut log = Log::default();
        log.habits("bob@example.org", HOME, 0..4);
        let phone = At { device: "", ..LINE };
        log.event("carol@example.org", phone, at(2, 9, 0), FactorEnrolled, "new phone");
        log.event("carol@example.org", phone, at(2, 9, 30), kind, "a phone");
        let bits = |i: &Incident| i.evidence_bits;
        log.detect().0.iter().map(bits).fold(0.0, f64::max)
    };
    assert!(enrol_then(FactorRemoved) < enrol_then(FactorEnrolled));
}

#[test]
fn a_clock_at_home_that_asks_at_night_stays_a_client() {
    // The client names no device, as the owner's laptop does, and does not sleep.
    let client = At { ip: "192.0.2.140", device: "", ..HOME };
    let mut log = Log::with_habits(ALICE);
    for n in 0..12 {
        log.prompt(ALICE, client, at(11, 1, 0) + Span::minutes(20 * n), PromptTimedOut, None);
    }
    let incidents = of_alice(&log);
    assert!(incidents.is_empty(), "{incidents:#?}");
}

/// Logs without any browser, as of products in front of a VPN.
fn without_browsers(log: &mut Log) {
    for event in &mut log.events {
        event.requester.device = "".into();
        event.requester.agent = Agent::default();
    }
}

#[test]
fn a_browser_that_is_not_logged_is_not_another_browser() {
    let cafe = At { city: "Potsdam", ..LINE };
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, LINE, at(11, 9, 0), PromptApproved, None);
    for (place, minute) in [(LINE, 1), (cafe, 40)] {
        let ip = if minute == 1 { LINE.ip } else { "203.0.113.99" };
        let place = At { ip, asn: 64_720 + minute as u32, ..place };
        let i = log.event(ALICE, place, at(11, 9, minute), SessionStarted, "");
        log.events[i].session = "session-1".into();
    }
    without_browsers(&mut log);
    let incidents = of_alice(&log);
    assert!(incidents.iter().all(|i| !has_term(i, "session_elsewhere")), "{incidents:#?}");
}

#[test]
fn a_client_with_an_old_password_is_told_by_its_clock_where_no_browser_is_ever_logged() {
    let client = At { ip: "203.0.113.140", asn: 64_501, ..HOME };
    let mut log = Log::with_habits(ALICE);
    for n in 0..12 {
        log.prompt(ALICE, client, at(11, 9, 0) + Span::minutes(20 * n), PromptTimedOut, None);
    }
    without_browsers(&mut log);
    let incidents = of_alice(&log);
    assert!(incidents.iter().all(|i| i.stage < Stage::Bombing), "{incidents:#?}");
}

#[test]
fn an_address_that_is_logged_bare_by_one_product_is_where_the_other_says() {
    let mut log = Log::with_habits(ALICE);
    // The same sign-ins once more, as Microsoft 365 logs them: an address and nothing about it.
    for n in 0..log.events.len() {
        if log.events[n].kind == SessionStarted {
            let mut bare = log.events[n].clone();
            bare.id = format!("m365-{n}").into();
            bare.source = Source::M365;
            bare.requester = Endpoint { ip: bare.requester.ip.clone(), ..Endpoint::default() };
            log.events.push(bare);
        }
    }
    log.prompt(ALICE, STRANGER, at(11, 2, 0), PromptDenied, None);
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1);
    assert!(has_term(&incidents[0], "unfamiliar_country"), "{:#?}", incidents[0].evidence);
}
