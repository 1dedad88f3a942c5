//! The second law: how often phones ring.

use std::collections::BTreeMap;

use pushback_model::{Span, Timestamp};
use pushback_verify::{Actor, Policy, Ring};

use super::{Breach, Law, ring_is_late_by};

/// Which rings a success forgives, and so how the second law reads.
///
/// Under both, rings that are not forgiven never exceed the budget in any sliding window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BudgetRule {
    /// A success forgives every ring before it.
    SinceLastSuccess,
    /// A success forgives only the ring that it answers, by the phone or a passkey and in the name
    /// of whoever made the phone ring; the others stay in their windows.
    #[default]
    UntilAnswered,
}

/// One ring that was asked for in a commit.
#[derive(Clone, Debug)]
struct Asked {
    /// By the document's time.
    at: Timestamp,
    key: u64,
    prompt: Option<u64>,
    /// Who made the phone ring.
    by: Actor,
    /// There was a known device whose share had to stay.
    is_shared: bool,
    is_answered: bool,
    heard_at: Option<Timestamp>,
}

/// Rings that are remembered: far more than the budget of a day, so that a message that is late or a
/// clock that was set back still finds its ring.
const KEPT: usize = 128;

/// The rings of one subscriber, oldest first.
#[derive(Debug, Default)]
pub(super) struct Rings {
    asked: Vec<Asked>,
    /// Which ring a prompt has, its own or that of the prompt it took the place of; and who asked.
    by_prompt: BTreeMap<u64, (u64, Actor)>,
    /// The prompt that was open last: a prompt that replaces a ring replaces this one's.
    pub last_open: Option<u64>,
}

/// What became of a wake-up on a phone.
pub(super) struct Heard {
    pub is_known: bool,
    pub is_first: bool,
}

fn windows(policy: &Policy) -> [(Span, usize); 3] {
    let budget = &policy.budget;
    [
        (Span::minutes(10), usize::from(budget.per_ten_minutes)),
        (Span::hours(1), usize::from(budget.per_hour)),
        (Span::days(1), usize::from(budget.per_day)),
    ]
}

impl Rings {
    /// Notes which ring a prompt has, if it has one.
    pub fn of_prompt(&mut self, prompt: u64, ring: Ring, by: &Actor) -> Option<u64> {
        let owner = match ring {
            Ring::Rang => Some(prompt),
            Ring::Replaced => self.last_open.and_then(|open| Some(self.by_prompt.get(&open)?.0)),
            Ring::Quiet(_) => None,
        }?;
        self.by_prompt.insert(prompt, (owner, by.clone()));
        Some(owner)
    }

    pub fn rang(
        &mut self,
        at: Timestamp,
        key: Option<u64>,
        prompt: Option<u64>,
        by: &Actor,
        is_shared: bool,
    ) -> Breach {
        let Some(key) = key else {
            return Some((Law::Audited, format!("the ring of {prompt:?} has no effect")));
        };
        let surplus = (self.asked.len() + 1).saturating_sub(KEPT);
        self.asked.drain(..surplus);
        self.asked.push(Asked {
            at,
            key,
            prompt,
            by: by.clone(),
            is_shared,
            is_answered: false,
            heard_at: None,
        });
        None
    }

    /// Whether the latest ring is one too many.
    pub fn over(&self, policy: &Policy) -> Breach {
        let now = self.asked.last()?.at;
        let open = || self.asked.iter().filter(|ring| !ring.is_answered);
        windows(policy).into_iter().find_map(|(window, limit)| {
            let rang = open().filter(|ring| ring.at > now - window).count();
            (rang > limit).then(|| (Law::Budget, format!("{rang} rings in {window}")))
        })
    }

    /// A phone sounds. Only the first time counts, on whichever phone of the owner it is.
    pub fn heard(&mut self, key: u64, now: Timestamp) -> Heard {
        match self.asked.iter_mut().find(|ring| ring.key == key) {
            Some(ring) => {
                let is_first = ring.heard_at.is_none();
                ring.heard_at.get_or_insert(now);
                Heard { is_known: true, is_first }
            }
            None => Heard { is_known: false, is_first: false },
        }
    }

