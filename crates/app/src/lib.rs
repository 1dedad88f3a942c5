//! The use cases of the prompt service: load, decide, commit, act.
//!
//! Each file is one use case. It loads what the rules need, lets `pushback-verify` decide, and commits
//! document, audit entries and effects together. Nothing leaves before that commit. What the rules
//! cannot check themselves is checked here: signatures, capabilities, secrets of relying parties.
//!
//! A failure is never a success: every error of this crate means "not verified".

mod attempts;
mod binding;
mod capability;
mod documents;
mod edges;
mod encoding;
mod error;
mod phone;
mod proof;
mod relying_parties;
mod subscriber;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::Arc;

use pushback_store::Store;
use pushback_verify::Policy;

pub use attempts::{AttemptState, AttemptView, DecisionView, NewAttempt};
pub use binding::{BoundPhone, Invitation, NewPhone};
pub use capability::{CapabilityKey, DeviceCookie, KEY_BYTES, Link};
pub use edges::{Clock, Entropy, SystemClock, SystemEntropy};
pub use error::AppError;
pub use phone::{Answered, OpenPromptView, PhoneRequest, SaidBy, SignedAnswer};
pub use proof::{
    CLOCK_OFF_MAX_MS, ProofError, PublicKey, Said, SignedRequest, answer_text, binding_text,
};
pub use relying_parties::{NewRelyingParty, RelyingParty};
pub use subscriber::EFFECTS_TOPIC;
pub use tokens::{Claims, TOKEN_LIFE, TokenError, TokenKey};

/// What all use cases share.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    policy: Policy,
    issuer: String,
    tokens: TokenKey,
    capabilities: CapabilityKey,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What an [`App`] is made of.
pub struct Parts {
    /// State.
    pub store: Store,
    /// The rules' numbers; without problems.
    pub policy: Policy,
    /// The address under which the service is reached, for tokens: `https://mfa.example.org`.
    pub issuer: String,
    /// Signs tokens.
    pub tokens: TokenKey,
    /// Authenticates links and device cookies.
    pub capabilities: CapabilityKey,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
}

impl App {
    /// The use cases over these parts.
    ///
    /// # Errors
    /// [`AppError::Policy`] if the policy has problems.
    pub fn new(parts: Parts) -> Result<Self, AppError> {
        let problems = parts.policy.problems();
        if !problems.is_empty() {
            let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return Err(AppError::Policy(words.join("; ")));
        }
        let Parts { store, policy, issuer, tokens, capabilities, clock, entropy } = parts;
        let inner = Inner { store, policy, issuer, tokens, capabilities, clock, entropy };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The public half of the token key, for `/.well-known/jwks.json`.
    #[must_use]
    pub fn jwk(&self) -> &serde_json::Value {
        self.inner.tokens.jwk()
    }
}
