//! An attempt, as those see it who wait for it.

use pushback_model::Timestamp;
use pushback_verify::Reason;

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptState {
    /// A prompt is open.
    Pending,
    /// There is no prompt; the decision says why and what to do.
    Held,
    /// The subscriber has proven themselves on the hosted page; the browser in which they did brings the
    /// completion to the relying party.
    Proven,
    /// The subscriber has proven themselves.
    Verified,
    /// The subscriber said no, or too many wrong codes did.
    Denied,
    /// The subscriber said no and reported it.
    Reported,
    /// Nobody answered in time, or another attempt took its place.
    Expired,
    /// The relying party or the person at the page gave up.
    Cancelled,
}

impl AttemptState {
    /// The name in machine output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Held => "held",
            Self::Proven => "proven",
            Self::Verified => "verified",
            Self::Denied => "denied",
            Self::Reported => "reported",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the subscriber can still prove themselves for it.
    #[must_use]
    pub const fn is_live(self) -> bool {
        match self {
            Self::Pending | Self::Held => true,
            Self::Proven
            | Self::Verified
            | Self::Denied
            | Self::Reported
            | Self::Expired
            | Self::Cancelled => false,
        }
    }
}

/// What was decided when the attempt began.
#[derive(Clone, PartialEq, Eq)]
pub enum DecisionView {
    /// Show this code and wait.
    Prompt {
        /// The match code, for the sign-in screen only; absent when the prompt is over.
        code: Option<String>,
        /// From then on it is worthless.
        expires_at: Timestamp,
        /// Why the phone does not ring, if it does not: the owner opens the app.
        quiet: Option<Reason>,
    },
    /// Ask again from then on.
    Wait {
        /// When.
        until: Timestamp,
        /// Why.
        reason: Reason,
    },
    /// Only a passkey gets in.
    PasskeyOnly(Reason),
    /// No.
    Refused(Reason),
}

impl std::fmt::Debug for DecisionView {
    /// Without the code.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prompt { expires_at, quiet, .. } => f
                .debug_struct("Prompt")
                .field("expires_at", expires_at)
                .field("quiet", quiet)
                .finish_non_exhaustive(),
            Self::Wait { until, reason } => {
                f.debug_struct("Wait").field("until", until).field("reason", reason).finish()
            }
            Self::PasskeyOnly(reason) => f.debug_tuple("PasskeyOnly").field(reason).finish(),
            Self::Refused(reason) => f.debug_tuple("Refused").field(reason).finish(),
        }
    }
}

/// An attempt, as its relying party sees it.
#[derive(Clone, Debug)]
pub struct AttemptView {
    /// Its id.
    pub id: String,
    /// Changes whenever anything else here does.
    pub version: String,
    /// Where it stands.
    pub state: AttemptState,
    /// What was decided when it began.
    pub decision: DecisionView,
    /// Whether a passkey may be used for it.
    pub can_use_passkey: bool,
    /// Whether a code of another app may be typed for it.
    pub can_use_totp: bool,
    /// Whether a client certificate would be looked at; whether one is bound is not said.
    pub can_use_certificate: bool,
    /// The address of its hosted page.
    pub page_url: String,
    /// The signed token, if it was verified.
    pub token: Option<String>,
    /// The device cookie that the browser is to keep, if it was verified.
    pub browser: Option<String>,
    /// For the browser only in which it was proven: what the relying party needs for the token.
    pub completion: Option<String>,
}

/// An attempt, as its hosted page sees it.
#[derive(Clone, Debug)]
pub struct PageView {
    /// The attempt.
    pub attempt: AttemptView,
    /// The name of the relying party.
    pub application: String,
    /// Whether it is no sign-in: a bound phone asks to change what can answer.
    pub is_management: bool,
    /// Where the browser goes when it is over.
    pub return_url: Option<String>,
    /// When the attempt began.
    pub started_at: Timestamp,
    /// Whether the code, if there is one, is shown elsewhere and not here.
    pub is_elsewhere: bool,
    /// The name of the browser that holds the page, for it to keep.
    pub browser: Option<String>,
}
