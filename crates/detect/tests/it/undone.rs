//! What an answer, a colleague or another product must not undo, and what explains more than it seems.

use pushback_model::{EventKind, Factor, Incident, Source, Span, Stage};

use crate::log::{At, HOME, Log, NEIGHBOUR, STRANGER, at, endpoint};

const ALICE: &str = "alice@example.org";
use EventKind::{
    BypassGranted, ChallengeRequired, FactorEnrolled, FactorRemoved, FactorReset, FactorVerified,
    MailboxRule, PromptApproved, PromptDenied, PromptReported, PromptSent, PromptTimedOut,
    SessionStarted, SessionUsed,
};

/// A line of the owner's provider in their city.
const NEXT_DOOR: At = At { ip: "198.51.100.77", ..HOME };
/// A line of another provider there.
const FIBRE: At = At { ip: "198.51.100.90", asn: 64_720, as_name: "Example Fibre", ..HOME };
/// A commercial VPN comes out there.
const VPN: At = At { ip: "203.0.113.131", asn: 9_009, as_name: "M247 Europe SRL", ..NEIGHBOUR };
const FIREFOX: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64) Firefox/131.0";

fn of_alice(log: &Log) -> Vec<Incident> {
    log.detect().0.into_iter().filter(|i| i.subject.name == ALICE).collect()
}

fn has_term(incident: &Incident, kind: &str) -> bool {
    incident.evidence.iter().any(|t| t.kind == kind)
}

/// As a product writes that names no devices.
fn without_devices(log: &mut Log) {
    log.events.iter_mut().for_each(|event| event.requester.device = "".into());
}

fn worst(log: &Log) -> Option<Stage> {
    of_alice(log).iter().map(|i| i.stage).max()
}

#[test]
fn one_product_does_not_tell_where_anothers_phones_are() {
    // Okta is set up so that it logs the browser's address at both ends; Duo knows where phones are.
    let mut log = Log::with_habits(ALICE);
    for n in 0..12 {
        let name: &'static str = format!("okta{n}@example.org").leak();
        log.habits(name, HOME, 0..5);
        let name: &'static str = format!("duo{n}@example.org").leak();
        let before = log.events.len();
        for day in 0..5 {
            for hour in [8, 13] {
                log.prompt(name, HOME, at(day, hour, 7), PromptApproved, Some(NEXT_DOOR));
            }
        }
        for event in log.events.iter_mut().skip(before) {
            event.source = Source::Duo;
        }
    }
    for minute in [0, 2, 4] {
        log.prompt(ALICE, STRANGER, at(11, 2, minute), PromptTimedOut, None);
    }
    log.prompt(ALICE, STRANGER, at(11, 2, 6), PromptDenied, Some(STRANGER));
    let incidents = of_alice(&log);
    assert!(incidents.iter().any(|i| i.stage == Stage::Bombing), "{incidents:#?}");
    assert!(incidents.iter().all(|i| !has_term(i, "phone_same_network")), "{incidents:#?}");
}

#[test]
fn a_refusal_that_is_put_right_at_once_is_a_slip_only_where_something_is_known() {
    let refused = |place: At| {
        let mut log = Log::with_habits(ALICE);
        log.prompt(ALICE, place, at(11, 14, 22), PromptDenied, None);
        log.prompt(ALICE, place, at(11, 14, 24), PromptApproved, None);
        log.event(ALICE, place, at(11, 14, 25), SessionStarted, "");
        worst(&log)
    };
    let all_new = At { device: "laptop-9", agent: FIREFOX, ..NEIGHBOUR };
    assert_eq!(refused(all_new), Some(Stage::Approved));
    assert!(refused(At { device: "", ..NEXT_DOOR }).is_none_or(|stage| stage < Stage::Approved));
}

#[test]
fn silence_and_a_refusal_are_no_slip() {
    let place = At { device: "laptop-9", ..NEXT_DOOR };
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, place, at(11, 14, 20), PromptTimedOut, None);
    log.prompt(ALICE, place, at(11, 14, 22), PromptDenied, None);
    log.prompt(ALICE, place, at(11, 14, 23), PromptApproved, None);
    let incidents = of_alice(&log);
    let terms = incidents.iter().flat_map(|i| &i.evidence);
    let said: f64 = terms.filter(|t| t.kind == "after_failures").map(|t| t.bits).sum();
    assert!(said > 3.0, "{incidents:#?}");
}

#[test]
fn colleagues_do_not_vouch_for_a_commercial_vpn() {
    let approved = |place: At| {
        let mut log = Log::with_habits(ALICE);
        for name in ["bob@example.org", "carol@example.org", "dave@example.org"] {
            log.habits(name, place, 0..10);
        }
        let there = At { device: "laptop-9", agent: FIREFOX, ..place };
        log.prompt(ALICE, there, at(11, 14, 0), PromptTimedOut, None);
        log.prompt(ALICE, there, at(11, 14, 2), PromptTimedOut, None);
        log.prompt(ALICE, there, at(11, 14, 4), PromptApproved, None);
        log.event(ALICE, there, at(11, 14, 5), SessionStarted, "");
        of_alice(&log)
    };
    let vpn = approved(VPN);
    assert!(vpn.iter().any(|i| i.stage == Stage::Approved), "{vpn:#?}");
    let office = approved(NEIGHBOUR);
    assert!(office.iter().all(|i| i.stage < Stage::Approved), "{office:#?}");
}

