//! Everything that can happen to a subscriber.

use crate::authenticator::AuthenticatorKind;
use crate::code::CodeDigest;
use crate::context::Purpose;
use crate::fact::{
    AddressProof, CertificateProof, DisputeLink, KnownDeviceProof, NewAuthenticator, Notes,
    OperatorProof, PasskeyAssertion, PhoneAnswer, PhoneContact, TotpEntry,
};
use crate::id::{
    AddressId, AttemptId, AuthenticatorId, CallerCheckId, DeviceId, RelyingPartyId, ResetId,
    RoleChangeId,
};
use crate::requester::Requester;
use crate::text::Text;

/// One sign-in on the primary channel, as the shell saw it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its name; asking twice with one name is asking once.
    pub id: AttemptId,
    /// What it would allow.
    pub purpose: Purpose,
    /// The application that asked.
    pub relying_party: RelyingPartyId,
    /// Its name, for the phone.
    pub relying_party_name: Text,
    /// Who asks.
    pub requester: Requester,
    /// The device cookie, if there was a right one. `None` is a stranger.
    pub device: Option<KnownDeviceProof>,
    /// What the relying party accepts.
    pub accepts: Accepts,
    /// Other subscribers for whom the same source asked in the last hour.
    pub others_asked: u16,
}

/// What a relying party accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Any authenticator that may sign in.
    Any,
    /// Passkeys and client certificates only.
    PhishingResistant,
    /// What a phone answers only: nothing that is proven in the browser would come back.
    PhoneOnly,
}

impl Accepts {
    pub(crate) const fn only_phishing_resistant(self) -> bool {
        matches!(self, Self::PhishingResistant)
    }
}

/// In whose name an authenticator, an address or the push service is changed.
#[derive(Clone, Debug)]
pub enum Authority {
    /// The subscriber, who has just succeeded in this attempt ([`Purpose::ManageAuthenticators`])
    /// with the highest assurance that they have.
    Subscriber(AttemptId),
    /// The subscriber, who has just recovered the account in this attempt.
    Recovered(AttemptId),
    /// An operator.
    Operator(OperatorProof),
}

/// One of the two proofs of a recovery (SP 800-63B-4, 4.2.2.2).
#[derive(Clone, Debug)]
pub enum RecoveryEvidence {
    /// A saved recovery code, as the shell's digest of what was typed.
    SavedCode(CodeDigest),
    /// The code that was sent to a recovery address, as a digest of what was typed.
    AddressCode(CodeDigest),
    /// A success in an attempt of [`Purpose::Recovery`], with an authenticator that is still bound.
    Success(AttemptId),
}

/// Who reports an attack.
#[derive(Clone, Debug)]
pub enum Reporter {
    /// The app, without an open prompt.
    Phone(PhoneContact),
    /// The link "this wasn't me" in a notice.
    Address(AddressProof),
    /// The help desk, on a call.
    Operator(OperatorProof),
}

/// Who stops what waits for a second person.
pub type Canceller = Reporter;

/// What the subscriber says about a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerAnswer {
    /// "I am talking to this person, and they say the code that I see."
    CodesMatch,
    /// "I am not, or they do not."
    NotThem,
}

/// Everything that can happen. None of them approves anything without a code, a passkey or a
/// certificate.
#[derive(Clone, Debug)]
pub enum Command {
    /// A relying party, or one of our own pages, starts an attempt and would like a prompt.
    StartAttempt(Attempt),
    /// The relying party gives an attempt up.
    CancelAttempt(AttemptId),
    /// The phone answers a prompt.
    AnswerPrompt(PhoneAnswer),
    /// The phone was opened; a quiet prompt may be shown there.
    OpenApp(PhoneContact),
    /// A passkey was used for an attempt.
    ProvePasskey(Attempt, PasskeyAssertion),
    /// A time-based code was typed for an attempt.
    ProveTotp(Attempt, TotpEntry),
    /// A client certificate was presented for an attempt.
    ProveCertificate(Attempt, CertificateProof),
    /// The owner reports an attack outside of a prompt.
    Report(Reporter, Notes),
    /// Somebody who read the notice of a binding says that its owner did not make it.
    Dispute(DisputeLink),
    /// The help desk says so for an owner who cannot: what is in a thief's hands answers nothing and
    /// reports nothing until it is settled.
    DisputeForOwner(OperatorProof, AuthenticatorId),
    /// A disputed authenticator may answer again.
    SettleDispute {
        /// In whose name.
        authority: Authority,
        /// Which.
        authenticator: AuthenticatorId,
    },
    /// Push is to work again after a suspension.
    RestorePush(Authority),
    /// A reviewer has dealt with the incident.
    CloseIncident(OperatorProof),
    /// The directory says that the password was changed.
    PasswordChanged,
    /// A binding code was drawn and will be shown.
    IssueBindingCode {
        /// In whose name.
        authority: Authority,
        /// What may be bound with it.
        kind: AuthenticatorKind,
        /// Digest of the code.
        code: CodeDigest,
    },
    /// A new authenticator presents a binding code.
    Bind {
        /// Digest of the code that was typed or scanned.
        code: CodeDigest,
        /// The authenticator.
        authenticator: NewAuthenticator,
        /// What its owner calls it.
        label: Text,
    },
    /// An authenticator is untied.
    Invalidate {
        /// In whose name.
        authority: Authority,
        /// Which.
        authenticator: AuthenticatorId,
    },
    /// The notice addresses change; both the old and the new ones are told.
    SetAddresses {
        /// In whose name.
        authority: Authority,
        /// The new ones, confirmed by the shell.
        addresses: Vec<AddressId>,
    },
    /// The role changes: to administer something at once, to administer nothing after a second person has
    /// said so too, or the same one after the delay.
    SetRole(OperatorProof, Role),
    /// The owner or the help desk stops a change of the role.
    CancelRoleChange(Canceller, RoleChangeId),
    /// A recovery code is being sent to an address.
    IssueAddressCode {
        /// Where to.
        address: AddressId,
        /// Digest of the code.
        code: CodeDigest,
    },
    /// The account is to be recovered.
    Recover {
        /// The attempt, for its requester and device.
        attempt: Attempt,
        /// One proof.
        first: RecoveryEvidence,
        /// Another one, by a different method.
        second: RecoveryEvidence,
    },
    /// The help desk asks for a reset of all authenticators.
    RequestReset(OperatorProof),
    /// The help desk confirms a reset: a second person at once, the same one after the delay.
    ConfirmReset(OperatorProof, ResetId),
    /// The owner or the help desk stops a reset.
    CancelReset(Canceller, ResetId),
    /// A help-desk person and the subscriber are on a call and want to know each other.
    StartCallerCheck(OperatorProof),
    /// The phone says whether caller and code fit.
    AnswerCallerCheck(PhoneContact, CallerCheckId, CallerAnswer),
    /// A known device is known no longer.
    ForgetDevice(Authority, DeviceId),
    /// An administrator says that the clock is right now, after one had run ahead.
    SetClockRight(OperatorProof),
    /// The state was put back from a copy.
    Restored {
        /// Who put it back.
        operator: OperatorProof,
        /// The last step of time-based codes whose code may have been used.
        totp_step: u64,
    },
    /// Nothing happened but time.
    Tick,
}

/// What a subscriber may do elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// No special rights.
    #[default]
    Member,
    /// Administers something: signs in with passkeys only.
    Administrator,
}
