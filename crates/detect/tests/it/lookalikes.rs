//! Innocent life that looks like an attack: quiet, or a configuration finding.

use pushback_model::{EventKind, Factor, Span, Stage};

use crate::log::{At, HOME, Log, STRANGER, at};

const ALICE: &str = "alice@example.org";
use EventKind::{FactorEnrolled, PromptApproved, PromptDenied, PromptTimedOut};

const ABROAD: At = At {
    ip: "203.0.113.9",
    asn: 64_900,
    as_name: "Example Hotel Wi-Fi",
    country: "PT",
    city: "Lisbon",
    point: (38.72, -9.14),
    ..HOME
};

#[track_caller]
fn quiet(log: &Log) {
    let (incidents, _) = log.detect();
    assert!(incidents.is_empty(), "{incidents:#?}");
}

#[test]
fn a_traveller_with_their_own_laptop() {
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, ABROAD, at(11, 9, 0), PromptTimedOut, None);
    log.sign_in(ALICE, ABROAD, at(11, 9, 6));
    quiet(&log);
}

#[test]
fn a_slip_of_the_thumb_at_home() {
    let mut log = Log::with_habits(ALICE);
    log.prompt(ALICE, HOME, at(11, 8, 0), PromptDenied, None);
    log.sign_in(ALICE, HOME, at(11, 8, 1));
    quiet(&log);
}

#[test]
fn a_phone_left_in_another_room() {
    let mut log = Log::with_habits(ALICE);
    for minute in [0, 2, 4] {
        log.prompt(ALICE, HOME, at(11, 8, minute), PromptTimedOut, None);
    }
    log.sign_in(ALICE, HOME, at(11, 8, 9));
    quiet(&log);
}

#[test]
fn a_mail_client_with_an_old_password_is_a_configuration_finding() {
    let mut log = Log::with_habits(ALICE);
    for n in 0..12 {
        log.prompt(ALICE, HOME, at(11, 8, 0) + Span::minutes(15 * n), PromptTimedOut, None);
    }
    let (incidents, findings) = log.detect();
    assert!(incidents.is_empty(), "{incidents:#?}");
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].kind, "cached_password");
    assert!(findings[0].prompts >= 11);
}

#[test]
fn a_new_browser_at_home() {
    let mut log = Log::with_habits(ALICE);
    let fresh = At { agent: "Mozilla/5.0 (Macintosh) Safari/605", device: "laptop-2", ..HOME };
    log.sign_in(ALICE, fresh, at(11, 8, 0));
    quiet(&log);
}

#[test]
fn a_helpdesk_reset_followed_by_the_owners_enrolment_at_home() {
    let mut log = Log::with_habits(ALICE);
    let reset = log.event(ALICE, HOME, at(11, 9, 0), EventKind::FactorReset, "all factors");
    log.events[reset].actor =
        Some(pushback_model::Party { name: "desk@example.org".into(), ..Default::default() });
    log.event(ALICE, HOME, at(11, 9, 20), FactorEnrolled, "authenticator bound");
    quiet(&log);
}

#[test]
fn an_outage_that_leaves_everyone_unanswered() {
    let mut log = Log::default();
    let people: Vec<String> = (0..12).map(|n| format!("person{n}@example.org")).collect();
    for name in &people {
        log.habits(name, HOME, 0..10);
    }
    for (n, name) in people.iter().enumerate() {
        log.prompt(name, HOME, at(11, 8, 0) + Span::seconds(7 * n as i64), PromptTimedOut, None);
        log.prompt(name, HOME, at(11, 8, 6) + Span::seconds(7 * n as i64), PromptTimedOut, None);
    }
    let (incidents, findings) = log.detect();
    assert!(incidents.is_empty(), "{incidents:#?}");
    assert!(findings.iter().any(|f| f.kind == "push_outage"));
}

#[test]
fn two_own_sign_ins_at_once() {
    let mut log = Log::with_habits(ALICE);
    let phone = At {
        ip: "198.51.100.77",
        asn: 64_501,
        as_name: "Example Mobile",
        agent: "Mozilla/5.0 (iPhone)",
        device: "phone-1",
        ..HOME
    };
    for day in 2..10 {
        log.sign_in(ALICE, phone, at(day, 18, 0));
    }
    log.prompt(ALICE, HOME, at(11, 8, 0), PromptApproved, Some(HOME));
    log.prompt(ALICE, phone, at(11, 8, 0) + Span::seconds(15), PromptApproved, Some(HOME));
    quiet(&log);
}

