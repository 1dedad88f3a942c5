//! From vendors' log bytes to identity events.
//!
//! Pure: bytes in, events out; nothing is fetched, nothing is remembered between records but a hint
//! of the vendor. A record that cannot be read is a value ([`Reject`]), never a panic.

use pushback_model::{IdentityEvent, Source};

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// It held this many identity events, all of them handed over.
    Events(u32),
    /// A known vendor's record of a kind that says nothing about signing in.
    Ignored(Source),
    /// A known vendor's record of a kind that no reader knows; the vendor's name for it.
    Unknown(Source, String),
}

/// Why one record was not read. The record is lost, and only it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// The bytes are not JSON (nor a text form that a reader knows).
    #[error("not JSON: {0}")]
    Syntax(String),
    /// Not UTF-8.
    #[error("not UTF-8")]
    Encoding,
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// Longer than [`RECORD_BYTES_MAX`].
    #[error("longer than {RECORD_BYTES_MAX} bytes")]
    TooLong,
    /// JSON, but no supported vendor writes records like it.
    #[error("no supported vendor writes records like this")]
    Unrecognised,
    /// A vendor's record that lacks what every one must have.
    #[error("{source}: {missing} is missing or malformed")]
    Incomplete {
        /// The vendor.
        source: Source,
        /// The member.
        missing: &'static str,
    },
}

/// Nesting at which a record is refused. Real records stay below 20.
pub const DEPTH_MAX: usize = 128;

/// Length at which a record is refused. Real records stay below 1 MiB.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

/// Where events go.
pub type Sink<'s> = dyn FnMut(&IdentityEvent<'_>) + 's;
