//! The way in: what tells a stranger's success from the owner's.

use pushback_model::{EventKind, Factor, Incident, Party, Span, Stage};

use crate::log::{At, HOME, Log, NEIGHBOUR, STRANGER, at};

const ALICE: &str = "alice@example.org";
use EventKind::{
    FactorEnrolled, FactorRemoved, FactorReset, FactorVerified, MailboxRule, PasswordChanged,
    PromptApproved, PromptDenied, PromptTimedOut, SessionStarted, SessionUsed,
};

/// A café in the owner's city, on a provider of its own.
const CAFE: At = At { ip: "198.51.100.90", asn: 64_720, as_name: "Example Café", ..HOME };

fn without_devices(log: &mut Log) {
    for event in &mut log.events {
        event.requester.device = "".into();
    }
}

fn of_alice(log: &Log) -> Vec<Incident> {
    log.detect().0.into_iter().filter(|incident| incident.subject.name == ALICE).collect()
}

fn has_term(incident: &Incident, kind: &str) -> bool {
    incident.evidence.iter().any(|e| e.kind == kind)
}

/// One approved prompt in a new place, then a change from there.
fn success_then(place: At, change: EventKind) -> Log {
    let mut log = Log::with_habits(ALICE);
    without_devices(&mut log);
    log.prompt(ALICE, place, at(11, 10, 0), PromptApproved, None);
    log.event(ALICE, place, at(11, 10, 0) + Span::seconds(20), SessionStarted, "");
    log.event(ALICE, place, at(11, 10, 9), change, "");
    log.habits(ALICE, At { device: "", ..HOME }, 12..14);
    log
}

#[test]
fn a_machine_never_seen_that_binds_an_authenticator_at_once_is_a_strangers() {
    let place = At { agent: STRANGER.agent, device: "", ..CAFE };
    let incidents = of_alice(&success_then(place, FactorEnrolled));
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].stage, Stage::Foothold);
    assert!(has_term(&incidents[0], "new_machine"), "{:#?}", incidents[0].evidence);
}

#[test]
fn the_owners_laptop_that_binds_one_phone_in_a_cafe_is_quiet() {
    let place = At { device: "", ..CAFE };
    let incidents = of_alice(&success_then(place, FactorEnrolled));
    assert!(incidents.is_empty(), "{incidents:#?}");
}

#[test]
fn a_new_laptop_that_is_set_up_at_home_is_quiet() {
    let place = At { agent: STRANGER.agent, device: "", ..HOME };
    for change in [FactorEnrolled, PasswordChanged, MailboxRule] {
        let incidents = of_alice(&success_then(place, change));
        assert!(incidents.is_empty(), "{change:?}: {incidents:#?}");
    }
}

#[test]
fn a_relay_that_copies_the_browser_but_not_the_device_is_told_by_the_phone_far_away() {
    // The log begins with the attack: only the days after it show what is the owner's.
    let relay = At { agent: HOME.agent, device: "", ..STRANGER };
    let mut log = Log::default();
    log.prompt(ALICE, relay, at(0, 10, 0), PromptApproved, Some(HOME));
    log.event(ALICE, relay, at(0, 10, 1), SessionStarted, "");
    log.habits(ALICE, HOME, 1..9);
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert!(incidents[0].stage >= Stage::Approved);
}

#[test]
fn a_prompt_on_the_first_day_of_the_log_is_strange_if_the_later_days_never_see_its_place() {
    let mut log = Log::default();
    log.prompt(ALICE, STRANGER, at(0, 10, 0), PromptTimedOut, None);
    log.habits(ALICE, HOME, 1..9);
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
}

#[test]
fn the_owners_own_first_day_is_quiet() {
    let mut log = Log::default();
    log.prompt(ALICE, HOME, at(0, 10, 0), PromptTimedOut, None);
    log.prompt(ALICE, CAFE, at(0, 14, 0), PromptApproved, Some(CAFE));
    log.habits(ALICE, HOME, 1..9);
    let incidents = of_alice(&log);
    assert!(incidents.is_empty(), "{incidents:#?}");
}

