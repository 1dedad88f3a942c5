//! The circumstances: what else speaks for or against a stranger, whatever came of the attempt.

use std::collections::BTreeSet;

use pushback_model::{EventKind, Span, Timestamp};

use crate::attempt::Attempt;
use crate::habits::{BrowserLevel, NetworkLevel, is_lesson, network_level, shows_habit};
use crate::history::Origin;
use crate::prompt::Outcome;
use crate::record::{Place, Record, flag};
use crate::weigh::{Context, Failures, Term, diminishing};

/// A source is looked at together with others asked within this span.
const SPRAY_SPAN: Span = Span::hours(24);

/// Activity this close in time is "at the same time".
const TOGETHER: Span = Span::minutes(12);

/// Two prompts this close ring together.
const BESIDE: Span = Span::seconds(90);

pub(crate) fn circumstances(
    attempt: &Attempt,
    is_new_device: bool,
    context: &Context<'_>,
    terms: &mut Vec<Term>,
) {
    let weights = &context.policy.weights;
    let at = attempt.started_at;
    let (others, kin) = context.organisation.others_asked(
        &attempt.origin,
        context.who,
        at,
        SPRAY_SPAN,
        context.until,
    );
    // Where the whole office sits behind one address, many are asked from there every day.
    let colleagues = context.organisation.colleagues(&attempt.origin, context.who, context.until);
    let others = others.saturating_sub(colleagues);
    let factor = match (others, kin) {
        (0, 0..=2) => 0.0,
        (1, _) => 0.7,
        (2..=3, _) => 1.0,
        (0, _) => 0.6,
        (_, _) => 1.4,
    };
    if factor > 0.0 {
        terms.push(Term {
            kind: "many_asked",
            bits: weights.many_asked * factor,
            at,
            why: if others > 0 {
                format!("the same source asked {}", other_people(others))
            } else {
                format!("the same provider and browser asked {}", other_people(kin))
            },
            records: Vec::new(),
        });
    }
    if context.habits.is_foreign_hour(at) {
        terms.push(Term {
            kind: "foreign_hour",
            bits: weights.foreign_hour,
            at,
            why: format!("this person never signs in around {:02}:00 UTC", at.hour_of_day()),
            records: Vec::new(),
        });
    }
    let is_new_network = is_new_network(attempt, is_new_device, context);
    let beside =
        attempt.prompts.iter().filter_map(|i| context.prompts.get(*i)).find_map(|prompt| {
            context.prompts.iter().find(|other| {
                (other.sent_at - prompt.sent_at).abs() <= BESIDE
                    && other.origin.place.is_known()
                    // One machine has two addresses, IPv4 and IPv6.
                    && (other.origin.device == 0 || other.origin.device != attempt.origin.device)
                    && network_level(&other.origin.place, &attempt.origin.place)
                        > NetworkLevel::Network
                    && is_familiar(&other.origin, other.sent_at, context)
            })
        });
    // The phone in one hand and the laptop before them are one person's.
    let is_apart = is_new_network && !attempt.origin.has(flag::MOBILE);
    if let Some(own_prompt) = beside.filter(|_| is_apart) {
        terms.push(Term {
            kind: "beside_own_prompt",
            bits: weights.beside_own_prompt,
            at: own_prompt.sent_at,
            why: "it rang within seconds of the owner's own prompt".into(),
            records: own_prompt.records.clone(),
        });
    } else if let Some((index, record)) = own_activity(attempt, context).filter(|_| is_apart) {
        terms.push(Term {
            kind: "active_elsewhere",
            bits: weights.active_elsewhere,
            at: record.at,
            why: "the owner was active from a familiar place at the same time".into(),
            records: vec![index],
        });
    } else if let Some(travel) = impossible_travel(attempt, context)
        .or_else(|| there_and_back(attempt, context))
        .filter(|_| is_apart)
    {
        terms.push(travel);
    }
    cadence(attempt, context, terms);
}

