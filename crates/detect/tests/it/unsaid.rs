//! What a product does not say: Duo logs no sessions, no providers and no coordinates.

use pushback_model::{EventKind, Factor, Incident, Source, Stage};

use crate::log::{At, HOME, Log, STRANGER, at};
use EventKind::{FactorEnrolled, FactorVerified, PromptApproved, PromptTimedOut};

const ALICE: &str = "alice@example.org";
const NOWHERE: (f64, f64) = (f64::NAN, f64::NAN);

/// The owner's laptop, as Duo tells of it.
const LAPTOP: At = At { asn: 0, as_name: "", point: NOWHERE, ..HOME };

/// The owner's phone, which comes out where its carrier does.
const PHONE: At = At {
    ip: "198.51.100.200",
    city: "Munich",
    agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1",
    device: "",
    ..LAPTOP
};

/// Somebody's line in the carrier's city, with the owner's browser.
const LINE: At = At { ip: "203.0.113.201", city: "Munich", device: "", ..LAPTOP };

/// What a product remembers: it asked nobody, and says so.
fn remembered(log: &mut Log, place: At, when: pushback_model::Timestamp) {
    log.event(ALICE, place, when, FactorVerified, "");
}

fn of_alice(mut log: Log) -> Vec<Incident> {
    log.events.iter_mut().for_each(|event| event.source = Source::Duo);
    log.detect().0.into_iter().filter(|i| i.subject.name == ALICE).collect()
}

#[test]
fn a_remembered_machine_that_names_no_device_is_listed() {
    let mut log = Log::default();
    for day in 0..3 {
        log.prompt(ALICE, LAPTOP, at(day, 8, 0), PromptApproved, Some(LAPTOP));
    }
    for day in 0..9 {
        remembered(&mut log, LAPTOP, at(day, 12, 0));
    }
    let relay = At { asn: 0, as_name: "", point: NOWHERE, ..STRANGER };
    log.prompt(ALICE, relay, at(9, 8, 0), PromptApproved, Some(LAPTOP));
    let there = At {
        ip: "203.0.113.201",
        agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/127.0.0.0 Safari/537.36",
        device: "",
        ..LAPTOP
    };
    remembered(&mut log, there, at(9, 8, 40));
    // The owner goes on at home.
    remembered(&mut log, LAPTOP, at(9, 9, 0));
    let incidents = of_alice(log);
    let [incident] = incidents.as_slice() else { panic!("{incidents:#?}") };
    assert_eq!(incident.stage, Stage::Approved);
    let after: Vec<_> = incident.after_approval.iter().map(|a| a.at).collect();
    assert_eq!(after, [at(9, 8, 40)]);
}

#[test]
fn the_city_of_a_phones_carrier_is_nobodys_desk() {
    let laptop = At { device: "", ..LAPTOP };
    let line = At { agent: STRANGER.agent, ..LINE };
    let mut log = Log::default();
    for day in 0..9 {
        log.prompt(ALICE, laptop, at(day, 8, 0), PromptApproved, Some(laptop));
        log.prompt(ALICE, PHONE, at(day, 12, 0), PromptApproved, Some(PHONE));
    }
    for minute in [0, 4] {
        log.prompt(ALICE, line, at(9, 10, minute), PromptTimedOut, None);
    }
    log.prompt(ALICE, line, at(9, 10, 7), PromptApproved, Some(PHONE));
    log.event(ALICE, line, at(9, 11, 0), FactorEnrolled, "phone");
    let incidents = of_alice(log);
    assert_eq!(incidents.iter().map(|i| i.stage).max(), Some(Stage::Foothold), "{incidents:#?}");
}

#[test]
fn whoever_types_codes_is_missed_at_a_machine_that_names_no_device() {
    let codes = |device: &'static str| {
        let mut log = Log::default();
        for day in 0..9 {
            let i = log.event(ALICE, LAPTOP, at(day, 8, 0), FactorVerified, "");
            log.events[i].factor = Factor::Sms;
            remembered(&mut log, LAPTOP, at(day, 12, 0));
        }
        let line = At { city: LAPTOP.city, device, ..LINE };
        log.prompt(ALICE, line, at(9, 10, 7), PromptApproved, None);
        log.event(ALICE, line, at(9, 11, 0), FactorEnrolled, "phone");
        of_alice(log).iter().map(|i| i.stage).max()
    };
    assert_eq!(codes(""), Some(Stage::Foothold));
    assert_eq!(codes("laptop-1"), None);
}
