//! The way in: whether a success is a stranger's, and why.

use std::collections::BTreeSet;

use pushback_model::{EventKind, Factor, Key, Span, Timestamp};

use crate::after::{after_terms, changes_after, is_surely_theirs};
use crate::habits::{Habits, NetworkLevel, is_lesson, network_level};
use crate::handed_on::{remembered_elsewhere, session_elsewhere, taken_at_once};
use crate::history::Origin;
use crate::one_change::{HARDLY_STRANGE, is_usual_place, limit_one_change, speaks_besides};
use crate::own::{is_elsewhere, own_things, strong_share};
use crate::policy::Weights;
use crate::prompt::{Outcome, Prompt, REPORT_REACH};
use crate::record::{Place, Record, flag};
use crate::weigh::{
    Context, Failures, Term, Weighed, diminishing, is_own_change, is_reset_by_other, sum, weigh,
};

/// A success that is not the owner's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    pub(crate) at: Timestamp,
    pub(crate) ip: Key,
    pub(crate) place: Place,
    pub(crate) device: Key,
    pub(crate) sessions: Vec<Key>,
}

impl Foreign {
    /// Whether a place is where this stranger got in.
    pub(crate) fn is_at(&self, place: &Place) -> bool {
        network_level(&self.place, place) <= NetworkLevel::ProviderAndCity
    }

    /// Whether something came from this stranger's very machine.
    pub(crate) fn is_same_machine(&self, origin: &Origin) -> bool {
        (self.ip != 0 && origin.place.ip == self.ip)
            || (self.device != 0 && origin.device == self.device)
    }

    /// Whether a later success is this stranger's too.
    pub(crate) fn taints(&self, origin: &Origin, session: Key, at: Timestamp) -> bool {
        let same =
            self.is_same_machine(origin) || (session != 0 && self.sessions.contains(&session));
        same && at >= self.at - Span::minutes(30)
    }
}

pub(crate) fn stranger(context: &Context<'_>, weighed: &Weighed, at: Timestamp) -> Foreign {
    let attempt = &weighed.attempt;
    // Where no record says that a session began, the approved prompt names it.
    let approved = attempt
        .prompts
        .iter()
        .filter_map(|i| context.prompts.get(*i))
        .filter(|p| p.outcome == Outcome::Approved)
        .flat_map(|p| &p.records);
    let mut sessions: Vec<Key> = attempt
        .sessions
        .iter()
        .chain(approved)
        .filter_map(|i| context.records.get(*i))
        .map(|r| r.session)
        .filter(|session| *session != 0)
        .collect();
    sessions.sort_unstable();
    sessions.dedup();
    Foreign {
        at,
        ip: attempt.origin.place.ip,
        place: attempt.origin.place,
        device: attempt.origin.device,
        sessions,
    }
}

