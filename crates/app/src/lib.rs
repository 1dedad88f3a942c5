//! The use cases of the prompt service: load, decide, commit, act.
//!
//! Each file is one use case. It loads what the rules need, lets `pushback-verify` decide, and
//! commits document, audit entries and effects together. Nothing leaves before that commit. What the
//! rules cannot check themselves is checked here: signatures, capabilities, ceremonies, secrets.
//!
//! A failure is never a success: every error of this crate means "not verified".

mod account;
mod attempts;
mod binding;
mod cache;
mod capability;
mod ceremonies;
mod certificates;
mod clocks;
mod directory;
mod disputes;
mod documents;
mod edges;
mod encoding;
mod error;
mod lanes;
mod left;
mod lookalikes;
mod mailbox;
mod models;
mod node_clock;
mod operators;
mod other_proofs;
mod passkeys;
mod phone;
mod prompts;
mod proof;
mod push_address;
mod receipts;
mod record;
mod recovery;
mod refused_sign_ins;
mod relying_parties;
mod restored;
mod service_keys;
mod signals;
mod sources;
mod stops;
mod subscriber;
mod sweeps;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tokens;
mod totp;
mod totps;
mod turns;
mod worker;

use std::sync::Arc;

use pushback_store::Store;
use pushback_verify::{Policy, SubscriberState};
use url::Url;
use webauthn_rs::{Webauthn, WebauthnBuilder};

pub use account::{Account, AuthenticatorView, CallView, HistoryItem, Management, SessionView};
pub use attempts::{AttemptState, AttemptView, Browser, DecisionView, NewAttempt, PageView};
pub use binding::{BoundPhone, Invitation, NewPhone};
pub use capability::{CapabilityKey, DeviceCookie, KEY_BYTES, Link};
pub use ceremonies::AcceptedPasskeys;
pub use certificates::{CertificateError, ClientCertificate};
pub use clocks::ClocksSetRight;
pub use directory::{AuditChain, AuditVerdict, IncidentView, SubscriberRow, SubscriberView};
pub use edges::{Clock, Entropy, SystemClock, SystemEntropy};
pub use encoding::{from_base64url, sha256, to_base64url};
pub use error::{AppError, whole};
pub use models::{Aaguid, ModelError, PasskeyModels};
pub use node_clock::ClockDoubt;
pub use operators::{Operator, OperatorSession};
pub use phone::{Phone, PhoneRequest};
pub use prompts::{Answered, PromptView, Prompts, SaidBy, SignedAnswer};
pub use proof::{
    CLOCK_OFF_MAX_MS, ProofError, PublicKey, Said, SignedRequest, answer_text, binding_text,
    request_text,
};
pub use record::{EVENT_FORMAT, Recorded};
pub use recovery::{MailedCode, NoticeAddress, Recovery};
pub use relying_parties::{NewRelyingParty, RelyingParty};
pub use restored::{Recheck, Restored, recheck};
pub use service_keys::{KEYS_OVERLAP, RenewedKeys};
pub use signals::{Signal, SignalKind, Signals};
pub use stops::{StopLink, Stops};
pub use tokens::{Claims, TOKEN_LIFE, TokenError, TokenKey};
pub use totps::NewTotp;
pub use worker::{Notice, Outside, PushSubscription, Sent};

/// What all use cases share. Cheap to clone; all clones are one service.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    policy: Policy,
    name: String,
    origin: Url,
    webauthn: Webauthn,
    models: PasskeyModels,
    keys: service_keys::ServiceKeys,
    clock: Arc<dyn Clock>,
    node_clock: node_clock::NodeClock,
    entropy: Arc<dyn Entropy>,
    receipts: Option<pushback_store::Signer>,
    sources: sources::Sources,
    states: cache::Cache<SubscriberState>,
    attempts: cache::Cache<documents::AttemptRecord>,
    phones: cache::Cache<phone::KnownPhone>,
    parties: cache::Cache<RelyingParty>,
    lanes: lanes::Lanes,
    left: left::Left,
    rounds: worker::Rounds,
    swept: sweeps::SweptAttempts,
    refused_sign_ins: refused_sign_ins::RefusedSignIns,
    turns: Arc<turns::Turns>,
}

