//! Whose an answer, a change and a stay are: what the records themselves say, and what they do not.

use pushback_model::{Endpoint, EventKind, Factor, Incident, Span, Stage, Timestamp};

use crate::log::{At, HOME, Log, NEIGHBOUR, STRANGER, at};

const ALICE: &str = "alice@example.org";
use EventKind::{
    FactorEnrolled, FactorVerified, PromptApproved, PromptSent, PromptTimedOut, SessionStarted,
};

/// A machine of its own in the owner's city, at the owner's provider, with the owner's browser.
const NEXT_DOOR: At = At { ip: "198.51.100.77", device: "laptop-9", ..HOME };

/// On the other side of the world, on a home line.
const TOKYO: At = At {
    ip: "198.51.100.140",
    asn: 64_710,
    as_name: "Example Hikari",
    country: "JP",
    city: "Tokyo",
    point: (35.68, 139.69),
    ..STRANGER
};

fn of_alice(log: &Log) -> Vec<Incident> {
    log.detect().0.into_iter().filter(|incident| incident.subject.name == ALICE).collect()
}

fn has_term(incident: &Incident, kind: &str) -> bool {
    incident.evidence.iter().any(|e| e.kind == kind)
}

/// Passes a second factor that needs no prompt, and begins a session.
fn with_a_code(log: &mut Log, place: At, when: Timestamp) {
    let i = log.event(ALICE, place, when, FactorVerified, "");
    log.events[i].factor = Factor::Code;
    log.event(ALICE, place, when + Span::seconds(2), SessionStarted, "");
}

#[test]
fn a_stranger_who_binds_and_returns_is_not_at_home() {
    let mut log = Log::with_habits(ALICE);
    for (day, ip) in [(7, "198.51.100.71"), (8, "198.51.101.72"), (9, "198.51.102.73")] {
        log.prompt(ALICE, At { ip, ..NEXT_DOOR }, at(day, 20, 0), PromptTimedOut, None);
    }
    log.prompt(ALICE, NEXT_DOOR, at(10, 20, 0), PromptApproved, None);
    log.event(ALICE, NEXT_DOOR, at(10, 20, 1), SessionStarted, "");
    log.event(ALICE, NEXT_DOOR, at(10, 20, 9), FactorEnrolled, "");
    let before = of_alice(&log);
    assert_eq!(before.len(), 1, "{before:#?}");
    assert_eq!(before[0].stage, Stage::Foothold);

    log.habits(ALICE, HOME, 11..16);
    for day in 11..16 {
        with_a_code(&mut log, NEXT_DOOR, at(day, 21, 0));
    }
    let after = of_alice(&log);
    assert_eq!(after.len(), 1, "{after:#?}");
    assert_eq!(after[0].stage, Stage::Foothold, "{after:#?}");
    assert_eq!(after[0].prompts.unanswered, 3);
}

#[test]
fn what_a_stranger_binds_does_not_speak_against_the_owners_last_laptop() {
    let mut log = Log::default();
    let old = At { device: "laptop-0", agent: STRANGER.agent, ..HOME };
    with_a_code(&mut log, old, at(0, 9, 0));
    for day in [3, 4, 6] {
        with_a_code(&mut log, HOME, at(day, 9, 0));
    }
    let agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Firefox/131.0";
    let denver = At { device: "laptop-9", ip: NEIGHBOUR.ip, agent, ..TOKYO };
    let denver = At { country: HOME.country, ..denver };
    log.prompt(ALICE, denver, at(6, 17, 0), PromptApproved, None);
    log.event(ALICE, denver, at(6, 17, 1), SessionStarted, "");
    for minute in [10, 17, 21] {
        log.event(ALICE, denver, at(6, 17, minute), FactorEnrolled, "");
    }
    for day in 7..11 {
        with_a_code(&mut log, HOME, at(day, 9, 0));
    }
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(incidents[0].stage, Stage::Foothold);
    assert_eq!(incidents[0].approved_at, Some(at(6, 17, 0) + Span::seconds(8)));
}

#[test]
fn silence_that_is_logged_late_is_counted_once() {
    let mut log = Log::with_habits(ALICE);
    let begin = at(11, 10, 0);
    for after in [0, 110, 145] {
        log.prompt(ALICE, STRANGER, begin + Span::seconds(after), PromptTimedOut, None);
    }
    let i = log.event(ALICE, STRANGER, begin + Span::seconds(151), PromptApproved, "");
    log.events[i].factor = Factor::Push;
    for (n, after) in [300, 410].into_iter().enumerate() {
        let i = log.event(ALICE, STRANGER, begin + Span::seconds(after), PromptTimedOut, "");
        log.events[i].factor = Factor::Push;
        log.events[i].transaction = format!("late-{n}").into();
    }
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    let prompts = &incidents[0].prompts;
    assert_eq!((prompts.sent, prompts.unanswered, prompts.approved), (3, 2, 1));
}

