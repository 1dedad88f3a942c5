//! Evidence: what an attempt is worth, in bits, and why.

use pushback_model::{EventKind, Key, Span, Timestamp};

use crate::attempt::Attempt;
use crate::habits::{BrowserLevel, Habits, NetworkLevel, network_level, shows_habit};
use crate::history::Origin;
use crate::organisation::Organisation;
use crate::policy::Policy;
use crate::prompt::{Outcome, Prompt};
use crate::record::{Record, flag};

/// One term of evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The name of the weight.
    pub kind: &'static str,
    /// Its worth.
    pub bits: f64,
    /// When it was seen.
    pub at: Timestamp,
    /// A sentence for the reader.
    pub why: String,
    /// Indices of the records behind it.
    pub records: Vec<usize>,
}

/// Everything that a judgement of one person may look at.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Who.
    pub who: Key,
    /// The person's records, in order of time, up to `until`.
    pub records: &'a [Record],
    /// The prompts rebuilt from them.
    pub prompts: &'a [Prompt],
    /// What is ordinary for the person.
    pub habits: &'a Habits,
    /// What the organisation shows.
    pub organisation: &'a Organisation,
    /// Weights, windows, thresholds.
    pub policy: &'a Policy,
    /// How far the records go.
    pub until: Timestamp,
}

/// An attempt with its evidence.
#[derive(Clone, Debug)]
pub struct Weighed {
    /// The attempt.
    pub attempt: Attempt,
    /// How strange its place is.
    pub origin_terms: Vec<Term>,
    /// What else speaks for or against a stranger, whatever came of it.
    pub context_terms: Vec<Term>,
    /// Prompts that failed, by outcome.
    pub failed: Failures,
    /// When a second factor was passed from there, and the record.
    pub passed: Option<(Timestamp, usize)>,
}

/// Counts of prompts that ended without letting anyone in, with their records.
#[derive(Clone, Debug, Default)]
pub struct Failures {
    /// Nobody answered.
    pub unanswered: Vec<(Timestamp, usize)>,
    /// Said no.
    pub denied: Vec<(Timestamp, usize)>,
    /// Said "not me".
    pub reported: Vec<(Timestamp, usize)>,
    /// Wrong number.
    pub mismatched: Vec<(Timestamp, usize)>,
    /// Vendor's verdict.
    pub anomalous: Vec<(Timestamp, usize)>,
}

impl Failures {
    /// How many.
    #[must_use]
    pub fn total(&self) -> usize {
        self.unanswered.len()
            + self.denied.len()
            + self.reported.len()
            + self.mismatched.len()
            + self.anomalous.len()
    }

    pub(crate) fn extend(&mut self, more: &Self) {
        self.unanswered.extend_from_slice(&more.unanswered);
        self.denied.extend_from_slice(&more.denied);
        self.reported.extend_from_slice(&more.reported);
        self.mismatched.extend_from_slice(&more.mismatched);
        self.anomalous.extend_from_slice(&more.anomalous);
    }
}

impl Weighed {
    /// Bits of the place alone.
    #[must_use]
    pub fn origin_bits(&self) -> f64 {
        sum(&self.origin_terms)
    }

    /// Whether the place or the device is beyond doubt the owner's.
    #[must_use]
    pub fn is_owners(&self) -> bool {
        let has_new_browser = self
            .origin_terms
            .iter()
            .any(|t| matches!(t.kind, "unfamiliar_browser" | "unfamiliar_device") && t.bits > 0.0);
        self.origin_terms.iter().chain(&self.context_terms).any(|t| {
            matches!(
                t.kind,
                "known_device" | "managed_device" | "phone_same_network" | "colleagues_network"
            ) || (t.kind == "known_network" && t.bits < if has_new_browser { -5.5 } else { -3.0 })
        })
    }

    /// Bits of the place and the circumstances.
    #[must_use]
    pub fn standing_bits(&self) -> f64 {
        self.origin_bits() + sum(&self.context_terms)
    }
}

/// The sum of some terms.
#[must_use]
pub fn sum(terms: &[Term]) -> f64 {
    terms.iter().map(|t| t.bits).sum()
}

/// Weighs one attempt.
#[must_use]
pub fn weigh(attempt: Attempt, context: &Context<'_>) -> Weighed {
    let failed = failures(&attempt, context);
    let passed = attempt.passed(context.prompts, context.records);
    let origin_terms = origin_terms(&attempt.origin, attempt.started_at, passed.is_some(), context);
    let strange = sum(&origin_terms) > 0.0;
    let mut context_terms = Vec::new();
    if strange {
        circumstances(&attempt, context, &mut context_terms);
    }
    let is_own_device = origin_terms
        .iter()
        .any(|t| matches!(t.kind, "known_device" | "managed_device" | "own_device_there"));
    phone(&attempt, passed.is_some(), is_own_device, context, &mut context_terms);
    outage(&attempt, &failed, strange, context, &mut context_terms);
    Weighed { attempt, origin_terms, context_terms, failed, passed }
}