/// What an [`App`] is made of.
pub struct Parts {
    /// State.
    pub store: Store,
    /// The rules' numbers; without problems.
    pub policy: Policy,
    /// What the service is called, on phones and pages.
    pub name: String,
    /// The address under which people reach the service: issuer of tokens and origin of passkeys.
    pub origin: Url,
    /// Which authenticators may be bound as passkeys.
    pub models: PasskeyModels,
    /// Signs tokens, unless it was renewed.
    pub tokens: TokenKey,
    /// Authenticates links and device cookies, unless it was renewed; hides names for ever.
    pub capabilities: CapabilityKey,
    /// Signs receipts; without, there are none.
    pub receipts: Option<pushback_store::Signer>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
}

impl App {
    /// The use cases over these parts.
    ///
    /// # Errors
    /// [`AppError::Policy`] if the policy has problems; [`AppError::Setup`] if the origin is none for
    /// passkeys (they need a name, not an address, and HTTPS except on `localhost`).
    pub fn new(parts: Parts) -> Result<Self, AppError> {
        let problems = parts.policy.problems();
        if !problems.is_empty() {
            let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return Err(AppError::Policy(words.join("; ")));
        }
        let Parts { store, policy, name, origin, models, .. } = parts;
        let Parts { tokens, capabilities, receipts, clock, entropy, .. } = parts;
        let domain = origin.domain().ok_or_else(|| {
            AppError::Setup(format!("{origin} has no host name, but passkeys need one"))
        })?;
        let webauthn = WebauthnBuilder::new(domain, &origin)
            .and_then(|builder| builder.rp_name(&name).build())
            .map_err(|error| AppError::Setup(format!("{origin} cannot have passkeys: {error}")))?;
        let sources = sources::Sources::default();
        let life = policy.trust.device_life();
        let keys = service_keys::ServiceKeys::begin(tokens, capabilities, life);
        let inner = Inner {
            store,
            policy,
            name,
            origin,
            webauthn,
            models,
            keys,
            clock,
            node_clock: node_clock::NodeClock::default(),
            entropy,
            receipts,
            sources,
            states: cache::Cache::default(),
            attempts: cache::Cache::default(),
            phones: cache::Cache::default(),
            parties: cache::Cache::default(),
            lanes: lanes::Lanes::default(),
            left: left::Left::default(),
            rounds: worker::Rounds::default(),
            swept: sweeps::SweptAttempts::default(),
            refused_sign_ins: refused_sign_ins::RefusedSignIns::default(),
            turns: Arc::default(),
        };
        let app = Self { inner: Arc::new(inner) };
        // The first look is what later ones are compared with.
        let _ = app.clock_doubt();
        Ok(app)
    }

    /// What the service is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Where people reach the service.
    #[must_use]
    pub fn origin(&self) -> &Url {
        &self.inner.origin
    }

    /// The rules' numbers.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// The state; for health, metrics and the chores of an operator.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// How often a document that was wanted was in this node's memory, and how often it was not; since
    /// the start.
    #[must_use]
    pub fn documents_in_memory(&self) -> (u64, u64) {
        let Inner { states, attempts, phones, .. } = &*self.inner;
        let all = [states.counts(), attempts.counts(), phones.counts()];
        all.into_iter().fold((0, 0), |(found, not), (more, less)| (found + more, not + less))
    }

    /// How many decisions were refused since the start, because too many waited for one subscriber.
    #[must_use]
    pub fn decisions_refused(&self) -> u64 {
        self.inner.turns.refused()
    }

    /// This node's time.
    #[must_use]
    pub fn now(&self) -> pushback_model::Timestamp {
        self.inner.clock.now()
    }

    /// An address of this service.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.inner.origin.as_str().trim_end_matches('/'))
    }
}
