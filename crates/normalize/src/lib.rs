//! From vendors' log bytes to identity events.
//!
//! Pure: bytes in, events out; nothing is fetched, nothing is remembered between records but a hint
//! of the vendor. A record that cannot be read is a value ([`Reject`]), never a panic.

mod auth0;
mod aws;
#[cfg(test)]
mod bent;
mod duo;
mod entra;
#[cfg(test)]
mod fixture;
pub mod frame;
mod google;
mod json;
mod keycloak;
mod m365;
mod mapping;
mod microsoft;
pub mod ocsf;
mod okta;
mod onelogin;
mod ping;
mod pushback;
mod repair;
#[cfg(test)]
mod testing;
mod text;
mod value;
mod windows;
mod wrapped;

use pushback_model::{IdentityEvent, Source};
use serde::de::IgnoredAny;

use json::Fault;

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

/// Length at which the name of an unknown kind of record is cut off. Vendors' names stay below 100,
/// and callers count by name.
pub const UNKNOWN_BYTES_MAX: usize = 128;

/// Where events go.
pub type Sink<'s> = dyn FnMut(&IdentityEvent<'_>) + 's;

/// Reads records of every supported vendor.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    mapping: Mapping,
    okta: okta::Prefilter,
}

/// What a thread remembers from one record to the next: only which vendor to try first. It never
/// changes what is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hint {
    first: Fast,
}

/// The vendors whose records are read without building a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fast {
    #[default]
    Okta,
    Duo,
    Entra,
}

impl Fast {
    /// Every one of them, beginning with this one. The vendors' marks exclude each other, so the
    /// order changes the time only.
    const fn order(self) -> [Self; 3] {
        match self {
            Self::Okta => [Self::Okta, Self::Duo, Self::Entra],
            Self::Duo => [Self::Duo, Self::Okta, Self::Entra],
            Self::Entra => [Self::Entra, Self::Okta, Self::Duo],
        }
    }
}

impl Reader {
    /// A reader with a policy's additions.
    #[must_use]
    pub fn new(mapping: Mapping) -> Self {
        Self { mapping, okta: okta::Prefilter::default() }
    }

    /// Reads one record: recognises vendor and shape, takes off wrappers, hands every identity event
    /// in it to `sink`. Several objects one after the other are read one by one.
    ///
    /// What is stepped over is not checked in full; [`Reader::check`] does that.
    ///
    /// # Errors
    /// [`Reject`] if the record could not be read, or one of several inside it; events handed over
    /// stand.
    pub fn read(
        &self,
        record: &[u8],
        hint: &mut Hint,
        sink: &mut Sink<'_>,
    ) -> Result<Read, Reject> {
        if record.len() > RECORD_BYTES_MAX {
            return Err(Reject::TooLong);
        }
        let record = simdutf8::basic::from_utf8(record).map_err(|_| Reject::Encoding)?;
        match self.read_within(record, hint, sink, wrapped::LAYERS_MAX) {
            Ok(Read::Unknown(source, mut name)) => {
                let end = name.floor_char_boundary(UNKNOWN_BYTES_MAX);
                name.truncate(end);
                Ok(Read::Unknown(source, name))
            }
            read => read,
        }
    }

    /// Reads a record from which `layers` more wrappers may be taken off.
    fn read_within(
        &self,
        record: &str,
        hint: &mut Hint,
        sink: &mut Sink<'_>,
        layers: usize,
    ) -> Result<Read, Reject> {
        match record.trim_ascii_start().as_bytes().first() {
            Some(b'{') => {}
            Some(b'[') => return self.read_wrapped(record, hint, sink, layers),
            _ => return self.read_text(record, sink),
        }
        let mut broken = None;
        for vendor in hint.first.order() {
            let read = match vendor {
                Fast::Okta => okta::read(record, &self.mapping, sink),
                Fast::Duo => duo::read_authentication(record, sink),
                Fast::Entra => entra::read_sign_in(record, sink),
            };
            match read {
                Ok(None) => {}
                Ok(Some(result)) => {
                    hint.first = vendor;
                    return result;
                }
                // What one vendor's reader looks into another's steps over: whose record it is, and what
                // is wrong with it, must not depend on who is asked first.
                Err(Fault::TooDeep) => broken = Some(Fault::TooDeep),
                Err(Fault::Syntax) => broken = broken.or(Some(Fault::Syntax)),
            }
        }
        if let Some(fault) = broken {
            return self.read_again(record, hint, sink, layers, rejection(record, fault));
        }
        let value = match serde_json::from_str(record) {
            Ok(value) => value,
            Err(error) => return self.read_again(record, hint, sink, layers, syntax(&error)),
        };
        match wrapped::reader_of(&value) {
            Some(reader) => reader(&value, record.as_bytes(), &self.mapping, sink),
            None => self.read_wrapped(record, hint, sink, layers),
        }
    }