/// The evidence that a success is not the owner's, and what was done after it.
pub(crate) fn passed_terms(
    context: &Context<'_>,
    failing: &[&Weighed],
    weighed: &Weighed,
    at: Timestamp,
    record: usize,
) -> Vec<Term> {
    let weights = &context.policy.weights;
    let mut terms = weighed.origin_terms.clone();
    // An outage explains silence; it does not say who came in.
    terms.extend(weighed.context_terms.iter().filter(|t| t.kind != "outage").cloned());

    let mut earlier = Failures::default();
    let place = &weighed.attempt.origin.place;
    let mut same_source = false;
    let since = begun(failing, at, context.policy.windows.episode_quiet());
    let mut networks: BTreeSet<u32> = BTreeSet::new();
    for other in failing {
        // The very machine is the same stranger, days later too.
        let device = other.attempt.origin.device;
        let is_same_machine = device != 0 && device == weighed.attempt.origin.device;
        let is_near = other.attempt.started_at >= since
            || (is_same_machine && at - other.attempt.last_at <= RETURNS_WITHIN);
        if other.attempt.started_at > at || !is_near {
            continue;
        }
        let level = network_level(&other.attempt.origin.place, place);
        same_source |=
            other.failed.total() > 0 && (level <= NetworkLevel::Network || is_same_machine);
        networks.extend((other.failed.total() > 0).then_some(other.attempt.origin.place.network));
        earlier.extend(&other.failed);
    }
    // Whoever never comes twice from one place is not told by coming from another.
    same_source |= networks.len() >= ROTATES_MIN;
    // What was refused in this very attempt counts, however near its place.
    if !failing.iter().any(|other| other.attempt.started_at == weighed.attempt.started_at) {
        same_source |= !weighed.failed.denied.is_empty();
        earlier.denied.extend_from_slice(&weighed.failed.denied);
    }
    for list in [
        &mut earlier.unanswered,
        &mut earlier.denied,
        &mut earlier.reported,
        &mut earlier.mismatched,
        &mut earlier.anomalous,
    ] {
        list.retain(|(when, _)| *when <= at);
    }
    // While everybody's prompts go unanswered, silence says nothing.
    let is_outage = |when: Timestamp| context.organisation.outage(when).is_some_and(|s| s > 0.5);
    earlier.unanswered.retain(|(when, _)| !is_outage(*when));
    // A slip of the thumb is put right within a minute or two; a refusal that was none is rare where all is
    // new.
    let is_all_new = is_elsewhere(&terms) && has_new_machine(&terms);
    let own = weighed.failed.denied.iter().chain(&weighed.failed.mismatched);
    let is_slip = earlier.total() == 1
        && earlier.denied.len() + earlier.mismatched.len() == 1
        && (!is_all_new || earlier.denied.is_empty())
        && own.into_iter().any(|(when, _)| *when <= at && at - *when <= SLIP);
    if earlier.total() > 0 {
        // People miss a prompt or two and try again at once; strangers are missed again and again.
        let here = weighed.failed.unanswered.iter().filter(|(when, _)| *when <= at).count();
        let elsewhere = earlier.unanswered.len().saturating_sub(here);
        let silent = match here {
            0 => 0.0,
            1 => 0.2,
            2 if is_all_new => 1.0,
            2 => 0.5,
            3 if is_all_new => 1.6,
            3 => 1.0,
            4..=6 => 1.6,
            7..=9 => 2.8,
            _ => 4.0,
        } + diminishing(elsewhere);
        let said = earlier.denied.len() + earlier.mismatched.len();
        let spoken = if is_slip { 0.4 } else { diminishing(said) }
            + 2.0 * diminishing(earlier.reported.len() + earlier.anomalous.len());
        let near = match (same_source, owner_was_back(context, &earlier, at)) {
            (true, _) => 1.0,
            (false, false) => 0.7,
            (false, true) => OWNER_BETWEEN,
        };
        let bits = weights.after_failures * near * (0.6 * silent + 1.2 * spoken);
        let why =
            format!("it follows {} unexpected prompts that were not approved", earlier.total());
        let all = [&earlier.unanswered, &earlier.denied, &earlier.reported, &earlier.mismatched];
        let records = all.iter().flat_map(|l| l.iter().map(|(_, r)| *r)).collect();
        terms.push(Term { kind: "after_failures", bits, at, why, records });
    }
    // Who misses a prompt and approves the next is the owner nine times of ten; not where somebody who
    // never got in was asking a few days ago.
    let is_asked_again = earlier.total() > 0 && !is_slip;
    let was_missed = weighed.failed.unanswered.iter().any(|(when, _)| *when <= at);
    if let Some(before) = failing.iter().rev().find(|other| {
        let is_before = other.attempt.started_at < since;
        let ago = at - other.attempt.last_at;
        is_before && ago <= RETURNS_WITHIN && !got_in(context, &other.attempt.origin)
    }) && (is_asked_again || (was_missed && !before.failed.reported.is_empty()))
    {
        terms.push(Term {
            kind: "returned",
            bits: weights.returned,
            at,
            why: format!("strangers had asked in vain {} before", at - before.attempt.last_at),
            records: Vec::new(),
        });
    }
    if let Some(passed) = context.records.get(record)
        && matches!(passed.factor, Factor::Sms | Factor::Voice | Factor::Email)
        && ((earlier.denied.len() + earlier.reported.len() > 0 && !is_slip)
            || earlier.unanswered.len() > 3)
    {
        terms.push(Term {
            kind: "downgrade",
            bits: weights.downgrade,
            at,
            why: format!(
                "after refused prompts, {} was used",
                passed.factor.name().replace('_', " ")
            ),
            records: vec![record],
        });
    }
    if let Some((bound, all)) = strong_share(context, at).filter(|_| is_elsewhere(&terms)) {
        terms.push(Term {
            kind: "weaker_factor",
            bits: weights.weaker_factor,
            at,
            why: format!(
                "{bound} of {all} times before, this person used a key that no page can trick"
            ),
            records: vec![record],
        });
    }
    if let Some((index, reset)) =
        reset_before(context, at).filter(|(_, reset)| !is_settled(context, reset.at, at))
    {
        // Whoever approves with what the owner had before gained less by the reset.
        let has_bound = context.records.iter().any(|r| {
            matches!(r.kind, EventKind::FactorEnrolled | EventKind::DeviceRegistered)
                && r.at >= reset.at
                && r.at <= at
        });
        let share = if has_bound { 1.0 } else { 0.5 };
        terms.push(Term {
            kind: "helpdesk_reset",
            bits: weights.helpdesk_reset * share,
            at: reset.at,
            why: "somebody else reset this person's authenticators shortly before".into(),
            records: vec![index],
        });
    }
    if let Some((index, reported)) = disowned(context, weighed, at) {
        terms.push(Term {
            kind: "reported",
            bits: weights.reported,
            at: reported.at,
            why: "its owner reported it as not theirs".into(),
            records: vec![index],
        });
    }
    if let Some(moved) = session_elsewhere(context, weighed, at) {
        if moved.share > 1.0 {
            // Where a session is handed on, the place and the browser of the approval are a disguise.
            terms.retain(|t| !matches!(t.kind, "known_network" | "known_browser" | "phone_near"));
        }
        terms.push(Term {
            kind: "session_elsewhere",
            bits: weights.session_elsewhere * moved.share,
            at: moved.at,
            why: "the session was then used from another source with another browser".into(),
            records: vec![moved.index],
        });
    } else if let Some((index, elsewhere)) = remembered_elsewhere(context, weighed, at) {
        terms.push(Term {
            kind: "session_elsewhere",
            bits: weights.session_elsewhere,
            at: elsewhere,
            why: "a machine was then remembered that this person never signed in with".into(),
            records: vec![index],
        });
    }
    let me = stranger(context, weighed, at);
    terms.extend(taken_at_once(context, &me, at));
    own_things(context, &me, weighed, at, &mut terms);
    if !terms.iter().any(|t| t.kind == "phone_same_network")
        && let Some(prompt) = phone_there_later(context, &me)
    {
        terms.push(Term {
            kind: "phone_same_network",
            bits: weights.phone_same_network * 0.8,
            at: prompt.ended_at,
            why: "the phone answered from behind that address another time".into(),
            records: prompt.records.clone(),
        });
    }
    let after = changes_after(context, std::slice::from_ref(&me), at);
    let standing = sum(&terms);
    after_terms(context, &me, &after, at, &mut terms);
    let new_machine = new_machine(context, &me, &after, &terms);
    let may_set_up = is_usual_place(weighed, &terms) && !speaks_besides(&terms);
    if new_machine.is_none() && (standing <= HARDLY_STRANGE || may_set_up) {
        limit_one_change(context, at, record, &mut terms);
    }
    terms.extend(new_machine);
    if !is_corroborated(&terms, weights) {
        // People buy laptops, move house and travel. That a place and a browser are new is no more
        // than that until something else speaks too.
        let most = context.policy.thresholds.approved - 1.0;
        let excess = sum(&terms) - most;
        if excess > 0.0 {
            terms.push(Term {
                kind: "novelty_only",
                bits: -excess,
                at,
                why: "only novelty speaks against it".into(),
                records: vec![record],
            });
        }
    }
    terms
}

