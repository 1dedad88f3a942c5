//! What becomes of a session: it goes on elsewhere, or is used to carry things away.

use pushback_model::{EventKind, Factor, Key, Span, Timestamp};

use crate::after::{is_of_another_way_in, is_remembered, is_surely_theirs, strangeness};
use crate::entry::{AT_ONCE, Foreign};
use crate::habits::{NetworkLevel, network_level};
use crate::history::Origin;
use crate::record::{Record, flag};
use crate::weigh::{Context, Term, Weighed};

/// Uses that are looked at for one way in: a log can hold thousands.
pub(crate) const LOOKED_AT_MAX: usize = 64;

/// The password comes before the second factor by so much.
const SETUP: Span = Span::minutes(15);

/// A session that goes on where its browser is not.
pub(crate) struct Moved {
    pub(crate) index: usize,
    pub(crate) at: Timestamp,
    /// How strange the new place is: a factor of the weight.
    pub(crate) share: f64,
}

pub(crate) fn session_elsewhere(
    context: &Context<'_>,
    weighed: &Weighed,
    at: Timestamp,
) -> Option<Moved> {
    // A session that was there before is the owner's own, on its way with them.
    let before = weighed.attempt.started_at - SETUP;
    let is_old = |session: Key| {
        context.records.iter().take_while(|r| r.at < before).any(|r| r.session == session)
    };
    let begun: Vec<&Record> = weighed
        .attempt
        .sessions
        .iter()
        .filter_map(|i| context.records.get(*i))
        .filter(|r| r.session != 0 && !is_old(r.session))
        .collect();
    let is_another = |a: Key, b: Key| a != 0 && b != 0 && a != b;
    // Records of one kind may name a browser by another mark than those of another kind: only what bore the
    // first one's mark before can tell that it is missing.
    let is_on_another = |b: &Record, r: &Record| {
        let bears = |u: &Record| u.kind == r.kind && u.session == b.session && u.device == b.device;
        is_another(b.device, r.device) && context.records.iter().any(bears)
    };
    let has_moved = |r: &Record| {
        begun.iter().any(|b| {
            let level = network_level(&b.requester, &r.requester);
            // Of what is read, the unified audit log names the mail client that shares the session.
            let family = if r.has(flag::CONTENT) { 0 } else { r.family };
            let is_other = match (b.family, family) {
                // A browser that is not logged is not another one: then the place must say more, and
                // before anybody could have travelled there.
                (0, _) | (_, 0) => level > NetworkLevel::Country && r.at - b.at <= AT_ONCE,
                // A session is one browser's.
                (a, b) if a != b => level > NetworkLevel::Network,
                // A laptop takes its session from home to the café, and its browser is not another one
                // by then: whoever was handed it imitates the browser, seldom to the letter. Two products
                // write one browser in two ways.
                _ => {
                    level > NetworkLevel::ProviderOrCity
                        && b.source == r.source
                        && r.at - b.at <= AT_ONCE
                        && (is_another(b.agent.into(), r.agent.into())
                            || (level > NetworkLevel::Country && is_on_another(b, r)))
                }
            };
            b.session == r.session && is_other && (b.device == 0 || b.device != r.device)
        })
    };
    let found = context.records.iter().enumerate().find(|(_, r)| {
        let is_use = matches!(
            r.kind,
            EventKind::SessionUsed | EventKind::SessionReused | EventKind::SessionStarted
        );
        is_use && r.at >= at && r.requester.is_known() && has_moved(r)
    });
    found.map(|(index, r)| {
        let there = Origin::of(r);
        let horizon = context.policy.windows.habits();
        let network = context.habits.familiarity(&there, at, horizon).network_before;
        let share = if r.agent == 0 || r.has(flag::CONTENT) {
            1.0
        } else if network == Some(NetworkLevel::Foreign) {
            2.0
        } else if there.has(flag::HOSTING | flag::PROXY) && !there.has(flag::EGRESS) {
            1.5
        } else {
            1.0
        };
        Moved { index, at: r.at, share }
    })
}

