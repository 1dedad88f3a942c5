//! The shared nouns of Pushback: what every other crate talks about.
//!
//! This crate promises plain values: no clock, no randomness, no files, no sockets. A noun lives
//! here once a second crate needs it. It will never hold rules; those belong to the crate that
//! decides (`normalize`, `detect`, ...).

mod event;
mod incident;
mod key;
mod place;
mod source;
mod time;

pub use event::{Agent, Endpoint, EventKind, Factor, IdentityEvent, Party, Risk};
pub use incident::{
    After, ConfigurationFinding, Evidence, Incident, Origin, PromptCounts, Severity, Stage,
    Subject, SubjectId,
};
pub use key::{Key, key_of, key_of_parts};
pub use place::{Coordinates, country_code};
pub use source::Source;
pub use time::{ParseTimeError, Span, Timestamp};