#[test]
fn an_answer_ends_the_prompt_of_its_own_session() {
    let mut log = Log::with_habits(ALICE);
    let begin = at(11, 8, 5);
    let mut sent = |place, after, session: &'static str| {
        let i = log.event(ALICE, place, begin + Span::seconds(after), PromptSent, "");
        log.events[i].factor = Factor::Push;
        log.events[i].session = session.into();
    };
    sent(HOME, 0, "own");
    sent(STRANGER, 4, "theirs");
    let i = log.event(ALICE, HOME, begin + Span::seconds(6), PromptApproved, "");
    log.events[i].factor = Factor::Push;
    log.events[i].session = "own".into();
    log.events[i].requester = Endpoint::default();
    let incidents = of_alice(&log);
    assert!(incidents.iter().all(|i| i.approved_at.is_none()), "{incidents:#?}");
}

#[test]
fn a_success_that_its_owner_reports_is_a_strangers() {
    let near = At { device: "", ..NEXT_DOOR };
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, near, at(11, 4, 22), EventKind::PromptDenied, None);
    log.prompt(ALICE, near, at(11, 4, 24), PromptApproved, None);
    log.event(ALICE, near, at(11, 4, 25), SessionStarted, "");
    assert!(of_alice(&log).iter().all(|i| i.stage < Stage::Approved));
    let i = log.event(ALICE, near, at(11, 15, 0), EventKind::PromptReported, "");
    log.events[i].requester.device = "".into();
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(incidents[0].stage, Stage::Approved);
    let why = &incidents[0].evidence.iter().find(|e| e.kind == "reported").unwrap().why;
    assert_eq!(why, "its owner reported it as not theirs");
}

#[test]
fn a_report_of_another_address_says_nothing_about_a_success() {
    let near = At { device: "laptop-9", ..NEIGHBOUR };
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, near, at(11, 9, 24), PromptApproved, None);
    log.event(ALICE, near, at(11, 9, 25), SessionStarted, "");
    log.event(ALICE, STRANGER, at(11, 15, 0), EventKind::PromptReported, "");
    assert!(of_alice(&log).iter().all(|i| i.approved_at.is_none()));
}

#[test]
fn a_rule_that_files_newsletters_makes_no_stranger_of_a_new_laptop() {
    let made = |what| {
        let borrowed = At { device: "laptop-9", agent: STRANGER.agent, ..NEIGHBOUR };
        let mut log = Log::with_habits(ALICE);
        log.prompt(ALICE, borrowed, at(11, 9, 0), PromptApproved, None);
        log.event(ALICE, borrowed, at(11, 9, 1), SessionStarted, "");
        log.event(ALICE, borrowed, at(11, 9, 30), EventKind::MailboxRule, what);
        log.habits(ALICE, HOME, 12..14);
        of_alice(&log)
    };
    assert!(made("rule: inbox rule 'news', moves to 'News'").is_empty());
    let hides = made("hides mail: inbox rule '.', deletes the mail");
    assert_eq!(hides.len(), 1);
    assert_eq!(hides[0].stage, Stage::Foothold);
}

/// A sign-in from Tokyo, some time after the owner's last one at home.
fn from_tokyo(place: At, after: Span) -> Vec<Incident> {
    let mut log = Log::with_habits(ALICE);
    for event in &mut log.events {
        event.requester.device = "".into();
    }
    log.sign_in(ALICE, At { device: "", ..HOME }, at(11, 8, 0));
    let when = at(11, 8, 0) + after;
    log.prompt(ALICE, place, when, PromptApproved, None);
    log.event(ALICE, place, when + Span::seconds(12), SessionStarted, "");
    log.habits(ALICE, At { device: "", ..HOME }, 14..16);
    of_alice(&log)
}

#[test]
fn a_way_that_nobody_could_travel_speaks_for_a_stranger() {
    let at_once = from_tokyo(TOKYO, Span::minutes(30));
    assert_eq!(at_once.len(), 1, "9,000 km in half an hour, with a browser never seen");
    assert_eq!(at_once[0].stage, Stage::Approved);
    let why = &at_once[0].evidence.iter().find(|e| e.kind == "impossible_travel").unwrap().why;
    assert!(why.contains("km/h"), "{why}");
    assert!(from_tokyo(TOKYO, Span::hours(20)).is_empty(), "a flight");
}

#[test]
fn a_gateway_a_phone_and_a_known_browser_travel_as_they_like() {
    let alone = |place| {
        from_tokyo(place, Span::minutes(30)).iter().any(|i| has_term(i, "impossible_travel"))
    };
    assert!(alone(TOKYO));
    let on_a_phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Safari/604.1";
    assert!(!alone(At { agent: on_a_phone, ..TOKYO }), "its carrier's gateway");
    assert!(
        !alone(At { asn: STRANGER.asn, as_name: STRANGER.as_name, ..TOKYO }),
        "a rented machine"
    );
    assert!(from_tokyo(At { agent: HOME.agent, ..TOKYO }, Span::minutes(30)).is_empty(), "alone");
}

