//! What is open for a while: a prompt, codes that were issued, a reset, a call.

use pushback_model::{Span, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

use crate::authenticator::AuthenticatorKind;
use crate::code::{CallerCode, CodeDigest, MatchCode};
use crate::context::Context;
use crate::id::{AddressId, AttemptId, CallerCheckId, OperatorId, PromptId, ResetId, RoleChangeId};
use crate::outcome::Ring;
use crate::state::Trust;
use crate::text::Text;

/// The one open prompt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OpenPrompt {
    pub(crate) context: Context,
    pub(crate) trust: Trust,
    pub(crate) ring: Ring,
    /// The ring that it has, its own or that of the prompt that it replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rung: Option<Rung>,
    #[serde(with = "crate::code::match_code")]
    pub(crate) code: MatchCode,
    pub(crate) wrong_entries: u8,
    pub(crate) expires_at: Timestamp,
    pub(crate) others_asked: u16,
    /// Since when this bucket has the place, if it took it over from itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held_since: Option<Timestamp>,
}

/// When a phone rang, and for whose bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rung {
    pub(crate) at: Timestamp,
    pub(crate) trust: Trust,
    /// The prompt that it rang for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prompt: Option<PromptId>,
}

impl OpenPrompt {
    /// Whether a phone rang for it or for the one that it replaced.
    pub(crate) const fn rang(&self) -> bool {
        match self.ring {
            Ring::Rang | Ring::Replaced => true,
            Ring::Quiet(_) => false,
        }
    }

    /// Since when its bucket has had the one place for a prompt.
    pub(crate) fn held_since(&self) -> Timestamp {
        self.held_since.unwrap_or(self.context.asked_at)
    }

    /// The ring that a success with `kind` answers: one that this bucket made, by a proof that nobody
    /// has for it but the owner of a phone or passkey.
    pub(crate) fn answered_by(&self, kind: AuthenticatorKind) -> Option<Timestamp> {
        match kind {
            AuthenticatorKind::Phone | AuthenticatorKind::Passkey => {
                self.rung.filter(|rung| rung.trust == self.trust).map(|rung| rung.at)
            }
            AuthenticatorKind::RecoveryCodes
            | AuthenticatorKind::Totp
            | AuthenticatorKind::Certificate => None,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PendingBinding {
    pub kind: AuthenticatorKind,
    pub code: CodeDigest,
    pub wrong_entries: u8,
    pub expires_at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PendingAddressCode {
    pub address: AddressId,
    pub code: CodeDigest,
    pub wrong_entries: u8,
    pub expires_at: Timestamp,
}

/// Reads what was written when there was one code for all addresses, and the list that is written.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<PendingAddressCode>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Many(Vec<PendingAddressCode>),
        One(PendingAddressCode),
    }
    Ok(match Option::<Written>::deserialize(from)? {
        Some(Written::Many(codes)) => codes,
        Some(Written::One(code)) => vec![code],
        None => Vec::new(),
    })
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecoveryGrant {
    pub attempt: AttemptId,
    pub until: Timestamp,
}

/// A reset that waits for a second person or for its delay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingReset {
    /// Its id.
    pub id: ResetId,
    /// Who asked.
    pub requested_by: OperatorId,
    /// From then on the same person can confirm.
    pub ready_at: Timestamp,
    /// From then on nobody can.
    pub expires_at: Timestamp,
    /// Who was told with a link that stops it, also if the addresses change. Empty in documents from before
    /// this was written down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) told: Vec<AddressId>,
}

/// A change of the role that waits for a second person or for its delay: its subject is to administer
/// nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRoleChange {
    /// Its id.
    pub id: RoleChangeId,
    /// Who asked.
    pub requested_by: OperatorId,
    /// From then on the same person can confirm.
    pub ready_at: Timestamp,
    /// From then on nobody can.
    pub expires_at: Timestamp,
    /// Who was told with a link that stops it.
    pub(crate) told: Vec<AddressId>,
}

/// A call on which help desk and subscriber prove themselves to each other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CallerCheck {
    /// Its id.
    pub id: CallerCheckId,
    /// Who calls.
    pub operator: OperatorId,
    /// Their name, as the phone shows it.
    pub operator_name: Text,
    #[serde(with = "crate::code::caller_code")]
    pub(crate) code: CallerCode,
    /// When the phone rang for it, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rung_at: Option<Timestamp>,
    /// From then on it is worthless.
    pub expires_at: Timestamp,
}

impl CallerCheck {
    /// The code that the phone and the console both show.
    #[must_use]
    pub const fn code(&self) -> &CallerCode {
        &self.code
    }
}

/// How long a reset can be confirmed after its delay.
pub(crate) const RESET_CONFIRMABLE: Span = Span::hours(72);
