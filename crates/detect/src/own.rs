//! What speaks for the owner, or against them, in what they own: a device, a new phone, a key.

use std::collections::BTreeSet;

use pushback_model::{EventKind, Factor, Span, Timestamp};

use crate::after::is_surely_theirs;
use crate::entry::Foreign;
use crate::habits::{NetworkLevel, is_lesson, network_level};
use crate::handed_on::LOOKED_AT_MAX;
use crate::history::Origin;
use crate::opening::{seen_near, witnessed};
use crate::prompt::Outcome;
use crate::record::{Record, flag};
use crate::weigh::{Context, Term, Weighed, is_own_change};

/// Days on which the owner's phone said yes that make a place theirs.
const DAILY_DAYS: usize = 4;
/// Days that make one of the people who vouch for a place: several must.
const VOUCHING_DAYS: usize = 3;

/// Whether somebody's phone says yes to what is asked from an address day after day, refuses nothing, seldom
/// stays silent, and nothing that lasts is changed from there: a desktop in a data centre, a gateway abroad.
//
// SECURITY: a stranger who bound a phone of their own says yes every day, from where they bound it or sit.
// Guarded by `a_strangers_own_phone_makes_no_daily_place`.
fn is_daily(context: &Context<'_>, origin: &Origin, days_min: usize) -> bool {
    let ip = origin.place.ip;
    let mut days: BTreeSet<i64> = BTreeSet::new();
    let mut missed = 0;
    for prompt in context.prompts.iter().filter(|p| ip != 0 && p.origin.place.ip == ip) {
        match prompt.outcome {
            Outcome::Approved if prompt.responder.ip == ip => return false,
            Outcome::Approved => {
                days.insert(prompt.ended_at.day());
            }
            Outcome::Unanswered => missed += 1,
            Outcome::Satisfied | Outcome::Pending => {}
            _ => return false,
        }
    }
    let changes = |r: &Record| r.requester.ip == ip && is_own_change(r);
    days.len() >= days_min
        && missed * DAILY_DAYS <= days.len()
        && !context.records.iter().any(changes)
}

/// Whether a person's sign-ins from a source that is new to them vouch for it all the same.
pub(crate) fn may_vouch(context: &Context<'_>, origin: &Origin) -> bool {
    is_daily(context, origin, VOUCHING_DAYS)
}

/// What the person's own things say of a way in: a device, a phone, a place they work at.
pub(crate) fn own_things(
    context: &Context<'_>,
    me: &Foreign,
    weighed: &Weighed,
    at: Timestamp,
    terms: &mut Vec<Term>,
) {
    own_device_soon(context, me, terms);
    vouched_phone(context, weighed, at, terms);
    if is_daily(context, &weighed.attempt.origin, DAILY_DAYS) {
        terms.push(Term {
            kind: "daily_place",
            bits: context.policy.weights.daily_place,
            at,
            why: "the phone says yes there day after day, and nothing is changed from there".into(),
            records: Vec::new(),
        });
    }
}

/// A session names its device within this span.
const NAMED_WITHIN: Span = Span::hours(2);

/// Of a sign-in that names no device, the session may name one minutes later (Entra): an own one is shown
/// by its key and cannot be copied with a browser's name.
fn own_device_soon(context: &Context<'_>, me: &Foreign, terms: &mut Vec<Term>) {
    if me.device != 0 || me.sessions.is_empty() {
        return;
    }
    let begin = context.records.partition_point(|r| r.at < me.at);
    let soon = context.records.iter().enumerate().skip(begin);
    let names =
        |r: &Record| r.device != 0 && r.requester.ip == me.ip && me.sessions.contains(&r.session);
    let is_owners = |r: &Record| {
        let mut before = context.records.iter().take_while(|known| known.at < me.at);
        !context.foreign.iter().any(|f| f.device == r.device)
            && before.any(|known| {
                known.device == r.device
                    && is_lesson(known)
                    && network_level(&known.requester, &me.place) > NetworkLevel::Network
            })
    };
    let mut named = soon
        .take_while(|(_, r)| r.at - me.at <= NAMED_WITHIN)
        .filter(|(_, r)| names(r))
        .take(LOOKED_AT_MAX);
    if let Some((index, record)) = named.find(|(_, r)| is_owners(r)) {
        terms.retain(|t| {
            !matches!(t.kind, "unfamiliar_device" | "unfamiliar_browser" | "mobile_browser")
        });
        terms.push(Term {
            kind: "known_device",
            bits: context.policy.weights.known_device,
            at: record.at,
            why: "the session then named a device that this person signs in with".into(),
            records: vec![index],
        });
    }
}