/// A changed authenticator that bears no address, the day after an approval that may be the owner's.
fn changed_without_an_address(near: At) -> Vec<Incident> {
    let mut log = Log::with_habits(ALICE);
    let borrowed = At { device: "laptop-9", ..NEIGHBOUR };
    log.prompt(ALICE, borrowed, at(11, 18, 0), PromptApproved, None);
    log.event(ALICE, borrowed, at(11, 18, 1), SessionStarted, "");
    let i = log.event(ALICE, HOME, at(12, 9, 0), FactorEnrolled, "");
    log.events[i].requester = Endpoint::default();
    log.sign_in(ALICE, near, at(12, 9, 2));
    if near.ip != HOME.ip {
        log.sign_in(ALICE, HOME, at(12, 8, 50));
    }
    of_alice(&log)
}

#[test]
fn a_change_without_an_address_beside_the_owners_sign_in_is_the_owners() {
    let incidents = changed_without_an_address(HOME);
    assert!(incidents.iter().all(|i| i.after_approval.is_empty()), "{incidents:#?}");
    assert!(incidents.iter().all(|i| !has_term(i, "after_factor")), "{incidents:#?}");
}

#[test]
fn a_change_without_an_address_is_the_strangers_if_they_were_there() {
    let incidents = changed_without_an_address(At { device: "laptop-9", ..NEIGHBOUR });
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert!(has_term(&incidents[0], "after_factor"), "{:#?}", incidents[0].evidence);
}

/// A sign-in abroad between two at home, as a product logs them that knows no coordinates, networks or
/// devices.
fn between_two_at_home(place: At, back_after: Span) -> Vec<Incident> {
    let mut log = Log::with_habits(ALICE);
    log.sign_in(ALICE, HOME, at(11, 8, 0));
    log.prompt(ALICE, place, at(11, 9, 0), PromptApproved, None);
    log.sign_in(ALICE, HOME, at(11, 8, 0) + back_after);
    log.habits(ALICE, HOME, 14..16);
    for event in &mut log.events {
        let ends = std::iter::once(&mut event.requester).chain(&mut event.responder);
        for end in ends {
            (end.asn, end.as_name, end.coordinates) = (0, "".into(), None);
            end.device = "".into();
        }
    }
    of_alice(&log)
}

#[test]
fn whoever_is_at_home_before_and_after_was_not_abroad_between() {
    let found = between_two_at_home(TOKYO, Span::hours(4));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].stage, Stage::Approved);
    let why = &found[0].evidence.iter().find(|e| e.kind == "impossible_travel").unwrap().why;
    assert!(why.contains("in another country"), "{why}");
    assert!(between_two_at_home(TOKYO, Span::hours(9)).is_empty(), "there and back in a day");
    let own = At { agent: HOME.agent, ..TOKYO };
    assert!(between_two_at_home(own, Span::hours(4)).is_empty(), "the owner's browser on a VPN");
}

#[test]
fn the_next_sign_in_with_what_a_stranger_bound_is_listed() {
    let mut log = Log::with_habits(ALICE);
    for minute in [0, 2, 4] {
        log.prompt(ALICE, STRANGER, at(11, 10, minute), PromptTimedOut, None);
    }
    // A product that logs no sessions.
    log.event(ALICE, STRANGER, at(11, 10, 6), PromptApproved, "");
    log.event(ALICE, STRANGER, at(11, 10, 11), FactorEnrolled, "");
    log.event(ALICE, STRANGER, at(11, 11, 40), PromptApproved, "");
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    let listed: Vec<_> = incidents[0].after_approval.iter().map(|a| (a.kind, a.at)).collect();
    assert_eq!(
        listed,
        [(FactorEnrolled, at(11, 10, 11)), (PromptApproved, at(11, 11, 40))],
        "{incidents:#?}"
    );
}

#[test]
fn a_new_machine_in_the_usual_city_that_binds_a_new_phone_is_the_owners() {
    let binds = |place: At, times: i64| {
        let mut log = Log::with_habits(ALICE);
        // The lines of the city change, as a carrier's do.
        for day in 5..10 {
            let ip =
                ["198.51.100.7", "198.51.101.7", "198.51.102.7", "198.51.103.7", "198.51.104.7"];
            log.sign_in(ALICE, At { ip: ip[day - 5], asn: 0, ..HOME }, at(day as i64, 18, 0));
        }
        log.prompt(ALICE, place, at(11, 19, 0), PromptApproved, None);
        log.event(ALICE, place, at(11, 19, 1), SessionStarted, "");
        for time in 0..times {
            log.event(ALICE, place, at(11, 19, 10 + 10 * time), FactorEnrolled, "");
        }
        of_alice(&log).iter().map(|i| i.stage).collect::<Vec<_>>()
    };
    let machine = At { agent: STRANGER.agent, device: "laptop-9", ..HOME };
    let near = At { ip: "203.0.113.140", asn: 0, ..machine };
    assert_eq!(binds(near, 1), []);
    assert_eq!(binds(near, 3), [Stage::Foothold], "people bind one phone");
    let elsewhere = At { city: "Hamburg", ..near };
    assert_eq!(binds(elsewhere, 1), [Stage::Foothold], "another city is not the usual one");
}