fn failures(attempt: &Attempt, context: &Context<'_>) -> Failures {
    let mut failed = Failures::default();
    for prompt in attempt.prompts.iter().filter_map(|i| context.prompts.get(*i)) {
        let Some(record) = prompt.records.last() else { continue };
        let entry = (prompt.ended_at, *record);
        match prompt.outcome {
            Outcome::Unanswered => failed.unanswered.push(entry),
            Outcome::Denied => failed.denied.push(entry),
            Outcome::Reported => failed.reported.push(entry),
            Outcome::Mismatched => failed.mismatched.push(entry),
            Outcome::Anomalous => failed.anomalous.push(entry),
            Outcome::Pending | Outcome::Satisfied | Outcome::Approved => {}
        }
    }
    if attempt.prompts.is_empty() {
        // Products that log only "the second factor failed" (Microsoft 365, Google): at the least,
        // somebody with the password was asked for it.
        for record in &attempt.failed {
            if let Some(at) = context.records.get(*record).map(|r| r.at) {
                failed.unanswered.push((at, *record));
            }
        }
    }
    failed
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
        .or(familiar.browser_after);
    let is_known_device = browser == Some(BrowserLevel::Device);
    let mut is_known_network = false;
    if origin.place.is_known() && habits.sign_ins() > 0 {
        let before = familiar.network_before.unwrap_or(NetworkLevel::Foreign);
        let mut bits = match familiar.network_before {
            Some(level) => habits.network_bits(level, novelty),
            None => 0.0,
        };
        let mut level = before;
        // A place that the owner settles in later was the owner's before. Of an attempt that got
        // in, only a browser known from elsewhere can tell the owner's move from a stranger's stay.
        let adopted = familiar.network_after.filter(|level| {
            *level < before
                && (!has_passed
                    || familiar.browser_before.is_some_and(|b| b <= BrowserLevel::Exact))
        });
        if let Some(later) = adopted {
            let raw = habits.network_bits(later, novelty);
            let later_bits = if raw < 0.0 { 0.6 * raw } else { raw };
            if later_bits < bits || familiar.network_before.is_none() {
                bits = later_bits;
                level = later;
            }
        }
        if level == NetworkLevel::Foreign && habits.is_on_the_road(&origin.place, at) {
            term(
                "own_device_there",
                weights.own_device_there,
                "this person's own device was in that city within days".into(),
            );
        }
        is_known_network = level <= NetworkLevel::Network;
        if familiar.network_before.is_some() || adopted.is_some() {
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
        term(
            "hosting_network",
            weights.hosting_network,
            "the network is a hosting provider's, a VPN's or a proxy's".into(),
        );
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
        let device = habits.new_device_bits(origin.device != 0, has_passed, novelty);
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
    } else if !is_known_network {
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
    terms
}

/// A source is looked at together with others asked within this span.
const SPRAY_SPAN: Span = Span::hours(24);
/// Activity this close in time is "at the same time".
const TOGETHER: Span = Span::minutes(12);
/// Two prompts this close ring together.
const BESIDE: Span = Span::seconds(90);

fn circumstances(attempt: &Attempt, context: &Context<'_>, terms: &mut Vec<Term>) {
    let weights = &context.policy.weights;
    let at = attempt.started_at;
    let (others, kin) = context.organisation.others_asked(
        &attempt.origin,
        context.who,
        at,
        SPRAY_SPAN,
        context.until,
    );
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
                format!("the same source asked {others} other people")
            } else {
                format!("the same provider and browser asked {kin} other people")
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
    let is_new_network = is_new_network(attempt, context);
    let beside =
        attempt.prompts.iter().filter_map(|i| context.prompts.get(*i)).find_map(|prompt| {
            context.prompts.iter().find(|other| {
                (other.sent_at - prompt.sent_at).abs() <= BESIDE
                    && other.origin.place.is_known()
                    && network_level(&other.origin.place, &attempt.origin.place)
                        > NetworkLevel::Network
                    && is_familiar(&other.origin, other.sent_at, context)
            })
        });
    if let Some(own_prompt) = beside.filter(|_| is_new_network) {
        terms.push(Term {
            kind: "beside_own_prompt",
            bits: weights.beside_own_prompt,
            at: own_prompt.sent_at,
            why: "it rang within seconds of the owner's own prompt".into(),
            records: own_prompt.records.clone(),
        });
    } else if let Some((index, record)) = own_activity(attempt, context).filter(|_| is_new_network)
    {
        terms.push(Term {
            kind: "active_elsewhere",
            bits: weights.active_elsewhere,
            at: record.at,
            why: "the owner was active from a familiar place at the same time".into(),
            records: vec![index],
        });
    }
    cadence(attempt, context, terms);
}

/// Whether the attempt's network has nothing in common with the person's, as far as can be told: a
/// phone on the usual carrier next to a laptop at home is one person, not two.
fn is_new_network(attempt: &Attempt, context: &Context<'_>) -> bool {
    let familiar = context.habits.familiarity(
        &attempt.origin,
        attempt.started_at,
        context.policy.windows.habits(),
    );
    let is_far = |level: NetworkLevel| level >= NetworkLevel::Country;
    // Another line in the same city is new enough for a computer that the person never used.
    let is_other_line = |level: NetworkLevel| level >= NetworkLevel::ProviderOrCity;
    let is_new_computer = !attempt.origin.has(flag::MOBILE)
        && familiar.browser_before.is_some_and(|level| level > BrowserLevel::Exact)
        && familiar.browser_after.is_none_or(|level| level > BrowserLevel::Exact);
    familiar.network_before.is_some_and(|l| is_far(l) || (is_new_computer && is_other_line(l)))
        && familiar.network_after.is_none_or(|l| is_far(l) || (is_new_computer && is_other_line(l)))
}

/// The owner's own activity, at a familiar place, while the attempt goes on somewhere else.
fn own_activity<'a>(attempt: &Attempt, context: &Context<'a>) -> Option<(usize, &'a Record)> {
    let from = attempt.started_at - TOGETHER;
    let to = attempt.last_at + TOGETHER;
    let begin = context.records.partition_point(|r| r.at < from);
    context.records.iter().enumerate().skip(begin).take_while(|(_, r)| r.at <= to).find(|(_, r)| {
        shows_habit(r.kind)
            && r.requester.is_known()
            && network_level(&r.requester, &attempt.origin.place) > NetworkLevel::ProviderAndCity
            && (r.device == 0 || r.device != attempt.origin.device)
            && is_familiar(&Origin::of(r), r.at, context)
    })
}

fn is_familiar(origin: &Origin, at: Timestamp, context: &Context<'_>) -> bool {
    let familiar = context.habits.familiarity(origin, at, context.policy.windows.habits());
    familiar.network_before.is_some_and(|level| level <= NetworkLevel::Network)
        || familiar.network_after.is_some_and(|level| level <= NetworkLevel::Address)
        || familiar.browser_before == Some(BrowserLevel::Device)
}

/// Machines keep time; people do not.
fn cadence(attempt: &Attempt, context: &Context<'_>, terms: &mut Vec<Term>) {
    let times: Vec<Timestamp> =
        attempt.prompts.iter().filter_map(|i| context.prompts.get(*i)).map(|p| p.sent_at).collect();
    if let Some((mean, spread)) = pace(&times)
        && times.len() >= 4
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

fn phone(
    attempt: &Attempt,
    has_passed: bool,
    is_own_device: bool,
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
        if !phone.is_known() || !answered || (has_passed && prompt.outcome != Outcome::Approved) {
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
        } else if abroad && distance.is_none_or(|km| km > NEAR_KM) {
            Some((
                "phone_far",
                weights.phone_far,
                "the phone that answered is in another country than the browser".to_owned(),
            ))
        } else if let Some(km) = distance.filter(|km| *km > FAR_KM) {
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
        if let Some((kind, bits, why)) = found
            && !(is_doubtful && bits < 0.0)
            // A phone that roams, or was left at home, beside a laptop that is surely theirs.
            && !(is_own_device && bits > 0.0)
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

fn outage(
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
    let share = context.organisation.outage(attempt.started_at).unwrap_or_default();
    if share > 0.5 {
        terms.push(Term {
            kind: "outage",
            bits: if strange {
                context.policy.weights.outage * 0.6
            } else {
                context.policy.weights.outage
            },
            at: *at,
            why: format!(
                "{:.0} % of all prompts from familiar places went unanswered just then",
                share * 100.0
            ),
            records: Vec::new(),
        });
    }
}

/// Whether a record shows a lasting change that somebody other than an administrator made.
#[must_use]
pub fn is_own_change(record: &Record) -> bool {
    record.kind.is_lasting_change() && !record.has(flag::BY_OTHER)
}

/// Whether an administrator's act opens the door for a new authenticator.
#[must_use]
pub fn is_reset_by_other(record: &Record) -> bool {
    record.has(flag::BY_OTHER)
        && matches!(
            record.kind,
            EventKind::FactorReset
                | EventKind::FactorRemoved
                | EventKind::PasswordReset
                | EventKind::BypassGranted
        )
}