/// Networks from which prompts failed that make it somebody who never comes twice from one place.
const ROTATES_MIN: usize = 4;

/// When the row of failures began that a success follows, none of them further than `quiet` from the next:
/// whoever asks once a day is the same after a week.
fn begun(failing: &[&Weighed], at: Timestamp, quiet: Span) -> Timestamp {
    let mut since = at;
    for other in failing.iter().rev().filter(|other| other.attempt.started_at <= at) {
        if since - other.attempt.last_at > quiet || at - other.attempt.last_at > RETURNS_WITHIN {
            break;
        }
        since = since.min(other.attempt.started_at);
    }
    since
}

/// What failed prompts still say of a success from another source once their owner has signed in between.
const OWNER_BETWEEN: f64 = 0.4;

/// Whether the owner signed in, beyond doubt, between the last of some failures and an instant.
fn owner_was_back(context: &Context<'_>, earlier: &Failures, at: Timestamp) -> bool {
    let Some(last) = earlier.last_at() else { return false };
    let begin = context.records.partition_point(|r| r.at <= last);
    let between = context.records.iter().skip(begin).take_while(|r| r.at < at);
    between
        .filter(|r| r.kind == EventKind::SessionStarted && r.requester.is_known())
        .any(|r| is_surely_theirs(context, &Origin::of(r), last))
}

