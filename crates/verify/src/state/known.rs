//! Browsers and devices that the subscriber has succeeded from.

use pushback_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{AuthenticatorId, DeviceId};
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

/// A browser or device that the subscriber has succeeded from, with a bucket of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownDevice {
    pub(crate) id: DeviceId,
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
