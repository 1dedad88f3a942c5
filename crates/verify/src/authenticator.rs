//! What a subscriber can prove themselves with.

use pushback_model::{Factor, Timestamp};
use serde::{Deserialize, Serialize};

use crate::code::CodeDigest;
use crate::id::{AuthenticatorId, OperatorId};
use crate::outcome::Reason;
use crate::policy::{AccountPolicy, StopPolicy};
use crate::requester::Requester;
use crate::text::Text;
use crate::throttle::Throttle;

/// Authenticators a subscriber can have at once. At the bound the next one is refused.
pub const AUTHENTICATORS_MAX: usize = 12;

/// Recovery codes in one set. More are refused.
pub const RECOVERY_CODES_MAX: usize = 16;

/// Apps with codes by time that a subscriber can have at once: an old and a new one. More are refused.
pub const TOTPS_MAX: usize = 2;

/// The kinds of authenticator. Messages, calls and mail are not among them: SP 800-63B-4, 3.1.3.1
/// forbids mail and restricts the telephone network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthenticatorKind {
    /// The app on a phone, with a key that cannot be taken out.
    Phone,
    /// A passkey or security key.
    Passkey,
    /// A set of saved recovery codes; for recovery only, never to sign in.
    RecoveryCodes,
    /// Codes by time (RFC 6238).
    Totp,
    /// A client certificate, for machines that terminate mutual TLS in front of us.
    Certificate,
}

impl AuthenticatorKind {
    /// The factor under which the detection engine knows it.
    #[must_use]
    pub const fn factor(self) -> Factor {
        match self {
            Self::Phone => Factor::Push,
            Self::Passkey => Factor::Passkey,
            Self::RecoveryCodes => Factor::RecoveryCode,
            Self::Totp => Factor::Code,
            Self::Certificate => Factor::DeviceKey,
        }
    }

    /// How much it may authorise: a change needs the highest rank that the subscriber has. Zero
    /// for what never authorises anything alone.
    pub(crate) const fn rank(self) -> u8 {
        match self {
            Self::Passkey => 3,
            Self::Phone => 2,
            Self::Totp => 1,
            Self::RecoveryCodes | Self::Certificate => 0,
        }
    }
}

/// Whether a passkey can leave the device it was made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasskeySync {
    /// It stays on the device (backup eligibility flag unset).
    DeviceBound,
    /// It may be synchronised (flag set): not for AAL3 (SP 800-63B-4, 2.3.2).
    Syncable,
}

/// What is kept of an authenticator, by kind. Public keys and sealed secrets stay with the shell,
/// under the authenticator's id; `key` tells two bindings of one key apart.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Method {
    Phone {
        key: CodeDigest,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<Sighting>,
    },
    Passkey {
        key: CodeDigest,
        sync: PasskeySync,
    },
    RecoveryCodes {
        unused: Vec<CodeDigest>,
    },
    Totp {
        key: CodeDigest,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_step: Option<u64>,
    },
    Certificate {
        key: CodeDigest,
    },
}

/// Where a phone was when it was last heard of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sighting {
    pub at: Timestamp,
    /// Without browser and system: they say nothing about where.
    pub from: Requester,
}

/// A bound authenticator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Authenticator {
    pub(crate) id: AuthenticatorId,
    pub(crate) label: Text,
    pub(crate) method: Method,
    pub(crate) bound_at: Timestamp,
    /// Whether nothing seasoned that signs in was there when it was bound. Not in documents from before
    /// this was written down: what they hold is seasoned after its probation.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) is_of_first_day: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_used_at: Option<Timestamp>,
    /// Failures in a row, of everybody. Never reset by a new code, a new prompt or another
    /// authenticator.
    pub(crate) failures: u16,
    /// Those of them that strangers caused.
    pub(crate) stranger_failures: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) disabled_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Dispute::is_never")]
    pub(crate) dispute: Dispute,
    /// The round of dispute that is open to a link; see [`Authenticator::dispute_round`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) dispute_round: u16,
    /// What a phone itself asks for, in a bucket of its own.
    #[serde(default, skip_serializing_if = "Throttle::is_idle")]
    pub(crate) asks: Throttle,
}

