//! What strangers left behind: prompts that nobody answered, and a "no". Each counts for a day, and a success
//! ends them all. They make a prompt quiet; whoever has nothing but a phone is never kept out by them.

use pushback_model::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// How long each counts, its end not included.
// SECURITY: only a success ends them otherwise, and an owner who has lost the known browser gets none while
// they count. Guarded by `what_a_stranger_left_behind_is_over_after_a_day`.
const LIFE: Span = Span::hours(24);

/// Prompts without an answer that count at most; more of them are the budget's business.
const UNANSWERED_MAX: usize = 2;

/// When each of them was made. Documents of earlier versions have a count without an age, which is not read:
/// nobody knows whether it is of yesterday or of last year.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Marks {
    /// The last ones, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unanswered: Vec<Timestamp>,
    /// The last denial, or the last right code that came from afar.
    #[serde(skip_serializing_if = "Option::is_none")]
    denied_at: Option<Timestamp>,
}

/// What of it counts at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Up to two.
    pub unanswered: u8,
    pub was_denied: bool,
}

impl Marks {
    pub fn unanswered(&mut self, at: Timestamp) {
        self.unanswered.push(at);
        self.unanswered.sort_unstable();
        let surplus = self.unanswered.len().saturating_sub(UNANSWERED_MAX);
        self.unanswered.drain(..surplus);
    }

    pub fn denied(&mut self, at: Timestamp) {
        self.denied_at = self.denied_at.max(Some(at));
    }

    pub fn counted(&self, now: Timestamp) -> Counted {
        let counts = |at: &Timestamp| now < *at + LIFE;
        let unanswered = self.unanswered.iter().filter(|at| counts(at)).take(UNANSWERED_MAX);
        Counted {
            unanswered: u8::try_from(unanswered.count()).unwrap_or(u8::MAX),
            was_denied: self.denied_at.as_ref().is_some_and(counts),
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.unanswered.is_empty() && self.denied_at.is_none()
    }

    /// The clock was set right: nothing was made later than now.
    pub fn restamp(&mut self, now: Timestamp) {
        for at in &mut self.unanswered {
            *at = now.min(*at);
        }
        self.denied_at = self.denied_at.map(|at| at.min(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_h(hours: i64) -> Timestamp {
        Timestamp::from_seconds(1_772_400_000) + Span::hours(hours)
    }

    fn counted(marks: &Marks, hours: i64) -> (u8, bool) {
        let counted = marks.counted(at_h(hours));
        (counted.unanswered, counted.was_denied)
    }

    #[test]
    fn each_mark_counts_for_a_day_of_its_own() {
        let mut marks = Marks::default();
        assert!(marks.is_empty());
        marks.denied(at_h(0));
        marks.unanswered(at_h(1));
        marks.unanswered(at_h(13));
        let at = [13, 23, 24, 25, 36, 37].map(|hours| counted(&marks, hours));
        assert_eq!(at, [(2, true), (2, true), (2, false), (1, false), (1, false), (0, false)]);
    }

    #[test]
    fn two_unanswered_prompts_are_remembered_and_the_last_ones() {
        let mut marks = Marks::default();
        (0..100).for_each(|hours| marks.unanswered(at_h(hours)));
        assert_eq!(marks.unanswered, [at_h(98), at_h(99)]);
        // One that ended before it was seen.
        marks.unanswered(at_h(97));
        assert_eq!(marks.unanswered, [at_h(98), at_h(99)]);
    }

    #[test]
    fn a_clock_that_is_set_right_leaves_no_mark_of_later() {
        let mut marks = Marks::default();
        marks.denied(at_h(1_000));
        marks.unanswered(at_h(999));
        marks.restamp(at_h(0));
        assert_eq!([counted(&marks, 23), counted(&marks, 24)], [(1, true), (0, false)]);
    }
}
