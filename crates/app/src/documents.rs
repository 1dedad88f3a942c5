//! The documents beside the subscribers' own, and how they are read and written.

use std::collections::BTreeMap;

use pushback_model::Timestamp;
use pushback_store::{Document, Key, Store, StoreError, Version};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::AppError;
use crate::proof::PublicKey;

/// A document of a kind.
pub(crate) trait Kind: Serialize + DeserializeOwned {
    /// The kind's name in the store.
    const NAME: &'static str;

    /// Where the document with this id is.
    fn key(id: &str) -> Result<Key, StoreError> {
        Key::new(Self::NAME, id)
    }

    /// The document and its version; `None` if there is none.
    async fn load(store: &Store, id: &str) -> Result<Option<(Self, Version)>, AppError> {
        match store.load(&Self::key(id)?).await? {
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
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Keys {
    pub phones: BTreeMap<u64, PublicKey>,
}

impl Kind for Keys {
    const NAME: &'static str = "keys";
}

/// Whose authenticator it is, by its public id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AuthenticatorRecord {
    pub subscriber: String,
    pub serial: u64,
}

impl Kind for AuthenticatorRecord {
    const NAME: &'static str = "authenticator";
}

/// What is kept of an attempt beside its prompt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AttemptRecord {
    pub relying_party: String,
    pub subscriber: String,
    pub started_at: Timestamp,
    /// Set once, by the commit that verified it.
    #[serde(default)]
    pub success: Option<Success>,
}

/// How an attempt succeeded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Success {
    pub at: Timestamp,
    /// The value of `acr` in the token.
    pub acr: String,
    /// The value of `amr` in the token.
    pub amr: Vec<String>,
    pub context_digest: String,
    /// The value of the device cookie that the browser gets.
    pub browser: String,
    pub token_id: String,
}

impl Kind for AttemptRecord {
    const NAME: &'static str = "attempt";
}
