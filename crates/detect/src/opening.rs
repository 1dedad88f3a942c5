//! Doors that open without any prompt: an enrolment after a reset by somebody else, or on an account
//! that nobody has used for long.

use pushback_model::{EventKind, Key, Span, Stage};

use crate::after::{ONE_ACT, acts, changes_after};
use crate::entry::{Foreign, reset_before};
use crate::episode::{Episode, merge};
use crate::habits::{NetworkLevel, network_level, shows_habit};
use crate::history::Origin;
use crate::origin::{origin_terms, stranger_to_all};
use crate::prompt::Outcome;
use crate::record::{Record, flag};
use crate::weigh::{Context, Term, is_own_change, sum};

/// Doors that open without any prompt: an enrolment after a reset by somebody else, or on an
/// account that nobody has used for long.
pub(crate) fn openings(context: &Context<'_>, foreign: &mut Vec<Foreign>) -> Vec<Episode> {
    let mut found = Vec::new();
    for (index, record) in context.records.iter().enumerate() {
        let enrols = matches!(record.kind, EventKind::FactorEnrolled | EventKind::DeviceRegistered);
        let binds = record.kind == EventKind::FactorEnrolled;
        if !enrols || record.has(flag::BY_OTHER) {
            continue;
        }
        let Some(origin) = origin_near(context, index) else { continue };
        if origin.has(flag::QUIET) {
            continue;
        }
        let reset = reset_before(context, record.at);
        let opening = match reset {
            Some((reset_index, reset)) => after_reset(context, record, &origin, reset_index, reset),
            None if binds => dormant(context, index, record, &origin),
            None => None,
        };
        let Some((mut terms, mut records)) = opening else { continue };
        if sum(&terms) < context.policy.thresholds.foothold {
            continue;
        }
        terms.iter_mut().for_each(|t| {
            if t.records.is_empty() {
                t.records.push(index);
            }
        });
        let me = Foreign {
            at: record.at - Span::minutes(30),
            ip: origin.place.ip,
            place: origin.place,
            device: origin.device,
            sessions: begun_near(context, record, &origin),
        };
        // What others bound since the reset belongs to it, wherever it came from.
        let from = record.at - Span::minutes(30);
        let from = reset.map_or(from, |(_, reset)| from.min(reset.at));
        let after = changes_after(context, std::slice::from_ref(&me), from);
        records.push(index);
        records.extend_from_slice(&after);
        records.sort_unstable();
        records.dedup();
        let times = || records.iter().filter_map(|i| context.records.get(*i)).map(|r| r.at);
        let (Some(started_at), Some(last_at)) = (times().min(), times().max()) else { continue };
        foreign.push(me.clone());
        let episode = Episode {
            who: context.who,
            stage: if is_hearsay(&terms) { Stage::Exposed } else { Stage::Foothold },
            started_at,
            last_at,
            approved_at: None,
            terms,
            prompts: Vec::new(),
            origins: vec![origin],
            after,
            records,
            strangers: vec![me],
        };
        merge(&mut found, episode, context.policy.windows.episode_quiet());
    }
    found
}

/// The sessions that began where an authenticator was bound, around then.
fn begun_near(context: &Context<'_>, record: &Record, origin: &Origin) -> Vec<Key> {
    let is_there = |r: &Record| {
        (origin.place.ip != 0 && r.requester.ip == origin.place.ip)
            || (origin.device != 0 && r.device == origin.device)
    };
    let begin = context.records.partition_point(|r| r.at < record.at - ONE_VISIT);
    let near = context.records.iter().skip(begin).take_while(|r| r.at - record.at <= ONE_VISIT);
    let mut sessions: Vec<Key> = near
        .filter(|r| r.kind == EventKind::SessionStarted && r.session != 0 && is_there(r))
        .map(|r| r.session)
        .collect();
    sessions.sort_unstable();
    sessions.dedup();
    sessions
}

/// Whether nothing is known but that the account and its network were not met before: a newcomer whom
/// nobody announced enrols just like that. It is worth a look, and no alarm.
fn is_hearsay(terms: &[Term]) -> bool {
    let is_of_newcomers =
        |t: &Term| matches!(t.kind, "dormant_account" | "unfamiliar_network") || t.bits <= 0.0;
    terms.iter().all(is_of_newcomers)
}

/// Where an enrolment came from: its own record, or a session of the same person close by.
pub(crate) fn origin_near(context: &Context<'_>, index: usize) -> Option<Origin> {
    let record = context.records.get(index)?;
    if record.requester.is_known() {
        return Some(witnessed(context, record));
    }
    sign_in_near(context, record, AROUND, |_| true).map(Origin::of)
}

