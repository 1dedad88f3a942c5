//! One change after a way in: everybody changes something now and then.

use pushback_model::{EventKind, Timestamp};

use crate::after::{acts, is_known};
use crate::entry::SPEAKS;
use crate::habits::NetworkLevel;
use crate::weigh::{Context, Term, Weighed, sum};

/// One prompt missed in the next room is worth less than this.
const FAILED_ENOUGH: f64 = 0.5;

/// A way in that is worth no more than this is a new line and a familiar browser, or the like.
pub(crate) const HARDLY_STRANGE: f64 = 1.0;

/// Whether the place speaks for the owner: people set a new machine up at home, and a new phone with it.
/// A provider that has customers in the whole country is no place.
pub(crate) fn is_usual_place(weighed: &Weighed, terms: &[Term]) -> bool {
    let nearest = if weighed.attempt.origin.place.asn == 0 {
        NetworkLevel::ProviderOrCity
    } else {
        NetworkLevel::ProviderAndCity
    };
    let speaks =
        |t: &Term| matches!(t.kind, "known_network" | "unfamiliar_network") && t.bits < 0.0;
    weighed.network.is_some_and(|level| level <= nearest) && terms.iter().any(speaks)
}

/// Whether more speaks against a way in than that it and a change came together.
pub(crate) fn speaks_besides(terms: &[Term]) -> bool {
    const ALSO: [&str; 5] =
        ["impossible_travel", "foreign_hour", "many_asked", "vpn_network", "phone_far"];
    terms.iter().any(|t| (SPEAKS.contains(&t.kind) || ALSO.contains(&t.kind)) && t.bits > 0.0)
}

/// A machine that is surely none of the owner's is worth so much, in bits.
const PLANNED_BITS: f64 = 2.0;

/// Everybody changes something now and then: where hardly anything about the way in is strange, one
/// change does not make a stranger of its owner.
pub(crate) fn limit_one_change(
    context: &Context<'_>,
    at: Timestamp,
    record: usize,
    terms: &mut Vec<Term>,
) {
    let mut changes: Vec<usize> = terms
        .iter()
        .filter(|t| t.kind.starts_with("after_"))
        .flat_map(|t| t.records.iter().copied())
        .collect();
    changes.sort_unstable();
    changes.dedup();
    // Whoever takes the old phone out after binding the new one, in a way that is known to be the owner's, has
    // replaced it: one act.
    let is_own = is_known(terms);
    let is_bound = |before: usize| {
        let earlier =
            changes.iter().filter(|i| **i < before).filter_map(|i| context.records.get(*i));
        earlier.into_iter().any(|r| r.kind == EventKind::FactorEnrolled)
    };
    let is_replaced = |i: &usize| {
        is_own
            && context.records.get(*i).is_some_and(|r| r.kind == EventKind::FactorRemoved)
            && is_bound(*i)
    };
    let changes: Vec<usize> = changes.iter().copied().filter(|i| !is_replaced(i)).collect();
    let is_nowhere_new = !terms
        .iter()
        .any(|t| matches!(t.kind, "unfamiliar_network" | "unfamiliar_country" | "after_elsewhere"));
    let most = if is_nowhere_new { 3 } else { 1 };
    // Whoever hides mail and binds something as well has a plan.
    let has = |kind: &str, least: f64| terms.iter().any(|t| t.kind == kind && t.bits >= least);
    let hides = has("after_mailbox_rule", 0.9 * context.policy.weights.after_mailbox_rule);
    // So has whoever binds one thing and changes another with a machine that was never seen.
    let is_planned = has("unfamiliar_device", PLANNED_BITS)
        && has("after_factor", 1.0)
        && has("after_change", 1.0);
    let is_refused_or_removed = is_planned
        || has("after_removal", 0.0)
        || has("after_failures", FAILED_ENOUGH)
        || has("returned", 1.0)
        || (hides && (has("after_factor", 1.0) || has("after_change", 1.0)));
    if changes.is_empty() || is_refused_or_removed || acts(context, &changes) > most {
        return;
    }
    let excess = sum(terms) - (context.policy.thresholds.approved - 0.5);
    if excess > 0.0 {
        terms.push(Term {
            kind: "one_change_only",
            bits: -excess,
            at,
            why: "hardly anything about the way in itself is strange, and little was changed then"
                .into(),
            records: vec![record],
        });
    }
}
