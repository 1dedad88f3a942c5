//! What is written down about every outcome, and how the detection engine sees it.

use pushback_model::{EventKind, Factor, Timestamp};
use serde::{Deserialize, Serialize};

use crate::authenticator::AuthenticatorKind;
use crate::effect::{EffectKey, IncidentCause};
use crate::id::{
    AddressId, AttemptId, AuthenticatorId, CallerCheckId, DeviceId, IncidentId, OperatorId,
    PromptId, ResetId, RoleChangeId,
};
use crate::outcome::{Assurance, PromptEnd, Reason, Ring};
use crate::risk::Risk;

/// One line of the audit trail. It holds no code and no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Subscriber, revision and place within the decision; never given twice.
    pub id: EffectKey,
    /// When, by the document's clock, which never goes back.
    pub at: Timestamp,
    /// When, by the clock of the node that decided.
    pub node_at: Timestamp,
    /// Who caused it.
    pub by: Actor,
    /// What happened.
    pub what: Happened,
}

/// Who caused something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A claimant from a browser that is not known.
    Stranger,
    /// A claimant from a known device.
    KnownDevice(DeviceId),
    /// The app on this phone.
    Phone(AuthenticatorId),
    /// The subscriber, proven.
    Subscriber,
    /// The owner of a notice address.
    Address(AddressId),
    /// A help-desk person or administrator.
    Operator(OperatorId),
    /// The relying party or the directory.
    RelyingParty,
    /// Time.
    Clock,
}

/// Why an attempt got no prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// It may ask again later.
    Wait,
    /// Only a passkey gets in.
    PasskeyOnly,
    /// It was refused.
    Refused,
}

/// What somebody wanted to change and could not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Issue a binding code.
    BindingCode,
    /// Bind.
    Bind,
    /// Invalidate.
    Invalidate,
    /// Change notice addresses.
    Addresses,
    /// Send a code to an address.
    AddressCode,
    /// Recover the account.
    Recovery,
    /// Ask for a reset.
    ResetRequest,
    /// Confirm a reset.
    ResetConfirm,
    /// Cancel a reset.
    ResetCancel,
    /// Restore push.
    RestorePush,
    /// Close the incident.
    CloseIncident,
    /// Forget a device.
    ForgetDevice,
    /// Start a caller check.
    CallerCheck,
    /// Answer a caller check.
    CallerAnswer,
    /// Report.
    Report,
    /// Open the app.
    OpenApp,
    /// Cancel an attempt.
    CancelAttempt,
    /// Dispute a binding.
    Dispute,
    /// Let a disputed authenticator answer again.
    SettleDispute,
    /// Change the role, or stop that.
    Role,
}

/// How a caller check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerEnd {
    /// The subscriber confirmed.
    Verified,
    /// The subscriber said it is not them.
    NotThem,
    /// Nobody answered in time.
    Expired,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are ids and values documented at their types")]
