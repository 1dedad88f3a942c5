//! The documents beside the subscribers' own, and how they are read and written.

use std::collections::BTreeMap;

use pushback_model::Timestamp;
use pushback_store::{Document, Key, Store, StoreError, Version};
use pushback_verify::{Accepts, Purpose, Requester};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::{Passkey, PasskeyAuthentication};

use crate::AppError;
use crate::certificates::Fingerprint;
use crate::models::Binding;
use crate::proof::PublicKey;
use crate::totp::TotpSecret;
use crate::worker::PushSubscription;

/// A document of a kind.
pub(crate) trait Kind: Serialize + DeserializeOwned {
    /// The kind's name in the store.
    const NAME: &'static str;

    /// Where the document with this id is.
    fn key(id: &str) -> Result<Key, StoreError> {
        Key::new(Self::NAME, id)
    }

    /// The document and its version; `None` if there is none, or if the id could be no one's.
    async fn load(store: &Store, id: &str) -> Result<Option<(Self, Version)>, AppError> {
        let Ok(key) = Self::key(id) else { return Ok(None) };
        match store.load(&key).await? {
            Some(document) => Self::read(&document).map(Some),
            None => Ok(None),
        }
    }

    /// Reads a document.
    fn read(document: &Document) -> Result<(Self, Version), AppError> {
        serde_json::from_slice(&document.body)
            .map(|read| (read, document.version))
            .map_err(|source| AppError::Document { kind: Self::NAME, source })
    }

    /// The document's bytes.
    fn bytes(&self) -> Result<Vec<u8>, AppError> {
        Ok(serde_json::to_vec(self)?)
    }
}

/// The keys of a subscriber's authenticators, by serial. The rules know digests only.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Keys {
    #[serde(default)]
    pub phones: BTreeMap<u64, PhoneKey>,
    #[serde(default)]
    pub passkeys: BTreeMap<u64, Passkey>,
    /// Secrets of apps with codes by time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub totps: BTreeMap<u64, TotpSecret>,
    /// SHA-256 of the public keys of certificates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub certificates: BTreeMap<u64, Fingerprint>,
}

impl Kind for Keys {
    const NAME: &'static str = "keys";
}

/// What is kept of a phone.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PhoneKey {
    /// Its public id.
    pub id: String,
    pub key: PublicKey,
    /// Where to knock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<PushSubscription>,
}

/// Whose authenticator it is, by its public id.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AuthenticatorRecord {
    pub subscriber: String,
    pub serial: u64,
}

impl Kind for AuthenticatorRecord {
    const NAME: &'static str = "authenticator";
}

/// What is kept of an attempt beside its prompt.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AttemptRecord {
    pub relying_party: String,
    pub relying_party_name: String,
    /// The name that the relying party gave, in small letters.
    pub subscriber: String,
    /// In whose document it is: the subscriber's own, or a decoy's.
    pub document: String,
    #[serde(default)]
    pub is_decoy: bool,
    pub purpose: Purpose,
    pub requester: Requester,
    /// The known device whose cookie came with it.
    #[serde(default)]
    pub device: Option<u64>,
    /// The bound phone that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<u64>,
    #[serde(default)]
    pub phishing_resistant_only: bool,
    #[serde(default)]
    pub return_url: Option<String>,
    pub started_at: Timestamp,
    pub decision: StoredDecision,
    /// An open passkey ceremony; used once.
    #[serde(default)]
    pub challenge: Option<PasskeyAuthentication>,
    /// When it began. One of before this was written down is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge_at: Option<Timestamp>,
    /// Set once, by the commit that verified it.
    #[serde(default)]
    pub success: Option<Success>,
    /// Given up while there was no prompt. That of a prompt is the rules' to say.
    #[serde(default)]
    pub is_cancelled: bool,
    /// Other subscribers for whom the same source had asked.
    #[serde(default)]
    pub others_asked: u16,
    /// The digest of what the first browser was given that opened its page: no other shows the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Codes and certificates that were refused for it.
    #[serde(default)]
    pub proofs_refused: u8,
    /// How often its page asked for a mailed code, or tried a pair of recovery codes.
    #[serde(default)]
    pub recoveries: u8,
}

impl AttemptRecord {
    /// What whoever asked accepts. What is proven on the page of a sign-in comes back only where the
    /// browser does; what the app asked for goes back to the app in that browser.
    pub(crate) const fn accepts(&self) -> Accepts {
        if self.phishing_resistant_only {
            Accepts::PhishingResistant
        } else if matches!(self.purpose, Purpose::SignIn) && self.return_url.is_none() {
            Accepts::PhoneOnly
        } else {
            Accepts::Any
        }
    }
}

/// What was decided when the attempt began. The code is not here: it is the prompt's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredDecision {
    pub kind: DecisionKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<pushback_verify::Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(default)]
    pub passkey: bool,
    #[serde(default)]
    pub totp: bool,
}

/// The kinds of decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DecisionKind {
    Prompt,
    Quiet,
    PasskeyOnly,
    Wait,
    Refuse,
}

/// How an attempt succeeded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Success {
    pub at: Timestamp,
    /// The value of `acr` in the token.
    pub acr: String,
    /// The value of `amr` in the token.
    pub amr: Vec<String>,
    /// The value of the device cookie that the browser gets.
    pub browser: Option<String>,
    pub token_id: String,
    /// It counts for whoever asked against the completion alone, which one browser carries: that which
    /// proved it on the hosted page.
    #[serde(default)]
    pub is_carried: bool,
    /// Typed on the phone: it is the browser that showed the code which carries it.
    #[serde(default)]
    pub is_the_holders: bool,
}

impl Success {
    /// The same, proven on the hosted page.
    pub(crate) fn on_the_page(self) -> Self {
        Self { is_carried: true, ..self }
    }

    /// The same, for a code that the hosted page showed.
    pub(crate) fn by_the_pages_code(self) -> Self {
        Self { is_carried: true, is_the_holders: true, ..self }
    }
}

impl Kind for AttemptRecord {
    const NAME: &'static str = "attempt";
}

/// A passkey registration that has begun; used once.
#[derive(Serialize, Deserialize)]
pub(crate) struct Registration {
    /// For whom: a subscriber's or an operator's name.
    pub whose: String,
    /// The binding code that allows it; nobody else is told.
    pub code: String,
    pub state: Binding,
    pub expires_at: Timestamp,
}

impl Kind for Registration {
    const NAME: &'static str = "registration";
}

/// An incident, so that reviewers find it without walking through all subscribers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IncidentRecord {
    pub subscriber: String,
    pub incident: u64,
    pub cause: pushback_verify::IncidentCause,
    pub opened_at: Timestamp,
}

impl Kind for IncidentRecord {
    const NAME: &'static str = "incident";
}
