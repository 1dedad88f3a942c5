//! The watch after a way in: what was changed, and by whom.

use pushback_model::{EventKind, Factor, Span, Timestamp};

use crate::entry::{Foreign, reset_before};
use crate::habits::{BrowserLevel, NetworkLevel};
use crate::history::{History, Origin};
use crate::opening::{seen_near, witnessed};
use crate::origin::origin_terms;
use crate::record::{Record, flag};
use crate::weigh::{Context, Term, is_own_change, sum};

/// Whether a change was made from where the stranger is; 1 for surely, less for perhaps, 0 for no.
fn link(context: &Context<'_>, strangers: &[Foreign], record: &Record, from: Timestamp) -> f64 {
    let origin = Origin::of(record);
    if strangers.iter().any(|s| s.taints(&origin, record.session, record.at)) {
        return 1.0;
    }
    if is_of_another_way_in(context, record, from) {
        return 0.0;
    }
    if !record.requester.is_known() {
        if is_witnessed_as_theirs(context, strangers, record, from) {
            return 0.0;
        }
        return if record.at - from <= Span::hours(48) { 0.5 } else { 0.25 };
    }
    if strangeness(context, record, from) > 0.0 { 0.6 } else { 0.0 }
}

/// Whether a change that bears no address was made by the owner: they signed in then with a machine or
/// from a place that is surely theirs, and no stranger was there.
//
// SECURITY: a stranger at work while the owner is at theirs is not covered by the owner's sign-ins. Guarded
// by `a_change_without_an_address_is_the_strangers_if_they_were_there`.
fn is_witnessed_as_theirs(
    context: &Context<'_>,
    strangers: &[Foreign],
    record: &Record,
    from: Timestamp,
) -> bool {
    let mut is_theirs = false;
    for near in seen_near(context, record) {
        let origin = Origin::of(near);
        if strangers.iter().any(|s| s.taints(&origin, near.session, near.at)) {
            return false;
        }
        let is_sign_in = near.kind == EventKind::SessionStarted;
        is_theirs |= is_sign_in && is_surely_theirs(context, &origin, known_as_of(near, from));
    }
    is_theirs
}

/// Whether a later way in is known to be a stranger's and the change came from that machine: it says
/// nothing about the one before.
pub(crate) fn is_of_another_way_in(
    context: &Context<'_>,
    record: &Record,
    from: Timestamp,
) -> bool {
    let origin = Origin::of(record);
    let later = context.foreign.iter().filter(|f| f.at > from && f.at <= record.at);
    later.into_iter().any(|f| f.taints(&origin, record.session, record.at))
}

/// The instant as of which the place of a change is looked at: that of the way in.
//
// SECURITY: a stranger who was handed a session uses it for an hour before changing anything. What
// began after the way in in question does not make a place familiar. Guarded by
// `a_session_taken_elsewhere_does_not_make_its_place_familiar`.
fn known_as_of(record: &Record, from: Timestamp) -> Timestamp {
    if record.at - from <= Span::hours(48) { from.min(record.at) } else { record.at }
}

/// How strange the place of a change is for the person, in bits.
pub(crate) fn strangeness(context: &Context<'_>, record: &Record, from: Timestamp) -> f64 {
    if record.requester.is_known() {
        let at = known_as_of(record, from);
        sum(&origin_terms(&witnessed(context, record), at, true, context))
    } else {
        0.0
    }
}

/// Whether a place is one that the owner used before, or the device one that is theirs.
pub(crate) fn is_surely_theirs(context: &Context<'_>, origin: &Origin, at: Timestamp) -> bool {
    let horizon = context.policy.windows.habits();
    let familiar = context.habits.familiarity(origin, at, horizon);
    origin.has(flag::MANAGED)
        || familiar.network_before.is_some_and(|level| level <= NetworkLevel::Network)
        || familiar.browser_before == Some(BrowserLevel::Device)
}

/// A stranger who binds an authenticator first and then answers it did the binding within this span.
const PREPARED_WITHIN: Span = Span::hours(24);