/// A reset by the help desk, then so many bindings from a place in the owner's country.
fn reset_then_binds(bindings: i64) -> Log {
    let mut log = Log::with_habits(ALICE);
    without_devices(&mut log);
    let reset = log.event(ALICE, HOME, at(11, 9, 0), FactorReset, "all factors");
    log.events[reset].actor = Some(Party { name: "desk@example.org".into(), ..Party::default() });
    let place = At { agent: HOME.agent, device: "", ..NEIGHBOUR };
    for n in 0..bindings {
        log.event(ALICE, place, at(11, 9, 20 + 9 * n), FactorEnrolled, "authenticator bound");
    }
    log
}

#[test]
fn after_a_reset_one_binding_from_near_may_be_the_owners_and_three_are_not() {
    let one = of_alice(&reset_then_binds(1));
    let three = of_alice(&reset_then_binds(3));
    let bits = |list: &[Incident]| list.iter().map(|i| i.evidence_bits).fold(0.0, f64::max);
    assert_eq!(three.len(), 1);
    assert_eq!(three[0].stage, Stage::Foothold);
    assert!(has_term(&three[0], "after_factor"), "{:#?}", three[0].evidence);
    assert!(bits(&three) > bits(&one) + 1.0);
}

#[test]
fn an_outage_explains_silence_but_does_not_say_who_came_in() {
    let mut log = Log::default();
    for n in 0..12 {
        let name = format!("person{n}@example.org");
        log.habits(&name, HOME, 0..10);
        for minute in [0, 6] {
            let when = at(11, 8, minute) + Span::seconds(7 * n);
            log.prompt(&name, HOME, when, PromptTimedOut, None);
        }
    }
    log.habits(ALICE, HOME, 0..10);
    log.prompt(ALICE, STRANGER, at(11, 8, 2), PromptTimedOut, None);
    log.prompt(ALICE, STRANGER, at(11, 8, 9), PromptApproved, Some(HOME));
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1);
    assert!(incidents[0].stage >= Stage::Approved, "{incidents:#?}");
    assert!(!has_term(&incidents[0], "outage"), "{:#?}", incidents[0].evidence);
}

#[test]
fn prompts_from_several_networks_weigh_more_than_as_many_from_one() {
    let from = |ips: [&'static str; 3]| {
        let mut log = Log::with_habits(ALICE);
        for (n, ip) in ips.into_iter().enumerate() {
            let place = At { ip, ..NEIGHBOUR };
            log.prompt(ALICE, place, at(11, 9 + 3 * n as i64, 7), PromptTimedOut, None);
        }
        log.habits(ALICE, HOME, 12..14);
        of_alice(&log)
    };
    let one = from(["198.51.100.23"; 3]);
    let several = from(["198.51.100.23", "203.0.113.20", "192.0.2.200"]);
    assert!(!has_term(&one[0], "rotating_sources"));
    assert!(has_term(&several[0], "rotating_sources"));
    assert!(several[0].evidence_bits > one[0].evidence_bits);
}

#[test]
fn what_a_stranger_changed_does_not_make_strangers_of_the_owners_earlier_sign_ins() {
    let laptop = At {
        ip: "198.51.100.91",
        asn: 64_730,
        as_name: "Example Mobile",
        city: "Leipzig",
        agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/125.0.0.0 Safari/537.36",
        device: "laptop-2",
        ..HOME
    };
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, laptop, at(11, 8, 40), PromptApproved, None);
    log.event(ALICE, laptop, at(11, 8, 41), SessionStarted, "");
    log.prompt(ALICE, STRANGER, at(12, 2, 0), PromptTimedOut, None);
    log.prompt(ALICE, STRANGER, at(12, 2, 6), PromptApproved, Some(HOME));
    for (minute, change) in [(8, FactorEnrolled), (11, PasswordChanged), (15, MailboxRule)] {
        log.event(ALICE, STRANGER, at(12, 2, minute), change, "");
    }
    let incidents = of_alice(&log);
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].approved_at, Some(at(12, 2, 6) + Span::seconds(8)));
}

