//! The same attack and the same innocent day, told by logs that say less or say it differently.

use pushback_model::{EventKind, IdentityEvent, Incident, Party, Span, Stage, Timestamp};

use crate::log::{At, HOME, Log, NEIGHBOUR, STRANGER, at};

const ALICE: &str = "alice@example.org";
use EventKind::{
    FactorEnrolled, MailboxRule, PasswordReset, PromptApproved, PromptDenied, PromptSent,
    PromptTimedOut, SessionStarted,
};

/// A way of logging: what it makes of a complete record; `false` leaves it out.
type Shape = fn(&mut IdentityEvent<'static>) -> bool;

const SHAPES: [(&str, Shape); 11] = [
    ("complete", |_| true),
    ("no coordinates", |event| {
        ends(event, |end| end.coordinates = None);
        true
    }),
    ("no provider and no city", |event| {
        ends(event, |end| {
            (end.asn, end.as_name, end.city) = (0, "".into(), "".into());
            end.coordinates = None;
        });
        true
    }),
    ("addresses alone", |event| {
        ends(event, |end| {
            (end.asn, end.as_name, end.city, end.country) = (0, "".into(), "".into(), "".into());
            end.coordinates = None;
        });
        true
    }),
    ("IPv6", |event| {
        ends(event, |end| {
            end.ip = match &*end.ip {
                "" => "".into(),
                "192.0.2.10" => "2001:db8:a:1::7".into(),
                ip => {
                    format!("2001:db8:{:x}:1::9", ip.len() + usize::from(ip.as_bytes()[0])).into()
                }
            };
        });
        true
    }),
    ("no user agents", |event| {
        ends(event, |end| end.agent = Default::default());
        true
    }),
    ("no device ids", |event| {
        ends(event, |end| end.device = "".into());
        true
    }),
    ("device ids in capitals", |event| {
        ends(event, |end| end.device = end.device.to_uppercase().into());
        true
    }),
    ("no sessions", |event| event.kind != SessionStarted),
    ("whole seconds", |event| {
        let seconds = event.occurred_at.as_millis().div_euclid(1_000);
        event.occurred_at = Timestamp::from_seconds(seconds);
        true
    }),
    ("outcomes alone", |event| event.kind != PromptSent),
];

fn ends(
    event: &mut IdentityEvent<'static>,
    change: impl Fn(&mut pushback_model::Endpoint<'static>),
) {
    change(&mut event.requester);
    if let Some(phone) = &mut event.responder {
        change(phone);
    }
}

fn shaped(log: &Log, shape: Shape) -> Log {
    let mut events = log.events.clone();
    events.retain_mut(shape);
    Log { events }
}

fn of_alice(log: &Log) -> Vec<Incident> {
    log.detect().0.into_iter().filter(|incident| incident.subject.name == ALICE).collect()
}

/// Days of habits, then prompts, a yes, and an authenticator bound from the same place.
fn attacked(days: i64, place: At, yes_after: Span) -> Log {
    let mut log = Log::default();
    log.habits(ALICE, HOME, 0..days);
    let start = at(days + 1, 10, 0);
    for (minute, outcome) in [(0, PromptDenied), (2, PromptTimedOut), (5, PromptTimedOut)] {
        let minute = Span::minutes(minute);
        prompt(&mut log, place, start + minute, outcome, Span::seconds(30));
    }
    let asked = start + Span::minutes(11);
    prompt(&mut log, place, asked, PromptApproved, yes_after);
    let inside = asked + yes_after + Span::seconds(4);
    log.event(ALICE, place, inside, SessionStarted, "");
    log.event(ALICE, place, inside + Span::minutes(6), FactorEnrolled, "authenticator bound");
    log
}

/// A prompt whose every outcome is logged, a silence after a minute.
fn prompt(log: &mut Log, place: At, when: Timestamp, outcome: EventKind, after: Span) {
    let sent = log.event(ALICE, place, when, PromptSent, "");
    let ended = log.event(ALICE, place, when + after, outcome, "");
    for i in [sent, ended] {
        log.events[i].factor = pushback_model::Factor::Push;
        log.events[i].session = "".into();
    }
}

#[test]
fn an_attack_is_found_however_little_the_log_says() {
    for (name, shape) in SHAPES {
        let incidents = of_alice(&shaped(&attacked(10, STRANGER, Span::seconds(9)), shape));
        let worst = incidents.iter().map(|i| i.stage).max();
        assert_eq!(worst, Some(Stage::Foothold), "{name}: {incidents:#?}");
        let listed = incidents
            .iter()
            .any(|i| i.after_approval.iter().any(|after| after.kind == FactorEnrolled));
        assert!(listed, "{name}: what followed is not listed");
    }
}

#[test]
fn a_neighbours_attack_is_found_however_little_the_log_says() {
    for (name, shape) in SHAPES {
        let incidents = of_alice(&shaped(&attacked(10, NEIGHBOUR, Span::seconds(9)), shape));
        let worst = incidents.iter().map(|i| i.stage).max();
        assert!(worst >= Some(Stage::Approved), "{name}: {incidents:#?}");
    }
}

#[test]
fn an_innocent_fortnight_is_quiet_however_little_the_log_says() {
    let mut log = Log::with_habits(ALICE);
    // A prompt missed at home and asked for again, and a café with the usual laptop.
    prompt(&mut log, HOME, at(11, 8, 0), PromptTimedOut, Span::seconds(60));
    log.sign_in(ALICE, HOME, at(11, 8, 2));
    let cafe = At { ip: "198.51.100.90", asn: 64_720, as_name: "Example Café", ..HOME };
    log.sign_in(ALICE, cafe, at(12, 15, 0));
    log.habits(ALICE, HOME, 12..14);
    for (name, shape) in SHAPES {
        let incidents = of_alice(&shaped(&log, shape));
        assert!(incidents.is_empty(), "{name}: {incidents:#?}");
    }
}

#[test]
fn a_few_days_of_habits_are_enough() {
    for days in [1, 3, 5] {
        let incidents = of_alice(&attacked(days, STRANGER, Span::seconds(9)));
        let worst = incidents.iter().map(|i| i.stage).max();
        assert_eq!(worst, Some(Stage::Foothold), "{days} days: {incidents:#?}");
    }
}

#[test]
fn a_yes_that_takes_minutes_is_a_yes() {
    for seconds in [70, 270, 420] {
        let incidents = of_alice(&attacked(10, STRANGER, Span::seconds(seconds)));
        let worst = incidents.iter().map(|i| i.stage).max();
        assert_eq!(worst, Some(Stage::Foothold), "{seconds} s: {incidents:#?}");
    }
}

#[test]
fn a_stranger_of_the_same_city_and_provider_with_the_owners_browser_is_seen_by_what_they_do() {
    let twin = At { ip: "198.51.100.44", device: "", ..HOME };
    let mut log = attacked(10, twin, Span::seconds(9));
    for event in &mut log.events {
        event.requester.device = "".into();
    }
    assert!(!of_alice(&log).is_empty());
}

#[test]
fn a_person_with_a_single_sign_in_is_not_too_little_known() {
    let mut log = Log::default();
    log.sign_in(ALICE, HOME, at(0, 9, 0));
    for n in 0..4 {
        prompt(&mut log, STRANGER, at(4, 10, 2 * n), PromptTimedOut, Span::seconds(60));
    }
    prompt(&mut log, STRANGER, at(4, 10, 11), PromptApproved, Span::seconds(9));
    log.event(ALICE, STRANGER, at(4, 10, 12), SessionStarted, "");
    let incidents = of_alice(&log);
    let worst = incidents.iter().map(|i| i.stage).max();
    assert!(worst >= Some(Stage::Approved), "{incidents:#?}");
}

#[test]
fn what_follows_is_listed_under_any_spelling_of_the_person() {
    for kind in [MailboxRule, PasswordReset, FactorEnrolled] {
        for (subscriber, actor) in [
            ("Alice@Example.Org", None),
            ("ALICE@EXAMPLE.ORG", Some("alice@example.org")),
            ("alice@example.org", Some("ALICE@example.org")),
        ] {
            let mut log = attacked(10, STRANGER, Span::seconds(9));
            let i = log.event(ALICE, STRANGER, at(11, 10, 40), kind, "");
            log.events[i].subscriber.name = subscriber.into();
            log.events[i].actor = actor.map(|name| Party { name: name.into(), ..Party::default() });
            let id = log.events[i].id.clone();
            let incidents = of_alice(&log);
            let listed = incidents.iter().flat_map(|i| &i.after_approval).any(|a| a.event == id);
            assert!(listed, "{kind:?} by {actor:?} for {subscriber}: {incidents:#?}");
        }
    }
}
