//! How likely an attempt is an attack, in bits, each with its reason.

use pushback_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::context::FirstTime;
use crate::habits::Habits;
use crate::marks::Counted;
use crate::policy::RiskPolicy;
use crate::requester::{Distance, Requester};

/// People asked by one source within an hour from which on it counts as a spray.
const MANY_ASKED: u16 = 3;

/// One observation that speaks for or against the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    /// The browser or device is one the subscriber succeeded from.
    KnownDevice,
    /// A country they have never signed in from.
    UnfamiliarCountry,
    /// A network they have never signed in from.
    UnfamiliarNetwork,
    /// A browser they have never signed in with.
    UnfamiliarBrowser,
    /// Nothing tells where it comes from.
    OriginUnknown,
    /// An hour at which they do not sign in.
    ForeignHour,
    /// A hosting provider's, a VPN's or an anonymising network.
    HostingNetwork,
    /// The phone is far away.
    PhoneFar,
    /// The phone is behind the same address.
    PhoneSameNetwork,
    /// The phone may be in the same place.
    PhoneNear,
    /// The same source asked several other people.
    ManyAsked,
    /// Nobody answered earlier prompts of the last day.
    Unanswered,
    /// A prompt of the last day was denied, or its right code was typed far from the browser.
    Denied,
}

impl Observation {
    /// The name in machine output; that of the weight in the policy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KnownDevice => "known_device",
            Self::UnfamiliarCountry => "unfamiliar_country",
            Self::UnfamiliarNetwork => "unfamiliar_network",
            Self::UnfamiliarBrowser => "unfamiliar_browser",
            Self::OriginUnknown => "origin_unknown",
            Self::ForeignHour => "foreign_hour",
            Self::HostingNetwork => "hosting_network",
            Self::PhoneFar => "phone_far",
            Self::PhoneSameNetwork => "phone_same_network",
            Self::PhoneNear => "phone_near",
            Self::ManyAsked => "many_asked",
            Self::Unanswered => "unanswered",
            Self::Denied => "denied",
        }
    }
}

/// One term of the sum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// What was observed.
    pub kind: Observation,
    /// What it adds; negative when it speaks for the owner.
    pub bits: f64,
}

/// The sum with every term of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// Every term that is not zero, in the order of [`Observation`].
    pub terms: Vec<Term>,
}

/// What follows from the sum alone; later is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Ordinary,
    Quiet,
    PasskeyOnly,
    Refuse,
}

impl Risk {
    /// The sum in bits.
    #[must_use]
    pub fn bits(&self) -> f64 {
        self.terms.iter().map(|term| term.bits).sum()
    }

    pub(crate) fn level(&self, policy: &RiskPolicy) -> Level {
        level_of(self.bits(), policy)
    }

    /// What follows for somebody whom "a passkey only" would keep out: what strangers left behind makes
    /// it quiet, and no more than that.
    pub(crate) fn level_without_passkey(&self, policy: &RiskPolicy) -> Level {
        let left_behind =
            |term: &&Term| matches!(term.kind, Observation::Unanswered | Observation::Denied);
        let marks: f64 = self.terms.iter().filter(left_behind).map(|term| term.bits).sum();
        level_of(self.bits() - marks, policy).max(self.level(policy).min(Level::Quiet))
    }
}

fn level_of(bits: f64, policy: &RiskPolicy) -> Level {
    if bits >= policy.refuse_from {
        Level::Refuse
    } else if bits >= policy.passkey_only_from {
        Level::PasskeyOnly
    } else if bits >= policy.quiet_from {
        Level::Quiet
    } else {
        Level::Ordinary
    }
}

/// What is looked at.
pub(crate) struct Evidence<'a> {
    pub habits: &'a Habits,
    pub requester: &'a Requester,
    pub is_known_device: bool,
    pub distance: Distance,
    pub others_asked: u16,
    pub marks: Counted,
}

