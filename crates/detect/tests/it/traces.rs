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
    let missed = miss(2);
    assert_eq!(missed.iter().map(|i| i.stage).collect::<Vec<_>>(), [Stage::Exposed]);
    assert!(!has_term(&missed[0], "given_up"), "nobody knows who got in from there");
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
    read(&mut log, at(11, 20, 14), "downloaded a file 'wages.xlsx'");
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(incidents[0].stage, Stage::Approved);
    let after: Vec<&str> = incidents[0].after_approval.iter().map(|a| &*a.what).collect();
    assert!(after.contains(&"searched 'iban'"), "{after:?}");
    assert!(incidents[0].attack.iter().any(|id| id == "T1213.002"), "{:?}", incidents[0].attack);
    assert!(incidents[0].next_steps.iter().any(|step| step.contains("mail and files listed")));
}

/// A machine that nobody knows, on a line that nobody uses, somewhere else in the country.
const ANYWHERE: At =
    At { device: "laptop-9", agent: "Mozilla/5.0 (Macintosh) Safari/605", ..NEIGHBOUR };

fn stages(log: &Log) -> Vec<Stage> {
    of_alice(log).iter().map(|incident| incident.stage).collect()
}

#[test]
fn a_vpn_alone_makes_no_stranger_of_its_customer() {
    let approve = |as_name: &'static str, is_bob_asked: bool| {
        let mut log = Log::with_habits(ALICE);
        log.habits("bob@example.org", At { ip: "192.0.2.99", device: "", ..HOME }, 0..10);
        let place = At { as_name, ..ANYWHERE };
        if is_bob_asked {
            log.prompt("bob@example.org", place, at(11, 9, 50), PromptTimedOut, None);
        }
        log.prompt(ALICE, place, at(11, 10, 0), PromptApproved, None);
        log.event(ALICE, place, at(11, 10, 1), SessionStarted, "");
        stages(&log)
    };
    assert_eq!(approve("Example DSL", false), []);
    assert_eq!(approve("M247 Europe SRL", false), []);
    assert_eq!(approve("M247 Europe SRL", true), [Stage::Approved]);
    assert_eq!(approve("DigitalOcean LLC", false), [Stage::Approved], "no way out that people buy");
}

#[test]
fn that_others_were_asked_from_the_very_source_is_more_than_novelty() {
    let approve = |others: &[&'static str]| {
        let mut log = Log::with_habits(ALICE);
        for name in ["bob@example.org", "carol@example.org"] {
            log.habits(name, At { ip: "192.0.2.99", device: "", ..HOME }, 0..10);
        }
        for name in others {
            log.prompt(name, ANYWHERE, at(11, 9, 50), PromptTimedOut, None);
        }
        log.prompt(ALICE, ANYWHERE, at(11, 10, 0), PromptApproved, None);
        log.event(ALICE, ANYWHERE, at(11, 10, 1), SessionStarted, "");
        stages(&log)
    };
    assert_eq!(approve(&[]), []);
    assert_eq!(approve(&["bob@example.org", "carol@example.org"]), [Stage::Approved]);
}

#[test]
fn mail_on_a_phone_from_the_beach_is_no_way_in() {
    let approve = |agent: &'static str| {
        let mut log = Log::with_habits(ALICE);
        let beach =
            At { device: "phone-7", agent, as_name: "Example Móvil", asn: 64_801, ..STRANGER };
        log.prompt(ALICE, beach, at(11, 10, 0), PromptApproved, None);
        log.event(ALICE, beach, at(11, 10, 1), SessionStarted, "");
        stages(&log)
    };
    let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Mobile Safari/604.1";
    assert_eq!(approve(phone), []);
    assert_eq!(approve(STRANGER.agent), [Stage::Approved]);
}

