//! "This was not me": the link in a notice takes a binding back until somebody has looked.
//!
//! ```text
//! undisputed --dispute--> suspended --settle, by the owner--------------------> settled
//!                          |    ^  |                                             ^   |
//!                          |    |  +--settle, by an operator--> settling --settle+   |
//!                          |    +---------------dispute, with the next link-----+----+
//! ```
//!
//! A link counts once. What an operator asks for is told with the next link, which stops it, and which
//! disputes again what two operators let answer: they believed somebody, and the owner did not see whom.
//! What the owner settled with something stronger is not disputed again: whoever only reads their mail
//! could otherwise keep them out again and again.

use pushback_model::Timestamp;

use crate::audit::{Actor, Change, Happened};
use crate::authenticator::{Authenticator, Dispute, PendingSettlement};
use crate::command::Authority;
use crate::effect::{Disputable, Notice};
use crate::fact::{DisputeLink, Notes, OperatorProof};
use crate::id::AuthenticatorId;
use crate::outcome::{Outcome, Reason};
use crate::state::RESET_CONFIRMABLE;
use crate::turn::{Scene, Turn};

impl Turn<'_> {
    /// Suspends what was bound, and takes it for a report that reaches back to the binding: whoever
    /// bound it may have signed in since (SP 800-63B-4, 4.1.2.2, 4.5).
    // SECURITY: the link counts once for good, or an old mail would suspend an account again and again.
    // Guarded by `a_dispute_counts_once_also_after_it_was_settled`.
    pub fn dispute(&mut self, link: &DisputeLink) -> Outcome {
        let by = Actor::Address(link.address.clone());
        if link.subscriber != self.state.subscriber {
            return self.refuse_change(by, Change::Dispute, Reason::WrongSubject);
        }
        let now = self.now;
        let Some(disputed) = self.state.authenticator_mut(link.authenticator) else {
            return self.refuse_change(by, Change::Dispute, Reason::NotBound);
        };
        if !disputed.can_be_disputed(link.round) {
            return self.refuse_change(by, Change::Dispute, Reason::CodeReused);
        }
        let since = disputed.bound_at().min(now - self.policy.trust.report_reach());
        self.suspend_disputed(by, link.authenticator, since)
    }

    /// The same for an owner who calls, and whose only phone is in other hands: the last authenticator
    /// cannot be untied, and whoever holds it would stop every reset with a report. Nobody gets in by it.
    pub fn dispute_for_owner(&mut self, operator: &OperatorProof, id: AuthenticatorId) -> Outcome {
        let by = Actor::Operator(operator.operator.clone());
        let reason = match self.state.authenticator(id).map(Authenticator::disputed_at) {
            None => Some(Reason::NotBound),
            Some(Some(_)) => Some(Reason::AuthenticatorDisputed),
            Some(None) => None,
        };
        if let Some(reason) = reason {
            return self.refuse_change(by, Change::Dispute, reason);
        }
        self.suspend_disputed(by, id, self.now - self.policy.trust.report_reach())
    }

    /// Suspends one, and takes it for a report of everything from `since` on.
    fn suspend_disputed(&mut self, by: Actor, id: AuthenticatorId, since: Timestamp) -> Outcome {
        let at = self.now;
        let Some(disputed) = self.state.authenticator_mut(id) else {
            return self.refuse_change(by, Change::Dispute, Reason::NotBound);
        };
        disputed.next_dispute_round();
        disputed.dispute = Dispute::Suspended { at, settling: None };
        let what = Happened::Disputed { authenticator: id, kind: disputed.kind() };
        self.note(&Scene::default(), by.clone(), what);
        self.take_report_since(by, Notes::default(), None, since)
    }

    /// Lets a disputed authenticator answer again: by the help desk, or by the owner with another one
    /// (SP 800-63B-4, 4.5: reversible from another valid authenticator), once the incident is closed.
    // SECURITY: whoever bound something may have bound two things. While nobody has looked, the second
    // one must not bring back the first. Guarded by `a_dispute_is_settled_after_the_incident_only`.
    pub fn settle_dispute(&mut self, authority: &Authority, id: AuthenticatorId) -> Outcome {
        let by = match authority {
            // Whoever has just recovered the account proved less than its owner would.
            Authority::Recovered(_) => Err(Reason::WeakAuthority),
            _ if self.state.incident.is_some() => Err(Reason::IncidentOpen),
            Authority::Subscriber(_) | Authority::Operator(_) => self.authority(authority),
        };
        let by = match by {
            Ok(by) => by,
            Err(reason) => {
                let by = Actor::Subscriber;
                return self.refuse_change(by, Change::SettleDispute, reason);
            }
        };
        let Some(disputed) = self.state.authenticator_mut(id) else {
            return self.refuse_change(by, Change::SettleDispute, Reason::NotBound);
        };
        let pending = match &disputed.dispute {
            Dispute::Suspended { settling, .. } => settling.clone(),
            Dispute::Never | Dispute::Settled { .. } => {
                return self.refuse_change(by, Change::SettleDispute, Reason::NotFound);
            }
        };
        match (authority, pending) {
            // SECURITY: one operator alone must not bring back what the owner disowned. Guarded by
            // `one_operator_alone_brings_nothing_back_that_was_disputed`.
            (Authority::Operator(operator), None) if !self.is_enough_alone() => {
                self.ask_to_settle(by, operator, id)
            }
            (Authority::Operator(operator), Some(pending))
                if !self.may_confirm(operator, &pending.requested_by, pending.ready_at) =>
            {
                self.refuse_change(by, Change::SettleDispute, Reason::NeedsAnotherPerson)
            }
            (Authority::Operator(_), _) => self.settle(by, id, true),
            (Authority::Subscriber(_) | Authority::Recovered(_), _) => self.settle(by, id, false),
        }
    }

    fn ask_to_settle(
        &mut self,
        by: Actor,
        operator: &OperatorProof,
        id: AuthenticatorId,
    ) -> Outcome {
        let ready_at = self.alone_from();
        let Some(disputed) = self.state.authenticator_mut(id) else {
            return self.refuse_change(by, Change::SettleDispute, Reason::NotBound);
        };
        if let Dispute::Suspended { settling, .. } = &mut disputed.dispute {
            *settling = Some(PendingSettlement {
                requested_by: operator.operator.clone(),
                ready_at,
                expires_at: ready_at + RESET_CONFIRMABLE,
            });
        }
        let kind = disputed.kind();
        let link = Disputable { authenticator: id, round: disputed.dispute_round() };
        let what = Happened::SettlementRequested { authenticator: id, kind };
        self.note(&Scene::default(), by, what);
        self.notify(Notice::SettlementRequested { kind, link, ready_at });
        Outcome::SettlementPending { ready_at }
    }

    fn settle(&mut self, by: Actor, id: AuthenticatorId, is_by_help_desk: bool) -> Outcome {
        let at = Some(self.now);
        let Some(disputed) = self.state.authenticator_mut(id) else {
            return self.refuse_change(by, Change::SettleDispute, Reason::NotBound);
        };
        disputed.dispute_round = disputed.dispute_round();
        disputed.dispute = Dispute::Settled { at };
        if !is_by_help_desk {
            disputed.next_dispute_round();
        }
        let (kind, round) = (disputed.kind(), disputed.dispute_round());
        let link = is_by_help_desk.then_some(Disputable { authenticator: id, round });
        self.note(&Scene::default(), by, Happened::DisputeSettled { authenticator: id, kind });
        self.notify(Notice::DisputeSettled { kind, link });
        Outcome::Done
    }

    /// Stops every settlement that waits, and says whether one did.
    pub fn stop_settlements(&mut self, by: &Actor) -> bool {
        self.end_settlements(by, |_| true)
    }

    /// Ends settlements that nobody confirmed in time.
    pub fn end_old_settlements(&mut self) {
        let now = self.now;
        self.end_settlements(&Actor::Clock, |pending| now >= pending.expires_at);
    }

    fn end_settlements(
        &mut self,
        by: &Actor,
        is_over: impl Fn(&PendingSettlement) -> bool,
    ) -> bool {
        let mut ended = Vec::new();
        for authenticator in &mut self.state.authenticators {
            if let Dispute::Suspended { settling, .. } = &mut authenticator.dispute
                && settling.take_if(|pending| is_over(pending)).is_some()
            {
                ended.push(authenticator.id);
            }
        }
        let has_ended = !ended.is_empty();
        for authenticator in ended {
            let what = Happened::SettlementCancelled { authenticator };
            self.note(&Scene::default(), by.clone(), what);
        }
        has_ended
    }
}
