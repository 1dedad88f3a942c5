//! The state was put back from a copy. What may have been used up, ended or taken back since the copy was
//! made ends once more: nobody can say any longer which of it was.
//!
//! What is bound stays, and what was suspended stays so. What was untied, reported or changed since is not
//! in the copy: only people know of it, so everybody is told.

use crate::audit::{Actor, Happened};
use crate::authenticator::{AuthenticatorKind, Method};
use crate::effect::Notice;
use crate::fact::OperatorProof;
use crate::id::AuthenticatorId;
use crate::outcome::{Outcome, PromptEnd};
use crate::turn::{Scene, Turn};

/// How many numbers are left out: more prompts, devices and authenticators than anybody gets between two
/// copies. They are typed by people, so not more than needed.
const SERIALS: u64 = 1 << 20;
/// The same for decisions, of which strangers can cause many.
const REVISIONS: u64 = 1 << 32;

impl Turn<'_> {
    /// Leaves out the numbers that were given since the copy.
    // SECURITY: a cookie, a link or a signature from then would name what gets its number anew, and whoever
    // ignores what comes twice would ignore a notice or a record. Guarded by
    // `after_a_restore_nothing_gets_a_number_that_was_given_since_the_copy`.
    pub const fn leave_numbers_out(&mut self) {
        self.state.serial = self.state.serial.saturating_add(SERIALS);
        self.state.revision = self.state.revision.saturating_add(REVISIONS);
    }

    /// Ends what may have been used since the copy. `totp_step` is the last one whose code may have been.
    ///
    /// A second time in a row there is nothing left to end, and nobody is told again.
    // SECURITY: a code that was used, a browser that was forgotten and a reset that was stopped would count
    // again. Guarded by `after_a_restore_nothing_counts_that_may_have_been_used`.
    pub fn restored(&mut self, operator: &OperatorProof, totp_step: u64) -> Outcome {
        let by = Actor::Operator(operator.operator.clone());
        // Nothing was decided since the last time.
        let is_again = self
            .state
            .restored
            .is_some_and(|at| at.saturating_add(REVISIONS + 1) == self.state.revision);
        let codes = usize::from(self.state.binding.is_some()) + self.state.mailed_codes.len();
        let prompts = usize::from(self.state.open.is_some());
        let devices = self.state.devices.len();
        self.end_all_that_is_begun(&by, PromptEnd::Cancelled);
        self.state.devices.clear();
        let mut saved: Vec<AuthenticatorId> = Vec::new();
        for authenticator in &mut self.state.authenticators {
            match &mut authenticator.method {
                Method::RecoveryCodes { .. } => saved.push(authenticator.id),
                Method::Totp { last_step, .. } => *last_step = (*last_step).max(Some(totp_step)),
                Method::Phone { .. } | Method::Passkey { .. } | Method::Certificate { .. } => {}
            }
        }
        let recovery_codes = saved.len();
        for id in saved {
            self.remove(by.clone(), id, AuthenticatorKind::RecoveryCodes);
        }
        let what = Happened::RestoredFromCopy { prompts, codes, devices, recovery_codes };
        self.note(&Scene::default(), by, what);
        if !is_again && !self.state.addresses.is_empty() {
            self.notify(Notice::RestoredFromCopy);
        }
        self.state.restored = Some(self.state.revision);
        Outcome::Done
    }
}