pub enum Happened {
    /// A prompt was made.
    PromptMade { prompt: PromptId, attempt: AttemptId, ring: Ring, risk: Risk },
    /// The same attempt asked again and was told the same.
    AttemptRepeated { attempt: AttemptId },
    /// An attempt got no prompt.
    AttemptHeld {
        attempt: AttemptId,
        held: Held,
        reason: Reason,
        until: Option<Timestamp>,
        risk: Risk,
    },
    /// A prompt ended. `rang` tells whether a phone had rung for it.
    PromptEnded { prompt: PromptId, attempt: AttemptId, end: PromptEnd, rang: bool },
    /// A wrong code was typed on the phone.
    WrongCode { prompt: PromptId, authenticator: AuthenticatorId, tries_left: u8 },
    /// An answer of the phone was not taken.
    AnswerIgnored { prompt: PromptId, reason: Reason },
    /// The subscriber has proven themselves.
    Succeeded {
        attempt: AttemptId,
        kind: AuthenticatorKind,
        authenticator: AuthenticatorId,
        assurance: Assurance,
        device: Option<DeviceId>,
    },
    /// A proof other than a prompt was not taken.
    ProofRefused { attempt: AttemptId, kind: AuthenticatorKind, reason: Reason },
    /// The app was opened.
    AppOpened { authenticator: AuthenticatorId },
    /// The owner reported an attack.
    Reported { someone_called: bool, typed_password: bool, gave_a_code: bool },
    /// Push was suspended.
    PushSuspended { cause: IncidentCause },
    /// Push works again.
    PushRestored,
    /// Relying parties are to end sessions that began at `since` or later; all of them without.
    SessionsEnded { since: Option<Timestamp> },
    /// The password is known to a stranger.
    PasswordBurned,
    /// The password was changed.
    PasswordChanged,
    /// An incident was opened.
    IncidentOpened { incident: IncidentId, cause: IncidentCause },
    /// The incident was closed.
    IncidentClosed { incident: IncidentId },
    /// A binding code was issued.
    BindingCodeIssued { kind: AuthenticatorKind },
    /// An authenticator was bound.
    Bound { authenticator: AuthenticatorId, kind: AuthenticatorKind },
    /// An authenticator was untied.
    Invalidated { authenticator: AuthenticatorId, kind: AuthenticatorKind },
    /// Somebody said that the owner did not bind an authenticator; it is suspended.
    Disputed { authenticator: AuthenticatorId, kind: AuthenticatorKind },
    /// An operator asked that it answers again.
    SettlementRequested { authenticator: AuthenticatorId, kind: AuthenticatorKind },
    /// That was stopped, or nobody confirmed it in time.
    SettlementCancelled { authenticator: AuthenticatorId },
    /// It answers again.
    DisputeSettled { authenticator: AuthenticatorId, kind: AuthenticatorKind },
    /// Too many failures disabled an authenticator.
    Disabled { authenticator: AuthenticatorId, kind: AuthenticatorKind },
    /// The notice addresses changed.
    AddressesChanged { count: usize },
    /// An operator asked that the role changes.
    RoleChangeRequested { change: RoleChangeId },
    /// That was stopped, or nobody confirmed it in time.
    RoleChangeCancelled { change: RoleChangeId },
    /// The role changed.
    RoleChanged { administrator: bool },
    /// A code went to an address.
    AddressCodeIssued { address: AddressId },
    /// The account was recovered.
    Recovered { attempt: AttemptId },
    /// A reset was asked for.
    ResetRequested { reset: ResetId },
    /// A reset was stopped, or nobody confirmed it in time.
    ResetCancelled { reset: ResetId },
    /// All authenticators were reset.
    ResetDone { reset: ResetId },
    /// A caller check was started.
    CallerCheckStarted { check: CallerCheckId, ring: Ring },
    /// A caller check ended.
    CallerCheckEnded { check: CallerCheckId, end: CallerEnd },
    /// A device is known no longer.
    DeviceForgotten { device: DeviceId },
    /// A change was refused.
    ChangeRefused { change: Change, reason: Reason },
    /// The node's clock was behind the document's by more than is tolerated.
    ClockWentBack { by_millis: i64 },
    /// An administrator set the document's clock right.
    ClockSetRight,
    /// The state was put back from a copy: so much ended that may have been used since.
    RestoredFromCopy { prompts: usize, codes: usize, devices: usize, recovery_codes: usize },
    /// Time passed and nothing was due.
    Ticked,
}

