//! What the shell must do after the commit.

use std::fmt;

use pushback_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::authenticator::AuthenticatorKind;
use crate::id::{
    AddressId, AttemptId, AuthenticatorId, CallerCheckId, DeviceId, IncidentId, PromptId, ResetId,
    RoleChangeId,
};
use crate::text::Text;

/// One thing to do, with the key by which the other side can ignore the second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// The same for the same decision, however often it is made again from the same document.
    pub key: EffectKey,
    /// What to do.
    pub act: Act,
}

/// Subscriber, revision of the document and place within the decision. Never random: a decision
/// that is made again after a crash has the same keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectKey(pub(crate) String);

impl EffectKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a phone rings for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RingFor {
    /// A prompt.
    Prompt(PromptId),
    /// A caller check.
    CallerCheck(CallerCheckId),
}

/// The acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Wake these phones with a sound. The payload is a wake-up and holds no code; too late after
    /// `until`.
    RingPhones {
        /// What for.
        ring_for: RingFor,
        /// Which.
        phones: Vec<AuthenticatorId>,
        /// When it stops making sense.
        until: Timestamp,
    },
    /// Let these phones reload what they show, over connections that are open: no push message, so
    /// that nobody is disturbed.
    RefreshPhones {
        /// Which.
        phones: Vec<AuthenticatorId>,
    },
    /// Tell whoever waits for this attempt to look again.
    WakeWaiting {
        /// Which.
        attempt: AttemptId,
    },
    /// Tell the subscriber at all these addresses.
    Notify {
        /// What.
        notice: Notice,
        /// Where: every address on file, and the former ones when addresses change.
        to: Vec<AddressId>,
    },
    /// End sessions that began at `since` or later, with their refresh tokens.
    EndSessions {
        /// From when on. [`Timestamp::MIN`] is never used: see [`Act::EndAllSessions`].
        since: Timestamp,
    },
    /// End every session, with its refresh tokens.
    EndAllSessions,
    /// Tell directory and relying parties that the password is known to a stranger.
    BurnPassword,
    /// Open an incident for a reviewer.
    OpenIncident {
        /// Its id.
        incident: IncidentId,
        /// Why.
        cause: IncidentCause,
    },
    /// Give the browser of this attempt a device cookie, a new one at each success.
    IssueDeviceCookie {
        /// Which browser.
        attempt: AttemptId,
        /// What the cookie names.
        device: DeviceId,
        /// When it expires.
        until: Timestamp,
    },
    /// Erase the key material of an authenticator that is no longer bound.
    EraseKey {
        /// Which.
        authenticator: AuthenticatorId,
    },
}

/// Why an incident was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentCause {
    /// The owner reported an attack.
    Reported,
    /// Too many wrong match codes in a row.
    WrongCodes,
    /// The owner said that a caller is not who the phone says.
    FalseCaller,
}

/// What a link "this was not me" is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disputable {
    /// Which authenticator.
    pub authenticator: AuthenticatorId,
    /// Which of its disputes: each link counts once.
    pub round: u16,
}

/// What a link in a notice stops while it waits for a second person or for its delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stoppable {
    /// A reset.
    Reset(ResetId),
    /// A change of the role.
    RoleChange(RoleChangeId),
}

impl Notice {
    /// What whoever reads it can stop.
    #[must_use]
    pub const fn stoppable(&self) -> Option<Stoppable> {
        match self {
            Self::ResetRequested { reset, .. } => Some(Stoppable::Reset(*reset)),
            Self::RoleChangeRequested { change, .. } => Some(Stoppable::RoleChange(*change)),
            Self::Bound { .. }
            | Self::DisputeSettled { .. }
            | Self::SettlementRequested { .. }
            | Self::UnexpectedPrompt
            | Self::SuccessAfterFailures
            | Self::CodeFromAfar
            | Self::Reported
            | Self::FalseCaller
            | Self::PushSuspended
            | Self::PushRestored
            | Self::Invalidated { .. }
            | Self::Disabled { .. }
            | Self::Recovered
            | Self::AddressesChanged
            | Self::ResetCancelled
            | Self::ResetDone
            | Self::RoleChangeCancelled
            | Self::RoleChanged { .. }
            | Self::RestoredFromCopy => None,
        }
    }

