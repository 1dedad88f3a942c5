//! The place: how strange an origin is for a person, or for the whole organisation.

use pushback_model::{Span, Timestamp};

use crate::entry::Foreign;
use crate::habits::{BrowserLevel, NetworkLevel, is_lesson, network_level};
use crate::handed_on::LOOKED_AT_MAX;
use crate::history::Origin;
use crate::record::flag;
use crate::weigh::{Context, Term};

/// What a network is worth at the most that is new to a person and not to the organisation.
const NEW_OFFICE_BITS: f64 = 1.0;

/// What a network is worth at the most behind Apple's relay, whose exits change from day to day.
const RELAY_BITS: f64 = 1.0;

/// Whether a term says how strange a network is.
fn is_of_network(kind: &str) -> bool {
    matches!(kind, "unfamiliar_network" | "unfamiliar_country" | "hosting_network" | "vpn_network")
}

/// How strange a place and a browser are for this person.
#[must_use]
pub fn origin_terms(
    origin: &Origin,
    at: Timestamp,
    has_passed: bool,
    context: &Context<'_>,
) -> Vec<Term> {
    let Context { habits, policy, .. } = context;
    let (weights, novelty) = (&policy.weights, &policy.novelty);
    let familiar = habits.familiarity(origin, at, policy.windows.habits());
    let mut terms = Vec::new();
    let mut term = |kind, bits: f64, why: String| {
        terms.push(Term { kind, bits, at, why, records: Vec::new() });
    };

    let browser = familiar
        .browser_before
        .min(familiar.browser_after)
        .or(familiar.browser_before)
        .or(familiar.browser_after)
        .or(familiar.is_known_by_later.then_some(BrowserLevel::Other));
    let is_known_device = browser == Some(BrowserLevel::Device);
    let mut is_known_network = false;
    let mut is_abroad = false;
    if origin.place.is_known() && habits.sign_ins() > 0 {
        let before = familiar.network_before.unwrap_or(NetworkLevel::Foreign);
        let is_phone = origin.has(flag::MOBILE);
        let mut bits = match familiar.network_before {
            Some(level) => habits.network_bits(level, is_phone, novelty),
            None => 0.0,
        };
        let mut level = before;
        // A log begins somewhere. What its first days show is strange if the days after never do; a
        // stranger who stays must not pass for the owner by it.
        let later_level = familiar.network_after.unwrap_or(NetworkLevel::Foreign);
        let later_bits = habits.network_bits(later_level, is_phone, novelty);
        let is_unlike_later = familiar.is_known_by_later
            && later_level > NetworkLevel::ProviderAndCity
            && later_bits > 0.0;
        if is_unlike_later {
            (level, bits) = (later_level, later_bits);
        }
        // A place that the owner settles in later was the owner's before. Of an attempt that got
        // in, only a browser known from elsewhere can tell the owner's move from a stranger's stay.
        let adopted = familiar.network_after.filter(|level| {
            *level < before
                && (!has_passed
                    || familiar.browser_before.is_some_and(|b| b <= BrowserLevel::Exact))
        });
        if let Some(later) = adopted {
            let raw = habits.network_bits(later, is_phone, novelty);
            let later_bits = if raw < 0.0 { 0.6 * raw } else { raw };
            if later_bits < bits || familiar.network_before.is_none() {
                bits = later_bits;
                level = later;
            }
        }
        if level == NetworkLevel::ProviderAndCity && is_own_line(origin, at, context) {
            level = NetworkLevel::Address;
            bits = bits.min(habits.network_bits(level, is_phone, novelty));
        }
        if level == NetworkLevel::Foreign && habits.is_on_the_road(&origin.place, at) {
            term(
                "own_device_there",
                weights.own_device_there,
                "this person's own device was in that city within days".into(),
            );
        }
        is_known_network = level <= NetworkLevel::Network;
        is_abroad = level == NetworkLevel::Foreign;
        if familiar.network_before.is_some() || is_unlike_later || adopted.is_some() {
            let (kind, words) = match level {
                NetworkLevel::Address => ("known_network", "an address this person signs in from"),
                NetworkLevel::Network => ("known_network", "a network this person signs in from"),
                NetworkLevel::ProviderAndCity => {
                    ("known_network", "this person's provider and city, another line")
                }
                NetworkLevel::ProviderOrCity => (
                    "unfamiliar_network",
                    "a new network in a familiar city or at a familiar provider",
                ),
                NetworkLevel::Country => {
                    ("unfamiliar_network", "a network never used before, in a familiar country")
                }
                NetworkLevel::Foreign => (
                    "unfamiliar_country",
                    "a network never used before, in a country never used before",
                ),
            };
            term(kind, bits, format!("asked from {words}"));
        }
    }
    if !is_known_network && origin.has(flag::HOSTING | flag::PROXY) && !origin.has(flag::EGRESS) {
        if origin.has(flag::VPN) {
            term("vpn_network", weights.vpn_network, "a commercial VPN comes out there".into());
        } else {
            term(
                "hosting_network",
                weights.hosting_network,
                "the network is a hosting provider's or a proxy's".into(),
            );
        }
    }
    if origin.has(flag::MANAGED) {
        term(
            "managed_device",
            weights.managed_device,
            "the device is managed by the organisation".into(),
        );
    } else if is_known_device {
        term(
            "known_device",
            weights.known_device,
            "the device is one this person signs in with".into(),
        );
    } else if (origin.agent != 0 || origin.device != 0)
        && let Some(level) = browser
    {
        let device = habits.new_device_bits(origin, has_passed, is_abroad, novelty);
        let mut bits = habits.browser_bits(level, novelty);
        if let Some(device_bits) = device {
            let words = if origin.device == 0 {
                "the browser names no device, which this person's always do"
            } else {
                "the device is one this person has never signed in with"
            };
            term("unfamiliar_device", device_bits, words.into());
            // The device says most of it; what the browser calls itself adds a little.
            bits = (0.5 * bits).clamp(-0.7, 1.0);
        }
        let (kind, words) = match level {
            BrowserLevel::Device | BrowserLevel::Exact => {
                ("known_browser", "the browser is the same as this person's")
            }
            BrowserLevel::Family => {
                ("unfamiliar_browser", "the browser is like this person's but not the same")
            }
            BrowserLevel::Other => {
                ("unfamiliar_browser", "the browser is one this person has not used")
            }
        };
        term(kind, bits, words.into());
        if origin.has(flag::SCRIPT) && level == BrowserLevel::Other {
            term(
                "scripted_client",
                weights.scripted_client,
                "it was a library or a browser without a window, which this person never used"
                    .into(),
            );
        }
        if origin.has(flag::MOBILE) && level > BrowserLevel::Exact {
            term(
                "mobile_browser",
                weights.mobile_browser,
                "the browser runs on a phone or tablet".into(),
            );
        }
    }
    if origin.has(flag::EGRESS) {
        term(
            "colleagues_network",
            weights.colleagues_network,
            "the network is the organisation's own".into(),
        );
    // SECURITY: where colleagues buy their way out, strangers do. Guarded by
    // `colleagues_do_not_vouch_for_a_commercial_vpn`.
    } else if !is_known_network && !origin.has(flag::VPN) {
        let colleagues = context.organisation.colleagues(origin, context.who, context.until);
        if colleagues >= 3 {
            term(
                "colleagues_network",
                weights.colleagues_network,
                format!("{colleagues} colleagues sign in from the same network"),
            );
        }
    }
    if origin.has(flag::RISK_HIGH) {
        term("vendor_risk", weights.vendor_risk, "the vendor calls the sign-in high risk".into());
    }
    if origin.has(flag::RELAY) {
        for t in terms.iter_mut().filter(|t| t.kind == "unfamiliar_network") {
            t.bits = t.bits.min(RELAY_BITS);
        }
    }
    if terms.iter().any(|t| t.kind == "colleagues_network") {
        // An office, or a gateway of the organisation: that it is far away is the organisation's doing.
        for t in terms.iter_mut().filter(|t| is_of_network(t.kind)) {
            t.bits = t.bits.min(NEW_OFFICE_BITS);
        }
    }
    terms
}