#[test]
fn apples_relay_is_a_home_line_whose_address_changes() {
    let place = |as_name: &'static str| At {
        agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.1 Safari/605.1.15",
        device: "",
        asn: 0,
        as_name,
        city: "Munich",
        point: (48.14, 11.58),
        ..NEIGHBOUR
    };
    let bits = |as_name: &'static str, kind: &str| {
        let mut log = Log::with_habits(ALICE);
        let place = place(as_name);
        log.prompt(ALICE, place, at(11, 10, 0), PromptDenied, None);
        log.prompt(ALICE, place, at(11, 10, 9), PromptDenied, Some(HOME));
        let incidents = of_alice(&log);
        let mut evidence = incidents.into_iter().flat_map(|i| i.evidence);
        evidence.find(|e| e.kind == kind).map(|e| e.bits)
    };
    assert!(bits("Example DSL", "unfamiliar_network").is_some_and(|bits| bits > 1.5));
    assert!(bits("Fastly Inc.", "unfamiliar_network").is_some_and(|bits| bits <= 1.0));
    // Berlin and Munich are 504 km apart.
    assert!(bits("Example DSL", "phone_at_home").is_some_and(|bits| bits > 1.5));
    assert!(bits("Fastly Inc.", "phone_at_home").is_none_or(|bits| bits <= 1.5));
    assert_eq!(bits("Fastly Inc.", "phone_far"), None);
}

#[test]
fn an_account_that_nobody_announced_is_no_newcomers_where_others_are() {
    let enrol = |created: usize| {
        let mut log = Log::with_habits("bob@example.org");
        for name in ["n1@example.org", "n2@example.org", "n3@example.org"].iter().take(created) {
            log.event(name, HOME, at(2, 9, 0), EventKind::AccountCreated, "");
        }
        log.event(ALICE, ANYWHERE, at(11, 2, 0), SessionStarted, "");
        log.event(ALICE, ANYWHERE, at(11, 2, 1), FactorEnrolled, "");
        stages(&log)
    };
    assert_eq!(enrol(0), [Stage::Exposed]);
    assert_eq!(enrol(3), [Stage::Foothold]);
}

/// A gateway in front of a VPN: it names no browser.
const GATEWAY: At = At { agent: "", device: "", ..HOME };

#[test]
fn a_gateway_abroad_and_the_phone_at_home_are_two_people() {
    let approve = |phone: At| {
        let mut log = Log::with_habits(ALICE);
        let abroad = At { agent: "", device: "", as_name: "Example DSL", ..STRANGER };
        log.prompt(ALICE, abroad, at(11, 14, 0), PromptApproved, Some(phone));
        of_alice(&log)
    };
    let incidents = approve(HOME);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(incidents[0].stage, Stage::Approved);
    assert!(has_term(&incidents[0], "phone_at_home"), "{incidents:#?}");
    // A phone on the road shows where its carrier is.
    assert!(approve(At { ip: "198.51.100.200", as_name: "Example Mobile", ..HOME }).is_empty());
}

#[test]
fn nobody_answers_a_phone_at_home_from_another_city() {
    let ask = |city: &'static str| {
        let mut log = Log::with_habits(ALICE);
        // Duo logs places without coordinates, and no provider.
        let place = At { city, asn: 0, as_name: "", agent: "", device: "", ..NEIGHBOUR };
        log.prompt(ALICE, place, at(11, 14, 0), PromptTimedOut, None);
        log.prompt(ALICE, place, at(11, 14, 2), PromptApproved, Some(HOME));
        for event in &mut log.events {
            event.requester.coordinates = None;
            if let Some(phone) = &mut event.responder {
                phone.coordinates = None;
            }
        }
        of_alice(&log)
    };
    let incidents = ask("Hamburg");
    assert!(incidents.iter().any(|i| has_term(i, "phone_at_home")), "{incidents:#?}");
    let same = ask(HOME.city);
    assert!(same.iter().all(|i| !has_term(i, "phone_at_home")), "{same:#?}");
}

