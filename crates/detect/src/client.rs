//! Clients with an old password: they ask by the clock, and are no attack.

use pushback_model::{EventKind, Span, Timestamp};

use crate::habits::{BrowserLevel, NetworkLevel};
use crate::history::Origin;
use crate::prompt::{Outcome, Prompt};
use crate::record::Record;
use crate::weigh::{Context, Failures, Weighed};

/// Whether an attempt comes from a city or a provider that the person uses.
pub(crate) fn is_near_home(weighed: &Weighed) -> bool {
    let place = &weighed.attempt.origin.place;
    // Some products log an address and nothing about it.
    let nothing_known = place.asn == 0 && place.city == 0 && place.country == 0;
    weighed.network.is_some_and(|level| level <= NetworkLevel::ProviderOrCity || nothing_known)
}

/// Whether the owner passed a second factor behind the very address before, or used a device there
/// that is known to be theirs: whoever asks there sits beside them, or is a client of theirs.
fn is_own_line(context: &Context<'_>, weighed: &Weighed) -> bool {
    let (ip, at) = (weighed.attempt.origin.place.ip, weighed.attempt.started_at);
    let is_foreign = |origin: &Origin| context.foreign.iter().any(|f| f.is_same_machine(origin));
    let has_answered = || {
        context.prompts.iter().any(|prompt| {
            prompt.outcome == Outcome::Approved
                && prompt.ended_at < at
                && prompt.origin.place.ip == ip
                && !is_foreign(&prompt.origin)
        })
    };
    let horizon = context.policy.windows.habits();
    let has_been_there = || {
        let here = |r: &&Record| r.at < at && r.requester.ip == ip && r.device != 0;
        context.records.iter().filter(here).map(|r| (r.at, Origin::of(r))).any(|(when, origin)| {
            let known = context.habits.familiarity(&origin, when, horizon).browser_before;
            known == Some(BrowserLevel::Device) && !is_foreign(&origin)
        })
    };
    ip != 0 && (has_answered() || has_been_there())
}

/// Prompts from which on an interval can be called constant.
const INTERVALS_MIN: usize = 6;
/// The same for prompts from near home that all come in time.
const EXACT_MIN: usize = 4;
/// Whoever wants an answer does not wait as long as a mail client does.
const INTERVAL_MIN: Span = Span::minutes(8);
/// The same where the owner passed a second factor behind the same address before.
const INTERVAL_MIN_AT_HOME: Span = Span::minutes(4);
/// A client that asks more seldom than this is not told from chance.
const INTERVAL_MAX: Span = Span::hours(3);
/// How far a step may be off: records have seconds, and clients drift.
const INTERVAL_OFF_MAX: Span = Span::seconds(15);
/// How much further each step of a hole may be off, at most an eighth of a step in all.
const INTERVAL_DRIFT: Span = Span::seconds(5);

/// How long a prompt waits before a product that logs only its end says that nobody answered (Duo and
/// Entra ID: a minute).
const SILENT_FOR: Span = Span::seconds(60);

/// When a prompt began, as far as can be told: a refusal is logged within seconds, silence after a
/// minute.
fn begun_at(context: &Context<'_>, prompt: &Prompt) -> Timestamp {
    let first = prompt.records.first().and_then(|i| context.records.get(*i));
    match first.map(|r| r.kind) {
        Some(EventKind::PromptTimedOut) => prompt.sent_at - SILENT_FOR,
        _ => prompt.sent_at,
    }
}

