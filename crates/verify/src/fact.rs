//! Facts that the shell has checked and hands over.
//!
//! Each is made by a constructor that says what was checked; there is no other way to get one, and
//! the commands take nothing weaker. A fact names its subscriber: applied to another one's document
//! it is refused. Signatures, MACs and hashes themselves are the shell's business.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::authenticator::PasskeySync;
use crate::code::{CodeDigest, EnteredCode};
use crate::effect::Disputable;
use crate::id::{
    AddressId, AttemptId, AuthenticatorId, DeviceId, OperatorId, PromptId, SubscriberId,
};
use crate::requester::Requester;
use crate::text::Text;

/// That the attempt comes from something of this subscriber's own.
#[derive(Clone, Debug)]
pub struct KnownDeviceProof {
    pub(crate) subscriber: SubscriberId,
    pub(crate) own: Own,
}

/// What an attempt comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// A browser with its device cookie.
    Device(DeviceId),
    /// A bound phone.
    Phone(AuthenticatorId),
}

impl KnownDeviceProof {
    /// The shell verified the cookie's MAC and read both ids out of what it covers.
    #[must_use]
    pub const fn mac_verified(subscriber: SubscriberId, device: DeviceId) -> Self {
        Self { subscriber, own: Own::Device(device) }
    }

    /// The shell verified that a bound phone's key signed the request.
    #[must_use]
    pub const fn phone_signed(subscriber: SubscriberId, phone: AuthenticatorId) -> Self {
        Self { subscriber, own: Own::Phone(phone) }
    }
}

/// What the phone says to a prompt. There is no way to say yes without the code.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The code that the sign-in screen shows, typed on the phone.
    Code(EnteredCode),
    /// "No, this isn't me."
    Deny,
    /// "No, and I report it."
    Report(Notes),
}

/// What the subscriber adds to a report. Any, all or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// "Someone called or wrote to me."
    pub someone_called: bool,
    /// "I typed my password on a page."
    pub typed_password: bool,
    /// "I read a code to someone or typed one for them."
    pub gave_a_code: bool,
}

impl Notes {
    /// Both together.
    pub(crate) const fn and(self, more: Self) -> Self {
        Self {
            someone_called: self.someone_called || more.someone_called,
            typed_password: self.typed_password || more.typed_password,
            gave_a_code: self.gave_a_code || more.gave_a_code,
        }
    }
}

/// An answer that the phone's key has signed, together with what the phone showed.
#[derive(Clone)]
pub struct PhoneAnswer {
    pub(crate) subscriber: SubscriberId,
    pub(crate) authenticator: AuthenticatorId,
    pub(crate) prompt: PromptId,
    pub(crate) shown: Vec<u8>,
    pub(crate) phone: Requester,
    pub(crate) answer: Answer,
}

impl fmt::Debug for PhoneAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhoneAnswer")
            .field("authenticator", &self.authenticator)
            .field("prompt", &self.prompt)
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}

impl PhoneAnswer {
    /// The shell verified that the key of `authenticator` signed the answer, the prompt's id and the
    /// digest of `shown`; `shown` are the bytes ([`crate::Context::canonical_bytes`]) that it hashed
    /// to check the signature. `phone` is where the answer came from.
    #[must_use]
    pub const fn signature_verified(
        subscriber: SubscriberId,
        authenticator: AuthenticatorId,
        prompt: PromptId,
        shown: Vec<u8>,
        phone: Requester,
        answer: Answer,
    ) -> Self {
        Self { subscriber, authenticator, prompt, shown, phone, answer }
    }
}

/// The phone did something without a prompt: it was opened, reports, confirms a caller.
#[derive(Clone, Debug)]
pub struct PhoneContact {
    pub(crate) subscriber: SubscriberId,
    pub(crate) authenticator: AuthenticatorId,
    pub(crate) phone: Requester,
}

impl PhoneContact {
    /// The shell verified that the key of `authenticator` signed this very request with a challenge
    /// of its own that was not used before.
    #[must_use]
    pub const fn signature_verified(
        subscriber: SubscriberId,
        authenticator: AuthenticatorId,
        phone: Requester,
    ) -> Self {
        Self { subscriber, authenticator, phone }
    }
}

/// What the passkey's flags say about the person in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserVerification {
    /// The user-verified flag is set: a finger, a face or a PIN.
    Verified,
    /// Only the user-present flag is set: one factor, not two (SP 800-63B-4, 3.1.7.2).
    PresentOnly,
}

