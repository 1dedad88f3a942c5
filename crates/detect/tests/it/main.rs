//! Detection from the outside: events in, incidents out.

#![expect(clippy::indexing_slicing, reason = "a test that indexes wrongly should fail")]

mod doubts;
mod elsewhere;
mod entries;
mod laws;
mod log;
mod lookalikes;
mod patterns;
mod rows;
mod shapes;
mod threats;
mod traces;
mod undone;
mod unsaid;
mod whose;
