//! The prompt budget: how often a phone may ring without its owner wanting it to.

use pushback_model::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::policy::BudgetPolicy;

/// When the phone rang, without the rings that its owner has answered; oldest first.
///
/// Every way in shares it: sign-ins of all relying parties and protocols, recovery, calls of the
/// help desk. Denied and unanswered prompts count, or "No" would be free and an attacker could ask
/// until a tired "Yes". It holds two entries more than the limit of a day.
///
/// A ring counts from the moment it rings and leaves in two ways: it grows older than every window,
/// or it is answered. It is answered when the very attempt (or call) that made the phone ring
/// succeeds, by the right code on the phone or by a passkey; a code by time does not answer, since it
/// can be had without its owner looking at any phone. A prompt that took over the ring of another
/// bucket does not answer it. From this follow
///
/// - **the law**: in any window that slides over time, rings without an answer never exceed the
///   limit, whatever the number of sources, relying parties, nodes and successes;
/// - **strangers gain nothing**: no success of the owner takes back a ring that was not the owner's;
/// - **the owner is not held**: whoever answers has rung for nothing, however often in a day.
///
/// SP 800-63B-4, 3.1.3.2 counts "since the last successful authentication". Taken as a reset, that
/// hands strangers a new budget with every sign-in of the owner: twelve sign-ins in a day, twelve
/// budgets. Here everything since the last success counts too, and so does what came before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PromptBudget {
    rung_at: Vec<Timestamp>,
}

/// For whom the phone would ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// A browser or device that this subscriber has succeeded from.
    KnownDevice,
    /// Anybody else, where known devices exist whose share must stay.
    StrangerBesideKnown,
    /// Anybody else, where there is no known device yet.
    Stranger,
}

impl PromptBudget {
    /// From when on the phone may ring again, or `None` if it may ring now.
    ///
    /// A window of length w ending at t holds what rang after t - w and up to t: a ring leaves it
    /// exactly w later.
    pub(crate) fn spent_until(
        &self,
        now: Timestamp,
        whom: For,
        policy: &BudgetPolicy,
    ) -> Option<Timestamp> {
        // SECURITY: strangers may not spend the last ring of a window, or they decide whether the
        // owner's phone rings for the owner. Guarded by
        // `strangers_leave_a_ring_for_the_known_device`.
        let kept = match whom {
            For::StrangerBesideKnown => usize::from(policy.kept_for_known_devices),
            For::KnownDevice | For::Stranger => 0,
        };
        let spent = policy.windows().into_iter().filter_map(|(window, limit)| {
            let limit = usize::from(limit).saturating_sub(kept).max(1);
            let oldest = self.rung_at.iter().rev().nth(limit - 1)?;
            Some(*oldest + window).filter(|free_at| *free_at > now)
        });
        spent.max()
    }

    /// Notes that the phone rings at `now`, which never lies before an earlier ring.
    pub(crate) fn ring(&mut self, now: Timestamp, policy: &BudgetPolicy) {
        self.rung_at.push(now);
        // The ring of the open prompt and that of the open call may be taken back. With two more than
        // a day allows, what is dropped is never missed, also after a clock was set back.
        let kept = usize::from(policy.per_day) + 2;
        let surplus = self.rung_at.len().saturating_sub(kept);
        self.rung_at.drain(..surplus);
    }

    /// Takes back the ring of that instant: its owner has answered it.
    // SECURITY: one ring, never all of them, or each success of the owner gives strangers a new
    // budget. Guarded by `strangers_gain_no_ring_by_the_owners_success`.
    pub(crate) fn take_back(&mut self, rung_at: Timestamp) {
        if let Some(place) = self.rung_at.iter().rposition(|at| *at == rung_at) {
            self.rung_at.remove(place);
        }
    }

    /// Dates to `now` what lies after it: used when an administrator sets the clock right. Frees
    /// nothing; older rings leave their windows when they would have.
    pub(crate) fn restamp(&mut self, now: Timestamp) {
        self.rung_at.iter_mut().for_each(|at| *at = now.min(*at));
    }

