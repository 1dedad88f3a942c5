//! Growing waits after failures, one bucket a known device and one for all strangers.

use pushback_model::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::policy::ThrottlePolicy;

/// Failures in a row of one bucket, and how long it waits.
///
/// SP 800-63B-4, 3.2.2: waits that grow "30 seconds up to an hour". A success of the same bucket
/// resets it; nothing that another bucket does changes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wait_until: Option<Timestamp>,
}

impl Throttle {
    /// Until when this bucket waits, or `None` if it may try now.
    #[must_use]
    pub fn waits_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.wait_until.filter(|until| now < *until)
    }

    /// Failures in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    pub(crate) fn is_idle(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn fail(&mut self, now: Timestamp, policy: &ThrottlePolicy) {
        self.failures = self.failures.saturating_add(1);
        self.wait_until = policy.wait_after(self.failures).map(|wait| now + wait);
    }

    pub(crate) fn succeed(&mut self) {
        *self = Self::default();
    }

    /// Lets no wait end later than the longest wait from `now`; used when an administrator sets the
    /// clock right.
    pub(crate) fn restamp(&mut self, now: Timestamp, policy: &ThrottlePolicy) {
        let longest = now + Span::seconds(i64::from(policy.longest_wait_seconds));
        self.wait_until = self.wait_until.map(|until| until.min(longest));
    }
}

impl ThrottlePolicy {
    /// How long to wait after so many failures in a row; `None` while they are still free.
    fn wait_after(&self, failures: u32) -> Option<Span> {
        let doublings = failures.checked_sub(u32::from(self.free_failures) + 1)?;
        let longest = i64::from(self.longest_wait_seconds);
        // 2^17 seconds are longer than a day, the longest wait there can be.
        let seconds = i64::from(self.first_wait_seconds) << doublings.min(17);
        Some(Span::seconds(seconds.min(longest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_s(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn two_failures_are_free_and_then_waits_double_up_to_an_hour() {
        let policy = ThrottlePolicy::default();
        let waits: Vec<_> =
            (1..=11).map(|n| policy.wait_after(n).map_or(0, |w| w.as_millis() / 1_000)).collect();
        assert_eq!(waits, [0, 0, 30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
        assert_eq!(policy.wait_after(u32::MAX), Some(Span::hours(1)));
    }

    #[test]
    fn a_wait_ends_at_its_instant() {
        let policy = ThrottlePolicy { free_failures: 0, ..ThrottlePolicy::default() };
        let mut throttle = Throttle::default();
        throttle.fail(at_s(0), &policy);
        assert_eq!(throttle.waits_until(at_s(29)), Some(at_s(30)));
        assert_eq!(throttle.waits_until(at_s(30)), None);
        assert_eq!(throttle.failures(), 1);
    }

    #[test]
    fn a_success_resets_the_waits() {
        let policy = ThrottlePolicy::default();
        let mut throttle = Throttle::default();
        for _ in 0..5 {
            throttle.fail(at_s(0), &policy);
        }
        throttle.succeed();
        assert_eq!(throttle, Throttle::default());
    }
}
