//! The nodes: load, decide, commit, answer; and work on what waits to leave.

use pushback_model::{Span, Timestamp};
use pushback_verify::{Act, Command, Decision, Notice, RingFor, SubscriberState, decide};

use super::ask::{Claim, Request, Then};
use super::database::{Commit, Row};
use super::fault::{ActNo, Fault, Step};
use super::laws::short;
use super::people::{Side, side_of};
use super::world::{Event, Message, Sabotage, World};
use crate::rng::mix;

/// How often a node decides again after losing a race, before it gives up with an error.
const RACES_MAX: usize = 6;

impl World {
    /// A node that is up, by chance; `None` if all are down.
    fn node(&mut self, act: ActNo) -> Option<usize> {
        let up: Vec<usize> = (0..self.nodes.len())
            .filter(|n| self.nodes.get(*n).is_some_and(|n| !n.is_down))
            .collect();
        let bits = self.bits(act) as usize;
        up.get(bits % up.len().max(1)).copied()
    }

    pub fn time_of(&self, node: usize) -> Timestamp {
        self.nodes.get(node).map_or(self.now, |node| self.now + node.offset)
    }

    /// The node stops, and is back after a while.
    pub fn stop(&mut self, node: usize, act: ActNo) {
        let down_for = self.span_ms(act, 1_000, 60_000);
        if let Some(stopped) = self.nodes.get_mut(node) {
            stopped.is_down = true;
            stopped.life += 1;
            self.after(down_for, act, Event::Up { node });
        }
    }

    /// Nobody answered, or with an error: the asker tries again, at whichever node.
    fn ask_again(&mut self, mut request: Request) {
        if request.repeats > 0 {
            request.repeats -= 1;
            let pause = self.span_ms(request.act, 500, 5_000);
            self.after(pause, request.act, Event::Send(Box::new(request)));
        }
    }

    pub fn send(&mut self, request: Request) {
        let latency = self.span_ms(request.act, 5, 400);
        self.after(latency, request.act, Event::Send(Box::new(request)));
    }

    pub fn serve(&mut self, request: Request) {
        match self.node(request.act) {
            Some(node) => self.decide_at(node, request),
            None => self.ask_again(request),
        }
    }

    fn decide_at(&mut self, node: usize, request: Request) {
        for _ in 0..RACES_MAX {
            match self.faults.at(request.act, Step::Load) {
                Some(Fault::CrashBefore) => {
                    self.stop(node, request.act);
                    return self.ask_again(request);
                }
                Some(_) => return self.ask_again(request),
                None => {}
            }
            let Some((version, state)) = self.database.load(request.who) else { return };
            let entropy = self.entropy(request.act);
            let at = self.time_of(node);
            let decision = decide(&state, request.command.clone(), at, &entropy, &self.policy);
            if self.sabotage == Some(Sabotage::SendsFirst) {
                let effects = decision.effects.iter();
                effects.for_each(|effect| self.watch.sends(request.who, effect));
            }
            match self.faults.at(request.act, Step::Decide) {
                Some(Fault::Slow) => {
                    let pause = self.span_ms(request.act, 1, 4_000);
                    let life = self.nodes.get(node).map_or(0, |node| node.life);
                    let (act, decided) = (request.act, Box::new((request, decision)));
                    let event = Event::Resume { node, life, version, decided };
                    return self.after(pause, act, event);
                }
                Some(_) => {
                    self.stop(node, request.act);
                    return self.ask_again(request);
                }
                None => {}
            }
            if self.commit(node, &request, &state, version, &decision) {
                return;
            }
            self.watch.tally.conflicts += 1;
        }
        self.ask_again(request);
    }

    /// The slow node goes on, if it is still the same life of it.
    pub fn resume(&mut self, node: usize, life: u32, version: u64, decided: (Request, Decision)) {
        let (request, decision) = decided;
        if self.nodes.get(node).is_none_or(|node| node.life != life) {
            return self.ask_again(request);
        }
        let Some((_, state)) = self.database.load(request.who) else { return };
        if !self.commit(node, &request, &state, version, &decision) {
            self.watch.tally.conflicts += 1;
            self.decide_at(node, request);
        }
    }