pub(crate) fn weigh(evidence: &Evidence<'_>, now: Timestamp, policy: &RiskPolicy) -> Risk {
    let mut terms = Vec::new();
    let mut term = |kind, bits: f64| {
        if bits != 0.0 {
            terms.push(Term { kind, bits });
        }
    };
    if evidence.is_known_device {
        term(Observation::KnownDevice, policy.known_device);
    }
    let traits = evidence.requester.traits();
    // A person with few successes has no foreign places: geography never locks a newcomer out.
    let has_habits = evidence.habits.successes() >= u32::from(policy.habits_from);
    let first_time = evidence.habits.first_time(traits, now);
    match first_time {
        FirstTime::NewCountry if has_habits => {
            term(Observation::UnfamiliarCountry, policy.unfamiliar_country);
        }
        FirstTime::NewNetwork if has_habits => {
            term(Observation::UnfamiliarNetwork, policy.unfamiliar_network);
        }
        FirstTime::Unknown => term(Observation::OriginUnknown, policy.origin_unknown),
        FirstTime::SeenNetwork | FirstTime::NewNetwork | FirstTime::NewCountry => {}
    }
    if has_habits && !evidence.is_known_device && !evidence.habits.knows_browser(traits, now) {
        term(Observation::UnfamiliarBrowser, policy.unfamiliar_browser);
    }
    if has_habits && !evidence.habits.knows_hour(now) {
        term(Observation::ForeignHour, policy.foreign_hour);
    }
    let is_hosting = evidence.requester.network.as_ref().is_some_and(|n| n.is_hosting);
    // The owner's own VPN is a hosting network too; once succeeded from, it says nothing.
    if is_hosting && first_time != FirstTime::SeenNetwork {
        term(Observation::HostingNetwork, policy.hosting_network);
    }
    match evidence.distance {
        Distance::SameNetwork => term(Observation::PhoneSameNetwork, policy.phone_same_network),
        Distance::Near => term(Observation::PhoneNear, policy.phone_near),
        Distance::Kilometres(_) | Distance::OtherCountry if evidence.distance.is_far() => {
            term(Observation::PhoneFar, policy.phone_far);
        }
        Distance::Kilometres(_) | Distance::OtherCountry | Distance::Unknown => {}
    }
    if evidence.others_asked >= MANY_ASKED {
        term(Observation::ManyAsked, policy.many_asked);
    }
    term(Observation::Unanswered, f64::from(evidence.marks.unanswered) * policy.unanswered);
    if evidence.marks.was_denied {
        term(Observation::Denied, policy.denied);
    }
    Risk { terms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requester::{Network, Place};
    use crate::text::Text;

    const NOW: Timestamp = Timestamp::from_seconds(36_000);

    fn from(asn: u32, country: &str, is_hosting: bool) -> Requester {
        Requester {
            network: Some(Network { asn, name: Text::new("Example"), is_hosting }),
            place: Some(Place { country: Text::new(country), city: None, point: None }),
            browser: Some(Text::new("Firefox")),
            ..Requester::default()
        }
    }

    fn settled() -> Habits {
        let mut habits = Habits::default();
        (0..10).for_each(|_| habits.learn(&from(64_500, "FR", false), NOW));
        habits
    }

    fn level(habits: &Habits, requester: &Requester, distance: Distance, known: bool) -> Level {
        let evidence = Evidence {
            habits,
            requester,
            is_known_device: known,
            distance,
            others_asked: 0,
            marks: Counted::default(),
        };
        weigh(&evidence, NOW, &RiskPolicy::default()).level(&RiskPolicy::default())
    }

    #[test]
    fn the_owner_at_home_is_ordinary_even_with_a_new_browser() {
        let mut home = from(64_500, "FR", false);
        assert_eq!(level(&settled(), &home, Distance::Unknown, false), Level::Ordinary);
        home.browser = Some(Text::new("Chrome"));
        assert_eq!(level(&settled(), &home, Distance::Near, false), Level::Ordinary);
    }

    #[test]
    fn a_stranger_far_from_the_phone_meets_the_passkey() {
        let abroad = from(64_501, "BR", false);
        assert_eq!(level(&settled(), &abroad, Distance::OtherCountry, false), Level::PasskeyOnly);
    }

    #[test]
    fn a_traveller_with_the_phone_beside_a_known_device_is_ordinary() {
        let abroad = from(64_501, "BR", false);
        assert_eq!(level(&settled(), &abroad, Distance::Near, true), Level::Ordinary);
        assert_eq!(level(&settled(), &abroad, Distance::SameNetwork, false), Level::Ordinary);
    }

    #[test]
    fn geography_alone_locks_no_newcomer_out() {
        let abroad = from(64_501, "BR", false);
        assert_eq!(level(&Habits::default(), &abroad, Distance::Unknown, false), Level::Ordinary);
        assert_eq!(level(&Habits::default(), &abroad, Distance::OtherCountry, false), Level::Quiet);
    }

    #[test]
    fn every_term_has_a_name_and_the_sum_is_theirs() {
        let requester = from(64_501, "BR", true);
        let evidence = Evidence {
            habits: &settled(),
            requester: &requester,
            is_known_device: false,
            distance: Distance::OtherCountry,
            others_asked: 3,
            marks: Counted { unanswered: 2, was_denied: true },
        };
        let risk = weigh(&evidence, NOW, &RiskPolicy::default());
        let names: Vec<_> = risk.terms.iter().map(|t| t.kind.name()).collect();
        assert_eq!(
            names,
            [
                "unfamiliar_country",
                "hosting_network",
                "phone_far",
                "many_asked",
                "unanswered",
                "denied"
            ]
        );
        assert!((risk.bits() - 17.0).abs() < 1e-9);
        assert_eq!(risk.level(&RiskPolicy::default()), Level::Refuse);
    }

    #[test]
    fn what_strangers_left_behind_asks_nobody_for_a_passkey_who_has_none() {
        let policy = RiskPolicy { unanswered: 64.0, denied: 64.0, ..RiskPolicy::default() };
        let abroad = from(64_501, "BR", false);
        let places = [
            (from(64_500, "FR", false), Distance::Unknown, Level::Ordinary),
            (Requester::default(), Distance::Unknown, Level::Ordinary),
            (from(64_501, "FR", true), Distance::Unknown, Level::Ordinary),
            (abroad.clone(), Distance::Unknown, Level::Quiet),
            (abroad, Distance::OtherCountry, Level::PasskeyOnly),
        ];
        for (requester, distance, of_place) in places {
            for (unanswered, was_denied) in [(0, false), (1, false), (0, true), (2, true)] {
                let marks = Counted { unanswered, was_denied };
                let evidence = Evidence {
                    habits: &settled(),
                    requester: &requester,
                    is_known_device: false,
                    distance,
                    others_asked: 0,
                    marks,
                };
                let risk = weigh(&evidence, NOW, &policy);
                let expected =
                    if marks == Counted::default() { of_place } else { of_place.max(Level::Quiet) };
                assert_eq!(risk.level_without_passkey(&policy), expected, "{requester:?}");
            }
        }
    }

    #[test]
    fn two_people_asked_are_no_spray_and_three_are() {
        let requester = from(64_500, "FR", false);
        let weigh_asked = |others_asked| {
            let evidence = Evidence {
                habits: &settled(),
                requester: &requester,
                is_known_device: false,
                distance: Distance::Unknown,
                others_asked,
                marks: Counted::default(),
            };
            weigh(&evidence, NOW, &RiskPolicy::default()).terms.len()
        };
        assert_eq!((weigh_asked(2), weigh_asked(3)), (0, 1));
    }
}