/// The owner's word that a success was not theirs: a report that names its prompt or its address.
fn disowned<'a>(
    context: &Context<'a>,
    weighed: &Weighed,
    at: Timestamp,
) -> Option<(usize, &'a Record)> {
    let attempt = &weighed.attempt;
    let prompts = attempt.prompts.iter().filter_map(|i| context.prompts.get(*i));
    let approved: Vec<&Prompt> = prompts.filter(|p| p.outcome == Outcome::Approved).collect();
    let begin = context.records.partition_point(|r| r.at < at);
    let later = context.records.iter().enumerate().skip(begin);
    later.take_while(|(_, r)| r.at - at <= REPORT_REACH).find(|(i, r)| {
        let is_of_there = r.requester.ip != 0 && r.requester.ip == attempt.origin.place.ip;
        r.kind == EventKind::PromptReported
            && (is_of_there || approved.iter().any(|p| p.records.contains(i)))
    })
}

/// A prompt that was asked for at the same address and answered from behind it.
//
// SECURITY: a stranger who binds a phone answers from behind their own address. Guarded by
// `a_phone_that_was_bound_there_does_not_acquit`.
fn phone_there_later<'a>(context: &Context<'a>, me: &Foreign) -> Option<&'a Prompt> {
    if me.ip == 0 {
        return None;
    }
    let first_bound = context.records.iter().find(|r| {
        matches!(r.kind, EventKind::FactorEnrolled | EventKind::DeviceRegistered)
            && r.at >= me.at - Span::days(1)
            && (!r.requester.is_known()
                || network_level(&r.requester, &me.place) <= NetworkLevel::ProviderAndCity)
    });
    let until = first_bound.map_or(context.until, |r| r.at);
    context.prompts.iter().find(|prompt| {
        prompt.outcome == Outcome::Approved
            && context.organisation.tells_where_phones_are(prompt.source)
            && prompt.sent_at > me.at
            && prompt.ended_at <= until
            && prompt.origin.place.ip == me.ip
            && prompt.responder.ip == me.ip
    })
}

/// A success that stays in use for longer is the habits' to explain.
const OWN_SHARE: Span = Span::hours(24);
/// What an attempt teaches about itself is seldom worth more.
const SECOND_LOOK_BITS: f64 = 6.0;