    /// Rings without an answer that are younger than `window`.
    #[must_use]
    pub fn rung_within(&self, window: Span, now: Timestamp) -> usize {
        self.rung_at.iter().filter(|at| **at > now - window).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_s(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn rung(seconds: &[i64]) -> PromptBudget {
        let mut budget = PromptBudget::default();
        for second in seconds {
            budget.ring(at_s(*second), &BudgetPolicy::default());
        }
        budget
    }

    fn until(budget: &PromptBudget, now: i64, whom: For) -> Option<Timestamp> {
        budget.spent_until(at_s(now), whom, &BudgetPolicy::default())
    }

    #[test]
    fn the_fourth_ring_waits_until_the_first_is_ten_minutes_old() {
        let budget = rung(&[0, 10, 20]);
        assert_eq!(until(&budget, 599, For::Stranger), Some(at_s(600)));
        assert_eq!(until(&budget, 600, For::Stranger), None);
    }

    #[test]
    fn the_sixth_ring_waits_until_the_first_is_an_hour_old() {
        let budget = rung(&[0, 700, 1_400, 2_100, 2_800]);
        assert_eq!(until(&budget, 3_599, For::Stranger), Some(at_s(3_600)));
        assert_eq!(until(&budget, 3_600, For::Stranger), None);
    }

    #[test]
    fn the_eleventh_ring_waits_until_the_first_is_a_day_old() {
        let budget = rung(&(0..10).map(|i| i * 3_600).collect::<Vec<_>>());
        assert_eq!(until(&budget, 86_399, For::Stranger), Some(at_s(86_400)));
        assert_eq!(until(&budget, 86_400, For::Stranger), None);
    }

    #[test]
    fn strangers_leave_a_ring_for_the_known_device() {
        let budget = rung(&[0, 10]);
        assert_eq!(until(&budget, 20, For::StrangerBesideKnown), Some(at_s(600)));
        assert_eq!(until(&budget, 20, For::KnownDevice), None);
        assert_eq!(until(&budget, 600, For::StrangerBesideKnown), None);
    }

    #[test]
    fn an_answered_ring_is_taken_back_and_no_other() {
        let mut budget = rung(&[0, 10, 10]);
        budget.take_back(at_s(10));
        assert_eq!(budget, rung(&[0, 10]));
        budget.take_back(at_s(9));
        assert_eq!(budget, rung(&[0, 10]));
        assert_eq!(until(&budget, 21, For::KnownDevice), None);
        budget.ring(at_s(21), &BudgetPolicy::default());
        assert_eq!(until(&budget, 22, For::KnownDevice), Some(at_s(600)));
    }

    #[test]
    fn two_more_are_kept_than_a_day_allows() {
        let budget = rung(&(0..50).collect::<Vec<_>>());
        assert_eq!(budget.rung_at.len(), 12);
        assert_eq!(budget.rung_within(Span::seconds(5), at_s(49)), 5);
    }

    #[test]
    fn answers_and_a_clock_that_is_set_back_bring_no_ring_back() {
        // Ten rings and, a day later, two more of a prompt and a call that are both answered.
        let day = 86_400;
        let mut budget = rung(&(0..10).collect::<Vec<_>>());
        for second in [day + 20, day + 21] {
            budget.ring(at_s(second), &BudgetPolicy::default());
        }
        budget.take_back(at_s(day + 20));
        budget.take_back(at_s(day + 21));
        budget.restamp(at_s(day - 10));
        assert_eq!(until(&budget, day - 10, For::KnownDevice), Some(at_s(day)));
    }

    #[test]
    fn a_clock_set_right_dates_back_what_lay_in_its_future_and_nothing_else() {
        let mut budget = rung(&[0, 700, 5_000]);
        budget.restamp(at_s(1_000));
        assert_eq!(budget, rung(&[0, 700, 1_000]));
    }
}
