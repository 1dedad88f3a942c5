//! How much an owner binds. Each binding is told at every address, and the one that a thief makes must not be
//! one of hundreds.

use pushback_model::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::audit::{Actor, Change};
use crate::authenticator::{AUTHENTICATORS_MAX, AuthenticatorKind};
use crate::command::Authority;
use crate::outcome::{Outcome, Reason};
use crate::state::push_bounded;
use crate::turn::Turn;

/// How long a binding counts.
const WINDOW: Span = Span::days(1);
/// Sets of recovery codes that an owner draws within that time.
const CODE_SETS_MAX: usize = 3;
/// Bindings of every kind: as many as can be bound at once.
pub(crate) const ADDITIONS_MAX: usize = AUTHENTICATORS_MAX;

/// Something that was bound of late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Addition {
    pub kind: AuthenticatorKind,
    pub at: Timestamp,
}

impl Turn<'_> {
    /// Why the owner gets no binding code now, if so: a right is good for one set of codes, and few of
    /// anything are bound in a day.
    // SECURITY: whoever holds a right could hide the notice of a phone among hundreds about codes. Guarded by
    // `a_right_is_good_for_one_set_of_codes` and `an_owner_binds_few_things_in_a_day`.
    pub fn binds_too_often(
        &mut self,
        authority: &Authority,
        kind: AuthenticatorKind,
    ) -> Option<Outcome> {
        let Authority::Subscriber(attempt) = authority else { return None };
        let proven = self.state.successes.iter().find(|success| success.attempt == *attempt);
        let is_codes = |addition: &&Addition| addition.kind == AuthenticatorKind::RecoveryCodes;
        let draws_codes = kind == AuthenticatorKind::RecoveryCodes;
        let additions = &self.state.additions;
        let is_drawn = |since| additions.iter().filter(is_codes).any(|drawn| drawn.at >= since);
        if draws_codes && proven.is_some_and(|proven| is_drawn(proven.at)) {
            let reason = Reason::NotAuthorised;
            return Some(self.refuse_change(Actor::Subscriber, Change::BindingCode, reason));
        }
        let nth = |nth: usize, of: &dyn Fn(&&Addition) -> bool| {
            additions.iter().filter(of).rev().nth(nth - 1).map(|addition| addition.at + WINDOW)
        };
        let of_codes = if draws_codes { nth(CODE_SETS_MAX, &is_codes) } else { None };
        let until = of_codes.max(nth(ADDITIONS_MAX, &|_| true)).filter(|at| self.now < *at)?;
        let reason = Reason::TooOften;
        let _ = self.refuse_change(Actor::Subscriber, Change::BindingCode, reason);
        Some(Outcome::RefusedUntil { reason, until })
    }

    pub fn count_addition(&mut self, kind: AuthenticatorKind) {
        let addition = Addition { kind, at: self.now };
        push_bounded(&mut self.state.additions, addition, ADDITIONS_MAX);
    }

    /// Forgets what no longer counts.
    pub fn forget_old_additions(&mut self) {
        let now = self.now;
        self.state.additions.retain(|addition| now < addition.at + WINDOW);
    }
}