/// Whether somebody said that its owner did not bind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum Dispute {
    #[default]
    Never,
    /// It answers for nobody until the dispute is settled.
    Suspended {
        at: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settling: Option<PendingSettlement>,
    },
    /// It was looked at. Nobody disputes it again with the same link.
    Settled {
        /// Not in documents from before this was written down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Timestamp>,
    },
}

/// An operator wants a disputed authenticator to answer again; this waits for a second person or for the
/// delay of a reset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSettlement {
    /// Who asked.
    pub requested_by: OperatorId,
    /// From then on the same person can confirm.
    pub ready_at: Timestamp,
    /// From then on nobody can.
    pub expires_at: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_false(it: &bool) -> bool {
    !*it
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(it: &u16) -> bool {
    *it == 0
}

impl Dispute {
    const fn is_never(&self) -> bool {
        matches!(self, Self::Never)
    }
}

impl Authenticator {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> AuthenticatorId {
        self.id
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> AuthenticatorKind {
        match self.method {
            Method::Phone { .. } => AuthenticatorKind::Phone,
            Method::Passkey { .. } => AuthenticatorKind::Passkey,
            Method::RecoveryCodes { .. } => AuthenticatorKind::RecoveryCodes,
            Method::Totp { .. } => AuthenticatorKind::Totp,
            Method::Certificate { .. } => AuthenticatorKind::Certificate,
        }
    }

    /// What its owner calls it.
    #[must_use]
    pub fn label(&self) -> &str {
        self.label.as_str()
    }

    /// When it was bound.
    #[must_use]
    pub const fn bound_at(&self) -> Timestamp {
        self.bound_at
    }

    /// From when on it is seasoned: it may authorise changes, and stand alone. What was disputed and
    /// answers again begins anew. Nothing for what never authorises anything.
    #[must_use]
    pub fn seasoned_at(&self, policy: &AccountPolicy) -> Option<Timestamp> {
        let since = match self.dispute {
            Dispute::Settled { at } => at.map_or(self.bound_at, |at| at.max(self.bound_at)),
            Dispute::Never | Dispute::Suspended { .. } => self.bound_at,
        };
        (self.kind().rank() > 0).then(|| since + policy.probation())
    }

    /// When it last succeeded.
    #[must_use]
    pub const fn last_used_at(&self) -> Option<Timestamp> {
        self.last_used_at
    }

    /// When it was disabled for too many failures. It has to be bound anew.
    #[must_use]
    pub const fn disabled_at(&self) -> Option<Timestamp> {
        self.disabled_at
    }

    /// Since when it is suspended because somebody said that its owner did not bind it.
    #[must_use]
    pub const fn disputed_at(&self) -> Option<Timestamp> {
        match self.dispute {
            Dispute::Suspended { at, .. } => Some(at),
            Dispute::Never | Dispute::Settled { .. } => None,
        }
    }

    /// The settlement of a dispute that waits for a second person, at `now`.
    #[must_use]
    pub fn settlement(&self, now: Timestamp) -> Option<&PendingSettlement> {
        match &self.dispute {
            Dispute::Suspended { settling, .. } => {
                settling.as_ref().filter(|pending| now < pending.expires_at)
            }
            Dispute::Never | Dispute::Settled { .. } => None,
        }
    }

    /// The round of the link with which somebody can say that its owner did not bind it: 0 in the notice
    /// of the binding, one more after each dispute and after each settlement by the owner.
    pub(crate) fn dispute_round(&self) -> u16 {
        match self.dispute {
            Dispute::Never => self.dispute_round,
            // A dispute from before rounds were written down has used up the first link.
            Dispute::Suspended { .. } | Dispute::Settled { .. } => self.dispute_round.max(1),
        }
    }

    /// Uses up the links that are out.
    pub(crate) fn next_dispute_round(&mut self) {
        self.dispute_round = self.dispute_round().saturating_add(1);
    }

    /// Whether a link of this round still says something new.
    pub(crate) fn can_be_disputed(&self, round: u16) -> bool {
        let is_open = match &self.dispute {
            Dispute::Never | Dispute::Settled { .. } => true,
            Dispute::Suspended { settling, .. } => settling.is_some(),
        };
        is_open && self.dispute_round() == round
    }

    /// Whether it can answer: neither disabled nor disputed.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.disabled_at.is_none() && self.disputed_at().is_none()
    }

    /// Why it cannot answer, if it cannot.
    pub(crate) const fn stopped(&self) -> Option<Reason> {
        if self.disputed_at().is_some() {
            Some(Reason::AuthenticatorDisputed)
        } else if self.disabled_at.is_some() {
            Some(Reason::AuthenticatorDisabled)
        } else {
            None
        }
    }

    /// Failures in a row.
    #[must_use]
    pub const fn failures(&self) -> u16 {
        self.failures
    }

    /// Failures in a row that strangers caused. Whoever has to choose which authenticator a wrong
    /// entry is counted on takes the one with the fewest: then none can be guessed at for nothing.
    #[must_use]
    pub const fn stranger_failures(&self) -> u16 {
        self.stranger_failures
    }

    /// Recovery codes that are left, if it is a set of them.
    #[must_use]
    pub fn recovery_codes_left(&self) -> Option<usize> {
        match &self.method {
            Method::RecoveryCodes { unused } => Some(unused.len()),
            Method::Phone { .. }
            | Method::Passkey { .. }
            | Method::Totp { .. }
            | Method::Certificate { .. } => None,
        }
    }

    /// Whether it was bound with the key of this digest.
    #[must_use]
    pub fn has_key(&self, digest: &CodeDigest) -> bool {
        self.key().is_some_and(|key| key.matches(digest))
    }

    pub(crate) const fn key(&self) -> Option<&CodeDigest> {
        match &self.method {
            Method::Phone { key, .. }
            | Method::Passkey { key, .. }
            | Method::Totp { key, .. }
            | Method::Certificate { key } => Some(key),
            Method::RecoveryCodes { .. } => None,
        }
    }

    /// Counts a failure; true if it was the one that disables the authenticator.
    // SECURITY: the hard stop of SP 800-63B-4, 3.2.2. Guarded by
    // `the_hundredth_failure_in_a_row_disables_and_the_right_code_no_longer_helps`.
    pub(crate) fn fail(&mut self, by: Failing, now: Timestamp, policy: &StopPolicy) -> bool {
        self.failures = self.failures.saturating_add(1);
        match by {
            Failing::Stranger => self.stranger_failures = self.stranger_failures.saturating_add(1),
            Failing::Owner => {}
        }
        let stops = self.disabled_at.is_none() && self.failures >= u16::from(policy.disable_after);
        if stops {
            self.disabled_at = Some(now);
        }
        stops
    }

    /// Whether strangers have used up the failures that they may cause.
    pub(crate) fn is_closed_to_strangers(&self, policy: &StopPolicy) -> bool {
        self.stranger_failures >= u16::from(policy.strangers_may_cause)
    }

    /// Dates what lies after `now` to `now`; used when an administrator sets the clock right.
    pub(crate) fn forget_the_future(&mut self, now: Timestamp) {
        self.bound_at = self.bound_at.min(now);
        self.last_used_at = self.last_used_at.map(|at| at.min(now));
        match &mut self.dispute {
            Dispute::Never => {}
            Dispute::Suspended { at, .. } => *at = (*at).min(now),
            Dispute::Settled { at } => *at = at.map(|at| at.min(now)),
        }
        match &mut self.method {
            Method::Phone { seen, .. } => {
                seen.take_if(|sighting| sighting.at > now);
            }
            Method::Passkey { .. }
            | Method::RecoveryCodes { .. }
            | Method::Totp { .. }
            | Method::Certificate { .. } => {}
        }
    }

    pub(crate) fn succeed(&mut self, now: Timestamp) {
        self.failures = 0;
        self.stranger_failures = 0;
        self.last_used_at = Some(now);
    }
}

/// Who caused a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failing {
    /// The phone's own key, or a known device.
    Owner,
    /// Anybody.
    Stranger,
}