#[test]
fn whoever_takes_the_owners_authenticator_away_at_once_is_no_owner() {
    let neighbour = At { ip: "198.51.100.92", asn: 64_740, as_name: "Example DSL", ..HOME };
    let removed = success_then(At { device: "", ..neighbour }, FactorRemoved);
    let incidents = of_alice(&removed);
    assert_eq!(incidents.len(), 1);
    assert!(has_term(&incidents[0], "after_removal"), "{:#?}", incidents[0].evidence);
    // An old phone goes after the new one has come.
    let mut replaced = removed;
    replaced.event(ALICE, At { device: "", ..HOME }, at(9, 18, 0), FactorEnrolled, "");
    assert!(of_alice(&replaced).is_empty());
}

/// A success on a new machine in a new city, a change, and the phone answering there the day after.
fn moved(phone: Option<At>) -> Log {
    let place = At { city: "Leipzig", point: (51.34, 12.37), agent: STRANGER.agent, ..NEIGHBOUR };
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, place, at(11, 10, 0), PromptApproved, None);
    log.event(ALICE, place, at(11, 10, 1), SessionStarted, "");
    log.event(ALICE, place, at(11, 10, 9), PasswordChanged, "");
    if let Some(bound) = phone {
        log.event(ALICE, bound, at(11, 10, 20), FactorEnrolled, "");
    }
    log.prompt(ALICE, place, at(12, 9, 0), PromptApproved, Some(place));
    log.event(ALICE, place, at(12, 9, 1), SessionStarted, "");
    log
}

#[test]
fn where_the_owners_phone_answers_the_owner_is() {
    let incidents = of_alice(&moved(None));
    assert!(incidents.is_empty(), "{incidents:#?}");
}

#[test]
fn a_phone_that_was_bound_there_does_not_acquit() {
    let incidents = of_alice(&moved(Some(NEIGHBOUR)));
    assert!(incidents.iter().any(|i| i.stage == Stage::Foothold), "{incidents:#?}");
}

/// A push that is refused on the owner's browser on another line, and a typed code some time after.
fn refused_then_typed(after: Span) -> Log {
    let line = At { device: "", ..CAFE };
    let mut log = Log::with_habits(ALICE);
    without_devices(&mut log);
    log.prompt(ALICE, line, at(11, 10, 0), PromptDenied, None);
    let typed = at(11, 10, 0) + Span::seconds(8) + after;
    let i = log.event(ALICE, line, typed, FactorVerified, "");
    log.events[i].factor = Factor::Sms;
    log.event(ALICE, line, typed + Span::seconds(2), SessionStarted, "");
    log.event(ALICE, line, typed + Span::minutes(3), PasswordChanged, "");
    log.habits(ALICE, At { device: "", ..HOME }, 12..14);
    log
}

#[test]
fn a_refusal_counts_against_whoever_gets_in_by_other_means_from_the_same_place() {
    let incidents = of_alice(&refused_then_typed(Span::minutes(12)));
    assert!(incidents.iter().any(|i| i.stage >= Stage::Approved), "{incidents:#?}");
}

#[test]
fn a_slip_that_is_put_right_by_a_typed_code_is_no_downgrade() {
    let incidents = of_alice(&refused_then_typed(Span::seconds(40)));
    assert!(incidents.iter().all(|i| i.stage < Stage::Approved), "{incidents:#?}");
}

#[test]
fn a_phone_that_answers_from_its_browsers_own_pool_is_one_device() {
    let phone = At {
        ip: "198.51.100.93",
        asn: 0,
        as_name: "",
        agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile Safari/604.1",
        device: "phone-2",
        ..HOME
    };
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, phone, at(11, 13, 0), PromptDenied, None);
    log.prompt(ALICE, phone, at(11, 13, 4), PromptTimedOut, None);
    log.prompt(ALICE, phone, at(11, 13, 9), PromptApproved, Some(At { ip: "198.51.7.9", ..phone }));
    log.event(ALICE, phone, at(11, 13, 10), SessionStarted, "");
    log.habits(ALICE, HOME, 12..14);
    let incidents = of_alice(&log);
    assert!(incidents.iter().all(|i| i.stage < Stage::Approved), "{incidents:#?}");
}

