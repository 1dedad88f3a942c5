//! What was decided, and why.

use pushback_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::authenticator::AuthenticatorKind;
use crate::code::{CallerCode, MatchCode};
use crate::id::{
    AttemptId, AuthenticatorId, CallerCheckId, DeviceId, IncidentId, PromptId, ResetId,
    RoleChangeId,
};

/// The answer to a command.
#[derive(Clone, Debug)]
#[must_use]
pub enum Outcome {
    /// There is a prompt. Show the code on the sign-in screen and wait.
    Prompted(Prompted),
    /// Ask again from `until` on. Nothing rings, nothing is queued.
    Wait {
        /// The first instant at which asking again can help.
        until: Timestamp,
        /// Why.
        reason: Reason,
        /// What works meanwhile.
        alternatives: Alternatives,
    },
    /// No prompt: only a passkey (or a client certificate) gets in.
    PasskeyOnly {
        /// Why.
        reason: Reason,
        /// What works.
        alternatives: Alternatives,
    },
    /// No.
    Refused {
        /// Why.
        reason: Reason,
    },
    /// No, but from `until` on.
    RefusedUntil {
        /// Why.
        reason: Reason,
        /// The first instant at which asking again can help.
        until: Timestamp,
    },
    /// The subscriber has proven themselves.
    Verified(Verified),
    /// The code was wrong; so many tries are left for this prompt.
    WrongCode {
        /// At least one.
        tries_left: u8,
    },
    /// The prompt has ended without success.
    Ended(PromptEnd),
    /// The attempt or prompt had ended before; nothing changed. A success is not given twice.
    AlreadyOver(PromptEnd),
    /// It is taken and an incident is open. After a report push is suspended and the password
    /// marked too; after a false caller they are not.
    Reported {
        /// The incident.
        incident: IncidentId,
    },
    /// The phone is open; this prompt waits for its code, if any.
    App {
        /// The open prompt, rung or quiet.
        waiting: Option<PromptId>,
    },
    /// The binding code may be shown.
    BindingCode {
        /// From then on it is worthless.
        expires_at: Timestamp,
    },
    /// The authenticator is bound. Keep its key under this id.
    Bound {
        /// The new id.
        authenticator: AuthenticatorId,
    },
    /// The account is recovered: an authenticator may be bound until then.
    Recovered {
        /// From then on the grant is worthless.
        until: Timestamp,
    },
    /// A reset waits for a second person or for this instant.
    ResetPending {
        /// Which.
        reset: ResetId,
        /// From then on the same person can confirm.
        ready_at: Timestamp,
    },
    /// A change of the role waits for a second person or for this instant.
    RoleChangePending {
        /// Which.
        change: RoleChangeId,
        /// From then on the same person can confirm.
        ready_at: Timestamp,
    },
    /// What was disputed waits for a second person or for this instant before it answers again.
    SettlementPending {
        /// From then on the same person can confirm.
        ready_at: Timestamp,
    },
    /// A caller check is open: show the code to the help-desk person.
    CallerCheck {
        /// Which.
        check: CallerCheckId,
        /// The code that the phone shows too.
        code: CallerCode,
        /// From then on it is worthless.
        expires_at: Timestamp,
        /// Whether the phone rang.
        ring: Ring,
    },
    /// The subscriber confirmed the caller: each knows the other.
    CallerVerified,
    /// Done.
    Done,
}

/// An open prompt, for the sign-in screen.
#[derive(Clone, Debug)]
pub struct Prompted {
    /// Which.
    pub prompt: PromptId,
    /// The code to show on the sign-in screen, and nowhere else.
    pub code: MatchCode,
    /// From then on it is worthless.
    pub expires_at: Timestamp,
    /// Whether the phone rang.
    pub ring: Ring,
    /// What else works.
    pub alternatives: Alternatives,
}

/// Whether a phone rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ring {
    /// It rings.
    Rang,
    /// It had rung for the prompt that this one replaces; it shows the new one without a sound.
    Replaced,
    /// It does not: the owner opens the app and types the code there.
    Quiet(Reason),
}

/// What an attempt can do instead of ringing. None of it can disturb anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alternatives {
    /// A passkey is bound.
    pub passkey: bool,
    /// A time-based code may be typed.
    pub totp: bool,
    /// The owner may open the app.
    pub open_app: bool,
}

/// A success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The attempt that succeeded.
    pub attempt: AttemptId,
    /// With what.
    pub kind: AuthenticatorKind,
    /// Which one.
    pub authenticator: AuthenticatorId,
    /// The browser or device that is known from now on; none for a machine with a certificate.
    pub device: Option<DeviceId>,
    /// How sure it is.
    pub assurance: Assurance,
}

/// Assurance of a second factor after a first one elsewhere (SP 800-63B-4, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// Two factors; not resistant to phishing.
    Aal2,
    /// Two factors, resistant to phishing (a syncable passkey, a client certificate).
    Aal2PhishingResistant,
    /// A device-bound passkey with user verification.
    Aal3,
}

/// How a prompt ended. Every prompt ends in exactly one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptEnd {
    /// The right code was typed on the phone.
    Approved,
    /// The attempt succeeded another way: passkey, time-based code, certificate, recovery.
    Overtaken,
    /// "No, this isn't me."
    Denied,
    /// Denied and reported, on this prompt or elsewhere.
    Reported,
    /// Too many wrong codes; counts as a denial.
    Mismatched,
    /// Nobody answered in time.
    Expired,
    /// A clock went back while it was open; nobody can say how old it is.
    ClockWentBack,
    /// An attempt of the same known device or phone, or of one where a stranger had asked, took its place.
    TakenOver,
    /// The relying party gave up, or the account changed under it.
    Cancelled,
    /// The code was right, the circumstances were not: only a passkey gets in.
    SteppedUp,
}

