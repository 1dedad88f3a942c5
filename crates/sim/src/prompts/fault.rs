//! What goes wrong, and at which step.
//!
//! Every point at which a machine may stop or a line may break is a numbered step of the act that
//! caused it. Whether something goes wrong there depends on the seed, the act and the number only:
//! leaving other acts or faults out changes nothing, and that is what makes a replay small.

use crate::rng::mix;

/// The number of an act in its plan.
pub(crate) type ActNo = u32;

/// A point at which something may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// A node reads a document.
    Load,
    /// It has decided and not yet committed.
    Decide,
    /// It commits.
    Commit,
    /// It answers whoever asked.
    Acknowledge,
    /// A worker claims a row of the outbox.
    Claim,
    /// The worker does what the row says.
    Effect,
    /// The worker says that the row is done.
    Done,
    /// The push service has a message for a phone.
    Deliver,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The node stops before it has done the step, and forgets everything it held.
    CrashBefore,
    /// The node stops just after the step.
    CrashAfter,
    /// The database says no.
    Refused,
    /// The node is not told how its commit ended; the commit was made.
    UnknownMade,
    /// The node is not told how its commit ended; nothing was made.
    UnknownLost,
    /// The node is slow between deciding and committing, so that others come in between.
    Slow,
    /// The answer does not arrive.
    AnswerLost,
    /// The push service refuses for now.
    PushRefused,
    /// The push service loses the message.
    PushLost,
    /// The push service delivers the message twice.
    PushTwice,
    /// The push service delivers the message late.
    PushLate,
}

impl Fault {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CrashBefore => "node stops before a step",
            Self::CrashAfter => "node stops after a step",
            Self::Refused => "database refuses",
            Self::UnknownMade => "commit made, outcome unknown",
            Self::UnknownLost => "commit lost, outcome unknown",
            Self::Slow => "slow between decision and commit",
            Self::AnswerLost => "answer lost",
            Self::PushRefused => "push service refuses",
            Self::PushLost => "push message lost",
            Self::PushTwice => "push message repeated",
            Self::PushLate => "push message late",
        }
    }
}

impl Step {
    /// What can go wrong here.
    pub const fn faults(self) -> &'static [Fault] {
        use Fault::{
            AnswerLost, CrashAfter, CrashBefore, PushLate, PushLost, PushRefused, PushTwice,
            Refused, Slow, UnknownLost, UnknownMade,
        };
        match self {
            Self::Load => &[CrashBefore, Refused],
            Self::Decide => &[CrashBefore, Slow, Slow],
            Self::Commit => &[CrashBefore, CrashAfter, Refused, UnknownMade, UnknownLost],
            Self::Acknowledge => &[CrashBefore, AnswerLost],
            Self::Claim | Self::Done => &[CrashBefore, CrashAfter, Refused],
            Self::Effect => &[CrashBefore, CrashAfter, PushRefused],
            Self::Deliver => &[PushLost, PushTwice, PushLate],
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Decide => "decide",
            Self::Commit => "commit",
            Self::Acknowledge => "acknowledge",
            Self::Claim => "claim",
            Self::Effect => "effect",
            Self::Done => "done",
            Self::Deliver => "deliver",
        }
    }
}

/// A step of an act: the act's number and how many steps of that act came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StepId {
    pub act: ActNo,
    pub nth: u32,
}

/// A step that was come to, and what went wrong there, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    pub id: StepId,
    pub step: Step,
    pub fault: Option<Fault>,
}

/// Which faults there will be.
#[derive(Clone, Debug)]
pub(crate) enum FaultPlan {
    /// Exactly these, in the order of their steps.
    Only(Vec<(StepId, Fault)>),
    /// At so many of 10,000 steps, drawn from the seed.
    Weather { seed: u64, of_ten_thousand: u64 },
}

/// Counts the steps of every act and says what goes wrong.
#[derive(Debug)]
pub(crate) struct Faults {
    plan: FaultPlan,
    /// Steps so far, by act.
    steps: Vec<u32>,
    /// Whether to keep every step that was passed, or only those at which something went wrong.
    keeps_all: bool,
    pub passed: Vec<Passed>,
    /// After this nothing goes wrong any more.
    pub are_over: bool,
}

impl Faults {
    pub fn new(plan: FaultPlan, acts: usize, keeps_all: bool) -> Self {
        Self { plan, steps: vec![0; acts], keeps_all, passed: Vec::new(), are_over: false }
    }

    pub fn at(&mut self, act: ActNo, step: Step) -> Option<Fault> {
        if self.are_over {
            return None;
        }
        let count = self.steps.get_mut(act as usize)?;
        let id = StepId { act, nth: *count };
        *count += 1;
        let fault = match &self.plan {
            FaultPlan::Only(faults) => {
                let found = faults.iter().find(|(at, _)| *at == id);
                found.map(|(_, fault)| *fault).filter(|fault| step.faults().contains(fault))
            }
            FaultPlan::Weather { seed, of_ten_thousand } => {
                let bits = mix(&[*seed, 0xfa17, u64::from(act), u64::from(id.nth)]);
                let faults = step.faults();
                let which = (bits >> 32) as usize % faults.len();
                faults.get(which).copied().filter(|_| bits % 10_000 < *of_ten_thousand)
            }
        };
        if self.keeps_all || fault.is_some() {
            self.passed.push(Passed { id, step, fault });
        }
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_depends_on_its_own_act_only() {
        let plan = || FaultPlan::Weather { seed: 7, of_ten_thousand: 3_000 };
        let mut alone = Faults::new(plan(), 3, false);
        let mut beside = Faults::new(plan(), 3, false);
        let one: Vec<_> = (0..50).map(|_| alone.at(2, Step::Commit)).collect();
        let other: Vec<_> = (0..50)
            .map(|_| {
                let _ = beside.at(1, Step::Load);
                beside.at(2, Step::Commit)
            })
            .collect();
        assert_eq!(one, other);
        assert!(one.iter().any(Option::is_some) && one.iter().any(Option::is_none));
    }

    #[test]
    fn what_went_wrong_can_be_asked_for_again() {
        let mut first =
            Faults::new(FaultPlan::Weather { seed: 3, of_ten_thousand: 2_000 }, 1, false);
        let drawn: Vec<_> = (0..40).map(|_| first.at(0, Step::Effect)).collect();
        let list = first.passed.iter().filter_map(|p| Some((p.id, p.fault?))).collect();
        let mut again = Faults::new(FaultPlan::Only(list), 1, false);
        let repeated: Vec<_> = (0..40).map(|_| again.at(0, Step::Effect)).collect();
        assert_eq!(drawn, repeated);
    }
}