#[test]
fn an_onboarding_wave_of_accounts_without_a_creation_event() {
    let mut log = Log::with_habits(ALICE);
    log.habits(ALICE, HOME, 10..13);
    for (n, ip) in
        ["198.51.100.11", "198.51.100.42", "203.0.113.5", "203.0.113.77"].into_iter().enumerate()
    {
        let home = At { ip, asn: 64_510 + n as u32, device: "", ..HOME };
        let name = format!("new{n}@example.org");
        log.event(&name, home, at(12, 9, 11 * n as i64), FactorEnrolled, "authenticator bound");
    }
    quiet(&log);
}

#[test]
fn a_mail_client_with_an_old_password_that_moves_with_its_owner() {
    let mut log = Log::with_habits(ALICE);
    log.event(ALICE, HOME, at(11, 7, 0), EventKind::PasswordChanged, "");
    for (n, ip) in ["198.51.100.9", "198.51.100.140", "192.0.2.77"].into_iter().enumerate() {
        let place = At { ip, device: "", ..HOME };
        for k in 0..8 {
            let when = at(11, 8 + 3 * n as i64, 0) + Span::minutes(15 * k);
            log.prompt(ALICE, place, when, PromptTimedOut, None);
        }
    }
    let (incidents, _) = log.detect();
    let worst = incidents.iter().map(|i| i.stage).max();
    assert!(worst <= Some(Stage::Exposed), "{incidents:#?}");
}

#[test]
fn a_mail_client_whose_gateways_are_known_now_and_then() {
    // Every other hour goes through a gateway that its owner has used, which leaves holes.
    let phone = At { agent: "Mozilla/5.0 (iPhone)", device: "", ..HOME };
    let gateway = At { ip: "198.51.100.9", asn: 64_501, ..phone };
    let mut log = Log::with_habits(ALICE);
    log.habits(ALICE, gateway, 0..10);
    let others = ["198.51.102.9", "203.0.113.140", "192.0.2.77", "198.51.103.4"];
    for n in 0..24 {
        let ip = if n % 4 < 2 { gateway.ip } else { others[n / 6] };
        let when = at(11, 0, 3) + Span::hours(n as i64) + Span::seconds(n as i64 % 3);
        log.prompt(ALICE, At { ip, ..gateway }, when, PromptTimedOut, None);
    }
    let (incidents, _) = log.detect();
    let worst = incidents.iter().map(|i| i.stage).max();
    assert!(worst <= Some(Stage::Exposed), "{incidents:#?}");
}

#[test]
fn a_phone_that_sends_its_data_home_while_its_owner_travels() {
    let mut log = Log::with_habits(ALICE);
    for event in &mut log.events {
        event.requester.device = "".into();
    }
    let abroad = At { device: "", ..ABROAD };
    log.prompt(ALICE, abroad, at(11, 9, 0), PromptApproved, Some(HOME));
    quiet(&log);
}