#[test]
fn a_session_that_goes_on_abroad_with_a_browser_that_is_nearly_the_same_was_handed_on() {
    let used = |place: At, older: bool| {
        let mut log = Log::with_habits(ALICE);
        let mut session = |place, when, kind| {
            let i = log.event(ALICE, place, when, kind, "");
            log.events[i].session = "session-1".into();
        };
        if older {
            session(HOME, at(10, 15, 0), SessionUsed);
        }
        session(RELAY, at(11, 9, 1), SessionStarted);
        session(place, at(11, 9, 40), SessionUsed);
        log.prompt(ALICE, RELAY, at(11, 9, 0), PromptApproved, None);
        of_alice(&log)
    };
    let imitated = HOME.agent.replace("126", "119").leak();
    let elsewhere = At { agent: imitated, device: "", ..STRANGER };
    let incidents = used(elsewhere, false);
    assert!(incidents.iter().any(|i| has_term(i, "session_elsewhere")), "{incidents:#?}");
    // A laptop takes its session along, and nobody gets a session that was there before.
    assert!(used(At { device: "", ..NEIGHBOUR_LINE }, false).is_empty());
    assert!(used(elsewhere, true).is_empty());
}

#[test]
fn a_session_that_comes_home_from_a_journey_was_not_handed_on() {
    let back = |hours: i64, source: Source| {
        let mut log = Log::with_habits(ALICE);
        let mut session = |place, when, kind, source| {
            let i = log.event(ALICE, place, when, kind, "read mail");
            log.events[i].session = "session-1".into();
            log.events[i].source = source;
        };
        session(RELAY, at(11, 9, 1), SessionStarted, Source::Okta);
        let client = At { agent: "Client=MSExchangeRPC", device: "", ..STRANGER };
        session(client, at(11, 9 + hours, 1), SessionUsed, source);
        log.prompt(ALICE, RELAY, at(11, 9, 0), PromptApproved, None);
        of_alice(&log)
    };
    assert!(back(31, Source::M365).is_empty(), "the mail client on the next day");
    assert!(!back(1, Source::Okta).is_empty());
}

#[test]
fn two_products_that_write_one_browser_in_two_ways_tell_of_one_session() {
    let used = |source: Source| {
        let mut log = Log::with_habits(ALICE);
        let mut session = |place, when, kind, source| {
            let i = log.event(ALICE, place, when, kind, "");
            log.events[i].session = "session-1".into();
            log.events[i].source = source;
        };
        let spelt = HOME.agent.replace("126", "126.0").leak();
        session(At { agent: spelt, ..RELAY }, at(11, 9, 1), SessionStarted, source);
        // The company's VPN comes out abroad.
        session(At { agent: HOME.agent, ..STRANGER }, at(11, 9, 40), SessionUsed, Source::Entra);
        log.prompt(ALICE, RELAY, at(11, 9, 0), PromptApproved, None);
        of_alice(&log)
    };
    assert!(used(Source::M365).iter().all(|i| !has_term(i, "session_elsewhere")));
    assert!(used(Source::Entra).iter().any(|i| has_term(i, "session_elsewhere")));
}

/// A relay on a line of the owner's provider, in their city, with their browser.
const RELAY: At = At { device: "", ..NEXT_DOOR };
/// The owner's laptop on another line.
const NEIGHBOUR_LINE: At = At { agent: HOME.agent, ..NEIGHBOUR };

#[test]
fn a_machine_that_is_remembered_and_never_signed_in_was_handed_the_session() {
    let remembered = |device: &'static str, is_known: bool| {
        let mut log = Log::with_habits(ALICE);
        let other =
            At { device, agent: "Mozilla/5.0 (Windows NT 10.0) Firefox/128.0", ..NEIGHBOUR };
        if is_known {
            log.sign_in(ALICE, other, at(5, 19, 0));
        }
        let relay = At { device: "relay-1", agent: HOME.agent, ..NEIGHBOUR };
        log.prompt(ALICE, relay, at(11, 9, 0), PromptApproved, None);
        let i = log.event(ALICE, other, at(11, 9, 20), EventKind::FactorVerified, "");
        log.events[i].factor = Factor::Unknown;
        log.detect().0
    };
    let incidents = remembered("laptop-9", false);
    assert!(incidents.iter().any(|i| has_term(i, "session_elsewhere")), "{incidents:#?}");
    let known = remembered("laptop-9", true);
    assert!(known.iter().all(|i| !has_term(i, "session_elsewhere")), "{known:#?}");
}