    /// Commits and answers. False if somebody else was faster.
    fn commit(
        &mut self,
        node: usize,
        request: &Request,
        state: &SubscriberState,
        version: u64,
        decision: &Decision,
    ) -> bool {
        let fault = self.faults.at(request.act, Step::Commit);
        match fault {
            Some(Fault::CrashBefore) => {
                self.stop(node, request.act);
                self.ask_again(request.clone());
                return true;
            }
            Some(Fault::Refused | Fault::UnknownLost) => {
                self.ask_again(request.clone());
                return true;
            }
            _ => {}
        }
        if self.keep(request, state, version, decision) == Commit::Conflict {
            return false;
        }
        match fault {
            Some(Fault::CrashAfter) => {
                self.stop(node, request.act);
                self.ask_again(request.clone());
                return true;
            }
            Some(_) => {
                self.ask_again(request.clone());
                return true;
            }
            None => {}
        }
        match self.faults.at(request.act, Step::Acknowledge) {
            Some(Fault::CrashBefore) => {
                self.stop(node, request.act);
                self.ask_again(request.clone());
            }
            Some(_) => self.ask_again(request.clone()),
            None => self.answered(request, &decision.outcome),
        }
        true
    }

    /// Makes the commit, shows it to the laws and wakes what has to follow.
    pub fn keep(
        &mut self,
        request: &Request,
        state: &SubscriberState,
        version: u64,
        decision: &Decision,
    ) -> Commit {
        let (who, act) = (request.who, request.act);
        let version = match (self.sabotage, self.database.load(who)) {
            (Some(Sabotage::NoCompare), Some((found, _))) => found,
            _ => version,
        };
        let commit = self.database.commit(who, version, decision, act, self.now);
        if commit == Commit::Committed {
            if self.sabotage == Some(Sabotage::NoAudit) {
                let decision = Decision { audit: Vec::new(), ..decision.clone() };
                self.watch.committed(request, state, &decision);
            } else {
                self.watch.committed(request, state, decision);
            }
            if !decision.effects.is_empty() {
                self.work_by(self.now + Span::millis(20));
            }
            if let Some((wake_at, _)) = decision.state.wake_at()
                && state.wake_at().is_none_or(|(before, _)| before != wake_at)
            {
                // The document's time may be ahead of the true one; then it is looked at anyway.
                let at = wake_at.max(self.now).min(self.now + Span::days(5));
                self.plan(at, act, Event::Tick { who });
            }
        }
        commit
    }

    pub fn tick(&mut self, who: usize, act: ActNo) {
        let Some(state) = self.state(who) else { return };
        let is_due = state.wake_at().is_some_and(|(at, _)| at <= self.now);
        if is_due {
            self.serve(Request {
                who,
                act,
                command: Command::Tick,
                claim: Claim::Nothing,
                then: Then::Nothing,
                repeats: 3,
            });
        }
    }

    /// Sees to it that some node works on the outbox by then.
    fn work_by(&mut self, at: Timestamp) {
        if self.work_at.is_none_or(|planned| at < planned) {
            self.work_at = Some(at);
            self.plan(at, 0, Event::Work);
        }
    }

    pub fn work(&mut self) {
        if self.work_at.is_some_and(|at| at > self.now) {
            return;
        }
        self.work_at = None;
        // Which node it is depends on the time only, so that a replay without some acts agrees.
        let turn =
            mix(&[self.seed, self.now.as_millis() as u64]) as usize % self.nodes.len().max(1);
        if self.nodes.get(turn).is_some_and(|node| !node.is_down) {
            let at = self.time_of(turn);
            for row in self.database.claim(at) {
                if self.nodes.get(turn).is_none_or(|node| node.is_down) {
                    break;
                }
                self.work_on(turn, &row);
            }
        }
        if let Some(due_at) = self.database.due_at() {
            let (soon, late) = (self.now + Span::seconds(1), self.now + Span::minutes(5));
            self.work_by(due_at.clamp(soon, late));
        }
    }

    fn work_on(&mut self, node: usize, row: &Row) {
        match self.faults.at(row.act, Step::Claim) {
            Some(Fault::CrashBefore | Fault::CrashAfter) => return self.stop(node, row.act),
            // What cannot be read is left to the lease.
            Some(_) => return,
            None => {}
        }
        let fault = self.faults.at(row.act, Step::Effect);
        match fault {
            Some(Fault::CrashBefore) => return self.stop(node, row.act),
            Some(Fault::PushRefused) => {
                let later = self.time_of(node) + Span::seconds(1 << row.claim.min(10));
                return self.database.retry(row, later);
            }
            _ => {}
        }
        self.carry_out(node, row);
        if fault == Some(Fault::CrashAfter) {
            return self.stop(node, row.act);
        }
        match self.faults.at(row.act, Step::Done) {
            Some(Fault::CrashBefore) => self.stop(node, row.act),
            Some(Fault::CrashAfter) => {
                self.database.done(row);
                self.stop(node, row.act);
            }
            Some(_) => {}
            None => self.database.done(row),
        }
    }