#[test]
fn a_drill_from_the_office_is_no_bombing() {
    let office = At { ip: "198.51.100.220", asn: 64_730, city: "Potsdam", ..HOME };
    let machine =
        At { agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0", device: "", ..office };
    let mut log = Log::default();
    for n in 0..8 {
        let device: &'static str = ["a", "b", "c", "d", "e", "f", "g", "h"][n];
        log.habits(&format!("colleague{n}@example.org"), At { device, ..office }, 0..12);
    }
    for n in 0..5 {
        let name = format!("person{n}@example.org");
        log.habits(&name, HOME, 0..12);
        log.prompt(&name, machine, at(11, 16, 3 * n), PromptTimedOut, None);
    }
    let (incidents, _) = log.detect();
    let worst = incidents.iter().map(|i| i.stage).max();
    assert!(worst <= Some(Stage::Exposed), "{incidents:#?}");
}

#[test]
fn the_first_day_on_the_company_network_far_away() {
    // Colleagues are at home there; the phone stays where its owner is.
    let exit = At {
        ip: "203.0.113.150",
        asn: 64_740,
        as_name: "Example Corporation",
        country: "US",
        city: "Chicago",
        point: (41.88, -87.63),
        ..HOME
    };
    let mut log = Log::with_habits(ALICE);
    for event in &mut log.events {
        event.requester.device = "".into();
    }
    for n in 0..4 {
        log.habits(&format!("colleague{n}@example.org"), exit, 0..12);
    }
    log.prompt(ALICE, At { device: "", ..exit }, at(11, 9, 0), PromptApproved, Some(HOME));
    quiet(&log);
}

/// A café of the owner's own city.
const CAFE: At = At {
    ip: "198.51.100.77",
    asn: 64_800,
    as_name: "Example Wireless",
    device: "tablet-1",
    ..HOME
};

#[test]
fn two_prompts_missed_in_a_cafe_are_no_bombing() {
    let mut log = Log::with_habits(ALICE);
    for minute in [0, 6] {
        log.prompt(ALICE, CAFE, at(11, 13, minute), PromptTimedOut, None);
    }
    log.habits(ALICE, HOME, 12..14);
    let (incidents, _) = log.detect();
    assert!(incidents.iter().all(|i| i.stage == Stage::Exposed), "{incidents:#?}");
    // A stranger who insists is one all the same.
    log.prompt(ALICE, CAFE, at(11, 13, 12), PromptTimedOut, None);
    assert_eq!(log.detect().0[0].stage, Stage::Bombing);
}

#[test]
fn a_new_phone_after_two_weeks_away_is_no_dormant_account() {
    let mut log = Log::default();
    log.habits(ALICE, HOME, 0..3);
    log.habits("bob@example.org", HOME, 0..16);
    let new_phone = At { ip: "198.51.100.78", ..CAFE };
    log.event(ALICE, new_phone, at(16, 9, 0), FactorEnrolled, "authenticator bound");
    quiet(&log);
}

#[test]
fn a_client_beside_the_owners_laptop_that_asks_every_five_minutes() {
    let mut log = Log::with_habits(ALICE);
    log.sign_in(ALICE, At { device: HOME.device, ..CAFE }, at(11, 8, 0));
    let client = At { agent: "Microsoft Office/16.0", device: "", ..CAFE };
    for n in 0..14 {
        log.prompt(ALICE, client, at(11, 8, 35) + Span::minutes(5 * n), PromptTimedOut, None);
    }
    log.habits(ALICE, HOME, 12..14);
    quiet(&log);
}

#[test]
fn one_persons_prompts_are_no_outage() {
    let mut log = Log::with_habits(ALICE);
    for minute in 0..7 {
        log.prompt(ALICE, HOME, at(11, 8, minute), PromptTimedOut, None);
    }
    log.habits(ALICE, HOME, 12..13);
    let (_, findings) = log.detect();
    assert!(findings.iter().all(|f| f.kind != "push_outage"), "{findings:#?}");
}

#[test]
fn a_client_whose_prompts_are_logged_by_their_ends_only() {
    let mut log = Log::with_habits(ALICE);
    let client = At { device: "", ..CAFE };
    for n in 0..10 {
        // Silence is logged after a minute, a refusal at once.
        let (after, outcome) = if n % 3 == 2 { (9, PromptDenied) } else { (60, PromptTimedOut) };
        let when = at(11, 8, 0) + Span::minutes(15 * n) + Span::seconds(after);
        let i = log.event(ALICE, client, when, outcome, "");
        log.events[i].factor = Factor::Push;
    }
    log.habits(ALICE, HOME, 12..14);
    let (incidents, _) = log.detect();
    assert!(incidents.iter().all(|i| i.stage < Stage::Bombing), "{incidents:#?}");
}

#[test]
fn one_missed_prompt_each_from_one_provider_is_no_bombing() {
    let mut log = Log::default();
    let lines = ["198.51.100.41", "198.51.101.41", "198.51.102.41", "198.51.103.41"];
    for (n, ip) in (0..).zip(lines) {
        let name = format!("person{n}@example.org");
        log.habits(&name, HOME, 0..10);
        log.prompt(
            &name,
            At { ip, agent: STRANGER.agent, device: "tablet-2", ..ABROAD },
            at(11, 9, 10 * n),
            PromptTimedOut,
            None,
        );
        log.habits(&name, HOME, 12..14);
    }
    let (incidents, _) = log.detect();
    assert!(incidents.iter().all(|i| i.stage == Stage::Exposed), "{incidents:#?}");
}

#[test]
fn a_log_on_at_the_owners_machine_names_neither_place_nor_browser() {
    let mut log = Log::with_habits(ALICE);
    let machine = |log: &mut Log, when, outcome| {
        let nowhere = At { ip: "", asn: 0, as_name: "", country: "", city: "", ..HOME };
        let place = At { agent: "", device: "", ..nowhere };
        log.prompt(ALICE, place, when, outcome, None);
        for event in log.events.iter_mut().filter(|event| event.requester.ip.is_empty()) {
            event.requester.agent.os = "Windows".into();
            event.requester.coordinates = None;
        }
    };
    machine(&mut log, at(11, 8, 0), PromptTimedOut);
    machine(&mut log, at(11, 8, 2), PromptApproved);
    log.sign_in(ALICE, HOME, at(11, 8, 6));
    quiet(&log);
}

#[test]
fn a_report_that_is_taken_back_is_no_alarm() {
    let report = |then: At, minutes: i64| {
        let mut log = Log::with_habits(ALICE);
        log.prompt(ALICE, HOME, at(11, 8, 0), EventKind::PromptReported, None);
        log.sign_in(ALICE, then, at(11, 8, minutes));
        log.detect().0
    };
    for minutes in [3, 25] {
        let incidents = report(HOME, minutes);
        assert_eq!(incidents.len(), 1, "{incidents:#?}");
        assert_eq!(incidents[0].stage, Stage::Exposed, "after {minutes} minutes");
    }
    // Hours later it is another sign-in, and somebody else's yes takes nothing back.
    for incidents in [report(HOME, 150), report(STRANGER, 3)] {
        assert!(incidents.iter().any(|incident| incident.stage >= Stage::Bombing));
    }
}

#[test]
fn a_code_of_ones_own_that_was_mistyped_rang_nobody() {
    let mut log = Log::with_habits(ALICE);
    let new_laptop = At { device: "laptop-2", ip: "198.51.100.40", ..HOME };
    for minute in [0, 1] {
        let i = log.event(ALICE, new_laptop, at(11, 9, minute), EventKind::FactorFailed, "");
        log.events[i].factor = Factor::Code;
    }
    let i = log.event(ALICE, new_laptop, at(11, 9, 2), EventKind::FactorVerified, "");
    log.events[i].factor = Factor::Code;
    quiet(&log);
}

#[test]
fn a_session_that_names_the_owners_device_minutes_later_is_theirs() {
    let sign_in = |named: &'static str| {
        let mut log = Log::with_habits(ALICE);
        let bare = At { device: "", ..STRANGER };
        log.prompt(ALICE, bare, at(11, 21, 0), PromptApproved, None);
        let mut session = |device, when, kind| {
            let i = log.event(ALICE, At { device, ..STRANGER }, when, kind, "");
            log.events[i].session = "session-1".into();
        };
        session("", at(11, 21, 1), EventKind::SessionStarted);
        session(named, at(11, 21, 20), EventKind::SessionUsed);
        log.detect().0.len()
    };
    assert_eq!((sign_in(HOME.device), sign_in("laptop-9")), (0, 1));
}