    /// What whoever reads it can say that they did not do.
    #[must_use]
    pub const fn disputable(&self) -> Option<Disputable> {
        match self {
            Self::Bound { authenticator, .. } => {
                Some(Disputable { authenticator: *authenticator, round: 0 })
            }
            Self::DisputeSettled { link, .. } => *link,
            Self::SettlementRequested { link, .. } => Some(*link),
            Self::UnexpectedPrompt
            | Self::SuccessAfterFailures
            | Self::CodeFromAfar
            | Self::Reported
            | Self::FalseCaller
            | Self::PushSuspended
            | Self::PushRestored
            | Self::Invalidated { .. }
            | Self::Disabled { .. }
            | Self::Recovered
            | Self::AddressesChanged
            | Self::ResetRequested { .. }
            | Self::ResetCancelled
            | Self::ResetDone
            | Self::RoleChangeRequested { .. }
            | Self::RoleChangeCancelled
            | Self::RoleChanged { .. }
            | Self::RestoredFromCopy => None,
        }
    }
}

/// What a notice tells. Each notice says what to do if it was not the subscriber.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// A stranger knew the password and was denied or not answered. At most once a day.
    UnexpectedPrompt,
    /// Somebody failed several times and then succeeded.
    SuccessAfterFailures,
    /// The right code was typed, but too far from the browser that showed it: nobody got in. A page or a
    /// caller in between looks like this.
    CodeFromAfar,
    /// An attack was reported; push is suspended.
    Reported,
    /// The owner said that a caller is not who the phone says; an incident is open.
    FalseCaller,
    /// Push was suspended for wrong codes.
    PushSuspended,
    /// Push works again.
    PushRestored,
    /// An authenticator was bound. It comes with a link that disputes it.
    Bound {
        /// Its kind.
        kind: AuthenticatorKind,
        /// Which.
        authenticator: AuthenticatorId,
        /// What whoever bound it calls it.
        #[serde(default, skip_serializing_if = "Text::is_empty")]
        label: Text,
        /// When. Not in notices from before this was written down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Timestamp>,
    },
    /// An authenticator that somebody had disputed answers again.
    DisputeSettled {
        /// Its kind.
        kind: AuthenticatorKind,
        /// What a link in it disputes once more; none if the owner settled it themselves.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<Disputable>,
    },
    /// The help desk is about to let a disputed authenticator answer again. It comes with a link that
    /// stops it.
    SettlementRequested {
        /// Its kind.
        kind: AuthenticatorKind,
        /// What the link disputes once more.
        link: Disputable,
        /// When one person alone can go on.
        ready_at: Timestamp,
    },
    /// An authenticator was untied.
    Invalidated {
        /// Its kind.
        kind: AuthenticatorKind,
    },
    /// Too many failures disabled an authenticator.
    Disabled {
        /// Its kind.
        kind: AuthenticatorKind,
    },
    /// The account was recovered.
    Recovered,
    /// The notice addresses changed.
    AddressesChanged,
    /// The help desk wants to reset all authenticators. It comes with a link that stops it.
    ResetRequested {
        /// Which.
        reset: ResetId,
        /// When one person alone can go on.
        ready_at: Timestamp,
    },
    /// A reset was stopped.
    ResetCancelled,
    /// All authenticators were reset.
    ResetDone,
    /// The help desk wants that somebody need not use passkeys any more. It comes with a link that stops it.
    RoleChangeRequested {
        /// Which.
        change: RoleChangeId,
        /// When one person alone can go on.
        ready_at: Timestamp,
    },
    /// A change of the role was stopped.
    RoleChangeCancelled,
    /// The role changed.
    RoleChanged {
        /// Whether only passkeys sign in from now on.
        administrator: bool,
    },
    /// The service lost what happened of late: what its owner did since then has to be done again.
    RestoredFromCopy,
}