/// Indices of what was done after a foreign success: lasting changes and sessions. What the same
/// machine changed shortly before belongs to it: the authenticator that gave the answer.
pub(crate) fn changes_after(
    context: &Context<'_>,
    strangers: &[Foreign],
    from: Timestamp,
) -> Vec<usize> {
    let to = from + context.policy.windows.watch();
    let begin = context.records.partition_point(|r| r.at < from - PREPARED_WITHIN);
    context
        .records
        .iter()
        .enumerate()
        .skip(begin)
        .take_while(|(_, r)| r.at <= to)
        .filter(|(_, r)| {
            if r.at < from - Span::seconds(5) {
                return is_own_change(r)
                    && strangers.iter().any(|s| s.is_same_machine(&Origin::of(r)));
            }
            // A way around the second factor that somebody else gave out then: whoever asked for it.
            if r.kind == EventKind::BypassGranted && r.has(flag::BY_OTHER) {
                return r.at - from <= GIVEN_OUT_WITHIN;
            }
            let counts = is_own_change(r) || r.kind == EventKind::SessionStarted;
            counts
                && match r.kind {
                    EventKind::SessionStarted => {
                        r.requester.is_known() && link(context, strangers, r, from) >= 1.0
                    }
                    _ => {
                        link(context, strangers, r, from) > 0.0
                            || !(is_surely_theirs(context, &Origin::of(r), known_as_of(r, from))
                                || (!r.requester.is_known()
                                    && is_witnessed_as_theirs(context, strangers, r, from)))
                    }
                }
        })
        .map(|(i, _)| i)
        .collect()
}

/// Of a remembered device a product asks for no factor, and says that it was verified (Duo).
pub(crate) fn is_remembered(record: &Record) -> bool {
    record.kind == EventKind::FactorVerified && record.factor == Factor::Unknown
}

/// Uses of a stranger's sessions that an incident lists at most.
const USES_MAX: usize = 64;

/// What strangers entered after the way in: uses of their session, or from their machine. They tell what
/// was seen, and are no evidence.
pub(crate) fn uses_after(history: &History, strangers: &[Foreign], watch: Span) -> Vec<Record> {
    let Some(from) = strangers.iter().map(|s| s.at).min() else { return Vec::new() };
    // A product that logs no sessions says with a passed factor that one began: the next sign-in of the
    // same machine, with the authenticator that it bound.
    let is_next = |r: &Record| {
        matches!(r.kind, EventKind::PromptApproved | EventKind::FactorVerified)
            && r.at - from > BEGINS_WITHIN
            && !has_begun(history, r)
    };
    let is_use = |r: &&Record| {
        (r.kind == EventKind::SessionUsed || is_remembered(r) || is_next(r))
            && (from..=from + watch).contains(&r.at)
            && strangers.iter().any(|s| s.taints(&Origin::of(r), r.session, r.at))
    };
    let mut used: Vec<Record> =
        history.all().iter().chain(history.repeats()).filter(is_use).copied().collect();
    used.sort_by_key(Record::order);
    // A vendor delivers a record again when it learns more.
    used.dedup_by_key(|r| (r.id, r.part));
    used.truncate(USES_MAX);
    used
}

/// A session begins within this span of the factor that opens it.
const BEGINS_WITHIN: Span = Span::minutes(1);

/// Whether the log holds the session that a passed factor began.
fn has_begun(history: &History, passed: &Record) -> bool {
    let begin = history.all().partition_point(|r| r.at < passed.at);
    let soon = history.all().iter().skip(begin);
    soon.take_while(|r| r.at - passed.at <= BEGINS_WITHIN)
        .any(|r| r.kind == EventKind::SessionStarted)
}

/// What a mail rule is worth that neither hides mail nor sends it on, as a share.
const PLAIN_RULE: f64 = 0.2;

/// Strangers take the owner's authenticator away as soon as they are in.
const REMOVED_WITHIN: Span = Span::hours(1);
/// A way around the second factor that is given out later than this has another reason.
const GIVEN_OUT_WITHIN: Span = Span::hours(1);
/// Owners take an old phone out days after they bound the new one.
const REPLACED_WITHIN: Span = Span::days(14);

/// Whether an authenticator was removed by the machine that had just got in, with no new one bound before
/// from anywhere else; where nothing is strange, from anywhere at all: that is a replacement.
fn is_removed_at_once(
    context: &Context<'_>,
    stranger: &Foreign,
    record: &Record,
    from: Timestamp,
    is_strange: bool,
) -> bool {
    let is_at_once = record.at - from <= REMOVED_WITHIN
        && stranger.taints(&Origin::of(record), record.session, record.at);
    is_at_once
        && !context.records.iter().any(|r| {
            matches!(r.kind, EventKind::FactorEnrolled | EventKind::DeviceRegistered)
                && r.at < record.at
                && record.at - r.at <= REPLACED_WITHIN
                && !(is_strange && stranger.is_same_machine(&Origin::of(r)))
        })
}

/// Whether the network or the browser is known to be the person's.
pub(crate) fn is_known(terms: &[Term]) -> bool {
    terms.iter().any(|t| matches!(t.kind, "known_network" | "known_browser") && t.bits < 0.0)
}