/// A passkey's assertion for one attempt.
#[derive(Clone, Debug)]
pub struct PasskeyAssertion {
    pub(crate) subscriber: SubscriberId,
    pub(crate) authenticator: AuthenticatorId,
    pub(crate) attempt: AttemptId,
    pub(crate) user: UserVerification,
}

impl PasskeyAssertion {
    /// The shell completed the ceremony: challenge made for `attempt` and used once, origin, RP id,
    /// flags and signature (WebAuthn level 3, 7.2).
    #[must_use]
    pub const fn ceremony_verified(
        subscriber: SubscriberId,
        authenticator: AuthenticatorId,
        attempt: AttemptId,
        user: UserVerification,
    ) -> Self {
        Self { subscriber, authenticator, attempt, user }
    }
}

/// A time-based code was typed on the primary channel and compared.
#[derive(Clone, Debug)]
pub struct TotpEntry {
    pub(crate) subscriber: SubscriberId,
    pub(crate) authenticator: AuthenticatorId,
    pub(crate) step: Option<u64>,
}

impl TotpEntry {
    /// The shell compared the code in constant time with those of the steps it accepts; `step` is
    /// the one that matched (RFC 6238's T), or `None`.
    #[must_use]
    pub const fn compared(
        subscriber: SubscriberId,
        authenticator: AuthenticatorId,
        step: Option<u64>,
    ) -> Self {
        Self { subscriber, authenticator, step }
    }
}

/// A client certificate was presented.
#[derive(Clone, Debug)]
pub struct CertificateProof {
    pub(crate) subscriber: SubscriberId,
    pub(crate) authenticator: AuthenticatorId,
}

impl CertificateProof {
    /// The handshake proved possession of the key, and its fingerprint is that of `authenticator`.
    #[must_use]
    pub const fn handshake_verified(
        subscriber: SubscriberId,
        authenticator: AuthenticatorId,
    ) -> Self {
        Self { subscriber, authenticator }
    }
}

/// A help-desk person or administrator who is signed in.
#[derive(Clone, Debug)]
pub struct OperatorProof {
    pub(crate) operator: OperatorId,
    pub(crate) name: Text,
}

impl OperatorProof {
    /// The operator's own session is fresh and was opened with a passkey. `name` is what the
    /// subscriber's phone shows when this person calls.
    #[must_use]
    pub const fn passkey_session(operator: OperatorId, name: Text) -> Self {
        Self { operator, name }
    }
}

/// Somebody followed the link in a notice.
#[derive(Clone, Debug)]
pub struct AddressProof {
    pub(crate) subscriber: SubscriberId,
    pub(crate) address: AddressId,
}

impl AddressProof {
    /// The link's MAC is right, it is not used up, and it was sent to `address`.
    #[must_use]
    pub const fn link_verified(subscriber: SubscriberId, address: AddressId) -> Self {
        Self { subscriber, address }
    }
}

/// Somebody followed the link "this was not me" in the notice of a binding.
#[derive(Clone, Debug)]
pub struct DisputeLink {
    pub(crate) subscriber: SubscriberId,
    pub(crate) authenticator: AuthenticatorId,
    pub(crate) round: u16,
    pub(crate) address: AddressId,
}

impl DisputeLink {
    /// The link's MAC is right, it is not too old, and it was sent to `address`. The address need not
    /// be on file any more: whoever binds something may change the addresses next.
    #[must_use]
    pub const fn link_verified(
        subscriber: SubscriberId,
        about: Disputable,
        address: AddressId,
    ) -> Self {
        let Disputable { authenticator, round } = about;
        Self { subscriber, authenticator, round, address }
    }
}

/// A new authenticator that has proven its key.
#[derive(Clone, Debug)]
pub enum NewAuthenticator {
    /// The app proved that it holds the key with this digest.
    Phone {
        /// Digest of the public key.
        key: CodeDigest,
    },
    /// The registration ceremony is complete, with user verification.
    Passkey {
        /// Digest of the credential id.
        key: CodeDigest,
        /// Whether it can leave its device.
        sync: PasskeySync,
    },
    /// A set of codes was drawn and shown; these are their digests.
    RecoveryCodes {
        /// At most [`crate::RECOVERY_CODES_MAX`].
        codes: Vec<CodeDigest>,
    },
    /// The subscriber typed a right code of the new secret.
    Totp {
        /// Digest of the secret.
        key: CodeDigest,
        /// The step of that code (RFC 6238's T). It is used up: it signs nobody in.
        step: u64,
    },
    /// The subscriber named it; possession of its key is proven whenever it is used.
    Certificate {
        /// Digest of its public key.
        key: CodeDigest,
    },
}
