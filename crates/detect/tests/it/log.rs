//! A small log in the making: one organisation, days of habits, then what a test adds.

use std::convert::Infallible;

use pushback_detect::{Detection, Intake, Policy, Position, Record, Texts, detect};
use pushback_model::{
    ConfigurationFinding, Coordinates, Endpoint, EventKind, Factor, IdentityEvent, Incident, Party,
    Source, Span, Timestamp,
};

/// Midnight UTC of the first day.
pub const START: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// A place with a browser.
#[derive(Clone, Copy)]
pub struct At {
    pub ip: &'static str,
    pub asn: u32,
    pub as_name: &'static str,
    pub country: &'static str,
    pub city: &'static str,
    pub point: (f64, f64),
    pub agent: &'static str,
    pub device: &'static str,
}

pub const HOME: At = At {
    ip: "192.0.2.10",
    asn: 64_500,
    as_name: "Example Cable",
    country: "DE",
    city: "Berlin",
    point: (52.52, 13.40),
    agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0.0.0 Safari/537.36",
    device: "laptop-1",
};

/// A stranger on a rented machine abroad.
pub const STRANGER: At = At {
    ip: "203.0.113.66",
    asn: 64_666,
    as_name: "Cheap Hosting Ltd",
    country: "NL",
    city: "Amsterdam",
    point: (52.37, 4.90),
    agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0",
    device: "",
};

/// A stranger on a home line in the owner's own country, with an ordinary browser.
pub const NEIGHBOUR: At = At {
    ip: "198.51.100.23",
    asn: 64_700,
    as_name: "Example DSL",
    country: "DE",
    city: "Hamburg",
    point: (53.55, 9.99),
    agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/125.0.0.0 Safari/537.36",
    device: "",
};

#[derive(Clone, Debug, Default)]
pub struct Log {
    pub events: Vec<IdentityEvent<'static>>,
}

impl Log {
    /// Ten working days of one person: two sign-ins a day from home, each with an approved prompt.
    pub fn with_habits(name: &str) -> Self {
        let mut log = Self::default();
        log.habits(name, HOME, 0..10);
        log
    }

    pub fn habits(&mut self, name: &str, home: At, days: std::ops::Range<i64>) {
        for day in days {
            for hour in [8, 13] {
                self.sign_in(name, home, at(day, hour, 5 + day));
            }
        }
    }

    /// A prompt approved at the same place, and the session it opens.
    pub fn sign_in(&mut self, name: &str, place: At, when: Timestamp) {
        self.prompt(name, place, when, EventKind::PromptApproved, Some(place));
        self.event(name, place, when + Span::seconds(12), EventKind::SessionStarted, "");
    }

    /// A prompt as Okta logs it: one record for the sending, one for the answer if there is one.
    pub fn prompt(
        &mut self,
        name: &str,
        place: At,
        when: Timestamp,
        outcome: EventKind,
        phone: Option<At>,
    ) {
        let i = self.event(name, place, when, EventKind::PromptSent, "");
        self.events[i].factor = Factor::Push;
        if outcome == EventKind::PromptTimedOut {
            return;
        }
        let i = self.event(name, place, when + Span::seconds(8), outcome, "");
        self.events[i].factor = Factor::Push;
        if let Some(phone) = phone {
            self.events[i].responder =
                Some(Endpoint { device: "".into(), agent: Default::default(), ..endpoint(phone) });
            self.events[i].requester = Endpoint::default();
        }
    }

    pub fn event(
        &mut self,
        name: &str,
        place: At,
        when: Timestamp,
        kind: EventKind,
        what: &'static str,
    ) -> usize {
        let mut event = IdentityEvent::new(Source::Okta, kind, when);
        event.id = format!("evt-{}", self.events.len()).into();
        event.subscriber = Party { name: name.to_owned().into(), ..Party::default() };
        event.requester = endpoint(place);
        event.what = what.into();
        self.events.push(event);
        self.events.len() - 1
    }

    pub fn detect(&self) -> (Vec<Incident>, Vec<ConfigurationFinding>) {
        self.detect_with(&Policy::default())
    }

    pub fn detect_with(&self, policy: &Policy) -> (Vec<Incident>, Vec<ConfigurationFinding>) {
        let (detection, texts) = run(&self.events, policy);
        let (told, findings) = detection.tell(&texts);
        (told.into_iter().map(|t| t.incident).collect(), findings)
    }
}

fn run(events: &[IdentityEvent<'static>], policy: &Policy) -> (Detection, Texts) {
    let mut intake = Intake::new(&policy.networks);
    let mut texts = Texts::new();
    let mut records: Vec<Record> = events
        .iter()
        .enumerate()
        .map(|(i, event)| {
            let position = Position { input: 0, length: 1, offset: i as u64 };
            texts.insert(position, vec![event.clone()]);
            intake.take(event, position)
        })
        .collect();
    let resolver = intake.into_claims().resolve(&[]);
    records.iter_mut().for_each(|r| r.resolve(&resolver));
    records.sort_by_key(Record::order);
    let detection =
        detect(|| Ok::<_, Infallible>(records.iter().copied().map(Ok::<_, Infallible>)), policy)
            .unwrap();
    (detection, texts)
}

pub fn at(day: i64, hour: i64, minute: i64) -> Timestamp {
    START + Span::days(day) + Span::hours(hour) + Span::minutes(minute)
}

pub fn endpoint(place: At) -> Endpoint<'static> {
    Endpoint {
        ip: place.ip.into(),
        asn: place.asn,
        as_name: place.as_name.into(),
        country: place.country.into(),
        city: place.city.into(),
        coordinates: Coordinates::new(place.point.0, place.point.1),
        device: place.device.into(),
        agent: pushback_model::Agent { raw: place.agent.into(), ..Default::default() },
        ..Endpoint::default()
    }
}
