//! Browsers and devices that the subscriber has succeeded from.

use pushback_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{AuthenticatorId, DeviceId, RelyingPartyId};
use crate::text::Text;
use crate::throttle::Throttle;

/// Whose bucket an attempt belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trust {
    Known(DeviceId),
    /// A bound phone that asks for its owner's own affairs.
    Phone(AuthenticatorId),
    Stranger,
}

/// A browser or device that the subscriber has succeeded from at one relying party, with a bucket of
/// its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownDevice {
    pub(crate) id: DeviceId,
    /// Where it succeeded and is known. Not in documents from before this was written down: such a
    /// device is known everywhere until its next success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) relying_party: Option<RelyingPartyId>,
    pub(crate) label: Text,
    pub(crate) first_at: Timestamp,
    pub(crate) last_success_at: Timestamp,
    pub(crate) throttle: Throttle,
}

impl KnownDevice {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> DeviceId {
        self.id
    }

    /// Where it is known; everywhere, if it has not succeeded since that is written down.
    #[must_use]
    pub const fn relying_party(&self) -> Option<&RelyingPartyId> {
        self.relying_party.as_ref()
    }

    /// Whether this relying party's cookie may name it.
    pub(crate) fn is_known_at(&self, relying_party: &RelyingPartyId) -> bool {
        self.relying_party.as_ref().is_none_or(|own| own == relying_party)
    }

    /// What its browser calls itself.
    #[must_use]
    pub fn label(&self) -> &str {
        self.label.as_str()
    }

    /// When it first succeeded.
    #[must_use]
    pub const fn first_at(&self) -> Timestamp {
        self.first_at
    }

    /// When it last succeeded.
    #[must_use]
    pub const fn last_success_at(&self) -> Timestamp {
        self.last_success_at
    }
}
