//! From vendors' log bytes to identity events.
//!
//! Pure: bytes in, events out; nothing is fetched, nothing is remembered between records but a hint
//! of the vendor. A record that cannot be read is a value ([`Reject`]), never a panic.

mod auth0;
mod aws;
mod duo;
mod entra;
#[cfg(test)]
mod fixture;
pub mod frame;
mod google;
mod keycloak;
mod m365;
mod mapping;
pub mod ocsf;
mod okta;
mod onelogin;
mod ping;
mod text;
mod value;
mod windows;
mod wrapped;

use pushback_model::{IdentityEvent, Source};

pub use mapping::{KeycloakMapping, Mapping, OktaMapping, OneLoginMapping};

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
    #[error("{vendor}: {missing} is missing or malformed")]
    Incomplete {
        /// The vendor.
        vendor: Source,
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

/// Reads records of every supported vendor.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    mapping: Mapping,
}

/// What a thread remembers from one record to the next: only which vendor to try first. It never
/// changes what is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hint {
    last: Option<Source>,
}

impl Reader {
    /// A reader with a policy's additions.
    #[must_use]
    pub fn new(mapping: Mapping) -> Self {
        Self { mapping }
    }

    /// Reads one record: recognises vendor and shape, takes off wrappers, hands every identity event
    /// in it to `sink`.
    ///
    /// # Errors
    /// [`Reject`] if the record could not be read; events handed over before that stand.
    pub fn read(
        &self,
        record: &[u8],
        hint: &mut Hint,
        sink: &mut Sink<'_>,
    ) -> Result<Read, Reject> {
        if record.len() > RECORD_BYTES_MAX {
            return Err(Reject::TooLong);
        }
        let _ = &hint.last;
        match serde_json::from_slice(record) {
            Ok(value) => wrapped::read(&value, record, &self.mapping, sink, 0),
            Err(error) => {
                let text = str::from_utf8(record).map_err(|_| Reject::Encoding)?;
                wrapped::read_text(text, &self.mapping, sink)
                    .unwrap_or_else(|| Err(Reject::Syntax(error.to_string())))
            }
        }
    }

    /// The vendor, if a glance shows that this line holds nothing that [`Reader::read`] would turn
    /// into an event. `None` means "read it".
    #[must_use]
    pub fn is_ignorable(&self, _line: &[u8]) -> Option<Source> {
        None
    }
}
