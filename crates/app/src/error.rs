//! What can go wrong in a use case.

use pushback_store::StoreError;
use pushback_verify::StateError;

/// A failure. Whatever it is, nothing was verified.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A subscriber's document cannot be used.
    #[error("a subscriber's document cannot be used")]
    State(#[from] StateError),
    /// A document of another kind cannot be read.
    #[error("a document of kind {kind} cannot be read")]
    Document {
        /// Its kind.
        kind: &'static str,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// Something could not be written as JSON.
    #[error("a document cannot be written")]
    Write(#[from] serde_json::Error),
    /// The store is at a bound.
    #[error("too much is waiting to be written")]
    Busy,
    /// Others changed the same document every time.
    #[error("others were faster every time")]
    Contended,
    /// The policy cannot be used.
    #[error("the policy cannot be used: {0}")]
    Policy(String),
    /// A token could not be signed.
    #[error(transparent)]
    Token(#[from] crate::TokenError),
    /// A name is not one.
    #[error("{0} is not a name that can be used")]
    Name(&'static str),
    /// Whoever asks is not who they would have to be. It is not said what was wrong.
    #[error("who is asking is not proven")]
    Unauthenticated,
    /// There is no such thing, or not for whoever asks.
    #[error("there is no such thing")]
    NotFound,
}
