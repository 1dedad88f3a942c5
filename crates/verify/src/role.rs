//! Who signs in with passkeys only, and who says that somebody need no longer.

use crate::audit::{Actor, Change, Happened};
use crate::command::{Canceller, Role};
use crate::effect::Notice;
use crate::fact::OperatorProof;
use crate::id::RoleChangeId;
use crate::outcome::{Outcome, PromptEnd, Reason};
use crate::state::{PendingRoleChange, RESET_CONFIRMABLE};
use crate::turn::{Scene, Turn};

impl Turn<'_> {
    /// Raises at once; lowers after a second person has agreed, or after the delay.
    pub fn set_role(&mut self, operator: &OperatorProof, role: Role) -> Outcome {
        let by = Actor::Operator(operator.operator.clone());
        match (self.state.role, role) {
            (Role::Administrator, Role::Member) => self.lower(by, operator),
            (Role::Member | Role::Administrator, Role::Administrator) => {
                if self.stop_role_change(&by) {
                    self.notify(Notice::RoleChangeCancelled);
                }
                self.end_prompt(by.clone(), PromptEnd::Cancelled, None);
                self.change_role(by, role)
            }
            (Role::Member, Role::Member) => self.change_role(by, role),
        }
    }

    /// Asks for it, or confirms what somebody has asked for.
    // SECURITY: whoever waits for an administrator's code needs an administrator who may type one. Guarded by
    // `one_operator_alone_lowers_no_administrator_before_the_delay`.
    fn lower(&mut self, by: Actor, operator: &OperatorProof) -> Outcome {
        let Some(pending) = self.state.role_change.as_ref() else {
            if self.is_enough_alone() {
                return self.change_role(by, Role::Member);
            }
            return self.ask_to_lower(by, operator);
        };
        if !self.may_confirm(operator, &pending.requested_by, pending.ready_at) {
            return self.refuse_change(by, Change::Role, Reason::NeedsAnotherPerson);
        }
        if self.state.incident.is_some() {
            return self.refuse_change(by, Change::Role, Reason::IncidentOpen);
        }
        self.state.role_change = None;
        self.change_role(by, Role::Member)
    }

    fn ask_to_lower(&mut self, by: Actor, operator: &OperatorProof) -> Outcome {
        if self.state.incident.is_some() {
            return self.refuse_change(by, Change::Role, Reason::IncidentOpen);
        }
        if self.is_ahead() {
            return self.refuse_change(by, Change::Role, Reason::ClockAhead);
        }
        let change = RoleChangeId(self.state.next_serial());
        let ready_at = self.alone_from();
        self.state.role_change = Some(PendingRoleChange {
            id: change,
            requested_by: operator.operator.clone(),
            ready_at,
            expires_at: ready_at + RESET_CONFIRMABLE,
            told: self.state.addresses.clone(),
        });
        self.note(&Scene::default(), by, Happened::RoleChangeRequested { change });
        self.notify(Notice::RoleChangeRequested { change, ready_at });
        Outcome::RoleChangePending { change, ready_at }
    }

    /// Tells everybody, if it is another one.
    fn change_role(&mut self, by: Actor, role: Role) -> Outcome {
        let administrator = role == Role::Administrator;
        let is_other = self.state.role != role;
        self.state.role = role;
        self.note(&Scene::default(), by, Happened::RoleChanged { administrator });
        if is_other {
            self.notify(Notice::RoleChanged { administrator });
        }
        Outcome::Done
    }

    pub fn cancel_role_change(&mut self, canceller: &Canceller, change: RoleChangeId) -> Outcome {
        let pending = self.state.role_change.as_ref().filter(|pending| pending.id == change);
        let told = pending.map(|pending| pending.told.clone()).unwrap_or_default();
        let is_pending = pending.is_some();
        let by = match self.who_stops(canceller, &told) {
            Ok(by) => by,
            Err(reason) => return self.refuse_change(Actor::Stranger, Change::Role, reason),
        };
        if !is_pending {
            return self.refuse_change(by, Change::Role, Reason::NotFound);
        }
        self.stop_role_change(&by);
        self.note_objection(&by);
        self.notify(Notice::RoleChangeCancelled);
        Outcome::Done
    }

    /// Ends what waits, and says whether something did.
    pub fn stop_role_change(&mut self, by: &Actor) -> bool {
        let Some(PendingRoleChange { id: change, .. }) = self.state.role_change.take() else {
            return false;
        };
        self.note(&Scene::default(), by.clone(), Happened::RoleChangeCancelled { change });
        true
    }
}
