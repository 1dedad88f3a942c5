//! How many recovery codes go to addresses, and how many wrong ones are taken.

use pushback_model::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::policy::StopPolicy;

/// Codes sent to addresses in any 24 hours. Mail can bomb too, and each code is three more guesses.
const CODES_PER_DAY: usize = 5;
const DAY: Span = Span::days(1);

/// The codes that were sent in the last day, and the wrong entries since the last one that was
/// right, over all codes: a new code does not reset them (SP 800-63B-4, 3.1.3.2).
///
/// A code has six digits or more and is never enough alone. By default at most 15 guesses a day and
/// 100 in a row hit one in 10,000, if the other proof is there already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AddressCodes {
    sent_at: Vec<Timestamp>,
    wrong_entries: u16,
}

impl AddressCodes {
    /// Whether one more may be sent.
    pub fn may_send(&self, now: Timestamp) -> bool {
        self.sent_at.iter().filter(|at| **at > now - DAY).count() < CODES_PER_DAY
    }

    pub fn send(&mut self, now: Timestamp) {
        self.sent_at.push(now);
        let surplus = self.sent_at.len().saturating_sub(CODES_PER_DAY);
        self.sent_at.drain(..surplus);
    }

    pub fn fail(&mut self) {
        self.wrong_entries = self.wrong_entries.saturating_add(1);
    }

    /// Forgets wrong entries: the owner has proven themselves, or the addresses are others.
    pub fn succeed(&mut self) {
        self.wrong_entries = 0;
    }

    /// Whether the hard stop of SP 800-63B-4, 3.2.2 is reached: no code is sent or taken.
    pub fn is_stopped(&self, policy: &StopPolicy) -> bool {
        self.wrong_entries >= u16::from(policy.disable_after)
    }

    /// Dates every code to `now`; used when an administrator sets the clock right. Frees nothing.
    pub fn restamp(&mut self, now: Timestamp) {
        self.sent_at.fill(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_s(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn the_sixth_code_waits_until_the_first_is_a_day_old() {
        let mut codes = AddressCodes::default();
        for second in 0..5 {
            assert!(codes.may_send(at_s(second)), "{second}");
            codes.send(at_s(second));
        }
        assert!(!codes.may_send(at_s(86_399)));
        assert!(codes.may_send(at_s(86_400)));
        codes.send(at_s(86_400));
        assert!(!codes.may_send(at_s(86_400)), "the second is younger than a day");
        assert_eq!(codes.sent_at.len(), 5);
    }

    #[test]
    fn the_hundredth_wrong_entry_in_a_row_stops() {
        let policy = StopPolicy::default();
        let mut codes = AddressCodes::default();
        (0..99).for_each(|_| codes.fail());
        assert!(!codes.is_stopped(&policy));
        codes.fail();
        assert!(codes.is_stopped(&policy));
        codes.succeed();
        assert!(!codes.is_stopped(&policy));
    }
}