    /// Tries a refused record again: each of its objects, if it is several, or else without half
    /// characters, if it has any.
    #[cold]
    fn read_again(
        &self,
        record: &str,
        hint: &mut Hint,
        sink: &mut Sink<'_>,
        layers: usize,
        reject: Reject,
    ) -> Result<Read, Reject> {
        if self.may_take_apart(record) {
            return self.read_objects(record, hint, sink, layers);
        }
        // What is put in is ASCII in the place of ASCII, so this is UTF-8 as before.
        match repair::without_lone_surrogates(record.as_bytes()).map(String::from_utf8) {
            Some(Ok(repaired)) => self.read_within(&repaired, hint, sink, layers),
            _ => Err(reject),
        }
    }

    /// Whether a refused record is several objects that may be read one by one.
    ///
    // SECURITY: what a glance at the whole passes over must not be read after all, or the same file would
    // give other events the next time. Guarded by `a_line_that_a_glance_passes_over_is_not_read_after_all`.
    fn may_take_apart(&self, record: &str) -> bool {
        let is_glanced_at = |text: &str| self.okta.is_enough(text.as_bytes(), &self.mapping);
        wrapped::are_objects(record)
            && (!is_glanced_at(record) || wrapped::objects(record).all(is_glanced_at))
    }

    fn read_text(&self, text: &str, sink: &mut Sink<'_>) -> Result<Read, Reject> {
        wrapped::read_text(text, &self.mapping, sink).unwrap_or_else(|| {
            Err(match serde_json::from_str::<IgnoredAny>(text) {
                Ok(_) => Reject::Unrecognised,
                Err(error) => Reject::Syntax(error.to_string()),
            })
        })
    }

    /// Whether a record is well-formed throughout, also where [`Reader::read`] does not look.
    ///
    /// # Errors
    /// [`Reject`] if it is not.
    pub fn check(&self, record: &[u8]) -> Result<(), Reject> {
        if record.len() > RECORD_BYTES_MAX {
            return Err(Reject::TooLong);
        }
        let text = str::from_utf8(record).map_err(|_| Reject::Encoding)?;
        match serde_json::from_str::<IgnoredAny>(text) {
            Err(error) if !wrapped::recognises_text(text) && !wrapped::are_objects(text) => {
                Err(syntax(&error))
            }
            _ => Ok(()),
        }
    }

    /// Handles a line that a glance is enough for; `None` means "[`Reader::read`] it".
    ///
    /// Of single sign-ons, half of what a busy log holds, `sink` gets the gist: whose, when, from where
    /// and in which session, but neither the application nor the vendor's words. That is all that
    /// detection asks of them. Like a line that is passed over, such a line is not checked throughout.
    pub fn glance(&self, line: &[u8], sink: &mut Sink<'_>) -> Option<Read> {
        self.okta.glance(line, &self.mapping, sink)
    }

    /// The vendor, if a glance shows that this line holds nothing that [`Reader::read`] would turn
    /// into an event. `None` means "read it".
    ///
    /// Sound, not complete: see `docs/design/decisions/0002-prefilter.md`.
    #[must_use]
    pub fn is_ignorable(&self, line: &[u8]) -> Option<Source> {
        self.okta.is_ignorable(line, &self.mapping).then_some(Source::Okta)
    }
}

/// The words for a fault: `serde_json` knows the line and column.
#[cold]
fn rejection(record: &str, fault: Fault) -> Reject {
    match fault {
        Fault::TooDeep => Reject::TooDeep,
        Fault::Syntax => match serde_json::from_str::<IgnoredAny>(record) {
            Err(error) => syntax(&error),
            Ok(_) => Reject::Syntax("malformed".to_owned()),
        },
    }
}

#[cold]
fn syntax(error: &serde_json::Error) -> Reject {
    let words = error.to_string();
    if words.starts_with("recursion limit") { Reject::TooDeep } else { Reject::Syntax(words) }
}

#[cfg(test)]
mod tests;