/// The same attempt, weighed by habits that leave out what it taught itself.
///
/// A success counts among the person's sign-ins: it makes new networks, new devices and odd hours a
/// little more ordinary, and most so for whoever signs in seldom. Where something else speaks for a
/// stranger, the success in question must not excuse itself.
pub(crate) fn second_look(
    context: &Context<'_>,
    failing: &[&Weighed],
    weighed: &Weighed,
    terms: &[Term],
) -> Option<(Weighed, Vec<Term>)> {
    let (at, record) = weighed.passed?;
    let enough = context.policy.thresholds.approved;
    // What lasts, or what failed before. That the owner was busy elsewhere is too little: people
    // have two machines.
    let something_else = terms.iter().any(|t| {
        let speaks = t.kind.starts_with("after_")
            || matches!(t.kind, "session_elsewhere" | "downgrade" | "phone_far" | "helpdesk_reset");
        t.bits > 0.0 && speaks
    });
    if !something_else || sum(terms) < enough - SECOND_LOOK_BITS {
        return None;
    }
    let me = stranger(context, weighed, at);
    let is_tainted = |origin: &Origin, session: Key, when: Timestamp| {
        (me.taints(origin, session, when) && when - at <= OWN_SHARE)
            || context.foreign.iter().any(|f| f.taints(origin, session, when))
    };
    let habits = Habits::learn(context.records, context.prompts, &is_tainted);
    let context = Context { habits: &habits, ..*context };
    let again = weigh(weighed.attempt.clone(), &context);
    let terms = passed_terms(&context, failing, &again, at, record);
    Some((again, terms))
}

/// How soon strangers make what lasts, and a session is still in one pair of hands.
pub(crate) const AT_ONCE: Span = Span::hours(6);

/// Whether the device or the browser is one that the person never used.
fn has_new_machine(terms: &[Term]) -> bool {
    terms
        .iter()
        .any(|t| matches!(t.kind, "unfamiliar_device" | "unfamiliar_browser") && t.bits > 0.0)
}

/// Owners set a new laptop up at home or among colleagues, and elsewhere they change things with the
/// machine they know. A new machine in a new place that changes the account within hours is neither.
fn new_machine(
    context: &Context<'_>,
    me: &Foreign,
    after: &[usize],
    terms: &[Term],
) -> Option<Term> {
    let has = |kinds: &[&str]| terms.iter().any(|t| kinds.contains(&t.kind));
    let is_new = has_new_machine(terms);
    let is_elsewhere = is_elsewhere(terms);
    let is_excused = has(&["mobile_browser", "colleagues_network", "phone_same_network"])
        || reset_before(context, me.at).is_some();
    if !is_new || !is_elsewhere || is_excused {
        return None;
    }
    let (index, change) = after
        .iter()
        .filter_map(|i| Some((*i, context.records.get(*i)?)))
        .filter(|(_, r)| {
            is_own_change(r) && r.kind != EventKind::FactorUpdated && !r.has(flag::PLAIN_RULE)
        })
        .find(|(_, r)| {
            (Span::ZERO..=AT_ONCE).contains(&(r.at - me.at))
                && me.taints(&Origin::of(r), r.session, r.at)
        })?;
    Some(Term {
        kind: "new_machine",
        bits: context.policy.weights.new_machine,
        at: change.at,
        why: "the machine that then changed the account is one this person never used".into(),
        records: vec![index],
    })
}