/// Whether the attempt's network has nothing in common with the person's, as far as can be told: a
/// phone on the usual carrier next to a laptop at home is one person, not two.
fn is_new_network(attempt: &Attempt, is_new_device: bool, context: &Context<'_>) -> bool {
    // What bears no address may be the very room.
    if !attempt.origin.place.is_known() {
        return false;
    }
    let familiar = context.habits.familiarity(
        &attempt.origin,
        attempt.started_at,
        context.policy.windows.habits(),
    );
    // Another line in the same city is new enough for a browser that the person never used, and another
    // line of the same provider for a device that is none of theirs.
    let is_desk = !attempt.origin.has(flag::MOBILE);
    let is_new_browser = familiar.browser_before.is_some_and(|level| level > BrowserLevel::Exact)
        && familiar.browser_after.is_none_or(|level| level > BrowserLevel::Exact);
    let least = match (is_desk, is_new_device, is_new_browser) {
        (true, true, _) => NetworkLevel::ProviderAndCity,
        (true, false, true) => NetworkLevel::ProviderOrCity,
        _ => NetworkLevel::Country,
    };
    familiar.network_before.is_some_and(|level| level >= least)
        && familiar.network_after.is_none_or(|level| level >= least)
}

/// The owner's own activity, at a familiar place, while the attempt goes on somewhere else.
fn own_activity<'a>(attempt: &Attempt, context: &Context<'a>) -> Option<(usize, &'a Record)> {
    let from = attempt.started_at - TOGETHER;
    let to = attempt.last_at + TOGETHER;
    let begin = context.records.partition_point(|r| r.at < from);
    let near = context.records.iter().enumerate().skip(begin).take_while(|(_, r)| r.at <= to);
    let own = near.filter(|(_, r)| {
        shows_habit(r.kind)
            && r.requester.is_known()
            && network_level(&r.requester, &attempt.origin.place) > NetworkLevel::ProviderAndCity
            && (r.device == 0 || r.device != attempt.origin.device)
            && is_familiar(&Origin::of(r), r.at, context)
    });
    // A sign-in says more than the use of a session that began before, and is at hand to be shown.
    own.min_by_key(|(_, r)| r.kind == EventKind::SessionUsed)
}

/// Where somebody was this long before or after says how fast they would have had to travel.
const TRAVEL_WITHIN: Span = Span::hours(24);
/// Nobody travels faster, in km/h. This and the next: REQUIREMENTS section 8.
const FASTEST_KMH: f64 = 1_000.0;
/// Nearer than that a speed says nothing, in km.
const TRAVEL_KM: f64 = 500.0;
/// How far a place may be from where it is said to be, in km: of a city, and of a country.
const CITY_RADIUS_KM: f64 = 50.0;
const COUNTRY_RADIUS_KM: f64 = 300.0;

/// The owner signed in at a familiar place so shortly before or after that nobody could have travelled
/// the way between. A network that is known to be a gateway stands where nobody is, a phone's is its
/// carrier's, and whoever is in two places with machines they own has left one of them running.
fn impossible_travel(attempt: &Attempt, context: &Context<'_>) -> Option<Term> {
    let is_gateway =
        |origin: &Origin| origin.has(flag::HOSTING | flag::PROXY | flag::EGRESS | flag::MOBILE);
    let here = &attempt.origin;
    if is_gateway(here) {
        return None;
    }
    let begin = context.records.partition_point(|r| r.at < attempt.started_at - TRAVEL_WITHIN);
    let until = attempt.last_at + TRAVEL_WITHIN;
    let near = context.records.iter().enumerate().skip(begin).take_while(|(_, r)| r.at <= until);
    let (index, record, km, kmh) = near
        .filter(|(_, r)| matches!(r.kind, EventKind::SessionStarted | EventKind::FactorVerified))
        .filter_map(|(i, r)| {
            let km = apart_km(&r.requester, &here.place).filter(|km| *km > TRAVEL_KM)?;
            let took = if r.at < attempt.started_at {
                attempt.started_at - r.at
            } else {
                r.at - attempt.last_at
            };
            let kmh = km / (took.as_seconds_f64().max(60.0) / 3_600.0);
            (kmh > FASTEST_KMH).then_some((i, r, km, kmh))
        })
        .filter(|(_, r, ..)| {
            let there = Origin::of(r);
            !is_gateway(&there)
                && (there.device == 0 || there.device != here.device)
                && is_familiar(&there, r.at, context)
        })
        .max_by(|a, b| a.3.total_cmp(&b.3))?;
    Some(Term {
        kind: "impossible_travel",
        bits: context.policy.weights.impossible_travel,
        at: record.at,
        why: format!("the owner was {km:.0} km away, a journey at {kmh:.0} km/h"),
        records: vec![index],
    })
}

/// Nobody goes abroad, signs in there and is back at home within this span.
const ROUND_TRIP: Span = Span::hours(6);