#[test]
fn whoever_has_a_key_and_answers_a_prompt_elsewhere_was_stepped_down() {
    let approve = |factor: Factor| {
        let mut log = Log::default();
        for day in 0..10 {
            let i = log.event(ALICE, HOME, at(day, 8, 5), EventKind::FactorVerified, "");
            log.events[i].factor = factor;
            log.event(ALICE, HOME, at(day, 8, 6), SessionStarted, "");
        }
        log.prompt(
            ALICE,
            At { device: "laptop-9", ..NEIGHBOUR },
            at(11, 9, 0),
            PromptApproved,
            None,
        );
        of_alice(&log)
    };
    let incidents = approve(Factor::Passkey);
    assert!(incidents.iter().any(|i| has_term(i, "weaker_factor")), "{incidents:#?}");
    let others = approve(Factor::Code);
    assert!(others.iter().all(|i| !has_term(i, "weaker_factor")), "{others:#?}");
}

#[test]
fn one_report_that_is_logged_twice_counts_once() {
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, STRANGER, at(11, 3, 0), PromptTimedOut, None);
    log.prompt(ALICE, STRANGER, at(11, 3, 10), EventKind::PromptReported, None);
    let nowhere = At { ip: "", asn: 0, as_name: "", country: "", city: "", ..GATEWAY };
    log.event(ALICE, nowhere, at(11, 3, 11), EventKind::PromptReported, "");
    let incidents = of_alice(&log);
    let counts = &incidents[0].prompts;
    assert_eq!((counts.reported, counts.unanswered), (1, 1), "{incidents:#?}");
}

#[test]
fn an_address_tells_the_provider_where_the_log_does_not() {
    let ask = |ip: &'static str| {
        let mut log = Log::with_habits(ALICE);
        let bare = At { ip, asn: 0, as_name: "", ..NEIGHBOUR };
        log.prompt(ALICE, bare, at(11, 3, 0), PromptTimedOut, None);
        log.prompt(ALICE, bare, at(11, 3, 9), PromptDenied, None);
        of_alice(&log)
    };
    assert!(ask("159.65.175.149").iter().any(|i| has_term(i, "hosting_network")));
    assert!(ask("198.51.100.23").iter().all(|i| !has_term(i, "hosting_network")));
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, At { as_name: "", asn: 0, ..NEIGHBOUR }, at(11, 3, 0), PromptDenied, None);
    let mut policy = pushback_detect::Policy::default();
    policy.networks.hosting = vec!["198.51.100.0/24".to_owned()];
    assert!(has_term(&log.detect_with(&policy).0[0], "hosting_network"));
}

#[test]
fn files_that_are_opened_in_a_burst_after_a_first_sign_in_are_taken() {
    let read = |files: i64, every_s: i64| {
        let mut log = Log::with_habits(ALICE);
        let place = At { device: "laptop-9", ..NEIGHBOUR };
        log.prompt(ALICE, place, at(11, 9, 0), PromptApproved, None);
        log.event(ALICE, place, at(11, 9, 1), SessionStarted, "");
        for n in 0..files {
            let when = at(11, 9, 10) + Span::seconds(n * every_s);
            let i = log.event(ALICE, place, when, SessionUsed, "opened a file 'plan.xlsx'");
            log.events[i].source = Source::M365;
        }
        of_alice(&log)
    };
    assert!(read(24, 4).iter().any(|i| has_term(i, "taken_at_once")), "{:#?}", read(24, 4));
    // An afternoon's work, and a few files.
    assert!(read(24, 240).iter().all(|i| !has_term(i, "taken_at_once")));
    assert!(read(8, 4).iter().all(|i| !has_term(i, "taken_at_once")));
}
