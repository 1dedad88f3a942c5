//! The watch after a way in: what was changed, and by whom.

use pushback_model::{EventKind, Span, Timestamp};

use crate::entry::{Foreign, reset_before};
use crate::habits::{BrowserLevel, NetworkLevel};
use crate::history::Origin;
use crate::origin::origin_terms;
use crate::record::{Record, flag};
use crate::weigh::{Context, Term, is_own_change, sum};

/// Whether a change was made from where the stranger is; 1 for surely, less for perhaps, 0 for no.
fn link(context: &Context<'_>, strangers: &[Foreign], record: &Record, from: Timestamp) -> f64 {
    let origin = Origin::of(record);
    if strangers.iter().any(|s| s.taints(&origin, record.session, record.at)) {
        return 1.0;
    }
    if !record.requester.is_known() {
        return if record.at - from <= Span::hours(48) { 0.5 } else { 0.25 };
    }
    let strange = sum(&origin_terms(&origin, record.at, true, context));
    if strange > 0.0 { 0.6 } else { 0.0 }
}

/// Whether a place is one that the owner used before, or the device one that is theirs.
fn is_surely_theirs(context: &Context<'_>, origin: &Origin, at: Timestamp) -> bool {
    let horizon = context.policy.windows.habits();
    let familiar = context.habits.familiarity(origin, at, horizon);
    origin.has(flag::MANAGED)
        || familiar.network_before.is_some_and(|level| level <= NetworkLevel::Network)
        || familiar.browser_before == Some(BrowserLevel::Device)
}

/// Indices of what was done after a foreign success: lasting changes and sessions.
pub(crate) fn changes_after(
    context: &Context<'_>,
    strangers: &[Foreign],
    from: Timestamp,
) -> Vec<usize> {
    let to = from + context.policy.windows.watch();
    let begin = context.records.partition_point(|r| r.at < from - Span::seconds(5));
    context
        .records
        .iter()
        .enumerate()
        .skip(begin)
        .take_while(|(_, r)| r.at <= to)
        .filter(|(_, r)| {
            let counts = is_own_change(r) || r.kind == EventKind::SessionStarted;
            counts
                && match r.kind {
                    EventKind::SessionStarted => {
                        r.requester.is_known() && link(context, strangers, r, from) >= 1.0
                    }
                    _ => {
                        link(context, strangers, r, from) > 0.0
                            || !is_surely_theirs(context, &Origin::of(r), r.at)
                    }
                }
        })
        .map(|(i, _)| i)
        .collect()
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
    for index in after {
        let Some(record) = context.records.get(*index) else { continue };
        let (kind, weight, what) = match record.kind {
            EventKind::FactorEnrolled | EventKind::DeviceRegistered if binds_anew => continue,
            EventKind::FactorEnrolled | EventKind::DeviceRegistered => (
                "after_factor",
                weights.after_factor,
                "an authenticator or device was bound after it",
            ),
            EventKind::MailboxRule => {
                ("after_mailbox_rule", weights.after_mailbox_rule, "a mail rule was made after it")
            }
            // Vendors log a renamed authenticator in the same words.
            EventKind::SessionStarted | EventKind::FactorUpdated => continue,
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
            why: format!("{what} ({})", record.kind.name()),
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
    // People bind one new phone; strangers make sure.
    if let Some(bound) = terms.iter_mut().find(|t| t.kind == "after_factor") {
        bound.bits *= 1.0 + 0.4 * (bound.records.len() - 1).min(2) as f64;
        bound.records.sort_unstable();
    }
}