pub(crate) fn after_terms(
    context: &Context<'_>,
    stranger: &Foreign,
    after: &[usize],
    from: Timestamp,
    terms: &mut Vec<Term>,
) {
    let weights = &context.policy.weights;
    // After a reset everybody binds anew, the owner too.
    let binds_anew = reset_before(context, from).is_some();
    let is_strange = sum(terms) > 0.0 || !is_known(terms);
    for index in after {
        let Some(record) = context.records.get(*index) else { continue };
        if record.at < from - Span::seconds(5) {
            continue;
        }
        let (kind, weight, what) = match record.kind {
            EventKind::FactorEnrolled | EventKind::DeviceRegistered if binds_anew => continue,
            EventKind::FactorEnrolled | EventKind::DeviceRegistered => (
                "after_factor",
                weights.after_factor,
                "an authenticator or device was bound after it",
            ),
            // Everybody files their newsletters.
            EventKind::MailboxRule if record.has(flag::PLAIN_RULE) => (
                "after_mailbox_rule",
                weights.after_mailbox_rule * PLAIN_RULE,
                "a mail rule was made after it that neither hides mail nor sends it on",
            ),
            EventKind::MailboxRule => {
                ("after_mailbox_rule", weights.after_mailbox_rule, "a mail rule was made after it")
            }
            EventKind::FactorRemoved
                if is_removed_at_once(context, stranger, record, from, is_strange) =>
            {
                (
                    "after_removal",
                    weights.after_removal,
                    "an authenticator was removed at once after it, and none had been bound",
                )
            }
            // Vendors log a renamed authenticator in the same words.
            EventKind::SessionStarted | EventKind::FactorUpdated => continue,
            // Told, and no evidence: help desks do so all day.
            _ if record.has(flag::BY_OTHER) => continue,
            _ => ("after_change", weights.after_change, "a lasting change was made after it"),
        };
        // Strangers hurry; what happens days later is more likely the owner's.
        let fresh = match record.at - from {
            span if span <= Span::hours(6) => 1.0,
            span if span <= Span::hours(48) => 0.7,
            _ => 0.25,
        };
        let near = fresh * link(context, std::slice::from_ref(stranger), record, from);
        let term = Term {
            kind,
            bits: weight * near,
            at: record.at,
            why: format!("{what} ({})", record.kind.name().replace('_', " ")),
            records: vec![*index],
        };
        match terms.iter_mut().find(|t| t.kind == kind) {
            Some(known) if known.bits >= term.bits => known.records.push(*index),
            Some(known) => {
                let mut records = std::mem::replace(known, term).records;
                known.records.append(&mut records);
            }
            None => terms.push(term),
        }
    }
    // Whoever was handed a session by a relay goes on from a place of their own.
    let elsewhere = after
        .iter()
        .filter_map(|i| Some((*i, context.records.get(*i)?)))
        .filter(|(_, r)| {
            r.at >= from
                && r.at - from <= Span::hours(48)
                && is_own_change(r)
                && r.kind != EventKind::FactorUpdated
                && r.requester.is_known()
                && !stranger.is_at(&r.requester)
                && !is_of_another_way_in(context, r, from)
        })
        .map(|(i, r)| (i, r.at, strangeness(context, r, from)))
        .max_by(|a, b| a.2.total_cmp(&b.2));
    if let Some((index, at, strange)) = elsewhere.filter(|(.., strange)| *strange > 0.0) {
        terms.push(Term {
            kind: "after_elsewhere",
            bits: strange.min(weights.after_elsewhere),
            at,
            why: "the change came from yet another place that is strange for this person".into(),
            records: vec![index],
        });
    }
    // People bind one new phone; strangers make sure.
    if let Some(bound) = terms.iter_mut().find(|t| t.kind == "after_factor") {
        bound.records.sort_unstable();
        let more = acts(context, &bound.records).saturating_sub(1).min(2);
        bound.bits *= 1.0 + 0.6 * more as f64;
    }
}

/// Records of one act follow each other within this span: an app is bound for pushes, for codes and
/// as a key in one go, a device and its owner are two records.
pub(crate) const ONE_ACT: Span = Span::minutes(2);

/// How many acts some records show, which are in order of time.
pub(crate) fn acts(context: &Context<'_>, records: &[usize]) -> usize {
    let mut last: Option<Timestamp> = None;
    let times = records.iter().filter_map(|i| context.records.get(*i)).map(|r| r.at);
    times.filter(|at| last.replace(*at).is_none_or(|last| *at - last > ONE_ACT)).count()
}
