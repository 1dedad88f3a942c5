//! Laws that hold for any input.

use proptest::prelude::*;
use pushback_model::{EventKind, IdentityEvent, Span};

use crate::log::{HOME, Log, NEIGHBOUR, STRANGER, at};

/// Any small log of two people: habits, then arbitrary prompts and changes.
fn any_log() -> impl Strategy<Value = Log> {
    let kinds = prop::sample::select(vec![
        EventKind::PromptTimedOut,
        EventKind::PromptDenied,
        EventKind::PromptApproved,
        EventKind::PromptReported,
        EventKind::FactorEnrolled,
        EventKind::MailboxRule,
        EventKind::SessionStarted,
        EventKind::FactorReset,
        EventKind::LockedOut,
    ]);
    let places = prop::sample::select(vec![0usize, 1, 2]);
    let item = (any::<bool>(), kinds, places, 0i64..5_000);
    prop::collection::vec(item, 0..24).prop_map(|items| {
        let mut log = Log::with_habits("alice@example.org");
        log.habits("bob@example.org", HOME, 0..6);
        for (is_bob, kind, place, minute) in items {
            let name = if is_bob { "bob@example.org" } else { "alice@example.org" };
            let place = [HOME, STRANGER, NEIGHBOUR][place];
            let when = at(9, 0, 0) + Span::minutes(minute);
            if kind.is_prompt_outcome() {
                log.prompt(
                    name,
                    place,
                    when,
                    kind,
                    (kind == EventKind::PromptApproved).then_some(HOME),
                );
            } else {
                log.event(name, place, when, kind, "");
            }
        }
        log
    })
}

fn shuffled(events: &[IdentityEvent<'static>], seed: u64) -> Vec<IdentityEvent<'static>> {
    let mut out = events.to_vec();
    let mut state = seed | 1;
    for i in (1..out.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        out.swap(i, (state >> 33) as usize % (i + 1));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn neither_order_nor_repetition_of_the_records_changes_the_incidents(
        log in any_log(), seed in any::<u64>()
    ) {
        let expected = log.detect();
        let mut events = shuffled(&log.events, seed);
        let again = shuffled(&log.events, seed.rotate_left(17));
        events.extend(again.into_iter().step_by(2));
        let found = Log { events }.detect();
        prop_assert_eq!(expected, found);
    }

    #[test]
    fn every_incident_shows_a_sum_that_its_terms_add_up_to(log in any_log()) {
        for incident in log.detect().0 {
            let sum: f64 = incident.evidence.iter().map(|e| e.bits).sum();
            prop_assert!((sum - incident.evidence_bits).abs() < 0.006);
            prop_assert!(incident.started_at <= incident.last_at);
            prop_assert!(!incident.next_steps.is_empty());
        }
    }

    #[test]
    fn an_incident_is_already_there_when_the_records_end_where_it_was_detected(log in any_log()) {
        for incident in log.detect().0 {
            let until = incident.detected_at;
            let events = log.events.iter().filter(|e| e.occurred_at <= until).cloned().collect();
            let mut early = Log { events };
            // Somebody else's life shows that time has passed.
            early.event("carol@example.org", HOME, until, EventKind::SessionStarted, "");
            let early = early.detect().0;
            prop_assert!(
                early.iter().any(|e| e.subject.name == incident.subject.name),
                "nothing for {} at {until}", incident.subject.name
            );
        }
    }
}