/// The use of a machine that is remembered soon after, though it never signed in here: it was handed what
/// the approval opened. For products that log no sessions (Duo).
pub(crate) fn remembered_elsewhere(
    context: &Context<'_>,
    weighed: &Weighed,
    at: Timestamp,
) -> Option<(usize, Timestamp)> {
    let here = &weighed.attempt.origin;
    if here.device == 0 {
        return None;
    }
    let begin = context.records.partition_point(|r| r.at < at);
    let soon = context.records.iter().enumerate().skip(begin);
    soon.take_while(|(_, r)| r.at - at <= AT_ONCE)
        .filter(|(_, r)| r.kind == EventKind::FactorVerified && r.factor == Factor::Unknown)
        .filter(|(_, r)| r.device != 0 && r.device != here.device && r.requester.is_known())
        .take(LOOKED_AT_MAX)
        .find(|(i, r)| {
            let is_new = context.records.iter().take(*i).all(|known| known.device != r.device);
            is_new && !is_surely_theirs(context, &Origin::of(r), at)
        })
        .map(|(i, r)| (i, r.at))
}

/// What is taken is taken so soon after the way in.
const TAKEN_WITHIN: Span = Span::hours(2);

/// Files and mails that were opened one after the other from where somebody had just got in.
pub(crate) fn taken_at_once(context: &Context<'_>, me: &Foreign, at: Timestamp) -> Option<Term> {
    let begin = context.records.partition_point(|r| r.at < at);
    let soon = context.records.iter().enumerate().skip(begin);
    let (index, record) = soon
        .take_while(|(_, r)| r.at - at <= TAKEN_WITHIN)
        .find(|(_, r)| r.has(flag::TAKEN) && me.taints(&Origin::of(r), r.session, r.at))?;
    Some(Term {
        kind: "taken_at_once",
        bits: context.policy.weights.taken_at_once,
        at: record.at,
        why: "many files and mails were opened one after the other soon after it".into(),
        records: vec![index],
    })
}

/// A session that was handed on is used from elsewhere within this span.
const GONE_ON_WITHIN: Span = Span::hours(48);

/// Places from which a session that was handed on is used, at most.
const WENT_ON_MAX: usize = 16;

/// A place that is at least so strange for the owner is not where they went themselves, in bits.
const STRANGE_BITS: f64 = 3.0;
/// The same where a product remembers the machine: it says itself that nobody was asked there.
const REMEMBERED_BITS: f64 = 2.0;

/// Who went on from other places with what a stranger had got: uses of a session, or of a machine that a
/// product remembers, where the person never was. They tell what was seen, and are no evidence.
pub(crate) fn went_on(
    context: &Context<'_>,
    strangers: &[Foreign],
    from: Timestamp,
) -> Vec<Foreign> {
    let begin = context.records.partition_point(|r| r.at < from);
    let later = context.records.iter().skip(begin).take_while(|r| r.at - from <= GONE_ON_WITHIN);
    let mut found: Vec<Foreign> = Vec::new();
    for record in later.filter(|r| r.kind == EventKind::SessionUsed || is_remembered(r)) {
        let origin = Origin::of(record);
        let enough = if is_remembered(record) { REMEMBERED_BITS } else { STRANGE_BITS };
        let is_known = strangers.iter().chain(&found).any(|f| f.is_same_machine(&origin));
        if is_known
            || !record.requester.is_known()
            || is_surely_theirs(context, &origin, from)
            || is_of_another_way_in(context, record, from)
            || strangeness(context, record, from) < enough
        {
            continue;
        }
        found.push(Foreign {
            at: record.at,
            ip: record.requester.ip,
            place: record.requester,
            // Whose machine it is the place says.
            device: 0,
            sessions: Vec::new(),
        });
        if found.len() == WENT_ON_MAX {
            break;
        }
    }
    found
}
