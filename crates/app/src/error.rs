//! What can go wrong in a use case.

use pushback_model::Timestamp;
use pushback_store::StoreError;
use pushback_verify::{Reason, StateError};

/// An error with all its causes, in one line: for logs and for whoever runs the service.
pub fn whole(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

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
    /// The service cannot be set up like this.
    #[error("{0}")]
    Setup(String),
    /// A token could not be signed.
    #[error(transparent)]
    Token(#[from] crate::TokenError),
    /// A value that was handed in is none.
    #[error("{0}")]
    Invalid(String),
    /// The same idempotency key came with another request.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// Whoever asks is not who they would have to be. It is not said what was wrong.
    #[error("who is asking is not proven")]
    Unauthenticated,
    /// There is no such authenticator, or no longer.
    #[error("this authenticator is not bound")]
    UnknownAuthenticator,
    /// The request was signed at another time than now.
    #[error("the clock of the device is off by more than a minute")]
    ClockWrong,
    /// This node's clock is not believed, so it decides nothing.
    #[error("{0}")]
    ClockDoubted(crate::ClockDoubt),
    /// A passkey ceremony failed.
    #[error("the passkey was not accepted")]
    Passkey,
    /// The authenticator is none of the models that may be bound; holds which are.
    #[error("only these authenticators are accepted here: {0}")]
    PasskeyModel(String),
    /// A certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] crate::CertificateError),
    /// The rules say no.
    #[error("{}", .0.sentence())]
    Refused(Reason),
    /// The rules say no for now.
    #[error("{}; again from {until} on", .reason.sentence())]
    RefusedUntil {
        /// Why.
        reason: Reason,
        /// The first instant at which asking again can help.
        until: Timestamp,
    },
    /// There is no such thing, or not for whoever asks.
    #[error("there is no such thing")]
    NotFound,
}