impl Happened {
    /// What the detection engine should read: the kind of event and the factor it is about.
    ///
    /// `None` for house-keeping that says nothing about who is signing in. A quiet prompt is a
    /// demand for a factor, not a prompt that rang, and its silence is nobody's.
    pub(crate) const fn event(&self) -> Option<(EventKind, Factor)> {
        let event = match self {
            Self::PromptMade { ring: Ring::Rang, .. } => (EventKind::PromptSent, Factor::Push),
            Self::PromptMade { ring: Ring::Replaced | Ring::Quiet(_), .. } => {
                (EventKind::ChallengeRequired, Factor::Push)
            }
            Self::AttemptHeld { held: Held::Wait, .. } => (EventKind::RateLimited, Factor::Push),
            Self::AttemptHeld { held: Held::PasskeyOnly, .. } => {
                (EventKind::ChallengeRequired, Factor::Passkey)
            }
            Self::AttemptHeld { held: Held::Refused, .. } => {
                (EventKind::PolicyRefused, Factor::Push)
            }
            Self::PromptEnded { end, rang, .. } => match (*end, *rang) {
                (PromptEnd::Approved, _) => (EventKind::PromptApproved, Factor::Push),
                (PromptEnd::Denied, _) => (EventKind::PromptDenied, Factor::Push),
                (PromptEnd::Reported, _) => (EventKind::PromptReported, Factor::Push),
                (PromptEnd::Mismatched, _) => (EventKind::PromptMismatched, Factor::Push),
                (PromptEnd::Expired | PromptEnd::ClockWentBack, true) => {
                    (EventKind::PromptTimedOut, Factor::Push)
                }
                (PromptEnd::SteppedUp, _) => (EventKind::ChallengeRequired, Factor::Passkey),
                (PromptEnd::Expired | PromptEnd::ClockWentBack, false)
                | (PromptEnd::Overtaken | PromptEnd::TakenOver | PromptEnd::Cancelled, _) => {
                    return None;
                }
            },
            // The prompt's own end says approved; a second success of the same attempt would count
            // twice.
            Self::Succeeded { kind: AuthenticatorKind::Phone, .. } => return None,
            Self::Succeeded { kind, .. } => (EventKind::FactorVerified, kind.factor()),
            Self::WrongCode { .. } => (EventKind::FactorFailed, Factor::Push),
            Self::ProofRefused { kind, .. } => (EventKind::FactorFailed, kind.factor()),
            Self::Reported { .. } => (EventKind::PromptReported, Factor::Push),
            Self::PushSuspended { .. } => (EventKind::LockedOut, Factor::Push),
            Self::PushRestored => (EventKind::Unlocked, Factor::Push),
            Self::PasswordChanged => (EventKind::PasswordChanged, Factor::Password),
            Self::Bound { kind, .. } => (EventKind::FactorEnrolled, kind.factor()),
            Self::Invalidated { kind, .. } => (EventKind::FactorRemoved, kind.factor()),
            Self::Disabled { kind, .. } | Self::Disputed { kind, .. } => {
                (EventKind::LockedOut, kind.factor())
            }
            Self::DisputeSettled { kind, .. } => (EventKind::Unlocked, kind.factor()),
            Self::AddressesChanged { .. } => (EventKind::RecoveryChanged, Factor::Email),
            Self::RoleChanged { administrator: true } => (EventKind::RoleAssigned, Factor::Unknown),
            Self::Recovered { .. } => (EventKind::FactorVerified, Factor::RecoveryCode),
            Self::ResetDone { .. } => (EventKind::FactorReset, Factor::Unknown),
            Self::ChangeRefused { change: Change::Recovery, .. } => {
                (EventKind::FactorFailed, Factor::RecoveryCode)
            }
            Self::RoleChanged { administrator: false }
            | Self::ChangeRefused { .. }
            | Self::AttemptRepeated { .. }
            | Self::AnswerIgnored { .. }
            | Self::AppOpened { .. }
            | Self::SessionsEnded { .. }
            | Self::PasswordBurned
            | Self::IncidentOpened { .. }
            | Self::IncidentClosed { .. }
            | Self::BindingCodeIssued { .. }
            | Self::SettlementRequested { .. }
            | Self::SettlementCancelled { .. }
            | Self::AddressCodeIssued { .. }
            | Self::ResetRequested { .. }
            | Self::ResetCancelled { .. }
            | Self::RoleChangeRequested { .. }
            | Self::RoleChangeCancelled { .. }
            | Self::CallerCheckStarted { .. }
            | Self::CallerCheckEnded { .. }
            | Self::DeviceForgotten { .. }
            | Self::ClockWentBack { .. }
            | Self::ClockSetRight
            | Self::RestoredFromCopy { .. }
            | Self::Ticked => return None,
        };
        Some(event)
    }

    /// The attempt that it belongs to, if any.
    #[must_use]
    pub const fn attempt(&self) -> Option<&AttemptId> {
        match self {
            Self::PromptMade { attempt, .. }
            | Self::AttemptRepeated { attempt }
            | Self::AttemptHeld { attempt, .. }
            | Self::PromptEnded { attempt, .. }
            | Self::Succeeded { attempt, .. }
            | Self::ProofRefused { attempt, .. }
            | Self::Recovered { attempt } => Some(attempt),
            Self::WrongCode { .. }
            | Self::AnswerIgnored { .. }
            | Self::AppOpened { .. }
            | Self::Reported { .. }
            | Self::PushSuspended { .. }
            | Self::PushRestored
            | Self::SessionsEnded { .. }
            | Self::PasswordBurned
            | Self::PasswordChanged
            | Self::IncidentOpened { .. }
            | Self::IncidentClosed { .. }
            | Self::BindingCodeIssued { .. }
            | Self::Bound { .. }
            | Self::Invalidated { .. }
            | Self::Disabled { .. }
            | Self::Disputed { .. }
            | Self::SettlementRequested { .. }
            | Self::SettlementCancelled { .. }
            | Self::DisputeSettled { .. }
            | Self::AddressesChanged { .. }
            | Self::RoleChangeRequested { .. }
            | Self::RoleChangeCancelled { .. }
            | Self::RoleChanged { .. }
            | Self::AddressCodeIssued { .. }
            | Self::ResetRequested { .. }
            | Self::ResetCancelled { .. }
            | Self::ResetDone { .. }
            | Self::CallerCheckStarted { .. }
            | Self::CallerCheckEnded { .. }
            | Self::DeviceForgotten { .. }
            | Self::ChangeRefused { .. }
            | Self::ClockWentBack { .. }
            | Self::ClockSetRight
            | Self::RestoredFromCopy { .. }
            | Self::Ticked => None,
        }
    }
}