/// Whether something beyond a new place and a new browser speaks for a stranger.
fn is_corroborated(terms: &[Term], weights: &Weights) -> bool {
    let bits = |kind: &str| terms.iter().find(|t| t.kind == kind).map_or(0.0, |t| t.bits);
    // Inside a country a speed is as often a gateway's as a stranger's.
    // People read their mail on a phone of their own from the beach.
    let is_abroad = bits("unfamiliar_country") > 0.0
        && ((bits("unfamiliar_device") >= TELLING_DEVICE && bits("mobile_browser") >= 0.0)
            || bits("impossible_travel") > 0.0);
    is_abroad
        // A phone on the road sends its data home: it looks far from a laptop that is beside it. That
        // laptop is the owner's; a browser that is the same but names no device of theirs is a copy.
        || (bits("phone_far") >= 0.9 * weights.phone_far
            && (bits("unfamiliar_browser") > 0.0 || bits("unfamiliar_device") > 0.0))
        // That two others were asked from the very source is a spray.
        || bits("many_asked") >= weights.many_asked
        // Owners buy their way out too: an hour that is not theirs, or others who were asked, must speak
        // beside it.
        || (bits("vpn_network") > 0.0
            && BESIDE_VPN.iter().any(|kind| bits(kind) > 0.0))
        || bits("after_failures") >= AFTER_FAILURES_ENOUGH
        // A refusal put right at once, where the same source asked another person too.
        || (bits("after_failures") > 0.0
            && bits("after_failures") + bits("many_asked") >= 2.0 * AFTER_FAILURES_ENOUGH)
        || ["after_factor", "after_removal", "after_mailbox_rule", "after_change"].iter().any(|k| bits(k) >= 1.0)
        || SPEAKS.iter().any(|k| bits(k) > 0.0)
}

/// What a new device is worth at the least where it tells: of somebody who has a new one every week it says
/// nothing.
const TELLING_DEVICE: f64 = 1.0;

/// Failures before a success that speak for a stranger by themselves, in bits.
const AFTER_FAILURES_ENOUGH: f64 = 1.5;

/// What speaks for a stranger by itself, however little.
pub(crate) const SPEAKS: [&str; 12] = [
    "reported",
    "session_elsewhere",
    "active_elsewhere",
    "beside_own_prompt",
    "hosting_network",
    "scripted_client",
    "phone_at_home",
    "helpdesk_reset",
    "downgrade",
    "weaker_factor",
    "taken_at_once",
    "returned",
];

/// What makes more of a VPN than a way out that its customer bought.
const BESIDE_VPN: [&str; 3] = ["foreign_hour", "many_asked", "vendor_risk"];

/// Strangers come back to an account that once gave way.
pub(crate) const RETURNS_WITHIN: Span = Span::days(14);

/// A denial put right within this span is a slip of the thumb more often than not.
const SLIP: Span = Span::minutes(3);

/// Whether anybody ever succeeded from an address.
pub(crate) fn got_in(context: &Context<'_>, origin: &Origin) -> bool {
    origin.place.ip != 0
        && context.records.iter().any(|r| is_lesson(r) && r.requester.ip == origin.place.ip)
}

pub(crate) fn reset_before<'a>(
    context: &Context<'a>,
    at: Timestamp,
) -> Option<(usize, &'a Record)> {
    let window = context.policy.windows.reset();
    context
        .records
        .iter()
        .enumerate()
        .rev()
        .find(|(_, r)| r.at <= at && at - r.at <= window && is_reset_by_other(r))
}

/// Whether the owner bound an authenticator anew between a reset and an instant, from a place that
/// was theirs before: the door is closed again.
fn is_settled(context: &Context<'_>, reset_at: Timestamp, at: Timestamp) -> bool {
    context.records.iter().any(|r| {
        r.kind == EventKind::FactorEnrolled
            && !r.has(flag::BY_OTHER)
            && r.at > reset_at
            && r.at < at
            && is_surely_theirs(context, &Origin::of(r), reset_at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_device_of_somebody_who_often_has_a_new_one_corroborates_nothing() {
        let term = |kind, bits| {
            let (at, why) = (Timestamp::from_seconds(0), String::new());
            Term { kind, bits, at, why, records: Vec::new() }
        };
        let is_corroborated = |device| {
            let terms = [term("unfamiliar_country", 5.5), term("unfamiliar_device", device)];
            is_corroborated(&terms, &Weights::default())
        };
        assert!(!is_corroborated(0.5));
        assert!(is_corroborated(TELLING_DEVICE));
    }
}