/// The owner signed in at a familiar place before and after, and both times in another country. It stands
/// in for the speed where a product logs countries without coordinates (Duo). A browser of theirs may
/// have gone through a gateway abroad.
fn there_and_back(attempt: &Attempt, context: &Context<'_>) -> Option<Term> {
    let here = &attempt.origin;
    let is_gateway = here.has(flag::HOSTING | flag::PROXY | flag::EGRESS | flag::MOBILE);
    if is_gateway || here.place.country == 0 || here.place.coordinates().is_some() {
        return None;
    }
    let horizon = context.policy.windows.habits();
    let browser = context.habits.familiarity(here, attempt.started_at, horizon).browser_before;
    if here.agent != 0 && browser.is_some_and(|level| level <= BrowserLevel::Exact) {
        return None;
    }
    let is_at_home = |r: &Record| {
        is_lesson(r)
            && r.requester.country != 0
            && r.requester.country != here.place.country
            && is_familiar(&Origin::of(r), r.at, context)
    };
    let begin = context.records.partition_point(|r| r.at < attempt.started_at - ROUND_TRIP);
    let near = || context.records.iter().enumerate().skip(begin);
    let (left, before) = near()
        .take_while(|(_, r)| r.at < attempt.started_at)
        .filter(|(_, r)| is_at_home(r))
        .last()?;
    let (back, after) = near()
        .skip_while(|(_, r)| r.at <= attempt.last_at)
        .take_while(|(_, r)| r.at - before.at <= ROUND_TRIP)
        .find(|(_, r)| r.requester.country == before.requester.country && is_at_home(r))?;
    Some(Term {
        kind: "impossible_travel",
        bits: context.policy.weights.impossible_travel,
        at: after.at,
        why: format!(
            "the owner signed in at home {} before and {} after, in another country",
            attempt.started_at - before.at,
            after.at - attempt.last_at
        ),
        records: vec![left, back],
    })
}

/// How far two places are apart at the least.
fn apart_km(a: &Place, b: &Place) -> Option<f64> {
    let radius = |place: &Place| {
        if place.city == 0 { COUNTRY_RADIUS_KM } else { CITY_RADIUS_KM }
    };
    let km = a.coordinates()?.distance_km(b.coordinates()?);
    Some((km - radius(a) - radius(b)).max(0.0))
}

fn is_familiar(origin: &Origin, at: Timestamp, context: &Context<'_>) -> bool {
    let familiar = context.habits.familiarity(origin, at, context.policy.windows.habits());
    familiar.network_before.is_some_and(|level| level <= NetworkLevel::Network)
        || familiar.network_after.is_some_and(|level| level <= NetworkLevel::Address)
        || familiar.browser_before == Some(BrowserLevel::Device)
}

/// Machines keep time; people do not.
fn cadence(attempt: &Attempt, context: &Context<'_>, terms: &mut Vec<Term>) {
    let prompts = || attempt.prompts.iter().filter_map(|i| context.prompts.get(*i));
    let times: Vec<Timestamp> = prompts().map(|p| p.sent_at).collect();
    // Whoever is let in each time is no machine that keeps asking.
    let let_in = prompts().filter(|p| p.outcome == Outcome::Approved).count();
    if let Some((mean, spread)) = pace(&times)
        && times.len() >= 4
        && let_in <= 1
        && spread < 0.15
    {
        terms.push(Term {
            kind: "machine_cadence",
            bits: context.policy.weights.machine_cadence,
            at: attempt.started_at,
            why: format!("{} prompts, one every {:.0} s: a machine's pace", times.len(), mean),
            records: Vec::new(),
        });
    }
}

/// Mean interval in seconds, and its standard deviation as a share of the mean.
#[must_use]
pub fn pace(times: &[Timestamp]) -> Option<(f64, f64)> {
    let gaps: Vec<f64> = times
        .windows(2)
        .filter_map(|pair| match pair {
            [a, b] => Some((*b - *a).as_seconds_f64()),
            _ => None,
        })
        .collect();
    if gaps.len() < 2 {
        return None;
    }
    let count = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    if mean <= 0.0 {
        return None;
    }
    let variance = gaps.iter().map(|g| (g - mean) * (g - mean)).sum::<f64>() / count;
    Some((mean, variance.sqrt() / mean))
}

/// Distance past which a phone and a browser are not in one pair of hands, in km.
/// REQUIREMENTS section 8: raise only if d > 500 km.
const FAR_KM: f64 = 500.0;

/// Distance within which they may be, in km: a city and its surroundings.
const NEAR_KM: f64 = 60.0;

