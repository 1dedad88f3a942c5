//! Evidence: what an attempt is worth, in bits, and why.

use std::collections::BTreeMap;

use pushback_model::{EventKind, Key, Span, Timestamp};

use crate::attempt::Attempt;
use crate::circumstance::{PhoneBeside, circumstances, outage, phone};
use crate::entry::Foreign;
use crate::habits::{Habits, NetworkLevel};
use crate::organisation::Organisation;
use crate::origin::origin_terms;
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
    /// Strangers whose successes the habits leave out.
    pub(crate) foreign: &'a [Foreign],
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
    /// The nearest network that the person used before.
    pub network: Option<NetworkLevel>,
    /// Prompts failed from several networks around the same time, and nobody got in from any.
    pub is_one_of_many: bool,
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

    /// When the last of them was.
    pub(crate) fn last_at(&self) -> Option<Timestamp> {
        [&self.unanswered, &self.denied, &self.reported, &self.mismatched, &self.anomalous]
            .into_iter()
            .flatten()
            .map(|(at, _)| *at)
            .max()
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
    let is_new_device = origin_terms.iter().any(|t| t.kind == "unfamiliar_device" && t.bits > 0.0);
    let mut context_terms = Vec::new();
    // Of a prompt that bears no address, the hour is all there is.
    let is_placeless = !attempt.origin.place.is_known();
    if strange || is_placeless || is_somewhere_new(&origin_terms) {
        circumstances(&attempt, is_new_device, context, &mut context_terms);
    }
    // Behind an office's gateway, every phone on its carrier looks far away.
    let is_own_device = origin_terms.iter().any(|t| {
        matches!(
            t.kind,
            "known_device" | "managed_device" | "own_device_there" | "colleagues_network"
        )
    });
    let device = PhoneBeside { is_own: is_own_device, is_new: is_new_device };
    phone(&attempt, passed.is_some(), device, context, &mut context_terms);
    // The phone travels with its owner: beside the browser, it says where they were.
    if context_terms.iter().any(|t| matches!(t.kind, "phone_near" | "phone_same_network")) {
        context_terms.retain(|t| t.kind != "impossible_travel");
    }
    explain_place(&origin_terms, &mut context_terms, context);
    outage(&attempt, &failed, strange, context, &mut context_terms);
    let horizon = context.policy.windows.habits();
    let network =
        context.habits.familiarity(&attempt.origin, attempt.started_at, horizon).network_before;
    let is_one_of_many = false;
    Weighed { attempt, origin_terms, context_terms, failed, passed, network, is_one_of_many }
}

/// Wherever the phone answers from behind the browser's own address, its owner is: that the place is new
/// is one observation with that, and says nothing more.
fn explain_place(origin_terms: &[Term], context_terms: &mut [Term], context: &Context<'_>) {
    let whole = context.policy.weights.phone_same_network;
    let beside = context_terms
        .iter_mut()
        .find(|t| t.kind == "phone_same_network" && t.bits <= whole && whole < 0.0);
    let is_of_place =
        |t: &&Term| matches!(t.kind, "unfamiliar_network" | "unfamiliar_country") && t.bits > 0.0;
    if let Some(beside) = beside {
        beside.bits -= origin_terms.iter().filter(is_of_place).map(|t| t.bits).sum::<f64>();
    }
}

/// Whether an attempt comes from a network that is new to the person and nothing there is surely
/// theirs: a copied browser does not make a place familiar.
fn is_somewhere_new(origin_terms: &[Term]) -> bool {
    let has = |kinds: &[&str]| origin_terms.iter().any(|t| kinds.contains(&t.kind));
    has(&["unfamiliar_network", "unfamiliar_country"])
        && !has(&["known_device", "managed_device", "own_device_there", "colleagues_network"])
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

/// Prompts that failed in one attempt from which on its place is looked at, however near.
const MANY_FAILED: usize = 3;

/// Marks attempts that failed from one network after another: of somebody of whom little is known, no
/// single one is strange.
pub(crate) fn mark_rotation(weighed: &mut [Weighed], within: Span) {
    let mut failed: Vec<(Timestamp, u32, usize)> = weighed
        .iter()
        .enumerate()
        .filter(|(_, w)| w.failed.total() > 0 && w.passed.is_none() && !w.is_owners())
        .map(|(i, w)| (w.attempt.started_at, w.attempt.origin.place.network, i))
        .filter(|(_, network, _)| *network != 0)
        .collect();
    failed.sort_unstable();
    // A window that moves along: an attacker can make attempts by the ten thousand.
    let mut near: BTreeMap<u32, usize> = BTreeMap::new();
    let (mut ahead, mut behind) = (failed.iter().peekable(), failed.iter().peekable());
    for (at, _, i) in &failed {
        while let Some((_, network, _)) = ahead.next_if(|(other, ..)| *other - *at <= within) {
            *near.entry(*network).or_default() += 1;
        }
        while let Some((_, network, _)) = behind.next_if(|(other, ..)| *at - *other > within) {
            if let Some(count) = near.get_mut(network) {
                *count -= 1;
                if *count == 0 {
                    near.remove(network);
                }
            }
        }
        if near.len() >= MANY_FAILED
            && let Some(one) = weighed.get_mut(*i)
        {
            one.is_one_of_many = true;
        }
    }
}

pub(crate) fn is_strange(weighed: &Weighed) -> bool {
    let asked = weighed.failed.total() > 0
        || weighed.passed.is_some()
        || !weighed.attempt.lockouts.is_empty()
        || !weighed.attempt.demands.is_empty();
    let disowned = !weighed.failed.reported.is_empty() || !weighed.failed.anomalous.is_empty();
    let insists = weighed.is_one_of_many
        || weighed.failed.total() >= MANY_FAILED
        || (weighed.failed.total() >= 2 && !weighed.failed.denied.is_empty());
    asked && (disowned || weighed.standing_bits() > 0.0 || (insists && !weighed.is_owners()))
}

/// Whether an attempt is looked at more closely: a strange one, or a way in that is not surely the
/// owner's.
pub(crate) fn is_candidate(weighed: &Weighed) -> bool {
    is_strange(weighed) || (weighed.passed.is_some() && !weighed.is_owners())
}

pub(crate) fn has_failure(weighed: &Weighed) -> bool {
    weighed.failed.total() > 0
        || !weighed.attempt.lockouts.is_empty()
        || is_unmet_demand(&weighed.attempt)
}

pub(crate) fn is_unmet_demand(attempt: &Attempt) -> bool {
    !attempt.demands.is_empty()
        && attempt.prompts.is_empty()
        && attempt.sessions.is_empty()
        && attempt.verified.is_empty()
        && !attempt.is_met
}

/// How much the n-th of a kind still adds: 1, 1.5, 1.83, ... at most 2.5.
pub(crate) fn diminishing(count: usize) -> f64 {
    (1..=count.min(16)).map(|n| 1.0 / n as f64).sum::<f64>().min(2.5)
}