#[test]
fn a_new_phone_follows_the_authenticator_that_was_bound_at_home() {
    let set_up = |bound_at: At| {
        let mut log = Log::with_habits(ALICE);
        log.sign_in(ALICE, bound_at, at(11, 9, 0));
        log.event(ALICE, bound_at, at(11, 9, 4), FactorEnrolled, "");
        let phone = At {
            agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Mobile Safari/604.1",
            device: "",
            ip: "198.51.100.91",
            as_name: "Example Mobile",
            asn: 64_800,
            ..HOME
        };
        log.prompt(ALICE, phone, at(11, 10, 30), PromptApproved, None);
        log.event(ALICE, phone, at(11, 10, 31), EventKind::SessionStarted, "");
        log.event(ALICE, phone, at(11, 10, 33), EventKind::DeviceRegistered, "");
        log
    };
    quiet(&set_up(HOME));
}

#[test]
fn a_session_of_long_ago_shows_that_the_line_is_the_owners() {
    let change = |is_there: bool| {
        let mut log = Log::with_habits(ALICE);
        let line = At { ip: "198.51.100.77", device: "", ..HOME };
        let phone = At { agent: "Outlook-iOS/2.0", device: "", ..HOME };
        let mut used = |place: At, when| {
            let i = log.event(ALICE, place, when, EventKind::SessionUsed, "");
            log.events[i].session = "phone-session".into();
        };
        used(phone, at(9, 18, 0));
        if is_there {
            used(At { ip: line.ip, ..phone }, at(11, 6, 50));
        }
        let updated = HOME.agent.replace("126", "127").leak();
        let laptop = At { agent: updated, ..line };
        log.prompt(ALICE, laptop, at(11, 9, 50), PromptApproved, None);
        log.event(ALICE, laptop, at(11, 9, 52), EventKind::FactorRemoved, "");
        log.event(ALICE, laptop, at(11, 9, 55), FactorEnrolled, "");
        log.detect().0.len()
    };
    assert_eq!((change(true), change(false)), (0, 1));
}
