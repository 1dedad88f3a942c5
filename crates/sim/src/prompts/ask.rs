//! What somebody asks of the service, and what the world knows to be true about it.

use pushback_verify::{
    Accepts, Attempt, AttemptId, AuthenticatorId, Command, DeviceId, KnownDeviceProof, PromptId,
    Purpose, Requester, SubscriberId, Text,
};

use super::fault::ActNo;
use super::people::{Browser, relying_party};

/// What is true about a request, whatever the service makes of it. The laws judge by this and never
/// by what the service believes.
#[derive(Clone, Debug)]
pub(crate) enum Claim {
    /// It proves nothing; nothing may succeed on it.
    Nothing,
    /// The owner starts a sign-in from the usual browser.
    OwnStart { device: DeviceId },
    /// Somebody with the owner's phone in hand typed this for this prompt.
    Code { prompt: PromptId, typed: String, phone: AuthenticatorId },
    /// The owner's passkey, with their finger on it, for this attempt.
    Passkey { key: AuthenticatorId },
    /// The right time-based code of this step.
    Totp { key: AuthenticatorId, step: u64 },
    /// The machine's own certificate.
    Certificate { key: AuthenticatorId },
    /// Two right proofs of different kinds.
    Recovery,
    /// The right binding code.
    Binding,
    /// An operator, or a passkey's success, restores push.
    Restore,
    /// The owner reports.
    Report,
}

/// What the asker does with the answer.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    Nothing,
    /// The owner looks at the sign-in screen.
    OwnStarted {
        browser: Browser,
        rp: u8,
        tries: u8,
        manages: Option<Managed>,
    },
    /// The owner has typed the code, or used the passkey.
    OwnProved {
        attempt: AttemptId,
        browser: Browser,
        manages: Option<Managed>,
    },
    /// A binding code was asked for; this is its number.
    CodeIssued {
        number: u64,
    },
    /// A new phone was bound.
    PhoneBound,
    /// The stranger has a code on their screen and maybe the owner on the line.
    StrangerStarted {
        calls: bool,
        cancels_after_ms: Option<i64>,
    },
    /// A recovery code was sent to an address; this is its number.
    AddressCoded {
        is_right: bool,
        number: u64,
    },
    /// Both proofs of a recovery were typed.
    RecoveryTyped {
        attempt: AttemptId,
        saved: u64,
    },
    /// The help desk asked for a reset.
    ResetAsked {
        is_wanted: bool,
    },
    /// A reset was confirmed.
    ResetConfirmed,
    /// A caller check was started.
    CallerChecked {
        is_real: bool,
    },
}

/// What an owner changes about their own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Managed {
    NewPhone,
    RestorePush,
}

/// One request to the service.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub who: usize,
    pub act: ActNo,
    pub command: Command,
    pub claim: Claim,
    pub then: Then,
    /// How often it is sent again when no answer comes.
    pub repeats: u8,
}

/// Everything that makes an attempt.
#[derive(Clone, Debug)]
pub(crate) struct Try {
    pub id: AttemptId,
    pub purpose: Purpose,
    pub rp: u8,
    pub from: Requester,
    /// Whose cookie, and which device it names.
    pub cookie: Option<(SubscriberId, DeviceId)>,
    pub others_asked: u16,
}

impl Try {
    /// As the shell hands it over; `None` only if a constant of this file is no id.
    pub fn attempt(self) -> Option<Attempt> {
        let (relying_party, name) = relying_party(self.rp)?;
        Some(Attempt {
            id: self.id,
            purpose: self.purpose,
            relying_party,
            relying_party_name: Text::new(name),
            requester: self.from,
            device: self.cookie.map(|(who, device)| KnownDeviceProof::mac_verified(who, device)),
            accepts: Accepts::Any,
            others_asked: self.others_asked,
        })
    }
}
