//! What a phone needs to know of the open prompt beside its context.

use pushback_model::Timestamp;

use crate::id::AuthenticatorId;
use crate::outcome::Ring;
use crate::state::{SubscriberState, Trust};

/// The open prompt as it waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// From then on it is over.
    pub expires_at: Timestamp,
    /// Whether no phone rang for it.
    pub is_quiet: bool,
    /// The phone that asked for it, if one did.
    pub asked_by: Option<AuthenticatorId>,
    /// Wrong codes so far.
    pub wrong_entries: u8,
}

impl SubscriberState {
    /// How the open prompt stands at `now`; together with [`SubscriberState::shown_at`].
    #[must_use]
    pub fn waiting_at(&self, now: Timestamp) -> Option<Waiting> {
        let now = now.max(self.seen_at);
        let open = self.open.as_ref().filter(|open| now < open.expires_at)?;
        let is_quiet = match open.ring {
            Ring::Rang | Ring::Replaced => false,
            Ring::Quiet(_) => true,
        };
        let asked_by = match open.trust {
            Trust::Phone(phone) => Some(phone),
            Trust::Known(_) | Trust::Stranger => None,
        };
        let (expires_at, wrong_entries) = (open.expires_at, open.wrong_entries);
        Some(Waiting { expires_at, is_quiet, asked_by, wrong_entries })
    }
}