/// Whether two IPv4 addresses lie within one /16 and one city: a carrier's pool, where the provider is
/// not logged.
fn is_one_pool(a: &Place, b: &Place) -> bool {
    let is_v4 = |ip| ip != 0 && ip <= u64::from(u32::MAX);
    is_v4(a.ip) && is_v4(b.ip) && a.ip >> 16 == b.ip >> 16 && a.city != 0 && a.city == b.city
}

/// What is known of the device beside which a phone answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PhoneBeside {
    /// It is surely the person's.
    pub(crate) is_own: bool,
    /// It is none that the person signed in with.
    pub(crate) is_new: bool,
}

/// Whether the phone was at an address of its owner's and the browser, on a device that is none of
/// theirs, at another line: a machine in the same room would have the same address. Not where the
/// browser's traffic passes a gateway.
fn is_at_home_alone(attempt: &Attempt, phone: &Place, context: &Context<'_>) -> bool {
    let origin = &attempt.origin;
    let is_own = |ip| context.habits.is_known_address(ip, attempt.started_at);
    !origin.has(flag::MOBILE | flag::HOSTING | flag::PROXY | flag::EGRESS)
        && network_level(phone, &origin.place) > NetworkLevel::Network
        && is_own(phone.ip)
        && !is_own(origin.place.ip)
}

/// Days on which the owner answered from as far away, from which on it is their custom.
const FAR_DAYS_MIN: usize = 2;

/// Whether the owner's browsers have come out where this one does before, with the phone where it is now: who
/// always goes through a gateway abroad.
//
// SECURITY: a stranger who was let in before must not make a custom of it. Guarded by
// `a_stranger_who_was_let_in_before_makes_no_custom_of_the_distance`.
fn is_usual_distance(attempt: &Attempt, phone: &Place, context: &Context<'_>) -> bool {
    let browser = &attempt.origin.place;
    let is_inside = browser.country == phone.country;
    let is_like = |here: &Place, there: &Place| {
        here.country != 0
            && here.country == there.country
            && (!is_inside || here.city == there.city)
    };
    let before = context.prompts.iter().filter(|p| {
        p.outcome == Outcome::Approved
            && p.ended_at < attempt.started_at - TOGETHER
            && is_like(browser, &p.origin.place)
            && is_like(phone, &p.responder)
            && !context.foreign.iter().any(|f| f.is_same_machine(&p.origin))
    });
    let days: BTreeSet<i64> = before.map(|p| p.ended_at.day()).collect();
    days.len() >= FAR_DAYS_MIN
}

/// What is said of a phone that is far away, of one that is also at home.
fn at_owners(why: &str) -> String {
    format!("{why}, at an address of its owner's")
}