/// A new laptop at a new address that misses a prompt and gets the next one is the owner, who is at a
/// friend's; unless strangers had asked in vain a few days ago.
#[test]
fn strangers_who_come_back_are_not_the_owner_with_a_new_laptop() {
    let friend = At {
        ip: "198.51.100.90",
        asn: 64_720,
        as_name: "Example Fibre",
        city: "Lyon",
        point: (45.76, 4.84),
        agent: "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
        device: "laptop-of-nobody",
        ..HOME
    };
    let stages = |was_asked: bool| -> Vec<Stage> {
        let mut log = Log::with_habits(ALICE);
        if was_asked {
            for minute in [0, 4] {
                log.prompt(ALICE, STRANGER, at(8, 3, minute), PromptTimedOut, None);
            }
        }
        log.prompt(ALICE, friend, at(11, 14, 0), PromptTimedOut, None);
        log.prompt(ALICE, friend, at(11, 14, 2), PromptApproved, None);
        log.event(ALICE, friend, at(11, 14, 2) + Span::seconds(20), SessionStarted, "");
        log.detect().0.iter().map(|incident| incident.stage).collect()
    };
    assert!(!stages(false).contains(&Stage::Approved));
    assert!(stages(true).contains(&Stage::Approved), "{:?}", stages(true));
}

#[test]
fn what_a_strangers_session_was_used_for_is_listed() {
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, STRANGER, at(11, 3, 0), PromptTimedOut, None);
    log.prompt(ALICE, STRANGER, at(11, 3, 5), PromptApproved, Some(HOME));
    log.event(ALICE, STRANGER, at(11, 3, 6), SessionStarted, "");
    for minute in 0..50 {
        let i =
            log.event(ALICE, STRANGER, at(11, 4, 0) + Span::minutes(minute * 2), SessionUsed, "");
        log.events[i].app = format!("app {}", minute % 3).into();
    }
    log.event(ALICE, HOME, at(11, 9, 0), SessionUsed, "");
    // Exports overlap: each record stands there twice.
    log.events.extend_from_within(..);
    let incidents = log.detect().0;
    let used: Vec<&str> = incidents[0]
        .after_approval
        .iter()
        .filter(|after| after.kind == SessionUsed)
        .map(|after| &*after.what)
        .collect();
    assert_eq!(used.len(), 50, "the owner's own are not among them");
    assert_eq!(used[..3], ["used app 0", "used app 1", "used app 2"]);
    // Whoever stays signed in does not make the attack last.
    assert_eq!(incidents[0].last_at, at(11, 3, 6));
}

/// A machine that somebody rents in the owner's city is no line of the owner's city.
#[test]
fn the_city_of_a_rented_machine_is_nobodys_home() {
    let stages = |provider: (u32, &'static str)| -> Vec<Stage> {
        let place = At {
            ip: "203.0.113.99",
            asn: provider.0,
            as_name: provider.1,
            device: "of-nobody",
            ..HOME
        };
        let mut log = Log::with_habits(ALICE);
        log.prompt(ALICE, place, at(11, 14, 2), PromptApproved, Some(HOME));
        log.event(ALICE, place, at(11, 14, 2) + Span::seconds(20), SessionStarted, "");
        log.detect().0.iter().map(|incident| incident.stage).collect()
    };
    assert_eq!(stages((64_720, "Example Fibre")), []);
    assert_eq!(stages((20_473, "The Constant Company")), [Stage::Approved]);
}

/// Whoever signs in after a reset, looks around for an hour and binds then is the browser of the hour
/// before.
#[test]
fn what_binds_an_hour_after_a_sign_in_is_that_browser() {
    let other = At { agent: NEIGHBOUR.agent, device: "of-nobody", ..CAFE };
    let stages = |minutes: i64| -> Vec<Stage> {
        let mut log = Log::with_habits(ALICE);
        let reset = log.event(ALICE, HOME, at(11, 9, 0), FactorReset, "all factors");
        log.events[reset].actor =
            Some(Party { name: "desk@example.org".into(), ..Party::default() });
        log.event(ALICE, other, at(11, 22, 0), SessionStarted, "");
        let without_browser = At { agent: "", device: "", ..other };
        let later = at(11, 22, 0) + Span::minutes(minutes);
        log.event(ALICE, without_browser, later, FactorEnrolled, "authenticator bound");
        log.detect().0.iter().map(|incident| incident.stage).collect()
    };
    assert_eq!(stages(30), [Stage::Foothold]);
    assert_eq!(stages(60), [Stage::Foothold]);
}
