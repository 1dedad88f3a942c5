//! What people and programs get to see of a scan.
//!
//! One model ([`Report`]) feeds every format, so no two formats can disagree. Everything that comes
//! out of a record passes [`sanitise`](text::sanitise) or an equivalent escape first: nothing in a
//! log can steer a terminal, run in a page or start a formula. Nothing here reads a clock, a file or
//! the environment; width, colour and limits are arguments. The same input gives the same bytes.

pub mod csv;
pub mod explain;
pub mod html;
pub mod json;
pub mod marks;
pub mod ocsf;
pub mod terminal;
pub mod text;
pub mod view;
pub mod words;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use view::{PassedOver, ReadSummary, Rejects, Report, TimelineItem};