#[test]
fn a_session_that_goes_on_abroad_on_another_device_was_handed_on() {
    let used = |there: At, device: &'static str, bears: bool| {
        let mut log = Log::with_habits(ALICE);
        let begun = At { device: "laptop-9", ..NEXT_DOOR };
        log.prompt(ALICE, begun, at(11, 9, 0), PromptApproved, None);
        let own = At { device: if bears { begun.device } else { "" }, ..begun };
        for (place, minute, kind) in [
            (begun, 1, SessionStarted),
            (own, 2, SessionUsed),
            (At { device, ..there }, 40, SessionUsed),
        ] {
            let i = log.event(ALICE, place, at(11, 9, minute), kind, "");
            log.events[i].session = "session-1".into();
        }
        of_alice(&log).iter().any(|i| has_term(i, "session_elsewhere"))
    };
    let abroad = At { agent: HOME.agent, ..STRANGER };
    assert!(used(abroad, "machine-1", true));
    assert!(!used(abroad, "laptop-9", true), "the laptop itself, through a gateway");
    assert!(!used(abroad, "", true), "not every record names the device");
    assert!(!used(abroad, "mark-2", false), "uses name the browser by another mark");
    assert!(!used(At { agent: HOME.agent, ..NEIGHBOUR }, "machine-1", true), "inside the country");
}

#[test]
fn a_clock_beside_the_owners_phone_is_a_client_though_its_owner_refuses_once() {
    let asked = |phone: At| {
        let client = At {
            device: "",
            agent: "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0)",
            ..FIBRE
        };
        let mut log = Log::with_habits(ALICE);
        for n in 0..10 {
            let when = at(11, 8, 50) + Span::minutes(30 * n);
            if n == 4 {
                log.prompt(ALICE, client, when, PromptDenied, Some(At { device: "", ..phone }));
            } else {
                log.prompt(ALICE, client, when, PromptTimedOut, None);
            }
        }
        worst(&log)
    };
    assert_eq!(asked(FIBRE), None);
    assert_eq!(asked(STRANGER), Some(Stage::Bombing));
}

#[test]
fn a_phone_that_is_replaced_from_a_usual_place_is_no_removal() {
    let replaced = |place: At| {
        let mut log = Log::with_habits(ALICE);
        log.prompt(ALICE, place, at(11, 18, 0), PromptTimedOut, None);
        log.prompt(ALICE, place, at(11, 18, 2), PromptApproved, None);
        log.event(ALICE, place, at(11, 18, 5), FactorEnrolled, "new phone");
        log.event(ALICE, place, at(11, 18, 9), FactorRemoved, "old phone");
        without_devices(&mut log);
        of_alice(&log)
    };
    // Another line of the owner's provider, with the browser that they always use.
    let at_home = replaced(NEXT_DOOR);
    assert!(at_home.iter().all(|i| !has_term(i, "after_removal")), "{at_home:#?}");
    let away = replaced(STRANGER);
    assert!(away.iter().any(|i| has_term(i, "after_removal")), "{away:#?}");
}

#[test]
fn a_rule_that_hides_mail_right_after_a_reset_tells_whose_the_new_phone_is() {
    let reset = |what: &'static str| {
        let mut log = Log::with_habits(ALICE);
        let i = log.event(ALICE, HOME, at(11, 15, 10), FactorReset, "all factors");
        log.events[i].requester = endpoint(HOME);
        log.events[i].actor =
            Some(pushback_model::Party { name: "desk@example.org".into(), ..Default::default() });
        let place = At { device: "", agent: FIREFOX, ..NEXT_DOOR };
        log.event(ALICE, place, at(11, 15, 27), SessionStarted, "");
        log.event(ALICE, place, at(11, 15, 29), FactorEnrolled, "new phone");
        if !what.is_empty() {
            log.event(ALICE, place, at(11, 15, 45), MailboxRule, what);
        }
        without_devices(&mut log);
        worst(&log)
    };
    assert_eq!(reset("deletes mail about security"), Some(Stage::Foothold));
    assert_eq!(reset("rule: inbox rule that moves newsletters"), reset(""));
}

#[test]
fn whoever_was_reported_and_asks_again_days_later_has_returned() {
    let again = |is_reported: bool| {
        let mut log = Log::with_habits(ALICE);
        let place = NEXT_DOOR;
        if is_reported {
            log.prompt(ALICE, NEIGHBOUR, at(6, 15, 20), PromptReported, None);
        }
        log.prompt(ALICE, place, at(12, 17, 17), PromptTimedOut, None);
        log.prompt(ALICE, place, at(12, 17, 19), PromptApproved, None);
        log.event(ALICE, place, at(12, 20, 31), MailboxRule, "deletes mail about security");
        without_devices(&mut log);
        worst(&log)
    };
    assert_eq!(again(true), Some(Stage::Foothold));
    assert_eq!(again(false), None);
}