/// A session that is so old shows where its owner is.
const OWN_SESSION_AGE: Span = Span::hours(20);

/// Whether a session of the owner's, begun long before in the same city, was just used from the same
/// address: their provider gave the line another one.
fn is_own_line(origin: &Origin, at: Timestamp, context: &Context<'_>) -> bool {
    let begin = context.records.partition_point(|r| r.at < at - OWN_SESSION_AGE);
    let near = context.records.iter().skip(begin).take_while(|r| r.at < at);
    near.filter(|r| {
        is_lesson(r) && r.session != 0 && origin.place.ip != 0 && r.requester.ip == origin.place.ip
    })
    .take(LOOKED_AT_MAX)
    .any(|r| {
        let there = Origin::of(r);
        let is_strangers = |f: &Foreign| f.taints(&there, r.session, r.at);
        let before = context.records.iter().take_while(|e| r.at - e.at >= OWN_SESSION_AGE);
        !context.foreign.iter().any(is_strangers)
            && before
                .filter(|e| e.session == r.session && e.agent == r.agent)
                .any(|e| network_level(&e.requester, &r.requester) <= NetworkLevel::ProviderAndCity)
    })
}

/// How strange a place is for the organisation, for an account without habits of its own: its only
/// sign-ins are the ones in question.
pub(crate) fn stranger_to_all(
    context: &Context<'_>,
    origin: &Origin,
    at: Timestamp,
    index: usize,
) -> Vec<Term> {
    let Context { policy, organisation, .. } = context;
    let weights = &policy.weights;
    let mut terms = Vec::new();
    let mut term = |kind, bits, why: &str| {
        terms.push(Term { kind, bits, at, why: why.into(), records: vec![index] });
    };
    if origin.has(flag::HOSTING | flag::PROXY) && !origin.has(flag::EGRESS) {
        term(
            "hosting_network",
            weights.hosting_network,
            "the network is a hosting provider's, a VPN's or a proxy's",
        );
    }
    if origin.has(flag::MANAGED) {
        term("managed_device", weights.managed_device, "the device is managed by the organisation");
    }
    if origin.has(flag::EGRESS) || organisation.colleagues(origin, context.who, context.until) > 0 {
        term(
            "colleagues_network",
            weights.colleagues_network,
            "colleagues sign in from the same network",
        );
    } else if organisation.country_share(origin.place.country) < 0.05 {
        term(
            "unfamiliar_country",
            3.0,
            "the network is in a country where hardly anyone here signs in",
        );
    } else {
        term("unfamiliar_network", 1.5, "nobody in the organisation signs in from that network");
    }
    terms
}
