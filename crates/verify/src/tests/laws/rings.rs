//! Laws of rings and prompts, kept by reading the audit trail alone.

use std::collections::BTreeMap;

use super::super::*;

/// A ring that nobody has answered yet.
#[derive(Clone, Debug)]
struct Unanswered {
    at: Timestamp,
    /// When it counts as rung, which is later if a clock was set back since.
    counted_at: Timestamp,
    by: Actor,
    what: Rung,
}

/// What rang: a prompt or a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rung {
    Prompt(PromptId),
    Call(CallerCheckId),
}

#[derive(Default)]
pub struct Rings {
    unanswered: Vec<Unanswered>,
    /// Who made a prompt, and which prompt rang for it.
    made: BTreeMap<PromptId, (Actor, Option<PromptId>)>,
    ended: BTreeMap<PromptId, PromptEnd>,
    open: Option<PromptId>,
}

impl Rings {
    /// An administrator set the clock back. What was the future rang now, and everything may count
    /// from now.
    pub fn set_clock_back(&mut self, now: Timestamp) {
        for ring in &mut self.unanswered {
            (ring.at, ring.counted_at) = (ring.at.min(now), now);
        }
    }

    pub fn check(&mut self, after: &World, was_suspended: bool) {
        let succeeded = after.audit.iter().find_map(|entry| match entry.what {
            Happened::Succeeded { kind, .. } => Some(kind),
            _ => None,
        });
        let mut rang = 0;
        for entry in &after.audit {
            match &entry.what {
                Happened::PromptMade { prompt, ring, .. } => {
                    assert!(self.open.is_none(), "two prompts are open");
                    self.open = Some(*prompt);
                    let replaced = self.ended.iter().next_back().map(|(prompt, _)| *prompt);
                    let root = match ring {
                        Ring::Rang => Some(*prompt),
                        Ring::Replaced => replaced.and_then(|old| self.made[&old].1),
                        Ring::Quiet(_) => None,
                    };
                    self.made.insert(*prompt, (entry.by.clone(), root));
                    let what = Rung::Prompt(*prompt);
                    rang += usize::from(self.ring(entry, *ring, what, after));
                }
                Happened::CallerCheckStarted { check, ring } => {
                    rang += usize::from(self.ring(entry, *ring, Rung::Call(*check), after));
                }
                Happened::PromptEnded { prompt, end, .. } => self.end(*prompt, *end, succeeded),
                Happened::CallerCheckEnded { check, end: CallerEnd::Verified } => {
                    self.unanswered.retain(|ring| ring.what != Rung::Call(*check));
                }
                _ => {}
            }
        }
        let sent = after.effects.iter().filter(|act| matches!(act, Act::RingPhones { .. })).count();
        assert_eq!(sent, rang, "what rings is written down");
        assert!(!was_suspended || sent == 0, "rang while suspended");
    }

    fn end(&mut self, prompt: PromptId, end: PromptEnd, succeeded: Option<AuthenticatorKind>) {
        assert_eq!(self.open.take(), Some(prompt), "a prompt ended that was not open");
        assert_eq!(self.ended.insert(prompt, end), None, "a prompt ended twice");
        let is_answered = end == PromptEnd::Approved
            || end == PromptEnd::Overtaken && succeeded == Some(AuthenticatorKind::Passkey);
        let (by, root) = &self.made[&prompt];
        if let (true, Some(root)) = (is_answered, root) {
            self.unanswered.retain(|ring| ring.what != Rung::Prompt(*root) || ring.by != *by);
        }
    }

    /// Counts a ring and holds it against the budget; true if there was one.
    fn ring(&mut self, entry: &AuditEntry, ring: Ring, what: Rung, after: &World) -> bool {
        let (at, by) = (entry.at, entry.by.clone());
        let free = u32::from(after.policy.throttle.free_failures);
        let has_failed = |d: &KnownDevice| d.throttle.failures() >= free.max(1);
        let is_known = match by {
            Actor::KnownDevice(id) => {
                !after.state.devices().iter().any(|d| d.id() == id && has_failed(d))
            }
            _ => false,
        };
        let budget = &after.policy.budget;
        let kept = if is_known || after.state.devices().is_empty() {
            0
        } else {
            usize::from(budget.kept_for_known_devices)
        };
        let windows = |when: fn(&Unanswered) -> Timestamp| {
            budget.windows().map(|(window, limit)| {
                let limit = usize::from(limit).saturating_sub(kept).max(1);
                let young = |ring: &&Unanswered| when(ring) > at - window;
                (self.unanswered.iter().filter(young).count(), limit)
            })
        };
        match ring {
            Ring::Rang => {
                for (rang, limit) in windows(|ring| ring.at) {
                    assert!(rang < limit, "{rang} rings, {by:?} rang beyond {limit}");
                }
                self.unanswered.push(Unanswered { at, counted_at: at, by, what });
                true
            }
            Ring::Quiet(Reason::BudgetSpent) => {
                let windows = windows(|ring| ring.counted_at);
                let is_spent = windows.iter().any(|(rang, limit)| rang >= limit);
                assert!(is_spent, "held without need: {windows:?}");
                false
            }
            Ring::Replaced | Ring::Quiet(_) => false,
        }
    }
}