    /// The same by the wall clock of whoever hears it. A message may be late by the life of what
    /// it rings for, so that much is taken off each window.
    pub fn heard_over(&self, now: Timestamp, policy: &Policy) -> Breach {
        let slack = ring_is_late_by(policy);
        let heard = || self.asked.iter().filter(|ring| !ring.is_answered);
        windows(policy).into_iter().find_map(|(window, limit)| {
            let since = now - Span::millis(window.as_millis() - slack.as_millis());
            let rang = heard().filter(|ring| ring.heard_at.is_some_and(|at| at > since)).count();
            (rang > limit).then(|| (Law::Budget, format!("{rang} rings heard in {window}")))
        })
    }

    /// The prompt succeeded: its ring was answered, unless it is the ring of somebody else.
    pub fn answered(&mut self, prompt: u64) {
        let Some((owner, by)) = self.by_prompt.get(&prompt) else { return };
        let rings = self.asked.iter_mut();
        for ring in rings.filter(|ring| ring.prompt == Some(*owner) && ring.by == *by) {
            ring.is_answered = true;
        }
    }

    /// The subscriber confirmed the latest caller, and with it the ring of the call.
    pub fn call_answered(&mut self) {
        if let Some(ring) = self.asked.iter_mut().rfind(|ring| ring.prompt.is_none()) {
            ring.is_answered = true;
        }
    }

    pub fn all_answered(&mut self) {
        self.asked.iter_mut().for_each(|ring| ring.is_answered = true);
    }

    /// An administrator set the clock right: what lay in its future is counted from now.
    pub fn set_right(&mut self, now: Timestamp) {
        for ring in &mut self.asked {
            ring.at = ring.at.min(now);
            // Rings of what was the future come to lie beside older ones: together they can fill a
            // window that nobody filled, and the share of known devices with it. The sixth law
            // is therefore not asked about rings from before. First met with seed 1002456.
            ring.is_shared = false;
        }
    }

    /// Whether a known device, or somebody before there was one, used what strangers leave.
    pub fn owner_spent_their_share(&self) -> bool {
        let is_known = |by: &Actor| matches!(by, Actor::KnownDevice(_));
        self.asked.iter().any(|ring| !ring.is_answered && (is_known(&ring.by) || !ring.is_shared))
    }
}

#[cfg(test)]
mod tests {
    use pushback_verify::DeviceId;

    use super::*;

    fn at_s(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn rung(rings: &mut Rings, seconds: i64, prompt: u64) -> Breach {
        rings.of_prompt(prompt, Ring::Rang, &Actor::Stranger);
        let missing = rings.rang(at_s(seconds), Some(prompt), Some(prompt), &Actor::Stranger, true);
        missing.or_else(|| rings.over(&Policy::default()))
    }

    #[test]
    fn the_fourth_ring_in_ten_minutes_breaks_the_law_and_one_at_their_end_does_not() {
        let mut rings = Rings::default();
        assert_eq!((0..3).find_map(|n| rung(&mut rings, n, n as u64)), None);
        assert!(rung(&mut rings, 599, 9).is_some());
        let mut rings = Rings::default();
        let _ = (0..3).find_map(|n| rung(&mut rings, n, n as u64));
        assert_eq!(rung(&mut rings, 600, 9), None);
    }

    #[test]
    fn an_answer_forgives_the_ring_of_whoever_asked_and_no_other() {
        for (by, is_forgiven) in [(Actor::Stranger, true), (Actor::KnownDevice(DeviceId(1)), false)]
        {
            let mut rings = Rings::default();
            let _ = (0..3).find_map(|n| rung(&mut rings, n, n as u64));
            rings.last_open = Some(2);
            assert_eq!(rings.of_prompt(3, Ring::Replaced, &by), Some(2));
            rings.answered(3);
            assert_eq!(rung(&mut rings, 10, 4).is_none(), is_forgiven);
            assert!(rung(&mut rings, 11, 5).is_some());
        }
    }

    #[test]
    fn a_wake_up_that_comes_twice_is_heard_once() {
        let mut rings = Rings::default();
        let _ = rung(&mut rings, 0, 1);
        assert!(rings.heard(1, at_s(1)).is_first);
        assert!(!rings.heard(1, at_s(2)).is_first);
        assert!(!rings.heard(7, at_s(2)).is_known);
    }
}
