//! "This was not me": the link in a notice takes a binding back until somebody has looked.
//!
//! ```text
//! undisputed --dispute--> suspended --settle--> settled (cannot be disputed again)
//! ```

use crate::audit::{Actor, Change, Happened};
use crate::authenticator::Dispute;
use crate::command::Authority;
use crate::effect::Notice;
use crate::fact::{DisputeLink, Notes};
use crate::id::AuthenticatorId;
use crate::outcome::{Outcome, Reason};
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
        match disputed.dispute {
            Dispute::Never => {}
            Dispute::Suspended { .. } | Dispute::Settled => {
                return self.refuse_change(by, Change::Dispute, Reason::CodeReused);
            }
        }
        disputed.dispute = Dispute::Suspended { at: now };
        let (kind, bound_at) = (disputed.kind(), disputed.bound_at());
        let what = Happened::Disputed { authenticator: link.authenticator, kind };
        self.note(&Scene::default(), by.clone(), what);
        let since = bound_at.min(now - self.policy.trust.report_reach());
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
        match disputed.dispute {
            Dispute::Suspended { .. } => {}
            Dispute::Never | Dispute::Settled => {
                return self.refuse_change(by, Change::SettleDispute, Reason::NotFound);
            }
        }
        disputed.dispute = Dispute::Settled;
        let kind = disputed.kind();
        self.note(&Scene::default(), by, Happened::DisputeSettled { authenticator: id, kind });
        self.notify(Notice::DisputeSettled { kind });
        Outcome::Done
    }
}