/// When a known client's prompts began, and their interval, if they come at a constant one.
///
// SECURITY: this takes evidence away, so a stranger would like to pass for such a client. It takes
// the exact browser that succeeded before, a country that is known, no rented network, and a pace too
// slow to wear anybody down; or, from near home, a clock that is never off by more than seconds and an
// owner who never answers, or refuses one in five with a phone behind the very address. Guarded by
// `a_clock_beside_the_owners_phone_is_a_client_though_its_owner_refuses_once`,
// `a_stranger_who_keeps_time_and_copies_the_browser_does_not_pass_for_a_client` and
// `what_asks_by_the_clock_from_near_home_is_a_client_with_an_old_password`.
pub(crate) fn constant_interval(
    context: &Context<'_>,
    failing: &[&Weighed],
    failures: &Failures,
) -> Option<(Timestamp, Span)> {
    let first = failing.first()?.attempt.started_at;
    let is_far = |w: &Weighed| {
        const FAR: [&str; 3] = ["unfamiliar_country", "hosting_network", "vpn_network"];
        w.origin_terms.iter().any(|t| FAR.contains(&t.kind))
    };
    let is_clients = failing.iter().all(|w| {
        let has = |kind: &str| w.origin_terms.iter().any(|t| t.kind == kind);
        // Products in front of a VPN log no browser, whoever asks.
        let is_never_named = !context.habits.names_browsers() && is_near_home(w);
        let has_known_browser =
            w.origin_terms.iter().any(|t| t.kind == "known_browser" && t.bits < 0.0);
        (has_known_browser || has("known_device") || is_never_named || is_own_line(context, w))
            && !is_far(w)
    });
    // Products in front of a VPN may log no address at all.
    let is_near = |w: &Weighed| is_near_home(w) || !w.attempt.origin.place.is_known();
    // Whoever refuses one of them on a phone behind the very address is beside the client.
    let is_beside = |w: &&Weighed| {
        w.failed.denied.is_empty() || w.context_terms.iter().any(|t| t.kind == "phone_same_network")
    };
    let is_ignored = failures.total() == failures.unanswered.len()
        || (failures.denied.len() * 5 <= failures.total() && failing.iter().all(is_beside));
    let is_clock = is_ignored && failing.iter().all(|w| is_near(w) && !is_far(w));
    if !(is_clients || is_clock)
        || failures.total() > failures.unanswered.len() + failures.denied.len()
    {
        return None;
    }
    let mut times: Vec<Timestamp> = failing
        .iter()
        .flat_map(|w| &w.attempt.prompts)
        .filter_map(|i| context.prompts.get(*i))
        .map(|p| begun_at(context, p))
        .collect();
    times.sort_unstable();
    let gaps: Vec<i64> = times
        .windows(2)
        .filter_map(|pair| match pair {
            [a, b] => Some((*b - *a).as_millis()),
            _ => None,
        })
        .collect();
    let mut sorted = gaps.clone();
    sorted.sort_unstable();
    let least = if failing.iter().all(|w| is_own_line(context, w)) {
        INTERVAL_MIN_AT_HOME
    } else {
        INTERVAL_MIN
    };
    // A client that sleeps, or passes a gateway that is known, leaves a hole of whole steps; most
    // gaps, not all, must be in time. With holes the step is among the shorter gaps, without in the
    // middle.
    let in_time_of = |step: i64| gaps.iter().filter(|gap| is_in_time(**gap, step)).count();
    let candidates = [sorted.len() / 4, sorted.len() / 2].into_iter();
    let (in_time, step) = candidates
        .filter_map(|i| sorted.get(i).copied())
        .filter(|step| (least..=INTERVAL_MAX).contains(&Span::millis(*step)))
        .map(|step| (in_time_of(step), step))
        .max()?;
    let is_steady = gaps.len() + 1 >= INTERVALS_MIN && in_time * 10 >= gaps.len() * 7;
    let is_exact = gaps.len() + 1 >= EXACT_MIN
        && in_time == gaps.len()
        && failing.iter().all(|w| is_near_home(w));
    let is_by_the_clock =
        gaps.len() + 1 >= INTERVALS_MIN && gaps.iter().all(|gap| is_by_the_clock(*gap, step));
    let is_found = if is_clients { is_steady || is_exact } else { is_by_the_clock };
    is_found.then_some((first, Span::millis(step)))
}

/// How far a client's clock may be off where nothing else says that it is the owner's.
const CLOCK_OFF: Span = Span::seconds(5);

/// Whether a gap is one step or two, as near as a timer keeps time; in milliseconds both.
fn is_by_the_clock(gap: i64, step: i64) -> bool {
    let off = |steps: i64| (gap - steps * step).abs() <= CLOCK_OFF.as_millis();
    off(1) || off(2)
}

/// Whether a gap is a number of whole steps, in milliseconds both.
fn is_in_time(gap: i64, step: i64) -> bool {
    let steps = (gap + step / 2) / step;
    let drift = INTERVAL_DRIFT.as_millis() * (steps - 1);
    let off_max = (INTERVAL_OFF_MAX.as_millis() + drift).min(step / 8);
    steps >= 1 && (gap - steps * step).abs() <= off_max
}