/// Where a change came from. Records of changes seldom say with what: a sign-in of the same visit from the
/// same address says more.
pub(crate) fn witnessed(context: &Context<'_>, record: &Record) -> Origin {
    let mut origin = Origin::of(record);
    let same = |r: &Record| r.requester.ip != 0 && r.requester.ip == record.requester.ip;
    if origin.device == 0
        && let Some(sign_in) = sign_in_near(context, record, ONE_VISIT, same)
    {
        origin.device = sign_in.device;
        if sign_in.agent != 0 {
            (origin.agent, origin.family) = (sign_in.agent, sign_in.family);
        }
        origin.flags |= sign_in.flags;
    }
    origin
}

/// A sign-in so close to a change that bears no address is where it was made.
const AROUND: Span = Span::minutes(45);

/// What was done from a known place around a change that bears no address.
pub(crate) fn seen_near<'a>(
    context: &Context<'a>,
    record: &Record,
) -> impl Iterator<Item = &'a Record> {
    let at = record.at;
    let begin = context.records.partition_point(|r| r.at < at - AROUND);
    context
        .records
        .iter()
        .skip(begin)
        .take_while(move |r| r.at - at <= AROUND)
        .filter(|r| r.requester.is_known() && !r.has(flag::BY_OTHER) && shows_habit(r.kind))
}

fn sign_in_near<'a>(
    context: &Context<'a>,
    record: &Record,
    near: Span,
    fits: impl Fn(&Record) -> bool,
) -> Option<&'a Record> {
    let begin = context.records.partition_point(|r| r.at < record.at - near);
    context
        .records
        .iter()
        .skip(begin)
        .take_while(|r| r.at - record.at <= near)
        .filter(|r| {
            r.requester.is_known()
                && !r.has(flag::BY_OTHER)
                && matches!(
                    r.kind,
                    EventKind::SessionStarted
                        | EventKind::SessionUsed
                        | EventKind::FactorVerified
                        | EventKind::PasswordVerified
                        | EventKind::ChallengeRequired
                )
                && fits(r)
        })
        .min_by_key(|r| (r.at - record.at).abs())
}

/// Bindings that belong together follow each other within this span.
const MORE_WITHIN: Span = Span::hours(24);

fn after_reset(
    context: &Context<'_>,
    record: &Record,
    origin: &Origin,
    reset_index: usize,
    reset: &Record,
) -> Option<(Vec<Term>, Vec<usize>)> {
    let weights = &context.policy.weights;
    let mut terms = if context.habits.sign_ins() == 0 {
        stranger_to_all(context, origin, record.at, reset_index)
    } else {
        origin_terms(origin, record.at, true, context)
    };
    if origin.has(flag::MOBILE) {
        // A reset is for a new phone: that the phone is new says nothing.
        terms.retain(|t| {
            !matches!(t.kind, "unfamiliar_device" | "unfamiliar_browser" | "mobile_browser")
        });
    }
    terms.push(Term {
        kind: "helpdesk_reset",
        bits: weights.helpdesk_reset,
        at: reset.at,
        why: format!("somebody else had reset the account {} before", record.at - reset.at),
        records: vec![reset_index],
    });
    // People bind the one new phone that the reset was for; strangers make sure.
    let more: Vec<usize> = context
        .records
        .iter()
        .enumerate()
        .filter(|(_, r)| {
            let is_binding =
                matches!(r.kind, EventKind::FactorEnrolled | EventKind::DeviceRegistered);
            is_binding
                && !r.has(flag::BY_OTHER)
                // The phone and its app are bound in one go, and logged as two.
                && (ONE_ACT..=MORE_WITHIN).contains(&(r.at - record.at))
                && network_level(&r.requester, &record.requester) <= NetworkLevel::ProviderAndCity
        })
        .map(|(i, _)| i)
        .collect();
    let more_acts = acts(context, &more);
    let hidden = context.records.iter().enumerate().find(|(_, r)| {
        r.kind == EventKind::MailboxRule
            && !r.has(flag::PLAIN_RULE)
            && (Span::ZERO..=MORE_WITHIN).contains(&(r.at - record.at))
            && r.requester.ip != 0
            && r.requester.ip == origin.place.ip
    });
    let place = sum(&terms) - weights.helpdesk_reset;
    if place <= if more_acts > 0 || hidden.is_some() { -2.0 } else { 0.0 } {
        return None;
    }
    if let Some((index, rule)) = hidden {
        terms.push(Term {
            kind: "after_mailbox_rule",
            bits: weights.after_mailbox_rule,
            at: rule.at,
            why: "a mail rule was then made from there that hides mail or sends it on".into(),
            records: vec![index],
        });
    }
    if more_acts > 0 {
        terms.push(Term {
            kind: "after_factor",
            bits: weights.after_factor * if more_acts > 1 { 0.7 } else { 0.5 },
            at: record.at,
            why: "more than one authenticator was bound after the reset".into(),
            records: more,
        });
    }
    Some((terms, vec![reset_index]))
}