pub(crate) fn phone(
    attempt: &Attempt,
    has_passed: bool,
    device: PhoneBeside,
    context: &Context<'_>,
    terms: &mut Vec<Term>,
) {
    let weights = &context.policy.weights;
    // An authenticator bound shortly before, after a reset, may be the stranger's own.
    let is_doubtful = context.records.iter().any(|r| {
        matches!(r.kind, EventKind::FactorEnrolled | EventKind::DeviceRegistered)
            && r.at <= attempt.last_at
            && attempt.started_at - r.at <= context.policy.windows.reset()
            && network_level(&r.requester, &attempt.origin.place) <= NetworkLevel::Network
    });
    let browser = &attempt.origin.place;
    // One answer is enough; the worst of several counts.
    let mut strongest: Option<Term> = None;
    for prompt in attempt.prompts.iter().filter_map(|i| context.prompts.get(*i)) {
        let phone = &prompt.responder;
        let answered =
            matches!(prompt.outcome, Outcome::Approved | Outcome::Denied | Outcome::Mismatched);
        if !phone.is_known()
            || !answered
            || (has_passed && prompt.outcome != Outcome::Approved)
            || !context.organisation.tells_where_phones_are(prompt.source)
        {
            continue;
        }
        let distance = match (phone.coordinates(), browser.coordinates()) {
            (Some(a), Some(b)) => Some(a.distance_km(b)),
            _ => None,
        };
        let abroad = phone.country != 0 && browser.country != 0 && phone.country != browser.country;
        let level = network_level(phone, browser);
        let found = if level == NetworkLevel::Address {
            Some((
                "phone_same_network",
                weights.phone_same_network,
                "the phone that answered is behind the same address".to_owned(),
            ))
        } else if level == NetworkLevel::Network {
            Some((
                "phone_same_network",
                weights.phone_same_network * 0.8,
                "the phone that answered is in the same network".to_owned(),
            ))
        } else if phone.asn != 0 && phone.asn == browser.asn {
            // Two addresses of one carrier: its gateways say little about where the phone is.
            Some((
                "phone_near",
                weights.phone_near * 1.5,
                "the phone that answered is on the browser's own provider".to_owned(),
            ))
        } else if attempt.origin.has(flag::MOBILE) && is_one_pool(phone, browser) {
            Some((
                "phone_near",
                weights.phone_near * 3.0,
                "the phone that answered and the browser on a phone share a carrier's addresses"
                    .to_owned(),
            ))
        } else if abroad && distance.is_none_or(|km| km > NEAR_KM) {
            Some((
                "phone_far",
                weights.phone_far,
                "the phone that answered is in another country than the browser".to_owned(),
            ))
        } else if let Some(km) =
            distance.filter(|km| *km > FAR_KM && !attempt.origin.has(flag::RELAY))
        {
            // Inside one country it is often the carrier's gateway that is far, not the phone.
            Some((
                "phone_far",
                weights.phone_far * 0.4,
                format!("the phone that answered is {km:.0} km from the browser"),
            ))
        } else if (phone.city != 0 && phone.city == browser.city)
            || distance.is_some_and(|km| km < NEAR_KM)
        {
            Some((
                "phone_near",
                weights.phone_near,
                "the phone that answered is in the same city".to_owned(),
            ))
        } else {
            None
        };
        // Nobody leaves the phone at home and answers it in another city.
        let names_cities = phone.city != 0 && browser.city != 0 && !attempt.origin.has(flag::RELAY);
        let is_other_city = names_cities && phone.city != browser.city;
        let is_bare = attempt.origin.agent == 0 && attempt.origin.device == 0;
        let at_home = (
            "phone_at_home",
            weights.phone_at_home * if is_other_city { 2.0 } else { 1.0 },
            if is_other_city {
                "the phone that answered was at an address of its owner's, in another city"
            } else {
                "the phone that answered was at an address of its owner's, and the new device was not"
            }
            .to_owned(),
        );
        let found = found.filter(|(kind, ..)| {
            *kind != "phone_far" || !is_usual_distance(attempt, phone, context)
        });
        let found = match found {
            None | Some(("phone_near", ..))
                if (device.is_new || (is_bare && is_other_city))
                    && is_at_home_alone(attempt, phone, context) =>
            {
                Some(at_home)
            }
            // A phone on the road shows where its carrier is, and never the owner's own line. In front
            // of a VPN no browser is logged that could be the owner's.
            Some(("phone_far", bits, why))
                if (device.is_new || is_bare) && is_at_home_alone(attempt, phone, context) =>
            {
                Some(("phone_at_home", bits.max(weights.phone_at_home), at_owners(&why)))
            }
            found => found,
        };
        if let Some((kind, bits, why)) = found
            && !(is_doubtful && bits < 0.0)
            // A phone that roams, or was left at home, beside a laptop that is surely theirs.
            && !(device.is_own && bits > 0.0)
            && strongest.as_ref().is_none_or(|s| bits > s.bits)
        {
            strongest = Some(Term {
                kind,
                bits,
                at: prompt.ended_at,
                why,
                records: prompt.records.clone(),
            });
        }
    }
    terms.extend(strongest);
}

pub(crate) fn outage(
    attempt: &Attempt,
    failed: &Failures,
    strange: bool,
    context: &Context<'_>,
    terms: &mut Vec<Term>,
) {
    let Some((at, _)) = failed.unanswered.first() else { return };
    if failed.total() > failed.unanswered.len() {
        return;
    }
    let weights = &context.policy.weights;
    let share = context.organisation.outage(attempt.started_at).unwrap_or_default();
    if share > 0.5 {
        // It explains a single silence, and most of several.
        let silent = weights.unanswered * diminishing(failed.unanswered.len());
        let explained = if strange { 0.6 } else { 1.0 };
        terms.push(Term {
            kind: "outage",
            bits: (weights.outage * explained).min(-0.8 * silent),
            at: *at,
            why: format!(
                "{:.0} % of all prompts from familiar places went unanswered just then",
                share * 100.0
            ),
            records: Vec::new(),
        });
    }
}

fn other_people(count: usize) -> String {
    if count == 1 { "one other person".to_owned() } else { format!("{count} other people") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_other_person_is_no_people() {
        assert_eq!(other_people(1), "one other person");
        assert_eq!(other_people(2), "2 other people");
    }
}