#[test]
fn one_failure_that_is_told_twice_counts_once() {
    let told = |apart: i64| {
        let mut log = Log::with_habits(ALICE);
        for minute in [0, 3] {
            for seconds in [0, apart] {
                let when = at(11, 2, minute) + Span::seconds(seconds);
                let i = log.event(ALICE, STRANGER, when, PromptTimedOut, "");
                log.events[i].factor = Factor::Push;
                log.events[i].source = Source::GoogleWorkspace;
            }
        }
        of_alice(&log)[0].prompts.unanswered
    };
    assert_eq!((told(2), told(60)), (2, 4));
}

#[test]
fn what_completes_a_prompts_own_transaction_is_its_approval() {
    let completed = |transaction: &'static str| {
        let mut log = Log::with_habits(ALICE);
        let mut step = |second: i64, kind, factor, transaction: &'static str| {
            let when = at(11, 2, 0) + Span::seconds(second);
            let i = log.event(ALICE, STRANGER, when, kind, "");
            log.events[i].factor = factor;
            log.events[i].source = Source::PingOne;
            log.events[i].transaction = transaction.into();
        };
        step(0, ChallengeRequired, Factor::Unknown, "flow-1");
        step(0, PromptSent, Factor::Push, "flow-1");
        step(11, FactorVerified, Factor::Unknown, transaction);
        step(12, SessionStarted, Factor::Unknown, transaction);
        of_alice(&log).iter().any(|i| i.approved_at.is_some() && i.prompts.approved == 1)
    };
    assert!(completed("flow-1"));
    assert!(!completed("flow-2"));
}

#[test]
fn whoever_always_comes_out_abroad_is_not_far_from_their_phone() {
    let signs_in = |days: std::ops::Range<i64>| {
        let abroad = At { country: "GB", city: "London", point: (51.51, -0.13), ..VPN };
        let mut log = Log::with_habits(ALICE);
        for day in days {
            log.prompt(
                ALICE,
                At { agent: HOME.agent, ..abroad },
                at(day, 15, 0),
                PromptApproved,
                Some(HOME),
            );
        }
        let other_exit = At { ip: "203.0.113.140", agent: FIREFOX, ..abroad };
        log.prompt(ALICE, other_exit, at(11, 15, 0), PromptApproved, Some(HOME));
        log.event(ALICE, other_exit, at(11, 15, 1), SessionStarted, "");
        without_devices(&mut log);
        worst(&log)
    };
    assert_eq!(signs_in(2..6), None);
    assert_eq!(signs_in(0..0), Some(Stage::Approved));
}

#[test]
fn a_stranger_who_was_let_in_before_makes_no_custom_of_the_distance() {
    let mut log = Log::with_habits(ALICE);
    for day in [11, 13, 20] {
        log.prompt(ALICE, STRANGER, at(day, 2, 0), PromptApproved, Some(HOME));
        log.event(ALICE, STRANGER, at(day, 2, 1), SessionStarted, "");
    }
    let incidents = of_alice(&log);
    let last = incidents.iter().find(|i| i.started_at >= at(20, 0, 0)).expect("an incident");
    let tells = |i: &Incident| has_term(i, "phone_far") || has_term(i, "phone_at_home");
    assert!(tells(last), "{last:#?}");
}

#[test]
fn a_way_around_the_second_factor_that_somebody_gave_out_then_is_told() {
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, STRANGER, at(11, 2, 0), PromptApproved, None);
    log.event(ALICE, STRANGER, at(11, 2, 1), SessionStarted, "");
    for (n, minute) in [(0, 20), (1, 200)] {
        let i = log.event(ALICE, HOME, at(11, 2, 0) + Span::minutes(minute), BypassGranted, "");
        log.events[i].id = format!("bypass-{n}").into();
        log.events[i].requester = pushback_model::Endpoint::default();
        log.events[i].actor =
            Some(pushback_model::Party { name: "desk@example.org".into(), ..Default::default() });
    }
    let incidents = of_alice(&log);
    assert_eq!(incidents[0].stage, Stage::Approved, "what others do makes no foothold");
    let told: Vec<&str> = incidents[0].after_approval.iter().map(|a| &*a.event).collect();
    assert!(told.contains(&"bypass-0") && !told.contains(&"bypass-1"), "{told:?}");
}

#[test]
fn what_may_have_been_no_prompt_is_not_called_one() {
    let failed = |kind: EventKind| {
        let mut log = Log::with_habits(ALICE);
        for minute in [0, 2, 4] {
            let i = log.event(ALICE, STRANGER, at(11, 2, minute), kind, "");
            log.events[i].factor = Factor::Push;
        }
        let found = of_alice(&log);
        found[0].evidence.iter().find(|t| t.kind == "unanswered").unwrap().why.clone()
    };
    assert_eq!(failed(PromptTimedOut), "3 prompts were not answered");
    assert_eq!(
        failed(EventKind::FactorFailed),
        "a second factor was asked for 3 times, and failed"
    );
}