/// A log must be so old before an account can be called dormant; how much it says grows with its age.
const WATCHED_MIN: Span = Span::days(1);

/// An account without a creation in so much of a log that holds those of others is no newcomer's.
const ANNOUNCED_WITHIN: Span = Span::days(7);
/// One newcomer in three, at the most, is made earlier: log2(3).
const NOT_ANNOUNCED_BITS: f64 = 1.5;

/// What lies closer together may be one visit.
const ONE_VISIT: Span = Span::hours(4);

fn dormant(
    context: &Context<'_>,
    index: usize,
    record: &Record,
    origin: &Origin,
) -> Option<(Vec<Term>, Vec<usize>)> {
    let Context { policy, organisation, .. } = context;
    let idle = policy.windows.dormant();
    let watched = record.at - organisation.began(record.source);
    if watched < WATCHED_MIN {
        return None;
    }
    let earlier = || context.records.iter().take(index);
    // Who answered a prompt has an authenticator: this is not the account's first. An answer just
    // before may have let the stranger in, unless the phone was there too.
    let has_answered = context.prompts.iter().any(|prompt| {
        let is_beside = origin.place.is_known()
            && prompt.origin.place.ip == origin.place.ip
            && prompt.responder.ip == origin.place.ip
            && organisation.tells_where_phones_are(prompt.source);
        prompt.outcome == Outcome::Approved
            && prompt.ended_at < record.at
            && (is_beside || record.at - prompt.ended_at > ONE_VISIT)
    });
    let has_lived = earlier().any(|r| {
        let lives = matches!(
            r.kind,
            EventKind::SessionStarted
                | EventKind::SessionUsed
                | EventKind::FactorVerified
                | EventKind::AccountCreated
        );
        let horizon = if r.kind == EventKind::AccountCreated { Span::days(30) } else { idle };
        lives && record.at - r.at <= horizon && record.at - r.at > Span::hours(12)
            || r.kind == EventKind::AccountCreated
    });
    if has_answered || has_lived {
        return None;
    }
    let last_seen =
        earlier().filter(|r| shows_habit(r.kind) && record.at - r.at > idle).map(|r| r.at);
    let idle_for = last_seen.max().map_or(watched, |last| record.at - last);
    let share = (watched.as_seconds_f64() / idle.as_seconds_f64()).min(1.0).sqrt();
    let mut terms = stranger_to_all(context, origin, record.at, index);
    terms.push(Term {
        kind: "dormant_account",
        bits: policy.weights.dormant_account * share,
        at: record.at,
        why: format!("no sign-in to this account in the {idle_for} before"),
        records: vec![index],
    });
    // Accounts are made days before their first day, seldom weeks.
    if organisation.announces_newcomers() && watched >= ANNOUNCED_WITHIN {
        terms.push(Term {
            kind: "not_announced",
            bits: NOT_ANNOUNCED_BITS,
            at: record.at,
            why: "the log holds the creation of other accounts and not of this one".into(),
            records: vec![index],
        });
    }
    let more: Vec<usize> = context
        .records
        .iter()
        .enumerate()
        .filter(|(i, r)| {
            *i != index
                && r.at >= record.at
                && r.at - record.at <= Span::hours(48)
                && is_own_change(r)
        })
        .map(|(i, _)| i)
        .collect();
    // What follows in one go is part of the enrolment.
    let apart: Vec<usize> = std::iter::once(index)
        .chain(more.iter().copied())
        .filter(|i| {
            // Who has something to remove had an authenticator before.
            context.records.get(*i).is_some_and(|r| r.kind != EventKind::FactorRemoved)
        })
        .collect();
    if acts(context, &apart) >= 2 {
        terms.push(Term {
            kind: "after_change",
            bits: policy.weights.after_change * 0.6,
            at: record.at,
            why: format!("{} more lasting changes followed", more.len()),
            records: more,
        });
    }
    // SECURITY: a stranger may know the day on which a class of newcomers starts. Only those of one
    // country explain each other. Guarded by `an_onboarding_wave_does_not_excuse_a_stranger_abroad`.
    let newcomers = organisation.newcomers(record.at, origin.place.country);
    // Nobody asks for newcomers before they come.
    let was_asked = context.prompts.iter().any(|prompt| {
        prompt.outcome.is_failure() && record.at - prompt.ended_at >= Span::hours(12)
    });
    if newcomers >= 3 && !was_asked && !origin.has(flag::HOSTING | flag::PROXY) {
        terms.push(Term {
            kind: "onboarding",
            bits: -3.0,
            at: record.at,
            why: "several new accounts enrolled within hours".into(),
            records: vec![index],
        });
    }
    Some((terms, Vec::new()))
}