/// A new phone follows the authenticator that its owner bound with a machine of theirs within this span.
const NEW_PHONE_WITHIN: Span = Span::hours(24);
/// What it is worth that they did.
const NEW_PHONE_BITS: f64 = -1.5;

/// Whoever has just bound an authenticator with a machine or from a place that is surely theirs signs in
/// with a new phone next: that it is new says nothing.
fn vouched_phone(context: &Context<'_>, weighed: &Weighed, at: Timestamp, terms: &mut Vec<Term>) {
    if !weighed.attempt.origin.has(flag::MOBILE) {
        return;
    }
    let bound = context.records.iter().enumerate().find(|(_, r)| {
        r.kind == EventKind::FactorEnrolled
            && !r.has(flag::BY_OTHER)
            && r.at < weighed.attempt.started_at
            && at - r.at <= NEW_PHONE_WITHIN
            && is_bound_at_home(context, r)
    });
    if let Some((index, record)) = bound {
        terms.retain(|t| {
            !matches!(t.kind, "unfamiliar_device" | "unfamiliar_browser" | "mobile_browser")
        });
        terms.push(Term {
            kind: "new_phone",
            bits: NEW_PHONE_BITS,
            at: record.at,
            why: "the owner had just bound an authenticator from a place of theirs".into(),
            records: vec![index],
        });
    }
}

/// Whether an authenticator was bound with a machine or from a place that was the owner's the day before.
fn is_bound_at_home(context: &Context<'_>, bound: &Record) -> bool {
    let known_at = bound.at - NEW_PHONE_WITHIN;
    if bound.requester.is_known() {
        return is_surely_theirs(context, &witnessed(context, bound), known_at);
    }
    let mut sign_ins =
        seen_near(context, bound).filter(|r| r.kind == EventKind::SessionStarted).peekable();
    sign_ins.peek().is_some()
        && sign_ins.all(|r| is_surely_theirs(context, &Origin::of(r), known_at))
}

/// Sign-ins from which on they show what somebody's factor is, and their share in percent.
const FACTOR_KNOWN: usize = 5;
const FACTOR_SHARE: usize = 80;

/// How often the person used a factor that is bound to the site or the device, of all the times before;
/// nothing if that is not what they do.
pub(crate) fn strong_share(context: &Context<'_>, at: Timestamp) -> Option<(usize, usize)> {
    let before = || context.records.iter().take_while(|r| at - r.at > Span::hours(1));
    let is_strong = |r: &&Record| matches!(r.factor, Factor::Passkey | Factor::DeviceKey);
    let of_records = before().filter(|r| r.kind == EventKind::FactorVerified);
    let strong = of_records.clone().filter(is_strong).count();
    if strong < FACTOR_KNOWN {
        return None;
    }
    let typed = of_records.filter(|r| r.factor != Factor::Unknown && !is_strong(r)).count();
    let prompts = context.prompts.iter().take_while(|p| at - p.sent_at > Span::hours(1));
    let approved = prompts.filter(|p| p.outcome == Outcome::Approved).count();
    let all = strong + typed + approved;
    (strong * 100 >= all * FACTOR_SHARE).then_some((strong, all))
}

/// Whether a way in comes from a place that is new.
pub(crate) fn is_elsewhere(terms: &[Term]) -> bool {
    const NEW: [&str; 4] =
        ["unfamiliar_network", "unfamiliar_country", "hosting_network", "vpn_network"];
    terms.iter().any(|t| NEW.contains(&t.kind) && t.bits > 0.0)
}
