//! The native API as programs meet it: over HTTP, through the real router, on a real database.
//!
//! Whatever a test sends and gets is compared with `docs/reference/openapi.json` on the way.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that fails says where, one that is skipped says why"
)]

mod attempts;
mod bench;
mod certificates;
mod digest;
mod document;
mod every;
mod failure;
mod live;
mod machines;
mod notices;
mod page;
mod passkeys;
mod phone;
mod recovery;
mod secrets;
mod signals;
mod totps;