    fn carry_out(&mut self, node: usize, row: &Row) {
        let who = row.who;
        match &row.effect.act {
            Act::RingPhones { ring_for, phones, until } => {
                // A worker looks before it rings: a prompt that is over, or that a report ended,
                // disturbs nobody any more.
                let at = self.time_of(node);
                let is_open = self.state(who).is_some_and(|state| state.awaits(*ring_for, at));
                let looks = self.sabotage != Some(Sabotage::RingsBlindly);
                if looks && (!is_open || at >= *until) {
                    self.watch.tally.rings_withheld += 1;
                    return;
                }
                self.watch.sends(who, &row.effect);
                let message = Message {
                    who,
                    key: short(row.effect.key.as_str()),
                    is_prompt: matches!(ring_for, RingFor::Prompt(_)),
                    until: *until,
                };
                for _ in phones {
                    self.push(row.act, &message);
                }
            }
            Act::IssueDeviceCookie { attempt, device, .. } => {
                self.watch.sends(who, &row.effect);
                if let (Some(rp), Some(person)) =
                    (self.known_at(who, *device), self.people.get_mut(who))
                {
                    match side_of(attempt) {
                        Side::Owner => drop(person.cookies.insert(rp, *device)),
                        Side::Stranger => person.stolen_cookie = Some((rp, *device)),
                    }
                }
            }
            Act::Notify { notice, .. } => {
                self.watch.sends(who, &row.effect);
                match notice {
                    Notice::ResetRequested { reset, .. } => {
                        self.told_of_reset(who, row.act, *reset)
                    }
                    Notice::UnexpectedPrompt => self.told_of_prompt(who, row.act),
                    Notice::SuccessAfterFailures
                    | Notice::CodeFromAfar
                    | Notice::Reported
                    | Notice::PushSuspended
                    | Notice::PushRestored
                    | Notice::FalseCaller
                    | Notice::Bound { .. }
                    | Notice::DisputeSettled { .. }
                    | Notice::SettlementRequested { .. }
                    | Notice::Invalidated { .. }
                    | Notice::Disabled { .. }
                    | Notice::Recovered
                    | Notice::AddressesChanged
                    | Notice::ResetCancelled
                    | Notice::ResetDone
                    | Notice::RoleChangeRequested { .. }
                    | Notice::RoleChangeCancelled
                    | Notice::RoleChanged { .. }
                    | Notice::RestoredFromCopy => {}
                }
            }
            Act::RefreshPhones { .. }
            | Act::WakeWaiting { .. }
            | Act::EndSessions { .. }
            | Act::EndAllSessions
            | Act::BurnPassword
            | Act::OpenIncident { .. }
            | Act::EraseKey { .. } => self.watch.sends(who, &row.effect),
        }
    }

    /// Hands a message to the push service.
    fn push(&mut self, act: ActNo, message: &Message) {
        let fault = self.faults.at(act, Step::Deliver);
        let mut latency = self.span_ms(act, 100, 3_000);
        match fault {
            Some(Fault::PushLost) => return,
            Some(Fault::PushLate) => latency = self.span_ms(act, 5_000, 200_000),
            Some(Fault::PushTwice) => {
                let again = self.span_ms(act, 100, 60_000);
                self.after(again, act, Event::Arrive(message.clone()));
            }
            _ => {}
        }
        self.after(latency, act, Event::Arrive(message.clone()));
    }

    /// The phone has a message. It sounds once a key, and never for what is over.
    pub fn arrive(&mut self, act: ActNo, message: &Message) {
        if self.now >= message.until {
            // The push service drops what is too old (the message's TTL).
            return;
        }
        let Some(person) = self.people.get_mut(message.who) else { return };
        if !person.heard.insert(message.key) {
            self.watch.tally.repeats_ignored += 1;
            return;
        }
        self.watch.heard(message.who, message.key, self.now);
        if message.is_prompt {
            let pause = self.span_ms(act, 3_000, 90_000);
            self.after(pause, act, Event::Look { who: message.who });
        }
    }
}