/// Why something is not done, or done more quietly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Another prompt is open.
    AnotherPromptOpen,
    /// The phone has rung as often as it may.
    BudgetSpent,
    /// The owner has just said no to a stranger.
    StrangersMuted,
    /// This bucket has failed too often and waits.
    TooManyFailures,
    /// The evidence speaks against the owner.
    RiskHigh,
    /// Push was suspended by a report or too many wrong codes.
    PushSuspended,
    /// Administrators use passkeys.
    AdministratorNeedsPasskey,
    /// The relying party accepts nothing that can be phished.
    RelyingPartyNeedsPasskey,
    /// No phone is bound.
    NoPhone,
    /// The document's time is ahead of the node's: a clock ran ahead, or is late.
    ClockAhead,
    /// The random bytes are unusable.
    RandomnessUnusable,
    /// The fact is about another subscriber or another attempt.
    WrongSubject,
    /// No such authenticator, or of another kind.
    NotBound,
    /// Too many failures disabled the authenticator; it has to be bound anew.
    AuthenticatorDisabled,
    /// The phone showed something else than what was asked.
    ContextMismatch,
    /// There is no such prompt, check or reset.
    NotFound,
    /// The owner denied or reported this attempt.
    AttemptDenied,
    /// The passkey did not verify its user.
    UserNotVerified,
    /// A code or one of two proofs was wrong. It is not said which.
    WrongProof,
    /// The code was used before.
    CodeReused,
    /// The code or grant is too old, or there is none.
    CodeExpired,
    /// An incident is open.
    IncidentOpen,
    /// Nothing shows that this change may be made now.
    NotAuthorised,
    /// The subscriber has something stronger and must use it.
    WeakAuthority,
    /// Two notice addresses are needed.
    NeedsTwoAddresses,
    /// A bound is reached: so many authenticators, codes or addresses at most.
    TooMany,
    /// This key is bound already.
    AlreadyBound,
    /// It is the last one; a reset by the help desk can do it.
    LastAuthenticator,
    /// Everything else that signs in is newer and has not been bound for long enough to stand alone.
    OthersTooNew,
    /// A second person is needed, or the delay has not passed.
    NeedsAnotherPerson,
    /// The two proofs must be of different kinds.
    SameMethod,
    /// Something of this kind is pending.
    AlreadyPending,
    /// Somebody said that its owner did not bind the authenticator; the help desk can settle it.
    AuthenticatorDisputed,
    /// The policy takes no authenticator of this kind.
    KindNotTaken,
    /// The relying party that asked is one no longer.
    ApplicationRemoved,
    /// So many in a day at most.
    TooOften,
    /// A phone asked for it, so one is in a hand already.
    AskedByPhone,
}

impl Reason {
    /// A sentence for the person who is refused. It reveals nothing that they could not see.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::AnotherPromptOpen => "another sign-in is waiting for an answer",
            Self::BudgetSpent => "the phone has rung often enough; open the app yourself",
            Self::StrangersMuted => "a sign-in was just denied; open the app yourself",
            Self::TooManyFailures => "too many tries failed; wait, or use a passkey",
            Self::RiskHigh => "this sign-in looks unusual; use a passkey",
            Self::PushSuspended => "prompts are suspended; use a passkey, or call the help desk",
            Self::AdministratorNeedsPasskey => "administrators sign in with a passkey",
            Self::RelyingPartyNeedsPasskey => "this application asks for a passkey",
            Self::NoPhone => "no phone is bound",
            Self::ClockAhead => {
                "a clock of this service was wrong; use a passkey, or call the help desk"
            }
            Self::RandomnessUnusable => "no code could be made; try again",
            Self::WrongSubject => "this proof belongs to something else",
            Self::NotBound => "this authenticator is not bound",
            Self::AuthenticatorDisabled => "this authenticator was disabled; bind it anew",
            Self::ContextMismatch => "the phone showed something else; reload and try again",
            Self::NotFound => "there is nothing like this to answer",
            Self::AttemptDenied => "this sign-in was denied",
            Self::UserNotVerified => "the passkey did not check who you are",
            Self::WrongProof => "that did not match",
            Self::CodeReused => "this code was used before; wait for the next one",
            Self::CodeExpired => "the code is too old; get a new one",
            Self::IncidentOpen => "an incident is open; call the help desk",
            Self::NotAuthorised => "confirm that it is you first",
            Self::WeakAuthority => "confirm with your strongest authenticator",
            Self::NeedsTwoAddresses => "two addresses for notices are needed",
            Self::TooMany => "there are too many already",
            Self::AlreadyBound => "this key is bound already",
            Self::LastAuthenticator => "this is the last one; call the help desk",
            Self::OthersTooNew => {
                "what would be left is too new to stand alone; wait until it is not, or call the help desk"
            }
            Self::NeedsAnotherPerson => "a second person has to confirm, or the delay to pass",
            Self::SameMethod => "two different proofs are needed",
            Self::AlreadyPending => "one is pending already",
            Self::AuthenticatorDisputed => {
                "somebody said that this was not bound by its owner; call the help desk"
            }
            Self::KindNotTaken => "this is not taken here; use your phone or a passkey",
            Self::ApplicationRemoved => "the application was removed",
            Self::TooOften => "this was done often enough in the last day",
            Self::AskedByPhone => "a phone asked for this; open the app there",
        }
    }
}
